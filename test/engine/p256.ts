import { hex, parseHex } from "../../core/bytes/hex.js";
import { BASE, isSecret, type Arithmetic } from "../../core/crypto/p256.js";
import { addBigInt } from "../../core/crypto/p256bigint.js";
import { DOUBLES } from "../../core/crypto/p256doubles.js";
import { check, finish, same, say } from "./_check.js";

const ORDER = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const SECRET = "3f49f6d4a3c55f3874c9b3e3d2103f504aff607beb40b7995899b8a6cd3c1abd";
const POINT = "20b003d2f297be2c5e2c83a7e9f9a5b9eff49111acf4fddbcc0301480e359de6dc809c49652aeb6d63329abf5a52155c766345c28fed3024741c8ed01589d28b";
const OTHER = "1ea1f0f01faf1d9609592284f19e4c0047b58afd8615a69f559077b22faaa1904c55f33e429dad377356703a9ab85160472d1130e28e36765f89aff915b1214a";

/** The product, and in how many slices of `budget` it came. */
function times(arithmetic: Arithmetic, secret: string, point: string, budget: number): string {
  const m = arithmetic._begin(parseHex(secret)!, parseHex(point)!);
  let count = 1;
  while (!arithmetic._step(m, budget)) count++;
  same(count, Math.floor(arithmetic._steps / budget) + 1, "slices");
  return hex(arithmetic._product(m), 0, 64);
}

function checkAll(way: string, arithmetic: Arithmetic): void {
  check("p256: the specification's sample, in " + way, function () {
    same(times(arithmetic, SECRET, BASE, 1), POINT, "public point");
    same(times(arithmetic, SECRET + "0123456789abcdef", OTHER, 1000).substr(0, 64), "ec0234a357c8ad05341010a60a397d9b99796b13b4f866f1868d34f373bfa698", "common secret");
  });

  check("p256: the largest secret, in " + way, function () {
    const product = times(arithmetic, ORDER.substr(0, 63) + "0", POINT, 10000);
    same(product.substr(0, 64), POINT.substr(0, 64), "x");
    same(product.substr(64), "237f63b59ad514939ccd6540a5adeaa3899cba3e7012cfdb8be3712fea762d74", "y");
  });

  check("p256: points, in " + way, function () {
    const bytes = parseHex(POINT)!;
    same(arithmetic._isOnCurve(bytes), true, "on the curve");
    bytes[63] ^= 1;
    same(arithmetic._isOnCurve(bytes), false, "beside it");
    same(arithmetic._isOnCurve(new Uint8Array(64)), false, "0, 0");
  });
}

const host: any = {};
addBigInt(host);
if (host._p256) checkAll("BigInt", host._p256);
else say("no BigInt");
checkAll("doubles", DOUBLES);

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
