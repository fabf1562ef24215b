import assert from "node:assert/strict";
import type { Connection } from "../../core/connection.js";
import { CID, linked, Peer } from "../support/links.js";
import { brief, complete, hex, plainRig, rejects, status, unhex, type Rig } from "../support/rig.js";
import { ALL_STATES, clean, connectionComplete, disconnectionComplete, EIGHT, event, here, home, makePeer, makePeers, occupied, readsAcme, sent, served, subscribe, TABLE, u16le, withoutSecurity } from "./links-fixture.test.js";

const DISCONNECT = 0x0406;
const READ_RSSI = 0x1405;
const UPDATE = 0x2013;

function throwsCode(call: () => void, code: string): void {
  assert.throws(call, (error: any) => error.code === code, code);
}

describe("links", () => {
  it("connect, read, disconnect", () => {
    const { rig, peer, connection, closed } = linked([{ uuid: 0x180a, chars: [{ uuid: 0x2a29, value: "Acme" }] }]);
    assert.equal(connection.address(), "0b5e12e20002");
    assert.equal(peer.att("0a" + u16le(rig.bt.handle(0x180a, 0x2a29))), "0b41636d65");
    peer.central.disconnect();
    rig.run(500);
    assert.deepEqual(closed, [0x13]);
    clean(rig);
  });

  it("levels 3 and 4 are not to be had in a build without the Security Manager: onconnect throws until setsecurity(1)", () => {
    const r = withoutSecurity();
    throwsCode(() => r.bt.onconnect(() => {}), "security");
    throwsCode(() => r.bt.setsecurity(4), "security");
    throwsCode(() => r.bt.setsecurity(3), "security");
    throwsCode(() => r.bt.setsecurity(3, 123456), "security");
    for (const level of [2, 0, 5, -1, 1.5, "1", null, undefined]) rejects(() => r.bt.setsecurity(level as any), "setsecurity", "level");
    assert.equal(r.bt.getsecuritycode(), 0);
    // null is always allowed: it asks for nothing.
    r.bt.onconnect(null);
    r.bt.setsecurity(1);
    assert.equal(r.bt.getsecuritycode(), 0);
    r.bt.onconnect(() => {});
    for (const bad of [1, "x", {}, true]) rejects(() => r.bt.onconnect(bad as any), "onconnect", "callback");
    assert.deepEqual(r.errors, []);
    r.bt.close();
    throwsCode(() => r.bt.onconnect(() => {}), "closed");
    throwsCode(() => r.bt.setsecurity(1), "closed");
    r.gone();
  });

  it("each link has one object, the same in onconnect and in every handler", () => {
    const seen: Connection[] = [];
    const { rig, peer, connection } = linked([
      { uuid: 0xfff0, chars: [{ uuid: 0xfff1, read: (conn) => (seen.push(conn), "x"), write: (conn) => void seen.push(conn), flags: 0x1a, subscribe: (conn) => void seen.push(conn) }] },
    ]);
    const at = u16le(rig.bt.handle(0xfff0, 0xfff1));
    const configuration = u16le(rig.bt.handle(0xfff0, 0xfff1) + 1);
    assert.equal(peer.att("0a" + at), "0b78");
    assert.equal(peer.att("12" + at + "01"), "13");
    assert.equal(peer.att("12" + configuration + "0100"), "13");
    assert.equal(seen.length, 3);
    for (const conn of seen) assert.equal(conn, connection);
  });
});

describe("the methods of a connection", () => {
  it("address, addresstype, security: during the link, in onclose, and afterwards", () => {
    for (const random of [0, 1] as const) {
      const during: string[] = [];
      const { rig, peer, connection } = linked(TABLE, {}, { address: "c1a2b3c4d5e6", random });
      const tell = (): void => void during.push(`${connection.address()} ${connection.addresstype()} ${connection.security()}`);
      connection.onclose(tell);
      tell();
      peer.central.disconnect();
      rig.run(500);
      tell();
      assert.deepEqual(during, Array(3).fill(`c1a2b3c4d5e6 ${random} 1`));
      clean(rig);
    }
  });

  it("mtu is 23, then what the exchange has agreed on; a second exchange changes nothing; it stays after the end", () => {
    const { rig, peer, connection } = linked(TABLE, { mtu: 247 });
    assert.equal(connection.mtu(), 23);
    assert.equal(peer.att("02b900"), "03f700");
    assert.equal(connection.mtu(), 185);
    peer.central.disconnect();
    rig.run(500);
    assert.equal(connection.mtu(), 185);
    clean(rig);
  });

  it("rssi gives what the chip measures, signed", () => {
    for (const [dbm, expected] of [[-60, -60], [-127, -127], [-1, -1], [20, 20], [127, 127]]) {
      const { rig, connection } = linked();
      rig.board.air.rssi = () => dbm;
      rig.run(100);
      const heard: number[] = [];
      const from = here(rig);
      connection.rssi((value) => void heard.push(value));
      assert.deepEqual(heard, [], "never from within the call");
      rig.run(50);
      assert.deepEqual(heard, [expected]);
      assert.deepEqual(sent(rig, READ_RSSI, from), ["4000"]);
    }
  });

  it("rssi is 127 where the chip refuses, is silent, has lost the link, or the link has ended", () => {
    for (const answer of [{ status: 0x0c }, "drop", { bytes: complete(READ_RSSI, []) }, { bytes: status(READ_RSSI, 0x01) }] as any[]) {
      const { rig, peer, connection, closed } = linked(TABLE);
      const heard: number[] = [];
      rig.board.chip.hook = (opcode: number) => (opcode === READ_RSSI ? answer : undefined);
      connection.rssi((value) => void heard.push(value));
      rig.run(7000);
      assert.deepEqual(heard, [127], JSON.stringify(answer));
      rig.board.chip.hook = undefined;
      readsAcme(rig, peer);
      assert.deepEqual(closed, []);
    }
    const { rig, peer, connection, closed } = linked(TABLE);
    const heard: number[] = [];
    peer.central.disconnect();
    rig.run(500);
    connection.rssi((value) => void heard.push(value));
    assert.deepEqual(heard, [], "never from within the call");
    rig.run(1);
    assert.deepEqual(heard, [127]);
    assert.deepEqual(closed, [0x13]);
    rejects(() => connection.rssi(undefined as any), "rssi", "callback");
  });

  it("rssi asked for twice at once: both hear", () => {
    const { rig, connection } = linked();
    const heard: string[] = [];
    connection.rssi((value) => void heard.push("a" + value));
    connection.rssi((value) => void heard.push("b" + value));
    rig.run(100);
    assert.deepEqual(heard.sort(), ["a-60", "b-60"]);
  });

  it("rssi asked for again from within its own callback", () => {
    const { rig, connection } = linked();
    const heard: number[] = [];
    const again = (value: number): void => {
      heard.push(value);
      if (heard.length < 5) connection.rssi(again);
    };
    connection.rssi(again);
    rig.run(100);
    assert.deepEqual(heard, [-60, -60, -60, -60, -60]);
  });

  it("rssi under way when the link ends: 127, once", () => {
    const { rig, peer, connection } = linked();
    const heard: number[] = [];
    rig.board.chip.hook = (opcode: number) => (opcode === READ_RSSI ? { delay: 300 } : undefined);
    peer.central.disconnect();
    connection.rssi((value) => void heard.push(value));
    rig.run(3000);
    assert.deepEqual(heard, [127]);
    clean(rig);
  });
});

