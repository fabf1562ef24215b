#include "heap.h"

#include <malloc.h>
#include <stdlib.h>

/* What the allocator keeps in front of each block. */
#define OVERHEAD 4

static size_t now, peak, allocations;

static size_t size_of(void *block) {
  return block ? malloc_usable_size(block) + OVERHEAD : 0;
}

static void count(size_t less, size_t more) {
  now += more - less;
  if (now > peak) peak = now;
}

void *heap_allocate(void *unused, size_t size) {
  void *const block = malloc(size);
  (void)unused;
  allocations++;
  count(0, size_of(block));
  return block;
}

void *heap_reallocate(void *unused, void *block, size_t size) {
  const size_t old = size_of(block);
  void *const moved = realloc(block, size);
  (void)unused;
  allocations++;
  /* Where there was no room for more the old block stays. */
  if (moved || !size) count(old, size_of(moved));
  return moved;
}

void heap_free(void *unused, void *block) {
  (void)unused;
  count(size_of(block), 0);
  free(block);
}

size_t heap_now(void) {
  return now;
}

size_t heap_peak(void) {
  return peak;
}

size_t heap_allocations(void) {
  return allocations;
}
