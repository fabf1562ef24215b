import { parseAddress } from "../../../core/bytes/hex.js";
import type { Options } from "../../../core/options.js";
import { makeImage } from "../../../hal/mock/index.js";
import { createSnoopWriter, type SnoopWriter } from "../btsnoop.js";
import { createNodeHal, type NodeHal } from "../hal.js";
import { isRegon } from "../regon.js";
import { readTransport, TRANSPORT_FORMS } from "../transport.js";
import type { Arguments, OptionRow } from "./arguments.js";

/** The options that say where the controller is and how it is brought up. */
export const CONNECTION_ROWS: readonly OptionRow[] = [
  { name: "h4", value: "TRANSPORT", text: `where the controller is: ${TRANSPORT_FORMS}; default mock, a virtual CYW43438` },
  { name: "firmware", value: "FILE", text: "the .hcd image to load; default with mock an image made for it, else none" },
  { name: "mac", value: "ADDR", text: "the device's address, 12 hex digits" },
  { name: "flow", text: "RTS and CTS are wired; default with mock" },
  { name: "no-flow", text: "RTS and CTS are not wired; default with serial" },
  { name: "baud", value: "N", text: "working rate in bit/s, 9600 to 3000000; default 921600 with flow control, else that of the reset" },
  {
    name: "regon",
    value: "CMD",
    text:
      'what sets BT_REG_ON: a command in which {level} stands for 0 or 1, such as "gpioset --mode=exit gpiochip0 45={level}", ' +
      "or the path of a file that takes 0 or 1; default: not wired",
  },
  { name: "trace", value: "FILE", text: "record what passes the UART, as btsnoop (H4)" },
  { name: "fast", text: "with mock: virtual time runs as fast as it can" },
];

/** Where the controller is and how it is brought up. */
export interface Connection {
  readonly transport: string;
  readonly hal: NodeHal;
  readonly firmware: Uint8Array | null;
  readonly options: Options;
  readonly trace: SnoopWriter | null;
}

/**
 * Makes a connection of the options; nothing is opened yet but the trace file.
 * @throws UsageError
 */
export function readConnection(given: Arguments): Connection {
  const transport = given.text("h4") ?? "mock";
  const kind = readTransport(transport)?.kind ?? given.refuse("h4", `expected ${TRANSPORT_FORMS}`);
  const mac = given.text("mac");
  const regon = given.text("regon");
  if (mac !== undefined && parseAddress(mac) === null) given.refuse("mac", "expected 12 hex digits");
  if (given.has("fast") && kind !== "mock") given.refuse("fast", `only mock has a clock that can run faster, not ${transport}`);
  if (given.has("flow") && given.has("no-flow")) given.refuse("flow", "contradicts --no-flow");
  if (given.has("flow") && (kind === "unix" || kind === "tcp")) given.refuse("flow", `${transport} has no RTS and CTS`);
  if (regon !== undefined && kind === "mock") given.refuse("regon", "the BT_REG_ON of mock is wired already");
  if (regon !== undefined && !isRegon(regon)) given.refuse("regon", "expected a command with {level}, or an absolute path");
  const baud = given.integer("baud", 9600, 3_000_000);
  const firmware = given.file("firmware") ?? (kind === "mock" ? makeImage() : null);
  const flow = given.has("flow") ? true : given.has("no-flow") ? false : undefined;
  const hal = createNodeHal(transport, { fast: given.has("fast"), flow, regon });
  const options: Options = { mac, baud, resetbaud: hal.resetbaud };
  return { transport, hal, firmware, options, trace: openTrace(given, hal) };
}

/** Begins the file of `--trace`, timed by the clock of the HAL: with mock that is the virtual one. */
export function openTrace(given: Arguments, hal: NodeHal): SnoopWriter | null {
  const path = given.text("trace");
  return path === undefined ? null : given.attempt("trace", () => createSnoopWriter(path, { now: () => hal.timer.now() }));
}
