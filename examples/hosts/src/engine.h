/*
 * What the host asks of an engine. duktape.c, jerry.c and quickjs.c each implement all of it, and nothing else in the host knows which engine
 * it has. Everything here is called from one thread, and none of it from a signal handler.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stddef.h>
#include <stdint.h>

/* Callbacks of scripts that are kept, by their slots. Those of timers follow, a slot for each. */
enum { SLOT_RECEIVE, SLOT_FAULT, SLOT_EXIT, SLOT_TIMER };
#define SLOTS (SLOT_TIMER + TIMERS)

/* A call of a native function: its arguments, and what it will return, undefined unless it is set. Each engine has its own. */
struct call;

/* A native function. Returns NULL, or in words why it throws an Error: then nothing has been returned or kept. */
typedef const char *native(struct call *call);

/* The number that is an argument; 0 where it is none. */
int call_number(struct call *call, int index, double *number);

/* Whether an argument is true in a condition. */
int call_truth(struct call *call, int index);

/* The bytes of an argument that is a Uint8Array, where they lie; valid until the call returns. NULL where it is none. */
uint8_t *call_bytes(struct call *call, int index, size_t *length);

/* An argument as text, cut to what there is room for and ended by a 0 byte. */
void call_text(struct call *call, int index, char *target, size_t size);

/* How many arguments there are. */
int call_count(struct call *call);

/* Keeps an argument that is a function in a slot, in place of what was there; 0 where it is none. */
int call_keep(struct call *call, int index, int slot);

/* What the call returns. Bytes are copied into a Uint8Array. */
void return_number(struct call *call, double number);
void return_truth(struct call *call, int truth);
void return_null(struct call *call);
void return_bytes(struct call *call, const uint8_t *bytes, size_t length);

/* The engine's name, for messages. */
extern const char engine_name[];

/* Starts the engine with a heap of so many bytes; 0: as many as it asks for. Returns 0 where that cannot be. */
int engine_start(size_t heap);

/*
 * Makes a function, as a property of a property of a global object: "hal", "uart", "open" is `hal.uart.open`. Empty strings shorten the path; the objects on
 * the way are made. NULL makes these objects and nothing else. `arguments`: how many the function takes; -1: any number.
 */
void engine_define(const char *object, const char *member, const char *name, native *function, int arguments);

/* The same for a value that is true or false. */
void engine_define_truth(const char *object, const char *member, const char *name, int truth);

/*
 * Runs a script: text, or what the engine has compiled before. Compiled code is used where it lies if the engine can, and may be changed there: it has to stay
 * there until engine_stop. Returns 0 where an error was not caught, which has been printed.
 */
int engine_run(const char *name, uint8_t *script, size_t length);

/* Compiles a script to what engine_run takes, into a file. Returns 0 where that failed or the engine has another tool for it, which has been printed. */
int engine_compile(const char *name, const uint8_t *script, size_t length, const char *target);

/*
 * Calls what is kept in a slot, and keeps it no more: with nothing, or with a text. Nothing is kept: no error. Returns 0 where an error was not caught, which
 * has been printed.
 */
int engine_call(int slot);
int engine_call_text(int slot, const char *text);

/* How many bytes are handed over at once at the most. On a 2 Mbit/s line that is what comes in 10 ms. */
#define CHUNK 2048

/*
 * Calls what is kept in a slot with a Uint8Array of the first `length` bytes of `chunk`, and goes on keeping it. `chunk` is always the same one, of CHUNK
 * bytes, which change after the call.
 */
int engine_call_bytes(int slot, uint8_t *chunk, size_t length);

/* Keeps what is in a slot no more. */
void engine_forget(int slot);

/* Bytes of the engine's heap in use, and at most so far; 0 where it does not tell. */
void engine_memory(size_t *now, size_t *most);

void engine_stop(void);

#endif
