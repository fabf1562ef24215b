import type { Gpio } from "../hal/hal.js";

/** The pins of a board that are wired to the chip's control lines; one that is not connected is left out. */
export interface PinWiring<Pin> {
  /** BT_REG_ON. */
  regon?: Pin;
  /** LPO_IN, where no clock feeds it. */
  lpo?: Pin;
  /** The chip's CTS input and its RTS output as plain pins, where the port does not obey them itself. */
  rts?: Pin;
  cts?: Pin;
  /** BT_DEV_WAKE. */
  devwake?: Pin;
}

/**
 * The control lines as functions on the board's pins.
 * @param write sets a pin, read looks at one
 */
export function makeGpio<Pin>(wiring: PinWiring<Pin>, write: (pin: Pin, level: number) => void, read: (pin: Pin) => any): Gpio {
  const cts = wiring.cts;

  function output(pin: Pin | undefined): ((level: 0 | 1) => void) | undefined {
    if (pin === undefined) return undefined;
    return function (level) {
      write(pin, level);
    };
  }

  function input(): 0 | 1 {
    return read(cts!) ? 1 : 0;
  }

  return {
    regon: output(wiring.regon),
    lpo: output(wiring.lpo),
    rts: output(wiring.rts),
    devwake: output(wiring.devwake),
    cts: cts === undefined ? undefined : input,
  };
}
