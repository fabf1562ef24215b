import assert from "node:assert/strict";
import type { AskingConnection } from "../../core/gatt/client.js";
import { hex, rejects, unhex } from "../support/rig.js";
import { asked, attributes, le, Model, Notes, type Answer, type Asked } from "../support/server.js";

const TEXT = "6".repeat(1024);

/** Bytes that differ from their neighbours, as hex digits. */
function pattern(length: number): string {
  return hex(Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255));
}

/** Lets an operation end; returns the notes. */
function end(at: Asked, begin: (connection: AskingConnection, notes: Notes) => void, ms = 20_000, count = 1): string[] {
  const notes = new Notes();
  begin(at.connection, notes);
  at.rig.clock.until(() => notes.list.length >= count, ms);
  at.rig.run(300);
  return notes.list;
}

/** A note without the detail of its error. */
function codes(note: string): string {
  return note.split(" ").slice(0, 2).join(" ");
}

/** Sets the MTU by a request of the peer. */
function setMtu(at: Asked, mtu: number): void {
  at.server.send("02" + le(mtu));
  at.rig.run(300);
  assert.equal(at.connection.mtu(), mtu);
  at.server.take();
}

/** A peer with one value at handle 3. */
function valued(value: string, change: (pdu: string, good: (pdu: string) => Answer) => Answer = (pdu, good) => good(pdu)): Asked & { model: Model } {
  const model = new Model(attributes([{ uuid: "180f", chars: [{ uuid: "2a19", flags: 0x3e, value, descriptors: [{ uuid: "2902" }] }] }]), { mtu: 517 });
  return { ...asked((pdu) => change(pdu, model.respond)), model };
}

/** An L2CAP frame comes from our own controller, whatever the link does. */
function inject(at: Asked, cid: number, digits: string): void {
  const [{ handle }] = at.rig.board.chip.controller.connections.all;
  const payload = unhex(digits);
  const length = payload.length;
  at.rig.board.chip.inject(Uint8Array.from([2, handle & 255, (handle >> 8) | 0x20, (length + 4) & 255, (length + 4) >> 8, length & 255, length >> 8, cid, 0, ...payload]));
}

/** The peer's radio is off, so that nothing leaves our controller. */
function silence(at: Asked, on = true): void {
  at.server.board.chip.controller.connections.all[0].end.silent = on;
}

