import assert from "node:assert/strict";
import { hex, rejects } from "../support/rig.js";
import { asked, le, Notes, type Asked } from "../support/server.js";

const UPDATE = 0x2013;
const REPLY = 0x2020;
const NEGATIVE = 0x2021;

/** An L2CAP Connection Parameter Update Request (Vol 3 Part A 4.20): intervals in 1.25 ms, latency, timeout in 10 ms. */
function request(identifier: number, min: number, max: number, latency: number, timeout: number): string {
  return "12" + hex([identifier]) + "0800" + [min, max, latency, timeout].map(le).join("");
}

function sent(at: Asked, opcode: number): string[] {
  return at.rig.board.chip.log.filter((one: any) => one.opcode === opcode).map(({ parameters }: { parameters: Uint8Array }) => hex(parameters));
}

describe("a peripheral that asks for parameters by L2CAP", () => {
  it("gets them: accepted, then changed", () => {
    const at = asked();
    at.server.frame(5, request(7, 80, 160, 2, 600));
    at.rig.run(3000);
    assert.deepEqual(at.server.signals, ["130702000000"]);
    const [{ handle }] = at.rig.board.chip.controller.connections.all;
    assert.deepEqual(sent(at, UPDATE), [le(handle) + le(80) + le(160) + le(2) + le(600) + "00000000"]);
    const { interval, latency, timeout } = at.server.board.chip.controller.connections.all[0].end.link.parameters;
    assert.deepEqual([interval, latency, timeout], [160, 2, 600]);
  });

  for (const [what, values] of [
    ["an interval below 7.5 ms", [5, 10, 0, 100]],
    ["an interval above 4 s", [6, 3201, 0, 3200]],
    ["a shortest interval above the longest", [20, 10, 0, 100]],
    ["a latency above 499", [6, 6, 500, 3200]],
    ["a timeout below 100 ms", [6, 6, 0, 9]],
    ["a timeout above 32 s", [6, 6, 0, 3201]],
    ["a timeout that the latency uses up", [80, 80, 9, 200]],
    ["an interval of 0", [0, 0, 0, 0]],
    ["everything at its most", [65535, 65535, 65535, 65535]],
  ] as [string, number[]][]) {
    it(`is refused ${what}`, () => {
      const at = asked();
      at.server.frame(5, request(9, values[0], values[1], values[2], values[3]));
      at.rig.run(1000);
      assert.deepEqual(at.server.signals, ["130902000100"]);
      assert.deepEqual(sent(at, UPDATE), []);
    });
  }

  it("is refused what is outside the options, and given what is just inside", () => {
    for (const [interval, latency, result] of [
      [80, 4, "0000"],
      [81, 4, "0100"],
      [80, 5, "0100"],
    ] as const) {
      const at = asked(() => null, { maxinterval: 100, maxlatency: 4 });
      at.server.frame(5, request(1, 40, interval, latency, 3200));
      at.rig.run(1000);
      assert.deepEqual(at.server.signals, [`13010200${result}`]);
      assert.equal(sent(at, UPDATE).length, result === "0000" ? 1 : 0);
    }
  });

  it("may ask again and again, and hears of each", () => {
    const at = asked();
    for (let i = 1; i <= 5; i++) {
      at.server.frame(5, request(i, 40 + i, 40 + i, 0, 400));
      at.rig.run(3000);
    }
    assert.deepEqual(at.server.signals, [1, 2, 3, 4, 5].map((i) => `130${i}02000000`));
    assert.equal(sent(at, UPDATE).length, 5);
    assert.equal(at.server.board.chip.controller.connections.all[0].end.link.parameters.interval, 45);
  });

  it("that asks while a change is under way gets what it was promised", () => {
    const at = asked();
    at.server.frame(5, request(1, 50, 50, 0, 400));
    at.server.frame(5, request(2, 60, 60, 0, 400));
    at.rig.run(5000);
    assert.equal(at.server.signals.length, 2);
    const accepted = at.server.signals.filter((pdu) => pdu.endsWith("0000")).length;
    assert.equal(sent(at, UPDATE).length, accepted, `${accepted} accepted`);
  });

  it("gets Command Reject or nothing for what is not whole, and never a change", () => {
    for (const frame of ["1201080028002800000090", "12010800280028000000900100", "12010700280028000000900100".slice(0, 22), "1201", "12", "12000800" + "2800280000009001", "12010a00" + "2800280000009001" + "0000"]) {
      const at = asked();
      at.server.frame(5, frame);
      at.rig.run(500);
      assert.deepEqual(sent(at, UPDATE), [], frame);
      for (const pdu of at.server.signals) assert.match(pdu, /^0101/, frame);
    }
  });

  it("is answered although the application hears nothing of it", () => {
    const at = asked();
    const notes = new Notes();
    at.connection.parameters(50, 50, 0, 4000, notes.as("mine"));
    at.rig.run(3000);
    assert.deepEqual(notes.list, ["mine ok"]);
    at.server.frame(5, request(1, 60, 60, 0, 400));
    at.rig.run(3000);
    assert.deepEqual(notes.list, ["mine ok"], "a callback is called once");
    assert.equal(at.server.board.chip.controller.connections.all[0].end.link.parameters.interval, 60);
  });

  it("is not answered for a response that nobody has asked for", () => {
    const at = asked();
    for (const frame of ["130102000000", "130102000100", "010102000000", "0101"]) at.server.frame(5, frame);
    at.rig.run(500);
    assert.deepEqual(at.server.signals, []);
    assert.deepEqual(sent(at, UPDATE), []);
  });
});

