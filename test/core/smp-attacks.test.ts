import assert from "node:assert/strict";
import { Phone } from "../../hal/mock/index.js";
import { CODE, meet, Memory, Safe, SEC, Stranger } from "../support/security.js";
import { unhex } from "../support/rig.js";

const ZEROS = new Uint8Array(16);

describe("an attack on the choice of the method", () => {
  it("is in vain: a stranger that claims to have our out-of-band data, where we have given none", () => {
    const safe = new Safe();
    const phone = safe.phone({ passkey: null, oob: { peer: { confirm: ZEROS, random: ZEROS } } });
    phone.smp.lies = { unchecked: true };
    const { paired } = meet(safe, phone);
    assert.equal(paired, 0);
    assert.equal(phone.encrypted, false);
    assert.equal(safe.connections.length, 0);
  });

  it("is in vain: data of legacy pairing do not stand for data of Secure Connections", () => {
    const safe = new Safe({ options: { oob: () => ({ tk: unhex("0102030405060708090a0b0c0d0e0f10") }) } });
    const phone = safe.phone({ passkey: null });
    phone.smp.lies = { unchecked: true };
    assert.equal(meet(safe, phone).paired, 0);
    assert.equal(safe.connections.length, 0);
  });

  it("is in vain: data of Secure Connections do not stand for the temporary key of legacy pairing", () => {
    const safe = new Safe({ level: 3, options: { oob: () => ({ random: unhex("0102030405060708090a0b0c0d0e0f10"), confirm: unhex("0102030405060708090a0b0c0d0e0f10") }) } });
    const phone = safe.phone({ passkey: null, sc: false, oob: { tk: ZEROS } });
    assert.equal(meet(safe, phone).paired, 0);
    assert.equal(safe.connections.length, 0);
  });

  it("is in vain: NoInputNoOutput, at levels 3 and 4", () => {
    for (const level of [3, 4] as const) {
      const safe = new Safe({ level });
      const phone = safe.phone({ io: "NoInputNoOutput" });
      const { error } = meet(safe, phone);
      assert.deepEqual([error?.smp, error?.theirs], [3, true]);
      assert.equal(safe.connections.length, 0);
    }
  });
});

describe("the numbers that are compared", () => {
  for (const late of [false, true]) {
    it(`are the user's to accept, ${late ? "also where the shared secret is ready only after they are shown" : "and his yes is enough"}`, () => {
      const asked: { number: number; reply: (same: boolean) => void }[] = [];
      const safe = new Safe({
        options: { slice: late ? 5 : 4000, compare: (_c: unknown, number: number, reply: (same: boolean) => void) => void asked.push({ number, reply }) },
        before: (rig) => {
          // A slice takes its time.
          const set = rig.hal.timer.set.bind(rig.hal.timer);
          (rig.hal as any).timer = { ...rig.hal.timer, now: () => rig.now, set: (ms: number, callback: () => void) => set(Math.max(ms, 1), callback), clear: (handle: unknown) => rig.board.hal.timer.clear(handle) };
        },
      });
      safe.run(5000);
      const phone = safe.phone({ io: "DisplayYesNo" });
      phone.connect();
      safe.until(() => asked.length > 0);
      safe.run(5000);
      assert.equal(asked.length, 1);
      assert.equal(asked[0].number, phone.keys.number);
      assert.equal(phone.encrypted, false, "the user has not answered yet");
      asked[0].reply(false);
      safe.run(1000);
      assert.equal(phone.encrypted, false);
      assert.equal(safe.connections.length, 0);
    });
  }
});


/** Makes each LE Encrypt of the chip take its time. */
function slowly(safe: Safe, ms: number): void {
  safe.rig.board.chip.hook = (opcode: number) => (opcode === SEC.ENCRYPT ? { delay: ms } : undefined);
}

