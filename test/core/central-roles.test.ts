import assert from "node:assert/strict";
import type { Connection } from "../../core/connection.js";
import type { AskingConnection } from "../../core/gatt/client.js";
import { Beacon } from "../../hal/mock/index.js";
import { hex, OP, rig, unhex, type Rig } from "../support/rig.js";
import { Peer } from "../support/links.js";
import { attributes, Model, Notes, Server } from "../support/server.js";

const CREATE = 0x200d;
const CANCEL = 0x200e;
const PEER = "00a0c0112233";
const ABSENT = "00a0c0998877";
/** Types of adverts as a report names them. */
const SCANNABLE = 2;
const PLAIN = 3;
const ADVERT = "\x02\x01\x06";

/** Every combination of the LE states; and without one bit. */
const ALL = "ffffffffffff0300";
function without(...bits: number[]): string {
  const states = unhex(ALL);
  for (const bit of bits) states[bit >> 3] &= ~(1 << (bit & 7));
  return hex(states);
}

/** A device at level 1 that serves a value, with a chip of these LE states. */
function device(states = ALL, options = {}): Rig<any> {
  const made = rig({ options, board: { chip: { identity: { lestates: unhex(states) } } } as any });
  made.bt.setsecurity(1);
  made.bt.servegatt([{ uuid: 0x180f, chars: [{ uuid: 0x2a19, value: "\x63", flags: 0x12 }] }]);
  return made.up().run(300);
}

function commands(rig: Rig<any>, from: number): string[] {
  const names: { [opcode: number]: string } = {
    [OP.SCAN_PARAMETERS]: "scan parameters",
    [OP.SCAN_ENABLE]: "scan",
    [OP.ADV_PARAMETERS]: "advert parameters",
    [OP.ADV_ENABLE]: "advert",
    [CREATE]: "create",
    [CANCEL]: "cancel",
  };
  return rig.board.chip.log
    .slice(from)
    .filter(({ opcode }: { opcode: number }) => names[opcode])
    .map(({ opcode, parameters }: { opcode: number; parameters: Uint8Array }) => (opcode === OP.SCAN_ENABLE || opcode === OP.ADV_ENABLE ? `${names[opcode]} ${parameters[0]}` : names[opcode]));
}

