import assert from "node:assert/strict";
import { keyPair, reversed } from "../../hal/mock/phonecrypto.js";
import { hex, unhex } from "../support/rig.js";
import { CODE, meet, Memory, Safe } from "../support/security.js";

const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

function mod(x: bigint): bigint {
  return ((x % P) + P) % P;
}

function power(x: bigint, n: bigint): bigint {
  let result = 1n;
  for (x = mod(x); n > 0n; n >>= 1n, x = (x * x) % P) if (n & 1n) result = (result * x) % P;
  return result;
}

/** A point of the curve with this x, or null. */
function lift(x: bigint): [bigint, bigint] | null {
  const square = mod(x * x * x - 3n * x + B);
  const y = power(square, (P + 1n) / 4n);
  return mod(y * y) === square ? [x, y] : null;
}

/** As SMP carries it: least significant octet first. */
function wire(x: bigint, y: bigint): Uint8Array {
  return Uint8Array.from([x, y].flatMap((value) => Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n))));
}

/** The smallest points: their x and y may be written with p added. */
function small(): [bigint, bigint] {
  for (let x = 0n; ; x++) {
    const point = lift(x);
    if (point !== null) return point;
  }
}

const OWN = keyPair(unhex("55188b3d32f6bb9a900afcfbeed4e72a59cb9ac2f19d7cfb6b4fdd49f47fc5fd"))!;
const [X, Y] = [OWN.x, OWN.y].map((value) => BigInt("0x" + hex(value)));

describe("a public key that is not fit for use gets Pairing Failed 0x0B at once", () => {
  const [sx, sy] = small();
  const KEYS: [string, Uint8Array][] = [
    ["(0, 0)", wire(0n, 0n)],
    ["(0, 1)", wire(0n, 1n)],
    ["a point with another Y, off the curve", wire(X, Y ^ 1n)],
    ["a point of another curve: y = 0 (CVE-2018-5383)", wire(X, 0n)],
    ["x = p", wire(P, lift(0n)![1])],
    ["y = p", wire(X, P)],
    ["x of a point and p", wire(sx + P, sy)],
    ["y of a point and p", wire(sx, sy + P < 2n ** 256n ? sy + P : 2n ** 256n - 1n)],
    ["all ones", wire(2n ** 256n - 1n, 2n ** 256n - 1n)],
    ["most significant octet first", Uint8Array.from([...OWN.x, ...OWN.y])],
    ["X and Y exchanged", wire(Y, X)],
  ];

  for (const [name, key] of KEYS) {
    it(name, () => {
      const safe = new Safe();
      const phone = safe.phone();
      phone.smp.lies = { publicKey: key, unchecked: true };
      const { error } = meet(safe, phone);
      assert.deepEqual([error?.smp, error?.theirs], [0x0b, true]);
      assert.ok(!phone.trace.some(({ sent, cid, bytes }) => !sent && cid === 6 && bytes[0] === 0x0c), "before ours is shown");
      assert.equal(safe.connections.length, 0);
      safe.unharmed();
    });
  }

  it("the debug key, with either Y", () => {
    const safe = new Safe();
    const phone = safe.phone();
    phone.smp.lies = { privateKey: "debug" };
    assert.equal(meet(safe, phone).error?.smp, 0x0b);
    const debug = BigInt("0x20b003d2f297be2c5e2c83a7e9f9a5b9eff49111acf4fddbcc0301480e359de6");
    for (const y of [lift(debug)![1], P - lift(debug)![1]]) {
      const other = safe.phone();
      other.smp.lies = { publicKey: wire(debug, y), unchecked: true };
      if (phone.connected) phone.disconnect();
      assert.equal(meet(safe, other).error?.smp, 0x0b);
      other.disconnect();
    }
  });

  it("our own X of this pairing, whatever the Y (CVE-2020-26558): nothing that was shown before comes back", () => {
    // Our next key is made ahead; a stranger learns it only when it is used. So it is learnt here from the trace of nobody: by a pairing that fails.
    for (const reflect of [true, "negated"] as const) {
      const safe = new Safe();
      const phone = safe.phone();
      phone.pairing.passkey = 1;
      meet(safe, phone);
      const seen = hex(phone.keys.peerPublicKey!);
      phone.disconnect();
      safe.run(100);
      phone.smp.lies = { reflect, unchecked: true };
      const { paired } = meet(safe, phone);
      assert.equal(paired, 0);
      phone.smp.lies = {};
      if (phone.connected) phone.disconnect();
      safe.run(100);
      safe.bt.setsecurity(4, CODE);
      phone.pairing.passkey = CODE;
      assert.equal(meet(safe, phone).paired, 4);
      assert.notEqual(hex(phone.keys.peerPublicKey!), seen, "a key serves once");
    }
  });

  it("our own X, where a board's source repeats our secret: refused, too", () => {
    const secret = unhex("3f49f6d4a3c55f3874c9b3e3d2103f504aff607beb40b7995899b8a6cd3c1abe");
    const ours = keyPair(secret)!;
    const safe = new Safe({
      before: (rig) => {
        const real = rig.hal.random!;
        (rig.hal as any).crypto = {
          p256public: (_secret: Uint8Array, target: Uint8Array) => (target.set([...ours.x, ...ours.y]), true),
          p256shared: (_secret: Uint8Array, _peer: Uint8Array, target: Uint8Array) => (target.fill(7), true),
        };
        (rig.hal as any).random = real;
      },
    });
    for (const y of [reversed(ours.y), wire(0n, P - BigInt("0x" + hex(ours.y))).slice(32)]) {
      const phone = safe.phone();
      phone.smp.lies = { publicKey: Uint8Array.from([...reversed(ours.x), ...y]), unchecked: true };
      const { error } = meet(safe, phone);
      assert.deepEqual([error?.smp, error?.theirs], [0x0b, true]);
      phone.disconnect();
      safe.run(100);
    }
  });

  it("honest points at the limits of the field are taken", () => {
    const [x, y] = small();
    const safe = new Safe();
    const phone = safe.phone();
    phone.smp.lies = { publicKey: wire(x, y), unchecked: true };
    meet(safe, phone);
    assert.ok(phone.trace.some(({ sent, cid, bytes }) => !sent && cid === 6 && bytes[0] === 0x0c), "ours is shown");
  });
});

