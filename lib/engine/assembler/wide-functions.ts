/**
 * What the wide-arithmetic instructions do, out of plain instructions: for engines without them.
 *
 * @module
 */
import type { Code } from "./bytes.ts";
import type { Module } from "./module.ts";
import { I64 } from "./values.ts";
import type { WideName } from "./wide.ts";

const HALF = 0xffff_ffffn;
const TWO = { params: ["i64", "i64"], results: ["i64", "i64"] } as const;
const FOUR = { params: ["i64", "i64", "i64", "i64"], results: ["i64", "i64"] } as const;
/** An argument that is on the stack already. */
const there = new I64([]);

const MAKERS: Readonly<Record<WideName, (module: Module) => Code>> = {
  // Schoolbook with halves: each sum below is less than 2^64.
  mulWideU(module) {
    const call = module.fn(TWO, (f, a, b) => {
      const [aLow, aHigh, bLow, bHigh] = [a.and(HALF), a.shrU(32n), b.and(HALF), b.shrU(32n)];
      const x = f.let64(aLow.mul(bLow));
      const y = f.let64(aHigh.mul(bLow).add(x.shrU(32n)));
      const z = f.let64(aLow.mul(bHigh).add(y.and(HALF)));
      const high = aHigh.mul(bHigh).add(y.shrU(32n)).add(z.shrU(32n));
      return [z.shl(32n).or(x.and(HALF)), high] as const;
    });
    return call(there, there).code;
  },

  // A negative factor counts for 2^64 too much: the other one is taken off the high word.
  mulWideS(module) {
    const call = module.fn(TWO, (f, a, b) => {
      const [low, high] = [f.i64(), f.i64()];
      f.split(module.arithmetic.mulU(a, b), low, high);
      return [low, high.sub(a.shrS(63n).and(b)).sub(b.shrS(63n).and(a))] as const;
    });
    return call(there, there).code;
  },

  add128(module) {
    const call = module.fn(FOUR, (f, aLow, aHigh, bLow, bHigh) => {
      const low = f.let64(aLow.add(bLow));
      return [low, aHigh.add(bHigh).add(low.ltU(bLow).extendU())] as const;
    });
    return call(there, there, there, there).code;
  },

  sub128(module) {
    const call = module.fn(
      FOUR,
      (_, aLow, aHigh, bLow, bHigh) => [aLow.sub(bLow), aHigh.sub(bHigh).sub(aLow.ltU(bLow).extendU())] as const,
    );
    return call(there, there, there, there).code;
  },
};

/** Makes one of the functions in a module; the code of a call of it, whose arguments are on the stack. */
export function wideFunction(module: Module, name: WideName): Code {
  return MAKERS[name](module);
}
