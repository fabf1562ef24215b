#!/usr/bin/env node
/**
 * The machine code on emulated processors against node:crypto: results, refusals, what memory and stack it takes, that its way is the same for all secrets;
 * and that the sources give the code that is committed. Prints what it costs. Exit code 77 where the compiler or the emulator is missing.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createECDH, randomBytes } from "node:crypto";
import { committed, COMPILER, compile, run } from "./compile.mjs";
import { answer, BOARDS, trace } from "./emulated/board.mjs";

/** Most bytes of code and of stack, most instructions; bytes of memory, wherever it begins, as ../p256.ts has them. */
const LIMITS = { code: 2000, stack: 240, instructions: 3_750_000 };
const MEMORY = 1091;

/** Random pairs of keys, the last of all; on all processors but one only every so many-th request is done. */
const PAIRS = 300;
const SAMPLE = 8;
const USUAL = "Cortex-M4";

const DONE = 0;
const BAD_SECRET = 1;
const BAD_POINT = 2;

const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
const NOTHING = "00".repeat(32);

/** Sample data of the Core Specification, Vol 2 Part G 7.1.2: secret, public point, of two; and the x of the product. */
const SAMPLES = [
  [
    "3f49f6d4a3c55f3874c9b3e3d2103f504aff607beb40b7995899b8a6cd3c1abd",
    "20b003d2f297be2c5e2c83a7e9f9a5b9eff49111acf4fddbcc0301480e359de6dc809c49652aeb6d63329abf5a52155c766345c28fed3024741c8ed01589d28b",
    "55188b3d32f6bb9a900afcfbeed4e72a59cb9ac2f19d7cfb6b4fdd49f47fc5fd",
    "1ea1f0f01faf1d9609592284f19e4c0047b58afd8615a69f559077b22faaa1904c55f33e429dad377356703a9ab85160472d1130e28e36765f89aff915b1214a",
    "ec0234a357c8ad05341010a60a397d9b99796b13b4f866f1868d34f373bfa698",
  ],
  [
    "06a516693c9aa31a6084545d0c5db641b48572b97203ddffb7ac73f7d0457663",
    "2c31a47b5779809ef44cb5eaaf5c3e43d5f8faad4a8794cb987e9b03745c78dd919512183898dfbecd52e2408e43871fd021109117bd3ed4eaf8437743715d4f",
    "529aa0670d72cd6497502ed473502b037e8803b5c60829a5a3caa219505530ba",
    "f465e43ff23d3f1b9dc7dfc04da8758184dbc966204796eccf0d6cf5e16500cc0201d048bcbbd899eeefc424164e33c201c2b010ca6b4d43a8a155cad8ecb279",
    "ab85843a2f6d883f62e5684b38e307335fe6e1945ecd19604105c6f23221eb69",
  ],
];

const digits = (value) => value.toString(16).padStart(64, "0");
const modulo = (value) => ((value % P) + P) % P;
const cubic = (x) => modulo(x * x * x - 3n * x + B);

function power(base, exponent) {
  let result = 1n;
  for (; exponent > 0n; exponent >>= 1n, base = modulo(base * base)) if (exponent & 1n) result = modulo(result * base);
  return result;
}

/** The points with that x: none, or two. */
function pointsAt(x) {
  const y = power(cubic(x), (P + 1n) / 4n);
  return modulo(y * y) === cubic(x) ? [digits(x) + digits(y), digits(x) + digits(P - y)] : [];
}

function publicOf(secret) {
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(secret, "hex");
  return ecdh.getPublicKey("hex").slice(2);
}

/** Requests and what has to come of each: `product` is its beginning. */
const requests = [];

function wantPublic(secret, product = publicOf(secret)) {
  requests.push({ secret, given: false, result: DONE, product });
}

function wantShared(secret, point, product) {
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(secret, "hex");
  requests.push({ secret, point, given: true, result: DONE, product: product ?? ecdh.computeSecret(`04${point}`, "hex", "hex") });
}

function wantRefusal(result, secret, point) {
  requests.push({ secret, point, given: point !== undefined, result, product: point ?? "" });
}

for (const [a, pointA, b, pointB, key] of SAMPLES) {
  wantPublic(a, pointA);
  wantPublic(b, pointB);
  wantShared(a, pointB, key);
  wantShared(b, pointA, key);
}

const G = publicOf(digits(1n));
const [[secret, point]] = SAMPLES;
const edges = [(N - 1n) / 2n, (N + 1n) / 2n, N / 3n, 0x123n, 0xffn << 200n];
for (let i = 1n; i <= 17n; i++) edges.push(i, N - i);
for (let bit = 1n; bit < 256n; bit += 3n) edges.push(2n ** bit, 2n ** bit - 1n, N - 2n ** bit);
for (const byte of ["aa", "55", "92", "49", "24", "db", "b6", "6d", "7f", "fe"]) edges.push(BigInt(`0x${byte.repeat(32)}`) % N);
for (const edge of edges.map(digits)) {
  wantPublic(edge);
  wantShared(edge, point);
  wantShared(edge, G, publicOf(edge));
}
const places = [0n, P - 1n, P - 2n, P - 3n, 2n ** 32n, 2n ** 96n, 2n ** 128n, 2n ** 192n, 2n ** 224n, 2n ** 255n];
for (let x = 1n; x < 20n; x++) places.push(x, 2n ** 256n - 2n ** 224n - x, 2n ** 224n + x);
const odd = places.flatMap(pointsAt);
assert.ok(odd.length > 40);
for (const one of odd) for (const by of [secret, digits(1n), digits(N - 1n)]) wantShared(by, one);
for (let i = 0; i < PAIRS; i++) {
  // Some have zeros before them.
  const [a, b] = [randomBytes(32 - (i % 4)), randomBytes(32)].map((bytes) => digits((BigInt(`0x${bytes.toString("hex")}`) % (N - 1n)) + 1n));
  wantPublic(a);
  wantShared(a, publicOf(b));
}

