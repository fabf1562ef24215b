import type { Air } from "./air.js";
import { u16 } from "./bytes.js";
import type { VirtualClock } from "./clock.js";
import { LeController, type ControllerOptions } from "./controller.js";
import { EventCode } from "./events.js";
import { H4, H4Assembler } from "./h4.js";
import type { ControllerIdentity } from "./identity.js";
import type { Random } from "./random.js";
import type { WireEnd } from "./wire.js";

/** Rate at which every chip starts, bit/s. */
export const START_BAUD = 115200;

/** The command that needs no credit and has no answer (Core Vol 4 Part E 7.3.40). */
const HOST_NUMBER_OF_COMPLETED_PACKETS = 0x0c35;

/** A command as the chip received it. */
export interface LoggedCommand {
  /** When its last byte had arrived, ms. */
  readonly time: number;
  readonly opcode: number;
  readonly parameters: Uint8Array;
}

/** A packet that the host was not allowed to send. */
export interface Violation {
  /** When its first byte had arrived, ms. */
  readonly time: number;
  /** 0 for ACL data. */
  readonly opcode: number;
  readonly reason: string;
}

/**
 * What a test's hook wants done with a command: undefined performs it, "drop" forgets it, `status` refuses it with a Command Complete of
 * that status, `bytes` sends them (any bytes) in place of performing it, `delay` performs it so many ms later than usual.
 */
export type HookAnswer = undefined | "drop" | { status: number } | { bytes: Uint8Array } | { delay: number };

/**
 * Asked about each command before it is performed.
 * @param parameters valid during the call only
 * @param count how many commands with this opcode there have been, this one included
 */
export type Hook = (opcode: number, parameters: Uint8Array, count: number) => HookAnswer;

export interface ChipOptions extends ControllerOptions {
  /** From the last byte of a command to the first of its answer, ms; default 0.5. */
  turnaround?: number;
  /** False: `log` stays empty, for long runs; default true. */
  log?: boolean;
  /**
   * How long (ms) a host has to wait for an answer, or for a credit, before a further command is no violation any more; default 100.
   * Hosts repeat HCI_Reset each 200 ms and give up other commands later.
   */
  patience?: number;
  /** What differs from the part's own identity. */
  identity?: Partial<ControllerIdentity>;
  /** BD_ADDR of the part without any patch, 12 hexadecimal digits, most significant octet first. */
  address?: string;
}

/** What a chip is connected to. */
export interface ChipParts {
  readonly clock: VirtualClock;
  readonly air: Air;
  /** The chip's end of the wire. */
  readonly end: WireEnd;
  readonly random: Random;
}

/**
 * A controller behind a UART: H4 framing, the time that a command takes, supervision of the host's command flow control, and what a test
 * needs to look at it and to make it misbehave.
 */
export abstract class VirtualChip {
  readonly controller: LeController;
  /** The commands received, oldest first. */
  readonly log: LoggedCommand[] = [];
  /** What the host did against the rules, oldest first. Empty is what a test wants. */
  readonly violations: Violation[] = [];
  hook: Hook | undefined = undefined;
  /** ms, see `ChipOptions.turnaround`; may be changed at any time. */
  turnaround: number;

  protected readonly _clock: VirtualClock;
  protected readonly _end: WireEnd;
  protected readonly _random: Random;
  private readonly _logging: boolean;
  private readonly _patience: number;
  private readonly _assembler: H4Assembler;
  private readonly _counts = new Map<number, number>();
  /** Work that was begun in one life is not finished in the next. */
  private _life = 0;
  private _hung = false;
  private _busy = 0;
  /** What the host knows: commands that it may send, the one that has no answer yet, and since when it has been so. */
  private _credits = 1;
  private _unanswered: number | null = null;
  private _since = 0;
  /** Why the packet that is arriving should not have been sent; null if it may. */
  private _offence: string | null = null;
  private _begun = 0;

  constructor(parts: ChipParts, identity: ControllerIdentity, address: Uint8Array, options: ChipOptions) {
    this._clock = parts.clock;
    this._end = parts.end;
    this._random = parts.random;
    this.turnaround = options.turnaround ?? 0.5;
    this._logging = options.log ?? true;
    this._patience = options.patience ?? 100;
    this._assembler = new H4Assembler(
      (indicator) => this._begin(indicator),
      (packet) => this._packet(packet),
    );
    this.controller = new LeController(parts.air, parts.random, identity, address, options);
    this.controller.send = (packet) => this._transmit(packet);
    this.controller.backlog = () => this._end.queued;
    this.controller.violation = (reason) => this.violations.push({ time: this._begun, opcode: 0, reason });
    this._end.flow = true;
    this._end.setBaud(START_BAUD);
    this._end.receive = (bytes) => {
      if (!this._hung) this._assembler.push(bytes);
    };
  }

