import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createFileStore } from "../../targets/node/index.js";
import { blimp } from "./support/cli.js";
import { useFolder } from "./support/folder.js";

describe("blimp reset", function () {
  this.timeout(30000);
  const path = useFolder();

  it("erases what --bonds has kept, and says what that was", () => {
    const serve = (): any[] => {
      const { out } = blimp("serve", "examples/heart-rate.json", "--level", "3", "--bonds", path("bonds"), "--fast", "--json", "--duration", "20");
      return out.trimEnd().split("\n").map((line) => JSON.parse(line));
    };
    const first = serve();
    assert.ok(first.some(({ event, bonded }) => event === "secure" && bonded === true));
    const { address } = first.find(({ event }) => event === "ready");
    assert.equal(serve().find(({ event }) => event === "ready").address, address);
    const run = blimp("reset", path("bonds"), "--json");
    assert.deepEqual([run.status, run.errors, JSON.parse(run.out)], [0, "", { event: "reset", file: path("bonds"), bonds: 1, address: true }]);
    assert.deepEqual(readdirSync(path(".")), []);
  });

  it("tells people what is gone", () => {
    createFileStore(path("bonds")).save(Uint8Array.from([1, 6, 1, 2, 3, 4, 5, 0xc6]));
    assert.deepEqual(blimp("reset", path("bonds")), { status: 0, out: `erased ${path("bonds")}: 0 bonds and the device's address\n`, errors: "" });
    assert.ok(!existsSync(path("bonds")));
  });

  it("leaves files of another kind alone", () => {
    writeFileSync(path("letter"), "Dear Sir or Madam");
    const { status, out, errors } = blimp("reset", path("letter"));
    assert.deepEqual([status, out], [2, ""]);
    assert.match(errors, /letter is not a store of blimp; it is left as it is/);
    assert.equal(readFileSync(path("letter"), "utf8"), "Dear Sir or Madam");
    assert.match(blimp("reset", path("none")).errors, /none: there is no such file\nTry blimp reset --help\.\n$/);
    assert.match(blimp("reset").errors, /FILE is missing/);
  });
});
