/**
 * Blocks out of replies, each decoded once and with its own bytes. Nothing is copied: blocks share the memory of the
 * message that they came in, so code that keeps a part of one for long must copy it.
 *
 * @module
 */
import { Reader } from "../../codec/reader.ts";
import { CodecError } from "../../codec/error.ts";
import type { Candidate } from "./verdict.ts";
import { Foliage, FullBlock } from "../types/mod.ts";

function readCandidate(reader: Reader): Candidate {
  const from = reader.offset;
  const block = FullBlock.read(reader);
  return { block, raw: reader.bytes.subarray(from, reader.offset), headerHash: Foliage.hash(block.foliage) };
}

/** A block from its bytes. @throws CodecError */
export function candidateOf(raw: Uint8Array): Candidate {
  const reader = new Reader(raw);
  const candidate = readCandidate(reader);
  reader.finish();
  return candidate;
}

/**
 * The blocks of a `respond_blocks` body; undefined when there are more or fewer than `expected`. It is not decoded then:
 * a reply may have 50 MB, and be tens of thousands of the smallest blocks. @throws CodecError
 */
export function readRespondBlocks(data: Uint8Array, expected: number): readonly Candidate[] | undefined {
  const reader = new Reader(data);
  // The heights that it says it covers; those in the blocks count.
  reader.skip(8);
  if (reader.u32() !== expected) return undefined;
  const blocks: Candidate[] = [];
  for (let i = 0; i < expected; i++) {
    try {
      blocks.push(readCandidate(reader));
    } catch (thrown) {
      throw thrown instanceof CodecError ? thrown.within(`blocks[${i}]`).within("RespondBlocks") : thrown;
    }
  }
  reader.finish();
  return blocks;
}
