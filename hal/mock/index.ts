/**
 * A board without hardware: the HAL over a virtual clock, with a virtual CYW43438 (or any H4 controller) behind the UART and an air that
 * joins several of them. It knows hal.ts and the wire formats, not the stack: whoever implements or uses `Hal` can test with it.
 */
export { createBoard, type Board, type BoardOptions, type PinEvent, type Wiring } from "./board.js";
export { VirtualClock, type Handle } from "./clock.js";
export { Random } from "./random.js";
export { Wire, WireEnd, Line, type Chunk, type Fault, type WireOptions } from "./wire.js";
export { Air, type Radio, type Sniffed, type SniffedLink, type SniffedTest, type TestFault } from "./air.js";
export { testAirTime, testInterval, testPayload, type TestPdu } from "./testpdu.js";
export {
  addressKey,
  airTime,
  dataAirTime,
  deviceAddress,
  Llid,
  PduType,
  sameAddress,
  type AdvertisingPdu,
  type ConnectRequest,
  type DeviceAddress,
  type LinkPdu,
} from "./pdu.js";
export { Beacon, type BeaconOptions } from "./beacon.js";
export { Observer, type Heard, type ObserverOptions } from "./observer.js";
export { Central, type CentralOptions, type CentralParameters } from "./central.js";
export {
  Phone,
  type ConnectOptions,
  type EncryptionKey,
  type OnValue,
  type PhoneOptions,
  type PhoneStart,
  type SubscribeOptions,
  type Traced,
} from "./phone.js";
export { Property, type PhoneCharacteristic, type PhoneDescriptor, type PhoneService, type Target, type Value } from "./phonegatt.js";
export {
  Keys,
  PhoneSmp,
  resolves,
  Smp,
  SmpReason,
  type IoCapability,
  type Lies,
  type OobData,
  type Paired,
  type Pairing,
  type PairingKeys,
  type PairingMethod,
  type PhoneBond,
} from "./phonesmp.js";
export { PhoneError, type Done } from "./phonetask.js";
export { Link, LinkEnd, type LinkFault, type LinkOwner, type LinkParameters, type LinkVersion, type ParameterRequest } from "./link.js";
export { LlFeature, LlOpcode } from "./linkcontrol.js";
export { EventCode, LeSubevent } from "./events.js";
export { LeController, type ControllerOptions } from "./controller.js";
export type { ConnectionOptions } from "./connections.js";
export { STANDARD_COMMANDS } from "./commands.js";
export { CommandTable, type Answer, type CommandRow } from "./table.js";
export { CYW43438, PLAIN, type Buffers, type ControllerIdentity } from "./identity.js";
export { Status } from "./status.js";
export { aes128 } from "./aes.js";
export { H4, H4Assembler } from "./h4.js";
export { ImageOpcode, joinImage, makeImage, splitImage, type ImageOptions, type ImageRecord } from "./image.js";
export {
  START_BAUD,
  VirtualChip,
  type ChipOptions,
  type ChipParts,
  type Hook,
  type HookAnswer,
  type LoggedCommand,
  type Violation,
} from "./chip.js";
export { VirtualCyw43438, type ChipState, type Cyw43438Options, type Written } from "./cyw43438.js";
export { PlainController, type PlainOptions } from "./plain.js";
