import type { EventTable, Host, Row } from "../host.js";
import { Command, Event, Supported } from "./codes.js";
import { put16, put8 } from "./commands.js";

/** Adds a mask of 8 octets with the bits of the events that the table has rows for (Vol 4 Part E sections 7.3.1 and 7.8.1). */
function putMask(host: Host, table: EventTable): void {
  for (let code = 1; code < 65; ) {
    let bits = 0;
    do {
      // The bits of Command Complete, Command Status and Number Of Completed Packets are reserved: these cannot be masked.
      if (table[code] && code != Event.CommandComplete && code != Event.CommandStatus && code != Event.NumberOfCompletedPackets) bits |= 1 << ((code - 1) & 7);
    } while (code++ & 7);
    put8(host, bits);
  }
}

/** The commands that every controller and every build begins with. */
export const SETUP: Row[] = [
  {
    _step: "setup",
    _opcode: Command.ReadSupportedCommands,
    _take: function (host, bytes, at, length) {
      for (let i = 0; i < 64; i++) host._chip._commands[i] = i < length ? bytes[at + i] : 0;
      return true;
    },
  },
  {
    _opcode: Command.ReadLocalName,
    _bit: Supported.ReadLocalName,
    _take: function (host, bytes, at, length) {
      let name = "";
      for (let i = 0; i < length && bytes[at + i]; i++) name += String.fromCharCode(bytes[at + i]);
      host._chip._name = name;
      return true;
    },
  },
  {
    // A dual-mode controller keeps its LE half off without it.
    _opcode: Command.WriteLeHostSupport,
    _bit: Supported.WriteLeHostSupport,
    _build: function (host) {
      put16(host, 1);
    },
  },
  {
    _opcode: Command.SetEventMask,
    _build: function (host) {
      putMask(host, host._events);
    },
  },
  {
    _opcode: Command.LeSetEventMask,
    _build: function (host) {
      putMask(host, host._leEvents);
    },
  },
];
