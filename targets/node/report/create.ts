import { JsonReport } from "./json.js";
import type { Report } from "./report.js";
import { TextReport } from "./text.js";

/** The report on standard output, for programs or for people; people find what went wrong on standard error. */
export function createReport(json: boolean): Report {
  return json ? new JsonReport((line) => void process.stdout.write(line)) : new TextReport(process.stdout, process.stderr);
}
