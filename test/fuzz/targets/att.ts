import type { Service } from "../../../core/gatt/database.js";
import type { Random } from "../../../hal/mock/random.js";
import { hex, input, type Input } from "../input.js";
import { Station } from "../station.js";
import type { Subject, Target } from "../target.js";

const HANDLE = 0x0040;

/** Requests of every kind, to handles that there are. */
const SEEDS: readonly Input[] = [
  input("02b900", "04 0100 0500", "04 0500 0900", "06 0100 ffff 0028 00ff"),
  input("08 0100 ffff 0028", "10 0100 ffff 0028", "08 0100 ffff 0328", "08 0100 ffff 022a", "10 0100 ffff fb349b5f80000080001000000028 0000"),
  input("0a 0300", "0c 0300 0200", "0e 0300 0500 1200", "20 0300 0500 1200"),
  input("0a 1000", "0a 1400", "0a 1700", "0a 1a00", "0a 1e00", "0a 2100"),
  input("12 1700 4142434445", "52 1700 41", "d2 1700 41 01000000 0011223344556677"),
  input("16 1700 0000 414243", "16 1700 0300 444546", "18 01"),
  input("16 1700 0000" + "41".repeat(16), "16 1700 1000" + "42".repeat(16), "16 1700 2000" + "43".repeat(16), "16 1700 3000" + "44".repeat(16), "18 01"),
  input("06 0100 ffff 02aa 67756172646564", "06 0100 ffff f1ff 6b6e6f776e", "06 0100 ffff 0128"),
  input("16 1700 0000 414243", "16 1c00 0000 0100", "18 01", "16 1a00 0100 41", "18 00"),
  input("12 1c00 0100", "12 1c00 0200", "12 1c00 0000", "12 0b00 0200", "1e", "12 1c00 ffff"),
  input("12 1a00 ff", "0a 2300", "12 2300 4142", "0c 2300 1600", "16 2300 0000 41", "18 01"),
  input("0a 0d00", "12 0d00 01", "0a 0f00", "12 0d00 00"),
  input("ff0001", "3f00", "24", "1b 0300 41", "01 0a 0300 0a", "0b 41", "1d 0300 41", "23 0300 0100 41"),
  input("0a 2500", "0c 2500 b800", "0c 2500 7001", "0c 2500 0002", "0c 2500 0102"),
];

/** Bytes of prepared writes that the device has room for. */
const PREPARE = 80;

/** Lengths that a request may have, Vol 3 Part F section 3.4; any other is an invalid PDU. */
const LENGTHS: { readonly [opcode: number]: (length: number) => boolean } = {
  0x02: (length) => length === 3,
  0x04: (length) => length === 5,
  0x06: (length) => length >= 7,
  0x08: (length) => length === 7 || length === 21,
  0x0a: (length) => length === 3,
  0x0c: (length) => length === 5,
  0x0e: (length) => length >= 5 && length % 2 === 1,
  0x10: (length) => length === 7 || length === 21,
  0x12: (length) => length >= 3,
  0x16: (length) => length >= 5,
  0x18: (length) => length === 2,
  0x20: (length) => length >= 5 && length % 2 === 1,
};
const INVALID_PDU = 4;

/** Answers of the server that may come to a request: an error, or the opcode after it. */
function isAnswer(request: Uint8Array, answer: Uint8Array): boolean {
  return answer[0] === 1 ? answer.length === 5 && answer[1] === request[0] && answer[4] > 0 : answer[0] === request[0] + 1;
}

/** What the server sends of its own: notifications and indications. */
function isOwn(pdu: Uint8Array): boolean {
  return pdu[0] === 0x1b || pdu[0] === 0x1d;
}

function services(station: Station): Service[] {
  const later = (callback: () => void): object => {
    station.board.clock.after(2, callback);
    return station.bt.LATER;
  };
  const count = (): void => void station.handled++;
  return [
    {
      uuid: "F0A1B2C3-0000-4D5E-8F90-0123456789AB",
      chars: [
        { uuid: "F0A1B2C3-0001-4D5E-8F90-0123456789AB", flags: 0x4e, read: () => (count(), "made"), write: (_c, value) => (count(), value.length > 4 ? 0x80 : 0) },
        { uuid: 0xaa01, flags: 0x3a, read: (_c, reply) => later(() => reply("later")), write: (_c, _v, reply) => later(() => reply(0)), subscribe: count, descriptors: [{ uuid: 0x2901, value: "described" }] },
        { uuid: 0xaa02, flags: 0x0a, level: 3, value: "guarded" },
        { uuid: 0xaa03, read: (_c, reply) => (reply([1, 2, 3]), station.bt.LATER) },
        { uuid: 0xaa04, read: () => 0x81, write: () => 0x82 },
        { uuid: 0xaa05, value: new Uint8Array(512).fill(0x55) },
      ],
    },
  ];
}

