import { get16 } from "../bytes/bytes.js";
import { Command, Status } from "../hci/codes.js";
import { begin, forget, put16, putBytes } from "../hci/commands.js";
import { flush, openUart, pad } from "../hci/h4.js";
import { call, type Host, type Row } from "../host.js";
import { readFirmware, RECORD_HEADER } from "./firmware.js";
import { enter, fail, proceed, wait, warn } from "./supervisor.js";

/** What distinguishes a CYW43438 in the answer to Read Local Version: manufacturer and subversion. */
const BROADCOM = 15;
const CYW43438 = 0x2209;

/** How often HCI Reset is sent to a chip whose rate is known, and to one that may have been left at any of three, each tried three times. */
const RESETS = 10;
const RESETS_SOUGHT = 12;

/** How often, every 5 ms, the chip's RTS is looked at before it is taken for stuck. */
const LOOKS = 80;

/** Where rows are gone to out of their order. */
const enum Place {
  Power = 0,
  Reset = 1,
  Address = 7,
}

/** The rate at which the chip works, and that of the download, in bit/s. */
function targetBaud(host: Host): number {
  const limits = host._limits;
  return host._slow ? limits.resetbaud : (host._loading && limits.downloadbaud) || limits.baud || (host._hal.uart.flow ? 921600 : limits.resetbaud);
}

function power(host: Host): void {
  const gpio = host._hal.gpio;
  const limits = host._limits;
  // TX idles high before the chip has power: it is sensitive to noise on a line that nobody drives.
  if (!openUart(host, limits.resetbaud)) return;
  host._fresh = host._cut = host._loaded = false;
  host._tries = 0;
  if (gpio.rts) gpio.rts(1);
  if (gpio.lpo && !gpio.clock) gpio.lpo(0);
  if (gpio.devwake) gpio.devwake(0);
  if (!gpio.regon) return listen(host);
  gpio.regon(0);
  // Longer where it may not have come down the last time.
  wait(host, host._born || host._attempts ? 3 * limits.poweroff : limits.poweroff, function () {
    forget(host);
    flush(host);
    gpio.regon!(1);
    host._fresh = host._cut = true;
    wait(host, limits.poweron, listen);
  });
}

/** Waits until the chip's RTS says that it can receive, where that can be read. */
function listen(host: Host): void {
  const gpio = host._hal.gpio;
  if (gpio.rts) gpio.rts(0);
  if (gpio.cts && gpio.cts()) {
    if (host._tries++ < LOOKS) return wait(host, 5, listen);
    warn(host, "rts", 1);
  }
  host._tries = 0;
  proceed(host);
}

function buildReset(host: Host): void {
  const limits = host._limits;
  if (!host._fresh) {
    // It may have been left at any of these; and of what it heard at a wrong one it may now wait for the end.
    openUart(host, [host._baud, limits.resetbaud, targetBaud(host), limits.downloadbaud || limits.resetbaud][(host._tries / 3) | 0]);
    if (host._tries) pad(host);
  }
  begin(host, Command.Reset);
}

function resetRefused(host: Host, status: number): boolean {
  if (status != Status.NoAnswer) return false;
  if (++host._tries < (host._fresh ? RESETS : RESETS_SOUGHT)) host._row--;
  else if (!host._fresh && host._hal.gpio.regon) host._row = Place.Power;
  else return false;
  proceed(host);
  return true;
}

function identify(host: Host, bytes: Uint8Array, at: number): void {
  const chip = host._chip;
  const firmware = host._firmware;
  const revision = get16(bytes, at + 1);
  chip._version = bytes[at];
  chip._revision = revision;
  chip._cyw = get16(bytes, at + 4) == BROADCOM && get16(bytes, at + 6) == CYW43438;
  host._loading = false;
  if (!firmware) {
    if (chip._cyw && !revision) warn(host, "rom", 0);
  } else if (!chip._cyw) {
    return fail(host, "part", get16(bytes, at + 6), true);
  } else if (firmware._revision < 0 ? !revision : revision != firmware._revision) {
    if (host._loaded) return fail(host, "revision", revision);
    if (!revision) {
      host._loading = true;
      host._offset = host._record = 0;
      return proceed(host);
    }
    // A chip that runs another patch cannot be patched: it has to lose that one first.
    if (host._cut || !host._hal.gpio.regon) return fail(host, "revision", revision);
    host._row = Place.Power;
    return proceed(host);
  }
  host._row = Place.Address;
  proceed(host);
}

