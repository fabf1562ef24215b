// What the board's Bluetooth UART is joined to.
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assemble } from "./h4.mjs";
import { root } from "./paths.mjs";

/** How often the virtual chip's clock is brought up to the wall's, in ms. */
const PACE = 2;

/** A Unix socket for the emulator; `attach` gets the connection. In a short path: it may have 107 characters. */
async function listen(attach) {
  const folder = mkdtempSync(join(tmpdir(), "mcu-"));
  const path = join(folder, "h4");
  const server = createServer((board) => {
    board.on("error", () => {});
    attach(board);
  });
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  await new Promise((resolve, reject) => server.once("error", reject).listen(path, resolve));
  server.unref();
  return path;
}

/**
 * A live controller on a Unix socket, such as btvirt's. The emulator sends byte by byte, and btvirt takes whatever one read gives it for whole
 * packets: they are put together here.
 * @param lost called once if the controller cannot be had or goes away
 */
export function joinSocket(target, lost) {
  return listen((board) => {
    const controller = createConnection(target);
    board.on("data", assemble((packet) => controller.write(packet)));
    board.on("close", () => controller.destroy());
    controller.on("data", (data) => board.write(data));
    controller.on("error", (error) => lost(`${target}: ${error.message}`));
    controller.on("close", () => lost(`${target} has closed`));
  });
}

/**
 * The virtual controller of the project, on an air whose clock keeps up with the wall's.
 * @returns the path of its socket, and the air
 */
export async function joinChip() {
  const { createBoard } = await import(new URL("dist/node/esm/mock.js", `file://${root}/`));
  const { hal, air, clock } = createBoard({ part: "plain", flow: false });
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    clock.run(now - last);
    last = now;
  }, PACE).unref();
  const socket = await listen((board) => {
    // The array is the wire's own again after the call.
    hal.uart.open(115200, false, (bytes) => board.write(Uint8Array.from(bytes)), () => {});
    board.on("data", (data) => hal.uart.write(data, 0, data.length));
    board.on("close", () => hal.uart.close());
  });
  return { socket, air };
}
