import assert from "node:assert/strict";
import type { IoCapability } from "../../hal/mock/index.js";
import { CID } from "../support/links.js";
import { CODE, meet, Memory, Safe, Stranger } from "../support/security.js";
import { hex } from "../support/rig.js";

const IOS: readonly IoCapability[] = ["DisplayOnly", "DisplayYesNo", "KeyboardOnly", "NoInputNoOutput", "KeyboardDisplay"];

/** What the device's application offers, and the IO capability that it has then at levels 3 and 4. */
const KINDS = { DisplayOnly: {}, DisplayYesNo: { compare: true }, KeyboardDisplay: { compare: true, passkey: true } } as const;
type Kind = keyof typeof KINDS;

/** Table 2.8 of Vol 3 Part H: legacy and Secure Connections by the device's capability, the phone's in the order of their codes. */
const TABLE: { [kind in Kind]: readonly [readonly string[], readonly string[]] } = {
  DisplayOnly: [
    ["jw", "jw", "pk", "jw", "pk"],
    ["jw", "jw", "pk", "jw", "pk"],
  ],
  DisplayYesNo: [
    ["jw", "jw", "pk", "jw", "pk"],
    ["jw", "nc", "pk", "jw", "nc"],
  ],
  KeyboardDisplay: [
    ["pk", "pk", "pk", "jw", "pk"],
    ["pk", "nc", "pk", "jw", "nc"],
  ],
};

/** A device of a kind whose user sees and types what the phone's user sees and types. */
function device(kind: Kind, level: 1 | 3 | 4, more: any = {}): { safe: Safe; shown: { passkey: number; number: number }; given: { shown?: number } } {
  const shown = { passkey: -1, number: -1 };
  const given: { shown?: number } = {};
  const options: any = { ...more };
  if ("compare" in KINDS[kind]) {
    options.compare = (_c: unknown, number: number, reply: (same: boolean) => void): void => {
      shown.number = number;
      reply(true);
    };
  }
  if ("passkey" in KINDS[kind]) {
    // The user types what the phone shows, once it does.
    const type = (reply: (passkey: number) => void): void => void (given.shown === undefined ? safe.rig.clock.after(50, () => type(reply)) : reply(given.shown));
    options.passkey = (_c: unknown, reply: (passkey: number) => void): void => type(reply);
  }
  const safe: Safe = new Safe({ level, options });
  return { safe, shown, given };
}

