import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { createServer, type Server, type Socket } from "node:net";
import { failure } from "../../core/errors.js";
import { createBoard, PduType, type BeaconOptions } from "../../hal/mock/index.js";
import { adFlags, adIBeacon, adJoin, adName, type Advert } from "../../targets/node/index.js";
import { hear } from "../../targets/node/report/hearing.js";
import { asciiJson, columns, fit, printable } from "../../targets/node/report/printable.js";
import { ScanReport } from "../../targets/node/report/scan.js";
import type { TextOutput } from "../../targets/node/report/text.js";
import { blimp, CLI, type Event, type Run } from "./support/cli.js";
import { until } from "./support/bringup.js";
import { useFolder } from "./support/folder.js";
import { RemoteChip } from "./support/remotechip.js";

const UUID = "9277830ab2eb490fa1dd7fe38c492ede";
const DASHED = "9277830A-B2EB-490F-A1DD-7FE38C492EDE";

/** What is on the air of mock, as it is told. */
const IBEACON = {
  event: "advert",
  type: 3,
  rssi: -63,
  address: "c2a1b0000001",
  addresstype: 1,
  data: `0201061aff4c000215${UUID}00010002c5`,
  rule: 0,
  ibeacon: { uuid: UUID, major: 1, minor: 2, power: -59 },
};
const EDDYSTONE = {
  event: "advert",
  type: 3,
  rssi: -75,
  address: "c2a1b0000002",
  addresstype: 1,
  data: "0201060303aafe0e16aafe10ec036578616d706c6500",
  rule: 0,
  eddystone: { frame: "url", power: -20, url: "https://example.com/" },
};
const LAMP = { event: "advert", type: 0, rssi: -51, address: "0a1b2c3d4e5f", addresstype: 0, data: "02010603030f18", rule: 0 };
const RESPONSE = { ...LAMP, type: 4, data: "0b09626c696d70206c616d70", name: "blimp lamp" };

/** Escape sequences in both forms, what changes the direction of writing, what ends a line, and what is no UTF-8. */
const HOSTILE = "a\x1b[2J\x9b31m\r\n\x07\x7f\\\xe2\x80\xae\xffz";
const HOSTILE_SHOWN = "a\\x1b[2J\\x9b31m\\x0d\\x0a\\x07\\x7f\\x5c\\xe2\\x80\\xae\\xffz";
/** The same in a web address: its prefix is "http://". */
const HOSTILE_URL = "\x02\x1b]0;x\x0e\x9b\x7fy";

