/**
 * The S-box, and doubling in the field of its bytes; made when they are first needed. Typed arrays: on Espruino one of 256 numbers takes 23 variables
 * instead of 430. The short arrays below are plain: on Espruino as quick as typed ones, on JerryScript and duktape nearly twice as quick.
 */
const substitutes = new Uint8Array(256);
const doubles = new Uint8Array(256);

/** `power` goes through the powers of 3, `inverse` through their inverses. */
function makeTables(): void {
  let power = 1;
  let inverse = 1;
  do {
    doubles[power] = (power << 1) ^ ((power >> 7) * 283);
    power ^= doubles[power];
    inverse ^= inverse << 1;
    inverse ^= inverse << 2;
    inverse = (inverse ^ (inverse << 4)) & 255;
    inverse ^= (inverse >> 7) * 9;
    const bits = inverse * 257;
    substitutes[power] = bits ^ (bits >> 4) ^ (bits >> 5) ^ (bits >> 6) ^ (bits >> 7) ^ 99;
  } while (power != 1);
  substitutes[0] = 99;
}

/**
 * Encrypts a block in place with AES-128 (FIPS-197), everything most significant octet first. The round keys are made on the way and not kept.
 *
 * The steps are the same for every key and block, but it is not constant time where memory is not: secret bytes are looked up in tables. A
 * microcontroller without a data cache takes as long for one place as for another.
 * @param key 16 bytes
 * @param block 16 bytes
 */
export function encryptBlock(key: Uint8Array, block: Uint8Array): void {
  const box = substitutes;
  const twice = doubles;
  const round: number[] = [];
  let state: number[] = [];
  let next: number[] = [];
  let constant = 1;
  if (!box[0]) makeTables();
  for (let i = 0; i < 16; i++) {
    round[i] = key[i];
    next[i] = key[i] ^ block[i];
  }
  for (let turn = 0; turn < 10; turn++) {
    const last = state;
    let k0 = box[round[13]] ^ constant;
    let k1 = box[round[14]];
    let k2 = box[round[15]];
    let k3 = box[round[12]];
    constant = twice[constant];
    state = next;
    next = last;
    for (let i = 0; i < 16; i += 4) {
      let a = box[state[i]];
      let b = box[state[(i + 5) & 15]];
      let c = box[state[(i + 10) & 15]];
      let d = box[state[(i + 15) & 15]];
      if (turn < 9) {
        const first = a;
        const all = a ^ b ^ c ^ d;
        a ^= all ^ twice[a ^ b];
        b ^= all ^ twice[b ^ c];
        c ^= all ^ twice[c ^ d];
        d ^= all ^ twice[d ^ first];
      }
      next[i] = a ^ (k0 = round[i] ^= k0);
      next[i + 1] = b ^ (k1 = round[i + 1] ^= k1);
      next[i + 2] = c ^ (k2 = round[i + 2] ^= k2);
      next[i + 3] = d ^ (k3 = round[i + 3] ^= k3);
    }
  }
  block.set(next);
}
