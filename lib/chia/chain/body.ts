/**
 * The body of a block as far as it can be judged without running its generator.
 *
 * @see chia-blockchain 2.7.5 `chia/consensus/block_body_validation.py`, steps 1 to 8, 11, 12
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import { sha256 } from "../../codec/sha256.ts";
import type { ChiaConstants } from "../networks/network.ts";
import { FoliageTransactionBlock, type FullBlock, TransactionsInfo } from "../types/mod.ts";
import { additionsRoot, removalsRoot, transactionsFilter } from "./coins.ts";
import { type Refusal, refuse } from "./verdict.ts";

const ZERO_ROOT = new Uint8Array(32);
/** Stands for an empty list of generator references. */
const NO_REFS_ROOT = new Uint8Array(32).fill(1);

function refsRoot(heights: readonly number[]): Uint8Array {
  if (heights.length === 0) return NO_REFS_ROOT;
  const bytes = new Uint8Array(heights.length * 4);
  const view = new DataView(bytes.buffer);
  heights.forEach((height, i) => view.setUint32(i * 4, height));
  return sha256(bytes);
}

/** 22, and 1 to 4 of the body: what must be there together, and the hashes that bind foliage, infos and generator. */
function judgeBinding(block: FullBlock): Refusal | undefined {
  const { foliage, foliageTransactionBlock, transactionsInfo } = block;
  const isTransactionBlock = block.rewardChainBlock.isTransactionBlock;
  if (isTransactionBlock !== (foliage.foliageTransactionBlockHash !== null)) {
    return refuse("INVALID_IS_TRANSACTION_BLOCK", "the reward chain block and the foliage disagree");
  }
  if (isTransactionBlock !== (foliageTransactionBlock !== null)) {
    return refuse("INVALID_FOLIAGE_BLOCK_PRESENCE", "foliage transaction block");
  }
  if (isTransactionBlock !== (foliage.foliageTransactionBlockSignature !== null)) {
    return refuse("INVALID_FOLIAGE_BLOCK_PRESENCE", "signature of the foliage transaction block");
  }
  if (foliageTransactionBlock === null || foliage.foliageTransactionBlockHash === null) {
    const empty = transactionsInfo === null && block.transactionsGenerator === null &&
      block.transactionsGeneratorBuffer === null && block.transactionsGeneratorRefList.length === 0;
    return empty ? undefined : refuse("NOT_BLOCK_BUT_HAS_DATA", "no transaction block, but transactions");
  }
  if (transactionsInfo === null) return refuse("IS_TRANSACTION_BLOCK_BUT_NO_DATA", "no transactions info");
  if (!equalBytes(FoliageTransactionBlock.hash(foliageTransactionBlock), foliage.foliageTransactionBlockHash)) {
    return refuse("INVALID_FOLIAGE_BLOCK_HASH", "foliage transaction block");
  }
  return equalBytes(TransactionsInfo.hash(transactionsInfo), foliageTransactionBlock.transactionsInfoHash)
    ? undefined
    : refuse("INVALID_TRANSACTIONS_INFO_HASH", "transactions info");
}

/** 7: the generator and its references are the ones that were committed to. */
function judgeGenerator(constants: ChiaConstants, block: FullBlock): Refusal | undefined {
  const { transactionsInfo, transactionsGeneratorRefList: refs } = block;
  if (transactionsInfo === null) return undefined;
  const generator = block.transactionsGenerator ?? block.transactionsGeneratorBuffer;
  if (!equalBytes(transactionsInfo.generatorRoot, generator === null ? ZERO_ROOT : sha256(generator))) {
    return refuse("INVALID_TRANSACTIONS_GENERATOR_HASH", "generator root");
  }
  if (!equalBytes(transactionsInfo.generatorRefsRoot, refsRoot(refs))) {
    return refuse("INVALID_TRANSACTIONS_GENERATOR_REFS_ROOT", "generator references root");
  }
  if (refs.length > constants.MAX_GENERATOR_REF_LIST_SIZE) {
    return refuse("TOO_MANY_GENERATOR_REFS", `${refs.length} references`);
  }
  if (generator === null && refs.length > 0) {
    return refuse("INVALID_TRANSACTIONS_GENERATOR_REFS_ROOT", "references without a generator");
  }
  if (refs.some((height) => height >= block.rewardChainBlock.height)) {
    return refuse("FUTURE_GENERATOR_REFS", "a reference to this height or above");
  }
  if (transactionsInfo.cost > constants.MAX_BLOCK_COST_CLVM) {
    return refuse("BLOCK_COST_EXCEEDS_MAX", `cost ${transactionsInfo.cost}`);
  }
  return undefined;
}

/** 9, 11, 12 for a block without a generator, whose only coins are its rewards. */
function judgeRewardsOnly(block: FullBlock): Refusal | undefined {
  const { foliageTransactionBlock: foliage, transactionsInfo: info } = block;
  if (foliage === null || info === null) return undefined;
  if (block.transactionsGenerator !== null || block.transactionsGeneratorBuffer !== null) return undefined;
  if (info.cost !== 0n) return refuse("INVALID_BLOCK_COST", "cost without a generator");
  if (info.fees !== 0n) return refuse("INVALID_BLOCK_FEE_AMOUNT", "fees without a generator");
  const rewards = info.rewardClaimsIncorporated;
  if (!equalBytes(additionsRoot(rewards), foliage.additionsRoot)) return refuse("BAD_ADDITION_ROOT", "rewards only");
  if (!equalBytes(removalsRoot([]), foliage.removalsRoot)) return refuse("BAD_REMOVAL_ROOT", "nothing is spent");
  return equalBytes(sha256(transactionsFilter(rewards, [])), foliage.filterHash)
    ? undefined
    : refuse("INVALID_TRANSACTIONS_FILTER_HASH", "rewards only");
}

/** Judges the body of a block. */
export function judgeBody(constants: ChiaConstants, block: FullBlock): Refusal | undefined {
  return judgeBinding(block) ?? judgeGenerator(constants, block) ?? judgeRewardsOnly(block);
}
