/**
 * The advertising physical channel PDUs (Core Vol 6 Part B 2.3) that can be reported, numbered as the Event_Type of the HCI LE Advertising
 * Report event (Vol 4 Part E 7.7.65.2), not as in the PDU header.
 */
export const PduType = { ADV_IND: 0, ADV_DIRECT_IND: 1, ADV_SCAN_IND: 2, ADV_NONCONN_IND: 3, SCAN_RSP: 4 } as const;
export type PduType = (typeof PduType)[keyof typeof PduType];

/** A device address as the air carries it. */
export interface DeviceAddress {
  /** 6 bytes, least significant octet first. */
  readonly bytes: Uint8Array;
  /** TxAdd or RxAdd: 0 public, 1 random. */
  readonly random: 0 | 1;
}

/** A PDU on an advertising channel. It never changes once it has been sent: keep it, do not write to it. */
export interface AdvertisingPdu {
  readonly type: PduType;
  /** AdvA and TxAdd. */
  readonly address: DeviceAddress;
  /** AdvData or ScanRspData, 0 to 31 bytes. */
  readonly data: Uint8Array;
  /** TargetA and RxAdd of an ADV_DIRECT_IND. */
  readonly target?: DeviceAddress;
}

/** How long a PDU is on LE 1M, in ms: preamble, access address, header, AdvA, data, CRC, 8 us each byte. */
export function airTime(pdu: AdvertisingPdu): number {
  const payload = pdu.target === undefined ? pdu.data.length : 6;
  return (1 + 4 + 2 + 6 + payload + 3) * 0.008;
}

/** True if both are the same device address. */
export function sameAddress(a: DeviceAddress, b: DeviceAddress): boolean {
  return a.random === b.random && addressKey(a) === addressKey(b);
}

/** The 48 address bits and the type bit as one number, for sets and comparisons. */
export function addressKey(address: DeviceAddress): number {
  const b = address.bytes;
  const low = b[0] + b[1] * 0x100 + b[2] * 0x10000;
  const high = b[3] + b[4] * 0x100 + b[5] * 0x10000;
  return low + high * 0x1000000 + address.random * 0x1000000000000;
}

/**
 * A device address from text.
 * @param text 12 hexadecimal digits, most significant octet first, with or without separators
 */
export function deviceAddress(text: string, random: 0 | 1 = 0): DeviceAddress {
  const digits = text.replace(/[^0-9a-fA-F]/g, "");
  if (digits.length !== 12) throw new RangeError(`"${text}" is not a device address of 12 hexadecimal digits`);
  const bytes = new Uint8Array(6);
  for (let i = 0; i < 6; i++) bytes[5 - i] = parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return { bytes, random };
}
