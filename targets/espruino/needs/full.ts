import { begin } from "../_room.js";

// Measured: `node test/interop/espruino.mjs measure`.
begin(5215, 2720);
