#!/usr/bin/env node
/**
 * client-btvirt.mjs: the central role and the GATT client over btvirt's air. npm's ble-host is the peripheral, with all that its server can do; once it is a
 * phone that uses our server meanwhile. Needs btvirt (Debian: bluez-test-tools) and the built library; leaves traces in build/interop/client.
 */
import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import net from "node:net";
import { join } from "node:path";
import { sleep, startAir, until } from "./air.mjs";
import { check, main, results } from "./beacon.mjs";
import { ask, bytes, Central, equal, failing, hex, without, written } from "./client.mjs";
import { checkTraces, MTU, RawPhone } from "./gatt.mjs";
import { framer, startProxy } from "./h4.mjs";

const load = createRequire(import.meta.url);
// ble-host 1.0.3 cannot serve an included service: where the UUID of one is to be written it passes the whole service. This must stand before all of it.
const place = "ble-host/lib/internal/utils.js";
const utils = load(place);
load.cache[load.resolve(place)].exports = { ...utils, serializeUuid: (uuid) => utils.serializeUuid(uuid.uuid ?? uuid) };
const { BleManager } = load("ble-host");

const READ_BD_ADDR = 0x1009;
const SET_ADVERTISING_PARAMETERS = 0x2006;
const SET_ADVERTISE_ENABLE = 0x200a;
/** A reason of a disconnection: Remote User Terminated Connection. */
const REMOTE_USER = 0x13;
/** What our device grants a peripheral. */
const MAX_LATENCY = 10;
/** Nobody has them; only btvirt hears of the second. */
const ABSENT = "00aa0909090a";
const GONE = "00aa0909090b";
const LONG = bytes(500, 3);
const UUIDS = {
  trial: "3c2a0001b5d14e0f9c7a5d1f6e8b2a40",
  long: "3c2a0002b5d14e0f9c7a5d1f6e8b2a40",
  echo: "3c2a0003b5d14e0f9c7a5d1f6e8b2a40",
  notifier: "3c2a0004b5d14e0f9c7a5d1f6e8b2a40",
  indicator: "3c2a0005b5d14e0f9c7a5d1f6e8b2a40",
  refused: "3c2a0006b5d14e0f9c7a5d1f6e8b2a40",
  locked: "3c2a0007b5d14e0f9c7a5d1f6e8b2a40",
  included: "3c2a0008b5d14e0f9c7a5d1f6e8b2a40",
  inner: "3c2a0009b5d14e0f9c7a5d1f6e8b2a40",
  note: "3c2a000ab5d14e0f9c7a5d1f6e8b2a40",
  served: "3c2a000bb5d14e0f9c7a5d1f6e8b2a40",
};

/** What ble-host serves, by hand: its own two services, then ours; it puts the configuration of a subscription behind the other descriptors. */
const TABLE = `
service 1-4 1801
  char 3 20 2a05
    descriptor 4 2902
service 5-9 1800
  char 7 02 2a00
  char 9 02 2a01
secondary 10-13 180f
  char 12 12 2a19
    descriptor 13 2902
secondary 14-17 ${UUIDS.included}
  char 16 02 ${UUIDS.inner}
    descriptor 17 ${UUIDS.note}
service 18-35 ${UUIDS.trial}
  include 10
  include 14
  char 22 02 ${UUIDS.long}
  char 24 0e ${UUIDS.echo}
  char 26 12 ${UUIDS.notifier}
    descriptor 27 2901
    descriptor 28 2902
  char 30 20 ${UUIDS.indicator}
    descriptor 31 2902
  char 33 0a ${UUIDS.refused}
  char 35 02 ${UUIDS.locked}
service 36-36 181c
`.trim();

/** As ble-host writes it. */
function dashed(uuid) {
  return uuid.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-").toUpperCase();
}

/**
 * btvirt changes a connection's parameters only when the peripheral's host agrees to LE Remote Connection Parameter Request, which ble-host does not know: it is
 * let through (LE Set Event Mask), and agreed to, in front of it.
 */
function asksForParameters(packet) {
  if (packet.readUInt32LE(0) !== 0x08200101) return packet;
  const changed = Buffer.from(packet);
  changed[4] |= 0x20;
  return changed;
}

function grantsParameters(packet, socket) {
  const [type, event, , what] = packet;
  if (type === 4 && event === 0x3e && what === 0x06) {
    // Handle, intervals, latency, timeout; then the lengths of events.
    socket.write(Buffer.concat([Buffer.from("0120200e", "hex"), packet.subarray(4, 14), Buffer.alloc(4)]));
    return true;
  }
  return type === 4 && event === 0x0e && packet.readUInt16LE(4) === 0x2020;
}

