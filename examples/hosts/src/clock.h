/* A clock that never runs backwards. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* Milliseconds since any moment, with fractions; and nanoseconds. */
double clock_now(void);
uint64_t clock_ticks(void);

/* Waits so many microseconds. */
void clock_delay(uint32_t microseconds);

#endif
