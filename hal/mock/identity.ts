import { hexBytes } from "./bytes.js";

/** A number of buffers and how many octets of data each holds. */
export interface Buffers {
  readonly length: number;
  readonly count: number;
}

/** What a controller says about itself. */
export interface ControllerIdentity {
  /** HCI and LMP/LL version: 6 is 4.0, 7 is 4.1, 8 is 4.2, 9 is 5.0. Rules that changed between versions follow it. */
  readonly version: number;
  readonly revision: number;
  readonly manufacturer: number;
  readonly subversion: number;
  /** Local name, at most 248 octets of ASCII. */
  readonly name: string;
  /** LMP features page 0, 8 octets. */
  readonly features: Uint8Array;
  /** LE features, 8 octets. */
  readonly lefeatures: Uint8Array;
  /** LE states and state combinations, 8 octets. */
  readonly lestates: Uint8Array;
  /** Supported_Commands as reported, up to 64 octets; null reports exactly what is modelled. */
  readonly commands: Uint8Array | null;
  /** BR/EDR ACL and SCO buffers. */
  readonly acl: Buffers;
  readonly sco: Buffers;
  /** LE ACL buffers as LE Read Buffer Size reports them; a length of 0 points to the BR/EDR buffers. */
  readonly leacl: Buffers;
  /** Entries of the filter accept list. */
  readonly acceptlist: number;
  /** Transmit power of advertising, dBm. */
  readonly txpower: number;
  /** How an unknown command is refused: with a Command Complete or a Command Status event. */
  readonly unknown: "complete" | "status";
}

/** LE states of a 4.x controller: all of them up to the connected peripheral role. */
const STATES = hexBytes("ffffff1f00000000");

/** A CYW43438 in ROM state. What its data sheet and traces do not tell (LE buffers, LE features, states, accept list) is a guess. */
export const CYW43438: ControllerIdentity = {
  version: 7,
  revision: 0,
  manufacturer: 0x000f,
  subversion: 0x2209,
  name: "BCM43430A1",
  features: hexBytes("bffecffedbff7b87"),
  lefeatures: hexBytes("1f00000000000000"),
  lestates: STATES,
  commands: hexBytes("ffffff03ccffefffffffec1ff20fe8fe3ff78fff1c00040061f7ffff7ff8ffffff3f0000000000000008"),
  acl: { length: 1021, count: 8 },
  sco: { length: 64, count: 1 },
  leacl: { length: 27, count: 8 },
  acceptlist: 8,
  txpower: 0,
  unknown: "complete",
};

/** A Bluetooth 5.0 controller that is LE only and of no particular make. */
export const PLAIN: ControllerIdentity = {
  version: 9,
  revision: 0,
  manufacturer: 0xffff,
  subversion: 0,
  name: "",
  features: hexBytes("0000000060000000"),
  lefeatures: hexBytes("0100000000000000"),
  lestates: STATES,
  commands: null,
  acl: { length: 0, count: 0 },
  sco: { length: 0, count: 0 },
  leacl: { length: 27, count: 4 },
  acceptlist: 8,
  txpower: 0,
  unknown: "status",
};
