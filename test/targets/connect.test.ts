import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import type { RemoteService } from "../../core/gatt/client.js";
import { createExplorer } from "../../targets/node/commands/explorer.js";
import { parseLine, parseOperations } from "../../targets/node/commands/operations.js";
import { explainAtt, type Happening } from "../../targets/node/report/happening.js";
import { JsonReport } from "../../targets/node/report/json.js";
import { nameOf } from "../../targets/node/report/names.js";
import { TextReport } from "../../targets/node/report/text.js";
import { until } from "./support/bringup.js";
import { blimp, CLI, type Event, type Run } from "./support/cli.js";
import { useFolder } from "./support/folder.js";

const DEVICE = { address: "0a1b2c3d4e60", addresstype: 0 };
const WRIST = "f0a1b2c300014d5e8f900123456789ab";

function connect(...words: string[]): Run & { events: Event[] } {
  const run = spawnSync(process.execPath, [CLI, "connect", ...words, "--fast"], { encoding: "utf8", timeout: 20000, input: "" });
  const events = words.includes("--json") ? run.stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line)) : [];
  return { status: run.status, out: run.stdout, errors: run.stderr, events: events.filter(({ event }) => !["step", "progress", "ready", "connecting"].includes(event)) };
}

describe("blimp connect", function () {
  this.timeout(40000);
  const path = useFolder();

  it("tells what it takes", () => {
    const { status, out } = blimp("connect", "--help");
    assert.equal(status, 0);
    assert.match(out, /^usage: blimp connect ADDRESS \[OPERATION\]\.\.\. \[OPTION\]/);
    for (const line of out.split("\n")) assert.ok(line.length <= 80, line);
    for (const option of "random pair code level bonds timeout duration h4 json".split(" ")) assert.match(out, new RegExp(`\n  --${option} `));
    assert.match(out.replace(/\s+/g, " "), /With mock there is a device beside it, 0a1b2c3d4e60,/);
    assert.match(blimp("--help").out, /\n {2}connect +Connect to a device/);
  });

  it("lists what a device serves, for people, without being told which on the virtual air", () => {
    const { status, out, errors } = connect();
    assert.deepEqual([status, errors], [0, ""]);
    assert.ok(!/[^\n\x20-\x7e]/.test(out));
    assert.match(out, /\nconnecting to 0a:1b:2c:3d:4e:60 \(public address\)\n/);
    assert.match(out, /\n {2}service 1800 Generic Access\n {4}0x0003 2A00 Device Name {2}read\n {11}626c696d702070756c7365 "blimp pulse"\n/);
    assert.match(out, /\n {2}service 180D Heart Rate\n {4}0x0012 2A37 Heart Rate Measurement {2}read, notify\n {11}0048 "\\x00H"\n/);
    assert.match(out, /\n {11}0x0014 2901 User Description {2}4265[0-9a-f]+ "Beats per minute"\n/);
    assert.match(out, /\n {4}0x0018 2A39 Heart Rate Control Point {2}write\n {2}service 180F Battery\n/);
    assert.match(out, /\n {4}0x001f F0A1B2C3-0001-4D5E-8F90-0123456789AB {2}read, write\n {11}7772697374 "wrist"\n/);
    assert.match(out, /closed\n$/);
  });

  it("lists the same for programs", () => {
    const { status, events } = connect("0A:1B:2C:3D:4E:60", "--json");
    assert.equal(status, 0);
    assert.deepEqual(events.map(({ event }) => event), ["connect", "services", "end"]);
    const { services } = events[1];
    assert.deepEqual(services.map(({ uuid, name, primary }: any) => [uuid, name, primary]), [
      ["1800", "Generic Access", true],
      ["1801", "Generic Attribute", true],
      ["180d", "Heart Rate", true],
      ["180f", "Battery", true],
      ["f0a1b2c300004d5e8f900123456789ab", null, true],
    ]);
    const [rate, place] = services[2].chars;
    assert.deepEqual(rate, {
      uuid: "2a37",
      name: "Heart Rate Measurement",
      handle: 18,
      value: "0048",
      text: "\0H",
      flags: 18,
      properties: ["read", "notify"],
      descriptors: [
        { uuid: "2902", name: "Client Configuration", handle: 19 },
        { uuid: "2901", name: "User Description", handle: 20, value: Buffer.from("Beats per minute").toString("hex"), text: "Beats per minute" },
      ],
    });
    assert.deepEqual([place.uuid, place.value], ["2a38", "02"]);
  });

  it("reads, writes, sends and subscribes as it is told, one after the other", () => {
    const run = connect("--json", "--duration", "6", "read", "2A19", "write", WRIST, '"le\\x66t"', "read", "0x001f", "send", WRIST.replace("0001", "0002"), "0b5b", "subscribe", "2A37");
    assert.deepEqual([run.status, run.errors], [0, ""]);
    const [, ...done] = run.events;
    const told = done.map(({ event, uuid, value, on }) => [event, uuid?.slice(0, 8), value ?? on].join(" ").trim());
    assert.deepEqual(told.slice(0, 5), ["read 2a19 64", "write f0a1b2c3 6c656674", "read f0a1b2c3 6c656674", "send f0a1b2c3 0b5b", "subscribe 2a37 1"]);
    assert.ok(told.slice(5, -1).length >= 3 && told.slice(5, -1).every((line) => /^notify 2a37 00[45]/.test(line)), "it stays, and is notified");
    assert.equal(told.at(-1), "end");
    // The end of what it is told to do is the end where nothing is subscribed to.
    assert.deepEqual(connect("subscribe", "2A37", "unsubscribe", "2A37", "--json").events.map(({ event, on }) => [event, on].join(" ").trim()), ["connect", "subscribe 1", "subscribe 0", "end"]);
    assert.deepEqual(connect("subscribe", "2A37", "quit", "read", "2A19", "--json").events.map(({ event }) => event), ["connect", "subscribe", "end"]);
  });

  it("says in words what the device refuses, goes on, and ends with an error", () => {
    const run = connect("--json", "read", "2A39", "write", "2A38", "00", "read", "2A99", "read", "0x7777", "subscribe", "2A38", "read", "2A38");
    assert.equal(run.status, 1);
    assert.deepEqual(
      run.events.slice(1, -1).map(({ event, operation, reason, error }) => [event, operation, reason, error]),
      [
        ["failed", "read", 2, "it cannot be read (error 0x02)"],
        ["failed", "write", 3, "it cannot be written (error 0x03)"],
        ["failed", "read", null, "the device has no such characteristic"],
        ["failed", "read", 1, "there is no such handle (error 0x01)"],
        ["failed", "subscribe", null, "2A38 cannot be subscribed to"],
        ["read", undefined, undefined, undefined],
      ],
    );
    const text = connect("read", "2A39", "read", "0x7777").out;
    assert.match(text, / ms {2}failed +read 2A39: it cannot be read \(error 0x02\) {2}0a:1b:2c:3d:4e:60\n/);
    assert.match(text, / ms {2}failed +read 0x7777: there is no such handle/);
  });

  it("pairs with the code that the device shows", () => {
    const run = connect("--json", "--pair", "--code", "31415", "read", "2A19");
    assert.equal(run.status, 0);
    assert.deepEqual(run.events.map(({ event, code, security, bonded }) => [event, code ?? security, bonded]), [
      ["connect", 1, undefined],
      ["passkey", "031415", undefined],
      ["secure", 4, false],
      ["read", undefined, undefined],
      ["end", undefined, undefined],
    ]);
    assert.match(connect("--code", "31415", "--level", "3").out, /the code is 031415\n(.*\n)*.* secure +0a:1b:2c:3d:4e:60: paired, security level 4\n/);
  });

  it("says why it could not pair, and reads nothing then", () => {
    const wrong = connect("--json", "--code", "31416", "read", "2A19");
    assert.equal(wrong.status, 1);
    const failed = wrong.events.find(({ event }) => event === "failed")!;
    assert.deepEqual([failed.operation, failed.reason, failed.error], ["pairing", 4, "the code was wrong"]);
    assert.ok(!wrong.events.some(({ event }) => event === "read" || event === "secure"));
    const silent = connect("--pair");
    assert.equal(silent.status, 1);
    assert.match(silent.errors, /there is neither --code nor a terminal/);
    assert.match(silent.out, /failed +pairing: no code was typed/);
  });

  it("keeps a bond, and pairs anew with a device that has lost it", () => {
    const [first, second] = [1, 2].map(() => connect("--json", "--code", "31415", "--bonds", path("bonds"), "read", "2A19"));
    for (const run of [first, second]) {
      assert.deepEqual([run.status, run.errors], [0, ""]);
      assert.deepEqual(run.events.map(({ event }) => event), ["connect", "passkey", "secure", "read", "end"]);
      assert.equal(run.events[2].bonded, true);
    }
    // What has been secured once is secured the next time without being asked for. One that goes by that address, has not got the key, and offers less is refused.
    const third = connect("--json", "--bonds", path("bonds"), "read", "2A19");
    assert.equal(third.status, 1);
    assert.deepEqual(third.events.map(({ event }) => event), ["connect", "failed", "end"]);
  });

  it("gives up on a device that is not there", () => {
    const run = connect("0123456789ab", "--timeout", "2");
    assert.equal(run.status, 1);
    assert.match(run.errors, /^error: blimp connect: timeout \(0\); nothing was heard of the device in 2 s\. .*--random/);
    assert.match(run.out, / ms {2}closed\n$/);
    // Another kind of address is another device.
    assert.equal(connect(DEVICE.address, "--random", "--timeout", "1").status, 1);
  });

  it("refuses what cannot be meant, before anything is opened", () => {
    for (const [words, message] of [
      [["xyz"], /xyz: expected ADDRESS, 12 hex digits/],
      [["--h4", "unix:/nowhere"], /ADDRESS is missing/],
      [["--h4", "unix:/nowhere", "read", "2A19"], /read: expected ADDRESS/],
      [["jump"], /jump: expected ADDRESS/],
      [[DEVICE.address, "jump"], /jump: expected list, read, write, send, subscribe, unsubscribe, quit/],
      [["read"], /read: expected a UUID/],
      [["read", "2A1"], /read 2A1: expected a UUID/],
      [["write", "2A19"], /VALUE is missing/],
      [["write", "2A19", "abc"], /abc: expected hex digits/],
      [["--level", "2"], /--level 2/],
      [["--timeout", "61"], /--timeout 61: expected a number from 0.1 to 60/],
      [["--code", "-1"], /--code -1: expected an integer/],
    ] as const) {
      const run = blimp("connect", ...words);
      assert.deepEqual([run.status, run.out], [2, ""], words.join(" "));
      assert.match(run.errors, message);
    }
  });

  it("takes operations from a prompt, and the code from the user", async function () {
    if (spawnSync("script", ["--version"]).error) return this.skip();
    const child = spawn("script", ["-qec", `${process.execPath} ${CLI} connect --pair`, "/dev/null"], { stdio: ["pipe", "pipe", "ignore"], env: { ...process.env, NO_COLOR: "1" } });
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (data) => (out += data));
    let status: number | null = null;
    child.on("exit", (code) => (status = code));
    const says = (text: string): Promise<void> => until(() => out.includes(text), 20000);
    try {
      await says("the code that 0a:1b:2c:3d:4e:60 shows: ");
      child.stdin.write("031415\n");
      await says("blimp> ");
      assert.match(out, /secure +0a:1b:2c:3d:4e:60: paired, security level 4/);
      child.stdin.write('write F0A1B2C3-0001-4D5E-8F90-0123456789AB "left hand"\n');
      await says('6c6566742068616e64 "left hand"');
      child.stdin.write("jump\n");
      await says("jump: expected list");
      child.stdin.write("quit\n");
      await until(() => status !== null, 20000);
      assert.equal(status, 0);
    } finally {
      child.kill("SIGKILL");
    }
  });
});

