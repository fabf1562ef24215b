import assert from "node:assert/strict";
import type { Method } from "./mistakes-table.js";
import { isEnd, METHODS } from "./mistakes-table.js";
import { App, thrown } from "./mistakes-app.js";

/** The application's mistakes: every method before the chip is ready, while it is gone, twice, and when it is too late. */

const OF_BT = METHODS.filter(({ on }) => on === "bt");
const OF_CONNECTION = METHODS.filter(({ on }) => on === "connection");
/** What ends everything is called last. */
const LASTING = OF_BT.filter((method) => !isEnd(method));

function call(object: any, { name, good }: Method): unknown {
  return object[name](...good());
}

/** A good call may be refused for what is documented, and for nothing else. */
function allowed(method: Method, error: Error | null): void {
  if (error !== null) assert.ok((method.may ?? []).includes((error as any).code), `${method.name}: ${error.stack}`);
}

describe("mistakes: before the chip is ready", () => {
  it("every method does what it does, and what is declared comes into force", () => {
    const app = new App({ up: false });
    for (const method of LASTING) allowed(method, thrown(() => call(app.bt, method)));
    assert.equal(app.bt.address(), null);
    assert.deepEqual(app.bt.bonds(), []);
    app.declare();
    app.rig.up();
    app.run(500);
    app.home();
    app.sound(0);
  });

  for (const method of LASTING) {
    it(`bt.${method.name}() alone`, () => {
      const app = new App({ up: false });
      assert.equal(thrown(() => call(app.bt, method)), null);
      app.rig.up();
      app.home();
      app.sound(0);
    });
  }

  it("at every step of the way up", () => {
    const steps = new Set<string>();
    for (let step = 0; step < 8; step++) {
      let count = 0;
      const app = new App({ part: "cyw43438", up: false }, (place) => {
        if (place === "onstep" && count++ === step) {
          steps.add(app.rig.steps.at(-1)!);
          for (const method of LASTING) allowed(method, thrown(() => call(app.bt, method)));
          app.declare();
        }
      });
      app.rig.up();
      app.home(`step ${step}`);
      app.sound(0);
    }
    assert.ok(steps.size > 6, [...steps].join());
  });
});

describe("mistakes: while the chip is gone", () => {
  for (const method of LASTING) {
    it(`bt.${method.name}() takes effect when it is back`, () => {
      const app = new App();
      app.rig.board.chip.hardwareError(7);
      app.rig.clock.until(() => app.bt.counters().restarts > 0, 1000);
      allowed(method, thrown(() => call(app.bt, method)));
      app.rig.clock.until(() => app.rig.recovered.length > 0, 10_000);
      assert.equal(app.rig.recovered.length, 1);
      app.home();
      app.sound(0);
    });
  }

  it("methods of a connection that went with it: late, and no more than that", () => {
    const app = new App();
    app.peer();
    const connection = app.connection!;
    const address = connection.address();
    app.rig.board.chip.hardwareError(7);
    app.rig.clock.until(() => app.bt.counters().restarts > 0, 1000);
    for (const method of OF_CONNECTION) {
      const error: any = thrown(() => call(connection, method));
      if (error) assert.match(error.code, /^(disconnected|argument)$/, method.name);
    }
    assert.equal(connection.address(), address);
    app.rig.clock.until(() => app.rig.recovered.length > 0, 10_000);
    app.home();
    app.sound(0);
  });
});

describe("what is asked for while the chip goes", () => {
  for (const delay of [0, 0.2, 1, 5, 50, 300]) {
    it(`is answered all the same, once: it goes ${delay} ms later`, () => {
      for (const random of [true, false]) {
        const app = new App({ random });
        app.peer();
        const { bt, connection } = app;
        const told: { [name: string]: number } = {};
        const note = (name: string) => () => void (told[name] = (told[name] ?? 0) + 1);
        bt.oobdata(note("oobdata"));
        bt.oobdata(note("oobdata again"));
        bt.connect("00a0c0998877", 0, note("connect"), 3000);
        connection!.rssi(note("rssi"));
        connection!.parameters(30, 50, 0, 4000, note("parameters"));
        connection!.discover(note("discover"));
        connection!.read(3, note("read"));
        connection!.pair(note("pair"));
        connection!.onclose(note("onclose"));
        app.run(delay);
        app.rig.board.chip.hardwareError(7);
        app.run(70_000);
        assert.equal(app.rig.recovered.length, 1);
        assert.deepEqual(told, { oobdata: 1, "oobdata again": 1, connect: 1, rssi: 1, parameters: 1, discover: 1, read: 1, pair: 1, onclose: 1 });
        app.sound(0);
        app.home();
      }
    });
  }
});

