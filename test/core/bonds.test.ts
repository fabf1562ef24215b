import assert from "node:assert/strict";
import { createBoard, Random, type Phone } from "../../hal/mock/index.js";
import { signature } from "../../hal/mock/phonesmp.js";
import { open } from "../../targets/node/open.js";
import { CID } from "../support/links.js";
import { hex, IMAGE, rejects, rig } from "../support/rig.js";
import { CODE, meet, Memory, Safe, Stranger, type Setup } from "../support/security.js";

interface Listed {
  address: string;
  addresstype: number;
  level: number;
}

function bonds(safe: Safe): Listed[] {
  return (safe.bt as any).bonds();
}

/** A device with a store. */
function keeper(setup: Setup = {}, store = new Memory()): { safe: Safe; store: Memory } {
  return { safe: new Safe({ ...setup, options: { store, ...setup.options } }), store };
}

/** Both go away; the device comes back with what its store has. */
function restart(safe: Safe, level: 1 | 3 | 4 = 4, services?: any): void {
  safe.bt.close();
  safe.run(2000);
  safe.rig.open();
  safe.declare(level, CODE, services ?? safe.services());
  safe.rig.up();
}

function part(safe: Safe, phone: Phone): void {
  if (phone.connected) phone.disconnect();
  safe.run(200);
}

/** Comes back and is encrypted with the stored key: no Pairing Request is sent. */
function comeback(safe: Safe, phone: Phone): boolean {
  const from = phone.trace.length;
  phone.connect();
  safe.until(() => phone.encrypted, 3000);
  safe.run(300);
  assert.ok(!phone.trace.slice(from).some(({ sent, cid, bytes }) => sent && cid === CID.SMP && bytes[0] === 1), "no new pairing");
  return phone.encrypted;
}

