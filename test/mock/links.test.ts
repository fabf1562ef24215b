import assert from "node:assert/strict";
import { Air, Central, createBoard, dataAirTime, Llid, makeImage, Random, VirtualClock } from "../../hal/mock/index.js";
import type { BoardOptions, CentralOptions, SniffedLink } from "../../hal/mock/index.js";
import { hex, le, RawHost, unhex } from "./rawhost.js";

const ADDRESS = "0000000000a1";
const RESET = 0x0c03;
const DISCONNECT = 0x0406;
const READ_VERSION = 0x041d;
const SET_EVENT_MASK = 0x0c01;
const READ_RSSI = 0x1405;
const LE_SET_EVENT_MASK = 0x2001;
const SET_RANDOM_ADDRESS = 0x2005;
const SET_ADV_PARAMETERS = 0x2006;
const SET_ADV_ENABLE = 0x200a;
const SET_SCAN_ENABLE = 0x200c;
const CREATE = 0x200d;
const CANCEL = 0x200e;
const ADD_ACCEPT = 0x2011;
const UPDATE = 0x2013;
const READ_CHANNEL_MAP = 0x2015;
const READ_FEATURES = 0x2016;
const ENABLE_ENCRYPTION = 0x2019;
const KEY_REPLY = 0x201a;
const KEY_NEGATIVE_REPLY = 0x201b;
const PARAMETERS_REPLY = 0x2020;
const PARAMETERS_NEGATIVE_REPLY = 0x2021;

/** Event codes, and LE subevents behind LE_META. */
const DISCONNECTED = 0x05;
const ENCRYPTED = 0x08;
const VERSION = 0x0c;
const COMPLETED = 0x13;
const OVERFLOW = 0x1a;
const REFRESHED = 0x30;
const LE_META = 0x3e;
const CONNECTED = 1;
const UPDATED = 3;
const FEATURES = 4;
const KEY_REQUEST = 5;
const PARAMETER_REQUEST = 6;

const KEY = unhex("000102030405060708090a0b0c0d0e0f");
const RAND = unhex("1112131415161718");

type ChipOptions = BoardOptions<"plain">["chip"];

function newAir(seed = 1): Air {
  return new Air(new VirtualClock(), { seed });
}

/** A controller with every event unmasked. */
function newHost(air: Air, chip: ChipOptions = {}, address = ADDRESS): RawHost {
  const host = new RawHost(createBoard({ air, part: "plain", chip: { address, baud: 921600, ...chip } }));
  host.open(921600);
  unmask(host);
  return host;
}

function unmask(host: RawHost): void {
  host.ok(SET_EVENT_MASK, new Uint8Array(8).fill(0xff));
  host.ok(LE_SET_EVENT_MASK, new Uint8Array(8).fill(0xff));
}

/** Advertises connectably, each 20 ms. */
function advertise(host: RawHost, { type = 0, peer = [0, 0, 0, 0, 0, 0, 0], policy = 0, own = 0 } = {}): void {
  host.ok(SET_ADV_PARAMETERS, [...le(32, 2), ...le(32, 2), type, own, ...peer, 7, policy]);
  host.ok(SET_ADV_ENABLE, [1]);
}

/** A command that is answered by Command Status: its status. */
function status(host: RawHost, opcode: number, parameters: ArrayLike<number> = []): number {
  const from = host.packets.length;
  host.send(opcode, parameters);
  const ours = ({ bytes }: { bytes: Uint8Array }): boolean =>
    bytes[0] === 4 && bytes[1] === 0x0f && bytes[5] === (opcode & 0xff) && bytes[6] === opcode >> 8;
  const find = (): Uint8Array | undefined => host.packets.slice(from).find(ours)?.bytes;
  assert.ok(host.board.clock.until(() => find() !== undefined, 1000), `no status of 0x${opcode.toString(16)}`);
  return find()![3];
}

interface Create {
  interval?: number;
  window?: number;
  policy?: number;
  peertype?: number;
  peer?: string;
  own?: number;
  min?: number;
  max?: number;
  latency?: number;
  timeout?: number;
  ce?: [number, number];
}

function create(parameters: Create = {}): number[] {
  const { interval = 16, window = interval, policy = 0, peertype = 0, peer = ADDRESS, own = 0 } = parameters;
  const { min = 24, max = min, latency = 0, timeout = 100 } = parameters;
  const ce = parameters.ce ?? [0, 0];
  const head = [...le(interval, 2), ...le(window, 2), policy, peertype, ...unhex(peer).reverse(), own];
  return [...head, ...le(min, 2), ...le(max, 2), ...le(latency, 2), ...le(timeout, 2), ...le(ce[0], 2), ...le(ce[1], 2)];
}

function update(handle: number, min: number, max = min, latency = 0, timeout = 100, ce: [number, number] = [0, 0]): number[] {
  return [...le(handle, 2), ...le(min, 2), ...le(max, 2), ...le(latency, 2), ...le(timeout, 2), ...le(ce[0], 2), ...le(ce[1], 2)];
}

interface Rig {
  air: Air;
  clock: VirtualClock;
  host: RawHost;
  central: Central;
  frames: { cid: number; payload: string; time: number }[];
  ended: { reason: number; time: number }[];
}

/** A peripheral host with a connected raw central. */
function connected(chip: ChipOptions = {}, options: CentralOptions = {}): Rig {
  const air = newAir();
  const host = newHost(air, chip);
  advertise(host);
  return join(air, host, options);
}

function join(air: Air, host: RawHost, options: CentralOptions = {}, address = ADDRESS): Rig {
  const central = new Central(air, options);
  const rig: Rig = { air, clock: air.clock, host, central, frames: [], ended: [] };
  central.onframe = (cid, payload) => rig.frames.push({ cid, payload: hex(payload), time: air.clock.now });
  central.ondisconnected = (reason) => rig.ended.push({ reason, time: air.clock.now });
  central.connect(address);
  assert.ok(air.clock.until(() => central.connected, 500), "connected");
  air.clock.run(5);
  return rig;
}

interface Pair {
  air: Air;
  clock: VirtualClock;
  /** In the central role, handle 0x0040. */
  a: RawHost;
  /** In the peripheral role, handle 0x0040. */
  b: RawHost;
}

/** Two controllers with a connection. */
function pair(achip: ChipOptions = {}, bchip: ChipOptions = {}, parameters: Create = {}): Pair {
  const air = newAir();
  const a = newHost(air, achip, "0000000000c1");
  const b = newHost(air, bchip);
  advertise(b);
  assert.equal(status(a, CREATE, create(parameters)), 0);
  const up = (): boolean => a.events(LE_META, CONNECTED).length === 1 && b.events(LE_META, CONNECTED).length === 1;
  assert.ok(air.clock.until(up, 500));
  air.clock.run(100);
  return { air, clock: air.clock, a, b };
}

/** Whole L2CAP frame. */
function frame(cid: number, payload: ArrayLike<number>): number[] {
  return [...le(payload.length, 2), ...le(cid, 2), ...Array.from(payload)];
}

/** `length` octets that count up. */
function counting(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i);
}

const H = [0x40, 0x00];

