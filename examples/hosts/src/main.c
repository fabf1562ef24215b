/* A program that runs scripts in an engine, with a Bluetooth controller at a serial port as `hal`. See ../README.md. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "engine.h"
#include "hal.h"

/* How long scripts may take to end: links are given a second. */
#define LEAVE 1500000000u

#define MOST_SCRIPTS 16

static volatile sig_atomic_t told_to_end;

static void on_signal(int number) {
  (void)number;
  told_to_end = 1;
}

static int usage(const char *program) {
  fprintf(stderr,
          "%s --port DEVICE [--flow] [--store FILE] [--heap KB] [--no-aes] [--no-p256] [--stats] SCRIPT...\n"
          "%s --compile SCRIPT TARGET\n",
          program, program);
  return 2;
}

/*
 * Maps a file, as scripts of a board lie in its flash: what runs in place costs no memory. It may be written to, which changes no file: JerryScript 3.0 does so to
 * its snapshots. An empty file is an error, too.
 */
static uint8_t *map(const char *path, size_t *length) {
  struct stat status;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  void *bytes = MAP_FAILED;
  if (file >= 0 && !fstat(file, &status) && status.st_size > 0) bytes = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  if (bytes == MAP_FAILED) {
    fprintf(stderr, "%s: %s\n", path, file < 0 || errno ? strerror(errno) : "empty");
    if (file >= 0) close(file);
    return NULL;
  }
  close(file);
  *length = (size_t)status.st_size;
  return bytes;
}

static int compile(const char *script, const char *target) {
  size_t length;
  uint8_t *const bytes = map(script, &length);
  int done;
  if (!bytes || !engine_start(0)) return 1;
  done = engine_compile(script, bytes, length, target);
  engine_stop();
  munmap(bytes, length);
  return !done;
}

/* Serves until told to end, then until scripts have closed the port. Returns the exit code. */
static int serve(void) {
  uint64_t end = UINT64_MAX;
  for (;;) {
    if (!hal_turn()) return 1;
    if (told_to_end && end == UINT64_MAX) {
      end = clock_ticks() + LEAVE;
      if (!engine_call(SLOT_EXIT)) return 1;
    }
    if (end != UINT64_MAX && (!hal_is_open() || clock_ticks() >= end)) return 0;
    if (!hal_waits()) break;
    hal_rest(end);
  }
  /* The stack has given up. */
  fprintf(stderr, "nothing is left to wait for\n");
  return 1;
}

static void print_memory(void) {
  size_t now, most;
  engine_memory(&now, &most);
  fprintf(stderr, "%s heap: %zu bytes", engine_name, now);
  if (most) fprintf(stderr, ", %zu at most", most);
  fprintf(stderr, "\n");
}

int main(int count, char **words) {
  struct settings settings = { NULL, 0, NULL, 1, 1 };
  struct sigaction action;
  sigset_t signals;
  const char *scripts[MOST_SCRIPTS];
  uint8_t *bytes[MOST_SCRIPTS] = { NULL };
  size_t lengths[MOST_SCRIPTS];
  size_t heap = 0;
  int number = 0, stats = 0, code = 0;
  if (count == 4 && !strcmp(words[1], "--compile")) return compile(words[2], words[3]);
  for (int i = 1; i < count; i++) {
    const char *const word = words[i];
    const char *const value = i + 1 < count ? words[i + 1] : NULL;
    if (!strcmp(word, "--port") && value) settings.port = words[++i];
    else if (!strcmp(word, "--flow")) settings.flow = 1;
    else if (!strcmp(word, "--store") && value) settings.store = words[++i];
    else if (!strcmp(word, "--heap") && value) heap = strtoul(words[++i], NULL, 10) * 1024;
    else if (!strcmp(word, "--no-aes")) settings.aes = 0;
    else if (!strcmp(word, "--no-p256")) settings.p256 = 0;
    else if (!strcmp(word, "--stats")) stats = 1;
    else if (word[0] == '-' || number == MOST_SCRIPTS) return usage(words[0]);
    else scripts[number++] = word;
  }
  if (!settings.port || !number) return usage(words[0]);

  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);

  if (!engine_start(heap)) return 1;
  hal_install(&settings);
  for (int i = 0; i < number && !code; i++) {
    bytes[i] = map(scripts[i], &lengths[i]);
    if (!bytes[i] || !engine_run(scripts[i], bytes[i], lengths[i])) code = 1;
    if (stats) print_memory();
  }
  if (!code && hal_waits()) code = serve();
  if (stats) print_memory();
  engine_stop();
  for (int i = 0; i < number; i++) if (bytes[i]) munmap(bytes[i], lengths[i]);
  return code;
}
