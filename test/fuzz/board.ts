import { aes128 } from "../../hal/mock/aes.js";
import { VirtualClock, type Handle } from "../../hal/mock/clock.js";
import { keyPair, sharedSecret } from "../../hal/mock/phonecrypto.js";
import type { Random } from "../../hal/mock/random.js";
import type { Hal } from "../../hal/hal.js";

/** ACL packets that the controller has room for. */
export const CREDITS = 8;

/** Milliseconds from a command to its answer. */
const TURNAROUND = 0.1;

const NOTHING = new Uint8Array(0);

/** A frame that the host has sent on a link. */
export interface Frame {
  readonly cid: number;
  readonly payload: Uint8Array;
}

interface Life {
  /** What has come of a frame that is not whole; nothing: none has begun. */
  rest: Uint8Array;
  readonly frames: Frame[];
}

function le16(value: number): [number, number] {
  return [value & 255, (value >> 8) & 255];
}

/**
 * A board with the smallest controller that answers everything as the specification has it, keeps nothing that grows, and lets a test say what comes in
 * besides. Commands are answered a little later, ACL data are reported as completed. What the host sends it checks: a packet that is none is
 * an error.
 */
export class Board {
  readonly clock = new VirtualClock();
  readonly hal: Hal;
  /** Hands bytes to the host. */
  receive: (data: Uint8Array | string) => void = () => {};
  /** What the host has told the controller to do. */
  advertising = false;
  scanning = false;
  initiating = false;
  /** Links that there are, by their handles. */
  readonly links = new Map<number, Life>();
  /** Called when a link is encrypted by the host's key; null: the host has none. */
  onkey: (handle: number, key: Uint8Array | null) => void = () => {};
  /** Packets written since it was last set to 0. */
  written = 0;
  private readonly _random: Random;
  private _open = false;

  constructor(random: Random) {
    const clock = this.clock;
    this._random = random;
    this.hal = {
      uart: {
        flow: true,
        open: (_baud, _flow, receive) => {
          this._open = true;
          this.receive = receive;
        },
        write: (buffer, offset, length) => this._write(buffer.slice(offset, offset + length)),
        close: () => {
          this._open = false;
          this.receive = () => {};
        },
      },
      gpio: {},
      timer: {
        now: () => clock.now,
        set: (ms, callback) => clock.after(ms, callback),
        clear: (handle) => void clock.cancel(handle as Handle),
      },
      delay: () => {},
      random: (target) => random.fill(target),
      crypto: {
        aes: (key, block) => void block.set(aes128(key, block)),
        p256public: (secret, target) => {
          const pair = keyPair(secret);
          if (pair === null) return false;
          target.set(pair.x);
          target.set(pair.y, 32);
          return true;
        },
        p256shared: (secret, peer, target) => {
          const shared = sharedSecret(keyPair(secret)!.ecdh, peer.slice(0, 32), peer.slice(32));
          if (shared === null) throw new Error("the peer's key is not on the curve");
          target.set(shared);
          return true;
        },
      },
    };
  }

  /** Sends an event, without its indicator and its length. */
  event(code: number, parameters: ArrayLike<number>): void {
    const packet = new Uint8Array(3 + parameters.length);
    packet.set([4, code, parameters.length]);
    packet.set(Array.from(parameters), 3);
    this.receive(packet);
  }

  /** LE Connection Complete; `central`: our role. */
  connect(handle: number, central: boolean, address: ArrayLike<number>, random = 0): void {
    this.links.set(handle, { rest: NOTHING, frames: [] });
    if (central) this.initiating = false;
    else this.advertising = false;
    this.event(0x3e, [1, 0, ...le16(handle), central ? 0 : 1, random, ...Array.from(address), 24, 0, 0, 0, 0x90, 1, 0]);
  }

  /** Disconnection Complete. */
  disconnect(handle: number, reason = 0x13): void {
    if (this.links.delete(handle)) this.event(5, [0, ...le16(handle), reason]);
  }

  /** ACL data: an L2CAP frame in one packet. */
  frame(handle: number, cid: number, payload: ArrayLike<number>): void {
    const packet = new Uint8Array(9 + payload.length);
    packet.set([2, handle & 255, (handle >> 8) | 0x20, ...le16(4 + payload.length), ...le16(payload.length), ...le16(cid)]);
    packet.set(payload as Uint8Array, 9);
    this.receive(packet);
  }

  /** Takes the frames that the host has sent on a link. */
  take(handle: number): Frame[] {
    return this.links.get(handle)?.frames.splice(0) ?? [];
  }

  private _write(packet: Uint8Array): void {
    if (!this._open) throw new Error("written to a closed UART");
    this.written++;
    if (packet[0] === 1) {
      if (packet.length !== 4 + packet[3]) throw new Error(`a command of the wrong length: ${Buffer.from(packet).toString("hex")}`);
      this.clock.after(TURNAROUND, () => this._command(packet[1] | (packet[2] << 8), packet.subarray(4)));
    } else if (packet[0] === 2) this._acl(packet);
    // Padding.
    else if (packet.some((byte) => byte !== 0)) throw new Error(`no packet: ${Buffer.from(packet).toString("hex")}`);
  }

