import assert from "node:assert/strict";
import type { Service } from "../../core/gatt/database.js";
import type { Options } from "../../core/options.js";
import { device, linked, Peer, type Linked } from "../support/links.js";
import { hex, latin, rejects, rig, unhex } from "../support/rig.js";

// servegatt(): what may be declared, what may not, and what a client then finds. reference/imp-api.md 3.11, Vol 3 Part G 3, Part C 12.

const le = (value: number): string => hex([value & 255, value >> 8]);
const text = (value: string): string => hex(Array.from(value, (c) => c.charCodeAt(0)));
const error = (opcode: number, handle: number, code: number): string => hex([1, opcode, handle & 255, handle >> 8, code]);

/** The whole table as a client finds it: "handle type [value or error]" of each attribute, by Find Information and Read. */
function dump({ peer }: Pick<Linked, "peer">, from = 1): string[] {
  const rows: string[] = [];
  for (let next = from; ; ) {
    const found = unhex(peer.att("04" + le(next) + "ffff"));
    if (found[0] === 1) return rows;
    const size = found[1] === 1 ? 2 : 16;
    for (let i = 2; i < found.length; i += 2 + size) {
      const handle = found[i] | (found[i + 1] << 8);
      const type = hex(found.slice(i + 2, i + 2 + size).reverse());
      const read = peer.att("0a" + le(handle));
      rows.push(`${handle} ${type} ${read.startsWith("0b") ? read.slice(2) : "error " + read.slice(8)}`);
      next = handle + 1;
    }
  }
}

describe("gatt: the stack's own services", () => {
  it("Generic Access and Generic Attribute come first, whether anything else is served or not", () => {
    for (const services of [[], [{ uuid: 0xff00, chars: [{ uuid: 0xff01, value: "x" }] }]] as Service[][]) {
      const made = linked(services);
      const rows = dump(made);
      assert.deepEqual(rows.slice(0, 11), [
        "1 2800 0018",
        "2 2803 02" + "0300" + "002a",
        "3 2a00 " + text("blimp"),
        "4 2803 02" + "0500" + "012a",
        "5 2a01 0000",
        "6 2803 02" + "0700" + "042a",
        "7 2a04 ffffffff0000ffff",
        "8 2800 0118",
        "9 2803 20" + "0a00" + "052a",
        "10 2a05 error 02",
        "11 2902 0000",
      ]);
      // Robust caching: Client Supported Features (read, write), Database Hash (read).
      const rest = rows.slice(11, 15).map((row) => row.replace(/ [0-9a-f]{32}$/, " HASH"));
      assert.deepEqual(rest, ["12 2803 0a" + "0d00" + "292b", "13 2b29 00", "14 2803 02" + "0f00" + "2a2b", "15 2b2a HASH"]);
      assert.equal(rows.length, 15 + (services.length ? 3 : 0));
    }
  });

  it("the name and the appearance are those of the options", () => {
    for (const [options, name, appearance] of [
      [{}, text("blimp"), "0000"],
      [{ name: "Kitchen", appearance: 0x0340 }, text("Kitchen"), "4003"],
      [{ name: "", appearance: 0xffff }, "", "ffff"],
      [{ name: "K\xc3\xbcche" }, text("K\xc3\xbcche"), "0000"],
      [{ name: "x".repeat(100) }, text("x".repeat(100)), "0000"],
    ] as [Options, string, string][]) {
      const { peer } = linked([], options);
      peer.mtu(247);
      assert.equal(peer.att("0a0300"), "0b" + name);
      assert.equal(peer.att("0a0500"), "0b" + appearance);
      assert.equal(peer.att("080100ffff" + "002a"), "09" + hex([2 + name.length / 2]) + "0300" + name);
    }
  });

  it("nothing of them can be written but what is to be", () => {
    const { peer } = linked();
    for (let handle = 1; handle <= 10; handle++) assert.equal(peer.att("12" + le(handle) + "0000"), error(0x12, handle, 0x03));
    assert.equal(peer.att("120b00" + "0200"), "13");
    assert.equal(peer.att("120b00" + "0100"), error(0x12, 11, 0xfd));
    assert.equal(peer.att("120f00" + "00"), error(0x12, 15, 0x03));
  });

  it("the application may not take their handles, and may serve what it likes beside them", () => {
    const made = linked([{ uuid: 0x1800, chars: [{ uuid: 0x2a00, value: "mine" }] }]);
    assert.equal(made.peer.att("0a0300"), "0b" + text("blimp"));
    assert.deepEqual(dump(made, 16), ["16 2800 0018", "17 2803 02" + "1200" + "002a", "18 2a00 " + text("mine")]);
  });
});

