import { le16, u16 } from "./bytes.js";
import type { Handle, VirtualClock } from "./clock.js";
import { PhoneError, type Wait } from "./phonetask.js";

/** Opcodes of the Attribute Protocol (Core Vol 3 Part F 3.4.8). A response is its request and one. */
export const Att = {
  ERROR_RSP: 0x01,
  MTU_REQ: 0x02,
  MTU_RSP: 0x03,
  FIND_INFORMATION_REQ: 0x04,
  FIND_BY_TYPE_REQ: 0x06,
  READ_BY_TYPE_REQ: 0x08,
  READ_REQ: 0x0a,
  READ_BLOB_REQ: 0x0c,
  READ_MULTIPLE_REQ: 0x0e,
  READ_BY_GROUP_REQ: 0x10,
  WRITE_REQ: 0x12,
  PREPARE_REQ: 0x16,
  EXECUTE_REQ: 0x18,
  NOTIFICATION: 0x1b,
  INDICATION: 0x1d,
  CONFIRMATION: 0x1e,
  READ_VARIABLE_REQ: 0x20,
  MULTIPLE_NOTIFICATION: 0x23,
  WRITE_COMMAND: 0x52,
  SIGNED_COMMAND: 0xd2,
} as const;

/** Error codes that a client acts upon (3.4.1.1). */
export const AttError = {
  INVALID_HANDLE: 0x01,
  INSUFFICIENT_AUTHENTICATION: 0x05,
  NOT_SUPPORTED: 0x06,
  INVALID_OFFSET: 0x07,
  NOT_FOUND: 0x0a,
  NOT_LONG: 0x0b,
  INSUFFICIENT_ENCRYPTION: 0x0f,
} as const;

/** ATT_MTU before it is exchanged, and the transaction's time limit (3.3.3). */
export const DEFAULT_MTU = 23;
const TRANSACTION_TIMEOUT = 30_000;

interface Transaction {
  readonly opcode: number;
  readonly resume: (error: Error | null, value?: unknown) => void;
  readonly timer: Handle;
}

/** The client's end of an ATT bearer: one request at a time, commands, and what the server sends by itself. */
export class AttBearer {
  mtu: number = DEFAULT_MTU;
  /** ATT_MTU that it answers and offers. */
  readonly offered: number;
  /** False: indications are not confirmed; `confirm` does so later. */
  confirming = true;
  /** Called with each notification and indication. */
  onvalue: (handle: number, value: Uint8Array, indication: boolean) => void = () => {};

  private readonly _clock: VirtualClock;
  private readonly _write: (pdu: Uint8Array) => void;
  private readonly _violated: (text: string) => void;
  private _transaction: Transaction | null = null;
  private _closed: PhoneError | null = null;
  private _unconfirmed = false;

  /**
   * @param write sends a PDU
   * @param violated told what the server did against the specification
   */
  constructor(clock: VirtualClock, offered: number, write: (pdu: Uint8Array) => void, violated: (text: string) => void) {
    this._clock = clock;
    this.offered = offered;
    this._write = write;
    this._violated = violated;
  }

  /**
   * A request and its response: any response that belongs to it, an Error Response too.
   * @param limit ms after which it gives up without harm to the bearer; default: the 30 s of the specification, after which it is dead
   */
  request(pdu: Uint8Array, limit?: number): Wait {
    return (resume) => {
      if (this._closed !== null) resume(this._closed);
      else if (this._transaction !== null) resume(new PhoneError("busy", "a request awaits its response"));
      else {
        const timer = this._clock.after(limit ?? TRANSACTION_TIMEOUT, () => {
          this._transaction = null;
          const error = new PhoneError("timeout", `no response to ATT request 0x${pdu[0].toString(16)} in ${limit ?? TRANSACTION_TIMEOUT} ms`);
          if (limit === undefined) this._closed = error;
          resume(error);
        });
        this._transaction = { opcode: pdu[0], resume, timer };
        this._write(pdu);
      }
    };
  }

  /** Sends a PDU that has no response. */
  command(pdu: Uint8Array): void {
    if (this._closed !== null) throw this._closed;
    this._write(pdu);
  }

  /** Confirms an indication. */
  confirm(): void {
    this._unconfirmed = false;
    this.command(Uint8Array.of(Att.CONFIRMATION));
  }

