import assert from "node:assert/strict";
import type { Connection } from "../../core/connection.js";
import { linked, type Linked, type Peer } from "../support/links.js";
import { hex, unhex } from "../support/rig.js";

// What is not as it should be: Vol 3 Part F 3.3, 3.4.1.1, and the lengths of all PDUs of 3.4. Then very much of it, by chance.

const le = (value: number): string => hex([value & 255, value >> 8]);
const error = (opcode: number, handle: number, code: number): string => hex([1, opcode, handle & 255, handle >> 8, code]);
const bytes = (length: number, seed = 7): Uint8Array => Uint8Array.from({ length }, (_, i) => i * seed + 1);

function start(mtu: number): Linked & { at: number; log: string[] } {
  const log: string[] = [];
  const made = linked([
    {
      uuid: 0xff00,
      chars: [
        { uuid: 0xff01, value: "fixed" },
        { uuid: 0xff02, read: () => "made", write: (_: Connection, value) => void log.push(hex(value)), flags: 0x1e },
      ],
    },
  ]);
  if (mtu > 23) made.peer.mtu(mtu);
  return { ...made, at: made.rig.bt.handle(0xff00, 0xff01), log };
}

/** Sends what gets no answer, and makes sure of that. */
function silent({ peer, rig }: Linked, digits: string, what = digits): void {
  peer.send(4, digits);
  rig.run(200);
  assert.deepEqual(peer.frames, [], what);
}

