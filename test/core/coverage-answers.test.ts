import assert from "node:assert/strict";
import type { BlimpError } from "../../core/errors.js";
import type { Service } from "../../core/gatt/database.js";
import { linked, type Linked } from "../support/links.js";
import { hex } from "../support/rig.js";

const le = (value: number): string => hex([value & 255, value >> 8]);

/** Looks like an answer until somebody looks at it. */
const BAD: any = Object.defineProperty([0], 0, {
  get() {
    throw new Error("looked at");
  },
});

type Char = Service["chars"][0];

function serve(one: Partial<Char>): Linked & { handle: string } {
  const made = linked([{ uuid: 0xff00, chars: [{ uuid: 0xff01, flags: 0x0a, ...one }, { uuid: 0xff02, value: "fixed" }] }], {}, {});
  return { ...made, handle: le((made.rig.bt as any).handle(0xff00, 0xff01)) };
}

/** Told once, and the next request is served. */
function told({ rig, peer }: Linked, what: RegExp): void {
  assert.equal(rig.errors.length, 1);
  assert.match((rig.errors[0] as BlimpError).message, what);
  assert.equal(peer.att("08" + "0100ffff" + "02ff").slice(0, 2), "09");
}

describe("gatt: answers that are none", () => {
  it("bt.LATER of a handler that has not asked for reply: 0x0E at once, and onerror says what is missing", () => {
    const reads = serve({ read: () => (reads.rig.bt as any).LATER });
    assert.equal(reads.peer.att("0a" + reads.handle, 100), `010a${reads.handle}0e`);
    told(reads, /bt\.LATER needs a handler that takes reply/);

    const writes = serve({ write: () => (writes.rig.bt as any).LATER });
    assert.equal(writes.peer.att("12" + writes.handle + "00", 100), `0112${writes.handle}0e`);
    told(writes, /bt\.LATER needs a handler that takes reply/);
  });

  it("given at once, one that throws when it is looked at: 0x0E and onerror", () => {
    const started = serve({ read: () => BAD });
    assert.equal(started.peer.att("0a" + started.handle, 100), `010a${started.handle}0e`);
    told(started, /looked at/);
  });

  it("given later, one that throws when it is looked at: 0x0E and onerror", () => {
    let answer: any = null;
    const started = serve({ read: (_: any, reply: any) => ((answer = reply), (started.rig.bt as any).LATER) });
    started.peer.send(4, "0a" + started.handle);
    started.rig.run(500);
    assert.doesNotThrow(() => answer(BAD));
    assert.equal(started.peer.next(), `010a${started.handle}0e`);
    told(started, /looked at/);
  });
});
