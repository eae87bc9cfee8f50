/**
 * How the chain is brought to the network's: headers are asked for, then the blocks of the best of them, and what comes is
 * taken in. Knows which of these a node of its mode does, and when each has its turn.
 *
 * @module
 */
import type { Debtor } from "../../core/peers/connections.ts";
import type { MemoryBudget } from "../../core/peers/memory-budget.ts";
import type { PeerOffence } from "../../core/peers/reputation.ts";
import type { Clock, Random } from "../../core/ports.ts";
import { Ticker } from "../../core/work/ticker.ts";
import type { ChainEvents } from "../../storage/events.ts";
import type { BitcoinChain } from "../chain/chain.ts";
import type { BitcoinMode } from "../mode.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import { BlockDownload } from "./block-download.ts";
import { HeaderSync } from "./header-sync.ts";
import { IncomingBlocks } from "./incoming.ts";
import { Progress } from "./progress.ts";

/** What compact blocks need to hear of the sync, and it of them. */
export interface CompactSync {
  /** Whether a block may be asked of a peer in compact form. */
  takesCompact(row: number, peer: BitcoinPeer): boolean;
  /** A block is no longer asked of a peer. */
  settled(row: number, peer: BitcoinPeer): void;
  /** A peer was the first with a block that was connected. */
  gave(peer: BitcoinPeer, row: number): void;
}

/** What the sync needs. */
export interface ChainSyncParts {
  readonly chain: BitcoinChain;
  readonly clock: Clock;
  readonly random: Random;
  readonly mode: BitcoinMode;
  /** Chains of less work are not followed. */
  readonly minimumWork: bigint;
  /** The memory that all peers may hold, of which blocks that wait for the disk are a part. */
  readonly memory?: MemoryBudget | undefined;
  readonly peers: () => readonly BitcoinPeer[];
  /** How many peers `--connect` names; 0 when peers are discovered. */
  readonly named: () => number;
  /** Makes the giver of a block answer for it, whether the connection still stands or not. */
  readonly charge: (debtor: Debtor, fault: PeerOffence) => void;
  readonly event: ChainEvents;
  readonly notice: (level: "debug" | "info" | "warning", text: string) => void;
  /** Where compact blocks are put together, if they are. */
  readonly compact?: () => CompactSync | undefined;
  /** What else the node does at each turn. */
  readonly tick: () => void;
  /** Whether something else has to be done every second. */
  readonly isBusy: () => boolean;
}

const TICK_MS = 1_000;
const IDLE_TICK_MS = 30_000;

/** The sync of one node. */
export class ChainSync {
  readonly headers: HeaderSync;
  readonly download: BlockDownload;
  readonly incoming: IncomingBlocks;
  readonly progress: Progress;
  readonly #ticker: Ticker;
  readonly #takesBlocks: boolean;

  constructor(parts: ChainSyncParts) {
    const { chain, clock, random, mode, minimumWork, memory, named, event, tick, isBusy } = parts;
    this.#takesBlocks = mode === "full";
    const shared = {
      ...{ chain, clock, minimumWork, peers: parts.peers, notice: parts.notice },
      initialBlockDownload: () => this.progress.initialBlockDownload,
      asked: () => this.#ticker.wake(),
    };
    const tooNew = (peer: BitcoinPeer, detail?: string) => this.progress.tooNew(peer, detail);
    this.headers = new HeaderSync({ ...shared, random, tooNew });
    const { compact = () => undefined } = parts;
    this.download = new BlockDownload({
      ...shared,
      takesCompact: (row, peer) => compact()?.takesCompact(row, peer) ?? false,
      settled: (row, peer) => compact()?.settled(row, peer),
    });
    this.incoming = new IncomingBlocks({
      ...{ chain, minimumWork, memory, charge: parts.charge, now: () => clock.now() },
      gave: (peer, row) => compact()?.gave(peer, row),
      ...{ download: this.download, headerSync: this.headers },
    });
    this.#ticker = new Ticker({
      clock,
      everyMs: TICK_MS,
      idleMs: IDLE_TICK_MS,
      isIdle: () => !isBusy() && this.headers.isIdle && this.download.isIdle,
      tick: () => {
        this.headers.tick();
        if (this.#takesBlocks) this.download.tick();
        tick();
        this.progress.update();
      },
    });
    this.progress = new Progress({ ...shared, headerSync: () => this.headers, named, event });
  }

  /** Looks every second at what waits, until the signal aborts. */
  run(signal: AbortSignal): Promise<void> {
    return this.#ticker.run(signal);
  }

  /** A peer that may be asked has come, or one has gone. */
  peersChanged(): void {
    this.headers.tick();
    if (this.#takesBlocks) this.download.fill();
    this.progress.update();
  }

  /** Headers have come, and may have changed which blocks are wanted. */
  headersMoved(): void {
    if (this.#takesBlocks) this.download.fill();
    this.progress.update();
  }

  /** The durable tip is another. */
  tipMoved(): void {
    this.progress.tipMoved();
    this.progress.update();
  }

  /** Ends what waits. */
  close(): void {
    this.progress.close();
  }
}
