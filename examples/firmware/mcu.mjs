#!/usr/bin/env node
// The stack on an emulated microcontroller. See README.md beside it.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildImage } from "./tools/image.mjs";
import { boot, joinScripts } from "./tools/machine.mjs";
import { measure, table } from "./tools/measure.mjs";
import { joinChip, joinSocket } from "./tools/partner.mjs";
import { give, out, root } from "./tools/paths.mjs";

const USAGE = `npm run mcu [-- COMMAND]
  (none)          measure, then chip
  measure         count what the stack costs; a table, and ${join("build", "mcu", "mcu.json")}
  chip            run the beacon against the virtual controller until its advert is heard
  btvirt SOCKET   run the beacon against the controller on a Unix socket [--seconds 60]`;

/** The advert of app-beacon.js. */
const IBEACON = "0201061aff4c0002159277830ab2eb490fa1dd7fe38c492ede00010002c5";

/** An instruction takes 8 ns: a part of 150 MHz with flash in the way. Against a live partner its time has to be plausible. */
const LIVE = "shift=3";

const PRESET = "beacon";

async function count(image) {
  const result = await measure(image, PRESET);
  const file = join(out, "mcu.json");
  writeFileSync(file, JSON.stringify(result, null, 2) + "\n");
  console.log(table(result));
}

/** Runs the beacon on `socket`; resolves when the board has ended, been stopped, or had its time. */
function beacon(image, socket, limit) {
  return boot({
    image: image.file,
    scripts: joinScripts(PRESET, "app-beacon"),
    icount: LIVE,
    socket,
    limit,
    onLine: (line) => console.log(`| ${line}`),
  });
}

async function chip(image) {
  let done = false;
  const socket = await joinChip((pdu) => {
    if (Buffer.from(pdu.data).toString("hex") === IBEACON) {
      done = true;
      machine.stop();
    }
  });
  const machine = beacon(image, socket, 60);
  const { errors } = await machine.ended;
  if (!done) give(`the virtual chip's air has not heard the beacon\n${errors}`);
  console.log("the beacon was heard on the virtual chip's air");
}

async function btvirt(image, target, seconds) {
  let lost = "";
  let ready = false;
  const socket = await joinSocket(target, (reason) => {
    lost = reason;
    machine?.stop();
  });
  const machine = boot({ image: image.file, scripts: joinScripts(PRESET, "app-beacon"), icount: LIVE, socket, limit: seconds, onLine });
  function onLine(line) {
    console.log(`| ${line}`);
    ready ||= line.startsWith("ready ");
  }
  const { late, errors } = await machine.ended;
  if (!late || !ready) give(`the beacon did not run: ${lost || errors || "not ready in time"}`);
  console.log(`ended after ${seconds} s`);
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { seconds: { type: "string", default: "60" } } });
const [command = "all", socket] = positionals;
const seconds = Number(values.seconds);
if (!["all", "measure", "chip", "btvirt"].includes(command) || (command === "btvirt") !== (socket !== undefined) || !(seconds > 0)) {
  console.error(USAGE);
  process.exit(2);
}
if (!existsSync(join(root, "dist", "bare", `${PRESET}.min.js`))) give("there is no dist; run `npm run build` first");
const image = buildImage();
if (command === "all" || command === "measure") await count(image);
if (command === "all" || command === "chip") await chip(image);
if (command === "btvirt") await btvirt(image, socket, seconds);
process.exit(0);
