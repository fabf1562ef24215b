import { hexInto } from "../bytes/hex.js";
import { clearTimer, setTimer, Slot } from "../clock.js";
import { Counter } from "../counters.js";
import { callable, integer, reject } from "../errors.js";
import { Command, LeEvent, Status } from "../hci/codes.js";
import { begin, put16, put8 } from "../hci/commands.js";
import { call, declared, release, report, use, type Host, type Role } from "../host.js";
import { addGauge, gauge } from "../memory.js";
import { Collect, compileFilter, matchReport, readRssi, Report, type Filter, type ScanRule } from "./rules.js";

/** An advert or a scan response that a rule has let through. */
export interface Advert {
  /** 0 ADV_IND, 1 ADV_DIRECT_IND, 2 ADV_SCAN_IND, 3 ADV_NONCONN_IND, 4 SCAN_RSP. */
  type: number;
  /** Strength of the signal, -127 to 20 dBm; 127: not known. */
  rssi: number;
  /** The advertiser's address, 12 lower-case hex digits, most significant first; 0 public, 1 random. */
  address: string;
  addresstype: number;
  /** 0 to 31 bytes as they came. */
  data: Uint8Array;
  /** When it was received, in milliseconds of `hal.timer.now()`. */
  time: number;
  /** Index of the rule that let it through. */
  rule: number;
}

/**
 * A report where it lies, for who cannot afford an object: offsets from `at`: 0 type, 1 address type, 2 address (6 bytes, least significant first), 8
 * length of the data, 9 data, behind them the RSSI as a signed byte. The bytes hold until the call returns.
 */
export type ReportCallback = (bytes: Uint8Array, at: number, rule: number) => void;

/** The methods that scanning adds to the instance. */
export interface Scanning {
  /**
   * Sets how to scan, now and in the future; a scan that runs goes on with it.
   * @param active true: ask advertisers for their scan responses; default false
   * @param interval from the beginning of one window to that of the next, 3 to 10240 ms; default 10
   * @param window how long to listen, 3 ms to the interval; default 10
   * @throws BlimpError "argument"; "closed"
   */
  setscanparams(active?: boolean, interval?: number, window?: number): void;
  /**
   * Sets which adverts are let through: those that match any of the rules. `[{}]` lets everything through, as at the beginning; `[]` nothing.
   * @param rules tried in their order; copied
   * @throws BlimpError "argument"; "closed"
   */
  setscanfilter(rules: ScanRule[]): void;
  /**
   * Scans until `stopscan()` or `close()`. May be called again at any time, to change the callback.
   * @param callback gets what is at hand, in an array of one or more; it may call anything
   * @throws BlimpError "argument"; "closed"
   */
  startscan(callback: (adverts: Advert[]) => void): void;
  /**
   * The same, with a callback that gets each report in place. Rules that collect do not collect here.
   * @throws BlimpError "argument"; "closed"
   */
  startrawscan(callback: ReportCallback): void;
  /** Ends the scan: the callback is not called again, not even for what has been received already. No error where there is none. */
  stopscan(): void;
}

const enum Scan {
  /** Adverts that wait for the callback at the most; the oldest leaves. */
  Batch = 16,
  /** The same of those that have been collected, and what one rule may collect. */
  Waiting = Collect.Most,
  /** A collected advert: its report. */
  Held = Report.Fixed + Report.MostData,
  /** How much thinner a scan gets: without duplicates, then a half, a quarter of the window. For so many milliseconds. */
  Thinnest = 3,
  Thin = 10000,
}

/** What a rule has collected: reports of fixed size, their times, and how many there are. */
interface Collection {
  readonly _reports: Uint8Array;
  readonly _times: Float64Array;
  _count: number;
}

