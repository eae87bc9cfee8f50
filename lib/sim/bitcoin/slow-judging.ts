/**
 * Time that the judging of transactions takes in a simulated world, where work takes none: one transaction after another, as
 * on one processor.
 *
 * @module
 */
import type { TxMempool } from "../../bitcoin/mempool/mod.ts";
import type { Transaction } from "../../bitcoin/types/mod.ts";
import type { SimClock } from "../clock.ts";

/** Witnesses that begin with this byte are costly. */
export const COSTLY_MARK = 0xee;
/** Milliseconds of a transaction, and of one with as many signatures as it may have, 16,000 of 60 µs each. */
const USUAL_MS = 1;
const COSTLY_MS = 1_000;

/** Makes mempools slow. */
export class SlowJudging {
  readonly #clock: SimClock;

  constructor(clock: SimClock) {
    this.#clock = clock;
  }

  /** Has the transactions that a mempool is given take their time. */
  slow(mempool: TxMempool): void {
    const { accept } = mempool;
    let last: Promise<void> = Promise.resolve();
    mempool.accept = (transaction, signal) => {
      const turn = last.then(() => this.#clock.sleep(costOf(transaction)));
      last = turn;
      return turn.then(() => accept.call(mempool, transaction, signal));
    };
  }
}

function costOf({ inputs }: Transaction): number {
  return inputs[0]?.witness[0]?.[0] === COSTLY_MARK ? COSTLY_MS : USUAL_MS;
}
