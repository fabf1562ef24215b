/** What the checks of the GATT server share: the device under test, what it has to show, a phone out of raw packets. */
import { spawnSync } from "node:child_process";
import { createCipheriv } from "node:crypto";
import { existsSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT, sleep, start, TOOLS, until } from "./air.mjs";
import { check } from "./beacon.mjs";
import { RawHost, readSnoop } from "./h4.mjs";

/** The device's MTU: a frame of it needs two of btvirt's packets, and LONG several answers. */
export const MTU = 247;
/** A value of 300 bytes of which no two parts are alike. */
export const LONG = Array.from({ length: 60 }, (_, i) => `<${String(i).padStart(3, "0")}>`).join("");

export const UUIDS = {
  wifi: "FADA47BEC45548C9A5F2AF7CF368D719",
  ssid: "5EBA195632D347C681A6A7E59F18DAC0",
  password: "ED694AB947564528AA3A799A4FD11117",
  trigger: "F299C3428A8A4544AC4208C841737B1B",
  trial: "3C2A0001B5D14E0F9C7A5D1F6E8B2A40",
  echo: "3C2A0002B5D14E0F9C7A5D1F6E8B2A40",
  notifier: "3C2A0003B5D14E0F9C7A5D1F6E8B2A40",
  indicator: "3C2A0004B5D14E0F9C7A5D1F6E8B2A40",
  locked: "3C2A0005B5D14E0F9C7A5D1F6E8B2A40",
  ender: "3C2A0006B5D14E0F9C7A5D1F6E8B2A40",
};

/** Every attribute that a phone has to find, in its order; a service: handle, last handle, UUID; a characteristic: handle, handle of its value, properties, UUID; a descriptor: handle, UUID. */
export const TABLE = `
service 1-7 1800
  char 2 3 02 2A00
  char 4 5 02 2A01
  char 6 7 02 2A04
service 8-15 1801
  char 9 10 20 2A05
    descriptor 11 2902
  char 12 13 0a 2B29
  char 14 15 02 2B2A
service 16-24 180A
  char 17 18 02 2A29
  char 19 20 02 2A25
  char 21 22 02 2A26
  char 23 24 02 2A24
service 25-31 ${UUIDS.wifi}
  char 26 27 08 ${UUIDS.ssid}
  char 28 29 08 ${UUIDS.password}
  char 30 31 08 ${UUIDS.trigger}
service 32-45 ${UUIDS.trial}
  char 33 34 0e ${UUIDS.echo}
  char 35 36 12 ${UUIDS.notifier}
    descriptor 37 2902
    descriptor 38 2901
  char 39 40 20 ${UUIDS.indicator}
    descriptor 41 2902
  char 42 43 02 ${UUIDS.locked}
  char 44 45 08 ${UUIDS.ender}
`.trim();

/** What it shows once more when it has been told to extend itself. */
export const MORE = `
service 46-48 180F
  char 47 48 02 2A19
`.trim();

/** The handles of values, by what they are. */
export const HANDLES = {
  name: 3,
  appearance: 5,
  changed: 10,
  changedConfiguration: 11,
  features: 13,
  hash: 15,
  maker: 18,
  serial: 20,
  revision: 22,
  model: 24,
  ssid: 27,
  password: 29,
  trigger: 31,
  echo: 34,
  notifier: 36,
  notifierConfiguration: 37,
  description: 38,
  indicator: 40,
  indicatorConfiguration: 41,
  locked: 43,
  ender: 45,
};

/** A UUID as it stands on the air, hex digits. */
export function onAir(uuid) {
  return Buffer.from(uuid, "hex").reverse().toString("hex");
}

/** A handle or another number of 16 bits as it stands on the air. */
export function le16(value) {
  return Buffer.of(value & 255, value >> 8).toString("hex");
}

function double(block) {
  const doubled = Buffer.alloc(16);
  for (let i = 0; i < 16; i++) doubled[i] = (block[i] << 1) | (i < 15 ? block[i + 1] >> 7 : 0);
  if (block[0] & 0x80) doubled[15] ^= 0x87;
  return doubled;
}

