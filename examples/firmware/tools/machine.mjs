// The emulated board.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { here, out, root } from "./paths.mjs";
import { start } from "./run.mjs";

/** As in src/link.ld. */
const SCRIPTS = 0x200000;
const RECORDING = 0x300000;

/** The path of a preset's script in the build's output; of software cryptography by itself, which is none. */
export function presetFile(preset) {
  return preset === "primitives" ? join(out, "scripts", "primitives.js") : join(root, "dist", "bare", `${preset}.min.js`);
}

/**
 * Joins scripts as the firmware wants them: each ended by a 0 byte, an empty one last. Returns the file's path.
 * @param name of the file
 * @param preset the first of them, or none
 * @param more names of scripts of this folder, or script text where there is a semicolon
 * @param before text that stands in front of the preset, in one script with it
 */
export function joinScripts(name, preset, more, before = "") {
  const file = join(out, `${name.replaceAll(/[^a-z]+/gi, "-")}.scripts`);
  const texts = [...(preset ? [Buffer.concat([Buffer.from(before), readFileSync(presetFile(preset))])] : []), ...more.map((one) => (one.includes(";") ? Buffer.from(one) : readFileSync(join(here, `${one}.js`))))];
  const end = Buffer.alloc(1);
  writeFileSync(file, Buffer.concat([...texts.flatMap((text) => [text, end]), end]));
  return file;
}

/**
 * Boots the board.
 * @param icount "shift=N": an instruction takes 2^N ns of the board's time; "sleep=off": time asleep passes at once
 * @param recording file of what is to be played in place of a controller
 * @param socket path of a Unix socket on which a controller speaks H4; none: the line is open
 * @param limit seconds
 */
export function boot({ image, scripts, recording, icount, socket, limit, onLine }) {
  const line = socket ? ["-chardev", `socket,id=bluetooth,path=${socket},server=off`, "-serial", "chardev:bluetooth"] : ["-serial", "null"];
  const played = recording ? ["-device", `loader,file=${recording},addr=${RECORDING},force-raw=on`] : [];
  const words = [
    ...["-M", "mps2-an386", "-nodefaults", "-display", "none", "-monitor", "none", "-nic", "none"],
    ...["-icount", icount, "-semihosting-config", "enable=on,target=native"],
    ...["-kernel", image.file, "-device", `loader,file=${scripts},addr=${SCRIPTS},force-raw=on`, ...played],
    ...["-serial", "stdio", ...line],
  ];
  return start("qemu-system-arm", words, { limit, onLine });
}
