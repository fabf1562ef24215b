import { get16 } from "../bytes/bytes.js";
import { Deadline, isLive, later, leave, makeMethods, setDeadline, type Buffers, type Connection, type Link } from "../connection.js";
import { clearTimer, setTimer, Slot } from "../clock.js";
import { callable, failure, integer } from "../errors.js";
import { findLink, isDrained, layBoxes, pump, queued, receiveAcl, takeCompleted } from "../hci/acl.js";
import { Command, Event, LeEvent, Status, Supported } from "../hci/codes.js";
import { begin, put16, put8 } from "../hci/commands.js";
import { call, declared, supports, use, type Host, type Role } from "../host.js";
import { receiveFrame, requestParameters } from "../l2cap/l2cap.js";
import { addGauge, gauge } from "../memory.js";
import { Limit, withLimits } from "../options.js";

/** The methods that connections add to the instance. */
export interface Linking<C = Connection> {
  /**
   * Welcomes connections, and makes the advert connectable; or refuses them, as at the beginning. Connections that are, stay.
   * @param callback gets each new connection once it has the security level that is set; to refuse it call its `close()`. null: none is welcome
   * @throws BlimpError "argument"; "closed"; "security" where the level that is set is not to be had on this board, or in this build
   */
  onconnect(callback: ((connection: C) => void) | null): void;
  /**
   * Sets the least security that a connection must have. After `open()` it is 4.
   * @param level 1: none, 3: encrypted, with an authenticated peer; 4: the same by LE Secure Connections
   * @param code the passkey, 0 to 999999; drawn where it is left out
   * @throws BlimpError "argument"; "closed"; "security" where the level is not to be had on this board, or in this build
   */
  setsecurity(level: number, code?: number): void;
  /** The passkey that is shown to who wants to connect; 0: there is none. */
  getsecuritycode(): number;
}

const enum Milliseconds {
  /** For the controller to end a link; then it is asked again. */
  Disconnect = 10000,
  /** For all links to end when the instance is closed. */
  Depart = 1000,
  /** The response timer of signalling (Vol 3 Part A section 6.2.1), and the change that follows. */
  Update = 30000,
}

const enum Acl {
  /** More than two packets may block a CYW43438, whatever it says. */
  Cyw43438 = 2,
}

/** What the links have to know of the chip first. */
const enum Setup {
  Buffers,
  SharedBuffers,
  States,
  Done,
}

function createBuffers(host: Host): Buffers {
  const mtu = host._limits[Limit.Mtu];
  const frame = 4 + mtu;
  return {
    _in: new Uint8Array(frame < 69 ? 69 : frame),
    _out: new Uint8Array(host._boxes[3] + host._limits[Limit.Queue] * queued(mtu)),
    _prepared: new Uint8Array(host._limits[Limit.Prepare]),
  };
}

/** Whether the chip can do these two things at once, by its LE states (Vol 4 Part E section 7.8.27). */
function canBeside(host: Host, bit: number): boolean {
  return !host._states || (host._states[bit >> 3] & (1 << (bit & 7))) != 0;
}

/** Looks what kind of advert may be on the air. */
function allow(host: Host): void {
  const advertiser = host._advertiser;
  if (!advertiser) return;
  // A link that is being made needs its place, too. The numbers are those of the states: first beside a link of ours, then while one is made.
  const beside = function (peripheral: number, central: number, initiating: number): boolean {
    for (let i = 0; i < host._links.length; i++) if (!canBeside(host, host._links[i]._central ? central : peripheral)) return false;
    return !host._seeking || canBeside(host, initiating);
  };
  advertiser._welcome = !!host._onconnect && host._free.length > (host._seeking ? 1 : 0) && beside(38, 35, 32);
  // What is not connectable may go on beside a link: scannable, or not even that.
  advertiser._beside = (beside(21, 19, 17) ? 2 : 0) | (beside(20, 18, 16) ? 1 : 0);
}

/** The advert becomes connectable, or ceases to be. */
export function welcome(host: Host): void {
  allow(host);
  declared(host);
}

/** The application may have the link: it has the security that is asked for. */
export function admit(host: Host, link: Link): void {
  link._served = true;
  if (link._told || link._central || !isLive(link)) return;
  link._told = true;
  call(host, host._onconnect, link);
}

