import assert from "node:assert/strict";
import type { Connection } from "../../core/connection.js";
import type { Service } from "../../core/gatt/database.js";
import type { Options } from "../../core/options.js";
import { device, Peer } from "../support/links.js";
import { hex, rejects, type Rig } from "../support/rig.js";

// Client Characteristic Configurations, notifications, indications: Vol 3 Part G 3.3.3.3, 4.10, 4.11; Part F 3.4.7 and 3.3.3.

const le = (value: number): string => hex([value & 255, value >> 8]);
const text = (value: string): string => hex(Array.from(value, (c) => c.charCodeAt(0)));
const error = (opcode: number, handle: number, code: number): string => hex([1, opcode, handle & 255, handle >> 8, code]);
const bytes = (length: number, seed = 7): Uint8Array => Uint8Array.from({ length }, (_, i) => i * seed + 1);

/** A chip that may advertise beside links. */
const SEVERAL = { chip: { links: 8, identity: { lestates: new Uint8Array(8).fill(255) } } };

interface Started {
  rig: Rig<any>;
  bt: any;
  peers: Peer[];
  connections: Connection[];
  closed: number[];
  log: string[];
  /** Handle of the value with that UUID's low byte; its configuration comes behind it. */
  at: (n: number) => number;
}

function table(log: string[]): Service[] {
  const subscribe =
    (name: string) =>
    (_: Connection, on: number): void =>
      void log.push(`${name}:${on}`);
  return [
    {
      uuid: 0xff00,
      chars: [
        { uuid: 0xff01, value: "n", flags: 0x12, subscribe: subscribe("n") },
        { uuid: 0xff02, flags: 0x20, subscribe: subscribe("i") },
        { uuid: 0xff03, value: "b", flags: 0x32, subscribe: subscribe("b") },
        { uuid: 0xff04, value: "plain" },
        { uuid: 0xff05, value: "quiet", flags: 0x12 },
        { uuid: 0xff06, value: "secret", flags: 0x32, level: 3 },
      ],
    },
  ];
}

function start(count = 1, options: Options = {}, services?: Service[]): Started {
  const log: string[] = [];
  const { rig, connections, closed } = device(services ?? table(log), options, SEVERAL);
  const peers: Peer[] = [];
  for (let i = 0; i < count; i++) peers.push(new Peer(rig, { address: "0b5e12e2000" + (i + 2), name: "peer " + i }).connect());
  assert.equal(connections.length, count);
  return { rig, bt: rig.bt, peers, connections, closed, log, at: (n) => rig.bt.handle(0xff00, 0xff00 + n) };
}

function subscribe(peer: Peer, handle: number, value = 1): void {
  assert.equal(peer.att("12" + le(handle + 1) + le(value)), "13");
}

/** Takes all that a peer has heard. */
const heard = (peer: Peer): string[] => peer.frames.splice(0).map((frame) => frame.bytes);

