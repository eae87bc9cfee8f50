/**
 * The rule of a proof of time: Wesolowski's proof that y is x^(2^iterations), in segments of which each begins where the one
 * before ended.
 *
 * A proof is y, π, and for each further segment, the first one last: its iterations (8 bytes), its challenge (33) and its π. A
 * segment's y is not said: it is π^B x^r with r = 2^iterations modulo B, and B has to be the hash of x and y. The last segment's y
 * is said, and its B is not.
 *
 * @see Wesolowski, "Efficient verifiable delay functions" (2018); chiavdf `src/verifier.h` (CheckProofOfTimeNWesolowski)
 * @module
 */
import { type Arithmetic, CHALLENGE_BITS } from "./arithmetic.ts";
import { type Discriminant, FORM_BYTES, type ReadForm, readForm, writeForm } from "./form-bytes.ts";
import { type Form, fromBytes } from "./numbers.ts";
import { powerOfTwo } from "./portable-primes.ts";

const ITERATIONS_BYTES = 8;
const CHALLENGE_BYTES = CHALLENGE_BITS / 8;
/** Bytes of a further segment. */
export const SEGMENT_BYTES = ITERATIONS_BYTES + CHALLENGE_BYTES + FORM_BYTES;

/** The bytes of a proof, all of them a stranger's. */
export interface ProofBytes {
  /** x. */
  readonly input: Uint8Array;
  /** y. */
  readonly output: Uint8Array;
  /** π, and the further segments. */
  readonly witness: Uint8Array;
  /** How many further segments. */
  readonly witnessType: number;
  /** Of all segments, below 2^64. */
  readonly iterations: bigint;
}

function challengeOf(arithmetic: Arithmetic, x: ReadForm, y: ReadForm): bigint {
  const seed = new Uint8Array(2 * FORM_BYTES);
  seed.set(x.bytes);
  seed.set(y.bytes, FORM_BYTES);
  return arithmetic.hashToPrime(seed, CHALLENGE_BITS, "challenge");
}

/** π^B x^r. The challenge is odd and not 1, so that r is not 0. */
function outputOf(
  arithmetic: Arithmetic,
  { bound }: Discriminant,
  x: Form,
  proof: Form,
  challenge: bigint,
  iterations: bigint,
): Form {
  const rest = powerOfTwo(iterations, challenge);
  return arithmetic.product([{ base: proof, exponent: challenge }, { base: x, exponent: rest }], bound);
}

/** Whether a proof is right. Whatever the bytes are, this ends: each number is bounded by their lengths, which are checked. */
export function isProofRight(arithmetic: Arithmetic, discriminant: Discriminant, proof: ProofBytes): boolean {
  const { input, output, witness, witnessType } = proof;
  if (!Number.isSafeInteger(witnessType) || witnessType < 0) return false;
  if (witness.length !== FORM_BYTES + witnessType * SEGMENT_BYTES) return false;
  let left = proof.iterations;
  if (left < 0n || left >> 64n !== 0n) return false;
  const read = (bytes: Uint8Array) => readForm(arithmetic, discriminant, bytes);
  let x = read(input);
  if (x === undefined) return false;
  for (let at = witness.length - SEGMENT_BYTES; at >= FORM_BYTES; at -= SEGMENT_BYTES) {
    const afterIterations = at + ITERATIONS_BYTES;
    const iterations = fromBytes(witness.subarray(at, afterIterations));
    const challenge = fromBytes(witness.subarray(afterIterations, afterIterations + CHALLENGE_BYTES));
    // A hash to prime has both of these bits.
    if ((challenge & 1n) === 0n || challenge >> BigInt(CHALLENGE_BITS - 1) === 0n) return false;
    if (iterations > left) return false;
    left -= iterations;
    const segment = read(witness.subarray(afterIterations + CHALLENGE_BYTES, at + SEGMENT_BYTES));
    if (segment === undefined) return false;
    const form = outputOf(arithmetic, discriminant, x.form, segment.form, challenge, iterations);
    const y = { form, bytes: writeForm(arithmetic, discriminant, form.a, form.b) };
    if (challengeOf(arithmetic, x, y) !== challenge) return false;
    x = y;
  }
  const [y, last] = [read(output), read(witness.subarray(0, FORM_BYTES))];
  if (y === undefined || last === undefined) return false;
  const form = outputOf(arithmetic, discriminant, x.form, last.form, challengeOf(arithmetic, x, y), left);
  return form.a === y.form.a && form.b === y.form.b;
}
