import assert from "node:assert/strict";
import { hex, IBEACON, OP, plainRig, rejects, rig, status, type Rig } from "../support/rig.js";
import { Catch, chance, event, joined, report, scanCommands, scanning, scanParameters, single, text, together, type Advert } from "../support/scan.js";

/** LE Set Scan Parameters as imp's defaults make them: passive, 16 and 16 units, random address, no accept list. */
const DEFAULTS = "parameters 00100010000100";
const PASSIVE100 = "parameters 00a000a0000100";
const ACTIVE100 = "parameters 01a000a0000100";

/** An advert whose first data byte is its number. */
const numbered = (n: number, more: any = {}): Uint8Array => single({ data: [n & 255, n >> 8], ...more });
const numberedReport = (n: number, more: any = {}): number[] => report({ data: [n & 255, n >> 8], ...more });
const numberOf = (advert: Advert): number => advert.data[0] | (advert.data[1] << 8);
const errors = (r: Rig<any>): string[] => r.errors.map(({ code, step, detail }) => `${code} ${step} ${detail}`);

/** Whether what the chip does is what is wanted. */
function chipScans(r: Rig<any>): boolean {
  return r.board.chip.controller.scanning.on;
}

/** Reports get through, now. */
function delivers(r: Rig<any>, c: Catch): void {
  c.clear();
  const beacon = r.board.air.advertise({ data: Uint8Array.of(0x5a), interval: 20 });
  r.run(200);
  beacon.stop();
  assert.ok(c.adverts.some(({ data }) => data[0] === 0x5a), "adverts of the air come through");
}

describe("scan: commands", () => {
  it("defaults: passive, 10 of 10 ms, the duplicate filter off, the device's own address", () => {
    const { r } = scanning();
    assert.deepEqual(scanCommands(r), [DEFAULTS, "on 0"]);
    assert.deepEqual(scanParameters(r), { active: 0, interval: 16, window: 16, own: 1, policy: 0 });
    assert.equal(chipScans(r), true);
    assert.deepEqual(r.board.chip.violations, []);
  });

  it("a public address is a public one", () => {
    const r = plainRig().up();
    r.bt.startscan(() => {});
    r.run(50);
    assert.equal(scanParameters(r).own, 0);
    assert.equal(chipScans(r), true);
  });

  it("nothing is said to the chip before a scan is wanted", () => {
    const r = rig().up();
    r.bt.setscanparams(true, 100, 50);
    r.bt.setscanfilter([{ type: 3 }]);
    r.bt.stopscan();
    r.run(100);
    assert.deepEqual(scanCommands(r), []);
    r.bt.startscan(() => {});
    r.run(20);
    assert.deepEqual(scanCommands(r), ["parameters 01a00050000100", "on 0"]);
  });

  it("milliseconds become units of 0.625 ms: the nearest", () => {
    for (const [ms, units] of [[3, 5], [4, 6], [5, 8], [6, 10], [7, 11], [9, 14], [10, 16], [11, 18], [100, 160], [1000, 1600], [10239, 16382], [10240, 16384]]) {
      const { r } = scanning();
      r.bt.setscanparams(false, ms, ms);
      r.run(20);
      assert.deepEqual(scanParameters(r), { active: 0, interval: units, window: units, own: 1, policy: 0 }, `${ms} ms`);
    }
  });

  it("the window is never above the interval, for any of them", () => {
    const r = rig().up();
    r.bt.startscan(() => {});
    for (const interval of [3, 4, 5, 6, 7, 8, 9, 10, 33, 101, 10240]) {
      for (const window of [3, interval - 1, interval]) {
        if (window < 3) continue;
        r.bt.setscanparams(true, interval, window);
        r.run(20);
        const p = scanParameters(r);
        assert.ok(p.window <= p.interval && p.window >= 4, `${interval} ${window}: ${JSON.stringify(p)}`);
        assert.equal(chipScans(r), true);
      }
    }
    assert.deepEqual(errors(r), []);
  });

  it("each parameter left out falls back to its default", () => {
    const { r } = scanning();
    const sent = (...given: any[]): string => {
      r.bt.setscanparams(...given);
      r.run(20);
      return scanCommands(r).filter((command) => command.startsWith("p")).at(-1)!;
    };
    assert.equal(sent(true, 200, 100), "parameters 014001a0000100");
    assert.equal(sent(true), "parameters 01100010000100");
    assert.equal(sent(), DEFAULTS);
    assert.equal(sent(false, 200), "parameters 00400110000100");
    assert.equal(sent(undefined, 20, 20), "parameters 00200020000100");
    assert.equal(sent(false, undefined, 5), "parameters 00100008000100");
  });

  it("an interval below 10 ms without a window: the window is not above it", () => {
    for (const interval of [3, 5, 9]) {
      const { r, c } = scanning();
      r.bt.setscanparams(false, interval);
      r.run(20);
      const p = scanParameters(r);
      assert.ok(p.window <= p.interval, `${interval} ms: ${JSON.stringify(p)}`);
      assert.deepEqual(errors(r), []);
      delivers(r, c);
    }
  });

  it("what is the same already costs no command", () => {
    const { r, c } = scanning();
    const from = r.mark();
    r.bt.setscanparams(false, 10, 10);
    r.bt.setscanparams();
    r.bt.setscanfilter([{}]);
    r.bt.startscan(c.callback);
    r.run(100);
    assert.deepEqual(r.commands(from), []);
  });

  it("a change while scanning: off, the parameters, on; then nothing", () => {
    const { r, c } = scanning();
    let from = r.mark();
    r.bt.setscanparams(true, 100, 100);
    r.run(50);
    assert.deepEqual(scanCommands(r, from), ["off", ACTIVE100, "on 0"]);
    from = r.mark();
    r.run(5000);
    assert.deepEqual(r.commands(from), []);
    assert.deepEqual(r.board.chip.violations, []);
    delivers(r, c);
  });

  it("many changes at once become one", () => {
    const { r } = scanning();
    const from = r.mark();
    r.bt.setscanparams(true, 50, 50);
    for (let ms = 60; ms < 100; ms++) r.bt.setscanparams(false, ms, ms);
    r.bt.setscanparams(true, 100, 100);
    r.run(50);
    assert.deepEqual(scanCommands(r, from), ["off", ACTIVE100, "on 0"]);
  });

  it("there and back while the first command is under way: the scan is as it was", () => {
    const { r, c } = scanning();
    r.bt.setscanparams(true, 100, 100);
    r.bt.setscanparams(false, 10, 10);
    r.run(50);
    assert.equal(chipScans(r), true);
    assert.deepEqual(scanParameters(r), { active: 0, interval: 16, window: 16, own: 1, policy: 0 });
    delivers(r, c);
  });

  it("stopscan: one command, and no error where there is no scan", () => {
    const r = rig().up();
    r.bt.stopscan();
    r.run(20);
    assert.deepEqual(r.commands().filter(({ opcode }) => opcode === OP.SCAN_ENABLE), []);
    r.bt.startscan(() => {});
    r.run(20);
    const from = r.mark();
    r.bt.stopscan();
    r.bt.stopscan();
    r.run(20);
    r.bt.stopscan();
    r.run(20);
    assert.deepEqual(scanCommands(r, from), ["off"]);
    assert.equal(chipScans(r), false);
    assert.deepEqual(r.errors, []);
  });

  it("again after stopscan: the parameters are still known", () => {
    const { r, c } = scanning();
    r.bt.stopscan();
    r.run(20);
    const from = r.mark();
    r.bt.startscan(c.callback);
    r.run(20);
    assert.deepEqual(scanCommands(r, from), ["on 0"]);
    delivers(r, c);
  });

  it("what is called before it is ready is declared; what is taken back is not", () => {
    const r = rig();
    const c = new Catch(r);
    r.bt.setscanparams(true, 100, 100);
    r.bt.setscanfilter([{ data: [0x5a] }]);
    r.bt.startscan(c.callback);
    r.up().run(20);
    assert.deepEqual(scanCommands(r), [ACTIVE100, "on 0"]);
    delivers(r, c);
    const other = rig();
    other.bt.startscan(() => assert.fail("stopped"));
    other.bt.stopscan();
    other.up().run(100);
    assert.deepEqual(scanCommands(other), []);
  });

  it("stopscan while the enable is under way ends it, startscan while the disable is brings it back", () => {
    const r = rig().up();
    r.board.chip.hook = (opcode) => (opcode === OP.SCAN_ENABLE ? { delay: 30 } : undefined);
    const c = new Catch(r);
    r.bt.startscan(c.callback);
    r.run(10).bt.stopscan();
    r.run(200);
    assert.equal(chipScans(r), false);
    r.bt.startscan(c.callback);
    r.run(200).bt.stopscan();
    r.run(5).bt.startscan(c.callback);
    r.run(200);
    assert.equal(chipScans(r), true);
    delivers(r, c);
    assert.deepEqual(r.board.chip.violations, []);
  });
});

