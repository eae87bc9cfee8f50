/**
 * What the outside view of the Bitcoin side is made of.
 *
 * @module
 */
import type { Traffic } from "../core/peers/traffic.ts";
import type { UploadTarget } from "../core/peers/upload-target.ts";
import type { MovableClock } from "../core/movable-clock.ts";
import type { Notice } from "../core/node-parts.ts";
import type { Following } from "../core/following.ts";
import type { Clock, NamedFiles, PeerAddress } from "../core/ports.ts";
import type { AddressExchange } from "./addresses/exchange.ts";
import type { AddedNodes } from "./peers/added-nodes.ts";
import type { CompactBlocks } from "./compact/compact-blocks.ts";
import type { BitcoinChain } from "./chain/chain.ts";
import type { FeeEstimates } from "./fees/fee-estimates.ts";
import type { FilterIndex } from "./indexes/filter-index.ts";
import type { LightService } from "./light/service.ts";
import type { TxMempool } from "./mempool/mod.ts";
import type { AssumedCoins, BitcoinNetwork } from "./networks/mod.ts";
import type { TransactionRelay } from "./relay/mod.ts";
import type { BitcoinPeerNetwork } from "./peers/network.ts";
import type { OpeningConnections } from "./peers/opening.ts";
import type { ChainPruning } from "./chain/pruning.ts";
import type { BitcoinMode } from "./service.ts";
import type { Announcing } from "./serving/announcing.ts";
import type { ChainSync } from "./sync/chain-sync.ts";
import type { BitcoinStore } from "./store.ts";

/** What the facade shows. */
export interface FacadeParts {
  readonly network: BitcoinNetwork;
  readonly store: BitcoinStore;
  readonly mode: BitcoinMode;
  readonly clock: Clock;
  readonly chain: BitcoinChain;
  readonly peerNetwork: BitcoinPeerNetwork;
  readonly added: AddedNodes;
  readonly sync: ChainSync;
  readonly announcing: Announcing;
  readonly compact: CompactBlocks;
  readonly addresses: AddressExchange;
  readonly opening: OpeningConnections;
  /** Outgoing connections for everything. */
  readonly outbound: number;
  readonly time?: MovableClock | undefined;
  readonly notice: Notice;
  /** Files that the operator names in a call. */
  readonly files: NamedFiles;
  /** Snapshots of coins that the operator trusts. */
  readonly assumedCoins?: readonly AssumedCoins[] | undefined;
  readonly pruning: ChainPruning | undefined;
  readonly pruneTarget: number | undefined;
  readonly services: () => bigint;
  readonly userAgent: string;
  readonly networks?: readonly string[] | undefined;
  readonly proxy?: PeerAddress | undefined;
  readonly traffic: Traffic;
  readonly upload: UploadTarget;
  readonly filters: FilterIndex | undefined;
  readonly mempool: TxMempool | undefined;
  readonly relay: TransactionRelay | undefined;
  readonly fees: FeeEstimates | undefined;
  /** In mode `filters`, once it is open. */
  readonly light: () => LightService | undefined;
  /** Set where another process writes the chain. */
  readonly following?: Following | undefined;
}
