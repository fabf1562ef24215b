import { AcceptList } from "./acceptlist.js";
import { Advertising } from "./advertising.js";
import type { Air, Radio } from "./air.js";
import { le16, u16 } from "./bytes.js";
import { STANDARD_COMMANDS } from "./commands.js";
import { Connections, type ConnectionOptions } from "./connections.js";
import { DirectTest } from "./directtest.js";
import { EventCode } from "./events.js";
import { H4 } from "./h4.js";
import type { Buffers, ControllerIdentity } from "./identity.js";
import type { LinkOwner } from "./link.js";
import type { AdvertisingPdu, ConnectRequest, DeviceAddress } from "./pdu.js";
import type { Random } from "./random.js";
import { Scanning, type ReportOptions } from "./scanning.js";
import { Status } from "./status.js";
import { CommandTable, type Answer } from "./table.js";

/** Set Event Mask and LE Set Event Mask as Reset leaves them (7.3.1, 7.8.1). */
const EVENT_MASK = [0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0x00, 0x00];
const LE_EVENT_MASK = [0x1f, 0, 0, 0, 0, 0, 0, 0];
/** Event codes above this have their bits in Set Event Mask Page 2, or none. */
const LAST_MASKED_EVENT = 0x3e;
/** The first version whose own address types include resolvable private addresses (4.2). */
const VERSION_4_2 = 8;

/** Octets on the way to the host that advertising reports cannot take: a busy scan would starve the connections. */
const ACL_RESERVE = 512;

const TABLE = new CommandTable(STANDARD_COMMANDS);

export interface ControllerOptions extends ReportOptions, ConnectionOptions {
  /** Name of the radio on the air; default "controller". */
  name?: string;
}

/**
 * The controller half of HCI (Core Vol 4 Part E) for advertising, scanning, connections and direct tests, over H4 packets: `receive` takes them whole
 * from the host, `send` gives them to it. It answers at once; the time that a chip needs is up to its owner.
 */
export class LeController implements Radio {
  readonly name: string;
  readonly air: Air;
  identity: ControllerIdentity;
  /** BD_ADDR, 6 bytes, least significant octet first. */
  address: Uint8Array;
  /** Takes each packet for the host; the array is valid during the call only. */
  send: (packet: Uint8Array) => void = () => {};
  /** Tells how many octets are still on their way to the host. */
  backlog: () => number = () => 0;
  /** Told what the host did against the rules of ACL data; the packet has been dropped. */
  violation: (reason: string) => void = () => {};

  readonly advertising: Advertising;
  readonly scanning: Scanning;
  readonly connections: Connections;
  readonly tests: DirectTest;
  acceptlist: AcceptList;
  readonly eventmask = new Uint8Array(8);
  readonly eventmask2 = new Uint8Array(8);
  readonly leeventmask = new Uint8Array(8);
  /** LE_Supported_Host as written, 0 or 1. */
  lehost = 0;
  /** Num_HCI_Command_Packets in every answer. */
  commandpackets = 1;
  /** Data packets that belonged to no connection. */
  stray = 0;

  private readonly _random: Random;
  private _randomaddress: DeviceAddress | null = null;
  private readonly _packet = new Uint8Array(1 + 2 + 255);

  /** @param address BD_ADDR, 6 bytes, least significant octet first */
  constructor(air: Air, random: Random, identity: ControllerIdentity, address: Uint8Array, options: ControllerOptions = {}) {
    this.name = options.name ?? "controller";
    this.air = air;
    this._random = random;
    this.identity = identity;
    this.address = address.slice();
    this.acceptlist = new AcceptList(identity.acceptlist);
    this.advertising = new Advertising(this);
    this.scanning = new Scanning(this, options);
    this.connections = new Connections(this, options);
    this.tests = new DirectTest(this);
    this.reset();
  }

  /** Takes one whole H4 packet from the host. */
  receive(packet: Uint8Array): void {
    if (packet[0] === H4.COMMAND) {
      const opcode = u16(packet, 1);
      this.answer(opcode, TABLE.perform(this, opcode, packet.subarray(4)));
    } else if (packet[0] === H4.ACL) {
      this.connections.receive(packet);
    } else {
      this.stray++;
    }
  }

  /** Everything back to the defaults of Reset (7.3.2); BD_ADDR stays. */
  reset(): number {
    this.advertising.reset();
    this.scanning.reset();
    this.connections.reset();
    this.tests.reset();
    this.acceptlist.clear();
    this.eventmask.set(EVENT_MASK);
    this.eventmask2.fill(0);
    this.leeventmask.set(LE_EVENT_MASK);
    this.lehost = 0;
    this._randomaddress = null;
    return Status.SUCCESS;
  }

