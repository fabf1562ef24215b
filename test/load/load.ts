import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createBoard, makeImage, type Board } from "../../hal/mock/index.js";
import { open, type Bluetooth } from "../../targets/node/open.js";
import { ALL_STATES } from "../support/states.js";
import { HANDLES, numbered, numberOf, type Handles } from "./values.js";
import { nothingCarried, Visitor, type Carried } from "./visitor.js";

export const LINKS = 8;
/** Adverts a second: so many beacons, each with its interval and a random delay of 5 ms on average. */
const BEACONS = 55;
const BEACON_INTERVAL = 50;
const ADVERT_LENGTH = 20;

/** Bytes in use after a full collection. */
export function heap(): number {
  let { gc } = globalThis as { gc?: () => void };
  if (!gc) {
    setFlagsFromString("--expose-gc");
    gc = runInNewContext("gc") as () => void;
  }
  gc();
  gc();
  return process.memoryUsage().heapUsed;
}

/** What the device's application knows of a link. */
interface Side {
  readonly number: number;
  readonly connection: any;
  readonly carried: Carried;
  /** An indication is not confirmed yet. */
  waits: boolean;
}

/** What is left to be said at the end. */
export interface Result {
  readonly visitors: readonly Visitor[];
  /** The same seen from the device: `notifications`, `indications` and `reads` that it has given, writes that it has got. */
  readonly sides: readonly Carried[];
  readonly adverts: { sent: number; persecond: number; reported: number; dropped: number; wrong: number };
  /** Everything that was not as it had to be. */
  readonly wrong: string[];
}

/** A device on a virtual CYW43438 at 921600 bit/s with eight visitors, and a thousand adverts a second beside, which it scans for. */
export class Load {
  readonly visitors: Visitor[] = [];
  readonly board: Board;
  readonly bt: Bluetooth;
  private readonly _sides = new Map<object, Side>();
  private readonly _wrong: string[] = [];
  private readonly _adverts = { sent: 0, persecond: 0, reported: 0, dropped: 0, wrong: 0 };
  private readonly _beacons: { stop(): void }[] = [];
  /** When the adverts began, ms. */
  private _scanned = 0;
  private _stopping = false;

  /** Brings the device up, and everybody to it. */
  constructor(seed: number) {
    this.board = createBoard({ seed, wire: { chunk: 64 }, chip: { links: LINKS, log: false, identity: { lestates: ALL_STATES } } });
    let ready = false;
    const told = (error: Error): void => void this._wrong.push(String(error));
    this.bt = open(this.board.hal, makeImage(), { links: LINKS, mtu: 247, onready: () => void (ready = true), onerror: told, onwarning: told });
    this.bt.setsecurity(1);
    const handles = this._serve();
    this.bt.onconnect((connection) => {
      this._sides.set(connection, { number: this._sides.size, connection, carried: nothingCarried(), waits: false });
    });
    this.bt.startadvertise("\x02\x01\x06", 20, 20);
    this._until(() => ready, "the device is not ready");
    for (let i = 0; i < LINKS; i++) this._admit(new Visitor(this.board.air, i, handles));
    this.bt.stopadvertise();
    this._scan();
    this.bt.onroom(() => this._tell());
  }

  /** Everybody begins. */
  go(): void {
    for (const visitor of this.visitors) visitor.go();
    this._tell();
  }

  /** Lets time pass, ms. */
  run(ms: number): void {
    this.board.clock.run(ms);
  }

  /** Nothing new is begun; what is under way arrives. */
  end(): Result {
    this._stopping = true;
    for (const visitor of this.visitors) visitor.stopping = true;
    const sides = [...this._sides.values()];
    const done = (): boolean =>
      this.visitors.every(({ idle, carried }, i) => {
        const { carried: given, waits } = sides[i];
        return idle && !waits && carried.notifications === given.notifications && carried.commands === given.commands;
      });
    if (!this.board.clock.until(done, 30_000)) this._wrong.push("something is still under way after 30 s");
    for (const beacon of this._beacons) beacon.stop();
    this._adverts.persecond = (this._adverts.sent * 1000) / (this.board.clock.now - this._scanned);
    this.run(1000);
    this._adverts.dropped = this.board.chip.controller.scanning.dropped;
    this._judge(sides);
    return { visitors: this.visitors, sides: sides.map(({ carried }) => carried), adverts: this._adverts, wrong: this._wrong };
  }

  private _until(what: () => boolean, otherwise: string): void {
    if (!this.board.clock.until(what, 10_000)) throw new Error(`${otherwise}: ${this._wrong.join("; ")}`);
  }

  private _admit(visitor: Visitor): void {
    const address = this.bt.address()!;
    visitor.central.connect(address, parseInt(address[0], 16) >= 12 ? 1 : 0);
    this.visitors.push(visitor);
    this._until(() => visitor.central.connected && this._sides.size === this.visitors.length, "a visitor is not connected");
    visitor.begin();
    this._until(() => visitor.settled, "a visitor has not subscribed");
  }

