#!/usr/bin/env node
/**
 * beacon-btvirt.mjs: `blimp beacon` on a controller of btvirt, seen by a raw host on another one of the same air. Needs btvirt (Debian:
 * bluez-test-tools) and the built command line; leaves trace and wire in build/interop/btvirt.
 */
import { join } from "node:path";
import { startAir, until } from "./air.mjs";
import { check, checkEnd, checkReports, checkTrace, main, results, startBeacon } from "./beacon.mjs";
import { readReports, startProxy } from "./h4.mjs";
import { attachScanner, look, looks } from "./scanner.mjs";

const SEEN_LIMIT = 10_000;

await main("beacon on btvirt", async () => {
  const folder = results("btvirt");
  const trace = join(folder, "beacon.btsnoop");
  const air = await startAir();
  const socket = join(air.folder, "beacon.sock");
  const proxy = await startProxy(socket, air.le, join(folder, "wire.btsnoop"));

  const scanner = await attachScanner(air.le);
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
