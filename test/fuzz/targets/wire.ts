import { Counter } from "../../../core/counters.js";
import type { Random } from "../../../hal/mock/random.js";
import { hex, input, type Input } from "../input.js";
import { Station } from "../station.js";
import type { Subject, Target } from "../target.js";

const HANDLE = 0x0040;

/** Events of all kinds that the stack knows and of some that it does not, H4 packets. */
const EVENTS: readonly Input[] = [
  // A connection of a central, its parameters, its end.
  input("043e13 01 00 4100 01 00 112233445566 1800 0000 9001 00", "043e0a 03 00 4100 2800 0000 9001", "040504 00 4100 13"),
  // An enhanced one; one that has failed.
  input("043e1f 0a 00 4200 01 01 0102030405c6 000000000000 000000000000 1800 0000 9001 00"),
  input("043e13 01 3c 0000 00 00 000000000000 0000 0000 0000 00"),
  // The peer's controller asks for parameters; the key is asked for; encryption begins, and has a new key.
  input("043e0b 06 4000 0600 0c00 0000 6400"),
  input("043e0d 05 4000 aabbccddeeff0011 2233", "040804 00 4000 01", "043003 00 4000"),
  // Buffers are free again: of one link, of two, of one that is not.
  input("041305 01 4000 0100", "041309 02 4000 0100 4100 0100", "041305 01 7700 0100"),
  // Adverts: one, two in one event.
  input("043e15 02 01 03 01 563412ffeec0 09 020106050941424344 c4"),
  input("043e1b 02 02 00 00 112233445566 02 aabb d0 04 01 010203040506 01 cc 7f"),
  // Answers to commands that are under way, and to others: Reset, Local Version, Advertising Enable, Encrypt, Rand; a NOP.
  input("040e04 01 030c 00", "040e0c 01 0110 00 08 3412 08 3101 0000", "040e04 01 0a20 00", "040f04 00 01 0620", "040e03 01 0000"),
  input("040e07 01 0514 00 4000 c4", "040e04 01 0920 00", "040e04 01 0c20 00", "040f04 00 01 0d20", "040f04 02 01 0604"),
  input("040e14 01 1720 00 000102030405060708090a0b0c0d0e0f", "040e0c 01 1820 00 0001020304050607"),
  // The controller has failed; has lost data; knows the version of a peer.
  input("041001 07"),
  input("041a01 01", "040c08 00 4000 09 3101 0922"),
  // Broadcom's own.
  input("04ff01 01"),
];

/** ACL data packets as a controller sends them. */
const DATA: readonly Input[] = [
  input("02 4020 0700 0300 0400 0a0300"),
  input("02 4020 0500 0300 0400 0a", "02 4010 0200 0300"),
  input("02 4020 0a00 0600 0500 0a010200 0200"),
];

const MARKS: readonly Input[] = [input("00", "31", "34", "0700"), input("03400003010203")];

/** What a controller says of its buffers is believed, whatever it is: this is not what is looked for here. */
function isBelieved(packet: Uint8Array): boolean {
  for (let at = 0; at + 1 < packet.length; at++) if ((packet[at] === 2 && packet[at + 1] === 0x20) || (packet[at] === 5 && packet[at + 1] === 0x10)) return false;
  return true;
}

/** A station that is connected again and again. */
class Wired implements Subject {
  readonly station: Station;
  protected readonly random: Random;
  /** Bytes that have come in since the last rest. */
  private _fed = 0;

  constructor(random: Random) {
    this.random = random;
    this.station = new Station(random);
    this.station.link(HANDLE);
  }

  feed(packets: Input): void {
    const { station, random } = this;
    this.give(packets.filter(isBelieved));
    this._fed++;
    station.run(random.below(64) ? random.below(20) : random.below(4000));
    station.check();
    if (this._fed % 8 === 0 && station.ready && !station.board.links.has(HANDLE)) station.link(HANDLE);
    if (this._fed % 25 === 0) this._listen();
    // Now and then it gets the time to see what is wrong, and to come back.
    if (this._fed % 500 === 0) this.station.calm();
  }