describe("links: creation", () => {
  it("ends advertising with a connection, byte for byte", () => {
    const { host, clock, air } = connected({}, { address: "c0ffee000002", random: 1, interval: 50, latency: 3, timeout: 4000 });
    assert.deepEqual(host.events(LE_META, CONNECTED), ["0100" + "4000" + "01" + "01" + "020000eeffc0" + "2800" + "0300" + "9001" + "00"]);
    let adverts = 0;
    air.sniff(() => adverts++);
    clock.run(500);
    assert.equal(adverts, 0);
    // It may be started again beside the connection.
    host.ok(SET_ADV_ENABLE, [1]);
    clock.run(100);
    assert.ok(adverts > 2);
  });

  it("takes connections from the accept list only where told to", () => {
    for (const policy of [0, 1, 2, 3]) {
      const air = newAir();
      const host = newHost(air);
      host.ok(ADD_ACCEPT, [0, ...unhex("0b5e12e20001").reverse()]);
      advertise(host, { policy });
      const stranger = new Central(air, { address: "0b5e12e20009" });
      stranger.connect(ADDRESS);
      air.clock.run(100);
      assert.equal(stranger.connected, policy < 2, `${policy}`);
      if (policy < 2) continue;
      const listed = new Central(air, { address: "0b5e12e20001" });
      listed.connect(ADDRESS);
      air.clock.run(100);
      assert.ok(listed.connected);
    }
  });

  it("takes no connection to adverts that are not connectable, or are directed to another", () => {
    for (const [type, peer, expected] of [
      [2, "000000000000", false],
      [3, "000000000000", false],
      [1, "0b5e12e20002", true],
      [4, "0b5e12e20002", true],
      [4, "0b5e12e20003", false],
    ] as const) {
      const air = newAir();
      const host = newHost(air);
      host.ok(SET_ADV_PARAMETERS, [...le(160, 2), ...le(160, 2), type, 0, 0, ...unhex(peer).reverse(), 7, 0]);
      host.ok(SET_ADV_ENABLE, [1]);
      const central = new Central(air);
      central.connect(ADDRESS);
      air.clock.run(300);
      assert.equal(central.connected, expected, `${type}`);
      // High duty cycle directed advertising ends without its timeout.
      air.clock.run(1500);
      assert.equal(host.events(LE_META, CONNECTED).length, expected ? 1 : 0);
    }
  });

  it("connects two controllers, and tells both", () => {
    const { a, b, clock } = pair({}, {}, { min: 12, max: 20, latency: 1, timeout: 200 });
    assert.deepEqual(a.events(LE_META, CONNECTED), ["0100" + "4000" + "00" + "00" + "a10000000000" + "1400" + "0100" + "c800" + "00"]);
    assert.deepEqual(b.events(LE_META, CONNECTED), ["0100" + "4000" + "01" + "00" + "c10000000000" + "1400" + "0100" + "c800" + "00"]);
    assert.equal(status(a, CREATE, create()), 0x0b);
    assert.deepEqual([...a.board.chip.violations, ...b.board.chip.violations], []);
    clock.run(10_000);
    assert.equal(a.events(DISCONNECTED).length + b.events(DISCONNECTED).length, 0);
  });

  it("follows CONNECT_IND by the first event after 1.25 ms", () => {
    const air = newAir();
    const host = newHost(air);
    const central = new Central(air);
    let advert = 0;
    air.sniff(({ time }) => (advert = time));
    const sent: number[] = [];
    air.sniffLinks(({ time }) => sent.push(time));
    central.connect(ADDRESS);
    advertise(host);
    assert.ok(air.clock.until(() => sent.length === 4, 500));
    // T_IFS, CONNECT_IND, transmitWindowDelay, an empty PDU; then T_IFS and an empty PDU
    const first = advert + 0.15 + 0.352 + 1.25 + 0.08;
    const expected = [first, first + 0.23, first + 30, first + 30.23];
    assert.ok(sent.every((time, i) => Math.abs(time - expected[i]) < 1e-9), `${sent.map((time) => time - first)}`);
    assert.equal(dataAirTime(27, false), 0.296);
    assert.equal(dataAirTime(27, true), 0.328);
    assert.equal(dataAirTime(0, true), 0.08);
  });

  it("holds LE Create Connection against its bounds", () => {
    const air = newAir();
    const host = newHost(air);
    const refused: Create[] = [
      { interval: 3 },
      { interval: 0x4001 },
      { interval: 16, window: 17 },
      { interval: 16, window: 3 },
      { policy: 2 },
      { peertype: 2 },
      { own: 4 },
      { own: 1 },
      { min: 5, max: 24 },
      { min: 24, max: 23 },
      { min: 24, max: 0x0c81, timeout: 0x0c80 },
      { latency: 0x01f4, timeout: 0x0c80 },
      { timeout: 9 },
      { timeout: 0x0c81 },
      { min: 80, latency: 4, timeout: 100 },
      { ce: [1, 0] },
    ];
    for (const parameters of refused) assert.equal(status(host, CREATE, create(parameters)), 0x12, JSON.stringify(parameters));
    assert.equal(status(host, CREATE, create({ own: 2 })), 0x11);
    const taken: Create[] = [{ min: 6, timeout: 10 }, { min: 80, latency: 4, timeout: 101 }, { latency: 0x01f3, min: 6, timeout: 0x0c80 }];
    for (const parameters of taken) {
      assert.equal(status(host, CREATE, create(parameters)), 0, JSON.stringify(parameters));
      host.ok(CANCEL);
    }
  });

  it("initiates one connection at a time, until it is cancelled", () => {
    const air = newAir();
    const host = newHost(air);
    host.ok(SET_RANDOM_ADDRESS, [1, 2, 3, 4, 5, 0xc6]);
    assert.equal(host.status(CANCEL), 0x0c);
    assert.equal(status(host, CREATE, create()), 0);
    assert.equal(status(host, CREATE, create({ peer: "000000000002" })), 0x0c);
    assert.equal(host.status(SET_RANDOM_ADDRESS, [1, 2, 3, 4, 5, 0xc6]), 0x0c);
    air.clock.run(1000);
    const before = host.packets.length;
    host.ok(CANCEL);
    air.clock.run(10);
    const codes = host.packets.slice(before).map(({ bytes }) => hex(bytes.subarray(1, 5)));
    assert.deepEqual(codes, ["0e04010e", "3e130102"]);
    assert.equal(host.status(CANCEL), 0x0c);
    const peripheral = newHost(air, {}, "0000000000a2");
    advertise(peripheral);
    air.clock.run(200);
    assert.equal(peripheral.events(LE_META, CONNECTED).length, 0);
    assert.equal(air.clock.pending, 1, "nothing but the next advert");
  });

  it("scans in its windows, beside a scan", () => {
    const air = newAir();
    const a = newHost(air, {}, "0000000000c1");
    const b = newHost(air);
    a.ok(SET_SCAN_ENABLE, [1, 0]);
    assert.equal(status(a, CREATE, create({ interval: 1600, window: 4 })), 0);
    air.clock.run(100);
    advertise(b);
    air.clock.run(500);
    assert.equal(a.events(LE_META, CONNECTED).length, 0);
    assert.ok(a.reports().length > 15);
    a.ok(CANCEL);
    assert.equal(status(a, CREATE, create({ interval: 160, window: 80 })), 0);
    a.ok(SET_SCAN_ENABLE, [0, 0]);
    air.clock.run(500);
    assert.equal(a.events(LE_META, CONNECTED).length, 2, "the cancelled one and the real one");
  });

  it("asks the accept list where told to", () => {
    const air = newAir();
    const a = newHost(air, {}, "0000000000c1");
    const b = newHost(air, {}, "0000000000b1");
    const c = newHost(air, {}, "0000000000b2");
    for (const host of [b, c]) advertise(host);
    a.ok(ADD_ACCEPT, [0, ...unhex("0000000000b2").reverse()]);
    assert.equal(status(a, CREATE, create({ policy: 1, peer: "0000000000b1" })), 0);
    assert.equal(a.status(ADD_ACCEPT, [0, 1, 0, 0, 0, 0, 0]), 0x0c);
    air.clock.run(200);
    a.ok(ADD_ACCEPT, [0, 1, 0, 0, 0, 0, 0]);
    assert.equal(b.events(LE_META, CONNECTED).length, 0);
    assert.equal(c.events(LE_META, CONNECTED).length, 1);
  });

  it("has so many connections and no more, in both roles", () => {
    const air = newAir();
    const host = newHost(air, { links: 2, handle: 0x0010 });
    for (const address of ["0b5e12e20011", "0b5e12e20012"]) {
      advertise(host);
      join(air, host, { address });
    }
    assert.deepEqual(host.events(LE_META, CONNECTED).map((event) => event.slice(4, 8)), ["1000", "1100"]);
    assert.equal(host.status(SET_ADV_ENABLE, [1]), 0x09);
    assert.equal(status(host, CREATE, create({ peer: "000000000002" })), 0x09);
    assert.equal(status(host, DISCONNECT, [0x10, 0, 0x13]), 0);
    air.clock.run(200);
    host.ok(SET_ADV_ENABLE, [1]);
    join(air, host, { address: "0b5e12e20013" });
    assert.equal(host.events(LE_META, CONNECTED).at(-1)!.slice(4, 8), "1200", "handles are not used again at once");
  });

  it("ignores a request of a peer that it has a connection with", () => {
    const { air, host, clock } = connected();
    host.ok(SET_ADV_ENABLE, [1]);
    const twin = new Central(air);
    const ended: number[] = [];
    twin.ondisconnected = (reason) => ended.push(reason);
    twin.connect(ADDRESS);
    clock.run(1000);
    assert.deepEqual(ended, [0x3e]);
    assert.equal(host.events(LE_META, CONNECTED).length, 1);
  });

  it("fails to be established after six intervals where the other end is not heard", () => {
    const air = newAir();
    const a = newHost(air, {}, "0000000000c1");
    air.advertise({ address: ADDRESS, type: 0, interval: 20 });
    assert.equal(status(a, CREATE, create({ min: 40 })), 0);
    assert.ok(air.clock.until(() => a.events(DISCONNECTED).length > 0, 1000));
    assert.deepEqual(a.events(DISCONNECTED), ["0040003e"]);
    const [, up, down] = a.packets.slice(-3);
    assert.ok(Math.abs(down.time - up.time - 300) < 1, `${down.time - up.time}`);

    const b = newHost(air, {}, "0000000000b1");
    advertise(b);
    const central = new Central(air);
    central.connect("0000000000b1");
    assert.ok(air.clock.until(() => central.end !== null, 500));
    central.vanish();
    air.clock.run(1000);
    assert.deepEqual(b.events(DISCONNECTED), ["0040003e"]);
    assert.ok(!central.connected && !central.connecting);
  });

  it("gives up looking after the central's time", () => {
    const air = newAir();
    const central = new Central(air);
    const ended: number[] = [];
    central.ondisconnected = (reason) => ended.push(reason);
    central.connect(ADDRESS, 0, { timeout: 200 });
    assert.throws(() => central.connect(ADDRESS), /tries/);
    air.clock.run(199);
    assert.deepEqual(ended, []);
    air.clock.run(1);
    assert.deepEqual(ended, [0x02]);
    central.connect(ADDRESS, 0, { timeout: 200 });
    central.cancel();
    air.clock.run(500);
    assert.equal(ended.length, 1);
    assert.equal(air.clock.pending, 0);
    assert.throws(() => central.send(4, []), /no connection/);
    assert.throws(() => new Central(air, { interval: 7 }).connect(ADDRESS), RangeError);
    assert.throws(() => new Central(air, { timeout: 50 }).connect(ADDRESS), RangeError);
  });
});

