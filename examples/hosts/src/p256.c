/*
 * P-256 (FIPS 186-4 section D.1.2.3): small, and in constant time. Coordinates are projective, in Montgomery form; points are added by the complete
 * formulas of Renes, Costello and Batina (https://eprint.iacr.org/2015/1060, algorithm 4, a = -3), which know no exceptions: doubling, the point at
 * infinity, a point and its negative all come out right. Numbers are eight words of 32 bits, the least significant first.
 */
#include <string.h>

#include "crypto.h"

typedef uint32_t number[8];
typedef struct {
  number x, y, z;
} point;

static const number P = { 0xffffffff, 0xffffffff, 0xffffffff, 0, 0, 0, 1, 0xffffffff };
static const number ORDER = { 0xfc632551, 0xf3b9cac2, 0xa7179e84, 0xbce6faad, 0xffffffff, 0xffffffff, 0, 0xffffffff };
static const number B = { 0x27d2604b, 0x3bce3c3e, 0xcc53b0f6, 0x651d06b0, 0x769886bc, 0xb3ebbd55, 0xaa3a93e7, 0x5ac635d8 };
static const number GX = { 0xd898c296, 0xf4a13945, 0x2deb33a0, 0x77037d81, 0x63a440f2, 0xf8bce6e5, 0xe12c4247, 0x6b17d1f2 };
static const number GY = { 0x37bf51f5, 0xcbb64068, 0x6b315ece, 0x2bce3357, 0x7c0f9e16, 0x8ee7eb4a, 0xfe1a7f9b, 0x4fe342e2 };
static const number ONE = { 1, 0, 0, 0, 0, 0, 0, 0 };
/* 2^512 modulo p, which takes into Montgomery form. */
static const number SQUARE = { 3, 0, 0xffffffff, 0xfffffffb, 0xfffffffe, 0xffffffff, 0xfffffffd, 4 };

/* a - b; returns the borrow. */
static uint32_t subtract_raw(number result, const number a, const number b) {
  uint64_t borrow = 0;
  for (int i = 0; i < 8; i++) {
    const uint64_t difference = (uint64_t)a[i] - b[i] - borrow;
    result[i] = (uint32_t)difference;
    borrow = difference >> 63;
  }
  return (uint32_t)borrow;
}

/* Puts `a` in place of `result` where `chosen` is 1, and leaves it where that is 0. */
static void choose(number result, const number a, uint32_t chosen) {
  for (int i = 0; i < 8; i++) result[i] ^= (result[i] ^ a[i]) & (0 - chosen);
}

/* `carry` and `a`, less than 2p, modulo p. */
static void reduce(number result, const number a, uint32_t carry) {
  number less;
  const uint32_t borrow = subtract_raw(less, a, P);
  memmove(result, a, sizeof(number));
  choose(result, less, carry | (borrow ^ 1));
}

static void add(number result, const number a, const number b) {
  uint64_t sum = 0;
  number all;
  for (int i = 0; i < 8; i++) {
    sum += (uint64_t)a[i] + b[i];
    all[i] = (uint32_t)sum;
    sum >>= 32;
  }
  reduce(result, all, (uint32_t)sum);
}

static void subtract(number result, const number a, const number b) {
  number more, all;
  uint64_t sum = 0;
  const uint32_t borrow = subtract_raw(all, a, b);
  for (int i = 0; i < 8; i++) {
    sum += (uint64_t)all[i] + P[i];
    more[i] = (uint32_t)sum;
    sum >>= 32;
  }
  memcpy(result, all, sizeof(number));
  choose(result, more, borrow);
}

/* a b / 2^256 modulo p. As p is -1 modulo 2^32, the multiple of p that clears a word is that word itself. */
static void multiply(number result, const number a, const number b) {
  uint32_t t[10] = { 0 };
  for (int i = 0; i < 8; i++) {
    uint64_t sum = 0;
    uint32_t word;
    for (int j = 0; j < 8; j++) {
      sum += (uint64_t)a[i] * b[j] + t[j];
      t[j] = (uint32_t)sum;
      sum >>= 32;
    }
    sum += t[8];
    t[8] = (uint32_t)sum;
    t[9] = (uint32_t)(sum >> 32);
    word = t[0];
    sum = ((uint64_t)word * P[0] + t[0]) >> 32;
    for (int j = 1; j < 8; j++) {
      sum += (uint64_t)word * P[j] + t[j];
      t[j - 1] = (uint32_t)sum;
      sum >>= 32;
    }
    sum += t[8];
    t[7] = (uint32_t)sum;
    t[8] = t[9] + (uint32_t)(sum >> 32);
  }
  reduce(result, t, t[8]);
}

/* The curve's b in Montgomery form. */
static void constant_b(number result) {
  multiply(result, B, SQUARE);
}

