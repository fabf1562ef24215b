export { open } from "../jerryscript/secure.js";
export { firmware } from "./hal.js";
export { hal } from "./crypto.js";
export { store } from "./store.js";
