/* The control lines of the chip. */
#ifndef PINS_H
#define PINS_H

enum pin { PIN_REG_ON, PIN_LPO_IN };

void pins_write(enum pin pin, int level);

#endif
