/** Modules that lack something: a carry, or a conditional step. A test that says which values need it is shown to see it. */
import { Fn, type Local64 } from "../../../lib/engine/assembler/mod.ts";
import { WordArithmetic } from "../../../lib/engine/words.ts";

/** What `make` makes with one carry or borrow that is always `value`; undefined when it has not so many. */
export function withCarry<T>(make: () => T, at: number, value: bigint): T | undefined {
  const { split } = Fn.prototype;
  const { add, addCarry, sub, subBorrow } = WordArithmetic.prototype;
  let [met, depth] = [0, 0];
  /** Does what leaves a carry; sets the carry when it is that one. With wide instructions one is done by way of another. */
  const leaving = (carry: Local64, work: () => void) => {
    depth++;
    work();
    if (--depth === 0 && met++ === at) carry.set(value);
  };
  Fn.prototype.split = function (whole, low, high) {
    leaving(high, () => split.call(this, whole, low, high));
  };
  WordArithmetic.prototype.add = function (low, carry, a, b, isFirst) {
    leaving(carry, () => add.call(this, low, carry, a, b, isFirst));
  };
  WordArithmetic.prototype.addCarry = function (low, carry, a) {
    leaving(carry, () => addCarry.call(this, low, carry, a));
  };
  WordArithmetic.prototype.sub = function (low, borrow, a, b, isFirst) {
    leaving(borrow, () => sub.call(this, low, borrow, a, b, isFirst));
  };
  WordArithmetic.prototype.subBorrow = function (low, borrow, a) {
    leaving(borrow, () => subBorrow.call(this, low, borrow, a));
  };
  try {
    const made = make();
    return met > at ? made : undefined;
  } finally {
    Fn.prototype.split = split;
    Object.assign(WordArithmetic.prototype, { add, addCarry, sub, subBorrow });
  }
}

/**
 * Carries and borrows of what `make` makes of which no value shows that they are forgotten. Nobody reads a carry of which
 * neither shows: that it is always 0, nor that it is always 1.
 */
export function unseenCarries<T>(make: () => T, isFaulty: (made: T) => boolean): number[] {
  const unseen: number[] = [];
  for (let at = 0;; at++) {
    const forgotten = withCarry(make, at, 0n);
    if (forgotten === undefined) return unseen;
    if (!isFaulty(forgotten) && isFaulty(withCarry(make, at, 1n)!)) unseen.push(at);
  }
}

/** What `make` makes without one of its conditional steps; undefined when it has not so many. */
export function withoutStep<T>(make: () => T, taken: number): T | undefined {
  const original = Fn.prototype.if;
  let met = 0;
  Fn.prototype.if = function (condition, then, otherwise) {
    return original.call(this, condition, met++ === taken ? () => {} : then, otherwise);
  };
  try {
    const made = make();
    return met > taken ? made : undefined;
  } finally {
    Fn.prototype.if = original;
  }
}

/** Conditional steps of what `make` makes that no value shows. */
export function unseenSteps<T>(make: () => T, isFaulty: (made: T) => boolean): number[] {
  const unseen: number[] = [];
  for (let taken = 0;; taken++) {
    const crippled = withoutStep(make, taken);
    if (crippled === undefined) return unseen;
    if (!isFaulty(crippled)) unseen.push(taken);
  }
}
