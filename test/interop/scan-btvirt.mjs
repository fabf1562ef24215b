#!/usr/bin/env node
/**
 * scan-btvirt.mjs: the scanner on a controller of btvirt hears what others of the same air advertise: a raw host, and npm's ble-host. Needs btvirt
 * (Debian: bluez-test-tools) and the built library; leaves traces and wire in build/interop/scan.
 */
import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import net from "node:net";
import { join } from "node:path";
import { startAir } from "./air.mjs";
import { check, main, results } from "./beacon.mjs";
import { framer, RawHost, startProxy } from "./h4.mjs";
import { bytes, IBEACON, Scanner, TYPES } from "./scan.mjs";

const EVENT = 4;
const COMMAND_COMPLETE = 0x0e;
const RESET = 0x0c03;
const READ_BD_ADDR = 0x1009;
const LE_SET_RANDOM_ADDRESS = 0x2005;
const LE_SET_ADVERTISING_PARAMETERS = 0x2006;
const LE_SET_ADVERTISING_DATA = 0x2008;
const LE_SET_SCAN_RESPONSE_DATA = 0x2009;
const LE_SET_ADVERTISE_ENABLE = 0x200a;

const RANDOM = "c0ffee123456";

function reversed(digits) {
  return Buffer.from(digits, "hex").reverse().toString("hex");
}

/** Length and 31 bytes. */
function padded(digits) {
  return Buffer.of(digits.length / 2).toString("hex") + digits.padEnd(62, "0");
}

/** An advertiser out of commands. */
class RawAdvertiser {
  static async start(path) {
    const host = await RawHost.connect(path);
    await host.command(RESET);
    const raw = new RawAdvertiser();
    raw.host = host;
    raw.address = reversed((await host.command(READ_BD_ADDR)).toString("hex"));
    await host.command(LE_SET_RANDOM_ADDRESS, reversed(RANDOM));
    return raw;
  }

  async advertise(type, random, data, response = "") {
    await this.host.command(LE_SET_ADVERTISING_PARAMETERS, `a000a000${Buffer.of(type, random).toString("hex")}000000000000000700`);
    await this.host.command(LE_SET_ADVERTISING_DATA, padded(data));
    await this.host.command(LE_SET_SCAN_RESPONSE_DATA, padded(response));
    await this.host.command(LE_SET_ADVERTISE_ENABLE, "01");
  }

  async stop() {
    await this.host.command(LE_SET_ADVERTISE_ENABLE, "00");
  }
}

async function raw(scanner, path) {
  const { ADV_IND, ADV_SCAN_IND, ADV_NONCONN_IND, SCAN_RSP } = TYPES;
  const advertiser = await RawAdvertiser.start(path);
  const { address } = advertiser;
  const { bt } = scanner;
  const full = `1eff5900${"00112233445566778899aabbccddeeff0011223344556677889988".slice(0, 54)}`;
  bt.setscanparams(true, 100, 100);
  // An unknown signal is weaker than any.
  bt.setscanfilter([{ minrssi: -127 }, { type: ADV_NONCONN_IND, data: bytes(IBEACON.slice(0, 18)) }, { address: address.toUpperCase(), type: SCAN_RSP }, { addresstype: 1 }]);

  await advertiser.advertise(ADV_NONCONN_IND, 0, IBEACON);
  await scanner.hears("an iBeacon of the raw host, by type and data", [{ type: ADV_NONCONN_IND, address, addresstype: 0, data: IBEACON, rule: 1 }]);
  await advertiser.stop();
  const rest = await scanner.looks(3);
  check("and nothing once it has stopped", rest.length === 0, JSON.stringify(rest));

  await advertiser.advertise(ADV_SCAN_IND, 0, IBEACON, "012000");
  await scanner.hears("its scan response, by address and type", [{ type: SCAN_RSP, address, addresstype: 0, data: "012000", rule: 2 }]);
  await advertiser.stop();

  await advertiser.advertise(ADV_IND, 1, full);
  await scanner.hears("31 bytes from a random address, and an empty scan response", [
    { type: ADV_IND, address: RANDOM, addresstype: 1, data: full, rule: 3 },
    { type: SCAN_RSP, address: RANDOM, addresstype: 1, data: "", rule: 3 },
  ]);
  bt.setscanparams(false, 100, 100);
  bt.setscanfilter([{ address: "____ee12345_" }]);
  await scanner.hears("the same, passive, by an address with gaps", [{ type: ADV_IND, address: RANDOM, addresstype: 1, data: full, rule: 0 }]);
  bt.setscanfilter([]);
  const none = await scanner.looks(3);
  check("no rule, no advert", none.length === 0, JSON.stringify(none));
  await advertiser.stop();

  bt.setscanfilter([{}]);
  await advertiser.advertise(ADV_NONCONN_IND, 0, "");
  await scanner.hears("an empty advert, by [{}]", [{ type: ADV_NONCONN_IND, address, addresstype: 0, data: "", rule: 0 }]);
  await advertiser.stop();
  advertiser.host.close();
}

