/**
 * SHA-256 as functions of a module.
 *
 * @see FIPS 180-4
 * @module
 */
import { type Fn, I32, type Local32, type Module, Pointer, type Procedure, procedure } from "../assembler/mod.ts";

/** Bytes of a digest, and of a block. */
export const DIGEST_BYTES = 32;
export const BLOCK_BYTES = 64;
const ROUNDS = 64;
/** What padding may write after a message. */
export const PADDING_MAX = BLOCK_BYTES + 8;

/** The first 32 bits of the fraction of the k-th root of a number. */
function fractionOfRoot(number: number, k: bigint): number {
  const target = BigInt(number) << 32n * k;
  let [low, high] = [0n, 1n << 40n];
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (middle ** k <= target) low = middle;
    else high = middle;
  }
  return Number(low & 0xffffffffn);
}

const PRIMES = (() => {
  const primes: number[] = [];
  for (let i = 2; primes.length < ROUNDS; i++) if (primes.every((prime) => i % prime !== 0)) primes.push(i);
  return primes;
})();
/** Section 4.2.2: of the cube roots of the first 64 primes. */
export const ROUND_CONSTANTS: readonly number[] = PRIMES.map((prime) => fractionOfRoot(prime, 3n));
/** Section 5.3.3: of the square roots of the first eight. */
export const INITIAL_STATE: readonly number[] = PRIMES.slice(0, 8).map((prime) => fractionOfRoot(prime, 2n));

/** The other byte order. The value is computed twice: give a local. */
export const swapped = (word: I32): I32 => word.rotl(8).and(0x00ff00ff).or(word.rotr(8).and(0xff00ff00 | 0));

/** The functions. */
export interface Sha256Functions {
  /** Takes the block at the second address into the state, of eight numbers, at the first. */
  readonly compress: Procedure<2>;
  /** The digest, at the first address, of so many bytes: up to {@link PADDING_MAX} bytes behind them are overwritten. */
  readonly digest: Procedure<3>;
}

/** Makes them. */
export function sha256Functions(module: Module): Sha256Functions {
  const compress = procedure(module, 2, (f, state, block) => {
    const start = Array.from({ length: 8 }, (_, i) => f.let32(state.at(4 * i).int));
    const end = compressed(f, start, Array.from({ length: 16 }, (_, i) => loadWord(f, block.at(4 * i))));
    end.forEach((word, i) => f.put(state.at(4 * i).storeInt(word.add(state.at(4 * i).int))));
  });
  const digest = procedure(module, 3, (f, out, message, length) => {
    const state = module.scratch(DIGEST_BYTES);
    INITIAL_STATE.forEach((word, i) => f.put(state.at(4 * i).storeInt(word | 0)));
    const bytes = length.address;
    const blocks = f.let32(bytes.add(BLOCK_BYTES + 8).shrU(6));
    const end = f.let32(message.address.add(bytes));
    f.put(new Pointer(end).storeByte(0x80));
    for (let i = 1; i <= PADDING_MAX - 1; i++) f.put(new Pointer(end).at(i).storeByte(0));
    const bits = f.let32(bytes.shl(3));
    const last = new Pointer(f.let32(message.address.add(blocks.shl(6)).sub(4)));
    f.put(last.storeInt(swapped(bits)));
    const at = f.let32(message.address);
    f.times(blocks, () => {
      f.put(compress(state, at));
      at.set(at.add(BLOCK_BYTES));
    });
    for (let i = 0; i < 8; i++) f.put(out.at(4 * i).storeInt(loadWord(f, state.at(4 * i))));
  });
  return { compress, digest };
}

/** Four bytes, the highest first. */
function loadWord(f: Fn, from: Pointer): Local32 {
  return f.let32(swapped(f.let32(from.int)));
}

/**
 * The eight words after 64 rounds, without the ones before them. Both lists of words are overwritten.
 *
 * @param state eight
 * @param block sixteen
 */
export function compressed(f: Fn, state: readonly Local32[], block: readonly Local32[]): readonly Local32[] {
  const v = state.map((word) => f.let32(word));
  const sum = f.i32();
  const rotations = (x: I32, first: number, middle: number, last: number) =>
    x.rotr(first).xor(x.rotr(middle)).xor(x.rotr(last));
  const schedule = (x: I32, first: number, middle: number, shift: number) =>
    x.rotr(first).xor(x.rotr(middle)).xor(x.shrU(shift));
  for (let i = 0; i < ROUNDS; i++) {
    const word = block[i % 16]!;
    if (i >= 16) {
      const [second, ninth, fifteenth] = [block[(i + 1) % 16]!, block[(i + 9) % 16]!, block[(i + 14) % 16]!];
      word.set(word.add(schedule(second, 7, 18, 3)).add(ninth).add(schedule(fifteenth, 17, 19, 10)));
    }
    // The names move by one a round instead of the words.
    const [a, b, c, d, e, g, h, k] = Array.from({ length: 8 }, (_, n) => v[(n - i + ROUNDS) % 8]!) as [
      Local32,
      Local32,
      Local32,
      Local32,
      Local32,
      Local32,
      Local32,
      Local32,
    ];
    const choice = h.xor(e.and(g.xor(h)));
    sum.set(k.add(rotations(e, 6, 11, 25)).add(choice).add(ROUND_CONSTANTS[i]! | 0).add(word));
    d.set(d.add(sum));
    const majority = a.and(b).xor(c.and(a.xor(b)));
    k.set(sum.add(rotations(a, 2, 13, 22)).add(majority));
  }
  return v;
}