describe("reading a value", () => {
  for (const [length, mtu, requests] of [
    [0, 23, ["0a0300"]],
    [1, 23, ["0a0300"]],
    [21, 23, ["0a0300"]],
    // The whole of an answer: there may be more.
    [22, 23, ["0a0300", "0c03001600"]],
    [23, 23, ["0a0300", "0c03001600"]],
    [44, 23, ["0a0300", "0c03001600", "0c03002c00"]],
    [511, 517, ["0a0300"]],
    [512, 517, ["0a0300"]],
    [512, 256, ["0a0300", "0c0300ff00", "0c0300fe01"]],
    // 512 bytes are the most that there can be: nothing is asked behind them.
    [512, 257, ["0a0300", "0c03000001"]],
  ] as [number, number, string[]][]) {
    it(`reads ${length} bytes at an MTU of ${mtu} by ${requests.length} request${requests.length > 1 ? "s" : ""}`, () => {
      const at = valued(pattern(length));
      if (mtu > 23) setMtu(at, (at.model.mtu = mtu));
      assert.deepEqual(end(at, (c, notes) => c.read(3, notes.as("read"))), [`read ${pattern(length)}`]);
      assert.deepEqual(at.server.take(), requests);
    });
  }

  it("reads 512 bytes at an MTU of 23", () => {
    const at = valued(pattern(512));
    assert.deepEqual(end(at, (c, notes) => c.read(3, notes.as("read"))), [`read ${pattern(512)}`]);
    assert.equal(at.server.take().length, 24);
  });

  for (const code of [0x07, 0x0b]) {
    it(`takes error ${code} behind a whole answer for the value's end`, () => {
      const at = valued(pattern(22), (pdu, good) => (pdu.startsWith("0c") ? `010c0300${hex([code])}` : good(pdu)));
      assert.deepEqual(end(at, (c, notes) => c.read(3, notes.as("read"))), [`read ${pattern(22)}`]);
    });
  }

  for (const code of [0x01, 0x02, 0x05, 0x07, 0x0b, 0x0e, 0x0f, 0x80, 0xff]) {
    it(`gives the peer's error ${code}`, () => {
      const at = valued("", () => `010a0300${hex([code])}`);
      assert.deepEqual(end(at, (c, notes) => c.read(3, notes.as("read"))), [`read att ${code}`]);
      assert.deepEqual(at.closed, []);
    });
  }

  it("gives an error in the middle of a long value, and no part of it", () => {
    const at = valued(pattern(100), (pdu, good) => (pdu === "0c03002c00" ? "010c030005" : good(pdu)));
    assert.deepEqual(end(at, (c, notes) => c.read(3, notes.as("read"))), ["read att 5"]);
  });

  const wrong: [string, string[]][] = [
    ["an answer longer than the MTU", ["0b" + "00".repeat(23)]],
    ["a value without end", ["0b" + "00".repeat(22)]],
    ["the answer to a blob", ["0d00"]],
    ["the answer to a write", ["13"]],
    ["a reserved response", ["1f00"]],
    ["an MTU response", ["030002"]],
    ["an error about a write", ["0112030005"]],
    ["an error about request 0", ["0100030005"]],
    ["half an error", ["010a"]],
    ["an error of code 0", ["010a030000"]],
    ["an error of six bytes", ["010a03000500"]],
  ];
  for (const [what, answers] of wrong) {
    it(`ends with "malformed" at ${what}`, () => {
      const at = valued("", (pdu) => (pdu.startsWith("0c") ? "0d" + "00".repeat(22) : answers));
      const notes = end(at, (c, notes) => c.read(3, notes.as("read")));
      assert.equal(notes.length, 1);
      assert.match(notes[0], /^read malformed /);
      assert.ok(at.server.heard.length <= 25, "and does not ask for ever");
      assert.deepEqual(at.closed, []);
    });
  }

  it("passes by what is no answer, and waits on", () => {
    // An empty PDU, a command, a confirmation, a notification that nobody has asked for, and requests of the peer's own.
    const at = valued("", () => ["", "52030041", "1e", "1b0300ff", "0a0100", "ff", "0b4142"]);
    const before = at.rig.bt.counters();
    assert.deepEqual(end(at, (c, notes) => c.read(3, notes.as("read"))), ["read 4142"]);
    assert.ok(at.rig.bt.counters().ignored > before.ignored);
    assert.match(at.server.heard[1], /^0b|^01/, "the peer's own request has been answered meanwhile");
  });

  it("counts answers that nobody waits for, and goes on", () => {
    const at = valued("4142");
    at.server.send("0b00", "13", "03ffff", "010a030005", "0900");
    at.rig.run(300);
    assert.deepEqual(end(at, (c, notes) => c.read(3, notes.as("read"))), ["read 4142"]);
    assert.ok(at.rig.bt.counters().ignored >= 5);
  });

  it("hands out a copy of its own", () => {
    const at = valued("4142");
    const values: Uint8Array[] = [];
    for (let i = 0; i < 2; i++) at.connection.read(3, (_, value) => void values.push(value!));
    at.rig.run(1000);
    values[0][0] = 0;
    assert.equal(hex(values[1]), "4142");
    assert.equal(values[0].buffer.byteLength <= 512, true);
  });

  it("refuses bad arguments at once, naming them", () => {
    const at = valued("");
    const { connection } = at;
    const c = connection as any;
    for (const characteristic of [0, -1, 1.5, 65536, NaN]) rejects(() => c.read(characteristic, () => {}), "read", "characteristic");
    for (const characteristic of ["2a19", "no", "", undefined, null, {}, [1, 2, 3], () => {}]) rejects(() => c.read(characteristic, () => {}), "read", "characteristic");
    for (const callback of [undefined, null, 5]) rejects(() => c.read(3, callback), "read", "callback");
    for (const callback of [5, "x", {}]) rejects(() => c.write(3, "", callback), "write", "callback");
    for (const value of [undefined, null, 5, [256], [1.5], "\u0100", {}]) rejects(() => c.write(3, value), "write", "value");
    rejects(() => c.write(3, new Uint8Array(513)), "write", "value.length", 513, 512);
    for (const value of [undefined, 5, [256]]) rejects(() => c.send(3, value), "send", "value");
    rejects(() => c.send(3, new Uint8Array(21)), "send", "value.length", 21, 20);
    rejects(() => c.subscribe(3, () => {}), "subscribe", "characteristic");
    rejects(() => c.subscribe(3, 5), "subscribe", "callback");
    at.rig.run(500);
    assert.deepEqual(at.server.heard, [], "nothing has been asked");
  });
});

