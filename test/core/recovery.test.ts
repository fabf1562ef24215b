import assert from "node:assert/strict";
import { splitImage } from "../../hal/mock/index.js";
import { complete, hex, IBEACON, IMAGE, OP, plainRig, rig, unhex, type Rig } from "../support/rig.js";

const RESPONSE = Uint8Array.of(3, 0xff, 1, 2);
const ONAIR = [`2:${hex(IBEACON)}`];

function beacon(setup: any = {}): Rig {
  const r = rig(setup).up();
  r.bt.startadvertise(IBEACON, 100, 100, RESPONSE);
  r.run(100);
  assert.deepEqual(r.onair(), ONAIR);
  return r;
}

/** It comes back by itself within `ms`: the application is told once of the fault and once of the recovery, and the air is as it was. */
function recovers(r: Rig<any>, ms: number, code?: string | RegExp): void {
  const { address, interval } = { address: r.bt.address(), interval: lastParameters(r) };
  r.clock.until(() => r.recovered.length > 0, ms);
  assert.equal(r.recovered.length, 1, `recovered, errors: ${r.errors.map((error) => error.message)}`);
  assert.equal(r.errors.length, 1, `told once: ${r.errors.map((error) => error.message)}`);
  if (typeof code === "string") assert.equal(r.errors[0].code, code);
  else if (code) assert.match(r.errors[0].code, code);
  assert.match(r.errors[0].code, /^[a-z-]+$/);
  assert.equal(r.ready.length, 1, "onready is told once in a life");
  r.run(100);
  const observer = r.board.air.observe({ active: true });
  assert.deepEqual([...new Set(r.onair(500))].filter((text) => !text.startsWith("4:")), ONAIR);
  assert.ok(observer.heard.some(({ pdu }) => pdu.type === 4 && hex(pdu.data) === hex(RESPONSE)), "the scan response too");
  observer.stop();
  assert.equal(r.bt.address(), address);
  assert.equal(r.recovered[0].address, address);
  assert.ok(r.recovered[0].ms > 0 && r.recovered[0].ms < ms);
  assert.equal(lastParameters(r), interval);
  assert.equal(r.bt.counters().restarts, 1);
  const from = r.mark();
  r.run(9000);
  assert.deepEqual(r.commands(from), [], "quiet again");
}

function lastParameters(r: Rig<any>): string {
  return hex(r.commands().filter(({ opcode }) => opcode === OP.ADV_PARAMETERS).at(-1)!.parameters);
}

function offTime(r: Rig): number {
  const pins = r.board.pins.filter(({ pin }) => pin === "regon");
  const low = pins.filter(({ level }) => level === 0).at(-1)!;
  return pins.find(({ time, level }) => level === 1 && time >= low.time)!.time - low.time;
}

