import { fileURLToPath } from "node:url";
import { createBoard, makeImage, type Air } from "../../../hal/mock/index.js";
import { open } from "../open.js";
import type { Report } from "../report/report.js";
import { makeAdvert, makeScanResponse } from "./serving.js";
import { Flag, readTable } from "./table.js";

/** The device that stands beside the virtual chip of `blimp connect`: its address, and the code that it shows. */
export const DEVICE_ADDRESS = "0a1b2c3d4e60";
export const DEVICE_CODE = 31_415;

/** What it serves. */
const TABLE = new URL("../../examples/heart-rate.json", import.meta.url);

/** How often it tells who has subscribed its first value, ms. */
const BEAT = 1000;

/**
 * Puts a device on a virtual air: another board with this stack on it, which serves examples/heart-rate.json.
 * @param security 1, 3 or 4; its code is DEVICE_CODE
 * @param showing it shows its code; the user is to see that
 * @returns switches it off
 */
export function serveDevice(air: Air, security: number, report: Report, showing: () => number): () => void {
  const table = readTable(fileURLToPath(TABLE));
  const { hal } = createBoard({ air, seed: 2 });
  const values = new Map<object, Uint8Array>();
  let beats = 0x48;
  const bt = open(hal, makeImage(), {
    mac: DEVICE_ADDRESS,
    name: table.name,
    // It is a new device each time, that remembers as long as it is there.
    store: { load: () => null, save: () => true },
    onerror: (error) => report.error(error),
    onpairing(connection: unknown, state: string) {
      if (connection !== null && state === "passkey") report.passkey({ ms: showing(), code: bt.getsecuritycode(), peer: null });
    },
  });
  if (security === 1) bt.setsecurity(1);
  else bt.setsecurity(security, DEVICE_CODE);
  bt.servegatt(
    table.services.map(({ uuid, chars }) => ({
      uuid,
      chars: chars.map((char) => ({
        uuid: char.uuid,
        flags: char.flags,
        descriptors: char.descriptors.map(({ uuid, value }) => ({ uuid, value })),
        read: char.flags & Flag.Read ? () => values.get(char) ?? char.value : undefined,
        write: char.flags & (Flag.Write | Flag.WriteCommand) ? (_: unknown, value: Uint8Array) => void values.set(char, value) : undefined,
      })),
    })),
  );
  bt.onconnect(() => {});
  bt.startadvertise(makeAdvert(table), table.min, table.max, makeScanResponse(table) ?? undefined);

  // It lives, so that who subscribes hears of it.
  let timer: unknown = null;
  function beat(): void {
    beats = 0x40 + ((beats * 5 + 3) & 15);
    bt.notify("2a37", [0, beats]);
    timer = hal.timer.set(BEAT, beat);
  }
  timer = hal.timer.set(BEAT, beat);
  return () => {
    hal.timer.clear(timer);
    bt.close();
  };
}
