import { le16 } from "./bytes.js";
import type { Connections } from "./connections.js";
import type { LeController } from "./controller.js";
import { EventCode, LeSubevent } from "./events.js";
import { H4 } from "./h4.js";
import { LL_PAYLOAD, type LinkEnd, type LinkOwner, type LinkVersion, type ParameterRequest } from "./link.js";
import type { LinkControl } from "./linkcontrol.js";
import { Llid } from "./pdu.js";
import { Status } from "./status.js";

/** Packet_Boundary_Flag of HCI ACL data (Core Vol 4 Part E 5.4.2): begin of an L2CAP frame from the host, rest, begin to the host. */
const Boundary = { FIRST_FROM_HOST: 0, CONTINUE: 1, FIRST_TO_HOST: 2 } as const;
/** Octets before the data of an ACL packet: indicator, handle and flags, length. */
const ACL_HEADER = 5;

/** One connection of a controller, between its link and HCI. */
export class Connection implements LinkOwner {
  readonly handle: number;
  readonly radio: LeController;
  /** Packets of the host that occupy buffers. */
  occupied = 0;
  /** Of those, packets whose acknowledgement the host has not been told of. */
  completed = 0;
  /** Set as soon as the connection exists. */
  end!: LinkEnd;

  private readonly _connections: Connections;
  private _disconnecting = false;
  /** Data for the host that wait to be joined, and the boundary flag that they begin with. */
  private _joined: number[] = [];
  private _boundary = 0;

  constructor(connections: Connections, controller: LeController, handle: number) {
    this._connections = connections;
    this.radio = controller;
    this.handle = handle;
  }

  get features(): Uint8Array {
    return this.radio.identity.lefeatures;
  }

  get version(): LinkVersion {
    return this.radio.identity;
  }

  get eventpackets(): number {
    return this._connections.eventpackets;
  }

  get control(): LinkControl {
    return this.end.control;
  }

  /** True once the host has asked to disconnect. */
  get disconnecting(): boolean {
    return this._disconnecting;
  }

  disconnect(reason: number): void {
    this._disconnecting = true;
    this.end.terminate(reason);
  }

  /** Sends an ACL packet of the host, cut to what one LL PDU holds. */
  send(boundary: number, data: Uint8Array): void {
    for (let at = 0; at < data.length; at += LL_PAYLOAD) {
      const llid = at === 0 && boundary === Boundary.FIRST_FROM_HOST ? Llid.START : Llid.CONTINUE;
      const last = at + LL_PAYLOAD >= data.length;
      this.end.send(llid, data.slice(at, at + LL_PAYLOAD), last ? () => this._connections.complete(this) : undefined);
    }
  }

  created(end: LinkEnd): void {
    this.end = end;
    const { interval, latency, timeout } = end.link.parameters;
    this._connections.add(this);
    this.radio.metaEvent([
      LeSubevent.CONNECTION_COMPLETE,
      Status.SUCCESS,
      ...le16(this.handle),
      end.central ? 0 : 1,
      end.peer.random,
      ...end.peer.bytes,
      ...le16(interval),
      ...le16(latency),
      ...le16(timeout),
      0,
    ]);
  }

  established(): void {}

  ready(): boolean {
    return this.radio.room(ACL_HEADER + this._joined.length + LL_PAYLOAD);
  }

  data(llid: number, payload: Uint8Array): void {
    const boundary = llid === Llid.START ? Boundary.FIRST_TO_HOST : Boundary.CONTINUE;
    if (payload.length === 0) return;
    if (!this._connections.rejoin) {
      this._deliver(boundary, payload);
      return;
    }
    if (boundary === Boundary.FIRST_TO_HOST || this._joined.length + payload.length > this.radio.aclBuffers.length) this._flush();
    if (this._joined.length === 0) this._boundary = boundary;
    this._joined.push(...payload);
  }

  eventended(): void {
    this._flush();
  }

  ended(reason: number): void {
    this._flush();
    this._connections.remove(this);
    this.radio.event(EventCode.DISCONNECTION_COMPLETE, [Status.SUCCESS, ...le16(this.handle), reason]);
  }

  updated(status: number, changed: boolean, asked: boolean): void {
    // The host that did not ask hears of it only if something is different now (7.7.65.3).
    if (!asked && !changed) return;
    const { interval, latency, timeout } = this.end.link.parameters;
    const parameters = [...le16(interval), ...le16(latency), ...le16(timeout)];
    this.radio.metaEvent([LeSubevent.CONNECTION_UPDATE_COMPLETE, status, ...le16(this.handle), ...parameters]);
  }

  parametersrequested(request: ParameterRequest): void {
    const { min, max, latency, timeout } = request;
    if (!this.radio.metaEnabled(LeSubevent.REMOTE_CONNECTION_PARAMETER_REQUEST)) {
      this.control.acceptParameters({ interval: max, latency, timeout });
      return;
    }
    const parameters = [...le16(min), ...le16(max), ...le16(latency), ...le16(timeout)];
    this.radio.metaEvent([LeSubevent.REMOTE_CONNECTION_PARAMETER_REQUEST, ...le16(this.handle), ...parameters]);
  }

  featuresread(status: number, features: Uint8Array): void {
    this.radio.metaEvent([LeSubevent.READ_REMOTE_FEATURES_COMPLETE, status, ...le16(this.handle), ...features]);
  }

  versionread(status: number, { version, manufacturer, subversion }: LinkVersion): void {
    const parameters = [status, ...le16(this.handle), version, ...le16(manufacturer), ...le16(subversion)];
    this.radio.event(EventCode.READ_REMOTE_VERSION_COMPLETE, parameters);
  }

  keyrequested(rand: Uint8Array, ediv: number): void {
    if (!this.radio.metaEnabled(LeSubevent.LONG_TERM_KEY_REQUEST)) this.control.replyKey(null);
    else this.radio.metaEvent([LeSubevent.LONG_TERM_KEY_REQUEST, ...le16(this.handle), ...rand, ...le16(ediv)]);
  }

  encrypted(status: number, refreshed: boolean): void {
    if (refreshed) this.radio.event(EventCode.ENCRYPTION_KEY_REFRESH_COMPLETE, [status, ...le16(this.handle)]);
    else this.radio.event(EventCode.ENCRYPTION_CHANGE, [status, ...le16(this.handle), status === Status.SUCCESS ? 1 : 0]);
  }

  private _flush(): void {
    if (this._joined.length === 0) return;
    const data = this._joined;
    this._joined = [];
    this._deliver(this._boundary, data);
  }

  private _deliver(boundary: number, data: ArrayLike<number>): void {
    const packet = new Uint8Array(ACL_HEADER + data.length);
    packet[0] = H4.ACL;
    packet.set(le16(this.handle | (boundary << 12)), 1);
    packet.set(le16(data.length), 3);
    packet.set(data, ACL_HEADER);
    this.radio.send(packet);
  }
}
