import { compileFilter, matchReport } from "../../core/gap/rules.js";
import { check, finish, same } from "./_check.js";
import { bytes } from "./_chip.js";

/** Type 3, random address c0ffee123456, the three data bytes 01 02 03, -60 dBm; and an empty one of unknown strength. */
const REPORT = bytes("0301563412eeffc003010203c4");
const EMPTY = bytes("0000563412eeffc0007f");

function match(rules: any, report: Uint8Array): number {
  return matchReport(compileFilter(rules), report, 0);
}

check("rules: all, none, the first that matches", function () {
  same(match([{}], REPORT), 0, "{}");
  same(match([], REPORT), -1, "[]");
  same(match([{ type: 0 }, { type: 3 }, {}], REPORT), 1, "second");
});

check("rules: each key", function () {
  same(match([{ type: 3, addresstype: 1, minrssi: -60 }], REPORT), 0, "numbers");
  same(match([{ addresstype: 0 }], REPORT), -1, "addresstype");
  same(match([{ minrssi: -59 }], REPORT), -1, "minrssi");
  same(match([{ minrssi: -127 }], EMPTY), -1, "minrssi of an unknown signal");
  same(match([{ address: "C0FFEE123456" }], REPORT), 0, "address");
  same(match([{ address: "c0ffee12345_" }], REPORT), 0, "address with _");
  same(match([{ address: "c0ffee1234_7" }], REPORT), -1, "another address");
  same(match([{ data: "\x02\x03" }], REPORT), 0, "data");
  same(match([{ data: "\x01\x03" }], REPORT), -1, "data not in one piece");
  same(match([{ data: "\x03\x04" }], REPORT), -1, "data behind the end");
  same(match([{ data: "" }], EMPTY), 0, "no data");
  same(match([{ cb: check, name: 7 }], EMPTY), 0, "unknown keys");
});

check("rules: bad arguments", function () {
  const wrong: any[] = [7, [7], [{ type: 5 }], [{ minrssi: 21 }], [{ address: "c0ffee" }], [{ data: 3 }], [{ collect: 0 }], [{ collectmax: -1 }]];
  for (let i = 0; i < wrong.length; i++) {
    let code = "";
    try {
      compileFilter(wrong[i]);
    } catch (e) {
      code = (e as any).code;
    }
    same(code, "argument", "error " + i);
  }
});

finish();