describe("scan: bad arguments", () => {
  const cases: [string, any[], string, (string | number)[]][] = [
    ["active 1", [1], "active", ["1"]],
    ["active null", [null], "active", ["null"]],
    ["active as a text", ["true", 100, 100], "active", ["true"]],
    ["an interval of 2 ms", [true, 2, 2], "interval", [2, 3, 10240]],
    ["an interval of 10241 ms", [true, 10241, 100], "interval", [10241, 3, 10240]],
    ["an interval of 100.5 ms", [true, 100.5, 100], "interval", [100.5]],
    ["an interval of null", [true, null, 100], "interval", ["null"]],
    ["an interval NaN", [true, NaN, 100], "interval", ["NaN"]],
    ["an interval as a text", [true, "100", 100], "interval", ["100"]],
    ["a window of 2 ms", [true, 100, 2], "window", [2, 3, 100]],
    ["a window above the interval", [true, 100, 101], "window", [101, 3, 100]],
    ["a window above the default interval", [true, undefined, 11], "window", [11, 3, 10]],
    ["a window of null", [true, 100, null], "window", ["null"]],
    ["a window of 10.1 ms", [true, 100, 10.1], "window", [10.1]],
    ["a window Infinity", [true, 100, Infinity], "window", ["Infinity"]],
  ];
  for (const [what, given, argument, texts] of cases) {
    it(`${what}: throws at once, and the scan goes on as before`, () => {
      const { r, c } = scanning();
      r.bt.setscanparams(true, 100, 50);
      r.run(20);
      const from = r.mark();
      rejects(() => (r.bt.setscanparams as any)(...given), "setscanparams", argument, ...texts);
      r.run(20);
      assert.deepEqual(r.commands(from), []);
      r.bt.setscanparams(true, 100, 50);
      r.run(20);
      assert.deepEqual(r.commands(from), [], "nothing of the bad call was kept");
      delivers(r, c);
    });
  }

  for (const method of ["startscan", "startrawscan"] as const) {
    for (const wanted of [undefined, null, 7, "f", {}, []]) {
      it(`${method}(${JSON.stringify(wanted)}): throws, and the callback stays`, () => {
        const { r, c } = scanning();
        rejects(() => (r.bt[method] as any)(wanted), method, "callback", String(wanted));
        delivers(r, c);
        const idle = rig().up();
        rejects(() => (idle.bt[method] as any)(wanted), method, "callback");
        idle.run(50);
        assert.deepEqual(scanCommands(idle), [], "and starts nothing");
      });
    }
  }
});

describe("scan: adverts", () => {
  it("have exactly the seven keys, of their types", () => {
    const { r, c } = scanning();
    const beacon = r.board.air.advertise({ address: "00A1B2C3D4E5", random: 0, data: IBEACON, rssi: -77 });
    r.run(250);
    beacon.stop();
    assert.ok(c.adverts.length >= 2);
    for (const advert of c.adverts) {
      assert.deepEqual(Object.keys(advert).sort(), ["address", "addresstype", "data", "rssi", "rule", "time", "type"]);
      assert.ok(advert.data instanceof Uint8Array);
      assert.equal(advert.data.length, advert.data.buffer.byteLength, "an array of its own");
      assert.equal(text(advert), `3 0 00a1b2c3d4e5 -77 ${hex(IBEACON)} 0`);
      assert.equal(typeof advert.time, "number");
    }
  });

  it("have every type, address type and address as they came", () => {
    const { r, c } = scanning();
    const expected: string[] = [];
    for (let type = 0; type <= 4; type++) {
      for (const addresstype of [0, 1]) {
        for (const address of ["000000000000", "ffffffffffff", "0123456789ab", "FEDCBA987654"]) {
          r.receive(single({ type, addresstype, address, data: [type] }));
          expected.push(`${type} ${addresstype} ${address.toLowerCase()} -60 0${type} 0`);
        }
      }
    }
    assert.deepEqual(c.texts, expected);
  });

  it("have every RSSI from -127 to 20, and 127", () => {
    const { r, c } = scanning();
    const all = [...Array.from({ length: 148 }, (_, i) => i - 127), 127];
    for (const rssi of all) r.receive(single({ rssi, data: new Uint8Array(all.indexOf(rssi) % 32) }));
    assert.deepEqual(c.adverts.map(({ rssi }) => rssi), all);
  });

  it("RSSI 127 is unknown: delivered as it is, except where a rule has minrssi", () => {
    const { r, c } = scanning({}, [{ minrssi: -127 }, { data: [9] }]);
    r.receive(single({ rssi: 127, data: [9] }));
    r.receive(single({ rssi: 127, data: [8] }));
    r.receive(single({ rssi: -127, data: [9] }));
    assert.deepEqual(c.adverts.map(({ rssi, rule }) => [rssi, rule]), [[127, 1], [-127, 0]]);
  });

  it("have data of every length, nothing changed", () => {
    const { r, c } = scanning();
    for (let length = 0; length <= 31; length++) r.receive(single({ data: Uint8Array.from({ length }, (_, i) => (i * 41 + length * 7) & 255) }));
    assert.deepEqual(c.adverts.map(({ data }) => hex(data)), Array.from({ length: 32 }, (_, length) => hex(Array.from({ length }, (_, i) => (i * 41 + length * 7) & 255))));
  });

  it("have the time of receipt on the board's clock, in whole milliseconds", () => {
    const { r, c } = scanning();
    const times: number[] = [];
    for (let i = 0; i < 20; i++) {
      r.run(3.37);
      times.push(r.now);
      r.receive(numbered(i));
    }
    c.adverts.forEach(({ time }, i) => {
      assert.ok(Math.abs(time - times[i]) <= 1, `${time} at ${times[i]}`);
      assert.ok(Number.isInteger(time), `${time} is an integer`);
    });
  });

  it("never have a type, an address type or an RSSI that the reference does not know", () => {
    const { r, c } = scanning();
    for (let type = 0; type < 256; type++) r.receive(single({ type }));
    for (let addresstype = 0; addresstype < 256; addresstype++) r.receive(single({ addresstype }));
    for (let rssi = 0; rssi < 256; rssi++) r.receive(single({ rssi }));
    for (const advert of c.adverts) {
      assert.ok(advert.type >= 0 && advert.type <= 4, `type ${advert.type}`);
      assert.ok(advert.addresstype === 0 || advert.addresstype === 1, `address type ${advert.addresstype}`);
      assert.ok((advert.rssi >= -127 && advert.rssi <= 20) || advert.rssi === 127, `rssi ${advert.rssi}`);
    }
  });

  it("belong to the application: it may keep and change them", () => {
    const { r, c } = scanning();
    r.receive(numbered(1));
    const [first] = c.adverts;
    r.receive(joined(Array.from({ length: 50 }, (_, i) => numbered(i + 100))));
    assert.equal(text(first), "3 1 c0ffee123456 -60 0100 0");
    first.data.fill(0xff);
    c.batches[0].length = 0;
    c.batches[0].push(null as any);
    r.receive(numbered(2));
    assert.equal(numberOf(c.batches.at(-1)![0]), 2);
  });

  it("come from a UART that hands over strings, byte by byte", () => {
    const { r, c } = scanning({ board: { strings: true, wire: { chunk: 1 } } });
    r.board.air.advertise({ address: "ffeeddccbbaa", data: Uint8Array.of(0, 0x80, 0xff, 4), rssi: -1 });
    r.run(30);
    assert.equal(c.texts[0], "3 0 ffeeddccbbaa -1 0080ff04 0");
  });
});

