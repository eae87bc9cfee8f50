/**
 * What there can be of money.
 *
 * @module
 */

/** No amount is greater, in satoshi. (Core's MAX_MONEY, `consensus/amount.h`.) */
export const MAX_MONEY = 2_100_000_000_000_000n;
