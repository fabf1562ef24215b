import assert from "node:assert/strict";
import type { FirmwareReader } from "../../core/chip/firmware.js";
import type { BlimpError } from "../../core/errors.js";
import type { Advert } from "../../core/gap/scanner.js";
import type { Options } from "../../core/options.js";
import { createBoard, Random, type Board, type PlainController, type PlainOptions, type Wiring } from "../../hal/mock/index.js";
import { open } from "../../targets/node/open.js";
import { complete, IMAGE, OP } from "../support/rig.js";

type Bt = ReturnType<typeof open>;
type AnyBoard = Board | Board<PlainController>;

const SLEEP_LINES: Wiring = { regon: true, clock: true, devwake: true, hostwake: true };
const NO_ADDRESS = "000000000000";

function plain(chip: PlainOptions = {}): Board<PlainController> {
  return createBoard({ part: "plain", chip });
}

/** An advertising report of one advert, indicator first. */
function report(data: number[]): number[] {
  return [4, 0x3e, 12 + data.length, 2, 1, 0, 1, 1, 2, 3, 4, 5, 6, data.length, ...data, 0xc0];
}

/** Lets the controller send so many adverts, the data of each ending in its number from 0x10 on, that arrive in one piece. */
function burst(board: AnyBoard, count: number): void {
  const bytes: number[] = [];
  for (let i = 0; i < count; i++) bytes.push(...report([2, 1, 16 + i]));
  board.wire.toHost.chunk = 1000;
  board.chip.inject(Uint8Array.from(bytes));
  board.clock.run(100);
}

/** Notes each error's code; the list is given back. */
function codes(options: Options): string[] {
  const list: string[] = [];
  options.onerror = (error) => list.push((error as BlimpError).code);
  return list;
}

/** Nothing of an instance is left on the board, neither now nor later. */
function gone(board: AnyBoard, why = ""): void {
  assert.equal(board.timers, 0, `no timer is left ${why}`);
  assert.equal(board.hal.session?.held, false, `the board is free ${why}`);
  board.clock.run(60_000);
  assert.equal(board.timers, 0, `no timer comes up ${why}`);
}

/** The board can be opened again, comes up and can be closed. */
function reopens(board: AnyBoard, why = ""): void {
  const told: string[] = [];
  const firmware = "written" in board.chip ? IMAGE : null;
  const bt = open(board.hal, firmware, { onready: () => told.push("ready"), onerror: (error) => told.push(error.message) });
  board.clock.run(20_000);
  assert.deepEqual(told, ["ready"], `opened again ${why}`);
  bt.close();
  gone(board, why);
}

/** Notes what is written to the UART while it is closed. */
function watchWrites(board: AnyBoard): number[][] {
  const late: number[][] = [];
  const write = board.hal.uart.write.bind(board.hal.uart);
  board.hal.uart.write = (buffer, offset, length) => {
    if (!board.uartOpen) late.push(Array.from(buffer.subarray(offset, offset + length)));
    write(buffer, offset, length);
  };
  return late;
}

/** How often the board's functions have been called. */
function countCalls(board: AnyBoard): { count: number } {
  const calls = { count: 0 };
  for (const part of [board.hal.uart, board.hal.gpio, board.hal.timer, board.hal] as any[]) {
    for (const name of ["open", "write", "close", "regon", "lpo", "rts", "cts", "devwake", "hostwake", "set", "clear", "now", "delay", "random", "uniqueid"]) {
      const original = part[name];
      if (typeof original !== "function") continue;
      part[name] = (...values: any[]) => {
        calls.count++;
        return original.apply(part, values);
      };
    }
  }
  return calls;
}

