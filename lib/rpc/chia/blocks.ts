/**
 * `get_block*`: blocks and their records.
 *
 * @see chia-blockchain 2.7.5 `chia/full_node/full_node_rpc_api.py`
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { BlockRecord, FullBlock } from "../../chia/types/mod.ts";
import type { Json, JsonObject } from "../../codec/json.ts";
import { RpcError } from "../errors.ts";
import { has, isTruthy, item, optional, pythonRepr, required, toHash, toInt, toUint } from "./arguments.ts";
import type { ChiaRoutes } from "./route.ts";
import { networkSpace } from "./space.ts";

/** Raw bytes of blocks in one answer; their JSON has about twice as many. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** Records in one answer: about 2 kB of JSON each. */
const ANSWER_RECORDS_MAX = 20_000;
/** Heights read from the store at a time. */
const PAGE = 32;
/** Blocks of one height that are shown; more than a handful are an attack on our memory. */
const ORPHANS_MAX = 16;

function tooLarge(): RpcError {
  return new RpcError("API_ERROR", "the answer would be too large: ask for fewer heights at a time");
}

/** The start and end of a range; whatever the fields hold, `uint32` of each height in it must be possible. */
function rangeOf(request: Json): { start: bigint; end: bigint } {
  // Both are asked for before either is read, so that a text that names one of them fails for the other.
  if (!has(request, "start")) throw new RpcError("NO_START_IN_REQUEST", "No start in request");
  if (!has(request, "end")) throw new RpcError("NO_END_IN_REQUEST", "No end in request");
  return { start: toInt(item(request, "start")), end: toInt(item(request, "end")) };
}

/** The text of a `height` field inside a message: `str()` of what came. */
function pythonStr(value: Json): string {
  return typeof value === "string" ? value : pythonRepr(value);
}

/** The routes about blocks. */
export const blockRoutes = {
  async get_block(request, { chia }) {
    const headerHash = toHash(
      required(request, "header_hash", "NO_HEADER_HASH_IN_REQUEST", "No header_hash in request"),
    );
    const raw = await chia.store.block(headerHash);
    if (raw === undefined) {
      const hex = toHex(headerHash);
      throw new RpcError("BLOCK_NOT_FOUND", `Block ${hex} not found`, "Block not found", { header_hash: hex });
    }
    return { block: FullBlock.toJson(FullBlock.decode(raw)) };
  },

  async get_blocks(request, { chia }, signal) {
    const { start, end } = rangeOf(request);
    const withoutHash = isTruthy(optional(request, "exclude_header_hash"));
    const mainOnly = isTruthy(optional(request, "exclude_reorged"));
    if (start >= end) return { blocks: [] };
    // The reference makes the whole list of heights first, and stumbles over the first that is no uint32.
    const first = toUint(start, 32);
    if (end > 2n ** 32n) toUint(2n ** 32n, 32);
    const peak = await chia.store.peak();
    const last = Math.min(Number(end), (peak?.height ?? -1) + 1 + ORPHANS_MAX);
    const blocks: JsonObject[] = [];
    let bytes = 0;
    for (let from = first; from < last; from += PAGE) {
      signal.throwIfAborted();
      const to = Math.min(last, from + PAGE);
      for (const { record, raw, main } of await chia.store.blocksAt(from, to, PAGE * ORPHANS_MAX)) {
        if (mainOnly && !main) continue;
        bytes += raw.length;
        if (bytes > ANSWER_BYTES_MAX) throw tooLarge();
        const json = FullBlock.toJson(FullBlock.decode(raw));
        blocks.push(withoutHash ? json : { ...json, header_hash: toHex(record.headerHash) });
      }
    }
    return { blocks };
  },

  async get_block_record_by_height(request, { chia }) {
    const height = required(request, "height", "NO_HEIGHT_IN_REQUEST", "No height in request");
    const wanted = toUint(height, 32);
    const peak = await chia.store.peak();
    if (peak === undefined || wanted > peak.height) {
      throw new RpcError(
        "BLOCK_HEIGHT_NOT_FOUND",
        `Block height ${pythonStr(height)} not found in chain`,
        "Block height not found in chain",
        { height },
      );
    }
    const [record] = await chia.store.mainRecords(wanted, wanted + 1);
    if (record === undefined) {
      throw new RpcError(
        "BLOCK_HASH_NOT_FOUND",
        `Block hash ${pythonStr(height)} not found in chain`,
        "Block hash not found in chain",
        { height },
      );
    }
    return { block_record: BlockRecord.toJson(record) };
  },

  async get_block_record(request, { chia }) {
    const headerHash = toHash(
      required(request, "header_hash", "HEADER_HASH_NOT_IN_REQUEST", "header_hash not in request"),
    );
    const record = await chia.store.record(headerHash);
    if (record === undefined) {
      const hex = toHex(headerHash);
      throw new RpcError("BLOCK_DOES_NOT_EXIST", `Block ${hex} does not exist`, "Block does not exist", {
        header_hash: hex,
      });
    }
    return { block_record: BlockRecord.toJson(record) };
  },

  async get_block_records(request, { chia }, signal) {
    const { start, end } = rangeOf(request);
    const peak = await chia.store.peak();
    if (peak === undefined) throw new RpcError("PEAK_IS_NONE", "Peak is None");
    if (start >= end) return { block_records: [] };
    const first = toUint(start, 32);
    const last = Math.min(Number(end), peak.height + 1);
    if (last - first > ANSWER_RECORDS_MAX) throw tooLarge();
    const records: Json[] = [];
    for (let from = first; from < last; from += PAGE) {
      signal.throwIfAborted();
      for (const record of await chia.store.mainRecords(from, Math.min(last, from + PAGE))) {
        const height = first + records.length;
        if (record.height !== height) throw missingHeight(height);
        records.push(BlockRecord.toJson(record));
      }
    }
    if (first + records.length < last) throw missingHeight(first + records.length);
    return { block_records: records };
  },

  async get_network_space(request, { chia }) {
    if (!has(request, "newer_block_header_hash") || !has(request, "older_block_header_hash")) {
      throw new RpcError(
        "INVALID_NETWORK_SPACE_REQUEST",
        "Invalid request. newer_block_header_hash and older_block_header_hash required",
      );
    }
    const newerHex = item(request, "newer_block_header_hash");
    const olderHex = item(request, "older_block_header_hash");
    if (newerHex === olderHex) throw new RpcError("NEW_AND_OLD_MUST_DIFFER", "New and old must not be the same");
    const newerHash = toHash(newerHex);
    const olderHash = toHash(olderHex);
    const newer = await chia.store.record(newerHash);
    if (newer === undefined) {
      throw new RpcError(
        "NEWER_BLOCK_NOT_FOUND",
        `Newer block ${pythonStr(newerHex)} not found`,
        "Newer block not found",
        {
          header_hash: newerHex,
        },
      );
    }
    const older = await chia.store.record(olderHash);
    if (older === undefined) {
      throw new RpcError(
        "OLDER_BLOCK_NOT_FOUND",
        `Older block ${pythonStr(olderHex)} not found`,
        "Older block not found",
        {
          header_hash: olderHex,
        },
      );
    }
    return { space: networkSpace(chia.network.constants, newer, older) };
  },
} as const satisfies ChiaRoutes;

function missingHeight(height: number): RpcError {
  return new RpcError("HEIGHT_NOT_IN_BLOCKCHAIN", `Height not in blockchain: ${height}`, "Height not in blockchain", {
    height,
  });
}
