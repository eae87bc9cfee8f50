/**
 * Signatures and keys as numbers: what is out of range, or no point, is refused here.
 *
 * @see SEC 1 section 2.3.4, 4.1.4; BIP340; BIP341; Bitcoin Core `pubkey.cpp` (hybrid keys)
 * @module
 */
import { type Callable, I32, type Module, Pointer } from "../assembler/mod.ts";
import type { Points } from "./curve.ts";
import { P } from "./field.ts";
import { ITEM, KIND, WORK } from "./layout.ts";
import type { Scalars } from "./scalar.ts";

/** Makes the function that reads an item into its work; 0 when it cannot be good. */
export function parsing(
  module: Module,
  { isOver, add }: Pick<Scalars, "isOver" | "add">,
  { lift, isOnCurve }: Pick<Points, "lift" | "isOnCurve">,
): Callable<readonly ["i32", "i32"], readonly ["i32"]> {
  const nought = module.reserve("nought", 32);
  const swap = module.fn({ params: ["i64"], results: ["i64"] }, (_, x) => {
    for (const [shift, mask] of [[8n, 0x00ff_00ff_00ff_00ffn], [16n, 0x0000_ffff_0000_ffffn]] as const) {
      x.set(x.and(mask).shl(shift).or(x.shrU(shift).and(mask)));
    }
    return x.shl(32n).or(x.shrU(32n));
  });
  /** Turns 32 bytes, big-endian, into words; whether they are 0. */
  const read = module.fn({ params: ["i32", "i32"], results: ["i32"] }, (f, to, from) => {
    const any = f.i64();
    for (let i = 0; i < 4; i++) {
      const word = f.let64(swap(new Pointer(from).at(24 - 8 * i).word));
      any.set(any.or(word));
      f.put(new Pointer(to).at(8 * i).storeWord(word));
    }
    return any.isZero();
  });
  const isOverP = module.fn({ params: ["i32"], results: ["i32"] }, (_, a) => {
    const at = new Pointer(a);
    const upper = at.at(8).word.and(at.at(16).word).and(at.at(24).word);
    return upper.eq(-1n).and(at.word.geU(P));
  });

  return module.fn({ params: ["i32", "i32"], results: ["i32"] }, (f, item, work) => {
    const from = (part: number) => new Pointer(item).at(part);
    const to = (part: number) => new Pointer(work).at(part);
    const refuse = (condition: I32) => f.if(condition, () => f.return(I32.of(0)));
    const kind = f.let32(from(ITEM.kind).int);
    refuse(kind.eq(KIND.bad));
    f.drop(read(to(WORK.e), from(ITEM.message)));
    const isNought = f.let32(read(to(WORK.r), from(ITEM.r)));
    isNought.set(isNought.or(read(to(WORK.s), from(ITEM.s))));
    f.drop(read(to(WORK.x), from(ITEM.x)));
    refuse(isOver(to(WORK.s)).or(isOverP(to(WORK.x))));
    f.if(kind.leU(KIND.tweak), () => {
      refuse(isOverP(to(WORK.r)));
      // The challenge is taken modulo n.
      f.put(add(to(WORK.e), to(WORK.e), nought));
      f.return(lift(to(WORK.y), to(WORK.x), 0));
    });
    // ECDSA: neither r nor s is 0. r is below n; x of the point may be above.
    refuse(isNought.or(isOver(to(WORK.r))));
    f.if(kind.eq(KIND.even).or(kind.eq(KIND.odd)), () => f.return(lift(to(WORK.y), to(WORK.x), kind.and(1))));
    f.drop(read(to(WORK.y), from(ITEM.y)));
    refuse(isOverP(to(WORK.y)));
    f.if(kind.ne(KIND.uncompressed), () => {
      // A hybrid key says which y it has, and must be right.
      refuse(kind.ne(KIND.hybridEven).and(kind.ne(KIND.hybridOdd)));
      refuse(kind.xor(to(WORK.y).int).and(1));
    });
    return isOnCurve(to(WORK.x), to(WORK.y));
  });
}
