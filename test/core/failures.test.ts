import assert from "node:assert/strict";
import { makeImage, Random, splitImage } from "../../hal/mock/index.js";
import { brief, complete, hex, IBEACON, IMAGE, latin, OP, plainRig, rig, status, type Rig, type Setup } from "../support/rig.js";

const RECORDS = splitImage(IMAGE).filter(({ opcode }) => opcode === OP.WRITE_RAM);
const REVISION = 508;

/** The number of the record that these parameters are, counted from 0. */
function recordOf(parameters: Uint8Array): number {
  return RECORDS.findIndex((record) => hex(record.parameters) === hex(parameters));
}

/** The failure goes; the same board is opened again and comes up. */
function again(r: Rig<any>): void {
  r.board.chip.hook = undefined;
  r.board.wire.toHost.fault = r.board.wire.toChip.fault = undefined;
  r.refuse = () => undefined;
  r.open();
  r.bt.startadvertise(IBEACON, 100, 100);
  r.up();
  assert.deepEqual(r.onair(), [`3:${hex(IBEACON)}`]);
  r.bt.close();
  r.gone();
}

/** The bring-up ends in one error, and everything is given back. */
function fails(setup: Setup<any>, code: string, step: string | RegExp, detail?: unknown, reopens = true): Rig {
  const r = rig(setup).settle();
  assert.equal(r.ready.length, 0);
  assert.equal(r.errors.length, 1, `an error after ${r.steps}`);
  const [error] = r.errors;
  assert.ok(error instanceof Error);
  assert.equal(error.code, code, brief(error));
  if (typeof step === "string") assert.equal(error.step, step, brief(error));
  else assert.match(error.step, step);
  if (detail !== undefined) assert.equal(error.detail, detail, brief(error));
  r.gone();
  if (reopens) again(r);
  return r;
}

/** The bring-up gets there in spite of it; what was wrong on the way is a warning at most. */
function survives(setup: Setup<any>, limit = 60_000): Rig {
  const r = rig(setup).up(limit);
  assert.equal(r.ready[0].revision, REVISION);
  assert.equal(r.board.chip.state, "patched");
  r.bt.startadvertise(IBEACON, 100, 100);
  assert.deepEqual(r.onair(), [`3:${hex(IBEACON)}`]);
  r.bt.close();
  r.gone();
  return r;
}

const hooked = (hook: (opcode: number, parameters: Uint8Array, count: number) => any, more: Setup<any> = {}): Setup<any> => ({
  ...more,
  before: (r) => (r.board.chip.hook = hook),
});

