import type { Air } from "./air.js";
import { le16, u16 } from "./bytes.js";
import { Central, type CentralOptions } from "./central.js";
import type { Handle } from "./clock.js";
import { INTERVAL_UNIT, TIMEOUT_UNIT } from "./link.js";
import { legalParameters } from "./linkcontrol.js";
import { addressKey, deviceAddress, type DeviceAddress } from "./pdu.js";
import { Att, AttBearer, AttError, DEFAULT_MTU } from "./phoneatt.js";
import { GattClient, octets, type PhoneService, type Target, type Value } from "./phonegatt.js";
import {
  belongs,
  DEFAULT_PAIRING,
  PhoneSmp,
  privateAddress,
  signature,
  type Paired,
  type Pairing,
  type PairingKeys,
  type PhoneBond,
} from "./phonesmp.js";
import { PhoneScanner, type Wanted } from "./phonescan.js";
import { PhoneError, run, wait, type Done, type Task } from "./phonetask.js";
import type { Random } from "./random.js";
import { Status } from "./status.js";

/** Fixed channels (Core Vol 3 Part A 2.1). */
const Cid = { ATT: 4, SIGNALLING: 5, SMP: 6 } as const;

/** The reason that refuses LL_CONNECTION_PARAM_REQ (Core Vol 1 Part F). */
const UNACCEPTABLE_PARAMETERS = 0x3b;

/** Signalling commands (4). */
const Signal = { REJECT: 0x01, PARAMETERS_REQ: 0x12, PARAMETERS_RSP: 0x13 } as const;

export interface PhoneOptions extends CentralOptions {
  /** ATT_MTU that it offers when it has connected; 23 or less: it does not ask. Default 185. */
  mtu?: number;
  /** What it does about pairing; `phone.pairing` may be changed at any time. */
  pairing?: Partial<Pairing>;
  /** Its identity resolving key, 16 octets, least significant first; default drawn from the air's seed. */
  irk?: Uint8Array;
  /** True: each connection is made from a new resolvable private address. Default false. */
  privacy?: boolean;
}

/** A key to encrypt with: least significant octet first. */
export interface EncryptionKey {
  ltk: ArrayLike<number>;
  rand?: ArrayLike<number>;
  ediv?: number;
}

/** What passed between the phone and the peripheral. */
export interface Traced {
  /** ms of virtual time */
  readonly time: number;
  /** True for what the phone sent. */
  readonly sent: boolean;
  /** Channel: 4 ATT, 5 signalling, 6 SMP. */
  readonly cid: number;
  readonly bytes: Uint8Array;
}

export interface ConnectOptions extends Wanted {
  /** ms after which it gives up; default 10 000. */
  timeout?: number;
}

export interface SubscribeOptions {
  /** True: indications; false: notifications. Default: notifications where the characteristic has them. */
  indicate?: boolean;
}

/** Takes a notified or indicated value. */
export type OnValue = (value: Uint8Array, indication: boolean) => void;

/** Each operation with a callback last, which an event of the virtual clock calls: `phone.start`. */
export interface PhoneStart {
  connect(wanted: ConnectOptions | string, done?: Done<void>): void;
  /** The value is the reason why the connection ended: 0x16. */
  disconnect(done?: Done<number>): void;
  discover(done: Done<PhoneService[]>): void;
  read(target: Target, done: Done<Uint8Array>): void;
  write(target: Target, value: Value, done?: Done<void>): void;
  send(target: Target, value: Value, done?: Done<void>): void;
  subscribe(target: Target, callback: OnValue, done?: Done<void>): void;
  subscribe(target: Target, callback: OnValue, options: SubscribeOptions, done?: Done<void>): void;
  unsubscribe(target: Target, done?: Done<void>): void;
  request(pdu: Value, done: Done<Uint8Array>): void;
  sendSigned(target: Target, value: Value, done?: Done<void>): void;
  pair(done?: Done<Paired>): void;
  pair(options: Partial<Pairing>, done?: Done<Paired>): void;
  encrypt(done?: Done<void>): void;
}

