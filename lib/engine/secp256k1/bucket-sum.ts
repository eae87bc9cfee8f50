/**
 * Many BIP340 signatures as one sum: the signatures are all good when Σ aᵢ (sᵢ G − Rᵢ − eᵢ Pᵢ) is the point at infinity for
 * random aᵢ of 128 bits, but for a chance of 2^−128. The sum is done by buckets (Pippenger): in each window the points are
 * sorted by their digit, each bucket's points are added two by two, affine, with one inversion for all pairs of a round, and
 * the buckets are summed by sums of sums.
 *
 * It does not say which signature is bad.
 *
 * @see BIP340 "Batch Verification"; Pippenger, "On the Evaluation of Powers and Monomials" (1980)
 * @module
 */
import { type Callable, I32, type Int, type Label, type Local32, type Module, Pointer } from "../assembler/mod.ts";
import { BETA, POINT, type Points } from "./curve.ts";
import { type Element, ELEMENT_BYTES, Field } from "./field.ts";
import { type Batch, BATCH_MAX, ITEM, KIND, WORK } from "./layout.ts";
import { HALVES, SCALAR_BYTES, type Scalars } from "./scalar.ts";
import { copyNumber, type Invert } from "./shared.ts";

/** An affine point; at infinity both numbers are 0, which no point has. */
const AFFINE = { x: 0, y: 32, bytes: 64 } as const;
/** A scalar of the sum: 128 bits and room to read beyond them, then whether it counts negative. */
const SCALAR = { number: 0, isNegative: 24, bytes: 32 } as const;
/** Points of a signature: R, P and λ P; and two of the generator. */
const POINTS_MAX = 3 * BATCH_MAX + 2;
const RANDOM_BYTES = 16;
const SCALAR_BITS = 128;
/** Digits have four bits at least, and a carry makes one window more. */
const WINDOWS_MAX = SCALAR_BITS / 4 + 1;
/** Buckets of digits of eleven bits; the numbers begin with 1. */
const BUCKETS_MAX = 1 << 10;

/** What the sum needs. */
export interface BucketSumParts {
  readonly batch: Batch;
  readonly scalars: Scalars;
  readonly points: Points;
  readonly invert: Invert;
  readonly parse: Callable<readonly ["i32", "i32"], readonly ["i32"]>;
  /** G and 2^128 G, affine. */
  readonly generators: readonly [Pointer, Pointer];
}

