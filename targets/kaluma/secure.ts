export { open } from "../jerryscript/secure.js";
export { firmware, hal } from "./hal.js";
export { store } from "./store.js";
