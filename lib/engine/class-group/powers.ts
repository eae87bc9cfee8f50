/**
 * A product of powers as a list of steps on numbered forms: squarings that all powers share, and odd multiples from small tables
 * by signed windows, as the inverse of a form costs nothing. Any engine runs the list.
 *
 * @module
 */

/** One step: `to` becomes the square of `x`, the product of `x` and `y` or of `x` and the inverse of `y`, or `x`. */
export interface Step {
  readonly operation: "square" | "compose" | "composeInverse" | "copy";
  readonly to: number;
  readonly x: number;
  readonly y: number;
}

/** The number of the form that holds the result; the bases follow it, and then their tables. */
export const RESULT = 0;
/** Powers of one product, and bits of an exponent. */
export const POWERS_MAX = 2;
export const EXPONENT_BITS_MAX = 264;
/** Bits of a digit: odd, and less than half of 2^bits. */
const WINDOW_BITS = 5;
/** A window of a base that is small costs more in its table than it saves. */
const SMALL_WINDOW_BITS = 2;
const TABLE_MAX = 1 << (WINDOW_BITS - 2);
/** Forms that a list uses: the result, and of each base its odd multiples and its square. */
export const FORMS_MAX = 1 + POWERS_MAX * (TABLE_MAX + 1);
/** Steps of a list: of each base its table; at each bit a squaring and a product with each base. */
export const STEPS_MAX = POWERS_MAX * (TABLE_MAX + 1) + (EXPONENT_BITS_MAX + 1) * (1 + POWERS_MAX);

/** One power of the product. */
export interface Power {
  /** From 1 up, of {@link EXPONENT_BITS_MAX} bits at most. */
  readonly exponent: bigint;
  /** Whether products with the base are quick, as with a form whose `a` is a small number. */
  readonly isSmall: boolean;
}

/** Digits from the lowest bit up: 0, or odd, between −2^(bits − 1) and 2^(bits − 1), of which the highest is positive. */
export function signedDigits(exponent: bigint, bits: number): number[] {
  const binary = exponent.toString(2);
  const digits: number[] = [];
  let carry = 0;
  const bit = (i: number) => Number(binary[binary.length - 1 - i] === "1");
  for (let i = 0; i < binary.length || carry === 1;) {
    if (bit(i) === carry) {
      digits.push(0);
      i++;
      continue;
    }
    let digit = carry;
    for (let k = 0; k < bits; k++) digit += bit(i + k) << k;
    carry = Number(digit >= 1 << (bits - 1));
    digits.push(digit - (carry << bits), ...Array<number>(bits - 1).fill(0));
    i += bits;
  }
  while (digits.at(-1) === 0) digits.pop();
  return digits;
}

/**
 * The steps of a product of powers, whose bases are the forms 1, 2, …
 *
 * @throws RangeError for more powers or longer exponents than there is room for
 */
export function stepsOfProduct(powers: readonly Power[]): Step[] {
  if (powers.length > POWERS_MAX) throw new RangeError(`${powers.length} powers in one product`);
  const steps: Step[] = [];
  let free = 1 + powers.length;
  const tables = powers.map(({ exponent, isSmall }, k) => {
    if (exponent < 1n || exponent >> BigInt(EXPONENT_BITS_MAX) !== 0n) {
      throw new RangeError("an exponent is out of range");
    }
    const digits = signedDigits(exponent, isSmall ? SMALL_WINDOW_BITS : WINDOW_BITS);
    const forms = [1 + k];
    const largest = digits.reduce((most, digit) => Math.max(most, Math.abs(digit)), 1);
    if (largest > 1) {
      const square = free++;
      steps.push({ operation: "square", to: square, x: forms[0]!, y: 0 });
      for (let odd = 3; odd <= largest; odd += 2) {
        steps.push({ operation: "compose", to: free, x: forms.at(-1)!, y: square });
        forms.push(free++);
      }
    }
    return { digits, forms };
  });
  let isBegun = false;
  for (let i = Math.max(0, ...tables.map(({ digits }) => digits.length)) - 1; i >= 0; i--) {
    if (isBegun) steps.push({ operation: "square", to: RESULT, x: RESULT, y: 0 });
    for (const { digits, forms } of tables) {
      const digit = digits[i] ?? 0;
      if (digit === 0) continue;
      const y = forms[Math.abs(digit) >> 1]!;
      if (isBegun) steps.push({ operation: digit < 0 ? "composeInverse" : "compose", to: RESULT, x: RESULT, y });
      // The highest digit of all is positive, or there is a longer exponent.
      else steps.push({ operation: "copy", to: RESULT, x: y, y: 0 });
      isBegun = true;
    }
  }
  return steps;
}
