import assert from "node:assert/strict";
import { createOpen } from "../../core/bluetooth.js";
import type { Connection } from "../../core/connection.js";
import { addAdvertising } from "../../core/gap/advertiser.js";
import { addLinks } from "../../core/gap/links.js";
import type { Service } from "../../core/gatt/database.js";
import { addGatt } from "../../core/gatt/server.js";
import type { Options } from "../../core/options.js";
import type { BoardOptions, CentralOptions } from "../../hal/mock/index.js";
import { CID, device, Peer } from "../support/links.js";
import { brief, hex, rig, unhex, type Rig } from "../support/rig.js";
import { ALL_STATES } from "../support/states.js";

/** What the tests of links, ACL and L2CAP share, and the tests of that. */

export const LONG = unhex(Array.from({ length: 200 }, (_, i) => i.toString(16).padStart(2, "0")).join(""));

/** A value to read, a long one, one to subscribe to. */
export const TABLE: Service[] = [
  {
    uuid: 0xfff0,
    chars: [
      { uuid: 0xfff1, value: "Acme" },
      { uuid: 0xfff2, value: LONG },
      { uuid: 0xfff3, value: "now", flags: 0x12 },
    ],
  },
];

export { ALL_STATES };

/** A chip with room for eight links, which may advertise connectably beside them. */
export const EIGHT: BoardOptions<any> = { chip: { links: 8, identity: { lestates: ALL_STATES } } };

export function u16le(value: number): string {
  return hex([value & 255, value >> 8]);
}

/** The handle of a characteristic's value as ATT carries it. */
export function at(rig: Rig<any>, uuid: number, more = 0): string {
  return u16le(rig.bt.handle(0xfff0, uuid) + more);
}

/** A Read Request of `Acme`, answered. */
export function readsAcme(rig: Rig<any>, peer: Peer, message?: string): void {
  assert.equal(peer.att("0a" + at(rig, 0xfff1)), "0b41636d65", message);
}

export function subscribe(rig: Rig<any>, peer: Peer): void {
  assert.equal(peer.att("12" + at(rig, 0xfff3, 1) + "0100"), "13");
}

/** The address of the peer number `n`. */
export function peerAddress(n: number): string {
  return "0b5e12e20" + n.toString(16).padStart(3, "0");
}

/** A peer of its own address. */
export function makePeer(rig: Rig<any>, n: number, options: CentralOptions = {}): Peer {
  return new Peer(rig, { address: peerAddress(n), ...options });
}

/** Connects peers number 0x10 and on. */
export function makePeers(rig: Rig<any>, count: number, options: CentralOptions = {}): Peer[] {
  return Array.from({ length: count }, (_, i) => makePeer(rig, 0x10 + i, options).connect());
}

/** Parameters of the commands with an opcode, from entry `from` of the chip's log on. */
export function sent(rig: Rig<any>, opcode: number, from = 0): string[] {
  return rig.board.chip.log.slice(from).filter((c: any) => c.opcode === opcode).map((c: any) => hex(c.parameters));
}

/** A place in the chip's log, for `sent`. */
export function here(rig: Rig<any>): number {
  return rig.board.chip.log.length;
}

/** ACL packets that went to the chip since `from` of the rig's journal. */
export function aclOut(rig: Rig<any>, from = 0): { at: number; handle: number; flags: number; data: string }[] {
  const packets: { at: number; handle: number; flags: number; data: string }[] = [];
  for (const entry of rig.journal.slice(from)) {
    if (entry.what !== "write" || entry.bytes[0] !== 2) continue;
    const b = entry.bytes;
    assert.equal(b.length, 5 + (b[3] | (b[4] << 8)), "the length of an ACL packet");
    packets.push({ at: entry.at, handle: (b[1] | (b[2] << 8)) & 0xfff, flags: b[2] >> 4, data: hex(b.slice(5)) });
  }
  return packets;
}

/** How many packets the chip has and has not told as completed. */
export function occupied(rig: Rig<any>): number {
  return rig.board.chip.controller.connections.all.reduce((sum: number, c: any) => sum + c.occupied + c.completed, 0);
}

/** The host has broken no rule. */
export function clean(rig: Rig<any>): void {
  assert.deepEqual(rig.board.chip.violations, []);
  assert.deepEqual(rig.errors.map(brief), []);
  assert.equal(rig.bt.counters().exceptions, 0);
}

/**
 * All buffers are back: those of links, since as many peers as there may be connect and are served; those of the controller, since a peer that
 * takes nothing gets exactly `packets` into them. Needs a rig without links whose advert is on, and serves TABLE.
 */
