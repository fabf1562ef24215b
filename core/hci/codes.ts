/** Numbers of the HCI, from Core Specification Vol 4 Part A and Part E. `const enum`: they leave no trace in a bundle. */

/** H4 packet indicators, Vol 4 Part A section 2; the last four are Broadcom's own. */
export const enum Packet {
  Command = 1,
  Acl = 2,
  Sco = 3,
  Event = 4,
  Diagnostic = 7,
  Empty = 0x00,
  Empty31 = 0x31,
  Empty34 = 0x34,
}

/** Opcodes, Vol 4 Part E section 7; 0xFCxx are Broadcom's. */
export const enum Command {
  Disconnect = 0x0406,
  SetEventMask = 0x0c01,
  Reset = 0x0c03,
  ReadLocalName = 0x0c14,
  WriteLeHostSupport = 0x0c6d,
  ReadLocalVersion = 0x1001,
  ReadSupportedCommands = 0x1002,
  ReadBufferSize = 0x1005,
  ReadBdAddr = 0x1009,
  ReadRssi = 0x1405,
  LeSetEventMask = 0x2001,
  LeReadBufferSize = 0x2002,
  LeSetRandomAddress = 0x2005,
  LeSetAdvertisingParameters = 0x2006,
  LeSetAdvertisingData = 0x2008,
  LeSetScanResponseData = 0x2009,
  LeSetAdvertisingEnable = 0x200a,
  LeSetScanParameters = 0x200b,
  LeSetScanEnable = 0x200c,
  LeCreateConnection = 0x200d,
  LeCreateConnectionCancel = 0x200e,
  LeConnectionUpdate = 0x2013,
  LeEncrypt = 0x2017,
  LeRand = 0x2018,
  LeEnableEncryption = 0x2019,
  LeLongTermKeyReply = 0x201a,
  LeLongTermKeyNegativeReply = 0x201b,
  LeReadSupportedStates = 0x201c,
  LeReceiverTest = 0x201d,
  LeTransmitterTest = 0x201e,
  LeTestEnd = 0x201f,
  LeParameterRequestReply = 0x2020,
  LeParameterRequestNegativeReply = 0x2021,
  LeReadBufferSizeV2 = 0x2060,
  WriteBdAddr = 0xfc01,
  UpdateBaudRate = 0xfc18,
  SetSleepmode = 0xfc27,
  DownloadMinidriver = 0xfc2e,
  WriteRam = 0xfc4c,
  LaunchRam = 0xfc4e,
}

/** Event codes, Vol 4 Part E section 7.7. */
export const enum Event {
  DisconnectionComplete = 0x05,
  EncryptionChange = 0x08,
  CommandComplete = 0x0e,
  CommandStatus = 0x0f,
  HardwareError = 0x10,
  NumberOfCompletedPackets = 0x13,
  EncryptionKeyRefreshComplete = 0x30,
  LeMeta = 0x3e,
}

/** Subevent codes of LE Meta events, Vol 4 Part E section 7.7.65. */
export const enum LeEvent {
  ConnectionComplete = 0x01,
  AdvertisingReport = 0x02,
  ConnectionUpdateComplete = 0x03,
  LongTermKeyRequest = 0x05,
  RemoteParameterRequest = 0x06,
  EnhancedConnectionComplete = 0x0a,
}

/** Error codes, Vol 1 Part F. */
export const enum Status {
  Success = 0,
  UnknownCommand = 0x01,
  UnknownConnection = 0x02,
  AuthenticationFailure = 0x05,
  PinOrKeyMissing = 0x06,
  ConnectionTimeout = 0x08,
  CommandDisallowed = 0x0c,
  RemoteUserTerminated = 0x13,
  UnacceptableParameters = 0x3b,
  /** None of the specification's: the command had no answer in time. */
  NoAnswer = -1,
}

/** Bits of the Supported Commands field, Vol 4 Part E section 6.27: octet * 8 + bit. */
export const enum Supported {
  ReadLocalName = 7 * 8 + 1,
  ReadRssi = 15 * 8 + 5,
  WriteLeHostSupport = 24 * 8 + 6,
  LeReadBufferSize = 25 * 8 + 1,
  LeConnectionUpdate = 27 * 8 + 2,
  LeEncrypt = 27 * 8 + 6,
  LeReadSupportedStates = 28 * 8 + 3,
  LeParameterRequestReply = 33 * 8 + 4,
  LeParameterRequestNegativeReply = 33 * 8 + 5,
  LeReadBufferSizeV2 = 41 * 8 + 5,
}

/** Advertising PDU types as LE Set Advertising Parameters and LE Advertising Report number them. */
export const enum AdvertisingType {
  Connectable = 0,
  Scannable = 2,
  NonConnectable = 3,
}
