import assert from "node:assert/strict";
import { reversed } from "../../hal/mock/phonecrypto.js";
import { hex, unhex } from "../support/rig.js";
import { meet, Memory, Safe, SEC, Stranger } from "../support/security.js";

/** The handle of the device's connection. */
function handleOf(safe: Safe): number {
  return safe.rig.board.chip.controller.connections.all[0].handle;
}

function inject(safe: Safe, event: number, parameters: number[]): void {
  safe.rig.board.chip.inject(Uint8Array.from([4, event, parameters.length, ...parameters]));
  safe.run(50);
}

const le = (value: number): number[] => [value & 255, value >> 8];

describe("encryption that ends, fails, or was never asked for", () => {
  for (const [name, event, parameters] of [
    ["Encryption Change: off", 0x08, (h: number) => [0, ...le(h), 0]],
    ["Encryption Change with status 0x06", 0x08, (h: number) => [6, ...le(h), 0]],
    ["Encryption Change with status 0x3D, said to be on", 0x08, (h: number) => [0x3d, ...le(h), 1]],
    ["Encryption Key Refresh Complete with status 0x06", 0x30, (h: number) => [6, ...le(h)]],
  ] as [string, number, (h: number) => number[]][]) {
    it(`${name}: the link of level 4 is served no longer and closed`, () => {
      const safe = new Safe();
      const phone = safe.phone();
      assert.equal(meet(safe, phone).paired, 4);
      phone.pairing.request = "ignore";
      const handle = handleOf(safe);
      safe.rig.board.chip.inject(Uint8Array.from([4, event, parameters(handle).length, ...parameters(handle)]));
      let answer = "";
      phone.start.request([0x0a, 3, 0], (error, pdu) => (answer = error === null ? hex(pdu) : ""));
      safe.until(() => !phone.connected, 5000);
      assert.equal(answer, "");
      assert.equal(phone.reason, 5);
      assert.equal(safe.open.security(), 1);
      safe.unharmed();
    });

    it(`${name}: at level 1 the link goes on, and says that it has level 1`, () => {
      const safe = new Safe({ level: 1, options: { store: new Memory() } });
      const phone = safe.phone();
      phone.connect();
      phone.pair();
      safe.run(200);
      inject(safe, event, parameters(handleOf(safe)));
      assert.equal(safe.open.security(), 1);
      assert.equal(Buffer.from(phone.read("aa01")).toString(), "secret");
      safe.unharmed();
    });
  }

  for (const [name, event, parameters] of [
    ["Encryption Change: on", 0x08, (h: number) => [0, ...le(h), 1]],
    ["Encryption Change: on, with AES-CCM of BR/EDR", 0x08, (h: number) => [0, ...le(h), 2]],
    ["Encryption Key Refresh Complete", 0x30, (h: number) => [0, ...le(h)]],
  ] as [string, number, (h: number) => number[]][]) {
    it(`${name}, without a key of ours, opens nothing`, () => {
      for (const bonded of [false, true]) {
        const safe = new Safe({ options: { store: new Memory() } });
        let address = "0b5e12e20002";
        if (bonded) {
          const phone = safe.phone();
          meet(safe, phone);
          address = hex([...phone.identity.bytes].reverse());
          phone.disconnect();
          safe.run(200);
        }
        const before = safe.connections.length;
        const stranger = new Stranger(safe, { address }).connect();
        inject(safe, event, parameters(handleOf(safe)));
        assert.equal(stranger.att("0a0300", 300), "");
        assert.equal(safe.connections.length, before);
        safe.unharmed();
      }
    });

    it(`${name}, in the middle of a pairing, opens nothing`, () => {
      for (const code of [0x02, 0x0c, 0x03, 0x04]) {
        const safe = new Safe();
        const phone = safe.phone();
        let done = false;
        phone.smp.onreceive = (pdu) => {
          if (pdu[0] !== code || done) return;
          done = true;
          const given = parameters(handleOf(safe));
          safe.rig.board.chip.inject(Uint8Array.from([4, event, given.length, ...given]));
          return null;
        };
        phone.start.connect({});
        safe.run(3000);
        assert.ok(done);
        assert.equal(safe.connections.length, 0);
        assert.equal(safe.bt.counters().exceptions, 0);
      }
    });
  }

  it("events that are too short, or for links that are not, are counted and nothing more", () => {
    const safe = new Safe();
    assert.equal(meet(safe, safe.phone()).paired, 4);
    for (const [event, parameters] of [[0x08, []], [0x08, [0, 0x40]], [0x08, [0, 0xfe, 0x0e, 0]], [0x30, [0]], [0x30, [0, 0xfe, 0x0e]], [0x3e, [5]], [0x3e, [5, 0x40, 0, 1, 2, 3]], [0x3e, [5, 0xfe, 0x0e, ...new Array(10).fill(0)]]] as [number, number[]][]) inject(safe, event, parameters);
    assert.equal(safe.open.security(), 4);
    assert.equal(safe.closed.length, 0);
    safe.unharmed();
  });

  it("a request for a key is answered once, with a refusal where there is none, also where the chip repeats it", () => {
    const safe = new Safe();
    const stranger = new Stranger(safe).connect();
    const handle = handleOf(safe);
    for (let i = 0; i < 5; i++) inject(safe, 0x3e, [5, ...le(handle), ...new Array(10).fill(0)]);
    safe.run(500);
    const log = safe.rig.board.chip.log.filter(({ opcode }: any) => opcode === SEC.LTK_NEGATIVE || opcode === SEC.LTK_REPLY);
    assert.ok(log.length >= 1 && log.length <= 5);
    assert.ok(log.every(({ opcode }: any) => opcode === SEC.LTK_NEGATIVE));
    assert.equal(stranger.att("0a0300", 200), "");
    safe.unharmed();
  });

  it("the chip that refuses the key, or does not answer, costs the link its level and nothing else", () => {
    for (const answer of [{ status: 0x0c }, { status: 0x02 }, { status: 0x01 }, "drop"] as any[]) {
      const safe = new Safe();
      safe.rig.board.chip.hook = (opcode: number) => (opcode === SEC.LTK_REPLY ? answer : undefined);
      const phone = safe.phone();
      meet(safe, phone, 8000);
      safe.run(4000);
      assert.equal(safe.connections.length, 0);
      assert.equal(safe.bt.counters().exceptions, 0);
      safe.rig.board.chip.hook = undefined as any;
      safe.run(65_000);
      if (phone.connected) phone.disconnect();
      safe.run(500);
      assert.equal(meet(safe, safe.phone()).paired, 4);
    }
  });
});

