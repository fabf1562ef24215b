import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createBoard, makeImage, Random, splitImage, type Board, type BoardOptions, type ImageRecord } from "../../hal/mock/index.js";
import { hex, le, RawHost, unhex } from "./rawhost.js";

const RESET = 0x0c03;
const VERSION = 0x1001;

function powered(options: BoardOptions = {}): { board: Board; host: RawHost } {
  const board = createBoard(options);
  const host = new RawHost(board);
  host.open();
  board.hal.gpio.regon?.(1);
  board.clock.run(100);
  return { board, host };
}

function download(host: RawHost, image: Uint8Array): void {
  host.ok(0xfc2e);
  host.board.clock.run(50);
  for (const { opcode, parameters } of splitImage(image)) if (opcode !== 0xfc2e) host.ok(opcode, parameters);
}

/** The file `path` seen from `folder` or from the nearest folder above it that has one. */
function findUp(folder: string, path: string): string | null {
  if (existsSync(join(folder, path))) return join(folder, path);
  return dirname(folder) === folder ? null : findUp(dirname(folder), path);
}

describe("virtual CYW43438: power", () => {
  it("is deaf, with RTS high, until it has booted", () => {
    const board = createBoard({ wiring: { regon: true, cts: true }, flow: false, chip: { boot: 80 } });
    const host = new RawHost(board);
    host.open();
    assert.equal(board.hal.gpio.cts!(), 1);
    board.hal.gpio.regon!(1);
    assert.equal(host.silent(RESET, 79.9), true);
    assert.equal(board.hal.gpio.cts!(), 1);
    assert.ok(board.wire.toChip.lost === 4);
    board.clock.run(0.2);
    assert.equal(board.hal.gpio.cts!(), 0);
    host.ok(RESET);
  });

  it("lets a host with flow control wait", () => {
    const board = createBoard();
    const host = new RawHost(board);
    host.open();
    board.hal.gpio.regon!(1);
    host.send(RESET);
    board.clock.run(79);
    assert.equal(board.wire.toChip.sent, 0);
    board.clock.run(10);
    assert.equal(hex(host.packets[0].bytes), "040e0401030c00");
    assert.equal(board.wire.toChip.lost, 0);
  });

  it("answers the reset after the turn-around, to the microsecond", () => {
    const { board, host } = powered();
    const start = board.clock.now;
    host.ok(RESET);
    const wire = ((4 + 7) * 10_000) / 115200;
    assert.ok(Math.abs(board.clock.now - start - wire - 0.5) < 1e-6);
  });

  it("shows the ROM's identity", () => {
    const { host } = powered();
    assert.equal(hex(host.command(VERSION)), "00 07 0000 07 0f00 0922".replaceAll(" ", ""));
    assert.equal(hex(host.command(0x1009)), "00aaaaaaaaaaaa");
    const name = host.command(0x0c14);
    assert.equal(name.length, 249);
    assert.equal(String.fromCharCode(...name.slice(1, 12)), "BCM43430A1\0");
    assert.equal(hex(host.command(0x1003)), "00bffecffedbff7b87");
    assert.equal(hex(host.command(0x1005)), "00fd034008000100");
    assert.equal(hex(host.command(0xfc79)), "005eff00000000");
    assert.equal(hex(host.command(0xfc6e).slice(0, 2)), "002e");
    const bitmap = "ffffff03ccffefffffffec1ff20fe8fe3ff78fff1c00040061f7ffff7ff8ffffff3f0000000000000008";
    assert.equal(hex(host.command(0x1002)), "00" + bitmap.padEnd(128, "0"));
  });

  it("forgets everything without power, and answers nothing", () => {
    const { board, host } = powered();
    host.ok(0xfc01, [1, 2, 3, 4, 5, 6]);
    board.hal.gpio.regon!(0);
    assert.equal(board.chip.state, "off");
    board.clock.run(100);
    board.hal.gpio.regon!(1);
    board.clock.run(100);
    assert.equal(hex(host.command(0x1009)), "00aaaaaaaaaaaa");
    assert.deepEqual(
      board.pins.map(({ time, pin, level }) => [Math.round(time), pin, level]),
      [
        [0, "regon", 1],
        [102, "regon", 0],
        [202, "regon", 1],
      ],
    );
  });

  it("is on from the beginning where BT_REG_ON is not wired", () => {
    const board = createBoard({ wiring: {} });
    assert.equal(board.hal.gpio.regon, undefined);
    board.clock.run(80);
    assert.equal(board.chip.state, "rom");
  });

  it("sends boot noise and diagnostics where asked to", () => {
    const { board, host } = powered({ chip: { noise: 3, diagnostics: 10 } });
    host.ok(RESET);
    board.clock.run(100);
    assert.equal(host.zeros, 3);
    assert.ok(host.packets.filter(({ bytes }) => bytes[0] === 7).length >= 9);
  });
});

