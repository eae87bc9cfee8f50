/**
 * Methods about the chain: where it stands, its headers and blocks.
 *
 * @see Bitcoin Core `rpc/blockchain.cpp`
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { HeaderStatus } from "../../bitcoin/headers/header-chain.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import { Block } from "../../bitcoin/types/mod.ts";
import { parseVerbosity, rowOfHash } from "./arguments.ts";
import { blockJson, decodedTransactions, headerJson, targetJson, transactionCountOf, workText } from "./block-json.ts";
import { invalidParameter, JsonRpcError, RpcCode } from "./error.ts";
import type { RpcObject } from "./json.ts";
import { type BitcoinRpcContext, type Method, optional, required } from "./method.ts";

/** The raw block of a row. Throws −1 that says why it is not here. */
export async function storedBlock(bitcoin: BitcoinService, row: number): Promise<Uint8Array> {
  const raw = await bitcoin.block(row);
  if (raw !== undefined) return raw;
  const { mode, pruneHeight } = bitcoin.state();
  const isPruned = (bitcoin.headers.status(row) & HeaderStatus.connected) !== 0 &&
    bitcoin.headers.height(row) < pruneHeight;
  const reason = isPruned
    ? "pruned data"
    : mode === "full"
    ? "not fully downloaded"
    : `this node keeps ${mode} only; --mode full keeps blocks`;
  throw new JsonRpcError(RpcCode.misc, `Block not available (${reason})`);
}

/**
 * How much of the chain that ends at a row is here, from 0 to 1. The whole is taken to end where it would if the time since the best header
 * had been filled with blocks; where targets are never adjusted, at the best header.
 */
export function verificationProgress({ bitcoin, clock }: BitcoinRpcContext, tip: number): number {
  const { headers, network: { pow } } = bitcoin;
  const { bestHeader, validating } = bitcoin.state();
  const behind = Math.max(0, clock.now() / 1000 - headers.time(bestHeader));
  // A block now and then takes an hour; only what is behind for longer is known to be missing.
  const missing = pow.noRetargeting || behind < 6 * pow.targetSpacing ? 0 : behind / pow.targetSpacing;
  const whole = headers.height(bestHeader) + missing;
  // Blocks that are connected again are not verified yet.
  const height = Math.min(headers.height(tip), validating?.height ?? Infinity);
  return whole === 0 ? 1 : Math.min(1, height / whole);
}

/** What everybody who asks should know. */
export function warningsOf(bitcoin: BitcoinService): readonly string[] {
  const { warnings, validation } = bitcoin.state();
  const isUnsigned = bitcoin.network.signetChallenge !== undefined && validation !== "full";
  return [...warnings, ...(isUnsigned ? ["signet blocks are checked by proof of work only"] : [])];
}

/** What `getblockchaininfo` tells of pruning. In light modes every block is as good as pruned. */
function pruningJson(bitcoin: BitcoinService): RpcObject {
  const { mode, tip, pruneHeight, pruneTarget } = bitcoin.state();
  if (mode !== "full") {
    return {
      pruned: true,
      pruneheight: bitcoin.headers.height(tip) + 1,
      automatic_pruning: true,
      prune_target_size: 0,
    };
  }
  if (pruneTarget === undefined) return { pruned: false };
  return { pruned: true, pruneheight: pruneHeight, automatic_pruning: true, prune_target_size: pruneTarget };
}

const tipHash = (bitcoin: BitcoinService) => toDisplayHex(bitcoin.headers.hash(bitcoin.state().tip));

