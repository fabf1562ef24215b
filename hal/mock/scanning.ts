import type { Radio } from "./air.js";
import { u16 } from "./bytes.js";
import type { Handle } from "./clock.js";
import type { LeController } from "./controller.js";
import { LeSubevent } from "./events.js";
import { addressKey, PduType, type AdvertisingPdu } from "./pdu.js";
import { Scanner } from "./scanner.js";
import { Status } from "./status.js";

/** One unit of scan interval and scan window, ms. */
const UNIT = 0.625;
const INTERVAL_MIN = 0x0004;
const INTERVAL_MAX = 0x4000;
/** LE Set Scan Parameters as Reset leaves them: passive, 10 ms of 10 ms, public address, no filter. */
const PARAMETERS = [0, 0x10, 0x00, 0x10, 0x00, 0, 0];

/** Most reports that the event can carry (Num_Reports), and most octets of its parameters. */
const REPORTS_MAX = 0x19;
const EVENT_MAX = 255;

export interface ReportOptions {
  /** Most reports in one LE Advertising Report event, 1 to 25; default 1. */
  reportsPerEvent?: number;
  /** How long a report may wait for others to fill the event, ms; default 5. Without meaning while `reportsPerEvent` is 1. */
  reportWait?: number;
  /**
   * Octets on their way to the host above which reports are dropped, as a chip does whose buffers are full; default 1040. Data of
   * connections have 512 octets more; where these are full too they are not acknowledged, and the peer keeps them.
   */
  reportMemory?: number;
}

/** Legacy scanning as HCI commands it. */
export class Scanning {
  /** Reports that were dropped because the host did not take them fast enough. */
  dropped = 0;
  /** Octets, see `ReportOptions.reportMemory`. */
  readonly memory: number;

  private readonly _controller: LeController;
  private readonly _scanner: Scanner;
  private readonly _most: number;
  private readonly _wait: number;
  private _parameters = Uint8Array.from(PARAMETERS);
  /** Reported addresses, while duplicates are filtered. */
  private _seen: Set<number> | null = null;
  /** Parameters of the event that is being filled: subevent, number, reports. */
  private readonly _event = new Uint8Array(EVENT_MAX);
  private _length = 2;
  private _flush: Handle | null = null;

  constructor(controller: LeController, options: ReportOptions) {
    this._controller = controller;
    this._scanner = new Scanner(controller.air, controller, (pdu, rssi) => this._report(pdu, rssi));
    this._most = Math.max(1, Math.min(REPORTS_MAX, options.reportsPerEvent ?? 1));
    this._wait = options.reportWait ?? 5;
    this.memory = options.reportMemory ?? 1040;
    this._event[0] = LeSubevent.ADVERTISING_REPORT;
  }

  get on(): boolean {
    return this._scanner.on;
  }

  /** True while scanning asks the accept list. */
  get filtering(): boolean {
    return this.on && this._parameters[6] === 1;
  }

  reset(): void {
    this._scanner.stop();
    this._parameters = Uint8Array.from(PARAMETERS);
    this._seen = null;
    this._clear();
  }

  setParameters(parameters: Uint8Array): number {
    if (this.on) return Status.COMMAND_DISALLOWED;
    const [type, interval, window, own, policy] = [parameters[0], u16(parameters, 1), u16(parameters, 3), parameters[5], parameters[6]];
    if (type > 1 || policy > 1) return Status.INVALID_HCI_COMMAND_PARAMETERS;
    if (window < INTERVAL_MIN || window > interval || interval > INTERVAL_MAX) return Status.INVALID_HCI_COMMAND_PARAMETERS;
    const refused = this._controller.checkOwnAddressType(own);
    if (refused !== Status.SUCCESS) return refused;
    this._parameters = parameters.slice();
    return Status.SUCCESS;
  }

  setEnable(enable: number, filterduplicates: number): number {
    if (enable > 1 || filterduplicates > 1) return Status.INVALID_HCI_COMMAND_PARAMETERS;
    if (enable === 0) {
      this._scanner.stop();
      this._clear();
      return Status.SUCCESS;
    }
    if (this._controller.tests.on) return Status.COMMAND_DISALLOWED;
    const parameters = this._parameters;
    const own = this._controller.ownAddress(parameters[5]);
    if (own === null) return Status.INVALID_HCI_COMMAND_PARAMETERS;
    this._seen = filterduplicates === 1 ? new Set() : null;
    if (this.on) return Status.SUCCESS;
    const settings = { active: parameters[0] === 1, interval: u16(parameters, 1) * UNIT, window: u16(parameters, 3) * UNIT, own };
    const acceptlist = this._controller.acceptlist;
    this._scanner.start(parameters[6] === 1 ? { ...settings, accept: (advertiser) => acceptlist.has(advertiser) } : settings);
    return Status.SUCCESS;
  }

  listening(time: number): boolean {
    return this._scanner.listening(time);
  }

  hear(pdu: AdvertisingPdu, rssi: number, from: Radio): void {
    this._scanner.hear(pdu, rssi, from);
  }

  private _report(pdu: AdvertisingPdu, rssi: number): void {
    if (this._seen !== null && !this._first(pdu, this._seen)) return;
    if (this._controller.backlog() > this.memory) {
      this.dropped++;
      return;
    }
    if (this._length + 10 + pdu.data.length > EVENT_MAX) this._send();
    const event = this._event;
    let at = this._length;
    event[at++] = pdu.type;
    event[at++] = pdu.address.random;
    event.set(pdu.address.bytes, at);
    at += 6;
    event[at++] = pdu.data.length;
    event.set(pdu.data, at);
    at += pdu.data.length;
    event[at++] = rssi & 0xff;
    this._length = at;
    if (++event[1] >= this._most) this._send();
    else this._flush ??= this._controller.air.clock.after(this._wait, () => this._send());
  }

  /** Duplicates are told by the address alone (Core Vol 4 Part E 7.8.11), a scan response being told apart from an advert. */
  private _first(pdu: AdvertisingPdu, seen: Set<number>): boolean {
    const key = addressKey(pdu.address) * 2 + (pdu.type === PduType.SCAN_RSP ? 1 : 0);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  }

  private _send(): void {
    this._controller.metaEvent(this._event.subarray(0, this._length));
    this._clear();
  }

  private _clear(): void {
    if (this._flush !== null) this._controller.air.clock.cancel(this._flush);
    this._flush = null;
    this._length = 2;
    this._event[1] = 0;
  }
}
