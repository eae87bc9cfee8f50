/**
 * Methods that hand blocks and headers in.
 *
 * @see Bitcoin Core `rpc/mining.cpp` (submitblock, submitheader); BIP22
 * @module
 */
import { fromHex } from "../../codec/hex.ts";
import { Reader } from "../../codec/reader.ts";
import { checkBlock } from "../../bitcoin/chain/block-checks.ts";
import { HeaderStatus } from "../../bitcoin/headers/header-chain.ts";
import { toDisplayHex, ZERO_HASH } from "../../bitcoin/hash.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import { Block, HEADER_BYTES, headerFromBytes, isWitnessCommitment, Transaction } from "../../bitcoin/types/mod.ts";
import { isHex } from "./arguments.ts";
import { JsonRpcError, RpcCode } from "./error.ts";
import type { RpcJson } from "./json.ts";
import { type Method, optional, required } from "./method.ts";

/** A block from hex. Throws −22 when it is none. */
export function blockFromHex(text: string): Block {
  if (isHex(text)) {
    try {
      // What follows the block is not read, as by Core.
      const bytes = fromHex(text.toLowerCase());
      const block = Block.read(new Reader(bytes));
      return block.raw.length === bytes.length ? block : Block.decode(block.raw.slice());
    } catch {
      // Told below.
    }
  }
  throw new JsonRpcError(RpcCode.deserialization, "Block decode failed");
}

/**
 * The block with the coinbase's witness, which miners may leave out: when an output commits to witnesses and none is
 * there, the reserved value is 32 zeros.
 */
function withReservedValue(block: Block): Block {
  const coinbase = block.first;
  const input = coinbase?.inputs[0];
  if (coinbase === undefined || input === undefined || !coinbase.isCoinbase || coinbase.hasWitness) return block;
  if (!coinbase.outputs.some(({ scriptPubKey }) => isWitnessCommitment(scriptPubKey))) return block;
  const { version, outputs, lockTime } = coinbase;
  const filled = Transaction.of({ version, inputs: [{ ...input, witness: [ZERO_HASH] }], outputs, lockTime });
  return Block.of(block.header, [filled, ...block.transactions.slice(1)]);
}

async function submitBlock(bitcoin: BitcoinService, text: string, signal: AbortSignal): Promise<RpcJson> {
  const block = blockFromHex(text);
  if (block.first?.isCoinbase !== true) {
    throw new JsonRpcError(RpcCode.deserialization, "Block does not start with a coinbase");
  }
  const { headers } = bitcoin;
  const row = headers.find(block.hash);
  if (row >= 0 && (headers.isInvalid(row) || (headers.status(row) & HeaderStatus.data) !== 0)) {
    // Core looks at what a block says by itself before it looks whether it knows the block: this may be another body.
    const refusal = checkBlock(block, bitcoin.network);
    if (refusal !== undefined) return refusal.reason;
    // One that is stored is a duplicate, also while it waits for its verdict and beside the active chain: `inconclusive`
    // is the answer to the first submission only, and `duplicate-inconclusive` that to a proposal.
    return headers.isInvalid(row) ? "duplicate-invalid" : "duplicate";
  }
  const result = await bitcoin.submitBlock(withReservedValue(block).raw, signal);
  switch (result.kind) {
    case "accepted":
      return null;
    case "refused":
      return result.refusal.reason;
    default:
      return result.kind;
  }
}

/** The methods. */
export const submittingMethods: readonly Method[] = [
  {
    name: "submitblock",
    category: "Mining",
    summary: "Hands a block in.",
    params: [required("hexdata", "hex", "The block"), optional("dummy", "any", "Ignored")],
    result: 'null, or "reason"    (string) duplicate, duplicate-invalid, inconclusive, or why it was refused',
    examples: ["submitblock <hex>"],
    call: (args, { context: { bitcoin }, signal }) => submitBlock(bitcoin, args.text(0), signal),
  },
  {
    name: "submitheader",
    category: "Mining",
    summary: "Hands a header in, as a candidate for the chain.",
    params: [required("hexdata", "hex", "The 80 bytes of the header; what follows them is not read")],
    result: "null",
    examples: ["submitheader <hex>"],
    async call(args, { context: { bitcoin } }) {
      const text = args.text(0);
      // What follows the header is not read, as by Core.
      if (!isHex(text) || text.length < 2 * HEADER_BYTES) {
        throw new JsonRpcError(RpcCode.deserialization, "Block header decode failed");
      }
      const bytes = fromHex(text.toLowerCase()).slice(0, HEADER_BYTES);
      const { prevBlockHash } = headerFromBytes(bytes);
      if (bitcoin.headers.find(prevBlockHash) < 0) {
        throw new JsonRpcError(RpcCode.verify, `Must submit previous header (${toDisplayHex(prevBlockHash)}) first`);
      }
      const refusal = await bitcoin.submitHeader(bytes);
      if (refusal !== undefined) throw new JsonRpcError(RpcCode.verify, refusal.reason);
      return null;
    },
  },
];
