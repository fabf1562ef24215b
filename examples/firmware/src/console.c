#include "console.h"

#include <string.h>

#include "board.h"

/* Semihosting, Arm's interface to a debugger: SYS_EXIT_EXTENDED. */
#define EXIT_EXTENDED 0x20
#define APPLICATION_EXIT 0x20026

void console_open(void) {
  CONSOLE_UART->divisor = CLOCK_HZ / 115200;
  CONSOLE_UART->control = UART_TX_ENABLE;
}

void console_write(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    while (CONSOLE_UART->state & UART_TX_FULL);
    CONSOLE_UART->data = (unsigned char)text[i];
  }
}

void quit(int code) {
  const uint32_t block[] = {APPLICATION_EXIT, (uint32_t)code};
  register uint32_t operation __asm("r0") = EXIT_EXTENDED;
  register const uint32_t *argument __asm("r1") = block;
  while (CONSOLE_UART->state & UART_TX_FULL);
  interrupts_off();
  __asm volatile("bkpt 0xab" : : "r"(operation), "r"(argument) : "memory");
  for (;;);
}

void die(const char *reason) {
  console_write("fatal: ", 7);
  console_write(reason, strlen(reason));
  console_write("\n", 1);
  quit(70);
}
