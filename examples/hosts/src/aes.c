/*
 * AES-128, FIPS-197, after the letter of the standard and without tables, four bytes at a time in a word. A table lookup tells the secret to whoever can watch a
 * cache; and a board without one saves the 256 bytes.
 */
#include <string.h>

#include "crypto.h"

/* Four elements of the field of section 4.2. */
typedef uint32_t four;

#define EACH(byte) ((four)(byte) * 0x01010101u)

static four twice(four a) {
  return ((a & EACH(0x7f)) << 1) ^ (((a >> 7) & EACH(1)) * 0x1b);
}

static four times(four a, four b) {
  four product = 0;
  for (int i = 0; i < 8; i++) {
    /* 255 in place of each 1: no byte borrows of another. */
    product ^= a & (((b >> i) & EACH(1)) * 0xff);
    a = twice(a);
  }
  return product;
}

/* Each byte rotated to the left. */
static four rotated(four a, int by) {
  const four low = EACH(0xff >> by);
  return ((a & low) << by) | ((a >> (8 - by)) & EACH((1 << by) - 1));
}

/* SubBytes, section 5.1.1: the inverse, which is the power of 254, and an affine map. */
static four substitute(four a) {
  const four a2 = times(a, a);
  const four a3 = times(a2, a);
  const four a6 = times(a3, a3);
  const four a12 = times(a6, a6);
  const four a15 = times(a12, a3);
  const four a30 = times(a15, a15);
  const four a60 = times(a30, a30);
  const four a120 = times(a60, a60);
  const four a126 = times(a120, a6);
  const four a127 = times(a126, a);
  const four b = times(a127, a127);
  return b ^ rotated(b, 1) ^ rotated(b, 2) ^ rotated(b, 3) ^ rotated(b, 4) ^ EACH(0x63);
}

/* Substitutes bytes in place, whichever of a word comes first in memory. */
static void substitute_bytes(uint8_t *bytes, int count) {
  four word;
  for (int i = 0; i < count; i += 4) {
    memcpy(&word, bytes + i, 4);
    word = substitute(word);
    memcpy(bytes + i, &word, 4);
  }
}

/* The next round key in place of the last, section 5.2. */
static void next_key(uint8_t *key, uint8_t constant) {
  uint8_t last[4];
  for (int i = 0; i < 4; i++) last[i] = key[12 + (i + 1) % 4];
  substitute_bytes(last, 4);
  last[0] ^= constant;
  for (int i = 0; i < 4; i++) key[i] ^= last[i];
  for (int i = 4; i < 16; i++) key[i] ^= key[i - 4];
}

void aes_encrypt(const uint8_t *key, uint8_t *block) {
  uint8_t round_key[16], state[16];
  uint8_t constant = 1;
  memcpy(round_key, key, 16);
  for (int i = 0; i < 16; i++) block[i] ^= round_key[i];
  for (int round = 1; round <= 10; round++) {
    substitute_bytes(block, 16);
    /* ShiftRows. */
    for (int i = 0; i < 16; i++) state[i] = block[(i + 4 * (i % 4)) % 16];
    next_key(round_key, constant);
    constant = (uint8_t)twice(constant);
    for (int i = 0; i < 16; i += 4) {
      const uint8_t *const column = state + i;
      const uint8_t all = column[0] ^ column[1] ^ column[2] ^ column[3];
      for (int row = 0; row < 4; row++) {
        /* MixColumns, but for the last round. */
        const uint8_t mixed = column[row] ^ all ^ (uint8_t)twice(column[row] ^ column[(row + 1) % 4]);
        block[i + row] = round_key[i + row] ^ (round < 10 ? mixed : column[row]);
      }
    }
  }
}