describe("mistakes: twice", () => {
  for (const method of METHODS) {
    it(`${method.on}.${method.name}()`, () => {
      const app = new App();
      const peer = app.peer();
      const object = method.on === "bt" ? app.bt : app.connection;
      for (let i = 0; i < 3; i++) allowed(method, thrown(() => call(object, method)));
      app.run(300);
      allowed(method, thrown(() => call(object, method)));
      app.run(300);
      app.sound(0);
      if (isEnd(method)) return app.rig.gone();
      if (peer.central.connected) peer.central.disconnect();
      app.run(200);
      app.home();
      app.sound(0);
    });
  }

  it("a connection, parameters and a pairing that are still under way: busy, and the first goes on", () => {
    const app = new App();
    app.peer();
    const { bt, connection } = app;
    const told: string[] = [];
    const note = (name: string) => (error: any) => void told.push(`${name} ${error ? error.code : "done"}`);
    bt.connect("00a0c0998877", 0, note("connect"), 500);
    connection!.parameters(30, 50, 0, 4000, note("parameters"));
    connection!.pair(note("pair"));
    for (const [second, name] of [
      [() => bt.connect("00a0c0998878", 1, () => assert.fail("called")), "connect"],
      [() => connection!.parameters(100, 100, 0, 4000, () => assert.fail("called")), "parameters"],
      [() => connection!.pair(() => assert.fail("called")), "pair"],
    ] as const) {
      const error = thrown(second)!;
      assert.deepEqual([error.code, error.step], ["busy", name]);
    }
    app.run(61_000);
    assert.deepEqual(told.map((text) => text.split(" ")[0]).sort(), ["connect", "pair", "parameters"]);
    app.sound(0);
    app.home();
  });
});

describe("mistakes: too late", () => {
  for (const ready of [true, false]) {
    it(`after close()${ready ? "" : " of an instance that never was ready"}`, () => {
      const app = new App({ up: ready });
      if (ready) app.peer();
      const { bt, connection } = app;
      bt.close();
      for (let round = 0; round < 2; round++) {
        for (const method of OF_BT) {
          const error: any = thrown(() => call(bt, method));
          if (method.late === "throws") {
            assert.deepEqual([error?.code, error?.step], ["closed", method.name]);
            assert.match(error.message, new RegExp(`^blimp ${method.name}: the instance is closed$`));
          } else assert.equal(error, null, method.name);
        }
        // A link may take a second to end.
        app.run(1500);
      }
      for (const method of ready ? OF_CONNECTION : []) {
        const error: any = thrown(() => call(connection, method));
        if (error) assert.ok(method.late === "throws" && /^(disconnected|argument)$/.test(error.code), `${method.name}: ${error.stack}`);
      }
      const calls = JSON.stringify(app.calls);
      app.rig.gone();
      assert.equal(JSON.stringify(app.calls), calls, "nobody is called any more");
      app.sound(0);
      // And it can be opened again.
      app.rig.open();
      app.declare();
      app.rig.up();
      app.home();
    });
  }

  it("while close() waits for its links", () => {
    const app = new App();
    app.peer();
    const { bt, connection } = app;
    bt.close();
    assert.ok(app.rig.board.uartOpen, "it waits");
    for (const method of METHODS) {
      const error: any = thrown(() => call(method.on === "bt" ? bt : connection, method));
      if (error) assert.match(error.code, /^(closed|disconnected|argument)$/, method.name);
    }
    app.run(1500);
    app.rig.gone();
    app.sound(0);
  });

  for (const ended of ["by the peer", "by close()"]) {
    it(`when a connection has ended ${ended}: callbacks are told, once`, () => {
      const app = new App();
      const peer = app.peer();
      const connection = app.connection!;
      const address = connection.address();
      if (ended === "by the peer") peer.central.disconnect();
      else connection.close();
      app.run(200);
      const told: string[] = [];
      for (const method of OF_CONNECTION) {
        const values = method.good();
        const last = values.length - 1;
        const callbacks = values.filter((value) => typeof value === "function").length;
        if (method.late === "tells") {
          values[last] = (first: any) => void told.push(`${method.name} ${first?.code ?? first}`);
          assert.equal(thrown(() => (connection as any)[method.name](...values)), null, method.name);
          assert.ok(callbacks > 0);
        } else {
          const error: any = thrown(() => (connection as any)[method.name](...values));
          if (method.late === "throws") assert.match(error.code, /^(disconnected|argument)$/, method.name);
          else assert.equal(error, null, method.name);
        }
      }
      assert.deepEqual(told, [], "not before the call has returned");
      app.run(50);
      assert.deepEqual(told.sort(), ["discover disconnected", "pair disconnected", "read disconnected", "rssi 127", "write disconnected"]);
      assert.equal(connection.address(), address);
      app.run(100_000);
      assert.equal(told.length, 5);
      app.sound(0);
      app.home();
    });
  }

  it("a connection of another instance, or one that has ended, is notified of nothing", () => {
    const app = new App();
    const other = new App();
    const peer = app.peer();
    other.peer();
    assert.equal(peer.att("12" + app.at(0xfff3, 1) + "0100"), "13");
    assert.equal((thrown(() => app.bt.notify(0xfff3, "x", other.connection)) as any).code, "argument");
    const gone = app.connection;
    peer.central.disconnect();
    app.run(100);
    assert.equal(app.bt.notify(0xfff3, "x", gone, () => assert.fail("called")), true);
    app.run(100);
    assert.deepEqual(peer.frames, []);
    app.sound(0);
  });
});
