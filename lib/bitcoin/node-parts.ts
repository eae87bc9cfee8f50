/**
 * What the Bitcoin side is made of.
 *
 * @module
 */
import type { NodeParts } from "../core/node-parts.ts";
import type { Following } from "../core/following.ts";
import type { LiveEvents } from "../core/events/live.ts";
import type { LiveNodeEvent, NewEvent } from "../storage/events.ts";
import type { BitcoinChainParts } from "./chain/chain.ts";
import type { BlockValidator } from "./chain/validator.ts";
import type { FacadeParts } from "./facade-parts.ts";
import type { FilterStore } from "./indexes/filter-store.ts";
import type { LightStore } from "./light/mod.ts";
import type { Mempool, NodeMempool } from "./mempool/mod.ts";
import type { BitcoinNetwork } from "./networks/network.ts";
import type { BitcoinTransportParts } from "./peers/network.ts";
import type { BitcoinMode } from "./service.ts";
import type { BitcoinStore, FollowedStore } from "./store.ts";

/** What the Bitcoin side is made of. */
export interface BitcoinNodeParts
  extends
    NodeParts,
    Pick<BitcoinChainParts, "assumeValid" | "coins" | "heightMax">,
    Pick<FacadeParts, "files" | "assumedCoins"> {
  readonly network: BitcoinNetwork;
  readonly store: BitcoinStore;
  /** Set where another process writes the store: the node serves what it finds there, and has no peers. */
  readonly followed?: FollowedStore;
  readonly following?: Following;
  readonly validator: BlockValidator;
  readonly mode: BitcoinMode;
  /** Where the light client keeps what it has; needed in mode `filters`. */
  readonly light?: LightStore;
  /** With what transactions are judged that wait for a block; none are taken when it is absent. */
  readonly mempool?: NodeMempool;
  /** Takes no transactions from peers. */
  readonly blocksOnly?: boolean | undefined;
  readonly protocol: BitcoinTransportParts;
  readonly userAgent: string;
  /** Chains of less work are not followed; the network's own unless set. */
  readonly minimumWork?: bigint;
  /** False where nothing outlives the node: what was seen of fees is not kept then. */
  readonly keepsFees?: boolean;
  /** What compact blocks are put together from, where it is not the mempool. */
  readonly blockParts?: Pick<Mempool, "entries" | "listen">;
  /** Block data is pruned to so many bytes; absent: never. */
  readonly pruneTarget?: number;
  /** Where filters of blocks are kept, for a node that keeps them, and whether peers are to have them. */
  readonly filters?: { readonly store: FilterStore; readonly forPeers: boolean };
  /** Who listens to events that are not kept. */
  readonly live?: LiveEvents<LiveNodeEvent>;
  /** Writes events that belong to no block. */
  readonly record: (events: readonly NewEvent[]) => void;
}
