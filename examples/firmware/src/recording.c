#include "recording.h"

#include <stdio.h>
#include <string.h>

#include "console.h"
#include "controller.h"

/*
 * Where QEMU's loader puts it, 0 where it puts none. One entry after another: what it is, the number of bytes that follow, least significant octet first, and
 * these. A scene's are its name.
 */
extern const uint8_t recording_start[];

enum { END, CONTROLLER, HOST, SCENE }; /* what an entry is */
#define HEADER 3u

static enum { UNUSED, WAITING, PLAYING, DONE } state; /* WAITING: between two scenes */
static const uint8_t *next;

static size_t length_of(const uint8_t *entry) {
  return entry[1] | (size_t)entry[2] << 8;
}

static void step(void) {
  next += HEADER + length_of(next);
  if (*next == SCENE) state = WAITING;
  if (*next == END) state = DONE;
}

int recording_play(const char *name) {
  if (state == PLAYING) die("the scene before is not at its end");
  if (state == UNUSED) next = recording_start;
  if (*next != SCENE || strlen(name) != length_of(next) || memcmp(next + HEADER, name, length_of(next))) return 0;
  state = PLAYING;
  step();
  return 1;
}

int recording_playing(void) {
  return state == PLAYING;
}

int recording_used(void) {
  return state == WAITING || state == PLAYING;
}

static void print_packet(const char *who, const uint8_t *packet, size_t length) {
  char text[8];
  console_write(who, strlen(who));
  for (size_t i = 0; i < length; i++) console_write(text, (size_t)snprintf(text, sizeof text, "%02x", packet[i]));
  console_write("\n", 1);
}

void recording_take(const uint8_t *packet, size_t length) {
  const int expected = state == PLAYING && *next == HOST;
  if (!expected || length_of(next) != length || memcmp(next + HEADER, packet, length)) {
    print_packet("the host says      ", packet, length);
    if (expected) print_packet("where it has said  ", next + HEADER, length_of(next));
    die(expected ? "the recording says something else" : "the recording has the host say nothing here");
  }
  step();
}

int recording_turn(void) {
  if (state != PLAYING || *next != CONTROLLER) return 0;
  controller_send(next + HEADER, length_of(next));
  step();
  return 1;
}
