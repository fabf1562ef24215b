import assert from "node:assert/strict";
import { open as openBeacon } from "../../targets/jerryscript/beacon.js";
import { open as openFull } from "../../targets/jerryscript/full.js";
import { open as openPeripheral } from "../../targets/jerryscript/peripheral.js";
import { linked } from "../support/links.js";
import { rejects, rig, unhex } from "../support/rig.js";
import { scanning } from "../support/scan.js";
import { meet, Memory, Safe } from "../support/security.js";

/** A board that nobody holds. */
function free(): ReturnType<typeof rig> {
  const r = rig();
  r.bt.close();
  return r;
}

const SERVICE = {
  uuid: 0xff00,
  chars: [
    { uuid: 0xff01, notify: true, value: "x", flags: 0x12 },
    { uuid: 0xff02, write: () => 0 },
  ],
} as any;

describe("memory: what was reserved", () => {
  // The table of README.md. Packets of 258 bytes: the ring and its reserve, and the one that is built.
  const rows: [string, any, number][] = [
    ["tiny", openPeripheral, 300 + 258 + 259 + (69 + 138 + 24)],
    ["small", openPeripheral, 512 + 258 + 259 + (69 + 106 + 4 * 32 + 160)],
    ["tiny", openFull, 300 + 258 + 259 + (69 + 138 + 32 + 24)],
    ["large", openPeripheral, 4096 + 258 + 259 + 8 * (521 + 600 + 16 * 526 + 4096)],
  ];
  for (const [sizes, open, bytes] of rows) {
    it(`as "${sizes}" in a build ${open === openFull ? "with" : "without"} a client: ${bytes} bytes`, () => {
      const { hal } = free();
      const bt = open(hal, null, { sizes });
      assert.equal(bt.memory().reserved, bytes);
      bt.close();
    });
  }

  it('as "small" where a build for small engines is told nothing, and as "large" on Node', () => {
    const { hal } = free();
    const small = openPeripheral(hal, null, {});
    const said = small.memory();
    small.close();
    const same = openPeripheral(hal, null, { sizes: "small" });
    assert.deepEqual(same.memory(), said);
    same.close();
    const node = rig({ options: { sizes: "large" } });
    assert.deepEqual(node.bt.memory(), rig().bt.memory());
  });

  it("a limit by its own name comes before the set that is named", () => {
    const { hal } = free();
    const bt = openPeripheral(hal, null, { sizes: "tiny", links: 3, receive: 1000 });
    assert.deepEqual(bt.memory().links, { size: 3, most: 0 });
    assert.deepEqual(bt.memory().receive, { size: 1000, most: 0 });
    assert.deepEqual(bt.memory().prepare, { size: 24, most: 0 });
    bt.close();
  });

  it("another name is refused", () => {
    const { hal } = free();
    for (const sizes of ["huge", "", 1, null, "300", "tiny "]) rejects(() => openPeripheral(hal, null, { sizes: sizes as any }), "open", "sizes");
    // The board is still free.
    openPeripheral(hal, null, {}).close();
  });

  it("a beacon has its ring and its packet, and nothing else", () => {
    const { hal } = free();
    const bt = openBeacon(hal, null, {});
    assert.deepEqual(bt.memory(), { reserved: 512 + 258 + 259, receive: { size: 512, most: 0 } });
    bt.close();
  });
});

describe("memory: the most that was held", () => {
  it("in the receive ring: whole packets, and what came of one that is not whole", () => {
    const r = rig().up();
    const before = r.bt.memory().receive.most;
    assert.ok(before >= 255, `${before} bytes: the event that answers Read Local Name`);
    // Inquiry Result is nobody's: 300 bytes of it at once.
    r.receive(new Uint8Array(300).map((_, i) => [4, 2, 97][i % 100] ?? 0));
    assert.equal(r.bt.memory().receive.most, 300);
    assert.equal(r.bt.memory().receive.size, 4096);
  });

  it("of connections, of queued notifications and of prepared writes", () => {
    const { rig: r, peer } = linked([SERVICE], { mtu: 23, queue: 4, prepare: 160 });
    assert.deepEqual(r.bt.memory().links, { size: 8, most: 1 });
    const handle = r.bt.handle(0xff00, 0xff01);
    const written = r.bt.handle(0xff00, 0xff02);
    assert.equal(peer.att("12" + [handle + 1, 0].map((b) => b.toString(16).padStart(2, "0")).join("") + "0100"), "13");
    assert.equal(r.bt.memory().queue!.most, 0);
    while (r.bt.notify(0xff01, "01234567890123456789"));
    assert.deepEqual(r.bt.memory().queue, { size: 4 * 32, most: 4 * 32 });
    r.run(1000);
    peer.frames.length = 0;
    const h = written.toString(16).padStart(2, "0") + "00";
    peer.att("16" + h + "0000" + "616263");
    peer.att("16" + h + "0300" + "646566");
    assert.equal(peer.att("1800"), "19");
    // Two parts of 3 bytes behind handle, offset and length.
    assert.deepEqual(r.bt.memory().prepare, { size: 160, most: 18 });
  });

  it("of adverts that wait while the application is at work, and no more than there is room for", () => {
    const { r } = scanning({}, undefined, () => undefined);
    const report = unhex("043e0c02010300060504030201" + "00" + "c5");
    r.receive(report);
    const { adverts } = r.bt.memory();
    assert.equal(adverts!.most, 1);
    assert.ok(adverts!.size > 16);
  });

  it("of bonds", () => {
    const store = new Memory();
    const safe = new Safe({ options: { store } });
    assert.equal(safe.rig.bt.memory().bonds!.most, 0);
    assert.equal(meet(safe, safe.phone()).paired, 4);
    assert.deepEqual(safe.rig.bt.memory().bonds, { size: 64, most: 1 });
    const again = new Safe({ options: { store } });
    assert.equal(again.rig.bt.memory().bonds!.most, 1, "those out of the store count");
  });

  it("is a copy", () => {
    const r = rig().up();
    const said = r.bt.memory();
    said.receive.most = 0;
    said.reserved = 0;
    assert.ok(r.bt.memory().receive.most > 0 && r.bt.memory().reserved > 0);
  });
});
