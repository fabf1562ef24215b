import { parseAddress } from "../bytes/hex.js";
import { clearTimer, setTimer, Slot } from "../clock.js";
import { leave, later, type Link } from "../connection.js";
import { callable, failure, integer, reject } from "../errors.js";
import type { AskingConnection } from "../gatt/client.js";
import { Command, Status } from "../hci/codes.js";
import { begin, put16, put8, putBytes } from "../hci/commands.js";
import { call, declared, doubt, use, type Host, type Role } from "../host.js";
import { acceptable, admit, welcome } from "./links.js";

/** The methods that connecting adds to the instance. */
export interface Connecting {
  /**
   * Connects to a device that advertises. One at a time; a scan pauses meanwhile.
   * @param address 12 hex digits
   * @param addresstype 0 public, 1 random
   * @param callback called once: with null and the connection, or with a BlimpError: "timeout", "cancelled", "failed"
   * @param timeoutms how long to try, 100 to 60000 ms; default 5000. All the while Wi-Fi on the same die suffers
   * @throws BlimpError "argument"; "busy" where a connection is being made already, or no more can be had, or a test has the radio; "closed"
   */
  connect(address: string, addresstype: number, callback: (error: Error | null, connection?: AskingConnection) => void, timeoutms?: number): void;
  /** Ends the attempt, whose callback gets "cancelled"; no error where there is none. */
  cancelconnect(): void;
}

const enum Initiate {
  /** Scan for 30 of each 60 ms, so that Wi-Fi on the same antenna lives; in units of 0.625 ms. */
  Interval = 96,
  Window = 48,
  /** The connection: 30 to 50 ms, in units of 1.25 ms; its supervision timeout: 4 s, in units of 10 ms. */
  Shortest = 24,
  Longest = 40,
  Supervision = 400,
  /** For the controller to say that it has given up, in milliseconds. */
  Patience = 2000,
}

/**
 * Adds the initiator to a host, and its methods to the instance: LE Create Connection and LE Create Connection Cancel, Vol 4 Part E sections 7.8.12
 * and 7.8.13.
 */
export function addConnecting(host: Host, instance: Connecting): Role {
  // Wanted.
  let address: Uint8Array | null = null;
  let addresstype = 0;
  let callback: ((error: Error | null, connection?: AskingConnection) => void) | null = null;
  let ending = "";
  let until = 0;
  // Actual: the chip may be looking for a device; one that nobody wants any more; it has been told to stop.
  let initiating = false;
  let stale = false;
  let cancelling = false;

  /** The attempt is over; the application hears of it once. */
  function finish(code: string, detail: number, link?: Link): void {
    const tell = callback;
    address = callback = null;
    stale = initiating;
    // What would say that it has stopped may have been lost: it is told again.
    cancelling = false;
    host._seeking = false;
    clearTimer(host, Slot.Connect);
    welcome(host);
    if (code) later(host, tell, failure(code, "connect", detail));
    else call(host, tell, null, link);
  }

  function giveUp(why: string): void {
    if (!address) return;
    ending = ending || why;
    if (!initiating || stale) return finish(ending, 0);
    // Where it does not even answer that, it is no reason to let the application wait.
    setTimer(host, Slot.Connect, Initiate.Patience, function () {
      finish(ending, 0);
      doubt(host, "no-answer");
    });
    declared(host, role);
  }

  function watch(): void {
    const left = until - host._hal.timer.now();
    setTimer(host, Slot.Connect, left > 0 ? left : 0, function () {
      giveUp("timeout");
    });
  }

  /** The chip is not looking for anything any more. */
  function stopped(): boolean {
    const mine = !stale;
    initiating = cancelling = stale = false;
    host._idle = false;
    return mine;
  }

  host._initiated = function (status, link) {
    const mine = stopped();
    let wanted = !!link && mine && !!address && !ending && link._airType == (addresstype & 1);
    if (!link) {
      if (mine && address) finish(ending || "failed", ending ? 0 : status);
      return;
    }
    for (let i = 0; wanted && i < 6; i++) wanted = link._airPeer[i] == address![i];
    if (!wanted) {
      // It has been given up, and was made all the same.
      link._closed = true;
      leave(link, Status.RemoteUserTerminated, true);
      if (mine && ending && address) finish(ending, 0);
      return;
    }
    link._told = true;
    if (host._level < 2) admit(host, link);
    finish("", 0, link);
  };
  host._asks = function (link, values) {
    // One change at a time.
    if (link._asks || !acceptable(host, values)) return false;
    link._asks = values;
    host._idle = false;
    return true;
  };

  const role: Role = {
    _name: "initiator",
    _next: function () {
      if (initiating) {
        if ((!ending && !stale) || cancelling) return false;
        cancelling = true;
        begin(host, Command.LeCreateConnectionCancel);
        return true;
      }
      // Asked last: by now the scan has been stopped, and the advert is one that may go on.
      if (!address) return false;
      initiating = true;
      begin(host, Command.LeCreateConnection);
      put16(host, Initiate.Interval);
      put16(host, Initiate.Window);
      put8(host, 0);
      put8(host, addresstype);
      putBytes(host, address);
      put8(host, host._addresstype);
      put16(host, Initiate.Shortest);
      put16(host, Initiate.Longest);
      put16(host, 0);
      put16(host, Initiate.Supervision);
      put16(host, 0);
      put16(host, 0);
      return true;
    },
    _answer: function (status) {
      if (host._opcode == Command.LeCreateConnectionCancel) {
        if (status < 0) cancelling = false;
        // There is nothing to cancel: an event says how it has ended, now or soon; after a while it has been lost.
        if (status == Status.CommandDisallowed && stale) stopped();
        return status >= 0;
      }
      // Without an answer it may be looking or not.
      if (status < 0) ending = ending || "failed";
      else if (status) {
        // Disallowed: it may be looking for something that nobody wants any more.
        stopped();
        initiating = stale = status == Status.CommandDisallowed;
        if (address) finish(ending || "failed", ending ? 0 : status);
      }
      return true;
    },
    _reset: function () {
      stopped();
      if (host._leaving) address = null;
      // The time goes on, whatever the board does, unless that is given back.
      if (address && (ending || !host._phase)) finish(ending || "failed", 0);
      else if (address) watch();
    },
  };

  instance.connect = function (to, type, done, timeoutms) {
    use(host, "connect");
    const parsed = parseAddress(to) || reject("connect", "address", to, "12 hex digits");
    integer("connect", "addresstype", type, 0, 1);
    callable("connect", "callback", done);
    const limit = timeoutms === undefined ? 5000 : integer("connect", "timeoutms", timeoutms, 100, 60000);
    if (address || host._testing || !host._free.length) throw failure("busy", "connect", 0, address ? "a connection is being made already" : host._testing ? "a test has the radio" : "no more connections than options.links");
    address = parsed;
    addresstype = type;
    callback = done;
    ending = "";
    host._seeking = true;
    until = host._hal.timer.now() + limit;
    watch();
    welcome(host);
    declared(host);
  };
  instance.cancelconnect = function () {
    giveUp("cancelled");
  };
  return role;
}
