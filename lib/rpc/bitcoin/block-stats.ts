/**
 * Figures of one block.
 *
 * @see Bitcoin Core `rpc/blockchain.cpp` (getblockstats)
 * @module
 */
import { WITNESS_SCALE_FACTOR } from "../../bitcoin/chain/transaction-checks.ts";
import { compactSizeBytes } from "../../bitcoin/codec/mod.ts";
import type { Coin } from "../../bitcoin/coins/coin.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import type { HeaderChain } from "../../bitcoin/headers/header-chain.ts";
import { subsidyAt } from "../../bitcoin/networks/subsidy.ts";
import { Block, isUnspendable, type Transaction } from "../../bitcoin/types/mod.ts";
import { equalBytes } from "../../codec/sized.ts";
import { rowOfHashOrHeight } from "./arguments.ts";
import { storedBlock } from "./blockchain.ts";
import { invalidParameter, JsonRpcError, RpcCode } from "./error.ts";
import type { RpcJson, RpcObject } from "./json.ts";
import { type Method, optional, required } from "./method.ts";

/** What Core counts for an output beside its own bytes: outpoint 36, height 4, coinbase 1. */
const OVERHEAD_BYTES = 41;
/** Shares of the weight up to which fee rates are told. */
const PERCENTILES = [[1, 10], [1, 4], [1, 2], [3, 4], [9, 10]] as const;

/** The middle of numbers, or half the sum of both middles, without a fraction. */
function medianOf(values: number[]): number {
  if (values.length === 0) return 0;
  values.sort((a, b) => a - b);
  const middle = Math.floor(values.length / 2);
  return values.length % 2 === 1 ? values[middle]! : Math.trunc((values[middle - 1]! + values[middle]!) / 2);
}

/** The fee rate that each share of the weight has at most. */
function percentilesOf(rates: { readonly rate: number; readonly weight: number }[], weight: number): readonly number[] {
  rates.sort((a, b) => a.rate - b.rate || a.weight - b.weight);
  const found: number[] = [];
  let sum = 0;
  for (const each of rates) {
    sum += each.weight;
    for (const [part, of] of PERCENTILES.slice(found.length)) {
      if (sum < weight * part / of) break;
      found.push(each.rate);
    }
  }
  return PERCENTILES.map((_, i) => found[i] ?? rates.at(-1)?.rate ?? 0);
}

/** Bytes of an output, as Core counts those of the set. */
const bytesOf = ({ scriptPubKey: { length } }: { readonly scriptPubKey: Uint8Array }): number =>
  8 + compactSizeBytes(length) + length + OVERHEAD_BYTES;

/** Whether the outputs of a block's coinbase are those of an older one (BIP30): they change nothing. */
function repeatsCoinbase({ network }: Pick<HeaderChain, "network">, height: number, hash: Uint8Array): boolean {
  return network.bip30Exceptions.some((each) => each.height === height && equalBytes(each.hash, hash));
}

/** What the transactions of a block but the coinbase have, each. */
interface Figures {
  readonly fee: number;
  readonly rate: number;
  readonly size: number;
  readonly weight: number;
}

function figuresOf(transaction: Transaction, spent: readonly Coin[]): Figures {
  const sum = (outputs: readonly { readonly value: bigint }[]) =>
    outputs.reduce((total, { value }) => total + Number(value), 0);
  const { size, weight } = transaction;
  const fee = sum(spent) - sum(transaction.outputs);
  return { fee, size, weight, rate: weight === 0 ? 0 : Math.floor(fee * WITNESS_SCALE_FACTOR / weight) };
}

