import assert from "node:assert/strict";
import { checkFirmware, openFirmware, type FirmwareReader } from "../../core/chip/firmware.js";
import { joinImage, makeImage, Random, splitImage, type ImageRecord } from "../../hal/mock/index.js";
import { brief, hex, IMAGE, latin, OP, realImage, rejects, rig, type Rig } from "../support/rig.js";

const CODES = ["firmware-size", "firmware-record", "firmware-opcode", "firmware-launch", "firmware-block"];
const LAUNCH: ImageRecord = { opcode: OP.LAUNCH, parameters: Uint8Array.of(255, 255, 255, 255) };

/** A reader that allows no read outside the image, and none of nothing. */
function reader(image: Uint8Array): FirmwareReader {
  return {
    length: image.length,
    read(offset, target) {
      assert.ok(Number.isInteger(offset) && offset >= 0 && offset + target.length <= image.length, "a read inside the image");
      target.set(image.subarray(offset, offset + target.length));
    },
  };
}

function check(source: any): any {
  return checkFirmware(openFirmware(source), new Uint8Array(259));
}

/** What the check says of an image, which must be the same in its three forms. */
function verdict(image: Uint8Array): any {
  const copy = image.slice();
  const said = [check(image), check(latin(image)), check(reader(image))];
  assert.deepEqual(image, copy, "the image is only read");
  for (const other of said.slice(1)) assert.equal(other && brief(other), said[0] && brief(said[0]));
  return said[0];
}

function code(image: Uint8Array): string | null {
  return verdict(image)?.code ?? null;
}

function write(data: ArrayLike<number>, address = 0x211810): ImageRecord {
  return { opcode: OP.WRITE_RAM, parameters: Uint8Array.from([address & 255, (address >> 8) & 255, (address >> 16) & 255, 0, ...Array.from(data)]) };
}

/** An image without configuration blocks, of exactly so many bytes. */
function plainImage(length: number): Uint8Array {
  const records: ImageRecord[] = [];
  let left = length - 7;
  while (left > 0) {
    let size = Math.min(left, 258);
    if (left - size > 0 && left - size < 8) size -= 8;
    records.push(write(new Uint8Array(size - 7).fill(0x5a)));
    left -= size;
  }
  const image = joinImage([...records, LAUNCH]);
  assert.equal(image.length, length);
  return image;
}

function changed(change: (records: ImageRecord[]) => ImageRecord[], image = IMAGE): Uint8Array {
  return joinImage(change(splitImage(image)));
}

/** Replaces record `at`. */
function replaced(at: number, record: ImageRecord): Uint8Array {
  return changed((records) => records.map((old, i) => (i === at ? record : old)));
}

/** An image whose two blocks hold these items, with no regard to what they say. */
function withItems(first: number[], second: number[], lengths: [number, number] = [first.length, second.length], record = 251): Uint8Array {
  const head = (magic: string, length: number): number[] => [...Buffer.from(magic), 0, 0, 0, 0, length & 255, (length >> 8) & 255, 0, 0];
  const run = [...head("BRCMcfgS", lengths[0]), ...first, ...head("BRCMcfgD", lengths[1]), ...second];
  const records: ImageRecord[] = [];
  for (let at = 0; at < run.length; at += record) records.push(write(run.slice(at, at + record), 0x211810 + at));
  const filler: ImageRecord[] = [];
  for (let size = 0; size < 8192; size += 258) filler.push(write(new Uint8Array(251), 0x220000 + size));
  return joinImage([...records, ...filler, LAUNCH]);
}

const END = [0xfe, 0, 0];
const REVISION = [0x16, 3, 2, 0xfc, 1];
const NAME = [3, 3, 5, ...Buffer.from("4343A")];

