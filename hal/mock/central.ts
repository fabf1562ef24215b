import type { Air, Radio } from "./air.js";
import { le16, u16 } from "./bytes.js";
import type { Handle } from "./clock.js";
import { Initiator } from "./initiator.js";
import { INTERVAL_UNIT, LL_PAYLOAD, TIMEOUT_UNIT, type LinkEnd, type LinkOwner, type LinkVersion, type ParameterRequest } from "./link.js";
import { legalParameters } from "./linkcontrol.js";
import { addressKey, deviceAddress, Llid, type AdvertisingPdu, type DeviceAddress } from "./pdu.js";
import { Status } from "./status.js";

/** Octets of a basic L2CAP header: length, channel. */
const HEADER = 4;

export interface CentralOptions {
  name?: string;
  /** Its own address: 12 hexadecimal digits, most significant octet first; default 0b5e12e20002. */
  address?: string;
  /** TxAdd: 0 public, 1 random; default 0. */
  random?: 0 | 1;
  /** connInterval in ms, in steps of 1.25; default 30. */
  interval?: number;
  /** connPeripheralLatency in events; default 0. */
  latency?: number;
  /** connSupervisionTimeout in ms, in steps of 10; default 2000. */
  timeout?: number;
  /** FeatureSet, the low 32 bits; default 0x1f: encryption, connection parameters, extended reject, peripheral's features, ping. */
  features?: number;
  /** What LL_VERSION_IND tells; default version 8 (4.2) of manufacturer 0xffff. */
  version?: LinkVersion;
  /**
   * Octets of each LL PDU that `send` makes, 1 to 27: a list that is gone round, or a function of the PDU's number in the frame; default
   * all that fit.
   */
  split?: readonly number[] | ((index: number) => number);
  /** Most data PDUs that it sends in one connection event; default 0, as many as there is time for. */
  eventPackets?: number;
}

/** A new set of connection parameters: those that are left out stay as they are. */
export interface CentralParameters {
  /** ms */
  interval?: number;
  /** events */
  latency?: number;
  /** ms */
  timeout?: number;
}

/**
 * A central that is not a whole chip: it connects to one peripheral and speaks L2CAP frames and link layer control with it, as bytes.
 */
export class Central implements Radio {
  readonly name: string;
  readonly address: DeviceAddress;
  readonly air: Air;
  /** May be changed at any time. */
  split: readonly number[] | ((index: number) => number);
  /** Called when the peripheral has answered for the first time. */
  onconnected: () => void = () => {};
  /**
   * Called when the connection has ended, with the reason: 0x16 after `disconnect`, 0x08 after silence, 0x3E if the peripheral never
   * answered, 0x02 if `connect` found no one in time; else what the peripheral gave.
   */
  ondisconnected: (reason: number) => void = () => {};
  /** Called with each L2CAP frame of the peripheral: its channel and its payload. */
  onframe: (cid: number, payload: Uint8Array) => void = () => {};
  /** Called when a change of parameters has taken effect. */
  onupdate: () => void = () => {};
  /** Called with 0 when the link is encrypted, or encrypted anew; with a status if it is not. */
  onencrypted: (status: number, refreshed: boolean) => void = () => {};
  /** Asked about LL_CONNECTION_PARAM_REQ (units of HCI): a reason refuses it, anything else accepts its `max`. */
  onparameterrequest: (request: ParameterRequest) => number | void = () => {};
  /** True: it acknowledges no data, as a host that is busy. */
  busy = false;
  /** Frames of the peripheral that were not whole: too long, without a begin, or begun before the last had ended. */
  malformed = 0;
  /** The features and the version of the peripheral, once `readFeatures` and `readVersion` have been answered. */
  remotefeatures: Uint8Array | null = null;
  remoteversion: LinkVersion | null = null;

  private readonly _initiator: Initiator;
  private readonly _owner: LinkOwner;
  private readonly _options: CentralOptions;
  private _end: LinkEnd | null = null;
  private _giveup: Handle | null = null;
  /** The frame that is arriving; null between two. */
  private _frame: number[] | null = null;

  constructor(air: Air, options: CentralOptions = {}) {
    this.air = air;
    this.name = options.name ?? "central";
    this.address = deviceAddress(options.address ?? "0b5e12e20002", options.random ?? 0);
    this.split = options.split ?? [LL_PAYLOAD];
    this._options = options;
    this._owner = this._makeOwner();
    this._initiator = new Initiator(air, this, () => this._owner);
  }

