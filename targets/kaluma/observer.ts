export { open } from "../jerryscript/observer.js";
export { firmware, hal } from "./hal.js";
