import { get16 } from "../bytes/bytes.js";
import { setTimer, Slot } from "../clock.js";
import { failure } from "../errors.js";
import { Command, Event, Supported } from "../hci/codes.js";
import { begin, put16, put8, putBytes } from "../hci/commands.js";
import { closeUart, flush, openUart, pad } from "../hci/h4.js";
import { call, Phase, supports, type EventTable, type Host } from "../host.js";
import { Limit } from "../options.js";
import { settleAddress, useDrawn } from "./address.js";
import { FirmwareSize, readFirmware } from "./firmware.js";

/**
 * The steps of the bring-up in their order, most of them one command: section 6 of the project's notes on the chip, then what every
 * controller is set up with. One `switch` each builds them and takes their answers: as rows of a table they took twice the variables of
 * a small engine.
 */
export const enum Step {
  Power,
  Reset,
  Identity,
  Baud,
  Minidriver,
  Record,
  Launch,
  Settle,
  Address,
  AddressReset,
  WorkBaud,
  Commands,
  Name,
  OwnAddress,
  Draw,
  DrawAgain,
  RandomAddress,
  LeHost,
  EventMask,
  LeEventMask,
  /** Where it ends; and what asks the chip, from then on, whether it is there. */
  Ready,
}

const OPCODES = new Uint16Array([
  0,
  Command.Reset,
  Command.ReadLocalVersion,
  Command.UpdateBaudRate,
  Command.DownloadMinidriver,
  0,
  0,
  0,
  Command.WriteBdAddr,
  Command.Reset,
  Command.UpdateBaudRate,
  Command.ReadSupportedCommands,
  Command.ReadLocalName,
  Command.ReadBdAddr,
  Command.LeRand,
  Command.LeRand,
  Command.LeSetRandomAddress,
  Command.WriteLeHostSupport,
  Command.SetEventMask,
  Command.LeSetEventMask,
  Command.ReadLocalVersion,
]);

const enum Part {
  /** What distinguishes a CYW43438 in the answer to Read Local Version: manufacturer and subversion. */
  Broadcom = 15,
  Cyw43438 = 0x2209,
}

const enum Tries {
  /** How often HCI Reset is sent to a chip whose rate is known, and to one that may have been left at any of four, each tried three times. */
  Resets = 10,
  ResetsSought = 12,
  /** How often, every 5 ms, the chip's RTS is looked at before it is taken for stuck. */
  Looks = 80,
}

/** The rate at which the chip is meant to work, in bit/s. */
function workBaud(host: Host): number {
  return host._limits[Limit.Baud] || (host._hal.uart.flow ? 921600 : host._limits[Limit.ResetBaud]);
}

/** The rate that it is to have now, to work or to be loaded. */
function targetBaud(host: Host): number {
  const limits = host._limits;
  if (host._slow! > (host._loading ? 0 : 1)) return limits[Limit.ResetBaud];
  return (host._loading && limits[Limit.DownloadBaud]) || workBaud(host);
}

/** Whether a step has nothing to do here. */
function isIdle(host: Host, step: Step): boolean {
  switch (step) {
    case Step.Baud:
    case Step.WorkBaud:
      return !host._cyw || targetBaud(host) == host._baud;
    case Step.Address:
    case Step.AddressReset:
      return !host._cyw || !host._mac;
    case Step.Name:
      return !supports(host, Supported.ReadLocalName);
    case Step.Draw:
    case Step.DrawAgain:
      return host._addresstype >= 0 && !host._draws;
    case Step.RandomAddress:
      return host._addresstype < 1;
    case Step.LeHost:
      return !supports(host, Supported.WriteLeHostSupport);
  }
  return false;
}

/** Begins a step, or the first behind it that has something to do. */
export function goTo(host: Host, step: Step): void {
  if (host._phase != Phase.Rising) return;
  while (isIdle(host, step)) step++;
  if (step != host._state) {
    // The last name holds for all that follow.
    const name = "power reset identity baud minidriver record launch settle address address baud setup".split(" ")[step];
    host._state = step;
    if (name && name != host._step) {
      host._step = name;
      call(host, host._options.onstep, name);
    }
  }
  // The application may have closed it all in one of its callbacks.
  if (host._phase != Phase.Rising) return;
  if (step == Step.Power) power(host);
  else if (step == Step.Settle) settle(host);
  else if (step == Step.Ready) host._ready(host);
  else host._due = true;
}

/** Goes on in so many milliseconds. */
function wait(host: Host, ms: number, next: (host: Host) => void): void {
  setTimer(host, Slot.Step, ms, next);
}

