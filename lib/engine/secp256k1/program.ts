/**
 * The module: verifies the ECDSA and BIP340 signatures that lie in its memory.
 *
 * @see SEC 1 section 4.1.4; BIP340 "Verification"; BIP341 (tweaked keys)
 * @module
 */
import { type Callable, type Fn, I32, I64, Module, Pointer, select } from "../assembler/mod.ts";
import { bucketSum } from "./bucket-sum.ts";
import { POINT, type Points, points as makePoints, ROW } from "./curve.ts";
import { Field, P } from "./field.ts";
import { inversion } from "../inversion.ts";
import { type Batch, batchMemory, ITEM, KIND, WORK } from "./layout.ts";
import { parsing } from "./parse.ts";
import { N, type Scalars, scalars as makeScalars } from "./scalar.ts";
import { copyNumber, GROUP, invertAll, sharedTables } from "./shared.ts";
import { ROWS_G, ROWS_KEY, type Sum, sumOfMultiples } from "./sum.ts";

/** From so many keys on their tables are made together. */
const TOGETHER_MIN = 24;
/** What {@link checking} says when only the sign of y is left to be seen. */
const PERHAPS = 2;

/** The module's bytes, and where a caller finds what. */
export interface Program {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Address of the first item. */
  readonly items: number;
  /** Address of 16 random bytes for each signature of {@link ProgramExports.verifySum}. */
  readonly random: number;
  readonly memoryBytes: number;
}

/** What the module exports. */
export interface ProgramExports {
  readonly memory: WebAssembly.Memory;
  /** Fills the tables of the generator. Once, before anything else. */
  start(): void;
  /** Verifies so many items, each by itself: their verdicts become 0 or 1. */
  verify(count: number): void;
  /** 1 when all items are good BIP340 signatures, by one sum of random multiples with digits of so many bits. */
  verifySum(count: number, bits: number): number;
}

/**
 * Emits it.
 *
 * @param wide whether wide instructions may be used
 * @param togetherMin from so many keys on tables are made together; for tests
 */
export function emitProgram(wide: boolean, togetherMin = TOGETHER_MIN): Program {
  const module = new Module(wide);
  const batch = batchMemory(module);
  const scalars = makeScalars(module);
  const points = makePoints(module, Math.max(ROWS_G, ROWS_KEY));
  const invert = inversion(module, { name: "inversion", moduli: [P, N], words: 4 });
  const sum = sumOfMultiples(module, scalars, points, invert);
  const parse = parsing(module, scalars, points);
  const tables = sharedTables(module, batch, invert, ROWS_KEY);
  const inverses = {
    ofP: invertAll(module, batch, points.mul, invert, 0),
    ofN: invertAll(module, batch, scalars.mul, invert, 1),
  };
  const check = checking(module, scalars, points, sum);
  module.fn({ params: [], results: [], exportAs: "start" }, (f) => f.put(sum.start()));
  module.fn({ params: ["i32"], results: [], exportAs: "verify" }, (f, count) => {
    const over = new Items(f, batch, count);
    const { item, work, each } = over;
    const listed = f.i32();
    const list = (part: number) => {
      f.put(batch.list.element(listed, 4).storeInt(work.at(part).address));
      listed.set(listed.add(1));
    };
    const verdict = item.at(ITEM.verdict);
    const kind = () => item.at(ITEM.kind).int;
    const isEcdsa = () => kind().gtU(KIND.tweak);

    each(() => {
      f.put(verdict.storeInt(parse(item, work)));
      f.if(verdict.int.and(isEcdsa()), () => list(WORK.s));
    });
    f.put(inverses.ofN(listed));

    listed.set(0);
    each(() => f.if(verdict.int, () => list(0)));
    const all = f.let32(listed);
    listed.set(0);
    const [at, group, table, row] = [f.i32(), f.i32(), f.i32(), f.i32()];
    // `at` counts those that were listed. What is listed now overwrites what was read already.
    each(() => {
      f.if(verdict.int, () => {
        f.if(at.and(GROUP - 1).isZero(), () => {
          const left = f.let32(all.sub(at));
          group.set(select(left.ltU(GROUP), left, f.let32(GROUP)));
          table.set(0);
          f.if(group.geU(togetherMin), () => {
            row.set(0);
            f.loop((again) => {
              f.put(tables.row(batch.list.element(at, 4).address, group, row));
              row.set(row.add(1));
              f.branch(again, row.ltU(ROWS_KEY));
            });
            table.set(tables.tables.address);
          });
        });
        f.put(verdict.storeInt(check(work, kind(), table)));
        at.set(at.add(1));
        f.if(table, () => table.set(table.add(ROWS_KEY * ROW.bytes)));
        f.if(verdict.int.eq(PERHAPS), () => list(WORK.z));
      });
    });
    // y = Y / Z³: whether it is even (BIP340), or what the tweak's caller said, is all that is left to be seen.
    f.put(inverses.ofP(listed));
    const F = new Field(f, wide);
    each(() => {
      f.if(verdict.int.eq(PERHAPS), () => {
        const [z, y, cube] = [F.load(work.at(WORK.z)), F.load(work.at(WORK.y)), F.element()];
        F.sqr(cube, z);
        F.mul(cube, cube, z);
        F.mul(y, y, cube);
        F.normalize(y);
        const wanted = select(kind().eq(KIND.tweak), item.at(ITEM.y).byte, f.let32(0));
        f.put(verdict.storeInt(y[0]!.low().and(1).eq(wanted)));
      });
    });
  });
  const { random } = bucketSum(module, { batch, scalars, points, invert, parse, generators: sum.generators });
  return { bytes: module.build(), items: module.addressOf("items"), random, memoryBytes: module.memoryBytes };
}

