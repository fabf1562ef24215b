import type { Radio } from "./air.js";
import { le16, u16 } from "./bytes.js";
import type { Handle } from "./clock.js";
import { Connection } from "./connection.js";
import type { LeController } from "./controller.js";
import { EventCode, LeSubevent } from "./events.js";
import { Initiator } from "./initiator.js";
import type { LinkOwner } from "./link.js";
import { LlFeature, legalParameters } from "./linkcontrol.js";
import { addressKey, type AdvertisingPdu, type ConnectRequest, type DeviceAddress } from "./pdu.js";
import { Status } from "./status.js";
import type { Answer } from "./table.js";

/** One unit of scan interval and scan window, ms. */
const SCAN_UNIT = 0.625;
const SCAN_MIN = 0x0004;
const SCAN_MAX = 0x4000;
/** Reasons that Disconnect may give (Core Vol 4 Part E 7.1.6). */
const REASONS = [0x05, 0x13, 0x14, 0x15, 0x1a, 0x29, 0x3b];
const HANDLE_LAST = 0x0eff;
/** Link_Type of Data Buffer Overflow: ACL, be it BR/EDR or LE. */
const OVERFLOW_ACL = 0x01;
/** All 37 data channels. */
const CHANNEL_MAP = [0xff, 0xff, 0xff, 0xff, 0x1f];

export interface ConnectionOptions {
  /** Most connections at a time; default 5. */
  links?: number;
  /** Handle of the first connection; the next ones count on from it; default 0x0040. */
  handle?: number;
  /** True: a handle comes again as soon as it is free, as most controllers have it. */
  reuse?: boolean;
  /** True: what the peer sent in several LL PDUs is joined, up to the length of an ACL buffer; default false, an ACL packet each. */
  rejoin?: boolean;
  /**
   * Most ACL packets on their way to peers: with one more the controller sends no ACL data until it is reset, and no Data Buffer Overflow
   * tells of it. Default 0: no such limit.
   */
  stall?: number;
  /** How long Number Of Completed Packets may wait for further packets, ms; default 2. */
  completedWait?: number;
  /** Most data PDUs that it sends in one connection event; default 0, as many as there is time for. */
  eventPackets?: number;
}

/** Connections as HCI commands them: the central role's beginning, both roles' life and end, and the buffers of ACL data. */
export class Connections {
  readonly limit: number;
  readonly rejoin: boolean;
  readonly eventpackets: number;
  /** True once too many packets were on their way: it sends no ACL data until it is reset. */
  stalled = false;

  private readonly _controller: LeController;
  private readonly _initiator: Initiator;
  private readonly _first: number;
  private readonly _reuse: boolean;
  private readonly _stall: number;
  private readonly _wait: number;
  private readonly _links = new Map<number, Connection>();
  private _last: number;
  /** Initiating asks the accept list. */
  private _filtering = false;
  private _flush: Handle | null = null;

  constructor(controller: LeController, options: ConnectionOptions) {
    this._controller = controller;
    this.limit = options.links ?? 5;
    this.rejoin = options.rejoin ?? false;
    this.eventpackets = options.eventPackets ?? 0;
    this._first = options.handle ?? 0x0040;
    this._last = this._first - 1;
    this._reuse = options.reuse ?? false;
    this._stall = options.stall ?? 0;
    this._wait = options.completedWait ?? 2;
    this._initiator = new Initiator(controller.air, controller, () => this._open());
  }

  /** True while the controller tries to connect. */
  get initiating(): boolean {
    return this._initiator.on;
  }

  /** True while initiating asks the accept list. */
  get filtering(): boolean {
    return this.initiating && this._filtering;
  }

  /** The connections, oldest first. */
  get all(): readonly Connection[] {
    return [...this._links.values()];
  }

  /** True if there can be no further connection, that which is being tried counted in. */
  get full(): boolean {
    return this._links.size + (this.initiating ? 1 : 0) >= this.limit;
  }

  get(handle: number): Connection | undefined {
    return this._links.get(handle);
  }

  /** All connections are gone, and nobody is told. */
  reset(): void {
    this._initiator.stop();
    const links = this.all;
    this._links.clear();
    for (const link of links) link.end.drop();
    this.stalled = false;
    this._last = this._first - 1;
    if (this._flush !== null) this._controller.air.clock.cancel(this._flush);
    this._flush = null;
  }

  /** @internal */
  add(connection: Connection): void {
    this._links.set(connection.handle, connection);
  }

  /** @internal */
  remove(connection: Connection): void {
    this._links.delete(connection.handle);
  }

  listening(time: number): boolean {
    return this._initiator.listening(time);
  }

  hear(pdu: AdvertisingPdu, rssi: number, from: Radio): void {
    this._initiator.hear(pdu, rssi, from);
  }

  /** True if a connection in the peripheral role can be made: there is room for it, and none with that peer. */
  takes(request: ConnectRequest): boolean {
    return !this.full && !this._find(request.initiator);
  }

  /** The owner of the new connection in the peripheral role. */
  accept(): LinkOwner {
    return this._open();
  }

