/**
 * Run by guest.sh, which see: GUEST is there. What the guest's console says, what the device's application sees and what has passed between them have to
 * be the same story. Leaves traces, the console and all of ATT in build/interop/gatt-guest.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { start, startAir, TOOLS } from "./air.mjs";
import { check, main, results } from "./beacon.mjs";
import { checkTraces, databaseHash, Device, framesOf, LONG, MORE, TABLE, UUIDS } from "./gatt.mjs";
import { startProxy } from "./h4.mjs";

/** Seconds for the guest, boot included; it takes 35 to 50. */
const LIMIT = "150";

const STEPS = "scan connect list long-read empty-read short-write long-write read-back write-command reliable-write notify unsubscribe indicate ssid extend battery disconnect again read-again leave".split(" ");

const ATT = 4;
const SMP = 6;

const SHORT = Buffer.from("a short value").toString("hex");
/** Longer than what one packet carries. */
const WRITTEN = Buffer.from(Array.from({ length: 400 }, (_, i) => (i * 11 + 5) & 255)).toString("hex");
const NOTES = ["01", "02".repeat(244)];
const INDICATION = "0a0b0c";

function dashed(uuid) {
  return uuid.length === 4 ? `0000${uuid}-0000-1000-8000-00805f9b34fb`.toLowerCase() : uuid.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-").toLowerCase();
}

/** Bytes as bluetoothctl takes them, for a shell. */
function spelled(digits) {
  return `'${[...Buffer.from(digits, "hex")].join(" ")}'`;
}

