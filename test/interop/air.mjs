/** A btvirt of one's own: virtual controllers on an air that nobody else is on. Each connection to its socket is a controller. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { RawHost } from "./h4.mjs";

/** The root of the project, and the folder beside it that holds tools and data which are not part of it. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const SHARED = process.env.SHARED ?? join(ROOT, "../shared");
export const TOOLS = join(SHARED, "tools/bluez-peer");

const RESET = 0x0c03;

/** Thrown where a check cannot run for want of something that is not part of the project. */
export class Missing extends Error {}

const children = new Set();
const endings = [];

/** Kills a program and all that it has started, which may have left its process group. */
function kill(pid) {
  const parents = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        // Behind the program's name, which may hold anything: state, parent.
        return [Number(name), Number(readFileSync(`/proc/${name}/stat`, "latin1").replace(/^.*\) . /s, "").split(" ")[0])];
      } catch {
        return [0, 0];
      }
    });
  for (const family = [pid]; family.length > 0; ) {
    const one = family.shift();
    family.push(...parents.filter(([, parent]) => parent === one).map(([child]) => child));
    try {
      process.kill(one, "SIGKILL");
    } catch {
      // It has gone by itself.
    }
  }
}

function killAll() {
  for (const { pid } of children) if (pid !== undefined) kill(pid);
}

/** Has `ending` called when this process ends, whichever way; the last one first, after every program has been killed. */
export function atEnd(ending) {
  endings.push(ending);
}

/** Ends this process: kills what it has started, waits for that, tidies up. */
export async function end(code) {
  killAll();
  await Promise.all([...children].map(({ ended }) => ended));
  process.exit(code);
}

process.on("exit", () => {
  killAll();
  for (const ending of endings.splice(0).reverse()) ending();
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => void end(1));

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until `condition` holds, or throws `text()`. */
export async function until(condition, limit, text) {
  const end = Date.now() + limit;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(text());
    await sleep(20);
  }
}

/** Starts a program that does not outlive this one; everything that it prints is in `output`. */
export function start(program, args, options = {}) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  child.output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (child.output += text));
  children.add(child);
  child.ended = new Promise((resolve) => {
    const gone = () => {
      children.delete(child);
      resolve();
    };
    child.on("error", (error) => {
      child.output += error.message;
      gone();
    });
    child.on("close", gone);
  });
  return child;
}

/** Compiles the library that stands in for AF_ALG, where its source and a compiler are there; returns whether it is. */
function compileShim(target) {
  const source = join(TOOLS, "afalg-shim.c");
  if (!existsSync(source)) return false;
  const { status, error, stderr } = spawnSync("gcc", ["-O2", "-shared", "-fPIC", "-o", target, source, "-ldl"], { encoding: "utf8" });
  if (error) return false;
  if (status !== 0) throw new Error(`afalg-shim.c does not compile: ${stderr}`);
  return true;
}

/**
 * Starts a btvirt and waits until a controller answers. It always listens in /tmp, so it gets one of its own.
 * @returns its folder, for sockets (their paths must be short), and the path of the socket where LE controllers are had
 */
export async function startAir() {
  const folder = mkdtempSync(join(tmpdir(), "air-"));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const shim = compileShim(join(folder, "afalg-shim.so")) ? "LD_PRELOAD=/tmp/afalg-shim.so" : "";
  const script = `mount --bind "$1" /tmp && ${shim} exec btvirt -s`;
  const map = process.getuid() === 0 ? [] : ["--map-root-user"];
  const btvirt = start("unshare", [...map, "--mount", "sh", "-c", script, "sh", folder]);
  const le = join(folder, "bt-server-le");
  await until(
    () => existsSync(le) || btvirt.exitCode !== null || btvirt.pid === undefined,
    5000,
    () => `btvirt has opened no socket: ${btvirt.output}`,
  );
  if (!existsSync(le)) throw new Error(`btvirt did not start: ${btvirt.output}`);
  const probe = await RawHost.connect(le);
  try {
    await probe.command(RESET);
  } catch (error) {
    const text = `btvirt's controllers do not work: ${error.message}`;
    if (shim) throw new Error(text);
    throw new Missing(`${text}. Where the kernel lacks AF_ALG, gcc and afalg-shim.c of ${TOOLS} are needed`);
  }
  probe.close();
  return { folder, le };
}
