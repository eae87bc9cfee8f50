/**
 * How a script has its signatures judged: at once, or later with many others.
 *
 * @module
 */
import type { Check, Secp256k1 } from "../../engine/secp256k1/mod.ts";

/** Judges signatures and tweaked keys. */
export interface SignatureChecker {
  /**
   * Whether a check is good. With `mayDefer` it may be answered on trust with true, and judged later; then the caller goes on
   * as if it were good.
   */
  isGood(check: Check, mayDefer: boolean): boolean;
}

/** Judges each check when it is asked. */
export class ImmediateChecker implements SignatureChecker {
  readonly #secp256k1: Secp256k1;

  constructor(secp256k1: Secp256k1) {
    this.#secp256k1 = secp256k1;
  }

  isGood(check: Check): boolean {
    return this.#secp256k1.verdicts([check])[0]!;
  }
}

/** Checks that wait at most, before they are judged. */
export const CHECKS_MAX = 4_096;

/** Answers with true and keeps the check, where it may and while there is room. */
export class DeferringChecker implements SignatureChecker {
  readonly #immediate: SignatureChecker;
  /** What was answered on trust, in order. */
  readonly deferred: Check[] = [];

  constructor(immediate: SignatureChecker) {
    this.#immediate = immediate;
  }

  isGood(check: Check, mayDefer: boolean): boolean {
    if (!mayDefer || this.deferred.length >= CHECKS_MAX) return this.#immediate.isGood(check, false);
    this.deferred.push(check);
    return true;
  }
}
