import assert from "node:assert/strict";
import { hex, IBEACON, latin, OP, plainRig, rejects, rig, status, type Command, type Rig } from "../support/rig.js";

const ADVERT = hex(IBEACON);
const TEXT = latin(IBEACON);
const ADVERTISING: number[] = [OP.ADV_PARAMETERS, OP.ADV_DATA, OP.SCAN_RESPONSE, OP.ADV_ENABLE];

function advertising(r: Rig<any>, from = 0): Command[] {
  return r.commands(from).filter(({ opcode }) => ADVERTISING.includes(opcode));
}

function names(r: Rig<any>, from = 0): string[] {
  return advertising(r, from).map(({ opcode, parameters }) => (opcode === OP.ADV_ENABLE ? (parameters[0] ? "on" : "off") : opcode === OP.ADV_PARAMETERS ? "parameters" : opcode === OP.ADV_DATA ? "data" : "response"));
}

function lastParameters(r: Rig<any>): { min: number; max: number; type: number; own: number; rest: string } {
  const p = advertising(r).filter(({ opcode }) => opcode === OP.ADV_PARAMETERS).at(-1)!.parameters;
  assert.equal(p.length, 15);
  return { min: p[0] | (p[1] << 8), max: p[2] | (p[3] << 8), type: p[4], own: p[5], rest: hex(p.subarray(6)) };
}

/** Advertises and lets the commands pass. */
function on<R extends Rig<any>>(r: R, data: any = IBEACON, min = 100, max = 100, ...rest: any[]): R {
  r.bt.startadvertise(data, min, max, ...(rest as [any]));
  return r.run(50);
}

describe("advertising: what goes on the air", () => {
  it("is the advert byte for byte, from a string, an array or bytes", () => {
    const seen = [TEXT, [...IBEACON], IBEACON, new Uint8Array(Buffer.from(IBEACON))].map((data) => {
      const r = on(rig().up(), data);
      assert.deepEqual(r.onair(), [`3:${ADVERT}`]);
      return hex(r.out());
    });
    for (const bytes of seen) assert.equal(bytes, seen[0]);
  });

  it("is every length from 0 to 31, unaltered, sense or none", () => {
    const r = rig().up();
    for (let length = 0; length <= 31; length++) {
      const data = Uint8Array.from({ length }, (_, i) => (i * 37 + length * 11 + 0x80) & 255);
      on(r, data, 100, 100, latin(data.slice().reverse()));
      assert.deepEqual(r.onair(), [`${length ? 2 : 3}:${hex(data)}`]);
      const sent = advertising(r).filter(({ opcode }) => opcode === OP.ADV_DATA).at(-1)!.parameters;
      assert.equal(hex(sent), hex([length, ...data]).padEnd(64, "0"));
    }
  });

  it("has the parameters that the specification wants", () => {
    const r = on(rig().up(), IBEACON, 100, 200);
    assert.deepEqual(lastParameters(r), { min: 160, max: 320, type: 3, own: 1, rest: "00".repeat(7) + "0700" });
    assert.deepEqual(r.board.chip.violations, []);
  });

  it("is scannable with a scan response, which is served", () => {
    const r = rig().up();
    const observer = r.board.air.observe({ active: true });
    on(r, TEXT, 100, 100, "\x03\xff\x00\xfe");
    r.run(500);
    const kinds = new Set(observer.heard.map(({ pdu }) => `${pdu.type}:${hex(pdu.data)}`));
    assert.deepEqual([...kinds].sort(), [`2:${ADVERT}`, "4:03ff00fe"]);
  });

  it("is not scannable without: an empty one, null and none are the same", () => {
    for (const response of ["", [], new Uint8Array(0), null, undefined]) {
      const r = on(rig().up(), TEXT, 100, 100, response);
      assert.deepEqual(r.onair(), [`3:${ADVERT}`]);
    }
  });

  it("belongs to the stack: what the application does with its array later shows nowhere", () => {
    const r = rig();
    const data = IBEACON.slice();
    const response = [1, 2, 3];
    r.bt.startadvertise(data, 100, 100, response);
    data.fill(0);
    response.fill(0);
    r.up();
    const observer = r.board.air.observe({ active: true });
    assert.ok(r.onair().includes(`2:${ADVERT}`));
    assert.ok(observer.heard.some(({ pdu }) => hex(pdu.data) === "010203"));
  });

  it("keeps the interval", () => {
    for (const interval of [100, 500]) {
      const times = on(rig().up(), TEXT, interval, interval)
        .listen(interval * 40)
        .map(({ time }) => time);
      for (let i = 1; i < times.length; i++) assert.ok(times[i] - times[i - 1] >= interval - 0.01 && times[i] - times[i - 1] <= interval + 10.01);
    }
  });
});

