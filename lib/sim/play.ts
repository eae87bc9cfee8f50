/**
 * What the simulated world asks of a chain: how its nodes are made and observed, how blocks come to be, and how its
 * malicious peers behave.
 *
 * @module
 */
import type { ChainConfig, RunningNode } from "../config.ts";
import type { PeerKind } from "../core/peers/peer.ts";
import type { Substitutes } from "../compose/chain.ts";
import type { SimClock } from "./clock.ts";
import type { Givers } from "./givers.ts";
import type { Presence, SimNetwork } from "./network.ts";
import type { SeededRandom } from "./random.ts";
import type { SimReport } from "./report.ts";
import type { SimNode } from "./sim-node.ts";
import type { Tail } from "./tail.ts";

/** The block at the end of a chain. */
export interface Tip {
  /** Hexadecimal. */
  readonly hash: string;
  readonly height: number;
  /** Work or weight: more is better. */
  readonly weight: bigint;
}

/** A connected peer as the world sees it. */
export interface PeerGlance {
  readonly host: string;
  readonly port: number;
  /** `host:port`. */
  readonly name: string;
  readonly direction: "in" | "out";
  readonly kind: PeerKind;
}

/** A ban in force. */
export interface BanGlance {
  readonly host: string;
  /** Unix milliseconds, by the node's clock. */
  readonly since: number;
  readonly until: number;
  /** A host that is only discouraged may be connected. */
  readonly effect: "ban" | "discourage";
  /** A peer that we dial at a host that is only banned inbound may be connected. */
  readonly scope: "inbound" | "all";
}

/** What malicious peers do on either chain. */
export const LIES = ["silent", "stall", "garbage", "flood", "claim", "forge", "addresses"] as const;
/**
 * What one malicious peer does: one of {@link LIES}, or of those that one chain adds.
 *
 * - `silent`: takes connections and never says a word.
 * - `stall`: announces blocks and answers nothing.
 * - `garbage`: shakes hands, then sends bytes without meaning, or messages that are passed over or never end.
 * - `flood`: sends many small messages, one after another, or questions as long as they are taken, and reads no answer.
 * - `claim`: announces blocks that do not exist.
 * - `forge`: serves a chain heavier than the honest one, whose blocks are invalid: at once, or when they are connected.
 * - `addresses`: tells of as many addresses as a message holds, none of which answers.
 * - `announce`: Bitcoin: serves the honest chain, and announces its tip at every moment, asked or not.
 * - `mint`: Chia: dials only, and tells of a heavier chain that passes every check below full validation.
 * - `neighbour`: Chia: stands behind the address of an honest node, dials only, and floods.
 * - `ids`: Bitcoin, with payments: announces transactions that nobody has, as many as a message holds.
 * - `orphans`: Bitcoin, with payments: gives transactions whose parents nobody has.
 * - `withhold`: Bitcoin, with payments: announces each payment before all others, and does not give it.
 * - `costly`: Bitcoin, with payments: gives transactions that take long to be refused.
 * - `lowfee`: Bitcoin, with payments: floods with valid transactions that pay little, more than a mempool holds.
 * - `pinning`: Bitcoin, with payments: attaches much that pays little to a payment, so that nothing can take its place.
 * - `twice`: Bitcoin, with payments: gives a block in parts, and answers for its transactions more than once.
 * - `wrong`: Bitcoin, with payments: gives a block in parts, and other transactions than were asked for.
 * - `collide`: Bitcoin, with payments: gives a block in parts, whose short ids are those of transactions of its own.
 * - `mute`: Bitcoin, with payments: gives a block in parts, and never answers for its transactions.
 */
export type Lie = (typeof LIES)[number] | "announce" | "mint" | "neighbour" | RelayLie;
/** What malicious peers do with compact blocks: each is the first to tell of a block. */
export const COMPACT_LIES = ["twice", "wrong", "collide", "mute"] as const;
/** One of {@link COMPACT_LIES}. */
export type CompactLie = (typeof COMPACT_LIES)[number];
/** What malicious peers do against the relay of transactions, and of the blocks that have them. */
export type RelayLie = "ids" | "orphans" | "withhold" | "costly" | "lowfee" | "pinning" | CompactLie;

