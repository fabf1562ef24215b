#!/usr/bin/env node
/**
 * gatt-btvirt.mjs: phones use the GATT server over btvirt's air: npm's ble-host with all that it can do, then one that is made of raw packets for what
 * no decent client sends. Needs btvirt (Debian: bluez-test-tools) and the built library; leaves traces of both sides in build/interop/gatt.
 */
import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import net from "node:net";
import { join } from "node:path";
import { startAir, until } from "./air.mjs";
import { check, main, results } from "./beacon.mjs";
import { checkTraces, databaseHash, Device, HANDLES, le16, LONG, MORE, MTU, onAir, RawPhone, TABLE, UUIDS } from "./gatt.mjs";
import { framer, startProxy } from "./h4.mjs";

const { BleManager } = createRequire(import.meta.url)("ble-host");

/** Connections one after another. */
const TIMES = 20;
/** Remote User Terminated Connection. */
const REASON = 0x13;
const READ_BD_ADDR = 0x1009;
const SET_ADVERTISING_PARAMETERS = 0x2006;
const SET_ADVERTISE_ENABLE = 0x200a;
const SIGNALLING = 5;
const SMP = 6;

function hex(value) {
  return value === undefined || value === null ? "nothing" : Buffer.from(value).toString("hex");
}

/** So many bytes, no two neighbours alike. */
function bytes(count, seed) {
  return Buffer.from(Array.from({ length: count }, (_, i) => (seed + i * 7 + (i >> 8)) & 255));
}

function equal(name, found, expected) {
  check(name, hex(found) === hex(expected), `\n${hex(found)}\nand not\n${hex(expected)}`);
}

/** A UUID as ble-host writes it, in the table's short form. */
function short(uuid) {
  const digits = uuid.replaceAll("-", "");
  return digits.startsWith("0000") && digits.endsWith("00001000800000805F9B34FB") ? digits.slice(4, 8) : digits;
}

const BITS = ["broadcast", "read", "writeWithoutResponse", "write", "notify", "indicate", "authenticatedSignedWrites", "extendedProperties"];

/** A phone that is ble-host. */
class Phone {
  static async start(path) {
    const phone = new Phone();
    const transport = await new Promise((resolve, reject) => {
      const socket = net.connect(path, () => resolve(made));
      const made = Object.assign(new EventEmitter(), { write: (packet) => socket.write(packet), end: () => socket.destroy() });
      socket.once("error", reject);
      socket.on(
        "data",
        framer((packet) => {
          if (packet[0] === 4 && packet[1] === 0x0e && packet.readUInt16LE(4) === READ_BD_ADDR) phone.address = Buffer.from(packet.subarray(7, 13)).reverse().toString("hex");
          made.emit("data", Buffer.from(packet));
        }),
      );
    });
    phone.transport = transport;
    phone.manager = await new Promise((resolve, reject) => BleManager.create(transport, {}, (error, it) => (error ? reject(error) : resolve(it))));
    return phone;
  }

