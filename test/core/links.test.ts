import assert from "node:assert/strict";
import { linked } from "../support/links.js";

describe("links", () => {
  it("connect, read, disconnect", () => {
    const { rig, peer, connection, closed } = linked([{ uuid: 0x180a, chars: [{ uuid: 0x2a29, value: "Acme" }] }]);
    assert.equal(connection.address(), "0b5e12e20002");
    assert.equal(peer.att("0a0e00"), "0b41636d65");
    peer.central.disconnect();
    rig.run(500);
    assert.deepEqual(closed, [0x13]);
  });
});
