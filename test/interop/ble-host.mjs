/** npm's ble-host as another host for the checks: loaded anew where it has to forget, on a controller of its own. */
import { EventEmitter } from "node:events";
import { createRequire, Module } from "node:module";
import net from "node:net";
import { dirname } from "node:path";
import { framer } from "./h4.mjs";

const READ_BD_ADDR = 0x1009;

/** ble-host, loaded anew: what it has not written to its folder it does not remember. It cannot be told to do without Secure Connections. */
export function loadBleHost(secure) {
  const require = createRequire(import.meta.url);
  const root = dirname(require.resolve("ble-host/package.json"));
  for (const file of Object.keys(require.cache)) if (file.startsWith(root)) delete require.cache[file];
  const compile = Module.prototype._compile;
  let changed = secure;
  Module.prototype._compile = function (text, file, ...rest) {
    const plain = text.replace("const SC_IS_SUPPORTED = true;", "const SC_IS_SUPPORTED = false;");
    const mine = !secure && file.startsWith(root) && plain !== text;
    changed ||= mine;
    return compile.call(this, mine ? plain : text, file, ...rest);
  };
  try {
    return require("ble-host");
  } finally {
    Module.prototype._compile = compile;
    if (!changed) throw new Error("ble-host has changed: where it offers Secure Connections has to be looked for");
  }
}

/** What ble-host wants of a controller on a unix socket; `onaddress` is told its address, 12 hex digits. */
export function openTransport(path, onaddress) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(path, () => resolve(made));
    const made = Object.assign(new EventEmitter(), { write: (packet) => socket.write(packet), end: () => socket.destroy() });
    socket.once("error", reject);
    socket.on(
      "data",
      framer((packet) => {
        if (packet[0] === 4 && packet[1] === 0x0e && packet.readUInt16LE(4) === READ_BD_ADDR) onaddress(Buffer.from(packet.subarray(7, 13)).reverse().toString("hex"));
        made.emit("data", Buffer.from(packet));
      }),
    );
  });
}
