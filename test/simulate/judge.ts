import { readRecords, Record } from "../../core/records.js";
import type { Store } from "../../core/options.js";

/** Commands and events by name, typed from Vol 4 Part E section 7. */
const Op = {
  DISCONNECT: 0x0406,
  RESET: 0x0c03,
  READ_RSSI: 0x1405,
  BUFFER_SIZE: 0x1005,
  LE_BUFFER_SIZE: 0x2002,
  LE_BUFFER_SIZE_2: 0x2060,
  ENCRYPT: 0x2019,
  KEY_REPLY: 0x201a,
  BAUD: 0xfc18,
} as const;

/** ATT PDUs of a server but the answer to Exchange MTU, which anybody gets. */
const SERVED = [0x01, 0x05, 0x07, 0x09, 0x0b, 0x0d, 0x0f, 0x11, 0x13, 0x17, 0x19, 0x1b, 0x1d, 0x21, 0x23];
/** What a chip of this kind takes beyond which it may block, whatever it says. */
const CYW_PACKETS = 2;
/** How long a host believes that the chip takes no command, ms. */
const NO_CREDIT = 2000;
/** How long data may come for a connection that the host knows nothing of, ms. */
const STRAY = 15_000;
/** How long a request that came before the level was raised may still be answered, ms. */
const GRACE = 30_000;

/** So many Resets a host sends before it looks for another rate. */
const SAME_RATE = 3;

/** Who somebody on the air is: the best level that he can reach honestly. */
export type Standing = (address: string) => number | undefined;

interface JudgedLink {
  readonly handle: number;
  readonly central: boolean;
  readonly peer: string;
  /** ACL packets that the chip has and has not told as completed. */
  inflight: number;
  /** The key that the chip was given last, and the one with which it is encrypted, as HCI carries them. */
  given: string;
  key: string;
  /** Keys that went over it in Encryption Information, either way. */
  readonly distributed: string[];
  /** A pairing has failed since it was encrypted. */
  failed: boolean;
  /** When each of the last ATT PDUs came that may still be answered; the least level since the link began. */
  asked: number[];
  least: number;
  ended: boolean;
  /** The L2CAP frame on its way out and in. */
  out: number[];
  in: number[];
}

/**
 * Looks at what a host was told and at what it does, and says where the two do not go together. It knows the bytes and the specification, nothing
 * of the stack but which packets it has taken as such.
 */
export class Judge {
  readonly offences: string[] = [];
  /** The level that the application has set, and since when it is so high. */
  level = 4;
  /** What this host may be told without that the chip or the wire is in order: out of step it rightly believes nothing. */
  doubts: () => boolean = () => false;
  /** Whether the host is up, and in step with its chip. */
  settled: () => boolean = () => false;
  /** The longest that this host waits for an answer once it is up, ms. */
  patience = 2000;
  answers = 0;
  /** Whether it has sent a Reset at one rate after another. */
  sought = false;

  private readonly _now: () => number;
  private readonly _cyw: boolean;
  private readonly _standing: Standing;
  private readonly _links = new Map<number, JudgedLink>();
  private readonly _known = new Set<string>();
  private _raised = 0;
  private _credits = 1;
  private _pending = 0;
  /** When the last command went out, and when the chip last told how many it takes. */
  private _sentAt = 0;
  private _resets = 0;
  private _toldAt = 0;
  private _subject = 0;
  /** Data of connections that the host knows nothing of: since when. */
  private readonly _strays = new Map<number, number>();
  private _buffers = 0;

  constructor(now: () => number, cyw: boolean, standing: Standing) {
    this._now = now;
    this._cyw = cyw;
    this._standing = standing;
  }

  /** The application has set another level. */
  setLevel(level: number): void {
    if (level > this.level) this._raised = this._now();
    this.level = level;
    for (const link of this._links.values()) link.least = Math.min(link.least, level);
  }

  /** The chip has lost all that it knew. */
  power(): void {
    this._links.clear();
    this._strays.clear();
    this._credits = 1;
    this._pending = 0;
  }

  /** The host has taken these bytes for a packet. */
  told(bytes: Uint8Array): void {
    for (const [handle, since] of this._strays) {
      if (this._now() - since < STRAY) continue;
      this._strays.delete(handle);
      this._offend(`data for the handle ${handle.toString(16)}, which the host knows nothing of, and it is not disconnected`);
    }
    if (bytes[0] === 4) this._event(bytes[1], bytes.subarray(3));
    else if (bytes[0] === 2) this._data(bytes);
  }

  /** The host has written something. */
  wrote(bytes: Uint8Array): void {
    if (bytes[0] === 1) this._command(bytes);
    else if (bytes[0] === 2) this._sent(bytes);
    else if (bytes.some((byte) => byte !== 0)) this._offend(`something that is no packet was sent: ${hex(bytes)}`);
  }

