import type { Air, Radio } from "./air.js";
import { deviceAddress, type AdvertisingPdu, type DeviceAddress } from "./pdu.js";
import { Scanner, type ScanSettings } from "./scanner.js";

export interface ObserverOptions {
  name?: string;
  /** Its own address: 12 hexadecimal digits, most significant octet first; public. Default 0b5e12e20001. */
  address?: string;
  /** Default false: passive scanning. */
  active?: boolean;
  /** scanInterval and scanWindow in ms; default 100, and the whole interval. */
  interval?: number;
  window?: number;
  /** Called with what it hears; without it everything is kept in `heard`. */
  report?: (heard: Heard) => void;
}

/** One PDU that an observer has heard. */
export interface Heard {
  /** ms of virtual time */
  readonly time: number;
  readonly pdu: AdvertisingPdu;
  /** dBm */
  readonly rssi: number;
}

/** A scanner that is not a whole chip: the phone of a test. */
export class Observer implements Radio {
  readonly name: string;
  readonly address: DeviceAddress;
  /** What was heard, oldest first, if no `report` was given. */
  readonly heard: Heard[] = [];
  private readonly _settings: ScanSettings;
  private readonly _scanner: Scanner;

  constructor(air: Air, options: ObserverOptions = {}) {
    const interval = options.interval ?? 100;
    this.name = options.name ?? "observer";
    this.address = deviceAddress(options.address ?? "0b5e12e20001");
    this._settings = { active: options.active ?? false, interval, window: options.window ?? interval, own: this.address };
    const report = options.report ?? ((heard: Heard) => void this.heard.push(heard));
    this._scanner = new Scanner(air, this, (pdu, rssi) => report({ time: air.clock.now, pdu, rssi }));
  }

  start(): void {
    this._scanner.start(this._settings);
  }

  stop(): void {
    this._scanner.stop();
  }

  listening(time: number): boolean {
    return this._scanner.listening(time);
  }

  hear(pdu: AdvertisingPdu, rssi: number, from: Radio): void {
    this._scanner.hear(pdu, rssi, from);
  }

  scanRequested(): null {
    return null;
  }
}
