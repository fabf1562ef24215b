import type { Target } from "../target.js";
import { AdStructures, Adverts } from "./adverts.js";
import { AttServer } from "./att.js";
import { AttClient } from "./client.js";
import { FirmwareImage } from "./firmware.js";
import { L2cap } from "./l2cap.js";
import { Smp } from "./smp.js";
import { StoreBytes } from "./store.js";
import { H4, HciEvents } from "./wire.js";

export { PROPERTIES } from "./values.js";

/** All that takes bytes. */
export const TARGETS: readonly Target[] = [H4, HciEvents, L2cap, Adverts, AdStructures, AttServer, AttClient, Smp, FirmwareImage, StoreBytes];
