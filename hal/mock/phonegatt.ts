import { le16, u16 } from "./bytes.js";
import { Att, AttError, DEFAULT_MTU, type AttBearer } from "./phoneatt.js";
import { PhoneError, wait, type Task } from "./phonetask.js";

/** Bits of a characteristic's properties (Core Vol 3 Part G 3.3.1.1). */
export const Property = {
  BROADCAST: 0x01,
  READ: 0x02,
  WRITE_COMMAND: 0x04,
  WRITE: 0x08,
  NOTIFY: 0x10,
  INDICATE: 0x20,
  SIGNED: 0x40,
  EXTENDED: 0x80,
} as const;

export interface PhoneDescriptor {
  /** 4 or 32 lower-case hexadecimal digits, as the server gave it. */
  readonly uuid: string;
  readonly handle: number;
}

export interface PhoneCharacteristic {
  readonly uuid: string;
  /** Handle of the value. */
  readonly handle: number;
  /** Handle of the declaration, and of the last attribute that belongs to it. */
  readonly declaration: number;
  readonly end: number;
  /** Bits of `Property`. */
  readonly properties: number;
  readonly descriptors: PhoneDescriptor[];
}

export interface PhoneService {
  readonly uuid: string;
  readonly handle: number;
  readonly end: number;
  readonly includes: { readonly handle: number; readonly start: number; readonly end: number; readonly uuid: string | null }[];
  readonly characteristics: PhoneCharacteristic[];
}

/** A value handle, a UUID (4, 8 or 32 hexadecimal digits), or "service/characteristic" where a UUID stands twice. */
export type Target = number | string | { readonly handle: number };

/** Octets, or a string of characters 0 to 255. */
export type Value = ArrayLike<number> | string;

const PRIMARY = 0x2800;
const INCLUDE = 0x2802;
const CHARACTERISTIC = 0x2803;
const CCCD = "2902";
const SERVICE_CHANGED = "2a05";
const BASE = "00001000800000805f9b34fb";

/** A UUID in all its 32 digits; null for what is none. */
export function wholeUuid(text: string): string | null {
  const digits = text.replace(/-/g, "").toLowerCase();
  if (!/^[0-9a-f]+$/.test(digits)) return null;
  if (digits.length === 4) return `0000${digits}${BASE}`;
  if (digits.length === 8) return digits + BASE;
  return digits.length === 32 ? digits : null;
}

/** A UUID as the air carries it, least significant octet first, to its digits. */
export function uuidText(bytes: Uint8Array): string {
  return Array.from(bytes, (octet) => octet.toString(16).padStart(2, "0")).reverse().join("");
}

export function octets(value: Value): Uint8Array {
  if (typeof value !== "string") return Uint8Array.from(value);
  return Uint8Array.from(value, (character) => {
    const code = character.codePointAt(0)!;
    if (code > 255) throw new PhoneError("argument", `a value's text has the character U+${code.toString(16)}; bytes end at 255`);
    return code;
  });
}

/** A GATT client (Core Vol 3 Part G 4) on a bearer; each procedure is a task. */
export class GattClient {
  /** What the last discovery found; null before, and after Service Changed. */
  services: PhoneService[] | null = null;

  private readonly _bearer: AttBearer;
  private readonly _recover: (error: PhoneError) => Task<boolean>;
  private readonly _subscriptions = new Map<number, (value: Uint8Array, indication: boolean) => void>();

  /** @param recover asked when a request is refused; true: it is sent once more */
  constructor(bearer: AttBearer, recover: (error: PhoneError) => Task<boolean>) {
    this._bearer = bearer;
    this._recover = recover;
  }

  /** A notification or an indication has come. */
  deliver(handle: number, value: Uint8Array, indication: boolean): void {
    const changed = ({ uuid, handle: at }: PhoneCharacteristic): boolean => at === handle && wholeUuid(uuid) === wholeUuid(SERVICE_CHANGED);
    if (indication && this.services?.some(({ characteristics }) => characteristics.some(changed))) this.services = null;
    this._subscriptions.get(handle)?.(value, indication);
  }

  *exchangeMtu(): Task<number> {
    const bearer = this._bearer;
    let answer: Uint8Array;
    try {
      answer = yield* this._ask(Uint8Array.of(Att.MTU_REQ, ...le16(bearer.offered)));
    } catch (error) {
      // An old server may not know of it: all stays as it is.
      if ((error as PhoneError).att === AttError.NOT_SUPPORTED) return bearer.mtu;
      throw error;
    }
    if (answer.length !== 3) throw broken(answer);
    return (bearer.mtu = Math.max(DEFAULT_MTU, Math.min(bearer.offered, u16(answer, 1))));
  }

