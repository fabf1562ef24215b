import { spawnSync } from "node:child_process";

export const CLI = "dist/node/cli.js";

/** How a run of the command line ended, and what it said. */
export interface Run {
  status: number | null;
  out: string;
  errors: string;
}

/** One line of its JSON. */
export type Event = { event: string } & { [field: string]: any };

/** Runs the command line to its end. */
export function blimp(...words: string[]): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...words], { encoding: "utf8", timeout: 20000 });
  return { status, out: stdout, errors: stderr };
}
