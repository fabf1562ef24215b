import assert from "node:assert/strict";
import { Air, createBoard, VirtualClock, type BoardOptions } from "../../hal/mock/index.js";
import type { Advert } from "../../core/gap/scanner.js";
import type { ScanRule } from "../../core/gap/rules.js";
import { hex, OP, Rig, rig, unhex, type Setup } from "./rig.js";

export type { Advert, ScanRule };

/** One report as an LE Advertising Report event carries it (Vol 4 Part E 7.7.65.2). */
export interface ReportFields {
  type?: number;
  addresstype?: number;
  /** 12 hex digits, most significant first. */
  address?: string;
  data?: ArrayLike<number> | string;
  rssi?: number;
  /** Length_Data, where it lies. */
  length?: number;
}

function bytesOf(data: ArrayLike<number> | string): number[] {
  return typeof data === "string" ? Array.from(data, (c) => c.charCodeAt(0)) : Array.from(data);
}

/** A report: Event_Type, Address_Type, Address (least significant octet first), Length_Data, Data, RSSI. */
export function report(fields: ReportFields = {}): number[] {
  const data = bytesOf(fields.data ?? [1, 2, 3]);
  const address = [...unhex(fields.address ?? "c0ffee123456")].reverse();
  return [fields.type ?? 3, fields.addresstype ?? 1, ...address, fields.length ?? data.length, ...data, (fields.rssi ?? -60) & 255];
}

/** An LE Meta event with these reports; `count` in place of their true number. */
export function event(reports: number[][], count = reports.length): Uint8Array {
  const parameters = [0x02, count, ...reports.flat()];
  assert.ok(parameters.length <= 255, "an event holds 255 bytes");
  return Uint8Array.from([4, 0x3e, parameters.length, ...parameters]);
}

/** An event with one report. */
export function single(fields: ReportFields = {}): Uint8Array {
  return event([report(fields)]);
}

export function joined(packets: Uint8Array[]): Uint8Array {
  return Uint8Array.from(packets.flatMap((packet) => [...packet]));
}

/** An advert in one line: type, address type, address, rssi, data, rule. */
export function text(advert: Advert): string {
  return `${advert.type} ${advert.addresstype} ${advert.address} ${advert.rssi} ${hex(advert.data)} ${advert.rule}`;
}

/** The commands of the scanner alone, as "parameters 00100010000100", "on 0" (the digit: Filter_Duplicates), "off". */
export function scanCommands(r: Rig<any>, from = 0): string[] {
  return r
    .commands(from)
    .filter(({ opcode }) => opcode === OP.SCAN_PARAMETERS || opcode === OP.SCAN_ENABLE)
    .map(({ opcode, parameters }) => {
      if (opcode === OP.SCAN_PARAMETERS) return `parameters ${hex(parameters)}`;
      assert.equal(parameters.length, 2);
      return parameters[0] ? `on ${parameters[1]}` : "off";
    });
}

/** The last LE Set Scan Parameters that went out. */
export function scanParameters(r: Rig<any>): { active: number; interval: number; window: number; own: number; policy: number } {
  const p = r.commands().filter(({ opcode }) => opcode === OP.SCAN_PARAMETERS).at(-1)!.parameters;
  assert.equal(p.length, 7);
  return { active: p[0], interval: p[1] | (p[2] << 8), window: p[3] | (p[4] << 8), own: p[5], policy: p[6] };
}

/** What a scan callback was given. */
export class Catch {
  readonly batches: Advert[][] = [];
  /** When each batch came. */
  readonly times: number[] = [];
  private _inside = false;

  constructor(readonly rig: Rig<any>, private readonly _then?: (adverts: Advert[]) => void) {}

  get adverts(): Advert[] {
    return this.batches.flat();
  }

  get texts(): string[] {
    return this.adverts.map(text);
  }

  /** The first data byte of each advert: short tests number their adverts with it. */
  get numbers(): number[] {
    return this.adverts.map(({ data }) => data[0]);
  }

  readonly callback = (adverts: Advert[]): void => {
    assert.ok(!this._inside, "the callback is not entered a second time");
    assert.ok(Array.isArray(adverts) && adverts.length > 0, "an array of one or more");
    this._inside = true;
    this.batches.push(adverts);
    this.times.push(this.rig.now);
    try {
      this._then?.(adverts);
    } finally {
      this._inside = false;
    }
  };

  clear(): void {
    this.batches.length = 0;
    this.times.length = 0;
  }
}

/** A rig that scans, its commands answered; the air around it is empty. */
export function scanning(setup: Setup<any> = {}, rules?: ScanRule[], then?: (adverts: Advert[]) => void): { r: Rig; c: Catch } {
  const r = rig(setup).up();
  const c = new Catch(r, then);
  if (rules) r.bt.setscanfilter(rules);
  r.bt.startscan(c.callback);
  r.run(20);
  assert.deepEqual(r.errors, []);
  return { r, c };
}

/** Two or more boards with the stack on them, on one air, all ready. */
export function together(count: number, board: BoardOptions = {}): { air: Air; clock: VirtualClock; rigs: Rig[] } {
  const clock = new VirtualClock();
  const air = new Air(clock, { seed: 7 });
  const rigs: Rig[] = [];
  for (let i = 0; i < count; i++) rigs.push(new Rig(createBoard({ ...board, clock, air }), {}));
  clock.until(() => rigs.every(({ ready }) => ready.length > 0), 60_000);
  for (const r of rigs) assert.deepEqual([r.ready.length, r.errors], [1, []]);
  return { air, clock, rigs };
}

/** Small numbers of a seed. */
export function chance(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}
