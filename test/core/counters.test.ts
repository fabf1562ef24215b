import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Counters } from "../../core/counters.js";
import { CID, linked, type Linked } from "../support/links.js";
import { hex, OP, plainRig, unhex, type Rig } from "../support/rig.js";
import { meet, Safe, Stranger } from "../support/security.js";

type Change = { [counter: string]: number };

/** What has changed since: each counter that has, and by how much. Packets that pass are left out. */
function since(rig: Rig<any>, before: Counters): Change {
  const after: any = rig.bt.counters();
  const changed = Object.keys(after).filter((name) => name !== "received" && name !== "sent" && after[name] !== (before as any)[name]);
  return Object.fromEntries(changed.map((name) => [name, after[name] - (before as any)[name]]));
}

/** A cause: the counter that it is for, what happens, and what is to be counted. */
type Cause = [what: string, expected: Change, happen: (rig: Rig<any>) => void];

/** An advertising report without data, its address a number. */
function report(type: number, number: number): string {
  return `043e0c02010${type}00${number.toString(16).padStart(12, "0")}00c4`;
}

/** Causes on a controller that is up and has nothing else to do. */
const CAUSES: Cause[] = [
  ["an event too short for what it is", { malformed: 1 }, (rig) => rig.receive(unhex("04050100"))],
  ["an LE Meta event without a subevent", { malformed: 1 }, (rig) => rig.receive(unhex("043e00"))],
  ["a Command Complete without an opcode", { malformed: 1 }, (rig) => rig.receive(unhex("040e0101"))],
  ["Number Of Completed Packets with a wrong length", { malformed: 1 }, (rig) => rig.receive(unhex("04130201ff"))],
  [
    "a report that is longer than its event",
    { malformed: 1 },
    (rig) => {
      rig.bt.startscan(() => {});
      rig.run(50);
      rig.receive(unhex("043e0c020103001122334455661fc4"));
    },
  ],
  ["an event that nobody knows", { unknown: 1 }, (rig) => rig.receive(unhex("04550100"))],
  ["an LE Meta subevent that nobody knows", { unknown: 1 }, (rig) => rig.receive(unhex("043e017f"))],
  // The host asks to have it ended, in case that its beginning has been lost; the chip knows none.
  ["ACL data of a connection that is none", { unknown: 1 }, (rig) => rig.receive(unhex("02012005000100040004"))],
  ["completed packets of a connection that is none", { unknown: 1 }, (rig) => rig.receive(unhex("041305010100" + "0100"))],
  ["synchronous data", { unknown: 1 }, (rig) => rig.receive(unhex("0301000100"))],
  ["an answer that comes twice", { late: 1 }, (rig) => rig.receive(unhex("040e0401030c00"))],
  ["a Command Status that comes twice", { late: 1 }, (rig) => rig.receive(unhex("040f04000101" + "10"))],
  [
    "a command without an answer, once",
    { timeouts: 1 },
    (rig) => {
      rig.board.chip.hook = (opcode: number, _: unknown, count: number) => (opcode === OP.ADV_DATA && count === 1 ? "drop" : undefined);
      rig.bt.startadvertise("", 100, 100);
    },
  ],
  [
    "an answer after its time",
    { timeouts: 1, late: 1 },
    (rig) => {
      rig.board.chip.hook = (opcode: number, _: unknown, count: number) => (opcode === OP.ADV_DATA && count === 1 ? { delay: 2500 } : undefined);
      rig.bt.startadvertise("", 100, 100);
    },
  ],
  [
    "a command that the chip refuses, once",
    { refused: 1 },
    (rig) => {
      rig.board.chip.hook = (opcode: number, _: unknown, count: number) => (opcode === OP.ADV_PARAMETERS && count === 1 ? { status: 0x11 } : undefined);
      rig.bt.startadvertise("", 100, 100);
    },
  ],
  ["a Hardware Error", { restarts: 1 }, (rig) => rig.board.chip.hardwareError(3)],
  [
    "bytes that begin no packet",
    { dropped: 3, resyncs: 1 },
    (rig) => rig.receive(unhex("555555")),
  ],
  [
    "more bytes than the ring holds, while the application looks at a packet",
    { late: 1, overruns: 5000 - (4096 - 7), resyncs: 1 },
    (rig) => {
      rig.bt.trace(() => {
        rig.bt.trace(null);
        rig.receive(new Uint8Array(5000));
      });
      rig.receive(unhex("040e0401030c00"));
    },
  ],
  [
    "an exception of a sink",
    { exceptions: 1, late: 1 },
    (rig) => {
      rig.bt.trace(() => {
        rig.bt.trace(null);
        throw new Error("mine");
      });
      rig.receive(unhex("040e0401030c00"));
    },
  ],
  [
    "adverts that come faster than the application takes them",
    { adverts: 100 - 16 },
    (rig) => {
      rig.bt.setscanfilter([{ type: 0, collect: 0.1 }, {}]);
      let once = true;
      // Called by a timer, it lets the line go on.
      rig.bt.startscan(() => {
        for (let i = 0; once && i < 100; i++) rig.receive(unhex(report(3, i)));
        once = false;
      });
      rig.run(50);
      rig.receive(unhex(report(0, 0)));
    },
  ],
];

