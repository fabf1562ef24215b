#define _POSIX_C_SOURCE 200809L
#include "clock.h"

#include <errno.h>
#include <time.h>

uint64_t clock_ticks(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

double clock_now(void) {
  return (double)clock_ticks() / 1e6;
}

void clock_delay(uint32_t microseconds) {
  struct timespec rest = { microseconds / 1000000, (long)(microseconds % 1000000) * 1000 };
  while (nanosleep(&rest, &rest) && errno == EINTR);
}
