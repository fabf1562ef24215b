#define _DEFAULT_SOURCE
#include "serial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "clock.h"

/* How long a port may take nothing before it counts as gone, and may need to let out what it holds, ms. */
#define STUCK 2000
#define DRAIN 500

static int port = -1;
static char reason[128];

/*
 * What has arrived while something was being sent: receiving goes on then, or two ends that both send and both have full buffers would wait for each
 * other. It holds the longest ACL packet twice. More stays with the system, whose own buffer makes the sender wait where RTS is wired.
 */
static uint8_t held[4096];
static size_t held_from, held_to;

static const struct {
  uint32_t baud;
  speed_t speed;
} SPEEDS[] = {
  { 9600, B9600 },       { 19200, B19200 },     { 38400, B38400 },     { 57600, B57600 },     { 115200, B115200 },   { 230400, B230400 },
#ifdef B4000000
  { 460800, B460800 },   { 500000, B500000 },   { 576000, B576000 },   { 921600, B921600 },   { 1000000, B1000000 }, { 1152000, B1152000 },
  { 1500000, B1500000 }, { 2000000, B2000000 }, { 2500000, B2500000 }, { 3000000, B3000000 }, { 3500000, B3500000 }, { 4000000, B4000000 },
#endif
};

static void lost(const char *what, int error) {
  if (!reason[0]) snprintf(reason, sizeof reason, "%s%s%s", what, error ? ": " : "", error ? strerror(error) : "");
}

/* Waits until all has left. tcdrain alone would wait for ever for a controller that holds its RTS: it is asked for the last bytes only. */
static void drain(void) {
  const double end = clock_now() + DRAIN;
  int left = 1;
  while (!reason[0] && !ioctl(port, TIOCOUTQ, &left) && left && clock_now() < end) clock_delay(500);
  if (left) tcflush(port, TCOFLUSH);
  else if (!reason[0]) tcdrain(port);
}

static const char *set_rate(uint32_t baud, int flow) {
  static char text[64];
  struct termios settings;
  size_t i = 0;
  while (i < sizeof SPEEDS / sizeof *SPEEDS && SPEEDS[i].baud != baud) i++;
  if (i == sizeof SPEEDS / sizeof *SPEEDS) {
    snprintf(text, sizeof text, "a serial port has no rate of %lu bit/s", (unsigned long)baud);
    return text;
  }
  if (tcgetattr(port, &settings)) return strerror(errno);
  settings.c_iflag = 0;
  settings.c_oflag = 0;
  settings.c_lflag = 0;
  settings.c_cflag = CS8 | CREAD | CLOCAL | (flow ? CRTSCTS : 0);
  /* One byte at least: then a read of none says that the other end has gone. */
  settings.c_cc[VMIN] = 1;
  settings.c_cc[VTIME] = 0;
  cfsetispeed(&settings, SPEEDS[i].speed);
  cfsetospeed(&settings, SPEEDS[i].speed);
  return tcsetattr(port, TCSANOW, &settings) ? strerror(errno) : NULL;
}

const char *serial_open(const char *path, uint32_t baud, int flow) {
  const char *wrong;
  const int fresh = port < 0;
  if (fresh) {
    /* Without O_NONBLOCK a port whose carrier is not wired would not even open. */
    port = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (port < 0) return strerror(errno);
    reason[0] = 0;
    held_from = held_to = 0;
    /* Two programs on one controller would each hear half of it. */
    if (ioctl(port, TIOCEXCL)) wrong = strerror(errno);
    else wrong = set_rate(baud, flow);
    if (!wrong) tcflush(port, TCIFLUSH);
  } else {
    drain();
    wrong = set_rate(baud, flow);
  }
  if (wrong && fresh) {
    close(port);
    port = -1;
  }
  return wrong;
}

/* Takes what has arrived; nothing where there is no room. */
static void hold(void) {
  ssize_t count;
  if (held_from == held_to) held_from = held_to = 0;
  if (held_to == sizeof held) return;
  count = read(port, held + held_to, sizeof held - held_to);
  if (count > 0) held_to += (size_t)count;
  else if (!count) lost("the other end has closed", 0);
  else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) lost("reading", errno);
}

void serial_write(const uint8_t *bytes, size_t length) {
  double end = clock_now() + STUCK;
  while (length && port >= 0 && !reason[0]) {
    const ssize_t count = write(port, bytes, length);
    struct pollfd one = { port, POLLOUT, 0 };
    double rest;
    if (count > 0) {
      bytes += count;
      length -= (size_t)count;
      end = clock_now() + STUCK;
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return lost("writing", errno);
    rest = end - clock_now();
    if (rest <= 0) return lost("the port takes nothing", 0);
    if (held_to < sizeof held) one.events |= POLLIN;
    if (poll(&one, 1, (int)rest + 1) > 0 && one.revents & ~POLLOUT) hold();
    /* A port that says that it takes something and then does not would keep this busy. */
    else if (one.revents) clock_delay(100);
  }
}

size_t serial_read(uint8_t *target, size_t most) {
  size_t count;
  if (port < 0) return 0;
  if (held_from == held_to && !reason[0]) hold();
  count = held_to - held_from;
  if (count > most) count = most;
  memcpy(target, held + held_from, count);
  held_from += count;
  return count;
}

const char *serial_gone(void) {
  return port >= 0 && reason[0] ? reason : NULL;
}

int serial_descriptor(void) {
  return reason[0] ? -1 : port;
}

int serial_waiting(void) {
  return port >= 0 && held_from != held_to;
}

void serial_close(void) {
  if (port < 0) return;
  drain();
  /* Else a pseudo-terminal, which lives on with its other end, could not be opened again. */
  ioctl(port, TIOCNXCL);
  close(port);
  port = -1;
  reason[0] = 0;
}
