import assert from "node:assert/strict";
import * as ad from "../../core/gap/ad.js";
import { hex, latin, rejects, unhex } from "../support/rig.js";
import { chance, together, Catch } from "../support/scan.js";

/** The iBeacon of the seeds, byte for byte. */
const SEED = unhex("020106 1aff4c000215 9277830ab2eb490fa1dd7fe38c492ede 0001 0002 c5");
const UUID = "9277830ab2eb490fa1dd7fe38c492ede";
/** Eddystone-UID: Flags, the service, frame 00, -25 dBm, 10 bytes of namespace, 6 of instance, 2 reserved. */
const UID = unhex("020106 0303aafe 1716aafe 00 e7 00112233445566778899 aabbccddeeff 0000");
/** Eddystone-URL: https://www.google.com/ at -21 dBm. */
const URL = unhex("020106 0303aafe 0d16aafe 10 eb 01 676f6f676c65 00");

const READERS: [string, (data: Uint8Array) => unknown][] = [
  ["readName", ad.readName],
  ["readServices", ad.readServices],
  ["readIBeacon", ad.readIBeacon],
  ["readEddystone", ad.readEddystone],
  ["adFind", (data) => ad.adFind(data, data.length ? data[0] : 9)],
];

describe("AD structures: building", () => {
  const cases: [string, () => Uint8Array, string][] = [
    ["Flags", () => ad.adFlags(6), "020106"],
    ["Flags of a phone", () => ad.adFlags(0x1a), "02011a"],
    ["no Flags set", () => ad.adFlags(0), "020100"],
    ["all Flags", () => ad.adFlags(255), "0201ff"],
    ["a complete name", () => ad.adName("imp004m"), "0809696d703030346d"],
    ["a short name", () => ad.adName("imp", true), "0408696d70"],
    ["a complete name, said so", () => ad.adName("imp", false), "0409696d70"],
    ["an empty name", () => ad.adName(""), "0109"],
    ["a name in UTF-8", () => ad.adName("\xc3\xa9"), "0309c3a9"],
    ["the longest name", () => ad.adName("n".repeat(29)), "1e09" + "6e".repeat(29)],
    ["a 16-bit service", () => ad.adServices([0x180a]), "03030a18"],
    ["16-bit services", () => ad.adServices([0x180a, "180F", "feaa"]), "07030a180f18aafe"],
    ["the smallest and the largest", () => ad.adServices([0, 0xffff]), "05030000ffff"],
    ["fourteen of them", () => ad.adServices(new Array(14).fill(0x1234)), "1d03" + "3412".repeat(14)],
    ["a 128-bit service, as the seeds send it", () => ad.adServices(["FADA47BEC45548C9A5F2AF7CF368D719"]), "110719d768f37caff2a5c94855c4be47dafa"],
    ["the same with dashes, lower case", () => ad.adServices(["fada47be-c455-48c9-a5f2-af7cf368d719"]), "110719d768f37caff2a5c94855c4be47dafa"],
    ["manufacturer data", () => ad.adManufacturer(0x004c, [2, 0x15]), "05ff4c000215"],
    ["manufacturer data, company high byte", () => ad.adManufacturer(0xff01, "\xfe"), "04ff01fffe"],
    ["manufacturer data, none", () => ad.adManufacturer(0xffff, ""), "03ffffff"],
    ["manufacturer data, the most", () => ad.adManufacturer(1, new Uint8Array(27)), "1eff0100" + "00".repeat(27)],
    ["an iBeacon", () => ad.adIBeacon(UUID, 1, 2, -59), hex(SEED.slice(3))],
    ["an iBeacon of the largest numbers", () => ad.adIBeacon("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFF00", 0xff01, 0x02fe, -128), "1aff4c000215" + "ff".repeat(15) + "00" + "ff0102fe80"],
    ["an iBeacon of the smallest", () => ad.adIBeacon("0".repeat(32), 0, 0, 127), "1aff4c000215" + "00".repeat(20) + "7f"],
    ["Eddystone-URL", () => ad.adEddystoneUrl("https://www.google.com/", -21), hex(URL.slice(3))],
    ["Eddystone-URL, http://www.", () => ad.adEddystoneUrl("http://www.a.org", 0), "0303aafe 0816aafe10000061 08".replace(/ /g, "")],
    ["Eddystone-URL, http://", () => ad.adEddystoneUrl("http://a.info/b", 20), "0303aafe0916aafe101402610462"],
    ["Eddystone-URL, https://", () => ad.adEddystoneUrl("https://goo.gl/Aj", -1), "0303aafe0f16aafe10ff03" + hex(Buffer.from("goo.gl/Aj"))],
    ["any structure", () => ad.adStructure(0x0a, [0xf4]), "020af4"],
    ["any structure, of nothing", () => ad.adStructure(0, []), "0100"],
    ["any structure, the longest", () => ad.adStructure(0x16, "x".repeat(29)), "1e16" + "78".repeat(29)],
    ["several joined", () => ad.adJoin([ad.adFlags(6), ad.adIBeacon(UUID, 1, 2, -59)]), hex(SEED)],
    ["nothing joined", () => ad.adJoin([]), ""],
    ["a byte string and an array joined", () => ad.adJoin(["\x02\x01\x06", [2, 10, 0]]), "020106020a00"],
    ["31 bytes joined", () => ad.adJoin([ad.adName("a".repeat(26)), ad.adFlags(6)]), "1b09" + "61".repeat(26) + "020106"],
  ];
  for (const [what, build, bytes] of cases) {
    it(what, () => {
      const built = build();
      assert.ok(built instanceof Uint8Array);
      assert.equal(hex(built), bytes);
      if (built.length > 0) assert.ok(built.length === built[0] + 1 || built.length > built[0] + 1, "whole");
    });
  }

  it("all suffixes of Eddystone-URL have their numbers", () => {
    const endings = [".com/", ".org/", ".edu/", ".net/", ".info/", ".biz/", ".gov/", ".com", ".org", ".edu", ".net", ".info", ".biz", ".gov"];
    endings.forEach((ending, number) => {
      assert.equal(hex(ad.adEddystoneUrl(`https://q${ending}`, 0).slice(-2)), "71" + number.toString(16).padStart(2, "0"), ending);
      assert.equal(hex(ad.adEddystoneUrl(`https://q${ending}z`, 0).slice(-3)), "71" + number.toString(16).padStart(2, "0") + "7a", ending);
    });
  });

  it("a UUID may be bytes too, most significant first", () => {
    const uuid = unhex("fada47bec45548c9a5f2af7cf368d719");
    assert.equal(hex(ad.adServices([Uint8Array.of(0x18, 0x0a) as any])), "03030a18");
    assert.equal(hex(ad.adServices([uuid as any])), "110719d768f37caff2a5c94855c4be47dafa");
    assert.equal(hex(ad.adIBeacon(unhex(UUID) as any, 1, 2, -59)), hex(SEED.slice(3)));
  });

  it("keeps nothing of what it was given, and changes nothing", () => {
    const data = Uint8Array.of(1, 2, 3);
    const built = ad.adStructure(9, data);
    data.fill(9);
    assert.equal(hex(built), "0409010203");
    const parts = [ad.adFlags(6)];
    const advert = ad.adJoin(parts);
    parts[0].fill(0);
    assert.equal(hex(advert), "020106");
  });
});