/** A plain controller that knows the connection parameters request procedure of 4.1. */
const NEW_LL: any = { chip: { identity: { lefeatures: unhex("1f00000000000000") } } };

function parametersRoom(board: any = NEW_LL): { rig: Rig<any>; peer: Peer; connection: Connection; closed: number[]; heard: string[]; tell: (error: any) => void } {
  const { rig, connections, closed } = served({}, board, "plain");
  const peer = new Peer(rig).connect();
  const heard: string[] = [];
  return { rig, peer, connection: connections[0], closed, heard, tell: (error) => void heard.push(error === null ? "done" : `${error.code} ${error.step}`) };
}

describe("connection parameters", () => {
  it("the chip is asked by LE Connection Update, and the central's acceptance ends it", () => {
    const { rig, peer, connection, heard, tell } = parametersRoom();
    const asked: any[] = [];
    peer.central.onparameterrequest = (request) => void asked.push({ ...request });
    connection.parameters(30, 50, 4, 4000, tell);
    assert.deepEqual(heard, []);
    rig.run(1000);
    assert.deepEqual(sent(rig, UPDATE), ["4000" + "1800" + "2800" + "0400" + "9001" + "0000" + "0000"]);
    assert.deepEqual(asked, [{ min: 24, max: 40, latency: 4, timeout: 400 }]);
    assert.equal(peer.central.interval, 50);
    assert.deepEqual(heard, ["done"]);
    assert.deepEqual(peer.frames, [], "nothing over L2CAP");
    clean(rig);
  });

  it("the bounds: 7.5 ms without latency and 100 ms, 4000 ms with latency 3 and 32 s", () => {
    const { rig, connection, heard, tell } = parametersRoom();
    connection.parameters(7.5, 7.5, 0, 100, tell);
    rig.run(1000);
    connection.parameters(4000, 4000, 2, 32000, tell);
    rig.run(1000);
    assert.deepEqual(sent(rig, UPDATE), ["4000" + "0600" + "0600" + "0000" + "0a00" + "00000000", "4000" + "800c" + "800c" + "0200" + "800c" + "00000000"]);
    assert.equal(heard.length >= 1, true);
  });

  it("where the central's controller refuses, its host is asked over L2CAP, and may accept", () => {
    const { rig, peer, connection, heard, tell } = parametersRoom();
    peer.central.onparameterrequest = () => 0x3b;
    connection.parameters(30, 50, 0, 4000, tell);
    const request = peer.next(CID.SIGNALLING);
    assert.match(request, /^12..0800180028000000900100?$|^12..08001800280000009001$/);
    const identifier = request.slice(2, 4);
    assert.notEqual(identifier, "00");
    assert.deepEqual(heard, []);
    peer.send(CID.SIGNALLING, "13" + identifier + "0200" + "0000");
    rig.run(100);
    assert.deepEqual(heard, [], "the change itself has not come");
    peer.central.update({ interval: 50, timeout: 4000 });
    rig.run(1000);
    assert.deepEqual(heard, ["done"]);
    clean(rig);
  });

  it("a controller that cannot ask sends only the request over L2CAP", () => {
    for (const identity of [{ lefeatures: unhex("0100000000000000") }, { commands: without(33) }]) {
      const { rig, peer, connection, heard, tell } = parametersRoom({ chip: { identity } });
      connection.parameters(30, 50, 0, 4000, tell);
      assert.match(peer.next(CID.SIGNALLING), /^12..08001800280000009001$/);
      assert.deepEqual(heard, []);
      if ("commands" in identity) assert.deepEqual(sent(rig, UPDATE), []);
    }
  });

  it("the central's host refuses, or does not know the request: refused", () => {
    for (const answer of ["13ID02000100", "01ID02000000"]) {
      const { rig, peer, connection, heard, tell } = parametersRoom({});
      connection.parameters(30, 50, 0, 4000, tell);
      const identifier = peer.next(CID.SIGNALLING).slice(2, 4);
      peer.send(CID.SIGNALLING, answer.replace("ID", identifier));
      rig.run(200);
      assert.deepEqual(heard, ["refused parameters"]);
      // Another try has another identifier.
      connection.parameters(30, 50, 0, 4000, tell);
      const second = peer.next(CID.SIGNALLING).slice(2, 4);
      assert.notEqual(second, identifier);
      assert.notEqual(second, "00");
      clean(rig);
    }
  });

  it("answers of another identifier, too short, or unasked for do not end it", () => {
    const { rig, peer, connection, heard, tell } = parametersRoom({});
    peer.send(CID.SIGNALLING, "130102000100");
    rig.run(100);
    connection.parameters(30, 50, 0, 4000, tell);
    const identifier = parseInt(peer.next(CID.SIGNALLING).slice(2, 4), 16);
    const other = hex([(identifier % 255) + 1]);
    for (const bad of ["13" + other + "02000100", "01" + other + "02000000", "13" + hex([identifier]) + "000", "13" + hex([identifier]) + "03000100", "13" + hex([identifier]) + "0000"]) {
      peer.send(CID.SIGNALLING, bad.length % 2 ? bad + "0" : bad);
    }
    rig.run(1000);
    assert.deepEqual(heard, []);
    assert.equal(peer.next(CID.SIGNALLING, 100), "", "responses are never answered");
    readsAcme(rig, peer);
    clean(rig);
  });

  it("identifiers go round from 1 to 255 and are never 0", () => {
    const { rig, peer, connection, heard, tell } = parametersRoom({});
    const identifiers: number[] = [];
    for (let i = 0; i < 260; i++) {
      connection.parameters(30, 50, 0, 4000, tell);
      const identifier = peer.next(CID.SIGNALLING).slice(2, 4);
      identifiers.push(parseInt(identifier, 16));
      peer.send(CID.SIGNALLING, "13" + identifier + "02000100");
      rig.run(100);
    }
    assert.equal(heard.length, 260);
    assert.deepEqual([...new Set(identifiers)].length, 255);
    assert.equal(identifiers.includes(0), false);
  });

  it("no answer within 30 s: timeout", () => {
    const { rig, peer, connection, heard, tell } = parametersRoom({});
    connection.parameters(30, 50, 0, 4000, tell);
    rig.run(29_900);
    assert.deepEqual(heard, []);
    throwsCode(() => connection.parameters(30, 50, 0, 4000, tell), "busy");
    rig.run(200);
    assert.deepEqual(heard, ["timeout parameters"]);
    connection.parameters(30, 50, 0, 4000, tell);
    rig.run(100);
    assert.equal(peer.frames.length, 2);
  });

  it("the link is lost meanwhile: disconnected, once; and afterwards it throws so", () => {
    const { rig, peer, connection, heard, tell, closed } = parametersRoom({});
    connection.parameters(30, 50, 0, 4000, tell);
    rig.run(100);
    peer.central.vanish();
    rig.run(40_000);
    assert.deepEqual(heard, ["disconnected parameters"]);
    assert.deepEqual(closed, [0x08]);
    throwsCode(() => connection.parameters(30, 50, 0, 4000, tell), "disconnected");
    rig.run(40_000);
    assert.deepEqual(heard, ["disconnected parameters"]);
  });

  it("after close() it throws disconnected", () => {
    const { connection } = parametersRoom();
    connection.close();
    throwsCode(() => connection.parameters(30, 50, 0, 4000), "disconnected");
  });

  it("the command refused by the chip, or unanswered: L2CAP, or an end all the same", () => {
    for (const answer of [{ bytes: status(UPDATE, 0x0c) }, { status: 0x12 }, "drop"] as any[]) {
      const { rig, peer, connection, heard, tell } = parametersRoom();
      rig.board.chip.hook = (opcode: number) => (opcode === UPDATE ? answer : undefined);
      connection.parameters(30, 50, 0, 4000, tell);
      const request = peer.next(CID.SIGNALLING, 5000);
      assert.match(request, /^12..08001800280000009001$/, JSON.stringify(answer));
      peer.send(CID.SIGNALLING, "13" + request.slice(2, 4) + "02000100");
      rig.run(40_000);
      assert.deepEqual(heard, ["refused parameters"]);
      rig.board.chip.hook = undefined;
      readsAcme(rig, peer);
    }
  });

  it("without a callback it works as well", () => {
    const { rig, peer, connection } = parametersRoom();
    connection.parameters(50, 50, 0, 4000);
    rig.run(1000);
    assert.equal(peer.central.interval, 50);
    clean(rig);
  });

  it("bad arguments throw and name themselves, and send nothing", () => {
    const { rig, connection } = parametersRoom();
    const from = here(rig);
    const bad: [any, any, any, any, any, string][] = [
      [7.4, 50, 0, 4000, undefined, "minms"],
      [4001, 4001, 0, 32000, undefined, "minms"],
      ["30", 50, 0, 4000, undefined, "minms"],
      [NaN, 50, 0, 4000, undefined, "minms"],
      [undefined, 50, 0, 4000, undefined, "minms"],
      [30, 29, 0, 4000, undefined, "maxms"],
      [30, 4001, 0, 32000, undefined, "maxms"],
      [30, null, 0, 4000, undefined, "maxms"],
      [30, 50, -1, 4000, undefined, "latency"],
      [30, 50, 500, 32000, undefined, "latency"],
      [30, 50, 0.5, 4000, undefined, "latency"],
      [30, 50, 0, 99, undefined, "timeoutms"],
      [30, 50, 0, 32001, undefined, "timeoutms"],
      [30, 50, 9, 1000, undefined, "timeoutms"],
      [30, 50, 0, 4000, 5, "callback"],
    ];
    for (const [min, max, latency, timeout, callback, name] of bad) rejects(() => connection.parameters(min, max, latency, timeout, callback), "parameters", name);
    rig.run(500);
    assert.deepEqual(sent(rig, UPDATE, from), []);
    connection.parameters(30, 50, 0, 4000);
  });

  it("no combination of arguments that is taken makes a command that the specification forbids", () => {
    const { rig, connection } = parametersRoom();
    let seed = 7;
    const draw = (n: number): number => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
    for (let i = 0; i < 300; i++) {
      const min = 7.5 + draw(40000) / 10;
      const max = min + draw(1000) / 7;
      const latency = draw(20);
      const timeout = 2 * (1 + latency) * max + draw(300) / 10;
      let taken = true;
      try {
        connection.parameters(min, max, latency, timeout);
      } catch (error: any) {
        assert.equal(error.code, "argument");
        taken = false;
      }
      rig.run(50);
      const command = sent(rig, UPDATE).at(-1);
      if (!taken || !command) continue;
      const [lo, hi, late, wait] = [2, 4, 6, 8].map((o) => unhex(command)[o] | (unhex(command)[o + 1] << 8));
      const text = `${min} ${max} ${latency} ${timeout}: ${lo} ${hi} ${late} ${wait}`;
      assert.ok(lo >= 6 && lo <= hi && hi <= 3200, text);
      assert.equal(late, latency, text);
      assert.ok(wait >= 10 && wait <= 3200 && wait * 8 > (1 + late) * hi * 2, text);
      // Where the chip has accepted the command, the next one needs the last to end.
      rig.board.chip.inject(event(0x3e, "03" + "00" + "4000" + u16le(hi) + u16le(late) + u16le(wait)));
      rig.run(10);
    }
  });

  it("asks of the central's controller are answered within the limits, or refused with 0x3B", () => {
    const cases: [string, string, any][] = [
      ["1800" + "2800" + "0000" + "9001", "2020:4000" + "1800" + "2800" + "0000" + "9001" + "0000" + "0000", {}],
      ["0600" + "800c" + "0000" + "800c", "2020:4000" + "0600" + "800c" + "0000" + "800c" + "0000" + "0000", {}],
      ["0500" + "2800" + "0000" + "9001", "2021:40003b", {}],
      ["2900" + "2800" + "0000" + "9001", "2021:40003b", {}],
      ["0600" + "810c" + "0000" + "800c", "2021:40003b", {}],
      ["1800" + "2800" + "f401" + "800c", "2021:40003b", {}],
      ["1800" + "2800" + "0000" + "0900", "2021:40003b", {}],
      ["1800" + "2800" + "0000" + "810c", "2021:40003b", {}],
      // The timeout has to outlast two intervals: 10 * 8 is not more than 40 * 2.
      ["1800" + "2800" + "0000" + "0a00", "2021:40003b", {}],
      ["1800" + "2800" + "0000" + "0b00", "2020:4000" + "1800" + "2800" + "0000" + "0b00" + "0000" + "0000", {}],
      ["1800" + "2900" + "0000" + "9001", "2021:40003b", { maxinterval: 50 }],
      ["1800" + "2800" + "0000" + "9001", "2020:4000" + "1800" + "2800" + "0000" + "9001" + "0000" + "0000", { maxinterval: 50 }],
      ["1800" + "2800" + "0500" + "9001", "2021:40003b", { maxlatency: 4 }],
    ];
    for (const [asked, answer, options] of cases) {
      const { rig, peer } = linked(TABLE, options);
      const from = here(rig);
      rig.board.chip.inject(event(0x3e, "06" + "4000" + asked));
      rig.run(100);
      const answers = [0x2020, 0x2021].flatMap((opcode) => sent(rig, opcode, from).map((p) => opcode.toString(16) + ":" + p));
      assert.deepEqual(answers, [answer], asked);
      readsAcme(rig, peer);
    }
  });

  it("the subevent is asked for only where both answers exist", () => {
    for (const [commands, bit] of [[null, 0x20], [without(33, 0x10), 0], [without(33, 0x20), 0]] as [any, number][]) {
      const { rig } = served({}, { chip: { identity: { commands } } }, "plain");
      const mask = unhex(sent(rig, 0x2001).at(-1)!);
      assert.equal(mask[0] & 0x20, bit);
    }
  });
});

