/**
 * The GATT client: round trips of a discovery, reads a second and heap of each, through the public `open` over a HAL without hardware, beside
 * another host as client in the same loop with the same answers. `node --expose-gc client.bench.mjs [--json FILE]`
 */
import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import type { AskingConnection } from "../core/gatt/client.js";
import type { Hal } from "../hal/hal.js";
import { VirtualClock } from "../hal/mock/clock.js";
import { Random } from "../hal/mock/random.js";
import { open } from "../targets/node/open.js";
import { attributes, Model, reversed, type Sketch } from "../test/support/server.js";
import { heapOf, save, speedOf, table, whole, type Work } from "./measure.js";
import { answerTo } from "./null.js";

const READS = 20_000;
const HEAP = 20_000;
const PEER = "00a0c0112233";
const HANDLE = 0x0040;

/** What a heart rate belt has: five services of 16 bits and one of its maker, 20 characteristics. */
const SKETCH: Sketch[] = [
  { uuid: "1800", chars: ["2a00", "2a01", "2a04", "2aa6"].map((uuid) => ({ uuid, value: "00000000" })) },
  {
    uuid: "1801",
    chars: [
      { uuid: "2a05", flags: 0x20, descriptors: [{ uuid: "2902" }] },
      { uuid: "2b29", flags: 0x0a },
      { uuid: "2b2a", value: reversed("00112233445566778899aabbccddeeff") },
    ],
  },
  { uuid: "180d", chars: [{ uuid: "2a37", flags: 0x10, descriptors: [{ uuid: "2902" }] }, { uuid: "2a38", value: "01" }, { uuid: "2a39", flags: 0x08 }] },
  { uuid: "180f", chars: [{ uuid: "2a19", flags: 0x12, value: "63", descriptors: [{ uuid: "2902" }] }] },
  { uuid: "180a", chars: ["2a29", "2a24", "2a25", "2a27", "2a26", "2a28"].map((uuid) => ({ uuid, value: "42".repeat(8) })) },
  {
    uuid: "6217ff4bfb31fb9c9e4a7b6e9c1d0001",
    chars: [1, 2, 3].map((i) => ({ uuid: `6217ff4bfb31fb9c9e4a7b6e9c1d100${i}`, flags: 0x1a, value: "77".repeat(20), descriptors: [{ uuid: "2902" }, { uuid: "2901" }] })),
  },
];

/** A controller and a peer in one: commands and requests are answered at once, in their order, when `deliver` is called. */
class Peer {
  requests = 0;
  private readonly _waiting: Uint8Array[] = [];
  /** Answers by what has been asked, so that finding them costs both hosts the same and little. */
  private readonly _known = new Map<number, Uint8Array | null>();
  private readonly _model: Model;
  private readonly _completed = Uint8Array.of(4, 0x13, 5, 1, HANDLE, 0, 1, 0);
  private _frame: number[] | null = null;
  private _length = 0;

  constructor(mtu: number) {
    this._model = new Model(attributes(SKETCH), { mtu });
  }

  /** Takes a packet of the host. */
  take(bytes: Uint8Array, offset: number): void {
    if (bytes[offset] === 2) return this._data(bytes, offset);
    const opcode = bytes[offset + 1] | (bytes[offset + 2] << 8);
    if (opcode !== 0x200d) {
      this._waiting.push(answerTo(bytes, offset));
      return;
    }
    // LE Create Connection: its status, and LE Connection Complete.
    this._waiting.push(Uint8Array.of(4, 0x0f, 4, 0, 1, 0x0d, 0x20));
    const peer = bytes.slice(offset + 4 + 5, offset + 4 + 12);
    this._waiting.push(Uint8Array.of(4, 0x3e, 19, 1, 0, HANDLE, 0, 0, ...peer, 24, 0, 0, 0, 0x90, 1, 0));
  }

  /** Hands everything that waits to the host. */
  deliver(receive: (packet: Uint8Array) => void): void {
    for (let i = 0; i < this._waiting.length; i++) receive(this._waiting[i]);
    this._waiting.length = 0;
  }