/** Tells the application of something odd. */
export function warn(host: Host, code: string, detail: any): void {
  call(host, host._options.onwarning, failure(code, host._step!, detail));
}

function power(host: Host): void {
  const gpio = host._hal.gpio;
  const limits = host._limits;
  if (gpio.regon) {
    // What still waits in the UART is not for the chip that comes up; and TX idles high before it has power, because it is sensitive to noise.
    gpio.regon(0);
    closeUart(host);
  }
  if (!openUart(host, (!gpio.regon && host._session.baud) || limits[Limit.ResetBaud])) return;
  host._fresh = host._cut = host._loaded = false;
  if (gpio.rts) gpio.rts(1);
  if (gpio.lpo && !gpio.clock) gpio.lpo(0);
  if (gpio.devwake) gpio.devwake(0);
  if (!gpio.regon) return listen(host, Tries.Looks);
  // Longer where it may not have come down the last time.
  wait(host, host._born || host._attempts ? 3 * limits[Limit.PowerOff] : limits[Limit.PowerOff], function () {
    flush(host);
    gpio.regon!(1);
    host._fresh = host._cut = true;
    wait(host, limits[Limit.PowerOn], function () {
      listen(host, Tries.Looks);
    });
  });
}

/** The chip restarts with the patch, at the rate of a reset, some milliseconds after it has answered. */
function settle(host: Host): void {
  host._loading = false;
  host._loaded = host._fresh = true;
  if (openUart(host, host._limits[Limit.ResetBaud])) {
    wait(host, host._limits[Limit.Settle], function () {
      flush(host);
      listen(host, Tries.Looks);
    });
  }
}

/** Waits until the chip's RTS says that it can receive, where that can be read. */
function listen(host: Host, looks: number): void {
  const gpio = host._hal.gpio;
  if (gpio.rts) gpio.rts(0);
  if (gpio.cts && gpio.cts()) {
    if (looks) {
      return wait(host, 5, function () {
        listen(host, looks - 1);
      });
    }
    warn(host, "rts", 1);
  }
  host._tries = 0;
  goTo(host, Step.Reset);
}

/** Reads `count` bytes of the record that is to be sent into the packet, at `at`; false where the source fails, which ends the try. */
function readRecord(host: Host, from: number, at: number, count: number): boolean {
  try {
    readFirmware(host._firmware!, host._offset! + from, host._packet, at, count);
    return true;
  } catch (e) {
    host._fail(host, "firmware-read", host._record);
    return false;
  }
}

/** The opcode of that record, its length left in the packet's fourth byte; 0 where the source has failed. */
function recordOpcode(host: Host): number {
  return readRecord(host, 0, 1, FirmwareSize.RecordHeader) ? get16(host._packet, 1) : 0;
}

/** Builds the command of the present step; returns how many milliseconds its answer may take, 0 where there is none after all. */
export function buildStep(host: Host): number {
  const limits = host._limits;
  const step = host._state;
  const target = targetBaud(host);
  let limit = 1000;
  begin(host, OPCODES[step]);
  switch (step) {
    case Step.Reset:
      limit = 200;
      if (!host._fresh) {
        // It may have been left at any of these; and of what it heard at a wrong one it may now wait for the end.
        openUart(host, [host._baud, limits[Limit.ResetBaud], workBaud(host), limits[Limit.DownloadBaud] || workBaud(host)][(host._tries! / 3) | 0]);
        for (let pads = (host._tries! % 3) * 2; pads > 0; pads--) pad(host);
        begin(host, Command.Reset);
      }
      break;
    case Step.Baud:
    case Step.WorkBaud:
      limit = 100;
      put16(host, 0);
      put16(host, target);
      put16(host, target >> 16);
      break;
    case Step.Record:
    case Step.Launch:
      begin(host, recordOpcode(host));
      if (!host._opcode || !readRecord(host, FirmwareSize.RecordHeader, 4, host._packet[3])) return 0;
      host._end += host._packet[3];
      break;
    case Step.Address:
      putBytes(host, host._mac!);
      break;
    case Step.RandomAddress:
      putBytes(host, host._address);
      break;
    case Step.LeHost:
      // A dual-mode controller keeps its LE half off without it.
      put16(host, 1);
      break;
    case Step.EventMask:
      putMask(host, host._events);
      break;
    case Step.LeEventMask:
      putMask(host, host._leEvents);
      break;
  }
  return limit;
}

