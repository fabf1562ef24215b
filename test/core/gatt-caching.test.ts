import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import type { Service } from "../../core/gatt/database.js";
import { linked, type Peer } from "../support/links.js";
import { hex, unhex } from "../support/rig.js";

// Robust caching: Vol 3 Part G 2.5.2, 7.2, 7.3. The hash is computed here from what a client finds, by RFC 4493 over node's own AES.

const le = (value: number): string => hex([value & 255, value >> 8]);
const text = (value: string): string => hex(Array.from(value, (c) => c.charCodeAt(0)));
const error = (opcode: number, handle: number, code: number): string => hex([1, opcode, handle & 255, handle >> 8, code]);

function aes(key: Uint8Array, block: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
  return new Uint8Array(Buffer.concat([cipher.update(block), cipher.final()]));
}

/** AES-CMAC, most significant octet first. */
function cmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  const twice = (block: Uint8Array): Uint8Array => block.map((byte, i) => ((byte << 1) | (i < 15 ? block[i + 1] >> 7 : 0)) ^ (i === 15 && block[0] & 0x80 ? 0x87 : 0));
  const one = twice(aes(key, new Uint8Array(16)));
  const blocks = Math.max(1, Math.ceil(message.length / 16));
  const whole = message.length > 0 && message.length % 16 === 0;
  const last = new Uint8Array(16);
  last.set(message.subarray(16 * (blocks - 1)));
  if (!whole) last[message.length % 16] = 0x80;
  const mask = whole ? one : twice(one);
  let state: Uint8Array = new Uint8Array(16);
  for (let i = 0; i < blocks; i++) {
    const block = i < blocks - 1 ? message.subarray(16 * i, 16 * i + 16) : last.map((byte, j) => byte ^ mask[j]);
    state = aes(key, state.map((byte, j) => byte ^ block[j]));
  }
  return state;
}

/** The hash of what a client finds, as it reads it. */
function hashOf(peer: Peer): string {
  let message = "";
  for (let next = 1; ; ) {
    const found = unhex(peer.att("04" + le(next) + "ffff"));
    if (found[0] === 1) break;
    const size = found[1] === 1 ? 2 : 16;
    for (let i = 2; i < found.length; i += 2 + size) {
      next = found[i] | (found[i + 1] << 8);
      const type = size === 2 ? found[i + 2] | (found[i + 3] << 8) : 0;
      const head = le(next) + le(type);
      if ((type >= 0x2800 && type <= 0x2803) || type === 0x2900) message += head + peer.att("0a" + le(next)).slice(2);
      else if (type >= 0x2901 && type <= 0x2905) message += head;
      next++;
    }
  }
  return hex(cmac(new Uint8Array(16), unhex(message)).reverse());
}

const readHash = (peer: Peer): string => {
  const answer = peer.att("080100ffff2a2b");
  assert.match(answer, /^0912....[0-9a-f]{32}$/);
  return answer.slice(8);
};

const FEATURES = 13;
const first: Service[] = [{ uuid: 0xff00, chars: [{ uuid: 0xff01, value: "one", flags: 0x1e, write: () => 0 }, { uuid: 0xff02, flags: 0x20 }] }];
const second: Service[] = first.concat([{ uuid: "fada47be-c455-48c9-a5f2-af7cf368d719", chars: [{ uuid: 0xfe01, value: "more" }] }]);

