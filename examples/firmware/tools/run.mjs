// Other programs: none outlives this one, and none runs for ever.
import { spawn, spawnSync } from "node:child_process";
import { give } from "./paths.mjs";

/** Exit codes of `timeout`: the program was stopped, or killed as it did not stop; it is not there. */
const LATE = 124;
const KILLED = 137;
const MISSING = 127;

const children = new Set();

process.on("exit", () => {
  for (const child of children) child.kill();
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(130));

function finish(program, words, { limit = 60, cwd }) {
  const result = spawnSync(program, words, { cwd, timeout: limit * 1000, killSignal: "SIGKILL", encoding: "utf8" });
  if (result.error?.code === "ENOENT") give(missing(program));
  return result;
}

function missing(program) {
  return `${program} is missing; examples/firmware/README.md says what has to be installed`;
}

/**
 * Runs a program and returns what it printed; anything but success ends this program with its message.
 * @param limit seconds that it may take
 */
export function run(program, words, options = {}) {
  const { error, status, stdout, stderr } = finish(program, words, options);
  if (error) give(`${program}: ${error.message}`);
  if (status !== 0) give(`${[program, ...words].join(" ")} has failed:\n${stdout}${stderr}`);
  return stdout;
}

/** Runs a program that may fail; whether it did not. */
export function attempt(program, words, options) {
  return finish(program, words, options).status === 0;
}

/**
 * Starts a program, under coreutils' `timeout`: it ends by then even where this one has been killed.
 * @param onLine called with each line of its standard output
 * @param limit seconds that it may take
 * @returns `ended`, a promise of {code, late, errors}; `stop()`
 */
export function start(program, words, { limit, onLine = () => {} }) {
  const child = spawn("timeout", ["-k", "2", String(limit), program, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  let rest = "";
  children.add(child);
  child.stderr.on("data", (data) => (errors += data));
  child.stdout.setEncoding("utf8").on("data", (data) => {
    const lines = (rest + data).split("\n");
    rest = lines.pop();
    lines.forEach(onLine);
  });
  const ended = new Promise((resolve) => {
    const end = (code) => {
      children.delete(child);
      resolve({ code, late: code === LATE || code === KILLED, errors });
    };
    child.on("error", (error) => {
      errors += error.message;
      end(null);
    });
    child.on("close", (code) => {
      if (code === MISSING) errors = missing(program);
      end(code);
    });
  });
  return { ended, stop: () => child.kill() };
}
