import { testInterval, testPayload, type Air, type Radio } from "../../../hal/mock/index.js";
import { createReport } from "../report/create.js";
import { PAYLOADS, type Testing } from "../report/testing.js";
import { Arguments, HELP_ROW, helpText, UsageError, type OptionRow } from "./arguments.js";
import { LONGEST } from "./beacon.js";
import { CONNECTION_ROWS, readConnection } from "./connection.js";
import { startSession } from "./session.js";

const OPERAND = "tx|rx";

const CHANNELS = 40;
const FIRST_MHZ = 2402;
const LAST_MHZ = FIRST_MHZ + 2 * (CHANNELS - 1);
/** The middle of the band. */
const DEFAULT_CHANNEL = 19;
/** The longest that a controller of version 4.x takes. */
const DEFAULT_LENGTH = 37;
/** What a receiver test can count. */
const MOST_PACKETS = 65535;

const ROWS: readonly OptionRow[] = [
  { name: "channel", value: "N", text: "0 to 39, by frequency: 2402 MHz and 2 MHz for each; default 19. Not the numbers of the Link Layer: 37, 38 and 39 there are 0, 12 and 39 here" },
  { name: "mhz", value: "F", text: "the same as a frequency, 2402 to 2480 MHz, even" },
  { name: "length", value: "N", text: "tx: bytes of each packet's payload, 0 to 255; default 37, the most that a controller before version 4.2 takes" },
  { name: "payload", value: "BITS", text: `tx: what it holds: ${PAYLOADS.join(", ")}; default prbs9` },
  { name: "sent", value: "N", text: "rx: how many packets the tester sends, 1 to 65535: the share that did not arrive is told" },
  { name: "duration", value: "S", text: "end after so many seconds, 0.001 to 2000000; default: go on until interrupted" },
  ...CONNECTION_ROWS,
  { name: "json", text: "one JSON object a line" },
  HELP_ROW,
];

export const summary = "Send or count the packets of the direct test mode, for the measurements of radio approvals.";

export function help(): string {
  const more = "tx sends them without a break on one channel, rx counts what it receives and tells the number at the end. Nothing else is on the air meanwhile. docs/test.md says what the laboratory wants. With mock a tester is near that sends to rx.";
  return helpText(`blimp test ${OPERAND} [OPTION]...`, `${summary} ${more}`, ROWS);
}

/**
 * `blimp test`.
 * @throws UsageError
 */
export function run(words: string[]): void {
  const given = Arguments.read(ROWS, words, OPERAND);
  if (given.has("help")) return void process.stdout.write(help());
  const test = readTest(given);
  const sent = given.integer("sent", 1, MOST_PACKETS) ?? null;
  const duration = given.decimal("duration", 0.001, LONGEST);
  const connection = readConnection(given);
  const report = createReport(given.has("json"));
  const { hal } = connection;
  let since = 0;

  function begun(error: Error | null): void {
    if (error !== null) {
      process.exitCode = 1;
      report.error(error);
      return session.end();
    }
    since = hal.timer.now();
    report.testing(test);
    session.before = finish;
    if (duration !== undefined) session.limit(duration);
  }

  /** Ends the test and tells its result, then goes on. */
  function finish(then: () => void): void {
    session.bt.testend((error, packets = 0) => {
      const ms = hal.timer.now() - since;
      if (error !== null) {
        process.exitCode = 1;
        report.error(error);
      }
      // Of a test with a gap the number is told, too: it is a least.
      if (error === null || packets > 0) report.tested({ what: test.what, ms, packets, sent });
      then();
    });
  }

  report.title(`blimp test ${test.what === "transmit" ? "tx" : "rx"} on ${connection.transport}`);
  const session = startSession(connection, report, () => {});
  if (test.what === "transmit") session.bt.testtransmit(test.channel, test.length!, test.payload!, begun);
  else session.bt.testreceive(test.channel, begun);
  if (test.what === "receive" && hal.board !== undefined) session.after = placeTester(hal.board.air, test.channel);
}

function readTest(given: Arguments): Testing {
  if (given.operand !== "tx" && given.operand !== "rx") throw new UsageError(`${given.operand}: expected tx or rx`);
  if (given.has("channel") && given.has("mhz")) given.refuse("mhz", "contradicts --channel");
  const mhz = given.integer("mhz", FIRST_MHZ, LAST_MHZ);
  if (mhz !== undefined && mhz % 2 !== 0) given.refuse("mhz", "expected an even number: the channels are 2 MHz apart");
  const channel = mhz === undefined ? (given.integer("channel", 0, CHANNELS - 1) ?? DEFAULT_CHANNEL) : (mhz - FIRST_MHZ) / 2;
  if (given.operand === "rx") {
    for (const name of ["length", "payload"]) if (given.has(name)) given.refuse(name, "only tx sends");
    return { what: "receive", channel };
  }
  if (given.has("sent")) given.refuse("sent", "only rx counts");
  const text = given.text("payload");
  const payload = text === undefined ? 0 : PAYLOADS.indexOf(text.toLowerCase() as (typeof PAYLOADS)[number]);
  if (payload < 0) given.refuse("payload", `expected one of ${PAYLOADS.join(", ")}`);
  return { what: "transmit", channel, length: given.integer("length", 0, 255) ?? DEFAULT_LENGTH, payload };
}

/**
 * Puts a tester on a virtual air, which sends packets all the while.
 * @returns takes it away
 */
function placeTester(air: Air, channel: number): () => void {
  const radio: Radio = { name: "tester", listening: () => false, hear() {}, scanRequested: () => null };
  const pdu = { type: 0, payload: testPayload(0, DEFAULT_LENGTH) };
  const { clock } = air;
  let handle = clock.after(0, send);

  function send(): void {
    handle = clock.after(testInterval(DEFAULT_LENGTH), send);
    air.transmitTest(radio, channel, pdu);
  }
  return () => void clock.cancel(handle);
}
