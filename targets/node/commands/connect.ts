import { parseAddress } from "../../../core/bytes/hex.js";
import type { BlimpError } from "../../../core/errors.js";
import type { Options } from "../../../core/options.js";
import type { FullConnection } from "../open.js";
import { createPromptReport } from "../report/create.js";
import { explainPairing, explainReason, formatPeer, type Peer } from "../report/happening.js";
import { printable } from "../report/printable.js";
import { Arguments, HELP_ROW, helpText, UsageError, type OptionRow } from "./arguments.js";
import { LONGEST } from "./beacon.js";
import { CONNECTION_ROWS, readConnection } from "./connection.js";
import { DEVICE_ADDRESS, serveDevice } from "./device.js";
import { createExplorer, type Explorer } from "./explorer.js";
import { OPERATIONS, parseLine, parseOperations, TARGET_FORM, VALUE_FORM } from "./operations.js";
import { createPrompt } from "./prompt.js";
import { BONDS_ROW, CODES, readLevel, readStore } from "./security.js";
import { startSession } from "./session.js";

const OPERAND = "ADDRESS";

/** How long it is tried to connect, seconds. */
const PATIENCE = 10;
const LEAST_PATIENCE = 0.1;
const MOST_PATIENCE = 60;

/** Services, characteristics and descriptors that are listed. */
const MOST = 2048;

const ROWS: readonly OptionRow[] = [
  { name: "random", text: "the address is a random one; default: a public one" },
  { name: "pair", text: "pair first. A device that shows a code has it typed here: --code, or on the terminal when it is asked for" },
  { name: "code", value: "N", text: "the code that the device shows, 0 to 999999; pairs first" },
  { name: "level", value: "N", text: "least security that a pairing has to reach: 1 whatever comes of it, 3 with a code, 4 the same by LE Secure Connections; pairs first" },
  BONDS_ROW,
  { name: "timeout", value: "S", text: "give up connecting after so many seconds, 0.1 to 60; default 10" },
  { name: "duration", value: "S", text: "end after so many seconds, 0.001 to 2000000; default: when all is done, or on the prompt by quit" },
  ...CONNECTION_ROWS,
  { name: "json", text: "one JSON object a line; bytes as hex digits" },
  HELP_ROW,
];

export const summary = "Connect to a device, show what it serves, read and write its values, subscribe to them.";

export function help(): string {
  const forms = OPERATIONS.map(([form, text]) => `${form} ${text}`).join("; ");
  const operations =
    `Operations, one after another: ${forms}. T is ${TARGET_FORM}; VALUE ${VALUE_FORM}. Without any it lists, and then takes them from a prompt where ` +
    "standard input is a terminal. After a subscribe it stays until it is interrupted.";
  const mock = `With mock there is a device beside it, ${DEVICE_ADDRESS}, which is meant where ${OPERAND} is left out; it pairs if it is asked to, and shows its code.`;
  return helpText(`blimp connect ${OPERAND} [OPERATION]... [OPTION]...`, `${summary} ${operations} ${mock}`, ROWS);
}

/**
 * `blimp connect`.
 * @throws UsageError
 */
