import assert from "node:assert/strict";
import { serveTable } from "../../targets/node/commands/serving.js";
import { parseTable, type TableCharacteristic } from "../../targets/node/commands/table.js";
import { explainReason, type Happening } from "../../targets/node/report/happening.js";
import { JsonReport } from "../../targets/node/report/json.js";
import { TextReport } from "../../targets/node/report/text.js";
import { CID, Peer } from "../support/links.js";
import { hex, plainRig, type Rig } from "../support/rig.js";

const PHONE = "0b5e12e20002";

/** A table that is served, and what was told. */
class Device {
  readonly rig: Rig<any>;
  readonly told: Happening[] = [];
  /** Handles of the values, as they go over the air, in the order of the table. */
  readonly handles: string[];

  constructor(chars: object[][], table: object = {}) {
    const parsed = parseTable(JSON.stringify({ services: chars.map((chars) => ({ uuid: "180F", chars })), ...table }));
    // One that can be connected to while it is connected.
    this.rig = plainRig({ board: { chip: { identity: { lestates: new Uint8Array(8).fill(255) } } } });
    const report = { happened: (happening: Happening) => void this.told.push(happening) };
    this.rig.bt.setsecurity(1);
    const handles = serveTable({ bt: this.rig.bt, elapsed: () => this.rig.now }, report as any, parsed);
    this.handles = parsed.services.flatMap(({ chars }) => chars.map((char: TableCharacteristic) => le16(handles.get(char)!)));
    this.rig.bt.startadvertise("\x02\x01\x06", 20, 20);
    this.rig.up();
  }

  phone(address?: string): Peer {
    return new Peer(this.rig, { address }).connect();
  }

  /** What has been told since the last call, in short. */
  said(): string[] {
    return this.told.splice(0).map((one) => {
      const value = "value" in one ? ` ${hex(one.value)}` : "";
      const more = one.what === "subscribe" ? ` ${one.on}` : one.what === "notify" && one.error !== null ? ` ${one.error}` : "";
      return `${one.what}${one.uuid === undefined ? "" : ` ${one.uuid}`}${value}${more}`;
    });
  }
}

function le16(value: number): string {
  return hex([value & 255, value >> 8]);
}

/** The handle so many behind. */
function behind(handle: string, count: number): string {
  return le16(parseInt(handle.slice(2) + handle.slice(0, 2), 16) + count);
}

/** Subscribes: the configuration stands behind the value. */
function subscribe(peer: Peer, handle: string, on: number): void {
  assert.equal(peer.att(`12${behind(handle, 1)}0${on}00`), "13");
}