describe("encryption before its time", () => {
  it("gets no key while the stranger's check value is still being looked at, whenever it asks", () => {
    for (let wait = 0; wait <= 3000; wait += 150) {
      const safe = new Safe();
      const phone = safe.phone();
      phone.smp.onsend = (pdu) => {
        if (pdu[0] !== 0x0d) return;
        // The blocks of keys and check take seconds: time enough to ask for the key between.
        slowly(safe, 170);
        // The wrong value, and soon the request to encrypt with the key that is nearly agreed upon.
        phone.smp.send(pdu.map((octet, i) => (i ? octet ^ 0x55 : octet)));
        const ltk = phone.keys.ltk!;
        safe.rig.clock.after(wait, () => phone.central.connected && phone.central.encrypt(ltk));
        return null;
      };
      phone.connect();
      safe.run(8000);
      assert.equal(phone.encrypted, false, `asked ${wait} ms after the check value`);
      assert.equal(safe.connections.length, 0);
      safe.unharmed();
    }
  });

  it("is not refused to an honest phone that is quicker than the device computes its key", () => {
    for (const sc of [true, false]) {
      const safe = new Safe({ level: 3 });
      const phone = safe.phone({ sc });
      slowly(safe, 100);
      assert.equal(meet(safe, phone, 29_000).paired, sc ? 4 : 3, sc ? "Secure Connections" : "legacy");
      assert.equal(safe.connections.length, 1);
    }
  });

  it("gets no key of zeros, nor any other, at any step of a pairing", () => {
    for (const sc of [true, false]) {
      for (const code of [0x01, 0x0c, 0x03, 0x04]) {
        const safe = new Safe({ level: 3 });
        const phone = safe.phone({ sc });
        let done = false;
        phone.smp.onsend = (pdu) => {
          if (pdu[0] !== code || done) return;
          done = true;
          // After the PDU, not instead of it.
          safe.rig.board.clock.after(20, () => phone.central.connected && phone.central.encrypt(ZEROS));
        };
        phone.connect();
        safe.run(3000);
        const replies = safe.rig.board.chip.log.filter(({ opcode }: any) => opcode === SEC.LTK_REPLY).map(({ parameters }: any) => parameters.slice(2).some((octet: number) => octet > 0));
        assert.ok(!replies.includes(false), "no key of zeros");
        safe.unharmed();
      }
    }
  });

  it("gets no key at all without a bond, with a guessed EDIV, or with an unknown peer's", () => {
    const safe = new Safe();
    const stranger = new Stranger(safe).connect();
    for (const [rand, ediv] of [[new Uint8Array(8), 0], [new Uint8Array(8), 1], [Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]), 0x1234]] as const) {
      stranger.central.encrypt(ZEROS, rand, ediv);
      safe.run(500);
    }
    assert.deepEqual(stranger.encryptions, [6, 6, 6]);
    assert.equal(safe.rig.board.chip.log.filter(({ opcode }: any) => opcode === SEC.LTK_REPLY).length, 0);
    assert.equal(stranger.att("0a0300"), "");
    safe.unharmed();
  });
});

describe("guessing the code", () => {
  it("is slowed down for who claims to be a bonded phone, too: an address is no proof", () => {
    const store = new Memory();
    const safe = new Safe({ options: { store } });
    const phone = safe.phone();
    assert.equal(meet(safe, phone).paired, 4);
    phone.disconnect();
    safe.run(100);
    const thief = new Phone(safe.rig.board.air, { mtu: 23, interval: 7.5, address: "0b5e12e20100", pairing: { passkey: 654321 } });
    let guesses = 0;
    thief.smp.onreceive = (pdu) => {
      // Failed by a wrong confirm value: a bit of the code has been learnt.
      if (pdu[0] === 5 && pdu[1] === 4) guesses++;
    };
    for (let i = 0; i < 30; i++) {
      meet(safe, thief, 1000);
      if (thief.connected) thief.disconnect();
      safe.run(100);
    }
    assert.ok(guesses <= 4, `${guesses} guesses in a minute`);
  });
});

describe("who pairs by Just Works under the address of a bonded phone, on a device of level 1 with a code", () => {
  function victim(): { safe: Safe; phone: Phone; thief: Phone } {
    const safe = new Safe({ level: 1, options: { store: new Memory() } });
    safe.bt.setsecurity(1, CODE);
    const phone = safe.phone();
    phone.connect();
    assert.equal(phone.pair().level, 4);
    phone.subscribe("aa01", () => {});
    safe.run(200);
    phone.disconnect();
    safe.run(2000);
    const thief = safe.phone({ io: "NoInputNoOutput", request: "ignore" }, { address: "0b5e12e20100" });
    thief.connect();
    thief.start.pair(() => {});
    safe.run(2000);
    return { safe, phone, thief };
  }

  it("gets none of its subscriptions, and changes none", () => {
    const { safe, phone, thief } = victim();
    let heard = 0;
    thief.onnotify = () => void heard++;
    safe.bt.notify(0xaa01, "private");
    safe.run(200);
    assert.equal(heard, 0);
    if (thief.connected) {
      thief.subscribe("aa01", () => {});
      thief.unsubscribe("aa01");
      thief.disconnect();
    }
    safe.run(2000);
    let value = "";
    phone.onnotify = (_handle, bytes) => (value = Buffer.from(bytes).toString());
    phone.connect();
    phone.encrypt();
    safe.run(200);
    safe.bt.notify(0xaa01, "for you");
    safe.run(200);
    assert.equal(value, "for you");
    assert.equal(safe.open.security(), 4);
  });

  it("has no more guesses of the code than anybody else", () => {
    const { safe, thief } = victim();
    let guesses = 0;
    thief.smp.onreceive = (pdu) => {
      if (pdu[0] === 5 && pdu[1] === 4) guesses++;
    };
    for (let i = 0; i < 30; i++) {
      if (!thief.connected) thief.connect();
      thief.start.pair({ io: "KeyboardOnly", passkey: CODE ^ 1 }, () => {});
      safe.run(1000);
    }
    assert.ok(guesses <= 5, `${guesses} guesses in half a minute`);
  });
});
