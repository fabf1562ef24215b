import assert from "node:assert/strict";
import { compileFilter, matchReport } from "../../core/gap/rules.js";
import { hex, latin, rejects, rig, unhex } from "../support/rig.js";
import { Catch, chance, event, report, scanning, single, text, type ReportFields, type ScanRule } from "../support/scan.js";

/** Which rule lets a report through, told by the adverts that the application gets: -1 none. The report lies between others. */
function through(rules: any, fields: ReportFields = {}): number {
  const { r, c } = scanning({}, rules);
  r.board.chip.inject(single(fields));
  r.run(5);
  assert.ok(c.adverts.length < 2);
  assert.deepEqual(r.errors, []);
  return c.adverts.length ? c.adverts[0].rule : -1;
}

/** The same with the matcher alone, for many. */
function match(rules: any, fields: ReportFields = {}): number {
  return matchReport(compileFilter(rules), Uint8Array.from([0xee, 0xee, 0xee, ...report(fields), 0xee, 0xee]), 3);
}

function each(cases: [ScanRule, ReportFields, boolean][]): void {
  for (const [rule, fields, passes] of cases) {
    const said = `${JSON.stringify(rule)} on ${JSON.stringify(fields)}`;
    assert.equal(match([rule], fields), passes ? 0 : -1, said);
  }
}

describe("rules: the list", () => {
  it("[{}] lets everything through, as no rules at all do", () => {
    for (const rules of [undefined, [{}]]) {
      for (const fields of [{}, { data: [] }, { rssi: 127 }, { rssi: -127 }, { type: 4, data: new Uint8Array(31) }, { address: "000000000000", addresstype: 0 }]) {
        assert.equal(through(rules, fields), 0);
      }
    }
  });

  it("[] blocks everything", () => {
    for (const fields of [{}, { data: [] }, { type: 4 }]) assert.equal(through([], fields), -1);
  });

  it("keys are joined by and, rules by or, the first that matches counts", () => {
    const rules = [{ type: 0, addresstype: 1 }, { type: 3, minrssi: -50 }, { type: 3 }, {}];
    assert.equal(through(rules, { type: 0, addresstype: 1 }), 0);
    assert.equal(through(rules, { type: 0, addresstype: 0 }), 3);
    assert.equal(through(rules, { type: 3, rssi: -50 }), 1);
    assert.equal(through(rules, { type: 3, rssi: -51 }), 2);
    assert.equal(through(rules.slice(0, 3), { type: 1 }), -1);
    assert.equal(through([{ type: 1 }, {}, { type: 3 }], { type: 3 }), 1);
  });

  it("the index goes beyond a byte", () => {
    const rules = Array.from({ length: 700 }, (_, i) => ({ data: [i & 255, i >> 8, 0xaa] }));
    for (const i of [0, 255, 256, 699]) assert.equal(match(rules, { data: [i & 255, i >> 8, 0xaa] }), i);
    assert.equal(match(rules, { data: [0, 0, 0xab] }), -1);
    assert.equal(through(rules, { data: [300 & 255, 300 >> 8, 0xaa] }), 300);
  });

  it("replaces the whole list each time, also in the middle of a scan", () => {
    const { r, c } = scanning({}, [{ type: 0 }, { type: 2 }]);
    const send = (type: number, n: number): void => void r.board.chip.inject(single({ type, data: [n] }));
    send(0, 1);
    r.run(5).bt.setscanfilter([{ type: 3 }]);
    send(0, 2);
    send(3, 3);
    r.run(5).bt.setscanfilter([]);
    send(3, 4);
    r.run(5).bt.setscanfilter([{}]);
    send(0, 5);
    r.run(5);
    assert.deepEqual(c.adverts.map(({ data, rule }) => [data[0], rule]), [[1, 0], [3, 0], [5, 0]]);
  });
});

