/* duktape 2, by its public API. */
#include <duktape.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "timers.h"

/* The first byte of a dumped function, which no script begins with. */
#define BYTECODE 0xbf

#define MOST_NATIVES 32

const char engine_name[] = "duktape";

struct call {
  duk_context *context;
  int results;
};

static duk_context *engine;

/* The native functions, by their functions' magic. */
static native *natives[MOST_NATIVES];
static int natives_used;

/*
 * What the engine may not collect stands in its heap's stash: `kept`, the callbacks by their slots, and `chunk`, the buffer in which bytes are handed
 * over.
 */

/* The heap: malloc, and a count. Each block has its size in front of it. */
typedef union {
  size_t size;
  long double aligned;
} header;

static size_t heap_limit, heap_now, heap_most;

static void *reallocate(void *unused, void *block, size_t size) {
  header *const old = block ? (header *)block - 1 : NULL;
  const size_t old_size = old ? old->size : 0;
  header *moved;
  (void)unused;
  if (!size) {
    heap_now -= old_size;
    free(old);
    return NULL;
  }
  /* The engine collects its garbage then, asks once more, and throws an error in the end. */
  if (heap_limit && size > old_size && heap_now - old_size + size > heap_limit) return NULL;
  moved = realloc(old, sizeof(header) + size);
  if (!moved) return NULL;
  moved->size = size;
  heap_now += size - old_size;
  if (heap_now > heap_most) heap_most = heap_now;
  return moved + 1;
}

static void *allocate(void *unused, size_t size) {
  return reallocate(unused, NULL, size);
}

static void release(void *unused, void *block) {
  reallocate(unused, block, 0);
}

static void fatal(void *unused, const char *message) {
  (void)unused;
  fprintf(stderr, "duktape: %s\n", message ? message : "fatal error");
  exit(10);
}

int call_number(struct call *call, int index, double *number) {
  if (!duk_is_number(call->context, index)) return 0;
  *number = duk_get_number(call->context, index);
  return 1;
}

int call_truth(struct call *call, int index) {
  return duk_is_valid_index(call->context, index) && duk_to_boolean(call->context, index);
}

uint8_t *call_bytes(struct call *call, int index, size_t *length) {
  static uint8_t nothing;
  duk_size_t size;
  uint8_t *bytes;
  if (!duk_is_buffer_data(call->context, index)) return NULL;
  bytes = duk_get_buffer_data(call->context, index, &size);
  *length = size;
  return bytes ? bytes : &nothing;
}

void call_text(struct call *call, int index, char *target, size_t size) {
  snprintf(target, size, "%s", duk_safe_to_string(call->context, index));
}

int call_count(struct call *call) {
  return duk_get_top(call->context);
}

static void push_kept(duk_context *context) {
  duk_push_heap_stash(context);
  duk_get_prop_literal(context, -1, "kept");
  duk_remove(context, -2);
}

int call_keep(struct call *call, int index, int slot) {
  if (!duk_is_function(call->context, index)) return 0;
  push_kept(call->context);
  duk_dup(call->context, index);
  duk_put_prop_index(call->context, -2, (duk_uarridx_t)slot);
  duk_pop(call->context);
  return 1;
}

void return_number(struct call *call, double number) {
  duk_push_number(call->context, number);
  call->results = 1;
}

void return_truth(struct call *call, int truth) {
  duk_push_boolean(call->context, truth != 0);
  call->results = 1;
}

void return_null(struct call *call) {
  duk_push_null(call->context);
  call->results = 1;
}

void return_bytes(struct call *call, const uint8_t *bytes, size_t length) {
  void *const copy = duk_push_fixed_buffer(call->context, length);
  memcpy(copy, bytes, length);
  duk_push_buffer_object(call->context, -1, 0, length, DUK_BUFOBJ_UINT8ARRAY);
  call->results = 1;
}

/* An error is thrown by a jump out of here and out of the native function below it: neither may hold anything then. */
static duk_ret_t dispatch(duk_context *context) {
  struct call call = { context, 0 };
  const char *const wrong = natives[duk_get_current_magic(context)](&call);
  if (wrong) return duk_error(context, DUK_ERR_ERROR, "%s", wrong);
  return call.results;
}

/* Prints the error on top of the stack, and takes it off; returns 0. */
static int uncaught(void) {
  fprintf(stderr, "%s\n", duk_safe_to_stacktrace(engine, -1));
  duk_pop(engine);
  return 0;
}

static duk_ret_t prepare(duk_context *context, void *unused) {
  (void)unused;
  duk_push_heap_stash(context);
  duk_push_array(context);
  /* All slots at once: later there may be no memory to make it longer. */
  for (duk_uarridx_t i = 0; i < SLOTS; i++) {
    duk_push_undefined(context);
    duk_put_prop_index(context, -2, i);
  }
  duk_put_prop_literal(context, -2, "kept");
  duk_push_external_buffer(context);
  duk_put_prop_literal(context, -2, "chunk");
  return 0;
}

int engine_start(size_t heap) {
  heap_limit = heap;
  engine = duk_create_heap(allocate, reallocate, release, NULL, fatal);
  if (!engine) {
    fprintf(stderr, "duktape does not start in so small a heap\n");
    return 0;
  }
  if (duk_safe_call(engine, prepare, NULL, 0, 1)) return uncaught();
  duk_pop(engine);
  return 1;
}

