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

/** CONNECT_IND: what an initiator asks of an advertiser. */
export interface ConnectRequest {
  /** InitA and TxAdd. */
  readonly initiator: DeviceAddress;
  /** AdvA and RxAdd. */
  readonly advertiser: DeviceAddress;
  /** In the units of HCI: 1.25 ms, events, 10 ms. */
  readonly parameters: { readonly interval: number; readonly latency: number; readonly timeout: number };
}

/** LLID of a data physical channel PDU (Core Vol 6 Part B 2.4). */
export const Llid = { CONTINUE: 1, START: 2, CONTROL: 3 } as const;

/** A PDU of a connection. It never changes once it has been sent: keep it, do not write to it. */
export interface LinkPdu {
  /** `Llid`: the rest of an L2CAP frame or nothing, its begin, control. */
  readonly llid: number;
  /** Opcode and CtrData of a control PDU, else a part of an L2CAP frame. */
  readonly payload: Uint8Array;
}

/** Inter-frame space, ms. */
export const T_IFS = 0.15;
/** Octets of the message integrity code that encryption adds to each payload. */
const MIC = 4;

/** How long a data physical channel PDU is on LE 1M, in ms: preamble, access address, header, payload, MIC, CRC, 8 us each byte. */
export function dataAirTime(payload: number, encrypted: boolean): number {
  return (1 + 4 + 2 + payload + (encrypted && payload > 0 ? MIC : 0) + 3) * 0.008;
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
