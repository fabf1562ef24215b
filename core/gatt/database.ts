import { toBytes, type Bytes } from "../bytes/bytes.js";
import { parseUuid, shortUuid } from "../bytes/uuid.js";
import type { Connection } from "../connection.js";
import { callable, integer, reject } from "../errors.js";
import { AttSize } from "../att/codes.js";
import { Property, Type } from "./codes.js";

/** What a read handler returns: the value; 1 to 255, an ATT error; `bt.LATER`, where it names `reply` as its second parameter. */
export type ReadHandler = (connection: Connection, reply: (value: Bytes | number) => void) => any;
/** What a write handler returns: nothing or 0 for success, 1 to 255 for an ATT error, `bt.LATER`, where it names `reply` as its third. `value` is the application's own copy. */
export type WriteHandler = (connection: Connection, value: Uint8Array, reply: (code?: number) => void) => any;

/** A characteristic or a descriptor as the application declares it. */
export interface Attribute {
  /** A 16-bit number; 4 or 32 hex digits, dashes allowed; or 2 or 16 bytes, most significant first. */
  uuid: number | Bytes;
  /** A fixed value of 512 bytes at most. */
  value?: Bytes;
  /** Makes the value when it is read; wins over `value`. */
  read?: ReadHandler;
  /** Takes what is written. */
  write?: WriteHandler;
  /** Properties, the sum of 0x02 read, 0x04 write without response, 0x08 write, 0x10 notify, 0x20 indicate, 0x40 signed write. By default read and write as there are handlers or a value. */
  flags?: number;
  /** The least security level of a connection that may read or write it: 1, 3 or 4. */
  level?: number;
}

/** A characteristic as the application declares it. */
export interface Characteristic extends Attribute {
  /** Called when a connection subscribes or ends it: 0 off, 1 notifications, 2 indications, 3 both. */
  subscribe?: (connection: Connection, on: number) => void;
  /** More descriptors; the Client Characteristic Configuration is there by itself. */
  descriptors?: Attribute[];
}

/** A service as the application declares it. */
export interface Service {
  uuid: number | Bytes;
  chars: Characteristic[];
}

/** The words that the table keeps of each attribute, from its handle * Words on. */
export const enum Word {
  /** Its type as a 16-bit UUID; 0: one of 128 bits, which lie before its value. */
  Type,
  /** Its properties, its level, and the bits below. */
  Flags,
  /** Where its value begins among the bytes. */
  Offset,
  /** The length of its value; or which handlers it has, or which configuration it is. */
  Length,
  Words,
}

export const enum Flag {
  /** Of the level, 1 to 4. */
  Level = 0x0700,
  LevelShift = 8,
  /** It has handlers in place of a value. */
  Dynamic = 0x0800,
  /** A Client Characteristic Configuration: each link has its own. */
  Configuration = 0x1000,
}

/** The attributes: no object each, but words and bytes, by handle from 1 on. */
export interface Database {
  _table: Uint16Array;
  _bytes: Uint8Array;
  /** The handlers of each attribute that has some: read, write, subscribe. */
  _handlers: any[];
  /** How many attributes, and how many configurations. */
  _count: number;
  /** The first handle of the application's services. */
  _first: number;
  _configurations: number;
}

/** A word of an attribute. */
export function wordOf(database: Database, handle: number, word: Word): number {
  return database._table[handle * Word.Words + word];
}

/** What is laid in the second walk; the first one counts. */
interface Build extends Database {
  _used: number;
  _laying: boolean;
}

/** Adds an attribute; returns its handle. */
function lay(build: Build, uuid: ArrayLike<number>, flags: number, length: number, value?: ArrayLike<number>): number {
  const handle = ++build._count;
  const short = shortUuid(uuid, 0, uuid.length);
  const offset = build._used + (short ? 0 : 16);
  build._used = offset + (value ? value.length : 0);
  if (build._laying) {
    const at = handle * Word.Words;
    build._table[at + Word.Type] = short;
    build._table[at + Word.Flags] = flags;
    build._table[at + Word.Offset] = offset;
    build._table[at + Word.Length] = length;
    if (!short) build._bytes.set(uuid, offset - 16);
    if (value) build._bytes.set(value, offset);
  }
  return handle;
}

function layDeclaration(build: Build, type: Type, value: ArrayLike<number>): void {
  lay(build, [type & 255, type >> 8], Property.Read, value.length, value);
}

/** Types that the stack lays by itself. */
function isDeclaration(type: number): boolean {
  return type == Type.ClientConfiguration || (type >= Type.PrimaryService && type <= Type.Characteristic);
}

function uuidOf(value: any, name: string): Uint8Array {
  const uuid = parseUuid(value) || reject("servegatt", name, value, "a UUID: 16 bits, 4 or 32 hex digits, 2 or 16 bytes");
  const short = shortUuid(uuid, 0, uuid.length);
  if (!short && uuid.length == 2) reject("servegatt", name, value, "a UUID other than 0");
  if (isDeclaration(short)) reject("servegatt", name, value, "no declaration, and not 2902, which is there by itself");
  return short ? new Uint8Array([short, short >> 8]) : uuid;
}

