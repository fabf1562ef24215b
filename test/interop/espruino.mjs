#!/usr/bin/env node
/**
 * espruino.mjs: the Espruino target under a real Espruino, over a pseudo-terminal. ESPRUINO names the interpreter (its Linux build); needs socat.
 *
 * Against the virtual CYW43438 with a phone of the mock: firmware out of Storage downloaded whole (FIRMWARE names an image; default the one in ../shared, else a made
 * one), the beacon, the observer, the Wi-Fi refresh at levels 1 and 3, bonds that outlive a restart. Then without firmware against a controller of
 * btvirt, with a raw host and npm's ble-host on others of the same air. What Storage does when it is full or the power goes, and what a board says whose memory does
 * not hold a preset. `espruino.mjs chip|btvirt|memory|storage ...` does only those.
 */
import { main } from "./beacon.mjs";
import { beaconOnBtvirt, observerOnBtvirt, securityOnBtvirt, wifiOnBtvirt } from "./espruino-btvirt.mjs";
import { beaconOnChip, observerOnChip, securityOnChip, wifiOnChip } from "./espruino-chip.mjs";
import { measure, memory } from "./espruino-memory.mjs";
import { storage } from "./espruino-storage.mjs";

const PARTS = {
  storage,
  "chip-beacon": beaconOnChip,
  "chip-observer": observerOnChip,
  "chip-wifi": wifiOnChip,
  "chip-security": securityOnChip,
  "btvirt-beacon": beaconOnBtvirt,
  "btvirt-observer": observerOnBtvirt,
  "btvirt-wifi": wifiOnBtvirt,
  "btvirt-security": securityOnBtvirt,
  memory,
};

const wanted = process.argv.slice(2);
await main("the Espruino target under Espruino", async () => {
  if (!process.env.ESPRUINO) throw new Error("ESPRUINO does not name an interpreter");
  if (wanted.includes("measure")) return measure();
  for (const [name, part] of Object.entries(PARTS)) if (wanted.length === 0 || wanted.some((word) => name.startsWith(word))) await part();
});
