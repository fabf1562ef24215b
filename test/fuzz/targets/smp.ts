import { keyPair, reversed } from "../../../hal/mock/phonecrypto.js";
import { Initiator } from "../initiator.js";
import type { Random } from "../../../hal/mock/random.js";
import { hex, input, type Input } from "../input.js";
import { change, mutate, noise } from "../mutate.js";
import { Station } from "../station.js";
import type { Subject, Target } from "../target.js";

const HANDLE = 0x0060;
const CODE = 123456;
/** A point of the curve, least significant octets first. */
const PAIR = keyPair(new Uint8Array(32).fill(7))!;
const POINT = hex(reversed(PAIR.x)) + hex(reversed(PAIR.y));

/** PDUs of an initiator, in the order of a pairing. */
const SEEDS: readonly Input[] = [
  // Secure Connections by passkey, by comparison, without a user; legacy.
  input("01 04 00 0d 10 03 03", "0c" + POINT, "03" + "11".repeat(16), "04" + "22".repeat(16), "03" + "33".repeat(16), "04" + "44".repeat(16), "0d" + "55".repeat(16)),
  input("01 03 00 09 10 00 00", "0c" + "00".repeat(64), "04" + "22".repeat(16), "0d" + "55".repeat(16)),
  input("01 04 00 05 10 07 07", "03" + "11".repeat(16), "04" + "22".repeat(16)),
  input("01 02 01 05 07 01 01", "05 08", "0e 00", "0e 04"),
  // Keys before their time, agreed and not.
  input("01 04 00 0d 10 07 07", "08" + "02".repeat(16), "09 00 112233445566", "0a" + "03".repeat(16)),
  input("01 04 00 05 10 01 01", "06" + "02".repeat(16), "07 0102 0304050607080900"),
  // Keys; a Security Request; responses, as if we had asked.
  input("06" + "01".repeat(16), "07 0102 0304050607080900", "08" + "02".repeat(16), "09 00 112233445566", "0a" + "03".repeat(16)),
  input("0b 0d", "02 03 00 0d 10 03 03", "05 03", "00", "0f", "ff 00"),
];

/**
 * The first byte of an input that is a pairing of somebody who knows the code. The second says which, by `Mode`. The packets that follow say what becomes of
 * what it sends: the number of the PDU, what is done with it, and bytes.
 */
const HONEST = 0xe0;

const enum Mode {
  Legacy = 1,
  Bonding = 2,
  Compare = 4,
  /** Nobody looks: not good enough. */
  None = 8,
}

const enum How {
  /** The bytes are sent in its place; before it; behind it. */
  Replace,
  Before,
  Behind,
  /** A byte of it, by the first of the bytes, is changed by the second. */
  Flip,
}

/** The PDUs that matter most of those that a pairing by Secure Connections with a passkey has, and how many there are. */
const TURNS = [0, 1, 2, 3, 4, 5, 40, 41, 42, 43, 44, 45];
const PDUS = 46;

function makeInput(random: Random): Input {
  if (random.below(2)) return mutate(random, SEEDS, 12);
  // The passkey of Secure Connections, whose twenty rounds take long, only now and then.
  const mode = random.below(2) | (random.below(2) ? Mode.Bonding : 0) | (random.below(8) ? (random.below(6) ? Mode.Compare : Mode.None) : 0);
  const packets = [Uint8Array.of(HONEST, mode)];
  const places = mode & (Mode.Legacy | Mode.Compare | Mode.None) ? 7 : PDUS;
  for (let changes = random.below(4); changes > 0; changes--) {
    const place = random.below(2) && places === PDUS ? TURNS[random.below(TURNS.length)] : random.below(places);
    const how = random.below(4);
    const seed = SEEDS[random.below(SEEDS.length)];
    const pdu = random.below(8) ? change(random, seed[random.below(seed.length)], seed) : noise(random);
    packets.push(Uint8Array.of(place, how, ...(how === How.Flip ? [random.below(random.below(2) ? 4 : 64), 1 + random.below(255)] : pdu)));
  }
  return packets;
}

