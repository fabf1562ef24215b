import assert from "node:assert/strict";
import { c1, f4, reversed } from "../../hal/mock/phonecrypto.js";
import type { Phone } from "../../hal/mock/index.js";
import { hex, unhex } from "../support/rig.js";
import { CODE, meet, Memory, Safe, type Setup } from "../support/security.js";

interface Packet {
  sent: boolean;
  bytes: string;
}

/** A device whose trace is kept from its opening on. */
function traced(setup: Setup = {}, keys?: boolean): { safe: Safe; packets: Packet[] } {
  const packets: Packet[] = [];
  const safe = new Safe({
    ...setup,
    before: (rig) => {
      const real = rig.open.bind(rig);
      rig.open = (more) => {
        const bt = real(more);
        bt.trace((sent, bytes, at, length) => void packets.push({ sent, bytes: hex(bytes.subarray(at, at + length)) }), keys);
        return bt;
      };
      setup.before?.(rig);
    },
  });
  return { safe, packets };
}

/** What really passed over the UART, packet by packet, out of the rig's journal. */
function wire(safe: Safe): { sent: string[]; received: string[] } {
  const collect = (what: "write" | "in"): string[] => {
    const bytes = safe.rig.journal.flatMap((entry) => (entry.what === what ? [...entry.bytes] : []));
    const list: string[] = [];
    for (let at = 0; at < bytes.length; ) {
      if (bytes[at] === 0) {
        at++;
        continue;
      }
      const length = bytes[at] === 1 ? 4 + bytes[at + 3] : bytes[at] === 2 ? 5 + bytes[at + 3] + 256 * bytes[at + 4] : 3 + bytes[at + 2];
      list.push(hex(bytes.slice(at, at + length)));
      at += length;
    }
    return list;
  };
  return { sent: collect("write"), received: collect("in") };
}

/** All that nobody may find in a trace, both ways round. */
function secretsOf(phone: Phone): { [name: string]: string } {
  const { keys } = phone;
  const bond = phone.bonds[0];
  const named: { [name: string]: ArrayLike<number> | null | undefined } = {
    LTK: keys.ltk,
    STK: keys.stk,
    DHKey: keys.dhkey,
    MacKey: keys.mackey,
    TK: keys.passkey === undefined ? undefined : keys.tk,
    "distributed LTK": bond?.ltk,
    IRK: bond?.own.irk,
    CSRK: bond?.own.csrk,
    "phone's LTK": bond?.own.ltk,
  };
  const secrets: { [name: string]: string } = {};
  for (const [name, value] of Object.entries(named)) {
    if (!value || Array.from(value).every((octet) => octet === 0)) continue;
    secrets[name] = hex(value);
    secrets[name + ", reversed"] = hex(Array.from(value).reverse());
  }
  return secrets;
}

const CASES: [string, Setup, any][] = [
  ["level 1, Just Works, Secure Connections", { level: 1 }, { io: "NoInputNoOutput" }],
  ["level 1, Just Works, legacy", { level: 1 }, { io: "NoInputNoOutput", sc: false }],
  ["level 3, legacy passkey", { level: 3 }, { sc: false }],
  ["level 4, passkey", { level: 4 }, {}],
  ["level 4, numbers compared", { level: 4, options: { compare: (_c: unknown, _n: number, reply: (same: boolean) => void) => reply(true) } }, { io: "DisplayYesNo" }],
];

