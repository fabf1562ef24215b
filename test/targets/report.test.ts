import assert from "node:assert/strict";
import { failure } from "../../core/errors.js";
import { encodeIBeacon, parseUuid, type IBeacon } from "../../targets/node/ibeacon.js";
import { hear } from "../../targets/node/report/hearing.js";
import { explain } from "../../targets/node/report/explain.js";
import { JsonReport } from "../../targets/node/report/json.js";
import type { Report } from "../../targets/node/report/report.js";
import { TextReport, type TextOutput } from "../../targets/node/report/text.js";

const beacon: IBeacon = { uuid: parseUuid("9277830AB2EB490FA1DD7FE38C492EDE")!, major: 65535, minor: 65535, power: -128 };
const info = { ms: 648.0249, name: "BCM43438A1 37.4MHz blimp", revision: 508, address: "d169ba8c3202" };

class Screen implements TextOutput {
  readonly isTTY: boolean;
  text = "";

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.text += text;
  }
}

/** Everything that a report can tell. */
function tell(report: Report): void {
  const advert = encodeIBeacon(beacon);
  report.title("title");
  report.step("record", 258.2);
  for (let done = 0; done < 9276; done += 258) report.progress(done, 9283);
  report.progress(9276, 9283);
  report.step("launch", 381);
  report.progress(9283, 9283);
  report.step("something new", 1234567);
  report.warning(failure("rts", "power", 1));
  report.ready(info);
  report.advertising({ beacon, interval: 10240, advert });
  report.scanning({ active: true, interval: 100, window: 50, rules: [{ type: 3, data: Uint8Array.of(0x4c, 0x00) }] });
  report.heard(hear({ type: 3, rssi: -86, address: "0b5e12e20001", addresstype: 0, data: advert, time: 12345, rule: 2 }, 12345.678));
  report.error(failure("no-answer", "reset", 0));
  report.recovered(info);
  report.end(99999999);
}

/** What a terminal shows in the end: the last that was written to each line. */
function shown(text: string): string[] {
  return text.replace(/\x1b\[\d+m/g, "").split("\n").map((line) => line.slice(line.lastIndexOf("\r") + 1));
}

describe("report", () => {
  it("for people is plain lines where there is no terminal", () => {
    const out = new Screen(false);
    const errors = new Screen(false);
    tell(new TextReport(out, errors, { LANG: "C.UTF-8" }));
    assert.ok(!/[^\n\x20-\x7e]/.test(out.text + errors.text), "something that is not plain");
    for (const part of ["25 %", "50 %", "75 %", "100 %"]) assert.equal(out.text.split(` ${part} of 9.3 kB\n`).length, 2, part);
    assert.match(out.text, /258 ms {2}record {6}load the firmware\n/);
    assert.match(out.text, /d1:69:ba:8c:32:02\n/);
    assert.match(out.text, /9277830A-B2EB-490F-A1DD-7FE38C492EDE {2}major 65535 {2}minor 65535\n/);
    assert.match(out.text, /from 0b:5e:12:e2:00:01 at -86 dBm, power -128 dBm, about 0.0 m\n/);
    assert.match(errors.text, /^warning: blimp power: rts .*\n {2}The chip's RTS/);
    assert.match(errors.text, /\nerror: blimp reset: no-answer.*\n {2}The controller is silent/);
  });

  it("for people fits a terminal of 80 columns and colours it", () => {
    const screen = new Screen(true);
    tell(new TextReport(screen, screen, { LANG: "C.UTF-8" }));
    for (const line of shown(screen.text)) assert.ok(line.length <= 80, line);
    assert.match(screen.text, /\x1b\[32mready/);
    assert.match(screen.text, /\r {13}█+\x1b\[2m░+\x1b\[0m {2}50 % of 9\.3 kB\r/);
    assert.equal(shown(screen.text).filter((line) => line.includes("100 %")).length, 1);
    assert.equal(shown(screen.text).filter((line) => line.includes("75 %")).length, 0);
  });

  it("for people keeps to what the terminal can do and its user wants", () => {
    const ascii = new Screen(true);
    tell(new TextReport(ascii, ascii, { LC_ALL: "C", LANG: "de_AT.UTF-8", NO_COLOR: "1" }));
    assert.ok(!/[^\r\n\x20-\x7e]/.test(ascii.text));
    assert.match(ascii.text, /\r {13}#+\.+ {2}50 %/);
    const dumb = new Screen(true);
    tell(new TextReport(dumb, dumb, { TERM: "dumb" }));
    assert.ok(!/[^\n\x20-\x7e]/.test(dumb.text));
  });

  it("for programs is one object a line", () => {
    let text = "";
    tell(new JsonReport((line) => (text += line)));
    assert.ok(text.endsWith("\n"));
    const events = text.trimEnd().split("\n").map((line) => JSON.parse(line));
    const find = (event: string): unknown => events.find((each) => each.event === event);
    assert.deepEqual(find("step"), { event: "step", step: "record", ms: 258.2 });
    assert.deepEqual(find("progress"), { event: "progress", done: 0, total: 9283 });
    assert.deepEqual(find("ready"), { event: "ready", ms: 648.02, name: info.name, revision: 508, address: "d169ba8c3202" });
    const fields = { uuid: "9277830A-B2EB-490F-A1DD-7FE38C492EDE", major: 65535, minor: 65535, power: -128 };
    const advert = "0201061aff4c0002159277830ab2eb490fa1dd7fe38c492edeffffffff80";
    assert.deepEqual(find("advertising"), { event: "advertising", ...fields, interval: 10240, advert });
    assert.deepEqual(find("scanning"), { event: "scanning", active: true, interval: 100, window: 50, rules: [{ type: 3, data: "4c00" }] });
    assert.deepEqual(find("advert"), {
      event: "advert",
      type: 3,
      rssi: -86,
      address: "0b5e12e20001",
      addresstype: 0,
      data: advert,
      time: 12345,
      rule: 2,
      ibeacon: { ...fields, uuid: "9277830ab2eb490fa1dd7fe38c492ede" },
    });
    const error = find("error") as { [field: string]: unknown };
    assert.deepEqual([error.code, error.step, error.detail], ["no-answer", "reset", 0]);
    assert.match(String(error.message), /^blimp reset/);
    assert.match(String(error.advice), /TX and RX crossed.*CTS/);
    assert.deepEqual(find("end"), { event: "end", ms: 99999999 });
  });

  it("says what to do about an error by its step, by its code, or not at all", () => {
    assert.match(explain(failure("no-answer", "reset", 0))!, /TX and RX/);
    assert.match(explain(failure("no-answer", "setup", 0))!, /answered before/);
    assert.match(explain(failure("firmware-block", "firmware", 0))!, /binary/);
    assert.equal(explain(failure("another", "step", 0)), null);
    assert.equal(explain(new Error("not ours")), null);
  });
});