describe("links: the end", () => {
  it("refuses Disconnect for unknown handles and illegal reasons", () => {
    const { host } = connected();
    assert.equal(status(host, DISCONNECT, [0x41, 0, 0x13]), 0x02);
    for (const reason of [0x00, 0x08, 0x16, 0x3d]) assert.equal(status(host, DISCONNECT, [...H, reason]), 0x12);
    for (const opcode of [READ_VERSION, READ_FEATURES]) assert.equal(status(host, opcode, [0x41, 0]), 0x02);
    assert.equal(status(host, UPDATE, update(0x41, 24)), 0x02);
    assert.equal(status(host, ENABLE_ENCRYPTION, [0x41, 0, ...new Uint8Array(26)]), 0x02);
    assert.equal(hex(host.command(READ_CHANNEL_MAP, [0x41, 0])), "02410000" + "00000000");
    assert.equal(hex(host.command(KEY_REPLY, [0x41, 0, ...KEY])), "024100");
    assert.equal(hex(host.command(KEY_NEGATIVE_REPLY, [0x41, 0])), "024100");
    assert.equal(hex(host.command(PARAMETERS_REPLY, update(0x41, 24))), "024100");
    assert.equal(hex(host.command(PARAMETERS_NEGATIVE_REPLY, [0x41, 0, 0x3b])), "024100");
  });

  it("tells the peer the reason and the host 0x16, after the status", () => {
    for (const reason of [0x05, 0x13, 0x14, 0x15, 0x1a, 0x29, 0x3b]) {
      const { host, clock, ended, air } = connected();
      assert.equal(status(host, DISCONNECT, [...H, reason]), 0);
      assert.equal(host.events(DISCONNECTED).length, 0);
      assert.equal(status(host, DISCONNECT, [...H, reason]), 0x0c);
      clock.run(200);
      assert.deepEqual(host.events(DISCONNECTED), ["00400016"]);
      assert.deepEqual(ended.map((end) => end.reason), [reason]);
      assert.equal(status(host, DISCONNECT, [...H, reason]), 0x02);
      assert.equal(air.clock.pending, 0);
    }
  });

  it("tells the host the central's reason", () => {
    const { host, central, clock, ended } = connected();
    central.disconnect(0x15);
    central.disconnect();
    clock.run(100);
    assert.deepEqual(host.events(DISCONNECTED), ["00400015"]);
    assert.deepEqual(ended.map(({ reason }) => reason), [0x16]);
    assert.equal(clock.pending, 0);
    // And may come again.
    host.ok(SET_ADV_ENABLE, [1]);
    central.connect(ADDRESS);
    clock.run(200);
    assert.ok(central.connected);
  });

  it("ends by supervision timeout when the other end vanishes, at its time", () => {
    const { host, central, clock, air } = connected({}, { timeout: 720 });
    let last = 0;
    air.sniffLinks(({ time, from }) => {
      if (from === central) last = time;
    });
    clock.run(333);
    central.vanish();
    assert.ok(clock.until(() => host.events(DISCONNECTED).length > 0, 2000));
    assert.deepEqual(host.events(DISCONNECTED), ["00400008"]);
    assert.ok(Math.abs(clock.now - last - 720) < 1, `${clock.now - last}`);
    assert.equal(clock.pending, 0);
  });

  it("outlives a silence that is shorter than the timeout, and both ends see a longer one", () => {
    const { host, central, clock, ended } = connected({}, { timeout: 500 });
    central.silent = true;
    clock.run(450);
    central.silent = false;
    clock.run(1000);
    assert.equal(host.events(DISCONNECTED).length, 0);
    host.board.chip.controller.connections.all[0].end.silent = true;
    clock.run(1000);
    assert.deepEqual(host.events(DISCONNECTED), ["00400008"]);
    assert.deepEqual(ended.map(({ reason }) => reason), [0x08]);
    assert.equal(clock.pending, 0);
  });

  it("ends when the air carries nothing any more", () => {
    const { air, a, b, clock } = pair();
    air.rssi = () => null;
    clock.run(2000);
    assert.deepEqual([...a.events(DISCONNECTED), ...b.events(DISCONNECTED)], ["00400008", "00400008"]);
  });

  it("gives up a Disconnect that nobody acknowledges", () => {
    const { host, central, clock } = connected({}, { timeout: 500 });
    central.sendControl([0x12]);
    clock.run(100);
    central.vanish();
    assert.equal(status(host, DISCONNECT, [...H, 0x13]), 0);
    clock.run(1000);
    assert.deepEqual(host.events(DISCONNECTED), ["00400008"]);
    assert.equal(clock.pending, 0);
  });

  it("gives up a Disconnect that stands behind data which the peer does not take", () => {
    const { host, central, clock, ended } = connected({}, { timeout: 500 });
    central.busy = true;
    host.sendAcl(0x40, frame(4, [1]));
    clock.run(100);
    assert.equal(status(host, DISCONNECT, [...H, 0x13]), 0);
    clock.run(490);
    assert.equal(host.events(DISCONNECTED).length, 0);
    clock.run(1000);
    assert.deepEqual(host.events(DISCONNECTED), ["00400016"]);
    assert.deepEqual(ended.map(({ reason }) => reason), [0x08]);
  });

  it("may be ended from both sides at once, and begun again inside the callback", () => {
    const { host, central, clock, ended } = connected();
    central.ondisconnected = () => central.connect(ADDRESS);
    central.disconnect();
    assert.equal(status(host, DISCONNECT, [...H, 0x13]), 0);
    clock.run(100);
    assert.equal(host.events(DISCONNECTED).length, 1);
    assert.ok(central.connecting);
    host.ok(SET_ADV_ENABLE, [1]);
    clock.run(100);
    assert.ok(central.connected);
    assert.equal(ended.length, 0);
  });

  it("dies silently with Reset; the peer sees a timeout", () => {
    for (const which of ["a", "b"] as const) {
      const two = pair();
      const other = which === "a" ? two.b : two.a;
      two[which].ok(RESET);
      two.clock.run(2000);
      assert.deepEqual(two[which].events(DISCONNECTED), []);
      assert.deepEqual(other.events(DISCONNECTED), ["00400008"]);
      assert.equal(two.clock.pending, 0);
    }
    const { host, clock, ended } = connected();
    host.board.chip.hang();
    clock.run(3000);
    assert.deepEqual(ended.map(({ reason }) => reason), [0x08]);
  });
});

