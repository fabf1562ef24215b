import { aes128 } from "./aes.js";
import { latin, le16, u16 } from "./bytes.js";
import type { LeController } from "./controller.js";
import { Status } from "./status.js";
import type { Answer, CommandRow } from "./table.js";

type Row = CommandRow<LeController>;

/** The commands of a controller for legacy advertising, scanning, connections and direct tests, in the order of their opcodes (Core Vol 4 Part E 7). */
export const STANDARD_COMMANDS: readonly Row[] = [
  { opcode: 0x0406, name: "Disconnect", length: 3, supported: [0, 5], run: (c, p) => c.connections.disconnect(p) },
  {
    opcode: 0x041d,
    name: "Read Remote Version Information",
    length: 2,
    supported: [2, 7],
    run: (c, p) => c.connections.readVersion(p),
  },

  { opcode: 0x0c01, name: "Set Event Mask", length: 8, supported: [5, 6], run: (c, p) => set(c.eventmask, p) },
  { opcode: 0x0c03, name: "Reset", length: 0, supported: [5, 7], run: (c) => c.reset() },
  { opcode: 0x0c14, name: "Read Local Name", length: 0, supported: [7, 1], run: (c) => success(localName(c)) },
  { opcode: 0x0c31, name: "Set Controller To Host Flow Control", length: 1, supported: [10, 5], run: setHostFlow },
  { opcode: 0x0c33, name: "Host Buffer Size", length: 7, supported: [10, 6], run: setHostBuffers },
  { opcode: 0x0c35, name: "Host Number Of Completed Packets", length: 1, variable: true, supported: [10, 7], run: () => null },
  { opcode: 0x0c63, name: "Set Event Mask Page 2", length: 8, supported: [22, 2], run: (c, p) => set(c.eventmask2, p) },
  { opcode: 0x0c6c, name: "Read LE Host Support", length: 0, supported: [24, 5], run: (c) => success([c.lehost, 0]) },
  { opcode: 0x0c6d, name: "Write LE Host Support", length: 2, supported: [24, 6], run: setLeHost },

  { opcode: 0x1001, name: "Read Local Version Information", length: 0, supported: [14, 3], run: localVersion },
  { opcode: 0x1002, name: "Read Local Supported Commands", length: 0, supported: [14, 4], run: (c) => success(c.supportedCommands()) },
  { opcode: 0x1003, name: "Read Local Supported Features", length: 0, supported: [14, 5], run: (c) => success(c.identity.features) },
  { opcode: 0x1005, name: "Read Buffer Size", length: 0, supported: [14, 7], run: bufferSize },
  { opcode: 0x1009, name: "Read BD_ADDR", length: 0, supported: [15, 1], run: (c) => success(c.address) },
  { opcode: 0x1405, name: "Read RSSI", length: 2, supported: [15, 5], run: (c, p) => c.connections.readRssi(p) },

  { opcode: 0x2001, name: "LE Set Event Mask", length: 8, supported: [25, 0], run: (c, p) => set(c.leeventmask, p) },
  { opcode: 0x2002, name: "LE Read Buffer Size", length: 0, supported: [25, 1], run: leBufferSize },
  { opcode: 0x2003, name: "LE Read Local Supported Features", length: 0, supported: [25, 2], run: (c) => success(c.identity.lefeatures) },
  { opcode: 0x2005, name: "LE Set Random Address", length: 6, supported: [25, 4], run: (c, p) => c.setRandomAddress(p) },
  { opcode: 0x2006, name: "LE Set Advertising Parameters", length: 15, supported: [25, 5], run: (c, p) => c.advertising.setParameters(p) },
  { opcode: 0x2007, name: "LE Read Advertising Channel Tx Power", length: 0, supported: [25, 6], run: txPower },
  { opcode: 0x2008, name: "LE Set Advertising Data", length: 32, supported: [25, 7], run: (c, p) => c.advertising.setData(p) },
  { opcode: 0x2009, name: "LE Set Scan Response Data", length: 32, supported: [26, 0], run: (c, p) => c.advertising.setScanResponse(p) },
  { opcode: 0x200a, name: "LE Set Advertising Enable", length: 1, supported: [26, 1], run: (c, p) => c.advertising.setEnable(p[0]) },
  { opcode: 0x200b, name: "LE Set Scan Parameters", length: 7, supported: [26, 2], run: (c, p) => c.scanning.setParameters(p) },
  { opcode: 0x200c, name: "LE Set Scan Enable", length: 2, supported: [26, 3], run: (c, p) => c.scanning.setEnable(p[0], p[1]) },
  { opcode: 0x200d, name: "LE Create Connection", length: 25, supported: [26, 4], run: (c, p) => c.connections.create(p) },
  { opcode: 0x200e, name: "LE Create Connection Cancel", length: 0, supported: [26, 5], run: (c) => c.connections.cancel(0x200e) },
  { opcode: 0x200f, name: "LE Read Filter Accept List Size", length: 0, supported: [26, 6], run: (c) => success([c.acceptlist.size]) },
  { opcode: 0x2010, name: "LE Clear Filter Accept List", length: 0, supported: [26, 7], run: (c) => unused(c) ?? c.acceptlist.clear() },
  {
    opcode: 0x2011,
    name: "LE Add Device To Filter Accept List",
    length: 7,
    supported: [27, 0],
    run: (c, p) => unused(c) ?? c.acceptlist.add(p),
  },
  {
    opcode: 0x2012,
    name: "LE Remove Device From Filter Accept List",
    length: 7,
    supported: [27, 1],
    run: (c, p) => unused(c) ?? c.acceptlist.remove(p),
  },
  { opcode: 0x2013, name: "LE Connection Update", length: 14, supported: [27, 2], run: (c, p) => c.connections.update(p) },
  { opcode: 0x2015, name: "LE Read Channel Map", length: 2, supported: [27, 4], run: (c, p) => c.connections.readChannelMap(p) },
  { opcode: 0x2016, name: "LE Read Remote Features", length: 2, supported: [27, 5], run: (c, p) => c.connections.readFeatures(p) },
  { opcode: 0x2017, name: "LE Encrypt", length: 32, supported: [27, 6], run: (_, p) => success(leEncrypt(p)) },
  { opcode: 0x2018, name: "LE Rand", length: 0, supported: [27, 7], run: (c) => success(c.draw(8)) },
  { opcode: 0x2019, name: "LE Enable Encryption", length: 28, supported: [28, 0], run: (c, p) => c.connections.enableEncryption(p) },
  {
    opcode: 0x201a,
    name: "LE Long Term Key Request Reply",
    length: 18,
    supported: [28, 1],
    run: (c, p) => c.connections.replyKey(p, p.slice(2, 18)),
  },
  {
    opcode: 0x201b,
    name: "LE Long Term Key Request Negative Reply",
    length: 2,
    supported: [28, 2],
    run: (c, p) => c.connections.replyKey(p, null),
  },
  { opcode: 0x201c, name: "LE Read Supported States", length: 0, supported: [28, 3], run: (c) => success(c.identity.lestates) },
  { opcode: 0x201d, name: "LE Receiver Test", length: 1, supported: [28, 4], run: (c, p) => c.tests.receive(p) },
  { opcode: 0x201e, name: "LE Transmitter Test", length: 3, supported: [28, 5], run: (c, p) => c.tests.transmit(p) },
  { opcode: 0x201f, name: "LE Test End", length: 0, supported: [28, 6], run: (c) => c.tests.end() },
  {
    opcode: 0x2020,
    name: "LE Remote Connection Parameter Request Reply",
    length: 14,
    supported: [33, 4],
    run: (c, p) => c.connections.acceptParameters(p),
  },
  {
    opcode: 0x2021,
    name: "LE Remote Connection Parameter Request Negative Reply",
    length: 3,
    supported: [33, 5],
    run: (c, p) => c.connections.rejectParameters(p),
  },
];

