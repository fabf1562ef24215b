/**
 * AD structures (Core Specification Supplement Part A; Vol 3 Part C section 11): what adverts are made of. Each function stands alone, so that a
 * build holds those that it uses.
 */
import { toBytes, type Bytes } from "../bytes/bytes.js";
import { hex, parseHex } from "../bytes/hex.js";
import { parseUuid } from "../bytes/uuid.js";
import { integer, reject } from "../errors.js";

/** AD types, from the Assigned Numbers. */
export const enum AdType {
  Flags = 0x01,
  Uuids16 = 0x03,
  Uuids128 = 0x07,
  ShortName = 0x08,
  Name = 0x09,
  ServiceData16 = 0x16,
  Manufacturer = 0xff,
}

/** What an iBeacon says of itself. */
export interface IBeacon {
  /** 32 lower-case hex digits. */
  uuid: string;
  /** 0 to 65535. */
  major: number;
  minor: number;
  /** Signal at one metre, dBm. */
  power: number;
}

/** What an Eddystone beacon says of itself: an identity (namespace and instance in hex digits) or a web address. */
export interface Eddystone {
  frame: "uid" | "url";
  /** Signal at the beacon itself, dBm. */
  power: number;
  namespace?: string;
  instance?: string;
  url?: string;
}

const APPLE = 0x004c;
const EDDYSTONE = 0xfeaa;
const SCHEMES = ["http://www.", "https://www.", "http://", "https://"];
const ENDINGS = [".com/", ".org/", ".edu/", ".net/", ".info/", ".biz/", ".gov/", ".com", ".org", ".edu", ".net", ".info", ".biz", ".gov"];

function bytesOf(method: string, name: string, value: Bytes): Uint8Array {
  return toBytes(value) || reject(method, name, value, "bytes or a byte string");
}

function uuidOf(method: string, name: string, value: any): Uint8Array {
  return parseUuid(value) || reject(method, name, value, "0..65535, 4 or 32 hex digits, or 2 or 16 bytes");
}

/** So many bytes, as they are or as hex digits. */
function hexOf(method: string, name: string, value: Uint8Array | string, count: number): Uint8Array {
  const bytes = typeof value == "string" ? parseHex(value) : toBytes(value);
  return bytes && bytes.length == count ? bytes : reject(method, name, value, count + " bytes or " + 2 * count + " hex digits");
}

function structure(method: string, name: string, type: number, data: Bytes): Uint8Array {
  const bytes = bytesOf(method, name, data);
  integer(method, name + ".length", bytes.length, 0, 29);
  const whole = new Uint8Array(bytes.length + 2);
  whole[0] = bytes.length + 1;
  whole[1] = type;
  whole.set(bytes, 2);
  return whole;
}

/**
 * One AD structure.
 * @param type AD type, 0 to 255
 * @param data 0 to 29 bytes
 * @throws BlimpError "argument"
 */
export function adStructure(type: number, data: Bytes): Uint8Array {
  return structure("adStructure", "data", integer("adStructure", "type", type, 0, 255), data);
}

/**
 * Joins AD structures to an advert.
 * @throws BlimpError "argument" where they are longer than 31 bytes together, or are no bytes
 */
export function adJoin(structures: Bytes[]): Uint8Array {
  let length = 0;
  if (!Array.isArray(structures)) reject("adJoin", "structures", structures, "an array");
  for (let i = 0; i < structures.length; i++) length += bytesOf("adJoin", "structures[" + i + "]", structures[i]).length;
  integer("adJoin", "length", length, 0, 31);
  const advert = new Uint8Array(length);
  for (let i = 0, at = 0; i < structures.length; at += structures[i++].length) advert.set(toBytes(structures[i])!, at);
  return advert;
}

/** Flags: 2 LE General Discoverable, 1 Limited Discoverable, 4 BR/EDR not supported. A device that can be connected to says 6. */
export function adFlags(flags: number): Uint8Array {
  return structure("adFlags", "flags", AdType.Flags, [integer("adFlags", "flags", flags, 0, 255)]);
}