describe("failures of the bring-up: no answer", () => {
  it("at all", () => {
    fails(hooked(() => "drop"), "no-answer", "reset");
  });

  it("with the chip's CTS connected to nothing", () => {
    fails({ board: { flow: false, wiring: { regon: true, ctsfloats: true } } }, "no-answer", "reset", undefined, false);
  });

  it("from a chip without power line", () => {
    const r = rig({ ...hooked(() => "drop"), board: { wiring: {} } }).settle();
    assert.deepEqual(r.errors.map(({ code, step }) => `${code} ${step}`), ["no-answer reset"]);
    r.gone();
    again(r);
  });

  for (const [opcode, step] of [
    [OP.VERSION, "identity"],
    [OP.MINIDRIVER, "minidriver"],
    [OP.EVENT_MASK, "setup"],
    [OP.COMMANDS, "setup"],
  ] as const) {
    it(`to 0x${opcode.toString(16)}`, () => {
      fails(
        hooked((o) => (o === opcode ? "drop" : undefined)),
        "no-answer",
        step,
      );
      survives(hooked((o, _, count) => (o === opcode && count === 1 ? "drop" : undefined)));
    });
  }

  it("to a first Reset", () => {
    const r = survives(hooked((opcode, _, count) => (opcode === OP.RESET && count < 10 ? "drop" : undefined)));
    assert.equal(r.warnings.length, 0);
  });

  for (const k of [0, 1, RECORDS.length >> 1, RECORDS.length - 1]) {
    it(`to record ${k}`, () => {
      fails(
        hooked((opcode, parameters) => (opcode === OP.WRITE_RAM && recordOf(parameters) === k ? "drop" : undefined)),
        "no-answer",
        "record",
        k,
      );
      let once = true;
      survives(hooked((opcode, parameters) => (opcode === OP.WRITE_RAM && recordOf(parameters) === k && once ? ((once = false), "drop") : undefined)));
    });
  }

  it("to Launch_RAM, which the chip has heard", () => {
    const r = rig();
    let launched = false;
    let eaten = 0;
    r.board.chip.hook = (opcode) => {
      launched = opcode === OP.LAUNCH;
      return undefined;
    };
    r.board.wire.toHost.fault = (byte) => (launched && eaten++ < 7 ? null : byte);
    r.up();
    assert.equal(eaten >= 7, true);
    assert.equal(r.warnings.length, 0, "no answer is by itself no failure");
    assert.equal(r.board.chip.count(OP.LAUNCH), 1);
    assert.equal(r.ready[0].revision, REVISION);
  });

  it("after the launch: the image of another part", () => {
    fails({ firmware: makeImage({ name: "BCM20702A1" }), options: { attempts: 2 } }, "no-answer", /^(launch|settle|reset)$/, undefined, false);
  });

  it("after a change of rate that the chip only said it had made", () => {
    const r = survives({ board: { chip: { realbaud: (baud: number) => baud * 1.3 } } });
    assert.equal(r.journal.filter((entry) => entry.what === "open").at(-1)?.baud, 115200, "remembers the failure");
  });

  it("after the second change of rate only", () => {
    let changes = 0;
    const r = survives({ board: { chip: { realbaud: (baud: number) => (++changes === 2 ? baud / 2 : baud) } } });
    assert.ok(changes >= 2);
    assert.equal(r.ready.length, 1);
  });
});

