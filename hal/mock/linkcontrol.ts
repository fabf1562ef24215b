import { le16, u16 } from "./bytes.js";
import type { Handle } from "./clock.js";
import type { LinkEnd, LinkParameters, LinkVersion, ParameterRequest } from "./link.js";
import { Status } from "./status.js";

/** Opcodes of LL control PDUs (Core Vol 6 Part B 2.4.2). */
export const LlOpcode = {
  CONNECTION_UPDATE_IND: 0x00,
  TERMINATE_IND: 0x02,
  ENC_REQ: 0x03,
  ENC_RSP: 0x04,
  START_ENC_REQ: 0x05,
  START_ENC_RSP: 0x06,
  UNKNOWN_RSP: 0x07,
  FEATURE_REQ: 0x08,
  FEATURE_RSP: 0x09,
  PAUSE_ENC_REQ: 0x0a,
  PAUSE_ENC_RSP: 0x0b,
  VERSION_IND: 0x0c,
  REJECT_IND: 0x0d,
  PERIPHERAL_FEATURE_REQ: 0x0e,
  CONNECTION_PARAM_REQ: 0x0f,
  REJECT_EXT_IND: 0x11,
  PING_REQ: 0x12,
  PING_RSP: 0x13,
} as const;

/** Bits of the FeatureSet (4.6). */
export const LlFeature = { ENCRYPTION: 0, CONNECTION_PARAMETERS: 1, EXTENDED_REJECT: 2, PERIPHERAL_FEATURES: 3, PING: 4 } as const;

/** How long a procedure may wait for its peer (5.2), ms. */
const PROCEDURE_TIMEOUT = 40_000;
/** Octets of CtrData that the receiver takes no notice of: SKD and IV, since nothing is really ciphered. */
const NO_SESSION = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/** What one end can have going on at its own wish. */
export type ProcedureKind = "version" | "features" | "update" | "encryption";

interface Procedure {
  readonly kind: ProcedureKind;
  readonly begin: () => void;
  /** True for what ends at an instant and not by an answer. */
  readonly untimed: boolean;
}

/** The link layer control procedures of one end (Core Vol 6 Part B 5.1): its own wishes one after the other, the peer's at once. */
export class LinkControl {
  /** The central's long term key, while it encrypts; the peripheral's, once its host has named one. Least significant octet first. */
  key: Uint8Array | null = null;

  private readonly _end: LinkEnd;
  private readonly _procedures: Procedure[] = [];
  private _current: Procedure | null = null;
  private _timer: Handle | null = null;
  private _peerversion: LinkVersion | null = null;
  private _versionsent = false;
  /** The central's request awaits a key from the host; and then the central's first ciphered PDU is awaited. */
  private _keywanted = false;
  private _starting = false;
  /** The link was encrypted when the procedure began. */
  private _refreshing = false;
  /** The peripheral's request awaits an answer of the host. */
  private _parameterswanted = false;
  /** The central has sent, or is about to send, parameters whose instant has not come. */
  private _updating = false;
  private _encrypted = false;
  /** CtrData of the LL_ENC_REQ that is to be sent. */
  private _request: readonly number[] = [];

  constructor(end: LinkEnd) {
    this._end = end;
  }

  /** True while a procedure goes on. */
  get busy(): boolean {
    return this._current !== null || this._end.held;
  }

  /** True if a procedure of this end's own is going on or waits. */
  has(kind: ProcedureKind): boolean {
    return this._current?.kind === kind || this._procedures.some((procedure) => procedure.kind === kind);
  }

  /** True while the link is encrypted, as this end knows. */
  get encrypted(): boolean {
    return this._encrypted;
  }

  /** True while the host owes an answer to a request for a key. */
  get keywanted(): boolean {
    return this._keywanted;
  }

  /** True while the host owes an answer to a request for parameters. */
  get parameterswanted(): boolean {
    return this._parameterswanted;
  }

  /** @internal The connection is over. */
  stop(): void {
    this._clear();
    this._procedures.length = 0;
    this._current = null;
  }