/** A link is no more: its packets are nobody's, its buffers free, and who waits for it hears of it. */
export function endLink(host: Host, link: Link, reason: number, quietly?: boolean): void {
  const index = host._links.indexOf(link);
  if (index < 0) return;
  host._links.splice(index, 1);
  host._aclFree += link._inflight;
  if (link._buffers) host._free.push(link._buffers);
  link._handle = -1;
  link._served = false;
  link._ended = reason;
  // The last one that close() waits for.
  if (host._leaving && !host._links.length) setTimer(host, Slot.Step, 0, host._session.finish!);
  for (let i = 0; i < host._enders.length; i++) host._enders[i](host, link);
  finishUpdate(host, link, "disconnected");
  heardAt(host, link, 127);
  const tell = function (): void {
    // It may have been closed, or nobody may want to know any more.
    if (link._closed || !link._onclose) return;
    link._closed = true;
    call(host, link._onclose, reason);
  };
  if (!link._told || host._leaving) return;
  if (quietly) later(host, tell);
  else tell();
}

/** Tells who wants to know how strongly the peer is heard. */
function heardAt(host: Host, link: Link, dbm: number): void {
  const callbacks = link._onrssi || [];
  link._onrssi = null;
  for (let i = 0; i < callbacks.length; i++) later(host, callbacks[i], dbm);
}

/** A request for other parameters has come to its end. */
function finishUpdate(host: Host, link: Link, code: string): void {
  if (!link._asks) return;
  const tell = link._onupdate;
  link._asks = link._onupdate = null;
  link._deadlines[Deadline.Update] = 0;
  later(host, tell, code ? failure(code, "parameters", 0) : null);
}

/** Whether parameters that a peer asks for are legal and within the limits. */
export function acceptable(host: Host, asked: number[]): boolean {
  const limits = host._limits;
  const legal = asked[0] >= 6 && asked[0] <= asked[1] && asked[3] >= 10 && asked[3] <= 3200 && asked[3] * 4 > (1 + asked[2]) * asked[1];
  return legal && asked[1] * 5 <= limits[Limit.MaxInterval] * 4 && asked[2] <= limits[Limit.MaxLatency];
}

/**
 * Adds links to a host: LE Connection Complete and what follows (Vol 4 Part E sections 7.7.65.1, 7.7.5, 7.7.19), Disconnect, LE Connection Update,
 * Read RSSI.
 */
