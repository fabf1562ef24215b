/** blimp on Node: the stack, the HAL of this machine, and a trace that other tools read. */
export { open, type Bluetooth, type FullConnection } from "./open.js";
export { createNodeHal, type NodeHal, type NodeHalOptions } from "./hal.js";
export { createSnoopWriter, type SnoopOptions, type SnoopWriter } from "./btsnoop.js";
export { createFileStore } from "./store.js";
export { parseTransport, type Transport } from "./transport.js";
export * from "../../core/gap/ad.js";

export type { Core, Open } from "../../core/bluetooth.js";
export type { Bytes } from "../../core/bytes/bytes.js";
export type { FirmwareReader, FirmwareSource } from "../../core/chip/firmware.js";
export type { Connection } from "../../core/connection.js";
export type { Counters } from "../../core/counters.js";
export type { BlimpError } from "../../core/errors.js";
export type { Advertising } from "../../core/gap/advertiser.js";
export type { Resetting } from "../../core/factory.js";
export type { DirectTesting } from "../../core/gap/directtest.js";
export type { Connecting } from "../../core/gap/initiator.js";
export type { Linking } from "../../core/gap/links.js";
export type { ScanRule } from "../../core/gap/rules.js";
export type { Advert, Scanning } from "../../core/gap/scanner.js";
export type { Attribute, Characteristic, ReadHandler, Service, WriteHandler } from "../../core/gatt/database.js";
export type { Asking, AskingConnection, RemoteCharacteristic, RemoteDescriptor, RemoteService, RemoteTable } from "../../core/gatt/client.js";
export type { Done, Serving } from "../../core/gatt/server.js";
export type { Pairable, Securing } from "../../core/smp/security.js";
export type { BondInfo } from "../../core/smp/bonds.js";
export type { TraceSink } from "../../core/hci/h4.js";
export type { Options, ReadyInfo, Store } from "../../core/options.js";
export type { Crypto, Gpio, Hal, Timer, Uart } from "../../hal/hal.js";
