/** What comes from the air may be made by anybody: here it becomes text that does a terminal no harm. */

const BACKSLASH = 0x5c;

/** Letters whose width is known and which run from left to right, and what people write between them. */
const NARROW = /^(?:(?=\p{L})[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]|[\u2013\u2014\u2018\u2019\u201c\u201d\u2026])$/u;
const WIDE = /^(?=\p{L})[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]$/u;

/** A byte order mark is a character like others. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Text from the air for people: every byte that is not part of a harmless character, and the backslash, as `\xNN`.
 * @param bytes a byte string, UTF-8 as a rule
 * @param unicode whether letters beyond ASCII can be shown
 */
export function printable(bytes: string, unicode: boolean): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const sequence = unicode ? sequenceAt(bytes, at) : bytes[at];
    const harmless = sequence.length === 1 ? isPlain(sequence) : NARROW.test(decode(sequence)) || WIDE.test(decode(sequence));
    text += harmless ? decode(sequence) : `\\x${bytes.charCodeAt(at).toString(16).padStart(2, "0")}`;
    at += harmless ? sequence.length : 1;
  }
  return text;
}

/** A byte string as the text that it stands for; what is no UTF-8 becomes U+FFFD. It may hold anything: not for a terminal. */
export function readUtf8(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** JSON in ASCII: nothing in it moves a cursor, whatever the texts within it hold. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Columns that printable text takes on a terminal. */
export function columns(text: string): number {
  let count = 0;
  for (const character of text) count += WIDE.test(character) ? 2 : 1;
  return count;
}

/** Printable text in so many columns at the most; where some is cut off, "..." says so. */
export function fit(text: string, most: number): string {
  if (columns(text) <= most) return text;
  let start = "";
  let count = 0;
  for (const character of text) {
    count += columns(character);
    if (count > most - 3) break;
    start += character;
  }
  return `${start}...`.slice(0, Math.max(most, 0));
}

function isPlain(character: string): boolean {
  const code = character.charCodeAt(0);
  return code >= 0x20 && code <= 0x7e && code !== BACKSLASH;
}

/** The UTF-8 sequence that begins there, or the one byte where none does. */
function sequenceAt(bytes: string, at: number): string {
  const lead = bytes.charCodeAt(at);
  const sequence = bytes.substr(at, lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1);
  return sequence.length > 1 && decode(sequence) !== "" ? sequence : bytes[at];
}

/** The character of a sequence, "" where it is none. */
function decode(sequence: string): string {
  try {
    return decoder.decode(Buffer.from(sequence, "latin1"));
  } catch {
    return "";
  }
}
