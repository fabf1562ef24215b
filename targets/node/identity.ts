import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** Bytes of an identity. */
const LENGTH = 16;

/**
 * An identity of the controller on a serial line, for `Hal.uniqueid`: made of this machine's and of the line's name, so that it stays the
 * same and no two are equal. It is a hash: what identifies the machine itself does not leave it.
 * @param device path of the line
 * @returns 16 bytes, or null where the machine has no identity
 */
export function machineIdentity(device: string): Uint8Array | null {
  try {
    const machine = readFileSync("/etc/machine-id", "latin1").trim();
    return machine === "" ? null : new Uint8Array(createHash("sha256").update(`blimp ${machine} ${device}`).digest().subarray(0, LENGTH));
  } catch {
    return null;
  }
}
