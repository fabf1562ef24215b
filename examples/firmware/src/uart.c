#include "uart.h"

#include <string.h>

#include "clock.h"

/* 22 ms at 921600 bit/s: as long as the engine may be busy. A power of two, so that indices may count on and wrap. */
#define RING_SIZE 2048u

static uint8_t ring[RING_SIZE];
static volatile uint32_t head, tail;
static uint32_t rate;

/* The UART does not tell when its shift register is empty: two characters' time after its buffer is, it is. */
static void drain(void) {
  while (BLUETOOTH_UART->state & UART_TX_FULL);
  clock_delay(20000000u / rate + 1);
}

void uart_open(uint32_t baud) {
  if (rate) drain();
  rate = baud;
  BLUETOOTH_UART->divisor = (CLOCK_HZ + baud / 2) / baud;
  BLUETOOTH_UART->control = UART_TX_ENABLE | UART_RX_ENABLE | UART_RX_INTERRUPT;
  NVIC_ENABLE = 1u << BLUETOOTH_RX_IRQ;
}

void uart_close(void) {
  if (!rate) return;
  drain();
  rate = 0;
  NVIC_DISABLE = 1u << BLUETOOTH_RX_IRQ;
  BLUETOOTH_UART->control = UART_TX_ENABLE;
  tail = head;
}

void uart_write(const uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) {
    while (BLUETOOTH_UART->state & UART_TX_FULL);
    BLUETOOTH_UART->data = bytes[i];
  }
}

int uart_waiting(void) {
  return head != tail;
}

int uart_receive(uint8_t byte) {
  if (head - tail == RING_SIZE) return 0;
  ring[head % RING_SIZE] = byte;
  head++;
  return 1;
}

size_t uart_read(uint8_t *target, size_t most) {
  size_t count = head - tail;
  size_t first = RING_SIZE - tail % RING_SIZE;
  if (count > most) count = most;
  if (first > count) first = count;
  memcpy(target, ring + tail % RING_SIZE, first);
  memcpy(target + first, ring, count - first);
  tail += count;
  if (count && rate) NVIC_ENABLE = 1u << BLUETOOTH_RX_IRQ;
  return count;
}

void uart_interrupt(void) {
  while (BLUETOOTH_UART->state & UART_RX_FULL) {
    if (head - tail == RING_SIZE) {
      /* Off at the interrupt controller, not at the UART: there it stays raised, and comes again when it is let in. The byte stays in the UART,
         which is what makes a transmitter with flow control wait. */
      NVIC_DISABLE = 1u << BLUETOOTH_RX_IRQ;
      return;
    }
    /* Cleared before the byte is taken: the next one may be there at once. */
    BLUETOOTH_UART->interrupts = UART_RX_RAISED;
    uart_receive((uint8_t)BLUETOOTH_UART->data);
  }
}