describe("advertising: intervals", () => {
  it("are rounded to the nearest 0.625 ms", () => {
    const r = rig().up();
    for (const [ms, units] of [[100, 160], [101, 162], [102, 163], [103, 165], [104, 166], [152, 243], [1000, 1600], [1285, 2056], [10239, 16382], [10240, 16384]]) {
      on(r, TEXT, ms, 10240);
      assert.deepEqual([lastParameters(r).min, lastParameters(r).max], [units, 16384], `${ms} ms`);
      assert.ok(Math.abs(units * 0.625 - ms) <= 0.3125);
    }
  });

  it("have a floor of 100 ms on a chip before 5.0, for each of the two", () => {
    for (const response of ["", "r"]) {
      const r = rig().up();
      for (const [min, max, low, high] of [[20, 20, 160, 160], [20, 99, 160, 160], [99, 101, 160, 162], [20, 200, 160, 320], [100, 100, 160, 160]]) {
        on(r, TEXT, min, max, response);
        assert.deepEqual([lastParameters(r).min, lastParameters(r).max], [low, high], `${min} to ${max}`);
        assert.deepEqual(r.onair(), [`${response ? 2 : 3}:${ADVERT}`]);
      }
      assert.equal(r.errors.length, 0);
    }
    const r = on(plainRig({ board: { chip: { identity: { version: 8 } } } }).up(), TEXT, 20, 30);
    assert.deepEqual([lastParameters(r).min, lastParameters(r).max], [160, 160], "4.2");
  });

  it("have none from 5.0 on", () => {
    for (const version of [9, 10, 13]) {
      const r = plainRig({ board: { chip: { identity: { version } } } }).up();
      for (const [min, max, low, high] of [[20, 20, 32, 32], [21, 22, 34, 35], [99, 100, 158, 160]]) {
        on(r, TEXT, min, max);
        assert.deepEqual([lastParameters(r).min, lastParameters(r).max], [low, high]);
      }
      assert.deepEqual(r.onair(), [`3:${ADVERT}`]);
    }
  });
});

