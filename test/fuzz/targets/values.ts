import fc from "fast-check";
import { adEddystoneUid, adEddystoneUrl, adFind, adIBeacon, adJoin, adManufacturer, adName, adServices, adStructure, readEddystone, readIBeacon, readName, readServices } from "../../../core/gap/ad.js";
import { compileFilter } from "../../../core/gap/rules.js";
import { Random } from "../../../hal/mock/random.js";
import { Arguments, UsageError, type OptionRow } from "../../../targets/node/commands/arguments.js";
import { parseLine } from "../../../targets/node/commands/operations.js";
import { makeAdvert, makeScanResponse, serveTable } from "../../../targets/node/commands/serving.js";
import { parseTable } from "../../../targets/node/commands/table.js";
import { hex } from "../input.js";
import { Station } from "../station.js";
import type { Property } from "../target.js";

function property(name: string, about: string, share: number, made: () => fc.IProperty<any>): Property {
  return {
    name,
    about,
    share,
    check(runs, seed) {
      fc.assert(made(), { numRuns: runs, seed, includeErrorInReport: true });
    },
  };
}

const byte = fc.integer({ min: 0, max: 255 });
const anything = fc.anything({ withNullPrototype: true, withTypedArray: true, withSparseArray: true, withBigInt: true, withObjectString: true, maxDepth: 3 });

/** Runs what may refuse its argument; gives null where it has, with a BlimpError that says which. */
function attempt<Result>(action: () => Result): Result | null {
  try {
    return action();
  } catch (error: any) {
    if (error?.code !== "argument" || !String(error.message).startsWith("blimp ") || !error.step || !error.detail) throw error;
    return null;
  }
}

// AD structures: what is built is found again.

const octets = (least: number, most: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: least, maxLength: most });
const uuid16 = fc.integer({ min: 1, max: 0xffff });

const built = property("adbuild", "AD structures: what is built is found again; any other argument is refused by name", 1, () =>
  fc.property(
    fc.oneof(
      fc.tuple(fc.constant("structure"), byte, octets(0, 31)),
      fc.tuple(fc.constant("name"), fc.string({ unit: "binary-ascii", maxLength: 31 }), fc.boolean()),
      fc.tuple(fc.constant("services"), fc.array(uuid16, { maxLength: 16 }), fc.constant(null)),
      fc.tuple(fc.constant("manufacturer"), fc.integer({ min: -1, max: 0x10000 }), octets(0, 28)),
      fc.tuple(fc.constant("ibeacon"), octets(16, 16), fc.tuple(fc.nat(0xffff), fc.nat(0xffff), fc.integer({ min: -128, max: 127 }))),
      fc.tuple(fc.constant("uid"), octets(10, 10), octets(6, 6)),
      fc.tuple(fc.constant("url"), fc.webUrl(), fc.integer({ min: -128, max: 127 })),
      fc.tuple(fc.constant("any"), anything, fc.tuple(anything, anything, anything)),
    ),
    ([kind, one, other]: any) => {
      if (kind === "structure") {
        const made = attempt(() => adStructure(one, other));
        if ((made === null) !== other.length > 29) throw new Error("refused, or not");
        if (made && one) assertSame(hex(adFind(made, one)!), hex(other));
      } else if (kind === "name") {
        const made = attempt(() => adName(one, other));
        if (made) assertSame(readName(made), one);
      } else if (kind === "services") {
        const made = attempt(() => adServices(one));
        if (made) assertSame(readServices(made).join(), one.map((uuid: number) => uuid.toString(16).padStart(4, "0")).join());
      } else if (kind === "manufacturer") {
        const made = attempt(() => adManufacturer(one, other));
        if (made) assertSame(hex(adFind(made, 0xff)!), (one & 255).toString(16).padStart(2, "0") + (one >> 8).toString(16).padStart(2, "0") + hex(other));
      } else if (kind === "ibeacon") {
        const made = adIBeacon(hex(one), ...(other as [number, number, number]));
        assertSame(JSON.stringify(readIBeacon(made)), JSON.stringify({ uuid: hex(one), major: other[0], minor: other[1], power: other[2] }));
      } else if (kind === "uid") {
        assertSame(JSON.stringify(readEddystone(adEddystoneUid(hex(one), other, -20))), JSON.stringify({ frame: "uid", power: -20, namespace: hex(one), instance: hex(other) }));
      } else if (kind === "url") {
        const made = attempt(() => adEddystoneUrl(one, other));
        if (made) assertSame(readEddystone(made)!.url, one);
      } else {
        attempt(() => adStructure(one, other[0]));
        attempt(() => adName(one, other[0]));
        attempt(() => adServices(one));
        attempt(() => adManufacturer(one, other[0]));
        attempt(() => adIBeacon(one, other[0], other[1], other[2]));
        attempt(() => adEddystoneUid(one, other[0], other[1]));
        attempt(() => adEddystoneUrl(one, other[0]));
        attempt(() => adJoin(one));
      }
    },
  ),
);

