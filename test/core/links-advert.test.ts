import assert from "node:assert/strict";
import type { BoardOptions } from "../../hal/mock/index.js";
import { CID, device, Peer } from "../support/links.js";
import { brief, OP, plainRig, rig, type Rig } from "../support/rig.js";
import { ALL_STATES, clean, EIGHT, here, home, makePeer, makePeers, readsAcme, sent, served, TABLE } from "./links-fixture.test.js";

const DISCONNECT = 0x0406;

/** LE states without some bits. */
function states(...bits: number[]): Uint8Array {
  const all = ALL_STATES.slice();
  for (const bit of bits) all[bit >> 3] &= ~(1 << (bit & 7));
  return all;
}

function board(lestates: Uint8Array, more: any = {}): BoardOptions<any> {
  return { chip: { links: 8, identity: { lestates, ...more } } };
}

describe("onconnect and the advert", function () {
  this.timeout(30_000);

  for (const response of [null, "\x02\x0a\x00"]) {
    it(`registered: the running advert becomes ADV_IND; null: ${response ? "ADV_SCAN_IND" : "ADV_NONCONN_IND"} as before; bytes and intervals stay`, () => {
      const r = rig();
      r.bt.setsecurity(1);
      r.bt.startadvertise("\x02\x01\x06", 20, 30, response);
      r.up();
      const other = response ? 2 : 3;
      assert.deepEqual(r.onair(), [`${other}:020106`]);
      assert.equal(sent(r, OP.ADV_PARAMETERS).at(-1)!.slice(0, 10), "a000a000" + "0" + other, "before 5.0 100 ms is the least of an advert that is not connectable");
      let from = here(r);
      r.bt.onconnect(() => {});
      r.run(20);
      assert.deepEqual(r.onair(), ["0:020106"]);
      assert.equal(sent(r, OP.ADV_PARAMETERS, from).at(-1)!.slice(0, 10), "20003000" + "00");
      // One disable, one enable.
      assert.deepEqual(sent(r, OP.ADV_ENABLE, from), ["00", "01"]);
      from = here(r);
      r.bt.onconnect(() => {});
      r.run(20);
      assert.deepEqual(sent(r, OP.ADV_ENABLE, from), [], "another handler changes nothing on the air");
      r.bt.onconnect(null);
      r.run(20);
      assert.deepEqual(r.onair(), [`${other}:020106`]);
      assert.deepEqual(sent(r, OP.ADV_ENABLE, from), ["00", "01"]);
      const peer = makePeer(r, 1);
      peer.central.connect(r.bt.address()!, 1, { timeout: 1000 });
      r.run(1500);
      assert.deepEqual(peer.ends, [0x02], "nobody can connect");
      clean(r);
    });
  }

  it("on and off before the chip is told: no command for it", () => {
    const r = rig();
    r.bt.setsecurity(1);
    r.bt.startadvertise("\x02\x01\x06", 100, 100);
    r.up();
    r.run(100);
    const from = here(r);
    r.bt.onconnect(() => {});
    r.bt.onconnect(null);
    r.run(100);
    assert.deepEqual(sent(r, OP.ADV_ENABLE, from).filter((p) => p === "00").length <= 1, true);
    assert.deepEqual(r.onair(), ["3:020106"]);
    clean(r);
  });

  it("a live link stays when onconnect(null) is called, and is served", () => {
    const { rig, closed } = served({}, EIGHT);
    const peer = makePeer(rig, 1).connect();
    rig.bt.onconnect(null);
    rig.run(500);
    readsAcme(rig, peer);
    assert.deepEqual(closed, []);
    assert.deepEqual(rig.onair(), ["3:020106"]);
    peer.central.disconnect();
    rig.run(500);
    assert.deepEqual(closed, [0x13]);
    assert.deepEqual(rig.onair(), ["3:020106"]);
    rig.bt.onconnect(() => {});
    rig.run(50);
    home(rig, 2, 8);
  });

  it("a connection that nobody wants any more is sent away with 0x13, and the application hears nothing", () => {
    const { rig, connections, closed } = served();
    const peer = makePeer(rig, 1);
    peer.central.connect(rig.bt.address()!, 1);
    // The event is on the wire when the handler is taken away.
    rig.board.clock.until(() => rig.board.chip.controller.connections.all.length > 0, 1000);
    rig.bt.onconnect(null);
    rig.run(2000);
    assert.deepEqual(connections, []);
    assert.deepEqual(closed, []);
    assert.deepEqual(sent(rig, DISCONNECT), ["400013"]);
    assert.deepEqual(peer.ends, [0x13]);
    assert.deepEqual(rig.onair(), ["3:020106"]);
    clean(rig);
    rig.bt.onconnect(() => {});
    home(rig);
  });

  it("and a peer whose request is on the air at that moment is not served either way", () => {
    // Each millisecond from the advert on.
    for (let ms = 0; ms < 40; ms++) {
      const { rig, connections } = served();
      const peer = makePeer(rig, 1);
      peer.central.connect(rig.bt.address()!, 1, { timeout: 500 });
      rig.run(ms);
      rig.bt.onconnect(null);
      const before = connections.length;
      rig.run(3000);
      assert.equal(connections.length, before, `${ms} ms: no onconnect afterwards`);
      if (!before) assert.equal(peer.central.connected, false, `${ms} ms`);
      clean(rig);
      assert.deepEqual(rig.onair(), ["3:020106"]);
    }
  });
});

