import { Advertiser } from "./advertiser.js";
import type { Air, Radio } from "./air.js";
import { deviceAddress, PduType, type AdvertisingPdu, type DeviceAddress } from "./pdu.js";

export interface BeaconOptions {
  name?: string;
  /** 12 hexadecimal digits, most significant octet first; default a random address drawn from the air's seed. */
  address?: string;
  /** TxAdd: 0 public, 1 random; default 0 with `address`, 1 without. */
  random?: 0 | 1;
  /** Default ADV_NONCONN_IND, or ADV_SCAN_IND if there is a `response`. */
  type?: PduType;
  /** AdvData, 0 to 31 bytes; default none. */
  data?: Uint8Array;
  /** ScanRspData, 0 to 31 bytes; an active scanner gets it from ADV_IND and ADV_SCAN_IND. */
  response?: Uint8Array;
  /** advInterval in ms, default 100. */
  interval?: number;
  /** How strongly it is heard, dBm; 127 is unknown; default -60. */
  rssi?: number;
}

/** An advertiser that is not a whole chip. */
export class Beacon implements Radio {
  readonly name: string;
  readonly address: DeviceAddress;
  readonly type: PduType;
  /** dBm; may be changed at any time. */
  rssi: number;
  private readonly _interval: number;
  private readonly _advertiser: Advertiser;
  private _pdu: AdvertisingPdu;
  private _response: AdvertisingPdu;

  constructor(air: Air, options: BeaconOptions = {}) {
    this.address = options.address === undefined ? drawAddress(air) : deviceAddress(options.address, options.random ?? 0);
    this.name = options.name ?? "beacon";
    this.type = options.type ?? (options.response === undefined ? PduType.ADV_NONCONN_IND : PduType.ADV_SCAN_IND);
    this.rssi = options.rssi ?? -60;
    this._interval = options.interval ?? 100;
    this._advertiser = new Advertiser(air, this);
    this._pdu = this._build(this.type, options.data);
    this._response = this._build(PduType.SCAN_RSP, options.response);
  }

  /** Replaces AdvData, from the next advertising event on. */
  setData(data: Uint8Array): void {
    this._pdu = this._build(this.type, data);
  }

  /** Replaces ScanRspData. */
  setResponse(data: Uint8Array): void {
    this._response = this._build(PduType.SCAN_RSP, data);
  }

  start(): void {
    this._advertiser.start(this._interval, () => this._pdu);
  }

  stop(): void {
    this._advertiser.stop();
  }

  listening(): boolean {
    return false;
  }

  hear(): void {}

  scanRequested(): AdvertisingPdu | null {
    return this._advertiser.on ? this._response : null;
  }

  private _build(type: PduType, data: Uint8Array = new Uint8Array(0)): AdvertisingPdu {
    if (data.length > 31) throw new RangeError(`Beacon: ${data.length} bytes do not fit in a legacy PDU, which holds 31`);
    return { type, address: this.address, data: data.slice() };
  }
}

/** A static device address: random, its two most significant bits set. */
function drawAddress(air: Air): DeviceAddress {
  const bytes = new Uint8Array(6);
  air.random.fill(bytes);
  bytes[5] |= 0xc0;
  return { bytes, random: 1 };
}