describe("connecting beside a scan", () => {
  it("stops the scan first and resumes it when the connection is there", () => {
    const made = device();
    const server = new Server(made.board.air);
    let reports = 0;
    made.bt.startscan((adverts) => (reports += adverts.length));
    made.run(300);
    assert.ok(reports > 0);
    const from = made.board.chip.log.length;
    let connected = 0;
    made.bt.connect(PEER, 0, (error) => {
      assert.equal(error, null);
      connected = reports;
    });
    made.run(500);
    assert.deepEqual(commands(made, from), ["scan 0", "create", "scan 1"]);
    new Beacon(made.board.air, {}).start();
    made.run(500);
    assert.ok(reports > connected, "reports come again");
    assert.equal(server.connections, 1);
    assert.deepEqual(made.board.chip.violations, []);
  });

  it("resumes it when the attempt has timed out, been cancelled, or been refused", () => {
    for (const way of ["timeout", "cancelled", "failed"]) {
      const made = device();
      made.bt.startscan(() => {});
      made.run(100);
      const from = made.board.chip.log.length;
      const notes = new Notes();
      if (way === "failed") made.board.chip.hook = (opcode: number) => (opcode === CREATE ? { bytes: Uint8Array.from([4, 0x0f, 4, 0x0d, 1, 0x0d, 0x20]) } : undefined);
      made.bt.connect(ABSENT, 0, notes.as("a"), 300);
      made.run(50);
      if (way === "cancelled") made.bt.cancelconnect();
      made.run(1000);
      assert.match(notes.list.join(), new RegExp(`^a ${way} `));
      assert.deepEqual(commands(made, from), way === "failed" ? ["scan 0", "create", "scan 1"] : ["scan 0", "create", "cancel", "scan 1"]);
      assert.equal(made.board.chip.controller.scanning.on, true);
    }
  });

  it("takes changes of the scan meanwhile, and uses them afterwards", () => {
    const made = device();
    made.bt.startscan(() => {});
    made.run(100);
    made.bt.connect(ABSENT, 0, () => {}, 500);
    made.run(100);
    const from = made.board.chip.log.length;
    made.bt.setscanparams(true, 40, 20);
    made.run(100);
    assert.ok(!commands(made, from).includes("scan 1"), "not now");
    made.run(1000);
    const set = made.board.chip.log.filter(({ opcode }: { opcode: number }) => opcode === OP.SCAN_PARAMETERS).at(-1)!;
    assert.equal(hex(set.parameters).slice(0, 10), "0140002000");
    assert.equal(made.board.chip.controller.scanning.on, true);
    made.bt.connect(ABSENT, 0, () => {}, 500);
    made.run(100);
    made.bt.stopscan();
    made.run(1000);
    assert.equal(made.board.chip.controller.scanning.on, false, "stopped meanwhile is not resumed");
    made.bt.connect(ABSENT, 0, () => {}, 500);
    made.run(100);
    made.bt.startscan(() => {});
    made.run(100);
    assert.equal(made.board.chip.controller.scanning.on, false, "begun meanwhile it waits");
    made.run(1000);
    assert.equal(made.board.chip.controller.scanning.on, true);
  });

  it("is quiet afterwards", () => {
    const made = device();
    new Server(made.board.air);
    made.bt.onconnect(() => {});
    made.bt.startadvertise(ADVERT, 100, 100);
    made.bt.startscan(() => {});
    made.bt.connect(PEER, 0, () => {});
    made.run(2000);
    const from = made.board.chip.log.length;
    // Less than the supervisor's look at a silent chip.
    made.run(2000);
    assert.deepEqual(commands(made, from), []);
  });
});

describe("connecting beside an advert", () => {
  // Connectable advertising beside initiating is bit 32, scannable 17, non-connectable 16; beside a link of ours 35, 19, 18 (Vol 4 Part E 7.8.27).
  for (const [what, bits, during, after, response] of [
    ["keeps it connectable where the chip can", [], 0, 0, ""],
    ["makes it scannable meanwhile where it has a scan response", [32], SCANNABLE, 0, "r"],
    ["makes it non-connectable meanwhile where it has none", [32], PLAIN, 0, ""],
    ["makes it non-connectable where the chip can do nothing else", [32, 17], PLAIN, 0, "r"],
    ["takes it off the air where the chip can do nothing beside", [32, 17, 16], -1, 0, "r"],
    ["leaves it scannable beside the connection where the chip cannot do more", [32, 35], SCANNABLE, SCANNABLE, "r"],
    ["leaves it non-connectable beside the connection", [32, 35, 19], SCANNABLE, PLAIN, "r"],
    ["leaves it off the air beside the connection", [35, 19, 18], 0, -1, "r"],
  ] as [string, number[], number, number, string][]) {
    it(what, () => {
      const made = device(without(...bits));
      made.bt.onconnect(() => {});
      made.bt.startadvertise(ADVERT, 100, 100, response);
      made.run(300);
      assert.deepEqual([...new Set(made.listen(300).map(({ type }) => type))], [0]);
      const notes = new Notes();
      const connections: AskingConnection[] = [];
      made.bt.connect(PEER, 0, (error, connection) => {
        notes.as("a")(error);
        connections.push(connection!);
      });
      made.run(100);
      assert.deepEqual([...new Set(made.listen(500).map(({ type }) => type))], during < 0 ? [] : [during], "while it connects");
      assert.equal(made.board.chip.controller.connections.initiating, true);
      new Server(made.board.air);
      made.run(1000);
      assert.deepEqual(notes.list, ["a ok"]);
      made.run(200);
      assert.deepEqual([...new Set(made.listen(500).map(({ type }) => type))], after < 0 ? [] : [after], "beside the connection");
      connections[0].close();
      made.run(500);
      assert.deepEqual([...new Set(made.listen(500).map(({ type }) => type))], [0], "alone again");
      assert.deepEqual(made.errors, []);
      assert.deepEqual(made.board.chip.violations, []);
    });
  }

  it("does not touch an advert that is not connectable anyway, where the chip can", () => {
    const made = device();
    made.bt.startadvertise(ADVERT, 100, 100);
    made.run(300);
    const from = made.board.chip.log.length;
    made.bt.connect(ABSENT, 0, () => {}, 1000);
    made.run(2000);
    assert.deepEqual(commands(made, from), ["create", "cancel"]);
  });

  it("keeps the last place for the connection that is being made", () => {
    const made = device(ALL, { links: 1 });
    made.bt.onconnect(() => assert.fail("there is no place"));
    made.bt.startadvertise(ADVERT, 100, 100, "r");
    made.run(300);
    made.bt.connect(ABSENT, 0, () => {}, 1000);
    made.run(300);
    assert.deepEqual([...new Set(made.listen(500).map(({ type }) => type))], [SCANNABLE]);
    made.run(1000);
    assert.deepEqual([...new Set(made.listen(500).map(({ type }) => type))], [0]);
    assert.deepEqual(made.errors, []);
  });
});

