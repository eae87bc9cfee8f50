/**
 * Real spends whose outputs are not in the shared data, but known all the same: an input that reveals a key or a multisig spends
 * its hash, and signatures before segwit sign neither value nor script of it.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { blockScriptFlags } from "../../lib/bitcoin/chain/script-flags.ts";
import { hash160 } from "../../lib/bitcoin/hash.ts";
import { mainnet } from "../../lib/bitcoin/networks/mod.ts";
import { ScriptBatch, SpendingTransaction } from "../../lib/bitcoin/script/mod.ts";
import { Block, Op, ScriptReader, type Transaction, type TxInput, type TxOutput } from "../../lib/bitcoin/types/mod.ts";
import { join } from "../support/script-random.ts";
import { push } from "../support/script-text.ts";
import { secp256k1Of } from "../support/secp256k1-engines.ts";
import { bitcoinBytes, bitcoinDataMissing } from "./bitcoin-data.ts";

/** Files, heights, and how many inputs are at least known. */
const BLOCKS = [
  ["blocks/bitcoinj-block169482.dat", 169_482, 50],
  ["blocks/bitcoinj-block227835.dat", 227_835, 150],
  ["blocks/bitcoinj-block227836.dat", 227_836, 100],
  ["blocks/bitcoinj-block363703.dat", 363_703, 2_000],
  ["blocks/mainnet-413567.raw", 413_567, 3_000],
  ["blocks/bcoin-block426884.raw", 426_884, 3_000],
  ["blocks/bitcoinj-block481829.dat", 481_829, 3_000],
  ["blocks/bcoin-block482683.raw", 482_683, 5],
  ["blocks/btcd-1602407a.blk", 574_200, 500],
] as const;

/** What an input spends, where it says so itself. */
function outputOf({ scriptSig, witness }: TxInput): TxOutput | undefined {
  const reader = new ScriptReader(scriptSig);
  const pushes: Uint8Array[] = [];
  while (reader.next()) if (reader.opcode <= Op.OP_PUSHDATA4) pushes.push(reader.data);
  const last = pushes.at(-1);
  if (last === undefined || witness.length > 0) return undefined;
  const hash = () => push(hash160(last));
  if (pushes.length === 2 && ((last.length === 33 && last[0]! < 4) || (last.length === 65 && last[0] === 4))) {
    return { value: 0n, scriptPubKey: join(Op.OP_DUP, Op.OP_HASH160, hash(), Op.OP_EQUALVERIFY, Op.OP_CHECKSIG) };
  }
  const isMultisig = last.at(-1) === Op.OP_CHECKMULTISIG && last.length > 35;
  return isMultisig ? { value: 0n, scriptPubKey: join(Op.OP_HASH160, hash(), Op.OP_EQUAL) } : undefined;
}

/** How many inputs are known of transactions of which all are; every one of them is good. */
function verifyKnown(transactions: readonly Transaction[], flags: number): number {
  const batch = new ScriptBatch(secp256k1Of("wide"), flags);
  let inputs = 0;
  for (const transaction of transactions) {
    const spent = transaction.inputs.map(outputOf);
    const known = spent.filter((output) => output !== undefined);
    if (known.length < spent.length) continue;
    inputs += known.length;
    batch.add(new SpendingTransaction(transaction, known));
  }
  assert.equal(batch.finish(), undefined);
  return inputs;
}

describe("real spends that say what they spend", () => {
  for (const [name, height, least] of BLOCKS) {
    test(`ScriptBatch passes those of ${name}`, { skip: bitcoinDataMissing(name), timeout: 120_000 }, () => {
      const block = Block.decode(bitcoinBytes(name));
      const inputs = verifyKnown(block.transactions.slice(1), blockScriptFlags(mainnet, height, block.hash));
      assert.ok(inputs >= least, `${inputs} inputs`);
    });
  }
});
