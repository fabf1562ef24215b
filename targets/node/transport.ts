import { reject } from "../../core/errors.js";

/** Where a controller is. */
export type Transport =
  /** A virtual CYW43438, in this process. */
  | { readonly kind: "mock" }
  /** A unix stream socket on which a controller speaks H4. */
  | { readonly kind: "unix"; readonly path: string }
  /** A TCP server that does. */
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  /** A serial line; `baud` is the rate (bit/s) at which the controller comes out of a reset, 115200 where it is left out. */
  | { readonly kind: "serial"; readonly device: string; readonly baud?: number };

/** How a transport is written. */
export const TRANSPORT_FORMS = "mock, unix:PATH, tcp:HOST:PORT or serial:DEVICE[@BAUD]";

/** Rates (bit/s) that the contract of `Uart.open` allows. */
export const LEAST_BAUD = 9600;
export const MOST_BAUD = 4_000_000;

/**
 * Reads a transport.
 * @param text `mock`, `unix:PATH`, `tcp:HOST:PORT` (an IPv6 address in brackets) or `serial:DEVICE[@BAUD]`
 * @returns null where it is none of these, or a port or a rate is out of its bounds (1 to 65535, 9600 to 4000000)
 */
export function readTransport(text: string): Transport | null {
  const colon = text.indexOf(":");
  const kind = colon < 0 ? text : text.slice(0, colon);
  const rest = colon < 0 ? "" : text.slice(colon + 1);
  if (kind === "mock") return colon < 0 ? { kind } : null;
  if (rest === "") return null;
  if (kind === "unix") return { kind, path: rest };
  if (kind === "tcp") return readTcp(rest);
  return kind === "serial" ? readSerial(rest) : null;
}

/**
 * Reads a transport, as `readTransport`.
 * @throws BlimpError "argument" where it is none
 */
export function parseTransport(text: string): Transport {
  return (typeof text === "string" ? readTransport(text) : null) ?? reject("createNodeHal", "transport", text, TRANSPORT_FORMS);
}

function readTcp(text: string): Transport | null {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d+)$/.exec(text);
  if (match === null) return null;
  const port = Number(match[3]);
  return port >= 1 && port <= 65535 ? { kind: "tcp", host: match[1] ?? match[2], port } : null;
}

function readSerial(text: string): Transport | null {
  const match = /^(.*)@(\d+)$/.exec(text);
  if (match === null) return { kind: "serial", device: text };
  const baud = Number(match[2]);
  return match[1] !== "" && baud >= LEAST_BAUD && baud <= MOST_BAUD ? { kind: "serial", device: match[1], baud } : null;
}
