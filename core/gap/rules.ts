import { toBytes } from "../bytes/bytes.js";
import { readAddress } from "../bytes/hex.js";
import { integer, reject } from "../errors.js";

/** One rule of a scan filter. All keys are optional, those present must all match; other keys are ignored. */
export interface ScanRule {
  /** 12 hex digits of a device address, most significant first, either case; `_` matches any digit. */
  address?: string | Uint8Array;
  /** 0 public, 1 random. */
  addresstype?: number;
  /** Weakest signal in dBm, -127 to 20; an unknown one is weaker than any. */
  minrssi?: number;
  /** Event type: 0 ADV_IND, 1 ADV_DIRECT_IND, 2 ADV_SCAN_IND, 3 ADV_NONCONN_IND, 4 SCAN_RSP. */
  type?: number;
  /** 0 to 31 bytes that stand somewhere in the data, in one piece. */
  data?: string | Uint8Array | ArrayLike<number>;
  /** Seconds for which matching adverts are collected from the first on, and then delivered together, each once. */
  collect?: number;
  /** How many different ones are collected at the most; then they are delivered at once. Default 16, at most 256; each takes 49 bytes, which the first match reserves. */
  collectmax?: number;
  [other: string]: any;
}

/** Where the parts of an advertising report lie, from its beginning on (Vol 4 Part E section 7.7.65.2); the RSSI follows the data. */
export const enum Report {
  Type = 0,
  AddressType = 1,
  Address = 2,
  DataLength = 8,
  Data = 9,
  /** Bytes besides the data; most bytes of data. */
  Fixed = 10,
  MostData = 31,
}

/** Which keys a compiled rule has. */
const enum Key {
  Type = 1,
  AddressType = 2,
  MinRssi = 4,
  Address = 8,
  Data = 16,
}

/** Where the parts of a compiled rule lie. */
const enum Place {
  Keys = 0,
  Type = 1,
  AddressType = 2,
  MinRssi = 3,
  Address = 4,
  Mask = 10,
  DataLength = 16,
  Data = 17,
}

/** A scan filter: what its rules ask for in one flat array, one rule after the other. */
export interface Filter {
  readonly _count: number;
  readonly _rules: Uint8Array;
  /** Collection time in milliseconds (0: none) and most adverts of each rule. */
  readonly _collect: Float64Array;
  readonly _most: Uint16Array;
}

/** The signal in dBm, -127 to 20; 127 where the controller does not know it, or says what cannot be. */
export function readRssi(byte: number): number {
  const rssi = (byte << 24) >> 24;
  return rssi > 20 || rssi < -127 ? 127 : rssi;
}

/** Adverts that a rule collects: by default, and the most that `collectmax` may ask for. Seconds at the most. */
export const enum Collect {
  Default = 16,
  Most = 256,
  Seconds = 86400,
}

function putAddress(rule: Uint8Array, name: string, value: any): void {
  const characters = typeof value == "string" ? null : toBytes(value);
  let text = typeof value == "string" ? value : "";
  for (let i = 0; characters && i < characters.length; i++) text += String.fromCharCode(characters[i]);
  if (!readAddress(text, rule.subarray(Place.Address, Place.Mask), rule.subarray(Place.Mask, Place.DataLength))) {
    reject("setscanfilter", name, value, "12 hex digits or _");
  }
}

/**
 * Compiles a filter. Everything is copied.
 * @param rules in the order in which they are tried
 * @throws BlimpError "argument"
 */
