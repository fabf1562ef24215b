// Counts what the stack costs, in executed instructions, on the emulated board. It runs behind a preset, which has made `blimp`, and in
// front of a script that calls measure() with what to do. The firmware's scripted controller is on the line. The last line printed is for
// mcu.mjs.

// At one instruction a nanosecond, the 25 MHz counter moves every so many instructions.
var PER_TICK = 40;

var REPEATS = 200;

// Two rounds of the stack's health check: four quarters of 10 s until it asks, and the quarter of the answer.
var IDLE = 25;

// Longer than anything that an operation makes the stack do, ms.
var SETTLED = 500;

// The same for a scene of a recording, with multiplications on P-256 behind it; less than the time after which the stack looks at its chip's health.
var PLAYED = 8000;

// Set by measure(): the instance, and the callback that it has given to hal.uart.open.
var bt = null;
var receive = null;

var rows = [];
// What following nothing costs.
var unmoved = null;

// The clock and the allocations when mark() was called; null where it was not.
var marked = null;

// An answer of the scripted controller: a Command Complete event whose return parameters, behind the status, are filled up with 0.
function complete(opcode, length, parameters) {
  var event = [4, 0x0e, 4 + length, 1, opcode & 255, opcode >> 8, 0];
  for (var i = 0; i < length; i++) event.push(parameters[i] || 0);
  return event;
}

// Read Local Version (5.0, of no make), Supported Commands (Read Local Name, Write LE Host Support and LE Rand among them), Name, BD_ADDR.
function standardAnswers() {
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

// Adds a row to the result: the mean of `count` times.
function add(name, ticks, allocations, count) {
  rows.push({ name: name, instructions: Math.round((ticks * PER_TICK) / count), allocations: Math.round((allocations / count) * 100) / 100 });
}

function fail(error) {
  print("error: " + error.message);
  exit(1);
}

// Calls `work` many times; {ticks, allocations} of all. Once before, so that what grows once has grown.
function repeat(work) {
  var allocations, ticks;
  work();
  gc();
  allocations = memory().allocations;
  ticks = awake();
  for (var i = 0; i < REPEATS; i++) work();
  ticks = awake() - ticks;
  return { ticks: ticks, allocations: memory().allocations - allocations };
}

// Adds a row: what one call of `work` costs, less what calling nothing does.
function each(name, work) {
  var empty = repeat(function () {});
  var full = repeat(work);
  add(name, full.ticks - empty.ticks, full.allocations - empty.allocations, REPEATS);
}

// Does `work` and lets so many milliseconds pass; then({ticks, allocations}) tells what came of it, timers and answers included.
function follow(ms, work, then) {
  var allocations, ticks;
  gc();
  allocations = memory().allocations;
  ticks = awake();
  work();
  hal.timer.set(ms, function () {
    ticks = awake() - ticks;
    then({ ticks: ticks, allocations: memory().allocations - allocations });
  });
}

// Adds a row: `work`, and all that comes of it until the stack is quiet again; then next().
function settle(name, work, next) {
  follow(SETTLED, work, function (all) {
    add(name, all.ticks - unmoved.ticks, all.allocations - unmoved.allocations, 1);
    next();
  });
}

// Ends the count of what is being played: what follows is not of it.
function mark() {
  marked = { ticks: awake(), allocations: memory().allocations };
}

// Plays a scene of the recording, which begins with `work`, and adds a row: the mean of `count` times what happens in it; then next(). What follows on mark()
// is a row of its own, where it has a name.
function play(scene, name, count, work, following, next) {
  var begin;
  gc();
  marked = null;
  if (!replay(scene)) fail(new Error(scene + " is not what comes next in the recording"));
  begin = { ticks: awake(), allocations: memory().allocations };
  hal.timer.set(PLAYED, function () {
    var end = { ticks: awake(), allocations: memory().allocations };
    var middle = marked || end;
    if (replaying()) fail(new Error("the stack does not get to the end of the scene " + scene));
    end.ticks -= (unmoved.ticks * PLAYED) / SETTLED;
    if (!marked) middle.ticks = end.ticks;
    add(name, middle.ticks - begin.ticks, middle.allocations - begin.allocations, count);
    if (following) add(following, end.ticks - middle.ticks, end.allocations - middle.allocations, 1);
    next();
  });
  work();
}

// Adds a row: a second in which nothing happens; then next().
function idle(name, next) {
  follow(
    IDLE * 1000,
    function () {},
    function (all) {
      add(name, all.ticks, all.allocations, IDLE);
      next();
    }
  );
}

// Hands on what is given to hal.uart.open, and keeps it.
function tap() {
  var open = hal.uart.open;
  hal.uart.open = function (baud, flow, callback, fault) {
    receive = callback;
    open(baud, flow, callback, fault);
  };
}

// Adds a row: from open() to onready; then next().
function bringUp(options, next) {
  var allocations, ticks;
  tap();
  options.onready = function () {
    ticks = awake() - ticks;
    add("bring-up, from open() to onready", ticks, memory().allocations - allocations, 1);
    // Not within the stack's own call.
    hal.timer.set(SETTLED, next);
  };
  options.onerror = fail;
  allocations = memory().allocations;
  ticks = awake();
  bt = blimp.open(hal, null, options);
}

function finish(before) {
  var preset = boot.scripts[0];
  var counters = bt ? bt.counters() : null;
  var last;
  gc();
  last = memory();
  print(
    "RESULT " +
      JSON.stringify({
        script: preset.bytes,
        rows: rows,
        heap: { engine: boot.heap, script: preset.heap - boot.heap, instance: last.heap - before, parsing: preset.peak, peak: last.peak },
        stack: last.stack,
        counters: counters,
      })
  );
  exit(0);
}

// Brings the stack up and measures.
//   options: of open(); null: what is measured opens nothing, or does it itself
//   answers: bytes of the controller's answers that go before the standard ones, Command Complete events
//   operations: functions that add rows; each is called with the function to be called when it is done
function measure(options, answers, operations) {
  var before;
  function begin() {
    add("start of the engine", boot.engine, 0, 1);
    add("parse the script", boot.scripts[0].parse, 0, 1);
    add("run the script", boot.scripts[0].run, 0, 1);
    controller(new Uint8Array(answers.concat(standardAnswers())));
    follow(
      SETTLED,
      function () {},
      function (all) {
        unmoved = all;
        idle("idle for a second, the board alone", rise);
      }
    );
  }
  function rise() {
    gc();
    before = memory().heap;
    if (!options) return operate(0);
    bringUp(options, function () {
      operate(0);
    });
  }
  function operate(i) {
    if (i < operations.length) {
      operations[i](function () {
        operate(i + 1);
      });
    } else if (!bt) {
      finish(before);
    } else {
      idle("idle for a second, all of that done", function () {
        finish(before);
      });
    }
  }
  // Not now: the firmware collects garbage once this script has run.
  hal.timer.set(1, begin);
}
