import { hex } from "../bytes/hex.js";
import { random } from "../crypto/provider.js";
import { Deadline, isLive, leave, setDeadline, type Link } from "../connection.js";
import { Counter } from "../counters.js";
import { Box, openBox, post } from "../hci/acl.js";
import { Status } from "../hci/codes.js";
import { call, declared, run, type Host } from "../host.js";
import { Cid } from "../l2cap/codes.js";
import { Limit } from "../options.js";
import { AuthReq, Io, Keys, Method, Reason, Smp } from "./codes.js";
import { agree, arithmeticOf, prepareKeyPair, type KeyPair } from "./keypair.js";
import { c1, f4, f5, f6, g2, join, reversed, s1 } from "./toolbox.js";

/** What two devices know of each other when they have paired. Values most significant octet first, addresses as HCI has them. */
export interface Bond {
  _address: Uint8Array;
  _type: number;
  /** 1: not authenticated, 3, 4. */
  _level: number;
  _secure: boolean;
  _ltk: Uint8Array;
  _ediv: number;
  _rand: Uint8Array;
  /** Identity resolving and signature resolving key of the peer, its counter of signatures. */
  _irk?: Uint8Array | null;
  _csrk?: Uint8Array | null;
  _signed: number;
  /** Client Supported Features; the Database Hash last seen; configurations: handle and value of each. */
  _features: number;
  _hash: Uint8Array;
  _configured: number[];
}

/** What came out of band of a peer, 16 bytes each, most significant octet first: for legacy pairing its temporary key, for Secure Connections the rest. */
export interface OobData {
  tk?: Uint8Array;
  random?: Uint8Array;
  confirm?: Uint8Array;
}

/** Places in the PDUs of request and response, section 3.5.1. */
const enum Field {
  Code,
  Io,
  Oob,
  AuthReq,
  KeySize,
  InitiatorKeys,
  ResponderKeys,
  Length,
}

const enum Milliseconds {
  /** For the next PDU, section 3.4. */
  Pairing = 30000,
}

const enum Passkey {
  Rounds = 20,
}

const enum Most {
  Waiting = 4,
}

/** One pairing. What is random or secret is most significant octet first. */
export interface Pairing {
  readonly _link: Link;
  readonly _initiator: boolean;
  readonly _request: Uint8Array;
  _response: Uint8Array;
  _method: Method;
  /** Secure Connections. */
  _secure: boolean;
  /** We show the passkey; else the user types it here. */
  _shown: boolean;
  _size: number;
  /** What is to be done, a letter each, and how far it has come; how many rounds of passkey entry are done. */
  _program: string;
  _at: number;
  _round: number;
  /** The code of the PDU that is awaited, 0 none; one that has come before its time. */
  _expects: number;
  _early?: Uint8Array | null;
  /** The passkey as a number; the temporary key of it, or of what came out of band. */
  _passkey: number;
  readonly _tk: Uint8Array;
  _pair?: KeyPair | null;
  _peerKey?: Uint8Array;
  _dhkey?: Uint8Array | null;
  _awaitsSecret?: boolean;
  _nonce: Uint8Array;
  _confirm?: Uint8Array;
  _peerNonce?: Uint8Array;
  _peerConfirm?: Uint8Array;
  _mackey?: Uint8Array;
  /** The key, once it is settled. */
  _key?: Uint8Array | null;
  /** Phase 2 is done: the key may be used. */
  _done?: boolean;
  /** A guess has been made, or may have been. */
  _guessed?: boolean;
  /** What the peer has to send still, and what it has sent. */
  _due: number;
  /** The code of the last key that has come: some come in pairs. */
  _last?: number;
  _bond?: Bond | null;
  /** Random values of ours and of the peer that went out of band. */
  _oob?: Uint8Array | null;
  _peerOob?: { random: Uint8Array; confirm: Uint8Array } | null;
  /** What the application has of the peer out of band. */
  _data?: OobData | null;
}

/** The letters of a program. Capitals send, small ones wait for the peer. */
// K k public key; u the user's passkey; C c confirm value; R r random value; v the peer's confirm value is checked; n the numbers are compared;
// o the peer's public key is checked by what came out of band; x the keys are made; E e the check of them; s the key of legacy pairing;
// z encryption; l the next round of passkey entry begins at the C or c that opens it.

