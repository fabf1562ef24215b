#include "controller.h"

#include "board.h"
#include "console.h"
#include "recording.h"
#include "uart.h"

enum { INDICATOR, EVENT_CODE, EVENT_LENGTH, EVENT_CREDITS, EVENT_OPCODE }; /* offsets in an event */
enum { COMMAND_OPCODE = 1 };                                              /* offset in a command */
#define COMMAND 1

static const uint8_t *list;
static size_t size;

void controller_use(const uint8_t *answers, size_t length) {
  list = answers;
  size = length;
}

void controller_send(const uint8_t *bytes, size_t length) {
  const uint32_t mask = interrupts_off();
  for (size_t i = 0; i < length; i++) {
    if (!uart_receive(bytes[i])) die("the scripted controller's answer finds no room");
  }
  interrupts_restore(mask);
}

int controller_take(const uint8_t *packet, size_t length) {
  if (recording_used()) {
    recording_take(packet, length);
    return 1;
  }
  if (!list) return 0;
  if (length < 4 || packet[INDICATOR] != COMMAND) return 1;
  const uint8_t low = packet[COMMAND_OPCODE], high = packet[COMMAND_OPCODE + 1];
  for (size_t at = 0; at < size; at += 3u + list[at + EVENT_LENGTH]) {
    if (list[at + EVENT_OPCODE] != low || list[at + EVENT_OPCODE + 1] != high) continue;
    controller_send(list + at, 3u + list[at + EVENT_LENGTH]);
    return 1;
  }
  /* What is not in the list succeeds and returns nothing. */
  const uint8_t success[] = {0x04, 0x0e, 4, 1, low, high, 0};
  controller_send(success, sizeof success);
  return 1;
}