/** Supported Commands of the plain controller, without some bits of an octet. */
function without(octet: number, bits = 0xff): Uint8Array {
  const all = plainRig().board.chip.controller.supportedCommands().slice();
  all[octet] &= ~bits;
  return all;
}

describe("onclose", () => {
  for (const reason of [0x13, 0x05, 0x14, 0x15, 0x1a, 0x29, 0x3b]) {
    it(`the peer leaves with 0x${reason.toString(16)}`, () => {
      const { rig, peer, closed } = linked(TABLE);
      peer.central.disconnect(reason);
      rig.run(500);
      assert.deepEqual(closed, [reason]);
      clean(rig);
      home(rig);
    });
  }

  it("the peer goes out of range: 0x08 after the supervision timeout", () => {
    const { rig, peer, closed } = linked(TABLE, {}, { timeout: 3000 });
    peer.central.vanish();
    rig.run(2900);
    assert.deepEqual(closed, []);
    rig.run(300);
    assert.deepEqual(closed, [0x08]);
    clean(rig);
    home(rig);
  });

  it("the peer never comes after its CONNECT_IND: 0x3E", () => {
    const { rig, closed, connections } = served();
    const peer = makePeer(rig, 1);
    rig.board.air.linkFault = () => "lose";
    const address = rig.bt.address()!;
    peer.central.connect(address, 1);
    rig.run(5000);
    assert.equal(connections.length, 1);
    assert.deepEqual(closed, [0x3e]);
    rig.board.air.linkFault = undefined;
    home(rig);
  });

  it("never for our own close(), whatever way it ends", () => {
    const { rig, peer, connection, closed } = linked(TABLE);
    connection.close();
    rig.run(500);
    assert.deepEqual(peer.ends, [0x13]);
    assert.equal(closed.length, 0);
    connection.onclose((reason) => void closed.push(reason));
    rig.run(1000);
    assert.deepEqual(closed, [], "nor registered afterwards");
    clean(rig);
    home(rig);
  });

  it("never for our own close() where the peer leaves, or is lost, before it is performed", () => {
    for (const leave of [(peer: Peer) => peer.central.disconnect(), (peer: Peer) => peer.central.vanish()]) {
      const { rig, peer, connection, closed } = linked(TABLE);
      leave(peer);
      connection.close();
      rig.run(5000);
      assert.deepEqual(closed, []);
      clean(rig);
      home(rig);
    }
  });

  it("registered when the link has ended it fires once, later, with the reason", () => {
    const { rig, peer, connection, closed } = linked(TABLE);
    connection.onclose(null);
    peer.central.disconnect(0x15);
    rig.run(500);
    assert.deepEqual(closed, []);
    const heard: number[] = [];
    connection.onclose((reason) => void heard.push(reason));
    assert.equal(heard.length, 0, "never from within the call");
    rig.run(1);
    assert.deepEqual(heard, [0x15]);
    connection.onclose((reason) => void heard.push(reason));
    rig.run(100);
    assert.deepEqual(heard, [0x15]);
  });

  it("once fired it does not fire again for another callback", () => {
    const { rig, peer, connection, closed } = linked(TABLE);
    peer.central.disconnect();
    rig.run(500);
    connection.onclose((reason) => void closed.push(100 + reason));
    rig.run(500);
    assert.deepEqual(closed, [0x13]);
  });

  it("the last callback counts; null takes it away", () => {
    const { rig, peer, connection, closed } = linked(TABLE);
    const second: number[] = [];
    connection.onclose((reason) => void second.push(reason));
    peer.central.disconnect();
    rig.run(500);
    assert.deepEqual([closed, second], [[], [0x13]]);
    rejects(() => connection.onclose(5 as any), "onclose", "callback");
  });

  it("the stack itself ends the link of a peer that confirms no indication for 30 s: 0x16, by Disconnect 0x13", () => {
    const { rig, peer, closed } = linked([{ uuid: 0xfff0, chars: [{ uuid: 0xfff3, value: "", flags: 0x20 }] }]);
    assert.equal(peer.att("12" + u16le(rig.bt.handle(0xfff0, 0xfff3) + 1) + "0200"), "13");
    const done: string[] = [];
    assert.equal(rig.bt.notify(0xfff3, "x", null, (error: any) => void done.push(error ? error.code : "done")), true);
    rig.run(29_500);
    assert.deepEqual([closed, done], [[], []]);
    rig.run(1500);
    assert.deepEqual(done, ["timeout"]);
    assert.deepEqual(peer.ends, [0x13]);
    assert.deepEqual(closed, [0x16]);
    clean(rig);
  });

  it("notify to a connection that has ended sends nothing and throws nothing", () => {
    const { rig, peer, connection } = linked(TABLE);
    subscribe(rig, peer);
    peer.central.disconnect();
    rig.run(500);
    assert.equal(rig.bt.notify(0xfff3, "x", connection), true);
    rig.run(100);
    home(rig);
  });

  it("a callback that throws costs nothing but a report", () => {
    const { rig, peer, connection } = linked(TABLE);
    connection.onclose(() => {
      throw new Error("mine");
    });
    peer.central.disconnect();
    rig.run(500);
    assert.deepEqual(rig.errors.map(({ message }) => message), ["mine"]);
    assert.equal(rig.bt.counters().exceptions, 1);
    home(rig);
  });

  it("an onconnect that throws costs nothing but a report: the link is served", () => {
    const { rig } = served();
    rig.bt.onconnect(() => {
      throw new Error("mine");
    });
    const peer = new Peer(rig).connect();
    readsAcme(rig, peer);
    assert.deepEqual(rig.errors.map(({ message }) => message), ["mine"]);
  });
});

