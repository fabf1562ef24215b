import assert from "node:assert/strict";
import { hex, unhex } from "../support/rig.js";
import { Responder, type ResponderSetup } from "../support/responder.js";
import { CODE, Memory, Safe, type Setup } from "../support/security.js";

interface Central {
  safe: Safe;
  responder: Responder;
  connection: any;
  /** What `pair` called back with: "null 4", or an error's code and detail. */
  told: string[];
}

/** Our central, connected with a peripheral. */
function central(given: ResponderSetup, setup: Setup = {}): Central {
  const safe = new Safe({ level: 1, ...setup, options: { passkey: (_c: unknown, reply: (passkey: number) => void) => reply(given.passkey ?? 0), ...setup.options } });
  safe.bt.stopadvertise();
  const responder = new Responder(safe.rig.board.air, given);
  const made: Central = { safe, responder, connection: null, told: [] };
  reconnect(made);
  return made;
}

function reconnect(made: Central): void {
  made.connection = null;
  made.safe.bt.connect("c00000000001", 1, (error, connection) => {
    assert.equal(error, null);
    made.connection = connection;
  });
  made.safe.until(() => made.connection !== null, 6000);
  assert.notEqual(made.connection, null);
  made.safe.run(200);
}

function pair(made: Central, ms = 5000): Central {
  made.connection.pair((error: any, level: number) => void made.told.push(error ? `${error.code} ${error.detail}` : `null ${level}`));
  made.safe.run(ms);
  return made;
}

describe("our central pairs", () => {
  for (const [name, setup, expected] of [
    ["Just Works, Secure Connections", { method: "jw" }, 1],
    ["Just Works, legacy", { method: "jw", response: "02030005100000" }, 1],
    ["passkey typed here, Secure Connections", { method: "passkey", passkey: CODE }, 4],
    ["passkey typed here, legacy", { method: "passkey", passkey: CODE, response: "02000005100000" }, 3],
  ] as [string, ResponderSetup, number][]) {
    it(name, () => {
      const made = pair(central(setup));
      assert.deepEqual(made.told, [`null ${expected}`], made.responder.smp.join());
      assert.ok(made.responder.encrypted);
      assert.equal(made.connection.security(), expected);
      made.safe.unharmed();
    });
  }

  it("numbers compared, by the user's yes; by his no it does not", () => {
    for (const yes of [true, false]) {
      const shown: number[] = [];
      const options = {
        compare: (_c: unknown, number: number, reply: (same: boolean) => void): void => {
          shown.push(number);
          reply(yes);
        },
      };
      const made = pair(central({ method: "compare", response: "0201000d100000" }, { options }));
      assert.deepEqual(shown, [made.responder.number]);
      assert.deepEqual(made.told, [yes ? "null 4" : "pairing 12"]);
      assert.equal(made.responder.encrypted, yes);
    }
  });

  it("comes back with the key of Secure Connections, and with EDIV and Rand of legacy pairing", () => {
    for (const sc of [true, false]) {
      const ltk = "0102030405060708090a0b0c0d0e0f10";
      const keys = sc ? [] : ["06" + ltk, "07" + "3412" + "1112131415161718"];
      const response = sc ? "0200000d100000" : "02000005100001";
      const made = pair(central({ method: "passkey", passkey: CODE, response, keys }, { options: { store: new Memory() } }));
      assert.deepEqual(made.told, [sc ? "null 4" : "null 3"]);
      assert.equal((made.safe.bt as any).bonds().length, 1);
      const key = made.responder.key!;
      made.connection.close();
      made.safe.run(1000);
      made.responder.key = sc ? key : unhex(ltk);
      made.responder.encrypted = false;
      const asked: string[] = [];
      const { onkey } = made.responder;
      made.responder.onkey = (rand, ediv) => {
        asked.push(`${ediv} ${hex(rand)}`);
        return onkey(rand, ediv);
      };
      reconnect(made);
      made.responder.smp.length = 0;
      made.told.length = 0;
      pair(made);
      assert.deepEqual(asked, [sc ? "0 0000000000000000" : "4660 1112131415161718"]);
      assert.deepEqual(made.told, [sc ? "null 4" : "null 3"]);
      assert.deepEqual(made.responder.smp, [], "no new pairing");
      made.safe.unharmed();
    }
  });

  it("tells each who asks, also twice at once, and on a connection that ends", () => {
    const made = central({ method: "jw", change: () => "" });
    let second: any = null;
    made.connection.pair((error: any) => void made.told.push(error?.code));
    try {
      made.connection.pair((error: any) => void made.told.push(error?.code));
    } catch (error) {
      second = error;
    }
    made.connection.close();
    made.safe.run(2000);
    assert.equal(made.told.length + (second ? 1 : 0), 2, `${made.told} ${second}`);
    made.told.length = 0;
    pair(made, 500);
    assert.deepEqual(made.told, ["disconnected 0"]);
  });

  it("ends after 30 s of silence with an error, at each step", () => {
    for (let step = 1; step <= 4; step++) {
      let count = 0;
      const made = central({ method: "jw", change: (pdu) => (++count >= step ? "" : pdu) });
      pair(made, 29_000);
      assert.deepEqual(made.told, []);
      made.safe.run(3000);
      assert.equal(made.told.length, 1, `step ${step}`);
      assert.match(made.told[0], /^(timeout|pairing) /);
      pair(made, 62_000);
      assert.equal(made.told.length, 2, "again: told at once or by a limit");
      made.safe.unharmed();
    }
  });
});

