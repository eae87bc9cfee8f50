/** What signatures sign, beside digests of copies that are made as the rules say; and how often it is hashed. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { sha256 as platformSha256 } from "#platform";
import { type Sha256Stream, useSha256 } from "../../../lib/codec/sha256.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { Writer } from "../../../lib/codec/writer.ts";
import { sha256d } from "../../../lib/bitcoin/hash.ts";
import {
  legacyDigest,
  NO_FLAGS,
  SpendingTransaction,
  taprootDigest,
  verifyTransaction,
  witnessV0Digest,
} from "../../../lib/bitcoin/script/mod.ts";
import { encodeParts } from "../../../lib/bitcoin/types/transaction-parts.ts";
import { Op, Transaction, type TransactionParts } from "../../../lib/bitcoin/types/mod.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { seed } from "../../support/effort.ts";
import { join } from "../../support/script-random.ts";
import { push } from "../../support/script-text.ts";
import { secp256k1Of } from "../../support/secp256k1-engines.ts";

const EMPTY = new Uint8Array(0);
const ZEROS = new Uint8Array(32);

function randomParts(random: SeededRandom, inputs: number, outputs: number): TransactionParts {
  return {
    version: random.below(4),
    inputs: Array.from({ length: inputs }, () => ({
      prevout: { txid: random.bytes(32), vout: random.below(10) },
      scriptSig: random.bytes(random.below(5)),
      sequence: random.below(2 ** 32),
      witness: [],
    })),
    outputs: Array.from({ length: outputs }, () => ({
      value: BigInt(random.below(2 ** 32)),
      scriptPubKey: random.bytes(random.below(300)),
    })),
    lockTime: random.below(2 ** 32),
  };
}

/** The copy that signatures before segwit sign, made as it was first described. `code` has no separators. */
function legacyCopy(parts: TransactionParts, input: number, code: Uint8Array, hashType: number): Uint8Array {
  const kind = hashType & 0x1f;
  const isOpen = kind === 2 || kind === 3;
  const inputs = parts.inputs.map((each, i) => ({
    ...each,
    scriptSig: i === input ? code : EMPTY,
    sequence: i !== input && isOpen ? 0 : each.sequence,
  }));
  const outputs = kind === 2
    ? []
    : kind === 3
    ? parts.outputs.slice(0, input + 1).map((each, i) => i === input ? each : { value: -1n, scriptPubKey: EMPTY })
    : parts.outputs;
  const writer = new Writer();
  writer.raw(encodeParts({ ...parts, inputs: (hashType & 0x80) === 0 ? inputs : [inputs[input]!], outputs }));
  writer.u32Le(hashType);
  return writer.finish();
}

/** Counts the bytes that are hashed until it is stopped. */
function countHashed(): { readonly stop: () => number } {
  let bytes = 0;
  const hash = (parts: readonly Uint8Array[]) => {
    for (const { length } of parts) bytes += length;
    return platformSha256(parts);
  };
  const counting = (stream: Sha256Stream): Sha256Stream => ({
    update: (piece) => {
      bytes += piece.length;
      stream.update(piece);
    },
    copy: () => counting(stream.copy()),
    digest: () => stream.digest(),
  });
  useSha256(Object.assign(hash, { stream: () => counting(platformSha256.stream()) }));
  return {
    stop: () => {
      useSha256();
      return bytes;
    },
  };
}

