import { le16, u16 } from "./bytes.js";
import type { Central } from "./central.js";
import type { Handle, VirtualClock } from "./clock.js";
import { sameAddress, type DeviceAddress } from "./pdu.js";
import { ah, c1, cmac, DEBUG_PRIVATE_KEY, equal, f4, f5, f6, g2, join, keyPair, reversed, s1, sharedSecret } from "./phonecrypto.js";
import { PhoneError, run, wait, type Done, type Task, type Wait } from "./phonetask.js";
import type { Random } from "./random.js";

/** Codes of the Security Manager Protocol (Core Vol 3 Part H 3.3). */
export const Smp = {
  PAIRING_REQ: 0x01,
  PAIRING_RSP: 0x02,
  CONFIRM: 0x03,
  RANDOM: 0x04,
  FAILED: 0x05,
  ENCRYPTION_INFORMATION: 0x06,
  CENTRAL_IDENTIFICATION: 0x07,
  IDENTITY_INFORMATION: 0x08,
  IDENTITY_ADDRESS: 0x09,
  SIGNING_INFORMATION: 0x0a,
  SECURITY_REQ: 0x0b,
  PUBLIC_KEY: 0x0c,
  DHKEY_CHECK: 0x0d,
  KEYPRESS: 0x0e,
} as const;

/** Reasons of Pairing Failed (3.5.5). */
export const SmpReason = {
  PASSKEY_ENTRY_FAILED: 0x01,
  OOB_NOT_AVAILABLE: 0x02,
  AUTHENTICATION_REQUIREMENTS: 0x03,
  CONFIRM_VALUE_FAILED: 0x04,
  NOT_SUPPORTED: 0x05,
  KEY_SIZE: 0x06,
  COMMAND_NOT_SUPPORTED: 0x07,
  UNSPECIFIED: 0x08,
  REPEATED_ATTEMPTS: 0x09,
  INVALID_PARAMETERS: 0x0a,
  DHKEY_CHECK_FAILED: 0x0b,
  NUMERIC_COMPARISON_FAILED: 0x0c,
} as const;

/** Octets of each PDU, its code included. */
const LENGTHS: readonly number[] = [0, 7, 7, 17, 17, 2, 17, 11, 17, 8, 17, 2, 65, 17, 2];

/** IO capabilities by their code (3.5.1). */
const IO = ["DisplayOnly", "DisplayYesNo", "KeyboardOnly", "NoInputNoOutput", "KeyboardDisplay"] as const;
export type IoCapability = (typeof IO)[number];

/** AuthReq bits. */
const BONDING = 0x01;
const MITM = 0x04;
const SC = 0x08;

/** Key distribution bits (3.6.1). */
export const Keys = { ENCRYPTION: 1, IDENTITY: 2, SIGNING: 4, LINK: 8 } as const;

/** Silence that ends a pairing (3.4), ms. */
const PAIRING_TIMEOUT = 30_000;
const PASSKEY_BITS = 20;
const ZERO = new Uint8Array(16);

/** How a pairing is authenticated. "show": the phone shows the passkey; "type": the phone's user types it. */
export type PairingMethod = "just works" | "show" | "type" | "compare" | "oob";

/** Out of band data, least significant octet first. */
export interface OobData {
  /** Legacy pairing: the temporary key, 16 octets. */
  tk?: ArrayLike<number>;
  /** Secure Connections: what the phone was given by the peripheral. */
  peer?: { confirm: ArrayLike<number>; random: ArrayLike<number> };
}

/** What the phone and its user do about pairing. */
export interface Pairing {
  /** Default KeyboardDisplay. */
  io: IoCapability;
  /** The MITM bit; default true. */
  mitm: boolean;
  /** Default true. */
  bonding: boolean;
  /** Secure Connections is offered; default true. */
  sc: boolean;
  /** Greatest encryption key size that it offers, and the least that it takes; default 16 and 7. */
  keysize: number;
  least: number;
  /** What it offers to give and asks for: bits of `Keys`; default encryption and identity both ways, and none without bonding. */
  keysDistribution: { initiator?: number; responder?: number };
  /** The passkey that its user types, or that it shows (default: a random one); null or undefined while typing: the user gives up. */
  passkey: number | null | undefined | (() => number | null | undefined);
  /** Told the passkey that the phone shows. */
  display: (passkey: number) => void;
  /** Asked whether the six digits of numeric comparison are the same; default yes. */
  confirm: (number: number) => boolean;
  oob: OobData | null;
  /** True: it does not put up with Just Works when it has asked for MITM protection; default false. */
  strict: boolean;
  /** What a Security Request leads to; default "pair". */
  request: "pair" | "ignore";
  /** True: ATT errors 0x05 and 0x0F lead to pairing, and the request is sent again; default true. */
  onerror: boolean;
  /** ms that its user takes to agree to a pairing that the peripheral wants; default 0. */
  delay: number;
  /** ms that its user takes to type a passkey or to compare; default 0. */
  userdelay: number;
  /** True: when the peripheral has lost the key of a bond, it pairs anew; default false: the error stands. */
  renew: boolean;
}

