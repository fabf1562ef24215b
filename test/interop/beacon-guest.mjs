/** Run by guest.sh, which see: GUEST is there. Leaves traces and the guest's console in build/interop/guest. */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { start, startAir, TOOLS } from "./air.mjs";
import { check, checkEnd, checkReports, checkTrace, DATA, main, results, startBeacon } from "./beacon.mjs";
import { readReports, readSnoop, startProxy } from "./h4.mjs";

/** Seconds for the guest, boot included; it takes 15 to 30. */
const LIMIT = "90";

/** Of btmon's file: its datalink, its record of an event of the management interface, and that event's Device Found. */
const MONITOR = 2001;
const CONTROL_EVENT = 17;
const DEVICE_FOUND = 0x0012;

/** What the kernel has told user space that it has found, out of btmon's file. */
function readFound(file) {
  const { datalink, records } = readSnoop(file);
  if (datalink !== MONITOR) throw new Error(`${file} has datalink ${datalink}`);
  return records
    .filter(({ flags, bytes }) => (flags & 0xffff) === CONTROL_EVENT && bytes.readUInt16LE(4) === DEVICE_FOUND)
    .map(({ bytes }) => ({
      address: Buffer.from(bytes.subarray(6, 12)).reverse().toString("hex"),
      data: bytes.subarray(20, 20 + bytes.readUInt16LE(18)).toString("hex"),
    }));
}

await main("beacon and Linux", async () => {
  const folder = results("guest");
  const trace = join(folder, "beacon.btsnoop");
  const air = await startAir();
  const socket = join(air.folder, "beacon.sock");
  const proxy = await startProxy(socket, air.le, join(folder, "wire.btsnoop"));
  const uart = join(air.folder, "guest.sock");
  const phone = await startProxy(uart, air.le, join(folder, "guest.btsnoop"));

  const beacon = await startBeacon(socket, trace);
  const script = join(folder, "run.sh");
  writeFileSync(script, `WANT=${DATA}\n${readFileSync(fileURLToPath(new URL("guest-beacon.sh", import.meta.url)), "utf8")}`);
  const began = Date.now();
  const guest = start(join(TOOLS, "run-guest.sh"), [resolve(process.env.GUEST), uart, script], { env: { ...process.env, LIMIT } });
  await guest.ended;
  const console = guest.output.replaceAll("\r", "");
  writeFileSync(join(folder, "console.log"), console);
  const dump = /MONITOR BEGINS\n([A-Za-z0-9+/=\n]*)\nMONITOR ENDS/.exec(console);
  check(`the guest has run (${((Date.now() - began) / 1000).toFixed(1)} s)`, guest.exitCode === 0 && dump, `exit code ${guest.exitCode}\n${console.slice(-2000)}`);
  const monitor = join(folder, "monitor.btsnoop");
  writeFileSync(monitor, Buffer.from(dump[1], "base64"));

  checkReports("the guest's controller", phone.packets.filter(({ sent }) => !sent).flatMap(({ bytes }) => readReports(bytes)), beacon.address);
  const found = readFound(monitor);
  check(
    `Linux has found ${beacon.address} and nothing else, with the iBeacon byte for byte`,
    found.length > 0 && found.every(({ address, data }) => address === beacon.address && data === DATA),
    JSON.stringify(found),
  );

  await checkEnd(beacon, proxy);
  proxy.close();
  phone.close();
  checkTrace(trace, proxy);
});
