// The tables of docs/boards.md and of the README: what was counted and measured, for boards that can be bought.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { give, out, root } from "./paths.mjs";

/** Cycles that an instruction takes, an estimate: a Cortex-M4 that runs an interpreter out of fast flash. */
const CYCLES = [1.3, 1.6];

/** Clock, MHz, and whose code was counted: a Cortex-M33 runs that for a Cortex-M4. */
const PARTS = [
  { name: "nRF52840", mhz: 64, core: "m4", flash: 1024, ram: 256 },
  { name: "STM32F411", mhz: 100, core: "m4", flash: 512, ram: 128 },
  { name: "STM32F405, F407", mhz: 168, core: "m4", flash: 1024, ram: 192 },
  { name: "RP2040", mhz: 133, core: "m0plus", flash: 2048, ram: 264 },
  { name: "RP2350", mhz: 150, core: "m4", flash: 4096, ram: 520 },
];

/** How P-256 is computed: an engine and a case of measure.mjs. */
const WAYS = [
  { name: "JerryScript, P-256 in doubles", engine: "jerryscript", scenes: "secure, P-256 without BigInt" },
  { name: "JerryScript, P-256 by BigInt", engine: "jerryscript", scenes: "secure" },
  { name: "JerryScript, AES and P-256 in C", engine: "jerryscript", scenes: "secure, AES and P-256 by the board" },
  { name: "duktape, P-256 in doubles", engine: "duktape", scenes: "secure" },
  { name: "duktape, AES and P-256 in C", engine: "duktape", scenes: "secure, AES and P-256 by the board" },
];

/** Variables of Espruino's firmware, and KB of its Storage, by the board files of release 2v29. */
const ESPRUINO = [
  ["Original Espruino Board", 2756, 20],
  ["Espruino Pico", 5100, 48],
  ["Espruino WiFi", 8190, 64],
  ["STM32F405RG, STM32F4 Discovery", 5450, 256],
  ["Nucleo-F401RE", 5376, 128],
  ["Nucleo-F411RE", 7423, 128],
  ["Puck.js", 2630, 40],
  ["MDBT42Q module", 2950, 40],
  ["BBC micro:bit 2", 6000, 40],
  ["nRF52840 DK", 12500, 40],
  ["Bangle.js 2", 12000, 8192],
  ["Raspberry Pi Pico", 12000, 256],
  ["Raspberry Pi Pico 2", 16000, 3072],
  ["ESP32", 16383, 896],
];

const PRESETS = ["beacon", "observer", "peripheral", "secure", "full"];

/** A chip's firmware as Raspberry Pi's package has it, BCM43430A1.hcd. */
const IMAGE = 30049;

/** Stack, KB, and what else a firmware of one's own has in RAM beside the engine's heap. */
const STACK = 16 + 7;

function load(file, how) {
  if (!existsSync(file)) give(`${file} is not there: ${how}`);
  return JSON.parse(readFileSync(file, "utf8"));
}

