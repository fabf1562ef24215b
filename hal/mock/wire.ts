import type { Handle, VirtualClock } from "./clock.js";
import { Random } from "./random.js";

/** Start bit, eight data bits, stop bit. */
const BITS_PER_BYTE = 10;
/** How far two UARTs may be apart and still understand each other (CYW43438 data sheet family: 2 % combined). */
const TOLERANCE = 0.02;
/** What a receiver that keeps the delivered array finds in it afterwards. */
const POISON = 0xdb;

/**
 * Changes what one direction of the wire carries.
 * @param byte what the transmitter sent, 0 to 255
 * @param index how many bytes the transmitter had sent before it
 * @returns the byte that arrives, several, or null if it is lost
 */
export type Fault = (byte: number, index: number) => number | readonly number[] | null;

/** Bytes that arrive together: a number, or a function asked before each chunk (for instance a seeded random one). */
export type Chunk = number | (() => number);

export interface WireOptions {
  /** Most bytes that are delivered in one call, both directions; default 16, 1 is byte by byte. */
  chunk?: Chunk;
  /** Seed of what arrives when the rates differ; default 1. */
  seed?: number;
}

interface Marker {
  position: number;
  action: () => void;
}

/** One direction: a transmitter with a queue, the line, and a receiver. Made by `Wire`. */
export class Line {
  /** Most bytes that are delivered in one call. */
  chunk: Chunk;
  /** What goes wrong on this direction; undefined is a good line. */
  fault: Fault | undefined = undefined;
  /** Bytes that the transmitter has put on the line. */
  sent = 0;
  /** Bytes that the receiver got. */
  delivered = 0;
  /** Bytes that arrived where nobody listened. */
  lost = 0;
  /** Bytes that arrived at a receiver set to another rate. */
  garbled = 0;

  private readonly _clock: VirtualClock;
  private readonly _random: Random;
  private readonly _from: WireEnd;
  private readonly _to: WireEnd;
  private _ring = new Uint8Array(1024);
  private _head = 0;
  private _count = 0;
  private readonly _markers: Marker[] = [];
  /** The chunk on the line: its size (0 is an idle line), when its first bit left, the rate, and the event of its arrival. */
  private _flying = 0;
  private _started = 0;
  private _baud = 0;
  private _arrival: Handle | null = null;
  private readonly _views: Uint8Array[] = [];

  constructor(clock: VirtualClock, random: Random, chunk: Chunk, from: WireEnd, to: WireEnd) {
    this._clock = clock;
    this._random = random;
    this.chunk = chunk;
    this._from = from;
    this._to = to;
  }

  /** Bytes that were given to `send` and have not left yet. */
  get queued(): number {
    return this._count;
  }

  /** True while flow control stops the transmitter. */
  get held(): boolean {
    return this._from.flow && this._to.rts === 1;
  }

  /** @internal */
  send(buffer: Uint8Array, offset: number, length: number): void {
    if (this._count + length > this._ring.length) this._grow(this._count + length);
    const ring = this._ring;
    let tail = (this._head + this._count) & (ring.length - 1);
    for (let i = offset; i < offset + length; i++) {
      ring[tail] = buffer[i];
      tail = (tail + 1) & (ring.length - 1);
    }
    this._count += length;
    this._start();
  }

  /** @internal */
  afterSent(action: () => void): void {
    if (this._count === 0) action();
    else this._markers.push({ position: this.sent + this._count, action });
  }

  /** Drops what has not left, the byte on the line included, and what was to follow it. */
  abort(): void {
    if (this._arrival !== null) this._clock.cancel(this._arrival);
    this._arrival = null;
    this._flying = 0;
    this._count = 0;
    this._markers.length = 0;
  }

  /** @internal Looks again at flow control. */
  update(): void {
    if (!this.held) {
      this._start();
    } else if (this._arrival !== null) {
      // A transmitter stops between two bytes: the one that it has begun still goes out.
      const bytetime = (BITS_PER_BYTE * 1000) / this._baud;
      const begun = Math.ceil((this._clock.now - this._started) / bytetime - 1e-9);
      if (begun >= this._flying) return;
      this._clock.cancel(this._arrival);
      this._arrival = null;
      this._flying = begun;
      if (begun > 0) this._fly(this._started + begun * bytetime - this._clock.now);
    }
  }

  private _start(): void {
    if (this._flying > 0 || this._count === 0 || this.held || this._from.baud === 0) return;
    const chunk = typeof this.chunk === "number" ? this.chunk : this.chunk();
    if (!(chunk >= 1)) throw new RangeError(`Line.chunk: ${chunk} is not a number from 1`);
    const untilmarker = this._markers.length > 0 ? this._markers[0].position - this.sent : Infinity;
    this._flying = Math.min(this._count, Math.floor(chunk), untilmarker);
    this._started = this._clock.now;
    this._baud = this._from.baud;
    this._fly((this._flying * BITS_PER_BYTE * 1000) / this._baud);
  }

  private _fly(ms: number): void {
    this._arrival = this._clock.after(Math.max(0, ms), this._arrive);
  }

