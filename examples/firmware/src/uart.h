/* The UART to the Bluetooth chip. */
#ifndef UART_H
#define UART_H

#include <stddef.h>
#include <stdint.h>

#include "board.h"

/* Fastest and slowest rate that its clock can be divided to. */
#define UART_MOST_BAUD (CLOCK_HZ / UART_LEAST_DIVISOR)
#define UART_LEAST_BAUD 9600u

/* Starts it, or changes its rate once everything written has left. */
void uart_open(uint32_t baud);

/* Lets the last byte out and stops listening. */
void uart_close(void);

/* Returns when the last byte is in the transmitter. */
void uart_write(const uint8_t *bytes, size_t length);

/* Takes out what has been received, `most` bytes at most; returns how many. */
size_t uart_read(uint8_t *target, size_t most);

/* Whether `uart_read` would find something. */
int uart_waiting(void);

/* Puts a byte where received ones wait; 0 where there is no room. With interrupts off. */
int uart_receive(uint8_t byte);

void uart_interrupt(void);

#endif
