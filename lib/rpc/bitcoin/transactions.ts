/**
 * Methods about transactions and scripts.
 *
 * @see Bitcoin Core `rpc/rawtransaction.cpp`, `rpc/txoutproof.cpp`
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { Reader } from "../../codec/reader.ts";
import { equalBytes } from "../../codec/sized.ts";
import { Writer } from "../../codec/writer.ts";
import { messageOf } from "../../core/errors.ts";
import { MAX_BLOCK_WEIGHT, WITNESS_SCALE_FACTOR } from "../../bitcoin/chain/transaction-checks.ts";
import type { Coin } from "../../bitcoin/coins/coin.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import {
  Block,
  buildPartialMerkleTree,
  extractMatches,
  headerHash,
  type Transaction,
} from "../../bitcoin/types/mod.ts";
import { MerkleBlock } from "../../bitcoin/wire/bloom.ts";
import { parseHash, parseHex, parseVerbosity, rowOfHash } from "./arguments.ts";
import { confirmationsOf, transactionCountOf } from "./block-json.ts";
import { storedBlock } from "./blockchain.ts";
import { invalidParameter, JsonRpcError, notFound, RpcCode } from "./error.ts";
import type { RpcJson, RpcObject } from "./json.ts";
import { type BitcoinRpcContext, type Method, optional, required } from "./method.ts";
import { decodedScript } from "./script-json.ts";
import { transactionFromHex, transactionJson } from "./transaction-json.ts";
import { unspentWithMempool } from "./unspent.ts";

const NO_INDEX = "Run the node with --txindex or provide a block hash.";

/** A transaction, the block that it is in, and that block's row. */
interface Found {
  readonly transaction: Transaction;
  readonly block: Block;
  readonly row: number;
}

/** Looks for a transaction in one block, or through the index. Throws −5 when it is not there. */
async function findTransaction(bitcoin: BitcoinService, txid: Uint8Array, row: number | undefined): Promise<Found> {
  if (row !== undefined) {
    const block = Block.decode(await storedBlock(bitcoin, row));
    block.txids();
    const transaction = block.transactions.find((one) => equalBytes(one.txid, txid));
    if (transaction === undefined) throw notFound("No such transaction found in the provided block.");
    return { transaction, block, row };
  }
  const { store } = bitcoin;
  if (!store.hasTransactionIndex) {
    throw notFound(
      "No such mempool transaction. Use -txindex or provide a block hash to enable blockchain transaction queries. " +
        "Use gettransaction for wallet transactions.",
    );
  }
  const place = await store.transaction(txid);
  if (place === undefined) {
    throw notFound("No such mempool or blockchain transaction. Use gettransaction for wallet transactions.");
  }
  const block = Block.decode(await storedBlock(bitcoin, place.row));
  const transaction = block.transactions[place.index];
  if (transaction === undefined || !equalBytes(transaction.txid, txid)) {
    throw new JsonRpcError(RpcCode.internal, "the index of transactions does not fit its block");
  }
  return { transaction, block, row: place.row };
}

/** What the inputs of a transaction spend; undefined for a coinbase, and where it is not known. */
async function spentOf(bitcoin: BitcoinService, { transaction, block, row }: Found) {
  const spent = await bitcoin.blocks.spentByInput(row, block);
  return spent?.[block.transactions.indexOf(transaction) - 1];
}

/** A transaction of the mempool, as much of it as the verbosity says. */
async function waitingJson(bitcoin: BitcoinService, transaction: Transaction, verbosity: number): Promise<RpcJson> {
  if (verbosity <= 0) return toHex(transaction.raw);
  const spent = verbosity === 1 ? undefined : await waitingSpends(bitcoin, transaction);
  return transactionJson(transaction, bitcoin.network, { hex: true, spent, prevouts: true });
}

/** What a transaction of the mempool spends; undefined when it has left meanwhile. */
async function waitingSpends(bitcoin: BitcoinService, { inputs }: Transaction): Promise<readonly Coin[] | undefined> {
  const coins = await unspentWithMempool(bitcoin, inputs.map(({ prevout }) => prevout), false);
  const spent = coins?.coins.flatMap((coin) => coin ?? []);
  return spent?.length === inputs.length ? spent : undefined;
}