describe("gatt: what servegatt() takes", () => {
  const LONG = "fada47bec45548c9a5f2af7cf368d719";
  const dashed = (digits: string): string => digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  const forms: [string, any, string][] = [
    ["a number", 0x180f, "180f"],
    ["the least number", 1, "0001"],
    ["the greatest number", 0xffff, "ffff"],
    ["four digits", "180f", "180f"],
    ["four digits in capitals", "180F", "180f"],
    ["two bytes", Uint8Array.from([0x18, 0x0f]), "180f"],
    ["an array of two bytes", [0x18, 0x0f], "180f"],
    ["32 digits", LONG, LONG],
    ["32 digits in capitals", LONG.toUpperCase(), LONG],
    ["32 digits and dashes", dashed(LONG), LONG],
    ["16 bytes", unhex(LONG), LONG],
    ["an array of 16 bytes", Array.from(unhex(LONG)), LONG],
    ["the long form of a short one", "0000180f-0000-1000-8000-00805f9b34fb", "180f"],
    ["the same without dashes, in capitals", "0000180F00001000800000805F9B34FB", "180f"],
    ["the same as bytes", unhex("0000180f00001000800000805f9b34fb"), "180f"],
    ["one of 32 bits, which has no short form here", "1234180f-0000-1000-8000-00805f9b34fb", "1234180f00001000800000805f9b34fb"],
    ["one that is nearly of the base", "0000180f-0000-1000-8000-00805f9b34fc", "0000180f00001000800000805f9b34fc"],
  ];
  const wire = (uuid: string): string => hex(unhex(uuid).reverse());
  for (const [name, form, uuid] of forms) {
    it(`a UUID as ${name}`, () => {
      const made = linked([{ uuid: form, chars: [{ uuid: form, value: "v", descriptors: [{ uuid: form, value: "d" }] }] }]);
      assert.deepEqual(dump(made, 16), [`16 2800 ${wire(uuid)}`, `17 2803 02${le(18)}${wire(uuid)}`, `18 ${uuid} 76`, `19 ${uuid} 64`]);
      assert.equal(made.rig.bt.handle(form, form), 18);
    });
  }

  it("flags by default: read for a value or a reader, write for a writer; else those that are given", () => {
    const read = (): string => "r";
    const write = (): number => 0;
    const rows: [object, number][] = [
      [{}, 0],
      [{ value: "v" }, 0x02],
      [{ value: "" }, 0x02],
      [{ read }, 0x02],
      [{ write }, 0x08],
      [{ read, write }, 0x0a],
      [{ value: "v", write }, 0x0a],
      [{ value: "v", read }, 0x02],
      [{ value: "v", flags: 0 }, 0],
      [{ value: "v", flags: 0x12 }, 0x12],
      [{ write, flags: 0x0c }, 0x0c],
      [{ write, flags: 0x04 }, 0x04],
      [{ flags: 0x20 }, 0x20],
      [{ read, write, flags: 0xff }, 0xff],
    ];
    for (const [keys, flags] of rows) {
      const { rig, peer } = linked([{ uuid: 0xff00, chars: [{ uuid: 0xff01, ...keys }] }]);
      const at = rig.bt.handle(0xff00, 0xff01);
      assert.equal(peer.att("0a" + le(at - 1)), "0b" + hex([flags]) + le(at) + "01ff", JSON.stringify(keys));
      assert.equal(peer.att("0a" + le(at)), flags & 2 ? "0b" + text("read" in keys ? "r" : "value" in keys ? (keys as any).value : "") : error(0x0a, at, 0x02));
      // A configuration where it may be notified or indicated, and only there.
      assert.equal(peer.att("04" + le(at + 1) + le(at + 1)), flags & 0x30 ? "0501" + le(at + 1) + "0229" : error(0x04, at + 1, 0x0a));
    }
  });

  it("descriptors, behind the configuration, with values and handlers", () => {
    const log: string[] = [];
    const made = linked([
      {
        uuid: 0xff00,
        chars: [
          {
            uuid: 0xff01,
            value: "v",
            flags: 0x12,
            descriptors: [
              { uuid: 0x2901, value: "Description" },
              { uuid: 0x2904, value: [4, 0, 0, 0x27, 1, 0, 0] },
              { uuid: "fada47be-c455-48c9-a5f2-af7cf368d719", read: () => "made", write: (_, value) => void log.push(hex(value)) },
              { uuid: 0x2903, value: "\0\0" },
              { uuid: 0xff09, write: () => 0x81 },
            ],
          },
          { uuid: 0xff02, value: "w" },
        ],
      },
    ]);
    assert.deepEqual(dump(made, 18), [
      "18 ff01 76",
      "19 2902 0000",
      "20 2901 " + text("Description"),
      "21 2904 04000027010000",
      "22 fada47bec45548c9a5f2af7cf368d719 " + text("made"),
      "23 2903 0000",
      "24 ff09 error 02",
      "25 2803 021a0002ff",
      "26 ff02 77",
    ]);
    const { peer } = made;
    assert.equal(peer.att("12" + le(22) + "aabb"), "13");
    assert.deepEqual(log, ["aabb"]);
    assert.equal(peer.att("12" + le(20) + "aa"), error(0x12, 20, 0x03));
    assert.equal(peer.att("12" + le(24) + "aa"), error(0x12, 24, 0x81));
    assert.equal(peer.att("10" + "1000ffff" + "0028"), "1106" + le(16) + le(26) + "00ff");
  });

  it("values in every form, up to 512 bytes", () => {
    const bytes = Uint8Array.from({ length: 512 }, (_, i) => i);
    for (const value of [bytes, Array.from(bytes), latin(bytes), Buffer.from(bytes)]) {
      const { rig, peer } = linked([{ uuid: 0xff00, chars: [{ uuid: 0xff01, value }] }]);
      peer.mtu(517);
      assert.equal(peer.att("0a" + le(rig.bt.handle(0xff00, 0xff01))), "0b" + hex(bytes));
    }
  });

  it("a service of no characteristics, and one of many", () => {
    const chars = Array.from({ length: 300 }, (_, i) => ({ uuid: 0x8000 + i, value: [i & 255] }));
    const { rig, peer } = linked([
      { uuid: 0xff00, chars: [] },
      { uuid: 0xff01, chars },
      { uuid: 0xff02, chars: [] },
    ]);
    const at = rig.bt.handle(0xff01, 0x8000);
    assert.equal(peer.att("06" + "0100ffff" + "0028" + "00ff"), "07" + le(at - 3) + le(at - 3));
    assert.equal(peer.att("06" + "0100ffff" + "0028" + "01ff"), "07" + le(at - 2) + le(at + 598));
    assert.equal(peer.att("06" + "0100ffff" + "0028" + "02ff"), "07" + le(at + 599) + le(at + 599));
    assert.equal(peer.att("0a" + le(at + 598)), "0b2b");
  });

  it("unknown keys are left alone", () => {
    const { rig, peer } = linked([{ uuid: 0xff00, name: "service", chars: [{ uuid: 0xff01, value: "v", name: "char", cb: () => 1 }] }] as any);
    assert.equal(peer.att("0a" + le(rig.bt.handle(0xff00, 0xff01))), "0b76");
  });

  it("is a snapshot: what is changed afterwards changes nothing", () => {
    const value = Uint8Array.from([1, 2, 3]);
    const list = [4, 5, 6];
    const beside = [7, 8, 9];
    const uuid = Uint8Array.from([0xff, 0x01]);
    const chars: any[] = [
      { uuid, value, descriptors: [{ uuid: 0x2901, value: "d" }] },
      { uuid: 0xff02, value: list },
      { uuid: 0xff03, read: () => "old" },
      { uuid: 0xff04, value: beside, write: () => 0 },
    ];
    const services: any[] = [{ uuid: 0xff00, chars }];
    const made = linked(services);
    const before = dump(made, 16);
    value.fill(0xee);
    list[0] = 0xee;
    beside[0] = 0xee;
    uuid[0] = 0xee;
    chars[0].descriptors.push({ uuid: 0xff08, value: "new" });
    chars[2].read = () => "new";
    chars[3].value = "new";
    chars.push({ uuid: 0xff05, value: "new" });
    services.push({ uuid: 0xff09, chars: [] });
    services[0].uuid = 0xff0a;
    assert.deepEqual(dump(made, 16), before);
    assert.equal(made.peer.att("0a" + le(made.rig.bt.handle(0xff00, 0xff04))), "0b070809");
  });

  it("may be called before the chip is ready, any number of times; the last counts", () => {
    const { rig: made } = device([{ uuid: 0xff00, chars: [{ uuid: 0xff01, value: "first" }] }]);
    made.bt.servegatt([{ uuid: 0xff00, chars: [{ uuid: 0xff01, value: "second" }] }]);
    const peer = new Peer(made).connect();
    assert.equal(peer.att("0a" + le(made.bt.handle(0xff00, 0xff01))), "0b" + text("second"));
    made.bt.servegatt([{ uuid: 0xff00, chars: [{ uuid: 0xff01, value: "third." }] }]);
    assert.equal(peer.att("0a" + le(made.bt.handle(0xff00, 0xff01))), "0b" + text("third."));
  });

  it("the same table with other handlers: the new ones are called", () => {
    const { rig, peer } = linked([{ uuid: 0xff00, chars: [{ uuid: 0xff01, read: () => "old", write: () => 0x81 }] }]);
    const at = rig.bt.handle(0xff00, 0xff01);
    rig.bt.servegatt([{ uuid: 0xff00, chars: [{ uuid: 0xff01, read: () => "new", write: () => 0x82 }] }]);
    assert.equal(peer.att("0a" + le(at)), "0b" + text("new"));
    assert.equal(peer.att("12" + le(at) + "01"), error(0x12, at, 0x82));
  });

  it("[] takes all away, and the stack's own stay", () => {
    const made = linked([{ uuid: 0xff00, chars: [{ uuid: 0xff01, value: "x" }] }]);
    made.rig.bt.servegatt([]);
    assert.equal(dump(made).length, 15);
    assert.equal(made.peer.att("0a1200"), error(0x0a, 18, 0x01));
    assert.equal(made.peer.att("0a0300"), "0b" + text("blimp"));
  });
});