export const DEFAULT_PAIRING: Pairing = {
  io: "KeyboardDisplay",
  mitm: true,
  bonding: true,
  sc: true,
  keysize: 16,
  least: 7,
  keysDistribution: {},
  passkey: undefined,
  display: () => {},
  confirm: () => true,
  oob: null,
  strict: false,
  request: "pair",
  onerror: true,
  delay: 0,
  userdelay: 0,
  renew: false,
};

/** What came of a pairing. */
export interface Paired {
  /** Of LE security mode 1: 2 unauthenticated, 3 authenticated, 4 authenticated Secure Connections with a key of 16 octets. */
  readonly level: 2 | 3 | 4;
  readonly sc: boolean;
  readonly mitm: boolean;
  readonly method: PairingMethod;
  readonly keysize: number;
  /** The key for the next time, least significant octet first: of Secure Connections, or the one that the peripheral gave; null if none. */
  readonly ltk: Uint8Array | null;
  readonly bonded: boolean;
}

/** A stored bond; keys are least significant octet first. */
export interface PhoneBond {
  /** The peripheral's identity address, or the one it had on the air. */
  address: DeviceAddress;
  sc: boolean;
  mitm: boolean;
  keysize: number;
  /** With Secure Connections `ediv` and `rand` are zero. */
  ltk: Uint8Array | null;
  ediv: number;
  rand: Uint8Array;
  irk: Uint8Array | null;
  csrk: Uint8Array | null;
  /** What the phone gave. */
  own: { ltk: Uint8Array | null; ediv: number; rand: Uint8Array; irk: Uint8Array | null; csrk: Uint8Array | null };
  /** SignCounter of its next signed write. */
  signcounter: number;
}

/** Everything that the last pairing has drawn, received or derived, as far as it came; least significant octet first. */
export interface PairingKeys {
  preq?: Uint8Array;
  pres?: Uint8Array;
  method?: PairingMethod;
  /** The passkey, or the number that was compared. */
  passkey?: number;
  number?: number;
  tk?: Uint8Array;
  stk?: Uint8Array;
  /** X, then Y. */
  publicKey?: Uint8Array;
  peerPublicKey?: Uint8Array;
  dhkey?: Uint8Array;
  /** Nonces; with a passkey those of the last round. */
  na?: Uint8Array;
  nb?: Uint8Array;
  mackey?: Uint8Array;
  ltk?: Uint8Array;
}

/** Where the phone departs from the specification; least significant octet first. */
export interface Lies {
  /** The public key that it sends, 64 octets: X, Y. It has no DHKey then, unless `dhkey` says so: it takes zeros. */
  publicKey?: ArrayLike<number>;
  /** Its private key, most significant octet first; "debug": the one of the specification. */
  privateKey?: ArrayLike<number> | "debug";
  /** It sends the public key that the peripheral used last time; "negated": with the other Y. */
  reflect?: boolean | "negated";
  dhkey?: ArrayLike<number>;
  /** Its nonces Na or Mrand, in place of random ones. */
  nonce?: (round: number) => ArrayLike<number>;
  /** Given the right confirm value Ca or Mconfirm, and the round, the one that it sends. */
  confirm?: (right: Uint8Array, round: number) => ArrayLike<number>;
  /** Given the right Ea, the one that it sends. */
  check?: (right: Uint8Array) => ArrayLike<number>;
  /** True: it goes on though the peripheral's confirm or check value is wrong. */
  unchecked?: boolean;
}

/** What the Security Manager needs of its phone. */
export interface SmpPhone {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly central: Central;
  /** Its identity. */
  readonly identity: DeviceAddress;
  readonly irk: Uint8Array;
  readonly bonds: PhoneBond[];
  write(pdu: Uint8Array): void;
  violated(text: string): void;
  paired(result: Paired): void;
  pairingfailed(error: PhoneError): void;
}

/** What one pairing goes by. */
interface Session {
  readonly options: Pairing;
  readonly preq: Uint8Array;
  readonly pres: Uint8Array;
  readonly method: PairingMethod;
  readonly keysize: number;
}