/** The complete local name, or with `short` a beginning of it; UTF-8 as a byte string. */
export function adName(name: string, short?: boolean): Uint8Array {
  if (typeof name != "string") reject("adName", "name", name, "a byte string");
  return structure("adName", "name", short ? AdType.ShortName : AdType.Name, name);
}

/** A complete list of service UUIDs, all of 16 or all of 128 bits: numbers, or hex digits most significant first. */
export function adServices(uuids: (string | number | Uint8Array)[]): Uint8Array {
  if (!Array.isArray(uuids)) reject("adServices", "uuids", uuids, "an array");
  const size = uuids.length ? uuidOf("adServices", "uuids[0]", uuids[0]).length : 2;
  const list = new Uint8Array(size * uuids.length);
  for (let i = 0; i < uuids.length; i++) {
    const name = "uuids[" + i + "]";
    const uuid = uuidOf("adServices", name, uuids[i]);
    if (uuid.length != size) reject("adServices", name, uuids[i], "a UUID as long as the first");
    list.set(uuid, i * size);
  }
  return structure("adServices", "uuids", size == 2 ? AdType.Uuids16 : AdType.Uuids128, list);
}

/** Manufacturer data: company identifier, 0 to 65535, and its bytes. */
export function adManufacturer(company: number, data: Bytes): Uint8Array {
  return manufacturer("adManufacturer", company, bytesOf("adManufacturer", "data", data));
}

function manufacturer(method: string, company: number, data: Uint8Array): Uint8Array {
  const all = new Uint8Array(data.length + 2);
  all[0] = integer(method, "company", company, 0, 0xffff);
  all[1] = company >> 8;
  all.set(data, 2);
  return structure(method, "data", AdType.Manufacturer, all);
}

/**
 * An iBeacon's manufacturer data, without Flags.
 * @param uuid 32 hex digits, dashes allowed
 * @param major, minor 0 to 65535
 * @param power signal at one metre, -128 to 127 dBm
 */
export function adIBeacon(uuid: string, major: number, minor: number, power: number): Uint8Array {
  const bytes = uuidOf("adIBeacon", "uuid", uuid);
  const data = new Uint8Array(23);
  integer("adIBeacon", "uuid.length", bytes.length, 16, 16);
  integer("adIBeacon", "major", major, 0, 0xffff);
  integer("adIBeacon", "minor", minor, 0, 0xffff);
  data.set([2, 21]);
  for (let i = 0; i < 16; i++) data[2 + i] = bytes[15 - i];
  data.set([major >> 8, major, minor >> 8, minor, integer("adIBeacon", "power", power, -128, 127)], 18);
  return manufacturer("adIBeacon", APPLE, data);
}

/**
 * An Eddystone-UID beacon: the list of its service and its service data.
 * @param namespace 10 bytes, or 20 hex digits
 * @param instance 6 bytes, or 12 hex digits
 * @param power signal at the beacon itself, -128 to 127 dBm
 */
export function adEddystoneUid(namespace: Uint8Array | string, instance: Uint8Array | string, power: number): Uint8Array {
  const data = new Uint8Array(22);
  data.set([EDDYSTONE & 255, EDDYSTONE >> 8, 0, integer("adEddystoneUid", "power", power, -128, 127)]);
  data.set(hexOf("adEddystoneUid", "namespace", namespace, 10), 4);
  data.set(hexOf("adEddystoneUid", "instance", instance, 6), 14);
  return adJoin([adServices([EDDYSTONE]), structure("adEddystoneUid", "data", AdType.ServiceData16, data)]);
}

/**
 * An Eddystone-URL beacon: the list of its service and its service data.
 * @param url begins with http:// or https://; 17 bytes at the most when its usual parts have been shortened
 * @param power signal at the beacon itself, -128 to 127 dBm
 */