/**
 * Passes everything between hosts and btvirt, but for an attempt to connect to ABSENT: btvirt says at once that there is nobody, and a controller goes on looking
 * until it is told to stop.
 */
function startPatience(listen, target) {
  const create = `010d2019600030000000${Buffer.from(ABSENT, "hex").reverse().toString("hex")}`;
  const server = net.createServer((host) => {
    const controller = net.connect(target);
    let looking = false;
    const answer = (digits) => host.write(Buffer.from(digits, "hex"));
    host.on(
      "data",
      framer((packet) => {
        const digits = packet.toString("hex");
        if (digits.startsWith(create)) {
          looking = true;
          answer("040f0400010d20");
        } else if (looking && digits === "010e2000") {
          looking = false;
          // Command Complete, then LE Connection Complete with Unknown Connection Identifier.
          answer("040e04010e2000");
          answer(`043e130102${"00".repeat(17)}`);
        } else controller.write(Buffer.from(packet));
      }),
    );
    controller.on("data", (part) => host.write(part));
    for (const [one, other] of [[host, controller], [controller, host]]) {
      one.on("error", () => {});
      one.on("close", () => other.destroy());
    }
  });
  return new Promise((resolve) => server.listen(listen, resolve));
}

/** A device that is ble-host. */
class Peer {
  connection = null;
  /** What its application has seen, oldest first. */
  seen = [];
  closed = 0;

  static async start(path) {
    const peer = new Peer();
    const transport = await new Promise((resolve, reject) => {
      const socket = net.connect(path, () => resolve(made));
      const made = Object.assign(new EventEmitter(), { write: (packet) => socket.write(asksForParameters(packet)), end: () => socket.destroy() });
      socket.once("error", reject);
      socket.on(
        "data",
        framer((packet) => {
          if (packet[0] === 4 && packet[1] === 0x0e && packet.readUInt16LE(4) === READ_BD_ADDR) peer.address = Buffer.from(packet.subarray(7, 13)).reverse().toString("hex");
          if (grantsParameters(packet, socket)) return;
          made.emit("data", Buffer.from(packet));
        }),
      );
    });
    peer.manager = await new Promise((resolve, reject) => BleManager.create(transport, {}, (error, it) => (error ? reject(error) : resolve(it))));
    return peer;
  }

  /** Advertises until somebody connects. */
  advertise() {
    this.connection = null;
    return new Promise((resolve, reject) => {
      this.manager.setAdvertisingData(Buffer.from("020106", "hex"), () => resolve());
      this.manager.startAdvertising({}, (status, connection) => {
        if (status) return reject(new Error(`ble-host does not advertise: ${status}`));
        this.connection = connection;
        connection.on("disconnect", (reason) => {
          this.closed++;
          this.reason = reason;
        });
      });
    }).then(() => sleep(50));
  }

  /** Serves the services of TABLE. */
  serve() {
    const takes = (name, error = 0) => (connection, needs, value, done) => {
      this.seen.push(`${name} ${hex(value)}`);
      if (!error) this.echo.value = Buffer.from(value);
      done(error);
    };
    const battery = { uuid: 0x180f, isSecondaryService: true, characteristics: [{ uuid: 0x2a19, properties: ["read", "notify"], value: Buffer.of(100) }] };
    const included = {
      uuid: dashed(UUIDS.included),
      isSecondaryService: true,
      characteristics: [{ uuid: dashed(UUIDS.inner), properties: ["read"], value: "inside", descriptors: [{ uuid: dashed(UUIDS.note), value: "a note", maxLength: 20 }] }],
    };
    this.echo = { uuid: dashed(UUIDS.echo), properties: ["read", "write", "write-without-response"], value: Buffer.alloc(0), onWrite: takes("echo") };
    this.notifier = {
      uuid: dashed(UUIDS.notifier),
      properties: ["read", "notify"],
      value: "now",
      descriptors: [{ uuid: 0x2901, value: "what is told" }],
      onSubscriptionChange: (connection, notification, indication, isWrite) => isWrite && this.seen.push(`notifier ${notification} ${indication}`),
    };
    this.indicator = { uuid: dashed(UUIDS.indicator), properties: ["indicate"], onSubscriptionChange: (connection, notification, indication, isWrite) => isWrite && this.seen.push(`indicator ${notification} ${indication}`) };
    const refused = { uuid: dashed(UUIDS.refused), properties: ["read", "write"], readPerm: "custom", onAuthorizeRead: (connection, done) => done(0x85), onWrite: takes("refused", 0x91) };
    const locked = { uuid: dashed(UUIDS.locked), properties: ["read"], readPerm: "encrypted", value: "secret" };
    const trial = {
      uuid: dashed(UUIDS.trial),
      includedServices: [battery, included],
      characteristics: [{ uuid: dashed(UUIDS.long), properties: ["read"], value: LONG }, this.echo, this.notifier, this.indicator, refused, locked],
    };
    const all = [battery, included, trial, { uuid: 0x181c }];
    this.manager.gattDb.addServices(all);
    return all;
  }
}