/** The Security Manager of a central: the initiator of pairing (Core Vol 3 Part H). */
export class PhoneSmp {
  /** Asked about each PDU before it is sent: another one, several, or null for none. The phone reckons with its own. */
  onsend: (pdu: Uint8Array) => Uint8Array | Uint8Array[] | null | void = () => {};
  /** Asked about each PDU that has come: another one, or null: it is not seen. */
  onreceive: (pdu: Uint8Array) => Uint8Array | null | void = () => {};
  lies: Lies = {};
  /** What the last pairing has drawn and derived. */
  keys: PairingKeys = {};
  /** Types of the keypress notifications of the present pairing. */
  keypresses: number[] = [];

  private readonly _phone: SmpPhone;
  private readonly _pairing: () => Pairing;
  /** Those who wait for the pairing under way; null: there is none. */
  private _waiters: Done<Paired>[] | null = null;
  private _inbox: Uint8Array[] = [];
  /** What the pairing waits for now. */
  private _resume: ((error: Error | null, value?: unknown) => void) | null = null;
  private _receiving = false;
  private _timer: Handle | null = null;
  private _asked: Handle | null = null;
  private _encrypting: ((error: Error | null) => void)[] = [];
  /** A pairing has timed out on this connection: no SMP any more. */
  private _dead = false;
  private _peerkey: Uint8Array | null = null;
  /** Made ahead for out of band data: the key pair and the random value. */
  private _oob: { privatekey: Uint8Array; random: Uint8Array } | null = null;

  constructor(phone: SmpPhone, pairing: () => Pairing) {
    this._phone = phone;
    this._pairing = pairing;
  }

  /** True while a pairing is under way. */
  get pairing(): boolean {
    return this._waiters !== null;
  }

  /** Sends any SMP PDU, past `onsend`. */
  send(raw: ArrayLike<number>): void {
    this._phone.write(Uint8Array.from(raw));
  }

  /** Out of band data of Secure Connections for the peripheral; the next pairing uses the same key pair. */
  oobdata(): { confirm: Uint8Array; random: Uint8Array } {
    const privatekey = this._drawPrivateKey();
    const random = this._draw(16);
    this._oob = { privatekey, random };
    const { x } = keyPair(privatekey)!;
    return { confirm: reversed(f4(x, x, reversed(random), 0)), random };
  }

  /** The bond with the peripheral at the other end. */
  get bond(): PhoneBond | null {
    const peer = this._phone.central.end?.peer;
    return peer === undefined ? null : (this._phone.bonds.find((bond) => belongs(peer, bond)) ?? null);
  }

  /** Pairs, or waits for the pairing that is under way. */
  pair(more: Partial<Pairing>, done: Done<Paired>): void {
    if (this._waiters !== null) {
      this._waiters.push(done);
      return;
    }
    if (!this._phone.central.connected) return done(new PhoneError("disconnected", "there is no connection"), undefined as never);
    if (this._dead) return done(new PhoneError("timeout", "a pairing has timed out on this connection"), undefined as never);
    this._waiters = [done];
    this._inbox = [];
    this._forgetRequest();
    this.keys = {};
    this.keypresses = [];
    run(this._pair({ ...this._pairing(), ...more }), (error, result) => {
      const waiters = this._waiters!;
      this._waiters = null;
      this._oob = null;
      this._stopTimer();
      if (error === null) this._phone.paired(result);
      else this._phone.pairingfailed(error);
      for (const waiter of waiters) waiter(error, result);
    });
  }

  /** Encrypts with a key, or with that of the bond. */
  *encrypt(key?: { ltk: ArrayLike<number>; rand?: ArrayLike<number>; ediv?: number }): Task<void> {
    const { central } = this._phone;
    if (!central.connected) throw new PhoneError("disconnected", "there is no connection");
    const { bond } = this;
    if (key === undefined && (bond === null || bond.ltk === null)) throw new PhoneError("missing", "there is no bond with a key for this peripheral");
    const { ltk, rand, ediv } = key ?? { ...bond!, ltk: bond!.ltk! };
    yield* wait<void>((resume) => {
      this._encrypting.push(resume);
      central.encrypt(ltk, rand, ediv);
    });
  }

  /** Secures the link as a peripheral wants it: with the bond if that is good enough, else by pairing. */
  *secure(mitm: boolean): Task<void> {
    const { bond } = this;
    if (this._waiters === null && bond !== null && bond.ltk !== null && (bond.mitm || !mitm)) {
      try {
        yield* this.encrypt();
        return;
      } catch (error) {
        if ((error as PhoneError).code !== "encryption" || !this._pairing().renew) throw error;
        this._phone.bonds.splice(this._phone.bonds.indexOf(bond), 1);
      }
    }
    yield* wait<Paired>((resume) => this.pair({}, resume));
  }

