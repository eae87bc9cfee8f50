/**
 * Finds what transactions spend that are judged together: of the mempool, of the chain, or of each other.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Clock } from "../../core/ports.ts";
import type { Coin } from "../coins/coin.ts";
import type { OutPoint } from "../types/transaction-parts.ts";
import type { Transaction } from "../types/transaction.ts";
import { txidOf } from "./entry.ts";
import type { ChainFollower } from "./follower.ts";
import type { MempoolChain } from "./mempool-chain.ts";
import type { Pool } from "./pool.ts";

/** A coin that is spent, and whether a transaction that waits for a block makes it. */
export interface SpentCoin extends Coin {
  readonly isUnconfirmed?: true;
}

/** A transaction whose coins are looked for. */
export interface Spender {
  readonly transaction: Transaction;
  /** Names of what it spends. */
  readonly spends: readonly string[];
}

/** What it spends; `missing` where one is not there, `known` where an output of the transaction itself is there. */
export type FoundCoins = readonly SpentCoin[] | "missing" | "known";

/** What is searched. */
export interface CoinSearchParts {
  readonly chain: MempoolChain;
  readonly clock: Clock;
  readonly pool: Pool;
  readonly follower: ChainFollower;
}

/** An input whose coin is looked for. */
interface Wanted {
  readonly prevout: OutPoint;
  coin: SpentCoin | undefined;
  /** What counts when the chain does not have it. */
  readonly otherwise: SpentCoin | undefined;
}

/** Outputs that are asked for, to tell a transaction that a block has from one whose parents are not known. */
const OWN_OUTPUTS_MAX = 8;
/** Inputs whose coins are asked for before those of the others. */
const FIRST_INPUTS = 16;

/** The first outputs of a transaction. */
const ownOutpoints = ({ txid, outputCount }: Transaction): OutPoint[] =>
  Array.from({ length: Math.min(OWN_OUTPUTS_MAX, outputCount) }, (_, vout) => ({ txid, vout }));

/** Searches for one mempool. */
export class CoinSearch {
  readonly #parts: CoinSearchParts;

  constructor(parts: CoinSearchParts) {
    this.#parts = parts;
  }

  /**
   * The coins of each, in their order. One may spend outputs of those before it, whether these will be taken or not.
   * Undefined when the coins are of another block than the mempool. @throws what reading coins throws
   * @param before transactions that come before all of these, by txid; these are added
   */
  async find(
    spenders: readonly Spender[],
    before: Map<string, Transaction>,
  ): Promise<readonly FoundCoins[] | undefined> {
    const all = this.#wanted(spenders, before);
    // Of a transaction with many inputs the others are not asked for when one of the first is not there.
    for (const [from, to] of [[0, FIRST_INPUTS], [FIRST_INPUTS, Infinity]] as const) {
      const open = all.filter((inputs) => inputs.slice(0, from).every(({ coin }) => coin !== undefined))
        .flatMap((inputs) => inputs.slice(from, to)).filter(({ coin }) => coin === undefined);
      const found = await this.#look(open.map(({ prevout }) => prevout));
      if (found === undefined) return undefined;
      // A block may have what comes once more: what it makes is there already.
      for (const [i, input] of open.entries()) input.coin = found[i] ?? input.otherwise;
    }
    const coins = all.map((inputs): FoundCoins => {
      const own = inputs.map(({ coin }) => coin).filter((coin) => coin !== undefined);
      return own.length === inputs.length ? own : "missing";
    });
    const outputs = coins.flatMap((own, i) =>
      own === "missing" ? ownOutpoints(spenders[i]!.transaction).map((prevout) => ({ i, prevout })) : []
    );
    const there = await this.#look(outputs.map(({ prevout }) => prevout));
    if (there === undefined) return undefined;
    for (const [at, { i }] of outputs.entries()) if (there[at] !== undefined) coins[i] = "known";
    return coins;
  }

  #wanted(spenders: readonly Spender[], before: Map<string, Transaction>): Wanted[][] {
    const { pool, follower: { next: { height } } } = this.#parts;
    const coinOf = (transaction: Transaction | undefined, vout: number): SpentCoin | undefined => {
      const output = transaction?.outputs[vout];
      return output && { ...output, height, isCoinbase: false, isUnconfirmed: true };
    };
    return spenders.map(({ transaction, spends }) => {
      const inputs = transaction.inputs.map(({ prevout }, i): Wanted => {
        const txid = txidOf(spends[i]!);
        const coin = coinOf(pool.get(txid)?.transaction, prevout.vout);
        return { prevout, coin, otherwise: coinOf(before.get(txid), prevout.vout) };
      });
      before.set(toHex(transaction.txid), transaction);
      return inputs;
    });
  }

  async #look(outpoints: readonly OutPoint[]): Promise<readonly (Coin | undefined)[] | undefined> {
    const { chain, clock, follower } = this.#parts;
    if (outpoints.length === 0) return [];
    const { moves } = follower;
    const found = await chain.coins(outpoints);
    if (found?.at === follower.at && follower.moves === moves) return found.coins;
    // The mempool hears of the move in a moment. If it does not, the coins were exchanged.
    await clock.sleep(1);
    follower.catchUp();
    return undefined;
  }
}
