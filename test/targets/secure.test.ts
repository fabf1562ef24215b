import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createGuard, serveTable } from "../../targets/node/commands/serving.js";
import { parseTable } from "../../targets/node/commands/table.js";
import { explainPairing, type Happening, type Passkey } from "../../targets/node/report/happening.js";
import { JsonReport } from "../../targets/node/report/json.js";
import { TextReport } from "../../targets/node/report/text.js";
import { Phone } from "../../hal/mock/index.js";
import { plainRig } from "../support/rig.js";
import { Memory } from "../support/security.js";
import { blimp, type Event } from "./support/cli.js";
import { useFolder } from "./support/folder.js";

const PHONE = "0b5e12e20002";
const EXAMPLE = "examples/heart-rate.json";

function events({ out }: { out: string }): Event[] {
  return out.trimEnd().split("\n").map((line) => JSON.parse(line));
}

describe("blimp serve --level", function () {
  this.timeout(30000);
  const path = useFolder();
  const serve = (...words: string[]): ReturnType<typeof blimp> => blimp("serve", EXAMPLE, "--fast", "--duration", "9", ...words);

  for (const level of ["3", "4"]) {
    it(`shows the code at level ${level}, and tells what has been reached before it tells of the connection`, () => {
      const run = serve("--json", "--level", level, "--code", "42");
      assert.deepEqual([run.status, run.errors], [0, ""]);
      const all = events(run).filter(({ event }) => !["step", "progress", "ready"].includes(event));
      assert.deepEqual(all.slice(0, 5).map(({ event }) => event), ["serving", "passkey", "passkey", "secure", "connect"]);
      assert.equal(all[0].security, Number(level));
      const plain = all.slice(1, 5).map(({ ms, ...rest }) => rest);
      const peer = { address: PHONE, addresstype: 0 };
      // The phone knows Secure Connections, so that it is level 4 each time.
      assert.deepEqual(plain, [
        { event: "passkey", code: "000042" },
        { event: "passkey", code: "000042", ...peer },
        { event: "secure", ...peer, security: 4, bonded: false },
        { event: "connect", ...peer, security: 4 },
      ]);
      assert.ok(all.some(({ event }) => event === "read"));
      // The code stands nowhere else.
      assert.ok(!run.out.split("\n").some((line) => /"0*42"|:42\b/.test(line) && !line.startsWith('{"event":"passkey"')));
    });
  }

  it("shows people the code in plain digits and in large ones", () => {
    const { status, out, errors } = serve("--level", "4", "--code", "12345");
    assert.deepEqual([status, errors], [0, ""]);
    assert.ok(!/[^\n\x20-\x7e]/.test(out));
    assert.match(out, / ms {2}passkey +the code is 012345\n/);
    assert.match(out, / ms {2}passkey +type 012345 into 0b:5e:12:e2:00:02\n\n/);
    const [, large] = /type 012345 into [^\n]*\n\n((?: {13}.*\n){5})/.exec(out)!;
    const lines = large.split("\n").slice(0, 5).map((line) => line.slice(13));
    assert.deepEqual(lines, [
      " ###     #    ####   ####   #   #  #####",
      "#   #   ##        #      #  #   #  #",
      "#   #    #     ###     ##   #####  ####",
      "#   #    #    #          #      #      #",
      " ###    ###   #####  ####       #  ####",
    ]);
    assert.match(out, / ms {2}secure +0b:5e:12:e2:00:02: paired, security level 4\n/);
    for (const line of out.split("\n")) assert.ok(line.length <= 120, line);
  });

  it("takes the code that the stack has drawn where none is given, or that of the table", () => {
    // On the virtual board chance is the same each time.
    const drawn = events(serve("--json", "--level", "4")).filter(({ event }) => event === "passkey").map(({ code }) => code);
    assert.match(drawn[0], /^\d{6}$/);
    assert.deepEqual(drawn, [drawn[0], drawn[0]]);
    writeFileSync(path("table.json"), JSON.stringify({ services: [], security: 3, code: 777 }));
    const own = blimp("serve", path("table.json"), "--json", "--fast", "--duration", "0.1");
    assert.equal(events(own).find(({ event }) => event === "passkey")!.code, "000777");
    const other = blimp("serve", path("table.json"), "--json", "--fast", "--duration", "0.1", "--code", "1");
    assert.equal(events(other).find(({ event }) => event === "passkey")!.code, "000001");
    const none = blimp("serve", path("table.json"), "--json", "--fast", "--duration", "0.1", "--level", "1", "--code", "1");
    assert.deepEqual([none.status, none.out], [2, ""]);
    assert.match(none.errors, /--code 1: nothing asks for one/);
  });

  it("has a code for single values that ask for more than connections do", () => {
    writeFileSync(path("table.json"), JSON.stringify({ services: [{ uuid: "180F", chars: [{ uuid: "2A19", value: "01" }, { uuid: "2A1A", value: "02", level: 4 }] }] }));
    const all = events(blimp("serve", path("table.json"), "--json", "--fast", "--duration", "9"));
    assert.equal(all.find(({ event }) => event === "serving")!.security, 1);
    assert.match(all.find(({ event }) => event === "passkey")!.code, /^(?!000000)\d{6}$/);
    // It connects without a word; the value that is refused makes the phone pair.
    const order = all.filter(({ event }) => ["connect", "read", "secure"].includes(event)).map(({ event, uuid }) => [event, uuid].join(" ").trim());
    assert.deepEqual(order, ["connect", "read 2a19", "secure", "read 2a1a"]);
  });

  it("keeps bonds in a file that only its owner can read, and no key or code in the trace", () => {
    const trace = path("a.btsnoop");
    const run = serve("--json", "--level", "4", "--code", "271828", "--bonds", path("bonds"), "--trace", trace);
    assert.equal(events(run).find(({ event }) => event === "secure")!.bonded, true);
    assert.equal(statSync(path("bonds")).mode & 0o777, 0o600);
    const kept = readFileSync(path("bonds"));
    // Type, length, then the bond; its key is 16 bytes from the tenth on.
    let at = kept.indexOf("\n") + 1;
    while (kept[at] !== 2) at += 2 + kept[at + 1];
    const key = kept.subarray(at + 2 + 9, at + 2 + 25);
    const recorded = readFileSync(trace);
    for (const secret of [key, Buffer.from(key).reverse(), Buffer.from("271828")]) assert.equal(recorded.indexOf(secret), -1);
    assert.ok(recorded.length > 5000);
    // The phone that comes the next time is new and pairs anew: there is still one bond.
    assert.equal(serve("--json", "--level", "4", "--bonds", path("bonds")).status, 0);
    assert.equal(readFileSync(path("bonds")).length, kept.length);
  });

  it("refuses what cannot be meant", () => {
    writeFileSync(path("letter"), "no bonds");
    for (const [words, message] of [
      [["--level", "2"], /--level 2: expected 1, 3 or 4/],
      [["--level", "5"], /--level 5: expected an integer from 1 to 4/],
      [["--level", "4", "--code", "1000000"], /--code 1000000: expected an integer from 0 to 999999/],
      [["--bonds", path("letter")], /--bonds .*letter: blimp load: .*letter is not a store of blimp; it is left as it is/],
      [["--bonds", path(".")], /is not a store of blimp/],
    ] as const) {
      const run = serve(...words);
      assert.deepEqual([run.status, run.out], [2, ""], words.join(" "));
      assert.match(run.errors, message);
    }
    assert.equal(readFileSync(path("letter"), "utf8"), "no bonds");
  });
});

