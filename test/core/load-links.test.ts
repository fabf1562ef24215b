import assert from "node:assert/strict";
import type { Options } from "../../core/options.js";
import type { BoardOptions } from "../../hal/mock/index.js";
import { heap, Load } from "../load/load.js";
import { meet, Safe } from "../support/security.js";
import { brief } from "../support/rig.js";

describe("eight links with traffic both ways and a thousand adverts a second", function () {
  this.timeout(120_000);

  it("a minute: nothing is lost, doubled or out of its order, every link gets its share, the heap is flat", () => {
    const load = new Load(7);
    load.go();
    load.run(20_000);
    const before = heap();
    load.run(40_000);
    const growth = heap() - before;
    const { visitors, adverts, wrong } = load.end();
    assert.deepEqual(wrong, []);
    assert.ok(adverts.persecond > 990 && adverts.persecond < 1010, `${adverts.persecond} adverts a second`);
    // The chip has to hold back what the line does not take at once: that is rare, and only of adverts.
    assert.ok(adverts.dropped < adverts.sent / 1000, `${adverts.dropped} of ${adverts.sent}`);
    for (const way of ["down", "up"] as const) {
      const bytes = visitors.map(({ carried }) => carried[way]).sort((a, b) => a - b);
      assert.ok(bytes[0] > 5000 && bytes[7] <= bytes[0] * 1.05, `bytes ${way}: ${bytes}`);
    }
    for (const { carried, slowest } of visitors) {
      assert.ok(carried.indications > 2 && carried.notifications > 100 && carried.reads > 50, JSON.stringify(carried));
      assert.ok(slowest < 1000, `an answer took ${slowest} ms`);
    }
    assert.ok(growth < 500_000, `${growth} bytes more after 40 s`);
  });
});

describe("more adverts than the UART carries, and a paired link", function () {
  this.timeout(120_000);

  const cases: [string, BoardOptions<any>, Options, number][] = [
    // A report of 31 bytes takes 46 on the wire: 2000 a second at 921600, 250 at 115200.
    ["921600 bit/s with flow control, 4000 a second", { flow: true }, {}, 100],
    ["115200 bit/s without, 1000 a second", { flow: false }, {}, 25],
  ];
  for (const [what, board, options, beacons] of cases) {
    it(`${what}: the link stays, is encrypted, and answers all the time`, () => {
      const safe = new Safe({ board: { ...board, chip: { log: false } }, options });
      const phone = safe.phone({}, { interval: 30 });
      assert.deepEqual(meet(safe, phone), { paired: 4, error: null });
      let told = 0;
      phone.discover();
      phone.subscribe("aa01", () => void told++);
      let adverts = 0;
      safe.bt.startscan((list) => void (adverts += list.length));
      const { air, chip } = safe.rig.board;
      const flood = Array.from({ length: beacons }, (_, i) => air.advertise({ data: new Uint8Array(31).fill(i), interval: 20 }));
      let slowest = 0;
      for (let i = 0; i < 100; i++) {
        const from = safe.rig.now;
        assert.deepEqual([...phone.read("aa01")], Array.from("secret", (c) => c.charCodeAt(0)));
        phone.write("aa01", [i]);
        slowest = Math.max(slowest, safe.rig.now - from);
        assert.equal(safe.bt.notify(0xaa01, [i]), true);
        safe.run(250);
        safe.rig.journal.length = safe.rig.adverts.length = 0;
      }
      assert.ok(chip.controller.scanning.dropped > 10_000, `the chip has dropped ${chip.controller.scanning.dropped}`);
      assert.ok(adverts > 5000, `${adverts} adverts heard`);
      assert.ok(slowest < 500, `a read and a write have taken ${slowest} ms`);
      assert.equal(told, 100);
      assert.equal(safe.reads, 100);
      assert.deepEqual(safe.written, Array.from({ length: 100 }, (_, i) => i.toString(16).padStart(2, "0")));
      assert.ok(phone.encrypted && phone.connected);
      assert.deepEqual(safe.closed, []);
      for (const beacon of flood) beacon.stop();
      safe.unharmed();
      assert.deepEqual(phone.violations, []);
    });
  }

  it("an engine that is too slow for its receiver, without flow control: bytes are lost again and again, and the link stays", () => {
    const safe = new Safe({ board: { flow: false, chip: { log: false } } });
    const phone = safe.phone({}, { interval: 30 });
    assert.deepEqual(meet(safe, phone), { paired: 4, error: null });
    safe.bt.startscan(() => {});
    const { air, wire } = safe.rig.board;
    const flood = Array.from({ length: 25 }, (_, i) => air.advertise({ data: new Uint8Array(31).fill(i), interval: 20 }));
    // Of each 3000 bytes that come without a pause the last 40 find no room.
    let since = 0;
    let last = 0;
    let lost = 0;
    wire.toHost.fault = (byte) => {
      const now = safe.rig.now;
      since = now - last > 20 ? 0 : since + 1;
      last = now;
      if (since % 3000 < 2960) return byte;
      lost++;
      return null;
    };
    for (let second = 0; second < 60; second++) {
      safe.run(1000);
      safe.rig.journal.length = safe.rig.adverts.length = 0;
      assert.ok(phone.connected && phone.encrypted, `second ${second}`);
    }
    // With each loss the scan is thinned for a while, so that there are fewer of them.
    assert.ok(lost > 300, `${lost} bytes lost`);
    assert.ok(safe.bt.counters().resyncs > 5, `${safe.bt.counters().resyncs} losses of step`);
    assert.equal(safe.bt.counters().restarts, 0);
    assert.deepEqual(safe.closed, []);
    wire.toHost.fault = undefined;
    for (const beacon of flood) beacon.stop();
    safe.run(3000);
    assert.deepEqual([...phone.read("aa01")], Array.from("secret", (c) => c.charCodeAt(0)));
    assert.deepEqual(safe.rig.errors.map(brief), []);
  });
});
