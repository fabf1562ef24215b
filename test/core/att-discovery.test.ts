import assert from "node:assert/strict";
import type { Service } from "../../core/gatt/database.js";
import { linked, type Peer } from "../support/links.js";
import { hex, latin, unhex } from "../support/rig.js";

// What a client asks to learn what there is: Vol 3 Part F 3.4.3 and 3.4.4.1, 3.4.4.9.

/** 128-bit UUIDs as text, and as they go over the air. */
const U = "f0debc9a-7856-3412-8877-665544332211";
const V = "00112233-4455-6677-8899-aabbccddeeff";
const W = "fada47be-c455-48c9-a5f2-af7cf368d719";
const air = (uuid: string): string => hex(unhex(uuid.split("-").join("")).reverse());
/** A 16-bit UUID in its 128-bit form, as it goes over the air. */
const long = (uuid: number): string => "fb349b5f80000080001000" + "00" + le(uuid) + "0000";
const le = (value: number): string => hex([value & 255, value >> 8]);
const text = (value: string): string => hex(Array.from(value, (c) => c.charCodeAt(0)));
const error = (opcode: number, handle: number, code: number): string => hex([1, opcode, handle & 255, handle >> 8, code]);

/** Handles are counted from `b`, that of the first service declaration. */
function services(): Service[] {
  return [
    {
      uuid: 0xff00, // b
      chars: [
        { uuid: 0xff01, value: "one" }, // b+1, b+2
        { uuid: 0xff02, value: "two", flags: 0x12 }, // b+3, b+4, CCCD b+5
        { uuid: U, value: "three", descriptors: [{ uuid: V, value: "x" }, { uuid: 0x2901, value: "desc" }] }, // b+6, b+7, b+8, b+9
      ],
    },
    {
      uuid: W, // b+10
      chars: [
        { uuid: 0xff01, value: "four" }, // b+11, b+12
        { uuid: 0xff03, write: () => 0 }, // b+13, b+14
      ],
    },
    { uuid: 0xff00, chars: [{ uuid: 0xff01, value: "fiv" }] }, // b+15, b+16, b+17
  ];
}

/** A request with a range of handles. */
const range = (opcode: number, start: number, end: number, rest = ""): string => hex([opcode]) + le(start) + le(end) + rest;

function start(mtu: number, table = services()): { peer: Peer; b: number; bt: any; rig: any } {
  const { rig, peer } = linked(table);
  if (mtu > 23) peer.mtu(mtu);
  return { peer, b: rig.bt.handle(table[0].uuid, table[0].chars[0].uuid) - 2, bt: rig.bt, rig };
}