/** A transaction with the place of its block. `spent` where that is to be shown. */
function foundJson(
  bitcoin: BitcoinService,
  { transaction, row }: Found,
  blockWasNamed: boolean,
  spent: readonly Coin[] | undefined,
): RpcObject {
  const { headers } = bitcoin;
  const confirmations = confirmationsOf(bitcoin, row);
  const isActive = confirmations > 0;
  const time = isActive ? headers.time(row) : undefined;
  return {
    in_active_chain: blockWasNamed ? isActive : undefined,
    ...transactionJson(transaction, bitcoin.network, { hex: true, spent, prevouts: true }),
    blockhash: toDisplayHex(headers.hash(row)),
    confirmations: Math.max(0, confirmations),
    time,
    blocktime: time,
  };
}

/** No transaction of a block has more outputs: each takes 9 bytes at least. */
const OUTPUTS_MAX = Math.floor(MAX_BLOCK_WEIGHT / (9 * WITNESS_SCALE_FACTOR));
/** Outputs that are looked for at once. */
const OUTPUTS_AT_ONCE = 1_000;

/** The row of the active chain's block that made an output of a transaction which is not spent; undefined for none. */
async function rowOfCoin({ bitcoin, clock }: BitcoinRpcContext, txid: Uint8Array, signal: AbortSignal) {
  for (let from = 0, count = 16; from < OUTPUTS_MAX; from += count, count = OUTPUTS_AT_ONCE) {
    const found = await bitcoin.coins(Array.from({ length: count }, (_, i) => ({ txid, vout: from + i })));
    const coin = found?.coins.find((each) => each !== undefined);
    if (found === undefined) return undefined;
    if (coin !== undefined) return bitcoin.headers.ancestor(found.at, coin.height);
    await clock.sleep(0, signal);
  }
  return undefined;
}

/** The row of the block that holds all of some transactions: the named one, that of an unspent output, or the first's by the index. */
async function rowOfProof(
  context: BitcoinRpcContext,
  txids: readonly Uint8Array[],
  named: string | undefined,
  signal: AbortSignal,
) {
  const { bitcoin } = context;
  if (named !== undefined) return rowOfHash(bitcoin, named);
  for (const txid of txids) {
    const row = await rowOfCoin(context, txid, signal);
    if (row !== undefined) return row;
  }
  if (!bitcoin.store.hasTransactionIndex) throw notFound(`Transaction not yet in block. ${NO_INDEX}`);
  const place = await bitcoin.store.transaction(txids[0]!);
  if (place === undefined) throw notFound("Transaction not yet in block");
  return place.row;
}

type Proof = ReturnType<typeof MerkleBlock.body.read>;

/** Reads what `gettxoutproof` made. Throws −1 when it is nothing of the kind. */
function readProof(bytes: Uint8Array): Proof {
  try {
    return MerkleBlock.body.read(new Reader(bytes));
  } catch (thrown) {
    throw new JsonRpcError(RpcCode.misc, `Proof decode failed: ${messageOf(thrown)}`);
  }
}

/** What a proof leads to; undefined when its tree is malformed. */
function provenBy(proof: Proof): ReturnType<typeof extractMatches> | undefined {
  try {
    return extractMatches(proof);
  } catch {
    return undefined;
  }
}

