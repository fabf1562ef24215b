/** A packet of the direct test mode (Core Vol 6 Part F 4.1). It never changes once it has been sent: keep it, do not write to it. */
export interface TestPdu {
  /** What the payload holds, as Packet_Payload of LE Transmitter Test numbers it. */
  readonly type: number;
  /** In the order of the bits on the air, the first in the least significant bit. */
  readonly payload: Uint8Array;
}

/** Octets of the payloads that repeat one (Packet_Payload 1, 2, 4 to 7), by their numbers; 0 where it is another kind. */
const REPEATED = [0, 0x0f, 0x55, 0, 0xff, 0x00, 0xf0, 0xaa];
const PRBS9 = 0;
const PRBS15 = 3;

/** Units of the interval between two test packets, and what lies between them at least, us (Core Vol 6 Part F 4.1.6). */
const SLOT = 625;
const GAP = 249;

/** Octets of a test packet beside the payload: preamble, sync word, header, CRC. */
const OVERHEAD = 1 + 4 + 2 + 3;

/** The payload of a test packet: Packet_Payload (0 to 7) and its length in octets. */
export function testPayload(type: number, length: number): Uint8Array {
  if (type === PRBS9) return sequence(9, 5, length);
  if (type === PRBS15) return sequence(15, 14, length);
  return new Uint8Array(length).fill(REPEATED[type]);
}

/** A pseudo-random bit sequence of a shift register with as many stages, all ones at first, and a tap beside the last. */
function sequence(stages: number, tap: number, length: number): Uint8Array {
  const octets = new Uint8Array(length);
  let register = (1 << stages) - 1;
  for (let bit = 0; bit < 8 * length; bit++) {
    const out = (register >> (stages - 1)) & 1;
    octets[bit >> 3] |= out << (bit & 7);
    register = ((register << 1) | (out ^ ((register >> (tap - 1)) & 1))) & ((1 << stages) - 1);
  }
  return octets;
}

/** How long a test packet is on LE 1M, ms: 8 us each octet. */
export function testAirTime(length: number): number {
  return (OVERHEAD + length) * 0.008;
}

/** From the beginning of one test packet to that of the next, ms. */
export function testInterval(length: number): number {
  return (Math.ceil((testAirTime(length) * 1000 + GAP) / SLOT) * SLOT) / 1000;
}
