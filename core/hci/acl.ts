import { get16 } from "../bytes/bytes.js";
import { Counter } from "../counters.js";
import { Packet } from "./codes.js";
import type { Commands } from "./commands.js";
import { sendPacket } from "./h4.js";
import { gauge } from "../memory.js";

/** What a link has to send, in the order of priority: a place for one frame each, and a queue. */
export const enum Box {
  /** Signalling and the Security Manager. */
  Control,
  /** The answer to a request of the peer. */
  Reply,
  /** Our own request. */
  Request,
  /** Values that are notified. */
  Queue,
}

const enum Size {
  /** Room before a frame for the header of its first fragment: indicator, handle, length. Those of later fragments overwrite what has gone. */
  Header = 5,
  /** L2CAP: length and channel. */
  Frame = 4,
  /** The longest of signalling and Security Manager PDUs: a public key. */
  Control = 65,
}

/** A link as far as ACL data goes. */
export interface AclLink {
  /** Its connection handle. */
  readonly _handle: number;
  /** Packets that the controller has and has not reported as completed. */
  _inflight: number;
  /** A frame of which more is to come: how much of it there is. */
  _in: Uint8Array;
  _inUsed: number;
  /** Boxes and queue, each frame behind room for a header; payload lengths of the boxes, 0 empty, counted with the frame's header. */
  _out: Uint8Array;
  readonly _lengths: number[];
  /** The queue, from its start to the end of `_out`: what lies from head to tail; where it goes on at the start, the end of its first part. */
  _head: number;
  _tail: number;
  _wrap: number;
  /** How many frames are in the queue; how many of them have still to leave before the one that somebody waits for has. */
  _frames: number;
  _awaited?: number;
  /** The frame on its way out: its box, where it goes on, how much is left. */
  _box: number;
  _at: number;
  _left: number;
  /** It is to be disconnected, with this reason, and the controller knows. */
  _reason?: number;
  _leaving?: boolean;
  /** The last frame was none of the queue. */
  _turned?: boolean;
  /** It waits for nothing any more. */
  _hurried?: boolean;
  /** Nothing is sent before all that is in flight is accounted for. */
  _drains?: boolean;
}

/** The ACL half of HCI, Vol 4 Part E sections 4.1 and 5.4.2. */
export interface Acl extends Commands {
  readonly _links: AclLink[];
  /** Where each box, and the queue, begins. */
  _boxes: number[];
  /** The controller's buffers: bytes of each, and how many are free. */
  _aclLength: number;
  _aclFree: number;
  /** The link that was served last. */
  _turn: number;
  /** An L2CAP frame has come in. Offsets hold until the call returns. */
  _frame: (host: any, link: any, cid: number, bytes: Uint8Array, at: number, length: number) => void;
  /** Something waits for room in a box or a queue; a frame has left one. */
  _crowded?: boolean;
  _drained?: (host: any) => void;
  /** A frame has left the queue of a link in which one is waited for. */
  _departed?: (host: any, link: any) => void;
  /** Wakes a chip that sleeps; true while it does. */
  _rouse?: () => boolean;
  /** What made the supervisor doubt that the chip is there. */
  _doubt?: string;
  /** Nobody wants to send a command. */
  _idle?: boolean;
  /** Data have come for this handle, which is none: the beginning of a connection has been lost. 0: for none. */
  _stray?: number;
}

/** Where the boxes begin for frames of ATT PDUs up to `mtu` bytes; with `client` there is one for requests. */
export function layBoxes(mtu: number, client: boolean): number[] {
  const reply = Size.Header + Size.Frame + Size.Control;
  const request = reply + Size.Header + Size.Frame + mtu;
  return [0, reply, request, client ? request + request - reply : request];
}

/** Bytes that one notification of up to `mtu` bytes takes in the queue. */
export function queued(mtu: number): number {
  return Size.Header + Size.Frame + mtu;
}

/** Where the payload of a box is to be built; -1 where the last one is still there. */
export function openBox(acl: Acl, link: AclLink, box: Box): number {
  return link._lengths[box] ? -1 : acl._boxes[box] + Size.Header + Size.Frame;
}

function putFrame(out: Uint8Array, at: number, cid: number, length: number): void {
  out[at] = length;
  out[at + 1] = length >> 8;
  out[at + 2] = cid;
  out[at + 3] = cid >> 8;
}

/** What has been built in a box is to be sent. */
export function post(acl: Acl, link: AclLink, box: Box, cid: number, length: number): void {
  putFrame(link._out, acl._boxes[box] + Size.Header, cid, length);
  link._lengths[box] = Size.Frame + length;
}

/**
 * Puts a frame into the queue; its payload is to be built at once.
 * @returns where; -1 where there is no room
 */
export function enqueue(acl: Acl, link: AclLink, cid: number, length: number): number {
  const start = acl._boxes[Box.Queue];
  const size = queued(length);
  const out = link._out;
  let at = link._tail;
  if (link._wrap) {
    if (at + size > link._head) return -1;
  } else if (at + size > out.length) {
    if (start + size > link._head) return -1;
    link._wrap = at;
    at = start;
  }
  link._tail = at + size;
  link._frames++;
  gauge(acl, "queue", link._wrap ? link._wrap - link._head + link._tail - start : link._tail - link._head);
  putFrame(out, at + Size.Header, cid, length);
  return at + Size.Header + Size.Frame;
}

/** Whether the queue has room for a frame with `length` bytes of payload. */
export function hasRoom(acl: Acl, link: AclLink, length: number): boolean {
  const size = queued(length);
  if (link._wrap) return link._tail + size <= link._head;
  return link._tail + size <= link._out.length || acl._boxes[Box.Queue] + size <= link._head;
}

