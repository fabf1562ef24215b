/** A phone on a virtual air, for run.mjs: connects to the device that advertises there, finds its characteristics, and does with them what it is told. */
import { Central, PduType } from "../dist/node/esm/mock.js";

/** The fixed L2CAP channel of the Attribute Protocol. */
const ATT = 4;

/** How the long form of a short UUID begins, last byte first. */
const BASE = "fb349b5f8000008000100000";

const reverse = (digits) => digits.match(/../g).reverse().join("");
const le16 = (value) => [value & 255, value >> 8];
const text = (bytes) => JSON.stringify(Buffer.from(bytes).toString());

/**
 * @param steps arrays: "read", UUID; "write", UUID, text; "subscribe", UUID; "wait", ms
 * @param say called with what the phone finds, in words
 */
export function callPhone(air, steps, say) {
  const central = new Central(air);
  let mtu = 23;
  /** Gets the answer to the request under way. */
  let answered = null;

  const ask = (...pdu) =>
    new Promise((resolve) => {
      answered = resolve;
      central.send(ATT, pdu);
    });

  /** Characteristics: handles of their values by UUID. */
  async function discover() {
    const handles = {};
    for (let from = 1; ; ) {
      const answer = await ask(0x08, ...le16(from), 0xff, 0xff, 0x03, 0x28);
      if (answer[0] === 0x01) return handles;
      for (let at = 2; at < answer.length; at += answer[1]) {
        const digits = Buffer.from(answer.subarray(at + 5, at + answer[1])).toString("hex");
        from = answer[at + 3] | (answer[at + 4] << 8);
        handles[reverse(digits.startsWith(BASE) ? digits.slice(24, 28) : digits)] = from;
      }
    }
  }

  /** A value that fills the answer may go on. */
  async function read(handle) {
    const value = [];
    for (;;) {
      const answer = value.length === 0 ? await ask(0x0a, ...le16(handle)) : await ask(0x0c, ...le16(handle), ...le16(value.length));
      if (answer[0] === 0x01) return `error 0x${answer[4].toString(16)}`;
      value.push(...answer.subarray(1));
      if (answer.length < mtu) return value.length === 1 ? value[0] : text(value);
    }
  }

  async function write(handle, bytes) {
    const answer = await ask(0x12, ...le16(handle), ...bytes);
    return answer[0] === 0x01 ? `refused, error 0x${answer[4].toString(16)}` : "written";
  }

  async function act() {
    const offered = await ask(0x02, ...le16(247));
    if (offered[0] === 0x03) mtu = Math.min(247, offered[1] | (offered[2] << 8));
    const handles = await discover();
    for (const [what, uuid, value] of steps) {
      const handle = what === "wait" ? 0 : handles[uuid.toLowerCase()];
      if (what === "read") say(`${uuid} is ${await read(handle)}`);
      else if (what === "write") say(`${uuid} ${await write(handle, Buffer.from(value))}`);
      // The Client Characteristic Configuration stands behind the value.
      else if (what === "subscribe") say(`subscription to ${uuid} ${await write(handle + 1, [1, 0])}`);
      else await new Promise((resolve) => air.clock.after(uuid, resolve));
    }
    if (central.connected) central.disconnect();
  }

  // The device may end the connection in the middle of it.
  central.onconnected = () => void act().catch((error) => say(error.message));
  central.ondisconnected = () => say("disconnected");
  central.onframe = (cid, payload) => {
    if (cid !== ATT) return;
    if (payload[0] === 0x1b) say(`notified: ${payload.length === 4 ? payload[3] : text(payload.subarray(3))}`);
    else answered?.(payload);
  };
  const deaf = air.sniff(({ pdu }) => {
    if (pdu.type !== PduType.ADV_IND) return;
    deaf();
    central.connect(Buffer.from(pdu.address.bytes).reverse().toString("hex"), pdu.address.random);
  });
}
