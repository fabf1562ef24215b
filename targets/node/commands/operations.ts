import { parseUuid } from "../ibeacon.js";
import { UsageError } from "./arguments.js";

/** A characteristic as it is named on the command line or the prompt: a UUID of 4 or 32 lower-case hex digits, or the handle of its value. */
export type Target = { readonly uuid: string } | { readonly handle: number };

/** Something that is asked of the device. */
export type Operation =
  | { readonly what: "list" | "help" | "quit" }
  | { readonly what: "read" | "subscribe" | "unsubscribe"; readonly target: Target }
  | { readonly what: "write" | "send"; readonly target: Target; readonly value: Uint8Array };

/** What can be asked, for people. */
export const OPERATIONS = [
  ["list", "what the device serves, with all values that can be read"],
  ["read T", "reads a value"],
  ["write T VALUE", "writes a value; the device answers"],
  ["send T VALUE", "writes a value without an answer"],
  ["subscribe T", "shows each value that the device sends from now on"],
  ["unsubscribe T", "no more of that"],
  ["quit", "ends the connection"],
] as const;

export const TARGET_FORM = "a UUID (4 or 32 hex digits) or a handle (0x and hex digits)";
export const VALUE_FORM = 'hex digits, two for each byte, or "text" in quotes (on a prompt; a shell wants them quoted once more)';

/** Most bytes of a value. */
const MOST = 512;

/**
 * Reads operations from words that follow one another.
 * @throws UsageError that says which word cannot be meant
 */
export function parseOperations(words: readonly string[]): Operation[] {
  const operations: Operation[] = [];
  for (let at = 0; at < words.length; ) {
    const [what, target, value] = words.slice(at, at + 3);
    switch (what) {
      case "list":
      case "help":
      case "quit":
        operations.push({ what });
        at += 1;
        break;
      case "read":
      case "subscribe":
      case "unsubscribe":
        operations.push({ what, target: parseTarget(what, target) });
        at += 2;
        break;
      case "write":
      case "send":
        operations.push({ what, target: parseTarget(what, target), value: parseValue(what, value) });
        at += 3;
        break;
      default:
        throw new UsageError(`${what}: expected ${OPERATIONS.map(([form]) => form.split(" ")[0]).join(", ")}`);
    }
  }
  return operations;
}

/**
 * Reads one line of the prompt.
 * @throws UsageError
 */
export function parseLine(line: string): Operation[] {
  // A text in quotes is one word, whatever stands in it.
  return parseOperations(line.match(/"(?:[^"\\]|\\.)*"?|\S+/g) ?? []);
}

function parseTarget(what: string, text: string | undefined): Target {
  if (text === undefined) throw new UsageError(`${what}: expected ${TARGET_FORM}`);
  const handle = /^0x([0-9a-f]{1,4})$/i.exec(text);
  if (handle !== null && parseInt(handle[1], 16) > 0) return { handle: parseInt(handle[1], 16) };
  if (/^[0-9a-f]{4}$/i.test(text)) return { uuid: text.toLowerCase() };
  if (parseUuid(text) === null) throw new UsageError(`${what} ${text}: expected ${TARGET_FORM}`);
  return { uuid: text.replaceAll("-", "").toLowerCase().replace(/^0000(....)00001000800000805f9b34fb$/, "$1") };
}

function parseValue(what: string, text: string | undefined): Uint8Array {
  if (text === undefined) throw new UsageError(`${what}: VALUE is missing, expected ${VALUE_FORM}`);
  const value = readValue(text);
  if (value === null) throw new UsageError(`${what}: ${text}: expected ${VALUE_FORM}`);
  if (value.length > MOST) throw new UsageError(`${what}: the value has ${value.length} bytes, expected up to ${MOST}`);
  return new Uint8Array(value);
}

/** The bytes of a value; null where it is none. In a text \xNN is a byte, \" and \\ are what follows. */
function readValue(text: string): Buffer | null {
  if (/^([0-9a-f]{2})+$/i.test(text)) return Buffer.from(text, "hex");
  const quoted = /^"((?:[^"\\]|\\x[0-9a-f]{2}|\\["\\])*)"$/i.exec(text);
  if (quoted === null) return null;
  const parts: Buffer[] = [];
  for (const [part, , byte] of quoted[1].matchAll(/(\\x([0-9a-f]{2})|\\["\\])|[^\\]+/gi)) {
    if (byte !== undefined) parts.push(Buffer.from(byte, "hex"));
    else parts.push(Buffer.from(part.startsWith("\\") ? part.slice(1) : part, "utf8"));
  }
  return Buffer.concat(parts);
}
