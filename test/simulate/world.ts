import { Air, Random, VirtualClock, type Beacon } from "../../hal/mock/index.js";
import { check } from "./check.js";
import { Device, expectedType, type Surroundings } from "./device.js";
import { sum } from "./faith.js";
import { CORRUPTING, KINDS, type Counts, type Kind } from "./kinds.js";
import { hex } from "./judge.js";
import { Troubles } from "./trouble.js";
import { Visitor } from "./visitor.js";

/** Once faults have stopped all that is declared has to be back within so many milliseconds: the longest rest, tried twice, and a level's limit. */
const CALM = 150_000;
const LONG_CALM = 400_000;
/** How long a chip may have been silent before it is asked whether it is there, and the answer, ms. */
const HEALTH = 15_000;
/** How often it is looked whether it is. */
const LOOK = 50;

/** What came of a run. */
export interface Outcome {
  readonly seed: number;
  /** What did not hold; empty is what is wanted. */
  readonly failures: string[];
  readonly counts: Counts;
  /** A number that stands for every byte on every wire and its time. */
  readonly digest: number;
  /** Recoveries: how long each took, and the first rise of that device, ms. */
  readonly recoveries: { ms: number; rise: number }[];
  /** From the end of the faults until all that is declared was there, ms. */
  readonly calm: number;
  /** Virtual time of the run, ms; instances opened again after they had given up; connections; ATT answers judged. */
  readonly time: number;
  readonly reopened: number;
  readonly connections: number;
  readonly answers: number;
  readonly pairings: number;
  readonly errors: { [code: string]: number };
  readonly log: string[];
}

export interface RunOptions {
  /** Only these kinds of fault; default: drawn from the seed. */
  kinds?: readonly Kind[];
  /** Kinds that are left out. */
  without?: readonly Kind[];
}

/** Which kinds of fault a run has: none, one, a few, or many. */
function drawKinds(random: Random): Kind[] {
  const all = Object.keys(KINDS) as Kind[];
  const how = random.below(12);
  if (how === 0) return [];
  if (how < 4) return [all[random.below(all.length)]];
  const odds = how < 9 ? 5 : 2;
  return all.filter(() => random.below(odds) === 0);
}

/** One run: a world of a seed, with its faults, and what is left of it in the end. */
export class World implements Surroundings {
  readonly seed: number;
  readonly clock = new VirtualClock();
  readonly air: Air;
  readonly troubles: Troubles;
  readonly devices: Device[] = [];
  readonly visitors: Visitor[] = [];
  readonly beacon: Beacon;
  readonly lines: string[] = [];
  readonly failures: string[] = [];
  private readonly _random: Random;
  private _digest = 0x811c9dc5;

  constructor(seed: number, options: RunOptions = {}) {
    this.seed = seed;
    const random = (this._random = new Random(seed));
    const drawn = drawKinds(random.split());
    this.troubles = new Troubles(seed, (options.kinds ?? drawn).filter((kind) => !options.without?.includes(kind)));
    this.air = new Air(this.clock, { seed: random.next() });
    const makers = random.split();
    const count = [1, 1, 1, 2, 2, 3][random.below(6)];
    for (let i = 0; i < count; i++) this.devices.push(new Device(i, this, makers.split()));
    for (let i = 0, phones = 1 + random.below(3); i < phones; i++) this.visitors.push(new Visitor(i, this.devices, makers.split(), this.troubles, this.log));
    this.beacon = this.air.advertise({ name: "beacon", address: "c0ffee000001", random: 1, data: Uint8Array.of(2, 1, 4), interval: 100 });
    const fade = this.troubles.chance("fade");
    this.air.linkFault = () => (this.troubles.has("fade") && this.troubles.on && fade.below(12) === 0 ? (this.troubles.note("fade"), "lose") : undefined);
  }

  readonly log = (text: string): void => {
    this.lines.push(`${this.clock.now.toFixed(1)} ${text}`);
  };

  readonly fail = (text: string): void => {
    this.log(`FAILS: ${text}`);
    if (this.failures.length < 10) this.failures.push(text);
  };

  readonly standing = (address: string): number | undefined => this.visitors.find((visitor) => visitor.is(address))?.best;

