import assert from "node:assert/strict";
import { Air, createBoard, makeImage, Phone, VirtualClock, type Board } from "../../hal/mock/index.js";
import { load } from "./support/load.js";

const SSID = "5eba195632d347c681a6a7e59f18dac0";
const CODE = 12345;
const IMAGE = makeImage({ revision: 508 });

/** Numbers of the pins. */
const REGON = 4;
const LPO = 5;
const CTS = 2;
const RTS = 3;

/** A board that runs Kaluma: its modules over a virtual chip; what they do to buffers is what Kaluma 1.0 does. */
class Kaluma {
  readonly board: Board;
  readonly outputs = new Set<number>();
  uart: { [option: string]: unknown } | null = null;
  private _waited = 0;

  constructor(
    air: Air,
    readonly files: Map<string, Uint8Array>,
    flow = true,
  ) {
    this.board = createBoard({ air, flow, wiring: { regon: true, lpo: true } });
  }

  load(preset: string): Promise<any> {
    const { board, files } = this;
    const { hal } = board;
    const kaluma = this;
    class UART {
      static readonly FLOW_RTS_CTS = 3;

      constructor(port: number, options: { [option: string]: number }) {
        assert.equal(port, 0);
        assert.equal(kaluma.uart, null, "the port is closed before it is opened anew");
        kaluma.uart = { ...options };
        this.options = options;
      }

      on(event: string, callback: (bytes: Uint8Array) => void): void {
        assert.equal(event, "data");
        const receive = (bytes: Uint8Array | string): void => callback(bytes as Uint8Array);
        hal.uart.open(this.options.baudrate, this.options.flow === UART.FLOW_RTS_CTS, receive, (reason) => assert.fail(reason));
      }

      write(view: Uint8Array): void {
        // The whole buffer behind the view.
        hal.uart.write(new Uint8Array(view.buffer), 0, view.buffer.byteLength);
      }

      close(): void {
        kaluma.uart = null;
        hal.uart.close();
      }

      private readonly options: { [option: string]: number };
    }
    const fs = {
      exists: (path: string) => files.has(path),
      stat: (path: string) => ({ size: files.get(path)!.length }),
      open: (path: string) => path,
      // Into the beginning of the buffer behind the view.
      read: (path: string, view: Uint8Array, _offset: number, length: number, position: number) => new Uint8Array(view.buffer).set(files.get(path)!.subarray(position, position + length)),
      readFile: (path: string) => files.get(path)!.slice(),
      writeFile: (path: string, view: Uint8Array) => void files.set(path, new Uint8Array(view.buffer).slice(0, view.length)),
      unlink: (path: string) => void files.delete(path),
    };
    return load(`targets/kaluma/${preset}.ts`, {
      engineRequire: (name: string) => (name === "uart" ? { UART } : fs),
      OUTPUT: 1,
      INPUT: 0,
      pinMode: (pin: number, mode: number) => void (mode === 1 && this.outputs.add(pin)),
      digitalRead: () => 0,
      digitalWrite: (pin: number, level: 0 | 1) => {
        assert.ok(this.outputs.has(pin), "a pin is an output before it is written");
        if (pin === REGON) hal.gpio.regon!(level);
        else if (pin === LPO) hal.gpio.lpo!(level);
        else assert.fail(`pin ${pin}`);
      },
      millis: () => hal.timer.now(),
      // Who waits looks at it again and again.
      micros: () => hal.timer.now() * 1000 + (this._waited += 5),
      setTimeout: (callback: () => void, ms: number) => hal.timer.set(ms, callback),
      clearTimeout: (handle: unknown) => hal.timer.clear(handle),
    });
  }
}

/** Several boards and phones, and the file systems that outlive them. */
function world(): { clock: VirtualClock; air: Air; files: Map<string, Uint8Array> } {
  const clock = new VirtualClock();
  return { clock, air: new Air(clock, { seed: 3 }), files: new Map([["/bt.hcd", Uint8Array.from(IMAGE)]]) };
}

const WIRING = { uart: 0, tx: 0, rx: 1, ctspin: CTS, rtspin: RTS, regon: REGON, lpo: LPO };

async function opened(kaluma: Kaluma, preset: string, options: { [name: string]: unknown } = {}, wiring: object = WIRING): Promise<{ bt: any; script: any; errors: string[] }> {
  const script = await kaluma.load(preset);
  const errors: string[] = [];
  const tell = (error: Error): void => void errors.push(error.message);
  const bt = script.open(script.hal(wiring), script.firmware("/bt.hcd"), { onerror: tell, onwarning: tell, ...options });
  return { bt, script, errors };
}

/** Serves one value that can be written. */
function serve(bt: any, level: number, taken: string[]): void {
  bt.setsecurity(level, level > 1 ? CODE : undefined);
  bt.servegatt([{ uuid: 0xfff0, chars: [{ uuid: SSID, write: (_conn: unknown, value: Uint8Array) => void taken.push(Buffer.from(value).toString("latin1")) }] }]);
  bt.onconnect(() => {});
  bt.startadvertise("\x02\x01\x06\x03\x03\xf0\xff", 100, 100);
}

function pairings(phone: Phone): number {
  return phone.trace.filter(({ cid, sent, bytes }) => cid === 6 && sent && bytes[0] === 1).length;
}

