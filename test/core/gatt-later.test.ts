import assert from "node:assert/strict";
import type { Connection } from "../../core/connection.js";
import type { Service } from "../../core/gatt/database.js";
import { device, linked, Peer, type Linked } from "../support/links.js";
import { brief, hex } from "../support/rig.js";

// Answers that come later: bt.LATER, decisions.md 6.

const le = (value: number): string => hex([value & 255, value >> 8]);
const text = (value: string): string => hex(Array.from(value, (c) => c.charCodeAt(0)));
const error = (opcode: number, handle: number, code: number): string => hex([1, opcode, handle & 255, handle >> 8, code]);
const bytes = (length: number, seed = 7): Uint8Array => Uint8Array.from({ length }, (_, i) => i * seed + 1);

/** A chip that may advertise beside links. */
const SEVERAL = { chip: { links: 8, identity: { lestates: new Uint8Array(8).fill(255) } } };

interface Started extends Linked {
  bt: any;
  at: number;
  /** The replies that handlers have been given, in their order, and who was asked. */
  replies: ((value?: any) => void)[];
  log: string[];
}

/** ff01: reads and writes answered later; ff02: the same; ff03: at once, and it keeps its reply; ff04: fixed. */
function start(mtu = 23): Started {
  const replies: ((value?: any) => void)[] = [];
  const log: string[] = [];
  const made = linked(
    [
      {
        uuid: 0xff00,
        chars: [
          ...[1, 2].map(
            (n): Service["chars"][0] => ({
              uuid: 0xff00 + n,
              flags: 0x0e,
              read: (_, reply) => (log.push("r" + n), replies.push(reply), bt.LATER),
              write: (_, value, reply) => (log.push("w" + n + ":" + hex(value)), replies.push(reply), bt.LATER),
            }),
          ),
          { uuid: 0xff03, flags: 0x0e, read: (_, reply) => (replies.push(reply), "now"), write: (_, value, reply) => (log.push("w3:" + hex(value)), replies.push(reply), 0) },
          { uuid: 0xff04, value: "fixed" },
        ],
      },
    ],
    {},
    {},
  );
  const bt: any = made.rig.bt;
  if (mtu > 23) made.peer.mtu(mtu);
  return { ...made, bt, at: bt.handle(0xff00, 0xff01), replies, log };
}

/** Sends and waits a little: nothing may come. */
function quiet({ peer, rig }: Linked, digits: string, ms = 500): void {
  if (digits) peer.send(4, digits);
  rig.run(ms);
  assert.deepEqual(peer.frames, []);
}

const requests: [string, (h: string) => string, (value: Uint8Array, mtu: number, h: string) => string][] = [
  ["Read", (h) => "0a" + h, (value, mtu) => "0b" + hex(value.slice(0, mtu - 1))],
  ["Read Blob", (h) => "0c" + h + "0000", (value, mtu) => "0d" + hex(value.slice(0, mtu - 1))],
  ["Read Blob at an offset", (h) => "0c" + h + "0300", (value, mtu) => "0d" + hex(value.slice(3, 3 + mtu - 1))],
  ["Read By Type", (h) => "08" + h + h + "01ff", (value, mtu, h) => "09" + hex([2 + Math.min(value.length, mtu - 4, 253)]) + h + hex(value.slice(0, Math.min(mtu - 4, 253)))],
];

