/** What Espruino's Storage throws when the power goes: nothing is done any more. */
export class PowerLoss extends Error {}

/**
 * The `Storage` module of Espruino as far as a store uses it, over flash that is written byte by byte: src/jsflash.c of firmware 2v29. What is written anew
 * is marked as erased before; bytes can be written where there are none.
 */
export class FlashStorage {
  readonly files = new Map<string, Uint8Array>();
  /** Bytes left for files, their 32 bytes of a header included; what was erased does not come back. */
  room = Infinity;
  /** How many bytes, headers and marks go into flash before the power goes. */
  power = Infinity;
  /** What has been done. */
  created = 0;
  written = 0;
  compactions = 0;
  /** Called without its object. */
  readonly compact = (): void => void this.compactions++;

  private _spend(): void {
    if (this.power <= 0) throw new PowerLoss("the power has gone");
    this.power--;
  }

  read(name: string): string | undefined {
    const bytes = this.files.get(name);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString("latin1");
  }

  write(name: string, data: Uint8Array, offset = 0, size = 0): boolean {
    const length = size || data.length;
    if (length === 0) throw new Error("Can't create zero length file");
    let file = this.files.get(name);
    if (offset === 0 && (file === undefined || file.length !== length || file.some((byte) => byte !== 255))) {
      if (file !== undefined && file.length === data.length && file.every((byte, i) => byte === data[i])) return true;
      this.erase(name);
      if (this.room < length + 32) throw new Error("Unable to find or create file");
      this._spend();
      this.room -= length + 32;
      this.created++;
      file = new Uint8Array(length).fill(255);
      this.files.set(name, file);
    }
    if (file === undefined) throw new Error("Unable to find or create file");
    if (offset + data.length > file.length) throw new Error("Too much data for file size");
    if (file.subarray(offset, offset + data.length).some((byte) => byte !== 255)) throw new Error("File already written with different data");
    for (const [i, byte] of data.entries()) {
      this._spend();
      file[offset + i] = byte;
    }
    this.written++;
    return true;
  }

  erase(name: string): void {
    if (!this.files.has(name)) return;
    this._spend();
    this.files.delete(name);
  }
}