describe("firmware: the check", () => {
  it("passes made images in their three forms", () => {
    for (const options of [{}, { minidriver: true }, { record: 17 }, { record: 1 }, { switches: 0 }, { address: null }, { revision: null }, { start: 0xfffff000 }]) {
      assert.equal(code(makeImage(options)), null, JSON.stringify(options));
    }
  });

  it("takes 8 KiB to 256 KiB", () => {
    const cases: [number, string | null][] = [
      [8191, "firmware-size"],
      [8192, null],
      [8193, null],
      [262144, null],
      [262145, "firmware-size"],
    ];
    for (const [length, expected] of cases) assert.equal(code(plainImage(length)), expected, String(length));
    assert.equal(code(new Uint8Array(0)), "firmware-size");
    assert.equal(code(IMAGE.subarray(0, 7)), "firmware-size");
  });

  it("finds every place at which an image may have been cut off, and says in which record", () => {
    const image = makeImage({ size: 8700, record: 60 });
    const starts: number[] = [];
    for (let at = 0; at < image.length; at += 3 + image[at + 2]) starts.push(at);
    for (let length = 8192; length < image.length; length++) {
      const said = check(image.subarray(0, length));
      const inside = starts.findLastIndex((start) => start < length);
      if (starts.includes(length)) assert.equal(said?.code, "firmware-launch", `cut off at ${length}`);
      else assert.equal(said && brief(said), `firmware-record firmware ${inside}`, `cut off at ${length}`);
    }
  });

  it("finds bytes behind the end", () => {
    for (const rest of [[0], [0x4e, 0xfc], [0x4e, 0xfc, 4], [0x4c, 0xfc, 200, 1]]) {
      assert.ok(CODES.includes(code(Uint8Array.from([...IMAGE, ...rest]))!), hex(rest));
    }
  });

  it("takes no other command, and says which record it is", () => {
    for (const opcode of [0, 0x0c03, 0xfc18, 0xfc2f, 0xfc4d, 0xfc4f, 0xfc01, 0x4cfc]) {
      for (const at of [0, 5]) assert.equal(brief(verdict(replaced(at, { opcode, parameters: Uint8Array.of(0, 0, 0, 0, 1) }))), `firmware-opcode firmware ${at}`);
    }
  });

  it("takes Download_Minidriver as the first record only, without parameters", () => {
    const minidriver = { opcode: OP.MINIDRIVER, parameters: new Uint8Array(0) };
    assert.equal(code(changed((records) => [minidriver, ...records])), null);
    assert.equal(brief(verdict(changed((records) => [minidriver, minidriver, ...records]))), "firmware-opcode firmware 1");
    assert.equal(brief(verdict(changed((records) => [records[0], minidriver, ...records.slice(1)]))), "firmware-opcode firmware 1");
    assert.equal(brief(verdict(changed((records) => [{ ...minidriver, parameters: Uint8Array.of(0) }, ...records]))), "firmware-opcode firmware 0");
  });

  it("takes no Write_RAM without data", () => {
    for (const length of [0, 1, 4]) {
      const said = verdict(replaced(7, { opcode: OP.WRITE_RAM, parameters: new Uint8Array(length) }));
      assert.ok(said, `length ${length}`);
      assert.equal(said.detail, 7);
    }
  });

  it("wants exactly one Launch_RAM, of four bytes, at the end", () => {
    assert.equal(code(changed((records) => records.slice(0, -1))), "firmware-launch");
    assert.equal(code(changed((records) => [...records, LAUNCH])), "firmware-launch");
    assert.equal(code(changed((records) => [...records, write([1])])), "firmware-launch");
    assert.equal(code(changed((records) => [LAUNCH, ...records])), "firmware-launch");
    for (const length of [0, 3, 5]) {
      const said = code(changed((records) => [...records.slice(0, -1), { opcode: OP.LAUNCH, parameters: new Uint8Array(length) }]));
      assert.ok(said === "firmware-launch" || said === "firmware-opcode", String(said));
    }
  });

  it("demands no order and no range of addresses", () => {
    assert.equal(code(changed((records) => [...records.slice(0, -1), write([1], 0xfff000), write([2], 0x10), write([3], 0x211810), LAUNCH])), null);
    assert.equal(code(changed((records) => [write([1], 0xfff000), ...records])), null);
    assert.equal(code(plainImage(10000)), null);
  });

  it("walks both blocks to their exact ends", () => {
    const good = withItems([...NAME, ...END], [...REVISION, ...END]);
    assert.equal(code(good), null);
    for (const [first, second] of [[1, 0], [-1, 0], [0, 1], [0, -1], [0, 200], [5000, 0], [60000, 0]]) {
      const image = withItems([...NAME, ...END], [...REVISION, ...END], [NAME.length + 3 + first, REVISION.length + 3 + second]);
      assert.equal(code(image), "firmware-block", `lengths off by ${first} and ${second}`);
    }
    assert.equal(code(withItems([...END, 1, 1, 0], [...END])), "firmware-block", "something behind the end of a block");
    assert.equal(code(withItems([...NAME], [...END])), "firmware-block", "a block without an end");
    assert.equal(code(withItems([0xfe, 0, 1, 7], [...END])), "firmware-block", "an end that has a length");
    assert.equal(code(withItems([3, 3, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], [...END])), "firmware-block", "a length without end");
    assert.equal(code(withItems([3, 3, ...new Array(300).fill(0x80), 0, ...END], [...END])), "firmware-block", "a length of three hundred bytes");
  });

  it("misses the second block", () => {
    const [magic] = [Buffer.from("BRCMcfgD")];
    const at = Buffer.from(IMAGE).indexOf(magic);
    assert.ok(at > 0);
    for (let i = 0; i < 8; i++) {
      const image = IMAGE.slice();
      image[at + i] ^= 0x20;
      assert.equal(code(image), "firmware-block");
    }
  });

  it("reads lengths of several bytes, and blocks in records of any size", () => {
    const long = [0x10, 1, 0xc8, 1, ...new Array(200).fill(0xfe)];
    const longer = [0x10, 1, 0x88, 0x80, 0, ...new Array(8).fill(0xfe)];
    for (const record of [1, 2, 3, 7, 250, 251]) {
      const image = withItems([...long, ...NAME, ...END], [...longer, ...REVISION, ...END], undefined, record);
      assert.equal(code(image), null, `records of ${record}`);
      const firmware = openFirmware(image);
      checkFirmware(firmware, new Uint8Array(16));
      assert.equal(firmware._revision, 508);
      assert.equal(firmware._odd == "foreign", false);
    }
  });

  it("needs no blocks, and then knows no revision", () => {
    const firmware = openFirmware(plainImage(9000));
    assert.equal(checkFirmware(firmware, new Uint8Array(16)), null);
    assert.equal(firmware._revision, -1);
  });

  it("never throws, whatever has happened to an image", () => {
    for (let seed = 1; seed <= 400; seed++) {
      const random = new Random(seed);
      let image = makeImage({ size: 8600, record: 20 + random.below(232), seed, minidriver: seed % 5 === 0 });
      for (let i = random.below(6); i >= 0; i--) {
        const at = random.below(2) ? random.below(image.length) : random.below(80);
        const kind = random.below(4);
        if (kind === 0) image[at] = random.below(256);
        else if (kind === 1) image = Uint8Array.from([...image.subarray(0, at), ...image.subarray(at + 1 + random.below(4))]);
        else if (kind === 2) image = Uint8Array.from([...image.subarray(0, at), random.below(256), ...image.subarray(at)]);
        else image[at] ^= 1 << random.below(8);
      }
      const said = seed % 10 ? check(reader(image)) : verdict(image);
      if (said) assert.ok(CODES.includes(said.code) && said.step === "firmware" && Number.isInteger(said.detail), brief(said));
    }
  });

  it("never throws on noise", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = new Random(seed);
      const image = new Uint8Array(8192 + random.below(500));
      random.fill(image);
      image.set([0x4c, 0xfc, 255], 0);
      assert.ok(CODES.includes(check(reader(image)).code));
    }
  });
});

