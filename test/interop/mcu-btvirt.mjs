#!/usr/bin/env node
/**
 * mcu-btvirt.mjs: the beacon of the emulated Cortex-M4 (examples/firmware) on a controller of btvirt, seen by a raw host on another one of the
 * same air. Needs btvirt, and what `npm run mcu` needs.
 */
import { join } from "node:path";
import { ROOT, start, startAir, until } from "./air.mjs";
import { check, checkReports, main } from "./beacon.mjs";
import { attachScanner, looks } from "./scanner.mjs";

/** It boots, and the emulation is slow where the machine is busy, ms. */
const READY_LIMIT = 60_000;

await main("emulated Cortex-M4 on btvirt", async () => {
  const air = await startAir();
  // Attached first: the program takes the first controller, the scanner the second.
  const mcu = start(process.execPath, [join(ROOT, "examples/firmware/mcu.mjs"), "btvirt", air.le, "--seconds", "90"]);
  let said = "";
  mcu.stdout.on("data", (text) => (said += text));
  await until(() => said.includes("| advertising"), READY_LIMIT, () => `the board has not said that it advertises: ${said}`);
  const address = /address ([0-9a-f]{12})/.exec(said)?.[1];
  check("the board says its address", address !== undefined, said);

  const scanner = await attachScanner(air.le);
  checkReports("the scanner", await looks(scanner), address);
});
