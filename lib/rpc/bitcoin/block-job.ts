/**
 * A block taken apart for `getblock … 2`, as a job: that of a full block takes half a second.
 *
 * @module
 */
import type { Job } from "../../core/ports.ts";
import { spentFromBytes } from "../../bitcoin/coins/spent.ts";
import { Block, type PaymentAddressPrefixes } from "../../bitcoin/types/mod.ts";
import { rpcText } from "./json.ts";
import { transactionJson } from "./transaction-json.ts";

/** What the job needs of a block and its network. */
export interface DecodedBlockInput {
  /** A whole block that was judged when it was stored. */
  readonly raw: Uint8Array;
  /** What it spends, by `spentToBytes`, where that is known. */
  readonly spent?: Uint8Array;
  /** Whether each input shows what it spends. */
  readonly prevouts: boolean;
  readonly prefixes: PaymentAddressPrefixes;
}

/** Gives the JSON text of the array of all transactions. */
export const decodedBlock: Job<DecodedBlockInput, string> = {
  name: "bitcoin.decoded-block",
  deadlineMs: 60_000,
  run({ raw, spent: bytes, prevouts, prefixes }) {
    const block = Block.decode(raw);
    block.txids();
    const spent = bytes && spentFromBytes(block, bytes);
    const texts = block.transactions.map((each, i) =>
      rpcText(transactionJson(each, prefixes, { hex: true, spent: spent?.[i - 1], prevouts }))
    );
    return `[${texts.join(",")}]`;
  },
};
