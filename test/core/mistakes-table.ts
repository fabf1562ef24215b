import type { Service } from "../../core/gatt/database.js";

/** A value that an argument must not have, and what of it the error has to say besides method and argument. */
export interface Bad {
  readonly value: any;
  readonly says: readonly (string | number)[];
  /** What the error names in place of the argument. */
  readonly names?: string;
}

export interface Argument {
  /** As errors name it. */
  readonly name: string;
  readonly bad: readonly Bad[];
}

/** A public method: how it is called well, and every way to call it wrongly. */
export interface Method {
  readonly on: "bt" | "connection";
  readonly name: string;
  /** Arguments that are good; callbacks do nothing. */
  readonly good: () => any[];
  /** One for each argument. */
  readonly arguments: readonly Argument[];
  /** What it does once it is too late, after `close()` or when the connection has ended: throws, or does nothing, or tells its callback. */
  readonly late: "throws" | "nothing" | "tells";
  /** Codes of errors that a good call may throw, for reasons that are documented. */
  readonly may?: readonly string[];
}

const nothing = (): void => {};

/** What of a value an error can show. */
function shown(value: any): string {
  try {
    return String(value).slice(0, 80);
  } catch {
    return typeof value;
  }
}

function bad(values: readonly any[], ...says: (string | number)[]): Bad[] {
  return values.map((value) => ({ value, says: [shown(value), ...says] }));
}

/** What is no number, whatever its bounds. */
const NO_NUMBERS = [NaN, Infinity, -Infinity, null, "5", "", true, false, {}, [], [5], 5n, Symbol("5"), Object.create(null), new Date(5), { valueOf: () => 5 }, nothing];
/** What is no bytes, however many. */
const NO_BYTES = [undefined, 5, true, {}, nothing, [256], [-1], [1.5], [NaN], ["1"], [undefined], [null], new Array(3), "\u0100", "abc\ud83d\ude00", Int8Array.of(1), new Uint16Array(2), new DataView(new ArrayBuffer(2)), { length: 2, 0: 1, 1: 2 }, Object.create(null), Symbol("b")];
const NO_FUNCTIONS = [5, "callback", true, {}, [], [nothing], Object.create(null), Symbol("f"), /x/];

export function integer(name: string, low: number, high: number, optional = false): Argument {
  return { name, bad: bad([low - 1, high + 1, low + 0.5, -1e300, ...NO_NUMBERS, ...(optional ? [] : [undefined])], low, high) };
}

/** A number that need not be whole; the bounds that depend on other arguments are those of the good call. */
export function number(name: string, low: number, high: number): Argument {
  return { name, bad: bad([low - 0.01, high + 0.01, ...NO_NUMBERS, undefined], high) };
}

export function bytes(name: string, most: number, ...more: any[]): Argument {
  const long = [new Uint8Array(most + 1), new Array(most + 1).fill(1), "x".repeat(most + 1), "x".repeat(100_000), new Uint8Array(100_000)];
  return { name, bad: [...bad([...NO_BYTES, ...more]), ...long.map(({ length }, i) => ({ value: long[i], says: [length, most] }))] };
}

/** Bytes that say something else of their length than they have; to be sent as they are, without a copy. */
function lying(most: number): Bad[] {
  return [-5, -1, 0.5, NaN].map((length) => ({ value: Object.defineProperty(new Uint8Array(4), "length", { value: length }), says: [length, most] }));
}

/** A function; where it may be left out what is false counts as nothing. */
export function callback(name: string, optional = false): Argument {
  return { name, bad: bad([...NO_FUNCTIONS, ...(optional ? [] : [undefined, null, 0, "", false, NaN])], "function") };
}

const ADDRESSES = [undefined, null, 5, true, {}, [], nothing, "", "x", "00a0c01122", "00a0c011223", "00a0c01122334", "00a0c0112233 4", "00a0c011223g", "0".repeat(1000), new Uint8Array(6), Symbol("a"), Object.create(null)];

function address(name: string): Argument {
  return { name, bad: bad(ADDRESSES, "12 hex digits") };
}

/** A characteristic that is served, or that has been discovered. */
function characteristic(...more: any[]): Argument {
  const values = [undefined, null, -1, 0.5, NaN, Infinity, 70_000, true, {}, [], [1], nothing, "", "x", "ff9", "ff99", "ff".repeat(17), "a".repeat(1000), new Uint8Array(3), Symbol("c"), Object.create(null), ...more];
  return { name: "characteristic", bad: bad(values) };
}

