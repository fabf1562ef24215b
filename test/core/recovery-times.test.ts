import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { makeImage } from "../../hal/mock/index.js";
import { hex, IBEACON, OP, rig, type Rig, type Setup } from "../support/rig.js";

/** As long as the patch that makers load. */
const IMAGE = makeImage({ size: 30_000 });
/** What the virtual chip needs for a command, ms. */
const TURNAROUND = 0.5;
/** What data sheet and other drivers demand after Download_Minidriver, Launch_RAM, a change of rate; off and deaf about a cut of power, ms. */
const WAITS: { [opcode: number]: number } = { [OP.MINIDRIVER]: 50, [OP.LAUNCH]: 250, [OP.BAUD]: 2 };
const POWER = { first: 100 + 100, again: 300 + 100 };

/** All in ms. */
interface Times {
  /** From the fault until the application is told of it. */
  noticed: number;
  /** HCI Resets until one is answered, at each rate that the chip may have. */
  sought: number;
  /** From there until the advert is on the air. */
  back: number;
  /** What of that nobody can do without. */
  bound: number;
}

/** Wire, chip and prescribed waits from an entry of the journal on: the bytes one behind the other, because each command's answer is waited for. */
function least(r: Rig<any>, from: number, power: number): number {
  const before = r.journal.slice(0, from).reverse();
  let baud = before.find((entry) => entry.what === "open")?.baud ?? 115200;
  let ms = 0;
  for (const entry of r.journal.slice(from)) {
    if (entry.what === "open") baud = entry.baud;
    else if (entry.what === "write" || entry.what === "in") ms += (entry.bytes.length * 10_000) / baud;
    else if (entry.what === "pin" && entry.pin === "regon" && entry.level === 1) ms += power;
  }
  for (const { opcode } of r.commands(from)) ms += TURNAROUND + (WAITS[opcode] ?? 0);
  return ms;
}

/** Where the rise proper begins, from `noticed` on: at the cut of power, or with the first answer to a Reset. */
function beginning(r: Rig<any>, noticed: number): number {
  const cut = r.journal.findIndex(({ at, ...entry }) => at >= noticed && entry.what === "pin" && entry.pin === "regon" && entry.level === 0);
  if (cut >= 0) return cut;
  const isComplete = /040e04..030c00/;
  return r.journal.findIndex((entry) => entry.at >= noticed && entry.what === "in" && isComplete.test(hex(entry.bytes)));
}

function device(setup: Setup<any>): Rig {
  const r = rig({ firmware: IMAGE, ...setup }).up();
  r.bt.startadvertise(IBEACON, 100, 100);
  return r.run(3000);
}

function measure(fault: (r: Rig) => void, setup: Setup<any>): Times {
  const r = device(setup);
  const began = r.now;
  fault(r);
  r.clock.until(() => r.errors.length > 0, 30_000);
  const noticed = r.now;
  r.clock.until(() => r.recovered.length > 0, 30_000);
  assert.equal(r.recovered.length, 1, "recovered");
  const start = beginning(r, noticed);
  const up = r.now;
  const heard = r.adverts.length;
  r.clock.until(() => r.adverts.length > heard, 1000);
  assert.equal(r.adverts.length, heard + 1, "on the air again");
  assert.ok(r.adverts[heard].time - up < 10, "the advert comes with its first commands");
  const risen = r.journal[start].at;
  return { noticed: noticed - began, sought: risen - noticed, back: r.now - risen, bound: least(r, start, POWER.again) };
}

const BARE = { board: { wiring: {} } };
const hang = (r: Rig): void => r.board.chip.hang();

/** By their names in docs/reliability.md. */
const CASES: [string, (r: Rig) => void, Setup<any>][] = [
  ["Hardware Error", (r) => r.board.chip.hardwareError(1), {}],
  ["Hardware Error, no power line", (r) => r.board.chip.hardwareError(1), BARE],
  ["restarted into its ROM", (r) => r.board.chip.restart(), {}],
  ["restarted into its ROM, no power line", (r) => r.board.chip.restart(), BARE],
  ["dead, nothing asked", hang, {}],
  ["dead, a command waits", (r) => (hang(r), r.bt.startadvertise("new", 100, 100)), {}],
];

/** The rows of the page's table, by their first cell. */
const rows: { [name: string]: number[] } = {};
for (const line of readFileSync("docs/reliability.md", "utf8").split("\n")) {
  const cells = line.split("|").map((cell) => cell.trim());
  if (cells.length === 7) rows[cells[1]] = cells.slice(2, 6).map(Number);
}

/** Runs are functions of a seed: a page that says something else is out of date. */
function documented(name: string, times: number[]): void {
  const said = times.map((ms) => ms.toFixed(0)).join(" | ");
  assert.ok(rows[name], `docs/reliability.md has no row "${name}"; it is: | ${name} | ${said} |`);
  for (let i = 0; i < times.length; i++) assert.ok(Math.abs(rows[name][i] - times[i]) <= 1 + times[i] / 50, `docs/reliability.md, "${name}": it is now | ${said} |`);
}

describe("the time to be back", () => {
  it("from open(): near what wire, chip and prescribed waits need", () => {
    const r = rig({ firmware: IMAGE });
    r.bt.startadvertise(IBEACON, 100, 100);
    r.clock.until(() => r.adverts.length > 0, 10_000);
    const bound = least(r, 0, POWER.first);
    assert.ok(r.now < bound * 1.02 + 10, `${r.now} ms, bound ${bound} ms`);
    documented("open()", [0, 0, r.now, bound]);
  });

  for (const [name, fault, setup] of CASES) {
    it(`${name}: near what wire, chip and prescribed waits need, once the chip is found`, () => {
      const { noticed, sought, back, bound } = measure(fault, setup);
      assert.ok(back >= bound && back < bound * 1.02 + 10, `${back} ms, bound ${bound} ms`);
      // Nothing for 10 s, looked at every 2.5 s; asked twice.
      assert.ok(noticed <= 10_000 + 2500 + 2 * 1000, `noticed after ${noticed} ms`);
      // Four rates, three Resets each.
      assert.ok(sought <= 12 * 200 + 1, `sought for ${sought} ms`);
      documented(name, [noticed, sought, back, bound]);
    });
  }

  it("loss of step: in step again as soon as the chip has answered, the advert never off the air", () => {
    const r = device({});
    const heard = r.adverts.length;
    const from = r.mark();
    const began = r.now;
    r.board.chip.inject(Uint8Array.of(4, 0x0e, 200, 1));
    r.run(2000);
    const answers = r.journal.slice(from).filter((entry) => entry.what === "in");
    assert.deepEqual([...new Set(r.commands(from).map(({ opcode }) => opcode))], [OP.VERSION]);
    const times = r.adverts.slice(heard).map(({ time }) => time);
    for (let i = 1; i < times.length; i++) assert.ok(times[i] - times[i - 1] <= 110.001, "100 ms and the random delay of 10 (Vol 6 Part B section 4.4.2.2)");
    assert.ok(times.length > 17);
    assert.equal(r.bt.counters().restarts, 0);
    documented("loss of step", [answers.at(-1)!.at - began, 0, 0, 0]);
  });
});