  /** The store is asked to keep what it holds now: each key that is new has to come from a pairing that has not failed. */
  saved(store: Store): void {
    for (const record of readRecords(store, Record.Bond)) {
      // The store's format: type, address, level, flags, key from 9 on, most significant octet first.
      const key = hex(record.slice(9, 25).reverse());
      if (this._known.has(key)) continue;
      this._known.add(key);
      const link = [...this._links.values()].find((one) => one.key !== "" && (one.key === key || one.distributed.includes(key)));
      if (link === undefined) this._offend(`a key is kept that no encrypted link has agreed on, of ${hex(record.slice(1, 7).reverse())}`);
      else if (link.failed) this._offend(`a key of a failed pairing is kept, of ${link.peer}`);
    }
  }

  /** The stored keys, to know those that a store had before. */
  trust(store: Store): void {
    for (const record of readRecords(store, Record.Bond)) this._known.add(hex(record.slice(9, 25).reverse()));
  }

  /** A handler of the application runs for a connection: its peer has to have reached the level. */
  handled(handle: number): void {
    const link = this._links.get(handle);
    if (link && !link.ended && !link.central && link.least > 1 && !this._reaches(link, link.least)) this._offend(`a handler runs for ${link.peer} at level ${link.least}`);
  }

  private _offend(text: string): void {
    if (this.offences.length < 20) this.offences.push(`${this._now().toFixed(1)} ${text}`);
  }

  private _event(code: number, p: Uint8Array): void {
    const doubts = this.doubts();
    if (code === 0x0e && p.length >= 3) this._answered(u16(p, 1), p[0], p.subarray(3));
    else if (code === 0x0f && p.length >= 4) this._answered(u16(p, 2), p[1], p.subarray(0, 1));
    else if (doubts) return;
    else if (code === 0x05 && p.length >= 4 && p[0] === 0) this._ended(u16(p, 1));
    else if (code === 0x13 && p.length >= 1) {
      for (let i = 0; i < p[0] && 5 + 4 * i <= p.length; i++) {
        const link = this._links.get(u16(p, 1 + 4 * i) & 0xfff);
        if (link) link.inflight -= Math.min(link.inflight, u16(p, 3 + 4 * i));
      }
    } else if (code === 0x08 && p.length >= 4) this._encrypted(u16(p, 1), p[0], p[3]);
    else if (code === 0x30 && p.length >= 3) this._encrypted(u16(p, 1), p[0], 1);
    else if (code === 0x3e && (p[0] === 0x01 || p[0] === 0x0a) && p.length >= (p[0] === 1 ? 19 : 31) && p[1] === 0) {
      const handle = u16(p, 2) & 0xfff;
      const peer = hex(p.slice(6, 12).reverse());
      const central = p[4] === 0;
      this._links.set(handle, { handle, central, peer, inflight: 0, given: "", key: "", distributed: [], failed: false, asked: [], least: this.level, ended: false, out: [], in: [] });
    }
  }

  private _answered(opcode: number, credits: number, returned: Uint8Array): void {
    this._credits = credits;
    this._toldAt = this._now();
    if (opcode !== this._pending || returned.length === 0) return;
    this._pending = 0;
    if (opcode === Op.RESET) this._links.clear();
    const status = returned[0];
    if (status === 0 && (opcode === Op.LE_BUFFER_SIZE || opcode === Op.LE_BUFFER_SIZE_2) && returned.length >= 4) this._buffers = u16(returned, 1) ? returned[3] : 0;
    else if (status === 0 && opcode === Op.BUFFER_SIZE && returned.length >= 6) this._buffers = u16(returned, 4);
    else if (status === 0x02 && (opcode === Op.DISCONNECT || opcode === Op.READ_RSSI)) this._ended(this._subject);
    if (this._cyw) this._buffers = Math.min(this._buffers, CYW_PACKETS);
  }

  private _ended(handle: number): void {
    this._strays.delete(handle & 0xfff);
    const link = this._links.get(handle & 0xfff);
    if (link === undefined) return;
    link.ended = true;
    link.inflight = 0;
  }

  private _encrypted(handle: number, status: number, on: number): void {
    const link = this._links.get(handle & 0xfff);
    if (link === undefined) return;
    link.key = status === 0 && on ? link.given : "";
    if (link.key !== "") link.failed = false;
  }

