import { randomInt } from "node:crypto";
import { createReport } from "../report/create.js";
import { Arguments, HELP_ROW, helpText, type OptionRow } from "./arguments.js";
import { LONGEST } from "./beacon.js";
import { CONNECTION_ROWS, readConnection } from "./connection.js";
import { callPhone } from "./phone.js";
import { createGuard, makeAdvert, makeScanResponse, serveTable } from "./serving.js";
import { startSession } from "./session.js";
import { BONDS_ROW, CODES, readLevel, readStore } from "./security.js";
import { isGuarded, readTable, type Table } from "./table.js";

const OPERAND = "TABLE.json";

const ROWS: readonly OptionRow[] = [
  { name: "level", value: "N", text: "least security of connections: 1 none; 3 paired with the code; 4 the same, by LE Secure Connections; default what the table says, else 1" },
  { name: "code", value: "N", text: "the code that is typed into the phone, 0 to 999999; default what the table says, else a new one each time" },
  BONDS_ROW,
  ...CONNECTION_ROWS,
  { name: "json", text: "one JSON object a line; bytes as hex digits" },
  { name: "duration", value: "S", text: "end after so many seconds of serving, 0.001 to 2000000; default: go on until interrupted" },
  HELP_ROW,
];

export const summary = "Be the device that a file describes: advertise, accept connections, serve values.";

export function help(): string {
  const mock = "docs/serve.md says what stands in the file. With mock a phone comes by that connects, pairs if it is asked to (its user types the code), reads what it may, subscribes, and goes.";
  return helpText(`blimp serve ${OPERAND} [OPTION]...`, `${summary} ${mock}`, ROWS);
}

/**
 * `blimp serve`.
 * @throws UsageError
 */
export function run(words: string[]): void {
  const given = Arguments.read(ROWS, words, OPERAND);
  if (given.has("help")) return void process.stdout.write(help());
  const table = readSecurity(given, readTable(given.operand));
  const store = readStore(given, (error) => report.warning(error));
  const duration = given.decimal("duration", 0.001, LONGEST);
  const connection = readConnection(given);
  const report = createReport(given.has("json"));
  const advert = table.advert ?? makeAdvert(table);
  // An advert of one's own goes out as it is, alone where it stands alone.
  const scanResponse = table.scanResponse ?? (table.advert === null ? makeScanResponse(table) : null);

  report.title(`blimp serve on ${connection.transport}`);
  const guarded = isGuarded(table);
  const guard = createGuard(() => session, report, store);
  const options = { ...connection.options, ...guard.options, name: table.name };
  const session = startSession({ ...connection, options }, report, () => {
    report.serving({ table, advert, scanResponse, handles });
    if (guarded) guard.show();
    if (duration !== undefined) session.limit(duration);
  });
  const { bt } = session;
  let handles: ReturnType<typeof serveTable> = new Map();
  try {
    // In this order: what a peer finds when it comes is there before it can come.
    bt.setsecurity(table.security, table.code);
    handles = serveTable(session, report, table, guard);
    bt.startadvertise(advert, table.min, table.max, scanResponse ?? undefined);
  } catch (error) {
    // What this build cannot do.
    process.exitCode = 1;
    report.error(error as Error);
    return session.end();
  }
  if (connection.hal.board !== undefined) callPhone(connection.hal.board.air, () => bt.getsecuritycode());
}

/** The table with the security that the command line asks for. */
function readSecurity(given: Arguments, table: Table): Table {
  const security = readLevel(given) ?? table.security;
  const asked = given.integer("code", 0, CODES - 1);
  const guarded = isGuarded({ ...table, security });
  if (asked !== undefined && !guarded) given.refuse("code", "nothing asks for one: neither --level nor the table", String(asked));
  const code = asked ?? table.code;
  // Where connections need none, but a value does, the stack does not draw one; 0 would be none.
  return { ...table, security, code: security === 1 && guarded ? code || randomInt(1, CODES) : code };
}