/** The services of the device: a value to read, one to write, one to subscribe to. */
export function services(): Service[] {
  return [{ uuid: 0xfff0, chars: [{ uuid: 0xfff1, value: "Acme" }, { uuid: 0xfff2, write: nothing }, { uuid: 0xfff3, value: "now", flags: 0x32 }] }];
}

function chars(...list: any[]): any {
  return [{ uuid: 0xfff0, chars: list }];
}

/** Services that are none, each with the path that the error has to name. */
const NO_SERVICES: readonly Bad[] = [
  ...bad([undefined, null, 5, "services", {}, nothing, true, Symbol("s")], "array"),
  ...[
    [[null], "services[0]"],
    [[5], "services[0]"],
    [new Array(2), "services[0]"],
    [[{}], "services[0].uuid"],
    [[{ uuid: 0x10000, chars: [] }], "services[0].uuid"],
    [[{ uuid: -1, chars: [] }], "services[0].uuid"],
    [[{ uuid: NaN, chars: [] }], "services[0].uuid"],
    [[{ uuid: 0, chars: [] }], "services[0].uuid"],
    [[{ uuid: 0x2800, chars: [] }], "services[0].uuid"],
    [[{ uuid: "fff", chars: [] }], "services[0].uuid"],
    [[{ uuid: new Uint8Array(4), chars: [] }], "services[0].uuid"],
    [[{ uuid: 0xfff0 }], "services[0].chars"],
    [[{ uuid: 0xfff0, chars: {} }], "services[0].chars"],
    [chars(null), "chars[0]"],
    [chars({ uuid: 0x2902 }), "chars[0].uuid"],
    [chars({ uuid: 1, value: 5 }), "chars[0].value"],
    [chars({ uuid: 1, value: [256] }), "chars[0].value"],
    [chars({ uuid: 1, value: "x".repeat(513) }), "chars[0].value.length"],
    [chars({ uuid: 1, value: "\u0100" }), "chars[0].value"],
    [chars({ uuid: 1, flags: 256 }), "chars[0].flags"],
    [chars({ uuid: 1, flags: "2" }), "chars[0].flags"],
    [chars({ uuid: 1, flags: NaN }), "chars[0].flags"],
    [chars({ uuid: 1, level: 2 }), "chars[0].level"],
    [chars({ uuid: 1, level: 5 }), "chars[0].level"],
    [chars({ uuid: 1, read: 5 }), "chars[0].read"],
    [chars({ uuid: 1, write: "x" }), "chars[0].write"],
    [chars({ uuid: 1, subscribe: {} }), "chars[0].subscribe"],
    [chars({ uuid: 1, descriptors: 5 }), "chars[0].descriptors"],
    [chars({ uuid: 1, descriptors: [null] }), "descriptors[0]"],
    [chars({ uuid: 1, descriptors: [{ uuid: 0x2902 }] }), "descriptors[0].uuid"],
    [chars({ uuid: 1, descriptors: [{ uuid: 0x2901, value: null, read: 7 }] }), "descriptors[0].read"],
    [chars({ uuid: 1, descriptors: [{ uuid: 0x2900, read: nothing }] }), "descriptors[0].read"],
    // A good one before a bad one: nothing of it is taken.
    [[...services(), { uuid: 5 }], "services[1].chars"],
  ].map(([value, path]): Bad => ({ value, says: [path as string] })),
  // Too much of it.
  { value: chars(...new Array(200).fill({ uuid: 1, value: new Uint8Array(512) })), names: "the bytes of all values", says: [65_535] },
  { value: new Array(40).fill({ uuid: 1, chars: new Array(200).fill({ uuid: 1, flags: 16 }) }), names: "the number of attributes", says: [10_239] },
];

