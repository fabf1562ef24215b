import { open } from "../../targets/jerryscript/beacon.js";
import { open as observe } from "../../targets/jerryscript/observer.js";
import { check, finish, same, say } from "./_check.js";
import { bytes, complete, createBench } from "./_chip.js";

declare const process: { memory(): { usage: number } } | undefined;
declare const getTime: (() => number) | undefined;

const enum Size {
  /** How long a measurement lasts at least, ms, where the engine is quick enough to get there with the most repetitions. */
  Time = 300,
  Most = 4194304,
}

/** Milliseconds. */
function now(): number {
  return typeof Date == "function" ? Date.now() : typeof getTime == "function" ? getTime() * 1000 : 0;
}

/** Memory in use in the engine's own unit, -1 where it does not tell. */
function memory(): number {
  return typeof process != "undefined" && process.memory ? process.memory().usage : -1;
}

function tell(name: string, value: number, unit: string): void {
  say("bench " + name + " " + Math.round(value * 100) / 100 + " " + unit);
}

/** Milliseconds that one call of `body` takes, of as many as it takes to tell; `body` is told how often it has to do its work. */
function measure(body: (count: number) => void): number {
  let count = 8;
  for (;;) {
    const began = now();
    body(count);
    const took = now() - began;
    if (took >= Size.Time || count >= Size.Most) return took / count;
    // Not much more than needed: the engine may be slow.
    count = took < Size.Time / 16 ? count * 8 : count * 2;
  }
}

// What is there before anything is opened: this script itself, its checks and its chip included.
const loaded = memory();

const bench = createBench({ revision: 508 });
const token = {};
/** From here on the board does nothing but count, so that the stack alone is measured. */
let counting = false;
let written = 0;
let receive: (data: Uint8Array) => void;
const bt = open(
  {
    uart: {
      open: function (baud, flow, to, fault) {
        receive = to;
        bench.hal.uart.open(baud, flow, to, fault);
      },
      write: function (buffer, offset, length) {
        if (counting) written++;
        else bench.hal.uart.write(buffer, offset, length);
      },
      close: bench.hal.uart.close,
    },
    gpio: bench.hal.gpio,
    timer: {
      now: bench.hal.timer.now,
      set: function (ms, callback) {
        return counting ? token : bench.hal.timer.set(ms, callback);
      },
      clear: function (handle) {
        if (handle !== token) bench.hal.timer.clear(handle);
      },
    },
    delay: bench.hal.delay,
  },
  null,
  {},
);

check("bench: ready", function () {
  bench.run(1000);
  same(bt.address(), "665544332211", "address");
  if (loaded < 0) return;
  tell("code", loaded, "variables");
  tell("open", memory() - loaded, "variables");
});

check("bench: events", function () {
  const event = bytes("04ff03010203");
  counting = true;
  const before = bt.counters().received;
  let events = 0;
  const each = measure(function (count) {
    events += count;
    for (let i = 0; i < count; i++) receive(event);
  });
  same(bt.counters().received - before, events, "received");
  tell("events", 1000 / each, "per second");
  if (loaded < 0) return;

  /** What so many events leave behind, and what the loop itself takes. */
  function grown(count: number): number {
    const used = memory();
    for (let i = 0; i < count; i++) receive(event);
    return memory() - used;
  }

  grown(1);
  tell("memory-per-event", (grown(128) - grown(64)) / 64, "variables");
});

check("bench: from an answer to the next command", function () {
  const answers: Uint8Array[] = [];
  const opcodes = [0x200a, 0x2006, 0x2008, 0x2009, 0x200a];
  for (let i = 0; i < opcodes.length; i++) answers.push(bytes(complete(opcodes[i], "00", "")));
  let cycles = 0;
  let other = false;

  /** Something else is to be advertised than before: five commands. */
  function change(): void {
    other = !other;
    if (other) bt.startadvertise("abc", 200, 300, "x");
    else bt.startadvertise("def", 100, 100, "y");
  }

  counting = false;
  change();
  bench.run(100);
  counting = true;
  written = 0;
  const whole = measure(function (count) {
    cycles += count;
    for (let i = 0; i < count; i++) {
      change();
      for (let k = 0; k < answers.length; k++) receive(answers[k]);
    }
  });
  same(written, cycles * answers.length, "commands");
  same(bt.counters().late, 0, "late answers");
  // While a command waits for its answer nothing is sent: what is left is the price of saying what is wanted.
  change();
  const declaring = measure(function (count) {
    for (let i = 0; i < count; i++) change();
  });
  same(written, cycles * answers.length + 1, "commands without an answer");
  tell("answer", ((whole - declaring) / answers.length) * 1000, "microseconds");
});

bt.close();

check("bench: reports that no rule lets through", function () {
  const quiet = createBench({ revision: 508 });
  const uart = quiet.hal.uart;
  let take: (data: Uint8Array) => void = receive;
  let reports = 0;
  let passed = 0;
  const observer = observe(
    {
      uart: {
        open: function (baud, flow, to, fault) {
          take = to;
          uart.open(baud, flow, to, fault);
        },
        write: uart.write,
        close: uart.close,
      },
      gpio: quiet.hal.gpio,
      timer: quiet.hal.timer,
      delay: quiet.hal.delay,
    },
    null,
    { health: 0 },
  );
  // The beginning of an iBeacon; and a report of somebody's name.
  observer.setscanfilter([{ type: 3, data: "\x1a\xff\x4c\x00\x02\x15" }]);
  observer.startscan(function (adverts) {
    passed += adverts.length;
  });
  quiet.run(1000);
  const report = bytes("043e17020103010102030405c60b0201060709626c696d7031c4");
  const before = observer.counters().received;
  const each = measure(function (count) {
    reports += count;
    for (let i = 0; i < count; i++) take(report);
  });
  same(observer.counters().received - before, reports, "received");
  same(passed, 0, "let through");
  tell("rejected-report", each * 1000, "microseconds");
  observer.close();
});

finish();
