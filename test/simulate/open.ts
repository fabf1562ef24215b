import { createOpen, type Open } from "../../core/bluetooth.js";
import { addSleep } from "../../core/chip/sleep.js";
import { addCrypto } from "../../core/crypto/provider.js";
import { addAdvertising } from "../../core/gap/advertiser.js";
import { addConnecting } from "../../core/gap/initiator.js";
import { addLinks } from "../../core/gap/links.js";
import { addScanning } from "../../core/gap/scanner.js";
import { addCaching } from "../../core/gatt/caching.js";
import { addClient } from "../../core/gatt/client.js";
import { addGatt } from "../../core/gatt/server.js";
import type { Host } from "../../core/host.js";
import { addSecurity } from "../../core/smp/security.js";
import { addStore } from "../../core/records.js";
import type { Bluetooth } from "../../targets/node/open.js";

/** The longest packet that may come in. */
const LONGEST = 5 + 1021;

let last: Host;

/** Everything, and one part more that lets the simulation count buffers and credits. */
const openAll: Open<Bluetooth> = createOpen<Bluetooth>(
  [addLinks, addGatt, addClient, addCrypto, addCaching, addSecurity, addStore, addSleep, addScanning, addAdvertising, addConnecting, (host) => void (last = host)],
  LONGEST,
);

/** Opens an instance; `host` is its record. */
export function open(...given: Parameters<typeof openAll>): { bt: Bluetooth; host: Host } {
  const bt = openAll(...given);
  return { bt, host: last };
}
