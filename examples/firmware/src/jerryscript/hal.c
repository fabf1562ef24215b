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

#define ARGUMENTS const jerry_call_info_t *info, const jerry_value_t arguments[], const jerry_length_t count

/* Callbacks: of uart.open, 0 while the port is closed; of the timers, by their slots. Each is held. */
static jerry_value_t receive;
static jerry_value_t callbacks[TIMERS];

/* What is handed over at once. It is copied out of the ring: the ring then has room while the script works. */
static uint8_t chunk[2048];
static jerry_value_t buffer;

static double number(const jerry_value_t arguments[], jerry_length_t count, unsigned place) {
  return place < count && jerry_value_is_number(arguments[place]) ? jerry_value_as_number(arguments[place]) : NAN;
}

static jerry_value_t range_error(const char *text) {
  return jerry_throw_sz(JERRY_ERROR_RANGE, text);
}

static jerry_value_t uart_open_method(ARGUMENTS) {
  const double baud = number(arguments, count, 0);
  (void)info;
  if (!(baud >= UART_LEAST_BAUD && baud <= UART_MOST_BAUD)) return range_error("uart.open: no such rate");
  if (count < 3 || !jerry_value_is_function(arguments[2])) return jerry_throw_sz(JERRY_ERROR_TYPE, "uart.open: the third argument is no function");
  if (jerry_value_to_boolean(arguments[1])) return jerry_throw_sz(JERRY_ERROR_COMMON, "uart.open: there is no flow control");
  /* `fault`, the fourth argument, is not kept: this line cannot be unplugged. */
  if (receive) jerry_value_free(receive);
  receive = jerry_value_copy(arguments[2]);
  uart_open((uint32_t)baud);
  return jerry_undefined();
}

static jerry_value_t uart_write_method(ARGUMENTS) {
  const double offset = number(arguments, count, 1), length = number(arguments, count, 2);
  jerry_length_t begin = 0, size = 0;
  (void)info;
  if (!receive) return jerry_throw_sz(JERRY_ERROR_COMMON, "uart.write: the port is not open");
  if (!count || !jerry_value_is_typedarray(arguments[0])) return jerry_throw_sz(JERRY_ERROR_TYPE, "uart.write: no Uint8Array");
  const jerry_value_t whole = jerry_typedarray_buffer(arguments[0], &begin, &size);
  const int fits = offset >= 0 && length >= 0 && offset + length <= size;
  if (fits) {
    const uint8_t *const bytes = jerry_arraybuffer_data(whole) + begin + (size_t)offset;
    if (!controller_take(bytes, (size_t)length)) uart_write(bytes, (size_t)length);
  }
  jerry_value_free(whole);
  return fits ? jerry_undefined() : range_error("uart.write: the bytes do not lie in the array");
}

static jerry_value_t uart_close_method(ARGUMENTS) {
  (void)info, (void)arguments, (void)count;
  uart_close();
  if (receive) jerry_value_free(receive);
  receive = 0;
  return jerry_undefined();
}

static jerry_value_t gpio_regon_method(ARGUMENTS) {
  (void)info;
  pins_write(PIN_REG_ON, number(arguments, count, 0) > 0);
  return jerry_undefined();
}

static jerry_value_t gpio_lpo_method(ARGUMENTS) {
  (void)info;
  pins_write(PIN_LPO_IN, number(arguments, count, 0) > 0);
  return jerry_undefined();
}

static jerry_value_t timer_now_method(ARGUMENTS) {
  (void)info, (void)arguments, (void)count;
  return jerry_number((double)clock_ticks() / TICKS_PER_MS);
}

static jerry_value_t timer_set_method(ARGUMENTS) {
  const double milliseconds = number(arguments, count, 0);
  (void)info;
  if (!(milliseconds >= 0 && milliseconds < 2147483648.0)) return range_error("timer.set: not 0 to 2^31 - 1 milliseconds");
  if (count < 2 || !jerry_value_is_function(arguments[1])) return jerry_throw_sz(JERRY_ERROR_TYPE, "timer.set: the second argument is no function");
  const int slot = timers_set(clock_ticks() + (uint64_t)ceil(milliseconds * TICKS_PER_MS));
  if (slot < 0) return range_error("timer.set: all timers run");
  callbacks[slot] = jerry_value_copy(arguments[1]);
  return jerry_number(timers_number(slot));
}