/** Adds the scanner to a host, and its methods to the instance: LE Set Scan Parameters and LE Set Scan Enable, Vol 4 Part E sections 7.8.10, 7.8.11. */
export function addScanning(host: Host, instance: Scanning): Role {
  const hal = host._hal;
  // Wanted.
  let on = false;
  let active = 0;
  let interval = 10;
  let window = 10;
  let filter: Filter = compileFilter([{}]);
  let collections: { [rule: number]: Collection } = {};
  let callback: ((adverts: Advert[]) => void) | null = null;
  let raw: ReportCallback | null = null;
  // Actual, as far as the chip has answered; parameters as `wantedParameters` makes them, -1 unknown.
  let enabled = false;
  let parameters = -1;
  let becomes = 0;
  // Adverts on their way to the callback.
  let batch: Advert[] = [];
  let collected: Advert[][] = [];
  let waiting = 0;
  let delivering = false;
  const codes = new Uint8Array(12);
  // What was lost when the scan was last looked at, and how much it has been thinned for that.
  let lost = 0;
  let thin = 0;

  function units(ms: number): number {
    const count = Math.round((ms * 8) / 5);
    return count < 4 ? 4 : count;
  }

  function windowUnits(): number {
    const thinned = units(window) >> (thin > 1 ? thin - 1 : 0);
    return thinned < 4 ? 4 : thinned;
  }

  function wantedParameters(): number {
    return (units(interval) * 65536 + windowUnits()) * 4 + active * 2 + (thin ? 1 : 0);
  }

  function next(): boolean {
    const wanted = wantedParameters();
    // A chip does not scan and look for one device at once.
    const allowed = on && !host._seeking && !host._testing;
    const enable = allowed && wanted == parameters;
    if (enabled == enable && (enable || !allowed)) return false;
    if (enabled != enable) {
      becomes = enable ? 1 : 0;
      begin(host, Command.LeSetScanEnable);
      put8(host, becomes);
      // Every advert is reported, unless there are more than the line carries.
      put8(host, thin ? 1 : 0);
    } else {
      becomes = wanted;
      parameters = -1;
      begin(host, Command.LeSetScanParameters);
      put8(host, active);
      put16(host, units(interval));
      put16(host, windowUnits());
      put8(host, host._addresstype);
      put8(host, 0);
    }
    return true;
  }

  function answer(status: number): boolean {
    const off = !becomes && status == Status.CommandDisallowed;
    if (host._opcode == Command.LeSetScanEnable) {
      if (off || !status) enabled = becomes > 0;
      else if (becomes) {
        parameters = -1;
        enabled = true;
      }
      if (off) return true;
    } else if (!status) parameters = becomes;
    else if (status == Status.CommandDisallowed) enabled = true;
    return !status;
  }

  function makeAdvert(bytes: Uint8Array, at: number, time: number, rule: number): Advert {
    const length = bytes[at + Report.DataLength];
    const data = new Uint8Array(length);
    for (let i = 0; i < length; i++) data[i] = bytes[at + Report.Data + i];
    return {
      type: bytes[at + Report.Type],
      rssi: readRssi(bytes[at + Report.Data + length]),
      address: hexInto(codes, bytes, at + Report.Address, true),
      addresstype: bytes[at + Report.AddressType] & 1,
      data: data,
      time: Math.floor(time),
      rule: rule,
    };
  }

  /** Hands what waits to the application, one batch after the other, never from within its callback. */
  function deliver(): void {
    if (delivering) return;
    delivering = true;
    while (callback && host._phase && (batch.length || collected.length)) {
      let adverts = batch;
      if (batch.length) batch = [];
      else {
        adverts = collected.shift()!;
        waiting -= adverts.length;
      }
      call(host, callback, adverts);
    }
    delivering = false;
  }

  function queue(advert: Advert): void {
    batch.push(advert);
    if (batch.length >= Scan.Batch) deliver();
    if (batch.length > Scan.Batch) {
      batch.shift();
      host._counters[Counter.Adverts]++;
    }
    gauge(host, "adverts", batch.length + waiting);
  }

  /** Ends the collection of a rule: what it holds waits to be delivered. */
  function flush(rule: number): void {
    const held = collections[rule];
    const adverts: Advert[] = [];
    for (let i = 0; i < held._count; i++) adverts.push(makeAdvert(held._reports, i * Scan.Held, held._times[i], rule));
    held._count = 0;
    clearTimer(host, Slot.Collect + rule);
    collected.push(adverts);
    waiting += adverts.length;
    while (waiting > Scan.Waiting) {
      const oldest = collected.shift()!.length;
      waiting -= oldest;
      host._counters[Counter.Adverts] += oldest;
    }
    gauge(host, "adverts", batch.length + waiting);
  }

  /** Holds a report for its rule, or refreshes the one that is the same but for its signal. */
  function hold(rule: number, bytes: Uint8Array, at: number, time: number): void {
    const most = filter._most[rule];
    const size = Report.Data + bytes[at + Report.DataLength];
    let held = collections[rule];
    if (!held) {
      held = collections[rule] = { _reports: new Uint8Array(most * Scan.Held), _times: new Float64Array(most), _count: 0 };
    }
    let place = 0;
    for (; place < held._count; place++) {
      let same = 0;
      while (same < size && held._reports[place * Scan.Held + same] == bytes[at + same]) same++;
      if (same == size) break;
    }
    for (let i = 0; i <= size; i++) held._reports[place * Scan.Held + i] = bytes[at + i];
    held._times[place] = time;
    if (place == held._count) {
      held._count++;
      if (held._count == 1) {
        setTimer(host, Slot.Collect + rule, filter._collect[rule], function () {
          flush(rule);
          deliver();
        });
      }
      if (held._count == most) flush(rule);
    }
  }

  function showRaw(bytes: Uint8Array, at: number, rule: number): void {
    try {
      raw!(bytes, at, rule);
    } catch (e) {
      host._counters[Counter.Exceptions]++;
      if (host._phase) report(host, e as Error);
    }
  }

  function takeReports(_host: Host, bytes: Uint8Array, at: number, length: number): void {
    const end = at + length;
    let count = bytes[at++];
    for (; count > 0; count--) {
      const dataLength = bytes[at + Report.DataLength];
      const whole = at + Report.Fixed <= end && at + Report.Fixed + dataLength <= end;
      if (!whole || dataLength > Report.MostData || bytes[at + Report.Type] > 4 || bytes[at + Report.AddressType] > 3) {
        host._counters[Counter.Malformed]++;
        if (!whole) return;
      } else if (on && host._phase) {
        const rule = matchReport(filter, bytes, at);
        if (rule >= 0) {
          if (raw) showRaw(bytes, at, rule);
          else if (filter._collect[rule]) hold(rule, bytes, at, hal.timer.now());
          else queue(makeAdvert(bytes, at, hal.timer.now(), rule));
        }
      }
      at += Report.Fixed + dataLength;
    }
  }

  function loosen(): void {
    release(host);
    if (thin && --thin) setTimer(host, Slot.Thin, Scan.Thin, loosen);
  }

  /** After what has come in has been looked at: delivers it, and thins the scan where the line could not carry it. */
  function settle(): void {
    const losses = host._counters[Counter.Overruns] + host._counters[Counter.Resyncs];
    if (losses != lost) {
      lost = losses;
      if (enabled && !hal.uart.flow) {
        if (thin < Scan.Thinnest) thin++;
        release(host);
        setTimer(host, Slot.Thin, Scan.Thin, loosen);
      }
    }
    deliver();
  }

  function forget(): void {
    for (const rule in collections) clearTimer(host, Slot.Collect + +rule);
    collections = {};
    batch = [];
    collected = [];
    waiting = 0;
  }

  function start(method: string, wanted: any): void {
    use(host, method);
    callable(method, "callback", wanted);
    on = true;
  }

  function milliseconds(name: string, value: any, most: number): number {
    return value === undefined ? 10 : integer("setscanparams", name, value, 3, most);
  }

  const role: Role = {
    _name: "scanner",
    _next: next,
    _answer: answer,
    _reset: function () {
      enabled = false;
      parameters = -1;
      thin = 0;
      forget();
    },
  };

  addGauge(host, "adverts", Scan.Waiting + Scan.Batch, 0);
  host._settle = settle;
  host._leEvents[LeEvent.AdvertisingReport] = { _least: 1, _handler: takeReports };

  instance.setscanparams = function (wantActive, wantInterval, wantWindow) {
    use(host, "setscanparams");
    if (wantActive !== undefined && typeof wantActive != "boolean") reject("setscanparams", "active", wantActive, "true or false");
    const checked = milliseconds("interval", wantInterval, 10240);
    const checkedWindow = milliseconds("window", wantWindow === undefined && checked < 10 ? checked : wantWindow, checked);
    active = wantActive ? 1 : 0;
    interval = checked;
    window = checkedWindow;
    declared(host, role);
  };

  instance.setscanfilter = function (rules) {
    use(host, "setscanfilter");
    filter = compileFilter(rules);
    forget();
  };

  instance.startscan = function (wanted) {
    start("startscan", wanted);
    callback = wanted;
    raw = null;
    declared(host, role);
  };

  instance.startrawscan = function (wanted) {
    start("startrawscan", wanted);
    forget();
    raw = wanted;
    callback = null;
    declared(host, role);
  };

  instance.stopscan = function () {
    on = false;
    callback = raw = null;
    forget();
    declared(host, role);
  };

  return role;
}
