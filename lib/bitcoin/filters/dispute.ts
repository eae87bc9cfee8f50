/**
 * Peers that tell different filter headers: who of them lies? Decisions only; the caller asks the peers and acts.
 *
 * The way to the truth is neutrino's: find the first block where the stories part, fetch that block's filter from each
 * and the block itself, and test one against the other. One honest peer is enough where a lie can be proven.
 *
 * @see BIP157, "Client Operation"; neutrino `blockmanager.go`, resolveConflict and detectBadPeers
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { type Bytes32, equalBytes } from "../../codec/sized.ts";
import type { Block } from "../types/block.ts";
import { CFCHECKPT_INTERVAL } from "../wire/filters.ts";
import { filterHash, filterHeaders } from "./basic.ts";
import { type FilterFlaw, FilterWitness, PROVEN_FLAWS } from "./evidence.ts";

/** A `cfheaders` as far as it matters here. */
export interface FilterHeaderClaim {
  readonly previousFilterHeader: Uint8Array;
  readonly filterHashes: readonly Uint8Array[];
}

/** Why a peer is found against. */
export type DisputeReason =
  | FilterFlaw
  /** It sent no headers in time. */
  | "silent"
  /** Its headers are not as many as asked for, do not begin where all agree, or do not lead to what it claimed. */
  | "inconsistent"
  /** Nothing is known against its filter but that more peers have the other one. */
  | "outvoted";

/** A peer that is found against. */
export interface Finding<P> {
  readonly peer: P;
  readonly reason: DisputeReason;
  /** True when no honest peer could have sent this: worth a ban. Otherwise the peer is only no longer asked. */
  readonly proven: boolean;
}

/** What the caller must do next. */
export type DisputeNeed<P> =
  /** Ask each of `peers` for the `cfheaders` of these heights (both included); give them to `headers()`. */
  | {
    readonly kind: "headers";
    readonly startHeight: number;
    readonly stopHeight: number;
    readonly peers: readonly P[];
  }
  /** Ask each of `peers` for the filter of this height; give them to `filter()`. */
  | { readonly kind: "filters"; readonly height: number; readonly peers: readonly P[] }
  /** Fetch this block from anybody; give it to `block()`. */
  | { readonly kind: "block"; readonly height: number }
  /**
   * Done. `agreed` is what those who are left say, when they say the same; undefined means that nobody could be found
   * against and the peers stand even, or that nobody is left: ask other peers.
   */
  | {
    readonly kind: "settled";
    readonly findings: readonly Finding<P>[];
    readonly agreed: readonly Bytes32[] | undefined;
  };

/** Which heights are in dispute (2,000 at most, for one `cfheaders` each), and what every party claimed for their end. */
export interface DisputeOptions<P> {
  readonly startHeight: number;
  readonly stopHeight: number;
  /** The filter header before `startHeight`, on which all agree; 32 zeros before the genesis block. */
  readonly previousFilterHeader: Uint8Array;
  readonly peers: readonly P[];
  /** The filter header at `stopHeight` that a peer has named already, if it has. */
  readonly claimed?: ReadonlyMap<P, Uint8Array>;
}

/** The first place where lists of hashes differ. */
export interface Difference<P> {
  readonly index: number;
  /** The peers by what they say there, by the hash in hex; the empty text is for lists that end before. */
  readonly parties: ReadonlyMap<string, readonly P[]>;
}

/** Compares what peers say element by element. Undefined when all lists are the same. */
export function firstDifference<P>(lists: ReadonlyMap<P, readonly Uint8Array[]>): Difference<P> | undefined {
  const longest = Math.max(0, ...[...lists.values()].map((list) => list.length));
  for (let index = 0; index < longest; index++) {
    const parties = new Map<string, P[]>();
    for (const [peer, list] of lists) {
      const said = index < list.length ? toHex(list[index]!) : "";
      const party = parties.get(said);
      if (party === undefined) parties.set(said, [peer]);
      else party.push(peer);
    }
    if (parties.size > 1) return { index, parties };
  }
  return undefined;
}

/**
 * What to dispute about, given every peer's `cfcheckpt` for one stop hash. Undefined when all say the same. Lists of the
 * wrong length belong sorted out before: how many checkpoints a stop height has is known.
 */
export function disputeOverCheckpoints<P>(lists: ReadonlyMap<P, readonly Uint8Array[]>): DisputeOptions<P> | undefined {
  const difference = firstDifference(lists);
  if (difference === undefined) return undefined;
  const { index } = difference;
  const peers = [...lists.keys()];
  return {
    // The first interval takes in the genesis block, so that it begins with zeros.
    startHeight: index === 0 ? 0 : index * CFCHECKPT_INTERVAL + 1,
    stopHeight: (index + 1) * CFCHECKPT_INTERVAL,
    previousFilterHeader: index === 0 ? new Uint8Array(32) : lists.get(peers[0]!)![index - 1]!,
    peers,
    claimed: new Map([...lists].flatMap(([peer, list]) => index < list.length ? [[peer, list[index]!] as const] : [])),
  };
}

/**
 * One dispute, from the headers to the verdict. Give every answer as it comes, or undefined for a peer that does not
 * answer in time; {@link FilterDispute.need} tells what is still wanted. When it is settled and peers were found
 * against, begin again without them: the rest may differ at another height.
 */
