// Counts what the stack costs, in executed instructions. It runs behind dist/bare/beacon.min.js on the emulated board, with the firmware's
// scripted controller on the line. The last line that it prints is for mcu.mjs.

// At one instruction a nanosecond the 25 MHz counter moves every so many instructions.
var PER_TICK = 40;

var REPEATS = 200;
// Two rounds of the stack's health check (4 quarters of 10 s until it asks, and the quarter of the answer).
var IDLE_SECONDS = 25;

var IBEACON = "\x02\x01\x06\x1A\xFF\x4C\x00\x02\x15\x92\x77\x83\x0A\xB2\xEB\x49\x0F\xA1\xDD\x7F\xE3\x8C\x49\x2E\xDE\x00\x01\x00\x02\xC5";
var OTHER = IBEACON.substr(0, 27) + "\x00\x03\xC5";

// HCI events with their H4 indicator. Command Complete without a command, as controllers send it to give credits.
var NO_OPERATION = [4, 0x0e, 3, 1, 0, 0];
// LE Advertising Report: not connectable, public address, 30 bytes of data, -60 dBm.
var REPORT = [4, 0x3e, 42, 2, 1, 3, 0, 6, 5, 4, 3, 2, 1, 30];
for (var i = 0; i < 30; i++) REPORT.push(IBEACON.charCodeAt(i));
REPORT.push(0xc4);

var rows = [];

// The answer to a command: a Command Complete event whose return parameters, behind the status, are filled up with 0.
function complete(opcode, length, parameters) {
  var event = [4, 0x0e, 4 + length, 1, opcode & 255, opcode >> 8, 0];
  for (var i = 0; i < length; i++) event.push(parameters[i] || 0);
  return event;
}

// Read Local Version, Supported Commands (the name, LE Host Support and LE Rand among them), Name and BD_ADDR.
function answers() {
  var commands = [];
  commands[7] = 2;
  commands[24] = 64;
  commands[27] = 128;
  return [].concat(
    complete(0x1001, 8, [9, 1, 0, 9, 0xff, 0xff, 1, 0]),
    complete(0x1002, 64, commands),
    complete(0x0c14, 248, [98, 108, 105, 109, 112]),
    complete(0x1009, 6, [1, 2, 3, 4, 5, 6])
  );
}

function add(name, ticks, count, allocations) {
  rows.push({ name: name, instructions: Math.round((ticks * PER_TICK) / count), allocations: allocations / count });
}

// Calls `work` so often; {ticks, allocations} of all.
function repeat(count, work) {
  Duktape.gc();
  var allocations = memory().allocations;
  var begin = awake();
  for (var i = 0; i < count; i++) work();
  var ticks = awake() - begin;
  return { ticks: ticks, allocations: memory().allocations - allocations };
}

// The mean of many calls, less what calling nothing as often costs.
function mean(name, work) {
  var empty = repeat(REPEATS, function () {});
  var full = repeat(REPEATS, work);
  add(name, full.ticks - empty.ticks, REPEATS, full.allocations - empty.allocations);
}

// Everything that comes of `work` within so many milliseconds, asleep or not; then(ticks, allocations).
function follow(ms, work, then) {
  Duktape.gc();
  var allocations = memory().allocations;
  var begin = awake();
  work();
  hal.timer.set(ms, function () {
    var ticks = awake() - begin;
    then(ticks, memory().allocations - allocations);
  });
}

var receive = null;
var openUart = hal.uart.open;
hal.uart.open = function (baud, flow, callback, fault) {
  receive = callback;
  openUart(baud, flow, callback, fault);
};

var bt = null;
var alone = null;
var collected = 0;
var quiet = {};

function nothing() {}

function begin() {
  add("start of the engine", boot.engine, 1, 0);
  add("parse the script", boot.scripts[0].parse, 1, 0);
  add("run the script", boot.scripts[0].run, 1, 0);
  controller(new Uint8Array(answers()));
  follow(500, nothing, function (ticks, allocations) {
    alone = { ticks: ticks, allocations: allocations };
    follow(IDLE_SECONDS * 1000, nothing, idleAlone);
  });
}

function idleAlone(ticks) {
  add("idle for a second, the board alone", ticks, IDLE_SECONDS, 0);
  Duktape.gc();
  Duktape.gc();
  collected = memory().heap;
  var began = awake();
  bt = blimp.open(hal, null, {
    onready: function () {
      add("bring-up, from open() to onready", awake() - began, 1, 0);
      // Out of the stack's own call, which has not ended yet.
      hal.timer.set(0, advertise);
    },
    onerror: function (error) {
      print("error: " + error.message);
      exit(1);
    },
  });
}

function advertise() {
  follow(
    500,
    function () {
      bt.startadvertise(IBEACON, 100, 100);
    },
    function (ticks, allocations) {
      add("advert on the air", ticks - alone.ticks, 1, allocations - alone.allocations);
      follow(
        500,
        function () {
          bt.startadvertise(OTHER, 100, 100);
        },
        function (ticks, allocations) {
          add("advert changed, one command and its answer", ticks - alone.ticks, 1, allocations - alone.allocations);
          events();
        }
      );
    }
  );
}

function events() {
  var complete = new Uint8Array(NO_OPERATION);
  var report = new Uint8Array(REPORT);
  var bytes = [];
  for (var i = 0; i < report.length; i++) bytes.push(report.subarray(i, i + 1));
  mean("one event, Command Complete", function () {
    receive(complete);
  });
  mean("one event, advertising report", function () {
    receive(report);
  });
  mean("the same, byte by byte", function () {
    for (var i = 0; i < bytes.length; i++) receive(bytes[i]);
  });
  follow(IDLE_SECONDS * 1000, nothing, idle);
}

function idle(ticks) {
  add("idle for a second, advertising", ticks, IDLE_SECONDS, 0);
  Duktape.gc();
  Duktape.gc();
  var after = memory();
  var counters = bt.counters();
  var preset = boot.scripts[0];
  print(
    "RESULT " +
      JSON.stringify({
        rows: rows,
        heap: {
          engine: boot.heap,
          script: preset.heap - boot.heap,
          instance: after.heap - collected,
          parsepeak: preset.peak,
          peak: after.peak,
        },
        stack: after.stack,
        script: preset.bytes,
        counters: counters,
      })
  );
  exit(0);
}

// Not now: the firmware collects garbage once this script has run.
hal.timer.set(1, begin);
