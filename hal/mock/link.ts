import type { Air, Radio } from "./air.js";
import type { Handle } from "./clock.js";
import { LinkControl } from "./linkcontrol.js";
import { dataAirTime, Llid, T_IFS, type ConnectRequest, type DeviceAddress, type LinkPdu } from "./pdu.js";
import { Status } from "./status.js";

/** One unit of a connection interval and of a supervision timeout, ms. */
export const INTERVAL_UNIT = 1.25;
export const TIMEOUT_UNIT = 10;
/** From the end of CONNECT_IND to the first anchor point: transmitWindowDelay, and a transmitWindowOffset of 0, ms. */
const WINDOW_DELAY = 1.25;
/** So many connection intervals without a packet end a connection that was never established (Core Vol 6 Part B 4.5.2). */
const ESTABLISH_EVENTS = 6;
/** Most octets of one data PDU without the data length extension. */
export const LL_PAYLOAD = 27;
/** A PDU without payload, sent where there is nothing to send. */
const EMPTY: LinkPdu = { llid: Llid.CONTINUE, payload: new Uint8Array(0) };

/** The parameters of a connection, in the units of HCI. */
export interface LinkParameters {
  /** connInterval, 1.25 ms. */
  readonly interval: number;
  /** connPeripheralLatency, events. */
  readonly latency: number;
  /** connSupervisionTimeout, 10 ms. */
  readonly timeout: number;
}

/** What LL_VERSION_IND tells. */
export interface LinkVersion {
  readonly version: number;
  readonly manufacturer: number;
  readonly subversion: number;
}

/** What a peripheral asks for in LL_CONNECTION_PARAM_REQ, in the units of HCI. */
export interface ParameterRequest {
  readonly min: number;
  readonly max: number;
  readonly latency: number;
  readonly timeout: number;
}

/** Who has an end of a link: is asked what that end can do, and told what happens to it. */
export interface LinkOwner {
  readonly radio: Radio;
  /** FeatureSet, 8 octets. */
  readonly features: Uint8Array;
  readonly version: LinkVersion;
  /** Most data PDUs that it sends in one connection event; 0 is no limit but the time. */
  readonly eventpackets: number;
  /** The connection has been created: CONNECT_IND has been sent or received. */
  created(end: LinkEnd): void;
  /** The first packet of the peer has been heard. */
  established(): void;
  /** False if there is no room for one more data PDU: it is not acknowledged, and the peer sends it again. */
  ready(): boolean;
  /** Takes a data PDU; the array is the owner's to keep, not to write to. */
  data(llid: number, payload: Uint8Array): void;
  /** A connection event is over. */
  eventended(): void;
  /** The connection has ended; nothing else is told after that. */
  ended(reason: number): void;
  /** A change of parameters has taken effect, or has failed. `asked`: this end's host had asked for it. */
  updated(status: number, changed: boolean, asked: boolean): void;
  /** The peripheral asks for parameters: answer by `control.acceptParameters` or `control.rejectParameters`, now or later. */
  parametersrequested(request: ParameterRequest): void;
  featuresread(status: number, features: Uint8Array): void;
  versionread(status: number, version: LinkVersion): void;
  /** The central wants to encrypt: answer by `control.replyKey`. */
  keyrequested(rand: Uint8Array, ediv: number): void;
  /** Encryption has begun, or has failed. `refreshed`: the link was encrypted before, with another key or session. */
  encrypted(status: number, refreshed: boolean): void;
}

/** Asked about each packet on a link. `index`: how many packets `from` has sent on this link before it. */
export type LinkFault = (link: Link, from: Radio, pdu: LinkPdu, index: number) => "lose" | undefined;

/** A PDU that waits for its acknowledgement. */
interface Entry {
  readonly pdu: LinkPdu;
  /** Called just before it is sent for the first time. */
  readonly prepare?: (payload: Uint8Array) => void;
  readonly acknowledged?: () => void;
  /** The peer has taken it, whether or not this end knows yet. */
  taken: boolean;
}

/** Parameters that take effect at an event to come. */
interface PendingUpdate {
  readonly instant: number;
  readonly parameters: LinkParameters;
  /** The central's host wanted them, not the peripheral's. */
  readonly asked: boolean;
  /** The peripheral knows of them. */
  arrived: boolean;
}

