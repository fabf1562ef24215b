#!/usr/bin/env node
/**
 * gatt-device.mjs SOCKET TRACE: the device of the GATT checks, on the controller at a unix socket. It serves Device Information, the guide's Wi-Fi
 * refresh service, and a service of its own with a characteristic for each thing that a phone may do. One JSON object a line tells what the application
 * sees; TRACE is a btsnoop file of all that passes. Lines on its standard input are what the application does:
 *
 *     notify HEX, indicate HEX    to who has subscribed
 *     burst N                     N notifications of 100 bytes as fast as they find room: the number (16 bits, least significant first), then filling
 *     close ADDRESS               ends the connection with that peer
 *     parameters                  asks everybody for an interval of 30 to 50 ms, a latency of 2, a timeout of 3 s
 *     extend                      serves one service more
 *     counters                    tells them
 *     end                         closes the stack, and ends
 */
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { ROOT } from "./air.mjs";
import { SnoopFile } from "./h4.mjs";
import { LONG, MTU, UUIDS } from "./gatt.mjs";

const [socket, trace] = process.argv.slice(2);
const library = process.env.LIBRARY ?? join(ROOT, "dist/node/esm/blimp.js");
const { createNodeHal, open } = await import(pathToFileURL(library).href);

/** How long a read that is answered later takes, ms. */
const SLOW = 30;

function say(event, values = {}) {
  process.stdout.write(`${JSON.stringify({ event, ...values })}\n`);
}

function hex(value) {
  return Buffer.from(value).toString("hex");
}

const connections = new Set();
let echoed = "";
let credentials = null;

/** A write handler that tells what it has been given, and does what is to be done. */
function takes(name, action = () => {}) {
  return (connection, value) => {
    say("write", { name, address: connection.address(), value: hex(value) });
    return action(value, connection);
  };
}

function reads(name, value) {
  return (connection, reply) => {
    say("read", { name, address: connection.address() });
    return value(reply);
  };
}

function follows(name) {
  return (connection, on) => say("subscribe", { name, address: connection.address(), on });
}

const services = [
  {
    uuid: 0x180a,
    chars: [
      { uuid: 0x2a29, value: "Electric Imp" },
      { uuid: 0x2a25, value: LONG },
      { uuid: 0x2a26, read: reads("revision", () => LONG.split("").reverse().join("")) },
      // Nothing but emptiness.
      { uuid: 0x2a24, value: "" },
    ],
  },
  {
    uuid: UUIDS.wifi,
    chars: [
      {
        uuid: UUIDS.ssid,
        write: takes("ssid", (value) => {
          credentials = { ...credentials, ssid: hex(value) };
        }),
      },
      {
        uuid: UUIDS.password,
        write: takes("password", (value) => {
          credentials = { ...credentials, password: hex(value) };
        }),
      },
      {
        uuid: UUIDS.trigger,
        write: takes("trigger", () => {
          if (credentials) say("refresh", credentials);
          credentials = null;
        }),
      },
    ],
  },
  {
    uuid: UUIDS.trial,
    chars: [
      {
        uuid: UUIDS.echo,
        flags: 0x02 | 0x04 | 0x08,
        read: reads("echo", () => echoed),
        write: takes("echo", (value) => {
          echoed = value;
        }),
      },
      {
        uuid: UUIDS.notifier,
        flags: 0x02 | 0x10,
        read: reads("notifier", (reply) => {
          setTimeout(() => reply("later"), SLOW);
          return bt.LATER;
        }),
        subscribe: follows("notifier"),
        descriptors: [{ uuid: 0x2901, value: "what is told" }],
      },
      { uuid: UUIDS.indicator, flags: 0x20, subscribe: follows("indicator") },
      // No connection here gets that far.
      { uuid: UUIDS.locked, value: "secret", level: 4 },
      {
        // Ends the connection from inside; 0 is refused with a number that is no byte.
        uuid: UUIDS.ender,
        write: takes("ender", (value, connection) => (value[0] ? connection.close() : 0x1000)),
      },
    ],
  },
];
const more = { uuid: 0x180f, chars: [{ uuid: 0x2a19, value: [100] }] };

const bt = open(createNodeHal(`unix:${socket}`), null, {
  mtu: MTU,
  name: "wi-fi refresh",
  onready: (info) => say("ready", { address: info.address }),
  onerror: (error) => say("error", { text: error.message }),
  onwarning: (warning) => say("error", { text: warning.message }),
});
const file = new SnoopFile(trace);
// With keys, so that it can be compared with what passed: the Database Hash is made by LE Encrypt.
bt.trace((sent, packet, at, length) => file.add(sent, Buffer.from(packet.subarray(at, at + length))), true);
bt.setsecurity(1);
bt.servegatt(services);
bt.onconnect((connection) => {
  connections.add(connection);
  const address = connection.address();
  say("connect", { address, addresstype: connection.addresstype(), security: connection.security(), mtu: connection.mtu() });
  connection.onclose((reason) => {
    connections.delete(connection);
    say("close", { address: connection.address(), reason });
  });
});
bt.startadvertise(`\x11\x07${Buffer.from(UUIDS.wifi, "hex").reverse().toString("latin1")}`, 100, 100);

const actions = {
  notify: (value) => say("notified", { queued: bt.notify(UUIDS.notifier, Buffer.from(value, "hex")) }),
  indicate: (value) =>
    say("indicated", {
      queued: bt.notify(UUIDS.indicator, Buffer.from(value, "hex"), null, (error, connection) => say("confirmed", { address: connection.address(), error: error && error.code })),
    }),
  burst(count) {
    let sent = 0;
    let waits = 0;
    const go = () => {
      for (; sent < count; sent++) {
        if (!bt.notify(UUIDS.notifier, Buffer.concat([Buffer.of(sent & 255, sent >> 8), Buffer.alloc(98, sent)]))) {
          waits++;
          return;
        }
      }
      bt.onroom(null);
      say("burst", { sent, waits });
    };
    bt.onroom(go);
    go();
  },
  close(address) {
    for (const connection of connections) {
      if (connection.address() !== address) continue;
      connections.delete(connection);
      connection.close();
    }
  },
  parameters() {
    for (const connection of connections) connection.parameters(30, 50, 2, 3000, (error) => say("parameters", { address: connection.address(), error: error && error.code }));
  },
  extend: () => bt.servegatt(services.concat(more)),
  counters: () => say("counters", bt.counters()),
  end() {
    bt.close();
    file.close();
    process.exit(0);
  },
};
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [word, value] = line.split(" ");
    actions[word](value);
  })
  .on("close", actions.end);
