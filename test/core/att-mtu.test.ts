import assert from "node:assert/strict";
import { linked } from "../support/links.js";
import { hex } from "../support/rig.js";

// Exchange MTU: Vol 3 Part F 3.4.2.

const le = (value: number): string => hex([value & 255, value >> 8]);
const error = (opcode: number, handle: number, code: number): string => hex([1, opcode, handle & 255, handle >> 8, code]);
const VALUE = Uint8Array.from({ length: 512 }, (_, i) => i * 5);
const SERVICES = [{ uuid: 0xff00, chars: [{ uuid: 0xff01, value: VALUE, flags: 0x12 }] }];

describe("att: Exchange MTU", () => {
  for (const ours of [23, 24, 64, 185, 247, 512, 517]) {
    for (const theirs of [23, 24, 100, 247, 517, 65535]) {
      it(`${ours} here and ${theirs} there: the lesser counts from the next PDU on`, () => {
        const { rig, peer, connection } = linked(SERVICES, { mtu: ours });
        const handle = rig.bt.handle(0xff00, 0xff01);
        const mtu = Math.min(ours, theirs);
        assert.equal(connection.mtu(), 23);
        assert.equal(peer.att("0a" + le(handle)), "0b" + hex(VALUE.slice(0, 22)));
        assert.equal(peer.att("02" + le(theirs)), "03" + le(ours));
        assert.equal(connection.mtu(), mtu);
        assert.equal(peer.att("0a" + le(handle)), "0b" + hex(VALUE.slice(0, mtu - 1)));
        // What is notified too.
        assert.equal(peer.att("12" + le(handle + 1) + "0100"), "13");
        assert.equal(rig.bt.notify(0xff01, VALUE), true);
        assert.equal(peer.next(), "1b" + le(handle) + hex(VALUE.slice(0, mtu - 3)));
      });
    }
  }

  for (const theirs of [22, 1, 0]) {
    it(`less than 23 changes nothing: ${theirs}`, () => {
      const { rig, peer, connection } = linked(SERVICES);
      const handle = rig.bt.handle(0xff00, 0xff01);
      assert.equal(peer.att("02" + le(theirs)), error(0x02, 0, 0x04));
      assert.equal(connection.mtu(), 23);
      assert.equal(peer.att("0a" + le(handle)), "0b" + hex(VALUE.slice(0, 22)));
      // A right one may follow.
      assert.equal(peer.att("02" + le(100)), "03" + le(517));
      assert.equal(connection.mtu(), 100);
    });
  }

  it("a second one is answered, and neither lessens nor raises what was agreed", () => {
    const { rig, peer, connection } = linked(SERVICES);
    const handle = rig.bt.handle(0xff00, 0xff01);
    assert.equal(peer.att("02" + le(100)), "03" + le(517));
    for (const again of [23, 50, 100, 517]) {
      assert.equal(peer.att("02" + le(again)), "03" + le(517));
      assert.equal(connection.mtu(), 100);
      assert.equal(peer.att("0a" + le(handle)), "0b" + hex(VALUE.slice(0, 99)));
    }
  });

  it("the next connection begins at 23 again", () => {
    const { rig, peer } = linked(SERVICES);
    const handle = rig.bt.handle(0xff00, 0xff01);
    peer.mtu(247);
    peer.central.disconnect();
    rig.run(1000);
    peer.connect();
    assert.equal(peer.att("0a" + le(handle)), "0b" + hex(VALUE.slice(0, 22)));
  });

  it("a value that was notified before the exchange has the length of its time", () => {
    const { rig, peer } = linked(SERVICES);
    const handle = rig.bt.handle(0xff00, 0xff01);
    peer.att("12" + le(handle + 1) + "0100");
    rig.bt.notify(0xff01, VALUE);
    peer.send(4, "02" + le(100));
    assert.equal(peer.next(), "1b" + le(handle) + hex(VALUE.slice(0, 20)));
    assert.equal(peer.next(), "03" + le(517));
  });
});