for (const mtu of [23, 247]) {
  describe(`att: PDUs of a wrong length at an MTU of ${mtu}`, () => {
    const rows: [string, number, (at: number) => string, "both" | "short"][] = [
      ["Exchange MTU", 0x02, () => "1700", "both"],
      ["Find Information", 0x04, (at) => le(at) + le(at), "both"],
      ["Read", 0x0a, (at) => le(at), "both"],
      ["Read Blob", 0x0c, (at) => le(at) + "0000", "both"],
      ["Read Multiple", 0x0e, (at) => le(at) + le(at), "both"],
      ["Read Multiple Variable", 0x20, (at) => le(at) + le(at), "both"],
      ["Read By Type, 16 bits", 0x08, (at) => le(at) + le(at) + "01ff", "both"],
      ["Read By Type, 128 bits", 0x08, (at) => le(at) + le(at) + "fb349b5f8000008000100000" + "01ff0000", "both"],
      ["Read By Group Type, 16 bits", 0x10, (at) => le(1) + le(at) + "0028", "both"],
      ["Read By Group Type, 128 bits", 0x10, (at) => le(1) + le(at) + "fb349b5f8000008000100000" + "00280000", "both"],
      ["Find By Type Value", 0x06, (at) => le(at) + le(at) + "01ff", "short"],
      ["Write", 0x12, (at) => le(at + 2), "short"],
      ["Prepare Write", 0x16, (at) => le(at + 2) + "0000", "short"],
      ["Execute Write", 0x18, () => "00", "both"],
    ];
    for (const [name, opcode, parameters, which] of rows) {
      it(`${name}: one byte short${which === "both" ? ", one long" : ""}, or nothing but the opcode`, () => {
        const { peer, at, rig } = start(mtu);
        const before = rig.bt.counters().malformed;
        const right = hex([opcode]) + parameters(at);
        const refused = error(opcode, 0, 0x04);
        assert.notEqual(peer.att(right), refused, "the right one");
        assert.equal(peer.att(right.slice(0, -2)), refused);
        assert.equal(peer.att(hex([opcode])), refused);
        if (which === "both" && right.length / 2 + 1 <= mtu) assert.equal(peer.att(right + "00"), refused);
        assert.equal(rig.bt.counters().exceptions, 0);
        assert.ok(rig.bt.counters().malformed >= before);
        assert.notEqual(peer.att(right), refused, "the right one again");
      });
    }

    it("longer than the MTU: refused with 0x04, and nothing of it is done", () => {
      const { peer, at, log, rig } = start(mtu);
      for (const length of [mtu + 1, mtu + 5, 400, 517]) {
        if (length <= mtu) continue;
        assert.equal(peer.att("12" + le(at + 2) + hex(bytes(length - 3))), error(0x12, 0, 0x04));
        assert.equal(peer.att("16" + le(at + 2) + "0000" + hex(bytes(length - 5))), error(0x16, 0, 0x04));
        assert.equal(peer.att("06" + le(1) + "ffff" + "01ff" + hex(bytes(length - 7))), error(0x06, 0, 0x04));
        if (length % 2) {
          assert.equal(peer.att("0e" + le(at).repeat((length - 1) / 2)), error(0x0e, 0, 0x04));
          assert.equal(peer.att("20" + le(at).repeat((length - 1) / 2)), error(0x20, 0, 0x04));
        }
      }
      assert.equal(peer.att("1801"), "19");
      assert.deepEqual(log, []);
      assert.equal(rig.bt.counters().exceptions, 0);
    });

    it("longer than any MTU: dropped, and the link goes on", () => {
      const made = start(mtu);
      silent(made, "12" + le(made.at + 2) + hex(bytes(600)), "600");
      silent(made, "12" + le(made.at + 2) + hex(bytes(5000)), "5000");
      assert.equal(made.peer.att("0a" + le(made.at)), "0b" + hex(Buffer.from("fixed")));
      assert.deepEqual(made.log, []);
    });

    it("an empty PDU is dropped and counted", () => {
      const made = start(mtu);
      const before = made.rig.bt.counters().malformed;
      silent(made, "");
      assert.equal(made.rig.bt.counters().malformed, before + 1);
      assert.equal(made.peer.att("0a" + le(made.at)), "0b" + hex(Buffer.from("fixed")));
    });
  });

  describe(`att: PDUs that nobody knows at an MTU of ${mtu}`, () => {
    /** Of all that a server may receive. */
    const served = [0x02, 0x04, 0x06, 0x08, 0x0a, 0x0c, 0x0e, 0x10, 0x12, 0x16, 0x18, 0x20];
    /** What only a server sends, or a client in answer to it. */
    const sent = [0x01, 0x03, 0x05, 0x07, 0x09, 0x0b, 0x0d, 0x0f, 0x11, 0x13, 0x17, 0x19, 0x1b, 0x1e, 0x21, 0x23];
    /** Odd numbers between those, which nothing has yet: they may pass for answers. An indication is confirmed where there is a client. */
    const open = [0x15, 0x1d, 0x1f];

    it("every request that is not known gets 0x06, of any length", () => {
      const { peer } = start(mtu);
      for (let opcode = 0; opcode < 256; opcode++) {
        if (opcode & 0x40 || served.includes(opcode) || sent.includes(opcode) || open.includes(opcode)) continue;
        assert.equal(peer.att(hex([opcode])), error(opcode, 0, 0x06));
        assert.equal(peer.att(hex([opcode]) + "0100ffff"), error(opcode, 0, 0x06));
      }
    });

    it("an indication of what the peer itself serves is confirmed, and nothing else is said", () => {
      const { peer, rig, at } = start(mtu);
      for (const value of ["", "00", "aa".repeat(mtu - 3)]) assert.equal(peer.att("1d" + le(at) + value), "1e");
      rig.run(500);
      assert.deepEqual(peer.frames, []);
      assert.equal(peer.att("0a" + le(at)), "0b" + hex(Buffer.from("fixed")));
    });

    it("every command that is not known is ignored, of any length", () => {
      const made = start(mtu);
      for (let opcode = 0; opcode < 256; opcode++) {
        if (!(opcode & 0x40)) continue;
        for (const rest of ["", le(made.at + 2), le(made.at + 2) + "0102030405060708090a0b0c0d0e"]) made.peer.send(4, hex([opcode]) + rest);
        if (opcode % 16 === 15) silent(made, "40");
      }
      // But for the one that is known: without and with a value.
      assert.deepEqual(made.log, ["", "0102030405060708090a0b0c0d0e"]);
      assert.equal(made.peer.att("0a" + le(made.at)), "0b" + hex(Buffer.from("fixed")));
    });

    it("answers and confirmations out of place are ignored", () => {
      const made = start(mtu);
      for (const opcode of sent) {
        for (const rest of ["", "00", le(made.at), "0a" + le(made.at) + "0a", "00".repeat(mtu - 1)]) made.peer.send(4, hex([opcode]) + rest);
        silent(made, "40", `${opcode}`);
      }
      assert.equal(made.peer.att("0a" + le(made.at)), "0b" + hex(Buffer.from("fixed")));
      assert.equal(made.rig.bt.counters().exceptions, 0);
    });
  });
}