describe("writing a value", () => {
  for (const length of [0, 1, 20]) {
    it(`writes ${length} bytes by one request`, () => {
      const at = valued("");
      assert.deepEqual(end(at, (c, notes) => c.write(3, unhex(pattern(length)), notes.as("write"))), ["write ok"]);
      assert.deepEqual(at.server.take(), ["120300" + pattern(length)]);
    });
  }

  for (const [length, mtu, parts] of [
    [21, 23, 2],
    [36, 23, 2],
    [37, 23, 3],
    [512, 23, 29],
    [512, 185, 3],
    [512, 514, 2],
    [512, 515, 0],
  ]) {
    it(`writes ${length} bytes at an MTU of ${mtu} in ${parts || "no"} parts`, () => {
      const at = valued("");
      if (mtu > 23) setMtu(at, (at.model.mtu = mtu));
      assert.deepEqual(end(at, (c, notes) => c.write(3, unhex(pattern(length)), notes.as("write"))), ["write ok"]);
      assert.deepEqual(at.model.written, [`3:${pattern(length)}`]);
      const heard = at.server.take();
      if (!parts) return assert.deepEqual(heard, ["120300" + pattern(length)]);
      assert.equal(heard.pop(), "1801");
      assert.equal(heard.length, parts);
      heard.forEach((pdu, i) => {
        const from = i * (mtu - 5);
        assert.equal(pdu, "160300" + le(from) + pattern(length).slice(2 * from, 2 * (from + mtu - 5)));
      });
    });
  }

  it("takes a byte string and an array, and a copy of what may change later", () => {
    const at = valued("");
    const bytes = Uint8Array.of(1, 2);
    const notes = new Notes();
    at.connection.write(3, "A\xff", notes.as("a"));
    at.connection.write(3, [3, 4], notes.as("b"));
    at.connection.write(3, bytes, notes.as("c"));
    at.connection.write(3, bytes);
    bytes[0] = 9;
    at.rig.run(1000);
    assert.deepEqual(at.model.written, ["3:41ff", "3:0304", "3:0102", "3:0102"]);
    assert.deepEqual(notes.list, ["a ok", "b ok", "c ok"]);
  });

  for (const code of [0x03, 0x08, 0x0d, 0x80, 0xfc]) {
    it(`gives the peer's error ${code}`, () => {
      const at = valued("", () => `01120300${hex([code])}`);
      assert.deepEqual(end(at, (c, notes) => c.write(3, "x", notes.as("write"))), [`write att ${code}`]);
    });
  }

  const echoes: [string, (pdu: string) => Answer][] = [
    ["another handle", (pdu) => "170400" + pdu.slice(6)],
    ["another offset", (pdu) => "1703000100" + pdu.slice(10)],
    ["another byte", (pdu) => "17" + pdu.slice(2, -2) + (pdu.endsWith("00") ? "01" : "00")],
    ["a byte less", (pdu) => "17" + pdu.slice(2, -2)],
    ["a byte more", (pdu) => "17" + pdu.slice(2) + "00"],
    ["no value", (pdu) => "17" + pdu.slice(2, 10)],
    ["nothing", () => "17"],
  ];
  for (const [what, echo] of echoes) {
    for (const part of [0, 1, 2]) {
      it(`takes all back where part ${part} is repeated with ${what}`, () => {
        let count = 0;
        const at = valued("", (pdu, good) => (pdu.startsWith("16") && count++ === part ? echo(pdu) : good(pdu)));
        assert.deepEqual(end(at, (c, notes) => c.write(3, unhex(pattern(50)), notes.as("write"))).map(codes), ["write malformed"]);
        assert.equal(at.server.heard.at(-1), "1800");
        assert.equal(at.server.heard.length, part + 2);
        assert.deepEqual(at.model.written, []);
      });
    }
  }

  for (const part of [0, 2]) {
    it(`takes all back where part ${part} is refused, and gives the error`, () => {
      let count = 0;
      const at = valued("", (pdu, good) => (pdu.startsWith("16") && count++ === part ? "0116030009" : good(pdu)));
      assert.deepEqual(end(at, (c, notes) => c.write(3, unhex(pattern(50)), notes.as("write"))), ["write att 9"]);
      assert.equal(at.server.heard.at(-1), "1800");
    });
  }

  it("gives the error of the execution, of a cancellation none", () => {
    const at = valued("", (pdu, good) => (pdu.startsWith("18") ? "0118030007" : good(pdu)));
    assert.deepEqual(end(at, (c, notes) => c.write(3, unhex(pattern(50)), notes.as("write"))), ["write att 7"]);
    const other = valued("", (pdu, good) => (pdu.startsWith("18") ? "0118030007" : pdu.startsWith("16") ? "0116030009" : good(pdu)));
    assert.deepEqual(end(other, (c, notes) => c.write(3, unhex(pattern(50)), notes.as("write"))), ["write att 9"]);
  });

  for (const [what, when, answer] of [
    ["a write by another opcode", "12", "0b"],
    ["a part by another opcode", "16", "13"],
    ["the execution by another opcode", "18", "13"],
    ["a write by a response with a byte more", "12", "1300"],
    ["the execution by a response with a byte more", "18", "1900"],
  ]) {
    it(`ends with "malformed" where the peer answers ${what}`, () => {
      const at = valued("", (pdu, good) => (pdu.startsWith(when) ? answer : good(pdu)));
      const notes = end(at, (c, notes) => c.write(3, unhex(pattern(when === "12" ? 5 : 50)), notes.as("write")));
      assert.equal(notes.length, 1);
      assert.match(notes[0], /^write malformed /);
    });
  }

  it("leaves no part behind in the peer where a part was answered by another opcode", () => {
    let count = 0;
    const at = valued("", (pdu, good) => (pdu.startsWith("16") && ++count === 2 ? "13" : good(pdu)));
    const notes = end(at, (c, notes) => {
      c.write(3, unhex(pattern(50)), notes.as("first"));
      c.write(3, unhex(TEXT.slice(0, 60)), notes.as("second"));
    }, 20_000, 2);
    assert.match(notes[0], /^first malformed /);
    assert.equal(notes[1], "second ok");
    // Parts that stay would be executed with the next value.
    assert.deepEqual(at.model.written, ["3:" + TEXT.slice(0, 60)]);
  });
});

