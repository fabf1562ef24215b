/* JerryScript 3.0, by its public API. */
#include <jerryscript-port.h>
#include <jerryscript.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "timers.h"

/* The strings of static snapshots, where ../snapshot.mjs has made some. */
#ifdef STRINGS
#include STRINGS
#endif

/* How a snapshot begins, jerry_snapshot_header_t; no script begins so. */
#define SNAPSHOT "JRRY"

#define MOST_NATIVES 32

const char engine_name[] = "JerryScript";

struct call {
  const jerry_value_t *arguments;
  jerry_length_t count;
  jerry_value_t result;
};

static struct row {
  native *function;
} natives[MOST_NATIVES];
static int natives_used;

static jerry_value_t kept[SLOTS];

/* The ArrayBuffer around the bytes that are handed over. */
static jerry_value_t chunk;

static const jerry_object_native_info_t ROW = { NULL, 0, 0 };

/* The heap, in the one piece in which a JerryScript with an external context wants it. Others have a heap of a fixed size. */
static size_t heap_wanted;
static struct jerry_context_t *context;

size_t jerry_port_context_alloc(size_t size) {
  const size_t heap = heap_wanted ? heap_wanted : 512 * 1024;
  heap_wanted = 0;
  context = malloc(size + heap);
  return size + heap;
}

struct jerry_context_t *jerry_port_context_get(void) {
  return context;
}

void jerry_port_context_free(void) {
  free(context);
}

/* There is no way back from here: on a board this is a reset. */
void jerry_port_fatal(jerry_fatal_code_t code) {
  fprintf(stderr, "JerryScript: %s (%d)\n", code == JERRY_FATAL_OUT_OF_MEMORY ? "out of memory" : "fatal error", (int)code);
  exit(10);
}

int call_number(struct call *call, int index, double *number) {
  if ((jerry_length_t)index >= call->count || !jerry_value_is_number(call->arguments[index])) return 0;
  *number = jerry_value_as_number(call->arguments[index]);
  return 1;
}

int call_truth(struct call *call, int index) {
  return (jerry_length_t)index < call->count && jerry_value_to_boolean(call->arguments[index]);
}

uint8_t *call_bytes(struct call *call, int index, size_t *length) {
  static uint8_t nothing;
  jerry_size_t offset, size;
  jerry_value_t buffer;
  uint8_t *bytes;
  if ((jerry_length_t)index >= call->count || jerry_typedarray_type(call->arguments[index]) != JERRY_TYPEDARRAY_UINT8) return NULL;
  buffer = jerry_typedarray_buffer(call->arguments[index], &offset, &size);
  bytes = jerry_arraybuffer_data(buffer);
  /* The array, which is an argument, keeps it. */
  jerry_value_free(buffer);
  *length = bytes ? size : 0;
  return bytes ? bytes + offset : &nothing;
}

/* Ends with a 0 byte. The value is taken. */
static void copy_text(jerry_value_t value, char *target, size_t size) {
  const jerry_value_t text = jerry_value_to_string(value);
  const jerry_size_t length = jerry_value_is_string(text) ? jerry_string_to_buffer(text, JERRY_ENCODING_UTF8, (jerry_char_t *)target, (jerry_size_t)size - 1) : 0;
  target[length] = 0;
  jerry_value_free(text);
  jerry_value_free(value);
}

void call_text(struct call *call, int index, char *target, size_t size) {
  copy_text(jerry_value_copy(call->arguments[index]), target, size);
}

int call_count(struct call *call) {
  return (int)call->count;
}

void engine_forget(int slot) {
  jerry_value_free(kept[slot]);
  kept[slot] = jerry_undefined();
}

int call_keep(struct call *call, int index, int slot) {
  if ((jerry_length_t)index >= call->count || !jerry_value_is_function(call->arguments[index])) return 0;
  engine_forget(slot);
  kept[slot] = jerry_value_copy(call->arguments[index]);
  return 1;
}

void return_number(struct call *call, double number) {
  call->result = jerry_number(number);
}

