/** Numbers of the Generic Attribute Profile: Core Specification Vol 3 Part G, and Assigned Numbers. */

/** Types of attributes, section 3; of the stack's own services and characteristics. */
export const enum Type {
  GenericAccess = 0x1800,
  GenericAttribute = 0x1801,
  PrimaryService = 0x2800,
  SecondaryService = 0x2801,
  Include = 0x2802,
  Characteristic = 0x2803,
  ExtendedProperties = 0x2900,
  UserDescription = 0x2901,
  ClientConfiguration = 0x2902,
  AggregateFormat = 0x2905,
  DeviceName = 0x2a00,
  Appearance = 0x2a01,
  PreferredParameters = 0x2a04,
  ServiceChanged = 0x2a05,
  ClientSupportedFeatures = 0x2b29,
  DatabaseHash = 0x2b2a,
}

/** Characteristic properties, section 3.3.1.1. */
export const enum Property {
  Read = 0x02,
  WriteCommand = 0x04,
  Write = 0x08,
  Notify = 0x10,
  Indicate = 0x20,
  SignedWrite = 0x40,
}
