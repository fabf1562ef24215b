import assert from "node:assert/strict";
import { createBoard } from "../../hal/mock/index.js";
import { addAdvertising } from "../../core/gap/advertiser.js";
import { addDirectTest } from "../../core/gap/directtest.js";
import { createOpen } from "../../core/bluetooth.js";
import { device, Peer } from "../support/links.js";
import { brief, hex, IMAGE, OP, plainRig, rejects, Rig, rig, type Bt } from "../support/rig.js";

const [RECEIVE, TRANSMIT, END] = [0x201d, 0x201e, 0x201f];
const ADVERT = "\x02\x01\x06";

/** What has gone to the chip since a mark: opcode and parameters, in hex. */
function sent(rig: Rig<any>, from: number): string[] {
  return rig.commands(from).map(({ opcode, parameters }) => `${opcode.toString(16)} ${hex(parameters)}`.trim());
}

/** What the callbacks of a test have been told, as text. */
function ear(): { said: string[]; begun: (error: Error | null) => void; ended: (error: Error | null, packets?: number) => void } {
  const said: string[] = [];
  return {
    said,
    begun: (error) => void said.push(error ? brief(error) : "begun"),
    ended: (error, packets) => void said.push(`${error ? brief(error) : "ended"} ${packets}`),
  };
}

