#include "timers.h"

struct timer {
  uint32_t number; /* 0: free */
  uint64_t deadline;
};

static struct timer timers[TIMERS];
static uint32_t last;

int timers_set(uint64_t deadline) {
  for (int slot = 0; slot < TIMERS; slot++) {
    if (timers[slot].number) continue;
    timers[slot].number = ++last;
    timers[slot].deadline = deadline;
    return slot;
  }
  return -1;
}

uint32_t timers_number(int slot) {
  return timers[slot].number;
}

int timers_clear(uint32_t number) {
  for (int slot = 0; slot < TIMERS; slot++) {
    if (!number || timers[slot].number != number) continue;
    timers[slot].number = 0;
    return slot;
  }
  return -1;
}

/* The slot that is due first, -1 without any. */
static int first(void) {
  int best = -1;
  for (int slot = 0; slot < TIMERS; slot++) {
    const struct timer *const timer = &timers[slot];
    if (!timer->number) continue;
    if (best < 0 || timer->deadline < timers[best].deadline ||
        (timer->deadline == timers[best].deadline && timer->number < timers[best].number)) best = slot;
  }
  return best;
}

int timers_due(uint64_t now) {
  const int slot = first();
  if (slot < 0 || timers[slot].deadline > now) return -1;
  timers[slot].number = 0;
  return slot;
}

uint64_t timers_next(void) {
  const int slot = first();
  return slot < 0 ? UINT64_MAX : timers[slot].deadline;
}
