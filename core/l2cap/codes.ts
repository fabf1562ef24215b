/** Numbers of L2CAP, Core Specification Vol 3 Part A. */

/** Channel identifiers of LE links, section 2.1. */
export const enum Cid {
  Att = 0x0004,
  Signalling = 0x0005,
  Smp = 0x0006,
}

/** Signalling codes, section 4. */
export const enum Signal {
  Reject = 0x01,
  ParameterRequest = 0x12,
  ParameterResponse = 0x13,
  /** Up to here odd codes are answers, and these two. */
  LastOddResponse = 0x15,
  CreditResponse = 0x18,
  ReconfigureResponse = 0x1a,
  /** The most bytes of a signalling packet that every LE device takes. */
  Mtu = 23,
}

/** Reasons of a Command Reject, section 4.1. */
export const enum Reject {
  NotUnderstood = 0x0000,
  TooLong = 0x0001,
}