describe("AD structures: bad arguments", () => {
  const cases: [string, () => unknown, string, string, (string | number)[]][] = [
    ["flags of 256", () => ad.adFlags(256), "adFlags", "flags", [256, "0..255"]],
    ["flags of -1", () => ad.adFlags(-1), "adFlags", "flags", [-1]],
    ["flags that are a text", () => ad.adFlags("6" as any), "adFlags", "flags", ["6"]],
    ["30 bytes in a structure", () => ad.adStructure(9, new Uint8Array(30)), "adStructure", "data", [30, 29]],
    ["type 256", () => ad.adStructure(256, ""), "adStructure", "type", [256, "0..255"]],
    ["no data", () => (ad.adStructure as any)(9), "adStructure", "data", ["undefined"]],
    ["data beyond bytes", () => ad.adStructure(9, [256]), "adStructure", "data", []],
    ["32 bytes joined", () => ad.adJoin([ad.adName("a".repeat(27)), ad.adFlags(6)]), "adJoin", "", [32, 31]],
    ["company 65536", () => ad.adManufacturer(65536, ""), "adManufacturer", "company", [65536, 65535]],
    ["company 1.5", () => ad.adManufacturer(1.5, ""), "adManufacturer", "company", [1.5]],
    ["manufacturer data that are none", () => ad.adManufacturer(1, null as any), "adManufacturer", "data", ["null"]],
    ["a service of 65536", () => ad.adServices([65536]), "adServices", "uuid", [65536, 65535]],
    ["a service of -1", () => ad.adServices([-1]), "adServices", "uuid", [-1]],
    ["a service of 8 digits", () => ad.adServices(["0000180a"]), "adServices", "uuid", ["0000180a"]],
    ["a service of 5 digits", () => ad.adServices(["1180a"]), "adServices", "uuid", ["1180a"]],
    ["a service with a g", () => ad.adServices(["180g"]), "adServices", "uuid", ["180g"]],
    ["no service", () => ad.adServices([undefined as any]), "adServices", "uuid", ["undefined"]],
    ["services of two sizes", () => ad.adServices([0x180a, UUID]), "adServices", "uuids[1]", []],
    ["an iBeacon of a short UUID", () => ad.adIBeacon("180a", 1, 2, 3), "adIBeacon", "uuid", []],
    ["an iBeacon of 31 digits", () => ad.adIBeacon(UUID.slice(1), 1, 2, 3), "adIBeacon", "uuid", []],
    ["major 65536", () => ad.adIBeacon(UUID, 65536, 2, 3), "adIBeacon", "major", [65536, 65535]],
    ["minor -1", () => ad.adIBeacon(UUID, 1, -1, 3), "adIBeacon", "minor", [-1]],
    ["minor left out", () => (ad.adIBeacon as any)(UUID, 1), "adIBeacon", "minor", ["undefined"]],
    ["power 128", () => ad.adIBeacon(UUID, 1, 2, 128), "adIBeacon", "power", [128]],
    ["a URL of another scheme", () => ad.adEddystoneUrl("ftp://a.com", 0), "adEddystoneUrl", "url", ["ftp://a.com"]],
    ["a URL too long", () => ad.adEddystoneUrl("https://abcdefghijklmnopqr", 0), "adEddystoneUrl", "url", [17]],
    ["a URL of nothing", () => ad.adEddystoneUrl("https://", 0), "adEddystoneUrl", "url", []],
    ["a URL at 200 dBm", () => ad.adEddystoneUrl("https://a.com", 200), "adEddystoneUrl", "power", [200]],
    // Bytes 0x00 to 0x20 and 0x7f to 0xff of an encoded URL are suffixes, or reserved (Eddystone-URL, "URL Encoding").
    ["a URL with a character above 255", () => ad.adEddystoneUrl("https://\u0141.com", 0), "adEddystoneUrl", "url", []],
    ["a URL with a character above 127", () => ad.adEddystoneUrl("https://\xe9.com", 0), "adEddystoneUrl", "url", []],
    ["a URL with a blank", () => ad.adEddystoneUrl("https://a b", 0), "adEddystoneUrl", "url", []],
    ["a URL with a character that would be read as a suffix", () => ad.adEddystoneUrl("https://a\x00", 0), "adEddystoneUrl", "url", []],
    ["a URL that is a number", () => ad.adEddystoneUrl(7 as any, 0), "adEddystoneUrl", "url", ["7"]],
    ["no URL", () => (ad.adEddystoneUrl as any)(), "adEddystoneUrl", "url", ["undefined"]],
    ["no list of services", () => (ad.adServices as any)(), "adServices", "uuids", ["undefined"]],
    ["nothing to join", () => (ad.adJoin as any)(), "adJoin", "structures", ["undefined"]],
    ["a gap among what is joined", () => ad.adJoin([ad.adFlags(6), undefined as any]), "adJoin", "structures[1]", ["undefined"]],
    ["a number to join", () => ad.adJoin([5 as any]), "adJoin", "structures[0]", [5]],
  ];
  for (const [what, call, method, argument, texts] of cases) {
    it(what, () => rejects(call, method, argument, ...texts));
  }

  for (const [what, call, argument, texts] of [
    ["a name of 30 bytes", () => ad.adName("a".repeat(30)), "name", [30, 29]],
    ["a name beyond bytes", () => ad.adName("\u2603"), "name", []],
    ["a name that is a number", () => ad.adName(7 as any), "name", ["7"]],
  ] as [string, () => unknown, string, (string | number)[]][]) {
    it(`${what}: the error names the call that was made`, () => rejects(call, "adName", argument, ...texts));
  }

  it("fifteen 16-bit services, two of 128 bits, 28 bytes of manufacturer data: the error names the call that was made", () => {
    rejects(() => ad.adServices(new Array(15).fill(1)), "adServices", "", 29);
    rejects(() => ad.adServices([UUID, UUID]), "adServices", "", 29);
    rejects(() => ad.adManufacturer(1, new Uint8Array(28)), "adManufacturer", "data");
  });
});

