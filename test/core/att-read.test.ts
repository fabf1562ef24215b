import assert from "node:assert/strict";
import type { Connection } from "../../core/connection.js";
import type { Service } from "../../core/gatt/database.js";
import { linked } from "../support/links.js";
import { hex, latin } from "../support/rig.js";

// Read, Read Blob, Read Multiple, Read Multiple Variable: Vol 3 Part F 3.4.4.3 to 3.4.4.8, 3.4.4.11, 3.4.4.12.

const le = (value: number): string => hex([value & 255, value >> 8]);
const error = (opcode: number, handle: number, code: number): string => hex([1, opcode, handle & 255, handle >> 8, code]);
const bytes = (length: number, seed = 7): Uint8Array => Uint8Array.from({ length }, (_, i) => i * seed + 1);

/** A device with these characteristics of the service ff00; `at(n)`: the handle of the value of the n-th. */
function start(chars: Service["chars"], mtu = 23): { peer: any; at: (n: number) => number; bt: any; rig: any; last: number; connection: Connection } {
  const { rig, peer, connection } = linked([{ uuid: 0xff00, chars }]);
  if (mtu > 23) peer.mtu(mtu);
  const handles: number[] = [];
  let next = rig.bt.handle(0xff00, chars[0].uuid) - 1;
  for (const { flags = 0, descriptors = [] } of chars) {
    handles.push(next + 1);
    next += 2 + (flags & 0x30 ? 1 : 0) + descriptors.length;
  }
  return { peer, bt: rig.bt, rig, at: (n) => handles[n], last: next - 1, connection };
}

