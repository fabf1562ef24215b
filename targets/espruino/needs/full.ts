import { begin } from "../_room.js";

// Measured: `node test/interop/espruino.mjs memory`.
begin(5600, 3000);
