import type { Hal } from "../../hal/hal.js";
import type { FirmwareReader } from "../../core/chip/firmware.js";
import { makeGpio, type PinWiring } from "../pins.js";

declare function require(name: string): any;
declare function pinMode(pin: number, mode: number): void;
declare function digitalRead(pin: number): number;
declare function digitalWrite(pin: number, level: number): void;
declare function millis(): number;
declare function micros(): number;
declare function setTimeout(callback: () => void, milliseconds: number): number;
declare function clearTimeout(handle: number): void;
declare const OUTPUT: number;
declare const INPUT: number;

/** How the chip is wired to the board: numbers of GPIO pins. One that is not connected is left out. */
export interface Wiring extends PinWiring<number> {
  /** Number of the UART. */
  uart: number;
  /** Pins of the UART: tx to BT_UART_RXD, rx to BT_UART_TXD. */
  tx?: number;
  rx?: number;
  /** The UART's own CTS and RTS pins: with both of them there is flow control. */
  ctspin?: number;
  rtspin?: number;
}

/**
 * The HAL of a board that runs Kaluma.
 * @param wiring the UART and the pins
 */
export function hal(wiring: Wiring): Hal {
  const UART = require("uart").UART;
  const flow = wiring.ctspin !== undefined && wiring.rtspin !== undefined;
  // Kaluma sends the whole buffer behind a view: what is sent has to be an array of its own, one of each length that has been needed.
  const exact: { [length: number]: Uint8Array } = {};
  let port: any = null;
  let rate = 0;

  function close(): void {
    if (port) {
      // Its last bytes may still be in the UART's own queue, which closing forgets: 32 of them, and the one on the line.
      const end = micros() + (33 * 10 * 1e6) / rate;
      while (micros() < end);
      port.close();
    }
    port = null;
  }

  if (wiring.cts !== undefined) pinMode(wiring.cts, INPUT);
  return {
    uart: {
      flow: flow,
      open: function (baud, _flow, receive) {
        const options: any = { baudrate: baud };
        if (wiring.tx !== undefined) options.tx = wiring.tx;
        if (wiring.rx !== undefined) options.rx = wiring.rx;
        if (flow) {
          options.cts = wiring.ctspin;
          options.rts = wiring.rtspin;
          options.flow = UART.FLOW_RTS_CTS;
        }
        close();
        rate = baud;
        port = new UART(wiring.uart, options);
        port.on("data", receive);
      },
      write: function (buffer, offset, length) {
        const copy = exact[length] || (exact[length] = new Uint8Array(length));
        copy.set(buffer.subarray(offset, offset + length));
        port.write(copy);
      },
      close: close,
    },
    gpio: makeGpio<number>(
      wiring,
      function (pin, level) {
        pinMode(pin, OUTPUT);
        digitalWrite(pin, level);
      },
      digitalRead,
    ),
    timer: {
      now: millis,
      set: function (milliseconds, callback) {
        return setTimeout(callback, milliseconds);
      },
      clear: function (handle) {
        clearTimeout(handle as number);
      },
    },
    delay: function (microseconds) {
      const end = micros() + microseconds;
      while (micros() < end);
    },
  };
}

/**
 * A firmware image in the board's file system.
 * @param path of the file
 * @returns what `open()` takes: it is read piece by piece
 */
export function firmware(path: string): FirmwareReader {
  const fs = require("fs");
  const file = fs.open(path, "r");
  return {
    length: fs.stat(path).size,
    read: function (offset, target) {
      // Kaluma writes to the beginning of the buffer behind a view: what it fills has to be an array of its own.
      const piece = new Uint8Array(target.length);
      fs.read(file, piece, 0, piece.length, offset);
      target.set(piece);
    },
  };
}