/** Makes `verifySum` in a module; where its random numbers go. */
export function bucketSum(module: Module, parts: BucketSumParts): { readonly random: number } {
  const { batch, scalars, points, parse, generators } = parts;
  const random = module.reserve("random", RANDOM_BYTES * BATCH_MAX);
  const affine = module.reserve("sum.points", AFFINE.bytes * POINTS_MAX);
  const numbers = module.reserve("sum.scalars", SCALAR.bytes * POINTS_MAX);
  const digits = module.reserve("sum.digits", WINDOWS_MAX * POINTS_MAX * 2);
  const [used, total, result] = [
    module.reserve("sum.used", 4),
    module.reserve("sum.total", POINT.bytes),
    module.reserve("sum.result", POINT.bytes),
  ];
  const [factor, product, allS, halves] = [
    module.reserve("sum.factor", SCALAR_BYTES),
    module.reserve("sum.product", SCALAR_BYTES),
    module.reserve("sum.s", SCALAR_BYTES),
    module.reserve("sum.halves", HALVES.bytes),
  ];

  /** Takes one more point and its scalar: (x, y), or (β x, y); the scalar is 16 bytes. */
  const append = module.fn(
    { params: ["i32", "i32", "i32", "i32", "i32"], results: [] },
    (f, px, py, scalar, isNegative, isBeta) => {
      const F = new Field(f, module.wide);
      const count = f.let32(used.int);
      f.put(used.storeInt(count.add(1)));
      const x = F.load(new Pointer(px));
      f.if(isBeta, () => F.mul(x, x, F.constant(BETA)));
      const point = affine.element(count, AFFINE.bytes);
      F.store(point, x);
      copyNumber(f, point.at(AFFINE.y), new Pointer(py));
      const [to, from] = [numbers.element(count, SCALAR.bytes), new Pointer(scalar)];
      f.put(to.storeWord(from.word), to.at(8).storeWord(from.at(8).word), to.at(16).storeWord(0n));
      f.put(to.at(SCALAR.isNegative).storeInt(isNegative), to.at(SCALAR.isNegative + 4).storeInt(0));
    },
  );
  const takeDigits = digitsOf(module, numbers, digits);
  const window = windowSum(module, parts, { affine, digits, total });

  module.fn({ params: ["i32", "i32"], results: ["i32"], exportAs: "verifySum" }, (f, count, bits) => {
    const F = new Field(f, module.wide);
    f.put(used.storeInt(0));
    F.store(allS, F.constant(0n));
    const refuse = (condition: I32) => f.if(condition, () => f.return(I32.of(0)));
    f.for(0, count, (i) => {
      const item = new Pointer(f.let32(batch.items.element(i, ITEM.bytes).address));
      const work = new Pointer(f.let32(batch.work.element(i, WORK.bytes).address));
      refuse(item.at(ITEM.kind).int.ne(KIND.schnorr));
      refuse(parse(item, work).isZero());
      // R is the point of r whose y is even.
      refuse(points.lift(work.at(WORK.z), work.at(WORK.r), 0).isZero());
      const from = random.element(i, RANDOM_BYTES);
      f.put(factor.storeWord(from.word), factor.at(8).storeWord(from.at(8).word));
      f.put(append(work.at(WORK.r), work.at(WORK.z), factor, 1, 0));
      f.put(scalars.mul(product, factor, work.at(WORK.e)), scalars.halve(product, halves));
      for (
        const [k, [half, sign]] of [[HALVES.first, HALVES.firstIsNegative], [HALVES.second, HALVES.secondIsNegative]]
          .entries()
      ) {
        const isNegative = halves.at(sign!).int.xor(1);
        f.put(append(work.at(WORK.x), work.at(WORK.y), halves.at(half!), isNegative, k));
      }
      f.put(scalars.mul(product, factor, work.at(WORK.s)), scalars.add(allS, allS, product));
    });
    for (const [k, generator] of generators.entries()) {
      f.put(append(generator, generator.at(AFFINE.y), allS.at(16 * k), 0, 0));
    }
    const pointCount = f.let32(used.int);
    const windows = f.let32(f.let32(SCALAR_BITS).divU(bits).add(1));
    f.put(takeDigits(pointCount, windows, bits));
    f.put(result.at(POINT.isInfinite).storeInt(1));
    const buckets = f.let32(f.let32(1).shl(bits.sub(1)));
    f.loop((again) => {
      windows.set(windows.sub(1));
      f.if(result.at(POINT.isInfinite).int.isZero(), () => f.times(bits, () => f.put(points.double(result))));
      f.put(window(windows, pointCount, buckets), points.addPoint(result, total));
      f.branch(again, windows);
    });
    return result.at(POINT.isInfinite).int;
  });
  return { random: module.addressOf("random") };
}

/** Where the digit of a point in a window is: two bytes. */
const digitAt = (digits: Pointer, window: Int, point: Int): Pointer =>
  new Pointer(digits.element(window, POINTS_MAX * 2).element(point, 2).address);

/** All digits of all scalars, from −2^(bits − 1) + 1 to 2^(bits − 1), negated where the scalar counts negative. */
function digitsOf(
  module: Module,
  numbers: Pointer,
  digits: Pointer,
): Callable<readonly ["i32", "i32", "i32"], readonly []> {
  return module.fn({ params: ["i32", "i32", "i32"], results: [] }, (f, count, windows, bits) => {
    const [carry, digit, bit] = [f.i32(), f.i32(), f.i32()];
    f.for(0, count, (i) => {
      const number = new Pointer(f.let32(numbers.element(i, SCALAR.bytes).address));
      const isNegative = f.let32(number.at(SCALAR.isNegative).int);
      f.put(number.at(SCALAR.isNegative).storeInt(0));
      carry.set(0);
      bit.set(0);
      f.for(0, windows, (window) => {
        const ahead = new Pointer(number.address.add(bit.shrU(3))).word.shrU(bit.and(7).extendU()).low();
        digit.set(ahead.and(f.let32(1).shl(bits).sub(1)).add(carry));
        carry.set(digit.gtU(f.let32(1).shl(bits.sub(1))));
        digit.set(digit.sub(carry.shl(bits)));
        f.if(isNegative, () => digit.set(f.let32(0).sub(digit)));
        f.put(digitAt(digits, window, i).storeInt16(digit));
        bit.set(bit.add(bits));
      });
    });
  });
}

