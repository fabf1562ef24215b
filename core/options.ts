import { callable, integer, reject } from "./errors.js";

/** What `open()` takes as its third argument. Each is optional. */
export interface Options {
  /** The chip is up. */
  onready?: (info: ReadyInfo) => void;
  /**
   * Something failed that nobody waits for, a BlimpError. The stack goes on by itself, except before `onready`: there it has given the board
   * back, and `open()` may be called again.
   */
  onerror?: (error: Error) => void;
  /** Something is odd but not wrong, or will be tried again; a BlimpError too. */
  onwarning?: (warning: Error) => void;
  /** The firmware download: bytes of the image done, and its length. */
  onprogress?: (done: number, total: number) => void;
  /** A step of the bring-up begins: "power", "reset", "identity", "baud", "minidriver", "record", "launch", "settle", "address", "setup". */
  onstep?: (step: string) => void;
  /** The chip had to be restarted and everything declared is on its way back; `ms` is how long it was gone. */
  onrecover?: (info: ReadyInfo) => void;
  /** The device's address, 12 hex digits: written to a CYW43438; on another controller used as its static random address. */
  mac?: string;
  /** Where the device keeps what must outlive a restart, in builds that have that part: one opaque set of bytes. */
  store?: Store;
  /** Gives the firmware once more, for a recovery, where the second argument of `open()` is not to be kept. */
  firmwareagain?: () => any;
  /** The device's name in the Generic Access service, 0 to 248 bytes or a byte string; default "blimp". */
  name?: any;
  /** Its appearance there, an assigned number of 16 bits; default 0. */
  appearance?: number;
  /** Asks the user for the passkey that the peer shows; call `reply` with 0 to 999999, or with null to give up. With it this device has a keyboard. */
  passkey?: (connection: any, reply: (passkey: number | null) => void) => void;
  /** Asks the user whether the peer shows the same six digits; call `reply` with true or false. With it this device can say yes and no. */
  compare?: (connection: any, digits: number, reply: (same: boolean) => void) => void;
  /**
   * Returns what came of a peer out of band, 16 bytes each, most significant octet first: `{tk}` for legacy pairing, `{random, confirm}` for Secure
   * Connections; or nothing.
   */
  oob?: (connection: any) => any;
  /** Tells of pairings: "started", "passkey" (the code is to be shown now), "paired", "failed" with the reason of Vol 3 Part H section 3.5.5; "code": there is a new one. */
  onpairing?: (connection: any, state: string, reason?: number) => void;
  /** Somebody has failed to pair: how often in a row. After three new attempts have to wait. */
  onpairingfailed?: (count: number) => void;
  /** True: a request before the security level is reached is refused at once (error 0x05) instead of held until it is. */
  refuse?: boolean;
  /** A set of limits: "tiny", "small" (what a build for small engines has by itself) or "large" (what Node has). Limits by their own names come before. The presets `beacon` and `observer` have no sets. */
  sizes?: "tiny" | "small" | "large";
  /** Any of the limits below, by its name. */
  [limit: string]: any;
}

/** A place for one opaque set of bytes. */
export interface Store {
  /** The bytes last saved, or null. */
  load(): Uint8Array | null;
  /** Keeps the bytes; returns false where that failed. */
  save(bytes: Uint8Array): boolean;
  /**
   * Forgets what it keeps, so that nothing of it can be read back, as far as its memory allows; returns false where that failed. Left out: no bytes are
   * saved in place of the old ones.
   */
  erase?(): boolean;
}

/** What `onready` and `onrecover` are told: milliseconds since the rise began, the chip's own name, its HCI revision, the device's address. */
export interface ReadyInfo {
  ms: number;
  name: string;
  revision: number;
  address: string;
}

/** The sizes and time limits that an application may set, by their places in the array that keeps them. */
export const enum Limit {
  Receive,
  Baud,
  DownloadBaud,
  ResetBaud,
  PowerOff,
  PowerOn,
  Minidriver,
  Settle,
  CommandLimit,
  Attempts,
  Health,
  Links,
  Mtu,
  Queue,
  Prepare,
  AclPackets,
  MaxInterval,
  MaxLatency,
  Discovery,
  Slice,
  KeySize,
  Bonds,
  RotateCode,
  Count,
}

/**
 * Takes limits out of the options.
 * @param words of each limit its name, default, least (besides the default) and most, in one text: a table would cost a small engine a hundred
 *   variables for good
 * @param first the place of the first of them
 * @param standards a build's own defaults, in place of those in the text
 * @throws BlimpError "argument" for one that is no integer or out of its bounds
 */
export function takeLimits(limits: Int32Array, options: Options, words: string, first: number, standards?: { [limit: string]: number } | null): void {
  const list = words.split(" ");
  for (let i = 0; i < list.length; i += 4) {
    const name = list[i];
    const standard = (standards && standards[name]) || +list[i + 1];
    const value = options[name] === undefined ? standard : options[name];
    limits[first + i / 4] = value === standard ? value : integer("open", name, value, +list[i + 2], +list[i + 3]);
  }
}

/** Notes the limits of a part beside it, in the form of `takeLimits`. */
export function withLimits(part: any, words: string, first: number): void {
  part._words = words;
  part._first = first;
}

/**
 * Takes the limits of every build out of the options. Times in milliseconds, sizes in bytes, rates in bit/s.
 * @throws BlimpError "argument" for a bad limit, and for a callback that is no function
 */
export function readLimits(options: Options, standards?: { [limit: string]: number }): Int32Array {
  const limits = new Int32Array(Limit.Count);
  if (!options || typeof options != "object") reject("open", "options", options, "an object");
  takeLimits(
    limits,
    options,
    // The receive ring: two of the longest events, or 5 ms at 921600 bit/s while the engine is busy.
    "receive 512 300 65536 " +
    // The working rate. 0: 921600 with flow control, else that of the reset. Above 2000000 the part is said to lack the clock.
    "baud 0 9600 3000000 " +
    // The rate of the firmware download. 0: the working rate.
    "downloadbaud 0 9600 3000000 " +
    // The rate at which the controller comes out of a reset.
    "resetbaud 115200 9600 3000000 " +
    // BT_REG_ON low; three times as long after a failure. Drivers use 1 to 300, the last for a regulator's discharge.
    "poweroff 100 1 10000 " +
    // BT_REG_ON high before the first byte. Drivers use 10 to 500; up to 400 more where the chip's RTS can be read and is still high.
    "poweron 100 10 10000 " +
    // After Download_Minidriver: all drivers use 50.
    "minidriver 50 0 10000 " +
    // After Launch_RAM. Drivers use 10 to 1000; too short a wait gave Hardware Errors.
    "settle 250 10 10000 " +
    // For the answer to a command once the chip is ready.
    "commandlimit 2000 100 60000 " +
    // How often the whole bring-up is tried.
    "attempts 3 1 100 " +
    // Nothing received but answers for so long: ask the chip whether it is there. In thirty times as long it is asked in any case. 0: never.
    "health 10000 0 3600000",
    0,
    standards,
  );
  const callbacks = "onready onerror onwarning onprogress onstep onrecover firmwareagain".split(" ");
  for (let i = 0; i < callbacks.length; i++) if (options[callbacks[i]]) callable("open", callbacks[i], options[callbacks[i]]);
  return limits;
}