  /** A connection to a device with a public address. */
  reach(address) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("ble-host does not connect")), 5000);
      this.manager.connect("public", address.match(/../g).join(":").toUpperCase(), {}, (connection) => {
        clearTimeout(timer);
        resolve(connection);
      });
    });
  }

  /** Connects; the device has to tell its application so. */
  async connect(device) {
    await device.ready();
    this.connection = await this.reach(device.address);
    this.ended = new Promise((resolve) => this.connection.on("disconnect", resolve));
    this.byHandle = {};
    const { address, addresstype, security, mtu } = await device.hears("connect");
    const seen = JSON.stringify([address, addresstype, security, mtu]);
    if (seen !== JSON.stringify([this.address, 0, 1, 23])) throw new Error(`the device's application sees ${seen} connect, and not ${this.address}`);
  }

  /** Asks ble-host for something whose callback gets an error first. */
  ask(call, name = "ble-host") {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${name}: no answer`)), 10_000);
      call((error, value) => {
        clearTimeout(timer);
        if (error) reject(Object.assign(new Error(`${name}: ATT error 0x${error.toString(16)}`), { code: error }));
        else resolve(value);
      });
    });
  }

  /** The ATT error that something ends with. */
  async error(call) {
    try {
      await this.ask(call);
      return 0;
    } catch (error) {
      return error.code ?? error.message;
    }
  }

  /** Walks through all services; returns them as lines, like those of TABLE. */
  async discover() {
    const list = (call) => new Promise((resolve) => call(resolve));
    const lines = [];
    for (const service of await list((done) => this.connection.gatt.discoverAllPrimaryServices(done))) {
      lines.push(`service ${service.startHandle}-${service.endHandle} ${short(service.uuid)}`);
      for (const found of await list((done) => service.discoverCharacteristics(done))) {
        const properties = BITS.reduce((sum, bit, i) => sum | (found.properties[bit] ? 1 << i : 0), 0);
        lines.push(`  char ${found.declarationHandle} ${found.valueHandle} ${Buffer.of(properties).toString("hex")} ${short(found.uuid)}`);
        this.byHandle[found.valueHandle] = found;
        for (const descriptor of await list((done) => found.discoverDescriptors(done))) {
          lines.push(`    descriptor ${descriptor.handle} ${short(descriptor.uuid)}`);
          this.byHandle[descriptor.handle] = descriptor;
        }
      }
    }
    return lines.join("\n");
  }

  read(name) {
    return this.ask((done) => this.byHandle[HANDLES[name]].read(done), `read ${name}`);
  }

  write(name, value) {
    return this.ask((done) => this.byHandle[HANDLES[name]].write(value, done), `write ${name}`);
  }

  /** Subscribes; returns what arrives from then on. */
  async subscribe(name, notifications, indications) {
    const heard = [];
    const characteristic = this.byHandle[HANDLES[name]];
    characteristic.removeAllListeners("change");
    characteristic.on("change", (value, isIndication, confirm) => {
      heard.push((isIndication ? "indication " : "notification ") + hex(value));
      if (isIndication) confirm();
    });
    await this.ask((done) => characteristic.writeCCCD(notifications, indications, done), `subscribe to ${name}`);
    return heard;
  }

  async disconnect(device) {
    const { address } = this;
    this.connection.disconnect();
    await this.ended;
    const said = await device.hears("close");
    if (said.address !== address || said.reason !== REASON) throw new Error(`the device's application should hear that ${address} has left: ${JSON.stringify(said)}`);
  }
}

async function reading(phone, device) {
  const before = phone.connection.gatt.currentMtu;
  equal("a long value is read whole with 23 bytes a packet", await phone.read("serial"), Buffer.from(LONG));
  await phone.ask((done) => phone.connection.gatt.exchangeMtu(done), "exchange MTU");
  check(`the MTU is ${MTU}`, before === 23 && phone.connection.gatt.currentMtu === MTU, `${before}, then ${phone.connection.gatt.currentMtu}`);
  equal("a short value is read", await phone.read("maker"), Buffer.from("Electric Imp"));
  equal("an empty one", await phone.read("model"), Buffer.alloc(0));
  equal("a long one, in answers of 246 bytes", await phone.read("serial"), Buffer.from(LONG));
  equal("a long one from a handler", await phone.read("revision"), Buffer.from(LONG.split("").reverse().join("")));
  await device.says("which has been asked once for it", { event: "read", name: "revision", address: phone.address });
  equal("a value that is answered later", await phone.read("notifier"), Buffer.from("later"));
  await device.hears("read");
  equal("the device's name", await phone.read("name"), Buffer.from("wi-fi refresh"));
  equal("a descriptor", await phone.read("description"), Buffer.from("what is told"));
  const refused = [await phone.error((done) => phone.byHandle[HANDLES.ssid].read(done)), await phone.error((done) => phone.byHandle[HANDLES.locked].read(done)), await phone.error((done) => phone.byHandle[HANDLES.serial].write("x", done))];
  check("refused: to read what is write-only 0x02, what wants more security 0x05, to write what is read-only 0x03", refused.join() === "2,5,3", refused.join());
}