describe("our central does not put up with", () => {
  const flip = (digits: string): string => digits.slice(0, -1) + (digits.endsWith("0") ? "1" : "0");

  function refused(setup: ResponderSetup, reason: number, more: Setup = {}): Central {
    const made = pair(central(setup, more));
    assert.equal(made.responder.encrypted, false);
    assert.equal(made.responder.smp.at(-1), "05" + hex([reason]), made.responder.smp.map((pdu) => pdu.slice(0, 4)).join());
    assert.deepEqual(made.told, [`pairing ${reason}`]);
    assert.equal(made.connection.security(), 1);
    made.safe.unharmed();
    return made;
  }

  it("a public key off the curve, our own with either Y, or the debug key", () => {
    const p = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
    refused({ method: "jw", change: (pdu) => (pdu.startsWith("0c") ? flip(pdu) : pdu) }, 0x0b);
    refused({ method: "jw", change: (pdu) => (pdu.startsWith("0c") ? "0c" + "00".repeat(64) : pdu) }, 0x0b);
    refused({ method: "jw", change: (pdu, responder) => (pdu.startsWith("0c") ? responder.smp.at(-1)! : pdu) }, 0x0b);
    refused(
      {
        method: "jw",
        change: (pdu, responder) => {
          if (!pdu.startsWith("0c")) return pdu;
          const own = responder.smp.at(-1)!;
          const y = BigInt("0x" + hex(Buffer.from(own.slice(66), "hex").reverse()));
          return own.slice(0, 66) + hex(Buffer.from((p - y).toString(16).padStart(64, "0"), "hex").reverse());
        },
      },
      0x0b,
    );
    refused({ method: "jw", secret: "3f49f6d4a3c55f3874c9b3e3d2103f504aff607beb40b7995899b8a6cd3c1abd" }, 0x0b);
  });

  it("wrong confirm, random and check values, and its own that come back", () => {
    refused({ method: "jw", change: (pdu) => (pdu.startsWith("03") ? flip(pdu) : pdu) }, 4);
    refused({ method: "jw", change: (pdu) => (pdu.startsWith("04") ? flip(pdu) : pdu) }, 4);
    refused({ method: "jw", change: (pdu) => (pdu.startsWith("0d") ? flip(pdu) : pdu) }, 0x0b);
    refused({ method: "jw", response: "02030005100000", change: (pdu) => (pdu.startsWith("03") ? flip(pdu) : pdu) }, 4);
    for (const response of ["0200000d100000", "02000005100000"]) {
      for (const code of ["03", "04"]) refused({ method: "passkey", passkey: CODE, response, change: (pdu, responder) => (pdu.startsWith(code) ? responder.smp.at(-1)! : pdu) }, 4);
    }
    refused({ method: "jw", change: (pdu, responder) => (pdu.startsWith("0d") ? responder.smp.at(-1)! : pdu) }, 0x0b);
  });

  it("a passkey that differs, in each bit", () => {
    for (let bit = 0; bit < 20; bit += 3) {
      const made = pair(central({ method: "passkey", passkey: CODE }, { options: { passkey: (_c: unknown, reply: (passkey: number) => void) => reply(CODE ^ (1 << bit)) } }));
      assert.deepEqual(made.told, ["pairing 4"]);
      assert.equal(made.responder.encrypted, false);
    }
  });

  it("a Pairing Response that makes no sense", () => {
    for (const response of ["0205000d100000", "0203020d100000", "0203000d110000"]) refused({ method: "jw", response }, 0x0a);
    refused({ method: "jw", response: "0203000d0f0000" }, 6);
    refused({ method: "jw", response: "0203000d070000" }, 6);
    // What was not asked for cannot be distributed (3.6.1).
    refused({ method: "jw", response: "0203000d100f0f" }, 0x0a);
  });

  it("Just Works, legacy and short keys, where the level asks for more", () => {
    for (const [level, setup, reason] of [[3, { method: "jw" }, 3], [4, { method: "jw" }, 3], [4, { method: "passkey", passkey: CODE, response: "02000005100000" }, 3], [4, { method: "passkey", passkey: CODE, response: "0200000d080000" }, 6]] as [any, ResponderSetup, number][]) {
      refused(setup, reason, { level });
    }
  });

  it("out-of-band flags where nothing was given out of band", () => {
    for (const response of ["0203010d100000", "02030105100000"]) {
      const made = pair(central({ method: "jw", response }, { level: 3 }));
      assert.match(made.told[0], /^pairing /);
      assert.equal(made.responder.encrypted, false);
    }
  });

  it("PDUs out of turn, of wrong lengths and of unknown codes", () => {
    const other: [string, string, RegExp][] = [
      ["02", "03" + "11".repeat(16), /^05(08|0a)$/],
      ["0c", "04" + "11".repeat(16), /^05(08|0a)$/],
      ["03", "0d" + "11".repeat(16), /^05(08|0a)$/],
      ["04", "0200000d100000", /^05(08|0a)$/],
      ["02", "0200000d1000", /^050a$/],
      ["0c", "0c00", /^050a$/],
      ["02", "0f", /^0507$/],
      ["0d", "06" + "11".repeat(16), /^05(08|0a)$/],
    ];
    for (const [code, pdu, answer] of other) {
      const made = pair(central({ method: "jw", change: (right) => (right.startsWith(code) ? pdu : right) }));
      assert.equal(made.told.length, 1, `${code} ${pdu}`);
      assert.match(made.responder.smp.at(-1)!, answer, `${code} ${pdu}`);
      assert.equal(made.responder.encrypted, false);
      made.safe.unharmed();
    }
  });

  it("a Pairing Request of the peripheral: 0x07, and keys that were not agreed upon", () => {
    const made = central({ method: "jw" });
    made.responder.smp.length = 0;
    made.responder.send(6, "0103000d100000");
    made.safe.run(300);
    assert.deepEqual(made.responder.smp, ["0507"]);
    const keys = central({ method: "jw", keys: ["08" + "11".repeat(16)] }, { options: { store: new Memory() } });
    pair(keys);
    assert.ok((keys.safe.bt as any).bonds().every(({ address }: any) => address === "c00000000001"));
    keys.safe.unharmed();
  });

  it("a storm of Security Requests: one pairing at a time, and none at level 1", () => {
    for (const level of [1, 4] as const) {
      const made = central({ method: "passkey", passkey: CODE }, { level });
      made.responder.smp.length = 0;
      for (let i = 0; i < 60; i++) {
        made.responder.send(6, "0b0d");
        made.safe.run(20);
      }
      made.safe.run(3000);
      const requests = made.responder.smp.filter((pdu) => pdu.startsWith("01")).length;
      assert.ok(requests <= 1, `level ${level}: ${requests} Pairing Requests`);
      if (level === 4) assert.equal(made.connection.security(), 4);
      made.safe.unharmed();
    }
  });

  it("Identity Address and Central Identification without the key that goes before them", () => {
    const made = central({ method: "passkey", passkey: CODE, response: "02000005100003", keys: ["07" + "3412" + "1112131415161718", "09" + "01" + "0200000000c0"] }, { level: 3, options: { store: new Memory() } });
    pair(made);
    const list = (made.safe.bt as any).bonds();
    assert.deepEqual(list, [], "a bond of keys that never came");
    assert.match(made.told[0] ?? "pairing", /^pairing/);
  });
});

