import type { Random } from "../../../hal/mock/random.js";
import { hex, input, type Input } from "../input.js";
import { Station } from "../station.js";
import type { Subject, Target } from "../target.js";

const HANDLE = 0x0040;

/** ACL data packets without indicator and length: handle with its flags, data. */
const SEEDS: readonly Input[] = [
  // ATT: a read, whole; in three fragments; a write.
  input("4020 0300 0400 0a0300"),
  input("4020 0300", "4010 0400", "4010 0a0300"),
  input("4020 0500 0400 1203004142"),
  // Signalling: a request for parameters, its answers, a rejection, an unknown command, an LE credit based connection, information.
  input("4020 0c00 0500 12010800 0600 0c00 0000 9001"),
  input("4020 0600 0500 13010200 0000", "4020 0600 0500 13010200 0100"),
  input("4020 0600 0500 01010200 0000"),
  input("4020 0400 0500 ff010000", "4020 0e00 0500 14020a00 2500 4000 1700 1700 0100"),
  input("4020 0600 0500 0a010200 0200"),
  // Two commands in one frame, which LE does not allow.
  input("4020 0c00 0500 0a010200 0200 0a010200 0200"),
  // Answers to what nobody has asked, and to themselves; an identifier of 0.
  input("4020 0600 0500 0b010200 0200", "4020 0500 0500 03010100 00", "4020 0500 0500 15020a00 00", "4020 0500 0500 18010100 00"),
  input("4020 0400 0500 08000000", "4020 0400 0500 08010000", "4020 0400 0500 11010000", "4020 0400 0500 1a010000"),
  // SMP: a Pairing Request, a Security Request.
  input("4020 0700 0600 01030004100101"),
  input("4020 0200 0600 0b01"),
  // An unknown channel, an empty frame, a broadcast, a frame in the middle of another.
  input("4020 0200 4000 0102"),
  input("4020 0000 0400"),
  input("40a0 0300 0400 0a0300"),
  input("4020 0a00 0400 0a", "4020 0300 0400 0a0300", "4010 0300"),
  // One longer than anybody takes.
  input("4020 0004 0400 " + "41".repeat(200), "4010 " + "42".repeat(251)),
];

/** Codes of signals that are answers themselves. */
const RESPONSES = [0x01, 0x03, 0x05, 0x07, 0x09, 0x0b, 0x0d, 0x0f, 0x11, 0x13, 0x15, 0x18, 0x1a];

/** What a frame of the signalling channel may be answered by, Vol 3 Part A section 4. */
const ANSWERS = [0x01, 0x13];

/** Bytes of a frame in several packets that the device has room for: header and MTU. */
const ROOM = 4 + 185;

/** What comes of ACL packets, Vol 3 Part A section 7.2.1, in the plainest words. */
class Frames {
  private _rest: Buffer | null = null;

  /** Takes a packet; returns the frame that it completes, or null. */
  take(begins: boolean, data: Uint8Array): Buffer | null {
    if (!begins && this._rest === null) return null;
    const whole = begins ? Buffer.from(data) : Buffer.concat([this._rest!, data]);
    const length = whole.length < 4 ? Infinity : 4 + whole.readUInt16LE(0);
    const alone = begins && whole.length === length;
    this._rest = null;
    if (!alone && whole.length > ROOM) return null;
    if (whole.length < length) {
      // Nothing is as good as no beginning.
      if (whole.length) this._rest = whole;
      return null;
    }
    return whole.length === length ? whole : null;
  }
}

class Fed implements Subject {
  private readonly _station: Station;
  private readonly _random: Random;
  private _frames = new Frames();
  private _fed = 0;

  constructor(random: Random) {
    this._random = random;
    this._station = new Station(random);
  }

  feed(packets: Input): void {
    const station = this._station;
    const { board } = station;
    if (!board.links.has(HANDLE)) {
      station.link(HANDLE);
      this._frames = new Frames();
    }
    for (const packet of packets) {
      if (packet.length < 2) continue;
      const data = packet.subarray(2);
      const whole = new Uint8Array(5 + data.length);
      // Mostly for the link that is.
      const stray = this._random.below(16) === 0;
      const flags = packet[1] & 0xf0;
      whole.set([2, HANDLE & 255, flags | (stray ? 5 : HANDLE >> 8), data.length & 255, data.length >> 8]);
      whole.set(data, 5);
      board.receive(whole);
      station.run(1);
      const frame = stray ? null : this._frames.take((flags & 0x30) !== 0x10, data);
      const told = board.take(HANDLE);
      let signals = 0;
      for (const { cid, payload } of told) {
        if (cid !== 4 && cid !== 5 && cid !== 6) throw new Error(`a frame on channel ${cid}`);
        if (payload.length > 185) throw new Error(`${payload.length} bytes, more than the MTU`);
        if (cid !== 5) continue;
        signals++;
        if (!ANSWERS.includes(payload[0]) || payload.length !== 4 + payload[2]) throw new Error(`answered by ${hex(payload)}`);
      }
      // A signal is answered once at the most, an answer never, and nothing without an identifier.
      const signal = frame !== null && frame.readUInt16LE(2) === 5 && frame.length >= 8 && frame[5] > 0 && !RESPONSES.includes(frame[4]);
      if (signals > (signal ? 1 : 0)) throw new Error(`${signals} signals answer ${frame ? hex(frame) : "no frame"}`);
      // A request of ATT is answered where its frame is whole, and nowhere else.
      const asked = frame !== null && frame.readUInt16LE(2) === 4 && frame.length > 4 && isRequest(frame[4]);
      const answers = told.filter(({ cid, payload }) => cid === 4 && payload[0] !== 0x1e).length;
      if (board.links.has(HANDLE) && answers !== (asked ? 1 : 0)) throw new Error(`${answers} answers to ${frame ? hex(frame) : "no frame"}`);
    }
    station.run(5);
    station.check();
    if (++this._fed % 64) return;
    if (board.links.has(HANDLE)) {
      station.run(10);
      board.take(HANDLE);
      // A frame that is begun anew takes the place of one that was not finished.
      station.serves(HANDLE);
      board.disconnect(HANDLE);
    }
    station.run(20);
  }

  end(): void {
    this._station.calm();
  }
}

/** Whether an ATT opcode wants an answer of a server. */
function isRequest(opcode: number): boolean {
  return !(opcode & 0x40) && opcode !== 0x1e && ((opcode & 1) === 0 || opcode > 0x23);
}

export const L2cap: Target = {
  name: "l2cap",
  about: "ACL packets: fragments, lengths, channels, signalling; each signal is answered once at the most, and the link still serves",
  seeds: SEEDS,
  most: 8,
  life: 5000,
  share: 1,
  begin: (random) => new Fed(random),
};