describe("close() of a connection", () => {
  it("twice, and again after the end: one Disconnect with 0x13", () => {
    const { rig, peer, connection, closed } = linked(TABLE);
    connection.close();
    connection.close();
    rig.run(500);
    connection.close();
    rig.run(500);
    assert.deepEqual(sent(rig, DISCONNECT), ["400013"]);
    assert.deepEqual(peer.ends, [0x13]);
    assert.deepEqual(closed, []);
    clean(rig);
    home(rig);
  });

  it("inside onconnect: the peer is sent away and onclose stays silent", () => {
    const { rig } = served();
    const closed: number[] = [];
    rig.bt.onconnect((connection) => {
      connection.onclose((reason) => void closed.push(reason));
      connection.close();
    });
    const peer = makePeer(rig, 1);
    peer.central.connect(rig.bt.address()!, 1);
    rig.run(1000);
    assert.deepEqual(peer.ends, [0x13]);
    assert.deepEqual(closed, []);
    assert.deepEqual(sent(rig, DISCONNECT), ["400013"]);
    clean(rig);
    rig.bt.onconnect(() => {});
    home(rig);
  });

  it("inside onclose: nothing", () => {
    const { rig, peer, connection } = linked(TABLE);
    let calls = 0;
    connection.onclose(() => {
      calls++;
      connection.close();
      connection.onclose(() => void calls++);
    });
    peer.central.disconnect();
    rig.run(2000);
    assert.equal(calls, 1);
    assert.deepEqual(sent(rig, DISCONNECT), []);
    clean(rig);
    home(rig);
  });

  it("inside a read or a write handler: the response goes out first, then Disconnect 0x13", () => {
    for (const way of ["read", "write"]) {
      let calls = 0;
      const close = (connection: Connection): any => {
        calls++;
        connection.close();
        return way === "read" ? "bye" : 0;
      };
      const { rig, peer, closed } = linked([{ uuid: 0xfff0, chars: [{ uuid: 0xfff1, [way]: close }] }]);
      const at = u16le(rig.bt.handle(0xfff0, 0xfff1));
      // A second request right behind is not served any more.
      peer.send(CID.ATT, way === "read" ? "0a" + at : "12" + at + "01");
      peer.send(CID.ATT, way === "read" ? "0a" + at : "12" + at + "01");
      rig.run(1500);
      assert.equal(calls, 1);
      assert.deepEqual(peer.frames, [{ cid: CID.ATT, bytes: way === "read" ? "0b627965" : "13" }]);
      assert.deepEqual(peer.ends, [0x13]);
      assert.deepEqual(closed, []);
      assert.deepEqual(sent(rig, DISCONNECT), ["400013"]);
      clean(rig);
    }
  });

  it("inside a handler of a peer that takes nothing: after one second it is disconnected all the same", () => {
    const { rig, peer } = linked([{ uuid: 0xfff0, chars: [{ uuid: 0xfff1, write: (connection) => connection.close() }] }]);
    const at = u16le(rig.bt.handle(0xfff0, 0xfff1));
    peer.central.busy = true;
    const from = here(rig);
    peer.send(CID.ATT, "12" + at + "01");
    const begun = rig.now;
    rig.run(900);
    assert.deepEqual(sent(rig, DISCONNECT, from), []);
    rig.run(300);
    assert.deepEqual(sent(rig, DISCONNECT, from), ["400013"]);
    const command = rig.board.chip.log.find(({ opcode }: any) => opcode === DISCONNECT)!;
    assert.ok(command.time - begun >= 1000 && command.time - begun < 1100, `${command.time - begun} ms`);
  });

  it("notifications that wait are sent first", () => {
    const { rig, peer, connection } = linked(TABLE);
    subscribe(rig, peer);
    for (let i = 0; i < 8; i++) assert.equal(rig.bt.notify(0xfff3, [i]), true);
    connection.close();
    rig.run(1500);
    assert.equal(peer.frames.length, 8);
    assert.deepEqual(peer.ends, [0x13]);
    clean(rig);
    home(rig);
  });

  it("nothing is served, and nothing notified, once it is called", () => {
    let writes = 0;
    const { rig, peer, connection } = linked([{ uuid: 0xfff0, chars: [{ uuid: 0xfff1, write: () => void writes++, flags: 0x0c }, { uuid: 0xfff3, value: "", flags: 0x10 }] }]);
    const at = u16le(rig.bt.handle(0xfff0, 0xfff1));
    assert.equal(peer.att("12" + u16le(rig.bt.handle(0xfff0, 0xfff3) + 1) + "0100"), "13");
    peer.send(CID.ATT, "52" + at + "01");
    connection.close();
    assert.equal(rig.bt.notify(0xfff3, "x"), true);
    rig.run(1500);
    assert.equal(writes, 0);
    assert.deepEqual(peer.frames, []);
    assert.deepEqual(peer.ends, [0x13]);
  });
});

