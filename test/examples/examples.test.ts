import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Air, createBoard, PduType, VirtualClock, type Board, type BoardOptions } from "../../hal/mock/index.js";
import { open } from "../../targets/node/open.js";
import { checkScript } from "../guard/guard.js";
import { hex, IMAGE, OP, Rig, unhex, type Bt } from "../support/rig.js";

const FOLDER = "examples";
const UUID = "9277830ab2eb490fa1dd7fe38c492ede";
const IBEACON = `0201061aff4c000215${UUID}00010002c5`;
const OTHER = `0201061aff4c00021500112233445566778899aabbccddeeff00070008c5`;

/** Each example, its function, and the preset that it needs on a small engine. */
const EXAMPLES: Record<string, [string, "beacon" | "observer"]> = {
  ibeacon: ["ibeacon", "beacon"],
  "ibeacon-scanner": ["ibeaconScanner", "observer"],
  beacon: ["beacon", "beacon"],
  "live-scan-response": ["liveScanResponse", "beacon"],
  "rule-dispatch": ["ruleDispatch", "observer"],
  "growing-filter": ["growingFilter", "observer"],
};

type Example = (blimp: object, hal: Board["hal"], firmware: Uint8Array | null, print: (text: string) => void, more?: unknown) => Bt;
type Library = "the package" | "the bare script";

function source(name: string): string {
  return readFileSync(join(FOLDER, `${name}.js`), "utf8");
}

/** An example run as a script, strict as on Kaluma and without modules, and what it is given as `blimp`. */
function load(name: string, library: Library): [Example, object] {
  const [function_, preset] = EXAMPLES[name];
  const script = library === "the bare script" ? readFileSync(`dist/bare/${preset}.min.js`, "utf8") : "var blimp;";
  const run = new Function("module", `"use strict";\n${script}\n${source(name)}\nreturn [${function_}, blimp];`) as () => [Example, object | undefined];
  const [example, blimp] = run();
  return [example, blimp ?? { open }];
}

/** An example on one board, and the stack on another, on one air. */
class Pair {
  readonly clock = new VirtualClock();
  readonly air = new Air(this.clock, { seed: 11 });
  readonly board: Board;
  readonly other: Rig;
  readonly printed: string[] = [];
  readonly bt: Bt;
  /** What the example's board sends: type and data, time. */
  readonly sent: { kind: string; time: number }[] = [];

  constructor(name: string, library: Library, options: { board?: BoardOptions; more?: unknown } = {}) {
    this.other = new Rig(createBoard({ air: this.air }), {});
    this.board = createBoard({ air: this.air, ...options.board });
    this.air.sniff(({ pdu, from, time }) => {
      if (from === this.board.chip.controller) this.sent.push({ kind: `${pdu.type} ${hex(pdu.data)}`, time });
    });
    const [example, blimp] = load(name, library);
    this.bt = example(blimp, this.board.hal, IMAGE, (text) => this.printed.push(text), options.more);
    this.clock.until(() => this.bt.address() !== null && this.other.ready.length > 0, 60_000);
    assert.deepEqual(this.other.errors, []);
  }

  run(ms: number): this {
    this.clock.run(ms);
    return this;
  }

  /** What has been printed since the last call. */
  said(): string[] {
    return this.printed.splice(0);
  }

  /** The kinds of PDU that the example's board has sent since the last call. */
  kinds(): string[] {
    return [...new Set(this.sent.splice(0).map(({ kind }) => kind))];
  }

  commands(opcode: number): number {
    return this.board.chip.count(opcode);
  }

  /** Ends the example, and looks for what is left of it. */
  end(): void {
    assert.deepEqual(this.board.chip.violations, []);
    const { malformed, resyncs, exceptions } = this.bt.counters();
    assert.deepEqual({ malformed, resyncs, exceptions }, { malformed: 0, resyncs: 0, exceptions: 0 });
    const [printed, sent] = [this.printed.length, this.sent.length];
    this.bt.close();
    this.bt.close();
    this.run(60_000);
    assert.deepEqual([this.board.uartOpen, this.board.timers], [false, 0]);
    assert.deepEqual([this.printed.length, this.sent.length], [printed, sent]);
  }
}