  /** The link has been encrypted, or not. */
  encrypted(status: number): void {
    const error = status === 0 ? null : new PhoneError("encryption", `encryption has failed: 0x${status.toString(16).padStart(2, "0")}`, { status });
    this._encrypting.shift()?.(error);
  }

  /** The connection has ended. */
  closed(error: PhoneError): void {
    this._forgetRequest();
    this._stopTimer();
    this._dead = false;
    const encrypting = this._encrypting;
    this._encrypting = [];
    for (const resume of encrypting) resume(error);
    this._abort(error);
  }

  take(received: Uint8Array): void {
    const replaced = this.onreceive(received);
    if (replaced === null) return;
    const pdu = replaced ?? received;
    const code = pdu[0];
    if (!(code >= 1 && code < LENGTHS.length) || pdu.length !== LENGTHS[code]) {
      this._phone.violated(`an SMP PDU of code ${code} and ${pdu.length} octets`);
      if (this._waiters !== null && code >= 1 && code < LENGTHS.length) this._abort(this._fail(SmpReason.INVALID_PARAMETERS, "a PDU of a wrong length"));
      return;
    }
    if (this._dead) {
      this._phone.violated("an SMP PDU after a pairing has timed out");
      return;
    }
    if (code === Smp.SECURITY_REQ) {
      this._takeSecurityRequest(pdu[1]);
      return;
    }
    if (code === Smp.PAIRING_REQ) this._phone.violated("a Pairing Request of a peripheral");
    if (this._waiters === null) return;
    this._startTimer();
    if (code === Smp.FAILED) {
      const text = `the peripheral refuses to pair: 0x${pdu[1].toString(16).padStart(2, "0")}`;
      this._abort(new PhoneError("smp", text, { smp: pdu[1], theirs: true }));
    } else if (code === Smp.KEYPRESS) {
      this.keypresses.push(pdu[1]);
    } else {
      this._inbox.push(pdu);
      this._deliver();
    }
  }

  private _takeSecurityRequest(authreq: number): void {
    const { request, delay } = this._pairing();
    // What crosses the Pairing Request on the air is answered by it.
    if (this._waiters !== null || this._asked !== null || request === "ignore") return;
    this._asked = this._phone.clock.after(delay, () => {
      this._asked = null;
      // A pairing tells of its failure by itself.
      run(this.secure((authreq & MITM) !== 0), (error) => {
        if (error !== null && error.code === "encryption") this._phone.pairingfailed(error);
      });
    });
  }

  private _forgetRequest(): void {
    if (this._asked !== null) this._phone.clock.cancel(this._asked);
    this._asked = null;
  }

  private *_pair(options: Pairing): Task<Paired> {
    const preq = this._request(options);
    this.keys.preq = preq;
    this._send(preq);
    const pres = yield* this._receive(Smp.PAIRING_RSP);
    this.keys.pres = pres;
    const [, io, oob, authreq, maxkey] = pres;
    const surplus = (pres[5] & ~preq[5]) | (pres[6] & ~preq[6]);
    if (io >= IO.length || oob > 1 || maxkey < 7 || maxkey > 16 || surplus !== 0) {
      this._phone.violated("a Pairing Response with values that it may not have");
      throw this._fail(SmpReason.INVALID_PARAMETERS, "invalid parameters in the Pairing Response");
    }
    const keysize = Math.min(options.keysize, maxkey);
    if (keysize < options.least) throw this._fail(SmpReason.KEY_SIZE, `the peripheral's keys have ${maxkey} octets at most`);
    const sc = (preq[3] & authreq & SC) !== 0;
    const method = chooseMethod(preq, pres, sc);
    this.keys.method = method;
    const mitm = method !== "just works";
    if (options.strict && options.mitm && !mitm) throw this._fail(SmpReason.AUTHENTICATION_REQUIREMENTS, "only Just Works is possible");
    const session = { options, preq, pres, method, keysize };
    const key = masked(sc ? yield* this._secureConnections(session) : yield* this._legacy(session), keysize);
    if (sc) this.keys.ltk = key;
    else this.keys.stk = key;
    yield* this._guard((resume) => {
      this._encrypting.push(resume);
      this._phone.central.encrypt(key);
    });
    const bond = yield* this._distribute(session, sc, mitm, sc ? key : null);
    const bonded = (preq[3] & authreq & BONDING) !== 0;
    if (bonded) this._store(bond);
    const level = !mitm ? 2 : sc && keysize === 16 ? 4 : 3;
    return { level, sc, mitm, method, keysize, ltk: bond.ltk, bonded };
  }

