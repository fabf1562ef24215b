/** What the checks of the central role and the GATT client share: the device under test, and what it has asked of a peer, as it went over the wire. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT, sleep, until } from "./air.mjs";
import { check } from "./beacon.mjs";
import { framesOf, MTU } from "./gatt.mjs";
import { readSnoop, SnoopFile } from "./h4.mjs";

const ATT = 4;
/** ATT opcodes that want an answer, but for the confirmation of an indication; the rest are answers, commands and what is told. */
const REQUESTS = [0x02, 0x04, 0x06, 0x08, 0x0a, 0x0c, 0x0e, 0x10, 0x12, 0x16, 0x18, 0x20];
/** How long a look for adverts lasts, and the pause behind it, ms: btvirt reports an advert once for each time that a scanner is enabled. */
const LOOK = 100;
const PAUSE = 30;

export function hex(value) {
  return value === undefined || value === null ? "nothing" : Buffer.from(value).toString("hex");
}

/** So many bytes, no two neighbours alike. */
export function bytes(count, seed) {
  return Buffer.from(Array.from({ length: count }, (_, i) => (seed + i * 7 + (i >> 8)) & 255));
}

export function equal(name, found, expected) {
  check(name, hex(found) === hex(expected), `\n${hex(found)}\nand not\n${hex(expected)}`);
}

/** What `discover` has given, as lines like those of gatt.mjs' TABLE; what is only there to be included is "secondary". */
export function written(services) {
  const lines = [];
  for (const { uuid, handle, end, primary, includes, chars } of services) {
    lines.push(`${primary ? "service" : "secondary"} ${handle}-${end} ${uuid}`);
    for (const included of includes) lines.push(`  include ${included}`);
    for (const one of chars) {
      lines.push(`  char ${one.handle} ${Buffer.of(one.flags).toString("hex")} ${one.uuid}`);
      for (const descriptor of one.descriptors) lines.push(`    descriptor ${descriptor.handle} ${descriptor.uuid}`);
    }
  }
  return lines.join("\n");
}

/** The library as a central, in this process. */
export class Central {
  errors = [];

  /** Opens it on a controller's socket; `proxy`: what joins it with its controller; `trace`: a btsnoop file of all that passes. */
  static async start(socket, proxy, trace, options = {}) {
    const library = process.env.LIBRARY ?? join(ROOT, "dist/node/esm/blimp.js");
    if (!existsSync(library)) throw new Error(`${library} is not there: npm run build`);
    const { createNodeHal, open } = await import(pathToFileURL(library).href);
    const central = new Central();
    let ready = false;
    central.proxy = proxy;
    central.file = new SnoopFile(trace);
    central.bt = open(createNodeHal(`unix:${socket}`), null, {
      mtu: MTU,
      onready: () => (ready = true),
      onerror: (error) => central.errors.push(error.message),
      onwarning: (warning) => central.errors.push(warning.message),
      ...options,
    });
    // With keys, so that it can be compared with what passed.
    central.bt.trace((sent, packet, at, length) => central.file.add(sent, Buffer.from(packet.subarray(at, at + length))), true);
    await until(
      () => ready || central.errors.length > 0,
      20_000,
      () => "the central is not ready after 20 s",
    );
    check(`the central is ready, as ${central.bt.address()}`, ready, central.errors.join(", "));
    central.bt.setsecurity(1);
    return central;
  }

  /** Scans until it hears an advert that `matches`. */
  async finds(matches, limit) {
    for (const ending = Date.now() + limit; Date.now() < ending; ) {
      let found = null;
      this.bt.startscan((adverts) => (found ??= adverts.find(matches)));
      await sleep(LOOK);
      this.bt.stopscan();
      await sleep(PAUSE);
      if (found) return found;
    }
    throw new Error(`no such advert in ${limit} ms`);
  }

  /** Connects; the promise fails with the error that the callback is given. The callback has to be called once. */
  connect(address, addresstype = 0, limit) {
    let calls = 0;
    return new Promise((resolve, reject) => {
      this.bt.connect(
        address,
        addresstype,
        (error, connection) => {
          if (++calls > 1) this.errors.push(`the callback of connect(${address}) has been called ${calls} times`);
          if (error) reject(error);
          else resolve(connection);
        },
        limit,
      );
    });
  }

  /** What `connect` fails with. */
  async fails(address, addresstype, limit) {
    try {
      (await this.connect(address, addresstype, limit)).close();
      return "nothing";
    } catch (error) {
      return error.code ?? error.message;
    }
  }

  /** How many ATT requests it has sent so far. */
  requests() {
    return this.asked().length;
  }

  /** The ATT requests that it has sent, hex digits. */
  asked() {
    return framesOf(this.proxy.packets, ATT)
      .filter(({ sent, bytes }) => sent && REQUESTS.includes(parseInt(bytes.slice(0, 2), 16)))
      .map(({ bytes }) => bytes);
  }

  /** Closes the stack, and looks at what it has counted; `expected`: what is not 0. */
  async end(expected = {}) {
    const { received, sent, ...rest } = this.bt.counters();
    const found = Object.fromEntries(Object.entries(rest).filter(([, count]) => count));
    check(`of ${received} packets received and ${sent} sent it has lost nothing`, received > 0 && JSON.stringify(found) === JSON.stringify(expected), JSON.stringify(found));
    this.bt.close();
    await sleep(300);
    check("it has reported no error", this.errors.length === 0, this.errors.join("\n"));
    this.file.close();
  }
}

/** Asks a connection for something whose callback gets an error first; where it gets more than one value they come as a list. */
export function ask(call, name = "the connection") {
  return new Promise((resolve, reject) => {
    let calls = 0;
    const timer = setTimeout(() => reject(new Error(`${name}: no answer`)), 10_000);
    call((error, ...values) => {
      clearTimeout(timer);
      if (++calls > 1) throw new Error(`${name}: the callback is called again`);
      if (error) reject(error);
      else resolve(values.length > 1 ? values : values[0]);
    });
  });
}

/** The error that something ends with: its code, and its detail. */
export async function failing(call) {
  try {
    await ask(call);
    return "nothing";
  } catch (error) {
    return error.code ? `${error.code} ${error.detail}` : error.message;
  }
}

/** Copies a btsnoop file without those ATT PDUs, each in one packet, that `odd(sent, hex digits)` says other programs misread though they are right. */
export function without(odd, from, to) {
  const file = new SnoopFile(to);
  for (const { flags, bytes } of readSnoop(from).records) {
    const sent = (flags & 1) === 0;
    const begins = bytes[0] === 2 && (bytes[2] & 0x30) !== 0x10 && bytes.readUInt16LE(7) === ATT;
    if (!begins || !odd(sent, bytes.subarray(9).toString("hex"))) file.add(sent, bytes);
  }
  file.close();
}
