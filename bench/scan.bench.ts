/**
 * Advertising reports: time and heap per report, let through and not, through the public `open` over a HAL without hardware, beside another host's
 * scanner in the same loop on the same bytes. Each filter is measured in a process of its own, with one instance of each host in it, as a program has
 * it: where there are several, V8 keeps one compiled function for all of them, which takes twice as long. `node --expose-gc scan.bench.mjs [--json FILE]`
 */
import { spawnSync } from "node:child_process";
import { Session } from "node:inspector";
import type { ScanRule } from "../core/gap/rules.js";
import { open } from "../targets/jerryscript/observer.js";
import { heapOf, save, speedOf, table, whole, type Heap, type Speed, type Work } from "./measure.js";
import { NullBoard } from "./null.js";
import { bleHost, type Feed } from "./peer.js";

/** Reports of a round; reports in which heap is counted, for ours, and for the other host, which takes longer. */
const REPORTS = 200_000;
const HEAP = 1_000_000;
const HEAP_OTHER = 100_000;
/** Reports whose allocations are counted one by one. */
const COUNTED = 2000;
const GOAL = 10;
/** The argument with which a process is told what to measure, and how long it may take, ms. */
const CASE = "--case";
const LIMIT = 120_000;

/** An event with one report: ADV_NONCONN_IND from a public address. */
function reportOf(address: string, data: string, rssi: number): Uint8Array {
  const bytes = Buffer.from(data.replaceAll(" ", ""), "hex");
  const report = Buffer.concat([Buffer.of(0x02, 1, 3, 0), Buffer.from(address, "hex").reverse(), Buffer.of(bytes.length), bytes, Buffer.of(rssi & 0xff)]);
  return Buffer.concat([Buffer.of(0x04, 0x3e, report.length), report]);
}

const OWN = "c0ffee123456";
const BEACON = reportOf(OWN, "0201061aff4c0002159277830ab2eb490fa1dd7fe38c492ede00010002c5", -60);
/** What else is on the air: an AltBeacon, an Eddystone-URL, a sensor with a name, a computer, an Apple device that is no iBeacon. */
const OTHERS = [
  reportOf("00112233445a", "020106 1bff1801beac 00112233445566778899aabbccddeeff 00010002c500", -71),
  reportOf("00112233445b", "020106 0303aafe 0e16aafe10ee 03 6578616d706c6507", -80),
  reportOf("00112233445c", "020106 08094b69746368656e 0bffa6020117d0a10b2c0104", -55),
  reportOf("00112233445d", "1eff0600010920 02 8f4a1c5be2d7703946a1b2c3d4e5f60718293a4b5c6d", -90),
  reportOf("00112233445e", "02011a 020a0c 0fff4c0010060b1d5a3c2e9c09020704", -66),
];

interface Case {
  readonly name: string;
  readonly passes: boolean;
  readonly rules: ScanRule[];
  /** What the other host has for it: addresses and service UUIDs. Of the data rule it knows nothing: a service UUID costs it less. */
  readonly addresses: string[];
  readonly services: string[];
}

const IBEACON: ScanRule = { type: 3, data: "\x02\x01\x06\x1A\xFF\x4C\x00\x02\x15" };
const SERVICES = [0, 1, 2, 3].map((digit) => `9277830${digit}-b2eb-490f-a1dd-7fe38c492ede`);
const ADDRESSES = [0, 1, 2, 3].map((digit) => `c0ffee00000${digit}`);
const EIGHT: ScanRule[] = [
  ...ADDRESSES.map((address) => ({ address })),
  { data: "\x1A\xFF\x4C\x00\x02\x15", minrssi: -90 },
  { data: "\x16\xAA\xFE\x00" },
  { type: 4, data: "\x09" },
  { data: "\xFF\x59\x00" },
];

const CASES: Case[] = [
  { name: "[{}]", passes: true, rules: [{}], addresses: [], services: [] },
  { name: "type and data", passes: true, rules: [IBEACON], addresses: [], services: [] },
  { name: "address", passes: true, rules: [{ address: OWN }], addresses: [OWN], services: [] },
  { name: "type and data", passes: false, rules: [IBEACON], addresses: [], services: SERVICES.slice(0, 1) },
  { name: "address", passes: false, rules: [{ address: OWN }], addresses: [OWN], services: [] },
  { name: "8 rules", passes: false, rules: EIGHT, addresses: ADDRESSES, services: SERVICES },
];

/** The loop that all are measured in: one packet after the other, in whole turns. */
function loop(feed: Feed, packets: Uint8Array[]): Work {
  return (count) => {
    const calls = Math.ceil(count / packets.length) * packets.length;
    let next = 0;
    for (let i = 0; i < calls; i++) {
      feed(packets[next]);
      if (++next === packets.length) next = 0;
    }
  };
}

/** A host in the loop: how many reports its application has had. */
interface Host {
  readonly name: string;
  readonly feed: Feed;
  readonly had: () => number;
  readonly check: () => void;
}

