import type { Hal } from "../../hal/hal.js";
import { reject } from "../../core/errors.js";
import { makeGpio, type PinWiring } from "../pins.js";
import { needInstance } from "./_room.js";
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
  /**
   * True where `E.hwRand` is fit for keys: on nRF52 boards, whose chip has a source for that. Elsewhere leave it out, and the controller is asked: of
   * ESP32, ESP8266 and STM32L4 it is C's `rand()`, of RP2040 a generator that is not meant for keys, of STM32F1 and F4 noise that nobody has measured.
   */
  random?: boolean;
  /** On Linux: the device of the port. */
  path?: string;
}

const enum Milliseconds {
  /** The clock does not leap further by itself, beside the longest timer. */
  Leap = 60000,
}

// A board has one clock: its state stands here, and not in a scope of functions of its own, which would cost variables.
/** The time of day that is taken for 0; the time last told, since then; the longest that nobody may have looked at the clock. */
let zero = 0;
let last = 0;
let leap: number = Milliseconds.Leap;

/** The time of day, which `setTime` changes: such a leap, in either direction, has not been time that passed. */
function now(): number {
  const time = getTime() * 1000;
  const passed = time - zero;
  if (passed < last || passed > last + leap) zero = time - last;
  else last = passed;
  return last;
}

function set(milliseconds: number, callback: () => void): unknown {
  if (milliseconds + Milliseconds.Leap > leap) leap = milliseconds + Milliseconds.Leap;
  return setTimeout(callback, milliseconds);
}

function delay(microseconds: number): void {
  const end = getTime() + microseconds / 1e6;
  while (getTime() < end);
}

function random(target: Uint8Array): void {
  for (let i = 0; i < target.length; i++) target[i] = E.hwRand();
}

/**
 * The HAL of an Espruino board.
 * @param wiring the port and the pins
 * @throws BlimpError "memory" where the board's variables do not hold an instance of the preset
 */
export function hal(wiring: Wiring): Hal {
  const serial: any = wiring.serial;
  needInstance();
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
    gpio: makeGpio<Pin>(wiring, digitalWrite as (pin: Pin, level: number) => void, digitalRead),
    timer: { now: now, set: set, clear: clearTimeout },
    delay: delay,
    random: wiring.random ? random : undefined,
    uniqueid: getSerial,
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