describe("a bond", () => {
  for (const [name, level, sc, expected] of [["Secure Connections", 4, true, 4], ["legacy, with EDIV and Rand", 3, false, 3]] as const) {
    it(`outlives restarts of the device: ${name}`, () => {
      const { safe } = keeper({ level });
      const phone = safe.phone({ sc });
      assert.equal(meet(safe, phone).paired, expected);
      assert.deepEqual(bonds(safe), [{ address: "0b5e12e20100", addresstype: 0, level: expected }]);
      part(safe, phone);
      for (let i = 0; i < 3; i++) {
        restart(safe, level);
        assert.deepEqual(bonds(safe), [{ address: "0b5e12e20100", addresstype: 0, level: expected }]);
        assert.ok(comeback(safe, phone));
        assert.equal(safe.open.security(), expected);
        assert.equal(safe.open.address(), "0b5e12e20100");
        assert.equal(Buffer.from(phone.read("aa01")).toString(), "secret");
        if (!sc) assert.ok(phone.bonds[0].ediv !== 0 && phone.bonds[0].rand.some((octet) => octet !== 0));
        part(safe, phone);
      }
      assert.equal(safe.connections.length, 4);
      safe.unharmed();
    });
  }

  it("is not served before it is encrypted, though the address is known", () => {
    const { safe } = keeper();
    const phone = safe.phone();
    meet(safe, phone);
    part(safe, phone);
    const thief = new Stranger(safe, { address: "0b5e12e20100" }).connect();
    assert.equal(thief.next(CID.SMP), "0b0d");
    assert.equal(thief.att("0a0300"), "");
    assert.equal(safe.connections.length, 1);
  });

  it("is answered for its own EDIV and Rand only", () => {
    const { safe } = keeper({ level: 3 });
    const phone = safe.phone({ sc: false });
    meet(safe, phone);
    const bond = phone.bonds[0];
    part(safe, phone);
    const rand = bond.rand.slice();
    rand[0] ^= 1;
    for (const [r, e] of [[new Uint8Array(8), 0], [rand, bond.ediv], [bond.rand, bond.ediv ^ 1], [new Uint8Array(8), bond.ediv], [bond.rand, 0]] as const) {
      const other = safe.phone({ request: "ignore" }, { address: "0b5e12e20100" });
      other.connect();
      safe.run(100);
      other.start.encrypt();
      other.central.encrypt(bond.ltk!, r, e);
      safe.run(300);
      assert.equal(other.encrypted, false, `${hex(r)} ${e}`);
      part(safe, other);
    }
    const right = safe.phone({ request: "ignore" }, { address: "0b5e12e20100" });
    right.connect();
    right.encrypt({ ltk: bond.ltk!, rand: bond.rand, ediv: bond.ediv });
    assert.ok(right.encrypted);
  });

  it("of Secure Connections is not answered for another EDIV or Rand, nor to another address", () => {
    const { safe } = keeper();
    const phone = safe.phone();
    meet(safe, phone);
    const { ltk } = phone.bonds[0];
    part(safe, phone);
    for (const [address, ediv] of [["0b5e12e20100", 1], ["0b5e12e20101", 0]] as const) {
      const other = safe.phone({ request: "ignore" }, { address });
      other.connect();
      assert.throws(() => other.encrypt({ ltk: ltk!, ediv }), (error: any) => error.code === "encryption" && error.status === 6);
      assert.equal(other.connected, true, "the link stays: the phone may pair");
      part(safe, other);
    }
  });

  it("whose key the device has lost is not paired anew behind the user's back; with his consent it is", () => {
    const { safe, store } = keeper();
    const phone = safe.phone();
    meet(safe, phone);
    part(safe, phone);
    store.bytes = null;
    restart(safe);
    const { error } = meet(safe, phone, 5000);
    assert.deepEqual([error?.code, error?.status], ["encryption", 6]);
    assert.equal(safe.connections.length, 1);
    part(safe, phone);
    phone.pairing.renew = true;
    assert.equal(meet(safe, phone).paired, 4);
    assert.equal(bonds(safe).length, 1);
  });

  it("whose key the phone has lost goes only when the new pairing has succeeded, which it may at the first attempt", () => {
    const { safe, store } = keeper();
    const phone = safe.phone();
    meet(safe, phone);
    part(safe, phone);
    const kept = phone.bonds.slice();
    const bytes = hex(store.bytes!);
    phone.bonds.length = 0;
    phone.pairing.passkey = 1;
    meet(safe, phone, 3000);
    part(safe, phone);
    assert.equal(hex(store.bytes!), bytes, "the failure has changed nothing");
    phone.bonds.push(...kept);
    assert.ok(comeback(safe, phone), "the old key still serves");
    part(safe, phone);
    phone.bonds.length = 0;
    phone.pairing.passkey = CODE;
    assert.equal(meet(safe, phone).paired, 4);
    assert.equal(bonds(safe).length, 1);
    part(safe, phone);
    assert.ok(comeback(safe, phone));
  });

  it("is not made without a store, nor where the phone does not want it: no Bonding bit, no keys", () => {
    const safe = new Safe();
    const phone = safe.phone();
    assert.equal(meet(safe, phone).paired, 4);
    assert.equal(phone.bonds.length, 0);
    assert.deepEqual(bonds(safe), []);
    const second = keeper();
    const other = second.safe.phone({ bonding: false });
    assert.equal(meet(second.safe, other).paired, 4);
    assert.deepEqual(bonds(second.safe), []);
    assert.ok(!other.trace.some(({ cid, bytes }) => cid === CID.SMP && bytes[0] >= 6 && bytes[0] <= 10));
    // What was not bonded is not known the next time.
    part(second.safe, other);
    assert.equal(meet(second.safe, other).paired, 4);
  });

  it("that cannot be saved is none on either side, and its pairing has failed", () => {
    for (const sc of [true, false]) {
      for (const broken of [(store: Memory) => void (store.works = false), (store: Memory) => void (store.save = () => { throw new Error("flash"); }), (store: Memory) => void (store.save = () => undefined as any)]) {
        const { safe, store } = keeper({ level: 3 });
        broken(store);
        const phone = safe.phone({ sc });
        meet(safe, phone);
        safe.run(2000);
        assert.deepEqual(bonds(safe), []);
        assert.equal(safe.connections.length, 0, "the application has not got it");
        assert.ok(safe.rig.errors.some(({ code }) => code === "store"), "and knows why");
        part(safe, phone);
        assert.equal(phone.bonds.length, 0, "the phone does not keep what the device cannot");
      }
    }
  });
});

