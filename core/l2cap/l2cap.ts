import { get16 } from "../bytes/bytes.js";
import type { Link } from "../connection.js";
import { Counter } from "../counters.js";
import { Box, openBox, post } from "../hci/acl.js";
import type { Host } from "../host.js";
import { Reason, Smp } from "../smp/codes.js";
import { Cid, Reject, Signal } from "./codes.js";

/** Sends a signalling packet with values of 16 bits; false where the one before still waits. */
export function signal(host: Host, link: Link, code: number, identifier: number, values: number[]): boolean {
  let at = openBox(host, link, Box.Control);
  const out = link._out;
  if (at < 0) return false;
  post(host, link, Box.Control, Cid.Signalling, 4 + 2 * values.length);
  out[at++] = code;
  out[at++] = identifier;
  out[at++] = 2 * values.length;
  out[at++] = 0;
  for (let i = 0; i < values.length; i++) {
    out[at++] = values[i];
    out[at++] = values[i] >> 8;
  }
  return true;
}

/** Asks the central's host for other parameters, Vol 3 Part A section 4.20; false where that cannot be sent now. */
export function requestParameters(host: Host, link: Link): boolean {
  link._identifier = ((link._identifier || 0) % 255) + 1;
  return signal(host, link, Signal.ParameterRequest, link._identifier, link._asks!);
}

function isAnswer(code: number): boolean {
  return ((code & 1) > 0 && code <= Signal.LastOddResponse) || code == Signal.CreditResponse || code == Signal.ReconfigureResponse;
}

/** The LE signalling channel, Vol 3 Part A section 4: one command a packet. What is not known here is rejected; answers are never answered. */
function takeSignal(host: Host, link: Link, bytes: Uint8Array, at: number, length: number): void {
  const code = bytes[at];
  const identifier = bytes[at + 1];
  const fits = length >= 4 && get16(bytes, at + 2) == length - 4;
  let counter = Counter.Ignored;
  if (length < 4 || !identifier) counter = Counter.Malformed;
  else if (code == Signal.Reject || code == Signal.ParameterResponse) {
    if (fits && link._signalled && identifier == link._identifier && length >= 6) {
      // Where it accepts, the change itself follows.
      if (code == Signal.Reject || get16(bytes, at + 4)) host._unchanged(host, link);
      return;
    }
  } else if (isAnswer(code)) {
    // Answers are never answered, whatever is wrong with them.
  } else if (length > Signal.Mtu) {
    if (signal(host, link, Signal.Reject, identifier, [Reject.TooLong, Signal.Mtu])) return;
  } else if (code == Signal.ParameterRequest && fits && length == 12 && link._central && host._asks) {
    const values = [get16(bytes, at + 4), get16(bytes, at + 6), get16(bytes, at + 8), get16(bytes, at + 10)];
    if (signal(host, link, Signal.ParameterResponse, identifier, [host._asks(link, values) ? 0 : 1])) return;
  } else if (signal(host, link, Signal.Reject, identifier, [Reject.NotUnderstood])) return;
  host._counters[counter]++;
}

/** Hands on an L2CAP frame by its channel, Vol 3 Part A section 2.1; those of unknown channels are dropped. */
export function receiveFrame(host: Host, link: Link, cid: number, bytes: Uint8Array, at: number, length: number): void {
  if (cid == Cid.Att && host._att) host._att(host, link, bytes, at, length);
  else if (cid == Cid.Signalling) takeSignal(host, link, bytes, at, length);
  else if (cid == Cid.Smp && host._smp) host._smp(host, link, bytes, at, length);
  else if (cid == Cid.Smp && length && (bytes[at] == Smp.PairingRequest || bytes[at] > Smp.KeypressNotification)) {
    // Without the part there is no pairing: not supported; or a code that nobody knows.
    const to = openBox(host, link, Box.Control);
    if (to < 0) return;
    link._out[to] = Smp.PairingFailed;
    link._out[to + 1] = bytes[at] > Smp.KeypressNotification ? Reason.CommandNotSupported : Reason.PairingNotSupported;
    post(host, link, Box.Control, Cid.Smp, 2);
  } else host._counters[Counter.Ignored]++;
}
