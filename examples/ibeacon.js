// The iBeacon of Electric Imp's Bluetooth guide. The program is the same on every board; the lines that name the board stand first.

// On Node, without hardware:       import { open } from "blimp"; import { createBoard, makeImage } from "blimp/mock";
//                                  const board = createBoard(), hal = board.hal, firmware = makeImage();
// On Espruino:                     const { open, hal: makeHal, firmware: load } = require("blimp");
//                                  const hal = makeHal({ serial: Serial1, regon: B3, lpo: B4 }), firmware = load("bt.hcd");
// On a Raspberry Pi, with Node:
import { readFileSync } from "node:fs";
import { createNodeHal, open } from "blimp";
const hal = createNodeHal("serial:/dev/ttyAMA0", { flow: true });
const firmware = readFileSync("/lib/firmware/brcm/BCM43430A1.hcd");

const iBeacon =
  "\x02\x01\x06" + // Flags: LE General Discoverable, BR/EDR not supported
  "\x1A\xFF\x4C\x00\x02\x15" + // manufacturer data, Apple, iBeacon, 21 bytes
  "\x92\x77\x83\x0A\xB2\xEB\x49\x0F\xA1\xDD\x7F\xE3\x8C\x49\x2E\xDE" + // proximity UUID
  "\x00\x01" + // major
  "\x00\x02" + // minor
  "\xC5"; // -59 dBm at one metre

const bt = open(hal, firmware, {
  onready: (info) => console.log("BLE initialized after " + Math.round(info.ms) + " ms"),
  onerror: (error) => console.log(error.message),
});
bt.startadvertise(iBeacon, 100, 100);
