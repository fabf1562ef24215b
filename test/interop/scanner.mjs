/** A raw host that scans: what hears a beacon of ours on another controller of the same air. */
import { sleep } from "./air.mjs";
import { RawHost, readReports } from "./h4.mjs";

const RESET = 0x0c03;
const SET_EVENT_MASK = 0x0c01;
const LE_SET_EVENT_MASK = 0x2001;
const LE_SET_SCAN_PARAMETERS = 0x200b;
const LE_SET_SCAN_ENABLE = 0x200c;

/** How often it looks again once it has seen something, and after the end; how long each look lasts, ms. */
const LOOKS = 5;
const LOOK = 100;

/** Attaches one to a controller's socket. It scans actively, so that a scan response would show as well. */
export async function attachScanner(socket) {
  const scanner = await RawHost.connect(socket);
  await scanner.command(RESET);
  await scanner.command(SET_EVENT_MASK, "ffffffffffffff3f");
  await scanner.command(LE_SET_EVENT_MASK, "ff00000000000000");
  await scanner.command(LE_SET_SCAN_PARAMETERS, "01100010000000");
  return scanner;
}

/** Scans for a moment. btvirt reports an advert once for each time that the scanner is enabled. */
export async function look(scanner) {
  await scanner.command(LE_SET_SCAN_ENABLE, "0100");
  await sleep(LOOK);
  await scanner.command(LE_SET_SCAN_ENABLE, "0000");
}

/** Scans some times more and returns the reports of all. */
export async function looks(scanner) {
  for (let i = 0; i < LOOKS; i++) await look(scanner);
  return scanner.events.splice(0).flatMap(readReports);
}