async function discovering(central, connection) {
  const before = central.requests();
  const [services, table] = await ask((done) => connection.discover(done), "discover");
  const spent = central.requests() - before;
  const found = written(services);
  check(`it finds what ble-host serves, and nothing else, in ${spent} requests`, found === TABLE, `\n${found}`);
  check(`the MTU is ${MTU}`, connection.mtu() === MTU, connection.mtu());
  return { table, spent };
}

async function reading(central, connection) {
  const before = central.requests();
  equal("500 bytes are read whole", await ask((done) => connection.read(UUIDS.long, done)), LONG);
  check("in three requests", central.requests() - before === 3, central.requests() - before);
  equal("a short value", await ask((done) => connection.read(0x2a19, done)), Buffer.of(100));
  equal("by its handle", await ask((done) => connection.read(12, done)), Buffer.of(100));
  equal("an empty one", await ask((done) => connection.read(UUIDS.echo, done)), Buffer.alloc(0));
  equal("a value of an included service", await ask((done) => connection.read(UUIDS.inner, done)), Buffer.from("inside"));
  equal("a descriptor with a UUID of 128 bits", await ask((done) => connection.read(17, done)), Buffer.from("a note"));
  // Three asked for at once are answered in their order.
  const three = await Promise.all([UUIDS.long, 0x2a19, UUIDS.long].map((uuid) => ask((done) => connection.read(uuid, done))));
  check("three reads at once are done one after another", three.map(hex).join() === [LONG, Buffer.of(100), LONG].map(hex).join());
  const errors = [
    ["what an application refuses with 0x85", (done) => connection.read(UUIDS.refused, done), "att 133"],
    ["what wants encryption", (done) => connection.read(UUIDS.locked, done), "att 5"],
    ["what may not be read", (done) => connection.read(UUIDS.indicator, done), "att 2"],
    ["a handle that is not there", (done) => connection.read(999, done), "att 1"],
    ["a write to what is read-only", (done) => connection.write(UUIDS.long, "x", done), "att 3"],
    ["a write that an application refuses with 0x91", (done) => connection.write(UUIDS.refused, "x", done), "att 145"],
    ["a long write that it refuses", (done) => connection.write(UUIDS.refused, bytes(400, 1), done), "att 145"],
  ];
  for (const [what, call, expected] of errors) {
    const found = await failing(call);
    check(`${what} ends with "${expected}"`, found === expected, found);
  }
}

async function writing(peer, connection) {
  peer.seen.length = 0;
  for (const value of [Buffer.from("short"), bytes(MTU - 3, 1), bytes(MTU - 2, 2), bytes(512, 5), Buffer.alloc(0)]) {
    await ask((done) => connection.write(UUIDS.echo, value, done));
    equal(`${value.length} bytes are written, and seen once`, await ask((done) => connection.read(UUIDS.echo, done)), value);
    check("by its application", peer.seen.splice(0).join() === `echo ${hex(value)}`);
  }
}

async function sending(central, peer, connection) {
  const values = Array.from({ length: 200 }, (_, i) => hex(bytes(1 + ((i * 37) % (MTU - 3)), i)));
  let sent = 0;
  let waits = 0;
  const go = () => {
    while (sent < values.length && connection.send(UUIDS.echo, Buffer.from(values[sent], "hex"))) sent++;
    if (sent < values.length) waits++;
  };
  central.bt.onroom(go);
  go();
  await until(() => peer.seen.length >= values.length, 5000, () => `${sent} of 200 sent, ${peer.seen.length} arrived`);
  central.bt.onroom(null);
  check(`200 writes without response arrive, in their order (there was no room ${waits} times)`, waits > 0 && peer.seen.splice(0).join() === values.map((value) => `echo ${value}`).join());
}