describe("scan: batches", () => {
  it("several reports in one event: in their order, in one callback", () => {
    const { r, c } = scanning();
    r.board.chip.inject(event([1, 2, 3, 4].map((n) => numberedReport(n, { address: "00000000000" + n, rssi: -n, type: n }))));
    r.run(5);
    assert.equal(c.batches.length, 1);
    assert.deepEqual(c.texts, [1, 2, 3, 4].map((n) => `${n} 1 00000000000${n} ${-n} 0${n}00 0`));
    assert.deepEqual(c.adverts.map(({ time }) => time), new Array(4).fill(c.adverts[0].time));
  });

  it("the most that an event holds: all, in order", () => {
    const { r, c } = scanning();
    r.receive(event(Array.from({ length: 25 }, (_, i) => report({ data: [], rssi: i - 40 }))));
    assert.deepEqual(c.adverts.map(({ rssi }) => rssi + 40), Array.from({ length: 25 }, (_, i) => i));
    assert.deepEqual(r.bt.counters().adverts, 0);
  });

  it("from a chip that fills its events", () => {
    const { r, c } = scanning({ board: { chip: { reportsPerEvent: 8, reportWait: 40 } } });
    for (let i = 0; i < 10; i++) r.board.air.advertise({ data: Uint8Array.of(i), interval: 20 });
    r.run(500);
    assert.ok(c.batches.some((batch) => batch.length > 1));
    for (let i = 0; i < 10; i++) assert.ok(c.numbers.filter((n) => n === i).length > 15);
    assert.equal(r.bt.counters().malformed, 0);
  });

  it("only those that a rule lets through, each with its rule; no callback for none", () => {
    const { r, c } = scanning({}, [{ data: [2] }, { data: [4] }]);
    r.receive(event([1, 2, 3, 4].map((n) => report({ data: [n] }))));
    r.receive(event([1, 3, 5].map((n) => report({ data: [n] }))));
    assert.deepEqual(c.batches.map((batch) => batch.map(({ data, rule }) => [data[0], rule])), [[[2, 0], [4, 1]]]);
  });

  it("several events that came in one piece are at hand together", () => {
    const { r, c } = scanning();
    r.receive(joined([1, 2, 3].map((n) => numbered(n))));
    assert.deepEqual(c.batches.map((batch) => batch.map(numberOf)), [[1, 2, 3]]);
  });

  it("are never delayed: the callback comes with the last byte of its event", () => {
    const { r, c } = scanning({ board: { wire: { chunk: 1 } } });
    const arrivals: number[] = [];
    for (let i = 0; i < 20; i++) {
      const packet = numbered(i);
      for (let k = 0; k < packet.length; k++) {
        if (k === packet.length - 1) arrivals.push(r.now);
        r.receive(packet.slice(k, k + 1));
        r.run(k === packet.length - 1 ? 0 : 0.25);
      }
    }
    assert.deepEqual(c.times, arrivals);
    assert.deepEqual(c.batches.map(({ length }) => length), new Array(20).fill(1));
    c.clear();
    r.board.air.advertise({ data: Uint8Array.of(7), interval: 100 });
    r.run(1000);
    const last = r.journal.filter((entry) => entry.what === "in").map(({ at }) => at);
    for (const time of c.times) assert.ok(last.includes(time), "at the moment when bytes came in");
  });

  it("what throws in the callback is told and counted, and the scan goes on", () => {
    const r = rig().up();
    let calls = 0;
    r.bt.startscan(() => {
      calls++;
      throw new Error("mine");
    });
    r.run(20);
    for (let i = 0; i < 5; i++) r.receive(numbered(i));
    assert.equal(calls, 5);
    assert.deepEqual(r.errors.map(({ message }) => message), new Array(5).fill("mine"));
    assert.equal(r.bt.counters().exceptions, 5);
    assert.equal(chipScans(r), true);
  });

  it("what the application holds up is bounded: the oldest waiting adverts leave, and a counter says how many", () => {
    // Within the callback of a timer the line goes on: bytes may come in whenever the application gives the engine a chance.
    const r = rig().up();
    const numbers: number[][] = [];
    let once = true;
    r.bt.setscanfilter([{ type: 0, collect: 0.1 }, {}]);
    r.bt.startscan((adverts) => {
      numbers.push(adverts.map(numberOf));
      if (!once) return;
      once = false;
      for (let i = 1; i <= 1000; i++) r.receive(numbered(i));
    });
    r.run(20);
    r.receive(numbered(0, { type: 0 }));
    r.run(200);
    assert.deepEqual(numbers[0], [0]);
    const rest = numbers.slice(1).flat();
    assert.ok(rest.length >= 1 && rest.length <= 256, `${rest.length} adverts waited`);
    assert.deepEqual(rest, Array.from({ length: rest.length }, (_, i) => 1001 - rest.length + i), "the newest, in their order");
    assert.equal(r.bt.counters().adverts, 1000 - rest.length);
    assert.equal(r.bt.counters().resyncs, 0);
  });

  it("and so are collected ones", () => {
    const r = rig().up();
    const numbers: number[] = [];
    let once = true;
    r.bt.setscanfilter([{ type: 0, collect: 0.1 }, { collect: 0.1, collectmax: 1 }]);
    r.bt.startscan((adverts) => {
      numbers.push(...adverts.map(numberOf));
      if (!once) return;
      once = false;
      for (let i = 1; i <= 1000; i++) r.receive(numbered(i));
    });
    r.run(20);
    r.receive(numbered(0, { type: 0 }));
    r.run(500);
    assert.ok(numbers.length >= 2 && numbers.length <= 257, `${numbers.length} adverts waited`);
    assert.equal(numbers.at(-1), 1000, "the newest is there");
    assert.equal(r.bt.counters().adverts, 1001 - numbers.length);
  });
});

describe("scan: hostile events", () => {
  it("every cut of an event: what is whole is delivered, the rest counted, the next event is good", () => {
    const reports = [1, 2, 3].map((n) => report({ data: new Array(n * 4).fill(n) }));
    const whole = event(reports);
    const ends = reports.map((_, i) => 2 + reports.slice(0, i + 1).flat().length);
    const { r, c } = scanning();
    for (let length = 0; length < whole.length - 3; length++) {
      const before = r.bt.counters();
      c.clear();
      r.board.chip.inject(Uint8Array.from([4, 0x3e, length, ...whole.slice(3, 3 + length)]));
      r.board.chip.inject(numbered(99));
      r.run(8);
      const expected = [1, 2, 3].filter((n) => ends[n - 1] <= length);
      assert.deepEqual(c.numbers, [...expected, 99], `${length} bytes`);
      const after = r.bt.counters();
      assert.equal(after.malformed, before.malformed + 1, `${length} bytes`);
      assert.equal(after.resyncs, before.resyncs);
    }
    assert.deepEqual(r.errors, []);
  });

  it("every cut, at the end of the receive ring too", () => {
    const { r, c } = scanning({ options: { receive: 300 } });
    const good = report({ data: new Uint8Array(31).fill(7) });
    const any = chance(3);
    let sent = 0;
    for (let i = 0; i < 2000; i++) {
      const length = any(4) ? 2 + good.length : any(2 + good.length);
      if (length === 2 + good.length) sent++;
      r.receive(Uint8Array.from([4, 0x3e, length, ...[2, 1, ...good].slice(0, length)]));
    }
    assert.equal(c.adverts.length, sent);
    assert.equal(r.bt.counters().malformed, 2000 - sent);
    assert.ok(c.adverts.every((advert) => text(advert) === `3 1 c0ffee123456 -60 ${"07".repeat(31)} 0`));
  });

  it("a count that is too large, too small, or nothing", () => {
    const { r, c } = scanning();
    const reports = [1, 2, 3].map((n) => numberedReport(n));
    for (const [count, expected, malformed] of [[4, [1, 2, 3], 1], [255, [1, 2, 3], 1], [2, [1, 2], 0], [0, [], 0]] as [number, number[], number][]) {
      c.clear();
      const before = r.bt.counters().malformed;
      r.receive(event(reports, count));
      assert.deepEqual(c.adverts.map(numberOf), expected, `count ${count}`);
      assert.equal(r.bt.counters().malformed - before >= malformed, true);
    }
    r.receive(numbered(9));
    assert.equal(numberOf(c.adverts.at(-1)!), 9);
  });

  it("data longer than 31 bytes: counted, not delivered, the rest of the event is", () => {
    const { r, c } = scanning();
    for (const length of [32, 33, 100, 200]) {
      c.clear();
      const before = r.bt.counters().malformed;
      r.receive(event([numberedReport(1), report({ data: new Uint8Array(length) }), numberedReport(2)]));
      assert.deepEqual(c.adverts.map(numberOf), [1, 2], `${length} bytes`);
      assert.equal(r.bt.counters().malformed, before + 1);
    }
  });

  it("a length that reaches beyond the event: counted, not delivered", () => {
    const { r, c } = scanning();
    for (const length of [4, 5, 31, 32, 128, 255]) {
      const before = r.bt.counters().malformed;
      r.receive(event([report({ data: [1, 2, 3], length })]));
      assert.equal(r.bt.counters().malformed, before + 1, `${length}`);
    }
    assert.deepEqual(c.texts, []);
    r.receive(numbered(1));
    assert.equal(c.adverts.length, 1);
  });

  it("10000 events of noise: nothing thrown, nothing out of bounds, in step afterwards", () => {
    const any = chance(11);
    const { r, c } = scanning();
    for (let i = 0; i < 10_000; i++) {
      const parameters = any(3) ? [2, any(6), ...Array.from({ length: any(60) }, () => (any(3) ? any(256) : any(32)))] : Array.from({ length: any(40) }, () => any(256));
      // Other subevents belong to others.
      if (parameters.length && any(3)) parameters[0] = 2;
      r.receive(Uint8Array.from([4, 0x3e, parameters.length, ...parameters]));
    }
    for (const advert of c.adverts) assert.ok(advert.data.length <= 31 && /^[0-9a-f]{12}$/.test(advert.address) && advert.rssi >= -128 && advert.rssi <= 127);
    assert.deepEqual(r.errors, []);
    assert.equal(r.bt.counters().resyncs, 0);
    c.clear();
    r.receive(numbered(1));
    assert.equal(numberOf(c.adverts[0]), 1);
    delivers(r, c);
  });

  it("bytes lost in the middle of a report: the scan goes on", () => {
    const { r, c } = scanning();
    const packet = single({ data: new Uint8Array(31) });
    r.board.chip.inject(packet.slice(0, 20));
    r.run(200);
    r.board.chip.inject(numbered(7));
    r.run(200);
    assert.ok(c.adverts.every(({ data }) => data.length === 2));
    delivers(r, c);
    assert.equal(r.recovered.length, 0);
  });

  it("a flood above what the line carries: neither sync nor a command is lost", () => {
    for (const flow of [true, false]) {
      const { r, c } = scanning({ board: { flow, chip: { log: false } } });
      for (let i = 0; i < 20; i++) r.board.air.advertise({ data: new Uint8Array(31).fill(i), interval: 20 });
      r.run(300);
      r.bt.startadvertise(IBEACON, 100, 100);
      r.run(1700);
      const { resyncs, overruns, malformed, dropped, timeouts } = r.bt.counters();
      assert.deepEqual({ resyncs, overruns, malformed, dropped, timeouts }, { resyncs: 0, overruns: 0, malformed: 0, dropped: 0, timeouts: 0 });
      assert.ok(c.adverts.length > 200, `${c.adverts.length} adverts in two seconds`);
      assert.ok(c.adverts.every(({ data }) => data.length === 31 && data.every((byte) => byte === data[0])));
      assert.ok(r.adverts.length > 4, "the advert got on the air");
      assert.deepEqual(r.errors, []);
      assert.deepEqual(r.board.chip.violations, []);
    }
  });

  it("reports before startscan and without a scan go nowhere", () => {
    const r = rig().up();
    const c = new Catch(r);
    r.receive(numbered(1));
    r.bt.startscan(c.callback);
    assert.deepEqual(c.texts, []);
    r.run(50);
    assert.deepEqual(c.texts, []);
  });
});

