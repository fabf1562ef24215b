import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import type { Crypto } from "../../hal/hal.js";
import { Phone } from "../../hal/mock/index.js";
import { keyPair } from "../../hal/mock/phonecrypto.js";
import { CID } from "../support/links.js";
import { CODE, meet, Memory, Safe, SEC, Stranger } from "../support/security.js";
import { brief, rejects, rig } from "../support/rig.js";

/** The commands that switch advertising on. */
function onair(made: { adverts: unknown[] }): number {
  return made.adverts.length;
}

describe("the code", () => {
  it("is drawn by open(), 0 to 999999, at level 4", () => {
    const made = rig();
    const code = made.bt.getsecuritycode();
    assert.ok(Number.isInteger(code) && code >= 0 && code <= 999999);
    made.up();
    assert.equal(made.bt.getsecuritycode(), code);
  });

  it("is another one at each open(), and each is as likely as the next", () => {
    const counts = new Array(10).fill(0);
    const seen = new Set<number>();
    for (let seed = 1; seed <= 500; seed++) {
      const made = rig({ board: { seed } });
      const code = made.bt.getsecuritycode();
      seen.add(code);
      counts[Math.floor(code / 100000)]++;
      made.bt.close();
    }
    assert.ok(seen.size > 490, `${seen.size} of 500 differ`);
    // Chi square with 9 degrees of freedom: beyond 33 once in ten thousand.
    const chi = counts.reduce((sum, count) => sum + ((count - 50) * (count - 50)) / 50, 0);
    assert.ok(chi < 33, counts.join(" "));
    const made = rig();
    const [first] = [made.bt.getsecuritycode()];
    made.up().bt.close();
    made.open();
    assert.notEqual(made.bt.getsecuritycode(), first);
  });

  it("comes from LE Rand where the board has no source: 0 and nothing connectable before, fixed by the time of onready", () => {
    const made = rig({ board: { random: false } });
    assert.equal(made.bt.getsecuritycode(), 0);
    made.bt.onconnect(() => {});
    made.bt.startadvertise("\x02\x01\x06", 100, 100);
    let before = -1;
    made.board.clock.until(() => {
      if (made.ready.length === 0) {
        before = made.bt.getsecuritycode();
        assert.equal(onair(made), 0, "nothing on the air");
      }
      return made.ready.length > 0;
    }, 60_000);
    const code = made.bt.getsecuritycode();
    assert.ok(code > 0 && code <= 999999, String(code));
    assert.ok(made.board.chip.log.some(({ opcode }: any) => opcode === SEC.RAND));
    made.run(2000);
    assert.equal(made.bt.getsecuritycode(), code);
    assert.ok(onair(made) > 0);
    assert.ok(before >= -1);
    const codes = new Set(Array.from({ length: 12 }, (_, i) => rig({ board: { random: false, seed: 50 + i } }).up().bt.getsecuritycode()));
    assert.ok(codes.size >= 11);
  });

  it("is not made of a source that is stuck: open() fails by name", () => {
    for (const octet of [0, 0x5a, 255]) {
      let thrown: any;
      let made: any;
      try {
        made = rig({ before: ({ hal }) => void ((hal as any).random = (target: Uint8Array) => target.fill(octet)) });
      } catch (error) {
        thrown = error;
      }
      if (thrown === undefined) {
        made.settle();
        assert.deepEqual(made.errors.map(({ code }: any) => code).slice(0, 1), ["random"]);
        assert.equal(made.ready.length, 0, "it does not become ready");
      } else assert.equal(thrown.code, "random", String(thrown));
    }
  });

  it("is not made of LE Rand that is stuck: open() fails by name", () => {
    const made = rig({ board: { random: false } });
    const random = [1, 2, 3, 4, 5, 6, 7, 8];
    made.board.chip.hook = (opcode: number) => (opcode === SEC.RAND ? { bytes: Uint8Array.from([4, 0x0e, 12, 1, 0x18, 0x20, 0, ...random]) } : undefined);
    made.bt.onconnect(() => {});
    made.bt.startadvertise("\x02\x01\x06", 100, 100);
    made.settle();
    assert.deepEqual(made.errors.map(({ code }: any) => code).slice(0, 1), ["random"], made.errors.map(brief).join());
    assert.equal(made.ready.length, 0, "it does not become ready");
    made.gone();
  });

  it("is what setsecurity says, also before the chip is ready: the code that is shown at once is the one that holds", () => {
    const made = rig();
    made.bt.setsecurity(3, 123456);
    assert.equal(made.bt.getsecuritycode(), 123456);
    made.bt.setsecurity(1);
    assert.equal(made.bt.getsecuritycode(), 0);
    made.bt.setsecurity(4);
    const shown = made.bt.getsecuritycode();
    assert.ok(shown > 0, "drawn at once where the board has a source");
    made.up().run(1000);
    assert.equal(made.bt.getsecuritycode(), shown);
    made.bt.setsecurity(4);
    const second = made.bt.getsecuritycode();
    assert.notEqual(second, shown);
    made.run(1000);
    assert.equal(made.bt.getsecuritycode(), second);
    for (const code of [0, 999999]) {
      made.bt.setsecurity(4, code);
      assert.equal(made.bt.getsecuritycode(), code);
    }
  });

  it("is checked: bad arguments throw and change nothing", () => {
    const { bt } = rig().up();
    bt.setsecurity(3, 7);
    for (const level of [0, 2, 5, -1, 1.5, "4", null, undefined, NaN]) rejects(() => bt.setsecurity(level as number, 9), "setsecurity", "level");
    for (const code of [-1, 1_000_000, 1.5, "123456", NaN, null]) rejects(() => bt.setsecurity(4, code as number), "setsecurity", "code", 0, 999999);
    assert.equal(bt.getsecuritycode(), 7);
  });

  it("is not 0 for anybody while a new one is drawn from LE Rand", () => {
    const safe = new Safe({ board: { random: false }, level: 1 });
    const phone = safe.phone({ passkey: 0, request: "ignore" });
    phone.connect();
    // The chip takes its time with the new code.
    safe.rig.board.chip.hook = (opcode: number) => (opcode === SEC.RAND ? { delay: 1500 } : undefined);
    safe.bt.setsecurity(4);
    safe.run(10);
    safe.rig.board.chip.hook = (opcode: number) => (opcode === SEC.RAND ? { delay: 300 } : undefined);
    let level = 0;
    phone.start.pair((error, result) => (level = error === null ? result.level : -1));
    safe.run(25_000);
    assert.notEqual(level, 4, "000000 opens nothing");
    assert.ok(safe.bt.getsecuritycode() > 0);
  });
});