/** What each role does, by method: legacy, then Secure Connections. Initiator, responder. */
function programOf(secure: boolean, method: Method, initiator: boolean): string {
  if (!secure) return initiator ? "uCcRrvsz" : "ucCrvRsz";
  let middle = initiator ? "cRrvn" : "CrRn";
  if (method == Method.Passkey) middle = initiator ? "uCcRrvl" : "ucCrvRl";
  if (method == Method.OutOfBand) middle = initiator ? "oRr" : "orR";
  return (initiator ? "Kk" : "kK") + middle + (initiator ? "xEez" : "xeEz");
}

/** PDUs that wait because the one before is still on its way. */
function flush(host: Host, link: Link): void {
  const pdu = link._smpQueue[0];
  const at = pdu ? openBox(host, link, Box.Control) : -1;
  if (at < 0) return;
  link._smpQueue.splice(0, 1);
  link._out.set(pdu, at);
  post(host, link, Box.Control, Cid.Smp, pdu.length);
}

/** The control box of a link may be free again. */
export function flushAll(host: Host): void {
  for (let i = 0; i < host._links.length; i++) if (host._links[i]._smpQueue) flush(host, host._links[i]);
}

/** Sends a PDU: its code, then its fields. */
export function sendSmp(host: Host, link: Link, code: Smp, fields: ArrayLike<number>): void {
  // Whatever is sent after the timer has passed is sent to nobody.
  // One that takes nothing makes no heap of it: more than a few never wait where both keep to the rules.
  if (link._mute || link._smpQueue.length > Most.Waiting) return;
  link._smpQueue.push(join([[code], fields]));
  flush(host, link);
  if (link._pairing) setDeadline(host, link, Deadline.Pairing, Milliseconds.Pairing);
}

/** Whether there is a passkey to be shown: all connections need it, or single values of the database may. */
export function isGuarded(host: Host): boolean {
  return host._level > 1 || host._code > 0;
}

/** Our IO capabilities in this role, section 2.3.2. */
function ioOf(host: Host, initiator: boolean): Io {
  const yesno = !!host._options.compare;
  const keyboard = !!host._options.passkey;
  const display = isGuarded(host);
  if (keyboard && (yesno || (initiator && !display))) return yesno ? Io.KeyboardDisplay : Io.KeyboardOnly;
  if (keyboard && initiator) return Io.KeyboardOnly;
  return yesno ? Io.DisplayYesNo : display ? Io.DisplayOnly : Io.NoInputNoOutput;
}

/** Request or response. */
function features(host: Host, code: Smp, initiator: boolean, oob: boolean, ours: number, theirs: number): Uint8Array {
  const bonding = host._bonds ? AuthReq.Bonding : 0;
  const auth = bonding | (isGuarded(host) || initiator ? AuthReq.Mitm : 0) | (host._quick ? AuthReq.SecureConnections : 0);
  const first = initiator ? ours : theirs;
  return new Uint8Array([code, ioOf(host, initiator), oob ? 1 : 0, auth, 16, first, initiator ? theirs : ours]);
}

/** Whether an application has handed over 16 bytes. */
function isKey(bytes: any): boolean {
  return bytes instanceof Uint8Array && bytes.length == 16;
}

