import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { closeSync, constants, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { ReadStream } from "node:tty";
import { createBoard, makeImage, splitImage, type Board } from "../../hal/mock/index.js";
import { createNodeHal, type Core } from "../../targets/node/index.js";
import { bringUp, pause, until } from "./support/bringup.js";
import { useFolder } from "./support/folder.js";
import { RemoteChip } from "./support/remotechip.js";

const RESET = 0x0c03;

function stty(device: string, ...words: string[]): string {
  return spawnSync("stty", ["-F", device, ...words], { encoding: "utf8" }).stdout.trim();
}

/** The far end of a serial line. */
class FarEnd {
  readonly stream: ReadStream;
  private readonly _descriptor: number;

  constructor(device: string) {
    this._descriptor = openSync(device, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    this.stream = new ReadStream(this._descriptor);
    this.stream.on("error", () => {});
  }

  close(): void {
    this.stream.destroy();
    closeSync(this._descriptor);
  }
}

const there = spawnSync("socat", ["-V"]).status === 0 && spawnSync("stty", ["--version"]).status === 0;

// Two pseudo terminals that `socat` joins are a serial line, but for the pace.
if (there) {
  describe("a controller at the end of a serial line", function () {
    this.timeout(20000);
    const path = useFolder();
    let joint: ChildProcess;
    let near: string;
    let far: FarEnd;
    let remote: RemoteChip | null;

    beforeEach(async () => {
      near = path("near");
      joint = spawn("socat", [`pty,raw,echo=0,link=${near}`, `pty,raw,echo=0,link=${path("far")}`], { stdio: "ignore" });
      await until(() => existsSync(near) && existsSync(path("far")));
      far = new FarEnd(path("far"));
      remote = null;
    });

    afterEach(() => {
      remote?.stop();
      far.close();
      joint.kill();
    });

    /** Puts a board at the far end, whose end of the wire runs at the rate to which the near end of the line is set. */
    function attach(board: Board): RemoteChip {
      const chip = new RemoteChip(board, (bytes) => far.stream.write(bytes));
      chip.rate = () => Number(stty(near, "speed"));
      far.stream.on("data", (data: Buffer) => chip.receive(data));
      return (remote = chip);
    }

    /** Closes the stack, and waits until the answer to its last command is there, which a pseudo terminal keeps for whoever opens it next. */
    async function closeQuietly(bt: Core, board: Board): Promise<void> {
      const resets = board.chip.count(RESET);
      bt.close();
      await until(() => board.chip.count(RESET) > resets);
      await pause(50);
    }

    it("takes its firmware and every change of rate", async function () {
      // The chip has to answer within the stack's time limits, which a busy machine may not let it.
      this.retries(2);
      const board = createBoard({ flow: false });
      const chip = attach(board);
      const pin = path("regon");
      writeFileSync(pin, "0");
      chip.regon = () => (readFileSync(pin, "latin1") === "1" ? 1 : 0);
      const image = makeImage();
      const hal = createNodeHal(`serial:${near}`, { regon: pin });
      const { bt, info, steps, warnings } = await bringUp(hal, image, { baud: 921600, downloadbaud: 460800 });

      assert.deepEqual(warnings, []);
      assert.equal(info.revision, 508);
      assert.deepEqual(steps.filter((step) => step === "baud" || step === "launch"), ["baud", "launch", "baud"]);
      assert.equal(board.chip.state, "patched");
      assert.equal(board.chip.written.length, splitImage(image).length - 1);
      assert.equal(board.wire.toChip.garbled + board.wire.toHost.garbled, 0);
      assert.deepEqual(board.chip.violations, []);
      assert.equal(board.chip.baud, 921600);
      assert.equal(stty(near, "speed"), "921600");

      const heard = board.air.observe().heard;
      bt.startadvertise("abc", 100, 100);
      await until(() => heard.length > 0);
      assert.deepEqual([...heard[0].pdu.data], [97, 98, 99]);
      bt.close();
      await until(() => board.chip.state === "off");
      // Each change of the near end was seen at the far one with the next packet.
      assert.deepEqual(chip.rates.filter((rate) => rate > 38400), [115200, 460800, 115200, 921600]);
    });

    it("keeps its firmware where its power cannot be taken away", async () => {
      const board = createBoard({ flow: false, wiring: {} });
      attach(board);
      const first = await bringUp(createNodeHal(`serial:${near}`), makeImage());
      assert.ok(first.steps.includes("record"));
      await closeQuietly(first.bt, board);
      const again = await bringUp(createNodeHal(`serial:${near}`), makeImage());
      assert.equal(again.info.revision, 508);
      assert.ok(!again.steps.includes("record"));
      assert.equal(board.chip.count(0xfc2e), 1);
      again.bt.close();
    });

    it("is found at the rate at which it was left, where its power cannot be taken away", async function () {
      this.retries(2);
      const board = createBoard({ flow: false, wiring: {} });
      attach(board);
      const first = await bringUp(createNodeHal(`serial:${near}`), makeImage(), { baud: 460800 });
      await closeQuietly(first.bt, board);
      assert.equal(board.chip.baud, 460800);
      const again = await bringUp(createNodeHal(`serial:${near}`), makeImage(), { baud: 460800 });
      assert.equal(again.info.revision, 508);
      assert.equal(board.chip.count(0xfc2e), 1);
      again.bt.close();
    });

    it("has raw lines at the rate and with the flow control that are asked for", () => {
      const { uart } = createNodeHal(`serial:${near}`, { flow: true });
      assert.equal(uart.flow, true);
      stty(near, "sane", "ixon", "crtscts");
      uart.open(115200, false, () => {}, () => {});
      assert.match(stty(near, "-a"), /speed 115200 .*-crtscts/s);
      for (const setting of "cs8 clocal -parenb -cstopb -icanon -echo -isig -iexten -opost -ixon -icrnl -hupcl".split(" ")) {
        assert.ok(stty(near, "-a").split(/[\s;]+/).includes(setting), setting);
      }
      uart.open(3000000, true, () => {}, () => {});
      assert.match(stty(near, "-a"), /speed 3000000 .*[^-]crtscts/s);
      uart.close();
    });

    it("gets every byte in order, as it was when it was written, though it reads late", async () => {
      const { uart } = createNodeHal(`serial:${near}`);
      const received: Buffer[] = [];
      const wanted: number[] = [];
      const buffer = new Uint8Array(300);
      uart.open(115200, false, () => {}, (reason) => assert.fail(reason));
      // Far more than the system holds back.
      for (let i = 0; i < 400; i++) {
        buffer.fill(i);
        uart.write(buffer, 20, 258);
        wanted.push(...buffer.subarray(20, 278));
      }
      buffer.fill(0x55);
      await pause(50);
      far.stream.on("data", (data: Buffer) => received.push(data));
      await until(() => Buffer.concat(received).length >= wanted.length);
      assert.deepEqual(Buffer.concat(received), Buffer.from(wanted));
      uart.close();
    });

    it("can be closed while nobody reads, and opened again", () => {
      const { uart } = createNodeHal(`serial:${near}`, { flow: true });
      for (let round = 0; round < 2; round++) {
        uart.open(115200, true, () => {}, () => {});
        for (let i = 0; i < 100; i++) uart.write(new Uint8Array(1000), 0, 1000);
        uart.close();
        assert.throws(() => uart.write(new Uint8Array(1), 0, 1), /not open/);
      }
    });

    it("does not hand over what came in before it was opened", async () => {
      const { uart } = createNodeHal(`serial:${near}`);
      const heard: number[] = [];
      far.stream.write(Uint8Array.of(1, 2, 3));
      await pause(50);
      uart.open(115200, false, (data) => heard.push(...(data as Uint8Array)), () => {});
      far.stream.write(Uint8Array.of(4, 5));
      await until(() => heard.length > 0);
      await pause(20);
      assert.deepEqual(heard, [4, 5]);
      uart.close();
    });

    it("passes all 256 bytes both ways", async () => {
      const { uart } = createNodeHal(`serial:${near}`);
      const heard: number[] = [];
      far.stream.on("data", (data: Buffer) => far.stream.write(data));
      uart.open(921600, false, (data) => heard.push(...(data as Uint8Array)), () => {});
      const all = Uint8Array.from({ length: 256 }, (_, i) => i);
      uart.write(all, 0, 256);
      await until(() => heard.length >= 256);
      assert.deepEqual(heard, [...all]);
      uart.close();
    });

    it("is told of once when the line is gone", async () => {
      const { uart } = createNodeHal(`serial:${near}`);
      const faults: string[] = [];
      uart.open(115200, false, () => {}, (reason) => faults.push(reason));
      joint.kill();
      await until(() => faults.length > 0);
      await pause(20);
      assert.equal(faults.length, 1);
      assert.ok(faults[0].startsWith(`${near}: `));
      uart.close();
    });

    it("is refused a rate that the system does not have", () => {
      const { uart } = createNodeHal(`serial:${near}`);
      assert.throws(() => uart.open(123456, false, () => {}, () => {}), /123456/);
      uart.open(115200, false, () => {}, () => {});
      assert.throws(() => uart.open(123456, false, () => {}, () => {}), /123456/);
      uart.close();
    });
  });
}

describe("a serial line that is none", () => {
  it("is refused in words", async () => {
    await assert.rejects(bringUp(createNodeHal("serial:/dev/null"), null), { code: "uart", message: /\/dev\/null/ });
    await assert.rejects(bringUp(createNodeHal("serial:/no/such/line"), null), { code: "uart", message: /ENOENT.*\/no\/such\/line/ });
  });
});