for (const mtu of [23, 247]) {
  describe(`att: Find Information at an MTU of ${mtu}`, () => {
    const find = (first: number, last: number): string => range(0x04, first, last);

    it("gives 16-bit types, as many as there is room for", () => {
      const { peer, b } = start(mtu);
      const rows = [0x2800, 0x2803, 0xff01, 0x2803, 0xff02, 0x2902, 0x2803].map((type, i) => le(b + i) + le(type));
      // 2 bytes of head and 4 each: five at 23. Then comes one of the other form.
      assert.equal(peer.att(find(b, 0xffff)), "0501" + rows.slice(0, mtu === 23 ? 5 : 7).join(""));
      assert.equal(peer.att(find(b + 5, 0xffff)), "0501" + rows.slice(5).join(""));
    });

    it("gives 128-bit types alone, as many as there is room for", () => {
      const { peer, b } = start(mtu);
      const rows = le(b + 7) + air(U) + (mtu === 23 ? "" : le(b + 8) + air(V));
      assert.equal(peer.att(find(b + 7, 0xffff)), "0502" + rows);
      assert.equal(peer.att(find(b + 8, 0xffff)), "0502" + le(b + 8) + air(V));
    });

    it("does not go beyond the last handle of the request, nor that of the table", () => {
      const { peer, b } = start(mtu);
      assert.equal(peer.att(find(b + 1, b + 1)), "0501" + le(b + 1) + "0328");
      assert.equal(peer.att(find(b, b + 1)), "0501" + le(b) + "0028" + le(b + 1) + "0328");
      assert.equal(peer.att(find(b + 7, b + 7)), "0502" + le(b + 7) + air(U));
      assert.equal(peer.att(find(b + 17, 0xffff)), "0501" + le(b + 17) + "01ff");
    });

    it("refuses a bad range, and finds nothing beyond the table", () => {
      const { peer, b } = start(mtu);
      assert.equal(peer.att(find(0, 5)), error(0x04, 0, 0x01));
      assert.equal(peer.att(find(0, 0)), error(0x04, 0, 0x01));
      assert.equal(peer.att(find(b + 1, b)), error(0x04, b + 1, 0x01));
      assert.equal(peer.att(find(0xffff, 1)), error(0x04, 0xffff, 0x01));
      assert.equal(peer.att(find(b + 18, 0xffff)), error(0x04, b + 18, 0x0a));
      assert.equal(peer.att(find(0xffff, 0xffff)), error(0x04, 0xffff, 0x0a));
    });

    it("walks the whole table, each handle once and in order", () => {
      const { peer, b } = start(mtu);
      const seen: number[] = [];
      for (let next = 1; ; ) {
        const answer = unhex(peer.att(find(next, 0xffff)));
        if (answer[0] === 1) {
          assert.equal(hex(answer), error(0x04, next, 0x0a));
          break;
        }
        assert.ok(answer.length <= mtu);
        const size = answer[1] === 1 ? 4 : 18;
        assert.equal((answer.length - 2) % size, 0);
        for (let i = 2; i < answer.length; i += size) seen.push(answer[i] | (answer[i + 1] << 8));
        next = seen.at(-1)! + 1;
      }
      assert.deepEqual(seen, Array.from({ length: b + 17 }, (_, i) => i + 1));
    });
  });

  describe(`att: Find By Type Value at an MTU of ${mtu}`, () => {
    const find = (first: number, last: number, type: number, value: string): string => range(0x06, first, last, le(type) + value);

    it("finds primary services by a 16-bit UUID, with the ends of their groups", () => {
      const { peer, b } = start(mtu);
      assert.equal(peer.att(find(1, 0xffff, 0x2800, "00ff")), "07" + le(b) + le(b + 9) + le(b + 15) + le(b + 17));
      assert.equal(peer.att(find(b + 1, 0xffff, 0x2800, "00ff")), "07" + le(b + 15) + le(b + 17));
      // The end of a group may lie beyond the range.
      assert.equal(peer.att(find(b, b, 0x2800, "00ff")), "07" + le(b) + le(b + 9));
    });

    it("finds primary services by a 128-bit UUID", () => {
      const { peer, b } = start(mtu);
      assert.equal(peer.att(find(1, 0xffff, 0x2800, air(W))), "07" + le(b + 10) + le(b + 14));
    });

    it("compares other types by their values; each is its own end", () => {
      const { peer, b } = start(mtu);
      assert.equal(peer.att(find(1, 0xffff, 0xff01, text("one"))), "07" + le(b + 2) + le(b + 2));
      assert.equal(peer.att(find(1, 0xffff, 0xff01, text("fiv"))), "07" + le(b + 17) + le(b + 17));
      assert.equal(peer.att(find(1, 0xffff, 0x2901, text("desc"))), "07" + le(b + 9) + le(b + 9));
    });

    it("finds nothing where the value differs, is shorter, longer or missing", () => {
      const { peer, b } = start(mtu);
      for (const value of ["", text("on"), text("ona"), text("onee")]) assert.equal(peer.att(find(1, 0xffff, 0xff01, value)), error(0x06, 1, 0x0a), value);
      assert.equal(peer.att(find(b, 0xffff, 0x2800, "01ff")), error(0x06, b, 0x0a));
      assert.equal(peer.att(find(b, 0xffff, 0x2801, "00ff")), error(0x06, b, 0x0a));
      assert.equal(peer.att(find(b + 18, 0xffff, 0x2800, "00ff")), error(0x06, b + 18, 0x0a));
    });

    it("finds a value of no bytes", () => {
      const { peer, b } = start(mtu, [{ uuid: 0xff00, chars: [{ uuid: 0xff01, value: "" }] }]);
      assert.equal(peer.att(find(1, 0xffff, 0xff01, "")), "07" + le(b + 2) + le(b + 2));
    });

    it("gives as many as there is room for", () => {
      const many = Array.from({ length: 70 }, () => ({ uuid: 0xff00, chars: [{ uuid: 0xff01, value: "a" }] }));
      const { peer, b } = start(mtu, many);
      const count = Math.floor((mtu - 1) / 4);
      const rows = Array.from({ length: count }, (_, i) => le(b + 3 * i) + le(b + 3 * i + 2)).join("");
      assert.equal(peer.att(find(1, 0xffff, 0x2800, "00ff")), "07" + rows);
    });

    it("refuses a bad range", () => {
      const { peer, b } = start(mtu);
      assert.equal(peer.att(find(0, 0xffff, 0x2800, "00ff")), error(0x06, 0, 0x01));
      assert.equal(peer.att(find(b, b - 1, 0x2800, "00ff")), error(0x06, b, 0x01));
    });

    it("takes 0x0000 for no type of 128 bits", () => {
      const { peer, b } = start(mtu);
      assert.equal(peer.att(find(b, 0xffff, 0, text("three"))), error(0x06, b, 0x0a));
    });

    it("does not tell who may not read a value whether it is the one that he has guessed", () => {
      const { peer, b } = start(mtu, [
        { uuid: 0xff00, chars: [{ uuid: 0xff01, value: "secret", level: 4 }, { uuid: 0xff02, value: "hidden", flags: 0 }, { uuid: 0xff03, value: "open" }] },
      ]);
      assert.equal(peer.att(find(1, 0xffff, 0xff03, text("open"))), "07" + le(b + 6) + le(b + 6));
      assert.equal(peer.att(find(1, 0xffff, 0xff01, text("secret"))), error(0x06, 1, 0x0a));
      assert.equal(peer.att(find(1, 0xffff, 0xff02, text("hidden"))), error(0x06, 1, 0x0a));
    });
  });

  describe(`att: Read By Group Type at an MTU of ${mtu}`, () => {
    const group = (first: number, last: number, type: string): string => range(0x10, first, last, type);

    it("gives services of one form, with the ends of their groups", () => {
      const { peer, b } = start(mtu);
      // The stack's own two services come before.
      const first = peer.att(group(1, b - 1, "0028"));
      assert.match(first, /^1106(........0018)(........0118)$/);
      assert.equal(peer.att(group(b, 0xffff, "0028")), "1106" + le(b) + le(b + 9) + "00ff");
      assert.equal(peer.att(group(b + 1, 0xffff, "0028")), "1114" + le(b + 10) + le(b + 14) + air(W));
      assert.equal(peer.att(group(b + 11, 0xffff, "0028")), "1106" + le(b + 15) + le(b + 17) + "00ff");
      assert.equal(peer.att(group(b + 16, 0xffff, "0028")), error(0x10, b + 16, 0x0a));
    });

    it("gives as many as there is room for", () => {
      const many = Array.from({ length: 60 }, () => ({ uuid: 0xff00, chars: [{ uuid: 0xff01, value: "a" }] }));
      const { peer, b } = start(mtu, many);
      const count = Math.floor((mtu - 2) / 6);
      assert.equal(peer.att(group(b, 0xffff, "0028")), "1106" + Array.from({ length: count }, (_, i) => le(b + 3 * i) + le(b + 3 * i + 2) + "00ff").join(""));
    });

    it("knows the type in its 128-bit form", () => {
      const { peer, b } = start(mtu);
      assert.equal(peer.att(group(b, 0xffff, long(0x2800))), "1106" + le(b) + le(b + 9) + "00ff");
      assert.equal(peer.att(group(b, 0xffff, long(0x2801))), error(0x10, b, 0x0a));
    });

    it("finds no secondary services, and refuses what does not group", () => {
      const { peer, b } = start(mtu);
      assert.equal(peer.att(group(b, 0xffff, "0128")), error(0x10, b, 0x0a));
      for (const type of ["0228", "0328", "01ff", "0000", "0229", air(U), long(0x2803)]) assert.equal(peer.att(group(b, 0xffff, type)), error(0x10, b, 0x10), type);
    });

    it("refuses a bad range before it looks at the type", () => {
      const { peer, b } = start(mtu);
      assert.equal(peer.att(group(0, 0xffff, "0028")), error(0x10, 0, 0x01));
      assert.equal(peer.att(group(b, b - 1, "0028")), error(0x10, b, 0x01));
    });

    it("refuses a type of any other length", () => {
      const { peer, b } = start(mtu);
      for (const type of ["", "00", "002800", "0028" + "00".repeat(13), long(0x2800) + "00"]) {
        if (5 + type.length / 2 <= mtu) assert.equal(peer.att(group(b, 0xffff, type)), error(0x10, 0, 0x04), type);
      }
    });
  });

  describe(`att: Read By Type at an MTU of ${mtu}`, () => {
    const read = (first: number, last: number, type: string): string => range(0x08, first, last, type);

    it("gives characteristic declarations of one length", () => {
      const { peer, b } = start(mtu);
      const one = (handle: number, properties: number, uuid: number): string => le(handle) + hex([properties]) + le(handle + 1) + le(uuid);
      assert.equal(peer.att(read(b, 0xffff, "0328")), "0907" + one(b + 1, 0x02, 0xff01) + one(b + 3, 0x12, 0xff02));
      assert.equal(peer.att(read(b + 4, 0xffff, "0328")), "0915" + le(b + 6) + "02" + le(b + 7) + air(U));
      // Three of the short form: 21 bytes, which are just what 23 has room for.
      assert.equal(peer.att(read(b + 7, 0xffff, "0328")), "0907" + one(b + 11, 0x02, 0xff01) + one(b + 13, 0x08, 0xff03) + one(b + 16, 0x02, 0xff01));
    });

    it("gives values of a 16-bit type of one length", () => {
      const { peer, b } = start(mtu);
      assert.equal(peer.att(read(b, 0xffff, "01ff")), "0905" + le(b + 2) + text("one"));
      assert.equal(peer.att(read(b + 3, 0xffff, "01ff")), "0906" + le(b + 12) + text("four"));
      assert.equal(peer.att(read(b + 13, 0xffff, "01ff")), "0905" + le(b + 17) + text("fiv"));
    });

    it("knows a 128-bit type, and a 16-bit one in its 128-bit form", () => {
      const { peer, b } = start(mtu);
      assert.equal(peer.att(read(1, 0xffff, air(U))), "0907" + le(b + 7) + text("three"));
      assert.equal(peer.att(read(1, 0xffff, air(V))), "0903" + le(b + 8) + text("x"));
      assert.equal(peer.att(read(b, 0xffff, long(0xff01))), "0905" + le(b + 2) + text("one"));
      assert.equal(peer.att(read(1, 0xffff, air("f0debc9a-7856-3412-8877-665544332212"))), error(0x08, 1, 0x0a));
    });

    it("knows a 128-bit characteristic that was declared by the long form of a 16-bit UUID", () => {
      const { peer, b } = start(mtu, [{ uuid: 0xff00, chars: [{ uuid: "0000ff01-0000-1000-8000-00805f9b34fb", value: "one" }] }]);
      assert.equal(peer.att(read(1, 0xffff, "01ff")), "0905" + le(b + 2) + text("one"));
      assert.equal(peer.att(read(1, 0xffff, long(0xff01))), "0905" + le(b + 2) + text("one"));
      assert.equal(peer.att(read(b, 0xffff, "0328")), "0907" + le(b + 1) + "02" + le(b + 2) + "01ff");
    });

    it("refuses a bad range, an odd length of the type, and finds nothing", () => {
      const { peer, b } = start(mtu);
      assert.equal(peer.att(read(0, 0xffff, "0328")), error(0x08, 0, 0x01));
      assert.equal(peer.att(read(b + 1, b, "0328")), error(0x08, b + 1, 0x01));
      assert.equal(peer.att(read(b, 0xffff, "05ff")), error(0x08, b, 0x0a));
      assert.equal(peer.att(read(b, 0xffff, "0000")), error(0x08, b, 0x0a));
      assert.equal(peer.att(read(b + 18, 0xffff, "0328")), error(0x08, b + 18, 0x0a));
      for (const type of ["", "03", "032800", "0328" + "00".repeat(13), long(0x2803) + "00"]) {
        if (5 + type.length / 2 <= mtu) assert.equal(peer.att(read(b, 0xffff, type)), error(0x08, 0, 0x04), type);
      }
    });

    it("refuses with the code of the first that it may not read, and ends before a later one", () => {
      const { peer, b } = start(mtu, [
        {
          uuid: 0xff00,
          chars: [
            { uuid: 0xff01, value: "abc" }, // b+2
            { uuid: 0xff01, value: "def", flags: 0 }, // b+4
            { uuid: 0xff01, value: "ghi" }, // b+6
            { uuid: 0xff01, value: "jkl", level: 3 }, // b+8
            { uuid: 0xff01, value: "mno", level: 4 }, // b+10
            { uuid: 0xff01, value: "pqr" }, // b+12
          ],
        },
      ]);
      assert.equal(peer.att(read(b, 0xffff, "01ff")), "0905" + le(b + 2) + text("abc"));
      assert.equal(peer.att(read(b + 3, 0xffff, "01ff")), error(0x08, b + 4, 0x02));
      assert.equal(peer.att(read(b + 5, 0xffff, "01ff")), "0905" + le(b + 6) + text("ghi"));
      assert.equal(peer.att(read(b + 7, 0xffff, "01ff")), error(0x08, b + 8, 0x05));
      assert.equal(peer.att(read(b + 9, 0xffff, "01ff")), error(0x08, b + 10, 0x05));
      assert.equal(peer.att(read(b + 11, 0xffff, "01ff")), "0905" + le(b + 12) + text("pqr"));
    });

    it("gives several of one length, as many as there is room for", () => {
      const values = Array.from({ length: 60 }, (_, i) => ({ uuid: 0xff01, value: [i, 0xaa, 0x55] }));
      const { peer, b } = start(mtu, [{ uuid: 0xff00, chars: values }]);
      const count = Math.floor((mtu - 2) / 5);
      const rows = Array.from({ length: count }, (_, i) => le(b + 2 + 2 * i) + hex([i, 0xaa, 0x55])).join("");
      assert.equal(peer.att(read(b, 0xffff, "01ff")), "0905" + rows);
    });

    it("gives several values of no bytes, and keeps them apart from others", () => {
      const { peer, b } = start(mtu, [
        { uuid: 0xff00, chars: [{ uuid: 0xff01, value: "" }, { uuid: 0xff01, value: "" }, { uuid: 0xff01, value: "abc" }, { uuid: 0xff01, value: "x", flags: 0 }] },
      ]);
      assert.equal(peer.att(read(b, 0xffff, "01ff")), "0902" + le(b + 2) + le(b + 4));
      assert.equal(peer.att(read(b + 3, 0xffff, "01ff")), "0902" + le(b + 4));
    });

    it("does not refuse because of what stands behind a value of no bytes", () => {
      const { peer, b } = start(mtu, [{ uuid: 0xff00, chars: [{ uuid: 0xff01, value: "" }, { uuid: 0xff01, value: "x", flags: 0 }] }]);
      assert.equal(peer.att(read(b, 0xffff, "01ff")), "0902" + le(b + 2));
    });

    it("does not call a handler that stands behind a value of no bytes, and gives that value", () => {
      let calls = 0;
      const { peer, b } = start(mtu, [{ uuid: 0xff00, chars: [{ uuid: 0xff01, value: "" }, { uuid: 0xff01, read: () => (calls++, "dyn") }] }]);
      assert.equal(peer.att(read(b, 0xffff, "01ff")), "0902" + le(b + 2));
      assert.equal(calls, 0);
    });

    it("cuts a value to MTU - 4, and to 253", () => {
      const bytes = Uint8Array.from({ length: 512 }, (_, i) => i * 7);
      for (const length of [mtu - 5, mtu - 4, mtu - 3, 253, 254, 512]) {
        const value = bytes.slice(0, length);
        const most = Math.min(length, mtu - 4, 253);
        const { peer, b } = start(mtu, [{ uuid: 0xff00, chars: [{ uuid: 0xff01, value }, { uuid: 0xff02, read: () => value }] }]);
        assert.equal(peer.att(read(b, 0xffff, "01ff")), "09" + hex([2 + most]) + le(b + 2) + hex(value.slice(0, most)), `${length} fixed`);
        assert.equal(peer.att(read(b, 0xffff, "02ff")), "09" + hex([2 + most]) + le(b + 4) + hex(value.slice(0, most)), `${length} made`);
      }
    });

    it("asks a handler for one value at a time, and gives fixed ones without it", () => {
      const calls: number[] = [];
      const { peer, b } = start(mtu, [
        {
          uuid: 0xff00,
          chars: [
            { uuid: 0xff01, read: () => (calls.push(1), "abc") },
            { uuid: 0xff01, read: () => (calls.push(2), latin(Uint8Array.from([255, 0, 1]))) },
            { uuid: 0xff01, value: "def" },
            { uuid: 0xff01, read: () => (calls.push(3), 0x55) },
          ],
        },
      ]);
      assert.equal(peer.att(read(b, 0xffff, "01ff")), "0905" + le(b + 2) + text("abc"));
      assert.deepEqual(calls, [1]);
      assert.equal(peer.att(read(b + 3, 0xffff, "01ff")), "0905" + le(b + 4) + "ff0001");
      assert.equal(peer.att(read(b + 5, 0xffff, "01ff")), "0905" + le(b + 6) + text("def"));
      assert.deepEqual(calls, [1, 2]);
      assert.equal(peer.att(read(b + 7, 0xffff, "01ff")), error(0x08, b + 8, 0x55));
    });

    it("puts no value that has to be asked for behind a fixed one, whatever the length", () => {
      let calls = 0;
      const chars = Array.from({ length: 16 }, (_, i) => [
        { uuid: 0x8000 + i, value: "x".repeat(i) },
        { uuid: 0x8000 + i, read: () => (calls++, "y".repeat(i)) },
      ]).flat();
      const { peer, b } = start(mtu, [{ uuid: 0xff00, chars }]);
      for (let i = 0; i < 16; i++) assert.equal(peer.att(read(b, 0xffff, le(0x8000 + i))), "09" + hex([2 + i]) + le(b + 2 + 4 * i) + "78".repeat(i));
      assert.equal(calls, 0);
    });

    it("reads client configurations, each the link's own", () => {
      const { peer, b } = start(mtu);
      assert.equal(peer.att("12" + le(b + 5) + "0100"), "13");
      assert.equal(peer.att(read(b, 0xffff, "0229")), "0904" + le(b + 5) + "0100");
    });
  });
}

