import assert from "node:assert/strict";
import type { RemoteService, RemoteTable } from "../../core/gatt/client.js";
import { type Asked, asked, attributes, le, meet, Model, Notes, reversed, type Attribute, type Sketch } from "../support/server.js";

const LONG = "fada47bec45548c9a5f2af7cf368d719";
const HASH = "00112233445566778899aabbccddeeff";

/** Services that have everything once. */
const SKETCH: Sketch[] = [
  { uuid: "1800", chars: [{ uuid: "2a00", value: "41" }, { uuid: "2a01", value: "0000" }] },
  {
    uuid: "1801",
    chars: [
      { uuid: "2a05", flags: 0x20, descriptors: [{ uuid: "2902", value: "0000" }] },
      { uuid: "2b2a", value: reversed(HASH) },
    ],
  },
  { uuid: "180f", at: 0x0020, secondary: true, chars: [{ uuid: "2a19", flags: 0x12, value: "32", descriptors: [{ uuid: "2902" }, { uuid: "2901" }] }] },
  // Nothing but its declaration.
  { uuid: "1810", at: 0x0100 },
  {
    uuid: LONG,
    at: 0x0200,
    spare: 5,
    includes: [0x0020],
    chars: [
      { uuid: "5eba1111c45548c9a5f2af7cf368d719", flags: 0x0c },
      { uuid: "2a25", value: "4142", descriptors: [{ uuid: "2901" }, { uuid: "5eba2222c45548c9a5f2af7cf368d719" }, { uuid: "2904" }] },
      { uuid: "5eba3333c45548c9a5f2af7cf368d719", flags: 0x3a },
    ],
  },
];

/** What discovery has to find of it. */
const FOUND: RemoteService[] = [
  {
    uuid: "1800",
    handle: 1,
    end: 5,
    primary: true,
    includes: [],
    chars: [
      { uuid: "2a00", handle: 3, flags: 2, descriptors: [] },
      { uuid: "2a01", handle: 5, flags: 2, descriptors: [] },
    ],
  },
  {
    uuid: "1801",
    handle: 6,
    end: 11,
    primary: true,
    includes: [],
    chars: [
      { uuid: "2a05", handle: 8, flags: 0x20, descriptors: [{ uuid: "2902", handle: 9 }] },
      { uuid: "2b2a", handle: 11, flags: 2, descriptors: [] },
    ],
  },
  {
    uuid: "180f",
    handle: 0x20,
    end: 0x24,
    primary: false,
    includes: [],
    chars: [
      {
        uuid: "2a19",
        handle: 0x22,
        flags: 0x12,
        descriptors: [
          { uuid: "2902", handle: 0x23 },
          { uuid: "2901", handle: 0x24 },
        ],
      },
    ],
  },
  { uuid: "1810", handle: 0x100, end: 0x100, primary: true, includes: [], chars: [] },
  {
    uuid: LONG,
    handle: 0x200,
    end: 0x20f,
    primary: true,
    includes: [0x20],
    chars: [
      { uuid: "5eba1111c45548c9a5f2af7cf368d719", handle: 0x203, flags: 0x0c, descriptors: [] },
      {
        uuid: "2a25",
        handle: 0x205,
        flags: 2,
        descriptors: [
          { uuid: "2901", handle: 0x206 },
          { uuid: "5eba2222c45548c9a5f2af7cf368d719", handle: 0x207 },
          { uuid: "2904", handle: 0x208 },
        ],
      },
      { uuid: "5eba3333c45548c9a5f2af7cf368d719", handle: 0x20a, flags: 0x3a, descriptors: [] },
    ],
  },
];

function withoutHash(sketch: Sketch[]): Sketch[] {
  return sketch.map((one) => ({ ...one, chars: one.chars?.filter(({ uuid }) => uuid !== "2b2a") }));
}