  private _request({ io, mitm, bonding, sc, keysize, keysDistribution, oob }: Pairing): Uint8Array {
    const authreq = (bonding ? BONDING : 0) | (mitm ? MITM : 0) | (sc ? SC : 0);
    const { initiator, responder } = { initiator: bonding ? 3 : 0, responder: bonding ? 3 : 0, ...keysDistribution };
    const hasoob = oob !== null && (sc ? oob.peer !== undefined : oob.tk !== undefined);
    return Uint8Array.of(Smp.PAIRING_REQ, IO.indexOf(io), hasoob ? 1 : 0, authreq, keysize, initiator, responder);
  }

  /** LE legacy pairing, phase 2 (2.3.5.2 to 2.3.5.5): the STK. */
  private *_legacy(session: Session): Task<Uint8Array> {
    const { options, method, preq, pres } = session;
    let tk: Uint8Array = ZERO;
    if (method === "oob") {
      if (options.oob?.tk === undefined) throw this._fail(SmpReason.OOB_NOT_AVAILABLE, "there is no temporary key");
      tk = Uint8Array.from(options.oob.tk);
    } else if (method !== "just works") {
      tk = Uint8Array.from(passkeyValue(yield* this._passkey(session)));
    }
    const { central } = this._phone;
    const peer = central.end!.peer;
    const confirm = (rand: Uint8Array): Uint8Array => {
      const own = reversed(central.address.bytes);
      return reversed(c1(reversed(tk), reversed(rand), reversed(preq), reversed(pres), central.address.random, own, peer.random, reversed(peer.bytes)));
    };
    const mrand = this._nonce(0);
    Object.assign(this.keys, { tk, na: mrand });
    this._sendConfirm(confirm(mrand), 0);
    const sconfirm = (yield* this._receive(Smp.CONFIRM)).slice(1);
    this._send(join([Smp.RANDOM], mrand));
    const srand = (yield* this._receive(Smp.RANDOM)).slice(1);
    this.keys.nb = srand;
    if (!equal(confirm(srand), sconfirm) && !this.lies.unchecked) throw this._fail(SmpReason.CONFIRM_VALUE_FAILED, "Sconfirm is wrong");
    return reversed(s1(reversed(tk), reversed(srand), reversed(mrand)));
  }

  /** Secure Connections, phase 2 (2.3.5.6): the LTK. */
  private *_secureConnections(session: Session): Task<Uint8Array> {
    const { method, options, preq, pres } = session;
    const own = this._ownKey();
    this._send(join([Smp.PUBLIC_KEY], reversed(own.x), reversed(own.y)));
    const wire = (yield* this._receive(Smp.PUBLIC_KEY)).slice(1);
    this._peerkey = wire;
    const peer = { x: reversed(wire.slice(0, 32)), y: reversed(wire.slice(32)) };
    const dhkey = this.lies.dhkey !== undefined ? reversed(this.lies.dhkey) : own.secret(peer.x, peer.y);
    Object.assign(this.keys, { publicKey: join(reversed(own.x), reversed(own.y)), peerPublicKey: wire });
    if (dhkey === null) throw this._fail(SmpReason.DHKEY_CHECK_FAILED, "the peripheral's public key is no point of the curve");
    const debug = this.lies.privateKey === "debug";
    const lying = this.lies.publicKey !== undefined || this.lies.reflect !== undefined;
    if (equal(peer.x, own.x) && !debug && !lying) throw this._fail(SmpReason.DHKEY_CHECK_FAILED, "the peripheral has sent the phone's own public key");

    // Phase 2, authentication stage 1; most significant octet first from here on.
    let na: Uint8Array = ZERO;
    let nb: Uint8Array = ZERO;
    let ra: Uint8Array = ZERO;
    let rb: Uint8Array = ZERO;
    const exchange = function* (this: PhoneSmp, round: number): Task<void> {
      na = reversed(this._nonce(round));
      this._send(join([Smp.RANDOM], reversed(na)));
      nb = reversed((yield* this._receive(Smp.RANDOM)).slice(1));
      Object.assign(this.keys, { na: reversed(na), nb: reversed(nb) });
    }.bind(this);
    if (method === "just works" || method === "compare") {
      const cb = (yield* this._receive(Smp.CONFIRM)).slice(1);
      yield* exchange(0);
      this._compare(cb, reversed(f4(peer.x, own.x, nb, 0)));
      if (method === "compare") {
        const number = (this.keys.number = g2(own.x, peer.x, na, nb) % 1_000_000);
        yield* this._sleep(options.userdelay);
        if (!options.confirm(number)) throw this._fail(SmpReason.NUMERIC_COMPARISON_FAILED, "the user says that the numbers differ");
      }
    } else if (method === "oob") {
      const given = options.oob?.peer;
      if (given !== undefined) {
        rb = reversed(given.random);
        this._compare(Uint8Array.from(given.confirm), reversed(f4(peer.x, peer.x, rb, 0)));
      }
      if (pres[2] === 1) ra = reversed(this._oob?.random ?? ZERO);
      yield* exchange(0);
    } else {
      const passkey = yield* this._passkey(session);
      ra = rb = reversed(passkeyValue(passkey));
      for (let round = 0; round < PASSKEY_BITS; round++) {
        const z = 0x80 | ((passkey >> round) & 1);
        na = reversed(this._nonce(round));
        this._sendConfirm(reversed(f4(own.x, peer.x, na, z)), round);
        const cb = (yield* this._receive(Smp.CONFIRM)).slice(1);
        this._send(join([Smp.RANDOM], reversed(na)));
        nb = reversed((yield* this._receive(Smp.RANDOM)).slice(1));
        Object.assign(this.keys, { na: reversed(na), nb: reversed(nb) });
        this._compare(cb, reversed(f4(peer.x, own.x, nb, z)));
      }
    }

    // Authentication stage 2: the keys, and that both have the same.
    const { central } = this._phone;
    const a = addressValue(central.address);
    const b = addressValue(central.end!.peer);
    const { mackey, ltk } = f5(dhkey, na, nb, a, b);
    Object.assign(this.keys, { dhkey: reversed(dhkey), mackey: reversed(mackey), ltk: reversed(ltk) });
    const ea = reversed(f6(mackey, na, nb, rb, reversed(preq.slice(1, 4)), a, b));
    this._send(join([Smp.DHKEY_CHECK], this.lies.check?.(ea) ?? ea));
    const eb = (yield* this._receive(Smp.DHKEY_CHECK)).slice(1);
    if (!equal(eb, reversed(f6(mackey, nb, na, ra, reversed(pres.slice(1, 4)), b, a))) && !this.lies.unchecked) {
      throw this._fail(SmpReason.DHKEY_CHECK_FAILED, "Eb is wrong");
    }
    return reversed(ltk);
  }

