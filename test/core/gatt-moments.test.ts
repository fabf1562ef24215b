import assert from "node:assert/strict";
import { CID, device, Peer } from "../support/links.js";
import { brief, hex } from "../support/rig.js";
import { CODE, meet, Memory, Safe } from "../support/security.js";
import { le } from "../support/server.js";
import { ALL_STATES } from "./links-fixture.test.js";

const note = (told: string[]) => (error: any): void => void told.push(error ? brief(error) : "ok");

describe("GATT while the level is on its way, and from inside handlers", () => {
  it("a late answer to one peer from inside the handler for another leaves both what they have asked for", () => {
    let waiting: ((value: string) => void)[] = [];
    const read = (_: unknown, reply: (value: string) => void): {} => {
      const before = waiting;
      waiting = [reply];
      for (const one of before) one("0123456789abcdefghijklmnop");
      return rig.bt.LATER;
    };
    const { rig } = device([{ uuid: 0xfff0, chars: [{ uuid: 0xfff1, read }, { uuid: 0xfff2, read }] }], { links: 2 }, { chip: { links: 2, identity: { lestates: ALL_STATES } } });
    const [a, b] = [1, 2].map((n) => new Peer(rig, { address: "0b5e12e2000" + n }).connect());
    const [one, two] = [0xfff1, 0xfff2].map((uuid) => le(rig.bt.handle(0xfff0, uuid)));
    for (const [request, answer] of [
      ["0a" + two, "0b7a7a"],
      ["080100fffff2ff", "0904" + two + "7a7a"],
    ]) {
      a.send(CID.ATT, "0c" + one + "1600");
      rig.run(100);
      b.send(CID.ATT, request);
      assert.equal(a.next(), "0d6d6e6f70");
      waiting[0]("zz");
      waiting = [];
      assert.equal(b.next(), answer);
    }
  });

  it("an indication that is confirmed while the level is being raised is done, and the connection stays", () => {
    const safe = new Safe({ level: 1, services: [{ uuid: 0xaa00, chars: [{ uuid: 0xaa01, flags: 0x20 }] }] });
    const phone = new Peer(safe.rig).connect();
    const handle = safe.bt.handle(0xaa00, 0xaa01);
    const done: string[] = [];
    assert.equal(phone.att("12" + le(handle + 1) + "0200"), "13");
    safe.bt.notify(0xaa01, "x", null, note(done));
    assert.equal(phone.next(), "1d" + le(handle) + "78");
    safe.bt.setsecurity(4, CODE);
    safe.run(20);
    phone.send(CID.ATT, "1e");
    safe.run(35_000);
    assert.deepEqual(done, ["ok"]);
    assert.deepEqual(safe.closed, []);
  });

  it("what a phone has subscribed to before it pairs it has for good", () => {
    const safe = new Safe({ level: 1, options: { store: new Memory() } });
    const phone = safe.phone();
    phone.connect();
    phone.discover();
    phone.subscribe("aa01", () => {});
    phone.pair();
    safe.run(3000);
    phone.disconnect();
    safe.run(2000);
    phone.connect();
    phone.start.encrypt();
    safe.until(() => phone.encrypted, 3000);
    safe.run(1000);
    const told: string[] = [];
    phone.onnotify = (_, value) => void told.push(hex(value));
    safe.bt.notify(0xaa01, "abc");
    safe.run(1000);
    assert.deepEqual(told, ["616263"]);
    safe.unharmed();
  });

  it("services that change while a connection is on its way to its level are told when it is there", () => {
    const safe = new Safe({ level: 1 });
    const phone = safe.phone();
    const told: string[] = [];
    phone.connect();
    phone.discover();
    phone.subscribe("2a05", (value) => void told.push(hex(value)), { indicate: true });
    safe.bt.setsecurity(4, CODE);
    safe.bt.servegatt([{ uuid: 0xbb00, chars: [{ uuid: 0xbb01, value: "x" }] }]);
    safe.until(() => safe.states.includes("paired"), 20_000);
    safe.run(1000);
    assert.deepEqual(told, ["1000ffff"]);
  });

  for (const away of [true, false]) {
    it(`what a bonded phone has subscribed to in services that are gone does not come back in others: changed while it is ${away ? "away" : "there"}`, () => {
      const safe = new Safe({ options: { store: new Memory() } });
      const phone = safe.phone();
      const told: string[] = [];
      const come = (): void => {
        phone.connect();
        safe.until(() => phone.encrypted, 3000);
        safe.run(2000);
      };
      const go = (): void => {
        phone.disconnect();
        safe.run(2000);
      };
      assert.equal(meet(safe, phone).paired, 4);
      phone.discover();
      phone.subscribe("2a05", () => {}, { indicate: true });
      phone.subscribe("aa01", () => {});
      phone.onnotify = (_, value) => void told.push(hex(value));
      safe.run(2000);
      if (away) go();
      // Its configuration has the handle that the other had.
      safe.bt.servegatt([{ uuid: 0xbb00, chars: [{ uuid: 0xbb01, value: "x", flags: 0x12 }] }]);
      if (away) come();
      safe.run(2000);
      assert.deepEqual(told, ["1000ffff"]);
      go();
      come();
      safe.bt.notify(0xbb01, "abc");
      safe.run(1000);
      assert.deepEqual(told, ["1000ffff"]);
      safe.unharmed();
    });
  }
});
