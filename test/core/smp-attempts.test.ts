import assert from "node:assert/strict";
import { Phone } from "../../hal/mock/index.js";
import { keyPair } from "../../hal/mock/phonecrypto.js";
import { CID } from "../support/links.js";
import { CODE, meet, Memory, Safe, Stranger } from "../support/security.js";

/** One attempt from an address of its own; the reason that it got, -1 for none. */
function attempt(safe: Safe, number: number, passkey = (CODE + 1 + number) % 1_000_000): number {
  const address = "0b5e" + (0x10000000 + number * 7919).toString(16).slice(-8);
  const phone = new Phone(safe.rig.board.air, { mtu: 23, interval: 7.5, address, pairing: { passkey } });
  const { error, paired } = meet(safe, phone, 3000);
  if (phone.connected) phone.disconnect();
  safe.run(30);
  return paired ? 0 : (error?.smp ?? -1);
}

describe("guessing the code from many addresses", () => {
  it("1000 of them in an hour have a dozen guesses", () => {
    const safe = new Safe({ board: { chip: { log: false } } });
    const begun = safe.rig.now;
    let guesses = 0;
    let refused = 0;
    for (let i = 0; i < 1000; i++) {
      const reason = attempt(safe, i);
      if (reason === 4) guesses++;
      else if (reason === 9) refused++;
      else assert.fail(`attempt ${i}: ${reason}`);
      safe.rig.board.clock.until(() => safe.rig.now >= begun + (i + 1) * 3600, 10_000);
    }
    assert.ok(safe.rig.now - begun >= 3_590_000);
    assert.equal(guesses + refused, 1000);
    // Three, then after 10, 20, 40 ... 600 s each.
    assert.ok(guesses >= 8 && guesses <= 14, `${guesses} guesses`);
    assert.equal(safe.failures.filter((count, i, all) => count > (all[i - 1] ?? 0)).length, guesses, "onpairingfailed counts them");
    assert.equal(safe.connections.length, 0);
    safe.unharmed();
  }).timeout(120_000);

  it("after three failures nobody who is not bonded may begin for 10 s, then 20, then 40, not even with the right code", () => {
    const safe = new Safe();
    for (let i = 0; i < 3; i++) assert.equal(attempt(safe, i), 4);
    for (let wait = 10_000, i = 3; i < 6; wait *= 2, i++) {
      const begun = safe.rig.now;
      let tries = 0;
      while (attempt(safe, 100 * i + tries, CODE ^ 1) === 9) {
        tries++;
        safe.run(200);
      }
      const waited = safe.rig.now - begun;
      assert.ok(waited > wait - 1500 && waited < wait + 2500, `${waited} ms instead of ${wait}`);
      assert.ok(tries > 5);
    }
    assert.equal(attempt(safe, 9999, CODE), 9, "the right code has to wait, too");
    safe.run(85_000);
    assert.equal(attempt(safe, 10_000, CODE), 0);
  });

  it("setsecurity() with a new code makes an end of the wait", () => {
    const safe = new Safe();
    for (let i = 0; i < 3; i++) attempt(safe, i);
    assert.equal(attempt(safe, 50, CODE), 9);
    safe.bt.setsecurity(4, 654321);
    assert.equal(attempt(safe, 51, 654321), 0);
  });

  it("a bonded phone comes in with its key all the while", () => {
    const safe = new Safe({ options: { store: new Memory() } });
    const phone = safe.phone();
    meet(safe, phone);
    phone.disconnect();
    safe.run(100);
    for (let i = 0; i < 4; i++) attempt(safe, i);
    assert.equal(attempt(safe, 77, CODE), 9);
    phone.connect();
    safe.until(() => phone.encrypted, 3000);
    safe.run(200);
    assert.equal(safe.open.security(), 4);
    assert.equal(Buffer.from(phone.read("aa01")).toString(), "secret");
  });

  it("a guess counts however it ends: found out by the stranger itself, by a lost link, by silence", () => {
    const endings: [string, (phone: Phone, safe: Safe) => void][] = [
      ["Pairing Failed", (phone) => phone.smp.send([5, 4])],
      ["disconnected", (phone) => phone.start.disconnect()],
      ["gone", (phone) => phone.vanish()],
      ["another Pairing Request", (phone) => phone.smp.send([1, 4, 0, 0x0d, 16, 0, 0])],
      ["an unknown code", (phone) => phone.smp.send([0x0f])],
      ["silence", () => {}],
    ];
    for (const [name, end] of endings) {
      const safe = new Safe();
      for (let i = 0; i < 3; i++) {
        const phone = safe.phone();
        let nonces = 0;
        phone.smp.onreceive = (pdu) => {
          // Our nonce of the fourth round: it now knows four bits.
          if (pdu[0] === 4 && ++nonces === 4) {
            end(phone, safe);
            phone.smp.onsend = () => null;
            return null;
          }
          return nonces >= 4 ? null : undefined;
        };
        phone.connect();
        safe.run(name === "silence" ? 33_000 : 5000);
        assert.ok(nonces >= 4, name);
        if (phone.connected) phone.disconnect();
        safe.run(100);
      }
      assert.equal(attempt(safe, 5, CODE), 9, name);
    }
  });

  it("pairings that break off before anything can be learnt do not count: a storm of them shuts nobody out", () => {
    const safe = new Safe();
    for (let i = 0; i < 10; i++) {
      const stranger = new Stranger(safe, { address: `0b5e12e4${i.toString(16).padStart(4, "0")}` }).connect();
      stranger.next(CID.SMP);
      stranger.smp("0104000d100000");
      stranger.central.disconnect();
      safe.run(200);
    }
    assert.equal(attempt(safe, 1, CODE), 0);
  });

  it("at level 1 there is nothing to guess and nobody waits", () => {
    const safe = new Safe({ level: 1 });
    for (let i = 0; i < 8; i++) {
      const stranger = new Stranger(safe, { address: `0b5e12e4${i.toString(16).padStart(4, "0")}` }).connect();
      assert.match(stranger.smp("0103000d100000"), /^02/);
      stranger.smp("0501", 50);
      stranger.central.disconnect();
      safe.run(200);
    }
  });
});

