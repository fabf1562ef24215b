/**
 * Run by guest.sh, which see: GUEST is there. Linux' own stack pairs with pair-device.mjs, a boot for each case of pair-cases.sh of the tools. Each case is
 * judged by what the guest's console says and by the packets that it has seen; beside that, by the device's: what it has told its application, the
 * reason that it gives, its trace. CASES names the cases to run. Leaves all of it in build/interop/pair-guest.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Missing, sleep, start, TOOLS } from "./air.mjs";
import { check, main, results } from "./beacon.mjs";
import { framesOf } from "./gatt.mjs";
import { checkMasks, checkSecrets, packetsOf, secretsOf, SMP } from "./pair.mjs";

/** Seconds for a guest, boot included; it takes 20 to 45. */
const LIMIT = "90";

const UUID = "12345678-1234-5678-1234-56789abc0001";

/**
 * The cases: the least security of the device; the level that the phone reaches, 0 none; the reason by which it is refused; whether the phone hides behind private
 * addresses. At level 1 the phone is left to find out that one value wants more.
 */
const CASES = {
  sc: { level: 4, reaches: 4, hides: true },
  "sc-reboot": { level: 4, reaches: 4, hides: true },
  legacy: { level: 3, reaches: 3 },
  "legacy-reboot": { level: 3, reaches: 3 },
  read: { level: 1, reaches: 4 },
  request: { level: 4, reaches: 4 },
  wrong: { level: 4, reaches: 0, reason: "0504" },
  "wrong-legacy": { level: 3, reaches: 0, reason: "0504" },
  noio: { level: 4, reaches: 0, reason: "0503" },
};

/** Where the guest's script has its adapter up, and what switches its private addresses on there: by the same key after a restart. */
const ADAPTER = 'if [ "$SC" = off ]; then';
const PRIVATE = ["power off", "privacy on 8f1d4ab2c3e75960718293a4b5c6d7e8", "power on"].map((command) => `timeout 3 btmgmt --index 0 ${command}\n`).join("");

/** The guest's script for a phone that hides. */
function hidingScript(folder) {
  const plain = readFileSync(join(TOOLS, "guest-pair-passkey.sh"), "utf8");
  if (!plain.includes(ADAPTER)) throw new Error("guest-pair-passkey.sh has changed: where its adapter is up has to be looked for");
  const script = join(folder, "hiding.sh");
  writeFileSync(script, plain.replace(ADAPTER, PRIVATE + ADAPTER));
  return script;
}

/** The addresses of peers on the air, by what a controller has told: type and 12 hex digits of each. */
function peersOf(packets) {
  return packets.filter(({ sent, bytes }) => !sent && bytes[0] === 4 && bytes[1] === 0x3e && bytes[3] === 1 && !bytes[4]).map(({ bytes }) => ({ type: bytes[8], address: Buffer.from(bytes.subarray(9, 15)).reverse().toString("hex") }));
}

/**
 * What pair-cases.sh finds wrong. It is written for a table in which one value is protected: where the device shows nothing at all before its level is reached, the
 * guest does not even find the value that it shall be refused, and may end a connection that asks it to pair once more; where a pairing is refused at once, the
 * device's capabilities are not told.
 */
function faults(name, { level, reaches }, said) {
  const lines = said.split("\n").map((line) => line.trim());
  if (lines.includes(`PASS ${name}`)) return [];
  const wrong = lines.flatMap((line) => (/^(missing|unwanted):/.test(line) ? [line] : (line.match(/STEP [^;]*FAIL[^;]*/g) ?? [])));
  const excused = level > 1 && !reaches ? [/^STEP connect-anyway: FAIL/, /^STEP refused: FAIL No attribute selected/, ...(name === "noio" ? [/^missing: io 3\/0$/] : [])] : [];
  const left = wrong.filter((line) => !excused.some((excuse) => excuse.test(line)));
  return wrong.length > 0 ? left : lines;
}

