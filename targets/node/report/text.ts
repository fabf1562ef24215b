import type { ReadyInfo } from "../../../core/options.js";
import { explain } from "./explain.js";
import { formatUuid } from "../ibeacon.js";
import { formatHandle, type Explored } from "./explored.js";
import {
  formatCode,
  formatPeer,
  formatShortUuid,
  formatValue,
  listOf,
  PROPERTIES,
  SUBSCRIPTIONS,
  type Happening,
  type Passkey,
  type Peer,
  type Place,
  type Served,
  type Word,
} from "./happening.js";
import { describe, formatDistance, type Hearing } from "./hearing.js";
import { nameOf } from "./names.js";
import { printable } from "./printable.js";
import type { Broadcast, Report, Search } from "./report.js";
import type { Reset } from "./reset.js";
import { frequencyOf, lossOf, PAYLOADS, type Tested, type Testing } from "./testing.js";

/** What goes on in each step of the bring-up. */
const STEPS: { readonly [step: string]: string | undefined } = {
  firmware: "check the image",
  power: "switch the chip on, where that is wired",
  reset: "HCI Reset, until the chip answers",
  identity: "which part, which revision?",
  baud: "change the rate of the UART",
  minidriver: "get ready for a download",
  record: "load the firmware",
  launch: "start the firmware",
  settle: "give it time to start",
  address: "settle the device's address",
  setup: "name, event masks",
};

export const WIDTH = 80;
const BAR = 30;

/** Columns of the time in front of each line, and of the margin where there is none. */
const TIME = 8;
const MARGIN = " ".repeat(TIME + 5);

/** Without a terminal the download is told each time that another such share of it is done. */
const SHARE = 0.25;

/** Digits that can be read from the other side of the table: of each the five lines, five columns wide. */
const DIGITS = [
  [" ### ", "#   #", "#   #", "#   #", " ### "],
  ["  #  ", " ##  ", "  #  ", "  #  ", " ### "],
  ["#### ", "    #", " ### ", "#    ", "#####"],
  ["#### ", "    #", "  ## ", "    #", "#### "],
  ["#   #", "#   #", "#####", "    #", "    #"],
  ["#####", "#    ", "#### ", "    #", "#### "],
  [" ### ", "#    ", "#### ", "#   #", " ### "],
  ["#####", "    #", "   # ", "  #  ", "  #  "],
  [" ### ", "#   #", " ### ", "#   #", " ### "],
  [" ### ", "#   #", " ####", "    #", " ### "],
];

type Style = "bold" | "dim" | "green" | "red" | "yellow";
const CODES: { readonly [style in Style]: number } = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 };

/** Where text goes: `process.stdout`, or what a test gives in its place. */
export interface TextOutput {
  readonly isTTY?: boolean;
  /** The size of the terminal. */
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** For people: colours and a bar that moves on a terminal, plain lines elsewhere. */
export class TextReport implements Report {
  protected readonly _out: TextOutput;
  private readonly _errors: TextOutput;
  protected readonly _terminal: boolean;
  private readonly _colours: boolean;
  /** Characters beyond ASCII can be shown. */
  protected readonly _unicode: boolean;
  /** What the present line holds, "" at its beginning. */
  private _line = "";
  private _step = "";
  /** The part of the download that is told next. */
  private _share = SHARE;

  /**
   * @param out where the report goes
   * @param errors where warnings and errors go
   */
  constructor(out: TextOutput, errors: TextOutput, environment: NodeJS.ProcessEnv = process.env) {
    const locale = environment.LC_ALL || environment.LC_CTYPE || environment.LANG || "";
    this._out = out;
    this._errors = errors;
    this._terminal = out.isTTY === true && environment.TERM !== "dumb";
    this._colours = this._terminal && !environment.NO_COLOR;
    this._unicode = this._terminal && /utf-?8/i.test(locale);
  }

  title(text: string): void {
    this._put(this._style("bold", text) + "\n");
  }

  step(step: string, ms: number): void {
    this._step = step;
    this._share = SHARE;
    this._put(`${this._time(ms)} ${this._style("bold", step.padEnd(11))} ${this._style("dim", STEPS[step] ?? "")}`.trimEnd());
  }

  progress(done: number, total: number): void {
    const part = Math.round((100 * done) / total) / 100;
    // The bytes of the last record, which starts the firmware, are done when that step is told already.
    if (this._step !== "record") return;
    if (this._terminal) this._replace(this._bar(part, total));
    else if (part >= this._share) this._put(`${MARGIN}${percent(part)} of ${kilobytes(total)}`);
    if (part >= this._share) this._share = (Math.floor(part / SHARE) + 1) * SHARE;
  }

