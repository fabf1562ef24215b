/*
 * A controller that answers out of a list, in place of the one on the UART. Counts of instructions are then the same in every run, which no
 * partner on a socket allows, and its own share of them is next to nothing, which no partner written in the script's language allows.
 */
#ifndef CONTROLLER_H
#define CONTROLLER_H

#include <stddef.h>
#include <stdint.h>

/* Uses it from now on. `answers`: Command Complete events as they come over the wire, one after another; they must stay where they are. */
void controller_use(const uint8_t *answers, size_t length);

/* Takes one packet and puts its answer among the received bytes, or gives it to a recording that is in use; returns 0 where the real one is to be used. */
int controller_take(const uint8_t *packet, size_t length);

/* Puts bytes among the received ones. */
void controller_send(const uint8_t *bytes, size_t length);

#endif
