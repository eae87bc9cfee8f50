/**
 * The blocks of a simulated Chia world. They link as real ones do and have no proofs; what is wrong with one that is
 * invalid is written in it, and the simulated validator finds it when the block is proven or spent.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { sha256 } from "../../codec/sha256.ts";
import { equalBytes } from "../../codec/sized.ts";
import { LinkageValidator } from "../../chia/chain/linkage.ts";
import { candidateOf } from "../../chia/chain/raw-blocks.ts";
import type { AncestorView } from "../../chia/chain/view.ts";
import { type ChiaNetwork, networkNamed } from "../../chia/networks/mod.ts";
import { type BlockRecord, FullBlock } from "../../chia/types/mod.ts";
import type { Tip } from "../play.ts";
import { farm } from "./farm.ts";

/** What DNS introducers of the world are called. */
const SEED = "introducer.sim";

const simulator0 = networkNamed("simulator0");
/**
 * The reference's simulator with a DNS introducer, so that nodes find one another as on a public network; with mainnet's
 * epochs, and with sub-slots as `farm.ts` makes them.
 */
export const network: ChiaNetwork = {
  ...simulator0,
  dnsSeeds: [SEED],
  constants: {
    ...simulator0.constants,
    MIN_BLOCKS_PER_CHALLENGE_BLOCK: 1,
    SUB_EPOCH_BLOCKS: 384,
    EPOCH_BLOCKS: 4_608,
  },
};

const { constants } = network;

/** A block of the world. */
export interface WorldBlock extends Tip {
  readonly raw: Uint8Array;
  readonly headerHash: Uint8Array;
  readonly parent: WorldBlock | undefined;
  readonly record: BlockRecord;
}

/**
 * What a block is worth.
 *
 * - `unproven`, `unspendable`: refused when it is proven or spent, wherever it is.
 * - `minted`: passes every check below full validation, which refuses it when it is proven.
 * - `heir`: nothing is wrong with it but an ancestor.
 * - `unlinked`: does not link.
 */
export type Worth = "valid" | "heir" | "minted" | "unproven" | "unspendable" | "unlinked";

const mark = (byte: number) => new Uint8Array(32).fill(byte);
const VALID = mark(0);
const MARKS: Readonly<Record<Worth, Uint8Array>> = {
  valid: VALID,
  heir: VALID,
  unlinked: VALID,
  minted: mark(0x3d),
  unproven: mark(0xbd),
  unspendable: mark(0xb5),
};

/** What is wrong with a block that links, if anything is. */
export function faultOf(
  { foliage }: FullBlock,
): { readonly step: "prove" | "spend"; readonly isMinted: boolean } | undefined {
  const { extensionData } = foliage.foliageBlockData;
  const is = (worth: Worth) => equalBytes(extensionData, MARKS[worth]);
  if (is("minted")) return { step: "prove", isMinted: true };
  if (is("unproven")) return { step: "prove", isMinted: false };
  return is("unspendable") ? { step: "spend", isMinted: false } : undefined;
}

/** Every block of the world, valid or forged. */
export class WorldBlocks {
  readonly #byHash = new Map<string, WorldBlock>();
  readonly #valid = new Set<string>();
  readonly #validator = new LinkageValidator(constants);
  readonly #view: AncestorView = {
    record: (headerHash) => this.#byHash.get(toHex(headerHash))?.record,
    ancestorAt: (descendant, height) => {
      let current = this.#byHash.get(toHex(descendant.headerHash));
      while (current !== undefined && current.height > height) current = current.parent;
      return current?.record;
    },
  };
  /** The first block of the world, which every node has. */
  readonly genesis: WorldBlock;
  /** The heaviest valid block. */
  best: WorldBlock;

  constructor() {
    this.genesis = this.best = this.#make(undefined, "genesis", "valid");
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
    const block = this.#make(parent, maker, worth);
    if (worth === "valid") {
      this.#valid.add(block.hash);
      if (block.weight > this.best.weight) this.best = block;
    }
    return block;
  }

  #make(parent: WorldBlock | undefined, maker: string, worth: Worth): WorldBlock {
    const name = sha256(new TextEncoder().encode(maker));
    const view = this.#view;
    const made = farm({ constants, view, parent: parent?.record, name, extensionData: MARKS[worth] });
    const linked = this.#validator.link(candidateOf(FullBlock.encode(made)), view);
    if (!linked.ok) throw new TypeError(`the world makes a block that does not link: ${linked.error} ${linked.detail}`);
    const raw = worth === "unlinked" ? FullBlock.encode(unlinked(made)) : linked.frame.candidate.raw;
    const { headerHash } = candidateOf(raw);
    const record = { ...linked.frame.record, headerHash };
    const { height, weight } = record;
    const block = { hash: toHex(headerHash), headerHash, height, weight, raw, parent, record };
    this.#byHash.set(block.hash, block);
    return block;
  }
}

/** The block with another hash in the place of the one that binds it to what it was before it was infused. */
function unlinked(block: FullBlock): FullBlock {
  const { foliage } = block;
  const foliageBlockData = { ...foliage.foliageBlockData, unfinishedRewardBlockHash: mark(0xbd) };
  return { ...block, foliage: { ...foliage, foliageBlockData } };
}
