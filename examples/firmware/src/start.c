/* From reset to main(), and where faults end. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "board.h"
#include "clock.h"
#include "console.h"
#include "stack.h"
#include "uart.h"

int main(void);

extern uint32_t stack_bottom[], stack_top[];
extern uint32_t data_image[], data_start[], data_end[], bss_start[], bss_end[];

#define PAINT 0x5afe57ac

/* What has to stay free for the error that says so, and for interrupts. */
#define STACK_RESERVE 6144

size_t stack_used(void) {
  const uint32_t *word = stack_bottom;
  while (word < stack_top && *word == PAINT) word++;
  return (size_t)((const char *)stack_top - (const char *)word);
}

int stack_is_short(void) {
  return (const char *)__builtin_frame_address(0) < (const char *)stack_bottom + STACK_RESERVE;
}

void reset(void) {
  uint32_t *const here = __builtin_frame_address(0);
  /* First of all: anything after this may use the floating-point unit. */
  COPROCESSOR_ACCESS |= 0xfu << 20;
  __asm volatile("dsb\n isb");
  memcpy(data_start, data_image, (size_t)((char *)data_end - (char *)data_start));
  memset(bss_start, 0, (size_t)((char *)bss_end - (char *)bss_start));
  /* Well below this frame, and with a loop that cannot become a call whose frame it would paint over. */
  for (uint32_t *word = stack_bottom; word < here - 32; word++) *(volatile uint32_t *)word = PAINT;
  main();
  die("main has returned");
}

/* `frame`: what the processor has pushed, r0 to r3, r12, lr, pc, psr. */
__attribute__((used)) static void report_fault(const uint32_t *frame) {
  char text[64];
  snprintf(text, sizeof text, "fault at %08lx, called from %08lx", (unsigned long)frame[6], (unsigned long)frame[5]);
  die(text);
}

__attribute__((naked)) static void fault(void) {
  /* On a fresh stack: the old one may be what has run out. */
  __asm volatile("mrs r0, msp\n ldr r1, =stack_top\n mov sp, r1\n b report_fault");
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16 + 32] = {
  [0] = stack_top,
  [1] = reset,
  [2 ... 14] = fault,
  [15] = clock_interrupt,
  [16 ... 15 + BLUETOOTH_RX_IRQ] = fault,
  [16 + BLUETOOTH_RX_IRQ] = uart_interrupt,
  [17 + BLUETOOTH_RX_IRQ ... 15 + ALARM_IRQ] = fault,
  [16 + ALARM_IRQ] = alarm_interrupt,
  [17 + ALARM_IRQ ... 47] = fault,
};
