// First: it has to be known whether there is room before there is much of it.
import "./needs/beacon.js";
export { open } from "../jerryscript/beacon.js";
export { firmware, hal } from "./hal.js";
