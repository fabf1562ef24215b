import assert from "node:assert/strict";
import { PduType } from "../../hal/mock/index.js";
import { hex, latin, OP, unhex, type Rig } from "../support/rig.js";
import { Catch, scanCommands, together, type Advert, type ScanRule } from "../support/scan.js";

/** The iBeacon of the seeds, as its string and as bytes; its literal joined where the page broke it. */
const STRING = "\x02\x01\x06\x1A\xFF\x4C\x00\x02\x15\x92\x77\x83\x0A\xB2\xEB\x49\x0F\xA1\xDD\x7F\xE3\x8C\x49\x2E\xDE\x00\x01\x00\x02\xC5";
const BLOB = unhex("0201061aff4c0002159277830ab2eb490fa1dd7fe38c492ede00010002c5");
const UUID = "9277830ab2eb490fa1dd7fe38c492ede";
const PREFIX = "\x02\x01\x06\x1A\xFF\x4C\x00\x02\x15";
/** What the UUID listener looks for: no Flags. */
const WANTED = "\x1A\xFF\x4C\x00\x02\x15\x92\x77\x83\x0A\xB2\xEB\x49\x0F\xA1\xDD\x7F\xE3\x8C\x49\x2E\xDE";

function clean(rigs: Rig[]): void {
  for (const r of rigs) {
    assert.deepEqual(r.errors, []);
    assert.deepEqual(r.warnings, []);
    assert.deepEqual(r.board.chip.violations, []);
    const { malformed, resyncs, exceptions, overruns } = r.bt.counters();
    assert.deepEqual({ malformed, resyncs, exceptions, overruns }, { malformed: 0, resyncs: 0, exceptions: 0, overruns: 0 });
  }
}

describe("scenario 1: an iBeacon advertiser", () => {
  for (const [form, advert, power] of [["string", STRING, "c5"], ["blob", BLOB, "c5"], ["blob with -60", blobOfTheExample(), "c4"]] as [string, any, string][]) {
    it(`from a ${form}: ADV_NONCONN_IND, the bytes unchanged, heard by another instance`, () => {
      const { clock, rigs } = together(2);
      const [beacon, listener] = rigs;
      const c = new Catch(listener);
      listener.bt.startscan(c.callback);
      beacon.bt.startadvertise(advert, 100, 100);
      clock.run(1100);
      const bytes = "0201061aff4c000215" + UUID + "00010002" + power;
      assert.equal(bytes.length, 60);
      assert.ok(c.adverts.length >= 9 && c.adverts.length <= 11, `${c.adverts.length} adverts in a second at 100 ms`);
      for (const advert of c.adverts) {
        assert.deepEqual({ ...advert, data: hex(advert.data), time: 0 }, { type: 3, rssi: -60, address: beacon.bt.address(), addresstype: 1, data: bytes, time: 0, rule: 0 });
      }
      assert.deepEqual([...new Set(beacon.adverts.map(({ type, data }) => `${type}:${data}`))], [`3:${bytes}`]);
      const parameters = beacon.commands().filter(({ opcode }) => opcode === OP.ADV_PARAMETERS).at(-1)!.parameters;
      assert.equal(hex(parameters.slice(0, 5)), "a000a00003");
      clean(rigs);
    });
  }

  it("stopadvertise twice is no error, and ends it", () => {
    const { clock, rigs } = together(2);
    const c = new Catch(rigs[1]);
    rigs[1].bt.startscan(c.callback);
    rigs[0].bt.startadvertise(STRING, 100, 100);
    clock.run(300);
    assert.ok(c.adverts.length > 0);
    rigs[0].bt.stopadvertise();
    rigs[0].bt.stopadvertise();
    clock.run(50);
    c.clear();
    clock.run(1000);
    assert.deepEqual(c.texts, []);
    clean(rigs);
  });
});

/** As the example program builds it: part after part into a blob, the power as a signed number. */
function blobOfTheExample(): Uint8Array {
  const blob = new Uint8Array(30);
  const view = new DataView(blob.buffer);
  blob.set([0x02, 0x01, 0x06, 0x1a, 0xff, 0x4c, 0x00, 0x02, 0x15]);
  blob.set(unhex(UUID), 9);
  view.setUint16(25, 1);
  view.setUint16(27, 2);
  view.setInt8(29, -60);
  return blob;
}

