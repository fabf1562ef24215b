import assert from "node:assert/strict";
import { heap } from "../load/load.js";
import { CID, device, type Peer } from "../support/links.js";
import { brief, hex, unhex, type Rig } from "../support/rig.js";
import { ALL_STATES, at, clean, EIGHT, home, LONG, makePeer, makePeers, occupied, readsAcme, subscribe, TABLE } from "./links-fixture.test.js";

/** What the fixture keeps of the past is no growth of the stack. */
function forget(rig: Rig<any>, ...lists: unknown[][]): void {
  rig.journal.length = rig.adverts.length = 0;
  for (const list of lists) list.length = 0;
}

describe("a thousand connections", function () {
  this.timeout(120_000);

  for (const links of [1, 8]) {
    it(`connect, read, write, disconnect, a thousand times, with room for ${links}: nothing grows, and all buffers are back`, async () => {
      const kept: number[] = [];
      const services = [...TABLE, { uuid: 0xff00, chars: [{ uuid: 0xff01, read: () => "fresh", write: (_: any, v: Uint8Array) => void (kept[0] = v.length), flags: 0x0a }] }];
      const { rig, connections, closed } = device(services, { links }, { chip: { links: 8, log: false, identity: { lestates: ALL_STATES } } });
      const peer = makePeer(rig, 1, { interval: 7.5 });
      const value = hex([rig.bt.handle(0xff00, 0xff01) & 255, 0]);
      let made = 0;
      let before = 0;
      const gone: WeakRef<object>[] = [];
      let counters = { reads: 0, ends: 0 };
      for (let cycle = 1; cycle <= 1000; cycle++) {
        peer.connect();
        readsAcme(rig, peer, `cycle ${cycle}`);
        assert.equal(peer.att("0a" + value), "0b" + hex(Array.from("fresh", (c) => c.charCodeAt(0))));
        assert.equal(peer.att("12" + value + "0102"), "13");
        counters.reads += 2;
        made += connections.length;
        gone.push(new WeakRef(connections[0]));
        // Each way to end it.
        if (cycle % 10 === 0) connections[0].close();
        else if (cycle % 25 === 1) peer.central.vanish();
        else peer.central.disconnect();
        rig.run(cycle % 25 === 1 ? 2500 : 60);
        assert.equal(rig.board.chip.controller.connections.all.length, 0, `cycle ${cycle}`);
        counters.ends += closed.length;
        forget(rig, connections, closed, peer.ends, peer.frames);
        if (cycle === 200) before = heap();
      }
      // A WeakRef holds on until the present job is over.
      await new Promise((resolve) => setImmediate(resolve));
      const growth = heap() - before;
      // The last one may be what the stack spoke of last.
      assert.deepEqual(gone.slice(0, -1).filter((ref) => ref.deref() !== undefined).length, 0, "connection objects that somebody still has");
      assert.equal(made, 1000);
      assert.equal(counters.ends, 900, "each that we have not closed ourselves");
      assert.equal(kept[0], 2);
      // The engine compiles what has become hot, some 450 kB between the two; a link's buffers alone are 20 kB, a megabyte after 50 cycles.
      assert.ok(growth < 1_000_000, `${growth} bytes more than after 200 cycles`);
      clean(rig);
      home(rig, 2, links);
    });
  }

  it("a thousand links that end with packets in flight and half a request received: all buffers are back", () => {
    const { rig, connections, closed } = device(TABLE, { links: 2 }, { chip: { links: 8, log: false, identity: { lestates: ALL_STATES } } });
    const peer = makePeer(rig, 1, { interval: 7.5, timeout: 200 });
    for (let cycle = 0; cycle < 1000; cycle++) {
      peer.central.busy = false;
      peer.connect();
      subscribe(rig, peer);
      peer.central.busy = true;
      for (let i = 0; i < 1 + (cycle % 5); i++) assert.equal(rig.bt.notify(0xfff3, [i]), true);
      // The beginning of a frame whose end never comes.
      peer.central.sendRaw(2, unhex("0300040" + "00a"));
      rig.run(cycle % 30);
      if (cycle % 3 === 0) connections[0].close();
      else if (cycle % 3 === 1) peer.central.vanish();
      else peer.central.disconnect();
      rig.run(2000);
      assert.equal(rig.board.chip.controller.connections.all.length, 0, `cycle ${cycle}`);
      forget(rig, connections, closed, peer.ends, peer.frames);
    }
    assert.equal(rig.bt.counters().restarts, 0);
    clean(rig);
    home(rig, 2, 2);
  });
});

