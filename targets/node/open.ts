import { createOpen, type Core, type Open } from "../../core/bluetooth.js";
import { addSleep } from "../../core/chip/sleep.js";
import { addAdvertising, type Advertising } from "../../core/gap/advertiser.js";
import { addScanning, type Scanning } from "../../core/gap/scanner.js";
import { addStore } from "../../core/records.js";

/** The longest packet that may come in: an event. */
const LONGEST = 258;

/** Opens an instance with every part of the stack. */
export const open: Open<Core & Advertising & Scanning> = createOpen<Advertising & Scanning>([addStore, addSleep, addScanning, addAdvertising], LONGEST);
