import { begin } from "../_room.js";

// Measured: `node test/interop/espruino.mjs measure`.
begin(2940, 1420);