export function run(words: string[]): void {
  const given = Arguments.read(ROWS, words, OPERAND, true);
  if (given.has("help")) return void process.stdout.write(help());
  // On mock the operations may begin at once.
  const named = parseAddress(given.operand) !== null;
  const isMock = (given.text("h4") ?? "mock") === "mock";
  const begun = !named && given.operand !== "" && OPERATIONS.some(([form]) => form.split(" ")[0] === given.operand);
  if (!named && !(isMock && (given.operand === "" || begun))) {
    throw new UsageError(given.operand === "" ? `${OPERAND} is missing` : `${given.operand}: expected ${OPERAND}, 12 hex digits`);
  }
  const address = named ? Buffer.from(parseAddress(given.operand)!).reverse().toString("hex") : DEVICE_ADDRESS;
  const operations = parseOperations(named || given.operand === "" ? given.rest : [given.operand, ...given.rest]);
  const code = given.integer("code", 0, CODES - 1);
  const level = readLevel(given);
  const patience = given.decimal("timeout", LEAST_PATIENCE, MOST_PATIENCE) ?? PATIENCE;
  const duration = given.decimal("duration", 0.001, LONGEST);
  const json = given.has("json");
  const pairs = given.has("pair") || code !== undefined || level !== undefined;
  if (given.has("fast") && pairs && code === undefined && process.stdin.isTTY) given.refuse("fast", "nobody can type the code in time: give it with --code");
  const [report, atPrompt] = createPromptReport(json);
  const store = readStore(given, (error) => report.warning(error));
  const connection = readConnection(given);
  const { board } = connection.hal;
  const peer: Peer = { address, addresstype: given.has("random") ? 1 : 0 };
  // What programs read is not mixed with what people are asked.
  const prompt = process.stdin.isTTY === true ? createPrompt(json ? process.stderr : process.stdout, atPrompt, () => leave(false)) : null;

  report.title(`blimp connect on ${connection.transport}`);
  const options: Options = {
    ...connection.options,
    store,
    discovery: MOST,
    passkey(_: unknown, reply: (code: number | null) => void) {
      if (code !== undefined) reply(code);
      else if (prompt !== null) prompt.ask(`the code that ${formatPeer(peer)} shows: `, (text) => reply(/^\d{1,6}$/.test(text.trim()) ? Number(text) : null));
      else {
        report.error(new Error("the device shows a code, and there is neither --code nor a terminal on which it could be typed"));
        reply(null);
      }
    },
  };
  const session = startSession({ ...connection, options }, report, () => {
    if (duration !== undefined) session.limit(duration);
    try {
      bt.setsecurity(level ?? 1);
      report.connecting(peer);
      bt.connect(peer.address, peer.addresstype, met, patience * 1000);
    } catch (error) {
      // What this build cannot do.
      report.error(error as Error);
      leave(true);
    }
  });
  const { bt, elapsed } = session;
  const silence = board === undefined ? null : serveDevice(board.air, pairs ? Math.max(level ?? 4, 3) : 1, report, elapsed);
  let explorer: Explorer | null = null;

  function leave(failed: boolean): void {
    if (failed) process.exitCode = 1;
    prompt?.close();
    session.end();
  }

  function met(error: Error | null, made?: FullConnection | unknown): void {
    if (error !== null) {
      report.error(explainConnect(error as BlimpError, patience));
      return leave(true);
    }
    const link = made as FullConnection;
    report.happened({ ms: elapsed(), ...peer, what: "connect", security: link.security() });
    link.onclose((reason) => {
      report.happened({ ms: elapsed(), ...peer, what: "close", reason, why: explainReason(reason) });
      leave(explorer === null || explorer.busy || prompt === null);
    });
    const bonded = bt.bonds().some((bond) => bond.address === link.address());
    if (pairs || bonded) pair(link);
    else explore(link);
  }

  function pair(link: FullConnection): void {
    link.pair((error, reached) => {
      if (error === null) {
        const kept = bt.bonds().some((bond) => bond.address === link.address());
        report.happened({ ms: elapsed(), ...peer, what: "secure", security: reached!, bonded: kept });
        return explore(link);
      }
      const { code, detail } = error as BlimpError;
      const reason = code === "pairing" ? (detail as number) : null;
      // That the connection has ended is told already.
      if (code !== "disconnected") report.happened({ ms: elapsed(), ...peer, what: "failed", operation: "pairing", reason, error: explainPairing(reason) });
      leave(true);
    });
  }

  function explore(link: FullConnection): void {
    explorer = createExplorer(link, { bt, elapsed, peer, report });
    explorer.discover((error) => {
      if (error !== null) return leave(true);
      if (operations.length === 0) explorer!.perform([{ what: "list" }], () => (prompt === null ? leave(false) : converse()));
      else explorer!.perform(operations, (failures, quit) => (quit || failures > 0 || !explorer!.listening ? leave(failures > 0) : undefined));
    });
  }

  function converse(): void {
    prompt!.begin((line) => {
      try {
        const asked = parseLine(line);
        if (asked.some(({ what }) => what === "help")) prompt!.say(OPERATIONS.map(([form, text]) => `${form.padEnd(16)} ${text}`).join("\n"));
        explorer!.perform(asked, (_, quit) => (quit ? leave(false) : prompt!.again()));
      } catch (error) {
        prompt!.say(printable(Buffer.from((error as Error).message).toString("latin1"), false));
        prompt!.again();
      }
    });
  }

  session.within = () => prompt?.close();
  session.after = () => silence?.();
}

/** Why no connection came about. */
function explainConnect(error: BlimpError, patience: number): Error {
  if (error.code !== "timeout") return error;
  error.message += `; nothing was heard of the device in ${patience} s. Does it advertise, and is the kind of its address right (--random)?`;
  return error;
}
