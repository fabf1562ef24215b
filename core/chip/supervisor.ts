import { get16 } from "../bytes/bytes.js";
import { hex } from "../bytes/hex.js";
import { clearTimer, setTimer, Slot } from "../clock.js";
import { failure } from "../errors.js";
import { Command, Event, Status } from "../hci/codes.js";
import { begin, forget, issue } from "../hci/commands.js";
import { closeUart } from "../hci/h4.js";
import { call, declared, doubt, Phase, report, supports, type Host, type Role, type Row } from "../host.js";
import { checkFirmware, openFirmware } from "./firmware.js";

/** Seconds from one failed recovery to the next; after the last the instance stays closed. */
const BACKOFF = [1, 5, 30];

/** Goes on with the next row of the bring-up. */
export function proceed(host: Host): void {
  if (host._phase != Phase.Rising) return;
  const row = host._rows[host._row++];
  if (!row) return ready(host);
  if ((row._bit && !supports(host, row._bit)) || (row._wanted && !row._wanted(host))) return proceed(host);
  if (row._step) enter(host, row._step);
  // The application may have closed it all in `onstep`.
  if (host._phase == Phase.Rising) {
    if (row._opcode) host._due = row;
    else row._build!(host);
  }
}

/** Begins a step, if it is not the present one already. */
export function enter(host: Host, step: string): void {
  if (host._step != step) {
    host._step = step;
    call(host, host._options.onstep, step);
  }
}

/** Goes on in so many milliseconds. */
export function wait(host: Host, ms: number, next: (host: Host) => void): void {
  if (host._phase == Phase.Rising) setTimer(host, Slot.Step, ms, next);
}

/** Tells the application of something odd. */
export function warn(host: Host, code: string, detail: any): void {
  call(host, host._options.onwarning, failure(code, host._step, detail));
}

/** This try has failed; `final`: another would fail in the same way. */
export function fail(host: Host, code: string, detail: any, final?: boolean, text?: string): void {
  const error = failure(code, host._step, detail, text);
  if (host._phase != Phase.Rising) return;
  stop(host);
  if (final || ++host._attempts >= host._limits.attempts) return giveUp(host, error);
  call(host, host._options.onwarning, error);
  host._slow = true;
  host._row = 0;
  proceed(host);
}

/** Forgets what is due, what is awaited and what is waited for. */
function stop(host: Host): void {
  host._due = host._open = null;
  host._doubt = "";
  clearTimer(host, Slot.Step);
}

function resetRoles(host: Host): void {
  for (let i = 1; i < host._roles.length; i++) host._roles[i]._reset(host);
}

/** Switches off all there is. What was declared stays declared. */
function halt(host: Host): void {
  const gpio = host._hal.gpio;
  stop(host);
  forget(host);
  closeUart(host);
  for (let slot = 0; slot < host._timers.length; slot++) clearTimer(host, slot);
  if (gpio.regon) gpio.regon(0);
  if (gpio.lpo && !gpio.clock) gpio.lpo(0);
  resetRoles(host);
}

function release(host: Host): void {
  host._phase = Phase.Closed;
  host._session.held = false;
}

/** The end of this rise, and of the instance if it never was ready or has rested often enough. */
function giveUp(host: Host, error: Error): void {
  halt(host);
  if (host._born && host._rests < BACKOFF.length) {
    host._phase = Phase.Resting;
    setTimer(host, Slot.Step, BACKOFF[host._rests++] * 1000, rise);
  } else {
    release(host);
  }
  report(host, error);
}

function ready(host: Host): void {
  const chip = host._chip;
  const told = host._born ? host._options.onrecover : host._options.onready;
  host._phase = Phase.Ready;
  host._step = "";
  host._born = true;
  host._rests = host._quiet = 0;
  watch(host);
  declared(host);
  call(host, told, {
    ms: host._hal.timer.now() - host._began,
    name: chip._name,
    revision: chip._revision,
    address: hex(chip._address, 0, 6, true),
  });
}

