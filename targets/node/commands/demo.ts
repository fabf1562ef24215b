import { Air, makeImage, Random, VirtualClock, type Heard } from "../../../hal/mock/index.js";
import { decodeIBeacon, encodeIBeacon, roughDistance } from "../ibeacon.js";
import { createReport } from "../report/create.js";
import type { Report } from "../report/report.js";
import { createMockHal } from "../transports/mock.js";
import { Arguments, HELP_ROW, helpText, type OptionRow } from "./arguments.js";
import { DEFAULT_BEACON, DEFAULT_INTERVAL } from "./beacon.js";
import { openTrace } from "./connection.js";
import { startSession } from "./session.js";

/** How many sightings are shown, and how often the scanner looks, ms: each look is long enough for one advert. */
const SIGHTINGS = 5;
const SCAN_INTERVAL = 500;
const SCAN_WINDOW = DEFAULT_INTERVAL + 10;

/** The image that is made: as large as a real one, in bytes. */
const IMAGE = 30_000;

/** How strongly the scanner hears the chip: dBm, plus and minus some. */
const RSSI = -63;
const FADING = 3;

const ROWS: readonly OptionRow[] = [
  { name: "firmware", value: "FILE", text: "the .hcd image to load; default an image made for the occasion" },
  { name: "trace", value: "FILE", text: "record what passes the UART, as btsnoop (H4)" },
  { name: "json", text: "one JSON object a line" },
  { name: "fast", text: "virtual time runs as fast as it can" },
  HELP_ROW,
];

export const summary =
  "Power a virtual CYW43438 up, load its firmware, put an iBeacon on a virtual air, and show what a scanner elsewhere on it receives.";

export function help(): string {
  return helpText("blimp demo [OPTION]...", summary, ROWS);
}

/**
 * `blimp demo`.
 * @throws UsageError
 */
export function run(words: string[]): void {
  const given = Arguments.read(ROWS, words);
  if (given.has("help")) return void process.stdout.write(help());
  const firmware = given.file("firmware") ?? makeImage({ size: IMAGE });
  const air = createAir();
  const hal = createMockHal({ fast: given.has("fast"), board: { air } });
  const report = createReport(given.has("json"));
  const connection = { transport: "mock", hal, firmware, options: {}, trace: openTrace(given, hal) };
  const advert = encodeIBeacon(DEFAULT_BEACON);

  report.title("blimp demo: a virtual CYW43438 is switched on");
  const start = hal.timer.now();
  const { bt } = startSession(connection, report, (session) => {
    report.advertising({ beacon: DEFAULT_BEACON, interval: DEFAULT_INTERVAL, advert });
    report.title("A scanner elsewhere on the air receives");
    watch(air, start, report, session.end);
  });
  bt.startadvertise(advert, DEFAULT_INTERVAL, DEFAULT_INTERVAL);
}

/** An air over which signals come and go a little. */
function createAir(): Air {
  const air = new Air(new VirtualClock());
  const random = new Random(1);
  air.rssi = () => RSSI - FADING + random.below(2 * FADING + 1);
  return air;
}

/** Puts a scanner on the air, shows what it hears, and calls `done` after the last. */
function watch(air: Air, start: number, report: Report, done: () => void): void {
  let left = SIGHTINGS;
  const observer = air.observe({ interval: SCAN_INTERVAL, window: SCAN_WINDOW, report: show });

  function show({ time, pdu, rssi }: Heard): void {
    const beacon = decodeIBeacon(pdu.data);
    if (beacon === null || left === 0) return;
    const address = Buffer.from(pdu.address.bytes).reverse().toString("hex");
    const distance = roughDistance(beacon.power, rssi);
    report.advert({ ms: time - start, address, random: pdu.address.random === 1, rssi, beacon, distance, advert: pdu.data });
    if (--left > 0) return;
    observer.stop();
    done();
  }
}