const NO_RULES: readonly Bad[] = [
  ...bad([undefined, null, 5, "rules", {}, nothing, true], "array"),
  ...[
    [[null], "rules[0]"],
    [[5], "rules[0]"],
    [[[], undefined], "rules[1]"],
    [new Array(1), "rules[0]"],
    [[{}, { address: "x" }], "rules[1].address"],
    [[{ address: 5 }], "rules[0].address"],
    [[{ address: "00a0c0112233_" }], "rules[0].address"],
    [[{ addresstype: 2 }], "rules[0].addresstype"],
    [[{ addresstype: "0" }], "rules[0].addresstype"],
    [[{ minrssi: -128 }], "rules[0].minrssi"],
    [[{ minrssi: NaN }], "rules[0].minrssi"],
    [[{ type: 5 }], "rules[0].type"],
    [[{ type: 0.5 }], "rules[0].type"],
    [[{ data: 5 }], "rules[0].data"],
    [[{ data: [256] }], "rules[0].data"],
    [[{ data: "x".repeat(32) }], "rules[0].data.length"],
    [[{ collect: 0 }], "rules[0].collect"],
    [[{ collect: -1 }], "rules[0].collect"],
    [[{ collect: 86_401 }], "rules[0].collect"],
    [[{ collect: NaN }], "rules[0].collect"],
    [[{ collect: "1" }], "rules[0].collect"],
    [[{ collectmax: 257 }], "rules[0].collectmax"],
    [[{ collectmax: 0 }], "rules[0].collectmax"],
    [[{ collectmax: null }], "rules[0].collectmax"],
  ].map(([value, path]): Bad => ({ value, says: [path as string] })),
];

/** A table that an application kept, and that is none. */
const NO_TABLES = [5, "table", true, [], {}, { hash: 5, services: [] }, { hash: "" }, { hash: "", services: [null] }, { hash: "", services: [{ chars: 5 }] }, { hash: "", services: [{ chars: [{ handle: "1", flags: 0, descriptors: [] }] }] }, nothing];

/** Methods that end the instance. */
export function isEnd({ on, name }: Method): boolean {
  return on === "bt" && (name === "close" || name === "factoryreset");
}

