/**
 * Unspent outputs as they are at the tip, for calls whose answer does not say of which block it is.
 *
 * @module
 */
import type { BitcoinService } from "../../bitcoin/service.ts";

/** Why nothing can be said of unspent outputs now; undefined when something can. */
export function coinsBehind(bitcoin: BitcoinService): string | undefined {
  const { validating } = bitcoin.state();
  if (validating === undefined) return undefined;
  const { height, to } = validating;
  return `Stored blocks are being connected again (height ${height} of ${to}): unspent outputs are not those of the tip yet`;
}