describe("sending without a response", () => {
  it("sends the bytes at once, and between requests", () => {
    const at = valued("41");
    const notes = new Notes();
    at.connection.read(3, notes.as("read"));
    assert.equal(at.connection.send(3, ""), true);
    assert.equal(at.connection.send(3, "AB"), true);
    assert.equal(at.connection.send(3, unhex(pattern(20))), true);
    at.rig.run(500);
    assert.deepEqual(at.server.take(), ["0a0300", "520300", "5203004142", "520300" + pattern(20)]);
    assert.deepEqual(notes.list, ["read 41"]);
  });

  it("is told when there is no room, sends nothing then, and hears of room once", () => {
    const at = valued("");
    let rooms = 0;
    at.rig.bt.onroom(() => rooms++);
    silence(at);
    let sent = 0;
    while (at.connection.send(3, [sent & 255, ...unhex(pattern(19))])) sent++;
    assert.ok(sent >= 4 && sent < 2000, `${sent} had room`);
    assert.equal(at.connection.send(3, [99, ...unhex(pattern(19))]), false);
    at.rig.run(500);
    assert.equal(rooms, 0);
    silence(at, false);
    at.rig.run(15_000);
    assert.equal(rooms, 1);
    assert.equal(at.server.heard.length, sent);
    at.server.heard.forEach((pdu, i) => assert.equal(pdu.slice(6, 8), hex([i & 255]), "in their order"));
    assert.equal(at.connection.send(3, "x"), true);
  });

  it("throws where the connection has ended", () => {
    const at = valued("");
    at.server.disconnect();
    at.rig.run(500);
    assert.throws(() => at.connection.send(3, "x"), (error: any) => error.code === "disconnected" && error.step === "send");
  });

  it("carries MTU - 3 bytes", () => {
    const at = valued("");
    setMtu(at, 100);
    assert.equal(at.connection.send(3, unhex(pattern(97))), true);
    rejects(() => at.connection.send(3, new Uint8Array(98)), "send", "value.length", 97);
    at.rig.run(500);
    assert.deepEqual(at.server.take(), ["520300" + pattern(97)]);
  });
});

/** A peer that has been discovered: notify at 3, indicate at 6, neither at 9, Service Changed at 12. */
function subscribed(change: (pdu: string, good: (pdu: string) => Answer) => Answer = (pdu, good) => good(pdu)): Asked & { model: Model } {
  const configured = [{ uuid: "2902", value: "0000" }];
  const sketch = [
    { uuid: "180f", chars: [{ uuid: "2a19", flags: 0x12, value: "32", descriptors: configured }, { uuid: "2a1c", flags: 0x20, descriptors: configured }, { uuid: "2a00", flags: 2 }] },
    { uuid: "1801", chars: [{ uuid: "2a05", flags: 0x20, descriptors: configured }] },
  ];
  const model = new Model(attributes(sketch), { mtu: 517 });
  const at = asked((pdu) => change(pdu, model.respond));
  let done = false;
  at.connection.discover((error) => {
    assert.equal(error, null);
    done = true;
  });
  at.rig.clock.until(() => done, 20_000);
  assert.deepEqual(model.table.filter(({ type }) => type === "2902").map(({ handle }) => handle), [4, 7, 13]);
  at.server.take();
  return { ...at, model };
}