describe("gatt: what servegatt() refuses", () => {
  const char = (keys: object): any[] => [{ uuid: 0xff00, chars: [{ uuid: 0xff01, value: "v" }, { uuid: 0xff02, value: "v", ...keys }] }];
  const descriptor = (keys: object): any[] => char({ descriptors: [{ uuid: 0x2901, value: "d", ...keys }] });
  const BAD_UUIDS: any[] = [undefined, null, -1, 1.5, 65536, NaN, "", "1", "180", "180ff", "12345", "xyzw", "180g", "fada47bec45548c9a5f2af7cf368d71", "fada47bec45548c9a5f2af7cf368d7199", [], [1], [1, 2, 3], [1, 256], new Uint8Array(4), new Uint8Array(15), {}, true, () => 1];
  const rows: [string, any, string[]][] = [
    ...[undefined, null, {}, "services", 5, { length: 0 }].map((bad): [string, any, string[]] => [`services: ${String(bad)}`, bad, ["services", "array"]]),
    ...[null, undefined, 5, "x"].map((bad): [string, any, string[]] => [`a service: ${String(bad)}`, [bad], ["services[0]"]]),
    ...BAD_UUIDS.map((bad): [string, any, string[]] => [`a service's uuid: ${String(bad)}`, [{ uuid: bad, chars: [] }], ["services[0].uuid"]]),
    ...[undefined, null, {}, "x", 5].map((bad): [string, any, string[]] => [`chars: ${String(bad)}`, [{ uuid: 0xff00, chars: bad }], ["services[0].chars", "array"]]),
    ...[null, undefined, 5, "x"].map((bad): [string, any, string[]] => [`a characteristic: ${String(bad)}`, [{ uuid: 0xff00, chars: [bad] }], ["services[0].chars[0]"]]),
    ...BAD_UUIDS.map((bad): [string, any, string[]] => [`a characteristic's uuid: ${String(bad)}`, char({ uuid: bad }), ["services[0].chars[1].uuid"]]),
    ...[5, true, {}, () => 1, [256], [-1], [1.5], ["1"], "\u0100"].map((bad): [string, any, string[]] => [`value: ${String(bad)}`, char({ value: bad }), ["services[0].chars[1].value"]]),
    ["value of 513 bytes", char({ value: new Uint8Array(513) }), ["services[0].chars[1].value", "513", "512"]],
    ["value of 513 characters", char({ value: "x".repeat(513) }), ["services[0].chars[1].value", "513", "512"]],
    ...["read", "write", "subscribe"].flatMap((key) => [5, "x", {}, true].map((bad): [string, any, string[]] => [`${key}: ${String(bad)}`, char({ [key]: bad }), ["services[0].chars[1]." + key, "function"]])),
    ...[-1, 256, 1.5, "2", null, NaN, {}].map((bad): [string, any, string[]] => [`flags: ${String(bad)}`, char({ flags: bad }), ["services[0].chars[1].flags", "0..255"]]),
    ...[0, 2, 5, 1.5, "3", null, -1].map((bad): [string, any, string[]] => [`level: ${String(bad)}`, char({ level: bad }), ["services[0].chars[1].level"]]),
    ...[null, {}, "x", 5].map((bad): [string, any, string[]] => [`descriptors: ${String(bad)}`, char({ descriptors: bad }), ["services[0].chars[1].descriptors"]]),
    ...[null, 5].map((bad): [string, any, string[]] => [`a descriptor: ${String(bad)}`, char({ descriptors: [bad] }), ["services[0].chars[1].descriptors[0]"]]),
    ...BAD_UUIDS.map((bad): [string, any, string[]] => [`a descriptor's uuid: ${String(bad)}`, descriptor({ uuid: bad }), ["descriptors[0].uuid"]]),
    ...[0x2902, "2902", "00002902-0000-1000-8000-00805f9b34fb", 0x2800, 0x2801, 0x2802, 0x2803].map((bad): [string, any, string[]] => [`a descriptor's uuid: ${String(bad)}`, descriptor({ uuid: bad }), ["descriptors[0].uuid"]]),
    ...[5, [256], "\u0100", new Uint8Array(513)].map((bad): [string, any, string[]] => [`a descriptor's value: ${String(bad).slice(0, 20)}`, descriptor({ value: bad }), ["descriptors[0].value"]]),
    ["a descriptor's read", descriptor({ read: 5 }), ["descriptors[0].read"]],
    ["a descriptor's level", descriptor({ level: 2 }), ["descriptors[0].level"]],
    ["a descriptor's flags", descriptor({ flags: 300 }), ["descriptors[0].flags"]],
    ["more attributes than fit", Array.from({ length: 11_000 }, () => ({ uuid: 0xff00, chars: [] })), ["attributes"]],
    ["more bytes than fit", [{ uuid: 0xff00, chars: Array.from({ length: 140 }, () => ({ uuid: 0xff01, value: new Uint8Array(512) })) }], ["bytes"]],
  ];

  it("each mistake throws at once, names method, argument, value and bounds, and leaves what was served", () => {
    const made = linked([{ uuid: 0xff00, chars: [{ uuid: 0xff01, value: "old", flags: 0x12 }] }]);
    const { rig, peer } = made;
    const at = rig.bt.handle(0xff00, 0xff01);
    assert.equal(peer.att("12" + le(at + 1) + "0100"), "13");
    const before = dump(made);
    for (const [name, services, texts] of rows) {
      try {
        rejects(() => rig.bt.servegatt(services), "servegatt", texts[0], ...texts);
      } catch (problem: any) {
        assert.fail(`${name}: ${problem.message}`);
      }
    }
    assert.deepEqual(dump(made), before);
    assert.equal(rig.bt.notify(0xff01, "x"), true);
    assert.equal(peer.next(), "1b" + le(at) + "78", "who has subscribed still is");
    assert.equal(rig.bt.counters().exceptions, 0);
  });

  it("values that throw when they are looked at are mistakes of an argument as well", () => {
    const made = rig();
    for (const value of [[1n], [Symbol("x")], [{ valueOf: () => { throw new Error("valueOf"); } }]]) rejects(() => made.bt.servegatt(char({ value })), "servegatt", "services[0].chars[1].value");
    rejects(() => made.bt.servegatt(char({ uuid: Object.create(null) })), "servegatt", "services[0].chars[1].uuid");
    rejects(() => made.bt.servegatt(char({ flags: Symbol("x") })), "servegatt", "services[0].chars[1].flags");
  });

  it("a characteristic that passes for a declaration would make a false table", () => {
    const made = rig();
    for (const uuid of [0x2800, 0x2801, 0x2802, 0x2803, "00002800-0000-1000-8000-00805f9b34fb"]) rejects(() => made.bt.servegatt(char({ uuid })), "servegatt", "services[0].chars[1].uuid");
    rejects(() => made.bt.servegatt(char({ uuid: 0x2902 })), "servegatt", "services[0].chars[1].uuid");
  });

  it("0x0000 is no UUID", () => {
    const made = rig();
    for (const uuid of [0, "0000", [0, 0]]) rejects(() => made.bt.servegatt(char({ uuid })), "servegatt", "services[0].chars[1].uuid");
  });

  it("after close() it throws by name", () => {
    const made = rig();
    made.bt.close();
    for (const call of [() => made.bt.servegatt([]), () => made.bt.notify(0xff01, "x"), () => made.bt.handle(0xff00, 0xff01)]) assert.throws(call, (problem: any) => problem.code === "closed");
  });

  it("a bad name or appearance throws in open()", () => {
    const { board } = rig();
    assert.ok(board);
    for (const [key, values] of [
      ["name", [5, {}, null, "\u0100", [256]]],
      ["appearance", [-1, 65536, 1.5, "x", null]],
    ] as [string, any[]][]) {
      for (const value of values) rejects(() => void rig({ options: { [key]: value } }), "open", key);
    }
    // The Device Name is 248 bytes at most: Vol 3 Part C 12.1.
    rejects(() => void rig({ options: { name: "x".repeat(249) } }), "open", "name");
    rig({ options: { name: "x".repeat(248) } });
  });
});

