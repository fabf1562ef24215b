import assert from "node:assert/strict";
import type { Connection } from "../../core/connection.js";
import type { Service } from "../../core/gatt/database.js";
import type { Options } from "../../core/options.js";
import { Central, type BoardOptions, type CentralOptions } from "../../hal/mock/index.js";
import { hex, plainRig, rig, unhex, type Rig } from "./rig.js";

/** Channels, Vol 3 Part A 2.1. */
export const CID = { ATT: 4, SIGNALLING: 5, SMP: 6 } as const;

/** A peer on the air that sends and hears L2CAP frames and knows nothing of our stack. */
export class Peer {
  readonly central: Central;
  /** Frames heard and not yet taken, oldest first. */
  readonly frames: { cid: number; bytes: string }[] = [];
  /** Why the link ended, each time. */
  readonly ends: number[] = [];
  private readonly _rig: Rig<any>;

  constructor(rig: Rig<any>, options: CentralOptions = {}) {
    this._rig = rig;
    this.central = new Central(rig.board.air, options);
    this.central.onframe = (cid, payload) => void this.frames.push({ cid, bytes: hex(payload) });
    this.central.ondisconnected = (reason) => void this.ends.push(reason);
  }

  /** Connects to the device, which has to advertise. */
  connect(limit = 5000): this {
    // Without an address of its own the device has a random one, which begins with 11.
    const address = this._rig.bt.address()!;
    const random = this._rig.board.chip.controller.identity.manufacturer === 15 && parseInt(address[0], 16) >= 12 ? 1 : 0;
    this.central.connect(address, random, { timeout: limit });
    this._rig.board.clock.until(() => this.central.connected, limit);
    assert.ok(this.central.connected, "connected");
    // Two events, so that both sides know.
    this._rig.run(2 * this.central.interval);
    return this;
  }

  /** Sends a frame, hex digits. */
  send(cid: number, digits: string): this {
    this.central.send(cid, unhex(digits));
    return this;
  }

  /** The next frame that comes on a channel within `ms`, as hex digits; "" where none does. */
  next(cid: number = CID.ATT, ms = 1000): string {
    const find = (): number => this.frames.findIndex((frame) => frame.cid === cid);
    this._rig.board.clock.until(() => find() >= 0, ms);
    const index = find();
    return index < 0 ? "" : this.frames.splice(index, 1)[0].bytes;
  }

  /** Sends an ATT PDU and returns the answer, "" for none. */
  att(digits: string, ms = 1000): string {
    return this.send(CID.ATT, digits).next(CID.ATT, ms);
  }

  /** Exchanges the MTU. */
  mtu(mtu: number): this {
    const low = (mtu & 255).toString(16).padStart(2, "0") + (mtu >> 8).toString(16).padStart(2, "0");
    assert.match(this.att("02" + low), /^03....$/);
    return this;
  }
}

export interface Linked {
  rig: Rig<any>;
  peer: Peer;
  /** The connection as the application has it. */
  connection: Connection;
  /** Reasons given to `onclose`. */
  closed: number[];
}

/** A device that serves `services` at level 1 and advertises, and its `onconnect` calls. */
export function device(services: Service[] = [], options: Options = {}, board: BoardOptions<any> = {}, part: "cyw43438" | "plain" = "cyw43438"): { rig: Rig<any>; connections: Connection[]; closed: number[] } {
  const connections: Connection[] = [];
  const closed: number[] = [];
  const made: Rig<any> = part === "plain" ? plainRig({ board, options }) : rig({ board, options });
  made.bt.setsecurity(1);
  made.bt.servegatt(services);
  made.bt.onconnect((connection) => {
    connections.push(connection);
    connection.onclose((reason) => void closed.push(reason));
  });
  made.bt.startadvertise("\x02\x01\x06", 20, 20);
  made.up();
  return { rig: made, connections, closed };
}

/** The same with a peer that has connected. */
export function linked(services: Service[] = [], options: Options = {}, central: CentralOptions = {}): Linked {
  const { rig, connections, closed } = device(services, options);
  const peer = new Peer(rig, central).connect();
  assert.equal(connections.length, 1, "onconnect has been called");
  return { rig, peer, connection: connections[0], closed };
}

/** An L2CAP frame of the peer on the only connection, as the chip hands it over, hex digits. */
export function handedOver(rig: Rig<any>, cid: number, pdu: string): string {
  const words = [rig.board.chip.controller.connections.all[0].handle | 0x2000, 4 + pdu.length / 2, pdu.length / 2, cid];
  return "02" + hex(words.flatMap((word) => [word & 255, word >> 8])) + pdu;
}