describe("a guarded table", () => {
  /** A device at level 4 with the code 123456, and what was told of it. */
  function device(store?: Memory): { phone(pairing: object): Phone; told: (Happening | Passkey)[]; rig: any } {
    const told: (Happening | Passkey)[] = [];
    const report: any = { happened: (one: Happening) => told.push(one), passkey: (one: Passkey) => told.push(one) };
    const guard = createGuard(() => session, report, store);
    const rig: any = plainRig({ options: guard.options });
    const session = { bt: rig.bt, elapsed: () => rig.now };
    rig.bt.setsecurity(4, 123456);
    serveTable(session, report, parseTable('{"services":[{"uuid":"180F","chars":[{"uuid":"2A19","value":"01"}]}]}'), guard);
    rig.bt.startadvertise("\x02\x01\x06", 20, 20);
    rig.up();
    guard.show();
    return { told, rig, phone: (pairing) => new Phone(rig.board.air, { interval: 7.5, pairing }) };
  }

  it("tells in words why a pairing failed, and neither of a connection nor of its end", () => {
    const { told, phone, rig } = device();
    assert.deepEqual(told.splice(0).map((one: any) => [one.code, one.peer]), [[123456, null]]);
    const wrong: any = phone({ passkey: 123457 });
    wrong.connect();
    rig.run(20_000);
    assert.deepEqual(
      told.splice(0).map(({ ms, ...rest }: any) => rest),
      [
        { code: 123456, peer: { address: PHONE, addresstype: 0 } },
        { address: PHONE, addresstype: 0, what: "failed", operation: "pairing", reason: 4, error: "the code was wrong", failures: 1 },
      ],
    );
    if (wrong.connected) wrong.disconnect();
    rig.run(1000);
    const weak: any = phone({ io: "NoInputNoOutput" });
    weak.connect();
    rig.run(20_000);
    assert.deepEqual(told.splice(0).map((one: any) => one.error), ["one side cannot give the security that the other wants"]);
    if (weak.connected) weak.disconnect();
    rig.run(1000);
    assert.deepEqual(told, []);
  });

  it("tells of a phone that comes back with its key, and asks for no code then", () => {
    const { told, phone, rig } = device(new Memory());
    const mine: any = phone({ passkey: 123456 });
    const visit = (): string[] => {
      mine.connect();
      rig.run(20_000);
      mine.disconnect();
      rig.run(2000);
      return told.splice(0).map((one: any) => (one.what === "secure" ? `secure ${one.security} ${one.bonded}` : (one.what ?? "passkey")));
    };
    told.splice(0);
    assert.deepEqual(visit(), ["passkey", "secure 4 true", "connect", "close"]);
    assert.deepEqual(visit(), ["secure 4 true", "connect", "close"]);
  });

  it("has words for every reason, known or not", () => {
    for (let reason = 1; reason < 13; reason++) assert.doesNotMatch(explainPairing(reason), /0x/);
    assert.equal(explainPairing(0x77), "reason 0x77");
    assert.equal(explainPairing(null), "the two could not agree");
  });

  it("is told to people and programs alike", () => {
    let out = "";
    const screen = { write: (text: string) => (out += text) };
    const failed: Happening = { ms: 1, what: "failed", address: PHONE, addresstype: 0, operation: "pairing", reason: 4, error: explainPairing(4), failures: 2 };
    new TextReport(screen, screen, {}).happened(failed);
    assert.equal(out, "       1 ms  failed     pairing: the code was wrong, 2 times in a row  0b:5e:12:e2:00:02\n");
    out = "";
    new JsonReport((line) => (out += line)).happened(failed);
    assert.deepEqual(JSON.parse(out), { event: "failed", ms: 1, address: PHONE, addresstype: 0, operation: "pairing", reason: 4, error: "the code was wrong", failures: 2 });
  });
});
