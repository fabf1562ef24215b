import { createOpen, type Core, type Open } from "../../core/bluetooth.js";
import { addSleep } from "../../core/chip/sleep.js";
import { addFactoryReset, type Resetting } from "../../core/factory.js";
import { addAdvertising, type Advertising } from "../../core/gap/advertiser.js";
import { addDirectTest, type DirectTesting } from "../../core/gap/directtest.js";
import { addConnecting, type Connecting } from "../../core/gap/initiator.js";
import { addLinks, type Linking } from "../../core/gap/links.js";
import { addScanning, type Scanning } from "../../core/gap/scanner.js";
import { addCrypto } from "../../core/crypto/provider.js";
import { addCaching } from "../../core/gatt/caching.js";
import { addClient, type AskingConnection } from "../../core/gatt/client.js";
import { addGatt, type Serving } from "../../core/gatt/server.js";
import { addSecurity, type Pairable, type Securing } from "../../core/smp/security.js";
import { addStore } from "../../core/records.js";
import { namedSizes } from "../../core/sizes.js";

/** The longest packet that may come in: ACL data of a controller that shares its buffers with BR/EDR. */
const LONGEST = 5 + 1021;

/** What a computer can afford. */
const STANDARDS = { ...namedSizes("large"), slice: 4000 };

/** A connection with all that it can do. */
export type FullConnection = AskingConnection & Pairable;

/** What `open()` gives on Node: everything. */
export type Bluetooth = Core & Advertising & Scanning & Linking<FullConnection> & Serving & Connecting & Securing & Resetting & DirectTesting;

/** Opens an instance with every part of the stack. */
export const open: Open<Bluetooth> = createOpen<Bluetooth>([addLinks, addGatt, addClient, addCrypto, addCaching, addSecurity, addStore, addFactoryReset, addSleep, addScanning, addAdvertising, addConnecting, addDirectTest], LONGEST, namedSizes, STANDARDS);
