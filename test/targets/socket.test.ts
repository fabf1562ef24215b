import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { createBoard, PduType } from "../../hal/mock/index.js";
import { createNodeHal } from "../../targets/node/index.js";
import { bringUp, pause, until } from "./support/bringup.js";
import { useFolder } from "./support/folder.js";
import { RemoteChip } from "./support/remotechip.js";

const RESET = 0x0c03;

/** A server, what has connected to it, and the transport that leads there. */
class Place {
  readonly connections: Socket[] = [];
  private readonly _server: Server;
  transport = "";

  constructor(serve: (socket: Socket) => void) {
    this._server = createServer((socket) => {
      this.connections.push(socket);
      socket.on("error", () => {});
      serve(socket);
    });
  }

  listen(path: string | null): Promise<void> {
    return new Promise((resolve) => {
      const listening = (): void => {
        this.transport = path === null ? `tcp:127.0.0.1:${(this._server.address() as AddressInfo).port}` : `unix:${path}`;
        resolve();
      };
      if (path === null) this._server.listen(0, "127.0.0.1", listening);
      else this._server.listen(path, listening);
    });
  }

  close(): void {
    this._server.close();
    for (const socket of this.connections) socket.destroy();
  }
}

for (const kind of ["unix", "tcp"]) {
  describe(`a controller at the end of a ${kind} socket`, () => {
    const path = useFolder();
    let place: Place;
    let remote: RemoteChip | null = null;

    async function serve(socket: (socket: Socket) => void): Promise<string> {
      place = new Place(socket);
      await place.listen(kind === "unix" ? path("h4") : null);
      return place.transport;
    }

    afterEach(() => {
      place.close();
      remote?.stop();
    });

    it("is brought up, advertises byte for byte, is reset at the end, and again", async function () {
      this.timeout(10000);
      const board = createBoard({ part: "plain", flow: false });
      const heard = board.air.observe().heard;
      const transport = await serve((socket) => {
        remote?.stop();
        remote = new RemoteChip(board, (bytes) => socket.write(bytes));
        socket.on("data", (data) => remote!.receive(data));
      });
      const hal = createNodeHal(transport);
      for (let round = 1; round < 3; round++) {
        const { bt, info } = await bringUp(hal, null);
        assert.match(info.address, /^[0-9a-f]{12}$/);
        assert.equal(place.connections.length, round);
        heard.length = 0;
        bt.startadvertise("\x02\x01\x06\x03\xff\x80\xfe", 100, 100);
        await until(() => heard.length > 0);
        assert.equal(heard[0].pdu.type, PduType.ADV_NONCONN_IND);
        assert.equal(Buffer.from(heard[0].pdu.data).toString("hex"), "02010603ff80fe");
        const resets = board.chip.count(RESET);
        bt.close();
        await until(() => board.chip.count(RESET) === resets + 1 && place.connections[round - 1].destroyed);
        assert.deepEqual(board.chip.violations, []);
      }
    });

    it("gets what was written before the connection was there, as it was then, and all of it before the end", async () => {
      const received: Buffer[] = [];
      let over = false;
      const transport = await serve((socket) => {
        socket.on("data", (data) => received.push(data));
        socket.on("end", () => (over = true));
        // Unread bytes at the other end when it closes must not cost what it has sent.
        socket.write(Buffer.alloc(100_000));
      });
      const { uart } = createNodeHal(transport);
      const buffer = new Uint8Array(5000);
      const wanted: number[] = [];
      uart.open(115200, false, () => {}, (reason) => assert.fail(reason));
      for (let i = 0; i < 200; i++) {
        buffer.fill(i);
        uart.write(buffer, 1000, 4000);
        wanted.push(...new Array<number>(4000).fill(i));
      }
      buffer.fill(255);
      await pause(20);
      buffer.fill(254);
      uart.write(buffer, 0, 1);
      uart.close();
      await until(() => over);
      assert.deepEqual(Buffer.concat(received), Buffer.from([...wanted, 254]));
      await until(() => place.connections[0].destroyed);
    });

    it("keeps its connection when the rate changes, and calls who opened it last", async () => {
      const transport = await serve((socket) => socket.on("data", (data) => socket.write(data)));
      const { uart } = createNodeHal(transport);
      const old: number[] = [];
      const heard: number[] = [];
      uart.open(115200, false, (data) => old.push(...(data as Uint8Array)), () => {});
      uart.open(921600, false, (data) => heard.push(...(data as Uint8Array)), () => {});
      uart.write(Uint8Array.of(1, 2, 3), 1, 2);
      await until(() => heard.length === 2);
      assert.deepEqual([old, heard, place.connections.length], [[], [2, 3], 1]);
      uart.close();
      assert.throws(() => uart.write(Uint8Array.of(1), 0, 1), /not open/);
    });

    it("that closes the connection is told of once; to open it again connects anew", async () => {
      const transport = await serve((socket) => socket.on("data", () => socket.end()));
      const { uart } = createNodeHal(transport);
      for (let round = 1; round < 4; round++) {
        const faults: string[] = [];
        uart.open(115200, false, () => {}, (reason) => faults.push(reason));
        uart.write(Uint8Array.of(1), 0, 1);
        await until(() => faults.length > 0);
        // To a line that is gone nothing is sent, and nothing is thrown: the stack has been told.
        uart.write(Uint8Array.of(1), 0, 1);
        await pause(20);
        assert.deepEqual(faults, [`${transport}: the other end has closed the connection`]);
        // Whether it was closed first or not.
        if (round < 2) uart.close();
        assert.equal(place.connections.length, round);
      }
    });

    it("that is not there is told of by name, and the program can end", async () => {
      const transport = await serve(() => {});
      place.close();
      await pause(10);
      await assert.rejects(bringUp(createNodeHal(transport), null), { code: "uart", message: /connect (ENOENT|ECONNREFUSED)/ });
    });

    it("that is silent is told of by name", async function () {
      this.timeout(10000);
      const transport = await serve((socket) => socket.resume());
      await assert.rejects(bringUp(createNodeHal(transport), null, { attempts: 1 }), { code: "no-answer", step: "reset" });
      await until(() => place.connections[0].destroyed);
    });
  });
}
