/** The hosts of examples/hosts: built here with the checks of the compiler's sanitizers, and joined with a controller by a pseudo-terminal. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { Missing, ROOT, start, until } from "./air.mjs";
import { check } from "./beacon.mjs";

const LIMIT = 10_000;

/** The engines, and which environment variable names what is not had from Debian. */
const NEEDS = { duktape: null, jerry: "JERRY_LIB", quickjs: "QUICKJS" };

/** What finds faults of memory and of arithmetic. */
const SANITIZERS = "-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined";

/** Each call of the system that hosts-hostile.c puts itself before. */
const WRAPPED = ["read", "write", "poll", "ppoll", "getrandom"];

/**
 * Builds a host. HOST_FLAGS of the environment go to compiler and linker: `-m32` where the library is of 32 bits.
 * @param hostile with a system that gives as little as it may
 * @param strings a file of static snapshots' strings, for JerryScript
 * @returns its path
 */
export function build(engine, { hostile = false, strings = "" } = {}) {
  if (!Object.hasOwn(NEEDS, engine)) throw new Error(`${engine} is no engine: ${Object.keys(NEEDS).join(", ")}`);
  const variable = NEEDS[engine];
  if (variable && !process.env[variable]) throw new Missing(`${variable} names no folder with this engine's library`);
  const kind = hostile ? "hostile" : strings ? "static" : "checked";
  const out = join(ROOT, "build/hosts", kind);
  mkdirSync(out, { recursive: true });
  const { HOST_FLAGS = "" } = process.env;
  const wrap = hostile ? `${join(ROOT, "test/interop/hosts-hostile.c")} ${WRAPPED.map((name) => `-Wl,--wrap=${name}`).join(" ")}` : "";
  const flags = [`OUT=${out}`, `CFLAGS=${SANITIZERS} ${HOST_FLAGS}`, `LDFLAGS=${HOST_FLAGS} ${wrap}`, `STRINGS=${strings}`];
  // Anew each time: make does not look at the library, nor at the flags.
  const { status, stdout, stderr, error } = spawnSync("make", ["-B", "-C", join(ROOT, "examples/hosts"), engine, ...flags], { encoding: "utf8" });
  if (error) throw new Missing(`make: ${error.message}`);
  if (status !== 0 && !variable && /duktape\.h|-lduktape/.test(stderr)) throw new Missing("Debian's duktape-dev is not there");
  check(`the ${engine} host compiles without a warning (${kind})`, status === 0 && stderr === "", `\n${stdout}${stderr}`);
  return join(out, `blimp-${engine}`);
}

/**
 * JerryScript's static snapshots of scripts: {program, snapshots}, a host that has their strings and their paths. Null where JERRY_SNAPSHOT does not name the
 * compiler, or where the library looks for lines, which static snapshots do not have.
 */
export function buildStatic(folder, scripts) {
  const { JERRY_SNAPSHOT } = process.env;
  if (!JERRY_SNAPSHOT) return null;
  const words = [join(ROOT, "examples/hosts/snapshot.mjs"), JERRY_SNAPSHOT, folder, ...scripts];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { cwd: ROOT, encoding: "utf8" });
  check(`static snapshots are made: ${stdout.trim().split("\n").map((line) => line.split("/").at(-1)).join("; ")}`, status === 0, stderr);
  const program = build("jerry", { strings: join(folder, "strings.h") });
  if (/line-info/.test(spawnSync(program, ["--port", "/dev/null", "/dev/null"], { encoding: "utf8" }).stderr)) return null;
  return { program, snapshots: scripts.map((path) => join(folder, basename(path).replace(/(\.min)?\.js$/, ".snapshot"))) };
}

/** A serial port that leads to a controller at a unix socket. */
export class Port {
  /** @param path where the port is to be; it is the same when it comes back */
  constructor(path, socket) {
    Object.assign(this, { path, socket });
  }

  /** Plugs it in. */
  async plug() {
    // Closed by the host and opened again it stays what it is.
    this.socat = start("socat", [`pty,raw,echo=0,link=${this.path},ignoreeof`, `unix-connect:${this.socket}`]);
    await until(() => existsSync(this.path) || this.socat.exitCode !== null || this.socat.pid === undefined, LIMIT, () => `socat makes no ${this.path}: ${this.socat.output}`);
    if (!existsSync(this.path)) throw new Error(`socat: ${this.socat.output}`);
    return this;
  }

  /** Pulls it out. */
  async pull() {
    this.socat.kill("SIGTERM");
    await this.socat.ended;
  }

  /** It takes no more bytes, and gives none. */
  freeze() {
    this.socat.kill("SIGSTOP");
  }
}

/** A host that runs scripts. */
export class Host {
  /** Lines that it has printed and nobody has asked for yet. */
  lines = [];

  constructor(program, words, environment = {}) {
    this.child = start(program, words, { cwd: ROOT, env: { ...process.env, ASAN_OPTIONS: "detect_leaks=1:exitcode=99", ...environment } });
    let text = "";
    this.child.stdout.on("data", (part) => {
      const lines = (text + part).split("\n");
      text = lines.pop();
      this.lines.push(...lines);
    });
  }

  /** The next line that matches; what stands before it is dropped. */
  async says(pattern, limit = LIMIT) {
    const find = () => this.lines.findIndex((line) => pattern.test(line));
    await until(() => find() >= 0 || this.child.exitCode !== null, limit, () => `the host has not said ${pattern} in ${limit} ms: ${this.child.output}`);
    if (find() < 0) throw new Error(`the host should say ${pattern}: exit code ${this.child.exitCode}\n${this.child.output}`);
    return pattern.exec(this.lines.splice(0, find() + 1).at(-1));
  }

  /** Tells it to end, as a service manager does it, and waits. */
  async end(name = "it ends when it is told to, and the sanitizers have found nothing") {
    this.child.kill("SIGTERM");
    await this.ended(name);
  }

  /** Waits until it has ended by itself. */
  async ended(name, code = 0) {
    await Promise.race([this.child.ended, until(() => false, LIMIT, () => `the host still runs: ${this.child.output}`)]);
    check(name, this.child.exitCode === code && !/Sanitizer|runtime error/.test(this.child.output), `exit code ${this.child.exitCode} ${this.child.signalCode ?? ""}\n${this.child.output}`);
  }
}
