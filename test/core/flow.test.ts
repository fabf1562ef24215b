import assert from "node:assert/strict";
import { Air, LeController, PLAIN, Random, VirtualClock } from "../../hal/mock/index.js";
import { open } from "../../targets/jerryscript/beacon.js";
import { complete, hex, IBEACON, OP, plainRig, rig, status, type Rig } from "../support/rig.js";

const NEW = "a new advert";
const ONAIR = `3:${hex(Buffer.from(NEW))}`;

/** Ready, the iBeacon on the air, nothing under way. */
function beacon(board: any = {}): Rig {
  const r = rig({ board }).up();
  r.bt.startadvertise(IBEACON, 100, 100);
  r.run(100);
  assert.deepEqual(r.onair(), [`3:${hex(IBEACON)}`]);
  return r;
}

function update(r: Rig<any>, ms: number): void {
  r.bt.startadvertise(NEW, 100, 100);
  r.clock.until(() => r.adverts.at(-1)?.data === hex(Buffer.from(NEW)), ms);
  assert.deepEqual(r.onair(), [ONAIR]);
}

describe("HCI flow: credits", () => {
  it("none: nothing is sent until a NOP gives one", () => {
    for (const nop of [complete(0, [], 1), status(0, 0, 1)]) {
      const r = beacon();
      r.board.chip.hook = (opcode) => (opcode === OP.ADV_DATA ? { bytes: complete(OP.ADV_DATA, [0], 0) } : undefined);
      r.bt.startadvertise("no more", 100, 100);
      r.run(100);
      r.board.chip.hook = undefined;
      const from = r.mark();
      r.bt.startadvertise(NEW, 200, 200);
      r.run(1000);
      assert.deepEqual(r.commands(from), []);
      r.board.chip.inject(nop);
      r.run(100);
      assert.ok(r.commands(from).length >= 3);
      assert.deepEqual(r.board.chip.violations, []);
      assert.deepEqual(r.onair(500), [ONAIR]);
      assert.equal(r.errors.length, 0);
    }
  });

  it("none, and the NOP is lost: it goes on by itself", () => {
    const r = beacon();
    r.board.chip.hook = (opcode, _, count) => (opcode === OP.ADV_DATA && count === 2 ? { bytes: complete(OP.ADV_DATA, [0], 0) } : undefined);
    r.bt.startadvertise("lost", 100, 100);
    r.run(50);
    update(r, 10_000);
  });

  it("none at every command of the bring-up", () => {
    const r = rig();
    r.board.chip.controller.commandpackets = 0;
    r.clock.after(0, () => nop());
    const nop = (): void => {
      if (r.board.chip.state !== "off" && r.board.chip.state !== "booting" && r.board.chip.state !== "starting") r.board.chip.inject(complete(0, [], 1));
      r.clock.after(20, nop);
    };
    r.up();
    r.bt.startadvertise(IBEACON, 100, 100);
    r.run(500);
    assert.deepEqual(r.onair(), [`3:${hex(IBEACON)}`]);
  });

  it("many: still one command at a time", () => {
    const r = rig();
    r.board.chip.controller.commandpackets = 20;
    r.up();
    r.bt.startadvertise(IBEACON, 100, 100, "r");
    r.run(100);
    assert.deepEqual(r.board.chip.violations, []);
  });

  it("of a NOP while an answer is awaited change nothing", () => {
    const r = beacon();
    r.board.chip.hook = (opcode) => (opcode === OP.ADV_DATA ? { delay: 60 } : undefined);
    r.bt.startadvertise("slow", 200, 200);
    for (const ms of [5, 5, 5]) r.run(ms).board.chip.inject(complete(0, [], 5));
    r.run(300);
    assert.deepEqual(r.board.chip.violations, []);
    assert.deepEqual(r.onair(500), [`3:${hex(Buffer.from("slow"))}`]);
  });
});

