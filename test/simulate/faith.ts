/** Packets that are not among those that were meant are lies; how many there may be behind one another before the oldest is forgotten. */
const REMEMBERED = 4000;

/** Connection Complete, Enhanced Connection Complete, Disconnection Complete. */
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

  /** The chip means to say this. */
  meant(packet: Uint8Array): void {
    remember(this._meant, packet);
  }

  /** It has been said once more: buffers that are free twice are too many. */
  repeated(packet: Uint8Array): void {
    if (packet[0] === 4 && packet[1] === 0x13) this._break("packets were reported as completed twice");
    // A link that begins anew gives back what was in flight on the one before.
    if (packet[0] === 4 && VITAL(packet)) this._break("an event of a connection was said twice");
  }

  /** The host has taken this for a packet. */
  told(packet: Uint8Array): void {
    if (packet[0] === 4 && !this._meant.has(sum(packet, 0))) this._break("an event was not as it was meant");
  }

  /** The host has sent this. */
  wrote(packet: Uint8Array): void {
    if (packet[0] === 1) remember(this._written, packet);
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
