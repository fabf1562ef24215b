import { VirtualChip, START_BAUD, type ChipOptions, type ChipParts } from "./chip.js";
import { H4 } from "./h4.js";
import { CYW43438 } from "./identity.js";
import { ImageOpcode, splitImage } from "./image.js";
import { latin, le16, u32 } from "./bytes.js";
import { Memory } from "./memory.js";
import { BLOCKS, readPatch, type Patch } from "./patch.js";
import { deviceAddress } from "./pdu.js";
import { Sleep } from "./sleep.js";
import { Status } from "./status.js";
import { CommandTable, type CommandRow } from "./table.js";

/** BD_ADDR of the ROM. */
const ROM_ADDRESS = "aaaaaaaaaaaa";
/** RTS goes high so long after the answer to Launch_RAM has left, ms. */
const LAUNCH_RTS = 2;
/** Octets of a diagnostic packet behind its indicator. */
const DIAGNOSTIC_LENGTH = 63;
/** What marks the version text of a patch for this part. */
const PART_MARK = "4343";
/** ACL packets on their way to peers; with one more than these the part blocks, and tells nobody. */
const STALL = 2;
const CHIP_ID = 94;
const BUILD_TARGET_UNDEFINED = 255;
const CONTROLLER_FEATURES = [0x2e, 0, 0, 0, 0, 0, 0, 0];
/** The clock of the UART cannot be divided to more without Write_UART_Clock_Setting, which the part does not have. */
const BAUD_MAX = 3_000_000;
const BAUD_MIN = 9600;

/**
 * `off`: no power. `booting`: powered, deaf. `rom`: listening without a patch. `download`: after Download_Minidriver. `starting`: after
 * Launch_RAM, deaf. `patched`: listening with a patch. `dead`: silent until the power is taken away.
 */
export type ChipState = "off" | "booting" | "rom" | "download" | "starting" | "patched" | "dead";

export interface Cyw43438Options extends ChipOptions {
  /** From BT_REG_ON rising to listening, ms; default 80. */
  boot?: number;
  /** How long it is deaf after Launch_RAM, ms; real parts 100 to 250; default 150. */
  launch?: number;
  /** How long it is deaf after its answer to Download_Minidriver, with RTS low all the while, ms; default 40. */
  minidriver?: number;
  /** Highest rate that 0xFC18 takes, bit/s; default 3000000. */
  maxbaud?: number;
  /** The rate that the UART really runs at for one that was accepted; default the same. Garble what you like with it. */
  realbaud?: (baud: number) => number;
  /** True: HCI_Reset also returns to 115200, once it has been answered; default false. */
  resetbaud?: boolean;
  /** Zero bytes that it sends whenever it begins to listen; default 0. */
  noise?: number;
  /** A link manager diagnostics packet each so many ms while it listens; default 0, none. */
  diagnostics?: number;
  /** True: starts with a patch for any part; default false. */
  anypart?: boolean;
}

/** One Write_RAM as it was taken. */
export interface Written {
  readonly address: number;
  readonly data: Uint8Array;
}

/**
 * A CYW43438 (BCM43430A1) on its UART: power, ROM state, firmware download, restart with the patch, vendor commands, sleep. What it does is
 * what data sheets, traces and other hosts' drivers tell of the part; where they are silent an option says so.
 */
export class VirtualCyw43438 extends VirtualChip {
  /** The Write_RAM records since the last Download_Minidriver, in their order. */
  written: Written[] = [];
  /** Called when BT_HOST_WAKE goes active (true) or inactive. */
  onhostwake: (active: boolean) => void = () => {};

  private readonly _options: Cyw43438Options;
  private readonly _memory = new Memory();
  private readonly _sleep: Sleep;
  private _state: ChipState = "off";

  constructor(parts: ChipParts, options: Cyw43438Options = {}) {
    super(parts, { ...CYW43438, ...options.identity }, deviceAddress(options.address ?? ROM_ADDRESS).bytes, { stall: STALL, ...options });
    this._options = options;
    this._sleep = new Sleep(parts.clock, {
      doze: (asleep) => this._setDeaf(asleep),
      hostwake: (active) => this.onhostwake(active),
    });
    this._setDeaf(true);
  }

  get state(): ChipState {
    return this.hung ? "dead" : this._state;
  }

  /** True while it sleeps: it hears nothing until BT_DEV_WAKE goes active. */
  get asleep(): boolean {
    return this._sleep.asleep;
  }

  /** BT_REG_ON. Falling, everything is lost; rising, the chip boots from ROM. */
  power(level: 0 | 1): void {
    if (level === 0) {
      this._enter("off");
      this._memory.clear();
    } else if (this._state === "off") {
      this._boot();
    }
  }