describe("the advert beside a link", () => {
  it("with free links and a chip that can: ADV_IND goes on", () => {
    const { rig } = served({}, EIGHT);
    const peer = makePeer(rig, 1).connect();
    assert.deepEqual(rig.onair(), ["0:020106"]);
    peer.central.disconnect();
    rig.run(100);
    assert.deepEqual(rig.onair(), ["0:020106"]);
    clean(rig);
    home(rig, 2, 8);
  });

  // Bits of LE states: 38 connectable, 21 scannable, 20 non-connectable, each beside the peripheral role.
  const cases: [string, number[], any, string | null, string[]][] = [
    ["no free link, no scan response", [], { links: 1 }, null, ["3:020106"]],
    ["no free link, with a scan response", [], { links: 1 }, "\x02\x0a\x00", ["2:020106"]],
    ["a chip that cannot be connectable beside a link, no scan response", [38], {}, null, ["3:020106"]],
    ["the same with a scan response", [38], {}, "\x02\x0a\x00", ["2:020106"]],
    ["a chip that cannot be scannable either", [38, 21], {}, "\x02\x0a\x00", ["3:020106"]],
    ["a chip that can do nothing beside a link", [38, 21, 20], {}, "\x02\x0a\x00", []],
    ["a chip that can do nothing beside a link, no scan response", [38, 21, 20], {}, null, []],
    ["nothing but scannable, without a scan response", [38, 20], {}, null, []],
  ];
  for (const [what, bits, options, response, expected] of cases) {
    it(`${what}: ${expected.join() || "nothing"}; afterwards ADV_IND with its own interval`, () => {
      const { rig } = device(TABLE, options, board(states(...bits)));
      rig.bt.startadvertise("\x02\x01\x06", 25, 25, response);
      rig.run(100);
      const peer = makePeer(rig, 1).connect();
      rig.run(50);
      assert.deepEqual(rig.onair(), expected);
      if (expected.length) assert.equal(sent(rig, OP.ADV_PARAMETERS).at(-1)!.slice(0, 8), "a000a000");
      readsAcme(rig, peer);
      peer.central.disconnect();
      rig.run(100);
      assert.deepEqual(rig.onair(), ["0:020106"]);
      assert.equal(sent(rig, OP.ADV_PARAMETERS).at(-1)!.slice(0, 10), "2800280000");
      clean(rig);
      home(rig, 2, options.links ?? (bits.length ? 1 : 8));
    });
  }

  it("a chip that tells no states is believed to do all, also when it refuses: no endless repetition", () => {
    const { rig } = served({}, { chip: { links: 8 } });
    rig.board.chip.hook = (opcode: number) => (opcode === 0x201c ? { status: 0x01 } : undefined);
    const peer = makePeer(rig, 1).connect();
    rig.run(5000);
    readsAcme(rig, peer);
    const from = here(rig);
    rig.run(60_000);
    assert.ok(rig.board.chip.log.length - from < 40, `${rig.board.chip.log.length - from} commands in a minute`);
  });

  it("links come and go a hundred times: one startadvertise is enough", () => {
    const { rig, connections, closed } = served({ links: 1 });
    const peer = makePeer(rig, 1);
    for (let i = 0; i < 100; i++) {
      peer.connect();
      if (i % 10 === 0) readsAcme(rig, peer);
      if (i % 3 === 0) connections[i].close();
      else peer.central.disconnect();
      rig.run(200);
    }
    assert.equal(connections.length, 100);
    assert.equal(new Set(connections).size, 100);
    assert.equal(closed.length, 66);
    clean(rig);
    home(rig);
  });

  it("stopadvertise while linked: quiet then and afterwards; startadvertise while linked: with its new bytes", () => {
    const { rig } = served({ links: 1 });
    const peer = makePeer(rig, 1).connect();
    rig.bt.stopadvertise();
    rig.run(50);
    assert.deepEqual(rig.onair(), []);
    peer.central.disconnect();
    rig.run(500);
    assert.deepEqual(rig.onair(), []);
    rig.bt.startadvertise("\x02\x01\x05", 100, 100);
    peer.connect();
    rig.bt.startadvertise("\x02\x01\x04", 50, 50);
    rig.run(150);
    assert.deepEqual(rig.onair(), ["3:020104"]);
    peer.central.disconnect();
    rig.run(100);
    assert.deepEqual(rig.onair(), ["0:020104"]);
    clean(rig);
    home(rig);
  });

  it("eight links: ADV_IND up to seven, ADV_NONCONN_IND at eight, a ninth peer finds nothing", () => {
    const { rig } = served({}, EIGHT);
    const peers = makePeers(rig, 7);
    assert.deepEqual(rig.onair(), ["0:020106"]);
    peers.push(makePeer(rig, 0x17).connect());
    rig.run(50);
    assert.deepEqual(rig.onair(), ["3:020106"]);
    const ninth = makePeer(rig, 0x18);
    ninth.central.connect(rig.bt.address()!, 1, { timeout: 1000 });
    rig.run(1200);
    assert.deepEqual(ninth.ends, [0x02]);
    peers[0].central.disconnect();
    rig.run(100);
    assert.deepEqual(rig.onair(), ["0:020106"]);
    for (const peer of peers.slice(1)) peer.central.disconnect();
    rig.run(500);
    clean(rig);
    home(rig, 2, 8);
  });

  it("a plain controller without LE Read Supported States advertises connectably again after a recovery with all links taken", () => {
    const commands = plainRig().board.chip.controller.supportedCommands().slice();
    commands[28] &= ~8;
    const { rig } = device(TABLE, { links: 1 }, board(ALL_STATES, { commands }), "plain");
    makePeer(rig, 1).connect();
    rig.run(100);
    rig.board.chip.hardwareError(1);
    rig.run(10_000);
    rig.errors.length = 0;
    assert.deepEqual(rig.onair(), ["0:020106"]);
    home(rig, 4, 1);
  });
});

