import assert from "node:assert/strict";
import { CID } from "../support/links.js";
import { hex } from "../support/rig.js";
import { CODE, meet, Memory, Safe, SEC } from "../support/security.js";

/** Everything that an application may do, by name. */
const DEEDS: { [name: string]: (safe: Safe, connection: any) => void } = {
  "close()": (safe) => safe.bt.close(),
  "connection.close()": (_safe, connection) => connection?.close(),
  "setsecurity(1)": (safe) => safe.bt.setsecurity(1),
  "setsecurity(4)": (safe) => safe.bt.setsecurity(4),
  "setsecurity(3, 7)": (safe) => safe.bt.setsecurity(3, 7),
  "forgetall()": (safe) => (safe.bt as any).forgetall(),
  "connection.pair()": (_safe, connection) => connection?.pair(),
  "onconnect(null)": (safe) => safe.bt.onconnect(null),
  "servegatt([])": (safe) => safe.bt.servegatt([]),
  "stopadvertise()": (safe) => safe.bt.stopadvertise(),
  "trace()": (safe) => safe.bt.trace(() => {}),
  "throw": () => {
    throw new Error("the application's own");
  },
};

describe("an application may do anything inside its callbacks", () => {
  for (const [name, deed] of Object.entries(DEEDS)) {
    it(name, () => {
      for (const place of ["started", "passkey", "paired", "failed", "code", "compare", "passkey option", "oob", "onpairingfailed", "onconnect", "read", "subscribe", "save"]) {
        let safe: Safe | null = null;
        let done = 0;
        const act = (connection?: any): void => {
          // Once: some lead to the same callback again.
          if (safe !== null && done++ === 0) deed(safe, connection);
        };
        const store = new Memory();
        const save = store.save.bind(store);
        store.save = (bytes) => {
          if (place === "save") act();
          return save(bytes);
        };
        const options: any = {
          store,
          rotatecode: place === "code" ? 1 : 0,
          onpairing: (connection: any, state: string) => {
            if (state === place) act(connection);
          },
        };
        if (place === "compare") options.compare = (connection: any, _number: number, reply: (same: boolean) => void) => (act(connection), reply(true));
        if (place === "passkey option") {
          options.compare = (_c: any, _n: number, reply: (same: boolean) => void) => reply(true);
          options.passkey = (connection: any, reply: (passkey: number) => void) => (act(connection), reply(CODE));
        }
        if (place === "oob") options.oob = (connection: any) => (act(connection), null);
        if (place === "onpairingfailed") options.onpairingfailed = () => act();
        const made = new Safe({ level: 4, options });
        if (options.rotatecode === 0) delete options.rotatecode;
        made.bt.onconnect((connection: any) => {
          made.connections.push(connection);
          if (place === "onconnect") act(connection);
        });
        const services: any = made.services();
        const [{ chars }] = services;
        const { read } = chars[0];
        chars[0].read = (connection: any) => {
          if (place === "read") act(connection);
          return read(connection);
        };
        chars[0].subscribe = (connection: any) => {
          if (place === "subscribe") act(connection);
        };
        made.bt.servegatt(services);
        safe = made;
        const io = place === "compare" ? "DisplayYesNo" : place === "passkey option" ? "DisplayOnly" : "KeyboardDisplay";
        const phone = made.phone({ io: io as any, onerror: false, passkey: () => (place === "failed" || place === "onpairingfailed" ? CODE ^ 1 : CODE) });
        phone.start.connect({});
        made.run(4000);
        if (phone.connected) {
          phone.start.read("aa01", () => {});
          phone.start.subscribe("aa01", () => {});
        }
        made.run(place === "code" ? 70_000 : 3000);
        const counters = made.bt.counters();
        assert.ok(counters.exceptions <= (name === "throw" ? 1 : 0), `${place}: ${counters.exceptions} exceptions`);
        assert.equal(counters.restarts, 0, `${place}: the chip was restarted`);
        if (phone.connected) phone.vanish();
        made.bt.close();
        made.run(3000);
        assert.equal(made.rig.board.timers, 0, place);
        made.rig.gone(3000);
      }
    }).timeout(60_000);
  }
});