describe("links: data", () => {
  it("brings frames both ways, whole", () => {
    const { host, central, clock, frames } = connected();
    central.send(4, [0x02, 0x17, 0x00]);
    clock.run(100);
    assert.deepEqual(host.acl(), ["4020" + "0700" + "03000400" + "021700"]);
    host.sendAcl(0x40, frame(4, [0x03, 0x40, 0x00]));
    clock.run(100);
    assert.deepEqual(frames.map(({ cid, payload }) => [cid, payload]), [[4, "034000"]]);
    assert.deepEqual(host.events(COMPLETED), ["0140000100"]);
    assert.deepEqual(host.board.chip.violations, []);
  });

  it("cuts to 27 octets on the air, and joins for the host only where told to", () => {
    for (const rejoin of [false, true]) {
      const { host, central, clock } = connected({ rejoin, identity: { leacl: { length: 64, count: 4 } } });
      central.send(6, counting(96));
      clock.run(100);
      const lengths = host.acl().map((packet) => [packet.slice(0, 4), packet.length / 2 - 4]);
      if (rejoin) assert.deepEqual(lengths, [["4020", 54], ["4010", 46]]);
      else assert.deepEqual(lengths, [["4020", 27], ["4010", 27], ["4010", 27], ["4010", 19]]);
      assert.equal(host.acl().map((packet) => packet.slice(8)).join(""), hex(frame(6, counting(96))));
    }
  });

  it("cuts long ACL packets of the host, and knows first from continuing ones", () => {
    const { host, air, clock, frames } = connected({ identity: { leacl: { length: 251, count: 4 } } });
    const pdus: [number, number][] = [];
    air.sniffLinks(({ pdu }) => {
      if (pdu.payload.length > 0) pdus.push([pdu.llid, pdu.payload.length]);
    });
    const bytes = frame(4, counting(300));
    host.sendAcl(0x40, bytes.slice(0, 60));
    host.sendAcl(0x40, bytes.slice(60, 80), 1);
    host.sendAcl(0x40, bytes.slice(80), 1);
    clock.run(300);
    assert.equal(frames[0].payload, hex(counting(300)));
    const rest = (length: number): [number, number] => [Llid.CONTINUE, length];
    assert.deepEqual(pdus.slice(0, 4), [[Llid.START, 27], rest(27), rest(6), rest(20)]);
    assert.equal(pdus.length, 4 + Math.ceil(224 / 27));
  });

  it("sends frames in fragments of any size", () => {
    const { host, central, clock } = connected();
    central.split = [1, 2, 5];
    central.send(4, counting(10));
    clock.run(100);
    assert.deepEqual(host.acl().map((packet) => packet.length / 2 - 4), [1, 2, 5, 1, 2, 3]);
    central.split = (index) => 27 - index;
    central.send(4, counting(60));
    clock.run(100);
    assert.deepEqual(host.acl().slice(6).map((packet) => packet.length / 2 - 4), [27, 26, 11]);
    central.split = [28];
    assert.throws(() => central.send(4, []), RangeError);
    assert.throws(() => central.sendRaw(2, new Uint8Array(28)), RangeError);
    central.sendRaw(1, [1, 2, 3]);
    central.sendRaw(2, [9]);
    clock.run(100);
    assert.deepEqual(host.acl().slice(9), ["4010" + "0300" + "010203", "4020" + "0100" + "09"]);
  });

  it("counts the peripheral's malformed frames", () => {
    const { host, central, clock, frames } = connected();
    host.sendAcl(0x40, [1, 2], 1);
    host.sendAcl(0x40, [5, 0, 4, 0, 1]);
    clock.run(100);
    host.sendAcl(0x40, [1, 0, 4, 0, 1, 2]);
    host.sendAcl(0x40, [1, 0, 4, 0, 7]);
    clock.run(100);
    assert.equal(central.malformed, 3);
    assert.deepEqual(frames.map(({ payload }) => payload), ["07"]);
  });

  it("uses the event while its time lasts, and no more packets than it may", () => {
    const perEvent = (chip: ChipOptions, options: CentralOptions): number => {
      const { host, air, clock } = connected({ identity: { leacl: { length: 251, count: 40 } }, ...chip }, options);
      const events = new Map<number, number>();
      air.sniffLinks(({ link, pdu }) => {
        if (pdu.payload.length > 0) events.set(link.events, (events.get(link.events) ?? 0) + 1);
      });
      // Seven full PDUs each.
      for (let i = 0; i < 10; i++) host.sendAcl(0x40, frame(4, counting(185)));
      clock.run(600);
      return Math.max(...events.values());
    };
    assert.equal(perEvent({ eventPackets: 3 }, {}), 3);
    // An empty PDU and 27 octets with two T_IFS are 0.676 ms.
    assert.equal(perEvent({}, { interval: 7.5 }), 10);
    assert.ok(perEvent({}, { interval: 30 }) > 40);
  });

  it("tells of completed packets together, each once, when they have been acknowledged", () => {
    const { host, air, clock, frames } = connected({}, { interval: 100 });
    let acknowledged = 0;
    air.sniffLinks(({ time, from }) => {
      if (from.name === "central" && frames.length === 3) acknowledged ||= time;
    });
    for (let i = 0; i < 3; i++) host.sendAcl(0x40, frame(4, [i]));
    assert.ok(clock.until(() => host.events(COMPLETED).length > 0, 500));
    assert.deepEqual(host.events(COMPLETED), ["0140000300"]);
    assert.ok(clock.now > acknowledged && clock.now - acknowledged < 5, `${clock.now - acknowledged}`);
    clock.run(1000);
    assert.equal(host.events(COMPLETED).length, 1);
    // No mask holds it back.
    host.ok(SET_EVENT_MASK, new Uint8Array(8));
    host.sendAcl(0x40, frame(4, [9]));
    clock.run(300);
    assert.equal(host.events(COMPLETED).length, 2);
  });

  it("counts each link's packets for itself", () => {
    const air = newAir();
    const host = newHost(air, { identity: { leacl: { length: 27, count: 8 } }, completedWait: 120 });
    const rigs = ["0b5e12e20011", "0b5e12e20012", "0b5e12e20013"].map((address) => {
      advertise(host);
      return join(air, host, { address });
    });
    host.sendAcl(0x40, frame(4, [1]));
    host.sendAcl(0x41, frame(4, [2]));
    host.sendAcl(0x41, frame(4, [3]));
    host.sendAcl(0x42, frame(4, [4]));
    air.clock.run(300);
    assert.deepEqual(rigs.map(({ frames }) => frames.map(({ payload }) => payload)), [["01"], ["02", "03"], ["04"]]);
    assert.deepEqual(host.events(COMPLETED), ["03" + "40000100" + "41000200" + "42000100"]);
    rigs[1].central.disconnect();
    rigs[0].central.send(4, [7]);
    rigs[2].central.send(4, [8]);
    air.clock.run(300);
    assert.deepEqual(host.events(DISCONNECTED), ["00410013"]);
    assert.deepEqual(host.acl(), ["4020" + "0500" + "0100040007", "4220" + "0500" + "0100040008"]);
  });

  it("says nothing of what was on its way when the connection ended", () => {
    const { host, central, clock } = connected({}, { timeout: 300 });
    central.vanish();
    for (let i = 0; i < 3; i++) host.sendAcl(0x40, frame(4, [i]));
    clock.run(1000);
    assert.deepEqual(host.events(DISCONNECTED), ["00400008"]);
    assert.deepEqual(host.events(COMPLETED), []);
    host.sendAcl(0x40, frame(4, [1]));
    clock.run(10);
    assert.equal(host.board.chip.controller.stray, 1);
    assert.deepEqual(host.board.chip.violations, []);
  });

  it("drops what the rules of ACL data forbid, and notes it", () => {
    const { host, central, clock, frames } = connected();
    central.busy = true;
    host.sendAcl(0x40, new Uint8Array(28));
    host.sendAcl(0x40, [1, 0, 4, 0, 1], 2);
    host.sendAcl(0x40, []);
    clock.run(10);
    for (let i = 0; i < 6; i++) host.sendAcl(0x40, frame(4, [i]));
    clock.run(10);
    const reasons = host.board.chip.violations.map(({ reason }) => reason);
    assert.equal(reasons.length, 5);
    assert.match(reasons[0], /28 octets for buffers of 27/);
    assert.match(reasons[1], /flags 2/);
    assert.match(reasons[2], /without data/);
    assert.match(reasons[3], /more than the 4/);
    assert.deepEqual(host.events(OVERFLOW), ["01", "01"]);
    central.busy = false;
    clock.run(200);
    assert.deepEqual(frames.map(({ payload }) => payload), ["00", "01", "02", "03"]);
    assert.deepEqual(host.events(COMPLETED), ["0140000400"]);
  });

  it("stalls as the CYW43438 does, for ever and without a word, until Reset", () => {
    const air = newAir();
    const board = createBoard({ air, chip: { address: ADDRESS }, wiring: {} });
    board.clock.run(100);
    const host = new RawHost(board);
    host.open();
    unmask(host);
    advertise(host);
    const rig = join(air, host, { interval: 100 });
    for (const payload of [1, 2]) host.sendAcl(0x40, frame(4, [payload]));
    air.clock.run(300);
    assert.deepEqual(host.events(COMPLETED), ["0140000200"]);
    assert.equal(board.chip.violations.length, 0);
    for (const payload of [3, 4, 5]) host.sendAcl(0x40, frame(4, [payload]));
    air.clock.run(50);
    for (let i = 0; i < 10; i++) host.sendAcl(0x40, frame(4, [6]));
    air.clock.run(5000);
    assert.equal(board.chip.controller.connections.stalled, true);
    assert.equal(rig.frames.length, 2);
    assert.equal(host.events(COMPLETED).length, 1);
    assert.equal(host.events(OVERFLOW).length, 0);
    assert.equal(board.chip.violations.length, 1);
    assert.match(board.chip.violations[0].reason, /more than 2 ACL packets/);
    // All else goes on.
    rig.central.send(4, [1]);
    air.clock.run(300);
    assert.equal(host.acl().length, 1);
    host.ok(RESET);
    assert.equal(board.chip.controller.connections.stalled, false);
  });

  it("does not stall where the option is 0", () => {
    const air = newAir();
    const board = createBoard({ air, chip: { address: ADDRESS, stall: 0 }, wiring: {} });
    board.chip.load(makeImage({ revision: 1, address: ADDRESS }));
    const host = new RawHost(board);
    host.open();
    unmask(host);
    advertise(host);
    const rig = join(air, host);
    for (let i = 0; i < 8; i++) host.sendAcl(0x40, frame(4, [i]));
    air.clock.run(300);
    assert.equal(rig.frames.length, 8);
    assert.deepEqual(board.chip.violations, []);
  });

  it("keeps the peer's data while the host does not take them", () => {
    const { host, central, clock } = connected({ reportMemory: 200 });
    const { uart } = host.board.hal;
    // A port that is closed leaves the chip's CTS high.
    uart.close();
    for (let i = 0; i < 50; i++) central.send(4, [i, ...counting(20)]);
    clock.run(3000);
    assert.ok(host.board.wire.chip.queued > 600 && host.board.wire.chip.queued <= 712);
    assert.ok(central.end!.queued > 20);
    assert.ok(central.connected);
    host.open(921600);
    clock.run(3000);
    assert.deepEqual(host.acl().map((packet) => parseInt(packet.slice(16, 18), 16)), [...counting(50)]);
  });

  it("brings data through beside a scan that fills the line", () => {
    const { host, air, central, clock } = connected();
    for (let i = 0; i < 100; i++) air.advertise({ data: new Uint8Array(31), interval: 20 });
    host.ok(SET_SCAN_ENABLE, [1, 0]);
    clock.run(200);
    for (let i = 0; i < 20; i++) central.send(4, [i]);
    clock.run(500);
    assert.ok(host.board.chip.controller.scanning.dropped > 100);
    assert.equal(host.acl().length, 20);
  });

  it("waits for a central that takes no data", () => {
    const { host, central, clock, frames } = connected();
    central.busy = true;
    host.sendAcl(0x40, frame(4, [1]));
    clock.run(5000);
    assert.equal(frames.length, 0);
    assert.equal(host.events(COMPLETED).length, 0);
    central.send(4, [2]);
    clock.run(100);
    assert.equal(host.acl().length, 1);
    central.busy = false;
    clock.run(100);
    assert.equal(frames.length, 1);
  });

  it("counts what went over the air", () => {
    const { host, central, clock } = connected();
    const { end } = central;
    clock.run(3000);
    const { sent, heard } = end!;
    assert.equal(sent, end!.link.events);
    assert.equal(heard, sent);
    central.send(4, counting(40));
    host.sendAcl(0x40, frame(4, [1, 2]));
    clock.run(100);
    assert.equal(end!.octetssent, 44);
    assert.equal(end!.octetsheard, 6);
    assert.equal(hex(host.command(READ_RSSI, H)), "004000" + "c4");
    assert.equal(hex(host.command(READ_CHANNEL_MAP, H)), "004000" + "ffffffff1f");
  });

  it("is a function of its seed", () => {
    const run = (seed: number): string => {
      const air = newAir(seed);
      const host = newHost(air);
      advertise(host);
      const log: string[] = [];
      air.sniffLinks(({ time, pdu }) => log.push(`${time} ${pdu.payload.length}`));
      const { central, clock } = join(air, host);
      central.send(4, counting(50));
      clock.run(500);
      return log.join("\n");
    };
    assert.equal(run(4), run(4));
    assert.notEqual(run(4), run(5));
  });
});

