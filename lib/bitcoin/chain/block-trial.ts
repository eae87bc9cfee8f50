/**
 * A block that is judged as the next one of the chain, and not kept: it needs no proof of work, nor a signet's signature.
 *
 * @see Bitcoin Core `validation.cpp` (TestBlockValidity)
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import type { HeaderChain } from "../headers/header-chain.ts";
import { HeaderContext } from "../headers/header-rules.ts";
import { type Refusal, refuse } from "../headers/verdict.ts";
import type { Block } from "../types/block.ts";
import { checkBlock, checkBlockInContext } from "./block-checks.ts";
import type { CoinView } from "./coins.ts";
import type { BlockValidator, ConnectingBlock } from "./validator.ts";
import { withScripts } from "./verdicts.ts";

/** By what it is judged. */
export interface BlockTrialParts {
  readonly headers: HeaderChain;
  readonly validator: BlockValidator;
  /** The last block that is connected; the coins are those after it. */
  readonly head: number;
  readonly coins: CoinView;
  /** Our clock, in seconds since 1970. */
  readonly now: number;
  readonly signal: AbortSignal;
}

/** Why the block could not be the next; undefined when it could. @throws what the validator's `connect` throws */
export async function tryBlock(parts: BlockTrialParts, block: Block): Promise<Refusal | undefined> {
  const { headers, validator, head, coins, now, signal } = parts;
  const { network } = headers;
  const { prevBlockHash, version, time, bits } = block.header;
  if (!equalBytes(prevBlockHash, headers.hash(head))) {
    return refuse("missing_prev", "inconclusive-not-best-prevblk", "it does not build on the tip");
  }
  const view = {
    network,
    height: headers.height(head) + 1,
    parentMedianTimePast: headers.medianTimePast(head),
  };
  const refusal = checkBlock(block, network, { isUnsolved: true }) ??
    new HeaderContext(network, headers, head).judge(version, time, bits, now) ??
    checkBlockInContext(block, view);
  if (refusal !== undefined) return refusal;
  const connecting: ConnectingBlock = {
    view,
    ancestry: {
      hash: (height) => headers.hash(headers.ancestor(head, height)),
      medianTimePast: (height) => headers.medianTimePast(headers.ancestor(head, height)),
    },
    hash: block.hash,
    hasAssumedScripts: false,
    isUnsolved: true,
    load: () => Promise.resolve(block),
  };
  const verdict = await withScripts(validator.connect(connecting, coins, signal));
  return verdict.ok ? undefined : verdict;
}
