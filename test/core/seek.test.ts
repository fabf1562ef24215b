import assert from "node:assert/strict";
import { createBoard, makeImage } from "../../hal/mock/index.js";
import { open } from "../../targets/node/open.js";

const UPDATE_BAUD_RATE = 0xfc18;

describe("a chip whose power cannot be cut", () => {
  it("is found at the rate that it took though its answer was lost", () => {
    const board = createBoard({ wiring: {}, flow: false });
    let ready = 0;
    board.chip.power(1);
    // It performs the command, and the answer is lost on the wire.
    let losing = 0;
    board.chip.hook = (opcode, _parameters, count) => {
      if (opcode === UPDATE_BAUD_RATE && count === 1) losing = 7;
      return undefined;
    };
    board.wire.toHost.fault = (byte) => (losing > 0 ? (losing--, null) : byte);
    const bt = open(board.hal, makeImage(), { baud: 460800, onready: () => ready++, onerror: (error) => assert.fail(error) });
    board.clock.run(30_000);
    assert.equal(ready, 1);
    bt.close();
    board.clock.run(100);
    assert.equal(board.timers, 0);
  });
});