for (const mtu of [23, 247]) {
  describe(`gatt: client configurations at an MTU of ${mtu}`, () => {
    function begin(): Started {
      const started = start();
      if (mtu > 23) started.peers[0].mtu(mtu);
      return started;
    }

    it("take what their characteristic has, and give it back", () => {
      const { peers, at } = begin();
      const [peer] = peers;
      const rows: [number, number[], number[]][] = [
        [1, [0, 1], [2, 3, 4, 0x80, 0x100, 0x101, 0xffff]],
        [2, [0, 2], [1, 3, 4, 0x200, 0x8000]],
        [3, [0, 1, 2, 3], [4, 7, 0x100, 0x301]],
      ];
      for (const [n, good, bad] of rows) {
        const handle = at(n) + 1;
        assert.equal(peer.att("0a" + le(handle)), "0b0000");
        for (const value of good) {
          assert.equal(peer.att("12" + le(handle) + le(value)), "13");
          assert.equal(peer.att("0a" + le(handle)), "0b" + le(value));
          for (const other of bad) assert.equal(peer.att("12" + le(handle) + le(other)), error(0x12, handle, 0xfd), `${n} ${other}`);
          assert.equal(peer.att("0a" + le(handle)), "0b" + le(value));
        }
      }
    });

    it("take two bytes only", () => {
      const { peers, at } = begin();
      const handle = at(1) + 1;
      for (const value of ["", "01", "010000", "01000000"]) assert.equal(peers[0].att("12" + le(handle) + value), error(0x12, handle, 0x0d));
      assert.equal(peers[0].att("0a" + le(handle)), "0b0000");
    });

    it("are no values to be written by a command", () => {
      const { peers, at, rig } = begin();
      peers[0].send(4, "52" + le(at(1) + 1) + "0100");
      rig.run(300);
      assert.equal(peers[0].att("0a" + le(at(1) + 1)), "0b0000");
    });

    it("tell the application of each change, and of nothing else", () => {
      const { peers, at, log } = begin();
      const [peer] = peers;
      const write = (n: number, value: number): string => peer.att("12" + le(at(n) + 1) + le(value));
      write(1, 0);
      assert.deepEqual(log, []);
      write(1, 1);
      write(1, 1);
      write(1, 3);
      write(3, 3);
      write(3, 1);
      write(3, 2);
      write(2, 2);
      write(1, 0);
      write(1, 0);
      assert.deepEqual(log, ["n:1", "b:3", "b:1", "b:2", "i:2", "n:0"]);
    });

    it("are zero again on the next connection", () => {
      const { peers, at, rig, bt } = begin();
      const [peer] = peers;
      subscribe(peer, at(1));
      subscribe(peer, at(2), 2);
      peer.central.disconnect();
      rig.run(1000);
      peer.connect();
      assert.equal(peer.att("0a" + le(at(1) + 1)), "0b0000");
      assert.equal(peer.att("0a" + le(at(2) + 1)), "0b0000");
      assert.equal(bt.notify(0xff01, "x"), true);
      rig.run(500);
      assert.deepEqual(heard(peer), []);
    });

    it("are each link's own", () => {
      const { peers, at, log, connections, bt, rig } = start(2);
      subscribe(peers[0], at(1));
      assert.equal(peers[1].att("0a" + le(at(1) + 1)), "0b0000");
      assert.equal(bt.notify(0xff01, "x"), true);
      rig.run(500);
      assert.deepEqual(peers.map(heard), [["1b" + le(at(1)) + "78"], []]);
      assert.deepEqual(log, ["n:1"]);
      assert.equal(connections.length, 2);
    });
  });

  describe(`gatt: notify at an MTU of ${mtu}`, () => {
    it("sends the handle and the value to who has subscribed", () => {
      const { peers, at, bt, rig } = start();
      const [peer] = peers;
      if (mtu > 23) peer.mtu(mtu);
      assert.equal(bt.notify(0xff01, "before"), true);
      rig.run(300);
      assert.deepEqual(heard(peer), []);
      subscribe(peer, at(1));
      for (const [value, digits] of [
        ["text", text("text")],
        ["", ""],
        [[1, 2, 255], "0102ff"],
        [Uint8Array.from([9, 8]), "0908"],
        [bytes(mtu - 3), hex(bytes(mtu - 3))],
      ] as [any, string][]) {
        assert.equal(bt.notify(0xff01, value), true);
        assert.equal(peer.next(), "1b" + le(at(1)) + digits);
      }
      assert.equal(bt.counters().cut, 0);
    });

    it("cuts to MTU - 3, and counts it", () => {
      const { peers, at, bt, rig } = start();
      const [peer] = peers;
      if (mtu > 23) peer.mtu(mtu);
      subscribe(peer, at(3), 3);
      bt.notify(0xff03, bytes(mtu - 2));
      assert.equal(peer.next(), "1b" + le(at(3)) + hex(bytes(mtu - 3)));
      assert.equal(bt.counters().cut, 1);
      bt.notify(0xff03, bytes(512));
      assert.equal(peer.next(), "1b" + le(at(3)) + hex(bytes(mtu - 3)));
      assert.equal(bt.counters().cut, 2);
      subscribe(peer, at(3), 2);
      bt.notify(0xff03, bytes(512));
      assert.equal(peer.next(), "1d" + le(at(3)) + hex(bytes(mtu - 3)));
      assert.equal(bt.counters().cut, 3);
      peer.send(4, "1e");
      rig.run(300);
    });

    it("cuts for each link as that one's MTU says", () => {
      const { peers, at, bt, rig } = start(2);
      peers[1].mtu(mtu);
      for (const peer of peers) subscribe(peer, at(1));
      bt.notify(0xff01, bytes(100));
      rig.run(1000);
      assert.deepEqual(peers.map(heard), [["1b" + le(at(1)) + hex(bytes(20))], ["1b" + le(at(1)) + hex(bytes(Math.min(100, mtu - 3)))]]);
      assert.equal(bt.counters().cut, mtu === 23 ? 2 : 1);
    });
  });
}