  terminate(reason: number, acknowledged: () => void): void {
    this._end.sendControl(Uint8Array.of(LlOpcode.TERMINATE_IND, reason), { acknowledged });
  }

  readVersion(): void {
    this._run("version", () => {
      if (this._peerversion !== null) this._finish("version", () => this._end.owner.versionread(Status.SUCCESS, this._peerversion!));
      else this._sendVersion();
    });
  }

  readFeatures(): void {
    const opcode = this._end.central ? LlOpcode.FEATURE_REQ : LlOpcode.PERIPHERAL_FEATURE_REQ;
    this._run("features", () => this._send(opcode, this._end.owner.features));
  }

  /** The central changes the parameters by itself; the peripheral asks for them. */
  update(request: ParameterRequest): void {
    if (this._end.central) {
      this._run("update", () => this._sendUpdate({ ...request, interval: request.max }, true), true);
      return;
    }
    const { min, max, latency, timeout } = request;
    // PreferredPeriodicity 0, ReferenceConnEventCount 0, no offsets
    const rest = [0, 0, 0, ...new Array<number>(12).fill(0xff)];
    this._run("update", () => {
      this._send(LlOpcode.CONNECTION_PARAM_REQ, [...le16(min), ...le16(max), ...le16(latency), ...le16(timeout), ...rest]);
    });
  }

  /** The central's answer to what the peripheral asked for. */
  acceptParameters(parameters: LinkParameters): void {
    this._parameterswanted = false;
    this._sendUpdate(parameters, false);
  }

  rejectParameters(reason: number): void {
    this._parameterswanted = false;
    this._reject(LlOpcode.CONNECTION_PARAM_REQ, reason);
    this._next();
  }

  /**
   * The central encrypts the link, or encrypts it anew.
   * @param key 16 octets, least significant first
   * @param rand 8 octets as they are on the air
   */
  encrypt(key: Uint8Array, rand: Uint8Array, ediv: number): void {
    const request = [...rand, ...le16(ediv), ...NO_SESSION];
    this._run("encryption", () => {
      this.key = key.slice();
      this._refreshing = this._encrypted;
      this._end.held = true;
      this._request = request;
      if (this._refreshing) this._send(LlOpcode.PAUSE_ENC_REQ);
      else this._send(LlOpcode.ENC_REQ, request);
    });
  }

  /** The peripheral's host names its key, null for none. */
  replyKey(key: Uint8Array | null): void {
    this._keywanted = false;
    if (key !== null) {
      this.key = key.slice();
      this._starting = true;
      this._send(LlOpcode.START_ENC_REQ);
    } else {
      this._refuseKey(Status.PIN_OR_KEY_MISSING);
    }
  }

  /** @internal An update has taken effect. */
  updated(changed: boolean, asked: boolean): void {
    this._updating = false;
    this._finish(asked ? "update" : null, () => this._end.owner.updated(Status.SUCCESS, changed, asked));
  }

  /** @internal A control PDU of the peer. */
  take(payload: Uint8Array): void {
    const handler = HANDLERS[payload[0]];
    const length = LENGTHS[payload[0]];
    if (handler === undefined || payload.length !== length) this._send(LlOpcode.UNKNOWN_RSP, [payload[0]]);
    else handler(this, payload);
  }

  /** @internal */
  takeUpdate(): void {
    // The central has told the link already: all that matters is that the PDU came in time. A request of this end has had its answer.
    if (this._current?.kind === "update") this._clear();
    this._end.link.updateArrived();
  }

  /** @internal */
  takeTerminate(reason: number): void {
    this._end.close(reason);
  }

  /** @internal */
  takeEncRequest(p: Uint8Array): void {
    this._end.held = true;
    if (!this._supports(LlFeature.ENCRYPTION)) {
      this._refuseKey(Status.UNSUPPORTED_REMOTE_FEATURE);
      return;
    }
    this._send(LlOpcode.ENC_RSP, NO_SESSION);
    this._keywanted = true;
    this._end.owner.keyrequested(p.slice(1, 9), u16(p, 9));
  }

