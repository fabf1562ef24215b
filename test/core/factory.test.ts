import assert from "node:assert/strict";
import type { BlimpError } from "../../core/errors.js";
import { createFileStore } from "../../targets/node/index.js";
import { brief, hex, OP, plainRig, rig, type Rig } from "../support/rig.js";
import { CODE, meet, Memory, Safe, type Setup } from "../support/security.js";
import { useFolder } from "../targets/support/folder.js";

/** A device with a store and a phone that is paired and has gone. */
function paired(setup: Setup = {}, store = new Memory()): { safe: Safe; store: Memory; phone: ReturnType<Safe["phone"]> } {
  const safe = new Safe({ ...setup, options: { store, ...setup.options } });
  const phone = safe.phone({ keysDistribution: { initiator: 7, responder: 3 } });
  assert.ok(meet(safe, phone).paired > 0);
  phone.subscribe("aa01", () => {});
  safe.run(2000);
  return { safe, store, phone };
}

/** All that is in a store and that only its owner could have put there: keys, identity, address. */
function secretsOf(store: Memory, phone: ReturnType<Safe["phone"]>): string[] {
  const keys = Object.values(phone.keys).filter((value): value is Uint8Array => (value as unknown) instanceof Uint8Array && (value as Uint8Array).length >= 16);
  const digits = keys.flatMap((key) => [hex(key), hex(Array.from(key).reverse())]);
  return [...digits.map((key) => key.slice(0, 16)), "0001e2125e0b"].filter((digit) => hex(store.bytes!).includes(digit));
}

/** A fresh session with the board: as after a power cut. */
function forgetSession(rig: Rig<any>): void {
  rig.hal.session = undefined;
}

