/** What test packets hold, by the number of Packet_Payload (Core Vol 4 Part E 7.8.29): bits in the order in which they are sent. */
export const PAYLOADS = ["prbs9", "11110000", "10101010", "prbs15", "11111111", "00000000", "00001111", "01010101"] as const;

/** A direct test that has begun. */
export interface Testing {
  readonly what: "transmit" | "receive";
  /** 0 to 39. */
  readonly channel: number;
  /** Of a test that sends: octets of each packet's payload, and the place in PAYLOADS. */
  readonly length?: number;
  readonly payload?: number;
}

/** One that has ended. */
export interface Tested {
  readonly what: Testing["what"];
  /** How long it went on. */
  readonly ms: number;
  /** How many packets have been received; of a test that sends nothing is known. */
  readonly packets: number;
  /** How many have been sent by the tester, where the user has said it. */
  readonly sent: number | null;
}

/** The frequency of a test's channel, MHz. */
export function frequencyOf(channel: number): number {
  return 2402 + 2 * channel;
}

/** The share of packets that have not arrived, per cent, to the hundredth, 0 where there were more than that; null where nobody knows. */
export function lossOf({ packets, sent }: Tested): number | null {
  return sent === null ? null : Math.max(0, Math.round(10000 * (1 - packets / sent)) / 100);
}
