/**
 * Run by guest.sh, which see: GUEST is there. The Wi-Fi refresh (examples/wifi-refresh.js) at level 4 on the emulated Cortex-M4, by dist/bare/secure.min.js in duktape
 * or, where ENGINE says so, in JerryScript; Linux' own stack is the phone, and its user types the code that the board shows. All of P-256 is computed by the script,
 * within the 30 s that the Security Manager gives. Leaves packets and consoles in build/interop/mcu-guest.
 */
import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { start, startAir, TOOLS, until } from "./air.mjs";
import { check, main, results } from "./beacon.mjs";
import { framesOf, UUIDS } from "./gatt.mjs";
import { startProxy } from "./h4.mjs";
import { Board } from "./mcu.mjs";
import { SMP } from "./pair.mjs";

/** Seconds for the guest, boot included; it takes 40 to 60, and 130 on a machine that has other things to do. */
const LIMIT = "200";

const STEPS = "agent scan passkey pair resolved first-name first-password first-trigger scan-again again second-name second-password second-trigger asked-once".split(" ");
const REFRESHES = [["Blimp Hangar", "lighter than air"], ["A network whose name is rather long", "0123456789".repeat(6)]];
const ATT = 4;
const ENCRYPTION_CHANGE = 0x08;
const CONNECTION_COMPLETE = 0x01;

const { ENGINE: engine = "duktape" } = process.env;

function dashed(uuid) {
  return uuid.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-").toLowerCase();
}

/** Bytes as bluetoothctl takes them, for a shell. */
function spelled(text) {
  return `'${[...Buffer.from(text)].join(" ")}'`;
}

function isLeEvent({ sent, bytes }, code) {
  return !sent && bytes[0] === 4 && bytes[1] === 0x3e && bytes[3] === code;
}

await main(`emulated Cortex-M4 with ${engine}, and Linux`, async () => {
  const folder = results("mcu-guest");
  const air = await startAir();
  const [socket, uart] = [join(air.folder, "board.sock"), join(air.folder, "guest.sock")];
  const proxy = await startProxy(socket, air.le, join(folder, "board.btsnoop"));
  const board = new Board(socket, "--app", "wifi", "--engine", engine);
  await board.says(/^\| address/m);

  const phone = await startProxy(uart, air.le, join(folder, "guest.btsnoop"));
  const variables = { PEER: board.address.toUpperCase().match(/../g).join(":"), SERVICE: dashed(UUIDS.wifi) };
  for (const name of ["ssid", "password", "trigger"]) variables[name.toUpperCase()] = dashed(UUIDS[name]);
  REFRESHES.forEach(([name, word], i) => Object.assign(variables, { [`NAME${i + 1}`]: spelled(name), [`WORD${i + 1}`]: spelled(word) }));
  const script = join(folder, "run.sh");
  const inside = readFileSync(fileURLToPath(new URL("hosts-guest-run.sh", import.meta.url)), "utf8");
  writeFileSync(script, Object.entries(variables).map(([name, value]) => `${name}=${value}\n`).join("") + inside);
  const keyboard = join(air.folder, "keyboard");
  if (spawnSync("mkfifo", [keyboard]).status !== 0) throw new Error(`no pipe can be made in ${air.folder}`);
  // For both directions, so that it has always a reader and a writer.
  const typed = openSync(keyboard, constants.O_RDWR);

  const began = Date.now();
  const guest = start(join(TOOLS, "run-guest.sh"), [resolve(process.env.GUEST), uart, script], { env: { ...process.env, LIMIT, IN: keyboard } });
  const said = () => guest.output.replaceAll("\r", "");
  const [, code] = await board.says(/^\| type (\d{6})$/m);
  const type = async (line, text, limit) => {
    await until(() => new RegExp(`^${line}$`, "m").test(said()) || guest.exitCode !== null, limit, () => `the guest has not got to ${line}\n${said()}`);
    writeSync(typed, `${text}\n`);
  };
  await type("ASK", code, 30_000);
  const [, ms] = await board.says(/^\| paired after (\d+) ms$/m);
  check(`the phone's user types the code that the board shows, and they pair, in ${(ms / 1000).toFixed(1)} s of the board's time`, Number(ms) < 30_000, ms);
  // The board goes on meanwhile.
  await type("AGAIN", "yes", 60_000);
  await guest.ended;
  closeSync(typed);
  writeFileSync(join(folder, "guest.log"), said());
  writeFileSync(join(folder, "board.log"), board.said);
  check(`the guest has run (${((Date.now() - began) / 1000).toFixed(1)} s)`, guest.exitCode === 0, `exit code ${guest.exitCode}\n${said().slice(-2000)}`);

  const parts = Object.fromEntries(said().split(/^## /m).slice(1).map((part) => [part.split(" ")[0], part]));
  for (const step of STEPS) check(`Linux is content: ${step}`, parts[step]?.startsWith(`${step} ok`), `${parts[step] ?? "it did not get there"}\n${board.said}`);
  const switched = [...board.said.matchAll(/^\| Switching to SSID: (.*), PSK: (#*)$/gm)].map(([, name, hashes]) => `${name} ${hashes.length}`);
  const expected = REFRESHES.map(([name, word]) => `${name} ${word.length}`);
  check("the board has been told both networks", switched.join("\n") === expected.join("\n"), board.said);
  check("nothing of it has failed", !/failed|error/i.test(board.said), board.said);

  const { packets } = proxy;
  const second = packets.findLastIndex((packet) => isLeEvent(packet, CONNECTION_COMPLETE));
  const [before, after] = [packets.slice(0, second), packets.slice(second)];
  const codes = framesOf(before, SMP).map(({ bytes }) => bytes.slice(0, 2));
  const count = (one) => codes.filter((other) => other === one).length;
  const sc = count("0c") === 2 && count("03") === 40 && count("04") === 40 && count("0d") === 2 && count("05") === 0;
  check("Secure Connections by passkey: two public keys, 20 rounds of both, two checks", sc, codes.join(" "));
  const repeated = framesOf(after, SMP).map(({ bytes }) => bytes);
  // A Security Request may ask the phone for the encryption by the key that it has.
  check("and no second pairing when it comes back", repeated.every((bytes) => bytes.startsWith("0b")), repeated.join(" "));
  for (const [what, list] of [["when they have paired", before], ["when it comes back", after]]) {
    const encrypted = list.findIndex(({ sent, bytes }) => !sent && bytes[0] === 4 && bytes[1] === ENCRYPTION_CHANGE && bytes[3] === 0 && bytes[6] === 1);
    const served = framesOf(list.slice(0, encrypted), ATT).filter(({ sent, bytes }) => sent && !bytes.startsWith("03"));
    check(`${what} the link is encrypted, and nothing was served before`, encrypted > 0 && served.length === 0, served.map(({ bytes }) => bytes).join(" "));
  }
  proxy.close();
  phone.close();
});
