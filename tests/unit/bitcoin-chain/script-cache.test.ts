import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fullValidator } from "../../../lib/bitcoin/chain/full-validator.ts";
import { ScriptCache } from "../../../lib/bitcoin/chain/script-cache.ts";
import { scriptVerdict } from "../../../lib/bitcoin/chain/script-job.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { Ledger, pay } from "./ledger.ts";

describe("ScriptCache", () => {
  test("a name is of a transaction and of the rules, and nobody without the key can know it", () => {
    const [cache, other] = [new ScriptCache(new SeededRandom(1)), new ScriptCache(new SeededRandom(2))];
    const [wtxid, second] = [new Uint8Array(32), new Uint8Array(32).fill(1)];
    const names = [cache.nameOf(wtxid, 1), cache.nameOf(wtxid, 2), cache.nameOf(second, 1), other.nameOf(wtxid, 1)];
    assert.equal(new Set(names).size, 4);
    assert.equal(cache.nameOf(wtxid, 1), names[0]);
  });

  test("add() forgets the oldest of more than 65,536", () => {
    const cache = new ScriptCache(new SeededRandom(1));
    for (let i = 0; i <= 65_536; i++) cache.add(`${i}`);
    assert.deepEqual([cache.size, cache.has("0"), cache.has("1")], [65_536, false, true]);
    cache.delete("1");
    assert.equal(cache.has("1"), false);
  });
});

describe("fullValidator() and transactions that it has verified", () => {
  test("a block that was tried is connected without its scripts being verified once more", async () => {
    const workers = new InlineWorkers();
    let asked = 0;
    const run = workers.run.bind(workers);
    workers.run = (job, input, signal) => {
      if (job.name === scriptVerdict.name) asked += 1;
      return run(job, input, signal);
    };
    const validator = fullValidator({ workers, engine: "wide", cache: new ScriptCache(new SeededRandom(3)) });
    const ledger = await Ledger.open(undefined, { validator });
    const made = await ledger.mine(102);
    assert.equal(asked, 0);
    const block = ledger.block([pay([made[0]!])]);
    const signal = new AbortController().signal;
    assert.equal(await ledger.until(ledger.chain.inspection.try(block, signal)), undefined);
    assert.equal(asked, 1);
    assert.equal(await ledger.add(block), "ok");
    assert.equal(asked, 1);
    assert.deepEqual(validator.counts, { verifiedInputs: 1, cachedInputs: 1 });
    assert.equal(await ledger.add(ledger.block([pay([made[1]!])])), "ok");
    assert.equal(asked, 2, "which was not tried");
  });

  test("scripts about which nobody could say anything are not remembered as good", async () => {
    const workers = new InlineWorkers();
    let isBroken = true;
    const run = workers.run.bind(workers);
    workers.run = (job, input, signal) =>
      isBroken ? Promise.reject(new NodeError("JOB_LOST", "self", "the thread died")) : run(job, input, signal);
    const cache = new ScriptCache(new SeededRandom(3));
    const ledger = await Ledger.open(undefined, { validator: fullValidator({ workers, engine: "wide", cache }) });
    const made = await ledger.mine(101);
    const block = ledger.block([pay([made[0]!])]);
    const signal = new AbortController().signal;
    await assert.rejects(ledger.until(ledger.chain.inspection.try(block, signal)), { code: "JOB_LOST" });
    assert.equal(cache.size, 0);
    isBroken = false;
    assert.equal(await ledger.until(ledger.chain.inspection.try(block, signal)), undefined);
    assert.equal(cache.size, 1);
  });
});
