/**
 * Carries a dispute over filter headers out: asks the parties and peers that have the block, and acts on the verdict.
 *
 * @see FilterDispute
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import type { BitcoinChain } from "../chain/chain.ts";
import {
  type DisputeOptions,
  type DisputeReason,
  FilterDispute,
  type FilterHeaderClaim,
  type Finding,
} from "../filters/mod.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import { misbehaving } from "../peers/faults.ts";
import type { Block } from "../types/mod.ts";
import { fetchBlock, servesBlock } from "./block-fetch.ts";
import { ANSWER_MS, type Questions } from "./questions.ts";

/** What settling a dispute needs. */
export interface DisputeParts {
  readonly chain: BitcoinChain;
  readonly questions: Questions;
  /** All connected peers: blocks may come from any. */
  readonly peers: () => readonly BitcoinPeer[];
  /** A peer that nothing is proven against is not asked for a while. */
  readonly rest: (peer: BitcoinPeer, reason: DisputeReason) => void;
  readonly notice: (level: "debug" | "info" | "warning", text: string) => void;
}

/** How a dispute ended. */
export interface Verdict {
  readonly findings: readonly Finding<BitcoinPeer>[];
  /** The filter headers of the span as those who are left tell them, when they tell the same. */
  readonly agreed: readonly Uint8Array[] | undefined;
}

/** Peers that are asked for the block in dispute before only numbers decide. */
const BLOCK_TRIES_MAX = 4;

/** What a dispute is about: heights of the chain that ends with the row `target`, whatever becomes of that meanwhile. */
export interface DisputeCase extends DisputeOptions<BitcoinPeer> {
  readonly target: number;
  /** Headers that parties have told for exactly this span already: they are held to them. */
  readonly told?: ReadonlyMap<BitcoinPeer, FilterHeaderClaim>;
}

/** Settles one dispute. Proven liars are banned, others found against rest. */
export async function settleDispute(parts: DisputeParts, options: DisputeCase, signal: AbortSignal): Promise<Verdict> {
  const { questions, notice, chain: { headers } } = parts;
  const { target, told = new Map<BitcoinPeer, FilterHeaderClaim>() } = options;
  const hashAt = (height: number) => headers.hash(headers.ancestor(target, height));
  const dispute = new FilterDispute(options);
  for (const [peer, claim] of told) dispute.headers(peer, claim);
  for (;;) {
    signal.throwIfAborted();
    const { need } = dispute;
    if (need.kind === "headers") {
      const stopHash = hashAt(need.stopHeight);
      await Promise.all(need.peers.map(async (peer) => {
        dispute.headers(peer, await orNothing(questions.headers(peer, need.startHeight, stopHash, { signal }), signal));
      }));
    } else if (need.kind === "filters") {
      const hash = hashAt(need.height);
      await Promise.all(need.peers.map(async (peer) => {
        let filter: Uint8Array | undefined;
        const keep = (_: number, bytes: Uint8Array) => void (filter = bytes.slice());
        await orNothing(questions.filters(peer, need.height, [hash], keep, { signal }), signal);
        dispute.filter(peer, filter);
      }));
    } else if (need.kind === "block") {
      notice("info", `peers tell different filters of block ${need.height}`);
      dispute.block(await findBlock(parts, headers.ancestor(target, need.height), signal));
    } else {
      for (const finding of need.findings) act(parts, finding);
      return need;
    }
  }
}

/** A block from anybody who has it; undefined when nobody gives it. */
export async function findBlock(parts: DisputeParts, row: number, signal: AbortSignal): Promise<Block | undefined> {
  const { chain, peers } = parts;
  for (const peer of peers().filter((each) => servesBlock(each, chain, row)).slice(0, BLOCK_TRIES_MAX)) {
    const block = await orNothing(fetchBlock(parts, peer, row, { signal, timeoutMs: ANSWER_MS }), signal);
    if (block !== undefined) return block;
  }
  return undefined;
}

function act({ rest, notice }: DisputeParts, { peer, reason, proven }: Finding<BitcoinPeer>): void {
  notice(proven ? "warning" : "info", `${peer.session.label} is found against over filters: ${reason}`);
  if (proven) peer.session.fail(misbehaving("false_filter", "bad_filters", `told wrong block filters: ${reason}`));
  else rest(peer, reason);
}

/** What a peer gave, or undefined when it failed to. @throws the signal's reason, for then it is not the peer's fault */
export async function orNothing<T>(answer: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  try {
    return await answer;
  } catch (thrown) {
    signal.throwIfAborted();
    // What the answer cost the peer was settled where it was read.
    if (thrown instanceof NodeError) return undefined;
    throw thrown;
  }
}