/**
 * A device at level 4 that no stranger may get into. Half of the inputs are PDUs as they are; the others are what somebody who knows the code says, with
 * some of it changed on the way.
 */
class Guarded implements Subject {
  private readonly _random: Random;
  private readonly _station: Station;
  private readonly _kept: { bytes: Uint8Array | null } = { bytes: null };
  private _reads = 0;
  private _level: 3 | 4 = 4;
  private _strangers = 0;
  private _number = -1;
  private _key: Uint8Array | null | undefined = undefined;

  constructor(random: Random) {
    const kept = this._kept;
    this._random = random;
    this._station = new Station(random, {
      level: 4,
      code: CODE,
      options: {
        bonds: 4,
        compare: (_connection, digits, reply) => {
          // Whoever compares looks at the phone when that has its number.
          this._station.board.clock.after(3, () => reply(digits === this._number));
        },
        store: {
          load: () => kept.bytes,
          save(bytes) {
            kept.bytes = bytes.slice();
            return true;
          },
        },
      },
      services: () => [{ uuid: 0xee00, chars: [{ uuid: 0xee01, read: () => (this._reads++, "secret") }] }],
    });
    this._station.board.onkey = (_handle, key) => {
      this._key = key;
    };
  }

  feed(packets: Input): void {
    const station = this._station;
    const { board, bt } = station;
    // Counts failures anew.
    this._level = packets[0]?.[0] === HONEST && packets[0][1] & Mode.Legacy ? 3 : 4;
    bt.setsecurity(this._level, CODE);
    this._reads = 0;
    station.paired = false;
    this._key = undefined;
    this._number = -1;
    // An address of its own, so that no bond stands between.
    const address = new Uint8Array(7);
    for (let i = 1, number = ++this._strangers; i < 5; i++, number >>= 8) address[i] = number;
    station.link(HANDLE, address.subarray(1));
    const value = bt.handle(0xee00, 0xee01);
    board.frame(HANDLE, 4, [0x0a, value & 255, value >> 8]);
    if (packets[0]?.[0] === HONEST) this._pair(packets, address);
    else this._say(packets);
    station.check();
    board.disconnect(HANDLE);
    station.run(1);
    for (const { address, addresstype, level } of bt.bonds()) {
      if (level !== 3 && level !== 4) throw new Error(`a bond of level ${level}`);
      // An identity is a public or a static address.
      if (addresstype && address < "c") throw new Error(`a bond with the random address ${address}`);
    }
    if (this._random.below(50) === 0) bt.forgetall();
  }

  end(): void {
    const { bt } = this._station;
    bt.forgetall();
    bt.setsecurity(1);
    this._station.calm();
  }

  /** PDUs as they are: nobody gets in by these. */
  private _say(packets: Input): void {
    const station = this._station;
    const { board } = station;
    let answered = 0;
    for (const pdu of packets) {
      if (!board.links.has(HANDLE)) break;
      board.frame(HANDLE, 6, pdu.slice(0, 181));
      station.run(0.5);
      if (!this._random.below(8)) this._askKey(this._random.below(2) > 0);
      const told = board.take(HANDLE);
      answered += told.filter(({ cid }) => cid === 6).length;
      for (const { cid, payload } of told) {
        if (cid === 4 && payload[0] !== 1) throw new Error(`a stranger is answered: ${hex(payload)}`);
        if (cid === 6 && !(payload[0] >= 1 && payload[0] <= 0x0e)) throw new Error(`SMP code ${payload[0]}`);
      }
    }
    station.run(2);
    if (answered > 3 * packets.length + 2) throw new Error(`${packets.length} PDUs are answered by ${answered}`);
    this._closed();
    if (station.paired) throw new Error("paired with a stranger");
    if (this._key) throw new Error("the controller was given a key for a stranger");
  }

