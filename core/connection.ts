import { hex } from "./bytes/hex.js";
import { setTimer, Slot } from "./clock.js";
import { bounded, callable, failure, integer } from "./errors.js";
import type { Bond, Pairing } from "./smp/pairing.js";
import type { AclLink } from "./hci/acl.js";
import { call, declared, type Host } from "./host.js";

/** What an application has of a connection: one object for each, the same in all callbacks. */
export interface Connection {
  /** The peer's address, 12 lower-case hex digits; also when the connection has ended. */
  address(): string;
  /** 0 public, 1 random. */
  addresstype(): number;
  /** The security level that the connection has reached: 1, 3 or 4. */
  security(): number;
  /** The ATT MTU in bytes, 23 to 517: a value is notified up to 3 less. */
  mtu(): number;
  /**
   * Asks how strongly the peer is heard.
   * @param callback gets dBm, -127 to 20; 127: not known, or the connection has ended
   * @throws BlimpError "argument"
   */
  rssi(callback: (dbm: number) => void): void;
  /**
   * Asks for other connection parameters. What they are then is the central's choice.
   * @param minms shortest interval, 7.5 to 4000 ms in steps of 1.25
   * @param maxms longest interval, not below the shortest
   * @param latency events that the peripheral may sleep through, 0 to 499
   * @param timeoutms supervision timeout, 100 to 32000 ms, more than 2 * (1 + latency) * maxms
   * @param callback gets null, or a BlimpError: "refused", "timeout", "disconnected"
   * @throws BlimpError "argument"; "busy" where the last request is still under way; "disconnected"
   */
  parameters(minms: number, maxms: number, latency: number, timeoutms: number, callback?: (error: Error | null) => void): void;
  /**
   * Sets what is called, once, when the connection ends by something other than `close()`; also where it has ended already.
   * @param callback gets the reason, an HCI error code: 0x08 out of range, 0x13 the peer left; null: nobody is called
   * @throws BlimpError "argument"
   */
  onclose(callback: ((reason: number) => void) | null): void;
  /** Ends the connection. What has been answered or notified is sent first, for a second at most. `onclose` does not fire. May be called again. */
  close(): void;
}

/** The buffers of one link, made when the stack is opened. */
export interface Buffers {
  readonly _in: Uint8Array;
  readonly _out: Uint8Array;
  /** Prepared writes. */
  readonly _prepared: Uint8Array;
}

/** Time limits of a link. */
export const enum Deadline {
  /** To send what is left before a disconnection, then for the disconnection itself. */
  Leave,
  /** The central's answer to a request for parameters, and the change. */
  Update,
  /** Packets that the controller has had since a loss of step. */
  Completion,
  /** The application's answer to a request. */
  Answer,
  /** The peer's confirmation of an indication. */
  Confirmation,
  /** The peer's answer to our request. */
  Request,
  /** The next PDU of a pairing; the level that is asked for; a request that is held until then. */
  Pairing,
  Level,
  Held,
  Count,
}

