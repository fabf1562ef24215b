export { open } from "../jerryscript/peripheral.js";
export { firmware, hal } from "./hal.js";
