#define _GNU_SOURCE
#include "hal.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "crypto.h"
#include "engine.h"
#include "serial.h"
#include "store.h"
#include "timers.h"

/* Nanoseconds of a millisecond. */
#define TICKS_PER_MS 1e6

static struct settings board;
static int is_open;

/* The script has been told that the line is gone. */
static int told;

static uint8_t chunk[CHUNK];

static const char *uart_open(struct call *call) {
  double baud;
  const char *wrong;
  if (!call_number(call, 0, &baud) || !(baud >= 1 && baud <= 4000000)) return "uart.open: no such rate";
  if (call_truth(call, 1) && !board.flow) return "uart.open: there is no flow control";
  if (!call_keep(call, 2, SLOT_RECEIVE) || !call_keep(call, 3, SLOT_FAULT)) return "uart.open: receive and fault are no functions";
  wrong = serial_open(board.port, (uint32_t)baud, call_truth(call, 1));
  if (!wrong) is_open = 1, told = 0;
  else if (!is_open) {
    engine_forget(SLOT_RECEIVE);
    engine_forget(SLOT_FAULT);
  }
  return wrong;
}

static const char *uart_write(struct call *call) {
  size_t size;
  double offset, length;
  const uint8_t *const bytes = call_bytes(call, 0, &size);
  if (!bytes || !call_number(call, 1, &offset) || !call_number(call, 2, &length)) return "uart.write: not a Uint8Array and two numbers";
  if (!(offset >= 0 && length >= 0 && offset + length <= (double)size)) return "uart.write: these bytes do not lie in the array";
  if (!is_open) return "uart.write: the port is not open";
  serial_write(bytes + (size_t)offset, (size_t)length);
  return NULL;
}

static const char *uart_close(struct call *call) {
  (void)call;
  serial_close();
  is_open = 0;
  engine_forget(SLOT_RECEIVE);
  engine_forget(SLOT_FAULT);
  return NULL;
}

static const char *timer_now(struct call *call) {
  return_number(call, clock_now());
  return NULL;
}

static const char *timer_set(struct call *call) {
  double milliseconds;
  int slot;
  if (!call_number(call, 0, &milliseconds) || !(milliseconds >= 0 && milliseconds < 2147483648.0)) return "timer.set: not 0 to 2^31 - 1 milliseconds";
  slot = timers_set(clock_ticks() + (uint64_t)ceil(milliseconds * TICKS_PER_MS));
  if (slot < 0) return "timer.set: all timers run";
  if (!call_keep(call, 1, SLOT_TIMER + slot)) {
    timers_clear(timers_number(slot));
    return "timer.set: the callback is no function";
  }
  return_number(call, timers_number(slot));
  return NULL;
}

static const char *timer_clear(struct call *call) {
  double number;
  const int slot = call_number(call, 0, &number) && number > 0 && number <= UINT32_MAX ? timers_clear((uint32_t)number) : -1;
  if (slot >= 0) engine_forget(SLOT_TIMER + slot);
  return NULL;
}

static const char *hal_delay(struct call *call) {
  double microseconds;
  if (!call_number(call, 0, &microseconds) || !(microseconds >= 0 && microseconds <= 1000)) return "delay: not 0 to 1000 microseconds";
  clock_delay((uint32_t)microseconds);
  return NULL;
}

static const char *hal_random(struct call *call) {
  size_t length;
  uint8_t *bytes = call_bytes(call, 0, &length);
  if (!bytes) return "random: not a Uint8Array";
  while (length) {
    const ssize_t count = getrandom(bytes, length, 0);
    if (count < 0 && errno != EINTR) return "random: the system gives none";
    if (count > 0) bytes += count, length -= (size_t)count;
  }
  return NULL;
}

static const char *crypto_aes(struct call *call) {
  size_t key_length, length;
  const uint8_t *const key = call_bytes(call, 0, &key_length);
  uint8_t *const block = call_bytes(call, 1, &length);
  if (!key || !block || key_length != 16 || length != 16) return "crypto.aes: not a key and a block of 16 bytes";
  aes_encrypt(key, block);
  return NULL;
}

static const char *crypto_public(struct call *call) {
  size_t secret_length, length;
  const uint8_t *const secret = call_bytes(call, 0, &secret_length);
  uint8_t *const target = call_bytes(call, 1, &length);
  if (!secret || !target || secret_length != 32 || length != 64) return "crypto.p256public: not 32 bytes and room for 64";
  return_truth(call, p256_public(secret, target));
  return NULL;
}