async function writing(phone, device) {
  const { address } = phone;
  const wrote = (name, value) => ({ event: "write", name, address, value: hex(value) });
  await phone.write("ssid", Buffer.from("café"));
  await device.says("a short write arrives", wrote("ssid", Buffer.from("café")));
  const long = bytes(500, 3);
  await phone.write("password", long);
  await device.says("500 bytes arrive as one write", wrote("password", long));
  await phone.write("trigger", Buffer.of(1));
  await device.says("the trigger applies both", wrote("trigger", [1]), { event: "refresh", ssid: hex(Buffer.from("café")), password: hex(long) });

  const most = bytes(512, 5);
  await phone.write("echo", most);
  await device.says("512 bytes arrive as one write", wrote("echo", most));
  equal("and come back", await phone.read("echo"), most);
  await device.says("read once", { event: "read", name: "echo", address });
  const refused = await phone.error((done) => phone.byHandle[HANDLES.ender].write(Buffer.of(0), done));
  check("a handler's 0x1000 comes as 0x80", refused === 0x80, refused);
  await device.says("after it has seen the write", wrote("ender", [0]));

  const { gatt } = phone.connection;
  const parts = [bytes(300, 9), bytes(20, 11)];
  gatt.beginReliableWrite();
  await phone.write("ssid", parts[0]);
  await phone.write("password", parts[1]);
  await device.silent("a reliable write is not seen before it is committed");
  await phone.ask((done) => gatt.commitReliableWrite(done), "commit");
  await device.says("then both values, in their order", wrote("ssid", parts[0]), wrote("password", parts[1]));
  gatt.beginReliableWrite();
  await phone.write("ssid", Buffer.from("never"));
  await phone.ask((done) => gatt.cancelReliableWrite(done), "cancel");
  await device.silent("one that is cancelled is never seen");

  const burst = Array.from({ length: 60 }, (_, i) => bytes(1 + ((i * 37) % (MTU - 3)), i));
  for (const value of burst) phone.byHandle[HANDLES.echo].writeWithoutResponse(value);
  await device.says("60 writes without response arrive, in their order", ...burst.map((value) => wrote("echo", value)));
  equal("the last of them is the value", await phone.read("echo"), burst[burst.length - 1]);
  await device.hears("read");
}

async function telling(phone, device) {
  const { address } = phone;
  device.does("notify 00");
  await device.says("a notification that nobody wants is none", { event: "notified", queued: true });
  const notes = await phone.subscribe("notifier", true, false);
  await device.says("the application hears of the subscription", { event: "subscribe", name: "notifier", address, on: 1 });
  const values = ["01", "", hex(bytes(MTU - 3, 1)), hex(bytes(400, 2))];
  for (const value of values) {
    device.does(`notify ${value}`);
    await device.hears("notified");
  }
  await until(() => notes.length >= 4, 3000, () => `${notes.length} of 4 notifications`);
  check("4 notifications arrive; the one of 400 bytes is cut to 244", notes.join() === values.map((value) => `notification ${value.slice(0, 2 * (MTU - 3))}`).join(), notes.join("\n"));

  notes.length = 0;
  device.does("burst 300");
  const { sent, waits } = await device.hears("burst");
  await until(() => notes.length >= sent, 5000, () => `${notes.length} of ${sent} notifications`);
  const wanted = Array.from({ length: 300 }, (_, i) => `notification ${le16(i)}${Buffer.alloc(98, i).toString("hex")}`);
  check(`300 notifications in a row arrive, in their order (the queue was full ${waits} times)`, waits > 0 && notes.join() === wanted.join(), `${notes.length} of them`);

  const indications = await phone.subscribe("indicator", false, true);
  await device.says("a subscription to indications", { event: "subscribe", name: "indicator", address, on: 2 });
  device.does(`indicate ${hex(bytes(100, 7))}`);
  await device.says("an indication is confirmed", { event: "indicated", queued: true }, { event: "confirmed", address, error: null });
  check("it has arrived", indications.join() === `indication ${hex(bytes(100, 7))}`, indications.join());

  await phone.subscribe("notifier", false, false);
  await device.says("the end of a subscription", { event: "subscribe", name: "notifier", address, on: 0 });
  notes.length = 0;
  device.does("notify 02");
  await device.hears("notified");
  await phone.read("maker");
  check("after which nothing is notified", notes.length === 0, notes.join());
}