describe("our keys", () => {
  it("serve one pairing each, whether it succeeds, fails or breaks off", () => {
    for (const native of [false, true]) {
      const drawn: string[] = [];
      const safe = new Safe({
        before: (rig) => {
          if (!native) return;
          (rig.hal as any).crypto = {
            p256public: (secret: Uint8Array, target: Uint8Array) => {
              const pair = keyPair(secret);
              if (pair === null) return false;
              drawn.push(hex(secret));
              target.set([...pair.x, ...pair.y]);
              return true;
            },
            p256shared: (secret: Uint8Array, peer: Uint8Array, target: Uint8Array) => {
              target.set(keyPair(secret)!.ecdh.computeSecret(Uint8Array.from([4, ...peer])));
              return true;
            },
          };
        },
      });
      const keys = new Set<string>();
      let count = 0;
      for (const passkey of [CODE, 1, null, CODE, CODE] as const) {
        const phone = safe.phone({ passkey });
        meet(safe, phone, 3000);
        if (phone.connected) phone.disconnect();
        safe.run(100);
        const key = phone.keys.peerPublicKey;
        if (key === undefined) continue;
        keys.add(hex(key));
        count++;
      }
      assert.ok(count >= 4);
      assert.equal(keys.size, count, "no key twice");
      if (native) assert.equal(new Set(drawn).size, drawn.length);
    }
  });

  it("are not taken from an accelerator that has failed: a shared secret of zeros opens nothing", () => {
    const safe = new Safe({
      before: (rig) => {
        (rig.hal as any).crypto = {
          p256public: (secret: Uint8Array, target: Uint8Array) => {
            const pair = keyPair(secret);
            if (pair !== null) target.set([...pair.x, ...pair.y]);
            return pair !== null;
          },
          p256shared: () => false,
        };
      },
    });
    const phone = safe.phone();
    phone.smp.lies = { dhkey: new Uint8Array(32) };
    assert.equal(meet(safe, phone, 40_000).paired, 0);
    assert.equal(safe.connections.length, 0);
  });

  it("what an accelerator refuses, because it has no memory for it, is left to software", () => {
    let asked = 0;
    const refuses = { p256public: () => (asked++, false), p256shared: () => (asked++, false) };
    const safe = new Safe({ before: (rig) => void ((rig.hal as any).crypto = refuses) });
    const phone = safe.phone();
    assert.equal(meet(safe, phone, 61_000).paired, 4);
    // A key pair ahead of need, the shared secret, the key pair after it.
    assert.equal(asked, 3);
  });
});