/* Algorithm 4; the comments are its steps. `b` is constant_b. */
static void add_points(point *result, const point *p, const point *q, const number b) {
  number t0, t1, t2, t3, t4, x, y, z;
  multiply(t0, p->x, q->x); /* 1 */
  multiply(t1, p->y, q->y);
  multiply(t2, p->z, q->z);
  add(t3, p->x, p->y); /* 4 */
  add(t4, q->x, q->y);
  multiply(t3, t3, t4);
  add(t4, t0, t1); /* 7 */
  subtract(t3, t3, t4);
  add(t4, p->y, p->z);
  add(x, q->y, q->z); /* 10 */
  multiply(t4, t4, x);
  add(x, t1, t2);
  subtract(t4, t4, x); /* 13 */
  add(x, p->x, p->z);
  add(y, q->x, q->z);
  multiply(x, x, y); /* 16 */
  add(y, t0, t2);
  subtract(y, x, y);
  multiply(z, b, t2); /* 19 */
  subtract(x, y, z);
  add(z, x, x);
  add(x, x, z); /* 22 */
  subtract(z, t1, x);
  add(x, t1, x);
  multiply(y, b, y); /* 25 */
  add(t1, t2, t2);
  add(t2, t1, t2);
  subtract(y, y, t2); /* 28 */
  subtract(y, y, t0);
  add(t1, y, y);
  add(y, t1, y); /* 31 */
  add(t1, t0, t0);
  add(t0, t1, t0);
  subtract(t0, t0, t2); /* 34 */
  multiply(t1, t4, y);
  multiply(t2, t0, y);
  multiply(y, x, z); /* 37 */
  add(y, y, t2);
  multiply(x, t3, x);
  subtract(x, x, t1); /* 40 */
  multiply(z, t4, z);
  multiply(t1, t3, t0);
  add(z, z, t1); /* 43 */
  memcpy(result->x, x, sizeof x);
  memcpy(result->y, y, sizeof y);
  memcpy(result->z, z, sizeof z);
}

static void read_number(number result, const uint8_t *bytes) {
  for (int i = 0; i < 8; i++, bytes += 4) {
    result[7 - i] = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
  }
}

static void write_number(uint8_t *bytes, const number a) {
  for (int i = 0; i < 32; i++) bytes[i] = (uint8_t)(a[7 - i / 4] >> (24 - 8 * (i % 4)));
}

static int is_zero(const number a) {
  uint32_t all = 0;
  for (int i = 0; i < 8; i++) all |= a[i];
  return !all;
}

/* a to the power of p - 2, which is 1 / a; both in Montgomery form. The exponent is no secret. */
static void invert(number result, const number a) {
  number power;
  memcpy(power, a, sizeof power);
  for (int bit = 254; bit >= 0; bit--) {
    const uint32_t word = bit < 32 ? P[0] - 2 : P[bit / 32];
    multiply(power, power, power);
    if (word >> (bit % 32) & 1) multiply(power, power, a);
  }
  memcpy(result, power, sizeof power);
}

/* Multiplies a point (x, y), which is no secret, by a secret one: x and y in `x` and `y`. Returns 0 for a secret that is not from 1 to n - 1. */
static int multiply_point(const number secret, number x, number y) {
  number b, less;
  point sum, base, more;
  if (is_zero(secret) || !subtract_raw(less, secret, ORDER)) return 0;
  constant_b(b);
  multiply(base.x, x, SQUARE);
  multiply(base.y, y, SQUARE);
  multiply(base.z, ONE, SQUARE);
  memset(&sum, 0, sizeof sum);
  memcpy(sum.y, base.z, sizeof sum.y);
  for (int bit = 255; bit >= 0; bit--) {
    const uint32_t chosen = secret[bit / 32] >> (bit % 32) & 1;
    add_points(&sum, &sum, &sum, b);
    add_points(&more, &sum, &base, b);
    choose(sum.x, more.x, chosen);
    choose(sum.y, more.y, chosen);
    choose(sum.z, more.z, chosen);
  }
  invert(sum.z, sum.z);
  multiply(sum.x, sum.x, sum.z);
  multiply(sum.y, sum.y, sum.z);
  multiply(x, sum.x, ONE);
  multiply(y, sum.y, ONE);
  return 1;
}

/* Whether y^2 = x^3 - 3x + b, and both are below p. */
static int is_on_curve(const number x, const number y) {
  number mx, my, b, left, right, three, less;
  if (!subtract_raw(less, x, P) || !subtract_raw(less, y, P)) return 0;
  constant_b(b);
  multiply(mx, x, SQUARE);
  multiply(my, y, SQUARE);
  multiply(left, my, my);
  multiply(right, mx, mx);
  multiply(right, right, mx);
  add(three, mx, mx);
  add(three, three, mx);
  subtract(right, right, three);
  add(right, right, b);
  subtract(left, left, right);
  return is_zero(left);
}

int p256_public(const uint8_t *secret, uint8_t *target) {
  number k, x, y;
  read_number(k, secret);
  memcpy(x, GX, sizeof x);
  memcpy(y, GY, sizeof y);
  if (!multiply_point(k, x, y)) return 0;
  write_number(target, x);
  write_number(target + 32, y);
  return 1;
}

int p256_shared(const uint8_t *secret, const uint8_t *peer, uint8_t *target) {
  number k, x, y;
  read_number(k, secret);
  read_number(x, peer);
  read_number(y, peer + 32);
  if (!is_on_curve(x, y) || !multiply_point(k, x, y)) return 0;
  write_number(target, x);
  return 1;
}
