/** Forms by the textbook, on BigInt, sharing no idea with what is tested: Cohen, algorithms 5.4.2 and 5.4.7. */
import type { SeededRandom } from "../../../lib/sim/random.ts";
import type { Form } from "./class-group-module.ts";

const negative = (hex: string) => -BigInt(`0x${hex}`);

/** Prime discriminants that chiavdf's `create_discriminant` made of 32 bytes `x`: by their bits. */
export const DISCRIMINANTS: Readonly<Record<number, bigint>> = {
  16: -0xf7e7n,
  24: -0xd9ca57n,
  40: -0xac5e6ddfafn,
  64: -0x9632eb252b8d5817n,
  128: -0x80e52fe43fa878e350ad88cb67ca3f67n,
  256: negative(
    "8827175864181cc4ab7b38cb42f85506162b8d832872c7781b1ac1b0f05e4557",
  ),
  512: negative(
    "805f98eb4b40d7dcef072c590ea518440391044467adb034e1036b0731f1fd25b19bdc600e79ae909f1766aa26666532" +
      "12962bef801e3ef30a3cbe76b82b972f",
  ),
  1000: negative(
    "bd67da40d0faebd488f0d3d2df8dfa51045e372ce031eb2668a3c4392ade51cfa3caa97c0913c976120a67ff81a7a635" +
      "f91211739789e6bbede0d097a17497cb511d7841864edf301ae506874e7a9a78a5534e64aae9cc1e5388e00c1d7b082e" +
      "eddcc5be2fe8c45089566a46ae771998119b053bac6a389328556564ef",
  ),
  1024: negative(
    "8afad2787968404a82c171b81ad8ca9f6b000ea912f97e9162a827ade62533cec8852b1d89d23dd3b98f109e5a299e6b" +
      "fad931d959b81f9148f3ff8c7bbac9f71280998afbf38a03fda9d41cb0d4e28d5f7eacd2b60c2cceba7829e2aa24fd85" +
      "44af985bffb14bfee918e705f645de6df94db0fce793063d7fe9aac6d72467c7",
  ),
};

export const floorDivide = (a: bigint, b: bigint) => {
  const q = a / b;
  return q * b !== a && (a < 0n) !== (b < 0n) ? q - 1n : q;
};
export const modulo = (a: bigint, b: bigint) => a - floorDivide(a, b) * b;

/** g, and x with x a + y b = g for some y. */
export function gcd(a: bigint, b: bigint): readonly [bigint, bigint] {
  let [r0, r1, x0, x1] = [a, b, 1n, 0n];
  while (r1 !== 0n) {
    const q = floorDivide(r0, r1);
    [r0, r1, x0, x1] = [r1, r0 - q * r1, x1, x0 - q * x1];
  }
  return r0 < 0n ? [-r0, -x0] : [r0, x0];
}

export const formOf = (a: bigint, b: bigint, discriminant: bigint): Form => {
  const c = (b * b - discriminant) / (4n * a);
  if (b * b - 4n * a * c !== discriminant) throw new Error("no form of this discriminant");
  return { a, b, c };
};

export function reduce({ a, b, c }: Form): Form {
  const discriminant = b * b - 4n * a * c;
  for (;;) {
    // −a < b ≤ a.
    b = modulo(b + a - 1n, 2n * a) - a + 1n;
    c = (b * b - discriminant) / (4n * a);
    if (a < c || (a === c && b >= 0n)) return { a, b, c };
    [a, b, c] = [c, -b, a];
  }
}

export function compose(f: Form, g: Form): Form {
  const discriminant = f.b * f.b - 4n * f.a * f.c;
  const s = (f.b + g.b) / 2n;
  const [first, u] = gcd(f.a, g.a);
  const v = (first - u * f.a) / g.a;
  const [d, x] = gcd(first, s);
  const w = s === 0n ? 0n : (d - x * first) / s;
  // (x u) a1 + (x v) a2 + w s = d.
  const a = f.a * g.a / (d * d);
  const top = x * u * f.a * g.b + x * v * g.a * f.b + w * (f.b * g.b + discriminant) / 2n;
  return reduce(formOf(a, modulo(top / d, 2n * a), discriminant));
}

/** A form of a random prime, or of a product of small ones, as a discriminant of 1 modulo 8 has them. */
export function randomForm(random: SeededRandom, discriminant: bigint, steps = 12): Form {
  let form = reduce(formOf(2n, 1n, discriminant));
  const generator = form;
  for (let i = 0; i < steps; i++) {
    form = compose(form, form);
    if (random.below(2) === 1) form = compose(form, generator);
  }
  return random.below(2) === 0 ? form : reduce({ ...form, b: -form.b });
}