describe("scan: the end", () => {
  it("stopscan: nothing more, though the chip goes on for a while", () => {
    const { r, c } = scanning();
    r.board.chip.hook = (opcode) => (opcode === OP.SCAN_ENABLE ? { delay: 500 } : undefined);
    r.board.air.advertise({ data: Uint8Array.of(1), interval: 20 });
    r.run(100);
    assert.ok(c.adverts.length > 0);
    r.bt.stopscan();
    c.clear();
    r.receive(numbered(2));
    r.run(2000);
    assert.deepEqual(c.texts, []);
    assert.equal(chipScans(r), false);
  });

  for (const how of ["stopscan", "close"] as const) {
    it(`${how} in the callback: not for what waits, the rest of the event, of the piece, of what is held`, () => {
      const r = rig().up();
      let calls = 0;
      const given: number[] = [];
      r.bt.setscanfilter([{ type: 0, collect: 0.05, collectmax: 2 }, { type: 1, collect: 0.05 }, {}]);
      r.bt.startscan((adverts) => {
        calls++;
        given.push(...adverts.map(numberOf));
        r.bt[how]();
      });
      r.run(20);
      const mixed = event(Array.from({ length: 12 }, (_, i) => numberedReport(i, { type: i % 4 === 3 ? 3 : i % 3 })));
      r.receive(joined([mixed, mixed, mixed]));
      assert.equal(calls, 1);
      const count = given.length;
      for (let i = 0; i < 5; i++) {
        if (how === "stopscan") r.receive(mixed);
        r.run(100);
      }
      assert.equal(calls, 1, "never again");
      assert.equal(given.length, count);
      if (how === "close") r.gone();
      else assert.equal(chipScans(r), false);
    });

    it(`${how} in the callback, called out of the middle of a long event`, () => {
      const r = rig().up();
      let calls = 0;
      r.bt.startscan(() => {
        calls++;
        r.bt[how]();
      });
      r.run(20);
      r.receive(event(Array.from({ length: 25 }, () => report({ data: [] }))));
      r.run(500);
      assert.equal(calls, 1);
    });

    it(`${how} in one timer's callback: not for what another rule holds`, () => {
      const r = rig().up();
      let calls = 0;
      r.bt.setscanfilter([{ type: 0, collect: 0.1 }, { type: 1, collect: 0.1 }, { type: 2, collect: 0.2 }]);
      r.bt.startscan(() => {
        calls++;
        r.bt[how]();
      });
      r.run(20);
      r.receive(event([0, 1, 2].map((type) => report({ type }))));
      r.run(1000);
      assert.equal(calls, 1);
    });

    it(`${how} with collected adverts pending: never delivered, no timer left`, () => {
      const { r, c } = scanning({ options: { health: 0 } }, [{ collect: 1 }, { collect: 2 }]);
      const idle = r.board.timers;
      r.receive(event([numberedReport(1), numberedReport(2)]));
      assert.ok(r.board.timers > idle, "the rule's timer runs");
      r.bt[how]();
      r.run(20);
      assert.equal(r.board.timers, 0);
      r.run(5000);
      assert.deepEqual(c.texts, []);
      if (how === "close") return r.gone();
      r.bt.startscan(c.callback);
      r.run(5000);
      assert.deepEqual(c.texts, [], "not with the next scan either");
    });
  }

  it("stopscan and startscan in the callback: the new one gets only what comes afterwards", () => {
    const r = rig().up();
    const given: string[] = [];
    const second = (adverts: Advert[]): void => void given.push(...adverts.map((advert) => `second ${numberOf(advert)}`));
    r.bt.startscan((adverts) => {
      given.push(...adverts.map((advert) => `first ${numberOf(advert)}`));
      r.bt.stopscan();
      r.bt.startscan(second);
    });
    r.run(20);
    r.receive(event([1, 2].map((n) => numberedReport(n))));
    r.run(50);
    r.receive(numbered(3));
    assert.deepEqual(given, ["first 1", "first 2", "second 3"]);
    assert.equal(chipScans(r), true);
  });

  it("after close: scanning is refused, stopping is not", () => {
    const { r } = scanning();
    r.bt.close();
    for (const call of [() => r.bt.startscan(() => {}), () => r.bt.startrawscan(() => {}), () => r.bt.setscanparams(), () => r.bt.setscanfilter([{}])]) {
      assert.throws(call, (error: any) => error.code === "closed");
    }
    r.bt.stopscan();
    r.gone();
  });

  it("close, and open again: scans again when asked, with the defaults", () => {
    const { r, c } = scanning({}, [{ type: 0 }]);
    r.bt.setscanparams(true, 100, 100);
    r.run(20).bt.close();
    r.run(200);
    r.open();
    r.up().run(50);
    assert.equal(chipScans(r), false);
    const from = r.mark();
    r.bt.startscan(c.callback);
    r.run(20);
    assert.deepEqual(scanCommands(r, from), [DEFAULTS, "on 0"]);
    delivers(r, c);
  });
});

describe("scan: changes from inside the callback", () => {
  it("of the parameters: off, parameters, on, and not one advert too few", () => {
    const r = rig().up();
    let once = true;
    const c = new Catch(r, () => {
      if (once) r.bt.setscanparams(true, 100, 100);
      once = false;
    });
    r.bt.startscan(c.callback);
    r.run(20);
    const from = r.mark();
    r.receive(event([1, 2, 3].map((n) => numberedReport(n))));
    r.receive(numbered(4));
    r.run(50);
    assert.deepEqual(scanCommands(r, from), ["off", ACTIVE100, "on 0"]);
    assert.deepEqual(c.adverts.map(numberOf), [1, 2, 3, 4]);
    delivers(r, c);
  });

  it("of the filter: from the next event on, without a command", () => {
    const r = rig().up();
    const c = new Catch(r, () => r.bt.setscanfilter([{ data: [4] }, { data: [6] }]));
    r.bt.startscan(c.callback);
    r.run(20);
    const from = r.mark();
    r.receive(event([1, 2].map((n) => report({ data: [n] }))));
    for (const n of [3, 4, 5, 6]) r.receive(single({ data: [n] }));
    assert.deepEqual(c.adverts.map(({ data, rule }) => [data[0], rule]), [[1, 0], [2, 0], [4, 0], [6, 1]]);
    r.run(20);
    assert.deepEqual(r.commands(from), []);
  });

  it("of the callback: the old one is not called again", () => {
    const r = rig().up();
    const given: string[] = [];
    const first = (adverts: Advert[]): void => {
      given.push(...adverts.map((advert) => `first ${numberOf(advert)}`));
      r.bt.startscan(second);
    };
    const second = (adverts: Advert[]): void => {
      given.push(...adverts.map((advert) => `second ${numberOf(advert)}`));
      r.bt.startscan(first);
    };
    r.bt.startscan(first);
    r.run(20);
    const from = r.mark();
    for (let n = 1; n <= 4; n++) r.receive(numbered(n));
    assert.deepEqual(given, ["first 1", "second 2", "first 3", "second 4"]);
    r.run(20);
    assert.deepEqual(r.commands(from), []);
  });

  it("of everything, every time, under load: no re-entrance, no refusal, nothing lost that the air had", () => {
    const { clock, rigs } = together(2);
    const r = rigs[1];
    let turn = 0;
    const c = new Catch(r, () => {
      turn++;
      r.bt.setscanfilter([{ data: [1, 2, 3] }, {}]);
      r.bt.setscanparams(turn % 2 === 0, 100 + (turn % 3), 100);
      r.bt.startscan(c.callback);
      if (turn % 5 === 0) r.bt.startadvertise(IBEACON, 100, 100 + turn);
    });
    r.bt.startscan(c.callback);
    rigs[0].bt.startadvertise(IBEACON, 100, 100, "\x01\x02\x03");
    clock.run(10_000);
    assert.ok(turn > 80, `${turn} callbacks in 10 s`);
    assert.deepEqual(r.errors, []);
    assert.deepEqual(r.board.chip.violations, []);
    assert.equal(r.bt.counters().refused, 0);
    assert.ok(c.adverts.some(({ type, rule }) => type === 4 && rule === 0));
    c.clear();
    clock.run(500);
    assert.ok(c.adverts.length > 0);
  });

  it("from a timer's callback: the bytes that come in meanwhile wait for its end", () => {
    const r = rig().up();
    let depth = 0;
    const given: number[] = [];
    r.bt.setscanfilter([{ type: 0, collect: 0.1 }, {}]);
    r.bt.startscan((adverts) => {
      assert.equal(depth++, 0, "not entered a second time");
      given.push(...adverts.map(numberOf));
      if (given.length === 1) {
        r.receive(event([2, 3].map((n) => numberedReport(n))));
        r.bt.setscanparams(true, 50, 50);
        r.receive(numbered(4));
        assert.deepEqual(given, [1]);
      }
      depth--;
    });
    r.run(20);
    r.receive(numbered(1, { type: 0 }));
    r.run(200);
    assert.deepEqual(given, [1, 2, 3, 4]);
    assert.equal(scanParameters(r).interval, 80);
  });

  it("bytes that come in while the callback runs wait for its end", () => {
    const r = rig().up();
    let depth = 0;
    const given: number[] = [];
    r.bt.startscan((adverts) => {
      assert.equal(depth++, 0);
      given.push(...adverts.map(numberOf));
      if (given.length < 4) r.receive(numbered(given.length + 1));
      depth--;
    });
    r.run(20);
    r.receive(numbered(1));
    assert.deepEqual(given, [1, 2, 3, 4]);
  });
});