/** What a malicious peer is made of. */
export interface LiarParts {
  readonly lie: Lie;
  readonly presence: Presence;
  readonly network: SimNetwork;
  readonly clock: SimClock;
  readonly random: SeededRandom;
  /** How many hosts the world has. */
  readonly hosts: number;
  /** Hosts of honest nodes, to dial. */
  readonly victims: readonly string[];
  /** Hears of what must never happen. */
  readonly broke: (rule: string, host: string, detail: string) => void;
}

/**
 * An address where nobody is. There are eight of them in groups of their own for each host of the world: enough to crowd
 * the world's own out of a table, and not so many that hundreds of tables fill the memory, or that a node of a small
 * world which forgot its peers in a crash dials nobodies for hours.
 */
export function nobodyOf(random: SeededRandom, hosts: number): string {
  const index = random.below(Math.min(2_048, 8 * hosts));
  return `${100 + (index >> 8)}.${index & 0xff}.7.7`;
}

/** How a node of the world is configured. */
export interface PlayOptions {
  readonly outbound: number;
  readonly peersMax: number;
}

/** Hosts of honest nodes that a chain treats apart. */
export interface SpecialHosts {
  /** It checks less than the others, on a chain that can be checked in part. */
  readonly trusting: string | undefined;
  /** They begin with the blocks that were made before the world began. */
  readonly furnished: ReadonlySet<string>;
}

/** What lives in a world beside its nodes and its blocks. */
export interface Living {
  /** The honest hosts, up or not. */
  readonly nodes: readonly Pick<SimNode, "host" | "running" | "isSound">[];
  readonly random: SeededRandom;
  /** Virtual milliseconds from which on nothing new begins. */
  readonly calmAtMs: number;
  /** Hears of what must never happen. */
  readonly broke: (rule: string, host: string, detail: string) => void;
}

/** One chain's part in the world. */
export interface Play {
  readonly chain: "chia" | "bitcoin";
  /** What malicious peers of this chain do. */
  readonly lies: readonly Lie[];
  readonly port: number;
  /** Mean time between two blocks. */
  readonly blockEveryMs: number;
  configOf(host: string, options: PlayOptions): ChainConfig;
  /** @param random of one run of the host */
  substitutesOf(host: string, random: SeededRandom): Substitutes;
  /** The same object as long as it is the same tip; so are the two lists below. */
  tipOf(node: RunningNode): Tip | undefined;
  peersOf(node: RunningNode): readonly PeerGlance[];
  bansOf(node: RunningNode): readonly BanGlance[];
  /** Bytes of a peer that the node has read, by the peer's host and port: what it took beyond these waits inside. */
  readBytesOf(node: RunningNode): ReadonlyMap<string, number>;
  /** Whether a node checks less than everything, so that it goes by what the peers of its choice stand on. */
  trustsPeers(host: string): boolean;
  /** Gives a node that starts for the first time the blocks that it begins with, where it begins with any. */
  furnish(node: RunningNode, host: string): Promise<void>;
  /** Counts what is left over of the bytes that a node has read from a connection. */
  newTail(): Tail;
  /** Makes a valid block on a node's tip, tells `made`, and hands it to the node. */
  extend(node: RunningNode, maker: string, made: (tip: Tip) => void): Promise<void>;
  /** Whether a hash is that of a valid block. */
  isValid(hash: string): boolean;
  /** Whether a node takes a valid block for invalid. */
  condemnsValid?(node: RunningNode): boolean;
  /** The givers of blocks that are refused late, where the chain's validator does so. */
  readonly givers?: Givers;
  /** Loads code that takes real time to load, before any virtual time passes. */
  prepare?(): Promise<void>;
  /** Lets live what this play has beside nodes and blocks. Rejects when the world has a fault of its own. */
  live?(living: Living): Promise<void>;
  /** What is not yet as it has to be in the end. */
  unmet?(): readonly { readonly rule: string; readonly host: string; readonly detail: string }[];
  /** What became of the transactions of the world, where it has any. */
  readonly transactions?: SimReport["transactions"];
  /** Starts a malicious peer. It runs as long as the world does. */
  lie(parts: LiarParts): void;
}