  /** Starts anew from ROM, as a dip of the supply makes it: the patch is lost, and nothing is told to the host. Nothing without power. */
  restart(): void {
    if (this._state !== "off") this._boot();
  }

  /**
   * Puts a patch into the chip at once, as if a host had downloaded it before: the chip listens in the state `patched`, or is dead.
   * @throws Error without power
   */
  load(image: Uint8Array): void {
    if (this._state === "off") throw new Error("VirtualCyw43438.load: the chip has no power");
    this._enter("starting");
    this._memory.clear();
    this.written = [];
    for (const { opcode, parameters } of splitImage(image)) if (opcode === ImageOpcode.WRITE_RAM) this.writeRam(parameters);
    this._launched();
  }

  /** BT_DEV_WAKE. */
  devwake(level: 0 | 1): void {
    this._sleep.devwake(level);
  }

  /** Tells the chip whether a 32.768 kHz clock feeds LPO_IN; without one it never sleeps. */
  set clocked(on: boolean) {
    this._sleep.clocked = on;
  }

  /** Sends one link manager diagnostics packet of random content. */
  diagnostic(): void {
    this.inject(Uint8Array.of(H4.DIAGNOSTIC, ...this.controller.draw(DIAGNOSTIC_LENGTH)));
  }

  /** @internal */
  downloadMinidriver(): null {
    if (this._state === "patched") {
      // A patched chip does not survive a second patch.
      this.hang();
      return null;
    }
    this.controller.commandComplete(ImageOpcode.DOWNLOAD_MINIDRIVER, [Status.SUCCESS]);
    this._state = "download";
    this._memory.clear();
    this.written = [];
    this._afterSent(() => {
      this._end.deaf = true;
      this._later(this._options.minidriver ?? 40, () => {
        this._end.deaf = false;
      });
    });
    return null;
  }

  /** @internal @param parameters 32-bit address, then data */
  writeRam(parameters: Uint8Array): number {
    const address = u32(parameters, 0);
    const data = parameters.slice(4);
    this.written.push({ address, data });
    this._memory.write(address, data);
    return Status.SUCCESS;
  }

  /** @internal @param parameters 32-bit address, number of bytes up to 251 */
  readRam(parameters: Uint8Array): ArrayLike<number> | number {
    const length = parameters[4];
    if (length > 251) return Status.INVALID_HCI_COMMAND_PARAMETERS;
    return [Status.SUCCESS, ...this._memory.read(u32(parameters, 0), length)];
  }

  /** @internal */
  launchRam(): number | null {
    this.controller.commandComplete(ImageOpcode.LAUNCH_RAM, [Status.SUCCESS]);
    this._afterSent(() => {
      this._enter("starting");
      // The host sees the chip ready for a moment longer than it is.
      this._end.rts = 0;
      const deaf = this._options.launch ?? 150;
      this._later(Math.min(LAUNCH_RTS, deaf), () => {
        this._end.rts = 1;
      });
      this._later(deaf, () => this._launched());
    });
    return null;
  }

  /** @internal @param parameters 16-bit encoded rate (not used), 32-bit rate */
  updateBaud(opcode: number, parameters: Uint8Array): number | null {
    const baud = u32(parameters, 2);
    if (baud < BAUD_MIN || baud > Math.min(BAUD_MAX, this._options.maxbaud ?? BAUD_MAX)) return Status.INVALID_HCI_COMMAND_PARAMETERS;
    this.controller.commandComplete(opcode, [Status.SUCCESS]);
    this._end.setBaud(this._options.realbaud?.(baud) ?? baud);
    return null;
  }

  /** @internal */
  setSleep(parameters: Uint8Array): number {
    this._sleep.configure(parameters);
    return Status.SUCCESS;
  }

  /** @internal */
  getSleep(): Uint8Array {
    return this._sleep.parameters;
  }

  protected override _perform(opcode: number, packet: Uint8Array): void {
    this._sleep.activity();
    const table = this._state === "download" ? DOWNLOAD : VENDOR;
    if (table.has(opcode)) this.controller.answer(opcode, table.perform(this, opcode, packet.subarray(4)));
    else if (this._state !== "download") this.controller.receive(packet);
    if (opcode === RESET && this._options.resetbaud === true && this._state !== "download") this._end.setBaud(START_BAUD);
  }

  protected override _data(packet: Uint8Array): void {
    this._sleep.activity();
    super._data(packet);
  }

  protected override _transmit(bytes: Uint8Array): void {
    if (this._end.deaf && !this._sleep.asleep) return;
    this._sleep.announce();
    super._transmit(bytes);
  }