describe("factory reset", () => {
  const path = useFolder();

  it("leaves nothing in the store, byte for byte: neither bonds nor the drawn address", () => {
    const { safe, store, phone } = paired();
    assert.equal(store.bytes![0], 1, "an address has been drawn");
    assert.ok(secretsOf(store, phone).length > 0, "keys are there to be found");
    assert.equal(safe.bt.factoryreset(), true);
    assert.deepEqual([...store.bytes!], []);
    safe.run(5000);
    assert.deepEqual([...store.bytes!], [], "nor is anything saved later on");
    safe.rig.gone();
    safe.unharmed();
  });

  it("ends connections, and nobody saves anything at their end: nor a pairing that is under way, at any of its steps", function () {
    this.timeout(60000);
    let kept = 0;
    let steps = 0;
    for (; kept < 15; steps++) {
      const store = new Memory();
      const safe = new Safe({ level: 3, options: { store } });
      const phone = safe.phone({ sc: false, keysDistribution: { initiator: 7, responder: 3 } });
      phone.connect();
      safe.run(2 * steps);
      // On to some time after the bond has been saved.
      if (safe.bt.bonds().length > 0) kept++;
      const { saves } = store;
      assert.equal(safe.bt.factoryreset(), true);
      assert.equal(store.saves, saves + 1);
      safe.run(5000);
      assert.deepEqual([store.saves, store.bytes!.length], [saves + 1, 0], `after ${2 * steps} ms`);
      assert.ok(!phone.connected);
      assert.deepEqual([safe.bt.counters().exceptions, safe.rig.errors], [0, []]);
    }
    assert.ok(steps > 20, `${steps}`);
  });

  it("ends the connection of a phone that comes back with its key, at any of its steps", function () {
    this.timeout(60000);
    const { safe, store, phone } = paired({ level: 3 });
    const bytes = store.bytes!;
    let served = 0;
    for (let step = 0; step < 60; step++) {
      safe.bt.close();
      safe.run(2000);
      store.bytes = bytes;
      safe.rig.open();
      safe.declare(3);
      safe.rig.up();
      phone.connect();
      safe.run(2 * step);
      if (phone.encrypted) served++;
      assert.equal(safe.bt.factoryreset(), true);
      safe.run(5000);
      assert.deepEqual([store.bytes!.length, phone.connected], [0, false], `after ${2 * step} ms`);
      assert.deepEqual([safe.bt.counters().exceptions, safe.rig.errors], [0, []]);
    }
    assert.ok(served > 5 && served < 55, `${served}`);
  });

  it("forgets what was to be saved soon, also where a phone that is out of range makes the end last", () => {
    const { safe, store, phone } = paired();
    phone.unsubscribe("aa01");
    safe.run(20);
    const { saves } = store;
    safe.rig.board.air.linkFault = () => "lose";
    assert.equal(safe.bt.factoryreset(), true);
    safe.run(990);
    assert.ok(safe.rig.board.uartOpen, "it is not over");
    safe.run(5000);
    assert.deepEqual([store.saves, store.bytes!.length, safe.rig.errors.map(brief), safe.bt.counters().exceptions], [saves + 1, 0, [], 0]);
  });

  it("ends the connection of a phone that is known and changes its subscriptions in the last moment", () => {
    const { safe, store, phone } = paired();
    assert.ok(phone.connected);
    phone.unsubscribe("aa01");
    assert.equal(safe.bt.factoryreset(), true);
    safe.run(5000);
    assert.deepEqual([phone.connected, store.bytes!.length, safe.closed], [false, 0, []]);
    safe.rig.gone();
  });

  it("makes it another device: new address, new code, no bonds, and the old phone is a stranger", () => {
    const safe = new Safe({ code: null, options: { store: new Memory() } });
    const [address, code] = [safe.bt.address(), safe.bt.getsecuritycode()];
    const phone = safe.phone({ passkey: code });
    assert.equal(meet(safe, phone).paired, 4);
    assert.notEqual(code, 0);
    assert.equal(safe.bt.factoryreset(), true);
    safe.run(3000);
    safe.rig.open();
    safe.declare(4, null);
    safe.rig.up();
    assert.notEqual(safe.bt.address(), address);
    assert.match(safe.bt.address()!, /^[c-f]/);
    assert.notEqual(safe.bt.getsecuritycode(), code);
    assert.deepEqual(safe.bt.bonds(), []);
    assert.notEqual(meet(safe, safe.phone({ passkey: code })).error, null, "the old code is worth nothing");
  });

  it("keeps the address that belongs to the board: that of the options, of the chip, of hal.uniqueid", () => {
    for (const setup of [{ options: { mac: "112233445566" } }, { board: { uniqueid: "board 4711" } }, { part: "plain" }] as Setup[]) {
      const store = new Memory();
      const given = { board: setup.board, options: { store, ...setup.options } };
      const made: Rig<any> = setup.part ? plainRig(given) : rig(given);
      made.up();
      const address = made.bt.address();
      made.bt.factoryreset();
      forgetSession(made);
      made.open();
      made.up();
      assert.equal(made.bt.address(), address);
    }
  });

  it("is refused by a store that fails: nothing has changed, and onerror says so", () => {
    const { safe, store, phone } = paired();
    const bytes = hex(store.bytes!);
    store.works = false;
    assert.equal(safe.bt.factoryreset(), false);
    (store as any).erase = () => {
      throw new Error("worn out");
    };
    assert.equal(safe.bt.factoryreset(), false);
    assert.deepEqual(safe.rig.errors.splice(0).map(brief), ["store factoryreset 0", "store factoryreset 0"]);
    assert.equal(hex(store.bytes!), bytes);
    assert.equal(safe.bt.bonds().length, 1);
    safe.run(5000);
    assert.ok(phone.connected);
    assert.equal(Buffer.from(phone.read("aa01")).toString(), "secret");
  });

  it("uses the store's own erase() where it has one", () => {
    const { safe, store } = paired();
    const { saves } = store;
    let erased = 0;
    (store as any).erase = () => (erased++, (store.bytes = null), true);
    assert.equal(safe.bt.factoryreset(), true);
    safe.run(3000);
    assert.deepEqual([erased, store.saves, store.bytes], [1, saves, null]);
  });

  it("works with a file: it is gone", () => {
    const file = path("bonds");
    const { safe } = paired({ options: { store: createFileStore(file) } });
    assert.ok(createFileStore(file).load()!.length > 57);
    assert.equal(safe.bt.factoryreset(), true);
    safe.run(3000);
    assert.equal(createFileStore(file).load(), null);
  });

  it("works without a store, before the chip is ready and from within a callback; afterwards the instance is closed", () => {
    const made = rig();
    assert.equal(made.bt.factoryreset(), true);
    made.gone();
    made.open({ onready: () => assert.equal(made.bt.factoryreset(), true) });
    made.run(3000);
    made.gone();
    assert.throws(() => made.bt.factoryreset(), (error: BlimpError) => error.code === "closed" && error.step === "factoryreset");
    assert.equal(made.commands().filter(({ opcode }) => opcode === OP.ADV_ENABLE).length, 0);
  });

  it("keeps nobody's code: CODE was the application's, and is its to give again", () => {
    const { safe } = paired();
    assert.equal(safe.bt.getsecuritycode(), CODE);
    safe.bt.factoryreset();
    safe.run(2000);
    safe.rig.open();
    safe.rig.up();
    assert.notEqual(safe.bt.getsecuritycode(), CODE);
  });
});
