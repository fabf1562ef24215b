/* Firmware that runs a script in JerryScript: the engine, the board as `hal`, and the loop. */
#include <jerryscript.h>
#include <string.h>

#include "clock.h"
#include "console.h"
#include "globals.h"
#include "hal.h"
#include "native.h"

/* The scripts, one after another, each ended by a 0 byte; an empty one is the end. */
extern const char scripts_start[];

static void put_number(jerry_value_t object, const char *name, double value) {
  hal_property(object, name, jerry_number(value));
}

static void put_heap(jerry_value_t object) {
  jerry_heap_stats_t stats = {.size = 0};
  jerry_heap_stats(&stats);
  put_number(object, "heap", (double)stats.allocated_bytes);
  put_number(object, "peak", (double)stats.peak_allocated_bytes);
}

/* Runs one script; returns what that took. */
static jerry_value_t run(const char *script) {
  const size_t length = strlen(script);
  const uint64_t begin = clock_ticks();
  const jerry_value_t code = jerry_parse((const jerry_char_t *)script, length, NULL);
  const uint64_t parsed = clock_ticks();
  if (jerry_value_is_exception(code)) hal_done(code);
  hal_done(jerry_run(code));
  const uint64_t done = clock_ticks();
  jerry_value_free(code);
  /* From here on the heap holds what the script needs, and no leavings of the parser. */
  jerry_heap_gc(JERRY_GC_PRESSURE_HIGH);
  const jerry_value_t took = jerry_object();
  put_number(took, "bytes", (double)length);
  put_number(took, "parse", (double)(parsed - begin));
  put_number(took, "run", (double)(done - parsed));
  put_heap(took);
  return took;
}

/* Runs all scripts. The global `boot` tells them what it took, in ticks and bytes: {engine, heap, scripts: [{bytes, parse, run, heap, peak}]}. */
static void run_all(uint64_t engine) {
  const jerry_value_t boot = jerry_object(), scripts = jerry_array(0), global = jerry_current_realm();
  uint32_t index = 0;
  put_number(boot, "engine", (double)engine);
  put_heap(boot);
  jerry_value_free(jerry_object_set_sz(boot, "scripts", scripts));
  hal_property(global, "boot", boot);
  jerry_value_free(global);
  for (const char *script = scripts_start; *script; script += strlen(script) + 1) {
    const jerry_value_t took = run(script);
    jerry_value_free(jerry_object_set_index(scripts, index++, took));
    jerry_value_free(took);
  }
  jerry_value_free(scripts);
}

int main(void) {
  clock_start();
  console_open();
  jerry_init(JERRY_INIT_EMPTY);
  hal_install();
  globals_install();
  native_install();
  jerry_heap_gc(JERRY_GC_PRESSURE_HIGH);
  run_all(clock_ticks());
  for (;;) {
    if (!hal_turn()) hal_rest();
  }
}