describe("recovery: a Hardware Error", () => {
  it("cuts the power for 300 ms, downloads again and puts all back", () => {
    const r = beacon();
    const launched = r.board.chip.count(OP.LAUNCH);
    r.board.chip.hardwareError(0x42);
    recovers(r, 10_000, "hardware-error");
    assert.equal(r.errors[0].detail, 0x42);
    assert.ok(offTime(r) >= 300, `${offTime(r)} ms`);
    assert.equal(r.board.chip.count(OP.LAUNCH), launched + 1);
    assert.equal(r.board.chip.written.length, splitImage(IMAGE).length - 1);
    assert.deepEqual(r.board.chip.violations, []);
  });

  it("without a power line: Reset, and no download where the patch is still there", () => {
    const r = beacon({ board: { wiring: {} } });
    r.board.chip.hardwareError(3);
    recovers(r, 10_000, "hardware-error");
    assert.equal(r.board.chip.count(OP.MINIDRIVER), 1);
  });

  it("of a standard controller", () => {
    const r = plainRig().up();
    r.bt.startadvertise(IBEACON, 100, 100, RESPONSE);
    r.run(200);
    r.board.chip.hardwareError(3);
    recovers(r, 10_000, "hardware-error");
  });

  it("again and again", () => {
    const r = beacon();
    for (let i = 1; i <= 8; i++) {
      r.board.chip.hardwareError(i);
      r.clock.until(() => r.recovered.length === i, 10_000);
      assert.equal(r.recovered.length, i);
      assert.equal(r.errors.length, i);
      r.run(100);
      assert.deepEqual(r.onair(), ONAIR);
    }
  });

  it("while it recovers from another", () => {
    const r = beacon();
    r.board.chip.hardwareError(1);
    r.run(600);
    r.board.chip.inject(Uint8Array.of(4, 0x10, 1, 2));
    r.clock.until(() => r.recovered.length > 0, 30_000);
    r.run(100);
    assert.deepEqual(r.onair(), ONAIR);
    assert.equal(r.recovered.length, 1);
  });

  it("with a command under way", () => {
    const r = beacon();
    r.board.chip.hook = (opcode) => (opcode === OP.ADV_DATA ? { bytes: Uint8Array.of(4, 0x10, 1, 7) } : undefined);
    r.bt.startadvertise("x", 100, 100);
    r.run(50);
    r.board.chip.hook = undefined;
    r.clock.until(() => r.recovered.length > 0, 30_000);
    r.run(100);
    assert.deepEqual(r.onair(), ["3:78"]);
    assert.deepEqual(r.errors.map(({ code }) => code), ["hardware-error"]);
  });

  it("what is declared meanwhile comes into force afterwards", () => {
    const r = beacon();
    r.board.chip.hardwareError(1);
    r.run(20);
    assert.equal(r.recovered.length, 0);
    r.bt.startadvertise("meanwhile", 100, 100);
    r.clock.until(() => r.recovered.length > 0, 10_000);
    r.run(100);
    assert.deepEqual(r.onair(), [`3:${hex(Buffer.from("meanwhile"))}`]);
    r.board.chip.hardwareError(1);
    r.run(20);
    r.bt.stopadvertise();
    r.clock.until(() => r.recovered.length > 1, 10_000);
    r.run(100);
    assert.deepEqual(r.onair(1000), []);
  });
});

