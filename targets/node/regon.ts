import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import { reject } from "../../core/errors.js";

const PLACE = "{level}";

/** How long a command may take, ms. */
const PATIENCE = 5000;

/** Whether `text` is something that `createRegon` takes. */
export function isRegon(text: string): boolean {
  return text.includes(PLACE) || isAbsolute(text);
}

/**
 * What sets BT_REG_ON.
 * @param text a shell command with `{level}` where 0 or 1 belongs, or the absolute path of a file that takes "0" or "1"
 * @param failed called, later, with the reason if a level could not be set
 * @throws BlimpError "argument" where it is neither
 */
export function createRegon(text: string, failed: (reason: string) => void): (level: 0 | 1) => void {
  if (!isRegon(text)) reject("createNodeHal", "regon", text, `a command with ${PLACE}, or an absolute path`);
  const put = text.includes(PLACE) ? runCommand : writeLevel;
  return (level) => {
    const reason = put(text, level);
    // Not from inside the stack's own call.
    if (reason !== null) setImmediate(failed, `BT_REG_ON could not be set to ${level}: ${reason}`);
  };
}

/** Runs a command; returns why it failed, or null. */
function runCommand(template: string, level: 0 | 1): string | null {
  const { error, status, signal, stderr } = spawnSync(template.replaceAll(PLACE, String(level)), {
    shell: true,
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
    timeout: PATIENCE,
  });
  if (error !== undefined) return error.message;
  return status === 0 ? null : stderr.trim() || (status === null ? `ended by ${signal}` : `exit code ${status}`);
}

function writeLevel(path: string, level: 0 | 1): string | null {
  try {
    writeFileSync(path, String(level));
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
