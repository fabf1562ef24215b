import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { Central, createBoard } from "../../hal/mock/index.js";
import { parseTable } from "../../targets/node/commands/table.js";
import { until } from "./support/bringup.js";
import { blimp, CLI, type Event } from "./support/cli.js";
import { useFolder } from "./support/folder.js";
import { RemoteChip } from "./support/remotechip.js";

const EXAMPLE = "examples/heart-rate.json";
const PHONE = { address: "0b5e12e20002", addresstype: 0 };

function events({ out }: { out: string }): Event[] {
  return out.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** What was told of serving: neither steps nor times. */
function told(run: { out: string }): object[] {
  return events(run)
    .filter(({ event }) => !["step", "progress", "ready"].includes(event))
    .map(({ ms, ...rest }) => rest);
}

describe("blimp serve", function () {
  this.timeout(30000);
  const path = useFolder();

  /** Serves a table for some virtual seconds. */
  function serve(table: object, ...words: string[]): ReturnType<typeof blimp> {
    writeFileSync(path("table.json"), JSON.stringify(table));
    return blimp("serve", path("table.json"), "--fast", "--duration", "6", ...words);
  }

  it("tells what it takes, and that somebody comes by", () => {
    const { status, out } = blimp("serve", "--help");
    assert.equal(status, 0);
    assert.match(out, /^usage: blimp serve TABLE\.json \[OPTION\]/);
    for (const line of out.split("\n")) assert.ok(line.length <= 80, line);
    for (const option of "h4 firmware mac flow no-flow baud regon trace fast json duration".split(" ")) assert.match(out, new RegExp(`\n  --${option} `));
    assert.match(out.replace(/\s+/g, " "), /docs\/serve\.md .* With mock a phone comes by/);
    assert.match(blimp("--help").out, /\n {2}serve +Be the device that a file describes/);
  });

  it("serves the example, and a phone reads and subscribes", () => {
    const run = blimp("serve", EXAMPLE, "--json", "--fast", "--duration", "6");
    assert.deepEqual([run.status, run.errors], [0, ""]);
    const all = told(run) as Event[];
    const serving = all.shift()!;
    assert.deepEqual([serving.event, serving.name, serving.min, serving.max, serving.security], ["serving", "blimp pulse", 100, 150, 1]);
    assert.equal(serving.advert, "020106" + "03020d18" + "0c09626c696d702070756c7365");
    assert.equal(serving.scanResponse, "0c09626c696d702070756c7365");
    assert.deepEqual(
      serving.services.map(({ uuid, chars }: any) => [uuid, chars.map((char: any) => `${char.uuid} ${char.flags}`)]),
      [
        ["180d", ["2a37 18", "2a38 2", "2a39 8"]],
        ["180f", ["2a19 18"]],
        ["f0a1b2c300004d5e8f900123456789ab", ["f0a1b2c300014d5e8f900123456789ab 10", "f0a1b2c300024d5e8f900123456789ab 4"]],
      ],
    );
    const [rate, , , level, place] = serving.services.flatMap(({ chars }: any) => chars.map(({ handle }: any) => handle));
    // A descriptor, a configuration and declarations lie between the values.
    assert.deepEqual([level - rate, place - rate], [9, 13]);
    assert.deepEqual(all.slice(0, 2), [
      { event: "connect", ...PHONE, security: 1 },
      { event: "read", ...PHONE, service: "180d", uuid: "2a37", handle: rate, value: "0048", text: "\0H" },
    ]);
    assert.deepEqual(
      all.slice(2, 5).map(({ event, uuid, value, text }) => `${event} ${uuid} ${value} ${text}`),
      ["read 2a38 02 \x02", "read 2a19 64 d", "read f0a1b2c300014d5e8f900123456789ab 7772697374 wrist"],
    );
    assert.deepEqual(all.slice(5), [
      { event: "subscribe", ...PHONE, service: "180d", uuid: "2a37", handle: rate, on: 1 },
      { event: "subscribe", ...PHONE, service: "180f", uuid: "2a19", handle: level, on: 1 },
      { event: "close", ...PHONE, reason: 0x13, why: "the peer ended it" },
      { event: "end" },
    ]);
  });

  it("tells people the same in plain lines", () => {
    const { status, out, errors } = blimp("serve", EXAMPLE, "--fast", "--duration", "6");
    assert.deepEqual([status, errors], [0, ""]);
    assert.ok(!/[^\n\x20-\x7e]/.test(out));
    assert.match(out, /\nserving "blimp pulse", security level 1, an advert every 100 to 150 ms\n/);
    assert.match(out, /\n {2}service 180D\n {4}2A37 {2}read, notify\n {4}2A38 {2}read\n {4}2A39 {2}write\n/);
    assert.match(out, / ms {2}connect +0b:5e:12:e2:00:02, security level 1\n/);
    assert.match(out, / ms {2}read +2A37 0048 "\\x00H" {2}0b:5e:12:e2:00:02\n/);
    assert.match(out, / ms {2}subscribe +2A19 notifications {2}0b:5e:12:e2:00:02\n/);
    assert.match(out, / ms {2}close +0b:5e:12:e2:00:02: the peer ended it\n/);
    assert.match(out, /closed\n$/);
  });

  it("shows values that harm a terminal as their bytes, and the beginning of long ones", () => {
    const chars = [
      { uuid: "2A00", text: "a\x1b[2J\r\n\\" },
      { uuid: "2A01", value: "41".repeat(512) },
      { uuid: "2A02", text: "" , flags: 2 },
    ];
    const { out } = serve({ name: "\x1b]0;x\x07", services: [{ uuid: "1234", chars }] });
    assert.ok(!/[^\n\x20-\x7e]/.test(out));
    assert.ok(out.includes('serving "\\x1b]0;x\\x07"'), out);
    assert.ok(out.includes('2A00 611b5b324a0d0a5c "a\\x1b[2J\\x0d\\x0a\\x5c"  0b:'), out);
    assert.ok(out.includes(`2A01 ${"41".repeat(32)} "${"A".repeat(32)}"... (512 bytes)  0b:`), out);
    assert.ok(out.includes("2A02 (empty)  0b:"), out);
    const json = serve({ services: [{ uuid: "1234", chars }] }, "--json");
    assert.ok(!/[^\n\x20-\x7e]/.test(json.out));
    const reads = events(json).filter(({ event }) => event === "read");
    assert.deepEqual(reads.map(({ text }) => text), ["a\x1b[2J\r\n\\", "A".repeat(512), ""], "each value is read to its end, and told once");
  });

  it("indicates to a phone that subscribes to indications", () => {
    const run = serve({ services: [{ uuid: "180D", chars: [{ uuid: "2A37", value: "01", flags: ["indicate"] }] }] }, "--json");
    assert.deepEqual(
      events(run).filter(({ event }) => event === "subscribe").map(({ uuid, on }) => [uuid, on]),
      [["2a37", 2]],
    );
  });

  it("ends the connection before it is over, and records that", () => {
    const trace = path("a.btsnoop");
    // The phone stays for longer than that.
    const run = blimp("serve", EXAMPLE, "--json", "--fast", "--duration", "1.5", "--trace", trace);
    assert.deepEqual([run.status, run.errors], [0, ""]);
    assert.deepEqual((told(run) as Event[]).slice(-2).map(({ event }) => event), ["subscribe", "end"]);
    const recorded = readFileSync(trace).toString("hex");
    const disconnect = recorded.indexOf("01060403400013");
    const complete = recorded.indexOf("0405040040", disconnect);
    assert.ok(disconnect > 0 && complete > disconnect && recorded.endsWith("01030c00"), "Disconnect, its completion, Reset");
  });

  it("ends in the middle of what the phone wants", () => {
    for (const duration of ["0.02", "0.1", "0.4", "0.6"]) {
      const { status, errors } = blimp("serve", EXAMPLE, "--fast", "--duration", duration);
      assert.deepEqual([status, errors], [0, ""], duration);
    }
  });

  it("sends an advert of one's own as it is, with and without a response", () => {
    const own = (table: object): Event => events(serve({ services: [], ...table }, "--json")).find(({ event }) => event === "serving")!;
    const made = own({});
    assert.deepEqual([made.advert, made.scanResponse], ["0201060609626c696d70", "0609626c696d70"]);
    const alone = own({ advert: "02 01 05 ff" });
    assert.deepEqual([alone.advert, alone.scanResponse], ["020105ff", null]);
    const both = own({ advert: "", scanResponse: "AB", min: 20, max: 20 });
    assert.deepEqual([both.advert, both.scanResponse, both.min, both.max], ["", "ab", 20, 20]);
  });

  it("makes an advert of what fits", () => {
    const made = (name: string, ...uuids: string[]): string[] => {
      const serving = events(serve({ name, services: uuids.map((uuid) => ({ uuid, chars: [] })) }, "--json")).find(({ event }) => event === "serving")!;
      return [serving.advert, serving.scanResponse];
    };
    const long = "f0a1b2c300004d5e8f900123456789ab";
    const reversed = "ab8967452301908f5e4d0000c3b2a1f0";
    assert.deepEqual(made("", "180D"), ["020106" + "03030d18", null]);
    // The whole list, and a list that is not whole.
    assert.deepEqual(made("12345678", long), ["020106" + "1107" + reversed + "09093132333435363738", "09093132333435363738"]);
    assert.deepEqual(made("123456789", long, long.replace("f0", "f1")), ["020106" + "1106" + reversed, "0a09313233343536373839"]);
    // A long name is cut between two characters: 29 bytes would end within one.
    const [, response] = made("x" + "\u00fc".repeat(16));
    assert.equal(response, "1e08" + "78" + "c3bc".repeat(14));
    const [, cut] = made("\u00fc".repeat(16));
    assert.equal(cut, "1d08" + "c3bc".repeat(14));
  });

  it("says what this build cannot do in the library's words", () => {
    // Until pairing is part of the build.
    const { status, out, errors } = serve({ security: 3, code: 123456, services: [] });
    if (status === 0) return;
    assert.equal(status, 1);
    assert.match(errors, /^error: blimp setsecurity: .*level 3/);
    assert.match(out, /closed\n$/);
  });

  it("refuses a file that is not there, is not JSON, or is not a table", () => {
    const refusal = (...words: string[]): string => {
      const { status, out, errors } = blimp("serve", ...words);
      assert.deepEqual([status, out], [2, ""]);
      assert.match(errors, /^blimp serve: .*\nTry blimp serve --help\.\n$/);
      return errors;
    };
    assert.match(refusal(), /TABLE\.json is missing/);
    assert.match(refusal("--json"), /TABLE\.json is missing/);
    assert.match(refusal(path("none.json")), /ENOENT/);
    assert.match(refusal(path(".")), /EISDIR/);
    assert.match(refusal(EXAMPLE, "other.json"), /other\.json: there is a TABLE\.json already, examples/);
    assert.match(refusal(EXAMPLE, "--major", "1"), /--major: no such option/);
    assert.match(refusal(EXAMPLE, "--duration", "0"), /--duration 0: expected a number/);
    writeFileSync(path("bad.json"), '{"services":\x1b[]}');
    const bad = refusal(path("bad.json"));
    assert.ok(bad.includes(`${path("bad.json")}: not JSON: `) && !bad.includes("\x1b"), bad);
    writeFileSync(path("table.json"), '{"services":[{"uuid":"180F","chars":[{"uuid":"2A19","flags":256}]}]}');
    assert.ok(refusal(path("table.json")).includes(`${path("table.json")}: services[0].chars[0].flags is 256, expected an integer, 0..255\n`));
  });
});

describe("blimp serve, going on", function () {
  this.timeout(30000);
  const path = useFolder();
  const sockets: Socket[] = [];
  let server: Server | null = null;
  let child: ChildProcess | null = null;
  let remote: RemoteChip | null = null;

  afterEach(() => {
    child?.kill("SIGKILL");
    remote?.stop();
    server?.close();
    for (const socket of sockets.splice(0)) socket.destroy();
    child = remote = server = null;
  });

  it("serves somebody on the other side of a socket, and ends in order when it is interrupted", async () => {
    const board = createBoard({ part: "plain", flow: false });
    server = createServer((socket) => {
      sockets.push(socket);
      socket.on("error", () => {});
      remote = new RemoteChip(board, (data) => socket.write(data));
      socket.on("data", (data) => remote!.receive(data));
    }).listen(path("h4"));
    let out = "";
    let status: number | null = null;
    child = spawn(process.execPath, [CLI, "serve", EXAMPLE, "--json", "--h4", `unix:${path("h4")}`], { stdio: ["ignore", "pipe", "inherit"] });
    child.stdout!.setEncoding("utf8").on("data", (data) => (out += data));
    child.on("exit", (code) => (status = code ?? -1));
    const find = (event: string): Event | undefined => out.split("\n").slice(0, -1).map((line) => JSON.parse(line)).find((each) => each.event === event);

    await until(() => find("serving") !== undefined, 10000);
    const { address } = find("ready")!;
    const [{ chars }] = find("serving")!.services;
    const central = new Central(board.air);
    const frames: string[] = [];
    const ends: number[] = [];
    central.onframe = (_, payload) => void frames.push(Buffer.from(payload).toString("hex"));
    central.ondisconnected = (reason) => void ends.push(reason);
    const deaf = board.air.sniff(({ pdu }) => {
      deaf();
      assert.equal(Buffer.from(pdu.address.bytes).reverse().toString("hex"), address);
      central.connect(address, pdu.address.random);
    });
    await until(() => find("connect") !== undefined, 10000);
    central.send(4, [0x12, chars[2].handle, 0, 0x1b, 0x5b, 0x41]);
    await until(() => find("write") !== undefined && frames.length > 0, 10000);
    assert.deepEqual(frames, ["13"]);
    const { ms, ...write } = find("write")!;
    assert.deepEqual(write, { event: "write", ...PHONE, service: "180d", uuid: "2a39", handle: chars[2].handle, value: "1b5b41", text: "\x1b[A" });
    assert.ok(!/[^\n\x20-\x7e]/.test(out));

    child.kill("SIGINT");
    await until(() => status !== null, 10000);
    assert.equal(status, 0);
    await until(() => ends.length > 0, 10000);
    assert.deepEqual(ends, [0x13]);
    assert.ok(find("end") !== undefined && find("close") === undefined);
  });
});

describe("a table", () => {
  const char = (fields: object): object => ({ services: [{ uuid: "180F", chars: [{ uuid: "2A19", ...fields }] }] });
  const first = (fields: object): any => parseTable(JSON.stringify(char(fields))).services[0].chars[0];

  it("is what the example and its page say", () => {
    const table = parseTable(readFileSync(EXAMPLE, "utf8"));
    assert.equal(table.services.length, 3);
    const page = readFileSync("docs/serve.md", "utf8");
    for (const key of "advert scanResponse min max security code name services uuid chars value text flags level descriptors onwrite".split(" ")) assert.ok(page.includes(`\`${key}\``), key);
    for (const [, block] of page.matchAll(/```json\n([^]*?)```/g)) parseTable(block);
    assert.ok(page.includes("```json"));
  });

  it("has flags from what a characteristic does, as a number, or by their names", () => {
    const flags = (fields: object): number => first(fields).flags;
    assert.deepEqual([flags({}), flags({ value: "" }), flags({ text: "x" })], [0, 2, 2]);
    assert.deepEqual([flags({ onwrite: "log" }), flags({ onwrite: "store" }), flags({ value: "00", onwrite: "log" })], [8, 10, 10]);
    assert.deepEqual([flags({ flags: 18 }), flags({ flags: ["read", "notify"] }), flags({ flags: [] })], [18, 18, 0]);
    assert.equal(flags({ flags: ["broadcast", "write-without-response", "write", "indicate", "signed-write", "extended"] }), 0xed);
  });

  it("has UUIDs in every form, and one form for each", () => {
    const uuid = (value: unknown): string => first({ uuid: value }).uuid;
    assert.deepEqual([uuid("2a19"), uuid("2A19"), uuid(0x2a19), uuid("00002A19-0000-1000-8000-00805F9B34FB")], Array(4).fill("2a19"));
    assert.equal(uuid("F0A1B2C3-0001-4D5E-8F90-0123456789AB"), "f0a1b2c300014d5e8f900123456789ab");
    assert.equal(uuid(1), "0001");
  });

  it("has intervals that fit each other", () => {
    const between = (fields: object): number[] => {
      const { min, max } = parseTable(JSON.stringify({ services: [], ...fields }));
      return [min, max];
    };
    assert.deepEqual([between({}), between({ min: 500 }), between({ max: 50 }), between({ max: 500 }), between({ min: 20, max: 10240 })], [[100, 100], [500, 500], [50, 50], [100, 500], [20, 10240]]);
  });

  it("has text as UTF-8, hex digits with blanks, and no byte order mark", () => {
    assert.equal(Buffer.from(first({ text: "\u00fc\u{1f493}" }).value).toString("hex"), "c3bcf09f9293");
    assert.equal(Buffer.from(first({ value: "0a 0B\n0c" }).value).toString("hex"), "0a0b0c");
    assert.equal(parseTable('\ufeff{"name":"\u00fc","services":[]}').name, "\xc3\xbc");
  });

  it("finds the characteristic that is to be notified in the same service, else the only one", () => {
    const told = { uuid: "2A19", flags: ["notify"] };
    const teller = { uuid: "AAAA", onwrite: "notify:2a19" };
    const parse = (services: object[][]): any => parseTable(JSON.stringify({ services: services.map((chars) => ({ uuid: "180F", chars })) })).services;
    const twice = parse([[told, teller], [told, teller]]);
    assert.equal(twice[0].chars[1].onwrite, twice[0].chars[0]);
    assert.equal(twice[1].chars[1].onwrite, twice[1].chars[0]);
    const apart = parse([[teller], [told]]);
    assert.equal(apart[0].chars[0].onwrite, apart[1].chars[0]);
    const itself = parse([[{ uuid: "AAAA", flags: ["write", "indicate"], onwrite: "notify:AAAA" }]]);
    assert.equal(itself[0].chars[0].onwrite, itself[0].chars[0]);
    assert.throws(() => parse([[teller], [told], [told]]), /services\[0\]\.chars\[0\]\.onwrite is "notify:2a19", expected a UUID that stands once, .*: it stands 2 times/);
  });

  const wrong: [string, string, string | RegExp][] = [
    ["no object", "[]", "the whole is [], expected an object, the table"],
    ["nothing", "", /^not JSON: /],
    ["no services", "{}", "services is missing, expected an array"],
    ["services that are no array", '{"services":{}}', "services is {}, expected an array"],
    ["an unknown key", '{"services":[],"advertise":1}', "advertise is no key of the table, expected advert, scanResponse, min, max, security, code, name, services"],
    ["a key of the prototype", '{"services":[],"__proto__":{}}', /^__proto__ is no key of the table/],
    ["a key that is none of a terminal's business", '{"services":[],"\\u001b[2J":1}', /^\\u001b\[2J is no key of the table/],
    ["a key twice", '{"name":"a",\n"services":[],\n"name":"b"}', 'line 3: "name" stands twice in one object'],
    ["a key twice, written otherwise", '{"services":[{"uuid":"1234","chars":[],"u\\u0075id":"1235"}]}', 'line 1: "uuid" stands twice in one object'],
    ["an advert that is too long", `{"services":[],"advert":"${"00".repeat(32)}"}`, "advert is \"" + "0".repeat(56) + "..., expected up to 31 bytes, not 32"],
    ["half a byte", '{"services":[],"scanResponse":"123"}', 'scanResponse is "123", expected an even number of hex digits, up to 62'],
    ["min", '{"services":[],"min":19}', "min is 19, expected an integer, 20..10240"],
    ["max", '{"services":[],"max":100.5}', "max is 100.5, expected an integer, 20..10240"],
    ["max below min", '{"services":[],"min":200,"max":199}', "max is 199, expected min (200) or more"],
    ["security", '{"services":[],"security":2}', "security is 2, expected 1, 3 or 4"],
    ["a code for nothing", '{"services":[],"code":1}', "code is 1, expected none, because security is 1 and no value has a level"],
    ["a code", '{"services":[],"security":4,"code":1000000}', "code is 1000000, expected an integer, 0..999999"],
    ["a name", '{"services":[],"name":7}', "name is 7, expected a text"],
    ["a long name", JSON.stringify({ services: [], name: "\u00fc".repeat(125) }), /^name is "(\\u00fc)+.*expected up to 248 bytes in UTF-8, not 250$/],
    ["null for a default", '{"services":[],"advert":null}', "advert is null, expected an even number of hex digits, up to 62"],
    ["a service", '{"services":[7]}', "services[0] is 7, expected an object, a service"],
    ["a service without UUID", '{"services":[{"chars":[]}]}', "services[0].uuid is missing, expected a UUID: 4 or 32 hex digits, or a number of 16 bits"],
    ["a service without characteristics", '{"services":[{"uuid":"180F"}]}', "services[0].chars is missing, expected an array"],
    ["a UUID", '{"services":[{"uuid":"180","chars":[]}]}', /^services\[0\]\.uuid is "180", expected a UUID/],
    ["a UUID as a number", '{"services":[{"uuid":65536,"chars":[]}]}', /^services\[0\]\.uuid is 65536, expected a UUID/],
    ["a service of the stack's", '{"services":[{"uuid":"00001801-0000-1000-8000-00805F9B34FB","chars":[]}]}', /^services\[0\]\.uuid is "00001801-.*expected another service: Generic Access/],
    ["an unknown key of a characteristic", JSON.stringify(char({ flag: 1 })), /^services\[0\]\.chars\[0\]\.flag is no key of a characteristic, expected uuid, value, text, flags,/],
    ["value and text", JSON.stringify(char({ value: "00", text: "x" })), "services[0].chars[0].text stands beside services[0].chars[0].value, expected one of them"],
    ["a long value", JSON.stringify(char({ value: "00".repeat(513) })), /^services\[0\]\.chars\[0\]\.value is "0+\.\.\., expected up to 512 bytes, not 513$/],
    ["a long text", JSON.stringify(char({ text: "x".repeat(513) })), /expected up to 512 bytes in UTF-8, not 513$/],
    ["flags", JSON.stringify(char({ flags: "read" })), 'services[0].chars[0].flags is "read", expected an integer, 0..255'],
    ["a name of a flag", JSON.stringify(char({ flags: ["read", "toString"] })), /^services\[0\]\.chars\[0\]\.flags\[1\] is "toString", expected broadcast, read, write-without-response,/],
    ["a level", JSON.stringify(char({ level: 2 })), "services[0].chars[0].level is 2, expected 1, 3 or 4"],
    ["what to do on a write", JSON.stringify(char({ onwrite: "keep" })), 'services[0].chars[0].onwrite is "keep", expected "log", "store" or "notify:UUID"'],
    ["whom to notify", JSON.stringify(char({ onwrite: "notify:" })), 'services[0].chars[0].onwrite is "", expected notify: and a UUID, 4 or 32 hex digits'],
    ["whom that is not there", JSON.stringify(char({ onwrite: "notify:AAAA" })), 'services[0].chars[0].onwrite is "notify:aaaa", expected the UUID of a characteristic in this table'],
    ["whom that cannot be notified", JSON.stringify(char({ onwrite: "notify:2A19" })), /expected a characteristic with notify \(16\) or indicate \(32\) in its flags \(8\)$/],
    ["a write that is not allowed", JSON.stringify(char({ flags: 2, onwrite: "store" })), /^services\[0\]\.chars\[0\]\.onwrite is "store", expected none, because flags \(2\) have neither write/],
    ["a descriptor that is there by itself", JSON.stringify(char({ descriptors: [{ uuid: "2902" }] })), /^services\[0\]\.chars\[0\]\.descriptors\[0\]\.uuid is "2902", expected another/],
    ["a configuration as a service", JSON.stringify({ services: [{ uuid: "2902", chars: [] }] }), /^services\[0\]\.uuid is "2902", expected another: 2800 to 2803 and 2902 are there by themselves/],
    ["a declaration as a characteristic", JSON.stringify({ services: [{ uuid: "180f", chars: [{ uuid: 0x2803 }] }] }), /^services\[0\]\.chars\[0\]\.uuid is 10243, expected another/],
    ["a UUID of zeros as a characteristic", JSON.stringify({ services: [{ uuid: "180f", chars: [{ uuid: "0000" }] }] }), /^services\[0\]\.chars\[0\]\.uuid is "0000", expected another/],
    ["a UUID of zeros as a descriptor", JSON.stringify(char({ descriptors: [{ uuid: "0000" }] })), /descriptors\[0\]\.uuid is "0000", expected another than 0000$/],
    ["a declaration as a descriptor", JSON.stringify(char({ descriptors: [{ uuid: "2803" }] })), /descriptors\[0\]\.uuid is "2803", expected a descriptor, and no declaration$/],
    ["a key of a descriptor", JSON.stringify(char({ descriptors: [{ uuid: "2901", flags: 2 }] })), /^services\[0\]\.chars\[0\]\.descriptors\[0\]\.flags is no key of a descriptor, expected uuid, value, text, level$/],
  ];
  for (const [what, text, message] of wrong) {
    it(`is refused for ${what}`, () => {
      assert.throws(
        () => parseTable(text),
        (error: Error) => {
          if (typeof message === "string") assert.equal(error.message, message);
          else assert.match(error.message, message);
          return true;
        },
      );
    });
  }
});
