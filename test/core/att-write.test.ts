import assert from "node:assert/strict";
import type { Connection } from "../../core/connection.js";
import type { Service } from "../../core/gatt/database.js";
import { device, Peer } from "../support/links.js";
import { hex } from "../support/rig.js";

// Write, Write Command, Signed Write, Prepare and Execute Write: Vol 3 Part F 3.4.5 and 3.4.6.

const le = (value: number): string => hex([value & 255, value >> 8]);
const text = (value: string): string => hex(Array.from(value, (c) => c.charCodeAt(0)));
const error = (opcode: number, handle: number, code: number): string => hex([1, opcode, handle & 255, handle >> 8, code]);
const bytes = (length: number, seed = 7): Uint8Array => Uint8Array.from({ length }, (_, i) => i * seed + 1);

/** A chip that may advertise beside links. */
const SEVERAL = { chip: { links: 8, identity: { lestates: new Uint8Array(8).fill(255) } } };

interface Started {
  peer: Peer;
  bt: any;
  rig: any;
  connection: Connection;
  /** What was written, as "name:hex". */
  log: string[];
  /** Handle of the value with that UUID's low byte. */
  at: (n: number) => number;
}

function start(mtu: number, more: Service["chars"] = [], options: object = {}, board: object = {}): Started {
  const log: string[] = [];
  const note =
    (name: string, result: any = undefined) =>
    (_: Connection, value: Uint8Array): any => (log.push(name + ":" + hex(value)), result);
  const { rig, connections } = device(
    [
      {
        uuid: 0xff00,
        chars: [
          { uuid: 0xff01, write: note("a") },
          { uuid: 0xff02, write: note("b"), flags: 0x0c },
          { uuid: 0xff03, write: note("c"), flags: 0x04 },
          { uuid: 0xff04, value: "fixed" },
          { uuid: 0xff05, value: "fixed", flags: 0x0a },
          { uuid: 0xff06, write: note("refuses", 0x81), flags: 0x0c },
          { uuid: 0xff07, value: "n", flags: 0x12, subscribe: (_, on) => void log.push("subscribe:" + on) },
          { uuid: 0xff08, write: note("level3"), level: 3, flags: 0x0c },
          { uuid: 0xff09, write: note("level4"), level: 4, flags: 0x0c },
          { uuid: 0xff0a, write: note("signed"), flags: 0x40 },
          ...more,
        ],
      },
    ],
    options,
    board,
  );
  const peer = new Peer(rig).connect();
  const connection = connections[0];
  if (mtu > 23) peer.mtu(mtu);
  return { peer, bt: rig.bt, rig, connection, log, at: (n) => rig.bt.handle(0xff00, 0xff00 + n) };
}

/** Sends what gets no answer, and makes sure of that. */
function silent({ peer, rig }: Started, digits: string): void {
  peer.send(4, digits);
  rig.run(300);
  assert.deepEqual(peer.frames, []);
}