describe("links: faults", () => {
  it("sends a lost packet again at the next event: nothing is lost but time", () => {
    const { host, central, clock, air, frames } = connected();
    let index = 0;
    air.linkFault = () => (index++ % 3 === 1 ? "lose" : undefined);
    let lost = 0;
    air.sniffLinks((sniffed: SniffedLink) => {
      if (sniffed.lost) lost++;
    });
    for (let i = 0; i < 20; i++) {
      central.send(4, [i]);
      if (i % 5 === 0) for (let k = 0; k < 4; k++) host.sendAcl(0x40, frame(4, [i + k]));
      clock.run(200);
    }
    clock.run(2000);
    assert.ok(lost > 20);
    assert.deepEqual(host.acl().map((packet) => parseInt(packet.slice(16, 18), 16)), [...counting(20)]);
    assert.deepEqual(frames.map(({ payload }) => parseInt(payload, 16)), [0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13, 15, 16, 17, 18]);
    const completed = host.events(COMPLETED).map((event) => parseInt(event.slice(6, 8), 16));
    assert.equal(completed.reduce((a, b) => a + b), 16);
  });

  it("asks with the link, the sender, the packet and its number", () => {
    const { central, clock, air, host } = connected();
    const asked: string[] = [];
    const from = [central.end!.sent, central.end!.heard];
    air.linkFault = (link, radio, pdu, index) => {
      assert.equal(link, central.end!.link);
      asked.push(`${radio.name} ${pdu.llid} ${hex(pdu.payload)} ${index - from[radio === central ? 0 : 1]}`);
      return asked.length === 1 ? "lose" : undefined;
    };
    central.send(4, [7]);
    clock.run(60);
    assert.deepEqual(asked, ["central 2 0100040007 0", "central 2 0100040007 1", "controller 1  0"]);
    assert.equal(host.acl().length, 1);
  });

  it("ends by supervision where all is lost one way", () => {
    const { host, central, clock, air, ended } = connected();
    air.linkFault = (_, from) => (from === central ? undefined : "lose");
    clock.run(5000);
    assert.deepEqual(ended.map(({ reason }) => reason), [0x08]);
    assert.deepEqual(host.events(DISCONNECTED), ["00400008"]);
  });
});

