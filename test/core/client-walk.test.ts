import assert from "node:assert/strict";
import type { AskingConnection, RemoteTable } from "../../core/gatt/client.js";
import type { Options } from "../../core/options.js";
import { Random } from "../../hal/mock/index.js";
import { hex, unhex } from "../support/rig.js";
import { asked, attributes, le, meet, Model, type Asked } from "../support/server.js";

const LONG = "fada47bec45548c9a5f2af7cf368d719";
const LIMIT = 64;
/** A discovery asks at most once for each entry, once for each characteristic's descriptors, and a little. */
const MOST = 2 * LIMIT + 12;

function table() {
  return attributes([
    { uuid: "1800", chars: [{ uuid: "2a00", value: "41" }] },
    {
      uuid: "1801",
      chars: [
        { uuid: "2a05", flags: 0x20, descriptors: [{ uuid: "2902", value: "0000" }] },
        { uuid: "2b2a", value: "00112233445566778899aabbccddeeff" },
      ],
    },
    { uuid: "180f", secondary: true, chars: [{ uuid: "2a19", flags: 0x12, value: "32", descriptors: [{ uuid: "2902" }, { uuid: "2901" }] }] },
    { uuid: LONG, includes: [9], chars: [{ uuid: "5eba1111c45548c9a5f2af7cf368d719", flags: 0x3a, value: "ab".repeat(60), descriptors: [{ uuid: "2902" }] }] },
  ]);
}

function garbage(random: Random, longest: number): string {
  const bytes = new Uint8Array(random.below(longest));
  random.fill(bytes);
  return hex(bytes);
}

/** An answer that is nearly right. */
function mutate(random: Random, good: string, other: string): string {
  const bytes = unhex(good);
  const at = random.below(Math.max(1, bytes.length));
  switch (random.below(10)) {
    case 0:
      bytes[at] = random.below(256);
      return hex(bytes);
    case 1:
      bytes[at] ^= 1 << random.below(8);
      return hex(bytes);
    case 2:
      return good.slice(0, 2 * at);
    case 3:
      return good + garbage(random, 40);
    case 4:
      return hex([random.below(256)]) + good.slice(2);
    case 5:
      // The length of an entry.
      return good.slice(0, 2) + hex([random.below(32)]) + good.slice(4);
    case 6:
      return good + good.slice(4);
    case 7:
      return "01" + other.slice(0, 2) + le(random.below(65536)) + hex([random.below(256)]);
    case 8:
      // Handles at the ends of their range.
      return good.slice(0, 4) + ["0000", "ffff", "0100", "feff"][random.below(4)] + good.slice(8);
    default:
      return good.slice(0, 4) + good.slice(4, 8) + ["0000", "ffff", "0100", "feff"][random.below(4)] + good.slice(12);
  }
}

/** How many things hang on a connection, buffers and the instance aside. */
function weight(connection: AskingConnection): number {
  let count = 0;
  const seen = new Set<unknown>();
  const visit = (value: any, depth: number): void => {
    if (value === null || typeof value !== "object" || seen.has(value) || ArrayBuffer.isView(value) || depth > 8) return;
    seen.add(value);
    for (const name of Object.keys(value)) {
      if (name === "_host") continue;
      count++;
      visit(value[name], depth + 1);
    }
  };
  visit(connection, 0);
  return count;
}

