import assert from "node:assert/strict";
import { Llid } from "../../hal/mock/index.js";
import { CID, device, linked, Peer } from "../support/links.js";
import { complete, hex, plainRig, unhex, type Rig } from "../support/rig.js";
import { aclOut, ALL_STATES, at, clean, connectionComplete, EIGHT, event, home, LONG, makePeer, makePeers, occupied, readsAcme, sent, served, subscribe, TABLE, u16le } from "./links-fixture.test.js";

/** A service that keeps what is written. */
function keeper(): { services: any[]; written: string[] } {
  const written: string[] = [];
  return { written, services: [...TABLE, { uuid: 0xff00, chars: [{ uuid: 0xff01, write: (_: any, value: Uint8Array) => void written.push(hex(value)), flags: 0x0c }] }] };
}

function keeperHandle(rig: Rig<any>): string {
  return u16le(rig.bt.handle(0xff00, 0xff01));
}

/** An L2CAP frame. */
function frame(payload: string, cid: number = CID.ATT, length = payload.length / 2): Uint8Array {
  return unhex(u16le(length) + u16le(cid) + payload);
}

/** Sends pieces as LL PDUs: the first begins a frame, the others go on with it. */
function pieces(peer: Peer, parts: Uint8Array[]): void {
  parts.forEach((part, i) => peer.central.sendRaw(i ? Llid.CONTINUE : Llid.START, part));
}

function cut(bytes: Uint8Array, ...lengths: number[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const length of lengths) parts.push(bytes.slice(from, (from += length)));
  if (from < bytes.length) parts.push(bytes.slice(from));
  return parts;
}

/** Follows what is in flight, by what the host has been told: the highest number of each link, and of all. */
function follow(rig: Rig<any>): { most: number; now: number; of: { [handle: number]: number }; mostOf: { [handle: number]: number } } {
  const state = { most: 0, now: 0, of: {} as { [handle: number]: number }, mostOf: {} as { [handle: number]: number } };
  rig.bt.trace((out, bytes, offset) => {
    const handle = (bytes[offset + 1] | (bytes[offset + 2] << 8)) & 0xfff;
    if (out && bytes[offset] === 2) {
      state.of[handle] = (state.of[handle] ?? 0) + 1;
      state.now++;
      state.most = Math.max(state.most, state.now);
      state.mostOf[handle] = Math.max(state.mostOf[handle] ?? 0, state.of[handle]);
    } else if (!out && bytes[offset] === 4 && bytes[offset + 1] === 0x13) {
      for (let i = 0; i < bytes[offset + 3]; i++) {
        const to = offset + 4 + 4 * i;
        const done = bytes[to + 2] | (bytes[to + 3] << 8);
        state.of[bytes[to] | (bytes[to + 1] << 8)] -= done;
        state.now -= done;
      }
    } else if (!out && bytes[offset] === 4 && bytes[offset + 1] === 0x05) {
      // What a link had in flight is free when it has ended.
      const ended = bytes[offset + 4] | (bytes[offset + 5] << 8);
      state.now -= state.of[ended] ?? 0;
      state.of[ended] = 0;
    }
  });
  return state;
}

/** Reads among notifications. */
function readsAcmeAmong(rig: Rig<any>, peer: Peer): void {
  peer.frames.length = 0;
  readsAcme(rig, peer);
}

