/*
 * NIST P-256 (FIPS 186-4, D.1.2.3) for key agreement, in machine code that runs wherever it lies: no data of its own, no libraries, 240 bytes of stack.
 *
 * Points are projective, added and doubled by the complete formulas of Renes, Costello and Batina ("Complete addition formulas for prime order
 * elliptic curves", 2016, algorithms 4 and 6), which have no exceptional cases: no secret needs a branch of its own. Field elements are below p, in
 * Montgomery's form: x stands for x / 2^256.
 *
 * Time: instructions, branches and addresses are the same for all secrets in range and all points on the curve. Of the processors, Cortex-M3 multiplies
 * small numbers faster than large ones; Cortex-M4, M7 and M33 do not.
 */
#include <stdint.h>

typedef uint32_t Word;
typedef uint64_t Long;

enum { WORDS = 8, BYTES = 32, POINT = 3 * WORDS };

/* What the caller's memory holds: the secret, x and y, as bytes, most significant first; then elements, from the next multiple of 4 on. */
enum { SECRET = 0, POINT_X = 32, POINT_Y = 64, ELEMENTS = 96 };

/* The elements: the point; what is to be added to it, destroyed thereby; the curve's b; others. Programs know the first 16. */
enum { X, Y, Z, X2, Y2, Z2, B, T0, T1, T2, T3, T4, T5, ONE, DIGITS, TABLE = DIGITS + 2, COUNT = TABLE + 5 * 3 };

/* Digits of the secret are -4 to 4, of three bits. */
enum { WIDTH = 3, LARGEST = 4, LAST = 85 };

enum { DONE = 0, BAD_SECRET = 1, BAD_POINT = 2 };

void fieldAdd(Word *sum, const Word *x, const Word *y);
void fieldSubtract(Word *difference, const Word *x, const Word *y);
void fieldReduce(Word *rest, const Word *x, Word high);

static const Word PRIME[WORDS] = {0xffffffff, 0xffffffff, 0xffffffff, 0, 0, 0, 1, 0xffffffff};
static const Word ORDER[WORDS] = {0xfc632551, 0xf3b9cac2, 0xa7179e84, 0xbce6faad, 0xffffffff, 0xffffffff, 0, 0xffffffff};
/* 2^512 modulo p; b, in Montgomery's form; the base point, as it is. */
static const Word SQUARE[WORDS] = {3, 0, 0xffffffff, 0xfffffffb, 0xfffffffe, 0xffffffff, 0xfffffffd, 4};
static const Word CURVE[WORDS] = {0x29c4bddf, 0xd89cdf62, 0x78843090, 0xacf005cd, 0xf7212ed6, 0xe5a220ab, 0x04874834, 0xdc30061d};
static const Word BASE[2 * WORDS] = {0xd898c296, 0xf4a13945, 0x2deb33a0, 0x77037d81, 0x63a440f2, 0xf8bce6e5, 0xe12c4247, 0x6b17d1f2,
                                     0x37bf51f5, 0xcbb64068, 0x6b315ece, 0x2bce3357, 0x7c0f9e16, 0x8ee7eb4a, 0xfe1a7f9b, 0x4fe342e2};

/* Operations: what, then the elements that get it, of which two. */
enum { MULTIPLY = 0x0000, ADD = 0x1000, SUBTRACT = 0x2000 };
#define DO(what, target, x, y) (what | target << 8 | x << 4 | y)