describe("HCI flow: answers", () => {
  it("that come late, twice, or that nobody asked for", () => {
    const r = beacon();
    const strays = [
      complete(OP.ADV_DATA, [0]),
      complete(OP.ADV_DATA, [0x0c]),
      status(OP.ADV_ENABLE, 0),
      complete(OP.RESET, [0]),
      complete(0x1234, [1, 2, 3]),
      status(0xffff, 0x3f, 1),
      complete(OP.VERSION, [0, 9, 9, 9, 9, 9, 9, 9, 9]),
    ];
    for (const stray of strays) r.board.chip.inject(stray);
    r.run(100);
    assert.ok(r.bt.counters().late >= strays.length - 1);
    const from = r.mark();
    r.run(5000);
    assert.deepEqual(r.commands(from), []);
    assert.deepEqual(r.onair(), [`3:${hex(IBEACON)}`]);
    update(r, 500);
    assert.equal(r.errors.length, 0);
    assert.equal(r.recovered.length, 0);
  });

  it("that come twice each", () => {
    const r = beacon();
    r.board.chip.hook = (opcode) => {
      r.clock.after(0.6, () => r.board.chip.inject(complete(opcode, [0])));
      return undefined;
    };
    r.bt.startadvertise("twice", 200, 200, "r");
    r.run(200);
    r.board.chip.hook = undefined;
    update(r, 3000);
    assert.equal(r.errors.length, 0);
  });

  it("after the time limit: the command is asked once more, and the late answer harms nothing", () => {
    const r = beacon();
    let once = true;
    r.board.chip.hook = (opcode) => (opcode === OP.ADV_DATA && once ? ((once = false), { delay: 2600 }) : undefined);
    update(r, 10_000);
    r.run(9000);
    assert.deepEqual(r.onair(), [ONAIR]);
    assert.equal(r.recovered.length, 0, "the chip was there");
    assert.ok(r.bt.counters().timeouts >= 1);
  });

  it("that are missing: Read Local Version asks whether the chip is there, and it goes on", () => {
    const r = beacon();
    let once = true;
    r.board.chip.hook = (opcode) => (opcode === OP.ADV_DATA && once ? ((once = false), "drop") : undefined);
    const [resets, versions] = [r.board.chip.count(OP.RESET), r.board.chip.count(OP.VERSION)];
    const begun = r.now;
    update(r, 10_000);
    assert.ok(r.now - begun < 3500, `${r.now - begun} ms`);
    assert.equal(r.board.chip.count(OP.RESET), resets, "no Reset");
    assert.ok(r.board.chip.count(OP.VERSION) > versions, "the probe");
    assert.equal(r.recovered.length, 0);
  });

  it("with more bytes than needed", () => {
    for (const opcode of [OP.ADV_DATA, OP.ADV_ENABLE, OP.ADV_PARAMETERS]) {
      const r = beacon();
      r.board.chip.hook = (o) => {
        if (o !== opcode) return undefined;
        r.clock.after(0.5, () => r.board.chip.inject(complete(o, [0, 1, 2, 3, 4, 5, 6, 7])));
        return undefined;
      };
      r.bt.startadvertise(NEW, 300, 300);
      r.run(6000);
      assert.deepEqual(r.onair(1000), [ONAIR]);
      assert.equal(r.recovered.length, 0);
    }
    const r = rig({
      before: (r) =>
        (r.board.chip.hook = (o, _, n) => (o === OP.VERSION && n === 1 ? { bytes: complete(o, [0, 7, 0, 0, 7, 15, 0, 9, 0x22, 0xaa, 0xbb]) } : undefined)),
    }).up();
    assert.equal(r.warnings.length, 0);
  });

  it("with fewer", () => {
    const r = beacon();
    const broken = [[4, 0x0e, 0], [4, 0x0e, 1, 1], [4, 0x0e, 2, 1, 8], [4, 0x0f, 3, 0, 1, 8], [4, 0x3e, 0], [4, 0x10, 0], [4, 0x05, 0], [4, 0x13, 0]];
    for (const bytes of broken) r.board.chip.inject(Uint8Array.from(bytes));
    r.run(200);
    const { malformed, unknown, resyncs } = r.bt.counters();
    assert.ok(malformed + unknown >= broken.length, `${malformed} malformed, ${unknown} unknown`);
    assert.equal(resyncs, 0, "these were whole packets");
    update(r, 1000);
    assert.equal(r.errors.length, 0);
  });

  it("without a status", () => {
    const r = beacon();
    let once = true;
    r.board.chip.hook = (o) => (o === OP.ADV_DATA && once ? ((once = false), { bytes: Uint8Array.of(4, 0x0e, 3, 1, 8, 0x20) }) : undefined);
    update(r, 10_000);
  });

  it("in the form of a Command Status", () => {
    for (const opcode of [OP.ADV_PARAMETERS, OP.ADV_DATA, OP.ADV_ENABLE]) {
      const r = beacon();
      let n = 0;
      r.board.chip.hook = (o) => (o === opcode && n++ === 0 ? { bytes: status(o, 0x0c) } : undefined);
      r.bt.startadvertise(NEW, 200, 200);
      r.run(8000);
      assert.deepEqual(r.onair(500), [ONAIR]);
      assert.ok(r.errors.length <= 1);
    }
  });
});

