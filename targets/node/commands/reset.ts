import { readRecords, Record } from "../../../core/records.js";
import { createReport } from "../report/create.js";
import { createFileStore } from "../store.js";
import { Arguments, HELP_ROW, helpText, UsageError, type OptionRow } from "./arguments.js";

const OPERAND = "FILE";

const ROWS: readonly OptionRow[] = [{ name: "json", text: "one JSON object a line" }, HELP_ROW];

export const summary = "Make a device what it was when it left the factory: erase what its --bonds FILE keeps.";

export function help(): string {
  const more = "Bonds with their keys and the address that was drawn go; zeros are written over the file, and it is taken away. No process may be using it. In a program: bt.factoryreset().";
  return helpText(`blimp reset ${OPERAND} [OPTION]...`, `${summary} ${more}`, ROWS);
}

/**
 * `blimp reset`.
 * @throws UsageError
 */
export function run(words: string[]): void {
  const given = Arguments.read(ROWS, words, OPERAND);
  if (given.has("help")) return void process.stdout.write(help());
  const file = given.operand;
  const report = createReport(given.has("json"));
  const store = createFileStore(file, (error) => report.error(error));
  let there = false;
  try {
    there = store.load() !== null;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (!there) throw new UsageError(`${file}: there is no such file`);
  const bonds = readRecords(store, Record.Bond).length;
  const address = readRecords(store, Record.Address).length > 0;
  if (store.erase!()) report.reset({ file, bonds, address });
  else process.exitCode = 1;
}