/** Settles the method, the program and what comes of it; a reason to refuse, or 0. */
function settle(host: Host, pairing: Pairing): number {
  const request = pairing._request;
  const response = pairing._response;
  const theirs = pairing._initiator ? response : request;
  const both = request[Field.AuthReq] & response[Field.AuthReq];
  const any = request[Field.AuthReq] | response[Field.AuthReq];
  const one = request[Field.Io];
  const other = response[Field.Io];
  const yesno = function (io: number): boolean {
    return io == Io.DisplayYesNo || io == Io.KeyboardDisplay;
  };
  const keyboard = function (io: number): boolean {
    return io == Io.KeyboardOnly || io == Io.KeyboardDisplay;
  };
  const needed = host._level > pairing._link._security ? host._level : pairing._link._security;
  if (theirs[Field.Io] > Io.KeyboardDisplay || theirs[Field.Oob] > 1 || theirs[Field.KeySize] > 16) return Reason.InvalidParameters;
  // A responder cannot agree to more than it was asked for.
  if (pairing._initiator && (response[Field.InitiatorKeys] & ~request[Field.InitiatorKeys] || response[Field.ResponderKeys] & ~request[Field.ResponderKeys])) return Reason.InvalidParameters;
  pairing._size = request[Field.KeySize] < response[Field.KeySize] ? request[Field.KeySize] : response[Field.KeySize];
  if (pairing._size < host._limits[Limit.KeySize] || pairing._size < 7) return Reason.EncryptionKeySize;
  pairing._secure = (both & AuthReq.SecureConnections) > 0;
  pairing._method = Method.JustWorks;
  // What one claims to have of the other must have been given.
  const data = pairing._data;
  const mine = pairing._initiator ? request : response;
  if (mine[Field.Oob] && !(data && (pairing._secure ? isKey(data.random) && isKey(data.confirm) : isKey(data.tk)))) return Reason.OobNotAvailable;
  if (pairing._secure && theirs[Field.Oob] && !host._oobRandom) return Reason.OobNotAvailable;
  if (pairing._secure ? request[Field.Oob] | response[Field.Oob] : request[Field.Oob] & response[Field.Oob]) pairing._method = Method.OutOfBand;
  else if (any & AuthReq.Mitm) {
    if (pairing._secure && yesno(one) && yesno(other)) pairing._method = Method.NumericComparison;
    else if (one != Io.NoInputNoOutput && other != Io.NoInputNoOutput && (keyboard(one) || keyboard(other))) {
      pairing._method = Method.Passkey;
      // The initiator shows it, if it can and the other can type; two keyboards type the same.
      const shower = one != Io.KeyboardOnly && keyboard(other);
      pairing._shown = one == Io.KeyboardOnly && other == Io.KeyboardOnly ? false : shower == pairing._initiator;
    }
  }
  if (needed > 1 && pairing._method == Method.JustWorks) return Reason.AuthenticationRequirements;
  if (needed > 3 && !pairing._secure) return Reason.AuthenticationRequirements;
  // Level 4 means a key of full strength.
  if (needed > 3 && pairing._size < 16) return Reason.EncryptionKeySize;
  pairing._link._secretive = pairing._method == Method.Passkey;
  pairing._program = programOf(pairing._secure, pairing._method, pairing._initiator);
  // With Secure Connections both have made the key.
  const keys = response[pairing._initiator ? Field.ResponderKeys : Field.InitiatorKeys] & request[pairing._initiator ? Field.ResponderKeys : Field.InitiatorKeys];
  pairing._due = keys & (pairing._secure ? ~Keys.Encryption : ~0) & 7;
  return 0;
}

/** Address with its type before it, most significant octet first. */
function addressOf(bytes: Uint8Array, type: number): Uint8Array {
  return join([[type], reversed(bytes, 0, 6)]);
}

/** Ours, or the peer's, as they stand on the air. */
function airAddress(host: Host, pairing: Pairing, ours: boolean): Uint8Array {
  const link = pairing._link;
  return ours ? addressOf(host._address, host._addresstype) : addressOf(link._airPeer, link._airType);
}

/** IO capabilities, OOB flag and AuthReq of one side, most significant octet first. */
function capabilities(pdu: Uint8Array): Uint8Array {
  return reversed(pdu, Field.Io, 3);
}

/** Goes on with a pairing that is still under way. */
function resume(host: Host, pairing: Pairing): void {
  if (pairing._link._pairing == pairing) step(host, pairing);
}

/** The confirm value of one side. */
function confirmOf(host: Host, pairing: Pairing, ours: boolean, done: (confirm: Uint8Array) => void): void {
  const link = pairing._link;
  const nonce = ours ? pairing._nonce : pairing._peerNonce!;
  const mine = pairing._pair && pairing._pair._public.subarray(0, 32);
  const theirs = pairing._peerKey && pairing._peerKey.subarray(0, 32);
  const initiator = airAddress(host, pairing, pairing._initiator);
  const responder = airAddress(host, pairing, !pairing._initiator);
  if (pairing._secure) {
    const z = pairing._method == Method.Passkey ? 0x80 | ((pairing._passkey >> pairing._round) & 1) : 0;
    return f4(host, link, ours ? mine! : theirs!, ours ? theirs! : mine!, nonce, z, done);
  }
  const p1 = join([reversed(pairing._response, 0, Field.Length), reversed(pairing._request, 0, Field.Length), [responder[0], initiator[0]]]);
  c1(host, link, pairing._tk, nonce, p1, join([[0, 0, 0, 0], initiator.subarray(1), responder.subarray(1)]), done);
}