  readonly codeOf = (address: string): number | null => {
    const device = this.devices.find((one) => one.bt?.address() === address);
    if (device) return device.bt.getsecuritycode();
    const visitor = this.visitors.find((one) => one.is(address));
    return visitor && visitor.best > 1 ? visitor.shown : this.guest;
  };

  /** The passkey that a phone of the check shows. */
  guest: number | null = null;

  readonly addresses = (): string[] => this.devices.map((device) => device.bt?.address() ?? null).filter((address) => address !== null);

  readonly typeOf = (address: string): 0 | 1 => (this.devices.find((device) => device.bt.address() === address)?.host._addresstype ? 1 : 0);

  readonly digest = (device: number, kind: number, bytes: Uint8Array): void => {
    this._digest = sum(bytes, sum([device, kind, Math.round(this.clock.now * 1000)], this._digest));
  };

  /** Lets it happen, and looks what is left. */
  run(): Outcome {
    let calm = 0;
    try {
      this._storm();
      calm = this._settle();
      if (!this.failures.length) check(this);
      this._end();
    } catch (error: any) {
      this.fail(`${error.stack ?? error}`);
    }
    const errors: Outcome["errors"] = {};
    for (const device of this.devices) {
      for (const offence of device.judge.offences) this.fail(`device ${device.number}: ${offence}`);
      for (const [code, count] of Object.entries(device.errors)) errors[code] = (errors[code] ?? 0) + count;
    }
    return {
      seed: this.seed,
      failures: this.failures,
      counts: this.troubles.counts,
      digest: this._digest >>> 0,
      recoveries: this.devices.flatMap(({ recoveries, rise }) => recoveries.map(({ ms }) => ({ ms, rise }))),
      calm,
      time: this.clock.now,
      reopened: this.devices.reduce((sum, { reopened }) => sum + reopened, 0),
      connections: this.devices.reduce((sum, { known, past }) => sum + known.length + past.length, 0),
      answers: this.devices.reduce((sum, { judge }) => sum + judge.answers, 0),
      pairings: this.visitors.reduce((sum, { pairings }) => sum + pairings, 0),
      errors,
      log: this.lines,
    };
  }

  private _storm(): void {
    const random = this._random;
    for (const device of this.devices) {
      device.declared.welcome = true;
      device.declared.level = ([1, 1, 3, 4, 4] as const)[random.below(5)];
      device.declared.scanning = random.below(3) === 0;
      device.declared.advert = { data: "\x02\x01\x06", min: 20, max: 40, response: null };
      device.open();
    }
    // Half the time faults begin with the first byte.
    this.troubles.on = random.below(2) > 0;
    this.clock.run(1500);
    this.troubles.on = true;
    const steps = 20 + random.below(60);
    for (let i = 0; i < steps && !this.failures.length; i++) {
      const device = this.devices[random.below(this.devices.length)];
      const visitor = this.visitors.length ? this.visitors[random.below(this.visitors.length)] : null;
      if (!visitor || random.below(4) === 0) device.act();
      else visitor.act();
      device.strike();
      this.clock.run(random.below(8) ? random.below(250) : random.below(3000));
    }
  }

  /** Faults stop, and everybody goes; the stack puts right what is wrong without the application. */
  private _settle(): number {
    const { troubles } = this;
    troubles.on = false;
    for (const device of this.devices) {
      device.calm = true;
      device.mend();
      device.rest();
    }
    for (const visitor of this.visitors) visitor.goAway();
    const began = this.clock.now;
    let asked = false;
    // After what the wire still has to say.
    this.clock.run(500);
    this.log("calm");
    let reached = 0;
    // Events of connections may have been lost where nothing shows that something is missing: every five minutes the stack looks by itself.
    const limit = troubles.has("blocks") || CORRUPTING.some((kind) => troubles.has(kind)) ? LONG_CALM : CALM;
    // For a while, so that it is not just passing.
    while (reached < 4 && this.clock.now - began < limit && !this.failures.length) {
      this.clock.run(LOOK);
      for (const visitor of this.visitors) visitor.goAway();
      const honest = this.devices.map((device) => device.confess()).every((so) => so);
      reached = honest && this.visitors.every((visitor) => visitor.away) && this.devices.every((device) => this._lacks(device) === "") ? reached + 1 : 0;
      if (reached === 3 && !asked) {
        // What is wrong between host and chip may show at the next command only.
        for (const device of this.devices) device.bt.setscanparams(true, 60, 45);
        for (const device of this.devices) device.nudge();
        asked = true;
        reached = 0;
      }
    }
    const calm = this.clock.now - began;
    for (const device of this.devices) {
      const lacks = this._lacks(device);
      if (lacks) this.fail(`device ${device.number} after ${limit} ms of calm: ${lacks}`);
    }
    return calm;
  }

