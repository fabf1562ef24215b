import type { Air, Radio } from "./air.js";
import type { LinkOwner } from "./link.js";
import { PduType, type AdvertisingPdu, type ConnectRequest, type DeviceAddress } from "./pdu.js";
import { Scanner } from "./scanner.js";

/** Whom to connect to, and how. */
export interface InitiatorSettings {
  /** scanInterval and scanWindow in ms. */
  readonly interval: number;
  readonly window: number;
  /** The initiator's own address. */
  readonly own: DeviceAddress;
  /** True for an advertiser to connect to. */
  readonly accept: (advertiser: DeviceAddress) => boolean;
  /** In the units of HCI. */
  readonly parameters: ConnectRequest["parameters"];
}

/**
 * The Initiating State of a link layer (Core Vol 6 Part B 4.4.4): CONNECT_IND answers the first connectable PDU of a wanted advertiser.
 */
export class Initiator {
  private readonly _air: Air;
  private readonly _radio: Radio;
  private readonly _scanner: Scanner;
  private readonly _owner: () => LinkOwner;
  private _settings: InitiatorSettings | null = null;

  /**
   * @param radio the radio that this initiator is part of: it passes `listening` and `hear` on
   * @param owner asked for the owner of the initiator's end when CONNECT_IND has been sent
   */
  constructor(air: Air, radio: Radio, owner: () => LinkOwner) {
    this._air = air;
    this._radio = radio;
    this._owner = owner;
    this._scanner = new Scanner(air, radio, (pdu, _, from) => this._found(pdu, from));
  }

  /** True until CONNECT_IND has been sent. */
  get on(): boolean {
    return this._settings !== null;
  }

  start(settings: InitiatorSettings): void {
    this._settings = settings;
    const { interval, window, own, accept } = settings;
    this._scanner.start({ active: false, interval, window, own, accept });
  }

  stop(): void {
    this._settings = null;
    this._scanner.stop();
  }

  listening(time: number): boolean {
    return this._scanner.listening(time);
  }

  hear(pdu: AdvertisingPdu, rssi: number, from: Radio): void {
    this._scanner.hear(pdu, rssi, from);
  }

  private _found(pdu: AdvertisingPdu, from: Radio): void {
    const settings = this._settings;
    if (settings === null || (pdu.type !== PduType.ADV_IND && pdu.type !== PduType.ADV_DIRECT_IND)) return;
    this._scanner.stop();
    const request = { initiator: settings.own, advertiser: pdu.address, parameters: settings.parameters };
    this._air.requestConnection(this._radio, from, request, () => {
      // Given up, or begun anew, since the advert was heard.
      if (this._settings !== settings) return null;
      this._settings = null;
      return this._owner();
    });
  }
}
