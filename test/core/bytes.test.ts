import assert from "node:assert/strict";
import { hex, parseAddress } from "../../core/bytes/hex.js";
import { append, createRing, drop, unwrap, type Ring } from "../../core/bytes/ring.js";
import { Random } from "../../hal/mock/index.js";

/** Where the next `length` bytes lie in one piece, or -1 where fewer are there. */
function peek(ring: Ring, length: number): number {
  if (length > ring._used) return -1;
  if (ring._tail + length > ring._size) unwrap(ring);
  return ring._tail;
}

describe("bytes: ring", () => {
  it("gives back what it took, in order and in one piece, however it is cut", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new Random(seed);
      const [size, reserve] = [64 + random.below(64), 1 + random.below(64)];
      const gauge = { most: 0 };
      const ring = createRing(size, reserve, gauge);
      const model: number[] = [];
      let most = 0;
      for (let round = 0; round < 500; round++) {
        const data = new Uint8Array(random.below(40));
        random.fill(data);
        const from = random.below(data.length + 1);
        const text = random.below(2) === 1;
        const room = Math.min(size - model.length, data.length - from);
        assert.equal(append(ring, text ? String.fromCharCode(...data) : data, from), room);
        model.push(...data.subarray(from, from + room));
        // The transport's array is its own again.
        data.fill(0xdb);
        most = Math.max(most, model.length);
        assert.equal(gauge.most, most);
        const length = random.below(reserve) + 1;
        const at = peek(ring, length);
        if (length > model.length) assert.equal(at, -1);
        else assert.deepEqual([...ring._bytes.subarray(at, at + length)], model.slice(0, length));
        const gone = random.below(Math.min(model.length, 50) + 1);
        drop(ring, gone);
        model.splice(0, gone);
      }
    }
  });

  it("takes a full ring and not one byte more", () => {
    const ring = createRing(8, 8, { most: 0 });
    assert.equal(append(ring, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9), 0), 8);
    assert.equal(append(ring, Uint8Array.of(9), 0), 0);
    assert.equal(peek(ring, 8), 0);
    drop(ring, 3);
    assert.equal(append(ring, "\xff\xfe\xfd\xfc", 0), 3);
    const at = peek(ring, 8);
    assert.deepEqual([...ring._bytes.subarray(at, at + 8)], [4, 5, 6, 7, 8, 255, 254, 253]);
  });
});

describe("bytes: hex", () => {
  it("writes lower-case digits in either order", () => {
    const bytes = Uint8Array.of(0, 0xde, 0xad, 0x0f, 9);
    assert.equal(hex(bytes, 1, 3), "dead0f");
    assert.equal(hex(bytes, 1, 3, true), "0faddE".toLowerCase());
    assert.equal(hex(bytes, 0, 0), "");
  });

  it("reads addresses in either case, with and without separators", () => {
    const expected = [0xac, 0x1f, 0x12, 0xa1, 0x43, 0x4f];
    for (const text of ["4f43a1121fac", "4F43A1121FAC", "4F:43:A1:12:1F:AC", "4f-43-a1-12-1f-ac", "4f43.a112.1fac"]) {
      assert.deepEqual([...(parseAddress(text) ?? [])], expected, text);
    }
  });

  it("reads nothing else", () => {
    const wrong = ["", "4f43a1121fa", "4f43a1121fac0", "4f43a1121fag", "0x4f43a1121f", null, undefined, 1, {}, [], "zz:zz:zz:zz:zz:zz"];
    for (const text of wrong) assert.equal(parseAddress(text), null, String(text));
  });
});