/**
 * A phone on the virtual air: a GATT client and the initiator of pairing, written from the specification. Each of its operations exists twice: `phone.read(x)` lets the
 * clock run until it is done, and returns or throws; `phone.start.read(x, done)` returns at once, and `done(error, value)` is called while
 * something else runs the clock.
 */
export class Phone {
  readonly air: Air;
  /** Operations with callbacks. They wait for each other, but for `disconnect`, `pair` and `encrypt`. */
  readonly start: PhoneStart;
  /** Its link layer; a new one for each connection. */
  central: Central;
  /** Most milliseconds of virtual time that an operation without callback may take. */
  limit = 180_000;
  /** Why the last connection ended; null before. */
  reason: number | null = null;
  /** L2CAP payloads of both directions, oldest first. */
  readonly trace: Traced[] = [];
  /** What the peripheral did against the specification, in words; empty is what a test wants. */
  readonly violations: string[] = [];
  /** What it and its user do about pairing. */
  readonly pairing: Pairing;
  /** The Security Manager: hooks to lie, the keys of the last pairing. */
  readonly smp: PhoneSmp;
  /** Its bonds, oldest first; to be inspected, changed and copied to another phone. */
  readonly bonds: PhoneBond[] = [];
  /** Its address without privacy: the identity that it gives when it bonds. */
  readonly identity: DeviceAddress;
  /** Its identity resolving key, least significant octet first. */
  readonly irk: Uint8Array;
  /** Called when a pairing has succeeded, or has failed, whoever wanted it; or when the key of a bond was refused. */
  onpaired: (result: Paired) => void = () => {};
  onpairingfailed: (error: PhoneError) => void = () => {};
  /** Called with each notification and indication, subscribed to or not. */
  onnotify: (handle: number, value: Uint8Array, indication: boolean) => void = () => {};
  /** Called when a connection has ended. */
  ondisconnected: (reason: number) => void = () => {};
  /** Asked when the peripheral wants other parameters, in units of HCI, on either layer: false refuses. */
  onparameters: (request: { min: number; max: number; latency: number; timeout: number }) => boolean = () => true;

  private readonly _options: PhoneOptions;
  private readonly _random: Random;
  private _bearer: AttBearer | null = null;
  private _client: GattClient | null = null;
  private readonly _queue: (() => void)[] = [];
  private _occupied = false;
  private _connecting: ((error: Error | null) => void) | null = null;
  private _leaving: Done<number>[] = [];

  constructor(air: Air, options: PhoneOptions = {}) {
    this.air = air;
    this._options = { name: "phone", ...options };
    this._random = air.random.split();
    this.irk = options.irk ?? this._draw(16);
    this.pairing = { ...DEFAULT_PAIRING, ...options.pairing };
    this.central = this._makeCentral();
    this.identity = this.central.address;
    this.start = this._makeStart();
    this.smp = this._makeSmp();
  }

  get connected(): boolean {
    return this.central.connected && this._bearer !== null;
  }

  get encrypted(): boolean {
    return this.central.encrypted;
  }

  /** ATT_MTU of the connection. */
  get mtu(): number {
    return this._bearer?.mtu ?? DEFAULT_MTU;
  }

  /** What the last discovery on this connection found; null before, and after Service Changed. */
  get services(): PhoneService[] | null {
    return this._client?.services ?? null;
  }

  /** False: indications are not confirmed until `confirm()`. */
  get confirming(): boolean {
    return this._live().bearer.confirming;
  }
  set confirming(on: boolean) {
    this._live().bearer.confirming = on;
  }

  confirm(): void {
    this._live().bearer.confirm();
  }

  /** Finds a peripheral, connects, and exchanges the MTU. A string is an address. */
  connect(wanted: ConnectOptions | string = {}): void {
    this._wait<void>("connect", (done) => this.start.connect(wanted, done));
  }

