import { meet, Safe, SEC } from "../support/security.js";
import { hex } from "../support/rig.js";
describe("zz", () => {
  it("dump", () => {
    for (const sc of [true, false]) {
    const safe = new Safe({ level: 3 });
    const phone = safe.phone({ sc });
    safe.rig.board.chip.hook = (opcode: number) => (opcode === SEC.ENCRYPT ? { delay: 100 } : undefined);
    const t = safe.rig.now;
    const r = meet(safe, phone, 29000);
    console.log(sc, r, safe.rig.now - t, phone.violations);
    for (const x of phone.trace) console.log((x.time - t).toFixed(1), x.sent ? ">" : "<", x.cid, hex(x.bytes).slice(0, 60));
    for (const x of safe.rig.board.chip.log) if (x.opcode >= 0x2010) console.log((x.time - t).toFixed(1), x.opcode.toString(16));
    }
  });
});
