/*
 * AES-128, FIPS-197, one block at a time, after the letter of the standard: 1 kB of code, no tables. A table lookup tells the secret to whoever can
 * watch a cache; and a board without one saves the 256 bytes.
 */
#include <string.h>

#include "crypto.h"

/* Doubles in the field of section 4.2. */
static uint8_t twice(uint8_t a) {
  return (uint8_t)((a << 1) ^ (0x1b & -(a >> 7)));
}

static uint8_t times(uint8_t a, uint8_t b) {
  uint8_t product = 0;
  for (int i = 0; i < 8; i++) {
    product ^= a & -(b & 1);
    a = twice(a);
    b >>= 1;
  }
  return product;
}

static uint8_t rotated(uint8_t a, int by) {
  return (uint8_t)((a << by) | (a >> (8 - by)));
}

/* SubBytes, section 5.1.1: the inverse, which is the power of 254, and an affine map. */
static uint8_t substitute(uint8_t a) {
  const uint8_t a2 = times(a, a);
  const uint8_t a3 = times(a2, a);
  const uint8_t a6 = times(a3, a3);
  const uint8_t a12 = times(a6, a6);
  const uint8_t a15 = times(a12, a3);
  const uint8_t a30 = times(a15, a15);
  const uint8_t a60 = times(a30, a30);
  const uint8_t a120 = times(a60, a60);
  const uint8_t a126 = times(a120, a6);
  const uint8_t a127 = times(a126, a);
  const uint8_t b = times(a127, a127);
  return b ^ rotated(b, 1) ^ rotated(b, 2) ^ rotated(b, 3) ^ rotated(b, 4) ^ 0x63;
}

/* The next round key in place of the last, section 5.2. */
static void next_key(uint8_t *key, uint8_t constant) {
  for (int i = 0; i < 4; i++) key[i] ^= substitute(key[12 + (i + 1) % 4]) ^ (i ? 0 : constant);
  for (int i = 4; i < 16; i++) key[i] ^= key[i - 4];
}

void aes_encrypt(const uint8_t *key, uint8_t *block) {
  uint8_t round_key[16], state[16];
  uint8_t constant = 1;
  memcpy(round_key, key, 16);
  for (int i = 0; i < 16; i++) block[i] ^= round_key[i];
  for (int round = 1; round <= 10; round++) {
    /* SubBytes and ShiftRows. */
    for (int i = 0; i < 16; i++) state[i] = substitute(block[(i + 4 * (i % 4)) % 16]);
    next_key(round_key, constant);
    constant = twice(constant);
    for (int i = 0; i < 16; i += 4) {
      const uint8_t *const column = state + i;
      const uint8_t all = column[0] ^ column[1] ^ column[2] ^ column[3];
      for (int row = 0; row < 4; row++) {
        /* MixColumns, but for the last round. */
        const uint8_t mixed = column[row] ^ all ^ twice(column[row] ^ column[(row + 1) % 4]);
        block[i + row] = round_key[i + row] ^ (round < 10 ? mixed : column[row]);
      }
    }
  }
}