/** The guest's console by its steps: the lines that follow each, and whether the guest was content. */
function sections(text) {
  const found = {};
  for (const part of text.split(/^## /m).slice(1)) {
    const [head, ...lines] = part.split("\n");
    const [name, state] = head.split(" ");
    found[name] = { state, lines };
  }
  return found;
}

/** The bytes that bluetoothctl shows, hex digits: rows of up to 16, beside which they stand as text. */
function shown({ lines }) {
  return lines.map((line) => /^((?:[0-9a-f]{2} )+) /.exec(line)?.[1].replaceAll(" ", "") ?? "").join("");
}

/** The table as bluetoothd gives it out: paths that end in handles, and UUIDs. Generic Access it keeps for itself. */
function paths(table, peer) {
  const root = `/org/bluez/hci0/dev_${peer.replaceAll(":", "_")}`;
  const four = (handle) => Number(handle).toString(16).padStart(4, "0");
  let service = "";
  let char = "";
  const list = [];
  for (const line of table.split("\n")) {
    const [kind, ...words] = line.trim().split(" ");
    if (kind === "service") service = `${root}/service${four(parseInt(words[0]))}`;
    if (kind === "char") char = `${service}/char${four(words[0])}`;
    const path = kind === "service" ? service : kind === "char" ? char : `${char}/desc${four(words[0])}`;
    if (!service.endsWith("service0001")) list.push(`${path} ${dashed(words[words.length - 1])}`);
  }
  return list;
}

/** Checks that each request has its answer, and returns them as pairs "request answer"; what answers nothing stands alone. */
function conversation(frames) {
  const pairs = [];
  let asked = "";
  for (const { sent, bytes } of frames) {
    const opcode = parseInt(bytes.slice(0, 2), 16);
    const told = opcode === 0x1b || opcode === 0x1d;
    if (sent ? told : opcode === 0x1e || opcode & 0x40) pairs.push(bytes);
    else if (!sent) {
      if (asked) throw new Error(`${asked} has no answer before ${bytes}`);
      asked = bytes;
    } else {
      const fits = asked && (opcode === parseInt(asked.slice(0, 2), 16) + 1 || bytes.startsWith(`01${asked.slice(0, 2)}`));
      if (!fits) throw new Error(`${bytes} does not answer ${asked || "anything"}`);
      pairs.push(`${asked} ${bytes}`);
      asked = "";
    }
  }
  check(`each of ${pairs.length} things said in ATT has its answer, or wants none`, asked === "", asked);
  return pairs;
}

/** What Linux asks at every connection, and once more where the services have changed. */
function checkBeginning(pairs) {
  const hashes = [TABLE, `${TABLE}\n${MORE}`].map((table) => `080100ffff2a2b 09120f00${databaseHash(table)}`);
  const wanted = [
    ["MTU 517, and gets 247", 2, "020502 03f700"],
    ["for Server Supported Features, which there are not", 2, "080100ffff3a2b 010801000a"],
    ["for the Database Hash, of the first table", 1, hashes[0]],
    ["for that of the table with one service more, when it has changed and when it comes back", 2, hashes[1]],
    ["for robust caching and notifications of several values", 2, "120d0005 13"],
    ["for Service Changed", 2, "120b000200 13"],
    ["for the device's name", 2, `0a0300 0b${Buffer.from("wi-fi refresh").toString("hex")}`],
    ["all services, once", 1, "100100ffff0028 110601000700001808000f000118100018000a18"],
  ];
  for (const [what, times, pair] of wanted) {
    const found = pairs.filter((one) => one === pair).length;
    check(`Linux asks ${what}`, found === times, `${found} times, and not ${times}\n${pairs.filter((one) => one.startsWith(pair.split(" ")[0])).join("\n")}`);
  }
  const changed = pairs.indexOf("1d0a001000ffff");
  check("it confirms Service Changed, and looks at nothing but what has changed", changed > 0 && pairs[changed + 1] === "1e" && pairs[changed + 2].startsWith("101000ffff0028 "), pairs.slice(changed, changed + 3).join("\n"));
  const again = pairs.lastIndexOf(wanted[0][2]);
  check("and at nothing at all when it comes back", again > changed && !pairs.slice(again).some((pair) => /^(10|04)|^08.{8}0[23]28/.test(pair)), pairs.slice(again).join("\n"));
}

await main("GATT and Linux", async () => {
  const folder = results("gatt-guest");
  const air = await startAir();
  const socket = join(air.folder, "device.sock");
  const proxy = await startProxy(socket, air.le, join(folder, "wire.btsnoop"));
  const uart = join(air.folder, "guest.sock");
  const phone = await startProxy(uart, air.le, join(folder, "guest.btsnoop"));
  const trace = join(folder, "device.btsnoop");
  const device = await Device.start(socket, proxy, trace);

  const peer = device.address.toUpperCase().match(/../g).join(":");
  const variables = { PEER: peer, SERVICE: dashed(UUIDS.wifi), SERIAL: dashed("2A25"), MODEL: dashed("2A24"), BATTERY: dashed("2A19"), SHORT: spelled(SHORT), WRITTEN: spelled(WRITTEN) };
  for (const name of ["ssid", "trigger", "echo", "notifier", "indicator"]) variables[name.toUpperCase()] = dashed(UUIDS[name]);
  const script = join(folder, "run.sh");
  const inside = readFileSync(fileURLToPath(new URL("gatt-guest-run.sh", import.meta.url)), "utf8");
  writeFileSync(script, Object.entries(variables).map(([name, value]) => `${name}=${value}\n`).join("") + inside);

  const began = Date.now();
  const guest = start(join(TOOLS, "run-guest.sh"), [resolve(process.env.GUEST), uart, script], { env: { ...process.env, LIMIT } });
  const seen = [];
  let left = false;
  const attend = setInterval(() => {
    while (device.said.length > 0) {
      const said = device.said.shift();
      const { event, name, on } = said;
      seen.push(JSON.stringify(said));
      if (event === "subscribe" && on === 1) for (const value of NOTES) device.does(`notify ${value}`);
      if (event === "subscribe" && on === 2 && !left) device.does(`indicate ${INDICATION}`);
      if (event === "write" && name === "ssid") device.does("parameters");
      if (event === "write" && name === "trigger") device.does("extend");
      left ||= event === "close";
    }
  }, 10);
  await guest.ended;
  clearInterval(attend);
  const text = guest.output.replaceAll("\r", "");
  writeFileSync(join(folder, "console.log"), text);
  const frames = framesOf(proxy.packets, ATT);
  writeFileSync(join(folder, "att.txt"), frames.map(({ sent, bytes }) => `${sent ? "device" : "Linux "} ${bytes}\n`).join(""));
  check(`the guest has run (${((Date.now() - began) / 1000).toFixed(1)} s)`, guest.exitCode === 0, `exit code ${guest.exitCode}\n${text.slice(-2000)}`);

  const steps = sections(text);
  for (const step of STEPS) check(`Linux is content: ${step}`, steps[step]?.state === "ok", `${steps[step]?.state}\n${steps[step]?.lines.join("\n")}`);
  const listed = steps.list.lines.map((line, i, lines) => (line.startsWith("\t/org") ? `${line.trim()} ${lines[i + 1].trim()}` : "")).filter(Boolean);
  check(`it lists the ${listed.length} attributes that there are, and no other`, listed.sort().join("\n") === paths(TABLE, peer).sort().join("\n"), `\n${listed.join("\n")}`);
  const long = Buffer.from(LONG).toString("hex");
  // bluetoothctl shows a value as it changes, and as the answer.
  const values = [
    ["long-read", long, "a value of 300 bytes"],
    ["read-back", WRITTEN, "the 400 bytes that it has written"],
    ["notify", NOTES.join(""), "both notifications"],
    ["indicate", INDICATION, "the indication"],
    ["battery", "64", "the value of the new service"],
    ["read-again", long, "the long value when it has come back"],
  ];
  for (const [step, value, what] of values) check(`it shows ${what}`, [value, value + value].includes(shown(steps[step])), shown(steps[step]));

  const address = phone.packets.find(({ sent, bytes }) => !sent && bytes[1] === 0x0e && bytes.readUInt16LE(4) === 0x1009).bytes.subarray(7, 13).reverse().toString("hex");
  const connect = { event: "connect", address, addresstype: 0, security: 1, mtu: 23 };
  const wrote = (name, value) => ({ event: "write", name, address, value });
  const subscribed = (name, on) => ({ event: "subscribe", name, address, on });
  const story = [
    connect,
    wrote("echo", SHORT),
    wrote("echo", WRITTEN),
    { event: "read", name: "echo", address },
    wrote("echo", SHORT),
    wrote("echo", WRITTEN),
    subscribed("notifier", 1),
    ...NOTES.map(() => ({ event: "notified", queued: true })),
    subscribed("notifier", 0),
    subscribed("indicator", 2),
    { event: "indicated", queued: true },
    { event: "confirmed", address, error: null },
    wrote("ssid", SHORT),
    { event: "parameters", address, error: null },
    wrote("trigger", "01"),
    { event: "refresh", ssid: SHORT },
    { event: "close", address, reason: 0x13 },
    connect,
    // bluetoothd subscribes again by itself.
    subscribed("indicator", 2),
    { event: "close", address, reason: 0x13 },
  ];
  check(`the application has seen these ${story.length} things, in this order`, seen.join("\n") === story.map((one) => JSON.stringify(one)).join("\n"), `\n${seen.join("\n")}`);

  checkBeginning(conversation(frames));
  // LE Connection Update Complete: no error, the handle, 30 ms, latency 2, 3 s.
  const updates = [proxy, phone].map(({ packets }) => packets.filter(({ sent, bytes }) => !sent && bytes[1] === 0x3e && bytes[3] === 0x03).map(({ bytes }) => bytes.toString("hex")));
  check("Linux grants the parameters that the device asks for, and both ends have them", updates.every((list) => list.length > 0 && /^043e0a0300....180002002c01$/.test(list[0])), updates.join(" "));
  const pairing = framesOf(proxy.packets, SMP).map(({ bytes }) => bytes);
  check("at level 1 nobody pairs", pairing.length === 0, pairing.join());
  await device.end();
  proxy.close();
  phone.close();
  checkTraces(trace, proxy, [trace]);
});
