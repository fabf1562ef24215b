import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { Att, AttError, AttSize } from "../../core/att/codes.js";
import { AdType } from "../../core/gap/ad.js";
import { Property, Type } from "../../core/gatt/codes.js";
import { AdvertisingType, Command, Event, LeEvent, Packet, Status, Supported } from "../../core/hci/codes.js";
import { Cid, Reject, Signal } from "../../core/l2cap/codes.js";
import { AuthReq, Io, Keys, Reason, Smp } from "../../core/smp/codes.js";

/** Every number that the stack takes from a specification: what the code says, and what the document says at the place named. */
const TABLE: [name: string, ours: number, theirs: number, where: string][] = [
  ["Command packet", Packet.Command, 0x01, "Vol 4 Part A 2"],
  ["ACL data packet", Packet.Acl, 0x02, "Vol 4 Part A 2"],
  ["Synchronous data packet", Packet.Sco, 0x03, "Vol 4 Part A 2"],
  ["Event packet", Packet.Event, 0x04, "Vol 4 Part A 2"],
  ["Diagnostics", Packet.Diagnostic, 0x07, "notes on the chip, 2"],
  ["Empty packet", Packet.Empty, 0x00, "notes on the chip, 2"],
  ["Empty packet, 0x31", Packet.Empty31, 0x31, "notes on the chip, 2"],
  ["Empty packet, 0x34", Packet.Empty34, 0x34, "notes on the chip, 2"],
  ["HCI_Disconnect", Command.Disconnect, (0x01 << 10) | 0x0006, "Vol 4 Part E 7.1.6"],
  ["HCI_Set_Event_Mask", Command.SetEventMask, (0x03 << 10) | 0x0001, "Vol 4 Part E 7.3.1"],
  ["HCI_Reset", Command.Reset, (0x03 << 10) | 0x0003, "Vol 4 Part E 7.3.2"],
  ["HCI_Read_Local_Name", Command.ReadLocalName, (0x03 << 10) | 0x0014, "Vol 4 Part E 7.3.12"],
  ["HCI_Write_LE_Host_Support", Command.WriteLeHostSupport, (0x03 << 10) | 0x006d, "Vol 4 Part E 7.3.79"],
  ["HCI_Read_Local_Version_Information", Command.ReadLocalVersion, (0x04 << 10) | 0x0001, "Vol 4 Part E 7.4.1"],
  ["HCI_Read_Local_Supported_Commands", Command.ReadSupportedCommands, (0x04 << 10) | 0x0002, "Vol 4 Part E 7.4.2"],
  ["HCI_Read_Buffer_Size", Command.ReadBufferSize, (0x04 << 10) | 0x0005, "Vol 4 Part E 7.4.5"],
  ["HCI_Read_BD_ADDR", Command.ReadBdAddr, (0x04 << 10) | 0x0009, "Vol 4 Part E 7.4.6"],
  ["HCI_Read_RSSI", Command.ReadRssi, (0x05 << 10) | 0x0005, "Vol 4 Part E 7.5.4"],
  ["HCI_LE_Set_Event_Mask", Command.LeSetEventMask, (0x08 << 10) | 0x0001, "Vol 4 Part E 7.8.1"],
  ["HCI_LE_Read_Buffer_Size [v1]", Command.LeReadBufferSize, (0x08 << 10) | 0x0002, "Vol 4 Part E 7.8.2"],
  ["HCI_LE_Read_Buffer_Size [v2]", Command.LeReadBufferSizeV2, (0x08 << 10) | 0x0060, "Vol 4 Part E 7.8.2"],
  ["HCI_LE_Set_Random_Address", Command.LeSetRandomAddress, (0x08 << 10) | 0x0005, "Vol 4 Part E 7.8.4"],
  ["HCI_LE_Set_Advertising_Parameters", Command.LeSetAdvertisingParameters, (0x08 << 10) | 0x0006, "Vol 4 Part E 7.8.5"],
  ["HCI_LE_Set_Advertising_Data", Command.LeSetAdvertisingData, (0x08 << 10) | 0x0008, "Vol 4 Part E 7.8.7"],
  ["HCI_LE_Set_Scan_Response_Data", Command.LeSetScanResponseData, (0x08 << 10) | 0x0009, "Vol 4 Part E 7.8.8"],
  ["HCI_LE_Set_Advertising_Enable", Command.LeSetAdvertisingEnable, (0x08 << 10) | 0x000a, "Vol 4 Part E 7.8.9"],
  ["HCI_LE_Set_Scan_Parameters", Command.LeSetScanParameters, (0x08 << 10) | 0x000b, "Vol 4 Part E 7.8.10"],
  ["HCI_LE_Set_Scan_Enable", Command.LeSetScanEnable, (0x08 << 10) | 0x000c, "Vol 4 Part E 7.8.11"],
  ["HCI_LE_Create_Connection", Command.LeCreateConnection, (0x08 << 10) | 0x000d, "Vol 4 Part E 7.8.12"],
  ["HCI_LE_Create_Connection_Cancel", Command.LeCreateConnectionCancel, (0x08 << 10) | 0x000e, "Vol 4 Part E 7.8.13"],
  ["HCI_LE_Connection_Update", Command.LeConnectionUpdate, (0x08 << 10) | 0x0013, "Vol 4 Part E 7.8.18"],
  ["HCI_LE_Encrypt", Command.LeEncrypt, (0x08 << 10) | 0x0017, "Vol 4 Part E 7.8.22"],
  ["HCI_LE_Rand", Command.LeRand, (0x08 << 10) | 0x0018, "Vol 4 Part E 7.8.23"],
  ["HCI_LE_Enable_Encryption", Command.LeEnableEncryption, (0x08 << 10) | 0x0019, "Vol 4 Part E 7.8.24"],
  ["HCI_LE_Long_Term_Key_Request_Reply", Command.LeLongTermKeyReply, (0x08 << 10) | 0x001a, "Vol 4 Part E 7.8.25"],
  ["HCI_LE_Long_Term_Key_Request_Negative_Reply", Command.LeLongTermKeyNegativeReply, (0x08 << 10) | 0x001b, "Vol 4 Part E 7.8.26"],
  ["HCI_LE_Read_Supported_States", Command.LeReadSupportedStates, (0x08 << 10) | 0x001c, "Vol 4 Part E 7.8.27"],
  ["HCI_LE_Receiver_Test [v1]", Command.LeReceiverTest, (0x08 << 10) | 0x001d, "Vol 4 Part E 7.8.28"],
  ["HCI_LE_Transmitter_Test [v1]", Command.LeTransmitterTest, (0x08 << 10) | 0x001e, "Vol 4 Part E 7.8.29"],
  ["HCI_LE_Test_End", Command.LeTestEnd, (0x08 << 10) | 0x001f, "Vol 4 Part E 7.8.30"],
  ["HCI_LE_Remote_Connection_Parameter_Request_Reply", Command.LeParameterRequestReply, (0x08 << 10) | 0x0020, "Vol 4 Part E 7.8.31"],
  ["HCI_LE_Remote_Connection_Parameter_Request_Negative_Reply", Command.LeParameterRequestNegativeReply, (0x08 << 10) | 0x0021, "Vol 4 Part E 7.8.32"],
  ["Write_BD_ADDR", Command.WriteBdAddr, 0xfc01, "notes on the chip, 4"],
  ["Update_UART_Baud_Rate", Command.UpdateBaudRate, 0xfc18, "notes on the chip, 4"],
  ["Set_Sleepmode_Param", Command.SetSleepmode, 0xfc27, "notes on the chip, 4"],
  ["Download_Minidriver", Command.DownloadMinidriver, 0xfc2e, "notes on the chip, 4"],
  ["Write_RAM", Command.WriteRam, 0xfc4c, "notes on the chip, 4"],
  ["Launch_RAM", Command.LaunchRam, 0xfc4e, "notes on the chip, 4"],
  ["Disconnection Complete", Event.DisconnectionComplete, 0x05, "Vol 4 Part E 7.7.5"],
  ["Encryption Change [v1]", Event.EncryptionChange, 0x08, "Vol 4 Part E 7.7.8"],
  ["Command Complete", Event.CommandComplete, 0x0e, "Vol 4 Part E 7.7.14"],
  ["Command Status", Event.CommandStatus, 0x0f, "Vol 4 Part E 7.7.15"],
  ["Hardware Error", Event.HardwareError, 0x10, "Vol 4 Part E 7.7.16"],
  ["Number Of Completed Packets", Event.NumberOfCompletedPackets, 0x13, "Vol 4 Part E 7.7.19"],
  ["Encryption Key Refresh Complete", Event.EncryptionKeyRefreshComplete, 0x30, "Vol 4 Part E 7.7.39"],
  ["LE Meta", Event.LeMeta, 0x3e, "Vol 4 Part E 7.7.65"],
  ["LE Connection Complete", LeEvent.ConnectionComplete, 0x01, "Vol 4 Part E 7.7.65.1"],
  ["LE Advertising Report", LeEvent.AdvertisingReport, 0x02, "Vol 4 Part E 7.7.65.2"],
  ["LE Connection Update Complete", LeEvent.ConnectionUpdateComplete, 0x03, "Vol 4 Part E 7.7.65.3"],
  ["LE Long Term Key Request", LeEvent.LongTermKeyRequest, 0x05, "Vol 4 Part E 7.7.65.5"],
  ["LE Remote Connection Parameter Request", LeEvent.RemoteParameterRequest, 0x06, "Vol 4 Part E 7.7.65.6"],
  ["LE Enhanced Connection Complete [v1]", LeEvent.EnhancedConnectionComplete, 0x0a, "Vol 4 Part E 7.7.65.10"],
  ["Success", Status.Success, 0x00, "Vol 1 Part F 1.3"],
  ["Unknown HCI Command", Status.UnknownCommand, 0x01, "Vol 1 Part F 1.3"],
  ["Unknown Connection Identifier", Status.UnknownConnection, 0x02, "Vol 1 Part F 1.3"],
  ["Authentication Failure", Status.AuthenticationFailure, 0x05, "Vol 1 Part F 1.3"],
  ["PIN or Key Missing", Status.PinOrKeyMissing, 0x06, "Vol 1 Part F 1.3"],
  ["Connection Timeout", Status.ConnectionTimeout, 0x08, "Vol 1 Part F 1.3"],
  ["Command Disallowed", Status.CommandDisallowed, 0x0c, "Vol 1 Part F 1.3"],
  ["Remote User Terminated Connection", Status.RemoteUserTerminated, 0x13, "Vol 1 Part F 1.3"],
  ["Unacceptable Connection Parameters", Status.UnacceptableParameters, 0x3b, "Vol 1 Part F 1.3"],
  ["Read Local Name, octet 7 bit 1", Supported.ReadLocalName, 57, "Vol 4 Part E 6.27"],
  ["Read RSSI, octet 15 bit 5", Supported.ReadRssi, 125, "Vol 4 Part E 6.27"],
  ["Write LE Host Support, octet 24 bit 6", Supported.WriteLeHostSupport, 198, "Vol 4 Part E 6.27"],
  ["LE Read Buffer Size [v1], octet 25 bit 1", Supported.LeReadBufferSize, 201, "Vol 4 Part E 6.27"],
  ["LE Connection Update, octet 27 bit 2", Supported.LeConnectionUpdate, 218, "Vol 4 Part E 6.27"],
  ["LE Encrypt, octet 27 bit 6", Supported.LeEncrypt, 222, "Vol 4 Part E 6.27"],
  ["LE Read Supported States, octet 28 bit 3", Supported.LeReadSupportedStates, 227, "Vol 4 Part E 6.27"],
  ["LE Remote Connection Parameter Request Reply, octet 33 bit 4", Supported.LeParameterRequestReply, 268, "Vol 4 Part E 6.27"],
  ["LE Remote Connection Parameter Request Negative Reply, octet 33 bit 5", Supported.LeParameterRequestNegativeReply, 269, "Vol 4 Part E 6.27"],
  ["LE Read Buffer Size [v2], octet 41 bit 5", Supported.LeReadBufferSizeV2, 333, "Vol 4 Part E 6.27"],
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
  ["ATT_ERROR_RSP", Att.Error, 0x01, "Vol 3 Part F 3.4.8"],
  ["ATT_EXCHANGE_MTU_REQ", Att.MtuRequest, 0x02, "Vol 3 Part F 3.4.8"],
  ["ATT_EXCHANGE_MTU_RSP", Att.MtuResponse, 0x03, "Vol 3 Part F 3.4.8"],
  ["ATT_FIND_INFORMATION_REQ", Att.FindInformation, 0x04, "Vol 3 Part F 3.4.8"],
  ["ATT_FIND_INFORMATION_RSP", Att.FindInformationResponse, 0x05, "Vol 3 Part F 3.4.8"],
  ["ATT_FIND_BY_TYPE_VALUE_REQ", Att.FindByTypeValue, 0x06, "Vol 3 Part F 3.4.8"],
  ["ATT_FIND_BY_TYPE_VALUE_RSP", Att.FindByTypeValueResponse, 0x07, "Vol 3 Part F 3.4.8"],
  ["ATT_READ_BY_TYPE_REQ", Att.ReadByType, 0x08, "Vol 3 Part F 3.4.8"],
  ["ATT_READ_BY_TYPE_RSP", Att.ReadByTypeResponse, 0x09, "Vol 3 Part F 3.4.8"],
  ["ATT_READ_REQ", Att.Read, 0x0a, "Vol 3 Part F 3.4.8"],
  ["ATT_READ_RSP", Att.ReadResponse, 0x0b, "Vol 3 Part F 3.4.8"],
  ["ATT_READ_BLOB_REQ", Att.ReadBlob, 0x0c, "Vol 3 Part F 3.4.8"],
  ["ATT_READ_BLOB_RSP", Att.ReadBlobResponse, 0x0d, "Vol 3 Part F 3.4.8"],
  ["ATT_READ_MULTIPLE_REQ", Att.ReadMultiple, 0x0e, "Vol 3 Part F 3.4.8"],
  ["ATT_READ_MULTIPLE_RSP", Att.ReadMultipleResponse, 0x0f, "Vol 3 Part F 3.4.8"],
  ["ATT_READ_BY_GROUP_TYPE_REQ", Att.ReadByGroupType, 0x10, "Vol 3 Part F 3.4.8"],
  ["ATT_READ_BY_GROUP_TYPE_RSP", Att.ReadByGroupTypeResponse, 0x11, "Vol 3 Part F 3.4.8"],
  ["ATT_WRITE_REQ", Att.Write, 0x12, "Vol 3 Part F 3.4.8"],
  ["ATT_WRITE_RSP", Att.WriteResponse, 0x13, "Vol 3 Part F 3.4.8"],
  ["ATT_PREPARE_WRITE_REQ", Att.PrepareWrite, 0x16, "Vol 3 Part F 3.4.8"],
  ["ATT_PREPARE_WRITE_RSP", Att.PrepareWriteResponse, 0x17, "Vol 3 Part F 3.4.8"],
  ["ATT_EXECUTE_WRITE_REQ", Att.ExecuteWrite, 0x18, "Vol 3 Part F 3.4.8"],
  ["ATT_EXECUTE_WRITE_RSP", Att.ExecuteWriteResponse, 0x19, "Vol 3 Part F 3.4.8"],
  ["ATT_HANDLE_VALUE_NTF", Att.Notification, 0x1b, "Vol 3 Part F 3.4.8"],
  ["ATT_HANDLE_VALUE_IND", Att.Indication, 0x1d, "Vol 3 Part F 3.4.8"],
  ["ATT_HANDLE_VALUE_CFM", Att.Confirmation, 0x1e, "Vol 3 Part F 3.4.8"],
  ["ATT_READ_MULTIPLE_VARIABLE_REQ", Att.ReadMultipleVariable, 0x20, "Vol 3 Part F 3.4.8"],
  ["ATT_READ_MULTIPLE_VARIABLE_RSP", Att.ReadMultipleVariableResponse, 0x21, "Vol 3 Part F 3.4.8"],
  ["ATT_MULTIPLE_HANDLE_VALUE_NTF", Att.MultipleNotification, 0x23, "Vol 3 Part F 3.4.8"],
  ["ATT_WRITE_CMD", Att.WriteCommand, 0x52, "Vol 3 Part F 3.4.8"],
  ["ATT_SIGNED_WRITE_CMD", Att.SignedWrite, 0xd2, "Vol 3 Part F 3.4.8"],
  ["Command Flag, bit 6 of an opcode", Att.Command, 1 << 6, "Vol 3 Part F 3.3.1"],
  ["Invalid Handle", AttError.InvalidHandle, 0x01, "Vol 3 Part F 3.4.1.1"],
  ["Read Not Permitted", AttError.ReadNotPermitted, 0x02, "Vol 3 Part F 3.4.1.1"],
  ["Write Not Permitted", AttError.WriteNotPermitted, 0x03, "Vol 3 Part F 3.4.1.1"],
  ["Invalid PDU", AttError.InvalidPdu, 0x04, "Vol 3 Part F 3.4.1.1"],
  ["Insufficient Authentication", AttError.InsufficientAuthentication, 0x05, "Vol 3 Part F 3.4.1.1"],
  ["Request Not Supported", AttError.RequestNotSupported, 0x06, "Vol 3 Part F 3.4.1.1"],
  ["Invalid Offset", AttError.InvalidOffset, 0x07, "Vol 3 Part F 3.4.1.1"],
  ["Prepare Queue Full", AttError.PrepareQueueFull, 0x09, "Vol 3 Part F 3.4.1.1"],
  ["Attribute Not Found", AttError.AttributeNotFound, 0x0a, "Vol 3 Part F 3.4.1.1"],
  ["Attribute Not Long", AttError.AttributeNotLong, 0x0b, "Vol 3 Part F 3.4.1.1"],
  ["Invalid Attribute Value Length", AttError.InvalidValueLength, 0x0d, "Vol 3 Part F 3.4.1.1"],
  ["Unlikely Error", AttError.Unlikely, 0x0e, "Vol 3 Part F 3.4.1.1"],
  ["Unsupported Group Type", AttError.UnsupportedGroupType, 0x10, "Vol 3 Part F 3.4.1.1"],
  ["Database Out Of Sync", AttError.DatabaseOutOfSync, 0x12, "Vol 3 Part F 3.4.1.1"],
  ["Value Not Allowed", AttError.ValueNotAllowed, 0x13, "Vol 3 Part F 3.4.1.1"],
  ["Application Error, the first", AttError.Application, 0x80, "Vol 3 Part F 3.4.1.1"],
  ["Client Characteristic Configuration Descriptor Improperly Configured", AttError.ImproperlyConfigured, 0xfd, "Core Specification Supplement Part B 1.2"],
  ["Default ATT_MTU on LE", AttSize.Mtu, 23, "Vol 3 Part G 5.2.1"],
  ["Longest attribute value", AttSize.Value, 512, "Vol 3 Part F 3.2.9"],
  ["Generic Access service", Type.GenericAccess, 0x1800, "Assigned Numbers 3.4.2"],
  ["Generic Attribute service", Type.GenericAttribute, 0x1801, "Assigned Numbers 3.4.2"],
  ["Primary Service", Type.PrimaryService, 0x2800, "Assigned Numbers 3.6"],
  ["Secondary Service", Type.SecondaryService, 0x2801, "Assigned Numbers 3.6"],
  ["Include", Type.Include, 0x2802, "Assigned Numbers 3.6"],
  ["Characteristic", Type.Characteristic, 0x2803, "Assigned Numbers 3.6"],
  ["Characteristic Extended Properties", Type.ExtendedProperties, 0x2900, "Assigned Numbers 3.7"],
  ["Characteristic User Description", Type.UserDescription, 0x2901, "Assigned Numbers 3.7"],
  ["Client Characteristic Configuration", Type.ClientConfiguration, 0x2902, "Assigned Numbers 3.7"],
  ["Characteristic Aggregate Format", Type.AggregateFormat, 0x2905, "Assigned Numbers 3.7"],
  ["Device Name", Type.DeviceName, 0x2a00, "Assigned Numbers 3.8.2"],
  ["Appearance", Type.Appearance, 0x2a01, "Assigned Numbers 3.8.2"],
  ["Peripheral Preferred Connection Parameters", Type.PreferredParameters, 0x2a04, "Assigned Numbers 3.8.2"],
  ["Service Changed", Type.ServiceChanged, 0x2a05, "Assigned Numbers 3.8.2"],
  ["Client Supported Features", Type.ClientSupportedFeatures, 0x2b29, "Assigned Numbers 3.8.2"],
  ["Database Hash", Type.DatabaseHash, 0x2b2a, "Assigned Numbers 3.8.2"],
  ["Property Read", Property.Read, 0x02, "Vol 3 Part G 3.3.1.1"],
  ["Property Write Without Response", Property.WriteCommand, 0x04, "Vol 3 Part G 3.3.1.1"],
  ["Property Write", Property.Write, 0x08, "Vol 3 Part G 3.3.1.1"],
  ["Property Notify", Property.Notify, 0x10, "Vol 3 Part G 3.3.1.1"],
  ["Property Indicate", Property.Indicate, 0x20, "Vol 3 Part G 3.3.1.1"],
  ["Property Authenticated Signed Writes", Property.SignedWrite, 0x40, "Vol 3 Part G 3.3.1.1"],
  ["Channel of the Attribute Protocol", Cid.Att, 0x0004, "Vol 3 Part A 2.1"],
  ["Channel of LE signalling", Cid.Signalling, 0x0005, "Vol 3 Part A 2.1"],
  ["Channel of the Security Manager", Cid.Smp, 0x0006, "Vol 3 Part A 2.1"],
  ["L2CAP_COMMAND_REJECT_RSP", Signal.Reject, 0x01, "Vol 3 Part A 4.1"],
  ["L2CAP_CONNECTION_PARAMETER_UPDATE_REQ", Signal.ParameterRequest, 0x12, "Vol 3 Part A 4.20"],
  ["L2CAP_CONNECTION_PARAMETER_UPDATE_RSP", Signal.ParameterResponse, 0x13, "Vol 3 Part A 4.21"],
  ["L2CAP_LE_CREDIT_BASED_CONNECTION_RSP", Signal.LastOddResponse, 0x15, "Vol 3 Part A 4.23"],
  ["L2CAP_CREDIT_BASED_CONNECTION_RSP", Signal.CreditResponse, 0x18, "Vol 3 Part A 4.26"],
  ["L2CAP_CREDIT_BASED_RECONFIGURE_RSP", Signal.ReconfigureResponse, 0x1a, "Vol 3 Part A 4.28"],
  ["Least MTUsig on LE", Signal.Mtu, 23, "Vol 3 Part A 4"],
  ["Command not understood", Reject.NotUnderstood, 0x0000, "Vol 3 Part A 4.1"],
  ["Signaling MTU exceeded", Reject.TooLong, 0x0001, "Vol 3 Part A 4.1"],
  ["Pairing Request", Smp.PairingRequest, 0x01, "Vol 3 Part H 3.3"],
  ["Pairing Response", Smp.PairingResponse, 0x02, "Vol 3 Part H 3.3"],
  ["Pairing Confirm", Smp.PairingConfirm, 0x03, "Vol 3 Part H 3.3"],
  ["Pairing Random", Smp.PairingRandom, 0x04, "Vol 3 Part H 3.3"],
  ["Pairing Failed", Smp.PairingFailed, 0x05, "Vol 3 Part H 3.3"],
  ["Encryption Information", Smp.EncryptionInformation, 0x06, "Vol 3 Part H 3.3"],
  ["Central Identification", Smp.CentralIdentification, 0x07, "Vol 3 Part H 3.3"],
  ["Identity Information", Smp.IdentityInformation, 0x08, "Vol 3 Part H 3.3"],
  ["Identity Address Information", Smp.IdentityAddressInformation, 0x09, "Vol 3 Part H 3.3"],
  ["Signing Information", Smp.SigningInformation, 0x0a, "Vol 3 Part H 3.3"],
  ["Security Request", Smp.SecurityRequest, 0x0b, "Vol 3 Part H 3.3"],
  ["Pairing Public Key", Smp.PublicKey, 0x0c, "Vol 3 Part H 3.3"],
  ["Pairing DHKey Check", Smp.DhKeyCheck, 0x0d, "Vol 3 Part H 3.3"],
  ["Pairing Keypress Notification", Smp.KeypressNotification, 0x0e, "Vol 3 Part H 3.3"],
  ["Passkey Entry Failed", Reason.PasskeyEntryFailed, 0x01, "Vol 3 Part H 3.5.5"],
  ["OOB Not Available", Reason.OobNotAvailable, 0x02, "Vol 3 Part H 3.5.5"],
  ["Authentication Requirements", Reason.AuthenticationRequirements, 0x03, "Vol 3 Part H 3.5.5"],
  ["Confirm Value Failed", Reason.ConfirmValueFailed, 0x04, "Vol 3 Part H 3.5.5"],
  ["Pairing Not Supported", Reason.PairingNotSupported, 0x05, "Vol 3 Part H 3.5.5"],
  ["Encryption Key Size", Reason.EncryptionKeySize, 0x06, "Vol 3 Part H 3.5.5"],
  ["Command Not Supported", Reason.CommandNotSupported, 0x07, "Vol 3 Part H 3.5.5"],
  ["Unspecified Reason", Reason.Unspecified, 0x08, "Vol 3 Part H 3.5.5"],
  ["Repeated Attempts", Reason.RepeatedAttempts, 0x09, "Vol 3 Part H 3.5.5"],
  ["Invalid Parameters", Reason.InvalidParameters, 0x0a, "Vol 3 Part H 3.5.5"],
  ["DHKey Check Failed", Reason.DhKeyCheckFailed, 0x0b, "Vol 3 Part H 3.5.5"],
  ["Numeric Comparison Failed", Reason.NumericComparisonFailed, 0x0c, "Vol 3 Part H 3.5.5"],
  ["DisplayOnly", Io.DisplayOnly, 0x00, "Vol 3 Part H 3.5.1"],
  ["DisplayYesNo", Io.DisplayYesNo, 0x01, "Vol 3 Part H 3.5.1"],
  ["KeyboardOnly", Io.KeyboardOnly, 0x02, "Vol 3 Part H 3.5.1"],
  ["NoInputNoOutput", Io.NoInputNoOutput, 0x03, "Vol 3 Part H 3.5.1"],
  ["KeyboardDisplay", Io.KeyboardDisplay, 0x04, "Vol 3 Part H 3.5.1"],
  ["Bonding_Flags, bits 0 and 1: Bonding", AuthReq.Bonding, 0b01, "Vol 3 Part H 3.5.1"],
  ["MITM, bit 2", AuthReq.Mitm, 1 << 2, "Vol 3 Part H 3.5.1"],
  ["SC, bit 3", AuthReq.SecureConnections, 1 << 3, "Vol 3 Part H 3.5.1"],
  ["EncKey, bit 0", Keys.Encryption, 1 << 0, "Vol 3 Part H 3.6.1"],
  ["IdKey, bit 1", Keys.Identity, 1 << 1, "Vol 3 Part H 3.6.1"],
  ["SignKey, bit 2", Keys.Signing, 1 << 2, "Vol 3 Part H 3.6.1"],
];

