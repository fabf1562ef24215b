import { Phone, type PhoneOptions, type Random } from "../../hal/mock/index.js";
import type { Device } from "./device.js";
import { hex } from "./judge.js";
import type { Troubles } from "./trouble.js";

/** What kind of guest it is, and the best level that it can reach honestly. */
const GUESTS: { [kind: string]: { best: 1 | 3 | 4; pairing: object } } = {
  // Knows the code, as whoever stands before the device.
  honest: { best: 4, pairing: {} },
  legacy: { best: 3, pairing: { sc: false } },
  // Knows no code.
  stranger: { best: 1, pairing: { passkey: () => 0 } },
  silent: { best: 1, pairing: { io: "NoInputNoOutput", mitm: false } },
  ignorer: { best: 4, pairing: { request: "ignore", onerror: false } },
  old: { best: 1, pairing: { io: "NoInputNoOutput", mitm: false, sc: false, keysize: 7 } },
};

/** A phone with a mind of its own, which comes and goes. */
export class Visitor {
  readonly phone: Phone;
  readonly best: 1 | 3 | 4;
  readonly kind: string;
  readonly number: number;
  /** The passkey that it shows. */
  shown: number | null = null;
  /** How often it has paired. */
  pairings = 0;
  private readonly _random: Random;
  private readonly _troubles: Troubles;
  private readonly _addresses = new Set<string>();
  private readonly _log: (text: string) => void;
  private readonly _devices: readonly Device[];
  /** Packets until it goes, in whatever step that is; -1: it stays. */
  private _left = -1;
  private _goes: "vanish" | "leave" = "vanish";
  private _comes = false;

  constructor(number: number, devices: readonly Device[], random: Random, troubles: Troubles, log: (text: string) => void) {
    const names = Object.keys(GUESTS);
    this.number = number;
    this.kind = random.below(2) ? "honest" : names[random.below(names.length)];
    this._random = random;
    this._troubles = troubles;
    this._log = log;
    this._devices = devices;
    const { best, pairing } = GUESTS[this.kind];
    this.best = best;
    const options: PhoneOptions = {
      name: `phone ${number}`,
      address: "0b5e12e200" + (0x20 + number).toString(16),
      interval: [7.5, 15, 30][random.below(3)],
      latency: random.below(4) ? 0 : 2,
      timeout: 700,
      mtu: [23, 50, 185][random.below(3)],
      privacy: random.below(3) === 0,
      eventPackets: random.below(3),
      pairing: { passkey: () => this._code(), display: (passkey) => void (this.shown = passkey), delay: random.below(3) * 300, userdelay: random.below(3) * 400, renew: random.below(2) > 0, bonding: random.below(4) > 0, ...pairing },
    };
    if (random.below(3) === 0) options.split = () => 1 + random.below(27);
    this.phone = new Phone(devices[0].board.air, options);
    devices[0].board.air.sniffLinks(({ from }) => {
      if (from === this.phone.central) this._step();
    });
    this.phone.onpaired = () => void this.pairings++;
    this.phone.smp.onsend = (pdu) => this._lie(pdu);
  }

  /** Whether it has been on the air with this address. */
  is(address: string): boolean {
    this._addresses.add(hex([...this.phone.central.address.bytes].reverse()));
    this._addresses.add(hex([...this.phone.identity.bytes].reverse()));
    return this._addresses.has(address);
  }

  /** Does something. */
  act(): void {
    const { phone, _random: random } = this;
    if (!phone.central.connected) {
      if (this._comes) return;
      const address = this._devices[random.below(this._devices.length)].bt.address();
      if (!address) return;
      this.is("");
      this._log(`phone ${this.number} (${this.kind}) connects to ${address}`);
      this._comes = true;
      phone.start.connect({ address, timeout: 1000 + random.below(3) * 2000 }, (error) => {
        this._comes = false;
        this._log(`phone ${this.number}: ${error ? error.message : "connected"}`);
      });
      this._left = this._troubles.strikes("vanish", 3) || this._troubles.strikes("leave", 3) ? random.below(random.below(2) ? 60 : 400) : -1;
      this._goes = this._troubles.has("vanish") && (!this._troubles.has("leave") || random.below(2)) ? "vanish" : "leave";
      return;
    }
    if (this._troubles.strikes("busy", 10)) phone.central.busy = !phone.central.busy;
    if (this._troubles.strikes("pdus", 2)) return this._attack();
    const target = 1 + random.below(40);
    const value = "v".repeat(random.below(4) ? random.below(20) : random.below(120));
    const done = (): void => {};
    const what = random.below(16);
    try {
      if (what === 0) phone.start.discover(done);
      else if (what < 4) phone.start.read(what === 1 ? target : "aa01", done);
      else if (what === 4) phone.start.read("aa02", done);
      else if (what < 7) phone.start.write(what === 5 ? target : "aa03", value, done);
      else if (what === 7) phone.start.write("aa01", value, done);
      else if (what === 8) phone.start.send("aa03", value, done);
      else if (what < 11) phone.start.subscribe("aa01", () => {}, { indicate: random.below(2) > 0 }, done);
      else if (what === 11) phone.start.unsubscribe("aa01", done);
      else if (what === 12) phone.start.read("aa04", done);
      else if (what === 13) phone.start.pair({}, done);
      else if (what === 14) phone.start.sendSigned("aa01", "s", done);
      else phone.start.disconnect();
    } catch {
      // What a phone may not do just now it does not do.
    }
  }