  /** Rate of the chip's UART now, bit/s. */
  get baud(): number {
    return this._end.baud;
  }

  /** True after `hang()`, until the chip is started anew. */
  get hung(): boolean {
    return this._hung;
  }

  /** How many commands of an opcode have been received; not reset by anything. */
  count(opcode: number): number {
    return this._counts.get(opcode) ?? 0;
  }

  /** Sends raw bytes to the host: a packet, part of one, or noise. */
  inject(bytes: Uint8Array): void {
    this._transmit(bytes);
  }

  /** Sends a Hardware Error event, if the host's event mask lets it through. */
  hardwareError(code: number): void {
    this.controller.event(EventCode.HARDWARE_ERROR, [code]);
  }

  /** The firmware stops: the radio is silent and nothing is answered, though the UART goes on taking bytes. */
  hang(): void {
    this._die();
    this._hung = true;
  }

  /** Performs a command that came from the host. */
  protected abstract _perform(opcode: number, packet: Uint8Array): void;

  /** Takes a data packet of the host. */
  protected _data(packet: Uint8Array): void {
    this.controller.receive(packet);
  }

  /** Ends all that is going on and forgets what the host was told, as a reset of the hardware does. */
  protected _die(): void {
    this._life++;
    this._hung = false;
    this._busy = 0;
    this._credits = 1;
    this._unanswered = null;
    this._offence = null;
    this._assembler.reset();
    this._end.abort();
    this.controller.reset();
  }

  /** Calls `action` after `ms`, unless the chip has been reset by then. */
  protected _later(ms: number, action: () => void): void {
    const life = this._life;
    this._clock.after(ms, () => {
      if (life === this._life) action();
    });
  }

  /** Calls `action` when everything sent has left, unless the chip has been reset by then. */
  protected _afterSent(action: () => void): void {
    const life = this._life;
    this._end.afterSent(() => {
      if (life === this._life) action();
    });
  }

  protected _transmit(bytes: Uint8Array): void {
    if (this._hung) return;
    this._end.send(bytes);
    if (bytes[0] === H4.EVENT && bytes[1] === EventCode.COMMAND_COMPLETE) this._account(bytes[3], u16(bytes, 4));
    else if (bytes[0] === H4.EVENT && bytes[1] === EventCode.COMMAND_STATUS) this._account(bytes[4], u16(bytes, 5));
  }

  /** Notes the credits of an answer as soon as the host has them. */
  private _account(credits: number, opcode: number): void {
    this._afterSent(() => {
      this._credits = credits;
      if (opcode === this._unanswered) this._unanswered = null;
      this._since = this._clock.now;
    });
  }

  private _begin(indicator: number): void {
    this._begun = this._clock.now;
    this._offence = null;
    if (indicator !== H4.COMMAND || this._clock.now - this._since >= this._patience) return;
    if (this._unanswered !== null) this._offence = `0x${this._unanswered.toString(16)} has not been answered`;
    else if (this._credits === 0) this._offence = "Num_HCI_Command_Packets is 0";
  }

  private _packet(packet: Uint8Array): void {
    if (packet[0] !== H4.COMMAND) {
      if (packet[0] !== H4.DIAGNOSTIC) this._data(packet);
      return;
    }
    const opcode = u16(packet, 1);
    if (opcode !== HOST_NUMBER_OF_COMPLETED_PACKETS) this._supervise(opcode);
    const parameters = packet.subarray(4);
    if (this._logging) this.log.push({ time: this._clock.now, opcode, parameters: parameters.slice() });
    const count = this.count(opcode) + 1;
    this._counts.set(opcode, count);
    this._schedule(opcode, packet.slice(), this.hook?.(opcode, parameters, count));
  }

  private _supervise(opcode: number): void {
    if (this._offence !== null) this.violations.push({ time: this._begun, opcode, reason: this._offence });
    this._unanswered = opcode;
    this._since = this._clock.now;
    this._credits = Math.max(0, this._credits - 1);
  }

  private _schedule(opcode: number, packet: Uint8Array, answer: HookAnswer): void {
    if (answer === "drop") return;
    const delay = answer !== undefined && "delay" in answer ? answer.delay : 0;
    this._busy = Math.max(this._busy, this._clock.now) + this.turnaround;
    this._later(this._busy + delay - this._clock.now, () => {
      if (answer !== undefined && "bytes" in answer) this.inject(answer.bytes);
      else if (answer !== undefined && "status" in answer) this.controller.commandComplete(opcode, [answer.status]);
      else this._perform(opcode, packet);
    });
  }
}