describe("regressions: close()", () => {
  it("in the trace sink that is shown the Reset of close()", () => {
    const board = plain();
    const bt = open(board.hal, null, {});
    board.clock.run(1000);
    let shown = 0;
    bt.trace(() => {
      shown++;
      bt.close();
    });
    bt.close();
    assert.equal(shown, 1);
    assert.equal(bt.counters().exceptions, 0);
    gone(board);
    reopens(board);
  });

  it("in the trace sink, at any packet sent or received", () => {
    for (const make of [() => createBoard(), () => createBoard({ wiring: SLEEP_LINES }), plain]) {
      for (let at = 1; at < 30; at++) {
        const board: AnyBoard = make();
        const why = `at packet ${at}`;
        const late = watchWrites(board);
        const options: Options = {};
        const errors = codes(options);
        const bt: Bt = open(board.hal, "written" in board.chip ? IMAGE : null, options);
        let shown = 0;
        let closed = false;
        bt.trace((sent, bytes, from) => {
          if (closed) assert.deepEqual([sent, bytes[from + 1], bytes[from + 2]], [true, 3, 0x0c], `only the Reset follows ${why}`);
          if (++shown !== at) return;
          closed = true;
          bt.close();
        });
        bt.startadvertise("abc", 100, 100);
        bt.startscan(() => {});
        board.clock.run(3000);
        if (!closed) {
          assert.ok(at > 20, `packets enough: ${shown}`);
          break;
        }
        assert.ok(shown <= at + 1, why);
        assert.deepEqual(errors, [], why);
        assert.deepEqual(late, [], `nothing is written to a closed port ${why}`);
        assert.equal(bt.counters().exceptions, 0, why);
        gone(board, why);
        assert.equal(board.uartOpen, false, why);
      }
    }
  });

  it("in the onerror of a refusal leaves no timer", () => {
    const board = plain();
    board.chip.hook = (opcode) => (opcode === OP.ADV_PARAMETERS ? { status: 0x12 } : undefined);
    let errors = 0;
    const bt: Bt = open(board.hal, null, {
      onerror() {
        errors++;
        bt.close();
      },
    });
    bt.startadvertise("a", 100, 100);
    board.clock.run(500);
    assert.equal(errors, 1);
    gone(board);
    assert.equal(errors, 1);
  });

  const callbacks: { [name: string]: (end: () => never) => Options } = {
    onready: (end) => ({ onready: end }),
    onstep: (end) => ({ onstep: end }),
    onprogress: (end) => ({ onprogress: end }),
    startscan: (end) => ({ scan: end }),
    startrawscan: (end) => ({ rawscan: end }),
    onrecover: (end) => ({ onrecover: end, fail: true }),
    firmwareagain: (end) => ({ firmwareagain: end, fail: true }),
  };
  for (const name in callbacks) {
    it(`in the callback of ${name}, which throws afterwards: onerror is not called any more`, () => {
      const board = createBoard();
      let closed = false;
      const errors: string[] = [];
      const options: Options = callbacks[name](() => {
        closed = true;
        bt.close();
        throw new Error("thrown after close()");
      });
      options.onerror = (error) => {
        if (closed) errors.push(error.message);
      };
      const bt: Bt = open(board.hal, IMAGE, options);
      if (options.scan) bt.startscan(options.scan);
      if (options.rawscan) bt.startrawscan(options.rawscan);
      board.clock.run(5000);
      if (options.scan || options.rawscan) burst(board, 3);
      if (options.fail) board.chip.hardwareError(3);
      board.clock.run(10_000);
      assert.ok(closed, "it has been called");
      assert.deepEqual(errors, []);
      gone(board);
      assert.deepEqual(errors, []);
    });
  }

  it("in onwarning, which throws afterwards", () => {
    const board = createBoard();
    board.chip.hook = (opcode) => (opcode === OP.BAUD ? { status: 0x12 } : undefined);
    const told: string[] = [];
    const bt: Bt = open(board.hal, IMAGE, {
      onwarning(warning) {
        told.push((warning as BlimpError).code);
        bt.close();
        throw new Error("thrown after close()");
      },
      onerror: (error) => told.push(error.message),
    });
    board.clock.run(20_000);
    assert.deepEqual(told, ["baud"]);
    gone(board);
  });

  it("in firmwareagain, which then hands over a bad image: stays closed", () => {
    const board = createBoard();
    const told: string[] = [];
    const bt: Bt = open(board.hal, IMAGE, {
      onready: () => told.push("ready"),
      onerror: (error) => told.push((error as BlimpError).code),
      firmwareagain() {
        bt.close();
        told.push("closed");
        return "bad";
      },
    });
    board.clock.run(5000);
    board.chip.hardwareError(3);
    board.clock.run(100);
    assert.deepEqual(told, ["ready", "hardware-error", "closed"]);
    gone(board);
    assert.equal(board.uartOpen, false);
    assert.equal(told.length, 3);
    reopens(board);
  });

  it("in a firmware reader whose image is bad: nothing is told afterwards", () => {
    const board = createBoard();
    const options: Options = {};
    const errors = codes(options);
    const bt: Bt = open(
      board.hal,
      {
        length: 9000,
        read() {
          bt.close();
        },
      },
      options,
    );
    board.clock.run(100);
    assert.deepEqual(errors, []);
    gone(board);
    reopens(board);
  });
});

