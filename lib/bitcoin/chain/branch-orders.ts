/**
 * What the operator decides about branches: that a block counts as invalid, that it is judged anew, or that it is preferred.
 *
 * @see Bitcoin Core `validation.cpp` (InvalidateBlock, ResetBlockFailureFlags, PreciousBlock)
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import { unlessAborted } from "../../core/work/abortable.ts";
import type { HeaderChain } from "../headers/header-chain.ts";
import type { Activation } from "./activate.ts";
import type { ChainCommit } from "./commit.ts";
import type { DiskTrouble } from "./disk-trouble.ts";
import type { BlockSources } from "./sources.ts";

/** What is decided about. */
export interface BranchOrdersParts {
  readonly headers: HeaderChain;
  readonly activation: Activation;
  readonly commit: ChainCommit;
  readonly sources: BlockSources;
  readonly trouble: DiskTrouble;
  /** Without blocks the active chain is the best header's. */
  readonly headersOnly: boolean;
}

/** Carries decisions out. Each resolves when the chain stands where it leads to, durably; the signal ends the wait alone. */
export class BranchOrders {
  readonly #parts: BranchOrdersParts;

  constructor(parts: BranchOrdersParts) {
    this.#parts = parts;
  }

  /**
   * The block counts as invalid from now on, with all that descends from it, over restarts too. Genesis is left as it is.
   * @throws NodeError `BLOCK_PRUNED` when the chain stands on it and blocks are missing to go back; the error of what cannot
   *   be stored or connected; the signal's reason
   */
  async invalidate(row: number, signal?: AbortSignal): Promise<void> {
    const { headers, activation, commit } = this.#parts;
    if (row === 0) return;
    if (!activation.choice.canLeave(row, activation.head)) {
      const text = `blocks from height ${headers.height(row)} on are needed to take them back, and some are not there`;
      throw new NodeError("BLOCK_PRUNED", "self", text);
    }
    await this.#carryOut(() => commit.condemn(row), signal);
  }

  /** The block, its ancestors and its descendants are judged anew. @throws as {@link invalidate} does */
  async reconsider(row: number, signal?: AbortSignal): Promise<void> {
    await this.#carryOut(() => this.#parts.commit.reconsider(row), signal);
  }

  /** The block comes before others of the same work, until the node is stopped. @throws as {@link invalidate} does */
  async prefer(row: number, signal?: AbortSignal): Promise<void> {
    const { activation } = this.#parts;
    await this.#carryOut(() => activation.choice.prefer(row, activation.lead), signal);
  }

  async #carryOut(change: () => void, signal: AbortSignal | undefined): Promise<void> {
    const { headers, activation, commit, sources, trouble, headersOnly } = this.#parts;
    trouble.check();
    const rest = sources.rest(signal);
    change();
    if (headersOnly && headers.best !== activation.lead) activation.moveTo(headers.best);
    activation.chooseAgain();
    await trouble.unlessRefused((async () => {
      await rest;
      const durable = commit.soon();
      await (signal === undefined ? durable : unlessAborted(durable, signal));
    })());
  }
}
