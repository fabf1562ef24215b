import assert from "node:assert/strict";
import { Random, VirtualClock, Wire, type WireOptions } from "../../hal/mock/index.js";

interface Arrival {
  time: number;
  bytes: number[];
}

function setup(options: WireOptions = {}): { clock: VirtualClock; wire: Wire; arrivals: Arrival[] } {
  const clock = new VirtualClock();
  const wire = new Wire(clock, options);
  const arrivals: Arrival[] = [];
  wire.host.setBaud(100_000); // 0.1 ms a byte
  wire.chip.setBaud(100_000);
  wire.chip.rts = 0;
  wire.host.rts = 0;
  wire.chip.receive = (bytes) => arrivals.push({ time: clock.now, bytes: [...bytes] });
  return { clock, wire, arrivals };
}

function count(n: number): Uint8Array {
  return Uint8Array.from({ length: n }, (_, i) => i);
}

function close(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-6, `${actual} is not ${expected}`);
}

describe("wire", () => {
  it("takes ten bits for a byte and delivers chunks when their last byte is there", () => {
    const { clock, wire, arrivals } = setup();
    wire.host.send(count(40));
    clock.run(10);
    assert.deepEqual(
      arrivals.map(({ bytes }) => bytes.length),
      [16, 16, 8],
    );
    [1.6, 3.2, 4.0].forEach((time, i) => close(arrivals[i].time, time));
    assert.deepEqual(arrivals.flatMap(({ bytes }) => bytes), [...count(40)]);
    assert.equal(wire.toChip.sent, 40);
    assert.equal(wire.toChip.delivered, 40);
    assert.equal(wire.toHost.sent, 0);
  });

  it("sends what is written later right behind", () => {
    const { clock, wire, arrivals } = setup({ chunk: 1 });
    wire.host.send(count(2));
    clock.run(0.15);
    wire.host.send(count(2));
    clock.run(1);
    [0.1, 0.2, 0.3, 0.4].forEach((time, i) => close(arrivals[i].time, time));
    clock.run(5);
    wire.host.send(count(1));
    clock.run(1);
    close(arrivals[4].time, 6.25);
  });

  it("takes chunks from a function", () => {
    const random = new Random(1);
    const { clock, wire, arrivals } = setup({ chunk: () => 1 + random.below(7) });
    wire.host.send(count(200));
    clock.run(30);
    const sizes = new Set(arrivals.map(({ bytes }) => bytes.length));
    assert.ok(sizes.size === 7 && Math.max(...sizes) === 7);
    assert.deepEqual(arrivals.flatMap(({ bytes }) => bytes), [...count(200)]);
  });

  it("copies what it is given, and spoils what it gave", () => {
    const { clock, wire } = setup();
    let kept: Uint8Array | null = null;
    wire.chip.receive = (bytes) => {
      assert.deepEqual([...bytes], [0, 1, 2]);
      kept = bytes;
    };
    const buffer = count(5);
    wire.host.send(buffer, 0, 3);
    buffer.fill(0xff);
    clock.run(1);
    assert.deepEqual([...kept!], [0xdb, 0xdb, 0xdb]);
  });

  it("garbles bytes between rates that differ by more than 2 %", () => {
    const { clock, wire, arrivals } = setup({ chunk: 100 });
    wire.chip.setBaud(101_900);
    wire.host.send(count(10));
    clock.run(2);
    assert.deepEqual(arrivals[0].bytes, [...count(10)]);
    wire.chip.setBaud(50_000);
    wire.host.send(count(10));
    clock.run(2);
    assert.equal(arrivals[1].bytes.length, 5);
    wire.chip.setBaud(300_000);
    wire.host.send(count(10));
    clock.run(2);
    assert.equal(arrivals[2].bytes.length, 30);
    wire.chip.setBaud(9600);
    wire.host.send(count(1));
    clock.run(2);
    assert.equal(arrivals[3].bytes.length, 1);
    assert.equal(wire.toChip.garbled, 21);
  });

  it("lets what was written before a change of rate leave at the old one", () => {
    const { clock, wire, arrivals } = setup({ chunk: 100 });
    wire.host.send(count(10));
    wire.host.setBaud(200_000);
    wire.host.send(count(10));
    assert.equal(wire.host.baud, 100_000);
    clock.run(1);
    assert.equal(wire.host.baud, 200_000);
    assert.deepEqual(arrivals[0].bytes, [...count(10)]);
    wire.chip.setBaud(200_000);
    clock.run(0.5);
    close(arrivals[1].time, 1.5);
    assert.deepEqual(arrivals[1].bytes, [...count(10)]);
  });

  it("holds a transmitter with flow control after the byte that it has begun", () => {
    const { clock, wire, arrivals } = setup();
    wire.host.flow = true;
    wire.host.send(count(16));
    clock.run(0.55);
    wire.chip.rts = 1;
    assert.equal(wire.host.cts, 1);
    clock.run(10);
    assert.equal(arrivals.length, 1);
    close(arrivals[0].time, 0.6);
    assert.deepEqual(arrivals[0].bytes, [...count(6)]);
    assert.equal(wire.host.queued, 10);
    wire.chip.rts = 0;
    clock.run(10);
    close(arrivals[1].time, 11.55);
    assert.deepEqual(arrivals[1].bytes, [...count(16)].slice(6));
  });

  it("holds between two bytes where the line stands there, and before the first", () => {
    const { clock, wire, arrivals } = setup();
    wire.host.flow = true;
    wire.host.send(count(16));
    wire.chip.rts = 1;
    clock.run(1);
    assert.equal(wire.toChip.sent, 0);
    wire.chip.rts = 0;
    clock.run(0.5);
    wire.chip.rts = 1;
    clock.run(1);
    assert.equal(wire.toChip.sent, 5);
    wire.chip.rts = 0;
    clock.run(2);
    assert.deepEqual(arrivals.flatMap(({ bytes }) => bytes), [...count(16)]);
  });

  it("loses bytes at a deaf receiver that the transmitter does not wait for", () => {
    const { clock, wire, arrivals } = setup();
    wire.chip.rts = 1;
    wire.chip.deaf = true;
    wire.host.send(count(5));
    clock.run(1);
    assert.equal(wire.toChip.lost, 5);
    assert.equal(arrivals.length, 0);
  });

  it("asks the fault about every byte: lost, changed, doubled", () => {
    const { clock, wire, arrivals } = setup({ chunk: 3 });
    wire.toChip.fault = (byte, index) => (index === 1 ? null : index === 4 ? [7, 7, 7] : index === 5 ? byte ^ 0x80 : byte);
    wire.host.send(count(6));
    clock.run(1);
    assert.deepEqual(arrivals.flatMap(({ bytes }) => bytes), [0, 2, 3, 7, 7, 7, 0x85]);
    assert.equal(wire.toChip.sent, 6);
    assert.equal(wire.toChip.delivered, 7);
  });

  it("calls afterSent when the last byte is out, at once on an idle line", () => {
    const { clock, wire } = setup();
    const times: number[] = [];
    wire.host.afterSent(() => times.push(clock.now));
    wire.host.send(count(20));
    wire.host.afterSent(() => times.push(clock.now));
    wire.host.send(count(20));
    clock.run(10);
    assert.equal(times.length, 2);
    close(times[1], 2);
  });

  it("drops on abort what has not left, and goes on", () => {
    const { clock, wire, arrivals } = setup();
    wire.host.send(count(40));
    wire.host.afterSent(() => assert.fail());
    clock.run(2);
    wire.host.abort();
    clock.run(10);
    assert.equal(wire.toChip.sent, 16);
    wire.host.send(Uint8Array.of(9));
    clock.run(1);
    assert.deepEqual(arrivals[1].bytes, [9]);
  });

  it("keeps order through a queue that grows and wraps", () => {
    const { clock, wire, arrivals } = setup();
    const random = new Random(2);
    const expected: number[] = [];
    for (let i = 0; i < 300; i++) {
      const bytes = new Uint8Array(random.below(60));
      random.fill(bytes);
      expected.push(...bytes);
      wire.host.send(bytes);
      clock.run(random.below(4));
    }
    clock.run(2000);
    assert.deepEqual(arrivals.flatMap(({ bytes }) => bytes), expected);
    assert.equal(wire.host.queued, 0);
  });

  it("carries both directions at once", () => {
    const { clock, wire, arrivals } = setup();
    let answered = 0;
    wire.host.receive = (bytes) => (answered += bytes.length);
    wire.host.send(count(16));
    wire.chip.send(count(16));
    clock.run(1.6);
    assert.equal(arrivals.length, 1);
    assert.equal(answered, 16);
  });

  it("stays whole when a receiver throws", () => {
    const { clock, wire } = setup();
    wire.chip.receive = () => {
      throw new Error("mine");
    };
    wire.host.send(count(20));
    assert.throws(() => clock.run(10), /mine/);
    let arrived = 0;
    wire.chip.receive = (bytes) => (arrived += bytes.length);
    clock.run(10);
    assert.equal(arrived, 4);
  });
});
