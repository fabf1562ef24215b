#include "hal.h"

#include <math.h>

#include "board.h"
#include "clock.h"
#include "console.h"
#include "controller.h"
#include "pins.h"
#include "recording.h"
#include "timers.h"
#include "uart.h"

/*
 * What the engine may not collect stands in its heap's stash: `receive`, the callback of uart.open; `timers`, the callbacks of the timers by
 * their slots; `chunk`, the buffer in which received bytes are handed over.
 */

/* What is handed over at once. It is copied out of the ring: the ring then has room while the script works. */
static uint8_t chunk[2048];

static int is_open;

static duk_ret_t uart_open_method(duk_context *context) {
  const double baud = duk_require_number(context, 0);
  duk_require_function(context, 2);
  if (!(baud >= UART_LEAST_BAUD && baud <= UART_MOST_BAUD)) {
    return duk_range_error(context, "uart.open: the rate is not %u to %u", UART_LEAST_BAUD, UART_MOST_BAUD);
  }
  if (duk_to_boolean(context, 1)) return duk_error(context, DUK_ERR_ERROR, "uart.open: there is no flow control");
  /* `fault`, the fourth argument, is not kept: this line cannot be unplugged. */
  duk_push_heap_stash(context);
  duk_dup(context, 2);
  duk_put_prop_literal(context, -2, "receive");
  uart_open((uint32_t)baud);
  is_open = 1;
  return 0;
}

static duk_ret_t uart_write_method(duk_context *context) {
  duk_size_t size;
  const uint8_t *const bytes = duk_require_buffer_data(context, 0, &size);
  const duk_size_t offset = duk_require_uint(context, 1);
  const duk_size_t length = duk_require_uint(context, 2);
  if (!is_open) return duk_error(context, DUK_ERR_ERROR, "uart.write: the port is not open");
  if (offset > size || length > size - offset) {
    return duk_range_error(context, "uart.write: %ld bytes from %ld do not lie in %ld", (long)length, (long)offset, (long)size);
  }
  if (!controller_take(bytes + offset, length)) uart_write(bytes + offset, length);
  return 0;
}

static duk_ret_t uart_close_method(duk_context *context) {
  uart_close();
  is_open = 0;
  duk_push_heap_stash(context);
  duk_del_prop_literal(context, -1, "receive");
  return 0;
}

static duk_ret_t gpio_regon_method(duk_context *context) {
  pins_write(PIN_REG_ON, duk_require_int(context, 0));
  return 0;
}

static duk_ret_t gpio_lpo_method(duk_context *context) {
  pins_write(PIN_LPO_IN, duk_require_int(context, 0));
  return 0;
}

static duk_ret_t timer_now_method(duk_context *context) {
  duk_push_number(context, (double)clock_ticks() / TICKS_PER_MS);
  return 1;
}

static duk_ret_t timer_set_method(duk_context *context) {
  const double milliseconds = duk_require_number(context, 0);
  int slot;
  duk_require_function(context, 1);
  if (!(milliseconds >= 0 && milliseconds < 2147483648.0)) return duk_range_error(context, "timer.set: not 0 to 2^31 - 1 milliseconds");
  slot = timers_set(clock_ticks() + (uint64_t)ceil(milliseconds * TICKS_PER_MS));
  if (slot < 0) return duk_range_error(context, "timer.set: all %d timers run", TIMERS);
  duk_push_heap_stash(context);
  duk_get_prop_literal(context, -1, "timers");
  duk_dup(context, 1);
  duk_put_prop_index(context, -2, (duk_uarridx_t)slot);
  duk_push_uint(context, timers_number(slot));
  return 1;
}

/* Pushes the callback of a timer that has ended, and forgets it. */
static void push_callback(duk_context *context, int slot) {
  duk_push_heap_stash(context);
  duk_get_prop_literal(context, -1, "timers");
  duk_get_prop_index(context, -1, (duk_uarridx_t)slot);
  duk_push_undefined(context);
  duk_put_prop_index(context, -3, (duk_uarridx_t)slot);
  duk_replace(context, -3);
  duk_pop(context);
}

static duk_ret_t timer_clear_method(duk_context *context) {
  const int slot = timers_clear(duk_get_uint_default(context, 0, 0));
  if (slot >= 0) push_callback(context, slot);
  return 0;
}

static duk_ret_t delay_method(duk_context *context) {
  clock_delay(duk_require_uint(context, 0));
  return 0;
}

void hal_method(duk_context *context, const char *name, duk_c_function function, int arguments) {
  duk_push_c_function(context, function, arguments);
  duk_put_prop_string(context, -2, name);
}

void hal_install(duk_context *context) {
  duk_push_heap_stash(context);
  duk_push_array(context);
  duk_put_prop_literal(context, -2, "timers");
  duk_push_external_buffer(context);
  duk_put_prop_literal(context, -2, "chunk");
  duk_pop(context);

  duk_push_object(context);
  duk_push_object(context);
  hal_method(context, "open", uart_open_method, 4);
  hal_method(context, "write", uart_write_method, 3);
  hal_method(context, "close", uart_close_method, 0);
  duk_put_prop_literal(context, -2, "uart");
  duk_push_object(context);
  hal_method(context, "regon", gpio_regon_method, 1);
  hal_method(context, "lpo", gpio_lpo_method, 1);
  duk_put_prop_literal(context, -2, "gpio");
  duk_push_object(context);
  hal_method(context, "now", timer_now_method, 0);
  hal_method(context, "set", timer_set_method, 2);
  hal_method(context, "clear", timer_clear_method, 1);
  duk_put_prop_literal(context, -2, "timer");
  hal_method(context, "delay", delay_method, 1);
  duk_put_global_literal(context, "hal");
}

void hal_uncaught(duk_context *context) {
  die(duk_safe_to_stacktrace(context, -1));
}

static int deliver(duk_context *context) {
  const size_t length = uart_read(chunk, sizeof chunk);
  if (!length) return 0;
  duk_push_heap_stash(context);
  duk_get_prop_literal(context, -1, "chunk");
  /* One buffer for ever, set to the bytes anew: receiving makes no garbage. A plain buffer is a Uint8Array to scripts. */
  duk_config_buffer(context, -1, chunk, length);
  if (duk_get_prop_literal(context, -2, "receive")) {
    duk_dup(context, -2);
    if (duk_pcall(context, 1)) hal_uncaught(context);
  }
  /* Whoever keeps it against the contract finds nothing. */
  duk_config_buffer(context, -2, NULL, 0);
  duk_pop_3(context);
  return 1;
}

static int fire(duk_context *context) {
  const int slot = timers_due(clock_ticks());
  if (slot < 0) return 0;
  push_callback(context, slot);
  if (duk_pcall(context, 0)) hal_uncaught(context);
  duk_pop(context);
  return 1;
}

int hal_turn(duk_context *context) {
  /* One timer only, so that bytes do not wait for a second one. */
  const int delivered = deliver(context);
  return fire(context) || delivered || recording_turn();
}

void hal_rest(void) {
  /* An interrupt between the look and the sleep would be slept through: kept out, it ends the sleep, and is let in afterwards. */
  const uint32_t mask = interrupts_off();
  if (!uart_waiting()) clock_sleep(timers_next());
  interrupts_restore(mask);
}
