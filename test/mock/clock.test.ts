import assert from "node:assert/strict";
import { Random, VirtualClock, type Handle } from "../../hal/mock/index.js";

describe("virtual clock", () => {
  it("fires in the order of time, then of insertion", () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    clock.after(2, () => fired.push(`c${clock.now}`));
    clock.after(1, () => fired.push(`a${clock.now}`));
    clock.after(1, () => fired.push(`b${clock.now}`));
    clock.after(0, () => fired.push(`z${clock.now}`));
    clock.run(1.5);
    assert.deepEqual(fired, ["z0", "a1", "b1"]);
    assert.equal(clock.now, 1.5);
    assert.equal(clock.pending, 1);
    clock.run(0.5);
    assert.deepEqual(fired, ["z0", "a1", "b1", "c2"]);
  });

  it("never fires before after() returns, nor skips what an event adds", () => {
    const clock = new VirtualClock();
    let fired = 0;
    clock.after(0, () => clock.after(0, () => fired++));
    assert.equal(fired, 0);
    clock.run(0);
    assert.equal(fired, 1);
  });

  it("cancels what is to come, once", () => {
    const clock = new VirtualClock();
    let fired = 0;
    const handle = clock.after(1, () => fired++);
    assert.equal(clock.cancel(handle), true);
    assert.equal(clock.cancel(handle), false);
    const other = clock.after(1, () => fired++);
    clock.run(2);
    assert.equal(fired, 1);
    assert.equal(clock.cancel(other), false);
    assert.equal(clock.pending, 0);
  });

  it("runs until a predicate holds, or to the limit", () => {
    const clock = new VirtualClock();
    let count = 0;
    const tick = (): void => {
      count++;
      clock.after(10, tick);
    };
    clock.after(10, tick);
    assert.equal(clock.until(() => count === 3, 1000), true);
    assert.equal(clock.now, 30);
    assert.equal(clock.until(() => count === 100, 25), false);
    assert.equal(clock.now, 55);
    assert.equal(clock.until(() => true, 0), true);
    assert.equal(clock.step(), true);
    assert.equal(clock.now, 60);
    assert.equal(new VirtualClock().step(), false);
  });

  it("stays whole when an event throws, and refuses to run inside one", () => {
    const clock = new VirtualClock();
    clock.after(1, () => clock.run(1));
    clock.after(2, () => {
      throw new Error("mine");
    });
    assert.throws(() => clock.run(5), /inside an event/);
    assert.throws(() => clock.run(5), /mine/);
    clock.run(5);
    assert.equal(clock.now, 7);
  });

  it("refuses times that are none", () => {
    const clock = new VirtualClock();
    for (const ms of [-1, NaN, Infinity]) {
      assert.throws(() => clock.after(ms, () => {}), RangeError);
      assert.throws(() => clock.run(ms), RangeError);
    }
  });

  it("agrees with a sorted list over 20000 random events, a third of them cancelled", () => {
    const clock = new VirtualClock();
    const random = new Random(7);
    const expected: { time: number; id: number }[] = [];
    const fired: number[] = [];
    const handles: Handle[] = [];
    for (let id = 0; id < 20_000; id++) {
      const time = random.below(500) / 4;
      handles.push(clock.after(time, () => fired.push(id)));
      expected.push({ time, id });
    }
    const cancelled = new Set<number>();
    for (let id = 0; id < 20_000; id += 3) {
      cancelled.add(id);
      assert.equal(clock.cancel(handles[id]), true);
    }
    clock.run(200);
    const wanted = expected.filter(({ id }) => !cancelled.has(id)).sort((a, b) => a.time - b.time || a.id - b.id);
    assert.deepEqual(
      fired,
      wanted.map(({ id }) => id),
    );
  });
});

describe("seeded random", () => {
  it("gives the same numbers for the same seed and others for another", () => {
    const draw = (seed: number): number[] => {
      const random = new Random(seed);
      return Array.from({ length: 8 }, () => random.next());
    };
    assert.deepEqual(draw(1), draw(1));
    assert.notDeepEqual(draw(1), draw(2));
    assert.notDeepEqual(draw(1), draw(1 + 2 ** 32));
    assert.ok(draw(1).every((value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32));
  });

  it("agrees with the reference implementation of sfc32", () => {
    // PractRand's sfc32 with a = 1, b = 0, c = 0x9e3779b9, counter = 1: outputs 13 to 15, worked out with 64-bit integers.
    let [a, b, c, counter] = [1n, 0n, 0x9e3779b9n, 1n];
    const mask = 0xffffffffn;
    const reference = (): number => {
      const sum = (a + b + counter++) & mask;
      a = b ^ (b >> 9n);
      b = (c + (c << 3n)) & mask;
      c = ((((c << 21n) | (c >> 11n)) & mask) + sum) & mask;
      return Number(sum);
    };
    for (let i = 0; i < 12; i++) reference();
    const random = new Random(1);
    for (let i = 0; i < 100; i++) assert.equal(random.next(), reference());
  });

  it("draws evenly below a bound", () => {
    const random = new Random(3);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) counts[random.below(10)]++;
    for (const count of counts) assert.ok(Math.abs(count - 10_000) < 500, `${count}`);
    assert.equal(random.below(1), 0);
    assert.throws(() => random.below(0), RangeError);
  });

  it("fills bytes and splits off generators of their own", () => {
    const bytes = new Uint8Array(1000);
    const random = new Random(5);
    random.fill(bytes);
    assert.ok(new Set(bytes).size > 240);
    const split = random.split();
    assert.notEqual(split.next(), random.next());
    const fraction = random.fraction();
    assert.ok(fraction >= 0 && fraction < 1);
  });
});