/** Adds a mask of 8 octets with the bits of the events that the table has rows for (Vol 4 Part E sections 7.3.1 and 7.8.1). */
function putMask(host: Host, table: EventTable): void {
  for (let code = 1; code < 65; ) {
    let bits = 0;
    do {
      const row = table[code];
      const main = table == host._events;
      // LE Meta events have a table of their own. The bit of Number Of Completed Packets is reserved: it cannot be masked.
      if (row ? (host._supported[row._octet || 0] & (row._bits || 0)) == (row._bits || 0) && !(main && code == Event.NumberOfCompletedPackets) : main && code == Event.LeMeta) bits |= 1 << ((code - 1) & 7);
    } while (code++ & 7);
    put8(host, bits);
  }
}

/** Takes the answer to the command of the present step. */
export function takeStep(host: Host, status: number, bytes: Uint8Array, at: number, length: number): void {
  let step = host._state;
  const record = step == Step.Record || step == Step.Launch;
  let failed = status < 0 ? "no-answer" : status ? (record ? "record" : "status") : "";
  let detail = record ? host._record : status;
  let next = step + 1;

  if (status) {
    if (step == Step.Reset && status < 0) {
      next = step;
      if (++host._tries! < (host._fresh ? Tries.Resets : Tries.ResetsSought)) failed = "";
      else if (!host._fresh && host._hal.gpio.regon) {
        next = Step.Power;
        host._slow = 1;
        failed = "";
      }
    } else if (step == Step.Launch ? status < 0 : status > 0 && (step == Step.Name || step == Step.LeHost)) {
      // The chip may have gone before its answer was out; the others can be done without.
      failed = "";
    } else if (status > 0 && (step == Step.Baud || step == Step.WorkBaud)) {
      host._slow = 2;
      warn(host, "baud", status);
      failed = "";
    }
  } else {
    switch (step) {
      case Step.Identity:
        if (length < 8) failed = "malformed";
        else {
          host._version = bytes[at];
          detail = host._revision = get16(bytes, at + 1);
          host._cyw = get16(bytes, at + 4) == Part.Broadcom && get16(bytes, at + 6) == Part.Cyw43438;
          next = Step.Address;
          if (host._firmware) {
            const wanted = host._firmware._revision;
            if (!host._cyw) {
              failed = "part";
              detail = get16(bytes, at + 6);
            } else if (wanted < 0 ? !detail : detail != wanted) {
              // A chip that runs another patch cannot be patched: it has to lose that one first.
              next = detail ? Step.Power : Step.Baud;
              if (host._loaded || (detail && (host._cut || !host._hal.gpio.regon))) failed = "revision";
              host._loading = true;
              host._offset = host._record = 0;
            }
          } else if (host._cyw && !detail) warn(host, "rom", 0);
        }
        break;
      case Step.Baud:
      case Step.WorkBaud:
        if (openUart(host, targetBaud(host))) {
          wait(host, 2, function () {
            goTo(host, next);
          });
        }
        return;
      case Step.Minidriver:
        wait(host, host._limits[Limit.Minidriver], function () {
          const opcode = recordOpcode(host);
          flush(host);
          // Some images begin with this very command.
          if (opcode == Command.DownloadMinidriver) host._offset! += FirmwareSize.RecordHeader;
          if (opcode) goTo(host, next);
        });
        return;
      case Step.Record:
        host._record!++;
        host._offset! += FirmwareSize.RecordHeader + host._packet[3];
        call(host, host._options.onprogress, host._offset, host._firmware!._source.length);
        detail = recordOpcode(host);
        if (!detail) return;
        next = detail == Command.WriteRam ? Step.Record : Step.Launch;
        break;
      case Step.Launch:
        detail = host._firmware!._source.length;
        call(host, host._options.onprogress, detail, detail);
        break;
      case Step.Commands:
        for (let i = 0; i < 64; i++) host._supported[i] = i < length ? bytes[at + i] : 0;
        break;
      case Step.Name:
        host._name = "";
        for (let i = 0; i < length && bytes[at + i]; i++) host._name += String.fromCharCode(bytes[at + i]);
        break;
      case Step.OwnAddress:
        host._drawn = "";
        failed = length < 6 ? "malformed" : settleAddress(host, bytes, at);
        break;
      case Step.Draw:
      case Step.DrawAgain:
        failed = length < 8 ? "malformed" : host._addresstype < 0 ? useDrawn(host, bytes, at) : "";
        // What else has to be drawn, until it is.
        if (host._draws && length > 7) {
          const drawn = host._draws(bytes, at);
          if (drawn < 0) failed = "random";
          else if (drawn) host._draws = null;
        }
        if (host._draws && step == Step.DrawAgain) next = Step.Draw;
        break;
    }
  }
  if (failed) host._fail(host, failed, detail, failed == "part" || failed == "mac" || failed == "random");
  else goTo(host, next);
}
