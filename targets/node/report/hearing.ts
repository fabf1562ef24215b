import { estimateDistance, readEddystone, readIBeacon, readName, type Eddystone, type IBeacon } from "../../../core/gap/ad.js";
import type { Advert } from "../../../core/gap/scanner.js";
import { formatUuid } from "../ibeacon.js";
import { printable } from "./printable.js";

/** What a controller says that does not know the strength. */
const UNKNOWN_RSSI = 127;

/** Eddystone tells its strength at the beacon itself; at one metre it is so much weaker, dB. */
const FIRST_METRE = 41;

const EVENTS = ["ADV_IND", "ADV_DIRECT_IND", "ADV_SCAN_IND", "ADV_NONCONN_IND", "SCAN_RSP"];

/** An advert that has been heard, and what it says. */
export interface Hearing {
  /** ms since power-up */
  readonly ms: number;
  readonly advert: Advert;
  /** dBm; null: unknown */
  readonly rssi: number | null;
  /** The local name, a byte string as it came. */
  readonly name: string | null;
  readonly ibeacon: IBeacon | null;
  readonly eddystone: Eddystone | null;
  /** About how far away a beacon is, metres. */
  readonly distance: number | null;
}

/** Reads an advert. */
export function hear(advert: Advert, ms: number): Hearing {
  const { data } = advert;
  const rssi = advert.rssi === UNKNOWN_RSSI ? null : advert.rssi;
  const ibeacon = readIBeacon(data);
  const eddystone = readEddystone(data);
  const power = ibeacon !== null ? ibeacon.power : eddystone !== null ? eddystone.power - FIRST_METRE : null;
  const distance = rssi === null || power === null ? null : estimateDistance(rssi, power);
  return { ms, advert, rssi, name: readName(data), ibeacon, eddystone, distance };
}

/** The type of the advert's event, as the specification names it. */
export function eventName({ type }: Advert): string {
  return EVENTS[type];
}

export function addressTypeName({ addresstype }: Advert): string {
  return addresstype === 0 ? "public" : "random";
}

/** What the advert says of its sender, for people; "" where that is nothing. */
export function describe({ name, ibeacon, eddystone }: Hearing, unicode: boolean): string {
  const parts: string[] = [];
  if (name !== null) parts.push(`"${printable(name, unicode)}"`);
  if (ibeacon !== null) parts.push(`iBeacon ${formatUuid(ibeacon.uuid)} major ${ibeacon.major} minor ${ibeacon.minor}`);
  // A web address is ASCII, or not meant well.
  if (eddystone?.frame === "url") parts.push(`Eddystone ${printable(eddystone.url!, false)}`);
  if (eddystone?.frame === "uid") parts.push(`Eddystone ${eddystone.namespace} ${eddystone.instance}`);
  return parts.join(" ");
}

/** A distance in few characters. */
export function formatDistance(metres: number): string {
  return metres >= 1000 ? "> 1 km" : `${metres.toFixed(metres < 10 ? 1 : 0)} m`;
}