describe("virtual CYW43438: download", () => {
  it("takes a patch and starts with it", () => {
    const { board, host } = powered({ flow: false, wiring: { regon: true, cts: true } });
    const image = makeImage({ revision: 0x145, name: "BCM43438A1 test", address: "43:43:a1:12:1f:ac", size: 1500 });
    download(host, image);
    // Launch_RAM has been answered; the chip pretends to be ready for 2 ms.
    assert.equal(board.chip.state, "starting");
    assert.equal(board.hal.gpio.cts!(), 0);
    host.send(RESET);
    board.clock.run(1.9);
    assert.equal(board.hal.gpio.cts!(), 0);
    board.clock.run(0.2);
    assert.equal(board.hal.gpio.cts!(), 1);
    board.clock.run(147.8);
    assert.equal(board.hal.gpio.cts!(), 1);
    board.clock.run(0.2);
    assert.equal(board.hal.gpio.cts!(), 0);
    assert.equal(board.wire.toChip.lost, 4);
    assert.equal(board.chip.state, "patched");
    assert.equal(hex(host.command(VERSION)), "0007450107" + "0f000922");
    assert.equal(hex(host.command(0x1009)), "00ac1f12a14343");
    assert.equal(String.fromCharCode(...host.command(0x0c14).slice(1, 16)), "BCM43438A1 test");
    const records = splitImage(image).slice(0, -1);
    assert.deepEqual(
      board.chip.written.map(({ address, data }) => hex([...le(address, 4), ...data])),
      records.map(({ parameters }) => hex(parameters)),
    );
    assert.deepEqual(board.chip.violations, []);
  });

  it("answers Launch_RAM at the download rate and is back at 115200 afterwards", () => {
    const { board, host } = powered();
    host.ok(0xfc18, [0, 0, ...le(921600, 4)]);
    host.open(921600);
    download(host, makeImage());
    board.clock.run(250);
    assert.equal(board.chip.baud, 115200);
    host.open(115200);
    assert.equal(hex(host.command(VERSION).slice(2, 4)), "fc01");
    assert.equal(board.wire.toHost.garbled, 0);
  });

  it("in download mode answers nothing else, and reads back what was written", () => {
    const { board, host } = powered();
    host.ok(0xfc2e);
    board.clock.run(50);
    host.ok(0xfc4c, [...le(0x211810, 4), 1, 2, 3]);
    assert.equal(hex(host.command(0xfc4d, [...le(0x211811, 4), 4])), "0002030000");
    assert.equal(host.silent(RESET), true);
    assert.equal(host.silent(VERSION), true);
    assert.equal(host.status(0xfc4c, [1, 2, 3, 4]), 0x12);
  });

  it("is deaf after Download_Minidriver, with RTS low", () => {
    const { board, host } = powered();
    host.ok(0xfc2e);
    assert.equal(board.wire.chip.rts, 0);
    host.send(0xfc4c, [0, 0, 0, 0, 1]);
    board.clock.run(50);
    assert.equal(board.wire.toChip.lost, 9);
    host.ok(0xfc4c, [0, 0, 0, 0, 1]);
  });

  it("takes Write_RAM and Launch_RAM in download mode only", () => {
    const { host } = powered();
    assert.equal(host.status(0xfc4c, [0, 0, 0, 0, 1]), 0x0c);
    assert.equal(host.status(0xfc4e, [255, 255, 255, 255]), 0x0c);
  });

  const bad: { [what: string]: (image: ImageRecord[]) => ImageRecord[] } = {
    "a record is missing": (records) => records.filter((_, i) => i !== 2),
    "the first record is missing": (records) => records.slice(1),
    "a byte of a length is wrong": (records) =>
      records.map((record, i) => (i === 0 ? { ...record, parameters: record.parameters.map((b, k) => (k === 16 ? b + 1 : b)) } : record)),
    "nothing was written": (records) => records.slice(-1),
  };
  for (const [what, damage] of Object.entries(bad)) {
    it(`is silent for ever after the launch if ${what}`, () => {
      const { board, host } = powered({ flow: false });
      host.ok(0xfc2e);
      board.clock.run(50);
      for (const { opcode, parameters } of damage(splitImage(makeImage()))) host.ok(opcode, parameters);
      board.clock.run(5000);
      assert.equal(board.chip.state, "dead");
      assert.equal(host.silent(RESET), true);
      board.hal.gpio.regon!(0);
      board.hal.gpio.regon!(1);
      board.clock.run(100);
      host.ok(RESET);
    });
  }

  it("is silent for ever after a patch for another part, unless told to take any", () => {
    for (const anypart of [false, true]) {
      const { board, host } = powered({ flow: false, chip: { anypart } });
      download(host, makeImage({ name: "BCM20702A1" }));
      board.clock.run(1000);
      assert.equal(board.chip.state, anypart ? "patched" : "dead");
      assert.equal(host.silent(RESET), !anypart);
    }
  });

  it("hangs when it is patched twice", () => {
    const { board, host } = powered();
    board.chip.load(makeImage());
    assert.equal(board.chip.state, "patched");
    host.ok(RESET);
    assert.equal(host.silent(0xfc2e), true);
    assert.equal(host.silent(RESET), true);
    assert.equal(board.chip.state, "dead");
    board.chip.power(0);
    board.chip.power(1);
    board.clock.run(100);
    host.ok(RESET);
    assert.equal(hex(host.command(VERSION).slice(2, 4)), "0000");
  });

  const real = findUp(process.cwd(), "../shared/firmware/BCM43430A1.hcd");
  if (real !== null) {
    const expected = { 115200: 2753, 921600: 397, 2000000: 216 };
    for (const [baud, bound] of Object.entries(expected)) {
      it(`takes the real patch at ${baud} in the time that wire and turn-around need`, () => {
        const image = new Uint8Array(readFileSync(real));
        const { board, host } = powered();
        host.ok(0xfc18, [0, 0, ...le(Number(baud), 4)]);
        host.open(Number(baud));
        host.ok(0xfc2e);
        board.clock.run(50);
        const start = board.clock.now;
        for (const { opcode, parameters } of splitImage(image)) host.ok(opcode, parameters);
        assert.ok(Math.abs(board.clock.now - start - bound) < 1, `${board.clock.now - start} ms`);
        board.clock.run(250);
        host.open(115200);
        assert.equal(hex(host.command(VERSION).slice(1, 4)), "07fc01");
        assert.equal(hex(host.command(0x1009)), "00ac1f12a14343");
        assert.equal(board.chip.written.length, 120);
      });
    }
  }
});

