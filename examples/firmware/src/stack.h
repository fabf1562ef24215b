#ifndef STACK_H
#define STACK_H

#include <stddef.h>

/* The deepest that the stack has ever been, in bytes. */
size_t stack_used(void);

/* Whether it is time to refuse another level of recursion. */
int stack_is_short(void);

#endif
