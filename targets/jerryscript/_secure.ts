import type { Part } from "../../core/bluetooth.js";
import { addCrypto } from "../../core/crypto/provider.js";
import { addFactoryReset } from "../../core/factory.js";
import { addAdvertising } from "../../core/gap/advertiser.js";
import { addLinks } from "../../core/gap/links.js";
import { addCaching } from "../../core/gatt/caching.js";
import { addGatt } from "../../core/gatt/server.js";
import { addStore } from "../../core/records.js";
import { addSecurity } from "../../core/smp/security.js";

/** The longest packet: an event. ACL packets of a CYW43438 have 27 bytes, of any LE controller 251. */
export const LONGEST = 258;

// The Database Hash is there because a bond keeps it: so a phone that comes back is told when the services are not what they were.
/** The parts of a peripheral that pairs: advertising, connections, the GATT server, security, what the store keeps. */
export const SECURE: Part[] = [addLinks, addGatt, addCrypto, addCaching, addSecurity, addStore, addFactoryReset, addAdvertising];
