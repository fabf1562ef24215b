export { open } from "../bare/beacon.js";
export { firmware, hal } from "./hal.js";
