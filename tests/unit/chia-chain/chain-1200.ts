/** The recorded chain of 1,200 blocks, its constants and the reference's own records (tests/data/chia/README.md). */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { type ChiaConstants, readConstants } from "../../../lib/chia/networks/mod.ts";
import { type Json, parseJson } from "../../../lib/codec/json.ts";
import { Foliage, FullBlock } from "../../../lib/chia/types/mod.ts";
import type { Candidate } from "../../../lib/chia/chain/verdict.ts";

const file = (name: string) => new URL(`../../data/chia/${name}`, import.meta.url);

/** One row of chain-1200.json: what the reference says of a block. */
export interface ReferenceRow {
  readonly height: number;
  readonly header_hash: string;
  readonly record: { readonly [name: string]: Json };
}

/** The constants and rows of the chain. */
export function referenceChain(): { constants: ChiaConstants; rows: readonly ReferenceRow[] } {
  const text = gunzipSync(readFileSync(file("chain-1200.json.gz"))).toString("utf8");
  const json = parseJson(text) as unknown as { constants: Record<string, unknown>; rows: readonly ReferenceRow[] };
  return { constants: readConstants(json.constants), rows: json.rows };
}

/** Each block's bytes, in height order; of another recording when one is named. */
export function recordedBlocks(name = "chain-1200"): Uint8Array[] {
  const bytes = new Uint8Array(gunzipSync(readFileSync(file(`${name}.bin.gz`))));
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint32(at);
    blocks.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return blocks;
}

/** A block as the validator takes it. */
export function candidateOf(raw: Uint8Array): Candidate {
  const block = FullBlock.decode(raw);
  return { block, raw, headerHash: Foliage.hash(block.foliage) };
}