describe("ACL data that comes in", () => {
  for (const rejoin of [false, true]) {
    it(`a request split in each of its 64 ways is answered${rejoin ? ", by a controller that joins what it can" : ""}`, () => {
      const { rig } = served({}, { chip: { rejoin } });
      const peer = makePeer(rig, 1).connect();
      const whole = frame("0a" + at(rig, 0xfff1));
      for (let ways = 0; ways < 64; ways++) {
        const parts: number[][] = [[whole[0]]];
        for (let i = 1; i < whole.length; i++) {
          if (ways & (1 << (i - 1))) parts.push([]);
          parts.at(-1)!.push(whole[i]);
        }
        pieces(peer, parts.map((part) => Uint8Array.from(part)));
        assert.equal(peer.next(), "0b41636d65", `way ${ways}`);
      }
      assert.equal(rig.bt.counters().malformed, 0);
      clean(rig);
      peer.central.disconnect();
      rig.run(500);
      home(rig);
    });

    it(`a long value in pieces of each length, 1 to 27, arrives whole${rejoin ? ", by a controller that joins what it can" : ""}`, () => {
      const { services, written } = keeper();
      const { rig } = device(services, { mtu: 247 }, { chip: { rejoin } });
      const peer = makePeer(rig, 1).connect().mtu(247);
      const value = hex(Uint8Array.from({ length: 244 }, (_, i) => i));
      for (let length = 1; length <= 27; length++) {
        peer.central.split = [length];
        assert.equal(peer.att("12" + keeperHandle(rig) + value, 20_000), "13", `pieces of ${length}`);
      }
      peer.central.split = [1, 27, 2, 3, 5, 8, 13, 21, 26];
      assert.equal(peer.att("12" + keeperHandle(rig) + value, 20_000), "13");
      assert.deepEqual(written, Array(28).fill(value));
      assert.equal(rig.bt.counters().malformed, 0);
      clean(rig);
      peer.central.disconnect();
      rig.run(500);
      home(rig);
    });
  }

  it("frames of two links in pieces, one between the other", () => {
    const { rig } = served({}, EIGHT);
    const [a, b] = makePeers(rig, 2);
    const whole = frame("0a" + at(rig, 0xfff1));
    const inject = (handle: number, flags: number, bytes: Uint8Array): void => {
      rig.board.chip.inject(Uint8Array.from([2, handle, flags << 4, bytes.length, 0, ...bytes]));
    };
    for (let i = 0; i < whole.length; i++) {
      inject(0x40, i ? 1 : 2, whole.slice(i, i + 1));
      inject(0x41, i ? 1 : 2, whole.slice(i, i + 1));
    }
    assert.equal(a.next(), "0b41636d65");
    assert.equal(b.next(), "0b41636d65");
    assert.equal(rig.bt.counters().malformed, 0);
  });

  for (const [what, board] of [
    ["byte by byte", { wire: { chunk: 1 } }],
    ["as strings", { strings: true }],
    ["as strings of up to 300", { strings: true, wire: { chunk: 300 } }],
    ["in chunks of 1 to 40", { wire: { chunk: (() => ((n) => () => (n = (n * 7 + 3) % 40) + 1)(5))() } }],
    ["without flow control", { flow: false }],
    ["to a chip that sleeps", { wiring: { regon: true, lpo: true, clock: true, devwake: true, hostwake: true } }],
  ] as [string, any][]) {
    it(`over a wire that carries them ${what}: requests, answers and notifications, also after a pause`, () => {
      const { rig } = device(TABLE, { mtu: 185 }, board);
      const peer = makePeer(rig, 1, { split: [1, 27, 5] }).connect().mtu(185);
      subscribe(rig, peer);
      for (let i = 0; i < 10; i++) {
        rig.run(i * 350);
        assert.equal(peer.att("0a" + at(rig, 0xfff2)), "0b" + hex(LONG.slice(0, 184)));
        rig.run(i * 350);
        const value = hex(LONG.slice(i, i + 150));
        assert.equal(rig.bt.notify(0xfff3, unhex(value)), true);
        assert.equal(peer.next(), "1b" + at(rig, 0xfff3) + value);
      }
      assert.equal(rig.bt.counters().malformed, 0);
      clean(rig);
      peer.central.disconnect();
      rig.run(500);
      home(rig);
    });
  }

  it("a rest without a beginning is dropped and counted", () => {
    const { rig, peer } = linked(TABLE);
    peer.central.sendRaw(Llid.CONTINUE, frame("0a" + at(rig, 0xfff1)));
    peer.central.sendRaw(Llid.CONTINUE, [1, 2, 3]);
    assert.equal(peer.next(CID.ATT, 300), "");
    assert.equal(rig.bt.counters().malformed, 2);
    readsAcme(rig, peer);
  });

  it("a frame that begins in the middle of another: the new one counts", () => {
    const { rig, peer } = linked(TABLE);
    const whole = frame("0a" + at(rig, 0xfff1));
    for (let cutAt = 1; cutAt < whole.length; cutAt++) {
      peer.central.sendRaw(Llid.START, whole.slice(0, cutAt));
      pieces(peer, cut(whole, 3));
      assert.equal(peer.next(), "0b41636d65", `after ${cutAt} bytes`);
      assert.equal(peer.next(CID.ATT, 100), "");
    }
    assert.equal(rig.bt.counters().malformed, whole.length - 1);
    readsAcme(rig, peer);
  });

  it("one that is whole after one that is not: the rest of the first is dropped too", () => {
    const { services, written } = keeper();
    const { rig, peer } = linked(services);
    const write = frame("12" + keeperHandle(rig) + "0102030405");
    peer.central.sendRaw(Llid.START, write.slice(0, 6));
    peer.central.sendRaw(Llid.START, frame("0a" + at(rig, 0xfff1)));
    peer.central.sendRaw(Llid.CONTINUE, write.slice(6));
    assert.equal(peer.next(), "0b41636d65");
    assert.equal(peer.next(CID.ATT, 200), "");
    assert.deepEqual(written, []);
    readsAcme(rig, peer);
  });

  for (const mtu of [23, 100, 247, 517]) {
    const room = Math.max(4 + mtu, 69);
    it(`MTU ${mtu}: a frame of ${room} bytes is taken, of one more dropped, of 65535 as well`, () => {
      const { rig, peer } = linked(TABLE, { mtu });
      const dropped = (length: number, bytes: number): void => {
        const before = rig.bt.counters().malformed;
        const whole = frame("00".repeat(bytes - 4), 0x3f, length);
        pieces(peer, cut(whole, ...Array(Math.floor(whole.length / 27)).fill(27)));
        rig.run(1500);
        assert.ok(rig.bt.counters().malformed > before, `${length}`);
        readsAcme(rig, peer, `after a frame of ${length}`);
      };
      const ignored = rig.bt.counters().ignored;
      const whole = frame("00".repeat(room - 4), 0x3f);
      pieces(peer, cut(whole, ...Array(Math.floor(whole.length / 27)).fill(27)));
      rig.run(1500);
      assert.deepEqual([rig.bt.counters().malformed, rig.bt.counters().ignored], [0, ignored + 1], "whole, for a channel that nobody has");
      dropped(room + 1 - 4, room + 1);
      dropped(0xffff, room + 60);
      dropped(0xffff, 2 * room + 10);
      clean(rig);
    });
  }

  it("lengths that lie: too short, too long, none", () => {
    const { rig, peer } = linked(TABLE);
    const read = "0a" + at(rig, 0xfff1);
    // More than the frame claims, in one packet and in two.
    peer.central.sendRaw(Llid.START, frame(read + "0000", CID.ATT, 3));
    pieces(peer, cut(frame(read + "0000", CID.ATT, 3), 5));
    // Less than it claims; then one that is good.
    peer.central.sendRaw(Llid.START, frame(read, CID.ATT, 4));
    // No payload, no whole header.
    peer.central.sendRaw(Llid.START, frame("", CID.ATT));
    peer.central.sendRaw(Llid.START, frame("", CID.SIGNALLING));
    peer.central.sendRaw(Llid.START, frame("", CID.SMP));
    peer.central.sendRaw(Llid.START, [3]);
    rig.run(500);
    assert.deepEqual(peer.frames, []);
    readsAcme(rig, peer);
    assert.ok(rig.bt.counters().malformed >= 5);
    clean(rig);
  });

  it("packets without data, and the flag 00 for a beginning", () => {
    const { rig, peer } = linked(TABLE);
    const { chip } = rig.board;
    chip.inject(Uint8Array.from([2, 0x40, 0x20, 0, 0]));
    chip.inject(Uint8Array.from([2, 0x40, 0x10, 0, 0]));
    const whole = frame("0a" + at(rig, 0xfff1));
    chip.inject(Uint8Array.from([2, 0x40, 0x00, whole.length, 0, ...whole]));
    assert.equal(peer.next(), "0b41636d65");
    assert.deepEqual(rig.errors, []);
  });

  it("noise of all kinds on a link harms neither it nor another", () => {
    const { rig, closed } = served({}, EIGHT);
    const [noisy, other] = makePeers(rig, 2);
    let seed = 99;
    const draw = (n: number): number => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
    for (let i = 0; i < 2000; i++) {
      const length = 1 + draw(27);
      const bytes = Array.from({ length }, () => draw(256));
      // Often nearly right.
      if (draw(3) === 0) bytes.splice(0, 4, length - 4 > 0 ? length - 4 : draw(30), 0, 4 + draw(3), 0);
      noisy.central.sendRaw(draw(3) ? Llid.START : Llid.CONTINUE, bytes.slice(0, 27));
      if (i % 50 === 0) rig.run(200);
      if (i % 200 === 0) readsAcme(rig, other);
    }
    rig.run(5000);
    readsAcme(rig, other);
    assert.deepEqual(closed, []);
    clean(rig);
    noisy.central.disconnect();
    other.central.disconnect();
    rig.run(1000);
    home(rig, 2, 8);
  });

  it("data of a link before its Connection Complete are dropped and counted; then it is served", () => {
    const { rig, connections } = served();
    const whole = frame("0a" + at(rig, 0xfff1));
    const data = Uint8Array.from([2, 0x99, 0x20, whole.length, 0, ...whole]);
    rig.board.chip.inject(data);
    rig.run(20);
    assert.deepEqual(aclOut(rig), []);
    assert.equal(rig.bt.counters().unknown, 1);
    rig.board.chip.inject(connectionComplete(0x99));
    rig.board.chip.inject(data);
    rig.run(20);
    assert.equal(connections.length, 1);
    assert.deepEqual(aclOut(rig).map(({ handle, flags, data }) => [handle, flags, data]), [[0x99, 0, "05000400" + "0b41636d65"]]);
  });

  it("handles are told by twelve bits, whatever the flags: 0x0001 to 0x0EFF", () => {
    for (const handle of [0x0000, 0x0001, 0x00ff, 0x0100, 0x0eff]) {
      const { rig } = served();
      const whole = frame("0a" + at(rig, 0xfff1));
      rig.board.chip.inject(connectionComplete(handle));
      rig.board.chip.inject(Uint8Array.from([2, handle & 255, (handle >> 8) | 0x20, whole.length, 0, ...whole]));
      rig.run(20);
      assert.deepEqual(aclOut(rig).map(({ handle, flags }) => [handle, flags]), [[handle, 0]]);
    }
  });
});