describe("advertising: changes", () => {
  it("of the data alone never take the advert off the air", () => {
    const r = on(rig().up());
    for (let i = 0; i < 30; i++) {
      const from = r.mark();
      on(r, `advert ${i}`);
      assert.deepEqual(names(r, from), ["data"]);
      assert.deepEqual(r.onair(), [`3:${hex(Buffer.from(`advert ${i}`))}`]);
    }
  });

  it("of the response's bytes alone neither", () => {
    const r = on(rig().up(), TEXT, 100, 100, "one");
    const from = r.mark();
    on(r, TEXT, 100, 100, "two");
    assert.deepEqual(names(r, from), ["response"]);
  });

  it("of nothing send nothing", () => {
    const r = on(rig().up(), TEXT, 100, 200, "r");
    const from = r.mark();
    on(r, IBEACON, 100, 200, [0x72]);
    assert.deepEqual(names(r, from), []);
  });

  it("of the interval or the type cost one disable and one enable", () => {
    const r = on(rig().up());
    const change = (...given: any[]): string[] => {
      const from = r.mark();
      on(r, given[0], given[1], given[2], given[3]);
      return names(r, from);
    };
    assert.deepEqual(change(TEXT, 200, 200), ["off", "parameters", "on"]);
    const typed = change(TEXT, 200, 200, "r");
    assert.deepEqual(typed.filter((name) => name !== "response"), ["off", "parameters", "on"]);
    assert.deepEqual(r.onair(), [`2:${ADVERT}`]);
    const both = change("x", 300, 300);
    assert.deepEqual(both.filter((name) => name === "off" || name === "on" || name === "parameters"), ["off", "parameters", "on"]);
    assert.deepEqual(r.onair(500), ["3:78"]);
  });

  it("clear the scan response where it is left out", () => {
    const r = on(rig().up(), TEXT, 100, 100, "secret");
    on(r, TEXT, 100, 100);
    assert.deepEqual(r.onair(), [`3:${ADVERT}`]);
    on(r, TEXT, 100, 100, "x");
    const observer = r.board.air.observe({ active: true });
    r.run(300);
    assert.ok(observer.heard.every(({ pdu }) => hex(pdu.data) === ADVERT || hex(pdu.data) === "78"), "nothing of the old response is left behind it");
  });

  it("made before the first is sent become one", () => {
    const r = on(rig().up());
    const from = r.mark();
    for (let i = 0; i < 10; i++) r.bt.startadvertise(`${i}`, 100, 100);
    r.run(100);
    const data = advertising(r, from).map(({ parameters }) => hex(parameters.subarray(0, 2)));
    assert.ok(data.length <= 2, String(data));
    assert.equal(data.at(-1), "0139");
  });

  it("made while the chip is not ready come into force once, the last of them", () => {
    const r = rig();
    for (let i = 0; i < 5; i++) r.bt.startadvertise(`${i}`, 100 + i, 200, i % 2 ? "r" : "");
    r.up();
    r.run(100);
    assert.deepEqual(names(r).sort(), ["data", "on", "parameters", "response"]);
    assert.deepEqual(r.onair(), ["3:34"]);
    assert.deepEqual(r.board.chip.violations, []);
  });

  it("there and back again end where they should, at any distance", () => {
    for (let gap = 0; gap < 6; gap += 0.37) {
      const r = rig({ board: { flow: false } }).up();
      r.bt.startadvertise("a", 100, 100);
      r.run(gap);
      r.bt.stopadvertise();
      r.run(gap);
      r.bt.startadvertise("b", 200, 200, "r");
      r.run(gap);
      r.bt.startadvertise("b", 100, 100);
      r.run(100);
      assert.deepEqual(r.onair(), ["3:62"], `${gap} ms apart`);
      r.bt.stopadvertise();
      r.run(gap);
      r.bt.startadvertise("c", 100, 100);
      r.run(gap);
      r.bt.stopadvertise();
      r.run(100);
      assert.deepEqual(r.onair(), []);
      assert.deepEqual(r.board.chip.violations, []);
      assert.equal(r.errors.length, 0);
    }
  });
});

describe("advertising: stopadvertise", () => {
  it("takes it off the air, and is no error where there is nothing", () => {
    const r = rig();
    r.bt.stopadvertise();
    r.up();
    r.bt.stopadvertise();
    r.run(50);
    assert.deepEqual(names(r), []);
    on(r);
    assert.deepEqual(r.onair(), [`3:${ADVERT}`]);
    const from = r.mark();
    r.bt.stopadvertise();
    r.bt.stopadvertise();
    r.run(50);
    r.bt.stopadvertise();
    r.run(50);
    assert.deepEqual(names(r, from), ["off"]);
    assert.deepEqual(r.onair(1000), []);
  });

  it("before it is ready withdraws the advert", () => {
    const r = rig();
    r.bt.startadvertise(TEXT, 100, 100);
    r.bt.stopadvertise();
    r.up();
    assert.deepEqual(r.onair(1000), []);
    assert.deepEqual(names(r), []);
  });

  it("keeps what the chip has: the same advert again is one command", () => {
    const r = on(rig().up());
    r.bt.stopadvertise();
    r.run(50);
    const from = r.mark();
    on(r);
    assert.deepEqual(names(r, from), ["on"]);
    assert.deepEqual(r.onair(), [`3:${ADVERT}`]);
  });
});

