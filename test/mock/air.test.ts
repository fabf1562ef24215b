import assert from "node:assert/strict";
import { Air, airTime, createBoard, deviceAddress, PduType, sameAddress, VirtualClock, type Sniffed } from "../../hal/mock/index.js";
import { hex, le, RawHost, unhex } from "./rawhost.js";

function newAir(seed = 1): Air {
  return new Air(new VirtualClock(), { seed });
}

describe("air", () => {
  it("brings a beacon's PDUs to the observers, each interval and a delay of up to 10 ms", () => {
    const air = newAir();
    const beacon = air.advertise({ address: "c0ffee000001", random: 1, data: unhex("020106"), interval: 100 });
    const { heard } = air.observe();
    air.clock.run(10_000);
    assert.ok(heard.length >= 91 && heard.length <= 100, `${heard.length}`);
    const gaps = heard.slice(1).map(({ time }, i) => time - heard[i].time);
    assert.ok(Math.min(...gaps) >= 100 && Math.max(...gaps) <= 110);
    assert.ok(Math.max(...gaps) - Math.min(...gaps) > 5);
    const [{ pdu, rssi }] = heard;
    assert.equal(pdu.type, PduType.ADV_NONCONN_IND);
    assert.equal(hex(pdu.data), "020106");
    assert.equal(hex(pdu.address.bytes), "010000eeffc0");
    assert.equal(pdu.address.random, 1);
    assert.equal(rssi, -60);
    beacon.stop();
    const before = heard.length;
    air.clock.run(1000);
    assert.equal(heard.length, before);
    assert.equal(air.clock.pending, 0);
  });

  it("is a function of its seed", () => {
    const run = (seed: number): string => {
      const air = newAir(seed);
      const log: string[] = [];
      air.sniff(({ time, pdu }) => log.push(`${time} ${hex(pdu.address.bytes)}`));
      for (let i = 0; i < 5; i++) air.advertise();
      air.clock.run(1000);
      return log.join("\n");
    };
    assert.equal(run(4), run(4));
    assert.notEqual(run(4), run(5));
  });

  it("lets a scanner hear within its windows only", () => {
    const air = newAir();
    air.advertise({ interval: 20 });
    const { heard } = air.observe({ interval: 100, window: 30 });
    air.clock.run(10_000);
    for (const { time } of heard) assert.ok(time % 100 < 30, `${time}`);
    assert.ok(heard.length > 80 && heard.length < 160, `${heard.length}`);
  });

  it("answers active scanners, from ADV_IND and ADV_SCAN_IND", () => {
    for (const type of [PduType.ADV_IND, PduType.ADV_SCAN_IND, PduType.ADV_NONCONN_IND]) {
      const air = newAir();
      const sniffed: Sniffed[] = [];
      air.sniff((pdu) => sniffed.push(pdu));
      air.advertise({ type, data: unhex("0102"), response: unhex("030405") });
      const active = air.observe({ active: true });
      const passive = air.observe();
      air.clock.run(500);
      const types = active.heard.map(({ pdu }) => pdu.type);
      assert.equal(types.includes(PduType.SCAN_RSP), type !== PduType.ADV_NONCONN_IND);
      assert.ok(passive.heard.every(({ pdu }) => pdu.type === type));
      assert.equal(sniffed.length, active.heard.length);
      if (type === PduType.ADV_NONCONN_IND) continue;
      assert.equal(hex(active.heard[1].pdu.data), "030405");
      // T_IFS, SCAN_REQ, T_IFS, and a SCAN_RSP of 19 bytes
      assert.ok(Math.abs(active.heard[1].time - active.heard[0].time - (0.15 + 0.176 + 0.15 + 0.152)) < 1e-9);
    }
  });

  it("gives the time of a PDU on the air", () => {
    const address = deviceAddress("000000000001");
    assert.equal(airTime({ type: PduType.ADV_IND, address, data: new Uint8Array(31) }), 0.376);
    assert.equal(airTime({ type: PduType.ADV_DIRECT_IND, address, data: new Uint8Array(0), target: address }), 0.176);
  });

  it("takes rssi and range from the path", () => {
    const air = newAir();
    const near = air.advertise({ name: "near", rssi: -40 });
    air.advertise({ name: "far" });
    const a = air.observe({ name: "a" });
    const b = air.observe({ name: "b" });
    air.clock.run(200);
    assert.ok(a.heard.some(({ rssi }) => rssi === -40) && a.heard.some(({ rssi }) => rssi === -60));
    near.rssi = 127;
    air.rssi = (from, to) => (to.name === "b" ? null : from.name === "near" ? near.rssi : -91);
    const [was, is] = [a.heard.length, b.heard.length];
    air.clock.run(200);
    assert.deepEqual([...new Set(a.heard.slice(was).map(({ rssi }) => rssi))].sort(), [-91, 127]);
    assert.equal(b.heard.length, is);
  });

  it("lets beacons change their data on the air", () => {
    const air = newAir();
    const beacon = air.advertise({ response: unhex("01") });
    const { heard } = air.observe({ active: true });
    air.clock.run(150);
    beacon.setData(unhex("aa"));
    beacon.setResponse(unhex("bb"));
    const before = heard.length;
    air.clock.run(150);
    assert.deepEqual(
      heard.slice(before, before + 2).map(({ pdu }) => hex(pdu.data)),
      ["aa", "bb"],
    );
    assert.throws(() => beacon.setData(new Uint8Array(32)), RangeError);
  });

  it("sniffs until told to stop, and observers may stop inside their report", () => {
    const air = newAir();
    let sniffed = 0;
    const stop = air.sniff(() => sniffed++);
    air.advertise();
    let heard = 0;
    const observer = air.observe({
      report: () => {
        heard++;
        observer.stop();
      },
    });
    air.clock.run(1000);
    assert.equal(heard, 1);
    const before = sniffed;
    assert.ok(before > 5);
    stop();
    air.clock.run(1000);
    assert.equal(sniffed, before);
  });

  it("reads addresses in any spelling", () => {
    assert.equal(hex(deviceAddress("C0:FF:ee-00.00 01").bytes), "010000eeffc0");
    assert.throws(() => deviceAddress("c0ffee"), RangeError);
    assert.ok(sameAddress(deviceAddress("c0ffee000001"), deviceAddress("C0FFEE000001")));
    assert.ok(!sameAddress(deviceAddress("c0ffee000001"), deviceAddress("c0ffee000001", 1)));
    assert.ok(!sameAddress(deviceAddress("c0ffee000001"), deviceAddress("c0ffee000002")));
  });

  it("joins two boards", () => {
    const air = newAir();
    const advertiser = new RawHost(createBoard({ air, part: "plain", chip: { address: "0000000000a1" } }));
    const scanner = new RawHost(createBoard({ air, part: "plain" }));
    assert.notEqual(hex(advertiser.board.chip.controller.address), hex(scanner.board.chip.controller.address));
    advertiser.open();
    scanner.open();
    advertiser.ok(0x2006, [...le(160, 2), ...le(160, 2), 0, 0, 0, ...new Uint8Array(6), 7, 0]);
    advertiser.ok(0x2008, [3, 2, 1, 6, ...new Uint8Array(28)]);
    advertiser.ok(0x2009, [2, 0xaa, 0xbb, ...new Uint8Array(29)]);
    advertiser.ok(0x200a, [1]);
    scanner.ok(0x0c01, new Uint8Array(8).fill(0xff));
    scanner.ok(0x200b, [1, ...le(16, 2), ...le(16, 2), 0, 0]);
    scanner.ok(0x200c, [1, 0]);
    air.clock.run(1000);
    const reports = scanner.reports();
    assert.ok(reports.length >= 16, `${reports.length}`);
    assert.deepEqual(
      reports.slice(0, 2).map(({ type, random, address, data, rssi }) => ({ type, random, address, data, rssi })),
      [
        { type: 0, random: 0, address: "0000000000a1", data: "020106", rssi: -60 },
        { type: 4, random: 0, address: "0000000000a1", data: "aabb", rssi: -60 },
      ],
    );
  });
});