/** Both libraries, and a board whose UART hands over strings. */
function each(name: string, test: (make: (more?: unknown) => Pair) => void): void {
  const setups: [Library, BoardOptions][] = [["the package", {}], ["the bare script", { flow: false }], ["the bare script", { strings: true }]];
  for (const [library, board] of setups) {
    it(`runs with ${library}, ${JSON.stringify(board)}`, () => test((more) => new Pair(name, library, { board, more })));
  }
}

describe("examples", () => {
  it("are all tested, and in the table", () => {
    const names = readdirSync(FOLDER).filter((name) => name.endsWith(".js")).map((name) => basename(name, ".js"));
    assert.deepEqual(names.sort(), Object.keys(EXAMPLES).sort());
    const table = readFileSync(join(FOLDER, "README.md"), "utf8");
    for (const name of names) assert.ok(table.includes(`| [${name}.js](${name}.js) |`) && table.includes(`\`${EXAMPLES[name][1]}.min.js\``), name);
  });

  for (const [name, [function_, preset]] of Object.entries(EXAMPLES)) {
    it(`${name}: nothing that a small engine lacks, and its wiring`, () => {
      const text = source(name);
      assert.deepEqual(checkScript(text, "bare").map(({ why, excerpt }) => `${why}: ${excerpt}`), []);
      assert.ok(text.endsWith(`\nif (typeof module == "object") module.exports = ${function_};\n`));
      const head = text.slice(0, text.indexOf("\n\n"));
      for (const word of ["Espruino", "Kaluma", "Node", "bare", `the ${preset} script`, `run.mjs ${name}`]) assert.ok(head.includes(word), word);
      assert.ok(head.split("\n").every((line) => line.startsWith("//")));
    });
  }
});

describe("example ibeacon", () => {
  each("ibeacon", (make) => {
    const pair = make().run(1000);
    const said = pair.said();
    assert.match(said.pop()!, /^BLE initialized after \d+ ms$/);
    assert.deepEqual(said, ["Advertising the following iBeacon:", "UUID: 9277830a-b2eb-490f-a1dd-7fe38c492ede", "Major: 0001", "Minor: 0002"]);
    assert.deepEqual(pair.kinds(), [`3 ${IBEACON}`]);
    const heard: string[] = [];
    pair.other.bt.startscan((adverts) => adverts.forEach(({ type, address, data }) => heard.push(`${type} ${address} ${hex(data)}`)));
    pair.run(1000);
    assert.ok(heard.length >= 8, `${heard.length}`);
    assert.deepEqual([...new Set(heard)], [`3 ${pair.bt.address()} ${IBEACON}`]);
    pair.end();
  });
});

describe("example ibeacon-scanner", () => {
  each("ibeacon-scanner", (make) => {
    const pair = make().run(500);
    assert.deepEqual(pair.said(), ["Scanning..."]);
    pair.other.bt.startadvertise(unhex(IBEACON), 100, 100);
    pair.run(2000);
    assert.deepEqual(pair.said(), ["Found an iBeacon:", `UUID: ${UUID}`, "Major: 0001", "Minor: 0002", "-60 dBm, about 1.1 m"]);
    // Another one whose strength is not known; and what is no beacon: other Flags, another type, one that is cut off.
    pair.air.advertise({ data: unhex(OTHER), rssi: 127 });
    pair.air.advertise({ data: unhex(`02011a${IBEACON.slice(6)}`) });
    pair.air.advertise({ data: unhex(OTHER.replace("0007", "0009")), type: PduType.ADV_IND });
    pair.air.advertise({ data: unhex(IBEACON.slice(0, 40)) });
    pair.run(2000);
    assert.deepEqual(pair.said(), ["Found an iBeacon:", "UUID: 00112233445566778899aabbccddeeff", "Major: 0007", "Minor: 0008"]);
    // More of them than it remembers.
    for (let i = 0; i < 40; i++) {
      const beacon = pair.air.advertise({ data: unhex(OTHER.replace("0007", `01${hex([i])}`)) });
      pair.run(120);
      beacon.stop();
    }
    assert.equal(new Set(pair.said().filter((line) => /^Major: 01/.test(line))).size, 40);
    assert.deepEqual(pair.kinds(), []);
    pair.end();
  });
});