/** One of the two ends of a link: its queue, its timers, and what its Link Layer knows of the peer. */
export class LinkEnd {
  readonly link: Link;
  readonly owner: LinkOwner;
  /** The role: true for the central. */
  readonly central: boolean;
  readonly own: DeviceAddress;
  readonly peer: DeviceAddress;
  readonly control: LinkControl;
  /** True: its radio neither sends nor hears. */
  silent = false;
  /** True: queued data stay where they are, control PDUs pass them by: `held` while encryption starts, `stalled` for ever. */
  held = false;
  stalled = false;
  /** dBm of the last packet heard; 127 before the first. */
  rssi = 127;
  /** True once a packet of the peer has been heard. */
  established = false;
  /** Packets put on the air and packets heard, empty ones and repeated ones too. */
  sent = 0;
  heard = 0;
  /** Octets of payload in data PDUs that the peer has acknowledged, and in those that were taken from it. */
  octetssent = 0;
  octetsheard = 0;

  /** The LL_TERMINATE_IND of the peer has been taken; the end closes with this reason when it has acknowledged it. */
  private _closing: number | null = null;
  private _alive = true;
  private readonly _queue: Entry[] = [];
  /** Sent at least once, and not acknowledged: to be sent again before anything else. */
  private _inflight: Entry | null = null;
  private _lastheard: number;
  private _supervision: Handle | null = null;
  private _terminating: Handle | null = null;

  constructor(link: Link, owner: LinkOwner, central: boolean, own: DeviceAddress, peer: DeviceAddress) {
    this.link = link;
    this.owner = owner;
    this.central = central;
    this.own = own;
    this.peer = peer;
    this.control = new LinkControl(this);
    this._lastheard = link.air.clock.now;
    this._supervise();
  }

  /** False once the connection has ended for this end. */
  get alive(): boolean {
    return this._alive;
  }

  /** PDUs that wait to be sent or acknowledged. */
  get queued(): number {
    return this._queue.length + (this._inflight === null ? 0 : 1);
  }

  /** Queues a data PDU. `acknowledged` is called when the peer has acknowledged it; never if the connection ends before. */
  send(llid: number, payload: Uint8Array, acknowledged?: () => void): void {
    if (!this._alive) return;
    this._queue.push({ pdu: { llid, payload }, acknowledged, taken: false });
  }

  /** Queues a control PDU. `prepare` may still write to it when it is about to be sent for the first time. */
  sendControl(payload: Uint8Array, options: { prepare?: (payload: Uint8Array) => void; acknowledged?: () => void } = {}): void {
    if (!this._alive) return;
    this._queue.push({ pdu: { llid: Llid.CONTROL, payload }, ...options, taken: false });
  }

  /** Ends the connection in good order: LL_TERMINATE_IND with `reason`; this end's owner is told 0x16. */
  terminate(reason: number): void {
    if (!this._alive || this._terminating !== null) return;
    const ended = (): void => this.end(Status.TERMINATED_BY_LOCAL_HOST);
    this.control.terminate(reason, ended);
    // Without an acknowledgement it ends all the same (T_terminate, Core Vol 6 Part B 5.1.6).
    this._terminating = this.link.air.clock.after(this._timeout, ended);
  }

  /** @internal The peer ends the connection. */
  close(reason: number): void {
    this._closing = reason;
  }

  /** The connection is over for this end at once: the owner is told why, the peer is told nothing. */
  end(reason: number): void {
    if (!this._alive) return;
    this.drop();
    this.owner.ended(reason);
  }

  /** The end is gone: neither its owner nor the peer is told anything. */
  drop(): void {
    if (!this._alive) return;
    this._alive = false;
    const { clock } = this.link.air;
    for (const handle of [this._supervision, this._terminating]) if (handle !== null) clock.cancel(handle);
    this._queue.length = 0;
    this._inflight = null;
    this.control.stop();
    this.link.left();
  }

  /** @internal What to send now, null for an empty PDU. */
  pick(): Entry | null {
    if (this._inflight !== null) return this._inflight;
    const at = this._blocked ? this._queue.findIndex(({ pdu }) => pdu.llid === Llid.CONTROL) : 0;
    if (at < 0 || at >= this._queue.length) return null;
    const [entry] = this._queue.splice(at, 1);
    entry.prepare?.(entry.pdu.payload);
    return (this._inflight = entry);
  }

  /** @internal True if there is more to send than was sent last. */
  get more(): boolean {
    if (this._queue.length === 0) return false;
    return !this._blocked || this._queue.some(({ pdu }) => pdu.llid === Llid.CONTROL);
  }

  /** @internal True while something sent is not known to have arrived. */
  get unacknowledged(): boolean {
    return this._inflight !== null;
  }

  /** @internal True if the peripheral may sleep through an event. */
  get idle(): boolean {
    return this.established && this.queued === 0 && this._closing === null && !this.control.busy;
  }

  /** @internal A packet of this end has left. */
  transmitted(): void {
    if (this._closing !== null) this.end(this._closing);
  }