for (const mtu of [23, 247]) {
  describe(`att: Write at an MTU of ${mtu}`, () => {
    it("hands on values of every length that fits", () => {
      const { peer, log, at } = start(mtu);
      for (const length of [0, 1, mtu - 4, mtu - 3]) {
        assert.equal(peer.att("12" + le(at(1)) + hex(bytes(length))), "13");
        assert.equal(log.pop(), "a:" + hex(bytes(length)));
      }
      assert.deepEqual(log, []);
    });

    it("gives each write its own copy", () => {
      const values: Uint8Array[] = [];
      const { peer, at } = start(mtu, [{ uuid: 0xff20, write: (_, value) => void values.push(value) }]);
      peer.att("12" + le(at(0x20)) + "0102");
      peer.att("12" + le(at(0x20)) + "0304");
      assert.deepEqual(values.map((value) => value.constructor === Uint8Array && hex(value)), ["0102", "0304"]);
      assert.notEqual(values[0].buffer, values[1].buffer);
    });

    it("refuses handles that are none and values that may not be written", () => {
      const { peer, log, at, bt } = start(mtu);
      assert.equal(peer.att("12000001"), error(0x12, 0, 0x01));
      assert.equal(peer.att("12ffff01"), error(0x12, 0xffff, 0x01));
      assert.equal(peer.att("12" + le(at(0x0a) + 1) + "01"), error(0x12, at(0x0a) + 1, 0x01));
      // Only by command, only readable, writable by its flags only, only signed; a declaration.
      for (const handle of [at(3), at(4), at(5), at(0x0a), at(1) - 1]) assert.equal(peer.att("12" + le(handle) + "01"), error(0x12, handle, 0x03));
      for (const handle of [at(8), at(9)]) assert.equal(peer.att("12" + le(handle) + "01"), error(0x12, handle, 0x05));
      assert.deepEqual(log, []);
      assert.equal(bt.counters().exceptions, 0);
    });

    it("sends on what a handler refuses with", () => {
      const rows: [any, string][] = [
        [undefined, "13"],
        [null, "13"],
        [0, "13"],
        [1, "01"],
        [0x0d, "0d"],
        [0x80, "80"],
        [255, "ff"],
        [256, "80"],
        [0x1000, "80"],
        [-1, "80"],
        [1.5, "80"],
        [NaN, "80"],
        [Infinity, "80"],
        ["", "80"],
        ["13", "80"],
        [{}, "80"],
        [true, "80"],
      ];
      let result: any;
      const { peer, at, rig } = start(mtu, [{ uuid: 0xff20, write: () => result }]);
      for (const [value, want] of rows) {
        result = value;
        assert.equal(peer.att("12" + le(at(0x20)) + "01"), want === "13" ? want : "0112" + le(at(0x20)) + want, String(value));
      }
      assert.deepEqual(rig.errors, []);
    });
  });

  describe(`att: Write Command at an MTU of ${mtu}`, () => {
    it("hands on values of every length that fits", () => {
      const started = start(mtu);
      for (const length of [0, 1, mtu - 3]) {
        silent(started, "52" + le(started.at(3)) + hex(bytes(length)));
        assert.equal(started.log.pop(), "c:" + hex(bytes(length)));
      }
    });

    it("is never answered, whatever it holds", () => {
      const started = start(mtu);
      const { at, log, peer } = started;
      const handles = [0, 0xffff, at(1), at(4), at(5), at(8), at(9), at(0x0a), at(1) - 1, at(0x0a) + 1, at(7) + 1];
      for (const handle of handles) silent(started, "52" + le(handle) + "0100");
      assert.deepEqual(log, []);
      silent(started, "52" + le(at(6)) + "01");
      assert.deepEqual(log, ["refuses:01"]);
      for (const digits of ["52", "5201", "52" + le(at(3)) + hex(bytes(mtu - 2)), "52" + le(at(3)) + hex(bytes(500))]) silent(started, digits);
      assert.deepEqual(log, ["refuses:01"]);
      assert.equal(peer.att("0a" + le(at(4))), "0b" + text("fixed"));
    });

    it("several in a row are taken in their order", () => {
      const started = start(mtu);
      for (let i = 0; i < 20; i++) started.peer.send(4, "52" + le(started.at(3)) + hex([i]));
      started.rig.run(1000);
      assert.deepEqual(started.log, Array.from({ length: 20 }, (_, i) => "c:" + hex([i])));
      assert.deepEqual(started.peer.frames, []);
    });
  });

  describe(`att: Signed Write at an MTU of ${mtu}`, () => {
    it("is dropped and counted, as long as there is no key", () => {
      const started = start(mtu);
      const before = started.bt.counters().ignored;
      silent(started, "d2" + le(started.at(0x0a)) + "01" + "00".repeat(12));
      silent(started, "d2" + le(started.at(2)) + "00".repeat(12));
      assert.equal(started.bt.counters().ignored, before + 2);
      for (const digits of ["d2", "d2" + le(started.at(0x0a)), "d2" + le(started.at(0x0a)) + "00".repeat(11)]) silent(started, digits);
      assert.deepEqual(started.log, []);
    });
  });

  describe(`att: Prepare Write at an MTU of ${mtu}`, () => {
    it("is answered by what it holds", () => {
      const { peer, at, log } = start(mtu);
      for (const part of ["0000", "0000" + "61", "0500" + hex(bytes(mtu - 5)), "ffff61", "0102"]) assert.equal(peer.att("16" + le(at(1)) + part), "17" + le(at(1)) + part);
      assert.deepEqual(log, []);
    });

    it("refuses handles that are none and values that may not be written", () => {
      const { peer, at } = start(mtu);
      assert.equal(peer.att("160000000001"), error(0x16, 0, 0x01));
      assert.equal(peer.att("16ffff000001"), error(0x16, 0xffff, 0x01));
      for (const handle of [at(3), at(4), at(0x0a), at(1) - 1]) assert.equal(peer.att("16" + le(handle) + "000001"), error(0x16, handle, 0x03), `${handle - at(1)}`);
      for (const handle of [at(8), at(9)]) assert.equal(peer.att("16" + le(handle) + "000001"), error(0x16, handle, 0x05));
      // None of them has been taken.
      assert.equal(peer.att("1801"), "19");
    });
  });

  describe(`att: Execute Write at an MTU of ${mtu}`, () => {
    const prepare = ({ peer }: Started, handle: number, offset: number, value: string): void => {
      assert.equal(peer.att("16" + le(handle) + le(offset) + value), "17" + le(handle) + le(offset) + value);
    };

    it("writes a long value once, put together of its parts", () => {
      for (const length of [1, mtu - 5, mtu - 4, 100, 511, 512]) {
        const started = start(mtu);
        const value = hex(bytes(length));
        for (let offset = 0; offset < length; offset += mtu - 5) prepare(started, started.at(1), offset, value.slice(2 * offset, 2 * (offset + mtu - 5)));
        assert.deepEqual(started.log, []);
        assert.equal(started.peer.att("1801"), "19");
        assert.deepEqual(started.log, ["a:" + value]);
        // They have been taken.
        assert.equal(started.peer.att("1801"), "19");
        assert.equal(started.log.length, 1);
      }
    });

    it("writes several values that were prepared by turns, in the order of their first parts", () => {
      const started = start(mtu);
      const { at } = started;
      prepare(started, at(2), 0, text("one "));
      prepare(started, at(1), 0, text("eins "));
      prepare(started, at(2), 4, text("two"));
      prepare(started, at(1), 5, text("zwei"));
      assert.equal(started.peer.att("1801"), "19");
      assert.deepEqual(started.log, ["b:" + text("one two"), "a:" + text("eins zwei")]);
    });

    it("lets a later part overwrite, and shortens nothing", () => {
      const started = start(mtu);
      const { at } = started;
      prepare(started, at(1), 0, text("abcdef"));
      prepare(started, at(1), 2, text("XY"));
      prepare(started, at(1), 0, text("_"));
      assert.equal(started.peer.att("1801"), "19");
      assert.deepEqual(started.log, ["a:" + text("_bXYef")]);
    });

    it("writes values and parts of no bytes", () => {
      const started = start(mtu);
      prepare(started, started.at(1), 0, "");
      assert.equal(started.peer.att("1801"), "19");
      prepare(started, started.at(1), 0, text("ab"));
      prepare(started, started.at(1), 2, "");
      assert.equal(started.peer.att("1801"), "19");
      assert.deepEqual(started.log, ["a:", "a:" + text("ab")]);
    });

    it("without parts does nothing, with either flag", () => {
      const started = start(mtu);
      assert.equal(started.peer.att("1801"), "19");
      assert.equal(started.peer.att("1800"), "19");
      assert.deepEqual(started.log, []);
    });

    it("that cancels forgets all parts", () => {
      const started = start(mtu);
      prepare(started, started.at(1), 0, "01");
      prepare(started, started.at(7) + 1, 0, "0100");
      assert.equal(started.peer.att("1800"), "19");
      assert.equal(started.peer.att("1801"), "19");
      assert.deepEqual(started.log, []);
      assert.equal(started.peer.att("0a" + le(started.at(7) + 1)), "0b0000");
    });

    it("with other flags is refused", () => {
      const started = start(mtu);
      for (const flags of ["02", "03", "80", "ff"]) assert.equal(started.peer.att("18" + flags), error(0x18, 0, 0x04));
      assert.equal(started.peer.att("18"), error(0x18, 0, 0x04));
      assert.equal(started.peer.att("180100"), error(0x18, 0, 0x04));
      assert.deepEqual(started.log, []);
    });

    it("refuses offsets that leave a hole (0x07), before any handler runs", () => {
      for (const [first, second] of [
        [1, -1],
        [0, 3],
        [0, 512],
        [0, 0xffff],
      ]) {
        const started = start(mtu);
        const { at } = started;
        prepare(started, at(2), 0, "55");
        prepare(started, at(1), first, "0102");
        if (second >= 0) prepare(started, at(1), second, "03");
        assert.equal(started.peer.att("1801"), error(0x18, at(1), 0x07), `${first} ${second}`);
        assert.deepEqual(started.log, []);
        // The queue is empty then.
        assert.equal(started.peer.att("1801"), "19");
        assert.deepEqual(started.log, []);
      }
    });

    it("refuses what is longer than 512 (0x0D), before any handler runs", () => {
      const started = start(mtu);
      const { at } = started;
      prepare(started, at(2), 0, "55");
      for (let offset = 0; offset < 512; offset += 16) prepare(started, at(1), offset, "aa".repeat(16));
      prepare(started, at(1), 511, "0102");
      assert.equal(started.peer.att("1801"), error(0x18, at(1), 0x0d));
      assert.deepEqual(started.log, []);
      assert.equal(started.peer.att("1801"), "19");
    });

    it("takes a part of no bytes at 512", () => {
      const started = start(mtu);
      for (let offset = 0; offset < 512; offset += 16) prepare(started, started.at(1), offset, "aa".repeat(16));
      prepare(started, started.at(1), 512, "");
      assert.equal(started.peer.att("1801"), "19");
      assert.deepEqual(started.log, ["a:" + "aa".repeat(512)]);
    });

    it("ends with the first refusal: those before stay, those behind are not asked, no configuration changes", () => {
      const started = start(mtu);
      const { at, peer } = started;
      prepare(started, at(7) + 1, 0, "0100");
      prepare(started, at(1), 0, "01");
      prepare(started, at(6), 0, "02");
      prepare(started, at(2), 0, "03");
      assert.equal(peer.att("1801"), error(0x18, at(6), 0x81));
      assert.deepEqual(started.log, ["a:01", "refuses:02"]);
      assert.equal(peer.att("0a" + le(at(7) + 1)), "0b0000");
      assert.equal(peer.att("1801"), "19");
      assert.equal(started.log.length, 2);
    });

    it("sets configurations only when all handlers have agreed", () => {
      const started = start(mtu);
      const { at, peer } = started;
      prepare(started, at(7) + 1, 0, "01");
      prepare(started, at(1), 0, "01");
      prepare(started, at(7) + 1, 1, "00");
      assert.equal(peer.att("1801"), "19");
      assert.deepEqual(started.log, ["a:01", "subscribe:1"]);
      assert.equal(peer.att("0a" + le(at(7) + 1)), "0b0100");
    });

    it("refuses configurations of a wrong length or value, before any handler runs", () => {
      for (const [parts, code] of [
        [["01"], 0x0d],
        [["010000"], 0x0d],
        [["0100", "00"], 0x0d],
        [[""], 0x0d],
        [["0200"], 0xfd],
        [["0001"], 0xfd],
        [["ff", "ff"], 0xfd],
      ] as [string[], number][]) {
        const started = start(mtu);
        const { at, peer } = started;
        prepare(started, at(1), 0, "01");
        let offset = 0;
        for (const part of parts) {
          prepare(started, at(7) + 1, offset, part);
          offset += part.length / 2;
        }
        assert.equal(peer.att("1801"), error(0x18, at(7) + 1, code), parts.join());
        assert.deepEqual(started.log, []);
      }
    });

    it("of a link that has ended is forgotten", () => {
      const started = start(mtu);
      const { at, peer, rig } = started;
      prepare(started, at(1), 0, "01");
      peer.central.disconnect();
      rig.run(1000);
      peer.connect();
      assert.equal(peer.att("1801"), "19");
      assert.deepEqual(started.log, []);
    });

    it("does not touch what another link has prepared", () => {
      const started = start(mtu, [], {}, SEVERAL);
      const other = new Peer(started.rig, { address: "0b5e12e20003", name: "other" }).connect();
      prepare(started, started.at(1), 0, "01");
      assert.equal(other.att("16" + le(started.at(2)) + "000055"), "17" + le(started.at(2)) + "000055");
      assert.equal(other.att("1800"), "19");
      assert.equal(other.att("1801"), "19");
      assert.deepEqual(started.log, []);
      assert.equal(started.peer.att("1801"), "19");
      assert.deepEqual(started.log, ["a:01"]);
    });

    it("lets an ordinary write come between", () => {
      const started = start(mtu);
      const { at, peer } = started;
      prepare(started, at(1), 0, "01");
      assert.equal(peer.att("12" + le(at(1)) + "ff"), "13");
      assert.equal(peer.att("1801"), "19");
      assert.deepEqual(started.log, ["a:ff", "a:01"]);
    });

    it("refuses a value that nobody takes when it is prepared, as a plain write of it", () => {
      // ff05 may be written by its flags and has no handler.
      const started = start(mtu);
      const { at, peer } = started;
      prepare(started, at(1), 0, "01");
      assert.equal(peer.att("16" + le(at(5)) + "000001"), error(0x16, at(5), 0x03));
      assert.equal(peer.att("1801"), "19");
      assert.deepEqual(started.log, ["a:01"]);
    });
  });

  describe(`att: the queue of prepared writes at an MTU of ${mtu}`, () => {
    it("refuses what is too much (0x09); what is in it stays, and may be executed or cancelled", () => {
      for (const flag of ["01", "00"]) {
        const started = start(mtu, [], { prepare: 100 });
        const { at, peer } = started;
        const full = error(0x16, at(1), 0x09);
        let offset = 0;
        for (;;) {
          const answer = peer.att("16" + le(at(1)) + le(offset) + "aa".repeat(10));
          if (answer === full) break;
          assert.equal(answer.slice(0, 2), "17");
          offset += 10;
          assert.ok(offset <= 100, "bounded");
        }
        // Each part costs 6 bytes more.
        assert.equal(offset, 60);
        assert.equal(peer.att("16" + le(at(1)) + le(offset) + "bb".repeat(10)), full);
        // All else goes on.
        assert.equal(peer.att("0a" + le(at(4))), "0b" + text("fixed"));
        assert.equal(peer.att("12" + le(at(2)) + "01"), "13");
        assert.equal(started.log.pop(), "b:01");
        assert.equal(peer.att("16" + le(at(4)) + le(0) + "01"), error(0x16, at(4), 0x03));
        // Where a smaller part fits it is taken: 96 of 100 bytes are used, none is of four bytes.
        assert.equal(peer.att("16" + le(at(1)) + le(offset)), error(0x16, at(1), 0x09));
        assert.equal(peer.att("18" + flag), "19");
        assert.deepEqual(started.log, flag === "01" ? ["a:" + "aa".repeat(60)] : []);
        // And there is room again.
        assert.equal(peer.att("16" + le(at(1)) + le(0) + "cc".repeat(10)), "17" + le(at(1)) + le(0) + "cc".repeat(10));
      }
    });

    it("does not take a part for which one byte is missing", () => {
      const { at, peer } = start(mtu, [], { prepare: 47 });
      for (const offset of [0, 10]) assert.equal(peer.att("16" + le(at(1)) + le(offset) + "aa".repeat(10)).slice(0, 2), "17");
      assert.equal(peer.att("16" + le(at(1)) + le(20) + "aa".repeat(10)), error(0x16, at(1), 0x09));
      assert.equal(peer.att("16" + le(at(1)) + le(20) + "aa".repeat(9)).slice(0, 2), "17");
    });

    it("can be used up to its last byte", () => {
      const started = start(mtu, [], { prepare: 48 });
      const { at, peer } = started;
      for (const offset of [0, 10, 20]) assert.equal(peer.att("16" + le(at(1)) + le(offset) + "aa".repeat(10)).slice(0, 2), "17");
      assert.equal(peer.att("16" + le(at(1)) + le(30)), error(0x16, at(1), 0x09));
      assert.equal(peer.att("1801"), "19");
      assert.deepEqual(started.log, ["a:" + "aa".repeat(30)]);
    });
  });
}

describe("att: writes at the largest MTU", () => {
  it("more than 512 bytes are refused (0x0D), and dropped where they are a command", () => {
    const started = start(517);
    const { at, peer, log } = started;
    assert.equal(peer.att("12" + le(at(1)) + hex(bytes(512))), "13");
    assert.equal(log.pop(), "a:" + hex(bytes(512)));
    for (const length of [513, 514]) {
      assert.equal(peer.att("12" + le(at(1)) + hex(bytes(length))), error(0x12, at(1), 0x0d));
      silent(started, "52" + le(at(3)) + hex(bytes(length)));
    }
    silent(started, "52" + le(at(3)) + hex(bytes(512)));
    assert.deepEqual(log, ["c:" + hex(bytes(512))]);
  });

  it("one prepared part may hold a whole value", () => {
    const { peer, at, log } = start(517);
    const part = "16" + le(at(1)) + "0000" + hex(bytes(512));
    assert.equal(peer.att(part), "17" + part.slice(2));
    assert.equal(peer.att("1801"), "19");
    assert.deepEqual(log, ["a:" + hex(bytes(512))]);
  });
});
