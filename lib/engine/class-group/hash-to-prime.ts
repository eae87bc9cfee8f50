/**
 * Hash to prime in a module, for the two sizes of which there are many: challenges of 264 bits and, with wide instructions,
 * discriminants of 1,024. SHA-256
 * of a seed that is counted up, until the bits are a prime.
 *
 * @see chiavdf `src/proof_common.h` (HashPrime), `src/create_discriminant.h`
 * @module
 */
import { I32, type I64, type Module, Pointer } from "../assembler/mod.ts";
import { BLOCK_BYTES, DIGEST_BYTES, INITIAL_STATE, type Sha256Functions } from "../sha256/functions.ts";
import type { Integers } from "./integers.ts";
import { longMontgomery, modulusPlaces, shortMontgomery } from "./montgomery.ts";
import { lucasTest, strongTest } from "./primality.ts";
import { groupCount, smallDivisors } from "./small-divisors.ts";

/** Bits of a challenge and of a discriminant. */
export const CHALLENGE_BITS = 264;
export const DISCRIMINANT_BITS = 1_024;
/** Whole blocks of a seed: of a challenge it has two forms of 100 bytes. */
export const BLOCKS_MAX = 3;

/** Where a caller puts the seed, and finds the candidate. */
export interface HashToPrime {
  /** Whole blocks of the seed. */
  readonly blocks: number;
  /** The last block: the rest of the seed, and SHA-256's padding. */
  readonly lastBlock: number;
  readonly candidate: number;
}

/**
 * Makes what is exported: `absorb` takes so many whole blocks; `find264` and `find1024` look for the next candidate that passes
 * all tests but Lucas', counting up so many bytes at the start of the last block; `lucas264` and `lucas1024` judge it.
 */
export function hashToPrime(
  module: Module,
  integers: Integers,
  { compress }: Pick<Sha256Functions, "compress">,
): HashToPrime {
  const blocks = module.scratch(BLOCKS_MAX * BLOCK_BYTES);
  const last = module.scratch(BLOCK_BYTES);
  const [before, state] = [module.scratch(DIGEST_BYTES), module.scratch(DIGEST_BYTES)];
  const modulus = modulusPlaces(module);
  const { hasDivisor } = smallDivisors(module);

  module.fn({ params: ["i32"], results: [], exportAs: "absorb" }, (f, count) => {
    INITIAL_STATE.forEach((word, i) => f.put(before.at(4 * i).storeInt(word | 0)));
    f.for(0, count, (i) => f.put(compress(before, blocks.element(i, BLOCK_BYTES))));
  });

  /** The next digest. Ends with 1 when so many bytes of the last block have become 0, and what is before them should count on. */
  const next = module.fn({ params: ["i32"], results: ["i32"] }, (f, bytes) => {
    const at = f.let32(last.address.add(bytes));
    const isOver = f.let32(1);
    f.block((done) =>
      f.while(() => at.gtU(last.address), () => {
        at.set(at.sub(1));
        f.put(new Pointer(at).storeByte(new Pointer(at).byte.add(1)));
        f.if(new Pointer(at).byte, () => {
          isOver.set(0);
          f.branch(done);
        });
      })
    );
    f.copy(state, before, DIGEST_BYTES);
    f.put(compress(state, last));
    return isOver;
  });
  /** 64 bits of the digest, the highest first. */
  const word = (i: number): I64 => state.at(8 * i).int.extendU().shl(32n).or(state.at(8 * i + 4).int.extendU());
  const n = (i: number) => modulus.words.at(8 * i);

  // Without wide instructions a power of 1,024 bits takes half as long again as BigInt's.
  for (const bits of module.wide ? [CHALLENGE_BITS, DISCRIMINANT_BITS] : [CHALLENGE_BITS]) {
    const isChallenge = bits === CHALLENGE_BITS;
    const field = isChallenge
      ? shortMontgomery(module, Math.ceil(bits / 64), modulus)
      : longMontgomery(module, bits / 64, modulus, true);
    const isStrong = strongTest(module, { integers, modulus, field, bits });
    // Lucas' sums want room above the modulus.
    const wider = isChallenge ? field : longMontgomery(module, bits / 64 + 1, modulus, false);
    const isLucas = lucasTest(module, { integers, modulus, field: wider, bits });
    module.fn(
      { params: ["i64", "i64"], results: ["i32"], exportAs: `lucas${bits}` },
      (_, p, q) => isLucas(p, q),
    );
    module.fn({ params: ["i32", "i32"], results: ["i32"], exportAs: `find${bits}` }, (f, bytes, candidates) => {
      const isOver = f.i32();
      const digest = () => isOver.set(isOver.or(next(bytes)));
      const carry = f.i64();
      f.times(candidates, () => {
        if (isChallenge) {
          // 32 bytes and one more.
          digest();
          for (let i = 0; i < 4; i++) {
            f.put(n(4 - i).storeWord(i === 0 ? word(0).shrU(56n) : carry.shl(8n).or(word(i).shrU(56n))));
            carry.set(word(i));
          }
          digest();
          f.put(n(0).storeWord(carry.shl(8n).or(word(0).shrU(56n)).or(1n)), n(4).storeWord(n(4).word.or(0x80n)));
        } else {
          for (let k = 0; k < 4; k++) {
            digest();
            for (let i = 0; i < 4; i++) f.put(n(15 - 4 * k - i).storeWord(word(i)));
          }
          f.put(n(0).storeWord(n(0).word.or(7n)), n(15).storeWord(n(15).word.or(1n << 63n)));
        }
        f.if(isOver, () => f.return(I32.of(FOUND.over)));
        f.if(hasDivisor(modulus.words, Math.ceil(bits / 64), groupCount(bits)).isZero(), () => {
          f.if(isStrong(), () => f.return(I32.of(FOUND.candidate)));
        });
      });
      return I32.of(FOUND.none);
    });
  }
  return {
    blocks: blocks.base as number,
    lastBlock: last.base as number,
    candidate: modulus.words.base as number,
  };
}

/** What `find` found: none among so many; a candidate; or the counter ran over into the blocks before. */
export const FOUND = { none: 0, candidate: 1, over: 2 } as const;
