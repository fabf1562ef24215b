export { open } from "../jerryscript/full.js";
export { firmware } from "./hal.js";
export { hal } from "./crypto.js";
export { store } from "./store.js";