/**
 * Two phones at once. btvirt gives both ends of a link the first handle that is free at the central's: two centrals with a link each would give the device the
 * same handle twice. So the second one has a link elsewhere before.
 */
async function two(phone, other, device, path) {
  const elsewhere = await RawPhone.start(path);
  await elsewhere.command(SET_ADVERTISING_PARAMETERS, "a000a0000000000000000000000700");
  await elsewhere.command(SET_ADVERTISE_ENABLE, "01");
  await other.reach(elsewhere.address);
  await other.connect(device);
  const [mine, table] = [phone.connection.gatt.currentMtu, await other.discover()];
  check("a second phone beside the first finds the same, at its own MTU", table === TABLE && mine === MTU && other.connection.gatt.currentMtu === 23, table);
  const notes = [await phone.subscribe("notifier", true, false), await other.subscribe("notifier", true, false)];
  for (const { address } of [phone, other]) await device.says(`${address} subscribes`, { event: "subscribe", name: "notifier", address, on: 1 });
  device.does(`notify ${hex(bytes(60, 4))}`);
  await device.hears("notified");
  await until(() => notes.every((one) => one.length > 0), 3000, () => "no notification");
  check("both are notified, each as its MTU allows", notes.join(";") === `notification ${hex(bytes(60, 4))};notification ${hex(bytes(20, 4))}`, notes.join(";"));

  // The reads and writes of both, mixed.
  const values = [Buffer.alloc(300, 0xaa), Buffer.alloc(300, 0xbb)];
  await Promise.all([phone, other].map((one, i) => one.write("password", values[i])));
  const writes = [await device.hears("write"), await device.hears("write")].map(({ address, value }) => address + value).sort();
  check("long writes of both at once do not mix", writes.join() === [phone.address + hex(values[0]), other.address + hex(values[1])].sort().join(), writes.join("\n"));
  const read = await Promise.all([phone, other].map((one) => one.read("serial")));
  check("nor do long reads", read.every((value) => value.equals(Buffer.from(LONG))), read.map(hex).join("\n"));

  await other.disconnect(device);
  device.does("notify 05");
  await device.hears("notified");
  await until(() => notes[0].length > 1, 3000, () => "no notification");
  check("when one has gone the other is served on", notes[0][1] === "notification 05" && notes[1].length === 1, notes.join(";"));
}

