import assert from "node:assert/strict";
import type { Service } from "../../core/gatt/database.js";
import type { Options, Store } from "../../core/options.js";
import { Central, Phone, type BoardOptions, type CentralOptions, type Pairing, type PhoneError, type PhoneOptions } from "../../hal/mock/index.js";
import { CID } from "./links.js";
import { hex, plainRig, rig, unhex, type Rig } from "./rig.js";
import { ALL_STATES } from "./states.js";

/** The code of the tests' device. */
export const CODE = 123456;

/** Commands of security by name, typed from Vol 4 Part E section 7.8. */
export const SEC = { ENCRYPT: 0x2017, RAND: 0x2018, ENABLE_ENCRYPTION: 0x2019, LTK_REPLY: 0x201a, LTK_NEGATIVE: 0x201b, DISCONNECT: 0x0406 } as const;

/** A store in memory; what it holds may be looked at and changed. */
export class Memory implements Store {
  bytes: Uint8Array | null = null;
  saves = 0;
  /** False: it keeps nothing more, and says so. */
  works = true;

  load(): Uint8Array | null {
    return this.bytes;
  }

  save(bytes: Uint8Array): boolean {
    if (!this.works) return false;
    this.saves++;
    this.bytes = bytes.slice();
    return true;
  }
}

export interface Setup {
  /** Default 4. */
  level?: 1 | 3 | 4;
  /** Default CODE; null: what the stack draws. */
  code?: number | null;
  options?: Options;
  board?: BoardOptions<any>;
  part?: "cyw43438" | "plain";
  services?: Service[];
  /** Connections at a time; more than one needs a chip that can advertise beside them. */
  links?: number;
  before?: (rig: Rig<any>) => void;
}

/** A device that serves one value, 0xAA01 in service 0xAA00, and says what becomes of it. */
export class Safe {
  readonly rig: Rig<any>;
  readonly connections: any[] = [];
  /** Reasons that `onclose` was given. */
  readonly closed: number[] = [];
  /** What `onpairing` was told. */
  readonly states: string[] = [];
  /** What `onpairingfailed` was told. */
  readonly failures: number[] = [];
  /** How often the value was read, and what was written to it. */
  reads = 0;
  readonly written: string[] = [];
  /** Subscriptions: "on" and "off". */
  readonly subscribed: string[] = [];

  constructor(setup: Setup = {}) {
    const { level = 4, code = CODE, options = {}, links } = setup;
    const board = { ...setup.board };
    if (links) board.chip = { links, identity: { lestates: ALL_STATES }, ...board.chip };
    const told: Options = {
      onpairing: (_connection: unknown, state: string) => void this.states.push(state),
      onpairingfailed: (count: number) => void this.failures.push(count),
      ...(links ? { links } : {}),
      ...options,
    };
    const made = { board, options: told, before: setup.before };
    this.rig = setup.part === "plain" ? plainRig(made) : rig(made);
    this.declare(level, code, setup.services);
    this.rig.up();
  }

  get bt(): Rig["bt"] {
    return this.rig.bt;
  }

  get open(): any {
    return this.connections.at(-1);
  }

  /** What an application declares; also after it has been opened again. */
  declare(level: 1 | 3 | 4 = 4, code: number | null = CODE, services: Service[] = this.services()): void {
    const { bt } = this.rig;
    if (level === 1) bt.setsecurity(1);
    else if (code === null) bt.setsecurity(level);
    else bt.setsecurity(level, code);
    bt.servegatt(services);
    bt.onconnect((connection) => {
      this.connections.push(connection);
      connection.onclose((reason) => void this.closed.push(reason));
    });
    bt.startadvertise("\x02\x01\x06", 20, 20);
  }

  services(): Service[] {
    return [
      {
        uuid: 0xaa00,
        chars: [
          {
            uuid: 0xaa01,
            flags: 0x5a,
            read: () => {
              this.reads++;
              return "secret";
            },
            write: (_connection, value) => {
              this.written.push(hex(value));
            },
            subscribe: (_connection, on) => void this.subscribed.push(on ? "on" : "off"),
          },
        ],
      },
    ];
  }

