/** An iBeacon, as Apple's "Proximity Beacon Specification" has it. */
export interface IBeacon {
  /** Proximity UUID: 16 bytes, most significant first. */
  readonly uuid: Uint8Array;
  /** 0 to 65535 each. */
  readonly major: number;
  readonly minor: number;
  /** How strongly it is received at 1 m, dBm, -128 to 127. */
  readonly power: number;
}

/** Flags: general discoverable, no BR/EDR. */
const FLAGS = [0x02, 0x01, 0x06];
/** Manufacturer specific data: its type, Apple's number, the beacon's type and length. */
const HEAD = [0xff, 0x4c, 0x00, 0x02, 0x15];
const UUID_LENGTH = 16;
const LENGTH = HEAD.length + UUID_LENGTH + 5;

/** The 30 bytes of the advert. */
export function encodeIBeacon(beacon: IBeacon): Uint8Array {
  const { uuid, major, minor, power } = beacon;
  return Uint8Array.of(...FLAGS, LENGTH, ...HEAD, ...uuid, major >> 8, major & 0xff, minor >> 8, minor & 0xff, power & 0xff);
}

/** The iBeacon in an advert, or null where there is none. The UUID is a copy. */
export function decodeIBeacon(advert: Uint8Array): IBeacon | null {
  for (let at = 0; at < advert.length; at += 1 + advert[at]) {
    const field = advert.subarray(at + 1, at + 1 + advert[at]);
    if (field.length !== LENGTH || HEAD.some((byte, i) => field[i] !== byte)) continue;
    const view = new DataView(field.buffer, field.byteOffset, field.length);
    const numbers = HEAD.length + UUID_LENGTH;
    return {
      uuid: field.slice(HEAD.length, numbers),
      major: view.getUint16(numbers),
      minor: view.getUint16(numbers + 2),
      power: view.getInt8(numbers + 4),
    };
  }
  return null;
}

/** About how far away a beacon is, in metres, where nothing stands in between: 6 dB less is twice as far. */
export function roughDistance(power: number, rssi: number): number {
  return 10 ** ((power - rssi) / 20);
}

/** The 16 bytes of a UUID given as 32 hex digits of either case, with or without dashes; null for anything else. */
export function parseUuid(text: string): Uint8Array | null {
  const digits = text.replaceAll("-", "");
  return /^[0-9a-f]{32}$/i.test(digits) ? new Uint8Array(Buffer.from(digits, "hex")) : null;
}

/** A UUID of 16 bytes as people write it, in capitals and with dashes. */
export function formatUuid(uuid: Uint8Array): string {
  const digits = Buffer.from(uuid).toString("hex").toUpperCase();
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join("-");
}