describe("races", function () {
  // Each is many runs, one for each moment.
  this.timeout(30_000);

  const finish = (r: Rig<any>, peer: Peer): void => {
    if (peer.central.connected) readsAcme(r, peer);
    if (peer.central.connected) peer.central.disconnect();
    peer.central.cancel();
    r.run(3000);
    clean(r);
    r.bt.startadvertise("\x02\x01\x06", 20, 20);
    home(r);
  };

  it("stopadvertise x connect: at every moment either a served link or none, and quiet air", () => {
    let links = 0;
    for (let step = 0; step < 60; step++) {
      const { rig, connections } = served();
      const peer = makePeer(rig, 1);
      peer.central.connect(rig.bt.address()!, 1, { timeout: 1000 });
      rig.run(step * 0.5);
      rig.bt.stopadvertise();
      rig.run(1500);
      assert.deepEqual(rig.onair(), [], `step ${step}`);
      assert.equal(connections.length, peer.central.connected ? 1 : 0, `step ${step}`);
      links += connections.length;
      finish(rig, peer);
    }
    assert.ok(links > 0 && links < 60, `${links} of 60`);
  });

  it("close x connect: at every moment a closed connection is closed, and the advert is back", () => {
    for (let step = 0; step < 30; step++) {
      const { rig, connections, closed } = served();
      const peer = makePeer(rig, 1);
      peer.central.connect(rig.bt.address()!, 1);
      rig.board.clock.until(() => connections.length > 0, 1000);
      rig.run(step * 2);
      connections[0].close();
      rig.run(1000);
      assert.deepEqual(peer.ends, [0x13], `step ${step}`);
      assert.deepEqual(closed, []);
      finish(rig, peer);
    }
  });

  it("update of the advert x connect: at every moment a served link, afterwards the new bytes", () => {
    for (const [min, response] of [[20, null], [30, null], [20, "\x02\x0a\x00"]] as [number, string | null][]) {
      for (let step = 0; step < 30; step++) {
        const { rig, connections } = served();
        const peer = makePeer(rig, 1);
        peer.central.connect(rig.bt.address()!, 1);
        rig.run(step);
        rig.bt.startadvertise("\x02\x01\x05", min, 30, response);
        rig.run(1000);
        // A request on the air while the advert is off for its change finds nobody: that link never is, and the peer comes again.
        if (peer.ends.length) {
          assert.deepEqual([peer.ends, connections.length], [[0x3e], 0], `step ${step}`);
          peer.connect();
        }
        assert.equal(connections.length, 1, `step ${step}`);
        readsAcme(rig, peer);
        rig.run(100);
        assert.deepEqual(rig.onair(), [`${response ? 2 : 3}:020105`], `step ${step}`);
        peer.central.disconnect();
        rig.run(500);
        assert.deepEqual(rig.onair(), ["0:020105"], `step ${step}`);
        clean(rig);
      }
    }
  });

  it("disconnect x disconnect: at every moment the link ends once, and onclose is called for the peer's only", () => {
    for (let step = 0; step < 50; step++) {
      const { rig, connections, closed } = served();
      const peer = makePeer(rig, 1).connect();
      peer.central.disconnect();
      rig.run(step);
      connections[0].close();
      rig.run(2000);
      assert.ok(closed.length <= 1);
      assert.equal(peer.ends.length, 1);
      clean(rig);
      home(rig);
    }
  });

  it("a second peer connects while the first is being disconnected", () => {
    for (let step = 0; step < 30; step++) {
      const { rig, connections, closed } = served({ links: 1 });
      const first = makePeer(rig, 1).connect();
      const second = makePeer(rig, 2);
      second.central.connect(rig.bt.address()!, 1);
      first.central.disconnect();
      rig.run(step * 3);
      connections[0].close();
      rig.run(1500);
      assert.equal(connections.length, 2, `step ${step}`);
      readsAcme(rig, second);
      second.central.disconnect();
      rig.run(500);
      assert.equal(closed.at(-1), 0x13);
      clean(rig);
    }
  });

  it("requests that were on their way when the link was closed are not served, and harm nobody", () => {
    for (let step = 0; step < 40; step++) {
      let writes = 0;
      const { rig, connections } = device([...TABLE, { uuid: 0xff00, chars: [{ uuid: 0xff01, write: () => void writes++, flags: 0x0c }] }]);
      const peer = makePeer(rig, 1).connect();
      const write = "52" + ("0" + (rig.bt.handle(0xff00, 0xff01) & 255).toString(16)).slice(-2) + "00";
      for (let i = 0; i < 10; i++) peer.send(CID.ATT, write + "01");
      rig.run(step * 2);
      connections[0].close();
      const before = writes;
      rig.run(1000);
      assert.equal(writes, before);
      assert.deepEqual(peer.ends, [0x13]);
      assert.deepEqual(rig.errors.map(brief), []);
      home(rig);
    }
  });
});