export function compileFilter(rules: any): Filter {
  const method = "setscanfilter";
  if (!Array.isArray(rules)) return reject(method, "rules", rules, "an array");
  const compiled: Uint8Array[] = [];
  const collect = new Float64Array(rules.length);
  const most = new Uint16Array(rules.length);
  let size = 0;

  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i];
    const name = "rules[" + i + "].";
    if (!rule || typeof rule != "object") reject(method, "rules[" + i + "]", rule, "an object");
    const data = rule.data === undefined ? new Uint8Array(0) : toBytes(rule.data) || reject(method, name + "data", rule.data, "bytes or a byte string");
    const bytes = new Uint8Array(Place.Data + integer(method, name + "data.length", data.length, 0, Report.MostData));
    let keys = data.length ? Key.Data : 0;
    bytes[Place.DataLength] = data.length;
    bytes.set(data, Place.Data);
    if (rule.type !== undefined) {
      keys |= Key.Type;
      bytes[Place.Type] = integer(method, name + "type", rule.type, 0, 4);
    }
    if (rule.addresstype !== undefined) {
      keys |= Key.AddressType;
      bytes[Place.AddressType] = integer(method, name + "addresstype", rule.addresstype, 0, 1);
    }
    if (rule.minrssi !== undefined) {
      keys |= Key.MinRssi;
      // 127 above, so that an unsigned byte holds it.
      bytes[Place.MinRssi] = integer(method, name + "minrssi", rule.minrssi, -127, 20) + 127;
    }
    if (rule.address !== undefined) {
      keys |= Key.Address;
      putAddress(bytes, name + "address", rule.address);
    }
    if (rule.collect !== undefined) {
      if (typeof rule.collect != "number" || !(rule.collect > 0 && rule.collect <= Collect.Seconds)) {
        reject(method, name + "collect", rule.collect, "more than 0, up to " + Collect.Seconds);
      }
      collect[i] = rule.collect * 1000;
    }
    most[i] = Collect.Default;
    if (rule.collectmax !== undefined) {
      if (typeof rule.collectmax != "number" || !(rule.collectmax > 0 && rule.collectmax <= Collect.Most)) {
        reject(method, name + "collectmax", rule.collectmax, "more than 0, up to " + Collect.Most);
      }
      most[i] = rule.collectmax < 1 ? 1 : rule.collectmax;
    }
    bytes[Place.Keys] = keys;
    compiled.push(bytes);
    size += bytes.length;
  }

  const flat = new Uint8Array(size);
  for (let i = 0, at = 0; i < compiled.length; at += compiled[i++].length) flat.set(compiled[i], at);
  return { _count: compiled.length, _rules: flat, _collect: collect, _most: most };
}

/**
 * Finds the first rule that lets a report through. Costs no allocation.
 * @param bytes, at the report, whole
 * @returns the rule's index, or -1
 */
export function matchReport(filter: Filter, bytes: Uint8Array, at: number): number {
  const rules = filter._rules;
  const dataLength = bytes[at + Report.DataLength];
  const signal = readRssi(bytes[at + Report.Data + dataLength]);
  // As `minrssi` is kept; an unknown one is below all others.
  const rssi = signal == 127 ? -1 : signal + 127;
  let rule = 0;
  for (let index = 0; index < filter._count; index++) {
    const keys = rules[rule + Place.Keys];
    const length = rules[rule + Place.DataLength];
    if (
      !(keys & Key.Type && rules[rule + Place.Type] != bytes[at + Report.Type]) &&
      !(keys & Key.AddressType && rules[rule + Place.AddressType] != (bytes[at + Report.AddressType] & 1)) &&
      !(keys & Key.MinRssi && rssi < rules[rule + Place.MinRssi]) &&
      !(keys & Key.Address && !matchAddress(rules, rule, bytes, at + Report.Address)) &&
      !(keys & Key.Data && !contains(bytes, at + Report.Data, dataLength, rules, rule + Place.Data, length))
    ) {
      return index;
    }
    rule += Place.Data + length;
  }
  return -1;
}

function matchAddress(rules: Uint8Array, rule: number, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < 6; i++) {
    if ((bytes[at + i] & rules[rule + Place.Mask + i]) != rules[rule + Place.Address + i]) return false;
  }
  return true;
}

function contains(bytes: Uint8Array, at: number, length: number, wanted: Uint8Array, from: number, count: number): boolean {
  const first = wanted[from];
  for (const last = at + length - count; at <= last; at++) {
    if (bytes[at] == first) {
      let same = 1;
      while (same < count && bytes[at + same] == wanted[from + same]) same++;
      if (same >= count) return true;
    }
  }
  return false;
}