describe("scenario 12: security smoke", () => {
  it("runs as it is written", () => {
    const made = rig();
    assert.ok(made.bt.getsecuritycode() >= 0 && made.bt.getsecuritycode() <= 999999);
    rejects(() => made.bt.setsecurity(2), "setsecurity", "level", 2);
    made.bt.setsecurity(1);
    assert.equal(made.bt.getsecuritycode(), 0);
    made.bt.setsecurity(3, 123456);
    assert.equal(made.bt.getsecuritycode(), 123456);
  });

  it("a central with legacy pairing is dropped at level 4, and neither onconnect nor onclose runs", () => {
    const safe = new Safe();
    const phone = safe.phone({ sc: false });
    const { error } = meet(safe, phone);
    assert.deepEqual([error?.smp, error?.theirs], [3, true]);
    assert.equal(phone.start !== null && safe.reads, 0);
    safe.run(61_000);
    assert.equal(phone.connected, false);
    assert.equal(phone.reason, 5);
    assert.deepEqual([safe.connections.length, safe.closed.length], [0, 0]);
    safe.unharmed();
  });
});

describe("before the level is reached", () => {
  // Every ATT request, typed from Vol 3 Part F 3.4, at handles that exist.
  const REQUESTS: [string, string][] = [
    ["Find Information", "040100ffff"],
    ["Find By Type Value", "060100ffff002800aa"],
    ["Read By Type", "080100ffff0328"],
    ["Read By Type, 128 bits", "080100ffff" + "fb349b5f8000008000100000002a0000"],
    ["Read", "0a0300"],
    ["Read Blob", "0c03000000"],
    ["Read Multiple", "0e03000500"],
    ["Read By Group Type", "100100ffff0028"],
    ["Write", "12030000"],
    ["Prepare Write", "160300000000"],
    ["Execute Write", "1801"],
    ["Read Multiple Variable", "2003000500"],
    ["an unknown request", "3f00"],
    ["a request of a wrong length", "0a03"],
  ];

  for (const level of [3, 4] as const) {
    it(`the Security Request goes out, and nothing else is said, at level ${level}`, () => {
      const safe = new Safe({ level });
      const stranger = new Stranger(safe).connect();
      // MITM and Secure Connections; no bonding without a store.
      assert.equal(stranger.next(CID.SMP), "0b0c");
      safe.run(2000);
      assert.deepEqual(stranger.frames, []);
      assert.equal(safe.connections.length, 0);
    });
  }

  it("with a store the Security Request asks for bonding", () => {
    const safe = new Safe({ options: { store: new Memory() } });
    assert.equal(new Stranger(safe).connect().next(CID.SMP), "0b0d");
  });

  for (const [name, pdu] of REQUESTS) {
    it(`${name} is held for 25 s, then refused with 0x05`, () => {
      const safe = new Safe();
      const stranger = new Stranger(safe).connect();
      stranger.send(CID.ATT, pdu);
      const sent = safe.rig.now;
      const answer = stranger.next(CID.ATT, 30_000);
      assert.match(answer, new RegExp(`^01${pdu.slice(0, 2)}....05$`));
      assert.ok(Math.abs(safe.rig.now - sent - 25_000) < 100, String(safe.rig.now - sent));
      assert.equal(safe.reads + safe.written.length, 0);
      assert.equal(stranger.att("0a0300", 1000), "", "and the next is held in its turn");
    });

    it(`${name} is refused at once where the options say so`, () => {
      const safe = new Safe({ options: { refuse: true } });
      const stranger = new Stranger(safe).connect();
      const answer = stranger.att(pdu, 200);
      assert.match(answer, new RegExp(`^01${pdu.slice(0, 2)}....05$`));
      assert.match(stranger.att(pdu, 200), /^01/, "as often as it asks");
    });
  }

  it("Exchange MTU is answered", () => {
    for (const options of [{}, { refuse: true }]) {
      const stranger = new Stranger(new Safe({ options: { ...options, mtu: 100 } })).connect();
      assert.equal(stranger.att("02f700"), "036400");
    }
  });

  it("commands, confirmations and a second request are dropped", () => {
    const safe = new Safe();
    const stranger = new Stranger(safe).connect();
    for (const pdu of ["5203004142", "d2030041" + "00".repeat(12), "1e", "0a0300", "0a0500", "520300"]) stranger.send(CID.ATT, pdu);
    safe.run(24_000);
    assert.equal(stranger.next(CID.ATT, 10), "");
    assert.match(stranger.next(CID.ATT, 2000), /^010a030005$/);
    assert.equal(stranger.next(CID.ATT, 3000), "");
    assert.equal(safe.written.length, 0);
  });

  it("the request that is held is answered in its turn once the phone has paired, behind onconnect", () => {
    const safe = new Safe();
    const phone = safe.phone({ request: "ignore" });
    phone.connect();
    const handle = safe.bt.handle(0xaa00, 0xaa01);
    let answer = "";
    phone.start.request([0x0a, handle & 255, handle >> 8], (error, pdu) => (answer = error === null ? Buffer.from(pdu).toString("latin1") : String(error)));
    safe.run(3000);
    assert.equal(answer, "");
    assert.equal(safe.reads, 0);
    phone.pair();
    safe.run(300);
    assert.equal(answer, "\x0bsecret");
    assert.equal(safe.reads, 1);
    assert.equal(safe.connections.length, 1);
    safe.unharmed();
  });

  it("a phone whose user takes 40 s before it sends the Pairing Request gets its answer", () => {
    const safe = new Safe();
    const phone = safe.phone({ delay: 40_000 });
    const begun = safe.rig.now;
    assert.equal(meet(safe, phone, 60_000).paired, 4);
    assert.ok(safe.rig.now - begun > 40_000);
    assert.equal(safe.connections.length, 1);
    assert.equal(Buffer.from(phone.read("aa01")).toString(), "secret");
  });

  it("a phone whose user takes 29 s to type the code gets its answer", () => {
    const safe = new Safe();
    assert.equal(meet(safe, safe.phone({ userdelay: 29_000 }), 60_000).paired, 4);
    safe.unharmed();
  });

  it("a phone that pairs only after error 0x05 gets its answer", () => {
    for (const options of [{}, { refuse: true }]) {
      const safe = new Safe({ options });
      const phone = safe.phone({ request: "ignore" });
      phone.connect();
      assert.equal(Buffer.from(phone.read("aa01")).toString(), "secret");
      assert.equal(safe.connections.length, 1);
      assert.equal(safe.open.security(), 4);
    }
  });

  it("a link that does not reach it in 60 s is closed with 0x05, and the application hears nothing", () => {
    const safe = new Safe();
    const stranger = new Stranger(safe).connect();
    const begun = safe.rig.now;
    safe.until(() => stranger.ends.length > 0, 70_000);
    assert.deepEqual(stranger.ends, [5]);
    assert.ok(Math.abs(safe.rig.now - begun - 60_000) < 500);
    assert.deepEqual([safe.connections.length, safe.closed.length], [0, 0]);
    assert.ok(new Stranger(safe, { address: "0b5e12e20003" }).tryconnect(), "the next is welcome");
  });

  it("the same whatever SMP traffic there is: keypresses, requests, failures, unknown codes, fresh pairings", () => {
    for (const pdus of [["0e00"], ["0104000d100000", "0e01"], ["0104000d100000", "0508"], ["0f00", "0103000d100000"], ["0b0d"], ["02"], ["0104000d100000", "0104000d100000"]]) {
      const safe = new Safe();
      const stranger = new Stranger(safe).connect();
      const begun = safe.rig.now;
      for (let i = 0; stranger.ends.length === 0 && i < 1500; i++) {
        stranger.send(CID.SMP, pdus[i % pdus.length]);
        safe.run(100);
      }
      assert.deepEqual(stranger.ends, [5], pdus.join());
      assert.ok(safe.rig.now - begun < 61_500, `${pdus.join()}: ${safe.rig.now - begun}`);
      assert.deepEqual([safe.connections.length, safe.closed.length], [0, 0]);
      safe.unharmed();
    }
  });
});

