import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { createSnoopWriter } from "../../targets/node/btsnoop.js";
import { useFolder } from "./support/folder.js";

const HEADER = "6274736e6f6f70000000000100" + "0003ea";

describe("btsnoop", () => {
  const path = useFolder();

  it("has the header of H4, and a record for each packet", () => {
    let now = 1000;
    const file = path("a.btsnoop");
    const writer = createSnoopWriter(file, { now: () => now, date: Date.UTC(2000, 0, 1) });
    writer.sink(true, Uint8Array.of(9, 1, 3, 0x0c, 0, 9), 1, 4);
    now += 0.25;
    writer.sink(false, Uint8Array.of(4, 0x0e, 4, 1, 3, 0x0c, 0), 0, 7);
    now += 1;
    writer.sink(true, Uint8Array.of(2, 0, 0, 1, 0, 7), 0, 6);
    writer.sink(false, Uint8Array.of(2, 0, 0, 1, 0, 7), 0, 6);
    writer.close();
    assert.equal(
      readFileSync(file, "hex"),
      HEADER +
        "00000004" + "00000004" + "00000002" + "00000000" + "00e03ab44a676000" + "01030c00" +
        "00000007" + "00000007" + "00000003" + "00000000" + "00e03ab44a6760fa" + "040e0401030c00" +
        "00000006" + "00000006" + "00000000" + "00000000" + "00e03ab44a6764e2" + "020000010007" +
        "00000006" + "00000006" + "00000001" + "00000000" + "00e03ab44a6764e2" + "020000010007",
    );
  });

  it("takes the present for its date", () => {
    const file = path("a.btsnoop");
    const writer = createSnoopWriter(file);
    writer.sink(true, Uint8Array.of(1, 3, 0x0c, 0), 0, 4);
    writer.close();
    const time = readFileSync(file).readBigUInt64BE(16 + 16) - 0x00dcddb30f2f8000n;
    assert.ok(Math.abs(Number(time / 1000n) - Date.now()) < 5000);
  });

  it("is whole however long the trace and its packets are", () => {
    const file = path("a.btsnoop");
    const writer = createSnoopWriter(file, { now: () => 0 });
    const packet = new Uint8Array(65540).fill(2);
    for (let i = 0; i < 20; i++) writer.sink(true, packet, 0, packet.length);
    writer.flush();
    assert.equal(readFileSync(file).length, 16 + 20 * (24 + packet.length));
    writer.close();
  });

  it("drops what comes after its end, and may be ended again", () => {
    const file = path("a.btsnoop");
    const listeners = process.listenerCount("exit");
    const writer = createSnoopWriter(file);
    writer.close();
    writer.close();
    writer.flush();
    writer.sink(true, Uint8Array.of(1, 3, 0x0c, 0), 0, 4);
    assert.equal(readFileSync(file, "hex"), HEADER);
    assert.equal(process.listenerCount("exit"), listeners);
  });

  it("tells at once where no file can be made", () => {
    assert.throws(() => createSnoopWriter(path("no/such/folder")), { code: "ENOENT" });
  });

  it("tells at its end what could not be written", function () {
    if (process.platform !== "linux") this.skip();
    const writer = createSnoopWriter("/dev/full");
    writer.sink(true, Uint8Array.of(1, 3, 0x0c, 0), 0, 4);
    writer.flush();
    writer.sink(true, Uint8Array.of(1, 3, 0x0c, 0), 0, 4);
    assert.throws(() => writer.close(), { code: "ENOSPC" });
    writer.close();
  });

  it("is complete when the program exits in the midst of it", () => {
    const file = path("a.btsnoop");
    const library = pathToFileURL("dist/node/esm/blimp.js").href;
    const program = `
      import { createSnoopWriter } from ${JSON.stringify(library)};
      createSnoopWriter(${JSON.stringify(file)}).sink(true, Uint8Array.of(1, 3, 0x0c, 0), 0, 4);
      process.exit(0);`;
    assert.equal(spawnSync(process.execPath, ["--input-type=module", "-e", program]).status, 0);
    assert.equal(readFileSync(file).length, 16 + 24 + 4);
  }).timeout(10000);
});
