/** The beacon of the command line, and what has to be true of it whoever scans. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { end, Missing, ROOT, start, TOOLS, until } from "./air.mjs";
import { readSnoop } from "./h4.mjs";

/** The iBeacon that `blimp beacon` sends without further options. */
export const DATA = "0201061aff4c0002159277830ab2eb490fa1dd7fe38c492ede00010002c5";
export const ADV_NONCONN_IND = 0x03;

/** The commands that matter here, as they stand on the wire. */
const SET_DATA = `01082020${(DATA.length / 2).toString(16)}${DATA.padEnd(62, "0")}`;
const ENABLE = "010a200101";
const DISABLE = "010a200100";
const RESET = "01030c00";

const READY_LIMIT = 20_000;
const END_LIMIT = 5000;

/** Prints that something holds, or throws what does not. */
export function check(name, holds, found) {
  if (!holds) throw new Error(found === undefined ? name : `${name}, but: ${found}`);
  console.log(`ok ${name}`);
}

/** Exit code of a check that could not run, as test harnesses have it. */
const SKIPPED = 77;

/** Runs the body of a check script: its last line says how it ended, and its exit code: 0, 1, or 77 where it could not run at all. */
export async function main(name, body) {
  try {
    await body();
    console.log(`ok ${name}`);
    await end(0);
  } catch (error) {
    console.error(`${error instanceof Missing ? "skip" : "FAIL"} ${name}: ${error.message}`);
    await end(error instanceof Missing ? SKIPPED : 1);
  }
}

/** An empty folder for what a check leaves behind. */
export function results(name) {
  const folder = join(ROOT, "build/interop", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Starts `blimp beacon` on a controller's socket and waits until it says that it is ready. The environment's CLI names another program. */
export async function startBeacon(socket, trace) {
  const cli = process.env.CLI ?? join(ROOT, "dist/node/cli.js");
  if (!existsSync(cli)) throw new Error(`${cli} is not there: npm run build`);
  const child = start(process.execPath, [cli, "beacon", "--h4", `unix:${socket}`, "--json", "--trace", trace]);
  let text = "";
  let ready = null;
  let wrong = null;
  child.stdout.on("data", (part) => {
    const lines = (text + part).split("\n");
    text = lines.pop();
    for (const line of lines) {
      try {
        const said = JSON.parse(line);
        if (said.event === "ready") ready ??= said;
        if (said.event === "error") wrong ??= line;
      } catch {
        wrong ??= `not JSON: ${line}`;
      }
    }
  });
  await until(
    () => ready || wrong || child.exitCode !== null || child.signalCode !== null,
    READY_LIMIT,
    () => `the beacon is not ready after ${READY_LIMIT} ms: ${child.output}`,
  );
  if (!ready) throw new Error(`the beacon did not become ready: ${wrong ?? child.output}`);
  check("the beacon is ready and names its address", /^[0-9a-f]{12}$/.test(ready.address), JSON.stringify(ready));
  return { child, address: ready.address, wrong: () => wrong };
}

/** Of all reports that a scanner had, none may be of another kind than the beacon's. */
export function checkReports(who, reports, address) {
  const kinds = [...new Set(reports.map(({ type, address, data }) => JSON.stringify({ type, address, data })))];
  check(`${who} gets one kind of report (${reports.length} of them)`, kinds.length === 1, kinds.join(" "));
  const [report] = reports;
  check(`${who} sees ADV_NONCONN_IND`, report.type === ADV_NONCONN_IND, `type ${report.type}`);
  check(`${who} sees the address that the beacon named, ${address}`, report.address === address, report.address);
  check(`${who} sees the iBeacon byte for byte`, report.data === DATA, report.data);
}

/** Ends the beacon as a service manager does it, and looks at how it takes its advert off. */
export async function checkEnd({ child, wrong }, proxy) {
  const began = Date.now();
  child.kill("SIGTERM");
  await Promise.race([child.ended, until(() => false, END_LIMIT, () => `the beacon still runs ${END_LIMIT} ms after SIGTERM`)]);
  check(`SIGTERM ends the beacon (${Date.now() - began} ms, ${child.signalCode ?? `exit code ${child.exitCode}`})`, true);
  check("the beacon has reported no error", wrong() === null, wrong());
  const commands = proxy.packets.filter(({ sent }) => sent).map(({ bytes }) => bytes.toString("hex"));
  const off = commands.slice(commands.lastIndexOf(ENABLE) + 1);
  check("it has switched its advert off", commands.includes(ENABLE) && (off.includes(DISABLE) || off.includes(RESET)), off.join(" ") || "no command follows the last enable");
}

/** Looks at the trace that the beacon wrote, beside what really passed. */
export function checkTrace(trace, proxy) {
  const { datalink, records } = readSnoop(trace);
  check("the trace is btsnoop of H4", datalink === 1002, `datalink ${datalink}`);
  const hexes = (list, sent) => list.filter((packet) => packet.sent === sent).map(({ bytes }) => bytes.toString("hex"));
  const traced = records.map(({ flags, bytes }) => ({ sent: (flags & 1) === 0, bytes, flags }));
  const odd = traced.find(({ flags, bytes }) => flags >> 1 !== (bytes[0] === 1 || bytes[0] === 4 ? 1 : 0));
  check("its flags tell commands and events from data", !odd, odd && `${odd.flags} for ${odd.bytes.toString("hex")}`);
  const [sent, wire] = [hexes(traced, true), hexes(proxy.packets, true)];
  check(`it holds each packet sent (${sent.length})`, sent.join() === wire.join(), `\n${sent.join("\n")}\nand on the wire\n${wire.join("\n")}`);
  // The answer to the Reset that ends it all is not waited for.
  const [got, came] = [hexes(traced, false), hexes(proxy.packets, false)];
  check(
    `it holds each packet received (${got.length})`,
    came.length - got.length <= 1 && got.join() === came.slice(0, got.length).join(),
    `\n${got.join("\n")}\nand on the wire\n${came.join("\n")}`,
  );
  check("it holds LE Set Advertising Data with the iBeacon", sent.includes(SET_DATA), sent.filter((packet) => packet.startsWith("010820")).join(" ") || "none");
  const script = join(TOOLS, "check-snoop.sh");
  const lacks = !existsSync(script) ? script : spawnSync("tshark", ["--version"]).error ? "tshark" : null;
  if (lacks) {
    console.log(`skip the trace in other programs' eyes: ${lacks} is not there`);
    return;
  }
  const { status, stdout, stderr } = spawnSync(script, [trace], { encoding: "utf8", timeout: 60_000 });
  check("the trace is clean in tshark and btmon", status === 0, `\n${stdout}${stderr}`);
}