/** Discovers; returns services and table. Fails where that ends with an error, or not at all. */
function discover(at: Asked, kept?: RemoteTable | null, ms = 60_000): RemoteTable {
  const result = attempt(at, kept, ms);
  assert.deepEqual(result.notes, ["discover ok"]);
  return result.table!;
}

function attempt(at: Asked, kept?: RemoteTable | null, ms = 60_000): { notes: string[]; table?: RemoteTable } {
  const notes = new Notes();
  let table: RemoteTable | undefined;
  let same = true;
  at.connection.discover((error, services, made) => {
    notes.as("discover")(error);
    table = made;
    same = services === made?.services;
  }, kept);
  at.rig.clock.until(() => notes.list.length > 0, ms);
  at.rig.run(200);
  assert.ok(same, "the services are those of the table");
  return { notes: notes.list, table };
}

describe("discovery", () => {
  for (const mtu of [23, 0, 64, 185, 517]) {
    it(`finds everything of a peer with ${mtu ? `an MTU of ${mtu}` : "no MTU exchange (0x06)"}`, () => {
      const model = new Model(attributes(SKETCH), { mtu });
      const at = asked(model.respond);
      const table = discover(at);
      assert.deepEqual(table, { hash: HASH, services: FOUND });
      assert.equal(at.connection.mtu(), Math.max(23, mtu));
      assert.equal(at.server.heard[0], "020502", "asks for 517 first");
      assert.equal(at.server.heard.filter((pdu) => pdu.startsWith("02")).length, 1, "once on a connection");
    });
  }

  for (const most of [1, 2, 3]) {
    it(`finds everything of a peer that answers with ${most} at a time`, () => {
      const model = new Model(attributes(SKETCH), { mtu: 517, most });
      assert.deepEqual(discover(asked(model.respond)), { hash: HASH, services: FOUND });
    });
  }

  it("asks for no more than it has to at a large MTU", () => {
    const model = new Model(attributes(SKETCH), { mtu: 517 });
    const at = asked(model.respond);
    discover(at);
    assert.deepEqual(at.server.take(), [
      "020502",
      "080100ffff2a2b",
      // Primary services: four of 16 bits, one of 128 and that there is nothing behind it.
      "100100ffff0028",
      "100101ffff0028",
      "101002ffff0028",
      "100100ffff0128",
      "102500ffff0128",
      "080100ffff0228",
      "080202ffff0228",
      "080100ffff0328",
      "082200ffff0328",
      "080302ffff0328",
      "080502ffff0328",
      "080a02ffff0328",
      "0409000900",
      "0423002400",
      "0406020802",
      "0407020802",
      "0408020802",
      "040b020f02",
    ]);
  });

  for (const options of [{ mtu: 23 }, { mtu: 100 }]) {
    it(`finds everything with the option mtu ${options.mtu}`, () => {
      const model = new Model(attributes(SKETCH), { mtu: 517 });
      const at = asked(model.respond, options);
      assert.deepEqual(discover(at), { hash: HASH, services: FOUND });
      assert.equal(at.connection.mtu(), options.mtu);
      if (options.mtu === 23) assert.equal(at.server.heard.filter((pdu) => pdu.startsWith("02")).length, 0, "23 needs no exchange");
      assert.equal(at.server.heard.filter((pdu) => pdu === "080100ffff2a2b").length, 1, "the hash is read once");
    });
  }

  it("finds everything where the peer has asked for the MTU before", () => {
    const model = new Model(attributes(SKETCH), { mtu: 517 });
    const at = asked(model.respond);
    at.server.send("028000");
    at.rig.run(300);
    model.mtu = 128;
    assert.equal(at.server.heard.pop(), "030502");
    assert.equal(at.connection.mtu(), 128);
    assert.deepEqual(discover(at), { hash: HASH, services: FOUND });
  });

  it("finds everything of a peer without a Database Hash", () => {
    const model = new Model(attributes(withoutHash(SKETCH)), { mtu: 64 });
    const table = discover(asked(model.respond));
    assert.equal(table.hash, "");
    assert.deepEqual(
      table.services.map(({ uuid, chars }) => `${uuid} ${chars.length}`),
      ["1800 2", "1801 1", "180f 1", "1810 0", `${LONG} 3`],
    );
  });

  it("finds a peer that has nothing", () => {
    assert.deepEqual(discover(asked(new Model([]).respond)), { hash: "", services: [] });
  });

  it("finds services and characteristics up to the last handle", () => {
    const sketch: Sketch[] = [{ uuid: "1234", at: 0xfff9, chars: [{ uuid: "2a00" }, { uuid: "2a19", flags: 0x10, descriptors: [{ uuid: "2902" }, { uuid: "2901" }] }] }];
    const table = attributes(sketch);
    assert.equal(table[0].end, 0xffff);
    const at = asked(new Model(table, { mtu: 23 }).respond);
    const services = discover(at).services;
    assert.equal(services[0].end, 0xffff);
    assert.deepEqual(
      services[0].chars.map(({ uuid, handle, descriptors }) => [uuid, handle, descriptors.map((one) => one.handle)]),
      [
        ["2a00", 0xfffb, []],
        ["2a19", 0xfffd, [0xfffe, 0xffff]],
      ],
    );
  });

  it("takes a 128-bit UUID made of the base UUID for the short one", () => {
    const sketch: Sketch[] = [{ uuid: "0000180f00001000800000805f9b34fb", chars: [{ uuid: "00002a1900001000800000805f9b34fb", value: "32" }] }];
    const at = asked(new Model(attributes(sketch), { mtu: 23 }).respond);
    assert.deepEqual(
      discover(at).services.map(({ uuid, chars }) => [uuid, chars[0].uuid]),
      [["180f", "2a19"]],
    );
    const notes = new Notes();
    at.connection.read("2a19", notes.as("read"));
    at.rig.run(500);
    assert.deepEqual(notes.list, ["read 32"]);
  });

  it("keeps free handles between a characteristic and the next declaration out of its descriptors", () => {
    // Handles need not follow each other (Vol 3 Part F 3.2.2): the value's is what the declaration says.
    const table: Attribute[] = [
      { handle: 1, type: "2800", value: reversed("180f"), end: 30 },
      { handle: 2, type: "2803", value: "02" + le(3) + reversed("2a19") },
      { handle: 3, type: "2a19", value: "32" },
      { handle: 5, type: "2901", value: "" },
      { handle: 10, type: "2803", value: "02" + le(15) + reversed("2a25") },
      { handle: 15, type: "2a25", value: "" },
    ];
    const services = discover(asked(new Model(table, { mtu: 64 }).respond)).services;
    assert.deepEqual(services[0].chars, [
      { uuid: "2a19", handle: 3, flags: 2, descriptors: [{ uuid: "2901", handle: 5 }] },
      { uuid: "2a25", handle: 15, flags: 2, descriptors: [] },
    ]);
  });

  it("gives a table that lives as JSON, and that costs one request where its hash is the same", () => {
    const model = new Model(attributes(SKETCH), { mtu: 517 });
    const at = asked(model.respond);
    const kept = JSON.parse(JSON.stringify(discover(at))) as RemoteTable;
    at.connection.close();
    at.rig.run(500);
    at.server.take();
    at.server.advertise();
    model.mtu = 23;
    const again = meet(at.rig, at.server);
    assert.deepEqual(discover({ ...at, connection: again }, kept), { hash: HASH, services: FOUND });
    assert.deepEqual(at.server.take(), ["080100ffff2a2b"]);
    const notes = new Notes();
    again.read("5EBA3333-C455-48C9-A5F2-AF7CF368D719", notes.as("read"));
    again.read(0x2a00, notes.as("name"));
    again.subscribe("2a19", () => {}, notes.as("subscribe"));
    at.rig.run(1000);
    assert.deepEqual(notes.list, ["read ", "name 41", "subscribe ok"]);
    assert.deepEqual(at.server.take(), ["0a0a02", "0a0300", "1223000100"]);
  });

  it("discovers anew where the hash differs", () => {
    const model = new Model(attributes(SKETCH), { mtu: 517 });
    const at = asked(model.respond);
    const kept: RemoteTable = { hash: "ff".repeat(16), services: [] };
    assert.deepEqual(discover(at, kept), { hash: HASH, services: FOUND });
    assert.equal(at.connection.mtu(), 517, "the MTU has been exchanged on the way");
    assert.equal(at.server.heard[0], "080100ffff2a2b", "the hash comes first");
    assert.equal(at.server.heard.filter((pdu) => pdu === "080100ffff2a2b").length, 1, "and is not read again");
    assert.deepEqual(kept, { hash: "ff".repeat(16), services: [] }, "what was handed in is left alone");
  });

  it("discovers anew where the hash differs, with the option mtu 23", () => {
    const at = asked(new Model(attributes(SKETCH)).respond, { mtu: 23 });
    assert.deepEqual(discover(at, { hash: "ff".repeat(16), services: [] }), { hash: HASH, services: FOUND });
  });

  it("discovers anew, after an exchange of the MTU, where a hash was kept and the peer has none any more", () => {
    const at = asked(new Model(attributes(withoutHash(SKETCH)), { mtu: 517 }).respond);
    const table = discover(at, { hash: HASH, services: FOUND });
    assert.equal(table.hash, "");
    assert.equal(table.services.length, 5);
    assert.equal(at.connection.mtu(), 517);
  });

  it("takes a kept table without a hash for none", () => {
    const model = new Model(attributes(withoutHash(SKETCH)), { mtu: 517 });
    const at = asked(model.respond);
    const table = discover(at);
    assert.equal(discover(at, table).services.length, 5);
    assert.equal(discover(at, null).services.length, 5);
  });

  it("refuses at once what is no kept table, or one with something else in the place of services", () => {
    const at = asked(new Model(attributes(SKETCH), { mtu: 517 }).respond);
    const call = at.connection.discover as any;
    for (const kept of [5, "text", {}, { hash: HASH }, { hash: 1, services: [] }, { hash: HASH, services: [null] }, { hash: HASH, services: [{}] }, { hash: HASH, services: [{ chars: [null] }] }]) {
      assert.throws(
        () => call.call(at.connection, () => {}, kept),
        (error: any) => error.code === "argument" && error.step === "discover" && error.detail === "kept",
        JSON.stringify(kept),
      );
      at.rig.run(1000);
    }
    assert.throws(() => call.call(at.connection), (error: any) => error.code === "argument" && error.detail === "callback");
    assert.deepEqual(at.rig.errors, [], "and the board does not suffer");
  });

  it("does not take a kept table that was damaged for a failure of the board", () => {
    const at = asked(new Model(attributes(SKETCH), { mtu: 517 }).respond);
    const kept: any = { hash: HASH, services: [{ uuid: "180f" }] };
    try {
      at.connection.discover(() => {}, kept);
    } catch (error: any) {
      assert.equal(error.code, "argument");
    }
    at.rig.run(2000);
    assert.deepEqual(at.rig.errors.map(({ code }) => code), []);
    assert.deepEqual(at.closed, []);
  });

  it("hands a second discovery what has changed", () => {
    const model = new Model(attributes(SKETCH), { mtu: 517 });
    const at = asked(model.respond);
    discover(at);
    model.table.splice(0, model.table.length, ...attributes([{ uuid: "1234" }]));
    assert.deepEqual(discover(at).services.map(({ uuid }) => uuid), ["1234"]);
  });
});