describe("att: a request before the last one is answered", () => {
  it("each of those that come one behind the other is answered at most once, in their order", () => {
    const { peer, rig, at } = start(23);
    for (let i = 0; i < 6; i++) peer.send(4, "0c" + le(at) + le(i));
    rig.run(2000);
    const answers = peer.frames.splice(0).map((frame) => frame.bytes);
    const right = Array.from({ length: 6 }, (_, i) => (i <= 5 ? "0d" + hex(Buffer.from("fixed").subarray(i)) : ""));
    assert.ok(answers.length >= 1 && answers.length <= 6);
    // What is answered is answered rightly.
    for (let i = 0, j = 0; i < answers.length; i++, j++) {
      while (j < 6 && right[j] !== answers[i]) j++;
      assert.ok(j < 6, `${answers[i]} in its order`);
    }
    assert.equal(answers[0], right[0]);
    assert.equal(peer.att("0a" + le(at)), "0b" + hex(Buffer.from("fixed")));
  });

  it("one while the application thinks is ignored and counted; commands and confirmations are taken", () => {
    let answer: any;
    const log: string[] = [];
    const { peer, rig } = linked([
      {
        uuid: 0xff00,
        chars: [
          { uuid: 0xff01, read: (_, reply) => ((answer = reply), rig.bt.LATER) },
          { uuid: 0xff02, write: (_, value) => void log.push(hex(value)), flags: 0x0c },
          { uuid: 0xff03, flags: 0x20 },
        ],
      },
    ]);
    const at = rig.bt.handle(0xff00, 0xff01);
    assert.equal(peer.att("12" + le(at + 5) + "0200"), "13");
    peer.send(4, "0a" + le(at));
    rig.run(200);
    const before = rig.bt.counters().ignored;
    for (const second of ["0a" + le(at), "12" + le(at + 2) + "55", "020002", "ff", "0000", "1801"]) peer.send(4, second);
    peer.send(4, "52" + le(at + 2) + "77");
    rig.run(500);
    assert.deepEqual(peer.frames, []);
    assert.deepEqual(log, ["77"]);
    assert.ok(rig.bt.counters().ignored >= before + 5);
    rig.bt.notify(0xff03, "x");
    assert.equal(peer.next(), "1d" + le(at + 4) + "78");
    peer.send(4, "1e");
    rig.run(200);
    assert.equal(rig.bt.notify(0xff03, "y"), true);
    assert.equal(peer.next(), "1d" + le(at + 4) + "79");
    answer("late");
    assert.equal(peer.next(), "0b" + hex(Buffer.from("late")));
    assert.equal(peer.att("12" + le(at + 2) + "55"), "13");
  });
});

