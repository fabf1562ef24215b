/* The HAL of hal/hal.ts, made of this system, for whichever engine there is. */
#ifndef HAL_H
#define HAL_H

/* What the program was started with. */
struct settings {
  const char *port;  /* path of the serial port */
  int flow;          /* RTS and CTS are wired */
  const char *store; /* path of a file, or NULL */
  int aes, p256;     /* offer these to scripts */
};

/*
 * Makes the globals `hal`; `store`, where there is one; `print(...)`; and `onexit(callback)`: what to do, once, when the program is told to end, in place of
 * what was to be done.
 */
void hal_install(const struct settings *settings);

/* Hands what has been received to the script, or that the line has gone, and calls one timer that is due. Returns 0 where an error was not caught. */
int hal_turn(void);

/* Sleeps until there is something to do, until a signal comes, or until `end` (clock_ticks). */
void hal_rest(unsigned long long end);

/* Whether anything can happen yet: the port is open, or a timer runs. */
int hal_waits(void);

/* Whether the port is open. */
int hal_is_open(void);

#endif
