/**
 * The name of a coin in cache and store.
 *
 * @module
 */
import type { OutPoint } from "../types/transaction-parts.ts";

/** The most bytes of a key. */
export const COIN_KEY_BYTES_MAX = 37;

const TXID_BYTES = 32;
/** First bytes of an index that takes two or four more. */
const TWO_MORE = 0xfd;
const FOUR_MORE = 0xfe;

/**
 * Writes the key of an outpoint and returns its length: txid ‖ index, which is one byte below 0xfd, else 0xfd and u16 or
 * 0xfe and u32, big-endian. So keys in the order of their bytes are outpoints in the order of txid and index, which is
 * the order that hashes and snapshots of the set have. (Core's own keys are not, from index 16,512 on.)
 */
export function writeCoinKey({ txid, vout }: OutPoint, into: Uint8Array): number {
  for (let i = 0; i < TXID_BYTES; i++) into[i] = txid[i]!;
  if (vout < TWO_MORE) {
    into[TXID_BYTES] = vout;
    return TXID_BYTES + 1;
  }
  let at = TXID_BYTES;
  into[at++] = vout <= 0xffff ? TWO_MORE : FOUR_MORE;
  for (let shift = vout <= 0xffff ? 8 : 24; shift >= 0; shift -= 8) into[at++] = vout >>> shift;
  return at;
}

const scratch = new Uint8Array(COIN_KEY_BYTES_MAX);

/** The key of an outpoint; see {@link writeCoinKey}. */
export function coinKey(outpoint: OutPoint): Uint8Array {
  return scratch.slice(0, writeCoinKey(outpoint, scratch));
}

/** The outpoint of a key. */
export function outPointOf(key: Uint8Array): OutPoint {
  let vout = 0;
  for (let i = key.length === TXID_BYTES + 1 ? TXID_BYTES : TXID_BYTES + 1; i < key.length; i++) {
    vout = vout * 256 + key[i]!;
  }
  return { txid: key.slice(0, TXID_BYTES), vout };
}
