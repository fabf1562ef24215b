import assert from "node:assert/strict";
import { makeImage, Random, splitImage } from "../../hal/mock/index.js";
import { complete, hex, IBEACON, IMAGE, OP, plainRig, realImage, rig, type Entry, type Rig } from "../support/rig.js";

/** Read for the log only: a host may leave them out, or ask at any time. */
const LOG_ONLY: number[] = [OP.LOCAL_NAME, OP.VERBOSE, 0xfc6e];

/** The command that a Write_RAM run stands for once. */
function opcodes(r: Rig<any>): string[] {
  const list: string[] = [];
  for (const { opcode, parameters } of r.commands()) {
    if (LOG_ONLY.includes(opcode)) continue;
    const text = opcode.toString(16) + (opcode === OP.BAUD ? `:${hex(parameters)}` : "");
    if (opcode !== OP.WRITE_RAM || list.at(-1) !== text) list.push(text);
  }
  return list;
}

function baudCommand(baud: number): string {
  return `fc18:0000${hex([baud & 255, (baud >> 8) & 255, (baud >> 16) & 255, 0])}`;
}

/** Moments of what the stack did, by name; the first of each kind after `from`. */
function when(r: Rig<any>, test: (entry: Entry) => boolean, from = 0): number {
  const entry = r.journal.find((entry) => entry.at >= from && test(entry));
  assert.ok(entry, "it happened");
  return entry.at;
}

function sent(r: Rig<any>, opcode: number, nth = 1): number {
  const found = r.commands().filter((command) => command.opcode === opcode)[nth - 1];
  assert.ok(found, `0x${opcode.toString(16)} was sent ${nth} times`);
  return found.at;
}

/** When the `nth` answer to a command had arrived whole. */
function answered(r: Rig<any>, opcode: number, nth = 1): number {
  const wanted = `${hex([opcode & 255, opcode >> 8])}00`;
  let text = "";
  let seen = 0;
  for (const entry of r.journal) {
    if (entry.what !== "in") continue;
    text = (text + hex(entry.bytes)).slice(-600);
    const at = text.search(new RegExp(`040e..01${wanted}`));
    if (at >= 0) {
      text = text.slice(at + 14);
      if (++seen === nth) return entry.at;
    }
  }
  throw new Error(`0x${opcode.toString(16)} was not answered ${nth} times`);
}

const pin = (name: string, level: number) => (entry: Entry) => entry.what === "pin" && entry.pin === name && entry.level === level;
const uart = (baud: number) => (entry: Entry) => entry.what === "open" && entry.baud === baud;

function whole(r: Rig, image = IMAGE): void {
  const expected = splitImage(image).filter(({ opcode }) => opcode === OP.WRITE_RAM);
  const got = r.board.chip.written.map(({ address, data }) => hex([address & 255, (address >> 8) & 255, (address >> 16) & 255, address >>> 24, ...data]));
  assert.deepEqual(got, expected.map(({ parameters }) => hex(parameters)));
  assert.equal(r.board.chip.state, "patched");
  assert.deepEqual(r.board.chip.violations, []);
}

