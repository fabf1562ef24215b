/*
 * What of duktape's own configuration is changed, included where its duk_config.h provides for that. Everything else is as in the release,
 * so that counts can be compared with those of others.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include "console.h"
#include "stack.h"

double engine_now(void);

/* A board has no calendar: Date counts from its start. Without these two the C library's time functions would be wanted. */
#undef DUK_USE_DATE_NOW_TIME
#undef DUK_USE_DATE_TZO_GMTIME
#define DUK_USE_DATE_GET_NOW(context) engine_now()
#define DUK_USE_DATE_GET_LOCAL_TZOFFSET(time) 0
#define DUK_USE_GET_MONOTONIC_TIME(context) engine_now()

/* Recursion that is too deep is a RangeError, as everywhere, and no fault. */
#define DUK_USE_NATIVE_STACK_CHECK() stack_is_short()
/* The compiler does not ask; it counts its levels, of 130 bytes mostly. */
#undef DUK_USE_COMPILER_RECLIMIT
#define DUK_USE_COMPILER_RECLIMIT 80

#define DUK_USE_FATAL_HANDLER(data, reason) die(reason)

#endif