describe("recovery: a dead chip", () => {
  it("that hangs is noticed though nothing is asked of it", () => {
    const r = beacon();
    r.run(3000);
    r.board.chip.hang();
    recovers(r, 10_000 + 1000 + 12 * 200 + 3000);
    assert.ok(offTime(r) >= 300);
  });

  it("that hangs is loaded at 115200", () => {
    const r = beacon();
    const from = r.mark();
    r.board.chip.hang();
    r.clock.until(() => r.recovered.length > 0, 30_000);
    const commands = r.commands(from).map(({ opcode }) => opcode);
    const load = commands.indexOf(OP.MINIDRIVER);
    assert.ok(load > 0);
    assert.ok(!commands.slice(0, load).includes(OP.BAUD), "the raised rate may be what has failed");
    assert.equal(r.board.chip.baud, 921600, "the working rate afterwards");
  });

  it("is asked by Reset three times at each rate before its power is cut", () => {
    const r = beacon();
    const from = r.mark();
    r.board.chip.hang();
    r.clock.until(() => r.board.pins.filter(({ pin, level }) => pin === "regon" && level === 0).length > 1, 30_000);
    let baud = 921600;
    const asked: { [rate: number]: number } = {};
    let reset = false;
    for (const entry of r.journal.slice(from)) {
      if (entry.what === "open") baud = entry.baud;
      if (entry.what === "write" && hex(entry.bytes).endsWith("01030c00")) {
        asked[baud] = (asked[baud] ?? 0) + 1;
        reset = true;
      }
    }
    assert.ok(reset);
    assert.ok(asked[921600] >= 3, JSON.stringify(asked));
    assert.ok(asked[115200] >= 3, JSON.stringify(asked));
  });

  it("that restarted is noticed, and patched again", () => {
    for (const flow of [true, false]) {
      const r = beacon({ board: { flow } });
      r.run(3000);
      r.board.chip.restart();
      r.run(200);
      assert.deepEqual(r.onair(500), []);
      recovers(r, 20_000);
      assert.equal(r.board.chip.state, "patched");
    }
  });

  it("that restarted is noticed without a power line too", () => {
    for (const flow of [true, false]) {
      const r = beacon({ board: { flow, wiring: {} } });
      r.board.chip.restart();
      recovers(r, 20_000);
      assert.equal(r.board.chip.state, "patched");
      assert.equal(r.board.chip.count(OP.MINIDRIVER), 2);
    }
  });

  // At the rate of a reset it answers whatever it is asked, and does none of what it was asked before.
  const BUSY: [what: string, limit: number, act: (r: Rig<any>) => void][] = [
    ["the advert changes every two seconds", 15_000, (r) => r.bt.startadvertise(Uint8Array.of(2, 1, 6, 3, 0xff, r.now & 255, 1), 100, 100, RESPONSE)],
    ["a scan is begun anew every two seconds, and hears", 80_000, (r) => (r.bt.stopscan(), r.bt.startscan(() => {}))],
  ];
  for (const [what, limit, act] of BUSY) {
    it(`that restarted is noticed though ${what}`, () => {
      const r = beacon({ board: { flow: false } });
      r.board.air.advertise({ data: unhex("020106"), interval: 100 });
      for (let i = 0; i < 10; i++) (act(r), r.run(2000));
      assert.deepEqual(r.errors, []);
      const began = r.now;
      r.board.chip.restart();
      while (!r.recovered.length && r.now - began < limit) (act(r), r.run(2000));
      assert.deepEqual(r.errors.map(({ code }) => code), ["restarted"]);
      assert.equal(r.recovered.length, 1);
      assert.equal(r.board.chip.state, "patched");
      r.run(200);
      assert.ok(r.onair(500).length > 0, "the advert is back");
    });
  }

  it("that restarted with another patch is noticed by its revision", () => {
    const r = beacon();
    r.board.chip.hook = (opcode) => (opcode === OP.VERSION && r.recovered.length === 0 && r.errors.length === 0 ? { bytes: complete(OP.VERSION, [0, 7, 0, 0, 7, 15, 0, 9, 0x22]) } : undefined);
    recovers(r, 20_000);
  });

  it("is asked after the time of the option, and never where that is 0", () => {
    for (const health of [1000, 10_000]) {
      const r = beacon({ options: { health } });
      const versions = r.board.chip.count(OP.VERSION);
      // The time counts from when it was up.
      r.run(health * 0.9 - 600);
      assert.equal(r.board.chip.count(OP.VERSION), versions);
      r.run(health * 0.4 + 600);
      assert.equal(r.board.chip.count(OP.VERSION), versions + 1);
      r.run(health * 10);
      const asked = r.board.chip.count(OP.VERSION) - versions - 1;
      assert.ok(asked >= 7 && asked <= 10, `${asked} times in ten periods`);
    }
    const r = beacon({ options: { health: 0 } });
    const from = r.mark();
    r.run(100_000);
    assert.deepEqual(r.commands(from), []);
    assert.equal(r.board.timers, 0);
  });

  it("noticed by a command that has no answer", () => {
    const r = beacon({ options: { health: 0 } });
    r.board.chip.hang();
    r.bt.startadvertise(IBEACON, 100, 100, Uint8Array.of(3, 0xff, 1, 3));
    r.clock.until(() => r.recovered.length > 0, 10_000);
    assert.equal(r.recovered.length, 1);
    assert.equal(r.errors.length, 1);
    r.run(100);
    assert.deepEqual(r.onair(), ONAIR);
  });
});

