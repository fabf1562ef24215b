import type { Hal } from "../../hal/hal.js";
import { reject } from "../../core/errors.js";
import { makeGpio, type PinWiring } from "../pins.js";
import type { FirmwareReader } from "../../core/chip/firmware.js";

declare function require(name: string): any;
declare function setTimeout(callback: () => void, milliseconds: number): any;
declare function clearTimeout(handle: any): void;

/** How the chip is wired to the board. A pin that is not connected is left out. */
export interface Wiring extends PinWiring<Pin> {
  /** The port: Serial1, Serial2, ... */
  serial: Serial;
  /** Pins of the port, where its standard ones are not used: tx to BT_UART_RXD, rx to BT_UART_TXD. */
  tx?: Pin;
  rx?: Pin;
  /** False where `E.hwRand` is not fit for keys, as on ESP8266 and EFM32: the controller is asked instead. */
  random?: boolean;
  /** On Linux: the device of the port. */
  path?: string;
}

function random(target: Uint8Array): void {
  for (let i = 0; i < target.length; i++) target[i] = E.hwRand();
}

/**
 * The HAL of an Espruino board.
 * @param wiring the port and the pins
 */
export function hal(wiring: Wiring): Hal {
  const serial: any = wiring.serial;
  return {
    uart: {
      open: function (baud, _flow, receive) {
        const options: any = {};
        if (wiring.tx !== undefined) options.tx = wiring.tx;
        if (wiring.rx !== undefined) options.rx = wiring.rx;
        if (wiring.path) options.path = wiring.path;
        serial.removeAllListeners("data");
        serial.setup(baud, options);
        serial.on("data", function (data: string) {
          // A view of the string's own bytes: nothing is copied here.
          receive(new Uint8Array(E.toArrayBuffer(data)));
        });
      },
      write: function (buffer, offset, length) {
        serial.write(buffer.subarray(offset, offset + length));
      },
      close: function () {
        serial.removeAllListeners("data");
        if (serial.flush) serial.flush();
        serial.unsetup();
        // The chip is sensitive to noise on a line that nobody drives.
        if (wiring.tx !== undefined) digitalWrite(wiring.tx, true);
      },
    },
    gpio: makeGpio<Pin>(
      wiring,
      function (pin, level) {
        digitalWrite(pin, level);
      },
      digitalRead,
    ),
    timer: {
      now: function () {
        return getTime() * 1000;
      },
      set: function (milliseconds, callback) {
        return setTimeout(callback, milliseconds);
      },
      clear: function (handle) {
        clearTimeout(handle as any);
      },
    },
    delay: function (microseconds) {
      const end = getTime() + microseconds / 1e6;
      while (getTime() < end);
    },
    random: wiring.random === false ? undefined : random,
    uniqueid: function () {
      return getSerial();
    },
  };
}

/**
 * A firmware image in the board's flash.
 * @param name of the file in Storage
 * @returns what `open()` takes: the bytes stay where they are
 */
export function firmware(name: string): Uint8Array | FirmwareReader {
  const file = require("Storage").read(name);
  if (file === undefined) reject("firmware", "name", name, "a file in Storage");
  return new Uint8Array(E.toArrayBuffer(file));
}
