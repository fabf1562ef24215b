import assert from "node:assert/strict";
import { aes128, CYW43438, createBoard, PduType, STANDARD_COMMANDS } from "../../hal/mock/index.js";
import type { Board, BoardOptions, PlainController } from "../../hal/mock/index.js";
import { hex, le, RawHost, unhex } from "./rawhost.js";

const RESET = 0x0c03;
const SET_EVENT_MASK = 0x0c01;
const SET_RANDOM_ADDRESS = 0x2005;
const SET_ADV_PARAMETERS = 0x2006;
const SET_ADV_DATA = 0x2008;
const SET_SCAN_RESPONSE = 0x2009;
const SET_ADV_ENABLE = 0x200a;
const SET_SCAN_PARAMETERS = 0x200b;
const SET_SCAN_ENABLE = 0x200c;

type Options = Omit<BoardOptions<"plain">, "part">;

function plain(options: Options = {}): { board: Board<PlainController>; host: RawHost } {
  const board = createBoard({ ...options, part: "plain" });
  const host = new RawHost(board);
  host.open(options.chip?.baud);
  return { board, host };
}

/** A controller whose LE events are not masked, as they are after a reset. */
function unmasked(options: Options = {}): { board: Board<PlainController>; host: RawHost } {
  const { board, host } = plain(options);
  host.ok(SET_EVENT_MASK, new Uint8Array(8).fill(0xff));
  return { board, host };
}

/** A controller of version 4.1. */
function old(): { board: Board<PlainController>; host: RawHost } {
  return plain({ chip: { identity: { version: 7 } } });
}

interface Advertising {
  min?: number;
  max?: number;
  type?: number;
  own?: number;
  peer?: number[];
  channels?: number;
  policy?: number;
}

function advertising(parameters: Advertising): number[] {
  const { min = 0xa0, max = min, type = 0, own = 0, peer = [0, 0, 0, 0, 0, 0, 0], channels = 7, policy = 0 } = parameters;
  return [...le(min, 2), ...le(max, 2), type, own, ...peer, channels, policy];
}

function scanning(type = 0, interval = 16, window = interval, own = 0, policy = 0): number[] {
  return [type, ...le(interval, 2), ...le(window, 2), own, policy];
}

function bitCount(octet: number): number {
  return octet === 0 ? 0 : (octet & 1) + bitCount(octet >> 1);
}

function data(digits: string): Uint8Array {
  const bytes = new Uint8Array(32);
  bytes[0] = digits.length / 2;
  bytes.set(unhex(digits), 1);
  return bytes;
}

describe("AES-128", () => {
  it("agrees with FIPS-197, appendices B and C.1", () => {
    const encrypt = (key: string, block: string): string => hex(aes128(unhex(key), unhex(block)));
    assert.equal(encrypt("2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734"), "3925841d02dc09fbdc118597196a0b32");
    assert.equal(encrypt("000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff"), "69c4e0d86a7b0430d8cdb78070b4c55a");
    assert.throws(() => aes128(new Uint8Array(15), new Uint8Array(16)), RangeError);
  });
});