describe("links: anything in any order", () => {
  it("keeps both ends of one mind, and comes to rest", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new Random(seed);
      const chip = { identity: { lefeatures: unhex("1f00000000000000"), leacl: { length: 27, count: 100 } } };
      const { air, a, b, clock } = pair(chip, chip, { min: 6, latency: random.below(3), timeout: 200 });
      if (seed % 2 === 0) air.linkFault = () => (random.below(10) === 0 ? "lose" : undefined);
      const [sent, key] = [new Map<RawHost, number[]>([[a, []], [b, []]]), [...H, ...KEY]];
      for (let step = 0; step < 100; step++) {
        const host = random.below(2) === 0 ? a : b;
        const action = random.below(8);
        const interval = 6 + random.below(30);
        if (action <= 2) {
          const octet = random.below(256);
          host.sendAcl(0x40, frame(4, [octet]));
          sent.get(host)!.push(octet);
        } else if (action === 3) host.send(READ_VERSION, H);
        else if (action === 4) host.send(READ_FEATURES, H);
        else if (action === 5) host.send(UPDATE, update(0x40, interval, interval, random.below(4), 200));
        else if (action === 6) host.send(ENABLE_ENCRYPTION, [...H, ...RAND, 0, 0, ...KEY]);
        else if (random.below(20) === 0) b.send(KEY_NEGATIVE_REPLY, H);
        else if (random.below(2) === 0) b.send(KEY_REPLY, key);
        else a.send(PARAMETERS_REPLY, update(0x40, interval, interval, 0, 200));
        clock.run(random.below(80));
      }
      clock.run(1000);
      // Whatever waits for a host: it answers.
      for (let i = 0; i < 3; i++) {
        b.send(KEY_REPLY, key);
        a.send(PARAMETERS_NEGATIVE_REPLY, [...H, 0x3b]);
        clock.run(3000);
      }
      const octets = (host: RawHost): number[] => host.acl().map((packet) => parseInt(packet.slice(16, 18), 16));
      const over = [a, b].map((host) => host.events(DISCONNECTED).length);
      assert.equal(over[0], over[1], `seed ${seed}`);
      if (over[0] === 0) {
        assert.deepEqual([octets(b), octets(a)], [sent.get(a), sent.get(b)], `seed ${seed}`);
        for (const host of [a, b]) {
          const completed = host.events(COMPLETED).map((event) => parseInt(event.slice(6, 10), 16) >> 8);
          assert.equal(completed.reduce((x, y) => x + y, 0), sent.get(host)!.length, `seed ${seed}`);
        }
        assert.equal(status(a, DISCONNECT, [...H, 0x13]), 0);
      }
      clock.run(50_000);
      assert.equal(clock.pending, 0, `seed ${seed}`);
    }
  });
});

describe("links: latency", () => {
  it("lets an idle peripheral sleep, but not one that has something to say", () => {
    const { host, central, clock, frames } = connected({}, { latency: 4, timeout: 2000 });
    clock.run(100);
    const from = { sent: central.end!.sent, heard: central.end!.heard };
    clock.run(6000);
    assert.equal(central.end!.sent - from.sent, 200);
    assert.equal(central.end!.heard - from.heard, 40);
    const start = clock.now;
    host.sendAcl(0x40, frame(4, [1]));
    clock.run(200);
    assert.ok(frames[0].time - start < 35, `${frames[0].time - start}`);
    central.send(4, [1]);
    clock.run(200);
    assert.equal(host.acl().length, 1);
    assert.equal(host.events(DISCONNECTED).length, 0);
  });
});

describe("links: procedures", () => {
  it("reads version and features of the peer, from both ends, one after the other", () => {
    const identity = { version: 8, manufacturer: 0x1234, subversion: 0x5678, lefeatures: unhex("1f00000000000000") };
    const { a, b, clock } = pair({ identity });
    assert.equal(status(a, READ_VERSION, H), 0);
    assert.equal(status(a, READ_VERSION, H), 0x0c);
    assert.equal(status(a, READ_FEATURES, H), 0);
    clock.run(500);
    assert.deepEqual(a.events(VERSION), ["00" + "4000" + "09" + "ffff" + "0000"]);
    // Octet 0 is what both have.
    assert.deepEqual(a.events(LE_META, FEATURES), ["0400" + "4000" + "0100000000000000"]);
    assert.equal(status(b, READ_VERSION, H), 0);
    clock.run(200);
    assert.deepEqual(b.events(VERSION), ["00" + "4000" + "08" + "3412" + "7856"]);
    assert.equal(status(a, READ_VERSION, H), 0, "known already, told again");
    clock.run(200);
    assert.equal(a.events(VERSION).length, 2);
    // Peripheral-initiated exchange: the local side has not bit 3.
    assert.equal(status(b, READ_FEATURES, H), 0x1a);
    assert.deepEqual([...a.board.chip.violations, ...b.board.chip.violations], []);
  });

  it("lets a peripheral read the features where both can", () => {
    const { host, clock } = connected({ identity: { lefeatures: unhex("1f00000000000000") } }, { features: 0x2f });
    assert.equal(status(host, READ_FEATURES, H), 0);
    clock.run(200);
    assert.deepEqual(host.events(LE_META, FEATURES), ["0400" + "4000" + "0f00000000000000"]);
    const other = connected({ identity: { lefeatures: unhex("1f00000000000000") } }, { features: 0x01 });
    assert.equal(status(other.host, READ_FEATURES, H), 0);
    other.clock.run(200);
    assert.deepEqual(other.host.events(LE_META, FEATURES), ["041a" + "4000" + "0000000000000000"]);
  });

  it("answers the raw central", () => {
    const { central, clock, air } = connected();
    central.readVersion();
    central.readFeatures();
    clock.run(300);
    assert.deepEqual(central.remoteversion, { version: 9, manufacturer: 0xffff, subversion: 0 });
    assert.equal(hex(central.remotefeatures!), "0100000000000000");
    const answers: string[] = [];
    air.sniffLinks(({ from, pdu }) => {
      if (from !== central && pdu.llid === 3) answers.push(hex(pdu.payload));
    });
    central.sendControl([0x12]);
    central.sendControl([0x55, 1, 2]);
    central.sendControl([0x08, 1]);
    clock.run(300);
    assert.deepEqual(answers, ["13", "0755", "0708"]);
  });

  it("ends a connection whose peer leaves a procedure open for 40 s", () => {
    const { host, central, clock } = connected();
    central.encrypt(KEY);
    clock.run(39_000);
    assert.ok(central.connected);
    assert.equal(host.events(LE_META, KEY_REQUEST).length, 1);
    clock.run(2000);
    assert.ok(!central.connected);
    clock.run(3000);
    assert.deepEqual(host.events(DISCONNECTED), ["00400008"]);
  });
});