  /** Its end of the connection with its counters `sent`, `heard` (packets), `octetssent`, `octetsheard` and `link.events`; null before. */
  get end(): LinkEnd | null {
    return this._end;
  }

  /** True from the peripheral's first answer to the end of the connection. */
  get connected(): boolean {
    return this._end !== null && this._end.alive && this._end.established;
  }

  /** True while it looks for the peripheral. */
  get connecting(): boolean {
    return this._initiator.on || (this._end !== null && this._end.alive && !this._end.established);
  }

  get encrypted(): boolean {
    return this.connected && this._end!.control.encrypted;
  }

  /** connInterval in ms, of the present connection or the last. */
  get interval(): number {
    return (this._end?.link.parameters.interval ?? 0) * INTERVAL_UNIT;
  }

  /** connPeripheralLatency in events. */
  get latency(): number {
    return this._end?.link.parameters.latency ?? 0;
  }

  /** connSupervisionTimeout in ms. */
  get timeout(): number {
    return (this._end?.link.parameters.timeout ?? 0) * TIMEOUT_UNIT;
  }

  /** True: the radio neither sends nor hears, until it is set to false again. */
  get silent(): boolean {
    return this._end?.silent ?? false;
  }
  set silent(on: boolean) {
    this._live("silent").silent = on;
  }

  /**
   * Looks for a peripheral and connects to its first connectable advert.
   * @param address 12 hexadecimal digits, most significant octet first
   * @param addresstype 0 public, 1 random
   * @param options `timeout`: ms after which it gives up; default 0, never
   */
  connect(address: string, addresstype: 0 | 1 = 0, options: { timeout?: number } = {}): void {
    if (this.connecting || this.connected) throw new Error("Central.connect: it has a connection, or tries to");
    const wanted = addressKey(deviceAddress(address, addresstype));
    const { interval = 30, latency = 0, timeout = 2000 } = this._options;
    this._frame = null;
    this.remotefeatures = this.remoteversion = null;
    this._initiator.start({
      interval: 100,
      window: 100,
      own: this.address,
      accept: (advertiser) => addressKey(advertiser) === wanted,
      parameters: units({ interval, latency, timeout }),
    });
    if (options.timeout !== undefined && options.timeout > 0) {
      this._giveup = this.air.clock.after(options.timeout, () => {
        this._giveup = null;
        if (!this._initiator.on) return;
        this._initiator.stop();
        this.ondisconnected(Status.UNKNOWN_CONNECTION_IDENTIFIER);
      });
    }
  }

  /** Stops looking. */
  cancel(): void {
    this._initiator.stop();
    this._keepLooking();
  }

  /** LL_TERMINATE_IND with `reason`; `ondisconnected(0x16)` follows when the peripheral has acknowledged it. */
  disconnect(reason: number = Status.REMOTE_USER_TERMINATED): void {
    this._live("disconnect").terminate(reason);
  }

  /** Goes away without a word and forgets the connection at once; the peripheral finds out by its supervision timeout. */
  vanish(): void {
    this.cancel();
    this._end?.drop();
  }

  /** Sends an L2CAP frame, in LL PDUs of the lengths that `split` gives. */
  send(cid: number, payload: ArrayLike<number>): void {
    const frame = Uint8Array.from([...le16(payload.length), ...le16(cid), ...Array.from(payload)]);
    const { split } = this;
    for (let at = 0, index = 0; at < frame.length; index++) {
      const length = typeof split === "function" ? split(index) : split[index % split.length];
      if (!(length >= 1 && length <= LL_PAYLOAD)) throw new RangeError(`Central.send: split gives ${length}, not 1 to ${LL_PAYLOAD}`);
      this.sendRaw(at === 0 ? Llid.START : Llid.CONTINUE, frame.subarray(at, at + length));
      at += length;
    }
  }

  /**
   * Sends one data PDU of any content.
   * @param llid 2 begins an L2CAP frame, 1 goes on with it
   */
  sendRaw(llid: number, bytes: ArrayLike<number>): void {
    if (bytes.length > LL_PAYLOAD) throw new RangeError(`Central.sendRaw: ${bytes.length} octets do not fit in a PDU of ${LL_PAYLOAD}`);
    this._live("send").send(llid, Uint8Array.from(Array.from(bytes)));
  }

