import { createOpen, type Core, type Open } from "../../core/bluetooth.js";
import { addScanning, type Scanning } from "../../core/gap/scanner.js";

/** The longest packet of a build without links: an event. */
const LONGEST = 258;

/** Opens an observer: scanning and nothing else. */
export const open: Open<Core & Scanning> = createOpen<Scanning>([addScanning], LONGEST);
