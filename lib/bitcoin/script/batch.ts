/**
 * Many inputs, their signatures judged together.
 *
 * An input is executed once with every signature taken on trust where that is allowed. Why the verdict is Core's all the same:
 *
 * - Inputs are judged independently of each other. What an input does depends on the answers to its checks alone, and each
 *   check has one true answer.
 * - When all that was taken on trust turns out to be good, every answer that the input had was the true one. The execution was
 *   Core's then, and so is its outcome: good, or bad for the same reason.
 * - Else at least one answer was not true, and the outcome says nothing: the input may be good (`OP_CHECKSIG OP_NOT`), or bad
 *   for a reason that comes before the signature's. It is executed again with every check judged at once, and that outcome
 *   counts. An input that failed on trust is executed again at once: if it fails again, nothing after it matters.
 * - The first bad input is told. No input is executed after one that failed. Those before it are known as soon as their checks
 *   are judged; the ones with a bad check are executed again in their order, and the first that fails is earlier than all
 *   that was known.
 *
 * A signature that is not good where it may be so makes us execute its input twice, and no more than that.
 *
 * @module
 */
import type { GiveWay } from "../../core/ports.ts";
import type { Secp256k1 } from "../../engine/secp256k1/mod.ts";
import { CHECKS_MAX, DeferringChecker, ImmediateChecker } from "./checker.ts";
import type { ScriptError } from "./errors.ts";
import { checkFlags } from "./flags.ts";
import type { Spend } from "./machine.ts";
import type { SpendingTransaction } from "./spending-transaction.ts";
import { verifyInput } from "./verify-input.ts";

/** The first input that may not spend its output. */
export interface InputFailure {
  /** Which transaction, counted from 0 in the order in which they were added. */
  readonly transaction: number;
  readonly input: number;
  readonly error: ScriptError;
}

/** An input whose checks wait. */
interface Waiting {
  readonly spend: Spend;
  readonly transaction: number;
  /** One past its last check. */
  readonly end: number;
}

/** Verifies the inputs of transactions in the order in which they are added. */
export class ScriptBatch {
  readonly #secp256k1: Secp256k1;
  readonly #immediate: ImmediateChecker;
  readonly #deferring: DeferringChecker;
  readonly #flags: number;
  #waiting: Waiting[] = [];
  #transactions = 0;
  #failure: InputFailure | undefined;

  /** @param flags the rules, as in `ScriptFlag` @throws RangeError for rules that cannot be without others */
  constructor(secp256k1: Secp256k1, flags: number) {
    checkFlags(flags);
    this.#secp256k1 = secp256k1;
    this.#immediate = new ImmediateChecker(secp256k1);
    this.#deferring = new DeferringChecker(this.#immediate);
    this.#flags = flags;
  }

  /** Adds a transaction. Returns whether an input is known to be bad: no more need be added then. */
  add(transaction: SpendingTransaction): boolean {
    const steps = this.#steps(transaction);
    for (let step = steps.next();; step = steps.next()) if (step.done) return step.value;
  }

  /** Does what {@link add} does; others on the thread may have their turn after each input. @throws what `giveWay` throws */
  async addInTurns(transaction: SpendingTransaction, giveWay: GiveWay | undefined): Promise<boolean> {
    const steps = this.#steps(transaction);
    for (let step = steps.next();; step = steps.next()) {
      if (step.done) return step.value;
      const turn = giveWay?.();
      if (turn !== undefined) await turn;
    }
  }

  *#steps(transaction: SpendingTransaction): Generator<void, boolean> {
    const index = this.#transactions++;
    for (let input = 0; input < transaction.inputCount && this.#failure === undefined; input++) {
      this.#run(transaction, index, input);
      if (this.#deferring.deferred.length >= CHECKS_MAX) this.#judge();
      yield;
    }
    return this.#failure !== undefined;
  }

  /** The first bad input of all that were added; undefined when there is none. */
  finish(): InputFailure | undefined {
    this.#judge();
    return this.#failure;
  }

  #run(transaction: SpendingTransaction, index: number, input: number): void {
    const { deferred } = this.#deferring;
    const from = deferred.length;
    const spend = { transaction, input, flags: this.#flags, checker: this.#deferring };
    let error = verifyInput(spend);
    if (error !== undefined && deferred.length > from) {
      deferred.length = from;
      error = verifyInput({ ...spend, checker: this.#immediate });
    }
    if (error !== undefined) this.#failure = { transaction: index, input, error };
    else if (deferred.length > from) this.#waiting.push({ spend, transaction: index, end: deferred.length });
  }

  /** Judges what waits. A failure that is known already is of a later input, and stands if no earlier one is found. */
  #judge(): void {
    const { deferred } = this.#deferring;
    const verdicts = this.#verdicts();
    let check = 0;
    for (const { spend, transaction, end } of this.#waiting) {
      if (verdicts === undefined) break;
      let areGood = true;
      for (; check < end; check++) areGood &&= verdicts[check]!;
      if (areGood) continue;
      const error = verifyInput({ ...spend, checker: this.#immediate });
      if (error === undefined) continue;
      this.#failure = { transaction, input: spend.input, error };
      break;
    }
    this.#waiting = [];
    deferred.length = 0;
  }

  /** Whether each check is good; undefined when all are. Those of BIP340 are tried as sums, which a bad one alone makes fail. */
  #verdicts(): boolean[] | undefined {
    const { deferred } = this.#deferring;
    const sums = deferred.filter(({ kind }) => kind === "schnorr");
    const others = deferred.filter(({ kind }) => kind !== "schnorr");
    const verdicts = this.#secp256k1.verdicts(others);
    const areSumsGood = this.#secp256k1.areAllGood(sums);
    if (areSumsGood && verdicts.every((isGood) => isGood)) return undefined;
    const sumVerdicts = areSumsGood ? undefined : this.#secp256k1.verdicts(sums);
    let [other, sum] = [0, 0];
    return deferred.map(({ kind }) => kind === "schnorr" ? sumVerdicts?.[sum++] ?? true : verdicts[other++]!);
  }
}
