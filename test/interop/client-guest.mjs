/**
 * Run by guest.sh, which see: GUEST is there. Linux is the peripheral: bluetoothctl serves an application and advertises it, and our central uses it. What
 * the guest's console says, what the central's application sees and what has passed between them have to be the same story. Leaves traces, the console
 * and all of ATT in build/interop/client-guest.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { sleep, start, startAir, TOOLS, until } from "./air.mjs";
import { check, main, results } from "./beacon.mjs";
import { ask, bytes, Central, equal, failing, hex, without } from "./client.mjs";
import { checkTraces, framesOf } from "./gatt.mjs";
import { startProxy } from "./h4.mjs";

/** Seconds for the guest, boot included; it takes 20 to 30. */
const LIMIT = "120";
const UUIDS = {
  service: "3c2a0001b5d14e0f9c7a5d1f6e8b2a40",
  long: "3c2a0002b5d14e0f9c7a5d1f6e8b2a40",
  echo: "3c2a0003b5d14e0f9c7a5d1f6e8b2a40",
  notifier: "3c2a0004b5d14e0f9c7a5d1f6e8b2a40",
  indicator: "3c2a0005b5d14e0f9c7a5d1f6e8b2a40",
  commands: "3c2a0006b5d14e0f9c7a5d1f6e8b2a40",
};
const LONG = bytes(500, 3);
const SHORT = Buffer.from("a short value");
const WRITTEN = bytes(400, 11);
const DESCRIPTION = Buffer.from("what is told");
const NOTE = Buffer.from([1, 2, 3, 4, 5]);
const INDICATION = Buffer.from([10, 11, 12]);
const ATT = 4;
const STEPS = "service long echo commands notifier description indicator application list advertise session".split(" ");

function dashed(uuid) {
  return uuid.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Bytes as bluetoothctl takes them, for a shell. */
function spelled(value) {
  return `'${[...value].join(" ")}'`;
}

await main("client and Linux", async () => {
  const folder = results("client-guest");
  const air = await startAir();
  const socket = join(air.folder, "central.sock");
  const proxy = await startProxy(socket, air.le, join(folder, "wire.btsnoop"));
  const uart = join(air.folder, "guest.sock");
  const peer = await startProxy(uart, air.le, join(folder, "guest.btsnoop"));
  const trace = join(folder, "central.btsnoop");
  const central = await Central.start(socket, proxy, trace);

  const variables = { LONG: spelled(LONG), ROOM: spelled(bytes(400, 1)), DESCRIPTION: spelled(DESCRIPTION), NOTE: spelled(NOTE), INDICATION: spelled(INDICATION), SERVICE: dashed(UUIDS.service) };
  for (const name of ["long", "echo", "notifier", "indicator", "commands"]) variables[`${name.toUpperCase()}_UUID`] = dashed(UUIDS[name]);
  const script = join(folder, "run.sh");
  const inside = readFileSync(fileURLToPath(new URL("client-guest-run.sh", import.meta.url)), "utf8");
  writeFileSync(script, Object.entries(variables).map(([name, value]) => `${name}=${value}\n`).join("") + inside);
  const began = Date.now();
  const guest = start(join(TOOLS, "run-guest.sh"), [resolve(process.env.GUEST), uart, script], { env: { ...process.env, LIMIT } });

  const keep = () => {
    writeFileSync(join(folder, "console.log"), guest.output.replaceAll("\r", ""));
    writeFileSync(join(folder, "att.txt"), framesOf(proxy.packets, ATT).map(({ sent, bytes }) => `${sent ? "central" : "Linux  "} ${bytes}\n`).join(""));
  };
  let services;
  try {
    services = await use(central);
    await guest.ended;
  } finally {
    keep();
  }
  check(`the guest has run (${((Date.now() - began) / 1000).toFixed(1)} s)`, guest.exitCode === 0, `exit code ${guest.exitCode}\n${guest.output.slice(-2000)}`);

  const text = guest.output.replaceAll("\r", "");
  for (const step of STEPS) check(`Linux is content: ${step}`, text.includes(`## ${step} ok\n`), text.slice(-2000));
  const found = services.filter(({ uuid }) => uuid === UUIDS.service).flatMap(({ uuid, handle, chars }) => [
    `Primary Service ${handle} ${uuid}`,
    ...chars.flatMap((one) => [`Characteristic ${one.handle} ${one.uuid}`, ...one.descriptors.filter((it) => it.uuid !== "2902").map((it) => `Descriptor ${it.handle} ${it.uuid}`)]),
  ]);
  check(`the ${found.length} attributes of the application are those that bluetoothctl lists, by their handles`, found.length === 7 && listed(text).sort().join() === found.sort().join(), `\n${found.join("\n")}\nand\n${listed(text).join("\n")}`);
  const flags = services.filter(({ uuid }) => uuid === UUIDS.service).flatMap(({ chars }) => chars.map(({ uuid, flags }) => `${uuid.slice(0, 8)} ${flags}`)).sort().join();
  check("with the flags that it was given", flags === "3c2a0002 2,3c2a0003 10,3c2a0004 26,3c2a0005 42,3c2a0006 4", flags);
  const story = [
    ...[0, 246, 492].map((offset) => `read chrc0 ${offset}`),
    `write chrc1 ${hex(SHORT)}`,
    "read chrc1 0",
    `write chrc1 ${hex(WRITTEN)}`,
    "read chrc1 0",
    "read chrc1 246",
    "read chrc3/desc0 0",
    `write chrc2 ${hex(SHORT)}`,
    `write chrc4 ${hex(INDICATION)}`,
    `write chrc3 ${hex(NOTE)}`,
  ];
  check(`bluetoothctl has seen these ${story.length} things, in this order`, told(text).join("\n") === story.join("\n"), `\n${told(text).join("\n")}`);
  await central.end();
  proxy.close();
  peer.close();
  const own = join(folder, "own.btsnoop");
  without(isLinuxAsking, trace, own);
  checkTraces(trace, proxy, [own]);
});

/** The attributes that bluetoothctl lists: the kind, its handle and its UUID. bluetoothd gives a characteristic the handle of its value. */
function listed(text) {
  const lines = text.slice(text.indexOf("## list"), text.indexOf("## advertise")).split("\n");
  return lines.flatMap((line, i) => {
    const [, kind, handle] = /^(?:\[.*\][#>] *)?(Primary Service|Characteristic|Descriptor) \(Handle 0x([0-9a-f]{4})\)/.exec(line) ?? [];
    return kind ? [`${kind} ${parseInt(handle, 16)} ${lines[i + 2].trim().replaceAll("-", "")}`] : [];
  });
}

/** What bluetoothctl has printed of what came to it, in its order: "ReadValue chrc0 offset", "WriteValue chrc1 hex digits", "written chrc2 hex digits". */
function told(text) {
  const list = [];
  for (const line of text.slice(text.indexOf("## session")).split("\n")) {
    const event = /service0\/(\S+) \([^)]*\)\] (ReadValue|WriteValue): \S+ offset (\d+)/.exec(line);
    const written = /service0\/(\S+) \([^)]*\) written:/.exec(line);
    const bytes = /\s((?:[0-9a-f]{2} )+) /.exec(line);
    if (event) list.push(event[2] === "ReadValue" ? `read ${event[1]} ${event[3]}` : `write ${event[1]} `);
    else if (written) list.push(`write ${written[1]} `);
    else if (bytes && list.at(-1)?.startsWith("write")) list[list.length - 1] += bytes[1].replaceAll(" ", "");
  }
  return list;
}