for (const mtu of [23, 247]) {
  describe(`gatt: answers that come later, at an MTU of ${mtu}`, () => {
    for (const [name, digits, right] of requests) {
      it(`${name}: the answer goes out when it is given, and what the next request gets is its own`, () => {
        for (const length of [3, mtu - 4, mtu, 512]) {
          const started = start(mtu);
          const { peer, at, replies } = started;
          quiet(started, digits(le(at)), 3000);
          assert.equal(replies.length, 1);
          replies[0](bytes(length));
          assert.equal(peer.next(), right(bytes(length), mtu, le(at)), `${length}`);
          assert.equal(peer.att("0a" + le(at + 6)), "0b" + text("fixed"));
          quiet(started, digits(le(at)));
          replies[1](bytes(length, 3));
          assert.equal(peer.next(), right(bytes(length, 3), mtu, le(at)), `${length}`);
        }
      });

      it(`${name}: mistakes and errors later are what they are at once`, () => {
        const started = start(mtu);
        const { peer, at, replies, rig } = started;
        const opcode = parseInt(digits("").slice(0, 2), 16);
        for (const [value, code] of [
          [0x81, 0x81],
          [1, 1],
          [undefined, 0x0e],
          [0x1000, 0x0e],
          ["\u0100", 0x0e],
          [Promise.resolve("x"), 0x0e],
          [{}, 0x0e],
        ] as [any, number][]) {
          if (value === "\u0100" && name.includes("offset")) continue;
          const before = rig.errors.length;
          quiet(started, digits(le(at)), 100);
          replies.at(-1)!(value);
          assert.equal(peer.next(), error(opcode, at, code), String(value));
          assert.equal(rig.errors.length, before + (code === 0x0e ? 1 : 0));
        }
        assert.equal(peer.att("0a" + le(at + 6)), "0b" + text("fixed"));
      });

      it(`${name}: without an answer for 25 s it gets 0x0E, and a later one is ignored`, () => {
        const started = start(mtu);
        const { peer, at, replies, rig } = started;
        const opcode = parseInt(digits("").slice(0, 2), 16);
        quiet(started, digits(le(at)), 24_500);
        assert.equal(peer.next(4, 1500), error(opcode, at, 0x0e));
        replies[0]("too late");
        rig.run(500);
        assert.deepEqual(peer.frames, []);
        quiet(started, digits(le(at)));
        replies[0]("too late");
        quiet(started, "");
        replies[1](bytes(5));
        assert.equal(peer.next(), right(bytes(5), mtu, le(at)));
      });
    }

    it("a long value that is given later is asked for once", () => {
      const started = start(mtu);
      const { peer, at, replies } = started;
      const value = bytes(512, 5);
      quiet(started, "0a" + le(at));
      replies[0](value);
      let all = peer.next().slice(2);
      for (let part = all; part; all += part) part = peer.att("0c" + le(at) + le(all.length / 2)).slice(2);
      assert.equal(all, hex(value));
      assert.equal(replies.length, 1);
    });

    it("Write: success, errors, and what is out of range", () => {
      const started = start(mtu);
      const { peer, at, replies, log } = started;
      for (const [value, code] of [
        [undefined, 0],
        [0, 0],
        [null, 0],
        [0x0d, 0x0d],
        [0xff, 0xff],
        [0x1000, 0x80],
        [-1, 0x80],
        ["x", 0x80],
        [Promise.resolve(0), 0x0e],
      ] as [any, number][]) {
        quiet(started, "12" + le(at) + "55", 200);
        replies.at(-1)!(value);
        assert.equal(peer.next(), code ? error(0x12, at, code) : "13", String(value));
      }
      assert.equal(log.length, 9);
    });

    it("Write: without an answer for 25 s it gets 0x0E", () => {
      const started = start(mtu);
      const { peer, at, replies, rig } = started;
      quiet(started, "12" + le(at) + "55", 24_500);
      assert.equal(peer.next(4, 1500), error(0x12, at, 0x0e));
      replies[0](0);
      rig.run(500);
      assert.deepEqual(peer.frames, []);
    });

    it("Execute Write: one handler after the other, the answer after the last", () => {
      const started = start(mtu);
      const { peer, at, replies, log } = started;
      for (const [n, value] of [[0, "aa"], [4, "cc"], [2, "bb"]] as [number, string][]) assert.equal(peer.att("16" + le(at + n) + "0000" + value).slice(0, 2), "17");
      quiet(started, "1801");
      assert.deepEqual(log, ["w1:aa"]);
      replies[0]();
      quiet(started, "");
      assert.deepEqual(log, ["w1:aa", "w3:cc", "w2:bb"]);
      replies[2](0);
      assert.equal(peer.next(), "19");
      assert.equal(peer.att("1801"), "19");
      assert.equal(log.length, 3);
    });

    it("Execute Write: a refusal later ends it; what waits for ever gets 0x0E", () => {
      for (const how of ["refused", "silent"]) {
        const started = start(mtu);
        const { peer, at, replies, log } = started;
        peer.att("16" + le(at) + "0000aa");
        peer.att("16" + le(at + 2) + "0000bb");
        quiet(started, "1801");
        if (how === "refused") replies[0](0x81);
        else quiet(started, "", 24_000);
        assert.equal(peer.next(4, 2000), error(0x18, at, how === "refused" ? 0x81 : 0x0e));
        assert.deepEqual(log, ["w1:aa"]);
        assert.equal(peer.att("1801"), "19");
        assert.equal(log.length, 1);
      }
    });

    it("Read Multiple cannot wait: 0x0E, and the reply is dead", () => {
      for (const opcode of ["0e", "20"]) {
        const started = start(mtu);
        const { peer, at, replies, rig } = started;
        assert.equal(peer.att(opcode + le(at + 6) + le(at)), error(parseInt(opcode, 16), at, 0x0e));
        replies[0]("dead");
        rig.run(300);
        assert.deepEqual(peer.frames, []);
        // It does not answer the next one either.
        quiet(started, "0a" + le(at));
        replies[1]("mine");
        assert.equal(peer.next(), "0b" + text("mine"));
      }
    });
  });
}

