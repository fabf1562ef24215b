/* The engine's memory: the C library's allocator over the linker script's region, with its bytes counted. */
#ifndef HEAP_H
#define HEAP_H

#include <stddef.h>

/* Allocators as duktape wants them. */
void *heap_allocate(void *unused, size_t size);
void *heap_reallocate(void *unused, void *block, size_t size);
void heap_free(void *unused, void *block);

/* Bytes in use, the allocator's own included, and the most that ever were. */
size_t heap_now(void);
size_t heap_peak(void);

/* How often memory was asked for. */
size_t heap_allocations(void);

#endif
