#include "globals.h"

#include "clock.h"
#include "console.h"
#include "controller.h"
#include "hal.h"
#include "heap.h"
#include "recording.h"
#include "stack.h"

/* print(...) and console.log(...): a line of the arguments as text, a space between them. */
static duk_ret_t print(duk_context *context) {
  duk_size_t length;
  const char *text;
  duk_push_literal(context, " ");
  duk_insert(context, 0);
  duk_join(context, duk_get_top(context) - 1);
  text = duk_get_lstring(context, -1, &length);
  console_write(text, length);
  console_write("\n", 1);
  return 0;
}

/* ticks(): the processor's clock since start-up, 25 MHz. */
static duk_ret_t ticks(duk_context *context) {
  duk_push_number(context, (double)clock_ticks());
  return 1;
}

/* awake(): as ticks(), without the time asleep. */
static duk_ret_t awake(duk_context *context) {
  duk_push_number(context, (double)(clock_ticks() - clock_slept()));
  return 1;
}

static void put_number(duk_context *context, const char *name, size_t value) {
  duk_push_number(context, (double)value);
  duk_put_prop_string(context, -2, name);
}

/* memory(): {heap, peak, stack, allocations}: bytes in use now, and at most so far; the deepest stack so far; how often memory was asked for. */
static duk_ret_t memory(duk_context *context) {
  const size_t now = heap_now();
  const size_t peak = heap_peak();
  const size_t allocations = heap_allocations();
  duk_push_object(context);
  put_number(context, "heap", now);
  put_number(context, "peak", peak);
  put_number(context, "stack", stack_used());
  put_number(context, "allocations", allocations);
  return 1;
}

/* exit(code) */
static duk_ret_t exit_function(duk_context *context) {
  quit(duk_get_int_default(context, 0, 0));
}

/* controller(answers): a Uint8Array for controller.h. */
static duk_ret_t controller(duk_context *context) {
  duk_size_t length;
  const uint8_t *const answers = duk_require_buffer_data(context, 0, &length);
  controller_use(answers, length);
  duk_push_heap_stash(context);
  duk_dup(context, 0);
  duk_put_prop_literal(context, -2, "answers");
  return 0;
}

/* replay(name): plays the next scene of the recording; false where that is none of this name. */
static duk_ret_t replay(duk_context *context) {
  duk_push_boolean(context, recording_play(duk_require_string(context, 0)));
  return 1;
}

/* replaying(): whether it is not at its end. */
static duk_ret_t replaying(duk_context *context) {
  duk_push_boolean(context, recording_playing());
  return 1;
}

/* gc(): collects garbage. Twice: what has a finalizer goes in the second round. */
static duk_ret_t collect(duk_context *context) {
  duk_gc(context, 0);
  duk_gc(context, 0);
  return 0;
}

void globals_install(duk_context *context) {
  duk_push_global_object(context);
  hal_method(context, "print", print, DUK_VARARGS);
  hal_method(context, "ticks", ticks, 0);
  hal_method(context, "awake", awake, 0);
  hal_method(context, "memory", memory, 0);
  hal_method(context, "exit", exit_function, 1);
  hal_method(context, "controller", controller, 1);
  hal_method(context, "replay", replay, 1);
  hal_method(context, "replaying", replaying, 0);
  hal_method(context, "gc", collect, 0);
  duk_push_object(context);
  hal_method(context, "log", print, DUK_VARARGS);
  duk_put_prop_literal(context, -2, "console");
  duk_pop(context);
}
