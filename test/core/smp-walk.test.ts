import assert from "node:assert/strict";
import { keyPair, reversed } from "../../hal/mock/phonecrypto.js";
import { Random } from "../../hal/mock/index.js";
import { CID } from "../support/links.js";
import { hex } from "../support/rig.js";
import { CODE, meet, Memory, Safe, SEC, Stranger } from "../support/security.js";

const LENGTHS = [1, 7, 7, 17, 17, 2, 17, 11, 17, 8, 17, 2, 65, 17, 2];

/** A walk through the Security Manager, any PDU in any order and length; some make sense, so that it goes deep. */
class Walker {
  private readonly _random: Random;

  constructor(seed: number) {
    this._random = new Random(seed);
  }

  below(limit: number): number {
    return this._random.below(limit);
  }

  fill(bytes: Uint8Array): Uint8Array {
    this._random.fill(bytes);
    return bytes;
  }

  pdu(last: string): Uint8Array {
    const random = this._random;
    // What would come next in a pairing, half of the time.
    const next = { "02": [0x0c, 0x03], "0c": [0x03, 0x04], "03": [0x04, 0x03], "04": [0x03, 0x0d, 0x04], "0b": [0x01], "05": [0x01], "0d": [6, 8] }[last.slice(0, 2)];
    const code = next !== undefined && random.below(2) ? next[random.below(next.length)] : random.below(20) === 0 ? random.below(256) : random.below(16);
    let length = LENGTHS[code] ?? 1 + random.below(65);
    if (random.below(10) === 0) length = random.below(66);
    const pdu = new Uint8Array(Math.max(length, 0));
    random.fill(pdu);
    if (length > 0) pdu[0] = code;
    if (length === 7 && code === 1 && random.below(4)) pdu.set([random.below(5), random.below(8) === 0 ? 1 : 0, [0x0d, 0x05, 0x0c, 0x2d][random.below(4)], 16, random.below(16), random.below(16)], 1);
    if (length === 65 && code === 0x0c && random.below(3)) {
      const secret = new Uint8Array(32);
      random.fill(secret);
      const pair = keyPair(secret);
      if (pair !== null) pdu.set([...reversed(pair.x), ...reversed(pair.y)], 1);
    }
    if (random.below(20) === 0) pdu.fill(0, 1);
    return pdu;
  }
}

describe("a random walk of 20000 PDUs", () => {
  for (const [seed, level, bonding] of [[1, 4, true], [2, 4, false], [3, 3, true], [4, 3, false]] as const) {
    it(`yields no key, no answer of the database and no exception: seed ${seed}, level ${level}${bonding ? ", with a store" : ""}`, () => {
      const walker = new Walker(seed);
      const safe = new Safe({ level, board: { chip: { log: true } }, options: { ...(bonding ? { store: new Memory() } : {}), keysize: seed === 4 ? 7 : 16 } });
      let stranger = new Stranger(safe).connect();
      let last = "";
      let answers = 0;
      const codes = new Set<string>();
      for (let i = 0; i < 5000; i++) {
        if (!stranger.central.connected) {
          stranger = new Stranger(safe, { address: `0b5e12e3${(i & 0xffff).toString(16).padStart(4, "0")}` });
          assert.ok(stranger.tryconnect(5000), `it advertises again after ${i}`);
        }
        const way = walker.below(40);
        if (way === 0) stranger.send(CID.ATT, "0a0300");
        else if (way === 1) stranger.central.encrypt(walker.below(2) ? new Uint8Array(16) : walker.fill(new Uint8Array(16)), walker.below(2) ? new Uint8Array(8) : walker.fill(new Uint8Array(8)), walker.below(2) * walker.below(65536));
        else if (way === 2 && walker.below(10) === 0) stranger.central.vanish();
        else stranger.central.send(CID.SMP, walker.pdu(last));
        safe.run(walker.below(12) === 0 ? 100 + walker.below(1000) : 8);
        // The back-off is to be passed now and then.
        if (i % 100 === 0) safe.bt.setsecurity(level, CODE);
        for (const { cid, bytes } of stranger.frames.splice(0)) {
          if (cid === CID.SMP) {
            last = bytes;
            codes.add(bytes.slice(0, 2));
          } else if (cid === CID.ATT) {
            answers++;
            assert.match(bytes, /^01.{6}05$/, "nothing but an error");
          }
        }
        assert.ok(!stranger.encryptions.includes(0), "never encrypted");
      }
      assert.equal(safe.rig.board.chip.log.filter(({ opcode }: any) => opcode === SEC.LTK_REPLY).length, 0, "no key for the controller");
      assert.equal(safe.connections.length, 0);
      assert.equal(safe.reads, 0);
      assert.deepEqual((safe.bt as any).bonds(), []);
      assert.ok(["02", "03", "05", "0b"].every((code) => codes.has(code)), [...codes].join());
      if (level === 4) assert.ok(codes.has("0c"));
      void answers;
      safe.unharmed();
      assert.deepEqual(safe.rig.board.chip.violations, []);
      // And who knows the code still gets in.
      if (stranger.central.connected) stranger.central.disconnect();
      safe.run(65_000);
      safe.bt.setsecurity(level, CODE);
      assert.equal(meet(safe, safe.phone()).paired, 4);
      safe.bt.close();
      safe.run(3000);
      safe.rig.gone();
    }).timeout(120_000);
  }

  it("in fragments of one byte does no other harm", () => {
    const walker = new Walker(9);
    const safe = new Safe();
    const stranger = new Stranger(safe, { split: [1] }).connect();
    for (let i = 0; i < 500 && stranger.central.connected; i++) {
      stranger.central.send(CID.SMP, walker.pdu(stranger.frames.at(-1)?.bytes ?? ""));
      safe.run(30);
    }
    assert.equal(safe.connections.length, 0);
    safe.unharmed();
  });

  it("at level 1 harms nothing that goes on beside it", () => {
    const walker = new Walker(5);
    const safe = new Safe({ level: 1, options: { store: new Memory() } });
    const stranger = new Stranger(safe).connect();
    let last = "";
    for (let i = 0; i < 3000; i++) {
      stranger.central.send(CID.SMP, walker.pdu(last));
      safe.run(8);
      last = stranger.frames.filter(({ cid }) => cid === CID.SMP).at(-1)?.bytes ?? "";
      stranger.frames.length = 0;
      if (i % 100 === 0) {
        assert.match(stranger.att("0a0300"), /^0b/);
        stranger.frames.length = 0;
      }
    }
    assert.equal(safe.closed.length, 0);
    assert.deepEqual((safe.bt as any).bonds(), []);
    safe.unharmed();
  });
  void hex;
});