describe("setsecurity on live links", () => {
  function read(safe: Safe, phone: ReturnType<Safe["phone"]>): string {
    const handle = safe.bt.handle(0xaa00, 0xaa01);
    return Buffer.from(phone.request([0x0a, handle & 255, handle >> 8], 500)).toString("latin1");
  }

  it("raising it serves them nothing until they have paired, and does not tell onconnect again", () => {
    const safe = new Safe({ level: 1 });
    const phone = safe.phone({ delay: 1000 });
    phone.connect();
    safe.run(100);
    assert.equal(safe.connections.length, 1);
    assert.equal(safe.open.security(), 1);
    assert.equal(read(safe, phone), "\x0bsecret");
    let value = "";
    phone.subscribe("aa01", (bytes) => (value = Buffer.from(bytes).toString()));
    safe.bt.setsecurity(4, CODE);
    safe.bt.notify(0xaa01, "leak");
    assert.throws(() => read(safe, phone));
    assert.equal(value, "");
    safe.run(5000);
    assert.equal(safe.open.security(), 4);
    safe.bt.notify(0xaa01, "fine");
    safe.run(200);
    assert.equal(value, "fine");
    assert.equal(safe.connections.length, 1);
    safe.unharmed();
  });

  it("raising it keeps back an answer that was to come later, prepared writes, and the rest of a long value", () => {
    const replies: ((value: any) => void)[] = [];
    const safe: Safe = new Safe({
      level: 1,
      services: [
        {
          uuid: 0xaa00,
          chars: [
            { uuid: 0xaa01, read: (_connection, reply) => (replies.push(reply), safe.bt.LATER) as any },
            { uuid: 0xaa02, flags: 0x0a, read: () => "x".repeat(100), write: (_connection, value) => void safe.written.push(String(value.length)) },
          ],
        },
      ],
    });
    const stranger = new Stranger(safe).connect();
    const [one, two] = [0xaa01, 0xaa02].map((uuid) => Buffer.from([safe.bt.handle(0xaa00, uuid), 0]).toString("hex"));
    assert.equal(stranger.att("0a" + two).length, 2 * 23);
    assert.match(stranger.att(`16${two}000041`), /^17/);
    stranger.send(CID.ATT, "0a" + one);
    safe.run(100);
    assert.equal(replies.length, 1);
    safe.bt.setsecurity(4, CODE);
    replies[0]("top secret");
    assert.equal(stranger.next(CID.ATT, 1000), `010a${one}05`, "the answer stays here, and the request is refused");
    stranger.send(CID.ATT, "1801");
    safe.run(500);
    assert.deepEqual(safe.written, []);
    stranger.send(CID.ATT, `0c${two}1600`);
    assert.ok(!stranger.next(CID.ATT, 500).startsWith("0d"));
  });

  it("raising it closes, with 0x05 after 60 s, those that do not pair", () => {
    const safe = new Safe({ level: 1 });
    const stranger = new Stranger(safe).connect();
    assert.equal(safe.connections.length, 1);
    safe.bt.setsecurity(3, CODE);
    assert.equal(stranger.next(CID.SMP), "0b0c");
    safe.until(() => stranger.ends.length > 0, 70_000);
    assert.deepEqual(stranger.ends, [5]);
  });

  it("raising it from 3 to 4 lets a legacy link go only by pairing anew; one of Secure Connections stays", () => {
    const safe = new Safe({ level: 3, links: 2 });
    const old = safe.phone({ sc: false });
    const young = safe.phone();
    assert.equal(meet(safe, old).paired, 3);
    assert.equal(meet(safe, young).paired, 4, "level 3 met by Secure Connections gives 4");
    assert.deepEqual(safe.connections.map((connection) => connection.security()), [3, 4]);
    old.pairing.sc = true;
    old.pairing.request = "ignore";
    safe.bt.setsecurity(4, CODE);
    assert.throws(() => read(safe, old));
    assert.equal(read(safe, young), "\x0bsecret");
    old.pair();
    safe.run(200);
    assert.equal(safe.connections[0].security(), 4);
    safe.unharmed();
  });

  it("lowering it leaves them as they are, and serves those that were waiting", () => {
    const safe = new Safe({ links: 2 });
    const phone = safe.phone();
    assert.equal(meet(safe, phone).paired, 4);
    const stranger = new Stranger(safe).connect();
    stranger.send(CID.ATT, "0a0300");
    safe.run(100);
    safe.bt.setsecurity(1);
    assert.equal(safe.connections[0].security(), 4);
    assert.equal(read(safe, phone), "\x0bsecret");
    assert.match(stranger.next(CID.ATT), /^0b/);
    assert.equal(safe.connections.length, 2);
    safe.run(70_000);
    assert.equal(safe.closed.length, 0);
  });
});