describe("rules: address", () => {
  const address = "a1b2c3d4e5f6";

  it("either case, as a string or as bytes", () => {
    for (const text of [address, address.toUpperCase(), "A1b2C3d4E5f6"]) {
      assert.equal(through([{ address: text }], { address }), 0);
      assert.equal(through([{ address: Uint8Array.from(Buffer.from(text)) }], { address }), 0);
      assert.equal(match([{ address: text }], { address: "a1b2c3d4e5f7" }), -1);
      assert.equal(match([{ address: text }], { address: "b1b2c3d4e5f6" }), -1);
    }
  });

  it("is most significant first: not the order of the air", () => {
    assert.equal(match([{ address: "f6e5d4c3b2a1" }], { address }), -1);
  });

  it("_ matches any digit, in every place alone", () => {
    for (let i = 0; i < 12; i++) {
      const mask = address.slice(0, i) + "_" + address.slice(i + 1);
      for (let digit = 0; digit < 16; digit++) {
        const other = address.slice(0, i) + digit.toString(16) + address.slice(i + 1);
        assert.equal(match([{ address: mask }], { address: other }), 0, `${mask} ${other}`);
      }
      for (let k = 0; k < 12; k++) {
        const changed = address.slice(0, k) + ((parseInt(address[k], 16) + 1) & 15).toString(16) + address.slice(k + 1);
        assert.equal(match([{ address: mask }], { address: changed }), k === i ? 0 : -1, `${mask} ${changed}`);
      }
    }
    assert.equal(through([{ address: "____________" }], { address }), 0);
    assert.equal(through([{ address: "A1B2C3______" }], { address }), 0);
    assert.equal(through([{ address: "A1B2C4______" }], { address }), -1);
  });

  it("what an advert says goes into a rule as it is", () => {
    const { r, c } = scanning();
    r.board.chip.inject(single({ address: "00FFABCDEF09" }));
    r.run(5);
    assert.equal(c.adverts[0].address, "00ffabcdef09");
    r.bt.setscanfilter([{ address: c.adverts[0].address }]);
    r.board.chip.inject(single({ address: "00ffabcdef09", data: [7] }));
    r.board.chip.inject(single({ address: "00ffabcdef0a", data: [8] }));
    r.run(5);
    assert.deepEqual(c.numbers, [1, 7]);
  });

  it("is taken with separators too, like every address", () => {
    for (const text of ["a1:b2:c3:d4:e5:f6", "A1-B2-C3-D4-E5-F6", "a1:b2:c3:d4:e5:__"]) {
      assert.equal(match([{ address: text }], { address }), 0, text);
      assert.equal(match([{ address: text }], { address: "a1b2c3d4e4f6" }), -1, text);
    }
  });

  it("zero is an address like any other", () => {
    assert.equal(match([{ address: "000000000000" }], { address: "000000000000" }), 0);
    assert.equal(match([{ address: "000000000000" }], { address: "000000000001" }), -1);
  });
});

describe("rules: numbers", () => {
  it("addresstype", () => {
    each([
      [{ addresstype: 0 }, { addresstype: 0 }, true],
      [{ addresstype: 0 }, { addresstype: 1 }, false],
      [{ addresstype: 1 }, { addresstype: 1 }, true],
      [{ addresstype: 1 }, { addresstype: 0 }, false],
    ]);
  });

  it("type, zero included", () => {
    for (let rule = 0; rule <= 4; rule++) {
      for (let type = 0; type <= 4; type++) assert.equal(match([{ type: rule }], { type }), rule === type ? 0 : -1);
    }
    assert.equal(through([{ type: 0 }], { type: 0 }), 0);
    assert.equal(through([{ type: 0 }], { type: 3 }), -1);
  });

  it("minrssi, every value against every value", () => {
    for (let least = -127; least <= 20; least++) {
      for (let rssi = -127; rssi <= 20; rssi++) {
        if (match([{ minrssi: least }], { rssi }) !== (rssi >= least ? 0 : -1)) assert.fail(`minrssi ${least}, rssi ${rssi}`);
      }
      assert.equal(match([{ minrssi: least }], { rssi: 127 }), -1, `minrssi ${least}, unknown`);
    }
    assert.equal(match([{ minrssi: 0 }], { rssi: -1 }), -1);
    assert.equal(match([{ minrssi: 0 }], { rssi: 0 }), 0);
  });

  it("minrssi finds the RSSI behind data of every length", () => {
    for (let length = 0; length <= 31; length++) {
      const data = new Uint8Array(length).fill(20);
      assert.equal(match([{ minrssi: -90 }], { rssi: -91, data }), -1);
      assert.equal(match([{ minrssi: -90 }], { rssi: -90, data }), 0);
    }
  });
});

