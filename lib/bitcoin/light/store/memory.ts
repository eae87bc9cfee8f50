/**
 * The light client's store in memory.
 *
 * @module
 */
import { toHex } from "../../../codec/hex.ts";
import { equalBytes } from "../../../codec/sized.ts";
import { Writer } from "../../../codec/writer.ts";
import type { NewEvent } from "../../../storage/events.ts";
import type { Match, Watched } from "../service.ts";
import type { LightStep, LightStore } from "../store.ts";

const HEADER_BYTES = 32;

/** {@link LightStore} in maps. Events go to `append`. */
export class MemoryLightStore implements LightStore {
  readonly #append: (events: readonly NewEvent[]) => Promise<unknown>;
  readonly #watched = new Map<string, Watched>();
  #headers: Uint8Array = new Uint8Array();
  #tipHash: Uint8Array | undefined;
  #matches: Match[] = [];
  #nextId = 1;

  constructor(append: (events: readonly NewEvent[]) => Promise<unknown>) {
    this.#append = append;
  }

  async *filterHeaders(): AsyncGenerator<Uint8Array> {
    if (this.#headers.length > 0) yield this.#headers.slice();
  }

  tipHash(): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#tipHash);
  }

  watched(): Promise<readonly Watched[]> {
    const sorted = [...this.#watched].sort(([a], [b]) => (a < b ? -1 : 1));
    return Promise.resolve(sorted.map(([, each]) => each));
  }

  async commit(step: LightStep): Promise<void> {
    const { undone, rewind, filterHeaders, unwatch = [], watch = [], matches = [], scanned, events = [] } = step;
    if (filterHeaders !== undefined && filterHeaders.startHeight * HEADER_BYTES > this.#headers.length) {
      throw new RangeError(`filter headers from ${filterHeaders.startHeight} on would leave a gap`);
    }
    const told: NewEvent[] = [];
    if (undone !== undefined) {
      const { above, event } = undone;
      if (event !== undefined) told.push(...this.#matches.filter(({ height }) => height > above).map(event));
      this.#matches = this.#matches.filter(({ height }) => height <= above);
    }
    if (rewind !== undefined) {
      this.#move((each) => (each.scanned > rewind ? Math.max(each.from - 1, rewind) : each.scanned));
    }
    if (filterHeaders !== undefined) {
      const writer = new Writer();
      writer.raw(this.#headers.subarray(0, filterHeaders.startHeight * HEADER_BYTES));
      writer.raw(filterHeaders.bytes);
      this.#headers = writer.finish();
      this.#tipHash = filterHeaders.tipHash.slice();
    }
    for (const script of unwatch) {
      this.#watched.delete(toHex(script));
      this.#matches = this.#matches.filter((match) => !equalBytes(match.script, script));
    }
    for (const each of watch) this.#watched.set(toHex(each.script), { ...each, script: each.script.slice() });
    for (const match of matches) this.#matches.push({ ...match, id: this.#nextId++ });
    if (scanned !== undefined) this.#move((each) => Math.max(each.scanned, scanned));
    if (told.length + events.length > 0) await this.#append([...told, ...events]);
  }

  matches(since: number, limit: number): Promise<readonly Match[]> {
    return Promise.resolve(this.#matches.filter(({ id }) => id > since).slice(0, limit));
  }

  matchesIn(hash: Uint8Array): Promise<readonly Match[]> {
    return Promise.resolve(this.#matches.filter((match) => equalBytes(match.hash, hash)));
  }

  payments(txids: readonly Uint8Array[]): Promise<readonly Match[]> {
    const wanted = new Set(txids.map(toHex));
    return Promise.resolve(
      this.#matches.filter(({ txid, direction }) => direction === "in" && wanted.has(toHex(txid))),
    );
  }

  #move(reached: (each: Watched) => number): void {
    for (const [key, each] of this.#watched) this.#watched.set(key, { ...each, scanned: reached(each) });
  }
}