function table(head, rows) {
  return [head, head.map((_, i) => (i ? "--:" : "---")), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function digits(value) {
  return value >= 9.95 ? Math.round(value).toString() : value.toPrecision(2);
}

/** Three digits. */
function millions(instructions) {
  return (instructions / 1e6).toLocaleString("en", { maximumSignificantDigits: 3 });
}

/** So many instructions, from least to most, as time on a part. */
function time(least, most, { mhz }) {
  const [from, to] = [(least * CYCLES[0]) / mhz, (most * CYCLES[1]) / mhz];
  const [unit, size] = to < 1e5 ? ["ms", 1e3] : ["s", 1e6];
  return `${digits(from / size)} to ${digits(to / size)} ${unit}`;
}

/** Instructions of the rows of a case, by their names; null where it was not counted. */
function rowsOf(counted, core, engine, name) {
  const rows = counted[core]?.engines[engine]?.cases[name]?.rows;
  return rows ? Object.fromEntries(rows.map((row) => [row.name, row.instructions])) : null;
}

/** A pairing: at least without the next key pair, which is computed behind what is needed; at most with all of it. */
function pairing(rows) {
  const whole = rows["a pairing at level 4"];
  const pair = rows["a key pair ahead of need, the advert on the air"];
  return [rows["what follows"] > pair / 2 ? whole : whole - pair, whole];
}

/** Time of pairing and serving, by parts and engines. */
function times(counted) {
  const head = ["part", "engine", "preset parsed", "key pair, ahead of need", "pairing at level 4", "ATT read", "report rejected"];
  const rows = [];
  for (const part of PARTS) {
    for (const way of WAYS) {
      const scenes = rowsOf(counted, part.core, way.engine, way.scenes);
      const observer = rowsOf(counted, part.core, way.engine, "observer");
      if (!scenes || !observer) continue;
      const one = (instructions) => time(instructions, instructions, part);
      rows.push([
        `${part.name}, ${part.mhz} MHz`,
        way.name,
        one(scenes["parse the script"]),
        one(scenes["a key pair ahead of need, the advert on the air"]),
        time(...pairing(scenes), part),
        one(scenes["one ATT read"]),
        one(observer["one advertising report, rejected by 3 rules"]),
      ]);
    }
  }
  return table(head, rows);
}

/** Time of a pairing alone: a row for each part. */
function pairings(counted) {
  const rows = PARTS.map((part) => [
    `${part.name}, ${part.mhz} MHz`,
    ...WAYS.map(({ engine, scenes }) => {
      const found = rowsOf(counted, part.core, engine, scenes);
      return found ? time(...pairing(found), part) : "";
    }),
  ]);
  return table(["", ...WAYS.map(({ name }) => name)], rows);
}

/** What each operation costs, with both engines. */
function operations({ m4 }) {
  const rows = [];
  const engines = ["duktape", "jerryscript"];
  const wanted = {
    beacon: ["bring-up, from open() to onready", "one event, Command Complete", "advert changed, 1 command"],
    observer: ["one advertising report, rejected by 3 rules", "one advertising report, let through by the third"],
    secure: [
      "a connection",
      "a pairing at level 4",
      "the phone's return: a connection, encrypted",
      "all of the database discovered",
      "one ATT read",
      "one ATT write, a handler called",
      "one notification",
      "idle for a second, all of that done",
    ],
    "secure, AES and P-256 by the board": ["a pairing at level 4"],
    cryptography: [
      "one AES-128 block, key expansion included",
      "one AES-128 block by the board",
      "one P-256 multiplication, of another point",
      "one P-256 multiplication by BigInt, of another point",
      "one P-256 multiplication by the board, of the base point",
    ],
  };
  for (const [name, operations] of Object.entries(wanted)) {
    const found = engines.map((engine) => rowsOf({ m4 }, "m4", engine, name));
    for (const operation of operations) {
      const counts = found.map((one) => (one?.[operation] === undefined ? "" : millions(one[operation])));
      rows.push([name, operation, ...counts]);
    }
  }
  return table(["counted with", "operation", ...engines], rows);
}

/** Variables that a program of some use takes, out of Storage, and Espruino by itself. */
const PROGRAM = 300;

/**
 * Which presets a board's Espruino can hold: variables that are left beside what a preset asks for when it is loaded, and whether the chip's firmware
 * has a place in Storage, too.
 */
function espruino({ scripts }) {
  const needs = PRESETS.map((preset) => {
    const asked = /^begin\((\d+), /m.exec(readFileSync(join(root, `targets/espruino/needs/${preset}.ts`), "utf8"));
    if (!asked) give(`targets/espruino/needs/${preset}.ts does not say what the preset needs`);
    return { bytes: scripts[`espruino/${preset}.min.js`].bytes, variables: Number(asked[1]) };
  });
  const rows = ESPRUINO.map(([name, variables, storage]) => [
    name,
    variables,
    `${storage} KB`,
    ...needs.map((need) => {
      const left = variables - need.variables;
      const space = storage * 1024 - need.bytes;
      return left < PROGRAM || space < 0 ? "" : `${left} left${space < IMAGE ? "*" : ""}`;
    }),
  ]);
  return table(["Espruino's board", "variables", "Storage", ...PRESETS], rows);
}

/** Which presets a firmware of one's own can hold, by engines. */
function firmware({ m4 }) {
  const rows = [];
  for (const [engine, { firmware: image, cases }] of Object.entries(m4.engines)) {
    for (const preset of PRESETS) {
      const found = cases[preset];
      if (!found) continue;
      const { heap, script } = found;
      const [flash, ram] = [(image.flash + script) / 1024, Math.max(heap.parsing, heap.engine + heap.script + heap.instance) / 1024];
      const fits = PARTS.filter((part) => flash + 40 <= part.flash && ram * 1.1 + STACK <= part.ram).map(({ name }) => name);
      rows.push([engine, preset, `${Math.ceil(flash)} KB`, `${Math.ceil(ram)} KB`, fits.join("; ")]);
    }
  }
  return table(["engine", "preset", "flash, engine included", "heap", "parts"], rows);
}

/** Puts tables between the marks of a file. */
function fill(path, tables) {
  const file = join(root, path);
  let text = readFileSync(file, "utf8");
  for (const [name, made] of Object.entries(tables)) {
    const begin = `<!-- npm run mcu -- boards: ${name} -->\n`;
    const [at, end] = [text.indexOf(begin), text.indexOf("<!-- end -->", text.indexOf(begin))];
    if (at < 0 || end < 0) give(`${path} has no place for the table "${name}"`);
    text = `${text.slice(0, at)}${begin}\n${made}\n\n${text.slice(end)}`;
  }
  writeFileSync(file, text);
}

/** Writes the tables of what `measure` and `npm run engines` have left. */
export function writeBoards() {
  const counted = { m4: load(join(out, "mcu.json"), "run measure first") };
  const other = join(out, "mcu-m0plus.json");
  if (existsSync(other)) counted.m0plus = load(other);
  const sizes = load(join(root, "dist/sizes.json"), "run `npm run build` first");
  fill("docs/boards.md", { times: times(counted), operations: operations(counted), firmware: firmware(counted) });
  fill("README.md", { pairings: pairings(counted), espruino: espruino(sizes) });
}
