import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LinkageValidator } from "../../../lib/chia/chain/linkage.ts";
import { lookBack, RecordWindow } from "../../../lib/chia/chain/window.ts";
import { stringifyJson } from "../../../lib/codec/json.ts";
import { networkNamed } from "../../../lib/chia/networks/mod.ts";
import { BlockRecord } from "../../../lib/chia/types/mod.ts";
import { candidateOf, recordedBlocks, referenceChain } from "./chain-1200.ts";

describe("LinkageValidator.link()", () => {
  test("gives the reference's own block record for each of 1,200 blocks, three epochs and seven sub-epochs", () => {
    const { constants, rows } = referenceChain();
    const validator = new LinkageValidator(constants);
    const window = new RecordWindow(lookBack(constants));
    let summaries = 0;
    for (const [height, raw] of recordedBlocks().entries()) {
      const verdict = validator.link(candidateOf(raw), window);
      assert.ok(verdict.ok, `height ${height}: ${verdict.ok ? "" : `${verdict.error} ${verdict.detail}`}`);
      const expected = BlockRecord.fromJson(rows[height]?.record ?? null);
      assert.equal(
        stringifyJson(BlockRecord.toJson(verdict.frame.record)),
        stringifyJson(BlockRecord.toJson(expected)),
      );
      if (verdict.frame.record.subEpochSummaryIncluded !== null) summaries += 1;
      window.setMain(height, [verdict.frame.record]);
    }
    assert.equal(summaries, 7);
  });

  test("takes blocks of one signage point with the same total iterations, as the reference does", () => {
    const { constants } = networkNamed("simulator0");
    const validator = new LinkageValidator(constants);
    const window = new RecordWindow(lookBack(constants));
    const equal: number[] = [];
    let before = -1n;
    for (const [height, raw] of recordedBlocks("chain-equal-iters").entries()) {
      const verdict = validator.link(candidateOf(raw), window);
      assert.ok(verdict.ok, `height ${height}: ${verdict.ok ? "" : `${verdict.error} ${verdict.detail}`}`);
      if (verdict.frame.record.totalIters === before) equal.push(height);
      before = verdict.frame.record.totalIters;
      window.setMain(height, [verdict.frame.record]);
    }
    assert.deepEqual(equal, [138, 141, 144]);
  });
});
