import { createOpen } from "../../core/bluetooth.js";
import { addSleep } from "../../core/chip/sleep.js";
import { Counter } from "../../core/counters.js";
import { addCrypto } from "../../core/crypto/provider.js";
import { addFactoryReset } from "../../core/factory.js";
import { addAdvertising } from "../../core/gap/advertiser.js";
import { addDirectTest } from "../../core/gap/directtest.js";
import { addConnecting } from "../../core/gap/initiator.js";
import { addLinks } from "../../core/gap/links.js";
import { addScanning } from "../../core/gap/scanner.js";
import { addCaching } from "../../core/gatt/caching.js";
import { addClient } from "../../core/gatt/client.js";
import type { Service } from "../../core/gatt/database.js";
import { addGatt } from "../../core/gatt/server.js";
import { Phase, type Host } from "../../core/host.js";
import { Limit, type Options } from "../../core/options.js";
import { addStore } from "../../core/records.js";
import { addSecurity } from "../../core/smp/security.js";
import type { Random } from "../../hal/mock/random.js";
import type { Bluetooth, FullConnection } from "../../targets/node/open.js";
import { Board, CREDITS } from "./board.js";

let opened: Host;

/** Every part, and one that lets a test see the host. */
const open = createOpen<Bluetooth>([(host) => void (opened = host), addLinks, addGatt, addClient, addCrypto, addCaching, addSecurity, addStore, addSleep, addFactoryReset, addScanning, addAdvertising, addConnecting, addDirectTest], 5 + 1021, undefined, {
  // As small as it may be, so that packets wrap.
  receive: 300,
  links: 3,
  mtu: 185,
  prepare: 1024,
  slice: 4000,
});

/** The handle of the value that `Station.serves` reads, and what it is. */
export const KNOWN = { uuid: 0xfff1, value: "known" } as const;

export interface StationSetup {
  readonly level?: 1 | 3 | 4;
  readonly code?: number;
  readonly options?: Options;
  readonly services?: (station: Station) => Service[];
}

/** A device with all parts that is up on a fast board: it advertises, scans, serves, and welcomes connections. */
export class Station {
  readonly board: Board;
  bt!: Bluetooth;
  host!: Host;
  /** The connection that the application was told of last. */
  connection: FullConnection | null = null;
  /** How often a handler of the application's ran; adverts that it was given. */
  handled = 0;
  adverts = 0;
  /** Whether `onpairing` was told that a pairing has succeeded. */
  paired = false;
  /** How often the instance has come to its end and was opened again. */
  reopened = 0;
  private readonly _setup: StationSetup;
  private _broken: Error | null = null;

  constructor(random: Random, setup: StationSetup = {}) {
    this.board = new Board(random);
    this._setup = setup;
    this._open();
    this.run(50);
    if (this.host._phase !== Phase.Ready) throw new Error("the device does not come up");
  }

  run(ms: number): void {
    this.board.clock.run(ms);
  }

  get ready(): boolean {
    return this.host._phase === Phase.Ready;
  }

  /**
   * Throws where something has gone wrong that nothing from outside may bring about: an exception, a buffer or a list that grows.
   */
  check(): void {
    const { host } = this;
    if (this._broken) throw this._broken;
    if (host._counters[Counter.Exceptions]) throw new Error(`${host._counters[Counter.Exceptions]} exceptions`);
    if (new Set(host._links.map(({ _handle }) => _handle)).size !== host._links.length) throw new Error("two links with one handle");
    if (host._links.length > 16) throw new Error(`${host._links.length} links`);
    if (host._links.length + host._free.length < host._limits[Limit.Links]) throw new Error("buffers of links are lost");
    // Buffers of the controller, free or in use: none is lost, and none invented. None at all before they have been asked for.
    const credits = host._links.reduce((sum, link) => sum + link._inflight, host._aclFree);
    if (credits && credits !== CREDITS) throw new Error(`${credits} buffers of ${CREDITS}`);
    if (host._jobs.length > 64) throw new Error(`${host._jobs.length} jobs`);
    if (host._later.length > 64) throw new Error(`${host._later.length} calls wait`);
    for (const link of host._links) if (link._smpQueue.length > 8 || link._deadlines.length > 9) throw new Error("the queue of a link grows");
    if (this.board.clock.pending > 256) throw new Error(`${this.board.clock.pending} timers`);
    // It has come to its end, which it may where the chip seems to have gone for good; it has to be possible to open it again.
    if (host._phase === Phase.Closed) {
      this.reopened++;
      this._open();
      this.run(50);
    }
  }