describe("Disconnect that goes wrong", () => {
  it("refused as unknown: the link is over", () => {
    const { rig, peer, connection, closed } = linked(TABLE);
    rig.board.chip.hook = (opcode: number, _: Uint8Array, count: number) => (opcode === DISCONNECT && count === 1 ? { bytes: status(DISCONNECT, 0x02) } : undefined);
    connection.close();
    rig.run(500);
    assert.deepEqual(closed, []);
    assert.deepEqual(rig.errors.map(brief), []);
    peer.central.disconnect();
    rig.run(500);
    home(rig);
  });

  it("refused otherwise: the application hears of it, and it is tried again", () => {
    const { rig, peer, connection, closed } = linked(TABLE);
    rig.board.chip.hook = (opcode: number, _: Uint8Array, count: number) => (opcode === DISCONNECT && count < 3 ? { bytes: status(DISCONNECT, 0x1f) } : undefined);
    connection.close();
    rig.run(500);
    assert.deepEqual(rig.errors.map(brief), ["refused links 31"]);
    rig.run(10_000);
    assert.deepEqual(peer.ends, [0x13]);
    assert.deepEqual(closed, []);
    rig.board.chip.hook = undefined;
    home(rig);
  });

  it("unanswered: asked for again", () => {
    const { rig, peer, connection, closed } = linked(TABLE);
    rig.board.chip.hook = (opcode: number, _: Uint8Array, count: number) => (opcode === DISCONNECT && count === 1 ? "drop" : undefined);
    connection.close();
    rig.run(8000);
    assert.deepEqual(peer.ends, [0x13]);
    assert.deepEqual(closed, []);
    assert.deepEqual(rig.errors.map(brief), []);
    home(rig);
  });

  it("performed, and its Command Status lost", () => {
    const { rig, peer, connection, closed } = linked(TABLE);
    let lost = 0;
    const inject = rig.board.chip.controller.send;
    rig.board.chip.controller.send = (packet: Uint8Array) => {
      if (packet[0] === 4 && packet[1] === 0x0f && packet[5] === 0x06 && packet[6] === 0x04 && lost++ === 0) return;
      inject(packet);
    };
    connection.close();
    rig.run(15_000);
    assert.equal(lost >= 1, true);
    assert.deepEqual(peer.ends, [0x13]);
    assert.deepEqual(closed, []);
    home(rig);
  });

  it("a peer that cannot acknowledge, with a supervision timeout of 20 s: no false alarm, other links go on, the link is not lost sight of", () => {
    const { rig, connections } = served({}, EIGHT);
    const gone = makePeer(rig, 1, { timeout: 20_000 }).connect();
    const other = makePeer(rig, 2).connect();
    gone.central.silent = true;
    connections[0].close();
    rig.run(15_000);
    assert.deepEqual(rig.errors.map(brief), [], "the chip is still at it");
    const heard: number[] = [];
    connections[1].rssi((value) => void heard.push(value));
    rig.run(200);
    assert.deepEqual(heard, [-60]);
    readsAcme(rig, other);
    rig.run(15_000);
    other.central.disconnect();
    rig.run(500);
    assert.deepEqual(rig.errors.map(brief), []);
    home(rig, 2, 8);
  });
});

