import assert from "node:assert/strict";
import { meet, Memory, Safe } from "../support/security.js";

describe("keys that are distributed", () => {
  it("our Long Term Key of a legacy bond has no more octets than were agreed upon, and opens the next connection", () => {
    for (const keysize of [7, 12, 16]) {
      const safe = new Safe({ level: 3, options: { store: new Memory(), keysize: 7 } });
      const phone = safe.phone({ sc: false, bonding: true, keysize });
      assert.ok(meet(safe, phone, 10_000).paired, `${keysize} octets`);
      const { ltk } = phone.bonds[0];
      // Least significant octet first: the most significant ones are masked (Vol 3 Part H section 2.3.4).
      assert.deepEqual([...ltk!.subarray(keysize)], new Array(16 - keysize).fill(0));
      assert.ok(ltk!.subarray(0, keysize).some((octet) => octet !== 0));
      phone.disconnect();
      safe.run(100);
      const before = safe.states.length;
      phone.connect();
      assert.ok(safe.until(() => phone.encrypted && safe.connections.length === 2), "by the bond");
      assert.ok(!safe.states.slice(before).includes("started"));
      safe.unharmed();
    }
  });

  it("an identity that is random and not static is none: the pairing has failed, and no bond is kept", () => {
    const store = new Memory();
    const safe = new Safe({ level: 3, options: { store } });
    // Vol 6 Part B section 1.3.2.1: the two most significant bits of a static address are 1.
    for (const [top, good] of [[0x7f, false], [0xc0, true]] as const) {
      const phone = safe.phone({ sc: false, bonding: true });
      Object.assign((phone.smp as any)._phone, { identity: { random: 1, bytes: Uint8Array.of(1, 2, 3, 4, 5, top) } });
      meet(safe, phone, 10_000);
      if (phone.connected) phone.disconnect();
      safe.run(100);
      assert.equal(safe.bt.bonds().length, good ? 1 : 0);
      assert.equal(safe.states.at(-1), good ? "paired" : "failed");
    }
  });
});
