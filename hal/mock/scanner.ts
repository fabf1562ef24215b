import type { Air, Radio } from "./air.js";
import { PduType, sameAddress, type AdvertisingPdu, type DeviceAddress } from "./pdu.js";

/** How to scan. */
export interface ScanSettings {
  /** True: active scanning, SCAN_REQ to every scannable advertiser. */
  active: boolean;
  /** scanInterval and scanWindow in ms. */
  interval: number;
  window: number;
  /** The scanner's own address. */
  own: DeviceAddress;
  /** False for an advertiser that the filter policy drops. */
  accept?: (advertiser: DeviceAddress) => boolean;
}

/**
 * The Scanning State of a link layer (Core Vol 6 Part B 4.4.3). The backoff of active scanners is left out, as nothing collides.
 */
export class Scanner {
  private readonly _air: Air;
  private readonly _radio: Radio;
  private readonly _report: (pdu: AdvertisingPdu, rssi: number, from: Radio) => void;
  private _settings: ScanSettings | null = null;
  private _started = 0;

  /**
   * @param radio the radio that this scanner is part of: it passes `listening` and `hear` on
   * @param report takes each PDU that is to be reported
   */
  constructor(air: Air, radio: Radio, report: (pdu: AdvertisingPdu, rssi: number, from: Radio) => void) {
    this._air = air;
    this._radio = radio;
    this._report = report;
  }

  get on(): boolean {
    return this._settings !== null;
  }

  /** Starts; the first window opens now. */
  start(settings: ScanSettings): void {
    if (!this.on) this._air.listen(this._radio);
    this._settings = settings;
    this._started = this._air.clock.now;
  }

  stop(): void {
    if (this.on) this._air.ignore(this._radio);
    this._settings = null;
  }

  /** True within a scan window. */
  listening(time: number): boolean {
    const settings = this._settings;
    return settings !== null && (settings.window >= settings.interval || (time - this._started) % settings.interval < settings.window);
  }

  hear(pdu: AdvertisingPdu, rssi: number, from: Radio): void {
    const settings = this._settings;
    if (settings === null) return;
    if (settings.accept !== undefined && !settings.accept(pdu.address)) return;
    if (pdu.target !== undefined && !sameAddress(pdu.target, settings.own)) return;
    this._report(pdu, rssi, from);
    const scannable = pdu.type === PduType.ADV_IND || pdu.type === PduType.ADV_SCAN_IND;
    if (scannable && settings.active) this._air.requestScan(this._radio, settings.own, from);
  }
}
