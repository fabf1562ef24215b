import assert from "node:assert/strict";
import { AdType } from "../../core/gap/ad.js";
import { AdvertisingType, Command, Event, LeEvent, Packet, Status, Supported } from "../../core/hci/codes.js";

/** Every number that the stack takes from a specification: what the code says, and what the document says at the place named. */
const TABLE: [name: string, ours: number, theirs: number, where: string][] = [
  ["Command packet", Packet.Command, 0x01, "Vol 4 Part A 2"],
  ["ACL data packet", Packet.Acl, 0x02, "Vol 4 Part A 2"],
  ["Synchronous data packet", Packet.Sco, 0x03, "Vol 4 Part A 2"],
  ["Event packet", Packet.Event, 0x04, "Vol 4 Part A 2"],
  ["HCI_Set_Event_Mask", Command.SetEventMask, (0x03 << 10) | 0x0001, "Vol 4 Part E 7.3.1"],
  ["HCI_Reset", Command.Reset, (0x03 << 10) | 0x0003, "Vol 4 Part E 7.3.2"],
  ["HCI_Read_Local_Name", Command.ReadLocalName, (0x03 << 10) | 0x0014, "Vol 4 Part E 7.3.12"],
  ["HCI_Write_LE_Host_Support", Command.WriteLeHostSupport, (0x03 << 10) | 0x006d, "Vol 4 Part E 7.3.79"],
  ["HCI_Read_Local_Version_Information", Command.ReadLocalVersion, (0x04 << 10) | 0x0001, "Vol 4 Part E 7.4.1"],
  ["HCI_Read_Local_Supported_Commands", Command.ReadSupportedCommands, (0x04 << 10) | 0x0002, "Vol 4 Part E 7.4.2"],
  ["HCI_Read_BD_ADDR", Command.ReadBdAddr, (0x04 << 10) | 0x0009, "Vol 4 Part E 7.4.6"],
  ["HCI_LE_Set_Event_Mask", Command.LeSetEventMask, (0x08 << 10) | 0x0001, "Vol 4 Part E 7.8.1"],
  ["HCI_LE_Set_Random_Address", Command.LeSetRandomAddress, (0x08 << 10) | 0x0005, "Vol 4 Part E 7.8.4"],
  ["HCI_LE_Set_Advertising_Parameters", Command.LeSetAdvertisingParameters, (0x08 << 10) | 0x0006, "Vol 4 Part E 7.8.5"],
  ["HCI_LE_Set_Advertising_Data", Command.LeSetAdvertisingData, (0x08 << 10) | 0x0008, "Vol 4 Part E 7.8.7"],
  ["HCI_LE_Set_Scan_Response_Data", Command.LeSetScanResponseData, (0x08 << 10) | 0x0009, "Vol 4 Part E 7.8.8"],
  ["HCI_LE_Set_Advertising_Enable", Command.LeSetAdvertisingEnable, (0x08 << 10) | 0x000a, "Vol 4 Part E 7.8.9"],
  ["HCI_LE_Set_Scan_Parameters", Command.LeSetScanParameters, (0x08 << 10) | 0x000b, "Vol 4 Part E 7.8.10"],
  ["HCI_LE_Set_Scan_Enable", Command.LeSetScanEnable, (0x08 << 10) | 0x000c, "Vol 4 Part E 7.8.11"],
  ["HCI_LE_Rand", Command.LeRand, (0x08 << 10) | 0x0018, "Vol 4 Part E 7.8.23"],
  ["Write_BD_ADDR", Command.WriteBdAddr, 0xfc01, "notes on the chip, 4"],
  ["Update_UART_Baud_Rate", Command.UpdateBaudRate, 0xfc18, "notes on the chip, 4"],
  ["Set_Sleepmode_Param", Command.SetSleepmode, 0xfc27, "notes on the chip, 4"],
  ["Download_Minidriver", Command.DownloadMinidriver, 0xfc2e, "notes on the chip, 4"],
  ["Write_RAM", Command.WriteRam, 0xfc4c, "notes on the chip, 4"],
  ["Launch_RAM", Command.LaunchRam, 0xfc4e, "notes on the chip, 4"],
  ["Command Complete", Event.CommandComplete, 0x0e, "Vol 4 Part E 7.7.14"],
  ["Command Status", Event.CommandStatus, 0x0f, "Vol 4 Part E 7.7.15"],
  ["Hardware Error", Event.HardwareError, 0x10, "Vol 4 Part E 7.7.16"],
  ["Number Of Completed Packets", Event.NumberOfCompletedPackets, 0x13, "Vol 4 Part E 7.7.19"],
  ["LE Meta", Event.LeMeta, 0x3e, "Vol 4 Part E 7.7.65"],
  ["LE Advertising Report", LeEvent.AdvertisingReport, 0x02, "Vol 4 Part E 7.7.65.2"],
  ["Success", Status.Success, 0x00, "Vol 1 Part F 1.3"],
  ["Unknown HCI Command", Status.UnknownCommand, 0x01, "Vol 1 Part F 1.3"],
  ["Command Disallowed", Status.CommandDisallowed, 0x0c, "Vol 1 Part F 1.3"],
  ["Read Local Name, octet 7 bit 1", Supported.ReadLocalName, 57, "Vol 4 Part E 6.27"],
  ["Write LE Host Support, octet 24 bit 6", Supported.WriteLeHostSupport, 198, "Vol 4 Part E 6.27"],
  ["ADV_IND", AdvertisingType.Connectable, 0x00, "Vol 4 Part E 7.8.5"],
  ["ADV_SCAN_IND", AdvertisingType.Scannable, 0x02, "Vol 4 Part E 7.8.5"],
  ["ADV_NONCONN_IND", AdvertisingType.NonConnectable, 0x03, "Vol 4 Part E 7.8.5"],
  ["Flags", AdType.Flags, 0x01, "Assigned Numbers 2.3"],
  ["Complete List of 16-bit Service UUIDs", AdType.Uuids16, 0x03, "Assigned Numbers 2.3"],
  ["Complete List of 128-bit Service UUIDs", AdType.Uuids128, 0x07, "Assigned Numbers 2.3"],
  ["Shortened Local Name", AdType.ShortName, 0x08, "Assigned Numbers 2.3"],
  ["Complete Local Name", AdType.Name, 0x09, "Assigned Numbers 2.3"],
  ["Service Data, 16-bit UUID", AdType.ServiceData16, 0x16, "Assigned Numbers 2.3"],
  ["Manufacturer Specific Data", AdType.Manufacturer, 0xff, "Assigned Numbers 2.3"],
];

describe("numbers of the specifications", () => {
  for (const [name, ours, theirs, where] of TABLE) {
    it(`${name}: ${where}`, () => assert.equal(ours, theirs));
  }
});