  /** What a device lacks of what is declared; "" where it lacks nothing. */
  private _lacks(device: Device): string {
    const { advert, declared, host } = device;
    const { now } = this.clock;
    if (now - device.struck < HEALTH) return "nobody has looked yet whether its chip is well";
    if (!device.up) return `it is not up (phase ${host._phase}, step ${host._step})`;
    const expected = expectedType(declared);
    // What ended by itself may still be told.
    const fresh = advert !== null && now - advert.time < 400;
    if (expected < 0 && fresh) return `it advertises ${advert.type}:${advert.data}`;
    if (expected >= 0) {
      if (!fresh) return `it does not advertise; links: ${host._links.length}, free: ${host._free.length}`;
      const data = hex(Array.from(declared.advert!.data, (c) => c.charCodeAt(0)));
      if (advert.address !== device.bt.address()) return `it advertises as ${advert.address}, not as ${device.bt.address()}`;
      if (advert.type !== expected || advert.data !== data) return `it advertises ${advert.type}:${advert.data}, not ${expected}:${data}`;
    }
    if (declared.scanning && now - device.heard > 1000) return "its scan hears nothing";
    if (host._links.length) return `it has ${host._links.length} links, to ${host._links.map((link: any) => link.address())}`;
    if (device.promised.size && !host._seeking) {
      // Nobody is there any more who could answer.
      return `callbacks have not come: ${[...device.promised.values()]}`;
    }
    if (host._jobs.length) return "it computes";
    if (host._pending || host._doubt || host._doubtful || device.engine.occupied) return "it is still at something";
    return host._seeking ? "it seeks a connection" : "";
  }

  /** Where all bytes were as they were meant, nobody has done anything against the specification. */
  private _judge(): void {
    const { troubles } = this;
    if (CORRUPTING.some((kind) => troubles.has(kind))) return;
    // A chip takes what comes at another rate than its own for anything.
    for (const { number, board, errors, judge } of this.devices) {
      if (Object.keys(errors).length || judge.sought || troubles.has("reopen")) continue;
      for (const { time, opcode, reason } of board.chip.violations) {
        // A chip that answers late, or hears late what was written in time, takes a host's patience for none; the judge sees what the host sees.
        if (reason.endsWith("has not been answered") && (troubles.has("late") || troubles.has("blocks"))) continue;
        this.fail(`device ${number}: ${time.toFixed(1)} command ${opcode.toString(16)}: ${reason}`);
      }
    }
    if (troubles.has("pdus") || troubles.has("pairing")) return;
    for (const { number, phone } of this.visitors) for (const text of phone.violations) this.fail(`phone ${number}: ${text}`);
  }

  /** All is closed; nothing is left. */
  private _end(): void {
    this._judge();
    for (const device of this.devices) {
      device.tally();
      for (const one of [...device.past, ...device.known]) {
        if (one.ours ? one.closed.length > 0 : one.closed.length !== 1) this.fail(`device ${device.number}: onclose came ${one.closed.length} times for a connection that ${one.ours ? "we" : "others"} have ended`);
      }
      device.close();
    }
    // Links have their second to end.
    this.clock.run(this.devices.some(({ host }) => host._links.length > 0) ? 1200 : 100);
    for (const device of this.devices) {
      if (device.engine.timers) this.fail(`device ${device.number}: ${device.engine.timers} timers are left`);
      if (device.board.uartOpen) this.fail(`device ${device.number}: the UART is open`);
      const regon = device.board.pins.filter(({ pin }) => pin === "regon").at(-1);
      if (regon && regon.level) this.fail(`device ${device.number}: BT_REG_ON is high`);
      device.finished = true;
    }
    this.clock.run(3000);
  }
}

/** Runs a seed. */
export function run(seed: number, options: RunOptions = {}): Outcome {
  return new World(seed, options).run();
}
