/**
 * The blocks of a simulated Chia world. They have the shape of blocks and none of the proofs; the simulated validator
 * checks how they follow one another, and takes marked ones for invalid.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { sha256 } from "../../codec/sha256.ts";
import { equalBytes } from "../../codec/sized.ts";
import type { BlockValidator, Candidate, Verdict } from "../../chia/chain/verdict.ts";
import { refuse } from "../../chia/chain/verdict.ts";
import type { AncestorView } from "../../chia/chain/view.ts";
import { type ChiaNetwork, networkNamed } from "../../chia/networks/mod.ts";
import { candidateOf } from "../../chia/chain/raw-blocks.ts";
import { type BlockRecord, FullBlock } from "../../chia/types/mod.ts";
import type { Tip } from "../play.ts";

/** What DNS introducers of the world are called. */
const SEED = "introducer.sim";

/** The reference's simulator with a DNS introducer, so that nodes find one another as on a public network. */
export const network: ChiaNetwork = { ...networkNamed("simulator0"), dnsSeeds: [SEED] };

const { GENESIS_CHALLENGE, DIFFICULTY_STARTING, SUB_SLOT_ITERS_STARTING } = network.constants;
const ITERS = 1_000n;
const zeros = (length: number) => new Uint8Array(length);
/** Extension data of blocks that the simulated validator takes for invalid. */
const MARK = zeros(32).fill(0xbd);
/** And of those that only full validation tells from valid ones. */
const MINTED = zeros(32).fill(0x3d);
/** Compressed points at infinity: what stands where no signature and no key is. */
const NO_G1 = zeros(48).fill(0xc0, 0, 1);
const NO_G2 = zeros(96).fill(0xc0, 0, 1);
const NO_VDF = { challenge: zeros(32), numberOfIterations: 0n, output: { data: zeros(100) } };
const NO_PROOF = { witnessType: 0, witness: zeros(0), normalizedToIdentity: false };

/** A block of the world. */
export interface WorldBlock extends Tip {
  readonly raw: Uint8Array;
  readonly headerHash: Uint8Array;
  readonly parent: WorldBlock | undefined;
  readonly totalIters: bigint;
}

/** What a block is worth: `minted` passes every check below full validation, `marked` none. */
export type Worth = "valid" | "minted" | "marked";
const EXTENSION_DATA: Readonly<Record<Worth, Uint8Array>> = { valid: zeros(32), minted: MINTED, marked: MARK };

function blockOf(parent: WorldBlock | undefined, maker: string, worth: Worth): WorldBlock {
  const name = sha256(new TextEncoder().encode(maker));
  const height = parent === undefined ? 0 : parent.height + 1;
  const weight = (parent?.weight ?? 0n) + DIFFICULTY_STARTING;
  // Blocks of one height differ in it, as real ones do: of two tips of one weight the one with fewer is better.
  const totalIters = (parent?.totalIters ?? 0n) + ITERS + BigInt(name[0]!);
  const raw = FullBlock.encode({
    finishedSubSlots: [],
    rewardChainBlock: {
      weight,
      height,
      totalIters,
      signagePointIndex: 0,
      posSsCcChallengeHash: zeros(32),
      proofOfSpace: {
        challenge: zeros(32),
        poolPublicKey: null,
        poolContractPuzzleHash: zeros(32),
        plotPublicKey: NO_G1,
        version: 0,
        plotIndex: 0,
        metaGroup: 0,
        strength: 0,
        size: 32,
        proof: zeros(0),
      },
      challengeChainSpVdf: null,
      challengeChainSpSignature: NO_G2,
      challengeChainIpVdf: NO_VDF,
      rewardChainSpVdf: null,
      rewardChainSpSignature: NO_G2,
      rewardChainIpVdf: NO_VDF,
      infusedChallengeChainIpVdf: null,
      headerMmrRoot: null,
      isTransactionBlock: false,
    },
    challengeChainSpProof: null,
    challengeChainIpProof: NO_PROOF,
    rewardChainSpProof: null,
    rewardChainIpProof: NO_PROOF,
    infusedChallengeChainIpProof: null,
    foliage: {
      prevBlockHash: parent?.headerHash ?? GENESIS_CHALLENGE,
      rewardBlockHash: name,
      foliageBlockData: {
        unfinishedRewardBlockHash: zeros(32),
        poolTarget: { puzzleHash: zeros(32), maxHeight: 0 },
        poolSignature: null,
        farmerRewardPuzzleHash: name,
        extensionData: EXTENSION_DATA[worth],
      },
      foliageBlockDataSignature: NO_G2,
      foliageTransactionBlockHash: null,
      foliageTransactionBlockSignature: null,
    },
    foliageTransactionBlock: null,
    transactionsInfo: null,
    transactionsGenerator: null,
    transactionsGeneratorRefList: [],
    transactionsGeneratorBuffer: null,
    version: 0,
  });
  const { headerHash } = candidateOf(raw);
  return { hash: toHex(headerHash), headerHash, height, weight, totalIters, raw, parent };
}

