import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createBoard, makeImage, splitImage, ImageOpcode } from "../hal/mock/index.js";
import { open } from "../targets/jerryscript/beacon.js";

/** The firmware image of the Raspberry Pi, where it is at hand. */
const IMAGE = join(process.env.SHARED ?? "../shared", "firmware/BCM43430A1.hcd");
/** Bytes of an image of one's own that is about as long. */
const SIZE = 29_500;
/** From the last byte of a record to the first of its answer, ms. */
const TURNAROUND = 0.5;
/** Bytes of the answer to a record, on the wire. */
const ANSWER = 7;
const RATES = [115_200, 921_600, 2_000_000];
const LIMIT = 60_000;

/** A firmware download in virtual time; times in milliseconds. */
export interface Download {
  readonly baud: number;
  /** From the first record to the answer to the last. */
  readonly ms: number;
  /** What the wire and the turn-arounds alone take. */
  readonly bound: number;
  /** The rest of the way from `open()` to `onready`: waits that the chip asks for, and the other commands. */
  readonly rest: number;
}

/** The image that is downloaded, and what it is called. */
export function firmware(): { name: string; image: Uint8Array } {
  return existsSync(IMAGE) ? { name: "BCM43430A1.hcd", image: new Uint8Array(readFileSync(IMAGE)) } : { name: "an image made for this", image: makeImage({ size: SIZE }) };
}

function bound(image: Uint8Array, baud: number): number {
  const records = splitImage(image).filter(({ opcode }) => opcode !== ImageOpcode.DOWNLOAD_MINIDRIVER);
  const bytes = records.reduce((sum, { parameters }) => sum + 4 + parameters.length + ANSWER, 0);
  return (bytes * 10 * 1000) / baud + records.length * TURNAROUND;
}

function download(image: Uint8Array, baud: number): Download {
  const board = createBoard({ chip: { turnaround: TURNAROUND } });
  const times: { [step: string]: number } = {};
  let ready = false;
  let failed: Error | null = null;
  const bt = open(board.hal, image, {
    baud,
    onstep: (step) => {
      times[step] ??= board.clock.now;
    },
    onready: () => {
      ready = true;
      times.ready = board.clock.now;
    },
    onerror: (error) => {
      failed = error;
    },
  });
  board.clock.until(() => ready || failed !== null, LIMIT);
  bt.close();
  if (failed !== null || !ready) throw failed ?? new Error(`download at ${baud}: not ready in ${LIMIT} ms`);
  const ms = times.settle - times.record;
  if (!(ms > 0)) throw new Error("download: the steps record and settle have not been seen");
  return { baud, ms, bound: bound(image, baud), rest: times.ready - ms };
}

export function downloads(image: Uint8Array): Download[] {
  return RATES.map((baud) => download(image, baud));
}
