import assert from "node:assert/strict";
import { createBoard, ImageOpcode, joinImage, makeImage, splitImage, type ImageOptions } from "../../hal/mock/index.js";
import { hex, le } from "./rawhost.js";

describe("patch image", () => {
  it("is a run of Write_RAM with Launch_RAM last", () => {
    const records = splitImage(makeImage({ size: 1000, switches: 2 }));
    assert.deepEqual(
      records.map(({ opcode, parameters }) => [opcode, parameters.length]),
      [...[255, 255, 255, 251, 5, 5].map((length) => [ImageOpcode.WRITE_RAM, length]), [ImageOpcode.LAUNCH_RAM, 4]],
    );
    assert.equal(hex(records[0].parameters.slice(0, 12)), "10182100" + hex(new TextEncoder().encode("BRCMcfgS")));
    assert.equal(hex(records[1].parameters.slice(0, 4)), hex(le(0x211810 + 251, 4)));
    assert.equal(hex(records.at(-2)!.parameters.slice(0, 4)), "dc300d00");
    assert.equal(hex(records.at(-1)!.parameters), "ffffffff");
  });

  it("has the two blocks byte for byte", () => {
    const options: ImageOptions = { revision: 0x1234, name: "4343", address: "010203040506", size: 0, switches: 0, start: 0x100 };
    const [first, launch] = splitImage(makeImage(options));
    const expected = [
      ...le(0x100, 4),
      ...new TextEncoder().encode("BRCMcfgS"),
      ...[0, 0, 0, 0, 12, 0, 0, 0],
      ...[0x00, 0x03, 6, 6, 5, 4, 3, 2, 1],
      ...[0xfe, 0, 0],
      ...new TextEncoder().encode("BRCMcfgD"),
      ...[0, 0, 0, 0, 16, 0, 0, 0],
      ...[0x03, 0x03, 5, 0x34, 0x33, 0x34, 0x33, 0],
      ...[0x16, 0x03, 2, 0x34, 0x12],
      ...[0xfe, 0, 0],
    ];
    assert.equal(hex(first.parameters), hex(expected));
    assert.equal(launch.opcode, ImageOpcode.LAUNCH_RAM);
  });

  it("has the size that was asked for, and begins with a mini driver if asked to", () => {
    for (const size of [200, 201, 202, 1000, 1009, 1010, 16_316, 29_193]) {
      const records = splitImage(makeImage({ size, switches: 0, minidriver: true }));
      assert.equal(records[0].opcode, ImageOpcode.DOWNLOAD_MINIDRIVER);
      const written = records.slice(1, -1).reduce((sum, { parameters }) => sum + parameters.length - 4, 0);
      assert.equal(written, size);
    }
  });

  it("comes apart and together again, a cut one without its last record", () => {
    const image = makeImage();
    assert.deepEqual(joinImage(splitImage(image)), image);
    assert.equal(splitImage(image.subarray(0, image.length - 1)).length, splitImage(image).length - 1);
    assert.equal(splitImage(image.subarray(0, image.length - 5)).length, splitImage(image).length - 1);
  });

  it("makes of the chip what it holds, with or without the items", () => {
    const board = createBoard();
    assert.throws(() => board.chip.load(makeImage()), /no power/);
    board.chip.power(1);
    board.chip.load(makeImage({ revision: 7, address: "001122334455", record: 1, size: 300 }));
    assert.equal(board.chip.state, "patched");
    assert.equal(board.chip.controller.identity.revision, 7);
    assert.equal(hex(board.chip.controller.address), "554433221100");
    board.chip.load(makeImage({ revision: null, address: null, name: "x" }));
    assert.equal(board.chip.state, "dead");
    board.chip.load(makeImage({ revision: null, address: null }));
    assert.equal(board.chip.controller.identity.revision, 0);
    assert.equal(hex(board.chip.controller.address), "aaaaaaaaaaaa");
  });

  it("is a function of its seed", () => {
    assert.deepEqual(makeImage({ seed: 3 }), makeImage({ seed: 3 }));
    assert.notDeepEqual(makeImage({ seed: 3 }), makeImage({ seed: 4 }));
  });
});
