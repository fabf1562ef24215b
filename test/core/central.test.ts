import assert from "node:assert/strict";
import type { AskingConnection } from "../../core/gatt/client.js";
import type { Options } from "../../core/options.js";
import type { BoardOptions, HookAnswer } from "../../hal/mock/index.js";
import { hex, plainRig, rejects, rig, unhex, type Rig } from "../support/rig.js";
import { Notes, Server, reversed } from "../support/server.js";

const CREATE = 0x200d;
const CANCEL = 0x200e;
const DISCONNECT = 0x0406;
const PEER = "00a0c0112233";
const ABSENT = "00a0c0998877";

/** A device at level 1 that is up. */
function central(options: Options = {}, board: BoardOptions<any> = {}): Rig<any> {
  const made = rig({ options, board });
  made.bt.setsecurity(1);
  // Until the hash of the services has been made.
  return made.up().run(300);
}

/** Notes what connect() is told: "name connected ADDRESS", or the error. */
class Attempts extends Notes {
  connections: AskingConnection[] = [];

  /** What goes with an end that the application itself has set does not matter. */
  override as(name: string): (error: Error | null, value?: unknown) => void {
    const note = super.as(name);
    return (error, value) => {
      note(error, value);
      this.list.push(this.list.pop()!.replace(/ (timeout|cancelled) .*/, " $1"));
    };
  }

  to(name: string): (error: Error | null, connection?: AskingConnection) => void {
    return (error, connection) => {
      if (!error) this.connections.push(connection!);
      this.as(name)(error, error ? undefined : `connected ${connection!.address()}`);
    };
  }
}

/** Opcodes of the commands that the chip has had since a mark. */
function opcodes(rig: Rig<any>, from: number): number[] {
  return rig.board.chip.log.slice(from).map(({ opcode }: { opcode: number }) => opcode);
}

/** LE Connection Complete as a controller sends it. */
function completion(status: number, handle = 0x0077, address = PEER, role = 0): Uint8Array {
  return Uint8Array.from([4, 0x3e, 19, 1, status, handle & 255, handle >> 8, role, 0, ...unhex(reversed(address)), 40, 0, 0, 0, 0x90, 1, 0]);
}

/** A chip that answers a command by its Command Status. */
function status(opcode: number, code: number): HookAnswer {
  return { bytes: Uint8Array.from([4, 0x0f, 4, code, 1, opcode & 255, opcode >> 8]) };
}