for (const mtu of [23, 247]) {
  describe(`att: Read at an MTU of ${mtu}`, () => {
    it("gives a value of every length, cut to MTU - 1", () => {
      for (const length of [0, 1, mtu - 2, mtu - 1, mtu, 512]) {
        const { peer, at } = start([{ uuid: 0xff01, value: bytes(length) }, { uuid: 0xff02, read: () => bytes(length) }, { uuid: 0xff03, read: () => latin(bytes(length)) }], mtu);
        const want = "0b" + hex(bytes(length).slice(0, mtu - 1));
        for (let i = 0; i < 3; i++) assert.equal(peer.att("0a" + le(at(i))), want, `${length} ${i}`);
      }
    });

    it("reads declarations, descriptors and configurations", () => {
      const { peer, at, bt } = start([{ uuid: 0xff01, value: "a", flags: 0x32, descriptors: [{ uuid: 0x2901, value: "text" }] }], mtu);
      const first = bt.handle(0xff00, 0xff01) - 2;
      assert.equal(peer.att("0a" + le(first)), "0b00ff");
      assert.equal(peer.att("0a" + le(first + 1)), "0b32" + le(at(0)) + "01ff");
      assert.equal(peer.att("0a" + le(first + 3)), "0b0000");
      assert.equal(peer.att("12" + le(first + 3) + "0300"), "13");
      assert.equal(peer.att("0a" + le(first + 3)), "0b0300");
      assert.equal(peer.att("0a" + le(first + 4)), "0b" + "74657874");
    });

    it("refuses handles that are none, and values that are not readable", () => {
      let calls = 0;
      const read = (): string => (calls++, "x");
      const { peer, at, last } = start(
        [
          { uuid: 0xff01, value: "a", flags: 0 },
          { uuid: 0xff02, write: () => 0 },
          { uuid: 0xff03, read, flags: 0x08 },
          { uuid: 0xff04, value: "a", level: 3 },
          { uuid: 0xff05, read, level: 4 },
          { uuid: 0xff06, value: "a", flags: 0, level: 4 },
        ],
        mtu,
      );
      for (const opcode of [0x0a, 0x0c]) {
        const ask = (handle: number): string => peer.att(hex([opcode]) + le(handle) + (opcode === 0x0c ? "0000" : ""));
        assert.equal(ask(0), error(opcode, 0, 0x01));
        assert.equal(ask(last + 1), error(opcode, last + 1, 0x01));
        assert.equal(ask(0xffff), error(opcode, 0xffff, 0x01));
        for (const i of [0, 1, 2]) assert.equal(ask(at(i)), error(opcode, at(i), 0x02), `${i}`);
        for (const i of [3, 4]) assert.equal(ask(at(i)), error(opcode, at(i), 0x05), `${i}`);
        // Which of the two is not written; that it may not is.
        assert.match(ask(at(5)), new RegExp(`^01${hex([opcode])}${le(at(5))}(02|05)$`));
      }
      assert.equal(calls, 0);
    });

    it("sends on what a handler refuses with", () => {
      for (const code of [1, 0x02, 0x7f, 0x80, 0x9f, 0xe0, 0xfc, 0xff]) {
        const { peer, at, rig } = start([{ uuid: 0xff01, read: () => code }], mtu);
        assert.equal(peer.att("0a" + le(at(0))), error(0x0a, at(0), code));
        assert.equal(peer.att("0c" + le(at(0)) + "0000"), error(0x0c, at(0), code));
        assert.equal(peer.att("0e" + le(at(0)) + le(at(0))), error(0x0e, at(0), code));
        assert.equal(peer.att("20" + le(at(0)) + le(at(0))), error(0x20, at(0), code));
        assert.equal(peer.att("08" + "0100ffff" + "01ff"), error(0x08, at(0), code));
        assert.equal(rig.errors.length, 0);
      }
    });
  });

  describe(`att: Read Blob at an MTU of ${mtu}`, () => {
    const kinds: [string, (value: Uint8Array) => object][] = [
      ["fixed", (value) => ({ value })],
      ["made", (value) => ({ read: () => value })],
      ["made as a string", (value) => ({ read: () => latin(value) })],
      ["made as an array", (value) => ({ read: () => Array.from(value) })],
    ];
    for (const [kind, make] of kinds) {
      it(`gives what is from the offset on, ${kind}`, () => {
        for (const length of [0, 1, mtu - 2, mtu - 1, mtu, 2 * (mtu - 1), 512]) {
          const value = bytes(length);
          const { peer, at } = start([{ uuid: 0xff01, ...make(value) }], mtu);
          for (const offset of [0, 1, mtu - 1, mtu, length - 1, length]) {
            if (offset < 0 || offset > length) continue;
            assert.equal(peer.att("0c" + le(at(0)) + le(offset)), "0d" + hex(value.slice(offset, offset + mtu - 1)), `${offset} of ${length}`);
          }
          for (const offset of [length + 1, 513, 0x8000, 0xffff]) assert.equal(peer.att("0c" + le(at(0)) + le(offset)), error(0x0c, at(0), 0x07), `${offset} of ${length}`);
        }
      });

      it(`puts a long value of every length together, ${kind}`, () => {
        for (const length of [mtu - 1, mtu, 2 * mtu - 2, 511, 512]) {
          const value = bytes(length, 11);
          const { peer, at } = start([{ uuid: 0xff01, ...make(value) }], mtu);
          let all = peer.att("0a" + le(at(0))).slice(2);
          for (let more = all; more.length === 2 * (mtu - 1); all += more) {
            const answer = peer.att("0c" + le(at(0)) + le(all.length / 2));
            assert.equal(answer.slice(0, 2), "0d");
            more = answer.slice(2);
          }
          assert.equal(all, hex(value));
        }
      });
    }

    it("asks a handler once for a long value, whatever it would say later", () => {
      let count = 0;
      const { peer, at } = start([{ uuid: 0xff01, read: () => new Uint8Array(512).fill(++count) }], mtu);
      assert.equal(peer.att("0a" + le(at(0))), "0b" + "01".repeat(mtu - 1));
      for (let offset = mtu - 1; offset < 512; offset += mtu - 1) {
        assert.equal(peer.att("0c" + le(at(0)) + le(offset)), "0d" + "01".repeat(Math.min(mtu - 1, 512 - offset)));
      }
      assert.equal(peer.att("0c" + le(at(0)) + le(512)), "0d");
      assert.equal(count, 1);
      // From the beginning it is another reading.
      assert.equal(peer.att("0c" + le(at(0)) + "0000"), "0d" + "02".repeat(mtu - 1));
      assert.equal(peer.att("0c" + le(at(0)) + "0100"), "0d" + "02".repeat(mtu - 1));
      assert.equal(count, 2);
    });

    it("goes on with a value that Read By Type has begun", () => {
      let count = 0;
      const { peer, at } = start([{ uuid: 0xff01, read: () => new Uint8Array(400).fill(++count) }], mtu);
      assert.equal(peer.att("080100ffff01ff"), "09" + hex([mtu - 2]) + le(at(0)) + "01".repeat(mtu - 4));
      assert.equal(peer.att("0c" + le(at(0)) + le(mtu - 4)), "0d" + "01".repeat(Math.min(mtu - 1, 404 - mtu)));
      assert.equal(count, 1);
    });

    it("keeps a value of just MTU - 1 bytes, of which nothing is left", () => {
      let count = 0;
      const { peer, at } = start([{ uuid: 0xff01, read: () => new Uint8Array(mtu - 1).fill(++count) }], mtu);
      assert.equal(peer.att("0a" + le(at(0))), "0b" + "01".repeat(mtu - 1));
      assert.equal(peer.att("0c" + le(at(0)) + le(mtu - 1)), "0d");
      assert.equal(count, 1);
    });

    it("keeps it for 5 s", () => {
      let count = 0;
      const { peer, at, rig } = start([{ uuid: 0xff01, read: () => new Uint8Array(500).fill(++count) }], mtu);
      peer.att("0a" + le(at(0)));
      rig.run(4500);
      assert.equal(peer.att("0c" + le(at(0)) + le(mtu - 1)), "0d" + "01".repeat(mtu - 1));
      peer.att("0a" + le(at(0)));
      assert.equal(count, 2);
      rig.run(5200);
      assert.equal(peer.att("0c" + le(at(0)) + le(mtu - 1)), "0d" + "03".repeat(mtu - 1));
      assert.equal(count, 3);
    });

    it("keeps it until another handle is read", () => {
      const others: [string, (h: string) => string][] = [
        ["Read", (h) => "0a" + h],
        ["Read Blob", (h) => "0c" + h + "0000"],
        ["Read Multiple", (h) => "0e" + h + h],
        ["Read Multiple Variable", (h) => "20" + h + h],
        ["Read By Type", (h) => "08" + h + h + "02ff"],
      ];
      for (const [name, other] of others) {
        let count = 0;
        const { peer, at } = start([{ uuid: 0xff01, read: () => new Uint8Array(300).fill(++count) }, { uuid: 0xff02, value: "other" }], mtu);
        peer.att("0a" + le(at(0)));
        assert.notEqual(peer.att(other(le(at(1)))).slice(0, 2), "01", name);
        assert.equal(peer.att("0c" + le(at(0)) + "0100"), "0d" + "02".repeat(mtu - 1), name);
        assert.equal(count, 2, name);
      }
    });

    it("keeps it over what is no reading", () => {
      let count = 0;
      const { peer, at } = start([{ uuid: 0xff01, read: () => new Uint8Array(300).fill(++count) }, { uuid: 0xff02, write: () => 0, flags: 0x0c }], mtu);
      peer.att("0a" + le(at(0)));
      assert.equal(peer.att("12" + le(at(1)) + "01"), "13");
      assert.equal(peer.att("040100ffff").slice(0, 2), "05");
      peer.send(4, "52" + le(at(1)) + "01");
      assert.equal(peer.att("0c" + le(at(0)) + "0100"), "0d" + "01".repeat(mtu - 1));
      assert.equal(count, 1);
    });

    it("does not keep it beyond the link, nor beyond the table", () => {
      let count = 0;
      const chars = [{ uuid: 0xff01, read: () => new Uint8Array(300).fill(++count) }];
      const { peer, at, rig, bt } = start(chars, mtu);
      peer.att("0a" + le(at(0)));
      bt.servegatt([{ uuid: 0xff00, chars: chars.concat({ uuid: 0xff02, value: "more" } as any) }]);
      assert.equal(peer.att("0c" + le(at(0)) + "0100"), "0d" + "02".repeat(mtu - 1));
      peer.att("0a" + le(at(0)));
      peer.central.disconnect();
      rig.run(1000);
      peer.connect();
      assert.equal(peer.att("0c" + le(at(0)) + "0100"), "0d" + "04".repeat(22));
    });

    it("is the reader's own copy: what the application does to its array later changes nothing", () => {
      const value = new Uint8Array(100).fill(1);
      const { peer, at } = start([{ uuid: 0xff01, read: () => value }]);
      peer.att("0a" + le(at(0)));
      value.fill(2);
      assert.equal(peer.att("0c" + le(at(0)) + "1600"), "0d" + "01".repeat(22));
    });
  });

  describe(`att: Read Multiple at an MTU of ${mtu}`, () => {
    it("gives the values one behind the other, cut to MTU - 1", () => {
      const { peer, at } = start([{ uuid: 0xff01, value: "ab" }, { uuid: 0xff02, read: () => "cde" }, { uuid: 0xff03, value: "" }, { uuid: 0xff04, value: bytes(300) }], mtu);
      const ask = (...list: number[]): string => peer.att("0e" + list.map((i) => le(at(i))).join(""));
      assert.equal(ask(0, 1), "0f" + "6162" + "636465");
      assert.equal(ask(1, 0, 1), "0f" + "636465" + "6162" + "636465");
      assert.equal(ask(2, 2), "0f");
      assert.equal(ask(0, 2, 1), "0f6162636465");
      assert.equal(ask(0, 3), "0f6162" + hex(bytes(mtu - 3)));
      assert.equal(ask(3, 0), "0f" + hex(bytes(Math.min(mtu - 1, 300))));
      assert.equal(ask(3, 3, 1, 0), "0f" + hex(bytes(mtu - 1)));
    });

    it("reads the same handle as often as it is asked for, up to the MTU", () => {
      const { peer, at } = start([{ uuid: 0xff01, value: "a" }], mtu);
      const count = (mtu - 1) / 2;
      assert.equal(peer.att("0e" + le(at(0)).repeat(count)), "0f" + "61".repeat(count));
    });

    it("asks handlers, and reads a link's configuration", () => {
      const { peer, at } = start([{ uuid: 0xff01, value: "a", flags: 0x12 }, { uuid: 0xff02, read: (connection: Connection) => connection.address().slice(0, 2) }], mtu);
      peer.att("12" + le(at(0) + 1) + "0100");
      assert.equal(peer.att("0e" + le(at(0) + 1) + le(at(1))), "0f" + "0100" + "3062");
    });
  });

  describe(`att: Read Multiple Variable at an MTU of ${mtu}`, () => {
    it("gives each value behind its length", () => {
      const { peer, at } = start([{ uuid: 0xff01, value: "ab" }, { uuid: 0xff02, read: () => "cde" }, { uuid: 0xff03, value: "" }], mtu);
      const ask = (...list: number[]): string => peer.att("20" + list.map((i) => le(at(i))).join(""));
      assert.equal(ask(0, 1), "21" + "02006162" + "0300636465");
      assert.equal(ask(2, 0, 2), "21" + "0000" + "02006162" + "0000");
      assert.equal(ask(2, 2), "21" + "0000" + "0000");
    });

    it("cuts to MTU - 1 wherever that falls, with the whole length of the value that is cut", () => {
      // The first value leaves `left` bytes for what comes behind it.
      for (let left = 0; left <= 8; left++) {
        const first = bytes(mtu - 1 - 2 - left);
        for (const second of [{ value: "abcd" }, { read: () => "abcd" }]) {
          const { peer, at } = start([{ uuid: 0xff01, value: first }, { uuid: 0xff02, ...second }], mtu);
          const whole = le(first.length) + hex(first) + "0400" + "61626364";
          // What was in the box before must not show.
          peer.att("0a" + le(at(0)));
          assert.equal(peer.att("20" + le(at(0)) + le(at(1))), "21" + whole.slice(0, 2 * (mtu - 1)), `${left}`);
          assert.equal(peer.att("20" + le(at(0)) + le(at(1)) + le(at(0))), "21" + (whole + le(first.length) + hex(first)).slice(0, 2 * (mtu - 1)), `${left}`);
        }
      }
    });

    it("gives a long value's whole length", () => {
      const { peer, at } = start([{ uuid: 0xff01, value: bytes(512) }, { uuid: 0xff02, read: () => bytes(700) }], mtu);
      assert.equal(peer.att("20" + le(at(0)) + le(at(1))), "21" + "0002" + hex(bytes(mtu - 3)));
      // More than 512 is cut to that.
      assert.equal(peer.att("20" + le(at(1)) + le(at(0))), "21" + "0002" + hex(bytes(mtu - 3)));
    });
  });

  for (const opcode of [0x0e, 0x20]) {
    describe(`att: errors of Read Multiple (${hex([opcode])}) at an MTU of ${mtu}`, () => {
      it("are those of the first value that is not to be had", () => {
        const { peer, at, last } = start(
          [{ uuid: 0xff01, value: "ab" }, { uuid: 0xff02, write: () => 0 }, { uuid: 0xff03, value: "x", level: 3 }, { uuid: 0xff04, read: () => 0x81 }, { uuid: 0xff05, value: bytes(400) }],
          mtu,
        );
        const ask = (...list: number[]): string => peer.att(hex([opcode]) + list.map(le).join(""));
        assert.equal(ask(0, at(0)), error(opcode, 0, 0x01));
        assert.equal(ask(at(0), last + 1), error(opcode, last + 1, 0x01));
        assert.equal(ask(at(0), at(1)), error(opcode, at(1), 0x02));
        assert.equal(ask(at(0), at(2)), error(opcode, at(2), 0x05));
        assert.equal(ask(at(0), at(3)), error(opcode, at(3), 0x81));
        assert.equal(ask(at(0), at(3), at(2), at(1)), error(opcode, at(3), 0x81));
        // Also where there is no more room for it.
        assert.equal(ask(at(4), at(2)), error(opcode, at(2), 0x05));
        assert.equal(ask(at(4), last + 1), error(opcode, last + 1, 0x01));
      });

      it("are 0x04 for fewer than two handles and for half a handle", () => {
        const { peer, at } = start([{ uuid: 0xff01, value: "ab" }], mtu);
        for (const rest of ["", "01", le(at(0)), le(at(0)) + "01", le(at(0)) + le(at(0)) + "01"]) assert.equal(peer.att(hex([opcode]) + rest), error(opcode, 0, 0x04), rest);
      });
    });
  }
}

describe("att: long values at every MTU", () => {
  it("512 bytes, fixed and made, in as many parts as it takes", () => {
    for (const mtu of [23, 24, 27, 64, 100, 185, 256, 257, 258, 512, 513, 514, 517]) {
      const value = bytes(512, 13);
      let calls = 0;
      const { peer, at } = start([{ uuid: 0xff01, value }, { uuid: 0xff02, read: () => (calls++, value) }], mtu);
      for (let i = 0; i < 2; i++) {
        let all = peer.att("0a" + le(at(i))).slice(2);
        for (let more = all; more.length === 2 * (mtu - 1); all += more) more = peer.att("0c" + le(at(i)) + le(all.length / 2)).slice(2);
        assert.equal(all, hex(value), `${mtu} ${i}`);
      }
      assert.equal(calls, 1, `${mtu}`);
    }
  });
});
