#define _DEFAULT_SOURCE
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

long store_load(const char *path, uint8_t *target) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  size_t length = 0;
  ssize_t count;
  if (file < 0) return -1;
  do {
    count = read(file, target + length, STORE_MOST - length);
    if (count > 0) length += (size_t)count;
  } while ((count > 0 && length < STORE_MOST) || (count < 0 && errno == EINTR));
  close(file);
  return count < 0 ? -1 : (long)length;
}

static int write_all(int file, const uint8_t *bytes, size_t length) {
  while (length) {
    const ssize_t count = write(file, bytes, length);
    if (count < 0 && errno != EINTR) return 0;
    if (count > 0) bytes += count, length -= (size_t)count;
  }
  return 1;
}

/* So that the new name of a file outlives a power failure as its bytes do. */
static void sync_folder(const char *path) {
  char folder[PATH_MAX];
  char *slash;
  int file;
  snprintf(folder, sizeof folder, "%s", path);
  slash = strrchr(folder, '/');
  if (slash) slash[slash == folder] = 0;
  file = open(slash ? folder : ".", O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  fsync(file);
  close(file);
}

int store_save(const char *path, const uint8_t *bytes, size_t length) {
  char part[PATH_MAX];
  int file, whole;
  if (length > STORE_MOST || snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part) return 0;
  /* Keys: for nobody else to read. */
  file = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return 0;
  whole = write_all(file, bytes, length) && !fsync(file);
  if (close(file) || !whole || rename(part, path)) {
    unlink(part);
    return 0;
  }
  sync_folder(path);
  return 1;
}