describe("a served table", () => {
  it("stores what is written, gives it to who reads, and sends it to who has subscribed", () => {
    const device = new Device([[{ uuid: "AAAA", value: "01", flags: ["read", "write", "notify"], onwrite: "store" }]]);
    const [handle] = device.handles;
    const phone = device.phone();
    const other = device.phone("0b5e12e20003");
    assert.equal(phone.att(`0a${handle}`), "0b01");
    assert.equal(other.att(`12${handle}0203`), "13");
    assert.equal(phone.att(`0a${handle}`), "0b0203");
    assert.deepEqual(phone.frames, [], "it has not subscribed");
    subscribe(phone, handle, 1);
    device.said();
    assert.equal(other.att(`12${handle}04`), "13");
    assert.equal(phone.next(), `1b${handle}04`);
    assert.equal(other.next(), "", "nobody else is told");
    assert.deepEqual(device.said(), ["write aaaa 04", "notify aaaa 04"]);
    assert.equal(device.rig.errors.length, 0);
  });

  it("indicates where that is asked for, and tells when it has arrived", () => {
    const device = new Device([[{ uuid: "AAAA", flags: ["write", "indicate"], onwrite: "store" }]]);
    const [handle] = device.handles;
    const phone = device.phone();
    subscribe(phone, handle, 2);
    device.said();
    phone.send(CID.ATT, `12${handle}07`);
    device.rig.run(300);
    assert.deepEqual(phone.frames.splice(0).map(({ bytes }) => bytes).sort(), ["13", `1d${handle}07`]);
    assert.deepEqual(device.said(), ["write aaaa 07"]);
    // Until that is confirmed there is no room: of what comes meanwhile the last is sent.
    for (const value of ["08", "09"]) assert.equal(phone.att(`12${handle}${value}`), "13");
    assert.equal(phone.next(), "");
    phone.send(CID.ATT, "1e");
    assert.equal(phone.next(), `1d${handle}09`);
    phone.send(CID.ATT, "1e");
    device.rig.run(300);
    assert.deepEqual(device.said(), ["write aaaa 08", "write aaaa 09", "notify aaaa 07", "notify aaaa 09"]);
    assert.deepEqual(phone.frames, []);
    // It goes without having confirmed.
    phone.send(CID.ATT, `12${handle}0a`);
    device.rig.run(300);
    phone.central.disconnect();
    device.rig.run(500);
    assert.deepEqual(device.said().sort(), ["close", "notify aaaa 0a blimp notify: disconnected (0)", "write aaaa 0a"]);
  });

  it("goes on for the others when a phone leaves that has not confirmed", () => {
    const device = new Device([[{ uuid: "AAAA", flags: ["write", "indicate"], onwrite: "store" }]]);
    const [handle] = device.handles;
    const silent = device.phone();
    const other = device.phone("0b5e12e20003");
    for (const peer of [silent, other]) subscribe(peer, handle, 2);
    other.send(CID.ATT, `12${handle}01`);
    device.rig.run(300);
    other.send(CID.ATT, "1e").send(CID.ATT, `12${handle}02`);
    device.rig.run(300);
    assert.deepEqual(other.frames.splice(0).map(({ bytes }) => bytes).sort(), ["13", "13", `1d${handle}01`], "there is no room for both of them");
    silent.central.disconnect();
    assert.equal(other.next(), `1d${handle}02`);
  });

  it("sends what is written as the value of another characteristic, and keeps neither", () => {
    const device = new Device([
      [{ uuid: "AAAA", value: "01", flags: ["read", "notify"] }],
      [{ uuid: "BBBB", value: "02", flags: ["read", "write-without-response"], onwrite: "notify:AAAA" }],
    ]);
    const [told, written] = device.handles;
    const phone = device.phone();
    subscribe(phone, told, 1);
    device.said();
    phone.send(CID.ATT, `52${written}0506`);
    assert.equal(phone.next(), `1b${told}0506`);
    assert.deepEqual([phone.att(`0a${told}`), phone.att(`0a${written}`)], ["0b01", "0b02"]);
    assert.deepEqual(device.said(), ["write bbbb 0506", "notify aaaa 0506", "read aaaa 01", "read bbbb 02"]);
  });

  it("notifies the right one of several with the same UUID", () => {
    const told = { uuid: "2A19", value: "00", flags: ["read", "write", "notify"], onwrite: "store" };
    const named = { ...told, descriptors: [{ uuid: "2901", text: "left" }, { uuid: "2904", value: "04" }] };
    const device = new Device([[], [told, named], [], [told]]);
    const phone = device.phone();
    for (const handle of device.handles) subscribe(phone, handle, 1);
    device.handles.forEach((handle, i) => {
      assert.equal(phone.att(`0a${handle}`), "0b00");
      phone.send(CID.ATT, `12${handle}0${i}`);
      device.rig.run(200);
      assert.deepEqual(phone.frames.splice(0).map(({ bytes }) => bytes).sort(), ["13", `1b${handle}0${i}`]);
    });
    assert.equal(phone.att(`0a${behind(device.handles[1], 2)}`), "0b" + Buffer.from("left").toString("hex"));
    assert.equal(phone.att(`0a${behind(device.handles[1], 3)}`), "0b04");
    assert.equal(new Set(device.handles).size, 3);
  });

  it("tells of a long value once, and takes one in parts", () => {
    const device = new Device([[{ uuid: "AAAA", value: "61".repeat(30), flags: ["read", "write"], onwrite: "store" }]]);
    const [handle] = device.handles;
    const phone = device.phone();
    device.said();
    assert.equal(phone.att(`0a${handle}`), "0b" + "61".repeat(22));
    assert.equal(phone.att(`0c${handle}1600`), "0d" + "61".repeat(8));
    const parts = ["62".repeat(18), "63".repeat(18), "64"];
    parts.forEach((part, i) => assert.equal(phone.att(`16${handle}${le16(18 * i)}${part}`), `17${handle}${le16(18 * i)}${part}`));
    assert.equal(phone.att("1801"), "19");
    assert.deepEqual(device.said(), [`read aaaa ${"61".repeat(30)}`, `write aaaa ${parts.join("")}`]);
    assert.equal(phone.att(`0a${handle}`) + phone.att(`0c${handle}1600`).slice(2), "0b" + parts.join(""));
  });

  it("does not let through what flags and level do not allow, and does not tell of it", () => {
    const device = new Device([
      [
        { uuid: "AAAA", flags: ["write"] },
        { uuid: "BBBB", value: "01" },
        { uuid: "CCCC", value: "01", level: 3 },
        { uuid: "DDDD", flags: ["write"], level: 4 },
        { uuid: "EEEE", value: "01", descriptors: [{ uuid: "2901", text: "x", level: 3 }] },
      ],
    ]);
    const [a, b, c, d, e] = device.handles;
    const phone = device.phone();
    device.said();
    assert.equal(phone.att(`0a${a}`), `010a${a}02`);
    assert.equal(phone.att(`12${b}05`), `0112${b}03`);
    assert.equal(phone.att(`0a${c}`), `010a${c}05`);
    assert.equal(phone.att(`12${d}05`), `0112${d}05`);
    assert.equal(phone.att(`0a${behind(e, 1)}`), `010a${behind(e, 1)}05`);
    assert.deepEqual(device.said(), []);
    // A characteristic that may be written and has nothing to be done is told of.
    assert.equal(phone.att(`12${a}05`), "13");
    assert.deepEqual(device.said(), ["write aaaa 05"]);
  });

  it("tells who comes and goes, and why", () => {
    const device = new Device([[]]);
    const phone = device.phone();
    phone.central.disconnect(0x15);
    device.rig.run(500);
    const [connect, close] = device.told.splice(0);
    assert.deepEqual({ ...connect, ms: 0 }, { ms: 0, what: "connect", address: PHONE, addresstype: 0, security: 1 });
    assert.deepEqual({ ...close, ms: 0 }, { ms: 0, what: "close", address: PHONE, addresstype: 0, reason: 0x15, why: "the peer ended it, it is being switched off" });
    assert.ok(connect.ms > 0 && close.ms > connect.ms);
    device.phone().central.vanish();
    device.rig.run(5000);
    assert.deepEqual(device.told.map((one) => (one.what === "close" ? one.why : one.what)), ["connect", "nothing was heard of the peer any more"]);
    assert.equal(explainReason(0x7f), "reason 0x7f");
    // The device is there for the next.
    device.phone();
  });
});