describe("failures of the bring-up: a wrong answer", () => {
  it("another part", () => {
    for (const subversion of [0x410c, 0x2122, 0x6119]) {
      const r = fails({ board: { chip: { identity: { subversion } } } }, "part", "identity", subversion, false);
      assert.ok(!r.commands().some(({ opcode }) => opcode >> 10 === 0x3f), "nothing of this part's is sent to another");
    }
    fails({ board: { chip: { identity: { manufacturer: 29 } } } }, "part", "identity", undefined, false);
    const r = plainRig({ firmware: IMAGE }).settle();
    assert.deepEqual(r.errors.map(({ code }) => code), ["part"]);
    r.gone();
  });

  for (const k of [0, 1, RECORDS.length >> 1, RECORDS.length - 1]) {
    it(`a status at record ${k}`, () => {
      const r = fails(
        hooked((opcode, parameters) => (opcode === OP.WRITE_RAM && recordOf(parameters) === k ? { status: 0x12 } : undefined)),
        "record",
        "record",
        k,
      );
      assert.ok(r.errors[0].message.includes(String(k)));
      let once = true;
      survives(hooked((opcode, parameters) => (opcode === OP.WRITE_RAM && recordOf(parameters) === k && once ? ((once = false), { status: 1 }) : undefined)));
    });
  }

  it("a status at record k by Command Status", () => {
    fails(
      hooked((opcode, parameters) => (opcode === OP.WRITE_RAM && recordOf(parameters) === 3 ? { bytes: status(OP.WRITE_RAM, 1) } : undefined)),
      "record",
      "record",
      3,
    );
  });

  it("a status of Launch_RAM", () => {
    fails(
      hooked((opcode) => (opcode === OP.LAUNCH ? { status: 0x0c } : undefined)),
      "record",
      "launch",
    );
  });

  for (const [opcode, step] of [
    [OP.RESET, "reset"],
    [OP.VERSION, "identity"],
    [OP.MINIDRIVER, "minidriver"],
    [OP.BD_ADDR, "address"],
    [OP.EVENT_MASK, "setup"],
  ] as const) {
    it(`a status of 0x${opcode.toString(16)}`, () => {
      const r = rig(hooked((o) => (o === opcode ? { status: 3 } : undefined))).settle();
      assert.deepEqual(r.errors.map(({ code, detail }) => `${code} ${detail}`), ["status 3"]);
      if (opcode !== OP.BD_ADDR) assert.equal(r.errors[0].step, step);
      r.gone();
      again(r);
    });
  }

  it("another revision than the image's", () => {
    fails({ firmware: makeImage({ revision: null }) }, "revision", "identity", 0, false);
    const other = complete(OP.VERSION, [0, 7, 0x45, 1, 7, 15, 0, 9, 0x22]);
    fails(
      hooked((opcode, _, count) => (opcode === OP.VERSION && count % 2 === 0 ? { bytes: other } : undefined)),
      "revision",
      "identity",
      0x145,
    );
  });

  it("too short a version", () => {
    for (let length = 1; length < 9; length++) {
      const short = complete(OP.VERSION, [0, 7, 0, 0, 7, 15, 0, 9, 0x22].slice(0, length));
      const r = rig(hooked((opcode) => (opcode === OP.VERSION ? { bytes: short } : undefined))).settle();
      assert.deepEqual(r.errors.map(({ step }) => step), ["identity"], `${length} return parameters`);
      r.gone();
      again(r);
    }
  });

  it("a refused change of rate: goes on at that of the reset", () => {
    for (const refusal of [{ status: 0x12 }, { bytes: status(OP.BAUD, 1) }]) {
      const r = survives(hooked((opcode) => (opcode === OP.BAUD ? refusal : undefined)));
      assert.deepEqual([...new Set(r.journal.flatMap((entry) => (entry.what === "open" ? [entry.baud] : [])))], [115200]);
      assert.deepEqual(r.warnings.map(({ code, step }) => `${code} ${step}`), ["baud baud"]);
      assert.deepEqual(r.board.chip.violations, []);
    }
  });

  it("answers that nobody waits for", () => {
    const strays = [
      complete(OP.RESET, [0]),
      complete(OP.LAUNCH, [0]),
      complete(0, [], 1),
      Uint8Array.of(4, 0x0e, 3, 1, 0, 0),
      status(0x0405, 0),
      Uint8Array.of(4, 0xff, 3, 1, 2, 3),
      Uint8Array.of(4, 0x3e, 1, 0x02),
      Uint8Array.of(4, 0x13, 5, 1, 0x40, 0, 1, 0),
    ];
    let n = 0;
    const r = rig(
      hooked((opcode, parameters, count) => {
        if (opcode === OP.LAUNCH) return undefined;
        r.clock.after(0.05, () => r.board.chip.state !== "dead" && r.board.chip.inject(strays[n++ % strays.length]));
        return opcode === OP.WRITE_RAM && count < 0 && parameters ? "drop" : undefined;
      }),
    );
    r.up();
    assert.ok(n > 30);
    assert.equal(r.ready[0].revision, REVISION);
    assert.equal(r.warnings.length, 0);
  });
});

describe("failures of the bring-up: a patched chip", () => {
  it("with a power line is switched off and on, and patched", () => {
    const r = rig({
      before: (r) => {
        r.board.chip.power(1);
        r.run(100);
        r.board.chip.load(makeImage({ revision: 0x145 }));
      },
    }).up();
    assert.equal(r.ready[0].revision, REVISION);
    assert.equal(r.board.chip.count(OP.MINIDRIVER), 1);
  });

  it("without a power line is taken as it is where it has this patch", () => {
    for (const flow of [true, false]) {
      const r = rig({ board: { wiring: {}, flow }, before: (r) => r.run(100).board.chip.load(IMAGE) }).up();
      assert.equal(r.board.chip.count(OP.MINIDRIVER), 0);
      assert.equal(r.ready[0].revision, REVISION);
      r.bt.close();
      r.open();
      r.up();
      assert.equal(r.board.chip.count(OP.MINIDRIVER), 0, "and again at the rate where it was left");
    }
  });

  it("without a power line is left alone where it has another", () => {
    const r = rig({ board: { wiring: {} }, before: (r) => r.run(100).board.chip.load(makeImage({ revision: 0x145 })) }).settle();
    assert.deepEqual(r.errors.map(brief), ["revision identity 325"]);
    assert.equal(r.board.chip.count(OP.MINIDRIVER), 0, "patching it once more would hang it");
    assert.equal(r.board.chip.state, "patched");
    r.gone();
  });

  it("left at any of the rates by a host that has gone", () => {
    for (const baud of [115200, 921600, 2000000]) {
      const r = rig({
        board: { wiring: {} },
        options: { baud: 921600, downloadbaud: 2000000 },
        before: (r) => {
          r.run(100).board.chip.load(IMAGE);
          r.board.wire.chip.setBaud(baud);
        },
      }).up();
      assert.equal(r.board.chip.count(OP.MINIDRIVER), 0, `left at ${baud}`);
    }
  });
});