/** What belongs to the conversation in which Linux asks, a confirmation apart: while both ask tshark takes the answer to the one for that to the other. */
function isLinuxAsking(sent, pdu) {
  const request = /^(02|04|06|08|0a|0c|0e|10|12|16|18|20)/.test(pdu);
  return sent ? !request && !/^(1e|52)/.test(pdu) : request;
}

async function use(central) {
  const onAir = Buffer.from(UUIDS.service, "hex").reverse().toString("hex");
  const advert = await central.finds(({ data }) => hex(data).includes(onAir), 60_000);
  check(`it hears ${advert.address} advertise the service`, advert.type === 0, JSON.stringify(advert));
  const connection = await central.connect(advert.address, advert.addresstype);
  connection.onclose(() => central.errors.push("onclose is called after close()"));
  const before = central.requests();
  const [services, table] = await ask((done) => connection.discover(done), "discover");
  check(`it discovers ${services.length} services in ${central.requests() - before} requests`, table.services === services);
  equal("a value of 500 bytes is read whole", await ask((done) => connection.read(UUIDS.long, done)), LONG);
  await ask((done) => connection.write(UUIDS.echo, SHORT, done));
  equal("what has been written is read", await ask((done) => connection.read(UUIDS.echo, done)), SHORT);
  await ask((done) => connection.write(UUIDS.echo, WRITTEN, done));
  equal("400 bytes too", await ask((done) => connection.read(UUIDS.echo, done)), WRITTEN);
  const description = services.flatMap(({ chars }) => chars).find(({ uuid }) => uuid === UUIDS.notifier).descriptors.find(({ uuid }) => uuid === "2901");
  equal("a descriptor", await ask((done) => connection.read(description.handle, done)), DESCRIPTION);
  const refused = await failing((done) => connection.write(UUIDS.long, SHORT, done));
  check("a write to what is read-only ends with the ATT error 0x03", refused === "att 3", refused);
  check("a write without response finds room", connection.send(UUIDS.commands, SHORT));
  // bluetoothd keeps no copy of what it has to pass on until bluetoothctl takes it: the next request would overwrite it there.
  await sleep(1500);
  const heard = [];
  await ask((done) => connection.subscribe(UUIDS.notifier, (value) => heard.push(`notification ${hex(value)}`), done));
  await ask((done) => connection.subscribe(UUIDS.indicator, (value) => heard.push(`indication ${hex(value)}`), done));
  await sleep(1000);
  // This bluetoothctl cannot change a value of its own but by a write from outside, which it tells to whoever has subscribed.
  const values = [["indication", UUIDS.indicator, INDICATION], ["notification", UUIDS.notifier, NOTE]];
  for (const [kind, uuid, value] of values) {
    await ask((done) => connection.write(uuid, value, done));
    await until(() => heard.length > 0, 5000, () => `no ${kind}`);
    check(`a changed value comes as ${kind}`, heard.splice(0).join() === `${kind} ${hex(value)}`);
  }
  connection.close();
  return services;
}
