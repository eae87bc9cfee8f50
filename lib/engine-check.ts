/**
 * Tries the heavy arithmetic on this machine: which implementation runs, whether it judges signatures and proofs rightly, on
 * this thread and on others, and how many it verifies a second.
 *
 * @module
 */
import { schnorr, secp256k1 } from "@noble/curves/secp256k1.js";
import { signatureVerdicts } from "./bitcoin/chain/signature-job.ts";
import { messageProduct } from "./chia/chain/signature-job.ts";
import { timeProofVerdicts } from "./chia/chain/time-proof-job.ts";
import { fromHex, toHex } from "./codec/hex.ts";
import { sha256 } from "./codec/sha256.ts";
import type { Clock, Random, Workers } from "./core/ports.ts";
import { InlineWorkers } from "./core/work/inline-workers.ts";
import { arithmetic } from "./engine/arithmetic.ts";
import { useRandomBytes } from "./engine/random-bytes.ts";
import { AUGMENTED_DST, type SignedMessage } from "./engine/bls12-381/mod.ts";
import { knownProofs } from "./engine/class-group/known-answers.ts";
import type { Engine, EngineTrouble } from "./engine/engine.ts";
import { checksToBytes } from "./engine/secp256k1/check-bytes.ts";
import type { Check } from "./engine/secp256k1/mod.ts";

/** How it is tried. */
export interface EngineCheckOptions {
  /** Threads beside this one; 0: on this one alone. */
  readonly threads: number;
  /** This implementation, or a slower one where it does not work. */
  readonly engine: Engine;
  /** How long each kind of work is measured, on each number of threads. */
  readonly durationMs: number;
}

/** One kind of work. */
export interface EngineCheckRow {
  readonly work: string;
  readonly engine: Engine;
  /** Until the first answer: made, its known answers held against it, and one job done, which is the slowest of all. */
  readonly firstMs: number;
  /** Verifications a second on this thread. */
  readonly perSecond: number;
  /** The same on all threads together; absent where there are none. */
  readonly perSecondOnThreads?: number;
  /** Whether every answer, here and on threads, was the right one. */
  readonly isRight: boolean;
}

/** What came of it. */
export interface EngineCheck {
  readonly rows: readonly EngineCheckRow[];
  /** Implementations that were passed over, and why. */
  readonly troubles: readonly EngineTrouble[];
}

/** What it takes of its surroundings. */
export interface EngineCheckParts {
  readonly clock: Pick<Clock, "monotonic">;
  readonly random: Pick<Random, "bytes">;
  readonly openWorkers: (threadsMax: number) => Workers;
}

/** A kind of work, of which the right answers are known. */
interface Work {
  readonly name: string;
  /** Verifications at once. */
  readonly count: number;
  /** Does it once, with bad signatures among the good ones, where `withBad` says so: they take other ways. */
  readonly once: (
    workers: Workers,
    withBad: boolean,
  ) => Promise<{ readonly engine: Engine; readonly isRight: boolean }>;
}

const SIGNATURES = 128;
const MESSAGES = 32;
/** Each of so many is a bad one. */
const BAD_EVERY = 16;

const isBad = (i: number) => i % BAD_EVERY === 5;
const text = (words: string) => new TextEncoder().encode(words);

/** The same with one bit of the signature changed. */
function altered<C extends Check>(check: C): C {
  if (check.kind === "tweak") return check;
  const signature = check.signature.slice();
  signature[40]! ^= 1;
  return { ...check, signature };
}

/** Signatures under keys that are no secret. */
function signatures(kind: "ecdsa" | "schnorr", engine: Engine): Work {
  const good = Array.from({ length: SIGNATURES }, (_, i): Check => {
    const [secret, digest] = [sha256(text(`gemel check: key ${i}`)), sha256(text(`gemel check: message ${i}`))];
    if (kind === "schnorr") {
      const signature = schnorr.sign(digest, secret, new Uint8Array(32));
      return { kind, message: digest, signature, key: schnorr.getPublicKey(secret) };
    }
    const signature = secp256k1.sign(digest, secret, { prehash: false });
    return { kind, digest, signature, key: secp256k1.getPublicKey(secret) };
  });
  const mixed = checksToBytes(good.map((check, i) => (isBad(i) ? altered(check) : check)));
  const onlyGood = checksToBytes(good);
  return {
    name: kind === "ecdsa" ? "ECDSA signatures" : "BIP340 signatures",
    count: SIGNATURES,
    async once(workers, withBad) {
      const checks = withBad ? mixed : onlyGood;
      const { engine: which, verdicts } = await workers.run(signatureVerdicts, { checks, engine });
      return { engine: which, isRight: good.every((_, i) => verdicts[i] === (withBad && isBad(i) ? 0 : 1)) };
    },
  };
}