static const char *crypto_shared(struct call *call) {
  size_t secret_length, peer_length, length;
  const uint8_t *const secret = call_bytes(call, 0, &secret_length);
  const uint8_t *const peer = call_bytes(call, 1, &peer_length);
  uint8_t *const target = call_bytes(call, 2, &length);
  if (!secret || !peer || !target || secret_length != 32 || peer_length != 64 || length != 32) return "crypto.p256shared: not 32 bytes, 64, and room for 32";
  return_truth(call, p256_shared(secret, peer, target));
  return NULL;
}

static const char *store_load_method(struct call *call) {
  uint8_t bytes[STORE_MOST];
  const long length = store_load(board.store, bytes);
  if (length < 0) return_null(call);
  else return_bytes(call, bytes, (size_t)length);
  return NULL;
}

static const char *store_save_method(struct call *call) {
  size_t length;
  const uint8_t *const bytes = call_bytes(call, 0, &length);
  if (!bytes) return "store.save: not a Uint8Array";
  return_truth(call, store_save(board.store, bytes, length));
  return NULL;
}

/* print(...): a line of the arguments as text, a space between them; each is cut after 4 KB. */
static const char *print(struct call *call) {
  static char text[4096];
  for (int i = 0; i < call_count(call); i++) {
    call_text(call, i, text, sizeof text);
    if (i) fputc(' ', stdout);
    fputs(text, stdout);
  }
  fputc('\n', stdout);
  fflush(stdout);
  return NULL;
}

static const char *onexit(struct call *call) {
  return call_keep(call, 0, SLOT_EXIT) ? NULL : "onexit: no function";
}

void hal_install(const struct settings *settings) {
  board = *settings;
  engine_define("hal", "uart", "open", uart_open, 4);
  engine_define("hal", "uart", "write", uart_write, 3);
  engine_define("hal", "uart", "close", uart_close, 0);
  engine_define_truth("hal", "uart", "flow", board.flow);
  engine_define("hal", "timer", "now", timer_now, 0);
  engine_define("hal", "timer", "set", timer_set, 2);
  engine_define("hal", "timer", "clear", timer_clear, 1);
  engine_define("hal", "", "delay", hal_delay, 1);
  engine_define("hal", "", "random", hal_random, 1);
  /* No pin is wired. That of the power would be engine_define("hal", "gpio", "regon", ...). */
  engine_define("hal", "gpio", "", NULL, 0);
  if (board.aes) engine_define("hal", "crypto", "aes", crypto_aes, 2);
  if (board.p256) {
    engine_define("hal", "crypto", "p256public", crypto_public, 2);
    engine_define("hal", "crypto", "p256shared", crypto_shared, 3);
  }
  if (board.store) {
    engine_define("store", "", "load", store_load_method, 0);
    engine_define("store", "", "save", store_save_method, 1);
  }
  engine_define("", "", "print", print, -1);
  engine_define("", "", "onexit", onexit, 1);
}

/* Whether the line has something for the script without the system's help. */
static int is_due(void) {
  return serial_waiting() || (serial_gone() && !told);
}

int hal_turn(void) {
  const size_t length = serial_read(chunk, sizeof chunk);
  int slot;
  if (length && !engine_call_bytes(SLOT_RECEIVE, chunk, length)) return 0;
  /* What has arrived before the line went is worth having. */
  if (!length && serial_gone() && !told) {
    told = 1;
    if (!engine_call_text(SLOT_FAULT, serial_gone())) return 0;
  }
  /* One timer only, so that bytes do not wait for a second one. */
  slot = timers_due(clock_ticks());
  return slot < 0 || engine_call(SLOT_TIMER + slot);
}

void hal_rest(unsigned long long end) {
  struct pollfd port = { serial_descriptor(), POLLIN, 0 };
  sigset_t none;
  struct timespec rest;
  const uint64_t now = clock_ticks();
  const uint64_t next = timers_next() < end ? timers_next() : end;
  const uint64_t left = is_due() || next <= now ? 0 : next - now;
  sigemptyset(&none);
  rest.tv_sec = (time_t)(left / 1000000000u);
  rest.tv_nsec = (long)(left % 1000000000u);
  /* Signals are let in here and nowhere else: one that came just before ends the sleep, too. */
  ppoll(&port, 1, next == UINT64_MAX && left ? NULL : &rest, &none);
}

int hal_waits(void) {
  return serial_descriptor() >= 0 || is_due() || timers_next() != UINT64_MAX;
}

int hal_is_open(void) {
  return is_open;
}