describe("data that came out of band", () => {
  const TK = "0102030405060708090a0b0c0d0e0f10";

  it("legacy: the temporary key, most significant octet first, gives level 3; another gives nothing", () => {
    for (const right of [true, false]) {
      const safe = new Safe({ level: 3, options: { oob: () => ({ tk: unhex(TK) }) } });
      const tk = reversed(unhex(TK));
      if (!right) tk[0] ^= 1;
      const phone = safe.phone({ sc: false, passkey: null, oob: { tk } });
      const { paired, error } = meet(safe, phone);
      assert.deepEqual([paired, error?.smp], right ? [3, undefined] : [0, 4]);
      assert.equal(safe.connections.length, right ? 1 : 0);
    }
  });

  it("Secure Connections: the phone's random and confirm value, most significant octet first, give level 4; others give nothing", () => {
    for (const right of [true, false]) {
      let given: any = null;
      const safe = new Safe({ options: { oob: () => given } });
      const phone = safe.phone({ io: "NoInputNoOutput", passkey: null });
      const data = phone.smp.oobdata();
      given = { random: reversed(data.random), confirm: reversed(data.confirm) };
      if (!right) given.confirm[3] ^= 4;
      const { paired, error } = meet(safe, phone);
      assert.deepEqual([paired, error?.smp], right ? [4, undefined] : [0, 4], String(error));
      assert.equal(safe.connections.length, right ? 1 : 0);
    }
  });

  it("of ours, given to the phone, give level 4 once; a stranger who only says that it has them gets nothing", () => {
    for (const right of [true, false]) {
      const safe = new Safe();
      let data: any = null;
      (safe.bt as any).oobdata((given: any) => (data = given));
      safe.until(() => data !== null);
      assert.equal(data.random.length + data.confirm.length, 32);
      const random = reversed(data.random);
      const confirm = reversed(data.confirm);
      if (!right) random[0] ^= 1;
      const phone = safe.phone({ io: "NoInputNoOutput", passkey: null, oob: { peer: { random, confirm } } });
      phone.smp.lies = { unchecked: !right };
      const { paired, error } = meet(safe, phone);
      assert.deepEqual([paired, error?.smp], right ? [4, undefined] : [0, 0x0b], String(error));
      assert.equal(safe.connections.length, right ? 1 : 0);
      if (phone.connected) phone.disconnect();
      safe.run(300);
      const second = safe.phone({ io: "NoInputNoOutput", passkey: null, oob: { peer: { random, confirm } } });
      second.smp.lies = { unchecked: true };
      assert.equal(meet(safe, second).paired, 0, "they serve once");
    }
  });

  it("that are not what they should be, or an application that throws, leave the table's other method", () => {
    for (const oob of [() => null, () => undefined, () => 7, () => ({}), () => ({ tk: "abc" }), () => ({ random: unhex(TK) }), () => ({ confirm: unhex(TK) }), () => ({ random: [1], confirm: [2] }), () => { throw new Error("none"); }] as any[]) {
      const safe = new Safe({ options: { oob } });
      const phone = safe.phone();
      const { paired, error } = meet(safe, phone);
      assert.ok(paired === 4 || error !== null, String(oob));
      if (paired === 4) assert.equal(phone.keys.method, "type", String(oob));
      assert.equal(safe.bt.counters().restarts, 0);
    }
  });
});
