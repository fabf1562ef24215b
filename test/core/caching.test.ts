import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { createOpen } from "../../core/bluetooth.js";
import { addCrypto, cmac } from "../../core/crypto/provider.js";
import type { Host } from "../../core/host.js";
import { createBoard, makeImage } from "../../hal/mock/index.js";
import { linked, Peer } from "../support/links.js";
import { hex, unhex } from "../support/rig.js";

const BATTERY = [{ uuid: 0x180f, chars: [{ uuid: 0x2a19, value: [50], flags: 0x12 }] }];
/** Value handles of the stack's own services: Service Changed, its configuration, Client Supported Features, Database Hash. */
const CHANGED = "0a00";
const CHANGED_CONFIGURATION = "0b00";
const FEATURES = "0d00";
const LEVEL = "1200";

/** AES-CMAC of RFC 4493 by the machine's own AES. */
function reference(key: Uint8Array, message: Uint8Array): Uint8Array {
  const aes = (block: Uint8Array): Buffer => {
    const cipher = createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
    return Buffer.concat([cipher.update(block), cipher.final()]);
  };
  const double = (block: Buffer): Buffer => {
    const value = (BigInt("0x" + block.toString("hex")) << 1n) ^ (block[0] & 128 ? 0x87n : 0n);
    return Buffer.from((value & ((1n << 128n) - 1n)).toString(16).padStart(32, "0"), "hex");
  };
  const whole = message.length > 0 && message.length % 16 === 0;
  const one = double(aes(new Uint8Array(16)));
  const subkey = whole ? one : double(one);
  const blocks = Math.max(1, Math.ceil(message.length / 16));
  let state: Buffer = Buffer.alloc(16);
  for (let i = 0; i < blocks; i++) {
    const block = Buffer.alloc(16);
    block.set(message.subarray(i * 16, i * 16 + 16));
    if (i === blocks - 1) {
      if (!whole) block[message.length % 16] = 0x80;
      for (let j = 0; j < 16; j++) block[j] ^= subkey[j];
    }
    state = aes(block.map((byte, j) => byte ^ state[j]) as Buffer);
  }
  return state;
}

/** The attributes that a client reads, as section 7.3.1 of Vol 3 Part G puts them together. */
function attributesOf(peer: Peer): Uint8Array {
  const parts: string[] = [];
  const types: [handle: string, type: string][] = [];
  for (let start = 1; ; ) {
    const answer = peer.att(`04${hex([start & 255, start >> 8])}ffff`);
    if (answer.startsWith("01")) break;
    const size = answer.startsWith("0501") ? 8 : 36;
    for (let at = 4; at < answer.length; at += size) {
      types.push([answer.substr(at, 4), answer.substr(at + 4, size - 4)]);
      start = parseInt(answer.substr(at + 2, 2) + answer.substr(at, 2), 16) + 1;
    }
  }
  for (const [handle, type] of types) {
    if (["0028", "0128", "0228", "0328", "0029"].includes(type)) parts.push(handle + type + peer.att("0a" + handle).slice(2));
    else if (["0129", "0229", "0329", "0429", "0529"].includes(type)) parts.push(handle + type);
  }
  return unhex(parts.join(""));
}

