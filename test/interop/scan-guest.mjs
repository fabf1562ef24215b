/** Run by guest.sh, which see: GUEST is there. Leaves traces and the guest's console in build/interop/scan-guest. */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { start, startAir, TOOLS } from "./air.mjs";
import { check, main, results } from "./beacon.mjs";
import { startProxy } from "./h4.mjs";
import { bytes, IBEACON, Scanner, TYPES } from "./scan.mjs";

/** Seconds for the guest, boot included; it takes 15 to 30. */
const LIMIT = "90";

const READ_BD_ADDR = 0x1009;
const SET_RANDOM_ADDRESS = 0x2005;
const SET_ADVERTISING_PARAMETERS = 0x2006;
const SET_ADVERTISING_DATA = 0x2008;
const SET_SCAN_RESPONSE_DATA = 0x2009;
const SET_ADVERTISE_ENABLE = 0x200a;

/** What Linux is told to advertise: an iBeacon, then a name, before which the kernel puts Flags of its own. */
const NAME = "0b096c696e75782d70656572";
const RESPONSE = "0303fafe04160a180f";

/** Each advert that Linux has put on the air, as its commands say: type, address, address type, data, scan response. */
function readAdvertising(packets) {
  const state = { type: -1, own: 0, random: "", public: "", data: "", response: "" };
  const adverts = [];
  for (const { sent, bytes: packet } of packets) {
    if (!sent) {
      if (packet[1] === 0x0e && packet.readUInt16LE(4) === READ_BD_ADDR) state.public = reversed(packet.subarray(7, 13));
      continue;
    }
    const opcode = packet.readUInt16LE(1);
    if (opcode === SET_RANDOM_ADDRESS) state.random = reversed(packet.subarray(4, 10));
    if (opcode === SET_ADVERTISING_PARAMETERS) [state.type, state.own] = [packet[8], packet[9]];
    if (opcode === SET_ADVERTISING_DATA) state.data = packet.subarray(5, 5 + packet[4]).toString("hex");
    if (opcode === SET_SCAN_RESPONSE_DATA) state.response = packet.subarray(5, 5 + packet[4]).toString("hex");
    if (opcode === SET_ADVERTISE_ENABLE && packet[4]) {
      const { type, own, data, response } = state;
      adverts.push({ type, addresstype: own & 1, address: own & 1 ? state.random : state.public, data, response });
    }
  }
  return adverts;
}

function reversed(part) {
  return Buffer.from(part).reverse().toString("hex");
}

await main("scanner and Linux", async () => {
  const folder = results("scan-guest");
  const air = await startAir();
  const socket = join(air.folder, "scanner.sock");
  const proxy = await startProxy(socket, air.le, join(folder, "wire.btsnoop"));
  const uart = join(air.folder, "guest.sock");
  const phone = await startProxy(uart, air.le, join(folder, "guest.btsnoop"));

  const scanner = await Scanner.start(socket, join(folder, "scanner.btsnoop"));
  const { bt } = scanner;
  const { ADV_IND, ADV_NONCONN_IND, SCAN_RSP } = TYPES;
  bt.setscanparams(true, 100, 100);
  bt.setscanfilter([{ type: SCAN_RSP }, { data: bytes(IBEACON.slice(6, 50)), type: ADV_NONCONN_IND }, { data: bytes(NAME.slice(4)) }]);

  const script = join(folder, "run.sh");
  const inside = readFileSync(fileURLToPath(new URL("scan-guest-run.sh", import.meta.url)), "utf8");
  writeFileSync(script, `FIRST=${IBEACON}\nSECOND=${NAME}\nRESPONSE=${RESPONSE}\n${inside}`);
  const began = Date.now();
  const guest = start(join(TOOLS, "run-guest.sh"), [resolve(process.env.GUEST), uart, script], { env: { ...process.env, LIMIT } });
  let ended = false;
  void guest.ended.then(() => (ended = true));
  while (!ended) await scanner.look();
  const console = guest.output.replaceAll("\r", "");
  writeFileSync(join(folder, "console.log"), console);
  check(`the guest has run (${((Date.now() - began) / 1000).toFixed(1)} s)`, guest.exitCode === 0, `exit code ${guest.exitCode}\n${console.slice(-2000)}`);

  const adverts = readAdvertising(phone.packets);
  const [first, second] = adverts;
  check(
    "Linux has advertised the iBeacon and the name with its response",
    adverts.length === 2 && first.type === ADV_NONCONN_IND && first.data === IBEACON && second.type === ADV_IND && second.data.endsWith(NAME) && second.response === RESPONSE,
    JSON.stringify(adverts),
  );
  const { address, addresstype } = second;
  scanner.heard("the scanner has heard these, each by its rule, and nothing else", [
    { ...first, rule: 1 },
    { ...second, rule: 2 },
    { type: SCAN_RSP, address, addresstype, data: RESPONSE, rule: 0 },
  ]);
  await scanner.end();
  proxy.close();
  phone.close();
});
