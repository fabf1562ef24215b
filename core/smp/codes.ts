/** Numbers of the Security Manager, Core Specification Vol 3 Part H. */

/** Codes, section 3.3. */
export const enum Smp {
  PairingRequest = 0x01,
  PairingResponse = 0x02,
  PairingConfirm = 0x03,
  PairingRandom = 0x04,
  PairingFailed = 0x05,
  EncryptionInformation = 0x06,
  CentralIdentification = 0x07,
  IdentityInformation = 0x08,
  IdentityAddressInformation = 0x09,
  SigningInformation = 0x0a,
  SecurityRequest = 0x0b,
  PublicKey = 0x0c,
  DhKeyCheck = 0x0d,
  KeypressNotification = 0x0e,
}

/** Reasons of Pairing Failed, section 3.5.5. */
export const enum Reason {
  PasskeyEntryFailed = 0x01,
  OobNotAvailable = 0x02,
  AuthenticationRequirements = 0x03,
  ConfirmValueFailed = 0x04,
  PairingNotSupported = 0x05,
  EncryptionKeySize = 0x06,
  CommandNotSupported = 0x07,
  Unspecified = 0x08,
  RepeatedAttempts = 0x09,
  InvalidParameters = 0x0a,
  DhKeyCheckFailed = 0x0b,
  NumericComparisonFailed = 0x0c,
}

/** IO capabilities, section 2.3.2. */
export const enum Io {
  DisplayOnly,
  DisplayYesNo,
  KeyboardOnly,
  NoInputNoOutput,
  KeyboardDisplay,
}

/** Bits of AuthReq, section 3.5.1. */
export const enum AuthReq {
  Bonding = 0x01,
  Mitm = 0x04,
  SecureConnections = 0x08,
}

/** Bits of key distribution, section 3.6.1. */
export const enum Keys {
  Encryption = 0x01,
  Identity = 0x02,
  Signing = 0x04,
}

/** How the two find out that nobody stands between them, section 2.3.5.1. */
export const enum Method {
  JustWorks,
  NumericComparison,
  /** One shows the passkey, the other types it. */
  Passkey,
  OutOfBand,
}