function success(parameters: ArrayLike<number>): Uint8Array {
  const answer = new Uint8Array(1 + parameters.length);
  answer[0] = Status.SUCCESS;
  answer.set(parameters, 1);
  return answer;
}

function set(mask: Uint8Array, parameters: Uint8Array): number {
  mask.set(parameters);
  return Status.SUCCESS;
}

/** The accept list may not change while something asks it. */
function unused(controller: LeController): number | undefined {
  const { advertising, scanning, connections } = controller;
  return advertising.filtering || scanning.filtering || connections.filtering ? Status.COMMAND_DISALLOWED : undefined;
}

/** Only the bounds are looked at: data for the host are held up by the UART, not by its credits. */
function setHostFlow(_: LeController, parameters: Uint8Array): number {
  return parameters[0] <= 3 ? Status.SUCCESS : Status.INVALID_HCI_COMMAND_PARAMETERS;
}

/** As above, only the bounds are looked at: octets 0 and 3 are the ACL length and number. */
function setHostBuffers(_: LeController, parameters: Uint8Array): number {
  return u16(parameters, 0) > 0 && u16(parameters, 3) > 0 ? Status.SUCCESS : Status.INVALID_HCI_COMMAND_PARAMETERS;
}

function setLeHost(controller: LeController, parameters: Uint8Array): number {
  if (parameters[0] > 1) return Status.INVALID_HCI_COMMAND_PARAMETERS;
  controller.lehost = parameters[0];
  return Status.SUCCESS;
}

function txPower(controller: LeController): Answer {
  return success([controller.identity.txpower & 0xff]);
}

function localName(controller: LeController): Uint8Array {
  const name = new Uint8Array(248);
  name.set(latin(controller.identity.name).subarray(0, 248));
  return name;
}

function localVersion(controller: LeController): Uint8Array {
  const { version, revision, manufacturer, subversion } = controller.identity;
  return success([version, ...le16(revision), version, ...le16(manufacturer), ...le16(subversion)]);
}

function bufferSize(controller: LeController): Uint8Array {
  const { acl, sco } = controller.identity;
  return success([...le16(acl.length), sco.length, ...le16(acl.count), ...le16(sco.count)]);
}

function leBufferSize(controller: LeController): Uint8Array {
  const { length, count } = controller.identity.leacl;
  return success([...le16(length), count]);
}

/** HCI carries key, plaintext and ciphertext least significant octet first (7.8.22). */
function leEncrypt(parameters: Uint8Array): Uint8Array {
  return aes128(parameters.slice(0, 16).reverse(), parameters.slice(16, 32).reverse()).reverse();
}
