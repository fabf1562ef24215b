#include "clock.h"

/*
 * SysTick runs through, and its interrupt counts its rounds of 0.67 s: a clock that nothing disturbs. A timer of the board's wakes the
 * processor for what is due sooner, so that an idle second costs next to nothing. A part without a timer to spare makes SysTick interrupt every
 * millisecond and needs no alarm.
 */
#define ROUND 0x1000000u

static volatile uint32_t rounds;
static uint64_t slept;

void clock_start(void) {
  SYSTICK_RELOAD = ROUND - 1;
  SYSTICK_VALUE = 0;
  SYSTICK_CONTROL = SYSTICK_RUN;
  NVIC_ENABLE = 1u << ALARM_IRQ;
}

void clock_interrupt(void) {
  rounds++;
}

uint64_t clock_ticks(void) {
  const uint32_t mask = interrupts_off();
  uint32_t value = SYSTICK_VALUE;
  uint64_t round = rounds;
  if (INTERRUPT_STATE & SYSTICK_PENDING) {
    /* A round has ended that is not counted yet, perhaps between the two lines above. */
    value = SYSTICK_VALUE;
    round++;
  }
  interrupts_restore(mask);
  /* It counts down, and the interrupt comes with 0, before the reload: 0 is where a round begins. */
  return round * ROUND + (ROUND - value) % ROUND;
}

uint64_t clock_slept(void) {
  return slept;
}

void clock_sleep(uint64_t deadline) {
  const uint64_t now = clock_ticks();
  if (deadline <= now) return;
  ALARM->control = 0;
  ALARM->reload = 0;
  /* One that is too far away wakes early, and is set again. */
  ALARM->value = deadline - now > UINT32_MAX ? UINT32_MAX : (uint32_t)(deadline - now);
  ALARM->control = ALARM_ENABLE;
  slept -= clock_ticks();
  wait_for_interrupt();
  slept += clock_ticks();
}

void alarm_interrupt(void) {
  ALARM->control = 0;
  ALARM->clear = 1;
}

void clock_delay(uint32_t microseconds) {
  const uint64_t end = clock_ticks() + (uint64_t)microseconds * (CLOCK_HZ / 1000000u);
  while (clock_ticks() < end);
}
