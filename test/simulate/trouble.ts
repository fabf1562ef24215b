import type { Board, PlainController, VirtualCyw43438 } from "../../hal/mock/index.js";
import { Random, VirtualCyw43438 as Cyw } from "../../hal/mock/index.js";
import type { Faith } from "./faith.js";
import { KINDS, type Counts, type Kind } from "./kinds.js";

/** Which kinds a run has, a source of chance for each, and how often each has struck. */
export class Troubles {
  readonly counts: Counts = {};
  /** False: nothing goes wrong any more. */
  on = true;
  private readonly _kinds: Set<Kind>;
  private readonly _chances: { [kind in Kind]?: Random } = {};
  private readonly _seed: number;

  constructor(seed: number, kinds: Iterable<Kind>) {
    this._seed = seed;
    this._kinds = new Set(kinds);
  }

  has(kind: Kind): boolean {
    return this._kinds.has(kind);
  }

  /** The chance of a kind; one's own, so that a run without another kind differs by that alone. */
  chance(kind: Kind): Random {
    return (this._chances[kind] ??= new Random(this._seed * 64 + Object.keys(KINDS).indexOf(kind) + 1));
  }

  /** Whether it strikes now, one time of `odds`. */
  strikes(kind: Kind, odds: number): boolean {
    if (!this.on || !this._kinds.has(kind) || this.chance(kind).below(odds)) return false;
    this.note(kind);
    return true;
  }

  note(kind: Kind): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
  }
}

type Chip = VirtualCyw43438 | PlainController;

/** Makes the wire of a board lose, double and flip bytes; a fault each `odds` bytes. */
export function troubleWire(board: Board<Chip>, troubles: Troubles, odds: number): void {
  for (const line of [board.wire.toHost, board.wire.toChip]) {
    let left = 0;
    const kinds = (["lose", "double", "flip"] as const).filter((kind) => troubles.has(kind));
    if (!kinds.length) continue;
    const chance = troubles.chance(kinds[0]);
    const draw = (): number => 1 + chance.below(2 * odds);
    left = draw();
    line.fault = (byte) => {
      if (!troubles.on || --left > 0) return byte;
      left = draw();
      // Where one byte is hit the next ones often are, too.
      if (chance.below(4) === 0) left = 1 + chance.below(4);
      const kind = kinds[chance.below(kinds.length)];
      troubles.note(kind);
      if (kind === "lose") return null;
      return kind === "double" ? [byte, byte] : byte ^ (1 << chance.below(8));
    };
  }
  if (troubles.has("delay")) {
    const { toHost } = board.wire;
    const usual = toHost.chunk;
    const chance = troubles.chance("delay");
    toHost.chunk = () => (troubles.strikes("delay", 40) ? 1 + chance.below(1000) : typeof usual === "number" ? usual : usual());
  }
}

/** Events whose statuses, lengths and counts the stack has to doubt. */
const COMPLETE = 0x0e;
const STATUS = 0x0f;
const COMPLETED = 0x13;
const META = 0x3e;

/** Makes the chip say other things than it means; each time one of `odds` packets. */
export function troubleChip(board: Board<Chip>, troubles: Troubles, faith: Faith, odds: number): void {
  const { chip } = board;
  const { controller } = chip;
  const send = controller.send;
  controller.send = (packet) => {
    faith.meant(packet);
    if (!troubles.on) return send(packet);
    const isEvent = packet[0] === 4;
    if (troubles.strikes("unsaid", odds)) return;
    if (troubles.strikes("twice", odds)) {
      faith.repeated(packet);
      send(packet.slice());
    }
    let said = packet;
    if (isEvent && packet.length > 3 && troubles.strikes("truncate", odds)) {
      said = packet.slice(0, 3 + troubles.chance("truncate").below(packet.length - 3));
      said[2] = said.length - 3;
    }
    if (isEvent && said.length > 3 && troubles.strikes("falsify", odds)) {
      said = said.slice();
      said[3 + troubles.chance("falsify").below(said.length - 3)] = troubles.chance("falsify").below(256);
    }
    if (isEvent && said.length > 5 && countAt(said) > 0 && troubles.strikes("counts", 4)) {
      said = said.slice();
      const chance = troubles.chance("counts");
      said[countAt(said)] = [0, 1, 2, 255, chance.below(256)][chance.below(5)];
    }
    if (isEvent && said.length > 4 && statusAt(said) > 0 && troubles.strikes("statuses", odds)) {
      said = said.slice();
      said[statusAt(said)] = [0, 0x02, 0x0c, 0x12, 0x3e, troubles.chance("statuses").below(256)][troubles.chance("statuses").below(6)];
    }
    send(said);
  };
  let late = 0;
  chip.hook = (opcode, parameters) => {
    const { now } = board.clock;
    faith.got(opcode, parameters);
    // Commands are done in their order.
    if (now < late) return { delay: late - now };
    if (troubles.strikes("unanswered", odds)) return "drop";
    if (troubles.strikes("late", odds)) {
      late = now + [5, 300, 1500, 2500][troubles.chance("late").below(4)];
      return { delay: late - now };
    }
    // Some commands are never refused by anybody.
    if (opcode !== 0x0c03 && opcode !== 0x1001 && troubles.strikes("statuses", 2 * odds)) {
      const status = [0x01, 0x0c, 0x12, 0x1f][troubles.chance("statuses").below(4)];
      faith.meant(Uint8Array.of(4, 0x0e, 4, controller.commandpackets, opcode & 255, opcode >> 8, status));
      return { status };
    }
    return undefined;
  };
}

/** Where an event has a count of commands, packets or reports; 0: nowhere. Counts are wrong seldom elsewhere. */
function countAt(packet: Uint8Array): number {
  if (packet[1] === COMPLETE) return 3;
  if (packet[1] === STATUS) return 4;
  if (packet[1] === COMPLETED) return packet[3] === 1 && packet.length === 8 ? 6 : 3;
  return packet[1] === META && packet[3] === 2 ? 4 : 0;
}

function statusAt(packet: Uint8Array): number {
  if (packet[1] === COMPLETE) return packet.length > 6 ? 6 : 0;
  if (packet[1] === META) return packet[3] === 1 || packet[3] === 3 ? 4 : 0;
  return packet[1] === STATUS || packet[1] === 0x05 || packet[1] === 0x08 || packet[1] === 0x30 ? 3 : 0;
}

/** Now and then something happens to the chip by itself. Returns what, or nothing. */
export function strikeChip(board: Board<Chip>, troubles: Troubles): string | undefined {
  const { chip } = board;
  if (chip instanceof Cyw && troubles.strikes("restart", 25)) {
    chip.restart();
    return "restart";
  }
  if (troubles.strikes("hang", 40)) {
    chip.hang();
    return "hang";
  }
  if (troubles.strikes("hardware", 25)) {
    chip.hardwareError(troubles.chance("hardware").below(256));
    return "hardware error";
  }
  if (troubles.strikes("noise", 8)) {
    const chance = troubles.chance("noise");
    const bytes = new Uint8Array(1 + chance.below(chance.below(3) ? 8 : 300));
    chance.fill(bytes);
    // Sometimes it looks like the beginning of something.
    if (chance.below(2)) bytes[0] = [1, 2, 3, 4, 7][chance.below(5)];
    chip.inject(bytes);
    return `noise of ${bytes.length} bytes`;
  }
  return undefined;
}