  /** LE Create Connection (7.8.12). */
  create(p: Uint8Array): Answer {
    const [interval, window, policy, peertype, own] = [u16(p, 0), u16(p, 2), p[4], p[5], p[12]];
    const request = { min: u16(p, 13), max: u16(p, 15), latency: u16(p, 17), timeout: u16(p, 19) };
    if (this.initiating || this._controller.tests.on) return { pending: Status.COMMAND_DISALLOWED };
    if (window < SCAN_MIN || window > interval || interval > SCAN_MAX || policy > 1 || peertype > 1) return INVALID;
    if (!legalParameters(request) || u16(p, 21) > u16(p, 23)) return INVALID;
    const refused = this._controller.checkOwnAddressType(own);
    if (refused !== Status.SUCCESS) return { pending: refused };
    const ownaddress = this._controller.ownAddress(own);
    if (ownaddress === null) return INVALID;
    const peer: DeviceAddress = { bytes: p.slice(6, 12), random: peertype === 1 ? 1 : 0 };
    if (this.full) return { pending: Status.CONNECTION_LIMIT_EXCEEDED };
    if (policy === 0 && this._find(peer)) return { pending: Status.CONNECTION_ALREADY_EXISTS };
    const { acceptlist } = this._controller;
    const wanted = addressKey(peer);
    this._filtering = policy === 1;
    this._initiator.start({
      interval: interval * SCAN_UNIT,
      window: window * SCAN_UNIT,
      own: ownaddress,
      accept: (advertiser) => (policy === 1 ? acceptlist.has(advertiser) && !this._find(advertiser) : addressKey(advertiser) === wanted),
      parameters: { interval: request.max, latency: request.latency, timeout: request.timeout },
    });
    return PENDING;
  }

  /** LE Create Connection Cancel (7.8.13): its Command Complete comes first, then the end of what it cancels. */
  cancel(opcode: number): Answer {
    if (!this.initiating) return Status.COMMAND_DISALLOWED;
    this._initiator.stop();
    this._controller.commandComplete(opcode, [Status.SUCCESS]);
    const event = new Uint8Array(19);
    event[0] = LeSubevent.CONNECTION_COMPLETE;
    event[1] = Status.UNKNOWN_CONNECTION_IDENTIFIER;
    this._controller.metaEvent(event);
    return null;
  }

  disconnect(p: Uint8Array): Answer {
    return this._with(p, (connection) => {
      if (!REASONS.includes(p[2])) return Status.INVALID_HCI_COMMAND_PARAMETERS;
      if (connection.disconnecting) return Status.COMMAND_DISALLOWED;
      connection.disconnect(p[2]);
      return Status.SUCCESS;
    });
  }

  readVersion(p: Uint8Array): Answer {
    return this._with(p, (connection) => {
      if (connection.control.has("version")) return Status.COMMAND_DISALLOWED;
      connection.control.readVersion();
      return Status.SUCCESS;
    });
  }

  readFeatures(p: Uint8Array): Answer {
    return this._with(p, (connection) => {
      if (!connection.end.central && !this._has(LlFeature.PERIPHERAL_FEATURES)) return Status.UNSUPPORTED_REMOTE_FEATURE;
      if (connection.control.has("features")) return Status.COMMAND_DISALLOWED;
      connection.control.readFeatures();
      return Status.SUCCESS;
    });
  }

  update(p: Uint8Array): Answer {
    return this._with(p, (connection) => {
      const request = { min: u16(p, 2), max: u16(p, 4), latency: u16(p, 6), timeout: u16(p, 8) };
      if (!legalParameters(request) || u16(p, 10) > u16(p, 12)) return Status.INVALID_HCI_COMMAND_PARAMETERS;
      if (!connection.end.central && !this._has(LlFeature.CONNECTION_PARAMETERS)) return Status.UNSUPPORTED_REMOTE_FEATURE;
      if (connection.control.has("update")) return Status.COMMAND_DISALLOWED;
      connection.control.update(request);
      return Status.SUCCESS;
    });
  }

  enableEncryption(p: Uint8Array): Answer {
    return this._with(p, (connection) => {
      if (!connection.end.central || connection.control.has("encryption")) return Status.COMMAND_DISALLOWED;
      if (!this._has(LlFeature.ENCRYPTION)) return Status.UNSUPPORTED_FEATURE_OR_PARAMETER;
      connection.control.encrypt(p.slice(12, 28), p.slice(2, 10), u16(p, 10));
      return Status.SUCCESS;
    });
  }

  /** LE Long Term Key Request Reply and Negative Reply (7.8.25, 7.8.26). */
  replyKey(p: Uint8Array, key: Uint8Array | null): Answer {
    return this._answer(p, ({ control }) => {
      if (!control.keywanted) return Status.COMMAND_DISALLOWED;
      control.replyKey(key);
      return Status.SUCCESS;
    });
  }