describe("rules: data", () => {
  it("is one piece, anywhere", () => {
    each([
      [{ data: "abc" }, { data: "1abc23" }, true],
      [{ data: "abc" }, { data: "1ab2c3" }, false],
      [{ data: "abc" }, { data: "abc" }, true],
      [{ data: "abc" }, { data: "ab" }, false],
      [{ data: "abc" }, { data: "" }, false],
      [{ data: "" }, { data: "" }, true],
      [{ data: "" }, { data: "abc" }, true],
      [{ data: "aab" }, { data: "aaab" }, true],
      [{ data: "abab" }, { data: "abaabab" }, true],
      [{ data: "\x00" }, { data: "\x01\x02\x00" }, true],
      [{ data: "\x00" }, { data: "\x01\x02" }, false],
      [{ data: "\xff\x80" }, { data: [1, 0xff, 0x80] }, true],
      [{ data: [] }, { data: [] }, true],
    ]);
  });

  it("as a string, as bytes, as an array", () => {
    for (const data of ["\x4c\x00\x02", Uint8Array.of(0x4c, 0, 2), [0x4c, 0, 2], Buffer.from([0x4c, 0, 2])]) {
      assert.equal(through([{ data }], { data: [1, 0x4c, 0, 2, 9] }), 0);
      assert.equal(match([{ data }], { data: [1, 0x4c, 0, 3, 9] }), -1);
    }
  });

  it("does not reach beyond the data: not into the RSSI, not into the address, not into the next report", () => {
    assert.equal(match([{ data: [3, 0xc4] }], { data: [1, 2, 3], rssi: -60 }), -1);
    assert.equal(match([{ data: [0xc0, 3] }], { data: [3, 3, 3] }), -1);
    assert.equal(match([{ data: [3, 1] }], { data: [1, 2, 3] }), -1);
    const { r, c } = scanning({}, [{ data: [0x77, 0x88] }]);
    r.board.chip.inject(event([report({ data: [0x77] }), report({ data: [0x88] }), report({ data: [0x88, 0x77] })]));
    r.run(5);
    assert.deepEqual(c.texts, []);
  });

  it("31 bytes in 31, at every place for every length", () => {
    const data = Uint8Array.from({ length: 31 }, (_, i) => i + 1);
    for (let from = 0; from <= 31; from++) {
      for (let to = from; to <= 31; to++) {
        assert.equal(match([{ data: data.slice(from, to) }], { data }), 0);
        if (to > from) {
          const other = data.slice(from, to);
          other[other.length - 1] ^= 0x80;
          assert.equal(match([{ data: other }], { data }), -1);
        }
      }
    }
    assert.equal(through([{ data }], { data }), 0);
    assert.equal(through([{ data }], { data: data.slice(1) }), -1);
  });
});

