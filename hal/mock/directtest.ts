import { le16 } from "./bytes.js";
import type { Handle } from "./clock.js";
import type { LeController } from "./controller.js";
import { Status } from "./status.js";
import type { Answer } from "./table.js";
import { testAirTime, testInterval, testPayload, type TestPdu } from "./testpdu.js";

const CHANNEL_MAX = 39;
const PAYLOAD_MAX = 7;
/** Before version 4.2 a payload had 37 octets at most. */
const LENGTH_MAX = 37;
const VERSION_4_2 = 8;
/** What Num_Packets can hold. */
const COUNT_MAX = 0xffff;

/**
 * Direct test mode as HCI commands it (Core Vol 4 Part E 7.8.28 to 7.8.30). The specification does not say what a controller does with a test while it
 * advertises, scans or has connections, nor the other way round: this one refuses both, as the strictest would.
 */
export class DirectTest {
  private readonly _controller: LeController;
  private _event: Handle | null = null;
  private _end: (() => void) | null = null;
  private _count = 0;

  constructor(controller: LeController) {
    this._controller = controller;
  }

  get on(): boolean {
    return this._end !== null;
  }

  /** @param parameters RX_Channel */
  receive(parameters: Uint8Array): number {
    const [channel] = parameters;
    const refused = this._check(channel);
    if (refused !== Status.SUCCESS) return refused;
    this._begin(this._controller.air.tune(this._controller, channel, () => void (this._count = Math.min(this._count + 1, COUNT_MAX))));
    return Status.SUCCESS;
  }

  /** @param parameters TX_Channel, Length_Of_Test_Data, Packet_Payload */
  transmit(parameters: Uint8Array): number {
    const [channel, length, type] = parameters;
    const most = this._controller.identity.version < VERSION_4_2 ? LENGTH_MAX : 255;
    const refused = this._check(channel);
    if (refused !== Status.SUCCESS) return refused;
    if (length > most || type > PAYLOAD_MAX) return Status.INVALID_HCI_COMMAND_PARAMETERS;
    const { air } = this._controller;
    const pdu: TestPdu = { type, payload: testPayload(type, length) };
    const send = (): void => {
      this._event = air.clock.after(testInterval(length), send);
      air.transmitTest(this._controller, channel, pdu);
    };
    // The air hands a packet out at its end.
    this._event = air.clock.after(testAirTime(length), send);
    this._begin(() => {});
    return Status.SUCCESS;
  }

  /** Ends the test: status, and how many packets have been received. */
  end(): Answer {
    if (!this.on) return Status.COMMAND_DISALLOWED;
    const count = this._count;
    this.reset();
    return [Status.SUCCESS, ...le16(count)];
  }

  reset(): void {
    if (this._event !== null) this._controller.air.clock.cancel(this._event);
    this._end?.();
    this._event = null;
    this._end = null;
    this._count = 0;
  }

  private _begin(end: () => void): void {
    this._count = 0;
    this._end = end;
  }

  private _check(channel: number): number {
    const { advertising, scanning, connections } = this._controller;
    if (this.on || advertising.on || scanning.on || connections.initiating || connections.all.length > 0) return Status.COMMAND_DISALLOWED;
    return channel > CHANNEL_MAX ? Status.INVALID_HCI_COMMAND_PARAMETERS : Status.SUCCESS;
  }
}
