import { Phone, type Air, type PhoneCharacteristic } from "../../../hal/mock/index.js";
import { Flag } from "./table.js";

/** Bytes of a PDU that the phone asks for. */
const MTU = 247;

/** How long it looks at what it has found, and how long its user takes to type a code, ms. */
const STAY = 2000;
const TYPING = 1000;

/** How long it looks for a device, ms: as long as anybody waits. */
const PATIENCE = 60_000;

/**
 * A phone on a virtual air, so that somebody sees what is served: it connects to the first device that it hears and that can be connected to,
 * looks for characteristics, reads those that it may read, subscribes to those that tell, stays a while, and goes. It comes once.
 * @param readCode what its user reads off the device when it has to type a code
 */
export function callPhone(air: Air, readCode: () => number): void {
  const phone = new Phone(air, { mtu: MTU, pairing: { passkey: readCode, userdelay: TYPING } });
  const { start } = phone;

  function leave(): void {
    if (phone.connected) start.disconnect();
  }

  /** Reads the characteristics from this one on, then subscribes. What is refused is passed over. */
  function visit(chars: readonly PhoneCharacteristic[], index: number): void {
    const char = chars[index];
    if (char === undefined) subscribe(chars, 0);
    else if (char.properties & Flag.Read) start.read(char, () => visit(chars, index + 1));
    else visit(chars, index + 1);
  }

  function subscribe(chars: readonly PhoneCharacteristic[], index: number): void {
    const char = chars[index];
    if (char === undefined) air.clock.after(STAY, leave);
    else if (char.properties & (Flag.Notify | Flag.Indicate)) start.subscribe(char, () => {}, () => subscribe(chars, index + 1));
    else subscribe(chars, index + 1);
  }

  start.connect({ timeout: PATIENCE }, (error) => {
    if (error !== null) return;
    start.discover((refused, services) => {
      if (refused === null) visit(services.flatMap(({ characteristics }) => characteristics), 0);
      else leave();
    });
  });
}