describe("robust caching", () => {
  it("AES-CMAC is that of RFC 4493, section 4", () => {
    const board = createBoard();
    let host!: Host;
    const open = createOpen([addCrypto, (made) => void (host = made)], 258);
    open(board.hal, makeImage());
    const key = unhex("2b7e151628aed2a6abf7158809cf4f3c");
    const message = unhex(
      "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
    );
    const results: Record<number, string> = {};
    for (const length of [0, 16, 40, 64]) cmac(host, null, key, message.subarray(0, length), (mac) => (results[length] = hex(mac)));
    board.clock.run(5000);
    assert.deepEqual(results, {
      0: "bb1d6929e95937287fa37d129b756746",
      16: "070a16b46b4d4144f79bdd9dd04a287c",
      40: "dfa66747de9ae63030ca32611497c827",
      64: "51f0bebf7e3b9d92fc49741779363cfe",
    });
  });

  it("the Database Hash is that of the attributes that are served, least significant octet first", () => {
    const { peer } = linked(BATTERY);
    const answer = peer.att("080100ffff2a2b");
    assert.match(answer, /^0912/);
    const value = unhex(answer.slice(8));
    assert.equal(hex(Uint8Array.from(value).reverse()), hex(reference(new Uint8Array(16), attributesOf(peer))));
  });

  it("changes with the services, and only with them", () => {
    const { rig, peer } = linked(BATTERY);
    const read = (): string => peer.att("080100ffff2a2b").slice(8);
    const first = read();
    rig.bt.servegatt(BATTERY);
    assert.equal(read(), first);
    rig.bt.servegatt([]);
    assert.notEqual(read(), first);
    rig.bt.servegatt(BATTERY);
    assert.equal(read(), first);
  });

  it("a client that says nothing of caching is served as ever", () => {
    const { rig, peer } = linked(BATTERY);
    rig.bt.servegatt([...BATTERY, { uuid: 0x1234, chars: [] }]);
    assert.equal(peer.att("0a" + LEVEL), "0b32");
  });

  it("a client with robust caching gets 0x12 once, then is served", () => {
    const { rig, peer } = linked(BATTERY);
    assert.equal(peer.att("12" + FEATURES + "01"), "13");
    assert.equal(peer.att("0a" + FEATURES), "0b01");
    rig.bt.servegatt([...BATTERY, { uuid: 0x1234, chars: [] }]);
    assert.equal(peer.att("0a" + LEVEL), `010a${LEVEL}12`);
    assert.equal(peer.att("0a" + LEVEL), "0b32");
  });

  it("commands of one that does not know are ignored, and what needs no handle is answered", () => {
    const written: number[] = [];
    const services = [{ uuid: 0x180f, chars: [{ uuid: 0x2a19, flags: 0x04, write: (_: unknown, value: Uint8Array) => void written.push(value[0]) }] }];
    const { rig, peer } = linked(services);
    peer.att("12" + FEATURES + "01");
    rig.bt.servegatt([...services, { uuid: 0x1234, chars: [] }]);
    assert.equal(peer.att("52" + LEVEL + "07", 200), "");
    assert.deepEqual(written, []);
    assert.match(peer.att("100100ffff0028"), /^1106/);
    assert.match(peer.att("080100ffff0328"), /^0907/);
    assert.equal(peer.att("0812001300192a"), "0108120012", "a range of handles");
    assert.equal(peer.att("52" + LEVEL + "07", 200), "", "told, but it has not asked again yet");
    assert.deepEqual(written, []);
    peer.att("0a" + FEATURES);
    peer.att("52" + LEVEL + "07", 200);
    assert.deepEqual(written, [7]);
  });

  it("reading the hash and one more request make it aware", () => {
    const { rig, peer } = linked(BATTERY);
    peer.att("12" + FEATURES + "01");
    rig.bt.servegatt([...BATTERY, { uuid: 0x1234, chars: [] }]);
    assert.match(peer.att("080100ffff2a2b"), /^0912/);
    assert.equal(peer.att("0a" + LEVEL), "0b32");
  });

  it("a confirmed Service Changed makes it aware; nothing else is sent before", () => {
    const { rig, peer } = linked(BATTERY);
    peer.att("12" + FEATURES + "01");
    peer.att("12" + CHANGED_CONFIGURATION + "0200");
    peer.att("1213000100");
    rig.bt.servegatt([...BATTERY, { uuid: 0x1234, chars: [] }]);
    assert.equal(peer.next(), `1d${CHANGED}1000ffff`);
    rig.bt.notify(0x2a19, [1]);
    assert.equal(peer.next(4, 200), "");
    peer.send(4, "1e");
    rig.run(200);
    assert.equal(peer.att("0a" + LEVEL), "0b32");
    assert.equal(peer.att("1213000100"), "13", "its configurations are gone with the old table");
    rig.bt.notify(0x2a19, [2]);
    assert.equal(peer.next(), `1b${LEVEL}02`);
  });

  it("a feature once claimed is not taken back, and an empty value is refused", () => {
    const { peer } = linked(BATTERY);
    peer.att("12" + FEATURES + "01");
    assert.equal(peer.att("12" + FEATURES + "00"), `0112${FEATURES}13`);
    assert.equal(peer.att("12" + FEATURES), `0112${FEATURES}0d`);
    assert.equal(peer.att("0a" + FEATURES), "0b01");
  });
});
