import type { BlimpError } from "../../../core/errors.js";

const FORM = "The image is not a whole .hcd file for this chip; the chip was not touched. Is it the right file, and was it copied as binary?";
const TAKEN = "The chip did not take the firmware. A dip of its supply or noise on the line does that; try --baud 115200.";

/** What to do about an error, by `code/step`, or by `code`. */
const ADVICE: { readonly [what: string]: string | undefined } = {
  "no-answer/reset":
    "The controller is silent. Is it powered (BT_REG_ON high)? Are TX and RX crossed? Is the chip's CTS tied low, or, with --flow, wired? " +
    "Is the rate right?",
  "no-answer/minidriver":
    "The chip is silent when it is asked to take firmware: that is how one behaves that runs a patch already. Take its power away first " +
    "(--regon).",
  "no-answer/record": TAKEN,
  "no-answer/settle": "The chip is silent since the firmware was started. Is it the image for a CYW43438 (BCM43430A1)? Did the supply hold?",
  "no-answer":
    "The controller answered before and is silent now. Look at the supply, and at the lines with the rate in mind: try --baud 115200.",
  record: TAKEN,
  revision:
    "The chip does not run the firmware that was sent, or it runs another and cannot be made to forget it: without --regon its power " +
    "stays on.",
  part: "The firmware is for a CYW43438, and the controller is another part. Leave --firmware out.",
  "firmware-size": FORM,
  "firmware-record": FORM,
  "firmware-opcode": FORM,
  "firmware-launch": FORM,
  "firmware-block": FORM,
  "firmware-read": "The image could not be read.",
  uart: "The way to the controller cannot be had, or was lost. Is its name right? May you use it, and does no other program hold it?",
  status: "The controller refused a command that it cannot do without.",
  malformed: "The controller's answer is too short. Noise on the line? Without flow control a lower rate may help.",
  mac: "The controller cannot be given this address: only a CYW43438 can be given any, others one whose top two bits are 1 (C0 to FF first).",
  random: "The source of random numbers repeats itself: no address can be drawn from it.",
  "hardware-error": "The chip has told of a failure of its own. It is started anew; if that goes on, look at its supply.",
  silent: "The chip does not speak any more. It is started anew.",
  sync: "Bytes were lost on the line, and the chip with them. It is started anew. With RTS and CTS wired, --flow prevents that.",
  restarted: "The chip has lost what it was told: it has been without power. It is started anew.",
  foreign: "The image names another part than a CYW43438.",
  rom: "The chip runs without firmware, more or less well. Give it one with --firmware.",
  rts: "The chip's RTS stays high, as if it were not ready. It is tried all the same.",
  baud: "The chip did not take the rate; it goes on at the lower one.",
  "refused/test":
    "The controller does not do this test. One before version 4.2 takes packets of 37 bytes at most (--length); some have the direct test mode only in " +
    "their firmware (--firmware), or not at all.",
  "restarted/testend": "The chip had to be started anew in the midst of the test: its number is only what has come since.",
  refused: "The controller refused what was asked of it. It is tried again.",
};

/** A sentence for people about what may be behind an error and what can be done; null where there is nothing to be said. */
export function explain(error: Error): string | null {
  const { code, step } = error as BlimpError;
  return ADVICE[`${code}/${step}`] ?? ADVICE[code] ?? null;
}
