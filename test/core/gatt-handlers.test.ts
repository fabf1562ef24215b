import assert from "node:assert/strict";
import type { Connection } from "../../core/connection.js";
import type { Service } from "../../core/gatt/database.js";
import { linked, type Linked } from "../support/links.js";
import { brief, hex } from "../support/rig.js";

// What the application's handlers do wrong costs one answer and never the link; and they may call anything. decisions.md 6, design.md 3.

const le = (value: number): string => hex([value & 255, value >> 8]);
const text = (value: string): string => hex(Array.from(value, (c) => c.charCodeAt(0)));
const error = (opcode: number, handle: number, code: number): string => hex([1, opcode, handle & 255, handle >> 8, code]);
const bytes = (length: number, seed = 7): Uint8Array => Uint8Array.from({ length }, (_, i) => i * seed + 1);

/** Every request that calls a read handler; `h`: its handle in hex. */
const READS: [string, (h: string) => string][] = [
  ["Read", (h) => "0a" + h],
  ["Read Blob", (h) => "0c" + h + "0000"],
  ["Read Blob at an offset", (h) => "0c" + h + "0100"],
  ["Read By Type", (h) => "08" + h + h + "01ff"],
  ["Read Multiple", (h) => "0e" + h + h],
  ["Read Multiple Variable", (h) => "20" + h + h],
];

interface Started extends Linked {
  bt: any;
  at: number;
}

/** A device with one characteristic ff01, and "fixed" as ff02 behind it. */
function start(characteristic: Partial<Service["chars"][0]>): Started {
  const made = linked([
    {
      uuid: 0xff00,
      chars: [
        { uuid: 0xff01, ...characteristic },
        { uuid: 0xff02, value: "fixed", flags: 0x12 },
      ],
    },
  ]);
  return { ...made, bt: made.rig.bt, at: made.rig.bt.handle(0xff00, 0xff01) };
}

/** The link and the server are as before. */
function alive({ peer, bt, rig, connection, closed }: Started): void {
  assert.equal(peer.att("0a" + le(bt.handle(0xff00, 0xff02))), "0b" + text("fixed"));
  assert.deepEqual(closed, []);
  assert.equal(connection.address(), "0b5e12e20002");
  assert.equal(bt.counters().restarts, 0);
  assert.deepEqual(rig.recovered, []);
  assert.ok(peer.central.connected);
}