describe("values that come back", () => {
  it("our own confirm and random values of the round before prove nothing", () => {
    for (const code of [0x03, 0x04]) {
      for (const round of [1, 10, 19]) {
        const safe = new Safe();
        const phone = safe.phone();
        let last: Uint8Array | null = null;
        let sent = 0;
        phone.smp.onreceive = (pdu) => {
          if (pdu[0] === code) last = pdu;
        };
        phone.smp.lies = { unchecked: true };
        phone.smp.onsend = (pdu) => (pdu[0] === code && sent++ === round ? last : undefined);
        const { paired, error } = meet(safe, phone, 5000);
        assert.equal(paired, 0, `code ${code}, round ${round}`);
        assert.equal(error?.smp, 4);
        assert.equal(safe.connections.length, 0);
      }
    }
  });

  it("a wrong passkey is found out, at whichever of the 20 rounds it differs first", () => {
    for (let bit = 0; bit < 20; bit++) {
      const safe = new Safe();
      const phone = safe.phone({ passkey: CODE ^ (1 << bit) });
      const { error } = meet(safe, phone);
      assert.deepEqual([error?.smp, error?.theirs], [4, true]);
      const rounds = phone.trace.filter(({ sent, cid, bytes }) => sent && cid === 6 && bytes[0] === 4).length;
      assert.equal(rounds, bit + 1, "not before and not after");
      assert.ok(phone.trace.filter(({ sent, cid, bytes }) => !sent && cid === 6 && bytes[0] === 4).length <= bit, "our nonce of that round stays here");
      assert.equal(safe.connections.length, 0);
      assert.deepEqual(safe.failures, [1]);
    }
  });

  it("a wrong check value, confirm value or nonce in any round ends it", () => {
    for (const round of [0, 7, 19]) {
      const safe = new Safe();
      const phone = safe.phone();
      phone.smp.lies = { confirm: (right, n) => (n === round ? right.map((octet) => octet ^ 1) : right), unchecked: true };
      assert.equal(meet(safe, phone).error?.smp, 4);
      const other = new Safe();
      const liar = other.phone();
      let count = 0;
      liar.smp.lies = { unchecked: true };
      liar.smp.onsend = (pdu) => (pdu[0] === 4 && count++ === round ? pdu.map((octet, i) => (i === 5 ? octet ^ 1 : octet)) : undefined);
      assert.equal(meet(other, liar).error?.smp, 4);
    }
    const safe = new Safe();
    const phone = safe.phone();
    phone.smp.lies = { check: (right) => right.map((octet, i) => (i === 15 ? octet ^ 0x80 : octet)), unchecked: true };
    assert.equal(meet(safe, phone).error?.smp, 0x0b);
    assert.equal(safe.connections.length, 0);
  });

  it("the numbers in the Pairing Request are under the check value: a man in the middle who changes them is found out", () => {
    // The phone believes that it has sent its own request; the device hears another.
    const changes: [string, (pdu: Uint8Array) => void][] = [
      ["IO capability", (pdu) => void (pdu[1] = 4)],
      ["bonding", (pdu) => void (pdu[3] ^= 1)],
      ["MITM", (pdu) => void (pdu[3] ^= 4)],
      ["keypress", (pdu) => void (pdu[3] |= 0x10)],
    ];
    for (const [name, change] of changes) {
      const safe = new Safe({ level: 3 });
      const phone = safe.phone({ io: "KeyboardOnly" });
      phone.smp.onsend = (pdu) => {
        if (pdu[0] !== 1) return;
        const other = pdu.slice();
        change(other);
        assert.notEqual(hex(other), hex(pdu));
        return other;
      };
      const { paired, error } = meet(safe, phone);
      // Key size and distribution are no part of f6; the capabilities are.
      assert.equal(paired, 0, name);
      assert.ok(error !== null && error.smp === 0x0b, `${name}: ${error}`);
    }
  });

  it("clearing the Secure Connections bit at level 4 gets 0x03, and at level 3 a key that is as good as its method", () => {
    const four = new Safe();
    const phone = four.phone();
    phone.smp.onsend = (pdu) => (pdu[0] === 1 ? pdu.map((octet, i) => (i === 3 ? octet & ~8 : octet)) : undefined);
    assert.equal(meet(four, phone).error?.smp, 3);
    const three = new Safe({ level: 3, options: { store: new Memory() } });
    const legacy = three.phone({ sc: false });
    assert.equal(meet(three, legacy).paired, 3);
    assert.equal(three.open.security(), 3);
    assert.equal((three.bt as any).bonds()[0].level, 3);
  });
});
