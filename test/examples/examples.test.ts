import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { adFlags, adJoin, adName } from "../../core/gap/ad.js";
import { Air, createBoard, PduType, VirtualClock, type Board, type BoardOptions } from "../../hal/mock/index.js";
import { open } from "../../targets/node/open.js";
import { checkScript } from "../guard/guard.js";
import { Peer } from "../support/links.js";
import { hex, IMAGE, latin, OP, Rig, unhex, type Bt } from "../support/rig.js";

const FOLDER = "examples";
const UUID = "9277830ab2eb490fa1dd7fe38c492ede";
const IBEACON = `0201061aff4c000215${UUID}00010002c5`;
const OTHER = `0201061aff4c00021500112233445566778899aabbccddeeff00070008c5`;

/** Each example, its function, and the preset that it needs on a small engine. */
const EXAMPLES: Record<string, [string, "beacon" | "observer" | "peripheral" | "secure"]> = {
  ibeacon: ["ibeacon", "beacon"],
  "ibeacon-scanner": ["ibeaconScanner", "observer"],
  beacon: ["beacon", "beacon"],
  "live-scan-response": ["liveScanResponse", "beacon"],
  "rule-dispatch": ["ruleDispatch", "observer"],
  "growing-filter": ["growingFilter", "observer"],
  "wifi-refresh": ["wifiRefresh", "peripheral"],
  "device-information": ["deviceInformation", "peripheral"],
  blinkup: ["blinkup", "peripheral"],
  battery: ["battery", "peripheral"],
  trace: ["trace", "beacon"],
  // Tested in codes.test.ts.
  "code-fixed": ["codeFixed", "secure"],
  "code-per-device": ["codePerDevice", "secure"],
  "code-per-session": ["codePerSession", "secure"],
  "code-rotating": ["codeRotating", "secure"],
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

  /** A phone that has connected to the example. */
  phone(): Phone {
    return new Phone(this);
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

/** A central that speaks the Attribute Protocol byte by byte. */
class Phone {
  readonly peer: Peer;
  /** Handles of the values by their UUIDs. */
  private readonly _handles = new Map<string, string>();

  constructor({ board, bt, clock }: Pair) {
    this.peer = new Peer({ board, bt, run: (ms: number) => clock.run(ms) } as unknown as Rig);
    this.peer.connect();
    for (let from = 1, answer = ""; ; ) {
      answer = this.peer.att(`08${le16(from)}ffff0328`);
      if (!answer.startsWith("09")) {
        assert.equal(answer, `0108${le16(from)}0a`, "the end of the characteristics");
        return;
      }
      const size = 2 * parseInt(answer.slice(2, 4), 16);
      for (let at = 4; at < answer.length; at += size) {
        const handle = answer.slice(at + 6, at + 10);
        this._handles.set(reverse(answer.slice(at + 10, at + size)), handle);
        from = parseInt(reverse(handle), 16);
      }
    }
  }

  /** The handle of a value, as it goes over the air. */
  handle(uuid: string): string {
    const handle = this._handles.get(uuid.toLowerCase());
    assert.ok(handle, `${uuid} is there`);
    return handle;
  }

  /** The answer to a Write Request. */
  write(uuid: string, text: string): string {
    return this.peer.att(`12${this.handle(uuid)}${ascii(text)}`);
  }

  /** Writes a long value in parts; gives the answer to the Execute Write. */
  writeLong(uuid: string, text: string): string {
    for (let at = 0; at < text.length; at += 18) {
      const part = `${this.handle(uuid)}${le16(at)}${ascii(text.slice(at, at + 18))}`;
      assert.equal(this.peer.att(`16${part}`), `17${part}`);
    }
    return this.peer.att("1801");
  }

  /** Reads a whole value. */
  read(uuid: string): string {
    let answer = this.peer.att(`0a${this.handle(uuid)}`);
    let value = answer.slice(2);
    while (answer.length === 2 * 23) {
      answer = this.peer.att(`0c${this.handle(uuid)}${le16(value.length / 2)}`);
      assert.equal(answer.slice(0, 2), "0d");
      value += answer.slice(2);
    }
    return latin(unhex(value));
  }
}

function le16(value: number): string {
  return hex([value & 255, value >> 8]);
}

function reverse(digits: string): string {
  return hex(unhex(digits).reverse());
}

function ascii(text: string): string {
  return Buffer.from(text, "latin1").toString("hex");
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
      // A program may have any number: what makes static snapshots of it spells those that they cannot hold.
      const findings = checkScript(text, "bare").filter(({ rule }) => rule !== "number");
      assert.deepEqual(findings.map(({ why, excerpt }) => `${why}: ${excerpt}`), []);
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

describe("example trace", () => {
  /** What has gone over the wire, without the download: "> " or "< " and hex digits. */
  function parse(file: Buffer): { packets: string[]; times: number[]; dropped: number } {
    assert.equal(file.toString("hex", 0, 16), "6274736e6f6f700000000001000003ea");
    const packets: string[] = [];
    const times: number[] = [];
    let dropped = 0;
    for (let at = 16; at < file.length; ) {
      const length = file.readUInt32BE(at);
      const flags = file.readUInt32BE(at + 8);
      assert.equal(file.readUInt32BE(at + 4), length);
      assert.equal(flags & 2, 2, "commands and events");
      dropped = file.readUInt32BE(at + 12);
      times.push(Number(file.readBigUInt64BE(at + 16) - 0x00dcddb30f2f8000n) / 1000);
      packets.push((flags & 1 ? "< " : "> ") + file.toString("hex", at + 24, at + 24 + length));
      at += 24 + length;
    }
    return { packets, times, dropped };
  }

  each("trace", (make) => {
    const pair = make().run(1000);
    const lines = pair.said();
    const file = Buffer.from(lines.filter((line) => line.startsWith("btsnoop: ")).map((line) => line.slice(9)).join(""), "hex");
    assert.deepEqual(lines.filter((line) => !line.startsWith("btsnoop: ")), [`Tracing ${pair.bt.address()}`]);
    const { packets, times, dropped } = parse(file);
    assert.equal(packets[0], "> 01030c00");
    assert.ok(packets.includes("> 01082020" + "03020106".padEnd(64, "0")) && packets.includes("< 040e04010a2000"));
    assert.equal(packets.filter((packet) => packet.startsWith("> ")).length + dropped / 2, pair.bt.counters().sent);
    assert.equal(packets.filter((packet) => packet.startsWith("< ")).length + dropped / 2, pair.bt.counters().received);
    assert.equal(dropped, 2 * pair.board.chip.written.length);
    assert.ok(times.every((time, i) => i === 0 || time >= times[i - 1]) && times[0] > 0 && times.at(-1)! <= pair.clock.now);
    // An advert that changes: two more.
    pair.bt.startadvertise("abc", 100, 100);
    pair.run(100);
    assert.equal(pair.said().length, 2);
    // close() itself would be shown.
    pair.bt.trace(null);
    pair.end();
  });

  it("gives the bytes of the file to whoever takes them; times beyond 32 bits are right", () => {
    const pieces: Uint8Array[] = [];
    const clock = new VirtualClock();
    clock.run(5_000_000);
    const board = createBoard({ clock });
    const [example] = load("trace", "the package");
    const printed: string[] = [];
    const bt = example({ open }, board.hal, null, (text) => printed.push(text), (bytes: Uint8Array) => pieces.push(bytes.slice()));
    clock.run(2000);
    const { packets, times } = parse(Buffer.concat(pieces));
    assert.ok(packets.length > 20 && times.every((time) => time >= 5_000_000 && time <= clock.now), `${times[0]}`);
    assert.equal(printed.length, 1);
    bt.close();
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

/** The BlinkUp service, of which the Wi-Fi refresh service is a part. */
const SSID = "5eba195632d347c681a6a7e59f18dac0";
const PASSWORD = "ed694ab947564528aa3a799a4fd11117";
const PLAN = "a90ab0dc7b5c439a9ab52107e0bd816e";
const TOKEN = "bd107d3e48784f6daf3dda3b234ff584";
const TRIGGER = "f299c3428a8a4544ac4208c841737b1b";
const NETWORKS = "57a9ed95add54913849457759b79a46c";
const CLEAR = "2be5ddba32864d09a652f24faa514af5";
const SERVICE_AD = "110719d768f37caff2a5c94855c4be47dafa";
const PHONE = "0b5e12e20002";
const LONG = "a password that is longer than the twenty-eight characters of the guide";

describe("example wifi-refresh", () => {
  each("wifi-refresh", (make) => {
    const applied: string[][] = [];
    const pair = make((...given: string[]) => applied.push(given)).run(500);
    const begun = pair.said();
    assert.match(begun.pop()!, /^BLE initialized after \d+ ms$/);
    assert.deepEqual(begun, ["Serving GATT...", "Awaiting connections...", "Advertising services..."]);
    assert.deepEqual(pair.kinds(), [`0 020106${SERVICE_AD}`]);

    const first = pair.phone();
    assert.deepEqual(pair.said(), [`${PHONE} connected`]);
    // Values that can be written cannot be read.
    assert.equal(first.peer.att(`0a${first.handle(PASSWORD)}`), `010a${first.handle(PASSWORD)}02`);
    // Nothing has been set: nothing happens.
    assert.equal(first.write(TRIGGER, "x"), "13");
    assert.deepEqual([pair.said(), applied, first.peer.central.connected], [[], [], true]);
    assert.equal(first.write(SSID, "Bl\x1bmp"), "13");
    assert.equal(first.writeLong(PASSWORD, LONG), "19");
    assert.deepEqual(pair.said(), ["Written SSID", "Written PWD"]);
    // The answer comes before the end, and the program is not told of an end that it has made.
    assert.equal(first.write(TRIGGER, ""), "13");
    pair.run(1000);
    assert.deepEqual(first.peer.ends, [0x13]);
    assert.deepEqual(pair.said(), [`Switching to SSID: Bl?mp, PSK: ${"#".repeat(LONG.length)}`]);
    assert.deepEqual(applied, [["Bl\x1bmp", LONG]]);

    // The advert has come back by itself; what has been applied is not applied again.
    pair.kinds();
    pair.run(300);
    assert.deepEqual(pair.kinds(), [`0 020106${SERVICE_AD}`]);
    const second = pair.phone();
    assert.equal(second.write(TRIGGER, ""), "13");
    second.peer.central.disconnect();
    pair.run(1000);
    assert.deepEqual(pair.said(), [`${PHONE} connected`, `${PHONE} disconnected`]);
    assert.equal(applied.length, 1);
    pair.end();
  });

  it("declares security, services, who is told, and the advert, in this order", () => {
    const calls: string[] = [];
    const bt = new Proxy({}, { get: (_, name) => (...given: unknown[]) => calls.push(`${String(name)} ${typeof given[0] === "number" ? given[0] : ""}`.trim()) });
    load("wifi-refresh", "the package")[0]({ open: () => bt }, {} as Board["hal"], null, () => {});
    assert.deepEqual(calls, ["setsecurity 1", "servegatt", "onconnect", "startadvertise"]);
  });
});

describe("example device-information", () => {
  each("device-information", (make) => {
    const pair = make({ model: "a model", url: "https://example.com/a/name/longer/than/one/packet" }).run(500);
    assert.deepEqual(pair.said(), [`Offering Device Information as ${pair.bt.address()}`]);
    assert.deepEqual(pair.kinds(), ["0 02010603030a18"]);
    const phone = pair.phone();
    assert.deepEqual(["2a29", "2a25", "2a24", "2a23", "2a26"].map((uuid) => phone.read(uuid)), [
      "Electric Imp",
      pair.bt.address(),
      "a model",
      "https://example.com/a/name/longer/than/one/packet",
      "blimp",
    ]);
    assert.equal(phone.read("2a00"), "blimp info");
    assert.equal(phone.write("2a29", "x"), `0112${phone.handle("2a29")}03`);
    phone.peer.central.disconnect();
    pair.run(500);
    assert.deepEqual(pair.said(), [`${PHONE} connected`, `${PHONE} disconnected`]);
    pair.end();
  });

  it("has what a small device has if nothing else is told", () => {
    const pair = new Pair("device-information", "the bare script").run(500);
    const phone = pair.phone();
    assert.deepEqual(["2a24", "2a23"].map((uuid) => phone.read(uuid)), ["imp004m", "https://agent.electricimp.com/000000000000"]);
    phone.peer.central.disconnect();
    pair.run(500).end();
  });
});

describe("example blinkup", () => {
  const NEAR = [...Array(9).keys()].map((i) => ({ ssid: `network ${i}`, open: i % 2 === 1 }));

  each("blinkup", (make) => {
    const done: unknown[] = [];
    let near = NEAR.slice(0, 0);
    const device = { networks: () => near, activate: (settings: object) => done.push({ ...settings }), clear: () => done.push("cleared") };
    const pair = make(device).run(500);
    assert.deepEqual(pair.said(), ["BlinkUp is on the air"]);
    assert.deepEqual(pair.kinds(), [`0 020106${SERVICE_AD}0809${ascii("imp004m")}`]);

    // As the app does it: three connections. Which device is it?
    const first = pair.phone();
    assert.deepEqual(["2a25", "2a24", "2a23", "2a26"].map((uuid) => first.read(uuid)), [pair.bt.address(), "imp004m", "null", "blimp"]);
    first.peer.central.disconnect();
    pair.run(500);

    // Which networks are near? None is an answer too. However long the list is, it is made once.
    const second = pair.phone();
    assert.equal(second.read(NETWORKS), "");
    near = NEAR;
    pair.said();
    assert.equal(second.read(NETWORKS), NEAR.map(({ ssid, open }) => `${ssid}\n${open ? "unlocked" : "locked"}`).join("\n\n"));
    assert.deepEqual(pair.said(), ["Sending WLAN list to app"]);
    second.peer.central.disconnect();
    pair.run(500);
    pair.said();

    const third = pair.phone();
    assert.equal(third.write(TRIGGER, ""), `0112${third.handle(TRIGGER)}80`);
    assert.deepEqual([done, third.peer.central.connected], [[], true]);
    assert.equal(third.writeLong(TOKEN, "0123456789-0123456789-0123456789-012"), "19");
    assert.equal(third.write(PLAN, "a plan"), "13");
    assert.equal(third.write(SSID, "Hangar"), "13");
    assert.equal(third.write(PASSWORD, ""), "13");
    assert.equal(third.write(CLEAR, ""), "13");
    assert.equal(third.write(TRIGGER, ""), "13");
    pair.run(1000);
    assert.deepEqual(third.peer.ends, [0x13]);
    assert.deepEqual(done, ["cleared", { ssid: "Hangar", password: "", planid: "a plan", token: "0123456789-0123456789-0123456789-012" }]);
    assert.deepEqual(pair.said(), [
      `Device ${PHONE} has connected, security level 1`,
      "Enrolment token set",
      "Plan ID set",
      "WiFi SSID set",
      "WiFi password set",
      "Device WiFi clearance triggered",
      "Device activation triggered",
    ]);
    pair.kinds();
    pair.run(300);
    // It has come back by itself, each time.
    assert.equal(pair.kinds().join(), `0 020106${SERVICE_AD}0809${ascii("imp004m")}`);
    pair.end();
  });
});

describe("example battery", () => {
  each("battery", (make) => {
    let level = 80;
    const pair = make(() => level).run(500);
    assert.deepEqual(pair.kinds(), ["0 02010603030f18"]);
    assert.deepEqual(pair.said(), [`Battery of ${pair.bt.address()}: 100 %`]);
    pair.run(1000);
    const phone = pair.phone();
    const handle = phone.handle("2a19");
    const configuration = le16(parseInt(reverse(handle), 16) + 1);
    assert.equal(phone.read("2a19"), "\x50");
    level = 79;
    pair.run(1500);
    assert.deepEqual(phone.peer.frames, [], "nobody has subscribed");
    // It can notify and not indicate.
    assert.equal(phone.peer.att(`12${configuration}0200`), `0112${configuration}fd`);
    phone.peer.send(4, `12${configuration}0100`);
    pair.run(200);
    assert.deepEqual(phone.peer.frames.splice(0).map(({ bytes }) => bytes).sort(), ["13", `1b${handle}4f`]);
    for (level of [78, 77]) pair.run(1000);
    pair.run(2500);
    assert.deepEqual(phone.peer.frames.splice(0).map(({ bytes }) => bytes), [`1b${handle}4e`, `1b${handle}4d`], "each change once");
    assert.equal(phone.peer.att(`12${configuration}0000`), "13");
    level = 50;
    pair.run(2500);
    assert.deepEqual(phone.peer.frames, []);
    assert.equal(phone.read("2a19"), "\x32");
    phone.peer.central.disconnect();
    pair.run(500);
    assert.deepEqual(pair.said(), [`${PHONE} connected`, `${PHONE} wants to be told`, `${PHONE} does not want to be told any more`, `${PHONE} disconnected`]);
    pair.end();
  });
});

describe("the GATT server of the README", () => {
  it("does what it says", () => {
    const text = readFileSync("README.md", "utf8").split("\n## A GATT server\n")[1];
    const [, program] = /```js\n([^]*?)```/.exec(text)!;
    const board = createBoard();
    const lines: string[] = [];
    const say = (line: string): number => lines.push(line);
    const run = new Function("open", "hal", "firmware", "adJoin", "adFlags", "adName", "console", `"use strict";${program}\nreturn bt;`);
    const bt = run(open, board.hal, IMAGE, adJoin, adFlags, adName, { log: say, error: say }) as Bt;
    board.clock.until(() => bt.address() !== null, 10_000);
    board.clock.run(500);
    const phone = new Phone({ board, bt, clock: board.clock } as unknown as Pair);
    const uuid = "f0a1b2c300014d5e8f900123456789ab";
    const handle = phone.handle(uuid);
    assert.deepEqual([phone.read("2a00"), phone.read("2a29"), phone.read(uuid)], ["blimp lamp", "Blimp Works", "\0"]);
    assert.equal(phone.write(uuid, "12"), `0112${handle}0d`);
    assert.equal(phone.peer.att(`12${le16(parseInt(reverse(handle), 16) + 1)}0100`), "13");
    phone.peer.send(4, `12${handle}7f`);
    board.clock.run(300);
    assert.deepEqual(phone.peer.frames.splice(0).map(({ bytes }) => bytes).sort(), ["13", `1b${handle}7f`]);
    assert.equal(phone.read(uuid), "\x7f");
    phone.peer.central.disconnect();
    board.clock.run(300);
    assert.deepEqual(lines, [`${PHONE} has gone`]);
    bt.close();
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

  it("run.mjs lets a phone come to those that can be connected to", () => {
    const expected: Record<string, RegExp[]> = {
      "wifi-refresh": [/^Switching to SSID: Blimp Hangar, PSK: #{16}\n {4}phone: F299C3428A8A4544AC4208C841737B1B written\n {4}phone: disconnected$/m],
      "device-information": [/^ {4}phone: 2A24 is "imp004m"$/m, /^ {4}phone: 2A23 is "https:\/\/agent.electricimp.com\/000000000000"$/m],
      blinkup: [/refused, error 0x80$/m, /is "Blimp Hangar\\nlocked\\n\\nAirfield Guests\\nunlocked"$/m, /^Device activation triggered$/m],
      "code-fixed": [/^ {4}phone: its user types the code$/m, /security level 4$/m, /^Brightness 42$/m, / is 42$/m],
      "code-rotating": [/^Type \d{6}\n(?:.*\n)*Type \d{6}\n/m, /security level 4$/m, /^Brightness 42$/m],
      battery: [/( {4}phone: notified: \d+\n){3}/, new RegExp(`^${PHONE} disconnected$`, "m")],
    };
    for (const [name, texts] of Object.entries(expected)) {
      const { status, stdout, stderr } = run(name, "--fast", "--duration", "7");
      assert.deepEqual([status, stderr], [0, ""], name);
      for (const text of texts) assert.match(stdout, text);
      assert.ok(!stdout.includes("lighter than air"), "the password is not shown");
    }
  }).timeout(60_000);

  it("run.mjs says what is wrong with its arguments", () => {
    for (const [text, ...words] of [["NAME is one of"], ["NAME is one of", "toString"], ["transport", "beacon", "--h4", "usb"], ["no such file", "beacon", "--firmware", "nowhere"], ["--duration", "beacon", "--duration", "x"]]) {
      const { status, stdout, stderr } = run(...words);
      assert.deepEqual([status, stdout], [2, ""]);
      assert.ok(stderr.startsWith("run.mjs: ") && stderr.includes(text), stderr);
    }
  }).timeout(30_000);
});
