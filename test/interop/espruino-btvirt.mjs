/** The Espruino target without firmware against a controller of btvirt, seen by hosts on others of the same air: a raw one, and npm's ble-host. */
import { spawnSync } from "node:child_process";
import net from "node:net";
import { join } from "node:path";
import { ROOT, sleep, startAir, until } from "./air.mjs";
import { check, checkReports, DATA } from "./beacon.mjs";
import { loadBleHost, openTransport } from "./ble-host.mjs";
import { beaconProgram, checkCounters, CODE, Espruino, folder, LIMIT, observerProgram, openTerminal, preset, READY_LIMIT, START, store, wifiProgram, written } from "./espruino-board.mjs";
import { UUIDS } from "./gatt.mjs";
import { framer, RawHost, readReports } from "./h4.mjs";

const RESET = 0x0c03;
const SET_EVENT_MASK = 0x0c01;
const LE_SET_EVENT_MASK = 0x2001;
const READ_BD_ADDR = 0x1009;
const LE_SET_ADVERTISING_PARAMETERS = 0x2006;
const LE_SET_ADVERTISING_DATA = 0x2008;
const LE_SET_ADVERTISE_ENABLE = 0x200a;
const LE_SET_SCAN_PARAMETERS = 0x200b;
const LE_SET_SCAN_ENABLE = 0x200c;

const KEYBOARD_ONLY = 2;
/** Random static: btvirt's controllers have public addresses of their own. */
const MAC = "c20000000001";

let air = null;

/** The socket where controllers are had; null where there are none. */
async function controllers() {
  if (process.env.H4_UNIX) return process.env.H4_UNIX;
  if (spawnSync("btvirt", ["--version"]).error) return null;
  air ??= await startAir();
  return air.le;
}

/** A controller of btvirt at the other end of a pseudo-terminal. */
class Controller {
  junk = [];

  static async start(name, le) {
    const made = new Controller();
    made.socket = net.connect(le);
    made.socket.on("error", (error) => (made.wrong = error.message));
    const pass = (to) => framer((packet) => to(Buffer.from(packet)), (byte) => made.junk.push(byte));
    // btvirt wants whole packets.
    const toController = pass((packet) => made.socket.write(packet));
    made.terminal = await openTerminal(name, (bytes) => toController(bytes));
    made.socket.on("data", pass((packet) => made.terminal.write(packet)));
    return made;
  }

  check() {
    check("only H4 packets passed", this.junk.length === 0 && !this.wrong, this.wrong ?? this.junk.join(" "));
  }

  close() {
    this.terminal.close();
    this.socket.destroy();
  }
}

/** A board with a preset and a program that `program(path)` writes, as soon as it is ready. */
async function board(name, script, program, le, files = []) {
  const controller = await Controller.start(name, le);
  await store([["blimp", preset(script)], ...files, ["app", written("app.js", program(controller.terminal.path))]]);
  const espruino = new Espruino(START);
  const ready = JSON.parse(await espruino.wait("READY", READY_LIMIT));
  console.log(`   ready ${Math.round(ready.ms)} ms after open(); steps: ${espruino.said("STEP").join(" ")}; rate: ${controller.terminal.rate()}`);
  return { controller, espruino, ready };
}

async function rawHost(le) {
  const host = await RawHost.connect(le);
  await host.command(RESET);
  await host.command(SET_EVENT_MASK, "ffffffffffffff3f");
  await host.command(LE_SET_EVENT_MASK, "ff00000000000000");
  return host;
}

export async function beaconOnBtvirt() {
  const le = await controllers();
  if (le === null) return console.log("skip the beacon on btvirt: H4_UNIX names no controller, and btvirt is not there");
  console.log("-- beacon on btvirt");
  const scanner = await rawHost(le);
  await scanner.command(LE_SET_SCAN_PARAMETERS, "01100010000000");
  /** btvirt reports an advert once for each time that the scanner is enabled. */
  const look = async () => {
    await scanner.command(LE_SET_SCAN_ENABLE, "0100");
    await sleep(100);
    await scanner.command(LE_SET_SCAN_ENABLE, "0000");
    return scanner.events.flatMap(readReports);
  };
  check("nobody else is on the air", (await look()).length === 0);
  const { controller, espruino, ready } = await board("btvirt-beacon", "beacon", (path) => beaconProgram(path, "null", {}), le);
  await until(async () => (await look()).length > 0, LIMIT, () => `the scanner has seen nothing: ${espruino.output}`);
  for (let i = 0; i < 4; i++) await look();
  checkReports("the second host", scanner.events.splice(0).flatMap(readReports), ready.address);
  controller.check();
  await checkCounters(espruino);
  espruino.type("end()");
  await espruino.wait("CLOSED");
  await sleep(300);
  scanner.events.length = 0;
  check("the air is empty again", (await look()).length === 0);
  controller.close();
  scanner.close();
  await espruino.end();
}