describe("scan: collecting", () => {
  const RULE = [{ collect: 1 }];

  it("the first match starts the timer; one callback at its end, none before", () => {
    const { r, c } = scanning({}, RULE);
    const begun = r.now;
    r.receive(numbered(1));
    for (let n = 2; n <= 5; n++) {
      r.run(200);
      r.receive(numbered(n));
    }
    r.run(199);
    assert.equal(c.batches.length, 0);
    r.run(2);
    assert.deepEqual(c.batches.map((batch) => batch.map(numberOf)), [[1, 2, 3, 4, 5]]);
    assert.ok(Math.abs(c.times[0] - begun - 1000) < 1, `${c.times[0] - begun} ms`);
    r.run(5000);
    assert.equal(c.batches.length, 1, "and none without a new match");
  });

  it("the next match after that starts it anew", () => {
    const { r, c } = scanning({}, RULE);
    r.receive(numbered(1));
    r.run(1500);
    const begun = r.now;
    r.receive(numbered(1));
    r.run(5000);
    assert.deepEqual(c.batches.map((batch) => batch.map(numberOf)), [[1], [1]]);
    assert.ok(Math.abs(c.times[1] - begun - 1000) < 1);
  });

  it("distinct is another address, address type, type or other data; a repeat refreshes rssi and time", () => {
    const { r, c } = scanning({}, RULE);
    const base = { type: 0, addresstype: 0, address: "000000000001", data: [1, 2] };
    const kinds = [base, { ...base, type: 1 }, { ...base, addresstype: 1 }, { ...base, address: "010000000001" }, { ...base, data: [1, 3] }, { ...base, data: [1] }, { ...base, data: [1, 2, 0] }, { ...base, data: [] }];
    for (const kind of kinds) r.receive(single({ ...kind, rssi: -10 }));
    r.run(300);
    const later = r.now;
    r.receive(single({ ...kinds[0], rssi: -20 }));
    r.receive(single({ ...kinds[6], rssi: 127 }));
    r.run(300);
    r.receive(single({ ...kinds[0], rssi: -30 }));
    const last = r.now;
    r.run(1000);
    assert.equal(c.batches.length, 1);
    assert.deepEqual(c.texts, kinds.map((kind, i) => text({ ...kind, data: Uint8Array.from(kind.data), rssi: i === 0 ? -30 : i === 6 ? 127 : -10, time: 0, rule: 0 })));
    assert.ok(Math.abs(c.adverts[0].time - last) <= 1);
    assert.ok(Math.abs(c.adverts[6].time - later) <= 1);
    assert.ok(c.adverts[1].time < later - 250);
    for (const advert of c.adverts) assert.deepEqual(Object.keys(advert).sort(), ["address", "addresstype", "data", "rssi", "rule", "time", "type"]);
  });

  it("collectmax distinct ones: at once, and the timer ends", () => {
    const { r, c } = scanning({ options: { health: 0 } }, [{ collect: 10, collectmax: 3 }]);
    r.receive(numbered(1));
    r.receive(numbered(1));
    r.receive(numbered(2));
    r.receive(numbered(2));
    assert.equal(c.batches.length, 0);
    const now = r.now;
    r.receive(numbered(3));
    assert.deepEqual(c.batches.map((batch) => batch.map(numberOf)), [[1, 2, 3]]);
    assert.equal(c.times[0], now);
    r.run(100);
    assert.equal(r.board.timers, 0, "no timer is left");
    r.run(5000);
    r.receive(numbered(4));
    const begun = r.now;
    r.run(20_000);
    assert.deepEqual(c.batches.map((batch) => batch.map(numberOf)), [[1, 2, 3], [4]]);
    assert.ok(Math.abs(c.times[1] - begun - 10_000) < 1, "a whole time of its own");
  });

  it("collectmax 1: at once, each", () => {
    const { r, c } = scanning({ options: { health: 0 } }, [{ collect: 10, collectmax: 1 }]);
    for (const n of [1, 1, 2]) r.receive(numbered(n));
    assert.deepEqual(c.batches.map((batch) => batch.map(numberOf)), [[1], [1], [2]]);
    r.run(100);
    assert.equal(r.board.timers, 0);
  });

  it("collectmax is 16 where it is not given", () => {
    const { r, c } = scanning({}, [{ collect: 10 }]);
    for (let n = 1; n <= 15; n++) r.receive(numbered(n));
    r.run(100);
    assert.equal(c.batches.length, 0);
    r.receive(numbered(16));
    assert.deepEqual(c.batches.map((batch) => batch.map(numberOf)), [Array.from({ length: 16 }, (_, i) => i + 1)]);
    for (let n = 1; n <= 5; n++) r.receive(numbered(n));
    r.run(10_100);
    assert.deepEqual(c.batches[1].map(numberOf), [1, 2, 3, 4, 5]);
  });

  it("collectmax above 16", () => {
    const { r, c } = scanning({}, [{ collect: 1, collectmax: 40 }]);
    for (let n = 1; n <= 39; n++) r.receive(numbered(n));
    assert.equal(c.batches.length, 0);
    r.run(1100);
    assert.deepEqual(c.adverts.map(numberOf), Array.from({ length: 39 }, (_, i) => i + 1));
    assert.equal(c.batches.length, 1, "one callback");
    assert.equal(r.bt.counters().adverts, 0);
  });

  it("fractions of a second, and of a number", () => {
    const { r, c } = scanning({}, [{ collect: 0.25 }]);
    r.receive(numbered(1));
    r.run(249);
    assert.equal(c.batches.length, 0);
    r.run(2);
    assert.equal(c.batches.length, 1);
    for (const [collectmax, most] of [[0.5, 1], [1.5, 1], [2.9, 2]]) {
      c.clear();
      r.bt.setscanfilter([{ collect: 5, collectmax }]);
      for (let n = 1; n <= 2; n++) r.receive(numbered(n));
      assert.equal(c.batches[0]?.length, most, `${collectmax}: never more than that, and at least one`);
    }
  });

  it("collectmax without collect: nothing is collected", () => {
    const { r, c } = scanning({}, [{ collectmax: 5 }]);
    r.receive(numbered(1));
    r.receive(numbered(1));
    assert.deepEqual(c.batches.map((batch) => batch.map(numberOf)), [[1], [1]]);
  });

  it("neither key is something to match", () => {
    const { r, c } = scanning({}, [{ collect: 0.1, collectmax: 2, type: 4 }, { type: 3 }]);
    r.receive(numbered(1));
    assert.deepEqual(c.adverts.map(({ rule }) => rule), [1]);
  });

  it("each rule for itself: times, holds, the rule in its adverts; a rule that does not collect is at once", () => {
    const { r, c } = scanning({}, [{ type: 0, collect: 0.3 }, { type: 1, collect: 0.1 }, { type: 3 }]);
    r.receive(event([numberedReport(1, { type: 0 }), numberedReport(2, { type: 1 }), numberedReport(3), numberedReport(4, { type: 0 }), numberedReport(5, { type: 1 })]));
    assert.deepEqual(c.batches.map((batch) => batch.map((advert) => [numberOf(advert), advert.rule])), [[[3, 2]]]);
    r.run(150);
    assert.deepEqual(c.batches.slice(1).map((batch) => batch.map((advert) => [numberOf(advert), advert.rule])), [[[2, 1], [5, 1]]]);
    r.run(200);
    assert.deepEqual(c.batches.slice(2).map((batch) => batch.map((advert) => [numberOf(advert), advert.rule])), [[[1, 0], [4, 0]]]);
  });

  it("a change of the filter drops what is held; no timer is left", () => {
    const { r, c } = scanning({ options: { health: 0 } }, [{ type: 0, collect: 1 }, { collect: 2 }]);
    r.receive(numbered(1));
    r.receive(numbered(2, { type: 0 }));
    r.run(500);
    r.bt.setscanfilter([{ collect: 1 }]);
    r.run(10);
    assert.equal(r.board.timers, 0);
    r.run(5000);
    assert.deepEqual(c.texts, []);
    const begun = r.now;
    r.receive(numbered(3));
    r.run(2000);
    assert.deepEqual(c.adverts.map(numberOf), [3]);
    assert.ok(Math.abs(c.times[0] - begun - 1000) < 1);
  });

  it("a change of the filter in the middle of the delivery of another rule drops what is held", () => {
    const r = rig({ options: { health: 0 } }).up();
    const c = new Catch(r, () => r.bt.setscanfilter([{ type: 3, collect: 3 }]));
    r.bt.setscanfilter([{ type: 0, collect: 0.1 }, { type: 1, collect: 0.1 }, { type: 2, collect: 0.2 }]);
    r.bt.startscan(c.callback);
    r.run(20);
    r.receive(event([0, 1, 2].map((type) => numberedReport(type, { type }))));
    r.run(5000);
    assert.deepEqual(c.adverts.map(numberOf), [0]);
    assert.equal(r.board.timers, 0);
  });

  it("a change of parameters or of the callback keeps what is held", () => {
    const { r, c } = scanning({}, RULE);
    r.receive(numbered(1));
    r.run(300).bt.setscanparams(true, 100, 100);
    const other = new Catch(r);
    r.run(300).bt.startscan(other.callback);
    r.run(1000);
    assert.deepEqual(c.texts, []);
    assert.deepEqual(other.batches.map((batch) => batch.map(numberOf)), [[1]]);
  });

  it("what is held is not delivered ages later: raw reports in between", () => {
    const { r, c } = scanning({ options: { health: 0 } }, RULE);
    r.receive(numbered(1));
    r.bt.startrawscan(() => {});
    r.run(60_000);
    r.bt.startscan(c.callback);
    r.receive(numbered(2));
    r.run(2000);
    assert.deepEqual(c.adverts.map(numberOf), [2], "an advert of a minute ago is no news");
  });

  it("what is held keeps its bytes, whatever comes in behind it", () => {
    const { r, c } = scanning({}, [{ type: 0, collect: 1 }, { type: 1 }]);
    r.receive(single({ type: 0, data: new Uint8Array(31).fill(0xab), address: "ababababab01", rssi: 20 }));
    r.receive(single({ type: 0, data: [], address: "000000000000", rssi: -127 }));
    for (let n = 0; n < 300; n++) r.receive(numbered(n, { type: 2 }));
    r.run(1100);
    assert.deepEqual(c.texts, [`0 1 ababababab01 20 ${"ab".repeat(31)} 0`, "0 1 000000000000 -127  0"]);
  });

  it("from the air: a beacon of 100 ms once a second", () => {
    const { r, c } = scanning({}, RULE);
    r.board.air.advertise({ data: IBEACON });
    r.run(10_000);
    assert.ok(c.batches.length >= 8 && c.batches.length <= 9, `${c.batches.length} callbacks in 10 s`);
    assert.ok(c.batches.every(({ length }) => length === 1));
  });
});

