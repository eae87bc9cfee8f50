/**
 * What the estimator has seen, as Core keeps it: `fee_estimates.dat`.
 *
 * Layout: version i32, unused i32, best height u32, first and last height u32 each, the bounds of the ranges, and for the
 * medium, the short and the long horizon: decay, scale u32, sums of feerates, confirmed, confirmed by period, failed by
 * period. Numbers are IEEE 754 doubles, all of it is little-endian, and lists have their length as a CompactSize before
 * them.
 *
 * @see Bitcoin Core `policy/fees/block_policy_estimator.cpp` (CBlockPolicyEstimator::Write, Read), `util/serfloat.cpp`
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { readCompactSize, writeCompactSize } from "../codec/mod.ts";
import { type ConfirmationAverages, Confirmations } from "./confirmations.ts";
import type { EstimatorState, Horizon } from "./estimator.ts";

/** The version that is written, and the only one that is read: with the ranges from 100 satoshi for 1000 virtual bytes on. */
const VERSION = 309_900;
const BUCKETS_MAX = 1_000;
/** Blocks of a week. */
const TARGET_MAX = 1_008;
const ORDER: readonly Horizon[] = ["medium", "short", "long"];
const DOUBLE_BYTES = 8;

const double = new DataView(new ArrayBuffer(DOUBLE_BYTES));

/** The bytes of the file. */
export function estimatesToBytes(
  { bestHeight, historyFirst, historyBest, buckets, statistics }: EstimatorState,
): Uint8Array {
  const writer = new Writer();
  const number = (value: number) => {
    double.setFloat64(0, value, true);
    writer.u64Le(double.getBigUint64(0, true));
  };
  const numbers = (values: Iterable<number> & { readonly length: number }) => {
    writeCompactSize(writer, values.length);
    for (const value of values) number(value);
  };
  const rows = (values: readonly Float64Array[]) => {
    writeCompactSize(writer, values.length);
    for (const row of values) numbers(row);
  };
  for (const value of [VERSION, 0, bestHeight, historyFirst, historyBest]) writer.u32Le(value);
  numbers(buckets);
  for (const horizon of ORDER) {
    const { decay, scale, feeRates, confirmed, within, failed } = statistics[horizon].averages;
    number(decay);
    writer.u32Le(scale);
    numbers(feeRates);
    numbers(confirmed);
    rows(within);
    rows(failed);
  }
  return writer.finish();
}

/**
 * What a file says; undefined for one of an earlier version, which has other ranges.
 *
 * @throws CodecError for a file that is damaged or of a later version
 */
export function estimatesFromBytes(bytes: Uint8Array): EstimatorState | undefined {
  const reader = new Reader(bytes);
  const wrong = (detail: string) => new CodecError("limit", detail, reader.offset);
  const version = reader.u32Le();
  reader.u32Le();
  if (version > VERSION) throw wrong(`version ${version}`);
  if (version < VERSION) return undefined;
  const [bestHeight, historyFirst, historyBest] = [reader.u32Le(), reader.u32Le(), reader.u32Le()];
  if (historyFirst > historyBest || historyBest > bestHeight) throw wrong("heights out of order");
  const number = () => {
    double.setBigUint64(0, reader.u64Le(), true);
    return double.getFloat64(0, true);
  };
  const numbers = (length?: number) => {
    const count = readCompactSize(reader);
    if (count !== (length ?? count) || count * DOUBLE_BYTES > reader.left) throw wrong(`${count} numbers`);
    return Float64Array.from({ length: count }, number);
  };
  const buckets = [...numbers()];
  if (buckets.length < 2 || buckets.length > BUCKETS_MAX) throw wrong(`${buckets.length} ranges`);
  const rows = (scale: number, periods?: number) => {
    const count = readCompactSize(reader);
    const isWrong = count !== (periods ?? count) || count < 1 || count * scale > TARGET_MAX;
    if (isWrong) throw wrong(`${count} periods of ${scale} blocks`);
    return Array.from({ length: count }, () => numbers(buckets.length));
  };
  const averages = (): ConfirmationAverages => {
    const decay = number();
    if (!(decay > 0 && decay < 1)) throw wrong(`a decay of ${decay}`);
    const scale = reader.u32Le();
    if (scale === 0) throw wrong("periods of no blocks");
    const [feeRates, confirmed] = [numbers(buckets.length), numbers(buckets.length)];
    const within = rows(scale);
    return { decay, scale, feeRates, confirmed, within, failed: rows(scale, within.length) };
  };
  const [medium, short, long] = ORDER.map(() => new Confirmations(buckets, averages()));
  return {
    bestHeight,
    historyFirst,
    historyBest,
    buckets,
    statistics: { medium: medium!, short: short!, long: long! },
  };
}
