/* Time. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

#include "board.h"

#define TICKS_PER_MS (CLOCK_HZ / 1000u)

void clock_start(void);

/* Ticks of the processor's clock since then. */
uint64_t clock_ticks(void);

/* How many of them were spent asleep. */
uint64_t clock_slept(void);

/* Sleeps until `deadline` or until an interrupt; called, and returns, with interrupts off. */
void clock_sleep(uint64_t deadline);

/* Busy wait. */
void clock_delay(uint32_t microseconds);

void clock_interrupt(void);
void alarm_interrupt(void);

#endif