/** The DHKey check that one side makes. */
function checkOf(host: Host, pairing: Pairing, ours: boolean, done: (check: Uint8Array) => void): void {
  const mine = pairing._initiator ? pairing._request : pairing._response;
  const theirs = pairing._initiator ? pairing._response : pairing._request;
  const one = ours ? pairing._nonce : pairing._peerNonce!;
  const other = ours ? pairing._peerNonce! : pairing._nonce;
  let r: Uint8Array = pairing._tk;
  // Out of band: what the one who checks has given away, if it was received.
  if (pairing._method == Method.OutOfBand) {
    const given = ours ? mine[Field.Oob] && pairing._peerOob && pairing._peerOob.random : theirs[Field.Oob] && pairing._oob;
    r = given || new Uint8Array(16);
  }
  f6(host, pairing._link, pairing._mackey!, one, other, r, capabilities(ours ? mine : theirs), airAddress(host, pairing, ours), airAddress(host, pairing, !ours), done);
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < 16; i++) difference |= one[i] ^ other[i];
  return !difference;
}

function setPasskey(pairing: Pairing, passkey: number): void {
  pairing._passkey = passkey;
  for (let i = 0; i < 4; i++) pairing._tk[15 - i] = passkey >> (8 * i);
}

/** The pairing fails; the peer is told why, unless it has told us or is gone. */
export function failPairing(host: Host, link: Link, reason: number, told?: boolean): void {
  const pairing = link._pairing;
  if (!told) sendSmp(host, link, Smp.PairingFailed, [reason]);
  if (!pairing) return;
  link._pairing = null;
  link._deadlines[Deadline.Pairing] = 0;
  wipe(pairing);
  host._counters[Counter.Pairings]++;
  host._failed!(link, pairing, reason);
}

/** Nothing of a pairing is left that could be read later. */
export function wipe(pairing: Pairing): void {
  const secrets = [pairing._pair && pairing._pair._secret, pairing._dhkey, pairing._mackey, pairing._tk];
  for (let i = 0; i < secrets.length; i++) for (let j = 0; secrets[i] && j < secrets[i]!.length; j++) secrets[i]![j] = 0;
}

