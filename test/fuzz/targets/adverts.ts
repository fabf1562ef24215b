import { adFind, readEddystone, readIBeacon, readName, readServices } from "../../../core/gap/ad.js";
import type { Advert } from "../../../core/gap/scanner.js";
import type { Random } from "../../../hal/mock/random.js";
import { hex, input, unhex, type Input } from "../input.js";
import { Station } from "../station.js";
import type { Subject, Target } from "../target.js";

/** Reports behind the subevent code and their number: type, address type, address, length, data, RSSI. */
const REPORTS: readonly Input[] = [
  input("0301563412ffeec009020106050941424344c4"),
  input("0000112233445566 1e 0201061aff4c000215fb0b57a2822844cd913a94a122ba120600010002d1 b0"),
  input("0401010203040506 00 7f", "0201060504030201 1f 1eff" + "55".repeat(29) + " 9c"),
  input("0301563412ffeec0 03 0201 06 c4", "0301563412ffeec0 03 0201 06 c0"),
];

/** Filters of which one is in force at a time. */
const FILTERS: readonly any[][] = [
  [{}],
  [],
  [{ minrssi: -60 }, { data: "AB" }, { type: 4 }],
  [{ address: "c0ffee______", collect: 0.02, collectmax: 3 }, { data: "\x02\x01\x06", collect: 1 }, { addresstype: 1 }],
  [{ collect: 0.001 }, {}],
];

/** The reports of an event that can be, Vol 4 Part E section 7.7.65.2, in the plainest words. */
function listReports(count: number, bytes: Uint8Array): string[] {
  const found: string[] = [];
  for (let at = 0; count > 0 && at + 10 <= bytes.length && at + 10 + bytes[at + 8] <= bytes.length; count--) {
    const length = bytes[at + 8];
    const rssi = (bytes[at + 9 + length] << 24) >> 24;
    const address = hex(bytes.slice(at + 2, at + 8).reverse());
    if (length <= 31 && bytes[at] <= 4 && bytes[at + 1] <= 3) found.push(`${bytes[at]} ${bytes[at + 1] & 1} ${address} ${hex(bytes.subarray(at + 9, at + 9 + length))} ${rssi > 20 || rssi < -127 ? 127 : rssi}`);
    at += 10 + length;
  }
  return found;
}

class Listening implements Subject {
  private readonly _station: Station;
  private readonly _random: Random;
  /** Adverts that the application was given. */
  private readonly _given: string[] = [];
  private _filter = FILTERS[0];
  private _fed = 0;

  constructor(random: Random) {
    this._random = random;
    this._station = new Station(random);
    this._station.bt.startscan((adverts) => this._take(adverts));
  }

  feed(packets: Input): void {
    const { board, bt } = this._station;
    const random = this._random;
    if (this._fed % 200 === 0) bt.setscanfilter((this._filter = FILTERS[random.below(FILTERS.length)]));
    const reports = Buffer.concat(packets).subarray(0, 253);
    const count = random.below(8) ? packets.length : random.below(256);
    this._given.length = 0;
    board.event(0x3e, [2, count, ...reports]);
    const there = listReports(count, reports);
    const given = this._given.join("\n");
    if (this._filter === FILTERS[0] && given !== there.join("\n")) throw new Error(`reports:\n${there.join("\n")}\nadverts:\n${given}`);
    // Those that are collected come later, with others.
    if (this._given.length > 256 + there.length) throw new Error(`${this._given.length} adverts of ${there.length} reports`);
    this._station.run(random.below(5));
    this._station.check();
    if (++this._fed % 1000 === 0) this._station.run(2000);
  }

  end(): void {
    this._station.bt.startscan(() => {});
    this._station.calm();
  }

  private _take(adverts: Advert[]): void {
    if (adverts.length < 1) throw new Error("an empty array");
    for (const { type, rssi, address, addresstype, data } of adverts) {
      const fits = type >= 0 && type <= 4 && (rssi === 127 || (rssi >= -127 && rssi <= 20)) && /^[0-9a-f]{12}$/.test(address) && (addresstype === 0 || addresstype === 1);
      if (!fits || data.length > 31) throw new Error(`no advert: ${JSON.stringify({ type, rssi, address, addresstype, data: hex(data) })}`);
      this._given.push(`${type} ${addresstype} ${address} ${hex(data)} ${rssi}`);
      readAll(data);
    }
  }
}

/** Reads all that there is to read in an advert, and checks that it comes from there. */
function readAll(data: Uint8Array): void {
  for (const type of [1, 2, 3, 6, 7, 8, 9, 0x16, 0xff]) {
    const found = adFind(data, type);
    if (found === null) continue;
    const at = found.byteOffset - data.byteOffset;
    if (found.buffer !== data.buffer || at < 2 || at + found.length > data.length) throw new Error(`a structure of type ${type} at ${at}, ${found.length} bytes`);
    if (data[at - 1] !== type || data[at - 2] !== found.length + 1) throw new Error(`another structure than that of type ${type}`);
  }
  const name = readName(data);
  if (name !== null && name.length > data.length - 2) throw new Error("a name longer than the data");
  for (const uuid of readServices(data)) if (!/^([0-9a-f]{4}|[0-9a-f]{32})$/.test(uuid)) throw new Error(`a UUID ${uuid}`);
  const beacon = readIBeacon(data);
  if (beacon && adFind(data, 0xff)!.length !== 25) throw new Error("an iBeacon of another length");
  if (beacon && !(/^[0-9a-f]{32}$/.test(beacon.uuid) && beacon.major <= 0xffff && beacon.minor <= 0xffff && beacon.power >= -128 && beacon.power <= 127)) throw new Error("an iBeacon that is none");
  const eddystone = readEddystone(data);
  if (eddystone && adFind(data, 0x16)!.length < (eddystone.frame === "uid" ? 20 : 5)) throw new Error("an Eddystone that is too short");
  if (eddystone && eddystone.frame === "url" && !/^https?:\/\//.test(eddystone.url!)) throw new Error(`a URL ${eddystone.url}`);
}

export const Adverts: Target = {
  name: "adverts",
  about: "LE Advertising Reports under filters; the application gets nothing that no advert can be",
  seeds: REPORTS,
  most: 6,
  life: 5000,
  share: 1,
  begin: (random) => new Listening(random),
};

export const AdStructures: Target = {
  name: "ad",
  about: "AD structures of any bytes; what is found lies in them",
  seeds: [
    input("02010605094142434403030d18"),
    input("0201061aff4c000215fb0b57a2822844cd913a94a122ba120600010002d1"),
    input("0303aafe1716aafe00c5000102030405060708090a0b0c0d0e0f0000"),
    input("0303aafe0d16aafe10c5026578616d706c6507"),
    input("1107fb349b5f80000080001000000d180000", "05020d180f18", "00"),
  ],
  most: 3,
  life: 100_000,
  share: 4,
  begin: () => ({
    feed(packets) {
      readAll(unhex(packets.map(hex).join("")));
    },
  }),
};
