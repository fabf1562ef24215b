import assert from "node:assert/strict";
import { Air, createBoard, testInterval, testPayload, VirtualClock, type Board, type PlainController } from "../../hal/mock/index.js";
import { hex, RawHost } from "./rawhost.js";

const [RECEIVE, TRANSMIT, END] = [0x201d, 0x201e, 0x201f];
const DISALLOWED = 0x0c;
const INVALID = 0x12;

function pair(version = 9): { air: Air; boards: Board<PlainController>[]; hosts: RawHost[] } {
  const air = new Air(new VirtualClock());
  const boards = [1, 2].map((seed) => createBoard({ air, seed, part: "plain", chip: { identity: { version } } }));
  const hosts = boards.map((board) => new RawHost(board));
  for (const host of hosts) host.open();
  return { air, boards, hosts };
}

describe("mock: direct test mode", () => {
  it("makes the payloads of Vol 6 Part F 4.1.5", () => {
    // The first octets of PRBS9 as the specification lists its bits, the first to be sent in the least significant bit.
    const bits = "1111 1111 1000 0011 1101 1111 0001 0111 0011 0010 0000 1001 0100 1110 1101 0001".replaceAll(" ", "");
    const octets = bits.match(/.{8}/g)!.map((octet) => parseInt([...octet].reverse().join(""), 2));
    assert.deepEqual([...testPayload(0, 8)], octets);
    // After 511 bits it begins anew: octet 64 is the first seven bits and the last one before.
    const whole = [...testPayload(0, 128)].flatMap((octet) => [0, 1, 2, 3, 4, 5, 6, 7].map((bit) => (octet >> bit) & 1));
    assert.deepEqual(whole.slice(511, 1022), whole.slice(0, 511));
    assert.equal(whole.slice(0, 511).reduce((sum, bit) => sum + bit), 256, "256 ones, 255 zeros");
    const long = [...testPayload(3, 8192)].flatMap((octet) => [0, 1, 2, 3, 4, 5, 6, 7].map((bit) => (octet >> bit) & 1));
    assert.deepEqual(long.slice(32767, 65534), long.slice(0, 32767), "PRBS15");
    assert.equal(long.slice(0, 32767).reduce((sum, bit) => sum + bit), 16384);
    assert.deepEqual([1, 2, 4, 5, 6, 7].map((type) => hex(testPayload(type, 2))), ["0f0f", "5555", "ffff", "0000", "f0f0", "aaaa"]);
  });

  it("counts on one channel what another chip sends, in the interval of Vol 6 Part F 4.1.6", () => {
    const { air, boards, hosts } = pair();
    const sent: { time: number; channel: number; type: number; payload: string }[] = [];
    air.sniffTests(({ time, channel, pdu }) => void sent.push({ time, channel, type: pdu.type, payload: hex(pdu.payload) }));
    for (const [length, interval] of [[0, 0.625], [37, 0.625], [38, 1.25], [255, 2.5]]) {
      assert.equal(testInterval(length), interval);
      sent.length = 0;
      hosts[0].ok(RECEIVE, [19]);
      hosts[1].ok(TRANSMIT, [19, length, 1]);
      boards[0].clock.run(1000);
      assert.deepEqual([...hosts[1].command(END)], [0, 0, 0], "a test that sends counts nothing");
      const count = hosts[0].command(END);
      assert.equal(count[0], 0);
      assert.equal(count[1] | (count[2] << 8), sent.length);
      assert.ok(Math.abs(sent.length - 1000 / interval) < 6, `${sent.length} of ${length} octets`);
      assert.ok(sent.every((packet) => packet.channel === 19 && packet.type === 1 && packet.payload === "0f".repeat(length)));
      assert.ok(Math.abs(sent[9].time - sent[8].time - interval) < 1e-6);
    }
  });

  it("does not hear other channels, what is out of range, or what gets lost", () => {
    const { air, boards, hosts } = pair();
    const count = (): number => {
      hosts[1].ok(TRANSMIT, [5, 0, 0]);
      boards[0].clock.run(100);
      hosts[1].ok(0x0c03);
      const [status, low, high] = hosts[0].command(END);
      assert.equal(status, 0);
      return low | (high << 8);
    };
    hosts[0].ok(RECEIVE, [4]);
    assert.equal(count(), 0);
    hosts[0].ok(RECEIVE, [5]);
    const all = count();
    assert.ok(all > 150);
    air.testFault = (_from, _to, _channel, index) => index % 2 === 0;
    hosts[0].ok(RECEIVE, [5]);
    assert.ok(Math.abs(count() - all / 2) <= 2);
    air.testFault = undefined;
    air.rssi = () => null;
    hosts[0].ok(RECEIVE, [5]);
    assert.equal(count(), 0);
  });

  it("refuses what is out of its bounds, and what stands in each other's way", () => {
    const { hosts } = pair();
    const [host] = hosts;
    assert.equal(host.status(END), DISALLOWED, "no test");
    assert.equal(host.status(RECEIVE, [40]), INVALID);
    assert.equal(host.status(TRANSMIT, [40, 0, 0]), INVALID);
    assert.equal(host.status(TRANSMIT, [0, 0, 8]), INVALID);
    assert.equal(host.status(TRANSMIT, [0, 0]), INVALID);
    host.ok(TRANSMIT, [39, 255, 7]);
    assert.equal(host.status(RECEIVE, [0]), DISALLOWED, "a second test");
    assert.equal(host.status(0x200a, [1]), DISALLOWED, "advertising");
    assert.equal(host.status(0x200c, [1, 0]), DISALLOWED, "scanning");
    host.ok(0x200a, [0]);
    host.ok(0x200c, [0, 0]);
    assert.deepEqual([...host.command(END)], [0, 0, 0]);
    host.ok(0x200a, [1]);
    assert.equal(host.status(RECEIVE, [0]), DISALLOWED, "while it advertises");
    host.ok(0x200a, [0]);
    host.ok(0x200c, [1, 0]);
    assert.equal(host.status(TRANSMIT, [0, 0, 0]), DISALLOWED, "while it scans");
    host.ok(0x0c03);
    host.ok(RECEIVE, [0]);
    host.ok(0x0c03);
    assert.equal(host.status(END), DISALLOWED, "Reset has ended it");
    const [old] = pair(7).hosts;
    assert.equal(old.status(TRANSMIT, [0, 38, 0]), INVALID, "before 4.2");
    old.ok(TRANSMIT, [0, 37, 0]);
  });
});
