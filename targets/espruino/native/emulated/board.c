/*
 * Runs the machine code on a bare emulated board: for each request in memory a call of it, where QEMU's loader has put it, and a file with what came of them.
 * The link script says where everything lies.
 */
#include <stdint.h>

struct Request {
  /* Bit 0: the point is given. From bit 1 on: how far from a multiple of 4 its memory begins. */
  uint32_t how;
  uint8_t secret[32], point[64];
};

struct Answer {
  /* What it returned; bytes of memory that it has written to; of stack; ticks of 25 MHz or so. */
  uint32_t result, memory, stack, ticks;
  /* x and y; the secret as it was left; whether anything else is left, or anything was written to before its memory. */
  uint8_t point[64], secret[32];
  uint32_t rest;
};

extern const uint32_t STACK[], CODE[], REQUESTS[];
extern uint8_t SPACE[], ANSWERS[];

enum { PAINT = 0xa5, AROUND = 64, MOST = 4096, DEPTH = 4096, FILE_NAME = 11, OPEN = 1, CLOSE = 2, WRITE = 5, EXIT = 0x18, BINARY = 5, ENDED = 0x20026 };

static uint32_t ask(uint32_t what, const void *about) {
  register uint32_t r0 __asm__("r0") = what;
  register const void *r1 __asm__("r1") = about;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static void fill(volatile uint8_t *bytes, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) bytes[i] = PAINT;
}

static void answer(const struct Request *request, struct Answer *a) {
  volatile uint32_t *tick = (volatile uint32_t *)0xe000e010;
  uint8_t *memory = SPACE + AROUND + (request->how >> 1);
  /* Thumb code. */
  uint32_t (*call)(uint8_t *, uint32_t) = (uint32_t(*)(uint8_t *, uint32_t))((uintptr_t)CODE | 1);
  uint8_t *here;
  fill(SPACE, MOST);
  for (int i = 0; i < 32; i++) memory[i] = request->secret[i];
  for (int i = 0; i < 64; i++) memory[32 + i] = request->point[i];
  __asm__ volatile("mov %0, sp" : "=r"(here));
  fill(here - DEPTH, DEPTH - 64);
  tick[1] = 0xffffff;
  tick[2] = 0;
  tick[0] = 5;
  a->result = call(memory, request->how & 1);
  a->ticks = 0xffffff - tick[2];
  for (uint8_t *at = here - DEPTH; *at == PAINT; at++) a->stack = here - at - 1;
  for (int i = 0; i < 64; i++) a->point[i] = memory[32 + i];
  for (int i = 0; i < 32; i++) a->secret[i] = memory[i];
  a->rest = 0;
  for (uint8_t *at = SPACE; at < memory; at++) a->rest |= *at ^ PAINT;
  for (a->memory = SPACE + MOST - memory; memory[a->memory - 1] == PAINT; a->memory--);
  /* As far as the first multiple of 4 behind the point nothing is written. */
  for (uint8_t *at = (uint8_t *)((uintptr_t)(memory + 99) & ~(uintptr_t)3); at < memory + a->memory; at++) a->rest |= *at;
}

static void start(void) {
  const struct Request *requests = (const struct Request *)(REQUESTS + 1);
  struct Answer *answers = (struct Answer *)ANSWERS;
  for (uint32_t i = 0; i < REQUESTS[0]; i++) answer(requests + i, answers + i);
  const uint32_t name[] = {(uint32_t) "answers.bin", BINARY, FILE_NAME};
  uint32_t file = ask(OPEN, name);
  const uint32_t what[] = {file, (uint32_t)ANSWERS, REQUESTS[0] * sizeof(struct Answer)};
  ask(WRITE, what);
  ask(CLOSE, what);
  ask(EXIT, (void *)ENDED);
  for (;;);
}

/* Anything unexpected ends the emulation otherwise: no file, and a code that says so. */
static void fault(void) {
  ask(EXIT, (void *)0x20023);
  for (;;);
}

__attribute__((section(".vectors"), used)) static const void *const VECTORS[16] = {
  STACK, (void *)start, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault,
};