/** total = the sum of the points, each times its digit in one window. */
function windowSum(
  module: Module,
  { points, invert }: BucketSumParts,
  { affine, digits, total }: Readonly<Record<"affine" | "digits" | "total", Pointer>>,
): Callable<readonly ["i32", "i32", "i32"], readonly []> {
  const counts = module.reserve("sum.counts", 4 * (BUCKETS_MAX + 2));
  const starts = module.reserve("sum.starts", 4 * (BUCKETS_MAX + 2));
  const sorted = [
    module.reserve("sum.sorted", AFFINE.bytes * POINTS_MAX),
    module.reserve("sum.added", AFFINE.bytes * POINTS_MAX),
  ] as const;
  const running = module.reserve("sum.running", POINT.bytes);
  const halve = roundOf(module, invert, counts, starts);

  return module.fn({ params: ["i32", "i32", "i32"], results: [] }, (f, window, count, buckets) => {
    const F = new Field(f, module.wide);
    const [digit, mask, bucket, place] = [f.i32(), f.i32(), f.i32(), f.i32()];
    const readDigit = (i: Local32) => {
      digit.set(digitAt(digits, window, i).int16);
      mask.set(digit.shrS(31));
      bucket.set(digit.xor(mask).sub(mask));
    };
    const entry = (base: Pointer, i: Int) => base.element(i, 4);
    const addTo = (at: Pointer, value: Int) => f.put(at.storeInt(at.int.add(value)));
    const eachBucket = (body: (i: Local32) => void) => f.for(1, buckets.add(1), body);
    const setStarts = () => {
      place.set(0);
      eachBucket((i) => {
        f.put(entry(starts, i).storeInt(place));
        place.set(place.add(entry(counts, i).int));
      });
    };

    // Sorted by bucket. Those of digit 0 are left out.
    f.for(0, buckets.add(1), (i) => f.put(entry(counts, i).storeInt(0)));
    f.for(0, count, (i) => {
      readDigit(i);
      addTo(entry(counts, bucket), 1);
    });
    setStarts();
    f.for(0, count, (i) => {
      readDigit(i);
      f.if(bucket, () => {
        place.set(entry(starts, bucket).int);
        addTo(entry(starts, bucket), 1);
        const [to, from] = [sorted[0].element(place, AFFINE.bytes), affine.element(i, AFFINE.bytes)];
        copyNumber(f, to, from);
        const y = F.load(from.at(AFFINE.y));
        F.negateIf(y, y, mask.extendS());
        F.store(to.at(AFFINE.y), y);
      });
    });
    setStarts();

    // Each round leaves half of each bucket's points, in the other place.
    const [source, target, other] = [f.let32(sorted[0].address), f.let32(sorted[1].address), f.i32()];
    f.loop((again) => {
      const isMore = f.let32(halve(source, target, buckets));
      other.set(source);
      source.set(target);
      target.set(other);
      f.branch(again, isMore);
    });

    // From the last bucket down: what was met so far is added once more for each bucket.
    f.put(running.at(POINT.isInfinite).storeInt(1), total.at(POINT.isInfinite).storeInt(1));
    const left = f.let32(buckets);
    f.loop((again) => {
      f.if(entry(counts, left).int, () => {
        const from = new Pointer(f.let32(new Pointer(source).element(entry(starts, left).int, AFFINE.bytes).address));
        f.if(isInfinite(from).isZero(), () => f.put(points.add(running, from, from.at(AFFINE.y), 0n)));
      });
      f.put(points.addPoint(total, running));
      left.set(left.sub(1));
      f.branch(again, left);
    });
  });
}

/** Whether an affine point is at infinity. */
function isInfinite(point: Pointer): I32 {
  const words = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => point.at(8 * i).word);
  return words.reduce((all, word) => all.or(word)).isZero();
}

/**
 * One round: of each bucket's points in `source` the first two are added, the next two, …, into `target`; an odd one is
 * copied. Counts are halved. Whether a bucket has more than one point left.
 */