/* (X, Y, Z) += (X2, Y2, Z2) */
static const uint16_t ADDITION[] = {
  DO(MULTIPLY, T0, X, X2), DO(MULTIPLY, T1, Y, Y2), DO(MULTIPLY, T2, Z, Z2), DO(ADD, T3, X, Y), DO(ADD, T4, X2, Y2),
  DO(MULTIPLY, T3, T3, T4), DO(ADD, T4, T0, T1), DO(SUBTRACT, T3, T3, T4), DO(ADD, T4, Y, Z), DO(ADD, T5, Y2, Z2),
  DO(MULTIPLY, T4, T4, T5), DO(ADD, T5, T1, T2), DO(SUBTRACT, T4, T4, T5), DO(ADD, T5, X, Z), DO(ADD, Y2, X2, Z2),
  DO(MULTIPLY, T5, T5, Y2), DO(ADD, Y2, T0, T2), DO(SUBTRACT, Y2, T5, Y2), DO(MULTIPLY, Z2, B, T2), DO(SUBTRACT, T5, Y2, Z2),
  DO(ADD, Z2, T5, T5), DO(ADD, T5, T5, Z2), DO(SUBTRACT, Z2, T1, T5), DO(ADD, T5, T1, T5), DO(MULTIPLY, Y2, B, Y2),
  DO(ADD, T1, T2, T2), DO(ADD, T2, T1, T2), DO(SUBTRACT, Y2, Y2, T2), DO(SUBTRACT, Y2, Y2, T0), DO(ADD, T1, Y2, Y2),
  DO(ADD, Y2, T1, Y2), DO(ADD, T1, T0, T0), DO(ADD, T0, T1, T0), DO(SUBTRACT, T0, T0, T2), DO(MULTIPLY, T1, T4, Y2),
  DO(MULTIPLY, T2, T0, Y2), DO(MULTIPLY, Y2, T5, Z2), DO(ADD, Y, Y2, T2), DO(MULTIPLY, T5, T3, T5), DO(SUBTRACT, X, T5, T1),
  DO(MULTIPLY, Z2, T4, Z2), DO(MULTIPLY, T1, T3, T0), DO(ADD, Z, Z2, T1),
};

/* (X, Y, Z) += (X, Y, Z) */
static const uint16_t DOUBLING[] = {
  DO(MULTIPLY, T0, X, X), DO(MULTIPLY, T1, Y, Y), DO(MULTIPLY, T2, Z, Z), DO(MULTIPLY, T3, X, Y), DO(ADD, T3, T3, T3),
  DO(MULTIPLY, Z2, X, Z), DO(ADD, Z2, Z2, Z2), DO(MULTIPLY, Y2, B, T2), DO(SUBTRACT, Y2, Y2, Z2), DO(ADD, X2, Y2, Y2),
  DO(ADD, Y2, X2, Y2), DO(SUBTRACT, X2, T1, Y2), DO(ADD, Y2, T1, Y2), DO(MULTIPLY, Y2, X2, Y2), DO(MULTIPLY, X2, X2, T3),
  DO(ADD, T3, T2, T2), DO(ADD, T2, T2, T3), DO(MULTIPLY, Z2, B, Z2), DO(SUBTRACT, Z2, Z2, T2), DO(SUBTRACT, Z2, Z2, T0),
  DO(ADD, T3, Z2, Z2), DO(ADD, Z2, Z2, T3), DO(ADD, T3, T0, T0), DO(ADD, T0, T3, T0), DO(SUBTRACT, T0, T0, T2),
  DO(MULTIPLY, T0, T0, Z2), DO(MULTIPLY, T4, Y, Z), DO(ADD, T4, T4, T4), DO(ADD, Y, Y2, T0), DO(MULTIPLY, Z2, T4, Z2),
  DO(SUBTRACT, X, X2, Z2), DO(MULTIPLY, Z, T4, T1), DO(ADD, Z, Z, Z), DO(ADD, Z, Z, Z),
};

/* With x and y as they are, 2^512 in T0 and 1 in ONE: all in Montgomery's form, and 0 in T1 for a point on the curve. */
static const uint16_t ENTRY[] = {
  DO(MULTIPLY, X, X, T0), DO(MULTIPLY, Y, Y, T0), DO(MULTIPLY, Z, ONE, T0), DO(MULTIPLY, T1, X, X), DO(MULTIPLY, T1, T1, X),
  DO(ADD, T2, X, X), DO(ADD, T2, T2, X), DO(SUBTRACT, T1, T1, T2), DO(ADD, T1, T1, B), DO(MULTIPLY, T2, Y, Y), DO(SUBTRACT, T1, T1, T2),
};