describe("AD structures: reading", () => {
  it("finds a structure, wherever it lies, the first of its type", () => {
    const data = unhex("020106 0409696d70 03ff4c00 020a04 0409666f6f");
    const found = (type: number): string | null => {
      const content = ad.adFind(data, type);
      return content === null ? null : hex(content);
    };
    assert.deepEqual([1, 9, 0xff, 0x0a, 8, 0].map(found), ["06", "696d70", "4c00", "04", null, null]);
  });

  it("a structure without content is there, and empty", () => {
    const content = ad.adFind(unhex("0109"), 9);
    assert.ok(content !== null);
    assert.equal(content!.length, 0);
    assert.equal(ad.readName(unhex("0109")), "");
  });

  it("a structure in the view of a larger array", () => {
    const large = unhex("ffffffff 020106 0409696d70 ffffffff");
    const view = large.subarray(4, 12);
    assert.equal(ad.readName(view), "imp");
    assert.equal(hex(ad.adFind(view, 1)!), "06");
    assert.equal(ad.adFind(view, 0xff), null);
  });

  it("zeros end it early, as the specification has it", () => {
    assert.equal(ad.readName(unhex("020106 00 0409696d70")), null);
    assert.equal(ad.adFind(new Uint8Array(31), 0), null);
    assert.equal(ad.adFind(unhex("00010203"), 1), null);
  });

  it("what is cut off is not there: every cut", () => {
    const data = unhex("020106 0409696d70 06ff4c00aabbcc");
    for (let length = 0; length <= data.length; length++) {
      const cut = data.slice(0, length);
      assert.equal(ad.adFind(cut, 1) !== null, length >= 3);
      assert.equal(ad.readName(cut), length >= 8 ? "imp" : null);
      assert.equal(ad.adFind(cut, 0xff) !== null, length >= 15);
    }
    assert.equal(ad.adFind(unhex("ff0961"), 9), null);
  });

  it("names: complete before short", () => {
    assert.equal(ad.readName(unhex("0408696d70")), "imp");
    assert.equal(ad.readName(unhex("0408696d70 0509696d7034")), "imp4");
    assert.equal(ad.readName(unhex("0309c3a9")), "\xc3\xa9");
    assert.equal(ad.readName(unhex("020106")), null);
    assert.equal(ad.readName(new Uint8Array(0)), null);
  });

  it("services: complete and partial, of both sizes, least significant first on the air", () => {
    assert.deepEqual(ad.readServices(unhex("05030a180f18")), ["180a", "180f"]);
    assert.deepEqual(ad.readServices(unhex("03020a18")), ["180a"]);
    const long = "19d768f37caff2a5c94855c4be47dafa";
    for (const type of ["06", "07"]) assert.deepEqual(ad.readServices(unhex(`11${type}${long}`)), ["fada47bec45548c9a5f2af7cf368d719"]);
    assert.deepEqual(ad.readServices(unhex(`03030a18 1107${long}`)).sort(), ["180a", "fada47bec45548c9a5f2af7cf368d719"]);
    assert.deepEqual(ad.readServices(unhex("03030a18 03020f18")).sort(), ["180a", "180f"]);
    assert.deepEqual(ad.readServices(unhex("04030a180f")), ["180a"], "a half one at the end is none");
    assert.deepEqual(ad.readServices(unhex("0103")), []);
    assert.deepEqual(ad.readServices(unhex("05050a180000")), [], "32-bit ones are not read");
    assert.deepEqual(ad.readServices(new Uint8Array(0)), []);
  });

  it("iBeacons, with Flags and without", () => {
    const beacon = { uuid: UUID, major: 1, minor: 2, power: -59 };
    assert.deepEqual(ad.readIBeacon(SEED), beacon);
    assert.deepEqual(ad.readIBeacon(SEED.slice(3)), beacon);
    assert.deepEqual(ad.readIBeacon(unhex("02011a" + hex(SEED.slice(3)))), beacon);
    const large = SEED.slice();
    large.set([0xfe, 0xdc, 0xba, 0x98, 0x7f], 25);
    assert.deepEqual(ad.readIBeacon(large), { uuid: UUID, major: 0xfedc, minor: 0xba98, power: 127 });
  });

  it("no iBeacon: another company, type or length, cut off", () => {
    for (const [place, value] of [[3, 0x19], [4, 0xfe], [5, 0x4d], [6, 1], [7, 3], [8, 0x14], [8, 0x16]]) {
      const other = SEED.slice();
      other[place] = value;
      assert.equal(ad.readIBeacon(other), null, `${place}`);
    }
    for (let length = 0; length < SEED.length; length++) assert.equal(ad.readIBeacon(SEED.slice(0, length)), null);
    assert.equal(ad.readIBeacon(URL), null);
  });

  it("Eddystone-UID", () => {
    const uid = { frame: "uid", power: -25, namespace: "00112233445566778899", instance: "aabbccddeeff" };
    assert.deepEqual(ad.readEddystone(UID), uid);
    assert.deepEqual(ad.readEddystone(UID.slice(3)), uid);
    for (let length = 0; length < UID.length; length++) assert.equal(ad.readEddystone(UID.slice(0, length)), null);
  });

  it("Eddystone-URL", () => {
    assert.deepEqual(ad.readEddystone(URL), { frame: "url", power: -21, url: "https://www.google.com/" });
    for (let length = 0; length < URL.length; length++) assert.equal(ad.readEddystone(URL.slice(0, length)), null);
    const frame = (bytes: string): any => ad.readEddystone(unhex("0303aafe" + (bytes.length / 2 + 3).toString(16).padStart(2, "0") + "16aafe" + bytes));
    assert.equal(frame("1000" + "02" + "610d62").url, "http://a.govb");
    assert.equal(frame("1000" + "00" + "61").url, "http://www.a");
    assert.equal(frame("1000" + "04" + "61"), null, "no such scheme");
    assert.equal(frame("2000" + "00" + "0bb8000000000000000000"), null, "telemetry");
    assert.equal(frame("4000"), null);
    assert.equal(ad.readEddystone(unhex("0616abfe100001")), null, "another service");
  });

  it("a distance: 1 m at the power of 1 m, ten times as far 20 dB below", () => {
    for (const [rssi, power, metres] of [[-59, -59, 1], [-79, -59, 10], [-39, -59, 0.1], [-65, -59, 1.995]]) {
      assert.ok(Math.abs(ad.estimateDistance(rssi, power) / metres - 1) < 0.001);
    }
  });
});

