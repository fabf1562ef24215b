#!/usr/bin/env node
/**
 * beacon-btvirt.mjs: `blimp beacon` on a controller of btvirt, seen by a raw host on another one of the same air. Needs btvirt (Debian:
 * bluez-test-tools) and the built command line; leaves trace and wire in build/interop/btvirt.
 */
import { join } from "node:path";
import { sleep, startAir, until } from "./air.mjs";
import { check, checkEnd, checkReports, checkTrace, main, results, startBeacon } from "./beacon.mjs";
import { RawHost, readReports, startProxy } from "./h4.mjs";

const RESET = 0x0c03;
const SET_EVENT_MASK = 0x0c01;
const LE_SET_EVENT_MASK = 0x2001;
const LE_SET_SCAN_PARAMETERS = 0x200b;
const LE_SET_SCAN_ENABLE = 0x200c;

/** How often the scanner looks again once it has seen something, and after the end; how long each look lasts, ms. */
const LOOKS = 5;
const LOOK = 100;
const SEEN_LIMIT = 10_000;

/** Scans for a moment. btvirt reports an advert once for each time that the scanner is enabled. */
async function look(scanner) {
  await scanner.command(LE_SET_SCAN_ENABLE, "0100");
  await sleep(LOOK);
  await scanner.command(LE_SET_SCAN_ENABLE, "0000");
}

async function looks(scanner) {
  for (let i = 0; i < LOOKS; i++) await look(scanner);
  return scanner.events.splice(0).flatMap(readReports);
}

await main("beacon on btvirt", async () => {
  const folder = results("btvirt");
  const trace = join(folder, "beacon.btsnoop");
  const air = await startAir();
  const socket = join(air.folder, "beacon.sock");
  const proxy = await startProxy(socket, air.le, join(folder, "wire.btsnoop"));

  const scanner = await RawHost.connect(air.le);
  await scanner.command(RESET);
  await scanner.command(SET_EVENT_MASK, "ffffffffffffff3f");
  await scanner.command(LE_SET_EVENT_MASK, "ff00000000000000");
  // Active, so that a scan response would show as well.
  await scanner.command(LE_SET_SCAN_PARAMETERS, "01100010000000");
  check("nobody else is on the air", (await looks(scanner)).length === 0);

  const beacon = await startBeacon(socket, trace);
  await until(
    async () => {
      await look(scanner);
      return scanner.events.some((packet) => readReports(packet).length > 0);
    },
    SEEN_LIMIT,
    () => `the scanner has seen nothing in ${SEEN_LIMIT} ms`,
  );
  checkReports("the scanner", await looks(scanner), beacon.address);

  await checkEnd(beacon, proxy);
  scanner.events.length = 0;
  const rest = await looks(scanner);
  check("the air is empty again", rest.length === 0, JSON.stringify(rest));
  proxy.close();
  checkTrace(trace, proxy);
});