describe("a characteristic with a level of its own", () => {
  const table = (safe: () => Safe): any => [
    { uuid: 0xaa00, chars: [{ uuid: 0xaa01, flags: 0x1a, level: 3, read: () => (safe().reads++, "kept"), write: () => 0 }, { uuid: 0xaa02, level: 4, value: "more" }, { uuid: 0xaa03, value: "open" }] },
  ];

  it("is refused with 0x05 at level 1, by every way of reading and writing, and is there after pairing", () => {
    const safe: Safe = new Safe({ level: 1, services: table(() => safe) });
    safe.bt.setsecurity(1, CODE);
    const phone = safe.phone({ onerror: false });
    phone.connect();
    safe.run(100);
    const at = safe.bt.handle(0xaa00, 0xaa01);
    const low = [at & 255, 0];
    const refused = (pdu: number[]): void => assert.equal(phone.request(pdu)[4], 5, pdu.join());
    refused([0x0a, ...low]);
    refused([0x0c, ...low, 0, 0]);
    refused([0x0e, ...low, at + 3, 0]);
    refused([0x12, ...low, 1]);
    refused([0x16, ...low, 0, 0, 1]);
    refused([0x08, ...low, ...low, 0x01, 0xaa]);
    phone.send(at, [1]);
    safe.run(100);
    assert.equal(safe.reads, 0);
    assert.equal(phone.pair().level, 4);
    assert.equal(Buffer.from(phone.read("aa01")).toString(), "kept");
    assert.equal(Buffer.from(phone.read("aa02")).toString(), "more");
  });
});

