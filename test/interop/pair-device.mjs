#!/usr/bin/env node
/**
 * pair-device.mjs: the device of the pairing checks, for host-pair.sh of the tools. Its environment: H4_UNIX, the socket of its controller; DUT_CONFIG, a
 * JSON file that describes it; DUT_STATE, a folder in which its bonds outlive it. DUT_LEVEL: the least security of a connection, 4 by default; where
 * it is 1 only the characteristics that the file protects need more, and the device leaves it to the phone to begin. DUT_TRACE: a btsnoop file of all that
 * passes, keys left out. Prints a JSON object a line: {"ev": "ready"}, {"ev": "passkey", "value": N} where a user is to be shown it, and what else happens.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./air.mjs";
import { SnoopFile } from "./h4.mjs";

const { H4_UNIX, DUT_CONFIG, DUT_STATE, DUT_TRACE, DUT_LEVEL = "4" } = process.env;
const library = process.env.LIBRARY ?? join(ROOT, "dist/node/esm/blimp.js");
const { createNodeHal, open } = await import(pathToFileURL(library).href);
const config = JSON.parse(readFileSync(DUT_CONFIG, "utf8"));
const level = Number(DUT_LEVEL);

/** Bits of a characteristic's properties. */
const PROPERTIES = { read: 0x02, write: 0x08, notify: 0x10 };

function say(ev, values = {}) {
  process.stdout.write(`${JSON.stringify({ ev, ...values })}\n`);
}

/** A store in a file: whole at every moment. */
function fileStore(path) {
  return {
    load() {
      try {
        return new Uint8Array(readFileSync(path));
      } catch {
        return null;
      }
    },
    save(bytes) {
      writeFileSync(`${path}.part`, bytes);
      renameSync(`${path}.part`, path);
      return true;
    },
  };
}

function declare({ uuid, properties, value, read, write }) {
  const needed = [read, write].includes("authenticated") ? 3 : 1;
  let now = Buffer.from(value, "hex");
  return {
    uuid,
    level: needed,
    flags: properties.reduce((flags, name) => flags | PROPERTIES[name], 0),
    read(connection) {
      say("read", { uuid, security: connection.security() });
      return now;
    },
    write: properties.includes("write")
      ? (connection, taken) => {
          now = Buffer.from(taken);
        }
      : undefined,
  };
}

const bt = open(createNodeHal(`unix:${H4_UNIX}`), null, {
  mac: config.address.value,
  name: config.name,
  mtu: config.mtu,
  store: fileStore(join(DUT_STATE, "bonds")),
  onready: () => say("ready", { address: bt.address(), bonds: bt.bonds() }),
  onerror: (error) => say("error", { text: error.message }),
  onwarning: (warning) => say("warning", { text: warning.message }),
  onpairing(connection, state) {
    if (state === "passkey") say("passkey", { value: bt.getsecuritycode() });
    else say(state, { security: connection ? connection.security() : undefined });
  },
});
if (DUT_TRACE) {
  const file = new SnoopFile(DUT_TRACE);
  bt.trace((sent, packet, at, length) => file.add(sent, Buffer.from(packet.subarray(at, at + length))));
}
bt.setsecurity(level, config.security.passkey);
bt.servegatt(config.services.map(({ uuid, chars }) => ({ uuid, chars: chars.map(declare) })));
bt.onconnect((connection) => {
  say("connect", { address: connection.address(), addresstype: connection.addresstype(), security: connection.security() });
  connection.onclose((reason) => say("close", { reason }));
});
bt.startadvertise(Buffer.from(config.advert, "hex"), config.intervalMs, config.intervalMs, Buffer.from(config.scanResponse, "hex"));

process.on("SIGTERM", () => {
  bt.close();
  process.exit(0);
});