describe("scenario 2: a beacon with a live scan response", () => {
  it("renewed every 20 s with three bytes: ADV_SCAN_IND, an active scanner sees the new ones, no gap", () => {
    const { clock, rigs } = together(2);
    const [beacon, scanner] = rigs;
    const c = new Catch(scanner);
    scanner.bt.setscanparams(true, 100, 100);
    scanner.bt.startscan(c.callback);
    const readings = ["\x01\x20\x00", "\x00\x21\x01", "\x01\xff\x00", "\x01\xff\x00", "\x00\x00\x00", "\xff\x80\x01"];
    readings.forEach((reading, turn) => {
      beacon.bt.startadvertise(BLOB, 100, 100, reading);
      clock.run(30);
      c.clear();
      clock.run(19_970);
      const kinds = [...new Set(c.adverts.map(({ type, data }) => `${type}:${hex(data)}`))].sort();
      assert.deepEqual(kinds, [`2:${hex(BLOB)}`, `4:${hex(Buffer.from(reading, "latin1"))}`], `turn ${turn}`);
      const responses = c.adverts.filter(({ type }) => type === 4);
      const adverts = c.adverts.filter(({ type }) => type === 2);
      assert.ok(responses.length > 180 && adverts.length > 180, `${adverts.length} adverts, ${responses.length} responses`);
      for (const advert of c.adverts) assert.equal(advert.address, beacon.bt.address());
    });
    const times = beacon.adverts.filter(({ type }) => type === PduType.ADV_SCAN_IND).map(({ time }) => time);
    const gaps = times.slice(1).map((time, i) => time - times[i]);
    assert.ok(Math.max(...gaps) < 111, `no gap: ${Math.max(...gaps)} ms`);
    assert.equal(beacon.board.chip.count(OP.ADV_ENABLE), 1, "never switched off");
    assert.equal(beacon.board.chip.count(OP.SCAN_RESPONSE), 5, "one command a change");
    clean(rigs);
  });

  it("a passive scanner hears no responses and asks for none", () => {
    const { air, clock, rigs } = together(2);
    const c = new Catch(rigs[1]);
    let responses = 0;
    air.sniff(({ pdu }) => void (pdu.type === PduType.SCAN_RSP && responses++));
    rigs[1].bt.startscan(c.callback);
    rigs[0].bt.startadvertise(BLOB, 100, 100, "\x01\x02\x03");
    clock.run(1000);
    assert.deepEqual([...new Set(c.adverts.map(({ type }) => type))], [2]);
    assert.equal(responses, 0);
  });
});

describe("scenario 3: a passive beacon listener", () => {
  /** The program of the seeds. */
  function listen(bt: Rig["bt"], beacons: { uuid: string; major: string; minor: string }[], given: Advert[]): void {
    bt.setscanparams(false, 100, 100);
    bt.setscanfilter([{ type: 3, data: PREFIX }]);
    bt.startscan((adverts) => {
      for (const advert of adverts) {
        given.push(advert);
        let payload = "";
        for (let i = 0; i < advert.data.length; i++) payload += (advert.data[i] + 256).toString(16).slice(1);
        const beacon = { uuid: payload.slice(18, 50), major: payload.slice(50, 54), minor: payload.slice(54, 58) };
        if (!beacons.some((other) => other.uuid === beacon.uuid && other.major === beacon.major && other.minor === beacon.minor)) beacons.push(beacon);
      }
    });
  }

  it("hears scenario 1, and tells beacons apart by UUID, major and minor", () => {
    const { air, clock, rigs } = together(3);
    const beacons: any[] = [];
    const given: Advert[] = [];
    listen(rigs[2].bt, beacons, given);
    rigs[0].bt.startadvertise(STRING, 100, 100);
    const second = BLOB.slice();
    second.set([0xab, 0xcd, 0x00, 0xff], 25);
    rigs[1].bt.startadvertise(second, 100, 100);
    // What must stay outside: other Flags, another type, something else altogether.
    air.advertise({ data: unhex("02011a" + hex(BLOB.slice(3))) });
    air.advertise({ data: BLOB, type: PduType.ADV_IND });
    air.advertise({ data: BLOB, response: BLOB });
    air.advertise({ data: unhex("0201060409696d70") });
    air.advertise({});
    clock.run(5000);
    assert.deepEqual(beacons.sort((a, b) => (a.major < b.major ? -1 : 1)), [
      { uuid: UUID, major: "0001", minor: "0002" },
      { uuid: UUID, major: "abcd", minor: "00ff" },
    ]);
    assert.deepEqual([...new Set(given.map(({ address }) => address))].sort(), [rigs[0].bt.address(), rigs[1].bt.address()].sort());
    assert.ok(given.length >= 90 && given.every(({ rule, type }) => rule === 0 && type === 3));
    assert.deepEqual(scanCommands(rigs[2]), ["parameters 00a000a0000100", "on 0"]);
    clean(rigs);
  });

  it("the filter as seed 000 prints it would not hear the beacon of the same page", () => {
    const { clock, rigs } = together(2);
    const c = new Catch(rigs[1]);
    rigs[1].bt.setscanfilter([{ type: 3, data: "\x02\x01\x1A\x1A\xFF\x4C\x00\x02\x15" }]);
    rigs[1].bt.startscan(c.callback);
    rigs[0].bt.startadvertise(STRING, 100, 100);
    clock.run(1000);
    assert.deepEqual(c.texts, []);
  });
});

