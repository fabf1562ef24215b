import assert from "node:assert/strict";
import type { AskingConnection } from "../../core/gatt/client.js";
import { hex, unhex } from "../support/rig.js";
import { asked, attributes, le, Model, Notes, type Asked } from "../support/server.js";

const LONG = "ab".repeat(120);
/** Sketch of a peer with a long value at 3, whose configuration is at 4. */
const SKETCH = [{ uuid: "180f", chars: [{ uuid: "2a19", flags: 0x3a, value: LONG, descriptors: [{ uuid: "2902", value: "0000" }] }] }];
const KEPT = {
  hash: "00".repeat(16),
  services: [{ uuid: "180f", handle: 1, end: 4, primary: true, includes: [], chars: [{ uuid: "2a19", handle: 3, flags: 0x3a, descriptors: [{ uuid: "2902", handle: 4 }] }] }],
};

const OPERATIONS: [string, number, (connection: AskingConnection, notes: Notes) => void][] = [
  ["a long read", 6, (connection, notes) => connection.read(3, notes.as("it"))],
  ["a long write", 8, (connection, notes) => connection.write(3, unhex(LONG), notes.as("it"))],
  ["a short write", 1, (connection, notes) => connection.write(3, "x", notes.as("it"))],
  ["a subscription", 1, (connection, notes) => connection.subscribe("2a19", () => {}, notes.as("it"))],
  ["the end of a subscription", 1, (connection, notes) => connection.subscribe("2a19", null, notes.as("it"))],
];

/** A peer that has been discovered, and that from then on does `deviate` at the request with this number. */
function peer(step: number, deviate: (at: Asked) => null | string): Asked {
  const model = new Model(attributes(SKETCH));
  let count = -1;
  const at: Asked = asked((pdu) => {
    // The kept table needs no discovery: a hash that is the same.
    if (pdu === "080100ffff2a2b") return "0912" + "0a00" + "00".repeat(16);
    return ++count === step ? deviate(at) : model.respond(pdu);
  });
  const notes = new Notes();
  at.connection.discover((error) => notes.as("discover")(error), KEPT);
  at.rig.clock.until(() => notes.list.length > 0, 5000);
  assert.deepEqual(notes.list, ["discover ok"]);
  at.server.take();
  return at;
}

for (const [what, requests, begin] of OPERATIONS) {
  describe(`${what} of ${requests} requests`, () => {
    it("has so many", () => {
      const at = peer(-1, () => null);
      const notes = new Notes();
      begin(at.connection, notes);
      at.rig.run(3000);
      assert.equal(notes.list.length, 1);
      assert.ok(!/ (att|malformed|timeout|disconnected) /.test(notes.list[0]), notes.list[0]);
      assert.equal(at.server.take().length, requests);
    });

    it("ends by the peer's leaving at every step, with all behind it, once", () => {
      for (let step = 0; step < requests; step++) {
        const at = peer(step, ({ server }) => (server.disconnect(), null));
        const notes = new Notes();
        begin(at.connection, notes);
        at.connection.read(3, notes.as("next"));
        at.rig.run(40_000);
        assert.deepEqual(notes.list, ["it disconnected 0", "next disconnected 0"], `step ${step}`);
        assert.deepEqual(at.closed, [0x13]);
        assert.deepEqual(at.rig.errors, []);
      }
    });

    it("ends by the application's close at every step, with all behind it, once, and onclose is not called", () => {
      for (let step = 0; step < requests; step++) {
        const at = peer(step, ({ connection }) => (connection.close(), null));
        const notes = new Notes();
        begin(at.connection, notes);
        at.connection.read(3, notes.as("next"));
        at.rig.run(40_000);
        assert.deepEqual(notes.list, ["it disconnected 0", "next disconnected 0"], `step ${step}`);
        assert.deepEqual(at.closed, []);
        assert.equal(at.server.take().length, step + 1, "nothing is asked behind it");
      }
    });

    it("ends by the chip's restart at every step, with all behind it, once", () => {
      for (let step = 0; step < requests; step++) {
        const at = peer(step, ({ rig }) => (rig.board.chip.hardwareError(1), null));
        const notes = new Notes();
        begin(at.connection, notes);
        at.connection.read(3, notes.as("next"));
        at.rig.run(40_000);
        assert.deepEqual(notes.list, ["it disconnected 0", "next disconnected 0"], `step ${step}`);
        assert.deepEqual(at.closed, [0x08]);
      }
    });

    it("ends by 30 s of silence at every step, with all behind it, once", () => {
      for (let step = 0; step < requests; step++) {
        const at = peer(step, () => null);
        const notes = new Notes();
        begin(at.connection, notes);
        at.connection.read(3, notes.as("next"));
        at.rig.run(45_000);
        assert.deepEqual(notes.list, ["it timeout 0", "next timeout 0"], `step ${step}`);
        assert.deepEqual(at.closed, [0x16]);
        assert.equal(at.server.take().length, step + 1, "nothing is asked behind it");
      }
    });

    it("ends by close() of the instance at every step without a word", () => {
      for (let step = 0; step < requests; step++) {
        const at = peer(step, ({ rig }) => (rig.bt.close(), null));
        const notes = new Notes();
        begin(at.connection, notes);
        at.connection.read(3, notes.as("next"));
        at.rig.run(3000);
        assert.deepEqual(notes.list, [], `step ${step}`);
        at.rig.gone(1000);
      }
    });

    it("ends by name at every step whose answer is another's, and what is behind it is done", () => {
      for (const answer of ["15", "0300ff", "0500", "09", "11", "2100", "010a000000", "01", "01ff000005"]) {
        for (let step = 0; step < requests; step++) {
          const at = peer(step, () => answer);
          const notes = new Notes();
          begin(at.connection, notes);
          at.connection.read(99, notes.as("next"));
          at.rig.run(5000);
          assert.equal(notes.list.length, 2, `step ${step}, ${answer}`);
          assert.match(notes.list[0], /^it malformed /);
          assert.equal(notes.list[1], "next att 1");
          assert.deepEqual(at.closed, []);
        }
      }
    });
  });
}

