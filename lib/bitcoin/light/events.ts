/**
 * The events of the light client.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { NewEvent } from "../../storage/events.ts";
import { toDisplayHex } from "../hash.ts";
import type { BitcoinNetwork } from "../networks/network.ts";
import { scriptToAddress } from "../types/mod.ts";
import type { NewMatch } from "./service.ts";

/** `bitcoin.match`: a watched script was paid, or a payment to it spent; `bitcoin.unmatch`: in a block that left the chain. */
export function matchEvent(
  topic: "bitcoin.match" | "bitcoin.unmatch",
  { height, hash, txid, script, direction, value, vout, spend }: NewMatch,
  network: BitcoinNetwork,
  time: number,
): NewEvent {
  return {
    topic,
    time,
    chain: "bitcoin",
    network: network.name,
    data: {
      height,
      hash: toDisplayHex(hash),
      txid: toDisplayHex(txid),
      script: toHex(script),
      address: scriptToAddress(script, network) ?? null,
      direction,
      // All the money there is fits into 51 bits.
      value: Number(value),
      vout,
      ...(spend !== undefined && { spent_txid: toDisplayHex(spend.txid), vin: spend.vin }),
    },
  };
}
