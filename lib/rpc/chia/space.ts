/**
 * The estimates that the reference makes from two block records: space of the network and time between blocks.
 * They are floating point there; the same operations in the same order give the same last digit here.
 *
 * @see chia-blockchain 2.7.5 `FullNodeRpcApi.get_network_space`, `get_average_block_time`
 * @module
 */
import type { ChiaConstants } from "../../chia/networks/network.ts";
import type { ChiaStore } from "../../chia/store.ts";
import type { BlockRecord } from "../../chia/types/mod.ts";
import { RpcError } from "../errors.ts";

/** `UI_ACTUAL_SPACE_CONSTANT_FACTOR` of `chia/consensus/pos_quality.py`. */
const SPACE_FACTOR = 0.78;
/** Blocks that the averages look back over: about a day. */
export const DAY_BLOCKS = 4_608;

/** Bits of the plot filter at a height, for plots of version 1: the filter halves at each of these heights. */
function prefixBits(constants: ChiaConstants, height: number): number {
  const number = (name: string, absent: number) => {
    const value = constants.all[name];
    return typeof value === "number" || typeof value === "bigint" ? Number(value) : absent;
  };
  const reductions = ["HARD_FORK_HEIGHT", "PLOT_FILTER_128_HEIGHT", "PLOT_FILTER_64_HEIGHT", "PLOT_FILTER_32_HEIGHT"]
    .filter((name) => height >= number(name, Infinity)).length;
  return Math.max(0, number("NUMBER_ZERO_BITS_PLOT_FILTER_V1", 9) - reductions);
}

/** Quotient of two integers, rounded once to the nearest double, as Python's `/` does it. */
export function trueDivide(a: bigint, b: bigint): number {
  const negative = (a < 0n) !== (b < 0n);
  const x = a < 0n ? -a : a;
  const y = b < 0n ? -b : b;
  const shift = Math.max(0, 66 - (x.toString(2).length - y.toString(2).length));
  const scaled = x << BigInt(shift);
  // The last bit stands for all that was cut off, so that Number() rounds to the right side.
  const quotient = (scaled / y) | (scaled % y === 0n ? 0n : 1n);
  const result = Number(quotient) * 2 ** -shift;
  return negative ? -result : result;
}

/** Bytes of plots that must exist for the weight gained between two blocks. Throws as the reference does. */
export function networkSpace(constants: ChiaConstants, newer: BlockRecord, older: BlockRecord): bigint {
  const iterations = newer.totalIters - older.totalIters;
  if (iterations === 0n) throw new RpcError("UNKNOWN", "division by zero");
  const weightPerIteration = trueDivide(newer.weight - older.weight, iterations);
  const bytes = SPACE_FACTOR * weightPerIteration * Number(constants.DIFFICULTY_CONSTANT_FACTOR) *
    2 ** prefixBits(constants, newer.height);
  const space = BigInt(Math.trunc(bytes));
  if (space < 0n || space >= 1n << 128n) throw new RpcError("UNKNOWN", `Value ${space} does not fit into uint128`);
  return space;
}

async function nearestTransactionBlock(store: ChiaStore, block: BlockRecord): Promise<BlockRecord | undefined> {
  if (block.timestamp !== null) return block;
  return (await store.mainRecords(block.prevTransactionBlockHeight, block.prevTransactionBlockHeight + 1))[0];
}

/** Mean seconds between blocks over the last day; null when the chain is too short or does not reach back far enough. */
export async function averageBlockTime(store: ChiaStore, peak: BlockRecord): Promise<number | null> {
  const newer = await nearestTransactionBlock(store, peak);
  if (newer === undefined || newer.height < 1) return null;
  const from = Math.max(1, newer.height - DAY_BLOCKS);
  const [start] = await store.mainRecords(from, from + 1);
  const older = start && await nearestTransactionBlock(store, start);
  if (older === undefined || older.height === newer.height) return null;
  if (newer.timestamp === null || older.timestamp === null) return null;
  return Math.trunc(trueDivide(newer.timestamp - older.timestamp, BigInt(newer.height - older.height)));
}
