/** `node build.mjs load [--seconds S] [--seed N]`: an hour of virtual time with eight links and a scan; prints a table, exits with 1 where anything was lost. */
import { heap, Load, type Result } from "./load.js";

/** Virtual seconds after which heap is looked at: what has become hot is compiled by then. */
const WARM = 20;
const LOOK = 600;
/** Most by which the heap may have grown from the first look after the warm-up to the end, bytes. */
const GROWTH = 1_000_000;
/** Most by which the bytes of a link may be away from the median, as a share. */
const UNFAIR = 0.05;

function option(name: string, standard: number): number {
  const at = process.argv.indexOf(name);
  const value = at < 0 ? standard : Number(process.argv[at + 1]);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name}: a whole number from 1`);
  return value;
}

function spread(values: number[]): { min: number; median: number; max: number } {
  const sorted = values.slice().sort((a, b) => a - b);
  return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted[sorted.length - 1] };
}

function show(result: Result): boolean {
  const { visitors, adverts } = result;
  let fair = true;
  console.log(`${"each link".padEnd(24)}${["min", "median", "max"].map((word) => word.padStart(12)).join("")}`);
  const row = (name: string, values: number[], judged: boolean): void => {
    const { min, median, max } = spread(values);
    console.log(`${name.padEnd(24)}${[min, median, max].map((value) => String(Math.round(value)).padStart(12)).join("")}`);
    if (judged && (min < median * (1 - UNFAIR) || max > median * (1 + UNFAIR))) fair = false;
  };
  row("bytes to the peer", visitors.map(({ carried }) => carried.down), true);
  row("bytes from the peer", visitors.map(({ carried }) => carried.up), true);
  for (const what of ["notifications", "indications", "reads", "writes", "commands"] as const) row(what, visitors.map(({ carried }) => carried[what]), false);
  row("slowest answer, ms", visitors.map(({ slowest }) => slowest), false);
  console.log(`adverts: ${adverts.sent} on the air (${adverts.persecond.toFixed(0)} a second), ${adverts.reported} reported, ${adverts.dropped} dropped by the chip`);
  return fair;
}

const seconds = option("--seconds", 3600);
const began = Date.now();
const load = new Load(option("--seed", 1));
load.go();
load.run(Math.min(WARM, seconds) * 1000);
const first = heap();
console.log(`heap after ${Math.min(WARM, seconds)} s: ${first} bytes`);
for (let at = WARM; at < seconds; ) {
  const to = Math.min(seconds, Math.floor(at / LOOK) * LOOK + LOOK);
  load.run((to - at) * 1000);
  at = to;
  console.log(`heap after ${at} s: ${heap()} bytes (${((Date.now() - began) / 1000).toFixed(0)} s of wall time)`);
}
const last = heap();
const result = load.end();
const fair = show(result);
const { wrong } = result;
if (!fair) wrong.push(`a link has more than ${UNFAIR * 100} % more or less than the median`);
if (last - first > GROWTH) wrong.push(`the heap has grown by ${last - first} bytes`);
for (const text of wrong.slice(0, 20)) console.log(`wrong: ${text}`);
console.log(wrong.length ? `${wrong.length} things wrong in ${seconds} s of virtual time` : `lost: 0, wrong: 0 in ${seconds} s of virtual time`);
process.exitCode = wrong.length ? 1 : 0;