describe("a trace", () => {
  for (const [name, setup, pairing] of CASES) {
    for (const split of [27, 1]) {
      for (const random of [true, false]) {
        it(`has no key in it, and every packet with its length: ${name}, ${split === 1 ? "in pieces of one byte" : "whole"}${random ? "" : ", LE Rand"}`, () => {
          const { safe, packets } = traced({ ...setup, board: { random, wire: { chunk: 16 } }, options: { ...setup.options, store: new Memory() } });
          const phone = safe.phone({ ...pairing, keysDistribution: { initiator: 7, responder: 3 } }, { split: [split] });
          if (setup.level === 1) {
            phone.connect();
            phone.pair();
            safe.run(300);
          } else assert.ok(meet(safe, phone).paired > 0);
          // Comes back with the key.
          phone.disconnect();
          safe.run(300);
          phone.connect();
          if (setup.level === 1) phone.encrypt();
          safe.run(1000);
          assert.ok(phone.encrypted);
          const sealed = packets.map(({ bytes }) => bytes).join(" ");
          const joined = acl(packets);
          const secrets = secretsOf(phone);
          assert.ok(Object.keys(secrets).length >= 4, Object.keys(secrets).join());
          for (const [secret, digits] of Object.entries(secrets)) {
            assert.ok(!sealed.includes(digits), `${secret} in a packet`);
            assert.ok(!joined.includes(digits), `${secret} in a frame`);
            // A part of 4 octets would be too much, too.
            for (let at = 0; at + 8 <= digits.length; at += 8) assert.ok(!sealed.includes(digits.slice(at, at + 8)) || /^(00)+$/.test(digits.slice(at, at + 8)), `a part of ${secret}`);
          }
          const real = wire(safe);
          for (const sent of [true, false]) {
            const shown = packets.filter((packet) => packet.sent === sent).map(({ bytes }) => bytes);
            const truth = sent ? real.sent : real.received;
            assert.deepEqual(shown.map((bytes) => bytes.length), truth.map((bytes) => bytes.length), "every packet, every length");
            for (let i = 0; i < truth.length; i++) {
              for (let at = 0; at < truth[i].length; at += 2) {
                const [a, b] = [shown[i].slice(at, at + 2), truth[i].slice(at, at + 2)];
                assert.ok(a === b || a === "00", "what is not zeroed is the truth");
              }
            }
          }
        });
      }
    }
  }

  it("has no key in it, into whatever pieces the frames are cut", () => {
    for (const size of [2, 3, 4, 5, 6, 7, 8, 9, 13, 20, 21, 22, 26]) {
      for (const sc of [true, false]) {
        const { safe, packets } = traced({ level: 3, options: { store: new Memory() } });
        const phone = safe.phone({ sc, keysDistribution: { initiator: 7, responder: 3 } }, { split: (index) => (index === 0 ? size : 1 + ((index * 5) % 27)) });
        assert.ok(meet(safe, phone).paired > 0);
        const joined = acl(packets) + packets.map(({ bytes }) => bytes).join(" ");
        for (const [secret, digits] of Object.entries(secretsOf(phone))) for (let at = 0; at + 8 <= digits.length; at += 8) assert.ok(!joined.includes(digits.slice(at, at + 8)) || /^(00)+$/.test(digits.slice(at, at + 8)), `${secret}, ${size}`);
        for (const { sent, cid, bytes } of phone.trace) if (cid === 6 && bytes[0] === 4) assert.ok(!joined.includes(hex(bytes.slice(1))), `a nonce, ${sent}`);
      }
    }
  });

  it("hides in whole packets only what is secret: adverts, ATT, public keys, confirm values and commands are shown", () => {
    const { safe, packets } = traced({ options: { store: new Memory() } });
    const phone = safe.phone({ keysDistribution: { initiator: 7, responder: 3 } });
    meet(safe, phone);
    assert.equal(Buffer.from(phone.read("aa01")).toString(), "secret");
    const joined = acl(packets);
    assert.ok(joined.includes(hex(Buffer.from("secret"))), "ATT");
    assert.ok(joined.includes(hex(phone.keys.publicKey!)) && joined.includes(hex(phone.keys.peerPublicKey!)), "public keys");
    for (const { cid, bytes } of phone.trace) if (cid === 6 && [1, 2, 3, 5, 9, 0x0b, 0x0c, 0x0d].includes(bytes[0])) assert.ok(joined.includes(hex(bytes)), `SMP code ${bytes[0]}`);
    for (const { cid, bytes } of phone.trace) if (cid === 6 && [4, 6, 8, 10].includes(bytes[0])) assert.ok(joined.includes(hex(bytes.slice(0, 1)) + "00".repeat(bytes.length - 1)), `SMP code ${bytes[0]} is zeroed`);
  });

  it("hides what comes on a connection that is not known, and the rest of a frame whose beginning has been lost: there may be keys in it", () => {
    const key = "0123456789abcdeffedcba9876543210";
    // Identity Information.
    const frame = "11000600" + "08" + key;
    for (const [what, lost, bytes] of [
      ["another connection's frame", "02ee2e1500" + frame, "02ee2e1500" + "00".repeat(21)],
      ["its rest", "02ee1e0a00" + key.slice(0, 20), "02ee1e0a00" + "00".repeat(10)],
      ["the rest of a frame that has lost its beginning", "0240101000" + key, "0240101000" + "00".repeat(16)],
      ["the rest of one that has lost its first octet", "0240101400" + frame.slice(2, 42), "0240101400" + "00".repeat(20)],
    ]) {
      const { safe, packets } = traced({ options: { store: new Memory() } });
      const phone = safe.phone();
      meet(safe, phone);
      const mark = packets.length;
      safe.rig.board.chip.inject(unhex(lost));
      safe.run(100);
      assert.deepEqual(packets.slice(mark).filter((packet) => !packet.sent && packet.bytes.startsWith("02")).map((packet) => packet.bytes), [bytes], what);
      // What is whole is shown again.
      assert.equal(Buffer.from(phone.read("aa01")).toString(), "secret");
      assert.ok(acl(packets.slice(mark)).includes(hex(Buffer.from("secret"))), what);
    }
  });

  it("with keys shows every byte", () => {
    const { safe, packets } = traced({ options: { store: new Memory() } }, true);
    const phone = safe.phone();
    meet(safe, phone);
    const real = wire(safe);
    assert.deepEqual(packets.filter(({ sent }) => sent).map(({ bytes }) => bytes), real.sent);
    assert.deepEqual(packets.filter(({ sent }) => !sent).map(({ bytes }) => bytes), real.received);
    const all = packets.map(({ bytes }) => bytes).join(" ");
    assert.ok(all.includes(hex(phone.keys.ltk!)), "the LTK in 0x201A");
  });

  it("shows keys only where that was asked for with true, and hides them again", () => {
    for (const value of [undefined, false, 1, "yes", null, {}]) {
      const { safe, packets } = traced({}, value as any);
      const phone = safe.phone();
      meet(safe, phone);
      assert.ok(!packets.map(({ bytes }) => bytes).join(" ").includes(hex(phone.keys.ltk!)), String(value));
    }
  });

  it("does not touch the packets themselves", () => {
    const { safe } = traced();
    assert.equal(meet(safe, safe.phone()).paired, 4);
    safe.unharmed();
  });
});