  private _serve(): Handles {
    const uuid = (kind: number): number => 0xff00 + kind;
    this.bt.servegatt([
      {
        uuid: 0xff00,
        chars: [
          { uuid: uuid(HANDLES.reader), read: (connection: any) => this._give(connection, "reads", HANDLES.reader) },
          { uuid: uuid(HANDLES.writer), flags: 0x08, write: (connection: any, value: Uint8Array) => this._take(connection, "writes", HANDLES.writer, value) },
          { uuid: uuid(HANDLES.commanded), flags: 0x04, write: (connection: any, value: Uint8Array) => this._take(connection, "commands", HANDLES.commanded, value) },
          { uuid: uuid(HANDLES.notifier), flags: 0x10 },
          { uuid: uuid(HANDLES.indicator), flags: 0x20 },
        ],
      },
    ]);
    const handles = {} as Handles;
    for (const name of Object.keys(HANDLES) as (keyof Handles)[]) handles[name] = this.bt.handle(0xff00, uuid(HANDLES[name]));
    return handles;
  }

  private _scan(): void {
    const { air } = this.board;
    air.sniff(({ from }) => {
      if (from.name === "load") this._adverts.sent++;
    });
    const data = Uint8Array.from({ length: ADVERT_LENGTH }, (_, i) => (i ? i * 11 : ADVERT_LENGTH - 1));
    this.bt.startscan((adverts) => {
      for (const advert of adverts) {
        this._adverts.reported++;
        if (advert.data.length !== ADVERT_LENGTH || advert.data[5] !== data[5]) this._adverts.wrong++;
      }
    });
    this.run(100);
    this._scanned = this.board.clock.now;
    for (let i = 0; i < BEACONS; i++) this._beacons.push(air.advertise({ name: "load", data, interval: BEACON_INTERVAL }));
  }

  private _give(connection: object, what: "reads" | "notifications" | "indications", kind: number): Uint8Array {
    const { number, carried } = this._sides.get(connection)!;
    return numbered(kind, number, carried[what]++);
  }

  private _take(connection: object, what: "writes" | "commands", kind: number, value: Uint8Array): void {
    const { number, carried } = this._sides.get(connection)!;
    const found = numberOf(value, kind, number);
    if (found !== carried[what]) this._wrong.push(`link ${number}, ${what}: ${found} in place of ${carried[what]}`);
    carried[what] = (found < 0 ? carried[what] : found) + 1;
  }

  /** Notifies and indicates on each link as much as finds room. */
  private _tell(): void {
    if (this._stopping) return;
    for (const side of this._sides.values()) {
      const { number, connection, carried } = side;
      // To who has gone everything can be told, and nothing arrives.
      if (!this.visitors[number].central.connected) continue;
      if (!side.waits && this.bt.notify(0xff00 + HANDLES.indicator, numbered(HANDLES.indicator, number, carried.indications), connection, (error) => this._confirmed(side, error))) {
        side.waits = true;
        carried.indications++;
      }
      while (this.bt.notify(0xff00 + HANDLES.notifier, numbered(HANDLES.notifier, number, carried.notifications), connection)) carried.notifications++;
    }
  }

  private _confirmed(side: Side, error: Error | null): void {
    side.waits = false;
    if (error) this._wrong.push(`link ${side.number}: ${error}`);
    this._tell();
  }

  private _judge(sides: Side[]): void {
    const wrong = this._wrong;
    for (let i = 0; i < LINKS; i++) {
      const visitor = this.visitors[i];
      for (const text of visitor.wrong) wrong.push(`visitor ${i}: ${text}`);
      for (const what of ["notifications", "indications", "reads", "writes", "commands"] as const) {
        if (visitor.carried[what] !== sides[i].carried[what]) wrong.push(`link ${i}, ${what}: ${sides[i].carried[what]} at the device, ${visitor.carried[what]} at the visitor`);
      }
      if (visitor.central.malformed) wrong.push(`visitor ${i}: ${visitor.central.malformed} frames that are not whole`);
    }
    const { sent, reported, dropped } = this._adverts;
    if (reported + dropped !== sent) wrong.push(`${sent} adverts sent, ${reported} reported, ${dropped} dropped by the chip`);
    if (this._adverts.wrong) wrong.push(`${this._adverts.wrong} adverts with other data`);
    for (const violation of this.board.chip.violations) wrong.push(`the host breaks a rule: ${JSON.stringify(violation)}`);
    const { received, sent: out, ...losses } = this.bt.counters();
    for (const [what, count] of Object.entries(losses)) if (count) wrong.push(`${what}: ${count}`);
    if (!received || !out) wrong.push("nothing has passed");
  }
}
