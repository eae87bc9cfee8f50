/**
 * Which malicious peer gave which block to which node. When a node refuses a block late, the connection over which it came has to end.
 *
 * @module
 */
import type { ByteDuplex } from "../core/ports.ts";

/** How long a node has for it after it refused the block, in virtual milliseconds. */
const CHARGE_MS = 5_000;

/** A malicious peer's end of a connection. Both ports together tell connections apart. */
export type Giving = Pick<ByteDuplex, "local" | "remote">;

interface Gift {
  /** The connections over which the block came. */
  readonly over: Set<Giving>;
  refusedAt: number | undefined;
}

/** What malicious peers gave, told by themselves, and what became of it, told by the validators. */
export class Givers {
  /** By victim, then by block. */
  readonly #gifts = new Map<string, Map<string, Gift>>();

  /** A block went to `victim` over a connection; the same object for the same connection. */
  gave(victim: string, block: string, over: Giving): void {
    const gifts = this.#giftsOf(victim);
    const gift = gifts.get(block);
    if (gift === undefined) gifts.set(block, { over: new Set([over]), refusedAt: undefined });
    else gift.over.add(over);
  }

  /** `victim` refused a block at a time, in virtual milliseconds. */
  refused(victim: string, block: string, at: number): void {
    const gift = this.#gifts.get(victim)?.get(block);
    if (gift !== undefined) gift.refusedAt ??= at;
  }

  /** The connections that must be over by now; each is told once. */
  due(victim: string, at: number): readonly Giving[] {
    const gifts = this.#gifts.get(victim);
    if (gifts === undefined) return [];
    const due: Giving[] = [];
    for (const [block, { over, refusedAt }] of gifts) {
      if (refusedAt === undefined || at < refusedAt + CHARGE_MS) continue;
      gifts.delete(block);
      // Of several connections nobody out here knows which one brought it first.
      if (over.size === 1) due.push(...over);
    }
    return due;
  }

  /** The node was started anew: it no longer knows the givers. */
  forget(victim: string): void {
    this.#gifts.delete(victim);
  }

  #giftsOf(victim: string): Map<string, Gift> {
    let gifts = this.#gifts.get(victim);
    if (gifts === undefined) this.#gifts.set(victim, gifts = new Map());
    return gifts;
  }
}
