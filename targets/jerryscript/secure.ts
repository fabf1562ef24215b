import { createOpen, type Core, type Open } from "../../core/bluetooth.js";
import { addCrypto } from "../../core/crypto/provider.js";
import { addAdvertising, type Advertising } from "../../core/gap/advertiser.js";
import { addLinks, type Linking } from "../../core/gap/links.js";
import type { Connection } from "../../core/connection.js";
import { addCaching } from "../../core/gatt/caching.js";
import { addGatt, type Serving } from "../../core/gatt/server.js";
import { addStore } from "../../core/records.js";
import { addSecurity, type Pairable, type Securing } from "../../core/smp/security.js";
import { namedSizes } from "../../core/sizes.js";

/** The longest packet: an event. ACL packets of a CYW43438 have 27 bytes, of any LE controller 251. */
const LONGEST = 258;

/** What `open()` gives: a peripheral with security levels 1, 3 and 4, and bonds. */
export type Secure = Advertising & Linking<Connection & Pairable> & Serving & Securing;

// The Database Hash is there because a bond keeps it: so a phone that comes back is told when the services are not what they were.
/** Opens a peripheral that pairs: advertising, connections, the GATT server, security, what the store keeps. */
export const open: Open<Core & Secure> = createOpen<Secure>([addLinks, addGatt, addCrypto, addCaching, addSecurity, addStore, addAdvertising], LONGEST, namedSizes);