/** Notices a chip that has gone silent while nobody asks anything of it. */
function watch(host: Host): void {
  const received = host._counters.received;
  if (host._phase != Phase.Ready || !host._limits.health) return;
  if (host._seen != received) host._quiet = 0;
  else if (++host._quiet > 3) doubt(host, "silent");
  host._seen = received;
  setTimer(host, Slot.Health, host._limits.health / 4, watch);
}

/** Brings everything back: by a Reset where the chip may still hear one, or by cutting its power. */
function recover(host: Host, code: string, detail: number, cut: boolean): void {
  stop(host);
  host._phase = Phase.Rising;
  host._began = host._hal.timer.now();
  host._attempts = host._tries = 0;
  host._counters.restarts++;
  host._slow = host._fresh = host._cut = host._loaded = false;
  host._row = cut && host._hal.gpio.regon ? 0 : 1;
  forget(host);
  resetRoles(host);
  report(host, failure(code, "recovery", detail));
  if (host._phase == Phase.Rising) proceed(host);
}

function rise(host: Host): void {
  const again = host._options.firmwareagain;
  host._phase = Phase.Rising;
  host._began = host._hal.timer.now();
  host._attempts = host._row = 0;
  host._slow = false;
  host._step = "firmware";
  if (host._born && again) host._firmware = openFirmware(again());
  if (host._firmware) {
    const error = checkFirmware(host._firmware, host._packet);
    if (error) return giveUp(host, error);
    if (host._firmware._foreign) warn(host, "foreign", 0);
  }
  if (host._phase == Phase.Rising) proceed(host);
}

/** Asks the chip whether it is there, and still the one that was brought up. */
const PROBE: Row = {
  _opcode: Command.ReadLocalVersion,
  _limit: 1000,
  _take: function (host, bytes, at, length) {
    const same = length > 7 && get16(bytes, at + 1) == host._chip._revision;
    host._doubt = "";
    host._quiet = 0;
    if (!same) recover(host, "restarted", 0, false);
  },
  _refused: function (host, status) {
    recover(host, host._doubt, status, false);
    return true;
  },
};

/** The role of the supervisor: it has the rows of the bring-up sent, and the probe. */
export function createSupervisor(): Role {
  return {
    _name: "supervisor",
    _held: false,
    _told: false,
    _next: function (host) {
      const row = host._doubt && !host._open ? PROBE : host._due;
      if (!row) return false;
      host._due = null;
      host._open = row;
      begin(host, row._opcode);
      if (row._build) row._build(host);
      return true;
    },
    _answer: function (host, status, bytes, at, length) {
      const row = host._open;
      host._open = null;
      if (!row) return true;
      if (status && row._refused && row._refused(host, status)) return true;
      if (status == Status.NoAnswer) fail(host, "no-answer", 0);
      else if (status && !row._bit) fail(host, "status", status);
      else if (!status && length < (row._least || 0)) fail(host, "malformed", length);
      else if (status || !row._take || row._take(host, bytes, at, length)) proceed(host);
      return true;
    },
    _reset: function () {},
  };
}

/** Takes the board and begins the rise. Throws "busy" where another instance holds it. */
export function openChip(host: Host): void {
  if (host._session.held) throw failure("busy", "open", 0);
  host._session.held = true;
  host._phase = Phase.Resting;
  host._events[Event.HardwareError] = {
    _least: 1,
    _handler: function (_host, bytes, at) {
      if (host._phase == Phase.Ready) recover(host, "hardware-error", bytes[at], true);
      else fail(host, "hardware-error", bytes[at]);
    },
  };
  // Later, so that the caller has the instance in hand before it hears of it.
  setTimer(host, Slot.Step, 0, rise);
}

/** Resets the chip, powers it down and gives the board back. May be called at any time, and again. */
export function closeChip(host: Host): void {
  if (host._phase) {
    forget(host);
    if (host._baud) {
      begin(host, Command.Reset);
      issue(host, 0);
    }
    halt(host);
    release(host);
  }
}

/** The UART has failed. */
export function faultChip(host: Host, reason: string): void {
  if (host._phase > Phase.Resting) giveUp(host, failure("uart", host._step, reason));
}