describe("connecting", () => {
  it("sends LE Create Connection with the parameters that are documented", () => {
    for (const [type, address] of [
      [0, "00:A0:C0:11:22:33"],
      [1, "c0a0c0112233"],
    ] as const) {
      const made = central();
      const from = made.board.chip.log.length;
      made.bt.connect(address, type, () => {});
      made.run(200);
      const { parameters } = made.board.chip.log.slice(from).find(({ opcode }: { opcode: number }) => opcode === CREATE)!;
      // 30 of 60 ms; no accept list; the peer; our random address (this chip has none of its own); 30 to 50 ms, no latency, 4 s; no lengths of events.
      assert.equal(hex(parameters), "60003000" + "00" + `0${type}` + reversed(address.replace(/:/g, "").toLowerCase()) + "01" + "180028000000" + "9001" + "00000000");
      assert.equal(made.board.chip.count(CREATE), 1);
      assert.deepEqual(made.board.chip.violations, []);
    }
  });

  it("uses the kind of address that the device has", () => {
    const made = plainRig({ options: { mac: "c00102030405" } });
    made.bt.setsecurity(1);
    made.up();
    made.bt.connect(ABSENT, 0, () => {});
    made.run(200);
    const { parameters } = made.board.chip.log.find(({ opcode }: { opcode: number }) => opcode === CREATE)!;
    assert.equal(parameters[12], 1);
    const other = plainRig();
    other.up();
    other.bt.connect(ABSENT, 0, () => {});
    other.run(200);
    assert.equal(other.board.chip.log.find(({ opcode }: { opcode: number }) => opcode === CREATE)!.parameters[12], 0);
  });

  it("gives the connection: address, parameters, MTU; the peer sees it", () => {
    const made = central();
    const server = new Server(made.board.air);
    const told = new Attempts();
    made.bt.connect(PEER, 0, told.to("a"));
    made.run(1000);
    assert.deepEqual(told.list, [`a "connected ${PEER}"`]);
    const [connection] = told.connections;
    assert.equal(connection.address(), PEER);
    assert.equal(connection.addresstype(), 0);
    assert.equal(connection.mtu(), 23);
    assert.equal(connection.security(), 1);
    assert.equal(server.connections, 1);
    let dbm = 0;
    connection.rssi((value) => (dbm = value));
    made.run(100);
    assert.ok(dbm < 0 && dbm > -127);
    connection.close();
    made.run(500);
    assert.deepEqual(server.ends, [0x13]);
    assert.equal(made.board.chip.count(CANCEL), 0);
    // The time limit has gone with the attempt.
    made.run(10_000);
    assert.equal(told.list.length, 1);
  });

  it("asked for before the chip is ready it begins when that is", () => {
    const made = rig();
    made.bt.setsecurity(1);
    const server = new Server(made.board.air);
    const told = new Attempts();
    made.bt.connect(PEER, 0, told.to("a"), 20_000);
    made.up();
    made.run(1000);
    assert.deepEqual(told.list, [`a "connected ${PEER}"`]);
    assert.equal(server.connections, 1);
  });

  it("refuses bad arguments at once", () => {
    const { bt } = central();
    const connect = bt.connect as any;
    for (const address of [undefined, null, 5, "", "00a0c011223", "00a0c01122334", "00a0c011223g", "00a0c011__33", {}]) rejects(() => connect(address, 0, () => {}), "connect", "address");
    for (const type of [undefined, null, -1, 2, 0.5, "0", NaN]) rejects(() => connect(PEER, type, () => {}), "connect", "addresstype");
    for (const callback of [undefined, null, 5, "x"]) rejects(() => connect(PEER, 0, callback), "connect", "callback");
    for (const limit of [null, 0, 99, 60_001, 100.5, "5000", Infinity, NaN]) rejects(() => connect(PEER, 0, () => {}, limit), "connect", "timeoutms");
  });

  it("says busy during another attempt, and leaves that alone", () => {
    const made = central();
    const told = new Attempts();
    made.bt.connect(ABSENT, 0, told.to("a"), 1000);
    assert.throws(() => made.bt.connect(PEER, 0, told.to("b")), (error: any) => error.code === "busy" && error.step === "connect");
    made.run(500);
    assert.throws(() => made.bt.connect(PEER, 0, told.to("b")), (error: any) => error.code === "busy");
    made.run(2000);
    assert.deepEqual(told.list, ["a timeout"]);
  });

  it("says busy where all connections are in use", () => {
    const made = central({ links: 1 });
    const server = new Server(made.board.air);
    const told = new Attempts();
    made.bt.connect(PEER, 0, told.to("a"));
    made.run(1000);
    assert.equal(told.connections.length, 1);
    assert.throws(() => made.bt.connect(ABSENT, 0, told.to("b")), (error: any) => error.code === "busy");
    told.connections[0].close();
    made.run(500);
    server.advertise();
    made.bt.connect(PEER, 0, told.to("c"));
    made.run(1000);
    assert.deepEqual(told.list, [`a "connected ${PEER}"`, `c "connected ${PEER}"`]);
  });

  it("says closed on an instance that is", () => {
    const { bt } = central();
    bt.close();
    assert.throws(() => bt.connect(PEER, 0, () => {}), (error: any) => error.code === "closed");
    bt.cancelconnect();
  });

  it("may be called from inside of what it calls", () => {
    const made = central();
    const told = new Attempts();
    const server = new Server(made.board.air);
    made.bt.connect(
      ABSENT,
      0,
      (error) => {
        told.as("a")(error);
        made.bt.connect(PEER, 0, (error, connection) => {
          told.to("b")(error, connection);
          connection!.close();
          made.bt.connect(ABSENT, 0, told.to("c"), 300);
        });
      },
      300,
    );
    made.run(3000);
    assert.deepEqual(told.list, ["a timeout", `b "connected ${PEER}"`, "c timeout"]);
    assert.deepEqual(server.ends, [0x13]);
  });

  it("goes on after a callback that throws", () => {
    const made = central();
    new Server(made.board.air);
    made.bt.connect(PEER, 0, () => {
      throw new Error("mine");
    });
    made.run(1000);
    assert.deepEqual(made.errors.map(({ message }) => message), ["mine"]);
  });

  it("understands the Enhanced Connection Complete of newer chips", () => {
    const made = central();
    const told = new Attempts();
    made.board.chip.hook = (opcode: number) => (opcode === CREATE || opcode === DISCONNECT ? status(opcode, 0) : undefined);
    made.bt.connect(PEER, 0, told.to("a"));
    made.run(100);
    // No resolvable addresses: 12 zeros between the peer's address and the interval.
    made.board.chip.inject(Uint8Array.from([4, 0x3e, 31, 0x0a, 0, 0x77, 0, 0, 0, ...unhex(reversed(PEER)), ...new Uint8Array(12), 40, 0, 0, 0, 0x90, 1, 0]));
    made.run(100);
    assert.deepEqual(told.list, [`a "connected ${PEER}"`]);
  });

  it("survives an application that closes everything in the callback", () => {
    const made = central();
    const server = new Server(made.board.air);
    const told = new Attempts();
    made.bt.connect(PEER, 0, (error, connection) => {
      told.to("a")(error, connection);
      connection!.discover(told.as("discover"));
      made.bt.close();
      made.bt.cancelconnect();
    });
    made.run(3000);
    assert.deepEqual(told.list, [`a "connected ${PEER}"`]);
    made.gone();
    assert.equal(server.handle, -1);
  });

  it("ends with the connection's end where the peer never answers the request", () => {
    const made = central();
    const server = new Server(made.board.air);
    const told = new Attempts();
    const closed: number[] = [];
    made.bt.connect(PEER, 0, (error, connection) => {
      told.to("a")(error, connection);
      connection!.onclose((reason) => void closed.push(reason));
      server.vanish();
    });
    made.run(8000);
    assert.equal(told.list.length, 1);
    assert.equal(closed.length, 1);
    assert.ok(closed[0] === 0x08 || closed[0] === 0x3e);
  });
});