describe("ACL data that goes out", () => {
  const buffers: [string, any, any, number, number][] = [
    ["a CYW43438", {}, "cyw43438", 27, 2],
    ["six buffers of 251", { chip: { identity: { leacl: { length: 251, count: 6 } } } }, "plain", 251, 6],
    ["one buffer of 27", { chip: { identity: { leacl: { length: 27, count: 1 } } } }, "plain", 27, 1],
    ["four of 27", {}, "plain", 27, 4],
    ["three of 64", { chip: { identity: { leacl: { length: 64, count: 3 } } } }, "plain", 64, 3],
    ["the eight of 1021 that BR/EDR has, where LE has none of its own", { chip: { identity: { leacl: { length: 0, count: 0 }, acl: { length: 1021, count: 8 } } } }, "plain", 1021, 8],
    ["the same where only the number is 0", { chip: { identity: { leacl: { length: 27, count: 0 }, acl: { length: 192, count: 3 } } } }, "plain", 192, 3],
  ];
  for (const [what, board, part, length, count] of buffers) {
    it(`${what}: fragments of ${length}, ${count} in flight at the most`, () => {
      const { rig } = device(TABLE, { mtu: 185 }, board, part);
      const state = follow(rig);
      const peer = makePeer(rig, 1).connect().mtu(185);
      const from = rig.mark();
      assert.equal(peer.att("0a" + at(rig, 0xfff2)), "0b" + hex(LONG.slice(0, 184)));
      const packets = aclOut(rig, from);
      const whole = u16le(185) + "0400" + "0b" + hex(LONG.slice(0, 184));
      assert.equal(packets.map(({ data }) => data).join(""), whole);
      const lengths = [];
      for (let left = 189; left > 0; left -= length) lengths.push(Math.min(left, length));
      assert.deepEqual(packets.map(({ data }) => data.length / 2), lengths);
      assert.deepEqual(packets.map(({ flags }) => flags), lengths.map((_, i) => (i ? 1 : 0)), "PB flag 00, then 01; no broadcast flag");
      rig.run(100);
      subscribe(rig, peer);
      for (let i = 0; i < 12; i++) rig.bt.notify(0xfff3, "x".repeat(20));
      rig.run(1000);
      assert.equal(state.most, count, "all buffers are used, and not more");
      assert.equal(state.now, 0);
      assert.equal(peer.central.malformed, 0);
      clean(rig);
      peer.central.disconnect();
      rig.run(500);
      home(rig, count);
    });
  }

  it("LE Read Buffer Size v2 where there is no v1", () => {
    const commands = plainRig().board.chip.controller.supportedCommands().slice();
    commands[25] &= ~2;
    commands[41] |= 0x20;
    const { rig } = served({}, { chip: { identity: { commands } } }, "plain");
    // Before the chip has been asked: 27 bytes, 3 packets; none of them for isochronous data.
    rig.board.chip.hook = (opcode: number) => (opcode === 0x2060 ? { bytes: complete(0x2060, [0, 27, 0, 3, 0, 0, 0]) } : undefined);
    rig.run(100);
    assert.deepEqual([0x2060, 0x2002, 0x1005].map((opcode) => sent(rig, opcode).length), [1, 0, 0]);
    home(rig, 3);
  });

  for (const aclpackets of [1, 2, 3, 8]) {
    it(`the option aclpackets ${aclpackets} on a CYW43438 that stands it`, () => {
      const { rig } = served({ aclpackets }, { chip: { stall: 0 } });
      home(rig, aclpackets);
      clean(rig);
    });
  }

  it("an option beyond what the controller has buffers for does not overrun it", () => {
    const { rig } = served({ aclpackets: 50 }, {}, "plain");
    const state = follow(rig);
    const peer = makePeer(rig, 1).connect();
    subscribe(rig, peer);
    peer.central.busy = true;
    for (let i = 0; i < 12; i++) rig.bt.notify(0xfff3, [i]);
    rig.run(500);
    assert.deepEqual(rig.board.chip.violations, []);
    assert.ok(state.most <= 4, `${state.most} in flight`);
  });

  it("both buffer sizes refused: no crash, the application hears of it, nothing is sent", () => {
    const { rig } = served({}, { chip: { identity: { leacl: { length: 0, count: 0 }, acl: { length: 0, count: 0 } } } }, "plain");
    rig.run(5000);
    assert.ok(rig.errors.length >= 1);
    assert.deepEqual(aclOut(rig), []);
  });

  it("a queue that is filled, emptied by one and filled again, for ever", () => {
    for (const queue of [1, 2, 3, 4, 7]) {
      const { rig, peer } = linked(TABLE, { queue, mtu: 23 });
      subscribe(rig, peer);
      const accepted: string[] = [];
      for (let i = 0; i < 400; i++) {
        const value = hex(Array.from({ length: 20 }, (_, k) => (i + k) & 255));
        if (rig.bt.notify(0xfff3, unhex(value))) accepted.push("1b" + at(rig, 0xfff3) + value);
        rig.run(i % 5);
      }
      rig.run(1000);
      assert.deepEqual(peer.frames.map(({ bytes }) => bytes), accepted, `queue ${queue}`);
      assert.ok(accepted.length > 50, `queue ${queue}: ${accepted.length} of 400`);
      clean(rig);
      peer.central.disconnect();
      rig.run(500);
      home(rig);
    }
  });

  it("values of all lengths, each in its order, while room comes and goes", () => {
    for (const [queue, mtu] of [[2, 100], [4, 64], [3, 23]]) {
      const { rig, peer } = linked(TABLE, { queue, mtu });
      if (mtu > 23) peer.mtu(mtu);
      subscribe(rig, peer);
      let seed = 5;
      const draw = (n: number): number => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
      const accepted: string[] = [];
      let refused = 0;
      for (let i = 0; i < 600; i++) {
        const value = hex(Array.from({ length: draw(mtu - 2) }, (_, k) => (i + k) & 255));
        if (rig.bt.notify(0xfff3, unhex(value))) accepted.push("1b" + at(rig, 0xfff3) + value);
        else refused++;
        if (draw(9) === 0) rig.run(draw(60));
      }
      rig.run(2000);
      assert.ok(refused > 0);
      assert.deepEqual(peer.frames.map(({ bytes }) => bytes), accepted, `queue ${queue}, MTU ${mtu}`);
      clean(rig);
      peer.central.disconnect();
      rig.run(500);
      home(rig);
    }
  });

  it("onroom comes when notify has refused and there may be room again: all arrives, nothing twice", () => {
    const { rig, peer } = linked(TABLE, { queue: 4 });
    subscribe(rig, peer);
    let next = 0;
    let rooms = 0;
    const fill = (): void => {
      while (next < 500 && rig.bt.notify(0xfff3, [next & 255, next >> 8])) next++;
    };
    rig.bt.onroom(() => {
      rooms++;
      fill();
    });
    fill();
    rig.run(20_000);
    assert.equal(next, 500);
    assert.deepEqual(peer.frames.map(({ bytes }) => bytes), Array.from({ length: 500 }, (_, i) => "1b" + at(rig, 0xfff3) + u16le(i)));
    assert.ok(rooms > 50);
    clean(rig);
  });
});

