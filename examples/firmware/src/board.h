/*
 * The board: Arm MPS2 with the AN386 image, a Cortex-M4 at 25 MHz (Arm DAI 0386, and DDI 0479 for the CMSDK peripherals). What a port has to
 * change is here, in link.ld, and in the few functions that use it.
 */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define CLOCK_HZ 25000000u

/* CMSDK UARTs, one byte of buffer each way. The console is the first serial port of QEMU's command line, Bluetooth the second. */
struct uart {
  volatile uint32_t data;
  volatile uint32_t state;
  volatile uint32_t control;
  volatile uint32_t interrupts; /* reads which are raised, a written 1 clears one */
  volatile uint32_t divisor;    /* 16 at least, else the UART does nothing */
};
#define CONSOLE_UART ((struct uart *)0x40004000)
#define BLUETOOTH_UART ((struct uart *)0x40005000)
#define BLUETOOTH_RX_IRQ 2
#define UART_TX_FULL 1u
#define UART_RX_FULL 2u
#define UART_TX_ENABLE 1u
#define UART_RX_ENABLE 2u
#define UART_RX_INTERRUPT 8u
#define UART_RX_RAISED 2u
#define UART_LEAST_DIVISOR 16u

/* CMSDK TIMER0, the alarm clock: counts down from `value` and stops at 0 where `reload` is 0. */
struct countdown {
  volatile uint32_t control;
  volatile uint32_t value;
  volatile uint32_t reload;
  volatile uint32_t clear;
};
#define ALARM ((struct countdown *)0x40000000)
#define ALARM_IRQ 8
#define ALARM_ENABLE 9u /* count, and raise the interrupt */

/* FPGAIO: two LEDs stand in for the lines to the chip. QEMU has no GPIO here. */
#define LEDS REGISTER(0x40028000)

/* Armv7-M system registers. */
#define SYSTICK_CONTROL REGISTER(0xe000e010)
#define SYSTICK_RELOAD REGISTER(0xe000e014)
#define SYSTICK_VALUE REGISTER(0xe000e018)
#define SYSTICK_RUN 7u /* the processor's clock, with the interrupt */
#define NVIC_ENABLE REGISTER(0xe000e100)
#define NVIC_DISABLE REGISTER(0xe000e180)
#define INTERRUPT_STATE REGISTER(0xe000ed04)
#define SYSTICK_PENDING (1u << 26)
#define COPROCESSOR_ACCESS REGISTER(0xe000ed88)

/* Keeps interrupts out; hand what it returns to `interrupts_restore`. */
static inline uint32_t interrupts_off(void) {
  uint32_t mask;
  __asm volatile("mrs %0, primask\n cpsid i" : "=r"(mask) : : "memory");
  return mask;
}

static inline void interrupts_restore(uint32_t mask) {
  __asm volatile("msr primask, %0" : : "r"(mask) : "memory");
}

/* Sleeps until an interrupt is pending, also one that is kept out. */
static inline void wait_for_interrupt(void) {
  __asm volatile("dsb\n wfi" : : : "memory");
}

#endif
