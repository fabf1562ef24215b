// The emulated board.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { here, out, root } from "./paths.mjs";
import { start } from "./run.mjs";

/** As in src/link.ld. */
const SCRIPTS = 0x200000;

/** The path of a preset's script, in the build's output. */
export function presetFile(preset) {
  return join(root, "dist", "bare", `${preset}.min.js`);
}

/** Joins a preset and scripts of this folder as the firmware wants them: each ended by a 0 byte, an empty one last. Returns the file's path. */
export function joinScripts(preset, names) {
  const file = join(out, `${[preset, ...names].join("-").replaceAll("/", "-")}.bin`);
  const texts = [presetFile(preset), ...names.map((name) => join(here, `${name}.js`))].map((path) => readFileSync(path));
  const end = Buffer.alloc(1);
  writeFileSync(file, Buffer.concat([...texts.flatMap((text) => [text, end]), end]));
  return file;
}

/**
 * Boots the board.
 * @param icount "shift=N": an instruction takes 2^N ns of the board's time; "sleep=off": time asleep passes at once
 * @param socket path of a Unix socket on which a controller speaks H4; none: the line is open
 * @param limit seconds
 */
export function boot({ image, scripts, icount, socket, limit, onLine }) {
  const line = socket ? ["-chardev", `socket,id=bluetooth,path=${socket},server=off`, "-serial", "chardev:bluetooth"] : ["-serial", "null"];
  const words = [
    ...["-M", "mps2-an386", "-nodefaults", "-display", "none", "-monitor", "none", "-nic", "none"],
    ...["-icount", icount, "-semihosting-config", "enable=on,target=native"],
    ...["-kernel", image.file, "-device", `loader,file=${scripts},addr=${SCRIPTS},force-raw=on`],
    ...["-serial", "stdio", ...line],
  ];
  return start("qemu-system-arm", words, { limit, onLine });
}