/* Goes from the object on top of the stack to a member, which is made if need be; "": stays. */
static void enter(const char *name) {
  if (!name[0]) return;
  if (!duk_get_prop_string(engine, -1, name)) {
    duk_pop(engine);
    duk_push_object(engine);
    duk_dup(engine, -1);
    duk_put_prop_string(engine, -3, name);
  }
  duk_remove(engine, -2);
}

void engine_define(const char *object, const char *member, const char *name, native *function, int arguments) {
  duk_push_global_object(engine);
  enter(object);
  enter(member);
  if (function) {
    if (natives_used == MOST_NATIVES) fatal(NULL, "too many native functions");
    natives[natives_used] = function;
    duk_push_c_function(engine, dispatch, arguments < 0 ? DUK_VARARGS : arguments);
    duk_set_magic(engine, -1, natives_used++);
    duk_put_prop_string(engine, -2, name);
  }
  duk_pop(engine);
}

void engine_define_truth(const char *object, const char *member, const char *name, int truth) {
  duk_push_global_object(engine);
  enter(object);
  enter(member);
  duk_push_boolean(engine, truth != 0);
  duk_put_prop_string(engine, -2, name);
  duk_pop(engine);
}

struct script {
  const char *name;
  const uint8_t *bytes;
  size_t length;
};

/* Pushes a script as a function. Of bytecode everything is copied into the heap: it spares the compiler, and no memory but the compiler's. */
static duk_ret_t load(duk_context *context, void *argument) {
  const struct script *const script = argument;
  if (script->bytes[0] == BYTECODE) {
    duk_push_external_buffer(context);
    duk_config_buffer(context, -1, (void *)script->bytes, script->length);
    duk_load_function(context);
  } else {
    duk_push_string(context, script->name);
    /* The text is read where it lies: it costs no heap. */
    duk_compile_lstring_filename(context, 0, (const char *)script->bytes, script->length);
  }
  return 1;
}

int engine_run(const char *name, uint8_t *script, size_t length) {
  struct script one = { name, script, length };
  if (duk_safe_call(engine, load, &one, 0, 1)) return uncaught();
  if (duk_pcall(engine, 0)) return uncaught();
  duk_pop(engine);
  /* Twice, as what has finalizers takes two rounds: the leavings of the compiler go. */
  duk_gc(engine, 0);
  duk_gc(engine, 0);
  return 1;
}

static duk_ret_t dump(duk_context *context, void *argument) {
  load(context, argument);
  duk_dump_function(context);
  return 1;
}

int engine_compile(const char *name, const uint8_t *script, size_t length, const char *target) {
  struct script one = { name, script, length };
  duk_size_t size;
  const void *bytes;
  FILE *file;
  int whole;
  if (duk_safe_call(engine, dump, &one, 0, 1)) return uncaught();
  bytes = duk_get_buffer_data(engine, -1, &size);
  file = fopen(target, "wb");
  whole = file && fwrite(bytes, 1, size, file) == size;
  if (file && fclose(file)) whole = 0;
  if (!whole) perror(target);
  duk_pop(engine);
  return whole;
}

/* What is to be called with what. */
struct event {
  int slot;
  const char *text;
  uint8_t *bytes;
  size_t length;
};

static duk_ret_t deliver(duk_context *context, void *argument) {
  const struct event *const event = argument;
  push_kept(context);
  if (!duk_get_prop_index(context, -1, (duk_uarridx_t)event->slot) || !duk_is_function(context, -1)) return 0;
  if (event->bytes) {
    duk_push_heap_stash(context);
    duk_get_prop_literal(context, -1, "chunk");
    duk_remove(context, -2);
    /* One buffer for ever, set to the bytes anew: receiving makes no garbage. A plain buffer is a Uint8Array to scripts. */
    duk_config_buffer(context, -1, event->bytes, event->length);
    duk_call(context, 1);
  } else {
    duk_push_undefined(context);
    duk_put_prop_index(context, -3, (duk_uarridx_t)event->slot);
    if (event->text) duk_push_string(context, event->text);
    duk_call(context, event->text ? 1 : 0);
  }
  return 0;
}

static int call_event(struct event event) {
  if (duk_safe_call(engine, deliver, &event, 0, 1)) return uncaught();
  duk_pop(engine);
  return 1;
}

int engine_call(int slot) {
  return call_event((struct event){ slot, NULL, NULL, 0 });
}

int engine_call_text(int slot, const char *text) {
  return call_event((struct event){ slot, text, NULL, 0 });
}

int engine_call_bytes(int slot, uint8_t *bytes, size_t length) {
  return call_event((struct event){ slot, NULL, bytes, length });
}

void engine_forget(int slot) {
  push_kept(engine);
  duk_push_undefined(engine);
  duk_put_prop_index(engine, -2, (duk_uarridx_t)slot);
  duk_pop(engine);
}

void engine_memory(size_t *now, size_t *most) {
  *now = heap_now;
  *most = heap_most;
}

void engine_stop(void) {
  duk_destroy_heap(engine);
}