/** AES-CMAC (RFC 4493) with the key 0. */
function cmac(message) {
  const encrypt = (block) => createCipheriv("aes-128-ecb", Buffer.alloc(16), null).update(block);
  const first = double(encrypt(Buffer.alloc(16)));
  const whole = message.length > 0 && message.length % 16 === 0;
  const padded = whole ? Buffer.from(message) : Buffer.concat([message, Buffer.of(0x80), Buffer.alloc(15 - (message.length % 16))]);
  const key = whole ? first : double(first);
  for (let i = 0; i < 16; i++) padded[padded.length - 16 + i] ^= key[i];
  let state = Buffer.alloc(16);
  for (let at = 0; at < padded.length; at += 16) state = encrypt(state.map((byte, i) => byte ^ padded[at + i]));
  return state;
}

/** The Database Hash (Vol 3 Part G section 7.3) of a table that is written like TABLE, as it stands on the air. */
export function databaseHash(table) {
  const parts = table.split("\n").map((line) => {
    const [kind, ...words] = line.trim().split(" ");
    if (kind === "service") return `${le16(parseInt(words[0]))}0028${onAir(words[1])}`;
    if (kind === "char") return `${le16(+words[0])}0328${words[2]}${le16(+words[1])}${onAir(words[3])}`;
    return le16(+words[0]) + onAir(words[1]);
  });
  return cmac(Buffer.from(parts.join(""), "hex")).reverse().toString("hex");
}

const SET_ADVERTISE_ENABLE = 0x200a;
const COMMAND_COMPLETE = 0x0e;

/** Whether a device advertises, by what has passed between it and its controller. */
function watchAdvert(packets) {
  let seen = 0;
  let asked = false;
  let on = false;
  return () => {
    for (; seen < packets.length; seen++) {
      const { sent, bytes } = packets[seen];
      if (sent && bytes[0] === 1 && bytes.readUInt16LE(1) === SET_ADVERTISE_ENABLE) asked = bytes[4] === 1;
      if (sent || bytes[0] !== 4) continue;
      if (bytes[1] === COMMAND_COMPLETE && bytes.readUInt16LE(4) === SET_ADVERTISE_ENABLE && !bytes[6]) on = asked;
      if (bytes[1] === LE_META && bytes[3] === 1 && !bytes[4]) on = false;
    }
    return on;
  };
}

/** gatt-device.mjs as a program of its own. */
export class Device {
  /** What it has said and nobody has asked for yet. */
  said = [];
  wrong = null;

  /** @param proxy what joins it with its controller */
  static async start(socket, proxy, trace) {
    const device = new Device();
    device.child = start(process.execPath, [fileURLToPath(new URL("gatt-device.mjs", import.meta.url)), socket, trace], { stdio: ["pipe", "pipe", "pipe"] });
    device.advertises = watchAdvert(proxy.packets);
    let text = "";
    device.child.stdout.on("data", (part) => {
      const lines = (text + part).split("\n");
      text = lines.pop();
      for (const line of lines) device.take(line);
    });
    const { address } = await device.hears("ready", 20_000);
    check(`the device is ready, as ${address}`, /^[0-9a-f]{12}$/.test(address), address);
    device.address = address;
    return device;
  }

  take(line) {
    try {
      const said = JSON.parse(line);
      if (said.event === "error") this.wrong ??= line;
      else this.said.push(said);
    } catch {
      this.wrong ??= `not JSON: ${line}`;
    }
  }

  does(words) {
    this.child.stdin.write(`${words}\n`);
  }

  /** The next thing that it says; it has to be this event. */
  async hears(event, limit = 10_000) {
    await until(
      () => this.said.length > 0 || this.wrong || this.child.exitCode !== null,
      limit,
      () => `the device has not said "${event}" in ${limit} ms`,
    );
    if (this.wrong || this.said.length === 0) throw new Error(`the device should say "${event}": ${this.wrong ?? this.child.output}`);
    const said = this.said.shift();
    if (said.event !== event) throw new Error(`the device should say "${event}" and says ${JSON.stringify(said)}`);
    return said;
  }

