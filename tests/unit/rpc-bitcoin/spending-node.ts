/** A node behind Bitcoin's RPC with a regtest chain that has payments, validated in full. */
import assert from "node:assert/strict";
import { fullValidator } from "../../../lib/bitcoin/chain/full-validator.ts";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import { type Block, Transaction, wrapInWitnessScriptHash } from "../../../lib/bitcoin/types/mod.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { input, Ledger, OP_TRUE, output, pay, type Spendable } from "../bitcoin-chain/ledger.ts";
import { bitcoinNode } from "./support.ts";

const COIN = 100_000_000n;

/** How a hash is printed. */
export const shown = (hash: Uint8Array): string => toDisplayHex(hash);

/** A node, and what makes its chain longer. */
export async function spendingNode(options: Parameters<typeof bitcoinNode>[0] = {}) {
  const validator = fullValidator({ workers: new InlineWorkers(), engine: "wide" });
  const ledger = await Ledger.open();
  const node = await bitcoinNode({ validator, ...options });
  const give = async (block: Block) => assert.equal((await node.bitcoin.submitBlock(block.raw)).kind, "accepted");
  /** A block of these transactions on the tip. */
  const add = async (transactions: readonly Transaction[] = []): Promise<Block> => {
    const block = ledger.block(transactions);
    assert.equal(await ledger.add(block), "ok");
    await give(block);
    return block;
  };
  const coins: Spendable[] = [];
  for (let i = 0; i < 110; i++) coins.push(output((await add()).transactions[0]!));
  return { ...node, ledger, add, coins };
}

/**
 * Two transactions of one block. The first pays to the witness program of OP_TRUE and to OP_TRUE, with a fee of 100,000; the
 * second spends the first of these and a coin, pays nothing to nobody and the rest to OP_TRUE, with a fee of 20,000.
 */
export function twoPayments([one, two]: readonly Spendable[]): readonly [Transaction, Transaction] {
  const first = pay([one!], 0n, {
    outputs: [
      { value: 30n * COIN, scriptPubKey: wrapInWitnessScriptHash(OP_TRUE) },
      { value: 20n * COIN - 100_000n, scriptPubKey: OP_TRUE },
    ],
  });
  const second = Transaction.of({
    version: 2,
    inputs: [input(output(first), { witness: [OP_TRUE] }), input(two!)],
    outputs: [
      { value: 0n, scriptPubKey: Uint8Array.of(0x6a) },
      { value: 80n * COIN - 20_000n, scriptPubKey: OP_TRUE },
    ],
    lockTime: 0,
  });
  return [first, second];
}
