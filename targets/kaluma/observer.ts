export { open } from "../bare/observer.js";
export { firmware, hal } from "./hal.js";
