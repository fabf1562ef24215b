import { adFlags, adIBeacon, adJoin } from "../../../core/gap/ad.js";
import type { ScanRule } from "../../../core/gap/rules.js";
import { Air, createBoard, makeImage, Random, VirtualClock, type Board } from "../../../hal/mock/index.js";
import { formatUuid } from "../ibeacon.js";
import { createReport } from "../report/create.js";
import { hear } from "../report/hearing.js";
import type { Report } from "../report/report.js";
import { Pacer } from "../transports/pacer.js";
import { Arguments, HELP_ROW, helpText, type OptionRow } from "./arguments.js";
import { DEFAULT_BEACON, DEFAULT_INTERVAL } from "./beacon.js";
import { openTrace, type Connection } from "./connection.js";
import { refreshWifi } from "./refresh.js";
import { createGuard } from "./serving.js";
import { startSession, type Session } from "./session.js";

/** How many sightings are shown, and how often the scanner looks, ms: each look is long enough for one advert. */
const SIGHTINGS = 5;
const SCAN_INTERVAL = 500;
const SCAN_WINDOW = DEFAULT_INTERVAL + 10;

/** What the scanner is interested in: neither connectable nor scannable, with these Flags and the beginning of an iBeacon. */
const RULES: readonly ScanRule[] = [{ type: 3, data: Uint8Array.of(0x02, 0x01, 0x06, 0x1a, 0xff, 0x4c, 0x00, 0x02, 0x15) }];

/** The image that is made: as large as a real one, in bytes. */
const IMAGE = 30_000;

/** How strongly one board hears the other: dBm, plus and minus some. */
const RSSI = -63;
const FADING = 3;

const ROWS: readonly OptionRow[] = [
  { name: "firmware", value: "FILE", text: "the .hcd image to load into both; default an image made for the occasion" },
  { name: "trace", value: "FILE", text: "record what passes the beacon's UART, as btsnoop (H4)" },
  { name: "json", text: "one JSON object a line" },
  { name: "fast", text: "virtual time runs as fast as it can" },
  HELP_ROW,
];

export const summary =
  "Power two boards with a virtual CYW43438 each up, load their firmware, put an iBeacon on the air with one, and show what the other receives; then " +
  "a phone pairs with the first by the code that it shows, and sets its Wi-Fi.";

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
  const beacon = createBoard({ air });
  const scanner = createBoard({ air });
  const boards = [beacon, scanner];
  const pacer = new Pacer(air.clock, () => boards.some((board) => board.uartOpen || board.timers > 0), given.has("fast"));
  const report = createReport(given.has("json"));
  const { uuid, major, minor, power } = DEFAULT_BEACON;
  const advert = adJoin([adFlags(6), adIBeacon(formatUuid(uuid), major, minor, power)]);

  report.title("blimp demo: a virtual CYW43438 is switched on");
  const guard = createGuard(() => session, report, undefined);
  const options = { ...guard.options, name: "blimp demo" };
  const session = startSession({ ...connect(beacon, firmware, openTrace(given, beacon.hal)), options }, report, () => {
    report.advertising({ beacon: DEFAULT_BEACON, interval: DEFAULT_INTERVAL, advert });
    report.title("A scanner, on another board, is switched on");
    startScanner(connect(scanner, firmware, null), report, session, () => {
      bt.stopadvertise();
      report.title("\nThe first board has its Wi-Fi set by a phone, at security level 4");
      refreshWifi(session, guard, air, report);
    });
  });
  const { bt } = session;
  bt.startadvertise(advert, DEFAULT_INTERVAL, DEFAULT_INTERVAL);
  pacer.wake();
}

/** An air over which signals come and go a little. */
function createAir(): Air {
  const air = new Air(new VirtualClock());
  const random = new Random(1);
  air.rssi = () => RSSI - FADING + random.below(2 * FADING + 1);
  return air;
}

function connect({ hal }: Board, firmware: Uint8Array, trace: Connection["trace"]): Connection {
  return { transport: "mock", hal, firmware, options: {}, trace };
}

/** Scans on another board, shows what it hears, and goes on to what comes then after the last sighting. */
function startScanner(connection: Connection, report: Report, outer: Session, then: () => void): void {
  const search = { active: false, interval: SCAN_INTERVAL, window: SCAN_WINDOW, rules: [...RULES] };
  const start = connection.hal.timer.now() - outer.elapsed();
  const { bt } = startSession(connection, report, () => report.scanning(search), outer);
  let left = SIGHTINGS;
  bt.setscanparams(search.active, search.interval, search.window);
  bt.setscanfilter(search.rules);
  bt.startscan((adverts) => {
    for (const advert of adverts) {
      if (left === 0) return;
      left--;
      report.heard(hear(advert, advert.time - start));
      if (left > 0) continue;
      bt.stopscan();
      then();
    }
  });
}
