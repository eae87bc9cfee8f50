/**
 * Methods that estimate fees.
 *
 * @see Bitcoin Core `rpc/fees.cpp`
 * @module
 */
import type { EstimateRange } from "../../bitcoin/fees/confirmations.ts";
import { HORIZONS } from "../../bitcoin/fees/estimator.ts";
import type { FeeEstimation } from "../../bitcoin/fees/fee-estimates.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import { invalidParameter, JsonRpcError, RpcCode } from "./error.ts";
import { amountJson, type RpcObject } from "./json.ts";
import { type Arguments, type Method, optional, required } from "./method.ts";

const MODES = ["unset", "economical", "conservative"] as const;
/** The share of a range that has to be confirmed unless it is told. */
const SHARE = 0.95;

function estimationOf({ fees }: BitcoinService): FeeEstimation {
  if (fees === undefined) throw new JsonRpcError(RpcCode.internal, "Fee estimation disabled");
  return fees;
}

/** The first argument. Throws −8 for a target that nothing is known of. */
function targetOf(args: Arguments, fees: FeeEstimation): number {
  const most = fees.targetMax("long");
  const target = args.integer(0);
  if (target >= 1 && target <= most) return target;
  throw invalidParameter(`Invalid conf_target, must be between 1 and ${most}`);
}

function rangeJson(range: EstimateRange): RpcObject {
  const hundredths = (value: number) => Math.round(value * 100) / 100;
  return {
    // The last range has no end: its bound is larger than any integer that can be told.
    startrange: Math.round(range.start),
    endrange: Math.round(range.end),
    withintarget: hundredths(range.withinTarget),
    totalconfirmed: hundredths(range.totalConfirmed),
    inmempool: hundredths(range.inMempool),
    leftmempool: hundredths(range.leftMempool),
  };
}

/** A rate of so many satoshi for 1000 virtual bytes. */
const rateJson = (feeRate: number) => amountJson(BigInt(feeRate));

/** The methods. */
export const feeMethods: readonly Method[] = [
  {
    name: "estimatesmartfee",
    category: "Util",
    summary:
      "The feerate with which a transaction probably gets into one of the next blocks, from what was seen so far.",
    params: [
      required("conf_target", "number", "Blocks (1 - 1008)"),
      optional("estimate_mode", "string", '"unset", "economical" or "conservative"', "economical"),
    ],
    result: '{"feerate": n, "errors": ["text"], "blocks": n}    (object) feerate in BTC/kvB, or errors',
    examples: ["estimatesmartfee 6"],
    call(args, { context: { bitcoin } }) {
      const fees = estimationOf(bitcoin);
      const asked = targetOf(args, fees);
      const mode = MODES.find((each) => each === args.optionalText(1)?.toLowerCase());
      if (args.has(1) && mode === undefined) {
        const known = MODES.map((each) => `"${each}"`).join(", ");
        throw invalidParameter(`Invalid estimate_mode parameter, must be one of: ${known}`);
      }
      const { feeRate, target } = fees.smart(asked, mode === "conservative");
      if (feeRate === 0) return { errors: ["Insufficient data or no feerate found"], blocks: target };
      // What the mempool asks for now, nobody gets below.
      return { feerate: rateJson(Math.max(feeRate, fees.feeRateMin)), blocks: target };
    },
  },
  {
    name: "estimaterawfee",
    category: "Util",
    summary: "What the estimates of each horizon are founded on. It changes when the way of estimating does.",
    params: [
      required("conf_target", "number", "Blocks (1 - 1008)"),
      optional("threshold", "number", "The share of a range that has to be confirmed in time", String(SHARE)),
    ],
    result: '{"short": {feerate, decay, scale, pass, fail, errors}, "medium": ..., "long": ...}    (object)',
    examples: ["estimaterawfee 6 0.9"],
    isHidden: true,
    call(args, { context: { bitcoin } }) {
      const fees = estimationOf(bitcoin);
      const target = targetOf(args, fees);
      const share = args.has(1) ? Number(args.at(1)) : SHARE;
      if (!(share >= 0 && share <= 1)) throw invalidParameter("Invalid threshold");
      const horizons = HORIZONS.filter((horizon) => target <= fees.targetMax(horizon));
      return Object.fromEntries(horizons.map((horizon): [string, RpcObject] => {
        const { median, pass, fail, decay, scale } = fees.raw(target, share, horizon);
        if (Math.round(median) <= 0) {
          const errors = ["Insufficient data or no feerate found which meets threshold"];
          return [horizon, { decay, scale, fail: rangeJson(fail), errors }];
        }
        return [horizon, {
          ...{ feerate: rateJson(Math.round(median)), decay, scale, pass: rangeJson(pass) },
          fail: fail.start === -1 ? undefined : rangeJson(fail),
        }];
      }));
    },
  },
];
