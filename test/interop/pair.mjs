/** What the checks of pairing share: what is secret in what has passed, a search for it in a trace, and the passkey worked out as an eavesdropper does it. */
import { createCipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import { check } from "./beacon.mjs";
import { framesOf } from "./gatt.mjs";
import { readSnoop } from "./h4.mjs";

export const SMP = 6;
export const PAIRING_REQUEST = "01";
const CONFIRM = "03";
const RANDOM = "04";
const PUBLIC_KEY = "0c";
const CHECK = "0d";

/** Disconnect and Reset. */
const LAST = [0x0406, 0x0c03];
const LE_ENCRYPT = 0x2017;
const ENABLE_ENCRYPTION = 0x2019;
const KEY_REPLY = 0x201a;

/** Codes of the PDUs that carry a key. */
const KEYS = { "06": "LTK that is distributed", "08": "IRK", "0a": "CSRK" };

/** The packets of a btsnoop file, as a proxy keeps them. */
export function packetsOf(file) {
  return readSnoop(file).records.map(({ flags, bytes }) => ({ sent: (flags & 1) === 0, bytes }));
}

/** Whether two devices compare numbers: both can show them and have a key for yes, and both have Secure Connections. */
function isComparison(...pdus) {
  return pdus.every((pdu) => ["01", "04"].includes(pdu.slice(2, 4)) && parseInt(pdu.slice(6, 8), 16) & 8);
}

/**
 * All that is secret in what has passed between a host and its controller: {what, value}, hex digits; zeros are none. Of random values those by which a
 * passkey could be found; where numbers are compared they give nothing away.
 */
export function secretsOf(packets) {
  const found = [];
  const encrypted = [];
  const open = [];
  let request = "";
  let comparison = false;
  let key = "";
  for (const { bytes } of framesOf(packets, SMP)) {
    const code = bytes.slice(0, 2);
    const value = bytes.slice(2);
    if (code === PAIRING_REQUEST) request = bytes;
    if (code === "02") comparison = isComparison(request, bytes);
    if (KEYS[code]) found.push([KEYS[code], value]);
    if (code === RANDOM && !comparison) found.push(["random value", value]);
    // Confirm values and checks are results of an encryption.
    if (code === CONFIRM || code === CHECK || (code === RANDOM && comparison)) open.push(value);
  }
  for (const { sent, bytes } of packets) {
    const opcode = sent && bytes[0] === 1 ? bytes.readUInt16LE(1) : 0;
    const digits = (from, to) => bytes.subarray(from, to).toString("hex");
    if (opcode === ENABLE_ENCRYPTION || opcode === KEY_REPLY) found.push(["LTK or STK", digits(-16)]);
    if (opcode === LE_ENCRYPT) encrypted.push(["key of LE Encrypt", (key = digits(4, 20))]);
    // The Database Hash is made with a key of zeros, and is for everybody.
    if (!sent && bytes[0] === 4 && bytes[1] === 0x0e && bytes.readUInt16LE(4) === LE_ENCRYPT && /[1-9a-f]/.test(key)) encrypted.push(["result of LE Encrypt", digits(7, 23)]);
  }
  const list = found.concat(encrypted).filter(([, value]) => /[1-9a-f]/.test(value) && !open.includes(value));
  return list.filter(([, value], i) => list.findIndex((other) => other[1] === value) === i).map(([what, value]) => ({ what, value }));
}

/** Checks that none of these values is in a file, whichever octet comes first. */
export function checkSecrets(file, secrets) {
  const bytes = readFileSync(file);
  const kinds = [...new Set(secrets.map(({ what }) => what))];
  const leaks = secrets.filter(({ value }) => bytes.includes(Buffer.from(value, "hex")) || bytes.includes(Buffer.from(value, "hex").reverse()));
  check(`of ${secrets.length} secrets (${kinds.join(", ")}) its trace holds none`, secrets.length > 0 && leaks.length === 0, leaks.length ? `${leaks.length}, the first: ${leaks[0].what} ${leaks[0].value}` : "none to be looked for");
}

/** Checks that a trace holds each packet that has passed, but for what is zeroed in it; returns the kinds of packets of which something is. */
export function checkMasks(file, packets) {
  const traced = packetsOf(file);
  const kinds = new Set();
  for (const sent of [true, false]) {
    const [mine, wire] = [traced, packets].map((list) => list.filter((packet) => packet.sent === sent).map(({ bytes }) => bytes));
    // A host whose air has gone before it says its last words to nobody.
    while (mine.length > wire.length && LAST.includes(mine[mine.length - 1].readUInt16LE(1))) mine.pop();
    const wrong = mine.findIndex((bytes, i) => !wire[i] || bytes.length !== wire[i].length || bytes.some((byte, at) => byte && byte !== wire[i][at]));
    check(
      `its trace holds each of the ${mine.length} packets ${sent ? "sent" : "received"}`,
      mine.length > 0 && wrong < 0 && wire.length - mine.length <= (sent ? 0 : 1),
      wrong < 0 ? `${mine.length} of ${wire.length}` : `${mine[wrong].toString("hex")}, which was ${wire[wrong]?.toString("hex")}`,
    );
    mine.forEach((bytes, i) => {
      if (bytes.equals(wire[i])) return;
      if (bytes[0] === 2) kinds.add((bytes[2] & 0x30) === 0x10 ? "rest of a frame" : `SMP ${wire[i].subarray(9, 10).toString("hex")}`);
      else kinds.add(`${bytes[0] === 1 ? "command" : "answer"} ${wire[i].readUInt16LE(bytes[0] === 1 ? 1 : 4).toString(16)}`);
    });
  }
  return [...kinds].sort();
}

function aes(key, block) {
  return createCipheriv("aes-128-ecb", key, null).update(block);
}

function double(block) {
  const doubled = Buffer.alloc(16);
  for (let i = 0; i < 16; i++) doubled[i] = (block[i] << 1) | (i < 15 ? block[i + 1] >> 7 : 0);
  if (block[0] & 0x80) doubled[15] ^= 0x87;
  return doubled;
}

/** f4, Vol 3 Part H section 2.2.6: 65 bytes, of which the last block holds one. */
function f4(u, v, x, z) {
  const cipher = createCipheriv("aes-128-ecb", x, null);
  const last = double(double(cipher.update(Buffer.alloc(16))));
  const message = Buffer.concat([u, v, Buffer.of(z, 0x80), Buffer.alloc(14)]);
  for (let i = 0; i < 16; i++) message[64 + i] ^= last[i];
  let state = Buffer.alloc(16);
  for (let at = 0; at < 80; at += 16) state = cipher.update(state.map((byte, i) => byte ^ message[at + i]));
  return state;
}

/** The bytes of a PDU behind its code, most significant octet first. */
function value(pdu) {
  return Buffer.from(pdu.slice(2), "hex").reverse();
}

/** c1, section 2.2.3, for a passkey. */
function c1(passkey, random, p1, p2) {
  const key = Buffer.alloc(16);
  key.writeUInt32BE(passkey, 12);
  return aes(key, aes(key, random.map((byte, i) => byte ^ p1[i])).map((byte, i) => byte ^ p2[i]));
}

/**
 * The passkey of the first pairing in what has passed, as somebody finds it who has listened, or -1 where it does not come out.
 * @param addresses of initiator and responder: type and 12 hex digits of each
 * @param most only passkeys below this are tried, which is all that counts where the right one is below it
 */
export function guessPasskey(packets, addresses, most) {
  const frames = framesOf(packets, SMP);
  const from = frames.findIndex(({ bytes }) => bytes.startsWith(PAIRING_REQUEST));
  const [request, response] = [frames[from], frames[from + 1]];
  const said = frames.slice(from).filter(({ sent }) => sent === request.sent).map(({ bytes }) => bytes);
  const confirms = said.filter((pdu) => pdu.startsWith(CONFIRM)).map(value);
  const randoms = said.filter((pdu) => pdu.startsWith(RANDOM)).map(value);
  const keys = frames.slice(from).filter(({ bytes }) => bytes.startsWith(PUBLIC_KEY));
  if (keys.length === 0) {
    const [initiator, responder] = addresses.map(({ address }) => Buffer.from(address, "hex"));
    const p1 = Buffer.concat([Buffer.from(response.bytes, "hex").reverse(), Buffer.from(request.bytes, "hex").reverse(), Buffer.of(addresses[1].type, addresses[0].type)]);
    const p2 = Buffer.concat([Buffer.alloc(4), initiator, responder]);
    for (let passkey = 0; passkey < most; passkey++) if (c1(passkey, randoms[0], p1, p2).equals(confirms[0])) return passkey;
    return -1;
  }
  const [u, v] = [true, false].map((mine) => value(keys.find(({ sent }) => (sent === request.sent) === mine).bytes).subarray(32));
  let passkey = 0;
  for (let round = 0; round < 20; round++) {
    const bit = [0, 1].find((bit) => f4(u, v, randoms[round], 0x80 | bit).equals(confirms[round]));
    if (bit === undefined) return -1;
    passkey |= bit << round;
  }
  return passkey;
}