/* With the inverse of Z in T0: x and y as they are. */
static const uint16_t EXIT[] = {
  DO(MULTIPLY, X, X, T0), DO(MULTIPLY, Y, Y, T0), DO(MULTIPLY, X, X, ONE), DO(MULTIPLY, Y, Y, ONE),
};

static void copy(Word *target, const Word *source, int count) {
  for (int i = 0; i < count; i++) target[i] = source[i];
}

static Word *element(Word *elements, Word name) {
  return elements + WORDS * name;
}

/* product = x y / 2^256. As p is -1 modulo 2^96, the multiple of p that makes the lowest word vanish is that word itself. */
static void __attribute__((optimize("O2"), noinline)) multiply(Word *product, const Word *x, const Word *y) {
  Word t[WORDS];
  Word high = 0;
  for (int i = 0; i < WORDS; i++) t[i] = 0;
  for (int i = 0; i < WORDS; i++) {
    Word factor = x[i];
    Long sum = 0;
#pragma GCC unroll 8
    for (int j = 0; j < WORDS; j++) {
      sum = (Long)factor * y[j] + t[j] + (sum >> 32);
      t[j] = (Word)sum;
    }
    Long top = (sum >> 32) + high;
    /* t + m p, without its lowest word: m (2^96 + 2^192 + 2^256 - 2^224) more, 32 bits lower. */
    Word m = t[0];
    Long last = ((Long)m << 32) - m;
    t[0] = t[1];
    t[1] = t[2];
    sum = (Long)t[3] + m;
    t[2] = (Word)sum;
    sum = (sum >> 32) + t[4];
    t[3] = (Word)sum;
    sum = (sum >> 32) + t[5];
    t[4] = (Word)sum;
    sum = (sum >> 32) + t[6] + m;
    t[5] = (Word)sum;
    sum = (sum >> 32) + t[7] + (Word)last;
    t[6] = (Word)sum;
    sum = (sum >> 32) + (Word)top + (last >> 32);
    t[7] = (Word)sum;
    high = (Word)(sum >> 32) + (Word)(top >> 32);
  }
  fieldReduce(product, t, high);
}

static void perform(Word *elements, const uint16_t *operation, int count) {
  for (; count; count--, operation++) {
    Word *target = element(elements, *operation >> 8 & 15);
    const Word *x = element(elements, *operation >> 4 & 15);
    const Word *y = element(elements, *operation & 15);
    if (*operation >= SUBTRACT) fieldSubtract(target, x, y);
    else if (*operation >= ADD) fieldAdd(target, x, y);
    else multiply(target, x, y);
  }
}
#define PERFORM(elements, program) perform(elements, program, sizeof(program) / sizeof *program)

static void read(Word *target, const uint8_t *bytes) {
  for (int i = 0; i < BYTES; i++) {
    int at = (BYTES - 1 - i) / 4;
    target[at] = target[at] << 8 | bytes[i];
  }
}

static void write(uint8_t *bytes, const Word *source) {
  for (int i = 0; i < BYTES; i++) bytes[i] = (uint8_t)(source[(BYTES - 1 - i) / 4] >> 8 * ((BYTES - 1 - i) % 4));
}

/* 1 where x is below y, else 0. */
static Word below(const Word *x, const Word *y) {
  Long difference = 0;
  for (int i = 0; i < WORDS; i++) difference = (Long)x[i] - y[i] - (difference >> 63);
  return (Word)(difference >> 63);
}

static Word isZero(const Word *x) {
  Word bits = 0;
  for (int i = 0; i < WORDS; i++) bits |= x[i];
  return !bits;
}

/* All bits set where x, below 2^31, is 0, else none; by a way that the compiler does not see through. */
static Word maskOfZero(Word x) {
  Word mask = (Word)((int32_t)(x - 1) >> 31);
  __asm__("" : "+r"(mask));
  return mask;
}