describe("more than one discovery", () => {
  it("may wait: both are done, the MTU is exchanged once", () => {
    const model = new Model(attributes(SKETCH), { mtu: 64 });
    const at = asked(model.respond);
    const notes = new Notes();
    at.connection.discover((error) => notes.as("1")(error));
    at.connection.discover((error) => notes.as("2")(error));
    at.rig.run(5000);
    assert.deepEqual(notes.list, ["1 ok", "2 ok"]);
    assert.equal(at.server.heard.filter((pdu) => pdu.startsWith("02")).length, 1);
  });

  it("may be begun from the callback of Service Changed, and holds", () => {
    const configured = [{ uuid: "2902", value: "0000" }];
    const model = new Model(attributes([{ uuid: "1801", chars: [{ uuid: "2a05", flags: 0x20, descriptors: configured }] }]));
    const at = asked(model.respond);
    const notes = new Notes();
    at.connection.discover((error) => notes.as("1")(error));
    at.rig.run(3000);
    at.connection.subscribe("2a05", () => at.connection.discover((error) => notes.as("2")(error)));
    at.rig.run(1000);
    model.table.push(...attributes([...SKETCH.map((one) => ({ ...one, at: 10 }))]));
    at.server.send("1d03000500ffff");
    at.rig.run(4000);
    assert.deepEqual(notes.take(), ["1 ok", "2 ok"]);
    at.connection.read("2a19", notes.as("read"));
    at.rig.run(2000);
    assert.deepEqual(notes.list, ["read " + LONG]);
  });
});

describe("values that a peer sends by itself", () => {
  it("of full length come whole", () => {
    const at = asked();
    at.server.send("020502");
    at.rig.run(300);
    const values: string[] = [];
    const notes = new Notes();
    const answers: { [pdu: string]: string } = { "080100ffff2a2b": "0912" + "0a00" + "00".repeat(16), "1204000100": "13" };
    at.server.respond = (pdu) => answers[pdu] ?? null;
    at.connection.discover((error) => notes.as("discover")(error), KEPT);
    at.rig.run(500);
    at.connection.subscribe("2a19", (value) => void values.push(hex(value)), notes.as("subscribe"));
    at.rig.run(1000);
    assert.deepEqual(notes.list, ["discover ok", "subscribe ok"]);
    const value = hex(Uint8Array.from({ length: 512 }, (_, i) => i & 255));
    at.server.send("1b0300" + value, "1d0300" + value);
    at.rig.run(1000);
    assert.deepEqual(values, [value, value]);
    assert.equal(at.server.heard.at(-1), "1e");
    // Several in one PDU, up to the MTU.
    at.server.send("23" + ("0300" + le(16) + "77".repeat(16)).repeat(25));
    at.rig.run(1000);
    assert.equal(values.length, 27);
  });

  it("may end in anything: a flood of 500 between two answers", () => {
    const model = new Model(attributes(SKETCH));
    const at: Asked = asked((pdu) => {
      for (let i = 0; i < 100; i++) at.server.send("1b0300" + hex([i]));
      return model.respond(pdu);
    });
    const notes = new Notes();
    for (let i = 0; i < 5; i++) at.connection.write(3, [i], notes.as(`${i}`));
    at.rig.run(60_000);
    assert.deepEqual(notes.list, ["0 ok", "1 ok", "2 ok", "3 ok", "4 ok"]);
    assert.equal(at.rig.bt.counters().ignored, 500);
  });
});

describe("a connection that has been closed", () => {
  it("takes nothing more, and says so", () => {
    const at = asked();
    const notes = new Notes();
    at.connection.close();
    assert.throws(() => at.connection.send(3, "x"), (error: any) => error.code === "disconnected");
    at.connection.read(3, notes.as("read"));
    at.rig.run(1000);
    assert.deepEqual(notes.list, ["read disconnected 0"]);
    assert.deepEqual(at.server.take(), []);
  });
});