describe("credits", () => {
  it("a Number Of Completed Packets with too much, with nothing, for unknown handles, too short, too long: never more than two in flight, and none is lost", () => {
    const { rig, peer } = linked(TABLE);
    const { chip } = rig.board;
    subscribe(rig, peer);
    rig.run(100);
    const lies = ["01" + "4000" + "ffff", "01" + "4000" + "0000", "01" + "7700" + "0100", "02" + "4000" + "0000", "00", "01" + "4000", "05" + "7700" + "0900", "00" + "4000" + "0300", "02" + "7700" + "0200" + "4000" + "0000"];
    for (const lie of lies) chip.inject(event(0x13, lie));
    rig.run(50);
    const state = follow(rig);
    peer.central.busy = true;
    for (let i = 0; i < 10; i++) assert.equal(rig.bt.notify(0xfff3, [i]), true);
    rig.run(200);
    assert.equal(state.most, 2);
    // Those that give nothing back.
    for (const lie of lies.slice(1)) chip.inject(event(0x13, lie));
    rig.run(200);
    assert.equal(occupied(rig), 2);
    peer.central.busy = false;
    rig.run(1000);
    assert.equal(peer.frames.length, 10);
    clean(rig);
    peer.central.disconnect();
    rig.run(500);
    home(rig);
  });

  it("what a link had in flight is free when it ends, in each way", () => {
    for (const end of ["disconnect", "vanish", "close"] as const) {
      const { rig, connections } = served({ links: 1 });
      for (let round = 0; round < 3; round++) {
        const peer = makePeer(rig, round).connect();
        subscribe(rig, peer);
        peer.central.busy = true;
        for (let i = 0; i < 5; i++) rig.bt.notify(0xfff3, [i]);
        rig.run(100);
        assert.equal(occupied(rig), 2);
        if (end === "close") connections[round].close();
        else peer.central[end]();
        rig.run(5000);
      }
      clean(rig);
      home(rig);
    }
  });

  it("a Number Of Completed Packets that comes after the end gives nothing twice", () => {
    const { rig, peer } = linked(TABLE, { links: 1 });
    subscribe(rig, peer);
    peer.central.busy = true;
    for (let i = 0; i < 5; i++) rig.bt.notify(0xfff3, [i]);
    rig.run(100);
    peer.central.disconnect();
    rig.run(500);
    rig.board.chip.inject(event(0x13, "01" + "4000" + "0200"));
    rig.run(100);
    home(rig);
  });

  for (const losses of [1, 2]) {
    it(`${losses} of two credits lost with a loss of step: ${losses < 2 ? "the link goes on" : "the link goes on, or is ended in good time"}, and they are back afterwards`, () => {
      const { rig, peer } = linked(TABLE, {}, { timeout: 1000 });
      subscribe(rig, peer);
      rig.run(100);
      const { controller } = rig.board.chip;
      const send = controller.send;
      let lost = 0;
      controller.send = (packet: Uint8Array) => {
        if (packet[0] === 4 && packet[1] === 0x13 && lost < losses) lost += packet[6];
        else send(packet);
      };
      for (let i = 0; i < losses; i++) rig.bt.notify(0xfff3, [i]);
      rig.run(200);
      assert.equal(lost, losses);
      rig.board.chip.inject(Uint8Array.of(0x99, 0x98));
      rig.run(100);
      for (let i = losses; i < 6; i++) rig.bt.notify(0xfff3, [i]);
      rig.run(4000);
      if (losses < 2 || peer.central.connected) assert.deepEqual(peer.frames.map(({ bytes }) => bytes.slice(-2)), ["00", "01", "02", "03", "04", "05"]);
      if (peer.central.connected) peer.central.disconnect();
      assert.ok(peer.ends.every((reason) => reason === 0x13));
      rig.run(500);
      clean(rig);
      home(rig);
    });
  }

  it("a peer that holds data back through a resync: what the controller has still is not sent twice as much again", () => {
    for (const packets of [1, 6]) {
      const { rig, peer } = linked(TABLE, {}, { timeout: 1000 });
      subscribe(rig, peer);
      rig.run(100);
      // Its Link Layer refuses data, and keeps the link alive.
      peer.central.busy = true;
      for (let i = 0; i < packets; i++) rig.bt.notify(0xfff3, [i]);
      rig.run(200);
      rig.board.chip.inject(Uint8Array.of(0x99, 0x98));
      rig.run(10_000);
      for (let i = 0; i < 3; i++) if (peer.central.connected) rig.bt.notify(0xfff3, [i]);
      rig.run(500);
      assert.deepEqual(rig.board.chip.violations, []);
      peer.central.busy = false;
      rig.run(2000);
      if (peer.central.connected) readsAcmeAmong(rig, peer);
      if (peer.central.connected) peer.central.disconnect();
      rig.run(2000);
      home(rig);
    }
  });

  it("with two links none takes the last free buffer while it has one in flight; alone it takes all", () => {
    for (const [part, board, count] of [["cyw43438", EIGHT, 2], ["plain", EIGHT, 4], ["plain", { chip: { links: 8, identity: { lestates: ALL_STATES, leacl: { length: 27, count: 2 } } } }, 2]] as [any, any, number][]) {
      const { rig, connections } = served({}, board, part);
      const [a, b] = makePeers(rig, 2);
      subscribe(rig, a);
      subscribe(rig, b);
      rig.run(100);
      const state = follow(rig);
      a.central.busy = true;
      for (let i = 0; i < 8; i++) rig.bt.notify(0xfff3, [i], connections[0]);
      rig.run(300);
      assert.equal(occupied(rig), count - 1, "the stalled link leaves one");
      for (let i = 0; i < 8; i++) rig.bt.notify(0xfff3, [i], connections[1]);
      rig.run(2000);
      assert.equal(b.frames.splice(0).length, 8, "the other one goes on");
      readsAcme(rig, b);
      b.central.disconnect();
      rig.run(500);
      assert.equal(occupied(rig), count, "alone it takes all");
      a.central.busy = false;
      rig.run(1000);
      assert.equal(a.frames.length, 8);
      assert.equal(state.most, count);
      clean(rig);
      a.central.disconnect();
      rig.run(500);
      home(rig, count, 8);
    }
  });
});

