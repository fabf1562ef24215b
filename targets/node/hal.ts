import { randomFillSync } from "node:crypto";
import type { Gpio, Hal } from "../../hal/hal.js";
import type { Board, BoardOptions } from "../../hal/mock/index.js";
import { machineIdentity } from "./identity.js";
import { createRegon } from "./regon.js";
import { busyWait, createNodeTimer } from "./time.js";
import { parseTransport } from "./transport.js";
import { createMockHal } from "./transports/mock.js";
import { SerialUart } from "./transports/serial.js";
import { SocketUart } from "./transports/socket.js";
import type { FaultingUart } from "./transports/uart.js";

export interface NodeHalOptions {
  /** A serial line, or the virtual one: RTS and CTS are wired. Default true for `mock`, else false. */
  flow?: boolean;
  /**
   * What sets BT_REG_ON, on anything but `mock`; without it the line is taken not to be wired. Either a shell command in which `{level}`
   * stands for 0 or 1 and which returns once the level is set, such as `gpioset --mode=exit gpiochip0 45={level}`; or the absolute path of
   * a file that takes "0" or "1", such as `/sys/class/gpio/gpio45/value`.
   */
  regon?: string;
  /** `mock` only. True: virtual time runs as fast as it can; default: at the pace of the wall clock. */
  fast?: boolean;
  /** `mock` only: what differs from the usual board. */
  board?: BoardOptions;
}

/** The HAL on Node. */
export interface NodeHal extends Hal {
  /** The rate (bit/s) that the transport names as that of the controller after a reset: for the option `resetbaud` of `open()`. */
  readonly resetbaud?: number;
  /** The board behind `mock`. */
  readonly board?: Board;
}

/**
 * The HAL of a Node program. Nothing is opened or connected before the stack opens the UART.
 * @param transport `mock`: a virtual CYW43438 in this process. `unix:PATH` and `tcp:HOST:PORT`: a stream socket on which a controller speaks
 *   H4; it is connected whenever the UART is opened, and rates mean nothing to it. `serial:DEVICE[@BAUD]`: a serial line, by way of `stty`
 * @throws BlimpError "argument" for a transport of another form, or a `regon` that is neither a command nor a path
 */
export function createNodeHal(transport: string, options: NodeHalOptions = {}): NodeHal {
  const where = parseTransport(transport);
  if (where.kind === "mock") return createMockHal({ fast: options.fast, board: { flow: options.flow, ...options.board } });
  const uart = where.kind === "serial" ? new SerialUart(where.device, options.flow ?? false) : new SocketUart(where);
  const hal: NodeHal = {
    uart,
    gpio: createGpio(uart, options.regon),
    timer: createNodeTimer(),
    delay: busyWait,
    random: (target) => void randomFillSync(target),
    resetbaud: where.kind === "serial" ? where.baud : undefined,
  };
  const identity = where.kind === "serial" ? machineIdentity(where.device) : null;
  if (identity !== null) hal.uniqueid = () => identity;
  return hal;
}

function createGpio(uart: FaultingUart, regon: string | undefined): Gpio {
  // A control line that cannot be set is a line that is gone: the stack is told so by the UART's own way.
  return regon === undefined ? {} : { regon: createRegon(regon, (reason) => uart.fail(reason)) };
}
