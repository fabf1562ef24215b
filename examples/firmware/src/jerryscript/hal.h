/* The HAL of hal/hal.ts, made of this board, for JerryScript. */
#ifndef HAL_H
#define HAL_H

#include <jerryscript.h>

/* Makes the global `hal`. */
void hal_install(void);

/* Hands what has been received to the script, and calls one timer that is due; else plays what is recorded. Returns 0 where there was nothing to do. */
int hal_turn(void);

/* Sleeps until there is something to do. */
void hal_rest(void);

/* Gives an object a property; the value is taken over. */
void hal_property(jerry_value_t object, const char *name, jerry_value_t value);

/* Adds a native function to an object. */
void hal_method(jerry_value_t object, const char *name, jerry_external_handler_t function);

/* Lets a result go; an exception, which nobody has caught, ends everything. */
void hal_done(jerry_value_t result);

#endif