for (const wrong of [0n, N, N + 1n, 2n ** 256n - 1n]) {
  wantRefusal(BAD_SECRET, digits(wrong));
  wantRefusal(BAD_SECRET, digits(wrong), point);
}
const [x, y] = [point.slice(0, 64), point.slice(64)];
const beyond = digits(BigInt(`0x${pointsAt(5n)[0].slice(0, 64)}`) + P) + pointsAt(5n)[0].slice(64);
const beside = [y + x, x + digits(BigInt(`0x${y}`) ^ 1n), x + NOTHING, NOTHING + NOTHING, x + digits(P), digits(P) + y, "f".repeat(128), beyond];
for (const wrong of beside) wantRefusal(BAD_POINT, secret, wrong);
for (let i = 0; i < 40; i++) {
  const bytes = Buffer.from(point, "hex");
  bytes[(i * 13) % 64] ^= 1 << i % 8;
  wantRefusal(BAD_POINT, secret, bytes.toString("hex"));
}

function checkAnswers(name, code) {
  const asked = requests.filter((_, i) => name === USUAL || i % SAMPLE === 0);
  const answers = answer(BOARDS[name], code, asked);
  assert.equal(answers.length, asked.length);
  answers.forEach((one, i) => {
    const request = asked[i];
    const about = `${name}: ${JSON.stringify(request)}`;
    assert.equal(one.result, request.result, about);
    assert.equal(one.point.slice(0, request.product.length), request.product, about);
    if (one.result === DONE) assert.equal(modulo(BigInt(`0x${one.point.slice(64)}`) ** 2n), cubic(BigInt(`0x${one.point.slice(0, 64)}`)), about);
    assert.equal(one.secret, NOTHING, `${about}: the secret is left`);
    assert.equal(one.rest, 0, `${about}: something is left, or was written to outside its memory`);
    assert.ok(one.memory <= MEMORY, `${about}: ${one.memory} bytes of memory`);
  });
  console.log(`${name}: ${asked.length} requests answered as node:crypto does`);
}

/** What one multiplication costs, wherever memory begins. */
function costs(code) {
  const all = [0, 1, 2, 3].flatMap((shift) => [false, true].map((given) => ({ secret, point, given, shift })));
  const answers = answer(BOARDS[USUAL], code, all, true);
  for (const [i, { point: product }] of answers.entries()) assert.equal(product.slice(0, 64), i % 2 ? answers[1].point.slice(0, 64) : x);
  const most = (field) => Math.max(...answers.map((one) => one[field]));
  assert.equal(most("memory"), MEMORY);
  return { stack: most("stack"), instructions: most("instructions") };
}

/** That the way through the code is the same whatever the secret, and which: a public key, a product, or a refusal, has its own. */
async function checkWays(code) {
  const secrets = [1n, N - 1n, 2n ** 255n, BigInt(`0x${"5a".repeat(32)}`), BigInt(`0x${randomBytes(31).toString("hex")}`)].map(digits);
  const wanted = secrets.flatMap((one) => [{ secret: one }, { secret: one, given: true, point }]);
  const ways = await trace(BOARDS[USUAL], code, [...wanted, { secret: NOTHING }]);
  assert.equal(ways.length, wanted.length + 1);
  ways.slice(0, -1).forEach((way, i) => assert.deepEqual(way, ways[i % 2], `${secrets[i >> 1]} takes a way of its own`));
  assert.equal(new Set([ways[0], ways[1], ways.at(-1)].map((way) => way.digest)).size, 3);
  assert.ok(ways[0].pieces > 100_000 && ways.at(-1).pieces < 2000);
}

for (const program of [COMPILER, "qemu-system-arm"]) {
  if (!spawnSync(program, ["--version"]).error) continue;
  console.log(`skip native P-256: ${program} is not there`);
  process.exit(77);
}

/** What holds for any code; what it costs. */
async function check(code) {
  for (const processor of Object.keys(BOARDS)) checkAnswers(processor, code);
  await checkWays(code);
  console.log("its way is the same for all secrets");
  const cost = { code: code.length, ...costs(code) };
  console.log(`code ${cost.code} bytes, memory ${MEMORY} bytes, stack ${cost.stack} bytes, ${cost.instructions} instructions a multiplication`);
  return cost;
}

const version = run(COMPILER, ["-dumpfullversion"]).trim();
const compiled = compile();
const same = compiled.equals(committed());
console.log(`gcc ${version} makes ${same ? "the committed code" : "another code"} of the sources`);
assert.ok(same || !version.startsWith("12.2"), "the committed code is old: node targets/espruino/native/compile.mjs");
const cost = await check(committed());
for (const [what, limit] of Object.entries(LIMITS)) assert.ok(cost[what] <= limit, `${what}: ${cost[what]}, at most ${limit}`);
// Another compiler may do it in another way, but as well.
if (!same) await check(compiled);
console.log("passed");