describe("regressions: scanning", () => {
  it("stopscan() in the callback: what came with the batch in one piece is not delivered to a later scan", () => {
    const board = plain();
    const bt = open(board.hal, null, {});
    board.clock.run(1000);
    const batches: number[] = [];
    bt.startscan((adverts: Advert[]) => {
      batches.push(adverts.length);
      bt.stopscan();
    });
    board.clock.run(200);
    burst(board, 17);
    assert.deepEqual(batches, [16]);
    const late: Advert[] = [];
    bt.startscan((adverts: Advert[]) => void late.push(...adverts));
    board.clock.run(200);
    assert.deepEqual(late, []);
    burst(board, 1);
    assert.equal(late.length, 1);
  });

  it("setscanfilter([]) in the callback holds for what came with the batch in one piece", () => {
    const board = plain();
    const bt = open(board.hal, null, {});
    board.clock.run(1000);
    const batches: number[] = [];
    bt.startscan((adverts: Advert[]) => {
      batches.push(adverts.length);
      bt.setscanfilter([]);
    });
    board.clock.run(200);
    burst(board, 17);
    assert.deepEqual(batches, [16]);
  });

  it("seventeen reports in one piece all arrive where nothing is changed", () => {
    const board = plain();
    const bt = open(board.hal, null, {});
    board.clock.run(1000);
    const data: number[] = [];
    bt.startscan((adverts: Advert[]) => void data.push(...adverts.map((advert) => advert.data[2])));
    board.clock.run(200);
    burst(board, 17);
    assert.deepEqual(data, Array.from({ length: 17 }, (_, i) => 16 + i));
    assert.equal(bt.counters().adverts, 0);
  });
});

describe("regressions: refusals", () => {
  it("startadvertise() with better parameters in onerror goes out at once", () => {
    const board = plain();
    let refused = 0;
    let corrected = 0;
    board.chip.hook = (opcode, parameters) => {
      if (opcode !== OP.ADV_PARAMETERS) return undefined;
      if (parameters[0] === 0 && parameters[1] === 8) return { status: 0x12 };
      corrected ||= board.clock.now;
      return undefined;
    };
    const errors: string[] = [];
    const bt: Bt = open(board.hal, null, {
      onerror(error) {
        errors.push((error as BlimpError).code);
        refused = board.clock.now;
        bt.startadvertise("\x02\x01\x06", 200, 200);
      },
    });
    bt.startadvertise("\x02\x01\x06", 1280, 1280);
    board.clock.run(3000);
    assert.deepEqual(errors, ["refused"]);
    assert.ok(corrected > 0, "sent");
    assert.ok(corrected - refused < 20, `sent ${corrected - refused} ms after the refusal`);
    assert.equal(board.chip.count(OP.ADV_ENABLE), 1);
    assert.deepEqual(board.chip.violations, []);
  });

  it("the refusal of each other set of parameters is told", () => {
    const board = plain();
    board.chip.hook = (opcode) => (opcode === OP.ADV_PARAMETERS ? { status: 0x12 } : undefined);
    const times: number[] = [];
    const bt: Bt = open(board.hal, null, {
      onerror(error) {
        assert.equal((error as BlimpError).code, "refused");
        times.push(board.clock.now);
        if (times.length < 5) bt.startadvertise("a", 100 + times.length, 200);
      },
    });
    bt.startadvertise("a", 100, 100);
    board.clock.run(9000);
    assert.equal(times.length, 5);
    assert.ok(times[4] - times[0] < 100, `told at ${times.join(", ")}`);
  });
});