describe("gatt: notify and indicate", () => {
  it("goes by UUID in every form, and by handle", () => {
    const long = "fada47be-c455-48c9-a5f2-af7cf368d719";
    const { peers, bt } = start(1, {}, [{ uuid: 0xff00, chars: [{ uuid: 0xff01, flags: 0x10 }, { uuid: long, flags: 0x10 }] }]);
    const [peer] = peers;
    const [one, two] = [bt.handle(0xff00, 0xff01), bt.handle("ff00", long)];
    subscribe(peer, one);
    subscribe(peer, two);
    for (const name of [0xff01, "ff01", "FF01", "0000ff01-0000-1000-8000-00805f9b34fb", "0000FF0100001000800000805F9B34FB", Uint8Array.from([0xff, 1]), [0xff, 1], one]) {
      assert.equal(bt.notify(name, "x"), true);
      assert.equal(peer.next(), "1b" + le(one) + "78", String(name));
    }
    for (const name of [long, long.toUpperCase(), long.split("-").join(""), two]) {
      assert.equal(bt.notify(name, "y"), true);
      assert.equal(peer.next(), "1b" + le(two) + "79", String(name));
    }
  });

  it("the same name means what it means now: in another table, and an array with other bytes in it", () => {
    const chars = [{ uuid: 0xff01, flags: 0x10 }, { uuid: 0xff02, flags: 0x10 }];
    const { peers, bt, at } = start(1, {}, [{ uuid: 0xff00, chars }]);
    const [peer] = peers;
    const name = [0xff, 1];
    for (const n of [1, 2]) {
      name[1] = n;
      subscribe(peer, at(n));
      for (let i = 0; i < 2; i++) {
        bt.notify(name, [i]);
        assert.equal(peer.next(), "1b" + le(at(n)) + hex([i]));
      }
    }
    bt.notify(0xff02, "a");
    assert.equal(peer.next(), "1b" + le(at(2)) + "61");
    const before = at(2);
    bt.servegatt([{ uuid: 0xff00, chars: [chars[1], chars[0]] }]);
    assert.notEqual(at(2), before);
    subscribe(peer, at(2));
    for (let i = 0; i < 2; i++) {
      bt.notify(0xff02, "b");
      assert.equal(peer.next(), "1b" + le(at(2)) + "62");
    }
    rejects(() => bt.notify(0xff03, "c"), "notify", "characteristic", 0xff03);
    rejects(() => bt.notify(0xff03, "c"), "notify", "characteristic", 0xff03);
    bt.notify(0xff02, "d");
    assert.equal(peer.next(), "1b" + le(at(2)) + "64");
  });

  it("where a UUID stands twice the first is meant, and handle() tells the others", () => {
    const chars = [{ uuid: 0xff01, flags: 0x10 }];
    const { peers, bt } = start(1, {}, [
      { uuid: 0xff00, chars },
      { uuid: 0xfe00, chars },
      { uuid: "fada47be-c455-48c9-a5f2-af7cf368d719", chars },
    ]);
    const handles = [bt.handle(0xff00, 0xff01), bt.handle(0xfe00, "ff01"), bt.handle("FADA47BEC45548C9A5F2AF7CF368D719", 0xff01)];
    assert.equal(handles[1], handles[0] + 4);
    assert.equal(handles[2], handles[0] + 8);
    for (const handle of handles) subscribe(peers[0], handle);
    bt.notify(0xff01, "1");
    assert.equal(peers[0].next(), "1b" + le(handles[0]) + "31");
    for (const handle of handles) {
      bt.notify(handle, "2");
      assert.equal(peers[0].next(), "1b" + le(handle) + "32");
    }
  });

  it("both on: a notification; only indications: one of them, and the next after its confirmation", () => {
    const { peers, at, bt, rig } = start();
    const [peer] = peers;
    subscribe(peer, at(3), 3);
    bt.notify(0xff03, "a");
    assert.equal(peer.next(), "1b" + le(at(3)) + "61");
    subscribe(peer, at(3), 2);
    assert.equal(bt.notify(0xff03, "b"), true);
    assert.equal(bt.notify(0xff03, "c"), false);
    assert.equal(peer.next(), "1d" + le(at(3)) + "62");
    assert.equal(bt.notify(0xff03, "c"), false);
    // All else goes on.
    subscribe(peer, at(1));
    assert.equal(bt.notify(0xff01, "n"), true);
    assert.equal(peer.next(), "1b" + le(at(1)) + "6e");
    assert.equal(peer.att("0a" + le(at(4))), "0b" + text("plain"));
    peer.send(4, "1e");
    rig.run(200);
    assert.equal(bt.notify(0xff03, "c"), true);
    assert.equal(peer.next(), "1d" + le(at(3)) + "63");
  });

  it("one indication at a time over all characteristics of a link", () => {
    const { peers, at, bt } = start();
    subscribe(peers[0], at(2), 2);
    subscribe(peers[0], at(3), 2);
    assert.equal(bt.notify(0xff02, "a"), true);
    assert.equal(bt.notify(0xff03, "b"), false);
    assert.equal(peers[0].next(), "1d" + le(at(2)) + "61");
    peers[0].send(4, "1e");
    assert.equal(peers[0].next(), "");
    assert.equal(bt.notify(0xff03, "b"), true);
  });

  it("an indication that waits on one link holds back no other value, but the same one on all links", () => {
    const { peers, at, bt, rig } = start(2);
    subscribe(peers[0], at(2), 2);
    subscribe(peers[1], at(2), 2);
    assert.equal(bt.notify(0xff02, "a"), true);
    rig.run(500);
    peers[0].send(4, "1e");
    rig.run(500);
    // The second has not confirmed: nothing is sent to the first either.
    assert.equal(bt.notify(0xff02, "b"), false);
    rig.run(500);
    assert.deepEqual(heard(peers[0]), ["1d" + le(at(2)) + "61"]);
    assert.deepEqual(heard(peers[1]), ["1d" + le(at(2)) + "61"]);
  });

  it("done is called once for each link: at once for a notification, after the confirmation for an indication", () => {
    const { peers, at, bt, rig, connections } = start(2);
    const done: any[] = [];
    subscribe(peers[0], at(3), 1);
    subscribe(peers[1], at(3), 2);
    const tell = (problem: any, connection: Connection): void => void done.push([problem, connections.indexOf(connection)]);
    assert.equal(bt.notify(0xff03, "a", null, tell), true);
    assert.deepEqual(done, [], "not from inside the call");
    rig.run(500);
    assert.deepEqual(done, [[null, 0]]);
    peers[1].send(4, "1e");
    rig.run(500);
    assert.deepEqual(done, [[null, 0], [null, 1]]);
    peers[1].send(4, "1e");
    rig.run(500);
    assert.equal(done.length, 2);
  });

  it("done hears of a link that ends before it has confirmed", () => {
    const { peers, at, bt, rig } = start();
    const done: any[] = [];
    subscribe(peers[0], at(2), 2);
    bt.notify(0xff02, "a", undefined, (problem: any) => void done.push(problem && problem.code));
    peers[0].central.disconnect();
    rig.run(1000);
    assert.deepEqual(done, ["disconnected"]);
  });

  it("done is not called where nobody has subscribed", () => {
    const { bt, rig } = start();
    assert.equal(bt.notify(0xff02, "a", null, () => assert.fail("called")), true);
    rig.run(1000);
    assert.equal(bt.counters().exceptions, 0);
  });

  it("to one connection only", () => {
    const { peers, at, bt, rig, connections } = start(2);
    for (const peer of peers) subscribe(peer, at(1));
    assert.equal(bt.notify(0xff01, "x", connections[1]), true);
    rig.run(500);
    assert.deepEqual(peers.map(heard), [[], ["1b" + le(at(1)) + "78"]]);
    // One that has ended gets nothing, and holds nothing up.
    peers[1].central.disconnect();
    rig.run(1000);
    assert.equal(bt.notify(0xff01, "y", connections[1]), true);
    rig.run(500);
    assert.deepEqual(peers.map(heard), [[], []]);
  });

  it("without a confirmation for 30 s the link is ended, and done hears of it", () => {
    const { peers, at, bt, rig, closed } = start();
    const done: any[] = [];
    subscribe(peers[0], at(2), 2);
    bt.notify(0xff02, "a", null, (problem: any) => void done.push(problem && problem.code));
    rig.run(29_500);
    assert.ok(peers[0].central.connected);
    assert.deepEqual(done, []);
    // Other requests are answered until then.
    assert.equal(peers[0].att("0a" + le(at(4))).slice(0, 2), "1d");
    rig.run(1500);
    assert.equal(peers[0].central.connected, false);
    assert.deepEqual(done, ["timeout"]);
    assert.equal(closed.length, 1);
    // And a new link begins anew.
    peers[0].frames.splice(0);
    peers[0].connect();
    subscribe(peers[0], at(2), 2);
    assert.equal(bt.notify(0xff02, "b"), true);
    assert.equal(peers[0].next(), "1d" + le(at(2)) + "62");
  });

  it("the 30 s of an indication begin when it goes out, behind a queue that takes longer", () => {
    const log: string[] = [];
    const { rig, connections, closed } = device(table(log), { queue: 20 }, SEVERAL);
    const peer = new Peer(rig, { address: "0b5e12e20002", interval: 4000, timeout: 32000 }).connect(20_000);
    const bt = rig.bt;
    const at = (n: number): number => bt.handle(0xff00, 0xff00 + n);
    for (const [n, value] of [[1, 1], [2, 2]]) assert.equal(peer.send(4, "12" + le(at(n) + 1) + le(value)).next(4, 20_000), "13");
    const done: any[] = [];
    // Two packets in each of its connection events.
    for (let i = 0; i < 19; i++) assert.equal(bt.notify(0xff01, [i]), true);
    assert.equal(bt.notify(0xff02, "a", null, (problem: any) => void done.push(problem && problem.code)), true);
    rig.run(32_000);
    // What has not gone out cannot be confirmed.
    const before = bt.counters().ignored;
    peer.send(4, "1e");
    rig.run(4500);
    assert.equal(bt.counters().ignored, before + 1);
    assert.equal(bt.notify(0xff02, "b"), false);
    const last = (): string => peer.frames[peer.frames.length - 1].bytes;
    rig.board.clock.until(() => last() === "1d" + le(at(2)) + "61", 60_000);
    assert.equal(peer.frames.length, 20);
    assert.equal(done.length, 0);
    rig.run(15_000);
    assert.equal(done.length, 0);
    assert.ok(peer.central.connected);
    peer.send(4, "1e");
    rig.run(8000);
    assert.deepEqual(done, [null]);
    // Without a confirmation it is over 30 s after the controller has had it.
    bt.notify(0xff02, "c", null, (problem: any) => void done.push(problem && problem.code));
    rig.run(29_000);
    assert.deepEqual(done, [null]);
    rig.run(1100);
    assert.deepEqual(done, [null, "timeout"]);
    rig.run(9000);
    assert.equal(closed.length, 1);
    assert.equal(connections.length, 1);
  });

  it("an indication that cannot go out for 30 s ends the link as well", () => {
    const { peers, at, bt, rig, closed } = start();
    const done: any[] = [];
    subscribe(peers[0], at(1));
    subscribe(peers[0], at(2), 2);
    peers[0].central.busy = true;
    rig.run(100);
    for (let i = 0; i < 3; i++) assert.equal(bt.notify(0xff01, [i]), true);
    assert.equal(bt.notify(0xff02, "a", null, (problem: any) => void done.push(problem && problem.code)), true);
    rig.run(29_500);
    assert.equal(done.length, 0);
    rig.run(1500);
    assert.deepEqual(done, ["timeout"]);
    rig.run(10_000);
    assert.equal(closed.length, 1);
  });

  it("a confirmation that nobody waits for is ignored and counted", () => {
    const { peers, at, bt, rig } = start();
    const before = bt.counters().ignored;
    peers[0].send(4, "1e");
    rig.run(300);
    assert.equal(bt.counters().ignored, before + 1);
    // One with more than an opcode confirms nothing.
    subscribe(peers[0], at(2), 2);
    bt.notify(0xff02, "a");
    rig.run(300);
    peers[0].send(4, "1e00");
    rig.run(300);
    assert.equal(bt.notify(0xff02, "b"), false);
    peers[0].send(4, "1e");
    rig.run(300);
    assert.equal(bt.notify(0xff02, "b"), true);
    assert.deepEqual(heard(peers[0]), ["1d" + le(at(2)) + "61"]);
  });

  it("may be called from a done callback, from onroom and from subscribe", () => {
    const services = table([]);
    let started: Started;
    services[0].chars[1].subscribe = () => void started.bt.notify(0xff02, "first", null, () => void started.bt.notify(0xff02, "second"));
    started = start(1, {}, services);
    const { peers, at, rig } = started;
    // The answer to the write comes as well, in whatever order.
    peers[0].send(4, "12" + le(at(2) + 1) + "0200");
    rig.run(500);
    assert.deepEqual(heard(peers[0]).sort(), ["13", "1d" + le(at(2)) + text("first")]);
    peers[0].send(4, "1e");
    assert.equal(peers[0].next(), "1d" + le(at(2)) + text("second"));
  });

  it("values above the link's level are not sent", () => {
    const { peers, at, bt, rig } = start();
    subscribe(peers[0], at(6), 1);
    assert.equal(bt.notify(0xff06, "x"), true);
    subscribe(peers[0], at(6), 2);
    assert.equal(bt.notify(0xff06, "x"), true);
    rig.run(500);
    assert.deepEqual(heard(peers[0]), []);
  });

  it("a mistake of the application throws at once and sends nothing", () => {
    const { peers, at, bt, rig } = start();
    subscribe(peers[0], at(1));
    for (const name of [0xff99, 0, -1, 1.5, 65536, "ff99", "xyz", "", null, undefined, {}, at(4) + 500]) rejects(() => bt.notify(name, "x"), "notify", "characteristic");
    for (const value of [undefined, null, 5, {}, [256], [-1], [1.5], ["1"], "\u0100", true]) rejects(() => bt.notify(0xff01, value), "notify", "value");
    rejects(() => bt.notify(0xff01, new Uint8Array(513)), "notify", "value", 513, 512);
    for (const done of [5, "x", {}]) rejects(() => bt.notify(0xff01, "x", null, done), "notify", "done");
    for (const callback of [5, "x", {}]) rejects(() => bt.onroom(callback), "onroom", "callback");
    rig.run(500);
    assert.deepEqual(heard(peers[0]), []);
    assert.equal(bt.notify(0xff01, "x"), true);
  });

  it("a handle that is no characteristic's value, and a connection that is none, are mistakes too", () => {
    const { bt, at } = start();
    for (const handle of [1, at(1) - 1, at(1) + 1]) rejects(() => bt.notify(handle, "x"), "notify", "characteristic");
    for (const connection of [5, "x", {}, true]) rejects(() => bt.notify(0xff01, "x", connection), "notify", "connection");
  });

  it("handle() names what is not served", () => {
    const { bt } = start();
    rejects(() => bt.handle(0xff00, 0xff99), "handle", "characteristic");
    rejects(() => bt.handle(0xff99, 0xff01), "handle", "characteristic");
    for (const bad of [null, undefined, "xyz", -1, {}]) {
      rejects(() => bt.handle(0xff00, bad), "handle", "characteristic");
      rejects(() => bt.handle(bad, 0xff01), "handle", "characteristic");
    }
    // What cannot be written in an error.
    rejects(() => bt.handle(Object.create(null), 0xff01), "handle", "characteristic");
  });
});