  /** Phase 3 (3.6.1): the peripheral's keys, then the phone's. */
  private *_distribute({ pres, keysize }: Session, sc: boolean, mitm: boolean, ltk: Uint8Array | null): Task<PhoneBond> {
    const peer = this._phone.central.end!.peer;
    const none = { ltk: null, ediv: 0, rand: new Uint8Array(8), irk: null, csrk: null };
    const bond: PhoneBond = { address: peer, sc, mitm, keysize, ...none, ltk, own: { ...none }, signcounter: 0 };
    // With Secure Connections both have the LTK already, and the bit means nothing.
    const [ours, theirs] = [pres[5], pres[6]].map((bits) => (sc ? bits & ~Keys.ENCRYPTION : bits));
    if (theirs & Keys.ENCRYPTION) {
      bond.ltk = (yield* this._receive(Smp.ENCRYPTION_INFORMATION)).slice(1);
      if (!equal(bond.ltk, masked(bond.ltk, keysize))) this._phone.violated(`an LTK of more than the ${keysize} octets agreed upon`);
      const identification = yield* this._receive(Smp.CENTRAL_IDENTIFICATION);
      bond.ediv = u16(identification, 1);
      bond.rand = identification.slice(3);
    }
    if (theirs & Keys.IDENTITY) {
      bond.irk = (yield* this._receive(Smp.IDENTITY_INFORMATION)).slice(1);
      const address = yield* this._receive(Smp.IDENTITY_ADDRESS);
      bond.address = { bytes: address.slice(2), random: address[1] === 0 ? 0 : 1 };
    }
    if (theirs & Keys.SIGNING) bond.csrk = (yield* this._receive(Smp.SIGNING_INFORMATION)).slice(1);

    const { own } = bond;
    if (ours & Keys.ENCRYPTION) {
      own.ltk = masked(this._draw(16), keysize);
      own.rand = this._draw(8);
      own.ediv = u16(this._draw(2), 0);
      this._send(join([Smp.ENCRYPTION_INFORMATION], own.ltk));
      this._send(join([Smp.CENTRAL_IDENTIFICATION], le16(own.ediv), own.rand));
    }
    if (ours & Keys.IDENTITY) {
      const { irk, identity } = this._phone;
      own.irk = irk;
      this._send(join([Smp.IDENTITY_INFORMATION], irk));
      this._send(join([Smp.IDENTITY_ADDRESS, identity.random], identity.bytes));
    }
    if (ours & Keys.SIGNING) {
      own.csrk = this._draw(16);
      this._send(join([Smp.SIGNING_INFORMATION], own.csrk));
    }
    return bond;
  }

