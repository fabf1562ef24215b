import { check, finish, same } from "./_check.js";
import { smp } from "./_pair.js";
import { rounds } from "./_rounds.js";

check("pairing-sc: passkey", function () {
  const paired = rounds(20);
  same(paired.key, "", "no key before the check");
  same(smp(paired, "0d7cd34e2177efe582971de3c260b3f9b9"), "0d9d0e9a1d3d7de7932a5c7e3eb4675170", "DHKey check");
  same(paired.key, "8a65d2b4aa0185719f1b2fe81db7936b", "long term key");
});

finish();
