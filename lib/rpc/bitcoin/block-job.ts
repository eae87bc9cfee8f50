/**
 * A block taken apart for `getblock … 2`, as a job: that of a full block takes half a second.
 *
 * @module
 */
import type { Job } from "../../core/ports.ts";
import { Block, type PaymentAddressPrefixes } from "../../bitcoin/types/mod.ts";
import { rpcText } from "./json.ts";
import { transactionJson } from "./transaction-json.ts";

/** What the job needs of a block and its network. */
export interface DecodedBlockInput {
  /** A whole block that was judged when it was stored. */
  readonly raw: Uint8Array;
  readonly prefixes: PaymentAddressPrefixes;
}

/** Gives the JSON text of the array of all transactions, without fees. */
export const decodedBlock: Job<DecodedBlockInput, string> = {
  name: "bitcoin.decoded-block",
  deadlineMs: 60_000,
  run({ raw, prefixes }) {
    const block = Block.decode(raw);
    block.txids();
    const texts = block.transactions.map((each) => rpcText(transactionJson(each, prefixes, { hex: true })));
    return `[${texts.join(",")}]`;
  },
};
