import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Air, createBoard, Phone, VirtualClock, type Done, type IoCapability, type Pairing, type PairingMethod, type PhoneOptions } from "../../hal/mock/index.js";
import { hex } from "./rawhost.js";

const { BleManager, IOCapabilities } = createRequire(import.meta.url)("ble-host");

const ADDRESS = "00000000b1e0";

/** A peripheral that is npm's ble-host on a controller of the mock: what the phone does is judged by somebody else's stack. */
class BleHost {
  readonly clock = new VirtualClock();
  readonly air = new Air(this.clock, { seed: 5 });
  manager: any;
  /** The connection as ble-host has it. */
  connection: any = null;
  readonly results: any[] = [];
  readonly failures: [reason: number, remote: boolean][] = [];

  async start(): Promise<this> {
    const board = createBoard({ air: this.air, part: "plain", chip: { address: ADDRESS, baud: 921600 } });
    const transport = Object.assign(new EventEmitter(), {
      write: (packet: Uint8Array) => board.hal.uart.write(Uint8Array.from(packet), 0, packet.length),
    });
    let rest = Buffer.alloc(0);
    const receive = (data: Uint8Array | string): void => {
      rest = Buffer.concat([rest, data as Uint8Array]);
      // Events and ACL data, whole.
      for (;;) {
        const header = rest[0] === 4 ? 3 : 5;
        const length = rest.length < header ? Infinity : header + (rest[0] === 4 ? rest[2] : rest.readUInt16LE(3));
        if (rest.length < length) return;
        transport.emit("data", Buffer.from(rest.subarray(0, length)));
        rest = rest.subarray(length);
      }
    };
    board.hal.uart.open(921600, true, receive, () => {});
    this.manager = await this.until<any>((resolve) => BleManager.create(transport, {}, (error: unknown, manager: unknown) => resolve(error as null, manager)));
    return this;
  }

