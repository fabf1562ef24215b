import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { blimp, CLI, type Event } from "./support/cli.js";
import { useFolder } from "./support/folder.js";

function events(out: string): Event[] {
  return out.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** The commands of direct tests in a btsnoop file, and their answers, in hex. */
function tests(file: string): string[] {
  const bytes = readFileSync(file);
  const found: string[] = [];
  for (let at = 16; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    const packet = bytes.toString("hex", at + 24, at + 24 + length);
    if (/^01(1d|1e|1f)20|^040e0[46]01(1d|1e|1f)20/.test(packet)) found.push(packet);
    at += 24 + length;
  }
  return found;
}

describe("blimp test", function () {
  this.timeout(30000);
  const path = useFolder();

  it("sends what it is told to, on the channel it is told", () => {
    const cases: [string, string, object][] = [
      ["", "011e2003" + "132500", { channel: 19, mhz: 2440, length: 37, payload: "prbs9" }],
      ["--channel 39 --length 0 --payload PRBS15", "011e2003" + "270003", { channel: 39, mhz: 2480, length: 0, payload: "prbs15" }],
      ["--mhz 2402 --length 9 --payload 01010101", "011e2003" + "000907", { channel: 0, mhz: 2402, length: 9, payload: "01010101" }],
    ];
    for (const [words, command, fields] of cases) {
      const trace = path("trace");
      const { status, out, errors } = blimp("test", "tx", "--fast", "--json", "--duration", "2", "--trace", trace, ...words.split(" ").filter((word) => word !== ""));
      assert.deepEqual([status, errors], [0, ""]);
      const told = events(out);
      assert.deepEqual(told.find(({ event }) => event === "testing"), { event: "testing", what: "transmit", ...fields });
      const { ms, ...rest } = told.find(({ event }) => event === "tested")!;
      assert.deepEqual(rest, { event: "tested", what: "transmit" });
      assert.ok(ms >= 2000 && ms < 2050, `${ms}`);
      assert.deepEqual(tests(trace), [command, "040e04011e2000", "011f2000", "040e06011f20000000"]);
    }
  });

  it("counts what the tester sends, and says what share has not arrived", () => {
    const trace = path("trace");
    const { status, out } = blimp("test", "rx", "--fast", "--json", "--mhz", "2404", "--duration", "1", "--sent", "3200", "--trace", trace);
    assert.equal(status, 0);
    const told = events(out);
    assert.deepEqual(told.find(({ event }) => event === "testing"), { event: "testing", what: "receive", channel: 1, mhz: 2404 });
    const { packets, sent, loss } = told.find(({ event }) => event === "tested")!;
    assert.ok(Math.abs(packets - 1600) < 10, `${packets}`);
    assert.deepEqual([sent, loss], [3200, Math.round(10000 * (1 - packets / 3200)) / 100]);
    assert.equal(tests(trace)[0], "011d200101");
    const text = blimp("test", "rx", "--fast", "--duration", "1", "--sent", "100").out;
    assert.match(text, /testing counting test packets on channel 19, 2440 MHz\n[^]* 16\d\d packets received of 100: 0 % lost in 1\.00 s\n/);
  });

  it("tells the number also when it is interrupted", async () => {
    const child = spawn(process.execPath, [CLI, "test", "rx", "--json"], { stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    const status = await new Promise<number | null>((resolve) => {
      child.stdout.on("data", (data) => {
        const begun = /"testing".*\n/.test(out);
        out += data;
        // Once: a second one would end it at once.
        if (!begun && /"testing".*\n/.test(out)) child.kill("SIGINT");
      });
      child.on("close", resolve);
    });
    assert.equal(status, 0);
    const told = events(out);
    assert.deepEqual(told.slice(-2).map(({ event }) => event), ["tested", "end"]);
    assert.equal(typeof told.at(-2)!.packets, "number");
  });

  it("says why the controller refuses", () => {
    const { status, out, errors } = blimp("test", "tx", "--fast", "--length", "38");
    assert.equal(status, 1);
    assert.match(errors, /^error: blimp test: refused \(18\)\n {2}The controller does not do this test\. One before version 4\.2 takes packets of\n {2}37 bytes at most/);
    assert.match(out, /closed\n$/);
  });

  const wrong: [string, RegExp][] = [
    ["", /tx\|rx is missing/],
    ["ty", /ty: expected tx or rx/],
    ["tx --channel 40", /--channel 40: expected an integer from 0 to 39/],
    ["tx --mhz 2481", /--mhz 2481: expected an integer from 2402 to 2480/],
    ["tx --mhz 2403", /--mhz 2403: expected an even number/],
    ["tx --mhz 2404 --channel 1", /--mhz 2404: contradicts --channel/],
    ["tx --length 256", /--length 256: expected an integer from 0 to 255/],
    ["tx --payload noise", /--payload noise: expected one of prbs9, 11110000/],
    ["rx --length 1", /--length 1: only tx sends/],
    ["rx --payload prbs9", /--payload prbs9: only tx sends/],
    ["tx --sent 1", /--sent 1: only rx counts/],
    ["rx --sent 0", /--sent 0: expected an integer from 1 to 65535/],
    ["rx --duration 0", /--duration 0: expected a number from 0.001/],
  ];
  for (const [line, what] of wrong) {
    it(`refuses: blimp test ${line}`, () => {
      const { status, out, errors } = blimp("test", ...line.split(" ").filter((word) => word !== ""));
      assert.match(errors, what);
      assert.deepEqual([status, out], [2, ""]);
    });
  }
});