describe("the replies of the application", () => {
  it("twice, late, or after the link has gone, do no harm", () => {
    const replies: ((value: any) => void)[] = [];
    const options = {
      compare: (_c: unknown, _number: number, reply: (same: boolean) => void) => void replies.push(reply),
      passkey: (_c: unknown, reply: (passkey: number) => void) => void replies.push(reply),
    };
    for (const io of ["DisplayYesNo", "DisplayOnly"] as const) {
      replies.length = 0;
      const safe = new Safe({ options });
      const phone = safe.phone({ io, display: () => {}, passkey: CODE });
      phone.connect();
      safe.until(() => replies.length > 0);
      const [reply] = replies;
      phone.vanish();
      safe.run(4000);
      reply(io === "DisplayOnly" ? CODE : true);
      safe.run(100);
      assert.equal(safe.connections.length, 0);
      const next = safe.phone({ io, passkey: CODE });
      next.connect();
      safe.until(() => replies.length > 1);
      // That of the pairing before is none for this.
      reply(io === "DisplayOnly" ? CODE : true);
      safe.run(500);
      assert.equal(safe.connections.length, 0);
      replies[1](io === "DisplayOnly" ? CODE : true);
      replies[1](io === "DisplayOnly" ? 1 : false);
      safe.run(1000);
      replies[1](io === "DisplayOnly" ? 1 : false);
      safe.run(500);
      assert.equal(safe.connections.length, 1, io);
      assert.equal(safe.open.security(), 4);
      safe.unharmed();
    }
  });

  it("that are no numbers or no yes are a no", () => {
    for (const value of [undefined, null, "123456", 1_000_000, -1, 0.5, NaN, {}] as any[]) {
      const safe = new Safe({ options: { compare: (_c: unknown, _n: number, reply: (same: any) => void) => reply(value), passkey: (_c: unknown, reply: (passkey: any) => void) => reply(value) } });
      const typing = safe.phone({ io: "DisplayOnly" });
      assert.deepEqual([meet(safe, typing).error?.smp, safe.connections.length], [1, 0], String(value));
      typing.disconnect();
      safe.run(200);
      const comparing = safe.phone({ io: "DisplayYesNo" });
      assert.deepEqual([meet(safe, comparing).error?.smp, safe.connections.length], [0x0c, 0], String(value));
    }
  });
});

describe("a change in the middle of a pairing", () => {
  it("of the code: the pairing keeps the one it began with", () => {
    for (const sc of [true, false]) {
      const safe = new Safe({ level: 3 });
      const phone = safe.phone({ sc, userdelay: 2000 });
      phone.start.connect({});
      safe.until(() => safe.states.includes("passkey"));
      safe.bt.setsecurity(3, 999);
      safe.run(6000);
      assert.equal(safe.connections.length, 1);
      assert.equal(safe.bt.getsecuritycode(), 999);
    }
  });

  it("of the level: what it gives is measured by the level that is then", () => {
    const safe = new Safe({ level: 3 });
    const phone = safe.phone({ sc: false, userdelay: 2000 });
    phone.start.connect({});
    safe.until(() => safe.states.includes("passkey"));
    safe.bt.setsecurity(4, CODE);
    safe.run(6000);
    assert.equal(safe.connections.length, 0);
    assert.equal(safe.reads, 0);
    const down = new Safe({ level: 4 });
    const other = down.phone({ userdelay: 2000 });
    other.start.connect({});
    down.until(() => down.states.includes("passkey"));
    down.bt.setsecurity(1);
    down.run(100);
    assert.equal(down.connections.length, 1, "level 1 needs no more");
    down.run(6000);
    assert.equal(down.open.security(), 4);
    assert.equal(down.connections.length, 1);
  });
});

describe("a phone with private addresses", () => {
  it("that is quicker with its request to encrypt than the device finds its key, is waited for", () => {
    const safe = new Safe({ options: { store: new Memory(), bonds: 5 } });
    const phones = Array.from({ length: 5 }, () => safe.phone({}, { privacy: true }));
    for (const phone of phones) {
      assert.equal(meet(safe, phone).paired, 4);
      phone.disconnect();
      safe.run(200);
    }
    safe.rig.board.chip.hook = (opcode: number) => (opcode === SEC.ENCRYPT ? { delay: 200 } : undefined);
    for (const phone of phones) {
      phone.pairing.request = "ignore";
      phone.connect();
      phone.encrypt();
      safe.run(1500);
      assert.ok(phone.encrypted);
      assert.equal(safe.open.address(), hex([...phone.identity.bytes].reverse()));
      assert.equal(safe.open.security(), 4);
      phone.disconnect();
      safe.run(300);
    }
    safe.unharmed();
  });

  it("and a legacy bond that is good enough is not asked for Secure Connections, which would make it pair anew", () => {
    for (const privacy of [false, true]) {
      const safe = new Safe({ level: 3, options: { store: new Memory() } });
      const phone = safe.phone({ sc: false }, { privacy });
      assert.equal(meet(safe, phone).paired, 3);
      phone.disconnect();
      safe.run(300);
      const from = phone.trace.length;
      phone.connect();
      safe.run(500);
      const asked = phone.trace.slice(from).filter(({ sent, cid, bytes }) => !sent && cid === CID.SMP && bytes[0] === 0x0b).map(({ bytes }) => hex(bytes));
      assert.deepEqual(asked, ["0b05"], privacy ? "private address" : "public address");
    }
  });
});
