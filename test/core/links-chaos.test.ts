import assert from "node:assert/strict";
import type { Connection } from "../../core/connection.js";
import { CID, type Peer } from "../support/links.js";
import { brief, hex, OP, rig, type Rig } from "../support/rig.js";
import { at, EIGHT, home, makePeer, TABLE } from "./links-fixture.test.js";

/** Whatever order things happen in, in the end there is a device as at the beginning. */

class Chaos {
  readonly rig: Rig<any>;
  readonly peers: Peer[];
  /** Connections that the application has been told of, whether it has closed them, how often onclose has been called. */
  readonly links: { connection: Connection; ours: boolean; closed: number[] }[] = [];
  readonly log: string[] = [];
  private _state: number;
  private _welcome = true;
  private _calm = false;

  constructor(seed: number, links: number) {
    this._state = seed;
    this.rig = rig({ board: links > 1 ? EIGHT : {}, options: { links, queue: 3 } });
    const { bt } = this.rig;
    bt.setsecurity(1);
    this.serve();
    bt.onconnect(this.onconnect);
    bt.startadvertise("\x02\x01\x06", 20, 20);
    this.rig.up();
    this.peers = Array.from({ length: links + 1 }, (_, i) => makePeer(this.rig, 0x20 + i, { interval: 7.5 + 7.5 * i, timeout: 600 }));
  }

  draw(n: number): number {
    this._state = (this._state * 1103515245 + 12345) % 2147483648;
    return Math.floor((this._state / 2147483648) * n);
  }

  private readonly onconnect = (connection: Connection): void => {
    const link = { connection, ours: false, closed: [] as number[] };
    this.links.push(link);
    assert.ok(this._welcome, "onconnect while nobody is welcome");
    connection.onclose((reason) => {
      link.closed.push(reason);
      if (this.draw(3) === 0) this.any();
    });
    if (this.draw(6) === 0) this.close(link);
    else if (this.draw(6) === 0) this.any();
  };

  private close(link: { connection: Connection; ours: boolean; closed: number[] }): void {
    if (!link.closed.length) link.ours = true;
    link.connection.close();
  }

  private serve(): void {
    const services: any[] = [...TABLE, { uuid: 0xff00, chars: [{ uuid: 0xff01, flags: 0x0e, read: () => (this.draw(4) || this.any(), "r"), write: (connection: Connection) => void (this.draw(4) || this.close(this.links.find((l) => l.connection === connection)!)) }] }];
    this.rig.bt.servegatt(services);
  }

  /** Something that the application may do at any moment. */
  any(): void {
    if (this._calm) return;
    const { bt } = this.rig;
    const link = this.links.length ? this.links[this.draw(this.links.length)] : null;
    const what = this.draw(12);
    this.log.push(`${this.rig.now.toFixed(1)} app ${what}`);
    if (what === 0 && link) this.close(link);
    else if (what === 1) bt.startadvertise(`\x02\x01${String.fromCharCode(this.draw(7))}`, 20 + this.draw(2) * 10, 40, this.draw(2) ? "\x02\x0a\x00" : null);
    else if (what === 2) bt.stopadvertise();
    else if (what === 3) {
      this._welcome = !this._welcome;
      bt.onconnect(this._welcome ? this.onconnect : null);
    } else if (what === 4) this.serve();
    else if (what === 5 && link) link.connection.rssi(() => this.draw(3) || this.any());
    else if (what === 6 && link) {
      try {
        link.connection.parameters(7.5 + this.draw(3) * 7.5, 30, this.draw(2), 600 + this.draw(3) * 100, () => this.draw(3) || this.any());
      } catch (error: any) {
        assert.match(error.code, /^(busy|disconnected)$/);
      }
    } else for (let i = 0; i < 5; i++) bt.notify(0xfff3, hex([i]), this.draw(2) && link ? link.connection : null);
  }

