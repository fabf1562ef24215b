/** H4 packet indicators (Core Vol 4 Part A 2), and Broadcom's for link manager diagnostics. */
export const H4 = { COMMAND: 0x01, ACL: 0x02, SCO: 0x03, EVENT: 0x04, DIAGNOSTIC: 0x07 } as const;

/** What follows the indicator of a packet from the host: octets of the header, the place of its length field and that field's octets. */
interface Form {
  readonly header: number;
  readonly at: number;
  readonly size: 0 | 1 | 2;
}

const FORMS: { readonly [indicator: number]: Form | undefined } = {
  [H4.COMMAND]: { header: 3, at: 3, size: 1 },
  [H4.ACL]: { header: 4, at: 3, size: 2 },
  [H4.SCO]: { header: 3, at: 3, size: 1 },
  [H4.DIAGNOSTIC]: { header: 2, at: 0, size: 0 },
};

/**
 * Puts the packets together that a host sends. As H4 has no mark that begins a packet, a lost byte makes it wait for the rest, and take
 * it from what follows. A byte that cannot begin a packet is skipped, and so is the header of one that no buffer could hold.
 */
export class H4Assembler {
  /** Bytes skipped where a packet should have begun. */
  skipped = 0;

  private readonly _begun: (indicator: number) => void;
  private readonly _complete: (packet: Uint8Array) => void;
  private _packet = new Uint8Array(1 + 4 + 1021);
  private _length = 0;
  private _wanted = 0;

  /**
   * @param begun called when the first byte of a packet has arrived
   * @param complete called with each whole packet, indicator first; the array is valid during the call only
   */
  constructor(begun: (indicator: number) => void, complete: (packet: Uint8Array) => void) {
    this._begun = begun;
    this._complete = complete;
  }

  /** Forgets an unfinished packet. */
  reset(): void {
    this._length = 0;
  }

  push(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) this._take(bytes[i]);
  }

  private _take(byte: number): void {
    if (this._length === 0) {
      const form = FORMS[byte];
      if (form === undefined) {
        this.skipped++;
        return;
      }
      this._wanted = 1 + form.header;
      this._begun(byte);
    }
    this._packet[this._length++] = byte;
    if (this._length < this._wanted) return;
    const form = FORMS[this._packet[0]]!;
    if (this._length === 1 + form.header) {
      this._wanted += this._body(form);
      if (this._wanted > this._packet.length) {
        // No buffer of the part holds that: it was never a packet.
        this.skipped += this._length;
        this._length = 0;
        return;
      }
      if (this._length < this._wanted) return;
    }
    const packet = this._packet.subarray(0, this._length);
    this._length = 0;
    this._complete(packet);
  }

  private _body(form: Form): number {
    if (form.size === 0) return 0;
    return this._packet[form.at] | (form.size === 2 ? this._packet[form.at + 1] << 8 : 0);
  }
}