void return_truth(struct call *call, int truth) {
  call->result = jerry_boolean(truth != 0);
}

void return_null(struct call *call) {
  call->result = jerry_null();
}

void return_bytes(struct call *call, const uint8_t *bytes, size_t length) {
  jerry_size_t offset = 0, size;
  jerry_value_t buffer;
  call->result = jerry_typedarray(JERRY_TYPEDARRAY_UINT8, (jerry_length_t)length);
  buffer = jerry_typedarray_buffer(call->result, &offset, &size);
  if (length) memcpy(jerry_arraybuffer_data(buffer) + offset, bytes, length);
  jerry_value_free(buffer);
}

static jerry_value_t dispatch(const jerry_call_info_t *info, const jerry_value_t arguments[], const jerry_length_t count) {
  struct call call = { arguments, count, jerry_undefined() };
  const struct row *const row = jerry_object_get_native_ptr(info->function, &ROW);
  const char *const wrong = row->function(&call);
  return wrong ? jerry_throw_sz(JERRY_ERROR_COMMON, wrong) : call.result;
}

/* Takes the result of a call, and prints it if it is an error, with where it happened; 0 then. */
static int finish(jerry_value_t result) {
  char text[512];
  jerry_value_t error, stack;
  int whole = 1;
  if (jerry_value_is_exception(result)) {
    whole = 0;
    error = jerry_exception_value(result, true);
    if (jerry_value_is_null(error)) fprintf(stderr, "out of memory in the compiler: ");
    stack = jerry_value_is_object(error) ? jerry_object_get_sz(error, "stack") : jerry_undefined();
    copy_text(error, text, sizeof text);
    fprintf(stderr, "%s\n", text);
    if (jerry_value_is_array(stack)) {
      for (uint32_t i = 0; i < jerry_array_length(stack); i++) {
        copy_text(jerry_object_get_index(stack, i), text, sizeof text);
        fprintf(stderr, "    at %s\n", text);
      }
    }
    jerry_value_free(stack);
  } else {
    jerry_value_free(result);
    /* What a script has promised. */
    result = jerry_run_jobs();
    if (jerry_value_is_exception(result)) return finish(result);
    jerry_value_free(result);
  }
  return whole;
}

/*
 * JerryScript frees the bytes of an external ArrayBuffer by itself, as if they were of its heap, unless it is told of an allocator. Those that have something
 * in `user` are not of its heap.
 */
static void free_bytes(jerry_arraybuffer_type_t type, uint8_t *bytes, uint32_t size, void *user, void *allocator) {
  (void)type, (void)allocator;
  if (!user) jerry_heap_free(bytes, size);
}

int engine_start(size_t heap) {
  heap_wanted = heap;
  jerry_init(JERRY_INIT_EMPTY);
  if (heap && heap_wanted) {
    fprintf(stderr, "this JerryScript has a heap of a fixed size\n");
    return 0;
  }
#ifdef STRINGS
  jerry_register_magic_strings((const jerry_char_t *const *)strings, STRING_COUNT, string_lengths);
  /* Lines are not in static snapshots, and looked for there at every error. */
  if (jerry_feature_enabled(JERRY_FEATURE_LINE_INFO)) {
    fprintf(stderr, "static snapshots need a JerryScript without line-info\n");
    return 0;
  }
#endif
  jerry_arraybuffer_allocator(NULL, free_bytes, NULL);
  for (int i = 0; i < SLOTS; i++) kept[i] = jerry_undefined();
  chunk = jerry_undefined();
  return 1;
}

/* Goes from an object, which is taken, to a member, which is made if need be; "": stays. */
static jerry_value_t enter(jerry_value_t object, const char *name) {
  jerry_value_t member;
  if (!name[0]) return object;
  member = jerry_object_get_sz(object, name);
  if (!jerry_value_is_object(member)) {
    jerry_value_free(member);
    member = jerry_object();
    jerry_value_free(jerry_object_set_sz(object, name, member));
  }
  jerry_value_free(object);
  return member;
}

