import { get16 } from "../bytes/bytes.js";
import { hex, parseAddress } from "../bytes/hex.js";
import { setTimer, Slot } from "../clock.js";
import { Deadline, isLive, later, leave, setDeadline, type Link } from "../connection.js";
import { Counter } from "../counters.js";
import { encryptBlock } from "../crypto/aes.js";
import { random } from "../crypto/provider.js";
import { callable, failure, integer, reject } from "../errors.js";
import { Att, AttError } from "../att/codes.js";
import { answerError } from "../att/server.js";
import { Flag, Word, wordOf } from "../gatt/database.js";
import { findLink } from "../hci/acl.js";
import { Command, Event, LeEvent, Status } from "../hci/codes.js";
import { begin, put16, put8 } from "../hci/commands.js";
import { call, declared, use, type Host, type Role } from "../host.js";
import { admit } from "../gap/links.js";
import { Limit, withLimits } from "../options.js";
import { addBonds, findBond, keepBond, resolvePeer, restoreBond, save, type BondInfo } from "./bonds.js";
import { AuthReq, Keys, Method, Reason, Smp } from "./codes.js";
import { isQuick, prepareKeyPair } from "./keypair.js";
import { maskSecrets } from "./mask.js";
import { failPairing, flushAll, pairingTimedOut, receiveSmp, sendSmp, startPairing, wipe, type Bond, type Pairing } from "./pairing.js";
import { f4, join, reversed } from "./toolbox.js";

/** The methods that security adds to the instance. `setsecurity` and `getsecuritycode` stand with the links. */
export interface Securing {
  /** The devices that have a bond with this one. */
  bonds(): BondInfo[];
  /**
   * Forgets the bond with a device; a connection with it is closed.
   * @param address 12 hex digits
   * @returns whether there was one
   * @throws BlimpError "argument"
   */
  forget(address: string): boolean;
  /** Forgets all bonds. */
  forgetall(): void;
  /**
   * Makes what is to be given to a peer out of band (by a printed code, or NFC) for the next pairing, by LE Secure Connections. It serves once.
   * @param callback gets a random value and its confirm value, 16 bytes each, most significant octet first
   * @throws BlimpError "argument"; "closed"
   */
  oobdata(callback: (data: { random: Uint8Array; confirm: Uint8Array }) => void): void;
}

/** What security adds to a connection. */
export interface Pairable {
  /**
   * Asks the peer for the security level of the instance: encrypts with the key of a bond, or pairs.
   * @param callback gets null and the level that is reached; or a BlimpError: "pairing" (its `detail` is the reason of Vol 3 Part H section 3.5.5),
   *   "timeout", "disconnected"
   * @throws BlimpError "argument"; "busy" where the last request is still under way
   */
  pair(callback?: (error: Error | null, level?: number) => void): void;
}

const enum Milliseconds {
  /** For a link to reach its level, whatever its peer does meanwhile. */
  Level = 60000,
  /** A request is held for so long; a client gives up after 30 s. */
  Held = 25000,
  /** After too many failures: the first wait, and the longest. */
  FirstWait = 10000,
  LongestWait = 600000,
}

const enum Attempts {
  /** Failures in a row before there is a wait. */
  Free = 3,
  /** To draw a code, each of which fits 19 times of 20. */
  Draws = 32,
}

/** Six digits of 8 random bytes, each equally likely; -1 where none of the tries fits. */
function codeOf(bytes: ArrayLike<number>, at: number): number {
  for (let i = 0; i < 6; i += 3) {
    const value = ((bytes[at + i] & 15) << 16) | (bytes[at + i + 1] << 8) | bytes[at + i + 2];
    if (value < 1000000) return value;
  }
  return -1;
}