async function telling(peer, connection) {
  const heard = [];
  await ask((done) => connection.subscribe(UUIDS.notifier, (value) => heard.push(`n ${hex(value)}`), done));
  await ask((done) => connection.subscribe(UUIDS.indicator, (value) => heard.push(`i ${hex(value)}`), done));
  check("ble-host sees both subscriptions", peer.seen.splice(0).join() === "notifier true false,indicator false true");
  const values = Array.from({ length: 100 }, (_, i) => bytes(i % (MTU - 3), i));
  for (const value of values) peer.notifier.notify(peer.connection, value);
  await until(() => heard.length >= 100, 5000, () => `${heard.length} of 100 notifications`);
  check("100 notifications arrive, in their order", heard.splice(0).join() === values.map((value) => `n ${hex(value)}`).join());
  let confirmed = 0;
  for (const value of values.slice(0, 10)) peer.indicator.indicate(peer.connection, value, () => confirmed++);
  await until(() => confirmed >= 10, 5000, () => `${confirmed} of 10 indications are confirmed`);
  check("10 indications arrive, each confirmed", heard.splice(0).join() === values.slice(0, 10).map((value) => `i ${hex(value)}`).join());
  for (const uuid of [UUIDS.notifier, UUIDS.indicator]) await ask((done) => connection.subscribe(uuid, null, done));
  check("ble-host sees the ends of both", peer.seen.splice(0).join() === "notifier false false,indicator false false");
  const told = peer.notifier.notify(peer.connection, "x");
  await ask((done) => connection.read(0x2a19, done));
  check("after which nothing is heard", told === false && heard.length === 0, heard.join());
}

async function parameters(central, peer) {
  const request = (values) => new Promise((resolve) => peer.connection.updateConnParams(values, resolve));
  const updates = () => central.proxy.packets.filter(({ sent, bytes }) => !sent && bytes[1] === 0x3e && bytes[3] === 0x03).map(({ bytes }) => bytes.toString("hex"));
  const before = updates().length;
  const granted = await request({ connIntervalMin: 40, connIntervalMax: 60, connLatency: 2, supervisionTimeout: 300 });
  await until(() => updates().length > before, 3000, () => "no LE Connection Update Complete");
  check("the peripheral's connection parameter request is granted, and carried out", granted === 0 && /^043e0a0300....(28|3c)0002002c01$/.test(updates().at(-1)), `${granted} ${updates().at(-1)}`);
  const denied = await request({ connIntervalMin: 40, connIntervalMax: 60, connLatency: MAX_LATENCY + 1, supervisionTimeout: 3000 });
  check("one past our limits is refused, and changes nothing", denied === 1 && updates().length === before + 1, `${denied} ${updates().length}`);
}

async function returning(central, peer, table, spent) {
  await peer.advertise();
  let connection = await central.connect(peer.address);
  let before = central.requests();
  const [services] = await ask((done) => connection.discover(done, JSON.parse(JSON.stringify(table))));
  check(`ble-host has no Database Hash: with the kept table a return costs ${central.requests() - before} requests, as at first ${spent}`, table.hash === "" && central.requests() - before === spent && written(services) === TABLE, central.requests() - before);
  connection.close();
  await until(() => peer.closed === 2, 3000, () => "ble-host hears no end");
  check("our close() ends it at the peer, by its user", peer.reason === REMOTE_USER, peer.reason);

  // A hash that its application offers.
  const hash = { uuid: 0x2b2a, properties: ["read"], value: bytes(16, 9) };
  peer.manager.gattDb.addServices([{ uuid: 0x181d, characteristics: [hash] }]);
  await peer.advertise();
  connection = await central.connect(peer.address);
  const [, kept] = await ask((done) => connection.discover(done));
  check("a hash is kept with the table", kept.hash === Buffer.from(hash.value).reverse().toString("hex"), kept.hash);
  const ended = new Promise((resolve) => connection.onclose(resolve));
  // Two reads, the first of which is never answered.
  peer.echo.onRead = () => {};
  const pending = [UUIDS.echo, UUIDS.long].map((uuid) => failing((done) => connection.read(uuid, done)));
  await sleep(50);
  peer.connection.disconnect();
  check("a disconnection by the peer is told with its reason", (await ended) === REMOTE_USER);
  const ends = (await Promise.all(pending)).join();
  check("what was asked has ended with it, the one under way and the one that waited", ends === "disconnected 0,disconnected 0", ends);
  delete peer.echo.onRead;
  check("what is asked then fails at once", (await failing((done) => connection.read(UUIDS.long, done))) === "disconnected 0");

  await peer.advertise();
  connection = await central.connect(peer.address);
  before = central.asked().length;
  const [again] = await ask((done) => connection.discover(done, JSON.parse(JSON.stringify(kept))));
  const asked = central.asked().slice(before);
  check("a return with the kept table costs one request, for the hash", asked.join() === "080100ffff2a2b" && written(again).startsWith(TABLE), asked.join());
  equal("after which a value is read by its UUID", await ask((done) => connection.read(UUIDS.inner, done)), Buffer.from("inside"));
  hash.value = bytes(16, 10);
  connection.close();
  await until(() => peer.closed === 4, 3000, () => "ble-host hears no end");
  await peer.advertise();
  connection = await central.connect(peer.address);
  before = central.requests();
  const [, renewed] = await ask((done) => connection.discover(done, JSON.parse(JSON.stringify(kept))));
  check(`with another hash all is looked for again (${central.requests() - before} requests)`, central.requests() - before > 5 && renewed.hash !== kept.hash && renewed.hash !== "");
  return connection;
}