describe("failures of the bring-up: noise", () => {
  it("before and after the reset", () => {
    const noises = ["04", "040e", "04ff20", "0200", "020000ffff", "03ffff", "0e04", "ff", "aa55aa55", "04000000", "07", "040e0401030c", "010300", "34310004"];
    for (const noise of noises) {
      for (const at of [201, 203, 180]) {
        const bytes = Uint8Array.from(noise.match(/../g)!, (pair) => parseInt(pair, 16));
        const r = rig({ board: { chip: { boot: 50 } } });
        r.clock.after(at, () => r.board.chip.inject(bytes));
        r.up(10_000);
        assert.ok(r.ready[0].ms < 3500, `${noise} at ${at}: ${r.ready[0].ms} ms`);
      }
    }
  });

  it("of random bytes whenever the chip begins to listen", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const random = new Random(seed);
      const bytes = new Uint8Array(1 + random.below(60));
      random.fill(bytes);
      const r = rig({ board: { seed, chip: { boot: 50 + random.below(60) } } });
      for (const at of [140 + random.below(80), 200 + random.below(10), 400]) r.clock.after(at, () => r.board.chip.inject(bytes));
      r.up(60_000);
    }
  });

  it("on the line all the while: it comes up or ends in an error, and comes up where the line is good again", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = new Random(seed);
      const rate = [2000, 500, 100, 20][seed % 4];
      const r = rig({ board: { seed } });
      const spoil = (byte: number): any => {
        if (random.below(rate)) return byte;
        return [null, [byte, byte], random.below(256), byte ^ (1 << random.below(8))][random.below(4)];
      };
      r.board.wire.toHost.fault = spoil;
      if (seed % 3 === 0) r.board.wire.toChip.fault = spoil;
      r.settle(300_000);
      assert.equal(r.ready.length + r.errors.length, 1, `seed ${seed}: ready or failed`);
      if (r.ready.length) r.bt.close();
      r.gone(1000);
      again(r);
    }
  });
});

describe("failures of the bring-up: Hardware Error", () => {
  const steps = ["reset", "identity", "baud", "minidriver", "record", "launch", "settle", "address", "setup"];
  const event = Uint8Array.of(4, 0x10, 1, 0x42);
  for (const step of steps) {
    it(`at ${step}`, () => {
      let first = true;
      const once = (r: Rig): void => r.board.chip.inject(event);
      const r = rig({
        options: {
          mac: "c0ffee123456",
          onstep(name: string) {
            if (name !== step || !first) return;
            first = false;
            r.clock.after(step === "settle" ? 170 : 0.6, () => once(r));
          },
        },
      });
      r.up();
      assert.equal(first, false);
      assert.equal(r.ready[0].revision, REVISION);
      assert.deepEqual(r.warnings.map(({ code }) => code).filter((code) => code !== "hardware-error"), []);
    });
  }

  it("while a record is going out: the rest of it does not reach the chip that comes up next", () => {
    for (const wiring of [{ regon: true }, { regon: true, rts: true, cts: true }]) {
      let first = true;
      const r: Rig = rig({
        board: { wiring },
        options: {
          onprogress() {
            if (first) r.clock.after(1, () => r.board.chip.inject(event));
            first = false;
          },
        },
      });
      r.up();
      assert.deepEqual(r.warnings.map(({ code }) => code), ["hardware-error"]);
      assert.equal(r.board.wire.toChip.garbled, 0);
    }
  });

  it("at every record: the error says so", () => {
    const r = fails(
      hooked((opcode, parameters) => (opcode === OP.WRITE_RAM && recordOf(parameters) === 9 ? { bytes: event } : undefined)),
      "hardware-error",
      "record",
      0x42,
    );
    assert.deepEqual(r.warnings.slice(0, 2).map(brief), ["hardware-error record 66", "hardware-error record 66"]);
  });
});

