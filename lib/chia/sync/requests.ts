/**
 * Asking one peer for blocks, and judging whether the answer is one.
 *
 * @see spec section g (following the chain), d (bans)
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { messageOf, NodeError } from "../../core/errors.ts";
import { apiFault, consensusFault } from "../peers/faults.ts";
import { rejectBlock, rejectBlocks, requestBlock, requestBlocks } from "../protocol/mod.ts";
import { candidateOf, readRespondBlocks } from "../chain/raw-blocks.ts";
import type { ChiaSession } from "../peers/session.ts";
import type { Candidate } from "../chain/verdict.ts";

/** A run of heights, both inclusive. */
export interface HeightRange {
  readonly start: number;
  readonly end: number;
}

/** `respond_block` is a block and nothing else; its body starts with the block itself. */
function blockOf(session: ChiaSession, data: Uint8Array): Candidate {
  try {
    return candidateOf(data);
  } catch (thrown) {
    if (!(thrown instanceof CodecError)) throw thrown;
    const fault = apiFault(`respond_block: ${messageOf(thrown)}`, thrown);
    session.fail(fault);
    throw fault;
  }
}

/** How long a peer may take to answer with one block. */
export const BLOCK_TIMEOUT_MS = 15_000;
/** How long a peer may take to answer with a batch of blocks, at the first try. */
export const BATCH_TIMEOUT_MS = 15_000;

/** The block at a height of the peer's chain; undefined when it has none there. No longer waited for when `signal` aborts. @throws NodeError, PeerFault */
export async function fetchBlock(
  session: ChiaSession,
  height: number,
  withTransactions: boolean,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Candidate | undefined> {
  const body = { height, includeTransactionBlock: withTransactions };
  const reply = await session.request(requestBlock, body, timeoutMs, signal);
  if (reply.message.id === rejectBlock.id) return undefined;
  const candidate = blockOf(session, reply.data);
  if (candidate.block.rewardChainBlock.height === height) return candidate;
  const fault = consensusFault("INVALID_HEIGHT", `a block of another height than the ${height} that was asked for`);
  session.fail(fault);
  throw fault;
}

/** All blocks of a range; no longer waited for when `signal` aborts. @throws NodeError `refused` when the peer lacks one, PeerFault when the answer is not the range */
export async function fetchRange(
  session: ChiaSession,
  range: HeightRange,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<readonly Candidate[]> {
  const body = { startHeight: range.start, endHeight: range.end, includeTransactionBlock: true };
  const reply = await session.request(requestBlocks, body, timeoutMs, signal);
  if (reply.message.id === rejectBlocks.id) {
    throw new NodeError("refused", "peer", `the peer lacks blocks ${range.start} to ${range.end}`);
  }
  try {
    const blocks = readRespondBlocks(reply.data, range.end - range.start + 1);
    if (blocks?.every(({ block }, i) => block.rewardChainBlock.height === range.start + i) === true) return blocks;
  } catch (thrown) {
    if (!(thrown instanceof CodecError)) throw thrown;
    const fault = apiFault(messageOf(thrown), thrown);
    session.fail(fault);
    throw fault;
  }
  const fault = consensusFault("UNKNOWN", `respond_blocks does not cover ${range.start} to ${range.end}`);
  session.fail(fault);
  throw fault;
}