async function failures(central, connection) {
  for (const limit of [300, 1500]) {
    const began = Date.now();
    const code = await central.fails(ABSENT, 0, limit);
    const took = Date.now() - began;
    check(`an absent device ends by "timeout" in ${took} ms of ${limit}`, code === "timeout" && took >= limit - 20 && took < limit + 300, `${code} in ${took} ms`);
  }
  const pending = central.fails(ABSENT, 0, 5000);
  const second = await central.fails(ABSENT, 0, 5000);
  await sleep(100);
  equal("while one is looked for another is asked", await ask((done) => connection.read(UUIDS.inner, done)), Buffer.from("inside"));
  central.bt.cancelconnect();
  const code = await pending;
  check("cancelconnect ends an attempt by its name; a second attempt beside it is refused", code === "cancelled" && second === "busy", `${code} ${second}`);
  central.bt.cancelconnect();
  const refused = await central.fails(GONE, 0, 1000);
  check("where the controller gives up by itself it fails", refused === "failed", refused);
}

await main("client on btvirt", async () => {
  const folder = results("client");
  const air = await startAir();
  const socket = join(air.folder, "central.sock");
  const patience = join(air.folder, "patience.sock");
  await startPatience(patience, air.le);
  const proxy = await startProxy(socket, patience, join(folder, "wire.btsnoop"));
  const trace = join(folder, "central.btsnoop");
  const central = await Central.start(socket, proxy, trace, { links: 3, maxlatency: MAX_LATENCY });
  const [peer, second, phone] = [await Peer.start(air.le), await Peer.start(air.le), await Peer.start(air.le)];
  const added = peer.serve();
  second.serve();
  const handles = added.map(({ startHandle, endHandle }) => `${startHandle}-${endHandle}`).join();
  check("the table below is ble-host's own", handles === "10-13,14-17,18-35,36-36", handles);

  await peer.advertise();
  let connection = await central.connect(peer.address);
  check("it is connected to whom it asked for", connection.address() === peer.address && connection.addresstype() === 0, connection.address());
  const { table, spent } = await discovering(central, connection);
  await reading(central, connection);
  await writing(peer, connection);
  await sending(central, peer, connection);
  await telling(peer, connection);
  await parameters(central, peer);
  connection.close();
  await until(() => peer.closed === 1, 3000, () => "ble-host hears no end");
  connection = await returning(central, peer, table, spent);
  await failures(central, connection);
  connection.close();
  await until(() => peer.closed === 5, 3000, () => "ble-host hears no end");

  await beside(central, peer, second, phone, air.le);
  // btvirt has taken the advert off before it is told to.
  await central.end({ refused: 2 });
  proxy.close();
  // An include of a service with a UUID of 128 bits has no UUID in it (Vol 3 Part G section 3.2), which tshark takes for malformed.
  const judged = join(folder, "judged.btsnoop");
  without((sent, pdu) => !sent && pdu.startsWith("0906"), trace, judged);
  checkTraces(trace, proxy, [judged]);
});

/**
 * We advertise, scan and serve, and connect to two peers meanwhile; between them a phone connects to us. btvirt gives either end of a link the first handle that
 * is free there, and tells both that of the central: so whoever gets our second link or third has as many links elsewhere before.
 */