describe("connecting to a device that is not there", () => {
  for (const [limit, what] of [
    [undefined, 5000],
    [100, 100],
    [1234, 1234],
    [60_000, 60_000],
  ] as const) {
    it(`ends with "timeout" after ${what} ms${limit ? "" : " where no limit is given"}: cancelled, and the answer awaited`, () => {
      const made = central();
      const told = new Attempts();
      const from = made.board.chip.log.length;
      const began = made.now;
      made.bt.connect(ABSENT, 0, told.to("a"), limit);
      made.run(what - 2);
      assert.deepEqual(told.list, []);
      assert.ok(!opcodes(made, from).includes(CANCEL));
      made.clock.until(() => told.list.length > 0, 1000);
      assert.ok(made.now - began < what + 50, `${made.now - began} ms`);
      assert.deepEqual(told.list, ["a timeout"]);
      assert.deepEqual(
        opcodes(made, from).filter((opcode) => opcode === CREATE || opcode === CANCEL),
        [CREATE, CANCEL],
      );
      assert.equal(made.board.chip.controller.connections.initiating, false);
      made.run(70_000);
      assert.equal(told.list.length, 1);
      assert.deepEqual(made.errors, []);
      assert.deepEqual(made.board.chip.violations, []);
    });
  }

  it("tells the application only when the chip has given up", () => {
    const made = central();
    const told = new Attempts();
    made.board.chip.hook = (opcode: number) => (opcode === CANCEL ? { delay: 300 } : undefined);
    made.bt.connect(ABSENT, 0, told.to("a"), 1000);
    made.run(1200);
    assert.deepEqual(told.list, []);
    assert.throws(() => made.bt.connect(PEER, 0, () => {}), (error: any) => error.code === "busy");
    made.run(200);
    assert.deepEqual(told.list, ["a timeout"]);
  });

  it("does not wait for ever for a chip that does not give up", () => {
    const made = central();
    const told = new Attempts();
    // It takes the command, and there it stays: no Connection Complete.
    made.board.chip.hook = (opcode: number) => (opcode === CANCEL ? { bytes: Uint8Array.from([4, 0x0e, 4, 1, 0x0e, 0x20, 0]) } : undefined);
    made.bt.connect(ABSENT, 0, told.to("a"), 1000);
    made.run(5000);
    assert.deepEqual(told.list, ["a timeout"]);
  });

  it("does not wait for ever for a chip that does not answer the cancellation", () => {
    const made = central();
    const told = new Attempts();
    made.board.chip.hook = (opcode: number) => (opcode === CANCEL ? "drop" : undefined);
    made.bt.connect(ABSENT, 0, told.to("a"), 1000);
    made.run(10_000);
    assert.deepEqual(told.list, ["a timeout"]);
  });

  it("can connect again afterwards, even where the chip's answer was lost", () => {
    const made = central();
    const told = new Attempts();
    let lost = 1;
    made.board.chip.hook = (opcode: number) => (opcode === CANCEL && lost-- > 0 ? "drop" : undefined);
    made.bt.connect(ABSENT, 0, told.to("a"), 1000);
    made.run(10_000);
    const server = new Server(made.board.air);
    made.bt.connect(PEER, 0, told.to("b"));
    made.run(10_000);
    assert.deepEqual(told.list, ["a timeout", `b "connected ${PEER}"`]);
    assert.equal(server.connections, 1);
  });

  it("counts the time before the chip is ready", () => {
    const made = rig();
    made.bt.setsecurity(1);
    const told = new Attempts();
    made.bt.connect(ABSENT, 0, told.to("a"), 100);
    made.run(150);
    assert.deepEqual(told.list, ["a timeout"]);
    assert.equal(made.ready.length, 0);
    made.up();
    made.run(1000);
    assert.equal(made.board.chip.count(CREATE), 0);
  });
});