function assertSame(is: unknown, wanted: unknown): void {
  if (is !== wanted) throw new Error(`is ${JSON.stringify(is)}, expected ${JSON.stringify(wanted)}`);
}

// Scan rules.

const rule = fc.record(
  {
    address: fc.oneof(fc.string({ maxLength: 20 }), fc.stringMatching(/^[0-9a-fA-F_]{12}$/), anything),
    addresstype: fc.oneof(fc.constantFrom(0, 1), anything),
    minrssi: fc.oneof(fc.integer({ min: -130, max: 25 }), anything),
    type: fc.oneof(fc.nat(5), anything),
    data: fc.oneof(octets(0, 33), fc.string({ maxLength: 33 }), anything),
    collect: fc.oneof(fc.double(), anything),
    collectmax: fc.oneof(fc.double(), fc.nat(300), anything),
    other: anything,
  },
  { requiredKeys: [] },
);

const rules = property("rules", "filters of a scan: compiled within their bounds, or refused by name", 1, () =>
  fc.property(fc.oneof(fc.array(rule, { maxLength: 6 }), anything), (given: any) => {
    const filter = attempt(() => compileFilter(given));
    if (filter === null) return;
    if (filter._count !== given.length) throw new Error(`${filter._count} rules of ${given.length}`);
    for (let i = 0; i < filter._count; i++) {
      if (!(filter._most[i] >= 1 && filter._most[i] <= 256) || !(filter._collect[i] >= 0 && filter._collect[i] <= 86_400_000)) throw new Error("collects more than it may");
    }
  }),
);

// The command line's JSON.

const digits = (bytes: number): fc.Arbitrary<string> => fc.stringMatching(new RegExp(`^[0-9a-fA-F]{${2 * bytes}}$`));
const uuid = fc.oneof(digits(2), digits(16), fc.nat(0x10000), fc.uuid(), fc.constantFrom("180f", "2a19", "2902", "2800", "1800", "2900", "0000"));
const wild = fc.jsonValue({ maxDepth: 2 });
/** Mostly what is meant, now and then anything. */
const mostly = <T>(meant: fc.Arbitrary<T>): fc.Arbitrary<any> => fc.oneof({ weight: 12, arbitrary: meant }, { weight: 1, arbitrary: wild });
const attribute = { uuid: mostly(uuid), value: mostly(digits(3)), text: mostly(fc.string({ maxLength: 12, unit: "grapheme" })), level: mostly(fc.constantFrom(1, 3, 4)) };
const descriptor = fc.oneof(fc.record({ uuid: attribute.uuid, value: attribute.value, level: attribute.level }, { requiredKeys: ["uuid"] }), fc.record(attribute, { requiredKeys: ["uuid"] }));
const char = fc.record(
  {
    ...attribute,
    flags: mostly(fc.oneof(fc.nat(256), fc.array(fc.constantFrom("read", "write", "notify", "indicate", "write-without-response", "no"), { maxLength: 4 }))),
    descriptors: mostly(fc.array(mostly(descriptor), { maxLength: 2 })),
    onwrite: mostly(fc.constantFrom("log", "store", "notify:2a19", "notify:", "notify:180f")),
  },
  { requiredKeys: ["uuid"] },
);
const service = fc.record({ uuid: mostly(uuid), chars: mostly(fc.array(mostly(char), { maxLength: 3 })) }, { requiredKeys: ["uuid", "chars"] });
const table = fc.record(
  {
    advert: mostly(digits(5)),
    scanResponse: mostly(digits(2)),
    min: mostly(fc.integer({ min: 0, max: 11000 })),
    max: mostly(fc.integer({ min: 0, max: 11000 })),
    security: mostly(fc.constantFrom(1, 3, 4)),
    code: mostly(fc.nat(1_000_001)),
    name: mostly(fc.string({ maxLength: 300, unit: "grapheme" })),
    services: mostly(fc.array(mostly(service), { maxLength: 3 })),
  },
  { requiredKeys: ["services"] },
);

const REPORT: any = { happened() {}, passkey() {} };
let station: Station | null = null;

/** A station that all tables and values share. */
function shared(): Station {
  return (station ??= new Station(new Random(1)));
}

/** A message for a terminal: one line of ASCII, of a length that somebody reads. */
function isPlain(message: string): boolean {
  return /^[\x20-\x7e]+$/.test(message) && message.length < 400;
}