  ready({ ms, name, revision, address }: ReadyInfo): void {
    this._put(`${this._time(ms)} ${this._style("green", "ready".padEnd(11))} ${name === "" ? "a controller without a name" : printable(name, false)}, revision ${revision}`);
    this._put(`${MARGIN}${" ".repeat(12)}address ${colons(address)}`);
  }

  recovered({ ms }: ReadyInfo): void {
    this._put(`${MARGIN}${this._style("green", "back")} after ${Math.round(ms)} ms`);
  }

  advertising({ beacon, interval }: Broadcast): void {
    const { uuid, major, minor, power } = beacon;
    this._put(`\n${this._style("green", "advertising")} an iBeacon every ${interval} ms, power ${power} dBm`);
    this._put(`  UUID ${formatUuid(uuid)}  major ${major}  minor ${minor}\n`);
  }

  scanning({ active, interval, window, rules }: Search): void {
    const how = `${active ? "actively" : "passively"}, ${window} of every ${interval} ms`;
    this._put(`\n${this._style("green", "scanning")} ${how}, ${rules.length} ${rules.length === 1 ? "rule" : "rules"}\n`);
  }

  /** An iBeacon that stands for itself. */
  heard(hearing: Hearing): void {
    const { ms, advert, rssi, ibeacon, distance } = hearing;
    const what = ibeacon === null ? describe(hearing, false) : `${formatUuid(ibeacon.uuid)}  major ${ibeacon.major}  minor ${ibeacon.minor}`;
    const strength = rssi === null ? "of unknown strength" : `at ${rssi} dBm`;
    const power = ibeacon === null ? "" : `, power ${ibeacon.power} dBm`;
    const about = distance === null ? "" : `, about ${formatDistance(distance)}`;
    this._put(`${this._time(ms)} ${this._style("bold", what)}`);
    this._put(`${MARGIN}from ${colons(advert.address)} ${strength}${power}${about}`);
  }

  serving({ table, advert, scanResponse }: Served): void {
    const { name, min, max, security, services } = table;
    this._put(`\n${this._style("green", "serving")} "${printable(name, this._unicode)}", security level ${security}, an advert every ${min === max ? min : `${min} to ${max}`} ms`);
    this._put(`  advert        ${formatValue(advert, null)}`);
    if (scanResponse !== null) this._put(`  scan response ${formatValue(scanResponse, null)}`);
    for (const service of services) {
      this._put(`  service ${formatShortUuid(service.uuid)}`);
      for (const { uuid, flags } of service.chars) this._put(`    ${formatShortUuid(uuid)}  ${listOf(PROPERTIES, flags)}`);
    }
    this._put("");
  }

  happened(happening: Happening): void {
    const { what, ms, uuid } = happening;
    const head = `${this._time(ms)} ${this._style("bold", what.padEnd(10))}`;
    const value = "value" in happening ? ` ${formatValue(happening.value, this._unicode)}` : "";
    if (what === "connect") this._put(`${head} ${formatPeer(happening)}, security level ${happening.security}`);
    else if (what === "close") this._put(`${head} ${formatPeer(happening)}: ${happening.why}`);
    else if (what === "secure") this._put(`${head} ${formatPeer(happening)}: paired, security level ${happening.security}${happening.bonded ? ", the key is kept" : ""}`);
    else if (what === "failed") {
      const { operation, error } = happening;
      const often = "failures" in happening && happening.failures! > 1 ? `, ${happening.failures} times in a row` : "";
      const place = uuid === undefined ? "" : ` ${placed(happening)}`;
      this._put(`${this._time(ms)} ${this._style("red", what.padEnd(10))} ${operation}${place}: ${error}${often}  ${formatPeer(happening)}`);
    } else if (what === "subscribe") this._put(`${head} ${placed(happening)} ${SUBSCRIPTIONS[happening.on]}  ${formatPeer(happening)}`);
    else {
      const failed = what === "notify" && happening.error !== null ? `: ${happening.error}` : "";
      this._put(`${head} ${placed(happening)}${value}  ${formatPeer(happening)}${failed}`);
    }
  }

  passkey({ ms, code, peer }: Passkey): void {
    const digits = formatCode(code);
    const head = `${this._time(ms)} ${this._style("bold", "passkey".padEnd(10))}`;
    if (peer === null) return this._put(`${head} the code is ${this._style("bold", digits)}`);
    const lines = DIGITS[0].map((_, line) => [...digits].map((digit) => DIGITS[Number(digit)][line]).join("  ").trimEnd());
    const big = lines.map((line) => `\n${MARGIN}${this._style("bold", line)}`.trimEnd()).join("");
    this._put(`${head} type ${this._style("bold", digits)} into ${formatPeer(peer)}\n${big}\n`);
  }

