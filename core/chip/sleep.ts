import { setTimer, Slot } from "../clock.js";
import { Command, Status } from "../hci/codes.js";
import { begin, issue, putBytes } from "../hci/commands.js";
import { run, type Host, type Role } from "../host.js";

const enum Milliseconds {
  /** From BT_DEV_WAKE to the first byte: 5 is the least that has worked, drivers take 15. */
  Wake = 15,
  /** From the last packet sent to letting the chip sleep. */
  Doze = 500,
}

/**
 * Set_Sleepmode_Param: UART with wake lines, both active low, thresholds of 2 (about 600 ms) on either side, sleep combined with the
 * controller's low-power modes.
 */
const SLEEP_MODE = [1, 2, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0];

/**
 * Lets the chip sleep between packets, where a 32.768 kHz clock feeds it and both wake lines are wired: sleep mode 1 of the CYW43438. Elsewhere
 * it does nothing, and the chip stays awake.
 */
export function addSleep(host: Host): Role {
  const gpio = host._hal.gpio;
  const wired = gpio.clock && gpio.devwake && gpio.hostwake;
  let asked = false;
  let asleep = false;

  function doze(): void {
    gpio.devwake!(1);
    asleep = true;
  }

  /** Keeps the chip awake for a while. */
  function keep(): void {
    setTimer(host, Slot.Doze, Milliseconds.Wake + Milliseconds.Doze, doze);
  }

  /** Wakes it, and calls `then` when it is awake. */
  function wake(then: (host: Host) => void): void {
    asleep = false;
    gpio.devwake!(0);
    setTimer(host, Slot.Wake, Milliseconds.Wake, then);
  }

  function send(_host: Host, limit: number): void {
    keep();
    if (!asleep && host._timers[Slot.Wake] == null) return issue(host, limit);
    // Nobody else may build a packet meanwhile.
    host._pending = true;
    wake(function () {
      // What looked like its answer may have come meanwhile.
      if (host._pending) issue(host, limit);
    });
  }

  /** Before an ACL packet is sent: whether it has to wait for the chip to wake. */
  function rouse(): boolean {
    keep();
    if (asleep) wake(run);
    return host._timers[Slot.Wake] != null;
  }

  if (wired) {
    gpio.hostwake!(function () {
      run(host);
    });
  }
  return {
    _name: "sleep",
    _next: function () {
      if (!wired || !host._cyw || asked) return false;
      asked = true;
      begin(host, Command.SetSleepmode);
      putBytes(host, SLEEP_MODE);
      return true;
    },
    _answer: function (status) {
      if (status == Status.Success) {
        host._issue = send;
        host._rouse = rouse;
      }
      return status <= 0;
    },
    _reset: function () {
      host._issue = issue;
      host._rouse = undefined;
      if (asleep) {
        // What comes next may be the last thing that the chip is told: it has to hear it.
        gpio.devwake!(0);
        for (let i = 0; i < Milliseconds.Wake; i++) host._hal.delay(1000);
      }
      asked = asleep = false;
    },
  };
}