async function ending(phone, device) {
  const { address } = phone;
  await phone.disconnect(device);
  check("the phone leaves, and the application hears it", true);
  await phone.connect(device);
  device.does(`close ${address}`);
  const reason = await phone.ended;
  check("the application ends a connection: the phone hears 0x13", reason === REASON, reason);
  await phone.connect(device);
  await phone.discover();
  await phone.write("ender", Buffer.of(1));
  await device.says("close() in a write handler: the write is answered", { event: "write", name: "ender", address, value: "01" });
  check("and then the connection ends", (await phone.ended) === REASON);
  await device.silent("the application hears of no end that it has made itself");

  for (let i = 0; i < TIMES; i++) {
    await phone.connect(device);
    // Discovered anew each time: without a bond ble-host remembers nothing.
    if ((await phone.discover()) !== TABLE) throw new Error(`another table at connection ${i}`);
    const read = await phone.read("serial");
    if (!read.equals(Buffer.from(LONG))) throw new Error(`another value at connection ${i}: ${hex(read)}`);
    await phone.write("ssid", bytes(1 + i, i));
    const { value } = await device.hears("write");
    if (value !== hex(bytes(1 + i, i))) throw new Error(`another write at connection ${i}: ${value}`);
    device.does("notify 06");
    await device.hears("notified");
    await phone.disconnect(device);
  }
  await device.silent(`${TIMES} connections one after another: the same table and long value, a write, no subscription left from the last`);
}

