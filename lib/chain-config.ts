/**
 * The configuration of one chain of a node.
 *
 * @module
 */
import type { MempoolPolicy } from "./bitcoin/mempool/mod.ts";
import type { AssumedCoins } from "./bitcoin/networks/mod.ts";
import type { BitcoinMode } from "./bitcoin/service.ts";
import type { PeerAddress } from "./core/ports.ts";

/** Blocks that a node takes from a recording instead of from peers, so that it can serve them: the demo's first node. */
export interface ChiaReplay {
  /** Recorded Streamable FullBlocks in height order. */
  readonly blocks: readonly Uint8Array[];
  /** How many are there when the node starts. */
  readonly atStart: number;
  /** Milliseconds between two further blocks. */
  readonly everyMs: number;
}

/** The peers of one chain, out and in: the same settings for both chains. */
export interface PeeringConfig {
  /** Dial only these. Empty: peers are discovered. `host` may be a name; it is resolved when dialled. */
  readonly connect: readonly PeerAddress[];
  /** Keep a connection to these beside those that are discovered. */
  readonly added: readonly PeerAddress[];
  /** A `peers.dat` of chia-blockchain or Bitcoin Core to begin the address book with, where there is none yet. */
  readonly importPeers?: string;
  /** DNS seeds to ask in the place of the network's own, by name. */
  readonly seeds?: readonly string[];
  /** Whether DNS seeds are asked at all. */
  readonly dns: boolean;
  /** Whether addresses that are built in may be dialled when nobody else is known. */
  readonly fixedSeeds: boolean;
  /** Our own address as others reach it, to be told to peers; found out where it can be when absent. */
  readonly externalHost?: string;
  /** Where peers may dial us; the first is what they are told. Empty: nowhere. */
  readonly listen: readonly PeerAddress[];
  /** Addresses and subnets with what they may do, `noban,addr@10.0.0.0/8`; alone they are never banned. */
  readonly whitelist: readonly string[];
  /** How long the handshake with a peer may take, in milliseconds; the reference's time when absent. */
  readonly peerTimeoutMs?: number;
  /** What is told to peers beside the name of this program. */
  readonly userAgentComments?: readonly string[];
  /** Nodes that are asked for addresses before any seed is. */
  readonly seedNodes?: readonly PeerAddress[];
  /** Whether there may be connections from the start; so when absent. */
  readonly networkActive?: boolean;
  /** Connections in both directions together. */
  readonly peersMax: number;
  /** Outgoing connections that are aimed at. */
  readonly outbound: number;
}

/** The Chia side of a node. */
export interface ChiaConfig extends PeeringConfig {
  readonly chain: "chia";
  /** `mainnet`, `testnet11`, `simulator0`. */
  readonly network: string;
  /** The newest version of rate limits that we announce of ourselves; 2 when absent, 3 is answered in any case. */
  readonly rateLimits?: 2 | 3;
  /** Introducers to ask in the place of the network's own. */
  readonly introducers?: readonly PeerAddress[];
  /** Text of a JSON file with consensus constants in the reference's names; absent: the network's own. */
  readonly constantsJson?: string;
  /** Present only in a node that serves a recording. */
  readonly replay?: ChiaReplay;
}

/** The Bitcoin side of a node. */
export interface BitcoinConfig extends PeeringConfig {
  readonly chain: "bitcoin";
  /** `mainnet`, `testnet3`, `testnet4`, `signet`, `regtest`. */
  readonly network: string;
  /** What is kept and checked. */
  readonly mode: BitcoinMode;
  /** A file with an AS map: addresses are grouped by the network operator that they belong to. */
  readonly asMapFile?: string;
  /** Whether the encrypted transport (BIP324) is offered and accepted. */
  readonly v2: boolean;
  /** Block data is pruned to so many bytes; absent: never. */
  readonly pruneBytes?: number;
  /** Memory for coins that changed and are not on disk, in bytes. */
  readonly coinsCacheBytes: number;
  /** Keeps an index of all transactions by id. */
  readonly transactionIndex: boolean;
  /** Keeps the filter of every block. */
  readonly filterIndex: boolean;
  /** Gives filters to peers that ask for them. */
  readonly peerFilters: boolean;
  /** Takes no transactions from peers. */
  readonly blocksOnly?: boolean;
  /** What the mempool takes, where it is not what Core takes by default. */
  readonly mempool?: Partial<MempoolPolicy>;
  /** Whether transactions that wait are kept over restarts; so unless false. */
  readonly persistMempool?: boolean;
  /** Writes their file in version 1. */
  readonly persistMempoolVersion1?: boolean;
  /** Builds headers and indexes anew from the block files. */
  readonly reindex: boolean;
  /** Makes the coins anew from the stored blocks. */
  readonly reindexChainstate: boolean;
  /** No block above this height is connected, and the node stops when its tip is there. */
  readonly stopAtHeight?: number;
  /** Chains of less work are not followed; the network's own when absent. */
  readonly minimumWork?: bigint;
  /** Scripts below this block go unverified (hash in wire order); `off`: below none; the network's own when absent. */
  readonly assumeValid?: Uint8Array | "off";
  /** Snapshots of coins that may be taken, beside those of the network's parameters. */
  readonly assumedCoins?: readonly AssumedCoins[];
  /** Present only in a node that mines for a demonstration, on regtest. */
  readonly mining?: BitcoinMining;
}

/** Blocks that a regtest node mines by itself. */
export interface BitcoinMining {
  /** The height up to which blocks are mined when the node starts. */
  readonly atStart: number;
  /** Milliseconds between two further blocks. */
  readonly everyMs: number;
}

/** One chain's configuration. */
export type ChainConfig = ChiaConfig | BitcoinConfig;