describe("the store", () => {
  it("is read only by its own rules: 20000 mutations of a valid one never throw, and give no bond that makes no sense", () => {
    const { safe, store } = keeper({ level: 3, options: { bonds: 4 } });
    for (const pairing of [{}, { sc: false }, { keysDistribution: { initiator: 7, responder: 7 } }]) {
      const phone = safe.phone(pairing);
      assert.ok(meet(safe, phone).paired > 0);
      phone.subscribe("aa01", () => {});
      part(safe, phone);
    }
    safe.run(3000);
    safe.bt.close();
    safe.run(2000);
    const good = store.bytes!;
    const random = new Random(77);
    const board = createBoard({ chip: { log: false } });
    // Whether this computer is quick is not asked 20000 times.
    const hal = { ...board.hal, crypto: { p256public: () => false, p256shared: () => false } };
    let kept = 0;
    for (let i = 0; i < 20_000; i++) {
      let bytes = good.slice();
      for (let n = 1 + random.below(4); n > 0; n--) {
        const at = random.below(bytes.length);
        const how = random.below(5);
        if (how === 0) bytes[at] ^= 1 << random.below(8);
        else if (how === 1) bytes[at] = random.below(256);
        else if (how === 2) bytes = bytes.slice(0, at + 1);
        else if (how === 3) bytes = Uint8Array.from([...bytes.slice(0, at), random.below(256), ...bytes.slice(at)]);
        else bytes.fill(random.below(2) * 255, at, at + random.below(40));
      }
      const memory = new Memory();
      memory.bytes = bytes;
      const bt: any = open(hal, IMAGE, { store: memory, bonds: 4, onerror: (error) => assert.fail(String(error)) });
      const list: Listed[] = bt.bonds();
      assert.ok(list.length <= 4);
      kept += list.length;
      for (const { address, addresstype, level } of list) {
        assert.match(address, /^[0-9a-f]{12}$/);
        assert.ok(addresstype === 0 || addresstype === 1);
        assert.ok([1, 3, 4].includes(level));
      }
      assert.equal(new Set(list.map(({ address, addresstype }) => address + addresstype)).size, list.length, "no device twice");
      bt.close();
    }
    assert.ok(kept > 10_000, `${kept} bonds have come through`);
  }).timeout(120_000);

  it("gives no key of zeros, and none whose level its key cannot have", () => {
    const { safe, store } = keeper();
    const phone = safe.phone();
    meet(safe, phone);
    const ltk = hex([...phone.bonds[0].ltk!].reverse());
    part(safe, phone);
    safe.run(2000);
    const digits = hex(store.bytes!);
    assert.ok(digits.includes(ltk), "it is kept most significant octet first");
    for (const [change, left] of [[digits.replace(ltk, "00".repeat(16)), 0], [digits, 1]] as const) {
      store.bytes = Uint8Array.from(Buffer.from(change, "hex"));
      restart(safe);
      assert.equal(bonds(safe).length, left);
    }
    store.bytes = Uint8Array.from(Buffer.from(digits.replace(ltk, "00".repeat(16)), "hex"));
    restart(safe);
    const thief = new Stranger(safe, { address: "0b5e12e20100" }).connect();
    thief.central.encrypt(new Uint8Array(16));
    safe.run(300);
    assert.deepEqual(thief.encryptions, [6]);
  });

  it("that throws while it is read costs the bonds and not the device", () => {
    const store = { load: (): Uint8Array => { throw new Error("flash"); }, save: () => true };
    const made = rig({ options: { store } });
    made.board.clock.until(() => made.ready.length > 0, 20_000);
    assert.equal(made.ready.length, 1);
    assert.deepEqual((made.bt as any).bonds(), []);
    assert.ok(made.errors.length > 0);
    for (const error of made.errors) assert.equal(error.code, "store", String(error));
  });

  it("that holds anything but bytes is an empty one", () => {
    for (const held of ["abc", 7, {}, [1, 2, 3], undefined, new Uint8Array(0)]) {
      const safe = new Safe({ options: { store: { load: () => held as any, save: () => true } } });
      assert.deepEqual(bonds(safe), []);
    }
  });

  it("keeps what else is in it", () => {
    const store = new Memory();
    // A record of a kind that is not known here.
    store.bytes = Uint8Array.from([9, 3, 1, 2, 3]);
    const { safe } = keeper({}, store);
    const phone = safe.phone();
    meet(safe, phone);
    assert.ok(hex(store.bytes!).startsWith("0903010203"));
    (safe.bt as any).forgetall();
    // The device's own address may be there too.
    assert.match(hex(store.bytes!), /^0903010203(0106............)?$/);
  });

  it("is not written again and again by who only connects and reads", () => {
    const { safe, store } = keeper();
    const phone = safe.phone();
    meet(safe, phone);
    part(safe, phone);
    safe.run(3000);
    const { saves } = store;
    for (let i = 0; i < 5; i++) {
      comeback(safe, phone);
      phone.read("aa01");
      part(safe, phone);
      safe.run(3000);
    }
    assert.ok(store.saves - saves <= 1, `${store.saves - saves} saves in 5 visits`);
  });
});

