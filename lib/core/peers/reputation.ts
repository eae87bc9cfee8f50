/**
 * What misbehaviour costs: one table for all networks. A peer has 100 points to lose, and slowly wins them back; a peer that has
 * lost them all is disconnected, and its host banned or discouraged. Pure: it says what is to be done, and does nothing.
 *
 * @see Bitcoin Core `net_processing.cpp` Misbehaving (spec bitcoin f.6); chia-blockchain 2.7.5 `chia/server/server.py`
 *   and `ws_connection.py` (spec chia d)
 * @module
 */

import type { BanEffect } from "./bans.ts";
import { NodeError } from "../errors.ts";

/** What one offence costs. */
export interface Price {
  /** Of the 100 that a peer has. Nothing for what may happen to anybody. */
  readonly points: number;
  /** How long its host may not come back once the points are gone, in seconds. */
  readonly banSeconds: number;
  /**
   * `ban`: it may not connect at all for that time. `discourage`: it is not dialled, its address not told, and it goes
   * first when slots are scarce, but may come while they are free.
   */
  readonly effect: BanEffect | "none";
}

/** The points that a peer has. */
export const POINTS_MAX = 100;
/** How many of them it wins back a minute: what happens once a day is no habit. */
const POINTS_A_MINUTE = 1;

/** Core discourages until its restart; a day is its default for bans. */
const DISCOURAGE_SECONDS = 86_400;

const free: Price = { points: 0, banSeconds: 0, effect: "none" };
/** What Core calls misbehaviour: one strike. */
const discouraged: Price = { points: POINTS_MAX, banSeconds: DISCOURAGE_SECONDS, effect: "discourage" };
/** What chia-blockchain bans for: at once, for a time that tells how bad it is. */
const banned = (banSeconds: number): Price => ({ points: POINTS_MAX, banSeconds, effect: "ban" });

/**
 * The price list. The first part is free, because it happens to honest peers too: a slow line, a pruned node, a chain
 * that the peer does not know yet. The second is Core's, the third chia-blockchain's.
 */
export const PRICES = {
  /** No answer in time. The question goes to another peer. */
  timeout: free,
  /** It said that it does not have or does not serve what was asked for. */
  refusal: free,
  /** The connection broke, or was never made. */
  network: free,
  /** Nothing in common: another network, too old, not the services that we look for. */
  incompatible: free,
  /** No slot was left, or it was ourselves, or it is connected already. */
  unneeded: free,
  /** A head from the future: its clock or ours may be wrong. */
  future_head: free,
  /** Heads that connect to nothing known: it may be ahead of us. */
  unconnected_head: free,
  /** What Core ends the connection for without blame: a message out of its time, a request of what is not offered. */
  unwelcome: free,
  /** A relayed item that breaks no rule of the format but is not valid; Core stopped to punish this with release 29. */
  invalid_item: free,
  /** A message of an unknown kind. */
  unknown_message: free,

  /** More entries than a list may have. */
  oversized_list: discouraged,
  /** Heads that do not follow one another. */
  discontinuous_heads: discouraged,
  /** A head without the work that it claims. */
  false_work: discouraged,
  /** A head that breaks the rules, or builds upon one that does. */
  invalid_head: discouraged,
  /** A body that breaks the rules, or is not the one of its head. */
  invalid_body: discouraged,
  /** An announcement in short form that cannot be one. */
  malformed_announcement: discouraged,
  /** A request for an entry that does not exist. */
  index_out_of_range: discouraged,
  /** A filter over its limits. */
  malformed_filter: discouraged,
  /** A filter of the chain that the chain itself contradicts. */
  false_filter: discouraged,

  /** The handshake broke its rules. */
  bad_handshake: banned(10),
  /** A frame that is no message, or a reply of the wrong kind. */
  protocol: banned(10),
  /** A message that this peer may not send, or whose body does not parse. */
  malformed_body: banned(10),
  /** Our handler failed on it: to be safe. */
  handler_failed: banned(10),
  /** Over a rate, or larger than a message may be. */
  flood: banned(300),
  /** An answer that nobody asked for. */
  unsolicited: banned(300),
  /**
   * It announced a head and does not deliver it. The reference bans at once; a race with its own reorganisation is
   * possible, so a third time in a row is waited for.
   */
  unserved: { points: 34, banSeconds: 600, effect: "ban" },
  /** A head, a body or a proof that breaks consensus, or a claim that nothing bears out. */
  consensus: banned(600),
  /** Costs or fees that contradict what was validated, or what it said before. */
  false_claim: banned(600),
} as const satisfies Record<string, Price>;

/** Something that a peer can do wrong. */
export type Offence = keyof typeof PRICES;

/** A fault of the peer that ends its connection, under the name that the price list has for it. */
export class PeerOffence extends NodeError {
  readonly offence: Offence;

  constructor(code: string, message: string, offence: Offence, cause?: unknown) {
    super(code, "peer", message, { cause });
    this.offence = offence;
  }
}

/** What is to be done after an offence. */
export interface Verdict {
  /** The points that the peer has lost by now, at most {@link POINTS_MAX}. */
  readonly points: number;
  /** Whether all are gone: it is disconnected, and its host pays the price. */
  readonly isOut: boolean;
  /** 0 when the host may come back at once. */
  readonly banSeconds: number;
  readonly effect: Price["effect"];
}

/** What follows when a peer that has lost so many points commits an offence. Exemption from bans is decided elsewhere. */
export function judge(points: number, offence: Offence): Verdict {
  const price: Price = PRICES[offence];
  const lost = Math.min(POINTS_MAX, points + price.points);
  if (price.points === 0 || lost < POINTS_MAX) return { points: lost, isOut: false, banSeconds: 0, effect: "none" };
  return { points: lost, isOut: true, banSeconds: price.banSeconds, effect: price.effect };
}

/** The points that one peer has lost. */
export class Score {
  #points = 0;
  #at = 0;

  /** How many are lost at a time, in milliseconds of the monotonic clock. */
  points(now: number): number {
    return Math.max(0, this.#points - Math.floor((now - this.#at) / 60_000) * POINTS_A_MINUTE);
  }

  /** Charges an offence. */
  charge(offence: Offence, now: number): Verdict {
    const verdict = judge(this.points(now), offence);
    this.#points = verdict.points;
    this.#at = now;
    return verdict;
  }
}
