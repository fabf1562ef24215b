import type { Connection } from "../../core/connection.js";
import type { BlimpError } from "../../core/errors.js";
import type { Host } from "../../core/host.js";
import type { Options, ReadyInfo, Store } from "../../core/options.js";
import type { Bluetooth } from "../../targets/node/open.js";
import { createBoard, makeImage, VirtualCyw43438, type Air, type Board, type Random } from "../../hal/mock/index.js";
import { ALL_STATES } from "../support/states.js";
import { act } from "./actions.js";
import { Engine } from "./engine.js";
import { Faith } from "./faith.js";
import { hex, Judge, type Standing } from "./judge.js";
import { NATIVE } from "./native.js";
import { open } from "./open.js";
import { makeTable, textOf } from "./table.js";
import { strikeChip, troubleChip, troubleWire, type Troubles } from "./trouble.js";

/** What the application's own exceptions say. */
const MISTAKE = "the application's mistake";
/** Hardware Error, past any mask. */
const CONFESSION = Uint8Array.of(4, 0x10, 1, 0);
/** How long an instance that has given up is left alone before it is opened again, ms. */
const REOPEN = 500;

/** What the world gives to each device. */
export interface Surroundings {
  readonly air: Air;
  readonly troubles: Troubles;
  readonly standing: Standing;
  readonly log: (text: string) => void;
  readonly fail: (text: string) => void;
  readonly digest: (device: number, kind: number, bytes: Uint8Array) => void;
  /** The code that somebody with this address shows to the user, who types it only if he knows whose it is. */
  readonly codeOf: (address: string) => number | null;
  /** Addresses of all devices that are up, and of which type each is. */
  readonly addresses: () => string[];
  readonly typeOf: (address: string) => 0 | 1;
}

/** A connection as the application knows it. */
export interface Known {
  readonly connection: any;
  readonly central: boolean;
  ours: boolean;
  closed: number[];
}

/** What the application has declared. */
export interface Declared {
  advert: { data: string; min: number; max: number; response: string | null } | null;
  welcome: boolean;
  level: 1 | 3 | 4;
  table: number;
  scanning: boolean;
}

/** A board, the stack on it, and an application with a mind of its own. */
export class Device {
  readonly number: number;
  readonly board: Board<any>;
  readonly engine: Engine;
  readonly judge: Judge;
  readonly faith = new Faith();
  readonly random: Random;
  readonly world: Surroundings;
  known: Known[] = [];
  /** Those of instances that have been closed. */
  readonly past: Known[] = [];
  readonly recoveries: ReadyInfo[] = [];
  readonly declared: Declared;
  bt!: Bluetooth;
  host!: Host;
  /** The first rise, ms: what a recovery is held against. */
  rise = 0;
  /** Each value that is notified says which it is. */
  notified = 0;
  /** What has been written by peers. */
  readonly written: string[] = [];
  /** When something has happened to its chip the last time. */
  struck = -1e9;
  /** The last advert that it has sent, and the last time that it has heard the beacon. */
  advert: { time: number; type: number; data: string; address: string } | null = null;
  heard = -1;
  errors: { [code: string]: number } = {};
  reopened = 0;
  /** Callbacks that have been promised, by their numbers, and not come yet. */
  readonly promised = new Map<number, string>();
  /** The end of the run: no more of the application's own ideas. */
  calm = false;
  finished = false;

  private readonly _image: Uint8Array | null;
  private readonly _limits: Options;
  /** Whether its user can type. */
  private readonly _listens: boolean;
  private readonly _memory: { bytes: Uint8Array | null } = { bytes: null };
  private readonly _store: Store | null;
  private _generation = 0;
  private _ended = false;
  private _opening = false;
  private _thrown = 0;
  private _depth = 0;
  private _promises = 0;