  /** @internal */
  takeStartRequest(): void {
    if (this._end.central && this._current?.kind === "encryption") this._send(LlOpcode.START_ENC_RSP);
  }

  /** @internal */
  takeStartResponse(): void {
    const end = this._end;
    if (end.central) {
      this._encrypted = true;
      end.held = false;
      this._finish("encryption", () => end.owner.encrypted(Status.SUCCESS, this._refreshing));
      return;
    }
    const theirs = end.link.central.control.key;
    const key = this._starting ? this.key : null;
    this._starting = false;
    if (key === null || theirs === null || !key.every((octet, i) => octet === theirs[i])) {
      // Unexpected, or ciphered under another key, so that its message integrity code is wrong: the link is left without a word (5.1.3.1).
      end.end(Status.MIC_FAILURE);
      return;
    }
    this._encrypted = true;
    end.link.encrypted = true;
    end.held = false;
    this._send(LlOpcode.START_ENC_RSP);
    end.owner.encrypted(Status.SUCCESS, this._refreshing);
    this._refreshing = false;
  }

  /** @internal */
  takePauseRequest(): void {
    this._end.held = true;
    this._refreshing = true;
    this._send(LlOpcode.PAUSE_ENC_RSP);
  }

  /** @internal */
  takePauseResponse(): void {
    this._encrypted = false;
    this._end.link.encrypted = false;
    if (!this._end.central) return;
    this._send(LlOpcode.PAUSE_ENC_RSP);
    this._send(LlOpcode.ENC_REQ, this._request);
  }

  /** @internal */
  takeFeatureRequest(opcode: number, p: Uint8Array): void {
    if (opcode === LlOpcode.PERIPHERAL_FEATURE_REQ && !this._supports(LlFeature.PERIPHERAL_FEATURES)) {
      this._send(LlOpcode.UNKNOWN_RSP, [opcode]);
      return;
    }
    // FeatureSet_USED: octet 0 is what both have (4.6).
    const used = this._end.owner.features.slice(0, 8);
    used[0] &= p[1];
    this._send(LlOpcode.FEATURE_RSP, used);
  }

  /** @internal */
  takeFeatureResponse(p: Uint8Array): void {
    this._finish("features", () => this._end.owner.featuresread(Status.SUCCESS, p.slice(1, 9)));
  }

  /** @internal */
  takeVersion(p: Uint8Array): void {
    const version = { version: p[1], manufacturer: u16(p, 2), subversion: u16(p, 4) };
    this._peerversion = version;
    if (!this._versionsent) this._sendVersion();
    else this._finish("version", () => this._end.owner.versionread(Status.SUCCESS, version));
  }

  /** @internal */
  takeParameterRequest(p: Uint8Array): void {
    if (!this._end.central || !this._supports(LlFeature.CONNECTION_PARAMETERS)) {
      this._send(LlOpcode.UNKNOWN_RSP, [LlOpcode.CONNECTION_PARAM_REQ]);
      return;
    }
    const request = { min: u16(p, 1), max: u16(p, 3), latency: u16(p, 5), timeout: u16(p, 7) };
    if (!legalParameters(request)) this._reject(LlOpcode.CONNECTION_PARAM_REQ, Status.INVALID_LL_PARAMETERS);
    else if (this.has("update") || this._updating || this._parameterswanted) this._reject(LlOpcode.CONNECTION_PARAM_REQ, Status.LL_PROCEDURE_COLLISION);
    else {
      this._parameterswanted = true;
      this._end.owner.parametersrequested(request);
    }
  }

  /** @internal LL_REJECT_IND does not say what it refuses. */
  takeRejection(reason: number): void {
    if (this._current?.kind === "encryption") this.takeRefusal(LlOpcode.ENC_REQ, reason);
    else if (this._current?.kind === "update") this.takeRefusal(LlOpcode.CONNECTION_PARAM_REQ, reason);
  }