  /** Another phone; each with an address of its own. */
  phone(pairing: Partial<Pairing> = {}, options: PhoneOptions = {}): Phone {
    const number = (this._phones++).toString(16).padStart(4, "0");
    return new Phone(this.rig.board.air, { mtu: 23, address: "0b5e12e2" + number, interval: 7.5, ...options, pairing: { passkey: CODE, ...pairing, ...options.pairing } });
  }

  private _phones = 0x0100;

  /** Lets time pass until something is so; says whether it is. */
  until(what: () => boolean, ms = 5000): boolean {
    return this.rig.board.clock.until(what, ms) || what();
  }

  run(ms: number): this {
    this.rig.run(ms);
    return this;
  }

  /** Nothing of the stack is left over: no exception, no error. */
  unharmed(): void {
    assert.deepEqual(this.rig.errors.map(String), [], "no error");
    assert.equal(this.bt.counters().exceptions, 0, "no exception");
    assert.equal(this.bt.counters().restarts, 0, "no restart");
  }
}

/** Connects, and waits until the pairing that the device asks for has come to its end. */
export function meet(safe: Safe, phone: Phone, ms = 20_000): { paired: number; error: PhoneError | null } {
  let paired = 0;
  let error: PhoneError | null = null;
  const before = [phone.onpaired, phone.onpairingfailed] as const;
  phone.onpaired = (result) => {
    paired = result.level;
    before[0](result);
  };
  phone.onpairingfailed = (failed) => {
    error = failed;
    before[1](failed);
  };
  phone.connect();
  safe.until(() => paired > 0 || error !== null || !phone.connected, ms);
  // What follows the end at the other side.
  safe.run(200);
  [phone.onpaired, phone.onpairingfailed] = before;
  return { paired, error };
}

/** A peer that speaks the Security Manager's protocol, and ATT, by hand. */
export class Stranger {
  readonly central: Central;
  readonly frames: { cid: number; bytes: string; time: number }[] = [];
  readonly ends: number[] = [];
  readonly encryptions: number[] = [];
  private readonly _safe: Safe;

  constructor(safe: Safe, options: CentralOptions = {}) {
    this._safe = safe;
    this.central = new Central(safe.rig.board.air, { interval: 7.5, ...options });
    this.central.onframe = (cid, payload) => void this.frames.push({ cid, bytes: hex(payload), time: safe.rig.now });
    this.central.ondisconnected = (reason) => void this.ends.push(reason);
    this.central.onencrypted = (status) => void this.encryptions.push(status);
  }

  connect(limit = 5000): this {
    assert.ok(this.tryconnect(limit), "connected");
    return this;
  }

  tryconnect(limit = 5000): boolean {
    const address = this._safe.bt.address()!;
    const random = this._safe.rig.board.chip.controller.identity.manufacturer === 15 && parseInt(address[0], 16) >= 12 ? 1 : 0;
    this.central.connect(address, random, { timeout: limit });
    this._safe.until(() => this.central.connected, limit);
    if (this.central.connected) this._safe.run(2 * this.central.interval);
    return this.central.connected;
  }

  send(cid: number, digits: string): this {
    if (this.central.connected) this.central.send(cid, unhex(digits));
    return this;
  }

  /** The next frame on a channel within `ms`, "" for none. */
  next(cid: number, ms = 500): string {
    const find = (): number => this.frames.findIndex((frame) => frame.cid === cid);
    this._safe.until(() => find() >= 0, ms);
    const index = find();
    return index < 0 ? "" : this.frames.splice(index, 1)[0].bytes;
  }

  /** Sends an SMP PDU and returns the next one that comes. */
  smp(digits: string, ms = 500): string {
    return this.send(CID.SMP, digits).next(CID.SMP, ms);
  }

  att(digits: string, ms = 500): string {
    return this.send(CID.ATT, digits).next(CID.ATT, ms);
  }
}
