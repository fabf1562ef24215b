import assert from "node:assert/strict";
import { device } from "../support/links.js";
import { brief, OP, rig, unhex } from "../support/rig.js";
import { Server } from "../support/server.js";

const note = (told: string[]) => (error: any): void => void told.push(error ? brief(error) : "ok");

describe("roles whose events are lost or come at the wrong time", () => {
  it("the end of a connection that is none, while advertising parameters are under way, does not silence the advert", () => {
    const { rig } = device();
    const { chip } = rig.board;
    let injected = 0;
    chip.hook = (opcode: number) => {
      if (opcode === OP.ADV_PARAMETERS && !injected++) chip.inject(unhex("04050400230113"));
      return undefined;
    };
    rig.bt.startadvertise("abc", 50, 50);
    rig.run(1000);
    assert.ok(injected > 0);
    assert.deepEqual(rig.onair(), ["0:616263"]);
    assert.deepEqual(rig.errors.map(brief), []);
  });

  for (const made of [false, true]) {
    it(`where the event that says how an attempt to connect has ${made ? "succeeded" : "been cancelled"} is lost the next one is made all the same`, () => {
      const r = rig();
      r.bt.setsecurity(1);
      r.up();
      const told: string[] = [];
      const { controller } = r.board.chip;
      const send = controller.send;
      const server = new Server(r.board.air).advertise(made);
      controller.send = (packet: Uint8Array) => (packet[1] === 0x3e && packet[3] === 1 ? undefined : send(packet));
      r.bt.connect(server.address, 0, note(told), 500);
      r.run(4000);
      controller.send = send;
      if (made) server.disconnect();
      r.run(500);
      server.advertise();
      r.run(500);
      r.bt.connect(server.address, 0, note(told), 3000);
      r.run(4000);
      assert.deepEqual(told, ["timeout connect 0", "ok"]);
      assert.deepEqual(r.errors.map(brief), []);
    });
  }

  it("where an attempt to connect is said to have failed, and goes on, the chip is told to stop when it refuses the next one", () => {
    const r = rig();
    r.bt.setsecurity(1);
    r.up();
    const told: string[] = [];
    r.bt.connect("00a0c0998877", 0, note(told), 5000);
    r.run(100);
    r.board.chip.inject(unhex("043e130102" + "00".repeat(17)));
    r.run(100);
    const server = new Server(r.board.air);
    for (let i = 0; i < 2; i++) {
      r.bt.connect(server.address, 0, note(told), 3000);
      r.run(4000);
    }
    assert.deepEqual(told, ["failed connect 2", "failed connect 12", "ok"]);
  });
});