describe("HCI flow: events", () => {
  it("of every code, known or not, of every length, are put up with", () => {
    const r = plainRig().up();
    r.bt.startadvertise(IBEACON, 100, 100);
    r.run(100);
    const random = new Random(3);
    let sent = 0;
    for (let code = 1; code < 256; code++) {
      if ([0x0e, 0x0f, 0x10].includes(code)) continue;
      for (const length of [0, 1, 2, 7, 255]) {
        const body = new Uint8Array(length);
        random.fill(body);
        r.board.chip.inject(Uint8Array.of(4, code, length, ...body));
        // Those of links are known, and what they say of links that are not is counted in its own way.
        if (![0x05, 0x08, 0x13, 0x30].includes(code)) sent++;
      }
      r.run(30);
    }
    r.run(2000);
    const { unknown, malformed, resyncs, overruns } = r.bt.counters();
    assert.ok(unknown + malformed >= sent, `${unknown} and ${malformed} of ${sent}`);
    assert.equal(resyncs + overruns, 0);
    assert.equal(r.errors.length, 0);
    assert.deepEqual(r.onair(), [`3:${hex(IBEACON)}`]);
  });

  it("of ACL and SCO data to a build without links are dropped", () => {
    const r = beacon();
    r.board.chip.inject(Uint8Array.of(2, 0x40, 0x20, 3, 0, 1, 2, 3));
    r.board.chip.inject(Uint8Array.of(3, 0x40, 0, 2, 1, 2));
    r.run(50);
    assert.equal(r.bt.counters().resyncs, 0);
    update(r, 500);
  });
});

describe("HCI flow: a UART that", () => {
  it("hands over the answer inside write", () => {
    for (const strings of [false, true]) {
      const clock = new VirtualClock();
      const air = new Air(clock);
      const controller = new LeController(air, new Random(1), PLAIN, Uint8Array.of(6, 5, 4, 3, 2, 0));
      let take: (data: Uint8Array | string) => void = () => {};
      let depth = 0;
      let nested = 0;
      controller.send = (packet) => take(strings ? String.fromCharCode(...packet) : packet);
      const hal = {
        uart: {
          open(_baud: number, _flow: boolean, receive: typeof take) {
            take = receive;
          },
          write(buffer: Uint8Array, offset: number, length: number) {
            if (depth++) nested++;
            const packet = buffer.slice(offset, offset + length);
            if (packet[0] === 1) controller.receive(packet);
            depth--;
          },
          close() {
            take = () => {};
          },
        },
        gpio: {},
        timer: {
          now: () => clock.now,
          set: (ms: number, callback: () => void) => clock.after(ms, callback),
          clear: (handle: any) => void clock.cancel(handle),
        },
        delay() {},
      };
      const heard = new Set<string>();
      air.sniff(({ pdu }) => heard.add(`${pdu.type}:${hex(pdu.data)}`));
      let ready = 0;
      const errors: Error[] = [];
      const bt = open(hal, null, { onready: () => ready++, onerror: (error) => errors.push(error) });
      bt.startadvertise(IBEACON, 100, 100, "r");
      clock.run(2000);
      assert.deepEqual(errors, []);
      assert.equal(ready, 1);
      assert.deepEqual([...heard], [`2:${hex(IBEACON)}`]);
      bt.startadvertise(NEW, 200, 200);
      clock.run(500);
      assert.ok(heard.has(ONAIR));
      bt.close();
      assert.equal(controller.advertising.on, false, "the Reset of close is the last word");
      assert.equal(nested, 0, "one packet at a time");
      assert.equal(clock.pending, 0);
    }
  });

  it("hands over more at once than the ring holds", () => {
    for (const strings of [false, true]) {
      const r = plainRig({ board: { strings, wire: { chunk: 6000 } }, options: { receive: 300 } }).up();
      const events: number[] = [];
      for (let i = 0; i < 20; i++) events.push(4, 0xff, 255, ...new Array(255).fill(4));
      r.board.chip.inject(Uint8Array.from(events));
      r.run(1000);
      const { unknown, overruns, resyncs } = r.bt.counters();
      assert.deepEqual({ unknown, overruns, resyncs }, { unknown: 20, overruns: 0, resyncs: 0 });
      r.bt.startadvertise(IBEACON, 100, 100);
      assert.deepEqual(r.onair(), [`3:${hex(IBEACON)}`]);
    }
  });
});