/** Adds security levels 3 and 4 to the links of a host: the Security Manager, Vol 3 Part H, both roles. Needs the crypto part. */
export function addSecurity(host: Host, instance: any): Role {
  const limits = host._limits;
  const options = host._options;
  let failures = 0;
  let blocked = 0;
  // The application has said what the code is, or that there is none.
  let chosen = false;
  // Whom the command under way is about.
  let subject: Link;
  /** Draws a new code; where the board has no source the chip is asked. */
  function drawCode(): void {
    if (host._hal.random) {
      const drawn = new Uint8Array(8);
      let code = -1;
      for (let tries = 0; code < 0 && tries < Attempts.Draws; tries++) {
        host._hal.random(drawn);
        code = codeOf(drawn, 0);
      }
      // A source that never fits is none, and no code is better than a bad one.
      host._code = code;
      return call(host, options.onpairing, null, "code");
    }
    host._code = -1;
    random(host, null, 8, function (bytes) {
      const code = codeOf(bytes, 0);
      if (code < 0) return drawCode();
      host._code = code;
      call(host, options.onpairing, null, "code");
    });
  }

  function rotate(): void {
    if (host._level > 1) drawCode();
    setTimer(host, Slot.Rotate, limits[Limit.RotateCode] * 60000, rotate);
  }

  /** The link has what is asked for: what was held is answered, the application hears of it. */
  function reached(link: Link): void {
    const held = link._heldPdu;
    link._deadlines[Deadline.Level] = link._deadlines[Deadline.Held] = 0;
    link._heldPdu = null;
    link._asksSoon = false;
    admit(host, link);
    // The services may have changed meanwhile.
    if (host._drained) host._drained(host);
    if (link._restores && link._served) restoreBond(host, link);
    link._restores = false;
    if (held && link._served) host._att!(host, link, held, 0, held.length);
  }

  /** The link cannot have what is asked for. */
  function refuse(link: Link): void {
    leave(link, Status.AuthenticationFailure, !link._told);
    // Of one that it has never heard of the application hears nothing at all.
    declared(host);
  }

  function judge(link: Link): void {
    if (link._security >= host._level) reached(link);
    else if (link._central) link._served = false;
    else refuse(link);
  }

  function tellPair(link: Link, error: Error | null): void {
    const callback = link._onpair;
    link._onpair = null;
    later(host, callback, error, error ? undefined : link._security);
  }

  /** Asks the peer to secure the link. */
  function request(link: Link): void {
    link._served = false;
    link._kept = null;
    if (link._prepared) link._prepared = -1;
    setDeadline(host, link, Deadline.Level, Milliseconds.Level);
    // As long as it is not known who the peer is it is not known what it has to be asked for.
    link._asksSoon = link._searching;
    if (link._searching) return;
    if (link._central) return secure(link, null);
    // Who has a key of legacy pairing that is enough is not asked for a better one: it would pair anew.
    const enough = link._bond && link._bond._level >= host._level && !link._bond._secure;
    sendSmp(host, link, Smp.SecurityRequest, [(host._bonds ? AuthReq.Bonding : 0) | AuthReq.Mitm | (host._quick && !enough ? AuthReq.SecureConnections : 0)]);
  }

  /** As the central: encrypts with the key that there is, or pairs. */
  function secure(link: Link, callback: any): void {
    const bond = link._bond;
    if (callback) link._onpair = callback;
    if (link._pairing || link._starts) return;
    if (bond && bond._level >= host._level && !link._encrypted) {
      link._starts = bond._ltk;
      setDeadline(host, link, Deadline.Level, Milliseconds.Level);
      link._wants = { _ediv: bond._ediv, _rand: hex(bond._rand, 0, 8) };
      declared(host);
    } else {
      startPairing(host, link);
      declared(host);
    }
  }

  /** Gives the controller the key that it asks for, or none. */
  function serveKey(link: Link): void {
    const wants = link._wants;
    const pairing = link._pairing;
    const bond = link._bond;
    const zero = !!wants && !wants._ediv && wants._rand == "0000000000000000";
    // The controller has been told already: a key that is put in its place would be taken for the one with which it encrypts.
    if (!wants || link._central || link._searching || link._asking) return;
    // The peer has done its part, and we are still at ours: its key is not ready, or its last value not checked.
    if (pairing && zero && !pairing._done && !pairing._expects && pairing._program.length - pairing._at < 3) return;
    link._gets = null;
    if (pairing && zero && pairing._done) link._gets = pairing._key;
    else if (bond && (bond._secure ? zero : wants._ediv == bond._ediv && wants._rand == hex(bond._rand, 0, 8))) link._gets = bond._ltk;
    host._idle = false;
  }

  /** Encryption has begun, has a new key, has failed, or has ended. */
  function encrypted(link: Link, status: number, on: boolean): void {
    const pairing = link._pairing;
    const key = link._starts || link._gets;
    link._starts = link._wants = null;
    link._gets = undefined;
    if (status || !on || !key) {
      link._encrypted = link._proved = false;
      link._security = 1;
      link._served = host._level < 2;
      failPairing(host, link, Reason.Unspecified, true);
      // The peer has lost its key: it is asked to pair; the old bond goes only when that has succeeded.
      if (link._central && link._onpair && !pairing && status == Status.PinOrKeyMissing) return startPairing(host, link);
      tellPair(link, failure("pairing", "pair", status));
      if (host._level > 1) refuse(link);
      return;
    }
    link._encrypted = true;
    if (pairing && pairing._key == key) {
      distribute(link, pairing);
      if (link._pairing == pairing && !pairing._due) conclude(link, pairing);
    } else if (link._bond) {
      link._proved = true;
      link._security = link._bond._level;
      link._restores = true;
      tellPair(link, null);
      if (link._security < host._level && !link._central) request(link);
      else judge(link);
    }
  }

  /** Whether both want to remember the other. */
  function isBonding(pairing: Pairing): boolean {
    return !!host._bonds && (pairing._request[3] & pairing._response[3] & AuthReq.Bonding) > 0;
  }

  /** Sends our keys, as far as they are agreed, and makes the bond. */
  function distribute(link: Link, pairing: Pairing): void {
    const both = function (field: number): number {
      return pairing._request[field] & pairing._response[field];
    };
    // Without a key there is nothing to be kept: zeros are none.
    const bonding = isBonding(pairing) && (pairing._secure || both(6) & Keys.Encryption);
    const bond: Bond | null = bonding
      ? {
          _address: link._peer,
          _type: link._peertype,
          _level: levelOf(pairing),
          _secure: pairing._secure,
          _ltk: pairing._secure ? new Uint8Array(pairing._key!) : new Uint8Array(16),
          _ediv: 0,
          _rand: new Uint8Array(8),
          _signed: 0,
          _features: link._features || 0,
          _hash: new Uint8Array(16),
          _configured: [],
        }
      : null;
    pairing._bond = bond;
    if (!bond || pairing._secure || pairing._initiator || !(pairing._response[6] & Keys.Encryption)) return;
    if (!save(host)) {
      failPairing(host, link, Reason.Unspecified);
      if (host._level > 1) refuse(link);
      return;
    }
    pairing._due |= Phase.Sending;
    random(host, link, 32, function (drawn) {
      if (link._pairing != pairing) return;
      bond._ltk = new Uint8Array(drawn.subarray(0, 16));
      for (let i = 0; i < 16 - pairing._size; i++) bond._ltk[i] = 0;
      bond._rand = new Uint8Array(drawn.subarray(16, 24));
      bond._ediv = get16(drawn, 24);
      sendSmp(host, link, Smp.EncryptionInformation, reversed(bond._ltk, 0, 16));
      sendSmp(host, link, Smp.CentralIdentification, join([[bond._ediv, bond._ediv >> 8], reversed(bond._rand, 0, 8)]));
      pairing._due &= ~Phase.Sending;
      if (!pairing._due) conclude(link, pairing);
    });
  }

  /** The level that a pairing gives. */
  function levelOf(pairing: Pairing): number {
    return pairing._method == Method.JustWorks ? 1 : pairing._secure && pairing._size == 16 ? 4 : 3;
  }

  /** The pairing has succeeded. */
  function conclude(link: Link, pairing: Pairing): void {
    const bond = pairing._bond;
    const level = levelOf(pairing);
    if (bond) {
      if (!keepBond(host, link, bond)) {
        // What cannot be kept is not agreed: the phone would remember it.
        failPairing(host, link, Reason.Unspecified);
        if (host._level > 1) refuse(link);
        return;
      }
      link._peer = bond._address;
      link._peertype = bond._type;
      link._proved = true;
      // What the peer has subscribed to before it paired it has subscribed to for good.
      for (let handle = 1; handle <= host._database._count; handle++) {
        const value = wordOf(host._database, handle, Word.Flags) & Flag.Configuration && link._configurations[wordOf(host._database, handle, Word.Length)];
        if (value) host._configured!(link, handle, value);
      }
    }
    link._pairing = null;
    link._deadlines[Deadline.Pairing] = 0;
    link._security = level;
    wipe(pairing);
    // Who knows the code has not guessed it.
    if (pairing._method == Method.Passkey) failures = blocked = 0;
    if (limits[Limit.RotateCode] && pairing._method == Method.Passkey) drawCode();
    call(host, options.onpairing, link, "paired");
    tellPair(link, null);
    judge(link);
  }

  function forget(bond: Bond): void {
    host._bonds!.splice(host._bonds!.indexOf(bond), 1);
    for (let i = 0; i < host._links.length; i++) {
      const link = host._links[i];
      if (link._bond != bond) continue;
      link._bond = null;
      link._closed = true;
      leave(link, Status.RemoteUserTerminated);
    }
    keepBond(host, null);
    declared(host);
  }

  host._secure = function (_host, link) {
    if (host._level < 2) admit(host, link);
    else request(link);
  };
  host._beginners.push(function (_host, link) {
    link._smpQueue = [];
    link._searching = true;
    resolvePeer(host, link, function () {
      link._searching = false;
      serveKey(link);
      if (link._asksSoon) request(link);
    });
  });
  host._enders.push(function (_host, link) {
    tellPair(link, failure("disconnected", "pair", 0));
    failPairing(host, link, Reason.Unspecified, true);
    link._heldPdu = link._gets = link._starts = null;
    keepBond(host, link);
  });

  // What comes before the level is reached is not answered: one request waits.
  host._askers.splice(0, 0, function (link, bytes, at, length) {
    const opcode = bytes[at];
    if (link._served || opcode == Att.MtuRequest || opcode == Att.Confirmation || (opcode & 1 && opcode <= Att.MultipleNotification)) return false;
    if (opcode & Att.Command || link._heldPdu) host._counters[Counter.Ignored]++;
    else if (options.refuse) answerError(host, link, opcode, length > 2 ? get16(bytes, at + 1) : 0, AttError.InsufficientAuthentication);
    else {
      link._heldPdu = new Uint8Array(bytes.subarray(at, at + length));
      setDeadline(host, link, Deadline.Held, Milliseconds.Held);
    }
    return true;
  });
  host._expired[Deadline.Held] = function (_host, link) {
    const held = link._heldPdu;
    link._heldPdu = null;
    if (held) answerError(host, link, held[0], held.length > 2 ? get16(held, 1) : 0, AttError.InsufficientAuthentication);
    host._idle = false;
  };
  host._expired[Deadline.Level] = function (_host, link) {
    tellPair(link, failure("timeout", "pair", 0));
    // What has begun and not ended by now nobody has told us of.
    if (link._starts || link._security < host._level) refuse(link);
  };
  host._expired[Deadline.Pairing] = pairingTimedOut;
  host._smp = receiveSmp;

  host._blocked = function (link) {
    const left = blocked - host._hal.timer.now();
    // An address proves nothing, a key does. Without a code there is nothing to be typed.
    return (failures >= Attempts.Free && left > 0 && !link._proved) || host._code < 0 ? 1 : 0;
  };
  host._failed = function (link, pairing, reason) {
    const error = failure(link._mute ? "timeout" : "pairing", "pair", reason);
    // Only what is shown here can be guessed.
    if (pairing._guessed && pairing._shown && !link._proved) {
      let wait = Milliseconds.FirstWait;
      for (let i = Attempts.Free; i <= failures && wait < Milliseconds.LongestWait; i++) wait *= 2;
      if (++failures >= Attempts.Free) blocked = host._hal.timer.now() + (wait < Milliseconds.LongestWait ? wait : Milliseconds.LongestWait);
    }
    // If it is encrypted with that all the same, nothing is proved by it.
    link._gets = link._starts = undefined;
    serveKey(link);
    // What has been guessed at is worth less; the wait goes on all the same.
    if (limits[Limit.RotateCode] && failures > 0 && failures % Attempts.Free == 0 && pairing._guessed) drawCode();
    call(host, options.onpairing, link, "failed", reason);
    call(host, options.onpairingfailed, failures);
    tellPair(link, error);
    host._idle = false;
  };

  host._requested = function (link) {
    // As the central we decide when to pair; a peer that asks gets it where the instance wants security.
    if (host._level > 1 && !link._starts && !link._encrypted) secure(link, null);
  };

  // Phase 2 is done.
  host._settled = function (link, pairing) {
    if (pairing._initiator) {
      link._starts = pairing._key;
      link._wants = { _ediv: 0, _rand: "0000000000000000" };
      host._idle = false;
    } else serveKey(link);
  };

  host._leEvents[LeEvent.LongTermKeyRequest] = {
    _least: 12,
    _handler: function (_host, bytes, at) {
      const link = findLink(host, get16(bytes, at)) as Link | undefined;
      if (!link || link._central) return;
      // Rand as the specification writes it.
      link._wants = { _rand: hex(bytes, at + 2, 8, true), _ediv: get16(bytes, at + 10) };
      serveKey(link);
    },
  };

  host._events[Event.EncryptionChange] = {
    _least: 4,
    _handler: function (_host, bytes, at) {
      const link = findLink(host, get16(bytes, at + 1)) as Link | undefined;
      if (link) encrypted(link, bytes[at], bytes[at + 3] > 0);
    },
  };
  host._events[Event.EncryptionKeyRefreshComplete] = {
    _least: 3,
    _handler: function (_host, bytes, at) {
      const link = findLink(host, get16(bytes, at + 1)) as Link | undefined;
      if (link) encrypted(link, bytes[at], true);
    },
  };

  host._keeps = function (pairing) {
    return !isBonding(pairing) || save(host);
  };

  /** Keys of the peer. */
  host._distributed = function (link, bytes, at) {
    const pairing = link._pairing!;
    const bond = pairing._bond;
    const code = bytes[at];
    const kind = code < Smp.IdentityInformation ? Keys.Encryption : code < Smp.SigningInformation ? Keys.Identity : Keys.Signing;
    const second = code == Smp.CentralIdentification || code == Smp.IdentityAddressInformation;
    if (!link._encrypted || !pairing._key || !(pairing._due & kind) || (second && pairing._last != code - 1)) return failPairing(host, link, Reason.Unspecified);
    pairing._last = code;
    if (bond) {
      if (code == Smp.EncryptionInformation) pairing._nonce = reversed(bytes, at + 1, 16);
      else if (code == Smp.CentralIdentification && pairing._initiator) {
        bond._ltk = pairing._nonce;
        bond._ediv = get16(bytes, at + 1);
        bond._rand = reversed(bytes, at + 3, 8);
      } else if (code == Smp.IdentityInformation) bond._irk = reversed(bytes, at + 1, 16);
      else if (code == Smp.IdentityAddressInformation) {
        // A random identity is a static one.
        if (bytes[at + 1] > 1 || (bytes[at + 1] && bytes[at + 7] < 0xc0)) return failPairing(host, link, Reason.InvalidParameters);
        bond._type = bytes[at + 1];
        bond._address = new Uint8Array(bytes.subarray(at + 2, at + 8));
      } else if (code == Smp.SigningInformation) bond._csrk = reversed(bytes, at + 1, 16);
    }
    if (code != Smp.EncryptionInformation && code != Smp.IdentityInformation) pairing._due &= ~kind;
    if (!pairing._due) conclude(link, pairing);
  };

  instance.setsecurity = function (level: number, code?: number): void {
    use(host, "setsecurity");
    if (integer("setsecurity", "level", level, 1, 4) == 2) integer("setsecurity", "level", level, 3, 4);
    if (code !== undefined) integer("setsecurity", "code", code, 0, 999999);
    if (level == 4 && !host._quick) throw failure("security", "setsecurity", level, "a level 4 pairing would take too long on this board: offer hal.crypto, or take level 3");
    host._level = level;
    chosen = true;
    failures = blocked = 0;
    // At level 1 a code serves the values that ask for more.
    if (level == 1 || code !== undefined) host._code = code || 0;
    else drawCode();
    for (let i = 0; i < host._links.length; i++) {
      const link = host._links[i];
      if (isLive(link) && link._security < level) request(link);
      else if (isLive(link) && !link._served && link._security >= level) reached(link);
    }
    declared(host);
  };
  instance.getsecuritycode = function (): number {
    return host._code < 0 ? 0 : host._code;
  };
  host._methods.pair = function (this: Link, callback?: any): void {
    if (callback) callable("pair", "callback", callback);
    if (this._onpair && callback) throw failure("busy", "pair", 0, "the last request is still under way");
    if (!isLive(this)) return later(host, callback, failure("disconnected", "pair", 0));
    if (this._mute) return later(host, callback, failure("timeout", "pair", 0));
    if (this._central) secure(this, callback);
    else {
      // A peripheral can only ask.
      if (callback) this._onpair = callback;
      if (host._level > this._security) request(this);
      else if (host._level > 1) tellPair(this, null);
      else {
        sendSmp(host, this, Smp.SecurityRequest, [0]);
        setDeadline(host, this, Deadline.Level, Milliseconds.Level);
      }
      declared(host);
    }
  };
  instance.bonds = function (): BondInfo[] {
    const list: BondInfo[] = [];
    for (let i = 0; host._bonds && i < host._bonds.length; i++) {
      const bond = host._bonds[i];
      list.push({ address: hex(bond._address, 0, 6, true), addresstype: bond._type, level: bond._level });
    }
    return list;
  };
  instance.forget = function (address: string): boolean {
    const parsed = parseAddress(address) || reject("forget", "address", address, "12 hex digits");
    const bond = findBond(host, parsed);
    if (bond) forget(bond);
    return !!bond;
  };
  instance.oobdata = function (callback: any): void {
    use(host, "oobdata");
    callable("oobdata", "callback", callback);
    prepareKeyPair(host, function () {
      const x = host._keypair!._public.subarray(0, 32);
      random(host, null, 16, function (drawn) {
        f4(host, null, x, x, drawn, 0, function (confirm) {
          host._oobRandom = drawn;
          later(host, callback, { random: drawn, confirm: confirm });
        });
      });
    });
  };
  instance.forgetall = function (): void {
    while (host._bonds && host._bonds.length) forget(host._bonds[0]);
  };

  if (options.passkey) callable("open", "passkey", options.passkey);
  if (options.compare) callable("open", "compare", options.compare);
  if (options.oob) callable("open", "oob", options.oob);
  if (options.onpairing) callable("open", "onpairing", options.onpairing);
  if (options.onpairingfailed) callable("open", "onpairingfailed", options.onpairingfailed);
  host._software = encryptBlock;
  host._mask = host._masker = maskSecrets(host);
  host._code = 0;
  addBonds(host);
  host._made.push(function () {
    let last = "";
    host._quick = isQuick(host);
    if (host._hal.random) {
      const drawn = new Uint8Array(32);
      try {
        host._hal.random(drawn);
      } catch (e) {
        host._broken = failure("random", "open", String(e));
      }
      // A source that repeats itself is none.
      if (!host._broken && hex(drawn, 0, 16) == hex(drawn, 16, 16)) host._broken = failure("random", "open", 0);
      // Twelve tries, of which each fits 19 times of 20.
      for (let i = 0, code = -1; code < 0 && i <= 24; i += 8) host._code = code = codeOf(drawn, i);
    } else {
      host._draws = function (bytes, at) {
        const block = hex(bytes, at, 8);
        const code = codeOf(bytes, at);
        const good = last != "" && block != last && code >= 0;
        if (good && !chosen) host._code = code;
        const stuck = block == last;
        last = block;
        return stuck ? -1 : good ? 1 : 0;
      };
    }
    if (limits[Limit.RotateCode]) setTimer(host, Slot.Rotate, limits[Limit.RotateCode] * 60000, rotate);
  });

  return {
    _name: "security",
    _next: function () {
      flushAll(host);
      // A key pair takes long: it is made before a pairing asks for it. Who waits for one may have to wait for another after a reset.
      if (!host._keypair && (host._whenPaired || (host._quick && host._level > 1 && (host._onconnect || host._links.length)))) prepareKeyPair(host);
      for (let i = 0; i < host._links.length; i++) {
        subject = host._links[i];
        const link = subject;
        const wants = link._wants;
        if (!wants || !isLive(link) || link._searching || link._asking || (link._central ? !link._starts : link._gets === undefined)) continue;
        link._asking = true;
        begin(host, link._central ? Command.LeEnableEncryption : link._gets ? Command.LeLongTermKeyReply : Command.LeLongTermKeyNegativeReply);
        put16(host, link._handle);
        if (link._central) {
          for (let j = 14; j >= 0; j -= 2) put8(host, parseInt(wants._rand.substr(j, 2), 16));
          put16(host, wants._ediv);
        }
        const key = link._central ? link._starts : link._gets;
        for (let j = 15; key && j >= 0; j--) put8(host, key[j]);
        return true;
      }
      return false;
    },
    _answer: function (status) {
      const link = subject;
      link._asking = false;
      link._wants = null;
      // Without a key the peer has to pair; the link stays as it is.
      if (!link._gets) link._gets = undefined;
      if (status && isLive(link)) encrypted(link, status, false);
      return true;
    },
    _reset: function () {
      // The multiplication that was under way is begun anew when it is needed; what is being drawn will come.
      host._work = null;
      // The reset has taken the timer away.
      if (limits[Limit.RotateCode] && host._phase && !host._leaving) setTimer(host, Slot.Rotate, limits[Limit.RotateCode] * 60000, rotate);
    },
  };
}

const enum Phase {
  /** Beside the kinds of keys: ours are still to be sent. */
  Sending = 0x100,
}

/** Its limits, for who makes an instance of parts. */
withLimits(
  addSecurity,
  // Of a multiplication on P-256, of 3478 steps in all, or 102 by BigInt, at a time.
  "slice 1 1 4000 " +
    // The least size of an encryption key, in bytes.
    "keysize 16 7 16 " +
    // Bonds that are kept.
    "bonds 4 1 255 " +
    // A new code after each pairing and after so many minutes. 0: never.
    "rotatecode 0 1 1440",
  Limit.Slice,
);
