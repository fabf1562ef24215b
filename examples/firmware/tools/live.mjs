// The board with a live controller, and what has to be heard of it.
import { boot, joinScripts } from "./machine.mjs";
import { joinChip, joinSocket } from "./partner.mjs";
import { give, root } from "./paths.mjs";

/** With a live partner an instruction takes 8 ns, so that time limits mean something: a part of 150 MHz with flash in its way. */
const LIVE = "shift=3";

/** Seconds for the board to boot and to do what it shall, on a busy machine. */
const LIMIT = 150;

/** What runs on the board: a preset and the scripts behind it, and the line by which it says that it is ready. */
const APPS = {
  beacon: { preset: "beacon", scripts: () => ["app-beacon"], ready: "ready " },
  wifi: { preset: "secure", scripts: (level) => ["../wifi-refresh", `var LEVEL = ${level};`, "app-wifi"], ready: "BLE initialized " },
};

export const APP_NAMES = Object.keys(APPS);

/** The advert of app-beacon.js. */
const IBEACON = "0201061aff4c0002159277830ab2eb490fa1dd7fe38c492ede00010002c5";

/** What a phone writes to app-wifi.js: UUIDs and texts; by the last of them the board takes the others. */
const SETTINGS = [
  ["5EBA195632D347C681A6A7E59F18DAC0", "Blimp Hangar"],
  ["ED694AB947564528AA3A799A4FD11117", "lighter than air"],
  ["F299C3428A8A4544AC4208C841737B1B", "1"],
];
const SWITCHED = "Switching to SSID: Blimp Hangar, PSK: ################";

/** How long its user takes to type a code, ms. */
const TYPING = 2000;

function start(image, app, level, socket, limit, onLine) {
  const { preset, scripts } = APPS[app];
  const show = (line) => {
    console.log(`| ${line}`);
    onLine(line);
  };
  return boot({ image, scripts: joinScripts(app, preset, scripts(level)), icount: LIVE, socket, limit, onLine: show });
}

/** Runs the beacon on the virtual controller until its advert is heard. */
async function beaconOnChip(image, mock) {
  const { socket, air } = await joinChip();
  let heard = false;
  const report = ({ pdu }) => {
    if (Buffer.from(pdu.data).toString("hex") !== IBEACON) return;
    heard = true;
    machine.stop();
  };
  new mock.Observer(air, { report }).start();
  const machine = start(image, "beacon", 1, socket, LIMIT, () => {});
  const { errors } = await machine.ended;
  if (!heard) give(`the beacon was not heard\n${errors}`);
  console.log("the beacon was heard on the virtual controller's air");
}

/** Runs the Wi-Fi refresh on the virtual controller until a phone has paired, at level 4, and has written. */
async function wifiOnChip(image, mock) {
  const { socket, air } = await joinChip();
  let code = NaN;
  let switched = false;
  let paired = null;
  let refusal = null;
  const phone = new mock.Phone(air, { pairing: { passkey: () => code, userdelay: TYPING } });
  phone.onpaired = (result) => (paired = result);
  const refused = (what) => (error) => {
    if (!error || switched) return;
    refusal ??= `${what}: ${error.message}`;
    machine.stop();
  };
  const onLine = (line) => {
    const [word, value] = line.split(" ");
    if (word === "type") code = Number(value);
    if (word === "address") {
      phone.start.connect(value, refused("connecting"));
      for (const [uuid, text] of SETTINGS) phone.start.write(uuid, text, refused(`writing to ${uuid}`));
    }
    if (line === SWITCHED) {
      switched = true;
      machine.stop();
    }
  };
  const machine = start(image, "wifi", 4, socket, LIMIT, onLine);
  const { errors } = await machine.ended;
  if (!switched || paired?.level !== 4) give(`the phone has not set the Wi-Fi at level 4: ${refusal ?? "it took too long"}\n${errors}`);
  console.log("a phone has typed the code, has paired at level 4, and has set the Wi-Fi, on the virtual controller's air");
}

/** Runs an application on the virtual controller until it has done what it is for. */
export async function chip(image, app) {
  const mock = await import(new URL("dist/node/esm/mock.js", `file://${root}/`));
  await (app === "wifi" ? wifiOnChip : beaconOnChip)(image, mock);
}

/** Runs an application on the controller behind a Unix socket, for so many seconds. */
export async function btvirt(image, app, level, target, seconds) {
  let ready = false;
  let lost = "";
  const socket = await joinSocket(target, (reason) => {
    lost ||= reason;
    machine.stop();
  });
  const machine = start(image, app, level, socket, seconds, (line) => (ready ||= line.startsWith(APPS[app].ready)));
  const { late, errors } = await machine.ended;
  if (!late || !ready) give(`the board has not run for ${seconds} s: ${lost || errors || "it was not ready"}`);
  console.log(`ended after ${seconds} s`);
}