describe("gatt: mistakes of read handlers", () => {
  const wrong: [string, () => any][] = [
    ["undefined", () => undefined],
    ["null", () => null],
    ["0", () => 0],
    ["-1", () => -1],
    ["256", () => 256],
    ["0x1000", () => 0x1000],
    ["1.5", () => 1.5],
    ["NaN", () => NaN],
    ["Infinity", () => Infinity],
    ["true", () => true],
    ["an object", () => ({})],
    ["an object with a length", () => ({ length: 2, 0: 1, 1: 2 })],
    ["a function", () => () => "x"],
    ["an ArrayBuffer", () => new ArrayBuffer(4)],
    ["a Uint16Array", () => new Uint16Array(4)],
    ["a DataView", () => new DataView(new ArrayBuffer(4))],
    ["a Date", () => new Date()],
    ["a symbol", () => Symbol("x")],
    ["a bigint", () => 5n],
    ["an Error", () => new Error("x")],
    ["a promise", () => Promise.resolve("x")],
    ["a thenable", () => ({ then: () => undefined })],
    ["a string with a character above 255", () => "ab\u0100"],
    ["a string with one in its first place", () => "\u20ac"],
    ["an array with 256", () => [1, 256]],
    ["an array with -1", () => [-1, 1]],
    ["an array with 1.5", () => [1.5, 2]],
    ["an array with NaN", () => [NaN, 1]],
    ["an array with a string", () => ["1", "2"]],
    ["an array with a hole", () => [, 1]],
    ["an array with null", () => [null, 1]],
    ["an array with an array", () => [[1], 2]],
    ["an array with a bigint", () => [1n, 2]],
    ["an array with a symbol", () => [Symbol("x"), 1]],
    ["an array with what throws when it is made a number", () => [{ valueOf: () => { throw new Error("valueOf"); } }, 1]],
    ["what throws when it is asked whether it is a promise", () => ({ get then(): any { throw new Error("then"); } })],
  ];
  for (const [name, make] of wrong) {
    it(`${name}: 0x0E and onerror`, () => {
      const started = start({ read: make as any });
      const { peer, at, rig } = started;
      for (const [request, digits] of READS) {
        // Behind an offset nothing may be wrong.
        if (request === "Read Blob at an offset" && /^an array|first place/.test(name)) continue;
        const before = rig.errors.length;
        const pdu = digits(le(at));
        assert.equal(peer.att(pdu), error(parseInt(pdu.slice(0, 2), 16), at, 0x0e), request);
        assert.equal(rig.errors.length, before + 1, request);
        const problem = rig.errors.at(-1)!;
        assert.equal(brief(problem), `handler gatt ${at}`);
        if (name.includes("promise") && !name.includes("throws") || name === "a thenable") assert.match(problem.message, /LATER/);
      }
      alive(started);
    });
  }

  it("an exception: 0x0E, onerror gets it, and it is counted", () => {
    for (const thrown of [new Error("broken"), "broken", null, undefined, 5]) {
      const started = start({
        read: () => {
          throw thrown;
        },
      });
      const { peer, at, rig, bt } = started;
      let count = 0;
      for (const [request, digits] of READS) {
        const pdu = digits(le(at));
        assert.equal(peer.att(pdu), error(parseInt(pdu.slice(0, 2), 16), at, 0x0e), request);
        count++;
        assert.equal(bt.counters().exceptions, count);
        assert.equal(rig.errors.length, count);
        assert.equal(rig.errors.at(-1), thrown);
      }
      alive(started);
    }
  });

  it("an exception in onerror itself changes nothing", () => {
    const { rig, peer } = linked([{ uuid: 0xff00, chars: [{ uuid: 0xff01, read: () => ({}) as any }] }], {
      onerror: () => {
        throw new Error("twice");
      },
    });
    const at = rig.bt.handle(0xff00, 0xff01);
    assert.equal(peer.att("0a" + le(at)), error(0x0a, at, 0x0e));
    assert.equal(peer.att("0a" + le(at)), error(0x0a, at, 0x0e));
  });

  it("a long string whose wrong character comes later than the first answer is refused at once", () => {
    const { peer, at, rig } = start({ read: () => "x".repeat(100) + "\u0100" });
    assert.equal(peer.att("0a" + le(at)), error(0x0a, at, 0x0e));
    assert.equal(rig.errors.length, 1);
  });

  it("more than 512 bytes are cut to 512, once told", () => {
    for (const make of [(): any => bytes(513), (): any => "x".repeat(70_000), (): any => Array.from(bytes(600))]) {
      const started = start({ read: make });
      const { peer, at, rig } = started;
      let all = peer.att("0a" + le(at)).slice(2);
      for (let part = all; part; all += part) part = peer.att("0c" + le(at) + le(all.length / 2)).slice(2);
      assert.equal(all.length, 1024);
      assert.equal(peer.att("0c" + le(at) + le(513)), error(0x0c, at, 0x07));
      assert.equal(rig.errors.length, 1);
      assert.equal(brief(rig.errors[0]), `handler gatt ${at}`);
      assert.match(rig.errors[0].message, /512/);
      alive(started);
    }
  });

  it("forms that are right: arrays, views, buffers, strings, none", () => {
    const buffer = new Uint8Array([0, 1, 2, 3, 4]);
    for (const [value, want] of [
      ["", ""],
      [[], ""],
      [new Uint8Array(0), ""],
      ["\x00\xff", "00ff"],
      [[0, 255], "00ff"],
      [buffer.subarray(1, 4), "010203"],
      [Buffer.from([9, 8]), "0908"],
    ] as [any, string][]) {
      const started = start({ read: () => value });
      assert.equal(started.peer.att("0a" + le(started.at)), "0b" + want);
      assert.deepEqual(started.rig.errors, []);
    }
  });

  it("read wins over value", () => {
    const { peer, at } = start({ value: "value", read: () => "read" });
    assert.equal(peer.att("0a" + le(at)), "0b" + text("read"));
  });

  it("value beside write is fixed: a write does not change it", () => {
    const log: string[] = [];
    const { peer, at } = start({ value: "value", write: (_, value) => void log.push(hex(value)) });
    assert.equal(peer.att("12" + le(at) + "616263"), "13");
    assert.deepEqual(log, ["616263"]);
    assert.equal(peer.att("0a" + le(at)), "0b" + text("value"));
    assert.equal(peer.att("0c" + le(at) + "0100"), "0d" + text("alue"));
  });
});