describe("what a bond remembers", () => {
  it("subscriptions are given back once the link is encrypted, not before, and the callbacks are told", () => {
    for (const level of [1, 4] as const) {
      const { safe } = keeper({ level });
      const phone = safe.phone();
      if (level === 1) {
        phone.connect();
        phone.pair();
      } else meet(safe, phone);
      const values: string[] = [];
      phone.onnotify = (_handle, value) => void values.push(Buffer.from(value).toString());
      phone.subscribe("aa01", () => {});
      safe.run(100);
      assert.deepEqual(safe.subscribed, ["on"]);
      part(safe, phone);
      safe.run(2000);
      restart(safe, level);
      safe.subscribed.length = 0;
      phone.pairing.delay = 1000;
      phone.connect();
      safe.run(400);
      safe.bt.notify(0xaa01, "early");
      safe.run(400);
      assert.deepEqual(safe.subscribed, [], "not encrypted yet");
      if (level === 1) phone.encrypt();
      safe.until(() => phone.encrypted, 3000);
      safe.run(200);
      assert.deepEqual(safe.subscribed, ["on"]);
      safe.bt.notify(0xaa01, "now");
      safe.run(200);
      assert.deepEqual(values, ["now"]);
      phone.unsubscribe("aa01");
      part(safe, phone);
      safe.run(2000);
      restart(safe, level);
      safe.subscribed.length = 0;
      phone.connect();
      if (level === 1) phone.encrypt();
      safe.run(3000);
      assert.deepEqual(safe.subscribed, [], "what was taken back stays so");
      safe.unharmed();
    }
  });

  it("a phone that is at the same address without the key gets none of them", () => {
    const { safe } = keeper({ level: 1 });
    const phone = safe.phone();
    phone.connect();
    phone.pair();
    phone.subscribe("aa01", () => {});
    part(safe, phone);
    safe.run(2000);
    const thief = new Stranger(safe, { address: "0b5e12e20100" }).connect();
    safe.subscribed.length = 0;
    safe.bt.notify(0xaa01, "private");
    safe.run(300);
    assert.equal(thief.next(CID.ATT, 10), "");
    // Nor does it change them.
    const cccd = safe.bt.handle(0xaa00, 0xaa01) + 1;
    assert.match(thief.att(`12${hex([cccd, 0, 0, 0])}`), /^13/);
    thief.central.disconnect();
    safe.run(2000);
    phone.connect();
    phone.encrypt();
    safe.run(200);
    let value = "";
    phone.onnotify = (_handle, bytes) => (value = Buffer.from(bytes).toString());
    safe.bt.notify(0xaa01, "for you");
    safe.run(200);
    assert.equal(value, "for you");
  });

  it("other services than before are told by Service Changed when it comes back and is encrypted", () => {
    const { safe } = keeper();
    const phone = safe.phone();
    meet(safe, phone);
    phone.subscribe("2a05", () => {});
    phone.subscribe("aa01", () => {});
    phone.read("aa01");
    part(safe, phone);
    safe.run(2000);
    restart(safe, 4, [{ uuid: 0xbb00, chars: [{ uuid: 0xbb01, value: "other" }] }, ...safe.services()]);
    const told: string[] = [];
    phone.onnotify = (_handle, value, indication) => void told.push(`${indication} ${hex(value)}`);
    assert.ok(comeback(safe, phone));
    safe.run(500);
    assert.equal(told.length, 1, told.join());
    assert.match(told[0], /^true ....ffff$/);
    part(safe, phone);
    safe.run(2000);
    told.length = 0;
    comeback(safe, phone);
    assert.deepEqual(told, [], "once is enough");
    part(safe, phone);
    safe.run(2000);
    restart(safe, 4, [{ uuid: 0xbb00, chars: [{ uuid: 0xbb01, value: "another value" }] }, ...safe.services()]);
    comeback(safe, phone);
    safe.run(500);
    assert.deepEqual(told, [], "a value is no service");
  });
});

