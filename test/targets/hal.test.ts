import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { makeImage } from "../../hal/mock/index.js";
import { machineIdentity } from "../../targets/node/identity.js";
import { createNodeHal } from "../../targets/node/index.js";
import { createRegon } from "../../targets/node/regon.js";
import { bringUp, pause } from "./support/bringup.js";
import { useFolder } from "./support/folder.js";

describe("the HAL on Node", () => {
  it("has timers that are never early, and a clock that does not stand", async () => {
    const { timer } = createNodeHal("unix:/nowhere");
    const start = timer.now();
    let inside = true;
    await new Promise<void>((resolve) => {
      timer.set(0, () => assert.ok(!inside));
      for (const ms of [1, 2.5, 7, 20, 20.9]) {
        timer.set(ms, () => {
          assert.ok(timer.now() - start >= ms, `${timer.now() - start} is less than ${ms}`);
          if (ms > 20.5) resolve();
        });
      }
      inside = false;
    });
  });

  it("has timers that can be taken back, also when they have fired", async () => {
    const { timer } = createNodeHal("unix:/nowhere");
    let fired = 0;
    timer.clear(timer.set(1, () => fired++));
    const handle = timer.set(1, () => fired++);
    await pause(20);
    timer.clear(handle);
    assert.equal(fired, 1);
    // The longest there is: Node would make 1 ms of anything longer.
    timer.clear(timer.set(2 ** 31 - 1, () => assert.fail()));
  });

  it("waits for microseconds, and has random bytes", () => {
    const hal = createNodeHal("tcp:localhost:1");
    const start = performance.now();
    hal.delay(300);
    assert.ok(performance.now() - start >= 0.3);
    const target = new Uint8Array(32);
    hal.random!(target);
    assert.ok(target.some((byte) => byte !== 0));
  });

  it("has an identity on a serial line only, one for each, that does not show the machine's", () => {
    assert.equal(createNodeHal("mock").uniqueid, undefined);
    assert.equal(createNodeHal("unix:/nowhere").uniqueid, undefined);
    const one = machineIdentity("/dev/ttyS0");
    const other = machineIdentity("/dev/ttyS1");
    if (one === null || other === null) return;
    assert.equal(one.length, 16);
    assert.deepEqual(one, machineIdentity("/dev/ttyS0"));
    assert.notDeepEqual(one, other);
    assert.deepEqual(createNodeHal("serial:/dev/ttyS0").uniqueid!(), one);
    assert.ok(!Buffer.from(one).toString("hex").includes(readFileSync("/etc/machine-id", "latin1").trim().slice(0, 8)));
  });

  it("passes on what its transport says, and touches nothing before it is opened", () => {
    const hal = createNodeHal("serial:/no/such/line@1000000", { flow: true, regon: "/no/such/pin" });
    assert.equal(hal.resetbaud, 1000000);
    assert.equal(hal.uart.flow, true);
    assert.equal(typeof hal.gpio.regon, "function");
    assert.equal(createNodeHal("serial:/no/such/line").uart.flow, false);
    assert.equal(createNodeHal("serial:/no/such/line").gpio.regon, undefined);
    assert.throws(() => createNodeHal("serial:"), { code: "argument" });
  });

  describe("mock", () => {
    it("is brought up at the pace of the wall clock", async function () {
      this.timeout(10000);
      const hal = createNodeHal("mock");
      const start = performance.now();
      const { bt, info } = await bringUp(hal, makeImage());
      const wall = performance.now() - start;
      assert.ok(info.ms > 300 && wall > info.ms * 0.9, `${info.ms} virtual ms in ${wall} ms`);
      assert.equal(info.revision, 508);
      bt.close();
      assert.equal(hal.board!.chip.state, "off");
    });

    it("runs free where it may, and stands still when there is nothing to run for", async () => {
      const hal = createNodeHal("mock", { fast: true });
      const { bt, info } = await bringUp(hal, makeImage());
      const air = hal.board!.air.observe();
      bt.startadvertise("abc", 100, 100);
      await new Promise<void>((resolve) => hal.timer.set(3000, resolve));
      assert.ok(air.heard.length >= 27 && hal.timer.now() > info.ms + 3000);
      bt.close();
      await pause(50);
      const now = hal.timer.now();
      await pause(50);
      assert.equal(hal.timer.now(), now);
      assert.equal(hal.board!.timers, 0);
      // And it can be opened again.
      (await bringUp(hal, makeImage())).bt.close();
    });

    it("does the same twice", async () => {
      const run = async (): Promise<unknown> => {
        const hal = createNodeHal("mock", { fast: true, board: { seed: 7 } });
        const { bt, info } = await bringUp(hal, makeImage());
        bt.close();
        return { info, log: hal.board!.chip.log };
      };
      assert.deepEqual(await run(), await run());
    });

    it("has the board that is asked for", async () => {
      assert.equal(createNodeHal("mock").uart.flow, true);
      assert.equal(createNodeHal("mock", { flow: false }).uart.flow, false);
      const wired = createNodeHal("mock", { board: { wiring: { regon: true, lpo: true } } });
      assert.deepEqual(Object.keys(wired.gpio).sort(), ["clock", "lpo", "regon"]);
    });
  });
});

describe("BT_REG_ON", () => {
  const path = useFolder();

  it("is set by a command", () => {
    const file = path("pin");
    const regon = createRegon(`echo {level} >> '${file}'; test {level} != 2`, () => assert.fail());
    for (const level of [0, 1, 0] as const) regon(level);
    assert.equal(readFileSync(file, "latin1"), "0\n1\n0\n");
  });

  it("is set by a file", () => {
    const file = path("value");
    writeFileSync(file, "0");
    createRegon(file, () => assert.fail())(1);
    assert.equal(readFileSync(file, "latin1"), "1");
  });

  it("is refused where it is neither", () => {
    assert.throws(() => createRegon("gpio45", () => {}), { code: "argument", message: /regon is gpio45/ });
  });

  it("that cannot be set is told, once it is not the stack's own call any more", async () => {
    const cases: [string, RegExp][] = [
      [path("no/such/pin"), /ENOENT/],
      ["echo no pin >&2; exit {level}", /set to 1: no pin/],
      ["exit {level}", /exit code 1/],
    ];
    for (const [text, what] of cases) {
      let inside = true;
      const reason = await new Promise<string>((resolve) => {
        createRegon(text, (reason) => {
          assert.ok(!inside);
          resolve(reason);
        })(1);
        inside = false;
      });
      assert.match(reason, what);
    }
  });

  it("that cannot be set ends the bring-up by name", async () => {
    const hal = createNodeHal("serial:/dev/tty-none", { regon: path("no/such/pin") });
    await assert.rejects(bringUp(hal, null), { code: "uart" });
  });
});