  /** Something that a peer or the wire may do. */
  other(): void {
    const peer = this.peers[this.draw(this.peers.length)];
    const { central } = peer;
    const what = this.draw(14);
    this.log.push(`${this.rig.now.toFixed(1)} other ${what}`);
    if (!central.connected && !central.connecting) return central.connect(this.rig.bt.address()!, 1, { timeout: 300 });
    if (!central.connected) return;
    if (what === 0) central.disconnect();
    else if (what === 1) central.vanish();
    else if (what === 2) central.busy = !central.busy;
    else if (what === 3) peer.send(CID.ATT, "02b900");
    else if (what === 4) peer.send(CID.ATT, "12" + at(this.rig, 0xfff3, 1) + "0100");
    else if (what === 5) peer.send(CID.SIGNALLING, "1601020000" + "00");
    else if (what === 6) central.sendRaw(1 + this.draw(2), Array.from({ length: 1 + this.draw(27) }, () => this.draw(256)));
    else if (what === 7) central.silent = !central.silent;
    else if (what === 8) central.update({ interval: 7.5 * (1 + this.draw(4)), timeout: 700 });
    else if (what === 9) peer.send(CID.ATT, "12" + this.own() + "01");
    else if (what === 10) peer.send(CID.ATT, "0a" + this.own());
    else peer.send(CID.ATT, "0a" + at(this.rig, this.draw(2) ? 0xfff1 : 0xfff2));
  }

  private own(): string {
    return hex([this.rig.bt.handle(0xff00, 0xff01) & 255, 0]);
  }

  /** All peers leave, the application wants what it wanted at the beginning; long enough for every time limit. */
  calm(): void {
    this._calm = true;
    for (const { central } of this.peers) central.cancel();
    // What was on the air has arrived.
    this.rig.run(1000);
    for (const { central } of this.peers) {
      central.busy = false;
      if (central.connected) central.vanish();
    }
    this._welcome = true;
    this.rig.bt.onconnect(() => {});
    this.rig.bt.servegatt(TABLE);
    this.rig.run(20_000);
    this.rig.bt.startadvertise("\x02\x01\x06", 20, 20);
    this.rig.run(35_000);
  }
}

function run(seed: number, links: number, steps: number, more: (chaos: Chaos) => void): Chaos {
  const chaos = new Chaos(seed, links);
  const { rig } = chaos;
  try {
    for (let i = 0; i < steps; i++) {
      if (chaos.draw(3) === 0) chaos.any();
      else chaos.other();
      more(chaos);
      rig.run(chaos.draw(4) ? chaos.draw(12) : chaos.draw(700));
    }
    chaos.calm();
    for (const link of chaos.links) {
      if (link.ours) assert.deepEqual(link.closed, [], "onclose of a link that we have closed");
      else assert.equal(link.closed.length, 1, "onclose, once");
    }
    const commands = rig.board.chip.log.length;
    assert.equal(rig.board.chip.controller.connections.all.length, 0, "no link is left");
    rig.run(20_000);
    // Quiet: the question whether the chip is there, and nothing else.
    assert.deepEqual([...new Set(rig.board.chip.log.slice(commands).map((c: any) => c.opcode))].filter((opcode) => opcode !== OP.VERSION), []);
  } catch (error: any) {
    throw new Error(`seed ${seed}, ${links} links, the last steps: ${chaos.log.slice(-8).join("; ")}: ${error.message}`, { cause: error });
  }
  return chaos;
}

describe("whatever order things happen in", function () {
  this.timeout(60_000);

  for (const links of [1, 3]) {
    it(`${links} ${links > 1 ? "links" : "link"}: each connection ends once, nothing is lost, no rule broken`, () => {
      let made = 0;
      for (let seed = 1; seed <= 40; seed++) {
        const chaos = run(seed * 7919, links, 150, () => {});
        const { rig } = chaos;
        made += chaos.links.length;
        assert.deepEqual(rig.board.chip.violations, [], `seed ${seed}`);
        assert.deepEqual(rig.errors.map(brief), [], `seed ${seed}`);
        assert.equal(rig.bt.counters().exceptions, 0);
        home(rig, 2, links);
      }
      assert.ok(made > 150, `${made} connections`);
    });

    it(`${links} ${links > 1 ? "links" : "link"}, with noise on the wire and a chip that fails now and then`, () => {
      for (let seed = 1; seed <= 25; seed++) {
        const chaos = run(seed * 104729, links, 250, (chaos) => {
          const { chip } = chaos.rig.board;
          const what = chaos.draw(60);
          if (what < 2) chip.inject(Uint8Array.of(0x99, 0x98, what));
          else if (what === 2) chip.hardwareError(7);
          if (what < 3) chaos.log.push(`noise ${what}`);
        });
        chaos.rig.errors.length = 0;
        chaos.rig.board.chip.violations.length = 0;
        try {
          home(chaos.rig, 2, links);
        } catch (error: any) {
          throw new Error(`seed ${seed}: ${error.message}`, { cause: error });
        }
      }
    });
  }
});
