/**
 * Blocks that are filled from the mempool, and tried before anybody mines them.
 *
 * @see Bitcoin Core `node/miner.cpp` (BlockAssembler::CreateNewBlock), `rpc/mining.cpp` (getblocktemplate)
 * @module
 */
import { NodeError } from "../core/errors.ts";
import type { Clock } from "../core/ports.ts";
import { unlessAborted } from "../core/work/abortable.ts";
import { blockOf, type BlockTemplate, blockTemplate } from "./mining/template.ts";
import type { MempoolEntry } from "./mempool/mempool.ts";
import { selectTransactions } from "./mining/selection.ts";
import type { BitcoinService } from "./service.ts";

/** What a block on the tip has to hold, and which transactions it may. */
export interface FilledTemplate extends BlockTemplate {
  /** In the order of the block. {@link BlockTemplate.coinbaseValue} has their fees. */
  readonly entries: readonly MempoolEntry[];
  /** How often the mempool had changed when they were chosen. */
  readonly changes: number;
}

/** A selection is used for so long though the mempool changes. */
const FRESH_MS = 5_000;
/** Whom the coinbase of a block pays that is tried only. */
const ANYBODY = Uint8Array.of(0x51);
/** The chain may move while a block is tried. */
const TRIALS_MAX = 10;
/** What is said then. */
const MOVED = "inconclusive-not-best-prevblk";

/** The transactions for a block on one tip. */
interface Selection {
  readonly tip: number;
  readonly changes: number;
  readonly madeAt: number;
  readonly entries: readonly MempoolEntry[];
}

/** Fills blocks. */
export class BlockAssembler {
  readonly #service: BitcoinService;
  readonly #clock: Clock;
  #last: Selection | undefined;

  constructor(service: BitcoinService, clock: Clock) {
    this.#service = service;
    this.#clock = clock;
  }

  /** What the next block has to hold by its place in the chain alone. */
  empty(): BlockTemplate {
    const { headers, tip, versionBits } = this.#service;
    return blockTemplate(headers, tip, Math.floor(this.#clock.now() / 1000), versionBits);
  }

  /**
   * A template for a block of the transactions of the mempool, which would pass. Those that are asked for again and again may
   * be of some seconds ago; a block that is made of one at once has what is in the mempool now (`isCurrent`).
   * @throws NodeError `TEMPLATE_REFUSED` when the block that it describes does not, or the signal's reason
   */
  async template(signal: AbortSignal, isCurrent = false): Promise<FilledTemplate> {
    const { entries, changes } = await this.#selection(signal, isCurrent ? 0 : FRESH_MS);
    const template = this.empty();
    const fees = entries.reduce((sum, { fee }) => sum + fee, 0);
    return { ...template, coinbaseValue: template.coinbaseValue + BigInt(fees), entries, changes };
  }

  async #selection(signal: AbortSignal, freshMs: number): Promise<Selection> {
    const { mempool } = this.#service;
    for (let trial = 0; trial < TRIALS_MAX; trial++) {
      if (mempool !== undefined && mempool.size > 0) {
        // The coins may be ahead of the tip, and the mempool is after them.
        await unlessAborted(this.#service.settled(), signal);
        await mempool.settled(signal);
      }
      const now = this.#clock.monotonic();
      const { tip } = this.#service;
      const changes = mempool === undefined ? 0 : mempool.sequence;
      const last = this.#last;
      if (last?.tip === tip && (last.changes === changes || now - last.madeAt < freshMs)) return last;
      const selection = { tip, changes, madeAt: now, entries: this.#select(tip) };
      if (await this.#passes(selection, signal)) return this.#last = selection;
    }
    throw new NodeError("TEMPLATE_REFUSED", "self", "the chain moves too quickly");
  }

  #select(tip: number): readonly MempoolEntry[] {
    const { headers, mempool } = this.#service;
    if (mempool === undefined || mempool.size === 0) return [];
    const terms = { height: headers.height(tip) + 1, medianTimePast: headers.medianTimePast(tip) };
    return selectTransactions(mempool.chunks(), terms);
  }

  /** Whether the block would be the next one; false when the chain has moved. One without transactions needs no trial. */
  async #passes({ entries }: Selection, signal: AbortSignal): Promise<boolean> {
    if (entries.length === 0) return true;
    const block = blockOf(this.empty(), ANYBODY, entries.map(({ transaction }) => transaction));
    const refusal = await this.#service.inspection.try(block, signal);
    if (refusal === undefined) return true;
    if (refusal.reason === MOVED) return false;
    const { reason, detail } = refusal;
    throw new NodeError(
      "TEMPLATE_REFUSED",
      "self",
      `a block of the mempool's transactions is refused: ${reason}, ${detail}`,
    );
  }
}
