/* What newlib asks of an operating system. There are no files; what is printed goes to the console. */
#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>

#include "console.h"

extern char heap_start[], heap_end[];

void *_sbrk(intptr_t more) {
  static char *end = heap_start;
  char *const begin = end;
  if (more > heap_end - end) {
    errno = ENOMEM;
    return (void *)-1;
  }
  end += more;
  return begin;
}

int _write(int file, const char *text, int length) {
  (void)file;
  console_write(text, (size_t)length);
  return length;
}

int _read(int file, char *target, int length) {
  (void)file, (void)target, (void)length;
  return 0;
}

int _lseek(int file, int offset, int whence) {
  (void)file, (void)offset, (void)whence;
  return 0;
}

int _fstat(int file, struct stat *status) {
  (void)file;
  status->st_mode = S_IFCHR;
  return 0;
}

int _isatty(int file) {
  (void)file;
  return 1;
}

int _close(int file) {
  (void)file;
  return -1;
}

int _getpid(void) {
  return 1;
}

int _kill(int process, int signal) {
  (void)process, (void)signal;
  errno = EINVAL;
  return -1;
}

void _exit(int code) {
  quit(code);
}