  /** Somebody who knows the code, on a line that is not to be trusted. */
  private _pair(packets: Input, address: Uint8Array): void {
    const station = this._station;
    const { board } = station;
    const mode = packets[0][1] ?? 0;
    const legacy = (mode & Mode.Legacy) > 0;
    const method = mode & Mode.None ? "none" : mode & Mode.Compare && !legacy ? "compare" : "passkey";
    const changes = packets.slice(1).filter(({ length }) => length > 1);
    let sent = 0;
    let spoiled = false;
    let key: Uint8Array | null = null;
    const give = (pdu: Uint8Array): void => board.frame(HANDLE, 6, pdu.subarray(0, 181));
    const initiator = new Initiator({
      legacy,
      code: CODE,
      method,
      bonding: (mode & Mode.Bonding) > 0,
      address,
      peer: Uint8Array.of(0, 0x56, 0x34, 0x12, 0xee, 0xff, 0xc0),
      show: (number) => {
        this._number = number;
      },
      send: (pdu) => {
        const mine = changes.filter(([place]) => place === sent);
        let given = pdu;
        sent++;
        for (const change of mine) {
          const bytes = change.subarray(2);
          if (change[1] % 4 === How.Replace) given = bytes;
          else if (change[1] % 4 === How.Before) give(bytes);
          else if (change[1] % 4 === How.Flip) {
            given = given.slice();
            if (given.length) given[(bytes[0] ?? 0) % given.length] ^= bytes[1] ?? 1;
          }
        }
        // Confirm and random values, public keys and checks are what it all depends on; of the request, what is in the check.
        const vital = pdu[0] === 1 ? (legacy ? 7 : 4) : pdu[0] === 3 || pdu[0] === 4 || pdu[0] >= 0x0c ? pdu.length : 0;
        if (hex(given.subarray(0, vital)) !== hex(pdu.subarray(0, vital)) || (vital && given.length !== pdu.length)) spoiled = true;
        give(given);
        for (const change of mine) if (change[1] % 4 === How.Behind) give(change.subarray(2));
      },
      encrypt: (made) => {
        key = made;
        board.event(0x3e, [5, HANDLE & 255, HANDLE >> 8, ...new Uint8Array(10)]);
      },
    });
    initiator.begin();
    for (let rounds = 0; rounds < 200 && board.links.has(HANDLE); rounds++) {
      station.run(0.5);
      const told = board.take(HANDLE).filter(({ cid }) => cid === 6);
      for (const { payload } of told) initiator.take(payload);
      if (this._key === undefined && !told.length && rounds % 16 === 15) break;
      if (this._key && key && hex(this._key) === hex(key)) {
        this._key = undefined;
        board.event(8, [0, HANDLE & 255, HANDLE >> 8, 1]);
        station.run(0.5);
        initiator.distribute();
      }
    }
    station.run(3);
    const { paired } = station;
    if (paired && spoiled) throw new Error("paired though values were changed on the way");
    if (!changes.length && paired !== (method !== "none" && (!legacy || this._level === 3))) throw new Error(`an honest pairing ${paired ? "succeeds" : "fails"}`);
    if (!paired) this._closed();
    else if (this._reads !== 1) throw new Error(`the request that has waited was served ${this._reads} times`);
  }

  private _closed(): void {
    const { connection } = this._station;
    if (this._reads) throw new Error("a value was read without the code");
    if (connection && connection.security() > 1) throw new Error(`level ${connection.security()} without the code`);
  }

  /** The controller asks for the key. */
  private _askKey(zero: boolean): void {
    const parameters = new Uint8Array(13);
    this._random.fill(parameters);
    if (zero) parameters.fill(0);
    parameters.set([5, HANDLE & 255, HANDLE >> 8]);
    this._station.board.event(0x3e, parameters);
    this._station.run(0.5);
  }
}

export const Smp: Target = {
  name: "smp",
  about: "PDUs of the Security Manager: strangers get no key, no answer, no bond; a pairing whose values were changed on the way fails",
  seeds: SEEDS,
  most: 12,
  life: 1000,
  share: 0.1,
  make: makeInput,
  begin: (random) => new Guarded(random),
};
