import assert from "node:assert/strict";
import { Phone } from "../../hal/mock/index.js";
import { meet, Safe } from "../support/security.js";

/** Guesses wrongly, from an address of its own. */
function guess(safe: Safe, number: number): void {
  const phone = new Phone(safe.rig.board.air, { address: `0b5e0000000${number}`, pairing: { passkey: safe.bt.getsecuritycode() ^ 1 } });
  assert.equal(meet(safe, phone, 5000).error?.smp, 4);
  if (phone.connected) phone.disconnect();
  safe.run(30);
}

describe("the code that rotates, guessed at", () => {
  it("is another after three failures and not before, is told, and the wait goes on all the same", () => {
    const told: string[] = [];
    const safe = new Safe({ code: null, options: { rotatecode: 5, onpairing: (_: unknown, state: string) => void told.push(state) } });
    safe.run(100);
    const code = safe.bt.getsecuritycode();
    const first = told.length;
    guess(safe, 1);
    guess(safe, 2);
    assert.equal(safe.bt.getsecuritycode(), code);
    assert.ok(!told.includes("code", first));
    guess(safe, 3);
    const next = safe.bt.getsecuritycode();
    assert.notEqual(next, code);
    assert.equal(told.slice(first).filter((state) => state === "code").length, 1);
    const phone = safe.phone({ passkey: next });
    assert.equal(meet(safe, phone, 5000).error?.smp, 9, "Repeated Attempts, with the right code");
    if (phone.connected) phone.disconnect();
    safe.run(10_500);
    assert.equal(safe.bt.getsecuritycode(), next);
    assert.equal(meet(safe, phone).paired, 4);
  });

  it("of a session without the option stays after three failures", () => {
    const safe = new Safe({ code: null });
    safe.run(100);
    const code = safe.bt.getsecuritycode();
    for (let number = 1; number <= 3; number++) guess(safe, number);
    assert.equal(safe.bt.getsecuritycode(), code);
  });
});
