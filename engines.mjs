#!/usr/bin/env node
/**
 * The engine checks and the bench inside the engine, on Node and on each engine that the environment names:
 *
 *   DUK=duk JERRY=.../jerry ESPRUINO=.../espruino node engines.mjs [--json] [PART ...]
 *
 * Each variable may name several, separated like the folders of PATH. DUK is `duk` where it is not set and there is one. ESPRUINO_INSTALLER may name
 * another Espruino that writes the scripts to Storage. A table goes to standard output; heap and variables go into dist/sizes.json too. The exit code is
 * 1 if anything has failed.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL(".", import.meta.url));
const DIST = join(ROOT, "dist");
const CHECKS = join(DIST, "engine-check");
const SIZES = join(DIST, "sizes.json");

/** How long one run may take, ms; ENGINES_LIMIT says it in seconds. */
const LIMIT = Number(process.env.ENGINES_LIMIT ?? 120) * 1000;

/** Most Espruino variables of each preset: the module, an instance and its buffers. */
const VARIABLES = { beacon: 1250, observer: 1450, peripheral: 3000, secure: 4400 };

/** Presets that have to fit into a JerryScript heap of 64 KB, and those that have to fit into 5450 Espruino variables; the others are measured where there is more. */
const SMALL = ["beacon", "observer"];
const MEDIUM = ["beacon", "observer", "peripheral", "secure"];

/** Scripts beside the presets, to be used with one. */
const ADDITIONS = ["p256"];

/** A HAL without a board, enough to open an instance. */
const STUB =
  "var hal={uart:{open:function(){},write:function(){},close:function(){}},gpio:{},timer:{now:function(){return 0},set:function(){return 1},clear:function(){}},delay:function(){}};";
const USE = 'if(bt.startadvertise)bt.startadvertise("abc",100,100);';

const BEGIN = "ENGINES BEGIN";
const END = "ENGINES END";

const words = process.argv.slice(2);
const json = words.includes("--json");
const wanted = words.filter((word) => !word.startsWith("-"));

const folder = mkdtempSync(join(tmpdir(), "engines-"));
const children = new Set();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));

/** Runs a program to its end, or to the end of its time. Its standard input stays open and silent: Espruino takes its end for endless input. */
function run(program, args, options = {}) {
  return new Promise((resolve) => {
    const began = performance.now();
    const child = spawn(program, args, { cwd: folder, stdio: ["pipe", "pipe", "pipe"], ...options });
    children.add(child);
    const result = { output: "", errors: "", code: null, ms: 0, late: false };
    child.stdout.setEncoding("latin1").on("data", (text) => (result.output += text));
    child.stderr.setEncoding("latin1").on("data", (text) => (result.errors += text));
    child.stdin.on("error", () => {});
    const timer = setTimeout(() => {
      result.late = true;
      child.kill("SIGKILL");
    }, LIMIT);
    const done = (error) => {
      clearTimeout(timer);
      children.delete(child);
      if (error) result.errors += error.message;
      result.ms = performance.now() - began;
      resolve(result);
    };
    child.on("error", done);
    child.on("close", (code) => {
      result.code = code;
      done();
    });
  });
}

