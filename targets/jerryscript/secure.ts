import { createOpen, type Core, type Open } from "../../core/bluetooth.js";
import type { Connection } from "../../core/connection.js";
import { addBigInt } from "../../core/crypto/p256bigint.js";
import type { Resetting } from "../../core/factory.js";
import type { Advertising } from "../../core/gap/advertiser.js";
import type { Linking } from "../../core/gap/links.js";
import type { Serving } from "../../core/gatt/server.js";
import type { Pairable, Securing } from "../../core/smp/security.js";
import { namedSizes } from "../../core/sizes.js";
import { LONGEST, SECURE } from "./_secure.js";

/** What `open()` gives: a peripheral with security levels 1, 3 and 4, and bonds. */
export type Secure = Advertising & Linking<Connection & Pairable> & Serving & Securing & Resetting;

/** Opens a peripheral that pairs; on P-256 it multiplies by BigInt where the engine has it. */
export const open: Open<Core & Secure> = createOpen<Secure>(SECURE.concat(addBigInt), LONGEST, namedSizes);
