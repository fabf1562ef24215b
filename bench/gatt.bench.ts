/**
 * The GATT server: ATT requests a second and the heap of each through the public `open` over a HAL without hardware, beside another host in the same
 * loop on the same bytes; and, on the virtual air, what part of the air and the UART notifications reach. `node --expose-gc gatt.bench.mjs [--json FILE]`
 */
import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import type { Hal } from "../hal/hal.js";
import { Central, createBoard } from "../hal/mock/index.js";
import { VirtualClock } from "../hal/mock/clock.js";
import { open } from "../targets/jerryscript/peripheral.js";
import { heapOf, save, speedOf, table, whole, type Heap, type Speed, type Work } from "./measure.js";
import { answerTo } from "./null.js";

const MILLION = 1_000_000;
/** What the goals of the design are: reads beside the other host, share of what the line carries. */
const TIMES = 8;
const SHARE = 0.95;
const HANDLE = 0x40;

function bytes(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

/** An ATT PDU in an ACL packet of the peer's. */
function att(pdu: string): Uint8Array {
  const length = pdu.length / 2;
  return Uint8Array.of(2, HANDLE, 0x20, length + 4, 0, length, 0, 4, 0, ...bytes(pdu));
}

/** LE Connection Complete: we are the peripheral; Number Of Completed Packets for one packet. */
const CONNECTED = bytes("04 3e 13 01 00 4000 01 00 332211c0a000 1800 0000 9001 00");
const COMPLETED = bytes("04 13 05 01 4000 0100");

function handle16(handle: number): string {
  return Buffer.from([handle & 255, handle >> 8]).toString("hex");
}

/** A controller whose answers come when they are asked for. */
class Line {
  readonly waiting: Uint8Array[] = [];
  /** From now on what is written is only counted. */
  quiet = false;
  written = 0;
  /** The last ATT PDU that was written. */
  last: Uint8Array = new Uint8Array(0);

  take(buffer: Uint8Array, offset: number, length: number): void {
    this.written += length;
    if (this.quiet) return;
    if (buffer[offset] === 2) this.last = buffer.slice(offset + 9, offset + length);
    else this.waiting.push(answerTo(buffer, offset));
  }
}

interface Server {
  readonly name: string;
  /** Hands over a packet. */
  readonly feed: (packet: Uint8Array) => void;
  readonly line: Line;
  /** Handles of a fixed value, of one with handlers. */
  readonly fixed: number;
  readonly handled: number;
}

const VALUE = [1, 2, 3, 4, 5, 6, 7, 8];

function blimp(): Server & { notify: (value: Uint8Array) => boolean } {
  const clock = new VirtualClock();
  const line = new Line();
  let receive: (data: Uint8Array) => void = () => {};
  const hal: Hal = {
    uart: {
      open: (_baud, _flow, take) => {
        receive = take;
      },
      write: (buffer, offset, length) => line.take(buffer, offset, length),
      close: () => {},
    },
    gpio: {},
    timer: { now: () => clock.now, set: (ms, callback) => clock.after(ms, callback), clear: (handle) => clock.cancel(handle as ReturnType<VirtualClock["after"]>) },
    delay: () => {},
  };
  const bt = open(hal, null, {
    onerror: (error) => {
      throw error;
    },
  });
  bt.setsecurity(1);
  const answer = Uint8Array.from(VALUE);
  bt.servegatt([
    { uuid: 0x180f, chars: [{ uuid: 0x2a19, flags: 0x12, value: VALUE }, { uuid: 0x2a1a, read: () => answer, write: () => 0 }] },
  ]);
  bt.onconnect(() => {});
  bt.startadvertise("abc", 100, 100);
  for (let i = 0; i < 200; i++) {
    for (let packet = line.waiting.shift(); packet; packet = line.waiting.shift()) receive(packet);
    clock.run(10);
  }
  receive(CONNECTED);
  for (let packet = line.waiting.shift(); packet; packet = line.waiting.shift()) receive(packet);
  const fixed = bt.handle(0x180f, 0x2a19);
  return {
    name: "blimp",
    feed: (packet) => receive(packet),
    line,
    fixed,
    handled: bt.handle(0x180f, 0x2a1a),
    notify: (value) => bt.notify(fixed, value),
  };
}

/** The npm package ble-host; null where it is not installed. */
function other(): Server | null {
  const require = createRequire(import.meta.url);
  let host: any;
  let version: string;
  try {
    host = require("ble-host");
    version = require("ble-host/package.json").version;
  } catch {
    return null;
  }
  const line = new Line();
  const transport: any = Object.assign(new EventEmitter(), { write: (packet: Buffer) => line.take(packet, 0, packet.length) });
  const deliver = (): void => {
    for (let packet = line.waiting.shift(); packet; packet = line.waiting.shift()) transport.emit("data", Buffer.from(packet));
  };
  let manager: any = null;
  host.BleManager.create(transport, {}, (error: unknown, made: any) => {
    if (error) throw error;
    manager = made;
  });
  deliver();
  if (!manager) throw new Error("ble-host did not come up");
  const fixed: any = { uuid: 0x2a19, properties: ["read", "notify"], value: Buffer.from(VALUE) };
  const handled: any = {
    uuid: 0x2a1a,
    properties: ["read", "write"],
    onRead: (_connection: unknown, callback: (error: number, value: Buffer) => void) => callback(0, Buffer.from(VALUE)),
    onWrite: (_connection: unknown, _needed: boolean, _value: Buffer, callback: (error: number) => void) => callback(0),
  };
  manager.gattDb.addServices([{ uuid: 0x180f, characteristics: [fixed, handled] }]);
  manager.startAdvertising({}, () => {});
  deliver();
  transport.emit("data", Buffer.from(CONNECTED));
  deliver();
  const feed = (packet: Uint8Array): void => {
    transport.emit("data", packet);
  };
  // Handles by asking: the declaration of each characteristic.
  const find = (uuid: string): number => {
    for (let handle = 1; handle < 64; handle++) {
      line.last = new Uint8Array(0);
      feed(Buffer.from(att("08" + handle16(handle) + handle16(handle) + "0328")));
      deliver();
      feed(Buffer.from(COMPLETED));
      const text = Buffer.from(line.last).toString("hex");
      if (text.startsWith("09") && text.endsWith(uuid)) return handle + 1;
    }
    throw new Error(`ble-host does not serve ${uuid}`);
  };
  return { name: `ble-host ${version}`, feed, line, fixed: find("192a"), handled: find("1a2a") };
}

interface Row {
  readonly host: string;
  readonly what: string;
  readonly speed: Speed;
  readonly heap: Heap;
  ratio?: number;
}

/** Feeds one request again and again, each with the completion of its answer; what is written has to be an answer each time. */
function asking(server: Server, pdu: string, answer: string): Work {
  const request = Buffer.from(att(pdu));
  const completed = Buffer.from(COMPLETED);
  const { feed, line } = server;
  line.quiet = false;
  feed(request);
  feed(completed);
  if (Buffer.from(line.last).toString("hex") !== answer) throw new Error(`${server.name} answers ${pdu} with ${Buffer.from(line.last).toString("hex")}`);
  line.quiet = true;
  return (count) => {
    const before = line.written;
    for (let i = 0; i < count; i++) {
      feed(request);
      feed(completed);
    }
    if (line.written - before !== Math.ceil(count) * (9 + answer.length / 2)) throw new Error(`${server.name}: ${line.written - before} bytes to ${count} requests`);
  };
}

const mine = blimp();
const theirs = other();
const value = Buffer.from(VALUE).toString("hex");
const rows: Row[] = [];
let seen = 0;
const nothing: Server = {
  ...mine,
  name: "empty loop",
  feed: (packet) => {
    seen += packet.length;
  },
};

function measure(what: string, works: [Server, Work][], count: number): void {
  const speeds = speedOf(works.map(([, work]) => work), count);
  const own = works.map(([server, work], i): Row => ({ host: server.name, what, speed: speeds[i], heap: heapOf(work, count) }));
  if (own[2]) own[1].ratio = own[1].speed.persecond / own[2].speed.persecond;
  rows.push(...own);
}

/** The loop with nobody in it. */
function empty(pdu: string): Work {
  const request = att(pdu);
  return (count) => {
    for (let i = 0; i < count; i++) {
      nothing.feed(request);
      nothing.feed(COMPLETED);
    }
  };
}

for (const [what, pdu, answer] of [
  ["read, fixed value", (s: Server) => "0a" + handle16(s.fixed), "0b" + value],
  ["read, by a handler", (s: Server) => "0a" + handle16(s.handled), "0b" + value],
  ["write", (s: Server) => "12" + handle16(s.handled) + value, "13"],
] as [string, (s: Server) => string, string][]) {
  const works: [Server, Work][] = [[nothing, empty(pdu(mine))], [mine, asking(mine, pdu(mine), answer)]];
  if (theirs) works.push([theirs, asking(theirs, pdu(theirs), answer)]);
  measure(what, works, MILLION / 4);
}
// Over a million, ours alone.
const million = {
  read: heapOf(asking(mine, "0a" + handle16(mine.fixed), "0b" + value), MILLION),
  handler: heapOf(asking(mine, "0a" + handle16(mine.handled), "0b" + value), MILLION),
  write: heapOf(asking(mine, "12" + handle16(mine.handled) + value, "13"), MILLION),
  notification: heapOf(notifying(), MILLION),
};

/** Subscribes; then notifies, each with its completion. */
function notifying(): Work {
  asking(mine, "12" + handle16(mine.fixed + 1) + "0100", "13");
  const bytesOf = Uint8Array.from(VALUE);
  return (count) => {
    const before = mine.line.written;
    for (let i = 0; i < count; i++) {
      if (!mine.notify(bytesOf)) throw new Error("no room");
      mine.feed(COMPLETED);
    }
    if (mine.line.written - before !== Math.ceil(count) * (9 + 3 + VALUE.length)) throw new Error("notifications were lost");
  };
}

if (!seen) throw new Error("the empty loop did not run");
console.log(`\nATT requests with the completion of each answer, ${whole(MILLION / 4)} at a time, the best round; heap in bytes. Node ${process.version}\n`);
table(
  ["request", "host", "a second", "ns each", "heap each", "retained", "times as fast"],
  rows.map(({ what, host, speed, heap, ratio }) => [what, host, whole(speed.persecond), (1e9 / speed.persecond).toFixed(1), (heap.allocated / heap.count).toFixed(2), whole(heap.retained), ratio?.toFixed(2) ?? ""]),
);
if (!theirs) console.log("\nnpm package ble-host is not installed: nothing to compare with");
else console.log(`\ngoal for reads of a fixed value: ${TIMES} times`);
console.log("\nHeap over a million, bytes each (a write allocates the application's copy):\n");
table(["", "allocated", "retained in all"], Object.entries(million).map(([name, heap]) => [name, (heap.allocated / heap.count).toFixed(3), whole(heap.retained)]));

interface Flow {
  readonly interval: number;
  readonly baud: number;
  readonly buffers: number;
  /** Notifications of 20 bytes a second. */
  readonly persecond: number;
}

/** Host latency, ms: from the last byte of a packet to the callback that is handed it. */
const LATENCY = 0.1;
const SECONDS = 10;
/** Bits on the UART that a notification of 20 bytes takes: indicator, handle, length, L2CAP, ATT. */
const PACKET = 10 * (5 + 4 + 3 + 20);
/** Microseconds on the air: an empty packet of the central's, 27 bytes of ours, two spaces of 150. */
const PAIR = 80 + 150 + (10 + 27) * 8 + 150;

/** Notifies as fast as there is room. */
function flow(interval: number, baud: number, buffers: number): Flow {
  const board = createBoard({ part: "plain", chip: { baud, identity: { leacl: { length: 27, count: buffers } } } });
  const { clock } = board;
  const real = board.hal;
  const hal: Hal = {
    ...real,
    uart: {
      ...real.uart,
      flow: true,
      open: (rate, flow, receive, fault) => {
        const late = (data: Uint8Array | string): void => {
          const copy = typeof data === "string" ? data : data.slice();
          clock.after(LATENCY, () => receive(copy));
        };
        real.uart.open(rate, flow, late, fault);
      },
      write: (buffer, offset, length) => real.uart.write(buffer, offset, length),
      close: () => real.uart.close(),
    },
  };
  let ready = false;
  const bt = open(hal, null, {
    resetbaud: baud,
    baud,
    onready: () => {
      ready = true;
    },
    onerror: (error) => {
      throw error;
    },
  });
  const data = new Uint8Array(20);
  let subscribed = false;
  bt.setsecurity(1);
  bt.servegatt([
    {
      uuid: 0x180f,
      chars: [
        {
          uuid: 0x2a19,
          flags: 0x10,
          subscribe: () => {
            subscribed = true;
          },
        },
      ],
    },
  ]);
  bt.onconnect(() => {});
  bt.startadvertise("abc", 20, 20);
  const send = (): void => {
    while (bt.notify(0x2a19, data));
  };
  bt.onroom(send);
  clock.until(() => ready, 10_000);
  if (!ready) throw new Error("not ready");
  const central = new Central(board.air, { interval });
  let heard = 0;
  central.onframe = (cid, payload) => {
    if (cid === 4 && payload[0] === 0x1b) heard++;
  };
  const address = bt.address()!;
  central.connect(address, 0, { timeout: 5000 });
  clock.until(() => central.connected, 5000);
  if (!central.connected) throw new Error("not connected");
  clock.run(4 * interval);
  central.send(4, bytes("12" + handle16(bt.handle(0x180f, 0x2a19) + 1) + "0100"));
  clock.until(() => subscribed, 5000);
  if (!subscribed) throw new Error("not subscribed");
  clock.run(100);
  send();
  clock.run(500);
  const before = heard;
  clock.run(SECONDS * 1000);
  const persecond = (heard - before) / SECONDS;
  bt.close();
  return { interval, baud, buffers, persecond };
}

// A peripheral with nothing more to send says so in its last packet, and that closes the connection event: with two buffers the second packet says it, as the
// host's next one comes while it is on the air. So two buffers carry two packets an event, whoever fills them.
const flows: (Flow & { air: number; uart: number; share: number })[] = [];
for (const [baud, buffers] of [[921_600, 2], [921_600, 8], [115_200, 2]]) {
  for (const interval of [7.5, 30]) {
    const most = Math.floor((interval * 1000) / PAIR);
    const air = (buffers > 2 ? most : Math.min(most, buffers)) * (1000 / interval);
    const uart = baud / PACKET;
    const got = flow(interval, baud, buffers);
    flows.push({ ...got, air, uart, share: got.persecond / Math.min(air, uart) });
  }
}
console.log(`\nNotifications of 20 bytes on the virtual air, buffers of 27 bytes, ${LATENCY} ms of host latency; goal with two at 921600: ${SHARE * 100} %\n`);
table(
  ["interval, ms", "buffers", "bit/s", "a second", "the air carries", "the UART carries", "share"],
  flows.map(({ interval, buffers, baud, persecond, air, uart, share }) => [
    String(interval),
    String(buffers),
    whole(baud),
    persecond.toFixed(1),
    air.toFixed(1),
    uart.toFixed(1),
    `${(share * 100).toFixed(1)} %`,
  ]),
);

save("gatt", { requests: rows, million, flows });
// The other host's timers would keep the process.
process.exit(0);