  private _data(bytes: Uint8Array, offset: number): void {
    const end = offset + 5 + bytes[offset + 3] + (bytes[offset + 4] << 8);
    let from = offset + 5;
    this._waiting.push(this._completed);
    if ((bytes[offset + 2] & 0x30) !== 0x10) {
      this._length = 4 + bytes[from] + (bytes[from + 1] << 8);
      this._frame = [];
    }
    while (from < end) this._frame!.push(bytes[from++]);
    if (this._frame!.length < this._length || this._frame![2] !== 4) return;
    this.requests++;
    let key = this._length;
    for (let i = 4; i < this._length; i++) key = (Math.imul(key, 31) + this._frame![i]) >>> 0;
    let answer = this._known.get(key);
    if (answer === undefined) {
      const said = this._model.respond(Buffer.from(this._frame!.slice(4)).toString("hex"));
      const pdu = said === null ? null : Buffer.from(said, "hex");
      answer = pdu && Buffer.from([2, HANDLE, 0x20, (pdu.length + 4) & 255, (pdu.length + 4) >> 8, pdu.length & 255, pdu.length >> 8, 4, 0, ...pdu]);
      this._known.set(key, answer);
    }
    if (answer) this._waiting.push(answer);
  }
}

interface Client {
  readonly name: string;
  readonly trips: number;
  readonly found: { services: number; characteristics: number; descriptors: number };
  /** Reads one value `count` times, each when the last has come. */
  readonly read: Work;
}

function blimp(mtu: number): Client {
  const clock = new VirtualClock();
  const random = new Random(1);
  const peer = new Peer(mtu);
  let receive: (data: Uint8Array) => void = () => {};
  const deliver = (): void => peer.deliver((packet) => receive(packet));
  const hal: Hal = {
    uart: {
      open: (_baud, _flow, take) => {
        receive = take;
      },
      write: (buffer, offset) => peer.take(buffer, offset),
      close: () => {},
    },
    gpio: {},
    timer: {
      now: () => clock.now,
      set: (ms, callback) => clock.after(ms, callback),
      clear: (handle) => clock.cancel(handle as ReturnType<VirtualClock["after"]>),
    },
    delay: () => {},
    random: (target) => random.fill(target),
  };
  let failed: Error | null = null;
  /** Lets the host and the peer go on until something is. */
  const until = (what: () => boolean): void => {
    for (let i = 0; i < 10_000 && !what(); i++) {
      deliver();
      if (!what()) clock.run(1);
    }
    if (!what()) throw failed ?? new Error("blimp does not go on");
  };
  let ready = false;
  const bt = open(hal, null, {
    onready: () => {
      ready = true;
    },
    onerror: (error) => {
      failed = error;
    },
  });
  until(() => ready);
  bt.setsecurity(1);
  let connection: AskingConnection | undefined;
  bt.connect(PEER, 0, (error, made) => {
    if (error) throw error;
    connection = made;
  });
  until(() => connection !== undefined);
  const link = connection!;
  const found = { services: 0, characteristics: 0, descriptors: 0 };
  let handle = 0;
  const from = peer.requests;
  link.discover((error, services) => {
    if (error) throw error;
    for (const service of services!) {
      found.services++;
      for (const one of service.chars) {
        found.characteristics++;
        found.descriptors += one.descriptors.length;
        if (one.uuid === "2a19") handle = one.handle;
      }
    }
  });
  until(() => found.services > 0);
  const trips = peer.requests - from;
  let done = 0;
  const took = (error: Error | null, value?: Uint8Array): void => {
    if (error || value![0] !== 0x63) throw error ?? new Error("another value");
    done++;
  };
  return {
    name: "blimp",
    trips,
    found,
    read: (count) => {
      const goal = done + count;
      while (done < goal) {
        link.read(handle, took);
        deliver();
      }
    },
  };
}