export async function observerOnBtvirt() {
  const le = await controllers();
  if (le === null) return console.log("skip the observer on btvirt: H4_UNIX names no controller, and btvirt is not there");
  console.log("-- observer on btvirt");
  const hosts = [];
  for (const data of [DATA, "020106", "0201061aff4c00031577"]) {
    const host = await rawHost(le);
    const address = Buffer.from(await host.command(READ_BD_ADDR)).reverse().toString("hex");
    await host.command(LE_SET_ADVERTISING_PARAMETERS, "a000a0000300000000000000000700");
    await host.command(LE_SET_ADVERTISING_DATA, (data.length / 2).toString(16).padStart(2, "0") + data.padEnd(62, "0"));
    hosts.push({ host, address, data });
  }
  const { controller, espruino } = await board("btvirt-observer", "observer", (path) => observerProgram(path, "null", {}, hosts[1].address), le);
  // btvirt reports an advert when it begins.
  for (let i = 0; i < 5; i++) {
    for (const { host } of hosts) await host.command(LE_SET_ADVERTISE_ENABLE, "01");
    await sleep(150);
    for (const { host } of hosts) await host.command(LE_SET_ADVERTISE_ENABLE, "00");
  }
  await until(() => new Set(espruino.said("ADVERT")).size >= 2, LIMIT, () => `too few adverts: ${espruino.output}`);
  const kinds = [...new Set(espruino.said("ADVERT"))].sort();
  const expected = [0, 1].map((rule) => JSON.stringify({ rule, type: 3, address: hosts[rule].address, addresstype: 0, rssi: 127, data: hosts[rule].data }));
  check(`of three advertisers it tells of those that match (${espruino.said("ADVERT").length} adverts)`, kinds.join() === expected.join(), `\n${kinds.join("\n")}`);
  controller.check();
  await checkCounters(espruino, /^(received|sent|unknown|rejected|accepted)$/);
  for (const { host } of hosts) host.close();
  controller.close();
  await espruino.end();
}

/** ble-host as the phone. */
class Phone {
  encryptions = [];
  pairings = 0;

  /** @param secure whether it offers Secure Connections */
  static async start(le) {
    const phone = new Phone();
    phone.transport = await openTransport(le, (address) => (phone.address = address));
    return phone;
  }

  /** Starts the program anew: what it knows is what it has written to its folder. */
  async restart() {
    this.transport.removeAllListeners();
    const { BleManager } = loadBleHost(false);
    this.manager = await new Promise((resolve, reject) => BleManager.create(this.transport, {}, (error, it) => (error ? reject(error) : resolve(it))));
    this.manager.on("error", () => {});
  }

  async connect(address, type) {
    this.connection = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("ble-host does not connect")), 5000);
      this.manager.connect(type, address.match(/../g).join(":").toUpperCase(), {}, (connection) => {
        clearTimeout(timer);
        resolve(connection);
      });
    });
    this.ended = new Promise((resolve) => this.connection.on("disconnect", resolve));
    const { smp } = this.connection;
    smp.on("pairingRequest", (asked, reply) => reply({ bondingFlags: 1, mitm: true, ioCap: KEYBOARD_ONLY }));
    smp.on("passkeyExchange", (model, shown, reply) => reply(CODE));
    smp.on("pairingComplete", (result) => (this.paired = result));
    smp.on("pairingFail", (reason) => (this.failed = reason));
    smp.on("encrypt", (status, level) => this.encryptions.push({ status, level }));
  }

  /** Writes a name and a password, and has them applied; the device ends the connection. */
  async refresh(ssid, password) {
    const list = (call, what) => new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`ble-host: ${what}: no answer`)), 30_000);
      call((...values) => {
        clearTimeout(timer);
        resolve(values);
      });
    });
    const [[service]] = await list((done) => this.connection.gatt.discoverServicesByUuid(UUIDS.wifi.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"), 1, done), "services");
    const [characteristics] = await list((done) => service.discoverCharacteristics(done), "characteristics");
    for (const [uuid, value] of [[UUIDS.ssid, ssid], [UUIDS.password, password], [UUIDS.trigger, "1"]]) {
      const found = characteristics.find((one) => one.uuid.replaceAll("-", "").toUpperCase() === uuid);
      const [error] = await list((done) => found.write(Buffer.from(value, "latin1"), done), "write");
      if (error) throw new Error(`ble-host: ATT error ${error}`);
    }
    await Promise.race([this.ended, sleep(LIMIT).then(() => Promise.reject(new Error("the device does not close the connection")))]);
  }
}

