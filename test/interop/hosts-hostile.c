/*
 * A system that gives as little as POSIX lets it: reads and writes of a few bytes or of none, waits that end too early, signals in between. Linked into a host
 * with --wrap, so that its own calls come here. Always the same, by a seed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

ssize_t __real_read(int file, void *target, size_t length);
ssize_t __real_write(int file, const void *bytes, size_t length);
int __real_poll(struct pollfd *files, nfds_t count, int timeout);
int __real_ppoll(struct pollfd *files, nfds_t count, const struct timespec *timeout, const sigset_t *signals);
ssize_t __real_getrandom(void *target, size_t length, unsigned flags);

static uint32_t state = 1;

static uint32_t draw(uint32_t below) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % below;
}

/* One call in four fails; only what may be without data says that it is. Of the others some are short. Returns 0 where `length` is what to try. */
static int spoil(int file, size_t *length) {
  const uint32_t fate = draw(8);
  if (fate == 0 || (fate == 1 && isatty(file))) {
    errno = fate ? EAGAIN : EINTR;
    return -1;
  }
  if (fate < 5 && *length > 1) *length = 1 + draw(*length < 7 ? (uint32_t)*length : 7);
  return 0;
}

ssize_t __wrap_read(int file, void *target, size_t length) {
  return spoil(file, &length) ? -1 : __real_read(file, target, length);
}

ssize_t __wrap_write(int file, const void *bytes, size_t length) {
  return spoil(file, &length) ? -1 : __real_write(file, bytes, length);
}

ssize_t __wrap_getrandom(void *target, size_t length, unsigned flags) {
  return spoil(-1, &length) ? -1 : __real_getrandom(target, length, flags);
}

int __wrap_poll(struct pollfd *files, nfds_t count, int timeout) {
  const uint32_t fate = draw(4);
  if (fate == 0) {
    errno = EINTR;
    return -1;
  }
  return __real_poll(files, count, fate == 1 ? 0 : timeout);
}

int __wrap_ppoll(struct pollfd *files, nfds_t count, const struct timespec *timeout, const sigset_t *signals) {
  static const struct timespec none = { 0, 0 };
  return __real_ppoll(files, count, draw(4) ? timeout : &none, signals);
}
