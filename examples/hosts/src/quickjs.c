/* QuickJS (Fabrice Bellard's, 2024 or later), by its public API. */
#include <quickjs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "timers.h"

/* What engine_compile puts in front of byte code, which has no mark of its own. No script begins so. */
static const char MARK[8] = "\x7fQuickJS";

#define MOST_NATIVES 32

const char engine_name[] = "QuickJS";

struct call {
  JSValueConst *arguments;
  int count;
  JSValue result;
};

static JSRuntime *runtime;
static JSContext *context;

/* The native functions, by their functions' magic. */
static native *natives[MOST_NATIVES];
static int natives_used;

static JSValue kept[SLOTS];

/* The ArrayBuffer around the bytes that are handed over. */
static JSValue chunk;

/* A value that may be an exception becomes undefined, and nobody hears of it. */
static JSValue calmed(JSValue value) {
  if (!JS_IsException(value)) return value;
  JS_FreeValue(context, JS_GetException(context));
  return JS_UNDEFINED;
}

int call_number(struct call *call, int index, double *number) {
  return index < call->count && JS_IsNumber(call->arguments[index]) && !JS_ToFloat64(context, number, call->arguments[index]);
}

int call_truth(struct call *call, int index) {
  return index < call->count && JS_ToBool(context, call->arguments[index]) > 0;
}

uint8_t *call_bytes(struct call *call, int index, size_t *length) {
  static uint8_t nothing;
  size_t offset, size, element, whole;
  JSValue buffer;
  uint8_t *bytes;
  if (index >= call->count || !JS_IsObject(call->arguments[index])) return NULL;
  buffer = calmed(JS_GetTypedArrayBuffer(context, call->arguments[index], &offset, &size, &element));
  if (!JS_IsObject(buffer)) return NULL;
  bytes = JS_GetArrayBuffer(context, &whole, buffer);
  /* The array, which is an argument, keeps it. */
  JS_FreeValue(context, buffer);
  if (element != 1) return NULL;
  *length = bytes ? size : 0;
  return bytes ? bytes + offset : &nothing;
}

/* The value is taken. */
static void copy_text(JSValue value, char *target, size_t size) {
  const char *const text = JS_ToCString(context, value);
  snprintf(target, size, "%s", text ? text : "");
  if (text) JS_FreeCString(context, text);
  else calmed(JS_EXCEPTION);
  JS_FreeValue(context, value);
}

void call_text(struct call *call, int index, char *target, size_t size) {
  copy_text(JS_DupValue(context, call->arguments[index]), target, size);
}

int call_count(struct call *call) {
  return call->count;
}

void engine_forget(int slot) {
  JS_FreeValue(context, kept[slot]);
  kept[slot] = JS_UNDEFINED;
}

int call_keep(struct call *call, int index, int slot) {
  if (index >= call->count || !JS_IsFunction(context, call->arguments[index])) return 0;
  engine_forget(slot);
  kept[slot] = JS_DupValue(context, call->arguments[index]);
  return 1;
}

void return_number(struct call *call, double number) {
  call->result = JS_NewFloat64(context, number);
}

void return_truth(struct call *call, int truth) {
  call->result = JS_NewBool(context, truth != 0);
}

void return_null(struct call *call) {
  call->result = JS_NULL;
}

/* A Uint8Array of a part of a buffer, which is not taken. */
static JSValue view(JSValueConst buffer, size_t length) {
  JSValue arguments[3] = { buffer, JS_NewInt32(context, 0), JS_NewInt64(context, (int64_t)length) };
  return JS_NewTypedArray(context, 3, arguments, JS_TYPED_ARRAY_UINT8);
}

void return_bytes(struct call *call, const uint8_t *bytes, size_t length) {
  const JSValue buffer = JS_NewArrayBufferCopy(context, bytes, length);
  call->result = JS_IsException(buffer) ? buffer : view(buffer, length);
  JS_FreeValue(context, buffer);
}

static JSValue dispatch(JSContext *unused, JSValueConst this, int count, JSValueConst *arguments, int magic) {
  struct call call = { arguments, count, JS_UNDEFINED };
  const char *const wrong = natives[magic](&call);
  JSValue error;
  (void)unused, (void)this;
  if (!wrong) return call.result;
  error = JS_NewError(context);
  JS_DefinePropertyValueStr(context, error, "message", JS_NewString(context, wrong), JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE);
  return JS_Throw(context, error);
}

/* Prints what has been thrown; returns 0. */
static int uncaught(void) {
  char text[512];
  const JSValue error = JS_GetException(context);
  const JSValue stack = JS_IsObject(error) ? calmed(JS_GetPropertyStr(context, error, "stack")) : JS_UNDEFINED;
  /* Where there is no memory for an error, either. */
  if (JS_IsNull(error)) fprintf(stderr, "out of memory: ");
  copy_text(error, text, sizeof text);
  fprintf(stderr, "%s\n", text);
  if (JS_IsUndefined(stack)) return 0;
  copy_text(stack, text, sizeof text);
  fputs(text, stderr);
  return 0;
}

/* Takes the result of a call, and does what scripts have promised; 0 where an error was not caught. */
static int finish(JSValue result) {
  JSContext *other;
  int jobs;
  if (JS_IsException(result)) return uncaught();
  JS_FreeValue(context, result);
  while ((jobs = JS_ExecutePendingJob(runtime, &other)) > 0);
  return jobs < 0 ? uncaught() : 1;
}