describe("connections in both directions", () => {
  /** A device that advertises, scans, serves, has connected twice and been connected to. */
  function everything(): { rig: Rig<any>; servers: Server[]; out: AskingConnection[]; inbound: Connection[]; peer: Peer; closed: string[] } {
    const made = device();
    const inbound: Connection[] = [];
    const closed: string[] = [];
    made.bt.onconnect((connection) => {
      inbound.push(connection);
      connection.onclose((reason) => void closed.push(`in ${reason}`));
    });
    made.bt.startadvertise(ADVERT, 100, 100, "r");
    made.bt.startscan(() => {});
    const servers = [0, 1].map((i) => {
      const model = new Model(attributes([{ uuid: "180f", chars: [{ uuid: "2a19", flags: 0x1a, value: `0${i}`.repeat(40), descriptors: [{ uuid: "2902" }] }] }]), { mtu: 100 });
      return new Server(made.board.air, model.respond, { address: `00a0c011220${i}` });
    });
    const out: AskingConnection[] = [];
    made.bt.connect(servers[0].address, 0, (_, connection) => void out.push(connection!));
    made.run(1000);
    const peer = new Peer(made).connect();
    made.bt.connect(servers[1].address, 0, (_, connection) => void out.push(connection!));
    made.run(1000);
    assert.equal(out.length, 2);
    assert.equal(inbound.length, 1);
    out.forEach((connection, i) => connection.onclose((reason) => void closed.push(`out${i} ${reason}`)));
    return { rig: made, servers, out, inbound, peer, closed };
  }

  it("live beside each other: asked, asking, advertising and scanning", () => {
    const { rig: made, out, inbound, peer, closed } = everything();
    const notes = new Notes();
    for (const [i, connection] of out.entries()) connection.discover((error) => notes.as(`discover ${i}`)(error));
    // The first of three handles of 0x180f comes after those of the stack's own services.
    const handle = made.bt.handle(0x180f, 0x2a19);
    for (let i = 0; i < 5; i++) assert.equal(peer.att("0a" + hex([handle & 255, handle >> 8])), "0b63");
    made.run(3000);
    assert.deepEqual(notes.take().sort(), ["discover 0 ok", "discover 1 ok"]);
    for (const [i, connection] of out.entries()) connection.read("2a19", notes.as(`read ${i}`));
    made.run(1000);
    assert.deepEqual(notes.take().sort(), ["read 0 " + "00".repeat(40), "read 1 " + "01".repeat(40)]);
    assert.equal(inbound[0].address(), "0b5e12e20002");
    assert.deepEqual(closed, []);
    const types = [...new Set(made.listen(500).map(({ type }) => type))];
    assert.deepEqual(types, [0], "still connectable");
    assert.equal(made.board.chip.controller.scanning.on, true);
    assert.deepEqual(made.errors, []);
    assert.deepEqual(made.board.chip.violations, []);
  });

  it("ask each their own peer only: answers and values do not cross", () => {
    const { rig: made, servers, out } = everything();
    const notes = new Notes();
    for (const [i, connection] of out.entries()) connection.discover((error) => notes.as(`${i}`)(error));
    made.run(3000);
    assert.equal(notes.take().length, 2);
    const values: string[] = [];
    for (const [i, connection] of out.entries()) connection.subscribe("2a19", (value) => void values.push(`${i}:${hex(value)}`));
    made.run(500);
    servers[1].send("1b030009");
    made.run(200);
    assert.deepEqual(values, ["1:09"]);
    // Only the first has been asked: the second's answer is nobody's.
    servers[0].respond = () => null;
    out[0].read(3, notes.as("read"));
    made.run(200);
    servers[1].send("0b41");
    made.run(200);
    assert.deepEqual(notes.list, []);
    servers[0].send("0b42");
    made.run(200);
    assert.deepEqual(notes.list, ["read 42"]);
  });

  it("end one by one, each with its own operations", () => {
    const { rig: made, servers, out, peer, closed } = everything();
    for (const server of servers) server.respond = () => null;
    const notes = new Notes();
    for (const [i, connection] of out.entries()) connection.read(3, notes.as(`${i}`));
    made.run(100);
    servers[0].disconnect();
    made.run(500);
    assert.deepEqual(notes.list, ["0 disconnected 0"]);
    assert.deepEqual(closed, ["out0 19"]);
    peer.central.disconnect();
    made.run(500);
    assert.deepEqual(closed, ["out0 19", "in 19"]);
    servers[1].send("0b43");
    made.run(200);
    assert.deepEqual(notes.list, ["0 disconnected 0", "1 43"]);
    out[1].close();
    made.run(500);
    assert.deepEqual(closed, ["out0 19", "in 19"]);
    assert.equal(made.board.chip.controller.connections.all.length, 0);
    // Its buffers have come back: eight at a time, many times over.
    for (let i = 0; i < 10; i++) {
      let connection: AskingConnection | undefined;
      servers[0].advertise();
      made.bt.connect(servers[0].address, 0, (error, one) => {
        assert.equal(error, null);
        connection = one;
      });
      made.run(500);
      connection!.close();
      made.run(500);
    }
  });

  it("all end with the chip, and close() leaves nothing", () => {
    const one = everything();
    one.rig.board.chip.hardwareError(1);
    one.rig.run(5000);
    assert.deepEqual(one.closed.sort(), ["in 8", "out0 8", "out1 8"]);
    const other = everything();
    other.rig.bt.close();
    other.rig.run(3000);
    assert.deepEqual(other.closed, []);
    assert.deepEqual(other.servers.map(({ ends }) => ends), [[0x13], [0x13]]);
    assert.deepEqual(other.peer.ends, [0x13]);
    other.rig.gone();
  });

  it("a connection that was made to us can be asked, too", () => {
    const made = device();
    const inbound: any[] = [];
    made.bt.onconnect((connection) => void inbound.push(connection));
    made.bt.startadvertise(ADVERT, 100, 100);
    const peer = new Peer(made).connect();
    const notes = new Notes();
    inbound[0].read(7, notes.as("read"));
    assert.equal(peer.next(), "0a0700");
    peer.send(4, "0b4142");
    made.run(200);
    assert.deepEqual(notes.list, ["read 4142"]);
  });

  it("a peer that we have connected to is not served below the level", () => {
    // At level 4 nothing is served before the level is reached, on a link of ours as on one of theirs.
    const made = rig();
    made.bt.servegatt([{ uuid: 0x180f, chars: [{ uuid: 0x2a19, value: "c" }] }]);
    made.up().run(300);
    const server = new Server(made.board.air);
    let connection: AskingConnection | undefined;
    made.bt.connect(PEER, 0, (_, one) => (connection = one));
    made.run(500);
    assert.ok(connection);
    server.send("0a0300");
    made.run(500);
    assert.ok(!server.heard.some((pdu) => pdu.startsWith("0b")), server.heard.join());
  });
});
