import { JsonReport } from "./json.js";
import { PromptReport } from "./prompt.js";
import type { Report } from "./report.js";
import { ScanReport } from "./scan.js";
import { TextReport } from "./text.js";

/** The report on standard output, for programs or for people; people find what went wrong on standard error. */
export function createReport(json: boolean): Report {
  return json ? createJsonReport() : new TextReport(process.stdout, process.stderr);
}

/** The same, for a command that tells of all that it hears. */
export function createScanReport(json: boolean): Report {
  return json ? createJsonReport() : new ScanReport(process.stdout, process.stderr);
}

/** The same, for a command that takes lines from a terminal meanwhile: the second is told what shows the user's line again, and null when there is none. */
export function createPromptReport(json: boolean): [Report, (redraw: (() => void) | null) => void] {
  if (json) return [createJsonReport(), () => {}];
  const report = new PromptReport(process.stdout, process.stderr);
  return [report, (redraw) => void (report.redraw = redraw)];
}

function createJsonReport(): Report {
  return new JsonReport((line) => void process.stdout.write(line));
}
