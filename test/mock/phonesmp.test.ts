import assert from "node:assert/strict";
import { Air, deviceAddress, Phone, resolves, VirtualClock, type PhoneOptions } from "../../hal/mock/index.js";
import { c1, cmac, f4, f5, f6, keyPair, reversed, s1, sharedSecret } from "../../hal/mock/phonecrypto.js";
import { privateAddress } from "../../hal/mock/phonesmp.js";
import { Random } from "../../hal/mock/index.js";
import { hex, unhex } from "./rawhost.js";
import { CID, RawPeripheral } from "./rawperipheral.js";

const KEY = "0102030405060708090a0b0c0d0e0f10";
const IRK = unhex("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
const PRIVATE = unhex("55188b3d32f6bb9a900afcfbeed4e72a59cb9ac2f19d7cfb6b4fdd49f47fc5fd");
const NONCE = unhex("000102030405060708090a0b0c0d0e0f");

interface Setup {
  /** What answers the Pairing Request. */
  pres: string;
  /** Legacy: the temporary key. */
  tk?: string;
  /** Secure Connections with OOB: the phone's data, and the peripheral's random value. */
  oob?: { confirm?: Uint8Array; ra?: Uint8Array; rb?: Uint8Array };
  /** PDUs sent once the link is encrypted. */
  keys?: string[];
  /** Changes a PDU, hex digits; "" sends none. */
  change?: (pdu: string) => string;
  peripheral?: ConstructorParameters<typeof RawPeripheral>[1];
}

/** A peripheral that answers pairing as Core Vol 3 Part H 2.3.5 has it: legacy, and Secure Connections by Just Works and OOB. */
class Responder extends RawPeripheral {
  /** SMP PDUs heard, hex digits. */
  readonly smp: string[] = [];
  key: Uint8Array | null = null;
  /** Keys asked for: EDIV and Rand. */
  readonly asked: string[] = [];
  private readonly _own = keyPair(PRIVATE)!;
  private readonly _setup: Setup;
  private _preq = new Uint8Array(7);
  private _pres = new Uint8Array(7);
  private _x = new Uint8Array(32);
  private _dhkey = new Uint8Array(32);
  private _confirm = "";
  private _na = new Uint8Array(16);

  constructor(air: Air, setup: Setup) {
    super(air, setup.peripheral);
    this._setup = setup;
    this.onframe = (cid, payload) => {
      if (cid === CID.SMP) this._answer(payload);
    };
    this.onkey = (rand, ediv) => {
      this.asked.push(`${ediv} ${hex(rand)}`);
      return this.key;
    };
    this.onencrypted = () => {
      for (const pdu of setup.keys ?? []) this.say(pdu);
    };
  }

  say(pdu: string): void {
    const changed = this._setup.change?.(pdu) ?? pdu;
    if (changed !== "") this.send(CID.SMP, changed);
  }

  private get _sc(): boolean {
    return (this._preq[3] & this._pres[3] & 8) !== 0;
  }

  private _answer(pdu: Uint8Array): void {
    this.smp.push(hex(pdu));
    const value = pdu.slice(1);
    const { oob, pres, tk = "00".repeat(16) } = this._setup;
    if (pdu[0] === 1) {
      this._preq = Uint8Array.from(pdu);
      this._pres = Uint8Array.from(unhex(pres));
      this.say(pres);
    } else if (pdu[0] === 0x0c) {
      this._x = reversed(value.slice(0, 32)) as Uint8Array<ArrayBuffer>;
      this._dhkey = sharedSecret(this._own.ecdh, this._x, reversed(value.slice(32))) as Uint8Array<ArrayBuffer>;
      this.say("0c" + hex(reversed(this._own.x)) + hex(reversed(this._own.y)));
      if (oob === undefined) this.say("03" + hex(reversed(f4(this._own.x, this._x, NONCE, 0))));
      else if (oob.confirm !== undefined) assert.equal(hex(reversed(f4(this._x, this._x, reversed(oob.ra!), 0))), hex(oob.confirm), "the phone's OOB data");
    } else if (pdu[0] === 3) {
      this._confirm = hex(value);
      this.say("03" + hex(this._c1(unhex(tk), NONCE)));
    } else if (pdu[0] === 4) {
      this._na = reversed(value) as Uint8Array<ArrayBuffer>;
      if (!this._sc) {
        if (hex(this._c1(unhex(tk), this._na)) !== this._confirm) return this.say("0504");
        this.key = this._cut(reversed(s1(reversed(unhex(tk)), NONCE, this._na)));
      }
      this.say("04" + hex(reversed(NONCE)));
    } else if (pdu[0] === 0x0d) {
      const [a, b] = [this.peer!, this.address].map(({ random, bytes }) => Uint8Array.of(random, ...reversed(bytes)));
      const { mackey, ltk } = f5(this._dhkey, this._na, NONCE, a, b);
      const [ra, rb] = [oob?.ra, oob?.rb].map((random) => reversed(random ?? new Uint8Array(16)));
      const ea = f6(mackey, this._na, NONCE, rb, reversed(this._preq.slice(1, 4)), a, b);
      if (hex(value) !== hex(reversed(ea))) return this.say("050b");
      this.key = this._cut(reversed(ltk));
      this.say("0d" + hex(reversed(f6(mackey, NONCE, this._na, ra, reversed(this._pres.slice(1, 4)), b, a))));
    }
  }

  /** A key of the size that was agreed upon. */
  private _cut(key: Uint8Array): Uint8Array {
    const size = Math.min(this._preq[4], this._pres[4]);
    return key.map((octet, i) => (i < size ? octet : 0));
  }

  /** Least significant octet first; the random value most. */
  private _c1(tk: Uint8Array, rand: Uint8Array): Uint8Array {
    const [peer, own] = [this.peer!, this.address];
    return reversed(c1(reversed(tk), rand, reversed(this._preq), reversed(this._pres), peer.random, reversed(peer.bytes), own.random, reversed(own.bytes)));
  }
}

function made(setup: Setup, options: PhoneOptions = {}): { peripheral: Responder; phone: Phone; clock: VirtualClock } {
  const clock = new VirtualClock();
  const air = new Air(clock, { seed: 9 });
  const peripheral = new Responder(air, setup);
  const phone = new Phone(air, { mtu: 23, ...options });
  phone.connect();
  return { peripheral, phone, clock };
}

function fails(call: () => unknown, expected: object): void {
  assert.throws(call, (error: any) => {
    const got = Object.fromEntries(Object.keys(expected).map((key) => [key, error[key]]));
    assert.deepEqual(got, expected, error.stack);
    return true;
  });
}

describe("the phone's Pairing Request", () => {
  it("says what the phone is asked to say", () => {
    const requests: [PhoneOptions["pairing"], string][] = [
      [{}, "0104000d100303"],
      [{ io: "DisplayOnly", mitm: false, bonding: false, sc: false }, "01000000100000"],
      [{ io: "DisplayYesNo", keysize: 7, keysDistribution: { initiator: 4 } }, "0101000d070403"],
      [{ io: "KeyboardOnly", sc: false, oob: { tk: unhex(KEY) }, keysDistribution: { initiator: 15, responder: 1 } }, "01020105100f01"],
      [{ io: "NoInputNoOutput", oob: { tk: unhex(KEY) } }, "0103000d100303"],
      [{ oob: { peer: { confirm: NONCE, random: NONCE } } }, "0104010d100303"],
    ];
    for (const [pairing, request] of requests) {
      const { phone, peripheral } = made({ pres: "0508" }, { pairing });
      fails(() => phone.pair(), { code: "smp", smp: 8, theirs: true });
      assert.deepEqual(peripheral.smp, [request]);
    }
  });
});

describe("the phone chooses the method", () => {
  // Vol 3 Part H table 2.8: a row is the peripheral's capability, a column the phone's, both in the order of their codes (DisplayOnly, DisplayYesNo,
  // KeyboardOnly, NoInputNoOutput, KeyboardDisplay). j Just Works, t the phone types, s the phone shows, c comparison.
  const TABLE = { legacy: ["jjtjt", "jjtjt", "sstjs", "jjjjj", "sstjs"], sc: ["jjtjt", "jctjc", "sstjs", "jjjjj", "sctjc"] };
  const NAMES = { j: "just works", t: "type", s: "show", c: "compare" } as const;
  const IO = ["DisplayOnly", "DisplayYesNo", "KeyboardOnly", "NoInputNoOutput", "KeyboardDisplay"] as const;

  function method(sc: boolean, phone: number, peripheral: number, mitm: readonly [boolean, boolean]): string {
    const authreq = (sc ? 8 : 0) + (mitm[1] ? 4 : 0);
    const all = made({ pres: `020${peripheral}000${authreq.toString(16)}100000`, change: (pdu) => (pdu.startsWith("02") ? pdu : "0508") });
    fails(() => all.phone.pair({ sc, io: IO[phone], mitm: mitm[0], passkey: 1 }), { code: "smp", smp: 8, theirs: true });
    return all.phone.keys.method!;
  }

  for (const sc of [false, true]) {
    it(`by both IO capabilities, ${sc ? "Secure Connections" : "legacy"}, where either wants MITM protection`, () => {
      for (const [peripheral, row] of TABLE[sc ? "sc" : "legacy"].entries()) {
        for (const [phone, letter] of [...row].entries()) {
          const mitm = (peripheral + phone) % 2 === 0 ? ([true, false] as const) : ([false, true] as const);
          assert.equal(method(sc, phone, peripheral, mitm), NAMES[letter as keyof typeof NAMES], `phone ${IO[phone]}, peripheral ${IO[peripheral]}`);
        }
      }
    });
  }

  it("and takes Just Works where neither does", () => {
    for (const sc of [false, true]) assert.equal(method(sc, 4, 4, [false, false]), "just works");
  });
});

describe("the phone pairs by what went another way", () => {
  it("legacy, with a temporary key", () => {
    const { phone, peripheral } = made({ pres: "02000105100000", tk: KEY }, { pairing: { sc: false, oob: { tk: unhex(KEY) } } });
    const { level, method, bonded, ltk } = phone.pair();
    assert.deepEqual([level, method, bonded, ltk], [3, "oob", true, null]);
    assert.equal(hex(phone.keys.stk!), hex(peripheral.key!));
    assert.ok(phone.encrypted);
  });

  it("legacy, where the temporary keys differ, or only one has one", () => {
    const { phone } = made({ pres: "02000105100000", tk: KEY.replace("01", "02") }, { pairing: { sc: false, oob: { tk: unhex(KEY) } } });
    fails(() => phone.pair(), { code: "smp", smp: 4, theirs: true });
    const alone = made({ pres: "02030005100000" }, { pairing: { sc: false, oob: { tk: unhex(KEY) } } });
    assert.equal(alone.phone.pair().method, "just works");
  });

  it("Secure Connections, with the peripheral's data, with its own, and with both", () => {
    const rb = unhex(KEY);
    const { x } = keyPair(PRIVATE)!;
    const given = { confirm: reversed(f4(x, x, reversed(rb), 0)), random: rb };
    for (const [theirs, ours] of [[true, false], [false, true], [true, true]]) {
      const setup: Setup = { pres: `0203${ours ? "01" : "00"}0d100000`, oob: { rb: theirs ? rb : undefined } };
      const { phone, peripheral } = made(setup, { pairing: { io: "NoInputNoOutput", oob: theirs ? { peer: given } : null } });
      if (ours) {
        const { confirm, random } = phone.smp.oobdata();
        Object.assign(setup.oob!, { confirm, ra: random });
      }
      const { level, method, ltk } = phone.pair();
      assert.deepEqual([level, method, hex(ltk!)], [4, "oob", hex(peripheral.key!)]);
    }
    // Data that the peripheral has not been given count as zero.
    const unused = made({ pres: "0203000d100000", oob: { rb } }, { pairing: { oob: { peer: given } } });
    unused.phone.smp.oobdata();
    assert.equal(unused.phone.pair().level, 4);
    const { phone } = made({ pres: "0203000d100000", oob: { rb } }, { pairing: { oob: { peer: { ...given, random: NONCE } } } });
    fails(() => phone.pair(), { code: "smp", smp: 4, theirs: false });
  });
});

describe("the phone falls back", () => {
  it("to legacy pairing where the peripheral has nothing better, and to its own size of key", () => {
    const { phone, peripheral } = made({ pres: "02030001090000" });
    const { sc, level, keysize } = phone.pair();
    assert.deepEqual([sc, level, keysize], [false, 2, 9]);
    assert.deepEqual(peripheral.smp.map((pdu) => pdu.slice(0, 2)), ["01", "03", "04"]);
    assert.equal(hex(phone.keys.stk!).slice(18), "00".repeat(7));
  });
});

describe("the phone distributes keys", () => {
  const keys = ["06" + KEY, "07" + "3412" + "1112131415161718", "08" + hex(IRK), "09" + "01" + "0100000000c0", "0a" + KEY];

  it("takes the peripheral's, gives its own, and comes back with the key of the bond", () => {
    const { phone, peripheral, clock } = made({ pres: "02030001100707", keys }, { pairing: { keysDistribution: { initiator: 7, responder: 7 } } });
    phone.pair();
    const [bond] = phone.bonds;
    assert.deepEqual([hex(bond.ltk!), bond.ediv, hex(bond.rand), hex(bond.irk!), hex(bond.csrk!)], [KEY, 0x1234, "1112131415161718", hex(IRK), KEY]);
    assert.deepEqual([hex(bond.address.bytes), bond.address.random], ["0100000000c0", 1]);
    clock.run(200);
    const { own } = bond;
    const ediv = own.ediv.toString(16).padStart(4, "0");
    assert.deepEqual(peripheral.smp.slice(3), [
      "06" + hex(own.ltk!),
      "07" + ediv.slice(2) + ediv.slice(0, 2) + hex(own.rand),
      "08" + hex(phone.irk),
      "09" + "00" + "0200e2125e0b",
      "0a" + hex(own.csrk!),
    ]);
    phone.disconnect();
    phone.connect();
    peripheral.key = unhex(KEY);
    phone.encrypt();
    assert.equal(peripheral.asked.at(-1), "4660 1112131415161718");
    assert.ok(phone.encrypted);
    phone.sendSigned(7, "a");
    phone.sendSigned(7, "a");
    clock.run(100);
    // Vol 3 Part H 2.4.5: the counter is part of what is signed, all of it most significant octet first.
    for (const [counter, pdu] of peripheral.frames.filter(({ cid }) => cid === CID.ATT).map(({ bytes }) => bytes).entries()) {
      const message = `d2070061${counter.toString(16).padStart(2, "0")}000000`;
      assert.equal(pdu, message + hex(reversed(cmac(reversed(own.csrk!), reversed(unhex(message))).slice(0, 8))));
    }
  });

  it("notes a key that is longer than agreed upon", () => {
    const { phone } = made({ pres: "02030001070001", keys: keys.slice(0, 2) });
    phone.pair();
    assert.deepEqual(phone.violations, ["an LTK of more than the 7 octets agreed upon"]);
  });

  it("finds a bonded peripheral behind its private addresses", () => {
    const hidden = privateAddress(IRK, new Random(4));
    const digits = hex(reversed(hidden.bytes));
    const { phone, peripheral } = made({ pres: "0203000d100003", keys: keys.slice(2, 4), peripheral: { address: digits } });
    phone.pair();
    phone.disconnect();
    peripheral.stop();
    const other = new RawPeripheral(phone.air, { address: hex(reversed(privateAddress(IRK, new Random(5)).bytes)) });
    phone.connect({ address: "c00000000001", addresstype: 1 });
    assert.ok(other.end?.alive);
    assert.equal(phone.bond, phone.bonds[0]);
    assert.equal(resolves(deviceAddress(digits, 1), IRK), true);
    assert.equal(resolves(deviceAddress(digits, 1), unhex(KEY)), false);
  });

  it("answers a Security Request with the key of the bond, and pairs where that is not good enough", () => {
    const { phone, peripheral, clock } = made({ pres: "0203000d100000" });
    phone.pair();
    phone.disconnect();
    phone.connect();
    peripheral.smp.length = 0;
    peripheral.say("0b09");
    clock.run(1000);
    assert.deepEqual([phone.encrypted, peripheral.smp], [true, []]);
    phone.disconnect();
    phone.connect();
    // It wants MITM protection, and the bond has none.
    peripheral.say("0b0d");
    clock.run(1000);
    assert.deepEqual([phone.encrypted, peripheral.smp.map((pdu) => pdu.slice(0, 2))], [true, ["01", "0c", "04", "0d"]]);
  });

  it("tells when the peripheral has lost the key, and pairs anew where it is told to", () => {
    const { phone, peripheral, clock } = made({ pres: "0203000d100000" });
    phone.pair();
    phone.disconnect();
    phone.connect();
    peripheral.key = null;
    fails(() => phone.encrypt(), { code: "encryption", status: 6 });
    const told: unknown[] = [];
    phone.onpairingfailed = ({ code, status }) => void told.push(code, status);
    phone.onpaired = ({ level }) => void told.push(level);
    peripheral.say("0b09");
    clock.run(2000);
    phone.pairing.renew = true;
    peripheral.say("0b09");
    clock.run(2000);
    assert.deepEqual(told, ["encryption", 6, 2]);
    assert.equal(phone.bonds.length, 1);
    assert.ok(phone.encrypted);
  });
});

describe("the phone's time", () => {
  it("ends a pairing after 30 s of silence, and SMP on that link with it", () => {
    const { phone, peripheral, clock } = made({ pres: "0203000d100000", change: (pdu) => (pdu.startsWith("03") ? "" : pdu) });
    const begun = clock.now;
    fails(() => phone.pair(), { code: "timeout" });
    assert.ok(clock.now - begun > 30_000 && clock.now - begun < 31_000);
    fails(() => phone.pair(), { code: "timeout" });
    assert.equal(peripheral.smp.length, 2);
    peripheral.say("0b01");
    clock.run(1000);
    assert.equal(peripheral.smp.length, 2);
    phone.disconnect();
    phone.connect();
    phone.start.pair();
    clock.run(500);
    assert.equal(peripheral.smp.length, 4, "a new connection begins anew");
  });

  it("runs out while a user types for 40 s, and not while he decides for 40 s whether to pair", () => {
    const typing = made({ pres: "0200000d100000" }, { pairing: { passkey: 1, userdelay: 40_000, sc: true } });
    typing.peripheral.onframe = (_, pdu) => typing.peripheral.say(pdu[0] === 1 ? "0200000d100000" : "0c" + hex(reversed(keyPair(PRIVATE)!.x)) + hex(reversed(keyPair(PRIVATE)!.y)));
    fails(() => typing.phone.pair(), { code: "timeout" });
    const deciding = made({ pres: "0203000d100000" }, { pairing: { delay: 40_000 } });
    deciding.peripheral.say("0b01");
    deciding.clock.run(39_900);
    assert.equal(deciding.phone.encrypted, false);
    deciding.clock.run(2000);
    assert.equal(deciding.phone.encrypted, true);
  });

  it("ends with the connection, at each step, for pair and encrypt", () => {
    for (let step = 1; step <= 4; step++) {
      let count = 0;
      const { phone, peripheral } = made({
        pres: "0203000d100000",
        change: (pdu) => {
          if (++count === step) peripheral.end!.terminate(0x13);
          return count < step ? pdu : "";
        },
      });
      fails(() => phone.pair(), { code: "disconnected", reason: 0x13 });
      fails(() => phone.pair(), { code: "disconnected" });
      fails(() => phone.encrypt(), { code: "disconnected" });
    }
  });
});

describe("the phone does not put up with", () => {
  function refused(setup: Partial<Setup>, expected: object, violations = 0): void {
    const { phone, peripheral, clock } = made({ pres: "0203000d100000", ...setup });
    fails(() => phone.pair(), expected);
    clock.run(100);
    assert.equal(phone.encrypted, false);
    assert.equal(phone.violations.length, violations, phone.violations.join());
    const { smp, theirs } = expected as { smp: number; theirs: boolean };
    if (!theirs) assert.equal(peripheral.smp.at(-1), "05" + smp.toString(16).padStart(2, "0"));
  }

  it("a Pairing Response with values that it may not have", () => {
    for (const pres of ["0205000d100000", "0203020d100000", "0203000d060000", "0203000d110000", "0203000d100400", "0203000d100008", "0203000d10"]) {
      refused({ pres }, { code: "smp", smp: 0x0a, theirs: false }, 1);
    }
  });

  it("a public key that is no point of the curve, or the phone's own", () => {
    refused({ change: (pdu) => (pdu.startsWith("0c") ? pdu.slice(0, -2) + "00" : pdu) }, { code: "smp", smp: 0x0b, theirs: false });
    const { phone, peripheral } = made({ pres: "0203000d100000" });
    peripheral.onframe = (_, pdu) => peripheral.say(pdu[0] === 1 ? "0203000d100000" : pdu[0] === 0x0c ? hex(pdu) : "");
    fails(() => phone.pair(), { code: "smp", smp: 0x0b, theirs: false });
  });

  it("wrong confirm and check values", () => {
    const flip = (code: string) => (pdu: string) => (pdu.startsWith(code) ? pdu.slice(0, -1) + (pdu.endsWith("0") ? "1" : "0") : pdu);
    refused({ change: flip("03") }, { code: "smp", smp: 4, theirs: false });
    refused({ change: flip("0d") }, { code: "smp", smp: 0x0b, theirs: false });
    refused({ change: flip("03"), pres: "02030001100000" }, { code: "smp", smp: 4, theirs: false });
  });

  it("PDUs out of turn, and takes a refusal for one at any step", () => {
    refused({ change: (pdu) => (pdu.startsWith("03") ? "04" + KEY : pdu) }, { code: "smp", smp: 8, theirs: false }, 1);
    for (const code of ["02", "0c", "03", "04", "0d"]) {
      refused({ change: (pdu) => (pdu.startsWith(code) ? "0509" : pdu) }, { code: "smp", smp: 9, theirs: true });
    }
  });

  it("a peripheral that sends a Pairing Request, and unknown codes, of which it takes a note", () => {
    const { phone, peripheral, clock } = made({ pres: "0203000d100000" });
    for (const pdu of ["0103000d100000", "0f00", "0b0100"]) peripheral.say(pdu);
    clock.run(100);
    assert.deepEqual(phone.violations, ["a Pairing Request of a peripheral", "an SMP PDU of code 15 and 2 octets", "an SMP PDU of code 11 and 3 octets"]);
    phone.pair();
  });
});

describe("the phone lies where it is told to", () => {
  it("replaces, suppresses and adds PDUs, and sends any", () => {
    const { phone, peripheral, clock } = made({ pres: "0203000d100000" });
    phone.smp.onsend = (pdu) => (pdu[0] === 1 ? [Uint8Array.of(0x0e, 0), pdu, Uint8Array.of(0x0e, 4)] : pdu[0] === 0x0c ? null : undefined);
    fails(() => phone.pair(), { code: "timeout" });
    assert.deepEqual(peripheral.smp, ["0e00", "0104000d100303", "0e04"]);
    phone.disconnect();
    phone.connect();
    phone.smp.onsend = (pdu) => (pdu[0] === 1 ? Uint8Array.from(pdu, (octet, i) => (i === 3 ? 0 : octet)) : undefined);
    peripheral.onframe = () => {};
    phone.start.pair();
    phone.smp.send([5, 9]);
    clock.run(100);
    assert.deepEqual(peripheral.frames.slice(-2).map(({ bytes }) => bytes), ["01040000100303", "0509"]);
  });

  it("does not see, or sees another, PDU of the peripheral", () => {
    const { phone, peripheral, clock } = made({ pres: "0203000d100000" });
    phone.smp.onreceive = (pdu) => (pdu[0] === 0x0b ? null : pdu[0] === 2 ? Uint8Array.of(5, 3) : undefined);
    peripheral.say("0b01");
    clock.run(500);
    assert.deepEqual(peripheral.smp, []);
    fails(() => phone.pair(), { code: "smp", smp: 3 });
  });

  it("with its keys, nonces and values", () => {
    const once = (lies: Phone["smp"]["lies"], change?: Setup["change"]): ReturnType<typeof made> => {
      const all = made({ pres: "0203000d100000", change });
      all.phone.smp.lies = lies;
      return all;
    };
    const debug = once({ privateKey: "debug", nonce: () => unhex(KEY) });
    debug.phone.pair();
    assert.equal(debug.peripheral.smp[1].slice(0, 66), "0c" + hex(reversed(unhex("20b003d2f297be2c5e2c83a7e9f9a5b9eff49111acf4fddbcc0301480e359de6"))));
    assert.equal(debug.peripheral.smp[2], "04" + KEY);
    assert.equal(hex(debug.phone.keys.na!), KEY);

    // It goes on though the peripheral's values are wrong, and encrypts.
    const flip = (pdu: string): string => (/^0[3d]/.test(pdu) ? pdu.slice(0, -1) + (pdu.endsWith("0") ? "1" : "0") : pdu);
    assert.equal(once({ unchecked: true }, flip).phone.pair().level, 2);

    // The peripheral's own key comes back to it, or the other point with that X.
    for (const reflect of [true, "negated"] as const) {
      const { phone, peripheral, clock } = once({});
      phone.pair();
      const theirs = hex(phone.keys.peerPublicKey!);
      peripheral.smp.length = 0;
      phone.smp.lies = { reflect };
      phone.start.pair();
      clock.run(100);
      const sent = peripheral.smp[1];
      assert.equal(sent.slice(0, 66), "0c" + theirs.slice(0, 64));
      assert.equal(sent.slice(66) === theirs.slice(64), reflect === true);
      const point = unhex(sent.slice(2));
      assert.notEqual(sharedSecret(keyPair(PRIVATE)!.ecdh, reversed(point.slice(0, 32)), reversed(point.slice(32))), null, "it is on the curve");
    }
  });

  it("and the same seed makes the same pairing", () => {
    const [a, b] = [0, 1].map(() => {
      const { phone } = made({ pres: "0203000d100000" });
      phone.pair();
      return phone.trace.map(({ time, sent, bytes }) => `${time} ${sent} ${hex(bytes)}`);
    });
    assert.deepEqual(a, b);
    assert.ok(a.length > 8);
  });
});