describe("scan: beside an advert", () => {
  it("both at once, each with its own changes", () => {
    const { clock, rigs } = together(2);
    const caught = rigs.map((r) => new Catch(r));
    rigs.forEach((r, i) => {
      r.bt.startadvertise([i, 1], 100, 100, [i, 2]);
      r.bt.setscanparams(true, 100, 100);
      r.bt.startscan(caught[i].callback);
    });
    clock.run(1000);
    rigs.forEach((r, i) => {
      const other = 1 - i;
      assert.deepEqual([...new Set(caught[i].texts)].sort(), [`2 1 ${rigs[other].bt.address()} -60 0${other}01 0`, `4 1 ${rigs[other].bt.address()} -60 0${other}02 0`]);
      assert.ok(r.adverts.length > 8);
      assert.deepEqual(r.errors, []);
      assert.deepEqual(r.board.chip.violations, []);
    });
    const [r, mark] = [rigs[0], rigs[0].mark()];
    r.bt.setscanparams(false, 50, 50);
    clock.run(20);
    assert.ok(!r.commands(mark).some(({ opcode }) => opcode === OP.ADV_ENABLE), "the advert is not touched");
    const second = r.mark();
    r.bt.startadvertise([9], 200, 200);
    clock.run(20);
    assert.deepEqual(scanCommands(r, second), [], "the scan is not touched");
    r.bt.stopadvertise();
    clock.run(20);
    caught[0].clear();
    clock.run(300);
    assert.ok(caught[0].adverts.length > 0);
    assert.ok(chipScans(r));
  });

  it("where the chip cannot do both: one plain error, the advert goes on, the scan begins as soon as it can", () => {
    const r = rig().up();
    let advertising = true;
    r.board.chip.hook = (opcode, p) => {
      if (opcode === OP.ADV_ENABLE) advertising = p[0] === 1;
      return opcode === OP.SCAN_ENABLE && p[0] === 1 && advertising ? { status: 0x0c } : undefined;
    };
    const c = new Catch(r);
    r.bt.startadvertise(IBEACON, 100, 100);
    r.run(50);
    const mark = r.mark();
    r.bt.startscan(c.callback);
    r.run(500);
    assert.deepEqual(errors(r), ["refused scanner 12"]);
    assert.ok(r.errors[0].message.includes("scanner"));
    const before = r.adverts.length;
    r.run(40_000);
    assert.ok(r.adverts.length - before > 350, "the advert is on the air all the time");
    assert.deepEqual(errors(r), ["refused scanner 12"], "told once");
    assert.ok(!r.commands(mark).some(({ opcode }) => opcode === OP.ADV_ENABLE));
    const now = r.now;
    r.bt.stopadvertise();
    r.clock.until(() => chipScans(r), 1000);
    assert.ok(r.now - now < 100, "not after the next wait only");
    delivers(r, c);
    assert.equal(r.errors.length, 1);
  });

  it("an error of the one is not told again because the other changes", () => {
    for (const [opcode, told] of [[OP.ADV_PARAMETERS, "refused advertiser 18"], [OP.SCAN_PARAMETERS, "refused scanner 18"]] as [number, string][]) {
      const r = rig().up();
      r.board.chip.hook = (o) => (o === opcode ? { status: 0x12 } : undefined);
      r.bt.startadvertise(IBEACON, 100, 100);
      r.bt.startscan(() => {});
      r.run(100);
      for (let i = 0; i < 5; i++) {
        if (opcode === OP.ADV_PARAMETERS) r.bt.setscanparams(i % 2 === 0, 100, 100);
        else r.bt.startadvertise([i], 100, 100);
        r.run(100);
      }
      assert.deepEqual(errors(r), [told]);
    }
  });
});

describe("scan: refused", () => {
  for (const [what, opcode] of [["parameters", OP.SCAN_PARAMETERS], ["enable", OP.SCAN_ENABLE]] as [string, number][]) {
    for (const code of [0x0c, 0x12, 0x1f]) {
      for (const byStatus of [false, true]) {
        it(`the ${what} with 0x${code.toString(16)}${byStatus ? " by Command Status" : ""}: told once, tried after 1, 5 and 30 s, then it works`, () => {
          const r = rig().up();
          let refused = true;
          const times: number[] = [];
          r.board.chip.hook = (o, p) => {
            if (o !== opcode || !refused || (o === OP.SCAN_ENABLE && p[0] === 0)) return undefined;
            times.push(r.now);
            return byStatus ? { bytes: status(opcode, code) } : { status: code };
          };
          const c = new Catch(r);
          r.bt.startscan(c.callback);
          r.run(36_900);
          assert.deepEqual(errors(r), [`refused scanner ${code}`]);
          const gaps = times.slice(1).map((time, i) => Math.round((time - times[i]) / 100) / 10);
          assert.deepEqual(gaps, [1, 5, 30]);
          refused = false;
          r.run(31_000);
          assert.equal(chipScans(r), true);
          delivers(r, c);
          assert.equal(r.errors.length, 1);
          assert.deepEqual(r.board.chip.violations, []);
        });
      }
    }
  }

  it("a chip that scans already, against what it was told: it is switched off first, then all is well", () => {
    const r = rig().up();
    r.board.chip.controller.scanning.setEnable(1, 0);
    const c = new Catch(r);
    r.bt.startscan(c.callback);
    r.run(2000);
    assert.equal(chipScans(r), true);
    assert.ok(r.errors.length <= 1);
    delivers(r, c);
  });

  it("the disable, because it is off already: no error", () => {
    const { r } = scanning();
    r.board.chip.hook = (opcode, p) => (opcode === OP.SCAN_ENABLE && p[0] === 0 ? { status: 0x0c } : undefined);
    const from = r.mark();
    r.bt.stopscan();
    r.run(60_000);
    assert.deepEqual(errors(r), []);
    assert.deepEqual(scanCommands(r, from), ["off"]);
  });

  it("the disable, for another reason: the scan still ends", () => {
    const { r, c } = scanning();
    let refusals = 1;
    r.board.chip.hook = (opcode, p) => (opcode === OP.SCAN_ENABLE && p[0] === 0 && refusals-- > 0 ? { status: 0x1f } : undefined);
    r.bt.stopscan();
    r.run(5000);
    assert.equal(chipScans(r), false);
    assert.deepEqual(c.texts, []);
  });

  it("ends with stopscan: nothing is tried any more", () => {
    const r = rig().up();
    r.board.chip.hook = (opcode) => (opcode === OP.SCAN_PARAMETERS ? { status: 0x12 } : undefined);
    r.bt.startscan(() => {});
    r.run(500);
    r.bt.stopscan();
    r.run(100);
    const from = r.mark();
    r.run(9000);
    assert.deepEqual(scanCommands(r, from), []);
  });

  it("by a chip that never answers: told, and not for ever", () => {
    for (const opcode of [OP.SCAN_PARAMETERS, OP.SCAN_ENABLE]) {
      const r = rig().up();
      r.board.chip.hook = (o) => (o === opcode ? "drop" : undefined);
      r.bt.startscan(() => {});
      r.run(600_000);
      assert.ok(r.errors.length > 0);
      assert.ok(scanCommands(r).length < 120, `${scanCommands(r).length} commands in 600 s`);
    }
  });

  it("a lost answer: the scan is there all the same", () => {
    for (const opcode of [OP.SCAN_PARAMETERS, OP.SCAN_ENABLE]) {
      for (const bytes of [true, false]) {
        const r = rig().up();
        const c = new Catch(r);
        let lost = 1;
        // Performed or not, its answer never comes.
        r.board.chip.hook = (o, p) => {
          if (o !== opcode || lost-- <= 0) return undefined;
          if (bytes && o === OP.SCAN_ENABLE) r.board.chip.controller.scanning.setEnable(p[0], p[1]);
          return "drop";
        };
        r.bt.startscan(c.callback);
        r.run(20_000);
        assert.equal(chipScans(r), true);
        delivers(r, c);
      }
    }
  });
});