describe("gatt: back-pressure", () => {
  /** Notifies numbered values until there is no room; returns how many were taken. */
  function fill(bt: any, from = 0, length = 20): number {
    let count = 0;
    while (bt.notify(0xff01, new Uint8Array(length).fill(from + count))) assert.ok(++count < 2000, "bounded");
    return count;
  }

  for (const [mtu, queue] of [
    [23, 1],
    [23, 2],
    [23, 3],
    [23, 4],
    [23, 16],
    [185, 4],
    [515, 5],
  ]) {
    it(`an MTU of ${mtu} and a queue of ${queue}: nothing is lost, doubled or out of order, however often it fills`, () => {
      const { peers, at, bt, rig } = start(1, { mtu, queue });
      const [peer] = peers;
      if (mtu > 23) peer.mtu(mtu);
      subscribe(peer, at(1));
      const total = 60;
      let sent = 0;
      const push = (): void => {
        while (sent < total && bt.notify(0xff01, new Uint8Array(mtu - 3).fill(sent))) sent++;
      };
      bt.onroom(push);
      peer.central.busy = true;
      push();
      assert.ok(sent >= queue && sent < total, `${sent}`);
      rig.run(500);
      peer.central.busy = false;
      rig.run(20_000);
      assert.deepEqual(heard(peer), Array.from({ length: sent }, (_, i) => "1b" + le(at(1)) + hex([i]).repeat(mtu - 3)));
      assert.equal(sent, total);
    });
  }

  it("values of many lengths, from none to the longest, come in their order", () => {
    for (let seed = 1; seed <= 12; seed++) {
      const { peers, at, bt, rig } = start(1, { mtu: 64, queue: 3 });
      const [peer] = peers;
      peer.mtu(64);
      subscribe(peer, at(1));
      const want: string[] = [];
      let state = seed;
      const push = (): void => {
        while (want.length < 80) {
          state = (state * 1103515245 + 12345) % 2147483648;
          const value = new Uint8Array((state >> 8) % 62).fill(want.length);
          if (!bt.notify(0xff01, value)) break;
          want.push("1b" + le(at(1)) + hex(value));
        }
      };
      bt.onroom(push);
      for (let i = 0; i < 8; i++) {
        peer.central.busy = i % 2 === 0;
        push();
        rig.run(100 + 37 * i);
      }
      peer.central.busy = false;
      rig.run(20_000);
      assert.equal(want.length, 80, `seed ${seed}`);
      assert.deepEqual(heard(peer), want, `seed ${seed}`);
    }
  });

  it("no room on one link: nothing is sent on any", () => {
    const { peers, at, bt, rig } = start(2, { mtu: 23, queue: 2 });
    for (const peer of peers) subscribe(peer, at(1));
    peers[0].central.busy = true;
    let taken = 0;
    while (bt.notify(0xff01, [taken])) {
      assert.ok(++taken < 100);
      rig.run(100);
    }
    rig.run(1000);
    // What was refused has gone to nobody.
    assert.deepEqual(heard(peers[1]), Array.from({ length: taken }, (_, i) => "1b" + le(at(1)) + hex([i])));
    assert.deepEqual(heard(peers[0]), []);
    let rooms = 0;
    bt.onroom(() => void rooms++);
    peers[0].central.busy = false;
    rig.run(2000);
    assert.equal(rooms, 1);
    assert.equal(bt.notify(0xff01, "more"), true);
    rig.run(1000);
    assert.equal(heard(peers[0]).length, taken + 1);
    assert.deepEqual(heard(peers[1]), ["1b" + le(at(1)) + text("more")]);
  });

  it("onroom is called after the last refusal, once for each, and not where nothing was refused", () => {
    const { peers, at, bt, rig } = start(1, { mtu: 23, queue: 2 });
    let rooms = 0;
    bt.onroom(() => void rooms++);
    subscribe(peers[0], at(1));
    bt.notify(0xff01, "x");
    rig.run(1000);
    assert.equal(rooms, 0);
    peers[0].central.busy = true;
    fill(bt);
    assert.equal(bt.notify(0xff01, "x"), false);
    peers[0].central.busy = false;
    rig.run(2000);
    assert.equal(rooms, 1);
    bt.onroom(null);
    peers[0].central.busy = true;
    fill(bt);
    peers[0].central.busy = false;
    rig.run(2000);
    assert.equal(rooms, 1);
  });

  it("onroom is called when the link that had no room ends, where another waits", () => {
    const { peers, at, bt, rig } = start(2, { mtu: 23, queue: 2 });
    for (const peer of peers) subscribe(peer, at(1));
    peers[0].central.busy = true;
    rig.run(100);
    let taken = 0;
    while (bt.notify(0xff01, [taken])) {
      assert.ok(++taken < 100);
      rig.run(200);
    }
    rig.run(500);
    let rooms = 0;
    bt.onroom(() => void rooms++);
    peers[0].central.vanish();
    rig.run(10_000);
    assert.equal(rooms, 1);
    assert.equal(bt.notify(0xff01, "x"), true);
  });

  it("onroom is called after a confirmation where an indication was refused", () => {
    const { peers, at, bt, rig } = start();
    let rooms = 0;
    bt.onroom(() => void rooms++);
    subscribe(peers[0], at(2), 2);
    bt.notify(0xff02, "a");
    assert.equal(bt.notify(0xff02, "b"), false);
    rig.run(500);
    peers[0].send(4, "1e");
    rig.run(500);
    assert.ok(rooms >= 1);
    assert.equal(bt.notify(0xff02, "b"), true);
  });

  it("requests are answered while the queue is full", () => {
    const { peers, at, bt, rig } = start(1, { mtu: 23, queue: 4 });
    const [peer] = peers;
    subscribe(peer, at(1));
    const push = (): void => void fill(bt);
    bt.onroom(push);
    push();
    for (let i = 0; i < 10; i++) {
      peer.send(4, "0a" + le(at(4)));
      rig.run(300);
      assert.equal(heard(peer).filter((frame) => frame === "0b" + text("plain")).length, 1);
    }
    bt.onroom(null);
    rig.run(3000);
  });
});

