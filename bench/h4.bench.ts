/**
 * Received H4 events: heap and time per event through the public `open` over a HAL without hardware, beside another host in the same loop on
 * the same bytes; and the firmware download in virtual time. `node --expose-gc h4.bench.mjs [--json FILE]`
 */
import { open } from "../targets/jerryscript/beacon.js";
import { downloads, firmware } from "./download.js";
import { heapOf, save, speedOf, table, whole, type Heap, type Speed, type Work } from "./measure.js";
import { NullBoard } from "./null.js";
import { bleHost, type Feed } from "./peer.js";

const EVENTS = 1_000_000;

function bytes(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

/** No operation (opcode 0): the Command Complete that a controller may send at any time. */
const COMPLETE = bytes("04 0e 03 01 0000");
const VENDOR = bytes("04 ff 04 1b030002");
/** LE Advertising Report of 31 bytes of data; no one here scans. */
const REPORT = bytes("04 3e 2b 02 01 03 00 563412eeffc0 1f 0201061aff4c0002159277830ab2eb490fa1dd7fe38c492ede00010002c500 c4");
const MIXED = [COMPLETE, REPORT, VENDOR, REPORT];

/** Sizes of the chunks that a busy UART hands over: they split headers, join packets, and have no common factor with any of them. */
const SIZES = [1, 2, 3, 5, 7, 61, 1, 17, 127, 11, 4, 31];

interface Case {
  readonly name: string;
  /** What is handed over, in turn; it holds `events` events. */
  readonly chunks: Uint8Array[];
  readonly events: number;
  /** Whether each chunk is a whole packet. */
  readonly framed: boolean;
}

/** `stream`, cut at odd places: as often as it takes for a cut to fall on its end. */
function cut(packets: Uint8Array[]): Case {
  const stream = Buffer.concat(packets);
  const chunks: Uint8Array[] = [];
  let at = 0;
  let size = 0;
  do {
    const length = SIZES[chunks.length % SIZES.length];
    const chunk = Buffer.alloc(length);
    for (let i = 0; i < length; i++) chunk[i] = stream[(at + i) % stream.length];
    chunks.push(chunk);
    at = (at + length) % stream.length;
    size += length;
  } while (at !== 0 || chunks.length % SIZES.length !== 0);
  return { name: "mixed, cut anywhere", chunks, events: (size / stream.length) * packets.length, framed: false };
}

const CASES: Case[] = [
  { name: "command complete", chunks: [COMPLETE], events: 1, framed: true },
  { name: "vendor event", chunks: [VENDOR], events: 1, framed: true },
  { name: "advertising report", chunks: [REPORT], events: 1, framed: true },
  { name: "mixed", chunks: MIXED, events: MIXED.length, framed: true },
  cut(MIXED),
];

/** The loop that all are measured in. Its count is in events, made up to whole turns of the chunks, so that it ends where a packet ends. */
function loop(feed: Feed, { chunks, events }: Case): Work {
  return (count) => {
    const calls = Math.ceil(count / events) * chunks.length;
    let next = 0;
    for (let i = 0; i < calls; i++) {
      feed(chunks[next]);
      if (++next === chunks.length) next = 0;
    }
  };
}

/** An instance with an advert on the air, and nothing to do but to receive. */
function blimp(): { feed: Feed; received: () => number; check: () => void } {
  const board = new NullBoard();
  let ready = false;
  const bt = open(board.hal, null, {
    onready: () => {
      ready = true;
    },
    onerror: (error) => {
      throw error;
    },
  });
  bt.startadvertise(REPORT.subarray(14, 44), 100, 100);
  board.clock.until(() => ready, 10_000);
  if (!ready) throw new Error("not ready");
  board.quiet = true;
  return {
    feed: (packet) => board.receive(packet),
    received: () => bt.counters().received,
    check: () => {
      const { overruns, dropped, resyncs, malformed } = bt.counters();
      if (overruns || dropped || resyncs || malformed || board.written) throw new Error(`events were lost: ${JSON.stringify(bt.counters())}`);
    },
  };
}

interface Row {
  readonly host: string;
  readonly events: string;
  readonly speed: Speed;
  readonly heap: Heap;
  /** Times as many events a second as the other host; without the cost of the loop. */
  ratio?: number;
  net?: number;
}

function measure(): { rows: Row[]; other: string | null } {
  const mine = blimp();
  const other = bleHost();
  let seen = 0;
  const empty: Feed = (packet) => {
    seen += packet.length;
  };
  const rows: Row[] = [];
  for (const given of CASES) {
    const hosts: [string, Feed][] = [["empty loop", empty], ["blimp", mine.feed]];
    if (other) hosts.push(given.framed ? [other.name, other.packets] : [`${other.name} and a framer`, other.bytes]);
    const count = Math.ceil(EVENTS / given.events) * given.events;
    const works = hosts.map(([, feed]) => loop(feed, given));
    const before = mine.received();
    works[1](given.events);
    if (mine.received() - before !== given.events) throw new Error(`${given.name}: ${mine.received() - before} of ${given.events} events arrived`);
    const speeds = speedOf(works, count);
    const own = hosts.map(([host], i): Row => ({ host, events: given.name, speed: speeds[i], heap: heapOf(works[i], count) }));
    if (own[2]) {
      const [idle, one, two] = own.map(({ speed }) => 1 / speed.persecond);
      own[1].ratio = two / one;
      own[1].net = (two - idle) / (one - idle);
    }
    rows.push(...own);
    mine.check();
  }
  if (!seen) throw new Error("the empty loop did not run");
  return { rows, other: other && other.name };
}

const { rows, other } = measure();
console.log(`\nReceived events, ${whole(EVENTS)} at a time, best of ${rows[0].speed.rounds.length} rounds; heap in bytes. Node ${process.version}\n`);
table(
  ["events", "host", "events/s", "ns each", "allocated", "an event", "retained", "times as fast", "without the loop"],
  rows.map(({ events, host, speed, heap, ratio, net }) => [
    events,
    host,
    whole(speed.persecond),
    (1e9 / speed.persecond).toFixed(1),
    whole(heap.allocated),
    (heap.allocated / heap.count).toFixed(2),
    whole(heap.retained),
    ratio?.toFixed(2) ?? "",
    net?.toFixed(2) ?? "",
  ]),
);
if (!other) console.log("\nnpm package ble-host is not installed: nothing to compare with");

const { name, image } = firmware();
const times = downloads(image);
console.log(`\nFirmware download, ${name}, ${whole(image.length)} bytes, virtual time in ms; goal: within 1 % of the bound\n`);
table(
  ["bit/s", "took", "bound", "over it", "rest of the way to ready"],
  times.map(({ baud, ms, bound, rest }) => [whole(baud), ms.toFixed(1), bound.toFixed(1), `${((ms / bound - 1) * 100).toFixed(2).replace(/^-(0\.00)$/, "$1")} %`, rest.toFixed(1)]),
);

save("h4", { events: rows, downloads: { image: name, times } });
