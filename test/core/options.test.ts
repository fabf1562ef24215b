import assert from "node:assert/strict";
import { open } from "../../targets/jerryscript/beacon.js";
import { rejects, rig } from "../support/rig.js";

describe("open: arguments", () => {
  /** A board that nobody holds. */
  function free(): ReturnType<typeof rig> {
    const r = rig();
    r.bt.close();
    return r;
  }

  it("without a board", () => {
    for (const hal of [undefined, null, {}, { uart: {} }, 5] as any[]) rejects(() => open(hal, null), "open", "hal");
  });

  it("with options that are none", () => {
    const { hal } = free();
    for (const options of [null, 5, "mac"] as any[]) rejects(() => open(hal, null, options), "open", "options");
  });

  it("with callbacks that are none", () => {
    const { hal } = free();
    for (const name of ["onready", "onerror", "onwarning", "onprogress", "onstep", "onrecover"]) {
      rejects(() => open(hal, null, { [name]: 5 }), "open", name, 5);
    }
  });

  const bounds: [string, number, number][] = [
    ["receive", 300, 65536],
    ["baud", 0, 3000000],
    ["downloadbaud", 0, 3000000],
    ["resetbaud", 9600, 3000000],
    ["poweroff", 1, 10000],
    ["poweron", 10, 10000],
    ["minidriver", 0, 10000],
    ["settle", 10, 10000],
    ["commandlimit", 100, 60000],
    ["attempts", 1, 100],
    ["health", 0, 3600000],
  ];
  for (const [name, least, most] of bounds) {
    it(`with ${name} out of its bounds, or no integer`, () => {
      const r = free();
      for (const value of [least - 1, most + 1, least + 0.5, NaN, Infinity, null, String(least), true] as any[]) {
        rejects(() => open(r.hal, r.firmware, { [name]: value }), "open", name, String(value), least, most);
      }
      for (const value of [least, most, undefined]) open(r.hal, r.firmware, { [name]: value }).close();
      r.gone();
    });
  }

  it("with a rate that no UART has, between none and the least", () => {
    const r = free();
    for (const name of ["baud", "downloadbaud"]) rejects(() => open(r.hal, r.firmware, { [name]: 300 }), "open", name, 300);
  });

  it("leave the board free where they are wrong", () => {
    const r = free();
    rejects(() => open(r.hal, r.firmware, { mac: "x" }), "open", "mac");
    r.open();
    r.up();
  });

  it("leave the application's options alone", () => {
    const r = free();
    const options = Object.freeze({ baud: 115200 });
    open(r.hal, r.firmware, options).close();
  });

  it("of trace", () => {
    const r = rig().up();
    for (const sink of [5, "x", {}] as any[]) rejects(() => r.bt.trace(sink), "trace", "sink");
  });

  it("counters are a copy", () => {
    const r = rig().up();
    const counters = r.bt.counters();
    const { received, sent } = counters;
    assert.ok(received > 0 && sent > 0);
    assert.equal(sent, r.commands().length);
    counters.received = -1;
    assert.equal(r.bt.counters().received, received);
  });
});
