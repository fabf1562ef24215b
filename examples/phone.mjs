/** A phone on a virtual air, for run.mjs: connects to the device that advertises there, pairs if it is asked to, and does what it is told. */
import { Phone } from "../dist/node/esm/mock.js";

const text = (bytes) => JSON.stringify(Buffer.from(bytes).toString());

/** How long its user takes to type a code, ms. */
const TYPING = 1000;

/**
 * @param steps arrays: "read", UUID; "write", UUID, text; "subscribe", UUID; "wait", ms
 * @param readCode what its user reads off the device when the phone asks for a code
 * @param say called with what the phone finds, in words
 */
export function callPhone(air, steps, readCode, say) {
  const passkey = () => {
    say("its user types the code");
    return readCode();
  };
  const phone = new Phone(air, { mtu: 247, pairing: { passkey, userdelay: TYPING } });
  const { start } = phone;

  /** Does one thing; its outcome in words. */
  const act = ([what, uuid, value]) =>
    new Promise((resolve) => {
      const refused = ({ att, message }) => (att === undefined ? message : `refused, error 0x${att.toString(16)}`);
      const written = (error) => resolve(`${uuid} ${error ? refused(error) : "written"}`);
      if (what === "read") start.read(uuid, (error, bytes) => resolve(`${uuid} is ${error ? refused(error) : bytes.length === 1 ? bytes[0] : text(bytes)}`));
      else if (what === "write") start.write(uuid, value, written);
      else if (what === "subscribe") {
        const told = (bytes) => say(`notified: ${bytes.length === 1 ? bytes[0] : text(bytes)}`);
        start.subscribe(uuid, told, (error) => resolve(`subscription to ${uuid} ${error ? refused(error) : "written"}`));
      } else air.clock.after(uuid, () => resolve(null));
    });

  phone.ondisconnected = () => say("disconnected");
  start.connect({ timeout: 60_000 }, async (error) => {
    if (error) return say(error.message);
    // The device may end the connection in the middle of it.
    for (const step of steps) {
      if (!phone.connected) return;
      const outcome = await act(step);
      if (outcome !== null) say(outcome);
    }
    if (phone.connected) start.disconnect();
  });
}
