/**
 * Rules of a block that need no earlier output.
 *
 * Some faults are of the body alone: the same header may come with another body that is good. They are `mutated`, and
 * the receiver of one forgets the bytes, blames the peer, and asks for the block elsewhere; the hash stays a candidate.
 *
 * The signature of a signet's block is not checked.
 *
 * @see Bitcoin Core `validation.cpp`, CheckBlock, ContextualCheckBlock, CheckWitnessMalleation, IsBlockMutated
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import type { BitcoinNetwork } from "../networks/network.ts";
import type { Block } from "../types/block.ts";
import { pushData, scriptNumber } from "../types/script.ts";
import { checkProofOfWork } from "../headers/pow.ts";
import { checkWalked, isFinal, MAX_BLOCK_WEIGHT, WITNESS_SCALE_FACTOR } from "./transaction-checks.ts";
import { TransactionWalk } from "./transaction-walk.ts";
import type { BlockView } from "./validator.ts";
import { type Refusal, refuse } from "../headers/verdict.ts";

/** The most that the signature operations of a block may cost. */
export const MAX_BLOCK_SIGOPS_COST = 80_000;
/** A transaction of this many bytes looks like an inner node of a Merkle tree. */
const MERKLE_NODE_BYTES = 64;

const walk = new TransactionWalk();

/** How a block is judged that nobody has mined yet. */
export interface BlockCheckTerms {
  /** It needs no proof of work. */
  readonly isUnsolved?: boolean;
}

/** Judges what a block says by itself. Undefined when it passes. */
export function checkBlock(block: Block, network: BitcoinNetwork, terms: BlockCheckTerms = {}): Refusal | undefined {
  if (terms.isUnsolved !== true && !checkProofOfWork(block.hash, block.header.bits, network.pow)) {
    return refuse("invalid_header", "high-hash", "no proof of work");
  }
  const mutation = checkMerkleRoot(block);
  if (mutation !== undefined) return mutation;
  // Core counts the transactions as well: so many bytes hold no such number of them.
  if (block.transactionCount === 0 || block.strippedSize * WITNESS_SCALE_FACTOR > MAX_BLOCK_WEIGHT) {
    return refuse("consensus", "bad-blk-length", `${block.transactionCount} transactions, ${block.strippedSize} bytes`);
  }
  if (block.first?.isCoinbase !== true) {
    return refuse(isOfNodes(block) ? "mutated" : "consensus", "bad-cb-missing", "the first transaction is no coinbase");
  }
  const { transactions } = block;
  for (let i = 1; i < transactions.length; i++) {
    if (transactions[i]!.isCoinbase) return refuse("consensus", "bad-cb-multiple", `transaction ${i} is a coinbase`);
  }
  let sigOps = 0;
  for (const transaction of transactions) {
    const fault = checkWalked(transaction, walk.over(transaction));
    if (fault !== undefined) return fault;
    sigOps += walk.sigOps;
  }
  if (sigOps * WITNESS_SCALE_FACTOR > MAX_BLOCK_SIGOPS_COST) {
    return refuse("consensus", "bad-blk-sigops", `${sigOps} legacy signature operations`);
  }
  return undefined;
}

/** Judges a block that passed {@link checkBlock} by its height and its parent's median time. Undefined when it passes. */
export function checkBlockInContext(block: Block, view: BlockView): Refusal | undefined {
  const { network: { heights }, height } = view;
  const time = height >= heights.csv ? view.parentMedianTimePast : block.header.time;
  if (!block.transactions.every((transaction) => isFinal(transaction, height, time))) {
    return refuse("consensus", "bad-txns-nonfinal", `a transaction is not final at height ${height}`);
  }
  if (height >= heights.bip34) {
    const push = heightPush(height);
    const script = block.transactions[0]!.inputs[0]!.scriptSig;
    if (!equalBytes(script.subarray(0, push.length), push)) {
      return refuse("consensus", "bad-cb-height", `the coinbase does not start with height ${height}`);
    }
  }
  const mutation = checkWitness(block, height >= heights.segwit);
  if (mutation !== undefined) return mutation;
  if (block.weight > MAX_BLOCK_WEIGHT) return refuse("consensus", "bad-blk-weight", `a weight of ${block.weight}`);
  return undefined;
}

/** The push of a block's height that its coinbase's script starts with (BIP34): up to 16, a single opcode. */
export function heightPush(height: number): Uint8Array {
  return pushData(scriptNumber(height));
}

/** Holds the header's Merkle root against the transactions. */
function checkMerkleRoot(block: Block): Refusal | undefined {
  const { root, mutated } = block.merkleRoot();
  if (!equalBytes(root, block.header.merkleRoot)) {
    return refuse("mutated", "bad-txnmrklroot", "the transactions are not those of the header");
  }
  // CVE-2012-2459: a repeated end leaves the root as it is.
  return mutated ? refuse("mutated", "bad-txns-duplicate", "transactions are repeated") : undefined;
}

/** Holds the coinbase's commitment against the witnesses. Without a commitment there may be none. */
function checkWitness(block: Block, segwit: boolean): Refusal | undefined {
  if (segwit) {
    const commitment = block.witnessCommitment();
    if (commitment.kind === "bad-nonce") {
      return refuse("mutated", "bad-witness-nonce-size", "the coinbase's witness is not one item of 32 bytes");
    }
    if (commitment.kind === "present") {
      return commitment.matches
        ? undefined
        : refuse("mutated", "bad-witness-merkle-match", "the witnesses are not those of the commitment");
    }
  }
  return block.transactions.some(({ hasWitness }) => hasWitness)
    ? refuse("mutated", "unexpected-witness", "witnesses that nothing commits to")
    : undefined;
}

/**
 * Whether a body without a coinbase may be a level of inner nodes of the body that the header means, with the same root (Core's
 * IsBlockMutated). A coinbase cannot be made to look like a node cheaply, so that one in the first place says it is none.
 */
function isOfNodes(block: Block): boolean {
  return block.transactions.some(({ strippedSize }) => strippedSize === MERKLE_NODE_BYTES);
}
