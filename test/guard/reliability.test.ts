import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { KINDS } from "../simulate/kinds.js";

const PAGE = readFileSync("docs/reliability.md", "utf8");

/** The names of tests in a source, as they are written there: those made of a template with its expressions. */
function namesIn(source: string): string[] {
  const call = /\b(?:it|describe)\(\s*(?:"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g;
  return [...source.matchAll(call)].map((match) => match[1] ?? match[2]);
}

/** What a page claims: file, and names of tests in it. A name may have quotation marks inside of `${}`. */
function claimsIn(page: string): [string, string[]][] {
  const name = '"(?:\\$\\{[^}]*\\}|[^"$])+"';
  const claim = new RegExp(`\`([\\w-]+/[\\w-]+\\.test\\.ts)\`: (${name}(?:, ${name})*)`, "g");
  return [...page.matchAll(claim)].map(([, file, names]) => [file, names.match(new RegExp(name, "g"))!.map((text) => text.slice(1, -1))]);
}

function missing(page: string): string[] {
  return claimsIn(page).flatMap(([file, names]) => {
    const path = join("test", file);
    if (!existsSync(path)) return [file];
    const there = namesIn(readFileSync(path, "utf8"));
    return names.filter((name) => !there.includes(name)).map((name) => `${file}: ${name}`);
  });
}

/** Kinds of fault that a page names behind "simulate:". */
function kindsIn(page: string): string[] {
  return [...page.matchAll(/simulate: ([\w, ]+)/g)].flatMap(([, list]) => list.trim().split(", "));
}

describe("docs/reliability.md", () => {
  it("names tests that exist, and every row of a fault names some", () => {
    assert.deepEqual(missing(PAGE), []);
    assert.ok(claimsIn(PAGE).length > 40);
    const tables = PAGE.slice(PAGE.indexOf("## Faults survived"), PAGE.indexOf("## Time to be back"));
    const rows = tables.split("\n").filter((line) => line.startsWith("| ") && !line.endsWith("| shown by |"));
    assert.ok(rows.length > 30);
    for (const row of rows) assert.ok(claimsIn(row).length > 0, row);
    // Each mention of a file is a claim that was understood.
    assert.equal(claimsIn(tables).length, [...tables.matchAll(/\.test\.ts`/g)].length);
  });

  it("names every kind of fault of the simulation, and no other", () => {
    assert.deepEqual([...new Set(kindsIn(PAGE))].sort(), Object.keys(KINDS).sort());
  });

  it("would miss a test that has another name, and a file that is not there", () => {
    assert.deepEqual(missing('`core/sleep.test.ts`: "goes on after a recovery", "goes on for ever"'), ["core/sleep.test.ts: goes on for ever"]);
    assert.deepEqual(missing('`core/slept.test.ts`: "goes on after a recovery"'), ["core/slept.test.ts"]);
  });
});