describe("raising the level", () => {
  it("asks the peripherals of live links to pair", () => {
    const made = central({ method: "passkey", passkey: CODE });
    made.responder.smp.length = 0;
    made.safe.bt.setsecurity(4, CODE);
    made.safe.run(5000);
    assert.ok(made.responder.smp[0]?.startsWith("01"), "a Pairing Request");
    assert.equal(made.connection.security(), 4);
  });
});

describe("an impostor at the address of a bonded peripheral", () => {
  it("that says it has lost the key gets no bond by Just Works in place of the better one, and the application hears of an error", () => {
    const given: ResponderSetup = { method: "passkey", passkey: CODE };
    const made = pair(central(given, { options: { store: new Memory() } }));
    assert.deepEqual(made.told, ["null 4"]);
    const before = JSON.stringify((made.safe.bt as any).bonds());
    const key = hex(made.responder.key!);
    made.connection.close();
    made.safe.run(1000);
    made.responder.key = null;
    given.method = "jw";
    reconnect(made);
    made.told.length = 0;
    pair(made);
    assert.equal(made.told.length, 1);
    assert.match(made.told[0], /^pairing /);
    assert.equal(made.connection.security(), 1);
    assert.equal(JSON.stringify((made.safe.bt as any).bonds()), before);
    // The true one comes back.
    made.connection.close();
    made.safe.run(1000);
    given.method = "passkey";
    made.responder.key = Uint8Array.from(Buffer.from(key, "hex"));
    reconnect(made);
    made.told.length = 0;
    pair(made);
    assert.deepEqual(made.told, ["null 4"]);
    made.safe.unharmed();
  });

  it("that has no key, at level 4, gets a pairing that is as good, or none", () => {
    for (const right of [true, false]) {
      const given: ResponderSetup = { method: "passkey", passkey: CODE };
      const made = pair(central(given, { level: 4, options: { store: new Memory() } }));
      assert.deepEqual(made.told, ["null 4"]);
      made.connection.close();
      made.safe.run(1000);
      made.responder.key = null;
      if (!right) given.method = "jw";
      reconnect(made);
      made.told.length = 0;
      pair(made);
      assert.deepEqual(made.told, [right ? "null 4" : "pairing 3"]);
      assert.equal((made.safe.bt as any).bonds()[0].level, 4);
    }
  });
});