  /**
   * @internal A packet of the peer has arrived.
   * @returns false if it was not acknowledged
   */
  hear(entry: Entry | null, rssi: number): boolean {
    this._lastheard = this.link.air.clock.now;
    this.heard++;
    this.rssi = rssi;
    if (!this.established) {
      this.established = true;
      this._supervise();
      this.owner.established();
    }
    if (this._inflight !== null && this._inflight.taken) this._acknowledge(this._inflight);
    if (entry === null || entry.taken || !this._alive) return true;
    const { llid, payload } = entry.pdu;
    if (llid !== Llid.CONTROL && !this.owner.ready()) return false;
    entry.taken = true;
    if (llid === Llid.CONTROL) {
      this.control.take(payload);
    } else {
      this.octetsheard += payload.length;
      this.owner.data(llid, payload);
    }
    return true;
  }

  /** @internal New parameters have taken effect. */
  changed(): void {
    this._supervise();
  }

  private _acknowledge(entry: Entry): void {
    this._inflight = null;
    if (entry.pdu.llid !== Llid.CONTROL) this.octetssent += entry.pdu.payload.length;
    entry.acknowledged?.();
  }

  private get _blocked(): boolean {
    return this.held || this.stalled;
  }

  private get _timeout(): number {
    const { interval, timeout } = this.link.parameters;
    return this.established ? timeout * TIMEOUT_UNIT : ESTABLISH_EVENTS * interval * INTERVAL_UNIT;
  }

  /** Sets the supervision timer anew. It counts from the last packet heard, and looks again only where it would have run out. */
  private _supervise(): void {
    const { clock } = this.link.air;
    if (this._supervision !== null) clock.cancel(this._supervision);
    const left = this._lastheard + this._timeout - clock.now;
    this._supervision = clock.after(Math.max(0, left), () => {
      this._supervision = null;
      if (clock.now - this._lastheard < this._timeout - 1e-9) this._supervise();
      else this.end(this.established ? Status.CONNECTION_TIMEOUT : Status.CONNECTION_FAILED_TO_BE_ESTABLISHED);
    });
  }
}

/**
 * The Link Layer of one connection (Core Vol 6 Part B 4.5): an anchor point each interval, and from it on packets to and fro, T_IFS apart,
 * as long as one side has more and the time lasts. Each packet acknowledges the one before it. Left out: channels and their hopping,
 * collisions with other links and with advertising of the same radio, the drift of clocks, the ciphering itself.
 */
export class Link {
  readonly air: Air;
  readonly central: LinkEnd;
  /** Null where nobody took the CONNECT_IND. */
  readonly peripheral: LinkEnd | null;
  /** Connection events since the connection was created, those included in which nothing was heard. */
  events = 0;
  /** True once both ends use encryption. */
  encrypted = false;

  private _parameters: LinkParameters;
  private _update: PendingUpdate | null = null;
  /** The ends have different ideas of when to meet. */
  private _torn = false;
  private _next: Handle | null = null;
  private _packet: Handle | null = null;
  /** When the event has to be over, ms, and the packets with payload that either end has sent in it. */
  private _until = 0;
  private _spentcentral = 0;
  private _spentperipheral = 0;
  /** One side had no room for a PDU: to try again at once would only waste the air. */
  private _refused = false;
  /** The peripheral sleeps through this event; and how many it has slept through at a stretch. */
  private _asleep = false;
  private _skipped = 0;

  /** @param accepted the owner of the other end, null if nobody took the request */
  constructor(air: Air, request: ConnectRequest, initiator: LinkOwner, accepted: LinkOwner | null) {
    this.air = air;
    this._parameters = request.parameters;
    this.central = new LinkEnd(this, initiator, true, request.initiator, request.advertiser);
    this.peripheral = accepted === null ? null : new LinkEnd(this, accepted, false, request.advertiser, request.initiator);
    this._next = air.clock.after(WINDOW_DELAY, this._event);
    accepted?.created(this.peripheral!);
    initiator.created(this.central);
  }

  get parameters(): LinkParameters {
    return this._parameters;
  }

  /** The other one of the two ends, null where there is none. */
  other(end: LinkEnd): LinkEnd | null {
    return end === this.central ? this.peripheral : this.central;
  }

  /** The number of the event at which an update may take effect that is sent now: six events later, as 5.1.1 wants it at least. */
  get instant(): number {
    return this.events + ESTABLISH_EVENTS + this._parameters.latency;
  }

  /** @internal New parameters, from the event `instant` on. */
  scheduleUpdate(instant: number, parameters: LinkParameters, asked: boolean): void {
    this._update = { instant, parameters, asked, arrived: false };
  }

  /** @internal The peripheral knows of them too. */
  updateArrived(): void {
    if (this._update !== null) this._update.arrived = true;
  }

