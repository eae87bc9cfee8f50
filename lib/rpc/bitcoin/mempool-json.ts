/**
 * The mempool as JSON.
 *
 * @see Bitcoin Core `rpc/mempool.cpp` (entryToJSON, MempoolInfoToJSON, MempoolToJSON)
 * @module
 */
import { toDisplayHex } from "../../bitcoin/hash.ts";
import type { MempoolEntry, TxMempool } from "../../bitcoin/mempool/mod.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import type { Clock } from "../../core/ports.ts";
import { invalidParameter, JsonRpcError, notFound, RpcCode } from "./error.ts";
import { amountJson, type RpcJson, type RpcObject } from "./json.ts";

/** What Core says where there is no mempool. */
export const NO_MEMPOOL = "Mempool disabled or instance not found";
/** Entries that are told of before others have their turn: a mempool may have a hundred thousand. */
const TOGETHER = 500;

/** The mempool. Throws −33 where none is kept: in light modes. */
export function mempoolOf({ mempool }: BitcoinService): TxMempool {
  if (mempool === undefined) throw new JsonRpcError(RpcCode.mempoolDisabled, NO_MEMPOOL);
  return mempool;
}

/** A transaction of the mempool. Throws −5 when it is not there. */
export function entryOf(mempool: TxMempool, txid: Uint8Array): MempoolEntry {
  const entry = mempool.get(txid);
  if (entry === undefined) throw notFound("Transaction not in mempool");
  return entry;
}

/** Satoshi as an amount. */
export const satoshiJson = (satoshi: number): RpcJson => amountJson(BigInt(satoshi));

const idsOf = (entries: readonly MempoolEntry[]) => entries.map(({ transaction }) => toDisplayHex(transaction.txid));
const sumOf = (entries: readonly MempoolEntry[], of: (entry: MempoolEntry) => number) =>
  entries.reduce((sum, entry) => sum + of(entry), 0);

/** What is told of a transaction of the mempool. */
export function entryJson({ mempool, relay }: BitcoinService, entry: MempoolEntry): RpcObject {
  const { transaction, vsize } = entry;
  const { parents, children, ancestors, descendants, chunk } = mempool!.relativesOf(transaction.txid)!;
  const with_ = (others: readonly MempoolEntry[]) => [entry, ...others];
  const fees = (others: readonly MempoolEntry[]) => satoshiJson(sumOf(with_(others), (each) => each.modifiedFee));
  const size = (others: readonly MempoolEntry[]) => sumOf(with_(others), (each) => each.vsize);
  return {
    vsize,
    vsize_bip141: transaction.vsize,
    vsize_adjusted: vsize,
    weight: transaction.weight,
    time: entry.time,
    height: entry.height,
    descendantcount: descendants.length + 1,
    descendantsize: size(descendants),
    ancestorcount: ancestors.length + 1,
    ancestorsize: size(ancestors),
    chunkweight: chunk.weight,
    wtxid: toDisplayHex(transaction.wtxid),
    fees: {
      base: satoshiJson(entry.fee),
      modified: satoshiJson(entry.modifiedFee),
      ancestor: fees(ancestors),
      descendant: fees(descendants),
      chunk: satoshiJson(chunk.fee),
    },
    depends: idsOf(parents),
    spentby: idsOf(children),
    unbroadcast: relay?.unbroadcast.has(transaction.txid) ?? false,
  };
}

/** What `getmempoolinfo` and `/rest/mempool/info` tell. */
export function mempoolInfoJson(bitcoin: BitcoinService): RpcObject {
  const mempool = mempoolOf(bitcoin);
  const { bytes, vsize, fees } = mempool.figures;
  const { policy } = mempool;
  return {
    loaded: mempool.storage.isLoaded,
    size: mempool.size,
    bytes: vsize,
    usage: bytes,
    total_fee: satoshiJson(fees),
    maxmempool: policy.bytesMax,
    mempoolminfee: satoshiJson(mempool.minimumFeeRate),
    minrelaytxfee: satoshiJson(policy.minRelayFeeRate),
    incrementalrelayfee: satoshiJson(policy.incrementalRelayFeeRate),
    unbroadcastcount: bitcoin.relay?.unbroadcast.size ?? 0,
    permitbaremultisig: policy.permitsBareMultisig,
    maxdatacarriersize: policy.dataCarrierBytesMax,
    limitclustercount: policy.clusterCountMax,
    limitclustersize: policy.clusterVbytesMax,
    optimal: mempool.isOptimal,
  };
}

/**
 * All of the mempool, as `getrawmempool` and `/rest/mempool/contents` tell it: ids, best first, or entries by id.
 * Throws −8 for a sequence number beside entries.
 */
export async function mempoolContentsJson(
  bitcoin: BitcoinService,
  clock: Clock,
  { isVerbose, hasSequence }: { readonly isVerbose: boolean; readonly hasSequence: boolean },
  signal: AbortSignal,
): Promise<RpcJson> {
  const mempool = mempoolOf(bitcoin);
  if (!isVerbose) {
    // Both of one moment.
    const [entries, sequence] = [mempool.byMiningScore(), mempool.sequence];
    const txids = idsOf(entries);
    return hasSequence ? { txids, mempool_sequence: sequence } : txids;
  }
  if (hasSequence) throw invalidParameter("Verbose results cannot contain mempool sequence values.");
  const told: Record<string, RpcJson> = {};
  let count = 0;
  for (const { transaction: { txid } } of mempool.byMiningScore()) {
    if (count++ % TOGETHER === TOGETHER - 1) await clock.sleep(0, signal);
    // It may have left meanwhile.
    const entry = mempool.get(txid);
    if (entry !== undefined) told[toDisplayHex(txid)] = entryJson(bitcoin, entry);
  }
  return told;
}