export function adEddystoneUrl(url: string, power: number): Uint8Array {
  let scheme = 0;
  if (typeof url != "string") reject("adEddystoneUrl", "url", url, "a text");
  for (let i = 0; i < url.length; i++) {
    const character = url.charCodeAt(i);
    if (character < 0x21 || character > 0x7e) reject("adEddystoneUrl", "url", url, "printable characters without blanks");
  }
  while (scheme < 4 && url.indexOf(SCHEMES[scheme]) != 0) scheme++;
  if (scheme == 4) reject("adEddystoneUrl", "url", url, "http:// or https://");
  const data = [EDDYSTONE & 255, EDDYSTONE >> 8, 0x10, integer("adEddystoneUrl", "power", power, -128, 127), scheme];
  for (let at = SCHEMES[scheme].length; at < url.length; ) {
    let ending = 0;
    while (ending < ENDINGS.length && url.indexOf(ENDINGS[ending], at) != at) ending++;
    data.push(ending < ENDINGS.length ? ending : url.charCodeAt(at));
    at += ending < ENDINGS.length ? ENDINGS[ending].length : 1;
  }
  for (let i = 0; i < data.length; i++) data[i] &= 255;
  integer("adEddystoneUrl", "url", data.length - 5, 1, 17);
  return adJoin([adServices([EDDYSTONE]), structure("adEddystoneUrl", "url", AdType.ServiceData16, data)]);
}

/**
 * Finds an AD structure. Data that are cut off end the search.
 * @returns a view of its content, or null
 */
export function adFind(data: Uint8Array, type: number): Uint8Array | null {
  for (let at = 0; at + 1 < data.length && data[at]; at += data[at] + 1) {
    if (at + data[at] >= data.length) return null;
    if (data[at + 1] == type) return data.subarray(at + 2, at + 1 + data[at]);
  }
  return null;
}

/** The local name in an advert, complete or short, a byte string; null without one. */
export function readName(data: Uint8Array): string | null {
  const name = adFind(data, AdType.Name) || adFind(data, AdType.ShortName);
  let text = "";
  for (let i = 0; name && i < name.length; i++) text += String.fromCharCode(name[i]);
  return name ? text : null;
}

/** The service UUIDs in an advert, complete lists and partial ones, each as 4 or 32 lower-case hex digits. */
export function readServices(data: Uint8Array): string[] {
  const uuids: string[] = [];
  for (let type = AdType.Uuids16 - 1; type <= AdType.Uuids128; type++) {
    const size = type > 5 ? 16 : type > 3 ? 0 : 2;
    const list = size ? adFind(data, type) : null;
    for (let at = 0; list && at + size <= list.length; at += size) uuids.push(hex(list, at, size, true));
  }
  return uuids;
}

/** What an advert says as an iBeacon, or null. */
export function readIBeacon(data: Uint8Array): IBeacon | null {
  const all = adFind(data, AdType.Manufacturer);
  if (!all || all.length != 25 || all[0] != (APPLE & 255) || all[1] != APPLE >> 8 || all[2] != 2 || all[3] != 21) return null;
  return {
    uuid: hex(all, 4, 16),
    major: (all[20] << 8) | all[21],
    minor: (all[22] << 8) | all[23],
    power: (all[24] << 24) >> 24,
  };
}

/** What an advert says as an Eddystone-UID or Eddystone-URL beacon, or null. */
export function readEddystone(data: Uint8Array): Eddystone | null {
  const all = adFind(data, AdType.ServiceData16);
  if (!all || all.length < 5 || all[0] != (EDDYSTONE & 255) || all[1] != EDDYSTONE >> 8) return null;
  const power = (all[3] << 24) >> 24;
  if (all[2] == 0 && all.length >= 20) return { frame: "uid", power: power, namespace: hex(all, 4, 10), instance: hex(all, 14, 6) };
  if (all[2] != 0x10 || all[4] > 3) return null;
  let url = SCHEMES[all[4]];
  for (let i = 5; i < all.length; i++) url += all[i] < ENDINGS.length ? ENDINGS[all[i]] : String.fromCharCode(all[i]);
  return { frame: "url", power: power, url: url };
}

/**
 * A rough distance in metres from the signal: free space, an exponent of 2. Walls and people make it worse than it looks.
 * @param rssi as received, power the signal at one metre, both in dBm
 */
export function estimateDistance(rssi: number, power: number): number {
  return Math.exp(((power - rssi) * Math.LN10) / 20);
}
