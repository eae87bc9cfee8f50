/** Filters of whole blocks of mainnet and testnet3, from the blocks and the outputs that they spend. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { buildBasicFilter, filteredOutputs, filterHash } from "../../lib/bitcoin/filters/basic.ts";
import { FilterWitness, spentScriptOf } from "../../lib/bitcoin/filters/evidence.ts";
import { GcsFilter } from "../../lib/bitcoin/filters/gcs-filter.ts";
import { readCompactSize } from "../../lib/bitcoin/codec/mod.ts";
import { Block } from "../../lib/bitcoin/types/block.ts";
import { Reader } from "../../lib/codec/reader.ts";
import { equalBytes } from "../../lib/codec/sized.ts";
import { bitcoinBytes, bitcoinDataMissing } from "./bitcoin-data.ts";

/** Blocks that lie beside the outputs that they spend. */
const BLOCKS = ["300025", "928816", "928831", "928927", "1087400"];

/** The spent outputs' scripts in block order: i64 value, then the script with its length. */
function spentScripts(bytes: Uint8Array): Uint8Array[] {
  const reader = new Reader(bytes);
  const scripts: Uint8Array[] = [];
  while (reader.left > 0) {
    reader.skip(8);
    scripts.push(reader.take(readCompactSize(reader)));
  }
  return scripts;
}

describe("basic filters of real blocks", () => {
  for (const name of BLOCKS) {
    const file = `blocks/bcoin-block${name}.raw`;
    const undo = `blocks/bcoin-block${name}-undo.raw`;
    test(
      `${name}: no false negatives, and the block's own witness accepts it`,
      { skip: bitcoinDataMissing(undo) },
      () => {
        const block = Block.decode(bitcoinBytes(file));
        const spent = spentScripts(bitcoinBytes(undo));
        const inputs = block.transactions.filter((tx) => !tx.isCoinbase).flatMap((tx) => tx.inputs);
        assert.equal(inputs.length, spent.length);

        const filter = GcsFilter.decode(block.hash, buildBasicFilter(block, spent).bytes);
        for (const script of [...filteredOutputs(block), ...spent]) assert.ok(filter.matches(script));
        assert.equal(new FilterWitness(block).flawOf(filter.bytes, filterHash(filter.bytes)), undefined);

        const guesses = inputs.map(spentScriptOf);
        const wrong = guesses.filter((guess, i) => guess !== undefined && !equalBytes(guess, spent[i]!)).length;
        const known = guesses.filter((guess) => guess !== undefined).length;
        assert.equal(wrong, 0, `${wrong} of ${known} guesses`);
        assert.ok(known > inputs.length * 0.5, `${known} of ${inputs.length} inputs give their script away`);
      },
    );
  }
});