  /** Ends the connection and returns the reason, 0x16. */
  disconnect(): number {
    return this._wait<number>("disconnect", (done) => this.start.disconnect(done));
  }

  /** Goes away without a word. */
  vanish(): void {
    this.central.vanish();
    this._ended(Status.CONNECTION_TIMEOUT);
  }

  /** All primary services with their characteristics and descriptors. */
  discover(): PhoneService[] {
    return this._wait<PhoneService[]>("discover", (done) => this.start.discover(done));
  }

  /** A whole value, however long. */
  read(target: Target): Uint8Array {
    return this._wait<Uint8Array>("read", (done) => this.start.read(target, done));
  }

  /** Writes with response, in prepared parts where the value is longer than one request. */
  write(target: Target, value: Value): void {
    this._wait<void>("write", (done) => this.start.write(target, value, done));
  }

  /** Write Command; returns when it has been queued. */
  send(target: Target, value: Value): void {
    this._wait<void>("send", (done) => this.start.send(target, value, done));
  }

  /** Writes the CCCD; `callback` takes each value from then on. */
  subscribe(target: Target, callback: OnValue, options: SubscribeOptions = {}): void {
    this._wait<void>("subscribe", (done) => this.start.subscribe(target, callback, options, done));
  }

  unsubscribe(target: Target): void {
    this._wait<void>("unsubscribe", (done) => this.start.unsubscribe(target, done));
  }

  /**
   * Sends any ATT request and returns the response, which may be an Error Response.
   * @param limit ms after which "timeout" is thrown, without harm to the bearer; default: 30 s, and the bearer is dead
   */
  request(pdu: Value, limit?: number): Uint8Array {
    return this._wait<Uint8Array>("request", (done) => this._enqueue(() => this._request(pdu, limit), done));
  }

  /** Signed Write Command (Core Vol 3 Part C 10.4), with the CSRK that the phone gave when it bonded. */
  sendSigned(target: Target, value: Value): void {
    this._wait<void>("sendSigned", (done) => this.start.sendSigned(target, value, done));
  }

  /** Pairs, whether or not it has a bond; `options` go before those of `phone.pairing`, for this once. */
  pair(options: Partial<Pairing> = {}): Paired {
    return this._wait<Paired>("pair", (done) => this.start.pair(options, done));
  }

  /** Encrypts with the key of the bond, or with any; on an encrypted link: refreshes the key. */
  encrypt(key?: EncryptionKey): void {
    this._wait<void>("encrypt", (done) => run(this.smp.encrypt(key), done));
  }

  /** The bond with the connected peripheral; null if there is none. */
  get bond(): PhoneBond | null {
    return this.smp.bond;
  }

  /** What the last pairing has drawn and derived. */
  get keys(): PairingKeys {
    return this.smp.keys;
  }

  /** Lets the clock run; for what comes by itself. */
  run(ms: number): void {
    this.air.clock.run(ms);
  }

  private _wait<T>(what: string, begin: (done: Done<T>) => void): T {
    const { clock } = this.air;
    // Inside an event this throws before anything has been sent.
    clock.until(() => true, 0);
    let outcome: { error: PhoneError | null; value: T } | null = null;
    begin((error, value) => (outcome = { error, value }));
    if (!clock.until(() => outcome !== null, this.limit)) throw new PhoneError("timeout", `${what} is not done after ${this.limit} ms`);
    const { error, value } = outcome!;
    if (error !== null) {
      // The trace of where the caller stands says more than that of an event.
      if (error instanceof PhoneError) error.stack = `${error.name} [${error.code}]: ${error.message}${new Error().stack!.slice("Error".length)}`;
      throw error;
    }
    return value;
  }