/** Adds the value of a characteristic or a descriptor. */
function layValue(build: Build, uuid: Uint8Array, flags: number, attribute: any, name: string): void {
  const level = attribute.level === undefined ? 1 : integer("servegatt", name + ".level", attribute.level, 1, 4);
  const handlers = [attribute.read, attribute.write, attribute.subscribe];
  const names = ["read", "write", "subscribe"];
  let dynamic = false;
  let value: Uint8Array = new Uint8Array(0);
  for (let i = 0; i < 3; i++) {
    if (handlers[i] != null) {
      callable("servegatt", name + "." + names[i], handlers[i]);
      dynamic = true;
    }
  }
  if (attribute.value != null) {
    value = toBytes(attribute.value) || reject("servegatt", name + ".value", attribute.value, "bytes or a byte string");
    integer("servegatt", name + ".value.length", value.length, 0, AttSize.Value);
  }
  if (level == 2) integer("servegatt", name + ".level", level, 3, 4);
  flags |= level << Flag.LevelShift;
  if (!dynamic) lay(build, uuid, flags, value.length, value);
  else {
    // A fixed value beside a handler is its own reader.
    if (!handlers[0]) {
      handlers[0] = function () {
        return value;
      };
    }
    lay(build, uuid, flags | Flag.Dynamic, build._handlers.length);
    if (build._laying) build._handlers.push(handlers[0], handlers[1], handlers[2]);
  }
}

function flagsOf(attribute: any, name: string): number {
  if (attribute.flags !== undefined) return integer("servegatt", name + ".flags", attribute.flags, 0, 255);
  return (attribute.value != null || attribute.read ? Property.Read : 0) | (attribute.write ? Property.Write : 0);
}

function each(list: any, name: string, callback: (entry: any, name: string) => void): void {
  if (!Array.isArray(list)) reject("servegatt", name, list, "an array");
  for (let i = 0; i < list.length; i++) {
    const entry = list[i];
    if (!entry || typeof entry != "object") reject("servegatt", name + "[" + i + "]", entry, "an object");
    callback(entry, name + "[" + i + "]");
  }
}

function layCharacteristic(build: Build, characteristic: any, name: string): void {
  const uuid = uuidOf(characteristic.uuid, name + ".uuid");
  const flags = flagsOf(characteristic, name);
  const declaration = new Uint8Array(3 + uuid.length);
  const handle = build._count + 2;
  declaration[0] = flags;
  declaration[1] = handle;
  declaration[2] = handle >> 8;
  declaration.set(uuid, 3);
  layDeclaration(build, Type.Characteristic, declaration);
  layValue(build, uuid, flags, characteristic, name);
  if (flags & (Property.Notify | Property.Indicate)) {
    lay(build, [Type.ClientConfiguration & 255, Type.ClientConfiguration >> 8], Property.Read | Property.Write | Flag.Configuration, build._configurations++);
  }
  if (characteristic.descriptors !== undefined) {
    each(characteristic.descriptors, name + ".descriptors", function (descriptor, name) {
      const uuid = uuidOf(descriptor.uuid, name + ".uuid");
      // Its value is a part of the definition.
      if (shortUuid(uuid, 0, uuid.length) == Type.ExtendedProperties && descriptor.read) reject("servegatt", name + ".read", descriptor.read, "a fixed value for 2900");
      layValue(build, uuid, flagsOf(descriptor, name), descriptor, name);
    });
  }
}

/**
 * Makes the attributes of services, in their order.
 * @param own the stack's own services, which come first
 * @throws BlimpError "argument"
 */
export function buildDatabase(own: Service[], services: any): Database {
  const build: Build = { _table: new Uint16Array(0), _bytes: new Uint8Array(0), _handlers: [], _count: 0, _first: 0, _configurations: 0, _used: 0, _laying: false };

  function layService(service: any, name: string): void {
    layDeclaration(build, Type.PrimaryService, uuidOf(service.uuid, name + ".uuid"));
    each(service.chars, name + ".chars", function (characteristic, name) {
      layCharacteristic(build, characteristic, name);
    });
  }

  for (let pass = 0; pass < 2; pass++) {
    each(own, "own", layService);
    build._first = build._count + 1;
    each(services, "services", layService);
    if (!pass) {
      integer("servegatt", "the number of attributes", build._count, 0, 0x27ff);
      integer("servegatt", "the bytes of all values", build._used, 0, 0xffff);
      build._table = new Uint16Array((build._count + 1) * Word.Words);
      build._bytes = new Uint8Array(build._used);
      build._laying = true;
      build._count = build._configurations = build._used = 0;
    }
  }
  return build;
}
