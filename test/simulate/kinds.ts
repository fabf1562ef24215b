/** Every kind of fault that a run may have, and what it does. */
export const KINDS = {
  // The wire.
  lose: "a byte on the wire is lost",
  double: "a byte on the wire comes twice",
  flip: "a bit of a byte on the wire is flipped",
  noise: "bytes that nobody sent come out of the chip",
  delay: "the wire holds its bytes back for a while",
  // What the chip says.
  truncate: "an event is cut short; its length says so",
  falsify: "a byte of an event is another one",
  counts: "a wrong count of commands, of completed packets or of reports",
  statuses: "a wrong status in an event, or a command refused",
  twice: "an event or an ACL packet comes twice",
  unsaid: "an event or an ACL packet does not come",
  // What the chip does.
  unanswered: "a command is forgotten",
  late: "a command is answered late",
  restart: "the chip starts anew, from ROM",
  hang: "the chip stops",
  hardware: "the chip says Hardware Error",
  // The air.
  fade: "packets on the air are lost",
  vanish: "a peer goes without a word, at any step",
  leave: "a peer ends the connection, at any step",
  busy: "a peer takes no data for a while",
  pdus: "a peer sends any PDU at any time",
  pairing: "a peer departs from the pairing: other PDUs, other values, none",
  // The application.
  throws: "a callback throws",
  blocks: "a callback takes 0.1, 1 or 10 s",
  slow: "an answer comes later, late, or not at all",
  flood: "more is notified than there is room for",
  inside: "a callback calls something",
  reopen: "the instance is closed and opened again at once",
  store: "the store keeps nothing",
} as const;

export type Kind = keyof typeof KINDS;

/** Bytes may be other than they were sent: what is then said on the air proves nothing. */
export const CORRUPTING: readonly Kind[] = ["lose", "double", "flip", "noise", "truncate", "falsify", "counts", "statuses", "twice", "unsaid"];

export function isKind(word: string): word is Kind {
  return word in KINDS;
}

/** How often each kind has happened. */
export type Counts = { [kind in Kind]?: number };