describe("failures of the bring-up: the line", () => {
  it("cannot be opened", () => {
    const r = rig({ before: (r) => (r.refuse = () => "no such port") }).settle();
    assert.equal(r.errors.length, 1);
    assert.equal(r.errors[0].code, "uart");
    assert.equal(r.errors[0].step, "power");
    assert.ok(String(r.errors[0].detail).includes("no such port"));
    r.gone();
    again(r);
  });

  it("refuses a rate", () => {
    const r = rig({ before: (r) => (r.refuse = (baud) => (baud === 921600 ? "not this rate" : undefined)) }).settle();
    assert.deepEqual(r.errors.map(({ code, step }) => `${code} ${step}`), ["uart baud"]);
    r.gone();
    again(r);
  });

  it("refuses to go back to the rate of the reset", () => {
    let opens = 0;
    const r = rig({ before: (r) => (r.refuse = () => (++opens === 3 ? "gone" : undefined)) }).settle();
    assert.equal(r.errors.length, 1);
    assert.equal(r.errors[0].code, "uart");
    r.gone();
    again(r);
  });

  it("cannot be written to", () => {
    for (const limit of [0, 1, 2, 20, 40]) {
      const r = rig();
      let writes = 0;
      const write = r.hal.uart.write;
      r.hal.uart.write = (...given) => {
        if (writes++ >= limit) throw new Error("write failed");
        write(...given);
      };
      r.settle();
      assert.deepEqual(r.errors.map(({ code }) => code), ["uart"], `after ${limit} packets`);
      r.gone();
      r.hal.uart.write = write;
      again(r);
    }
  });

  it("is unplugged at any step", () => {
    for (const step of ["power", "reset", "identity", "baud", "minidriver", "record", "launch", "settle", "address", "setup"]) {
      const r: Rig = rig({
        options: {
          mac: "c0ffee123456",
          onstep(name: string) {
            if (name === step) r.clock.after(0.1, () => r.board.unplug("pulled out"));
          },
        },
      });
      r.settle();
      assert.equal(r.ready.length, 0, step);
      assert.deepEqual(r.errors.map(({ code }) => code), ["uart"], step);
      assert.ok(String(r.errors[0].detail).includes("pulled out"));
      r.gone();
      r.open();
      r.settle();
      assert.equal(r.errors.at(-1)!.code, "uart");
      r.gone();
    }
  });
});

