/** The arithmetic as jobs: verdicts by way of workers, an aggregate signature in parts, and `gemel engine`'s report. */
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { signatureVerdicts } from "../../../lib/bitcoin/chain/signature-job.ts";
import { isAggregateSigned, messageProduct } from "../../../lib/chia/chain/signature-job.ts";
import { timeProofVerdicts } from "../../../lib/chia/chain/time-proof-job.ts";
import type { Job, Workers } from "../../../lib/core/ports.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { arithmetic } from "../../../lib/engine/arithmetic.ts";
import { useRandomBytes } from "../../../lib/engine/random-bytes.ts";
import { AUGMENTED_DST, type SignedMessage } from "../../../lib/engine/bls12-381/mod.ts";
import { knownProofs } from "../../../lib/engine/class-group/known-answers.ts";
import { checksFromBytes, checksToBytes } from "../../../lib/engine/secp256k1/check-bytes.ts";
import type { Check } from "../../../lib/engine/secp256k1/mod.ts";
import { CodecError } from "../../../lib/codec/error.ts";
import { knownAnswers } from "../../../lib/engine/secp256k1/known-answers.ts";
import { checkEnginesWith, G1 } from "../../../lib/engine-check.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

/** Workers that note their jobs, and may answer something else. */
class Watched implements Workers {
  readonly threadsMax: number;
  readonly inputs: unknown[] = [];
  readonly #inline = new InlineWorkers();
  readonly #answer: (output: unknown, input: unknown) => unknown;

  constructor(threadsMax: number, answer: (output: unknown, input: unknown) => unknown = (output) => output) {
    this.threadsMax = threadsMax;
    this.#answer = answer;
  }

  get counts() {
    return this.#inline.counts;
  }

  async run<In, Out>(job: Job<In, Out>, input: In): Promise<Out> {
    this.inputs.push(input);
    return this.#answer(await this.#inline.run(job, input), input) as Out;
  }

  close() {
    return this.#inline.close();
  }
}

describe("jobs of arithmetic", () => {
  const engine = "wide";
  const random = new SeededRandom(3);
  useRandomBytes((length) => random.bytes(length));

  test("signatureVerdicts tells good from bad, with good ones alone and with both", async () => {
    const known = knownAnswers();
    const good = known.filter(({ isGood }) => isGood);
    for (const each of [known, good]) {
      const checks = checksToBytes(each.map(({ check }) => check));
      const { verdicts } = await signatureVerdicts.run({ checks, engine });
      assert.deepEqual([...verdicts], each.map(({ isGood }) => Number(isGood)));
    }
  });

  test("checks are the same after their way as bytes, those of wrong lengths too", () => {
    const checks = knownAnswers().map(({ check }) => check);
    const [first] = checks.filter(({ kind }) => kind === "ecdsa");
    const odd: Check[] = [
      { ...first, key: new Uint8Array(), signature: random.bytes(300) } as Check,
      { kind: "schnorr", message: random.bytes(100_000), signature: random.bytes(64), key: random.bytes(1) },
      { kind: "tweak", internal: random.bytes(31), tweak: random.bytes(32), output: random.bytes(33), isOdd: true },
    ];
    for (const each of [[], checks, [...checks, ...odd]]) {
      const bytes = checksToBytes(each);
      assert.deepEqual(checksFromBytes(bytes), each);
      if (each.length > 0) assert.throws(() => checksFromBytes(bytes.subarray(0, -1)), CodecError);
    }
    assert.throws(() => checksFromBytes(new Uint8Array(13).fill(4, 0, 1)), RangeError);
  });

  test("timeProofVerdicts tells right from wrong", async () => {
    const known = knownProofs();
    const { verdicts } = await timeProofVerdicts.run({ proofs: known.map(({ proof }) => proof), engine });
    assert.deepEqual(verdicts, known.map(({ isRight }) => isRight));
  });

  test("the arithmetic of a thread is made once; the portable one is another", async () => {
    assert.equal(await arithmetic().bls12381(), await arithmetic("wide").bls12381());
    assert.equal((await arithmetic("portable").secp256k1()).engine, "portable");
    assert.deepEqual(arithmetic().troubles, []);
  });
});

const bls12381 = await arithmetic().bls12381();