/** A link: the connection object of the application, and what the stack knows of it. What begins as false or nothing is left out at first. */
export interface Link extends AclLink, Connection {
  readonly _host: Host;
  _handle: number;
  _central: boolean;
  /** The peer's identity, as far as it is known; else the address on the air, which stays beside it. Least significant octet first. */
  _peer: Uint8Array;
  _peertype: number;
  readonly _airPeer: Uint8Array;
  readonly _airType: number;
  /** In units of the specification: 1.25 ms, events, 10 ms. */
  _interval: number;
  _latency: number;
  _timeout: number;
  _buffers: Buffers;
  _security: number;
  _mtu: number;
  /** When each deadline passes, by the board's clock; 0: it is not set. */
  readonly _deadlines: number[];
  /** Requests of the peer are answered. */
  _served?: boolean;
  /** The application knows it; it has been closed by us; the reason of its end. */
  _told?: boolean;
  _closed?: boolean;
  _ended?: number;
  _onclose?: ((reason: number) => void) | null;
  /** The application wants to know the RSSI. */
  _onrssi?: ((dbm: number) => void)[] | null;
  /** It is to be asked whether it still is: as a matter of routine (1), or because that is not certain (2). */
  _checked?: number;
  /** Parameters that are asked for: lowest and highest interval, latency, timeout; whether L2CAP has to carry the request. */
  _asks?: number[] | null;
  _signalled?: boolean;
  /** Of the last signalling request. */
  _identifier?: number;
  _onupdate?: ((error: Error | null) => void) | null;
  /** Parameters that the peer's controller asks us for. */
  _asked?: number[] | null;
  /** The Client Characteristic Configurations of the link, by their numbers. */
  _configurations: Uint8Array;
  /** A value of which more may be read, its handle, and until when it is kept. */
  _kept?: Uint8Array | null;
  _keptHandle?: number;
  _keptUntil?: number;
  /** What the next handler may call to answer later; what it has said by it already. */
  _reply?: (value: any) => void;
  _early?: boolean;
  _answer?: any;
  /** What the request that waits for the application's answer is answered by; its opcode, handle, offset. */
  _waiting?: (value: any) => void;
  _pending?: number;
  _pendingHandle?: number;
  _pendingOffset?: number;
  /** The value that has been indicated and not yet confirmed, and who waits for that; the peer is to be told that the services have changed. */
  _indicated?: number;
  _ondone?: (error: Error | null, connection: Connection) => void;
  _changed?: boolean;
  /** What we ask of the peer: operations in their order; the opcode of the answer that is awaited, 0 none; whether the MTU has been asked for. */
  _operations: any[];
  _expects?: number;
  _exchanged?: boolean;
  /** What it serves, as far as that is known, and the handle that tells of changes; who has subscribed to what, by handle; a confirmation is due. */
  _table?: any;
  _changing?: number;
  _subscriptions: { [handle: number]: ((value: Uint8Array) => void) | undefined };
  _owes?: boolean;
  /** The Security Manager: what waits to be sent, the pairing under way; whether it has been silent for too long. */
  _smpQueue: Uint8Array[];
  _pairing?: Pairing | null;
  _mute?: boolean;
  /** The bond with the peer; whether it is still being looked for; whether the link is encrypted. */
  _bond?: Bond | null;
  _searching?: boolean;
  _asksSoon?: boolean;
  /** What the bond remembers is to be given back once it is served. */
  _restores?: boolean;
  _encrypted?: boolean;
  /** With the key of its bond: the peer has proved who it is. */
  _proved?: boolean;
  /** The key that the controller asks for: EDIV, and Rand as hex; what it gets, null: none. A key with which we encrypt as the central. */
  _wants?: { _ediv: number; _rand: string } | null;
  _gets?: Uint8Array | null;
  _asking?: boolean;
  /** A passkey is in use; frames of which the rest is not to be shown: 1 sent, 2 received. */
  _secretive?: boolean;
  _hidden?: number;
  _starts?: Uint8Array | null;
  /** The request that is held until the level is reached. */
  _heldPdu?: Uint8Array | null;
  /** Who waits for `pair`. */
  _onpair?: ((error: Error | null, level?: number) => void) | null;
  /** Client Supported Features, and what the client knows of the services. */
  _features?: number;
  _awareness?: number;
  /** Bytes of prepared writes; where their execution stands. */
  _prepared?: number;
  _preparing?: number;
  _preparedFor?: any;
  _pass?: number;
  _executed?: number;
}

function expire(host: Host): void {
  const now = host._hal.timer.now();
  const links = host._links.slice(0);
  for (let i = 0; i < links.length; i++) {
    for (let kind = 0; kind < Deadline.Count; kind++) {
      const at = links[i]._deadlines[kind];
      if (at && at <= now) {
        links[i]._deadlines[kind] = 0;
        host._expired[kind](host, links[i]);
      }
    }
  }
  watch(host);
}