  private _makeStart(): PhoneStart {
    const ignore = (): void => {};
    const client = (): GattClient => this._live().client;
    const enqueue = this._enqueue.bind(this);
    return {
      connect: (wanted, done = ignore) => enqueue(() => this._connect(typeof wanted === "string" ? { address: wanted } : wanted), done),
      disconnect: (done = ignore) => this._disconnect(done),
      discover: (done) => enqueue(() => client().discover(), done),
      read: (target, done) => enqueue(() => client().read(target), done),
      write: (target, value, done = ignore) => enqueue(() => client().write(target, value), done),
      send: (target, value, done = ignore) => enqueue(() => client().send(target, value), done),
      subscribe: (target: Target, callback: OnValue, options?: SubscribeOptions | Done<void>, done?: Done<void>) => {
        const { indicate }: SubscribeOptions = typeof options === "object" ? options : {};
        const then = typeof options === "function" ? options : (done ?? ignore);
        enqueue(() => client().subscribe(target, callback, indicate), then);
      },
      unsubscribe: (target, done = ignore) => enqueue(() => client().unsubscribe(target), done),
      request: (pdu, done) => enqueue(() => this._request(pdu), done),
      sendSigned: (target, value, done = ignore) => enqueue(() => this._sendSigned(target, value), done),
      pair: (options?: Partial<Pairing> | Done<Paired>, done?: Done<Paired>) => {
        if (typeof options === "function") this.smp.pair({}, options);
        else this.smp.pair(options ?? {}, done ?? ignore);
      },
      encrypt: (done = ignore) => run(this.smp.encrypt(), done),
    };
  }

  /** One operation after the other: the parts of a long value do not mix with another's requests. */
  private _enqueue<T>(begin: () => Task<T>, done: Done<T>): void {
    this._queue.push(() => {
      let task: Task<T>;
      const finish: Done<T> = (error, value) => {
        this._occupied = false;
        try {
          done(error, value);
        } finally {
          this._next();
        }
      };
      try {
        task = begin();
      } catch (error) {
        finish(error as PhoneError, undefined as T);
        return;
      }
      run(task, finish);
    });
    this._next();
  }

  private _next(): void {
    if (this._occupied || this._queue.length === 0) return;
    this._occupied = true;
    this._queue.shift()!();
  }

  private *_request(pdu: Value, limit?: number): Task<Uint8Array> {
    return yield* wait<Uint8Array>(this._live().bearer.request(octets(pdu), limit));
  }

  private *_sendSigned(target: Target, given: Value): Task<void> {
    const { bearer, client } = this._live();
    const { bond } = this;
    if (bond === null || bond.own.csrk === null) throw new PhoneError("missing", "there is no bond with a signature key for this peripheral");
    const handle = typeof target === "number" ? target : (yield* client.find(target)).handle;
    const pdu = Uint8Array.of(Att.SIGNED_COMMAND, ...le16(handle), ...octets(given));
    bearer.command(Uint8Array.of(...pdu, ...signature(bond.own.csrk, pdu, bond.signcounter++)));
  }

  private _live(): { bearer: AttBearer; client: GattClient } {
    if (!this.connected) throw new PhoneError("disconnected", "there is no connection", { reason: this.reason ?? undefined });
    return { bearer: this._bearer!, client: this._client! };
  }

  private *_connect(wanted: ConnectOptions): Task<void> {
    if (this.central.connected || this.central.connecting) throw new PhoneError("busy", "connect: there is a connection already");
    const { clock } = this.air;
    const until = clock.now + (wanted.timeout ?? 10_000);
    this.central = this._makeCentral();
    const peer = yield* this._find(wanted, until - clock.now);
    yield* this._connectTo(peer, Math.max(until - clock.now, 1));
    if (this._live().bearer.offered > DEFAULT_MTU) yield* this._live().client.exchangeMtu();
  }