/** Causes of one connection at level 1; handle 3 is a value of three bytes that can be notified. */
const OF_CONNECTIONS: [what: string, expected: Change, happen: (at: Linked) => void][] = [
  ["ACL data of another connection, which is none", { unknown: 1, refused: 1 }, ({ rig }) => rig.receive(unhex("02012005000100040004"))],
  ["a frame for a channel that is none", { ignored: 1 }, ({ peer }) => peer.send(0x3f, "00")],
  ["an unknown command of ATT", { ignored: 1 }, ({ peer }) => peer.send(CID.ATT, "7f")],
  ["a confirmation of nothing", { ignored: 1 }, ({ peer }) => peer.send(CID.ATT, "1e")],
  ["an answer to no question", { ignored: 1 }, ({ peer }) => peer.send(CID.ATT, "0b00")],
  ["an answer of signalling to no question", { ignored: 1 }, ({ peer }) => peer.send(CID.SIGNALLING, "1301020000" + "00")],
  ["an empty ATT frame", { malformed: 1 }, ({ peer }) => peer.send(CID.ATT, "")],
  ["a request that is too short", { malformed: 1 }, ({ peer }) => peer.send(CID.ATT, "0a01")],
  ["a frame of the Security Manager with a wrong length", { malformed: 1 }, ({ peer }) => peer.send(CID.SMP, "0b")],
  ["the rest of a frame that nobody has begun", { malformed: 1 }, ({ rig }) => rig.receive(unhex("024010" + "0100" + "00"))],
  [
    "a value longer than the connection carries",
    { cut: 1 },
    ({ rig, peer }) => {
      const handle = rig.bt.handle(0xaa00, 0xaa01);
      assert.match(peer.att(`12${hex([(handle + 1) & 255, (handle + 1) >> 8])}0100`), /^13/);
      rig.bt.notify(0xaa01, new Uint8Array(21));
    },
  ],
  [
    "an exception in a handler",
    { exceptions: 1 },
    ({ rig, peer }) => {
      const handle = rig.bt.handle(0xaa00, 0xaa02);
      assert.match(peer.att(`0a${hex([handle & 255, handle >> 8])}`), /^010a....0e$/);
    },
  ],
];

const SERVICES = [
  {
    uuid: 0xaa00,
    chars: [
      { uuid: 0xaa01, flags: 0x12, value: "abc" },
      {
        uuid: 0xaa02,
        read: () => {
          throw new Error("mine");
        },
      },
    ],
  },
];

describe("counters", () => {
  for (const [what, expected, happen] of CAUSES) {
    it(`${what}: ${Object.keys(expected).join(", ")}, and nothing else`, () => {
      const made = plainRig().up();
      made.run(100);
      const before = made.bt.counters();
      happen(made);
      made.run(5000);
      assert.deepEqual(since(made, before), expected);
    });
  }

  for (const [what, expected, happen] of OF_CONNECTIONS) {
    it(`${what}: ${Object.keys(expected).join(", ")}, and nothing else`, () => {
      const at = linked(SERVICES);
      at.rig.run(1000);
      const before = at.rig.bt.counters();
      happen(at);
      at.rig.run(1000);
      assert.deepEqual(since(at.rig, before), expected);
    });
  }

  it("pairings that failed: a wrong code, a link that is lost in the midst, a peer that falls silent; not those that succeed", () => {
    const safe = new Safe({ level: 3 });
    const pairings = (): number => safe.bt.counters().pairings;
    assert.ok(meet(safe, safe.phone({ sc: false })).paired > 0);
    assert.equal(pairings(), 0);
    safe.rig.bt.close();
    safe.run(2000);
    safe.rig.open();
    safe.declare(3);
    safe.rig.up();
    const wrong = safe.phone({ sc: false, passkey: 1 });
    assert.ok(meet(safe, wrong).error);
    assert.equal(pairings(), 1);
    if (wrong.connected) wrong.disconnect();
    safe.run(1000);
    const slow = safe.phone({ sc: false, userdelay: 5000 });
    slow.connect();
    safe.until(() => safe.states.at(-1) === "passkey", 2000);
    slow.disconnect();
    safe.run(1000);
    assert.equal(pairings(), 2);
    const stranger = new Stranger(safe).connect();
    assert.match(stranger.next(CID.SMP), /^0b/, "a Security Request");
    assert.match(stranger.smp("01" + "040005100000"), /^02/);
    safe.run(29_000);
    assert.equal(pairings(), 2);
    safe.run(2000);
    assert.equal(pairings(), 3);
    const { exceptions, malformed, timeouts } = safe.bt.counters();
    assert.deepEqual({ exceptions, malformed, timeouts }, { exceptions: 0, malformed: 0, timeouts: 0 });
  });

  it("counts the packets that pass, in each direction", () => {
    const made = plainRig().up();
    const packets = { sent: 0, received: 0 };
    const before = made.bt.counters();
    made.bt.trace((sent) => void packets[sent ? "sent" : "received"]++);
    made.bt.startadvertise("abc", 100, 100);
    made.run(1000);
    assert.ok(packets.sent >= 4);
    const { sent, received } = made.bt.counters();
    assert.deepEqual(packets, { sent: sent - before.sent, received: received - before.received });
  });

  it("has each of them told apart by a case above, and described", () => {
    const names = Object.keys(plainRig().bt.counters());
    const causes = new Set([...CAUSES, ...OF_CONNECTIONS].flatMap(([, expected]) => Object.keys(expected)));
    assert.deepEqual(names.filter((name) => !causes.has(name)), ["received", "sent", "pairings"]);
    const source = readFileSync("core/counters.ts", "utf8");
    assert.deepEqual([...source.matchAll(/^ {2}(\w+): number;/gm)].map(([, name]) => name), names, "the names stand in the order of their places");
  });
});