describe("what peers do", () => {
  /** Escape sequences, a new line, a direction of writing, what is no UTF-8. */
  const HOSTILE = Buffer.from("\x1b[2J\r\n\x9b31m\xe2\x80\xae\xff\x7f\\\"z", "latin1");
  const place = { service: "180f", uuid: "2a19", handle: 21 };
  const all: Happening[] = [
    { ms: 1, what: "connect", address: PHONE, addresstype: 1, security: 3 },
    { ms: 2.345, what: "write", address: PHONE, addresstype: 1, ...place, value: HOSTILE },
    { ms: 3, what: "subscribe", address: PHONE, addresstype: 1, ...place, on: 3 },
    { ms: 4, what: "notify", address: PHONE, addresstype: 1, ...place, value: HOSTILE, error: "blimp notify: timeout (0)" },
    { ms: 5, what: "close", address: PHONE, addresstype: 1, reason: 8, why: explainReason(8) },
  ];

  for (const isTTY of [false, true]) {
    it(`reaches people as harmless characters, ${isTTY ? "on a terminal" : "elsewhere"}`, () => {
      let out = "";
      const screen = { isTTY, write: (text: string) => (out += text) };
      const report = new TextReport(screen, screen, { LANG: "C.UTF-8", NO_COLOR: "1" });
      for (const happening of all) report.happened(happening);
      assert.ok(!/[^\n\x20-\x7e]/.test(out), JSON.stringify(out));
      assert.equal(out.split("\n").length, all.length + 1);
      assert.match(out, /write +2A19 1b5b324a0d0a/);
      assert.ok(out.includes('"\\x1b[2J\\x0d\\x0a\\x9b31m\\xe2\\x80\\xae\\xff\\x7f\\x5c"z"'), out);
      assert.match(out, /subscribe +2A19 notifications and indications {2}0b:5e/);
      assert.match(out, /notify +2A19 .*timeout/);
    });
  }

  it("reaches programs as one object a line, in ASCII", () => {
    let out = "";
    const report = new JsonReport((line) => (out += line));
    for (const happening of all) report.happened(happening);
    assert.ok(!/[^\n\x20-\x7e]/.test(out));
    const events = out.trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(events.map(({ event }) => event), ["connect", "write", "subscribe", "notify", "close"]);
    const peer = { address: PHONE, addresstype: 1 };
    assert.deepEqual(events[1], { event: "write", ms: 2.35, ...peer, ...place, value: HOSTILE.toString("hex"), text: HOSTILE.toString("utf8") });
    assert.equal(events[3].error, "blimp notify: timeout (0)");
    assert.deepEqual(events[4], { event: "close", ms: 5, ...peer, reason: 8, why: "nothing was heard of the peer any more" });
  });
});