  /** The connection is over. */
  close(error: PhoneError): void {
    this._closed = error;
    const transaction = this._transaction;
    this._transaction = null;
    if (transaction === null) return;
    this._clock.cancel(transaction.timer);
    transaction.resume(error);
  }

  /** Takes a PDU of the server. */
  take(pdu: Uint8Array): void {
    if (pdu.length === 0 || pdu.length > this.mtu) {
      this._violated(`an ATT PDU of ${pdu.length} octets at an ATT_MTU of ${this.mtu}`);
      if (pdu.length === 0) return;
    }
    const opcode = pdu[0];
    if (opcode === Att.NOTIFICATION || opcode === Att.INDICATION) this._takeValue(pdu);
    else if (opcode === Att.MULTIPLE_NOTIFICATION) this._takeValues(pdu);
    else if (opcode === Att.CONFIRMATION) this._violated("an ATT confirmation without an indication");
    else if (opcode === Att.ERROR_RSP || (opcode < 0x40 && opcode % 2 === 1)) this._takeResponse(pdu);
    else if (opcode < 0x40) this._takeRequest(pdu);
  }

  private _takeValue(pdu: Uint8Array): void {
    const indication = pdu[0] === Att.INDICATION;
    if (pdu.length < 3) {
      this._violated(`a handle value PDU of ${pdu.length} octets`);
      return;
    }
    if (indication) {
      if (this._unconfirmed) this._violated("an indication while another one is not confirmed");
      this._unconfirmed = true;
    }
    this.onvalue(u16(pdu, 1), pdu.slice(3), indication);
    if (indication && this.confirming && this._closed === null) this.confirm();
  }

  private _takeValues(pdu: Uint8Array): void {
    for (let at = 1; at < pdu.length; ) {
      const end = at + 4 + (at + 4 <= pdu.length ? u16(pdu, at + 2) : 0);
      if (at + 4 > pdu.length || end > pdu.length) {
        this._violated("a multiple handle value notification whose lengths do not fit");
        return;
      }
      this.onvalue(u16(pdu, at), pdu.slice(at + 4, end), false);
      at = end;
    }
  }

  private _takeResponse(pdu: Uint8Array): void {
    const transaction = this._transaction;
    const opcode = pdu[0];
    if (transaction === null) {
      this._violated(`an ATT response 0x${opcode.toString(16)} without a request`);
      return;
    }
    const refused = opcode === Att.ERROR_RSP;
    const fits = refused ? pdu.length === 5 && pdu[1] === transaction.opcode && pdu[4] !== 0 : opcode === transaction.opcode + 1;
    this._transaction = null;
    this._clock.cancel(transaction.timer);
    if (fits) {
      transaction.resume(null, pdu);
      return;
    }
    const text = `an ATT PDU 0x${opcode.toString(16)} (${pdu.length} octets) in answer to the request 0x${transaction.opcode.toString(16)}`;
    this._violated(text);
    transaction.resume(new PhoneError("protocol", text));
  }

  /** A phone has a server too: this one's is empty. */
  private _takeRequest(pdu: Uint8Array): void {
    const opcode = pdu[0];
    if (opcode === Att.MTU_REQ && pdu.length === 3) {
      this._write(Uint8Array.of(Att.MTU_RSP, ...le16(this.offered)));
      this.mtu = Math.max(DEFAULT_MTU, Math.min(this.offered, u16(pdu, 1)));
      return;
    }
    const ranged: readonly number[] = [Att.FIND_INFORMATION_REQ, Att.FIND_BY_TYPE_REQ, Att.READ_BY_TYPE_REQ, Att.READ_BY_GROUP_REQ];
    const handled: readonly number[] = [Att.READ_REQ, Att.READ_BLOB_REQ, Att.WRITE_REQ, Att.PREPARE_REQ];
    const code = ranged.includes(opcode) ? AttError.NOT_FOUND : handled.includes(opcode) ? AttError.INVALID_HANDLE : AttError.NOT_SUPPORTED;
    const handle = pdu.length >= 3 && code !== AttError.NOT_SUPPORTED ? u16(pdu, 1) : 0;
    this._write(Uint8Array.of(Att.ERROR_RSP, opcode, ...le16(handle), code));
  }
}