export function home(rig: Rig<any>, packets = 2, links = 1): void {
  assert.equal(rig.board.chip.controller.connections.all.length, 0, "no link is left");
  rig.run(200);
  assert.deepEqual([...new Set(rig.listen(300).map(({ type }) => type))], [0], "a connectable advert is on the air");
  const peers: Peer[] = [];
  for (let i = 0; i < links; i++) {
    const peer = makePeer(rig, 0xff0 + i);
    peers.push(peer.connect());
    readsAcme(rig, peer, `link ${i} of ${links}`);
  }
  for (const peer of peers.slice(1)) peer.central.disconnect();
  rig.run(500);
  const last = peers[0];
  subscribe(rig, last);
  rig.run(100);
  assert.equal(occupied(rig), 0, "nothing is in flight");
  last.central.busy = true;
  let queued = 0;
  while (queued < 3 * packets + 3 && rig.bt.notify(0xfff3, [queued])) queued++;
  assert.ok(queued >= 1);
  rig.run(300);
  assert.equal(occupied(rig), Math.min(queued, packets), "the controller has all packets that it may have");
  last.central.busy = false;
  rig.run(500);
  const heard = last.frames.filter(({ cid }) => cid === CID.ATT).map(({ bytes }) => bytes);
  assert.deepEqual(heard, Array.from({ length: queued }, (_, i) => "1b" + at(rig, 0xfff3) + hex([i])));
  assert.equal(occupied(rig), 0, "all packets were completed");
  last.central.disconnect();
  rig.run(500);
  assert.equal(rig.board.chip.controller.connections.all.length, 0);
}

export interface Room {
  rig: Rig<any>;
  connections: Connection[];
  closed: number[];
}

/** A device that serves TABLE. */
export function served(options: Options = {}, board: BoardOptions<any> = {}, part: "cyw43438" | "plain" = "cyw43438"): Room {
  return device(TABLE, options, board, part);
}

const openWithout: any = createOpen<any>([addLinks, addGatt, addAdvertising] as any, 5 + 255, undefined, { mtu: 247 });

/** An instance of a build without the Security Manager, on the board of a rig that is up. */
export function withoutSecurity(options: Options = {}): Rig<any> {
  const made: Rig<any> = rig();
  made.up().bt.close();
  made.run(100);
  let ready = false;
  made.bt = openWithout(made.hal, made.firmware, { ...options, onready: () => void (ready = true), onerror: (error: any) => void made.errors.push(error) });
  made.board.clock.until(() => ready || made.errors.length > 0, 60_000);
  assert.ok(ready);
  return made;
}

/** The same, serving TABLE to a peer that has connected. */
export function linkedWithoutSecurity(options: Options = {}): { rig: Rig<any>; peer: Peer; connection: Connection; closed: number[] } {
  const made = withoutSecurity(options);
  const closed: number[] = [];
  let connection!: Connection;
  made.bt.setsecurity(1);
  made.bt.servegatt(TABLE);
  made.bt.onconnect((c) => {
    connection = c;
    c.onclose((reason) => void closed.push(reason));
  });
  made.bt.startadvertise("\x02\x01\x06", 20, 20);
  made.run(50);
  const peer = new Peer(made).connect();
  return { rig: made, peer, connection, closed };
}

/** An HCI event, indicator first. */
export function event(code: number, digits: string): Uint8Array {
  const parameters = unhex(digits);
  return Uint8Array.from([4, code, parameters.length, ...parameters]);
}

/** LE Connection Complete in the peripheral role. */
export function connectionComplete(handle: number, peer = "0200e2125e0b", status = 0): Uint8Array {
  return event(0x3e, "01" + hex([status]) + u16le(handle) + "01" + "00" + peer + "1800" + "0000" + "c800" + "00");
}

export function disconnectionComplete(handle: number, reason: number, status = 0): Uint8Array {
  return event(0x05, hex([status]) + u16le(handle) + hex([reason]));
}

describe("the check that all buffers are back", () => {
  it("holds for a device that nobody has touched, with one link and with eight", () => {
    home(served({ links: 1 }).rig, 2, 1);
    home(served({}, EIGHT).rig, 2, 8);
    home(served({}, EIGHT, "plain").rig, 4, 8);
  });

  it("fails where the controller has been given fewer packets", () => {
    assert.throws(() => home(served({ aclpackets: 1 }).rig, 2, 1), /all packets that it may have/);
  });
});