static void define(const char *object, const char *member, const char *name, jerry_value_t value) {
  const jerry_value_t owner = enter(enter(jerry_current_realm(), object), member);
  if (name[0]) jerry_value_free(jerry_object_set_sz(owner, name, value));
  jerry_value_free(value);
  jerry_value_free(owner);
}

void engine_define(const char *object, const char *member, const char *name, native *function, int arguments) {
  jerry_value_t value = jerry_undefined();
  (void)arguments;
  if (function) {
    if (natives_used == MOST_NATIVES) jerry_port_fatal(JERRY_FATAL_FAILED_ASSERTION);
    natives[natives_used].function = function;
    value = jerry_function_external(dispatch);
    jerry_object_set_native_ptr(value, &ROW, &natives[natives_used++]);
  }
  define(object, member, name, value);
}

void engine_define_truth(const char *object, const char *member, const char *name, int truth) {
  define(object, member, name, jerry_boolean(truth != 0));
}

int engine_run(const char *name, uint8_t *script, size_t length) {
  jerry_parse_options_t options;
  jerry_value_t parsed, result;
  /* The byte code stays where it is. Strings and the tables of functions go into the heap, but for static snapshots. */
  if (length > 4 && !memcmp(script, SNAPSHOT, 4)) {
    return finish(jerry_exec_snapshot((const uint32_t *)(void *)script, length, 0, JERRY_SNAPSHOT_EXEC_ALLOW_STATIC, NULL));
  }
  memset(&options, 0, sizeof options);
  options.options = JERRY_PARSE_HAS_SOURCE_NAME;
  options.source_name = jerry_string_sz(name);
  parsed = jerry_parse(script, length, &options);
  jerry_value_free(options.source_name);
  if (jerry_value_is_exception(parsed)) return finish(parsed);
  result = jerry_run(parsed);
  jerry_value_free(parsed);
  return finish(result);
}

int engine_compile(const char *name, const uint8_t *script, size_t length, const char *target) {
  (void)name, (void)script, (void)length, (void)target;
  fprintf(stderr, "snapshots are made by JerryScript's own program: jerry-snapshot generate SCRIPT -o TARGET\n");
  return 0;
}

/* Calls a function, which is taken as its argument is. */
static int call_with(jerry_value_t function, jerry_value_t argument, jerry_size_t count) {
  jerry_value_t this, result;
  if (!jerry_value_is_function(function)) {
    jerry_value_free(argument);
    jerry_value_free(function);
    return 1;
  }
  this = jerry_undefined();
  result = jerry_call(function, this, &argument, count);
  jerry_value_free(argument);
  jerry_value_free(function);
  return finish(result);
}

static jerry_value_t take(int slot) {
  const jerry_value_t function = kept[slot];
  kept[slot] = jerry_undefined();
  return function;
}

int engine_call(int slot) {
  return call_with(take(slot), jerry_undefined(), 0);
}

int engine_call_text(int slot, const char *text) {
  return call_with(take(slot), jerry_string_sz(text), 1);
}

int engine_call_bytes(int slot, uint8_t *bytes, size_t length) {
  if (jerry_value_is_undefined(chunk)) chunk = jerry_arraybuffer_external(bytes, CHUNK, bytes);
  /* An array's length cannot be changed: 24 bytes of garbage. */
  return call_with(jerry_value_copy(kept[slot]), jerry_typedarray_with_buffer_span(JERRY_TYPEDARRAY_UINT8, chunk, 0, (jerry_length_t)length), 1);
}

void engine_memory(size_t *now, size_t *most) {
  jerry_heap_stats_t stats;
  *now = *most = 0;
  memset(&stats, 0, sizeof stats);
  if (!jerry_heap_stats(&stats)) return;
  *now = stats.allocated_bytes;
  *most = stats.peak_allocated_bytes;
}

void engine_stop(void) {
  for (int i = 0; i < SLOTS; i++) engine_forget(i);
  jerry_value_free(chunk);
  chunk = jerry_undefined();
  jerry_cleanup();
}