describe("giving up", () => {
  it("without an attempt does nothing", () => {
    const made = central();
    const from = made.board.chip.log.length;
    made.bt.cancelconnect();
    made.run(100);
    assert.deepEqual(opcodes(made, from), []);
  });

  it("is heard of as cancelled, at every moment, once, and later than the call", () => {
    // From the call until long after the command has been answered; in steps shorter than a byte takes.
    for (let at = 0; at <= 14; at += 0.5) {
      const made = central();
      made.bt.startscan(() => {});
      made.run(100);
      const told = new Attempts();
      made.bt.connect(ABSENT, 0, told.to("a"), 3000);
      made.run(at);
      assert.deepEqual(told.list, []);
      made.bt.cancelconnect();
      made.bt.cancelconnect();
      assert.deepEqual(told.list, [], "not from within the call");
      made.run(100);
      assert.deepEqual(told.list, ["a cancelled"], `after ${at} ms`);
      assert.equal(made.board.chip.controller.connections.initiating, false, `after ${at} ms`);
      assert.equal(made.board.chip.controller.scanning.on, true, "the scan goes on");
      made.run(5000);
      assert.equal(told.list.length, 1);
      assert.deepEqual(made.errors, []);
      assert.deepEqual(made.board.chip.violations, []);
    }
  });

  it("before the chip is ready needs no chip", () => {
    const made = rig();
    made.bt.setsecurity(1);
    const told = new Attempts();
    made.bt.connect(ABSENT, 0, told.to("a"), 20_000);
    made.run(10);
    made.bt.cancelconnect();
    made.run(1);
    assert.deepEqual(told.list, ["a cancelled"]);
    made.up();
    made.run(1000);
    assert.equal(made.board.chip.count(CREATE), 0);
  });

  it("at every moment around the connection: either there is one, or it is cancelled and the peer is let go", () => {
    const outcomes = { connected: 0, cancelled: 0, let: 0 };
    for (let at = 0; at < 60; at += 0.7) {
      const made = central();
      const server = new Server(made.board.air);
      made.run(50);
      const told = new Attempts();
      made.bt.connect(PEER, 0, told.to("a"));
      made.run(at);
      made.bt.cancelconnect();
      made.run(3000);
      assert.equal(told.list.length, 1, `after ${at} ms`);
      if (told.list[0].includes("connected")) {
        outcomes.connected++;
        assert.ok(server.handle >= 0);
      } else {
        assert.equal(told.list[0], "a cancelled");
        outcomes.cancelled++;
        assert.equal(server.handle, -1, "the peer is free");
        outcomes.let += server.connections;
        assert.equal(made.board.chip.controller.connections.all.length, 0);
      }
      assert.deepEqual(made.errors, []);
      assert.deepEqual(made.board.chip.violations, []);
    }
    assert.ok(outcomes.connected > 5 && outcomes.cancelled > 5, JSON.stringify(outcomes));
  });

  for (const way of ["cancelled", "timeout"]) {
    it(`lets a connection go that comes in spite of it (${way})`, () => {
      const made = central();
      const server = new Server(made.board.air);
      server.advertise(false);
      const told = new Attempts();
      // The chip is slow: it connects while the cancellation is on its way.
      made.board.chip.hook = (opcode: number) => {
        if (opcode === CANCEL) server.advertise();
        return opcode === CANCEL ? { delay: 200 } : undefined;
      };
      made.bt.connect(PEER, 0, told.to("a"), 1000);
      made.run(500);
      if (way === "cancelled") made.bt.cancelconnect();
      made.run(3000);
      assert.deepEqual(told.list, [`a ${way}`]);
      assert.equal(server.connections, 1, "the race has been run");
      assert.deepEqual(server.ends, [0x13]);
      assert.deepEqual(made.errors, []);
      assert.equal(made.recovered.length, 0);
      // All is as before.
      made.board.chip.hook = undefined;
      server.advertise();
      made.bt.connect(PEER, 0, told.to("b"));
      made.run(1000);
      assert.equal(told.list.at(-1), `b "connected ${PEER}"`);
    });
  }

  it("lets a connection go that comes long after it", () => {
    const made = central();
    const told = new Attempts();
    made.board.chip.hook = (opcode: number) => (opcode === CANCEL ? "drop" : undefined);
    made.bt.connect(ABSENT, 0, told.to("a"), 500);
    made.run(8000);
    assert.deepEqual(told.list, ["a timeout"]);
    made.board.chip.hook = (opcode: number) => (opcode === DISCONNECT ? status(DISCONNECT, 0) : undefined);
    made.board.chip.inject(completion(0));
    // Another cancellation may be under way, which this chip does not answer either.
    made.run(5000);
    const sent = made.board.chip.log.filter(({ opcode }: { opcode: number }) => opcode === DISCONNECT);
    assert.equal(hex(sent[0]?.parameters ?? []), "770013");
    made.board.chip.inject(Uint8Array.from([4, 5, 4, 0, 0x77, 0, 0x16]));
    made.run(1000);
    // That its cancellation is never answered may be told, and nothing else.
    for (const { code, step } of made.errors) assert.deepEqual([code, step], ["no-answer", "initiator"]);
    assert.equal(made.recovered.length, 0);
    assert.equal(told.list.length, 1);
  });

  it("does not give the connection of the last attempt to the next one", () => {
    const made = central();
    const told = new Attempts();
    made.board.chip.hook = (opcode: number) => (opcode === CANCEL ? "drop" : opcode === DISCONNECT ? status(DISCONNECT, 0) : undefined);
    made.bt.connect(ABSENT, 0, told.to("a"), 500);
    made.run(8000);
    made.bt.connect(PEER, 0, told.to("b"), 5000);
    made.board.chip.inject(completion(0, 0x77, ABSENT));
    made.run(100);
    assert.ok(!told.list.some((note) => note.includes(ABSENT)), told.list.join());
  });
});

