// Emulated boards that run the machine code. A request is {point, secret, given, shift}; what came of it, see `answersOf`.
import { spawnSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMPILER, run } from "../compile.mjs";

/** QEMU's boards: where their memory is, and how many instructions a tick of their clock is, at one in a nanosecond. */
export const BOARDS = {
  "Cortex-M3": { machine: "mps2-an385", base: 0, tick: 40 },
  "Cortex-M4": { machine: "mps2-an386", base: 0, tick: 40 },
  "Cortex-M7": { machine: "mps2-an500", base: 0, tick: 40 },
  "Cortex-M33": { machine: "mps2-an505", base: 0x10000000, tick: 50 },
};

/** As in board.ld, beyond the board's base. */
const CODE = 0x30a54;
const REQUESTS = 0x40000;

/** Sizes of the structures in board.c. There is room for 7000 of them. */
const REQUEST = 100;
const ANSWER = 116;

/** How long a run may take, ms. */
const LIMIT = 300_000;

function requestsOf(requests) {
  const bytes = Buffer.alloc(4 + REQUEST * requests.length);
  bytes.writeUInt32LE(requests.length);
  requests.forEach(({ secret, point, given, shift }, i) => {
    const at = 4 + REQUEST * i;
    bytes.writeUInt32LE((given ? 1 : 0) | ((shift ?? 0) << 1), at);
    bytes.write(secret, at + 4, "hex");
    bytes.write(point ?? "", at + 36, "hex");
  });
  return bytes;
}

function answersOf(bytes, tick) {
  const answers = [];
  for (let at = 0; at < bytes.length; at += ANSWER) {
    const [result, memory, stack, ticks] = [0, 4, 8, 12].map((field) => bytes.readUInt32LE(at + field));
    const point = bytes.toString("hex", at + 16, at + 80);
    const secret = bytes.toString("hex", at + 80, at + 112);
    answers.push({ result, memory, stack, instructions: ticks * tick, point, secret, rest: bytes.readUInt32LE(at + 112) });
  }
  return answers;
}

/** Makes what QEMU needs in a folder, and the words of its command. */
function prepare(folder, { machine, base }, code, requests, words) {
  const files = { board: join(folder, "board.elf"), code: join(folder, "code.bin"), requests: join(folder, "requests.bin") };
  const address = `0x${base.toString(16)}`;
  run(COMPILER, [
    ...["-mcpu=cortex-m3", "-mthumb", "-std=gnu11", "-Os", "-ffreestanding", "-fno-tree-loop-distribute-patterns", "-Wall", "-Wextra", "-Werror", "-nostdlib"],
    ...[`-Wl,-T,emulated/board.ld,--defsym=BASE=${address},-e,${address}`, "emulated/board.c", "-o", files.board],
  ]);
  writeFileSync(files.code, code);
  writeFileSync(files.requests, requestsOf(requests));
  const loaded = (file, at) => ["-device", `loader,file=${file},addr=0x${(base + at).toString(16)},force-raw=on`];
  return [
    ...["-M", machine, "-nodefaults", "-display", "none", "-monitor", "none", "-serial", "null", "-nic", "none"],
    ...["-semihosting-config", "enable=on,target=native", "-kernel", files.board, ...loaded(files.code, CODE), ...loaded(files.requests, REQUESTS), ...words],
  ];
}

/**
 * Answers requests on a board.
 * @param counted whether QEMU counts instructions, exactly, at some cost
 */
export function answer(board, code, requests, counted = false) {
  const folder = mkdtempSync(join(tmpdir(), "p256-"));
  try {
    const words = prepare(folder, board, code, requests, counted ? ["-icount", "shift=0"] : []);
    const { error, status, stderr } = spawnSync("qemu-system-arm", words, { cwd: folder, encoding: "utf8", timeout: LIMIT, killSignal: "SIGKILL" });
    if (error ?? status !== 0) throw new Error(`${board.machine} has not come to its end: ${error?.message ?? stderr}`);
    return answersOf(readFileSync(join(folder, "answers.bin")), board.tick);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * A digest of the way that each request takes through the code: the address of every piece of it without a branch, in their order.
 * @returns for each request {digest, pieces}
 */
export async function trace(board, code, requests) {
  const folder = mkdtempSync(join(tmpdir(), "p256-"));
  const begin = board.base + CODE;
  const words = prepare(folder, board, code, requests, ["-d", "exec,nochain", "-dfilter", `0x${begin.toString(16)}+0x${code.length.toString(16)}`]);
  const entry = begin.toString(16).padStart(8, "0");
  const ways = [];
  let way = null;
  let rest = "";
  try {
    const qemu = spawn("qemu-system-arm", words, { cwd: folder, stdio: ["ignore", "ignore", "pipe"], timeout: LIMIT, killSignal: "SIGKILL" });
    qemu.stderr.setEncoding("latin1").on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const pc = /^Trace \d+: \S+ \[[0-9a-f]+\/([0-9a-f]+)\//.exec(line)?.[1];
        if (pc === undefined) continue;
        if (pc === entry) ways.push((way = { hash: createHash("sha256"), pieces: 0 }));
        way.hash.update(pc);
        way.pieces++;
      }
    });
    const status = await new Promise((resolve, reject) => qemu.on("error", reject).on("close", resolve));
    if (status !== 0) throw new Error(`${board.machine} has not come to its end`);
    return ways.map(({ hash, pieces }) => ({ digest: hash.digest("hex"), pieces }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