/** Every public method of an instance and of a connection. */
export const METHODS: readonly Method[] = [
  {
    on: "bt",
    name: "startadvertise",
    good: () => ["\x02\x01\x06", 20, 20],
    arguments: [bytes("advert", 31, null), number("minAdInterval", 20, 10240), number("maxAdInterval", 20, 10240), { name: "scanResponse", bad: bytes("", 31).bad.filter(({ value }) => value !== undefined) }],
    late: "throws",
  },
  { on: "bt", name: "stopadvertise", good: () => [], arguments: [], late: "nothing" },
  {
    on: "bt",
    name: "setscanparams",
    good: () => [true, 20, 10],
    arguments: [{ name: "active", bad: bad([null, 0, 1, "true", {}, [], NaN, Symbol("a")], "true or false") }, integer("interval", 3, 10240, true), integer("window", 3, 20, true)],
    late: "throws",
  },
  { on: "bt", name: "setscanfilter", good: () => [[{}]], arguments: [{ name: "rules", bad: NO_RULES }], late: "throws" },
  { on: "bt", name: "startscan", good: () => [nothing], arguments: [callback("callback")], late: "throws" },
  { on: "bt", name: "startrawscan", good: () => [nothing], arguments: [callback("callback")], late: "throws" },
  { on: "bt", name: "stopscan", good: () => [], arguments: [], late: "nothing" },
  { on: "bt", name: "onconnect", good: () => [nothing], arguments: [callback("callback", true)], late: "throws", may: ["security"] },
  {
    on: "bt",
    name: "setsecurity",
    good: () => [1, 123456],
    arguments: [{ name: "level", bad: [...integer("", 1, 4).bad, ...bad([2], 3, 4)] }, { name: "code", bad: integer("", 0, 999_999, true).bad }],
    late: "throws",
    may: ["security"],
  },
  { on: "bt", name: "getsecuritycode", good: () => [], arguments: [], late: "nothing" },
  { on: "bt", name: "servegatt", good: () => [services()], arguments: [{ name: "services", bad: NO_SERVICES }], late: "throws" },
  {
    on: "bt",
    name: "handle",
    good: () => [0xfff0, 0xfff1],
    // Whichever of the two it is: there is no such characteristic in such a service.
    arguments: [{ name: "characteristic", bad: characteristic().bad.map(({ value }) => ({ value, says: [] })) }, characteristic()],
    late: "throws",
    // Another table may be served meanwhile.
    may: ["argument"],
  },
  {
    on: "bt",
    name: "notify",
    good: () => [0xfff3, "value"],
    arguments: [characteristic(0, 1, 0xfff9), { name: "value", bad: [...bytes("", 512, null).bad, ...lying(512)] }, { name: "connection", bad: bad([5, "c", true, {}, [], nothing, Object.create(null)], "connection") }, callback("done", true)],
    late: "throws",
    may: ["argument"],
  },
  { on: "bt", name: "onroom", good: () => [nothing], arguments: [callback("callback", true)], late: "nothing" },
  {
    on: "bt",
    name: "connect",
    good: () => ["00a0c0998877", 0, nothing, 100],
    arguments: [address("address"), integer("addresstype", 0, 1), callback("callback"), { name: "timeoutms", bad: integer("", 100, 60_000, true).bad }],
    late: "throws",
    may: ["busy"],
  },
  { on: "bt", name: "cancelconnect", good: () => [], arguments: [], late: "nothing" },
  { on: "bt", name: "bonds", good: () => [], arguments: [], late: "nothing" },
  { on: "bt", name: "forget", good: () => ["00a0c0998877"], arguments: [address("address")], late: "nothing" },
  { on: "bt", name: "forgetall", good: () => [], arguments: [], late: "nothing" },
  { on: "bt", name: "oobdata", good: () => [nothing], arguments: [callback("callback")], late: "throws" },
  {
    on: "bt",
    name: "testtransmit",
    good: () => [19, 37, 0, nothing],
    arguments: [integer("channel", 0, 39), integer("length", 0, 255), integer("payload", 0, 7), callback("callback", true)],
    late: "throws",
    may: ["busy"],
  },
  { on: "bt", name: "testreceive", good: () => [19, nothing], arguments: [integer("channel", 0, 39), callback("callback", true)], late: "throws", may: ["busy"] },
  { on: "bt", name: "testend", good: () => [nothing], arguments: [callback("callback", true)], late: "throws", may: ["busy"] },
  // A second time it is closed already.
  { on: "bt", name: "factoryreset", good: () => [], arguments: [], late: "throws", may: ["closed"] },
  { on: "bt", name: "address", good: () => [], arguments: [], late: "nothing" },
  { on: "bt", name: "counters", good: () => [], arguments: [], late: "nothing" },
  { on: "bt", name: "memory", good: () => [], arguments: [], late: "nothing" },
  { on: "bt", name: "trace", good: () => [nothing], arguments: [callback("sink", true)], late: "nothing" },
  { on: "bt", name: "close", good: () => [], arguments: [], late: "nothing" },
  { on: "connection", name: "address", good: () => [], arguments: [], late: "nothing" },
  { on: "connection", name: "addresstype", good: () => [], arguments: [], late: "nothing" },
  { on: "connection", name: "security", good: () => [], arguments: [], late: "nothing" },
  { on: "connection", name: "mtu", good: () => [], arguments: [], late: "nothing" },
  { on: "connection", name: "rssi", good: () => [nothing], arguments: [callback("callback")], late: "tells" },
  {
    on: "connection",
    name: "parameters",
    good: () => [30, 50, 0, 4000, nothing],
    arguments: [number("minms", 7.5, 4000), number("maxms", 30, 4000), integer("latency", 0, 499), number("timeoutms", 100, 32_000), callback("callback", true)],
    late: "throws",
    may: ["busy", "disconnected"],
  },
  { on: "connection", name: "onclose", good: () => [nothing], arguments: [callback("callback", true)], late: "nothing" },
  { on: "connection", name: "close", good: () => [], arguments: [], late: "nothing" },
  { on: "connection", name: "discover", good: () => [nothing], arguments: [callback("callback"), { name: "kept", bad: bad(NO_TABLES, "discovery") }], late: "tells" },
  { on: "connection", name: "read", good: () => [0x0003, nothing], arguments: [characteristic(0, 0x10000), callback("callback")], late: "tells" },
  { on: "connection", name: "write", good: () => [0x0003, "x", nothing], arguments: [characteristic(0, 0x10000), bytes("value", 512, null), callback("callback", true)], late: "tells" },
  { on: "connection", name: "send", good: () => [0x0003, "x"], arguments: [characteristic(0, 0x10000), { name: "value", bad: [...bytes("", 20, null).bad, ...lying(20)] }], late: "throws", may: ["disconnected"] },
  // Before a discovery there is nothing to subscribe to.
  { on: "connection", name: "subscribe", good: () => [0x0003, nothing, nothing], arguments: [characteristic(0, 0x10000), callback("callback", true)], late: "throws", may: ["argument"] },
  { on: "connection", name: "pair", good: () => [nothing], arguments: [callback("callback", true)], late: "tells", may: ["busy"] },
];