describe("close", () => {
  /** The instance has been closed: within a second nothing is left, and the board can be opened at once. */
  function closed(r: Rig, how: string): void {
    const calls = r.calls;
    r.run(1200);
    assert.equal(r.calls, calls, `${how}: no callback after close`);
    r.gone(5000);
    assert.equal(r.errors.length, 0, how);
  }

  const steps = ["firmware", "power", "reset", "identity", "baud", "minidriver", "record", "launch", "settle", "address", "setup"];
  for (const step of steps) {
    it(`in onstep at ${step}`, () => {
      for (const reopen of [false, true]) {
        let done = step === "firmware";
        const r: Rig = rig({
          options: {
            mac: "c0ffee123456",
            onstep(name: string) {
              if (name !== step || done) return;
              done = true;
              r.bt.close();
              if (reopen) r.open();
            },
          },
        });
        if (step === "firmware") r.bt.close();
        r.clock.until(() => done, 20_000);
        assert.ok(done, `${step} was told`);
        if (reopen && step !== "firmware") {
          r.up();
          assert.equal(r.board.chip.state, "patched");
        } else {
          closed(r, step);
          r.open();
          r.up();
        }
      }
    });
  }

  it("in onprogress at every record", () => {
    const records = splitImage(IMAGE).length;
    for (let k = 1; k <= records; k++) {
      let n = 0;
      const r: Rig = rig({
        options: {
          onprogress() {
            if (++n === k) r.bt.close();
          },
        },
      });
      r.clock.until(() => n >= k, 20_000);
      closed(r, `record ${k}`);
    }
  });

  it("in the other callbacks", () => {
    const ready: Rig = rig({ options: { onready: () => ready.bt.close() } });
    ready.up();
    closed(ready, "onready");

    const warned: Rig = rig({
      ...hooked((opcode) => (opcode === OP.BAUD ? { status: 1 } : undefined)),
      options: { onwarning: () => warned.bt.close() },
    });
    warned.clock.until(() => warned.warnings.length > 0, 20_000);
    closed(warned, "onwarning");

    const retried: Rig = rig({ ...hooked(() => "drop"), options: { onwarning: () => retried.bt.close() } });
    retried.clock.until(() => retried.warnings.length > 0, 20_000);
    closed(retried, "onwarning of a try that failed");

    const failed: Rig = rig({ ...hooked(() => "drop"), options: { onerror: () => failed.bt.close() } });
    failed.settle();
    assert.equal(failed.errors.length, 1);
    failed.gone();
  });

  it("at any time, and open again at once", () => {
    const random = new Random(7);
    const whole = rig().up().ready[0].ms + 30;
    for (let i = 0; i < 150; i++) {
      const flow = i % 3 > 0;
      const r = rig({ board: { flow, strings: i % 2 > 0, wiring: i % 5 ? { regon: true, rts: true, lpo: true } : {} } });
      r.bt.startadvertise(IBEACON, 100, 100);
      r.run(random.fraction() * whole * (flow ? 1 : 3));
      r.bt.close();
      if (i % 2) {
        assert.equal(r.errors.length, 0);
        const calls = r.calls;
        r.run(1200);
        assert.equal(r.calls, calls);
        r.gone(3000);
      }
      if (i % 5) {
        const ready = r.ready.length;
        r.open();
        r.up();
        assert.equal(r.ready.length, ready + 1);
        assert.equal(r.board.chip.state, "patched");
      }
    }
  });

  it("resets the chip, then cuts its power, and leaves TX idle and LPO_IN low", () => {
    const r = rig({ board: { wiring: { regon: true, lpo: true } } }).up();
    r.bt.startadvertise(IBEACON, 100, 100);
    r.run(200);
    const from = r.mark();
    r.bt.close();
    r.run(1200);
    assert.deepEqual(r.commands(from).filter(({ opcode }) => opcode === OP.RESET).length, 1);
    const done = r.journal.slice(from).map((entry) => (entry.what === "pin" ? `${entry.pin}${entry.level}` : entry.what));
    assert.ok(done.indexOf("close") >= 0 && done.indexOf("regon0") >= 0 && done.indexOf("lpo0") >= 0, String(done));
    assert.equal(r.board.chip.state, "off");
    assert.deepEqual(r.onair(1000), []);
  });

  it("without a power line stops the advert by Reset, and the board can be opened again", () => {
    for (const resetbaud of [false, true]) {
      const r = rig({ board: { wiring: {}, chip: { resetbaud } } }).up();
      r.bt.startadvertise(IBEACON, 100, 100);
      r.run(200);
      r.bt.close();
      r.run(100);
      assert.deepEqual(r.onair(1000), []);
      r.gone(1000);
      r.open();
      r.bt.startadvertise("abc", 100, 100);
      r.up();
      assert.equal(r.board.chip.count(OP.MINIDRIVER), 1, "the patch is still there");
      assert.deepEqual(r.onair(), ["3:616263"]);
    }
  });

  it("may be called repeatedly, and ends every method", () => {
    const r = rig().up();
    r.bt.close();
    const from = r.mark();
    for (let i = 0; i < 3; i++) r.bt.close();
    assert.deepEqual(r.journal.slice(from), []);
    assert.throws(() => r.bt.startadvertise("a", 100, 100), { code: "closed", step: "startadvertise" });
    assert.doesNotThrow(() => r.bt.stopadvertise());
    r.gone();
  });

  it("of an old instance does nothing to the one that followed", () => {
    const r = rig().up();
    const old = r.bt;
    old.close();
    r.open();
    r.up();
    old.close();
    r.bt.startadvertise(IBEACON, 100, 100);
    assert.deepEqual(r.onair(), [`3:${hex(IBEACON)}`]);
  });

  it("is what a second open waits for", () => {
    const r = rig();
    const first = r.bt;
    assert.throws(() => r.open(), { code: "busy" });
    r.bt = first;
    r.up();
    assert.throws(() => r.open(), { code: "busy" });
    first.close();
    r.open();
    r.up();
  });
});

