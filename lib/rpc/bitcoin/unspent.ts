/**
 * Unspent outputs as they are at the tip, for calls whose answer does not say of which block it is, and as the mempool leaves
 * them.
 *
 * @module
 */
import type { Coin } from "../../bitcoin/coins/coin.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import type { OutPoint } from "../../bitcoin/types/mod.ts";

/** The height of an output of the mempool: no block has it. @see Bitcoin Core `txmempool.h` (MEMPOOL_HEIGHT) */
export const MEMPOOL_HEIGHT = 0x7fff_ffff;

/** Why nothing can be said of unspent outputs now; undefined when something can. */
export function coinsBehind(bitcoin: BitcoinService): string | undefined {
  const { validating } = bitcoin.state();
  if (validating === undefined) return undefined;
  const { height, to } = validating;
  return `Stored blocks are being connected again (height ${height} of ${to}): unspent outputs are not those of the tip yet`;
}

/**
 * The coins of outpoints after a block, and with what the mempool makes, at {@link MEMPOOL_HEIGHT}. Undefined where none are kept.
 * @param withoutSpent leaves out what the mempool spends
 */
export async function unspentWithMempool(
  bitcoin: BitcoinService,
  outpoints: readonly OutPoint[],
  withoutSpent: boolean,
): Promise<{ readonly at: number; readonly coins: readonly (Coin | undefined)[] } | undefined> {
  const { mempool } = bitcoin;
  const found = await bitcoin.coins(outpoints);
  if (found === undefined || mempool === undefined) return found;
  const coins = outpoints.map((outpoint, i): Coin | undefined => {
    if (withoutSpent && mempool.spenderOf(outpoint) !== undefined) return undefined;
    const made = mempool.get(outpoint.txid)?.transaction.outputs[outpoint.vout];
    return made === undefined ? found.coins[i] : { ...made, height: MEMPOOL_HEIGHT, isCoinbase: false };
  });
  return { at: found.at, coins };
}