function roundOf(
  module: Module,
  invert: Invert,
  counts: Pointer,
  starts: Pointer,
): Callable<readonly ["i32", "i32", "i32"], readonly ["i32"]> {
  /** A pair: address of its first point (odd for a doubling), and of the result. */
  const pairs = module.reserve("sum.pairs", 8 * Math.ceil(POINTS_MAX / 2));
  const products = module.reserve("sum.products", ELEMENT_BYTES * Math.ceil(POINTS_MAX / 2));
  const inverse = module.reserve("sum.inverse", ELEMENT_BYTES);

  return module.fn({ params: ["i32", "i32", "i32"], results: ["i32"] }, (f, source, target, buckets) => {
    const F = new Field(f, module.wide);
    const [from, to, size, left, listed, isMore] = [f.i32(), f.i32(), f.i32(), f.i32(), f.i32(), f.i32()];
    const [first, second, sum] = [new Pointer(from), new Pointer(from, AFFINE.bytes), new Pointer(to)];
    const [X1, Y1, X2, Y2, D, T, slope] = Array.from({ length: 7 }, () => F.element()) as [
      Element,
      Element,
      Element,
      Element,
      Element,
      Element,
      Element,
    ];
    const running = F.constant(1n);
    const pair = (i: I32) => pairs.element(i, 8);
    const copyPoint = (r: Pointer, a: Pointer) => {
      copyNumber(f, r, a);
      copyNumber(f, r.at(AFFINE.y), a.at(AFFINE.y));
    };

    /** The pairs with a point at infinity, or of one x: all but doublings are settled here. */
    const settleRare = (next: Label) => {
      const settle = (condition: I32, body: () => void) =>
        f.if(condition, () => {
          body();
          f.branch(next);
        });
      settle(isInfinite(first), () => copyPoint(sum, second));
      settle(isInfinite(second), () => copyPoint(sum, first));
      f.if(F.isZero(D), () => {
        F.load(first.at(AFFINE.y), Y1);
        F.load(second.at(AFFINE.y), Y2);
        F.sub(T, Y1, Y2);
        settle(F.isZero(T).isZero(), () => {
          F.constant(0n, T);
          F.store(sum, T);
          F.store(sum.at(AFFINE.y), T);
        });
        F.double(D, Y1);
        f.put(pair(listed).storeInt(from.add(1)));
      });
    };

    f.for(1, buckets.add(1), (bucket) => {
      size.set(counts.element(bucket, 4).int);
      const start = f.let32(starts.element(bucket, 4).int.mul(AFFINE.bytes));
      from.set(source.add(start));
      to.set(target.add(start));
      left.set(size);
      f.while(() => left.geU(2), () => {
        f.block((next) => {
          F.load(first, X1);
          F.load(second, X2);
          F.sub(D, X2, X1);
          f.put(pair(listed).storeInt(from), pair(listed).at(4).storeInt(to));
          const isRare = F.isZero(D).or(X1[0]!.or(X1[1]!).isZero()).or(X2[0]!.or(X2[1]!).isZero());
          f.if(isRare, () => settleRare(next));
          F.store(products.element(listed, ELEMENT_BYTES), running);
          F.mul(running, running, D);
          listed.set(listed.add(1));
        });
        from.set(from.add(2 * AFFINE.bytes));
        to.set(to.add(AFFINE.bytes));
        left.set(left.sub(2));
      });
      f.if(left, () => copyPoint(sum, first));
      size.set(size.add(1).shrU(1));
      f.put(counts.element(bucket, 4).storeInt(size));
      isMore.set(isMore.or(size.gtU(1)));
    });

    F.normalize(running);
    F.store(inverse, running);
    f.put(invert(inverse, 0));
    F.load(inverse, running);
    f.while(() => listed, () => {
      listed.set(listed.sub(1));
      from.set(pair(listed).int);
      to.set(pair(listed).at(4).int);
      F.load(products.element(listed, ELEMENT_BYTES), T);
      F.mul(T, T, running);
      f.if(from.and(1), () => {
        from.set(from.sub(1));
        F.load(first, X1);
        F.load(first.at(AFFINE.y), Y1);
        F.copy(X2, X1);
        F.double(D, Y1);
        F.sqr(slope, X1);
        F.double(Y2, slope);
        F.add(slope, slope, Y2);
      }, () => {
        F.load(first, X1);
        F.load(first.at(AFFINE.y), Y1);
        F.load(second, X2);
        F.load(second.at(AFFINE.y), Y2);
        F.sub(D, X2, X1);
        F.sub(slope, Y2, Y1);
      });
      F.mul(running, running, D);
      F.mul(slope, slope, T);
      F.sqr(T, slope);
      F.sub(T, T, X1);
      F.sub(T, T, X2);
      F.store(sum, T);
      F.sub(X1, X1, T);
      F.mul(slope, slope, X1);
      F.sub(slope, slope, Y1);
      F.store(sum.at(AFFINE.y), slope);
    });
    return isMore;
  });
}