describe("gatt: the Database Hash", () => {
  it("the CMAC here is that of RFC 4493", () => {
    const key = unhex("2b7e151628aed2a6abf7158809cf4f3c");
    assert.equal(hex(cmac(key, new Uint8Array(0))), "bb1d6929e95937287fa37d129b756746");
    assert.equal(hex(cmac(key, unhex("6bc1bee22e409f96e93d7e117393172a"))), "070a16b46b4d4144f79bdd9dd04a287c");
  });

  it("goes over declarations and descriptors of every kind", () => {
    const tables: Service[][] = [
      [],
      first,
      second,
      [
        {
          uuid: 0xff00,
          chars: [
            { uuid: "fada47be-c455-48c9-a5f2-af7cf368d720", value: "x", descriptors: [{ uuid: 0x2901, value: "text" }, { uuid: 0x2904, value: "1234567" }, { uuid: 0x2906, value: "no" }, { uuid: 0x2900, value: "\x01\x00" }, { uuid: 0xff08, value: "no" }] },
            { uuid: 0xff01, flags: 0x30 },
          ],
        },
      ],
    ];
    const seen: string[] = [];
    for (const table of tables) {
      const { peer } = linked(table);
      const hash = readHash(peer);
      assert.equal(hash, hashOf(peer));
      seen.push(hash);
    }
    assert.equal(new Set(seen).size, tables.length);
  });

  it("changes with the services, and not with a value", () => {
    const { peer, rig } = linked(first);
    const before = readHash(peer);
    rig.bt.servegatt([{ uuid: 0xff00, chars: [{ uuid: 0xff01, value: "two", flags: 0x1e, write: () => 0 }, { uuid: 0xff02, flags: 0x20 }] }]);
    assert.equal(readHash(peer), before);
    rig.bt.servegatt(second);
    const after = readHash(peer);
    assert.notEqual(after, before);
    assert.equal(after, hashOf(peer));
  });

  it("can be read at once after the table has changed; the answer waits for it", () => {
    for (const wait of [0, 10, 20, 30, 40, 60]) {
      const { peer, rig } = linked(first);
      peer.send(4, "080100ffff2a2b");
      rig.run(wait);
      if (peer.frames.length) continue;
      rig.bt.servegatt(second);
      rig.bt.servegatt([]);
      const answer = peer.next();
      assert.match(answer, /^0912....[0-9a-f]{32}$/);
      // Whichever table it was read from, it is the hash of one that was served, and the next reading gives that of the last.
      const last = hashOf(peer);
      assert.equal(readHash(peer), last);
      const hashes = [first, second, []].map((table) => readHash(linked(table).peer));
      assert.ok(hashes.includes(answer.slice(8)), answer);
    }
  });
});

describe("gatt: Client Supported Features", () => {
  it("keep what was set, per connection, and cannot be taken back (0x13)", () => {
    const { peer, rig } = linked(first);
    assert.equal(peer.att("0a" + le(FEATURES)), "0b00");
    assert.equal(peer.att("12" + le(FEATURES) + "01"), "13");
    assert.equal(peer.att("0a" + le(FEATURES)), "0b01");
    assert.equal(peer.att("12" + le(FEATURES) + "00"), error(0x12, FEATURES, 0x13));
    assert.equal(peer.att("12" + le(FEATURES) + "05"), "13");
    assert.equal(peer.att("12" + le(FEATURES) + "04"), error(0x12, FEATURES, 0x13));
    peer.central.disconnect();
    rig.run(1000);
    peer.connect();
    assert.equal(peer.att("0a" + le(FEATURES)), "0b00");
  });
});

