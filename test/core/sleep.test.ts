import assert from "node:assert/strict";
import { createBoard, makeImage, type Board } from "../../hal/mock/index.js";
import { open } from "../../targets/node/open.js";

const SET_SLEEPMODE = 0xfc27;
const LINES = { regon: true, clock: true, devwake: true, hostwake: true };

function start(wiring: object): { board: Board; bt: ReturnType<typeof open> } {
  const board = createBoard({ wiring });
  const bt = open(board.hal, makeImage(), { health: 0, onerror: (error) => assert.fail(error) });
  bt.startadvertise("abc", 100, 100);
  board.clock.run(3000);
  return { board, bt };
}

describe("sleep", () => {
  it("lets the chip sleep 500 ms after the last packet, and wakes it 15 ms before the next", () => {
    const { board, bt } = start(LINES);
    const mode = board.chip.log.filter((command) => command.opcode === SET_SLEEPMODE);
    assert.equal(mode.length, 1);
    assert.equal(Buffer.from(mode[0].parameters).toString("hex"), "010202000000010000000000");
    assert.equal(board.chip.asleep, true);
    const sent = board.chip.log.length;
    const called = board.clock.now;
    bt.startadvertise("xyz", 100, 100);
    board.clock.run(14.9);
    assert.equal(board.chip.log.length, sent);
    board.clock.run(10);
    assert.equal(board.chip.log.length, sent + 1);
    assert.ok(board.chip.log[sent].time - called >= 15);
    board.clock.run(2000);
    assert.equal(board.chip.asleep, true);
    assert.deepEqual(board.chip.violations, []);
  });

  it("is left off where a line or the clock is missing", () => {
    for (const missing of ["clock", "devwake", "hostwake"]) {
      const { board } = start({ ...LINES, [missing]: false });
      assert.equal(board.chip.log.filter((command) => command.opcode === SET_SLEEPMODE).length, 0, missing);
      assert.equal(board.chip.asleep, false, missing);
    }
  });

  it("wakes the chip for the Reset of close()", () => {
    const { board, bt } = start({ ...LINES, regon: false });
    assert.equal(board.chip.asleep, true);
    bt.close();
    board.clock.run(100);
    assert.equal(board.delays.microseconds, 15000);
    assert.equal(board.timers, 0);
  });

  it("goes on after a recovery", () => {
    const board = createBoard({ wiring: LINES });
    const bt = open(board.hal, makeImage(), { health: 0 });
    bt.startadvertise("abc", 100, 100);
    board.clock.run(2000);
    board.chip.hardwareError(3);
    board.clock.run(3000);
    assert.equal(board.chip.asleep, true);
    assert.equal(bt.counters().restarts, 1);
  });
});