describe("att: Read By Type at the largest MTU", () => {
  it("cuts values to 253 at 512 and 517", () => {
    const value = Uint8Array.from({ length: 512 }, (_, i) => i * 3);
    for (const mtu of [256, 257, 258, 512, 517]) {
      const { peer, b } = start(mtu, [{ uuid: 0xff00, chars: [{ uuid: 0xff01, value }, { uuid: 0xff02, read: () => value }] }]);
      const most = Math.min(mtu - 4, 253);
      for (const type of [1, 2]) {
        assert.equal(peer.att(range(0x08, b, 0xffff, hex([type, 0xff]))), "09" + hex([2 + most]) + le(b + 2 * type) + hex(value.slice(0, most)), `${mtu}`);
      }
    }
  });

  it("gives two long values of one length in one answer where there is room", () => {
    const one = new Uint8Array(200).fill(1);
    const two = new Uint8Array(200).fill(2);
    const { peer, b } = start(517, [{ uuid: 0xff00, chars: [{ uuid: 0xff01, value: one }, { uuid: 0xff01, value: two }, { uuid: 0xff01, value: one }] }]);
    assert.equal(peer.att(range(0x08, b, 0xffff, "01ff")), "09ca" + le(b + 2) + hex(one) + le(b + 4) + hex(two));
  });

  it("does not put a second value behind one that was cut", () => {
    const { peer, b } = start(517, [{ uuid: 0xff00, chars: [{ uuid: 0xff01, value: new Uint8Array(254).fill(1) }, { uuid: 0xff01, value: new Uint8Array(254).fill(2) }] }]);
    const answer = peer.att(range(0x08, b, 0xffff, "01ff"));
    // A pair's length of 255 says nothing of the value's: both answers would be well formed.
    assert.ok(answer === "09ff" + le(b + 2) + "01".repeat(253) || answer === "09ff" + le(b + 2) + "01".repeat(253) + le(b + 4) + "02".repeat(253), answer);
  });
});