function blimp(rules: ScanRule[], raw: boolean): Host {
  const board = new NullBoard();
  let ready = false;
  let had = 0;
  const bt = open(board.hal, null, {
    onready: () => {
      ready = true;
    },
    onerror: (error) => {
      throw error;
    },
  });
  bt.setscanfilter(rules);
  if (raw) {
    bt.startrawscan(() => {
      had++;
    });
  } else {
    bt.startscan((adverts) => {
      had += adverts.length;
    });
  }
  board.clock.until(() => ready, 10_000);
  if (!ready) throw new Error("not ready");
  board.quiet = true;
  return {
    name: raw ? "blimp, startrawscan" : "blimp, startscan",
    feed: (packet) => board.receive(packet),
    had: () => had,
    check: () => {
      const { overruns, dropped, resyncs, malformed, adverts, exceptions } = bt.counters();
      if (overruns || dropped || resyncs || malformed || adverts || exceptions || board.written) throw new Error(`reports were lost: ${JSON.stringify(bt.counters())}`);
    },
  };
}

function peer({ addresses, services }: Case): Host | null {
  let had = 0;
  const host = bleHost({
    addresses,
    services,
    report: () => {
      had++;
    },
  });
  return host && { name: host.name, feed: host.packets, had: () => had, check: () => {} };
}

/** Allocations per report as the engine's sampling profiler sees them when it looks at each; several that its compiler has joined are one. */
function allocationsOf(work: Work): number {
  const session = new Session();
  session.connect();
  let samples = 0;
  work(COUNTED);
  session.post("HeapProfiler.startSampling", { samplingInterval: 1, includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true } as object);
  work(COUNTED);
  session.post("HeapProfiler.stopSampling", (error, result) => {
    if (error) throw error;
    samples = (result as unknown as { profile: { samples: object[] } }).profile.samples.length;
  });
  session.disconnect();
  return samples / COUNTED;
}

interface Row {
  readonly rule: string;
  readonly passes: boolean;
  readonly host: string;
  readonly speed: Speed;
  readonly heap: Heap;
  readonly allocations: number;
  /** Times as many reports a second as the other host; without the cost of the loop. */
  ratio?: number;
  net?: number;
}

/** The empty loop, ours and the other host with one filter. */
function measure(given: Case, raw: boolean): Row[] {
  const packets = given.passes ? [BEACON] : OTHERS;
  const other = peer(given);
  let seen = 0;
  const empty: Host = {
    name: "empty loop",
    feed: (packet) => {
      seen += packet.length;
    },
    had: () => 0,
    check: () => {
      if (!seen) throw new Error("the empty loop did not run");
    },
  };
  const hosts = [empty, blimp(given.rules, raw), ...(other ? [other] : [])];
  const works = hosts.map(({ feed }) => loop(feed, packets));
  hosts.slice(1).forEach(({ name, had }, i) => {
    works[i + 1](packets.length);
    if (had() !== (given.passes ? packets.length : 0)) throw new Error(`${name}, ${given.name}: ${had()} of ${packets.length} reports were let through`);
  });
  const speeds = speedOf(works, REPORTS);
  const rows = hosts.map(({ name }, i): Row => {
    const heap = heapOf(works[i], i === 2 ? HEAP_OTHER : HEAP);
    return { rule: given.name, passes: given.passes, host: name, speed: speeds[i], heap, allocations: allocationsOf(works[i]) };
  });
  if (other) {
    const [idle, own, theirs] = rows.map(({ speed }) => 1 / speed.persecond);
    rows[1].ratio = theirs / own;
    rows[1].net = (theirs - idle) / (own - idle);
  }
  for (const host of hosts) host.check();
  return rows;
}

/** The same in a process of its own. */
function measureApart(index: number, raw: boolean): Row[] {
  const child = spawnSync(process.execPath, [...process.execArgv, process.argv[1], CASE, String(index), String(raw)], { encoding: "utf8", timeout: LIMIT });
  if (child.status !== 0) throw new Error(`${CASES[index].name}: ${child.error?.message ?? child.stderr}`);
  return JSON.parse(child.stdout) as Row[];
}

function main(): void {
  const rows = CASES.flatMap((_, index) => [false, true].flatMap((raw) => measureApart(index, raw)));
  console.log(`\nAdvertising reports, ${whole(REPORTS)} at a time, best of ${rows[0].speed.rounds.length} rounds; heap in bytes. Node ${process.version}\n`);
  table(
    ["filter", "reports", "host", "reports/s", "ns each", "heap each", "allocations", "retained", "times as fast", "without the loop"],
    rows.map(({ rule, passes, host, speed, heap, allocations, ratio, net }) => [
      rule,
      passes ? "let through" : "rejected",
      host,
      whole(speed.persecond),
      (1e9 / speed.persecond).toFixed(1),
      (heap.allocated / heap.count).toFixed(2),
      allocations.toFixed(2),
      whole(heap.retained),
      ratio?.toFixed(2) ?? "",
      net?.toFixed(2) ?? "",
    ]),
  );
  const rejected = rows.filter(({ passes, host }) => !passes && host.startsWith("blimp"));
  const ratios = rejected.flatMap(({ net }) => net ?? []);
  if (ratios.length > 0) console.log(`\nRejected reports: ${Math.min(...ratios).toFixed(1)} to ${Math.max(...ratios).toFixed(1)} times as fast, without the loop; goal ${GOAL}`);
  else console.log("\nnpm package ble-host is not installed: nothing to compare with");
  console.log(`Heap per rejected report: ${Math.max(...rejected.map(({ heap }) => heap.allocated / heap.count)).toFixed(2)} bytes at the most; goal 0`);
  save("scan", { reports: rows });
}

const at = process.argv.indexOf(CASE);
if (at > 0) process.stdout.write(JSON.stringify(measure(CASES[Number(process.argv[at + 1])], process.argv[at + 2] === "true")));
else main();
