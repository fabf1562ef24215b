import type { Air, Radio } from "./air.js";
import { addressKey, PduType, type AdvertisingPdu, type DeviceAddress } from "./pdu.js";
import { uuidText, wholeUuid } from "./phonegatt.js";
import { Scanner } from "./scanner.js";

/** Whom to connect to: whoever matches all that is given. */
export interface Wanted {
  /** 12 hexadecimal digits, most significant octet first, with or without separators. */
  address?: string;
  /** 0 public, 1 random; default: whichever advertises under that address. */
  addresstype?: 0 | 1;
  /** The local name, whole or shortened, of the advert or its scan response. */
  name?: string;
  /** A service UUID listed in the advert or its scan response: 4, 8 or 32 hexadecimal digits. */
  service?: string;
}

/** What is known of an advertiser while it is scanned for. */
interface Seen {
  connectable: boolean;
  data: Uint8Array;
  response: Uint8Array;
}

/** AD types with service UUIDs (Assigned Numbers 2.3) and the octets of each. */
const UUID_LISTS: { readonly [type: number]: number | undefined } = { 2: 2, 3: 2, 4: 4, 5: 4, 6: 16, 7: 16 };
const SHORT_NAME = 8;
const WHOLE_NAME = 9;

/** Scans actively for an advertiser. */
export class PhoneScanner implements Radio {
  readonly name: string;
  private readonly _scanner: Scanner;
  private readonly _seen = new Map<number, Seen>();

  /**
   * @param resolves whether an address on the air belongs to the address that is wanted
   * @param found called with the first advertiser that matches, when the scan has stopped
   */
  constructor(air: Air, name: string, own: DeviceAddress, wanted: Wanted, resolves: (address: DeviceAddress) => boolean, found: (address: DeviceAddress) => void) {
    this.name = name;
    this._scanner = new Scanner(air, this, (pdu) => {
      const seen = this._note(pdu);
      if (seen === null || !resolves(pdu.address) || !matches(seen, wanted)) return;
      this.stop();
      found(pdu.address);
    });
    this._scanner.start({ active: true, interval: 100, window: 100, own });
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

  private _note(pdu: AdvertisingPdu): Seen | null {
    const key = addressKey(pdu.address);
    const seen = this._seen.get(key) ?? { connectable: false, data: new Uint8Array(0), response: new Uint8Array(0) };
    this._seen.set(key, seen);
    if (pdu.type === PduType.SCAN_RSP) {
      seen.response = pdu.data;
    } else {
      seen.connectable = pdu.type === PduType.ADV_IND || pdu.type === PduType.ADV_DIRECT_IND;
      if (pdu.target === undefined) seen.data = pdu.data;
    }
    return seen.connectable ? seen : null;
  }
}

function matches(seen: Seen, { name, service }: Wanted): boolean {
  const structures = [...adStructures(seen.data), ...adStructures(seen.response)];
  const named = ({ type, data }: Structure): boolean => (type === SHORT_NAME || type === WHOLE_NAME) && text(data) === name;
  const whole = service === undefined ? null : wholeUuid(service);
  const serves = ({ type, data }: Structure): boolean => {
    const size = UUID_LISTS[type] ?? 0;
    for (let at = 0; size > 0 && at + size <= data.length; at += size) if (wholeUuid(uuidText(data.slice(at, at + size))) === whole) return true;
    return false;
  };
  return (name === undefined || structures.some(named)) && (service === undefined || structures.some(serves));
}

interface Structure {
  readonly type: number;
  readonly data: Uint8Array;
}

function adStructures(data: Uint8Array): Structure[] {
  const structures: Structure[] = [];
  for (let at = 0; at < data.length && data[at] > 0 && at + data[at] < data.length; at += 1 + data[at]) {
    structures.push({ type: data[at + 1], data: data.slice(at + 2, at + 1 + data[at]) });
  }
  return structures;
}

function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}
