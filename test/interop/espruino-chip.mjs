/** The Espruino target against the virtual CYW43438 on a pseudo-terminal, at the pace of the wall clock. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, SHARED, sleep, until } from "./air.mjs";
import { check, checkReports, DATA } from "./beacon.mjs";
import { beaconProgram, checkCounters, CODE, Espruino, LIMIT, observerProgram, openTerminal, preset, READY_LIMIT, START, store, wifiProgram, written } from "./espruino-board.mjs";
import { UUIDS } from "./gatt.mjs";

const BAUD = 921600;
/** Name of the image in Storage. */
const IMAGE = "patch.hcd";
/** What stands in a program for it. */
export const FIRMWARE = `blimp.firmware(${JSON.stringify(IMAGE)})`;
const WRITE_RAM = 0xfc4c;
const RESET = 0x0c03;

/** How often the virtual clock is brought up to the wall clock, ms. */
const TICK = 2;

/** The part of the virtual world that the checks use. */
export const mock = await import(join(ROOT, "dist/node/esm/mock.js"));

/** A virtual chip with its air, whose clock goes with the wall's, at the other end of a pseudo-terminal. */
export class Chip {
  heard = [];
  rates = [];

  static async start(name) {
    const chip = new Chip();
    chip.board = mock.createBoard({ flow: false, wiring: {} });
    const { wire, clock, air } = chip.board;
    let wall = performance.now();
    const advance = () => {
      const now = performance.now();
      clock.run(now - wall);
      wall = now;
    };
    /** The host's end of the wire runs at the rate that the interpreter has set: a wrong one garbles what passes. */
    const follow = () => {
      const rate = chip.terminal.rate();
      if (rate === wire.host.baud || !rate) return;
      chip.rates.push(rate);
      wire.host.setBaud(rate);
    };
    let settled = 0;
    chip.terminal = await openTerminal(name, (bytes) => {
      // Asking for the rate takes a process: once the working rate is there it stays.
      if (settled < 3) follow();
      if (wire.host.baud === BAUD && chip.board.chip.state === "patched") settled++;
      advance();
      wire.host.send(bytes);
    });
    wire.host.receive = (bytes) => {
      if (settled < 3) follow();
      chip.terminal.write(Buffer.from(bytes));
    };
    chip.timer = setInterval(advance, TICK);
    air.sniff(({ pdu }) => chip.heard.push({ type: pdu.type, address: Buffer.from(pdu.address.bytes).reverse().toString("hex"), data: Buffer.from(pdu.data).toString("hex") }));
    // The chip boots.
    await sleep(150);
    return chip;
  }

  checkWire() {
    const { chip, wire } = this.board;
    check("no command was sent against the rules", chip.violations.length === 0, JSON.stringify(chip.violations));
    check("no byte was garbled or lost", wire.toChip.garbled + wire.toHost.garbled + wire.toHost.lost === 0, `${wire.toChip.garbled} ${wire.toHost.garbled} ${wire.toHost.lost}`);
  }

  close() {
    clearInterval(this.timer);
    this.terminal.close();
  }
}

/** An operation of a phone that takes a callback. */
export function ask(phone, operation, ...values) {
  return new Promise((resolve, reject) => phone.start[operation](...values, (error, value) => (error ? reject(error) : resolve(value))));
}

/** Waits for `onready`, and tells how it went. */
async function becomesReady(espruino, began) {
  const ready = JSON.parse(await espruino.wait("READY", READY_LIMIT));
  console.log(`   ready ${Math.round(performance.now() - began)} ms after the start of the interpreter, ${Math.round(ready.ms)} ms after open(); steps: ${espruino.said("STEP").join(" ")}`);
  return ready;
}

