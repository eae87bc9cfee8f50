/**
 * The validator of a simulated node: linkage as it is, and in the place of proofs and spends a look at what a block is
 * marked with, whose answer takes its time.
 *
 * @module
 */
import { NO_CHANGES } from "../../chia/coin-set.ts";
import { LinkageValidator } from "../../chia/chain/linkage.ts";
import type { BlockValidator, Frame, Spent } from "../../chia/chain/validator.ts";
import { type Refusal, refuse } from "../../chia/chain/verdict.ts";
import type { CoinView } from "../../chia/coin-set.ts";
import { equalBytes } from "../../codec/sized.ts";
import type { LateVerdicts } from "../late-verdicts.ts";
import { faultOf, network } from "./blocks.ts";
import { coinOf } from "./coins.ts";

/** What a simulated validator is made of. */
export interface SimValidatorParts {
  readonly level: "linkage" | "full";
  /** How long its answers take. */
  readonly late: LateVerdicts;
  /** Hears of each block that it refuses when it is proven or spent. */
  readonly refused: (headerHash: Uint8Array) => void;
}

/** Wraps linkage. */
export class SimValidator implements BlockValidator {
  readonly level: "linkage" | "full";
  readonly #linkage = new LinkageValidator(network.constants);
  readonly #parts: SimValidatorParts;

  constructor(parts: SimValidatorParts) {
    this.level = parts.level;
    this.#parts = parts;
  }

  link: BlockValidator["link"] = (candidate, view) => this.#linkage.link(candidate, view);

  async prove(frames: readonly Frame[], signal: AbortSignal): Promise<readonly (Refusal | undefined)[]> {
    const answers = frames.map((frame) => this.#look(frame, "prove"));
    return await this.#give(frames, answers, answers, signal);
  }

  async spend(frame: Frame, coins: CoinView, signal: AbortSignal): Promise<Spent | Refusal> {
    const answer = this.#look(frame, "spend") ?? await this.#hold(frame, coins);
    return await this.#give([frame], [answer.ok ? undefined : answer], answer, signal);
  }

  async #give<T>(
    frames: readonly Frame[],
    answers: readonly (Refusal | undefined)[],
    given: T,
    signal: AbortSignal,
  ): Promise<T> {
    const isRefusal = answers.some((answer) => answer !== undefined);
    const verdict = await this.#parts.late.give(given, isRefusal, signal);
    // A worker that does not notice that nobody waits any more tells nobody.
    if (!signal.aborted) {
      for (const [i, answer] of answers.entries()) {
        // Those after the first are not heard of: they go with it.
        if (answer === undefined) continue;
        this.#parts.refused(frames[i]!.record.headerHash);
        break;
      }
    }
    return verdict;
  }

  #look({ candidate }: Frame, step: "prove" | "spend"): Refusal | undefined {
    const fault = faultOf(candidate.block);
    if (fault?.step !== step || (fault.isMinted && this.level === "linkage")) return undefined;
    return refuse(step === "prove" ? "INVALID_POSPACE" : "GENERATOR_RUNTIME_ERROR", "the block is marked invalid");
  }

  /** Each block spends the coin of its parent and makes one. */
  async #hold({ record: { headerHash, height }, parent }: Frame, coins: CoinView): Promise<Spent | Refusal> {
    if (this.level === "linkage") return { ok: true, coins: NO_CHANGES };
    const created = [{ id: headerHash, record: coinOf(headerHash, height) }];
    if (parent === undefined) return { ok: true, coins: { created, spent: [] } };
    const [coin, own] = await coins.getMany([parent.headerHash, headerHash]);
    if (coin === undefined || !equalBytes(coin.coin.puzzleHash, parent.headerHash)) {
      return refuse("UNKNOWN_UNSPENT", `the coin of height ${parent.height}`);
    }
    if (coin.spentBlockIndex !== 0 || own !== undefined) return refuse("DOUBLE_SPEND", `height ${height}`);
    return { ok: true, coins: { created, spent: [parent.headerHash] } };
  }
}
