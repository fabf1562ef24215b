import { createOpen, type Core, type Open } from "../../core/bluetooth.js";
import { addBigInt } from "../../core/crypto/p256bigint.js";
import type { Resetting } from "../../core/factory.js";
import type { Advertising } from "../../core/gap/advertiser.js";
import type { Connecting } from "../../core/gap/initiator.js";
import type { Linking } from "../../core/gap/links.js";
import type { Scanning } from "../../core/gap/scanner.js";
import type { AskingConnection } from "../../core/gatt/client.js";
import type { Serving } from "../../core/gatt/server.js";
import type { Pairable, Securing } from "../../core/smp/security.js";
import { namedSizes } from "../../core/sizes.js";
import { FULL, LONGEST } from "./_full.js";

/** What `open()` gives: everything. */
export type Full = Advertising & Scanning & Linking<AskingConnection & Pairable> & Serving & Connecting & Securing & Resetting;

/** Opens an instance with every part of the stack; on P-256 it multiplies by BigInt where the engine has it. */
export const open: Open<Core & Full> = createOpen<Full>(FULL.concat(addBigInt), LONGEST, namedSizes);