describe("subscribing", () => {
  it("writes what the characteristic can do, gives the values, ends it", () => {
    const at = subscribed();
    const notes = new Notes();
    const values: string[] = [];
    at.connection.subscribe("2a19", (value) => void values.push("a" + hex(value)), notes.as("notify"));
    at.connection.subscribe(0x2a1c, (value) => void values.push("b" + hex(value)), notes.as("indicate"));
    at.rig.run(500);
    assert.deepEqual(at.server.take(), ["1204000100", "1207000200"]);
    at.server.send("1b030001", "1d06000203", "1b0300");
    at.rig.run(300);
    assert.deepEqual(values, ["a01", "b0203", "a"]);
    assert.deepEqual(at.server.take(), ["1e"], "an indication is confirmed, a notification is not");
    at.connection.subscribe("2a19", null, notes.as("end"));
    at.rig.run(300);
    assert.deepEqual(at.server.take(), ["1204000000"]);
    at.server.send("1b030004", "1d060005");
    at.rig.run(300);
    assert.deepEqual(values, ["a01", "b0203", "a", "b05"]);
    assert.deepEqual(notes.list, ["notify ok", "indicate ok", "end ok"]);
  });

  it("gives a value that comes before the answer", () => {
    const at = subscribed((pdu, good) => (pdu === "1204000100" ? ["1b030007", "13"] : good(pdu)));
    const values: string[] = [];
    at.connection.subscribe("2a19", (value) => void values.push(hex(value)));
    at.rig.run(300);
    assert.deepEqual(values, ["07"]);
  });

  for (const [what, answer, note] of [
    ["an error", "01120400fd", "subscribe att"],
    ["another opcode", "0b", "subscribe malformed"],
  ]) {
    it(`gives nothing more where the peer answers by ${what}`, () => {
      const at = subscribed((pdu, good) => (pdu.startsWith("12") ? answer : good(pdu)));
      const values: string[] = [];
      const notes = end(at, (c, notes) => c.subscribe("2a19", (value) => void values.push(hex(value)), notes.as("subscribe")));
      assert.deepEqual(notes.map(codes), [note]);
      at.server.send("1b030001");
      at.rig.run(300);
      assert.deepEqual(values, []);
    });
  }

  it("keeps the first callback where a second subscription is refused", () => {
    let refused = false;
    const at = subscribed((pdu, good) => (pdu.startsWith("12") && refused ? "0112040080" : good(pdu)));
    const values: string[] = [];
    end(at, (c, notes) => c.subscribe("2a19", () => void values.push("first"), notes.as("subscribe")));
    refused = true;
    end(at, (c, notes) => c.subscribe("2a19", () => void values.push("second"), notes.as("subscribe")));
    at.server.send("1b030001");
    at.rig.run(300);
    assert.deepEqual(values, ["first"], "the peer still notifies");
  });

  it("refuses what cannot be subscribed to", () => {
    const at = subscribed();
    rejects(() => at.connection.subscribe("2a00", () => {}), "subscribe", "characteristic");
    rejects(() => at.connection.subscribe("2a99", () => {}), "subscribe", "characteristic");
  });

  it("does not deliver what others than the subscribed value send, and confirms indications of anything", () => {
    const at = subscribed();
    const values: string[] = [];
    end(at, (c, notes) => c.subscribe("2a19", (value) => void values.push(hex(value)), notes.as("subscribe")));
    at.server.take();
    const before = at.rig.bt.counters();
    at.server.send("1b0000ff", "1b0600ff", "1bffffff", "1dffffff");
    at.rig.run(300);
    assert.deepEqual(values, []);
    assert.deepEqual(at.server.take(), ["1e"]);
    assert.equal(at.rig.bt.counters().ignored - before.ignored, 4);
    at.server.send("1b", "1b03");
    at.rig.run(300);
    assert.deepEqual([values, at.rig.bt.counters().malformed - before.malformed], [[], 2]);
  });

  it("confirms an indication that is too short to name a value", () => {
    const at = subscribed();
    at.server.send("1d03");
    at.rig.run(300);
    assert.deepEqual(at.server.take(), ["1e"]);
  });

  it("takes a Multiple Handle Value Notification apart, as far as it goes", () => {
    const at = subscribed();
    const values: string[] = [];
    const notes = new Notes();
    at.connection.subscribe("2a19", (value) => void values.push("a" + hex(value)), notes.as("a"));
    at.connection.subscribe("2a1c", (value) => void values.push("b" + hex(value)), notes.as("b"));
    at.rig.run(500);
    at.server.take();
    at.server.send("23" + "03000100" + "01" + "06000200" + "0203" + "09000100" + "ff" + "03000000");
    at.rig.run(300);
    assert.deepEqual(values.splice(0), ["a01", "b0203", "a"]);
    // Longer than what there is; a header alone; half of one; nothing.
    for (const pdu of ["23" + "03000100" + "02" + "06000500" + "0304", "23" + "03000100", "23" + "0300", "23", "23" + "0300ffff"]) at.server.send(pdu);
    at.rig.run(300);
    assert.deepEqual(values, ["a02"]);
    assert.deepEqual(at.server.take(), []);
  });

  it("delivers nothing more of a Multiple Handle Value Notification once the application has closed", () => {
    const at = subscribed();
    let values = 0;
    at.connection.subscribe("2a19", () => {
      values++;
      at.connection.close();
    });
    at.rig.run(300);
    at.server.send("23" + "03000100" + "01" + "03000100" + "02");
    at.rig.run(500);
    assert.equal(values, 1);
  });

  it("goes on after a callback that throws, and reports it", () => {
    const at = subscribed();
    at.connection.subscribe("2a1c", () => {
      throw new Error("mine");
    });
    at.rig.run(300);
    at.server.take();
    at.server.send("1d060001");
    at.rig.run(300);
    assert.deepEqual(at.server.take(), ["1e"]);
    assert.deepEqual(at.rig.errors.map(({ message }) => message), ["mine"]);
  });

  it("knows the subscriptions of one connection only", () => {
    const at = subscribed();
    const values: string[] = [];
    end(at, (c, notes) => c.subscribe("2a19", (value) => void values.push(hex(value)), notes.as("subscribe")));
    at.connection.close();
    at.rig.run(500);
    at.server.advertise();
    let other: AskingConnection | undefined;
    at.rig.bt.connect(at.server.address, 0, (_, made) => void (other = made));
    at.rig.run(1000);
    assert.ok(other);
    at.server.send("1b030001");
    at.rig.run(300);
    assert.deepEqual(values, []);
    rejects(() => other!.read("2a19", () => {}), "read", "characteristic");
  });

  it("forgets what was discovered when the peer says that its services have changed", () => {
    const at = subscribed();
    const told: string[] = [];
    end(at, (c, notes) => c.subscribe("2a05", (value) => void told.push(hex(value)), notes.as("subscribe")));
    at.server.take();
    at.server.send("1d0c000100ffff");
    at.rig.run(300);
    assert.deepEqual(told, ["0100ffff"]);
    assert.deepEqual(at.server.take(), ["1e"]);
    rejects(() => at.connection.read("2a19", () => {}), "read", "characteristic");
    // Handles are the application's own affair.
    assert.deepEqual(end(at, (c, notes) => c.read(3, notes.as("read"))), ["read 32"]);
  });

  it("does not forget it for what is no Service Changed", () => {
    const configured = [{ uuid: "2902", value: "0000" }];
    const model = new Model(attributes([{ uuid: "180f", chars: [{ uuid: "2a19", flags: 0x12, value: "32", descriptors: configured }] }]), { mtu: 23 });
    const at = asked(model.respond);
    assert.deepEqual(end(at, (c, notes) => c.discover((error) => notes.as("discover")(error))), ["discover ok"]);
    // This peer has no such characteristic; handle 0 is none.
    at.server.send("1b000000", "1d0000", "1b030001");
    at.rig.run(300);
    assert.deepEqual(end(at, (c, notes) => c.read("2a19", notes.as("read"))), ["read 32"]);
  });
});

