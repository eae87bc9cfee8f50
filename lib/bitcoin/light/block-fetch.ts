/**
 * Single blocks, fetched from whichever peer has them and checked as far as a block can be without the outputs that it
 * spends.
 *
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import type { BitcoinChain } from "../chain/chain.ts";
import { blockView } from "../chain/validator.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import { misbehaving } from "../peers/faults.ts";
import type { Block } from "../types/mod.ts";
import type { Questions } from "./questions.ts";

/** What fetching blocks needs. */
export interface BlockFetchParts {
  readonly chain: BitcoinChain;
  readonly questions: Questions;
}

/** How far below their tip peers without the whole chain serve blocks. */
const LIMITED_DEPTH = 288 - 2;

/** Whether a peer can be asked for a block. */
export function servesBlock(peer: BitcoinPeer, chain: BitcoinChain, row: number): boolean {
  const { headers } = chain;
  if (!peer.knowledge.has(headers, row)) return false;
  if (peer.servesAll) return true;
  return peer.servesRecent && headers.height(row) > headers.height(peer.knowledge.best) - LIMITED_DEPTH;
}

/**
 * Asks one peer for one block.
 *
 * @throws NodeError `timeout`, `closed`, `absent` or `bad_block`; the peer that sent a bad one is dealt with
 */
export async function fetchBlock(
  { chain, questions }: BlockFetchParts,
  peer: BitcoinPeer,
  row: number,
  options: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<Block> {
  const block = await questions.block(peer, chain.headers.hash(row), options);
  // What is in the genesis block is known, and it breaks rules that came later.
  const verdict = row === 0 ? { ok: true as const } : chain.validator.check(block, blockView(chain.headers, row));
  if (verdict.ok) return block;
  const text = `invalid block received: ${verdict.reason}, ${verdict.detail}`;
  peer.session.fail(misbehaving("invalid_body", verdict.reason, text));
  // Its work is good and its body is the header's own: the branch is at fault, not only who sent it.
  if (verdict.result === "consensus") chain.condemn(row);
  throw new NodeError("bad_block", "peer", text);
}