  end(): void {
    this.station.calm();
  }

  /** Some seconds after the last byte, as long as a controller without a credit is believed and a command waited for, it is in step: adverts that come then, in pieces of any size, are all heard, in their order. */
  private _listen(): void {
    const { random, station } = this;
    const { board } = station;
    const count = 1 + random.below(150);
    station.run(5000);
    // It may be on its way back.
    if (!station.ready || !board.scanning) return;
    const heard: number[] = [];
    station.bt.startscan((adverts) => heard.push(...adverts.map(({ data }) => data[0])));
    const stream = Buffer.concat(Array.from({ length: count }, (_, i) => Buffer.concat([Buffer.from("043e", "hex"), Buffer.of(14 + (i % 18), 2, 1, 3, 0, 1, 2, 3, 4, 5, 6, 2 + (i % 18), i), Buffer.alloc(1 + (i % 18)), Buffer.of(200)])));
    for (let at = 0; at < stream.length; ) {
      const piece = stream.subarray(at, at + 1 + random.below(random.below(2) ? 10 : 700));
      board.receive(random.below(2) ? new Uint8Array(piece) : piece.toString("latin1"));
      at += piece.length;
    }
    if (heard.length !== count || heard.some((number, i) => number !== i)) throw new Error(`${count} adverts were sent, heard were ${heard.join(", ")}`);
    station.run(5);
  }

  /** All packets in one stream, in pieces of any size, as bytes or as a byte string. */
  protected give(packets: Input): void {
    const { random, station } = this;
    const stream = Buffer.concat(packets);
    for (let at = 0; at < stream.length; ) {
      const count = random.below(3) ? stream.length - at : 1 + random.below(40);
      const piece = stream.subarray(at, at + count);
      station.board.receive(random.below(2) ? new Uint8Array(piece) : piece.toString("latin1"));
      at += count;
      if (!random.below(4)) station.run(random.below(3) ? 0.5 : 70);
    }
  }
}

/** Least bytes of parameters of each event, and of each LE event behind its subevent code, Vol 4 Part E section 7.7. */
const LEAST: { readonly [code: number]: number } = { 0x05: 4, 0x08: 4, 0x0e: 3, 0x0f: 4, 0x10: 1, 0x13: 1, 0x30: 3 };
const LE_LEAST: { readonly [code: number]: number } = { 0x01: 18, 0x02: 1, 0x03: 9, 0x05: 12, 0x06: 10, 0x0a: 30 };

/** The same, with packets whose lengths are right. */
class Framed extends Wired {
  protected override give(packets: Input): void {
    const { random, station } = this;
    for (const packet of packets) {
      const whole = packet.slice(0, 3 + 255);
      if (whole.length < 3) continue;
      whole[0] = 4;
      whole[2] = whole.length - 3;
      if (!whole[1]) whole[1] = 0x3e;
      const { host } = station;
      const least = whole[1] === 0x3e ? (whole.length > 3 && LE_LEAST[whole[3]] + 1) || 0 : LEAST[whole[1]];
      const heard = station.ready && !host._doubtful && host._doubt !== "sync";
      const before = host._counters[Counter.Malformed];
      station.board.receive(whole);
      if (heard && whole.length - 3 < least && host._counters[Counter.Malformed] !== before + 1) throw new Error(`${hex(whole)} is too short, and is not counted as malformed`);
      if (!random.below(4)) station.run(0.5);
    }
  }
}

export const H4: Target = {
  name: "h4",
  about: "any bytes from the UART, in pieces of any size; afterwards the device finds its step, and advertises, scans and serves as before",
  seeds: [...EVENTS, ...DATA, ...MARKS],
  most: 8,
  life: 2000,
  share: 1,
  begin: (random) => new Wired(random),
};

export const HciEvents: Target = {
  name: "events",
  about: "HCI events of every kind with any parameters; afterwards the device advertises, scans and serves as before",
  seeds: EVENTS,
  most: 8,
  life: 2000,
  share: 1,
  begin: (random) => new Framed(random),
};