  /** Sends what a command handler gave back. */
  answer(opcode: number, answer: Answer): void {
    if (answer === null) return;
    if (typeof answer === "number") {
      if (answer === Status.UNKNOWN_HCI_COMMAND && this.identity.unknown === "status") this.commandStatus(opcode, answer);
      else this.commandComplete(opcode, [answer]);
    } else if ("pending" in answer) {
      this.commandStatus(opcode, answer.pending);
    } else {
      this.commandComplete(opcode, answer);
    }
  }

  /** @param parameters the return parameters, status first */
  commandComplete(opcode: number, parameters: ArrayLike<number>): void {
    const head = [this.commandpackets, ...le16(opcode)];
    this._send(EventCode.COMMAND_COMPLETE, head, parameters);
  }

  commandStatus(opcode: number, status: number): void {
    this._send(EventCode.COMMAND_STATUS, [status, this.commandpackets, ...le16(opcode)], []);
  }

  /** Sends an event, unless Set Event Mask forbids it. */
  event(code: number, parameters: ArrayLike<number>): void {
    if (code > LAST_MASKED_EVENT || bit(this.eventmask, code - 1)) this._send(code, parameters, []);
  }

  /**
   * Sends an LE Meta event, unless one of the two masks forbids it.
   * @param parameters the subevent code first
   */
  metaEvent(parameters: ArrayLike<number>): void {
    if (this.metaEnabled(parameters[0])) this._send(EventCode.LE_META, parameters, []);
  }

  /** True if both masks let the LE Meta event with that subevent code through. */
  metaEnabled(subevent: number): boolean {
    return bit(this.leeventmask, subevent - 1) && bit(this.eventmask, EventCode.LE_META - 1);
  }

  /** Sends an event that no mask forbids. */
  unmaskedEvent(code: number, parameters: ArrayLike<number>): void {
    this._send(code, parameters, []);
  }

  /** The buffers for LE ACL data of the host: those of BR/EDR where LE has none of its own (7.8.2). */
  get aclBuffers(): Buffers {
    const { leacl, acl } = this.identity;
    return leacl.length === 0 || leacl.count === 0 ? acl : leacl;
  }

  /** True if `octets` of ACL data find room on the way to the host. */
  room(octets: number): boolean {
    return this.backlog() + octets <= this.scanning.memory + ACL_RESERVE;
  }

  /** The 64 octets of Read Local Supported Commands. */
  supportedCommands(): Uint8Array {
    if (this.identity.commands === null) return TABLE.supported();
    const mask = new Uint8Array(64);
    mask.set(this.identity.commands);
    return mask;
  }

  /** `length` random bytes. */
  draw(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this._random.fill(bytes);
    return bytes;
  }

  /** The address that an Own_Address_Type stands for, null for a random address that was never set. */
  ownAddress(type: number): DeviceAddress | null {
    return type === 0 ? { bytes: this.address.slice(), random: 0 } : this._randomaddress;
  }

  /** A status that refuses an Own_Address_Type, or 0: types 2 and 3 need the resolving list, which is not modelled. */
  checkOwnAddressType(type: number): number {
    if (type <= 1) return Status.SUCCESS;
    const known = type <= 3 && this.identity.version >= VERSION_4_2;
    return known ? Status.UNSUPPORTED_FEATURE_OR_PARAMETER : Status.INVALID_HCI_COMMAND_PARAMETERS;
  }

  setRandomAddress(bytes: Uint8Array): number {
    if (this.advertising.on || this.scanning.on || this.connections.initiating) return Status.COMMAND_DISALLOWED;
    this._randomaddress = { bytes: bytes.slice(), random: 1 };
    return Status.SUCCESS;
  }

  listening(time: number): boolean {
    return this.scanning.listening(time) || this.connections.listening(time);
  }

  hear(pdu: AdvertisingPdu, rssi: number, from: Radio): void {
    const { now } = this.air.clock;
    if (this.scanning.listening(now)) this.scanning.hear(pdu, rssi, from);
    if (this.connections.listening(now)) this.connections.hear(pdu, rssi, from);
  }

  connectRequested(request: ConnectRequest): LinkOwner | null {
    return this.advertising.takesConnection(request) ? this.connections.accept() : null;
  }

  scanRequested(scanner: DeviceAddress): AdvertisingPdu | null {
    return this.advertising.scanRequested(scanner);
  }

  private _send(code: number, head: ArrayLike<number>, tail: ArrayLike<number>): void {
    const length = head.length + tail.length;
    this._packet[0] = H4.EVENT;
    this._packet[1] = code;
    this._packet[2] = length;
    this._packet.set(head, 3);
    this._packet.set(tail, 3 + head.length);
    this.send(this._packet.subarray(0, 3 + length));
  }
}

function bit(mask: Uint8Array, index: number): boolean {
  return (mask[index >> 3] & (1 << (index & 7))) !== 0;
}