  /** Whether it is nowhere near, and does not mean to be. */
  get away(): boolean {
    return !this._comes && !this.phone.central.connected && !this.phone.central.connecting;
  }

  /** It goes, and comes no more. */
  goAway(): void {
    this._left = -1;
    if (this.phone.central.connected) {
      this.phone.central.busy = false;
      this.phone.vanish();
    }
  }

  /** A packet of its has been on the air. */
  private _step(): void {
    if (this._left < 0 || --this._left >= 0 || !this._troubles.on) return;
    const { phone } = this;
    this._log(`phone ${this.number} goes (${this._goes})`);
    // Not in the middle of the packet.
    phone.air.clock.after(0, () => {
      if (!phone.central.connected) return;
      if (this._goes === "leave") phone.central.disconnect();
      else phone.vanish();
    });
  }

  private _code(): number | null {
    const device = this._devices.find((one) => this._speaksTo(one));
    const code = device ? device.bt.getsecuritycode() : 0;
    // People mistype, and give up.
    return this._random.below(12) ? code : this._random.below(3) ? 1 : null;
  }

  private _speaksTo(device: Device): boolean {
    const end = this.phone.central.end;
    return end !== null && hex([...end.peer.bytes].reverse()) === device.bt.address();
  }

  /** Any PDU, at any time: of ATT, signalling, the Security Manager, or of nothing at all. */
  private _attack(): void {
    const { phone, _random: random } = this;
    const { central } = phone;
    const bytes = (n: number): number[] => Array.from({ length: n }, () => random.below(256));
    const near = (): number[] => [random.below(40), 0];
    const what = random.below(8);
    if (what === 0) central.send(random.below(3) ? 4 + random.below(3) : random.below(70), bytes(random.below(40)));
    else if (what === 1) central.sendRaw(1 + random.below(2), bytes(1 + random.below(27)));
    else if (what === 2) central.send(6, [1 + random.below(15), ...bytes(random.below(20))]);
    else if (what === 3) central.send(6, [1, [2, 3, 4][random.below(3)], 0, [1, 5, 13][random.below(3)], 7 + random.below(10), random.below(8), random.below(8)]);
    else if (what === 4) central.send(5, [[0x12, 0x16, 0x01, 0x13, random.below(256)][random.below(5)], 1 + random.below(4), ...bytes(random.below(12))]);
    else {
      const requests = [
        [0x02, 23 + random.below(200), 0],
        [0x04, ...near(), 0xff, 0xff],
        [0x06, 1, 0, 0xff, 0xff, 0x00, 0x28, 0x00, 0xaa],
        [0x08, ...near(), 0xff, 0xff, 3, 0x28],
        [0x0a, ...near()],
        [0x0c, ...near(), random.below(80), 0],
        [0x0e, ...near(), ...near()],
        [0x10, 1, 0, 0xff, 0xff, 0, 0x28],
        [0x12, ...near(), ...bytes(random.below(20))],
        [0x16, ...near(), random.below(60), 0, ...bytes(random.below(18))],
        [0x18, random.below(2)],
        [0x1e],
        [0x20, ...near(), ...near()],
        [0x52, ...near(), ...bytes(random.below(20))],
        [0xd2, ...near(), ...bytes(12 + random.below(8))],
        [0x01, 0x0a, ...near(), 5],
        [0x1b, ...near(), ...bytes(4)],
        [0x1d, ...near(), ...bytes(4)],
      ];
      central.send(4, requests[random.below(requests.length)]);
    }
  }

  /** What it says in a pairing is not what it should. */
  private _lie(pdu: Uint8Array): Uint8Array | Uint8Array[] | null {
    const { _troubles: troubles } = this;
    if (!troubles.strikes("pairing", 12)) return pdu;
    const chance = troubles.chance("pairing");
    const other = pdu.slice();
    switch (chance.below(5)) {
      case 0:
        return null;
      case 1:
        return [pdu, pdu];
      case 2:
        other[chance.below(other.length)] ^= 1 << chance.below(8);
        return other;
      case 3:
        return [Uint8Array.of(5, 8), pdu];
      default:
        return other.slice(0, chance.below(other.length));
    }
  }
}
