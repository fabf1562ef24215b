import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { linked } from "../support/links.js";

const PAGE = readFileSync("docs/impos.md", "utf8");

/** Every call of impOS: the class, its instances, connections. */
const IMP = {
  bt: "close address startadvertise stopadvertise setscanparams setscanfilter startscan stopscan onconnect servegatt setsecurity getsecuritycode".split(" "),
  conn: "address security onclose close".split(" "),
};

/** What stands in the page's blocks of JavaScript and in the columns that say "here". */
const OURS = [...PAGE.matchAll(/```js\n([^]*?)```/g)].map(([, code]) => code).join("\n") + PAGE.split("\n").filter((line) => line.startsWith("|")).map((line) => line.split("|").slice(2).join("|")).join("\n");

function named(object: "bt" | "conn"): string[] {
  return [...new Set([...OURS.matchAll(new RegExp(`\\b${object}\\.(\\w+)\\(`, "g"))].map(([, name]) => name))];
}

describe("the page for those who come from impOS", () => {
  it("has every call of impOS beside ours", () => {
    assert.match(PAGE, /^\| `hardware\.bluetooth\.open\(uart, firmware\[, options\]\)` \| `blimp\.open\(/m);
    for (const [object, names] of Object.entries(IMP)) {
      for (const name of names) assert.match(PAGE, new RegExp(`^\\| \`${object}\\.${name}\\([^|]*\\)\` \\| \`${object}\\.${name}\\(`, "m"), `${object}.${name}`);
    }
  });

  it("names no call of ours that does not exist, and forgets none", () => {
    const { rig, connection } = linked();
    const bt: any = rig.bt;
    for (const name of named("bt")) assert.ok(name in bt, `bt.${name}`);
    for (const name of named("conn")) assert.ok(name in connection, `conn.${name}`);
    const mine = (object: any): string[] => {
      const names: string[] = [];
      for (const name in object) if (typeof object[name] === "function" && !name.startsWith("_")) names.push(name);
      return names;
    };
    assert.deepEqual(mine(bt).filter((name) => !named("bt").includes(name)), []);
    assert.deepEqual(mine(connection).filter((name) => !named("conn").includes(name)), []);
  });

  it("names options and events as they are", () => {
    const source = readFileSync("core/options.ts", "utf8");
    for (const [, name] of PAGE.matchAll(/\boptions\.(\w+)/g)) assert.match(source, new RegExp(`^ {2}${name}\\?:`, "m"), name);
  });
});
