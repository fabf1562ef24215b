import assert from "node:assert/strict";
import { CID, type Linked } from "../support/links.js";
import { hex } from "../support/rig.js";
import { clean, home, linkedWithoutSecurity, readsAcme } from "./links-fixture.test.js";

function room(options: any = {}): Linked {
  return linkedWithoutSecurity({ links: 1, ...options });
}

/** What comes on signalling and Security Manager within `ms`. */
function answers({ rig, peer }: Linked, ms = 200): string[] {
  rig.run(ms);
  return peer.frames.splice(0).map(({ cid, bytes }) => `${cid}:${bytes}`);
}

/** Everything is as it was. */
function ends(linked: Linked): void {
  const { rig, peer } = linked;
  readsAcme(rig, peer);
  clean(rig);
  peer.central.disconnect();
  rig.run(500);
  home(rig);
}

/** Codes of Vol 3 Part A section 4 that are answers: they are never answered themselves. */
const RESPONSES = [0x01, 0x03, 0x05, 0x07, 0x09, 0x0b, 0x0d, 0x0f, 0x11, 0x13, 0x15, 0x18, 0x1a];

describe("L2CAP channels", () => {
  it("frames for channels that nobody has are dropped and counted", () => {
    const all = room();
    const { rig, peer } = all;
    let ignored = rig.bt.counters().ignored;
    for (const cid of [0x0000, 0x0001, 0x0002, 0x0003, 0x0007, 0x003e, 0x003f, 0x0040, 0x007f, 0x0104, 0x0404, 0xffff]) {
      peer.send(cid, "0a0300");
      rig.run(100);
      assert.equal(rig.bt.counters().ignored, ++ignored, `channel ${cid}`);
    }
    assert.deepEqual(peer.frames, []);
    ends(all);
  });
});

