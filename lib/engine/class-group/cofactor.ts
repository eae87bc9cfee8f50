/**
 * The cofactor that stands for b in the bytes of a form: of Euclid's first remainder that is not above the root of a, but by
 * chiavdf's way to it, which may go past that one.
 *
 * chiavdf does its passes on 63 leading bits, as long as what they leave out does not change a quotient (Jebelean's condition), and
 * looks for the bound in these bits alone, where a remainder is only known to within its cofactor. So a remainder that is
 * somewhat below the bound may seem to be above it, and then there is a further step. It is so for one form in a thousand, and its
 * bytes tell: so the passes here are the same, bit by bit.
 *
 * @see chiavdf `src/xgcd_partial.c`, `src/bqfc.c`; Jebelean, "A double-digit Lehmer-Euclid algorithm for finding the GCD of long
 * integers" (1995); docs/decisions/as-chiavdf.md
 * @module
 */
import { I64, type Module, type Procedure, procedure, select } from "../assembler/mod.ts";
import { wordAt } from "./integers.ts";
import {
  applySteps,
  beginPass,
  beginRun,
  divideOnce,
  FIRST_ROW,
  HALF,
  Run,
  type RunParts,
  SECOND_ROW,
  topWord,
} from "./remainders.ts";

/**
 * Makes it: leaves the cofactor in u1, for a > 0 and b from 0 up at two addresses. The root of a is at `bound`, with zeros above
 * its words.
 */
export function cofactor(module: Module, parts: RunParts): Procedure<2> {
  const { integers, bound, toNumber, remainders: { r0, r1, u1 } } = parts;
  return procedure(module, 2, (f, a, b) => {
    const run = new Run(f);
    const { words, x, y, first, second, q, t, i } = run;
    const [limit, high, low] = [f.i64(), f.i64(), f.i64()];
    const [zeros, down, isOdd] = [f.i64(), f.i64(), f.i32()];
    words.set(select(a.int.gtS(b.int), a.int, b.int));
    beginRun(f, parts, run, a.address, b.address);
    f.block((done) =>
      f.loop((again) => {
        beginPass(f, parts, run);
        for (const r of [r0, r1]) f.put(integers.trim(r, words, 0));
        f.branch(done, integers.compare(r1, bound).leS(0));
        // 63 leading bits of the longer one; all of them when there are fewer.
        i.set(words.shl(3));
        zeros.set(topWord(i, r0).or(topWord(i, r1)).leadingZeros());
        f.if(words.eq(1).and(zeros.ne(0n)), () => {
          for (const [to, of] of [[x, r0], [y, r1], [limit, bound]] as const) to.set(wordAt(of).word);
        }, () => {
          down.set(I64.of(63n).sub(zeros));
          for (const [to, of] of [[x, r0], [y, r1], [limit, bound]] as const) {
            // With one word there is none below it, but its size, which is shifted out.
            to.set(topWord(i, of).shl(zeros).or(topWord(i, of, -2).shrU(1n).shrU(down)).shrU(1n));
          }
        });
        isOdd.set(0);
        f.block((end) =>
          f.while(() => y.gtU(limit), () => {
            q.set(x.divU(y));
            t.set(x.sub(q.mul(y)));
            const [firstHigh, firstLow] = [first.shrU(32n), first.and(HALF - 1n)];
            const [secondHigh, secondLow] = [second.shrU(32n), second.and(HALF - 1n)];
            high.set(firstHigh.add(q.mul(secondHigh)));
            low.set(firstLow.add(q.mul(secondLow)));
            const left = y.sub(t);
            f.if(isOdd, () => {
              f.branch(end, t.ltU(high).or(left.ltU(low.add(secondLow))));
            }, () => {
              f.branch(end, t.ltU(low).or(left.ltU(high.add(secondHigh))));
            });
            x.set(y);
            y.set(t);
            first.set(second);
            second.set(high.shl(32n).or(low));
            isOdd.set(isOdd.xor(1));
          })
        );
        f.if(first.eq(FIRST_ROW).and(second.eq(SECOND_ROW)), () =>
          divideOnce(f, parts, run), () =>
          applySteps(f, parts, run));
        f.branch(again);
      })
    );
    f.put(toNumber(u1, run.cofactorWords));
  });
}