describe("controller: commands", () => {
  it("claims what it has, and the CYW43438 claims it too", () => {
    const { host } = plain();
    const mask = host.command(0x1002).slice(1);
    assert.equal(mask.length, 64);
    let bits = 0;
    for (const { opcode, supported } of STANDARD_COMMANDS) {
      const [octet, bit] = supported!;
      assert.ok(mask[octet] & (1 << bit), `0x${opcode.toString(16)}`);
      bits++;
      // The part works without claiming Read Local Supported Commands itself.
      if (opcode !== 0x1002) assert.ok(CYW43438.commands![octet] & (1 << bit), `CYW43438 0x${opcode.toString(16)}`);
    }
    assert.equal([...mask].map(bitCount).reduce((a, b) => a + b), bits);
  });

  it("refuses a wrong number of parameters in every command with 0x12", () => {
    const { board, host } = plain();
    for (const { opcode, length, variable } of STANDARD_COMMANDS) {
      if (variable !== true) assert.equal(host.status(opcode, new Uint8Array(length + 1)), 0x12, `0x${opcode.toString(16)}`);
      if (length > 0) assert.equal(host.status(opcode, new Uint8Array(length - 1)), 0x12, `0x${opcode.toString(16)}`);
    }
    assert.deepEqual(board.chip.violations, []);
  });

  it("refuses unknown and vendor commands with Command Status, or with Command Complete", () => {
    const { board, host } = plain();
    host.send(0xfc01, [1, 2, 3, 4, 5, 6]);
    board.clock.run(10);
    assert.equal(hex(host.packets[0].bytes), "040f040101" + "01fc");
    const other = plain({ chip: { identity: { unknown: "complete" } } });
    assert.equal(other.host.status(0x2025), 0x01);
  });

  it("tells its identity", () => {
    const { host } = plain({ chip: { address: "00:1b:dc:01:02:03", identity: { version: 10, name: "thing", revision: 0x1234 } } });
    assert.equal(hex(host.command(0x1001)), "000a34120affff0000");
    assert.equal(hex(host.command(0x1009)), "00030201dc1b00");
    assert.equal(String.fromCharCode(...host.command(0x0c14).slice(1, 7)), "thing\0");
    assert.equal(hex(host.command(0x1003)), "000000000060000000");
    assert.equal(hex(host.command(0x2002)), "001b0004");
    assert.equal(hex(host.command(0x2003)), "000100000000000000");
    assert.equal(hex(host.command(0x201c)), "00ffffff1f00000000");
    assert.equal(hex(host.command(0x2007)), "0000");
    assert.equal(hex(host.command(0x200f)), "0008");
  });

  it("encrypts least significant octet first", () => {
    const { host } = plain();
    const key = unhex("000102030405060708090a0b0c0d0e0f").reverse();
    const block = unhex("00112233445566778899aabbccddeeff").reverse();
    const answer = host.command(0x2017, [...key, ...block]);
    assert.equal(hex(answer.slice(1).reverse()), "69c4e0d86a7b0430d8cdb78070b4c55a");
  });

  it("draws random numbers from the seed", () => {
    const draw = (seed: number): string => hex(plain({ seed }).host.command(0x2018));
    assert.equal(draw(1).length, 18);
    assert.equal(draw(1), draw(1));
    assert.notEqual(draw(1), draw(2));
    const { host } = plain();
    assert.notEqual(hex(host.command(0x2018)), hex(host.command(0x2018)));
  });

  it("keeps LE Host Support and the host's buffers", () => {
    const { host } = plain();
    assert.equal(hex(host.command(0x0c6c)), "000000");
    host.ok(0x0c6d, [1, 0]);
    assert.equal(hex(host.command(0x0c6c)), "000100");
    assert.equal(host.status(0x0c6d, [2, 0]), 0x12);
    host.ok(0x0c33, [...le(64, 2), 0, ...le(2, 2), 0, 0]);
    assert.equal(host.status(0x0c33, [0, 0, 0, 2, 0, 0, 0]), 0x12);
    host.ok(0x0c31, [1]);
    assert.equal(host.status(0x0c31, [4]), 0x12);
    host.ok(0x0c63, new Uint8Array(8));
  });

  it("knows no connection before there is one", () => {
    const { board, host } = plain();
    assert.equal(hex(host.command(0x1405, [0x40, 0])), "02400000");
    host.send(0x0406, [0x40, 0, 0x13]);
    board.clock.run(10);
    assert.equal(hex(host.packets.at(-1)!.bytes), "040f0402010604");
    host.write([2, 0x40, 0, 2, 0, 1, 2]);
    host.ok(RESET);
    assert.equal(board.chip.controller.stray, 1);
  });

  it("fills, empties and bounds the accept list", () => {
    const { host } = plain({ chip: { identity: { acceptlist: 2 } } });
    host.ok(0x2011, [0, 1, 0, 0, 0, 0, 0]);
    host.ok(0x2011, [1, 1, 0, 0, 0, 0, 0]);
    host.ok(0x2011, [1, 1, 0, 0, 0, 0, 0]);
    assert.equal(host.status(0x2011, [0, 2, 0, 0, 0, 0, 0]), 0x07);
    assert.equal(host.status(0x2011, [2, 2, 0, 0, 0, 0, 0]), 0x12);
    host.ok(0x2012, [1, 1, 0, 0, 0, 0, 0]);
    host.ok(0x2011, [0, 2, 0, 0, 0, 0, 0]);
    host.ok(0x2010);
    host.ok(0x2011, [0, 3, 0, 0, 0, 0, 0]);
    host.ok(0x2011, [0, 4, 0, 0, 0, 0, 0]);
  });
});