describe("regressions: a fault while the chip is being woken", () => {
  function fault(regon: boolean, after: number): void {
    const why = `${after} ms after the declaration, ${regon ? "with" : "without"} a power line`;
    const board = createBoard({ wiring: { ...SLEEP_LINES, regon } });
    const errors: string[] = [];
    let recovered = 0;
    const bt = open(board.hal, IMAGE, { health: 0, onerror: (error) => errors.push((error as BlimpError).code), onrecover: () => (recovered = board.clock.now) });
    bt.startadvertise("\x02\x01\x06", 100, 100);
    board.clock.run(5000);
    assert.equal(board.chip.asleep, true);
    const called = board.clock.now;
    bt.startadvertise("\x02\x01\x04", 100, 100);
    board.clock.run(after);
    const logged = board.chip.log.length;
    const opcodes: number[] = [];
    bt.trace((sent, bytes, at) => {
      if (sent) opcodes.push(bytes[at + 1] | (bytes[at + 2] << 8));
    });
    board.chip.hardwareError(3);
    board.clock.until(() => recovered > 0, 10_000);
    assert.ok(recovered > 0, `recovered ${why}`);
    assert.deepEqual(errors, ["hardware-error"], why);
    assert.ok(opcodes.length > 0);
    assert.equal(opcodes[0], OP.RESET, `nothing older goes out before the Reset ${why}`);
    for (const command of board.chip.log.slice(logged, logged + 1)) assert.equal(command.opcode, OP.RESET, why);
    const raised = board.pins.filter(({ time, pin, level }) => pin === "devwake" && level === 1 && time >= called && time <= recovered);
    assert.deepEqual(raised, [], `BT_DEV_WAKE stays active during the bring-up ${why}`);
    board.clock.run(3000);
    assert.deepEqual(board.chip.violations, [], why);
    assert.equal(bt.counters().restarts, 1, why);
    assert.equal(bt.counters().timeouts, 0, why);
    assert.equal(board.chip.asleep, true, "it sleeps again");
    bt.close();
    gone(board, why);
  }

  it("sends no command of before", () => {
    for (const after of [0.5, 1, 5, 10, 14]) fault(true, after);
  });

  it("sends no command of before where the power cannot be cut", () => {
    for (const after of [6, 10, 14]) fault(false, after);
  });

  it("BT_DEV_WAKE is not let go in the bring-up that follows a fault right after a command", () => {
    const board = createBoard({ wiring: SLEEP_LINES });
    let recovered = 0;
    const bt = open(board.hal, IMAGE, { health: 0, onrecover: () => (recovered = board.clock.now) });
    bt.startadvertise("\x02\x01\x06", 100, 100);
    board.clock.run(5000);
    bt.startadvertise("\x02\x01\x04", 100, 100);
    board.clock.run(100);
    const failed = board.clock.now;
    board.chip.hardwareError(3);
    board.clock.until(() => recovered > 0, 10_000);
    assert.ok(recovered > 0);
    assert.deepEqual(
      board.pins.filter(({ time, pin, level }) => pin === "devwake" && level === 1 && time >= failed && time <= recovered),
      [],
    );
  });
});

describe("regressions: a firmware reader that throws once", () => {
  /** Throws at read number `at` after the download has begun; 0: never. Returns how many reads of that kind there were. */
  function download(at: number): number {
    const board = createBoard();
    const why = `at read ${at}`;
    let loading = false;
    let reads = 0;
    const reader: FirmwareReader = {
      length: IMAGE.length,
      read(offset, target) {
        if (loading && ++reads === at) throw new Error("flash");
        target.set(IMAGE.subarray(offset, offset + target.length));
      },
    };
    let level = 0;
    const regon = board.hal.gpio.regon!;
    board.hal.gpio.regon = (to) => {
      level = to;
      regon(to);
    };
    const stray: number[][] = [];
    const write = board.hal.uart.write.bind(board.hal.uart);
    board.hal.uart.write = (buffer, offset, length) => {
      if (level === 0) stray.push(Array.from(buffer.subarray(offset, offset + length)));
      write(buffer, offset, length);
    };
    const told: string[] = [];
    const bt = open(board.hal, reader, {
      onstep: (step) => {
        if (step === "minidriver") loading = true;
      },
      onwarning: (warning) => told.push((warning as BlimpError).code),
      onerror: (error) => told.push(error.message),
      onready: () => told.push("ready"),
    });
    board.clock.run(20_000);
    assert.deepEqual(told, at ? ["firmware-read", "ready"] : ["ready"], why);
    assert.deepEqual(stray, [], `nothing is sent without power ${why}`);
    assert.deepEqual(board.chip.violations, [], why);
    assert.equal(board.chip.state, "patched");
    assert.equal(board.chip.count(OP.MINIDRIVER), at ? 2 : 1, why);
    assert.equal(board.chip.count(OP.LAUNCH), 1, why);
    assert.equal(bt.counters().timeouts, 0, why);
    return reads;
  }

  it("costs one attempt, and no packet goes out while BT_REG_ON is low", () => {
    const reads = download(0);
    assert.ok(reads > 20);
    for (const at of [1, 2, 3, 4, 5, 6, 7, 8, reads >> 1, (reads >> 1) + 1, reads - 3, reads - 2, reads - 1, reads]) download(at);
  });
});