  /** Sends one control PDU of any content. */
  sendControl(bytes: ArrayLike<number>): void {
    this._live("sendControl").sendControl(Uint8Array.from(Array.from(bytes)));
  }

  /** Changes the parameters, in ms and events; `onupdate` follows. */
  update(parameters: CentralParameters): void {
    const end = this._live("update");
    const { interval, latency, timeout } = units({ interval: this.interval, latency: this.latency, timeout: this.timeout, ...parameters });
    end.control.update({ min: interval, max: interval, latency, timeout });
  }

  /**
   * Encrypts the link, or encrypts it anew; `onencrypted` follows.
   * @param ltk 16 octets, least significant first, as HCI carries it
   * @param rand 8 octets, least significant first; default 0
   */
  encrypt(ltk: ArrayLike<number>, rand: ArrayLike<number> = new Uint8Array(8), ediv = 0): void {
    this._live("encrypt").control.encrypt(Uint8Array.from(Array.from(ltk)), Uint8Array.from(Array.from(rand)), ediv);
  }

  readFeatures(): void {
    this._live("readFeatures").control.readFeatures();
  }

  readVersion(): void {
    this._live("readVersion").control.readVersion();
  }

  listening(time: number): boolean {
    return this._initiator.listening(time);
  }

  hear(pdu: AdvertisingPdu, rssi: number, from: Radio): void {
    this._initiator.hear(pdu, rssi, from);
  }

  scanRequested(): null {
    return null;
  }

  private _live(what: string): LinkEnd {
    if (this._end === null || !this._end.alive) throw new Error(`Central.${what}: there is no connection`);
    return this._end;
  }

  private _keepLooking(): void {
    if (this._giveup !== null) this.air.clock.cancel(this._giveup);
    this._giveup = null;
  }

  /** What the link layer is told to do with this end. */
  private _makeOwner(): LinkOwner {
    const features = Uint8Array.from([...le16(this._options.features ?? 0x1f), ...le16((this._options.features ?? 0) >>> 16), 0, 0, 0, 0]);
    return {
      radio: this,
      features,
      version: this._options.version ?? { version: 8, manufacturer: 0xffff, subversion: 0 },
      eventpackets: this._options.eventPackets ?? 0,
      created: (end) => {
        this._keepLooking();
        this._end = end;
      },
      established: () => this.onconnected(),
      ready: () => !this.busy,
      data: (llid, payload) => this._take(llid, payload),
      eventended: () => {},
      ended: (reason) => this.ondisconnected(reason),
      updated: () => this.onupdate(),
      parametersrequested: (request) => this._answer(request),
      featuresread: (_, remote) => {
        this.remotefeatures = remote;
      },
      versionread: (_, remote) => {
        this.remoteversion = remote;
      },
      keyrequested: () => {},
      encrypted: (status, refreshed) => this.onencrypted(status, refreshed),
    };
  }

  private _answer(request: ParameterRequest): void {
    const { control } = this._live("onparameterrequest");
    const refused = this.onparameterrequest(request);
    if (typeof refused === "number") control.rejectParameters(refused);
    else control.acceptParameters({ interval: request.max, latency: request.latency, timeout: request.timeout });
  }

  private _take(llid: number, payload: Uint8Array): void {
    if (payload.length === 0) return;
    if (llid === Llid.START) {
      if (this._frame !== null) this.malformed++;
      this._frame = [];
    } else if (this._frame === null) {
      this.malformed++;
      return;
    }
    const frame = this._frame!;
    frame.push(...payload);
    if (frame.length < HEADER) return;
    const whole = HEADER + u16(frame, 0);
    if (frame.length < whole) return;
    this._frame = null;
    if (frame.length > whole) this.malformed++;
    else this.onframe(u16(frame, 2), Uint8Array.from(frame.slice(HEADER)));
  }
}

/** Parameters in the units of HCI. */
function units({ interval, latency, timeout }: Required<CentralParameters>): { interval: number; latency: number; timeout: number } {
  const parameters = { interval: interval / INTERVAL_UNIT, latency, timeout: timeout / TIMEOUT_UNIT };
  const { interval: min } = parameters;
  if (!Number.isInteger(min) || !Number.isInteger(parameters.timeout) || !legalParameters({ ...parameters, min, max: min })) {
    throw new RangeError(`Central: no connection has the interval ${interval} ms, the latency ${latency} and the timeout ${timeout} ms`);
  }
  return parameters;
}
