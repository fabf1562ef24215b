import { readFileSync } from "node:fs";
import { asciiJson } from "../report/printable.js";
import { UsageError } from "./arguments.js";

/** What a device offers, as a file of JSON says it: docs/serve.md. */
export interface Table {
  /** null: one is to be made. */
  readonly advert: Uint8Array | null;
  readonly scanResponse: Uint8Array | null;
  /** ms */
  readonly min: number;
  readonly max: number;
  /** 1, 3 or 4 */
  readonly security: number;
  readonly code: number | undefined;
  /** UTF-8 as a byte string. */
  readonly name: string;
  readonly services: readonly TableService[];
}

export interface TableService {
  /** 4 or 32 lower-case hex digits. */
  readonly uuid: string;
  readonly chars: readonly TableCharacteristic[];
}

export interface TableCharacteristic extends TableDescriptor {
  readonly flags: number;
  readonly descriptors: readonly TableDescriptor[];
  /** What is done with what is written: nothing but telling of it, keeping it, or sending it as the value of another characteristic. */
  readonly onwrite: "log" | "store" | TableCharacteristic;
}

export interface TableDescriptor {
  readonly uuid: string;
  readonly value: Uint8Array;
  readonly level: number | undefined;
}

/** Bits of flags. */
export const enum Flag {
  Read = 0x02,
  WriteCommand = 0x04,
  Write = 0x08,
  Notify = 0x10,
  Indicate = 0x20,
  SignedWrite = 0x40,
}

const WRITABLE = Flag.WriteCommand | Flag.Write | Flag.SignedWrite;
const TOLD = Flag.Notify | Flag.Indicate;

/** Flags by their names. */
const FLAGS: { readonly [name: string]: number } = {
  broadcast: 0x01,
  read: Flag.Read,
  "write-without-response": Flag.WriteCommand,
  write: Flag.Write,
  notify: Flag.Notify,
  indicate: Flag.Indicate,
  "signed-write": Flag.SignedWrite,
  extended: 0x80,
};

/** Most bytes of a value, an advert, a name. */
const VALUE = 512;
const ADVERT = 31;
const NAME = 248;

/** Milliseconds between adverts. */
const INTERVAL = 100;
const LEAST = 20;
const MOST = 10240;

const KEYS = {
  table: ["advert", "scanResponse", "min", "max", "security", "code", "name", "services"],
  service: ["uuid", "chars"],
  characteristic: ["uuid", "value", "text", "flags", "level", "descriptors", "onwrite"],
  descriptor: ["uuid", "value", "text", "level"],
};

type Fields = { readonly [key: string]: unknown };

/** A characteristic whose `onwrite` may still name another one. */
type Draft = { -readonly [key in keyof TableCharacteristic]: TableCharacteristic[key] } & { path: string; target: string | null };

/**
 * Reads the file of a table.
 * @throws UsageError that names the file and, where it is JSON, the place in it
 */
export function readTable(path: string): Table {
  try {
    return parseTable(readFileSync(path, "utf8"));
  } catch (error) {
    // What the system says of a file names it already.
    const { message } = error as Error;
    throw new UsageError(message.includes(path) ? message : `${path}: ${message}`);
  }
}

/**
 * Makes a table of JSON.
 * @throws Error that names the place
 */
export function parseTable(text: string): Table {
  const bare = text.replace(/^\ufeff/, "");
  const root = parse(bare);
  const given = fieldsOf(root, "", "table", "the table");
  const min = integer(given.min, "min", LEAST, MOST) ?? Math.min(INTERVAL, integer(given.max, "max", LEAST, MOST) ?? INTERVAL);
  const max = integer(given.max, "max", LEAST, MOST) ?? Math.max(INTERVAL, min);
  if (max < min) refuse("max", max, `min (${min}) or more`);
  const security = levelOf(given.security, "security") ?? 1;
  const code = integer(given.code, "code", 0, 999999);
  const drafts: Draft[][] = [];
  const services = list(given.services ?? missing("services", "an array"), "services").map((service, i) => {
    const { uuid, chars } = readService(service, `services[${i}]`);
    drafts.push(chars);
    return { uuid, chars };
  });
  for (const chars of drafts) for (const draft of chars) if (draft.target !== null) draft.onwrite = findTarget(draft, chars, drafts.flat());
  if (code !== undefined && !isGuarded({ security, services })) refuse("code", code, "none, because security is 1 and no value has a level");
  return {
    advert: hexOf(given.advert, "advert", ADVERT) ?? null,
    scanResponse: hexOf(given.scanResponse, "scanResponse", ADVERT) ?? null,
    min,
    max,
    security,
    code,
    name: textOf(given.name, "name", NAME)?.toString("latin1") ?? "blimp",
    services,
  };
}