describe("att: 20000 PDUs by chance", () => {
  /** A generator of 32-bit numbers that is a function of its seed (xorshift). */
  function random(seed: number): (below: number) => number {
    let state = seed;
    return (below) => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % below;
    };
  }

  /** What is wrong with an answer; "" nothing. */
  function fault(request: Uint8Array, answer: Uint8Array, mtu: number): string {
    const opcode = request[0];
    const length = answer.length;
    if (length > mtu) return "longer than the MTU";
    if (answer[0] === 1) {
      if (length !== 5) return "an error of a wrong length";
      if (answer[1] !== opcode) return "an error for another request";
      if (answer[4] === 0) return "an error without a code";
      return "";
    }
    if (answer[0] !== opcode + 1) return "another answer";
    const pairs = (from: number, size: number, least: number): string => (length > from && (length - from) % size === 0 && size >= least ? "" : "no whole list");
    switch (opcode) {
      case 0x02:
        return length === 3 ? "" : "length";
      case 0x04:
        return answer[1] === 1 ? pairs(2, 4, 4) : answer[1] === 2 ? pairs(2, 18, 18) : "format";
      case 0x06:
        return pairs(1, 4, 4);
      case 0x08:
        return pairs(2, answer[1], 2);
      case 0x10:
        return pairs(2, answer[1], 6);
      case 0x0a:
      case 0x0c:
      case 0x0e:
      case 0x20:
        return length >= 1 ? "" : "length";
      case 0x12:
      case 0x18:
        return length === 1 ? "" : "length";
      case 0x16:
        return hex(answer.subarray(1)) === hex(request.subarray(1)) ? "" : "not what was sent";
      default:
        return "not known";
    }
  }

  for (const [mtu, count, seed] of [
    [23, 10_000, 0x1234567],
    [100, 5000, 0x7654321],
    [517, 5000, 0x55aa55a],
  ]) {
    it(`at an MTU of ${mtu}: at most one answer each, well formed, and afterwards all is as before`, function () {
      this.timeout(60_000);
      const next = random(seed);
      const value = bytes(512);
      const { peer, rig, connection } = linked(
        [
          {
            uuid: 0xff00,
            chars: [
              { uuid: 0xff01, value: "fixed" },
              { uuid: 0xff02, read: () => value.subarray(0, next(513)), write: () => next(300), flags: 0x3e, descriptors: [{ uuid: 0x2901, value: "text", flags: 0x0a }] },
              { uuid: "fada47be-c455-48c9-a5f2-af7cf368d719", read: () => next(400), write: () => undefined, flags: 0x4e },
              { uuid: 0xff01, value: "" },
              { uuid: 0xff03, value: "secret", level: 4 },
              { uuid: 0xff04, value: "n", flags: 0x12 },
            ],
          },
          { uuid: "fada47be-c455-48c9-a5f2-af7cf368d720", chars: [{ uuid: 0xff01, value }] },
          { uuid: 0xfe00, chars: [{ uuid: 0xff01, value: "last" }] },
        ],
        { mtu: Math.max(mtu, 23) },
        { interval: 7.5 },
      );
      if (mtu > 23) peer.mtu(mtu);
      const at = rig.bt.handle(0xff00, 0xff01);
      const opcodes = [0x02, 0x04, 0x06, 0x08, 0x0a, 0x0c, 0x0e, 0x10, 0x12, 0x16, 0x18, 0x20, 0x52, 0xd2, 0x1e];
      const types = ["0028", "0128", "0328", "0229", "01ff", "02ff", "0129", "002a", "2a2b", "0000", hex(unhex("fada47bec45548c9a5f2af7cf368d719").reverse()), "fb349b5f8000008000100000" + "01ff0000"];
      const byte = (): string => hex([next(256)]);
      const handle = (): string => (next(12) ? le(next(at + 30)) : byte() + byte());
      const make = (): string => {
        let opcode = next(10) ? opcodes[next(opcodes.length)] : next(256);
        // What the peer indicates is another matter: it is confirmed.
        if (opcode === 0x1d) opcode = 0x1b;
        let rest = "";
        switch (next(6)) {
          case 0:
            for (let i = next(mtu); i > 0; i--) rest += byte();
            break;
          case 1:
            rest = handle() + handle() + types[next(types.length)];
            break;
          case 2:
            rest = handle() + (next(2) ? "0000" : le(next(600)));
            break;
          case 3:
            rest = handle();
            break;
          case 4:
            for (let i = 2 + next(5); i > 0; i--) rest += handle();
            break;
          default:
            rest = handle() + "0000";
            for (let i = next(mtu - 4); i > 0; i--) rest += byte();
        }
        if (opcode === 0x18) rest = hex([next(3)]);
        // The exchange at the beginning stays the only one.
        if (opcode === 0x02) rest = le(mtu);
        return hex([opcode]) + rest;
      };
      for (let i = 0; i < count; i++) {
        const digits = make();
        const request = unhex(digits);
        peer.send(4, digits);
        const silence = (request[0] & 0x40) !== 0 || (request[0] & 1 && request[0] <= 0x23) || request[0] === 0x1e;
        if (silence) {
          rig.run(1);
          assert.deepEqual(peer.frames, [], digits);
          continue;
        }
        const answer = peer.next();
        assert.notEqual(answer, "", `${i}: an answer to ${digits}`);
        assert.deepEqual(peer.frames, [], `${i}: one answer to ${digits}`);
        assert.equal(fault(request, unhex(answer), mtu), "", `${i}: ${answer} to ${digits}`);
      }
      rig.run(1000);
      assert.deepEqual(peer.frames, []);
      assert.ok(peer.central.connected);
      assert.equal(connection.mtu(), mtu);
      assert.equal(rig.bt.counters().exceptions, 0);
      assert.equal(rig.bt.counters().restarts, 0);
      for (const problem of rig.errors) assert.equal(problem.code, "handler", String(problem));
      // A plain read, a long one, and more notifications than the controller and the queue hold at a time.
      assert.equal(peer.att("0a" + le(at)), "0b" + hex(Buffer.from("fixed")));
      burst(rig, peer, mtu);
    });
  }

  it("with an application that answers late, notifies and replaces its table: one answer to each request", function () {
    this.timeout(60_000);
    for (const seed of [3, 1415926, 535897932]) {
      const next = random(seed);
      let asked = 0;
      const act = (): void => {
        if (!next(12)) rig.bt.servegatt(table(next(3)));
        if (!next(6)) rig.bt.notify(0xff02, bytes(next(40)));
      };
      const later = (reply: (value: any) => void, value: any): any => {
        asked++;
        act();
        const kind = next(8);
        // At once; early; soon; never, but that is 25 s.
        if (kind < 3) return value;
        if (kind === 3) reply(value);
        else if (kind < 7) rig.board.clock.after(next(60), () => reply(value));
        else if (next(20)) reply(value);
        return rig.bt.LATER;
      };
      const table = (more: number): any[] =>
        Array.from({ length: 1 + more }, (_, i) => ({
          uuid: 0xff00 + 16 * i,
          chars: [
            { uuid: 0xff01, value: "fixed" },
            { uuid: 0xff02, flags: 0x3e, read: (_: Connection, reply: any) => later(reply, bytes(next(100))), write: (_: Connection, _value: any, reply: any) => later(reply, next(4) ? 0 : 0x80), subscribe: act },
            { uuid: 0xff03, flags: 0x1a, read: (_: Connection, reply: any) => later(reply, "x"), write: () => act() },
          ],
        }));
      const { peer, rig } = linked(table(1), { mtu: 23, prepare: 100, queue: 2 }, { interval: 7.5 });
      const at = rig.bt.handle(0xff00, 0xff01);
      for (let i = 0; i < 1500; i++) {
        const h = le(at + next(18));
        const part = "aa".repeat(next(8));
        const rows = ["0a" + h, "0c" + h + le(next(60)), "0e" + h + le(at + next(18)), "20" + h + le(at + next(18)), "08" + h + "ffff02ff", "12" + h + part, "12" + h + "0" + next(4) + "00", "16" + h + le(next(3)) + part, "16" + h + "0000" + part, "1801", "180" + next(2), "52" + h + part, "1e"];
        const digits = rows[next(rows.length)];
        peer.send(4, digits);
        if (digits === "1e" || digits.startsWith("52")) {
          rig.run(1 + next(20));
          continue;
        }
        let answer = "";
        while ((answer = peer.next(4, 27_000)) && /^1[bd]/.test(answer)) if (answer.startsWith("1d")) peer.send(4, "1e");
        assert.notEqual(answer, "", `${i}: an answer to ${digits}`);
        assert.equal(fault(unhex(digits), unhex(answer), 23), "", `${seed} ${i}: ${answer} to ${digits}`);
      }
      rig.run(2000);
      assert.ok(peer.frames.every((frame) => /^1[bd]/.test(frame.bytes)), "nothing but values afterwards");
      assert.ok(asked > 100);
      assert.equal(rig.bt.counters().exceptions, 0);
      assert.equal(rig.bt.counters().restarts, 0);
      assert.deepEqual(rig.errors, []);
      peer.frames.splice(0);
      rig.bt.servegatt([{ uuid: 0xff00, chars: [{ uuid: 0xff01, value: "end" }] }]);
      peer.send(4, "1e");
      rig.run(500);
      peer.frames.splice(0);
      assert.equal(peer.att("0a" + le(at)), "0b" + hex(Buffer.from("end")));
    }
  });

  function burst(rig: any, peer: Peer, mtu: number): void {
    const long = rig.bt.handle("fada47be-c455-48c9-a5f2-af7cf368d720", 0xff01);
    const quiet = rig.bt.handle(0xff00, 0xff04);
    let all = "";
    for (let part = "x"; part; all += part) part = peer.att("0c" + le(long) + le(all.length / 2)).slice(2);
    assert.equal(all, hex(bytes(512)));
    peer.att("1800");
    assert.equal(peer.att("12" + le(quiet + 1) + "0100"), "13");
    let sent = 0;
    const push = (): void => {
      while (sent < 200 && rig.bt.notify(0xff04, new Uint8Array(mtu > 515 ? 512 : mtu - 3).fill(sent))) sent++;
    };
    rig.bt.onroom(push);
    push();
    rig.run(60_000);
    assert.equal(sent, 200);
    assert.deepEqual(
      peer.frames.splice(0).map((frame) => frame.bytes.slice(0, 10)),
      Array.from({ length: 200 }, (_, i) => "1b" + le(quiet) + hex([i, i])),
    );
  }
});
