export { open } from "../jerryscript/full.js";
export { firmware, hal } from "./hal.js";
export { store } from "./store.js";