describe("regressions: a line out of step", () => {
  const HEADERS = [4, 0x13, 1, 0, 4, 0x13, 1, 0];

  /** An advert of `data` arrives without its header, behind a bad byte; the chip stays as it is and the scan goes on. */
  function overheard(data: number[], chunk: number): void {
    const why = `${Buffer.from(data).toString("hex")} in pieces of ${chunk}`;
    const board = plain();
    const options: Options = {};
    const errors = codes(options);
    let heard = 0;
    const bt = open(board.hal, null, options);
    bt.startscan((adverts: Advert[]) => (heard += adverts.length));
    board.clock.run(1500);
    const resets = board.chip.count(OP.RESET);
    board.wire.toHost.chunk = chunk;
    const tail = report([...data, ...new Array<number>(31 - data.length).fill(0)]).slice(14);
    board.chip.inject(Uint8Array.from([0xff, ...tail]));
    board.clock.run(3000);
    assert.deepEqual(errors, [], why);
    assert.equal(bt.counters().restarts, 0, why);
    assert.equal(bt.counters().resyncs > 0, true, why);
    assert.equal(board.chip.count(OP.RESET), resets, why);
    assert.equal(heard, 0, why);
    board.chip.inject(Uint8Array.from(report([2, 1, 6])));
    board.clock.run(100);
    assert.equal(heard, 1, `it is in step again ${why}`);
  }

  it("adverts whose bytes look like events do not restart the chip", () => {
    const hardwareError = [4, 0x10, 1, 0x42];
    for (const chunk of [1, 4, 16, 1000]) {
      overheard([...HEADERS, ...hardwareError], chunk);
      overheard([...HEADERS, ...hardwareError, ...hardwareError, ...hardwareError], chunk);
    }
  });

  it("nor are adverts believed that look like reports of others", () => {
    for (const chunk of [4, 1000]) overheard([...HEADERS, ...report([2, 1, 6])], chunk);
  });

  it("nor does one that looks like the answer to the question whether the chip is there", () => {
    const answer = [...complete(OP.VERSION, [0, 9, 0x77, 0x77, 9, 0xff, 0xff, 0, 0])];
    for (const chunk of [1, 4, 16, 1000]) overheard([...HEADERS, 4, 0x13, 1, 0, ...answer], chunk);
  });

  it("one lost answer to the question whether the chip is there does not restart it", () => {
    const board = plain();
    const options: Options = {};
    const errors = codes(options);
    const bt = open(board.hal, null, options);
    bt.startadvertise("\x02\x01\x06", 100, 100);
    board.clock.run(2000);
    let lost = 0;
    board.chip.hook = (opcode) => (opcode === OP.VERSION && lost++ < 1 ? "drop" : undefined);
    board.chip.inject(Uint8Array.of(0xff));
    board.clock.run(5000);
    // Out of step two answers are wanted.
    assert.equal(lost, 3, "asked again");
    assert.deepEqual(errors, []);
    assert.equal(bt.counters().restarts, 0);
    lost = 0;
    board.chip.inject(Uint8Array.of(0xff));
    board.clock.run(5000);
    assert.equal(bt.counters().restarts, 0, "nor does one another time");
    let asked = 0;
    board.chip.hook = (opcode) => (opcode === OP.VERSION && asked++ === 1 ? "drop" : undefined);
    board.chip.inject(Uint8Array.of(0xff));
    board.clock.run(5000);
    assert.equal(asked, 3, "nor the second of the two that are wanted");
    assert.equal(bt.counters().restarts, 0);
    board.chip.hook = undefined;
    bt.startadvertise("\x02\x01\x04", 100, 100);
    const sent = board.chip.count(OP.ADV_DATA);
    board.clock.run(100);
    assert.equal(board.chip.count(OP.ADV_DATA), sent + 1, "commands go out as before");
  });

  it("two lost answers in a row do", () => {
    const board = plain();
    const options: Options = {};
    const errors = codes(options);
    const bt = open(board.hal, null, options);
    board.clock.run(2000);
    let lost = 0;
    board.chip.hook = (opcode) => (opcode === OP.VERSION && lost++ < 2 ? "drop" : undefined);
    board.chip.inject(Uint8Array.of(0xff));
    board.clock.run(8000);
    assert.deepEqual(errors, ["sync"]);
    assert.equal(bt.counters().restarts, 1);
  });

  it("a NOP that takes the credit and one that gives it back leave no timeout", () => {
    const board = plain();
    const bt = open(board.hal, null, {});
    board.clock.run(1000);
    board.chip.inject(complete(0, [], 0));
    board.clock.run(10);
    board.chip.inject(complete(0, [], 1));
    board.clock.run(3000);
    assert.equal(bt.counters().timeouts, 0);
    bt.startadvertise("abc", 100, 100);
    board.clock.run(3000);
    assert.equal(board.chip.count(OP.ADV_ENABLE), 1);
    assert.equal(bt.counters().timeouts, 0);
    assert.deepEqual(board.chip.violations, []);
  });
});