  /** All primary services with what is in them. */
  *discover(): Task<PhoneService[]> {
    const services: PhoneService[] = [];
    yield* this._pages(Att.READ_BY_GROUP_REQ, 1, 0xffff, PRIMARY, (p) => {
      if (p.length !== 6 && p.length !== 20) return 0;
      const [handle, end] = [u16(p, 0), u16(p, 2)];
      services.push({ uuid: uuidText(p.slice(4)), handle, end, includes: [], characteristics: [] });
      return end >= handle ? end : 0;
    });
    for (const service of services) {
      yield* this._includes(service);
      yield* this._characteristics(service);
    }
    return (this.services = services);
  }

  *read(target: Target): Task<Uint8Array> {
    const handle = yield* this._handle(target);
    const value = Array.from((yield* this._ask(Uint8Array.of(Att.READ_REQ, ...le16(handle)))).slice(1));
    const part = this._bearer.mtu - 1;
    for (let last = value.length; last === part; ) {
      let answer: Uint8Array;
      try {
        answer = yield* this._ask(Uint8Array.of(Att.READ_BLOB_REQ, ...le16(handle), ...le16(value.length)));
      } catch (error) {
        const { att } = error as PhoneError;
        // The value ended exactly where the part did.
        if (att === AttError.INVALID_OFFSET || att === AttError.NOT_LONG) break;
        throw error;
      }
      last = answer.length - 1;
      value.push(...answer.slice(1));
      if (value.length > 0xffff) throw new PhoneError("protocol", "a value without an end");
    }
    return Uint8Array.from(value);
  }

  *write(target: Target, given: Value): Task<void> {
    const handle = yield* this._handle(target);
    const value = octets(given);
    if (value.length > this._bearer.mtu - 3) return yield* this._writeLong(handle, value);
    const answer = yield* this._ask(Uint8Array.of(Att.WRITE_REQ, ...le16(handle), ...value));
    if (answer.length !== 1) throw broken(answer);
  }

  *send(target: Target, given: Value): Task<void> {
    const handle = yield* this._handle(target);
    const value = octets(given);
    const most = this._bearer.mtu - 3;
    if (value.length > most) throw new PhoneError("argument", `a command of ${value.length} octets; ATT_MTU leaves room for ${most}`);
    this._bearer.command(Uint8Array.of(Att.WRITE_COMMAND, ...le16(handle), ...value));
  }

  *subscribe(target: Target, callback: (value: Uint8Array, indication: boolean) => void, indicate?: boolean): Task<void> {
    const characteristic = yield* this.find(target);
    const wanted = indicate ?? (characteristic.properties & Property.NOTIFY) === 0;
    this._subscriptions.set(characteristic.handle, callback);
    try {
      yield* this.write(this._cccd(characteristic), [wanted ? 2 : 1, 0]);
    } catch (error) {
      this._subscriptions.delete(characteristic.handle);
      throw error;
    }
  }

  *unsubscribe(target: Target): Task<void> {
    const characteristic = yield* this.find(target);
    yield* this.write(this._cccd(characteristic), [0, 0]);
    this._subscriptions.delete(characteristic.handle);
  }

  /** The characteristic meant; discovers first, if nothing has been discovered yet. */
  *find(target: Target): Task<PhoneCharacteristic> {
    const services = this.services ?? (yield* this.discover());
    const [service, uuid] = typeof target === "string" && target.includes("/") ? target.split("/") : [null, target];
    const handle = typeof uuid === "number" ? uuid : typeof uuid === "string" ? null : uuid.handle;
    const wanted = typeof uuid === "string" ? wholeUuid(uuid) : null;
    const home = service === null ? null : wholeUuid(service);
    if ((handle === null && wanted === null) || (service !== null && home === null)) {
      throw new PhoneError("argument", `"${String(target)}" is not a handle, a UUID or "service/characteristic"`);
    }
    for (const candidate of services) {
      if (home !== null && wholeUuid(candidate.uuid) !== home) continue;
      for (const characteristic of candidate.characteristics) {
        if (handle === null ? wholeUuid(characteristic.uuid) === wanted : characteristic.handle === handle) return characteristic;
      }
    }
    throw new PhoneError("missing", `the peripheral has no characteristic ${typeof target === "object" ? target.handle : target}`);
  }

  private *_handle(target: Target): Task<number> {
    if (typeof target === "number") return target;
    return typeof target === "string" ? (yield* this.find(target)).handle : target.handle;
  }

  private _cccd(characteristic: PhoneCharacteristic): number {
    const descriptor = characteristic.descriptors.find(({ uuid }) => wholeUuid(uuid) === wholeUuid(CCCD));
    if (descriptor === undefined) throw new PhoneError("missing", `the characteristic ${characteristic.uuid} cannot be subscribed to`);
    return descriptor.handle;
  }