/** Reads as fast as it is answered, until it is told to stop. */
class Reader {
  reads = 0;
  wrong: string[] = [];
  notified = 0;
  on = true;
  private readonly _again: () => void;

  constructor(peer: Peer, request: string, answer: string) {
    this._again = () => peer.send(CID.ATT, request);
    peer.central.onframe = (cid, payload) => {
      const digits = hex(payload);
      if (cid === CID.ATT && digits.startsWith("1b")) this.notified++;
      else if (cid === CID.ATT && digits.startsWith("1d")) peer.send(CID.ATT, "1e");
      else {
        if (cid !== CID.ATT || digits !== answer) this.wrong.push(`${cid}:${digits}`);
        this.reads++;
        if (this.on) this._again();
      }
    };
  }

  start(): this {
    this._again();
    return this;
  }
}

describe("eight links served at once", function () {
  this.timeout(120_000);

  for (const [what, part, board, count] of [
    ["a CYW43438", "cyw43438", EIGHT, 2],
    ["a plain controller", "plain", { ...EIGHT, chip: { ...EIGHT.chip, baud: 921600 } }, 4],
  ] as [string, any, any, number][]) {
    for (const long of [false, true]) {
      it(`${what}, ${long ? "answers in several packets" : "short answers"}, one peer stalled: the other seven are served alike, and it goes on when it can`, () => {
        const { rig } = device(TABLE, part === "plain" ? { resetbaud: 921600, mtu: 100 } : { mtu: 100 }, board, part);
        const peers = makePeers(rig, 8);
        if (long) for (const peer of peers) peer.mtu(100);
        for (const peer of peers) subscribe(rig, peer);
        const readers = peers.map((peer) =>
          long ? new Reader(peer, "0a" + at(rig, 0xfff2), "0b" + hex(LONG.slice(0, 99))) : new Reader(peer, "0a" + at(rig, 0xfff1), "0b41636d65"),
        );
        rig.run(100);
        peers[5].central.busy = true;
        readers.forEach((reader) => reader.start());
        // Notifications for all, as often as they find room.
        let notified = 0;
        for (let second = 0; second < 20; second++) {
          if (rig.bt.notify(0xfff3, [second])) notified++;
          rig.run(1000);
          forget(rig);
        }
        const others = readers.filter((_, i) => i !== 5);
        const reads = others.map(({ reads }) => reads);
        const mean = reads.reduce((a, b) => a + b) / 7;
        assert.ok(mean > 20, `${reads} reads`);
        for (const n of reads) assert.ok(Math.abs(n / mean - 1) <= 0.2, `${reads} reads`);
        assert.ok(notified > 0);
        assert.deepEqual([readers[5].reads, readers[5].notified], [0, 0]);
        peers[5].central.busy = false;
        rig.run(3000);
        assert.ok(readers[5].reads > 3, `${readers[5].reads} reads`);
        for (const reader of readers) reader.on = false;
        rig.run(5000);
        for (const reader of readers) assert.equal(reader.notified, notified);
        assert.deepEqual(readers.flatMap(({ wrong }) => wrong), []);
        assert.equal(occupied(rig), 0);
        for (const peer of peers) assert.equal(peer.central.malformed, 0);
        clean(rig);
        for (const peer of peers) peer.central.disconnect();
        rig.run(1000);
        home(rig, count, 8);
      });
    }
  }

  it("links come and go while others are served", () => {
    const { rig } = device(TABLE, {}, EIGHT);
    const readers: Reader[] = [];
    const stay = [makePeer(rig, 1), makePeer(rig, 2)];
    for (const peer of stay) {
      peer.connect();
      readers.push(new Reader(peer, "0a" + at(rig, 0xfff1), "0b41636d65").start());
    }
    for (let round = 0; round < 30; round++) {
      const guests = [3, 4, 5, 6].map((n) => makePeer(rig, n));
      for (const guest of guests) {
        guest.connect();
        readsAcme(rig, guest, `round ${round}`);
      }
      guests[0].central.disconnect();
      guests[1].central.vanish();
      guests[2].central.busy = true;
      guests[2].send(CID.ATT, "0a" + at(rig, 0xfff1));
      rig.run(100);
      guests[2].central.disconnect();
      guests[3].central.disconnect();
      rig.run(2500);
      forget(rig);
    }
    for (const reader of readers) reader.on = false;
    rig.run(500);
    for (const reader of readers) {
      assert.deepEqual(reader.wrong, []);
      assert.ok(reader.reads > 1000, `${reader.reads}`);
    }
    assert.deepEqual(rig.errors.map(brief), []);
    for (const peer of stay) peer.central.disconnect();
    rig.run(500);
    clean(rig);
    home(rig, 2, 8);
  });
});