describe("the device pairs by the method that the table has", () => {
  for (const sc of [true, false]) {
    for (const level of [1, 3, 4] as const) {
      for (const kind of Object.keys(KINDS) as Kind[]) {
        it(`${sc ? "Secure Connections" : "legacy"}, level ${level}, ${kind}, with every kind of phone`, () => {
          for (const [i, io] of IOS.entries()) {
            const { safe, shown, given } = device(kind, level);
            const phone = safe.phone({ sc, io, request: "ignore", display: (passkey) => void (given.shown = passkey), passkey: undefined });
            phone.pairing.passkey = () => (phone.keys.method === "type" ? CODE : 250_000 + i);
            phone.connect();
            safe.run(50);
            // At level 1 there is no code that could be shown.
            const own = level === 1 && kind === "DisplayOnly" ? Array(5).fill("jw") : TABLE[kind][sc ? 1 : 0];
            const expected = level === 1 && kind !== "DisplayOnly" && own[i] === "pk" && given.shown === undefined ? null : own[i];
            let result: any = null;
            let failed: any = null;
            try {
              result = phone.pair();
            } catch (error) {
              failed = error;
            }
            safe.run(200);
            const what = `${io}: ${failed} ${JSON.stringify(result?.method)}`;
            const method = phone.keys.method && { "just works": "jw", show: "pk", type: "pk", compare: "nc", oob: "oob" }[phone.keys.method];
            if (expected === "jw" && level > 1) {
              assert.deepEqual([failed?.smp, failed?.theirs], [3, true], what);
              assert.equal(safe.connections.length, 0);
            } else if (level === 4 && !sc) {
              assert.deepEqual([failed?.smp, failed?.theirs], [3, true], what);
            } else if (level > 1) {
              assert.equal(method, expected, what);
              assert.equal(failed, null, what);
              assert.equal(safe.open.security(), sc ? 4 : 3);
              assert.equal(result.level, sc ? 4 : 3);
              if (expected === "nc") assert.equal(shown.number, phone.keys.number);
            } else {
              assert.equal(safe.open.security(), failed ? 1 : method === "jw" ? 1 : sc ? 4 : 3, what);
            }
            assert.equal(phone.violations.length, 0, phone.violations.join());
            safe.unharmed();
          }
        });
      }
    }
  }

  it("a phone that does not ask for protection but has a keyboard gets passkey entry, and is served", () => {
    for (const sc of [true, false]) {
      const safe = new Safe({ level: 3 });
      const phone = safe.phone({ sc, mitm: false, bonding: false, io: "KeyboardOnly" });
      assert.equal(meet(safe, phone).paired, sc ? 4 : 3);
      assert.equal(Buffer.from(phone.read("aa01")).toString(), "secret");
    }
  });

  it("says what it has: the Pairing Response, typed from section 3.5.2", () => {
    const responses: [any, any, string, string][] = [
      [{ level: 4 }, {}, "0104000d100303", "0200000c100000"],
      [{ level: 3 }, {}, "01040005100303", "0200000c100000"],
      [{ level: 1 }, {}, "0103000d100303", "02030008100000"],
      [{ level: 4 }, { store: new Memory() }, "0104000d100307", "0200000d100301"],
      [{ level: 4 }, { store: new Memory() }, "0104000d100f0f", "0200000d100701"],
      [{ level: 4 }, { store: new Memory() }, "0104000c100307", "0200000d100000"],
      [{ level: 4 }, { compare: () => {} }, "0104000d100000", "0201000c100000"],
      [{ level: 4 }, { compare: () => {}, passkey: () => {} }, "0102000d100000", "0204000c100000"],
    ];
    for (const [setup, options, request, response] of responses) {
      const safe = new Safe({ ...setup, options });
      const stranger = new Stranger(safe).connect();
      if (setup.level > 1) stranger.next(CID.SMP);
      assert.equal(stranger.smp(request), response, request);
    }
  });
});

describe("the size of the key", () => {
  for (const [least, sc] of [[16, true], [16, false], [10, true], [10, false], [7, true], [7, false]] as const) {
    it(`is ${least} octets at least, ${sc ? "Secure Connections" : "legacy"}: less is refused with 0x06, more is what the phone offers`, () => {
      for (let size = 7; size <= 16; size++) {
        const safe = new Safe({ level: 3, options: { keysize: least } });
        const phone = safe.phone({ sc, keysize: size });
        const { paired, error } = meet(safe, phone);
        if (size < least) {
          assert.deepEqual([error?.smp, error?.theirs], [6, true], String(size));
          assert.equal(safe.connections.length, 0);
          continue;
        }
        // Level 4 needs a key of 128 bits (Vol 3 Part C 10.2.1).
        const level = sc && size === 16 ? 4 : 3;
        assert.equal(paired, level, `${size}: ${error}`);
        assert.equal(safe.open.security(), level, `${size} octets`);
      }
    });
  }

  it("at level 4 is 16 octets, whatever the option says", () => {
    const safe = new Safe({ level: 4, options: { keysize: 7 } });
    const phone = safe.phone({ keysize: 15 });
    const { error } = meet(safe, phone, 5000);
    assert.deepEqual([error?.smp, error?.theirs], [6, true]);
    assert.equal(safe.connections.length, 0);
  });

  it("below 7 or above 16 is none", () => {
    for (const size of [0, 1, 6, 17, 255]) {
      const safe = new Safe({ level: 3, options: { keysize: 7 } });
      const stranger = new Stranger(safe).connect();
      stranger.next(CID.SMP);
      assert.match(stranger.smp(`0104000d${hex([size])}0000`), /^05(06|0a)$/, String(size));
    }
  });
});

