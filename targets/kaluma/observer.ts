export { open } from "../bare/observer.js";
export { hal } from "./hal.js";
