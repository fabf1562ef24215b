#!/usr/bin/env node
/**
 * faults-btvirt.mjs [--seconds S] [--seed N] [--verbose]: the stack on a controller of btvirt, over a line that flips, drops, delays and splits bytes in bursts. After each
 * burst another host on the air has to hear the advert, and a phone connects, reads and writes. Needs btvirt (Debian: bluez-test-tools) and the built library.
 * btvirt has no signal strength, no timing of the air, no supervision timeout and no encryption worth the name: nothing of these is shown here.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT, sleep, startAir } from "./air.mjs";
import { check, main } from "./beacon.mjs";
import { makeRandom, startBadLine } from "./faults.mjs";
import { RawPhone } from "./gatt.mjs";
import { readReports } from "./h4.mjs";
import { attachScanner, look } from "./scanner.mjs";

const NAME = "faults on btvirt";
const SECONDS = 60;
/** The longest that a recovery may take, and that it may take by itself after a lie, ms. */
const LIMIT = 45_000;
const LIE = 8000;
/** How long a burst lasts, ms: from, and so much more at random. */
const BURST = [400, 1600];
const ATT = 4;
const ADV_IND = 0;
const CREATE_CONNECTION_CANCEL = 0x200e;
/** For an answer of a controller on a good line, ms: the machine may be busy. */
const PATIENCE = 20_000;
const RESET = 0x0c03;
const SET_EVENT_MASK = 0x0c01;
const LE_SET_EVENT_MASK = 0x2001;
/** As a controller says that it has come to grief. */
const HARDWARE_ERROR = Buffer.from("04100100", "hex");