/** The payload of all ACL packets of each direction, headers taken off, in a row. */
function acl(packets: Packet[]): string {
  return [true, false].map((sent) => packets.filter((packet) => packet.sent === sent && packet.bytes.startsWith("02")).map(({ bytes }) => bytes.slice(10)).join("")).join("|");
}

describe("brute force of the code", () => {
  /** SMP PDUs as the trace has them, in their order. */
  function frames(packets: Packet[]): { sent: boolean; pdu: Uint8Array }[] {
    const rest: { [sent: string]: number[] } = { true: [], false: [] };
    const list: { sent: boolean; pdu: Uint8Array }[] = [];
    for (const { sent, bytes } of packets) {
      if (!bytes.startsWith("02")) continue;
      const buffer = rest[String(sent)];
      buffer.push(...unhex(bytes.slice(10)));
      while (buffer.length >= 4 && buffer.length >= 4 + buffer[0] + 256 * buffer[1]) {
        const frame = buffer.splice(0, 4 + buffer[0] + 256 * buffer[1]);
        if (frame[2] === 6) list.push({ sent, pdu: Uint8Array.from(frame.slice(4)) });
      }
    }
    return list;
  }

  function passkeys(packets: Packet[], phone: Phone): { legacy: number[]; bits: number } {
    const list = frames(packets);
    const find = (code: number, sent: boolean): Uint8Array[] => list.filter((frame) => frame.sent === sent && frame.pdu[0] === code).map(({ pdu }) => pdu);
    const value = (pdu: Uint8Array): Uint8Array => reversed(pdu.slice(1));
    const [mconfirms, sconfirms, mrands, srands] = [find(3, false), find(3, true), find(4, false), find(4, true)];
    const legacy: number[] = [];
    const peer = phone.central.end!.peer;
    const own = phone.central.address;
    if (find(0x0c, true).length === 0) {
      const [preq, pres] = [find(1, false)[0], find(2, true)[0]].map(reversed);
      // A part of the million is as good as all: the right one and its neighbours are in it.
      for (let code = CODE - 500; code < CODE + 500; code++) {
        const tk = new Uint8Array(16);
        tk.set([code >> 16, (code >> 8) & 255, code & 255], 13);
        for (const [confirm, rand] of [[mconfirms[0], mrands[0]], [sconfirms[0], srands[0]]]) {
          const right = c1(tk, value(rand), preq, pres, own.random, reversed(own.bytes), peer.random, reversed(peer.bytes));
          if (hex(right) === hex(value(confirm))) legacy.push(code);
        }
      }
      return { legacy, bits: 0 };
    }
    const [pka, pkb] = [find(0x0c, false)[0], find(0x0c, true)[0]].map((pdu) => reversed(pdu.slice(1, 33)));
    let bits = 0;
    for (let round = 0; round < 20; round++) {
      for (const z of [0x80, 0x81]) {
        if (hex(f4(pka, pkb, value(mrands[round]), z)) === hex(value(mconfirms[round]))) bits++;
        if (hex(f4(pkb, pka, value(srands[round]), z)) === hex(value(sconfirms[round]))) bits++;
      }
    }
    return { legacy, bits };
  }

  for (const sc of [true, false]) {
    it(`from a trace is in vain, and would not be from one with keys: ${sc ? "Secure Connections" : "legacy"}`, () => {
      for (const keys of [false, true]) {
        const { safe, packets } = traced({ level: 3, options: { store: new Memory() } }, keys);
        const phone = safe.phone({ sc });
        meet(safe, phone);
        const { legacy, bits } = passkeys(packets, phone);
        assert.deepEqual(legacy, !sc && keys ? [CODE, CODE] : []);
        assert.equal(bits, sc && keys ? 40 : 0);
      }
    });
  }

  it("is in vain for a pairing that fails by a wrong code", () => {
    for (const sc of [true, false]) {
      const { safe, packets } = traced({ level: 3 });
      const phone = safe.phone({ sc, passkey: CODE ^ 0x80000 });
      meet(safe, phone);
      const shown = packets.map(({ bytes }) => bytes).join(" ");
      for (const { cid, bytes } of phone.trace) if (cid === 6 && bytes[0] === 4) assert.ok(!shown.includes(hex(bytes.slice(1, 9))));
    }
  });
});