/** Does what comes next, up to where the peer, the user or a computation is waited for. */
function step(host: Host, pairing: Pairing): void {
  const link = pairing._link;
  const letter = pairing._program.charAt(pairing._at++);
  const peer = pairing._peerOob;
  const go = function (): void {
    resume(host, pairing);
  };
  switch (letter) {
    case "K":
      return prepareKeyPair(host, function () {
        if (link._pairing != pairing) return;
        pairing._pair = host._keypair;
        // It serves once, and so does what went out of band with it.
        host._keypair = host._oobRandom = null;
        const key = pairing._pair!._public;
        sendSmp(host, link, Smp.PublicKey, join([reversed(key, 0, 32), reversed(key, 32, 32)]));
        if (pairing._peerKey) share(host, pairing);
        step(host, pairing);
      });
    case "u":
      if (pairing._method != Method.Passkey) return step(host, pairing);
      if (pairing._shown) {
        setPasskey(pairing, pairing._passkey);
        call(host, host._options.onpairing, link, "passkey");
        return go();
      }
      call(host, host._options.passkey, link, function (passkey: any) {
        if (link._pairing != pairing || pairing._program.charAt(pairing._at - 1) != "u" || pairing._expects) return;
        if (typeof passkey == "number" && passkey >= 0 && passkey <= 999999 && passkey % 1 == 0) {
          setPasskey(pairing, passkey);
          step(host, pairing);
        } else failPairing(host, link, Reason.PasskeyEntryFailed);
        run(host);
      });
      return;
    case "C":
      return random(host, link, 16, function (nonce) {
        if (link._pairing != pairing) return;
        pairing._nonce = nonce;
        confirmOf(host, pairing, true, function (confirm) {
          if (link._pairing != pairing) return;
          pairing._confirm = confirm;
          sendSmp(host, link, Smp.PairingConfirm, reversed(confirm, 0, 16));
          step(host, pairing);
        });
      });
    case "R":
      // From now on the peer may know a part of the passkey, or has guessed one.
      pairing._guessed = pairing._guessed || pairing._method == Method.Passkey;
      if (pairing._confirm || pairing._nonce.length) {
        sendSmp(host, link, Smp.PairingRandom, reversed(pairing._nonce, 0, 16));
        return go();
      }
      // Where no confirm value went before it is drawn only now.
      return random(host, link, 16, function (nonce) {
        if (link._pairing != pairing) return;
        pairing._nonce = nonce;
        sendSmp(host, link, Smp.PairingRandom, reversed(nonce, 0, 16));
        step(host, pairing);
      });
    case "v":
      pairing._guessed = pairing._guessed || pairing._method == Method.Passkey;
      return confirmOf(host, pairing, false, function (confirm) {
        if (link._pairing != pairing) return;
        if (isEqual(confirm, pairing._peerConfirm!)) step(host, pairing);
        else failPairing(host, link, Reason.ConfirmValueFailed);
      });
    case "l":
      // The next bit of the passkey: back to behind the u.
      if (++pairing._round < Passkey.Rounds) pairing._at -= 6;
      return go();
    case "n": {
      if (pairing._method != Method.NumericComparison) return go();
      const ours = pairing._pair!._public.subarray(0, 32);
      const theirs = pairing._peerKey!.subarray(0, 32);
      return g2(
        host,
        link,
        pairing._initiator ? ours : theirs,
        pairing._initiator ? theirs : ours,
        pairing._initiator ? pairing._nonce : pairing._peerNonce!,
        pairing._initiator ? pairing._peerNonce! : pairing._nonce,
        function (digits) {
          if (link._pairing != pairing) return;
          const at = pairing._at;
          call(host, host._options.compare, link, digits, function (same: any) {
            if (link._pairing != pairing || pairing._at != at || pairing._expects) return;
            if (same === true) step(host, pairing);
            else failPairing(host, link, Reason.NumericComparisonFailed);
            run(host);
          });
        },
      );
    }
    case "o": {
      if (!peer) return go();
      const x = pairing._peerKey!.subarray(0, 32);
      return f4(host, link, x, x, peer.random, 0, function (confirm) {
        if (link._pairing != pairing) return;
        if (isEqual(confirm, peer.confirm)) step(host, pairing);
        else failPairing(host, link, Reason.ConfirmValueFailed);
      });
    }
    case "x": {
      if (!pairing._dhkey) {
        // Comes back when it is there.
        pairing._at--;
        pairing._awaitsSecret = true;
        return;
      }
      const initiator = pairing._initiator;
      const n1 = initiator ? pairing._nonce : pairing._peerNonce!;
      const n2 = initiator ? pairing._peerNonce! : pairing._nonce;
      return f5(host, link, pairing._dhkey, n1, n2, airAddress(host, pairing, initiator), airAddress(host, pairing, !initiator), function (mackey, ltk) {
        if (link._pairing != pairing) return;
        pairing._mackey = mackey;
        pairing._key = cut(pairing, ltk);
        step(host, pairing);
      });
    }
    case "E":
      // With our check the peer has all that it keeps: if we cannot keep it, it must not come to that.
      if (!host._keeps!(pairing)) return failPairing(host, link, Reason.Unspecified);
      return checkOf(host, pairing, true, function (check) {
        if (link._pairing != pairing) return;
        sendSmp(host, link, Smp.DhKeyCheck, reversed(check, 0, 16));
        step(host, pairing);
      });
    case "s": {
      const initiator = pairing._initiator;
      return s1(host, link, pairing._tk, initiator ? pairing._peerNonce! : pairing._nonce, initiator ? pairing._nonce : pairing._peerNonce!, function (stk) {
        if (link._pairing != pairing) return;
        pairing._key = cut(pairing, stk);
        step(host, pairing);
      });
    }
    case "z":
      pairing._done = true;
      host._settled!(link, pairing);
      return;
    default:
      // k c r e: the peer has the word.
      pairing._expects = letter == "k" ? Smp.PublicKey : letter == "c" ? Smp.PairingConfirm : letter == "r" ? Smp.PairingRandom : Smp.DhKeyCheck;
      if (pairing._early) {
        const early = pairing._early;
        pairing._early = null;
        take(host, link, early, 0, early.length);
      }
  }
}

/** The most significant octets of a key that is shorter are zero. */
function cut(pairing: Pairing, key: Uint8Array): Uint8Array {
  for (let i = 0; i < 16 - pairing._size; i++) key[i] = 0;
  return key;
}

