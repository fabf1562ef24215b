import assert from "node:assert/strict";
import { rejects } from "../support/rig.js";
import { App, namesOf, thrown } from "./mistakes-app.js";
import { METHODS, type Method } from "./mistakes-table.js";

/** The application's mistakes: what each method says of wrong arguments, and that nothing has changed then. */

function objectOf(app: App, method: Method): any {
  return method.on === "bt" ? app.bt : app.connection;
}

/** The text of a test for each method. */
function title({ on, name }: Method): string {
  return `${on === "bt" ? "bt" : "connection"}.${name}()`;
}

describe("mistakes: the table of methods", () => {
  it("has every public method, and no other", () => {
    const app = new App();
    app.peer();
    for (const [on, object] of [["bt", app.bt], ["connection", app.connection]] as const) {
      assert.deepEqual(METHODS.filter((method) => method.on === on).map(({ name }) => name).sort(), namesOf(object), on);
    }
  });

  it("calls each one well", () => {
    for (const method of METHODS) {
      const app = new App();
      // A test wants the air for itself.
      if (!method.name.startsWith("test")) app.peer();
      const error = thrown(() => objectOf(app, method)[method.name](...method.good()));
      if (method.name !== "subscribe") assert.equal(error, null, title(method));
    }
  });
});

describe("mistakes: wrong arguments", () => {
  for (const method of METHODS) {
    if (!method.arguments.length) continue;
    it(`${title(method)} names method, argument, value and bounds, and changes nothing`, () => {
      const app = new App();
      const peer = app.peer();
      app.run(200);
      const { rig } = app;
      const object = objectOf(app, method);
      const calls = { ...app.calls };
      const mark = rig.mark();
      let tried = 0;
      method.arguments.forEach((argument, place) => {
        for (const { value, says, names } of argument.bad) {
          const values = method.good();
          while (values.length < place) values.push(undefined);
          values[place] = value;
          rejects(() => object[method.name](...values), method.name, names ?? argument.name, ...says);
          const error = thrown(() => object[method.name](...values))!;
          assert.ok(error.message.length < 300, `${error.message.length} characters`);
          assert.equal(typeof error.detail, "string");
          tried++;
        }
      });
      assert.ok(tried > 5);
      // Not a byte has gone out, and nobody was called.
      assert.deepEqual(rig.commands(mark), []);
      assert.deepEqual(app.calls, calls);
      assert.equal(peer.central.connected, true);
      app.run(1000);
      assert.deepEqual(rig.commands(mark).filter(({ opcode }) => opcode !== 0x1001), []);
      assert.deepEqual(app.calls, calls);
      assert.equal(peer.att("0a" + app.at(0xfff1)), "0b41636d65", "the link is served");
      app.sound(0);
      peer.central.disconnect();
      app.run(100);
      app.serves();
      assert.deepEqual(rig.board.chip.violations, []);
    });
  }

  it("too few: each method says which is missing", () => {
    const app = new App();
    app.peer();
    for (const method of METHODS) {
      // What may be left out is no mistake.
      const needed = method.arguments.findIndex(({ bad }) => bad.some(({ value }) => value === undefined));
      if (needed >= 0) rejects(() => objectOf(app, method)[method.name](), method.name, method.arguments[needed].name);
    }
  });

  it("what is false counts as no callback where there need not be one", () => {
    for (const nothing of [undefined, null, 0, "", false]) {
      const app = new App();
      app.peer();
      app.bt.onroom(nothing);
      app.bt.trace(nothing);
      app.bt.notify(0xfff3, "x", null, nothing);
      app.connection!.onclose(nothing as any);
      app.connection!.parameters(30, 50, 0, 4000, nothing as any);
      app.connection!.pair(nothing as any);
      app.bt.onconnect(nothing);
      app.run(1000);
      app.sound(0, String(nothing));
    }
  });

  it("objects whose getters throw: the application gets its own exception, and nothing has changed", () => {
    const own = new Error("the application's own");
    const trap = (key: string): any => Object.defineProperty({}, key, { enumerable: true, get: () => { throw own; } });
    const list: any = [1, 2, 3];
    Object.defineProperty(list, 1, { get: () => { throw own; } });
    const app = new App();
    const peer = app.peer();
    app.run(200);
    const mark = app.rig.mark();
    const { bt, connection } = app;
    const calls: (() => void)[] = [
      () => bt.startadvertise(list, 20, 20),
      () => bt.startadvertise("", 20, 20, list),
      () => bt.setscanfilter([{ data: "x" }, trap("data")]),
      () => bt.setscanfilter([trap("collect")]),
      () => bt.servegatt([{ uuid: 0xfff7, chars: [] }, trap("uuid")]),
      () => bt.servegatt([{ uuid: 0xfff7, chars: [{ uuid: 1, ...{} }, trap("uuid")] }]),
      () => bt.servegatt([{ uuid: 0xfff7, chars: [Object.defineProperty({ uuid: 1 }, "read", { get: () => { throw own; } })] }]),
      () => bt.notify(0xfff3, list),
      () => connection!.write(3, list),
      () => connection!.send(3, list),
      () => connection!.discover(() => {}, trap("hash")),
    ];
    for (const call of calls) assert.equal(thrown(call), own, String(call));
    assert.deepEqual(app.rig.commands(mark), []);
    assert.equal(peer.att("0a" + app.at(0xfff1)), "0b41636d65");
    peer.central.disconnect();
    app.run(100);
    app.serves();
    app.sound(0);
  });

  it("a value that changes between two looks at it breaks nothing", () => {
    const app = new App();
    let look = 0;
    const flickering = { uuid: 0xfff7, get value() { return look++ % 2 ? new Uint8Array(500) : ""; } };
    for (let i = 0; i < 20; i++) {
      const error = thrown(() => app.bt.servegatt([{ uuid: 0xfff6, chars: [flickering, flickering] }]));
      assert.ok(error === null || error.code === "argument" || error instanceof RangeError, String(error));
    }
    app.home();
    app.sound(0);
  });
});
