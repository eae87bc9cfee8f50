/** BIP158's test vectors: blocks of testnet3 with their basic filters and filter headers. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  buildBasicFilter,
  filteredOutputs,
  filterHash,
  filterHeader,
  isFilteredOutput,
} from "../../lib/bitcoin/filters/basic.ts";
import { GcsFilter } from "../../lib/bitcoin/filters/gcs-filter.ts";
import { fromDisplayHex, toDisplayHex } from "../../lib/bitcoin/hash.ts";
import { Block } from "../../lib/bitcoin/types/block.ts";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { bitcoinDataMissing, bitcoinJson } from "./bitcoin-data.ts";

const FILE = "core/blockfilters.json";
type Row = [number, string, string, string[], string, string, string, string];

const rows = bitcoinDataMissing(FILE)
  ? []
  : bitcoinJson<(Row | string[])[]>(FILE).filter((row): row is Row => row.length === 8);

describe("BIP158 blockfilters.json", { skip: bitcoinDataMissing(FILE) }, () => {
  test("has the rows that this file expects", () => assert.equal(rows.length, 10));

  for (const [height, hash, blockHex, spentHex, previous, filterHex, header, notes] of rows) {
    test(`block ${height}: ${notes || "filter and header"}`, () => {
      const block = Block.decode(fromHex(blockHex));
      assert.equal(toDisplayHex(block.hash), hash);
      const spent = spentHex.map(fromHex);
      const filter = buildBasicFilter(block, spent);
      assert.equal(toHex(filter.bytes), filterHex);
      assert.equal(toDisplayHex(filterHeader(filterHash(filter.bytes), fromDisplayHex(previous))), header);

      const decoded = GcsFilter.decode(block.hash, fromHex(filterHex));
      assert.equal(decoded.count, filter.count);
      const elements = [...filteredOutputs(block), ...spent.filter((script) => script.length > 0)];
      for (const element of elements) assert.ok(decoded.matches(element), toHex(element));
      assert.equal(decoded.matchesAny(elements), elements.length > 0);
      const returns = block.transactions.flatMap((tx) => tx.outputs).map((output) => output.scriptPubKey)
        .filter((script) => !isFilteredOutput(script));
      assert.equal(decoded.matchesAny(returns), false);
    });
  }
});
