// What is computed by software: AES-128, and multiplications on P-256 with the private keys and the public key of the specification's sample data.

var SECRET = "3f49f6d4a3c55f3874c9b3e3d2103f504aff607beb40b7995899b8a6cd3c1abd";
var POINT = "20b003d2f297be2c5e2c83a7e9f9a5b9eff49111acf4fddbcc0301480e359de6dc809c49652aeb6d63329abf5a52155c766345c28fed3024741c8ed01589d28b";
var OTHER = "1ea1f0f01faf1d9609592284f19e4c0047b58afd8615a69f559077b22faaa1904c55f33e429dad377356703a9ab85160472d1130e28e36765f89aff915b1214a";
var SHARED = "ec0234a357c8ad05341010a60a397d9b99796b13b4f866f1868d34f373bfa698";

function bytes(digits) {
  var result = new Uint8Array(digits.length / 2);
  for (var i = 0; i < result.length; i++) result[i] = parseInt(digits.substr(2 * i, 2), 16);
  return result;
}

function digits(bytes) {
  var text = "";
  for (var i = 0; i < bytes.length; i++) text += (256 + bytes[i]).toString(16).substr(1);
  return text;
}

// Adds a row: what `work` costs, done once.
function once(name, work) {
  var allocations, ticks;
  gc();
  allocations = memory().allocations;
  ticks = awake();
  work();
  ticks = awake() - ticks;
  add(name, ticks, memory().allocations - allocations, 1);
}

// Multiplies in slices of `budget`, and looks at the product's first digits.
function multiply(big, point, budget, expected) {
  var product = blimp.multiply(big, bytes(SECRET), point, budget);
  if (digits(product).substr(0, expected.length) !== expected) fail(new Error("the product is " + digits(product)));
}

function p256(big, by) {
  var other = bytes(OTHER);
  once("one P-256 multiplication" + by + ", of the base point", function () {
    multiply(big, null, 1e9, POINT);
  });
  once("one P-256 multiplication" + by + ", of another point", function () {
    multiply(big, other, 1e9, SHARED);
  });
  once("a point checked to be on the curve" + by, function () {
    blimp.isOnCurve(big, other);
  });
}

measure(null, [], [
  function (next) {
    // FIPS-197, appendix C.1.
    var block = bytes("00112233445566778899aabbccddeeff");
    var key = bytes("000102030405060708090a0b0c0d0e0f");
    blimp.encryptBlock(key, block);
    if (digits(block) !== "69c4e0d86a7b0430d8cdb78070b4c55a") fail(new Error("the block is " + digits(block)));
    each("one AES-128 block, key expansion included", function () {
      blimp.encryptBlock(key, block);
    });
    next();
  },
  function (next) {
    p256(false, "");
    if (blimp.hasBigInt()) p256(true, " by BigInt");
    next();
  },
  function (next) {
    var block = bytes("00112233445566778899aabbccddeeff");
    var key = bytes("000102030405060708090a0b0c0d0e0f");
    var target = new Uint8Array(64);
    native.aes(key, block);
    if (digits(block) !== "69c4e0d86a7b0430d8cdb78070b4c55a") fail(new Error("the block is " + digits(block)));
    each("one AES-128 block by the board", function () {
      native.aes(key, block);
    });
    once("one P-256 multiplication by the board, of the base point", function () {
      native.p256public(bytes(SECRET), target);
    });
    if (digits(target) !== POINT) fail(new Error("the product is " + digits(target)));
    next();
  },
]);