  private _command(bytes: Uint8Array): void {
    const opcode = u16(bytes, 1);
    const waited = this._now() - this._sentAt;
    const name = `command ${opcode.toString(16)}`;
    if (bytes.length !== 4 + bytes[3]) this._offend(`${name} has ${bytes.length - 4} bytes and says ${bytes[3]}`);
    this._resets = opcode === Op.RESET ? this._resets + 1 : 0;
    if (this._resets > SAME_RATE) this.sought = true;
    if (opcode === Op.RESET) {
      // The last resort, at any time; with it all that was is over.
      this._links.clear();
      this._strays.clear();
      this._credits = 1;
    } else if (this._pending) {
      const limit = this._pending === Op.BAUD ? 100 : this._pending === Op.RESET ? 200 : Math.min(1000, this.patience);
      if (waited < limit - 1) this._offend(`${name} while ${this._pending.toString(16)} has waited ${waited.toFixed(0)} ms for its answer`);
    } else if (this._credits === 0 && this._now() - this._toldAt < NO_CREDIT - 1) this._offend(`${name} though the chip takes none`);
    this._pending = opcode;
    this._sentAt = this._now();
    this._credits = Math.max(0, this._credits - 1);
    this._subject = bytes.length >= 6 ? u16(bytes, 4) : 0;
    if (opcode === Op.DISCONNECT) this._strays.delete(this._subject & 0xfff);
    const link = this._links.get(this._subject & 0xfff);
    if (link && opcode === Op.KEY_REPLY) link.given = hex(bytes.subarray(6, 22));
    if (link && opcode === Op.ENCRYPT) link.given = hex(bytes.subarray(16, 32));
  }

  private _sent(bytes: Uint8Array): void {
    const handle = u16(bytes, 1) & 0xfff;
    const link = this._links.get(handle);
    if (bytes.length !== 5 + u16(bytes, 3)) this._offend(`an ACL packet has ${bytes.length - 5} bytes and says ${u16(bytes, 3)}`);
    if (link === undefined || link.ended) {
      return this._offend(`data for the handle ${handle.toString(16)}, ${link ? "which has ended" : "which is none"}`);
    }
    link.inflight++;
    let sum = 0;
    for (const one of this._links.values()) sum += one.inflight;
    if (sum > this._buffers) this._offend(`${sum} packets for ${this._buffers} buffers`);
    if ((bytes[2] & 0x30) === 0) {
      if (link.out.length) this._offend("a frame begins before the last one has ended");
      link.out = [];
    }
    for (let i = 5; i < bytes.length; i++) link.out.push(bytes[i]);
    if (link.out.length < 4 || link.out.length < 4 + u16(link.out, 0)) return;
    const frame = link.out;
    link.out = [];
    if (frame.length > 4 + u16(frame, 0)) this._offend("a frame is longer than it says");
    if (u16(frame, 2) === 6) this._paired(link, frame);
    else if (u16(frame, 2) === 4) this._answer(link, frame.slice(4));
  }

  private _data(bytes: Uint8Array): void {
    const handle = u16(bytes, 1) & 0xfff;
    const link = this._links.get(handle);
    if (link === undefined && !this._strays.has(handle) && this.settled()) this._strays.set(handle, this._now());
    if (link === undefined || link.ended || bytes.length < 6) return;
    if ((bytes[2] & 0x30) !== 0x10) link.in = [];
    for (let i = 5; i < bytes.length; i++) link.in.push(bytes[i]);
    if (link.in.length < 4 || link.in.length < 4 + u16(link.in, 0)) return;
    const frame = link.in;
    link.in = [];
    if (u16(frame, 2) === 6) this._paired(link, frame);
    else if (u16(frame, 2) === 4) link.asked.push(this._now());
  }

  /** A PDU of the Security Manager, either way. */
  private _paired(link: JudgedLink, frame: number[]): void {
    if (frame[4] === 0x05) link.failed = true;
    if (frame[4] === 0x06) link.distributed.push(hex(frame.slice(5, 21)));
  }

  /** An ATT PDU that went out. */
  private _answer(link: JudgedLink, pdu: number[]): void {
    const opcode = pdu[0];
    if (link.central || !SERVED.includes(opcode)) return;
    this.answers++;
    const value = opcode === 0x1b || opcode === 0x1d || opcode === 0x23;
    // What came before the level was raised may still be on its way.
    const asked = value ? undefined : link.asked.shift();
    const level = this._now() - this._raised > GRACE || (asked ?? 0) > this._raised ? this.level : link.least;
    if (level < 3) return;
    const what = `ATT ${hex(pdu.slice(0, 8))} for ${link.peer} at level ${level}`;
    if (opcode === 0x01) {
      if (![0x05, 0x04, 0x06].includes(pdu[4]) && !this._reaches(link, level)) this._offend(`an error that discloses something: ${what}`);
    } else if (link.key === "") this._offend(`on a link that is not encrypted: ${what}`);
    else if (!this._reaches(link, level)) this._offend(`for somebody who cannot reach it: ${what}`);
  }

  private _reaches(link: JudgedLink, level: number): boolean {
    return link.key !== "" && (this._standing(link.peer) ?? 4) >= level;
  }
}

function u16(bytes: ArrayLike<number>, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8);
}

export function hex(bytes: ArrayLike<number>): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
