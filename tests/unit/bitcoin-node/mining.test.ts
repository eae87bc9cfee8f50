import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HeaderChain } from "../../../lib/bitcoin/headers/header-chain.ts";
import { HeaderBatch } from "../../../lib/bitcoin/headers/header-batch.ts";
import { blockView, structureValidator } from "../../../lib/bitcoin/chain/validator.ts";
import { blockTemplate, coinbaseOf } from "../../../lib/bitcoin/mining.ts";
import { subsidyAt } from "../../../lib/bitcoin/networks/subsidy.ts";
import { mainnet, regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { Block, headerToBytes } from "../../../lib/bitcoin/types/mod.ts";
import { toHex } from "../../../lib/codec/hex.ts";

const SCRIPT = Uint8Array.of(0x51);
const NOW = 1_800_000_000;

/** A block on the tip with enough work, found by trying. */
function mined(headers: HeaderChain): Block {
  const template = blockTemplate(headers, headers.best, NOW);
  const coinbase = coinbaseOf(template, SCRIPT);
  const { version, previousBlockHash: prevBlockHash, time, bits } = template;
  for (let nonce = 0;; nonce++) {
    const header = { version, prevBlockHash, merkleRoot: coinbase.txid, time, bits, nonce };
    const { refusal } = headers.accept(HeaderBatch.fromBytes(headerToBytes(header)), NOW);
    if (refusal === undefined) return Block.of(header, [coinbase]);
    assert.equal(refusal.reason, "high-hash");
  }
}

describe("mining", () => {
  test("every block of a chain from genesis passes all rules of structure, past the heights of other coinbases", () => {
    const headers = new HeaderChain(regtest);
    for (let height = 1; height <= 140; height++) {
      const block = mined(headers);
      const row = headers.find(block.hash);
      assert.equal(headers.height(row), height);
      assert.deepEqual(structureValidator.check(block, blockView(headers, row)), { ok: true });
      assert.equal(block.witnessCommitment().kind, "present");
    }
  });

  test("a coinbase begins with its height, and has a second byte where that is one only", () => {
    const template = blockTemplate(new HeaderChain(regtest), 0, NOW);
    const begins = (height: number) => toHex(coinbaseOf({ ...template, height }, SCRIPT).inputs[0]!.scriptSig);
    const heights = [1, 16, 17, 127, 128, 900_000];
    assert.deepEqual(heights.map(begins), ["5100", "6000", "0111", "017f", "028000", "03a0bb0d"]);
  });

  test("times rise though our clock stands still", () => {
    const headers = new HeaderChain(regtest);
    for (let i = 0; i < 12; i++) mined(headers);
    const { minimumTime, time } = blockTemplate(headers, headers.best, NOW);
    assert.ok(time > NOW && time < NOW + 12, `${time - NOW}`);
    assert.equal(minimumTime, time);
  });

  test("subsidies halve, and end", () => {
    const of = (height: number) => subsidyAt(mainnet, height);
    assert.deepEqual([of(0), of(209_999), of(210_000), of(6_929_999), of(6_930_000), of(210_000 * 64)], [
      5_000_000_000n,
      5_000_000_000n,
      2_500_000_000n,
      1n,
      0n,
      0n,
    ]);
    assert.equal(subsidyAt(regtest, 150), 2_500_000_000n);
  });
});