describe("private addresses", () => {
  it("a phone that comes back under another is recognised, and conn.address() is its identity", () => {
    const { safe } = keeper({ options: { bonds: 4 } });
    // Others before it in the list, with keys of their own.
    for (let i = 0; i < 2; i++) {
      const other = safe.phone({}, { privacy: true });
      meet(safe, other);
      part(safe, other);
    }
    const phone = safe.phone({}, { privacy: true });
    meet(safe, phone);
    const identity = hex([...phone.identity.bytes].reverse());
    assert.equal(safe.open.address(), identity, "as soon as it is known");
    assert.deepEqual([safe.open.addresstype(), bonds(safe).at(-1)!.address], [0, identity]);
    const seen = new Set<string>();
    for (let i = 0; i < 4; i++) {
      part(safe, phone);
      if (i === 2) restart(safe);
      assert.ok(comeback(safe, phone));
      seen.add(hex(phone.central.address.bytes));
      assert.equal(safe.open.address(), identity);
    }
    assert.ok(seen.size >= 4);
    assert.equal(bonds(safe).length, 3);
  });

  it("one that is nobody's is a stranger", () => {
    const { safe } = keeper();
    const phone = safe.phone({}, { privacy: true });
    meet(safe, phone);
    part(safe, phone);
    const other = safe.phone({}, { privacy: true });
    other.connect();
    other.disconnect();
    assert.equal(meet(safe, other).paired, 4);
    assert.equal(bonds(safe).length, 2);
  });

  it("a key of zeros makes nobody known", () => {
    const { safe } = keeper();
    const phone = safe.phone({}, { irk: new Uint8Array(16) });
    meet(safe, phone);
    part(safe, phone);
    const other = safe.phone({ passkey: 1 }, { irk: new Uint8Array(16), privacy: true });
    other.connect();
    other.disconnect();
    safe.run(100);
    other.start.connect({});
    safe.run(3000);
    assert.equal(bonds(safe).length, 1);
    assert.equal(safe.connections.length, 1);
  });
});