describe("discovery against its limit", () => {
  it("gives up by name where a peer has more than the option discovery says", () => {
    const many: Sketch[] = Array.from({ length: 5 }, (_, i) => ({ uuid: (0x1900 + i).toString(16), chars: [{ uuid: "2a00", descriptors: [{ uuid: "2901" }] }] }));
    for (const [limit, note] of [
      [14, "discover too-many 15"],
      [15, "discover ok"],
    ] as const) {
      const at = asked(new Model(attributes(many), { mtu: 64 }).respond, { discovery: limit });
      assert.deepEqual(attempt(at).notes, [note]);
    }
  });

  it("ends with a peer that invents services without end", () => {
    let count = 0;
    const at = asked(
      (pdu) => {
        count++;
        if (!pdu.startsWith("10")) return "01" + pdu.slice(0, 2) + "00000a";
        const from = parseInt(pdu.slice(4, 6) + pdu.slice(2, 4), 16);
        return "1106" + le(from) + le(from) + "0f18";
      },
      { discovery: 100 },
    );
    assert.deepEqual(attempt(at).notes, ["discover too-many 101"]);
    assert.ok(count < 110, `${count} requests`);
  });
});

describe("a discovery whose answers are wrong", () => {
  const model = () => new Model(attributes(SKETCH), { mtu: 23 });
  /** What comes in place of the answer to the first request of this beginning, and how discovery ends. */
  const cases: [string, string, string, string][] = [
    ["an MTU below 23", "02", "031600", "malformed"],
    ["an MTU of one byte", "02", "0317", "malformed"],
    ["an MTU with a byte more", "02", "03170000", "malformed"],
    ["another opcode in place of the MTU", "02", "0b1700", "malformed"],
    ["another opcode in place of the hash", "080100ffff2a2b", "1112" + "0b00" + "00".repeat(16), "malformed"],
    ["services of no length", "100100ffff0028", "1100", "malformed"],
    ["services of a length and no more", "100100ffff0028", "1106", "malformed"],
    ["nothing but the opcode", "100100ffff0028", "11", "malformed"],
    ["services of 5 bytes", "100100ffff0028", "1105" + "0100050000", "malformed"],
    ["services of 7 bytes", "100100ffff0028", "1107" + "01000500001800", "malformed"],
    ["a service and a half", "100100ffff0028", "1106" + "010005000018" + "0600", "malformed"],
    ["a service that ends before it begins", "100100ffff0028", "1106" + "050001000018", "malformed"],
    ["services in the wrong order", "100100ffff0028", "1106" + "06000b000118" + "010005000018", "malformed"],
    ["services that overlap", "100100ffff0028", "1106" + "010006000018" + "06000b000118", "malformed"],
    ["a service below what was asked for", "100101ffff0028", "1106" + "010005000018", "malformed"],
    ["a service of handle 0", "100100ffff0028", "1106" + "000005000018", "malformed"],
    ["secondary services of 8 bytes", "100100ffff0128", "1108" + "20002400" + "0f180000", "malformed"],
    ["includes of 7 bytes", "080100ffff0228", "0907" + "0102" + "2000240000", "malformed"],
    ["includes of 20 bytes", "080100ffff0228", "0914" + "0102" + "20002400" + "00".repeat(14), "malformed"],
    ["characteristics of 6 bytes", "080100ffff0328", "0906" + "0200" + "02030000", "malformed"],
    ["a characteristic whose value comes before it", "080100ffff0328", "0907" + "0200" + "020200002a", "malformed"],
    ["a characteristic whose value lies in another service", "080100ffff0328", "0907" + "0200" + "020600002a", "malformed"],
    ["a characteristic that was not asked for", "080800ffff0328", "0907" + "0200" + "020300002a", "malformed"],
    ["descriptors of an unknown form", "0409000900", "0503" + "09000229", "malformed"],
    ["descriptors of form 0", "0409000900", "0500" + "09000229", "malformed"],
    ["half a descriptor", "0409000900", "0501" + "0900", "malformed"],
    ["a descriptor outside its characteristic", "0409000900", "0501" + "0a000229", "malformed"],
    ["a descriptor before it", "0409000900", "0501" + "08000229", "malformed"],
    ["another opcode", "100100ffff0028", "0906" + "010005000018", "malformed"],
    ["an opcode that there is not", "080100ffff0328", "15", "malformed"],
    ["an error about another request", "100100ffff0028", "010801000a", "malformed"],
    ["an error of code 0", "100100ffff0028", "0110010000", "malformed"],
    ["an error without a code", "100100ffff0028", "01100100", "malformed"],
    ["an error with a byte more", "100100ffff0028", "011001000a00", "malformed"],
    ["a refusal", "100100ffff0028", "0110010005", "att 5"],
    ["a refusal of characteristics", "080100ffff0328", "010801000e", "att 14"],
    ["a refusal of descriptors", "0409000900", "0104090002", "att 2"],
  ];
  for (const [what, when, answer, how] of cases) {
    it(`ends with "${how}" at ${what}, once, and asks no more`, () => {
      const good = model();
      const met: string[] = [];
      const at = asked((pdu) => {
        if (!pdu.startsWith(when) || met.length) return good.respond(pdu);
        met.push(pdu);
        at.server.take();
        return answer;
      });
      const { notes, table } = attempt(at);
      assert.equal(met.length, 1, "the moment has come");
      assert.equal(notes.length, 1);
      assert.ok(notes[0].startsWith("discover " + how), notes[0]);
      assert.equal(table, undefined);
      assert.deepEqual(at.server.take(), [], "no further request");
      assert.deepEqual(at.rig.errors, []);
      assert.deepEqual(at.closed, []);
      // The next one may be better.
      const next = new Notes();
      at.connection.read(3, next.as("read"));
      at.rig.run(500);
      assert.deepEqual(next.list, ["read 41"]);
    });
  }

  it("ignores a hash of the wrong length", () => {
    for (const answer of ["0911" + "0b00" + "00".repeat(15), "09", "0912" + "0b00", "0912"]) {
      const good = model();
      const at = asked((pdu) => (pdu === "080100ffff2a2b" ? answer : good.respond(pdu)));
      const table = discover(at);
      assert.equal(table.hash, "");
      assert.equal(table.services.length, 5);
    }
  });

  it("ends at each step by the link's end, once", () => {
    const good = model();
    let total = 0;
    discover(asked((pdu) => (total++, good.respond(pdu))));
    assert.ok(total > 15, `${total} requests`);
    for (let step = 0; step < total; step++) {
      const model = new Model(attributes(SKETCH), { mtu: 23 });
      let count = 0;
      const at = asked((pdu) => {
        if (count++ < step) return model.respond(pdu);
        if (count === step + 1) at.server.disconnect();
        return null;
      });
      assert.deepEqual(attempt(at).notes, ["discover disconnected 0"], `step ${step}`);
      assert.deepEqual(at.closed, [0x13]);
      assert.deepEqual(at.rig.errors, []);
    }
  });

  it("ends at each step after 30 s of silence, once, and with it the link", () => {
    const good = model();
    let total = 0;
    discover(asked((pdu) => (total++, good.respond(pdu))));
    for (let step = 0; step < total; step += 3) {
      const model = new Model(attributes(SKETCH), { mtu: 23 });
      let count = 0;
      let asks = 0;
      const at = asked((pdu) => {
        if (count++ < step) return model.respond(pdu);
        asks = at.rig.now;
        return null;
      });
      assert.deepEqual(attempt(at, null, 120_000).notes, ["discover timeout 0"], `step ${step}`);
      // A request takes an event to get there.
      const took = at.rig.now - asks;
      assert.ok(took > 29_900 && took < 30_400, `after ${took} ms`);
      assert.deepEqual(at.closed, [0x16]);
    }
  });
});