describe("bring-up: the sequence", () => {
  const rise = ["c03", "1001"];
  const load = ["fc2e", "fc4c", "fc4e", "c03", "1001"];

  function begins(r: Rig<any>, expected: string[]): void {
    assert.deepEqual(opcodes(r).slice(0, expected.length), expected);
  }

  it("with flow control: raises the rate, downloads, starts anew, raises the rate again", () => {
    const r = rig().up();
    begins(r, [...rise, baudCommand(921600), ...load]);
    assert.equal(opcodes(r).filter((text) => text === baudCommand(921600)).length, 2);
    assert.equal(r.board.chip.baud, 921600);
    assert.deepEqual(
      r.journal.flatMap((entry) => (entry.what === "open" ? [[entry.baud, entry.flow]] : [])),
      [115200, 921600, 115200, 921600].map((baud) => [baud, true]),
    );
    whole(r);
  });

  it("without flow control: stays at 115200", () => {
    const r = rig({ board: { flow: false } }).up();
    begins(r, [...rise, ...load]);
    assert.deepEqual(
      r.journal.flatMap((entry) => (entry.what === "open" ? [[entry.baud, entry.flow]] : [])),
      [[115200, false]],
    );
    assert.ok(!opcodes(r).some((text) => text.startsWith("fc18")));
    whole(r);
  });

  for (const [downloadbaud, baud] of [
    [115200, 115200],
    [115200, 921600],
    [921600, 115200],
    [2000000, 921600],
    [2000000, 2000000],
    [0, 460800],
    [1500000, 0],
  ]) {
    it(`at ${downloadbaud || "the working rate"} and then ${baud || "the default"}`, () => {
      const r = rig({ options: { downloadbaud, baud } }).up();
      const [first, second] = [downloadbaud || baud, baud || 921600];
      const change = (rate: number): string[] => (rate === 115200 ? [] : [baudCommand(rate)]);
      const list = opcodes(r);
      const middle = list.indexOf("fc4e") + 3;
      assert.deepEqual(list.slice(0, middle), [...rise, ...change(first), ...load]);
      assert.deepEqual(list.slice(middle).filter((text) => text.startsWith("fc18")), change(second));
      assert.equal(r.board.chip.baud, second);
      whole(r);
    });
  }

  it("keeps the times of the data sheet and of other drivers", () => {
    const r = rig({ board: { wiring: { regon: true, lpo: true, rts: true, cts: true }, flow: false }, options: { baud: 921600 } }).up();
    const low = when(r, pin("regon", 0));
    const high = when(r, pin("regon", 1));
    assert.ok(when(r, uart(115200)) <= low, "TX idles high before the power rises");
    assert.ok(high - low >= 100, `${high - low} ms off`);
    assert.ok(when(r, pin("lpo", 0)) <= high, "LPO_IN is low before the power rises");
    assert.ok(when(r, pin("rts", 1)) <= high, "the chip's CTS is high while the power rises");
    const released = when(r, pin("rts", 0));
    assert.ok(released - high >= 100 && released - high <= 500, `CTS low ${released - high} ms after the power`);
    const reset = sent(r, OP.RESET);
    assert.ok(reset >= released && reset - high <= 500.001, `first Reset ${reset - high} ms after the power`);
    assert.deepEqual(
      r.journal.flatMap((entry) => (entry.what === "pin" ? [`${entry.pin}${entry.level}`] : [])).filter((text) => text.startsWith("regon")),
      ["regon0", "regon1"],
    );
    const raised = when(r, uart(921600));
    assert.ok(raised >= answered(r, OP.BAUD), "the rate changes after the answer");
    assert.ok(sent(r, OP.MINIDRIVER) - raised >= 1, "a millisecond after the change of rate");
    assert.ok(sent(r, OP.WRITE_RAM) - answered(r, OP.MINIDRIVER) >= 50, "50 ms after Download_Minidriver");
    const launched = answered(r, OP.LAUNCH);
    assert.ok(when(r, uart(115200), launched) < launched + 10, "back to 115200 at once");
    assert.ok(sent(r, OP.RESET, 2) - launched >= 250, "250 ms after Launch_RAM");
    whole(r);
  });

  it("waits for the chip's RTS where it can read it", () => {
    for (const boot of [10, 130, 300, 480]) {
      const r = rig({ board: { wiring: { regon: true, cts: true }, flow: false, chip: { boot } } }).up();
      const wait = sent(r, OP.RESET) - when(r, pin("regon", 1));
      assert.ok(wait >= Math.max(100, boot) && wait <= Math.max(100, boot) + 20, `${wait} ms with a chip that boots for ${boot}`);
      assert.equal(r.warnings.length, 0);
      assert.equal(r.board.wire.toChip.lost, 0);
      whole(r);
    }
  });

  it("goes on after 500 ms where RTS stays high, says so, and repeats Reset each 200 ms", () => {
    const r = rig({ board: { wiring: { regon: true, cts: true }, flow: false, chip: { boot: 1250 } } }).up();
    const high = when(r, pin("regon", 1));
    const resets = r.commands().filter(({ opcode }) => opcode === OP.RESET);
    assert.ok(Math.abs(resets[0].at - high - 500) < 6, `${resets[0].at - high} ms`);
    assert.deepEqual(r.warnings.map(({ code, step }) => `${code} ${step}`), ["rts power"]);
    const early = resets.filter(({ at }) => at < high + 1250);
    assert.equal(early.length, 4);
    for (let i = 1; i < early.length; i++) assert.ok(Math.abs(early[i].at - early[i - 1].at - 200) < 1, "200 ms from Reset to Reset");
    whole(r);
  });

  it("repeats Reset ten times at most", () => {
    const r = rig({ options: { attempts: 1 }, before: (r) => (r.board.chip.hook = () => "drop") }).settle();
    assert.equal(r.commands().filter(({ opcode }) => opcode === OP.RESET).length, 10);
  });

  it("without BT_REG_ON", () => {
    for (const flow of [true, false]) {
      const r = rig({ board: { wiring: {}, flow } }).up();
      assert.deepEqual(r.board.pins, []);
      assert.ok(r.commands().some(({ opcode }) => opcode === OP.LAUNCH));
      whole(r);
    }
  });

  it("drives no LPO_IN where a clock feeds it", () => {
    const r = rig({ board: { wiring: { regon: true, lpo: true, clock: true } } }).up();
    assert.deepEqual(r.board.pins.filter(({ pin }) => pin === "lpo"), []);
  });

  it("awakens the chip before its power rises, and keeps it awake", () => {
    const r = rig({ board: { wiring: { regon: true, devwake: true } } }).up();
    assert.ok(when(r, pin("devwake", 0)) <= when(r, pin("regon", 1)));
    assert.ok(!r.board.pins.some(({ pin, level }) => pin === "devwake" && level === 1));
  });

  it("sets the controller up: LE on, Hardware Error let through", () => {
    const r = rig().up();
    const last = (opcode: number): string => hex(r.commands().filter((command) => command.opcode === opcode).at(-1)?.parameters ?? []);
    assert.equal(last(OP.LE_HOST), "0100");
    const mask = r.commands().filter(({ opcode }) => opcode === OP.EVENT_MASK).at(-1)!.parameters;
    assert.equal(mask.length, 8);
    assert.ok(mask[1] & 0x80, "Hardware Error, bit 15");
    assert.ok(sent(r, OP.COMMANDS) > answered(r, OP.LAUNCH), "abilities are asked of the patched chip");
  });

  it("tells of each step once and in order, of the whole image, and then that it is ready", () => {
    const r = rig();
    assert.equal(r.calls, 0, "no callback inside open");
    assert.equal(r.bt.address(), null);
    r.up();
    const order = ["firmware", "power", "reset", "identity", "baud", "minidriver", "record", "launch", "settle", "reset", "identity", "address", "baud", "setup"];
    const told = r.steps.filter((step) => step !== "firmware");
    const wanted = order.slice(1);
    for (const step of told) {
      const at = wanted.indexOf(step);
      assert.ok(at >= 0, `${step} in ${told}`);
      assert.ok(wanted.splice(0, at + 1).length === 1 || step !== "record", String(told));
    }
    assert.ok(told.includes("setup") && told.includes("record") && told.includes("launch") && told.includes("settle"));
    const totals = r.progress.map(([, total]) => total);
    assert.ok(totals.every((total) => total === IMAGE.length));
    assert.deepEqual(r.progress.at(-1), [IMAGE.length, IMAGE.length]);
    for (let i = 1; i < r.progress.length; i++) assert.ok(r.progress[i][0] > r.progress[i - 1][0]);
    const { ms, name, revision, address } = r.ready[0];
    assert.ok(Math.abs(ms - r.now) < 1, `${ms} of ${r.now} ms`);
    assert.ok(name.startsWith("BCM43438A1"), name);
    assert.equal(revision, 508);
    assert.match(address, /^[0-9a-f]{12}$/);
    assert.equal(r.bt.address(), address);
    assert.equal(r.errors.length + r.warnings.length, 0);
  });

  it("is a function of the seed", () => {
    const runs = [1, 1, 2].map((seed) => {
      const r = rig({ board: { seed, random: seed < 3 } });
      r.bt.startadvertise(IBEACON, 100, 100);
      r.up().run(2000);
      return JSON.stringify([r.journal, r.adverts, r.ready]);
    });
    assert.equal(runs[0], runs[1]);
    assert.notEqual(runs[0], runs[2]);
  });

  it("is quiet once it is ready", () => {
    const r = rig().up();
    const from = r.mark();
    r.run(9000);
    assert.deepEqual(r.commands(from), []);
  });

  it("recognises the answer to Reset whatever its packet count", () => {
    for (const credits of [0, 1, 2, 255]) {
      const r = rig({ before: (r) => (r.board.chip.hook = (opcode) => (opcode === OP.RESET ? { bytes: complete(OP.RESET, [0], credits) } : undefined)) });
      r.up(30_000);
    }
  });

  it("does not expect the two extra bytes of old tools, and puts up with them", () => {
    const extra = Uint8Array.from([...complete(OP.MINIDRIVER, [0]), 0x55, 0xaa]);
    const r = rig({
      before: (r) => {
        r.board.chip.hook = (opcode) => {
          if (opcode === OP.MINIDRIVER) r.clock.after(1.2, () => r.board.chip.inject(extra.subarray(7)));
          return undefined;
        };
      },
    }).up();
    assert.equal(r.warnings.length, 0);
    whole(r);
  });
});