/** Begins the computation of the shared secret, once both keys are there. */
function share(host: Host, pairing: Pairing): void {
  const wanted = function (): boolean {
    return pairing._link._pairing == pairing;
  };
  agree(host, pairing._pair!, pairing._peerKey!, wanted, function (dhkey) {
    if (!wanted()) return;
    pairing._dhkey = dhkey;
    // Only if nothing but this is waited for: not while the user still compares.
    if (pairing._awaitsSecret) step(host, pairing);
    run(host);
  });
}

/** A public key that may be used: on the curve, not ours whatever its Y, not that of the debug key. */
function isGoodKey(host: Host, pairing: Pairing, key: Uint8Array): boolean {
  const x = hex(key, 0, 32);
  const ours = pairing._pair || host._keypair;
  const known = "20b003d2f297be2c5e2c83a7e9f9a5b9eff49111acf4fddbcc0301480e359de6";
  return x != known && !(ours && hex(ours._public, 0, 32) == x) && arithmeticOf(host)._isOnCurve(key);
}

/** Takes a PDU that a pairing has been waiting for. */
function take(host: Host, link: Link, bytes: Uint8Array, at: number, length: number): void {
  const pairing = link._pairing!;
  const value = reversed(bytes, at + 1, length - 1);
  const code = bytes[at];
  if (code != pairing._expects) return failPairing(host, link, Reason.Unspecified);
  pairing._expects = 0;
  if (code == Smp.PublicKey) {
    const key = join([reversed(bytes, at + 1, 32), reversed(bytes, at + 33, 32)]);
    if (!isGoodKey(host, pairing, key)) return failPairing(host, link, Reason.DhKeyCheckFailed);
    pairing._peerKey = key;
    if (pairing._pair) share(host, pairing);
  } else if (code == Smp.PairingConfirm) {
    // Our own value, come back, proves nothing.
    if (pairing._confirm && isEqual(value, pairing._confirm)) return failPairing(host, link, Reason.ConfirmValueFailed);
    pairing._peerConfirm = value;
  } else if (code == Smp.PairingRandom) {
    if (pairing._nonce.length && isEqual(value, pairing._nonce)) return failPairing(host, link, Reason.ConfirmValueFailed);
    pairing._peerNonce = value;
  } else {
    checkOf(host, pairing, false, function (check) {
      if (link._pairing != pairing) return;
      if (isEqual(check, value)) step(host, pairing);
      else failPairing(host, link, Reason.DhKeyCheckFailed);
    });
    return;
  }
  step(host, pairing);
}

function open(host: Host, link: Link, initiator: boolean, request: Uint8Array, response: Uint8Array): Pairing {
  const pairing: Pairing = {
    _link: link,
    _initiator: initiator,
    _request: request,
    _response: response,
    _method: Method.JustWorks,
    _secure: false,
    _shown: false,
    _size: 0,
    _program: "",
    _at: 0,
    _round: 0,
    _expects: 0,
    // That of the beginning, whatever comes between.
    _passkey: host._code,
    _tk: new Uint8Array(16),
    _nonce: new Uint8Array(0),
    _due: 0,
  };
  link._pairing = pairing;
  return pairing;
}

/** What came out of band of this peer, and what we have given away. */
function oobOf(host: Host, link: Link): OobData | null {
  return (host._options.oob && call(host, host._options.oob, link)) || null;
}

/** Takes over what came out of band, as far as the method needs it. */
function useOob(host: Host, pairing: Pairing): void {
  const data = pairing._data;
  if (pairing._method != Method.OutOfBand) return;
  if (!pairing._secure) pairing._tk.set(data!.tk!);
  else {
    pairing._peerOob = data && data.random ? (data as Pairing["_peerOob"]) : null;
    pairing._oob = host._oobRandom;
  }
}

/** Asks the peer, a peripheral, to pair. */
export function startPairing(host: Host, link: Link): void {
  const oob = oobOf(host, link);
  const keys = host._bonds ? Keys.Encryption | Keys.Identity | Keys.Signing : 0;
  const pairing = open(host, link, true, features(host, Smp.PairingRequest, true, !!oob, 0, keys), new Uint8Array(0));
  pairing._data = oob;
  pairing._expects = Smp.PairingResponse;
  sendSmp(host, link, Smp.PairingRequest, pairing._request.subarray(1));
}