export class FilterDispute<P> {
  readonly #options: DisputeOptions<P>;
  readonly #findings: Finding<P>[] = [];
  readonly #claims = new Map<P, FilterHeaderClaim>();
  readonly #filters = new Map<P, Uint8Array | undefined>();
  #awaited: Set<P>;
  #parties: Set<P>;
  #stage: "headers" | "filters" | "block" | "settled" = "headers";
  /** Where the stories part, from `startHeight`. */
  #index = -1;

  constructor(options: DisputeOptions<P>) {
    this.#options = options;
    this.#parties = new Set(options.peers);
    this.#awaited = new Set(options.peers);
    this.#advance();
  }

  /** What the caller must do next. */
  get need(): DisputeNeed<P> {
    const { startHeight, stopHeight } = this.#options;
    const peers = [...this.#awaited];
    if (this.#stage === "headers") return { kind: "headers", startHeight, stopHeight, peers };
    const height = startHeight + this.#index;
    if (this.#stage === "filters") return { kind: "filters", height, peers };
    if (this.#stage === "block") return { kind: "block", height };
    return { kind: "settled", findings: this.#findings, agreed: this.#agreed() };
  }

  /** A peer's `cfheaders`. Answers that nobody waits for are ignored. */
  headers(peer: P, claim: FilterHeaderClaim | undefined): void {
    if (this.#stage !== "headers" || !this.#awaited.delete(peer)) return;
    if (claim === undefined) this.#find(peer, "silent");
    else if (this.#isConsistent(peer, claim)) this.#claims.set(peer, claim);
    else this.#find(peer, "inconsistent");
    this.#advance();
  }

  /** A peer's filter of the block in dispute. */
  filter(peer: P, bytes: Uint8Array | undefined): void {
    if (this.#stage !== "filters" || !this.#awaited.delete(peer)) return;
    const announced = this.#claims.get(peer)!.filterHashes[this.#index]!;
    if (bytes === undefined) this.#find(peer, "absent");
    else if (!equalBytes(filterHash(bytes), announced)) this.#find(peer, "hash");
    else this.#filters.set(peer, bytes);
    this.#advance();
  }

  /**
   * The block in dispute, its hash and Merkle root checked by the caller; undefined when nobody has it, in which case
   * only numbers decide.
   */
  block(block: Block | undefined): void {
    if (this.#stage !== "block") return;
    if (block !== undefined) {
      const witness = new FilterWitness(block);
      const flaws = new Map<P, FilterFlaw>();
      for (const peer of this.#parties) {
        const flaw = witness.flawOf(this.#filters.get(peer), this.#claims.get(peer)!.filterHashes[this.#index]!);
        if (flaw !== undefined) flaws.set(peer, flaw);
      }
      const proven = [...flaws].filter(([, flaw]) => PROVEN_FLAWS.has(flaw));
      for (const [peer, flaw] of proven) this.#find(peer, flaw);
      // What only weighs counts when somebody is free of it.
      const suspects = [...this.#parties].filter((peer) => flaws.has(peer));
      if (suspects.length < this.#parties.size) {
        for (const peer of suspects) this.#find(peer, flaws.get(peer)!);
      }
    }
    if (this.#differs()) this.#vote();
    this.#stage = "settled";
  }

  #isConsistent(peer: P, claim: FilterHeaderClaim): boolean {
    const { startHeight, stopHeight, previousFilterHeader, claimed } = this.#options;
    if (claim.filterHashes.length !== stopHeight - startHeight + 1) return false;
    if (!equalBytes(claim.previousFilterHeader, previousFilterHeader)) return false;
    const named = claimed?.get(peer);
    return named === undefined || equalBytes(filterHeaders(previousFilterHeader, claim.filterHashes).at(-1)!, named);
  }

  #find(peer: P, reason: DisputeReason): void {
    const proven = reason === "inconsistent" || (PROVEN_FLAWS as ReadonlySet<string>).has(reason);
    this.#findings.push({ peer, reason, proven });
    this.#parties.delete(peer);
  }

  /** Goes on to the next stage when nothing more is awaited in this one. */
  #advance(): void {
    if (this.#awaited.size > 0) return;
    if (this.#stage === "headers") {
      const difference = this.#difference();
      if (difference === undefined) {
        this.#stage = "settled";
        return;
      }
      this.#index = difference.index;
      this.#stage = "filters";
      this.#awaited = new Set(this.#parties);
    } else if (this.#stage === "filters") {
      this.#stage = this.#differs() ? "block" : "settled";
    }
  }

  #difference(): Difference<P> | undefined {
    return firstDifference(new Map([...this.#parties].map((peer) => [peer, this.#claims.get(peer)!.filterHashes])));
  }

  /** Whether those who are left still tell different things of the block in dispute. */
  #differs(): boolean {
    return this.#difference()?.index === this.#index;
  }

  /** When nothing else tells them apart, the filter that more than half of the peers have stands. */
  #vote(): void {
    const parties = [...this.#difference()!.parties.values()].sort((a, b) => b.length - a.length);
    if (parties[0]!.length * 2 <= this.#parties.size) return;
    for (const peer of parties.slice(1).flat()) this.#find(peer, "outvoted");
  }

  #agreed(): Bytes32[] | undefined {
    const [first] = this.#parties;
    if (first === undefined || this.#difference() !== undefined) return undefined;
    return filterHeaders(this.#options.previousFilterHeader, this.#claims.get(first)!.filterHashes);
  }
}
