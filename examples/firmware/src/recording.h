/*
 * A conversation between the stack and a controller that has been written down elsewhere (tools/record.mjs), played again: what the host has to say is
 * compared, what the controller said is handed over, one packet whenever the host has nothing else to do. So a phone on the other side, which takes more
 * computing than the stack, costs nothing here; and every run is the same.
 */
#ifndef RECORDING_H
#define RECORDING_H

#include <stddef.h>
#include <stdint.h>

/* Plays the next scene, up to its end; returns 0 where it is none of that name. */
int recording_play(const char *name);

/* Whether a scene is being played that is not at its end. */
int recording_playing(void);

/* Whether it is the recording that the host talks to: from the first scene to the end of the last one. */
int recording_used(void);

/* Takes a packet of the host's. Ends the emulation where it is not the one that was written down. */
void recording_take(const uint8_t *packet, size_t length);

/* Hands over what the controller said next; returns 0 where it is the host's turn. Called while no received byte waits. */
int recording_turn(void);

#endif
