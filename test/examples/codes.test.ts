import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { Air, createBoard, Phone, VirtualClock, type Board, type PhoneError } from "../../hal/mock/index.js";
import { open, type Bluetooth } from "../../targets/node/open.js";
import { IMAGE } from "../support/rig.js";

const LAMP = "f0a1b2c300014d5e8f900123456789ab";
const MINUTE = 60_000;

/** An example of how a code is chosen, on a board of its own. */
class Device {
  readonly clock = new VirtualClock();
  readonly air: Air;
  readonly board: Board;
  readonly printed: string[] = [];
  readonly bt: Bluetooth;
  private _phones = 0;

  constructor(name: string, library: string, more?: unknown, seed = 1) {
    const function_ = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    const script = library === "the bare script" ? readFileSync("dist/bare/secure.min.js", "utf8") : "var blimp;";
    const [example, blimp] = new Function("module", `"use strict";\n${script}\n${readFileSync(`examples/${name}.js`, "utf8")}\nreturn [${function_}, blimp];`)();
    this.air = new Air(this.clock, { seed });
    this.board = createBoard({ air: this.air, seed });
    this.bt = example(blimp ?? { open }, this.board.hal, IMAGE, (text: string) => this.printed.push(text), more);
    this.clock.until(() => this.said.some((line) => /^(Ready|Type)/.test(line)), MINUTE);
    this.clock.run(1000);
  }

  get said(): string[] {
    return this.printed;
  }

  /** The code that has been shown last. */
  get shown(): number {
    const lines = this.printed.filter((line) => /\d{6}$/.test(line));
    return Number(lines.at(-1)!.slice(-6));
  }

  /** A stranger's phone, whose user types that, connects and writes the brightness; why it could not, or null. */
  pair(code: number | (() => number), brightness: number): PhoneError | null {
    const phone = new Phone(this.air, { address: `0b5e12e2${(++this._phones).toString(16).padStart(4, "0")}`, interval: 7.5, mtu: 23, pairing: { passkey: code } });
    try {
      phone.connect();
      phone.write(LAMP, [brightness]);
      assert.equal(phone.read(LAMP)[0], brightness);
      return null;
    } catch (error) {
      return error as PhoneError;
    } finally {
      if (phone.connected) phone.disconnect();
      this.clock.run(1000);
      assert.deepEqual(phone.violations, []);
    }
  }

  end(): void {
    assert.deepEqual(this.board.chip.violations, []);
    this.bt.close();
    this.clock.run(5000);
    assert.deepEqual([this.board.uartOpen, this.board.timers], [false, 0]);
  }
}

/** Once with the package, and with the script for small engines where that has been built. */
function each(name: string, test: (make: (more?: unknown, seed?: number) => Device) => void): void {
  for (const library of ["the package", ...(existsSync("dist/bare/secure.min.js") ? ["the bare script"] : [])]) {
    it(`${name} runs with ${library}`, () => test((more, seed) => new Device(name, library, more, seed))).timeout(60_000);
  }
}

describe("examples of codes", () => {
  each("code-fixed", (make) => {
    for (const seed of [1, 2]) {
      const device = make(undefined, seed);
      assert.deepEqual(device.said, ["Ready, the code is the one in the manual"]);
      // Whoever knows one knows them all; a wrong one is refused.
      assert.notEqual(device.pair(123457, 1), null);
      assert.equal(device.pair(123456, 7), null);
      assert.deepEqual(device.said.slice(1), ["0b5e12e20002 connected, security level 4", "Brightness 7", "0b5e12e20002 disconnected"]);
      assert.equal(device.bt.getsecuritycode(), 123456);
      device.end();
    }
  });

  each("code-per-device", (make) => {
    const shelves = [1, 2].map((seed) => {
      const shelf = { kept: null as number | null, load: () => shelf.kept, save: (code: number) => void (shelf.kept = code) };
      const device = make(shelf, seed);
      assert.equal(device.said[0], `Label of this device: ${String(shelf.kept).padStart(6, "0")}`);
      assert.equal(device.pair(shelf.kept!, 7), null);
      device.end();
      return shelf;
    });
    assert.notEqual(shelves[0].kept, shelves[1].kept);
    // After a restart, with other chance, it is the same, and is not told again. One that was seen still serves.
    const again = make(shelves[0], 3);
    assert.deepEqual(again.said, ["Ready, the code is the one on the label"]);
    assert.notEqual(again.pair(shelves[1].kept!, 1), null);
    assert.equal(again.pair(shelves[0].kept!, 8), null);
    again.end();
  });

  each("code-per-session", (make) => {
    const codes = [1, 2].map((seed) => {
      const device = make(undefined, seed);
      const code = device.shown;
      assert.deepEqual(device.said, [`Type ${String(code).padStart(6, "0")}`]);
      // Within a session it stays the same.
      for (const brightness of [1, 2]) assert.equal(device.pair(code, brightness), null);
      device.clock.run(20 * MINUTE);
      assert.equal(device.bt.getsecuritycode(), code);
      device.end();
      return code;
    });
    assert.notEqual(codes[0], codes[1]);
  });

  each("code-rotating", (make) => {
    const device = make();
    const first = device.shown;
    // Who fails does not change it: nobody can chase it away from the one who is typing.
    assert.notEqual(device.pair((first + 1) % 1_000_000, 1), null);
    assert.equal(device.shown, first);
    assert.equal(device.pair(first, 1), null);
    const second = device.shown;
    assert.notEqual(second, first);
    assert.notEqual(device.pair(first, 2), null, "a code serves once");
    assert.equal(device.pair(second, 2), null);
    const third = device.shown;
    assert.notEqual(third, second);
    const begun = device.clock.now;
    assert.ok(device.clock.until(() => device.shown !== third, 6 * MINUTE), "and not for longer than five minutes");
    assert.ok(device.clock.now - begun <= 5 * MINUTE + 1);
    assert.equal(device.bt.getsecuritycode(), device.shown);
    // A pairing that is under way while it changes goes on with the code that it began with.
    const old = device.shown;
    device.clock.until(() => device.shown !== old, 6 * MINUTE);
    device.clock.run(5 * MINUTE - 300);
    const typed = device.shown;
    const during = device.pair(() => typed, 9);
    assert.equal(during, null);
    assert.notEqual(device.shown, typed);
    device.end();
  });

  it("a code of all digits is shown with its leading zeros", () => {
    for (const name of ["code-per-device", "code-per-session", "code-rotating"]) {
      const text = readFileSync(`examples/${name}.js`, "utf8");
      const [body] = /function digits[^]*?\n  }/.exec(text)!;
      const digits = new Function(`${body}; return digits;`)() as (code: number) => string;
      assert.deepEqual([0, 42, 999999].map(digits), ["000000", "000042", "999999"]);
    }
  });

  it("each says in its head what it is worth", () => {
    for (const [name, strength] of [["fixed", "none"], ["per-device", "limited"], ["per-session", "good"], ["rotating", "the best that six digits can give"]]) {
      const head = readFileSync(`examples/code-${name}.js`, "utf8").split("\n\n")[0];
      assert.match(head, new RegExp(`\n// Strength: ${strength}`));
      assert.match(head, /listen/);
    }
  });
});