/** The methods. */
export const blockchainMethods: readonly Method[] = [
  {
    name: "getbestblockhash",
    category: "Blockchain",
    summary: "The hash of the active chain's tip.",
    params: [],
    result: '"hex"    (string) the block hash',
    examples: ["getbestblockhash"],
    call: (_args, { context }) => tipHash(context.bitcoin),
  },
  {
    name: "getblock",
    category: "Blockchain",
    summary:
      "A block: as hex (verbosity 0), with txids (1), with its transactions taken apart (2), or with the outputs that they\n" +
      "spend as well (3).",
    params: [
      required("blockhash", "hex", "The block hash"),
      optional(["verbosity", "verbose"], "any", "0 to 3; true is 1 and false is 0", "1"),
    ],
    result: '"hex" or {...}    (string or object) the block',
    examples: ["getblock 0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206 2"],
    async call(args, { context: { bitcoin, clock, workers }, signal }) {
      const row = rowOfHash(bitcoin, args.text(0));
      const verbosity = parseVerbosity(args.at(1), 1);
      const raw = await storedBlock(bitcoin, row);
      if (verbosity <= 0) return toHex(raw);
      const block = Block.decode(raw);
      if (verbosity === 1) return blockJson(bitcoin, row, block, block.txids().map(toDisplayHex));
      const spent = await bitcoin.blocks.spentByInput(row, block);
      const call = { clock, workers, signal };
      const transactions = await decodedTransactions(block, bitcoin.network, call, { spent, prevouts: verbosity >= 3 });
      return blockJson(bitcoin, row, block, transactions);
    },
  },
  {
    name: "getblockchaininfo",
    category: "Blockchain",
    summary: "Where the chain stands. `validation` says how blocks are checked: headers, structure or full.",
    params: [],
    result: "{...}    (object) chain, blocks, headers, bestblockhash, difficulty, …",
    examples: ["getblockchaininfo"],
    async call(_args, { context }) {
      const { bitcoin } = context;
      const { headers, network } = bitcoin;
      const { tip, bestHeader, initialBlockDownload, validation } = bitcoin.state();
      return {
        chain: network.chain,
        blocks: headers.height(tip),
        headers: headers.height(bestHeader),
        bestblockhash: toDisplayHex(headers.hash(tip)),
        ...targetJson(headers.bits(tip)),
        time: headers.time(tip),
        mediantime: headers.medianTimePast(tip),
        verificationprogress: verificationProgress(context, tip),
        initialblockdownload: initialBlockDownload,
        chainwork: workText(headers.work(tip)),
        size_on_disk: (await bitcoin.store.counts()).blockBytes,
        ...pruningJson(bitcoin),
        signet_challenge: network.signetChallenge === undefined ? undefined : toHex(network.signetChallenge),
        warnings: warningsOf(bitcoin),
        validation,
      };
    },
  },
  {
    name: "getblockcount",
    category: "Blockchain",
    summary: "The height of the active chain's tip; genesis has height 0.",
    params: [],
    result: "n    (number) the height",
    examples: ["getblockcount"],
    call: (_args, { context: { bitcoin } }) => bitcoin.headers.height(bitcoin.state().tip),
  },
  {
    name: "getblockhash",
    category: "Blockchain",
    summary: "The hash of the block at a height of the active chain.",
    params: [required("height", "number", "The height")],
    result: '"hex"    (string) the block hash',
    examples: ["getblockhash 1000"],
    call(args, { context: { bitcoin } }) {
      const row = bitcoin.activeAt(args.integer(0));
      if (row < 0) throw invalidParameter("Block height out of range");
      return toDisplayHex(bitcoin.headers.hash(row));
    },
  },
  {
    name: "getblockheader",
    category: "Blockchain",
    summary: "A block's header: as an object, or as hex. nTx is 0 where the block itself is not here.",
    params: [
      required("blockhash", "hex", "The block hash"),
      optional("verbose", "boolean", "false for the 80 bytes as hex", "true"),
    ],
    result: '"hex" or {...}    (string or object) the header',
    examples: ["getblockheader 0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206 false"],
    async call(args, { context: { bitcoin } }) {
      const row = rowOfHash(bitcoin, args.text(0));
      if (!args.boolean(1, true)) return toHex(bitcoin.headers.headerBytes(row));
      return headerJson(bitcoin, row, await transactionCountOf(bitcoin, row));
    },
  },
  {
    name: "getchaintips",
    category: "Blockchain",
    summary: "The ends of all known branches, the active chain's among them.",
    params: [],
    result: "[{height, hash, branchlen, status}, ...]    (array) highest first",
    examples: ["getchaintips"],
    call: (_args, { context: { bitcoin } }) =>
      bitcoin.chainTips().map(({ row, height, branchLength, status }) => ({
        height,
        hash: toDisplayHex(bitcoin.headers.hash(row)),
        branchlen: branchLength,
        status,
      })),
  },
  {
    name: "getdifficulty",
    category: "Blockchain",
    summary: "How much harder the tip's target is than the easiest of the main network.",
    params: [],
    result: "n    (number) the difficulty",
    examples: ["getdifficulty"],
    call: (_args, { context: { bitcoin } }) => targetJson(bitcoin.headers.bits(bitcoin.state().tip)).difficulty,
  },
];
