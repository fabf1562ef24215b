import { addressKey, type DeviceAddress } from "./pdu.js";
import { Status } from "./status.js";

/** The filter accept list of a controller (Core Vol 4 Part E 7.8.14 to 7.8.17, once called white list). */
export class AcceptList {
  readonly size: number;
  private readonly _entries = new Set<number>();

  /** @param size most entries */
  constructor(size: number) {
    this.size = size;
  }

  has(address: DeviceAddress): boolean {
    return this._entries.has(addressKey(address));
  }

  clear(): number {
    this._entries.clear();
    return Status.SUCCESS;
  }

  /** @param entry Address_Type and Address, 7 octets */
  add(entry: Uint8Array): number {
    const address = parse(entry);
    if (address === null) return Status.INVALID_HCI_COMMAND_PARAMETERS;
    if (!this.has(address) && this._entries.size === this.size) return Status.MEMORY_CAPACITY_EXCEEDED;
    this._entries.add(addressKey(address));
    return Status.SUCCESS;
  }

  /** @param entry Address_Type and Address, 7 octets */
  remove(entry: Uint8Array): number {
    const address = parse(entry);
    if (address === null) return Status.INVALID_HCI_COMMAND_PARAMETERS;
    this._entries.delete(addressKey(address));
    return Status.SUCCESS;
  }
}

function parse(entry: Uint8Array): DeviceAddress | null {
  const random = entry[0];
  return random === 0 || random === 1 ? { bytes: entry.slice(1, 7), random } : null;
}