describe("scan: whatever is called in whatever order", () => {
  it("40 runs of chance end as declared, with no command too many", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const any = chance(seed * 7919);
      const r = rig().up();
      const c = new Catch(r, () => {
        if (any(4) === 0) act();
      });
      let on = false;
      let wanted = { active: 0, interval: 16, window: 16 };
      function act(): void {
        switch (any(7)) {
          case 0:
          case 1:
            r.bt.startscan(c.callback);
            on = true;
            break;
          case 2:
            r.bt.stopscan();
            on = false;
            break;
          case 3:
          case 4: {
            const ms = [10, 50, 100][any(3)];
            const active = any(2);
            r.bt.setscanparams(active === 1, ms, ms);
            wanted = { active, interval: ms * 1.6, window: ms * 1.6 };
            break;
          }
          case 5:
            r.bt.setscanfilter(any(2) ? [{}] : [{ collect: 0.01 + any(3) / 10 }, {}]);
            break;
          case 6:
            if (any(2)) r.bt.startadvertise([any(3)], 100, 100, any(2) ? [1] : null);
            else r.bt.stopadvertise();
            break;
        }
      }
      r.board.air.advertise({ data: IBEACON, interval: 20, response: Uint8Array.of(1) });
      r.board.chip.hook = (opcode) => ((opcode === OP.SCAN_ENABLE || opcode === OP.SCAN_PARAMETERS) && any(4) === 0 ? { delay: any(20) } : undefined);
      for (let i = 0; i < 60; i++) {
        act();
        if (any(2)) r.run(any(30) / 4);
      }
      // Nothing more from within the callback.
      r.bt.setscanfilter([]);
      r.run(500);
      assert.equal(chipScans(r), on, `seed ${seed}`);
      if (on) {
        const { active, interval, window } = scanParameters(r);
        assert.deepEqual({ active, interval, window }, wanted, `seed ${seed}`);
      }
      assert.deepEqual(errors(r), [], `seed ${seed}`);
      assert.deepEqual(r.board.chip.violations, [], `seed ${seed}`);
      assert.ok(scanCommands(r).length <= 4 * 120);
      const from = r.mark();
      r.run(2000);
      assert.deepEqual(scanCommands(r, from), [], "quiet");
    }
  });
});

describe("scan: recovery", () => {
  it("after a Hardware Error the scan is back as it was, with its filter", () => {
    const { r, c } = scanning({}, [{ data: [0x11] }, { data: [0x5a] }]);
    r.bt.setscanparams(true, 100, 100);
    r.run(20);
    r.board.chip.hardwareError(3);
    const from = r.mark();
    r.clock.until(() => r.recovered.length > 0, 10_000);
    r.run(50);
    assert.deepEqual(scanCommands(r, from), [ACTIVE100, "on 0"]);
    delivers(r, c);
    assert.ok(c.adverts.every(({ rule }) => rule === 1));
    assert.deepEqual(r.errors.map(({ code }) => code), ["hardware-error"]);
    assert.deepEqual(r.board.chip.violations, []);
  });

  it("of a standard controller, of one without a power line", () => {
    for (const r of [plainRig().up(), rig({ board: { wiring: {} } }).up()] as Rig<any>[]) {
      const c = new Catch(r);
      r.bt.startscan(c.callback);
      r.run(50);
      r.board.chip.hardwareError(3);
      r.clock.until(() => r.recovered.length > 0, 30_000);
      r.run(50);
      assert.equal(chipScans(r), true);
      delivers(r, c);
    }
  });

  it("a chip that started anew by itself: noticed, though nothing is on the air", () => {
    const { r, c } = scanning();
    r.run(30_000);
    assert.equal(r.recovered.length, 0);
    r.board.chip.restart();
    r.clock.until(() => r.recovered.length > 0, 60_000);
    assert.equal(r.recovered.length, 1);
    r.run(50);
    delivers(r, c);
  });

  it("what is declared meanwhile comes into force afterwards; what was stopped does not come back", () => {
    const { r, c } = scanning();
    r.board.chip.hardwareError(1);
    r.run(50);
    r.bt.setscanparams(false, 100, 100);
    r.bt.setscanfilter([{ data: [0x5a] }]);
    const from = r.mark();
    r.clock.until(() => r.recovered.length > 0, 10_000);
    r.run(50);
    assert.deepEqual(scanCommands(r, from), [PASSIVE100, "on 0"]);
    delivers(r, c);
    r.board.chip.hardwareError(2);
    r.run(50).bt.stopscan();
    r.clock.until(() => r.recovered.length > 1, 10_000);
    r.run(500);
    assert.equal(chipScans(r), false);
  });

  it("from inside the callback: a Hardware Error in the same piece as reports", () => {
    const { r, c } = scanning({}, undefined, () => r.bt.setscanparams(true, 100, 100));
    r.receive(joined([numbered(1), Uint8Array.of(4, 0x10, 1, 9), numbered(2)]));
    r.clock.until(() => r.recovered.length > 0, 30_000);
    r.run(50);
    assert.equal(chipScans(r), true);
    delivers(r, c);
  });

  it("collected adverts: no timer of before fires into the time after, nothing is delivered twice", () => {
    const { r, c } = scanning({}, [{ collect: 5 }]);
    r.receive(numbered(1));
    r.board.chip.hardwareError(1);
    r.clock.until(() => r.recovered.length > 0, 10_000);
    r.run(100);
    const begun = r.now;
    r.receive(numbered(2));
    r.run(20_000);
    const batch = c.batches.find((adverts) => adverts.some((advert) => numberOf(advert) === 2))!;
    assert.equal(c.batches.filter((adverts) => adverts.some((advert) => numberOf(advert) === 2)).length, 1);
    assert.ok(batch !== undefined);
    assert.ok(Math.abs(c.times.at(-1)! - begun) <= 5001);
  });
});

