/** The emulated Cortex-M4 of examples/firmware, on a controller of an air. */
import { join } from "node:path";
import { ROOT, start, until } from "./air.mjs";

/** It boots and computes, and the emulation is slow where the machine is busy, ms. */
const LIMIT = 90_000;

export class Board {
  /**
   * Starts the program; its console is in `said`, each line behind "| ".
   * @param socket of a controller
   * @param words options: --app, --level, --engine, --seconds
   */
  constructor(socket, ...words) {
    this.child = start(process.execPath, [join(ROOT, "examples/firmware/mcu.mjs"), "btvirt", socket, "--seconds", "240", ...words]);
  }

  get said() {
    return this.child.output;
  }

  /** The address that it has, once it has said it. */
  get address() {
    return /address ([0-9a-f]{12})/.exec(this.said)?.[1];
  }

  /** Waits until it has said something; returns what the pattern has found. */
  async says(pattern, limit = LIMIT) {
    const complaint = () => `the board has not said ${pattern}:\n${this.said}`;
    await until(() => pattern.test(this.said) || this.child.exitCode !== null, limit, complaint);
    const found = pattern.exec(this.said);
    if (!found) throw new Error(complaint());
    return found;
  }
}
