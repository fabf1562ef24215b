import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { makeImage } from "../../hal/mock/index.js";
import { blimp, CLI, type Event } from "./support/cli.js";
import { until } from "./support/bringup.js";
import { useFolder } from "./support/folder.js";

const ADVERT = "0201061aff4c0002159277830ab2eb490fa1dd7fe38c492ede00010002c5";

function events({ out }: { out: string }): Event[] {
  return out.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** A command that goes on, and what it has written so far. */
class Going {
  out = "";
  status: number | null = null;
  private readonly _child: ChildProcess;

  constructor(...words: string[]) {
    this._child = spawn(process.execPath, [CLI, ...words], { stdio: ["ignore", "pipe", "inherit"] });
    this._child.stdout!.on("data", (data) => (this.out += data));
    this._child.on("exit", (code) => (this.status = code ?? -1));
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this._child.kill(signal);
    await until(() => this.status !== null, 10000);
  }

  kill(): void {
    this._child.kill("SIGKILL");
  }

  deafen(): void {
    this._child.stdout!.destroy();
  }
}

/** The packets of a btsnoop file: direction and hex. */
function packets(file: string): string[] {
  const bytes = readFileSync(file);
  const found: string[] = [];
  for (let at = 16; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    found.push((bytes.readUInt32BE(at + 8) & 1 ? "< " : "> ") + bytes.toString("hex", at + 24, at + 24 + length));
    at += 24 + length;
  }
  return found;
}

describe("the command line", function () {
  this.timeout(30000);
  const path = useFolder();
  const running: Going[] = [];

  function begin(...words: string[]): Going {
    const going = new Going(...words);
    running.push(going);
    return going;
  }

  afterEach(() => {
    for (const going of running.splice(0)) going.kill();
  });

  it("tells what there is, and its version", () => {
    assert.match(blimp("--help").out, /^usage: blimp COMMAND[^]*beacon[^]*demo/);
    assert.equal(blimp("--help").status, 0);
    assert.equal(blimp("--version").out, `blimp ${JSON.parse(readFileSync("package.json", "utf8")).version}\n`);
    for (const command of ["beacon", "scan", "serve", "connect", "reset", "test", "demo"]) {
      const { status, out } = blimp(command, "--help");
      assert.equal(status, 0);
      assert.match(out, new RegExp(`^usage: blimp ${command} `));
      for (const line of out.split("\n")) assert.ok(line.length <= 80, line);
    }
    const { out } = blimp("beacon", "-h");
    for (const option of "uuid major minor power interval h4 firmware mac trace json fast flow no-flow baud regon duration".split(" ")) {
      assert.match(out, new RegExp(`\n  --${option} `));
    }
  });

  const wrong: [string, RegExp][] = [
    ["", /COMMAND is missing/],
    ["frob", /frob: no such command/],
    ["toString", /toString: no such command/],
    ["--frob", /--frob: no such option/],
    ["beacon --frob", /--frob: no such option/],
    ["beacon --toString", /--toString: no such option/],
    ["beacon -x", /-x: no such option/],
    ["beacon now", /now: not an option/],
    ["beacon -- now", /now: not an option/],
    ["demo --h4 mock", /--h4: no such option/],
    ["beacon --json=1", /--json=1: takes no value/],
    ["beacon --major", /--major: N is missing, 0 to 65535/],
    ["beacon --major=", /--major: N is missing/],
    ["beacon --trace --json", /--trace: FILE is missing/],
    ["beacon --major 65536", /--major 65536: expected an integer from 0 to 65535/],
    ["beacon --minor -1", /--minor -1: expected an integer from 0 to 65535/],
    ["beacon --minor 1.5", /--minor 1.5: expected an integer/],
    ["beacon --major 0x10", /--major 0x10: expected an integer/],
    ["beacon --power -129", /--power -129: expected an integer from -128 to 127/],
    ["beacon --interval 19", /--interval 19: expected an integer from 20 to 10240/],
    ["beacon --interval 10241", /--interval 10241: expected an integer from 20 to 10240/],
    ["beacon --duration 0", /--duration 0: expected a number from 0.001 to/],
    ["beacon --baud 9599", /--baud 9599: expected an integer from 9600 to 3000000/],
    ["beacon --uuid 9277830A", /--uuid 9277830A: expected 32 hex digits/],
    ["beacon --mac 11:22", /--mac 11:22: expected 12 hex digits/],
    ["beacon --h4 usb", /--h4 usb: expected mock, unix:PATH, tcp:HOST:PORT or serial:DEVICE/],
    ["beacon --fast --h4 unix:/x", /--fast: only mock/],
    ["beacon --flow --no-flow", /--flow: contradicts --no-flow/],
    ["beacon --flow --h4 tcp:localhost:1", /--flow: tcp:localhost:1 has no RTS and CTS/],
    ["beacon --regon /pin", /--regon \/pin: the BT_REG_ON of mock is wired/],
    ["beacon --regon pin --h4 unix:/x", /--regon pin: expected a command with \{level\}/],
    ["beacon --firmware /no/such/file", /--firmware \/no\/such\/file: ENOENT/],
    ["beacon --trace /no/such/file", /--trace \/no\/such\/file: ENOENT/],
  ];
  for (const [line, what] of wrong) {
    it(`refuses: blimp ${line}`, () => {
      const { status, out, errors } = blimp(...line.split(" ").filter((word) => word !== ""));
      assert.match(errors, what);
      assert.match(errors, /Try blimp (beacon |demo )?--help\.\n$/);
      assert.equal(out, "");
      assert.equal(status, 2);
    });
  }

  it("puts the imp's iBeacon on the air", () => {
    const trace = path("a.btsnoop");
    const run = blimp("beacon", "--json", "--fast", "--duration", "1", "--trace", trace);
    assert.equal(run.errors, "");
    assert.equal(run.status, 0);
    const told = events(run);
    const steps = told.filter(({ event }) => event === "step").map(({ step }) => step);
    assert.deepEqual([steps[0], steps.includes("record")], ["power", true]);
    const progress = told.filter(({ event }) => event === "progress");
    assert.deepEqual(progress[progress.length - 1], { event: "progress", done: makeImage().length, total: makeImage().length });
    const ready = told.find(({ event }) => event === "ready")!;
    assert.deepEqual(Object.keys(ready), ["event", "ms", "name", "revision", "address"]);
    assert.equal(ready.revision, 508);
    assert.match(ready.address, /^[0-9a-f]{12}$/);
    assert.deepEqual(told.find(({ event }) => event === "advertising"), {
      event: "advertising",
      uuid: "9277830A-B2EB-490F-A1DD-7FE38C492EDE",
      major: 1,
      minor: 2,
      power: -59,
      interval: 100,
      advert: ADVERT,
    });
    const end = told[told.length - 1];
    assert.equal(end.event, "end");
    assert.ok(Math.abs(end.ms - ready.ms - 1000) < 50);

    const passed = packets(trace);
    assert.equal(passed[0], "> 01030c00");
    assert.ok(passed.includes(`> 010820201e${ADVERT}00`));
    assert.ok(passed.some((packet) => packet.startsWith("> 0106200fa000a00003")));
    assert.ok(passed.includes("> 010a200101") && passed.includes("< 040e04010a2000"));
    // Whoever closes resets the chip.
    assert.equal(passed[passed.length - 1], "> 01030c00");
  });

  it("puts any other on the air", () => {
    const trace = path("a.btsnoop");
    const beacon = "--uuid 00112233445566778899aabbccddeeff --major 65535 --minor 258 --power -5 --interval 1000".split(" ");
    const chip = "--mac 11:22:33:AA:bb:cc --no-flow --baud 230400".split(" ");
    const run = blimp("beacon", "--json", "--fast", "--duration", "0.5", "--trace", trace, ...beacon, ...chip);
    assert.equal(run.status, 0);
    const told = events(run);
    assert.equal(told.find(({ event }) => event === "ready")!.address, "112233aabbcc");
    const advert = "0201061aff4c00021500112233445566778899aabbccddeeffffff0102fb";
    assert.equal(told.find(({ event }) => event === "advertising")!.advert, advert);
    const passed = packets(trace);
    assert.ok(passed.includes(`> 010820201e${advert}00`));
    assert.ok(passed.some((packet) => packet.startsWith("> 0106200f40064006")));
    assert.ok(passed.includes("> 0118fc060000" + "00840300"));
  });

  it("takes a firmware from a file, and says what is wrong with one", () => {
    const file = path("image.hcd");
    writeFileSync(file, makeImage({ revision: 77, size: 20000 }));
    const good = events(blimp("beacon", "--json", "--fast", "--duration", "0.1", "--firmware", file));
    assert.equal(good.find(({ event }) => event === "ready")!.revision, 77);
    writeFileSync(file, makeImage().subarray(0, 9000));
    const bad = blimp("beacon", "--json", "--fast", "--firmware", file);
    assert.equal(bad.status, 1);
    const error = events(bad).find(({ event }) => event === "error")!;
    assert.match(error.code, /^firmware-/);
    assert.equal(typeof error.message, "string");
    const text = blimp("beacon", "--fast", "--firmware", file);
    assert.equal(text.status, 1);
    assert.match(text.errors, /^error: blimp firmware: .*\n {2}The image is not a whole \.hcd file/);
  });

  it("says what is wrong when there is no controller", () => {
    const { status, errors } = blimp("beacon", "--h4", `unix:${path("none")}`);
    assert.equal(status, 1);
    assert.match(errors, /^error: .*connect ENOENT.*\n {2}The way to the controller/);
  });

  it("is plain text where nobody looks at a terminal", () => {
    const { status, out } = blimp("beacon", "--fast", "--duration", "0.1");
    assert.equal(status, 0);
    assert.ok(!/[^\n\x20-\x7e]/.test(out));
    assert.match(out, /advertising an iBeacon every 100 ms, power -59 dBm\n {2}UUID 9277830A-B2EB-490F-A1DD-7FE38C492EDE {2}major 1 {2}minor 2\n/);
    assert.match(out, /closed\n$/);
  });

  it("does not wait for the end of its time when it is interrupted", async () => {
    const going = begin("beacon", "--json", "--duration", "1000");
    await until(() => going.out.includes("advertising"), 20000);
    await going.end("SIGINT");
    assert.equal(going.status, 0);
  });

  it("ends the demonstration in order, both boards of it", async () => {
    for (const moment of ['"advertising"', '"scanning"']) {
      const going = begin("demo", "--json");
      await until(() => going.out.includes(moment), 20000);
      await going.end("SIGTERM");
      assert.equal(going.status, 0);
      assert.equal(events(going).filter(({ event }) => event === "end").length, 1);
      assert.equal(events(going).pop()!.event, "end");
    }
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`ends in order on ${signal}, on the air and before`, async () => {
      const trace = path("a.btsnoop");
      const going = begin("beacon", "--json", "--trace", trace);
      await until(() => going.out.includes("advertising"), 20000);
      await going.end(signal);
      assert.equal(going.status, 0);
      assert.equal(events(going).pop()!.event, "end");
      assert.equal(packets(trace).pop(), "> 01030c00");

      const early = begin("beacon", "--json");
      await until(() => early.out.includes('"step"'), 20000);
      await early.end(signal);
      assert.equal(early.status, 0);
      assert.ok(!early.out.includes("ready"));
    });
  }

  it("ends when nobody reads what it tells", async () => {
    const going = begin("beacon", "--json");
    await until(() => going.out.includes('"step"'), 20000);
    going.deafen();
    await until(() => going.status !== null, 10000);
    assert.notEqual(going.status, -1);
  });

  /** What is told of the Wi-Fi refresh: the code as it is, as it is asked for, what has been reached, what both say. */
  const REFRESH = "passkey said said passkey said secure connect said said said said said end".split(" ");

  it("has its Wi-Fi set by a phone whose user types the code, and shows no password", () => {
    const { status, out } = blimp("demo", "--json", "--fast");
    assert.equal(status, 0);
    const told = out.trimEnd().split("\n").map((line) => JSON.parse(line));
    const [first, second] = told.filter(({ event }) => event === "passkey");
    assert.match(first.code, /^\d{6}$/);
    assert.equal(second.code, first.code);
    const secure = told.find(({ event }) => event === "secure");
    assert.deepEqual([secure.security, secure.address, second.address], [4, "0b5e12e20002", "0b5e12e20002"]);
    assert.deepEqual(
      told.filter(({ event }) => event === "said").map(({ who, text }) => `${who}: ${text.replace(/([0-9a-f]{2}:){5}[0-9a-f]{2}/, "ADDRESS")}`),
      [
        "phone: looks for the Wi-Fi service",
        "phone: has found it, and is connected to ADDRESS",
        "phone: its user types the code",
        'phone: writes the network\'s name, "Blimp Hangar"',
        "phone: writes the password, ################",
        "phone: has both applied",
        'device: would join "Blimp Hangar", password ################',
        "phone: the device has ended the connection",
      ],
    );
    assert.ok(!out.includes("lighter than air"));
    assert.equal(out.split(first.code).length, 3, "the code stands in the two lines that show it");
  });

  it("demonstrates the whole path", () => {
    const run = blimp("demo", "--json", "--fast");
    assert.equal(run.errors, "");
    assert.equal(run.status, 0);
    const told = events(run);
    // Two boards, each with a download of its own, and one after the other.
    const ready = told.filter(({ event }) => event === "ready");
    assert.equal(ready.length, 2);
    assert.ok(ready[0].address !== ready[1].address && ready[0].ms < ready[1].ms);
    assert.deepEqual(told.filter(({ event, done, total }) => event === "progress" && done === total).length, 2);
    const order = told.map(({ event }) => event).filter((event) => event !== "step" && event !== "progress");
    assert.deepEqual(order, ["ready", "advertising", "ready", "scanning", ..."advert ".repeat(5).trim().split(" "), ...REFRESH]);
    const scanning = told.find(({ event }) => event === "scanning")!;
    assert.deepEqual(scanning, { event: "scanning", active: false, interval: 500, window: 110, rules: [{ type: 3, data: "0201061aff4c000215" }] });
    for (const { rssi, time, ...advert } of told.filter(({ event }) => event === "advert")) {
      assert.deepEqual(advert, {
        event: "advert",
        type: 3,
        address: ready[0].address,
        addresstype: 1,
        data: ADVERT,
        rule: 0,
        ibeacon: { uuid: "9277830ab2eb490fa1dd7fe38c492ede", major: 1, minor: 2, power: -59 },
      });
      assert.ok(rssi > -70 && rssi < -55 && time > ready[1].ms - 1);
    }
    // It is the same each time.
    assert.equal(blimp("demo", "--json", "--fast").out, run.out);
  });

  it("demonstrates it to people, at the pace of the wall clock", () => {
    const start = Date.now();
    const { status, out } = blimp("demo");
    assert.equal(status, 0);
    assert.equal(out.match(/from [0-9a-f:]{17} at -6\d dBm, power -59 dBm, about \d\.\d m\n/g)!.length, 5);
    assert.ok(Date.now() - start > 2000 && Date.now() - start < 15000);
    assert.match(out, /\n *\d+ ms {2}device +would join "Blimp Hangar", password #{16}\n/);
    assert.equal(out.split("\n").filter((line) => line.includes("9277830A-B2EB-490F-A1DD-7FE38C492EDE  major 1  minor 2")).length, 6);
    assert.ok(!/[^\n\x20-\x7e]/.test(out));
    for (const line of out.split("\n")) assert.ok(line.length <= 80, line);
  });

  it("demonstrates it with a firmware of one's own, and records it", () => {
    const file = path("image.hcd");
    const trace = path("a.btsnoop");
    writeFileSync(file, makeImage({ name: "BCM43430A1 my own" }));
    const { status, out } = blimp("demo", "--fast", "--firmware", file, "--trace", trace);
    assert.equal(status, 0);
    assert.match(out, /BCM43430A1 my own/);
    assert.ok(existsSync(trace) && packets(trace).length > 50);
  });
});
