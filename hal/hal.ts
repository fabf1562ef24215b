/**
 * The hardware abstraction: everything that the stack needs from a board.
 *
 * A target hands one `Hal` object to `open()`. The stack calls it from one place at a time: from `receive`, from a timer, or from a call of the
 * application. After `close()`, and the second at most that links may take to end, it calls nothing of it any more. Times are milliseconds unless a name or a comment says otherwise.
 */
export interface Hal {
  readonly uart: Uart;
  readonly gpio: Gpio;
  readonly timer: Timer;
  /**
   * Busy wait of `microseconds` (1 to 1000). For the settling of a pin or a UART; everything longer goes through `timer`.
   */
  delay(microseconds: number): void;
  /**
   * Fills `target` with bytes from a random source fit for keys. Leave it out where the board has none: the stack then asks the
   * controller (HCI LE Rand). Never put `Math.random` behind it.
   */
  random?(target: Uint8Array): void;
  /**
   * An identity that differs from board to board and stays the same for ever (a serial number), 4 bytes or more. A device whose chip
   * has no address of its own derives one from it.
   */
  uniqueid?(): Uint8Array | string;
  /** What this board computes faster than JavaScript does. */
  readonly crypto?: Crypto;
  /** What has to outlive one `open()`. It belongs to the stack: a target leaves it undefined. */
  session?: Session;
}

/** The UART on which the controller speaks H4: 8 data bits, no parity, one stop bit. */
export interface Uart {
  /** True where RTS and CTS are both wired and the UART hardware obeys them. */
  readonly flow?: boolean;
  /**
   * Opens the port, or changes the rate of an open one. What was given to `write` before has left by then.
   * @param baud rate in bit/s, 9600 to 4000000
   * @param flow true: use hardware flow control; never true where `this.flow` is not
   * @param receive to be called with what arrived: bytes, or a string whose characters are bytes (0 to 255). The stack copies it once,
   *   into its ring, before the call returns. It may be called at any time but from two places at once; also inside `write`.
   * @param fault to be called once if the line is gone for good (unplugged, socket closed), with the reason in words
   * @throws Error where the port cannot be had
   */
  open(baud: number, flow: boolean, receive: (data: Uint8Array | string) => void, fault: (reason: string) => void): void;
  /**
   * Sends `length` bytes of `buffer` from `offset` on, in order, after everything written before. When it returns the bytes have left or
   * have been copied: the stack uses the same buffer for the next packet.
   */
  write(buffer: Uint8Array, offset: number, length: number): void;
  /** Lets the last byte out and gives the port back; TX stays idle (high). `receive` is not called any more. */
  close(): void;
}

/**
 * The control lines of the chip. Each is a function; one that is not wired is left out, which is how the stack knows. Levels are
 * electrical: 1 is high. The names are those of the chip's pins, seen from the host.
 */
export interface Gpio {
  /** BT_REG_ON: 1 powers the Bluetooth part, 0 resets it. */
  regon?(level: 0 | 1): void;
  /** LPO_IN, driven low where no clock feeds it. */
  lpo?(level: 0 | 1): void;
  /** True where a 32.768 kHz clock feeds LPO_IN. */
  readonly clock?: boolean;
  /** The chip's CTS input as a plain output, where it is wired: 0 lets the chip send. During power-up the stack holds it at 1. */
  rts?(level: 0 | 1): void;
  /** The chip's RTS output as a plain input, where it is wired: 0 says that the chip can receive. */
  cts?(): 0 | 1;
  /** BT_DEV_WAKE, host to chip: 0 keeps the chip awake (active low). */
  devwake?(level: 0 | 1): void;
  /** BT_HOST_WAKE, chip to host: calls `wake` whenever the line goes active. */
  hostwake?(wake: () => void): void;
}

/** One-shot timers and a clock. */
export interface Timer {
  /** Milliseconds since any fixed moment, fractions allowed; never runs backwards. */
  now(): number;
  /**
   * Calls `callback` once, `milliseconds` (0 to 2^31 - 1) from now or a little later, never before this call returns.
   * @returns a handle for `clear`, never null
   */
  set(milliseconds: number, callback: () => void): unknown;
  /** Cancels a timer. One that has fired already is no error. */
  clear(handle: unknown): void;
}

/** Optional accelerators. All octet strings most significant octet first, as FIPS-197 and FIPS 186-4 write them. */
export interface Crypto {
  /** AES-128 encryption of the 16 bytes of `block`, in place, under the 16 bytes of `key`. */
  aes?(key: Uint8Array, block: Uint8Array): void;
  /** The P-256 public key (x then y, 64 bytes into `target`) of the 32-byte `secret`. Returns false where it cannot at the
   * moment, for want of memory, or the secret is out of range: software does it then. */
  p256public?(secret: Uint8Array, target: Uint8Array): boolean;
  /** The x coordinate (32 bytes into `target`) of `secret` times the point `peer` (64 bytes, already checked to be on the curve). */
  p256shared?(secret: Uint8Array, peer: Uint8Array, target: Uint8Array): boolean;
}

/** What the stack keeps with a `Hal` between one `open()` and the next. */
export interface Session {
  /** Whether an instance holds the board. */
  held: boolean;
  /** The rate in bit/s at which the UART was open last: where its power cannot be cut the chip may have stayed there. */
  baud: number;
  /** Ends an instance that has been closed and still waits for its links to end. */
  finish?: (() => void) | null;
  /** The static random address drawn for this board, least significant octet first, or null. */
  address: Uint8Array | null;
}