  /** Runs the clock and, between two of its milliseconds, what ble-host has left to Node. */
  async until<T>(begin: (done: Done<T>) => void, limit = 90_000): Promise<T> {
    let outcome: { error: Error | null; value: T } | null = null;
    begin((error, value) => (outcome = { error, value }));
    for (let ms = 0; outcome === null && ms < limit; ms++) {
      this.clock.run(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.notEqual(outcome, null, `not done after ${limit} ms`);
    const { error, value } = outcome!;
    if (error) throw error;
    return value;
  }

  async run(ms: number): Promise<void> {
    const end = this.clock.now + ms;
    await this.until<void>((done) => void this.clock.after(ms, () => done(null)));
    assert.ok(this.clock.now >= end);
  }

  /** Advertises, and does what a user of the device does when it is asked to pair. */
  advertise(features: object, user: (model: number, shown: string | null, answer: (typed?: number) => void) => void = () => {}): void {
    this.manager.setAdvertisingData(Buffer.from("0201060303" + "0f18", "hex"));
    this.manager.startAdvertising({ intervalMin: 0x30, intervalMax: 0x30 }, (_: number, connection: any) => {
      this.connection = connection;
      const { smp } = connection;
      smp.on("pairingRequest", (_request: unknown, answer: (features: object) => void) => answer(features));
      smp.on("passkeyExchange", user);
      smp.on("pairingComplete", (result: any) => void this.results.push(result));
      smp.on("pairingFail", (reason: number, remote: boolean) => void this.failures.push([reason, remote]));
      smp.on("timeout", () => this.failures.push([-1, false]));
    });
  }

  async connect(phone: Phone): Promise<void> {
    await this.until<void>((done) => phone.start.connect({ service: "180f" }, done));
  }

  pair(phone: Phone, options: Partial<Pairing> = {}): Promise<any> {
    return this.until((done) => phone.start.pair(options, done as any));
  }
}

const IO: { [name in IoCapability]: number } = {
  DisplayOnly: IOCapabilities.DISPLAY_ONLY,
  DisplayYesNo: IOCapabilities.DISPLAY_YES_NO,
  KeyboardOnly: IOCapabilities.KEYBOARD_ONLY,
  NoInputNoOutput: IOCapabilities.NO_INPUT_NO_OUTPUT,
  KeyboardDisplay: IOCapabilities.KEYBOARD_DISPLAY,
};

interface Row {
  phone: Partial<Pairing>;
  device: { io: IoCapability; mitm?: boolean; keysize?: number };
  method: PairingMethod;
  level: number;
}

const ROWS: Row[] = [];
for (const sc of [false, true]) {
  const level = sc ? 4 : 3;
  ROWS.push(
    { phone: { sc, io: "NoInputNoOutput" }, device: { io: "DisplayOnly", mitm: true }, method: "just works", level: 2 },
    { phone: { sc, mitm: false }, device: { io: "KeyboardDisplay" }, method: "just works", level: 2 },
    { phone: { sc, io: "KeyboardOnly" }, device: { io: "DisplayOnly" }, method: "type", level },
    { phone: { sc, io: "KeyboardDisplay", mitm: false }, device: { io: "DisplayOnly", mitm: true }, method: "type", level },
    { phone: { sc, io: "DisplayOnly" }, device: { io: "KeyboardOnly" }, method: "show", level },
    { phone: { sc, io: "KeyboardOnly", passkey: 77 }, device: { io: "KeyboardOnly" }, method: "type", level },
    { phone: { sc, io: "DisplayYesNo" }, device: { io: "DisplayYesNo" }, method: sc ? "compare" : "just works", level: sc ? 4 : 2 },
    { phone: { sc, io: "KeyboardDisplay" }, device: { io: "KeyboardDisplay" }, method: sc ? "compare" : "show", level },
    { phone: { sc, io: "KeyboardDisplay", keysize: 9 }, device: { io: "DisplayOnly" }, method: "type", level: 3 },
  );
}

describe("the phone pairs with ble-host", () => {
  const home = process.cwd();
  let folder = "";
  // ble-host keeps its bonds below the current folder.
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "phone-"));
    process.chdir(folder);
  });
  after(() => {
    process.chdir(home);
    rmSync(folder, { recursive: true });
  });

  function features({ io, mitm = false, keysize = 16 }: Row["device"]): object {
    return { ioCap: IO[io], bondingFlags: 1, mitm, maxKeySize: keysize, initKeyDistr: { encKey: true, idKey: true }, rspKeyDistr: { encKey: true, idKey: true } };
  }

  /** A host and a phone whose users look at each other's screens. */
  async function pairing(row: Row, options: PhoneOptions = {}): Promise<{ host: BleHost; phone: Phone }> {
    const host = await new BleHost().start();
    const phone = new Phone(host.air, options);
    let screen: string | null = null;
    Object.assign(phone.pairing, { passkey: () => (screen === null ? undefined : Number(screen)), ...row.phone });
    host.advertise(features(row.device), (_, shown, answer) => {
      screen = shown;
      // Legacy pairing asks its user before the phone has the answer, and shows its passkey then.
      if (row.method === "show") host.clock.after(300, () => answer(phone.keys.passkey));
      else if (row.method === "type" && shown === null) answer(77);
      else if (row.method === "compare") {
        assert.equal(shown, String(phone.keys.number ?? Number(shown)).padStart(6, "0"));
        answer();
      }
    });
    await host.connect(phone);
    return { host, phone };
  }

  for (const row of ROWS) {
    const { io, sc, mitm = true, keysize } = { ...row.phone };
    const name = `${sc ? "Secure Connections" : "legacy"}: ${io ?? "KeyboardDisplay"}${mitm ? " with MITM" : ""}${keysize ? `, ${keysize} octets,` : ""} and ${row.device.io}: ${row.method}`;
    it(name, async () => {
      const { host, phone } = await pairing(row);
      // The user takes a moment, in which the device shows its passkey.
      const result = await host.pair(phone, { userdelay: 500 });
      await host.run(500);
      assert.deepEqual([result.method, result.level, result.bonded, result.keysize], [row.method, row.level, true, keysize ?? 16]);
      assert.deepEqual(host.failures, []);
      const [theirs] = host.results;
      assert.deepEqual([theirs.sc, theirs.mitm, theirs.bond], [result.sc, result.mitm, true]);
      assert.ok(phone.encrypted);
      assert.equal(host.connection.smp.currentEncryptionLevel.keySize, keysize ?? 16);
      // What each has kept of the other.
      const [bond] = phone.bonds;
      const size = keysize ?? 16;
      assert.equal(hex(bond.ltk!.slice(0, size)), hex(theirs.rspLtk.slice(0, size)));
      assert.equal(hex(bond.own.irk!), hex(theirs.initIrk));
      assert.equal(theirs.initIdentityAddress.address.replaceAll(":", "").toLowerCase(), hex([...phone.identity.bytes].reverse()));
      if (!result.sc) {
        assert.deepEqual([bond.ediv, hex(bond.rand)], [theirs.rspEdiv, hex(theirs.rspRand)]);
        assert.deepEqual([hex(bond.own.ltk!.slice(0, size)), bond.own.ediv, hex(bond.own.rand)], [hex(theirs.initLtk.slice(0, size)), theirs.initEdiv, hex(theirs.initRand)]);
      }
      assert.deepEqual(phone.violations, []);
    });
  }

  for (const sc of [false, true]) {
    it(`${sc ? "Secure Connections" : "legacy"}: comes back with the key of the bond, refreshes it, and pairs anew on the live link`, async () => {
      const row: Row = { phone: { sc, io: "KeyboardOnly" }, device: { io: "DisplayOnly" }, method: "type", level: 3 };
      const { host, phone } = await pairing(row);
      await host.pair(phone, { userdelay: 500 });
      await host.run(300);
      await host.until<number>((done) => phone.start.disconnect(done));
      await host.run(300);
      host.advertise(features(row.device));
      await host.connect(phone);
      assert.equal(phone.encrypted, false);
      await host.until<void>((done) => phone.start.encrypt(done));
      await host.run(300);
      assert.deepEqual([phone.encrypted, host.connection.smp.currentEncryptionLevel.mitm], [true, true]);
      await host.until<void>((done) => phone.start.encrypt(done));
      const before = hex(phone.bonds[0].ltk!);
      await host.pair(phone, { io: "NoInputNoOutput", mitm: false });
      await host.run(300);
      assert.equal(host.results.length, 2);
      assert.equal(phone.bonds.length, 1);
      assert.notEqual(hex(phone.bonds[0].ltk!), before);
      assert.deepEqual(phone.violations, []);
    });
  }

  it("with a private address, and comes back with another one, which ble-host resolves", async () => {
    const row: Row = { phone: { io: "KeyboardOnly" }, device: { io: "DisplayOnly" }, method: "type", level: 4 };
    const { host, phone } = await pairing(row, { privacy: true });
    const first = hex(phone.central.address.bytes);
    assert.equal(phone.central.address.bytes[5] >> 6, 1);
    await host.pair(phone, { userdelay: 500 });
    await host.run(300);
    await host.until<number>((done) => phone.start.disconnect(done));
    await host.run(300);
    host.advertise(features(row.device));
    await host.connect(phone);
    assert.notEqual(hex(phone.central.address.bytes), first);
    assert.equal(host.connection.smp.isBonded, true);
    await host.until<void>((done) => phone.start.encrypt(done));
  });

  it("when it asks, at once or after the user's time; and not where the phone ignores it", async () => {
    for (const [more, paired] of [[{}, 1], [{ delay: 40_000 }, 1], [{ request: "ignore" }, 0]] as [Partial<Pairing>, number][]) {
      const row: Row = { phone: { io: "NoInputNoOutput", ...more }, device: { io: "DisplayOnly" }, method: "just works", level: 2 };
      const { host, phone } = await pairing(row);
      const levels: number[] = [];
      phone.onpaired = ({ level }) => void levels.push(level);
      host.connection.smp.sendSecurityRequest(true, false, true, false);
      await host.run((more.delay ?? 0) - 1000 > 0 ? more.delay! - 1000 : 0);
      assert.deepEqual(levels, []);
      await host.run(3000);
      assert.equal(levels.length, paired, JSON.stringify(more));
    }
  });

  it("when a value may not be read without, and reads it then", async () => {
    const host = await new BleHost().start();
    host.manager.gattDb.addServices([
      { uuid: 0x180f, characteristics: [{ uuid: 0x2a19, properties: ["read"], readPerm: "encrypted", value: Buffer.from([42]) }] },
    ]);
    const phone = new Phone(host.air, { pairing: { io: "NoInputNoOutput" } });
    host.advertise(features({ io: "NoInputNoOutput" }));
    await host.connect(phone);
    phone.pairing.onerror = false;
    await assert.rejects(host.until<Uint8Array>((done) => phone.start.read("180f/2a19", done)), { code: "att" });
    phone.pairing.onerror = true;
    assert.deepEqual(await host.until<Uint8Array>((done) => phone.start.read("180f/2a19", done)), Uint8Array.of(42));
    assert.ok(phone.encrypted);
  });

  it("not with a wrong passkey, in either direction, and says so", async () => {
    for (const sc of [false, true]) {
      const typed = await pairing({ phone: { sc, io: "KeyboardOnly", passkey: 1 }, device: { io: "DisplayOnly" }, method: "type", level: 3 });
      await assert.rejects(typed.host.pair(typed.phone), { code: "smp", smp: 0x04, theirs: true });
      assert.equal(typed.phone.encrypted, false);
      const shown = await pairing({ phone: { sc, io: "DisplayOnly", passkey: 78 }, device: { io: "KeyboardOnly" }, method: "type", level: 3 });
      await assert.rejects(shown.host.pair(shown.phone), { code: "smp", smp: 0x04 });
      assert.deepEqual([typed.phone.bonds, shown.phone.bonds], [[], []]);
    }
  });

  it("not where the numbers differ, the user gives up, the key is too short, or only Just Works is possible and not good enough", async () => {
    const refusals: [Partial<Pairing>, Row["device"], number][] = [
      [{ io: "DisplayYesNo", confirm: () => false }, { io: "DisplayYesNo" }, 0x0c],
      [{ io: "KeyboardOnly", passkey: null }, { io: "DisplayOnly" }, 0x01],
      [{ least: 16 }, { io: "DisplayOnly", keysize: 10 }, 0x06],
      [{ strict: true, io: "NoInputNoOutput" }, { io: "DisplayOnly" }, 0x03],
    ];
    for (const [more, device, smp] of refusals) {
      const { host, phone } = await pairing({ phone: more, device, method: "just works", level: 2 });
      await assert.rejects(host.pair(phone), { code: "smp", smp, theirs: false });
      await host.run(200);
      assert.deepEqual(host.failures, [[smp, true]]);
    }
  });

  it("and ble-host finds out its lies", async () => {
    const off = Uint8Array.from({ length: 64 }, (_, i) => i);
    const lies: [Phone["smp"]["lies"], number][] = [
      // It has no better word for a point that is not on the curve.
      [{ publicKey: off }, 0x0a],
      [{ check: (right) => right.map((octet) => octet ^ 1) }, 0x0b],
      [{ dhkey: new Uint8Array(32) }, 0x0b],
      [{ confirm: (right, round) => right.map((octet) => octet ^ (round === 7 ? 0x80 : 0)) }, 0x04],
      [{ nonce: (round) => new Uint8Array(16).fill(round), confirm: (right, round) => (round === 19 ? new Uint8Array(16) : right) }, 0x04],
    ];
    for (const [lie, smp] of lies) {
      const { host, phone } = await pairing({ phone: { io: "KeyboardOnly" }, device: { io: "DisplayOnly" }, method: "type", level: 4 });
      phone.smp.lies = lie;
      await assert.rejects(host.pair(phone, { userdelay: 300 }), { code: "smp", theirs: true, smp });
    }
  });
});