describe("operations", () => {
  it("are read from words and from lines", () => {
    const value = Uint8Array.of(0xab, 0x01);
    assert.deepEqual(parseOperations(["read", "2A19", "write", "0x15", "AB01", "list"]), [{ what: "read", target: { uuid: "2a19" } }, { what: "write", target: { handle: 21 }, value }, { what: "list" }]);
    assert.deepEqual(parseLine(`  send ${WRIST.toUpperCase()}  "a \\"b\\" \\\\ \\xff"  `), [{ what: "send", target: { uuid: WRIST }, value: new Uint8Array(Buffer.from('a "b" \\ \xff', "latin1")) }]);
    assert.deepEqual(parseLine(""), []);
    assert.deepEqual(parseLine('write 2A19 ""'), [{ what: "write", target: { uuid: "2a19" }, value: new Uint8Array(0) }]);
    assert.deepEqual(parseLine('write 2A19 "\u00fc"'), [{ what: "write", target: { uuid: "2a19" }, value: new Uint8Array([0xc3, 0xbc]) }]);
    // The long form of a short UUID is the short one.
    assert.deepEqual(parseLine("read 00002A19-0000-1000-8000-00805F9B34FB"), [{ what: "read", target: { uuid: "2a19" } }]);
  });

  it("are refused where they cannot be meant", () => {
    for (const line of ["read", "read 0x0", "read 0x12345", "read 2A19 2A19", "write 2A19 abc", 'write 2A19 "abc', 'write 2A19 "\\q"', `write 2A19 ${"00".repeat(513)}`, "READ 2A19", "__proto__"]) {
      assert.throws(() => parseLine(line), { name: "Error" }, line);
    }
  });
});

