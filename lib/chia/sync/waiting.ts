/**
 * Blocks that a peer handed over and that wait: for their parent, or for their turn. They are counted in the memory that
 * all peers may hold, and dropped when it is needed.
 *
 * @module
 */
import { ownBytes } from "../../codec/own.ts";
import { NodeError } from "../../core/errors.ts";
import { OrphanPool } from "../../core/work/orphans.ts";
import type { BlockGiver } from "../chain/flight.ts";
import type { Candidate } from "../chain/verdict.ts";
import { candidateOf } from "../chain/raw-blocks.ts";
import type { ChiaSession } from "../peers/session.ts";

/**
 * What a decoded block takes beside its bytes. Its lists decide: what is in them is small on the wire and an object here.
 * The figures are measured on Bun and rounded up; a block without long lists is below {@link BLOCK_BYTES}.
 */
const BLOCK_BYTES = 8 * 1024;
const SUB_SLOT_BYTES = 2 * 1024;
const COIN_BYTES = 256;
const REFERENCE_BYTES = 16;

/** About the memory that a decoded block takes, its bytes included. */
export function memoryOf({ raw, block }: Candidate): number {
  const { finishedSubSlots, transactionsInfo, transactionsGeneratorRefList } = block;
  return raw.length + BLOCK_BYTES + finishedSubSlots.length * SUB_SLOT_BYTES +
    (transactionsInfo?.rewardClaimsIncorporated.length ?? 0) * COIN_BYTES +
    transactionsGeneratorRefList.length * REFERENCE_BYTES;
}

/** Blocks that wait until those below them are added, and for their verdicts. */
export class WaitingBatch {
  /** What it counts for while it waits. */
  readonly bytes: number;
  readonly #dropped = new AbortController();
  readonly #release: () => void;
  #blocks: readonly Candidate[] | undefined;

  constructor(session: Pick<ChiaSession, "hold">, blocks: readonly Candidate[]) {
    this.#blocks = blocks;
    this.bytes = blocks.reduce((sum, block) => sum + memoryOf(block), 0);
    this.#release = session.hold(this.bytes, () => {
      this.#blocks = undefined;
      this.#dropped.abort(new NodeError("memory_budget", "self", "the memory of blocks that wait was needed"));
    });
  }

  /** Aborts when their memory is needed: nobody may hold them any more. */
  get dropped(): AbortSignal {
    return this.#dropped.signal;
  }

  /** The blocks; undefined when their memory was needed. They stay counted until {@link release}. */
  get blocks(): readonly Candidate[] | undefined {
    return this.#blocks;
  }

  /** They are added, or not wanted any more. */
  release(): void {
    this.#blocks = undefined;
    this.#release();
  }
}

/** One whose parent is missing: bytes of its own, and no object. */
interface Orphan {
  readonly hash: Uint8Array;
  readonly parent: Uint8Array;
  readonly raw: Uint8Array;
  readonly giver: BlockGiver;
  readonly release: () => void;
}

/** Blocks without a parent. */
export class ChiaOrphans {
  readonly #pool = new OrphanPool<Orphan>({
    hash: ({ hash }) => hash,
    parent: ({ parent }) => parent,
    bytes: ({ raw }) => raw.length,
    left: ({ release }) => release(),
  });

  /** How many wait. */
  get size(): number {
    return this.#pool.size;
  }

  /** Keeps a block that `host` gave over a session. */
  add({ raw, headerHash: hash, block }: Candidate, host: string, session: ChiaSession, giver: BlockGiver): void {
    if (this.#pool.has(hash)) return;
    const own = ownBytes(raw);
    let isWanted = true;
    const release = session.hold(own.length, () => {
      isWanted = false;
      this.#pool.drop(hash);
    });
    // The budget may have been passed by this very block.
    if (!isWanted) return;
    if (!this.#pool.add({ hash, parent: block.foliage.prevBlockHash.slice(), raw: own, giver, release }, host)) {
      release();
    }
  }

  /** Takes out those whose parent is `hash`, with the ones that gave them. */
  takeChildren(hash: Uint8Array): { readonly block: Candidate; readonly giver: BlockGiver }[] {
    return this.#pool.takeChildren(hash).map(({ item }) => ({ block: candidateOf(item.raw), giver: item.giver }));
  }

  /** Forgets what a host gave. */
  forget(host: string): void {
    this.#pool.dropSource(host);
  }
}
