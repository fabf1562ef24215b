/* The serial port at which the controller is: 8 data bits, no parity, one stop bit; raw. One at a time. */
#ifndef SERIAL_H
#define SERIAL_H

#include <stddef.h>
#include <stdint.h>

/*
 * Opens the port at `path`, or changes the rate of the open one when all that was written has left.
 * flow: whether RTS and CTS are used. Returns NULL, or what is wrong.
 */
const char *serial_open(const char *path, uint32_t baud, int flow);

/*
 * Sends. Returns when the system has taken all of it, or when the port has gone, which serial_gone tells; a port that takes nothing for two seconds
 * has. What arrives meanwhile is kept for serial_read.
 */
void serial_write(const uint8_t *bytes, size_t length);

/* What has arrived, at most `most` bytes; 0: nothing. */
size_t serial_read(uint8_t *target, size_t most);

/* Why the port is gone for good, in words; NULL: it is not. Closing and opening it is the way out. */
const char *serial_gone(void);

/* The descriptor to wait at for input, -1 where there is nothing to be awaited; whether input is there already. */
int serial_descriptor(void);
int serial_waiting(void);

/* Lets the last byte out, 500 ms at most, and closes the port. No error where it is closed. */
void serial_close(void);

#endif