  private readonly _arrive = (): void => {
    const index = this.sent;
    const baud = this._baud;
    const length = this._flying;
    const bytes = this._take(length);
    this.sent += length;
    this._flying = 0;
    this._arrival = null;
    while (this._markers.length > 0 && this._markers[0].position <= this.sent) this._markers.shift()!.action();
    this._start();
    // Last, so that the line is whole even if the receiver throws.
    this._deliver(bytes, index, baud);
  };

  private _take(length: number): Uint8Array {
    const bytes = (this._views[length] ??= new Uint8Array(length));
    const ring = this._ring;
    for (let i = 0; i < length; i++) bytes[i] = ring[(this._head + i) & (ring.length - 1)];
    this._head = (this._head + length) & (ring.length - 1);
    this._count -= length;
    return bytes;
  }

  private _deliver(bytes: Uint8Array, index: number, baud: number): void {
    const to = this._to;
    if (to.receive === null || to.deaf || to.baud === 0) {
      this.lost += bytes.length;
      return;
    }
    let arrived = this.fault === undefined ? bytes : spoil(bytes, index, this.fault);
    if (arrived.length === 0) return;
    if (Math.abs(baud / to.baud - 1) > TOLERANCE) {
      this.garbled += arrived.length;
      arrived = new Uint8Array(Math.max(1, Math.round((arrived.length * to.baud) / baud)));
      this._random.fill(arrived);
    }
    this.delivered += arrived.length;
    to.receive(arrived);
    // The HAL contract gives the array for the time of the call only.
    arrived.fill(POISON);
  }

  private _grow(least: number): void {
    let size = this._ring.length;
    while (size < least) size *= 2;
    const ring = new Uint8Array(size);
    for (let i = 0; i < this._count; i++) ring[i] = this._ring[(this._head + i) & (this._ring.length - 1)];
    this._ring = ring;
    this._head = 0;
  }
}

/** One end of the wire: a UART with its transmitter, its receiver, its RTS output and its CTS input. Made by `Wire`. */
export class WireEnd {
  /** True while bytes that arrive are lost. */
  deaf = false;
  /** Called with what arrives. The array is valid during the call only. */
  receive: ((bytes: Uint8Array) => void) | null = null;

  private _flow = false;
  private _rts: 0 | 1 = 1;
  private _baud = 0;
  private _peer!: WireEnd;
  private _out!: Line;
  private _in!: Line;

  /** @internal */
  join(peer: WireEnd, out: Line, incoming: Line): void {
    this._peer = peer;
    this._out = out;
    this._in = incoming;
  }

  /** Rate in bit/s of transmitter and receiver; 0 before the first `setBaud`. */
  get baud(): number {
    return this._baud;
  }

  /** True if the transmitter stops while its CTS input is high. */
  get flow(): boolean {
    return this._flow;
  }
  set flow(on: boolean) {
    this._flow = on;
    this._out.update();
  }

  /** Level of the RTS output: 0 says that this end can receive. */
  get rts(): 0 | 1 {
    return this._rts;
  }
  set rts(level: 0 | 1) {
    this._rts = level;
    this._in.update();
  }

  /** Level of the CTS input, which is the other end's RTS. */
  get cts(): 0 | 1 {
    return this._peer._rts;
  }

  /** Bytes that were sent here and have not left yet. */
  get queued(): number {
    return this._out.queued;
  }

  /** Queues `length` bytes of `buffer` from `offset` on; they are copied. */
  send(buffer: Uint8Array, offset = 0, length = buffer.length - offset): void {
    this._out.send(buffer, offset, length);
  }

  /** Calls `action` as soon as everything sent so far has left; at once if it has. */
  afterSent(action: () => void): void {
    this._out.afterSent(action);
  }

  /** Changes the rate of both directions (bit/s) as soon as everything sent so far has left at the old one. */
  setBaud(baud: number): void {
    this._out.afterSent(() => {
      this._baud = baud;
      this._out.update();
    });
  }

  /** Drops what was sent and has not left. */
  abort(): void {
    this._out.abort();
  }
}

/**
 * The UART between host and chip: 8N1, each byte takes ten bit times, both directions at once.
 */
export class Wire {
  readonly host = new WireEnd();
  readonly chip = new WireEnd();
  readonly toChip: Line;
  readonly toHost: Line;

  constructor(clock: VirtualClock, options: WireOptions = {}) {
    const random = new Random(options.seed ?? 1);
    const chunk = options.chunk ?? 16;
    this.toChip = new Line(clock, random.split(), chunk, this.host, this.chip);
    this.toHost = new Line(clock, random.split(), chunk, this.chip, this.host);
    this.host.join(this.chip, this.toChip, this.toHost);
    this.chip.join(this.host, this.toHost, this.toChip);
  }
}

function spoil(bytes: Uint8Array, index: number, fault: Fault): Uint8Array {
  const arrived: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    const byte = fault(bytes[i], index + i);
    if (typeof byte === "number") arrived.push(byte);
    else if (byte !== null) for (let k = 0; k < byte.length; k++) arrived.push(byte[k]);
  }
  return Uint8Array.from(arrived);
}
