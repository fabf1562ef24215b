import type { Link } from "../connection.js";
import { Command, Supported } from "../hci/codes.js";
import { begin, put8 } from "../hci/commands.js";
import { hex } from "../bytes/hex.js";
import { failure } from "../errors.js";
import { setTimer, Slot } from "../clock.js";
import { declared, release, report, RETRY, supports, type Host, type Role } from "../host.js";

/** A block to be encrypted; or, without a key, to be filled at random. */
export interface Job {
  readonly _key: Uint8Array | null;
  readonly _block: Uint8Array;
  readonly _done: () => void;
  /** Whose it is: with the link goes the job. */
  readonly _link?: Link | null;
}

/**
 * Encrypts one block with AES-128. Who encrypts it depends on the board: its own accelerator, the controller, or software; it is done later, one
 * after another.
 * @param key 16 bytes, most significant octet first, as FIPS-197 writes them
 * @param block 16 bytes, the same; overwritten by the result
 * @param done called when it is done; never where the link has ended before
 */
export function encrypt(host: Host, link: Link | null, key: Uint8Array, block: Uint8Array, done: () => void): void {
  submit(host, link, key, block, done);
}

/**
 * Draws random bytes fit for keys: from the board, or from the controller (LE Rand, Vol 4 Part E section 7.8.23).
 * @param length a multiple of 8
 * @param done gets them; never where the link has ended before, nor from a source as long as it repeats itself
 */
export function random(host: Host, link: Link | null, length: number, done: (bytes: Uint8Array) => void): void {
  const bytes = new Uint8Array(length);
  let at = 0;
  function next(): void {
    const block = bytes.subarray(at, at + 8);
    if (at == length) return done(bytes);
    at += 8;
    submit(host, link, null, block, next);
  }
  next();
}

function submit(host: Host, link: Link | null, key: Uint8Array | null, block: Uint8Array, done: () => void): void {
  host._jobs.push({ _key: key, _block: block, _done: done, _link: link });
  // From within the run loop it is seen to at once.
  host._idle = false;
  host._again = true;
  if (!host._running) declared(host);
}

/** Doubles a block in the field of AES-CMAC, RFC 4493 section 2.3. */
function double(block: Uint8Array): void {
  const carry = block[0] >> 7;
  for (let i = 0; i < 16; i++) block[i] = (block[i] << 1) | (i < 15 ? block[i + 1] >> 7 : 0);
  block[15] ^= carry ? 0x87 : 0;
}

/**
 * AES-CMAC, RFC 4493.
 * @param key 16 bytes, most significant octet first
 * @param message any number of bytes; it must not change before the end
 * @param done gets the 16 bytes of the result
 */
export function cmac(host: Host, link: Link | null, key: Uint8Array, message: Uint8Array, done: (mac: Uint8Array) => void): void {
  const length = message.length;
  const last = length ? (length - 1) >> 4 : 0;
  const subkey = new Uint8Array(16);
  const block = new Uint8Array(16);
  let at = -1;

  function next(): void {
    if (at < 0) {
      double(subkey);
      // The last block is not whole.
      if (!length || length & 15) double(subkey);
    }
    if (++at > last) return done(block);
    for (let i = 0; i < 16; i++) {
      const place = at * 16 + i;
      block[i] ^= (place < length ? message[place] : place == length ? 0x80 : 0) ^ (at == last ? subkey[i] : 0);
    }
    encrypt(host, link, key, block, next);
  }

  encrypt(host, link, key, subkey, next);
}

/** Adds what encrypts: the accelerator of the board, or LE Encrypt of the controller (Vol 4 Part E section 7.8.22), or software where the build has it. */
export function addCrypto(host: Host): Role {
  const native = host._hal.crypto && host._hal.crypto.aes;

  function next(): boolean {
    for (let job = host._jobs[0]; job; job = host._jobs[0]) {
      const key = job._key;
      const aes = native || (supports(host, Supported.LeEncrypt) && !host._slowly ? null : host._software);
      if (job._link && job._link._handle < 0) host._jobs.splice(0, 1);
      else if (!key && host._hal.random) {
        host._hal.random(job._block);
        if (!isGood(job)) {
          // Who waits for it waits until the source is in order again.
          const told = role._told;
          role._held = role._told = true;
          setTimer(host, Slot.Retry, RETRY[0], release);
          if (!told) report(host, failure("random", "crypto", 0));
          return false;
        }
        end(job);
      } else if (!key) {
        begin(host, Command.LeRand);
        return true;
      } else if (aes) {
        aes(key, job._block);
        end(job);
      } else {
        begin(host, Command.LeEncrypt);
        // HCI has the least significant octet first.
        for (let i = 15; i >= 0; i--) put8(host, key[i]);
        for (let i = 15; i >= 0; i--) put8(host, job._block[i]);
        return true;
      }
    }
    return false;
  }

  /** Whether a block is good; a source that repeats itself is none. */
  function isGood(job: Job): boolean {
    const text = job._key ? "" : hex(job._block, 0, 8);
    if (text && text == host._last) return false;
    host._last = text || host._last;
    return true;
  }

  function end(job: Job): void {
    host._jobs.splice(0, 1);
    if (!job._link || job._link._handle >= 0) job._done();
  }

  const role: Role = {
    _name: "crypto",
    _next: next,
    _answer: function (status, bytes, at, length) {
      const job = host._jobs[0];
      if (!job._key && (status || length < 8)) return false;
      if (job._key && (status || length < 16)) {
        // Software takes over, where there is some.
        host._slowly = !!host._software;
        return host._slowly;
      }
      for (let i = 0; i < job._block.length; i++) job._block[i] = bytes[at + job._block.length - 1 - i];
      // It may only have been said twice: it is asked again later.
      if (!isGood(job)) return false;
      end(job);
      return true;
    },
    _reset: function () {
      host._slowly = false;
    },
  };
  host._jobs = [];
  return role;
}