export function addLinks(host: Host, instance: Linking): Role {
  const limits = host._limits;
  let setup = Setup.Buffers;
  // Whom the command under way is about.
  let subject: Link | null;

  host._methods = makeMethods();
  host._links = [];
  host._free = [];
  host._enders = [];
  host._beginners = [];
  host._expired = [];
  host._later = [];
  host._watched = 0;
  host._turn = 0;
  host._aclFree = 0;

  /** Makes a link of LE Connection Complete; `interval` is where its parameters stand. The methods are its prototype's. */
  const Made: any = function (this: any, handle: number, bytes: Uint8Array, at: number, interval: number): void {
    const buffers = host._free.pop();
    this._host = host;
    this._handle = handle;
    this._central = !bytes[at + 3];
    this._peertype = this._airType = bytes[at + 4] & 1;
    this._peer = this._airPeer = new Uint8Array(bytes.subarray(at + 5, at + 11));
    this._interval = get16(bytes, interval);
    this._latency = get16(bytes, interval + 2);
    this._timeout = get16(bytes, interval + 4);
    this._buffers = buffers;
    this._in = buffers && buffers._in;
    this._out = buffers && buffers._out;
    this._lengths = [0, 0, 0];
    this._head = this._tail = host._boxes[3];
    this._inflight = this._frames = this._inUsed = this._wrap = this._box = this._at = this._left = 0;
    this._security = 1;
    this._mtu = 23;
    this._deadlines = [];
  };

  Made.prototype = host._methods;

  function connected(_host: Host, bytes: Uint8Array, at: number, length: number): void {
    const handle = get16(bytes, at + 1) & 0xfff;
    const advertiser = host._advertiser;
    const known = findLink(host, handle) as Link;
    if (bytes[at]) {
      if (host._initiated) host._initiated(bytes[at]);
      return;
    }
    // Its end has been lost.
    if (known) endLink(host, known, Status.ConnectionTimeout, true);
    const link: Link = new Made(handle, bytes, at, at + length - 7);
    const peripheral = !link._central;
    host._links.push(link);
    gauge(host, "links", host._links.length);
    for (let i = 0; i < host._beginners.length; i++) host._beginners[i](host, link);
    if (peripheral && advertiser) advertiser._stopped();
    if (host._leaving || host._testing || !link._buffers || (peripheral ? !host._onconnect : !host._initiated)) {
      // Nobody wants it, or any more.
      link._closed = true;
      leave(link, Status.RemoteUserTerminated, true);
    } else if (peripheral) {
      if (host._secure) host._secure(host, link);
      else admit(host, link);
    } else host._initiated!(0, link);
    welcome(host);
  }

  host._events[Event.DisconnectionComplete] = {
    _least: 4,
    _handler: function (_host, bytes, at) {
      const link = findLink(host, get16(bytes, at + 1)) as Link;
      if (bytes[at]) return;
      if (link) endLink(host, link, bytes[at + 3]);
      // Its beginning has been lost.
      else if (host._advertiser) host._advertiser._stopped(true);
      welcome(host);
    },
  };
  host._events[Event.NumberOfCompletedPackets] = {
    _least: 1,
    _handler: function (_host, bytes, at, length) {
      takeCompleted(host, bytes, at, length);
      // Who waits for the last packet may go.
      for (let i = 0; i < host._links.length; i++) if (host._links[i]._reason) host._idle = false;
    },
  };
  host._leEvents[LeEvent.ConnectionComplete] = { _least: 18, _handler: connected };
  host._leEvents[LeEvent.EnhancedConnectionComplete] = { _least: 30, _handler: connected };
  host._leEvents[LeEvent.ConnectionUpdateComplete] = {
    _least: 9,
    _handler: function (_host, bytes, at) {
      const link = findLink(host, get16(bytes, at + 1)) as Link;
      if (!link) return;
      if (!bytes[at]) {
        link._interval = get16(bytes, at + 3);
        link._latency = get16(bytes, at + 5);
        link._timeout = get16(bytes, at + 7);
        finishUpdate(host, link, "");
      } else refused(link);
    },
  };
  host._leEvents[LeEvent.RemoteParameterRequest] = {
    _least: 10,
    _octet: Supported.LeParameterRequestReply >> 3,
    _bits: (1 << (Supported.LeParameterRequestReply & 7)) | (1 << (Supported.LeParameterRequestNegativeReply & 7)),
    _handler: function (_host, bytes, at) {
      const link = findLink(host, get16(bytes, at)) as Link;
      if (link) link._asked = [get16(bytes, at + 2), get16(bytes, at + 4), get16(bytes, at + 6), get16(bytes, at + 8)];
      host._idle = false;
    },
  };

  /** The controllers cannot change the parameters by themselves: L2CAP can ask the central. */
  function refused(link: Link): void {
    if (!link._asks) return;
    if (link._central || link._signalled || !requestParameters(host, link)) return finishUpdate(host, link, "refused");
    link._signalled = true;
  }

  function put(values: number[]): void {
    for (let i = 0; i < 4; i++) put16(host, values[i]);
  }

  function next(): boolean {
    // As long as nobody wants a connection the chip is not asked.
    if (setup < Setup.Done && !host._onconnect && !host._seeking && !host._links.length) return false;
    if (setup == Setup.Buffers) {
      // What came before the Reset was answered was of connections that are no more.
      host._stray = 0;
      begin(host, supports(host, Supported.LeReadBufferSize) || !supports(host, Supported.LeReadBufferSizeV2) ? Command.LeReadBufferSize : Command.LeReadBufferSizeV2);
      return true;
    }
    if (setup == Setup.SharedBuffers) {
      begin(host, Command.ReadBufferSize);
      return true;
    }
    if (setup == Setup.States) {
      setup = Setup.Done;
      if (supports(host, Supported.LeReadSupportedStates)) {
        begin(host, Command.LeReadSupportedStates);
        return true;
      }
    }
    if (host._stray) {
      // Its peer waits for answers in vain.
      begin(host, Command.Disconnect);
      put16(host, host._stray & 0xfff);
      put8(host, Status.RemoteUserTerminated);
      host._stray = 0;
      subject = null;
      return true;
    }
    for (let i = 0; i < host._links.length; i++) {
      subject = host._links[i] as Link;
      const opcode = wantedOf(subject);
      if (opcode) {
        begin(host, opcode);
        put16(host, subject._handle);
        if (opcode == Command.Disconnect) put8(host, subject._reason!);
        else if (opcode == Command.LeParameterRequestNegativeReply) put8(host, Status.UnacceptableParameters);
        else if (opcode != Command.ReadRssi) {
          put(opcode == Command.LeConnectionUpdate ? subject._asks! : subject._asked!);
          // Length of the connection events: as the controller likes.
          put16(host, 0);
          put16(host, 0);
        }
        return true;
      }
    }
    return false;
  }

  /** The opcode of the command that a link wants, or 0. */
  function wantedOf(link: Link): number {
    if (link._reason) return !link._leaving && (link._hurried || isDrained(link)) ? Command.Disconnect : 0;
    if (link._asked) return acceptable(host, link._asked) ? Command.LeParameterRequestReply : Command.LeParameterRequestNegativeReply;
    if (link._asks && !link._deadlines[Deadline.Update]) {
      setDeadline(host, link, Deadline.Update, Milliseconds.Update);
      // A peripheral's controller needs the procedure of version 4.1 for it; without, the central's host is asked.
      if (supports(host, Supported.LeConnectionUpdate) && (link._central || supports(host, Supported.LeParameterRequestReply))) return Command.LeConnectionUpdate;
      refused(link);
    }
    return link._onrssi || link._checked ? Command.ReadRssi : 0;
  }

  function answer(status: number, bytes: Uint8Array, at: number, length: number): boolean {
    const opcode = host._opcode;
    const link = subject!;
    switch (opcode) {
      case Command.LeReadBufferSize:
      case Command.LeReadBufferSizeV2:
      case Command.ReadBufferSize:
        if (status || length < 3) return false;
        // The shared buffers' answer has the length of synchronous packets between.
        const count = opcode == Command.ReadBufferSize ? get16(bytes, at + 3) : bytes[at + 2];
        host._aclLength = get16(bytes, at);
        const most = limits[Limit.AclPackets] || (host._cyw ? Acl.Cyw43438 : count);
        host._aclFree = most < count ? most : count;
        setup = host._aclLength && count ? Setup.States : Setup.SharedBuffers;
        return opcode != Command.ReadBufferSize || setup == Setup.States;
      case Command.LeReadSupportedStates:
        host._states = status || length < 8 ? null : new Uint8Array(bytes.subarray(at, at + 8));
        welcome(host);
        return true;
      case Command.Disconnect:
        if (!link) return true;
        if (status == Status.UnknownConnection) endLink(host, link, Status.ConnectionTimeout);
        // Disallowed: it is at it already.
        else if (status && status != Status.CommandDisallowed) return false;
        else {
          link._leaving = true;
          setDeadline(host, link, Deadline.Leave, Milliseconds.Disconnect);
        }
        welcome(host);
        return true;
      case Command.LeConnectionUpdate:
        if (status) refused(link);
        return true;
      case Command.ReadRssi:
        // The first answer that is lost: it is asked again.
        if (status < 0 && host._linker!._unanswered) return true;
        // A controller that cannot be asked this is asked to end it.
        if (link._checked! > 1 && (status < 0 || status == Status.UnknownCommand)) leave(link, Status.RemoteUserTerminated, true);
        link._checked = 0;
        if (status == Status.UnknownConnection) {
          endLink(host, link, Status.ConnectionTimeout);
          welcome(host);
        } else heardAt(host, link, status || length < 3 ? 127 : (bytes[at + 2] << 24) >> 24);
        return true;
      default:
        // The peer waits for it: an answer that is lost may mean that the chip has heard of nothing.
        if (status >= 0 || !host._linker!._unanswered) link._asked = null;
        return true;
    }
  }

  host._expired[Deadline.Leave] = function (_host, link) {
    // What is left is not waited for any more; or the disconnection has not come, and is asked for again.
    link._hurried = true;
    link._leaving = false;
    declared(host);
  };
  host._expired[Deadline.Update] = function (_host, link) {
    finishUpdate(host, link, "timeout");
  };
  host._expired[Deadline.Completion] = function (_host, link) {
    // That some were completed may have been lost, or the peer holds them back: nobody can tell. It goes on with what is left; without any it ends.
    // Unless all has been accounted for since.
    if (link._drains && host._aclFree < 1) leave(link, Status.RemoteUserTerminated, true);
    link._drains = false;
    declared(host);
  };

  host._level = 4;
  host._boxes = layBoxes(limits[Limit.Mtu], false);
  host._made.push(function () {
    const count = limits[Limit.Links];
    for (let i = 0; i < count; i++) host._free.push(createBuffers(host));
    addGauge(host, "links", count, count * host._free[0]._in.length);
    addGauge(host, "queue", limits[Limit.Queue] * queued(limits[Limit.Mtu]), count * host._free[0]._out.length);
    addGauge(host, "prepare", limits[Limit.Prepare], count * limits[Limit.Prepare]);
  });
  host._depart = function () {
    if (!host._links.length) return false;
    for (let i = 0; i < host._links.length; i++) leave(host._links[i] as Link, Status.RemoteUserTerminated, true);
    setTimer(host, Slot.Step, Milliseconds.Depart, host._session.finish!);
    declared(host);
    return true;
  };
  host._recheck = function (lost) {
    // It may have ended, and the link that ended it be unknown here.
    if (host._advertiser && host._onconnect) host._advertiser._stopped(true);
    for (let i = 0; i < host._links.length; i++) {
      const link = host._links[i] as Link;
      link._checked = lost ? 2 : 1;
      if (lost && link._inflight) {
        link._drains = true;
        setDeadline(host, link, Deadline.Completion, link._timeout * 10 + 1000);
      }
    }
    declared(host);
  };
  host._acl = receiveAcl;
  host._frame = receiveFrame;
  host._unchanged = function (_host, link) {
    finishUpdate(host, link, "refused");
  };
  host._pump = pump;

  instance.onconnect = function (callback) {
    use(host, "onconnect");
    if (callback) callable("onconnect", "callback", callback);
    if (callback && (host._secure ? host._level > 3 && !host._quick : host._level > 1)) throw failure("security", "onconnect", host._level, "level " + host._level + " is not to be had here: call setsecurity");
    host._onconnect = callback;
    welcome(host);
  };
  instance.setsecurity = function (level) {
    use(host, "setsecurity");
    if (integer("setsecurity", "level", level, 1, 4) == 2) integer("setsecurity", "level", level, 3, 4);
    if (level > 1) throw failure("security", "setsecurity", level, "level " + level + " is not in this build");
    host._level = 1;
  };
  instance.getsecuritycode = function () {
    return 0;
  };

  return (host._linker = {
    _name: "links",
    _next: next,
    _answer: answer,
    _reset: function () {
      while (host._links.length) endLink(host, host._links[0] as Link, Status.ConnectionTimeout, true);
      setup = Setup.Buffers;
      host._aclFree = host._watched = host._stray = 0;
      clearTimer(host, Slot.Deadline);
      allow(host);
    },
  });
}

/** Its limits, for who makes an instance of parts. */
withLimits(
  addLinks,
  // Connections at a time. Whether somebody can connect while another is connected is also the chip's choice: its LE states say so.
  "links 1 1 8 " +
    // The largest ATT MTU: 23 fits one packet of a CYW43438.
    "mtu 23 23 517 " +
    // Notifications of full length that may wait, on each connection.
    "queue 4 1 256 " +
    // Bytes of prepared writes on each connection: each part of a long value takes 6 more.
    "prepare 160 24 8192 " +
    // ACL packets in the controller at a time. 0: as many as it says, but two in a CYW43438, which more may block.
    "aclpackets 0 1 255 " +
    // The longest connection interval and the largest latency that a peer may ask for.
    "maxinterval 4000 8 4000 " +
    "maxlatency 499 0 499",
  Limit.Links,
);
