/**
 * Run by guest.sh, which see: GUEST is there. The Wi-Fi refresh (examples/wifi-refresh.js) at level 4, by dist/bare/secure.min.js in an engine of a C host
 * (examples/hosts) at a pseudo-terminal; Linux' own stack is the phone, and its user types the code that the device shows. Then the host is started anew with its
 * bonds in a file, and the phone comes back without being asked again. HOST_ENGINE: duktape (default), or jerry or quickjs; NATIVE=no: AES and P-256 in JavaScript, too; STATIC=yes:
 * static snapshots of JerryScript; HEAP: the engine's heap, KB.
 * Leaves packets and consoles in build/interop/hosts-guest-ENGINE.
 */
import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Missing, sleep, start, startAir, TOOLS, until } from "./air.mjs";
import { check, main, results } from "./beacon.mjs";
import { framesOf, UUIDS } from "./gatt.mjs";
import { startProxy } from "./h4.mjs";
import { build, buildStatic, Host, Port } from "./hosts.mjs";
import { SMP } from "./pair.mjs";

/** Seconds for the guest, boot included; it takes 30 to 45. */
const LIMIT = "150";

const STEPS = "agent scan passkey pair resolved first-name first-password first-trigger scan-again again second-name second-password second-trigger asked-once".split(" ");

/** A static random address: btvirt would give each connection to it another one. */
const ADDRESS = "c01122334455";
const REFRESHES = [["Blimp Hangar", "lighter than air"], ["A network whose name is rather long", "0123456789".repeat(6)]];
const ATT = 4;
const ENCRYPTION_CHANGE = 0x08;

const { HOST_ENGINE: engine = "duktape", NATIVE, STATIC, HEAP } = process.env;

function dashed(uuid) {
  return uuid.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-").toLowerCase();
}

function spelled(text) {
  return `'${[...Buffer.from(text)].join(" ")}'`;
}

/** Writes what the guest reads from its console. */
function typeInto(file, text) {
  writeSync(file, `${text}\n`);
}

/** The codes of the Security Manager's PDUs that have passed. */
function codesOf(packets) {
  return framesOf(packets, SMP).map(({ bytes }) => bytes.slice(0, 2));
}

await main(`Wi-Fi refresh of the ${engine} host and Linux${NATIVE === "no" ? ", without native help" : ""}`, async () => {
  const folder = results(`hosts-guest-${engine}`);
  const air = await startAir();
  const socket = join(air.folder, "device.sock");
  const proxy = await startProxy(socket, air.le, join(folder, "wire.btsnoop"));
  const port = new Port(join(folder, "tty"), socket);
  const prelude = join(folder, "address.js");
  writeFileSync(prelude, `var stack = blimp; blimp = { open: function (h, f, o) { o.mac = "${ADDRESS}"; return stack.open(h, f, o); } };\n`);
  const store = join(folder, "bonds");
  const texts = ["dist/bare/secure.min.js", "examples/wifi-refresh.js", prelude, "examples/hosts/wifi.js"];
  const built = STATIC === "yes" ? buildStatic(join(folder, "static"), texts) : { program: build(engine), snapshots: texts };
  if (!built) throw new Missing("JERRY_SNAPSHOT names no compiler of JerryScript without line-info");
  const { program, snapshots: scripts } = built;
  const more = [...(NATIVE === "no" ? ["--no-aes", "--no-p256"] : []), ...(HEAP ? ["--heap", HEAP] : [])];
  const launch = async () => {
    await port.plug();
    const host = new Host(program, ["--port", port.path, "--store", store, "--stats", ...more, ...scripts]);
    const [, ms] = await host.says(/^BLE initialized after (\d+) ms$/);
    check(`the host runs, and is ready after ${ms} ms`, true);
    return host;
  };
  let host = await launch();

  const uart = join(air.folder, "guest.sock");
  const phone = await startProxy(uart, air.le, join(folder, "guest.btsnoop"));
  const variables = { PEER: ADDRESS.toUpperCase().match(/../g).join(":"), SERVICE: dashed(UUIDS.wifi) };
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
  const console_ = () => guest.output.replaceAll("\r", "");
  const awaits = (word) => until(() => new RegExp(`^${word}$`, "m").test(console_()) || guest.exitCode !== null, Number(LIMIT) * 1000, () => `the guest has not got to ${word}`);

  const refreshed = async (i) => {
    const [name, word] = REFRESHES[i];
    await host.says(/^Written SSID$/, 60_000);
    await host.says(/^Written PWD$/);
    const [, ssid, hashes] = await host.says(/^Switching to SSID: (.*), PSK: (#*)$/);
    check(`the device is told "${ssid}" and a password of ${hashes.length} characters`, ssid === name && hashes.length === word.length, `${ssid} ${hashes.length}`);
  };

  const [, code] = await host.says(/^Type (\d{6})$/, 60_000);
  await awaits("ASK");
  typeInto(typed, code);
  await host.says(/^Pairing: paired$/, 60_000);
  check("the phone's user types the code that the device shows, and they pair", true);
  await refreshed(0);
  const first = proxy.packets.length;

  // Power fails: nothing of the first run is left but the file.
  await sleep(500);
  await host.end();
  await port.pull();
  host = await launch();
  await sleep(300);
  await awaits("AGAIN");
  typeInto(typed, "yes");
  await refreshed(1);

  await guest.ended;
  closeSync(typed);
  writeFileSync(join(folder, "console.log"), console_());
  check(`the guest has run (${((Date.now() - began) / 1000).toFixed(1)} s)`, guest.exitCode === 0, `exit code ${guest.exitCode}\n${console_().slice(-2000)}`);
  const parts = Object.fromEntries(console_().split(/^## /m).slice(1).map((part) => [part.split(" ")[0], part]));
  for (const step of STEPS) check(`Linux is content: ${step}`, parts[step]?.startsWith(`${step} ok`), parts[step] ?? "it did not get there");
  await host.end("the host ends when it is told to, and the sanitizers have found nothing");
  console.log(`   ${/.* heap: .*/.exec(host.child.output.split("\n").reverse().join("\n"))?.[0]}`);

  const packets = proxy.packets;
  const [before, after] = [packets.slice(0, first), packets.slice(first)];
  const codes = codesOf(before);
  const count = (code) => codes.filter((one) => one === code).length;
  check("Secure Connections by passkey: two public keys, 20 rounds of both, two checks", count("0c") === 2 && count("03") === 40 && count("04") === 40 && count("0d") === 2 && count("05") === 0, codes.join(" "));
  // A Security Request may ask the phone for the encryption by the key that it has.
  check("and no second pairing", codesOf(after).every((one) => one === "0b"), codesOf(after).join(" "));
  for (const [what, list] of [["when they have paired", before], ["when it comes back", after]]) {
    const encrypted = list.findIndex(({ sent, bytes }) => !sent && bytes[0] === 4 && bytes[1] === ENCRYPTION_CHANGE && bytes[3] === 0 && bytes[6] === 1);
    const served = framesOf(list.slice(0, encrypted), ATT).filter(({ sent, bytes }) => sent && !bytes.startsWith("03"));
    check(`${what} the link is encrypted, and nothing was served before`, encrypted > 0 && served.length === 0, served.map(({ bytes }) => bytes).join(" "));
  }
  proxy.close();
  phone.close();
});