describe("AD structures: there and back", () => {
  it("names, services, beacons drawn at random", () => {
    const any = chance(77);
    const digits = (count: number): string => Array.from({ length: count }, () => "0123456789abcdef"[any(16)]).join("");
    for (let i = 0; i < 500; i++) {
      const name = latin(Uint8Array.from({ length: any(27) }, () => any(256)));
      const short = any(2) === 1;
      assert.equal(ad.readName(ad.adJoin([ad.adFlags(any(256)), ad.adName(name, short)])), name);
      const services = Array.from({ length: 1 + any(12) }, () => digits(4));
      assert.deepEqual(ad.readServices(ad.adJoin([ad.adFlags(6), ad.adServices(services)])), services);
      const uuid = digits(32);
      assert.deepEqual(ad.readServices(ad.adServices([uuid])), [uuid]);
      const beacon = { uuid, major: any(65536), minor: any(65536), power: any(256) - 128 };
      assert.deepEqual(ad.readIBeacon(ad.adIBeacon(uuid, beacon.major, beacon.minor, beacon.power)), beacon);
      const endings = [".com/", ".org", ".info", ".gov/", ".computer", ".c", "/", ""];
      const url = ["http://www.", "https://www.", "http://", "https://"][any(4)] + "x" + endings[any(8)] + digits(any(4)) + endings[any(8)];
      const power = any(256) - 128;
      assert.deepEqual(ad.readEddystone(ad.adJoin([ad.adFlags(6), ad.adEddystoneUrl(url, power)])), { frame: "url", power, url });
    }
  });

  it("over the air", () => {
    const { clock, rigs } = together(2);
    const c = new Catch(rigs[1]);
    rigs[1].bt.startscan(c.callback);
    rigs[0].bt.startadvertise(ad.adJoin([ad.adFlags(6), ad.adIBeacon(UUID, 1, 2, -59)]), 100, 100);
    clock.run(300);
    assert.equal(hex(c.adverts[0].data), hex(SEED));
    assert.deepEqual(ad.readIBeacon(c.adverts[0].data), { uuid: UUID, major: 1, minor: 2, power: -59 });
  });
});

