import { get16 } from "../bytes/bytes.js";
import { shortUuid } from "../bytes/uuid.js";
import { Att, AttError } from "../att/codes.js";
import { answerError } from "../att/server.js";
import type { Link } from "../connection.js";
import { Counter } from "../counters.js";
import { cmac } from "../crypto/provider.js";
import type { Host } from "../host.js";
import { Property, Type } from "./codes.js";
import { Word, wordOf } from "./database.js";

/** What a client with robust caching knows of the services, Vol 3 Part G section 2.5.2.1. */
const enum Awareness {
  Aware,
  /** They have changed, and nothing has told it so. */
  Unaware,
  /** It has been told by an error, or by the hash: with its next request it is aware. */
  Told,
}

const enum Feature {
  /** Robust caching, the first bit of Client Supported Features. */
  RobustCaching = 1,
}

/** The octets over which the Database Hash goes, section 7.3.1: handle, type and value of declarations, handle and type of descriptors. */
function describe(host: Host): Uint8Array {
  const database = host._database;
  let message: Uint8Array | null = null;
  let length = 0;
  function add(byte: number): void {
    if (message) message[length] = byte;
    length++;
  }
  for (let pass = 0; pass < 2; pass++) {
    length = 0;
    for (let handle = 1; handle <= database._count; handle++) {
      const type = wordOf(database, handle, Word.Type);
      const from = wordOf(database, handle, Word.Offset);
      const valued = (type >= Type.PrimaryService && type <= Type.Characteristic) || type == Type.ExtendedProperties;
      if (!valued && !(type >= Type.UserDescription && type <= Type.AggregateFormat)) continue;
      add(handle);
      add(handle >> 8);
      add(type);
      add(type >> 8);
      for (let i = 0; valued && i < wordOf(database, handle, Word.Length); i++) add(database._bytes[from + i]);
    }
    if (!message) message = new Uint8Array(length);
  }
  return message!;
}

/**
 * Adds robust caching to the GATT server: the Database Hash and the Client Supported Features, and the error 0x12 for clients that use handles of a
 * table that is gone. Needs the crypto part.
 */
export function addCaching(host: Host): void {
  let round = 0;
  let begun = false;
  let waiting: ((value: Uint8Array) => void)[] = [];

  /** The table is another one; its hash is made when somebody may ask for it. */
  function rehash(): void {
    round++;
    host._hash = null;
    begun = false;
    if (host._links.length) compute();
  }

  function compute(): void {
    const mine = round;
    if (begun) return;
    begun = true;
    cmac(host, null, new Uint8Array(16), describe(host), function (mac) {
      // Another table may have come meanwhile.
      if (mine != round) return;
      const replies = waiting;
      waiting = [];
      const hash = new Uint8Array(16);
      for (let i = 0; i < 16; i++) hash[i] = mac[15 - i];
      host._hash = hash;
      for (let i = 0; i < replies.length; i++) replies[i](hash);
    });
  }

  /** Whether a request is for handles that the client may have from another table. */
  function isAtHandles(bytes: Uint8Array, at: number, length: number): boolean {
    const opcode = bytes[at];
    if (opcode == Att.ReadByType) {
      const type = shortUuid(bytes, at + 5, length - 5);
      return type != Type.Include && type != Type.Characteristic && (get16(bytes, at + 1) != 1 || get16(bytes, at + 3) != 0xffff);
    }
    return (opcode >= Att.Read && opcode <= Att.ReadMultiple) || opcode == Att.Write || opcode == Att.PrepareWrite || opcode == Att.ReadMultipleVariable;
  }

  host._ownChars.push(
    {
      uuid: Type.ClientSupportedFeatures,
      flags: Property.Read | Property.Write,
      read: function (connection) {
        return [(connection as Link)._features || 0];
      },
      write: function (connection, value) {
        const link = connection as Link;
        if (!value.length) return AttError.InvalidValueLength;
        // What a client has said that it can it cannot take back.
        if ((link._features || 0) & ~value[0]) return AttError.ValueNotAllowed;
        link._features = value[0];
        return 0;
      },
    },
    {
      uuid: Type.DatabaseHash,
      flags: Property.Read,
      read: function (_connection, reply) {
        if (host._hash) return host._hash;
        compute();
        waiting.push(reply);
        return host._deferral;
      },
    },
  );
  host._rehash = rehash;
  host._beginners.push(compute);
  host._changes.push(function (_host, link) {
    if (link._features! & Feature.RobustCaching) link._awareness = Awareness.Unaware;
  });
  host._unaware = function (link) {
    return link._awareness! > Awareness.Aware;
  };
  host._indicated = function (link, handle, confirmed) {
    if (confirmed && handle == host._changedHandle && !link._changed) link._awareness = Awareness.Aware;
  };
  host._askers.push(function (link, bytes, at, length) {
    const opcode = bytes[at];
    if (!link._awareness || opcode & 1 || opcode == Att.Confirmation) return false;
    if (opcode & Att.Command) {
      host._counters[Counter.Ignored]++;
      return true;
    }
    if (link._awareness == Awareness.Told) link._awareness = Awareness.Aware;
    else if (length > 2 && isAtHandles(bytes, at, length)) {
      link._awareness = Awareness.Told;
      answerError(host, link, opcode, get16(bytes, at + 1), AttError.DatabaseOutOfSync);
      return true;
    } else if (opcode == Att.ReadByType && shortUuid(bytes, at + 5, length - 5) == Type.DatabaseHash) link._awareness = Awareness.Told;
    return false;
  });
}
