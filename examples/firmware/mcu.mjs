#!/usr/bin/env node
// The stack on an emulated microcontroller. README.md beside it says what is what.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildImage } from "./tools/image.mjs";
import { boot, joinScripts, presetFile } from "./tools/machine.mjs";
import { imageTable, measure, presetTable } from "./tools/measure.mjs";
import { joinChip, joinSocket } from "./tools/partner.mjs";
import { give, out } from "./tools/paths.mjs";

const USAGE = `npm run mcu [-- COMMAND]
  (none)          measure, then chip
  measure         count what the stack costs: a table, and build/mcu/mcu.json
  chip            run the beacon against the virtual controller until its advert is heard
  btvirt SOCKET   run the beacon against the controller on a Unix socket, for --seconds 60`;

/** Each has a script in measure/. */
const PRESETS = ["beacon"];

/** The advert of app-beacon.js. */
const IBEACON = "0201061aff4c0002159277830ab2eb490fa1dd7fe38c492ede00010002c5";

/** With a live partner an instruction takes 8 ns, so that time limits mean something: a part of 150 MHz with flash in its way. */
const LIVE = "shift=3";

async function count(image) {
  const presets = {};
  console.log(imageTable(image));
  for (const preset of PRESETS) {
    presets[preset] = await measure(image, preset);
    console.log(presetTable(preset, presets[preset]));
  }
  const { flash, ram } = image;
  writeFileSync(join(out, "mcu.json"), JSON.stringify({ firmware: { flash, ram }, presets }, null, 2) + "\n");
}

function beacon(image, socket, limit, onLine = () => {}) {
  const show = (line) => {
    console.log(`| ${line}`);
    onLine(line);
  };
  return boot({ image, scripts: joinScripts("beacon", ["app-beacon"]), icount: LIVE, socket, limit, onLine: show });
}

async function chip(image) {
  const socket = await joinChip((pdu) => {
    if (Buffer.from(pdu.data).toString("hex") !== IBEACON) return;
    heard = true;
    machine.stop();
  });
  let heard = false;
  const machine = beacon(image, socket, 60);
  const { errors } = await machine.ended;
  if (!heard) give(`the beacon was not heard\n${errors}`);
  console.log("the beacon was heard on the virtual controller's air");
}

async function btvirt(image, target, seconds) {
  let ready = false;
  let lost = "";
  const socket = await joinSocket(target, (reason) => {
    lost ||= reason;
    machine.stop();
  });
  const machine = beacon(image, socket, seconds, (line) => (ready ||= line.startsWith("ready ")));
  const { late, errors } = await machine.ended;
  if (!late || !ready) give(`the beacon has not run for ${seconds} s: ${lost || errors || "it was not ready"}`);
  console.log(`ended after ${seconds} s`);
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { seconds: { type: "string", default: "60" } } });
const [command = "all", target] = positionals;
const seconds = Number(values.seconds);
if (!["all", "measure", "chip", "btvirt"].includes(command) || (command === "btvirt") !== (target !== undefined) || !(seconds > 0)) {
  console.error(USAGE);
  process.exit(2);
}
if (!PRESETS.every((preset) => existsSync(presetFile(preset)))) give("there is nothing in dist/bare: run `npm run build` first");
const image = buildImage();
if (command === "all" || command === "measure") await count(image);
if (command === "all" || command === "chip") await chip(image);
if (command === "btvirt") await btvirt(image, target, seconds);
process.exit(0);
