/** What the checks of the Espruino target share: the interpreter, its Storage, a pseudo-terminal, the programs that it runs. */
import { spawn, spawnSync } from "node:child_process";
import { closeSync, constants, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { atEnd, ROOT, until } from "./air.mjs";
import { check, DATA } from "./beacon.mjs";

export const LIMIT = 10_000;
/** Of the way from the start of the interpreter to `onready`: with a download. */
export const READY_LIMIT = 60_000;
/** Small, so that it is typed as it is written. */
export const CODE = 12345;

export const folder = mkdtempSync(join(tmpdir(), "espruino-"));
atEnd(() => rmSync(folder, { recursive: true, force: true }));
/** The file of the board's flash: it outlives the interpreter. */
export const flash = join(folder, "flash");

/** Starts a program whose streams are bytes, and which does not outlive this one. */
export function launch(program, args, options = {}) {
  const child = spawn(program, args, { cwd: folder, stdio: ["pipe", "pipe", "pipe"], ...options });
  atEnd(() => child.kill("SIGKILL"));
  child.on("error", (error) => (child.wrong = error.message));
  child.stdin.on("error", () => {});
  return child;
}

let runs = 0;

/** What Espruino prints, line by line, without what its console puts around it. */
export class Espruino {
  output = "";

  constructor(text) {
    const file = join(folder, `run${++runs}.js`);
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
      // The last one may not be whole.
      .slice(0, -1)
      .map((line) => line.replace(/^>+/, "").trim());
  }

  /** What is behind a word that begins a line; every one of them. */
  said(word) {
    return this.lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  }

  get wrong() {
    return this.child.wrong ?? /.*(?:Uncaught|OUT OF MEMORY|LOW_MEMORY|MEMORY_BUSY|FIFO_FULL|BUFFER_FULL).*/.exec(this.output)?.[0];
  }

  /** Waits for the nth line that begins with a word, and returns the rest of it. */
  async wait(word, limit = LIMIT, n = 1) {
    const ended = () => this.wrong || this.child.exitCode !== null;
    await until(() => this.said(word).length >= n || ended(), limit, () => `Espruino has not said ${word} in ${limit} ms: ${this.output}`);
    if (this.said(word).length < n) throw new Error(`Espruino did not get to ${word}: ${this.wrong ?? ""}\n${this.output}`);
    return this.said(word)[n - 1];
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
export async function store(files, quietly = false) {
  let text = "var s=require('Storage');function put(n,p,l){var f=E.openFile(p,'r'),at=0,d;s.erase(n);while((d=f.read(256))!==undefined&&d.length){s.write(n,d,at,l);at+=d.length}f.close();}\n";
  for (const [name, file] of files) text += `put(${JSON.stringify(name)},${JSON.stringify(file)},${readFileSync(file).length});print("STORED "+s.read(${JSON.stringify(name)}).length);\n`;
  const espruino = new Espruino(`${text}print("END 1");setInterval(function(){},1000);`);
  await espruino.wait("END").catch(() => {});
  await until(() => espruino.said("STORED").length === files.length || espruino.wrong, LIMIT, () => `Storage has not been written: ${espruino.output}`);
  const lengths = espruino.said("STORED").join();
  const right = lengths === files.map(([, file]) => readFileSync(file).length).join();
  if (!quietly || !right) check(`Storage holds ${files.map(([name]) => name).join(", ")}`, right, espruino.wrong ?? lengths);
  await espruino.end();
}

/** The script of a preset. */
export function preset(name) {
  return join(ROOT, `dist/espruino/${name}.min.js`);
}

/** A file of a program's text, for Storage. */
export function written(name, text) {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** A pseudo-terminal for the interpreter, and the bytes at its other end. */
export async function openTerminal(name, ondata) {
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

/** Starts what lies in Storage as "app": as on a board, nothing of it is in memory but its variables. */
export const START = 'eval(require("Storage").read("app"));';

/** What every program begins with: the preset, and functions that tell what happens. */
const COMMON = `
eval(require("Storage").read("blimp"));
function tell(word) { return function (value) { print(word + " " + JSON.stringify(value)); }; }
function trouble(word) { return function (error) { print(word + " " + error.code + " " + error.step + " " + error.detail); }; }
function counters() { print("COUNTERS " + JSON.stringify(bt.counters())); print("VARIABLES " + process.memory().usage + " of " + process.memory().total); }
function end() { bt.close(); setTimeout(function () { print("CLOSED 1"); }, 200); }
setInterval(function () {}, 1000);
`;

/** The options of an instance, as they stand in a program. */
function optionsOf(options) {
  return `${JSON.stringify(options).slice(0, -1)}${Object.keys(options).length ? "," : ""}onready:tell("READY"),onstep:tell("STEP"),onerror:trouble("ERROR"),onwarning:trouble("WARNING")}`;
}

function halOf(path) {
  return `blimp.hal({ serial: Serial1, path: ${JSON.stringify(path)} })`;
}

/** A beacon. `firmware`: what stands in the program for it. */
export function beaconProgram(path, firmware, options) {
  return `${COMMON}
var bt = blimp.open(${halOf(path)}, ${firmware}, ${optionsOf(options)});
bt.startadvertise("${DATA.replace(/../g, "\\x$&")}", 100, 100);
`;
}

/** An observer: each advert that its two rules let through is told. `address`: of whom it hears everything. */
export function observerProgram(path, firmware, options, address) {
  return `${COMMON}
function hex(bytes) { var text = ""; for (var i = 0; i < bytes.length; i++) text += (256 + bytes[i]).toString(16).substr(1); return text; }
var bt = blimp.open(${halOf(path)}, ${firmware}, ${optionsOf(options)});
bt.setscanfilter([{ data: "\\x02\\x01\\x06\\x1a\\xff\\x4c\\x00\\x02\\x15" }, { address: "${address}" }]);
function hear(adverts) {
  for (var i = 0; i < adverts.length; i++) {
    var advert = adverts[i];
    print("ADVERT " + JSON.stringify({ rule: advert.rule, type: advert.type, address: advert.address, addresstype: advert.addresstype, rssi: advert.rssi, data: hex(advert.data) }));
  }
}
bt.startscan(hear);
`;
}

/**
 * A HAL whose clock runs as fast as a board's while it is tried how long a multiplication on P-256 takes: most of a minute there, which this interpreter does not
 * need. So it is pairing as on a board, without Secure Connections and without their half thousand variables. `opening`: a variable of the program.
 */
export const SLOWLY = "function slowly(hal) { var now = hal.timer.now, more = 0; hal.timer.now = function () { if (opening) more += 500; return now() + more; }; return hal; }";

/** The Wi-Fi refresh of the examples, which lies in Storage beside the preset; at level 3 with a code and bonds. */
export function wifiProgram(path, firmware, level, options) {
  const secure = level > 1 ? 'options.store = blimp.store("bonds"); options.onpairing = function (conn, state) { print("PAIRING " + state); };' : "";
  const hal = level > 1 ? `slowly(${halOf(path)})` : halOf(path);
  return `${COMMON}
var opening = true;
${level > 1 ? SLOWLY : ""}
var bt = require("wifi-refresh")({
  open: function (hal, firmware, options) {
    var more = ${optionsOf(options)};
    for (var name in more) options[name] = more[name];
    ${secure}
    return blimp.open(hal, firmware, options);
  }
}, ${hal}, ${firmware}, function (text) { print("SAID " + text); }, function (ssid, password) { print("APPLIED " + JSON.stringify([ssid, password])); });
opening = false;
${level > 1 ? `bt.setsecurity(${level}, ${CODE});` : ""}
`;
}

/** What the instance counts at the end has to be free of trouble; `ignored`: counts that say nothing of it. */
export async function checkCounters(espruino, ignored = /^(received|sent|unknown)$/) {
  espruino.type("counters()");
  const counters = JSON.parse(await espruino.wait("COUNTERS"));
  const trouble = Object.entries(counters).filter(([name, value]) => value && !ignored.test(name));
  check(`nothing lost, nothing repeated (${counters.sent} packets sent, ${counters.received} received)`, trouble.length === 0, JSON.stringify(counters));
  console.log(`   variables in use: ${await espruino.wait("VARIABLES")}`);
  check("no error and no warning", espruino.said("ERROR").length + espruino.said("WARNING").length === 0 && !espruino.wrong, espruino.output);
}