describe("indications where there is no room for the confirmation", () => {
  /** All that waits to be sent is full, and the controller takes nothing. */
  function crowded(): Asked & { model: Model } {
    const at = subscribed();
    silence(at);
    // Three bytes make the smallest frames: not even a confirmation fits behind them.
    while (at.connection.send(3, unhex(pattern(20))));
    while (at.connection.send(3, ""));
    return at;
  }

  it("confirms as soon as there is room", () => {
    const at = crowded();
    inject(at, 4, "1d060001");
    at.rig.run(100);
    silence(at, false);
    at.rig.run(3000);
    assert.equal(at.server.heard.filter((pdu) => pdu === "1e").length, 1);
  });

  it("confirms as soon as there is room also where the control box is full, without another word of the peer", () => {
    const at = crowded();
    // An answer to signalling waits in the control box.
    inject(at, 5, "ff01000000".slice(0, 8));
    inject(at, 5, "fe02000000".slice(0, 8));
    inject(at, 4, "1d060001");
    at.rig.run(100);
    silence(at, false);
    at.rig.run(3000);
    assert.ok(at.server.signals.length >= 1, "the control box was in use");
    assert.equal(at.server.heard.filter((pdu) => pdu === "1e").length, 1);
  });

  it("survives a peer that indicates without waiting", () => {
    const at = subscribed();
    silence(at);
    for (let i = 0; i < 2000; i++) {
      inject(at, 4, "1d060001");
      if (i % 50 === 0) at.rig.run(5);
    }
    at.rig.run(300);
    silence(at, false);
    at.rig.run(3000);
    assert.deepEqual(at.closed, []);
    assert.deepEqual(at.rig.errors, []);
    assert.deepEqual(end(at, (c, notes) => c.read(3, notes.as("read"))), ["read 32"]);
  });
});

