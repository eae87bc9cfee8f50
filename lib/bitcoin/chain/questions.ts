/**
 * What the validator is asked: about one block after the other, each as soon as the coins after the one before are known,
 * while the scripts of several are being verified. The answers come in the order of the blocks.
 *
 * @module
 */
import { type HeaderChain, HeaderStatus } from "../headers/header-chain.ts";
import type { Block } from "../types/block.ts";
import { Ahead, type AheadBlock } from "./ahead.ts";
import type { CoinView } from "./coins.ts";
import { FreshBlocks } from "./fresh-blocks.ts";
import type { KnownBlock } from "./tip-move.ts";
import type { ConnectVerdict } from "./validator.ts";
import { Awaited } from "./verdicts.ts";

/** What questions need. */
export interface QuestionParts {
  readonly headers: HeaderChain;
  /** The coins as they are after the last block that is connected. */
  readonly coins: CoinView;
  /** Whether the validator needs them. */
  readonly needsCoins: boolean;
  /** Asks the validator for its verdict on a block, given the coins as they are after its parent. */
  readonly judge: (
    row: number,
    load: () => Promise<Block>,
    coins: CoinView,
    signal: AbortSignal,
  ) => ConnectVerdict | Promise<ConnectVerdict>;
  /** Reads a block. @throws NodeError `BLOCK_PRUNED`, `DATABASE_DAMAGED` */
  readonly load: (row: number) => Promise<Block>;
}

/** The block whose coins are being looked up. */
interface Question {
  readonly row: number;
  readonly abort: AbortController;
  readonly verdict: Awaited<ConnectVerdict>;
  /** The block, when it is at hand. */
  readonly known: () => KnownBlock | undefined;
}

const PASSED = { ok: true } as const;

/** The questions that are open. */
export class Questions {
  readonly #parts: QuestionParts;
  readonly #ahead: Ahead;
  readonly #fresh = new FreshBlocks();
  #question: Question | undefined;
  /** Ends a wait for answers. */
  #wake = () => {};

  constructor(parts: QuestionParts) {
    this.#parts = parts;
    this.#ahead = new Ahead(parts.coins);
  }

  /** Row of the last block whose coins are known and that is not connected; undefined when there is none. */
  get last(): number | undefined {
    return this.#ahead.last;
  }

  /** Whether the child of {@link last} may be asked about. */
  get isReady(): boolean {
    return this.#question === undefined && !this.#ahead.isFull;
  }

  /** A block that will be asked about soon, so that it need not be read. */
  foresee(row: number, block: Block): void {
    this.#fresh.add(row, block);
  }

  /** Asks about the child of {@link last}, or of the last that is connected. */
  ask(row: number): void {
    const { headers, needsCoins, judge, load } = this.#parts;
    const fresh = this.#fresh.take(row);
    let known = fresh && { row, block: fresh };
    const abort = new AbortController();
    const status = headers.status(row);
    // What was connected once and is pruned cannot be judged again; without coins nobody needs it.
    const isGone = (status & HeaderStatus.data) === 0 && (status & HeaderStatus.connected) !== 0;
    if (isGone && !needsCoins) return this.#ahead.add(row, PASSED, undefined, abort);
    const read = async () => {
      known ??= { row, block: await load(row) };
      return known.block;
    };
    const verdict = judge(row, read, this.#ahead, abort.signal);
    if (!(verdict instanceof Promise)) return this.#ahead.add(row, verdict, known, abort);
    // Nobody waits for its scripts when the question is withdrawn before it is answered.
    verdict.then((found) => void (found.ok && found.scripts?.catch(() => {})), () => {});
    this.#question = { row, abort, verdict: new Awaited(verdict, abort.signal), known: () => known };
  }

  /**
   * The answer about the block after the last that is connected; undefined while there is none. It is given once.
   * @throws what the validator threw: all questions that are open are to be given up then
   */
  take(): AheadBlock | undefined {
    if (this.#question?.verdict.isOver) {
      const { row, abort, verdict, known } = this.#question;
      this.#question = undefined;
      const { value } = verdict;
      if (!abort.signal.aborted && value !== undefined) this.#ahead.add(row, value, known(), abort);
    }
    return this.#ahead.take();
  }

  /** Resolves when {@link take} or {@link wake} may have changed something; undefined when no question is open. */
  get change(): Promise<void> | undefined {
    const open = [this.#question?.verdict.done, this.#ahead.done].filter((each) => each !== undefined);
    if (open.length === 0) return undefined;
    return new Promise((resolve) => {
      this.#wake = resolve;
      for (const each of open) each.then(resolve);
    });
  }

  /** Ends a wait for {@link change}: there is another block to be asked about. */
  wake(): void {
    this.#wake();
  }

  /** Gives up the questions about blocks that are not meant, and about those after them. */
  keep(isMeant: (row: number) => boolean, reason: unknown): void {
    this.#ahead.keep(isMeant, reason);
    if (this.#question !== undefined && !isMeant(this.#question.row)) this.#question.abort.abort(reason);
  }
}