describe("events that are lost, or lie", () => {
  /** Loses the next event of a code, as the wire might, but whole. */
  function loseEvent(rig: Rig<any>, code: number, subevent = -1, times = 1): void {
    const chip = rig.board.chip;
    const send = chip.controller.send;
    chip.controller.send = (packet: Uint8Array) => {
      if (times > 0 && packet[0] === 4 && packet[1] === code && (subevent < 0 || packet[3] === subevent)) times--;
      else send(packet);
    };
  }

  it("Disconnection Complete after close() is lost: found by the Disconnect that is repeated", () => {
    const { rig, connection, closed } = linked(TABLE);
    loseEvent(rig, 0x05);
    connection.close();
    rig.run(12_000);
    assert.deepEqual(sent(rig, DISCONNECT), ["400013", "400013"]);
    assert.deepEqual(closed, []);
    assert.deepEqual(rig.errors.map(brief), []);
    home(rig);
  });

  it("Disconnection Complete of a peer that left is lost with a loss of step: found by the check that follows", () => {
    const { rig, peer, closed } = linked(TABLE);
    loseEvent(rig, 0x05);
    peer.central.disconnect();
    rig.run(500);
    assert.deepEqual(closed, []);
    // Half a packet, then silence: out of step, and in step again.
    rig.board.chip.inject(Uint8Array.of(0x99, 0x98, 0x97));
    rig.run(3000);
    assert.deepEqual(closed, [0x08]);
    home(rig);
  });

  it("Disconnection Complete lost, and the chip uses the handle anew: the old link ends with 0x08, the new one is served", () => {
    const { rig, peer, closed, connection } = linked(TABLE);
    loseEvent(rig, 0x05);
    peer.central.disconnect();
    rig.run(500);
    rig.board.chip.inject(connectionComplete(0x40, "0300e2125e0b"));
    rig.run(50);
    assert.deepEqual(closed, [0x08]);
    assert.equal(connection.address(), "0b5e12e20002");
    // What the chip knows nothing of is found out by the first Disconnect or check.
    rig.board.chip.inject(disconnectionComplete(0x40, 0x13));
    rig.run(50);
    assert.deepEqual(closed, [0x08, 0x13]);
    home(rig);
  });

  it("Connection Complete is lost: the device does not stay deaf for ever", () => {
    const { rig, connections } = served({ links: 1 });
    loseEvent(rig, 0x3e, 0x01);
    const peer = makePeer(rig, 1);
    peer.central.connect(rig.bt.address()!, 1);
    rig.run(1000);
    assert.equal(connections.length, 0);
    // The wire has noticed.
    rig.board.chip.inject(Uint8Array.of(0x99, 0x98, 0x97));
    rig.run(3000);
    if (peer.central.connected) peer.central.disconnect();
    rig.run(45_000);
    home(rig);
  });

  it("Disconnection Complete with a status, or of an unknown handle, ends nothing", () => {
    const { rig, peer, closed } = linked(TABLE);
    for (const bytes of [disconnectionComplete(0x40, 0x13, 0x0c), disconnectionComplete(0x41, 0x13), disconnectionComplete(0xeff, 0x08), event(0x05, "004000")]) rig.board.chip.inject(bytes);
    rig.run(100);
    assert.deepEqual(closed, []);
    readsAcme(rig, peer);
    assert.equal(rig.bt.counters().malformed, 1);
  });

  it("Disconnection Complete twice ends one link once", () => {
    const { rig, peer, closed } = linked(TABLE);
    peer.central.disconnect();
    rig.run(500);
    rig.board.chip.inject(disconnectionComplete(0x40, 0x13));
    rig.run(100);
    assert.deepEqual(closed, [0x13]);
    home(rig);
  });

  it("Connection Complete with a status makes no link; nor do short ones", () => {
    const { rig, connections } = served();
    rig.board.chip.inject(connectionComplete(0x77, "0200e2125e0b", 0x3c));
    rig.board.chip.inject(event(0x3e, "01004000"));
    rig.board.chip.inject(event(0x3e, "0a004000"));
    rig.board.chip.inject(event(0x3e, ""));
    rig.run(200);
    assert.equal(connections.length, 0);
    assert.equal(rig.bt.counters().malformed, 3);
    home(rig);
  });

  it("a link in the central role that nobody has asked for is sent away", () => {
    const { rig, connections } = served();
    rig.board.chip.inject(event(0x3e, "01" + "00" + "4100" + "00" + "00" + "0200e2125e0b" + "1800" + "0000" + "c800" + "00"));
    rig.run(100);
    assert.equal(connections.length, 0);
    assert.deepEqual(sent(rig, DISCONNECT), ["410013"]);
    home(rig);
  });

  it("LE Enhanced Connection Complete: address, type and parameters from their places", () => {
    const { rig, connections } = served();
    rig.board.chip.inject(event(0x3e, "0a" + "00" + "4100" + "01" + "03" + "060504030201" + "a1a2a3a4a5a6" + "b1b2b3b4b5b6" + "1800" + "0000" + "c800" + "01"));
    rig.run(10);
    assert.equal(connections.length, 1);
    assert.equal(connections[0].address(), "010203040506");
    assert.equal(connections[0].addresstype(), 1);
  });

  it("Connection Update Complete, RSSI, parameter requests of unknown handles do nothing; one that data come from is disconnected", () => {
    const { rig, peer, closed } = linked(TABLE);
    const from = here(rig);
    const { chip } = rig.board;
    chip.inject(event(0x3e, "0300" + "7700" + "1800" + "0000" + "c800"));
    chip.inject(event(0x3e, "03" + "0c" + "7700" + "1800" + "0000" + "c800"));
    chip.inject(event(0x3e, "06" + "7700" + "1800" + "2800" + "0000" + "9001"));
    chip.inject(event(0x13, "01" + "7700" + "0500"));
    rig.run(200);
    assert.equal(chip.log.length, from);
    chip.inject(Uint8Array.from([2, 0x77, 0x20, 7, 0, 3, 0, 4, 0, 0x0a, 1, 0]));
    rig.run(200);
    assert.deepEqual(sent(rig, DISCONNECT, from), ["770013"]);
    assert.equal(chip.log.length, from + 1);
    assert.deepEqual(closed, []);
    readsAcme(rig, peer);
    peer.central.disconnect();
    rig.run(500);
    home(rig);
  });

  it("onclose that closes the instance when a Connection Complete for a known handle ends the link: nothing goes on", () => {
    const { rig, connection } = linked(TABLE);
    let closed = false;
    let late = 0;
    rig.bt.onconnect(() => closed && late++);
    connection.onclose(() => {
      closed = true;
      rig.bt.close();
    });
    rig.board.chip.inject(connectionComplete(0x40, "0300e2125e0b"));
    rig.run(1200);
    assert.equal(closed, true);
    assert.equal(late, 0);
    rig.gone();
  });
});