/** Members that are the stack's own and stand in no document: a status for no answer at all, and the outcomes of the table of pairing methods. */
const OWN = ["Status.NoAnswer", "Method.JustWorks", "Method.NumericComparison", "Method.Passkey", "Method.OutOfBand"];

/** The members of all enums in a source text, as "Command.Reset". Constants of enums are gone from what runs, so their source is read. */
function membersOf(source: string): string[] {
  const code = source.replace(/\/\*[^]*?\*\/|\/\/.*/g, "");
  const members: string[] = [];
  for (const [, name, body] of code.matchAll(/\benum (\w+) \{([^}]*)\}/g)) {
    for (const [, member] of body.matchAll(/(?:^|,)\s*(\w+)/g)) members.push(`${name}.${member}`);
  }
  return members;
}

/** The members that rows of the table above take their second column from. The source says it: in the table itself only the number is left. */
function membersInRows(): string[] {
  const source = readFileSync("test/core/constants.test.ts", "utf8");
  return [...source.matchAll(/^ {2}\[\s*"[^"]*",\s*(\w+\.\w+),/gm)].map(([, member]) => member);
}

describe("numbers of the specifications", () => {
  for (const [name, ours, theirs, where] of TABLE) {
    it(`${name}: ${where}`, () => assert.equal(ours, theirs));
  }

  it("are all in the table: no member of the enums has no row", () => {
    const files = readdirSync("core").map((room) => `core/${room}/codes.ts`);
    const members = [...files.filter((file) => existsSync(file)), "core/gap/ad.ts"].flatMap((file) => membersOf(readFileSync(file, "utf8")));
    const rows = membersInRows();
    assert.equal(rows.length, TABLE.length, "each row is understood");
    assert.deepEqual(
      members.filter((member) => !rows.includes(member) && !OWN.includes(member)),
      [],
    );
    // The other way round: a member that the search overlooks would not be missed either.
    assert.deepEqual(
      [...rows, ...OWN].filter((member) => !members.includes(member)),
      [],
    );
  });

  it("are found in whatever form an enum is written", () => {
    const source = "/** A = 1, */ export const enum One {\n  /** Of, both. */\n  A = 1, // B,\n  C = 7 * 8 + 1,\n}\nconst enum Two { D, E }\n";
    assert.deepEqual(membersOf(source), ["One.A", "One.C", "Two.D", "Two.E"]);
  });
});
