/**
 * Builds headers and index anew from the bytes of blocks, without copying a block: when the database is lost, or on request.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { sha256d } from "../hash.ts";
import { HEADER_BYTES } from "../types/header.ts";
import type { SqlBitcoinStore } from "./sql.ts";

/** Takes in what is found. */
export interface ReindexSink {
  /**
   * Headers, 80 bytes each and at most 2,000, each the child of the one before it as in a `headers` message. The parent
   * of the first was given before or is genesis; some may be known already.
   */
  headers(bytes: Uint8Array): Promise<void> | void;
  /** A block whose header was given before, in any order. Resolves when there is room for the next. */
  block(raw: Uint8Array): Promise<void> | void;
}

/** What a {@link reindexBlocks} found. */
export interface ReindexResult {
  readonly headers: number;
  readonly blocks: number;
  /** Stretches of block files, or rows, that hold no good block; what was in them will be asked for again. */
  readonly damaged: number;
}

/** Headers that are handed over together, as many as a peer sends. */
const BATCH_HEADERS = 2_000;

/**
 * Gives every header and every block whose bytes are there to `sink`, and lets the store keep the blocks where they lie.
 * Blocks whose ancestors are not all there are left out, and removed, files when nothing in them is of use:
 * so a pruned store starts over. Afterwards the store is no longer `reindexing`; until then a restart begins again.
 *
 * `flush` must resolve when everything that the sink took in is committed.
 */
export async function reindexBlocks(
  store: SqlBitcoinStore,
  genesisHash: Uint8Array,
  sink: ReindexSink,
  flush: () => Promise<void>,
  signal?: AbortSignal,
): Promise<ReindexResult> {
  const { known, count: headers } = await reindexHeaders(store, genesisHash, sink, signal);
  let blocks = 0;
  let damaged = 0;
  for await (const found of store.blockBytes.scan("block", () => damaged += 1)) {
    signal?.throwIfAborted();
    const hash = sha256d(found.bytes.subarray(0, HEADER_BYTES));
    if (!known.has(toHex(hash)) || await found.isNamed()) continue;
    found.adopt();
    await sink.block(found.bytes);
    blocks += 1;
  }
  await flush();
  await store.finishReindex();
  return { headers, blocks, damaged };
}

/** First the headers alone, since blocks lie in the order in which they came: a child may lie before its parent. */
async function reindexHeaders(
  store: SqlBitcoinStore,
  genesisHash: Uint8Array,
  sink: ReindexSink,
  signal: AbortSignal | undefined,
): Promise<{ readonly known: Set<string>; readonly count: number }> {
  const known = new Set([toHex(genesisHash)]);
  /** Headers whose parent was not found yet, by its hash. */
  const waiting = new Map<string, Uint8Array[]>();
  let batch: Uint8Array[] = [];
  let last = "";
  const hand = async () => {
    const bytes = new Uint8Array(batch.length * HEADER_BYTES);
    batch.forEach((header, i) => bytes.set(header, i * HEADER_BYTES));
    batch = [];
    if (bytes.length > 0) await sink.headers(bytes);
  };
  for await (const { bytes } of store.blockBytes.scan("header")) {
    signal?.throwIfAborted();
    const parent = parentOf(bytes);
    if (!known.has(parent)) {
      const siblings = waiting.get(parent);
      if (siblings === undefined) waiting.set(parent, [bytes]);
      else siblings.push(bytes);
      continue;
    }
    // Depth first: a branch to its end before the next one begins.
    const reached = [bytes];
    for (let header = reached.pop(); header !== undefined; header = reached.pop()) {
      const hash = toHex(sha256d(header));
      if (known.has(hash)) continue;
      if (parentOf(header) !== last || batch.length >= BATCH_HEADERS) await hand();
      known.add(hash);
      batch.push(header);
      last = hash;
      reached.push(...waiting.get(hash) ?? []);
      waiting.delete(hash);
    }
  }
  await hand();
  return { known, count: known.size };
}

/** Hash of the parent, as a key. */
const parentOf = (header: Uint8Array): string => toHex(header.subarray(4, 36));