/* Takes the table's point for a digit of the secret: four bits, of which the lowest is the digit before's highest. */
static void select(Word *elements, Word bits) {
  Word negative = -(bits >> 3);
  Word size = ((bits ^ (negative & 15)) + 1) >> 1;
  Word *point = element(elements, X2);
  for (int i = 0; i < POINT; i++) {
    const Word *entry = element(elements, TABLE) + i;
    Word word = 0;
    for (Word j = 0; j <= LARGEST; j++, entry += POINT) word |= *entry & maskOfZero(size ^ j);
    point[i] = word;
  }
  /* The table begins with x = 0. */
  fieldSubtract(element(elements, T0), element(elements, TABLE), element(elements, Y2));
  __asm__("" : "+r"(negative));
  for (int i = 0; i < WORDS; i++) point[WORDS + i] ^= (point[WORDS + i] ^ element(elements, T0)[i]) & negative;
}

/* T0 = 1 / Z, the power p - 2. */
static void invert(Word *elements) {
  Word *power = element(elements, T0);
  copy(power, element(elements, Z), WORDS);
  for (int bit = 254; bit >= 0; bit--) {
    multiply(power, power, power);
    /* p - 2 and p differ in the lowest word: 0xfffffffd. */
    if (bit < 32 ? bit != 1 : PRIME[bit / 32] >> bit % 32 & 1) multiply(power, power, element(elements, Z));
  }
}

static int multiplyPoint(uint8_t *memory, Word *elements, int given) {
  Word *point = element(elements, X);
  Word *table = element(elements, TABLE);
  Word *digits = element(elements, DIGITS);
  element(elements, ONE)[0] = 1;
  copy(element(elements, B), CURVE, WORDS);
  copy(element(elements, T0), SQUARE, WORDS);
  read(digits, memory + SECRET);
  if (isZero(digits) || !below(digits, ORDER)) return BAD_SECRET;
  copy(point, BASE, 2 * WORDS);
  if (given) {
    read(point, memory + POINT_X);
    read(point + WORDS, memory + POINT_Y);
    if (!below(point, PRIME) || !below(point + WORDS, PRIME)) return BAD_POINT;
  }
  PERFORM(elements, ENTRY);
  if (!isZero(element(elements, T1))) return BAD_POINT;

  /* 0, 1, 2, 3 and 4 times the point. */
  copy(table + WORDS, element(elements, Z), WORDS);
  for (int i = 1; i <= LARGEST; i++) {
    copy(table + POINT * i, point, POINT);
    copy(element(elements, X2), table + POINT, POINT);
    PERFORM(elements, ADDITION);
  }

  copy(point, table, POINT);
  for (int i = LAST; i >= 0; i--) {
    if (i < LAST) for (int j = 0; j < WIDTH; j++) PERFORM(elements, DOUBLING);
    /* The bits from 3 i - 1 on, of which the first is 0. */
    int at = WIDTH * i - 1;
    Word bits = at < 0 ? digits[0] << 1 : (Word)(((Long)digits[at / 32 + 1] << 32 | digits[at / 32]) >> at % 32);
    select(elements, bits & 15);
    PERFORM(elements, ADDITION);
  }
  invert(elements);
  PERFORM(elements, EXIT);
  write(memory + POINT_X, point);
  write(memory + POINT_Y, point + WORDS);
  return DONE;
}

/*
 * Multiplies a point by a secret. memory: 32 bytes of secret, 64 of x and y, overwritten by the product, and MEMORY in all; but for the product, and for
 * x and y where nothing is done, it is 0 afterwards. given: 0 for the base point, else the point in memory.
 */
__attribute__((section(".text.entry"))) int p256(uint8_t *memory, int given) {
  Word *elements = (Word *)((uintptr_t)(memory + ELEMENTS + 3) & ~(uintptr_t)3);
  for (int i = 0; i < COUNT * WORDS; i++) elements[i] = 0;
  int result = multiplyPoint(memory, elements, given);
  for (int i = 0; i < COUNT * WORDS; i++) elements[i] = 0;
  for (int i = 0; i < BYTES; i++) memory[SECRET + i] = 0;
  return result;
}