  /** It has to say exactly these things next. */
  async says(name, ...expected) {
    const said = [];
    for (const { event } of expected) said.push(await this.hears(event));
    check(name, JSON.stringify(said) === JSON.stringify(expected), `\n${said.map((one) => JSON.stringify(one)).join("\n")}`);
  }

  /** It says nothing more. */
  async silent(name, ms = 100) {
    await sleep(ms);
    check(name, this.said.length === 0, JSON.stringify(this.said));
  }

  /** Its advert is on the air, so that it can be connected to. */
  async ready() {
    await until(this.advertises, 5000, () => "the device does not advertise");
  }

  /** Ends it, and looks at what it has counted; `expected`: what is not 0. */
  async end(expected = {}) {
    this.does("counters");
    const { event, received, sent, ...rest } = await this.hears("counters");
    const found = Object.fromEntries(Object.entries(rest).filter(([, count]) => count));
    check(`of ${received} packets received and ${sent} sent it has lost nothing`, received > 0 && JSON.stringify(found) === JSON.stringify(expected), JSON.stringify(found));
    this.does("end");
    await Promise.race([this.child.ended, until(() => false, 5000, () => "the device still runs after close()")]);
    check("it ends by itself, and has reported no error", this.child.exitCode === 0 && !this.wrong, `exit code ${this.child.exitCode}, ${this.wrong}\n${this.child.output.slice(-1000)}`);
  }
}

/** The device's own trace holds what passed, and other programs find nothing wrong with it. */
export function checkTraces(trace, proxy, files) {
  const { datalink, records } = readSnoop(trace);
  const traced = records.map(({ flags, bytes }) => ({ sent: (flags & 1) === 0, bytes }));
  for (const sent of [true, false]) {
    const [mine, wire] = [traced, proxy.packets].map((list) => list.filter((packet) => packet.sent === sent).map(({ bytes }) => bytes.toString("hex")));
    // The answer to the Reset that ends it all is not waited for.
    check(
      `its trace is H4 and holds each of the ${mine.length} packets ${sent ? "sent" : "received"}`,
      datalink === 1002 && mine.length > 0 && wire.length - mine.length <= (sent ? 0 : 1) && mine.join() === wire.slice(0, mine.length).join(),
      `${mine.length} of ${wire.length}, datalink ${datalink}`,
    );
  }
  const script = join(TOOLS, "check-snoop.sh");
  const lacks = !existsSync(script) ? script : spawnSync("tshark", ["--version"]).error ? "tshark" : null;
  if (lacks) {
    console.log(`skip the traces in other programs' eyes: ${lacks} is not there`);
    return;
  }
  for (const file of files) {
    const { status, stdout, stderr } = spawnSync(script, [file], { encoding: "utf8", timeout: 60_000 });
    check(`${file.slice(ROOT.length)} is clean in tshark and btmon`, status === 0, `\n${stdout}${stderr}`);
  }
}

/** The frames of a channel that have passed, put together again: {sent, bytes}, hex digits. */
export function framesOf(packets, channel) {
  const frames = [];
  const rests = { true: Buffer.alloc(0), false: Buffer.alloc(0) };
  for (const { sent, bytes } of packets) {
    if (bytes[0] !== 2) continue;
    const rest = Buffer.concat([(bytes[2] & 0x30) === 0x10 ? rests[sent] : Buffer.alloc(0), bytes.subarray(5)]);
    rests[sent] = rest;
    if (rest.length >= 4 && rest.length === 4 + rest.readUInt16LE(0) && rest.readUInt16LE(2) === channel) frames.push({ sent, bytes: rest.subarray(4).toString("hex") });
  }
  return frames;
}

const RESET = 0x0c03;
const SET_EVENT_MASK = 0x0c01;
const LE_SET_EVENT_MASK = 0x2001;
const READ_BD_ADDR = 0x1009;
const DISCONNECT = 0x0406;
const CREATE_CONNECTION = 0x200d;
const LE_META = 0x3e;
const DISCONNECTION_COMPLETE = 0x05;
const ATT = 4;

