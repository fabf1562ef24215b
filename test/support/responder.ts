import type { Air } from "../../hal/mock/index.js";
import { c1, f4, f5, f6, g2, keyPair, reversed, s1, sharedSecret } from "../../hal/mock/phonecrypto.js";
import { RawPeripheral } from "../mock/rawperipheral.js";
import { CID } from "./links.js";
import { hex, unhex } from "./rig.js";

export interface ResponderSetup {
  /** What answers the Pairing Request; default DisplayOnly, MITM, Secure Connections. */
  response?: string;
  /** The passkey, where there is one. */
  passkey?: number;
  method: "jw" | "passkey" | "compare";
  /** Changes a PDU before it is sent: others in its place, or none. */
  change?: (pdu: string, responder: Responder) => string | string[];
  /** Sent once the link is encrypted. */
  keys?: string[];
  /** Its private key. */
  secret?: string;
  address?: string;
}

/** A peripheral that answers pairing as Vol 3 Part H section 2.3.5 has it, and lies where it is told to. It shares nothing with the stack. */
export class Responder extends RawPeripheral {
  readonly smp: string[] = [];
  readonly setup: ResponderSetup;
  key: Uint8Array | null = null;
  number = -1;
  encrypted = false;
  /** Most significant octet first. */
  theirs: Uint8Array = new Uint8Array(32);
  private readonly _own: NonNullable<ReturnType<typeof keyPair>>;
  private _request: Uint8Array = new Uint8Array(7);
  private _answered: Uint8Array = new Uint8Array(7);
  private _dhkey: Uint8Array = new Uint8Array(32);
  private _na: Uint8Array = new Uint8Array(16);
  private _nb: Uint8Array = new Uint8Array(16);
  private _round = 0;
  private _confirm = "";

  constructor(air: Air, setup: ResponderSetup) {
    super(air, { address: setup.address ?? "c00000000001", random: 1 });
    this.setup = setup;
    this._own = keyPair(unhex(setup.secret ?? "55188b3d32f6bb9a900afcfbeed4e72a59cb9ac2f19d7cfb6b4fdd49f47fc5fd"))!;
    this.onframe = (cid, payload) => {
      if (cid === CID.SMP) this._reply(payload);
    };
    this.onkey = () => this.key;
    this.onencrypted = (status) => {
      this.encrypted = status === 0;
      if (this.encrypted) for (const pdu of setup.keys ?? []) this.say(pdu);
    };
  }

  say(pdu: string): void {
    const given = this.setup.change?.(pdu, this) ?? pdu;
    for (const one of Array.isArray(given) ? given : [given]) if (one !== "" && this.end?.alive) this.send(CID.SMP, one);
  }

  private get _sc(): boolean {
    return (this._request[3] & this._answered[3] & 8) !== 0;
  }

  private get _tk(): Uint8Array {
    const tk = new Uint8Array(16);
    const passkey = this.setup.method === "jw" ? 0 : (this.setup.passkey ?? 0);
    tk.set([passkey >> 16, (passkey >> 8) & 255, passkey & 255], 13);
    return tk;
  }

  private _f4(ours: boolean, nonce: Uint8Array): Uint8Array {
    const z = this.setup.method === "passkey" ? 0x80 | ((this.setup.passkey! >> this._round) & 1) : 0;
    return f4(ours ? this._own.x : this.theirs, ours ? this.theirs : this._own.x, nonce, z);
  }

  private _c1(nonce: Uint8Array): Uint8Array {
    const [peer, own] = [this.peer!, this.address];
    return c1(this._tk, nonce, reversed(this._request), reversed(this._answered), peer.random, reversed(peer.bytes), own.random, reversed(own.bytes));
  }

  private _nonce(): Uint8Array {
    this._nb = Uint8Array.from({ length: 16 }, (_, i) => (i * 13 + this._round * 7 + 1) & 255);
    return this._nb;
  }

  private _cut(key: Uint8Array): Uint8Array {
    const size = Math.min(this._request[4], this._answered[4]);
    return reversed(key).map((octet, i) => (i < size ? octet : 0));
  }

  private _reply(pdu: Uint8Array): void {
    const { method } = this.setup;
    this.smp.push(hex(pdu));
    const value = reversed(pdu.slice(1));
    if (pdu[0] === 1) {
      this._round = 0;
      this.key = null;
      this._request = pdu.slice();
      this._answered = unhex(this.setup.response ?? (method === "jw" ? "0203000d100000" : "0200000d100000"));
      this.say(hex(this._answered));
    } else if (pdu[0] === 0x0c) {
      const [x, y] = [reversed(pdu.slice(1, 33)), reversed(pdu.slice(33))];
      this.theirs = x;
      this._dhkey = sharedSecret(this._own.ecdh, x, y)!;
      this.say("0c" + hex(reversed(this._own.x)) + hex(reversed(this._own.y)));
      if (method !== "passkey") this.say("03" + hex(reversed(this._f4(true, this._nonce()))));
    } else if (pdu[0] === 3) {
      this._confirm = hex(value);
      const nonce = this._nonce();
      this.say("03" + hex(reversed(this._sc ? this._f4(true, nonce) : this._c1(nonce))));
    } else if (pdu[0] === 4) {
      this._na = value;
      const checked = this._sc ? method !== "passkey" || hex(this._f4(false, value)) === this._confirm : hex(this._c1(value)) === this._confirm;
      if (!checked) return this.say("0504");
      this.say("04" + hex(reversed(this._nb)));
      if (!this._sc) this.key = this._cut(s1(this._tk, this._nb, this._na));
      else if (method === "compare") this.number = g2(this.theirs, this._own.x, this._na, this._nb) % 1_000_000;
      this._round++;
    } else if (pdu[0] === 0x0d) {
      const [a, b] = [this.peer!, this.address].map(({ random, bytes }) => Uint8Array.of(random, ...reversed(bytes)));
      const { mackey, ltk } = f5(this._dhkey, this._na, this._nb, a, b);
      const r = method === "passkey" ? this._tk : new Uint8Array(16);
      if (hex(value) !== hex(f6(mackey, this._na, this._nb, r, reversed(this._request.slice(1, 4)), a, b))) return this.say("050b");
      this.key = this._cut(ltk);
      this.say("0d" + hex(reversed(f6(mackey, this._nb, this._na, r, reversed(this._answered.slice(1, 4)), b, a))));
    }
  }
}
