import { get16 } from "../bytes/bytes.js";
import { hex } from "../bytes/hex.js";
import { clearTimer, setTimer, Slot } from "../clock.js";
import { Counter } from "../counters.js";
import { failure, type BlimpError } from "../errors.js";
import { Command, Event } from "../hci/codes.js";
import { begin, forget, issue } from "../hci/commands.js";
import { closeUart } from "../hci/h4.js";
import { call, declared, doubt, Phase, report, RETRY, type Host, type Supervision } from "../host.js";
import { Limit } from "../options.js";
import { buildStep, goTo, Step, takeStep, warn } from "./bringup.js";
import { checkFirmware, openFirmware } from "./firmware.js";

const enum Looks {
  /** After so many looks, four in each `health`, the chip is asked whatever it has told meanwhile. */
  Unasked = 119,
}

/** Forgets what is due, what is awaited and what is waited for. */
function stop(host: Host): void {
  host._due = false;
  host._doubt = "";
  forget(host);
  clearTimer(host, Slot.Step);
  clearTimer(host, Slot.Wake);
  clearTimer(host, Slot.Doze);
}

function resetRoles(host: Host): void {
  for (let i = 0; i < host._roles.length; i++) host._roles[i]._reset();
}

/** Switches off all there is, and gives the board back unless there will be another try. What was declared stays declared. */
function halt(host: Host, phase: Phase): void {
  const gpio = host._hal.gpio;
  stop(host);
  closeUart(host);
  // What the application is still to be told it is told.
  for (let slot = 0; slot < host._timers.length; slot++) if (slot != Slot.Later) clearTimer(host, slot);
  // First, because roles set timers for as long as there is something to come.
  host._phase = phase;
  resetRoles(host);
  host._session.held = phase > Phase.Closed;
  // A pin that fails keeps neither the board nor the other pin.
  try {
    if (gpio.lpo && !gpio.clock) gpio.lpo(0);
  } catch (e) {
    host._counters[Counter.Exceptions]++;
  }
  try {
    if (gpio.regon) gpio.regon(0);
  } catch (e) {
    host._counters[Counter.Exceptions]++;
  }
}

/** Resets the chip, powers it down and gives the board back. */
function endChip(host: Host): void {
  stop(host);
  resetRoles(host);
  // Nobody sends any more, even if the answer comes before this is over.
  host._phase = Phase.Closed;
  if (host._baud) {
    begin(host, Command.Reset);
    issue(host, 0);
  }
  halt(host, Phase.Closed);
  host._session.finish = null;
  clearTimer(host, Slot.Later);
}

/** The end of this rise, and of the instance if it never was ready or has rested often enough. */
function giveUp(host: Host, error: Error): void {
  // The application may have closed it in a callback just before.
  if (host._phase < Phase.Rising) return;
  if (host._leaving) return endChip(host);
  const rest = host._born ? RETRY[host._rests!++] : 0;
  halt(host, rest ? Phase.Resting : Phase.Closed);
  if (rest) setTimer(host, Slot.Step, rest, rise);
  (error as BlimpError).final = !rest;
  report(host, error);
}

/** This try has failed; `final`: another would fail in the same way. */
function fail(host: Host, code: string, detail: any, final?: boolean): void {
  const error = failure(code, host._step!, detail);
  if (host._phase != Phase.Rising) return;
  stop(host);
  if (final || ++host._attempts! >= host._limits[Limit.Attempts]) return giveUp(host, error);
  call(host, host._options.onwarning, error);
  host._slow = 2;
  goTo(host, Step.Power);
}

function ready(host: Host): void {
  const told = host._born ? host._options.onrecover : host._options.onready;
  host._phase = Phase.Ready;
  host._born = true;
  host._rests = host._quiet = host._unasked = host._seen = 0;
  watch(host);
  declared(host);
  call(host, told, {
    ms: host._hal.timer.now() - host._began!,
    name: host._name,
    revision: host._revision,
    address: hex(host._address, 0, 6, true),
  });
}

/**
 * Notices a chip that has gone silent, or that has been started anew: that one answers as if nothing had happened, and has nothing to tell. Now and
 * then it is asked though it tells something, and whether its links and its advert are what they are taken for: what said that they are not may have
 * been lost without a trace.
 */
