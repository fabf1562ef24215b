import type { Part } from "../../core/bluetooth.js";
import { addSleep } from "../../core/chip/sleep.js";
import { addCrypto } from "../../core/crypto/provider.js";
import { addFactoryReset } from "../../core/factory.js";
import { addAdvertising } from "../../core/gap/advertiser.js";
import { addConnecting } from "../../core/gap/initiator.js";
import { addLinks } from "../../core/gap/links.js";
import { addScanning } from "../../core/gap/scanner.js";
import { addCaching } from "../../core/gatt/caching.js";
import { addClient } from "../../core/gatt/client.js";
import { addGatt } from "../../core/gatt/server.js";
import { addStore } from "../../core/records.js";
import { addSecurity } from "../../core/smp/security.js";

/** The longest packet: an event. ACL packets of a CYW43438 have 27 bytes, of any LE controller 251. */
export const LONGEST = 258;

/** Every part of the stack. */
export const FULL: Part[] = [addLinks, addGatt, addClient, addCrypto, addCaching, addSecurity, addStore, addFactoryReset, addSleep, addScanning, addAdvertising, addConnecting];
