import { createOpen, type Core, type Open } from "../../core/bluetooth.js";
import { addAdvertising, type Advertising } from "../../core/gap/advertiser.js";

/** The longest packet of a build without links: an event. */
const LONGEST = 258;

/** Opens a beacon: advertising and nothing else. */
export const open: Open<Core & Advertising> = createOpen<Advertising>([addAdvertising], LONGEST);
