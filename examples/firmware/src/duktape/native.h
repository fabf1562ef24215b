/* What the board computes faster than its scripts do. */
#ifndef NATIVE_H
#define NATIVE_H

#include <duktape.h>

/* Makes the global `native`, {aes, p256public, p256shared}: what `hal.crypto` may be. */
void native_install(duk_context *context);

#endif
