import assert from "node:assert/strict";
import { CID, handedOver, linked } from "../support/links.js";
import { complete, unhex } from "../support/rig.js";
import { meet, Safe } from "../support/security.js";
import { le } from "../support/server.js";
import { sent, subscribe, TABLE } from "./links-fixture.test.js";

/** LE Remote Connection Parameter Request Reply. */
const REPLY = 0x2020;

describe("links: what is in doubt", () => {
  it("one that has all its buffers back after a loss of step is not ended for being busy when the time for that is over", () => {
    const { rig, peer, closed } = linked(TABLE);
    subscribe(rig, peer);
    const fill = (): void => {
      for (let i = 0; i < 50 && rig.bt.notify(0xfff3, [i]); i++);
    };
    peer.central.busy = true;
    fill();
    rig.run(100);
    rig.board.chip.inject(Uint8Array.of(0x99));
    rig.run(200);
    peer.central.busy = false;
    rig.bt.onroom(fill);
    fill();
    for (let i = 0; i < 450; i++) {
      rig.run(100);
      fill();
      peer.frames.length = 0;
    }
    assert.equal(rig.bt.counters().resyncs, 1);
    assert.deepEqual(closed, []);
  });

  it("the peer's controller gets what it has asked for though the first answer is lost on its way", () => {
    const { rig } = linked(TABLE);
    const { chip } = rig.board;
    chip.hook = (opcode: number, _: Uint8Array, count: number) => (opcode !== REPLY ? undefined : count < 2 ? "drop" : { bytes: complete(REPLY, [0, 0x40, 0]) });
    chip.inject(unhex("043e0b06" + "4000" + "1800" + "2800" + "0000" + "9001"));
    rig.run(10_000);
    assert.deepEqual(sent(rig, REPLY), Array(2).fill("4000" + "1800" + "2800" + "0000" + "9001" + "00000000"));
    assert.equal(rig.bt.counters().restarts, 0);
  });

  it("an advert whose bytes look like ACL data, heard out of step, is no word of a peer", () => {
    const safe = new Safe();
    const phone = safe.phone();
    assert.equal(meet(safe, phone).paired, 4);
    const write = handedOver(safe.rig, CID.ATT, "12" + le(safe.bt.handle(0xaa00, 0xaa01)) + "99");
    // What is left of a report whose beginning is lost: three packets that look right, then ours.
    safe.rig.board.chip.inject(unhex("99" + "04ff00".repeat(3) + write));
    safe.run(500);
    phone.write("aa01", "x");
    assert.deepEqual(safe.written, ["78"]);
    assert.equal(safe.bt.counters().restarts, 0);
  });
});