describe("regressions: a board that throws", () => {
  /** Opens a board that has been made to fail: it says so once, gives the board back, and comes up once it is mended. */
  function fails(board: AnyBoard, reason: string, mend: () => void): void {
    const errors: BlimpError[] = [];
    const bt = open(board.hal, "written" in board.chip ? IMAGE : null, { onerror: (error) => errors.push(error as BlimpError), onready: () => assert.fail("ready") });
    board.clock.run(60_000);
    assert.equal(errors.length, 1, `told once: ${errors.map(String).join("; ")}`);
    assert.match(errors[0].code, /^[a-z-]+$/);
    assert.equal(typeof errors[0].step, "string");
    assert.ok(errors[0].message.includes(reason), errors[0].message);
    assert.equal(errors[0].final, true);
    gone(board, reason);
    assert.equal(board.uartOpen, false);
    bt.close();
    mend();
    reopens(board, reason);
  }

  it("in uniqueid", () => {
    const board = plain({ address: NO_ADDRESS });
    board.hal.uniqueid = () => {
      throw new Error("no serial");
    };
    fails(board, "no serial", () => delete board.hal.uniqueid);
  });

  it("in random", () => {
    const board = plain({ address: NO_ADDRESS });
    const random = board.hal.random!;
    board.hal.random = () => {
      throw new Error("no entropy");
    };
    fails(board, "no entropy", () => (board.hal.random = random));
  });

  for (const pin of ["regon", "lpo", "rts", "devwake"] as const) {
    for (const level of [0, 1] as const) {
      if ((pin === "lpo" || pin === "devwake") && level) continue;
      it(`in gpio.${pin}(${level})`, () => {
        const board = createBoard({ wiring: { regon: true, lpo: true, rts: true, devwake: true } });
        const gpio: any = board.hal.gpio;
        const original = gpio[pin];
        gpio[pin] = (to: 0 | 1) => {
          if (to === level) throw new Error(`no ${pin}`);
          original(to);
        };
        fails(board, `no ${pin}`, () => (gpio[pin] = original));
      });
    }
  }

  it("in a pin, when it is closed: the board is given back", () => {
    for (const pin of ["regon", "lpo"] as const) {
      const board = createBoard({ wiring: { regon: true, lpo: true } });
      const gpio: any = board.hal.gpio;
      const bt = open(board.hal, IMAGE, {});
      board.clock.run(5000);
      const original = gpio[pin];
      gpio[pin] = () => {
        throw new Error(`no ${pin}`);
      };
      assert.doesNotThrow(() => bt.close(), pin);
      gpio[pin] = original;
      assert.ok(bt.counters().exceptions > 0, pin);
      assert.equal(board.uartOpen, false);
      gone(board, pin);
      reopens(board, pin);
    }
  });

  it("in timer.set, when it is opened: open() throws, and the board is not held", () => {
    const board = createBoard();
    const timer: any = board.hal.timer;
    const original = timer.set;
    timer.set = undefined;
    for (let i = 0; i < 2; i++) assert.throws(() => open(board.hal, IMAGE, {}), TypeError);
    timer.set = original;
    reopens(board, "a timer");
  });

  it("in uart.close: counted, and the board is given back", () => {
    const board = plain();
    const bt = open(board.hal, null, {});
    board.clock.run(1000);
    const close = board.hal.uart.close;
    board.hal.uart.close = () => {
      throw new Error("unsetup");
    };
    assert.doesNotThrow(() => bt.close());
    assert.equal(bt.counters().exceptions, 1);
    gone(board);
    board.hal.uart.close = close;
    reopens(board);
  });

  it("in uart.close during the bring-up of a recovery", () => {
    const board = createBoard();
    const told: string[] = [];
    const bt = open(board.hal, IMAGE, {
      onerror: (error) => told.push((error as BlimpError).code),
      onrecover: () => told.push("recovered"),
    });
    board.clock.run(5000);
    const close = board.hal.uart.close.bind(board.hal.uart);
    board.hal.uart.close = () => {
      close();
      throw new Error("unsetup");
    };
    board.chip.hardwareError(3);
    board.clock.run(10_000);
    assert.deepEqual(told, ["hardware-error", "recovered"]);
    assert.ok(bt.counters().exceptions > 0);
    bt.close();
    gone(board);
  });

  it("fault called inside the first uart.open", () => {
    const board = createBoard();
    const openPort = board.hal.uart.open.bind(board.hal.uart);
    let opened = 0;
    board.hal.uart.open = (baud, flow, receive, fault) => {
      opened++;
      openPort(baud, flow, receive, fault);
      fault("unplugged");
    };
    const errors: BlimpError[] = [];
    const bt = open(board.hal, IMAGE, { onerror: (error) => errors.push(error as BlimpError) });
    board.clock.run(3000);
    assert.deepEqual(errors.map(({ code, detail, final }) => [code, detail, final]), [["uart", "unplugged", true]]);
    assert.equal(opened, 1);
    assert.equal(board.pins.at(-1)?.level, 0);
    assert.equal(bt.counters().sent, 0);
    gone(board);
    assert.equal(board.uartOpen, false, "the port is given back");
    board.hal.uart.open = openPort;
    reopens(board);
  });

  it("fault called inside a later uart.open", () => {
    const board = createBoard();
    const openPort = board.hal.uart.open.bind(board.hal.uart);
    board.hal.uart.open = (baud, flow, receive, fault) => {
      openPort(baud, flow, receive, fault);
      if (baud > 115200) fault("unplugged");
    };
    const options: Options = {};
    const errors = codes(options);
    open(board.hal, IMAGE, options);
    board.clock.run(10_000);
    assert.deepEqual(errors, ["uart"]);
    gone(board);
    assert.equal(board.uartOpen, false);
    board.hal.uart.open = openPort;
    reopens(board);
  });
});

