// Other programs: none outlives this one, and none runs for ever.
import { spawn, spawnSync } from "node:child_process";
import { give } from "./paths.mjs";

const children = new Set();

process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
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
 * Starts a program.
 * @param onLine called with each line of its standard output
 * @param limit seconds after which it is killed
 * @returns `ended`, a promise of {code, late, errors}, code null where it was killed; `stop()`
 */
export function start(program, words, { limit, onLine = () => {} }) {
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"] });
  let late = false;
  let errors = "";
  let rest = "";
  children.add(child);
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, limit * 1000);
  child.stderr.on("data", (data) => (errors += data));
  child.stdout.setEncoding("utf8").on("data", (data) => {
    const lines = (rest + data).split("\n");
    rest = lines.pop();
    lines.forEach(onLine);
  });
  const ended = new Promise((resolve) => {
    const end = (code) => {
      clearTimeout(timer);
      children.delete(child);
      resolve({ code, late, errors });
    };
    child.on("close", end);
    child.on("error", (error) => {
      errors += error.code === "ENOENT" ? missing(program) : error.message;
      end(null);
    });
  });
  return { ended, stop: () => child.kill("SIGKILL") };
}
