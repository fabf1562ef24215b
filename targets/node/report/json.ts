import type { BlimpError } from "../../../core/errors.js";
import type { ReadyInfo } from "../../../core/options.js";
import { explain } from "./explain.js";
import { formatUuid, type IBeacon } from "../ibeacon.js";
import type { Explored } from "./explored.js";
import { formatCode, listed, PROPERTIES, type Happening, type Passkey, type Peer, type Served, type Word } from "./happening.js";
import type { Hearing } from "./hearing.js";
import { nameOf } from "./names.js";
import { asciiJson, readUtf8 } from "./printable.js";
import type { Reset } from "./reset.js";
import { frequencyOf, lossOf, PAYLOADS, type Tested, type Testing } from "./testing.js";
import type { Broadcast, Report, Search } from "./report.js";

/** One JSON object a line; bytes as lower-case hex. */
export class JsonReport implements Report {
  private readonly _write: (line: string) => void;

  constructor(write: (line: string) => void) {
    this._write = write;
  }

  title(): void {}

  step(step: string, ms: number): void {
    this._put("step", { step, ms: round(ms) });
  }

  progress(done: number, total: number): void {
    this._put("progress", { done, total });
  }

  ready(info: ReadyInfo): void {
    this._put("ready", ready(info));
  }

  recovered(info: ReadyInfo): void {
    this._put("recovered", ready(info));
  }

  advertising({ beacon, interval, advert }: Broadcast): void {
    this._put("advertising", { ...fields(beacon), interval, advert: hex(advert) });
  }

  scanning({ active, interval, window, rules }: Search): void {
    const given = rules.map((rule) => (rule.data instanceof Uint8Array ? { ...rule, data: hex(rule.data) } : rule));
    this._put("scanning", { active, interval, window, rules: given });
  }

  heard({ advert, name, ibeacon, eddystone }: Hearing): void {
    const { type, rssi, address, addresstype, data, time, rule } = advert;
    const said = { ...(name !== null && { name: readUtf8(name) }), ...(ibeacon && { ibeacon }), ...(eddystone && { eddystone }) };
    this._put("advert", { type, rssi, address, addresstype, data: hex(data), time, rule, ...said });
  }

  serving({ table, advert, scanResponse, handles }: Served): void {
    const { name, min, max, security } = table;
    const services = table.services.map(({ uuid, chars }) => ({ uuid, chars: chars.map((char) => ({ uuid: char.uuid, handle: handles.get(char), flags: char.flags })) }));
    this._put("serving", { name: readUtf8(name), advert: hex(advert), scanResponse: scanResponse && hex(scanResponse), min, max, security, services });
  }

  happened({ what, ms, ...fields }: Happening): void {
    this._put(what, "value" in fields ? { ms: round(ms), ...fields, value: hex(fields.value), text: readUtf8(latin(fields.value)) } : { ms: round(ms), ...fields });
  }

  passkey({ ms, code, peer }: Passkey): void {
    this._put("passkey", { ms: round(ms), code: formatCode(code), ...(peer && { address: peer.address, addresstype: peer.addresstype }) });
  }

  said({ ms, who, text }: Word): void {
    this._put("said", { ms: round(ms), who, text });
  }

  connecting({ address, addresstype }: Peer): void {
    this._put("connecting", { address, addresstype });
  }

  explored({ ms, peer, services, readings }: Explored): void {
    const attribute = ({ uuid, handle }: { uuid: string; handle: number }): object => {
      const reading = readings.get(handle);
      const value = reading instanceof Uint8Array ? { value: hex(reading), text: readUtf8(latin(reading)) } : { ...(reading !== undefined && { error: reading }) };
      return { uuid, name: nameOf(uuid), handle, ...value };
    };
    this._put("services", {
      ms: round(ms),
      address: peer.address,
      addresstype: peer.addresstype,
      services: services.map(({ uuid, handle, end, primary, includes, chars }) => ({
        uuid,
        name: nameOf(uuid),
        handle,
        end,
        primary,
        includes,
        chars: chars.map((char) => ({ ...attribute(char), flags: char.flags, properties: listed(PROPERTIES, char.flags), descriptors: char.descriptors.map(attribute) })),
      })),
    });
  }

  reset({ file, bonds, address }: Reset): void {
    this._put("reset", { file, bonds, address });
  }

  testing({ what, channel, length, payload }: Testing): void {
    this._put("testing", { what, channel, mhz: frequencyOf(channel), ...(payload !== undefined && { length, payload: PAYLOADS[payload] }) });
  }

  tested(tested: Tested): void {
    const { what, ms, packets, sent } = tested;
    this._put("tested", { what, ms: round(ms), ...(what === "receive" && { packets, ...(sent !== null && { sent, loss: lossOf(tested) }) }) });
  }

  warning(error: Error): void {
    this._put("warning", failure(error));
  }

  error(error: Error): void {
    this._put("error", failure(error));
  }

  end(ms: number): void {
    this._put("end", { ms: round(ms) });
  }

  private _put(event: string, fields: object): void {
    this._write(asciiJson({ event, ...fields }) + "\n");
  }
}

function ready({ ms, name, revision, address }: ReadyInfo): object {
  return { ms: round(ms), name, revision, address };
}

function fields(beacon: IBeacon): object {
  return { uuid: formatUuid(beacon.uuid), major: beacon.major, minor: beacon.minor, power: beacon.power };
}

function failure(error: Error): object {
  const { code, step, detail, message } = error as BlimpError;
  const advice = explain(error);
  return { code, step, detail, message, ...(advice === null ? {} : { advice }) };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function latin(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

/** To the hundredth. */
function round(value: number): number {
  return Math.round(value * 100) / 100;
}
