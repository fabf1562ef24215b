/* One-shot timers. Each has a number that is never used again, and a slot, below TIMERS, while it runs. */
#ifndef TIMERS_H
#define TIMERS_H

#include <stdint.h>

#ifndef TIMERS
#define TIMERS 16
#endif

/* Starts a timer; returns its slot, -1 where all are taken. */
int timers_set(uint64_t deadline);

/* The number of the timer in a slot. */
uint32_t timers_number(int slot);

/* Ends a timer by its number; returns its slot, -1 where it runs no more. */
int timers_clear(uint32_t number);

/* Ends the timer that is due the longest, of those set first; returns its slot, -1 where none is due. */
int timers_due(uint64_t now);

/* When the next is due; UINT64_MAX without any. */
uint64_t timers_next(void);

#endif