async function raw(phone, device) {
  const H = Object.fromEntries(Object.entries(HANDLES).map(([name, handle]) => [name, le16(handle)]));
  const name = Buffer.from("wi-fi refresh").toString("hex");
  const serial = Buffer.from(LONG).toString("hex");
  const maker = Buffer.from("Electric Imp").toString("hex");
  const { address } = phone;
  await phone.connect(device.address);
  await device.says("the raw phone connects", { event: "connect", address, addresstype: 0, security: 1, mtu: 23 });

  await phone.asks("the Database Hash is that of the table", "080100ffff2a2b", `0912${H.hash}${databaseHash(TABLE)}`);
  await phone.asks("Find By Type Value: a service of 128 bits", `060100ffff0028${onAir(UUIDS.wifi)}`, "0719001f00");
  await phone.asks("Find By Type Value: one of 16 bits", "060100ffff00280a18", "0710001800");
  await phone.asks("Find By Type Value: none", "060100ffff00280d18", "010601000a");
  await phone.asks("Find Information, 16 bits", "0401000400", "050101000028020003280300002a04000328");
  await phone.asks("Find Information, 128 bits alone", `04${H.ssid}ffff`, `0502${H.ssid}${onAir(UUIDS.ssid)}`);
  await phone.asks("Find Information past the end", "042e00ffff", "01042e000a");
  await phone.asks("Read By Group Type", "100100ffff0028", "110601000700001808000f000118100018000a18");
  await phone.asks("Read By Group Type, a service of 128 bits alone", "101900ffff0028", `111419001f00${onAir(UUIDS.wifi)}`);
  await phone.asks("Read By Group Type of characteristics", "100100ffff0328", "0110010010");
  await phone.asks("Read By Type by 128 bits, a value of a handler", `080100ffff${onAir(UUIDS.notifier)}`, `0907${H.notifier}${Buffer.from("later").toString("hex")}`);
  await device.hears("read");
  await phone.asks("handle 0", "0800000100032a", "0108000001");
  await phone.asks("an end before its start", "08050004000328", "0108050001");
  await phone.asks("Read of what there is not", "0a2e00", "010a2e0001");
  await phone.asks("Read Multiple: two values", `0e${H.name}${H.appearance}`, `0f${name}0000`);
  await phone.asks("Read Multiple: as much as there is room for", `0e${H.name}${H.serial}`, `0f${name}${serial.slice(0, 18)}`);
  await phone.asks("Read Multiple: one that may not be read", `0e${H.name}${H.ssid}`, `010e${H.ssid}02`);
  await phone.asks("Read Multiple Variable", `20${H.appearance}${H.maker}`, `21020000000c00${maker}`);
  await phone.asks("Read Multiple with half a handle", `0e${H.name}05`, "010e000004");
  await phone.asks("Read Blob from the middle", `0c${H.serial}9600`, `0d${serial.slice(300, 344)}`);
  await phone.asks("Read Blob at the end", `0c${H.serial}2c01`, "0d");
  await phone.asks("Read Blob past the end", `0c${H.serial}2d01`, `010c${H.serial}07`);
  await phone.asks("an unknown request", "3e0102", "013e000006");
  await phone.asks("an unknown command", "7e0102", "");
  await phone.asks("an answer that nobody has asked for", "0b0102", "");
  await phone.asks("a signed write", `d2${H.echo}41${"00".repeat(12)}`, "");
  await phone.asks("a write command to what takes none", `52${H.ssid}41`, "");
  await phone.asks("a request that is too short", "0a01", "010a000004");
  await phone.asks("an empty PDU", "", "");

  await phone.asks("a configuration of one byte", `12${H.notifierConfiguration}01`, `0112${H.notifierConfiguration}0d`);
  await phone.asks("indications of what only notifies", `12${H.notifierConfiguration}0200`, `0112${H.notifierConfiguration}fd`);
  await phone.asks("Client Supported Features: robust caching", `12${H.features}01`, "13");
  await phone.asks("which cannot be taken back", `12${H.features}00`, `0112${H.features}13`);
  await phone.asks("and reads as written", `0a${H.features}`, "0b01");

  await phone.asks("a part with a gap is taken", `16${H.echo}050041`, `17${H.echo}050041`);
  await phone.asks("and refused when it is executed", "1801", `0118${H.echo}07`);
  await phone.asks("the queue is empty then", "1801", "19");
  await phone.asks("Execute Write with another flag", "1802", "0118000004");
  await phone.asks("a request in pieces of 3 bytes", `12${H.echo}0102030405060708090a`, "13", 3);
  await device.says("is written whole", { event: "write", name: "echo", address, value: "0102030405060708090a" });

  await phone.asks(`Exchange MTU: ${MTU} of 300`, "022c01", `03${le16(MTU)}`);
  await phone.asks("an answer of 247 bytes, in two packets", `0a${H.serial}`, `0b${serial.slice(0, 2 * (MTU - 1))}`);
  const part = bytes(MTU - 5, 1).toString("hex");
  let parts = 0;
  for (let answer = "17"; answer === "17"; parts++) {
    phone.send(4, `16${H.echo}0000${part}`);
    answer = (await phone.next()).slice(0, answer.length);
    if (parts > 50) throw new Error("the queue of prepared writes has no end");
  }
  check(`the queue of prepared writes is full after ${parts - 1} parts of ${MTU - 5} bytes`, parts - 1 === Math.floor(4096 / (MTU - 5 + 6)), parts);
  await phone.asks("it is given up", "1800", "19");
  for (const [at, count] of [[0, 242], [242, 242], [484, 29]]) {
    const piece = le16(at) + bytes(count, at).toString("hex");
    await phone.asks(`a value of 513 bytes is taken in parts, from ${at}`, `16${H.echo}${piece}`, `17${H.echo}${piece}`);
  }
  await phone.asks("and refused", "1801", `0118${H.echo}0d`);
  await device.silent("of all that the application has seen nothing", 20);

  await phone.asks("subscribed to indications", `12${H.indicatorConfiguration}0200`, "13");
  await device.says("the application hears it", { event: "subscribe", name: "indicator", address, on: 2 });
  device.does("indicate 01");
  await device.says("an indication is sent", { event: "indicated", queued: true });
  const first = await phone.next();
  device.does("indicate 02");
  await device.says("no second one before it is confirmed", { event: "indicated", queued: false });
  const early = await phone.next(4, 150);
  phone.send(4, "1e");
  await device.says("which it is now", { event: "confirmed", address, error: null });
  device.does("indicate 03");
  await device.hears("indicated");
  const second = await phone.next();
  phone.send(4, "1e");
  await device.hears("confirmed");
  check("so the phone gets two of the three", [first, early, second].join() === `1d${H.indicator}01,,1d${H.indicator}03`, [first, early, second].join());

  const signals = [
    ["an Information Request", "0a0502000200", "010502000000"],
    ["a parameter request to the peripheral", "12060800180028000000c800", "010602000000"],
    ["a packet over 23 bytes", `0a071800${"00".repeat(24)}`, "0107040001001700"],
  ];
  for (const [what, digits, answer] of signals) {
    phone.send(SIGNALLING, digits);
    const came = await phone.next(SIGNALLING);
    check(`${what} is rejected`, came === answer, came);
  }
  phone.send(SMP, "0f");
  const failed = await phone.next(SMP);
  check("an unknown code of the Security Manager is answered by Pairing Failed, not supported", failed === "0507", failed);
  phone.send(0x0040, "0102");
  phone.send(0x0005, "01090200");
  await phone.asks("packets of unknown channels, and a Reject of nothing, change nothing", `0a${H.maker}`, `0b${maker}`);

  // The table grows: whoever wants to know is told; who knows of caching and has not heard of it may not use its handles.
  await phone.asks("subscribed to Service Changed", `12${H.changedConfiguration}0200`, "13");
  device.does("extend");
  const indication = await phone.next();
  check("a new service is told by Service Changed", indication === `1d${H.changed}1000ffff`, indication);
  await phone.asks("before it is confirmed a handle gets 0x12", `0a${H.maker}`, `010a${H.maker}12`);
  phone.send(4, "1e");
  await phone.asks("then it is read", `0a${H.maker}`, `0b${maker}`);
  await phone.asks("the hash is that of the new table", "080100ffff2a2b", `0912${H.hash}${databaseHash(`${TABLE}\n${MORE}`)}`);
  await phone.asks("and the new value is there", "0a3000", "0b64");

  await phone.asks("a part is left in the queue", `16${H.echo}000041`, `17${H.echo}000041`);
  await phone.disconnect();
  await device.says("the raw phone leaves", { event: "close", address, reason: REASON });
  await device.ready();
  await phone.connect(device.address);
  await device.says("and comes back", { event: "connect", address, addresstype: 0, security: 1, mtu: 23 });
  await phone.asks("the queue is empty", "1801", "19");
  await phone.asks("it is subscribed to nothing", `0a${H.indicatorConfiguration}`, "0b0000");
  await phone.asks("it has said nothing of caching", `0a${H.features}`, "0b00");
  await phone.asks("and its MTU is 23", `0a${H.serial}`, `0b${serial.slice(0, 44)}`);
  await phone.disconnect();
  await device.says("it leaves for good", { event: "close", address, reason: REASON });
}