static jerry_value_t timer_clear_method(ARGUMENTS) {
  const double given = number(arguments, count, 0);
  const int slot = given > 0 ? timers_clear((uint32_t)given) : -1;
  (void)info;
  if (slot >= 0) jerry_value_free(callbacks[slot]);
  return jerry_undefined();
}

static jerry_value_t delay_method(ARGUMENTS) {
  const double microseconds = number(arguments, count, 0);
  (void)info;
  if (!(microseconds >= 0 && microseconds <= 1000)) return range_error("delay: not 0 to 1000 microseconds");
  clock_delay((uint32_t)microseconds);
  return jerry_undefined();
}

void hal_property(jerry_value_t object, const char *name, jerry_value_t value) {
  jerry_value_free(jerry_object_set_sz(object, name, value));
  jerry_value_free(value);
}

void hal_method(jerry_value_t object, const char *name, jerry_external_handler_t function) {
  hal_property(object, name, jerry_function_external(function));
}

void hal_install(void) {
  const jerry_value_t hal = jerry_object(), uart = jerry_object(), gpio = jerry_object(), timer = jerry_object();
  const jerry_value_t global = jerry_current_realm();
  hal_method(uart, "open", uart_open_method);
  hal_method(uart, "write", uart_write_method);
  hal_method(uart, "close", uart_close_method);
  hal_property(hal, "uart", uart);
  hal_method(gpio, "regon", gpio_regon_method);
  hal_method(gpio, "lpo", gpio_lpo_method);
  hal_property(hal, "gpio", gpio);
  hal_method(timer, "now", timer_now_method);
  hal_method(timer, "set", timer_set_method);
  hal_method(timer, "clear", timer_clear_method);
  hal_property(hal, "timer", timer);
  hal_method(hal, "delay", delay_method);
  hal_property(global, "hal", hal);
  jerry_value_free(global);
  buffer = jerry_arraybuffer_external(chunk, sizeof chunk, NULL);
}

void hal_done(jerry_value_t result) {
  if (jerry_value_is_exception(result)) {
    static char text[200];
    const jerry_value_t string = jerry_value_to_string(jerry_exception_value(result, false));
    text[jerry_string_to_buffer(string, JERRY_ENCODING_UTF8, (jerry_char_t *)text, sizeof text - 1)] = 0;
    die(text);
  }
  jerry_value_free(result);
}

static int deliver(void) {
  const size_t length = uart_read(chunk, sizeof chunk);
  if (!length) return 0;
  if (receive) {
    /* The callback may close the port. */
    const jerry_value_t callback = jerry_value_copy(receive);
    const jerry_value_t bytes = jerry_typedarray_with_buffer_span(JERRY_TYPEDARRAY_UINT8, buffer, 0, length);
    hal_done(jerry_call(callback, jerry_undefined(), &bytes, 1));
    jerry_value_free(bytes);
    jerry_value_free(callback);
  }
  return 1;
}

static int fire(void) {
  const int slot = timers_due(clock_ticks());
  if (slot < 0) return 0;
  const jerry_value_t callback = callbacks[slot];
  hal_done(jerry_call(callback, jerry_undefined(), NULL, 0));
  jerry_value_free(callback);
  return 1;
}

int hal_turn(void) {
  /* One timer only, so that bytes do not wait for a second one. */
  const int delivered = deliver();
  return fire() || delivered || recording_turn();
}

void hal_rest(void) {
  /* An interrupt between the look and the sleep would be slept through: kept out, it ends the sleep, and is let in afterwards. */
  const uint32_t mask = interrupts_off();
  if (!uart_waiting()) clock_sleep(timers_next());
  interrupts_restore(mask);
}
