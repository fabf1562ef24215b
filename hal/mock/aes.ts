/**
 * AES-128 encryption as FIPS-197 describes it, byte by byte, for the chip's LE Encrypt. It is written to be compared with the document, not
 * to be fast or to keep a secret.
 */

const SBOX = makeSbox();

/**
 * Encrypts one block.
 * @param key 16 bytes, most significant octet first as FIPS-197 writes them
 * @param block 16 bytes, most significant octet first
 * @returns the encrypted block, a new array in the same order
 */
export function aes128(key: Uint8Array, block: Uint8Array): Uint8Array {
  if (key.length !== 16 || block.length !== 16) throw new RangeError("aes128: key and block have 16 bytes");
  const roundkeys = expand(key);
  let state = addRoundKey(block, roundkeys, 0);
  for (let round = 1; round <= 10; round++) {
    state = shiftRows(subBytes(state));
    if (round < 10) state = mixColumns(state);
    state = addRoundKey(state, roundkeys, round);
  }
  return state;
}

/** Multiplication by x in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1. */
function xtime(a: number): number {
  return ((a << 1) ^ (a & 0x80 ? 0x11b : 0)) & 0xff;
}

/** The S-box (5.1.1): 3 generates the field, so its powers name each element and its inverse. */
function makeSbox(): Uint8Array {
  const power = new Uint8Array(255);
  for (let i = 0, a = 1; i < 255; i++, a ^= xtime(a)) power[i] = a;
  const sbox = new Uint8Array(256);
  for (let i = 0; i < 255; i++) {
    const inverse = power[(255 - i) % 255];
    const doubled = inverse | (inverse << 8);
    sbox[power[i]] = inverse ^ (doubled >> 7) ^ (doubled >> 6) ^ (doubled >> 5) ^ (doubled >> 4) ^ 0x63;
  }
  sbox[0] = 0x63;
  return sbox;
}

function expand(key: Uint8Array): Uint8Array {
  const words = new Uint8Array(176);
  words.set(key);
  let rcon = 1;
  for (let i = 16; i < 176; i += 4) {
    let word = [words[i - 4], words[i - 3], words[i - 2], words[i - 1]];
    if (i % 16 === 0) {
      word = [SBOX[word[1]] ^ rcon, SBOX[word[2]], SBOX[word[3]], SBOX[word[0]]];
      rcon = xtime(rcon);
    }
    for (let k = 0; k < 4; k++) words[i + k] = words[i + k - 16] ^ word[k];
  }
  return words;
}

function addRoundKey(state: Uint8Array, roundkeys: Uint8Array, round: number): Uint8Array {
  return state.map((byte, i) => byte ^ roundkeys[16 * round + i]);
}

function subBytes(state: Uint8Array): Uint8Array {
  return state.map((byte) => SBOX[byte]);
}

/** Byte i of the state is row i % 4, column i / 4: row r moves r columns to the left. */
function shiftRows(state: Uint8Array): Uint8Array {
  return state.map((_, i) => state[(i + 4 * (i % 4)) % 16]);
}

function mixColumns(state: Uint8Array): Uint8Array {
  return state.map((byte, i) => {
    const column = i - (i % 4);
    const next = state[column + ((i + 1) % 4)];
    return xtime(byte) ^ xtime(next) ^ next ^ state[column + ((i + 2) % 4)] ^ state[column + ((i + 3) % 4)];
  });
}