describe("the time of a pairing", () => {
  it("is 30 s for each PDU: after that nothing of the Security Manager is said or heard, and at levels 3 and 4 the link is closed", () => {
    for (const level of [3, 4] as const) {
      const safe = new Safe({ level });
      const stranger = new Stranger(safe).connect();
      stranger.next(CID.SMP);
      const begun = safe.rig.now;
      assert.match(stranger.smp("0104000d100000"), /^02/);
      safe.until(() => stranger.ends.length > 0, 61_000);
      assert.ok(Math.abs(safe.rig.now - begun - 30_000) < 300, String(safe.rig.now - begun));
      assert.deepEqual(stranger.ends, [5]);
      assert.deepEqual(stranger.frames, [], "not a word");
      assert.equal(safe.connections.length, 0);
      safe.unharmed();
    }
  });

  it("at level 1 the link stays, deaf and mute for all codes", () => {
    const safe = new Safe({ level: 1 });
    const stranger = new Stranger(safe).connect();
    assert.match(stranger.smp("0103000d100000"), /^02/);
    safe.run(31_000);
    assert.deepEqual(stranger.frames, []);
    for (let code = 0; code < 256; code += code < 16 ? 1 : 40) {
      for (const length of [1, 2, 7, 17, 65]) assert.equal(stranger.smp(hex([code]) + "01".repeat(length - 1), 40), "", `code ${code}`);
    }
    assert.equal(stranger.att("0a0300"), "0b" + hex(Buffer.from("blimp")), "GATT goes on");
    let told: any = null;
    safe.open.pair((error: any) => (told = error));
    safe.run(61_000);
    assert.ok(told instanceof Error, "who asks to pair on it is told");
    assert.equal(stranger.next(CID.SMP, 10), "");
    safe.unharmed();
  });

  it("begins anew with each PDU, and with keypresses", () => {
    const safe = new Safe({ level: 1 });
    const stranger = new Stranger(safe).connect();
    stranger.smp("0103000d100000");
    for (let i = 0; i < 4; i++) {
      safe.run(25_000);
      stranger.send(CID.SMP, "0e00");
    }
    safe.run(10_000);
    assert.equal(stranger.smp("0508", 50), "");
    assert.match(stranger.smp("0103000d100000"), /^02/, "it was still under way");
  });
});

describe("PDUs out of place", () => {
  function talk(level: 1 | 3 | 4 = 1, options: any = {}): { safe: Safe; stranger: Stranger } {
    const safe = new Safe({ level, options });
    const stranger = new Stranger(safe).connect();
    if (level > 1) stranger.next(CID.SMP);
    return { safe, stranger };
  }

  const LENGTHS = [0, 7, 7, 17, 17, 2, 17, 11, 17, 8, 17, 2, 65, 17, 2];

  it("unknown codes get Pairing Failed 0x07, with and without a pairing", () => {
    for (const code of [0, 0x0f, 0x10, 0x7f, 0xff]) {
      const { stranger } = talk();
      assert.equal(stranger.smp(hex([code])), "0507");
      assert.equal(stranger.smp(hex([code, 1, 2, 3])), "0507");
      assert.match(stranger.smp("0103000d100000"), /^02/);
      assert.equal(stranger.smp(hex([code])), "0507");
    }
  });

  it("a length that is wrong by one ends a pairing with 0x0A, and is harmless without one", () => {
    for (let code = 1; code < LENGTHS.length; code++) {
      for (const length of [1, LENGTHS[code] - 1, LENGTHS[code] + 1, 65]) {
        if (length < 1 || length === LENGTHS[code]) continue;
        const pdu = hex([code]) + "01".repeat(length - 1);
        const { safe, stranger } = talk();
        const alone = stranger.smp(pdu, 100);
        assert.ok(alone === (code === 1 ? "050a" : ""), `${pdu}: ${alone}`);
        assert.match(stranger.smp("0103000d100000"), /^02/);
        const within = stranger.smp(pdu, 100);
        assert.equal(within, code === 5 ? "" : "050a", pdu);
        safe.unharmed();
      }
    }
  });

  it("each code at each step of a pairing but the right one ends it, with a reason that the specification has", () => {
    for (let code = 1; code < LENGTHS.length; code++) {
      if (code === 0x0c || code === 5 || code === 0x0e || code === 0x0b) continue;
      const { safe, stranger } = talk();
      assert.match(stranger.smp("0103000d100000"), /^02/);
      const answer = stranger.smp(hex([code]) + "01".repeat(LENGTHS[code] - 1), 300);
      assert.match(answer, /^05(07|08|0a)$/, `code ${code}`);
      assert.match(stranger.smp("0103000d100000"), /^02/, "another begins anew");
      safe.unharmed();
    }
  });

  it("Pairing Failed is not answered, whatever its reason", () => {
    for (const reason of [0, 1, 8, 0x0e, 0xff]) {
      const { stranger } = talk();
      assert.equal(stranger.smp("05" + hex([reason]), 100), "");
      assert.match(stranger.smp("0103000d100000"), /^02/);
      assert.equal(stranger.smp("05" + hex([reason]), 100), "");
    }
  });

  it("values that a Pairing Request may not have are refused with 0x0A", () => {
    for (const request of ["0105000d100000", "01ff000d100000", "0103020d100000", "010300ff110000"]) {
      assert.equal(talk().stranger.smp(request), "050a", request);
    }
  });

  it("a Pairing Request in the middle of a pairing ends it, and the next begins anew", () => {
    const { safe, stranger } = talk();
    assert.match(stranger.smp("0103000d100000"), /^02/);
    assert.match(stranger.smp("0103000d100000"), /^05(08|0a)$/);
    assert.match(stranger.smp("0103000d100000"), /^02/);
    safe.unharmed();
  });

  it("storms of Security Requests and Pairing Failed of a central are not answered", () => {
    const { safe, stranger } = talk();
    for (let i = 0; i < 300; i++) stranger.send(CID.SMP, i & 1 ? "0b0d" : "0508");
    safe.run(3000);
    assert.deepEqual(stranger.frames, []);
    assert.equal(stranger.att("0a0300").slice(0, 2), "0b");
    safe.unharmed();
  });

  it("a peer that takes no answers makes no heap of them", () => {
    const { safe, stranger } = talk();
    stranger.central.busy = true;
    for (let i = 0; i < 3000; i++) {
      stranger.send(CID.SMP, "0f");
      if (i % 50 === 0) safe.run(500);
    }
    safe.run(2000);
    stranger.central.busy = false;
    safe.run(20_000);
    assert.ok(stranger.frames.length <= 16, `${stranger.frames.length} answers were kept`);
  });
});

