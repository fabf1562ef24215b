import { get16 } from "../bytes/bytes.js";
import { findLink } from "../hci/acl.js";
import { Command, Event, Packet } from "../hci/codes.js";
import type { Host } from "../host.js";
import type { Link } from "../connection.js";
import { Cid } from "../l2cap/codes.js";
import { Smp } from "./codes.js";

/** Places in packets, indicator first. */
const enum Place {
  /** What a command carries, and what a Command Complete returns behind the status. */
  Parameters = 4,
  Returned = 7,
  /** What an ACL packet carries: an L2CAP frame, the code of a PDU of the Security Manager in it. */
  Data = 5,
  Channel = 7,
  Code = 9,
}

/** How many bytes at the beginning of a packet may be shown; -1: all. */
function shownOf(host: Host, sent: boolean, bytes: Uint8Array, at: number, length: number): number {
  const type = bytes[at];
  const opcode = type == Packet.Command ? get16(bytes, at + 1) : type == Packet.Event && bytes[at + 1] == Event.CommandComplete && length > Place.Returned ? get16(bytes, at + 4) : 0;
  if (opcode == Command.LeEncrypt || (opcode == Command.LeRand && type == Packet.Event)) return type == Packet.Command ? Place.Parameters : Place.Returned;
  if (type == Packet.Command && (opcode == Command.LeEnableEncryption || opcode == Command.LeLongTermKeyReply)) return length - 16;
  if (type != Packet.Acl) return -1;
  const link = findLink(host, get16(bytes, at + 1)) as Link | undefined;
  const way = sent ? 1 : 2;
  // Keys may come on a connection of which nothing is known any more, or is not yet.
  if (!link) return Place.Data;
  const hidden = link._hidden || 0;
  // The rest of a frame is as secret as its beginning; where that has been lost it may be.
  if ((bytes[at + 2] & 0x30) == 0x10) return hidden & way || (!sent && !link._inUsed) ? Place.Data : -1;
  const code = length > Place.Code ? bytes[at + Place.Code] : 0;
  let shown = -1;
  link._hidden = hidden & ~way;
  if (length > Place.Channel + 1 && get16(bytes, at + Place.Channel) != Cid.Smp) return -1;
  if (!code || code == Smp.EncryptionInformation || code == Smp.IdentityInformation || code == Smp.SigningInformation || (code == Smp.PairingRandom && link._secretive)) shown = code ? Place.Code + 1 : length;
  if (shown >= 0) link._hidden |= way;
  return shown;
}

/**
 * Makes what hides secrets in packets that are shown: keys, what is encrypted with them, random values that become keys, and, while a passkey is in use,
 * those by which it could be found.
 */
export function maskSecrets(host: Host): (sent: boolean, bytes: Uint8Array, at: number, length: number) => Uint8Array | null {
  return function (sent, bytes, at, length) {
    const shown = shownOf(host, sent, bytes, at, length);
    if (shown < 0) return null;
    const copy = new Uint8Array(bytes.subarray(at, at + length));
    for (let i = shown; i < length; i++) copy[i] = 0;
    return copy;
  };
}
