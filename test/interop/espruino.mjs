#!/usr/bin/env node
/**
 * espruino.mjs: the Espruino target under a real Espruino, over a pseudo-terminal. ESPRUINO names the interpreter (its Linux build); needs socat.
 *
 * First against the virtual CYW43438: firmware out of Storage downloaded whole (FIRMWARE names an image; default the one in ../shared, else a made
 * one), the iBeacon on the virtual air. Then without firmware against a controller of btvirt, seen by a raw host on another one of the same air; H4_UNIX
 * names the socket, default a btvirt of our own where there is one. `espruino.mjs chip` or `espruino.mjs btvirt` does only one of them.
 */
import { spawn, spawnSync } from "node:child_process";
import { closeSync, constants, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { atEnd, ROOT, SHARED, sleep, startAir, until } from "./air.mjs";
import { ADV_NONCONN_IND, check, checkReports, DATA, main } from "./beacon.mjs";
import { framer, RawHost, readReports } from "./h4.mjs";

const BAUD = 921600;
/** Name of the image in Storage. */
const IMAGE = "patch.hcd";
const WRITE_RAM = 0xfc4c;
const RESET = 0x0c03;
const SET_EVENT_MASK = 0x0c01;
const LE_SET_EVENT_MASK = 0x2001;
const LE_SET_SCAN_PARAMETERS = 0x200b;
const LE_SET_SCAN_ENABLE = 0x200c;

/** How often the virtual clock is brought up to the wall clock, ms. */
const TICK = 2;
const READY_LIMIT = 60_000;
const LIMIT = 10_000;

const folder = mkdtempSync(join(tmpdir(), "espruino-"));
atEnd(() => rmSync(folder, { recursive: true, force: true }));
const flash = join(folder, "flash");

/** Starts a program whose streams are bytes, and which does not outlive this one. */
function launch(program, args, options = {}) {
  const child = spawn(program, args, { cwd: folder, stdio: ["pipe", "pipe", "pipe"], ...options });
  atEnd(() => child.kill("SIGKILL"));
  child.on("error", (error) => (child.wrong = error.message));
  child.stdin.on("error", () => {});
  return child;
}

/** What Espruino prints, line by line, without what its console puts around it. */
class Espruino {
  output = "";

  constructor(text) {
    const file = join(folder, "run.js");
    writeFileSync(file, text);
    // Its input stays open: at its end it would read zeros for ever.
    this.child = launch(resolve(process.env.ESPRUINO), [file], { env: { ...process.env, ESPRUINO_FLASH: flash } });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.setEncoding("latin1").on("data", (part) => (this.output += part));
  }

  get lines() {
    return this.output
      .replaceAll("\r", "")
      .replace(/\x1b\[[0-9;]*[A-Za-z]/g, "")
      .split("\n")
      .map((line) => line.replace(/^>+/, "").trim());
  }

  /** What is behind a word that begins a line; every one of them. */
  said(word) {
    return this.lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  }

  get wrong() {
    return this.child.wrong ?? /.*(?:Uncaught|OUT OF MEMORY|LOW_MEMORY|MEMORY_BUSY|FIFO_FULL|BUFFER_FULL).*/.exec(this.output)?.[0];
  }

  /** Waits for a line that begins with a word, and returns the rest of it. */
  async wait(word, limit) {
    const ended = () => this.wrong || this.child.exitCode !== null;
    await until(() => this.said(word).length > 0 || ended(), limit, () => `Espruino has not said ${word} in ${limit} ms: ${this.output}`);
    if (this.said(word).length === 0) throw new Error(`Espruino did not get to ${word}: ${this.wrong ?? this.output}`);
    return this.said(word)[0];
  }

  /** Types a line into its console. */
  type(line) {
    this.child.stdin.write(`${line}\n`);
  }

  async end() {
    this.child.kill("SIGKILL");
    await until(() => this.child.exitCode !== null || this.child.signalCode !== null, LIMIT, () => "Espruino does not end");
  }
}

/** Writes files to Storage, piece by piece: they need not fit into its memory. */
async function store(files) {
  let text = "var s=require('Storage');function put(n,p,l){var f=E.openFile(p,'r'),at=0,d;while((d=f.read(256))!==undefined&&d.length){s.write(n,d,at,l);at+=d.length}f.close();}\n";
  for (const [name, file] of files) text += `put(${JSON.stringify(name)},${JSON.stringify(file)},${readFileSync(file).length});print("STORED "+s.read(${JSON.stringify(name)}).length);\n`;
  const espruino = new Espruino(`${text}print("END 1");setInterval(function(){},1000);`);
  await espruino.wait("END", LIMIT).catch(() => {});
  await until(() => espruino.said("STORED").length === files.length || espruino.wrong, LIMIT, () => `Storage has not been written: ${espruino.output}`);
  const lengths = espruino.said("STORED").join();
  check(`Storage holds ${files.map(([name]) => name).join(" and ")}`, lengths === files.map(([, file]) => readFileSync(file).length).join(), espruino.wrong ?? lengths);
  await espruino.end();
}

/** A pseudo-terminal for the interpreter, and the bytes at its other end. */
async function openTerminal(name, ondata) {
  const path = join(folder, name);
  const socat = launch("socat", ["-", `pty,raw,echo=0,link=${path}`]);
  let said = "";
  socat.stderr.setEncoding("utf8").on("data", (text) => (said += text));
  socat.stdout.on("data", ondata);
  await until(() => existsSync(path) || socat.wrong, LIMIT, () => `socat makes no ${path}: ${said}`);
  if (socat.wrong) throw new Error(`socat: ${socat.wrong}`);
  // Held open, so that it does not hang up while the interpreter opens it anew.
  const held = openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  return {
    path,
    write: (bytes) => socat.stdin.write(bytes),
    /** The rate that the interpreter has set. */
    rate: () => Number(spawnSync("stty", ["-F", path, "speed"], { encoding: "utf8" }).stdout),
    close() {
      closeSync(held);
      socat.kill("SIGKILL");
    },
  };
}

/** The program of the board. */
function program(path, firmware, options) {
  const data = DATA.replace(/../g, "\\x$&");
  return `
var blimp = require("blimp");
function tell(word) { return function (value) { print(word + " " + JSON.stringify(value)); }; }
function trouble(word) { return function (error) { print(word + " " + error.code + " " + error.step + " " + error.detail); }; }
var options = ${JSON.stringify(options)};
options.onready = tell("READY");
options.onstep = function (step) { print("STEP " + step); };
options.onerror = trouble("ERROR");
options.onwarning = trouble("WARNING");
var bt = blimp.open(blimp.hal({ serial: Serial1, path: ${JSON.stringify(path)} }), ${firmware}, options);
bt.startadvertise("${data}", 100, 100);
function counters() { print("COUNTERS " + JSON.stringify(bt.counters())); print("VARIABLES " + process.memory().usage + " of " + process.memory().total); }
function end() { bt.close(); setTimeout(function () { print("CLOSED 1"); }, 200); }
setInterval(function () {}, 1000);
`;
}

/** What the instance counts at the end has to be free of trouble. */
async function checkCounters(espruino) {
  espruino.type("counters()");
  const counters = JSON.parse(await espruino.wait("COUNTERS", LIMIT));
  const trouble = Object.entries(counters).filter(([name, value]) => value && !/^(received|sent|unknown)$/.test(name));
  check(`nothing lost, nothing repeated (${counters.sent} packets sent, ${counters.received} received)`, trouble.length === 0, JSON.stringify(counters));
  console.log(`   variables in use: ${await espruino.wait("VARIABLES", LIMIT)}`);
  check("no error and no warning", espruino.said("ERROR").length + espruino.said("WARNING").length === 0 && !espruino.wrong, espruino.output);
}

/** The virtual CYW43438, at the pace of the wall clock, on a pseudo-terminal. */
async function chip() {
  const { createBoard, makeImage, splitImage } = await import(join(ROOT, "dist/node/esm/mock.js"));
  const named = process.env.FIRMWARE ?? join(SHARED, "firmware/BCM43430A1.hcd");
  const image = existsSync(named) ? readFileSync(named) : Buffer.from(makeImage());
  const file = join(folder, "image");
  writeFileSync(file, image);
  console.log(`   firmware: ${existsSync(named) ? named : "a made one"}, ${image.length} bytes`);
  await store([["blimp", join(ROOT, "dist/espruino/beacon.min.js")], [IMAGE, file]]);

  const board = createBoard({ flow: false, wiring: {} });
  const { wire, clock } = board;
  let wall = performance.now();
  const advance = () => {
    const now = performance.now();
    clock.run(now - wall);
    wall = now;
  };
  const rates = [];
  /** The host's end of the wire runs at the rate that the interpreter has set: a wrong one garbles what passes. */
  const follow = () => {
    const rate = terminal.rate();
    if (rate === wire.host.baud || !rate) return;
    rates.push(rate);
    wire.host.setBaud(rate);
  };
  const terminal = await openTerminal("chip", (bytes) => {
    follow();
    advance();
    wire.host.send(bytes);
  });
  wire.host.receive = (bytes) => {
    follow();
    terminal.write(Buffer.from(bytes));
  };
  const timer = setInterval(advance, TICK);
  const heard = [];
  board.air.sniff(({ pdu }) => heard.push({ type: pdu.type, address: Buffer.from(pdu.address.bytes).reverse().toString("hex"), data: Buffer.from(pdu.data).toString("hex") }));
  // The chip boots.
  await sleep(150);

  const began = performance.now();
  const espruino = new Espruino(program(terminal.path, `blimp.firmware(${JSON.stringify(IMAGE)})`, { baud: BAUD }));
  const ready = JSON.parse(await espruino.wait("READY", READY_LIMIT));
  console.log(`   ready ${Math.round(performance.now() - began)} ms after the start of the interpreter, ${Math.round(ready.ms)} ms after open(); steps: ${espruino.said("STEP").join(" ")}; rates: ${rates.join(" ")}`);
  const records = splitImage(image).filter(({ opcode }) => opcode === WRITE_RAM);
  const hex = ({ address, data }) => `${address.toString(16)}:${Buffer.from(data).toString("hex")}`;
  const given = records.map(({ parameters }) => hex({ address: Buffer.from(parameters).readUInt32LE(0), data: parameters.subarray(4) }));
  const taken = board.chip.written.map(hex);
  const odd = given.findIndex((record, i) => record !== taken[i]);
  check(`the chip has every record of the image (${given.length})`, odd < 0 && taken.length === given.length, `record ${odd} of ${taken.length}`);
  check("the chip runs its patch", board.chip.state === "patched", board.chip.state);
  check(`the working rate is ${BAUD}`, rates.at(-1) === BAUD && board.chip.baud === BAUD, `${rates.join(" ")}, the chip's ${board.chip.baud}`);
  await until(() => heard.length > 5, LIMIT, () => `nothing on the air: ${espruino.output}`);
  checkReports("the virtual air", heard.splice(0), ready.address);
  const { violations } = board.chip;
  check("no command was sent against the rules", violations.length === 0, JSON.stringify(violations));
  check("no byte was garbled or lost", wire.toChip.garbled + wire.toHost.garbled + wire.toHost.lost === 0, `${wire.toChip.garbled} ${wire.toHost.garbled} ${wire.toHost.lost}`);
  await checkCounters(espruino);

  const resets = board.chip.count(RESET);
  espruino.type("end()");
  await espruino.wait("CLOSED", LIMIT);
  await sleep(300);
  check("close() has reset the chip", board.chip.count(RESET) === resets + 1, `${board.chip.count(RESET) - resets} resets`);
  heard.length = 0;
  await sleep(500);
  check("the air is empty again", heard.length === 0, `${heard.length} PDUs`);
  clearInterval(timer);
  terminal.close();
  await espruino.end();
}

/** A controller on a unix socket, without firmware. */
async function btvirt() {
  const le = process.env.H4_UNIX ?? (spawnSync("btvirt", ["--version"]).error ? null : (await startAir()).le);
  if (le === null) return console.log("skip the beacon on btvirt: H4_UNIX names no controller, and btvirt is not there");
  await store([["blimp", join(ROOT, "dist/espruino/beacon.min.js")]]);

  const scanner = await RawHost.connect(le);
  await scanner.command(RESET);
  await scanner.command(SET_EVENT_MASK, "ffffffffffffff3f");
  await scanner.command(LE_SET_EVENT_MASK, "ff00000000000000");
  await scanner.command(LE_SET_SCAN_PARAMETERS, "01100010000000");
  /** btvirt reports an advert once for each time that the scanner is enabled. */
  const look = async () => {
    await scanner.command(LE_SET_SCAN_ENABLE, "0100");
    await sleep(100);
    await scanner.command(LE_SET_SCAN_ENABLE, "0000");
    return scanner.events.flatMap(readReports);
  };
  check("nobody else is on the air", (await look()).length === 0);

  const controller = net.connect(le);
  controller.on("error", (error) => (controller.wrong = error.message));
  const junk = [];
  // btvirt wants whole packets.
  const toController = framer((packet) => controller.write(Buffer.from(packet)), (byte) => junk.push(byte));
  const terminal = await openTerminal("btvirt", (bytes) => toController(bytes));
  controller.on("data", framer((packet) => terminal.write(Buffer.from(packet)), (byte) => junk.push(byte)));

  const espruino = new Espruino(program(terminal.path, "null", {}));
  const ready = JSON.parse(await espruino.wait("READY", READY_LIMIT));
  console.log(`   ready ${Math.round(ready.ms)} ms after open(); steps: ${espruino.said("STEP").join(" ")}; rate: ${terminal.rate()}`);
  await until(async () => (await look()).length > 0, LIMIT, () => `the scanner has seen nothing: ${espruino.output}`);
  for (let i = 0; i < 4; i++) await look();
  checkReports("the second host", scanner.events.splice(0).flatMap(readReports), ready.address);
  check("only H4 packets passed", junk.length === 0 && !controller.wrong, controller.wrong ?? junk.join(" "));
  await checkCounters(espruino);
  espruino.type("end()");
  await espruino.wait("CLOSED", LIMIT);
  await sleep(300);
  scanner.events.length = 0;
  check("the air is empty again", (await look()).length === 0);
  terminal.close();
  controller.destroy();
  scanner.close();
  await espruino.end();
}

const wanted = process.argv.slice(2);
await main("the Espruino target under Espruino", async () => {
  if (!process.env.ESPRUINO) throw new Error("ESPRUINO does not name an interpreter");
  if (wanted.length === 0 || wanted.includes("chip")) await chip();
  if (wanted.length === 0 || wanted.includes("btvirt")) await btvirt();
});