/** Firmware out of Storage downloaded whole, the iBeacon on the virtual air, and off it. */
export async function beaconOnChip() {
  const named = process.env.FIRMWARE ?? join(SHARED, "firmware/BCM43430A1.hcd");
  const image = existsSync(named) ? readFileSync(named) : Buffer.from(mock.makeImage());
  console.log(`-- beacon; firmware: ${existsSync(named) ? named : "a made one"}, ${image.length} bytes`);
  await store([["blimp", preset("beacon")], [IMAGE, written("image", image)]]);
  const chip = await Chip.start("beacon");
  const { board } = chip;
  await store([["app", written("app.js", beaconProgram(chip.terminal.path, FIRMWARE, { baud: BAUD }))]]);
  const began = performance.now();
  const espruino = new Espruino(START);
  const ready = await becomesReady(espruino, began);
  const records = mock.splitImage(image).filter(({ opcode }) => opcode === WRITE_RAM);
  const hex = ({ address, data }) => `${address.toString(16)}:${Buffer.from(data).toString("hex")}`;
  const given = records.map(({ parameters }) => hex({ address: Buffer.from(parameters).readUInt32LE(0), data: parameters.subarray(4) }));
  const taken = board.chip.written.map(hex);
  const odd = given.findIndex((record, i) => record !== taken[i]);
  check(`the chip has every record of the image (${given.length})`, odd < 0 && taken.length === given.length, `record ${odd} of ${taken.length}`);
  check("the chip runs its patch", board.chip.state === "patched", board.chip.state);
  check(`the working rate is ${BAUD}`, chip.rates.at(-1) === BAUD && board.chip.baud === BAUD, `${chip.rates.join(" ")}, the chip's ${board.chip.baud}`);
  await until(() => chip.heard.length > 5, LIMIT, () => `nothing on the air: ${espruino.output}`);
  checkReports("the virtual air", chip.heard.splice(0), ready.address);
  chip.checkWire();
  await checkCounters(espruino);

  const resets = board.chip.count(RESET);
  espruino.type("end()");
  await espruino.wait("CLOSED");
  await sleep(300);
  check("close() has reset the chip", board.chip.count(RESET) === resets + 1, `${board.chip.count(RESET) - resets} resets`);
  chip.heard.length = 0;
  await sleep(500);
  check("the air is empty again", chip.heard.length === 0, `${chip.heard.length} PDUs`);
  chip.close();
  await espruino.end();
}

/** A small image: what is looked at is behind the download. */
export function putImage() {
  return [IMAGE, written("image", Buffer.from(mock.makeImage()))];
}

/** Adverts that match a rule are told, byte for byte, and no others. */
export async function observerOnChip() {
  console.log("-- observer");
  const chip = await Chip.start("observer");
  const { air } = chip.board;
  const adverts = [
    { address: "c0ffee000001", random: 1, data: Buffer.from(DATA, "hex"), rssi: -60, rule: 0 },
    { address: "c0ffee000002", random: 0, data: Buffer.from("020106", "hex"), rssi: -40, rule: 1 },
    { address: "c0ffee000003", random: 1, data: Buffer.from("0201061aff4c00031577", "hex"), rssi: -30 },
  ];
  for (const advert of adverts) air.advertise(advert);
  const text = observerProgram(chip.terminal.path, FIRMWARE, { baud: BAUD }, "c0ffee____02");
  await store([["blimp", preset("observer")], putImage(), ["app", written("app.js", text)]]);
  const espruino = new Espruino(START);
  await becomesReady(espruino, performance.now());
  await until(() => espruino.said("ADVERT").length >= 20 || espruino.wrong, LIMIT, () => `too few adverts: ${espruino.output}`);
  const kinds = [...new Set(espruino.said("ADVERT"))].sort();
  const wanted = adverts.filter(({ rule }) => rule !== undefined);
  const expected = wanted.map(({ rule, address, random, rssi, data }) => JSON.stringify({ rule, type: 3, address, addresstype: random, rssi, data: data.toString("hex") })).sort();
  check(`of three advertisers it tells of those that match (${espruino.said("ADVERT").length} adverts)`, kinds.join() === expected.join(), `\n${kinds.join("\n")}`);
  chip.checkWire();
  await checkCounters(espruino, /^(received|sent|unknown|rejected|accepted)$/);
  chip.close();
  await espruino.end();
}

const service = UUIDS.wifi;

/** The phone's user sends a network's name and its password, and has them applied. */
async function refreshes(phone, espruino, n, ssid, password) {
  await ask(phone, "write", UUIDS.ssid, ssid);
  await ask(phone, "write", UUIDS.password, password);
  await ask(phone, "write", UUIDS.trigger, "1");
  const applied = await espruino.wait("APPLIED", LIMIT, n);
  check(`the program has both: ${applied}`, applied === JSON.stringify([ssid, password]), applied);
  await until(() => !phone.connected, LIMIT, () => "the device does not close the connection");
}

