#include "pins.h"

#include "board.h"

void pins_write(enum pin pin, int level) {
  if (level) LEDS |= 1u << pin;
  else LEDS &= ~(1u << pin);
}
