import assert from "node:assert/strict";
import { createCipheriv, randomBytes } from "node:crypto";
import { encryptBlock } from "../../core/crypto/aes.js";

function encrypt(key: Uint8Array, block: Uint8Array): string {
  const bytes = new Uint8Array(block);
  encryptBlock(key, bytes);
  return Buffer.from(bytes).toString("hex");
}

function expected(key: Uint8Array, block: Uint8Array): string {
  const cipher = createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(block), cipher.final()]).toString("hex");
}

const ZERO = new Uint8Array(16);

describe("AES-128", () => {
  const vectors: [string, string, string, string][] = [
    ["FIPS-197 appendix B", "2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734", "3925841d02dc09fbdc118597196a0b32"],
    ["FIPS-197 appendix C.1", "000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff", "69c4e0d86a7b0430d8cdb78070b4c55a"],
    ["SP 800-38A F.1.1, first block", "2b7e151628aed2a6abf7158809cf4f3c", "6bc1bee22e409f96e93d7e117393172a", "3ad77bb40d7a3660a89ecaf32466ef97"],
    ["SP 800-38A F.1.1, fourth block", "2b7e151628aed2a6abf7158809cf4f3c", "f69f2445df4f9b17ad2b417be66c3710", "7b0c785e27e8ad3f8223207104725dd4"],
    ["all zeros", "00000000000000000000000000000000", "00000000000000000000000000000000", "66e94bd4ef8a2c3b884cfa59ca342b2e"],
  ];
  for (const [name, key, block, result] of vectors) {
    it(name, () => assert.equal(encrypt(Buffer.from(key, "hex"), Buffer.from(block, "hex")), result));
  }

  it("every bit of key and block alone (CAVP: VarKey and VarTxt)", () => {
    for (let bits = 1; bits <= 128; bits++) {
      const ones = new Uint8Array(16);
      for (let i = 0; i < bits; i++) ones[i >> 3] |= 128 >> (i & 7);
      const one = new Uint8Array(16);
      one[(bits - 1) >> 3] = 128 >> ((bits - 1) & 7);
      for (const value of [ones, one]) {
        assert.equal(encrypt(value, ZERO), expected(value, ZERO));
        assert.equal(encrypt(ZERO, value), expected(ZERO, value));
      }
    }
  });

  it("every byte value in every place", () => {
    for (let value = 0; value < 256; value++) {
      const all = new Uint8Array(16).fill(value);
      const series = Uint8Array.from(all, (byte, i) => byte + i);
      assert.equal(encrypt(all, series), expected(all, series));
      assert.equal(encrypt(series, all), expected(series, all));
    }
  });

  it("random keys and blocks, one after the other", () => {
    let block: Uint8Array = randomBytes(16);
    for (let i = 0; i < 1000; i++) {
      const key = randomBytes(16);
      const next = expected(key, block);
      assert.equal(encrypt(key, block), next, `key ${key.toString("hex")}, block ${Buffer.from(block).toString("hex")}`);
      block = Buffer.from(next, "hex");
    }
  });

  it("in place, and the key stays", () => {
    const memory = new Uint8Array(48).fill(0xa5);
    const key = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");
    memory.set(Buffer.from("00112233445566778899aabbccddeeff", "hex"), 16);
    encryptBlock(key, memory.subarray(16, 32));
    const edge = "a5".repeat(16);
    assert.equal(Buffer.from(memory).toString("hex"), `${edge}69c4e0d86a7b0430d8cdb78070b4c55a${edge}`);
    assert.equal(key.toString("hex"), "000102030405060708090a0b0c0d0e0f");
    // The same array as both.
    const both = Buffer.from("2b7e151628aed2a6abf7158809cf4f3c", "hex");
    const result = expected(both, both);
    encryptBlock(both, both);
    assert.equal(both.toString("hex"), result);
  });
});