describe("advertising: bad arguments", () => {
  const long = new Uint8Array(32);
  const cases: [string, any[], string, (string | number)[]][] = [
    ["no advert", [undefined, 100, 100], "advert", ["undefined"]],
    ["null", [null, 100, 100], "advert", ["null"]],
    ["a number", [30, 100, 100], "advert", ["30"]],
    ["an object", [{}, 100, 100], "advert", []],
    ["an object with a length", [{ length: 3 }, 100, 100], "advert", []],
    ["32 bytes", [long, 100, 100], "advert", [32, 31]],
    ["32 characters", ["a".repeat(32), 100, 100], "advert", [32, 31]],
    ["a character above 255", ["a\u0100", 100, 100], "advert", []],
    ["an array with 256", [[1, 256], 100, 100], "advert", []],
    ["an array with -1", [[-1], 100, 100], "advert", []],
    ["an array with a fraction", [[1.5], 100, 100], "advert", []],
    ["an array with NaN", [[NaN], 100, 100], "advert", []],
    ["an array with a hole", [[1, , 3], 100, 100], "advert", []],
    ["no interval", ["a"], "minAdInterval", ["undefined"]],
    ["19 ms", ["a", 19, 100], "minAdInterval", [19, 20, 10240]],
    ["10241 ms", ["a", 100, 10241], "maxAdInterval", [10241, 10240]],
    ["a minimum of 10241", ["a", 10241, 10241], "minAdInterval", [10241, 10240]],
    ["a maximum below the minimum", ["a", 200, 199], "maxAdInterval", [199, 200]],
    ["no maximum", ["a", 100], "maxAdInterval", ["undefined"]],
    ["a fraction", ["a", 100.5, 200], "minAdInterval", [100.5]],
    ["a fraction as maximum", ["a", 100, 200.5], "maxAdInterval", [200.5]],
    ["NaN", ["a", NaN, 100], "minAdInterval", ["NaN"]],
    ["NaN as maximum", ["a", 100, NaN], "maxAdInterval", ["NaN"]],
    ["Infinity", ["a", 100, Infinity], "maxAdInterval", ["Infinity"]],
    ["a text as interval", ["a", "100", 100], "minAdInterval", ["100"]],
    ["null as interval", ["a", null, 100], "minAdInterval", ["null"]],
    ["true as interval", ["a", 100, true], "maxAdInterval", ["true"]],
    ["a response of 32 bytes", ["a", 100, 100, long], "scanResponse", [32, 31]],
    ["a response with a character above 255", ["a", 100, 100, "\u2603"], "scanResponse", []],
    ["a number as response", ["a", 100, 100, 7], "scanResponse", ["7"]],
    ["zero as response", ["a", 100, 100, 0], "scanResponse", ["0"]],
    ["false as response", ["a", 100, 100, false], "scanResponse", ["false"]],
    ["an object as response", ["a", 100, 100, {}], "scanResponse", []],
    ["an array with 300 as response", ["a", 100, 100, [300]], "scanResponse", []],
  ];
  for (const [what, given, argument, texts] of cases) {
    it(`${what}: throws at once, and changes nothing`, () => {
      for (const state of ["ready", "rising"]) {
        const r = rig();
        r.bt.startadvertise(TEXT, 100, 100, "response");
        if (state === "ready") r.up().run(50);
        const from = r.mark();
        rejects(() => (r.bt.startadvertise as any)(...given), "startadvertise", argument, ...texts);
        if (state === "ready") {
          r.run(100);
          assert.deepEqual(r.commands(from), []);
        } else r.up();
        assert.deepEqual(r.onair(), [`2:${ADVERT}`]);
        r.bt.startadvertise(TEXT, 100, 100, "response");
        r.run(50);
        if (state === "ready") assert.deepEqual(r.commands(from), [], "nothing of the bad call was kept");
      }
    });
  }

  it("the bounds themselves are good", () => {
    const r = rig().up();
    for (const [min, max] of [[20, 20], [20, 10240], [10240, 10240]]) r.bt.startadvertise(new Uint8Array(31), min, max, new Uint8Array(31));
  });
});

