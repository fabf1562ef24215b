export { open } from "../jerryscript/beacon.js";
export { firmware, hal } from "./hal.js";
