/**
 * Class groups by the module that we emit: numbers go into its memory and come out of it.
 *
 * @module
 */
import { type Arithmetic, CANDIDATES_MAX, type Factor, lucasParameters, type Sha256 } from "./arithmetic.ts";
import { BLOCKS_MAX, CHALLENGE_BITS, DISCRIMINANT_BITS, FOUND } from "./hash-to-prime.ts";
import { FORM, OPERATION } from "./forms.ts";
import { WORDS_AT, WORDS_MAX } from "./integers.ts";
import { type Form, magnitude, squareRoot } from "./numbers.ts";
import { isSmall } from "./portable.ts";
import { hashToPrime, isPrime } from "./portable-primes.ts";
import { RESULT, stepsOfProduct } from "./powers.ts";
import { emitProgram, type Program, type ProgramExports } from "./program.ts";
import { programOf } from "../programs.ts";
import { BLOCK_BYTES } from "../sha256/functions.ts";

const WORD = (1n << 64n) - 1n;
/** Padding of SHA-256: a 1 bit, and the length in 8 bytes. */
const PADDING_MIN = 9;

/** The module, with an instance of it. */
export class EmittedArithmetic implements Arithmetic {
  /** Bytes of the module, and of the memory that it has. */
  readonly moduleBytes: number;
  readonly memoryBytes: number;
  readonly #program: Program;
  readonly #exports: ProgramExports;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #sha256: Sha256;

  constructor({ wide, sha256 }: { readonly wide: boolean; readonly sha256: Sha256 }) {
    this.#program = programOf("class-group", wide, emitProgram);
    this.moduleBytes = this.#program.bytes.length;
    this.memoryBytes = this.#program.memoryBytes;
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(this.#program.bytes));
    this.#exports = exports as unknown as ProgramExports;
    this.#bytes = new Uint8Array(this.#exports.memory.buffer);
    this.#view = new DataView(this.#exports.memory.buffer);
    this.#sha256 = sha256;
    this.#exports.start();
  }

  gcd(a: bigint, b: bigint): readonly [bigint, bigint] {
    const { numbers, gcd, gcdCofactor } = this.#program;
    this.#put(numbers[0], a);
    this.#put(numbers[1], b);
    this.#exports.gcd();
    return [this.#get(gcd), this.#get(gcdCofactor)];
  }

  cofactor(a: bigint, b: bigint): bigint {
    const { numbers, cofactor } = this.#program;
    this.#put(numbers[0], a);
    this.#put(numbers[1], b);
    this.#setBound(squareRoot(a));
    this.#exports.cofactor();
    return this.#get(cofactor);
  }

  reduce(form: Form): Form {
    this.#putForm(RESULT, form);
    this.#exports.reduce();
    return this.#form(RESULT);
  }

  product(factors: readonly [Factor, Factor], bound: bigint): Form {
    this.#setBound(bound);
    factors.forEach(({ base }, i) => this.#putForm(1 + i, base));
    let at = this.#program.steps;
    const steps = stepsOfProduct(factors.map(({ base, exponent }) => ({ exponent, isSmall: isSmall(base) })));
    for (const { operation, to, x, y } of steps) {
      this.#view.setInt32(at, OPERATION[operation], true);
      this.#view.setInt32(at + 4, this.#formAt(to), true);
      this.#view.setInt32(at + 8, this.#formAt(x), true);
      this.#view.setInt32(at + 12, this.#formAt(y), true);
      at += OPERATION.bytes;
    }
    this.#view.setInt32(at, OPERATION.end, true);
    this.#exports.run();
    return this.#form(RESULT);
  }

  hashToPrime(seed: Uint8Array, bits: number, kind: "challenge" | "discriminant"): bigint {
    return this.#quickPrime(seed, bits, kind) ?? hashToPrime(this.#sha256, seed, bits, kind);
  }

  /** Undefined where the module does not know how: other sizes, seeds of other lengths, and a counter that runs over. */
  #quickPrime(seed: Uint8Array, bits: number, kind: "challenge" | "discriminant"): bigint | undefined {
    const { find264, lucas264, find1024, lucas1024 } = this.#exports;
    const isChallenge = kind === "challenge" && bits === CHALLENGE_BITS;
    const isDiscriminant = kind === "discriminant" && bits === DISCRIMINANT_BITS;
    const [find, lucas] = isChallenge ? [find264, lucas264] : isDiscriminant ? [find1024, lucas1024] : [];
    if (find === undefined || lucas === undefined) return undefined;
    const rest = seed.length % BLOCK_BYTES;
    const blocks = (seed.length - rest) / BLOCK_BYTES;
    // Of a counter of fewer bytes than four the candidates come round.
    if (blocks > BLOCKS_MAX || rest < 4 || rest > BLOCK_BYTES - PADDING_MIN) return undefined;
    const { blocks: blocksAt, lastBlock, candidate } = this.#program;
    this.#bytes.set(seed.subarray(0, seed.length - rest), blocksAt);
    this.#exports.absorb(blocks);
    this.#bytes.fill(0, lastBlock, lastBlock + BLOCK_BYTES);
    this.#bytes.set(seed.subarray(seed.length - rest), lastBlock);
    this.#bytes[lastBlock + rest] = 0x80;
    this.#view.setUint32(lastBlock + BLOCK_BYTES - 4, 8 * seed.length);
    for (let tries = 0; tries < CANDIDATES_MAX; tries++) {
      if (find(rest, CANDIDATES_MAX) !== FOUND.candidate) return undefined;
      const n = this.#words(candidate, Math.ceil(bits / 64));
      if (isPrimeAtLast(n, lucas)) return n;
    }
    return undefined;
  }

  #setBound(bound: bigint): void {
    const at = this.#program.bound;
    this.#bytes.fill(0, at + WORDS_AT, at + WORDS_AT + 8 * WORDS_MAX);
    this.#put(at, bound);
  }

  #formAt(index: number): number {
    return this.#program.forms + FORM.bytes * index;
  }

  #putForm(index: number, { a, b, c }: Form): void {
    const at = this.#formAt(index);
    this.#put(at + FORM.a, a);
    this.#put(at + FORM.b, b);
    this.#put(at + FORM.c, c);
  }

  #form(index: number): Form {
    const at = this.#formAt(index);
    return { a: this.#get(at + FORM.a), b: this.#get(at + FORM.b), c: this.#get(at + FORM.c) };
  }

  #put(at: number, value: bigint): void {
    let [rest, count] = [magnitude(value), 0];
    while (rest !== 0n) {
      this.#view.setBigUint64(at + WORDS_AT + 8 * count++, rest & WORD, true);
      rest >>= 64n;
    }
    this.#view.setInt32(at, value < 0n ? -count : count, true);
  }

  #get(at: number): bigint {
    const size = this.#view.getInt32(at, true);
    const value = this.#words(at + WORDS_AT, Math.abs(size));
    return size < 0 ? -value : value;
  }

  #words(at: number, count: number): bigint {
    let text = "0x0";
    for (let i = count - 1; i >= 0; i--) {
      text += this.#view.getBigUint64(at + 8 * i, true).toString(16).padStart(16, "0");
    }
    return BigInt(text);
  }
}

/** The last test of a candidate. */
function isPrimeAtLast(n: bigint, lucas: (p: bigint, q: bigint) => number): boolean {
  // The module passes over what has so many zeros.
  if ((n - 1n & 0xffff_ffffn) === 0n) return isPrime(n);
  const parameters = lucasParameters(n);
  return parameters !== undefined && lucas(parameters.p, parameters.q) === 1;
}