describe("advertising: refused", () => {
  const errors = (r: Rig<any>): string[] => r.errors.map(({ code, step, detail }) => `${code} ${step} ${detail}`);

  for (const opcode of ADVERTISING) {
    for (const byStatus of [false, true]) {
      it(`0x${opcode.toString(16)}${byStatus ? " by Command Status" : ""}: told once, tried again after 1, 5 and 30 s, then it works`, () => {
        const r = rig().up();
        let refused = true;
        const times: number[] = [];
        r.board.chip.hook = (o, p) => {
          if (o !== opcode || !refused || (o === OP.ADV_ENABLE && p[0] === 0)) return undefined;
          times.push(r.now);
          return byStatus ? { bytes: status(opcode, 0x12) } : { status: 0x12 };
        };
        r.bt.startadvertise(TEXT, 100, 100, "r");
        r.run(36_900);
        assert.deepEqual(errors(r), ["refused advertiser 18"]);
        const gaps = times.slice(1).map((time, i) => Math.round((time - times[i]) / 100) / 10);
        assert.deepEqual(gaps, [1, 5, 30]);
        assert.ok(advertising(r).length <= 24, `${advertising(r).length} commands`);
        refused = false;
        r.run(31_000);
        assert.deepEqual(r.onair(), [`2:${ADVERT}`]);
        assert.equal(r.errors.length, 1);
        assert.deepEqual(r.board.chip.violations, []);
      });
    }
  }

  it("is tried again at once when something changes, and told again", () => {
    const r = rig().up();
    r.board.chip.hook = (opcode) => (opcode === OP.ADV_PARAMETERS ? { status: 0x0c } : undefined);
    r.bt.startadvertise(TEXT, 100, 100);
    r.run(2500);
    assert.equal(r.errors.length, 1);
    r.board.chip.hook = undefined;
    r.bt.startadvertise("new", 100, 100);
    assert.deepEqual(r.run(50).onair(), [`3:${hex(Buffer.from("new"))}`]);
    assert.equal(r.errors.length, 1);
  });

  it("of a data update leaves the advert on the air", () => {
    const r = on(rig().up());
    r.board.chip.hook = (opcode) => (opcode === OP.ADV_DATA ? { status: 0x12 } : undefined);
    const from = r.mark();
    on(r, "new");
    assert.deepEqual(r.onair(20_000), [`3:${ADVERT}`]);
    assert.ok(!names(r, from).includes("off"), "a data-only update never disables the advert");
    assert.deepEqual(errors(r), ["refused advertiser 18"]);
  });

  it("ends with stopadvertise", () => {
    const r = rig().up();
    r.board.chip.hook = (opcode) => (opcode === OP.ADV_PARAMETERS ? { status: 0x0c } : undefined);
    r.bt.startadvertise(TEXT, 100, 100);
    r.run(500);
    r.bt.stopadvertise();
    r.run(200);
    const from = r.mark();
    r.run(9000);
    assert.deepEqual(advertising(r, from), []);
    r.board.chip.hook = undefined;
    r.run(60_000);
    assert.deepEqual(r.onair(1000), []);
  });

  it("of the disable: the advert still goes off the air", () => {
    const r = on(rig().up());
    let refusals = 1;
    r.board.chip.hook = (opcode, p) => (opcode === OP.ADV_ENABLE && p[0] === 0 && refusals-- > 0 ? { status: 0x1f } : undefined);
    r.bt.stopadvertise();
    r.run(5000);
    assert.deepEqual(r.onair(1000), []);
  });

  it("by a controller that never answers: told, and not for ever", () => {
    for (const opcode of ADVERTISING) {
      const r = rig().up();
      r.board.chip.hook = (o) => (o === opcode ? "drop" : undefined);
      r.bt.startadvertise(TEXT, 100, 100, "r");
      r.run(600_000);
      assert.ok(r.errors.length > 0, "onerror hears of it: " + opcode.toString(16) + JSON.stringify(r.bt.counters()));
      assert.ok(advertising(r).length < 120, `0x${opcode.toString(16)}: ${advertising(r).length} commands in 600 s`);
    }
  });
});
