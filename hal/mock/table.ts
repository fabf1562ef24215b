import { Status } from "./status.js";

/**
 * What a command handler gives back: a status or the return parameters (status first) for a Command Complete event, `{ pending }` for a
 * Command Status event, null if nothing is to be answered or it has been answered already.
 */
export type Answer = number | ArrayLike<number> | { readonly pending: number } | null;

/** One HCI command. */
export interface CommandRow<Target> {
  readonly opcode: number;
  readonly name: string;
  /** Octets of the parameters; the least number for a command of variable length. */
  readonly length: number;
  readonly variable?: boolean;
  /** Place in the Supported_Commands bit mask (Core Vol 4 Part E 6.27): octet, bit. */
  readonly supported?: readonly [octet: number, bit: number];
  readonly run: (target: Target, parameters: Uint8Array) => Answer;
}

/** HCI commands by opcode. */
export class CommandTable<Target> {
  private readonly _rows = new Map<number, CommandRow<Target>>();

  constructor(rows: readonly CommandRow<Target>[]) {
    for (const row of rows) {
      if (this._rows.has(row.opcode)) throw new Error(`two rows for the opcode 0x${row.opcode.toString(16)}`);
      this._rows.set(row.opcode, row);
    }
  }

  has(opcode: number): boolean {
    return this._rows.has(opcode);
  }

  /** Performs a command; a wrong number of parameter octets is refused with 0x12, an unknown opcode with 0x01. */
  perform(target: Target, opcode: number, parameters: Uint8Array): Answer {
    const row = this._rows.get(opcode);
    if (row === undefined) return Status.UNKNOWN_HCI_COMMAND;
    const fits = row.variable === true ? parameters.length >= row.length : parameters.length === row.length;
    return fits ? row.run(target, parameters) : Status.INVALID_HCI_COMMAND_PARAMETERS;
  }

  /** The 64 octets of Supported_Commands that say what the table has. */
  supported(): Uint8Array {
    const mask = new Uint8Array(64);
    for (const row of this._rows.values()) if (row.supported !== undefined) mask[row.supported[0]] |= 1 << row.supported[1];
    return mask;
  }
}