describe("gatt: levels of security", () => {
  it("values above the link's level are refused with 0x05 for every way of reading and writing, and no handler runs", () => {
    let calls = 0;
    const touch = (): any => (calls++, "x");
    for (const level of [3, 4]) {
      const made = linked([
        {
          uuid: 0xff00,
          chars: [
            { uuid: 0xff01, value: "secret", write: touch, flags: 0x1e, level },
            { uuid: 0xff02, read: touch, write: touch, flags: 0x1e, level, subscribe: () => void calls++ },
            { uuid: 0xff03, value: "open", descriptors: [{ uuid: 0x2901, value: "secret", level }] },
            { uuid: 0xff04, value: "one", level: 1 },
          ],
        },
      ]);
      const { peer, rig } = made;
      const at = (n: number): number => rig.bt.handle(0xff00, 0xff00 + n);
      for (const handle of [at(1), at(2), at(3) + 1]) {
        const h = le(handle);
        assert.equal(peer.att("0a" + h), error(0x0a, handle, 0x05));
        assert.equal(peer.att("0c" + h + "0100"), error(0x0c, handle, 0x05));
        assert.equal(peer.att("0e" + le(at(4)) + h), error(0x0e, handle, 0x05));
        assert.equal(peer.att("20" + le(at(4)) + h), error(0x20, handle, 0x05));
        const type = handle === at(3) + 1 ? "0129" : handle === at(1) ? "01ff" : "02ff";
        assert.equal(peer.att("08" + "0100ffff" + type), error(0x08, handle, 0x05));
        if (type !== "0129") {
          assert.equal(peer.att("12" + h + "01"), error(0x12, handle, 0x05));
          assert.equal(peer.att("16" + h + "000001"), error(0x16, handle, 0x05));
          peer.send(4, "52" + h + "01");
          rig.run(200);
        }
      }
      assert.equal(peer.att("0a" + le(at(3))), "0b" + text("open"));
      assert.equal(peer.att("0a" + le(at(4))), "0b" + text("one"));
      // Their declarations are no secret.
      assert.equal(peer.att("0a" + le(at(1) - 1)), "0b1e" + le(at(1)) + "01ff");
      assert.equal(calls, 0);
      rig.bt.notify(0xff01, "x");
      rig.run(500);
      assert.deepEqual(peer.frames, []);
    }
  });
});

