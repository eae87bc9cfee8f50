/** Scripts on a thread of this runtime. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { clock, openThread } from "#platform";
import { scriptVerdict, spendsToBytes } from "../../../lib/bitcoin/chain/script-job.ts";
import { verifyTransaction } from "../../../lib/bitcoin/script/mod.ts";
import { ThreadPool } from "../../../lib/core/work/thread-pool.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { seed } from "../../support/effort.ts";
import { SpendMaker } from "../../support/script-spends.ts";
import { secp256k1Of } from "../../support/secp256k1-engines.ts";

const entry = new URL("../../../lib/worker.ts", import.meta.url);

describe("scriptVerdict", () => {
  test("run() gives on another thread what verifyTransaction() gives here", { timeout: 60_000 }, async () => {
    const pool = new ThreadPool({
      threadsMax: 2,
      clock,
      open: (events) => openThread(entry, events),
      onUnable: (cause) => assert.fail(cause),
    });
    try {
      const maker = new SpendMaker(new SeededRandom(seed));
      const questions = Array.from({ length: 60 }, () => maker.question());
      const verdicts = await Promise.all(
        questions.map(({ flags, ...spend }) =>
          pool.run(scriptVerdict, { spends: spendsToBytes([spend]), flags, engine: "wide" })
        ),
      );
      for (const [i, { transaction, spent, flags }] of questions.entries()) {
        const expected = verifyTransaction(transaction, spent, flags, secp256k1Of("wide"));
        const { failure } = verdicts[i]!;
        assert.deepEqual(failure && { input: failure.input, error: failure.error }, expected);
      }
      assert.ok(verdicts.some(({ failure }) => failure === undefined) && verdicts.some(({ failure }) => failure));
    } finally {
      await pool.close();
    }
  });
});
