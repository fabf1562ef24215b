/** Numbers of the Attribute Protocol, Core Specification Vol 3 Part F. */

/** Opcodes, section 3.4.8. */
export const enum Att {
  Error = 0x01,
  MtuRequest = 0x02,
  MtuResponse = 0x03,
  FindInformation = 0x04,
  FindInformationResponse = 0x05,
  FindByTypeValue = 0x06,
  FindByTypeValueResponse = 0x07,
  ReadByType = 0x08,
  ReadByTypeResponse = 0x09,
  Read = 0x0a,
  ReadResponse = 0x0b,
  ReadBlob = 0x0c,
  ReadBlobResponse = 0x0d,
  ReadMultiple = 0x0e,
  ReadMultipleResponse = 0x0f,
  ReadByGroupType = 0x10,
  ReadByGroupTypeResponse = 0x11,
  Write = 0x12,
  WriteResponse = 0x13,
  PrepareWrite = 0x16,
  PrepareWriteResponse = 0x17,
  ExecuteWrite = 0x18,
  ExecuteWriteResponse = 0x19,
  Notification = 0x1b,
  Indication = 0x1d,
  Confirmation = 0x1e,
  ReadMultipleVariable = 0x20,
  ReadMultipleVariableResponse = 0x21,
  MultipleNotification = 0x23,
  WriteCommand = 0x52,
  SignedWrite = 0xd2,
  /** The bit of an opcode that says: a command, never answered. */
  Command = 0x40,
}

/** Error codes, section 3.4.1.1; the last two are an application's, and one of the common profile and service error codes. */
export const enum AttError {
  InvalidHandle = 0x01,
  ReadNotPermitted = 0x02,
  WriteNotPermitted = 0x03,
  InvalidPdu = 0x04,
  InsufficientAuthentication = 0x05,
  RequestNotSupported = 0x06,
  InvalidOffset = 0x07,
  PrepareQueueFull = 0x09,
  AttributeNotFound = 0x0a,
  AttributeNotLong = 0x0b,
  InvalidValueLength = 0x0d,
  Unlikely = 0x0e,
  UnsupportedGroupType = 0x10,
  DatabaseOutOfSync = 0x12,
  ValueNotAllowed = 0x13,
  Application = 0x80,
  ImproperlyConfigured = 0xfd,
}

export const enum AttSize {
  /** The MTU before it is exchanged. */
  Mtu = 23,
  /** The longest value. */
  Value = 512,
}