describe("isAggregateSigned()", () => {
  const random = new SeededRandom(7);
  const infinity = new Uint8Array(48);
  infinity[0] = 0xc0;
  const base = bls12381.hash("g1", random.bytes(32), random.bytes(8));
  /** Messages under keys of which some come twice, and their signature. */
  function signed(count: number, keys: number): { readonly messages: SignedMessage[]; readonly signature: Uint8Array } {
    const messages = Array.from({ length: count }, (_, i): SignedMessage => [
      bls12381.multiply("g1", G1, Uint8Array.of(1 + i % keys))!,
      random.bytes(32),
    ]);
    const parts = messages.map(([key, message], i) =>
      bls12381.multiply(
        "g2",
        bls12381.hash("g2", Uint8Array.of(...key, ...message), AUGMENTED_DST),
        Uint8Array.of(1 + i % keys),
      )!
    );
    return { messages, signature: bls12381.add("g2", parts)! };
  }

  test("a good one is good on any number of threads, and shared by as many as it is worth", async () => {
    const { messages, signature } = signed(70, 23);
    for (const [threads, jobs] of [[0, 1], [1, 1], [3, 3], [64, 4]] as const) {
      const workers = new Watched(threads);
      assert.equal(await isAggregateSigned(workers, messages, signature, { engine: "wide" }), true);
      assert.equal(workers.inputs.length, jobs);
      const parts = workers.inputs.map((input) => (input as { signed: readonly SignedMessage[] }).signed);
      assert.deepEqual(new Set(parts.flat()), new Set(messages));
    }
  });

  test("one message that is another, or signed by another key, makes it bad, in any part", async () => {
    const { messages, signature } = signed(50, 50);
    for (const at of [0, 25, 49]) {
      const changed = messages.with(at, [messages[at]![0], random.bytes(32)]);
      assert.equal(await isAggregateSigned(new Watched(3), changed, signature, { engine: "wide" }), false);
      const other = messages.with(at, [base, messages[at]![1]]);
      assert.equal(await isAggregateSigned(new Watched(3), other, signature, { engine: "wide" }), false);
    }
  });

  test("a key that is infinity or no point makes it bad; no messages have the infinite signature", async () => {
    const { messages, signature } = signed(40, 40);
    for (const key of [infinity, infinity.with(0, 0xff), infinity.slice(1)]) {
      const changed = messages.with(17, [key, messages[17]![1]]);
      assert.equal(await isAggregateSigned(new Watched(2), changed, signature, { engine: "wide" }), false);
    }
    const none = new Uint8Array(96);
    none[0] = 0xc0;
    assert.equal(await isAggregateSigned(new Watched(2), [], none, { engine: "wide" }), true);
    assert.equal(await isAggregateSigned(new Watched(2), [], signature, { engine: "wide" }), false);
    assert.equal(await isAggregateSigned(new Watched(2), messages, none, { engine: "wide" }), false);
    assert.equal(await isAggregateSigned(new Watched(2), messages, none.slice(1), { engine: "wide" }), false);
  });

  test("a thread that answers in another implementation's terms changes no verdict", async () => {
    const { messages, signature } = signed(40, 40);
    const mixed = () =>
      new Watched(2, (output, input) => {
        const { signed } = input as { signed: readonly SignedMessage[] };
        return signed.some(([, message]) => message === messages[39]![1])
          ? messageProduct.run({ signed, engine: "portable" })
          : output;
      });
    assert.equal(await isAggregateSigned(mixed(), messages, signature, { engine: "wide" }), true);
    const changed = messages.with(3, [messages[3]![0], random.bytes(32)]);
    assert.equal(await isAggregateSigned(mixed(), changed, signature, { engine: "wide" }), false);
  });
});

describe("checkEnginesWith()", () => {
  const options = { threads: 2, engine: "wide", durationMs: 0 } as const;
  const parts = { clock: { monotonic: () => performance.now() }, random: new SeededRandom(5) };

  test("finds every answer right, on this thread and on others", async () => {
    const { rows, troubles } = await checkEnginesWith(options, { ...parts, openWorkers: (max) => new Watched(max) });
    assert.equal(rows.length, 4);
    assert.deepEqual(troubles, []);
    for (const { isRight, engine, perSecondOnThreads } of rows) {
      assert.deepEqual([isRight, engine], [true, (await arithmetic().secp256k1()).engine]);
      assert.ok(perSecondOnThreads! > 0);
    }
  });

  test("says so when threads answer wrongly, of each kind of work", async () => {
    const wrong = (output: unknown) => {
      type Output = {
        readonly verdicts?: boolean[] | Uint8Array;
        readonly product?: Uint8Array;
        readonly engine: string;
      };
      const { verdicts, product, engine } = output as Output;
      if (verdicts instanceof Uint8Array) return { engine, verdicts: verdicts.with(2, 1 - verdicts[2]!) };
      if (verdicts !== undefined) return { engine, verdicts: verdicts.with(2, !verdicts[2]) };
      return { engine, product: product!.with(0, product![0]! ^ 1) };
    };
    const { rows } = await checkEnginesWith(options, { ...parts, openWorkers: (max) => new Watched(max, wrong) });
    assert.deepEqual(rows.map(({ isRight }) => isRight), [false, false, false, false]);
  });
});
