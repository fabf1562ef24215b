import assert from "node:assert/strict";
import { makeImage } from "../../hal/mock/index.js";
import { brief, complete, hex, IBEACON, OP, plainRig, rejects, rig, type Rig } from "../support/rig.js";

const PLACEHOLDERS = ["43:43:a1:12:1f:ac", "43:43:a0:12:1f:ac", "aa:aa:aa:aa:aa:aa", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"];
const MAC = "4c:2e:fe:12:34:56";
const PLAIN = MAC.replaceAll(":", "");

/** What the air says of the device's address: "random:address". */
function onair(r: Rig<any>): string {
  r.bt.startadvertise(IBEACON, 100, 100);
  const [advert] = r.listen(400);
  assert.ok(advert, "on the air");
  const parameters = r.commands().filter(({ opcode }) => opcode === OP.ADV_PARAMETERS).at(-1)!.parameters;
  assert.equal(parameters[5], advert.random, "Own_Address_Type");
  assert.equal(advert.address, r.bt.address());
  assert.equal(r.ready.at(-1)!.address, r.bt.address());
  return `${advert.random}:${advert.address}`;
}

/** A static random address: top bits 11, and of the others not all alike (Vol 6 Part B 1.3.2.1). */
function isStatic(text: string): void {
  assert.match(text, /^1:[c-f][0-9a-f]{11}$/);
  assert.notEqual(text, "1:ffffffffffff");
  assert.notEqual(text, "1:c00000000000");
}

describe("address: options.mac", () => {
  it("is written to a CYW43438, which is then reset, and checked", () => {
    for (const mac of [MAC, MAC.toUpperCase(), PLAIN, "4c2e.fe12.3456"]) {
      const r = rig({ options: { mac } }).up();
      const commands = r.commands();
      const at = commands.findIndex(({ opcode }) => opcode === OP.WRITE_ADDRESS);
      assert.equal(hex(commands[at].parameters), "563412fe2e4c");
      assert.equal(commands[at + 1].opcode, OP.RESET);
      assert.ok(at > commands.findIndex(({ opcode }) => opcode === OP.LAUNCH), "after the patch, which would reset it");
      assert.ok(commands.slice(at).some(({ opcode }) => opcode === OP.BD_ADDR), "read back");
      assert.equal(onair(r), `0:${PLAIN}`);
      assert.deepEqual(r.board.chip.violations, []);
    }
  });

  it("that does not take is an error", () => {
    const r = rig({ options: { mac: MAC }, before: (r) => (r.board.chip.hook = (opcode) => (opcode === OP.WRITE_ADDRESS ? { bytes: complete(OP.WRITE_ADDRESS, [0]) } : undefined)) });
    r.settle();
    assert.deepEqual(r.errors.map(({ code }) => code), ["mac"]);
    r.gone();
  });

  it("that is refused is an error", () => {
    const r = rig({ options: { mac: MAC }, before: (r) => (r.board.chip.hook = (opcode) => (opcode === OP.WRITE_ADDRESS ? { status: 1 } : undefined)) });
    r.settle();
    assert.equal(r.errors.length, 1);
    assert.equal(r.errors[0].step, "address");
    r.gone();
  });

  it("is the static random address of another controller", () => {
    const r = plainRig({ options: { mac: "C0:00:00:00:00:01" } }).up();
    assert.equal(onair(r), "1:c00000000001");
    assert.ok(!r.commands().some(({ opcode }) => opcode >> 10 === 0x3f));
  });

  it("elsewhere fails where its top bits are not 11", () => {
    for (const mac of ["4c2efe123456", "800000000001", "bfffffffffff"]) {
      const r = plainRig({ options: { mac } }).settle();
      assert.deepEqual(r.errors.map(({ code }) => code), ["mac"], mac);
      r.gone();
    }
  });

  it("of another form throws", () => {
    for (const mac of ["", "4c2efe12345", "4c2efe1234567", "4c2efe12345g", 5, null, {}] as any[]) {
      const r = rig();
      r.bt.close();
      rejects(() => r.open({ mac }), "open", "mac");
      r.open();
      r.up();
    }
  });

  it("survives recovery and reopening", () => {
    const r = rig({ options: { mac: MAC } }).up();
    r.board.chip.hardwareError(1);
    r.clock.until(() => r.recovered.length > 0, 60_000);
    assert.equal(onair(r), `0:${PLAIN}`);
    r.bt.close();
    r.open();
    r.up();
    assert.equal(onair(r), `0:${PLAIN}`);
  });
});

describe("address: the controller's own", () => {
  it("is used where it is one", () => {
    const r = rig({ firmware: makeImage({ address: "001122334455" }) }).up();
    assert.equal(onair(r), "0:001122334455");
    assert.ok(!r.commands().some(({ opcode }) => opcode === OP.RANDOM_ADDRESS));
    assert.equal(onair(plainRig({ board: { chip: { address: "665544332211" } } }).up()), "0:665544332211");
  });

  for (const address of PLACEHOLDERS) {
    it(`is not used where it is ${address}`, () => {
      isStatic(onair(plainRig({ board: { chip: { address } } }).up()));
      isStatic(onair(rig({ firmware: makeImage({ address }) }).up()));
    });
  }

  it("is not known before it is ready", () => {
    const r = rig();
    assert.equal(r.bt.address(), null);
    r.clock.until(() => r.steps.includes("record"), 10_000);
    assert.equal(r.bt.address(), null);
    r.up();
    assert.match(r.bt.address()!, /^[0-9a-f]{12}$/);
  });
});

describe("address: a static random one", () => {
  it("of the board's identity: the same for ever, another on each board", () => {
    const of = (uniqueid: Uint8Array | string, seed: number, random = true): string => onair(rig({ board: { uniqueid, seed, random } }).up());
    const seen = new Set<string>();
    for (let i = 0; i < 24; i++) {
      const id = Uint8Array.of(1, 2, 3, i);
      const address = of(id, 1);
      isStatic(address);
      assert.equal(of(id, 77, false), address, "whatever chance says");
      seen.add(address);
    }
    assert.equal(seen.size, 24);
    assert.equal(of("\x01\x02\x03\x05", 1), of(Uint8Array.of(1, 2, 3, 5), 1), "string or bytes");
    assert.equal(new Set(["abcd", "abdc", "bacd", "abcde", "abcd\0", "\0abcd"].map((id) => of(id, 1))).size, 6);
  });

  it("of hal.random where there is no identity", () => {
    const r = rig().up();
    assert.equal(r.board.chip.count(OP.LE_RAND), 0);
    isStatic(onair(r));
    assert.notEqual(onair(r), onair(rig({ board: { seed: 2 } }).up()));
    assert.equal(hex(r.commands().filter(({ opcode }) => opcode === OP.RANDOM_ADDRESS).at(-1)!.parameters), hex(Buffer.from(r.bt.address()!, "hex").reverse()));
  });

  it("of LE Rand where the board has no random source", () => {
    const r = rig({ board: { random: false } }).up();
    assert.ok(r.board.chip.count(OP.LE_RAND) > 0);
    isStatic(onair(r));
    assert.notEqual(onair(r), onair(rig({ board: { random: false, seed: 5 } }).up()));
  });

  it("stays after recovery and after reopening, whatever it was made of", () => {
    for (const board of [{}, { random: false }, { uniqueid: "12345678" }]) {
      const r = rig({ board }).up();
      const address = onair(r);
      r.board.chip.hardwareError(3);
      r.clock.until(() => r.recovered.length > 0, 60_000);
      assert.equal(r.recovered[0].address, address.slice(2));
      assert.equal(r.bt.address(), address.slice(2));
      r.bt.close();
      r.open();
      r.up();
      assert.equal(onair(r), address);
    }
  });

  it("of a source that is stuck fails by name", () => {
    for (const value of [0, 0x5a, 0xff]) {
      const r = rig({ before: (r) => (r.hal.random = (target) => void target.fill(value)) }).settle();
      assert.deepEqual(r.errors.map(({ code }) => code), ["random"], `all ${value}`);
      r.gone();
      const le = rig({
        board: { random: false },
        before: (r) => (r.board.chip.hook = (opcode) => (opcode === OP.LE_RAND ? { bytes: complete(OP.LE_RAND, [0, ...new Array(8).fill(value)]) } : undefined)),
      }).settle();
      assert.deepEqual(le.errors.map(({ code }) => code), ["random"], `LE Rand, all ${value}`);
      le.gone();
      le.board.chip.hook = undefined;
      le.open();
      le.up();
      isStatic(onair(le));
    }
  });

  it("of a source that repeats a block fails by name", () => {
    const block = [1, 2, 3, 4, 5, 6, 7, 8];
    const r = rig({
      board: { random: false },
      before: (r) => (r.board.chip.hook = (opcode) => (opcode === OP.LE_RAND ? { bytes: complete(OP.LE_RAND, [0, ...block]) } : undefined)),
    }).settle();
    assert.deepEqual(r.errors.map(({ code }) => code), ["random"]);
    r.gone();
  });

  it("without any source: a placeholder never goes on the air", () => {
    const noRand = new Uint8Array(64).fill(0xff);
    noRand[27] = 0x7f;
    const cases: [string, any, any][] = [
      ["LE Rand not claimed", { identity: { commands: noRand } }, { status: 1 }],
      ["LE Rand unknown", {}, { status: 1 }],
      ["LE Rand refused", {}, { status: 0x0c }],
      ["LE Rand too short", {}, { bytes: complete(OP.LE_RAND, [0, 1, 2, 3]) }],
      ["LE Rand without an answer", {}, "drop"],
    ];
    for (const [what, chip, answer] of cases) {
      const r = plainRig({
        board: { random: false, chip: { ...chip, address: "000000000000" } },
        before: (r) => (r.board.chip.hook = (opcode) => (opcode === OP.LE_RAND ? answer : undefined)),
      });
      r.bt.startadvertise(IBEACON, 100, 100);
      r.settle();
      assert.deepEqual(r.listen(1000).map(({ address }) => address), [], what);
      assert.equal(r.errors.length, 1, what);
      r.gone();
    }
  });

  it("stands in options.store, where there is one", () => {
    let kept: Uint8Array | null = null;
    const store = { load: () => kept, save: (bytes: Uint8Array) => ((kept = bytes.slice()), true) };
    const first = onair(rig({ board: { seed: 11 }, options: { store } }).up());
    assert.ok(kept, "saved");
    assert.equal(onair(rig({ board: { seed: 12 }, options: { store } }).up()), first, "another process");
  });

  it("is refused by the controller: an error", () => {
    const r = rig({ before: (r) => (r.board.chip.hook = (opcode) => (opcode === OP.RANDOM_ADDRESS ? { status: 0x0c } : undefined)) }).settle();
    assert.equal(r.errors.length, 1);
    assert.ok(brief(r.errors[0]).startsWith("status "), brief(r.errors[0]));
    r.gone();
  });
});
