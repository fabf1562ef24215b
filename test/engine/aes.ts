import { hex, parseHex } from "../../core/bytes/hex.js";
import { encryptBlock } from "../../core/crypto/aes.js";
import { check, finish, same } from "./_check.js";

function encrypt(key: string, block: string): string {
  const bytes = parseHex(block)!;
  encryptBlock(parseHex(key)!, bytes);
  return hex(bytes, 0, 16);
}

check("aes: FIPS-197", function () {
  same(encrypt("2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734"), "3925841d02dc09fbdc118597196a0b32", "appendix B");
  same(encrypt("000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff"), "69c4e0d86a7b0430d8cdb78070b4c55a", "appendix C.1");
});

check("aes: each block the key of the next", function () {
  const key = new Uint8Array(16);
  const block = new Uint8Array(16);
  for (let i = 0; i < 50; i++) {
    encryptBlock(key, block);
    key.set(block);
  }
  same(hex(block, 0, 16), "2b07b541ae58ffbb98b641543e2dfb3d", "the fiftieth");
});

finish();
