/**
 * H4 for the interop checks, written apart from the stack that they check: packets out of a stream, a raw host, a proxy that passes whole
 * packets only, btsnoop files.
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import net from "node:net";

const COMMAND = 1;
const EVENT = 4;
const COMMAND_COMPLETE = 0x0e;
const COMMAND_STATUS = 0x0f;

/** Bytes of the header behind the indicator, by indicator: command, ACL, SCO, event, ISO. */
const HEADERS = [0, 3, 4, 3, 2, 4];

/** Length of the packet that begins at `at`, 0 where that cannot be told yet, -1 where no packet begins so. */
function measure(bytes, at) {
  const type = bytes[at];
  if (type < COMMAND || type > 5) return -1;
  const header = 1 + HEADERS[type];
  if (at + header > bytes.length) return 0;
  if (type === 2) return header + bytes.readUInt16LE(at + 3);
  if (type === 5) return header + (bytes.readUInt16LE(at + 3) & 0x3fff);
  return header + bytes[at + header - 1];
}

/** Makes a function that takes chunks of a stream and calls `onpacket` with each whole packet, `onjunk` with each byte that begins none. */
export function framer(onpacket, onjunk = () => {}) {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (let at = 0; ; ) {
      const length = at < rest.length ? measure(rest, at) : 0;
      if (length === 0 || at + length > rest.length) {
        rest = rest.subarray(at);
        return;
      }
      if (length < 0) onjunk(rest[at]);
      else onpacket(rest.subarray(at, at + length));
      at += Math.max(length, 1);
    }
  };
}

/** A raw host on a controller's socket: commands one at a time, events as they come. */
export class RawHost {
  /** Events that answer no command, whole packets, oldest first. */
  events = [];
  closed = false;

  /** @returns a promise of the host */
  static connect(path) {
    return new Promise((resolve, reject) => {
      const socket = net.connect(path, () => resolve(new RawHost(socket)));
      socket.once("error", reject);
    });
  }

  constructor(socket) {
    this.socket = socket;
    this.waiting = null;
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
      this.waiting?.reject(new Error("the controller has closed the connection"));
    });
    socket.on("data", framer((packet) => this.take(Buffer.from(packet))));
  }

  /** Sends a command and returns its return parameters behind the status, which has to be 0. */
  async command(opcode, parameters = "", limit = 2000) {
    const values = Buffer.from(parameters, "hex");
    const name = `command 0x${opcode.toString(16).padStart(4, "0")}`;
    const [status, answer] = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${name}`)), limit);
      this.waiting = { opcode, resolve, reject, timer };
      this.socket.write(Buffer.concat([Buffer.from([COMMAND, opcode & 0xff, opcode >> 8, values.length]), values]));
    }).finally(() => {
      clearTimeout(this.waiting.timer);
      this.waiting = null;
    });
    if (status !== 0) throw new Error(`${name} was refused with status 0x${status.toString(16)}`);
    return answer;
  }

  take(packet) {
    if (packet[0] !== EVENT) return;
    const complete = packet[1] === COMMAND_COMPLETE;
    const opcode = complete ? packet.readUInt16LE(4) : packet[1] === COMMAND_STATUS ? packet.readUInt16LE(5) : -1;
    if (this.waiting?.opcode === opcode) this.waiting.resolve(complete ? [packet[6], packet.subarray(7)] : [packet[3], packet.subarray(7)]);
    else this.events.push(packet);
  }

  close() {
    this.socket.destroy();
  }
}

/** The reports of an LE Advertising Report event: type, address type, address as 12 hex digits, data, and rssi. */
export function readReports(packet) {
  const reports = [];
  if (packet[0] !== EVENT || packet[1] !== 0x3e || packet[3] !== 0x02) return reports;
  let at = 5;
  for (let i = 0; i < packet[4]; i++) {
    const end = at + 9 + packet[at + 8];
    reports.push({
      type: packet[at],
      addresstype: packet[at + 1],
      address: Buffer.from(packet.subarray(at + 2, at + 8)).reverse().toString("hex"),
      data: packet.subarray(at + 9, end).toString("hex"),
      rssi: packet.readInt8(end),
    });
    at = end + 1;
  }
  return reports;
}

/** btsnoop: datalink 1002 is H4; timestamps are microseconds since the year 0. */
const MAGIC = Buffer.from("6274736e6f6f700000000001", "hex");
const H4_DATALINK = 1002;
const EPOCH = 0x00dcddb30f2f8000n;

/** Writes a btsnoop file packet by packet. */
export class SnoopFile {
  constructor(path) {
    this.file = openSync(path, "w");
    writeSync(this.file, Buffer.concat([MAGIC, Buffer.from([0, 0, H4_DATALINK >> 8, H4_DATALINK & 0xff])]));
  }

  add(sent, packet) {
    const head = Buffer.alloc(24);
    head.writeUInt32BE(packet.length, 0);
    head.writeUInt32BE(packet.length, 4);
    head.writeUInt32BE((sent ? 0 : 1) | (packet[0] === COMMAND || packet[0] === EVENT ? 2 : 0), 8);
    head.writeBigUInt64BE(EPOCH + BigInt(Date.now()) * 1000n, 16);
    writeSync(this.file, Buffer.concat([head, packet]));
  }

  close() {
    closeSync(this.file);
  }
}

/** The records of a btsnoop file: its datalink, and each record's flags and bytes. */
export function readSnoop(path) {
  const bytes = readFileSync(path);
  if (bytes.length < 16 || !bytes.subarray(0, 12).equals(MAGIC)) throw new Error(`${path} is no btsnoop file`);
  const records = [];
  for (let at = 16; at < bytes.length; ) {
    const length = at + 24 <= bytes.length ? bytes.readUInt32BE(at + 4) : Infinity;
    if (at + 24 + length > bytes.length) throw new Error(`${path} ends inside a record`);
    if (bytes.readUInt32BE(at) !== length) throw new Error(`${path} holds a packet that is cut short`);
    records.push({ flags: bytes.readUInt32BE(at + 8), bytes: bytes.subarray(at + 24, at + 24 + length) });
    at += 24 + length;
  }
  return { datalink: bytes.readUInt32BE(12), records };
}

/**
 * Listens on the unix socket `listen` and joins each host that comes with the controller at `target`, whole packets only; what passes is kept
 * in `packets` ({sent, bytes}) and in a btsnoop file.
 */
export function startProxy(listen, target, snoop) {
  const packets = [];
  const file = new SnoopFile(snoop);
  const sockets = new Set();
  const server = net.createServer((host) => {
    const controller = net.connect(target);
    for (const socket of [host, controller]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
    }
    const pass = (sent, to) =>
      framer(
        (packet) => {
          const bytes = Buffer.from(packet);
          packets.push({ sent, bytes });
          file.add(sent, bytes);
          if (to.writable) to.write(bytes);
        },
        (byte) => console.error(`${listen}: byte 0x${byte.toString(16)} from the ${sent ? "host" : "controller"} begins no packet`),
      );
    host.on("data", pass(true, controller));
    controller.on("data", pass(false, host));
    host.on("end", () => controller.end());
    controller.on("end", () => host.end());
    host.on("close", () => controller.destroy());
    controller.on("close", () => host.destroy());
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(listen, () =>
      resolve({
        packets,
        close() {
          server.close();
          for (const socket of sockets) socket.destroy();
          file.close();
        },
      }),
    );
  });
}