/** The transport that ble-host asks for: an emitter of whole packets. It notes the address that the controller names. */
function connect(path) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(path, () => resolve(transport));
    const transport = Object.assign(new EventEmitter(), {
      address: null,
      write: (packet) => socket.write(packet),
      end: () => socket.destroy(),
    });
    const take = (packet) => {
      if (packet[0] === EVENT && packet[1] === COMMAND_COMPLETE && packet.readUInt16LE(4) === READ_BD_ADDR) transport.address = reversed(packet.subarray(7, 13).toString("hex"));
      transport.emit("data", Buffer.from(packet));
    };
    socket.once("error", reject);
    socket.on("data", framer(take));
  });
}

/** Has a function of ble-host called, whose last argument takes a status. */
function done(call) {
  return new Promise((resolve, reject) => call((status) => (status ? reject(new Error(`ble-host: status ${status}`)) : resolve())));
}

async function bleHost(scanner, path) {
  const require = createRequire(import.meta.url);
  const { BleManager } = require("ble-host");
  const { version } = require("ble-host/package.json");
  const { ADV_IND, ADV_SCAN_IND, ADV_NONCONN_IND, SCAN_RSP } = TYPES;
  const { bt } = scanner;
  const name = "0201060909626c652d686f7374";
  const response = "0303fafe04160a180f";

  for (const random of [0, 1]) {
    const transport = await connect(path);
    const options = random ? { staticRandomAddress: RANDOM.match(/../g).join(":").toUpperCase() } : {};
    const manager = await new Promise((resolve, reject) => BleManager.create(transport, options, (error, it) => (error ? reject(error) : resolve(it))));
    // Its connectable adverts end in a connection, of which there is none.
    manager.on("error", () => {});
    const advertise = async (advertisingType, data) => {
      await done((callback) => manager.setAdvertisingData(Buffer.from(data, "hex"), callback));
      await done((callback) => manager.setScanResponseData(Buffer.from(response, "hex"), callback));
      manager.startAdvertising({ advertisingType, intervalMin: 160, intervalMax: 160 }, () => {});
    };
    const stop = () => done((callback) => manager.stopAdvertising(callback));

    bt.setscanparams(true, 100, 100);
    bt.setscanfilter([{ data: bytes(IBEACON.slice(6, 50)), type: ADV_NONCONN_IND }]);
    await advertise("ADV_NONCONN_IND", IBEACON);
    const address = random ? RANDOM : transport.address;
    console.log(`   ble-host ${version} advertises from ${address}`);
    await scanner.hears("its iBeacon, by type and data", [{ type: ADV_NONCONN_IND, address, addresstype: random, data: IBEACON, rule: 0 }]);
    await stop();

    bt.setscanfilter([{ address: "000000000000" }, { address, type: SCAN_RSP }, { addresstype: random, data: bytes(name.slice(6)) }]);
    await advertise("ADV_SCAN_IND", name);
    await scanner.hears("its scannable advert and the response", [
      { type: ADV_SCAN_IND, address, addresstype: random, data: name, rule: 2 },
      { type: SCAN_RSP, address, addresstype: random, data: response, rule: 1 },
    ]);
    await stop();

    bt.setscanparams(false, 100, 100);
    await advertise("ADV_IND", name);
    await scanner.hears("its connectable advert, passive", [{ type: ADV_IND, address, addresstype: random, data: name, rule: 2 }]);
    await stop();
    transport.end();
  }
}

await main("scanner on btvirt", async () => {
  const folder = results("scan");
  const air = await startAir();
  const socket = join(air.folder, "scanner.sock");
  const proxy = await startProxy(socket, air.le, join(folder, "wire.btsnoop"));
  const scanner = await Scanner.start(socket, join(folder, "scanner.btsnoop"));
  const before = await scanner.looks(3);
  check("nobody else is on the air", before.length === 0, JSON.stringify(before));
  await raw(scanner, air.le);
  await bleHost(scanner, air.le);
  await scanner.end();
  proxy.close();
});