describe("example beacon", () => {
  each("beacon", (make) => {
    const pair = make().run(1000);
    assert.deepEqual(pair.said(), [`Beacon ${pair.bt.address()}: 9277830A-B2EB-490F-A1DD-7FE38C492EDE, major 1, minor 2, -60 dBm`]);
    assert.deepEqual(pair.kinds(), [`3 ${IBEACON.slice(0, 58)}c4`]);
    const rules: number[] = [];
    pair.other.bt.setscanfilter([{ type: 2 }, { address: pair.bt.address()!, data: unhex(UUID) }]);
    pair.other.bt.startscan((adverts) => adverts.forEach(({ rule }) => rules.push(rule)));
    pair.run(1000);
    assert.ok(rules.length >= 8 && rules.every((rule) => rule === 1));
    pair.end();
  });
});

describe("example live-scan-response", () => {
  each("live-scan-response", (make) => {
    const pair = make();
    const { other } = pair;
    const responses: string[] = [];
    other.bt.setscanparams(true, 100, 100);
    other.bt.setscanfilter([{ type: 4 }]);
    other.bt.startscan((adverts) => {
      for (const { data } of adverts) if (hex(data) !== responses.at(-1)) responses.push(hex(data));
    });
    pair.run(61_000);
    assert.deepEqual(pair.said(), ["led 0, light 0, button 1", "led 1, light 32, button 0", "led 0, light 64, button 0", "led 1, light 96, button 1"]);
    assert.deepEqual(responses, ["000001", "012000", "004000", "016001"]);
    const times = pair.sent.filter(({ kind }) => kind === `2 ${IBEACON}`).map(({ time }) => time);
    assert.ok(times.slice(1).every((time, i) => time - times[i] < 111), "the advert goes on while the response changes");
    assert.deepEqual(pair.kinds().sort(), [`2 ${IBEACON}`, "4 000001", "4 004000", "4 012000", "4 016001"]);
    assert.deepEqual([pair.commands(OP.ADV_ENABLE), pair.commands(OP.SCAN_RESPONSE)], [1, 4]);
    pair.end();
  });

  it("shows the readings that it is given", () => {
    const pair = new Pair("live-scan-response", "the bare script", { more: () => [1, 254, 0] }).run(1000);
    pair.other.bt.setscanparams(true, 100, 100);
    pair.other.bt.startscan(() => {});
    pair.run(1000);
    assert.deepEqual(pair.said(), ["led 1, light 254, button 0"]);
    assert.deepEqual(pair.kinds(), [`2 ${IBEACON}`, "4 01fe00"]);
    pair.end();
  });
});

describe("example rule-dispatch", () => {
  each("rule-dispatch", (make) => {
    const pair = make().run(500);
    pair.other.bt.startadvertise(unhex(IBEACON), 100, 100);
    pair.run(1000);
    assert.deepEqual(pair.said(), ["Scanning...", `Ours, major 1, minor 2: ${pair.other.bt.address()}, -60 dBm`]);
    // Without Flags; another UUID; each side of the limit; an unknown strength.
    pair.air.advertise({ address: "0000000000a1", data: unhex(IBEACON.slice(6).replace("00010002", "01020304")), rssi: -90 });
    pair.air.advertise({ address: "0000000000a2", data: unhex(IBEACON), rssi: -91 });
    pair.air.advertise({ address: "0000000000a3", data: unhex(IBEACON), rssi: 127 });
    pair.air.advertise({ address: "0000000000a4", data: unhex(OTHER), rssi: -90 });
    pair.air.advertise({ address: "0000000000a5", data: unhex(OTHER), rssi: -91 });
    pair.air.advertise({ address: "0000000000a6", data: unhex("0201060409696d70") });
    pair.run(2000);
    assert.deepEqual(pair.said().sort(), ["Another iBeacon: 0000000000a4, -90 dBm", "Ours, major 258, minor 772: 0000000000a1, -90 dBm"]);
    pair.end();
  });
});