describe("a chip that refuses", () => {
  for (const code of [0x01, 0x09, 0x0b, 0x0c, 0x0d, 0x12, 0x1f]) {
    it(`to connect with status ${code} is heard of once as failed`, () => {
      const made = central();
      const told = new Attempts();
      made.board.chip.hook = (opcode: number) => (opcode === CREATE ? status(CREATE, code) : undefined);
      made.bt.connect(PEER, 0, told.to("a"));
      made.run(20_000);
      assert.deepEqual(told.list, [`a failed ${code}`]);
      assert.equal(made.board.chip.count(CREATE), 1);
      // Disallowed is what it says while it is looking for something else.
      assert.equal(made.board.chip.count(CANCEL), code === 0x0c ? 1 : 0);
      made.board.chip.hook = undefined;
      new Server(made.board.air);
      made.bt.connect(PEER, 0, told.to("b"));
      made.run(1000);
      assert.equal(told.list[1], `b "connected ${PEER}"`);
    });
  }

  it("afterwards, by its event, too", () => {
    const made = central();
    const told = new Attempts();
    made.bt.connect(ABSENT, 0, told.to("a"));
    made.run(100);
    made.board.chip.controller.connections.reset();
    made.board.chip.inject(completion(0x3e));
    made.run(100);
    assert.deepEqual(told.list, ["a failed 62"]);
  });

  it("a connection to who is connected already", () => {
    const made = central();
    new Server(made.board.air);
    const told = new Attempts();
    made.bt.connect(PEER, 0, told.to("a"));
    made.run(1000);
    made.bt.connect(PEER, 0, told.to("b"));
    made.run(1000);
    assert.deepEqual(told.list, [`a "connected ${PEER}"`, "b failed 11"]);
    told.connections[0].read(1, told.as("c"));
    made.run(500);
    assert.equal(made.board.chip.controller.connections.all.length, 1, "the first one lives");
  });

  it("the cancellation: the connection or the failure that comes instead ends it", () => {
    const made = central();
    const told = new Attempts();
    made.board.chip.hook = (opcode: number) => (opcode === CANCEL ? { status: 0x0c } : undefined);
    made.bt.connect(ABSENT, 0, told.to("a"), 500);
    made.run(700);
    assert.deepEqual(told.list, []);
    made.board.chip.inject(completion(0x3e));
    made.run(100);
    assert.deepEqual(told.list, ["a timeout"]);
  });

  it("to say whether it connects: it is asked to stop before anything else is tried", () => {
    const made = central();
    const told = new Attempts();
    // The answer is lost, but the chip looks for the peer.
    let lost = 1;
    made.board.chip.hook = (opcode: number, parameters: Uint8Array) => {
      if (opcode !== CREATE || lost-- <= 0) return undefined;
      made.board.chip.controller.connections.create(parameters.slice());
      return "drop";
    };
    made.bt.connect(ABSENT, 0, told.to("a"), 10_000);
    made.run(15_000);
    assert.equal(told.list.length, 1);
    assert.match(told.list[0], /^a (failed|timeout) /);
    assert.equal(made.board.chip.controller.connections.initiating, false, "the chip does not look for it for ever");
    new Server(made.board.air);
    made.bt.connect(PEER, 0, told.to("b"));
    made.run(3000);
    assert.equal(told.list[1], `b "connected ${PEER}"`);
  });

  it("events that nobody waits for harm nothing", () => {
    const made = central();
    made.board.chip.hook = (opcode: number) => (opcode === DISCONNECT ? status(DISCONNECT, 0) : undefined);
    for (const event of [completion(0x02), completion(0), completion(0x3c, 0, "000000000000", 1), completion(0, 0x78, PEER, 1)]) made.board.chip.inject(event);
    made.run(100);
    for (const handle of [0x77, 0x78]) made.board.chip.inject(Uint8Array.from([4, 5, 4, 0, handle, 0, 0x16]));
    made.run(2000);
    assert.deepEqual(made.errors, []);
    assert.equal(made.recovered.length, 0);
  });
});