describe("L2CAP signalling", () => {
  it("every code from 0 to 255: an answer of Command Reject 0x0000 with its identifier, or silence where it is a response", () => {
    const all = room();
    for (let code = 0; code < 256; code++) {
      const identifier = hex([(code % 255) + 1]);
      all.peer.send(CID.SIGNALLING, hex([code]) + identifier + "0200" + "4100");
      const expected = RESPONSES.includes(code) ? [] : [`5:01${identifier}0200` + "0000"];
      assert.deepEqual(answers(all), expected, `code 0x${code.toString(16)}`);
    }
    ends(all);
  });

  it("the identifier comes back whatever it is; identifier 0 is dropped", () => {
    const all = room();
    for (const identifier of ["01", "7f", "80", "ff"]) {
      all.peer.send(CID.SIGNALLING, "16" + identifier + "0400" + "40000100");
      assert.deepEqual(answers(all), [`5:01${identifier}02000000`]);
    }
    const { malformed } = all.rig.bt.counters();
    for (const code of ["12", "16", "77"]) all.peer.send(CID.SIGNALLING, code + "00" + "0200" + "0000");
    assert.deepEqual(answers(all), []);
    assert.equal(all.rig.bt.counters().malformed, malformed + 3);
    ends(all);
  });

  it("packets over 23 bytes: Command Reject 0x0001 with the MTU 23; of 23 bytes not", () => {
    const all = room({ mtu: 185 });
    const packet = (code: string, length: number): string => code + "42" + hex([(length - 4) & 255, 0]) + "00".repeat(length - 4);
    for (const length of [24, 25, 48, 69, 100, 189 - 4]) {
      all.peer.send(CID.SIGNALLING, packet("16", length));
      assert.deepEqual(answers(all, 500), ["5:01420400" + "0100" + "1700"], `${length} bytes`);
      all.peer.send(CID.SIGNALLING, packet("12", length));
      assert.deepEqual(answers(all, 500), ["5:01420400" + "0100" + "1700"], `${length} bytes`);
    }
    all.peer.send(CID.SIGNALLING, packet("16", 23));
    assert.deepEqual(answers(all), ["5:01420200" + "0000"]);
    ends(all);
  });

  it("packets over 23 bytes that are responses are dropped: no answer to an answer (Vol 3 Part A section 4)", () => {
    const all = room({ mtu: 185 });
    for (const code of RESPONSES) {
      all.peer.send(CID.SIGNALLING, hex([code]) + "42" + "1a00" + "00".repeat(26));
      assert.deepEqual(answers(all), [], `code 0x${code.toString(16)}`);
    }
    ends(all);
  });

  it("packets too short for a header, and lengths that lie, get silence or a rejection, and cost nothing", () => {
    const all = room();
    for (const bad of ["", "12", "1201", "120108"]) {
      all.peer.send(CID.SIGNALLING, bad);
      assert.deepEqual(answers(all), [], `"${bad}"`);
    }
    for (const bad of ["12010800", "1201080018002800", "12010800180028000000900100", "16010000ffff", "1601ffff00"]) {
      all.peer.send(CID.SIGNALLING, bad);
      for (const answer of answers(all)) assert.equal(answer, "5:0101" + "0200" + "0000", bad);
    }
    // Responses with lengths that lie are responses all the same.
    for (const bad of ["01010200", "0101ffff0000", "13010000", "1301020000"]) {
      all.peer.send(CID.SIGNALLING, bad);
      assert.deepEqual(answers(all), [], bad);
    }
    ends(all);
  });

  it("a Connection Parameter Update Request that a peripheral gets is rejected as not understood, and changes nothing", () => {
    const all = room();
    all.peer.send(CID.SIGNALLING, "12050800" + "1800" + "2800" + "0000" + "9001");
    assert.deepEqual(answers(all), ["5:01050200" + "0000"]);
    const interval = all.peer.central.interval;
    all.rig.run(2000);
    assert.equal(all.peer.central.interval, interval);
    ends(all);
  });

  it("a storm of requests: every one is answered in its turn or dropped, with its own identifier, and nothing else suffers", () => {
    const all = room();
    const { rig, peer } = all;
    for (let i = 1; i <= 200; i++) peer.send(CID.SIGNALLING, "16" + hex([i]) + "0200" + "0000");
    rig.run(10_000);
    const identifiers = peer.frames.splice(0).map(({ cid, bytes }) => {
      assert.equal(cid, CID.SIGNALLING);
      assert.match(bytes, /^01..02000000$/);
      return parseInt(bytes.slice(2, 4), 16);
    });
    assert.ok(identifiers.length >= 1);
    assert.deepEqual(identifiers, [...identifiers].sort((a, b) => a - b), "in their order");
    assert.equal(new Set(identifiers).size, identifiers.length, "none twice");
    ends(all);
  });

  it("an answer on signalling and one on ATT at the same time: both go", () => {
    const all = room();
    const { rig, peer } = all;
    peer.central.busy = true;
    peer.send(CID.SIGNALLING, "160102000000");
    peer.send(CID.ATT, "02b900");
    peer.send(CID.SMP, "01" + "03" + "00" + "01" + "10" + "00" + "00");
    rig.run(200);
    peer.central.busy = false;
    const got = answers(all, 500).sort();
    assert.ok(got.includes("5:010102000000"), `${got}`);
    assert.ok(got.some((text) => text.startsWith("4:03")), `${got}`);
    ends(all);
  });
});

describe("the Security Manager where it is not built in", () => {
  it("a Pairing Request gets Pairing Failed, Pairing Not Supported", () => {
    const all = room();
    for (const request of ["01" + "03" + "00" + "01" + "10" + "00" + "00", "01" + "04" + "00" + "2d" + "10" + "0f" + "0f", "01"]) {
      all.peer.send(CID.SMP, request);
      assert.deepEqual(answers(all), ["6:0505"], request);
    }
    ends(all);
  });

  it("codes that nobody knows get Pairing Failed, Command Not Supported; all others silence", () => {
    const all = room();
    for (let code = 2; code < 256; code++) {
      all.peer.send(CID.SMP, hex([code]) + "00".repeat(16));
      assert.deepEqual(answers(all), code > 0x0e ? ["6:0507"] : [], `code 0x${code.toString(16)}`);
    }
    ends(all);
  });

  it("an empty PDU, and a public key of 65 bytes: silence, counted", () => {
    const all = room();
    const { ignored } = all.rig.bt.counters();
    all.peer.send(CID.SMP, "");
    all.peer.send(CID.SMP, "0c" + "11".repeat(64));
    assert.deepEqual(answers(all, 500), []);
    assert.equal(all.rig.bt.counters().ignored, ignored + 2);
    ends(all);
  });

  it("the link goes on after all that: pairing is refused, serving is not", () => {
    const all = room();
    for (let i = 0; i < 20; i++) all.peer.send(CID.SMP, "01030001100000");
    all.rig.run(2000);
    all.peer.frames.length = 0;
    assert.deepEqual(all.closed, []);
    ends(all);
  });
});
