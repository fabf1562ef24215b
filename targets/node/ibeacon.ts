import { adFlags, adIBeacon, adJoin } from "../../core/gap/ad.js";

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
const FLAGS = 6;

/** The 30 bytes of the advert. */
export function encodeIBeacon({ uuid, major, minor, power }: IBeacon): Uint8Array {
  return adJoin([adFlags(FLAGS), adIBeacon(formatUuid(uuid), major, minor, power)]);
}

/** The 16 bytes of a UUID given as 32 hex digits of either case, with or without dashes; null for anything else. */
export function parseUuid(text: string): Uint8Array | null {
  const digits = text.replaceAll("-", "");
  return /^[0-9a-f]{32}$/i.test(digits) ? new Uint8Array(Buffer.from(digits, "hex")) : null;
}

/** A UUID of 16 bytes, or of 32 hex digits, as people write it: in capitals and with dashes. */
export function formatUuid(uuid: Uint8Array | string): string {
  const digits = (typeof uuid === "string" ? uuid : Buffer.from(uuid).toString("hex")).toUpperCase();
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join("-");
}