describe("bonds(), forget() and forgetall()", () => {
  it("forget one, or all, end its connection silently, and its key is worth nothing afterwards", () => {
    const { safe, store } = keeper({ options: { bonds: 4 } });
    const phones = [0, 1, 2].map(() => safe.phone());
    for (const phone of phones) {
      assert.equal(meet(safe, phone).paired, 4);
      part(safe, phone);
    }
    const [a, b, c] = bonds(safe).map(({ address }) => address);
    assert.equal((safe.bt as any).forget(a.toUpperCase().replace(/(..)(?=.)/g, "$1:")), true);
    assert.equal((safe.bt as any).forget(a), false);
    assert.deepEqual(bonds(safe).map(({ address }) => address), [b, c]);
    assert.ok(comeback(safe, phones[1]));
    const closed = safe.closed.length;
    assert.equal((safe.bt as any).forget(b), true);
    safe.run(500);
    assert.equal(phones[1].connected, false);
    assert.equal(safe.closed.length, closed);
    const { error } = meet(safe, phones[1], 3000);
    assert.deepEqual([error?.code, error?.status], ["encryption", 6]);
    part(safe, phones[1]);
    (safe.bt as any).forgetall();
    assert.deepEqual(bonds(safe), []);
    restart(safe);
    assert.deepEqual(bonds(safe), []);
    assert.ok(!hex(store.bytes!).includes(hex([...phones[2].bonds[0].ltk!].reverse())));
    rejects(() => (safe.bt as any).forget("nobody"), "forget", "address");
    safe.unharmed();
  });

  it("may be called inside onpairing and onconnect, and in the middle of a pairing", () => {
    for (const state of ["started", "passkey", "paired", "failed"]) {
      const { safe } = keeper({ options: { onpairing: (_c: unknown, now: string) => { if (now === state) (safe.bt as any).forgetall(); } } });
      const phone = safe.phone();
      meet(safe, phone, 5000);
      part(safe, phone);
      phone.bonds.length = 0;
      phone.pairing.passkey = 1;
      meet(safe, phone, 5000);
      safe.run(2000);
      assert.equal(safe.bt.counters().exceptions, 0);
      assert.equal(safe.rig.errors.length, 0);
    }
  });

  it("what bonds() gives is a copy", () => {
    const { safe } = keeper();
    meet(safe, safe.phone());
    bonds(safe)[0].level = 1;
    bonds(safe).length = 0;
    assert.deepEqual(bonds(safe).map(({ level }) => level), [4]);
  });
});