/** Whether a code is needed: for every connection, or for single values. */
export function isGuarded({ security, services }: Pick<Table, "security" | "services">): boolean {
  const asks = ({ level }: { readonly level: number | undefined }): boolean => level !== undefined && level > 1;
  return security > 1 || services.some(({ chars }) => chars.some((char) => asks(char) || char.descriptors.some(asks)));
}

function readService(value: unknown, path: string): { uuid: string; chars: Draft[] } {
  const given = fieldsOf(value, path, "service", "a service");
  const uuid = ownUuid(given.uuid, `${path}.uuid`);
  if (uuid === "1800" || uuid === "1801") refuse(`${path}.uuid`, given.uuid, "another service: Generic Access (1800) and Generic Attribute (1801) are there by themselves");
  const chars = list(given.chars ?? missing(`${path}.chars`, "an array"), `${path}.chars`);
  return { uuid, chars: chars.map((char, i) => readCharacteristic(char, `${path}.chars[${i}]`)) };
}

function readCharacteristic(value: unknown, path: string): Draft {
  const given = fieldsOf(value, path, "characteristic", "a characteristic");
  const { onwrite } = given;
  const [, target = null] = typeof onwrite === "string" ? (/^notify:(.*)$/.exec(onwrite) ?? []) : [];
  if (onwrite !== undefined && onwrite !== "log" && onwrite !== "store" && target === null) refuse(`${path}.onwrite`, onwrite, '"log", "store" or "notify:UUID"');
  const readable = given.value !== undefined || given.text !== undefined || onwrite === "store";
  const flags = flagsOf(given.flags, `${path}.flags`) ?? (readable ? Flag.Read : 0) | (onwrite === undefined ? 0 : Flag.Write);
  if (onwrite !== undefined && !(flags & WRITABLE)) refuse(`${path}.onwrite`, onwrite, `none, because flags (${flags}) have neither write (8) nor write-without-response (4)`);
  const descriptors = list(given.descriptors ?? [], `${path}.descriptors`).map((descriptor, i) => readDescriptor(descriptor, `${path}.descriptors[${i}]`));
  return {
    ...attributeOf(given, path, ownUuid),
    flags,
    descriptors,
    onwrite: onwrite === "store" ? onwrite : "log",
    path: `${path}.onwrite`,
    target: target === null ? null : uuidOf(target, `${path}.onwrite`, "notify: and a UUID, 4 or 32 hex digits"),
  };
}

function readDescriptor(value: unknown, path: string): TableDescriptor {
  const given = fieldsOf(value, path, "descriptor", "a descriptor");
  const descriptor = attributeOf(given, path, uuidOf);
  if (descriptor.uuid === "2902") refuse(`${path}.uuid`, given.uuid, "another: 2902 is there by itself where flags have notify or indicate");
  if (/^280[0-3]$/.test(descriptor.uuid)) refuse(`${path}.uuid`, given.uuid, "a descriptor, and no declaration");
  if (descriptor.uuid === "0000") refuse(`${path}.uuid`, given.uuid, "another than 0000");
  return descriptor;
}

/** A UUID of a service or a characteristic: none of those that say what others are. */
function ownUuid(value: unknown, path: string): string {
  const uuid = uuidOf(value, path);
  return /^(280[0-3]|2902|0000)$/.test(uuid) ? refuse(path, value, "another: 2800 to 2803 and 2902 are there by themselves, and 0000 is none") : uuid;
}

function attributeOf(given: Fields, path: string, uuidOf: typeof ownUuid): TableDescriptor {
  if (given.value !== undefined && given.text !== undefined) throw new Error(`${path}.text stands beside ${path}.value, expected one of them`);
  const value = hexOf(given.value, `${path}.value`, VALUE) ?? textOf(given.text, `${path}.text`, VALUE);
  return { uuid: uuidOf(given.uuid, `${path}.uuid`), value: new Uint8Array(value ?? []), level: levelOf(given.level, `${path}.level`) };
}

/** The characteristic that is meant by `notify:UUID`: that of the same service, or the only one elsewhere. */
function findTarget({ path, target }: Draft, own: readonly Draft[], all: readonly Draft[]): Draft {
  const isMeant = ({ uuid }: Draft): boolean => uuid === target;
  const found = own.some(isMeant) ? own.filter(isMeant) : all.filter(isMeant);
  const value = `notify:${target}`;
  if (found.length === 0) refuse(path, value, "the UUID of a characteristic in this table");
  if (found.length > 1) refuse(path, value, `a UUID that stands once, in this service or in the whole table: it stands ${found.length} times`);
  if (!(found[0].flags & TOLD)) refuse(path, value, `a characteristic with notify (16) or indicate (32) in its flags (${found[0].flags})`);
  return found[0];
}

