import { deviceAddress, Llid, PduType, type AdvertisingPdu, type Air, type DeviceAddress, type LinkEnd, type LinkOwner, type Radio } from "../../hal/mock/index.js";
import { Advertiser } from "../../hal/mock/advertiser.js";
import { hex, unhex } from "./rawhost.js";

/** Channels, Vol 3 Part A 2.1. */
export const CID = { ATT: 4, SIGNALLING: 5, SMP: 6 } as const;

/** A peripheral without a stack: it advertises, takes a connection, and does as it is told with each L2CAP frame. */
export class RawPeripheral implements Radio {
  readonly name = "raw peripheral";
  readonly address: DeviceAddress;
  end: LinkEnd | null = null;
  /** Frames heard, oldest first. */
  readonly frames: { cid: number; bytes: string }[] = [];
  /** Why the link ended, each time. */
  readonly ends: number[] = [];
  onframe: (cid: number, payload: Uint8Array) => void = () => {};
  /** Asked for the key to encrypt with, least significant octet first. */
  onkey: (rand: Uint8Array, ediv: number) => Uint8Array | null = () => null;
  onencrypted: (status: number) => void = () => {};
  /** Address of the central, as the air told it. */
  peer: DeviceAddress | null = null;
  private readonly _advertiser: Advertiser;
  private readonly _air: Air;
  private _response: Uint8Array;
  private _frame: number[] = [];

  constructor(air: Air, { data = "020106", response = "", address = "c00000000001", random = 1 as 0 | 1, type = PduType.ADV_IND as PduType } = {}) {
    this._air = air;
    this.address = deviceAddress(address, random);
    this._response = unhex(response);
    this._advertiser = new Advertiser(air, this);
    this._advertiser.start(30, () => ({ type, address: this.address, data: unhex(data) }));
  }

  /** Answers ATT requests by a table of hex digits; what is not in it gets no answer. */
  serve(table: { readonly [request: string]: string | undefined }): this {
    this.onframe = (cid, payload) => {
      const answer = cid === CID.ATT ? table[hex(payload)] : undefined;
      if (answer !== undefined) this.send(CID.ATT, answer);
    };
    return this;
  }

  send(cid: number, digits: string): void {
    const payload = unhex(digits);
    const frame = Uint8Array.of(payload.length & 255, payload.length >> 8, cid, 0, ...payload);
    for (let at = 0; at < frame.length; at += 27) this.end!.send(at === 0 ? Llid.START : Llid.CONTINUE, frame.slice(at, at + 27));
  }

  stop(): void {
    this._advertiser.stop();
  }

  listening(): boolean {
    return false;
  }

  hear(): void {}

  scanRequested(): AdvertisingPdu | null {
    return { type: PduType.SCAN_RSP, address: this.address, data: this._response };
  }

  connectRequested(request: { initiator: DeviceAddress }): LinkOwner | null {
    if (this.end !== null && this.end.alive) return null;
    this.peer = request.initiator;
    return {
      radio: this,
      features: Uint8Array.of(0x1f, 0, 0, 0, 0, 0, 0, 0),
      version: { version: 8, manufacturer: 0xffff, subversion: 0 },
      eventpackets: 0,
      created: (end) => {
        this.end = end;
        this._frame = [];
      },
      established: () => {},
      ready: () => true,
      data: (llid, payload) => this._take(llid, payload),
      eventended: () => {},
      ended: (reason) => void this.ends.push(reason),
      updated: () => {},
      parametersrequested: () => {},
      featuresread: () => {},
      versionread: () => {},
      // A host takes its time to answer.
      keyrequested: (rand, ediv) => void this._air.clock.after(1, () => this.end!.control.replyKey(this.onkey(rand, ediv))),
      encrypted: (status) => this.onencrypted(status),
    };
  }

  private _take(llid: number, payload: Uint8Array): void {
    if (llid === Llid.START) this._frame = [];
    this._frame.push(...payload);
    const frame = this._frame;
    if (frame.length < 4 || frame.length < 4 + frame[0] + 256 * frame[1]) return;
    this._frame = [];
    const cid = frame[2] + 256 * frame[3];
    const bytes = Uint8Array.from(frame.slice(4));
    this.frames.push({ cid, bytes: hex(bytes) });
    this.onframe(cid, bytes);
  }
}
