import assert from "node:assert/strict";
import { Air, createBoard, Random, VirtualClock } from "../../hal/mock/index.js";
import type { Hal } from "../../hal/hal.js";
import { hex, RawHost } from "./rawhost.js";

const RESET = 0x0c03;

describe("board", () => {
  it("offers the lines that are wired, and only those", () => {
    const bare = createBoard({ wiring: {}, flow: false, random: false }).hal;
    assert.deepEqual(Object.keys(bare.gpio), ["clock"]);
    assert.equal(bare.uart.flow, false);
    assert.equal(bare.random, undefined);
    assert.equal(bare.uniqueid, undefined);
    assert.equal(bare.crypto, undefined);
    const wiring = { regon: true, lpo: true, clock: true, rts: true, cts: true, devwake: true, hostwake: true };
    const full: Hal = createBoard({ wiring, uniqueid: "1234" }).hal;
    assert.deepEqual(Object.keys(full.gpio).sort(), Object.keys(wiring).sort());
    assert.equal(full.gpio.clock, true);
    assert.equal(full.uniqueid!(), "1234");
    assert.ok(createBoard().hal.gpio.regon !== undefined);
    assert.equal(createBoard({ part: "plain", wiring }).hal.gpio.regon, undefined);
  });

  it("keeps to the UART's contract", () => {
    const board = createBoard({ part: "plain", flow: false });
    const { uart } = board.hal;
    const bytes = new Uint8Array(4);
    assert.throws(() => uart.write(bytes, 0, 4), /not open/);
    assert.throws(() => uart.open(1200, false, () => {}, () => {}), RangeError);
    assert.throws(() => uart.open(5_000_000, false, () => {}, () => {}), RangeError);
    assert.throws(() => uart.open(115200, true, () => {}, () => {}), /flow control/);
    assert.equal(board.uartOpen, false);
    uart.open(115200, false, () => {}, () => {});
    assert.equal(board.uartOpen, true);
    assert.throws(() => uart.write(bytes, 2, 3), RangeError);
    uart.close();
    assert.equal(board.uartOpen, false);
    assert.throws(() => uart.write(bytes, 0, 4), /not open/);
  });

  it("lets the last byte out when it is closed, and hears nothing more", () => {
    const board = createBoard({ part: "plain" });
    const host = new RawHost(board);
    host.open();
    host.send(RESET);
    board.hal.uart.close();
    board.clock.run(100);
    assert.equal(board.chip.log.length, 1);
    assert.equal(host.raw.length, 0);
    // RTS is inactive while the port is closed, so the answer waits in the chip.
    host.open();
    board.clock.run(100);
    assert.equal(host.packets.length, 1);
  });

  it("gives up what flow control holds when it is closed", () => {
    const board = createBoard();
    const host = new RawHost(board);
    host.open();
    host.send(RESET);
    board.hal.uart.close();
    board.hal.gpio.regon!(1);
    board.clock.run(200);
    assert.equal(board.chip.log.length, 0);
  });

  it("changes the rate of an open port after what was written has left", () => {
    const board = createBoard({ part: "plain" });
    const host = new RawHost(board);
    host.open();
    host.send(RESET);
    host.open(921600);
    board.clock.run(0.3);
    assert.equal(board.wire.host.baud, 115200);
    board.clock.run(0.1);
    assert.equal(board.wire.host.baud, 921600);
    assert.equal(board.chip.log.length, 1);
  });

  it("hands over strings where the board does", () => {
    const board = createBoard({ part: "plain", strings: true });
    const host = new RawHost(board);
    let kind = "";
    board.hal.uart.open(115200, true, (data) => (kind = typeof data), () => {});
    host.send(RESET);
    board.clock.run(10);
    assert.equal(kind, "string");
    host.open();
    assert.equal(hex(host.command(0x1003)), "000000000060000000");
  });

  it("is silent to a port opened without the flow control that is wired", () => {
    const board = createBoard({ part: "plain" });
    const host = new RawHost(board);
    host.open(115200, false);
    assert.equal(host.silent(RESET), true);
  });

  it("counts timers and delays", () => {
    const board = createBoard();
    const { timer } = board.hal;
    let fired = 0;
    const one = timer.set(10, () => fired++);
    timer.set(20, () => fired++);
    assert.equal(board.timers, 2);
    timer.clear(one);
    timer.clear(one);
    assert.equal(board.timers, 1);
    board.clock.run(15);
    assert.equal(timer.now(), 15);
    assert.equal(fired, 0);
    board.clock.run(5);
    assert.equal(fired, 1);
    assert.equal(board.timers, 0);
    timer.clear(one);
    assert.equal(board.timers, 0);
    assert.throws(() => timer.set(-1, () => {}), RangeError);
    assert.throws(() => timer.set(2 ** 31, () => {}), RangeError);
    board.hal.delay(100);
    board.hal.delay(1000);
    assert.deepEqual({ ...board.delays }, { count: 2, microseconds: 1100 });
    assert.throws(() => board.hal.delay(1001), RangeError);
    assert.equal(timer.now(), 20);
  });

  it("tells the fault once when the line is gone", () => {
    const board = createBoard({ part: "plain" });
    const reasons: string[] = [];
    let received = 0;
    board.hal.uart.open(115200, true, () => received++, (reason) => reasons.push(reason));
    board.unplug("cable");
    board.unplug("again");
    board.hal.uart.write(Uint8Array.of(1, 3, 12, 0), 0, 4);
    board.clock.run(100);
    assert.deepEqual(reasons, ["cable"]);
    assert.equal(received, 0);
    board.hal.uart.close();
    assert.throws(() => board.hal.uart.open(115200, true, () => {}, () => {}), /gone/);
  });

  it("draws from the seed", () => {
    const draw = (seed?: number): string => {
      const bytes = new Uint8Array(16);
      createBoard(seed === undefined ? {} : { seed }).hal.random!(bytes);
      return hex(bytes);
    };
    assert.equal(draw(), draw());
    assert.notEqual(draw(1), draw(2));
    const air = new Air(new VirtualClock());
    const [a, b] = [createBoard({ air }), createBoard({ air })].map(({ hal }) => {
      const bytes = new Uint8Array(8);
      hal.random!(bytes);
      return hex(bytes);
    });
    assert.notEqual(a, b);
    assert.throws(() => createBoard({ air, clock: new VirtualClock() }), /another clock/);
  });

  it("runs the same way for the same seed, however the bytes are cut", () => {
    const run = (seed: number): string => {
      const cut = new Random(seed);
      const board = createBoard({ part: "plain", seed, wire: { chunk: () => 1 + cut.below(9) } });
      const host = new RawHost(board);
      host.open();
      for (let i = 0; i < 5; i++) board.air.advertise({ data: Uint8Array.of(i) });
      host.ok(0x200c, [1, 0]);
      board.clock.run(2000);
      return host.packets.map(({ time, bytes }) => `${time} ${hex(bytes)}`).join("\n");
    };
    assert.equal(run(1), run(1));
    assert.notEqual(run(1), run(2));
  });

  it("turns a fault on the wire into what the host sees", () => {
    const board = createBoard({ part: "plain" });
    const host = new RawHost(board);
    host.open();
    board.wire.toHost.fault = (byte, index) => (index === 3 ? [0xff, byte] : byte);
    host.send(RESET);
    board.clock.run(10);
    assert.equal(hex(host.raw), "040e04ff01030c00");
  });
});