/** Keeps one timer for the earliest deadline of all links. */
function watch(host: Host): void {
  let first = 0;
  for (let i = 0; i < host._links.length; i++) {
    for (let kind = 0; kind < Deadline.Count; kind++) {
      const at = host._links[i]._deadlines[kind];
      if (at && (!first || at < first)) first = at;
    }
  }
  host._watched = first;
  if (first) {
    const left = first - host._hal.timer.now();
    setTimer(host, Slot.Deadline, left > 0 ? left : 0, expire);
  }
}

/** Sets a deadline, so many milliseconds from now. */
export function setDeadline(host: Host, link: Link, kind: Deadline, ms: number): void {
  const at = host._hal.timer.now() + ms;
  link._deadlines[kind] = at;
  // A timer that comes too early looks again.
  if (!host._watched || at < host._watched) watch(host);
}

/** Tells the application a little later, so that it is not called while it calls. */
export function later(host: Host, callback: ((...values: any[]) => void) | null | undefined, value?: any, second?: any): void {
  if (!callback || host._leaving) return;
  host._later.push([callback, value, second]);
  if (host._timers[Slot.Later] == null) {
    setTimer(host, Slot.Later, 0, function () {
      const calls = host._later;
      host._later = [];
      for (let i = 0; i < calls.length; i++) call(host, calls[i][0], calls[i][1], calls[i][2]);
    });
  }
}

/** Whether a link still is. */
export function isLive(link: Link): boolean {
  return link._handle >= 0 && !link._reason;
}

const enum Patience {
  /** To send what is left, in milliseconds. */
  Flush = 1000,
}

/** A link is to be ended with a reason; nothing of it is served any more. What waits to be sent still goes out, unless it is `hurried`. */
export function leave(link: Link, reason: number, hurried?: boolean): void {
  if (hurried) link._hurried = true;
  if (!isLive(link)) return;
  link._reason = reason;
  link._served = false;
  setDeadline(link._host, link, Deadline.Leave, Patience.Flush);
}

/** The methods of a connection, to be the prototype of each. */
export function makeMethods(): Connection & { [method: string]: any } {
  return {
    address: function (this: Link) {
      return hex(this._peer, 0, 6, true);
    },
    addresstype: function (this: Link) {
      return this._peertype;
    },
    security: function (this: Link) {
      return this._security;
    },
    mtu: function (this: Link) {
      return this._mtu;
    },
    rssi: function (this: Link, callback) {
      callable("rssi", "callback", callback);
      if (!isLive(this)) return later(this._host, callback, 127);
      (this._onrssi || (this._onrssi = [])).push(callback);
      declared(this._host);
    },
    parameters: function (this: Link, minms, maxms, latency, timeoutms, callback) {
      const method = "parameters";
      // In words: a static snapshot of JerryScript holds no fractions.
      bounded(method, "minms", minms, +"7.5", 4000);
      bounded(method, "maxms", maxms, minms, 4000);
      integer(method, "latency", latency, 0, 499);
      bounded(method, "timeoutms", timeoutms, Math.max(100, (5 * (1 + latency) * Math.round((maxms * 4) / 5)) / 2 + 10), 32000);
      if (callback) callable(method, "callback", callback);
      if (!isLive(this)) throw failure("disconnected", method, 0);
      if (this._asks) throw failure("busy", method, 0, "the last request is still under way");
      this._asks = [Math.round((minms * 4) / 5), Math.round((maxms * 4) / 5), latency, Math.round(timeoutms / 10)];
      this._signalled = false;
      this._onupdate = callback;
      declared(this._host);
    },
    onclose: function (this: Link, callback) {
      if (callback) callable("onclose", "callback", callback);
      if (this._ended === undefined || !callback) this._onclose = callback;
      else if (!this._closed) {
        later(this._host, callback, this._ended);
        this._closed = true;
      }
    },
    close: function (this: Link) {
      this._closed = true;
      leave(this, 0x13);
      declared(this._host);
    },
  };
}