  /** @internal The peer does not know, or does not want, what `opcode` asked for. */
  takeRefusal(opcode: number, reason: number): void {
    const { owner } = this._end;
    if (opcode === LlOpcode.PERIPHERAL_FEATURE_REQ || opcode === LlOpcode.FEATURE_REQ) {
      this._finish("features", () => owner.featuresread(reason, new Uint8Array(8)));
    } else if (opcode === LlOpcode.CONNECTION_PARAM_REQ) {
      this._finish("update", () => owner.updated(reason, false, true));
    } else if (opcode === LlOpcode.ENC_REQ || opcode === LlOpcode.PAUSE_ENC_REQ) {
      if (this._current?.kind !== "encryption") return;
      this._end.held = false;
      this._finish("encryption", () => owner.encrypted(reason, this._refreshing));
    }
  }

  /** @internal */
  takePing(): void {
    this._send(LlOpcode.PING_RSP);
  }

  private _run(kind: ProcedureKind, begin: () => void, untimed = false): void {
    this._procedures.push({ kind, begin, untimed });
    // Never at once: the host is to see the status of its command first.
    this._end.link.air.clock.after(0, () => this._next());
  }

  private _next(): void {
    if (this._current !== null || !this._end.alive || this._procedures.length === 0) return;
    const procedure = this._procedures[0];
    // One change of parameters at a time: what the peripheral asked for comes first.
    if (procedure.untimed && (this._updating || this._parameterswanted)) return;
    this._procedures.shift();
    this._current = procedure;
    const late = (): void => this._end.end(Status.LL_RESPONSE_TIMEOUT);
    if (!procedure.untimed) this._timer = this._end.link.air.clock.after(PROCEDURE_TIMEOUT, late);
    procedure.begin();
  }

  /** Ends this end's procedure of that kind, if it is going on, and tells what came of it; null only tells. */
  private _finish(kind: ProcedureKind | null, tell: () => void): void {
    if (kind !== null) {
      if (this._current?.kind !== kind) return;
      this._clear();
      this._current = null;
    }
    tell();
    this._next();
  }

  private _clear(): void {
    if (this._timer !== null) this._end.link.air.clock.cancel(this._timer);
    this._timer = null;
  }

  private _send(opcode: number, data: ArrayLike<number> = []): void {
    this._end.sendControl(Uint8Array.of(opcode, ...Array.from(data)));
  }

  private _sendVersion(): void {
    const { version, manufacturer, subversion } = this._end.owner.version;
    this._versionsent = true;
    this._send(LlOpcode.VERSION_IND, [version, ...le16(manufacturer), ...le16(subversion)]);
  }

  private _sendUpdate(parameters: LinkParameters, asked: boolean): void {
    this._updating = true;
    const { interval, latency, timeout } = parameters;
    const payload = [LlOpcode.CONNECTION_UPDATE_IND, 1, 0, 0, ...le16(interval), ...le16(latency), ...le16(timeout), 0, 0];
    const prepare = (bytes: Uint8Array): void => {
      const { link } = this._end;
      const instant = link.instant;
      bytes.set(le16(instant), 10);
      link.scheduleUpdate(instant, { interval, latency, timeout }, asked);
    };
    this._end.sendControl(Uint8Array.from(payload), { prepare });
  }

  /** LL_REJECT_EXT_IND where both know it, else LL_REJECT_IND. */
  private _reject(opcode: number, reason: number): void {
    const other = this._end.link.other(this._end)?.owner.features ?? new Uint8Array(8);
    const extended = this._supports(LlFeature.EXTENDED_REJECT) && has(other, LlFeature.EXTENDED_REJECT);
    if (extended) this._send(LlOpcode.REJECT_EXT_IND, [opcode, reason]);
    else this._send(LlOpcode.REJECT_IND, [reason]);
  }

  /** Without a key an unencrypted link stays as it is; one whose encryption was paused ends (5.1.3.1). */
  private _refuseKey(reason: number): void {
    this._end.held = false;
    if (this._refreshing) this._end.terminate(reason);
    else this._reject(LlOpcode.ENC_REQ, reason);
  }

  private _supports(feature: number): boolean {
    return has(this._end.owner.features, feature);
  }
}