describe("fairness", () => {
  for (const [what, part, board] of [
    ["two buffers of a CYW43438", "cyw43438", EIGHT],
    ["eight buffers of a plain controller", "plain", { chip: { links: 8, baud: 921600, identity: { lestates: ALL_STATES, leacl: { length: 27, count: 8 } } } }],
  ] as [string, any, any][]) {
    it(`eight links all notifying over ${what}, one of them stalled: the others go on, and share within 20 %`, () => {
      const { rig, connections } = served(part === "plain" ? { resetbaud: 921600 } : {}, board, part);
      const peers = makePeers(rig, 8);
      for (const peer of peers) subscribe(rig, peer);
      rig.run(200);
      peers[3].central.busy = true;
      const fill = (): void => {
        for (const connection of connections) while (rig.bt.notify(0xfff3, "x".repeat(20), connection));
      };
      rig.bt.onroom(fill);
      fill();
      rig.run(30_000);
      const shares = peers.filter((_, i) => i !== 3).map(({ frames }) => frames.length);
      const mean = shares.reduce((a, b) => a + b) / 7;
      assert.ok(mean > 50, `${shares}`);
      for (const share of shares) assert.ok(Math.abs(share / mean - 1) <= 0.2, `${shares}`);
      assert.equal(peers[3].frames.length, 0);
      rig.bt.onroom(null);
      peers[3].central.busy = false;
      rig.run(20_000);
      assert.ok(peers[3].frames.length >= 16);
      clean(rig);
      for (const peer of peers) peer.central.disconnect();
      rig.run(1000);
      home(rig, part === "plain" ? 8 : 2, 8);
    });
  }

  it("an answer does not wait for a queue of notifications", () => {
    const { rig, peer } = linked(TABLE);
    subscribe(rig, peer);
    peer.central.busy = true;
    for (let i = 0; i < 16; i++) assert.equal(rig.bt.notify(0xfff3, [i]), true);
    peer.send(CID.ATT, "0a" + at(rig, 0xfff1));
    rig.run(200);
    peer.central.busy = false;
    rig.run(1000);
    const index = peer.frames.findIndex(({ bytes }) => bytes === "0b41636d65");
    // Two are in flight already; one may be cut in the middle.
    assert.ok(index >= 0 && index <= 3, `place ${index}`);
    assert.equal(peer.frames.length, 17);
  });

  it("peers that read without a pause get their notifications as well", () => {
    const { rig } = served({}, EIGHT);
    const peers = makePeers(rig, 8);
    const heard = peers.map(() => 0);
    for (const peer of peers) subscribe(rig, peer);
    peers.forEach((peer, i) => {
      const again = (): void => void peer.send(CID.ATT, "0a" + at(rig, 0xfff1));
      peer.central.onframe = (_, payload) => {
        if (payload[0] === 0x1b) heard[i]++;
        else again();
      };
      again();
    });
    rig.run(1000);
    for (let i = 0; i < 4; i++) assert.equal(rig.bt.notify(0xfff3, [i]), true);
    rig.run(20_000);
    assert.deepEqual(heard, Array(8).fill(4));
    clean(rig);
  });
});