function option(name, standard) {
  const at = process.argv.indexOf(name);
  const value = at < 0 ? standard : Number(process.argv[at + 1]);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name}: a whole number from 1`);
  return value;
}

function hex(value) {
  return Buffer.from(value).toString("hex");
}

/** The device: one value that can be read, written and notified, and an advert that the application keeps changing. */
class Device {
  errors = {};
  exceptions = 0;
  heard = 0;
  /** Events that the stack has taken though nobody said them. */
  lies = 0;
  value = Buffer.from("first");
  number = 0;

  static async start(socket, line) {
    const { createNodeHal, open } = await import(pathToFileURL(process.env.LIBRARY ?? join(ROOT, "dist/node/esm/blimp.js")).href);
    const device = new Device();
    const note = (error) => (device.errors[error.code ?? error.message] = (device.errors[error.code ?? error.message] ?? 0) + 1);
    await new Promise((resolve, reject) => {
      device.bt = open(createNodeHal(`unix:${socket}`), null, {
        onready: resolve,
        onerror: (error) => {
          note(error);
          if (error.final) device.ended = error.message;
          reject(error);
        },
        onwarning: note,
        commandlimit: 500,
        health: 4000,
        links: 1,
      });
    });
    const { bt } = device;
    bt.trace((sent, bytes, at, length) => {
      if (sent) return;
      device.heard++;
      if (!line.meant[1].has(hex(bytes.subarray(at, at + length)))) device.lies++;
    }, true);
    bt.setsecurity(1);
    const write = (_connection, value) => void (device.value = Buffer.from(value));
    bt.servegatt([{ uuid: 0xaa00, chars: [{ uuid: 0xaa01, flags: 0x1e, read: () => device.value, write }] }]);
    device.handle = bt.handle(0xaa00, 0xaa01);
    bt.onconnect(() => {});
    device.advertise();
    return device;
  }

  /** Another advert than before. */
  advertise() {
    this.number++;
    this.advert = Buffer.from([2, 1, 6, 5, 0xff, 0xff, 0xff, this.number & 255, (this.number >> 8) & 255]);
    this.bt.startadvertise(this.advert, 100, 100);
  }
}

/** What a link of the phone may be asked whatever state it is in. */
async function ask(phone, pdu, limit) {
  phone.frames.length = 0;
  phone.send(ATT, pdu);
  return phone.next(ATT, limit);
}

/** Uses the device while the line is bad: nothing that fails here matters. */
async function disturb(device, phone, ms, random) {
  const handle = device.handle.toString(16).padStart(2, "0") + "00";
  for (const end = Date.now() + ms; Date.now() < end; ) {
    const what = Math.floor(random() * 4);
    if (what === 0) device.advertise();
    else if (what === 1) device.bt.notify(device.handle, device.value);
    else if (phone.handle >= 0) await ask(phone, what === 2 ? `0a${handle}` : `12${handle}aabb`, 30);
    await sleep(random() * 8);
  }
}

/** Ends the phone's link, or the making of one. */
async function leave(phone) {
  try {
    if (phone.handle >= 0) await phone.disconnect();
    else await phone.command(CREATE_CONNECTION_CANCEL);
  } catch {
    // There is none: the device's controller has been reset, and has taken it along.
    await phone.command(RESET, "", PATIENCE);
    await phone.command(SET_EVENT_MASK, "ffffffffffffff3f", PATIENCE);
    await phone.command(LE_SET_EVENT_MASK, "ff01000000000000", PATIENCE);
  }
  phone.handle = -1;
  phone.events.length = phone.frames.length = 0;
}

/** The advert is heard as declared, from the device's own address. */
async function hears(device, scanner) {
  scanner.events.length = 0;
  try {
    await look(scanner);
  } catch {
    // On a busy machine an answer may be late; where it never comes no advert is heard.
    return false;
  }
  const address = device.bt.address();
  return scanner.events.flatMap(readReports).some((report) => report.type === ADV_IND && report.address === address && report.data === hex(device.advert));
}

/** A phone connects, subscribes, reads, writes, reads again, and is notified; returns what was wrong, "" for nothing. */
async function visits(device, phone) {
  const handle = device.handle.toString(16).padStart(2, "0") + "00";
  const configuration = (device.handle + 1).toString(16).padStart(2, "0") + "00";
  try {
    await phone.connect(device.bt.address());
  } catch (error) {
    return error.message;
  }
  const wanted = device.number.toString(16).padStart(8, "0");
  const steps = [
    [`12${configuration}0100`, "13"],
    [`0a${handle}`, `0b${hex(device.value)}`],
    [`12${handle}${wanted}`, "13"],
    [`0a${handle}`, `0b${wanted}`],
  ];
  for (const [pdu, answer] of steps) {
    const came = await ask(phone, pdu, 2000);
    if (came !== answer) return `${pdu} is answered by "${came}" and not by ${answer}`;
  }
  phone.frames.length = 0;
  device.bt.notify(device.handle, [1, 2, 3]);
  const came = await phone.next(ATT, 2000);
  return came === `1b${handle}010203` ? "" : `the notification is "${came}"`;
}

/** Waits until all is as it was declared; returns the times of advert and visit, ms after `since`, and how often the phone had to try. */
async function recovers(device, scanner, phone, limit, since = Date.now()) {
  const began = Date.now();
  let heard = 0;
  let why = "the advert is not heard";
  await leave(phone);
  for (let tries = 1; Date.now() - began < limit; ) {
    if (device.ended) return { why: device.ended };
    if (!(await hears(device, scanner))) {
      await sleep(50);
      continue;
    }
    heard ||= Date.now() - since;
    why = await visits(device, phone);
    if (!why) return { why, heard, visited: Date.now() - since, tries };
    tries++;
    await leave(phone);
  }
  return { why };
}

function row(name, values) {
  const sorted = values.slice().sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  console.log(`${name.padEnd(34)}${[sorted[0], at(0.5), at(0.95), sorted[sorted.length - 1]].map((value) => String(value).padStart(9)).join("")}`);
}

await main(NAME, async () => {
  const seconds = option("--seconds", SECONDS);
  const seed = option("--seed", 1);
  const random = makeRandom(seed + 1000);
  const air = await startAir();
  const socket = join(air.folder, "bad.sock");
  const line = await startBadLine(socket, air.le, seed);
  const device = await Device.start(socket, line);
  const scanner = await attachScanner(air.le);
  const phone = await RawPhone.start(air.le);
  const first = await recovers(device, scanner, phone, LIMIT);
  check("on a good line the advert is heard, and a phone connects, reads and writes", !first.why, first.why);

  const outcomes = [];
  let lied = 0;
  let cured = 0;
  const cures = [];
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    device.lies = line.false = 0;
    line.bad(true);
    await disturb(device, phone, BURST[0] + random() * BURST[1], random);
    line.bad(false);
    const since = Date.now();
    let outcome = await recovers(device, scanner, phone, LIE, since);
    const lies = device.lies + line.false;
    if (lies) lied++;
    if (outcome.why && !device.ended) {
      if (lies) {
        // H4 has no checksum: what was changed, and taken for what it seemed, neither side can know of.
        cured++;
        cures.push(outcome.why);
        line.say(HARDWARE_ERROR);
      }
      outcome = await recovers(device, scanner, phone, LIMIT - LIE, since);
    }
    if (process.argv.includes("--verbose")) console.log(`${((Date.now() - end) / 1000 + seconds).toFixed(0)} s: burst ${outcomes.length + 1}, ${lies} lies, ${JSON.stringify(outcome)}`);
    if (outcome.why) throw new Error(`after burst ${outcomes.length + 1} of seed ${seed} (${lies} lies): ${outcome.why}; ${JSON.stringify(device.errors)} ${JSON.stringify(device.bt.counters())}`);
    outcomes.push(outcome);
  }
  const counters = device.bt.counters();
  const { counts } = line;
  console.log(`\n${outcomes.length} bursts in ${seconds} s: ${counts.flips} bytes flipped, ${counts.drops} gaps of ${counts.dropped} bytes, ${counts.delays} delays, ${counts.splits} splits`);
  console.log(`what was changed was taken for something else in ${lied} bursts; in ${cured} of them it took a Hardware Error to set it right`);
  for (const why of cures) console.log(`    ${why}`);
  console.log(`the stack: ${counters.resyncs} losses of step, ${counters.dropped} bytes dropped, ${counters.timeouts} commands without an answer, ${counters.restarts} restarts`);
  console.log(`told to the application: ${JSON.stringify(device.errors)}\n`);
  console.log(`${"recovered, ms after the burst".padEnd(34)}${["min", "median", "95 %", "max"].map((word) => word.padStart(9)).join("")}`);
  row("the advert is heard", outcomes.map(({ heard }) => heard));
  row("a phone has read and written", outcomes.map(({ visited }) => visited));
  row("connections that it took", outcomes.map(({ tries }) => tries));
  check(`recovered after each of ${outcomes.length} bursts`, outcomes.length > 0 && Object.values(counts).every((count) => count > 0), JSON.stringify(counts));
  check("no callback of the application has thrown", counters.exceptions === 0, counters.exceptions);
  device.bt.close();
  line.close();
});