describe("pairing anew on a live link", () => {
  it("keeps what is served, gives a new key, and tells nobody twice", () => {
    for (const store of [undefined, new Memory()]) {
      const safe = new Safe({ level: 3, options: store ? { store } : {} });
      const phone = safe.phone();
      assert.equal(meet(safe, phone).paired, 4);
      const first = hex(phone.keys.ltk!);
      assert.equal(phone.pair().level, 4);
      assert.notEqual(hex(phone.keys.ltk!), first);
      safe.run(100);
      assert.equal(Buffer.from(phone.read("aa01")).toString(), "secret");
      assert.equal(safe.open.security(), 4);
      assert.equal(safe.connections.length, 1);
      safe.unharmed();
    }
  });

  it("does not lower what the link has: Just Works and legacy are refused on it, and it goes on", () => {
    const safe = new Safe({ level: 3, options: { compare: (_c: unknown, _n: number, reply: (same: boolean) => void) => reply(true) } });
    const phone = safe.phone({ strict: false });
    assert.equal(meet(safe, phone).paired, 4);
    safe.bt.setsecurity(1);
    for (const more of [{ io: "NoInputNoOutput" as const }, { sc: false }]) {
      assert.throws(() => phone.pair(more), (error: any) => error.smp === 3 && error.theirs);
      assert.equal(safe.open.security(), 4);
      assert.equal(Buffer.from(phone.read("aa01")).toString(), "secret");
    }
  });

  it("a key refresh with the key of the bond keeps the link as it is; with a wrong key it ends", () => {
    const safe = new Safe({ options: { store: new Memory() } });
    const phone = safe.phone();
    assert.equal(meet(safe, phone).paired, 4);
    phone.encrypt();
    safe.run(100);
    assert.equal(safe.open.security(), 4);
    assert.equal(Buffer.from(phone.read("aa01")).toString(), "secret");
    phone.start.encrypt(() => {});
    safe.run(500);
    assert.equal(Buffer.from(phone.read("aa01")).toString(), "secret");
    phone.central.encrypt(new Uint8Array(16));
    safe.run(5000);
    assert.equal(phone.connected, false);
    assert.equal(safe.closed.length, 1);
    safe.unharmed();
  });
});
