#!/usr/bin/env node
/**
 * hosts-btvirt.mjs ENGINE: the C host of an engine (examples/hosts) at a pseudo-terminal that leads to a controller of btvirt. What it computes natively beside
 * node:crypto; its beacon, seen by a raw host; its GATT server, used by npm's ble-host, also on a system that gives as little as POSIX lets it, and out of compiled
 * scripts; a port that is pulled out and comes back, and one that takes nothing; too little memory. ENGINE: duktape, or jerry or quickjs where JERRY_LIB or QUICKJS
 * names its library (see examples/hosts/README.md). JERRY_SNAPSHOT names JerryScript's program that compiles; without it that part is left out.
 */
import { spawnSync } from "node:child_process";
import { createECDH, createCipheriv, randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";
import { join } from "node:path";
import { Missing, ROOT, sleep, startAir, until } from "./air.mjs";
import { check, checkReports, main, results } from "./beacon.mjs";
import { framer, startProxy } from "./h4.mjs";
import { build, buildStatic, Host, Port } from "./hosts.mjs";
import { attachScanner, looks } from "./scanner.mjs";

const { BleManager } = createRequire(import.meta.url)("ble-host");

const SERVICE = "3C2A0001-B5D1-4E0F-9C7A-5D1F6E8B2A40";
const DEVICE = "test/interop/hosts-device.js";
const PRESET = "dist/bare/peripheral.min.js";
const SECURE = "dist/bare/secure.min.js";
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const [engine = "duktape"] = process.argv.slice(2);

function hex(bytes) {
  return Buffer.from(bytes).toString("hex");
}

/** Runs a script alone: no controller is needed. Returns what it prints. */
function compute(program, folder, text) {
  const script = join(folder, "compute.js");
  writeFileSync(script, text);
  const { status, stdout, stderr } = spawnSync(program, ["--port", "/dev/null", script], { encoding: "utf8" });
  if (status !== 0) throw new Error(`the script ends with ${status}: ${stderr}`);
  return stdout.trim().split("\n");
}

function checkCrypto(program, folder) {
  const asked = [];
  const expected = [];
  const scalar = (value) => value.toString(16).padStart(64, "0");
  for (let i = 0; i < 20; i++) {
    const [key, block] = [randomBytes(16), randomBytes(16)];
    asked.push(`aes("${hex(key)}","${hex(block)}")`);
    expected.push(hex(createCipheriv("aes-128-ecb", key, null).update(block)));
  }
  const secrets = [1n, 2n, 3n, ORDER - 1n, ORDER - 2n, ...Array.from({ length: 8 }, () => (BigInt(`0x${hex(randomBytes(32))}`) % (ORDER - 1n)) + 1n)];
  for (const secret of secrets) {
    const [own, peer] = [createECDH("prime256v1"), createECDH("prime256v1")];
    own.setPrivateKey(Buffer.from(scalar(secret), "hex"));
    peer.generateKeys();
    asked.push(`key("${scalar(secret)}")`, `shared("${scalar(secret)}","${peer.getPublicKey("hex").slice(2)}")`);
    expected.push(`true ${own.getPublicKey("hex").slice(2)}`, `true ${hex(own.computeSecret(peer.getPublicKey()))}`);
  }
  for (const secret of [0n, ORDER, 2n ** 256n - 1n]) {
    asked.push(`key("${scalar(secret)}")`);
    expected.push(`false ${"0".repeat(128)}`);
  }
  // One that is not on the curve.
  asked.push(`shared("${scalar(5n)}","${"01".repeat(64)}")`);
  expected.push(`false ${"0".repeat(64)}`);
  // What is thrown at whoever asks wrongly.
  asked.push(`caught(function () { hal.crypto.aes(new Uint8Array(15), new Uint8Array(16)); })`, `caught(function () { hal.uart.write(new Uint8Array(4), 2, 3); })`);
  expected.push("Error: crypto.aes: not a key and a block of 16 bytes", "Error: uart.write: these bytes do not lie in the array");
  asked.push(`caught(function () { hal.uart.write(new Uint8Array(4), 0, 4); })`, `caught(function () { hal.timer.set(-1, print); })`, `caught(function () { hal.timer.set(1); })`);
  expected.push("Error: uart.write: the port is not open", "Error: timer.set: not 0 to 2^31 - 1 milliseconds", "Error: timer.set: the callback is no function");
  const text = `
function bytes(t) { var b = new Uint8Array(t.length / 2); for (var i = 0; i < b.length; i++) b[i] = parseInt(t.substr(2 * i, 2), 16); return b; }
function hex(b) { var t = ""; for (var i = 0; i < b.length; i++) t += (256 + b[i]).toString(16).substr(1); return t; }
function aes(k, b) { b = bytes(b); hal.crypto.aes(bytes(k), b); print(hex(b)); }
function key(s) { var t = new Uint8Array(64), done = hal.crypto.p256public(bytes(s), t); print(done, hex(t)); }
function shared(s, p) { var t = new Uint8Array(32), done = hal.crypto.p256shared(bytes(s), bytes(p), t); print(done, hex(t)); }
function caught(f) { try { f(); print("nothing"); } catch (e) { print(String(e)); } }
${asked.join(";\n")};`;
  const found = compute(program, folder, text);
  const wrong = expected.findIndex((line, i) => found[i] !== line);
  check(`its AES and P-256 agree with node:crypto, and wrong arguments throw (${expected.length} cases)`, wrong < 0 && found.length === expected.length, `${asked[wrong]}: ${found[wrong]}`);

  const timers = `
var told = "", h;
function tell(name) { return function () { told += name; if (told.length == 4) { print(told); print(hal.timer.now() - began >= 30); } }; }
var began = hal.timer.now();
hal.timer.set(30, tell("d")); hal.timer.set(0, function () { tell("a")(); hal.timer.set(1, tell("c")); hal.timer.clear(h); hal.timer.clear(12345); hal.timer.clear(null); });
hal.timer.set(0.5, tell("b")); h = hal.timer.set(5, tell("x"));
var random = new Uint8Array(32); hal.random(random); print(hex(random) != hex(new Uint8Array(32))); hal.delay(1);
function hex(b) { var t = ""; for (var i = 0; i < b.length; i++) t += b[i] + " "; return t; }`;
  writeFileSync(join(folder, "compute.js"), timers);
  const { stdout, status } = spawnSync(program, ["--port", "/dev/null", join(folder, "compute.js")], { encoding: "utf8" });
  check("its timers fire in their order, once, and not after clear()", stdout === "true\nabcd\ntrue\n" && status === 1, stdout);
}

/** npm's ble-host on a controller of its own. */
async function startPhone(path) {
  const transport = await new Promise((resolve, reject) => {
    const socket = net.connect(path, () => resolve(made));
    const made = Object.assign(new EventEmitter(), { write: (packet) => socket.write(packet), end: () => socket.destroy() });
    socket.once("error", reject);
    socket.on("data", framer((packet) => made.emit("data", Buffer.from(packet))));
  });
  return new Promise((resolve, reject) => BleManager.create(transport, {}, (error, manager) => (error ? reject(error) : resolve(manager))));
}

function withLimit(what, executor) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what}: no answer`)), 10_000);
    executor(
      (value) => (clearTimeout(timer), resolve(value)),
      (error) => (clearTimeout(timer), reject(error)),
    );
  });
}

function asked(what, call) {
  return withLimit(what, (resolve, reject) => call((error, value) => (error ? reject(new Error(`${what}: ATT error 0x${error.toString(16)}`)) : resolve(value))));
}

function event(name) {
  return new RegExp(`^\\{.*"event":"${name}".*\\}$`);
}

async function said(host, name, limit) {
  return JSON.parse((await host.says(event(name), limit))[0]);
}

/** A phone connects to the device, and does what phones do. */
async function use(manager, host, address, name) {
  await sleep(100);
  const connection = await withLimit("connect", (resolve) => manager.connect("public", address.match(/../g).join(":").toUpperCase(), {}, resolve));
  await said(host, "connect");
  const ended = new Promise((resolve) => connection.on("disconnect", resolve));
  const [service] = await withLimit("services", (resolve) => connection.gatt.discoverServicesByUuid(SERVICE, 1, resolve));
  const [echo, notifier] = await withLimit("characteristics", (resolve) => service.discoverCharacteristics(resolve));
  const heard = [];
  notifier.on("change", (value) => heard.push(value.readUInt16BE(0)));
  await asked("subscribe", (done) => notifier.writeCCCD(true, false, done));
  await asked("exchange MTU", (done) => connection.gatt.exchangeMtu(done));
  const lengths = [1, 20, 97, 300, 512];
  for (const length of lengths) {
    const value = Buffer.from(Array.from({ length }, (_, i) => (length + i * 7 + (i >> 8)) & 255));
    await asked("write", (done) => echo.write(value, done));
    const { value: taken } = await said(host, "write");
    const back = await asked("read", (done) => echo.read(done));
    if (taken !== hex(value) || !back.equals(value)) throw new Error(`${length} bytes are written as ${taken} and read as ${hex(back)}`);
  }
  const burst = Array.from({ length: 30 }, (_, i) => Buffer.alloc(1 + ((i * 11) % 97), i));
  for (const value of burst) echo.writeWithoutResponse(value);
  for (const value of burst) {
    const { value: taken } = await said(host, "write");
    if (taken !== hex(value)) throw new Error(`${taken} arrives, and not ${hex(value)}`);
  }
  // The last notification comes before the answer to what is asked after it.
  await asked("read", (done) => echo.read(done));
  check(`${name}: a phone reads and writes up to 512 bytes, and 30 writes without response arrive in their order`, true);
  // Those of the burst may find no room.
  check(`${name}: it is notified`, JSON.stringify(heard.slice(0, lengths.length)) === JSON.stringify(lengths) && heard.length > lengths.length, heard.join());
  connection.disconnect();
  await ended;
  const { reason } = await said(host, "close");
  check(`${name}: it leaves`, reason === 0x13, reason);
}

async function finish(host, name) {
  host.child.kill("SIGTERM");
  const { exceptions, dropped, overruns } = await said(host, "counters");
  check(`${name}: no byte was lost`, exceptions + dropped + overruns === 0, `${exceptions} ${dropped} ${overruns}`);
  await host.ended(`${name}: it ends when it is told to, and the sanitizers have found nothing`);
}

async function beacon(program, air, folder, port) {
  const scanner = await attachScanner(air.le);
  const script = join(folder, "run.js");
  writeFileSync(script, "var bt = ibeacon(blimp, hal, null, print); onexit(bt.close);\n");
  const host = new Host(program, ["--port", port.path, "dist/bare/beacon.min.js", "examples/ibeacon.js", script]);
  await host.says(/^BLE initialized after [0-9]+ ms$/);
  await sleep(200);
  const reports = await looks(scanner);
  check("the beacon is on the air", reports.length > 0, host.child.output);
  checkReports("the scanner", reports, reports[0].address);
  await host.end("the beacon ends when it is told to, and the sanitizers have found nothing");
  const rest = await looks(scanner);
  check("and has taken its advert off", rest.length === 0, JSON.stringify(rest));
  scanner.close();
}

/** Scripts that the engine has compiled, or null where it cannot be asked to. */
function compiled(program, folder) {
  const target = join(folder, "peripheral.bin");
  const tool = process.env.JERRY_SNAPSHOT;
  if (engine === "jerry" && !tool) return null;
  const [command, ...words] = engine === "jerry" ? [tool, "generate", PRESET, "-o", target] : [program, "--compile", PRESET, target];
  const { status, stdout, stderr } = spawnSync(command, words, { cwd: ROOT, encoding: "utf8" });
  check(`the script is compiled: ${readFileSync(join(ROOT, PRESET)).length} bytes of text, ${status === 0 ? statSync(target).size : 0} compiled`, status === 0, `${stdout}${stderr}`);
  return target;
}

async function unplugged(program, port, manager) {
  const host = new Host(program, ["--port", port.path, PRESET, DEVICE]);
  await said(host, "ready");
  await port.pull();
  const { code, final } = await said(host, "error");
  check("a port that is pulled out is told, and not the end", code === "uart" && !final, code);
  // The first try to come back finds nothing.
  const again = await said(host, "error");
  check("without it there is no coming back", again.code === "uart" && !again.final, again.code);
  await port.plug();
  const { address } = await said(host, "recover", 20_000);
  await use(manager, host, address, "plugged in again");
  await finish(host, "plugged in again");
}

async function stuck(program, folder, port) {
  const script = join(folder, "stuck.js");
  writeFileSync(
    script,
    `hal.uart.open(115200, false, function () {}, function (reason) { print("GONE " + reason); hal.uart.close(); });
