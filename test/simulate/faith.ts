/** Packets that are not among those that were meant are lies; how many there may be behind one another before the oldest is forgotten. */
const REMEMBERED = 4000;

/** Connection Complete, Enhanced Connection Complete, Disconnection Complete: without these a host cannot know what its chip is doing. */
const VITAL = (packet: Uint8Array): boolean => packet[1] === 0x05 || (packet[1] === 0x3e && (packet[3] === 0x01 || packet[3] === 0x0a));

/**
 * Whether what host and chip have told each other was what they meant. H4 has no checksum: a command that was changed on its way, and answered, has
 * been done as far as the host can know.
 */
export class Faith {
  /** What was not as it seemed, for the first time; "": nothing. */
  broken = "";
  private readonly _meant = new Set<number>();
  private readonly _written = new Set<number>();
  /** How often the host has noticed that it was out of step. */
  resyncs: () => number = () => 0;
  /** Handles of connections of which the host has not heard that they began; that they ended, and how often it had been out of step then. */
  private readonly _unheard = new Set<number>();
  private readonly _ends = new Map<number, number>();

  /** The chip means to say this. */
  meant(packet: Uint8Array): void {
    remember(this._meant, packet);
    if (!VITAL(packet) || packet[0] !== 4) return;
    if (packet[1] === 0x05) {
      const handle = packet[4] | (packet[5] << 8);
      this._unheard.delete(handle);
      if (packet[3] === 0) this._ends.set(handle, this.resyncs());
    } else if (packet[4] === 0) this._unheard.add(packet[5] | (packet[6] << 8));
  }

  /** A connection of which the host never heard stays for as long as its peer likes; and where nothing shows that something is missing nobody looks. */
  settle(): void {
    for (const resyncs of this._ends.values()) if (resyncs === this.resyncs()) this._break("a connection ended, and what said so was lost unnoticed");
    this._ends.clear();
    if (this._unheard.size) this._break("a connection began that the host has not heard of");
  }

  /** It has not been said, or not so. */
  withheld(packet: Uint8Array): void {
    if (packet[0] === 4 && VITAL(packet)) this._break("an event of a connection was withheld");
  }

  /** It has been said once more: buffers that are free twice are too many. */
  repeated(packet: Uint8Array): void {
    if (packet[0] === 4 && packet[1] === 0x13) this._break("packets were reported as completed twice");
    // A link that begins anew gives back what was in flight on the one before.
    if (packet[0] === 4 && VITAL(packet)) this._break("an event of a connection was said twice");
  }

  /** The host has taken this for a packet. */
  told(packet: Uint8Array, believed: boolean): void {
    if (believed && packet[0] === 4 && packet[1] === 0x3e && VITAL(packet)) this._unheard.delete(packet[5] | (packet[6] << 8));
    if (packet[0] === 4 && packet[1] === 0x05) this._ends.delete(packet[4] | (packet[5] << 8));
    if (packet[0] === 4 && !this._meant.has(sum(packet, 0))) this._break("an event was not as it was meant");
  }

  /** The host has sent this. */
  wrote(packet: Uint8Array): void {
    if (packet[0] !== 1) return;
    remember(this._written, packet);
    // With a Reset all connections are gone.
    if (packet[1] !== 0x03 || packet[2] !== 0x0c) return;
    this._unheard.clear();
    this._ends.clear();
  }

  /** The chip has taken this for a command. */
  got(opcode: number, parameters: Uint8Array): void {
    const packet = Uint8Array.of(1, opcode & 255, opcode >> 8, parameters.length, ...parameters);
    if (!this._written.has(sum(packet, 0))) this._break("a command was not as it was meant");
  }

  /** A chip that looks the same as before has lost all it knew. */
  restarted(): void {
    this._break("the chip was started anew");
  }

  private _break(why: string): void {
    if (!this.broken) this.broken = why;
  }
}

function remember(set: Set<number>, packet: Uint8Array): void {
  if (set.size > REMEMBERED) set.clear();
  set.add(sum(packet, 0));
}

/** FNV-1a. */
export function sum(bytes: ArrayLike<number>, begin: number): number {
  let sum = begin || 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) sum = Math.imul(sum ^ bytes[i], 0x01000193);
  return sum;
}