  /** Nothing comes in from now on: all that is declared has to be there again after two minutes. */
  calm(): void {
    for (const handle of [...this.board.links.keys()]) this.board.disconnect(handle);
    this.run(60_000);
    this.check();
    this.run(60_000);
    this.check();
    if (!this.ready) throw new Error("the device has not come back");
    if (!this.board.advertising) throw new Error("the advert is not on the air");
    if (!this.board.scanning) throw new Error("the scan does not run");
    // Only links of which the controller knows nothing can be left: events that never were have told of them.
    this.host._links.slice().forEach((link) => (link as unknown as FullConnection).close());
    this.run(15_000);
    if (this.host._links.length) throw new Error("a link cannot be closed");
    this.link(0x0ead, [1, 2, 3, 4, 5, 6]);
    this.serves(0x0ead);
    this.board.disconnect(0x0ead);
    this.run(20);
  }

  /** A central connects. */
  link(handle: number, address: ArrayLike<number> = [0x11, 0x22, 0x33, 0x44, 0x55, 0x66]): void {
    this.board.connect(handle, false, address);
    this.run(2);
    this.board.take(handle);
  }

  /** An ATT PDU of a peer, and the PDUs that come back within a while. */
  att(handle: number, pdu: ArrayLike<number>, ms = 1): Uint8Array[] {
    this.board.frame(handle, 4, pdu);
    this.run(ms);
    return this.board.take(handle).filter(({ cid }) => cid === 4).map(({ payload }) => payload);
  }

  /** Throws where the known value cannot be read on a link. */
  serves(handle: number): void {
    const value = this.bt.handle(0xff00, KNOWN.uuid);
    const answers = this.att(handle, [0x0a, value & 255, value >> 8]).filter((pdu) => pdu[0] === 0x0b || pdu[0] === 1);
    if (answers.length !== 1 || Buffer.from(answers[0]).toString("latin1") !== "\x0b" + KNOWN.value) {
      throw new Error(`the known value is read as ${answers.map((pdu) => Buffer.from(pdu).toString("hex")).join(", ") || "nothing"}`);
    }
  }

  private _open(): void {
    const { level = 1, code, options, services } = this._setup;
    this.bt = open(this.board.hal, null, {
      onerror: (error: any) => {
        // What is caught at the root of the stack or around a handler is a mistake of ours; what has no code a callback of the test has thrown.
        if (error.code === undefined || error.code === "uart" || error.code === "handler") this._broken ??= error;
      },
      onpairing: (_connection: unknown, state: string) => {
        if (state === "paired") this.paired = true;
      },
      ...options,
    });
    this.host = opened;
    if (level === 1) this.bt.setsecurity(1);
    else this.bt.setsecurity(level, code ?? 123456);
    this.bt.servegatt([{ uuid: 0xff00, chars: [{ uuid: KNOWN.uuid, value: KNOWN.value }] }, ...(services?.(this) ?? [])]);
    this.bt.onconnect((connection) => {
      this.connection = connection;
      connection.onclose(() => this.connection === connection && (this.connection = null));
    });
    this.bt.startadvertise("\x02\x01\x06", 100, 100);
    this.bt.startscan((adverts) => void (this.adverts += adverts.length));
  }
}