describe("digests", () => {
  after(() => useSha256());

  test("legacyDigest() is that of a copy", () => {
    const random = new SeededRandom(seed);
    for (let run = 0; run < 400; run++) {
      const [inputs, outputs] = [1 + random.below(5), random.below(5)];
      const parts = randomParts(random, random.chance(0.02) ? 300 : inputs, random.chance(0.02) ? 300 : outputs);
      const transaction = Transaction.of(parts);
      const spending = new SpendingTransaction(
        transaction,
        parts.inputs.map(() => ({ value: 0n, scriptPubKey: EMPTY })),
      );
      const input = random.below(parts.inputs.length);
      const code = push(random.bytes(random.below(80)));
      const hashType = random.chance(0.5) ? random.pick([1, 2, 3, 0x81, 0x82, 0x83]) : random.below(256);
      const hasOutput = (hashType & 0x1f) !== 3 || input < parts.outputs.length;
      const expected = hasOutput
        ? sha256d(legacyCopy(parts, input, code, hashType))
        : Uint8Array.of(1, ...new Uint8Array(31));
      assert.deepEqual(legacyDigest(spending, input, code, hashType), expected, `run ${run}, type ${hashType}`);
      const separated = join(Op.OP_CODESEPARATOR, code, Op.OP_CODESEPARATOR, Op.OP_CODESEPARATOR);
      assert.deepEqual(legacyDigest(spending, input, separated, hashType), expected, `run ${run}, with separators`);
    }
  });

  test("legacyDigest() hashes of a malformed push what Core has read of it", () => {
    const parts = randomParts(new SeededRandom(1), 1, 1);
    const spending = new SpendingTransaction(Transaction.of(parts), [{ value: 0n, scriptPubKey: EMPTY }]);
    const digest = (code: readonly number[]) => legacyDigest(spending, 0, Uint8Array.from(code), 1);
    const raw = encodeParts({ ...parts, inputs: [{ ...parts.inputs[0]!, scriptSig: EMPTY }] });
    // Version, count and outpoint; then the length of all, of which the last bytes are missing.
    const expected = (length: number, hashed: readonly number[]) =>
      sha256d(raw.subarray(0, 41), Uint8Array.from([length, ...hashed]), raw.subarray(42), Uint8Array.of(1, 0, 0, 0));
    assert.deepEqual(digest([0x61, 5, 1, 2]), expected(4, [0x61, 5]));
    assert.deepEqual(digest([0x61, Op.OP_PUSHDATA1]), expected(2, [0x61, Op.OP_PUSHDATA1]));
    assert.deepEqual(digest([Op.OP_PUSHDATA2, 9, 0, 1]), expected(4, [Op.OP_PUSHDATA2, 9, 0]));
    assert.deepEqual(digest([Op.OP_CODESEPARATOR, Op.OP_PUSHDATA2, 9]), expected(2, [Op.OP_PUSHDATA2]));
  });

  test("verifyTransaction() hashes a transaction once for all signatures of a script, whatever there is of them", () => {
    const random = new SeededRandom(3);
    const key = join(2, random.bytes(32));
    const signature = Uint8Array.from([0x30, 6, 2, 1, 1, 2, 1, 1, 1]);
    const checks = join(...Array.from({ length: 60 }, () => join(Op.OP_2DUP, Op.OP_CHECKSIG, Op.OP_DROP)));
    const parts = randomParts(random, 2, 2_000);
    const spend = {
      ...parts,
      inputs: parts.inputs.map((each) => ({ ...each, scriptSig: join(push(signature), push(key)) })),
    };
    const transaction = Transaction.of(spend);
    const spent = parts.inputs.map(() => ({ value: 0n, scriptPubKey: checks }));
    const counted = countHashed();
    verifyTransaction(transaction, spent, NO_FLAGS, secp256k1Of("wide"));
    const bytes = counted.stop();
    // Once for each of two inputs. None is taken on trust: those are bad, and would be hashed again.
    assert.ok(bytes < 2.1 * transaction.size, `${bytes} bytes for a transaction of ${transaction.size}`);
    assert.ok(bytes > transaction.size);
  });

  test("legacyDigest() hashes what inputs have in common once, in whatever order they come", () => {
    const random = new SeededRandom(6);
    const parts = randomParts(random, 1_000, 2);
    const transaction = Transaction.of(parts);
    const spending = new SpendingTransaction(transaction, parts.inputs.map(() => ({ value: 0n, scriptPubKey: EMPTY })));
    const code = push(random.bytes(20));
    const inputs = Array.from({ length: 1_000 }, (_, i) => i);
    for (const order of [inputs, inputs.toReversed().slice(0, 30), random.shuffle(inputs).slice(0, 30)]) {
      for (const input of order.filter((_, i) => i % 10 === 0)) {
        for (const hashType of [1, 2, 1, 3, 2].filter((each) => each !== 3 || input < 2)) {
          const expected = sha256d(legacyCopy(parts, input, code, hashType));
          assert.deepEqual(legacyDigest(spending, input, code, hashType), expected, `input ${input}, type ${hashType}`);
        }
      }
    }
    const counted = countHashed();
    for (const input of inputs) legacyDigest(spending, input, code, 1);
    const bytes = counted.stop();
    assert.ok(bytes < 0.55 * 1_000 * transaction.size, `${bytes} bytes for a transaction of ${transaction.size}`);
    assert.ok(bytes > 0.4 * 1_000 * transaction.size);
  });

  test("witnessV0Digest() hashes what all inputs share once", () => {
    const parts = randomParts(new SeededRandom(4), 1_000, 1_000);
    const transaction = Transaction.of(parts);
    const spent = parts.inputs.map(() => ({ value: 1n, scriptPubKey: EMPTY }));
    const spending = new SpendingTransaction(transaction, spent);
    const counted = countHashed();
    for (let input = 0; input < 1_000; input++) witnessV0Digest(spending, input, EMPTY, 1);
    const shared = counted.stop() - 1_000 * (157 + 32);
    assert.ok(shared < 2 * transaction.size, `${shared} bytes`);
    const single = countHashed();
    for (let i = 0; i < 1_000; i++) witnessV0Digest(spending, 7, EMPTY, 3);
    assert.ok(single.stop() < 1_000 * 300, "one output is hashed once as well");
  });

  test("taprootDigest() has none for a hash type that is not defined, or has no output", () => {
    const parts = randomParts(new SeededRandom(5), 3, 2);
    const spending = new SpendingTransaction(
      Transaction.of(parts),
      parts.inputs.map(() => ({ value: 1n, scriptPubKey: EMPTY })),
    );
    const extra = { annexHash: undefined, leafHash: undefined, separatorAt: 0 };
    const defined = [0, 1, 2, 3, 0x81, 0x82, 0x83];
    for (let hashType = 0; hashType < 256; hashType++) {
      const digest = taprootDigest(spending, 1, hashType, extra);
      assert.equal(digest !== undefined, defined.includes(hashType), String(hashType));
    }
    for (const hashType of defined) {
      const digest = taprootDigest(spending, 2, hashType, extra);
      assert.equal(digest !== undefined, (hashType & 3) !== 3, `${hashType}, of an input without output`);
    }
    const leaf = { annexHash: ZEROS, leafHash: ZEROS, separatorAt: 7 };
    const all = [
      ...defined.flatMap((hashType) => [0, 1].map((input) => taprootDigest(spending, input, hashType, extra)!)),
      ...[leaf, { ...leaf, separatorAt: 8 }, { ...leaf, annexHash: undefined }, { ...leaf, leafHash: undefined }].map((
        each,
      ) => taprootDigest(spending, 0, 1, each)!),
    ];
    assert.equal(new Set(all.map(toHex)).size, all.length, "each is another");
  });
});