function changesBaud(host: Host): boolean {
  return targetBaud(host) != host._baud;
}

function buildBaud(host: Host): void {
  const baud = targetBaud(host);
  put16(host, 0);
  put16(host, baud);
  put16(host, baud >> 16);
}

function baudTaken(host: Host): void {
  if (openUart(host, targetBaud(host))) wait(host, 2, proceed);
}

function baudRefused(host: Host, status: number): boolean {
  if (status < 0) return false;
  host._slow = true;
  warn(host, "baud", status);
  proceed(host);
  return true;
}

/** The opcode of the record that is to be sent, with its length in the packet's fourth byte. */
function recordOpcode(host: Host): number {
  readFirmware(host._firmware!, host._offset, host._packet, 1, RECORD_HEADER);
  return get16(host._packet, 1);
}

function buildRecord(host: Host): void {
  begin(host, recordOpcode(host));
  const length = host._packet[3];
  readFirmware(host._firmware!, host._offset + RECORD_HEADER, host._packet, host._end, length);
  host._end += length;
}

function recordTaken(host: Host): boolean {
  host._offset += RECORD_HEADER + host._packet[3];
  host._record++;
  call(host, host._options.onprogress, host._offset, host._firmware!._length);
  return true;
}

/** The chip restarts with the patch, at the rate of a reset, some milliseconds after it has answered. */
function settle(host: Host): boolean {
  recordTaken(host);
  enter(host, "settle");
  host._loading = false;
  host._loaded = true;
  host._fresh = true;
  if (openUart(host, host._limits.resetbaud)) {
    wait(host, host._limits.settle, function () {
      flush(host);
      host._row = Place.Reset;
      listen(host);
    });
  }
  return false;
}

function writesAddress(host: Host): boolean {
  return host._mac != null && host._chip._cyw;
}

function recordRefused(host: Host, status: number): boolean {
  fail(host, status < 0 ? "no-answer" : "record", host._record, false, "record " + host._record + ", status " + status);
  return true;
}

/** The bring-up of section 6 of the project's notes on the chip. Where it goes back to the reset after a download it finds nothing left to do. */
export const BRINGUP: Row[] = [
  { _step: "power", _opcode: 0, _build: power },
  { _step: "reset", _opcode: Command.Reset, _limit: 200, _build: buildReset, _refused: resetRefused },
  { _step: "identity", _opcode: Command.ReadLocalVersion, _limit: 1000, _least: 8, _take: identify },
  {
    _step: "baud",
    _opcode: Command.UpdateBaudRate,
    _limit: 100,
    _wanted: changesBaud,
    _build: buildBaud,
    _take: baudTaken,
    _refused: baudRefused,
  },
  {
    _step: "minidriver",
    _opcode: Command.DownloadMinidriver,
    _limit: 1000,
    _take: function (host) {
      wait(host, host._limits.minidriver, function () {
        flush(host);
        proceed(host);
      });
    },
  },
  {
    _step: "record",
    _opcode: Command.WriteRam,
    _limit: 1000,
    _wanted: function (host) {
      // Some images begin with the command that has opened this download.
      if (recordOpcode(host) == Command.DownloadMinidriver) host._offset += RECORD_HEADER;
      return recordOpcode(host) == Command.WriteRam;
    },
    _build: buildRecord,
    _take: function (host) {
      host._row--;
      return recordTaken(host);
    },
    _refused: recordRefused,
  },
  {
    _step: "launch",
    _opcode: Command.LaunchRam,
    _limit: 1000,
    _build: buildRecord,
    _take: settle,
    _refused: function (host, status) {
      // The chip may have gone before its answer was out.
      return status < 0 ? !settle(host) : recordRefused(host, status);
    },
  },
  {
    _step: "address",
    _opcode: Command.WriteBdAddr,
    _wanted: writesAddress,
    _build: function (host) {
      putBytes(host, host._mac!);
    },
  },
  // Only a Reset makes the controller use it.
  { _opcode: Command.Reset, _wanted: writesAddress },
  {
    _step: "baud",
    _opcode: Command.UpdateBaudRate,
    _limit: 100,
    _wanted: function (host) {
      return host._chip._cyw && changesBaud(host);
    },
    _build: buildBaud,
    _take: baudTaken,
    _refused: baudRefused,
  },
];
