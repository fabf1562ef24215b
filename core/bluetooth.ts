import type { Hal, Session } from "../hal/hal.js";
import { hex, parseAddress } from "./bytes/hex.js";
import { openFirmware, type FirmwareSource } from "./chip/firmware.js";
import { closeChip, openChip, SUPERVISION } from "./chip/supervisor.js";
import { readCounters, type Counters } from "./counters.js";
import { callable, failure, reject } from "./errors.js";
import type { TraceSink } from "./hci/h4.js";
import { createHost, type Host, type Role } from "./host.js";
import { readMemory, type Memory } from "./memory.js";
import { readLimits, takeLimits, type Options } from "./options.js";
import type { Standards } from "./sizes.js";

/** What every instance can do, whatever parts it is built of. */
export interface Core {
  /**
   * Ends everything: ends the connections (for a second at most), resets the chip, powers it down where its power line is wired, gives the UART back. May be called at any moment, also in
   * a callback, and again. None of the application's callbacks runs afterwards; `open()` may follow at once.
   */
  close(): void;
  /** The device's own address, 12 lower-case hex digits; null before it is known. */
  address(): string | null;
  /** How often each thing happened since `open()`; a copy. */
  counters(): Counters;
  /** What was reserved, and the most that each bounded buffer has held since `open()`; a copy. */
  memory(): Memory;
  /**
   * Shows every packet to `sink`, or to nobody (null). Keys, and what they could be found by, are zeroed.
   * @param sink called as sink(sent, bytes, at, length): whether the packet was sent, the array that holds it until the call returns, the offset of
   *   its H4 indicator, its length with the indicator
   * @param keys true: show these, too
   * @throws BlimpError "argument"
   */
  trace(sink: TraceSink | null, keys?: boolean): void;
}

/** A part of the stack: adds its rows and events to the host and its methods to the instance. Returns its role, if it has one. */
export type Part = (host: Host, instance: any) => Role | void;

/** The `open()` of a build. */
export interface Open<Instance> {
  /**
   * Takes the board over and brings the chip up. Returns at once; `options.onready` or `options.onerror` follows. What is called on the
   * instance meanwhile is declared: it comes into force when the chip is ready.
   * @param hal the board
   * @param firmware the chip's patch (an .hcd image: bytes, a byte string, or a reader), or null to download none
   * @param options callbacks, sizes and limits
   * @throws BlimpError "argument" for a bad argument, "busy" where another instance holds the board
   */
  (hal: Hal, firmware: FirmwareSource | null, options?: Options): Instance;
}

/**
 * Makes the `open()` of a build.
 * @param parts in the order of priority
 * @param longest the longest H4 packet that the build may receive, in bytes
 * @param sizes gives the standards that `options.sizes` names, where the build knows such names
 * @param standards the build's own defaults of limits, by their names
 */
export function createOpen<Instance>(parts: Part[], longest: number, sizes?: (name: any) => Standards, ownStandards?: Standards): Open<Core & Instance> {
  return function (hal, firmware, options) {
    if (!hal || !hal.uart || !hal.timer || !hal.gpio) reject("open", "hal", hal, "{uart, gpio, timer, delay}");
    const given = options === undefined ? {} : options;
    const session: Session = hal.session || (hal.session = { held: false, address: null, baud: 0 });
    // Another instance may only be waiting for its links to end.
    if (session.finish) session.finish();
    if (session.held) throw failure("busy", "open", 0, "another instance holds this board");
    const standards = sizes && given && given.sizes !== undefined ? sizes(given.sizes) : ownStandards;
    const limits = readLimits(given, standards);
    for (let i = 0; i < parts.length; i++) {
      const part: any = parts[i];
      if (part._words) takeLimits(limits, given, part._words, part._first, standards);
    }
    const host = createHost(hal, given, limits, longest, session, SUPERVISION);
    const instance: any = {
      close: function () {
        closeChip(host);
      },
      address: function () {
        return host._addresstype < 0 ? null : hex(host._address, 0, 6, true);
      },
      counters: function () {
        return readCounters(host._counters);
      },
      memory: function () {
        return readMemory(host._gauges);
      },
      trace: function (sink: TraceSink | null, keys?: boolean) {
        if (sink) callable("trace", "sink", sink);
        host._sink = sink;
        host._mask = keys === true ? null : host._masker;
      },
    };
    if (firmware !== null) host._firmware = openFirmware(firmware);
    if (given.mac !== undefined) {
      host._mac = parseAddress(given.mac);
      if (!host._mac) reject("open", "mac", given.mac, "12 hex digits");
    }
    for (let i = 0; i < parts.length; i++) {
      const role = parts[i](host, instance);
      if (role) host._roles.push(role);
    }
    for (let i = 0; i < host._made.length; i++) host._made[i]();
    openChip(host);
    return instance;
  };
}
