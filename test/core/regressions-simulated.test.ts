import assert from "node:assert/strict";
import { CID, device, linked, Peer } from "../support/links.js";
import { brief, complete, hex, OP, plainRig, rig, unhex } from "../support/rig.js";
import { meet, Safe } from "../support/security.js";

/** What the simulation has found, each as small as it could be made. */

describe("found by the simulation", () => {
  it("an instance that never came up leaves no timer for its next code", () => {
    const r = rig({ options: { rotatecode: 1, attempts: 1 }, before: ({ board }) => (board.chip.hook = () => "drop") });
    r.settle();
    assert.equal(r.errors.length, 1);
    r.gone(180_000);
  });

  it("a code goes on to be rotated while the chip rests and when it is back", () => {
    const codes: number[] = [];
    const r = rig({ options: { rotatecode: 1, attempts: 1, onpairing: (_: unknown, state: string) => void (state === "code" && codes.push(r.now)) } }).up();
    r.board.chip.hook = () => "drop";
    r.board.chip.hardwareError(1);
    r.run(4000);
    r.board.chip.hook = undefined;
    r.run(20_000);
    assert.equal(r.recovered.length, 1);
    const before = codes.length;
    r.run(130_000);
    assert.equal(codes.length - before, 2);
  });

  it("without a random source of the board the key pair is drawn at once, though nothing else is to be done", () => {
    const r = plainRig({ board: { random: false } });
    r.bt.setsecurity(1);
    r.bt.onconnect(() => {});
    r.bt.startadvertise("x", 100, 100);
    r.up().run(500);
    const before = r.board.chip.count(OP.LE_RAND);
    r.bt.setsecurity(4, 1);
    r.run(500);
    // 32 bytes, 8 at a time.
    assert.equal(r.board.chip.count(OP.LE_RAND) - before, 4);
  });

  it("a connection that was wanted before the chip was up is told that it failed when the chip never comes", () => {
    const told: string[] = [];
    const r = rig({ options: { attempts: 1 }, before: ({ board }) => (board.chip.hook = () => "drop") });
    r.bt.connect("0a1b2c3d4e5f", 0, (error) => void told.push(brief(error)), 60_000);
    r.settle();
    r.run(1);
    assert.deepEqual(told, ["failed connect 0"]);
    r.gone(120_000);
    assert.equal(told.length, 1);
  });

  it("a peer whose connection the host has never heard of is sent away when it speaks, and is welcome again", () => {
    const { rig, connections } = device([{ uuid: 0xfff0, chars: [{ uuid: 0xfff1, value: "Acme" }] }]);
    const { controller } = rig.board.chip;
    const send = controller.send;
    let lost = 0;
    controller.send = (packet: Uint8Array) => (packet[1] === 0x3e && packet[3] === 1 ? void lost++ : send(packet));
    const peer = new Peer(rig).connect();
    assert.equal(lost, 1);
    assert.equal(peer.att("020002"), "");
    assert.deepEqual(peer.ends, [0x13]);
    controller.send = send;
    peer.connect();
    assert.equal(connections.length, 1);
    assert.match(peer.att("020002"), /^03/);
    peer.send(CID.ATT, "0a0300");
    rig.run(100);
    assert.equal(rig.errors.length, 0);
  });

  it("what the chip says before it has done a Reset is of connections that are no more", () => {
    const { rig, connections } = device();
    const { chip } = rig.board;
    let said = 0;
    chip.hook = (opcode: number) => {
      if (opcode === OP.VERSION && !said) return { status: 0x10 };
      if (opcode === OP.RESET && !said++) {
        chip.inject(unhex("043e1301004100010001ffe2125e0b0600000046000004"));
        chip.inject(unhex("02412007000300040002b900"));
        chip.inject(unhex("02422007000300040002b900"));
        return { delay: 50 };
      }
      return undefined;
    };
    const from = chip.log.length;
    chip.inject(Uint8Array.of(0x99));
    rig.run(5000);
    assert.equal(said > 0, true);
    assert.equal(connections.length, 0);
    assert.deepEqual(chip.log.slice(from).filter(({ opcode }: any) => opcode === 0x0406), []);
    assert.equal(rig.bt.counters().restarts, 1);
    const peer = new Peer(rig).connect();
    assert.match(peer.att("020002"), /^03/);
  });

  it("an advert that may be on after a loss of step is put on anew, without an error", () => {
    const { rig } = device();
    const { chip } = rig.board;
    rig.run(500);
    let on = true;
    // As the specification allows for what is as it is to be.
    chip.hook = (opcode: number, parameters: Uint8Array) => {
      if (opcode !== OP.ADV_ENABLE) return undefined;
      const same = on === parameters[0] > 0;
      on = parameters[0] > 0;
      return same ? { status: 0x0c } : undefined;
    };
    chip.inject(Uint8Array.of(0x99));
    rig.run(3000);
    assert.equal(rig.bt.counters().resyncs, 1);
    assert.deepEqual(rig.errors.map(brief), []);
    assert.equal(on, true);
    new Peer(rig).connect();
  });

  it("a connection that began and ended without the host's hearing of either leaves no device that cannot be had: the advert is put on anew now and then", () => {
    const { rig, connections } = device();
    const { controller } = rig.board.chip;
    rig.run(500);
    const send = controller.send;
    controller.send = (packet: Uint8Array) => {
      if (packet[1] !== 0x05 && !(packet[1] === 0x3e && packet[3] === 1)) send(packet);
    };
    const peer = new Peer(rig).connect();
    peer.central.disconnect();
    rig.run(500);
    controller.send = send;
    assert.deepEqual(rig.onair(), []);
    const from = rig.mark();
    rig.run(310_000);
    assert.notDeepEqual(rig.onair(), []);
    peer.connect();
    assert.equal(connections.length, 1);
    // Once in five minutes: that its advert is to be on, and nothing that takes it from the air.
    assert.deepEqual(rig.commands(from).filter(({ opcode }) => opcode !== OP.VERSION && opcode < 0x2000).length, 0);
    assert.deepEqual(rig.commands(from).filter(({ opcode }) => opcode === OP.ADV_ENABLE).map(({ parameters }) => hex(parameters)), ["01", "01"]);
    assert.deepEqual(rig.errors.map(brief), []);
  });

  it("a link of whose end the host has not heard is ended by a question, which a live one does not notice", () => {
    for (const status of [undefined, 0x01]) {
      const { rig, peer, closed } = linked();
      const { chip } = rig.board;
      chip.hook = (opcode: number) => (opcode === 0x1405 && status ? { status } : undefined);
      rig.run(610_000);
      assert.deepEqual(closed, []);
      assert.ok(chip.count(0x1405) > 0 && chip.count(0x1405) < 4);
      assert.ok(peer.central.connected);
      chip.hook = undefined;
      const send = chip.controller.send;
      chip.controller.send = (packet: Uint8Array) => (packet[1] === 0x05 ? undefined : send(packet));
      peer.central.disconnect();
      rig.run(310_000);
      chip.controller.send = send;
      assert.deepEqual(closed, [0x08]);
      peer.connect();
    }
  });

  it("an advert that was to be switched off, without an answer, is switched off when the host is in step again", () => {
    const r = rig().up();
    r.bt.startadvertise("x", 100, 100);
    r.run(200);
    r.board.chip.hook = (opcode) => (opcode === OP.ADV_ENABLE ? "drop" : undefined);
    r.bt.stopadvertise();
    r.run(10);
    r.board.chip.hook = undefined;
    r.board.chip.inject(Uint8Array.of(0x99));
    r.run(3000);
    assert.deepEqual(r.onair(), []);
  });

  it("random bytes that the chip says twice cost a second, not all pairings to come", () => {
    const safe = new Safe({ level: 1, part: "plain", board: { random: false } });
    const { controller } = safe.rig.board.chip;
    const send = controller.send;
    let twice = 0;
    controller.send = (packet: Uint8Array) => {
      send(packet);
      if (packet[1] === 0x0e && packet[4] === 0x18 && packet[5] === 0x20 && twice++ < 1) send(packet);
    };
    safe.bt.setsecurity(4, 123456);
    safe.run(3000);
    assert.ok(twice > 1);
    const { paired, error } = meet(safe, safe.phone());
    assert.equal(error, null);
    assert.equal(paired, 4);
  });

  it("a board's source that repeats itself for a while is told of once, and costs that while, not all pairings to come", () => {
    const safe = new Safe({ level: 1 });
    const { hal } = safe.rig;
    const { random } = hal as any;
    let stuck = true;
    let asked = 0;
    (hal as any).random = (target: Uint8Array) => (asked++, stuck ? target.fill(7) : random(target));
    safe.bt.setsecurity(4, 123456);
    safe.run(20_000);
    assert.ok(asked > 5 && asked < 30, `asked ${asked} times in 20 s`);
    assert.deepEqual(safe.rig.errors.map(brief), ["random crypto 0"]);
    stuck = false;
    safe.run(2000);
    assert.deepEqual(meet(safe, safe.phone()), { paired: 4, error: null });
    stuck = true;
    safe.rig.bt.close();
    safe.run(1500);
    safe.rig.gone();
  });

  it("a doubt that comes with the answer that ends it is ended by it, too", () => {
    const r = rig().up();
    const asked = r.board.chip.count(OP.VERSION);
    r.board.chip.hook = (opcode) => {
      const count = r.board.chip.count(OP.VERSION) - asked;
      if (opcode !== OP.VERSION || count < 2) return undefined;
      return count > 2 ? { status: 0x10 } : { bytes: Uint8Array.of(0x99, ...complete(OP.VERSION, [0, 7, 0xfc, 1, 7, 0x0f, 0, 9, 0x22])) };
    };
    r.board.chip.inject(Uint8Array.of(0x99));
    r.run(5000);
    assert.deepEqual(r.errors.map(brief), []);
    assert.equal(r.board.chip.count(OP.VERSION) - asked, 2);
  });
});