/** Whether nothing is on its way out, here or in the controller. */
export function isDrained(link: AclLink): boolean {
  return !link._inflight && !link._left && !link._wrap && link._head == link._tail && !link._lengths[Box.Reply];
}

function nextFrame(acl: Acl, link: AclLink): boolean {
  let at = 0;
  // A peer that asks without a pause gets its notifications as well.
  const waits = link._head != link._tail || link._wrap > 0;
  link._box = link._turned && waits ? Box.Queue : 0;
  while (link._box < Box.Queue && !link._lengths[link._box]) link._box++;
  link._turned = link._box < Box.Queue;
  if (link._box < Box.Queue) at = acl._boxes[link._box];
  else {
    if (link._head == link._wrap) {
      link._head = acl._boxes[Box.Queue];
      link._wrap = 0;
    }
    if (!link._wrap && link._head == link._tail) return false;
    at = link._head;
  }
  link._at = at + Size.Header;
  link._left = Size.Frame + get16(link._out, link._at);
  return true;
}

function sendFragment(acl: Acl, link: AclLink): void {
  const out = link._out;
  const at = link._at;
  const count = link._left < acl._aclLength ? link._left : acl._aclLength;
  const first = at == (link._box < Box.Queue ? acl._boxes[link._box] : link._head) + Size.Header;
  out[at - 5] = Packet.Acl;
  out[at - 4] = link._handle;
  // Packet boundary flag: 0 begins a frame, 1 goes on with it.
  out[at - 3] = (link._handle >> 8) | (first ? 0 : 0x10);
  out[at - 2] = count;
  out[at - 1] = count >> 8;
  link._at += count;
  link._left -= count;
  link._inflight++;
  acl._aclFree--;
  if (!link._left) {
    if (link._box < Box.Queue) {
      link._lengths[link._box] = 0;
      // Who has more for this box may send it; who waits for the last answer may go.
      if (!link._box || link._reason) acl._idle = false;
    } else {
      link._head = link._at;
      link._frames--;
      if (link._awaited) acl._departed!(acl, link);
      if (!link._wrap && link._head == link._tail) link._head = link._tail = acl._boxes[Box.Queue];
    }
  }
  sendPacket(acl, out, at - Size.Header, count + Size.Header);
  if (!link._left && acl._crowded) acl._drained!(acl);
}

/** Sends what there is to send and the controller has buffers for, a packet of each link in turn. */
export function pump(acl: Acl): void {
  const links = acl._links;
  for (let idle = 0; idle < links.length && acl._baud; idle++) {
    acl._turn = (acl._turn + 1) % links.length;
    const link = links[acl._turn];
    if (link._drains && !link._inflight) link._drains = false;
    // Beside another link none takes the last buffer that is free, unless it has none yet.
    if (!link._leaving && !link._drains && acl._aclFree > (link._inflight && links.length > 1 ? 1 : 0) && (link._left || nextFrame(acl, link))) {
      if (acl._rouse && acl._rouse()) return;
      sendFragment(acl, link);
      idle = -1;
    }
  }
}

/** Number Of Completed Packets, section 7.7.19: buffers are free again. */
export function takeCompleted(acl: Acl, bytes: Uint8Array, at: number, length: number): void {
  let left = bytes[at];
  if (length != 1 + 4 * left) acl._counters[Counter.Malformed]++;
  for (let i = at + 1; left > 0 && i + 4 <= at + length; i += 4, left--) {
    const link = findLink(acl, get16(bytes, i));
    let count = get16(bytes, i + 2);
    if (!link || count > link._inflight) {
      acl._counters[link ? Counter.Malformed : Counter.Unknown]++;
      count = link ? link._inflight : 0;
    }
    if (link) link._inflight -= count;
    acl._aclFree += count;
  }
}

/** The link of a connection handle, or nothing. */
export function findLink(acl: Acl, handle: number): AclLink | undefined {
  for (let i = 0; i < acl._links.length; i++) if (acl._links[i]._handle == (handle & 0xfff)) return acl._links[i];
  return undefined;
}

/** Takes an ACL packet, `length` bytes that begin with the handle; hands on the frame that it completes. */
export function receiveAcl(acl: Acl, bytes: Uint8Array, at: number, length: number): void {
  const link = findLink(acl, get16(bytes, at));
  const begins = (bytes[at + 1] & 0x30) != 0x10;
  at += 4;
  length -= 4;
  // Out of step it may be a part of somebody's advert.
  if (!link || link._reason || acl._doubt == "sync") {
    acl._counters[Counter.Unknown]++;
    if (!link) {
      acl._stray = get16(bytes, at - 4) | 0xf000;
      acl._idle = false;
    }
    return;
  }
  // The one before was never finished; or this is the rest of one that nobody has begun, or that was dropped.
  if (begins ? link._inUsed : !link._inUsed) acl._counters[Counter.Malformed]++;
  if (begins) {
    link._inUsed = 0;
    if (length >= Size.Frame && get16(bytes, at) == length - Size.Frame) return acl._frame(acl, link, get16(bytes, at + 2), bytes, at + Size.Frame, length - Size.Frame);
  } else if (!link._inUsed) return;
  const frame = link._in;
  const used = link._inUsed + length;
  if (used <= frame.length) {
    for (let i = 0; i < length; i++) frame[link._inUsed + i] = bytes[at + i];
    link._inUsed = used;
    if (used < Size.Frame || used < get16(frame, 0) + Size.Frame) return;
  }
  link._inUsed = 0;
  if (used > frame.length || used > get16(frame, 0) + Size.Frame) acl._counters[Counter.Malformed]++;
  else acl._frame(acl, link, get16(frame, 2), frame, Size.Frame, used - Size.Frame);
}
