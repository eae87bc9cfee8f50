/**
 * Pairs of numbers modulo p: Fp2 = Fp[u] / (u² + 1), by the rules of {@link Fp}: lazy, with bounds.
 *
 * @module
 */
import { type Fn, I32, type Pointer } from "../assembler/mod.ts";
import { type Element, Fp, NUMBER_BYTES, productBelow } from "./field.ts";

/** Bytes of a pair in memory. */
export const PAIR_BYTES = 2 * NUMBER_BYTES;

/** c0 + c1 u in locals. */
export interface Pair {
  readonly c0: Element;
  readonly c1: Element;
}

/** The field in one function. */
export class Fp2 {
  readonly fp: Fp;

  constructor(f: Fn, wide: boolean) {
    this.fp = new Fp(f, wide);
  }

  load(from: Pointer): Pair {
    return { c0: this.fp.load(from), c1: this.fp.load(from.at(NUMBER_BYTES)) };
  }

  store(to: Pointer, { c0, c1 }: Pair): void {
    this.fp.store(to, c0);
    this.fp.store(to.at(NUMBER_BYTES), c1);
  }

  add(a: Pair, b: Pair): Pair {
    return { c0: this.fp.add(a.c0, b.c0), c1: this.fp.add(a.c1, b.c1) };
  }

  sub(a: Pair, b: Pair): Pair {
    return { c0: this.fp.sub(a.c0, b.c0), c1: this.fp.sub(a.c1, b.c1) };
  }

  negate({ c0, c1 }: Pair): Pair {
    return { c0: this.fp.negate(c0), c1: this.fp.negate(c1) };
  }

  /** c0 − c1 u. */
  conjugate({ c0, c1 }: Pair): Pair {
    return { c0, c1: this.fp.negate(c1) };
  }

  reduced({ c0, c1 }: Pair, most = 2): Pair {
    return { c0: this.fp.reduced(c0, most), c1: this.fp.reduced(c1, most) };
  }

  /** Three products and two reductions (Karatsuba). Of factors below 2 p the result is below 2 p without another step. */
  mul(a: Pair, b: Pair): Pair {
    const { fp } = this;
    const first = fp.product(a.c0, b.c0);
    const second = fp.product(a.c1, b.c1);
    const both = fp.product(fp.add(a.c0, a.c1), fp.add(b.c0, b.c1));
    // a0 b1 + a1 b0.
    const below = productBelow(a.c0, b.c1) + productBelow(a.c1, b.c0);
    const middle = fp.exactDifference(fp.exactDifference(both, first, both.below), second, below);
    return { c0: fp.reduce(fp.subProducts(first, second)), c1: fp.reduce(middle) };
  }

  /** (a0 + a1) (a0 − a1) + 2 a0 a1 u. */
  sqr(a: Pair): Pair {
    const { fp } = this;
    const sum = fp.reduced(fp.add(a.c0, a.c1));
    const c0 = fp.mul(sum, fp.sub(a.c0, a.c1));
    return { c0, c1: fp.mul(fp.add(a.c0, a.c0), a.c1) };
  }

  /** Times a number of Fp. */
  scale(a: Pair, b: Element): Pair {
    return { c0: this.fp.mul(a.c0, b), c1: this.fp.mul(a.c1, b) };
  }

  /** Times ξ = 1 + u, the number that is no cube and no square, of which the fields above are made. */
  mulXi({ c0, c1 }: Pair): Pair {
    return { c0: this.fp.sub(c0, c1), c1: this.fp.add(c0, c1) };
  }

  isZero({ c0, c1 }: Pair): I32 {
    return this.fp.isZero(c0).and(this.fp.isZero(c1));
  }
}