/** All figures of a block, under Core's names and in its order. `spent` by transaction but the coinbase. */
export function blockStats(
  headers: Pick<HeaderChain, "height" | "time" | "medianTimePast" | "network">,
  row: number,
  block: Block,
  spent: readonly (readonly Coin[])[],
): RpcObject {
  const height = headers.height(row);
  const paid = block.transactions.slice(1);
  const figures = paid.map((transaction, i) => figuresOf(transaction, spent[i]!));
  const of = (name: keyof Figures) => figures.map((each) => each[name]);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const least = (values: readonly number[]) => values.reduce((a, b) => Math.min(a, b), values[0] ?? 0);
  const most = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), 0);
  const average = (total: number) => (paid.length === 0 ? 0 : Math.floor(total / paid.length));
  const [totalFee, totalSize, totalWeight] = [sum(of("fee")), sum(of("size")), sum(of("weight"))];
  const ofWitness = figures.filter((_, i) => paid[i]!.hasWitness);

  const isCounted = (i: number) => height > 0 && !(i === 0 && repeatsCoinbase(headers, height, block.hash));
  let [outs, made, madeBytes, countedBytes] = [0, 0, 0, 0];
  for (const [i, { outputs }] of block.transactions.entries()) {
    for (const output of outputs) {
      const bytes = bytesOf(output);
      outs += 1;
      madeBytes += bytes;
      if (!isCounted(i) || isUnspendable(output.scriptPubKey)) continue;
      made += 1;
      countedBytes += bytes;
    }
  }
  const ins = sum(paid.map(({ inputs }) => inputs.length));
  const goneBytes = sum(spent.flatMap((coins) => coins.map(bytesOf)));
  return {
    avgfee: average(totalFee),
    avgfeerate: totalWeight === 0 ? 0 : Math.floor(totalFee * WITNESS_SCALE_FACTOR / totalWeight),
    avgtxsize: average(totalSize),
    blockhash: toDisplayHex(block.hash),
    feerate_percentiles: percentilesOf(figures.map(({ rate, weight }) => ({ rate, weight })), totalWeight),
    height,
    ins,
    maxfee: most(of("fee")),
    maxfeerate: most(of("rate")),
    maxtxsize: most(of("size")),
    medianfee: medianOf(of("fee")),
    mediantime: headers.medianTimePast(row),
    mediantxsize: medianOf(of("size")),
    minfee: least(of("fee")),
    minfeerate: least(of("rate")),
    mintxsize: least(of("size")),
    outs,
    subsidy: Number(subsidyAt(headers.network, height)),
    swtotal_size: sum(ofWitness.map(({ size }) => size)),
    swtotal_weight: sum(ofWitness.map(({ weight }) => weight)),
    swtxs: ofWitness.length,
    time: headers.time(row),
    total_out: sum(paid.flatMap(({ outputs }) => outputs.map(({ value }) => Number(value)))),
    total_size: totalSize,
    total_weight: totalWeight,
    totalfee: totalFee,
    txs: block.transactions.length,
    utxo_increase: outs - ins,
    utxo_size_inc: madeBytes - goneBytes,
    utxo_increase_actual: made - ins,
    utxo_size_inc_actual: countedBytes - goneBytes,
  };
}

/** The figures that were asked for, in the order of their names as Core has it; all when none were. Throws −8. */
function selected(all: RpcObject, names: readonly string[]): RpcObject {
  if (names.length === 0) return all;
  const chosen = new Map<string, RpcJson>();
  for (const name of [...new Set(names)].sort((a, b) => (a < b ? -1 : 1))) {
    const value = Object.hasOwn(all, name) ? all[name] : undefined;
    if (value === undefined) throw invalidParameter(`Invalid selected statistic '${name.slice(0, 100)}'`);
    chosen.set(name, value);
  }
  return Object.fromEntries(chosen);
}

/** The methods. */
export const blockStatsMethods: readonly Method[] = [
  {
    name: "getblockstats",
    category: "Blockchain",
    summary:
      "Figures of a block: fees, sizes, inputs and outputs. Amounts are in satoshi, fee rates in satoshi per vbyte.",
    params: [
      required("hash_or_height", "any", "The block's hash, or its height on the active chain"),
      optional("stats", "array", "The figures that are wanted", "all"),
    ],
    result: '{ "avgfee", "avgfeerate", "avgtxsize", … }    (object)',
    examples: ["getblockstats 1000", `getblockstats 1000 '["minfeerate","avgfeerate"]'`],
    async call(args, { context: { bitcoin } }) {
      const row = rowOfHashOrHeight(bitcoin, args.at(0));
      const names = args.texts(1);

      const block = Block.decode(await storedBlock(bitcoin, row));
      block.txids();
      const spent = await bitcoin.blocks.spentByInput(row, block);
      if (spent === undefined) throw new JsonRpcError(RpcCode.misc, "Can't read undo data from disk");
      return selected(blockStats(bitcoin.headers, row, block, spent), names);
    },
  },
];
