/** A scanner over the built library, and what has to be true of what it hears whoever advertises. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT, sleep, until } from "./air.mjs";
import { check } from "./beacon.mjs";
import { SnoopFile } from "./h4.mjs";

export const TYPES = { ADV_IND: 0, ADV_SCAN_IND: 2, ADV_NONCONN_IND: 3, SCAN_RSP: 4 };

/** The iBeacon of the guide. */
export const IBEACON = "0201061aff4c0002159277830ab2eb490fa1dd7fe38c492ede00010002c5";

/** btvirt knows of no signal. */
const RSSI_UNKNOWN = 127;

const READY_LIMIT = 20_000;
const SEEN_LIMIT = 10_000;
/** How long each look lasts, and the pause behind it, ms. */
const LOOK = 100;
const PAUSE = 30;

export function bytes(digits) {
  return new Uint8Array(Buffer.from(digits, "hex"));
}

/** An advert as it is compared: everything but its time. */
function plain({ type, rssi = RSSI_UNKNOWN, address, addresstype, data, rule }) {
  return { type, rssi, address, addresstype, data: typeof data === "string" ? data : Buffer.from(data).toString("hex"), rule };
}

/** The kinds of advert among some, each once. */
function kinds(adverts) {
  return [...new Set(adverts.map((advert) => JSON.stringify(plain(advert))))].sort();
}

export class Scanner {
  /** What the callback has been given, oldest first. */
  adverts = [];
  errors = [];

  /** Opens the stack on a controller's socket, and waits until it is ready; `trace`: a btsnoop file of all that passes. */
  static async start(socket, trace) {
    const library = process.env.LIBRARY ?? join(ROOT, "dist/node/esm/blimp.js");
    if (!existsSync(library)) throw new Error(`${library} is not there: npm run build`);
    const { createNodeHal, open } = await import(pathToFileURL(library).href);
    const scanner = new Scanner();
    let ready = false;
    scanner.bt = open(createNodeHal(`unix:${socket}`), null, {
      onready: () => (ready = true),
      onerror: (error) => scanner.errors.push(error.message),
      onwarning: (warning) => scanner.errors.push(warning.message),
    });
    const file = new SnoopFile(trace);
    scanner.bt.trace((sent, packet, at, length) => file.add(sent, Buffer.from(packet.subarray(at, at + length))));
    await until(
      () => ready || scanner.errors.length > 0,
      READY_LIMIT,
      () => `the scanner is not ready after ${READY_LIMIT} ms`,
    );
    check(`the scanner is ready, as ${scanner.bt.address()}`, ready, scanner.errors.join(", "));
    return scanner;
  }

  /** Scans for a moment: btvirt reports an advert once for each time that a scanner is enabled. */
  async look() {
    this.bt.startscan((adverts) => this.adverts.push(...adverts));
    await sleep(LOOK);
    this.bt.stopscan();
    await sleep(PAUSE);
  }

  async looks(count) {
    this.adverts = [];
    for (let i = 0; i < count; i++) await this.look();
    return this.adverts.map(plain);
  }

  /** Looks until each of these kinds of advert has been heard, and checks that there was nothing else. */
  async hears(name, expected) {
    const wanted = kinds(expected);
    this.adverts = [];
    await until(
      async () => {
        await this.look();
        const heard = kinds(this.adverts);
        return wanted.every((kind) => heard.includes(kind));
      },
      SEEN_LIMIT,
      () => `${name}: wanted\n${wanted.join("\n")}\nand heard\n${kinds(this.adverts).join("\n")}`,
    );
    for (let i = 0; i < 3; i++) await this.look();
    this.heard(name, expected);
  }

  /** Checks that these kinds of advert have been heard, and no other. */
  heard(name, expected) {
    const found = kinds(this.adverts).join("\n");
    check(`${name} (${this.adverts.length} adverts, rules ${expected.map(({ rule }) => rule).join(" ")})`, found === kinds(expected).join("\n"), `\n${found}`);
  }

  /** Ends it, and looks at what it has counted. */
  async end() {
    const { received, malformed, unknown, resyncs, overruns, dropped, restarts, exceptions, timeouts, adverts } = this.bt.counters();
    check("the scanner has reported no error", this.errors.length === 0, this.errors.join(", "));
    check(
      `it has lost nothing of ${received} packets`,
      received > 0 && malformed + unknown + resyncs + overruns + dropped + restarts + exceptions + timeouts + adverts === 0,
      JSON.stringify(this.bt.counters()),
    );
    this.bt.startscan((more) => this.adverts.push(...more));
    this.bt.close();
    this.adverts = [];
    await sleep(300);
    check("it hears nothing after close()", this.adverts.length === 0, JSON.stringify(this.adverts.map(plain)));
  }
}