describe("bring-up: without firmware", () => {
  it("on a standard controller", () => {
    for (const flow of [true, false]) {
      const r = plainRig({ board: { flow } }).up(5000);
      assert.ok(r.commands().every(({ opcode }) => opcode >> 10 !== 0x3f), "no vendor command");
      assert.deepEqual(r.board.chip.violations, []);
      r.bt.startadvertise(IBEACON, 20, 20);
      assert.deepEqual(r.onair(), [`3:${hex(IBEACON)}`]);
      r.bt.close();
      r.gone();
    }
  });

  it("on a standard controller at another rate", () => {
    const r = plainRig({ board: { chip: { baud: 1000000 } }, options: { resetbaud: 1000000 } }).up(5000);
    assert.deepEqual(r.journal.flatMap((entry) => (entry.what === "open" ? [entry.baud] : [])), [1000000]);
  });

  it("on the ROM of a CYW43438: loudly", () => {
    const r = rig({ firmware: null }).settle();
    assert.ok(!r.commands().some(({ opcode }) => opcode === OP.MINIDRIVER));
    assert.equal(r.warnings.length + r.errors.length, 1);
    assert.equal([...r.warnings, ...r.errors][0].code, "rom");
  });

  it("on a CYW43438 that has a patch already and no power line", () => {
    const r = rig({
      firmware: null,
      board: { wiring: {} },
      before: (r) => r.run(100).board.chip.load(IMAGE),
    }).up();
    assert.equal(r.ready[0].revision, 508);
    assert.equal(r.warnings.length, 0);
  });
});