describe("AD structures: hostile data", () => {
  it("random bytes never throw, and nothing is written to", () => {
    const any = chance(5);
    for (let i = 0; i < 20_000; i++) {
      const data = Uint8Array.from({ length: any(36) }, () => (any(3) ? any(256) : any(32)));
      const before = hex(data);
      for (const [name, read] of READERS) {
        try {
          read(data);
        } catch (error) {
          assert.fail(`${name}(${before}): ${error}`);
        }
      }
      assert.equal(hex(data), before);
    }
  });

  it("good ones with one byte changed never throw", () => {
    for (const good of [SEED, UID, URL, unhex("020106 0409696d70 05030a180f18")]) {
      for (let place = 0; place < good.length; place++) {
        for (let value = 0; value < 256; value++) {
          const data = good.slice();
          data[place] = value;
          for (const [, read] of READERS) read(data);
        }
      }
    }
  });

  it("what is read stays within the data", () => {
    const any = chance(9);
    for (let i = 0; i < 5000; i++) {
      const large = new Uint8Array(64).fill(0xa5);
      const data = large.subarray(10, 10 + any(32));
      for (let k = 0; k < data.length; k++) data[k] = any(2) ? any(12) : any(256);
      for (let type = 0; type < 256; type += 1 + any(9)) {
        const content = ad.adFind(data, type);
        if (content === null) continue;
        assert.ok(content.byteOffset >= data.byteOffset && content.byteOffset + content.length <= data.byteOffset + data.length);
      }
    }
  });
});
