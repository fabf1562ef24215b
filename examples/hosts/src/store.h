/* A set of bytes that outlives the program, in a file: whole at every moment. */
#ifndef STORE_H
#define STORE_H

#include <stddef.h>
#include <stdint.h>

/* The longest set that is kept, in bytes. Eight bonds with all their keys take less than half of it. */
#define STORE_MOST 4096

/* The bytes last saved, into `target` of STORE_MOST bytes; returns how many, -1 where there are none. */
long store_load(const char *path, uint8_t *target);

/* Keeps bytes in place of what was there; returns 0 where that failed: then what was there still is. */
int store_save(const char *path, const uint8_t *bytes, size_t length);

#endif
