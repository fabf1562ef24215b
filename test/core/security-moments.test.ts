import assert from "node:assert/strict";
import type { Options } from "../../core/options.js";
import { CID, handedOver } from "../support/links.js";
import { Responder, type ResponderSetup } from "../support/responder.js";
import { brief, unhex } from "../support/rig.js";
import { CODE, meet, Memory, Safe, SEC, Stranger } from "../support/security.js";

const note = (told: string[]) => (error: any, level?: unknown): void => void told.push(error ? brief(error) : typeof level === "number" ? `level ${level}` : "ok");

/** Our central, at level 1, and a peripheral that it has paired with by a passkey and parted from. */
function bonded(): { safe: Safe; responder: Responder & { setup: ResponderSetup }; meets(): any } {
  const options: Options = { store: new Memory(), passkey: (_: unknown, reply: (passkey: number) => void) => reply(CODE) };
  const safe = new Safe({ level: 1, options });
  safe.bt.stopadvertise();
  const responder = new Responder(safe.rig.board.air, { method: "passkey", passkey: CODE });
  const meets = (): any => {
    let made: any = null;
    safe.bt.connect("c00000000001", 1, (error, connection) => {
      assert.equal(error, null);
      made = connection;
    });
    safe.until(() => made !== null, 6000);
    safe.run(200);
    return made;
  };
  const told: string[] = [];
  const connection = meets();
  connection.pair(note(told));
  safe.run(5000);
  assert.deepEqual(told, ["level 4"]);
  connection.close();
  safe.run(1000);
  return { safe, responder, meets };
}

describe("security: encryption with a key that is not the bond's proves nothing", () => {
  it("where the peripheral ends a pairing by Just Works while its key is being taken into use", () => {
    const { safe, responder, meets } = bonded();
    responder.key = null;
    responder.encrypted = false;
    responder.setup.method = "jw";
    responder.setup.response = "0203000d100000";
    const { onkey } = responder;
    responder.onkey = (rand, ediv) => {
      const key = onkey(rand, ediv);
      if (key) responder.say("0508");
      return key;
    };
    const connection = meets();
    const told: string[] = [];
    connection.pair(note(told));
    safe.run(5000);
    assert.ok(responder.encrypted);
    assert.deepEqual(told, ["pairing pair 8"]);
    assert.equal(connection.security(), 1);
    safe.unharmed();
  });

  it("where the central does, between the key that we give the controller and the controller's answer", () => {
    const safe = new Safe({ level: 1, options: { store: new Memory() } });
    safe.bt.setsecurity(1, CODE);
    const phone = safe.phone();
    phone.connect();
    phone.pair();
    safe.run(500);
    assert.equal(safe.open.security(), 4);
    phone.disconnect();
    safe.run(300);
    const thief = safe.phone({ io: "NoInputNoOutput", mitm: false }, { address: "0b5e12e20100" });
    const { chip } = safe.rig.board;
    let replies = 0;
    chip.hook = (opcode: number) => {
      if (opcode === SEC.LTK_REPLY && !replies++) chip.inject(unhex(handedOver(safe.rig, CID.SMP, "0508")));
      return undefined;
    };
    thief.connect();
    try {
      thief.pair();
    } catch {
      // How it ends for the thief is no matter.
    }
    safe.run(500);
    assert.equal(replies, 1);
    assert.equal(safe.connections.length, 2);
    assert.equal(safe.open.security(), 1);
    safe.unharmed();
  });
});

/** A device at level 4 with a bond, and a phone that comes each time with another address. */
function hidden(): { safe: Safe; phone: ReturnType<Safe["phone"]>; onsearch(action: () => void): void } {
  const safe = new Safe({ options: { store: new Memory() } });
  const phone = safe.phone({}, { irk: unhex("000102030405060708090a0b0c0d0e0f"), privacy: true });
  assert.equal(meet(safe, phone).paired, 4);
  phone.disconnect();
  safe.run(500);
  let searches = 0;
  const onsearch = (action: () => void): void => {
    safe.rig.board.chip.hook = (opcode: number) => {
      if (opcode === SEC.ENCRYPT && !searches++) action();
      return undefined;
    };
  };
  return { safe, phone, onsearch };
}

describe("security: while a peer is being looked for among the bonds", () => {
  it("a bond that is forgotten gives nothing any more", () => {
    const { safe, phone, onsearch } = hidden();
    onsearch(() => safe.bt.forgetall());
    phone.connect();
    safe.run(3000);
    assert.equal(safe.connections.length, 1);
    assert.deepEqual(safe.bt.bonds(), []);
    safe.unharmed();
  });

  it("a level that is lowered holds: nothing is asked of the peer, and it is served", () => {
    const { safe, onsearch } = hidden();
    onsearch(() => safe.bt.setsecurity(1));
    const other = new Stranger(safe, { address: "4b5e12e20100", random: 1 }).connect();
    safe.run(1000);
    assert.equal(safe.connections.length, 2);
    assert.deepEqual(other.frames, []);
    assert.match(other.att("0a0300"), /^0b/);
  });
});

describe("security: pair()", () => {
  it("tells within its time where the chip never says that encryption has begun", () => {
    const { safe, meets } = bonded();
    const connection = meets();
    const told: string[] = [];
    const { controller } = safe.rig.board.chip;
    const send = controller.send;
    controller.send = (packet: Uint8Array) => (packet[1] === 0x08 || packet[1] === 0x30 ? undefined : send(packet));
    connection.pair(note(told));
    safe.run(61_000);
    assert.deepEqual(told, ["timeout pair 0"]);
    connection.pair(note(told));
    safe.run(1000);
    assert.deepEqual(told.slice(1), ["disconnected pair 0"]);
  });

  it("on a connection that has its level takes nothing away from it, whatever the peer makes of it", () => {
    const safe = new Safe();
    const phone = safe.phone();
    const told: string[] = [];
    assert.equal(meet(safe, phone).paired, 4);
    phone.pairing.request = "ignore";
    phone.pairing.onerror = false;
    safe.open.pair(note(told));
    safe.run(1000);
    assert.equal(Buffer.from(phone.read("aa01")).toString(), "secret");
    safe.run(65_000);
    assert.deepEqual(told, ["level 4"]);
    assert.deepEqual(safe.closed, []);
  });
});