class Asked implements Subject {
  private readonly _station: Station;
  private readonly _random: Random;
  private _mtu = 23;
  /** Bytes of prepared writes that the device has. */
  private _prepared = 0;

  constructor(random: Random) {
    this._random = random;
    this._station = new Station(random, { services, options: { prepare: PREPARE } });
  }

  feed(packets: Input): void {
    const station = this._station;
    const { board, bt } = station;
    if (!board.links.has(HANDLE)) {
      station.run(20);
      station.link(HANDLE);
      this._mtu = 23;
      this._prepared = 0;
    }
    for (const pdu of packets) if (board.links.has(HANDLE)) this._ask(pdu.slice(0, 1000));
    if (!this._random.below(4)) bt.notify(0xaa01, "value");
    station.run(3);
    station.check();
    // What the client has made of the link does not keep it from being served.
    if (board.links.has(HANDLE)) station.serves(HANDLE);
    if (!this._random.below(32)) board.disconnect(HANDLE);
  }

  end(): void {
    this._station.calm();
  }

  /** Sends a PDU and waits as a client has to; a request gets one answer, all else none. */
  private _ask(pdu: Uint8Array): void {
    const station = this._station;
    const { links } = station.board;
    const told = station.att(HANDLE, pdu, 3);
    // As a client the device confirms an indication.
    const answers = told.filter((one) => !isOwn(one) && !(one[0] === 0x1e && pdu[0] === 0x1d));
    const opcode = pdu[0];
    for (const one of told) {
      if (one.length > Math.max(this._mtu, opcode === 2 ? 185 : 0)) throw new Error(`${one.length} bytes, the MTU is ${this._mtu}: ${hex(one)}`);
      // An indication is confirmed, mostly.
      if (one[0] === 0x1d && this._random.below(8)) station.att(HANDLE, [0x1e]);
    }
    // Execute Write may ask several handlers, each of which answers later.
    if (!answers.length && opcode === 0x18) {
      station.run(40);
      answers.push(...station.board.take(HANDLE).map(({ payload }) => payload).filter((one) => !isOwn(one)));
    }
    if (!links.has(HANDLE)) return;
    const known = (opcode & 1) === 0 || opcode > 0x23;
    const request = pdu.length > 0 && !(opcode & 0x40) && opcode !== 0x1e && known;
    if (answers.length !== (request ? 1 : 0)) throw new Error(`${hex(pdu)} is answered ${answers.length} times: ${answers.map(hex).join(", ")}`);
    if (!request) return;
    if (!isAnswer(pdu, answers[0])) throw new Error(`${hex(pdu)} is answered by ${hex(answers[0])}`);
    if (answers[0][0] === 3 && this._mtu === 23) this._mtu = Math.max(23, Math.min(185, pdu[1] | (pdu[2] << 8)));
    const invalid = (LENGTHS[opcode] && !LENGTHS[opcode](pdu.length)) || (opcode in LENGTHS && pdu.length > this._mtu);
    if (invalid && !(answers[0][0] === 1 && answers[0][4] === INVALID_PDU)) throw new Error(`${hex(pdu)} is answered by ${hex(answers[0])}, and no such PDU`);
    if (answers[0][0] === 0x17) {
      if (hex(answers[0].subarray(1)) !== hex(pdu.subarray(1))) throw new Error(`${hex(pdu)} is repeated as ${hex(answers[0])}`);
      if ((this._prepared += pdu.length + 1) > PREPARE) throw new Error(`${this._prepared} bytes of prepared writes`);
    } else if (opcode === 0x18 && !invalid) this._prepared = 0;
    // A value that is guarded is never told, nor whether it is what somebody takes it for.
    if (opcode === 6 && pdu[5] === 2 && pdu[6] === 0xaa && answers[0][0] !== 1) throw new Error(`a guarded value is found: ${hex(answers[0])}`);
    // What the client has said itself is repeated to it, where it prepares a write.
    if (answers[0][0] !== 0x17 && Buffer.from(answers[0]).includes("guarded")) throw new Error(`told what is guarded: ${hex(answers[0])}`);
  }
}

export const AttServer: Target = {
  name: "att",
  about: "PDUs of a client: each request is answered once, by its own answer or an error, within the MTU; what is guarded is not told; the link goes on being served",
  seeds: SEEDS,
  most: 6,
  life: 5000,
  share: 1,
  begin: (random) => new Asked(random),
};

