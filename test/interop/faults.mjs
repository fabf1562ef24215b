/** A line with faults between a host and a controller of btvirt: a proxy that flips, drops, delays and splits bytes, from a seed, while a burst lasts. */
import net from "node:net";
import { framer } from "./h4.mjs";

const READ_RSSI = 0x1405;
const RESET = 0x0c03;

/** mulberry32: numbers from 0 to below 1. */
export function makeRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Bytes between two faults of a burst, on average; most bytes that one of them drops; the longest delay, ms; most bytes of a piece that is split. */
const DISTANCE = 40;
const DROP = 12;
const DELAY = 150;
const PIECE = 7;
/** ms after which a receiver of H4 forgets a packet whose rest does not come. */
const PATIENCE = 200;

/** One direction: bytes go in, pieces come out in their order, faults among them while it is `bad`. */
class Line {
  bad = false;

  constructor(random, counts, out) {
    this.random = random;
    this.counts = counts;
    this.out = out;
    this.waiting = [];
    this.busy = false;
    this.dropping = 0;
  }

  push(chunk) {
    if (!this.bad) this.waiting.push({ bytes: chunk, delay: 0 });
    else this.spoil(Buffer.from(chunk));
    this.next();
  }

  spoil(bytes) {
    const { random, counts, waiting } = this;
    let kept = [];
    let delay = 0;
    const cut = () => {
      if (kept.length > 0) waiting.push({ bytes: Buffer.from(kept), delay });
      kept = [];
      delay = 0;
    };
    for (let byte of bytes) {
      if (random() < 1 / DISTANCE) {
        const kind = Math.floor(random() * 4);
        if (kind === 0) {
          byte ^= 1 << Math.floor(random() * 8);
          counts.flips++;
        } else if (kind === 1) {
          this.dropping = 1 + Math.floor(random() * DROP);
          counts.drops++;
        } else if (kind === 2) {
          cut();
          delay = Math.ceil(random() * DELAY);
          counts.delays++;
        } else {
          cut();
          this.piece = 1 + Math.floor(random() * PIECE);
          counts.splits++;
        }
      }
      if (this.dropping > 0) {
        this.dropping--;
        counts.dropped++;
      } else kept.push(byte);
      if (this.piece > 0 && --this.piece === 0) {
        cut();
        // So that it is a piece of its own to whoever reads.
        delay = 2;
      }
    }
    cut();
  }

  next() {
    while (!this.busy && this.waiting.length > 0) {
      const [{ bytes, delay }] = this.waiting;
      if (delay > 0) {
        this.busy = true;
        this.waiting[0].delay = 0;
        setTimeout(() => {
          this.busy = false;
          this.next();
        }, delay);
        return;
      }
      this.waiting.shift();
      this.out(bytes);
    }
  }
}

/**
 * Listens on the unix socket `listen` for one host, and joins it with the controller at `target`. What reaches the controller has been put into packets as a
 * chip's own receiver does it, because btvirt takes a header only in one piece: bytes that begin no packet are passed over, and a packet that stands still is forgotten.
 * Read RSSI, which btvirt does not know, is answered for it: a host asks by it whether a connection still is.
 */
export function startBadLine(listen, target, seed) {
  const random = makeRandom(seed);
  const line = { counts: { flips: 0, drops: 0, dropped: 0, delays: 0, splits: 0 }, false: 0, meant: [new Set(), new Set()], bad: () => {}, say: () => {}, close: () => {} };
  const server = net.createServer((host) => {
    const controller = net.connect(target);
    server.close();
    /** Connections that the controller has. */
    const handles = new Set();
    let timer = null;
    let take;
    const watch = (packet) => {
      if (packet[0] !== 4) return;
      if (packet[1] === 0x3e && packet[3] === 1 && packet[4] === 0) handles.add(packet.readUInt16LE(5));
      if (packet[1] === 0x05 && packet[3] === 0) handles.delete(packet.readUInt16LE(4));
    };
    const answer = (handle) => {
      const packet = Buffer.from([4, 0x0e, 7, 1, READ_RSSI & 255, READ_RSSI >> 8, handles.has(handle) ? 0 : 2, handle & 255, handle >> 8, 127]);
      line.meant[1].add(packet.toString("hex"));
      up.push(packet);
    };
    const deliver = (packet) => {
      // SCO and ISO data are nothing that btvirt knows.
      if (packet[0] > 2) return;
      if (!line.meant[0].has(packet.toString("hex"))) line.false++;
      const opcode = packet[0] === 1 ? packet.readUInt16LE(1) : 0;
      if (opcode === RESET) handles.clear();
      if (opcode === READ_RSSI && packet.length === 6) answer(packet.readUInt16LE(4));
      else controller.write(packet);
    };
    const renew = () => (take = framer(deliver));
    renew();
    const down = new Line(random, line.counts, (bytes) => {
      clearTimeout(timer);
      timer = setTimeout(renew, PATIENCE);
      take(bytes);
    });
    const up = new Line(random, line.counts, (bytes) => host.write(bytes));
    const wrote = framer((packet) => line.meant[0].add(packet.toString("hex")));
    const meant = framer((packet) => {
      line.meant[1].add(packet.toString("hex"));
      watch(packet);
    });
    host.on("data", (chunk) => {
      wrote(chunk);
      down.push(chunk);
    });
    controller.on("data", (chunk) => {
      meant(chunk);
      up.push(chunk);
    });
    line.bad = (on) => {
      down.bad = up.bad = on;
      down.dropping = up.dropping = 0;
      if (on) for (const set of line.meant) set.clear();
    };
    line.say = (packet) => up.push(packet);
    line.close = () => {
      clearTimeout(timer);
      host.destroy();
      controller.destroy();
    };
    for (const socket of [host, controller]) socket.on("error", () => {});
    host.on("close", () => controller.destroy());
    controller.on("close", () => host.destroy());
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(listen, () => resolve(line));
  });
}
