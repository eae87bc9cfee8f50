/**
 * Where the connecting of blocks goes on after a start.
 *
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import type { Validation } from "../../core/validation.ts";
import { type HeaderChain, HeaderStatus } from "../headers/header-chain.ts";
import { levelOf } from "./levels.ts";
import { betweenRows, verifiedUpTo } from "./rows.ts";

/** What is known at start. */
export interface ResumingParts {
  readonly headers: HeaderChain;
  readonly level: Validation;
  /** The row after whose block the coins are so, where coins are kept. */
  readonly coinsAt: number | undefined;
  readonly notice: (level: "warning", text: string) => void;
}

/**
 * The last block that counts as connected, of the chain that ends with the durable tip.
 * @throws NodeError `BLOCK_PRUNED` when blocks that coins are to be made from are not stored any more
 */
export function resumedHead({ headers, level, coinsAt, notice }: ResumingParts, tip: number): number {
  if (coinsAt === undefined) {
    const { row, pruned } = verifiedUpTo(headers, tip, level);
    if (pruned > 0) {
      const text = `${pruned} blocks were pruned before they were validated in full: that cannot be made up for`;
      notice("warning", `${text}, and the chain counts as ${levelOf(headers.status(headers.ancestor(tip, 1)))}`);
    }
    return row;
  }
  const fork = headers.commonAncestor(coinsAt, tip);
  const way = [...betweenRows(headers, fork, coinsAt), ...betweenRows(headers, fork, tip)];
  const missing = way.filter((row) => (headers.status(row) & HeaderStatus.data) === 0).length;
  if (missing > 0) {
    const text = `${missing} blocks were pruned before their coins were taken in; only an empty data folder can help`;
    throw new NodeError("BLOCK_PRUNED", "self", text);
  }
  if (fork === tip && coinsAt !== tip) {
    const heights = `${headers.height(coinsAt)}, the chain at ${headers.height(tip)}`;
    notice("warning", `the coins are ahead of the chain: they are at ${heights}; they are taken back`);
  }
  return coinsAt;
}