/** The peer, a central, asks to pair. */
function respond(host: Host, link: Link, bytes: Uint8Array, at: number): void {
  const request = new Uint8Array(bytes.subarray(at, at + Field.Length));
  const oob = oobOf(host, link);
  const store = host._bonds && request[Field.AuthReq] & AuthReq.Bonding;
  const ours = store ? request[Field.ResponderKeys] & Keys.Encryption : 0;
  const theirs = store ? request[Field.InitiatorKeys] & (Keys.Encryption | Keys.Identity | Keys.Signing) : 0;
  const wait = host._blocked!(link);
  const secure = !!host._quick && (request[Field.AuthReq] & AuthReq.SecureConnections) > 0;
  const has = !!oob && (secure ? isKey(oob.random) && isKey(oob.confirm) : isKey(oob.tk));
  // A second attempt while the first is under way ends both.
  if (link._pairing as Pairing | null) return failPairing(host, link, Reason.Unspecified);
  if (wait) return sendSmp(host, link, Smp.PairingFailed, [Reason.RepeatedAttempts]);
  const pairing = open(host, link, false, request, features(host, Smp.PairingResponse, false, has, ours, theirs));
  pairing._data = oob;
  const reason = settle(host, pairing);
  if (reason) return failPairing(host, link, reason);
  useOob(host, pairing);
  call(host, host._options.onpairing, link, "started");
  if ((link._pairing as Pairing | null) != pairing) return;
  sendSmp(host, link, Smp.PairingResponse, pairing._response.subarray(1));
  step(host, pairing);
}

/** Lengths of the PDUs, by code. */
const LENGTHS = [0, 7, 7, 17, 17, 2, 17, 11, 17, 8, 17, 2, 65, 17, 2];

/** Takes a PDU of the Security Manager. */
export function receiveSmp(host: Host, link: Link, bytes: Uint8Array, at: number, length: number): void {
  const code = bytes[at];
  const pairing = link._pairing;
  const counter = length ? Counter.Ignored : Counter.Malformed;
  if (!length || link._mute) host._counters[counter]++;
  else if (!code || code >= LENGTHS.length) return failPairing(host, link, Reason.CommandNotSupported);
  else if (LENGTHS[code] != length) {
    host._counters[Counter.Malformed]++;
    if (code != Smp.PairingFailed && (pairing || code == Smp.PairingRequest)) failPairing(host, link, Reason.InvalidParameters);
    return;
  } else if (code == Smp.PairingRequest) {
    if (!link._central) return respond(host, link, bytes, at);
    return failPairing(host, link, Reason.CommandNotSupported);
  } else if (code == Smp.SecurityRequest && link._central && !pairing) host._requested!(link);
  else if (code == Smp.KeypressNotification && pairing) setDeadline(host, link, Deadline.Pairing, Milliseconds.Pairing);
  else if (pairing && code != Smp.SecurityRequest) {
    if (code == Smp.PairingFailed) return failPairing(host, link, bytes[at + 1], true);
    setDeadline(host, link, Deadline.Pairing, Milliseconds.Pairing);
    if (code >= Smp.EncryptionInformation && code <= Smp.SigningInformation) return host._distributed!(link, bytes, at);
    if (code == Smp.PairingResponse && pairing._expects == code) {
      pairing._expects = 0;
      pairing._response = new Uint8Array(bytes.subarray(at, at + length));
      const reason = settle(host, pairing);
      if (reason) return failPairing(host, link, reason);
      useOob(host, pairing);
      call(host, host._options.onpairing, link, "started");
      if (link._pairing == pairing) step(host, pairing);
      return;
    }
    if (pairing._expects) return take(host, link, bytes, at, length);
    // It is quicker than we are; it cannot be ahead by more than one.
    if (pairing._early || pairing._key) return failPairing(host, link, Reason.Unspecified);
    pairing._early = new Uint8Array(bytes.subarray(at, at + length));
  } else host._counters[counter]++;
}

/** The peer has said nothing for too long: nothing of the Security Manager is sent or taken on this link any more. */
export function pairingTimedOut(host: Host, link: Link): void {
  link._mute = true;
  failPairing(host, link, Reason.Unspecified, true);
  if (host._level > 1 && isLive(link)) {
    leave(link, Status.AuthenticationFailure, true);
    declared(host);
  }
}
