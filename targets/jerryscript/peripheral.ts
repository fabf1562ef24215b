import { createOpen, type Core, type Open } from "../../core/bluetooth.js";
import { addAdvertising, type Advertising } from "../../core/gap/advertiser.js";
import { addLinks, type Linking } from "../../core/gap/links.js";
import { addGatt, type Serving } from "../../core/gatt/server.js";
import { namedSizes } from "../../core/sizes.js";

/** The longest packet: an event. ACL packets of a CYW43438 have 27 bytes, of any LE controller 251. */
const LONGEST = 258;

/** Opens a peripheral: advertising, connections, the GATT server; no security. */
export const open: Open<Core & Advertising & Linking & Serving> = createOpen<Advertising & Linking & Serving>([addLinks, addGatt, addAdvertising], LONGEST, namedSizes);