describe("who may take the place of a bond", () => {
  it("only who has proved himself evicts, and the oldest goes", () => {
    for (let limit = 1; limit <= 4; limit++) {
      const { safe } = keeper({ options: { bonds: limit } });
      const addresses: string[] = [];
      for (let i = 0; i < limit + 2; i++) {
        const phone = safe.phone();
        assert.equal(meet(safe, phone).paired, 4);
        addresses.push(hex([...phone.identity.bytes].reverse()));
        part(safe, phone);
        assert.deepEqual(bonds(safe).map(({ address }) => address), addresses.slice(-limit));
      }
    }
  });

  it("who has come back last lasts longest", () => {
    const { safe } = keeper({ options: { bonds: 2 } });
    const [a, b, c] = [0, 1, 2].map(() => safe.phone());
    for (const phone of [a, b]) {
      meet(safe, phone);
      part(safe, phone);
    }
    comeback(safe, a);
    part(safe, a);
    meet(safe, c);
    part(safe, c);
    assert.ok(comeback(safe, a));
  });

  it("Just Works at level 1 evicts nobody", () => {
    for (let limit = 1; limit <= 4; limit++) {
      const { safe } = keeper({ level: 3, options: { bonds: limit } });
      for (let i = 0; i < limit; i++) {
        const phone = safe.phone({ sc: i % 2 === 0 });
        assert.ok(meet(safe, phone).paired > 0);
        part(safe, phone);
      }
      const before = JSON.stringify(bonds(safe));
      safe.bt.setsecurity(1);
      for (let i = 0; i < 3; i++) {
        const stranger = safe.phone({ io: "NoInputNoOutput" });
        stranger.connect();
        stranger.start.pair(() => {});
        safe.run(3000);
        part(safe, stranger);
      }
      assert.equal(JSON.stringify(bonds(safe)), before);
    }
  });

  it("a bond of a lower level never takes the place of a higher one, from the same address or under its identity", () => {
    const { safe, store } = keeper({ level: 4, options: { bonds: 4 } });
    const phone = safe.phone();
    meet(safe, phone);
    part(safe, phone);
    safe.run(2000);
    const before = hex(store.bytes!);
    safe.bt.setsecurity(1);
    const same = safe.phone({ io: "NoInputNoOutput" }, { address: "0b5e12e20100" });
    const claims = safe.phone({ io: "NoInputNoOutput" });
    claims.smp.onsend = (pdu) => (pdu[0] === 9 ? Uint8Array.from([9, 0, ...phone.identity.bytes]) : undefined);
    for (const thief of [same, claims]) {
      thief.connect();
      thief.start.pair(() => {});
      safe.run(3000);
      part(safe, thief);
      safe.run(2000);
      assert.deepEqual(bonds(safe).map(({ level }) => level), [4]);
      assert.equal(hex(store.bytes!), before);
    }
    assert.ok(comeback(safe, phone) || (phone.encrypt(), phone.encrypted));
  });

  it("the bond of a live link is nobody's to take, whatever identity a stranger claims", () => {
    const { safe } = keeper({ level: 1, links: 2, options: { bonds: 2 } });
    const phone = safe.phone({ io: "NoInputNoOutput" });
    phone.connect();
    phone.pair();
    safe.run(200);
    assert.equal(bonds(safe).length, 1);
    const thief = safe.phone({ io: "NoInputNoOutput" });
    thief.smp.onsend = (pdu) => (pdu[0] === 9 ? Uint8Array.from([9, 0, ...phone.identity.bytes]) : undefined);
    thief.connect();
    thief.start.pair(() => {});
    safe.run(3000);
    part(safe, thief);
    part(safe, phone);
    phone.connect();
    phone.encrypt();
    assert.ok(phone.encrypted, "the phone's key still serves");
    safe.unharmed();
  });
});

