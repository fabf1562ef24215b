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
  /** Any of the limits below, by its name. */
  [limit: string]: any;
}

/** A place for one opaque set of bytes. */
export interface Store {
  /** The bytes last saved, or null. */
  load(): Uint8Array | null;
  /** Keeps the bytes; returns false where that failed. */
  save(bytes: Uint8Array): boolean;
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
 * Takes the limits out of the options.
 * @param standards a build's own defaults, in place of those here
 * @throws BlimpError "argument" for one that is no integer or out of its bounds, and for a callback that is no function
 */
export function readLimits(options: Options, standards?: { [limit: string]: number }): Int32Array {
  // Name, default, least (besides the default), most. Times in milliseconds, sizes in bytes, rates in bit/s. One text, made into words when it is needed: a table would
  // cost a small engine a hundred variables for good.
  const words = (
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
    // Nothing received for so long: ask the chip whether it is there. 0: never.
    "health 10000 0 3600000 " +
    // Connections at a time.
    "links 1 1 8 " +
    // The largest ATT MTU: 23 fits one packet of a CYW43438.
    "mtu 23 23 517 " +
    // Notifications of full length that may wait, on each connection.
    "queue 4 1 256 " +
    // Bytes of prepared writes on each connection: each part of a long value takes 6 more.
    "prepare 160 24 8192 " +
    // ACL packets in the controller at a time. 0: as many as it says, but two in a CYW43438, which more may block.
    "aclpackets 0 1 255 " +
    // The longest connection interval and the largest latency that a peer may ask for.
    "maxinterval 4000 8 4000 " +
    "maxlatency 499 0 499 " +
    // Services, characteristics and descriptors of a peer that a discovery takes.
    "discovery 256 8 65535 " +
    // Of a multiplication on P-256, 3478 steps in all, at a time.
    "slice 1 1 4000 " +
    // The least size of an encryption key, in bytes.
    "keysize 16 7 16 " +
    // Bonds that are kept.
    "bonds 4 1 255 " +
    // A new code after each pairing and after so many minutes. 0: never.
    "rotatecode 0 1 1440"
  ).split(" ");
  const limits = new Int32Array(Limit.Count);
  if (!options || typeof options != "object") reject("open", "options", options, "an object");
  for (let i = 0; i < words.length; i += 4) {
    const name = words[i];
    const standard = (standards && standards[name]) || +words[i + 1];
    const value = options[name] === undefined ? standard : options[name];
    limits[i / 4] = value === standard ? value : integer("open", name, value, +words[i + 2], +words[i + 3]);
  }
  const callbacks = "onready onerror onwarning onprogress onstep onrecover firmwareagain".split(" ");
  for (let i = 0; i < callbacks.length; i++) if (options[callbacks[i]]) callable("open", callbacks[i], options[callbacks[i]]);
  return limits;
}
