import type { Hal } from "../../hal/hal.js";
import { machineCode } from "./native/code.js";

declare const process: any;
declare function require(name: string): any;
declare function peek32(address: number): number;

/** What the machine code's memory holds: the secret, the point, and what it needs besides; in bytes. */
const enum Memory {
  Secret = 0,
  Point = 32,
  Free = 96,
  Size = 1091,
}

/** Of a Cortex-M, as the Armv7-M and Armv8-M architecture reference manuals have them. */
const enum Cortex {
  /** Where the memory is that data is in, and how much of it there may be. */
  Ram = 0x20000000,
  RamSize = 0x10000000,
  /** Registers: what processor it is; how it is configured; what its memory protection does. */
  Cpuid = 0xe000ed00,
  Ccr = 0xe000ed14,
  MpuCtrl = 0xe000ed94,
  /** In the first of them: the architecture, and the one with the instructions of Cortex-M3. */
  Architecture = 16,
  Main = 15,
  /** In the others: that data or instructions are cached, and that there are protected regions. */
  Caches = 0x30000,
  Protects = 1,
}

/**
 * Whether the processor has the instructions of a Cortex-M3. `process.env` does not name it; but on a Cortex-M the interpreter's flash lies below RAM, on an
 * ESP32 and ESP8266 above it, and on Linux the board has no RAM of a known size. Only then the processor is asked: elsewhere there is nothing at that address.
 * @param address of data
 */
function isCortex(address: number): boolean {
  const env = process.env;
  if (!(env.RAM > 0 && env.EXPTR > 0 && env.EXPTR < Cortex.Ram && address >= Cortex.Ram && address < Cortex.Ram + Cortex.RamSize)) return false;
  return ((peek32(Cortex.Cpuid) >> Cortex.Architecture) & 15) == Cortex.Main;
}

/** Where in memory the bytes of a string are, if they are in one piece; else 0. */
function addressOf(text: any): number {
  return (E as any).getAddressOf(text, true);
}

/**
 * Gives the HAL of an Espruino board P-256 in machine code, for security level 4. A multiplication takes 3.9 million instructions, within which nothing
 * else is done.
 * @param hal what `open()` will get; its `crypto` gets `p256public` and `p256shared`
 * @param file of 2 kB in Storage from which the code is run, up to 28 characters; written where it is not there yet. Without it, or where Storage is in a chip
 *   of its own, the code is in RAM: 150 variables more
 * @returns whether it has: not on a board without a Cortex-M3, M4, M7 or M33; nor where its firmware is older than 2v18, or too few variables are free side by
 *   side; nor, if the code is in RAM, where the processor protects or caches RAM
 */
export function addP256(hal: Hal, file?: string): boolean {
  const tools: any = E;
  const storage = require("Storage");
  const holder: any = hal;
  let code: any = null;
  let work: any;

  /** Where the code is, at a multiple of 4; else 0. */
  function find(): number {
    const address = addressOf(code || storage.read(file));
    return address & 3 ? 0 : address;
  }

  /** Puts the code where it can be run; false where that is nowhere. */
  function place(): boolean {
    const text = atob(machineCode());
    code = null;
    if (file && (storage.read(file) === text || storage.write(file, text)) && find()) return true;
    // Where RAM is protected it may not be executable; what is written through a cache is not seen by the processor at once.
    if (peek32(Cortex.MpuCtrl) & Cortex.Protects || peek32(Cortex.Ccr) & Cortex.Caches) return false;
    code = tools.toFlatString(text);
    return code && find() > 0;
  }

  function multiply(secret: Uint8Array, peer: Uint8Array | null, target: Uint8Array, length: number): boolean {
    const bytes = new Uint8Array(E.toArrayBuffer(work));
    // Espruino moves things when it tidies up its memory, up to 2v29 also to where code cannot be run.
    if (!find() && !place()) return false;
    bytes.set(secret, Memory.Secret);
    if (peer) bytes.set(peer, Memory.Point);
    // Thumb code is called at an odd address.
    const failed = tools.nativeCall(find() + 1, "int(int,int)")(addressOf(work), peer ? 1 : 0);
    if (!failed) target.set(bytes.subarray(Memory.Point, Memory.Point + length));
    bytes.set(new Uint8Array(Memory.Free - Memory.Point), Memory.Point);
    return !failed;
  }

  if (!tools.nativeCall || !tools.toFlatString) return false;
  work = tools.toFlatString({ data: 0, count: Memory.Size });
  if (!work || !isCortex(addressOf(work)) || !place()) return false;
  if (!holder.crypto) holder.crypto = {};
  holder.crypto.p256public = function (secret: Uint8Array, target: Uint8Array): boolean {
    return multiply(secret, null, target, 64);
  };
  holder.crypto.p256shared = function (secret: Uint8Array, peer: Uint8Array, target: Uint8Array): boolean {
    return multiply(secret, peer, target, 32);
  };
  return true;
}
