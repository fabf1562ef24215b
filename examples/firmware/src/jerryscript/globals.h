/* What scripts find besides `hal`. */
#ifndef GLOBALS_H
#define GLOBALS_H

#include <jerryscript.h>

void globals_install(void);

#endif