/** What a script has printed, without what a console puts around it. */
function lines(text) {
  return text
    .replaceAll("\r", "")
    .replace(/\x1b\[[0-9;]*[A-Za-z]/g, "")
    .split("\n")
    .map((line) => line.replace(/^>+/, "").trimEnd())
    .filter((line) => line !== "");
}

/** Judges one run of a check: what it printed has to end with its sum, and the sum has to be right. */
function judge(printed, result) {
  const sum = /^(\d+) passed, (\d+) failed$/.exec(printed.at(-1) ?? "");
  const passed = printed.filter((line) => line.startsWith("ok ")).length;
  const failures = printed.filter((line) => line.startsWith("FAIL "));
  const all = `${result.output}\n${result.errors}`;
  const trouble = /^(?!ok ).*(?:Uncaught|OUT OF MEMORY|out of memory|MEMORY_BUSY|LOW_MEMORY|Unhandled exception|SyntaxError|ReferenceError|Script Error).*/im.exec(all);
  if (result.late) failures.push(`FAIL no end in ${LIMIT / 1000} s`);
  if (trouble) failures.push(`FAIL ${trouble[0].trim()}`);
  if (!sum) failures.push(`FAIL no sum at the end, but: ${printed.at(-1) ?? (result.errors.trim().split("\n")[0] || "nothing")}`);
  else if (Number(sum[1]) !== passed || Number(sum[2]) !== failures.filter((line) => !trouble || line !== `FAIL ${trouble[0].trim()}`).length) {
    failures.push(`FAIL the sum says ${sum[0]}, ${passed} lines say ok`);
  }
  if (result.code !== 0 && failures.length === 0) failures.push(`FAIL exit code ${result.code}`);
  return {
    passed,
    failed: failures.length,
    failures: failures.map((line) => line.slice(5)),
    bench: printed.filter((line) => line.startsWith("bench ")).map((line) => line.slice(6)),
    ms: Math.round(result.ms),
  };
}

/** An engine that takes the name of a script as its argument. */
class Plain {
  constructor(name, program, version) {
    Object.assign(this, { name, program, version });
  }

  async check(file) {
    const result = await run(this.program, [file]);
    return judge(lines(result.output), result);
  }

  /** Presets as they are measured here; nothing on most engines. */
  async presets() {
    return [];
  }
}

class Jerry extends Plain {
  static async find(program) {
    const version = /Version: (\S+)/.exec((await run(program, ["--version"])).output)?.[1];
    if (!version) throw new Error(`${program} does not say that it is JerryScript`);
    const empty = join(folder, "empty.js");
    writeFileSync(empty, "");
    const { errors, output } = await run(program, ["--mem-stats", empty]);
    const heap = /Heap size = (\d+) bytes/.exec(output + errors)?.[1];
    const engine = new Jerry("jerryscript", program, `${version}${heap ? `, ${Math.round(heap / 1024)} KB` : ""}`);
    engine.heap = Number(heap ?? 0);
    return engine;
  }

  async _run(files) {
    const result = await run(this.program, ["--mem-stats", ...files]);
    // The statistics go to the stream of the log.
    const [output, statistics] = result.output.split(/^Heap stats:$/m);
    const heap = /Peak allocated = (\d+) bytes/.exec(statistics ?? result.errors)?.[1];
    result.errors = result.errors.replace(/^Heap stats:[^]*/m, "");
    return { result, printed: lines(output), jerryheap: heap === undefined ? null : Number(heap) };
  }

  async check(file) {
    const { result, printed, jerryheap } = await this._run([file]);
    return { ...judge(printed, result), jerryheap };
  }

  /** Peak heap of each preset: parsed, opened, told what to advertise. */
  async presets() {
    const use = join(folder, "use.js");
    writeFileSync(use, `${STUB}var bt=blimp.open(hal,null,{});${USE}print("ok opened");print("1 passed, 0 failed");\n`);
    const found = [];
    for (const script of scripts("bare")) {
      if (this.heap <= 65536 && !SMALL.includes(basename(script, ".min.js"))) continue;
      const { result, printed, jerryheap } = await this._run([join(DIST, script), use]);
      found.push({ script, ...judge(printed, result), jerryheap });
    }
    return found;
  }
}

class Espruino extends Plain {
  static async find(program, index) {
    const flash = join(folder, `flash${index}`);
    const engine = new Espruino("espruino", program, "", flash);
    const { printed, result } = await engine._run('var m=process.memory();print(process.version+" "+m.total+" "+m.blocksize);');
    const found = /^(\S+) (\d+) (\d+)$/.exec(printed[0] ?? "");
    if (!found) throw new Error(`${program} does not say that it is Espruino: ${result.errors || result.output}`);
    engine.version = `${found[1]}, ${found[2]} x ${found[3]}`;
    engine.total = Number(found[2]);
    return engine;
  }

  constructor(name, program, version, flash) {
    super(name, program, version);
    this.flash = flash;
  }

  /** Runs a few lines of script, with sentinels around what they print. */
  async _run(text, program = this.program) {
    const file = join(folder, "run.js");
    writeFileSync(file, `print("${BEGIN}");${text}\nprint("${END}");\n`);
    const result = await run(program, [file], { env: { ...process.env, ESPRUINO_FLASH: this.flash } });
    const printed = lines(result.output);
    const [begin, end] = [printed.indexOf(BEGIN), printed.indexOf(END)];
    return { result, ended: end >= 0, printed: begin < 0 ? printed : printed.slice(begin + 1, end < 0 ? undefined : end) };
  }

  /** Writes a script to Storage, piece by piece: it need not fit into the engine's memory. */
  async _store(name, file) {
    const length = readFileSync(file).length;
    const text =
      `(function(){var s=require("Storage"),f=E.openFile(${JSON.stringify(file)},"r"),at=0,d;s.erase("${name}");` +
      `while((d=f.read(256))!==undefined&&d.length){s.write("${name}",d,at,${length});at+=d.length}f.close();print("STORED "+s.read("${name}").length)})();`;
    const { printed, result } = await this._run(text, named("ESPRUINO_INSTALLER")[0] ?? this.program);
    if (!printed.includes(`STORED ${length}`)) throw new Error(`${file} could not be written to Storage: ${printed.join(" ") || result.output || result.errors}`);
  }

  async check(file) {
    await this._store("part", file);
    // The memory is looked at whenever something is printed.
    const { printed, result, ended } = await this._run(
      'var p=print,u=0,most=0;u=process.memory().usage;u=process.memory().usage;global.print=function(t){var m=process.memory().usage;if(m>most)most=m;p(t)};' +
        'eval(require("Storage").read("part"));p("USED "+(most-u));',
    );
    const used = /^USED (-?\d+)$/.exec(printed.at(-1) ?? "")?.[1];
    if (used !== undefined) printed.pop();
    if (!ended) result.errors += "\nUncaught: it did not come to its end";
    return { ...judge(printed, result), espruinovariables: used === undefined ? null : Number(used) };
  }

  /** Variables of each preset from Storage: the module, then an instance with its buffers, then an advert. What the engine and the stub take is not counted. */
  async presets() {
    const found = [];
    for (const script of scripts("espruino").filter((name) => !ADDITIONS.includes(basename(name, ".min.js")))) {
      if (this.total <= 5450 && !MEDIUM.includes(basename(script, ".min.js"))) continue;
      await this._store("blimp", join(DIST, script));
      const { printed, result, ended } = await this._run(
        `${STUB}var b,bt,u0=0,u1=0,u2=0,u3=0,m=process.memory();u0=process.memory().usage;u0=process.memory().usage;` +
          `eval(require("Storage").read("blimp"));b=blimp;u1=process.memory().usage;bt=b.open(hal,null,{});u2=process.memory().usage;${USE}u3=process.memory().usage;` +
          'print("USED "+(u1-u0)+" "+(u2-u1)+" "+(u3-u2));print("ok opened");print("1 passed, 0 failed");',
      );
      const used = /^USED (\d+) (\d+) (\d+)$/.exec(printed[0] ?? "")?.slice(1).map(Number);
      if (!ended) result.errors += "\nUncaught: it did not come to its end";
      const verdict = judge(printed, result);
      const limit = VARIABLES[basename(script, ".min.js")] ?? null;
      const sum = used ? used[0] + used[1] + used[2] : null;
      if (used) verdict.bench = [`module ${used[0]} variables`, `open ${used[1]} variables`, `advert ${used[2]} variables`];
      if (limit !== null && sum !== null && sum > limit) {
        verdict.failed++;
        verdict.failures.push(`${sum} variables, at most ${limit}`);
      }
      found.push({ script, ...verdict, espruinovariables: sum, limit });
    }
    return found;
  }
}

/** Scripts of a folder of dist, by their names in sizes.json. */
function scripts(kind) {
  return readdirSync(join(DIST, kind))
    .filter((name) => name.endsWith(".js"))
    .sort()
    .map((name) => `${kind}/${name}`);
}

/** The programs that a variable of the environment names. */
function named(variable) {
  return (process.env[variable] ?? "")
    .split(delimiter)
    .filter((name) => name !== "")
    .map((name) => (name.includes("/") ? resolve(name) : name));
}

async function engines() {
  const list = [new Plain("node", process.execPath, process.version)];
  const duks = process.env.DUK === undefined && !spawnSync("duk", ["-e", "0"]).error ? ["duk"] : named("DUK");
  for (const program of duks) {
    const number = Number(spawnSync(program, ["-e", "print(Duktape.version)"], { encoding: "utf8" }).stdout);
    if (!number) throw new Error(`${program} does not say that it is duktape`);
    list.push(new Plain("duktape", program, `${Math.floor(number / 10000)}.${Math.floor(number / 100) % 100}.${number % 100}`));
  }
  for (const program of named("JERRY")) list.push(await Jerry.find(program));
  for (const [i, program] of named("ESPRUINO").entries()) list.push(await Espruino.find(program, i));
  return list;
}

function table(rows) {
  const text = rows.map((row) => row.map((cell) => (cell === null || cell === undefined ? "" : String(cell))));
  const widths = text[0].map((_, i) => Math.max(...text.map((row) => row[i].length)));
  return text.map((row) => row.map((cell, i) => (i < 3 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  ").trimEnd()).join("\n");
}

/** Puts what the first engine of each kind has measured beside the sizes of the scripts. */
function keep(runs) {
  if (!existsSync(SIZES)) return;
  const sizes = JSON.parse(readFileSync(SIZES, "utf8"));
  for (const field of ["jerryheap", "espruinovariables"]) {
    const written = new Set();
    for (const one of runs) {
      if (typeof one[field] !== "number" || written.has(one.script)) continue;
      written.add(one.script);
      // A script of another build of dist has no line there.
      if (sizes.scripts[one.script]) sizes.scripts[one.script][field] = one[field];
    }
  }
  writeFileSync(SIZES, JSON.stringify(sizes, null, 2) + "\n");
}

if (!existsSync(CHECKS)) {
  console.error("dist/engine-check is not there: npm run build");
  process.exit(2);
}

const runs = [];
const list = await engines().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
for (const engine of list) {
  const about = { engine: engine.name, version: engine.version };
  for (const script of scripts("engine-check")) {
    const part = basename(script, ".js");
    if (wanted.length > 0 && !wanted.includes(part)) continue;
    runs.push({ ...about, part, script, ...(await engine.check(join(DIST, script))) });
  }
  for (const preset of await engine.presets()) {
    const part = preset.script;
    if (wanted.length === 0 || wanted.includes(basename(part, ".min.js"))) runs.push({ ...about, part, ...preset });
  }
}
keep(runs);

const failed = runs.some((one) => one.failed > 0) || runs.length === 0;
if (json) {
  console.log(JSON.stringify({ ok: !failed, engines: list.map(({ name, version, program }) => ({ name, version, program })), runs }, null, 2));
} else {
  const head = ["engine", "version", "part", "passed", "failed", "ms", "jerry heap", "espruino variables"];
  console.log(table([head, ...runs.map((one) => [one.engine, one.version, one.part, one.passed, one.failed, one.ms, one.jerryheap, one.limit ? `${one.espruinovariables} of ${one.limit}` : one.espruinovariables])]));
  const bench = runs.filter((one) => one.bench.length > 0);
  if (bench.length > 0) console.log(`\n${table(bench.flatMap((one) => one.bench.map((line) => [one.engine, one.version, one.part, ...line.split(" ").slice(0, 2), line.split(" ").slice(2).join(" ")])))}`);
  for (const one of runs) for (const failure of one.failures) console.log(`\nFAIL ${one.engine} ${one.version} ${one.part}: ${failure}`);
  const lacking = ["DUK", "JERRY", "ESPRUINO"].filter((name) => named(name).length === 0 && !(name === "DUK" && list.some((engine) => engine.name === "duktape")));
  if (lacking.length > 0) console.log(`\nnot run, for want of a name in the environment: ${lacking.join(", ")}`);
}
process.exit(failed ? 1 : 0);
