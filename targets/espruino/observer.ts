// First: it has to be known whether there is room before there is much of it.
import "./needs/observer.js";
export { open } from "../jerryscript/observer.js";
export { firmware, hal } from "./hal.js";
