/**
 * The ends of all branches, as `getchaintips` tells them.
 *
 * @see Bitcoin Core `rpc/blockchain.cpp`, getchaintips
 * @module
 */
import { type HeaderChain, HeaderStatus } from "./header-chain.ts";

/**
 * - `active`: the end of the active chain.
 * - `valid-fork`: was part of the active chain once.
 * - `valid-headers`: all blocks are there, but were never connected.
 * - `headers-only`: blocks are missing.
 * - `invalid`: a block of the branch breaks a rule.
 */
export type ChainTipStatus = "active" | "valid-fork" | "valid-headers" | "headers-only" | "invalid";

/** The end of a branch. */
export interface ChainTip {
  readonly row: number;
  readonly height: number;
  /** Blocks between it and the active chain; 0 for the active tip. */
  readonly branchLength: number;
  readonly status: ChainTipStatus;
}

/** All tips, highest first. `active` is the row of the last block of the active chain. */
export function chainTips(chain: HeaderChain, active: number): ChainTip[] {
  const tips: ChainTip[] = [];
  for (let row = 0; row < chain.length; row++) {
    if (row !== active && (chain.status(row) & HeaderStatus.hasChild) !== 0) continue;
    const fork = chain.commonAncestor(row, active);
    if (fork === row && row !== active) continue;
    const height = chain.height(row);
    tips.push({
      row,
      height,
      branchLength: height - chain.height(fork),
      status: row === active ? "active" : branchStatus(chain, row, fork),
    });
  }
  return tips.sort((a, b) => b.height - a.height);
}

function branchStatus(chain: HeaderChain, row: number, fork: number): ChainTipStatus {
  if (chain.isInvalid(row)) return "invalid";
  for (let at = row; at !== fork; at = chain.parent(at)) {
    if ((chain.status(at) & HeaderStatus.data) === 0) return "headers-only";
  }
  return (chain.status(row) & HeaderStatus.connected) !== 0 ? "valid-fork" : "valid-headers";
}
