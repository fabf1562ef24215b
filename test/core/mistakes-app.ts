import assert from "node:assert/strict";
import type { BlimpError } from "../../core/errors.js";
import type { Options } from "../../core/options.js";
import type { FullConnection } from "../../targets/node/open.js";
import type { BoardOptions } from "../../hal/mock/index.js";
import { Peer } from "../support/links.js";
import { hex, plainRig, rig, type Rig } from "../support/rig.js";
import { METHODS, services, type Method } from "./mistakes-table.js";

const ADVERT = "020106";
/** A controller that can do everything beside everything. */
const SEVERAL: BoardOptions<any> = { chip: { links: 8, identity: { lestates: new Uint8Array(8).fill(255) } } };

export interface AppSetup {
  readonly part?: "cyw43438" | "plain";
  /** False: the board has no random source. */
  readonly random?: boolean;
  readonly options?: Options;
  readonly before?: (rig: Rig<any>) => void;
  /** False: it is not brought up. */
  readonly up?: boolean;
}

/** An application that advertises, scans and serves at level 1, and has every callback that there is. */
export class App {
  readonly rig: Rig<any>;
  /** The connection that the application was told of last. */
  connection: FullConnection | null = null;
  /** Called from inside each callback, with its name. */
  act: (place: string, connection: FullConnection | null) => void = () => {};
  /** How often each callback has run. */
  readonly calls: { [place: string]: number } = {};
  private _peers = 0;

  constructor(setup: AppSetup = {}, act?: App["act"]) {
    const made = setup.part === "cyw43438" ? rig : plainRig;
    if (act) this.act = act;
    const options: Options = { ...setup.options };
    for (const name of ["onready", "onerror", "onwarning", "onprogress", "onstep", "onrecover"]) options[name] = this.as(name);
    this.rig = made({ board: { ...SEVERAL, random: setup.random }, options, before: setup.before });
    this.declare();
    if (setup.up !== false) this.rig.up();
  }

  get bt(): any {
    return this.rig.bt;
  }

  /** A callback of this name. */
  as(place: string, connection?: FullConnection | null): (...values: any[]) => void {
    return () => this.in(place, connection);
  }

  in(place: string, connection: FullConnection | null = this.connection): void {
    this.calls[place] = (this.calls[place] ?? 0) + 1;
    this.act(place, connection);
  }

  declare(): void {
    const { bt } = this;
    bt.setsecurity(1);
    bt.servegatt(this.services());
    bt.onconnect((connection: FullConnection) => {
      this.connection = connection;
      connection.onclose(this.as("onclose", connection));
      this.in("onconnect");
    });
    bt.setscanparams();
    bt.setscanfilter([{}]);
    bt.startscan(this.as("scan"));
    bt.onroom(this.as("onroom"));
    bt.startadvertise("\x02\x01\x06", 20, 20);
  }

  private services(): any[] {
    const later = (place: string, reply: (value?: any) => void, value: any): any => {
      this.rig.clock.after(10, () => {
        this.in(place);
        reply(value);
      });
      return this.bt.LATER;
    };
    return [
      ...services(),
      {
        uuid: 0xfff8,
        chars: [
          { uuid: 0xfffa, read: () => (this.in("read"), "r"), write: () => this.in("write"), subscribe: this.as("subscribe"), flags: 0x3e },
          { uuid: 0xfffb, read: (_c: unknown, reply: any) => later("late read", reply, "l"), write: (_c: unknown, _v: unknown, reply: any) => later("late write", reply, 0) },
        ],
      },
    ];
  }

  /** A peer of its own that connects. */
  peer(): Peer {
    return new Peer(this.rig, { address: "0b5e12e4" + (this._peers++).toString(16).padStart(4, "0"), interval: 7.5 }).connect();
  }

  /** The handle of a value as ATT carries it. */
  at(uuid: number, more = 0): string {
    const handle = this.bt.handle(uuid < 0xfff8 ? 0xfff0 : 0xfff8, uuid) + more;
    return hex([handle & 255, handle >> 8]);
  }

  run(ms: number): this {
    this.rig.run(ms);
    return this;
  }

  /** What was declared is on the air and is served: the advert, the table, the scan. */
  serves(message?: string): void {
    const { chip } = this.rig.board;
    // A Reset out of turn is no violation of what comes after it.
    const violations = chip.violations.length;
    assert.deepEqual(this.rig.onair(), [`0:${ADVERT}`], message);
    const peer = this.peer();
    assert.equal(peer.att("0a" + this.at(0xfff1)), "0b41636d65", message);
    assert.equal(peer.att("12" + this.at(0xfff2) + "0102"), "13", message);
    peer.central.disconnect();
    this.run(100);
    assert.deepEqual(this.rig.onair(), [`0:${ADVERT}`], message);
    // The last word was that it scans; a connection has not changed that.
    const scans = chip.log.filter(({ opcode }: any) => opcode === 0x200c).at(-1);
    assert.equal(scans?.parameters[0], 1, message);
    assert.deepEqual(chip.violations.slice(violations), [], message);
  }

  /** After whatever the application has done: what it declares anew comes into force. */
  home(message?: string): void {
    const { bt, rig } = this;
    this.act = () => {};
    bt.cancelconnect();
    bt.trace(null);
    rig.run(100);
    bt.testend();
    this.declare();
    this.connection?.close();
    rig.run(3000);
    this.serves(message);
  }

  /** Exceptions that were counted, and errors that only a fault of the stack can bring about. */
  sound(exceptions: number, message?: string): void {
    const { bt, rig } = this;
    assert.equal(bt.counters().exceptions, exceptions, message);
    for (const error of rig.errors) assert.ok((error as BlimpError).code !== "uart", `${message}: ${error.message}`);
  }
}

export function methodOf(on: Method["on"], name: string): Method {
  const found = METHODS.find((method) => method.on === on && method.name === name);
  assert.ok(found, `${on}.${name} is in the table`);
  return found;
}

/** Names of the functions that an object has for an application. */
export function namesOf(object: any): string[] {
  const names: string[] = [];
  for (const name in object) if (typeof object[name] === "function" && !name.startsWith("_")) names.push(name);
  return names.sort();
}

/** What a call throws, null for nothing. */
export function thrown(call: () => unknown): BlimpError | null {
  try {
    call();
  } catch (error) {
    return error as BlimpError;
  }
  return null;
}