describe("what a device has", () => {
  const HOSTILE = new Uint8Array(Buffer.from("\x1b[2J\r\n\x9b31m\xe2\x80\xae\xff\x7f\\\"z", "latin1"));
  const services: RemoteService[] = [
    { uuid: "180d", handle: 1, end: 9, primary: true, includes: [], chars: [{ uuid: "2a00", handle: 3, flags: 0xff, descriptors: [{ uuid: "2901", handle: 4 }] }] },
    { uuid: "toString", handle: 10, end: 12, primary: false, includes: [1], chars: [{ uuid: "2a01", handle: 12, flags: 0, descriptors: [] }] },
  ];
  const explored = { ms: 1, peer: DEVICE, services, readings: new Map<number, Uint8Array | string>([[3, HOSTILE], [4, explainAtt(5)], [12, new Uint8Array(600).fill(65)]]) };

  for (const isTTY of [false, true]) {
    it(`reaches people as harmless characters, ${isTTY ? "on a terminal" : "elsewhere"}`, () => {
      let out = "";
      const screen = { isTTY, write: (text: string) => (out += text) };
      const report = new TextReport(screen, screen, { LANG: "C.UTF-8", NO_COLOR: "1" });
      report.explored(explored);
      report.explored({ ...explored, services: [] });
      assert.ok(!/[^\n\x20-\x7e]/.test(out), JSON.stringify(out));
      assert.ok(out.includes('"\\x1b[2J\\x0d\\x0a\\x9b31m\\xe2\\x80\\xae\\xff\\x7f\\x5c"z"'), out);
      assert.match(out, /2901 User Description {2}the device wants to be paired with first \(--pair\) \(error 0x05\)\n/);
      assert.ok(out.includes("... (600 bytes)"));
      assert.match(out, /\n {2}nothing is served\n/);
    });
  }

  it("reaches programs in ASCII", () => {
    let out = "";
    new JsonReport((line) => (out += line)).explored(explored);
    assert.ok(!/[^\n\x20-\x7e]/.test(out));
    const { services } = JSON.parse(out);
    assert.equal(services[0].chars[0].value, Buffer.from(HOSTILE).toString("hex"));
    assert.match(services[0].chars[0].descriptors[0].error, /0x05/);
    assert.deepEqual([services[1].name, services[1].primary, services[1].includes], [null, false, [1]]);
  });

  it("has names for what is known, and for nothing that an object has by itself", () => {
    assert.deepEqual([nameOf("180d"), nameOf("toString"), nameOf("constructor"), nameOf("ffff")], ["Heart Rate", null, null, null]);
  });
});

