/* What scripts find besides `hal`. */
#ifndef GLOBALS_H
#define GLOBALS_H

#include <duktape.h>

void globals_install(duk_context *context);

#endif