print("OPEN");
hal.timer.set(300, function () { var t = hal.timer.now(); hal.uart.write(new Uint8Array(200000), 0, 200000); print("BACK " + Math.round(hal.timer.now() - t)); });`,
  );
  const host = new Host(program, ["--port", port.path, script]);
  await host.says(/^OPEN$/);
  port.freeze();
  const [, ms] = await host.says(/^BACK (\d+)$/);
  const [, reason] = await host.says(/^GONE (.*)$/);
  check(`a port that takes nothing counts as gone after ${ms} ms`, ms >= 1900 && ms < 5000 && reason === "the port takes nothing", `${ms} ${reason}`);
  await host.ended("and the program, which has nothing else to do, ends", 1);
}

/** Too little memory: a message and a code at once, no silence. */
async function poor(program, port) {
  if (engine === "jerry") return console.log("skip too little memory: the heap of this JerryScript has a fixed size");
  for (const heap of [16, 150, 300]) {
    const host = new Host(program, ["--port", port.path, "--heap", String(heap), SECURE, "examples/wifi-refresh.js", "examples/hosts/wifi.js"]);
    await Promise.race([host.child.ended, sleep(15_000)]);
    const { exitCode, output } = host.child;
    check(`a heap of ${heap} KB is too small, and the program says so`, exitCode > 0 && exitCode !== 99 && /alloc|memory|does not start|DoubleError/i.test(output), `exit code ${exitCode}: ${output}`);
  }
}

await main(`${engine} host on btvirt`, async () => {
  const folder = results(`hosts-${engine}`);
  if (spawnSync("socat", ["-V"]).error) throw new Missing("socat is not there");
  const program = build(engine);
  const hostile = build(engine, { hostile: true });
  checkCrypto(program, folder);
  checkCrypto(hostile, folder);

  const air = await startAir();
  const socket = join(air.folder, "device.sock");
  const proxy = await startProxy(socket, air.le, join(folder, "wire.btsnoop"));
  const port = new Port(join(folder, "tty"), socket);
  const fresh = async () => {
    if (port.socat) await port.pull();
    return port.plug();
  };
  await beacon(program, air, folder, await fresh());
  const manager = await startPhone(air.le);
  const target = compiled(program, folder);
  const static_ = engine === "jerry" ? buildStatic(join(folder, "static"), [PRESET, DEVICE]) : null;
  const runs = [
    ["served", program, [PRESET, DEVICE]],
    ["a hostile system", hostile, [PRESET, DEVICE]],
    ["compiled", program, target && [target, DEVICE]],
    ["a static snapshot", static_?.program, static_?.snapshots],
  ];
  for (const [name, host, scripts] of runs) {
    if (!scripts) {
      console.log(`skip ${name}: there is none for this engine here`);
      continue;
    }
    await fresh();
    const device = new Host(host, ["--port", port.path, ...scripts]);
    const { address } = await said(device, "ready");
    for (let i = 0; i < 3; i++) await use(manager, device, address, name);
    await finish(device, name);
  }
  await fresh();
  await unplugged(program, port, manager);
  await fresh();
  await poor(program, port);
  await stuck(program, folder, port);
  proxy.close();
});
