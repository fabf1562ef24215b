#include "globals.h"

#include <stdlib.h>

#include "clock.h"
#include "console.h"
#include "controller.h"
#include "hal.h"
#include "recording.h"
#include "stack.h"

#define ARGUMENTS const jerry_call_info_t *info, const jerry_value_t arguments[], const jerry_length_t count
#define NONE (void)info, (void)arguments, (void)count

static void write_text(jerry_value_t value) {
  char part[64];
  const jerry_value_t string = jerry_value_to_string(value);
  const jerry_size_t size = jerry_string_size(string, JERRY_ENCODING_UTF8);
  char *const text = size > sizeof part ? malloc(size) : part;
  if (!text) die("no room for a line");
  jerry_string_to_buffer(string, JERRY_ENCODING_UTF8, (jerry_char_t *)text, size);
  console_write(text, size);
  if (text != part) free(text);
  jerry_value_free(string);
}

/* print(...) and console.log(...): a line of the arguments as text, a space between them. */
static jerry_value_t print(ARGUMENTS) {
  (void)info;
  for (jerry_length_t i = 0; i < count; i++) {
    if (i) console_write(" ", 1);
    write_text(arguments[i]);
  }
  console_write("\n", 1);
  return jerry_undefined();
}

/* ticks(): the processor's clock since start-up, 25 MHz. */
static jerry_value_t ticks(ARGUMENTS) {
  NONE;
  return jerry_number((double)clock_ticks());
}

/* awake(): as ticks(), without the time asleep. */
static jerry_value_t awake(ARGUMENTS) {
  NONE;
  return jerry_number((double)(clock_ticks() - clock_slept()));
}

/* memory(): {heap, peak, stack}: bytes in use now, and at most so far, 0 where the engine does not count them; the deepest stack so far. */
static jerry_value_t memory(ARGUMENTS) {
  jerry_heap_stats_t stats = {.size = 0};
  NONE;
  jerry_heap_stats(&stats);
  const jerry_value_t object = jerry_object();
  hal_property(object, "heap", jerry_number((double)stats.allocated_bytes));
  hal_property(object, "peak", jerry_number((double)stats.peak_allocated_bytes));
  hal_property(object, "stack", jerry_number((double)stack_used()));
  return object;
}

/* exit(code) */
static jerry_value_t exit_function(ARGUMENTS) {
  (void)info;
  quit(count ? (int)jerry_value_as_number(arguments[0]) : 0);
}

/* controller(answers): a Uint8Array for controller.h. */
static jerry_value_t controller(ARGUMENTS) {
  jerry_length_t begin, size;
  (void)info;
  if (!count || !jerry_value_is_typedarray(arguments[0])) return jerry_throw_sz(JERRY_ERROR_TYPE, "controller: no Uint8Array");
  /* Held for ever: the answers have to stay where they are. */
  const jerry_value_t whole = jerry_typedarray_buffer(jerry_value_copy(arguments[0]), &begin, &size);
  controller_use(jerry_arraybuffer_data(whole) + begin, size);
  return jerry_undefined();
}

/* replay(name): plays the next scene of the recording; false where that is none of this name. */
static jerry_value_t replay(ARGUMENTS) {
  char name[40] = "";
  (void)info;
  if (count && jerry_value_is_string(arguments[0])) jerry_string_to_buffer(arguments[0], JERRY_ENCODING_UTF8, (jerry_char_t *)name, sizeof name - 1);
  return jerry_boolean(recording_play(name));
}

/* replaying(): whether it is not at its end. */
static jerry_value_t replaying(ARGUMENTS) {
  NONE;
  return jerry_boolean(recording_playing());
}

/* gc(): collects garbage. */
static jerry_value_t collect(ARGUMENTS) {
  NONE;
  jerry_heap_gc(JERRY_GC_PRESSURE_HIGH);
  return jerry_undefined();
}

void globals_install(void) {
  const jerry_value_t global = jerry_current_realm(), console = jerry_object();
  hal_method(global, "print", print);
  hal_method(global, "ticks", ticks);
  hal_method(global, "awake", awake);
  hal_method(global, "memory", memory);
  hal_method(global, "exit", exit_function);
  hal_method(global, "controller", controller);
  hal_method(global, "replay", replay);
  hal_method(global, "replaying", replaying);
  hal_method(global, "gc", collect);
  hal_method(console, "log", print);
  hal_property(global, "console", console);
  jerry_value_free(global);
}
