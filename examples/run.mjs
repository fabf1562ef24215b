#!/usr/bin/env node
/**
 * Runs an example on Node:
 *
 *   node examples/run.mjs NAME [--h4 TRANSPORT] [--firmware FILE] [--flow] [--duration S] [--fast]
 *
 * TRANSPORT: `mock` (default: a virtual CYW43438, and near by a second one on which the example's counterpart runs, or a phone that connects),
 * `serial:DEVICE[@BAUD]`, `unix:PATH`, `tcp:HOST:PORT`. FILE: the chip's firmware; without it none is downloaded. --flow: a serial line's RTS and CTS are wired.
 * --fast: virtual time does not wait for the clock on the wall. It ends after S seconds, or with Ctrl-C.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import * as blimp from "../dist/node/esm/blimp.js";
import { createBoard, makeImage } from "../dist/node/esm/mock.js";
import { callPhone } from "./phone.mjs";

/** What the phone does with those that show how a code is chosen. */
const LAMP = [
  ["write", "F0A1B2C300014D5E8F900123456789AB", "*"],
  ["read", "F0A1B2C300014D5E8F900123456789AB"],
];

/** Each example, and what runs on the other board, or what a phone does. */
const COUNTERPARTS = {
  ibeacon: "ibeacon-scanner",
  "ibeacon-scanner": "ibeacon",
  beacon: "rule-dispatch",
  "rule-dispatch": "beacon",
  "live-scan-response": "growing-filter",
  "growing-filter": "live-scan-response",
  "wifi-refresh": [
    ["write", "5EBA195632D347C681A6A7E59F18DAC0", "Blimp Hangar"],
    ["write", "ED694AB947564528AA3A799A4FD11117", "lighter than air"],
    ["write", "F299C3428A8A4544AC4208C841737B1B", ""],
  ],
  "device-information": [
    ["read", "2A29"],
    ["read", "2A25"],
    ["read", "2A24"],
    ["read", "2A23"],
    ["read", "2A26"],
  ],
  blinkup: [
    ["write", "F299C3428A8A4544AC4208C841737B1B", ""],
    ["read", "57A9ED95ADD54913849457759B79A46C"],
    ["write", "BD107D3E48784F6DAF3DDA3B234FF584", "0123456789-0123456789-0123456789-0123"],
    ["write", "A90AB0DC7B5C439A9AB52107E0BD816E", "a plan"],
    ["write", "5EBA195632D347C681A6A7E59F18DAC0", "Blimp Hangar"],
    ["write", "ED694AB947564528AA3A799A4FD11117", "lighter than air"],
    ["write", "F299C3428A8A4544AC4208C841737B1B", ""],
  ],
  battery: [
    ["read", "2A19"],
    ["subscribe", "2A19"],
    ["wait", 5000],
  ],
  trace: "growing-filter",
  "code-fixed": LAMP,
  "code-per-device": LAMP,
  "code-per-session": LAMP,
  "code-rotating": LAMP,
};

const require = createRequire(import.meta.url);

function fail(text) {
  console.error(`run.mjs: ${text}`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        h4: { type: "string", default: "mock" },
        firmware: { type: "string" },
        flow: { type: "boolean" },
        duration: { type: "string" },
        fast: { type: "boolean" },
      },
    });
  } catch (error) {
    return fail(error.message);
  }
}

const { positionals, values } = readArguments();
const [name] = positionals;
if (positionals.length !== 1 || !Object.hasOwn(COUNTERPARTS, name)) fail(`NAME is one of ${Object.keys(COUNTERPARTS).join(", ")}`);
const seconds = values.duration === undefined ? null : Number(values.duration);
if (seconds !== null && !(seconds > 0)) fail(`--duration ${values.duration}: seconds, more than 0`);
if (values.firmware !== undefined && !existsSync(values.firmware)) fail(`--firmware ${values.firmware}: there is no such file`);

function load(example) {
  return require(`./${example}.js`);
}

function createHal() {
  try {
    return blimp.createNodeHal(values.h4, { flow: values.flow, fast: values.fast });
  } catch (error) {
    return fail(error.message);
  }
}

const hal = createHal();
const instances = [];
const mock = hal.board ? makeImage() : null;
const firmware = values.firmware === undefined ? mock : readFileSync(values.firmware);

if (hal.board) {
  const counterpart = COUNTERPARTS[name];
  const who = Array.isArray(counterpart) ? "phone" : counterpart;
  const said = (text) => console.log(`    ${who}: ${text}`);
  if (Array.isArray(counterpart)) callPhone(hal.board.air, counterpart, () => instances.at(-1).getsecuritycode(), said);
  else instances.push(load(counterpart)(blimp, createBoard({ air: hal.board.air }).hal, mock, said));
}
instances.push(load(name)(blimp, hal, firmware, console.log));

function end() {
  for (const instance of instances.reverse()) instance.close();
  instances.length = 0;
}

// The clock of the board, which may be a virtual one.
if (seconds !== null) hal.timer.set(seconds * 1000, end);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, end);
