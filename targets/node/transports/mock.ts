import type { Hal } from "../../../hal/hal.js";
import { createBoard, type Board, type BoardOptions } from "../../../hal/mock/index.js";
import { Pacer } from "./pacer.js";

export interface MockHalOptions {
  /** True: virtual time runs as fast as it can; default: at the pace of the wall clock. */
  fast?: boolean;
  /** What differs from the usual board. */
  board?: BoardOptions;
}

/** The HAL of a virtual board, and the board. */
export interface MockHal extends Hal {
  readonly board: Board;
}

/**
 * The HAL of a virtual board whose clock runs by itself: as long as the UART is open or a timer is set, and it keeps the process alive so long.
 * What happens is a function of the board's seed and of the moments at which the program calls.
 */
export function createMockHal(options: MockHalOptions = {}): MockHal {
  const board = createBoard(options.board);
  const { uart, timer } = board.hal;
  const pacer = new Pacer(board.clock, () => board.uartOpen || board.timers > 0, options.fast ?? false);
  return {
    ...board.hal,
    board,
    uart: {
      flow: uart.flow,
      open(baud, flow, receive, fault) {
        uart.open(baud, flow, receive, fault);
        pacer.wake();
      },
      write: (buffer, offset, length) => uart.write(buffer, offset, length),
      close: () => uart.close(),
    },
    timer: {
      now: () => timer.now(),
      set(milliseconds, callback) {
        const handle = timer.set(milliseconds, callback);
        pacer.wake();
        return handle;
      },
      clear: (handle) => timer.clear(handle),
    },
  };
}