describe("Kaluma", () => {
  it("downloads the image out of its file system, at 921600 bit/s where there is flow control, and advertises", async () => {
    const { clock, air, files } = world();
    const kaluma = new Kaluma(air, files);
    const heard: string[] = [];
    air.sniff(({ pdu }) => heard.push(Buffer.from(pdu.data).toString("hex")));
    const { bt, errors } = await opened(kaluma, "beacon");
    bt.startadvertise("\x02\x01\x06", 100, 100);
    assert.ok(clock.until(() => heard.length > 3, 10_000));
    assert.deepEqual([...new Set(heard)], ["020106"]);
    assert.equal(kaluma.board.chip.state, "patched");
    assert.deepEqual(kaluma.uart, { baudrate: 921600, tx: 0, rx: 1, cts: CTS, rts: RTS, flow: 3 });
    bt.close();
    clock.run(2000);
    assert.deepEqual([kaluma.uart, kaluma.board.timers, errors, kaluma.board.chip.violations], [null, 0, [], []]);
  });

  it("stays at 115200 bit/s where there is no flow control, and scans", async () => {
    const { clock, air, files } = world();
    const kaluma = new Kaluma(air, files, false);
    air.advertise({ address: "c0ffee000001", random: 1, data: Uint8Array.of(2, 1, 6), rssi: -50 });
    const { bt, errors } = await opened(kaluma, "observer", {}, { ...WIRING, ctspin: undefined, rtspin: undefined });
    const adverts: any[] = [];
    bt.startscan((more: any[]) => adverts.push(...more));
    assert.ok(clock.until(() => adverts.length > 5, 20_000));
    assert.deepEqual([adverts[0].address, adverts[0].addresstype, adverts[0].rssi, [...adverts[0].data]], ["c0ffee000001", 1, -50, [2, 1, 6]]);
    assert.deepEqual([kaluma.uart, errors], [{ baudrate: 115200, tx: 0, rx: 1 }, []]);
  });

  it("takes a connection, and what is written in parts", async () => {
    const { clock, air, files } = world();
    const taken: string[] = [];
    const { bt, errors } = await opened(new Kaluma(air, files), "peripheral");
    serve(bt, 1, taken);
    const phone = new Phone(air);
    phone.connect({ service: "fff0" });
    phone.write(SSID, "home");
    phone.write(SSID, "x".repeat(100));
    phone.disconnect();
    assert.deepEqual([taken, errors, phone.violations], [["home", "x".repeat(100)], [], []]);
    clock.run(100);
  });

  it("pairs at level 3, and knows the phone again after a restart by what lies in its file system", async function () {
    this.timeout(20_000);
    const { clock, air, files } = world();
    const taken: string[] = [];
    const phone = new Phone(air, { pairing: { sc: false, passkey: CODE } });
    for (let start = 1; start <= 2; start++) {
      const kaluma = new Kaluma(air, files);
      const script = await kaluma.load("secure");
      const errors: string[] = [];
      const bt = script.open(script.hal(WIRING), script.firmware("/bt.hcd"), {
        mac: "c00000000001",
        store: script.store("/bonds"),
        onerror: (error: Error) => errors.push(error.message),
      });
      serve(bt, 3, taken);
      phone.connect({ service: "fff0" });
      phone.write(SSID, `start ${start}`);
      phone.disconnect();
      // A bond that has changed is saved a little later.
      clock.run(2000);
      assert.equal(pairings(phone), 1, "only the first time");
      assert.equal(phone.bonds.length, 1);
      assert.ok(files.has("/bonds"));
      assert.deepEqual(errors, []);
      bt.close();
      clock.run(2000);
    }
    assert.deepEqual([taken, phone.violations], [["start 1", "start 2"], []]);
  });
});

describe("the store on Kaluma", () => {
  it("keeps bytes in a file, also of a view", async () => {
    const files = new Map<string, Uint8Array>();
    let written = 0;
    const fs = {
      exists: (path: string) => files.has(path),
      unlink: (path: string) => void assert.ok(files.delete(path)),
      readFile: (path: string) => files.get(path)!.slice(),
      // As Kaluma does it: the whole buffer behind a view.
      writeFile: (path: string, data: Uint8Array) => {
        written++;
        files.set(path, new Uint8Array(data.buffer).slice(0, data.length));
      },
    };
    const { store } = await load("targets/kaluma/full.ts", { engineRequire: () => fs, millis: () => 0, micros: () => 0 });
    const kept = store("/bonds");
    assert.equal(kept.load(), null);
    assert.equal(kept.save(Uint8Array.from([9, 9, 1, 2, 3]).subarray(2)), true);
    assert.deepEqual([...kept.load()], [1, 2, 3]);
    assert.equal(kept.save(Uint8Array.from([1, 2, 3])), true);
    assert.equal(written, 1, "what is there is not written again");
    assert.equal(kept.save(new Uint8Array(0)), true);
    assert.deepEqual([...kept.load()], []);
    assert.equal(kept.erase(), true);
    assert.deepEqual([kept.load(), files.size], [null, 0]);
    assert.equal(kept.erase(), true, "nothing to be erased is no error");
  });
});
