import { createOpen, type Core, type Open } from "../../core/bluetooth.js";
import { addSleep } from "../../core/chip/sleep.js";
import { addCrypto } from "../../core/crypto/provider.js";
import { addAdvertising, type Advertising } from "../../core/gap/advertiser.js";
import { addConnecting, type Connecting } from "../../core/gap/initiator.js";
import { addLinks, type Linking } from "../../core/gap/links.js";
import { addScanning, type Scanning } from "../../core/gap/scanner.js";
import { addCaching } from "../../core/gatt/caching.js";
import { addClient, type AskingConnection } from "../../core/gatt/client.js";
import { addGatt, type Serving } from "../../core/gatt/server.js";
import { addStore } from "../../core/records.js";
import { addSecurity, type Pairable, type Securing } from "../../core/smp/security.js";
import { namedSizes } from "../../core/sizes.js";

/** The longest packet: an event. ACL packets of a CYW43438 have 27 bytes, of any LE controller 251. */
const LONGEST = 258;

/** What `open()` gives: everything. */
export type Full = Advertising & Scanning & Linking<AskingConnection & Pairable> & Serving & Connecting & Securing;

/** Opens an instance with every part of the stack. */
export const open: Open<Core & Full> = createOpen<Full>([addLinks, addGatt, addClient, addCrypto, addCaching, addSecurity, addStore, addSleep, addScanning, addAdvertising, addConnecting], LONGEST, namedSizes);
