import assert from "node:assert/strict";
import { CID } from "../support/links.js";
import { meet, Memory, Safe, SEC, Stranger } from "../support/security.js";

/** Pairings that are broken off: what the device serves, how the phone pairs, the level. */
const KINDS: [string, any, any, any][] = [
  ["Secure Connections, passkey", { level: 4 }, {}, 4],
  ["Secure Connections, passkey, with keys and a bond", { level: 4, options: { store: true } }, { keysDistribution: { initiator: 7, responder: 7 } }, 4],
  ["Secure Connections, numbers compared", { level: 4, options: { compare: (_c: unknown, _n: number, reply: (same: boolean) => void) => reply(true) } }, { io: "DisplayYesNo" }, 4],
  ["legacy, passkey, with keys and a bond", { level: 3, options: { store: true } }, { sc: false, keysDistribution: { initiator: 7, responder: 7 } }, 3],
  ["Secure Connections, LE Rand", { level: 4, board: { random: false }, code: null }, {}, 4],
];

function made([, setup, pairing]: (typeof KINDS)[number]): { safe: Safe; phone: ReturnType<Safe["phone"]> } {
  const options = { ...setup.options };
  if (options.store) options.store = new Memory();
  const safe = new Safe({ ...setup, options });
  safe.run(500);
  return { safe, phone: safe.phone({ ...pairing, passkey: () => safe.bt.getsecuritycode() }) };
}

/** How many things come in over the UART from the connection to the end of the pairing. */
function steps(kind: (typeof KINDS)[number]): number {
  const { safe, phone } = made(kind);
  const from = safe.rig.journal.length;
  assert.equal(meet(safe, phone).paired, kind[3]);
  return safe.rig.journal.slice(from).filter(({ what }) => what === "in").length;
}

/** Runs until `count` pieces have come in since the connection was begun. */
function runto(safe: Safe, phone: ReturnType<Safe["phone"]>, count: number): void {
  const from = safe.rig.journal.length;
  let seen = 0;
  let at = from;
  phone.start.connect({});
  safe.until(() => {
    for (; at < safe.rig.journal.length; at++) if (safe.rig.journal[at].what === "in") seen++;
    return seen >= count;
  }, 20_000);
}

describe("a pairing is broken off, whatever the step", () => {
  for (const kind of KINDS) {
    it(`by the phone that is gone: ${kind[0]}`, () => {
      const count = steps(kind);
      assert.ok(count > 10);
      // Each of the first steps, then some.
      for (let step = 1; step <= count; step += step < 30 ? 1 : 17) {
        const { safe, phone } = made(kind);
        const timers = safe.rig.board.timers;
        runto(safe, phone, step);
        if (phone.connected) phone.vanish();
        else phone.central.vanish();
        safe.run(4000);
        assert.ok(safe.rig.board.timers <= timers + 1, `step ${step}: ${safe.rig.board.timers} timers, ${timers} before`);
        safe.unharmed();
        const other = safe.phone({ ...kind[2], passkey: () => safe.bt.getsecuritycode() });
        assert.equal(meet(safe, other).paired, kind[3], `step ${step}: the next pairing`);
        safe.unharmed();
      }
    }).timeout(120_000);

    it(`by close(): ${kind[0]}`, () => {
      const count = steps(kind);
      for (let step = 1; step <= count; step += step < 20 ? 1 : 23) {
        const { safe, phone } = made(kind);
        runto(safe, phone, step);
        safe.bt.close();
        const states = safe.states.length;
        safe.run(3000);
        assert.equal(safe.states.length, states, "nobody is told anything more");
        assert.equal(safe.rig.board.timers, 0, `step ${step}`);
        safe.rig.gone(5000);
      }
    }).timeout(120_000);

    it(`by a chip that restarts: ${kind[0]}`, () => {
      const count = steps(kind);
      for (let step = 1; step <= count; step += step < 8 ? 1 : 41) {
        const { safe, phone } = made(kind);
        runto(safe, phone, step);
        safe.rig.board.chip.hardwareError(1);
        safe.rig.board.chip.restart?.();
        safe.run(8000);
        if (phone.connected) phone.vanish();
        safe.run(5000);
        assert.equal(safe.bt.counters().exceptions, 0);
        const other = safe.phone({ ...kind[2], passkey: () => safe.bt.getsecuritycode() });
        assert.equal(meet(safe, other).paired, kind[3], `step ${step}: the next pairing`);
      }
    }).timeout(120_000);
  }

  it("while a multiplication of many slices is under way", () => {
    const slow = (rig: any): void => {
      const real = rig.hal.timer;
      rig.hal.timer = { now: () => real.now(), set: (ms: number, callback: () => void) => real.set(Math.max(ms, 2), callback), clear: (handle: unknown) => real.clear(handle) };
    };
    for (let wait = 0; wait < 4000; wait += 170) {
      const safe = new Safe({ options: { slice: 5 }, before: slow });
      safe.run(wait);
      const phone = safe.phone();
      phone.connect();
      safe.run(wait);
      phone.vanish();
      safe.run(10_000);
      assert.equal(meet(safe, safe.phone(), 29_000).paired, 4, `after ${wait} ms`);
      safe.unharmed();
    }
  }).timeout(60_000);

  it("two phones at once, with a multiplication of many slices, both pair", () => {
    const slow = (rig: any): void => {
      const real = rig.hal.timer;
      rig.hal.timer = { now: () => real.now(), set: (ms: number, callback: () => void) => real.set(Math.max(ms, 2), callback), clear: (handle: unknown) => real.clear(handle) };
    };
    for (const level of [4, 1] as const) {
      for (const wait of [0, 300, 900, 1500]) {
        const safe = new Safe({ level, links: 2, options: { slice: 5 }, before: slow });
        const [one, two] = [safe.phone({ io: level === 1 ? "NoInputNoOutput" : "KeyboardDisplay" }), safe.phone({ io: level === 1 ? "NoInputNoOutput" : "KeyboardDisplay" })];
        const levels: number[] = [];
        for (const phone of [one, two]) phone.onpaired = ({ level: reached }) => void levels.push(reached);
        one.connect();
        if (level === 1) one.start.pair();
        safe.run(wait);
        two.connect();
        if (level === 1) two.start.pair();
        safe.run(29_000);
        assert.equal(levels.length, 2, `level ${level}, ${wait} ms apart: ${levels}`);
        safe.unharmed();
      }
    }
  }).timeout(60_000);

  it("by the stranger, again and again, leaves no heap of blocks to be encrypted", () => {
    for (const [level, pdus] of [[3, ["0104000510" + "0000", "03" + "11".repeat(16)]], [1, ["0103000510" + "0000", "03" + "11".repeat(16), "04" + "22".repeat(16)]]] as const) {
      const safe = new Safe({ level });
      safe.rig.board.chip.hook = (opcode: number) => (opcode === SEC.ENCRYPT ? { delay: 100 } : undefined);
      const stranger = new Stranger(safe).connect();
      // 20 s of it: much more than a chip does that takes 100 ms for a block.
      for (let i = 0; i < 1200; i++) {
        for (const pdu of pdus) stranger.send(CID.SMP, pdu);
        stranger.send(CID.SMP, "0508");
        safe.run(15);
      }
      const asked = (): number => safe.rig.board.chip.log.filter(({ opcode }: any) => opcode === SEC.ENCRYPT).length;
      safe.run(1000);
      const before = asked();
      assert.ok(before > 20, `${before} blocks while it lasted`);
      safe.run(10_000);
      assert.ok(asked() - before <= 10, `level ${level}: ${asked() - before} blocks were left`);
      safe.unharmed();
    }
  });
});
