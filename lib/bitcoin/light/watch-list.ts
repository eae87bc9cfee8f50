/**
 * The scripts that are watched, in memory as in the store.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { NodeError } from "../../core/errors.ts";
import { isFilteredOutput } from "../filters/basic.ts";
import { SCRIPT_BYTES_MAX } from "../types/script.ts";
import type { Watched } from "./service.ts";
import type { LightStore } from "./store.ts";

/** Scripts that can be watched. */
export const WATCHED_MAX = 100_000;

/** Watched scripts and how far each was searched for. Changes here first and at once, then in the store. */
export class WatchList {
  readonly #store: LightStore;
  readonly #entries = new Map<string, Watched>();
  #generation = 0;

  private constructor(store: LightStore) {
    this.#store = store;
  }

  static async load(store: LightStore): Promise<WatchList> {
    const list = new WatchList(store);
    for (const each of await store.watched()) list.#entries.set(toHex(each.script), each);
    return list;
  }

  get size(): number {
    return this.#entries.size;
  }

  list(): readonly Watched[] {
    return [...this.#entries.values()];
  }

  /** Rises with each change that makes what is being searched for another. */
  get generation(): number {
    return this.#generation;
  }

  /** The lowest height that was not searched for some script; Infinity when nothing is watched. */
  get nextHeight(): number {
    let lowest = Infinity;
    for (const { scanned } of this.#entries.values()) if (scanned < lowest) lowest = scanned;
    return lowest + 1;
  }

  /** What has to be looked for from {@link WatchList.nextHeight} on, and up to which height it is just that. */
  next(): { readonly scripts: readonly Uint8Array[]; readonly from: number; readonly to: number } {
    const from = this.nextHeight;
    const scripts: Uint8Array[] = [];
    let to = Infinity;
    for (const { script, scanned } of this.#entries.values()) {
      if (scanned < from) scripts.push(script);
      else if (scanned < to) to = scanned;
    }
    return { scripts, from, to };
  }

  /** Hex of the scripts that were born by `height`. */
  bornBy(height: number): Set<string> {
    return new Set([...this.#entries].filter(([, { from }]) => from <= height).map(([key]) => key));
  }

  /** Adds scripts, or takes their birth further down. @throws NodeError `WATCH_FULL`, RangeError */
  async add(scripts: readonly Uint8Array[], from: number): Promise<readonly Watched[]> {
    for (const script of scripts) requireWatchable(script);
    const fresh = new Set(scripts.map(toHex).filter((key) => !this.#entries.has(key)));
    if (this.#entries.size + fresh.size > WATCHED_MAX) {
      throw new NodeError("WATCH_FULL", "self", `at most ${WATCHED_MAX} scripts can be watched`);
    }
    this.#generation += 1;
    const watch: Watched[] = [];
    for (const script of scripts) {
      const known = this.#entries.get(toHex(script));
      const each: Watched = known !== undefined && known.from <= from
        ? known
        : { script: script.slice(), from, scanned: from - 1 };
      this.#entries.set(toHex(script), each);
      watch.push(each);
    }
    await this.#store.commit({ watch });
    return watch;
  }

  async remove(scripts: readonly Uint8Array[]): Promise<number> {
    const unwatch = scripts.filter((script) => this.#entries.delete(toHex(script)));
    if (unwatch.length === 0) return 0;
    this.#generation += 1;
    await this.#store.commit({ unwatch });
    return unwatch.length;
  }

  /** All was searched up to `height`. In memory only: the store is told with the rest of the step. */
  reached(height: number): void {
    this.#move((each) => Math.max(each.scanned, height));
  }

  /** What was searched above `height` has to be searched again. In memory only. */
  rewind(height: number): void {
    this.#generation += 1;
    this.#move((each) => (each.scanned > height ? Math.max(each.from - 1, height) : each.scanned));
  }

  #move(scannedOf: (each: Watched) => number): void {
    for (const [key, each] of this.#entries) {
      const scanned = scannedOf(each);
      if (scanned !== each.scanned) this.#entries.set(key, { ...each, scanned });
    }
  }
}

/** @throws RangeError for a script that is in no filter, whatever block pays to it */
function requireWatchable(script: Uint8Array): void {
  if (!isFilteredOutput(script)) {
    throw new RangeError("empty scripts and those that begin with OP_RETURN are in no filter");
  }
  if (script.length > SCRIPT_BYTES_MAX) throw new RangeError(`a script has at most ${SCRIPT_BYTES_MAX} bytes`);
}
