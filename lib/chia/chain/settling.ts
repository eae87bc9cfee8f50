/**
 * Whose turn it is to move the main chain: one at a time, the heaviest first. A heavier one that comes meanwhile overtakes
 * the one that is at it, unless that is already being made durable.
 *
 * @module
 */
import type { BlockRecord } from "../types/mod.ts";

/** Whether a chain is better with one tip than with another. */
export function heavier(record: BlockRecord, than: BlockRecord | undefined): boolean {
  if (than === undefined || record.weight > than.weight) return true;
  return record.weight === than.weight && record.totalIters < than.totalIters;
}

/** The heaviest of many; undefined when there are none. */
export function heaviest(records: Iterable<BlockRecord>): BlockRecord | undefined {
  let best: BlockRecord | undefined;
  for (const record of records) if (heavier(record, best)) best = record;
  return best;
}

/** The reason with which one that is overtaken is aborted. */
class Overtaken extends Error {
  override readonly name = "Overtaken";
}

interface Turn {
  readonly tip: BlockRecord | undefined;
  readonly start: () => void;
  over: AbortController;
}

/** The turns. */
export class Settling {
  readonly #waiting: Turn[] = [];
  #running: Turn | undefined;

  /**
   * Does `work` when it is its turn. Its signal aborts when a heavier one comes; what then rejects with the signal's reason
   * is done again, later.
   * @param tip what the work would make the tip; undefined comes last
   */
  async run<T>(tip: BlockRecord | undefined, work: (overtaken: AbortSignal) => Promise<T>): Promise<T> {
    for (;;) {
      const turn = await this.#enter(tip);
      try {
        return await work(turn.over.signal);
      } catch (thrown) {
        if (!(thrown instanceof Overtaken)) throw thrown;
      } finally {
        this.#running = undefined;
        this.#next();
      }
    }
  }

  #enter(tip: BlockRecord | undefined): Promise<Turn> {
    const { promise, resolve } = Promise.withResolvers<Turn>();
    const turn: Turn = { tip, over: new AbortController(), start: () => resolve(turn) };
    this.#waiting.push(turn);
    const { tip: current, over } = this.#running ?? {};
    if (tip !== undefined && current !== undefined && heavier(tip, current)) over?.abort(new Overtaken());
    this.#next();
    return promise;
  }

  #next(): void {
    if (this.#running !== undefined) return;
    const best = heaviest(this.#waiting.flatMap(({ tip }) => (tip === undefined ? [] : [tip])));
    const index = Math.max(0, this.#waiting.findIndex(({ tip }) => tip === best));
    const [turn] = this.#waiting.splice(index, 1);
    if (turn === undefined) return;
    this.#running = turn;
    turn.start();
  }
}
