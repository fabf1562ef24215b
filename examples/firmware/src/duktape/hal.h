/* The HAL of hal/hal.ts, made of this board. */
#ifndef HAL_H
#define HAL_H

#include <duktape.h>

/* Makes the global `hal`. */
void hal_install(duk_context *context);

/* Hands what has been received to the script, and calls one timer that is due. Returns 0 where there was nothing to do. */
int hal_turn(duk_context *context);

/* Sleeps until there is something to do. */
void hal_rest(void);

/* Adds a native function to the object on top of the stack. */
void hal_method(duk_context *context, const char *name, duk_c_function function, int arguments);

/* Ends with what is on top of the stack, which nobody has caught. */
__attribute__((noreturn)) void hal_uncaught(duk_context *context);

#endif
