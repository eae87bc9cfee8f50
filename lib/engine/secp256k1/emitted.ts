/**
 * The verifier that we emit, as its callers see it: signatures go into the module's memory, verdicts come out.
 *
 * @module
 */
import { BATCH_MAX, ITEM, KIND } from "./layout.ts";
import { programOf } from "../programs.ts";
import { emitProgram, type ProgramExports } from "./program.ts";

/** SHA-256 of some bytes. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;
/** Fills bytes at random, so that nobody can foresee them. */
export type FillRandom = (bytes: Uint8Array) => void;

/** How a verifier is made. */
export interface VerifierOptions {
  /** Whether wide instructions may be used. */
  readonly wide: boolean;
  readonly sha256: Sha256;
  readonly fillRandom: FillRandom;
  /** From so many keys on tables are made together; for tests. */
  readonly togetherMin?: number;
}

/** First bytes of the public keys that ECDSA takes, with the length of each key. */
const KEY_BYTES = new Map<number, number>([
  [KIND.even, 33],
  [KIND.odd, 33],
  [KIND.uncompressed, 65],
  [KIND.hybridEven, 65],
  [KIND.hybridOdd, 65],
]);
const TAG = "BIP0340/challenge";
/** The tag's hash twice, r, and the key, before the message. */
const CHALLENGE_HEAD_BYTES = 128;

/** Digits of the sum, in bits, for so many signatures. */
function bitsFor(count: number): number {
  if (count < 24) return 5;
  if (count < 100) return 6;
  return count < 400 ? 7 : 8;
}

/** Verifies ECDSA and BIP340 signatures of secp256k1, in batches of at most {@link BATCH_MAX}. */
export class EmittedVerifier {
  readonly wide: boolean;
  /** Bytes of memory that the module has. */
  readonly memoryBytes: number;
  readonly #exports: ProgramExports;
  readonly #memory: Uint8Array;
  readonly #view: DataView;
  readonly #items: number;
  readonly #random: number;
  readonly #sha256: Sha256;
  readonly #fillRandom: FillRandom;
  readonly #challenge = new Uint8Array(CHALLENGE_HEAD_BYTES + 32);
  #count = 0;

  constructor(options: VerifierOptions) {
    // A test's own number of keys is in no prepared program.
    const { bytes, items, random, memoryBytes } = options.togetherMin === undefined
      ? programOf("secp256k1", options.wide, emitProgram)
      : emitProgram(options.wide, options.togetherMin);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
    this.wide = options.wide;
    this.memoryBytes = memoryBytes;
    this.#exports = exports as unknown as ProgramExports;
    this.#memory = new Uint8Array(this.#exports.memory.buffer);
    this.#view = new DataView(this.#exports.memory.buffer);
    [this.#items, this.#random] = [items, random];
    [this.#sha256, this.#fillRandom] = [options.sha256, options.fillRandom];
    this.#exports.start();
    const tag = this.#sha256(new TextEncoder().encode(TAG));
    this.#challenge.set(tag);
    this.#challenge.set(tag, tag.length);
  }

  /** Signatures that were added and not verified yet. */
  get count(): number {
    return this.#count;
  }

  /** Whether there is no room for another one. */
  get isFull(): boolean {
    return this.#count === BATCH_MAX;
  }

  #next(): number {
    if (this.isFull) throw new RangeError(`at most ${BATCH_MAX} signatures at a time`);
    return this.#items + ITEM.bytes * this.#count++;
  }

  /**
   * Adds an ECDSA signature of a digest: r and s, 32 bytes each, and a key of 33 bytes, or of 65 (uncompressed, or hybrid).
   *
   * @throws RangeError when {@link EmittedVerifier.isFull}
   */
  addEcdsa(digest: Uint8Array, signature: Uint8Array, key: Uint8Array): void {
    const at = this.#next();
    const [kind = 0] = key;
    const isSound = digest.length === 32 && signature.length === 64 && key.length === KEY_BYTES.get(kind);
    this.#view.setInt32(at + ITEM.kind, isSound ? kind : KIND.bad, true);
    if (!isSound) return;
    this.#memory.set(digest, at + ITEM.message);
    this.#memory.set(signature, at + ITEM.r);
    this.#memory.set(key.subarray(1), at + ITEM.x);
  }

  /** Adds a BIP340 signature (64 bytes) of a message by a key of 32 bytes. @throws RangeError as {@link EmittedVerifier.addEcdsa} */
  addSchnorr(message: Uint8Array, signature: Uint8Array, key: Uint8Array): void {
    const at = this.#next();
    const isSound = signature.length === 64 && key.length === 32;
    this.#view.setInt32(at + ITEM.kind, isSound ? KIND.schnorr : KIND.bad, true);
    if (!isSound) return;
    let challenge = this.#challenge;
    if (message.length !== 32) {
      challenge = new Uint8Array(CHALLENGE_HEAD_BYTES + message.length);
      challenge.set(this.#challenge.subarray(0, 64));
    }
    challenge.set(signature.subarray(0, 32), 64);
    challenge.set(key, 96);
    challenge.set(message, CHALLENGE_HEAD_BYTES);
    this.#memory.set(this.#sha256(challenge), at + ITEM.message);
    this.#memory.set(signature, at + ITEM.r);
    this.#memory.set(key, at + ITEM.x);
  }

  /**
   * Adds the question whether `output` (32 bytes, x only, with the parity of its y) is the key `internal` (32 bytes) with
   * the tweak `tweak` (32 bytes) added, as BIP341 has it. @throws RangeError as {@link EmittedVerifier.addEcdsa}
   */
  addTweak(internal: Uint8Array, tweak: Uint8Array, output: Uint8Array, isOdd: boolean): void {
    const at = this.#next();
    const isSound = internal.length === 32 && tweak.length === 32 && output.length === 32;
    this.#view.setInt32(at + ITEM.kind, isSound ? KIND.tweak : KIND.bad, true);
    if (!isSound) return;
    this.#memory.set(output, at + ITEM.r);
    this.#memory.set(tweak, at + ITEM.s);
    this.#memory.set(internal, at + ITEM.x);
    this.#memory[at + ITEM.y] = Number(isOdd);
  }

  /** Verifies what was added since the last call, each signature by itself, in the order in which they came. */
  verdicts(): boolean[] {
    const count = this.#count;
    this.#count = 0;
    this.#exports.verify(count);
    return Array.from(
      { length: count },
      (_, i) => this.#view.getInt32(this.#items + ITEM.bytes * i + ITEM.verdict, true) === 1,
    );
  }

  /** Whether everything that was added since the last call is a good BIP340 signature, as one sum. */
  areAllGood(bits: number = bitsFor(this.#count)): boolean {
    const count = this.#count;
    this.#count = 0;
    if (count === 0) return true;
    this.#fillRandom(this.#memory.subarray(this.#random, this.#random + 16 * count));
    return this.#exports.verifySum(count, bits) === 1;
  }
}
