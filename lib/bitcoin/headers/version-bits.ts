/**
 * Rules that miners vote for by a bit of their blocks' versions. A vote is counted over whole periods of blocks.
 *
 * @see BIP9, BIP341 (deployment); Bitcoin Core `versionbits.cpp`
 * @module
 */
import type { Deployment } from "../networks/network.ts";
import type { HeaderChain } from "./header-chain.ts";

/** How far a rule is: `active` and `failed` are for good. */
export type DeploymentState = "defined" | "started" | "locked_in" | "active" | "failed";

/** The votes of a period, up to one of its blocks. */
export interface DeploymentVotes {
  /** Blocks of the period so far. */
  readonly elapsed: number;
  /** Those of them that vote for the rule. */
  readonly count: number;
  /** Whether each of them does, the first of the period first. */
  readonly signalling: readonly boolean[];
  /** Whether there can still be enough. */
  readonly isPossible: boolean;
}

/** The versions whose bits are votes have 001 at the top. */
const TOP_MASK = 0xe000_0000 | 0;
const TOP_BITS = 0x2000_0000;

/** The version of a block without a vote. */
export const NO_VOTES = TOP_BITS;

/** Whether a version votes for a rule. */
const votesFor = (version: number, { bit }: Deployment) =>
  (version & TOP_MASK) === TOP_BITS && ((version >>> bit) & 1) === 1;

/** The states of one network's deployments. What was found is remembered: a block's ancestors do not change. */
export class VersionBits {
  readonly #headers: HeaderChain;
  /** By the last block of a period: the state in the next one. */
  readonly #known = new Map<Deployment, Map<number, DeploymentState>>();

  constructor(headers: HeaderChain) {
    this.#headers = headers;
  }

  /** The state that holds for a child of the block; of genesis, where the row is −1. */
  after(row: number, deployment: Deployment): DeploymentState {
    const known = this.#known.get(deployment) ?? new Map<number, DeploymentState>();
    this.#known.set(deployment, known);
    // The state is the same for all blocks of a period.
    const unknown: number[] = [];
    let at = this.#endBefore(row, deployment);
    while (at >= 0 && !known.has(at)) {
      unknown.push(at);
      at = this.#endBefore(this.#headers.parent(at), deployment);
    }
    let state = known.get(at) ?? "defined";
    for (const end of unknown.reverse()) {
      state = this.#next(state, end, deployment);
      known.set(end, state);
    }
    return state;
  }

  /** Height of the first block that the state of the block's child holds for. */
  since(row: number, deployment: Deployment): number {
    const state = this.after(row, deployment);
    if (state === "defined") return 0;
    let end = this.#endBefore(row, deployment);
    for (;;) {
      const before = this.#endBefore(this.#headers.parent(end), deployment);
      if (before < 0 || this.after(before, deployment) !== state) return this.#headers.height(end) + 1;
      end = before;
    }
  }

  /** The votes of the period that a block is in, up to it. */
  votes(row: number, deployment: Deployment): DeploymentVotes {
    const headers = this.#headers;
    const { period, threshold } = deployment;
    const elapsed = headers.height(row) % period + 1;
    const signalling: boolean[] = [];
    for (let at = row; signalling.length < elapsed; at = headers.parent(at)) {
      signalling.push(votesFor(headers.version(at), deployment));
    }
    const count = signalling.filter((votes) => votes).length;
    return { elapsed, count, signalling: signalling.reverse(), isPossible: period - threshold >= elapsed - count };
  }

  /** The version of a child of the block that votes for all rules that can be voted for. */
  versionAfter(row: number): number {
    let version = NO_VOTES;
    for (const deployment of this.#headers.network.deployments) {
      const state = this.after(row, deployment);
      if (state === "started" || state === "locked_in") version |= 1 << deployment.bit;
    }
    return version;
  }

  /** The last block of the last period that is over with a row; −1 for none. */
  #endBefore(row: number, { period }: Deployment): number {
    if (row < 0) return -1;
    const height = this.#headers.height(row);
    const end = height - (height + 1) % period;
    return end < 0 ? -1 : this.#headers.ancestor(row, end);
  }

  /** The state after a period, given that of the period. */
  #next(state: DeploymentState, end: number, deployment: Deployment): DeploymentState {
    const headers = this.#headers;
    const { startTime, timeout, threshold, minActivationHeight } = deployment;
    const time = BigInt(headers.medianTimePast(end));
    switch (state) {
      case "defined":
        return time >= startTime ? "started" : state;
      case "started":
        if (this.votes(end, deployment).count >= threshold) return "locked_in";
        return time >= timeout ? "failed" : state;
      case "locked_in":
        return headers.height(end) + 1 >= minActivationHeight ? "active" : state;
      default:
        return state;
    }
  }
}