int engine_start(size_t heap) {
  runtime = JS_NewRuntime();
  if (runtime && heap) JS_SetMemoryLimit(runtime, heap);
  context = runtime ? JS_NewContext(runtime) : NULL;
  if (!context) {
    fprintf(stderr, "QuickJS does not start in so small a heap\n");
    return 0;
  }
  for (int i = 0; i < SLOTS; i++) kept[i] = JS_UNDEFINED;
  chunk = JS_UNDEFINED;
  return 1;
}

/* Goes from an object, which is taken, to a member, which is made if need be; "": stays. */
static JSValue enter(JSValue object, const char *name) {
  JSValue member;
  if (!name[0]) return object;
  member = calmed(JS_GetPropertyStr(context, object, name));
  if (!JS_IsObject(member)) {
    member = JS_NewObject(context);
    JS_SetPropertyStr(context, object, name, JS_DupValue(context, member));
  }
  JS_FreeValue(context, object);
  return member;
}

static void define(const char *object, const char *member, const char *name, JSValue value) {
  const JSValue owner = enter(enter(JS_GetGlobalObject(context), object), member);
  if (name[0]) JS_SetPropertyStr(context, owner, name, value);
  JS_FreeValue(context, owner);
}

void engine_define(const char *object, const char *member, const char *name, native *function, int arguments) {
  JSValue value = JS_UNDEFINED;
  if (function) {
    if (natives_used == MOST_NATIVES) abort();
    natives[natives_used] = function;
    value = JS_NewCFunctionMagic(context, dispatch, name, arguments < 0 ? 0 : arguments, JS_CFUNC_generic_magic, natives_used++);
  }
  define(object, member, name, value);
}

void engine_define_truth(const char *object, const char *member, const char *name, int truth) {
  define(object, member, name, JS_NewBool(context, truth != 0));
}

/* A script out of text. The compiler wants a 0 byte behind it, which a file has not. */
static JSValue evaluate(const char *name, const uint8_t *script, size_t length, int flags) {
  char *const text = malloc(length + 1);
  JSValue value;
  if (!text) return JS_ThrowOutOfMemory(context);
  memcpy(text, script, length);
  text[length] = 0;
  value = JS_Eval(context, text, length, name, JS_EVAL_TYPE_GLOBAL | flags);
  free(text);
  return value;
}

int engine_run(const char *name, uint8_t *script, size_t length) {
  JSValue function;
  if (length <= sizeof MARK || memcmp(script, MARK, sizeof MARK)) return finish(evaluate(name, script, length, 0));
  /* The byte code stays where it is if its names get the numbers that they had in the compiler, as in an engine that was made in the same way. Else it is copied. */
  function = JS_ReadObject(context, script + sizeof MARK, length - sizeof MARK, JS_READ_OBJ_BYTECODE | JS_READ_OBJ_ROM_DATA);
  return JS_IsException(function) ? uncaught() : finish(JS_EvalFunction(context, function));
}

int engine_compile(const char *name, const uint8_t *script, size_t length, const char *target) {
  const JSValue function = evaluate(name, script, length, JS_EVAL_FLAG_COMPILE_ONLY);
  uint8_t *bytes;
  size_t size;
  FILE *file;
  int whole;
  if (JS_IsException(function)) return uncaught();
  bytes = JS_WriteObject(context, &size, function, JS_WRITE_OBJ_BYTECODE);
  JS_FreeValue(context, function);
  if (!bytes) return uncaught();
  file = fopen(target, "wb");
  whole = file && fwrite(MARK, 1, sizeof MARK, file) == sizeof MARK && fwrite(bytes, 1, size, file) == size;
  if (file && fclose(file)) whole = 0;
  if (!whole) perror(target);
  js_free(context, bytes);
  return whole;
}

/* Calls a function, which is taken as its argument is. */
static int call_with(JSValue function, JSValue argument, int count) {
  int whole = 1;
  if (JS_IsException(argument)) whole = uncaught();
  else if (JS_IsFunction(context, function)) whole = finish(JS_Call(context, function, JS_UNDEFINED, count, &argument));
  JS_FreeValue(context, argument);
  JS_FreeValue(context, function);
  return whole;
}

static JSValue take(int slot) {
  const JSValue function = kept[slot];
  kept[slot] = JS_UNDEFINED;
  return function;
}

int engine_call(int slot) {
  return call_with(take(slot), JS_UNDEFINED, 0);
}

int engine_call_text(int slot, const char *text) {
  return call_with(take(slot), JS_NewString(context, text), 1);
}

int engine_call_bytes(int slot, uint8_t *bytes, size_t length) {
  /* Without a function to free them the bytes are ours. */
  if (JS_IsUndefined(chunk)) chunk = calmed(JS_NewArrayBuffer(context, bytes, CHUNK, NULL, NULL, 0));
  return call_with(JS_DupValue(context, kept[slot]), view(chunk, length), 1);
}

void engine_memory(size_t *now, size_t *most) {
  JSMemoryUsage usage;
  JS_ComputeMemoryUsage(runtime, &usage);
  *now = (size_t)usage.malloc_size;
  *most = 0;
}

void engine_stop(void) {
  for (int i = 0; i < SLOTS; i++) engine_forget(i);
  JS_FreeValue(context, chunk);
  JS_FreeContext(context);
  JS_FreeRuntime(runtime);
}
