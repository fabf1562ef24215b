/** A change: the file, a piece of its text that stands there once, and what becomes of it. */
export interface Change {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A defect that is put in on purpose. */
export interface Mutant extends Change {
  readonly name: string;
  /** Where the stack makes sure in two places, the second. */
  readonly also?: Change;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: "a command goes out while another has no answer",
    file: "core/host.ts",
    from: "while (!host._pending && host._credits > 0",
    to: "while (host._credits >= 0",
  },
  { name: "credits of commands are not heeded", file: "core/hci/commands.ts", from: "commands._credits = bytes[at + skip];", to: "commands._credits = 1;" },
  { name: "buffers of a link that ends are lost", file: "core/gap/links.ts", from: "host._aclFree += link._inflight;", to: "" },
  { name: "more packets are said to be completed than there were", file: "core/hci/acl.ts", from: "count = link ? link._inflight : 0;", to: "" },
  { name: "a link's memory is not given back", file: "core/gap/links.ts", from: "if (link._buffers) host._free.push(link._buffers);", to: "" },
  { name: "requests are answered before the level is reached", file: "core/smp/security.ts", from: "if (host._level < 2) admit(host, link);\n    else request(link);", to: "if (host._level > 1) request(link);\n    link._served = true;" },
  { name: "raising the level leaves links as they are", file: "core/smp/security.ts", from: "if (isLive(link) && link._security < level) request(link);", to: "if (false) request(link);" },
  {
    name: "Just Works does for every level",
    file: "core/smp/pairing.ts",
    from: "if (needed > 1 && pairing._method == Method.JustWorks)",
    to: "if (needed > 9 && pairing._method == Method.JustWorks)",
    also: { file: "core/smp/security.ts", from: "return pairing._method == Method.JustWorks ? 1 :", to: "return pairing._method == Method.JustWorks ? 4 :" },
  },
  { name: "encryption that failed counts", file: "core/smp/security.ts", from: "if (status || !on || !key) {", to: "if (!key) {" },
  { name: "an exception of a handler is not caught", file: "core/host.ts", from: "host._counters[Counter.Exceptions]++;\n    if (host._phase) report(host, e as Error);", to: "throw e;" },
  { name: "a timer is left after close()", file: "core/chip/supervisor.ts", from: "if (slot != Slot.Later) clearTimer(host, slot);", to: "if (slot != Slot.Later && slot != Slot.Health) clearTimer(host, slot);" },
  { name: "the advert does not come back after a link", file: "core/gap/links.ts", from: "if (link) endLink(host, link, bytes[at + 3]);", to: "if (link) { endLink(host, link, bytes[at + 3]); return; }" },
  { name: "the advert does not come back after a restart of the chip", file: "core/gap/advertiser.ts", from: "enabled = dataSet = responseSet = doubtful = false;\n    parameters = -1;", to: "parameters = -1;" },
  { name: "onclose comes for what the application has closed", file: "core/gap/links.ts", from: "if (link._closed || !link._onclose) return;", to: "if (!link._onclose) return;" },
  { name: "nobody notices a chip that is silent", file: "core/chip/supervisor.ts", from: "if (host._quiet > 3 || host._unasked! > Looks.Unasked) doubt(host, \"silent\");", to: "" },
  { name: "a lost answer is waited for for ever", file: "core/hci/commands.ts", from: "setTimer(commands, Slot.Command, limit, expire);", to: "" },
  { name: "a value is notified twice", file: "core/hci/acl.ts", from: "link._head = link._at;\n", to: "" },
  { name: "callbacks that wait are forgotten with the link", file: "core/gap/links.ts", from: "heardAt(host, link, 127);\n  const tell", to: "const tell" },
  { name: "a key is kept before the pairing has succeeded", file: "core/smp/security.ts", from: "pairing._bond = bond;\n", to: "pairing._bond = bond; if (bond) keepBond(host, link, bond);\n" },
  // What the simulation has found itself.
  { name: "found: timers after the end", file: "core/smp/security.ts", from: "if (limits[Limit.RotateCode] && host._phase && !host._leaving)", to: "if (limits[Limit.RotateCode] && !host._leaving)" },
  { name: "found: what a role wants of an earlier one waits", file: "core/host.ts", from: "  return 0;\n}\n\nfunction answered", to: "  host._idle = true;\n  return 0;\n}\n\nfunction answered" },
  { name: "found: a connection wanted of a chip that never comes", file: "core/gap/initiator.ts", from: "if (address && (ending || !host._phase))", to: "if (address && ending)" },
  { name: "found: a connection that nobody knows of stays", file: "core/hci/acl.ts", from: "acl._stray = get16(bytes, at - 4) | 0xf000;", to: "" },
  { name: "found: what the chip says before a Reset is done is believed", file: "core/host.ts", from: "|| (host._phase != Phase.Ready && code != Event.HardwareError)", to: "" },
  { name: "found: random bytes said twice end all pairings", file: "core/crypto/provider.ts", from: "if (!isGood(job)) return false;", to: "if (!isGood(job)) return !!host._jobs.splice(0, 1);" },
];
