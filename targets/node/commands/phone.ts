import { Central, PduType, type Air } from "../../../hal/mock/index.js";
import { Flag } from "./table.js";

/** The fixed L2CAP channel of the Attribute Protocol. */
const ATT = 4;

/** Bytes of a PDU: what there are before the device has been asked, and what the phone asks for. */
const LEAST_MTU = 23;
const MTU = 247;

/** How long it looks at what it has found, ms. */
const STAY = 2000;

/** Opcodes of the Attribute Protocol: Vol 3 Part F section 3.4.8. */
const enum Opcode {
  Error = 0x01,
  MtuRequest = 0x02,
  ReadByType = 0x08,
  Read = 0x0a,
  ReadBlob = 0x0c,
  Write = 0x12,
  Indication = 0x1d,
  Confirmation = 0x1e,
}

const CHARACTERISTIC = 0x2803;

/** A characteristic as the phone has found it: its properties, the handle of its value. */
interface Found {
  readonly flags: number;
  readonly handle: number;
}

/**
 * A phone on a virtual air, so that somebody sees what is served: it connects to the first device that it hears and that can be connected to,
 * looks for characteristics, reads those that it may read, subscribes to those that tell, stays a while, and goes. It comes once.
 */
export function callPhone(air: Air): void {
  const central = new Central(air, { name: "phone" });
  /** Takes the answer to the request under way; null: there is none, or it is an error. */
  let answered: (answer: Uint8Array | null) => void = () => {};
  const found: Found[] = [];
  let mtu = LEAST_MTU;

  function request(pdu: number[], then: (answer: Uint8Array | null) => void): void {
    answered = then;
    if (central.connected) central.send(ATT, pdu);
  }

  function discover(from: number): void {
    request([Opcode.ReadByType, ...le16(from), 0xff, 0xff, ...le16(CHARACTERISTIC)], (answer) => {
      if (answer === null || answer.length < 2) return visit(0);
      const size = answer[1];
      for (let at = 2; at + size <= answer.length; at += size) found.push({ flags: answer[at + 2], handle: answer[at + 3] | (answer[at + 4] << 8) });
      const { handle } = found[found.length - 1] ?? { handle: 0xffff };
      if (handle < 0xffff) discover(handle);
      else visit(0);
    });
  }

  /** Reads the characteristics from this one on, then subscribes. */
  function visit(index: number): void {
    const char = found[index];
    if (char === undefined) subscribe(0);
    else if (char.flags & Flag.Read) read(char.handle, 0, () => visit(index + 1));
    else visit(index + 1);
  }

  /** A value that fills the answer may go on. */
  function read(handle: number, offset: number, then: () => void): void {
    const pdu = offset === 0 ? [Opcode.Read, ...le16(handle)] : [Opcode.ReadBlob, ...le16(handle), ...le16(offset)];
    request(pdu, (answer) => {
      if (answer !== null && answer.length === mtu) read(handle, offset + mtu - 1, then);
      else then();
    });
  }

  function subscribe(index: number): void {
    const char = found[index];
    // The configuration stands behind the value.
    if (char === undefined) air.clock.after(STAY, leave);
    else if (char.flags & Flag.Notify) request([Opcode.Write, ...le16(char.handle + 1), 1, 0], () => subscribe(index + 1));
    else if (char.flags & Flag.Indicate) request([Opcode.Write, ...le16(char.handle + 1), 2, 0], () => subscribe(index + 1));
    else subscribe(index + 1);
  }

  function leave(): void {
    if (central.connected) central.disconnect();
  }

  const deafen = air.sniff(({ pdu }) => {
    if (pdu.type !== PduType.ADV_IND) return;
    deafen();
    central.connect(Buffer.from(pdu.address.bytes).reverse().toString("hex"), pdu.address.random);
  });
  central.onconnected = () => {
    request([Opcode.MtuRequest, ...le16(MTU)], (answer) => {
      if (answer !== null) mtu = Math.min(MTU, answer[1] | (answer[2] << 8));
      discover(1);
    });
  };
  central.onframe = (cid, payload) => {
    if (cid !== ATT) return;
    const [opcode] = payload;
    if (opcode === Opcode.Indication) central.send(ATT, [Opcode.Confirmation]);
    else if (opcode === Opcode.Error || (opcode & 1 && opcode < Opcode.Indication - 2)) answered(opcode === Opcode.Error ? null : payload);
  };
}

function le16(value: number): [number, number] {
  return [value & 255, value >> 8];
}