describe("rules: what belongs to the application", () => {
  it("unknown keys are ignored, functions and nonsense too", () => {
    let called = 0;
    const rule = { type: 3, cb: () => void called++, name: {}, collects: -1, Type: 9, minRssi: 400, rssi: "x", self: null as any };
    rule.self = rule;
    assert.equal(through([rule], {}), 0);
    assert.equal(called, 0);
  });

  it("keys that are undefined are not there", () => {
    const rule = { address: undefined, addresstype: undefined, minrssi: undefined, type: undefined, data: undefined, collect: undefined, collectmax: undefined };
    assert.equal(through([rule], {}), 0);
  });

  it("everything is copied at the call, nothing is written to", () => {
    const address = Uint8Array.from(Buffer.from("C0ffee12345_"));
    const data = [2, 3];
    const rule: ScanRule = { address, data, type: 3, minrssi: -70 };
    const rules: ScanRule[] = [rule, { type: 4 }];
    const before = JSON.stringify(rules);
    const { r, c } = scanning({}, rules);
    assert.equal(JSON.stringify(rules), before);
    address.fill(0x30);
    data[0] = 99;
    rule.type = 0;
    rule.minrssi = 20;
    rules.length = 0;
    r.board.chip.inject(single({}));
    r.run(5);
    assert.deepEqual(c.texts, ["3 1 c0ffee123456 -60 010203 0"]);
  });

  it("frozen rules, and rules without a prototype", () => {
    const bare = Object.assign(Object.create(null), { type: 3 });
    assert.equal(through(Object.freeze([Object.freeze({ type: 0 }), bare]), {}), 1);
  });
});