describe("restarts and ends while connecting", () => {
  it("a chip that restarts tries again, until the limit", () => {
    const made = central();
    const told = new Attempts();
    made.bt.connect(PEER, 0, told.to("a"), 20_000);
    made.run(200);
    made.board.chip.hardwareError(1);
    made.clock.until(() => made.recovered.length > 0, 10_000);
    made.run(200);
    assert.equal(made.board.chip.count(CREATE), 2);
    new Server(made.board.air);
    made.run(1000);
    assert.deepEqual(told.list, [`a "connected ${PEER}"`]);
  });

  it("a chip that restarts does not make the limit longer", () => {
    const made = central();
    const told = new Attempts();
    const began = made.now;
    made.bt.connect(ABSENT, 0, told.to("a"), 10_000);
    made.run(1000);
    made.board.chip.hardwareError(1);
    made.clock.until(() => told.list.length > 0, 30_000);
    assert.deepEqual(told.list, ["a timeout"]);
    assert.ok(made.now - began < 10_200, `${made.now - began} ms`);
  });

  it("a chip that restarts during the cancellation has given up", () => {
    const made = central();
    const told = new Attempts();
    made.board.chip.hook = (opcode: number) => (opcode === CANCEL ? "drop" : undefined);
    made.bt.connect(ABSENT, 0, told.to("a"), 10_000);
    made.run(200);
    made.bt.cancelconnect();
    made.run(10);
    made.board.chip.hardwareError(1);
    made.run(20_000);
    assert.deepEqual(told.list, ["a cancelled"]);
    assert.equal(made.board.chip.count(CREATE), 1);
  });

  it("a board that fails and comes back does not take the limit away", () => {
    const made = central();
    const told = new Attempts();
    made.bt.connect(ABSENT, 0, told.to("a"), 20_000);
    made.run(200);
    let fail = true;
    const write = made.hal.uart.write;
    (made.hal.uart as any).write = (...given: [Uint8Array, number, number]) => {
      if (fail) throw new Error("line");
      write(...given);
    };
    made.bt.startadvertise("x", 100, 100);
    made.run(100);
    fail = false;
    assert.equal(made.errors.length, 1);
    made.run(60_000);
    assert.equal(made.recovered.length, 1);
    assert.deepEqual(told.list, ["a timeout"]);
    assert.equal(made.board.chip.controller.connections.initiating, false);
  });

  it("a board that is gone for good ends it", () => {
    const made = central();
    const told = new Attempts();
    made.bt.connect(ABSENT, 0, told.to("a"), 5000);
    made.run(200);
    made.board.unplug("gone");
    made.run(120_000);
    assert.equal(told.list.length, 1, "always, says the reference");
  });

  it("close() ends it without a word, at every moment", () => {
    for (let at = 0; at < 10; at += 0.5) {
      const made = central();
      const server = new Server(made.board.air);
      const told = new Attempts();
      made.bt.connect(at < 5 ? PEER : ABSENT, 0, told.to("a"));
      made.run(at);
      made.bt.close();
      made.run(2000);
      assert.deepEqual(told.list, [], `after ${at} ms`);
      made.gone(10_000);
      assert.equal(made.board.chip.controller.connections.initiating, false);
      made.run(5000);
      assert.equal(server.handle, -1);
    }
  });

  it("close() during a cancellation ends it too, and the board can be opened again", () => {
    const made = central();
    const told = new Attempts();
    made.board.chip.hook = (opcode: number) => (opcode === CANCEL ? "drop" : undefined);
    made.bt.connect(ABSENT, 0, told.to("a"));
    made.run(100);
    made.bt.cancelconnect();
    made.run(10);
    made.bt.close();
    made.run(100);
    made.gone(5000);
    assert.deepEqual(told.list, []);
    made.board.chip.hook = undefined;
    made.open();
    made.bt.setsecurity(1);
    made.up();
    new Server(made.board.air);
    made.bt.connect(PEER, 0, told.to("b"));
    made.run(1000);
    assert.deepEqual(told.list, [`b "connected ${PEER}"`]);
  });
});