describe("operations in a row", () => {
  it("are done one after the other, in their order", () => {
    const at = subscribed();
    const notes = new Notes();
    let heard = 0;
    at.server.respond = (pdu) => {
      assert.equal(++heard, notes.list.length + 1, "nothing is asked before the last answer is there");
      return at.model.respond(pdu);
    };
    at.connection.read("2a19", notes.as("1"));
    at.connection.write("2a19", "a", notes.as("2"));
    at.connection.read("2a19", notes.as("3"));
    at.connection.subscribe("2a19", () => {}, notes.as("4"));
    at.connection.read(99, notes.as("5"));
    at.connection.read("2a00", notes.as("6"));
    at.rig.run(2000);
    assert.deepEqual(notes.list, ["1 32", "2 ok", "3 61", "4 ok", "5 att 1", "6 "]);
    assert.deepEqual(at.server.take(), ["0a0300", "12030061", "0a0300", "1204000100", "0a6300", "0a0900"]);
  });

  it("may be asked for from inside a callback, behind those that wait", () => {
    const at = subscribed();
    const notes = new Notes();
    at.connection.read(3, (error, value) => {
      notes.as("1")(error, value);
      at.connection.read(3, notes.as("3"));
      at.connection.write(3, "b", () => at.connection.read(3, notes.as("4")));
    });
    at.connection.read(3, notes.as("2"));
    at.rig.run(2000);
    assert.deepEqual(notes.list, ["1 32", "2 32", "3 32", "4 62"]);
  });

  it("go on after a callback that throws", () => {
    const at = subscribed();
    const notes = new Notes();
    at.connection.read(3, () => {
      throw new Error("mine");
    });
    at.connection.read(3, notes.as("2"));
    at.rig.run(1000);
    assert.deepEqual(notes.list, ["2 32"]);
    assert.deepEqual(at.rig.errors.map(({ message }) => message), ["mine"]);
  });

  it("end with the connection that a callback closes: each once, and no request goes out any more", () => {
    const at = subscribed();
    const notes = new Notes();
    at.connection.read(3, () => at.connection.close());
    for (let i = 0; i < 3; i++) at.connection.read(3, notes.as(`${i}`));
    at.connection.write(3, "x");
    at.rig.run(2000);
    assert.deepEqual(notes.list, ["0 disconnected 0", "1 disconnected 0", "2 disconnected 0"]);
    assert.deepEqual(at.closed, [], "our own close");
    assert.deepEqual(at.server.take(), ["0a0300"]);
    assert.deepEqual(at.server.ends, [0x13]);
  });

  it("end without a word with an instance that a callback closes", () => {
    const at = subscribed();
    const notes = new Notes();
    at.connection.read(3, () => at.rig.bt.close());
    for (let i = 0; i < 3; i++) at.connection.read(3, notes.as(`${i}`));
    at.rig.run(3000);
    assert.deepEqual(notes.list, []);
    at.rig.gone();
  });

  it("asked for on a connection that has ended hear so, later and once", () => {
    const at = subscribed();
    at.server.disconnect();
    at.rig.run(500);
    const notes = new Notes();
    at.connection.read(3, notes.as("read"));
    at.connection.write(3, "x", notes.as("write"));
    at.connection.write(3, "x");
    at.connection.subscribe("2a19", null, notes.as("subscribe"));
    at.connection.discover(notes.as("discover"));
    assert.deepEqual(notes.list, [], "not before the call has returned");
    at.rig.run(100);
    assert.deepEqual(notes.list, ["read disconnected 0", "write disconnected 0", "subscribe disconnected 0", "discover disconnected 0"]);
    // Also from inside of what they hear.
    at.connection.read(3, () => at.connection.read(3, notes.as("again")));
    at.rig.run(100);
    assert.equal(notes.list.at(-1), "again disconnected 0");
  });

  it("that wait are ended, each once, where the peer leaves, where it falls silent, where the chip restarts", () => {
    const ways: [string, (at: Asked) => void, number, number[]][] = [
      ["leaves", (at) => void at.server.disconnect(0x15), 1000, [0x15]],
      ["vanishes", (at) => at.server.vanish(), 6000, [0x08]],
      ["chip", (at) => at.rig.board.chip.hardwareError(5), 6000, [0x08]],
    ];
    for (const [what, happen, ms, reasons] of ways) {
      const at = subscribed((pdu, good) => (pdu === "0a0300" ? null : good(pdu)));
      const notes = new Notes();
      at.connection.read(3, notes.as("read"));
      at.connection.write(3, unhex(pattern(100)), notes.as("write"));
      at.connection.subscribe("2a19", () => {}, notes.as("subscribe"));
      at.connection.discover(notes.as("discover"));
      at.rig.run(200);
      happen(at);
      at.rig.run(ms);
      assert.deepEqual(notes.list, ["read disconnected 0", "write disconnected 0", "subscribe disconnected 0", "discover disconnected 0"], what);
      assert.deepEqual(at.closed, reasons, what);
      at.rig.run(40_000);
      assert.equal(notes.list.length, 4, what);
    }
  });
});

describe("a peer that does not answer", () => {
  it("has 30 s: then all that waits hears timeout, once, and the connection ends", () => {
    const at = subscribed((pdu, good) => (pdu === "0a0300" ? null : good(pdu)));
    const notes = new Notes();
    at.connection.read(3, notes.as("1"));
    at.connection.read(6, notes.as("2"));
    at.connection.discover(notes.as("3"));
    at.rig.run(29_900);
    assert.deepEqual(notes.list, []);
    at.rig.run(200);
    assert.deepEqual(notes.list, ["1 timeout 0", "2 timeout 0", "3 timeout 0"]);
    at.rig.run(1000);
    assert.deepEqual(at.closed, [0x16]);
    assert.deepEqual(at.server.take(), ["0a0300"], "nothing has been asked behind it");
    at.connection.read(3, notes.as("4"));
    at.rig.run(40_000);
    assert.equal(notes.list[3], "4 disconnected 0");
    assert.equal(notes.list.length, 4);
  });

  it("has 30 s for each request, not for the whole", () => {
    let last = 0;
    const model = new Model(attributes([{ uuid: "180f", chars: [{ uuid: "2a19", value: pattern(60) }] }]));
    const at: Asked = asked((pdu) => {
      at.rig.clock.after(25_000, () => at.server.send(model.respond(pdu)!));
      last = at.rig.now;
      return null;
    });
    assert.deepEqual(end(at, (c, notes) => c.read(3, notes.as("read")), 200_000), [`read ${pattern(60)}`]);
    assert.ok(last > 50_000);
  });

  it("may be late where nothing waits any more", () => {
    const at = subscribed((pdu, good) => (pdu === "0a0300" ? null : good(pdu)));
    const notes = new Notes();
    at.connection.read(3, notes.as("1"));
    at.rig.run(30_050);
    at.server.send("0b41");
    at.rig.run(2000);
    assert.deepEqual(notes.list, ["1 timeout 0"]);
    assert.deepEqual(at.rig.errors, []);
  });

  it("is not held against other traffic: its notifications do not prolong the limit", () => {
    const at = subscribed((pdu, good) => (pdu === "0a0300" ? null : good(pdu)));
    const notes = new Notes();
    at.connection.read(3, notes.as("1"));
    for (let i = 0; i < 31; i++) at.rig.clock.after(i * 1000, () => void at.server.send("1b060000"));
    at.rig.run(31_500);
    assert.deepEqual(notes.list, ["1 timeout 0"]);
  });

  it("has its limit also after the board has failed and come back", () => {
    const at = subscribed();
    // While a request is under way the line fails: the supervisor rests, and brings all back.
    at.server.respond = () => null;
    const notes = new Notes();
    at.connection.read(3, notes.as("1"));
    at.rig.run(200);
    let fail = true;
    const write = at.rig.hal.uart.write;
    (at.rig.hal.uart as any).write = (...given: [Uint8Array, number, number]) => {
      if (fail) throw new Error("line");
      write(...given);
    };
    at.connection.rssi(() => {});
    at.rig.run(100);
    fail = false;
    at.rig.run(5000);
    assert.deepEqual(notes.take(), ["1 disconnected 0"]);
    assert.equal(at.rig.recovered.length, 1, "it has come back");
    // The peer may have been left alone.
    at.rig.run(10_000);
    if (at.server.handle >= 0) at.rig.run(10_000);
    at.server.advertise();
    let other: AskingConnection | undefined;
    at.rig.bt.connect(at.server.address, 0, (_, made) => void (other = made), 10_000);
    at.rig.clock.until(() => other !== undefined, 11_000);
    assert.ok(other, "connected again");
    other.read(3, notes.as("2"));
    at.rig.run(31_000);
    assert.deepEqual(notes.list, ["2 timeout 0"]);
  });
});