function walk(seed: number, answers: number, options: Options = {}): { done: number; links: number; codes: Set<string> } {
  const random = new Random(seed);
  const calls: { name: string; count: number }[] = [];
  const codes = new Set<string>();
  let model = new Model(table(), { mtu: 100 });
  let given = 0;
  let since = 0;
  let links = 1;
  let last = "0b";
  let kept: RemoteTable | null = null;
  const respond = (pdu: string): string[] => {
    given++;
    assert.ok(++since <= MOST, `${since} requests for one operation, the last ${pdu}`);
    const good = model.respond(pdu);
    const said: string[] = [];
    // What a peer may say besides.
    if (random.below(8) === 0) {
      said.push(["1b" + le(random.below(30)) + "aa", "1d" + le(random.below(30)) + "bb", "23" + garbage(random, 30), "1d" + garbage(random, 3), "0a0300", "1e", "52" + garbage(random, 9)][random.below(7)]);
    }
    const choice = random.below(100);
    if (good === null) return said;
    if (choice < 55) said.push(good);
    else if (choice < 85) said.push(mutate(random, good, pdu));
    else if (choice < 93) said.push(garbage(random, 60));
    else if (choice < 96) said.push(last);
    else if (choice < 98) said.push(good, good);
    else if (choice === 98) at.server.disconnect();
    // Else it says nothing, which ends the connection after 30 s.
    last = good;
    return said;
  };
  const at: Asked = asked(respond, { discovery: LIMIT, ...options });
  let connection = at.connection;
  let closed = false;
  connection.onclose(() => (closed = true));

  /** Waits until all operations have ended. */
  const settle = (): void => {
    const before = calls.length;
    at.rig.clock.until(() => calls.every(({ count }) => count > 0), 100_000);
    // A doubled answer comes later.
    at.rig.run(random.below(3) * 60);
    assert.equal(calls.length, before);
    for (const { name, count } of calls.splice(0)) assert.equal(count, 1, `${name} has been called ${count} times`);
  };
  const once = (name: string) => {
    const entry = { name, count: 0 };
    calls.push(entry);
    return (error: any): void => {
      since = 0;
      entry.count++;
      if (error) {
        codes.add(error.code);
        assert.ok(["att", "timeout", "disconnected", "malformed", "too-many"].includes(error.code), error.code);
      } else codes.add("ok");
    };
  };
  const perform = (): void => {
    const characteristic = ["2a19", "2a00", "5eba1111c45548c9a5f2af7cf368d719", 3, 21, 999][random.below(6)];
    try {
      switch (random.below(7)) {
        case 0:
        case 1: {
          const done = once("discover");
          connection.discover((error, _services, found) => {
            done(error);
            if (!found) return;
            kept = JSON.parse(JSON.stringify(found)) as RemoteTable;
            let entries = 0;
            for (const { handle, end, chars, includes } of found.services) {
              entries += 1 + chars.length + includes.length;
              assert.ok(handle >= 1 && handle <= end && end <= 0xffff);
              for (const one of chars) {
                entries += one.descriptors.length;
                assert.ok(one.handle > handle && one.handle <= end && one.flags >= 0 && one.flags <= 255);
                assert.match(one.uuid, /^([0-9a-f]{4}|[0-9a-f]{32})$/);
                for (const each of one.descriptors) assert.ok(each.handle > one.handle && each.handle <= end);
              }
            }
            assert.ok(entries <= LIMIT, `${entries} entries`);
          }, random.below(2) ? kept : null);
          break;
        }
        case 2:
          connection.read(characteristic, once("read"));
          break;
        case 3:
          connection.write(characteristic, new Uint8Array(random.below(4) ? random.below(20) : random.below(513)), once("write"));
          break;
        case 4:
          connection.subscribe(characteristic, random.below(3) ? () => {} : null, once("subscribe"));
          break;
        case 5:
          connection.send(characteristic, new Uint8Array(random.below(21)));
          break;
        default:
          connection.read(characteristic, once("read"));
          connection.write(characteristic, "x", once("write"));
      }
    } catch (error: any) {
      // What has not been discovered is refused at once; then the callback is never called.
      assert.ok(error.code === "argument" || error.code === "disconnected", error.stack);
      calls.pop();
    }
  };

  /** Where the connection has ended, makes another. */
  const again = (): void => {
    if (!closed) return;
    closed = false;
    links++;
    at.rig.run(5000);
    at.server.advertise();
    model = new Model(table(), { mtu: 100 });
    connection = meet(at.rig, at.server);
    connection.onclose(() => (closed = true));
  };

  while (given < answers) {
    for (let i = random.below(4); i >= 0; i--) perform();
    since = 0;
    settle();
    assert.ok(weight(connection) < 1200, `${weight(connection)} things hang on a connection`);
    assert.ok(at.rig.board.timers < 8, `${at.rig.board.timers} timers`);
    again();
  }
  // After all that a peer that behaves is served as ever.
  at.server.respond = () => null;
  at.rig.run(1000);
  again();
  const honest = new Model(table(), { mtu: 517 });
  honest.mtu = connection.mtu();
  at.server.respond = honest.respond;
  let found = 0;
  connection.discover((error, services) => {
    assert.equal(error, null);
    found = services!.length;
  });
  at.rig.run(10_000);
  assert.equal(found, 4);
  assert.deepEqual(at.rig.errors.map(({ message }) => message), []);
  assert.deepEqual(at.rig.board.chip.violations, []);
  assert.equal(at.rig.bt.counters().exceptions, 0);
  return { done: given, links, codes };
}

describe("a random walk of answers", () => {
  for (let seed = 1; seed <= 5; seed++) {
    it(`calls each callback once, asks within bounds, leaves nothing behind: seed ${seed}`, function () {
      this.timeout(60_000);
      const { codes, links } = walk(seed, 1000);
      for (const code of ["ok", "att", "malformed", "disconnected", "timeout"]) assert.ok(codes.has(code), `has met ${code}`);
      assert.ok(links > 3);
    });
  }

  it("the same with the sizes of a microcontroller", function () {
    this.timeout(60_000);
    const { links } = walk(6, 1000, { mtu: 23, queue: 4, links: 1, receive: 512 });
    assert.ok(links > 3);
  });
});
