/**
 * Known answers: three messages signed by two keys, and the same with a bit changed; hashed and multiplied points. Every
 * implementation must give them before it is trusted. Made by @noble/curves from the SHA-256 of the texts
 * `gemel known answer: key 0`, `key 1`, `message 0` to `message 2`; the messages are those digests themselves.
 *
 * @module
 */
import { fromHex, toHex } from "../../codec/hex.ts";
import type { SignedMessage } from "./emitted.ts";
import type { Bls12381 } from "./mod.ts";

const KEYS = [
  "b34802a239eb190dfedebec1f1cf678ca48f5498d2b3fa3b88c47443b2528721a0fa2cb96363ef6cd334b74505e8d754",
  "93a94d6402fc5a1dece9e0a3025af411469658866bc4a16a50f46d59a04ed58ad7c36363f805b34013566ebf8dcb49f9",
] as const;
const MESSAGES = [
  "7fda7310d1f394c7dabc65276074ca6fb9c1dce23d3b2250453ea67335185ee5",
  "2393e06752c41f2275b36b2e20ba8e8cae91f636c508d73d82e8128146431e04",
  "5a22ce2b5b8941771e9bf3d969263ebd020d1ec0af953142e5f0254ede0308f8",
] as const;
/** Of the first message by the first key, the second by the second, and the third by the first. */
const SIGNATURE = "8f00a557c00997fcfa87bdb631118cd809383e77636aa2242203ece87d9af4aa378c2b631899a090a70c3f0bd16479b2" +
  "0085558706bede62c693d1fe552d2a9f96126da059eb35176043f5f55c227a594ca5f1b359104f49879e53750f254e39";
/** The first message hashed with the tag `gemel`; of G1 also times the first secret key. */
const HASHED = {
  g1: "8cbedbb38c5f774b216828368cff6b0ca37660c632f40fbdc4e714a9624f432c0508c75c34d6d171c9a9268da1c8cebf",
  g2: "963eb058a30acbdaf6c952c53a7504627a64516536ae89b28fb27d354c1227a75db311d5d2acf303a80896cb44d07099" +
    "199b4142973443179b69457e06297f967ae9f442bc0e0575b33e0babef1e8ff8e69116186853c15fb53d29dd8be6d9b1",
} as const;
const TAG = new TextEncoder().encode("gemel");

/** The signed messages and their signature. */
export function knownSignature(): { readonly signed: readonly SignedMessage[]; readonly signature: Uint8Array } {
  const keys = KEYS.map(fromHex);
  const signed = MESSAGES.map((message, i): SignedMessage => [keys[i % KEYS.length]!, fromHex(message)]);
  return { signed, signature: fromHex(SIGNATURE) };
}

/**
 * A good and a bad case of each way to a verdict, and short ones, as a module runs slowly at first. The good cases fix every
 * value on the way; a bad one need only end elsewhere.
 *
 * @throws Error when an implementation gives another answer
 */
export function selfTest(implementation: Bls12381): void {
  const { signed, signature } = knownSignature();
  const [key, message] = signed[0]!;
  const changed = message.slice();
  changed[7]! ^= 1;
  if (!implementation.aggregateVerify(signed, signature)) throw wrong("a good signature is refused");
  if (implementation.aggregateVerify([[key, changed]], signature)) throw wrong("a bad signature is taken");
  const products = [signed.slice(0, 1), signed.slice(1)].map((part) =>
    implementation.product(part) ?? new Uint8Array()
  );
  if (!implementation.isSigned(products, signature)) throw wrong("a good signature of products is refused");
  if (implementation.isSigned(products.slice(0, 1), signature)) throw wrong("a bad signature of products is taken");
  for (const group of ["g1", "g2"] as const) {
    const hashed = implementation.hash(group, message, TAG);
    if (toHex(hashed) !== HASHED[group]) throw wrong(`a message hashed to ${group} is another point`);
    // 3 P − P − P = P.
    const triple = implementation.multiply(group, hashed, Uint8Array.of(3));
    const rest = triple && implementation.add(group, [triple, hashed, hashed], true);
    if (rest === undefined || toHex(rest) !== HASHED[group]) throw wrong(`sums of ${group} are wrong`);
  }
  const [one, other] = [fromHex(HASHED.g1), fromHex(HASHED.g2)];
  const minus = implementation.negate("g1", one);
  const isOne = minus && implementation.isPairingOne([[one, other], [minus, other]]);
  if (isOne !== true || implementation.isPairingOne([[one, other]]) !== false) {
    throw wrong("a product of pairings is wrong");
  }
}

const wrong = (text: string): Error => new Error(`bls12-381: ${text}`);