/** A folder with the guest, and beside it what host-pair.sh puts before btvirt: the library that stands in for AF_ALG. */
function prepareGuest(folder) {
  const guest = join(folder, "guest");
  mkdirSync(guest);
  for (const file of ["vmlinuz", "base.cpio.gz"]) symlinkSync(resolve(process.env.GUEST, file), join(guest, file));
  const { status, stderr } = spawnSync("gcc", ["-O2", "-shared", "-fPIC", "-o", join(guest, "afalg-shim.so"), join(TOOLS, "afalg-shim.c"), "-ldl"], { encoding: "utf8" });
  if (status !== 0) throw new Error(`afalg-shim.c does not compile: ${stderr ?? "gcc is not there"}`);
  return guest;
}

async function run(name, folder, guest) {
  const { level, reaches, reason, hides } = CASES[name];
  const trace = join(folder, `${name}.btsnoop`);
  const device = `${process.execPath} ${fileURLToPath(new URL("pair-device.mjs", import.meta.url))}`;
  const began = Date.now();
  const env = { ...process.env, GUEST: guest, TOOLS, OUT: folder, LIMIT, DUT: device, DUT_LEVEL: String(level), DUT_TRACE: trace, ...(hides ? { SCRIPT: hidingScript(folder) } : {}) };
  const cases = start(join(TOOLS, "pair-cases.sh"), [name], { env });
  await cases.ended;
  const wrong = faults(name, CASES[name], cases.output);
  check(`${name}: Linux and its packets say so (${((Date.now() - began) / 1000).toFixed(1)} s)`, wrong.length === 0, `\n${wrong.join("\n")}\n${cases.output}`);

  const told = readFileSync(join(folder, name, "dut.log"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
  const of = (ev) => told.filter((one) => one.ev === ev);
  // The air goes before the device does.
  const errors = of("error").concat(of("warning")).filter(({ text }) => !text.includes("the other end has closed"));
  check("the device has reported no error", errors.length === 0, JSON.stringify(errors));
  const reads = of("read").filter(({ uuid }) => uuid === UUID);
  // At level 1 the application knows of every connection.
  const connected = level > 1 ? of("connect").map(({ security }) => security) : [];
  check(
    reaches ? `its application has seen level ${reaches}, and the value read` : "its application has seen nobody read, and no connection below the level",
    connected.every((security) => security === reaches) && reads.every(({ security }) => security === reaches) && reads.length > 0 === reaches > 0,
    told.map((one) => JSON.stringify(one)).join("\n"),
  );
  const wire = packetsOf(join(folder, name, "periph.btsnoop"));
  const isPrivate = ({ type, address }) => type === 1 && parseInt(address[0], 16) >> 2 === 1;
  if (hides) {
    const [peers, known] = [peersOf(wire), of("connect").map(({ address, addresstype }) => `${addresstype} ${address}`)];
    check(
      `the phone comes ${peers.length} times from a private address, and is known as ${known[0]}`,
      peers.length > 0 && peers.every(isPrivate) && known.length === peers.length && known.every((one) => one === known[0] && one.startsWith("0 ")),
      JSON.stringify({ peers, known }),
    );
  }
  const refusals = framesOf(wire, SMP).filter(({ sent, bytes }) => sent && bytes.startsWith("05")).map(({ bytes }) => bytes);
  check(reason ? `it refuses with ${reason}` : "it refuses nothing", reason ? refusals.length > 0 && refusals.every((pdu) => pdu === reason) : refusals.length === 0, refusals.join());
  const kinds = checkMasks(trace, wire);
  check(`zeroed in it: ${kinds.join(", ")}`, kinds.length > 0 || name === "noio");
  const secrets = secretsOf(wire);
  if (name !== "noio") checkSecrets(trace, secrets);
}

await main("pairing and Linux", async () => {
  if (!existsSync(join(TOOLS, "pair-cases.sh"))) throw new Missing(`${TOOLS} has no pair-cases.sh`);
  if (process.getuid() !== 0) throw new Missing("host-pair.sh has to be run by root");
  const folder = results("pair-guest");
  const guest = prepareGuest(folder);
  for (const name of process.env.CASES?.split(" ") ?? Object.keys(CASES)) {
    await run(name, folder, guest);
    // Its air goes.
    await sleep(200);
  }
});
