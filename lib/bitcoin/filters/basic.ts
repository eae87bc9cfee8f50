/**
 * The basic filter of a block: what is in it, and the chain of filter headers.
 *
 * @see BIP158, "Contents" (basic filter type 0); BIP157, "Filter Headers"
 * @module
 */
import type { Bytes32 } from "../../codec/sized.ts";
import { sha256d } from "../hash.ts";
import type { Block } from "../types/block.ts";
import { GcsFilter } from "./gcs-filter.ts";

const OP_RETURN = 0x6a;

/** Whether a script that a block creates goes into its filter: not an empty one, and none that begins with OP_RETURN. */
export function isFilteredOutput(scriptPubKey: Uint8Array): boolean {
  return scriptPubKey.length > 0 && scriptPubKey[0] !== OP_RETURN;
}

/** The scripts of a block's outputs that its filter holds; one may come more than once. */
export function* filteredOutputs(block: Block): Generator<Uint8Array, void, undefined> {
  for (const transaction of block.transactions) {
    for (const { scriptPubKey } of transaction.outputs) if (isFilteredOutput(scriptPubKey)) yield scriptPubKey;
  }
}

/**
 * Builds the basic filter of a block.
 *
 * @param spentScripts the scriptPubKey of every output that the block spends, in any order
 */
export function buildBasicFilter(block: Block, spentScripts: Iterable<Uint8Array>): GcsFilter {
  const elements = [...filteredOutputs(block)];
  for (const script of spentScripts) if (script.length > 0) elements.push(script);
  return GcsFilter.build(block.hash, elements);
}

/** What a filter header commits to: the hash of the filter as it is sent. */
export function filterHash(filterBytes: Uint8Array): Bytes32 {
  return sha256d(filterBytes);
}

/** The filter header of a block. The genesis block's has 32 zeros for `previousHeader`. */
export function filterHeader(hash: Uint8Array, previousHeader: Uint8Array): Bytes32 {
  return sha256d(hash, previousHeader);
}

/** The filter headers of consecutive blocks, from their filter hashes and the header before them. */
export function filterHeaders(previousHeader: Uint8Array, hashes: readonly Uint8Array[]): Bytes32[] {
  let header = previousHeader;
  return hashes.map((hash) => header = filterHeader(hash, header));
}