function parse(text: string): unknown {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (error) {
    throw new Error(`not JSON: ${asciiJson((error as Error).message).slice(1, -1).replaceAll('\\"', '"')}`);
  }
  refuseTwins(text);
  return root;
}

/** JSON in which an object has a key twice would lose the first without a word. */
function refuseTwins(text: string): void {
  const open: (Set<string> | null)[] = [];
  for (const { 0: token, 1: colon = "", index } of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(null);
    else if (token === "}" || token === "]") open.pop();
    else if (colon !== "") {
      const key: string = JSON.parse(token.slice(0, -colon.length));
      const keys = open[open.length - 1]!;
      if (keys.has(key)) throw new Error(`line ${text.slice(0, index).split("\n").length}: ${show(key)} stands twice in one object`);
      keys.add(key);
    }
  }
}

/** A value of the file for people: JSON in ASCII, the beginning of what is long. */
function show(value: unknown): string {
  const text = asciiJson(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function refuse(path: string, value: unknown, expected: string): never {
  throw new Error(`${path} is ${show(value)}, expected ${expected}`);
}

function missing(path: string, expected: string): never {
  throw new Error(`${path} is missing, expected ${expected}`);
}

/** The fields of an object that has no keys but those of its kind. */
function fieldsOf(value: unknown, path: string, kind: keyof typeof KEYS, who: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) refuse(path || "the whole", value, `an object, ${who}`);
  for (const key of Object.keys(value)) {
    if (!KEYS[kind].includes(key)) throw new Error(`${path === "" ? "" : `${path}.`}${show(key).slice(1, -1)} is no key of ${who}, expected ${KEYS[kind].join(", ")}`);
  }
  return value as Fields;
}

function list(value: unknown, path: string): readonly unknown[] {
  return Array.isArray(value) ? value : refuse(path, value, "an array");
}

function integer(value: unknown, path: string, low: number, high: number): number | undefined {
  if (value === undefined) return undefined;
  return Number.isInteger(value) && (value as number) >= low && (value as number) <= high ? (value as number) : refuse(path, value, `an integer, ${low}..${high}`);
}

function levelOf(value: unknown, path: string): number | undefined {
  return value === undefined || value === 1 || value === 3 || value === 4 ? (value as number | undefined) : refuse(path, value, "1, 3 or 4");
}

function flagsOf(value: unknown, path: string): number | undefined {
  if (!Array.isArray(value)) return integer(value, path, 0, 255);
  return value.reduce<number>((flags, name, i) => {
    if (typeof name !== "string" || !Object.hasOwn(FLAGS, name)) refuse(`${path}[${i}]`, name, Object.keys(FLAGS).join(", "));
    return flags | FLAGS[name];
  }, 0);
}

/** 4 or 32 lower-case hex digits; a long form of the Bluetooth base UUID becomes the short one. */
function uuidOf(value: unknown, path: string, expected = "a UUID: 4 or 32 hex digits, or a number of 16 bits"): string {
  if (value === undefined) missing(path, expected);
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff) return (value as number).toString(16).padStart(4, "0");
  const digits = typeof value === "string" ? value.replaceAll("-", "").toLowerCase() : "";
  if (!/^([0-9a-f]{4}|[0-9a-f]{32})$/.test(digits)) refuse(path, value, expected);
  return digits.replace(/^0000(....)00001000800000805f9b34fb$/, "$1");
}

function hexOf(value: unknown, path: string, most: number): Buffer | undefined {
  if (value === undefined) return undefined;
  const digits = typeof value === "string" ? value.replace(/\s+/g, "") : "x";
  if (!/^([0-9a-f]{2})*$/i.test(digits)) refuse(path, value, `an even number of hex digits, up to ${2 * most}`);
  if (digits.length > 2 * most) refuse(path, value, `up to ${most} bytes, not ${digits.length / 2}`);
  return Buffer.from(digits, "hex");
}

function textOf(value: unknown, path: string, most: number): Buffer | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string") refuse(path, value, "a text");
  const bytes = Buffer.from(value, "utf8");
  return bytes.length <= most ? bytes : refuse(path, value, `up to ${most} bytes in UTF-8, not ${bytes.length}`);
}