describe("a peripheral that asks for parameters by the link layer", () => {
  it("gets them", () => {
    const at = asked();
    at.server.update(80, 160, 2, 600);
    at.rig.run(3000);
    const [{ handle }] = at.rig.board.chip.controller.connections.all;
    assert.deepEqual(sent(at, REPLY), [le(handle) + le(80) + le(160) + le(2) + le(600) + "00000000"]);
    assert.equal(at.server.updates.length, 1);
    assert.equal(at.server.updates[0].slice(0, 2), "00");
    assert.equal(at.server.updates[0].slice(6), le(160) + le(2) + le(600));
  });

  it("is refused what is outside the options, with 0x3B", () => {
    const at = asked(() => null, { maxinterval: 100 });
    at.server.update(80, 160, 2, 600);
    at.rig.run(3000);
    const [{ handle }] = at.rig.board.chip.controller.connections.all;
    assert.deepEqual(sent(at, REPLY), []);
    assert.deepEqual(sent(at, NEGATIVE), [le(handle) + "3b"]);
    assert.equal(at.server.updates.length, 1);
    assert.equal(at.server.updates[0].slice(0, 2), "3b");
    assert.equal(at.connection.mtu(), 23);
  });
});

describe("parameters() as the central", () => {
  it("changes them by LE Connection Update, and says when", () => {
    const at = asked();
    const notes = new Notes();
    at.connection.parameters(100, 200, 3, 5000, notes.as("a"));
    at.rig.run(50);
    const [{ handle }] = at.rig.board.chip.controller.connections.all;
    assert.deepEqual(sent(at, UPDATE), [le(handle) + le(80) + le(160) + le(3) + le(500) + "00000000"]);
    at.rig.run(2000);
    assert.deepEqual(notes.list, ["a ok"]);
    const { interval, latency, timeout } = at.server.board.chip.controller.connections.all[0].end.link.parameters;
    assert.deepEqual([interval, latency, timeout], [160, 3, 500]);
    assert.deepEqual(at.server.signals, [], "the central asks nobody");
  });

  it("also with a peripheral that lacks the procedure of version 4.1", () => {
    const at = asked(() => null, {}, { requests: false });
    const notes = new Notes();
    at.connection.parameters(100, 100, 0, 4000, notes.as("a"));
    at.rig.run(3000);
    assert.deepEqual(notes.list, ["a ok"]);
    assert.equal(at.server.board.chip.controller.connections.all[0].end.link.parameters.interval, 80);
  });

  it("says refused where the chip refuses, and by its event", () => {
    const at = asked();
    const notes = new Notes();
    at.rig.board.chip.hook = (opcode: number) => (opcode === UPDATE ? { bytes: Uint8Array.from([4, 0x0f, 4, 0x1a, 1, 0x13, 0x20]) } : undefined);
    at.connection.parameters(100, 100, 0, 4000, notes.as("a"));
    at.rig.run(500);
    assert.deepEqual(notes.list, ["a refused 0"]);
    at.rig.board.chip.hook = (opcode: number) => (opcode === UPDATE ? { bytes: Uint8Array.from([4, 0x0f, 4, 0, 1, 0x13, 0x20]) } : undefined);
    at.connection.parameters(100, 100, 0, 4000, notes.as("b"));
    at.rig.run(200);
    const [{ handle }] = at.rig.board.chip.controller.connections.all;
    at.rig.board.chip.inject(Uint8Array.from([4, 0x3e, 10, 3, 0x3b, handle & 255, handle >> 8, 24, 0, 0, 0, 0x90, 1]));
    at.rig.run(200);
    assert.deepEqual(notes.list, ["a refused 0", "b refused 0"]);
    assert.deepEqual(at.server.signals, [], "L2CAP is for the peripheral");
  });

  it("says timeout where nothing happens for 30 s, busy meanwhile, disconnected at the link's end", () => {
    const at = asked();
    const notes = new Notes();
    at.rig.board.chip.hook = (opcode: number) => (opcode === UPDATE ? { bytes: Uint8Array.from([4, 0x0f, 4, 0, 1, 0x13, 0x20]) } : undefined);
    at.connection.parameters(100, 100, 0, 4000, notes.as("a"));
    at.rig.run(29_900);
    assert.deepEqual(notes.list, []);
    assert.throws(() => at.connection.parameters(100, 100, 0, 4000), (error: any) => error.code === "busy");
    at.rig.run(200);
    assert.deepEqual(notes.list, ["a timeout 0"]);
    at.connection.parameters(100, 100, 0, 4000, notes.as("b"));
    at.rig.run(100);
    at.server.disconnect();
    at.rig.run(1000);
    assert.deepEqual(notes.list, ["a timeout 0", "b disconnected 0"]);
  });

  it("refuses bad arguments", () => {
    const { connection } = asked();
    const call = connection.parameters as any;
    rejects(() => call.call(connection, 7, 50, 0, 4000), "parameters", "minms");
    rejects(() => call.call(connection, 50, 49, 0, 4000), "parameters", "maxms");
    rejects(() => call.call(connection, 50, 50, 500, 4000), "parameters", "latency");
    rejects(() => call.call(connection, 50, 50, 10, 1000), "parameters", "timeoutms");
    rejects(() => call.call(connection, 50, 50, 0, 4000, 5), "parameters", "callback");
  });
});