describe("callbacks", () => {
  it("may call anything", () => {
    const seen = new Set<string>();
    const use = (name: string) => () => {
      seen.add(name);
      r.bt.startadvertise(name, 100, 200, name);
      r.bt.stopadvertise();
      r.bt.startadvertise(name, 100, 100);
      r.bt.address();
      r.bt.counters();
      r.bt.trace(null);
    };
    const callbacks = ["onready", "onwarning", "onstep", "onprogress", "onrecover", "onerror"];
    const r: Rig = rig({ ...hooked((opcode) => (opcode === OP.BAUD ? { status: 1 } : undefined)), options: Object.fromEntries(callbacks.map((name) => [name, use(name)])) });
    r.up();
    assert.deepEqual(r.onair(), [`3:${hex(Buffer.from("onready"))}`]);
    r.board.chip.hook = undefined;
    r.board.chip.hardwareError(1);
    r.clock.until(() => r.recovered.length > 0, 60_000);
    assert.deepEqual(r.onair(), [`3:${hex(Buffer.from("onrecover"))}`]);
    assert.deepEqual([...seen].sort(), callbacks.sort());
    assert.deepEqual(r.board.chip.violations, []);
  });

  it("may throw", () => {
    const boom = (): never => {
      throw new Error("the application's own");
    };
    for (const name of ["onready", "onwarning", "onstep", "onprogress"]) {
      const r = rig({ ...hooked((opcode) => (opcode === OP.BAUD ? { status: 1 } : undefined)), options: { [name]: boom } });
      r.bt.startadvertise(IBEACON, 100, 100);
      assert.doesNotThrow(() => r.run(5000), name);
      assert.equal(r.ready.length, 1, name);
      assert.deepEqual(r.onair(), [`3:${hex(IBEACON)}`]);
      assert.ok(r.errors.length > 0 && r.errors.every((error) => error.message.includes("the application's own")), `${name}: onerror hears of it`);
      assert.ok(r.bt.counters().exceptions > 0);
    }
    const r = rig({ ...hooked(() => "drop"), options: { onerror: boom } });
    assert.doesNotThrow(() => r.settle());
    assert.equal(r.errors.length, 1);
    r.gone();
  });

  it("of a trace that throws harm nothing", () => {
    const r = rig().up();
    r.bt.trace(() => {
      throw new Error("disk full");
    });
    assert.doesNotThrow(() => r.bt.startadvertise(IBEACON, 100, 100));
    assert.doesNotThrow(() => r.run(100));
    r.bt.trace(null);
    r.run(5000);
    assert.deepEqual(r.onair(), [`3:${hex(IBEACON)}`]);
  });

  it("of a trace see every packet whole, both ways", () => {
    const r = rig();
    let [out, back] = ["", ""];
    r.bt.trace((sent, bytes, at, length) => {
      const text = hex(bytes.subarray(at, at + length));
      if (sent) out += text;
      else back += text;
    });
    r.up();
    r.bt.startadvertise(latin(IBEACON), 100, 100);
    r.run(100);
    assert.equal(out, hex(r.out()));
    const arrived = hex(r.journal.flatMap((entry) => (entry.what === "in" ? [...entry.bytes] : [])));
    assert.equal(back, arrived);
  });
});