/** A phone finds the device and connects. */
async function connects(chip, phone) {
  await ask(phone, "connect", { service });
}

/** The Wi-Fi refresh without security. */
export async function wifiOnChip() {
  console.log("-- Wi-Fi refresh at level 1, preset peripheral");
  const chip = await Chip.start("wifi1");
  const text = wifiProgram(chip.terminal.path, FIRMWARE, 1, { baud: BAUD });
  await store([["blimp", preset("peripheral")], putImage(), ["wifi-refresh", join(ROOT, "examples/wifi-refresh.js")], ["app", written("app.js", text)]]);
  const espruino = new Espruino(START);
  await becomesReady(espruino, performance.now());
  const phone = new mock.Phone(chip.board.air);
  for (const [n, ssid, password] of [[1, "home", "secret pass phrase"], [2, "a name of 32 bytes, as long as may be".slice(0, 32), "p".repeat(63)]]) {
    await connects(chip, phone);
    await refreshes(phone, espruino, n, ssid, password);
  }
  check("the phone has nothing to complain of", phone.violations.length === 0, phone.violations.join());
  chip.checkWire();
  await checkCounters(espruino);
  chip.close();
  await espruino.end();
}

/** The Wi-Fi refresh with a passkey: paired, and after a restart of both the interpreter and the chip encrypted by the bond in Storage. */
export async function securityOnChip() {
  console.log("-- Wi-Fi refresh at level 3, preset secure, bonds in Storage");
  let chip = await Chip.start("wifi3");
  const phone = new mock.Phone(chip.board.air, { pairing: { io: "KeyboardDisplay", sc: false, passkey: CODE } });
  const load = (path) => written("app.js", wifiProgram(path, FIRMWARE, 3, { baud: BAUD, mac: "c00000000001" }));
  await store([["blimp", preset("secure")], putImage(), ["wifi-refresh", join(ROOT, "examples/wifi-refresh.js")], ["app", load(chip.terminal.path)]]);
  let espruino = new Espruino(START);
  await becomesReady(espruino, performance.now());
  await connects(chip, phone);
  await refreshes(phone, espruino, 1, "home", "secret pass phrase");
  const smp = phone.trace.filter(({ cid }) => cid === 6).length;
  check("the phone has paired by the code, without Secure Connections, and has a bond", phone.bonds.length === 1 && phone.bonds[0].mitm && !phone.bonds[0].sc, JSON.stringify(phone.bonds));
  check("the device has told of it", espruino.said("PAIRING").join() === "started,passkey,paired", espruino.said("PAIRING").join());
  await connects(chip, phone);
  await refreshes(phone, espruino, 2, "office", "another");
  const again = phone.trace.filter(({ cid, sent, bytes }) => cid === 6 && sent && bytes[0] === 1).length;
  check(`coming back it encrypts with the bond, without pairing (${smp} PDUs of the first time)`, again === 1, `${again} pairing requests`);
  // A bond that has changed is saved within a second.
  await sleep(1500);
  chip.checkWire();
  await checkCounters(espruino);
  await espruino.end();
  chip.close();

  const { bonds, irk } = phone;
  chip = await Chip.start("wifi3-again");
  await store([["app", load(chip.terminal.path)]]);
  espruino = new Espruino(START);
  await becomesReady(espruino, performance.now());
  const same = new mock.Phone(chip.board.air, { irk, address: Buffer.from(phone.identity.bytes).reverse().toString("hex"), random: phone.identity.random, pairing: { request: "pair", sc: false, passkey: null } });
  same.bonds.push(...bonds);
  await connects(chip, same);
  await refreshes(same, espruino, 1, "after a restart", "the bond");
  const pairings = same.trace.filter(({ cid, sent, bytes }) => cid === 6 && sent && bytes[0] === 1).length;
  check("after a restart with the same flash the phone encrypts by its bond, without pairing", same.violations.length === 0 && pairings === 0 && !espruino.said("PAIRING").includes("started"), `${pairings} ${same.violations}`);
  chip.checkWire();
  await checkCounters(espruino);
  chip.close();
  await espruino.end();
}
