// First: it has to be known whether there is room before there is much of it.
import "./needs/secure.js";
import { createOpen, type Core, type Open } from "../../core/bluetooth.js";
import { namedSizes } from "../../core/sizes.js";
import { LONGEST, SECURE } from "../jerryscript/_secure.js";
import type { Secure } from "../jerryscript/secure.js";

export { firmware } from "./hal.js";
export { hal } from "./crypto.js";
export { store } from "./store.js";

/** Opens a peripheral that pairs. */
export const open: Open<Core & Secure> = createOpen<Secure>(SECURE, LONGEST, namedSizes);
