import assert from "node:assert/strict";
import type { Connection } from "../../core/connection.js";
import { CID, device, linked, Peer } from "../support/links.js";
import { brief, hex, type Rig } from "../support/rig.js";
import { at, clean, connectionComplete, disconnectionComplete, EIGHT, here, home, makePeer, makePeers, readsAcme, sent, served, subscribe, TABLE, u16le } from "./links-fixture.test.js";

const DISCONNECT = 0x0406;
const RESET = 0x0c03;

describe("bt.close() with links", function () {
  this.timeout(30_000);

  it("Disconnect 0x13 to each, then Reset, power off; the application hears nothing", () => {
    const { rig, closed } = served({}, EIGHT);
    const peers = makePeers(rig, 8);
    const from = here(rig);
    const begun = rig.now;
    rig.bt.close();
    rig.board.clock.until(() => !rig.board.uartOpen, 2000);
    assert.ok(rig.now - begun < 1000, `${rig.now - begun} ms`);
    assert.deepEqual(sent(rig, DISCONNECT, from).sort(), Array.from({ length: 8 }, (_, i) => u16le(0x40 + i) + "13"));
    rig.run(100);
    const opcodes = rig.board.chip.log.slice(from).map(({ opcode }: any) => opcode);
    assert.ok(opcodes.lastIndexOf(DISCONNECT) < opcodes.length, "disconnected first");
    assert.deepEqual(peers.map(({ ends }) => ends), Array(8).fill([0x13]));
    assert.deepEqual(closed, []);
    assert.deepEqual(rig.errors, []);
    rig.gone();
    assert.deepEqual(closed, []);
  });

  it("a peer that does not acknowledge is waited for one second at most", () => {
    const { rig, closed } = served();
    const peer = makePeer(rig, 1, { timeout: 10_000 }).connect();
    peer.central.silent = true;
    const begun = rig.now;
    rig.bt.close();
    rig.board.clock.until(() => !rig.board.uartOpen, 5000);
    assert.ok(rig.now - begun >= 999 && rig.now - begun <= 1001, `${rig.now - begun} ms`);
    rig.gone();
    assert.deepEqual(closed, []);
  });

  it("an answered request, a queue of notifications, deadlines, RSSI, parameters under way: no callback, no timer afterwards", () => {
    let calls = 0;
    const count = (): void => void calls++;
    const { rig } = device([{ uuid: 0xfff0, chars: [{ uuid: 0xfff1, read: (_, reply) => ((rig.hal.timer as any), void reply, rig.bt.LATER) }, { uuid: 0xfff3, value: "", flags: 0x30 }] }]);
    let connection!: Connection;
    rig.bt.onconnect((c) => (connection = c));
    const peer = makePeer(rig, 1).connect();
    connection.onclose(count);
    assert.equal(peer.att("12" + u16le(rig.bt.handle(0xfff0, 0xfff3) + 1) + "0200"), "13");
    peer.send(CID.ATT, "0a" + u16le(rig.bt.handle(0xfff0, 0xfff1)));
    rig.run(100);
    rig.bt.onroom(count);
    peer.central.busy = true;
    assert.equal(rig.bt.notify(0xfff3, "x", null, count), true);
    assert.equal(rig.bt.notify(0xfff3, "y", null, count), false);
    connection.rssi(count);
    connection.parameters(30, 50, 0, 4000, count);
    rig.bt.close();
    rig.run(1500);
    assert.equal(calls, 0);
    rig.gone();
    assert.equal(calls, 0);
  });

  it("inside every callback that a link has", () => {
    for (const where of ["onconnect", "onclose", "read", "write", "subscribe", "rssi", "parameters", "done", "onroom"]) {
      let closings = 0;
      let rig!: Rig<any>;
      const close = (): any => {
        if (closings++) return "";
        rig.bt.close();
        return where === "read" ? "x" : 0;
      };
      const chars: any[] = [{ uuid: 0xfff1, flags: 0x1a, read: () => (where === "read" ? close() : "r"), write: () => where === "write" && close(), subscribe: () => where === "subscribe" && close() }];
      const made = device([{ uuid: 0xfff0, chars }], { queue: 1 });
      rig = made.rig;
      let connection!: Connection;
      rig.bt.onconnect((c) => {
        connection = c;
        c.onclose(() => where === "onclose" && close());
        if (where === "onconnect") close();
      });
      rig.bt.onroom(() => where === "onroom" && close());
      const peer = makePeer(rig, 1);
      peer.central.connect(rig.bt.address()!, 1);
      rig.run(500);
      const value = u16le(where === "onconnect" ? 3 : rig.bt.handle(0xfff0, 0xfff1));
      const configuration = u16le(where === "onconnect" ? 3 : rig.bt.handle(0xfff0, 0xfff1) + 1);
      const send = (digits: string): void => void (peer.central.connected && peer.send(CID.ATT, digits));
      if (where === "read") send("0a" + value);
      if (where === "write") send("12" + value + "01");
      if (["subscribe", "done", "onroom"].includes(where)) send("12" + configuration + "0100");
      rig.run(200);
      if (where === "rssi") connection.rssi(close);
      if (where === "parameters") connection.parameters(50, 50, 0, 4000, close);
      if (where === "done") rig.bt.notify(0xfff1, "x", null, close);
      if (where === "onroom") while (rig.bt.notify(0xfff1, "x".repeat(20)));
      if (where === "onclose") peer.central.disconnect();
      rig.run(3000);
      assert.equal(closings, 1, where);
      assert.deepEqual(rig.errors.map(brief), [], where);
      rig.gone();
      assert.equal(closings, 1, where);
    }
  });

  it("while a link forms, at each moment: nothing is left, and a link that the application has heard of ends with 0x13", () => {
    for (let step = 0; step < 60; step++) {
      const { rig, connections, closed } = served();
      const peer = makePeer(rig, 1);
      peer.central.connect(rig.bt.address()!, 1, { timeout: 2000 });
      rig.run(step * 0.7);
      const heard = connections.length;
      rig.bt.close();
      rig.run(4000);
      assert.equal(connections.length, heard, `step ${step}`);
      if (heard) assert.deepEqual(peer.ends, [0x13], `step ${step}`);
      assert.equal(peer.central.connected, false);
      assert.deepEqual(closed, []);
      rig.gone();
    }
  });

  it("a link that forms while the others are being ended is sent away as well, without a word to the application", () => {
    const { rig, connections } = served({}, EIGHT);
    const first = makePeer(rig, 1, { timeout: 10_000 }).connect();
    first.central.silent = true;
    rig.bt.close();
    rig.run(100);
    const second = makePeer(rig, 2);
    const address = rig.bt.address()!;
    second.central.connect(address, 1);
    rig.run(700);
    assert.equal(connections.length, 1);
    assert.deepEqual([second.central.connected, second.ends], second.ends.length ? [false, [0x13]] : [false, []], "not left hanging");
    rig.run(4000);
    rig.gone();
  });

  it("open() again directly after close() with live links, and in its callbacks too", () => {
    const { rig, closed } = served({}, EIGHT);
    const peers = makePeers(rig, 3);
    rig.bt.close();
    rig.open();
    rig.bt.setsecurity(1);
    rig.bt.servegatt(TABLE);
    rig.bt.onconnect(() => {});
    rig.bt.startadvertise("\x02\x01\x06", 20, 20);
    rig.up();
    rig.run(5000);
    assert.deepEqual(closed, []);
    for (const peer of peers) assert.equal(peer.central.connected, false);
    clean(rig);
    home(rig, 2, 8);
    rig.bt.close();
    rig.run(1500);
    rig.gone();
  });

  it("open() again in the middle of the second that close() takes", () => {
    for (const ms of [1, 10, 40, 500, 999]) {
      const { rig } = served();
      const peer = makePeer(rig, 1, { timeout: 8000 }).connect();
      peer.central.silent = true;
      rig.bt.close();
      rig.run(ms);
      rig.open();
      rig.bt.setsecurity(1);
      rig.bt.servegatt(TABLE);
      rig.bt.onconnect(() => {});
      rig.bt.startadvertise("\x02\x01\x06", 20, 20);
      rig.up();
      rig.run(10_000);
      clean(rig);
      home(rig);
    }
  });

  it("methods after close(): connection objects stay good for what they say, and call nobody", () => {
    const { rig, connection } = linked(TABLE);
    rig.bt.close();
    let calls = 0;
    for (const ms of [0, 2000]) {
      rig.run(ms);
      assert.equal(connection.address(), "0b5e12e20002");
      assert.equal(connection.addresstype(), 0);
      assert.equal(connection.security(), 1);
      assert.equal(connection.mtu(), 23);
      connection.close();
      connection.onclose(() => void calls++);
      assert.throws(() => connection.parameters(30, 50, 0, 4000, () => void calls++), (error: any) => error.code === "disconnected");
      assert.throws(() => rig.bt.notify(0xfff3, "x"), (error: any) => error.code === "closed");
    }
    rig.gone();
    assert.equal(calls, 0);
  });

  it("a link that had ended before close(): a late onclose, or rssi, after it leaves no timer behind", () => {
    const { rig, peer, connection } = linked(TABLE);
    connection.onclose(null);
    peer.central.disconnect();
    rig.run(500);
    rig.bt.close();
    let calls = 0;
    connection.onclose(() => void calls++);
    rig.gone();
    assert.equal(calls, 0);
  });
});