  said({ ms, who, text }: Word): void {
    this._put(`${this._time(ms)} ${this._style("bold", who.padEnd(10))} ${text}`);
  }

  connecting(peer: Peer): void {
    this._put(`\n${this._style("green", "connecting")} to ${formatPeer(peer)} (${peer.addresstype === 0 ? "public" : "random"} address)\n`);
  }

  explored({ services, readings }: Explored): void {
    const value = (handle: number): string => {
      const reading = readings.get(handle);
      return reading === undefined ? "" : typeof reading === "string" ? `  ${this._style("dim", reading)}` : `  ${formatValue(reading, this._unicode)}`;
    };
    this._put("");
    if (services.length === 0) this._put("  nothing is served");
    for (const { uuid, primary, chars } of services) {
      this._put(`  ${primary ? "service" : "secondary service"} ${this._style("bold", named(uuid))}`);
      for (const char of chars) {
        this._put(`    ${formatHandle(char.handle)} ${this._style("bold", named(char.uuid))}  ${this._style("dim", listOf(PROPERTIES, char.flags))}`);
        if (readings.has(char.handle)) this._put(`         ${value(char.handle)}`);
        for (const descriptor of char.descriptors) this._put(`           ${formatHandle(descriptor.handle)} ${named(descriptor.uuid)}${value(descriptor.handle)}`);
      }
    }
    this._put("");
  }

  reset({ file, bonds, address }: Reset): void {
    this._put(`${this._style("green", "erased")} ${printable(file, this._unicode)}: ${bonds} ${bonds === 1 ? "bond" : "bonds"}${address ? " and the device's address" : ""}`);
  }

  testing({ channel, length, payload }: Testing): void {
    const packets = payload === undefined ? "counting test packets" : `sending test packets of ${length} bytes, ${PAYLOADS[payload]},`;
    this._put(`\n${this._style("green", "testing")} ${packets} on channel ${channel}, ${frequencyOf(channel)} MHz\n`);
  }

  tested(tested: Tested): void {
    const { what, ms, packets, sent } = tested;
    const loss = lossOf(tested);
    const counted = what === "transmit" ? "sent" : `${this._style("bold", String(packets))} packets received${loss === null ? "" : ` of ${sent}: ${loss} % lost`}`;
    this._put(`${MARGIN}${counted} in ${(ms / 1000).toFixed(2)} s`);
  }

  warning(error: Error): void {
    this._failure("yellow", "warning", error);
  }

  error(error: Error): void {
    this._failure("red", "error", error);
  }

  end(ms: number): void {
    this._put(`${this._time(ms)} ${this._style("bold", "closed")}`);
  }

  private _failure(style: Style, what: string, error: Error): void {
    const advice = explain(error);
    const text = `${this._errors.isTTY ? this._style(style, what) : what}: ${error.message}\n`;
    this._above(() => {
      if (this._line !== "") this._out.write("\n");
      this._line = "";
      this._errors.write(advice === null ? text : `${text}  ${fold(advice, WIDTH - 2).join("\n  ")}\n`);
    });
  }

  private _bar(part: number, total: number): string {
    const full = Math.round(part * BAR);
    const bar = (this._unicode ? "█" : "#").repeat(full) + this._style("dim", (this._unicode ? "░" : ".").repeat(BAR - full));
    return `${MARGIN}${bar} ${percent(part)} of ${kilobytes(total)}`;
  }

  protected _time(ms: number): string {
    return this._style("dim", `${Math.round(ms).toString().padStart(TIME)} ms`) + " ";
  }

  protected _style(style: Style, text: string): string {
    return this._colours && text !== "" ? `\x1b[${CODES[style]}m${text}\x1b[0m` : text;
  }

  /** A line of its own. */
  protected _put(text: string): void {
    this._above(() => {
      this._out.write(`${this._line === "" ? "" : "\n"}${text}\n`);
      this._line = "";
    });
  }

  /** Writes whole lines; whoever keeps something below them makes room first. */
  protected _above(tell: () => void): void {
    tell();
  }

  /** Writes over the present line, which is never shortened. */
  private _replace(text: string): void {
    if (text === this._line) return;
    this._out.write(`${this._line === "" ? "" : "\r"}${text}`);
    this._line = text;
  }
}

/** Where it happened: the UUID, as far as it is known. */
function placed(place: object): string {
  const { uuid, handle } = place as Place;
  return uuid === "" ? formatHandle(handle) : formatShortUuid(uuid);
}

/** A UUID, and its name if it has one. */
function named(uuid: string): string {
  const name = nameOf(uuid);
  return name === null ? formatShortUuid(uuid) : `${formatShortUuid(uuid)} ${name}`;
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`.padStart(5);
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}

export function colons(address: string): string {
  return address.replace(/..(?=.)/g, "$&:");
}

function fold(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
