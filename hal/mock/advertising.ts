import { Advertiser } from "./advertiser.js";
import { u16 } from "./bytes.js";
import type { LeController } from "./controller.js";
import { LeSubevent } from "./events.js";
import { PduType, sameAddress, type AdvertisingPdu, type ConnectRequest, type DeviceAddress } from "./pdu.js";
import { Status } from "./status.js";

/** Advertising_Type of LE Set Advertising Parameters (Core Vol 4 Part E 7.8.5). */
const AdvertisingType = { ADV_IND: 0, DIRECT_HIGH_DUTY: 1, ADV_SCAN_IND: 2, ADV_NONCONN_IND: 3, DIRECT_LOW_DUTY: 4 } as const;
const PDU_OF = [PduType.ADV_IND, PduType.ADV_DIRECT_IND, PduType.ADV_SCAN_IND, PduType.ADV_NONCONN_IND, PduType.ADV_DIRECT_IND];

/** One unit of an advertising interval, ms. */
const UNIT = 0.625;
const INTERVAL_MIN = 0x0020;
const INTERVAL_MAX = 0x4000;
/** Before version 5.0 ADV_SCAN_IND and ADV_NONCONN_IND could not be sent more often than each 100 ms. */
const SLOW_INTERVAL_MIN = 0x00a0;
const VERSION_5_0 = 9;
/** High duty cycle directed advertising (Core Vol 6 Part B 4.4.2.4.3): an event each 3.75 ms at least, for 1.28 s at most, ms. */
const HIGH_DUTY_INTERVAL = 3.75;
const HIGH_DUTY_TIME = 1280;

const PERIPHERAL = 0x01;

/** Octets of LE Set Advertising Parameters, and what Reset puts there: 1.28 s, ADV_IND, public address, all channels, no filter. */
const PARAMETERS = [0x00, 0x08, 0x00, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x07, 0];
const NO_DATA = new Uint8Array(0);

/** Legacy advertising as HCI commands it. */
export class Advertising {
  private readonly _controller: LeController;
  private readonly _advertiser: Advertiser;
  private _parameters = Uint8Array.from(PARAMETERS);
  private _data = NO_DATA;
  private _response = NO_DATA;
  /** What goes on the air; null where it has to be put together again. */
  private _pdu: AdvertisingPdu | null = null;

  constructor(controller: LeController) {
    this._controller = controller;
    this._advertiser = new Advertiser(controller.air, controller);
  }

  get on(): boolean {
    return this._advertiser.on;
  }

  /** True while advertising asks the accept list. */
  get filtering(): boolean {
    return this.on && this._policy !== 0;
  }

  private get _type(): number {
    return this._parameters[4];
  }

  private get _own(): number {
    return this._parameters[5];
  }

  private get _policy(): number {
    return this._parameters[14];
  }

  reset(): void {
    this._advertiser.stop();
    this._parameters = Uint8Array.from(PARAMETERS);
    this._data = NO_DATA;
    this._response = NO_DATA;
    this._pdu = null;
  }

  setParameters(parameters: Uint8Array): number {
    if (this.on) return Status.COMMAND_DISALLOWED;
    const [min, max, type, own, peer] = [u16(parameters, 0), u16(parameters, 2), parameters[4], parameters[5], parameters[6]];
    const [channels, policy] = [parameters[13], parameters[14]];
    if (type > AdvertisingType.DIRECT_LOW_DUTY || peer > 1 || policy > 3) return Status.INVALID_HCI_COMMAND_PARAMETERS;
    if (channels === 0 || channels > 7) return Status.INVALID_HCI_COMMAND_PARAMETERS;
    if (type !== AdvertisingType.DIRECT_HIGH_DUTY) {
      const slow = type === AdvertisingType.ADV_SCAN_IND || type === AdvertisingType.ADV_NONCONN_IND;
      const floor = slow && this._controller.identity.version < VERSION_5_0 ? SLOW_INTERVAL_MIN : INTERVAL_MIN;
      if (min < floor || min > max || max > INTERVAL_MAX) return Status.INVALID_HCI_COMMAND_PARAMETERS;
    }
    const refused = this._controller.checkOwnAddressType(own);
    if (refused !== Status.SUCCESS) return refused;
    this._parameters = parameters.slice();
    this._pdu = null;
    return Status.SUCCESS;
  }