describe("scan: thinned where the line loses bytes", () => {
  /** Loses one byte of so many that come from the chip. */
  function lossy(r: Rig<any>, every: number): void {
    r.board.wire.toHost.fault = (byte: number, index: number) => (index % every === 0 ? null : byte);
  }

  /** So many reports that come without their last byte. */
  function loses(r: Rig<any>, count: number, ms: number): void {
    for (let i = 0; i < count; i++) {
      r.board.chip.inject(single({ data: new Uint8Array(31) }).slice(0, 30));
      r.run(ms);
    }
  }

  function last(r: Rig<any>): { duplicates: number; window: number; interval: number } {
    const on = scanCommands(r).filter((command) => command.startsWith("on")).at(-1)!;
    const { window, interval } = scanParameters(r);
    return { duplicates: +on.slice(3), window, interval };
  }

  function air(r: Rig<any>): void {
    for (let i = 0; i < 10; i++) r.board.air.advertise({ data: new Uint8Array(31).fill(i), interval: 100 });
  }

  it("without flow control: the duplicate filter, a smaller window, and back when it is over", () => {
    const { r, c } = scanning({ board: { flow: false } });
    r.bt.setscanparams(false, 100, 100);
    air(r);
    r.run(1000);
    assert.deepEqual(last(r), { duplicates: 0, window: 160, interval: 160 });
    loses(r, 10, 400);
    const thin = last(r);
    assert.equal(thin.duplicates, 1, "the duplicate filter is on");
    assert.ok(thin.window < 160 && thin.window >= 4, `window ${thin.window}`);
    assert.equal(thin.interval, 160);
    r.run(120_000);
    assert.deepEqual(last(r), { duplicates: 0, window: 160, interval: 160 }, "back as it was asked for");
    assert.deepEqual(r.errors.filter(({ code }) => code === "refused"), []);
    assert.deepEqual(r.board.chip.violations, []);
    delivers(r, c);
  });

  it("one loss is enough for the duplicate filter; the change is off, parameters, on", () => {
    const { r } = scanning({ board: { flow: false } });
    const from = r.mark();
    loses(r, 1, 1000);
    assert.ok(r.bt.counters().resyncs > 0);
    assert.deepEqual(scanCommands(r, from).map((command) => command.split(" ")[0]), ["off", "parameters", "on"]);
    assert.equal(last(r).duplicates, 1);
    r.run(60_000);
    assert.deepEqual(last(r), { duplicates: 0, window: 16, interval: 16 });
  });

  it("the smallest window there is is not made smaller", () => {
    const { r } = scanning({ board: { flow: false } });
    r.bt.setscanparams(false, 3, 3);
    air(r);
    r.run(200);
    loses(r, 10, 400);
    assert.ok(last(r).window >= 4 && last(r).window <= last(r).interval);
    assert.deepEqual(r.errors.filter(({ code }) => code === "refused"), []);
  });

  it("with flow control: never", () => {
    const { r } = scanning();
    air(r);
    lossy(r, 997);
    r.run(5000);
    assert.ok(r.bt.counters().resyncs > 0);
    for (const command of scanCommands(r)) assert.ok(["off", DEFAULTS, "on 0"].includes(command), command);
  });

  it("not because of losses that are over when the scan begins", () => {
    const r = rig({ board: { flow: false } }).up();
    r.board.chip.inject(Uint8Array.of(9, 9, 9, 9, 9));
    r.run(500);
    assert.ok(r.bt.counters().resyncs > 0);
    r.bt.startscan(() => {});
    r.run(100);
    assert.deepEqual(scanCommands(r), [DEFAULTS, "on 0"]);
  });

  it("what the application asks for meanwhile is thinned as well, and comes back whole", () => {
    const { r } = scanning({ board: { flow: false } });
    air(r);
    lossy(r, 701);
    r.run(3000);
    assert.equal(last(r).duplicates, 1);
    r.bt.setscanparams(true, 200, 200);
    r.run(200);
    assert.equal(last(r).duplicates, 1);
    r.board.wire.toHost.fault = undefined;
    r.run(120_000);
    assert.deepEqual(last(r), { duplicates: 0, window: 320, interval: 320 });
    assert.equal(scanParameters(r).active, 1);
  });

  it("and back also where the chip had to be restarted meanwhile", () => {
    const { r, c } = scanning({ board: { flow: false } });
    r.board.chip.inject(Uint8Array.of(9, 9, 9, 9, 9));
    r.run(500);
    assert.equal(last(r).duplicates, 1);
    r.board.chip.hardwareError(1);
    r.clock.until(() => r.recovered.length > 0, 30_000);
    r.run(120_000);
    assert.deepEqual(last(r), { duplicates: 0, window: 16, interval: 16 });
    delivers(r, c);
  });

  it("and back also where the chip was out of reach for a while", () => {
    const { r, c } = scanning({ board: { flow: false }, options: { attempts: 1 } });
    loses(r, 4, 400);
    assert.equal(last(r).duplicates, 1);
    r.board.chip.hook = () => "drop";
    r.board.chip.hardwareError(1);
    r.clock.until(() => r.errors.length >= 2, 20_000);
    assert.equal(r.errors.length, 2, "recovery has been given up, to be tried again");
    r.board.chip.hook = undefined;
    r.clock.until(() => r.recovered.length > 0, 120_000);
    assert.equal(r.recovered.length, 1);
    r.run(120_000);
    assert.deepEqual(last(r), { duplicates: 0, window: 16, interval: 16 });
    delivers(r, c);
  });
});

describe("scan: raw reports", () => {
  it("lie where they say: type, address type, address, length, data, RSSI", () => {
    const r = rig().up();
    const seen: string[] = [];
    r.bt.setscanfilter([{ type: 0 }, {}]);
    r.bt.startrawscan((bytes, at, rule) => {
      assert.ok(bytes instanceof Uint8Array);
      const length = bytes[at + 8];
      const address = hex([...bytes.slice(at + 2, at + 8)].reverse());
      seen.push(`${bytes[at]} ${bytes[at + 1]} ${address} ${(bytes[at + 9 + length] << 24) >> 24} ${hex(bytes.slice(at + 9, at + 9 + length))} ${rule}`);
    });
    r.run(20);
    r.board.chip.inject(event([report({ type: 0, addresstype: 0, address: "0123456789ab", data: [9, 8, 7], rssi: -99 }), report({ type: 4, data: [], rssi: 127 })]));
    r.run(10);
    assert.deepEqual(seen, ["0 0 0123456789ab -99 090807 0", "4 1 c0ffee123456 127  1"]);
    assert.deepEqual(scanCommands(r), [DEFAULTS, "on 0"]);
  });

  it("come in the same order as adverts, filtered the same, from any place of the ring", () => {
    const any = chance(21);
    const [a, b] = [rig().up(), rig().up()];
    const c = new Catch(a);
    const raw: string[] = [];
    for (const r of [a, b]) r.bt.setscanfilter([{ data: [1] }, { minrssi: -50 }]);
    a.bt.startscan(c.callback);
    b.bt.startrawscan((bytes, at, rule) => {
      const length = bytes[at + 8];
      raw.push(`${bytes[at]} ${bytes[at + 1]} ${hex([...bytes.slice(at + 2, at + 8)].reverse())} ${(bytes[at + 9 + length] << 24) >> 24} ${hex(bytes.slice(at + 9, at + 9 + length))} ${rule}`);
    });
    a.run(20);
    b.run(20);
    for (let i = 0; i < 400; i++) {
      const packet = event(Array.from({ length: 1 + any(5) }, () => report({ type: any(5), addresstype: any(2), data: Array.from({ length: any(32) }, () => any(30)), rssi: -any(120) })));
      const cut = any(packet.length);
      for (const r of [a, b]) {
        r.receive(packet.slice(0, cut));
        r.receive(packet.slice(cut));
      }
    }
    assert.ok(raw.length > 300);
    assert.deepEqual(raw, c.texts);
  });

  it("stop at once: stopscan and close in the middle of an event", () => {
    for (const how of ["stopscan", "close"] as const) {
      const r = rig().up();
      let calls = 0;
      r.bt.startrawscan(() => {
        calls++;
        r.bt[how]();
      });
      r.run(20);
      const packet = event([1, 2, 3].map((n) => numberedReport(n)));
      r.receive(joined([packet, packet]));
      r.run(500);
      assert.equal(calls, 1, how);
      if (how === "close") r.gone();
    }
  });

  it("do not re-enter, may change everything, and what they throw is told", () => {
    const r = rig().up();
    let depth = 0;
    let calls = 0;
    const callback = (bytes: Uint8Array, at: number): void => {
      assert.equal(depth++, 0);
      calls++;
      if (bytes[at + 9] === 1) {
        r.receive(numbered(50));
        r.bt.setscanparams(true, 100, 100);
        r.bt.setscanfilter([{}]);
        r.bt.startrawscan(callback);
      }
      depth--;
      if (bytes[at + 9] === 2) throw new Error("mine");
    };
    r.bt.startrawscan(callback);
    r.run(20);
    const from = r.mark();
    r.receive(event([1, 2, 3].map((n) => numberedReport(n))));
    r.run(50);
    assert.equal(calls, 4);
    assert.deepEqual(scanCommands(r, from), ["off", ACTIVE100, "on 0"]);
    assert.deepEqual(r.errors.map(({ message }) => message), ["mine"]);
  });

  it("and adverts replace each other, without a command", () => {
    const { r, c } = scanning();
    const from = r.mark();
    let raw = 0;
    r.bt.startrawscan(() => void raw++);
    r.receive(numbered(1));
    r.bt.startscan(c.callback);
    r.receive(numbered(2));
    r.run(20);
    assert.deepEqual([raw, c.adverts.map(numberOf)], [1, [2]]);
    assert.deepEqual(r.commands(from), []);
  });

  it("do not collect", () => {
    const r = rig({ options: { health: 0 } }).up();
    let calls = 0;
    r.bt.setscanfilter([{ collect: 1 }]);
    r.bt.startrawscan(() => void calls++);
    r.run(20);
    r.receive(numbered(1));
    r.receive(numbered(1));
    assert.equal(calls, 2);
    r.run(100);
    assert.equal(r.board.timers, 0);
  });
});

describe("scan: what a report costs", () => {
  const gc = (globalThis as any).gc as (() => void) | undefined;

  /** Bytes of heap for each of `count` packets. */
  function cost(r: Rig, packet: Uint8Array, count: number): number {
    for (let i = 0; i < 60_000; i++) r.receive(packet);
    let least = Infinity;
    for (let round = 0; round < 5; round++) {
      gc!();
      const before = process.memoryUsage().heapUsed;
      for (let i = 0; i < count; i++) r.receive(packet);
      least = Math.min(least, (process.memoryUsage().heapUsed - before) / count);
    }
    return least;
  }

  function under(bytes: number, most: number): void {
    assert.ok(bytes < most, `${bytes} bytes a report`);
  }

  it("nothing, where it is rejected", function () {
    if (!gc) return this.skip();
    const { r, c } = scanning({}, [{ address: "0000000000__" }, { data: IBEACON, minrssi: -20 }, { type: 0 }]);
    under(cost(r, single({ data: IBEACON }), 20_000), 1);
    assert.equal(c.adverts.length, 0);
  });

  it("nothing, where it is handed over raw", function () {
    if (!gc) return this.skip();
    const r = rig().up();
    let sum = 0;
    r.bt.startrawscan((bytes, at, rule) => {
      sum = (sum + bytes[at] + rule) & 0xffff;
    });
    r.run(20);
    under(cost(r, single({ data: IBEACON }), 20_000), 1);
    assert.ok(sum > 0);
  });

  it("no object, where it repeats one that is held", function () {
    if (!gc) return this.skip();
    const { r } = scanning({}, [{ collect: 3600 }]);
    // The times of this clock have fractions, and such a number may cost an engine a few bytes; an advert costs 200 and more.
    under(cost(r, single({ data: IBEACON }), 20_000), 80);
  });
});
