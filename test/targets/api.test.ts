import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Sections of a page, by their headings: what stands below each, the next heading excluded. */
function sections(page: string): [heading: string, text: string][] {
  return readFileSync(page, "utf8").split(/^(?=#{2,4} )/m).slice(1).map((section) => [section.slice(0, section.indexOf("\n")), section.slice(section.indexOf("\n") + 1)]);
}

describe("the API reference", function () {
  this.timeout(60000);

  it("is what the docstrings say", () => {
    const { status, stderr } = spawnSync(process.execPath, ["api.mjs", "--check"], { encoding: "utf8" });
    assert.deepEqual([stderr, status], ["", 0]);
  });

  it("says something of each method of an instance and a connection", () => {
    const found = sections("docs/api.md").filter(([heading]) => /^#### `(bt|conn)\./.test(heading));
    assert.ok(found.length > 40, `${found.length}`);
    assert.deepEqual(found.filter(([, text]) => text.replace(/```[^]*?```/, "").trim() === "").map(([heading]) => heading), []);
  });

  it("names the parameters that a method has, and no others", () => {
    for (const page of ["docs/api.md", "docs/api-mock.md"]) {
      for (const [heading, text] of sections(page)) {
        const call = /`(?:new )?[\w.]+\((.*)\)`$/.exec(heading);
        if (call === null) continue;
        const names: string[] = call[1].match(/\w+/g) ?? [];
        for (const [, name] of text.matchAll(/^- `(\w+)`: /gm)) assert.ok(names.includes(name), `${page}: ${name} of ${heading}`);
      }
    }
  });

  it("has links that lead somewhere", () => {
    for (const page of ["docs/api.md", "docs/api-mock.md"]) {
      const text = readFileSync(page, "utf8");
      for (const [, path] of text.matchAll(/\]\(\.\.\/([\w./-]+\.ts)\)/g)) assert.doesNotThrow(() => readFileSync(path), path);
      const headings = sections(page).map(([heading]) => heading.replace(/^#+ /, "").toLowerCase().replace(/[^\w -]/g, "").replace(/ /g, "-"));
      for (const [, anchor] of text.matchAll(/\]\(#([\w-]+)\)/g)) assert.ok(headings.includes(anchor), `${page}#${anchor}`);
    }
  });
});