  /** @param parameters length, then 31 octets; takes effect with the next advertising event */
  setData(parameters: Uint8Array): number {
    if (parameters[0] > 31) return Status.INVALID_HCI_COMMAND_PARAMETERS;
    this._data = parameters.slice(1, 1 + parameters[0]);
    this._pdu = null;
    return Status.SUCCESS;
  }

  /** @param parameters length, then 31 octets */
  setScanResponse(parameters: Uint8Array): number {
    if (parameters[0] > 31) return Status.INVALID_HCI_COMMAND_PARAMETERS;
    this._response = parameters.slice(1, 1 + parameters[0]);
    return Status.SUCCESS;
  }

  setEnable(enable: number): number {
    if (enable > 1) return Status.INVALID_HCI_COMMAND_PARAMETERS;
    if (enable === 0) {
      this._advertiser.stop();
    } else if (!this.on) {
      if (this._controller.tests.on) return Status.COMMAND_DISALLOWED;
      if (this._controller.ownAddress(this._own) === null) return Status.INVALID_HCI_COMMAND_PARAMETERS;
      if (this._connectable && this._controller.connections.full) return Status.CONNECTION_LIMIT_EXCEEDED;
      this._start();
    }
    return Status.SUCCESS;
  }

  /** Answers a SCAN_REQ. */
  scanRequested(scanner: DeviceAddress): AdvertisingPdu | null {
    if (!this.on || (this._type !== AdvertisingType.ADV_IND && this._type !== AdvertisingType.ADV_SCAN_IND)) return null;
    // Policies 1 and 3 take scan requests from the accept list only.
    if ((this._policy & 1) === 1 && !this._controller.acceptlist.has(scanner)) return null;
    return { type: PduType.SCAN_RSP, address: this._address(), data: this._response };
  }

  /** Answers a CONNECT_IND: true if it is taken, which ends advertising. */
  takesConnection(request: ConnectRequest): boolean {
    if (!this.on || !this._connectable || !sameAddress(request.advertiser, this._address())) return false;
    const target = this._target();
    if (target !== null && !sameAddress(request.initiator, target)) return false;
    // Policies 2 and 3 take connection requests from the accept list only; directed advertising asks nobody.
    if (target === null && (this._policy & 2) === 2 && !this._controller.acceptlist.has(request.initiator)) return false;
    if (!this._controller.connections.takes(request)) return false;
    this._advertiser.stop();
    return true;
  }

  private get _connectable(): boolean {
    return PDU_OF[this._type] === PduType.ADV_IND || PDU_OF[this._type] === PduType.ADV_DIRECT_IND;
  }

  /** Whom directed advertising addresses, null for any other kind. */
  private _target(): DeviceAddress | null {
    if (PDU_OF[this._type] !== PduType.ADV_DIRECT_IND) return null;
    return { bytes: this._parameters.slice(7, 13), random: this._parameters[6] === 1 ? 1 : 0 };
  }

  private _start(): void {
    this._pdu = null;
    const pdu = (): AdvertisingPdu => (this._pdu ??= this._build());
    if (this._type !== AdvertisingType.DIRECT_HIGH_DUTY) {
      this._advertiser.start(u16(this._parameters, 0) * UNIT, pdu);
      return;
    }
    this._advertiser.start(HIGH_DUTY_INTERVAL, pdu, false);
    this._advertiser.stopAfter(HIGH_DUTY_TIME, () => this._timeout());
  }

  /** Nobody answered directed advertising: LE Connection Complete says so (Core Vol 4 Part E 7.7.65.1). */
  private _timeout(): void {
    const event = new Uint8Array(19);
    event[0] = LeSubevent.CONNECTION_COMPLETE;
    event[1] = Status.ADVERTISING_TIMEOUT;
    event[4] = PERIPHERAL;
    event.set(this._parameters.subarray(6, 13), 5);
    this._controller.metaEvent(event);
  }

  private _address(): DeviceAddress {
    return this._controller.ownAddress(this._own)!;
  }

  private _build(): AdvertisingPdu {
    const type = PDU_OF[this._type];
    const target = this._target();
    if (target === null) return { type, address: this._address(), data: this._data };
    return { type, address: this._address(), data: NO_DATA, target };
  }
}