/** A phone out of raw packets: what it sends is written by hand, and it takes what comes for what it is. */
export class RawPhone extends RawHost {
  handle = -1;
  /** Frames heard and not yet taken: {cid, bytes}, hex digits. */
  frames = [];
  rest = Buffer.alloc(0);

  /** @returns a promise of a phone on the controller at `path` */
  static async start(path) {
    const phone = await new Promise((resolve, reject) => {
      const socket = net.connect(path, () => resolve(new RawPhone(socket)));
      socket.once("error", reject);
    });
    await phone.command(RESET);
    await phone.command(SET_EVENT_MASK, "ffffffffffffff3f");
    await phone.command(LE_SET_EVENT_MASK, "ff01000000000000");
    phone.address = Buffer.from(await phone.command(READ_BD_ADDR)).reverse().toString("hex");
    return phone;
  }

  /** Connects to a public address, which may not be on the air yet: btvirt says at once that nobody is there (0x3E). */
  async connect(address) {
    let packet;
    for (let tries = 0; tries < 20; tries++) {
      await this.command(CREATE_CONNECTION, `600030000000${onAir(address)}00180028000000c80000000000`);
      packet = await this.event((packet) => packet[1] === LE_META && packet[3] === 1, "connection");
      if (packet[4] !== 0x3e) break;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    if (packet[4]) throw new Error(`the raw phone's connection failed with status 0x${packet[4].toString(16)}`);
    this.handle = packet.readUInt16LE(5);
  }

  /** Waits for an event, and takes it out of the list. */
  async event(matches, what) {
    await until(() => this.events.some(matches), 3000, () => `the raw phone gets no ${what}`);
    return this.events.splice(this.events.findIndex(matches), 1)[0];
  }

  take(packet) {
    if (packet[0] !== 2) return super.take(packet);
    if ((packet[2] & 0x30) !== 0x10) this.rest = Buffer.alloc(0);
    this.rest = Buffer.concat([this.rest, packet.subarray(5)]);
    if (this.rest.length >= 4 && this.rest.length === 4 + this.rest.readUInt16LE(0)) {
      this.frames.push({ cid: this.rest.readUInt16LE(2), bytes: this.rest.subarray(4).toString("hex") });
    }
  }

  /** Sends a frame, in pieces of at most `size` bytes. */
  send(cid, digits, size = 192) {
    const frame = Buffer.from(le16(digits.length / 2) + le16(cid) + digits, "hex");
    for (let at = 0; at < frame.length; at += size) {
      const part = frame.subarray(at, at + size);
      this.socket.write(Buffer.concat([Buffer.of(2, this.handle & 255, (this.handle >> 8) | (at ? 0x10 : 0), part.length, 0), part]));
    }
  }

  /** The next frame on a channel, hex digits; "" where none comes in `ms`. */
  async next(cid = ATT, ms = 2000) {
    const find = () => this.frames.findIndex((frame) => frame.cid === cid);
    for (const end = Date.now() + ms; find() < 0 && Date.now() < end; ) await sleep(2);
    return find() < 0 ? "" : this.frames.splice(find(), 1)[0].bytes;
  }

  /** Sends an ATT PDU, and checks its answer; "": there is none. */
  async asks(name, digits, answer, size) {
    this.send(ATT, digits, size);
    const came = await this.next(ATT, answer ? 2000 : 150);
    check(`${name}: ${brief(digits)} -> ${brief(answer) || "nothing"}`, came === answer, came || "nothing");
  }

  async disconnect() {
    await this.command(DISCONNECT, `${le16(this.handle)}13`);
    await this.disconnected();
  }

  /** Waits until the link has ended; returns the reason. */
  async disconnected() {
    return (await this.event((packet) => packet[1] === DISCONNECTION_COMPLETE, "disconnection"))[6];
  }
}

function brief(digits) {
  return digits.length > 60 ? `${digits.slice(0, 56)}... (${digits.length / 2} bytes)` : digits;
}