describe("bring-up: how the UART delivers", () => {
  it("packets split and joined in any way", () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = new Random(seed);
      const most = [1, 2, 3, 7, 40, 300][seed % 6];
      const r = rig({
        board: { seed, wire: { chunk: () => 1 + random.below(most) }, strings: seed % 2 === 0, flow: seed % 3 > 0 },
        options: { baud: [115200, 921600, 2000000][seed % 3] },
      });
      r.bt.startadvertise(IBEACON, 100, 100, "\x03\xff\xfe\xfd");
      r.up();
      whole(r);
      assert.deepEqual(r.onair(), [`2:${hex(IBEACON)}`]);
      assert.equal(r.bt.counters().resyncs, 0);
    }
  });

  it("diagnostics and empty packets in between", () => {
    const r = rig({ board: { chip: { diagnostics: 7, noise: 5 } } });
    r.up();
    const { resyncs } = r.bt.counters();
    for (const empty of [[0], [0x31], [0x34], [0, 0x31, 0x34, 0]]) r.board.chip.inject(Uint8Array.from(empty));
    r.bt.startadvertise(IBEACON, 100, 100);
    assert.deepEqual(r.onair(), [`3:${hex(IBEACON)}`]);
    r.run(5000);
    assert.equal(r.bt.counters().resyncs, resyncs);
    assert.equal(r.errors.length + r.warnings.length, 0);
    assert.deepEqual(r.board.chip.violations, []);
  });
});

describe("bring-up: the download's time", () => {
  const real = realImage();
  const images: [string, Uint8Array, (baud: number) => number][] = [["a made image", makeImage({ size: 20000 }), () => 0]];
  if (real !== null) images.push(["the real image", real, (baud) => ({ 115200: 2753, 921600: 397, 2000000: 216 })[baud]!]);
  for (const [what, image, known] of images) {
    for (const baud of [115200, 921600, 2000000]) {
      it(`of ${what} at ${baud} is within 1 % of what wire and turn-around need, the whole of it in order`, () => {
        const r = rig({ firmware: image, options: { baud } }).up();
        whole(r, image);
        const records = splitImage(image);
        const bytes = image.length + records.length * (1 + 7);
        const bound = (bytes * 10_000) / baud + records.length * 0.5;
        if (known(baud)) assert.ok(Math.abs(bound - known(baud)) < 1, `the bound is ${bound} ms`);
        const took = answered(r, OP.LAUNCH) - sent(r, OP.WRITE_RAM);
        assert.ok(took <= bound * 1.01 && took > bound * 0.99, `${took} ms, bound ${bound} ms`);
        if (image === real) assert.equal(r.ready[0].revision, 508);
      });
    }
  }
});
