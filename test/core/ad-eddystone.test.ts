import assert from "node:assert/strict";
import { adEddystoneUid, readEddystone } from "../../core/gap/ad.js";

describe("AD structures: Eddystone-UID", () => {
  it("is laid out as the Eddystone specification has it, its two reserved bytes included", () => {
    const advert = adEddystoneUid("00112233445566778899", "aabbccddeeff", -20);
    assert.equal(Buffer.from(advert).toString("hex"), "0303aafe" + "1716aafe" + "00ec" + "00112233445566778899" + "aabbccddeeff" + "0000");
    assert.deepEqual(readEddystone(advert), { frame: "uid", power: -20, namespace: "00112233445566778899", instance: "aabbccddeeff" });
  });

  it("takes bytes too, and throws for what is neither", () => {
    assert.deepEqual(adEddystoneUid(new Uint8Array(10).fill(1), new Uint8Array(6).fill(2), 0), adEddystoneUid("01".repeat(10), "02".repeat(6), 0));
    for (const wrong of ["", "01".repeat(9), "01".repeat(11), "zz".repeat(10), new Uint8Array(9), undefined, 7]) {
      assert.throws(() => adEddystoneUid(wrong as never, "aabbccddeeff", 0), /adEddystoneUid: namespace is .*expected 10 bytes or 20 hex digits/);
    }
  });
});
