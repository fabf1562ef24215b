import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What a target is fed at once: packets, frames or PDUs in their order, or one piece of bytes. */
export type Input = readonly Uint8Array[];

const FOLDER = "test/fuzz/corpus";
const ROW = 64;

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

export function unhex(digits: string): Uint8Array {
  const bare = digits.replace(/\s/g, "");
  if (!/^([0-9a-f]{2})*$/i.test(bare)) throw new Error(`no hex digits: ${digits}`);
  return new Uint8Array(Buffer.from(bare, "hex"));
}

/** An input of packets in hex digits. */
export function input(...packets: string[]): Input {
  return packets.map(unhex);
}

/**
 * An input as a file of the corpus has it: a line for each packet, in hex digits; one that goes on in the next line ends with `\`; an empty one is `-`.
 * What follows # is for people.
 */
export function formatInput(packets: Input): string {
  return packets
    .map((packet) => {
      const digits = hex(packet);
      return (digits.match(new RegExp(`.{1,${2 * ROW}}`, "g")) ?? ["-"]).join("\\\n") + "\n";
    })
    .join("");
}

/** Reads what `formatInput` writes; throws where it is something else. */
export function parseInput(text: string): Input {
  const bare = text
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "")
    .join("\n")
    .replace(/\\\n/g, "");
  return bare.split("\n").map((line) => unhex(line === "-" ? "" : line));
}

/** The regressions of a target, by the names of their files. */
export function readCorpus(target: string): { readonly name: string; readonly packets: Input }[] {
  const folder = join(FOLDER, target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".txt"))
    .sort()
    .map((name) => ({ name, packets: parseInput(readFileSync(join(folder, name), "utf8")) }));
}

/** Folders of the corpus. */
export function corpora(): string[] {
  return readdirSync(FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}
