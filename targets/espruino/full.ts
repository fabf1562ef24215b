// First: it has to be known whether there is room before there is much of it.
import "./needs/full.js";
import { createOpen, type Core, type Open } from "../../core/bluetooth.js";
import { namedSizes } from "../../core/sizes.js";
import { FULL, LONGEST } from "../jerryscript/_full.js";
import type { Full } from "../jerryscript/full.js";

export { firmware } from "./hal.js";
export { hal } from "./crypto.js";
export { store } from "./store.js";

/** Opens an instance with every part of the stack. */
export const open: Open<Core & Full> = createOpen<Full>(FULL, LONGEST, namedSizes);