async function beside(central, peer, second, phone, path) {
  const { bt } = central;
  const notes = [];
  let reads = 0;
  bt.servegatt([{ uuid: UUIDS.served, chars: [{ uuid: UUIDS.inner, flags: 0x12, read: () => `read ${++reads}` }] }]);
  bt.onconnect(() => {});
  bt.startadvertise("\x02\x01\x06", 100, 100);
  const adverts = [];
  bt.startscan((heard) => adverts.push(...heard));
  await sleep(200);
  for (const other of [phone, second, second]) {
    const elsewhere = await RawPhone.start(path);
    await elsewhere.command(SET_ADVERTISING_PARAMETERS, "a000a0000000000000000000000700");
    await elsewhere.command(SET_ADVERTISE_ENABLE, "01");
    await new Promise((resolve) => other.manager.connect("public", elsewhere.address.match(/../g).join(":").toUpperCase(), {}, resolve));
  }

  const connections = [];
  const reach = async (other) => {
    await other.advertise();
    connections.push(await central.connect(other.address));
  };
  const advertise = () => bt.startadvertise("\x02\x01\x06", 100, 100);
  await reach(peer);
  // btvirt takes a central's advert off the air as well when it connects, and tells nobody.
  bt.stopadvertise();
  await sleep(100);
  advertise();
  await sleep(200);
  const link = await new Promise((resolve) => phone.manager.connect("public", bt.address().match(/../g).join(":").toUpperCase(), {}, resolve));
  const asking = (call) => new Promise((resolve, reject) => call((error, value) => (error ? reject(new Error(`ble-host: ${error}`)) : resolve(value))));
  const [found] = (await new Promise((resolve) => link.gatt.discoverAllPrimaryServices(resolve))).filter(({ uuid }) => uuid === dashed(UUIDS.served));
  const [one] = await new Promise((resolve) => found.discoverCharacteristics(resolve));
  one.on("change", (value) => notes.push(hex(value)));
  await asking((done) => one.writeCCCD(true, false, done));

  equal("a phone is served beside a connection of ours", await asking((done) => one.read(done)), Buffer.from(`read ${reads}`));
  await reach(second);
  equal("and beside another, made meanwhile", await asking((done) => one.read(done)), Buffer.from(`read ${reads}`));
  const tables = await Promise.all(connections.map((connection) => ask((done) => connection.discover(done))));
  check("two peers are discovered at once, both right", tables.every(([services]) => written(services).startsWith(TABLE)));
  second.echo.value = Buffer.from("second");
  peer.echo.value = Buffer.from("first");
  const mixed = await Promise.all(connections.flatMap((connection) => [ask((done) => connection.read(UUIDS.long, done)), ask((done) => connection.read(UUIDS.echo, done))]));
  check("reads from both do not mix", mixed.map(hex).join() === [LONG, Buffer.from("first"), LONG, Buffer.from("second")].map(hex).join());
  const writes = [bytes(400, 21), bytes(400, 22)];
  await Promise.all(connections.map((connection, i) => ask((done) => connection.write(UUIDS.echo, writes[i], done))));
  check("nor do long writes", hex(peer.echo.value) === hex(writes[0]) && hex(second.echo.value) === hex(writes[1]));
  bt.notify(UUIDS.inner, "told");
  await until(() => notes.length > 0, 3000, () => "the phone is not notified");
  check("the phone is notified beside them", notes.join() === hex(Buffer.from("told")), notes.join());
  check("the scan has heard adverts", adverts.length > 0);
  const busy = await (async () => central.fails(ABSENT))();
  check("a fourth connection is refused", busy === "busy", busy);
  let told = 0;
  connections[1].onclose(() => told++);
  connections[0].close();
  await until(() => peer.closed === 6, 3000, () => "ble-host hears no end");
  equal("when one has gone the other is asked on", await ask((done) => connections[1].read(UUIDS.long, done)), LONG);
  second.connection.disconnect();
  await until(() => told === 1, 3000, () => "onclose is not called");
  equal("and the phone is served on", await asking((done) => one.read(done)), Buffer.from(`read ${reads}`));
  adverts.length = 0;
  await second.advertise();
  await central.finds(({ address }) => address === second.address, 3000);
  check("the scan hears again when the connections are made", true);
  link.disconnect();
  await sleep(100);
  bt.stopadvertise();
}