describe("gatt: mistakes of write handlers", () => {
  const requests: [string, (h: string) => string[]][] = [
    ["Write", (h) => ["12" + h + "01"]],
    ["Execute Write", (h) => ["16" + h + "000001", "1801"]],
  ];
  const wrong: [string, () => any, number][] = [
    ["0x1000", () => 0x1000, 0x80],
    ["-1", () => -1, 0x80],
    ["256", () => 256, 0x80],
    ["a string", () => "x", 0x80],
    ["an object", () => ({}), 0x80],
    ["a symbol", () => Symbol("x"), 0x80],
    ["a bigint", () => 1n, 0x80],
    ["a promise", () => Promise.resolve(0), 0x0e],
    ["a thenable", () => ({ then: () => undefined }), 0x0e],
    ["what throws when it is asked whether it is a promise", () => ({ get then(): any { throw new Error("then"); } }), -1],
    ["an exception", () => { throw new Error("broken"); }, 0x0e],
  ];
  for (const [name, make, code] of wrong) {
    it(`${name}: ${code < 0 ? "some error" : "0x" + code.toString(16)}`, () => {
      const started = start({ write: make, flags: 0x0e });
      const { peer, at, rig } = started;
      for (const [request, digits] of requests) {
        const list = digits(le(at));
        let answer = "";
        for (const pdu of list) answer = peer.att(pdu);
        const opcode = parseInt(list.at(-1)!.slice(0, 2), 16);
        if (code < 0) assert.match(answer, new RegExp(`^01${hex([opcode])}${le(at)}(0e|80)$`), request);
        else assert.equal(answer, error(opcode, at, code), request);
        if (code === 0x0e) assert.equal(rig.errors.length > 0, true);
      }
      // The same as a command: not a word.
      peer.send(4, "52" + le(at) + "01");
      rig.run(300);
      assert.deepEqual(peer.frames, []);
      alive(started);
    });
  }

  it("a result that throws names its own handle, and empties the queue", () => {
    let calls = 0;
    const bad = { get then(): any { throw new Error("then"); } };
    const started = start({ read: () => bad, write: () => (calls++, bad) });
    const { peer, at } = started;
    peer.att("16" + le(at) + "000001");
    assert.match(peer.att("1801"), new RegExp(`^0118${le(at)}(0e|80)$`));
    assert.equal(peer.att("1801"), "19");
    assert.equal(calls, 1);
    assert.equal(peer.att("0e" + le(at + 2) + le(at)), error(0x0e, at, 0x0e));
    assert.equal(peer.att("08" + "0100ffff" + "01ff"), error(0x08, at, 0x0e));
    alive(started);
  });

  it("an exception in subscribe: the subscription stands", () => {
    const started = start({
      flags: 0x10,
      subscribe: () => {
        throw new Error("broken");
      },
    });
    const { peer, at, bt, rig } = started;
    assert.equal(peer.att("12" + le(at + 1) + "0100"), "13");
    assert.equal(bt.counters().exceptions, 1);
    assert.equal(rig.errors.length, 1);
    bt.notify(0xff01, "x");
    assert.equal(peer.next(), "1b" + le(at) + "78");
    alive(started);
  });
});