describe("regressions: the address", () => {
  /** Boots so often, each time a board without memory; returns the addresses and the sizes of the store. */
  function boots(count: number, first: number[]): { addresses: (string | null)[]; sizes: number[]; store: number[] } {
    let saved = Uint8Array.from(first);
    const addresses: (string | null)[] = [];
    const sizes: number[] = [];
    for (let i = 0; i < count; i++) {
      const board = createBoard({ part: "plain", seed: i + 1, chip: { address: NO_ADDRESS } });
      const store = {
        load: () => saved,
        save(bytes: Uint8Array) {
          saved = bytes.slice();
          return true;
        },
      };
      const bt = open(board.hal, null, { store, onerror: (error) => assert.fail(error) });
      board.clock.run(2000);
      addresses.push(bt.address());
      sizes.push(saved.length);
      bt.close();
    }
    return { addresses, sizes, store: [...saved] };
  }

  it("is kept in a store that was damaged, which does not grow at each boot", () => {
    const random = new Random(7);
    const cases = [[9, 200, 1, 2], [1], [1, 7], [1, 6, 1, 2, 3, 4, 5], [1, 5, 1, 2, 3, 4, 5], [9, 1, 0, 9, 9], [255, 255, 255, 255, 255, 255, 255, 255, 255, 255]];
    for (let i = 0; i < 30; i++) {
      const bytes = new Uint8Array(1 + i);
      random.fill(bytes);
      cases.push([...bytes]);
    }
    for (const damaged of cases) {
      const { addresses, sizes } = boots(4, damaged);
      const why = `store ${Buffer.from(damaged).toString("hex")}: ${addresses.join(" ")}, sizes ${sizes.join(" ")}`;
      assert.equal(typeof addresses[0], "string", why);
      assert.equal(new Set(addresses).size, 1, why);
      assert.equal(new Set(sizes).size, 1, why);
      assert.ok(sizes[0] <= damaged.length + 8, why);
    }
  });

  it("is taken out of a store whose end was damaged", () => {
    const record = [1, 6, 0x11, 0x22, 0x33, 0x44, 0x55, 0xc6];
    for (const end of [[], [9], [9, 200], [9, 200, 1, 2]]) {
      const { addresses, store } = boots(2, [...record, ...end]);
      assert.deepEqual(addresses, ["c65544332211", "c65544332211"]);
      assert.deepEqual(store, [...record, ...end], "nothing is saved");
    }
  });

  it("records of another kind stay in the store", () => {
    const { store } = boots(3, [9, 2, 0xaa, 0xbb, 9, 200]);
    assert.deepEqual(store.slice(0, 6), [9, 2, 0xaa, 0xbb, 1, 6]);
    assert.equal(store.length, 12);
  });

  it("mac of one open() is not the address of the next without it", () => {
    const board = plain({ address: NO_ADDRESS });
    const mac = "c12233445566";
    const address = (options: Options): string | null => {
      const bt = open(board.hal, null, options);
      board.clock.run(2000);
      const said = bt.address();
      bt.close();
      return said;
    };
    assert.equal(address({ mac }), mac);
    const own = address({});
    assert.match(own ?? "", /^[c-f]/);
    assert.notEqual(own, mac);
    assert.equal(address({ mac }), mac);
    assert.equal(address({}), own, "its own is still there");
  });
});

