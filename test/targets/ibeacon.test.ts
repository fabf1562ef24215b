import assert from "node:assert/strict";
import { readIBeacon } from "../../core/gap/ad.js";
import { encodeIBeacon, formatUuid, parseUuid } from "../../targets/node/ibeacon.js";

const UUID = "9277830A-B2EB-490F-A1DD-7FE38C492EDE";
const ADVERT = "0201061aff4c0002159277830ab2eb490fa1dd7fe38c492ede00010002c5";

describe("iBeacon", () => {
  it("has the bytes of the imp's example", () => {
    const advert = encodeIBeacon({ uuid: parseUuid(UUID)!, major: 1, minor: 2, power: -59 });
    assert.equal(Buffer.from(advert).toString("hex"), ADVERT);
  });

  it("is read back, the extremes too", () => {
    for (const [major, minor, power] of [[1, 2, -59], [0, 0, -128], [65535, 65535, 127], [0x1234, 0xfedc, 0]]) {
      const beacon = { uuid: parseUuid(UUID)!, major, minor, power };
      assert.deepEqual(readIBeacon(encodeIBeacon(beacon)), { ...beacon, uuid: UUID.toLowerCase().replaceAll("-", "") });
    }
  });

  it("takes a UUID with or without dashes, in either case", () => {
    assert.equal(formatUuid(parseUuid(UUID.toLowerCase().replaceAll("-", ""))!), UUID);
    for (const text of ["", UUID.slice(1), UUID + "0", UUID.replace("9", "g"), " " + UUID]) assert.equal(parseUuid(text), null);
  });
});