  private *_writeLong(handle: number, value: Uint8Array): Task<void> {
    const most = this._bearer.mtu - 5;
    try {
      for (let at = 0; at < value.length; at += most) {
        const part = value.slice(at, at + most);
        const sent = Uint8Array.of(Att.PREPARE_REQ, ...le16(handle), ...le16(at), ...part);
        const answer = yield* this._ask(sent);
        // The server repeats what it has queued.
        if (answer.length !== sent.length || answer.some((octet, i) => i > 0 && octet !== sent[i])) throw broken(answer);
      }
    } catch (error) {
      const { code } = error as PhoneError;
      if (code === "att" || code === "protocol") yield* this._ask(Uint8Array.of(Att.EXECUTE_REQ, 0));
      throw error;
    }
    yield* this._ask(Uint8Array.of(Att.EXECUTE_REQ, 1));
  }

  private *_includes(service: PhoneService): Task<void> {
    yield* this._pages(Att.READ_BY_TYPE_REQ, service.handle, service.end, INCLUDE, (p) => {
      if (p.length !== 6 && p.length !== 8) return 0;
      const handle = u16(p, 0);
      service.includes.push({ handle, start: u16(p, 2), end: u16(p, 4), uuid: p.length === 8 ? uuidText(p.slice(6)) : null });
      return handle;
    });
  }

  private *_characteristics(service: PhoneService): Task<void> {
    const found: Omit<PhoneCharacteristic, "end" | "descriptors">[] = [];
    yield* this._pages(Att.READ_BY_TYPE_REQ, service.handle, service.end, CHARACTERISTIC, (p) => {
      if (p.length !== 7 && p.length !== 21) return 0;
      const declaration = u16(p, 0);
      found.push({ uuid: uuidText(p.slice(5)), handle: u16(p, 3), declaration, properties: p[2] });
      return u16(p, 3) > declaration ? declaration : 0;
    });
    for (let i = 0; i < found.length; i++) {
      const end = i + 1 < found.length ? found[i + 1].declaration - 1 : service.end;
      const characteristic = { ...found[i], end, descriptors: [] };
      service.characteristics.push(characteristic);
      if (characteristic.handle < end) yield* this._descriptors(characteristic);
    }
  }

  private *_descriptors(characteristic: PhoneCharacteristic): Task<void> {
    const { end } = characteristic;
    for (let start = characteristic.handle + 1; start <= end; ) {
      const answer = yield* this._askRange(Uint8Array.of(Att.FIND_INFORMATION_REQ, ...le16(start), ...le16(end)));
      if (answer === null) return;
      const size = answer[1] === 1 ? 4 : 18;
      if ((answer[1] !== 1 && answer[1] !== 2) || answer.length < 2 + size || (answer.length - 2) % size !== 0) throw broken(answer);
      for (let at = 2; at < answer.length; at += size) {
        const handle = u16(answer, at);
        if (handle < start || handle > end) throw broken(answer);
        characteristic.descriptors.push({ uuid: uuidText(answer.slice(at + 2, at + size)), handle });
        start = handle + 1;
      }
    }
  }

  /**
   * Goes through a range by Read By Type or Read By Group Type.
   * @param entry takes each entry of a list, and returns its last handle, or 0 if it is malformed
   */
  private *_pages(opcode: number, start: number, end: number, type: number, entry: (bytes: Uint8Array) => number): Task<void> {
    while (start <= end) {
      const answer = yield* this._askRange(Uint8Array.of(opcode, ...le16(start), ...le16(end), ...le16(type)));
      if (answer === null) return;
      const size = answer[1];
      if (!(size >= 2) || answer.length < 2 + size || (answer.length - 2) % size !== 0) throw broken(answer);
      for (let at = 2; at < answer.length; at += size) {
        const first = u16(answer, at);
        const last = entry(answer.slice(at, at + size));
        // Handles rise and stay within what was asked for, else this would never end.
        if (last === 0 || first < start || last > end) throw broken(answer);
        start = last + 1;
      }
    }
  }

  /** A request for a range; null where there is nothing more in it. */
  private *_askRange(pdu: Uint8Array): Task<Uint8Array | null> {
    try {
      return yield* this._ask(pdu);
    } catch (error) {
      if ((error as PhoneError).att === AttError.NOT_FOUND) return null;
      throw error;
    }
  }

  private *_ask(pdu: Uint8Array): Task<Uint8Array> {
    for (let again = false; ; again = true) {
      const answer = yield* wait<Uint8Array>(this._bearer.request(pdu));
      if (answer[0] !== Att.ERROR_RSP) return answer;
      const [att, handle] = [answer[4], u16(answer, 2)];
      const text = `ATT error 0x${att.toString(16).padStart(2, "0")} in answer to 0x${pdu[0].toString(16).padStart(2, "0")} for handle ${handle}`;
      const error = new PhoneError("att", text, { att, handle });
      if (again || !(yield* this._recover(error))) throw error;
    }
  }
}

function broken(pdu: Uint8Array): PhoneError {
  return new PhoneError("protocol", `a malformed ATT response ${Array.from(pdu, (octet) => octet.toString(16).padStart(2, "0")).join("")}`);
}
