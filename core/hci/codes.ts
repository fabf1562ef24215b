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
  SetEventMask = 0x0c01,
  Reset = 0x0c03,
  ReadLocalName = 0x0c14,
  WriteLeHostSupport = 0x0c6d,
  ReadLocalVersion = 0x1001,
  ReadSupportedCommands = 0x1002,
  ReadBdAddr = 0x1009,
  LeSetEventMask = 0x2001,
  LeSetRandomAddress = 0x2005,
  LeSetAdvertisingParameters = 0x2006,
  LeSetAdvertisingData = 0x2008,
  LeSetScanResponseData = 0x2009,
  LeSetAdvertisingEnable = 0x200a,
  LeSetScanParameters = 0x200b,
  LeSetScanEnable = 0x200c,
  LeRand = 0x2018,
  WriteBdAddr = 0xfc01,
  UpdateBaudRate = 0xfc18,
  SetSleepmode = 0xfc27,
  DownloadMinidriver = 0xfc2e,
  WriteRam = 0xfc4c,
  LaunchRam = 0xfc4e,
}

/** Event codes, Vol 4 Part E section 7.7. */
export const enum Event {
  CommandComplete = 0x0e,
  CommandStatus = 0x0f,
  HardwareError = 0x10,
  NumberOfCompletedPackets = 0x13,
  LeMeta = 0x3e,
}

/** Subevent codes of LE Meta events, Vol 4 Part E section 7.7.65. */
export const enum LeEvent {
  AdvertisingReport = 0x02,
}

/** Error codes, Vol 1 Part F. */
export const enum Status {
  Success = 0,
  UnknownCommand = 0x01,
  CommandDisallowed = 0x0c,
  /** None of the specification's: the command had no answer in time. */
  NoAnswer = -1,
}

/** Bits of the Supported Commands field, Vol 4 Part E section 6.27: octet * 8 + bit. */
export const enum Supported {
  ReadLocalName = 7 * 8 + 1,
  WriteLeHostSupport = 24 * 8 + 6,
}

/** Advertising PDU types as LE Set Advertising Parameters and LE Advertising Report number them. */
export const enum AdvertisingType {
  Connectable = 0,
  Scannable = 2,
  NonConnectable = 3,
}
