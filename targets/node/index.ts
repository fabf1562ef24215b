export { open } from "../bare/beacon.js";
