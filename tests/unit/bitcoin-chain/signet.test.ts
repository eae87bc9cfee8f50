/** The signature of a signet's block. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { SIGNET_FLAGS, signetSpend } from "../../../lib/bitcoin/chain/signet.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { legacyDigest, SpendingTransaction, verifyTransaction } from "../../../lib/bitcoin/script/mod.ts";
import { Block } from "../../../lib/bitcoin/types/block.ts";
import { merkleRoot } from "../../../lib/bitcoin/types/merkle.ts";
import { joinScript, plainPush } from "../../../lib/bitcoin/types/script.ts";
import { Transaction } from "../../../lib/bitcoin/types/transaction.ts";
import { fromHex } from "../../../lib/codec/hex.ts";
import { arithmetic } from "../../../lib/engine/arithmetic.ts";
import { input, Ledger, OP_TRUE, pay } from "./ledger.ts";

const SECRET = new Uint8Array(32).fill(5);
const CHALLENGE = joinScript(plainPush(secp256k1.getPublicKey(SECRET)), 0xac);
const HEAD = fromHex("ecc7daa2");
const COMMITMENT = joinScript(0x6a, plainPush(new Uint8Array([...fromHex("aa21a9ed"), ...new Uint8Array(32)])));
const other = pay([{ txid: new Uint8Array(32).fill(3), vout: 0, value: 9n }]);

/** A block with this script in its last output; its Merkle root is the right one. */
function blockWith(
  script: Uint8Array,
  change: { readonly time?: number; readonly others?: readonly Transaction[] } = {},
) {
  const coinbase = Transaction.of({
    version: 2,
    inputs: [input({ txid: new Uint8Array(32), vout: 0xffff_ffff }, { scriptSig: Uint8Array.of(0x51, 0) })],
    outputs: [{ value: 1n, scriptPubKey: OP_TRUE }, { value: 0n, scriptPubKey: script }],
    lockTime: 0,
  });
  const transactions = [coinbase, ...change.others ?? [other]];
  const root = merkleRoot(transactions.map(({ txid }) => txid)).root;
  const header = { version: 0x2000_0000, prevBlockHash: new Uint8Array(32).fill(1), merkleRoot: root };
  return Block.of({ ...header, time: change.time ?? 1_700_000_000, bits: 0x207f_ffff, nonce: 0 }, transactions);
}

/** The commitment with a solution behind it: a script and an empty witness. */
const solved = (scriptSig: Uint8Array, behind: readonly number[] = [0]) =>
  joinScript(COMMITMENT, plainPush(Uint8Array.of(...HEAD, scriptSig.length, ...scriptSig, ...behind)));

/** The solution of a block, by the challenge's key. The signature's own place is signed as an empty one. */
function solutionOf(block: Block): Uint8Array {
  const { transaction, spent } = signetSpend(block, CHALLENGE)!;
  const digest = legacyDigest(new SpendingTransaction(transaction, spent), 0, CHALLENGE, 1);
  const compact = secp256k1.sign(digest, SECRET, { prehash: false });
  return plainPush(Uint8Array.of(...secp256k1.Signature.fromBytes(compact).toBytes("der"), 1));
}

const engine = await arithmetic().secp256k1();

function verdict(block: Block, challenge: Uint8Array = CHALLENGE): string {
  const spend = signetSpend(block, challenge);
  if (spend === undefined) return "no spend";
  return verifyTransaction(spend.transaction, spend.spent, SIGNET_FLAGS, engine)?.error ?? "signed";
}

describe("signetSpend()", () => {
  // What is signed has the head of the solution, and not the solution.
  const unsigned = blockWith(joinScript(COMMITMENT, plainPush(HEAD)));
  const solution = solutionOf(unsigned);
  const signed = solved(solution);

  test("a block is signed by the solution in its commitment", () => {
    assert.equal(verdict(blockWith(signed)), "signed");
    assert.notEqual(verdict(blockWith(signed), joinScript(CHALLENGE, 0xac)), "signed");
    assert.notEqual(verdict(unsigned), "signed");
  });

  test("what is signed is the block: its time, its transactions, its parent", () => {
    assert.equal(verdict(blockWith(signed, { time: 1_700_000_001 })), "SCRIPT_ERR_EVAL_FALSE");
    assert.equal(verdict(blockWith(signed, { others: [] })), "SCRIPT_ERR_EVAL_FALSE");
    assert.equal(
      verdict(blockWith(joinScript(signed, 0x51))),
      "SCRIPT_ERR_EVAL_FALSE",
      "the rest of the output as well",
    );
  });

  test("the first push with the head and something behind it is the solution", () => {
    const head = plainPush(HEAD);
    const twice = joinScript(COMMITMENT, head, plainPush(HEAD));
    const first = solutionOf(blockWith(twice));
    const script = joinScript(COMMITMENT, head, plainPush(Uint8Array.of(...HEAD, first.length, ...first, 0)));
    assert.equal(verdict(blockWith(script)), "signed", "the head alone is none");
    const late = joinScript(signed, plainPush(Uint8Array.of(...HEAD, 1, 0x51, 0)));
    assert.equal(verdict(blockWith(late)), "SCRIPT_ERR_EVAL_FALSE", "a second one is a part of what is signed");
  });

  test("a solution is a script and a witness, and nothing else", () => {
    assert.equal(verdict(blockWith(solved(solution, [0, 0]))), "no spend");
    assert.equal(verdict(blockWith(solved(solution, [1]))), "no spend");
    assert.equal(verdict(blockWith(solved(solution, [1, 1, 7]))), "SCRIPT_ERR_WITNESS_UNEXPECTED");
    assert.equal(verdict(blockWith(Uint8Array.of(0x6a))), "no spend", "without a commitment");
  });

  test("a challenge that needs no solution needs none", () => {
    assert.equal(verdict(blockWith(COMMITMENT), OP_TRUE), "signed");
    assert.equal(verdict(blockWith(solved(new Uint8Array())), OP_TRUE), "signed");
    assert.equal(verdict(blockWith(COMMITMENT), Uint8Array.of(0)), "SCRIPT_ERR_EVAL_FALSE");
  });
});

describe("fullValidator on a signet", () => {
  test("refuses what is not signed", async () => {
    const signed = await Ledger.open({ ...regtest, signetChallenge: OP_TRUE });
    assert.equal(await signed.verdict([]), "ok");
    const never = await Ledger.open({ ...regtest, signetChallenge: Uint8Array.of(0) });
    assert.equal(await never.verdict([]), "bad-signet-blksig");
  });
});
