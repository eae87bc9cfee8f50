/**
 * Merkle blocks, Bloom filters, compact blocks, and small encodings.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { Reader } from "../../lib/codec/reader.ts";
import { Writer } from "../../lib/codec/writer.ts";
import { readVarInt, writeVarInt } from "../../lib/bitcoin/codec/mod.ts";
import { toDisplayHex } from "../../lib/bitcoin/hash.ts";
import {
  Block,
  BloomFilter,
  buildPartialMerkleTree,
  compactBlock,
  extractMatches,
  headerHash,
  headerToBytes,
  murmurHash3,
  shortIdKey,
  shortIdOf,
} from "../../lib/bitcoin/types/mod.ts";
import { CmpctBlock, FilterLoad, MerkleBlock } from "../../lib/bitcoin/wire/mod.ts";
import { bitcoinBytes, bitcoinDataMissing, bitcoinJson, bitcoinText } from "./bitcoin-data.ts";

describe("Bloom filters", () => {
  test("MurmurHash3", { skip: bitcoinDataMissing("derived/murmurhash3.json") }, () => {
    const { cases } = bitcoinJson<{ cases: { seed: number; data: string; expected: number }[] }>(
      "derived/murmurhash3.json",
    );
    for (const { seed, data, expected } of cases) assert.equal(murmurHash3(seed, fromHex(data)), expected, data);
    assert.ok(cases.length >= 14);
  });

  interface Case {
    readonly elements: number;
    readonly fp: number;
    readonly tweak: number;
    readonly flags: number;
    readonly insert: string[];
    readonly serialised: string;
  }
  test("filters made and serialised", { skip: bitcoinDataMissing("derived/bloom.json") }, () => {
    const { cases } = bitcoinJson<{ cases: Case[] }>("derived/bloom.json");
    for (const { elements, fp, tweak, flags, insert, serialised } of cases) {
      const filter = BloomFilter.sized({ elements, falsePositives: fp, tweak, flags });
      for (const hex of insert) filter.insert(fromHex(hex));
      assert.equal(toHex(FilterLoad.encode(filter.parameters)), serialised);
      const received = new BloomFilter(FilterLoad.decode(fromHex(serialised)));
      for (const hex of insert) assert.ok(received.contains(fromHex(hex)));
      assert.ok(!received.contains(fromHex("19108ad8ed9bb6274d3980bab5a85c048f0950c8")));
    }
    assert.equal(cases.length, 2);
  });
});

describe("Merkle blocks", () => {
  test("rust-bitcoin's, of block 13b8a", { skip: bitcoinDataMissing("rust/merkle_block.hex") }, () => {
    const payload = fromHex(bitcoinText("rust/merkle_block.hex").trim());
    const merkleBlock = MerkleBlock.decode(payload);
    assert.deepEqual(MerkleBlock.encode(merkleBlock), payload);
    const block = Block.decode(fromHex(bitcoinText("rust/block_13b8a.hex").trim()));
    assert.deepEqual(headerHash(merkleBlock.header), block.hash);
    const { root, matches } = extractMatches(merkleBlock);
    assert.equal(toHex(root), toHex(block.header.merkleRoot));
    assert.ok(matches.length > 0);
    for (const { index, txid } of matches) assert.deepEqual(txid, block.transactions[index]!.txid);
    // Built from the whole block, it is the same bytes.
    const proved = new Set(matches.map(({ index }) => index));
    const tree = buildPartialMerkleTree(block.txids(), (index) => proved.has(index));
    assert.deepEqual(MerkleBlock.encode({ header: block.header, ...tree }), payload);
  });

  test("bcoin's, of block 300025", { skip: bitcoinDataMissing("blocks/bcoin-merkle300025.raw") }, () => {
    const payload = bitcoinBytes("blocks/bcoin-merkle300025.raw");
    const merkleBlock = MerkleBlock.decode(payload);
    assert.deepEqual(MerkleBlock.encode(merkleBlock), payload);
    const block = Block.decode(bitcoinBytes("blocks/bcoin-block300025.raw"));
    const { root, matches } = extractMatches(merkleBlock);
    assert.equal(toHex(root), toHex(block.header.merkleRoot));
    const proved = new Set(matches.map(({ index }) => index));
    assert.ok(proved.size > 0);
    const tree = buildPartialMerkleTree(block.txids(), (index) => proved.has(index));
    assert.deepEqual(MerkleBlock.encode({ header: block.header, ...tree }), payload);
  });
});

describe("compact blocks", () => {
  const file = "blocks/bcoin-compact426884.raw";
  test("the compact form of block 426884", { skip: bitcoinDataMissing(file) }, () => {
    const payload = bitcoinBytes(file);
    const compact = CmpctBlock.decode(payload);
    assert.deepEqual(CmpctBlock.encode(compact), payload);
    const block = Block.decode(bitcoinBytes("blocks/bcoin-block426884.raw"));
    assert.deepEqual(headerToBytes(compact.header), headerToBytes(block.header));
    assert.equal(compact.shortIds.length + compact.prefilled.length, block.transactions.length);
    const key = shortIdKey(compact.header, compact.nonce);
    const whole = new Set(compact.prefilled.map(({ index }) => index));
    const missing = block.transactions.filter((_, index) => !whole.has(index));
    assert.deepEqual(compact.shortIds, missing.map(({ wtxid }) => shortIdOf(key, wtxid)));
    for (const { index, transaction } of compact.prefilled) {
      assert.equal(toDisplayHex(transaction.txid), toDisplayHex(block.transactions[index]!.txid));
    }
    assert.deepEqual(CmpctBlock.encode(compactBlock(block, compact.nonce)), payload, "made from the block");
  });
});

describe("numbers on disk", () => {
  test("VARINT", { skip: bitcoinDataMissing("derived/encodings.json") }, () => {
    const { varint } = bitcoinJson<{ varint: [number, string][] }>("derived/encodings.json");
    for (const [value, hex] of [...varint, [255, "807f"], [16384, "ff00"]] as [number, string][]) {
      const writer = new Writer();
      writeVarInt(writer, value);
      assert.equal(toHex(writer.finish()), hex);
      assert.equal(readVarInt(new Reader(fromHex(hex))), value);
    }
    assert.ok(varint.length >= 6);
  });
});
