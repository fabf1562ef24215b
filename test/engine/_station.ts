import { hex } from "../../core/bytes/hex.js";
import { layBoxes, pump, queued, receiveAcl, takeCompleted } from "../../core/hci/acl.js";
import { Event } from "../../core/hci/codes.js";
import { openUart } from "../../core/hci/h4.js";
import { createHost, run, Phase, type Host } from "../../core/host.js";
import { receiveFrame } from "../../core/l2cap/l2cap.js";
import { Limit } from "../../core/options.js";
import { complete, createBench, type Bench } from "./_chip.js";

/** The connection's handle on the wire, and Number Of Completed Packets for one of its packets. */
const HANDLE = "4000";
const COMPLETED = "04130501" + HANDLE + "0100";

/**
 * A host without what brings its chip up and without what makes connections: the parts that a check names, on a chip that is ready and has two buffers of 27
 * bytes, and one connection. So that all of it, with the check, fits into 64 KB of heap: a preset with a check does not.
 */
export interface Station {
  readonly host: Host;
  readonly instance: any;
  readonly bench: Bench;
  /** ACL packets sent and not yet taken, whole, in hex. */
  readonly packets: string[];
  /** Commands sent and not yet taken. */
  readonly commands: string[];
  /** The connection: a central, the public address 665544332211. Its methods are those that parts add. */
  readonly link: any;
  /** It ends. */
  disconnect(): void;
  /** Sends a frame on a channel to the host, in as many packets as it takes. */
  frame(channel: string, digits: string): void;
  /** Payloads of the frames sent on a channel since the last call, a comma between two. */
  taken(channel: string): string;
  /** Sends an ATT PDU; what comes back within a millisecond or two. */
  att(digits: string): string;
}

function length16(digits: string): string {
  const length = digits.length / 2;
  return hex(new Uint8Array([length, length >> 8]), 0, 2);
}

/**
 * @param parts in the order of priority
 * @param options what `open()` takes
 */
export function createStation(parts: ((host: any, instance: any) => any)[], options?: any): Station {
  const bench = createBench({ revision: 508 });
  const standard = bench.answer;
  const limits = new Int32Array(Limit.Count);
  const packets: string[] = [];
  const commands: string[] = [];
  const frames: string[] = [];
  let rest = "";
  // The defaults of a small target.
  limits[Limit.Receive] = 512;
  limits[Limit.CommandLimit] = 2000;
  limits[Limit.Links] = 1;
  limits[Limit.Mtu] = (options && options.mtu) || 23;
  limits[Limit.Queue] = 4;
  limits[Limit.Prepare] = 160;
  limits[Limit.MaxInterval] = 4000;
  limits[Limit.MaxLatency] = 499;
  limits[Limit.Discovery] = 256;
  limits[Limit.Slice] = 4000;
  limits[Limit.KeySize] = 16;
  limits[Limit.Bonds] = 4;
  const hal: any = bench.hal;
  hal.random = options && options.random;
  hal.crypto = options && options.crypto;
  const host = createHost(hal, options || {}, limits, 258, { held: true, baud: 0, address: null }, {
    _build: function () {
      return 0;
    },
    _take: function () {},
    _fail: function () {},
    _ready: function () {},
    _fault: function (_host: any, reason: string) {
      throw new Error(reason);
    },
  } as any);
  const instance: any = {};
  bench.answer = function (opcode, packet) {
    const text = hex(packet, 0, packet.length);
    if (packet[0] == 2) {
      packets.push(text);
      // The first fragment has the frame's length and channel.
      if (packet[2] & 0x10) rest += text.substr(10);
      else rest = text.substr(10);
      if (rest.length / 2 - 4 == parseInt(rest.substr(2, 2) + rest.substr(0, 2), 16)) frames.push(rest.substr(4));
      return bench.reply(COMPLETED);
    }
    commands.push(text);
    if (opcode == 0x201a || opcode == 0x201b) bench.reply(complete(opcode, "00", HANDLE));
    else standard(opcode, packet);
  };
  const peer = new Uint8Array([0x11, 0x22, 0x33, 0x44, 0x55, 0x66]);
  host._links = [];
  host._enders = [];
  host._beginners = [];
  host._expired = [];
  host._later = [];
  host._askers = [];
  host._methods = {} as any;
  host._watched = host._turn = 0;
  host._level = 1;
  host._boxes = layBoxes(limits[Limit.Mtu], false);
  host._aclLength = 27;
  host._aclFree = 2;
  host._acl = receiveAcl;
  host._frame = receiveFrame;
  host._pump = pump;
  host._events[Event.NumberOfCompletedPackets] = { _least: 1, _handler: takeCompleted };
  for (let i = 0; i < parts.length; i++) {
    const role = parts[i](host, instance);
    if (role) host._roles.push(role);
  }
  host._address.set([0x10, 0x11, 0x12, 0x13, 0x14, 0x15]);
  host._addresstype = 0;
  host._phase = Phase.Ready;
  for (let i = 0; i < host._made.length; i++) host._made[i]();
  openUart(host, 115200);

  const link: any = host._methods;
  const values: any = {
    _host: host,
    _handle: 0x40,
    _central: false,
    _peertype: 0,
    _peer: peer,
    _airType: 0,
    _airPeer: peer,
    _inflight: 0,
    _in: new Uint8Array(4 + limits[Limit.Mtu] + 69),
    _out: new Uint8Array(host._boxes[3] + limits[Limit.Queue] * queued(limits[Limit.Mtu])),
    _buffers: { _prepared: new Uint8Array(limits[Limit.Prepare]) },
    _inUsed: 0,
    _lengths: [0, 0, 0],
    _head: host._boxes[3],
    _tail: host._boxes[3],
    _wrap: 0,
    _box: 0,
    _at: 0,
    _left: 0,
    _security: 1,
    _mtu: 23,
    _deadlines: [],
  };
  for (const name in values) link[name] = values[name];
  host._links.push(link);
  for (let i = 0; i < host._beginners.length; i++) host._beginners[i](host, link);
  if (host._secure) host._secure(host, link);
  else link._served = true;
  run(host);

  const station: Station = {
    host: host,
    instance: instance,
    bench: bench,
    packets: packets,
    commands: commands,
    link: link,
    disconnect: function () {
      host._links.splice(0, 1);
      link._handle = -1;
      link._served = false;
      for (let i = 0; i < host._enders.length; i++) host._enders[i](host, link);
    },
    frame: function (channel, digits) {
      let text = length16(digits) + channel + digits;
      let flag = "20";
      while (text) {
        const piece = text.substr(0, 54);
        text = text.substr(54);
        bench.reply("02" + HANDLE.substr(0, 2) + flag + length16(piece) + piece);
        flag = "10";
      }
    },
    taken: function (channel) {
      let text = "";
      while (frames.length) {
        const one = frames.splice(0, 1)[0];
        if (one.substr(0, 4) == channel) text += (text ? "," : "") + one.substr(4);
      }
      return text;
    },
    att: function (digits) {
      station.frame("0400", digits);
      bench.run(3);
      return station.taken("0400");
    },
  };
  return station;
}