describe("controller: advertising", () => {
  it("holds the parameters against their bounds", () => {
    const { host } = plain();
    const refused: Advertising[] = [
      { min: 0x1f },
      { min: 0x20, max: 0x4001 },
      { min: 0x21, max: 0x20 },
      { type: 5 },
      { peer: [2, 0, 0, 0, 0, 0, 0] },
      { channels: 0 },
      { channels: 8 },
      { policy: 4 },
      { own: 4 },
    ];
    for (const parameters of refused) {
      assert.equal(host.status(SET_ADV_PARAMETERS, advertising(parameters)), 0x12, JSON.stringify(parameters));
    }
    const fast = { min: 0x20 };
    const taken: Advertising[] = [fast, { ...fast, max: 0x4000 }, { ...fast, type: 3 }, { ...fast, type: 2 }, { policy: 3 }, { own: 1 }];
    for (const parameters of taken) host.ok(SET_ADV_PARAMETERS, advertising(parameters));
    assert.equal(host.status(SET_ADV_PARAMETERS, advertising({ own: 2 })), 0x11);
  });

  it("before 5.0 keeps scannable and non-connectable adverts to 100 ms", () => {
    const { host } = old();
    for (const type of [2, 3]) {
      assert.equal(host.status(SET_ADV_PARAMETERS, advertising({ type, min: 0x9f, max: 0x200 })), 0x12);
      host.ok(SET_ADV_PARAMETERS, advertising({ type, min: 0xa0 }));
    }
    host.ok(SET_ADV_PARAMETERS, advertising({ type: 0, min: 0x20 }));
    host.ok(SET_ADV_PARAMETERS, advertising({ type: 1, min: 0 }));
    assert.equal(host.status(SET_ADV_PARAMETERS, advertising({ own: 2 })), 0x12);
  });

  it("changes parameters and address only while it is off, data at any time", () => {
    const { board, host } = plain();
    host.ok(SET_RANDOM_ADDRESS, [1, 2, 3, 4, 5, 0xc6]);
    host.ok(SET_ADV_PARAMETERS, advertising({ own: 1 }));
    host.ok(SET_ADV_DATA, data("01"));
    host.ok(SET_ADV_ENABLE, [1]);
    assert.equal(host.status(SET_ADV_PARAMETERS, advertising({})), 0x0c);
    assert.equal(host.status(SET_RANDOM_ADDRESS, [1, 2, 3, 4, 5, 6]), 0x0c);
    assert.equal(host.status(SET_ADV_ENABLE, [2]), 0x12);
    const { heard } = board.air.observe();
    board.clock.run(200);
    host.ok(SET_ADV_DATA, data("0202"));
    const before = heard.length;
    board.clock.run(200);
    assert.equal(hex(heard[0].pdu.data), "01");
    assert.equal(hex(heard[0].pdu.address.bytes), "0102030405c6");
    assert.equal(heard[0].pdu.address.random, 1);
    assert.equal(hex(heard[before].pdu.data), "0202");
    host.ok(SET_ADV_ENABLE, [1]);
    host.ok(SET_ADV_ENABLE, [0]);
    host.ok(SET_ADV_ENABLE, [0]);
    host.ok(SET_RANDOM_ADDRESS, [1, 2, 3, 4, 5, 6]);
    const end = heard.length;
    board.clock.run(1000);
    assert.equal(heard.length, end);
  });

  it("needs a random address before it can use one", () => {
    const { host } = plain();
    host.ok(SET_ADV_PARAMETERS, advertising({ own: 1 }));
    assert.equal(host.status(SET_ADV_ENABLE, [1]), 0x12);
    host.ok(SET_SCAN_PARAMETERS, scanning(1, 16, 16, 1));
    assert.equal(host.status(SET_SCAN_ENABLE, [1, 0]), 0x12);
    host.ok(SET_RANDOM_ADDRESS, [1, 2, 3, 4, 5, 0xc6]);
    host.ok(SET_ADV_ENABLE, [1]);
    host.ok(SET_SCAN_ENABLE, [1, 0]);
  });

  it("bounds the data", () => {
    const { host } = plain();
    for (const opcode of [SET_ADV_DATA, SET_SCAN_RESPONSE]) {
      const bytes = new Uint8Array(32);
      bytes[0] = 31;
      host.ok(opcode, bytes);
      bytes[0] = 32;
      assert.equal(host.status(opcode, bytes), 0x12);
    }
  });

  it("keeps to its interval and its type", () => {
    const expected = [PduType.ADV_IND, undefined, PduType.ADV_SCAN_IND, PduType.ADV_NONCONN_IND];
    for (const type of [0, 2, 3]) {
      const { board, host } = plain();
      host.ok(SET_ADV_PARAMETERS, advertising({ type, min: 0x140, max: 0x150 }));
      host.ok(SET_ADV_ENABLE, [1]);
      const { heard } = board.air.observe();
      board.clock.run(5000);
      assert.ok(heard.every(({ pdu }) => pdu.type === expected[type]));
      const gaps = heard.slice(1).map(({ time }, i) => time - heard[i].time);
      assert.ok(gaps.every((gap) => gap >= 200 && gap <= 210));
    }
  });

  it("answers scan requests, of the accept list only where told to", () => {
    const { board, host } = plain();
    host.ok(SET_SCAN_RESPONSE, data("5a"));
    host.ok(0x2011, [0, ...unhex("0100e2125e0b")]);
    host.ok(SET_ADV_PARAMETERS, advertising({ type: 2, policy: 1 }));
    host.ok(SET_ADV_ENABLE, [1]);
    const listed = board.air.observe({ active: true, address: "0b5e12e20001" });
    const stranger = board.air.observe({ active: true, address: "0b5e12e20002" });
    board.clock.run(500);
    assert.ok(listed.heard.some(({ pdu }) => pdu.type === PduType.SCAN_RSP && hex(pdu.data) === "5a"));
    assert.ok(!stranger.heard.some(({ pdu }) => pdu.type === PduType.SCAN_RSP));
    assert.equal(host.status(0x2010), 0x0c);
    assert.equal(host.status(0x2011, [0, 1, 0, 0, 0, 0, 0]), 0x0c);
    assert.equal(host.status(0x2012, [0, 1, 0, 0, 0, 0, 0]), 0x0c);
  });

  it("directs adverts to one peer, and gives up high duty cycle after 1.28 s", () => {
    const { board, host } = unmasked();
    const peer = [0, ...unhex("0100e2125e0b")];
    host.ok(SET_ADV_DATA, data("0102"));
    host.ok(SET_ADV_PARAMETERS, advertising({ type: 1, peer }));
    const target = board.air.observe({ address: "0b5e12e20001" });
    const other = board.air.observe({ address: "0b5e12e20002" });
    const start = board.clock.now;
    host.ok(SET_ADV_ENABLE, [1]);
    board.clock.run(2000);
    assert.ok(target.heard.length > 300);
    assert.equal(target.heard[0].pdu.data.length, 0);
    assert.equal(other.heard.length, 0);
    const { time, bytes } = host.packets.at(-1)!;
    assert.equal(hex(bytes), "043e13" + "013c000001000100e2125e0b00000000000000");
    assert.ok(time - start > 1280 && time - start < 1285);
    host.ok(SET_ADV_PARAMETERS, advertising({ type: 4, peer }));
  });
});

