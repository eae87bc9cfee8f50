/**
 * Messages of connections that are filtered by a Bloom filter.
 *
 * @see BIP37, BIP111
 * @module
 */
import { hash, struct, u32, varBytes, vector } from "../codec/mod.ts";
import { FilterParameters } from "../types/bloom-filter.ts";
import { headerCodec } from "../types/header-codec.ts";
import { message } from "./message.ts";

/** Bytes of one element (the longest push of a script). */
export const FILTER_ELEMENT_BYTES_MAX = 520;

/** Sets the filter of the connection. */
export const FilterLoad = message({
  type: "filterload",
  shortId: 8,
  summary: "Sets a Bloom filter for announced transactions and filtered blocks.",
  source: "BIP37",
  excess: "discourage",
  body: FilterParameters,
});

/** Adds one element to the filter. */
export const FilterAdd = message({
  type: "filteradd",
  shortId: 6,
  summary: "Adds an element to the Bloom filter.",
  source: "BIP37",
  excess: "discourage",
  body: struct("filteradd", { data: varBytes(FILTER_ELEMENT_BYTES_MAX) }),
});

/** Takes the filter away. */
export const FilterClear = message({
  type: "filterclear",
  shortId: 7,
  summary: "Takes the Bloom filter away.",
  source: "BIP37",
  body: struct("filterclear", {}),
});

/** A header and the part of its Merkle tree that leads to the transactions a filter matched; see `PartialMerkleTree`. */
export const MerkleBlock = message({
  type: "merkleblock",
  shortId: 16,
  summary: "Delivers a header and the proof of the matched transactions.",
  source: "BIP37",
  body: struct("merkleblock", { header: headerCodec, transactionCount: u32, hashes: vector(hash), flags: varBytes() }),
});