/** The record of a block that follows from its bytes alone. */
export function recordOf({ block, headerHash }: Candidate): BlockRecord {
  const { foliage, rewardChainBlock: reward } = block;
  const isGenesis = reward.height === 0;
  return {
    headerHash,
    prevHash: foliage.prevBlockHash,
    height: reward.height,
    weight: reward.weight,
    totalIters: reward.totalIters,
    signagePointIndex: 0,
    challengeVdfOutput: reward.challengeChainIpVdf.output,
    infusedChallengeVdfOutput: null,
    rewardInfusionNewChallenge: foliage.rewardBlockHash,
    challengeBlockInfoHash: foliage.rewardBlockHash,
    subSlotIters: SUB_SLOT_ITERS_STARTING,
    poolPuzzleHash: foliage.foliageBlockData.poolTarget.puzzleHash,
    farmerPuzzleHash: foliage.foliageBlockData.farmerRewardPuzzleHash,
    requiredIters: 1n,
    deficit: 0,
    overflow: false,
    prevTransactionBlockHeight: 0,
    timestamp: null,
    prevTransactionBlockHash: null,
    fees: null,
    rewardClaimsIncorporated: null,
    finishedChallengeSlotHashes: isGenesis ? [GENESIS_CHALLENGE] : null,
    finishedInfusedChallengeSlotHashes: null,
    finishedRewardSlotHashes: isGenesis ? [GENESIS_CHALLENGE] : null,
    subEpochSummaryIncluded: null,
  };
}

/** Judges how blocks follow one another, and takes for invalid what is not. At `linkage` minted blocks pass. */
export const simValidator = (level: "linkage" | "full"): BlockValidator => ({
  level,
  judge(candidate: Candidate, view: AncestorView): Verdict {
    const { foliage, rewardChainBlock: reward } = candidate.block;
    const parent = view.record(foliage.prevBlockHash);
    if (parent === undefined && !equalBytes(foliage.prevBlockHash, GENESIS_CHALLENGE)) {
      return refuse("INVALID_PREV_BLOCK_HASH", "unknown parent");
    }
    if (reward.height !== (parent === undefined ? 0 : parent.height + 1)) {
      return refuse("INVALID_HEIGHT", `height ${reward.height}`);
    }
    if (reward.weight !== (parent?.weight ?? 0n) + DIFFICULTY_STARTING) {
      return refuse("INVALID_WEIGHT", `weight ${reward.weight}`);
    }
    const { extensionData } = foliage.foliageBlockData;
    if (equalBytes(extensionData, MARK) || (level === "full" && equalBytes(extensionData, MINTED))) {
      return refuse("INVALID_POSPACE", "the block is marked invalid");
    }
    return { ok: true, record: recordOf(candidate) };
  },
});

/** Every block of the world, valid or forged. */
export class WorldBlocks {
  readonly #byHash = new Map<string, WorldBlock>();
  readonly #valid = new Set<string>();
  /** The first block of the world, which every node has. */
  readonly genesis: WorldBlock;
  /** The heaviest valid block. */
  best: WorldBlock;

  constructor() {
    this.genesis = this.best = blockOf(undefined, "genesis", "valid");
    this.#byHash.set(this.genesis.hash, this.genesis);
    this.#valid.add(this.genesis.hash);
  }

  isValid(hash: string): boolean {
    return this.#valid.has(hash);
  }

  find(hash: string): WorldBlock | undefined {
    return this.#byHash.get(hash);
  }

  /** Makes a block on another. `maker` tells blocks of one parent apart. */
  make(parent: WorldBlock, maker: string, worth: Worth): WorldBlock {
    const block = blockOf(parent, maker, worth);
    this.#byHash.set(block.hash, block);
    if (worth === "valid") {
      this.#valid.add(block.hash);
      if (block.weight > this.best.weight) this.best = block;
    }
    return block;
  }
}