describe("rules: bad arguments", () => {
  const long = new Uint8Array(32);
  const cases: [string, any, string, (string | number)[]][] = [
    ["nothing", undefined, "rules", ["undefined"]],
    ["null", null, "rules", ["null"]],
    ["a rule that is in no array", { type: 3 }, "rules", []],
    ["a text", "rules", "rules", ["rules"]],
    ["a number among them", [{}, 7], "rules[1]", ["7"]],
    ["null among them", [null], "rules[0]", ["null"]],
    ["a hole", [{}, , {}], "rules[1]", ["undefined"]],
    ["a text among them", [{}, {}, "x"], "rules[2]", ["x"]],
    ["an address of 11 digits", [{ address: "c0ffee12345" }], "address", ["c0ffee12345", "12"]],
    ["an address of 13 digits", [{ address: "c0ffee1234567" }], "address", ["c0ffee1234567", "12"]],
    ["an address with a g", [{ address: "c0ffee12345g" }], "address", ["c0ffee12345g"]],
    ["an address with a blank for a digit", [{ address: "c0ffee12345 " }], "address", []],
    ["an address of 6 bytes", [{ address: Uint8Array.of(1, 2, 3, 4, 5, 6) }], "address", ["12"]],
    ["an empty address", [{ address: "" }], "address", ["12"]],
    ["an address that is a number", [{ address: 123456123456 }], "address", ["123456123456"]],
    ["an address of null", [{ address: null }], "address", ["null"]],
    ["an address beyond bytes", [{ address: "c0ffee12345\u0131" }], "address", []],
    ["addresstype 2", [{ addresstype: 2 }], "addresstype", [2, "0..1"]],
    ["addresstype -1", [{ addresstype: -1 }], "addresstype", [-1]],
    ["addresstype true", [{ addresstype: true }], "addresstype", ["true"]],
    ["addresstype null", [{ addresstype: null }], "addresstype", ["null"]],
    ["minrssi -128", [{ minrssi: -128 }], "minrssi", [-128, -127, 20]],
    ["minrssi 21", [{ minrssi: 21 }], "minrssi", [21, -127, 20]],
    ["minrssi 127", [{ minrssi: 127 }], "minrssi", [127]],
    ["minrssi -60.5", [{ minrssi: -60.5 }], "minrssi", [-60.5]],
    ["minrssi NaN", [{ minrssi: NaN }], "minrssi", ["NaN"]],
    ["minrssi as a text", [{ minrssi: "-60" }], "minrssi", ["-60"]],
    ["type 5", [{ type: 5 }], "type", [5, "0..4"]],
    ["type -1", [{}, { type: -1 }], "rules[1].type", [-1]],
    ["type 1.5", [{ type: 1.5 }], "type", [1.5]],
    ["type as a text", [{ type: "3" }], "type", ["3"]],
    ["data of 32 bytes", [{ data: long }], "data", [32, 31]],
    ["data of 32 characters", [{ data: latin(long) }], "data", [32, 31]],
    ["data that is a number", [{ data: 7 }], "data", ["7"]],
    ["data of null", [{ data: null }], "data", ["null"]],
    ["data with a character above 255", [{ data: "\u2603" }], "data", []],
    ["data with 256", [{ data: [256] }], "data", []],
    ["data with a hole", [{ data: [1, , 2] }], "data", []],
    ["data that is an object", [{ data: { length: 1, 0: 1 } }], "data", []],
    ["collect 0", [{ collect: 0 }], "collect", [0]],
    ["collect -1", [{ collect: -1 }], "collect", [-1]],
    ["collect NaN", [{ collect: NaN }], "collect", ["NaN"]],
    ["collect Infinity", [{ collect: Infinity }], "collect", ["Infinity"]],
    ["collect as a text", [{ collect: "1" }], "collect", ["1"]],
    ["collect true", [{ collect: true }], "collect", ["true"]],
    ["collectmax 0", [{ collectmax: 0 }], "collectmax", [0]],
    ["collectmax -5", [{ collect: 1, collectmax: -5 }], "collectmax", [-5]],
    ["collectmax NaN", [{ collect: 1, collectmax: NaN }], "collectmax", ["NaN"]],
    ["collectmax as a text", [{ collect: 1, collectmax: "2" }], "collectmax", ["2"]],
    ["a good rule before a bad one", [{ type: 1 }, { type: 9 }], "rules[1].type", [9]],
  ];
  for (const [what, rules, argument, texts] of cases) {
    it(`${what}: throws at once, and the filter stays`, () => {
      const { r, c } = scanning({}, [{ data: [2] }, { collect: 0.1 }]);
      const from = r.mark();
      r.receive(single({ data: [9] }));
      rejects(() => (r.bt.setscanfilter as any)(rules), "setscanfilter", argument, ...texts);
      r.receive(single({ data: [2, 7] }));
      r.run(200);
      assert.deepEqual(c.adverts.map(({ data, rule }) => [hex(data), rule]), [["0207", 0], ["09", 1]], "what is held is kept too");
      assert.deepEqual(r.commands(from), []);
    });
  }

  it("before it is ready: throws too, and the filter given before counts", () => {
    const r = rig();
    const c = new Catch(r);
    r.bt.setscanfilter([{ type: 2 }]);
    r.bt.startscan(c.callback);
    rejects(() => r.bt.setscanfilter([{ type: 7 }]), "setscanfilter", "type", 7);
    r.up().run(20);
    r.receive(single({ type: 3 }));
    r.receive(single({ type: 2 }));
    assert.deepEqual(c.adverts.map(({ type }) => type), [2]);
  });

  it("the bounds themselves are good", () => {
    const { r } = scanning();
    for (const type of [0, 4]) for (const minrssi of [-127, 20]) for (const addresstype of [0, 1]) r.bt.setscanfilter([{ type, minrssi, addresstype, data: new Uint8Array(31) }]);
    for (const collect of [0.001, 0.5, 1, 3600]) for (const collectmax of [0.5, 1, 1.5, 100]) r.bt.setscanfilter([{ collect, collectmax }]);
  });
});

