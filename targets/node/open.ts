import { createOpen, type Core, type Open } from "../../core/bluetooth.js";
import { addSleep } from "../../core/chip/sleep.js";
import { addStore } from "../../core/records.js";
import { addAdvertising, type Advertising } from "../../core/gap/advertiser.js";

/** The longest packet that may come in: an event. */
const LONGEST = 258;

/** Opens an instance with every part of the stack. */
export const open: Open<Core & Advertising> = createOpen<Advertising>([addStore, addSleep, addAdvertising], LONGEST);