describe("controller: scanning", () => {
  it("holds the parameters against their bounds", () => {
    const { host } = unmasked();
    const refused = [scanning(2), scanning(0, 3), scanning(0, 0x4001), scanning(0, 16, 17), scanning(0, 16, 3), scanning(0, 16, 16, 0, 2)];
    for (const parameters of refused) assert.equal(host.status(SET_SCAN_PARAMETERS, parameters), 0x12, hex(parameters));
    host.ok(SET_SCAN_PARAMETERS, scanning(1, 0x4000, 4));
    assert.equal(host.status(SET_SCAN_ENABLE, [2, 0]), 0x12);
    assert.equal(host.status(SET_SCAN_ENABLE, [1, 2]), 0x12);
    host.ok(SET_SCAN_ENABLE, [1, 0]);
    assert.equal(host.status(SET_SCAN_PARAMETERS, scanning()), 0x0c);
    assert.equal(host.status(SET_RANDOM_ADDRESS, [1, 2, 3, 4, 5, 6]), 0x0c);
    host.ok(SET_SCAN_ENABLE, [0, 0]);
    host.ok(SET_SCAN_PARAMETERS, scanning());
  });

  it("reports byte for byte what it heard", () => {
    const { board, host } = unmasked();
    board.air.advertise({ address: "c0ffee000001", random: 1, data: unhex("020106"), rssi: -77 });
    host.ok(SET_SCAN_ENABLE, [1, 0]);
    board.clock.run(250);
    assert.equal(hex(host.packets[2].bytes), "043e0f" + "0201" + "0301" + "010000eeffc0" + "03020106" + "b3");
    assert.ok(host.reports().length >= 2);
    assert.equal(host.reports()[0].rssi, -77);
  });

  it("scans actively and passively, within its windows", () => {
    const { board, host } = unmasked();
    board.air.advertise({ response: unhex("01"), interval: 20 });
    host.ok(SET_SCAN_PARAMETERS, scanning(0, 160, 48));
    const start = board.clock.now;
    host.ok(SET_SCAN_ENABLE, [1, 0]);
    board.clock.run(3000);
    const passive = host.reports();
    assert.ok(passive.length > 20 && passive.every(({ type }) => type === PduType.ADV_SCAN_IND));
    // Windows of 30 ms each 100 ms; a report is on the wire for some 1.3 ms.
    const enabled = start + (6 * 10_000) / 115200 + 0.5;
    for (const { time } of passive) assert.ok((time - enabled) % 100 < 34, `${(time - enabled) % 100}`);
    host.ok(SET_SCAN_ENABLE, [0, 0]);
    host.ok(SET_SCAN_PARAMETERS, scanning(1));
    host.ok(SET_SCAN_ENABLE, [1, 0]);
    board.clock.run(100);
    const active = host.reports().slice(passive.length);
    assert.ok(active.some(({ type, data }) => type === PduType.SCAN_RSP && data === "01"));
  });

  it("filters duplicates by address, forgetting them with each enable", () => {
    const { board, host } = unmasked();
    const beacon = board.air.advertise({ response: unhex("01") });
    board.air.advertise();
    host.ok(SET_SCAN_PARAMETERS, scanning(1));
    host.ok(SET_SCAN_ENABLE, [1, 1]);
    board.clock.run(500);
    beacon.setData(unhex("02"));
    board.clock.run(500);
    assert.equal(host.reports().length, 3);
    host.ok(SET_SCAN_ENABLE, [1, 1]);
    board.clock.run(500);
    assert.equal(host.reports().length, 6);
    host.ok(SET_SCAN_ENABLE, [1, 0]);
    board.clock.run(500);
    assert.ok(host.reports().length > 15);
  });

  it("takes the accept list's advertisers only where told to", () => {
    const { board, host } = unmasked();
    board.air.advertise({ address: "0b5e12e20001" });
    board.air.advertise({ address: "0b5e12e20002" });
    host.ok(0x2011, [0, ...unhex("0200e2125e0b")]);
    host.ok(SET_SCAN_PARAMETERS, scanning(0, 16, 16, 0, 1));
    host.ok(SET_SCAN_ENABLE, [1, 0]);
    assert.equal(host.status(0x2010), 0x0c);
    board.clock.run(500);
    assert.deepEqual([...new Set(host.reports().map(({ address }) => address))], ["0b5e12e20002"]);
  });

  it("puts several reports into one event where the option says so", () => {
    const { board, host } = unmasked({ chip: { reportsPerEvent: 25, reportWait: 20, baud: 921600 } });
    for (let i = 0; i < 40; i++) board.air.advertise({ data: new Uint8Array(i % 32), interval: 50 });
    host.ok(SET_SCAN_ENABLE, [1, 0]);
    board.clock.run(200);
    const events = host.packets.filter(({ bytes }) => bytes[1] === 0x3e);
    const most = Math.max(...events.map(({ bytes }) => bytes[4]));
    assert.ok(most > 5 && most <= 25, `${most}`);
    assert.ok(host.reports().length > 120);
    assert.equal(new Set(host.reports().map(({ address }) => address)).size, 40);
  });

  it("drops reports that the host does not take, and counts them", () => {
    const { board, host } = unmasked({ chip: { reportMemory: 500 } });
    for (let i = 0; i < 100; i++) board.air.advertise({ data: new Uint8Array(31), interval: 20 });
    host.ok(SET_SCAN_ENABLE, [1, 0]);
    board.clock.run(1000);
    const { dropped } = board.chip.controller.scanning;
    assert.ok(dropped > 3000, `${dropped}`);
    assert.ok(host.reports().length > 240 && host.reports().length < 270, `${host.reports().length}`);
    assert.ok(board.wire.chip.queued < 600);
  });

  it("reports nothing with the masks of a reset", () => {
    const { board, host } = plain();
    board.air.advertise();
    host.ok(SET_SCAN_ENABLE, [1, 0]);
    board.clock.run(1000);
    assert.equal(host.packets.length, 1);
  });

  it("stays silent while a mask forbids it", () => {
    const { board, host } = unmasked();
    board.air.advertise();
    host.ok(SET_SCAN_ENABLE, [1, 0]);
    // Bit 61 is LE Meta.
    for (const [opcode, off, on] of [
      [SET_EVENT_MASK, "ffffffffffffff1f", "ffffffffffffffff"],
      [0x2001, "fdffffffffffffff", "0200000000000000"],
    ] as const) {
      host.ok(opcode, unhex(off));
      board.clock.run(50);
      const before = host.packets.length;
      board.clock.run(500);
      assert.equal(host.packets.length, before);
      host.ok(opcode, unhex(on));
      board.clock.run(500);
      assert.ok(host.packets.length > before + 3);
    }
  });

  it("is off after a reset, with every setting at its default", () => {
    const { board, host } = unmasked();
    host.ok(SET_RANDOM_ADDRESS, [1, 2, 3, 4, 5, 0xc6]);
    host.ok(SET_ADV_PARAMETERS, advertising({ own: 1, type: 3 }));
    host.ok(SET_ADV_DATA, data("01"));
    host.ok(SET_ADV_ENABLE, [1]);
    host.ok(SET_SCAN_ENABLE, [1, 0]);
    host.ok(0x0c6d, [1, 0]);
    host.ok(SET_EVENT_MASK, new Uint8Array(8));
    host.ok(0x2011, [0, 1, 0, 0, 0, 0, 0]);
    host.ok(RESET);
    let sniffed = 0;
    board.air.sniff(() => sniffed++);
    board.clock.run(3000);
    assert.equal(sniffed, 0);
    assert.equal(board.clock.pending, 0);
    assert.equal(hex(host.command(0x0c6c)), "000000");
    host.ok(SET_ADV_ENABLE, [1]);
    const { heard } = board.air.observe();
    board.clock.run(1300);
    assert.equal(heard[0].pdu.type, PduType.ADV_IND);
    assert.equal(heard[0].pdu.data.length, 0);
    assert.equal(heard[0].pdu.address.random, 0);
    board.chip.hardwareError(1);
    board.clock.run(10);
    assert.equal(hex(host.packets.at(-1)!.bytes), "04100101");
  });
});
