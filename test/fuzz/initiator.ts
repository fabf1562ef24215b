import { c1, equal, f4, f5, f6, g2, join, keyPair, reversed, s1, sharedSecret } from "../../hal/mock/phonecrypto.js";
import { unhex } from "./input.js";

const SECRET = unhex("3f49f6d4a3c55f3874c9b3e3d2103f504aff607beb40b7995899b8a6cd3c1abc");
const PAIR = keyPair(SECRET)!;
const ROUNDS = 20;

export interface InitiatorSetup {
  readonly legacy: boolean;
  /** The code is typed; the numbers are compared; nobody looks. */
  readonly method: "passkey" | "compare" | "none";
  readonly code: number;
  /** It distributes its keys, and remembers the device. */
  readonly bonding: boolean;
  /** As they go over the air, the type before them. */
  readonly address: Uint8Array;
  readonly peer: Uint8Array;
  /** Shows the number that is to be compared. */
  readonly show: (number: number) => void;
  readonly send: (pdu: Uint8Array) => void;
  /** Phase 2 is done: asks for encryption with this key. */
  readonly encrypt: (key: Uint8Array) => void;
}

/**
 * A phone that pairs, as the code or the number that the device shows asks for it, Vol 3 Part H section 2.3.5, and keeps to the rules; it shares nothing with the stack. Without
 * chance: its random values follow from the round.
 */
export class Initiator {
  private readonly _setup: InitiatorSetup;
  private readonly _request: Uint8Array;
  private readonly _tk = new Uint8Array(16);
  private _response: Uint8Array = new Uint8Array(7);
  private _peerX: Uint8Array = new Uint8Array(32);
  private _dhkey: Uint8Array = new Uint8Array(32);
  private _nonce: Uint8Array = new Uint8Array(16);
  private _peerNonce: Uint8Array = new Uint8Array(16);
  private _peerConfirm: Uint8Array = new Uint8Array(16);
  private _check: Uint8Array = new Uint8Array(16);
  private _key: Uint8Array = new Uint8Array(16);
  private _round = 0;
  private _over = false;

  constructor(setup: InitiatorSetup) {
    const { code, legacy, bonding, method } = setup;
    this._setup = setup;
    if (method === "passkey") this._tk.set([code >> 24, code >> 16, code >> 8, code], 12);
    // IO capability, MITM; identity and signing keys, and the device's encryption key.
    this._request = Uint8Array.of(1, { passkey: 2, compare: 1, none: 3 }[method], 0, (method === "none" ? 0 : 4) | (legacy ? 0 : 8) | (bonding ? 1 : 0), 16, bonding ? 6 : 0, bonding ? 1 : 0);
  }

  begin(): void {
    this._setup.send(this._request);
  }

  /** Takes a PDU of the device. */
  take(pdu: Uint8Array): void {
    const value = reversed(pdu.subarray(1));
    if (this._over) return;
    switch (pdu[0]) {
      case 2:
        this._response = pdu;
        if (this._setup.legacy) this._confirm();
        else this._send(0x0c, join(reversed(PAIR.x), reversed(PAIR.y)));
        return;
      case 0x0c: {
        this._peerX = reversed(pdu.subarray(1, 33));
        const shared = sharedSecret(PAIR.ecdh, this._peerX, reversed(pdu.subarray(33)));
        if (shared === null) return this._fail();
        this._dhkey = shared;
        // Without a passkey the device is the first to bind itself.
        if (this._setup.method === "passkey") this._confirm();
        return;
      }
      case 3:
        this._peerConfirm = value;
        if (!this._setup.legacy && this._setup.method !== "passkey") this._nonce = new Uint8Array(16).fill(0x2f);
        return this._send(4, reversed(this._nonce));
      case 4:
        this._peerNonce = value;
        if (!equal(this._confirmOf(false), this._peerConfirm)) return this._fail();
        if (this._setup.legacy) {
          this._key = s1(this._tk, this._peerNonce, this._nonce);
          return this._setup.encrypt(this._key);
        }
        if (this._setup.method === "compare") this._setup.show(g2(PAIR.x, this._peerX, this._nonce, this._peerNonce) % 1_000_000);
        else if (this._setup.method === "passkey" && ++this._round < ROUNDS) return this._confirm();
        return this._sendCheck();
      case 0x0d:
        if (!equal(value, this._check)) return this._fail();
        return this._setup.encrypt(this._key);
      case 5:
        this._over = true;
    }
  }

  /** The link is encrypted: hands over its keys, as far as they are agreed. */
  distribute(): void {
    const keys = this._request[5] & this._response[5];
    if (keys & 2) {
      this._send(8, new Uint8Array(16).fill(0x1c));
      this._send(9, join([0], this._setup.address.subarray(1)));
    }
    if (keys & 4) this._send(0x0a, new Uint8Array(16).fill(0x2c));
  }

  private _send(code: number, fields: ArrayLike<number>): void {
    this._setup.send(join([code], fields));
  }

  private _fail(): void {
    this._over = true;
    this._send(5, [4]);
  }

  private _confirm(): void {
    this._nonce = new Uint8Array(16).fill(0x30 + this._round);
    this._send(3, reversed(this._confirmOf(true)));
  }

  /** Addresses most significant octet first. */
  private get _addresses(): [Uint8Array, Uint8Array] {
    const { address, peer } = this._setup;
    return [join([address[0]], reversed(address.subarray(1))), join([peer[0]], reversed(peer.subarray(1)))];
  }

  private _confirmOf(ours: boolean): Uint8Array {
    const nonce = ours ? this._nonce : this._peerNonce;
    if (this._setup.legacy) {
      const [a, b] = this._addresses;
      return c1(this._tk, nonce, reversed(this._request), reversed(this._response), a[0], a.subarray(1), b[0], b.subarray(1));
    }
    const z = this._setup.method !== "passkey" ? 0 : 0x80 | ((this._setup.code >> this._round) & 1);
    return ours ? f4(PAIR.x, this._peerX, nonce, z) : f4(this._peerX, PAIR.x, nonce, z);
  }

  private _sendCheck(): void {
    const [a, b] = this._addresses;
    const { mackey, ltk } = f5(this._dhkey, this._nonce, this._peerNonce, a, b);
    this._key = ltk;
    this._check = f6(mackey, this._peerNonce, this._nonce, this._tk, reversed(this._response.subarray(1, 4)), b, a);
    this._send(0x0d, reversed(f6(mackey, this._nonce, this._peerNonce, this._tk, reversed(this._request.subarray(1, 4)), a, b)));
  }
}
