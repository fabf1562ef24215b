/* What JerryScript asks of a board. */
#include <jerryscript-port.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "console.h"

void jerry_port_init(void) {}

void jerry_port_fatal(jerry_fatal_code_t code) {
  char text[48];
  snprintf(text, sizeof text, code == JERRY_FATAL_OUT_OF_MEMORY ? "the engine is out of memory" : "the engine has given up, code %d", (int)code);
  die(text);
}

void jerry_port_log(const char *message) {
  console_write(message, strlen(message));
}

void jerry_port_print_buffer(const jerry_char_t *buffer, jerry_size_t size) {
  console_write((const char *)buffer, size);
}

/* A board has no calendar: Date counts from its start, in UTC. */
double jerry_port_current_time(void) {
  return (double)clock_ticks() / TICKS_PER_MS;
}

int32_t jerry_port_local_tza(double milliseconds) {
  (void)milliseconds;
  return 0;
}

/* There are no modules. */
jerry_char_t *jerry_port_source_read(const char *name, jerry_size_t *size) {
  (void)name, (void)size;
  return NULL;
}

void jerry_port_source_free(jerry_char_t *buffer) {
  (void)buffer;
}

jerry_char_t *jerry_port_path_normalize(const jerry_char_t *path, jerry_size_t size) {
  (void)path, (void)size;
  return NULL;
}

void jerry_port_path_free(jerry_char_t *path) {
  (void)path;
}

jerry_size_t jerry_port_path_base(const jerry_char_t *path) {
  (void)path;
  return 0;
}