  private _store(bond: PhoneBond): void {
    const { bonds, central } = this._phone;
    const peer = central.end!.peer;
    const old = bonds.findIndex((other) => belongs(peer, other) || sameAddress(other.address, bond.address));
    if (old >= 0) bonds.splice(old, 1);
    bonds.push(bond);
  }

  /** The passkey, shown or typed. */
  private *_passkey({ method, options }: Session): Task<number> {
    const { passkey: given, display, userdelay } = options;
    const value = (): number | null | undefined => (typeof given === "function" ? given() : given);
    if (method === "show") {
      const shown = value() ?? this._phone.random.below(1_000_000);
      this.keys.passkey = shown;
      display(shown);
      return shown;
    }
    yield* this._sleep(userdelay);
    const typed = value();
    if (typed === null || typed === undefined) throw this._fail(SmpReason.PASSKEY_ENTRY_FAILED, "the user types no passkey");
    return (this.keys.passkey = typed);
  }

  private _ownKey(): { x: Uint8Array; y: Uint8Array; secret: (x: Uint8Array, y: Uint8Array) => Uint8Array | null } {
    const { publicKey, privateKey, reflect } = this.lies;
    const wire = publicKey ?? (reflect === undefined || reflect === false ? null : this._peerkey);
    if (wire !== null) {
      const y = reversed(Array.from(wire).slice(32));
      return { x: reversed(Array.from(wire).slice(0, 32)), y: reflect === "negated" ? negated(y) : y, secret: () => new Uint8Array(32) };
    }
    const given = privateKey === "debug" ? DEBUG_PRIVATE_KEY : privateKey !== undefined ? Uint8Array.from(privateKey) : this._oob?.privatekey;
    const { ecdh, x, y } = keyPair(given ?? this._drawPrivateKey())!;
    return { x, y, secret: (px, py) => sharedSecret(ecdh, px, py) };
  }

  private _drawPrivateKey(): Uint8Array {
    for (;;) {
      const drawn = this._draw(32);
      if (keyPair(drawn) !== null) return drawn;
    }
  }

  private _nonce(round: number): Uint8Array {
    const given = this.lies.nonce?.(round);
    return given === undefined ? this._draw(16) : Uint8Array.from(given);
  }

  private _draw(length: number): Uint8Array {
    const drawn = new Uint8Array(length);
    this._phone.random.fill(drawn);
    return drawn;
  }

  private _sendConfirm(right: Uint8Array, round: number): void {
    this._send(join([Smp.CONFIRM], this.lies.confirm?.(right, round) ?? right));
  }

  private _compare(confirm: Uint8Array, right: Uint8Array): void {
    if (!equal(confirm, right) && !this.lies.unchecked) throw this._fail(SmpReason.CONFIRM_VALUE_FAILED, "the peripheral's confirm value is wrong");
  }

  private _send(pdu: Uint8Array): void {
    const given = this.onsend(pdu);
    this._startTimer();
    if (given === null) return;
    for (const one of Array.isArray(given) ? given : [given ?? pdu]) this._phone.write(one);
  }

  /** Tells the peripheral that the pairing has failed, and gives the error for the phone's own user. */
  private _fail(reason: number, text: string): PhoneError {
    this._send(Uint8Array.of(Smp.FAILED, reason));
    return new PhoneError("smp", `pairing has failed: ${text}`, { smp: reason, theirs: false });
  }

  /** The next PDU, which has to have that code. */
  private *_receive(code: number): Task<Uint8Array> {
    const pdu = (yield* this._guard(() => {
      this._receiving = true;
      this._deliver();
    })) as Uint8Array;
    if (pdu[0] !== code) {
      this._phone.violated(`an SMP PDU 0x${pdu[0].toString(16).padStart(2, "0")} where 0x${code.toString(16).padStart(2, "0")} belongs`);
      throw this._fail(SmpReason.UNSPECIFIED, "a PDU out of its turn");
    }
    return pdu;
  }

  private *_sleep(ms: number): Task<void> {
    if (ms > 0) yield* this._guard((resume) => void this._phone.clock.after(ms, () => resume(null)));
  }

  /** A wait that the end of the pairing ends too. */
  private *_guard(what: Wait): Task<unknown> {
    return yield* wait<unknown>((resume) => {
      this._resume = resume;
      what((error, value) => {
        if (this._resume !== resume) return;
        this._resume = null;
        resume(error, value);
      });
    });
  }