describe("gatt: replies that come at odd moments", () => {
  it("before the handler returns bt.LATER: taken", () => {
    let value: any = "early";
    const { rig, peer } = linked([
      {
        uuid: 0xff00,
        chars: [
          { uuid: 0xff01, read: (_, reply) => (reply(value), rig.bt.LATER), write: (_, written, reply) => (reply(written[0]), rig.bt.LATER) },
        ],
      },
    ]);
    const at = rig.bt.handle(0xff00, 0xff01);
    assert.equal(peer.att("0a" + le(at)), "0b" + text("early"));
    value = 0x85;
    assert.equal(peer.att("0a" + le(at)), error(0x0a, at, 0x85));
    value = "again";
    assert.equal(peer.att("0c" + le(at) + "0200"), "0d" + text("ain"));
    assert.equal(peer.att("0e" + le(at) + le(at)), "0f" + text("againagain"));
    assert.equal(peer.att("12" + le(at) + "00"), "13");
    assert.equal(peer.att("12" + le(at) + "81"), error(0x12, at, 0x81));
  });

  it("before the handler returns a value of its own: that value counts", () => {
    const { rig, peer } = linked([{ uuid: 0xff00, chars: [{ uuid: 0xff01, read: (_, reply) => (reply("reply"), "returned") }] }]);
    const at = rig.bt.handle(0xff00, 0xff01);
    for (let i = 0; i < 2; i++) assert.equal(peer.att("0a" + le(at)), "0b" + text("returned"));
  });

  it("twice: the first counts, and the second does not answer the next request", () => {
    const started = start();
    const { peer, at, replies } = started;
    quiet(started, "0a" + le(at));
    replies[0]("one");
    replies[0]("two");
    assert.equal(peer.next(), "0b" + text("one"));
    quiet(started, "");
    quiet(started, "0a" + le(at));
    replies[0]("three");
    quiet(started, "");
    replies[1]("mine");
    assert.equal(peer.next(), "0b" + text("mine"));
  });

  it("twice before the handler returns, and once more after it", () => {
    const kept: ((value: any) => void)[] = [];
    const { rig, peer } = linked([
      {
        uuid: 0xff00,
        chars: [
          { uuid: 0xff01, read: (_, reply) => (reply("one"), reply("two"), kept.push(reply), rig.bt.LATER) },
          { uuid: 0xff02, read: (_, reply) => (kept.push(reply), rig.bt.LATER) },
        ],
      },
    ]);
    const at = rig.bt.handle(0xff00, 0xff01);
    assert.equal(peer.att("0a" + le(at)), "0b" + text("one"));
    kept[0]("three");
    rig.run(300);
    assert.deepEqual(peer.frames, []);
    // It must not answer what is asked next.
    peer.send(4, "0a" + le(at + 2));
    rig.run(500);
    assert.deepEqual(peer.frames, [], "nobody has answered yet");
    kept[1]("mine");
    assert.equal(peer.next(), "0b" + text("mine"));
  });

  it("the reply of a Write Command, which nobody waits for, does not answer the next request", () => {
    const started = start();
    const { peer, at, replies, log } = started;
    quiet(started, "52" + le(at) + "77");
    assert.deepEqual(log, ["w1:77"]);
    replies[0](0x81);
    quiet(started, "");
    quiet(started, "0a" + le(at));
    assert.deepEqual(log, ["w1:77", "r1"], "the handler has been asked and nobody has answered");
    replies[1]("mine");
    assert.equal(peer.next(), "0b" + text("mine"));
    quiet(started, "12" + le(at) + "55");
    replies[2](0);
    assert.equal(peer.next(), "13");
  });

  it("the reply of a Write Command does not answer a request that waits", () => {
    const started = start();
    const { peer, at, replies } = started;
    quiet(started, "0a" + le(at));
    quiet(started, "52" + le(at + 2) + "77");
    replies[1](0x81);
    quiet(started, "");
    replies[0]("mine");
    assert.equal(peer.next(), "0b" + text("mine"));
  });

  it("the reply of a handler that has returned a value does not answer the next request", () => {
    const started = start();
    const { peer, at, replies, rig } = started;
    assert.equal(peer.att("0a" + le(at + 4)), "0b" + text("now"));
    replies[0]("stale");
    rig.run(300);
    assert.deepEqual(peer.frames, []);
    quiet(started, "0a" + le(at));
    replies[1]("mine");
    assert.equal(peer.next(), "0b" + text("mine"));
  });

  it("the reply of a handler that has returned a value does not answer a request that waits", () => {
    const started = start();
    const { peer, at, replies } = started;
    assert.equal(peer.att("0a" + le(at + 4)), "0b" + text("now"));
    quiet(started, "0a" + le(at));
    replies[0]("stale");
    quiet(started, "");
    replies[1]("mine");
    assert.equal(peer.next(), "0b" + text("mine"));
  });

  it("after the link has died: nothing, and the next link's request is its own", () => {
    const started = start();
    const { peer, at, replies, rig, bt } = started;
    quiet(started, "0a" + le(at));
    peer.central.disconnect();
    rig.run(1000);
    replies[0]("dead");
    rig.run(500);
    peer.connect();
    replies[0]("dead");
    quiet(started, "0a" + le(at));
    replies[0]("dead");
    quiet(started, "");
    replies[1]("mine");
    assert.equal(peer.next(), "0b" + text("mine"));
    // The old link's 25 s pass without anything.
    quiet(started, "", 30_000);
    assert.equal(bt.counters().exceptions, 0);
  });

  it("after conn.close(): nothing breaks", () => {
    const started = start();
    const { peer, at, replies, rig, connection } = started;
    quiet(started, "0a" + le(at));
    connection.close();
    replies[0]("bye");
    rig.run(3000);
    assert.equal(peer.central.connected, false);
    replies[0]("bye");
    rig.run(500);
    peer.frames.splice(0);
    peer.connect();
    assert.equal(peer.att("0a" + le(at + 6)), "0b" + text("fixed"));
  });

  it("after bt.close(), and after another open(): nothing", () => {
    const started = start();
    const { at, replies, rig, bt, peer } = started;
    quiet(started, "0a" + le(at));
    bt.close();
    replies[0]("dead");
    rig.run(3000);
    replies[0]("dead");
    rig.run(1000);
    rig.gone();
    rig.open();
    rig.up();
    replies[0]("dead");
    rig.run(500);
    assert.deepEqual(peer.frames, []);
    assert.equal((rig.bt as any).counters().exceptions, 0);
  });

  it("after servegatt(): the answer still goes to who has asked", () => {
    const started = start();
    const { peer, at, replies, bt } = started;
    quiet(started, "0a" + le(at));
    bt.servegatt([]);
    replies[0]("old");
    assert.equal(peer.next(), "0b" + text("old"));
    assert.equal(peer.att("0a" + le(at)), error(0x0a, at, 0x01));
  });

  it("after servegatt() in the middle of an Execute Write: an error, since what is left is not written", () => {
    const started = start();
    const { peer, at, replies, bt, log } = started;
    peer.att("16" + le(at) + "0000aa");
    peer.att("16" + le(at + 2) + "0000bb");
    quiet(started, "1801");
    bt.servegatt([]);
    replies[0](0);
    assert.match(peer.next(), /^0118/);
    assert.deepEqual(log, ["w1:aa"]);
  });

  it("after servegatt() while the only value of an Execute Write waits: it was taken, and that is said", () => {
    const started = start();
    const { peer, at, replies, bt, log } = started;
    peer.att("16" + le(at) + "0000aa");
    peer.att("16" + le(at) + "0100bb");
    quiet(started, "1801");
    bt.servegatt([]);
    replies[0](0);
    assert.equal(peer.next(), "19");
    assert.deepEqual(log, ["w1:aabb"]);
  });

  it("two links wait at a time, and each gets its own", () => {
    const replies = new Map<Connection, (value: any) => void>();
    const { rig, connections } = device([{ uuid: 0xff00, chars: [{ uuid: 0xff01, read: (connection, reply) => (replies.set(connection, reply), rig.bt.LATER) }] }], {}, SEVERAL);
    const peers = [2, 3].map((n) => new Peer(rig, { address: "0b5e12e2000" + n, name: "peer " + n }).connect());
    const at = rig.bt.handle(0xff00, 0xff01);
    for (const peer of peers) peer.send(4, "0a" + le(at));
    rig.run(500);
    replies.get(connections[1])!("two");
    assert.equal(peers[1].next(), "0b" + text("two"));
    assert.deepEqual(peers[0].frames, []);
    replies.get(connections[0])!("one");
    assert.equal(peers[0].next(), "0b" + text("one"));
    assert.deepEqual(peers[1].frames, []);
  });

  it("a reply may call anything: it closes the link behind its answer", () => {
    const started = start();
    const { peer, at, replies, connection, rig, closed } = started;
    quiet(started, "0a" + le(at));
    replies[0]("bye");
    connection.close();
    rig.run(2000);
    assert.deepEqual(peer.frames.map((frame) => frame.bytes), ["0b" + text("bye")]);
    assert.deepEqual(peer.ends, [0x13]);
    assert.deepEqual(closed, []);
  });

  it("a promise says how it is done right", () => {
    const { rig, peer } = linked([{ uuid: 0xff00, chars: [{ uuid: 0xff01, read: async () => "x", write: async () => 0 }] }]);
    const at = rig.bt.handle(0xff00, 0xff01);
    assert.equal(peer.att("0a" + le(at)), error(0x0a, at, 0x0e));
    assert.equal(peer.att("12" + le(at) + "00"), error(0x12, at, 0x0e));
    assert.deepEqual(rig.errors.map(brief), [`handler gatt ${at}`, `handler gatt ${at}`]);
    for (const problem of rig.errors) assert.match(problem.message, /bt\.LATER/);
  });
});