describe("links: connection update", () => {
  it("changes the parameters at the instant, by the central", () => {
    const { air, a, b, clock } = pair();
    assert.equal(status(a, UPDATE, update(0x40, 40, 80, 1, 300)), 0);
    assert.equal(status(a, UPDATE, update(0x40, 40)), 0x0c);
    clock.run(120);
    assert.equal(a.events(LE_META, UPDATED).length, 0);
    clock.run(300);
    const event = "0300" + "4000" + "5000" + "0100" + "2c01";
    assert.deepEqual(a.events(LE_META, UPDATED), [event]);
    assert.deepEqual(b.events(LE_META, UPDATED), [event]);
    const times: number[] = [];
    air.sniffLinks(({ time, from }) => {
      if (from === a.board.chip.controller) times.push(time);
    });
    clock.run(1000);
    assert.ok(Math.abs(times[1] - times[0] - 100) < 1e-6);
    // The same once more: only the host that asked hears of it.
    assert.equal(status(a, UPDATE, update(0x40, 80, 80, 1, 300)), 0);
    clock.run(2000);
    assert.equal(a.events(LE_META, UPDATED).length, 2);
    assert.equal(b.events(LE_META, UPDATED).length, 1);
  });

  it("holds the parameters against their bounds", () => {
    const { a } = pair();
    const refused = [update(0x40, 5), update(0x40, 24, 23), update(0x40, 24, 24, 500), update(0x40, 24, 24, 0, 9)];
    refused.push(update(0x40, 24, 24, 0, 100, [2, 1]));
    for (const parameters of refused) assert.equal(status(a, UPDATE, parameters), 0x12, hex(parameters));
  });

  it("supervises with the new timeout", () => {
    const { host, central, clock } = connected();
    let updates = 0;
    central.onupdate = () => updates++;
    central.update({ interval: 15, timeout: 300 });
    clock.run(500);
    assert.equal(updates, 1);
    assert.deepEqual([central.interval, central.latency, central.timeout], [15, 0, 300]);
    assert.deepEqual(host.events(LE_META, UPDATED), ["0300" + "4000" + "0c00" + "0000" + "1e00"]);
    const start = clock.now;
    central.vanish();
    assert.ok(clock.until(() => host.events(DISCONNECTED).length > 0, 1000));
    assert.ok(clock.now - start < 305);
    assert.throws(() => central.update({}), /no connection/);
  });

  it("loses the link where the peripheral has not heard of the instant", () => {
    const { host, central, clock, air, ended } = connected();
    air.linkFault = (_, from, pdu) => (from === central && pdu.llid === 3 ? "lose" : undefined);
    central.update({ interval: 60 });
    clock.run(3000);
    assert.deepEqual(ended.map(({ reason }) => reason), [0x08]);
    assert.deepEqual(host.events(DISCONNECTED), ["00400008"]);
  });

  const able = { identity: { lefeatures: unhex("1f00000000000000") } };

  it("is refused to a peripheral without the Connection Parameters Request procedure", () => {
    assert.equal(status(pair(able).b, UPDATE, update(0x40, 40)), 0x1a);
    const { b, clock } = pair({}, able);
    assert.equal(status(b, UPDATE, update(0x40, 40)), 0);
    clock.run(300);
    assert.deepEqual(b.events(LE_META, UPDATED), ["031a" + "4000" + "1800" + "0000" + "6400"]);
  });

  it("asks the central's host", () => {
    const { a, b, clock } = pair(able, able);
    assert.equal(a.status(PARAMETERS_REPLY, update(0x40, 40)), 0x0c);
    assert.equal(a.status(PARAMETERS_NEGATIVE_REPLY, [...H, 0x3b]), 0x0c);
    assert.equal(status(b, UPDATE, update(0x40, 32, 40, 2, 400)), 0);
    clock.run(200);
    assert.deepEqual(a.events(LE_META, PARAMETER_REQUEST), ["06" + "4000" + "2000" + "2800" + "0200" + "9001"]);
    assert.equal(a.status(PARAMETERS_REPLY, update(0x40, 5)), 0x12);
    assert.equal(hex(a.command(PARAMETERS_REPLY, update(0x40, 36, 36, 2, 400))), "004000");
    clock.run(800);
    const event = "0300" + "4000" + "2400" + "0200" + "9001";
    assert.deepEqual([a.events(LE_META, UPDATED), b.events(LE_META, UPDATED)], [[event], [event]]);

    assert.equal(status(b, UPDATE, update(0x40, 6)), 0);
    clock.run(500);
    assert.equal(hex(a.command(PARAMETERS_NEGATIVE_REPLY, [...H, 0x3b])), "004000");
    clock.run(500);
    assert.equal(b.events(LE_META, UPDATED).at(-1), "033b" + "4000" + "2400" + "0200" + "9001");
    assert.equal(a.events(LE_META, UPDATED).length, 1);
  });

  it("makes one change at a time", () => {
    const { a, b, clock } = pair(able, able);
    assert.equal(status(b, UPDATE, update(0x40, 40)), 0);
    clock.run(200);
    assert.equal(status(a, UPDATE, update(0x40, 48)), 0);
    clock.run(200);
    a.command(PARAMETERS_REPLY, update(0x40, 40));
    clock.run(2000);
    const changed = (interval: string): string => "0300" + "4000" + interval + "0000" + "6400";
    for (const host of [a, b]) assert.deepEqual(host.events(LE_META, UPDATED), [changed("2800"), changed("3000")]);
    // Both at once: the central's goes on, the peripheral's is refused.
    assert.equal(status(a, UPDATE, update(0x40, 24)), 0);
    assert.equal(status(b, UPDATE, update(0x40, 32)), 0);
    clock.run(1500);
    assert.deepEqual(a.events(LE_META, UPDATED).slice(2), [changed("1800")]);
    assert.deepEqual(b.events(LE_META, UPDATED).slice(2), ["0323" + "4000" + "3000" + "0000" + "6400", changed("1800")]);
  });

  it("does not ask a host that masks the question", () => {
    const { a, b, clock } = pair(able, able);
    a.ok(LE_SET_EVENT_MASK, unhex("1f00000000000000"));
    assert.equal(status(b, UPDATE, update(0x40, 40)), 0);
    clock.run(800);
    assert.equal(a.events(LE_META, PARAMETER_REQUEST).length, 0);
    assert.equal(a.events(LE_META, UPDATED).length, 1);
    assert.equal(b.events(LE_META, UPDATED).length, 1);
  });

  it("asks the raw central", () => {
    const { host, central, clock } = connected(able);
    const asked: unknown[] = [];
    central.onparameterrequest = (request) => {
      asked.push(request);
      return asked.length === 1 ? 0x3b : undefined;
    };
    for (let i = 0; i < 2; i++) {
      assert.equal(status(host, UPDATE, update(0x40, 40)), 0);
      clock.run(600);
    }
    assert.deepEqual(asked[0], { min: 40, max: 40, latency: 0, timeout: 100 });
    const refused = "033b" + "4000" + "1800" + "0000" + "c800";
    assert.deepEqual(host.events(LE_META, UPDATED), [refused, "0300" + "4000" + "2800" + "0000" + "6400"]);
    assert.equal(central.interval, 50);
  });
});

