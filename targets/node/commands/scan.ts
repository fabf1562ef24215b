import { compileFilter, type ScanRule } from "../../../core/gap/rules.js";
import { createScanReport } from "../report/create.js";
import { hear } from "../report/hearing.js";
import { Arguments, HELP_ROW, helpText, type OptionRow } from "./arguments.js";
import { LONGEST } from "./beacon.js";
import { CONNECTION_ROWS, readConnection } from "./connection.js";
import { populate, POPULATION } from "./population.js";
import { startSession } from "./session.js";

/** ms, as the stack has them. */
const DEFAULT_INTERVAL = 10;
const LEAST_INTERVAL = 3;
const MOST_INTERVAL = 10240;

const MOST_ADVERTS = 1_000_000_000;

/** Most hex digits of a rule's `data`. */
const MOST_DIGITS = 62;

const RULE_FORM = 'a JSON object such as {"type":3,"data":"4c000215"}';

const ROWS: readonly OptionRow[] = [
  { name: "active", text: "ask advertisers for their scan responses, where names often are" },
  { name: "interval", value: "MS", text: "from one window to the next, 3 to 10240 ms; default 10" },
  { name: "window", value: "MS", text: "how long to listen in each, 3 ms to the interval; default 10 or, if that is shorter, the interval" },
  {
    name: "rule",
    value: "JSON",
    text:
      "show only what matches; may be given several times, the first that matches counts. An object of any of: address (12 hex digits, _ for any), " +
      "addresstype (0 public, 1 random), minrssi (-127 to 20 dBm), type (0 ADV_IND, 1 ADV_DIRECT_IND, 2 ADV_SCAN_IND, 3 ADV_NONCONN_IND, 4 SCAN_RSP), " +
      "data (up to 62 hex digits, bytes that stand anywhere in the advert), collect (up to 86400 s), collectmax (up to 256). Other keys are ignored. Default: everything",
  },
  { name: "count", value: "N", text: "end after so many adverts, 1 to 1000000000" },
  { name: "duration", value: "S", text: "end after so many seconds of scanning, 0.001 to 2000000; default: go on until interrupted" },
  ...CONNECTION_ROWS,
  { name: "json", text: "one JSON object a line; bytes as hex digits, an rssi of null is unknown" },
  HELP_ROW,
];

export const summary = "Bring a controller up and show what it hears on the air.";

export function help(): string {
  const mock = `On a terminal that is a table, elsewhere a line for each advert. With mock there is to be heard: ${POPULATION}.`;
  return helpText("blimp scan [OPTION]...", `${summary} ${mock}`, ROWS);
}

/**
 * `blimp scan`.
 * @throws UsageError
 */
export function run(words: string[]): void {
  const given = Arguments.read(ROWS, words);
  if (given.has("help")) return void process.stdout.write(help());
  const active = given.has("active");
  const interval = given.integer("interval", LEAST_INTERVAL, MOST_INTERVAL) ?? DEFAULT_INTERVAL;
  const window = given.integer("window", LEAST_INTERVAL, interval) ?? Math.min(DEFAULT_INTERVAL, interval);
  const rules = readRules(given);
  const count = given.integer("count", 1, MOST_ADVERTS) ?? Infinity;
  const duration = given.decimal("duration", 0.001, LONGEST);
  const connection = readConnection(given);
  const report = createScanReport(given.has("json"));
  if (connection.hal.board !== undefined) populate(connection.hal.board.air);

  report.title(`blimp scan on ${connection.transport}`);
  const { bt, elapsed, end } = startSession(connection, report, (session) => {
    report.scanning({ active, interval, window, rules });
    if (duration !== undefined) session.limit(duration);
  });
  const start = connection.hal.timer.now() - elapsed();
  let left = count;
  bt.setscanparams(active, interval, window);
  bt.setscanfilter(rules);
  bt.startscan((adverts) => {
    for (const advert of adverts) {
      if (left === 0) return;
      left--;
      report.heard(hear(advert, advert.time - start));
      if (left === 0) end();
    }
  });
}

/** The rules of `--rule`, in their order; without any, one that lets everything through. */
function readRules(given: Arguments): ScanRule[] {
  const rules: ScanRule[] = [];
  for (const text of given.texts("rule")) {
    rules.push(readRule(given, text));
    try {
      compileFilter(rules);
    } catch (error) {
      given.refuse("rule", (error as Error).message.replace(/^blimp \w+: /, ""), text);
    }
  }
  return rules.length > 0 ? rules : [{}];
}

function readRule(given: Arguments, text: string): ScanRule {
  let rule: unknown;
  try {
    rule = JSON.parse(text);
  } catch {
    given.refuse("rule", `expected ${RULE_FORM}`, text);
  }
  if (typeof rule !== "object" || rule === null || Array.isArray(rule)) given.refuse("rule", `expected ${RULE_FORM}`, text);
  const { data } = rule as { data?: unknown };
  if (data === undefined) return rule;
  if (typeof data !== "string" || data.length > MOST_DIGITS || !/^([0-9a-f]{2})*$/i.test(data)) {
    given.refuse("rule", `data is ${JSON.stringify(data)}, expected an even number of hex digits, 0 to ${MOST_DIGITS}`, text);
  }
  return { ...rule, data: new Uint8Array(Buffer.from(data, "hex")) };
}
