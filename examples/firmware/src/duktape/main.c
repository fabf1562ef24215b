/* Firmware that runs a script: the engine, the board as `hal`, and the loop. */
#include <duktape.h>
#include <string.h>

#include "clock.h"
#include "console.h"
#include "globals.h"
#include "hal.h"
#include "heap.h"
#include "native.h"

/* The scripts, one after another, each ended by a 0 byte; an empty one is the end. */
extern const char scripts_start[];

double engine_now(void) {
  return (double)clock_ticks() / TICKS_PER_MS;
}

static void put_number(duk_context *context, const char *name, double value) {
  duk_push_number(context, value);
  duk_put_prop_string(context, -2, name);
}

/* Runs one script, and adds to the list on top of the stack what that took. */
static void run(duk_context *context, const char *script, duk_uarridx_t index) {
  const size_t length = strlen(script);
  uint64_t begin, parsed, done;
  duk_push_sprintf(context, "script%lu", (unsigned long)index);
  begin = clock_ticks();
  /* The text is read where it lies: it costs no heap. */
  if (duk_pcompile_lstring_filename(context, 0, script, length)) hal_uncaught(context);
  parsed = clock_ticks();
  if (duk_pcall(context, 0)) hal_uncaught(context);
  done = clock_ticks();
  duk_pop(context);
  /* Twice, as what has finalizers takes two rounds: from here on the heap holds what the script needs, and no leavings of the parser. */
  duk_gc(context, 0);
  duk_gc(context, 0);
  duk_push_object(context);
  put_number(context, "bytes", (double)length);
  put_number(context, "parse", (double)(parsed - begin));
  put_number(context, "run", (double)(done - parsed));
  put_number(context, "heap", (double)heap_now());
  put_number(context, "peak", (double)heap_peak());
  duk_put_prop_index(context, -2, index);
}

/* Runs all scripts. The global `boot` tells them what it took, in ticks and bytes: {engine, heap, scripts: [{bytes, parse, run, heap, peak}]}. */
static void run_all(duk_context *context, uint64_t engine) {
  duk_uarridx_t index = 0;
  duk_push_object(context);
  put_number(context, "engine", (double)engine);
  put_number(context, "heap", (double)heap_now());
  duk_push_array(context);
  duk_dup(context, -1);
  duk_put_prop_literal(context, -3, "scripts");
  duk_dup(context, -2);
  duk_put_global_literal(context, "boot");
  for (const char *script = scripts_start; *script; script += strlen(script) + 1) run(context, script, index++);
  duk_pop_2(context);
}

int main(void) {
  duk_context *context;
  uint64_t engine;
  clock_start();
  console_open();
  context = duk_create_heap(heap_allocate, heap_reallocate, heap_free, NULL, NULL);
  if (!context) die("no room for the engine");
  hal_install(context);
  globals_install(context);
  native_install(context);
  /* So that the first collection does not fall into the middle of something. */
  duk_gc(context, 0);
  engine = clock_ticks();
  run_all(context, engine);
  for (;;) {
    if (!hal_turn(context)) hal_rest();
  }
}