  private _complete(opcode: number, ...returned: number[]): void {
    this.event(0x0e, [1, ...le16(opcode), ...returned]);
  }

  private _status(opcode: number, status: number): void {
    this.event(0x0f, [status, 1, ...le16(opcode)]);
  }

  private _command(opcode: number, p: Uint8Array): void {
    const handle = (p[0] | (p[1] << 8)) & 0xfff;
    const known = this.links.has(handle);
    switch (opcode) {
      case 0x0c03:
        this.advertising = this.scanning = this.initiating = false;
        this.links.clear();
        return this._complete(opcode, 0);
      case 0x1001:
        return this._complete(opcode, 0, 8, 0x34, 0x12, 8, 0x31, 0x01, 0, 0);
      case 0x1002:
        return this._complete(opcode, 0, ...new Array<number>(64).fill(255));
      case 0x0c14:
        return this._complete(opcode, 0, ...new Array<number>(248).fill(0x41));
      case 0x1005:
        return this._complete(opcode, 0, 251, 0, 64, CREDITS, 0, 8, 0);
      case 0x2002:
        return this._complete(opcode, 0, 251, 0, CREDITS);
      case 0x1009:
        return this._complete(opcode, 0, 0x56, 0x34, 0x12, 0xee, 0xff, 0xc0);
      case 0x201c:
        return this._complete(opcode, 0, 255, 255, 255, 255, 255, 255, 3, 0);
      case 0x2018:
      case 0x2017: {
        const drawn = new Uint8Array(opcode === 0x2018 ? 8 : 16);
        if (opcode === 0x2018) this._random.fill(drawn);
        else drawn.set(aes128(p.slice(0, 16).reverse(), p.slice(16).reverse()).reverse());
        return this._complete(opcode, 0, ...drawn);
      }
      // What changes parameters while it runs is refused, as by any controller.
      case 0x2006:
        return this._complete(opcode, this.advertising ? 0x0c : 0);
      case 0x200a:
        this.advertising = p[0] === 1;
        return this._complete(opcode, 0);
      case 0x200b:
        return this._complete(opcode, this.scanning ? 0x0c : 0);
      case 0x200c:
        this.scanning = p[0] === 1;
        return this._complete(opcode, 0);
      case 0x200d:
        this._status(opcode, this.initiating ? 0x0c : 0);
        this.initiating = true;
        return;
      case 0x200e: {
        const was = this.initiating;
        this.initiating = false;
        this._complete(opcode, was ? 0 : 0x0c);
        if (was) this.event(0x3e, [1, 2, ...new Array<number>(17).fill(0)]);
        return;
      }
      case 0x0406:
        this._status(opcode, known ? 0 : 2);
        return this.disconnect(handle, 0x16);
      case 0x1405:
        return this._complete(opcode, known ? 0 : 2, p[0], p[1], 200);
      case 0x2013:
        this._status(opcode, known ? 0 : 2);
        if (known) this.event(0x3e, [3, 0, p[0], p[1], p[4], p[5], p[6], p[7], p[8], p[9]]);
        return;
      case 0x2019:
        this._status(opcode, known ? 0 : 2);
        if (known) this.onkey(handle, p.slice(12, 28).reverse());
        return;
      case 0x201a:
      case 0x201b:
        this._complete(opcode, known ? 0 : 2, p[0], p[1]);
        if (known) this.onkey(handle, opcode === 0x201a ? p.slice(2, 18).reverse() : null);
        return;
      case 0x2020:
      case 0x2021:
        return this._complete(opcode, known ? 0 : 2, p[0], p[1]);
      default:
        return this._complete(opcode, 0);
    }
  }

  private _acl(packet: Uint8Array): void {
    const handle = (packet[1] | (packet[2] << 8)) & 0xfff;
    const link = this.links.get(handle);
    if (packet.length !== 5 + packet[3] + (packet[4] << 8)) throw new Error("an ACL packet of the wrong length");
    this.clock.after(TURNAROUND, () => {
      if (this.links.get(handle) === link && link) this.event(0x13, [1, ...le16(handle), 1, 0]);
    });
    if (!link) return;
    const first = !(packet[2] & 0x10);
    if (first === link.rest.length > 0) throw new Error(first ? "a frame in the middle of another" : "a fragment of no frame");
    link.rest = first ? packet.subarray(5) : new Uint8Array(Buffer.concat([link.rest, packet.subarray(5)]));
    const length = 4 + link.rest[0] + (link.rest[1] << 8);
    if (link.rest.length > length) throw new Error("a frame longer than it says");
    if (link.rest.length < length) return;
    // What nobody takes is forgotten.
    if (link.frames.length > 64) link.frames.shift();
    link.frames.push({ cid: link.rest[2] | (link.rest[3] << 8), payload: link.rest.slice(4) });
    link.rest = NOTHING;
  }
}