/** The advert is on the air. */
async function advertised(espruino, controller) {
  await espruino.wait("SAID", READY_LIMIT, 1);
  await sleep(300);
  controller.check();
}

async function refreshes(phone, espruino, n, ssid, password) {
  await phone.refresh(ssid, password);
  const applied = await espruino.wait("APPLIED", LIMIT, n);
  check(`the program has both: ${applied}`, applied === JSON.stringify([ssid, password]), applied);
  await sleep(300);
}

const WIFI = [["wifi-refresh", join(ROOT, "examples/wifi-refresh.js")]];

export async function wifiOnBtvirt() {
  const le = await controllers();
  if (le === null) return console.log("skip the Wi-Fi refresh on btvirt: H4_UNIX names no controller, and btvirt is not there");
  console.log("-- Wi-Fi refresh on btvirt at level 1, ble-host as the phone");
  const { controller, espruino, ready } = await board("btvirt-wifi1", "peripheral", (path) => wifiProgram(path, "null", 1, { mac: MAC }), le, WIFI);
  await advertised(espruino, controller);
  // What it keeps is beside it.
  process.chdir(folder);
  const phone = await Phone.start(le);
  await phone.restart();
  for (const [n, ssid, password] of [[1, "home", "secret pass phrase"], [2, "second", "p".repeat(63)]]) {
    await phone.connect(ready.address, "random");
    await refreshes(phone, espruino, n, ssid, password);
  }
  check("without any pairing", phone.paired === undefined && phone.failed === undefined && phone.encryptions.length === 0, JSON.stringify([phone.paired, phone.failed]));
  controller.check();
  await checkCounters(espruino);
  phone.transport.end();
  controller.close();
  await espruino.end();
}

export async function securityOnBtvirt() {
  const le = await controllers();
  if (le === null) return console.log("skip the Wi-Fi refresh on btvirt: H4_UNIX names no controller, and btvirt is not there");
  console.log("-- Wi-Fi refresh on btvirt at level 3, ble-host as the phone, bonds in Storage");
  const secure = (path) => wifiProgram(path, "null", 3, { mac: MAC });
  let { controller, espruino, ready } = await board("btvirt-wifi3", "secure", secure, le, WIFI);
  await advertised(espruino, controller);
  process.chdir(folder);
  const phone = await Phone.start(le);
  await phone.restart();
  await phone.connect(ready.address, "random");
  await refreshes(phone, espruino, 1, "home", "secret pass phrase");
  check("ble-host has paired by the code, without Secure Connections, authenticated", phone.paired && !phone.paired.sc && phone.paired.mitm && phone.failed === undefined, JSON.stringify(phone.paired ?? phone.failed));
  check("the device has told of it", espruino.said("PAIRING").join() === "started,passkey,paired", espruino.said("PAIRING").join());
  await sleep(1500);
  controller.check();
  await checkCounters(espruino);
  controller.close();
  await espruino.end();

  ({ controller, espruino, ready } = await board("btvirt-wifi3-again", "secure", secure, le, WIFI));
  await advertised(espruino, controller);
  await phone.restart();
  phone.paired = undefined;
  phone.encryptions = [];
  await phone.connect(ready.address, "random");
  await refreshes(phone, espruino, 1, "after a restart", "the bond");
  const [encryption] = phone.encryptions;
  check("both restarted: encrypted by the bond, without pairing", !phone.paired && encryption && encryption.status === 0 && espruino.said("PAIRING").length === 0, JSON.stringify([phone.paired, phone.encryptions, espruino.said("PAIRING")]));
  controller.check();
  await checkCounters(espruino);
  phone.transport.end();
  controller.close();
  await espruino.end();
}