describe("an explorer", () => {
  /** A link that answers as it is told. */
  function explore(answers: object): { told: Happening[]; explorer: ReturnType<typeof createExplorer>; asked: string[] } {
    const told: Happening[] = [];
    const asked: string[] = [];
    const twice = (handle: number): any => ({ uuid: "2a19", handle, flags: 0x12, descriptors: [] });
    const link: any = {
      discover: (done: any) => done(null, [{ uuid: "180f", handle: 1, end: 9, primary: true, includes: [], chars: [twice(3), twice(6), { ...twice(9), uuid: "2a1a" }] }]),
      read: (handle: number, done: any) => {
        asked.push(`read ${handle}`);
        done(null, Uint8Array.of(handle));
      },
      ...answers,
    };
    const explorer = createExplorer(link, { bt: { onroom: () => {} } as any, elapsed: () => 0, peer: DEVICE, report: { happened: (one: Happening) => told.push(one) } as any });
    explorer.discover(() => {});
    return { told, explorer, asked };
  }

  it("asks which is meant where a UUID stands twice", () => {
    const { told, explorer, asked } = explore({});
    let failed = -1;
    explorer.perform(parseLine("read 2A19 read 0x0006"), (failures) => (failed = failures));
    assert.equal(failed, 1);
    assert.equal((told[0] as any).error, "it stands 2 times: take its handle, 0x0003 or 0x0006");
    assert.deepEqual(asked, ["read 6"]);
  });

  it("has words for each way in which an answer can be missing", () => {
    const words: [string, RegExp][] = [["timeout", /did not answer in time/], ["disconnected", /has ended/], ["malformed", /made no sense/], ["new", /oops/]];
    for (const [code, expected] of words) {
      const { told, explorer } = explore({ read: (_: number, done: any) => done(Object.assign(new Error("oops"), { code, detail: 0 })) });
      explorer.perform(parseLine("read 2A1A"), () => {});
      assert.match((told[0] as any).error, expected);
    }
    for (let code = 1; code < 256; code++) assert.match(explainAtt(code), /^[a-z].* \(error 0x[0-9a-f]{2}\)$/);
  });
});

describe("the pages on connecting and security", () => {
  it("name every operation, option and event", () => {
    const page = readFileSync("docs/connect.md", "utf8");
    for (const what of "list read write send subscribe unsubscribe quit".split(" ")) assert.match(page, new RegExp(`\`${what}\\b`));
    for (const option of "random pair code level bonds duration".split(" ")) assert.ok(page.includes(`\`--${option}`), option);
    for (const event of "connecting connect passkey secure services notify failed close".split(" ")) assert.ok(page.includes(`\`${event}\``), event);
  });

  it("link only to what is there, and the program of the page on security is one", async () => {
    for (const name of ["connect", "security", "serve"]) {
      for (const [, target] of readFileSync(`docs/${name}.md`, "utf8").matchAll(/\]\(([^)#]+)\)/g)) assert.ok(existsSync(`docs/${target}`), `${name}: ${target}`);
    }
    const [, program] = /```js\n([^]*?)```/.exec(readFileSync("docs/security.md", "utf8"))!;
    const names = /import \{ ([^}]*) \} from "blimp"/.exec(program)![1].split(", ");
    const library: Record<string, unknown> = await import("../../targets/node/index.js");
    for (const name of names) assert.equal(typeof library[name], "function", name);
  });
});
