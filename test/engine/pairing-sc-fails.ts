import { check, finish, same } from "./_check.js";
import { createPaired, smp } from "./_pair.js";
import { CONFIRMS, DHKEY, nonce, PEER, rounds } from "./_rounds.js";

check("pairing-sc-fails: a wrong DHKey check", function () {
  const paired = rounds(20);
  same(smp(paired, "0d7cd34e2177efe582971de3c260b3f900"), "050b", "DHKey Check Failed");
  same(paired.key, "", "there is no key");
});

check("pairing-sc-fails: less than Secure Connections, and a point that is not on the curve", function () {
  same(smp(createPaired(4, DHKEY), "01020004100000"), "0503", "Authentication Requirements");
  const paired = createPaired(4, DHKEY);
  smp(paired, "0102000c100000");
  same(smp(paired, PEER.substr(0, 128) + "00"), "050b", "DHKey Check Failed");
});

check("pairing-sc-fails: a bit of the passkey that is wrong", function () {
  const paired = rounds(0);
  // That of 123457, with the same random value.
  same(smp(paired, "039292ffde2523ecbb2605f1922dc21a80"), "03" + CONFIRMS.substr(32, 32), "confirm value");
  same(smp(paired, nonce(0x82, 3)), "0504", "Confirm Value Failed");
  same(paired.failed, 4, "told");
});

finish();
