/**
 * The aggregate signature of a block, shared by several threads: each multiplies the pairings of some of the messages, and
 * the signature is held against the products.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Job, Workers } from "../../core/ports.ts";
import type { SignedMessage } from "../../engine/bls12-381/mod.ts";
import { arithmetic } from "../../engine/arithmetic.ts";
import type { Engine } from "../../engine/engine.ts";

/** A thread gets so many messages at least: with fewer the way there and back costs more than it saves. */
const MESSAGES_MIN = 16;

/** Messages, and by which implementation or a slower one they are worked on. */
export interface MessageInput {
  readonly signed: readonly SignedMessage[];
  readonly engine: Engine;
}

/** The product of pairings, undefined when a key is no good; it means something to the same implementation only. */
export interface MessageProduct {
  readonly engine: Engine;
  readonly product: Uint8Array | undefined;
}

/** Multiplies the pairings of messages with their keys. */
export const messageProduct: Job<MessageInput, MessageProduct> = {
  name: "chia.message-product",
  deadlineMs: 60_000,
  async run({ signed, engine: from }) {
    const bls12381 = await arithmetic(from).bls12381();
    return { engine: bls12381.engine, product: bls12381.product(signed) };
  },
};

/** In equal parts; messages of one key come to the same part, where they are one pairing. */
function partsOf(signed: readonly SignedMessage[], count: number): readonly (readonly SignedMessage[])[] {
  if (count === 1) return [signed];
  const byKey = Map.groupBy(signed, ([key]) => toHex(key));
  const sorted = [...byKey.values()].flat();
  const size = Math.ceil(sorted.length / count);
  return Array.from({ length: Math.ceil(sorted.length / size) }, (_, i) => sorted.slice(i * size, (i + 1) * size));
}

/**
 * Whether a signature is the aggregate of all messages, as `AugSchemeMPL.aggregate_verify` says.
 *
 * @throws what {@link Workers.run} throws
 */
export async function isAggregateSigned(
  workers: Workers,
  signed: readonly SignedMessage[],
  signature: Uint8Array,
  { engine, signal }: { readonly engine: Engine; readonly signal?: AbortSignal },
): Promise<boolean> {
  const count = Math.max(1, Math.min(workers.threadsMax, Math.floor(signed.length / MESSAGES_MIN)));
  const parts = partsOf(signed, count);
  const answers = await Promise.all(parts.map((part) => workers.run(messageProduct, { signed: part, engine }, signal)));
  const bls12381 = await arithmetic(engine).bls12381();
  // A thread that had to take another implementation answers in other terms.
  if (answers.some((answer) => answer.engine !== bls12381.engine)) return bls12381.aggregateVerify(signed, signature);
  const products = answers.flatMap(({ product }) => product ?? []);
  return products.length === answers.length && bls12381.isSigned(products, signature);
}
