import type { RemoteService } from "../../../core/gatt/client.js";
import { Random } from "../../../hal/mock/random.js";
import type { FullConnection } from "../../../targets/node/open.js";
import { attributes, Model, type Sketch } from "../../support/server.js";
import { hex, input, unhex, type Input } from "../input.js";
import { Station } from "../station.js";
import type { Subject, Target } from "../target.js";

const HANDLE = 0x0050;
const NOTHING = new Uint8Array(0);
const PEER = [0x33, 0x22, 0x11, 0xc0, 0xa0, 0x00];

const SKETCH: Sketch[] = [
  { uuid: "1800", chars: [{ uuid: "2a00", value: "4142" }] },
  { uuid: "1801", chars: [{ uuid: "2a05", flags: 0x20, descriptors: [{ uuid: "2902" }] }, { uuid: "2b2a", value: "00112233445566778899aabbccddeeff" }] },
  { uuid: "180f", chars: [{ uuid: "2a19", flags: 0x1a, value: "63", descriptors: [{ uuid: "2902" }, { uuid: "2901", value: "41" }] }] },
  { uuid: "6217ff4bfb31fb9c9e4a7b6e9c1d0001", chars: [{ uuid: "6217ff4bfb31fb9c9e4a7b6e9c1d1001", flags: 0x2a, value: "77".repeat(60), descriptors: [{ uuid: "2902" }], skip: 2 }] },
];

/** What is done, by the first byte of an input. */
const enum Do {
  Discover,
  Read,
  Write,
  WriteLong,
  Subscribe,
  ReadThree,
  ReadLong,
  Count,
}

/** What a peer that is honest answers to each operation: the seeds, behind the operation. */
function record(): Input[] {
  const subject = new Answered(new Random(1));
  const seeds: Input[] = [];
  for (let operation = 0; operation < Do.Count; operation++) {
    seeds.push([Uint8Array.of(operation), ...subject.perform(operation, [])]);
    // Notifications and indications between.
    seeds.push([Uint8Array.of(operation), ...subject.perform(operation, []), ...input("1b 0d00 41", "1d 0d00 42", "23 0d00 0200 4142 0600 0100 43", "1d 0600 01000600")]);
  }
  return [...seeds, input("00", "01 02 0000 06", "01 10 0100 0a", "01 10 0100 0a", "01 08 0100 0a", "01 08 0100 0a"), input("01", "01 0a 0300 05", "0b41", "0b42")];
}

/** Whether a PDU answers a request. */
function isAnswer(request: Uint8Array, answer: Uint8Array): boolean {
  if (answer[0] === 1) return answer.length === 5 && answer[1] === request[0] && answer[4] > 0;
  // What is prepared has to come back as it was.
  return answer[0] === request[0] + 1 && (request[0] !== 0x16 || hex(answer.subarray(1)) === hex(request.subarray(1)));
}

class Answered implements Subject {
  private readonly _station: Station;
  private readonly _random: Random;
  private readonly _table = attributes(SKETCH);
  private _model = new Model(this._table, { mtu: 100 });
  private _connection: FullConnection | null = null;
  private _services: RemoteService[] = [];

  constructor(random: Random) {
    this._random = random;
    this._station = new Station(random);
  }

  feed(packets: Input): void {
    this.perform((packets[0]?.[0] ?? 0) % Do.Count, packets.slice(1), this._random.below(4) > 0);
  }

  /**
   * Does one thing, whose requests are answered by these PDUs in their order, then by the truth, or by nothing where the peer is not honest.
   * @returns the answers that were given
   */
  perform(operation: Do, answers: Uint8Array[], honest = true): Uint8Array[] {
    const station = this._station;
    const { board } = station;
    const connection = this._connect();
    const given: Uint8Array[] = [];
    let request: Uint8Array = NOTHING;
    let waits = false;
    let wrong = "";
    let calls = 0;
    let asked = 0;
    let quiet = 0;
    const done = (error: Error | null, value?: unknown): void => {
      calls++;
      if (error) return;
      if (wrong) throw new Error(`succeeds, though ${wrong}`);
      if (value instanceof Uint8Array && value.length > 512) throw new Error(`a value of ${value.length} bytes`);
      if (Array.isArray(value)) this._take(value);
    };
    const collect = (): void => {
      for (const { cid, payload } of board.take(HANDLE)) {
        if (cid !== 4) continue;
        asked++;
        if (payload.length > 185 || payload.length < 1) throw new Error(`asks ${hex(payload)}`);
        // Confirmations, and answers to what the peer has asked, are not answered.
        if (payload[0] === 0x1e || payload[0] & 1) continue;
        request = payload;
        waits = true;
        quiet = 0;
      }
    };
    const give = (pdu: Uint8Array): void => {
      collect();
      const own = pdu[0] === 0x1b || pdu[0] === 0x1d || pdu[0] === 0x23;
      given.push(pdu);
      // The first that can be meant as an answer is taken for one.
      if (request.length && pdu[0] & 1 && pdu[0] < 0x23 && !own) {
        // Of three that are asked at once only the last is waited for.
        if (operation !== Do.ReadThree && !isAnswer(request, pdu)) wrong ||= `${hex(request)} was answered by ${hex(pdu)}`;
        request = NOTHING;
        waits = false;
      }
      board.frame(HANDLE, 4, pdu);
    };
    this._begin(connection, operation, done);
    for (let rounds = 0; rounds < 3000 && !calls; rounds++) {
      station.run(0.5);
      collect();
      if (waits) {
        waits = false;
        const answer = answers.shift();
        if (answer) give(answer);
        else if (honest) give(unhex(this._model.respond(hex(request)) ?? ""));
      }
      // What has not been asked for comes all the same.
      if (answers.length && !this._random.below(8)) give(answers.shift()!);
      // The last answer was none.
      if (!answers.length && ++quiet > 4) station.run(31_000);
    }
    if (calls !== 1) throw new Error(`operation ${operation} has come to its end ${calls} times, after ${asked} requests`);
    for (const answer of answers) if (board.links.has(HANDLE)) board.frame(HANDLE, 4, answer);
    station.run(2);
    station.check();
    if (calls !== 1) throw new Error("a callback was called twice");
    this._model.written.length = 0;
    return given;
  }