describe("signed writes", () => {
  function signer(level: 1 | 3 = 1): { safe: Safe; phone: Phone; handle: number; write: (value: string, counter: number, wrong?: boolean) => void } {
    const { safe } = keeper({ level });
    const phone = safe.phone({ keysDistribution: { initiator: 7, responder: 3 }, request: "ignore" });
    phone.connect();
    phone.pair();
    safe.run(200);
    part(safe, phone);
    phone.connect();
    safe.run(100);
    const handle = safe.bt.handle(0xaa00, 0xaa01);
    const csrk = phone.bonds[0].own.csrk!;
    const write = (value: string, counter: number, wrong = false): void => {
      const pdu = Uint8Array.from([0xd2, handle & 255, handle >> 8, ...Buffer.from(value)]);
      const tail = signature(csrk, pdu, counter);
      if (wrong) tail[11] ^= 1;
      phone.central.send(CID.ATT, Uint8Array.from([...pdu, ...tail]));
      safe.run(200);
    };
    return { safe, phone, handle, write };
  }

  const text = (safe: Safe): string[] => safe.written.map((digits) => Buffer.from(digits, "hex").toString());

  it("of a bonded peer on an unencrypted link are performed, once each, in rising order, also after a restart", () => {
    const { safe, phone, write } = signer();
    // The characteristic has to have the property 0x40: 0x5a has.
    write("a", 0);
    write("b", 1);
    write("replayed", 1);
    write("older", 0);
    write("wrong", 5, true);
    write("c", 7);
    assert.deepEqual(text(safe), ["a", "b", "c"]);
    safe.run(3000);
    part(safe, phone);
    restart(safe, 1);
    phone.connect();
    safe.run(200);
    write("again", 7);
    write("d", 8);
    assert.deepEqual(text(safe), ["a", "b", "c", "d"]);
    safe.unharmed();
  });

  it("count to the last counter and no further", () => {
    const { safe, write } = signer();
    write("last", 0xffffffff);
    write("zero", 0);
    write("again", 0xffffffff);
    assert.deepEqual(text(safe), ["last"]);
  });

  it("are dropped on an encrypted link, at level 3, from strangers, and where the property is lacking", () => {
    const one = signer();
    one.phone.encrypt();
    one.write("encrypted", 3);
    assert.deepEqual(text(one.safe), []);
    const three = signer(3);
    three.write("level 3", 3);
    assert.deepEqual(text(three.safe), []);
    const { safe, handle } = signer();
    safe.bt.servegatt([{ uuid: 0xaa00, chars: [{ uuid: 0xaa01, flags: 0x0a, read: () => "", write: () => void safe.written.push("00") }] }]);
    const stranger = signer();
    stranger.phone.bonds.length = 0;
    stranger.phone.disconnect();
    const other = new Stranger(stranger.safe, { address: "0b5e12e20199" }).connect();
    other.send(CID.ATT, `d2${hex([handle & 255, handle >> 8])}41${"00".repeat(12)}`);
    stranger.safe.run(300);
    assert.deepEqual(text(stranger.safe), []);
    assert.deepEqual(text(safe), []);
  });

  it("of every wrong length, and with every bit of the signature wrong, are dropped in silence", () => {
    const { safe, phone, handle } = signer();
    for (let length = 0; length < 24; length++) phone.central.send(CID.ATT, Uint8Array.from([0xd2, handle & 255, handle >> 8, ...new Uint8Array(length)].slice(0, 1 + length)));
    safe.run(500);
    const pdu = Uint8Array.from([0xd2, handle & 255, handle >> 8, 65]);
    const tail = signature(phone.bonds[0].own.csrk!, pdu, 4);
    for (let bit = 0; bit < 96; bit++) {
      const wrong = tail.slice();
      wrong[bit >> 3] ^= 1 << (bit & 7);
      phone.central.send(CID.ATT, Uint8Array.from([...pdu, ...wrong]));
      safe.run(50);
    }
    assert.deepEqual(text(safe), []);
    assert.ok(!phone.trace.slice(-5).some(({ sent, cid }) => !sent && cid === CID.ATT));
    safe.unharmed();
  });
});

describe("a table of many values", () => {
  it("whose subscriptions do not all fit in a record leaves the bond and the store whole", () => {
    const services = [0, 1, 2, 3].map((block) => ({ uuid: 0xcc00 + block, chars: Array.from({ length: 25 }, (_, i) => ({ uuid: 0xc100 + block * 32 + i, flags: 0x12, value: "x" })) }));
    const { safe, store } = keeper({ services });
    const phone = safe.phone({ keysDistribution: { initiator: 7, responder: 3 } });
    assert.equal(meet(safe, phone).paired, 4);
    const handles = services.flatMap(({ uuid, chars }) => chars.map((char) => safe.bt.handle(uuid, char.uuid)));
    for (const handle of handles) assert.equal(hex(phone.request([0x12, (handle + 1) & 255, (handle + 1) >> 8, 1, 0])), "13");
    phone.disconnect();
    safe.run(3000);
    const other = safe.phone();
    assert.equal(meet(safe, other).paired, 4);
    part(safe, other);
    safe.run(2000);
    // Every record ends where the next begins.
    let at = 0;
    const kinds: number[] = [];
    for (; at < store.bytes!.length; at += 2 + store.bytes![at + 1]) kinds.push(store.bytes![at]);
    assert.equal(at, store.bytes!.length, "the last record is whole");
    assert.deepEqual(kinds.filter((kind) => kind === 2).length, 2, kinds.join());
    restart(safe, 4, services);
    assert.deepEqual(bonds(safe).map(({ level }) => level), [4, 4]);
    assert.ok(comeback(safe, phone));
    let heard = 0;
    phone.onnotify = () => void heard++;
    for (const handle of handles) {
      safe.bt.notify(handle, "y");
      safe.run(20);
    }
    safe.run(500);
    assert.ok(heard >= 50, `${heard} of ${handles.length} subscriptions are remembered`);
    safe.unharmed();
  });
});