  private _deliver(): void {
    if (!this._receiving || this._inbox.length === 0) return;
    const resume = this._resume;
    this._receiving = false;
    this._resume = null;
    resume?.(null, this._inbox.shift());
  }

  private _abort(error: PhoneError): void {
    const resume = this._resume;
    this._resume = null;
    this._receiving = false;
    resume?.(error);
  }

  private _startTimer(): void {
    this._stopTimer();
    if (this._waiters === null) return;
    this._timer = this._phone.clock.after(PAIRING_TIMEOUT, () => {
      this._timer = null;
      this._dead = true;
      this._abort(new PhoneError("timeout", `the pairing has stood still for ${PAIRING_TIMEOUT} ms`));
    });
  }

  private _stopTimer(): void {
    if (this._timer !== null) this._phone.clock.cancel(this._timer);
    this._timer = null;
  }
}

/** How both authenticate (2.3.5.1): by OOB data, the MITM bits, and the IO capabilities. */
function chooseMethod(preq: Uint8Array, pres: Uint8Array, sc: boolean): PairingMethod {
  if (sc ? preq[2] === 1 || pres[2] === 1 : preq[2] === 1 && pres[2] === 1) return "oob";
  if (((preq[3] | pres[3]) & MITM) === 0) return "just works";
  return METHODS[IO[pres[1]]][sc ? 1 : 0][preq[1]];
}

const JW = "just works";

/** Table 2.8: by the peripheral's capability, for legacy and for Secure Connections, by the phone's in the order of their codes. */
const METHODS: { readonly [responder in IoCapability]: readonly [readonly PairingMethod[], readonly PairingMethod[]] } = {
  DisplayOnly: [
    [JW, JW, "type", JW, "type"],
    [JW, JW, "type", JW, "type"],
  ],
  DisplayYesNo: [
    [JW, JW, "type", JW, "type"],
    [JW, "compare", "type", JW, "compare"],
  ],
  KeyboardOnly: [
    ["show", "show", "type", JW, "show"],
    ["show", "show", "type", JW, "show"],
  ],
  NoInputNoOutput: [
    [JW, JW, JW, JW, JW],
    [JW, JW, JW, JW, JW],
  ],
  KeyboardDisplay: [
    ["show", "show", "type", JW, "show"],
    ["show", "compare", "type", JW, "compare"],
  ],
};

/** True if an address on the air is that of the bond's peripheral. */
export function belongs(address: DeviceAddress, bond: PhoneBond): boolean {
  return sameAddress(address, bond.address) || (bond.irk !== null && resolves(address, bond.irk));
}

/** True if a resolvable private address was made from `irk` (Core Vol 6 Part B 1.3.2.3); least significant octet first. */
export function resolves(address: DeviceAddress, irk: Uint8Array): boolean {
  if (address.random !== 1 || address.bytes[5] >> 6 !== 1) return false;
  return equal(ah(reversed(irk), reversed(address.bytes.slice(3))), reversed(address.bytes.slice(0, 3)));
}

/** A resolvable private address of an IRK (1.3.2.2). */
export function privateAddress(irk: Uint8Array, random: Random): DeviceAddress {
  const prand = new Uint8Array(3);
  random.fill(prand);
  prand[0] = (prand[0] & 0x3f) | 0x40;
  return { bytes: reversed(join(prand, ah(reversed(irk), prand))), random: 1 };
}

/** The authentication signature of a signed write (2.4.5): SignCounter and MAC, as they stand in the PDU. */
export function signature(csrk: Uint8Array, pdu: Uint8Array, counter: number): Uint8Array {
  const count = [...le16(counter), ...le16(counter >>> 16)];
  const mac = cmac(reversed(csrk), reversed(join(pdu, count)));
  return join(count, reversed(mac.slice(0, 8)));
}

/** A passkey as 128 bits, least significant octet first. */
function passkeyValue(passkey: number): Uint8Array {
  const value = new Uint8Array(16);
  value.set([...le16(passkey), passkey >> 16]);
  return value;
}

/** An address as f5 and f6 take it: its type, then itself, most significant octet first. */
function addressValue({ bytes, random }: DeviceAddress): Uint8Array {
  return join([random], reversed(bytes));
}

/** A key cut to its size: the most significant octets are zero. */
function masked(key: Uint8Array, size: number): Uint8Array {
  return key.map((octet, i) => (i < size ? octet : 0));
}

/** p - y: the other point with the same X; most significant octet first. */
function negated(y: Uint8Array): Uint8Array {
  const p = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
  const value = p - y.reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * (31 - i))) & 255n));
}
