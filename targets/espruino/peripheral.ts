// First: it has to be known whether there is room before there is much of it.
import "./needs/peripheral.js";
export { open } from "../jerryscript/peripheral.js";
export { firmware, hal } from "./hal.js";
