import assert from "node:assert/strict";
import { isEnd, METHODS } from "./mistakes-table.js";
import { App, thrown } from "./mistakes-app.js";
import { PLACES, type Place } from "./mistakes-places.js";

/** The application's mistakes: anything from inside any callback. */

/** What is done in a callback. */
type Deed = (app: App, connection: any) => void;

/** Calls every method that does not end anything, one after the other. */
function everything(app: App, connection: any): void {
  for (const method of METHODS) {
    if (isEnd(method) || method.name === "close") continue;
    const object = method.on === "bt" ? app.bt : connection;
    if (!object) continue;
    const error: any = thrown(() => object[method.name](...method.good()));
    // In a callback that tells of its end a connection is no more.
    if (error) assert.ok([...(method.may ?? []), "disconnected"].includes(error.code), `${method.name}: ${error.stack}`);
  }
}

/** Each wrong argument that a method can have, the first of each. */
function mistakes(app: App, connection: any): void {
  for (const method of METHODS) {
    const object = method.on === "bt" ? app.bt : connection;
    if (!object || !method.arguments.length) continue;
    const error: any = thrown(() => object[method.name](...method.arguments.map(({ bad }) => bad[0].value)));
    assert.deepEqual([error?.code, error?.step], ["argument", method.name]);
  }
}

/** Tries, and lets the application hear of nothing that is documented. */
function quietly(deed: Deed): Deed {
  return (app, connection) => {
    const error: any = thrown(() => deed(app, connection));
    if (error) assert.match(error.code, /^(busy|disconnected)$/, error.stack);
  };
}

const DEEDS: { readonly [name: string]: Deed } = {
  "every method": everything,
  "every mistake": mistakes,
  "close()": ({ bt }) => bt.close(),
  "close(), and then every method": (app, connection) => {
    app.bt.close();
    for (const method of METHODS) {
      const object = method.on === "bt" ? app.bt : connection;
      const error: any = object && thrown(() => object[method.name](...method.good()));
      if (error) assert.match(error.code, /^(closed|disconnected|argument)$/, `${method.name}: ${error.stack}`);
    }
  },
  "factoryreset()": ({ bt }) => bt.factoryreset(),
  "a test": quietly(({ bt }) => bt.testtransmit(0, 37, 0)),
  "connection.close()": (_app, connection) => connection?.close(),
  "servegatt([])": ({ bt }) => bt.servegatt([]),
  "onconnect(null)": ({ bt }) => bt.onconnect(null),
  "setsecurity(4)": ({ bt }) => bt.setsecurity(4, 123456),
  "forgetall()": ({ bt }) => bt.forgetall(),
  "stopadvertise() and stopscan()": ({ bt }) => {
    bt.stopadvertise();
    bt.stopscan();
  },
  "another advert, filter and scan": ({ bt }) => {
    bt.startadvertise("other", 30, 30, "response");
    bt.setscanfilter([{ minrssi: -90 }, { collect: 0.01 }]);
    bt.setscanparams(true, 100, 50);
    bt.startscan(() => {});
  },
  "connect()": quietly(({ bt }) => bt.connect("00a0c0998877", 0, () => {}, 200)),
  "read, write, pair and parameters": quietly((_app, connection) => {
    connection?.read(3, () => {});
    connection?.write(3, "x", () => {});
    connection?.parameters(30, 60, 0, 3000, () => {});
    connection?.pair();
  }),
  "an exception": () => {
    throw new Error("the application's own");
  },
};

/** Does something in a callback, the first time that it runs; then everything has to be as it was, or gone. */
function run(place: Place, name: string, deed: Deed): void {
  const what = `${name} in ${place.name}`;
  let app: App | null = null;
  let done = 0;
  let failure: unknown = null;
  const at = (connection?: any): void => {
    if (app === null || done++ > 0) return;
    if (name === "an exception") deed(app, connection);
    // What the deed itself finds wrong is not to be taken for the application's exception.
    failure = thrown(() => deed(app!, connection ?? app!.connection));
  };
  const made = new App(place.setup?.(at) ?? {});
  app = made;
  made.act = (now, connection) => {
    if (now === place.name) at(connection);
  };
  place.lead(made);
  assert.ok(done > 0, `${place.name} was called`);
  assert.equal(failure, null, what);
  made.run(300);
  made.sound(name === "an exception" && !place.throws ? 1 : 0, what);
  if (!name.startsWith("close()") && name !== "factoryreset()") return made.home(what);
  made.run(1500);
  made.rig.gone(20_000);
}

describe("mistakes: from inside a callback", function () {
  this.timeout(120_000);

  for (const place of PLACES) {
    it(`${place.name}: anything may be done, and what is declared then is served`, () => {
      for (const [name, deed] of Object.entries(DEEDS)) {
        if (name === "an exception" && place.throws === "own") continue;
        try {
          run(place, name, deed);
        } catch (error: any) {
          throw new Error(`${name}: ${error.message}`, { cause: error });
        }
      }
    });
  }
});
