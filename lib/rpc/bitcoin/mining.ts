/**
 * Methods of miners: they work without a wallet.
 *
 * @see Bitcoin Core `rpc/mining.cpp`; BIP22, BIP23, BIP145
 * @module
 */
import { fromHex, toHex } from "../../codec/hex.ts";
import { Reader } from "../../codec/reader.ts";
import { checkBlock } from "../../bitcoin/chain/block-checks.ts";
import { HeaderStatus } from "../../bitcoin/headers/header-chain.ts";
import { compactToTarget } from "../../bitcoin/headers/pow.ts";
import { toDisplayHex, ZERO_HASH } from "../../bitcoin/hash.ts";
import type { BlockTemplate } from "../../bitcoin/mining.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import {
  addressToScript,
  Block,
  HEADER_BYTES,
  headerFromBytes,
  isWitnessCommitment,
  merkleNode,
  Transaction,
} from "../../bitcoin/types/mod.ts";
import { isHex } from "./arguments.ts";
import { invalidParameter, JsonRpcError, notFound, RpcCode } from "./error.ts";
import type { RpcJson, RpcObject } from "./json.ts";
import { type BitcoinRpcContext, type Method, optional, required, wrongType } from "./method.ts";
import type { BitcoinMiner } from "./miner.ts";

/** Hashes that generating methods try for one block unless told otherwise. */
const TRIES_MAX = 1_000_000;
const BLOCK_WEIGHT_MAX = 4_000_000;
const BLOCK_BYTES_MAX = 4_000_000;
const SIGOPS_COST_MAX = 80_000;

/** The miner. Throws −1 where there is none. */
function minerOf({ miner, bitcoin }: BitcoinRpcContext, generates: boolean): BitcoinMiner {
  if (miner === undefined || (generates && !miner.canMine)) {
    const where = generates ? "on regtest, in full mode" : "in full mode";
    throw new JsonRpcError(RpcCode.misc, `this node makes blocks only ${where}; this is ${bitcoin.network.name}`);
  }
  return miner;
}

function scriptOf(text: string, { network }: BitcoinService, message: string): Uint8Array {
  try {
    return addressToScript(text, network);
  } catch {
    throw notFound(message);
  }
}

/** A block from hex. Throws −22 when it is none. */
function blockFromHex(text: string): Block {
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

/** What BIP22 asks for, of a block with nothing but its coinbase. */
function templateJson(template: BlockTemplate): RpcObject {
  const previous = toDisplayHex(template.previousBlockHash);
  const commitment = merkleNode(ZERO_HASH, ZERO_HASH);
  return {
    capabilities: ["proposal"],
    version: template.version,
    rules: template.segwit ? ["csv", "!segwit", "taproot"] : ["csv"],
    vbavailable: {},
    vbrequired: 0,
    previousblockhash: previous,
    transactions: [],
    coinbaseaux: {},
    coinbasevalue: template.coinbaseValue,
    longpollid: `${previous}0`,
    target: compactToTarget(template.bits).target.toString(16).padStart(64, "0"),
    mintime: template.minimumTime,
    mutable: ["time", "transactions", "prevblock"],
    noncerange: "00000000ffffffff",
    sigoplimit: SIGOPS_COST_MAX,
    sizelimit: BLOCK_BYTES_MAX,
    weightlimit: BLOCK_WEIGHT_MAX,
    curtime: template.time,
    bits: (template.bits >>> 0).toString(16).padStart(8, "0"),
    height: template.height,
    default_witness_commitment: template.segwit ? `6a24aa21a9ed${toHex(commitment)}` : undefined,
  };
}

/** The methods. */
export const miningMethods: readonly Method[] = [
  {
    name: "generatetoaddress",
    category: "Mining",
    summary: "Mines blocks at once (regtest only).",
    params: [
      required("nblocks", "number", "How many"),
      required("address", "string", "Whom the coinbases pay"),
      optional("maxtries", "number", "Hashes to try", String(TRIES_MAX)),
    ],
    result: '["hex", ...]    (array) the hashes of the blocks',
    examples: ["generatetoaddress 11 bcrt1qamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhqgdn98t"],
    waits: true,
    async call(args, { context, signal }) {
      const count = args.integer(0);
      const maxTries = args.wide(2, TRIES_MAX);
      const script = scriptOf(args.text(1), context.bitcoin, "Error: Invalid address");
      const miner = minerOf(context, true);
      if (count <= 0) return [];
      const blocks = await miner.mine(script, { count, maxTries, submit: true, signal });
      return blocks.map(({ hash }) => toDisplayHex(hash));
    },
  },
  {
    name: "generateblock",
    category: "Mining",
    summary: "Mines one block with the given transactions (regtest only). For now there may be none.",
    params: [
      required("output", "string", "The address that the coinbase pays"),
      required("transactions", "array", "Transactions as hex; only an empty list for now"),
      optional("submit", "boolean", "Whether the block is handed in; else it is returned", "true"),
    ],
    result: '{"hash": "hex", "hex": "hex"}    (object) hex only when the block is not handed in',
    examples: ["generateblock bcrt1qamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhqgdn98t '[]'"],
    waits: true,
    async call(args, { context, signal }) {
      const script = scriptOf(args.text(0), context.bitcoin, "Error: Invalid address or descriptor");
      if (args.texts(1).length > 0) throw invalidParameter("transactions: only an empty list for now");
      const submit = args.boolean(2, true);
      const miner = minerOf(context, true);
      const [block] = await miner.mine(script, { count: 1, maxTries: TRIES_MAX, submit, signal });
      if (block === undefined) throw new JsonRpcError(RpcCode.misc, "Failed to make block.");
      return { hash: toDisplayHex(block.hash), hex: submit ? undefined : toHex(block.raw) };
    },
  },
  {
    name: "getblocktemplate",
    category: "Mining",
    summary: "What a miner needs for the next block (BIP22, BIP145). There are no transactions in it for now.",
    params: [required("template_request", "object", 'At least {"rules": ["segwit"]}')],
    result: "{...}    (object) the template",
    examples: [`getblocktemplate '{"rules": ["segwit"]}'`],
    call(args, { context }) {
      const { mode = "template", rules = [] } = args.object(0);
      if (mode !== "template") {
        throw invalidParameter(mode === "proposal" ? "proposals are not judged by this node" : "Invalid mode");
      }
      if (!Array.isArray(rules)) throw wrongType(rules, "array");
      if (!rules.includes("segwit")) {
        throw invalidParameter(
          'getblocktemplate must be called with the segwit rule set (call with {"rules": ["segwit"]})',
        );
      }
      const { bitcoin } = context;
      if (!bitcoin.network.testChain) {
        if (bitcoin.peers().length === 0) throw new JsonRpcError(RpcCode.notConnected, "gemel is not connected!");
        if (bitcoin.state().initialBlockDownload) {
          throw new JsonRpcError(RpcCode.initialDownload, "gemel is in initial sync and waiting for blocks...");
        }
      }
      return templateJson(minerOf(context, false).template());
    },
  },
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