describe("rules: against a matcher that is nothing but plain", () => {
  /** The documents word by word, on texts and plain numbers. */
  function naive(rules: ScanRule[], fields: Required<Omit<ReportFields, "length">>): number {
    const data = hex(fields.data as number[]);
    const asHex = (value: any): string => (typeof value === "string" ? hex(Buffer.from(value, "latin1")) : hex(value));
    return rules.findIndex((rule) => {
      if ("type" in rule && rule.type !== fields.type) return false;
      if ("addresstype" in rule && rule.addresstype !== fields.addresstype) return false;
      if ("minrssi" in rule && (fields.rssi === 127 || fields.rssi < rule.minrssi!)) return false;
      if ("address" in rule) {
        const wanted = typeof rule.address === "string" ? rule.address : latin(rule.address as Uint8Array);
        if (![...wanted].every((digit, i) => digit === "_" || digit.toLowerCase() === fields.address[i])) return false;
      }
      if ("data" in rule) {
        const wanted = asHex(rule.data);
        let found = false;
        for (let at = 0; at + wanted.length <= data.length; at += 2) if (data.startsWith(wanted, at)) found = true;
        if (!found) return false;
      }
      return true;
    });
  }

  function draw(seed: number): { rules: ScanRule[]; reports: Required<Omit<ReportFields, "length">>[] } {
    const any = chance(seed * 2654435761 + 1);
    // Few different values, so that much matches.
    const letters = any(3) + 1;
    const bytes = (most: number): number[] => Array.from({ length: any(most + 1) }, () => [0x00, 0xff, 0x41, 0x80][any(letters + 1) & 3]);
    const bases = ["c0ffee123456", "000000000000", "ffffffffffff", "c0ffee123457"];
    const address = (): string => {
      const digits = [...bases[any(4)]];
      if (any(3) === 0) digits[any(12)] = "0123456789abcdef"[any(16)];
      return digits.join("");
    };
    const rssi = (): number => [-127, -100, -91, -90, -1, 0, 1, 20][any(8)];
    const rules: ScanRule[] = Array.from({ length: any(6) }, () => {
      const rule: ScanRule = {};
      if (any(3) === 0) rule.type = any(5);
      if (any(3) === 0) rule.addresstype = any(2);
      if (any(3) === 0) rule.minrssi = rssi();
      if (any(3) === 0) {
        const text = [...address()].map((digit) => (any(4) === 0 ? "_" : any(2) ? digit.toUpperCase() : digit)).join("");
        rule.address = any(2) ? text : Uint8Array.from(Buffer.from(text));
      }
      if (any(2) === 0) {
        const data = any(5) === 0 ? bytes(31) : bytes(4);
        rule.data = any(3) === 0 ? latin(Uint8Array.from(data)) : any(2) ? data : Uint8Array.from(data);
      }
      if (any(4) === 0) rule.other = any(9);
      return rule;
    });
    const reports = Array.from({ length: 8 }, () => ({
      type: any(5),
      addresstype: any(2),
      address: address(),
      data: bytes(any(2) ? 31 : 6),
      rssi: any(6) === 0 ? 127 : rssi(),
    }));
    return { rules, reports };
  }

  it("4000 filters, 32000 reports", () => {
    let matched = 0;
    for (let seed = 1; seed <= 4000; seed++) {
      const { rules, reports } = draw(seed);
      const filter = compileFilter(rules);
      for (const fields of reports) {
        const said = matchReport(filter, Uint8Array.from([...unhex("ffff"), ...report(fields), 0, 0x41]), 2);
        const expected = naive(rules, fields);
        if (expected >= 0) matched++;
        if (said !== expected) assert.fail(`seed ${seed}: ${JSON.stringify(rules)} on ${JSON.stringify(fields)}: ${said}, not ${expected}`);
      }
    }
    assert.ok(matched > 4000 && matched < 28000, `${matched} matched: the draw is worth something`);
  });

  it("600 filters through the whole stack, all fields compared", () => {
    const { r, c } = scanning();
    for (let seed = 10_001; seed <= 10_600; seed++) {
      const { rules, reports } = draw(seed);
      r.bt.setscanfilter(rules);
      c.clear();
      for (let i = 0; i < reports.length; i += 2) r.receive(event(reports.slice(i, i + 2).map(report)));
      const expected = reports.flatMap((fields) => {
        const rule = naive(rules, fields);
        return rule < 0 ? [] : [text({ ...fields, data: Uint8Array.from(fields.data as number[]), time: 0, rule })];
      });
      assert.deepEqual(c.texts, expected, `seed ${seed}: ${JSON.stringify(rules)}`);
    }
  });
});
