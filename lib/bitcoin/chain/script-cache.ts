/**
 * Transactions whose scripts were verified and found good, by which rules: a block that has them need not have them verified
 * again.
 *
 * @see Bitcoin Core `validation.cpp` (CheckInputScripts, ValidationCache)
 * @module
 */
import { sha256 } from "../../codec/sha256.ts";
import { toHex } from "../../codec/hex.ts";
import { Writer } from "../../codec/writer.ts";
import type { Random } from "../../core/ports.ts";

/** Transactions that are remembered: what a pool of transactions of the usual size has. About 10 MB. */
const ENTRIES_MAX = 65_536;
const KEY_BYTES = 32;

/** The transactions, the oldest first. Names are hashed with a key, so that nobody can choose names that lie together. */
export class ScriptCache {
  readonly #key: Uint8Array;
  readonly #known = new Set<string>();

  constructor(random: Random) {
    this.#key = random.bytes(KEY_BYTES);
  }

  /** How many are remembered. */
  get size(): number {
    return this.#known.size;
  }

  /**
   * The name of a transaction under some rules.
   * @param wtxid which stands for its witness as well, and by its inputs' outpoints for what it spends
   * @param flags the rules, as in `ScriptFlag`
   */
  nameOf(wtxid: Uint8Array, flags: number): string {
    const writer = new Writer(KEY_BYTES + wtxid.length + 4);
    writer.raw(this.#key);
    writer.raw(wtxid);
    writer.u32Le(flags);
    return toHex(sha256(writer.finish()));
  }

  /** Remembers a name; the oldest goes when there are too many. */
  add(name: string): void {
    this.#known.add(name);
    if (this.#known.size <= ENTRIES_MAX) return;
    const [oldest] = this.#known;
    this.#known.delete(oldest!);
  }

  /** Whether a name is remembered. */
  has(name: string): boolean {
    return this.#known.has(name);
  }

  /** Forgets a name: its transaction is in a block now. */
  delete(name: string): void {
    this.#known.delete(name);
  }
}