function watch(host: Host): void {
  const received = host._counters[Counter.Received];
  if (host._phase != Phase.Ready || !host._limits[Limit.Health]) return;
  host._quiet = host._seen == received ? host._quiet! + 1 : 0;
  host._unasked!++;
  if (host._quiet > 3 || host._unasked! > Looks.Unasked) doubt(host, "silent");
  host._seen = received;
  setTimer(host, Slot.Health, host._limits[Limit.Health] / 4, watch);
}

function takeAnswer(host: Host, status: number, bytes: Uint8Array, at: number, length: number): void {
  const why = host._doubt!;
  if (host._phase == Phase.Rising) takeStep(host, status, bytes, at, length);
  else if (host._phase != Phase.Ready) return;
  else if (status < 0 ? host._probed! < 2 : !status && why == "sync" && !(host._probed! & 1)) {
    // An answer may get lost once; and out of step one alone is not believed, because somebody's advert may look like it.
    host._probed = status < 0 ? host._probed! | 2 : 1;
    host._due = true;
  } else if (status || length < 8) recover(host, why, status, false);
  else if (get16(bytes, at + 1) != host._revision) recover(host, "restarted", 0, false);
  else {
    // The chip is there, and still the one that was brought up.
    host._doubt = "";
    host._due = false;
    host._probed = 0;
    host._quiet = 0;
    if (host._recheck && (why == "sync" || host._unasked! > Looks.Unasked)) host._recheck(why == "sync");
    if (host._unasked! > Looks.Unasked) host._unasked = 0;
  }
}

/** Begins a rise at a step. */
function begins(host: Host): void {
  host._phase = Phase.Rising;
  host._began = host._hal.timer.now();
  host._attempts = host._tries = 0;
  host._slow = 0;
  host._fresh = host._cut = host._loaded = host._loading = false;
  host._step = "";
  host._state = -1;
  host._probed = 0;
}

/** Brings everything back: by a Reset where the chip may still hear one, or by cutting its power. */
function recover(host: Host, code: string, detail: number, cut: boolean): void {
  if (host._leaving) return endChip(host);
  stop(host);
  begins(host);
  host._counters[Counter.Restarts]++;
  resetRoles(host);
  report(host, failure(code, "recovery", detail));
  if (host._phase != Phase.Rising) return;
  const error = examine(host);
  if (error) giveUp(host, error);
  else goTo(host, cut && host._hal.gpio.regon ? Step.Power : Step.Reset);
}

/** Looks at the image, for a recovery at the one that the application gives anew. Returns what is wrong with it. */
function examine(host: Host): Error | null {
  const again = host._options.firmwareagain;
  if (host._born && !again) return null;
  try {
    if (host._born) host._firmware = openFirmware(again!());
    if (host._firmware) {
      const error = checkFirmware(host._firmware, host._packet);
      if (error) return error;
      if (host._firmware._odd) warn(host, host._firmware._odd, 0);
    }
  } catch (e) {
    return failure("firmware-read", "firmware", 0, String(e));
  }
  return null;
}

function rise(host: Host): void {
  begins(host);
  host._step = "firmware";
  const error = host._broken || examine(host);
  if (error) giveUp(host, error);
  else goTo(host, Step.Power);
}

/** What the run loop asks of the supervisor. */
export const SUPERVISION: Supervision = {
  _build: buildStep,
  _take: takeAnswer,
  _fail: fail,
  _ready: ready,
  _fault: function (host, reason) {
    if (host._phase > Phase.Resting) giveUp(host, failure("uart", host._step!, reason));
  },
};

/** Takes the board and begins the rise. */
export function openChip(host: Host): void {
  // Later, so that the caller has the instance in hand before it hears of it; and before all else, because a board that cannot do that is not held.
  setTimer(host, Slot.Step, 0, rise);
  host._session.held = true;
  host._phase = Phase.Resting;
  host._events[Event.HardwareError] = {
    _least: 1,
    _handler: function (_host, bytes, at) {
      if (host._phase == Phase.Ready) recover(host, "hardware-error", bytes[at], true);
      else fail(host, "hardware-error", bytes[at]);
    },
  };
}

/**
 * Ends the links, resets the chip, powers it down and gives the board back. May be called at any time, and again. With links it is over when they
 * are, or after a second, or when the board is opened again.
 */
export function closeChip(host: Host): void {
  const closed = !host._phase || host._leaving;
  host._leaving = true;
  if (closed) return;
  host._session.finish = function () {
    endChip(host);
  };
  if (!(host._depart && host._phase == Phase.Ready && host._depart())) endChip(host);
}