describe("scenario 4: a UUID listener with rule dispatch", () => {
  it("with and without Flags: 30 bytes and 27; other UUIDs are not for it", () => {
    const { air, clock, rigs } = together(3);
    const c = new Catch(rigs[2]);
    rigs[2].bt.setscanfilter([{ data: WANTED, minrssi: -90 }]);
    rigs[2].bt.startscan(c.callback);
    rigs[0].bt.startadvertise(BLOB, 100, 100);
    rigs[1].bt.startadvertise(BLOB.slice(3), 100, 100);
    const other = BLOB.slice();
    other[24] ^= 1;
    air.advertise({ data: other });
    clock.run(1000);
    assert.deepEqual([...new Set(c.adverts.map(({ data, address, rule }) => `${data.length} ${address} ${rule}`))].sort(), [`27 ${rigs[1].bt.address()} 0`, `30 ${rigs[0].bt.address()} 0`]);
    clean(rigs);
  });

  it("-90 dBm is delivered, -91 dropped, and so is an unknown signal", () => {
    const { air, clock, rigs } = together(2);
    const c = new Catch(rigs[1]);
    let found = 0;
    rigs[1].bt.setscanfilter([{ data: WANTED, minrssi: -90 }]);
    rigs[1].bt.startscan((adverts) => {
      c.callback(adverts);
      for (const advert of adverts) if (advert.rule === 0) found++;
    });
    rigs[0].bt.startadvertise(STRING, 100, 100);
    for (const [rssi, passes] of [[-90, true], [-91, false], [-89, true], [127, false], [-127, false], [20, true]] as [number, boolean][]) {
      air.rssi = () => rssi;
      clock.run(5);
      c.clear();
      found = 0;
      clock.run(500);
      assert.equal(found > 0, passes, `${rssi} dBm`);
      assert.ok(c.adverts.every((advert) => advert.rssi === rssi));
    }
    clean(rigs);
  });

  it("several rules, each advert with the index of its own", () => {
    const { air, clock, rigs } = together(2);
    const c = new Catch(rigs[1]);
    const other = unhex("1aff4c000215" + "00112233445566778899aabbccddeeff" + "00010002c5");
    rigs[1].bt.setscanfilter([{ data: WANTED, minrssi: -90 }, { data: other.slice(0, 22), minrssi: -90 }]);
    rigs[1].bt.startscan(c.callback);
    air.advertise({ data: other, address: "112233445566" });
    rigs[0].bt.startadvertise(BLOB, 100, 100);
    clock.run(1000);
    assert.deepEqual([...new Set(c.adverts.map(({ address, rule }) => `${address} ${rule}`))].sort(), [`112233445566 1`, `${rigs[0].bt.address()} 0`].sort());
  });
});

