import { encodeIBeacon, parseUuid, type IBeacon } from "../ibeacon.js";
import { createReport } from "../report/create.js";
import { Arguments, HELP_ROW, helpText, type OptionRow } from "./arguments.js";
import { CONNECTION_ROWS, readConnection } from "./connection.js";
import { startSession } from "./session.js";

/** The iBeacon of the imp's examples. */
export const DEFAULT_BEACON: IBeacon = { uuid: parseUuid("9277830A-B2EB-490F-A1DD-7FE38C492EDE")!, major: 1, minor: 2, power: -59 };

/** ms */
export const DEFAULT_INTERVAL = 100;

/** Seconds that `--duration` may ask for: about as many as a timer can hold. */
export const LONGEST = 2_000_000;

const ROWS: readonly OptionRow[] = [
  { name: "uuid", value: "U", text: "32 hex digits, dashes allowed; default 9277830A-B2EB-490F-A1DD-7FE38C492EDE" },
  { name: "major", value: "N", text: "0 to 65535; default 1" },
  { name: "minor", value: "N", text: "0 to 65535; default 2" },
  { name: "power", value: "DBM", text: "strength at 1 m, -128 to 127 dBm; default -59" },
  { name: "interval", value: "MS", text: "20 to 10240 ms; default 100. Controllers before version 5.0 make it 100 at least" },
  ...CONNECTION_ROWS,
  { name: "json", text: "one JSON object a line" },
  { name: "duration", value: "S", text: "end after so many seconds on the air, 0.001 to 2000000; default: go on until interrupted" },
  HELP_ROW,
];

export const summary = "Bring a controller up and put an iBeacon on the air.";

export function help(): string {
  return helpText("blimp beacon [OPTION]...", summary, ROWS);
}

/**
 * `blimp beacon`.
 * @throws UsageError
 */
export function run(words: string[]): void {
  const given = Arguments.read(ROWS, words);
  if (given.has("help")) return void process.stdout.write(help());
  const beacon: IBeacon = {
    uuid: given.uuid("uuid") ?? DEFAULT_BEACON.uuid,
    major: given.integer("major", 0, 65535) ?? DEFAULT_BEACON.major,
    minor: given.integer("minor", 0, 65535) ?? DEFAULT_BEACON.minor,
    power: given.integer("power", -128, 127) ?? DEFAULT_BEACON.power,
  };
  const interval = given.integer("interval", 20, 10240) ?? DEFAULT_INTERVAL;
  const duration = given.decimal("duration", 0.001, LONGEST);
  const connection = readConnection(given);
  const report = createReport(given.has("json"));
  const advert = encodeIBeacon(beacon);

  report.title(`blimp beacon on ${connection.transport}`);
  const { bt } = startSession(connection, report, (session) => {
    report.advertising({ beacon, interval, advert });
    if (duration !== undefined) session.limit(duration);
  });
  bt.startadvertise(advert, interval, interval);
}