  private *_find(wanted: ConnectOptions, limit: number): Task<DeviceAddress> {
    const { address, addresstype } = wanted;
    const key = address === undefined ? null : deviceAddress(address);
    const hidden = this.bonds.some(({ irk, address: identity }) => irk !== null && key !== null && addressKey({ ...identity, random: 0 }) === addressKey(key));
    if (key !== null && addresstype !== undefined && !hidden) return { bytes: key.bytes, random: addresstype };
    const isWanted = (candidate: DeviceAddress): boolean =>
      (addresstype === undefined || candidate.random === addresstype) && (key === null || addressKey({ bytes: candidate.bytes, random: 0 }) === addressKey(key));
    // Whoever uses a private address of a bonded peripheral is that peripheral.
    const accepts = (candidate: DeviceAddress): boolean =>
      isWanted(candidate) || this.bonds.some((bond) => isWanted(bond.address) && belongs(candidate, bond));
    return yield* wait<DeviceAddress>((resume) => {
      let timer: Handle;
      const scanner = new PhoneScanner(this.air, this.central.name, this.central.address, wanted, accepts, (found) => {
        this.air.clock.cancel(timer);
        this._connecting = null;
        resume(null, found);
      });
      timer = this.air.clock.after(limit, () => {
        scanner.stop();
        this._connecting = null;
        const what = [wanted.address, wanted.name, wanted.service].filter((text) => text !== undefined).join(", ");
        resume(new PhoneError("timeout", `no connectable advertiser "${what}" in ${limit} ms`));
      });
      this._connecting = (error) => {
        scanner.stop();
        this.air.clock.cancel(timer);
        resume(error);
      };
    });
  }

  private *_connectTo(peer: DeviceAddress, timeout: number): Task<void> {
    const { central } = this;
    const digits = Array.from(peer.bytes, hexOctet).reverse().join("");
    yield* wait<void>((resume) => {
      this._connecting = resume;
      central.onconnected = () => {
        this._connecting = null;
        this._begun();
        resume(null);
      };
      central.connect(digits, peer.random, { timeout });
    });
  }

  /** A link has been established. */
  private _begun(): void {
    const { central } = this;
    const bearer = new AttBearer(this.air.clock, Math.max(DEFAULT_MTU, this._options.mtu ?? 185), (pdu) => this._write(Cid.ATT, pdu), this._violated);
    const client = new GattClient(bearer, (error) => this._recover(error));
    bearer.onvalue = (handle, value, indication) => {
      client.deliver(handle, value, indication);
      this.onnotify(handle, value, indication);
    };
    this._bearer = bearer;
    this._client = client;
    central.onframe = (cid, payload) => {
      this.trace.push({ time: this.air.clock.now, sent: false, cid, bytes: payload });
      if (cid === Cid.ATT) bearer.take(payload);
      else if (cid === Cid.SIGNALLING) this._takeSignal(payload);
      else if (cid === Cid.SMP) this.smp.take(payload);
    };
    central.onencrypted = (status) => this.smp.encrypted(status);
  }

  private _disconnect(done: Done<number>): void {
    const { central } = this;
    if (central.connecting || this._connecting !== null) {
      central.cancel();
      const resume = this._connecting;
      this._connecting = null;
      this.reason = Status.TERMINATED_BY_LOCAL_HOST;
      resume?.(new PhoneError("disconnected", "the phone gave up connecting", { reason: this.reason }));
      done(null, this.reason);
    } else if (central.connected) {
      this._leaving.push(done);
      central.disconnect();
    } else {
      done(new PhoneError("disconnected", "there is no connection"), undefined as never);
    }
  }

  private _ended(reason: number): void {
    const was = this._bearer;
    const resume = this._connecting;
    const leaving = this._leaving;
    const text = `the connection has ended: 0x${reason.toString(16).padStart(2, "0")}`;
    const timedout = reason === Status.UNKNOWN_CONNECTION_IDENTIFIER;
    const error = timedout ? new PhoneError("timeout", "the peripheral no longer advertises") : new PhoneError("disconnected", text, { reason });
    this._bearer = this._client = this._connecting = null;
    this._leaving = [];
    this.reason = reason;
    was?.close(error);
    this.smp.closed(error);
    resume?.(error);
    for (const done of leaving) done(null, reason);
    if (was !== null) this.ondisconnected(reason);
  }

