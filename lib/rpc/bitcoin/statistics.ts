/**
 * Methods with figures about the chain and the node's memory.
 *
 * @see Bitcoin Core `rpc/mining.cpp` (getmininginfo, getnetworkhashps), `rpc/blockchain.cpp` (getchaintxstats),
 *   `rpc/node.cpp` (getmemoryinfo)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { BLOCK_FEE_RATE_MIN } from "../../bitcoin/mining/selection.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import { blockTemplate } from "../../bitcoin/mining.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import { parseHash } from "./arguments.ts";
import { targetJson } from "./block-json.ts";
import { warningsOf } from "./blockchain.ts";
import { invalidParameter, notFound } from "./error.ts";
import { amountJson } from "./json.ts";
import { type Method, optional } from "./method.ts";

/** Blocks over which a rate of hashes is taken unless told otherwise. */
const LOOKUP_BLOCKS = 120;
const MONTH_SECONDS = 30 * 86_400;

/** Hashes a second that the last `lookup` blocks up to a height took; −1 for those of this difficulty, or the tip. */
function hashesPerSecond({ headers, tip, activeAt }: ChainView, lookup: number, height: number): number {
  if (lookup < -1 || lookup === 0) throw invalidParameter("Invalid nblocks. Must be a positive number or -1.");
  if (height < -1 || height > headers.height(tip)) {
    throw invalidParameter("Block does not exist at specified height");
  }
  const last = height < 0 ? tip : activeAt(height);
  const top = headers.height(last);
  if (top === 0) return 0;
  const wanted = lookup === -1 ? top % headers.network.pow.interval + 1 : lookup;
  const count = Math.min(wanted, top);
  let [least, most] = [headers.time(last), headers.time(last)];
  for (let i = 1; i <= count; i++) {
    const time = headers.time(activeAt(top - i));
    least = Math.min(least, time);
    most = Math.max(most, time);
  }
  if (least === most) return 0;
  return Number(headers.work(last) - headers.work(activeAt(top - count))) / (most - least);
}

type ChainView = Pick<BitcoinService, "headers" | "tip"> & { readonly activeAt: (height: number) => number };

const chainView = (bitcoin: BitcoinService): ChainView => ({
  headers: bitcoin.headers,
  tip: bitcoin.tip,
  activeAt: (height) => bitcoin.activeAt(height),
});

/** The methods. */
export const statisticsMethods: readonly Method[] = [
  {
    name: "getmininginfo",
    category: "Mining",
    summary: "Figures for miners.",
    params: [],
    result:
      "{blocks, bits, difficulty, target, networkhashps, pooledtx, blockmintxfee, chain, next, warnings}    (object)",
    examples: ["getmininginfo"],
    call(_args, { context: { bitcoin } }) {
      const { headers, network, tip, mempool } = bitcoin;
      const { bits } = blockTemplate(headers, tip, Math.floor(bitcoin.now() / 1000));
      const now = targetJson(headers.bits(tip));
      const next = targetJson(bits);
      return {
        blocks: headers.height(tip),
        bits: now.bits,
        difficulty: now.difficulty,
        target: now.target,
        networkhashps: hashesPerSecond(chainView(bitcoin), LOOKUP_BLOCKS, -1),
        pooledtx: mempool?.size ?? 0,
        blockmintxfee: amountJson(mempool === undefined ? 0n : BigInt(BLOCK_FEE_RATE_MIN)),
        chain: network.chain,
        next: { height: headers.height(tip) + 1, bits: next.bits, difficulty: next.difficulty, target: next.target },
        signet_challenge: network.signetChallenge === undefined ? undefined : toHex(network.signetChallenge),
        warnings: warningsOf(bitcoin),
      };
    },
  },
  {
    name: "getnetworkhashps",
    category: "Mining",
    summary: "Hashes a second that the network needed for its last blocks.",
    params: [
      optional("nblocks", "number", "How many blocks; -1 for those since the difficulty changed", `${LOOKUP_BLOCKS}`),
      optional("height", "number", "At the time of this height", "-1"),
    ],
    result: "n    (number) hashes a second",
    examples: ["getnetworkhashps"],
    call: (args, { context: { bitcoin } }) =>
      hashesPerSecond(chainView(bitcoin), args.integer(0, LOOKUP_BLOCKS), args.integer(1, -1)),
  },
  {
    name: "getchaintxstats",
    category: "Blockchain",
    summary:
      "Figures of a stretch of blocks. Transactions are not counted: the fields about them are left out, as Core\n" +
      "leaves them out where it does not know them.",
    params: [
      optional("nblocks", "number", "How many blocks", "one month"),
      optional("blockhash", "hex", "The block at the end of the stretch", "the tip"),
    ],
    result:
      "{time, window_final_block_hash, window_final_block_height, window_block_count, window_interval}    (object)",
    examples: ["getchaintxstats 2016"],
    call(args, { context: { bitcoin } }) {
      const { headers, network: { pow } } = bitcoin;
      let last = bitcoin.tip;
      if (args.has(1)) {
        last = headers.find(parseHash(args.text(1), "blockhash"));
        if (last < 0) throw notFound("Block not found");
        if (bitcoin.activeAt(headers.height(last)) !== last) throw invalidParameter("Block is not in main chain");
      }
      const height = headers.height(last);
      const count = args.has(0)
        ? args.integer(0)
        : Math.max(0, Math.min(Math.floor(MONTH_SECONDS / pow.targetSpacing), height - 1));
      if (count < 0 || (count > 0 && count >= height)) {
        throw invalidParameter("Invalid block count: should be between 0 and the block's height - 1");
      }
      const before = bitcoin.activeAt(height - count);
      return {
        time: headers.time(last),
        window_final_block_hash: toDisplayHex(headers.hash(last)),
        window_final_block_height: height,
        window_block_count: count,
        window_interval: count === 0 ? undefined : headers.medianTimePast(last) - headers.medianTimePast(before),
      };
    },
  },
  {
    name: "getmemoryinfo",
    category: "Control",
    summary: "Memory that is kept from being swapped out: this node keeps none so.",
    params: [optional("mode", "string", "stats; mallocinfo is not to be had", '"stats"')],
    result: "{locked: {used, free, total, locked, chunks_used, chunks_free}}    (object)",
    examples: ["getmemoryinfo"],
    call(args) {
      const mode = args.optionalText(0) ?? "stats";
      if (mode === "mallocinfo") throw invalidParameter("mallocinfo mode not available");
      if (mode !== "stats") throw invalidParameter(`unknown mode ${mode.slice(0, 50)}`);
      return { locked: { used: 0, free: 0, total: 0, locked: 0, chunks_used: 0, chunks_free: 0 } };
    },
  },
];