describe("example growing-filter", () => {
  each("growing-filter", (make) => {
    const pair = make().run(500);
    const { other } = pair;
    assert.deepEqual(pair.said(), ["Scanning..."]);
    assert.deepEqual([pair.commands(OP.SCAN_PARAMETERS), pair.commands(OP.SCAN_ENABLE)], [1, 1]);
    // A beacon that cannot be asked is none of its business.
    other.bt.startadvertise(unhex(IBEACON), 100, 100);
    pair.run(1000);
    assert.deepEqual(pair.said(), []);
    other.bt.startadvertise(unhex(IBEACON), 100, 100, [1, 32, 0]);
    pair.run(2000);
    const address = other.bt.address()!;
    assert.deepEqual(pair.said(), [`Found ${address}, asking for its scan response`, `Response of ${address}: 1 32 0`]);
    // It listened before and asks now: off, parameters, on.
    assert.deepEqual([pair.commands(OP.SCAN_PARAMETERS), pair.commands(OP.SCAN_ENABLE)], [2, 3]);
    other.bt.startadvertise(unhex(IBEACON), 100, 100, [0, 33, 1]);
    // Responses of others are not let through.
    pair.air.advertise({ data: unhex(OTHER), response: unhex("ffff") });
    pair.run(2000);
    assert.deepEqual(pair.said(), [`Response of ${address}: 0 33 1`]);
    // Nothing had to be told the chip any more; and there is an end to how far the filter grows.
    for (let i = 0; i < 12; i++) pair.air.advertise({ data: unhex(IBEACON), response: unhex(hex([i])) });
    pair.run(3000);
    const said = pair.said();
    assert.equal(said.filter((line) => line.startsWith("Found")).length, 7);
    assert.equal(said.filter((line) => line.startsWith("Response")).length, 7);
    assert.deepEqual([pair.commands(OP.SCAN_PARAMETERS), pair.commands(OP.SCAN_ENABLE)], [2, 3]);
    pair.end();
  });
});

describe("examples on Node", () => {
  function run(...words: string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync(process.execPath, ["examples/run.mjs", ...words], { encoding: "utf8", timeout: 20_000 });
  }

  it("run.mjs runs one beside its counterpart, and ends", () => {
    const { status, stdout, stderr } = run("ibeacon-scanner", "--fast", "--duration", "5");
    assert.deepEqual([status, stderr], [0, ""]);
    assert.match(stdout, /^ {4}ibeacon: UUID: 9277830a-/m);
    assert.match(stdout, new RegExp(`^UUID: ${UUID}\nMajor: 0001\nMinor: 0002\n-60 dBm`, "m"));
  }).timeout(30_000);

  it("run.mjs says what is wrong with its arguments", () => {
    for (const [text, ...words] of [["NAME is one of"], ["NAME is one of", "toString"], ["transport", "beacon", "--h4", "usb"], ["no such file", "beacon", "--firmware", "nowhere"], ["--duration", "beacon", "--duration", "x"]]) {
      const { status, stdout, stderr } = run(...words);
      assert.deepEqual([status, stdout], [2, ""]);
      assert.ok(stderr.startsWith("run.mjs: ") && stderr.includes(text), stderr);
    }
  }).timeout(30_000);
});
