import { begin } from "../_room.js";

// Measured: `node test/interop/espruino.mjs memory`.
begin(1300, 700);
