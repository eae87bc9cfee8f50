/** Figures of many rounds: their middle, and from which to which the middle half of them goes. */

/** The value below which so much of the values lies, 0 to 1; NaN of none. */
export const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * q)] ?? NaN;

/** `1.02 (0.98 to 1.05)`, or with words between the two. */
export const spread = (ratios: readonly number[], words = ""): string =>
  `${quantile(ratios, 0.5).toFixed(2)}${words} (${quantile(ratios, 0.25).toFixed(2)} to ${
    quantile(ratios, 0.75).toFixed(2)
  })`;