/** Starts a device on a controller of its own, has phones use it, and looks at its trace. */
async function serve(air, folder, name, use, counted, clean) {
  const socket = join(air.folder, `${name}.sock`);
  const wire = join(folder, `${name}-wire.btsnoop`);
  const proxy = await startProxy(socket, air.le, wire);
  const trace = join(folder, `${name}.btsnoop`);
  const device = await Device.start(socket, proxy, trace);
  await use(device);
  await device.end(counted);
  proxy.close();
  checkTraces(trace, proxy, clean ? [trace] : []);
}

await main("GATT on btvirt", async () => {
  const folder = results("gatt");
  const air = await startAir();
  const use = async (device) => {
    const [phone, other] = [await Phone.start(air.le), await Phone.start(air.le)];
    await phone.connect(device);
    const table = await phone.discover();
    check("the phone finds every service, characteristic and descriptor, and no other", table === TABLE, `\n${table}`);
    await reading(phone, device);
    await writing(phone, device);
    await telling(phone, device);
    await two(phone, other, device, air.le);
    await ending(phone, device);
  };
  // Cut: a notification for each of the two phones.
  await serve(air, folder, "device", use, { cut: 2 }, true);

  const hand = async (device) => {
    await device.ready();
    await raw(await RawPhone.start(air.le), device);
  };
  // Two requests that are too short, and an empty one; what gets no answer. Other programs would find fault with what this phone sends.
  await serve(air, folder, "raw", hand, { malformed: 3, ignored: 6 }, false);
});