  constructor(number: number, world: Surroundings, random: Random) {
    this.number = number;
    this.world = world;
    this.random = random;
    const { air, troubles } = world;
    const plain = random.below(3) === 0;
    const links = 1 + random.below(3);
    const flow = random.below(3) > 0;
    const power = random.below(6) > 0;
    const sleep = !plain && random.below(8) === 0;
    // What has been written before the host could know that a link is over goes to who has its handle now: no host can help that.
    const reuse = random.below(3) > 0 && !troubles.has("blocks");
    const chip = { links: links + 1, reuse, rejoin: random.below(2) > 0, log: false, identity: { lestates: ALL_STATES }, eventPackets: random.below(3), boot: 20, launch: 60, minidriver: 20, turnaround: 0.2 };
    this.board = createBoard({
      air,
      seed: random.next(),
      part: plain ? "plain" : "cyw43438",
      flow,
      wiring: { regon: power, lpo: true, cts: !flow && random.below(2) > 0, clock: sleep, devwake: sleep, hostwake: sleep },
      random: random.below(4) > 0,
      wire: { chunk: [1, 16, 64, 64, 64, 64, 300, 300][random.below(8)] },
      chip,
    } as any) as Board<any>;
    this.engine = new Engine(this.board, { timersFirst: random.below(2) > 0, overflows: troubles.has("lose") });
    const crypto = random.below(8);
    if (crypto < 7) (this.engine.hal as any).crypto = crypto < 3 ? { p256public: NATIVE.p256public, p256shared: NATIVE.p256shared } : NATIVE;
    this._image = plain ? null : makeImage({ size: 8192, address: `4343a1121f${(0x10 + number).toString(16)}` });
    this._store = random.below(3) === 0 ? null : this._makeStore();
    this._limits = this._drawLimits(links);
    this._listens = random.below(2) > 0;
    this.judge = new Judge(() => this.engine.hal.timer.now(), !plain, world.standing);
    this.judge.doubts = () => (this.host._doubt as string) === "sync";
    this.judge.settled = () => this.up && !this.host._doubt;
    this.judge.patience = this._limits.commandlimit ?? 2000;
    this.declared = { advert: null, welcome: false, level: 4, table: number, scanning: false };
    this.engine.onwritten = (bytes) => {
      world.digest(number, 1, bytes);
      this.judge.wrote(bytes);
      this.faith.wrote(bytes);
      if (this.finished) world.fail(`device ${number} writes after its end: ${hex(bytes)}`);
    };
    this.engine.onreceived = (bytes) => world.digest(number, 0, bytes);
    this.engine.onpower = () => this.judge.power();
    air.sniff(({ time, pdu, from }) => {
      if (from === this.board.chip.controller && pdu.type !== 4) this.advert = { time, type: pdu.type, data: hex(pdu.data), address: hex(pdu.address.bytes.slice().reverse()) };
    });
    troubleWire(this.board, troubles, [60, 400, 3000, 20_000][random.below(4)]);
    troubleChip(this.board, troubles, this.faith, [20, 60, 300][random.below(3)]);
  }

  get now(): number {
    return this.board.clock.now;
  }

  /** Whether the instance is at work. */
  get up(): boolean {
    return !this._ended && this.host._phase === 3;
  }

  get links(): number {
    return this._limits.links as number;
  }

  /** Packets that the application allows; 0: all. */
  get limit(): number {
    return (this._limits.aclpackets as number) || 0;
  }

  get packets(): number {
    const { leacl, acl } = this.board.chip.controller.identity;
    const count = leacl.length ? leacl.count : acl.count;
    return this.host._cyw ? Math.min(2, count) : count;
  }

  /** Opens the board and declares all that is to be. */
  open(): void {
    this._generation++;
    this._ended = false;
    this._thrown = 0;
    this.promised.clear();
    const judged = this.judge;
    judged.setLevel(4);
    this._opening = true;
    const { bt, host } = open(this.engine.hal, this._image, this._makeOptions());
    this.bt = bt;
    this.host = host;
    bt.trace((sent, bytes, at, length) => {
      const packet = bytes.slice(at, at + length);
      if (sent) return;
      this.faith.told(packet);
      judged.told(packet);
    }, true);
    this.declare();
    this._opening = false;
  }

  /** Says to the stack all that is declared. */
  declare(): void {
    const { declared, bt } = this;
    this.setSecurity(declared.level);
    this.serve();
    bt.onconnect(declared.welcome ? this.wrap("onconnect", (connection: any) => this._connected(connection)) : null);
    bt.onroom(this.wrap("onroom", () => {}));
    bt.setscanparams(this.number % 2 > 0, 60, 30);
    if (declared.scanning) this.scan();
    else bt.stopscan();
    if (declared.advert) this.advertise();
    else bt.stopadvertise();
  }

  setSecurity(level: 1 | 3 | 4, code?: number): void {
    this.declared.level = level;
    this.judge.setLevel(level);
    this.bt.setsecurity(level, code);
  }

  serve(): void {
    const { table } = this.declared;
    this.bt.servegatt(
      makeTable(table, {
        read: this.wrap("read", (connection: any, reply: any) => this._answer(connection, reply, textOf(table))),
        write: this.wrap("write", (connection: any, value: Uint8Array, reply: any) => {
          this.written.push(hex(value));
          return this._answer(connection, reply, 0);
        }),
        subscribe: this.wrap("subscribe", (connection: any) => this.judge.handled(connection._handle)),
      }),
    );
  }

  scan(): void {
    this.bt.startscan(this.wrap("scan", () => void (this.heard = this.now)));
  }

  advertise(): void {
    const { data, min, max, response } = this.declared.advert!;
    this.bt.startadvertise(data, min, max, response);
  }