/** Goes over the items of a batch, as often as is wanted. */
export class Items {
  readonly index;
  readonly item: Pointer;
  readonly work: Pointer;
  readonly #f: Fn;
  readonly #batch: Batch;
  readonly #count: I32;
  readonly #bases;

  constructor(f: Fn, batch: Batch, count: I32) {
    this.#f = f;
    this.#batch = batch;
    this.#count = count;
    this.index = f.i32();
    this.#bases = { item: f.i32(), work: f.i32() };
    this.item = new Pointer(this.#bases.item);
    this.work = new Pointer(this.#bases.work);
  }

  readonly each = (body: () => void): void => {
    const { index } = this;
    const { item, work } = this.#bases;
    index.set(0);
    item.set(this.#batch.items.address);
    work.set(this.#batch.work.address);
    this.#f.while(() => index.ltU(this.#count), () => {
      body();
      index.set(index.add(1));
      item.set(item.add(ITEM.bytes));
      work.set(work.add(WORK.bytes));
    });
  };
}

/** The sum of one signature, and whether its x is r: 0, 1, or {@link PERHAPS}, with Y and Z left in the work. */
function checking(
  module: Module,
  { mul, negate }: Scalars,
  points: Points,
  { sum, accumulator, u1, u2 }: Sum,
): Callable<readonly ["i32", "i32", "i32"], readonly ["i32"]> {
  return module.fn({ params: ["i32", "i32", "i32"], results: ["i32"] }, (f, base, kind, table) => {
    const F = new Field(f, module.wide);
    const work = new Pointer(base);
    const isEcdsa = f.let32(kind.gtU(KIND.tweak));
    F.store(u2, F.constant(1n));
    f.if(isEcdsa, () => {
      // s is its inverse by now: u1 = e / s, u2 = r / s.
      f.put(mul(u1, work.at(WORK.e), work.at(WORK.s)), mul(u2, work.at(WORK.r), work.at(WORK.s)));
    }, () => {
      copyNumber(f, u1, work.at(WORK.s));
      // A tweaked key is t G + P; R is s G − e P.
      f.if(kind.eq(KIND.schnorr), () => f.put(negate(u2, work.at(WORK.e))));
    });
    f.put(sum(base, table));
    f.if(accumulator.at(POINT.isInfinite).int, () => f.return(I32.of(0)));
    const z = F.load(accumulator.at(POINT.z));
    const [z2, x, difference] = [F.element(), F.load(accumulator.at(POINT.x)), F.element()];
    const r = F.load(work.at(WORK.r));
    F.mul(z, z, F.load(points.scale));
    F.sqr(z2, z);
    const compare = () => {
      F.mul(difference, r, z2);
      F.sub(difference, difference, x);
      return F.isZero(difference);
    };
    f.if(compare().isZero(), () => {
      // r is x modulo n: x may be r + n, where that is below p.
      f.if(isEcdsa.isZero(), () => f.return(I32.of(0)));
      f.if(isBelowGap(r).isZero(), () => f.return(I32.of(0)));
      F.add(r, r, F.constant(N));
      f.return(compare());
    });
    f.if(isEcdsa, () => f.return(I32.of(1)));
    F.store(work.at(WORK.z), z);
    F.store(work.at(WORK.y), F.load(accumulator.at(POINT.y)));
    return I32.of(PERHAPS);
  });
}

/** Whether r is below p − n, a number of 129 bits. */
function isBelowGap(r: readonly I64[]): I32 {
  const gap = P - N;
  const [low, middle] = [BigInt.asUintN(64, gap), BigInt.asUintN(64, gap >> 64n)];
  const [r0, r1, r2, r3] = r as readonly [I64, I64, I64, I64];
  const isBelowInMiddle = r1.ltU(middle).or(r1.eq(middle).and(r0.ltU(low)));
  const isShort = r3.or(r2.shrU(1n)).isZero();
  return isShort.and(r2.isZero().or(isBelowInMiddle));
}
