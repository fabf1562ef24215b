import { spawnSync } from "node:child_process";

/**
 * How long what was written may take to leave before a setting is changed, ms. At 9600 bit/s the 4 KiB that the system may hold take 4.3 s;
 * where the other end may hold them up, it is not waited for so long.
 */
const PATIENCE = 6000;
const PATIENCE_WITH_FLOW = 1000;

/** Nothing is changed, added or held back on its way, and nothing but bytes comes in. */
const RAW = "raw cs8 -parenb -cstopb cread clocal -hupcl -iexten -echo -echoe -echok -echonl -echoctl -echoke".split(" ");

/** `stty` has waited in vain. */
class Stuck extends Error {}

/**
 * Sets a serial line: raw, 8N1, the rate in bit/s, hardware flow control or none. What was written before leaves first, except where the
 * other end holds it up.
 * @throws Error where that cannot be done: no such rate, no serial line, no `stty`
 */
export function setLine(device: string, baud: number, flow: boolean): void {
  const settings = [...RAW, String(baud), flow ? "crtscts" : "-crtscts"];
  try {
    stty(device, settings);
  } catch (error) {
    if (!(error instanceof Stuck)) throw error;
    stty(device, ["-drain", ...settings]);
  }
}

/**
 * Waits until what was written has left.
 * @param flow whether the line obeys flow control
 * @returns false where it does not leave
 */
export function drainLine(device: string, flow: boolean): boolean {
  try {
    stty(device, [flow ? "crtscts" : "-crtscts"]);
    return true;
  } catch {
    return false;
  }
}

/** Turns flow control off at once, so that what the other end holds up does not hold up the closing of the port. */
export function releaseLine(device: string): void {
  try {
    stty(device, ["-drain", "-crtscts"]);
  } catch {
    // An older `stty` always waits. Then the system does, for as long as it sees fit.
  }
}

/** Runs `stty`, which, unless told otherwise, changes settings only once everything written has left (TCSADRAIN). */
function stty(device: string, settings: string[]): void {
  const flag = process.platform === "linux" ? "-F" : "-f";
  const { error, status, stderr } = spawnSync("stty", [flag, device, ...settings], {
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
    timeout: settings.includes("crtscts") ? PATIENCE_WITH_FLOW : PATIENCE,
    // What it says is shown to people who look it up.
    env: { ...process.env, LC_ALL: "C" },
  });
  if (error !== undefined) {
    if ((error as NodeJS.ErrnoException).code === "ETIMEDOUT") throw new Stuck(`${device}: what was written does not leave`);
    throw new Error(`${device}: stty: ${error.message}`);
  }
  if (status !== 0) throw new Error(stderr.trim() || `${device}: stty: exit code ${status}`);
}
