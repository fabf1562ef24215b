import { parseHex } from "../bytes/hex.js";
import { BASE, isSecret, type Arithmetic } from "../crypto/p256.js";
import { DOUBLES } from "../crypto/p256doubles.js";
import { random } from "../crypto/provider.js";
import { setTimer, Slot } from "../clock.js";
import type { Host } from "../host.js";
import { Limit } from "../options.js";

/** A key pair for one pairing. */
export interface KeyPair {
  /** 32 bytes; behind them there may be chance that a multiplication wants. */
  readonly _secret: Uint8Array;
  readonly _public: Uint8Array;
}

const enum Cost {
  /** Steps of the trial. */
  Trial = 8,
  /** What takes longer is not offered, in milliseconds. */
  Limit = 20000,
}

/** What multiplies on P-256 in this build and engine, where the board itself does not. */
export function arithmeticOf(host: Host): Arithmetic {
  return host._p256 || DOUBLES;
}

/** Whether a multiplication on P-256 is quick enough here to offer Secure Connections. */
export function isQuick(host: Host): boolean {
  const crypto = host._hal.crypto;
  const arithmetic = arithmeticOf(host);
  if (crypto && crypto.p256public && crypto.p256shared) return true;
  const secret = new Uint8Array(32);
  secret[31] = 3;
  const trial = arithmetic._begin(secret, parseHex(BASE)!);
  const began = host._hal.timer.now();
  arithmetic._step(trial, Cost.Trial);
  return (host._hal.timer.now() - began) * (arithmetic._steps / Cost.Trial) < Cost.Limit;
}

/** Does a multiplication in slices, so that the UART is served between them. */
function slice(host: Host): void {
  const arithmetic = arithmeticOf(host);
  let work = host._work;
  // A pairing that is over wants nothing any more.
  while (work && !work._wanted()) work = work._next;
  host._work = work;
  if (!work) return host._whenPaired ? prepareKeyPair(host) : undefined;
  if (!arithmetic._step(work._multiplication, host._limits[Limit.Slice])) return setTimer(host, Slot.Slice, 0, slice);
  host._work = work._next;
  if (host._work) setTimer(host, Slot.Slice, 0, slice);
  work._done(arithmetic._product(work._multiplication));
  if (!host._work && host._whenPaired) prepareKeyPair(host);
}

/** Multiplies in the background, one after another; a key pair is what can wait. */
function multiply(host: Host, secret: Uint8Array, point: Uint8Array | null, wanted: () => boolean, done: (product: Uint8Array) => void): void {
  const work: Work = { _multiplication: arithmeticOf(host)._begin(secret, point || parseHex(BASE)!), _shared: !!point, _wanted: wanted, _done: done, _next: null };
  let before: Work | null = null;
  for (let other = host._work; other && (other._shared || !point); other = other._next) before = other;
  work._next = (before ? before._next : host._work) || null;
  if (before) before._next = work;
  else host._work = work;
  setTimer(host, Slot.Slice, 0, slice);
}

/** Makes a key pair ahead of need, unless there is one; `done` is called when there is. */
export function prepareKeyPair(host: Host, done?: (() => void) | null): void {
  const crypto = host._hal.crypto;
  if (done) {
    const earlier = host._whenPaired;
    host._whenPaired = !earlier
      ? done
      : function () {
          earlier();
          prepareKeyPair(host, done);
        };
  }
  if (host._keypair) {
    const tell = host._whenPaired;
    host._whenPaired = null;
    if (tell) tell();
    return;
  }
  if (host._drawing) return;
  for (let work = host._work; work; work = work._next) if (!work._shared) return;
  // Ahead of need it comes after what is needed.
  if (host._work && !host._whenPaired) return;
  host._drawing = true;
  random(host, null, host._p256 ? 40 : 32, function (secret) {
    host._drawing = false;
    function made(key: Uint8Array): void {
      host._keypair = { _secret: secret, _public: key };
      prepareKeyPair(host);
    }
    const key = new Uint8Array(64);
    if (!isSecret(secret)) prepareKeyPair(host);
    // A board that cannot at the moment, for want of memory, leaves it to software.
    else if (crypto && crypto.p256public && crypto.p256public(secret.subarray(0, 32), key)) made(key);
    else multiply(host, secret, null, always, made);
  });
}

function always(): boolean {
  return true;
}

/** The shared secret of a pairing, 32 bytes, as long as it is `wanted`; the peer's key has been checked. */
export function agree(host: Host, pair: KeyPair, peer: Uint8Array, wanted: () => boolean, done: (dhkey: Uint8Array) => void): void {
  const crypto = host._hal.crypto;
  const dhkey = new Uint8Array(32);
  if (crypto && crypto.p256shared && crypto.p256shared(pair._secret.subarray(0, 32), peer, dhkey)) return done(dhkey);
  multiply(host, pair._secret, peer, wanted, function (product) {
    done(new Uint8Array(product.subarray(0, 32)));
  });
}

/** What is under way, and what comes after it. */
export interface Work {
  readonly _multiplication: any;
  /** A shared secret; else a public key. */
  readonly _shared: boolean;
  readonly _wanted: () => boolean;
  readonly _done: (product: Uint8Array) => void;
  _next: Work | null;
}
