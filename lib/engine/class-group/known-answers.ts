/**
 * Known answers: a discriminant, a proof of it in two segments, and the same with one thing changed, which every implementation
 * must tell apart before it is trusted. Made by chiavdf 1.2.0 from the SHA-256 of the text `gemel known answer: challenge 53`; of
 * the first hundred that is one whose prime is the sixth candidate, so that the test is short.
 *
 * @module
 */
import { fromHex } from "../../codec/hex.ts";
import type { ClassGroup, TimeProof } from "./mod.ts";

const SEED = "20198eb9ee5e7cc983a7ed504c54d33b19e23cc97fc4bfa6279a5bf1cfecd2ab";
const BITS = 1_024;
const DISCRIMINANT =
  "bb9f6928beb0dc318a3b15463a874de56f88ee33da7355d3987d44d31bc537930974b78b4646874e9a4ec10ce3ad68bc9ed3" +
  "5840124946dd1c435663eb66e674404ee597afd110ff57ee2ca978b232ad18ad4b79fbb5f331756453dc9b7273786a693aad" +
  "6a58983b909e03c1f6851558b581c5c9e6963a3dec1b41881f95f6e7";
const OUTPUT = "0200a4464ecdce2a80235920a968852ce475e6e8561b1c7d8153fb2164fe9dabb65a3fa1ec8706a0688f03a3cde3c914fb53" +
  "b249eb60eee614bad2e66366ba9ce92b13787312612169094c742d928d4541535a3a0d4e9136173498eaf20888c340190100";
const WITNESS = "020058aadb1699558aa4a658d2bc8ae0787216be2e530d12817338d4ed66f245e5a0ae3b749473bdd0f97c5e465786023e60" +
  "1b8102fd5dbf03faf4ed8cb48de825468ba096b255daa3695c23b800c091ccabe0b9e27c2a915999506c31a920bd63150100" +
  "0000000000000150fe8ab55c8879a1a1ddd113d3389a95b2ac69733ebe0aa1a230be3465f6f39e78ed01007f52cd90381d85" +
  "69591c4bd9e9d5b4c6fa03d81d62574f88a58b8601b486a900301326c7daaa69f2a6555bf4e8c79305e4bdbd23d0009d91a9" +
  "a9dfcc1412f642ae327b3a9f4a673db63449939a723eeb2b61708cc43e105aba4d1410d864fa0f0100";
const ITERATIONS = 672n;
/** The generator. */
const INPUT = Uint8Array.from({ length: 100 }, (_, i) => (i === 0 ? 8 : 0));

/** A challenge with its discriminant. */
export const knownDiscriminant = () => ({
  seed: fromHex(SEED),
  bits: BITS,
  discriminant: -BigInt(`0x${DISCRIMINANT}`),
});

/** Proofs with their verdicts. */
export function knownProofs(): readonly { readonly proof: TimeProof; readonly isRight: boolean }[] {
  const proof: TimeProof = {
    discriminant: knownDiscriminant().discriminant,
    input: INPUT,
    output: fromHex(OUTPUT),
    witness: fromHex(WITNESS),
    witnessType: 1,
    iterations: ITERATIONS,
  };
  const inverse = proof.output.slice();
  inverse[0]! ^= 1;
  const challenge = proof.witness.slice();
  challenge[120]! ^= 1;
  return [
    { proof, isRight: true },
    // The inverse of y is as good a form as y.
    { proof: { ...proof, output: inverse }, isRight: false },
    { proof: { ...proof, witness: challenge }, isRight: false },
  ];
}

/** @throws Error when an implementation gives another answer */
export function selfTest(implementation: ClassGroup): void {
  const { seed, bits, discriminant } = knownDiscriminant();
  if (implementation.createDiscriminant(seed, bits) !== discriminant) {
    throw new Error("class group: the known discriminant is another one");
  }
  for (const [i, { proof, isRight }] of knownProofs().entries()) {
    if (implementation.verify(proof) !== isRight) throw new Error(`class group: known proof ${i} is not ${isRight}`);
  }
}