describe("virtual CYW43438: vendor commands", () => {
  it("changes the rate only after its answer is out", () => {
    const { board, host } = powered();
    host.send(0xfc18, [0, 0, ...le(2_000_000, 4)]);
    board.clock.run((10 * 10_000) / 115200 + 0.5 + (6 * 10_000) / 115200);
    assert.equal(board.chip.baud, 115200);
    board.clock.run(0.1);
    assert.equal(board.chip.baud, 2_000_000);
    assert.equal(hex(host.packets[0].bytes), "040e040118fc00");
    host.open(2_000_000);
    host.ok(RESET);
    assert.equal(board.chip.baud, 2_000_000);
  });

  it("refuses rates above the limit", () => {
    const { host } = powered();
    assert.equal(host.status(0xfc18, [0, 0, ...le(4_000_000, 4)]), 0x12);
    assert.equal(host.status(0xfc18, [0, 0]), 0x12);
    host.ok(0xfc18, [0, 0, ...le(3_000_000, 4)]);
    const slow = powered({ chip: { maxbaud: 2_000_000 } });
    assert.equal(slow.host.status(0xfc18, [0, 0, ...le(3_000_000, 4)]), 0x12);
  });

  it("may run at another rate than it says", () => {
    const { host } = powered({ chip: { realbaud: (baud) => (baud > 2_000_000 ? 2_500_000 : baud) } });
    host.ok(0xfc18, [0, 0, ...le(3_000_000, 4)]);
    host.open(3_000_000);
    const from = host.packets.length;
    host.send(RESET);
    host.board.clock.run(100);
    assert.equal(host.packets.length, from);
    assert.ok(host.board.wire.toChip.garbled > 0);
  });

  it("returns to 115200 with HCI_Reset where the option says so", () => {
    const { board, host } = powered({ chip: { resetbaud: true } });
    host.ok(0xfc18, [0, 0, ...le(921600, 4)]);
    host.open(921600);
    host.ok(RESET);
    assert.equal(board.chip.baud, 115200);
  });

  it("writes the address, which a reset leaves alone", () => {
    const { host } = powered();
    host.ok(0xfc01, [1, 2, 3, 4, 5, 6]);
    host.ok(RESET);
    assert.equal(hex(host.command(0x1009)), "00010203040506");
  });

  it("refuses what it does not know with a Command Complete", () => {
    const { host } = powered();
    assert.equal(host.status(0xfc45, [1]), 0x01);
    assert.equal(host.status(0x2025), 0x01);
  });

  it("sleeps with mode 1 until BT_DEV_WAKE, and announces itself by BT_HOST_WAKE", () => {
    const { board, host } = powered({ wiring: { regon: true, clock: true, devwake: true, hostwake: true } });
    let wakes = 0;
    board.hal.gpio.hostwake!(() => wakes++);
    board.hal.gpio.devwake!(0);
    const parameters = unhex("010202000000010000000000");
    host.ok(0xfc27, parameters);
    assert.equal(hex(host.command(0xfc28)), "00" + hex(parameters));
    board.clock.run(5000);
    assert.equal(board.chip.asleep, false);
    board.hal.gpio.devwake!(1);
    board.clock.run(599);
    assert.equal(board.chip.asleep, false);
    board.clock.run(2);
    assert.equal(board.chip.asleep, true);
    assert.equal(board.wire.chip.rts, 1);
    const before = wakes;
    board.chip.hardwareError(5);
    board.clock.run(10);
    assert.equal(wakes, before + 1);
    assert.equal(hex(host.packets.at(-1)!.bytes), "04100105");
    board.hal.gpio.devwake!(0);
    board.clock.run(4.9);
    assert.equal(board.chip.asleep, true);
    board.clock.run(0.2);
    assert.equal(board.chip.asleep, false);
    host.ok(RESET);
  });

  it("never sleeps without a clock at LPO_IN", () => {
    const { board, host } = powered({ wiring: { regon: true, devwake: true } });
    host.ok(0xfc27, unhex("010101000000000000000000"));
    board.hal.gpio.devwake!(1);
    board.clock.run(60_000);
    host.ok(RESET);
  });
});