describe("HCI flow: loss of sync", () => {
  /** All three errors of a line that H4 has no protection from. */
  const kinds: [string, (byte: number) => any][] = [
    ["dropped", () => null],
    ["doubled", (byte) => [byte, byte]],
    ["with its lowest bit flipped", (byte) => byte ^ 1],
    ["with a middle bit flipped", (byte) => byte ^ 0x10],
    ["with its highest bit flipped", (byte) => byte ^ 0x80],
    ["inverted", (byte) => byte ^ 0xff],
  ];

  for (const [what, spoil] of kinds) {
    it(`a byte of an event ${what}, at each place: the advert stays or comes back`, () => {
      for (let place = 0; place < 7; place++) {
        for (const next of [false, true]) {
          const r = beacon();
          const at = r.board.wire.toHost.sent + place;
          r.board.wire.toHost.fault = (byte, index) => (index === at ? spoil(byte) : byte);
          if (next) {
            // A further event comes right behind the spoiled one.
            r.bt.startadvertise("first", 100, 100);
            r.run(20);
          }
          r.bt.startadvertise(NEW, 100, 100);
          r.run(20_000);
          assert.deepEqual(r.onair(), [ONAIR], `place ${place}`);
          assert.ok(r.errors.length <= 2, `place ${place}: ${r.errors.map(({ code }) => code)}`);
          const before = r.recovered.length;
          r.bt.startadvertise("and on", 100, 100);
          r.run(200);
          assert.deepEqual(r.onair(), [`3:${hex(Buffer.from("and on"))}`], `place ${place}`);
          assert.equal(r.recovered.length, before);
        }
      }
    });
  }

  it("a byte of a command lost: the chip is brought back to its senses, the advert too", () => {
    for (let place = 0; place < 36; place++) {
      for (const wiring of [{ regon: true }, {}]) {
        const r = beacon({ wiring });
        const at = r.board.wire.toChip.sent + place;
        r.board.wire.toChip.fault = (byte, index) => (index === at ? null : byte);
        r.bt.startadvertise(NEW, 100, 100);
        r.run(30_000);
        assert.deepEqual(r.onair(), [ONAIR], `place ${place}, ${JSON.stringify(wiring)}`);
        assert.ok(r.errors.length <= 2);
      }
    }
  });

  it("bytes out of nowhere while all is quiet", () => {
    const noises = ["ff", "04", "040e", "040eff", "02", "02000000ff", "0200000010", "0300ff", "0400", "aabbccdd", "0505050505", "07", "04050401"];
    for (const noise of noises) {
      const r = beacon();
      r.board.chip.inject(Uint8Array.from(noise.match(/../g)!, (pair) => parseInt(pair, 16)));
      r.run(1);
      update(r, 10_000);
      r.run(11_000);
      assert.deepEqual(r.onair(), [ONAIR]);
      assert.equal(r.recovered.length, 0, `${noise}: links would be kept`);
      assert.equal(r.errors.length, 0, `${noise}: ${r.errors.map(({ code }) => code)}`);
    }
  });

  it("after noise, the answer to a harmless command proves the step: Read Local Version, no Reset", () => {
    const r = beacon();
    const from = r.mark();
    r.board.chip.inject(Uint8Array.of(0xff, 0xfe, 0xfd));
    r.run(2000);
    assert.deepEqual([...new Set(r.commands(from).map(({ opcode }) => opcode))], [OP.VERSION]);
    assert.ok(r.bt.counters().resyncs > 0);
    assert.ok(r.bt.counters().dropped >= 3);
  });

  it("noise without end: it neither throws nor spins, and comes back when the line does", () => {
    for (let seed = 1; seed <= 6; seed++) {
      const r = beacon({ seed });
      const random = new Random(seed);
      r.board.wire.toHost.fault = (byte) => (random.below(3) ? byte : random.below(256));
      for (let i = 0; i < 60; i++) {
        const bytes = new Uint8Array(1 + random.below(80));
        random.fill(bytes);
        r.clock.after(i * 50, () => r.board.chip.state === "patched" && r.board.chip.inject(bytes));
      }
      assert.doesNotThrow(() => r.run(4000));
      const sent = r.commands().length;
      assert.ok(sent < 2000, `${sent} commands`);
      r.board.wire.toHost.fault = undefined;
      r.run(60_000);
      r.bt.startadvertise(NEW, 100, 100);
      r.run(3000);
      assert.deepEqual(r.onair(), [ONAIR], `seed ${seed}`);
    }
  });
});