describe("the code that rotates", () => {
  it("is another after each success and after so many minutes, is told, and a pairing under way keeps the one it began with", () => {
    const told: [string, number][] = [];
    const safe: Safe = new Safe({ code: null, options: { rotatecode: 5, onpairing: (_c: unknown, state: string) => void told.push([state, safe.bt.getsecuritycode()]) } });
    safe.run(100);
    const codes = new Set<number>([safe.bt.getsecuritycode()]);
    const phone = safe.phone({ passkey: () => safe.bt.getsecuritycode() });
    assert.equal(meet(safe, phone).paired, 4);
    codes.add(safe.bt.getsecuritycode());
    assert.equal(codes.size, 2, "after a success");
    phone.disconnect();
    safe.run(5 * 60_000 + 500);
    codes.add(safe.bt.getsecuritycode());
    assert.equal(codes.size, 3, "after five minutes");
    assert.ok(told.some(([state, code]) => state === "code" && code === safe.bt.getsecuritycode()));
    // In the middle of a pairing the time comes.
    const shown = safe.bt.getsecuritycode();
    const slow = safe.phone({ passkey: () => shown, userdelay: 29_000 });
    safe.run(5 * 60_000 - 15_000);
    const before = safe.bt.getsecuritycode();
    slow.pairing.passkey = before;
    assert.equal(meet(safe, slow, 60_000).paired, 4);
    assert.notEqual(safe.bt.getsecuritycode(), before);
  });

  it("stays for the session without the option", () => {
    const safe = new Safe({ code: null });
    const code = safe.bt.getsecuritycode();
    assert.equal(attempt(safe, 1, code), 0);
    safe.run(3_600_000);
    assert.equal(safe.bt.getsecuritycode(), code);
  });
});

describe("who holds the only link", () => {
  it("and does not pair is gone after 60 s, so that the phone gets its turn", () => {
    const safe = new Safe({ options: { links: 1 } });
    const squatter = new Stranger(safe).connect();
    const phone = safe.phone();
    const begun = safe.rig.now;
    phone.start.connect({ timeout: 90_000 });
    safe.until(() => safe.connections.length > 0, 90_000);
    assert.equal(safe.connections.length, 1);
    assert.equal(safe.open.address(), "0b5e12e20100");
    assert.ok(safe.rig.now - begun < 65_000);
    assert.deepEqual(squatter.ends, [5]);
  });

  it("and sends Pairing Requests without a pause is gone just as soon, and costs two multiplications for each key that it shows", () => {
    let multiplications = 0;
    const safe = new Safe({
      options: { links: 1 },
      before: (rig) => {
        (rig.hal as any).crypto = {
          p256public: (secret: Uint8Array, target: Uint8Array) => {
            multiplications++;
            const pair = keyPair(secret);
            if (pair !== null) target.set([...pair.x, ...pair.y]);
            return pair !== null;
          },
          p256shared: (secret: Uint8Array, peer: Uint8Array, target: Uint8Array) => (multiplications++, target.set(keyPair(secret)!.ecdh.computeSecret(Uint8Array.from([4, ...peer]))), true),
        };
      },
    });
    const squatter = new Stranger(safe).connect();
    const begun = safe.rig.now;
    const before = multiplications;
    let requests = 0;
    while (squatter.ends.length === 0 && requests < 20_000) {
      squatter.send(CID.SMP, "0104000d100000");
      requests++;
      safe.run(10);
    }
    assert.deepEqual(squatter.ends, [5]);
    assert.ok(safe.rig.now - begun < 61_500);
    assert.ok(requests > 1000);
    assert.ok(multiplications - before <= 2, `${multiplications - before} multiplications for requests alone`);
    safe.unharmed();
    assert.equal(attempt(safe, 1, CODE), 0);
  });
});

describe("pairing from both sides at once", () => {
  it("the Security Request crosses the Pairing Request on the air, and one pairing comes of it", () => {
    for (let wait = 0; wait < 40; wait += 4) {
      const safe = new Safe();
      const phone = safe.phone({ request: wait % 8 ? "pair" : "ignore" });
      phone.connect();
      safe.run(wait);
      assert.equal(phone.pair().level, 4);
      safe.run(200);
      assert.equal(safe.connections.length, 1);
      assert.equal(safe.states.filter((state) => state === "paired").length, 1);
      safe.unharmed();
    }
  });

  it("the device's conn.pair() at level 1 asks, and is answered when the phone has paired, has failed, or has gone", () => {
    for (const [name, pairing, expected] of [["pairs", { io: "NoInputNoOutput" }, "null 1"], ["fails", { passkey: null }, "pairing"], ["goes", { request: "ignore" }, "disconnected"], ["ignores", { request: "ignore" }, "timeout"]] as const) {
      const safe = new Safe({ level: 1 });
      if (name === "fails") safe.bt.setsecurity(1, CODE);
      const phone = safe.phone(pairing as any);
      phone.connect();
      safe.run(100);
      const told: string[] = [];
      safe.open.pair((error: any, level: number) => void told.push(error ? error.code : `null ${level}`));
      safe.run(name === "ignores" ? 70_000 : 3000);
      if (name === "goes") phone.disconnect();
      safe.run(500);
      assert.deepEqual(told, [expected], name);
    }
  });
});