function events(out: string): Event[] {
  return out.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** The adverts that `blimp scan --json --fast` tells of, without their time, which rises. */
function adverts(...words: string[]): object[] {
  const { status, out, errors } = blimp("scan", "--json", "--fast", ...words);
  assert.deepEqual([status, errors], [0, ""]);
  let last = 0;
  return events(out)
    .filter(({ event }) => event === "advert")
    .map(({ time, ...rest }) => {
      assert.ok(Number.isInteger(time) && time >= last, `${time}`);
      last = time;
      return rest;
    });
}

/** Each of them once. */
function kinds(all: object[]): object[] {
  return [...new Set(all.map((each) => JSON.stringify(each)))].sort().map((text) => JSON.parse(text));
}

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** A terminal that knows as much as the table asks of one. */
class Terminal implements TextOutput {
  readonly isTTY = true;
  readonly columns: number;
  readonly rows: number;
  readonly lines: string[] = [""];
  cursor = true;
  written = "";
  private _row = 0;
  private _column = 0;

  constructor(size: { columns?: number; rows?: number } = {}) {
    this.columns = size.columns ?? 80;
    this.rows = size.rows ?? 24;
  }

  write(text: string): void {
    this.written += text;
    for (const [, sequence, number, letter, character] of text.matchAll(/(\x1b\[\??(\d*)([A-Za-z]))|([^\x1b])/gu)) {
      if (sequence === undefined) this._type(character);
      else if (letter === "A") this._row -= Number(number);
      else if (letter === "K") this.lines[this._row] = this.lines[this._row].slice(0, this._column);
      else if (letter === "J") this.lines.splice(this._row, Infinity, this.lines[this._row].slice(0, this._column));
      else if (letter === "h" || letter === "l") this.cursor = letter === "h";
      else assert.equal(letter, "m", JSON.stringify(sequence));
      assert.ok(this._row >= 0);
    }
  }

  private _type(character: string): void {
    if (character === "\r") this._column = 0;
    else if (character === "\n") {
      this._row++;
      this._column = 0;
      if (this._row === this.lines.length) this.lines.push("");
    } else {
      const line = this.lines[this._row];
      this.lines[this._row] = line.slice(0, this._column) + character + line.slice(this._column + 1);
      this._column++;
      assert.ok(columns(this.lines[this._row]) < this.columns, this.lines[this._row]);
    }
  }
}

function advert(given: Partial<Advert>): Advert {
  return { type: 3, rssi: -63, address: "c2a1b0000001", addresstype: 1, data: new Uint8Array(0), time: 0, rule: 0, ...given };
}

describe("blimp scan", function () {
  this.timeout(30000);

  it("tells what it takes, and what there is to hear", () => {
    const { status, out } = blimp("scan", "--help");
    assert.equal(status, 0);
    assert.match(out, /^usage: blimp scan /);
    for (const line of out.split("\n")) assert.ok(line.length <= 80, line);
    for (const option of "active interval window rule count duration h4 firmware mac flow no-flow baud regon trace fast json".split(" ")) {
      assert.match(out, new RegExp(`\n  --${option} `));
    }
    const text = out.replace(/\s+/g, " ");
    for (const part of [`${DASHED}, major 1, minor 2`, "https://example.com/", '"blimp lamp"', "data (up to 62 hex digits"]) assert.ok(text.includes(part), part);
    assert.match(blimp("--help").out, /\n {2}scan +Bring a controller up and show what it hears/);
  });

  it("tells programs of everything that is on the air", () => {
    assert.deepEqual(kinds(adverts("--duration", "2")), kinds([IBEACON, EDDYSTONE, LAMP]));
    assert.deepEqual(kinds(adverts("--duration", "2", "--active")), kinds([IBEACON, EDDYSTONE, LAMP, RESPONSE]));
  });

  it("has the keys of an advert in their order, and says how it scans", () => {
    const { out } = blimp("scan", "--json", "--fast", "--count", "1", "--active", "--interval", "100", "--window", "50", "--rule", '{"data":"4C000215","minrssi":-90}');
    const told = events(out);
    const heard = told.find(({ event }) => event === "advert")!;
    assert.deepEqual(Object.keys(heard), ["event", "type", "rssi", "address", "addresstype", "data", "time", "rule", "ibeacon"]);
    assert.deepEqual(told.find(({ event }) => event === "scanning"), {
      event: "scanning",
      active: true,
      interval: 100,
      window: 50,
      rules: [{ data: "4c000215", minrssi: -90 }],
    });
    assert.equal(told.at(-1)!.event, "end");
  });

  it("tries its rules in their order", () => {
    const rules = ['{"type":4}', '{"data":"AAFE"}', '{"address":"c2a1________","minrssi":-70}'].flatMap((rule) => ["--rule", rule]);
    const expected = [{ ...RESPONSE, rule: 0 }, { ...EDDYSTONE, rule: 1 }, { ...IBEACON, rule: 2 }];
    assert.deepEqual(kinds(adverts("--duration", "2", "--active", ...rules)), kinds(expected));
    assert.deepEqual(adverts("--duration", "1", "--rule", '{"addresstype":0,"type":3}'), []);
    assert.deepEqual(kinds(adverts("--duration", "2", "--rule", '{"data":"","addresstype":0,"other":[1]}')), [LAMP]);
    assert.equal(adverts("--duration", "2.2", "--rule", '{"addresstype":0,"collect":0.5}').length, 4);
  });

  it("ends after so many adverts, or after so long", () => {
    for (const count of [1, 7, 40]) assert.equal(adverts("--count", String(count)).length, count);
    const told = events(blimp("scan", "--json", "--fast", "--duration", "1.5").out);
    assert.ok(Math.abs(told.at(-1)!.ms - told.find(({ event }) => event === "ready")!.ms - 1500) < 50);
  });

  it("is a plain line for each advert where nobody looks at a terminal", () => {
    const { status, out } = blimp("scan", "--fast", "--duration", "2", "--active");
    assert.equal(status, 0);
    assert.ok(!/[^\n\x20-\x7e]/.test(out));
    assert.match(out, /\nscanning actively, 10 of every 10 ms, 1 rule\n/);
    assert.match(out, new RegExp(` ms {2}c2:a1:b0:00:00:01 random ADV_NONCONN_IND {2}-63 dBm {2}rule 0 {2}iBeacon ${DASHED} major 1 minor 2, about 1.6 m\n`));
    assert.match(out, / ms {2}c2:a1:b0:00:00:02 random ADV_NONCONN_IND {2}-75 dBm {2}rule 0 {2}Eddystone https:\/\/example.com\/, about 5.0 m\n/);
    assert.match(out, / ms {2}0a:1b:2c:3d:4e:5f public ADV_IND {10}-51 dBm {2}rule 0\n/);
    assert.match(out, / ms {2}0a:1b:2c:3d:4e:5f public SCAN_RSP {9}-51 dBm {2}rule 0 {2}"blimp lamp"\n/);
    assert.match(out, /closed\n$/);
  });

  const wrong: [string[], RegExp][] = [
    [["--interval", "2"], /--interval 2: expected an integer from 3 to 10240\n/],
    [["--interval", "10241"], /--interval 10241: expected an integer from 3 to 10240\n/],
    [["--interval", "20", "--window", "21"], /--window 21: expected an integer from 3 to 20\n/],
    [["--window", "11"], /--window 11: expected an integer from 3 to 10\n/],
    [["--count", "0"], /--count 0: expected an integer from 1 to 1000000000\n/],
    [["--duration", "0"], /--duration 0: expected a number from 0.001 to 2000000\n/],
    [["--active=1"], /--active=1: takes no value\n/],
    [["--rule"], /--rule: JSON is missing/],
    [["--rule", "{}", "--rule", "x"], /--rule x: expected a JSON object such as /],
    [["--rule", "[]", "--rule", "{}"], /--rule \[\]: expected a JSON object such as /],
    [["--rule", "null"], /--rule null: expected a JSON object/],
    [["--rule", '{"data":"4c0"}'], /--rule \{"data":"4c0"\}: data is "4c0", expected an even number of hex digits, 0 to 62\n/],
    [["--rule", '{"data":[76]}'], /data is \[76\], expected an even number of hex digits/],
    [["--rule", `{"data":"${"00".repeat(32)}"}`], /data is "0+", expected an even number of hex digits, 0 to 62\n/],
    [["--rule", "{}", "--rule", '{"minrssi":21}'], /--rule \{"minrssi":21\}: rules\[1\]\.minrssi is 21, expected an integer, -127\.\.20\n/],
    [["--rule", '{"type":5}', "--rule", "{}"], /--rule \{"type":5\}: rules\[0\]\.type is 5, expected an integer, 0\.\.4\n/],
    [["--rule", '{"address":"11"}'], /rules\[0\]\.address is 11, expected 12 hex digits or _\n/],
    [["--rule", '{"collect":0}'], /rules\[0\]\.collect is 0, expected more than 0, up to 86400\n/],
    [["--h4", "usb"], /--h4 usb: expected mock, /],
    [["--major", "1"], /--major: no such option/],
  ];
  for (const [words, what] of wrong) {
    it(`refuses: blimp scan ${words.join(" ").slice(0, 60)}`, () => {
      const { status, out, errors } = blimp("scan", ...words);
      assert.match(errors, what);
      assert.match(errors, /^blimp scan: .*\nTry blimp scan --help\.\n$/);
      assert.deepEqual([out, status], ["", 2]);
    });
  }

  it("says what is wrong when there is no controller", () => {
    const { status, errors } = blimp("scan", "--h4", "unix:/no/such/socket");
    assert.equal(status, 1);
    assert.match(errors, /^error: .*connect ENOENT/);
  });
});

describe("blimp scan, going on", function () {
  this.timeout(30000);
  const path = useFolder();
  let server: Server | null = null;
  let child: ChildProcess | null = null;
  let remote: RemoteChip | null = null;
  const sockets: Socket[] = [];

  afterEach(() => {
    child?.kill("SIGKILL");
    remote?.stop();
    server?.close();
    for (const socket of sockets.splice(0)) socket.destroy();
    child = remote = server = null;
  });

  /** A controller at the end of a socket, on whose air these are; gives back the transport. */
  async function serve(...others: BeaconOptions[]): Promise<string> {
    const board = createBoard({ part: "plain", flow: false });
    for (const options of others) board.air.advertise({ interval: 50, ...options });
    server = createServer((socket) => {
      sockets.push(socket);
      socket.on("error", () => {});
      remote?.stop();
      remote = new RemoteChip(board, (data) => socket.write(data));
      socket.on("data", (data) => remote!.receive(data));
    });
    const listening = server;
    await new Promise<void>((resolve) => listening.listen(path("h4"), resolve));
    return `unix:${path("h4")}`;
  }

  function begin(...words: string[]): { run: Run; ended: () => boolean } {
    const run: Run = { status: null, out: "", errors: "" };
    let closed = false;
    child = spawn(process.execPath, [CLI, ...words], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout!.setEncoding("utf8").on("data", (data) => (run.out += data));
    child.stderr!.setEncoding("utf8").on("data", (data) => (run.errors += data));
    child.on("close", (code) => {
      run.status = code ?? -1;
      closed = true;
    });
    return { run, ended: () => closed };
  }

  it("lets nothing through that harms a terminal", async () => {
    const url = adJoin([Uint8Array.of(3, 3, 0xaa, 0xfe), Uint8Array.of(15, 0x16, 0xaa, 0xfe, 0x10, 0xec, ...bytes(HOSTILE_URL))]);
    const transport = await serve(
      { data: adName(HOSTILE), address: "000000000001" },
      { data: url, address: "000000000002" },
      { data: adName("f\xc3\xbcr"), response: adName(HOSTILE), address: "000000000003", rssi: 127 },
    );
    const text = begin("scan", "--h4", transport, "--count", "30", "--active");
    await until(text.ended, 20000);
    assert.deepEqual([text.run.errors, text.run.status], ["", 0]);
    assert.ok(!/[^\n\x20-\x7e]/.test(text.run.out));
    assert.ok(text.run.out.includes(`00:00:00:00:00:01 public ADV_NONCONN_IND  -60 dBm  rule 0  "${HOSTILE_SHOWN}"\n`), text.run.out);
    assert.ok(text.run.out.includes("Eddystone http://\\x1b]0;x\\x0e\\x9b\\x7fy, about 0.9 m\n"), text.run.out);
    assert.ok(text.run.out.includes(`00:00:00:00:00:03 public SCAN_RSP         unknown  rule 0  "${HOSTILE_SHOWN}"\n`), text.run.out);

    const json = begin("scan", "--h4", transport, "--count", "30", "--active", "--json");
    await until(json.ended, 20000);
    assert.equal(json.run.status, 0);
    assert.ok(!/[^\n\x20-\x7e]/.test(json.run.out));
    const told = events(json.run.out).filter(({ event }) => event === "advert");
    const find = (address: string, type: number): Event => told.find((each) => each.address === address && each.type === type)!;
    assert.equal(find("000000000001", 3).name, Buffer.from(HOSTILE, "latin1").toString("utf8"));
    assert.equal(find("000000000001", 3).data, Buffer.from(adName(HOSTILE)).toString("hex"));
    assert.deepEqual(find("000000000002", 3).eddystone, { frame: "url", power: -20, url: `http://${HOSTILE_URL.slice(1)}` });
    assert.deepEqual([find("000000000003", 2).name, find("000000000003", 2).rssi], ["f\u00fcr", 127]);
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`ends in order on ${signal}`, async () => {
      // The time that it might have gone on for does not hold it back.
      const { run, ended } = begin("scan", "--json", "--duration", "1000");
      await until(() => run.out.includes('"advert"'), 20000);
      child!.kill(signal);
      await until(ended, 10000);
      assert.deepEqual([run.errors, run.status, events(run.out).at(-1)!.event], ["", 0, "end"]);
    });
  }

  it("ends when nobody reads what it tells", async () => {
    const { run } = begin("scan");
    await until(() => run.out.includes("scanning"), 20000);
    const going = child!;
    going.stdout!.destroy();
    await until(() => going.exitCode !== null, 10000);
    assert.equal(run.errors, "");
  });
});

describe("what a scan shows people", () => {
  const environment = { LANG: "C.UTF-8" };
  const ibeacon = adJoin([adFlags(6), adIBeacon(DASHED, 65535, 65535, -59)]);

  it("is a table that stays in its place", () => {
    const terminal = new Terminal();
    const report = new ScanReport(terminal, terminal, environment);
    report.title("title");
    report.heard(hear(advert({ data: ibeacon }), 1));
    report.heard(hear(advert({ data: adName("\xc3\x9cber"), address: "0a1b2c3d4e5f", addresstype: 0, type: PduType.SCAN_RSP, rssi: 127, rule: 12 }), 2));
    assert.equal(terminal.cursor, false);
    report.warning(failure("rom", "power", 1));
    for (let i = 0; i < 10; i++) report.heard(hear(advert({ data: ibeacon, rssi: -83 }), 3 + i));
    report.warning(failure("another", "step", 2));
    report.end(1234);
    assert.equal(terminal.cursor, true);
    assert.deepEqual(terminal.lines.map((line) => line.trimEnd()), [
      "title",
      "",
      "warning: blimp power: rom (1)",
      "  The chip runs without firmware, more or less well. Give it one with",
      "  --firmware.",
      "warning: blimp step: another (2)",
      "ADDRESS           TYPE   EVENT               DBM RULE     SEEN DISTANCE",
      "c2:a1:b0:00:00:01 random ADV_NONCONN_IND     -83    0       11     16 m",
      `  iBeacon ${DASHED} major 65535 minor 65535`,
      "0a:1b:2c:3d:4e:5f public SCAN_RSP        unknown   12        1",
      '  "\u00dcber"',
      "12 adverts",
      "    1234 ms  closed",
      "",
    ]);
  });

  it("fits the terminal, whoever is about", () => {
    for (const size of [{}, { columns: 80, rows: 10 }, { columns: 40, rows: 24 }, { columns: 200, rows: 4 }]) {
      const terminal = new Terminal(size);
      const report = new ScanReport(terminal, terminal, environment);
      for (let i = 0; i < 600; i++) {
        const data = i % 3 ? adName(HOSTILE) : adJoin([adName("\xe6\xbc\xa2".repeat(9))]);
        report.heard(hear(advert({ address: i.toString(16).padStart(12, "0"), rssi: -(i % 100), data }), i));
      }
      report.end(0);
      assert.ok(!/[\0-\x09\x0b-\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]/.test(terminal.written));
      assert.ok(terminal.lines.length - 2 < terminal.rows, `${terminal.lines.length}`);
      assert.match(terminal.lines.at(-3)!, /^600 adverts; no room for \d+ rows more$/);
      if (terminal.rows > 4) assert.ok(terminal.lines.some((line) => line.includes(" random ")));
    }
  });

  it("gives the cursor back and leaves no timer where it ends by an accident", () => {
    const terminal = new Terminal();
    const before = process.listenerCount("exit");
    const report = new ScanReport(terminal, terminal, environment);
    report.heard(hear(advert({}), 1));
    assert.equal(process.listenerCount("exit"), before + 1);
    (process.listeners("exit").at(-1) as () => void)();
    assert.equal(terminal.cursor, true);
    report.end(2);
    assert.equal(process.listenerCount("exit"), before);
    assert.equal(terminal.lines.at(-2), "       2 ms  closed");
  });

  it("is lines where a terminal cannot do better", () => {
    const terminal = new Terminal({ columns: 200 });
    const report = new ScanReport(terminal, terminal, { ...environment, TERM: "dumb" });
    report.heard(hear(advert({ data: adName("\xc3\x9c") }), 1));
    report.heard(hear(advert({}), 2));
    report.end(3);
    assert.deepEqual(terminal.lines.slice(0, 2), [
      '       1 ms  c2:a1:b0:00:00:01 random ADV_NONCONN_IND  -63 dBm  rule 0  "\\xc3\\x9c"',
      "       2 ms  c2:a1:b0:00:00:01 random ADV_NONCONN_IND  -63 dBm  rule 0",
    ]);
    assert.ok(!terminal.written.includes("\x1b"));
  });

  it("is text in which only harmless characters are themselves", () => {
    assert.equal(printable(HOSTILE, true), HOSTILE_SHOWN);
    assert.equal(printable(HOSTILE, false), HOSTILE_SHOWN);
    for (let byte = 0; byte < 256; byte++) {
      const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
      const shown = plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
      for (const unicode of [true, false]) assert.equal(printable(String.fromCharCode(byte), unicode), shown);
    }
    for (let code = 0x80; code < 0x110000; code += code < 0x3000 ? 1 : 7) {
      const text = String.fromCodePoint(code);
      const shown = printable(Buffer.from(text).toString("latin1"), true);
      assert.ok(shown === text ? !/[\p{C}\p{Z}\p{M}]/u.test(text) : /^(\\x[0-9a-f]{2}){2,4}$/.test(shown), `${code.toString(16)}: ${shown}`);
    }
    // Too long a form of "/" and of an escape; half a surrogate; one that is cut off.
    for (const bad of ["\xc0\xaf", "\xe0\x80\x9b", "\xed\xa0\x80", "\xe6\xbc"]) {
      assert.equal(printable(bad, true), [...bad].map((byte) => `\\x${byte.charCodeAt(0).toString(16)}`).join(""));
    }
    assert.equal(printable("Anna\xe2\x80\x99s \xd0\x9b \xe6\xbc\xa2", true), "Anna\u2019s \u041b \u6f22");
    assert.deepEqual([columns("a\u6f22"), fit("abcdef", 6), fit("abcdefg", 6), fit("\u6f22\u6f22\u6f22\u6f22", 6)], [3, "abcdef", "abc...", "\u6f22..."]);
    assert.equal(asciiJson({ name: "\x9b\u202e\x7f\x1b\ud83d\ude00" }), '{"name":"\\u009b\\u202e\\u007f\\u001b\\ud83d\\ude00"}');
  });
});