describe("recovery of the chip with live links", function () {
  this.timeout(30_000);

  const ways: [string, (rig: Rig<any>) => void][] = [
    ["a Hardware Error", (rig) => rig.board.chip.hardwareError(0x42)],
    ["a restart that nobody tells of", (rig) => rig.board.chip.restart()],
    ["a hang", (rig) => rig.board.chip.hang()],
  ];
  for (const [what, fail] of ways) {
    it(`${what}: onclose with 0x08 once for each, everything is on the air again, and a new connection works`, () => {
      const { rig, connections, closed } = served({}, EIGHT);
      const peers = makePeers(rig, 3);
      subscribe(rig, peers[0]);
      peers[0].mtu(100);
      peers[0].central.busy = true;
      for (let i = 0; i < 5; i++) rig.bt.notify(0xfff3, [i]);
      connections[1].rssi(() => {});
      let updates = 0;
      connections[2].parameters(30, 50, 0, 4000, (error: any) => {
        updates++;
        assert.ok(error === null || error.code === "disconnected");
      });
      rig.run(100);
      fail(rig);
      rig.board.clock.until(() => rig.recovered.length > 0, 60_000);
      assert.equal(rig.recovered.length, 1);
      rig.run(5000);
      assert.deepEqual(closed, [8, 8, 8]);
      assert.equal(updates, 1);
      assert.equal(rig.bt.counters().restarts, 1);
      rig.errors.length = 0;
      for (const peer of peers) assert.equal(peer.central.connected, false);
      home(rig, 2, 8);
      // Nothing of the old links has stayed with the new ones.
      const count = connections.length;
      const again = peers[0];
      again.central.busy = false;
      again.connect();
      assert.equal(connections.length, count + 1);
      assert.notEqual(connections[count], connections[0]);
      assert.equal(connections[count].mtu(), 23);
      assert.equal(again.att("0a" + at(rig, 0xfff3, 1)), "0b0000", "the subscription is gone");
      assert.deepEqual(closed.slice(0, 3), [8, 8, 8]);
    });

    it(`${what}, and the application calls what it likes in onclose`, () => {
      const { rig, connections, closed } = served();
      const peer = makePeer(rig, 1).connect();
      connections[0].onclose((reason) => {
        closed.push(reason);
        connections[0].close();
        rig.bt.startadvertise("\x02\x01\x05", 30, 30);
        rig.bt.servegatt(TABLE);
        rig.bt.onconnect((connection) => void connections.push(connection));
      });
      rig.run(100);
      fail(rig);
      rig.board.clock.until(() => rig.recovered.length > 0, 60_000);
      rig.run(3000);
      assert.deepEqual(closed, [8]);
      assert.deepEqual(rig.onair(), ["0:020105"]);
      peer.connect();
      readsAcme(rig, peer);
    });

    it(`${what}, and close() in onclose`, () => {
      const { rig, connections } = served();
      makePeer(rig, 1).connect();
      let calls = 0;
      connections[0].onclose(() => {
        calls++;
        rig.bt.close();
      });
      fail(rig);
      rig.run(60_000);
      assert.equal(calls, 1);
      rig.gone();
    });

    it(`${what} while a link is being closed: it is over, and nobody hears of it`, () => {
      const { rig, connections, closed } = served();
      const peer = makePeer(rig, 1, { timeout: 10_000 }).connect();
      peer.central.silent = true;
      connections[0].close();
      rig.run(100);
      fail(rig);
      rig.board.clock.until(() => rig.recovered.length > 0, 60_000);
      rig.run(15_000);
      assert.deepEqual(closed, []);
      rig.errors.length = 0;
      home(rig);
    });

    it(`${what} while bt.close() waits for links`, () => {
      const { rig } = served();
      const peer = makePeer(rig, 1, { timeout: 10_000 }).connect();
      peer.central.silent = true;
      rig.bt.close();
      rig.run(100);
      fail(rig);
      rig.run(2000);
      rig.gone();
    });
  }

  it("close() on another link in the onclose of a recovery: that one's onclose does not fire any more", () => {
    const { rig, connections } = served({}, EIGHT);
    makePeers(rig, 3);
    const ends: number[] = [];
    connections.forEach((connection, i) =>
      connection.onclose(() => {
        ends.push(i);
        for (const other of connections) other.close();
      }),
    );
    rig.board.chip.hardwareError(1);
    rig.board.clock.until(() => rig.recovered.length > 0, 60_000);
    rig.run(3000);
    assert.equal(ends.length, 1);
    rig.errors.length = 0;
    home(rig, 2, 8);
  });

  it("a recovery that fails at first and rests: time limits of links still hold afterwards", () => {
    const { rig, connections } = served({ attempts: 1 });
    const first = makePeer(rig, 1).connect();
    subscribe(rig, first);
    first.central.busy = true;
    for (let i = 0; i < 4; i++) rig.bt.notify(0xfff3, [i]);
    rig.run(100);
    // A deadline, one second from here, is the next one when the chip goes away for longer.
    connections[0].close();
    rig.board.chip.hook = (opcode: number) => (opcode === RESET ? "drop" : undefined);
    rig.board.chip.hardwareError(1);
    rig.board.clock.until(() => rig.errors.length >= 2, 60_000);
    rig.board.chip.hook = undefined;
    rig.board.clock.until(() => rig.recovered.length > 0, 60_000);
    assert.equal(rig.recovered.length, 1);
    rig.run(3000);
    first.central.busy = false;
    first.connect();
    const connection = connections.at(-1)!;
    subscribe(rig, first);
    first.central.busy = true;
    for (let i = 0; i < 4; i++) rig.bt.notify(0xfff3, [i]);
    rig.run(100);
    connection.close();
    const from = here(rig);
    rig.run(1200);
    assert.equal(sent(rig, DISCONNECT, from).length, 1, "one second to send what is left, and not for ever");
    first.central.busy = false;
    rig.run(3000);
    rig.errors.length = 0;
    home(rig);
  });

  it("a link of an old life is unknown in the new one: late events of its handle do nothing", () => {
    const { rig, closed, connections } = served();
    makePeer(rig, 1).connect();
    rig.board.chip.hardwareError(1);
    rig.board.clock.until(() => rig.recovered.length > 0, 60_000);
    rig.run(500);
    rig.board.chip.inject(disconnectionComplete(0x40, 0x13));
    rig.run(100);
    assert.deepEqual(closed, [8]);
    assert.equal(connections.length, 1);
    rig.errors.length = 0;
    home(rig);
  });

  it("noise on the wire while linked: the link stays where the chip has it still", () => {
    const { rig, peer, closed } = linked(TABLE);
    for (let i = 0; i < 20; i++) {
      // What the chip says while the host is out of step is lost: it has nothing to say now.
      rig.run(100);
      rig.board.chip.inject(Uint8Array.of(0x99, 0x98, 0x97, i));
      rig.run(500);
      readsAcme(rig, peer, `round ${i}`);
    }
    assert.deepEqual(closed, []);
    assert.equal(rig.bt.counters().restarts, 0);
    assert.ok(rig.bt.counters().resyncs >= 10);
    clean(rig);
    peer.central.disconnect();
    rig.run(500);
    home(rig);
  });

  for (const [how, answer, ended] of [
    ["knows no Read RSSI", (): any => ({ status: 0x01 }), true],
    ["knows no Read RSSI", (): any => ({ status: 0x01 }), false],
    ["never answers Read RSSI", (): any => "drop", true],
    ["answers Read RSSI the second time", (_: number, count: number): any => (count > 1 ? undefined : "drop"), true],
  ] as const) {
    it(`a controller that ${how}, out of step with a link that ${ended ? "has ended meanwhile" : "is alive"}: the link goes, and the device is to be had again`, () => {
      const { rig, peer, closed } = linked(TABLE);
      const { chip } = rig.board;
      const { controller } = chip;
      const send = controller.send;
      chip.hook = (opcode: number, _: Uint8Array, count: number) => (opcode === 0x1405 ? answer(opcode, count) : undefined);
      // What says so comes while nothing is believed.
      controller.send = (packet: Uint8Array) => {
        if (ended && packet[1] === 0x05) chip.inject(Uint8Array.of(0x99));
        send(packet);
      };
      if (ended) peer.central.disconnect();
      else chip.inject(Uint8Array.of(0x99));
      rig.run(6000);
      assert.deepEqual(closed, [ended ? 0x08 : 0x16]);
      assert.equal(rig.bt.counters().restarts, 0);
      controller.send = send;
      chip.hook = undefined;
      peer.connect();
      readsAcme(rig, peer);
    });
  }

  it("bytes lost and changed on the wire while eight links work: whatever happens, it ends in a device that can be connected to", () => {
    for (let seed = 1; seed <= 6; seed++) {
      const { rig, connections } = served({}, EIGHT);
      const peers = Array.from({ length: 4 }, (_, i) => makePeer(rig, 0x10 + i).connect());
      for (const peer of peers) subscribe(rig, peer);
      let state = seed;
      const draw = (n: number): number => (state = (state * 1103515245 + 12345) % 2147483648) % n;
      rig.board.wire.toHost.fault = (byte: number) => {
        const chance = draw(400);
        return chance === 0 ? null : chance === 1 ? byte ^ (1 << draw(8)) : byte;
      };
      for (let i = 0; i < 200; i++) {
        rig.bt.notify(0xfff3, hex([i]));
        if (i % 20 === 0 && connections.length) connections[draw(connections.length)].rssi(() => {});
        rig.run(50);
      }
      rig.board.wire.toHost.fault = undefined;
      for (const peer of peers) if (peer.central.connected) peer.central.disconnect();
      // The longest wait there is: for a chip that has been silent, and for links that are asked after.
      rig.run(90_000);
      rig.errors.length = 0;
      rig.board.chip.violations.length = 0;
      assert.equal(rig.board.chip.controller.connections.all.length, 0, `seed ${seed}`);
      const fresh: Peer = makePeer(rig, 0x99);
      fresh.connect();
      readsAcme(rig, fresh, `seed ${seed}`);
      fresh.central.disconnect();
      rig.run(500);
      home(rig, 2, 8);
    }
  });

  it("a Connection Complete that nobody caused, again and again: each is asked to go, and no buffer is lost", () => {
    const { rig, closed, connections } = served({ links: 2 });
    for (let i = 0; i < 20; i++) rig.board.chip.inject(connectionComplete(0x100 + i, hex([i]) + "00e2125e0b"));
    rig.run(2000);
    assert.equal(connections.length, 2);
    connections[0].close();
    connections[1].close();
    rig.run(3000);
    assert.deepEqual(closed, []);
    assert.equal(sent(rig, DISCONNECT).length, 20);
    assert.deepEqual(rig.errors.map(brief), []);
    rig.bt.startadvertise("\x02\x01\x06", 20, 20);
    rig.run(100);
    home(rig);
  });
});