  welcome(): void {
    this.bt.onconnect(this.declared.welcome ? this.wrap("onconnect", (connection: any) => this._connected(connection)) : null);
  }

  /** A connection of ours has been made. */
  met(connection: any, kept = false): void {
    this._note(connection, true);
    if (this.calm && !kept) this.rest();
  }

  /** The application lets go of the connections that it has made. */
  rest(): void {
    for (const one of this.known) {
      if (!one.central) continue;
      this.left(one);
      one.connection.close();
    }
  }

  /** The application ends a connection: of its end it hears nothing. */
  left(known: Known): void {
    if (!known.closed.length) known.ours = true;
  }

  /** A callback that has to come once. */
  promise(name: string, then: (...values: any[]) => void = () => {}): (...values: any[]) => void {
    const number = ++this._promises;
    const generation = this._generation;
    this.promised.set(number, name);
    return this.wrap(name, (...values: any[]) => {
      if (generation === this._generation && !this.promised.delete(number)) this.world.fail(`device ${this.number}: the callback of ${name} comes again`);
      then(...values);
    });
  }

  /** Something that the application does, if it may. */
  act(): void {
    if (this._ended || this._opening || this.calm) return;
    const before = this._promises;
    try {
      act(this);
    } catch (error: any) {
      // Who is told at once is not told again.
      for (const number of this.promised.keys()) if (number > before) this.promised.delete(number);
      if (!["busy", "disconnected", "closed", "argument", "security"].includes(error.code)) this.world.fail(`device ${this.number}: ${error.stack}`);
    }
  }

  /** Something that happens to the chip. */
  strike(): void {
    if (this.calm) return;
    const what = strikeChip(this.board, this.world.troubles);
    if (!what) return;
    this.struck = this.now;
    this.world.log(`device ${this.number}: ${what}`);
  }

  close(): void {
    this.tally();
    this._generation++;
    this._ended = true;
    this.bt.close();
    this._leaveAll();
  }

  /** Gives the host something to say to its chip that changes nothing. */
  nudge(): void {
    const { advert } = this.declared;
    if (advert) advert.max = advert.max === 80 ? 90 : 80;
    if (advert && this.up) this.advertise();
  }

  /** The chip is given back its power where nobody but somebody with a screwdriver can do that. */
  mend(): void {
    const { chip, hal } = this.board;
    // At a rate that nobody has asked for nobody finds it.
    if (hal.gpio.regon || !(this.faith.broken || chip.hung || chip.state === "dead" || chip.state === "download")) return;
    chip.restart();
    // One that looks the same as before has to say so itself.
    if (!(chip instanceof VirtualCyw43438)) this.faith.restarted();
  }

  /** The stack has caught as many exceptions as the application has thrown. */
  tally(): void {
    if (this._ended) return;
    const { exceptions } = this.bt.counters();
    if (exceptions !== this._thrown) this.world.fail(`device ${this.number}: ${exceptions} exceptions, of which the application has thrown ${this._thrown}`);
  }

  /**
   * What the host cannot know to be wrong is put right by a chip that asks for its restart: where it has a mind for that.
   * @returns whether there is nothing of the kind any more
   */
  confess(): boolean {
    if (!this.faith.broken) return true;
    // Beside what is half received it would be lost.
    if (!this.up || this.host._doubt || this.host._doubtful || this.host._ring._used || this.engine.occupied) return false;
    this.world.log(`device ${this.number}: ${this.faith.broken}`);
    this.faith.broken = "";
    this.faith.meant(CONFESSION);
    this.board.chip.inject(CONFESSION);
    return false;
  }

  /** What becomes of a callback of the application. */
  wrap<T extends (...values: any[]) => any>(name: string, body: T): T {
    const generation = this._generation;
    const run = (values: any[]): any => {
      const { troubles } = this.world;
      if (generation !== this._generation) this.world.fail(`device ${this.number}: ${name} is called after close()`);
      this._depth++;
      try {
        const value = body(...values);
        if (generation === this._generation && this._depth < 3 && troubles.strikes("inside", 12)) this.act();
        if (troubles.strikes("blocks", 60)) this._block(name);
        if (generation === this._generation && troubles.strikes("throws", 15)) {
          this._thrown++;
          throw new Error(MISTAKE);
        }
        return value;
      } finally {
        this._depth--;
      }
    };
    // Handlers name as many parameters as they use.
    if (body.length === 3) return ((a: any, b: any, c: any) => run([a, b, c])) as T;
    return (body.length === 2 ? (a: any, b: any) => run([a, b]) : (...values: any[]) => run(values)) as T;
  }

  private _leaveAll(): void {
    for (const one of this.known) this.left(one);
    this.past.push(...this.known);
    this.known = [];
  }

