import { readFileSync } from "node:fs";
import { UsageError } from "./commands/arguments.js";
import * as beacon from "./commands/beacon.js";
import * as connect from "./commands/connect.js";
import * as demo from "./commands/demo.js";
import * as reset from "./commands/reset.js";
import * as scan from "./commands/scan.js";
import * as serve from "./commands/serve.js";
import * as test from "./commands/test.js";

interface Command {
  readonly summary: string;
  help(): string;
  /** Does it, or begins to. Throws UsageError. */
  run(words: string[]): void;
}

const COMMANDS: { readonly [name: string]: Command } = { beacon, scan, serve, connect, reset, test, demo };

/** The command line was wrong; whatever else fails gives 1. */
const EXIT_USAGE = 2;

function help(): string {
  const commands = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`);
  return `usage: blimp COMMAND [OPTION]...\n\n${commands.join("\n")}\n\nblimp COMMAND --help tells the options; blimp --version the version.\n`;
}

function version(): string {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;
}

function refuse(who: string, message: string): void {
  process.stderr.write(`${who}: ${message}\nTry ${who} --help.\n`);
  process.exitCode = EXIT_USAGE;
}

function main([name, ...words]: string[]): void {
  if (name === "--help" || name === "-h" || name === "help") return void process.stdout.write(help());
  if (name === "--version" || name === "-V") return void process.stdout.write(`blimp ${version()}\n`);
  if (name === undefined) return refuse("blimp", "COMMAND is missing");
  if (!Object.hasOwn(COMMANDS, name)) return refuse("blimp", `${name}: ${name.startsWith("-") ? "no such option" : "no such command"}`);
  try {
    COMMANDS[name].run(words);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    refuse(`blimp ${name}`, error.message);
  }
}

main(process.argv.slice(2));
