#!/usr/bin/env node
/**
 * mcu-btvirt.mjs: the emulated Cortex-M4 (examples/firmware) on a controller of btvirt. Its beacon is seen by a raw host on another one of the same air; its
 * Wi-Fi refresh at level 1, by the secure preset, is read and written by a raw phone. Needs btvirt, and what `npm run mcu` needs.
 */
import { startAir } from "./air.mjs";
import { check, checkReports, main } from "./beacon.mjs";
import { le16, onAir, RawPhone, UUIDS } from "./gatt.mjs";
import { Board } from "./mcu.mjs";
import { attachScanner, looks } from "./scanner.mjs";

const SSID = Buffer.from("Blimp Hangar").toString("hex");
const PASSWORD = Buffer.from("lighter than air").toString("hex");
const NAME = Buffer.from("blimp").toString("hex");
/** It ends the connection once the Wi-Fi is set: Remote User Terminated Connection, as its peer hears it. */
const REMOTE_USER = 0x13;

await main("emulated Cortex-M4 on btvirt", async () => {
  const air = await startAir();
  // Attached first: the program takes the first controller, the scanner the second.
  const beacon = new Board(air.le);
  await beacon.says(/^\| advertising/m);
  check("the board says its address", beacon.address !== undefined, beacon.said);
  const scanner = await attachScanner(air.le);
  checkReports("the scanner", await looks(scanner), beacon.address);
  scanner.close();

  const wifi = new Board(air.le, "--app", "wifi", "--level", "1");
  await wifi.says(/^\| address/m);
  const phone = await RawPhone.start(air.le);
  await phone.connect(wifi.address);
  await wifi.says(new RegExp(`^\\| ${phone.address} connected$`, "m"));
  await phone.asks("Device Name", "0a0300", `0b${NAME}`);
  phone.send(4, `060100ffff0028${onAir(UUIDS.wifi)}`);
  const found = await phone.next();
  const first = Buffer.from(found, "hex").readUInt16LE(1);
  check("the service is there, and all of it", found === `07${le16(first)}${le16(first + 6)}`, found);
  await phone.asks("what can only be written", `0a${le16(first + 2)}`, `010a${le16(first + 2)}02`);
  await phone.asks("the name of a network", `12${le16(first + 2)}${SSID}`, "13");
  await phone.asks("its password", `12${le16(first + 4)}${PASSWORD}`, "13");
  await phone.asks("the trigger", `12${le16(first + 6)}01`, "13");
  await wifi.says(/^\| Switching to SSID: Blimp Hangar, PSK: #{16}$/m);
  check("the board takes what was written, and ends the connection", (await phone.disconnected()) === REMOTE_USER, wifi.said);
  phone.close();
});