  end(): void {
    this._station.calm();
  }

  private _connect(): FullConnection {
    const { board } = this._station;
    if (this._connection && board.links.has(HANDLE) && this._station.ready) return this._connection;
    this._model = new Model(this._table, { mtu: 100 });
    this._services = [];
    this._connection = null;
    this._station.run(20);
    this._station.bt.connect("00a0c0112233", 0, (error, connection) => {
      if (error) throw error;
      this._connection = connection as FullConnection;
    });
    this._station.run(5);
    board.connect(HANDLE, true, PEER);
    this._station.run(5);
    board.take(HANDLE);
    if (!this._connection) throw new Error("not connected");
    return this._connection;
  }

  private _begin(connection: FullConnection, operation: Do, done: (error: Error | null, value?: unknown) => void): void {
    const subscribable = this._services.flatMap(({ chars }) => chars).find(({ descriptors }) => descriptors.some(({ uuid }) => uuid === "2902"));
    switch (operation) {
      case Do.Read:
        return connection.read(0x0003, done);
      case Do.ReadLong:
        return connection.read(this._table.find(({ value }) => value.length === 120)!.handle, done);
      case Do.Write:
        return connection.write(0x000d, "short", done);
      case Do.WriteLong:
        // Longer than any MTU.
        return connection.write(this._table.find(({ type }) => type === "2901")!.handle, "\x07".repeat(200), done);
      case Do.Subscribe:
        try {
          if (subscribable) return connection.subscribe(subscribable.handle, () => {}, done);
        } catch (error: any) {
          // The peer has said since that its services have changed.
          if (error.code !== "argument") throw error;
        }
        return connection.discover(done);
      case Do.ReadThree:
        // Three at once: the last one is waited for.
        connection.read(0x000d, () => {});
        connection.read(0x0003, () => {});
        return connection.read(0x000d, done);
      default:
        return connection.discover(done);
    }
  }

  /** What a discovery has found has to be a table that there can be. */
  private _take(services: RemoteService[]): void {
    let count = 0;
    let last = 0;
    for (const { uuid, handle, end, chars } of services) {
      count++;
      if (!/^([0-9a-f]{4}|[0-9a-f]{32})$/.test(uuid) || !(handle >= 1 && handle <= end && end <= 0xffff)) throw new Error(`a service ${uuid}, ${handle} to ${end}`);
      if (handle < last) throw new Error(`a service at ${handle} behind one at ${last}`);
      last = handle;
      let value = 0;
      for (const one of chars) {
        if (one.handle <= value) throw new Error(`a characteristic at ${one.handle} behind one at ${value}`);
        value = one.handle;
        count += 1 + one.descriptors.length;
        if (one.flags > 255 || !(one.handle > handle && one.handle <= end)) throw new Error(`a characteristic at ${one.handle} with flags ${one.flags}`);
        for (const descriptor of one.descriptors) if (!(descriptor.handle > one.handle && descriptor.handle <= end)) throw new Error(`a descriptor at ${descriptor.handle}`);
      }
    }
    if (count > 256 + 1) throw new Error(`${count} things were discovered`);
    this._services = services;
  }
}

export const AttClient: Target = {
  name: "client",
  about: "answers and values of a server: each operation ends once, in time; what is discovered can be; a table or a value of any size ends",
  seeds: record(),
  most: 14,
  life: 2000,
  share: 0.5,
  begin: (random) => new Answered(random),
};