describe("virtual chip: the host's manners and the test's tools", () => {
  it("notes a command that is sent before the last one was answered", () => {
    const { board, host } = powered();
    host.send(RESET);
    host.send(VERSION);
    board.clock.run(50);
    assert.equal(host.packets.length, 2);
    assert.equal(board.chip.violations.length, 1);
    assert.equal(board.chip.violations[0].opcode, VERSION);
    assert.match(board.chip.violations[0].reason, /0xc03 has not been answered/);
  });

  it("notes a command that is sent without a credit, but not one that waited long enough", () => {
    const { board, host } = powered();
    board.chip.hook = (opcode, _, count) => (opcode === RESET && count === 1 ? { bytes: unhex("040e0400030c00") } : undefined);
    host.ok(RESET);
    host.ok(RESET);
    assert.deepEqual(
      board.chip.violations.map(({ reason }) => reason),
      ["Num_HCI_Command_Packets is 0"],
    );
    board.chip.hook = () => "drop";
    assert.equal(host.silent(RESET, 200), true);
    board.chip.hook = undefined;
    host.ok(RESET);
    assert.equal(board.chip.violations.length, 1);
  });

  it("counts a NOP as the credit that it is", () => {
    const { board, host } = powered();
    board.chip.hook = () => ({ bytes: unhex("040e0400030c00") });
    host.ok(RESET);
    board.chip.hook = undefined;
    board.chip.inject(unhex("040f0400010000"));
    board.clock.run(5);
    host.ok(RESET);
    assert.deepEqual(board.chip.violations, []);
  });

  it("takes Host Number Of Completed Packets at any time, and does not answer it", () => {
    const { board, host } = powered();
    host.send(RESET);
    host.send(0x0c35, [1, 0x40, 0, 1, 0]);
    board.clock.run(20);
    assert.equal(host.packets.length, 1);
    assert.deepEqual(board.chip.violations, []);
  });

  it("asks the hook: drop, status, bytes, delay", () => {
    const { board, host } = powered();
    const seen: string[] = [];
    board.chip.hook = (opcode, parameters, count) => {
      seen.push(`${opcode.toString(16)} ${hex(parameters)} ${count}`);
      if (opcode === 0x2018) return { status: 0x1f };
      if (opcode === VERSION) return { delay: 30 };
      return undefined;
    };
    assert.equal(host.status(0x2018), 0x1f);
    assert.equal(host.status(0x2018), 0x1f);
    const start = board.clock.now;
    assert.equal(host.status(VERSION), 0);
    assert.ok(board.clock.now - start > 30);
    host.ok(0x2005, [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(seen, ["2018  1", "2018  2", "1001  1", "2005 010203040506 1"]);
    assert.equal(board.chip.count(0x2018), 2);
  });

  it("keeps a log, or none", () => {
    const { board, host } = powered();
    host.ok(0x2005, [1, 2, 3, 4, 5, 6]);
    const [entry] = board.chip.log;
    assert.equal(entry.opcode, 0x2005);
    assert.equal(hex(entry.parameters), "010203040506");
    assert.ok(Math.abs(entry.time - 100 - (10 * 10_000) / 115200) < 1e-6);
    const quiet = powered({ chip: { log: false } });
    quiet.host.ok(RESET);
    assert.equal(quiet.board.chip.log.length, 0);
  });

  it("waits for the rest of a packet, and takes it from what follows", () => {
    const { board, host } = powered();
    board.wire.toChip.fault = (byte, index) => (index === 3 ? null : byte);
    assert.equal(host.silent(RESET), true);
    // The second reset's 01 is the length, its 03 the parameter; 0c and 00 begin nothing.
    assert.equal(host.status(RESET), 0x12);
    assert.equal(board.chip.log.length, 1);
    assert.equal(board.chip.log[0].opcode, RESET);
    assert.equal(hex(board.chip.log[0].parameters), "03");
  });

  it("skips zero bytes between commands", () => {
    const { host } = powered();
    host.write(new Uint8Array(260));
    host.ok(RESET);
  });

  it("takes any bytes without harm", () => {
    const random = new Random(9);
    const { board, host } = powered();
    for (let i = 0; i < 200; i++) {
      const bytes = new Uint8Array(random.below(100));
      random.fill(bytes);
      // Mostly bytes that begin packets, so that many are made.
      for (let k = 0; k < bytes.length; k++) if (bytes[k] < 200) bytes[k] %= 8;
      host.write(bytes);
      board.clock.run(20);
    }
    board.chip.restart();
    board.clock.run(100);
    host.ok(RESET);
  });

  it("has no power, no restart", () => {
    const { chip, clock } = createBoard();
    chip.restart();
    clock.run(1000);
    assert.equal(chip.state, "off");
  });

  it("hangs: takes bytes, answers none, is off the air", () => {
    const { board, host } = powered();
    host.ok(0x200a, [1]);
    let heard = 0;
    board.air.sniff(() => heard++);
    board.clock.run(3000);
    assert.ok(heard > 0);
    board.chip.hang();
    heard = 0;
    assert.equal(host.silent(RESET, 3000), true);
    assert.equal(heard, 0);
    assert.equal(board.wire.chip.rts, 0);
    board.chip.restart();
    board.clock.run(100);
    host.ok(RESET);
  });

  it("restarts by itself into ROM state, at 115200", () => {
    const { board, host } = powered();
    board.chip.load(makeImage());
    host.ok(0xfc18, [0, 0, ...le(921600, 4)]);
    host.open(921600);
    board.chip.restart();
    board.clock.run(100);
    assert.equal(board.chip.state, "rom");
    host.open(115200);
    assert.equal(hex(host.command(VERSION).slice(2, 4)), "0000");
  });

  it("sends Hardware Error unless it is masked", () => {
    const { board, host } = powered();
    board.chip.hardwareError(3);
    board.clock.run(5);
    assert.equal(hex(host.packets[0].bytes), "04100103");
    host.ok(0x0c01, new Uint8Array(8));
    board.chip.hardwareError(3);
    board.clock.run(5);
    assert.equal(host.packets.length, 2);
  });

  it("obeys its CTS", () => {
    const { board, host } = powered({ wiring: { regon: true, rts: true }, flow: false });
    assert.equal(host.silent(RESET), true);
    board.hal.gpio.rts!(0);
    board.clock.run(5);
    assert.equal(host.packets.length, 1);
    board.hal.gpio.rts!(1);
    assert.equal(host.silent(RESET), true);
  });

  it("never answers with a floating CTS", () => {
    const { host } = powered({ wiring: { regon: true, ctsfloats: true }, flow: false });
    assert.equal(host.silent(RESET, 10_000), true);
  });
});