describe("scenario 5: an active listener that grows its filter inside the callback", () => {
  it("extra function keys are ignored, scan responses arrive under rule 1, nothing re-enters, nothing is lost", () => {
    const { clock, rigs } = together(2);
    const [beacon, listener] = rigs;
    const bt = listener.bt;
    const known: string[] = [];
    const responses: Advert[] = [];
    const first: Advert[] = [];
    let depth = 0;
    let restarts = 0;
    const found = (advert: Advert): void => {
      first.push(advert);
      if (advert.type === 2 && !known.includes(advert.address)) {
        known.push(advert.address);
        rules.push({ address: advert.address, type: 4, cb: answered });
        restarts++;
        bt.setscanfilter(rules);
        bt.setscanparams(true, 100, 100);
        bt.startscan(scanned);
      }
    };
    const answered = (advert: Advert): void => void responses.push(advert);
    const rules: ScanRule[] = [{ data: WANTED, minrssi: -90, cb: found }];
    const scanned = (adverts: Advert[]): void => {
      assert.equal(depth++, 0, "not entered a second time");
      for (const advert of adverts) rules[advert.rule].cb(advert);
      depth--;
    };
    bt.setscanfilter(rules);
    bt.setscanparams(true, 100, 100);
    bt.startscan(scanned);
    beacon.bt.startadvertise(BLOB, 100, 100, "\x01\x20\x00");
    clock.run(2000);
    assert.deepEqual(known, [beacon.bt.address()]);
    assert.equal(restarts, 1);
    assert.ok(responses.length >= 15 && first.length >= 15, `${first.length} adverts, ${responses.length} responses`);
    for (const advert of responses) {
      assert.deepEqual({ type: advert.type, rule: advert.rule, data: hex(advert.data), address: advert.address }, { type: 4, rule: 1, data: "012000", address: known[0] });
    }
    assert.ok(first.every(({ rule, type }) => rule === 0 && type === 2));
    beacon.bt.startadvertise(BLOB, 100, 100, "\x00\x21\x01");
    clock.run(30);
    responses.length = 0;
    clock.run(500);
    assert.ok(responses.length > 0 && responses.every(({ data }) => hex(data) === "002101"));
    // The parameters did not change: nothing had to be said to the chip.
    assert.deepEqual(scanCommands(listener), ["parameters 01a000a0000100", "on 0"]);
    clean(rigs);
  });

  it("two beacons, a filter that was passive before, and a callback that is a new one each time", () => {
    const { clock, rigs } = together(3);
    const bt = rigs[2].bt;
    const rules: ScanRule[] = [{ data: latin(unhex("1aff4c000215")) }];
    const heard = new Set<string>();
    let depth = 0;
    const make = () => (adverts: Advert[]): void => {
      assert.equal(depth++, 0);
      for (const advert of adverts) {
        heard.add(`${advert.rule} ${advert.type} ${advert.address} ${advert.data.length}`);
        if (advert.rule === 0 && !rules.some(({ address }) => address === advert.address)) {
          rules.push({ address: advert.address, type: 4 });
          bt.setscanfilter(rules);
          bt.setscanparams(true, 100, 100);
          bt.startscan(make());
        }
      }
      depth--;
    };
    bt.setscanfilter(rules);
    bt.setscanparams(false, 100, 100);
    bt.startscan(make());
    rigs[0].bt.startadvertise(BLOB, 100, 100, "abc");
    rigs[1].bt.startadvertise(BLOB.slice(3), 100, 100, "defg");
    clock.run(2000);
    assert.equal(rules.length, 3);
    const expected = [0, 1].flatMap((i) => {
      const rule = rules.findIndex(({ address }) => address === rigs[i].bt.address());
      return [`0 2 ${rigs[i].bt.address()} ${i ? 27 : 30}`, `${rule} 4 ${rigs[i].bt.address()} ${i ? 4 : 3}`];
    });
    assert.deepEqual([...heard].sort(), expected.sort());
    assert.deepEqual(scanCommands(rigs[2]), ["parameters 00a000a0000100", "on 0", "off", "parameters 01a000a0000100", "on 0"]);
    clean(rigs);
  });
});