  private _block(name: string): void {
    const ms = [100, 100, 100, 1000, 1000, 10_000][this.world.troubles.chance("blocks").below(6)];
    this.world.log(`device ${this.number}: ${name} takes ${ms} ms`);
    this.engine.busy(ms);
  }

  private _connected(connection: Connection): void {
    if (!this.declared.welcome) this.world.fail(`device ${this.number}: onconnect while nobody is welcome`);
    this.judge.handled((connection as any)._handle);
    this._note(connection, false);
  }

  private _note(connection: any, central: boolean): void {
    if (this.known.some((one) => one.connection === connection)) this.world.fail(`device ${this.number}: the same connection comes twice`);
    const known: Known = { connection, central, ours: false, closed: [] };
    this.known.push(known);
    connection.onclose(this.wrap("onclose", (reason: number) => void known.closed.push(reason)));
  }

  /** What a handler returns: the value, or that it comes later. */
  private _answer(connection: any, reply: any, value: any): any {
    const { troubles } = this.world;
    this.judge.handled(connection._handle);
    if (!troubles.strikes("slow", 2)) return value;
    const ms = [1, 40, 700, 5000, 24_000, 26_000, 0][troubles.chance("slow").below(7)];
    if (ms) this.board.clock.after(ms, () => reply(value));
    return this.bt.LATER;
  }

  private _makeStore(): Store {
    return {
      load: () => this._memory.bytes,
      save: (bytes) => {
        if (this.world.troubles.strikes("store", 4)) return false;
        this._memory.bytes = bytes.slice();
        this.judge.saved({ load: () => this._memory.bytes, save: () => true });
        return true;
      },
    };
  }

  private _drawLimits(links: number): Options {
    const { random } = this;
    const limits: Options = {
      links,
      mtu: [23, 64, 185][random.below(3)],
      queue: 1 + random.below(6),
      slice: 4000,
      bonds: 1 + random.below(3),
      refuse: random.below(4) === 0,
      attempts: 1 + random.below(6),
      commandlimit: random.below(4) ? 2000 : 500,
    };
    if (this._store) limits.store = this._store;
    if (random.below(8) === 0) limits.rotatecode = 1;
    if (random.below(3) === 0) limits.aclpackets = 1 + random.below(2);
    return limits;
  }

  private _makeOptions(): Options {
    const told = (name: string): (() => void) => this.wrap(name, () => {});
    const options: Options = {
      ...this._limits,
      onready: this.wrap("onready", (info) => {
        if (!this.rise) this.rise = info.ms;
      }),
      onrecover: this.wrap("onrecover", (info) => void this.recoveries.push(info)),
      onerror: this.wrap("onerror", (error) => this._failed(error as BlimpError)),
    };
    for (const name of ["onwarning", "onstep", "onprogress", "onpairing", "onpairingfailed"]) options[name] = told(name);
    if (this._listens) {
      options.passkey = this.wrap("passkey", (connection, reply) => {
        this.board.clock.after(20, () => reply(this.world.codeOf(connection.address())));
      });
    }
    return options;
  }

  private _failed(error: BlimpError): void {
    const { code } = error;
    const ours = error.message === MISTAKE;
    this.errors[code ?? "application"] = (this.errors[code ?? "application"] ?? 0) + 1;
    this.world.log(`device ${this.number}: onerror ${code} ${error.step} ${error.detail}${error.final ? ", final" : ""}`);
    if (!ours && (!code || code === "uart" || /TypeError|RangeError|ReferenceError/.test(String(error.detail) + error.message))) {
      this.world.fail(`device ${this.number}: onerror ${error.stack} ${String(error.detail)}`);
    }
    if (error.final) {
      this._ended = true;
      const generation = this._generation;
      this.board.clock.after(REOPEN, () => this._again(generation));
    }
  }

  /** An instance that has given up is opened anew, as an application does it. */
  private _again(generation: number): void {
    if (generation !== this._generation || this.finished) return;
    // An engine that is busy has not even given the board back.
    if (this.engine.occupied) return void this.board.clock.after(REOPEN, () => this._again(generation));
    if (this.engine.timers) this.world.fail(`device ${this.number}: ${this.engine.timers} timers are left after the end`);
    if (this.board.uartOpen) this.world.fail(`device ${this.number}: the UART is open after the end`);
    for (const name of this.promised.values()) this.world.fail(`device ${this.number}: the callback of ${name} has not come before the end`);
    this.reopened++;
    this.mend();
    this.open();
  }
}

/** What has to be on the air for what is declared: an advert's PDU type; -1: none. */
export function expectedType(declared: Declared): number {
  if (!declared.advert) return -1;
  if (declared.welcome) return 0;
  return declared.advert.response === null ? 3 : 2;
}