describe("recovery: that fails", () => {
  it("is tried again after 1, 5 and 30 s, then the instance is closed", () => {
    const r = beacon();
    r.board.chip.hook = () => "drop";
    r.board.chip.hardwareError(1);
    r.run(300_000);
    assert.equal(r.recovered.length, 0);
    assert.equal(r.errors[0].code, "hardware-error");
    assert.ok(r.errors.length >= 2 && r.errors.length <= 5, `${r.errors.length} errors`);
    assert.ok(r.errors.slice(1).every(({ code, step }) => code === "no-answer" && step === "reset"));
    // The chip is off between the tries: what is low for longer than a try's own 300 ms.
    const pins = r.board.pins.filter(({ pin }) => pin === "regon");
    const rests: number[] = [];
    for (let i = 1; i < pins.length; i++) {
      if (pins[i].level === 1) {
        let low = i - 1;
        while (low > 0 && pins[low - 1].level === 0) low--;
        rests.push(pins[i].time - pins[low].time);
      }
    }
    const long = rests.filter((ms) => ms > 900).map((ms) => Math.floor(ms / 1000));
    assert.deepEqual(long, [1, 5, 30]);
    r.gone();
    assert.throws(() => r.bt.startadvertise("a", 100, 100), { code: "closed" });
    r.bt.close();
    r.board.chip.hook = undefined;
    r.open();
    r.bt.startadvertise(IBEACON, 100, 100, RESPONSE);
    r.up();
    assert.deepEqual(r.onair(), ONAIR);
  });

  it("and succeeds at a later try", () => {
    for (const after of [5000, 20_000, 50_000]) {
      const r = beacon();
      r.board.chip.hook = () => "drop";
      r.board.chip.hardwareError(1);
      r.run(after);
      r.board.chip.hook = undefined;
      r.clock.until(() => r.recovered.length > 0, 60_000);
      assert.equal(r.recovered.length, 1, `good again after ${after} ms`);
      r.run(100);
      assert.deepEqual(r.onair(), ONAIR);
    }
  });

  it("while it rests: startadvertise is declared, close ends it", () => {
    const r = beacon();
    r.board.chip.hook = () => "drop";
    r.board.chip.hardwareError(1);
    r.clock.until(() => r.errors.length === 2, 60_000);
    r.bt.startadvertise("rested", 100, 100);
    r.board.chip.hook = undefined;
    r.clock.until(() => r.recovered.length > 0, 60_000);
    r.run(50);
    assert.deepEqual(r.onair(), [`3:${hex(Buffer.from("rested"))}`]);

    const c = beacon();
    c.board.chip.hook = () => "drop";
    c.board.chip.hardwareError(1);
    c.clock.until(() => c.errors.length === 2, 60_000);
    c.bt.close();
    c.gone();
  });

  it("because the line has been unplugged", () => {
    const r = beacon();
    r.board.unplug("pulled out");
    assert.equal(r.errors.length, 1);
    assert.equal(r.errors[0].code, "uart");
    assert.ok(String(r.errors[0].detail).includes("pulled out"));
    assert.equal(r.board.uartOpen, false);
    r.run(300_000);
    assert.ok(r.errors.every(({ code }) => code === "uart"));
    assert.ok(r.errors.length <= 4);
    r.gone();
  });

  it("close during a recovery, at any time, leaves nothing", () => {
    for (let ms = 0; ms < 1400; ms += 37) {
      const r = beacon({ board: { flow: false }, options: { baud: 921600 } });
      r.board.chip.hardwareError(1);
      r.run(ms);
      r.bt.close();
      const calls = r.calls;
      r.run(1200);
      assert.equal(r.calls, calls);
      r.gone(2000);
      if (ms % 111 === 0) {
        r.open();
        r.up();
      }
    }
  });

  it("close, or close and open, from the callback that tells of it", () => {
    const closed: Rig = beacon({ options: { onerror: () => closed.bt.close() } });
    closed.board.chip.hardwareError(1);
    closed.run(50);
    assert.equal(closed.errors.length, 1);
    closed.gone();

    const again: Rig = beacon({
      options: {
        onerror() {
          again.bt.close();
          again.open({ onerror: undefined });
          again.bt.startadvertise(IBEACON, 100, 100, RESPONSE);
        },
      },
    });
    again.board.chip.hardwareError(1);
    again.run(5000);
    assert.equal(again.ready.length, 2);
    assert.deepEqual(again.onair(), ONAIR);

    const late: Rig = beacon({ options: { onrecover: () => late.bt.close() } });
    late.board.chip.hardwareError(1);
    late.clock.until(() => late.recovered.length > 0, 10_000);
    late.gone();
  });
});

describe("recovery: the firmware", () => {
  it("is taken from options.firmwareagain, where that is given", () => {
    let asked = 0;
    const r = beacon({ options: { firmwareagain: () => (asked++, IMAGE) } });
    assert.equal(asked, 0);
    r.board.chip.hardwareError(1);
    recovers(r, 10_000);
    assert.equal(asked, 1);
  });

  it("that cannot be had again ends in an error, not in an exception", () => {
    for (const firmwareagain of [
      () => {
        throw new Error("flash");
      },
      () => undefined,
      () => new Uint8Array(10),
    ]) {
      const r = beacon({ options: { firmwareagain } });
      assert.doesNotThrow(() => {
        r.board.chip.hook = (opcode) => (r.now < 20_000 && opcode ? "drop" : undefined);
        r.board.chip.hardwareError(1);
        r.run(300_000);
      });
      assert.ok(r.errors.length >= 2);
      r.gone();
    }
  });
});