describe("links: encryption", () => {
  const enable = [...H, ...RAND, 0x34, 0x12, ...KEY];
  const requested = "05" + "4000" + "1112131415161718" + "3412";

  it("starts with equal keys", () => {
    const { a, b, clock, air } = pair();
    assert.equal(status(a, ENABLE_ENCRYPTION, enable), 0);
    assert.equal(status(a, ENABLE_ENCRYPTION, enable), 0x0c);
    assert.equal(status(b, ENABLE_ENCRYPTION, enable), 0x0c, "only the central may");
    clock.run(200);
    assert.deepEqual(b.events(LE_META, KEY_REQUEST), [requested]);
    assert.equal(hex(b.command(KEY_REPLY, [...H, ...KEY])), "004000");
    assert.equal(hex(b.command(KEY_REPLY, [...H, ...KEY])), "0c4000");
    assert.equal(hex(b.command(KEY_NEGATIVE_REPLY, H)), "0c4000");
    const opcodes: number[] = [];
    air.sniffLinks(({ pdu }) => {
      if (pdu.llid === 3) opcodes.push(pdu.payload[0]);
    });
    clock.run(200);
    assert.deepEqual(opcodes, [5, 6, 6]);
    assert.deepEqual([a.events(ENCRYPTED), b.events(ENCRYPTED)], [["00400001"], ["00400001"]]);
    a.sendAcl(0x40, frame(4, [1]));
    clock.run(200);
    assert.equal(b.acl().length, 1);
  });

  it("holds data back while it starts", () => {
    const { host, central, clock, frames } = connected();
    const done: number[] = [];
    central.onencrypted = (result) => done.push(result);
    central.encrypt(KEY, RAND, 0x1234);
    clock.run(100);
    central.send(4, [1]);
    host.sendAcl(0x40, frame(4, [2]));
    clock.run(300);
    assert.equal(host.acl().length + frames.length, 0);
    host.command(KEY_REPLY, [...H, ...KEY]);
    clock.run(300);
    assert.deepEqual(done, [0]);
    assert.ok(central.encrypted);
    assert.equal(host.acl().length, 1);
    assert.equal(frames.length, 1);
    const order = host.packets.filter(({ bytes }) => bytes[0] === 2 || bytes[1] === ENCRYPTED).map(({ bytes }) => bytes[0]);
    assert.deepEqual(order, [4, 2], "first the event, then what came under it");
  });

  it("ends the peripheral with 0x3D and leaves the central to its timeout where the keys differ", () => {
    const { a, b, clock } = pair();
    status(a, ENABLE_ENCRYPTION, enable);
    clock.run(200);
    b.command(KEY_REPLY, [...H, ...KEY.map((octet) => octet ^ 1)]);
    clock.run(200);
    assert.deepEqual(b.events(DISCONNECTED), ["0040003d"]);
    assert.deepEqual(a.events(DISCONNECTED), []);
    clock.run(1100);
    assert.deepEqual(a.events(DISCONNECTED), ["00400008"]);
    assert.deepEqual([...a.events(ENCRYPTED), ...b.events(ENCRYPTED)], []);
  });

  it("goes on unencrypted without a key, and may be tried again", () => {
    for (const features of ["0100000000000000", "0500000000000000"]) {
      const chip = { identity: { lefeatures: unhex(features) } };
      const { a, b, clock } = pair(chip, chip);
      status(a, ENABLE_ENCRYPTION, enable);
      clock.run(200);
      assert.equal(hex(b.command(KEY_NEGATIVE_REPLY, H)), "004000");
      clock.run(200);
      assert.deepEqual(a.events(ENCRYPTED), ["06400000"]);
      assert.deepEqual(b.events(ENCRYPTED), []);
      a.sendAcl(0x40, frame(4, [1]));
      clock.run(100);
      assert.equal(b.acl().length, 1);
      status(a, ENABLE_ENCRYPTION, enable);
      clock.run(200);
      b.command(KEY_REPLY, [...H, ...KEY]);
      clock.run(200);
      assert.deepEqual(a.events(ENCRYPTED), ["06400000", "00400001"]);
    }
  });

  it("ends on a start that nobody asked for, and is not put off by other refusals", () => {
    const { host, central, clock, ended } = connected();
    central.encrypt(KEY);
    central.sendControl([0x55]);
    clock.run(200);
    host.command(KEY_REPLY, [...H, ...KEY]);
    clock.run(200);
    assert.ok(central.encrypted);
    central.sendControl([0x06]);
    clock.run(100);
    assert.deepEqual(host.events(DISCONNECTED), ["0040003d"]);
    clock.run(3000);
    assert.deepEqual(ended.map(({ reason }) => reason), [0x08]);
  });

  it("answers for a host that masks the request", () => {
    const { a, b, clock } = pair();
    b.ok(LE_SET_EVENT_MASK, unhex("0f00000000000000"));
    status(a, ENABLE_ENCRYPTION, enable);
    clock.run(300);
    assert.deepEqual(a.events(ENCRYPTED), ["06400000"]);
  });

  it("is refused by an end that cannot encrypt", () => {
    const dumb = { identity: { lefeatures: unhex("0000000000000000") } };
    assert.equal(status(pair(dumb).a, ENABLE_ENCRYPTION, enable), 0x11);
    const { a, clock } = pair({}, dumb);
    assert.equal(status(a, ENABLE_ENCRYPTION, enable), 0);
    clock.run(300);
    assert.deepEqual(a.events(ENCRYPTED), ["1a400000"]);
  });

  it("refreshes the key of an encrypted link, by pausing", () => {
    const { air, a, b, clock } = pair();
    const encrypt = (): void => {
      status(a, ENABLE_ENCRYPTION, enable);
      clock.run(400);
      b.command(KEY_REPLY, [...H, ...KEY]);
      clock.run(400);
    };
    encrypt();
    const opcodes: number[] = [];
    air.sniffLinks(({ pdu }) => {
      if (pdu.llid === 3) opcodes.push(pdu.payload[0]);
    });
    encrypt();
    assert.deepEqual(opcodes, [0x0a, 0x0b, 0x0b, 3, 4, 5, 6, 6]);
    assert.deepEqual([a.events(ENCRYPTED).length, b.events(ENCRYPTED).length], [1, 1]);
    assert.deepEqual([a.events(REFRESHED), b.events(REFRESHED)], [["004000"], ["004000"]]);
    // Without a key the paused link has to end.
    status(a, ENABLE_ENCRYPTION, enable);
    clock.run(400);
    b.command(KEY_NEGATIVE_REPLY, H);
    clock.run(400);
    assert.deepEqual([a.events(DISCONNECTED), b.events(DISCONNECTED)], [["00400006"], ["00400016"]]);
  });

  it("respects the masks of a reset, which keep the refresh event back", () => {
    const { host, central, clock } = connected();
    host.ok(SET_EVENT_MASK, unhex("ffffffffff1f0020"));
    for (let i = 0; i < 2; i++) {
      central.encrypt(KEY);
      clock.run(300);
      host.command(KEY_REPLY, [...H, ...KEY]);
      clock.run(300);
    }
    assert.equal(host.events(ENCRYPTED).length, 1);
    assert.equal(host.events(REFRESHED).length, 0);
  });
});