describe("direct test mode", () => {
  it("sends the commands of Vol 4 Part E 7.8.28 to 7.8.30, byte for byte", () => {
    const made = plainRig().up();
    const { said, begun, ended } = ear();
    let mark = made.mark();
    made.bt.testtransmit(39, 255, 7, begun);
    assert.deepEqual(said, [], "told later");
    made.run(20);
    made.bt.testend(ended);
    made.run(20);
    made.bt.testreceive(0, begun);
    made.run(20);
    made.bt.testend(ended);
    made.run(20);
    assert.deepEqual(sent(made, mark), ["201e 27ff07", "201f", "201d 00", "201f"]);
    assert.deepEqual(said, ["begun", "ended 0", "begun", "ended 0"]);
    mark = made.mark();
    made.bt.testend(ended);
    assert.equal(said.length, 4, "told later");
    made.run(20);
    assert.deepEqual([said[4], ...sent(made, mark)], ["ended 0"], "where there is none there is no error, and no command");
  });

  it("counts what another device sends", () => {
    const one = plainRig().up();
    const two = plainRig({ board: { air: one.board.air } });
    two.up();
    const { said, begun, ended } = ear();
    one.bt.testreceive(12, begun);
    two.bt.testtransmit(12, 37, 0, begun);
    one.run(1000);
    two.bt.testend(ended);
    one.run(50);
    one.bt.testend(ended);
    one.run(50);
    assert.deepEqual(said.slice(0, 3), ["begun", "begun", "ended 0"]);
    assert.ok(Math.abs(Number(said[3].slice(6)) - 1600) < 10, said[3]);
  });

  it("takes advert and scan off the air first and brings them back after, though the chip takes neither beside a test", () => {
    const { rig: made, connections } = device();
    made.bt.startscan(() => {});
    made.run(100);
    assert.deepEqual(made.onair(), ["0:020106"]);
    const { said, begun, ended } = ear();
    const mark = made.mark();
    made.bt.testtransmit(0, 10, 2, begun);
    made.run(100);
    assert.deepEqual(sent(made, mark), ["200c 0000", "200a 00", "201e 000a02"]);
    // What is declared meanwhile waits.
    made.bt.startadvertise("\x03\x03\x0f\x18", 100, 100, "abc");
    made.bt.setscanparams(true, 20, 20);
    made.bt.onconnect(null);
    made.bt.onconnect((connection) => void connections.push(connection));
    assert.deepEqual(made.onair(2000), []);
    made.bt.testend(ended);
    assert.deepEqual(made.onair(2000), ["0:03030f18"]);
    const after = sent(made, mark);
    assert.ok(after.indexOf("201f") < after.lastIndexOf("200a 01") && after.indexOf("201f") < after.lastIndexOf("200c 0100"));
    assert.ok(after.includes("200b 01200020000100"), after.join(", "));
    assert.deepEqual([said, made.errors], [["begun", "ended 0"], []]);
    assert.deepEqual(made.board.chip.violations, []);
    new Peer(made).connect();
    assert.equal(connections.length, 1);
  });

  it("is declared like all else: before the chip is ready, one in place of the other, and over before it has begun", () => {
    const made = plainRig();
    const { said, begun, ended } = ear();
    made.bt.startadvertise(ADVERT, 100, 100);
    made.bt.testreceive(1, begun);
    made.bt.testreceive(2, begun);
    made.up();
    assert.deepEqual(made.onair(), []);
    assert.deepEqual(said, ["cancelled testreceive 0", "begun"]);
    let mark = made.mark();
    made.bt.testtransmit(3, 0, 5, begun);
    made.run(50);
    assert.deepEqual(sent(made, mark), ["201f", "201e 030005"]);
    mark = made.mark();
    made.bt.testend(ended);
    made.bt.testreceive(4, begun);
    assert.throws(() => made.bt.testend(ended), { code: "busy" });
    made.run(50);
    assert.deepEqual(sent(made, mark), ["201f", "201d 04"]);
    assert.deepEqual(said.slice(2), ["begun", "ended 0", "begun"]);
    made.bt.testend(ended);
    made.run(50);
    mark = made.mark();
    made.bt.testtransmit(5, 0, 0, begun);
    made.bt.testend(ended);
    made.run(500);
    assert.deepEqual(said.slice(5), ["ended 0", "cancelled testend 0", "ended 0"]);
    assert.deepEqual(made.onair(), ["3:020106"]);
    assert.equal(made.board.chip.violations.length, 0);
  });

  it("is refused where there is a connection or one is being made, and lets none begin", () => {
    const { rig: made } = device();
    const peer = new Peer(made).connect();
    for (const call of [() => made.bt.testtransmit(0, 0, 0), () => made.bt.testreceive(0)]) assert.throws(call, { code: "busy" });
    peer.central.disconnect();
    made.run(1000);
    made.bt.connect("112233445566", 0, () => {});
    assert.throws(() => made.bt.testreceive(0), { code: "busy", step: "testreceive" });
    made.bt.cancelconnect();
    made.run(1000);
    made.bt.testreceive(0);
    made.run(50);
    assert.throws(() => made.bt.connect("112233445566", 0, () => {}), { code: "busy", step: "connect", message: /a test has the radio/ });
    made.bt.testend();
    made.run(50);
    made.bt.connect("112233445566", 0, () => {});
    assert.deepEqual(made.errors, []);
  });

  it("ends a connection that is made in the last moment before it begins, and nobody hears of that one", () => {
    const { rig: made, connections } = device([], {}, {}, "plain");
    // To its end a connection takes an interval.
    const peer = new Peer(made, { interval: 500 });
    made.run(100);
    // The chip takes its time to switch the advert off: the peer is quicker.
    made.board.chip.hook = (opcode: number) => (opcode === OP.ADV_ENABLE ? { delay: 300 } : undefined);
    const { said, begun } = ear();
    made.bt.testreceive(7, begun);
    peer.central.connect(made.bt.address()!, 0, { timeout: 200 });
    made.run(250);
    assert.ok(peer.central.connected);
    made.run(3000);
    assert.deepEqual([peer.ends, connections.length, said], [[0x13], 0, ["begun"]]);
  });

  it("says why the chip refuses, does not try again, and gives the air back", () => {
    for (const told of [true, false]) {
      const made = plainRig({ board: { chip: { identity: { version: 7 } } } }).up();
      const { said, begun, ended } = ear();
      made.bt.startadvertise(ADVERT, 100, 100);
      made.run(100);
      const mark = made.mark();
      made.bt.testtransmit(0, 38, 0, told ? begun : undefined);
      made.run(60_000);
      assert.equal(sent(made, mark).filter((command) => command.startsWith("201")).length, 1);
      assert.deepEqual([said, made.errors.map(brief)], told ? [["refused test 18"], []] : [[], ["refused test 18"]]);
      assert.deepEqual(made.onair(), ["3:020106"]);
      made.bt.testend(ended);
      made.bt.testtransmit(0, 37, 0, begun);
      made.run(100);
      assert.deepEqual(said.slice(-2), ["ended 0", "begun"], "the next one is tried");
    }
  });

  it("asks again where an answer is lost: the test is ended first, because it may be running", () => {
    const made = rig().up();
    const { said, begun, ended } = ear();
    // The chip does it, and its answer is lost.
    const lose = (wanted: number, times: number): void => {
      made.board.chip.hook = (opcode, parameters) => {
        if (opcode !== wanted || times-- <= 0) return undefined;
        made.board.chip.controller.send = ((send) => (packet: Uint8Array) => {
          made.board.chip.controller.send = send;
          void packet;
        })(made.board.chip.controller.send);
        return void parameters;
      };
    };
    let mark = made.mark();
    lose(TRANSMIT, 1);
    made.bt.testtransmit(0, 0, 0, begun);
    made.run(10_000);
    const test = (command: string): boolean => command.startsWith("201");
    assert.deepEqual(sent(made, mark).filter(test), ["201e 000000", "201f", "201e 000000"]);
    assert.deepEqual(said, ["begun"]);
    mark = made.mark();
    lose(END, 1);
    made.bt.testend(ended);
    made.run(10_000);
    assert.deepEqual(sent(made, mark).filter(test), ["201f", "201f"]);
    // The second time there is nothing left to be ended: the number is lost.
    assert.deepEqual(said.slice(1), ["no-answer testend -1 0"]);
    assert.equal(made.errors.length, 0);
  });

  it("does not wait for ever: twice without an answer it gives up", () => {
    for (const [opcode, expected] of [[RECEIVE, ["no-answer test -1"]], [END, ["begun", "no-answer testend -1 0"]]] as const) {
      const made = plainRig().up();
      const { said, begun, ended } = ear();
      made.bt.startadvertise(ADVERT, 100, 100);
      made.board.chip.hook = (asked) => (asked === opcode ? "drop" : undefined);
      made.bt.testreceive(0, begun);
      made.run(100);
      if (opcode === END) made.bt.testend(ended);
      made.run(15_000);
      assert.deepEqual(said, expected);
      if (opcode === RECEIVE) assert.deepEqual(made.onair(), ["3:020106"]);
    }
  });

  it("begins anew after the chip had to be restarted, and the number says that it is not the whole", () => {
    const made = rig({ board: { seed: 3 } });
    const other = rig({ board: { air: made.board.air } });
    const { said, begun, ended } = ear();
    other.up();
    other.bt.testtransmit(20, 0, 0);
    made.bt.startadvertise(ADVERT, 100, 100);
    made.bt.testreceive(20, begun);
    made.run(6000);
    made.board.chip.hardwareError(3);
    made.board.clock.until(() => made.recovered.length > 0, 60_000);
    made.run(1000);
    made.bt.testend(ended);
    made.run(200);
    assert.equal(said[0], "begun");
    assert.match(said[1], /^restarted testend 0 1[56]\d\d$/);
    assert.deepEqual(made.onair(), ["3:020106"]);
    // One that is restarted while its end is under way.
    made.bt.testreceive(20, begun);
    made.run(200);
    made.board.chip.hook = (opcode) => (opcode === END ? "drop" : undefined);
    made.bt.testend(ended);
    made.board.chip.hardwareError(3);
    made.run(10_000);
    assert.deepEqual(said.slice(2), ["begun", "restarted testend 0 0"]);
    assert.deepEqual(made.onair(), ["3:020106"]);
  });

  it("names what is wrong with its arguments, and is closed with the instance", () => {
    const made = plainRig().up();
    const { bt } = made;
    rejects(() => bt.testtransmit(40, 0, 0), "testtransmit", "channel", 40, "0..39");
    rejects(() => bt.testtransmit(-1, 0, 0), "testtransmit", "channel", -1);
    rejects(() => bt.testtransmit(0, 256, 0), "testtransmit", "length", 256, "0..255");
    rejects(() => bt.testtransmit(0, 0, 8), "testtransmit", "payload", 8, "0..7");
    rejects(() => bt.testtransmit(0, 1.5, 0), "testtransmit", "length", 1.5);
    rejects(() => bt.testreceive("1" as any), "testreceive", "channel");
    rejects(() => bt.testreceive(0, 1 as any), "testreceive", "callback", 1);
    rejects(() => bt.testend(1 as any), "testend", "callback", 1);
    const { said, begun, ended } = ear();
    bt.testreceive(0, begun);
    made.run(50);
    bt.testend(ended);
    bt.close();
    made.gone();
    assert.deepEqual(said, ["begun"]);
    for (const call of [() => bt.testreceive(0), () => bt.testtransmit(0, 0, 0), () => bt.testend()]) assert.throws(call, { code: "closed" });
  });

  it("may be called from inside its callbacks", () => {
    const made = plainRig().up();
    const said: string[] = [];
    let left = 3;
    const next = (error: Error | null): void => {
      assert.equal(error, null);
      made.bt.testend((wrong, packets) => {
        said.push(`${wrong} ${packets}`);
        if (--left > 0) made.bt.testreceive(left, next);
        else made.bt.close();
      });
    };
    made.bt.testreceive(0, next);
    made.run(1000);
    assert.deepEqual(said, ["null 0", "null 0", "null 0"]);
    made.gone();
  });

  it("is a part: a beacon can be built with it and nothing else", () => {
    const board = createBoard();
    const open = createOpen<any>([addAdvertising, addDirectTest], 258);
    const bt = open(board.hal, IMAGE) as Pick<Bt, "testtransmit" | "testend" | "startadvertise" | "close">;
    const { said, begun, ended } = ear();
    const heard: number[] = [];
    board.air.sniff(({ pdu }) => void heard.push(pdu.type));
    bt.startadvertise(ADVERT, 100, 100);
    bt.testtransmit(0, 0, 0, begun);
    board.clock.run(10_000);
    assert.deepEqual([said, heard], [["begun"], []]);
    bt.testend(ended);
    board.clock.run(1000);
    assert.equal(said[1], "ended 0");
    assert.ok(heard.length > 5);
    bt.close();
  });
});
