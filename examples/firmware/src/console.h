#ifndef CONSOLE_H
#define CONSOLE_H

#include <stddef.h>

void console_open(void);

/* Returns when the UART has taken all of it. */
void console_write(const char *text, size_t length);

/* Ends the emulation with an exit code. On a board without a debugger: a reset. */
__attribute__((noreturn)) void quit(int code);

/* Says why nothing can go on, and ends. */
__attribute__((noreturn)) void die(const char *reason);

#endif