describe("gatt: the services of the examples", () => {
  it("Device Information by numbers, a long string in 2A23, an empty one", () => {
    const url = "https://agent.electricimp.com/0123456789abcdef";
    const { rig, peer } = linked([
      { uuid: 0x180a, chars: [{ uuid: 0x2a29, value: "Electric Imp" }, { uuid: 0x2a25, value: "0123456789" }, { uuid: 0x2a24, value: "imp004m" }, { uuid: 0x2a23, value: url }, { uuid: 0x2a26, value: "" }] },
    ]);
    const at = (uuid: number): string => le(rig.bt.handle(0x180a, uuid));
    assert.equal(peer.att("0a" + at(0x2a29)), "0b" + text("Electric Imp"));
    assert.equal(peer.att("0a" + at(0x2a26)), "0b");
    let all = peer.att("0a" + at(0x2a23)).slice(2);
    for (let part = all; part.length === 44; all += part) part = peer.att("0c" + at(0x2a23) + le(all.length / 2)).slice(2);
    assert.equal(all, text(url));
  });

  it("Wi-Fi refresh by 32 digits: three that are written, and handlers that return nothing", () => {
    const log: string[] = [];
    const write =
      (name: string) =>
      (_: any, value: Uint8Array): void =>
        void log.push(name + ":" + latin(value));
    const uuids = ["5EBA1956A9994BC99EC34AC0C1EEDAC0", "ED694AB916F6439A9BF8A1F1A5BE1117", "F299C3428A8A4544AC4208C841737B1B"];
    const { rig, peer } = linked([{ uuid: "FADA47BEC45548C9A5F2AF7CF368D719", chars: uuids.map((uuid, i) => ({ uuid, write: write("spt"[i]) })) }]);
    const handles = uuids.map((uuid) => rig.bt.handle("FADA47BEC45548C9A5F2AF7CF368D719", uuid));
    assert.equal(peer.att("12" + le(handles[0]) + text("network")), "13");
    // A password of 63 characters at 23: in parts.
    const password = "p".repeat(63);
    for (let i = 0; i < 63; i += 18) assert.equal(peer.att("16" + le(handles[1]) + le(i) + text(password.slice(i, i + 18))).slice(0, 2), "17");
    assert.equal(peer.att("1801"), "19");
    assert.equal(peer.att("12" + le(handles[2])), "13");
    assert.deepEqual(log, ["s:network", "p:" + password, "t:"]);
    for (const handle of handles) assert.equal(peer.att("0a" + le(handle)), error(0x0a, handle, 0x02));
  });
});