  /** A refused request is worth another try once the link is secured. */
  private *_recover(error: PhoneError): Task<boolean> {
    const { INSUFFICIENT_AUTHENTICATION, INSUFFICIENT_ENCRYPTION } = AttError;
    if (!this.pairing.onerror || (error.att !== INSUFFICIENT_AUTHENTICATION && error.att !== INSUFFICIENT_ENCRYPTION)) return false;
    if (this.pairing.delay > 0) yield* wait<void>((resume) => void this.air.clock.after(this.pairing.delay, () => resume(null)));
    // Encrypted and not enough: the bond is not good enough.
    if (this.encrypted) yield* wait<Paired>((resume) => this.smp.pair({}, resume));
    else yield* this.smp.secure(false);
    return true;
  }

  private _write(cid: number, payload: Uint8Array): void {
    this.trace.push({ time: this.air.clock.now, sent: true, cid, bytes: payload.slice() });
    this.central.send(cid, payload);
  }

  private readonly _violated = (text: string): void => {
    this.violations.push(text);
  };

  /** The signalling channel: a peripheral may ask for connection parameters, and for nothing else. */
  private _takeSignal(pdu: Uint8Array): void {
    if (pdu.length < 4 || pdu.length !== 4 + u16(pdu, 2)) {
      this._violated(`a signalling packet of ${pdu.length} octets whose length does not fit`);
      return;
    }
    const [code, identifier] = pdu;
    if (code === Signal.PARAMETERS_REQ && pdu.length === 12) {
      const request = { min: u16(pdu, 4), max: u16(pdu, 6), latency: u16(pdu, 8), timeout: u16(pdu, 10) };
      const refused = !legalParameters(request) || !this.onparameters(request);
      this._write(Cid.SIGNALLING, Uint8Array.of(Signal.PARAMETERS_RSP, identifier, ...le16(2), ...le16(refused ? 1 : 0)));
      if (refused) return;
      const { max, latency, timeout } = request;
      this.central.update({ interval: max * INTERVAL_UNIT, latency, timeout: timeout * TIMEOUT_UNIT });
    } else if (code !== Signal.REJECT) {
      this._write(Cid.SIGNALLING, Uint8Array.of(Signal.REJECT, identifier, ...le16(2), ...le16(0)));
    }
  }

  private _draw(length: number): Uint8Array {
    const drawn = new Uint8Array(length);
    this._random.fill(drawn);
    return drawn;
  }

  private _makeSmp(): PhoneSmp {
    const phone = this;
    const { air, identity, irk, bonds } = this;
    const host = {
      clock: air.clock,
      random: this._random,
      get central() {
        return phone.central;
      },
      identity,
      irk,
      bonds,
      write: (pdu: Uint8Array) => this._write(Cid.SMP, pdu),
      violated: this._violated,
      paired: (result: Paired) => this.onpaired(result),
      pairingfailed: (error: PhoneError) => this.onpairingfailed(error),
    };
    return new PhoneSmp(host, () => this.pairing);
  }

  private _makeCentral(): Central {
    const split = this.central?.split ?? this._options.split;
    const hidden = this._options.privacy && this.central !== undefined ? privateAddress(this.irk, this._random) : null;
    const own = hidden === null ? {} : { address: Array.from(hidden.bytes, hexOctet).reverse().join(""), random: 1 as const };
    const central = new Central(this.air, { ...this._options, ...own, split });
    central.ondisconnected = (reason) => {
      // A central that has been replaced is none of the phone's business.
      if (central === this.central) this._ended(reason);
    };
    central.onparameterrequest = (request) => (this.onparameters(request) ? undefined : UNACCEPTABLE_PARAMETERS);
    return central;
  }
}

function hexOctet(octet: number): string {
  return octet.toString(16).padStart(2, "0");
}