describe("firmware: the download", () => {
  it("sends the same bytes, whatever form the image comes in", () => {
    const image = makeImage({ size: 8200 });
    const sent = [image, latin(image), reader(image)].map((firmware) => hex(rig({ firmware }).up().out()));
    assert.equal(sent[1], sent[0]);
    assert.equal(sent[2], sent[0]);
    assert.ok(sent[0].includes(hex(image.subarray(0, 258))));
  });

  it("sends a leading Download_Minidriver once", () => {
    const [bare, led] = [makeImage(), makeImage({ minidriver: true })].map((firmware) => rig({ firmware }).up());
    assert.equal(led.board.chip.count(OP.MINIDRIVER), 1);
    assert.equal(hex(led.out()), hex(bare.out()));
    assert.deepEqual(led.progress.at(-1), [IMAGE.length + 3, IMAGE.length + 3]);
  });

  it("touches nothing where the image is bad", () => {
    for (const firmware of [new Uint8Array(100), IMAGE.subarray(0, 9000), replaced(3, { opcode: OP.RESET, parameters: new Uint8Array(5) })]) {
      const r = rig({ firmware }).settle();
      assert.equal(r.errors.length, 1);
      assert.ok(CODES.includes(r.errors[0].code), brief(r.errors[0]));
      assert.equal(r.errors[0].step, "firmware");
      assert.deepEqual(r.journal.filter(({ what }) => what === "open" || what === "write"), []);
      assert.equal(r.ready.length, 0);
      r.gone();
    }
  });

  it("warns of an image that names another part", () => {
    const r = rig({ firmware: makeImage({ name: "BCM20702A1" }), board: { chip: { anypart: true } } }).up();
    assert.deepEqual(r.warnings.map((warning) => warning.code), ["foreign"]);
    assert.equal(rig().up().warnings.length, 0);
  });

  it("warns of a launch address other than 0xFFFFFFFF, and goes on", () => {
    const firmware = changed((records) => [...records.slice(0, -1), { opcode: OP.LAUNCH, parameters: Uint8Array.of(0, 0, 0x21, 0) }]);
    const r = rig({ firmware }).up();
    assert.equal(r.warnings.length, 1);
    assert.equal(hex(r.commands().find(({ opcode }) => opcode === OP.LAUNCH)!.parameters), "00002100");
  });

  it("names what is no image at once", () => {
    for (const wrong of [undefined, 5, true, {}, { length: 9000 }, { read() {} }, { length: NaN, read() {} }, [1, 2, 3]] as any[]) {
      const r = rig();
      r.bt.close();
      rejects(() => ((r as any).firmware = wrong, r.open()), "open", "firmware");
      r.gone();
      (r as any).firmware = IMAGE;
      r.open();
      r.up();
    }
  });

  it("turns a reader that throws into an error, at the check and at each stage of the download", () => {
    const good = reader(IMAGE);
    /** Opens a board whose reader throws from the given read on; tells how many reads there were, and how many of them before the reset. */
    const run = (limit: number): { r: Rig; reads: number; check: number; heal: () => void } => {
      let reads = 0;
      let check = 0;
      let broken = true;
      const firmware: FirmwareReader = {
        length: IMAGE.length,
        read(offset, target) {
          if (broken && reads >= limit) throw new Error("flash");
          reads++;
          good.read(offset, target);
        },
      };
      const r = rig({ firmware, options: { onstep: (step: string) => void (check ||= step === "reset" ? reads : 0) } });
      assert.doesNotThrow(() => r.settle(), `after ${limit} reads`);
      return { r, reads, check, heal: () => (broken = false) };
    };
    const whole = run(Infinity);
    assert.equal(whole.r.ready.length, 1);
    for (const limit of [0, 1, whole.check - 1, whole.check, whole.check + 1, whole.check + 2, whole.check + 41, whole.reads - 1]) {
      const { r, heal } = run(limit);
      assert.equal(r.ready.length, 0);
      assert.equal(r.errors.length, 1, `after ${limit} reads`);
      r.gone();
      heal();
      r.open();
      r.up();
    }
  });

  const real = realImage();
  if (real !== null) {
    it("passes the real image", () => {
      assert.equal(code(real), null);
      const firmware = openFirmware(real);
      checkFirmware(firmware, new Uint8Array(16));
      assert.equal(firmware._revision, 508);
      assert.equal(firmware._odd == "foreign", false);
    });

    it("finds every cut in the real image", () => {
      for (let length = 8192; length < real.length; length += 13) assert.ok(CODES.includes(check(real.subarray(0, length))?.code), String(length));
    });
  }
});