describe("links that nobody wants, in a build with a client", () => {
  it("end without harm: an inbound connection while none is welcome any more", () => {
    const made = central();
    made.board.chip.hook = (opcode: number) => (opcode === DISCONNECT ? status(DISCONNECT, 0) : undefined);
    made.bt.onconnect(() => assert.fail("not any more"));
    made.bt.startadvertise("x", 100, 100);
    made.run(300);
    made.bt.onconnect(null);
    made.board.chip.inject(completion(0, 0x79, PEER, 1));
    made.run(200);
    made.board.chip.inject(Uint8Array.from([4, 5, 4, 0, 0x79, 0, 0x16]));
    made.run(1000);
    assert.deepEqual(made.errors, []);
    assert.equal(made.recovered.length, 0);
    assert.equal(made.bt.counters().restarts, 0);
  });

  it("an inbound connection that takes the last place ends the attempt by name", () => {
    const made = central({ links: 1 });
    made.bt.onconnect(() => {});
    const told = new Attempts();
    made.bt.connect(ABSENT, 0, told.to("a"), 1000);
    made.run(100);
    made.board.chip.hook = (opcode: number) => (opcode === DISCONNECT ? status(DISCONNECT, 0) : undefined);
    made.board.chip.inject(completion(0, 0x79, PEER, 1));
    made.run(5000);
    assert.equal(told.list.length, 1, "the attempt has its end");
    assert.equal(made.board.chip.controller.connections.initiating, false);
  });
});

