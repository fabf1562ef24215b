import type { Uart } from "../../../hal/hal.js";

export type Receive = (data: Uint8Array | string) => void;
export type Fault = (reason: string) => void;

/** A UART that may be told that the line is gone. */
export interface FaultingUart extends Uart {
  /** Calls the stack's fault callback with the reason, once for each time that the port is opened; nothing passes until it is opened again. */
  fail(reason: string): void;
}
