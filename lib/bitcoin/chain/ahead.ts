/**
 * Blocks above the last that is connected, of which all is known but the verdict on their scripts. While other threads verify
 * them, the next block is read, its inputs are looked up as they are after these, and its scripts join the queue. So the
 * threads have work all the time, and nothing has to be taken back when a block is refused: nobody else sees these coins.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Refusal } from "../headers/verdict.ts";
import type { OutPoint } from "../types/transaction-parts.ts";
import { type Coin, type CoinChanges, type CoinView, NO_CHANGES } from "./coins.ts";
import type { KnownBlock } from "./tip-move.ts";
import type { ConnectVerdict } from "./validator.ts";
import { Awaited } from "./verdicts.ts";

/** Blocks that may be ahead. */
const BLOCKS_MAX = 16;
/** And their bytes, of which each is held several times over in objects; one is being verified and one made ready whatever they have. */
const BYTES_MAX = 128 * 1024;

/** A block of which all is known. */
export interface AheadBlock {
  readonly row: number;
  readonly known: KnownBlock | undefined;
  readonly changes: CoinChanges;
  readonly refusal: Refusal | undefined;
}

interface Entry {
  readonly row: number;
  readonly known: KnownBlock | undefined;
  readonly changes: CoinChanges;
  readonly refusal: Refusal | undefined;
  readonly scripts: Awaited<Refusal | undefined> | undefined;
  readonly abort: AbortController;
  readonly bytes: number;
  /** The names of the coins that it changes, once somebody asked for coins. */
  names?: readonly string[];
}

/** A coin as it is after a block that is ahead; undefined when the block spends it. */
interface ChangedCoin {
  readonly row: number;
  readonly coin: Coin | undefined;
}

const nameOf = ({ txid, vout }: OutPoint) => `${toHex(txid)}:${vout}`;

/** The blocks that are ahead, and the coins as they are after the last of them. */
export class Ahead implements CoinView {
  readonly #coins: CoinView;
  readonly #entries: Entry[] = [];
  /** What the blocks change, by name. */
  readonly #changed = new Map<string, ChangedCoin>();
  #bytes = 0;

  /** @param coins as they are before the first of the blocks */
  constructor(coins: CoinView) {
    this.#coins = coins;
  }

  /** Row of the last one. */
  get last(): number | undefined {
    return this.#entries.at(-1)?.row;
  }

  /** Whether the next block has to wait for the first. */
  get isFull(): boolean {
    const { length } = this.#entries;
    return length >= BLOCKS_MAX || (length >= 2 && this.#bytes >= BYTES_MAX);
  }

  /** Resolves when {@link take} gives the first one; undefined when there is none. */
  get done(): Promise<void> | undefined {
    return this.#entries[0]?.scripts?.done;
  }

  /** A child of the last one. `abort` ends what goes on for it. */
  add(row: number, verdict: ConnectVerdict, known: KnownBlock | undefined, abort: AbortController): void {
    const { changes = NO_CHANGES, scripts } = verdict.ok ? verdict : {};
    const bytes = known?.block.raw.length ?? 0;
    this.#entries.push({
      ...{ row, known, changes, abort, bytes },
      refusal: verdict.ok ? undefined : verdict,
      scripts: scripts && new Awaited(scripts, abort.signal),
    });
    this.#bytes += bytes;
  }

  /** The first one, once all is known of it: it is ahead no longer, and the caller connects it. @throws what its scripts threw */
  take(): AheadBlock | undefined {
    const [entry] = this.#entries;
    if (entry === undefined || entry.scripts?.isOver === false) return undefined;
    const refusal = entry.refusal ?? entry.scripts?.value;
    this.#entries.shift();
    this.#bytes -= entry.bytes;
    // A later one may have changed the same coin.
    for (const name of entry.names ?? []) {
      if (this.#changed.get(name)?.row === entry.row) this.#changed.delete(name);
    }
    return { row: entry.row, known: entry.known, changes: entry.changes, refusal };
  }

  /** Gives up the first block that is not meant any more, and all after it. */
  keep(isMeant: (row: number) => boolean, reason: unknown): void {
    const from = this.#entries.findIndex(({ row }) => !isMeant(row));
    if (from < 0) return;
    for (const { abort, bytes } of this.#entries.splice(from)) {
      this.#bytes -= bytes;
      abort.abort(reason);
    }
    this.#changed.clear();
    for (const entry of this.#entries) delete entry.names;
  }

  async getMany(outpoints: readonly OutPoint[]): Promise<readonly (Coin | undefined)[]> {
    if (this.#entries.length === 0) return await this.#coins.getMany(outpoints);
    for (const entry of this.#entries) if (entry.names === undefined) this.#learn(entry);
    const found: (Coin | undefined)[] = [];
    const others: { readonly index: number; readonly outpoint: OutPoint }[] = [];
    for (const [index, outpoint] of outpoints.entries()) {
      const changed = this.#changed.get(nameOf(outpoint));
      found.push(changed?.coin);
      if (changed === undefined) others.push({ index, outpoint });
    }
    // What none of them changes is not changed when some of them are connected meanwhile.
    const stored = others.length === 0 ? [] : await this.#coins.getMany(others.map(({ outpoint }) => outpoint));
    for (const [i, { index }] of others.entries()) found[index] = stored[i];
    return found;
  }

  #learn(entry: Entry): void {
    const { row, changes: { spent, created } } = entry;
    const names: string[] = [];
    const change = (outpoint: OutPoint, coin: Coin | undefined) => {
      const name = nameOf(outpoint);
      names.push(name);
      this.#changed.set(name, { row, coin });
    };
    for (const { outpoint } of spent) change(outpoint, undefined);
    for (const { outpoint, coin } of created) change(outpoint, coin);
    entry.names = names;
  }
}
