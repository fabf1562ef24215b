import { check, finish, same } from "./_check.js";
import { createPaired, smp, type Paired } from "./_pair.js";

// What the peer sends, and what is expected, has been computed with another implementation (hal/mock/phonecrypto.ts, over node:crypto). The peer's random value is f0, ef and so
// on, most significant octet first; addresses 665544332211 and 151413121110, both public; the passkey 123456.
const RANDOM = "04e1e2e3e4e5e6e7e8e9eaebecedeeeff0";
const CONFIRM = "03a8327a0166c3444728cf25499d3c3818";

function begin(): Paired {
  const paired = createPaired(3, "");
  same(smp(paired, "01020004100000"), "0200000c100000", "Pairing Response: DisplayOnly");
  return paired;
}

check("pairing-legacy: passkey", function () {
  const paired = begin();
  same(smp(paired, "03ab98fb967da76f81070e1c94237c04f1"), CONFIRM, "confirm value");
  same(paired.key, "", "no key yet");
  same(smp(paired, RANDOM), "040f0e0d0c0b0a09080706050403020100", "random value");
  same(paired.key, "5dc0440a6e9289541809af860c5d8e05", "short term key");
});

check("pairing-legacy: another passkey", function () {
  const paired = begin();
  // With 123457.
  same(smp(paired, "03086248ea3d27af99b5baa27b972456c6"), CONFIRM, "confirm value");
  same(smp(paired, RANDOM), "0504", "Confirm Value Failed");
  same(paired.failed, 4, "told");
  same(paired.key, "", "there is no key");
});

check("pairing-legacy: what does not give the level, and our own value come back", function () {
  const paired = createPaired(3, "");
  same(smp(paired, "01030004100000"), "0503", "NoInputNoOutput: Authentication Requirements");
  same(smp(paired, "010200040f0000"), "0506", "Encryption Key Size");
  const other = begin();
  same(smp(other, CONFIRM), CONFIRM, "confirm value");
  same(smp(other, "040f0e0d0c0b0a09080706050403020100"), "0504", "reflected");
});

check("pairing-legacy: out of turn", function () {
  same(smp(begin(), RANDOM), "0508", "Unspecified Reason");
  const paired = createPaired(3, "");
  same(smp(paired, "0f"), "0507", "Command Not Supported");
  same(smp(paired, "0102"), "050a", "Invalid Parameters");
  same(paired.key, "", "there is no key");
});

finish();
