export { open } from "../bare/beacon.js";
export { hal } from "./hal.js";
