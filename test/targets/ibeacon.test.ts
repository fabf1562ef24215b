import assert from "node:assert/strict";
import { decodeIBeacon, encodeIBeacon, formatUuid, parseUuid, roughDistance } from "../../targets/node/ibeacon.js";

const UUID = "9277830A-B2EB-490F-A1DD-7FE38C492EDE";
const ADVERT = "0201061aff4c0002159277830ab2eb490fa1dd7fe38c492ede00010002c5";

function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

describe("iBeacon", () => {
  it("has the bytes of the imp's example", () => {
    const advert = encodeIBeacon({ uuid: parseUuid(UUID)!, major: 1, minor: 2, power: -59 });
    assert.equal(Buffer.from(advert).toString("hex"), ADVERT);
  });

  it("is read back, the extremes too", () => {
    for (const [major, minor, power] of [[1, 2, -59], [0, 0, -128], [65535, 65535, 127], [0x1234, 0xfedc, 0]]) {
      const beacon = { uuid: parseUuid(UUID)!, major, minor, power };
      assert.deepEqual(decodeIBeacon(encodeIBeacon(beacon)), beacon);
    }
  });

  it("is found behind other fields, and only where it is whole", () => {
    const whole = bytes(ADVERT);
    assert.equal(decodeIBeacon(bytes("02010603ff4c0002"))?.major, undefined);
    assert.equal(decodeIBeacon(whole.subarray(3))!.minor, 2);
    assert.equal(decodeIBeacon(whole.subarray(0, 29)), null);
    assert.equal(decodeIBeacon(bytes(ADVERT.replace("4c00", "4d00"))), null);
    assert.equal(decodeIBeacon(bytes(ADVERT.replace("0215", "0214"))), null);
    for (let length = 0; length < 29; length++) assert.equal(decodeIBeacon(whole.subarray(0, length)), null);
    assert.equal(decodeIBeacon(new Uint8Array(31)), null);
    assert.equal(decodeIBeacon(new Uint8Array(31).fill(255)), null);
  });

  it("takes a UUID with or without dashes, in either case", () => {
    assert.equal(formatUuid(parseUuid(UUID.toLowerCase().replaceAll("-", ""))!), UUID);
    for (const text of ["", UUID.slice(1), UUID + "0", UUID.replace("9", "g"), " " + UUID]) assert.equal(parseUuid(text), null);
  });

  it("is a metre away where it is as strong as at a metre", () => {
    assert.equal(roughDistance(-59, -59), 1);
    assert.equal(roughDistance(-59, -79), 10);
  });
});