const tables = property("table", "tables of `blimp serve`: served as they are, or refused in one line that names the place", 0.5, () =>
  fc.property(
    fc.oneof(
      { weight: 6, arbitrary: table.map((value) => JSON.stringify(value)) },
      { weight: 1, arbitrary: fc.json({ maxDepth: 4 }) },
      { weight: 2, arbitrary: fc.tuple(table, fc.nat(), fc.string({ maxLength: 3, unit: "binary" })).map(([value, at, piece]) => splice(JSON.stringify(value), at, piece)) },
      { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
    ),
    (text) => {
      let made;
      try {
        made = parseTable(text);
      } catch (error: any) {
        if (Object.getPrototypeOf(error) !== Error.prototype || !isPlain(error.message)) throw new Error(`${error.constructor.name}: ${error.message}`);
        return;
      }
      const { bt } = shared();
      const handles = serveTable({ bt, elapsed: () => 0 } as any, REPORT, made);
      const count = made.services.reduce((sum, { chars }) => sum + chars.length, 0);
      if (handles.size !== count) throw new Error(`${handles.size} handles of ${count} characteristics`);
      for (const [{ value }, handle] of handles) if (bt.notify(handle, value) !== true) throw new Error("a handle that is none");
      const advert = made.advert ?? makeAdvert(made);
      const response = made.scanResponse ?? makeScanResponse(made);
      bt.startadvertise(advert, made.min, made.max, response);
    },
  ),
);

function splice(text: string, at: number, piece: string): string {
  const place = at % (text.length + 1);
  return text.slice(0, place) + piece + text.slice(place + (at % 3));
}

// What is typed.

const word = fc.oneof(
  fc.constantFrom("list", "read", "write", "send", "subscribe", "unsubscribe", "quit", "help", "0x0003", "0x0", "2a19", '"text"', '"\\x41\\""', '"', "0b", "--", "-h", "--level", "--level=3", "--json", "-1"),
  fc.string({ maxLength: 10, unit: "grapheme" }),
  digits(3),
);

const ROWS: OptionRow[] = [
  { name: "level", value: "N", text: "the level" },
  { name: "json", text: "one object a line" },
  { name: "mac", value: "ADDRESS", text: "the address" },
];

const typed = property("prompt", "lines of the prompt and words of the command line: understood, or refused by a UsageError", 1, () =>
  fc.property(fc.array(word, { maxLength: 6 }), (words) => {
    const refused = (action: () => void): void => {
      try {
        action();
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
      }
    };
    refused(() => {
      for (const operation of parseLine(words.join(" "))) if ("value" in operation && operation.value.length > 512) throw new Error("a value that is too long");
    });
    refused(() => {
      const found = Arguments.read(ROWS, words, "ADDRESS", true);
      const level = found.integer("level", 1, 4);
      if (level !== undefined && !(level >= 1 && level <= 4)) throw new Error(`level ${level}`);
    });
  }),
);

// Any method with any values.

const CALLS = "startadvertise setscanparams setscanfilter startscan startrawscan setsecurity onconnect servegatt handle notify onroom connect forget trace oobdata testtransmit testreceive testend".split(" ");
const hostile = fc.constantFrom<any>(
  Object.create(null),
  { get length(): number { throw new Error("thrown on purpose"); } },
  { toString() { throw new Error("thrown on purpose"); } },
  { valueOf: () => 5 },
  Symbol("symbol"),
  new Proxy({}, { get() { throw new Error("thrown on purpose"); } }),
  NaN,
  Infinity,
  -0,
  "\u{1f600}",
  "x".repeat(600),
  new Array(5),
  () => undefined,
);
const value = fc.oneof(anything, hostile, fc.double(), fc.integer(), fc.array(fc.record({ uuid: uuid, chars: fc.array(fc.record({ uuid: uuid, value: anything, flags: anything, level: anything, read: anything, descriptors: anything }, { requiredKeys: ["uuid"] }), { maxLength: 2 }) }), { maxLength: 2 }));

const methods = property("methods", "every method with any values: done, or refused by a BlimpError; afterwards the device serves and advertises", 0.5, () =>
  fc.property(fc.constantFrom(...CALLS), fc.array(value, { maxLength: 5 }), (name, values) => {
    const own = shared();
    const bt = own.bt as any;
    try {
      bt[name](...values);
    } catch (error: any) {
      if (error?.message === "thrown on purpose") return;
      if (!["argument", "busy", "security"].includes(error?.code)) throw error;
      if (error.step !== name) throw new Error(`${name} throws in the name of ${error.step}`);
      if (error.code === "argument" && !(String(error.message).length < 250 && error.message.includes(error.detail))) throw new Error(`a message of ${error.message.length} characters: ${error.message.slice(0, 300)}`);
    }
    // As it was.
    bt.setsecurity(1);
    bt.cancelconnect();
    own.run(1);
    bt.testend();
    bt.trace(null);
    bt.onroom(null);
    bt.setscanfilter([{}]);
    bt.setscanparams();
    bt.servegatt([{ uuid: 0xff00, chars: [{ uuid: 0xfff1, value: "known" }] }]);
    bt.onconnect(() => {});
    bt.startscan(() => {});
    bt.startadvertise("\x02\x01\x06", 100, 100);
    own.run(3);
    own.check();
    if (!own.board.advertising || !own.board.scanning) throw new Error("it does not advertise and scan as before");
    own.link(0x0ead);
    own.serves(0x0ead);
    own.board.disconnect(0x0ead);
    own.run(1);
  }),
);

export const PROPERTIES: readonly Property[] = [built, rules, tables, typed, methods];