  /** LE Remote Connection Parameter Request Reply (7.8.31). */
  acceptParameters(p: Uint8Array): Answer {
    return this._answer(p, ({ control }) => {
      const request = { min: u16(p, 2), max: u16(p, 4), latency: u16(p, 6), timeout: u16(p, 8) };
      if (!control.parameterswanted) return Status.COMMAND_DISALLOWED;
      if (!legalParameters(request)) return Status.INVALID_HCI_COMMAND_PARAMETERS;
      control.acceptParameters({ interval: request.max, latency: request.latency, timeout: request.timeout });
      return Status.SUCCESS;
    });
  }

  /** LE Remote Connection Parameter Request Negative Reply (7.8.32). */
  rejectParameters(p: Uint8Array): Answer {
    return this._answer(p, ({ control }) => {
      if (!control.parameterswanted) return Status.COMMAND_DISALLOWED;
      control.rejectParameters(p[2]);
      return Status.SUCCESS;
    });
  }

  readRssi(p: Uint8Array): Answer {
    const connection = this._links.get(u16(p, 0));
    if (connection === undefined) return [Status.UNKNOWN_CONNECTION_IDENTIFIER, p[0], p[1], 0];
    return [Status.SUCCESS, p[0], p[1], connection.end.rssi & 0xff];
  }

  readChannelMap(p: Uint8Array): Answer {
    const known = this._links.has(u16(p, 0));
    return [known ? Status.SUCCESS : Status.UNKNOWN_CONNECTION_IDENTIFIER, p[0], p[1], ...(known ? CHANNEL_MAP : [0, 0, 0, 0, 0])];
  }

  /** Takes an ACL packet of the host, indicator first. */
  receive(packet: Uint8Array): void {
    const controller = this._controller;
    const flags = u16(packet, 1);
    const connection = this._links.get(flags & 0x0fff);
    const boundary = (flags >> 12) & 3;
    const data = packet.slice(5);
    if (connection === undefined) {
      controller.stray++;
      return;
    }
    const { length, count } = controller.aclBuffers;
    if (boundary > 1 || flags >> 14 !== 0) {
      controller.violation(`ACL data with the flags ${flags >> 12}`);
    } else if (data.length > length) {
      controller.violation(`an ACL packet of ${data.length} octets for buffers of ${length}`);
    } else if (data.length === 0) {
      controller.violation("an ACL packet without data");
    } else if (this._stall === 0 && this._occupied >= count) {
      controller.violation(`an ACL packet more than the ${count} that there are buffers for`);
      controller.event(EventCode.DATA_BUFFER_OVERFLOW, [OVERFLOW_ACL]);
    } else {
      this._take(connection, boundary, data);
    }
  }

  /** @internal A packet of the host has been acknowledged by the peer. */
  complete(connection: Connection): void {
    if (this.stalled) return;
    connection.completed++;
    connection.occupied--;
    this._flush ??= this._controller.air.clock.after(this._wait, () => this._tell());
  }

  private get _occupied(): number {
    let sum = 0;
    for (const { occupied } of this._links.values()) sum += occupied;
    return sum;
  }

  private _take(connection: Connection, boundary: number, data: Uint8Array): void {
    connection.occupied++;
    if (this._stall > 0 && this._occupied > this._stall && !this.stalled) {
      this.stalled = true;
      for (const { end } of this._links.values()) end.stalled = true;
      this._controller.violation(`more than ${this._stall} ACL packets on their way: no ACL data leaves any more`);
    }
    if (!this.stalled) connection.send(boundary, data);
  }

  /** Number Of Completed Packets (7.7.19); no mask forbids it. */
  private _tell(): void {
    this._flush = null;
    const told = this.all.filter(({ completed }) => completed > 0);
    if (told.length === 0) return;
    const parameters = [told.length];
    for (const connection of told) {
      parameters.push(...le16(connection.handle), ...le16(connection.completed));
      connection.completed = 0;
    }
    this._controller.unmaskedEvent(EventCode.NUMBER_OF_COMPLETED_PACKETS, parameters);
  }

  private _open(): Connection {
    if (this._reuse) this._last = this._first - 1;
    do this._last = this._last >= HANDLE_LAST ? 0 : this._last + 1;
    while (this._links.has(this._last));
    return new Connection(this, this._controller, this._last);
  }

  private _find(peer: DeviceAddress): boolean {
    const key = addressKey(peer);
    return this.all.some(({ end }) => addressKey(end.peer) === key);
  }

  private _has(feature: number): boolean {
    return (this._controller.identity.lefeatures[0] & (1 << feature)) !== 0;
  }

  /** For commands that begin with a handle and are answered by Command Status. */
  private _with(p: Uint8Array, run: (connection: Connection) => number): Answer {
    const connection = this._links.get(u16(p, 0));
    return { pending: connection === undefined ? Status.UNKNOWN_CONNECTION_IDENTIFIER : run(connection) };
  }

  /** For commands that begin with a handle and are answered by Command Complete with it. */
  private _answer(p: Uint8Array, run: (connection: Connection) => number): Answer {
    const connection = this._links.get(u16(p, 0));
    return [connection === undefined ? Status.UNKNOWN_CONNECTION_IDENTIFIER : run(connection), p[0], p[1]];
  }
}

const PENDING = { pending: Status.SUCCESS };
const INVALID = { pending: Status.INVALID_HCI_COMMAND_PARAMETERS };
