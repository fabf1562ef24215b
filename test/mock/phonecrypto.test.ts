import assert from "node:assert/strict";
import { ah, c1, cmac, DEBUG_PRIVATE_KEY, e, f4, f5, f6, g2, h6, h7, keyPair, s1, sharedSecret } from "../../hal/mock/phonecrypto.js";
import { hex, unhex } from "./rawhost.js";

// Core Vol 3 Part H Appendix D, most significant octet first.
const U = "20b003d2f297be2c5e2c83a7e9f9a5b9eff49111acf4fddbcc0301480e359de6";
const V = "55188b3d32f6bb9a900afcfbeed4e72a59cb9ac2f19d7cfb6b4fdd49f47fc5fd";
const DHKEY = "ec0234a357c8ad05341010a60a397d9b99796b13b4f866f1868d34f373bfa698";
const KEY = "ec0234a357c8ad05341010a60a397d9b";
const N1 = "d5cb8454d177733effffb2ec712baeab";
const N2 = "a6e8e7cc25a75f6e216583f7ff3dc4cf";
const A1 = "00561237" + "37bfce";
const A2 = "00a713702dcfc1";
const ZERO = "00".repeat(16);
const b = unhex;

describe("the phone's toolbox gives the sample data of the specification", () => {
  it("AES-128 (FIPS-197 appendix C.1) and AES-CMAC (RFC 4493 section 4)", () => {
    assert.equal(hex(e(b("000102030405060708090a0b0c0d0e0f"), b("00112233445566778899aabbccddeeff"))), "69c4e0d86a7b0430d8cdb78070b4c55a");
    const key = b("2b7e151628aed2a6abf7158809cf4f3c");
    const message = b("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
    const macs = { 0: "bb1d6929e95937287fa37d129b756746", 16: "070a16b46b4d4144f79bdd9dd04a287c", 40: "dfa66747de9ae63030ca32611497c827", 64: "51f0bebf7e3b9d92fc49741779363cfe" };
    for (const [length, mac] of Object.entries(macs)) assert.equal(hex(cmac(key, message.slice(0, Number(length)))), mac, length);
  });

  it("c1 and s1", () => {
    const confirm = c1(b(ZERO), b("5783d52156ad6f0e6388274ec6702ee0"), b("07071000000101"), b("05000800000302"), 1, b("a1a2a3a4a5a6"), 0, b("b1b2b3b4b5b6"));
    assert.equal(hex(confirm), "1e1e3fef878988ead2a74dc5bef13b86");
    assert.equal(hex(s1(b(ZERO), b("000f0e0d0c0b0a091122334455667788"), b("010203040506070899aabbccddeeff00"))), "9a1fe1f0e8b0f49b5b4216ae796da062");
  });

  it("f4, f5, f6 and g2", () => {
    assert.equal(hex(f4(b(U), b(V), b(N1), 0)), "f2c916f107a9bd1cf1eda1bea974872d");
    const { mackey, ltk } = f5(b(DHKEY), b(N1), b(N2), b(A1), b(A2));
    assert.deepEqual([hex(mackey), hex(ltk)], ["2965f176a1084a02fd3f6a20ce636e20", "6986791169d7cd23980522b594750a38"]);
    const check = f6(mackey, b(N1), b(N2), b("12a3343bb453bb5408da42d20c2d0fc8"), b("010102"), b(A1), b(A2));
    assert.equal(hex(check), "e3c473989cd0e8c5d26c0b09da958f61");
    assert.equal(g2(b(U), b(V), b(N1), b(N2)), 0x2f9ed5ba);
  });

  it("h6, h7 and ah", () => {
    assert.equal(hex(h6(b(KEY), b("6c656272"))), "2d9ae102e76dc91ce8d3a9e280b16399");
    assert.equal(hex(h7(b("000000000000000000000000746d7031"), b(KEY))), "fb173597c6a3c0ecd2998c2a75a57011");
    assert.equal(hex(ah(b(KEY), b("708194"))), "0dfbaa");
  });

  it("P-256: the debug key pair (2.3.5.6.1), and the shared secret of its sample data", () => {
    const debug = keyPair(DEBUG_PRIVATE_KEY)!;
    assert.deepEqual([hex(debug.x), hex(debug.y)], [U, "dc809c49652aeb6d63329abf5a52155c766345c28fed3024741c8ed01589d28b"]);
    // The second key pair of the sample data of Vol 2 Part G 7.1.2.
    const peer = keyPair(b("55188b3d32f6bb9a900afcfbeed4e72a59cb9ac2f19d7cfb6b4fdd49f47fc5fd"))!;
    assert.deepEqual(
      [hex(peer.x), hex(peer.y)],
      ["1ea1f0f01faf1d9609592284f19e4c0047b58afd8615a69f559077b22faaa190", "4c55f33e429dad377356703a9ab85160472d1130e28e36765f89aff915b1214a"],
    );
    assert.deepEqual([hex(sharedSecret(debug.ecdh, peer.x, peer.y)!), hex(sharedSecret(peer.ecdh, debug.x, debug.y)!)], [DHKEY, DHKEY]);
    assert.equal(sharedSecret(debug.ecdh, peer.x, peer.x), null, "a point that is not on the curve");
    assert.equal(keyPair(new Uint8Array(32).fill(0xff)), null);
  });
});