type Handler = (control: LinkControl, payload: Uint8Array) => void;

const HANDLERS: { readonly [opcode: number]: Handler | undefined } = {
  [LlOpcode.CONNECTION_UPDATE_IND]: (control) => control.takeUpdate(),
  [LlOpcode.TERMINATE_IND]: (control, p) => control.takeTerminate(p[1]),
  [LlOpcode.ENC_REQ]: (control, p) => control.takeEncRequest(p),
  // The peripheral asks its host for the key meanwhile: there is nothing to do but wait.
  [LlOpcode.ENC_RSP]: () => {},
  [LlOpcode.START_ENC_REQ]: (control) => control.takeStartRequest(),
  [LlOpcode.START_ENC_RSP]: (control) => control.takeStartResponse(),
  [LlOpcode.UNKNOWN_RSP]: (control, p) => control.takeRefusal(p[1], Status.UNSUPPORTED_REMOTE_FEATURE),
  [LlOpcode.FEATURE_REQ]: (control, p) => control.takeFeatureRequest(LlOpcode.FEATURE_REQ, p),
  [LlOpcode.FEATURE_RSP]: (control, p) => control.takeFeatureResponse(p),
  [LlOpcode.PAUSE_ENC_REQ]: (control) => control.takePauseRequest(),
  [LlOpcode.PAUSE_ENC_RSP]: (control) => control.takePauseResponse(),
  [LlOpcode.VERSION_IND]: (control, p) => control.takeVersion(p),
  [LlOpcode.REJECT_IND]: (control, p) => control.takeRejection(p[1]),
  [LlOpcode.PERIPHERAL_FEATURE_REQ]: (control, p) => control.takeFeatureRequest(LlOpcode.PERIPHERAL_FEATURE_REQ, p),
  [LlOpcode.CONNECTION_PARAM_REQ]: (control, p) => control.takeParameterRequest(p),
  [LlOpcode.REJECT_EXT_IND]: (control, p) => control.takeRefusal(p[1], p[2]),
  [LlOpcode.PING_REQ]: (control) => control.takePing(),
  [LlOpcode.PING_RSP]: () => {},
};

/** Octets of each, opcode included. */
const LENGTHS: { readonly [opcode: number]: number | undefined } = {
  [LlOpcode.CONNECTION_UPDATE_IND]: 12,
  [LlOpcode.TERMINATE_IND]: 2,
  [LlOpcode.ENC_REQ]: 23,
  [LlOpcode.ENC_RSP]: 13,
  [LlOpcode.START_ENC_REQ]: 1,
  [LlOpcode.START_ENC_RSP]: 1,
  [LlOpcode.UNKNOWN_RSP]: 2,
  [LlOpcode.FEATURE_REQ]: 9,
  [LlOpcode.FEATURE_RSP]: 9,
  [LlOpcode.PAUSE_ENC_REQ]: 1,
  [LlOpcode.PAUSE_ENC_RSP]: 1,
  [LlOpcode.VERSION_IND]: 6,
  [LlOpcode.REJECT_IND]: 2,
  [LlOpcode.PERIPHERAL_FEATURE_REQ]: 9,
  [LlOpcode.CONNECTION_PARAM_REQ]: 24,
  [LlOpcode.REJECT_EXT_IND]: 3,
  [LlOpcode.PING_REQ]: 1,
  [LlOpcode.PING_RSP]: 1,
};

function has(features: Uint8Array, feature: number): boolean {
  return (features[feature >> 3] & (1 << (feature & 7))) !== 0;
}

/** Whether parameters lie within the bounds of a connection (Core Vol 4 Part E 7.8.12, 7.8.18). */
export function legalParameters({ min, max, latency, timeout }: ParameterRequest): boolean {
  if (min < 0x0006 || min > max || max > 0x0c80 || latency > 0x01f3 || timeout < 0x000a || timeout > 0x0c80) return false;
  // The timeout has to outlast two intervals with their latency: 10 ms against 1.25 ms.
  return timeout * 8 > (1 + latency) * max * 2;
}