describe("gatt: a client that is not aware of a change", () => {
  /** Connects, sets robust caching where it is asked for, and changes the table. */
  function changed(features = "01"): { peer: Peer; rig: any; at: number } {
    const { peer, rig } = linked(first);
    const at = rig.bt.handle(0xff00, 0xff01);
    if (features) assert.equal(peer.att("12" + le(FEATURES) + features), "13");
    rig.bt.servegatt(second);
    return { peer, rig, at };
  }

  it("hears of it once (0x12) at its first request for a handle, whichever that is", () => {
    const rows: [string, (h: string) => string][] = [
      ["Read", (h) => "0a" + h],
      ["Read Blob", (h) => "0c" + h + "0000"],
      ["Read Multiple", (h) => "0e" + h + h],
      ["Read Multiple Variable", (h) => "20" + h + h],
      ["Read By Type of a value", (h) => "08" + h + "ffff" + "01ff"],
      ["Write", (h) => "12" + h + "01"],
      ["Prepare Write", (h) => "16" + h + "000001"],
    ];
    for (const [name, digits] of rows) {
      const { peer, at } = changed();
      const pdu = digits(le(at));
      assert.equal(peer.att(pdu), error(parseInt(pdu.slice(0, 2), 16), at, 0x12), name);
      assert.notEqual(peer.att(pdu).slice(0, 2), "01", name);
      assert.notEqual(peer.att(pdu).slice(0, 2), "01", name);
    }
  });

  it("may discover, exchange the MTU and read the hash; and is aware with the request behind the hash", () => {
    const { peer, at } = changed();
    assert.equal(peer.att("026400").slice(0, 2), "03");
    assert.equal(peer.att("040100ffff").slice(0, 2), "05");
    assert.equal(peer.att("060100ffff" + "0028" + "00ff").slice(0, 2), "07");
    assert.equal(peer.att("100100ffff" + "0028").slice(0, 2), "11");
    assert.equal(peer.att("080100ffff" + "0328").slice(0, 2), "09");
    assert.equal(peer.att("08" + le(at - 2) + "ffff" + "0328").slice(0, 2), "09");
    // None of these has made it aware.
    const again = changed();
    for (const pdu of ["026400", "040100ffff", "100100ffff0028", "080100ffff0328"]) again.peer.att(pdu);
    assert.equal(again.peer.att("0a" + le(again.at)), error(0x0a, again.at, 0x12));
    readHash(peer);
    assert.equal(peer.att("0a" + le(at)), "0b" + text("one"));
  });

  it("is aware when it has confirmed Service Changed", () => {
    const { peer, rig } = linked(first);
    const at = rig.bt.handle(0xff00, 0xff01);
    peer.att("12" + le(FEATURES) + "01");
    peer.att("120b000200");
    rig.bt.servegatt(second);
    assert.match(peer.next(), /^1d0a00/);
    peer.send(4, "1e");
    rig.run(200);
    assert.equal(peer.att("0a" + le(at)), "0b" + text("one"));
  });

  it("has its commands ignored, and gets nothing but Service Changed", () => {
    const written: string[] = [];
    const table = (more: Service[]): Service[] => [{ uuid: 0xff00, chars: [{ uuid: 0xff01, flags: 0x14, write: (_: any, value: Uint8Array) => void written.push(hex(value)) }] } as Service].concat(more);
    const { peer, rig } = linked(table([]));
    const at = rig.bt.handle(0xff00, 0xff01);
    peer.att("12" + le(FEATURES) + "01");
    rig.bt.servegatt(table(second));
    peer.send(4, "52" + le(at) + "01");
    rig.run(300);
    assert.deepEqual(written, []);
    assert.equal(rig.bt.notify(at, "x"), true);
    rig.run(300);
    assert.deepEqual(peer.frames, []);
    // Aware again, and both go.
    peer.att("0a" + le(at));
    assert.equal(peer.att("12" + le(at + 1) + "0100"), "13");
    peer.send(4, "52" + le(at) + "02");
    rig.run(300);
    assert.deepEqual(written, ["02"]);
    rig.bt.notify(at, "x");
    assert.equal(peer.next(), "1b" + le(at) + "78");
  });

  it("without robust caching nothing is refused", () => {
    for (const features of ["", "00", "02"]) {
      const { peer, at } = changed(features);
      assert.equal(peer.att("0a" + le(at)), "0b" + text("one"), features);
    }
  });

  it("a fixed value that changes is no change of services: nobody is told, and subscriptions stand", () => {
    const table = (value: string): Service[] => [{ uuid: 0xff00, chars: [{ uuid: 0xff01, value, flags: 0x12 }, { uuid: 0xff02, value }] }];
    const { peer, rig } = linked(table("one"));
    const at = rig.bt.handle(0xff00, 0xff01);
    peer.att("12" + le(FEATURES) + "01");
    peer.att("120b000200");
    assert.equal(peer.att("12" + le(at + 1) + "0100"), "13");
    rig.bt.servegatt(table("two"));
    rig.run(300);
    assert.deepEqual(peer.frames, []);
    assert.equal(peer.att("0a" + le(at)), "0b" + text("two"));
    assert.equal(peer.att("0a" + le(at + 1)), "0b0100");
    rig.bt.notify(0xff01, "n");
    assert.equal(peer.next(), "1b" + le(at) + "6e");
  });
});