describe("gatt: Service Changed", () => {
  const more: Service[] = [{ uuid: 0xfe00, chars: [{ uuid: 0xfe01, value: "new" }] }];
  const find = (peer: Peer): number => {
    const answer = peer.att("080100ffff052a");
    // It cannot be read: the error names its handle.
    assert.match(answer, /^0108....02$/);
    return parseInt(answer.slice(6, 8) + answer.slice(4, 6), 16);
  };

  it("is indicated to who has subscribed, with the range that has changed", () => {
    const { peers, bt, rig } = start(2);
    const handle = find(peers[0]);
    const first = bt.handle(0xff00, 0xff01) - 2;
    subscribe(peers[0], handle, 2);
    bt.servegatt(more);
    assert.equal(peers[0].next(), "1d" + le(handle) + le(first) + "ffff");
    peers[0].send(4, "1e");
    rig.run(500);
    assert.deepEqual(heard(peers[1]), []);
    // It is still subscribed.
    bt.servegatt([]);
    assert.equal(peers[0].next(), "1d" + le(handle) + le(first) + "ffff");
  });

  it("two changes before the confirmation: a second indication after it", () => {
    const { peers, bt, rig } = start();
    const handle = find(peers[0]);
    subscribe(peers[0], handle, 2);
    bt.servegatt(more);
    bt.servegatt([]);
    rig.run(500);
    assert.equal(heard(peers[0]).length, 1);
    peers[0].send(4, "1e");
    rig.run(500);
    assert.equal(heard(peers[0]).length, 1);
    peers[0].send(4, "1e");
    rig.run(500);
    assert.equal(heard(peers[0]).length, 0);
  });

  it("waits for the confirmation of another indication", () => {
    const { peers, at, bt, rig } = start();
    const handle = find(peers[0]);
    subscribe(peers[0], handle, 2);
    subscribe(peers[0], at(2), 2);
    const value = at(2);
    bt.notify(0xff02, "x");
    bt.servegatt(more);
    rig.run(500);
    assert.deepEqual(heard(peers[0]), ["1d" + le(value) + "78"]);
    peers[0].send(4, "1e");
    assert.match(peers[0].next(), new RegExp("^1d" + le(handle)));
  });

  it("is not lost where the queue is full of notifications", () => {
    const { peers, at, bt, rig } = start(1, { mtu: 23, queue: 2 });
    const handle = find(peers[0]);
    subscribe(peers[0], handle, 2);
    subscribe(peers[0], at(1));
    peers[0].central.busy = true;
    for (let i = 0; bt.notify(0xff01, [i]); i++) assert.ok(i < 100);
    bt.servegatt(more);
    peers[0].central.busy = false;
    rig.run(3000);
    assert.equal(heard(peers[0]).filter((frame) => frame.startsWith("1d" + le(handle))).length, 1);
  });

  it("is not indicated for the same table, nor where there is none yet", () => {
    const { peers, bt, rig } = start(1, {}, more);
    const handle = find(peers[0]);
    subscribe(peers[0], handle, 2);
    bt.servegatt(more);
    rig.run(500);
    assert.deepEqual(heard(peers[0]), []);
  });

  it("a table that only grows keeps its handles", () => {
    const { peers, bt } = start(1, {}, more);
    const handle = bt.handle(0xfe00, 0xfe01);
    bt.servegatt(more.concat([{ uuid: 0xfd00, chars: [{ uuid: 0xfd01, value: "x" }] }]));
    assert.equal(bt.handle(0xfe00, 0xfe01), handle);
    assert.equal(bt.handle(0xfd00, 0xfd01), handle + 3);
    assert.equal(peers[0].att("0a" + le(handle)), "0b" + text("new"));
    assert.equal(peers[0].att("0a" + le(handle + 3)), "0b" + text("x"));
  });

  it("a table that only grows keeps subscriptions, since it keeps handles", () => {
    const log: string[] = [];
    const { peers, at, bt } = start(1, {}, table(log));
    subscribe(peers[0], at(1));
    subscribe(peers[0], at(2), 2);
    const value = at(1);
    bt.servegatt(table(log).concat(more));
    assert.equal(peers[0].att("0a" + le(value + 1)), "0b0100");
    bt.notify(0xff01, "x");
    assert.equal(peers[0].next(), "1b" + le(value) + "78");
    bt.notify(0xff02, "y");
    assert.equal(peers[0].next(), "1d" + le(at(2)) + "79");
    assert.deepEqual(log, ["n:1", "i:2"]);
  });
});