describe("on a board without a random source", () => {
  it("a code that was set before the chip is ready stays, and setsecurity(1) has none", () => {
    const made = rig({ board: { random: false } });
    made.bt.setsecurity(3, 123456);
    made.up().run(1000);
    assert.equal(made.bt.getsecuritycode(), 123456);
    const none = rig({ board: { random: false } });
    none.bt.setsecurity(1);
    none.up().run(1000);
    assert.equal(none.bt.getsecuritycode(), 0);
  });

  it("pairs, by each method", () => {
    for (const [level, sc, code] of [[4, true, CODE], [3, false, CODE], [4, true, null]] as const) {
      const safe = new Safe({ level, code, board: { random: false } });
      safe.run(500);
      const phone = safe.phone({ sc, passkey: safe.bt.getsecuritycode() });
      assert.equal(meet(safe, phone).paired, level);
      safe.unharmed();
    }
  });
});

describe("boards", () => {
  it("a board that takes more than 20 s for a multiplication has no level 4: setsecurity and onconnect say so, and level 3 is legacy", () => {
    let slow = true;
    let extra = 0;
    const made = rig({
      before: (rig) => {
        const real = rig.hal.timer;
        (rig.hal as any).timer = { now: () => real.now() + (slow ? (extra += 60) : extra), set: real.set.bind(real), clear: real.clear.bind(real) };
      },
    });
    slow = false;
    const code = (call: () => void): string => {
      try {
        call();
      } catch (error: any) {
        return `${error.code} ${error.step}`;
      }
      return "";
    };
    assert.equal(code(() => made.bt.onconnect(() => {})), "security onconnect");
    assert.equal(code(() => made.bt.setsecurity(4)), "security setsecurity");
    made.bt.setsecurity(3, CODE);
    let level = 0;
    made.bt.onconnect((connection: any) => (level = connection.security()));
    made.bt.startadvertise("\x02\x01\x06", 20, 20);
    made.up();
    const phone = new Phone(made.board.air, { mtu: 23, pairing: { passkey: CODE } });
    phone.connect();
    made.run(3000);
    assert.equal(level, 3);
    const said = phone.trace.filter(({ sent, cid }) => !sent && cid === CID.SMP).map(({ bytes }) => Buffer.from(bytes).toString("hex"));
    assert.deepEqual(said.slice(0, 2), ["0b04", "02000004100000"]);
  });

  for (const [name, setup] of [
    ["two wires at 115200", { board: { flow: false } }],
    ["what arrives comes as strings", { board: { strings: true } }],
    ["one byte at a time", { board: { wire: { chunk: 1 } } }],
    ["a plain controller", { part: "plain" }],
    ["a chip that refuses LE Encrypt with 0x01", { before: (made: any) => void (made.board.chip.hook = (opcode: number) => (opcode === SEC.ENCRYPT ? { status: 1 } : undefined)) }],
    ["a board with accelerators", { before: (made: any) => void (made.hal.crypto = native()) }],
    ["no random source, two wires", { board: { random: false, flow: false } }],
  ] as [string, any][]) {
    it(`all pair, at levels 4 and 3, and come back: ${name}`, () => {
      for (const level of [4, 3] as const) {
        const safe = new Safe({ ...setup, level, options: { store: new Memory() } });
        const phone = safe.phone({ sc: level === 4 });
        assert.equal(meet(safe, phone).paired, level);
        assert.equal(Buffer.from(phone.read("aa01")).toString(), "secret");
        phone.disconnect();
        safe.run(500);
        phone.connect();
        safe.until(() => phone.encrypted, 3000);
        assert.equal(Buffer.from(phone.read("aa01")).toString(), "secret");
        assert.equal(safe.open.security(), level);
        assert.deepEqual(phone.violations, []);
        assert.deepEqual(safe.rig.board.chip.violations, []);
        assert.equal(safe.bt.counters().exceptions, 0);
      }
    });
  }
});

