import { hex, parseHex } from "../../core/bytes/hex.js";
import { beginMultiply, isOnCurve, isSecret, readProduct, stepMultiply } from "../../core/crypto/p256.js";
import { check, finish, same } from "./_check.js";

const ORDER = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const SECRET = "3f49f6d4a3c55f3874c9b3e3d2103f504aff607beb40b7995899b8a6cd3c1abd";
const POINT = "20b003d2f297be2c5e2c83a7e9f9a5b9eff49111acf4fddbcc0301480e359de6dc809c49652aeb6d63329abf5a52155c766345c28fed3024741c8ed01589d28b";
const OTHER = "1ea1f0f01faf1d9609592284f19e4c0047b58afd8615a69f559077b22faaa1904c55f33e429dad377356703a9ab85160472d1130e28e36765f89aff915b1214a";

/** The product, and how many slices of `budget` it took. */
function times(secret: string, point: string | null, budget: number, slices: number): string {
  const m = beginMultiply(parseHex(secret)!, point === null ? null : parseHex(point));
  const target = new Uint8Array(64);
  let count = 1;
  while (!stepMultiply(m, budget)) count++;
  same(count, slices, "slices");
  same(readProduct(m, target), true, "a point");
  return hex(target, 0, 64);
}

check("p256: the specification's sample", function () {
  same(times(SECRET, null, 1, 3479), POINT, "public point");
  same(times(SECRET, OTHER, 1000, 4).substr(0, 64), "ec0234a357c8ad05341010a60a397d9b99796b13b4f866f1868d34f373bfa698", "common secret");
});

check("p256: the largest secret", function () {
  const product = times(ORDER.substr(0, 63) + "0", POINT, 10000, 1);
  same(product.substr(0, 64), POINT.substr(0, 64), "x");
  same(product.substr(64), "237f63b59ad514939ccd6540a5adeaa3899cba3e7012cfdb8be3712fea762d74", "y");
});

check("p256: points", function () {
  const bytes = parseHex(POINT)!;
  same(isOnCurve(bytes), true, "on the curve");
  bytes[63] ^= 1;
  same(isOnCurve(bytes), false, "beside it");
  same(isOnCurve(new Uint8Array(64)), false, "0, 0");
});

check("p256: secrets", function () {
  const bytes = parseHex(ORDER)!;
  same(isSecret(bytes), false, "the order");
  bytes[31]--;
  same(isSecret(bytes), true, "less 1");
  bytes[31] += 2;
  same(isSecret(bytes), false, "and 1");
  same(isSecret(new Uint8Array(32)), false, "0");
});

finish();