  /** @internal An end has gone. */
  left(): void {
    // Without a central nothing is sent any more; the peripheral's own timer ends it.
    if (this.central.alive) return;
    if (this._next !== null) this.air.clock.cancel(this._next);
    if (this._packet !== null) this.air.clock.cancel(this._packet);
    this._next = this._packet = null;
  }

  /** An anchor point. */
  private readonly _event = (): void => {
    const { clock } = this.air;
    this.events++;
    if (this._update !== null && this.events >= this._update.instant) this._apply(this._update);
    // An owner that was told of new parameters may have left.
    if (!this.central.alive) return;
    const interval = this._parameters.interval * INTERVAL_UNIT;
    this._next = clock.after(interval, this._event);
    this._until = clock.now + interval - T_IFS;
    this._spentcentral = this._spentperipheral = 0;
    // What still flew when the interval became shorter.
    if (this._packet !== null) clock.cancel(this._packet);
    this._packet = null;
    this._refused = false;
    this._asleep = this._sleeps();
    if (!this.central.silent) this._centralSends(0);
  };

  /** Peripheral latency: with nothing to say the peripheral may sleep through so many events. */
  private _sleeps(): boolean {
    const sleeps = this.peripheral !== null && this.peripheral.idle && this._update === null && this._skipped < this._parameters.latency;
    this._skipped = sleeps ? this._skipped + 1 : 0;
    return sleeps;
  }

  private _apply(update: PendingUpdate): void {
    this._update = null;
    const before = this._parameters;
    const { parameters, asked, arrived } = update;
    if (!arrived) this._torn = true;
    this._parameters = parameters;
    const { interval, latency, timeout } = parameters;
    const changed = before.interval !== interval || before.latency !== latency || before.timeout !== timeout;
    for (const end of [this.central, this.peripheral]) {
      if (end === null || !end.alive) continue;
      end.changed();
      if (end.central || arrived) end.control.updated(changed, end.central === asked);
    }
  }

  private _centralSends(gap: number): void {
    const entry = allowed(this.central, this._spentcentral) ? this.central.pick() : null;
    if (entry !== null) this._spentcentral++;
    this._send(this.central, this.peripheral, entry, gap, (heard) => {
      // Nothing came back: the event is over.
      if (!heard || !this.central.alive || !this.peripheral!.alive) this._close();
      else this._peripheralSends();
    });
  }

  private _peripheralSends(): void {
    const end = this.peripheral!;
    const entry = allowed(end, this._spentperipheral) ? end.pick() : null;
    if (entry !== null) this._spentperipheral++;
    this._send(end, this.central, entry, T_IFS, (heard) => {
      if (!heard || !this._goesOn()) this._close();
      else this._centralSends(T_IFS);
    });
  }

  /** After a packet of each: whether there are more in this event. The peripheral sets MD until it knows what it sent to have arrived. */
  private _goesOn(): boolean {
    const { central, peripheral } = this;
    if (!central.alive || this._refused) return false;
    const centralmore = central.more && allowed(central, this._spentcentral);
    const peripheralmore = peripheral!.unacknowledged || (peripheral!.more && allowed(peripheral!, this._spentperipheral));
    if (!centralmore && !peripheralmore) return false;
    const longest = 2 * dataAirTime(LL_PAYLOAD, this.encrypted) + 2 * T_IFS;
    return this.air.clock.now + longest <= this._until;
  }

  /** Puts a packet on the air `gap` ms from now, and calls `then` at its end with whether the other side heard it. */
  private _send(from: LinkEnd, to: LinkEnd | null, entry: Entry | null, gap: number, then: (heard: boolean) => void): void {
    const pdu = entry?.pdu ?? EMPTY;
    this._packet = this.air.clock.after(gap + dataAirTime(pdu.payload.length, this.encrypted), () => {
      this._packet = null;
      const index = from.sent++;
      const lost = this.air.linkFault?.(this, from.owner.radio, pdu, index) === "lose";
      this.air.overhearLink({ time: this.air.clock.now, link: this, from: from.owner.radio, pdu, lost });
      const rssi = lost || !this._listens(to) ? null : this.air.rssi(from.owner.radio, to!.owner.radio);
      if (rssi !== null && !to!.hear(entry, rssi)) this._refused = true;
      from.transmitted();
      then(rssi !== null);
    });
  }

  private _listens(end: LinkEnd | null): boolean {
    if (end === null || !end.alive || end.silent || this._torn) return false;
    return end.central || !this._asleep;
  }

  /** The connection event is over. */
  private _close(): void {
    for (const end of [this.central, this.peripheral]) if (end !== null && end.alive) end.owner.eventended();
  }
}

/** True if an end may send one more PDU with payload in this event. */
function allowed(end: LinkEnd, spent: number): boolean {
  return end.owner.eventpackets === 0 || spent < end.owner.eventpackets;
}
