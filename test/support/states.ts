/** LE states of a chip that can do everything at once, Vol 4 Part E section 7.8.27. */
export const ALL_STATES = Uint8Array.of(255, 255, 255, 255, 255, 255, 3, 0);
