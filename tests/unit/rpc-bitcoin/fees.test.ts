import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FeeEstimator } from "../../../lib/bitcoin/fees/estimator.ts";
import type { FeeEstimation } from "../../../lib/bitcoin/fees/fee-estimates.ts";
import { numbered } from "../bitcoin-compact/listed-pool.ts";
import { bitcoinNode } from "./support.ts";

/** Estimates after blocks in which transactions of 5,000 and of 20,000 satoshi for 1000 virtual bytes were confirmed. */
function estimation(blocks: number, feeRateMin = 100): FeeEstimation {
  const estimator = new FeeEstimator();
  for (let height = 1; height <= blocks; height++) {
    const samples = Array.from({ length: 40 }, (_, i) => ({
      transaction: numbered(100 * height + i),
      ...{ fee: i < 20 ? 1_000 : 4_000, vsize: 200, height: height - 1 },
    }));
    for (const sample of samples) estimator.came(sample);
    estimator.block(height);
    for (const sample of samples) estimator.confirmed(sample, height);
  }
  return {
    feeRateMin,
    targetMax: (horizon) => estimator.targetMax(horizon),
    smart: (target, isConservative) => estimator.smart(target, isConservative),
    raw: (target, share, horizon) => estimator.raw(target, share, horizon),
  };
}

const node = (fees: FeeEstimation) => bitcoinNode({ overrides: { fees } });

describe("estimatesmartfee", () => {
  test("tells the feerate with eight decimals, and the target that it is for", async () => {
    const { post } = await node(estimation(20));
    const text = await (await post('{"method":"estimatesmartfee","params":[6],"id":1}')).text();
    assert.equal(text, '{"result":{"feerate":0.00005000,"blocks":6},"error":null,"id":1}\n');
  });

  test("is never less than the mempool asks for", async () => {
    const { call } = await node(estimation(20, 7_000));
    assert.deepEqual(await call("estimatesmartfee", 6, "CONSERVATIVE"), { feerate: 0.00007, blocks: 6 });
  });

  test("says that too little was seen, as Core does", async () => {
    const { call } = await node(estimation(2));
    const errors = ["Insufficient data or no feerate found"];
    assert.deepEqual(await call("estimatesmartfee", 6), { errors, blocks: 0 });
  });

  test("has Core's errors", async () => {
    const { failure } = await node(estimation(2));
    const target = { code: -8, message: "Invalid conf_target, must be between 1 and 1008" };
    assert.deepEqual(await failure("estimatesmartfee", 0), target);
    assert.deepEqual(await failure("estimatesmartfee", 1_009), target);
    assert.deepEqual(await failure("estimaterawfee", -1), target);
    const modes = '"unset", "economical", "conservative"';
    assert.deepEqual(await failure("estimatesmartfee", 6, "fast"), {
      code: -8,
      message: `Invalid estimate_mode parameter, must be one of: ${modes}`,
    });
    assert.deepEqual(await failure("estimaterawfee", 6, 1.5), { code: -8, message: "Invalid threshold" });
    assert.deepEqual(await failure("estimaterawfee", 6, -0.1), { code: -8, message: "Invalid threshold" });
    const disabled = { code: -32603, message: "Fee estimation disabled" };
    const { failure: without } = await bitcoinNode();
    assert.deepEqual(await without("estimatesmartfee", 6), disabled);
    assert.deepEqual(await without("estimaterawfee", 6), disabled);
  });
});

describe("estimaterawfee", () => {
  type Raw = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

  test("tells what each horizon that has the target is founded on", async () => {
    const { call } = await node(estimation(100));
    const all = await call<Raw>("estimaterawfee", 2);
    assert.deepEqual(Object.keys(all), ["short", "medium", "long"]);
    assert.deepEqual(Object.keys(await call<Raw>("estimaterawfee", 13)), ["medium", "long"]);
    assert.deepEqual(Object.keys(await call<Raw>("estimaterawfee", 49)), ["long"]);
    const { feerate, decay, scale, pass, fail } = all["short"]!;
    assert.deepEqual([feerate, decay, scale], [0.00005, 0.962, 1]);
    // From the range of 5,000 up to that of 20,000, which passes by itself. Bounds are powers of 1.05 from 100 on.
    const range = { startrange: 4956, endrange: 19429, withintarget: 515.38, totalconfirmed: 515.38 };
    assert.deepEqual(pass, { ...range, inmempool: 0, leftmempool: 0 });
    // What lies below has nothing to say.
    const none = { withintarget: 0, totalconfirmed: 0, inmempool: 0, leftmempool: 0 };
    assert.deepEqual(fail, { startrange: 0, endrange: 4956, ...none });
  });

  test("says which ranges fail where none passes", async () => {
    const { call } = await node(estimation(1));
    const { short } = await call<Raw>("estimaterawfee", 2, 1);
    assert.deepEqual(Object.keys(short!), ["feerate", "decay", "scale", "pass", "fail"]);
    const { long } = await call<Raw>("estimaterawfee", 2, 1);
    assert.deepEqual(long, {
      decay: 0.99931,
      scale: 24,
      fail: { startrange: 0, endrange: 1e99, withintarget: 40, totalconfirmed: 40, inmempool: 0, leftmempool: 0 },
      errors: ["Insufficient data or no feerate found which meets threshold"],
    });
  });

  test("is not listed by help, which tells of it when it is asked", async () => {
    const { call } = await bitcoinNode();
    const list = await call<string>("help");
    assert.match(list, /^estimatesmartfee/m);
    assert.doesNotMatch(list, /estimaterawfee/);
    assert.match(await call<string>("help", "estimaterawfee"), /^estimaterawfee conf_target/);
  });
});