/** The npm package ble-host; null where it is not installed. */
function other(mtu: number): Client | null {
  const require = createRequire(import.meta.url);
  let host: any;
  let version: string;
  try {
    host = require("ble-host");
    version = require("ble-host/package.json").version;
  } catch {
    return null;
  }
  const peer = new Peer(mtu);
  const transport: any = Object.assign(new EventEmitter(), {
    write(packet: Buffer) {
      peer.take(packet, 0);
    },
  });
  const deliver = (): void => peer.deliver((packet) => void transport.emit("data", packet instanceof Buffer ? packet : Buffer.from(packet)));
  const until = (what: () => boolean): void => {
    for (let i = 0; i < 10_000 && !what(); i++) deliver();
    if (!what()) throw new Error("ble-host does not go on");
  };
  let manager: any = null;
  host.BleManager.create(transport, {}, (error: unknown, made: any) => {
    if (error) throw error;
    manager = made;
  });
  until(() => manager);
  let connection: any = null;
  manager.connect("public", PEER.toUpperCase().match(/../g)!.join(":"), {}, (made: any) => {
    connection = made;
  });
  until(() => connection);
  const { gatt } = connection;
  const from = peer.requests;
  const found = { services: 0, characteristics: 0, descriptors: 0 };
  let value: any = null;
  /** Calls what takes a callback, and waits for it. */
  const ask = (begin: (callback: (...values: any[]) => void) => void): any[] => {
    let answer: any[] | null = null;
    begin((...values) => {
      answer = values;
    });
    until(() => answer !== null);
    return answer!;
  };
  ask((callback) => gatt.exchangeMtu(callback));
  const [services] = ask((callback) => gatt.discoverAllPrimaryServices(callback));
  for (const service of services) {
    found.services++;
    ask((callback) => service.findIncludedServices(callback));
    const [characteristics] = ask((callback) => service.discoverCharacteristics(callback));
    for (const one of characteristics) {
      found.characteristics++;
      const [descriptors] = ask((callback) => one.discoverDescriptors(callback));
      found.descriptors += descriptors.length;
      if (one.uuid.toLowerCase().startsWith("00002a19-")) value = one;
    }
  }
  const trips = peer.requests - from;
  let done = 0;
  const took = (error: number, bytes: Buffer): void => {
    if (error || bytes[0] !== 0x63) throw new Error("another value");
    done++;
  };
  return {
    name: `ble-host ${version}`,
    trips,
    found,
    read: (count) => {
      const goal = done + count;
      while (done < goal) {
        value.read(took);
        deliver();
      }
    },
  };
}

const rows: string[][] = [];
const results: object[] = [];
for (const mtu of [23, 185, 517]) {
  const clients = [blimp(mtu), other(mtu)].filter((client) => client !== null);
  const works = clients.map(({ read }) => read);
  const speeds = mtu === 517 ? speedOf(works, READS) : null;
  clients.forEach((client, i) => {
    const heap = speeds && heapOf(works[i], HEAP);
    const { services, characteristics, descriptors } = client.found;
    results.push({ mtu, host: client.name, trips: client.trips, found: client.found, persecond: speeds?.[i].persecond, heap });
    rows.push([
      client.name,
      String(mtu),
      String(client.trips),
      `${services}/${characteristics}/${descriptors}`,
      speeds ? whole(speeds[i].persecond) : "",
      heap ? (heap.allocated / heap.count).toFixed(0) : "",
      heap ? whole(heap.retained) : "",
    ]);
  });
}
console.log(`\nGATT client, ${whole(READS)} reads at a time, the best round; heap in bytes. Node ${process.version}\n`);
table(["host", "MTU of the peer", "round trips", "services/chars/descriptors", "reads/s", "heap each", "retained"], rows);
if (rows.length < 6) console.log("\nnpm package ble-host is not installed: nothing to compare with");
console.log("\nblimp reads the Database Hash and looks for secondary services, too: two round trips that the other host does without.");
console.log("With a table kept from an earlier connection its discovery is one round trip.");
save("client", { hosts: results });
// The other host's timers would keep the process.
process.exit(0);