/** Accelerators of a board, made of node:crypto. */
function native(): Crypto {
  return {
    aes: (key, block) => {
      const cipher = createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
      block.set(cipher.update(block));
    },
    p256public: (secret, target) => {
      const pair = keyPair(secret);
      if (pair !== null) target.set([...pair.x, ...pair.y]);
      return pair !== null;
    },
    p256shared: (secret, peer, target) => {
      target.set(keyPair(secret)!.ecdh.computeSecret(Uint8Array.from([4, ...peer])));
      return true;
    },
  };
}

describe("a bond of less than the level", () => {
  it("encrypts and is served nothing; pairing anew on that link gives the level and a better bond", () => {
    const safe = new Safe({ level: 1, options: { store: new Memory() } });
    const phone = safe.phone({ io: "NoInputNoOutput" });
    phone.connect();
    phone.pair();
    phone.disconnect();
    safe.run(500);
    assert.deepEqual((safe.bt as any).bonds().map(({ level }: any) => level), [1]);
    safe.bt.setsecurity(4, CODE);
    const before = safe.connections.length;
    phone.pairing.request = "ignore";
    phone.connect();
    phone.encrypt();
    safe.run(300);
    assert.ok(phone.encrypted);
    assert.throws(() => phone.request([0x0a, 3, 0], 500));
    assert.equal(safe.connections.length, before);
    assert.equal(phone.pair({ io: "KeyboardOnly" }).level, 4);
    safe.run(300);
    assert.equal(safe.connections.length, before + 1);
    assert.deepEqual((safe.bt as any).bonds().map(({ level }: any) => level), [4]);
    safe.unharmed();
  });
});

describe("a board whose multiplications take 17 s", () => {
  it("pairs with a phone that waits 30 s for each answer, also where its key pair is not ready yet", () => {
    for (const ready of [true, false]) {
      const safe = new Safe({
        options: { slice: 5 },
        before: (made) => {
          const real = made.hal.timer;
          let slow = 0;
          (made.hal as any).timer = {
            now: () => real.now(),
            // Timers without a time are the slices.
            set: (ms: number, callback: () => void) => real.set(ms === 0 && slow++ > 0 ? 25 : ms, callback),
            clear: (handle: unknown) => real.clear(handle),
          };
        },
      });
      if (ready) safe.run(25_000);
      const begun = safe.rig.now;
      assert.equal(meet(safe, safe.phone(), 60_000).paired, 4, ready ? "ready" : "not ready");
      assert.ok(safe.rig.now - begun > 15_000);
      safe.unharmed();
    }
  });
});