describe("gatt: handlers that call back into the stack", () => {
  type Act = (started: Started, connection: Connection) => void;
  const other: Service[] = [{ uuid: 0xfe00, chars: [{ uuid: 0xfe01, value: "other" }] }];
  const acts: [string, Act, (started: Started) => void][] = [
    [
      "conn.close()",
      (_, connection) => connection.close(),
      ({ peer, rig, closed, bt }) => {
        rig.run(2000);
        assert.equal(peer.central.connected, false);
        assert.deepEqual(peer.ends, [0x13]);
        assert.deepEqual(closed, [], "onclose does not fire");
        peer.connect();
        assert.equal(peer.att("0a" + le(bt.handle(0xff00, 0xff02))), "0b" + text("fixed"));
      },
    ],
    [
      "bt.close()",
      ({ bt }) => bt.close(),
      ({ peer, rig, closed }) => {
        rig.run(5000);
        assert.equal(peer.central.connected, false);
        assert.deepEqual(closed, []);
        assert.equal(rig.board.uartOpen, false);
        assert.equal(rig.board.timers, 0);
        rig.gone();
      },
    ],
    [
      "bt.servegatt([])",
      ({ bt }) => bt.servegatt([]),
      ({ peer, at }) => {
        assert.equal(peer.att("0a" + le(at)), error(0x0a, at, 0x01));
        assert.equal(peer.att("0a0300"), "0b" + text("blimp"));
      },
    ],
    [
      "bt.servegatt() of another table",
      ({ bt }) => bt.servegatt(other),
      ({ peer, bt }) => assert.equal(peer.att("0a" + le(bt.handle(0xfe00, 0xfe01))), "0b" + text("other")),
    ],
    [
      "bt.notify()",
      ({ bt }) => assert.equal(bt.notify(0xff02, "n"), true),
      (started) => {
        alive(started);
        assert.deepEqual(started.peer.frames, []);
      },
    ],
    ["bt.stopadvertise()", ({ bt }) => bt.stopadvertise(), alive],
    ["bt.onconnect(null)", ({ bt }) => bt.onconnect(null), alive],
    ["conn.rssi()", (_, connection) => connection.rssi(() => {}), alive],
  ];
  const ways: [string, (h: string, c: string) => string[], RegExp][] = [
    ...READS.map(([name, digits]): [string, (h: string) => string[], RegExp] => [name, (h) => [digits(h)], /^(0b7878|0d7878|0d78|09.*7878|0f78787878|2102007878)/]),
    ["Write", (h) => ["12" + h + "01"], /^13$/],
    ["Write Command", (h) => ["52" + h + "01"], /^$/],
    ["Execute Write", (h) => ["16" + h + "000001", "1801"], /^19$/],
    ["a write of the configuration", (_, c) => ["12" + c + "0100"], /^13$/],
    ["Execute Write of the configuration", (_, c) => ["16" + c + "00000100", "1801"], /^19$/],
  ];
  for (const [what, act, check] of acts) {
    for (const [way, digits, right] of ways) {
      it(`${what} from inside ${way}`, () => {
        let calls = 0;
        const once = (connection: Connection): void => {
          if (!calls++) act(started, connection);
        };
        const started: Started = start({
          flags: 0x1e,
          read: (connection) => (once(connection), "xx"),
          write: (connection) => void once(connection),
          subscribe: (connection) => once(connection),
        });
        const { peer, at, rig } = started;
        // For bt.notify there is somebody who listens.
        assert.equal(peer.att("12" + le(at + 4) + "0100"), "13");
        const list = digits(le(at), le(at + 1));
        for (const pdu of list.slice(0, -1)) assert.equal(peer.att(pdu).slice(0, 2), "17");
        peer.send(4, list.at(-1)!);
        rig.run(400);
        assert.ok(calls > 0, "the handler has been called");
        const frames = peer.frames.splice(0).map((frame) => frame.bytes);
        const notified = frames.filter((frame) => frame.startsWith("1b"));
        assert.deepEqual(notified, what === "bt.notify()" ? ["1b" + le(at + 3) + "6e"] : []);
        const answers = frames.filter((frame) => !frame.startsWith("1b"));
        if (way === "Write Command") assert.deepEqual(answers, []);
        else if (what.startsWith("bt.servegatt") && /Multiple/.test(way)) {
          // The second of the handles is not there any more, or is another.
          assert.equal(answers.length, 1);
        } else if (what === "bt.close()") {
          // All is over: an answer may still have gone out.
          assert.ok(answers.length <= 1);
        } else {
          assert.equal(answers.length, 1, `one answer: ${answers}`);
          assert.match(answers[0], right);
        }
        assert.equal(rig.bt.counters().exceptions, 0);
        check(started);
      });
    }
  }

  it("conn.close() in the handler: what comes behind it is not served", () => {
    let calls = 0;
    const started = start({
      flags: 0x0c,
      write: (connection) => {
        calls++;
        connection.close();
      },
    });
    const { peer, at, rig } = started;
    for (let i = 0; i < 5; i++) peer.send(4, "52" + le(at) + "01");
    rig.run(2000);
    assert.equal(calls, 1);
    assert.equal(peer.central.connected, false);
  });

  it("servegatt() in the handler of one value does not spoil an Execute Write of that value alone", () => {
    const log: string[] = [];
    const started: Started = start({
      write: (_, value) => {
        log.push(hex(value));
        started.bt.servegatt(other);
      },
    });
    const { peer, at } = started;
    peer.att("16" + le(at) + "0000aabb");
    peer.att("16" + le(at) + "0200ccdd");
    assert.equal(peer.att("1801"), "19", "it was taken");
    assert.deepEqual(log, ["aabbccdd"]);
  });

  it("servegatt() in the handler of the first of two values: the second is not written into the new table", () => {
    const log: string[] = [];
    let started: Started;
    const services = (name: string): Service[] => [
      {
        uuid: 0xff00,
        chars: [
          { uuid: 0xff01, write: (_, value) => (log.push(name + "1:" + hex(value)), started.bt.servegatt(services("new").concat(other))) },
          { uuid: 0xff02, write: (_, value) => void log.push(name + "2:" + hex(value)) },
        ],
      },
    ];
    const made = linked(services("old"));
    started = { ...made, bt: made.rig.bt, at: made.rig.bt.handle(0xff00, 0xff01) };
    const { peer, at } = started;
    peer.att("16" + le(at) + "0000aa");
    peer.att("16" + le(at + 2) + "0000bb");
    const answer = peer.att("1801");
    assert.match(answer, /^0118/);
    assert.deepEqual(log, ["old1:aa"]);
  });

  it("bt.close() and another open() from inside a handler", () => {
    for (const [name, digits] of [...READS, ["Write", (h: string) => "12" + h + "01"], ["Write Command", (h: string) => "52" + h + "01"]] as [string, (h: string) => string][]) {
      let started: Started;
      let calls = 0;
      const again = (): void => {
        if (calls++) return;
        started.bt.close();
        started.rig.open();
      };
      started = start({ flags: 0x0e, read: () => (again(), "xx"), write: () => void again() });
      const { peer, rig, at } = started;
      peer.send(4, digits(le(at)));
      rig.settle();
      assert.equal(rig.ready.length, 2, name);
      assert.deepEqual(rig.errors, [], name);
      // It is another instance, which serves nothing yet.
      const bt: any = rig.bt;
      bt.setsecurity(1);
      bt.servegatt([{ uuid: 0xff00, chars: [{ uuid: 0xff01, value: "anew" }] }]);
      bt.onconnect(() => {});
      bt.startadvertise("\x02\x01\x06", 20, 20);
      rig.run(3000);
      assert.equal(peer.central.connected, false, name);
      peer.frames.splice(0);
      peer.connect();
      assert.equal(peer.att("0a" + le(bt.handle(0xff00, 0xff01))), "0b" + text("anew"), name);
      assert.equal(bt.counters().exceptions, 0);
    }
  });
});
