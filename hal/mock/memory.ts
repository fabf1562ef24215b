const PAGE = 4096;

interface Page {
  readonly bytes: Uint8Array;
  /** 1 where a byte was written. */
  readonly written: Uint8Array;
}

/** A 32-bit address space that knows which of its bytes were written. */
export class Memory {
  private readonly _pages = new Map<number, Page>();

  clear(): void {
    this._pages.clear();
  }

  write(address: number, data: ArrayLike<number>): void {
    for (let i = 0; i < data.length; i++) {
      const at = (address + i) % 0x100000000;
      const number = Math.floor(at / PAGE);
      let page = this._pages.get(number);
      if (page === undefined) this._pages.set(number, (page = { bytes: new Uint8Array(PAGE), written: new Uint8Array(PAGE) }));
      page.bytes[at % PAGE] = data[i];
      page.written[at % PAGE] = 1;
    }
  }

  /** The byte at an address, undefined where nothing was written. */
  at(address: number): number | undefined {
    const page = this._pages.get(Math.floor(address / PAGE));
    return page !== undefined && page.written[address % PAGE] === 1 ? page.bytes[address % PAGE] : undefined;
  }

  /** `length` bytes; 0 where nothing was written. */
  read(address: number, length: number): Uint8Array {
    return Uint8Array.from({ length }, (_, i) => this.at(address + i) ?? 0);
  }
}
