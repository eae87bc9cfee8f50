/**
 * The scripts of real blocks and transactions, by every engine: each input may spend what it spent, and none may with another
 * value or another script.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { useRandomBytes } from "../../lib/engine/random-bytes.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { scriptVerdict, spendsToBytes } from "../../lib/bitcoin/chain/script-job.ts";
import { blockScriptFlags } from "../../lib/bitcoin/chain/script-flags.ts";
import { mainnet } from "../../lib/bitcoin/networks/mod.ts";
import { ScriptBatch, SpendingTransaction, verifyTransaction } from "../../lib/bitcoin/script/mod.ts";
import { ENGINES } from "../../lib/engine/engine.ts";
import { secp256k1Of } from "../support/secp256k1-engines.ts";
import { BLOCKS, blockSpending, transactionSpending } from "./bitcoin-blocks-spent.ts";
import { bitcoinDataMissing } from "./bitcoin-data.ts";

/** How often an engine that is slow judges: the portable one takes 0.3 ms a signature. */
const TIMEOUT_MS = 300_000;
const random = new SeededRandom(7);
useRandomBytes((length) => random.bytes(length));

describe("real blocks, their scripts", () => {
  for (const [name, network, height] of BLOCKS) {
    const skip = bitcoinDataMissing(`${name}.raw`) || bitcoinDataMissing(`${name}-undo.raw`);
    for (const engine of ENGINES) {
      test(`ScriptBatch passes ${name}, ${engine}`, { skip, timeout: TIMEOUT_MS }, () => {
        const { block, spending } = blockSpending(name);
        const batch = new ScriptBatch(secp256k1Of(engine), blockScriptFlags(network, height, block.hash));
        for (const { transaction, spent } of spending) {
          assert.equal(batch.add(new SpendingTransaction(transaction, spent)), false);
        }
        assert.equal(batch.finish(), undefined);
      });
    }

    test(
      `scriptVerdict() tells the input of ${name} that spends something else`,
      { skip, timeout: TIMEOUT_MS },
      async () => {
        const { block, spending } = blockSpending(name);
        const flags = blockScriptFlags(network, height, block.hash);
        const run = async (given: typeof spending) =>
          (await scriptVerdict.run({ spends: spendsToBytes(given), flags, engine: "wide" })).failure;
        assert.equal(await run(spending), undefined);
        // Two of them: the first is told.
        for (const [first, second] of [[0, 1], [Math.floor(spending.length / 2), spending.length - 1]] as const) {
          const wrong = spending.map(({ transaction, spent }, i) => ({
            transaction,
            spent: i === first || i === second
              ? spent.map((output, k) =>
                k < spent.length - 1 ? output : { ...output, scriptPubKey: Uint8Array.of(0x6a) }
              )
              : spent,
          }));
          assert.deepEqual(await run(wrong), {
            transaction: first,
            input: wrong[first]!.spent.length - 1,
            error: "SCRIPT_ERR_OP_RETURN",
          });
        }
      },
    );
  }
});

describe("real transactions, their scripts", () => {
  for (const name of ["tx/bcoin-tx1", "tx/bcoin-tx2", "tx/bcoin-tx3", "tx/bcoin-tx6"]) {
    const skip = bitcoinDataMissing(`${name}.raw`) || bitcoinDataMissing(`${name}-undo.raw`);
    for (const engine of ENGINES) {
      test(`verifyTransaction() passes ${name}, ${engine}`, { skip }, () => {
        const { transaction, spent } = transactionSpending(name);
        const flags = blockScriptFlags(mainnet, 300_000, new Uint8Array(32));
        assert.equal(verifyTransaction(transaction, spent, flags, secp256k1Of(engine)), undefined);
      });
    }
  }
});