/** The generator of G1, as bytes. */
export const G1: Uint8Array = fromHex(
  "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb",
);

/** The aggregate signature of messages under the keys of the secrets 1, 2, 3 and so on: its product of pairings. */
async function messages(engine: Engine): Promise<Work> {
  const bls12381 = await arithmetic(engine).bls12381();
  const must = (point: Uint8Array | undefined) => {
    if (point === undefined) throw new Error("a point of BLS12-381 is found to be none");
    return point;
  };
  const secrets = Array.from({ length: MESSAGES }, (_, i) => Uint8Array.of(i + 1));
  const signed = secrets.map((secret, i): SignedMessage => [
    must(bls12381.multiply("g1", G1, secret)),
    sha256(text(`gemel check: message ${i}`)),
  ]);
  const signature = must(bls12381.add(
    "g2",
    signed.map(([key, message], i) => {
      const hashed = bls12381.hash("g2", Uint8Array.of(...key, ...message), AUGMENTED_DST);
      return must(bls12381.multiply("g2", hashed, secrets[i]!));
    }),
  ));
  /** Products that the signature was held against, by implementation. */
  const right = new Map<Engine, string>();
  return {
    name: "BLS12-381 messages",
    count: MESSAGES,
    async once(workers) {
      const { engine: which, product } = await workers.run(messageProduct, { signed, engine });
      const hex = product === undefined ? "" : toHex(product);
      if (!right.has(which) && (await arithmetic(which).bls12381()).isSigned([must(product)], signature)) {
        right.set(which, hex);
      }
      return { engine: which, isRight: right.get(which) === hex };
    },
  };
}

function timeProofs(engine: Engine): Work {
  const known = knownProofs();
  const proofs = known.map(({ proof }) => proof);
  return {
    name: "proofs of time",
    count: proofs.length,
    async once(workers) {
      const { engine: which, verdicts } = await workers.run(timeProofVerdicts, { proofs, engine });
      return { engine: which, isRight: known.every(({ isRight }, i) => verdicts[i] === isRight) };
    },
  };
}

/** Does a kind of work again and again for so long, so many at a time. */
async function measure(
  { once, count }: Work,
  workers: Workers,
  clock: EngineCheckParts["clock"],
  { atOnce, durationMs, withBad = false }: {
    readonly atOnce: number;
    readonly durationMs: number;
    readonly withBad?: boolean;
  },
): Promise<{ readonly perSecond: number; readonly isRight: boolean }> {
  const began = clock.monotonic();
  let [done, areRight] = [0, true];
  const line = async () => {
    do {
      const { isRight } = await once(workers, withBad);
      areRight &&= isRight;
      done++;
    } while (clock.monotonic() - began < durationMs);
  };
  await Promise.all(Array.from({ length: atOnce }, line));
  return { perSecond: done * count / (clock.monotonic() - began) * 1_000, isRight: areRight };
}

async function row(
  work: Work,
  { threads, durationMs }: EngineCheckOptions,
  clock: EngineCheckParts["clock"],
  { here, pool }: { readonly here: Workers; readonly pool: Workers | undefined },
): Promise<EngineCheckRow> {
  const began = clock.monotonic();
  const first = await work.once(here, true);
  const firstMs = clock.monotonic() - began;
  const alone = await measure(work, here, clock, { atOnce: 1, durationMs });
  const isRight = first.isRight && alone.isRight;
  const told = { work: work.name, engine: first.engine, firstMs, perSecond: alone.perSecond };
  if (pool === undefined) return { ...told, isRight };
  const terms = { atOnce: 2 * threads, durationMs };
  // What threads compile while they are new is not measured.
  const warm = await measure(work, pool, clock, { ...terms, withBad: true });
  const among = await measure(work, pool, clock, terms);
  return { ...told, perSecondOnThreads: among.perSecond, isRight: isRight && warm.isRight && among.isRight };
}

/** Tries every kind of work, each for `durationMs` here and twice as long on threads. */
export async function checkEnginesWith(
  options: EngineCheckOptions,
  { clock, random, openWorkers }: EngineCheckParts,
): Promise<EngineCheck> {
  useRandomBytes((length) => random.bytes(length));
  const { threads, engine } = options;
  const [here, pool] = [new InlineWorkers(), threads > 0 ? openWorkers(threads) : undefined];
  const kinds = [
    () => signatures("ecdsa", engine),
    () => signatures("schnorr", engine),
    () => messages(engine),
    () => timeProofs(engine),
  ];
  try {
    const rows: EngineCheckRow[] = [];
    for (const kind of kinds) rows.push(await row(await kind(), options, clock, { here, pool }));
    return { rows, troubles: arithmetic(engine).troubles };
  } finally {
    await pool?.close();
  }
}
