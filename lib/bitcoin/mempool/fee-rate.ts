/**
 * Fees and the rates that they come to.
 *
 * @see Bitcoin Core `policy/feerate.cpp`, `util/moneystr.cpp` (FormatMoney)
 * @module
 */

const RATE_BYTES = 1_000;
const COIN = 100_000_000;

/** What a rate (satoshi for 1000 virtual bytes) asks of so many virtual bytes: rounded up, in satoshi. */
export function feeAt(rate: number, vsize: number): number {
  return Math.ceil((rate * vsize) / RATE_BYTES);
}

/** The rate of a fee: satoshi for 1000 virtual bytes, rounded down. */
export function rateOf(fee: number, vsize: number): number {
  return vsize === 0 ? 0 : Math.floor((fee * RATE_BYTES) / vsize);
}

/** An amount as Core writes it for people: in coins, with two decimals at least. */
export function moneyText(satoshi: number): string {
  const amount = Math.abs(satoshi);
  const decimals = `${amount % COIN}`.padStart(8, "0").replace(/0{1,6}$/, "");
  return `${satoshi < 0 ? "-" : ""}${Math.floor(amount / COIN)}.${decimals}`;
}