describe("answers before the request has left", () => {
  it("harm nothing: what is sent next is what was asked next", () => {
    const at = subscribed();
    silence(at);
    const notes = new Notes();
    // The controller is full, so that the request waits in its box.
    for (let i = 0; i < 6; i++) assert.equal(at.connection.send(3, [i]), true);
    at.connection.read(3, notes.as("read"));
    at.connection.write(3, "hello", notes.as("write"));
    inject(at, 4, "0b41");
    at.rig.run(50);
    inject(at, 4, "0b41");
    at.rig.run(50);
    silence(at, false);
    at.rig.run(3000);
    const heard = at.server.take();
    assert.deepEqual(heard.sort(), ["0a0300", "12030068656c6c6f", ...[0, 1, 2, 3, 4, 5].map((i) => `520300${hex([i])}`)]);
    assert.deepEqual(notes.list.map((note) => note.split(" ")[0]), ["read", "write"]);
    assert.deepEqual(at.server.signals, []);
    assert.deepEqual(at.server.others, []);
  });

  it("harm nothing in the middle of a long request either", () => {
    const at = subscribed((pdu, good) => (pdu.startsWith("12") ? null : good(pdu)));
    assert.equal(at.connection.mtu(), 517);
    silence(at);
    const notes = new Notes();
    const [first, second] = [pattern(500), "ee".repeat(300)];
    at.connection.write(3, unhex(first), notes.as("1"));
    at.connection.write(3, unhex(second), notes.as("2"));
    // Two fragments of the first are in the controller; its answer is there all the same.
    inject(at, 4, "13");
    at.rig.run(50);
    // An answer of ours waits, too: a request of the peer.
    inject(at, 4, "0a0300");
    at.rig.run(50);
    silence(at, false);
    at.rig.run(3000);
    const heard = at.server.take();
    // What our own server has at handle 3 does not matter here.
    const answers = heard.filter((pdu) => /^01|^0b/.test(pdu));
    assert.equal(answers.length, 1);
    const requests = heard.filter((pdu) => !answers.includes(pdu));
    assert.ok(requests[0] === "120300" + first, "the first in one piece");
    // The early answer counts for nothing, and the right one never comes: the second has to wait. Or it did count: then the second is there.
    assert.ok(requests.length === 1 || (requests.length === 2 && requests[1] === "120300" + second), `${requests.length} requests`);
    at.rig.run(40_000);
    assert.equal(notes.list.length, 2, "both have heard of their end");
    if (requests.length === 1) assert.deepEqual(notes.list, ["1 timeout 0", "2 timeout 0"]);
    assert.deepEqual(at.server.others, []);
    assert.deepEqual(at.rig.errors, []);
  });

  it("and doubled ones are taken for none or for the next, and never lose a callback", () => {
    const at = subscribed((pdu, good) => {
      const answer = good(pdu);
      return typeof answer === "string" ? [answer, answer, answer] : answer;
    });
    const notes = new Notes();
    for (let i = 0; i < 10; i++) at.connection.read(3, notes.as(`r${i}`));
    at.connection.write(3, "x", notes.as("w"));
    at.rig.run(5000);
    assert.equal(notes.list.length, 11);
    assert.equal(new Set(notes.list.map((note) => note.split(" ")[0])).size, 11);
    assert.deepEqual(at.closed, []);
  });
});