describe("regressions: open()", () => {
  it("that throws busy has touched nothing of the first", () => {
    const board = createBoard({ wiring: { ...SLEEP_LINES, rts: true, cts: true } });
    const options: Options = {};
    const errors = codes(options);
    const bt = open(board.hal, IMAGE, options);
    const touched = (): void => {
      const calls = countCalls(board);
      const before = board.timers;
      const touch = (): never => assert.fail("touched");
      const others: Options = { store: { load: touch, save: touch }, firmwareagain: touch, onerror: touch, onstep: touch, mac: "c12233445566" };
      assert.throws(
        () => open(board.hal, { length: IMAGE.length, read: touch }, others),
        (error: BlimpError) => error.code === "busy" && error.step === "open" && /holds/.test(error.message),
      );
      assert.equal(calls.count, 0);
      assert.equal(board.timers, before);
      assert.equal(board.hal.session?.held, true);
    };
    touched();
    board.clock.run(300);
    touched();
    bt.startadvertise("abc", 100, 100);
    board.clock.run(5000);
    assert.equal(board.chip.asleep, true);
    touched();
    // The chip announces itself by its line, and the first instance hears it.
    const restarts = bt.counters().restarts;
    board.chip.hardwareError(3);
    board.clock.run(5000);
    assert.equal(bt.counters().restarts, restarts + 1);
    assert.deepEqual(errors, ["hardware-error"]);
    bt.close();
    gone(board);
    reopens(board);
  });

  it("takes options of the application's own that begin with on", () => {
    const board = plain();
    let ready = false;
    open(board.hal, null, { only: true, once: 3, onready: () => (ready = true) });
    board.clock.run(2000);
    assert.ok(ready);
  });

  it("rejects a callback or a store of the wrong type, and leaves the board free", () => {
    for (const options of [{ firmwareagain: 5 }, { onready: "x" }, { store: {} }, { store: { load: () => null } }] as any[]) {
      const board = plain();
      assert.throws(
        () => open(board.hal, null, options),
        (error: BlimpError) => error.code === "argument" && error.step === "open",
      );
      assert.equal(board.timers, 0);
      reopens(board);
    }
  });
});