describe("several links", () => {
  it("eight peers, each with its own object, state and end", () => {
    const { rig, connections, closed } = served({}, EIGHT);
    const peers = makePeers(rig, 8);
    assert.equal(new Set(connections).size, 8);
    assert.deepEqual(connections.map((c) => c.address()), Array.from({ length: 8 }, (_, i) => "0b5e12e2001" + i));
    peers[3].mtu(100);
    assert.deepEqual(connections.map((c) => c.mtu()), [23, 23, 23, 100, 23, 23, 23, 23]);
    peers.forEach((peer) => readsAcme(rig, peer));
    connections[2].close();
    rig.run(500);
    assert.deepEqual(peers.map((p) => p.ends), [[], [], [0x13], [], [], [], [], []]);
    peers[5].central.disconnect(0x15);
    rig.run(500);
    assert.deepEqual(closed, [0x15]);
    for (const i of [0, 1, 3, 4, 6, 7]) readsAcme(rig, peers[i]);
    clean(rig);
    for (const i of [0, 1, 3, 4, 6, 7]) peers[i].central.disconnect();
    rig.run(500);
    assert.equal(closed.length, 7);
    home(rig, 2, 8);
  });

  it("all end in the same moment", () => {
    for (const end of [(p: Peer) => p.central.disconnect(), (p: Peer) => p.central.vanish()]) {
      const { rig, closed } = served({}, EIGHT);
      const peers = makePeers(rig, 8);
      for (const peer of peers) end(peer);
      rig.run(4000);
      assert.equal(closed.length, 8);
      assert.equal(new Set(closed).size, 1);
      clean(rig);
      home(rig, 2, 8);
    }
  });

  it("the application closes all others when one has gone", () => {
    const { rig, connections } = served({}, EIGHT);
    const ends: number[] = [];
    const peers = makePeers(rig, 8);
    connections.forEach((connection, i) =>
      connection.onclose(() => {
        ends.push(i);
        for (const other of connections) other.close();
      }),
    );
    peers[4].central.disconnect();
    rig.run(3000);
    assert.deepEqual(ends, [4]);
    assert.deepEqual(peers.map((p) => p.ends[0]), [0x13, 0x13, 0x13, 0x13, 0x16, 0x13, 0x13, 0x13]);
    clean(rig);
    home(rig, 2, 8);
  });

  it("the chip takes fewer links than the options allow: the others are served, and room is used again", () => {
    const { rig, connections } = served({}, { chip: { links: 2, identity: { lestates: ALL_STATES } } });
    const peers = makePeers(rig, 2);
    rig.run(3000);
    peers.forEach((peer) => readsAcme(rig, peer));
    assert.equal(connections.length, 2);
    rig.run(100);
    assert.equal(occupied(rig), 0);
    peers[0].central.disconnect();
    peers[1].central.disconnect();
    rig.run(1000);
    home(rig, 2, 2);
  });
});
