import { adEddystoneUrl, adFlags, adIBeacon, adJoin, adName, adServices } from "../../../core/gap/ad.js";
import { PduType, type Air } from "../../../hal/mock/index.js";

/** General discoverable, no BR/EDR. */
const FLAGS = adFlags(6);

/** Battery Service. */
const BATTERY = 0x180f;

/** Who is on the air of `populate`, for people. */
export const POPULATION =
  "an iBeacon (9277830A-B2EB-490F-A1DD-7FE38C492EDE, major 1, minor 2), an Eddystone-URL (https://example.com/), and a device that can be " +
  'connected to and tells its name, "blimp lamp", in its scan response';

/** Puts some advertisers on a virtual air, so that there is something to hear. */
export function populate(air: Air): void {
  air.advertise({
    name: "iBeacon",
    address: "c2a1b0000001",
    random: 1,
    data: adJoin([FLAGS, adIBeacon("9277830AB2EB490FA1DD7FE38C492EDE", 1, 2, -59)]),
    interval: 100,
    rssi: -63,
  });
  air.advertise({
    name: "Eddystone",
    address: "c2a1b0000002",
    random: 1,
    data: adJoin([FLAGS, adEddystoneUrl("https://example.com/", -20)]),
    interval: 500,
    rssi: -75,
  });
  air.advertise({
    name: "lamp",
    address: "0a1b2c3d4e5f",
    type: PduType.ADV_IND,
    data: adJoin([FLAGS, adServices([BATTERY])]),
    response: adName("blimp lamp"),
    interval: 250,
    rssi: -51,
  });
}