/** The methods. */
export const transactionMethods: readonly Method[] = [
  {
    name: "decoderawtransaction",
    category: "Rawtransactions",
    summary: "Takes a serialised transaction apart.",
    params: [
      required("hexstring", "hex", "The transaction as hex"),
      optional("iswitness", "boolean", "Whether it has witnesses; tried both ways when not given"),
    ],
    result: "{...}    (object) txid, hash, size, vsize, weight, version, locktime, vin, vout",
    examples: ["decoderawtransaction 02000000000000000000"],
    call(args, { context: { bitcoin } }) {
      const witness = args.boolean(1, true);
      const noWitness = !args.boolean(1, false);
      const transaction = transactionFromHex(args.text(0), { witness, noWitness });
      if (transaction === undefined) throw new JsonRpcError(RpcCode.deserialization, "TX decode failed");
      return transactionJson(transaction, bitcoin.network, { hex: false });
    },
  },
  {
    name: "decodescript",
    category: "Rawtransactions",
    summary: "Takes a script apart, and tells the P2SH and segwit outputs that could stand for it.",
    params: [required("hexstring", "hex", "The script as hex; may be empty")],
    result: "{...}    (object) asm, desc, type, address, p2sh, segwit",
    examples: ["decodescript 6a00"],
    call(args, { context: { bitcoin } }) {
      const text = args.text(0);
      return decodedScript(text === "" ? new Uint8Array() : parseHex(text, "argument"), bitcoin.network);
    },
  },
  {
    name: "getrawtransaction",
    category: "Rawtransactions",
    summary:
      "A transaction of the mempool or of a stored block: as hex (verbosity 0), taken apart (1), or with the outputs that " +
      "it spends (2).\nOne of a block needs the block's hash, or the node's index of transactions (--txindex).",
    params: [
      required("txid", "hex", "The transaction id"),
      optional(["verbosity", "verbose"], "any", "0, 1 or 2; true is 1 and false is 0", "0"),
      optional("blockhash", "hex", "The block to look in"),
    ],
    result: '"hex" or {...}    (string or object) the transaction',
    examples: ["getrawtransaction <txid> 1 <blockhash>"],
    async call(args, { context: { bitcoin } }) {
      const txid = parseHash(args.text(0), "parameter 1");
      if (equalBytes(txid, bitcoin.headers.header(0).merkleRoot)) {
        throw notFound(
          "The genesis block coinbase is not considered an ordinary transaction and cannot be retrieved",
        );
      }
      const verbosity = parseVerbosity(args.at(1), 0);
      const named = args.optionalText(2);
      const waiting = named === undefined ? bitcoin.mempool?.get(txid) : undefined;
      if (waiting !== undefined) return await waitingJson(bitcoin, waiting.transaction, verbosity);
      const row = named === undefined ? undefined : rowOfHash(bitcoin, named, "parameter 3", "Block hash not found");
      const found = await findTransaction(bitcoin, txid, row);
      if (verbosity <= 0) return toHex(found.transaction.raw);
      const spent = verbosity === 1 ? undefined : await spentOf(bitcoin, found);
      return foundJson(bitcoin, found, named !== undefined, spent);
    },
  },
  {
    name: "gettxoutproof",
    category: "Blockchain",
    summary:
      "A proof that transactions are in a block: its header and the part of its Merkle tree that leads to them.\n" +
      "Without a block hash one of them must have an unspent output, or the node an index of transactions (--txindex).",
    params: [
      required("txids", "array", "The ids of transactions of one block"),
      optional("blockhash", "hex", "The block to look in"),
    ],
    result: '"hex"    (string) the proof',
    examples: [`gettxoutproof '["<txid>"]' <blockhash>`],
    async call(args, { context, signal }) {
      const { bitcoin } = context;
      const wanted = new Set<string>();
      const txids = args.texts(0).map((text) => {
        const txid = parseHash(text, "txid");
        if (wanted.has(toHex(txid))) throw invalidParameter(`Invalid parameter, duplicated txid: ${text}`);
        wanted.add(toHex(txid));
        return txid;
      });
      if (txids.length === 0) throw invalidParameter("Parameter 'txids' cannot be empty");
      const row = await rowOfProof(context, txids, args.optionalText(1), signal);
      const block = Block.decode(await storedBlock(bitcoin, row));
      const leaves = block.txids();
      const found = leaves.filter((txid) => wanted.has(toHex(txid))).length;
      if (found !== wanted.size) throw notFound("Not all transactions found in specified or retrieved block");
      const tree = buildPartialMerkleTree(leaves, (index) => wanted.has(toHex(leaves[index]!)));
      const writer = new Writer(256 + 32 * tree.hashes.length);
      MerkleBlock.body.write(writer, { header: block.header, ...tree, hashes: [...tree.hashes] });
      return toHex(writer.finish());
    },
  },
  {
    name: "verifytxoutproof",
    category: "Blockchain",
    summary: "The transactions that a proof of gettxoutproof proves; none when the proof does not hold.",
    params: [required("proof", "hex", "The proof")],
    result: '["hex", ...]    (array) txids',
    examples: ["verifytxoutproof <proof>"],
    async call(args, { context: { bitcoin } }) {
      const proof = readProof(parseHex(args.text(0), "proof"));
      const proven = provenBy(proof);
      if (proven === undefined || !equalBytes(proven.root, proof.header.merkleRoot)) return [];
      const row = bitcoin.headers.find(headerHash(proof.header));
      if (row < 0 || confirmationsOf(bitcoin, row) < 1) throw notFound("Block not found in chain");
      // A tree of another depth can pass an inner node off as a transaction; where the block is here, its count tells.
      const count = await transactionCountOf(bitcoin, row);
      if (count !== 0 && count !== proof.transactionCount) return [];
      return proven.matches.map(({ txid }) => toDisplayHex(txid));
    },
  },
];