  private _boot(): void {
    this._enter("booting");
    this._memory.clear();
    this._later(this._options.boot ?? 80, () => this._run("rom", null));
  }

  /** Ends the life so far and stands in `state`, deaf, at the rate of the start. */
  private _enter(state: ChipState): void {
    this._die();
    this._sleep.reset();
    this._state = state;
    this._end.setBaud(START_BAUD);
    this._setDeaf(true);
  }

  /** Reads what was written and runs it, or not. */
  private _launched(): void {
    const patch = this._findPatch();
    if (patch !== null && (this._options.anypart === true || patch.name.includes(PART_MARK))) this._run("patched", patch);
    else this._state = "dead";
  }

  private _findPatch(): Patch | null {
    const magic = latin(BLOCKS[0]);
    const first = this.written.find(({ address }) => magic.every((byte, i) => this._memory.at(address + i) === byte));
    return first === undefined ? null : readPatch(this._memory, first.address);
  }

  /** Begins to listen. */
  private _run(state: "rom" | "patched", patch: Patch | null): void {
    const rom = { ...CYW43438, ...this._options.identity };
    this._state = state;
    this.controller.identity = patch === null ? rom : { ...rom, revision: patch.revision ?? rom.revision, name: patch.name };
    this.controller.address = patch?.address ?? deviceAddress(this._options.address ?? ROM_ADDRESS).bytes;
    this._setDeaf(false);
    const noise = this._options.noise ?? 0;
    if (noise > 0) this.inject(new Uint8Array(noise));
    const diagnostics = this._options.diagnostics ?? 0;
    if (diagnostics > 0) this._diagnose(diagnostics);
  }

  private _diagnose(ms: number): void {
    this._later(ms, () => {
      this.diagnostic();
      this._diagnose(ms);
    });
  }

  private _setDeaf(deaf: boolean): void {
    this._end.deaf = deaf;
    this._end.rts = deaf ? 1 : 0;
  }
}

const RESET = 0x0c03;
type Row = CommandRow<VirtualCyw43438>;

const DOWNLOAD_MINIDRIVER: Row = {
  opcode: ImageOpcode.DOWNLOAD_MINIDRIVER,
  name: "Download_Minidriver",
  length: 0,
  run: (chip) => chip.downloadMinidriver(),
};
const READ_RAM: Row = { opcode: 0xfc4d, name: "Read_RAM", length: 5, run: (chip, p) => chip.readRam(p) };

/** The vendor commands of the part, in ROM state and patched. */
const VENDOR = new CommandTable<VirtualCyw43438>([
  { opcode: 0xfc01, name: "Write_BD_ADDR", length: 6, run: (chip, p) => setAddress(chip, p) },
  { opcode: 0xfc18, name: "Update_UART_Baud_Rate", length: 6, run: (chip, p) => chip.updateBaud(0xfc18, p) },
  { opcode: 0xfc27, name: "Set_Sleepmode_Param", length: 12, run: (chip, p) => chip.setSleep(p) },
  { opcode: 0xfc28, name: "Read_Sleepmode_Param", length: 0, run: (chip) => [Status.SUCCESS, ...chip.getSleep()] },
  DOWNLOAD_MINIDRIVER,
  { opcode: ImageOpcode.WRITE_RAM, name: "Write_RAM", length: 5, variable: true, run: () => Status.COMMAND_DISALLOWED },
  READ_RAM,
  { opcode: ImageOpcode.LAUNCH_RAM, name: "Launch_RAM", length: 4, run: () => Status.COMMAND_DISALLOWED },
  { opcode: 0xfc6e, name: "Read_Controller_Features", length: 0, run: () => [Status.SUCCESS, ...CONTROLLER_FEATURES] },
  { opcode: 0xfc79, name: "Read_Verbose_Config_Version", length: 0, run: verboseVersion },
]);

/** What download mode answers; it is silent to everything else. */
const DOWNLOAD = new CommandTable<VirtualCyw43438>([
  DOWNLOAD_MINIDRIVER,
  { opcode: ImageOpcode.WRITE_RAM, name: "Write_RAM", length: 5, variable: true, run: (chip, p) => chip.writeRam(p) },
  READ_RAM,
  { opcode: ImageOpcode.LAUNCH_RAM, name: "Launch_RAM", length: 4, run: (chip) => chip.launchRam() },
]);

function setAddress(chip: VirtualCyw43438, address: Uint8Array): number {
  chip.controller.address = address.slice();
  return Status.SUCCESS;
}

function verboseVersion(chip: VirtualCyw43438): number[] {
  return [Status.SUCCESS, CHIP_ID, BUILD_TARGET_UNDEFINED, 0, 0, ...le16(chip.controller.identity.revision)];
}
