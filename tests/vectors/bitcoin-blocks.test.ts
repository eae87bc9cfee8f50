/**
 * Real blocks of mainnet and testnet3: decoded, encoded back, their hashes and what they commit to.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { Reader } from "../../lib/codec/reader.ts";
import { fromDisplayHex, toDisplayHex } from "../../lib/bitcoin/hash.ts";
import { Block, merkleRoot, Transaction, TxOutputCodec } from "../../lib/bitcoin/types/mod.ts";
import { bitcoinBytes, bitcoinDataMissing, bitcoinJson, bitcoinText } from "./bitcoin-data.ts";

interface Known {
  readonly file: string;
  readonly hash: string;
  readonly witness: boolean;
}

const blocks: readonly Known[] = [
  ["bitcoinj-block169482.dat", "0000000000000756935f1ee9d5987857b604046f846d3df56d024cdb5f368665", false],
  ["bitcoinj-block227835.dat", "00000000000001aa077d7aa84c532a4d69bdbff519609d1da0835261b7a74eb6", false],
  ["bitcoinj-block227836.dat", "00000000000000d0dfd4c9d588d325dce4f32c1b31b7c0064cba7025a9b9adcc", false],
  ["bitcoinj-block363703.dat", "0000000000000000011b2a4cb91b63886ffe0d2263fd17ac5a9b902a219e0a14", false],
  ["bitcoinj-block481829.dat", "000000000000000000917cba69f69b758fe396c8e30ae97bbcf08c4eb975e726", true],
  ["bitcoinj-block_testnet21066.dat", "0000000004053156021d8e42459d284220a7f6e087bf78f30179c3703ca4eefa", false],
  ["bitcoinj-block_testnet32768.dat", "000000007590ba495b58338a5806c2b6f10af921a70dbd814e0da3c6957c0c03", false],
  ["btcd-1602407a.blk", "0000000000000000001602407ac49862a7bca9d00f7f402db20b7be2f5de59d2", true],
  ["rust-mainnet-c835b2ad.raw", "000000000000000000000c835b2adcaedc20fdf6ee440009c249452c726dafae", true],
  ["rust-testnet-45e0b16.raw", "000000000000045e0b1660b6445b5e5c5ab63c9a4f956be7e1e69be04fa4497b", true],
  ["bcoin-block300025.raw", "0000000000000000821c4e0acc40f88bedbce3b73ba2358b5ade58a9022cc78c", false],
  ["bcoin-block928816.raw", "00000000000001c4b87edf974ddc601d88dda332265b9849a944a5ff0141a378", true],
  ["bcoin-block928831.raw", "00000000000001ad19468cbe4010a97942e7d81346f6bd0273f0698dc8022c0a", true],
  ["bcoin-block928927.raw", "000000000000003dbbbd9a56f9eab083ea8206cd5ffc63d1c758cbe6b5cbe4eb", true],
  ["bcoin-block1087400.raw", "0000000003db83e6ab01a6ebb26ad2b1481688009141c9afc204c54284e1ba66", true],
  ["bcoin-block426884.raw", "00000000000000000431d0ead6e0bd9f90ff0d469e9b05d51e3d04971f472973", false],
  ["bcoin-block482683.raw", "000000000000000000c238240ef6dcb26c37e75e16514e6ffc0aef7eee73e747", true],
  ["mainnet-413567.raw", "0000000000000000025aff8be8a55df8f89c77296db6198f272d6577325d4069", false],
].map(([file, hash, witness]) => ({ file: `blocks/${file}`, hash: String(hash), witness: witness === true }));

describe("real blocks", () => {
  for (const { file, hash, witness } of blocks) {
    test(
      `${file} decodes, encodes back and holds what its header commits to`,
      { skip: bitcoinDataMissing(file) },
      () => {
        const bytes = bitcoinBytes(file);
        const block = Block.decode(bytes);
        assert.equal(toDisplayHex(block.hash), hash);
        const { root, mutated } = block.merkleRoot();
        assert.equal(toHex(root), toHex(block.header.merkleRoot));
        assert.equal(mutated, false);
        assert.deepEqual(
          block.witnessCommitment(),
          witness ? { kind: "present", matches: true } : { kind: "absent" },
          "every witness is committed to",
        );
        assert.ok(block.transactions[0]!.isCoinbase && block.transactions.slice(1).every((tx) => !tx.isCoinbase));
        assert.ok(block.weight <= 4_000_000);
        assert.equal(block.stripped.length, block.strippedSize);

        // From the parts alone, nothing of the original bytes remains.
        const rebuilt = block.transactions.map((tx) => Transaction.of(tx));
        rebuilt.forEach((tx, i) => {
          assert.equal(toHex(tx.txid), toHex(block.transactions[i]!.txid));
          assert.equal(toHex(tx.wtxid), toHex(block.transactions[i]!.wtxid));
        });
        assert.deepEqual(Block.of(block.header, rebuilt).raw, bytes);
        assert.deepEqual(Block.decode(block.stripped).txids(), block.txids(), "txids do not depend on witnesses");
      },
    );
  }

  test("a changed witness leaves the txids and breaks the commitment", {
    skip: bitcoinDataMissing("blocks/bcoin-block1087400.raw"),
  }, () => {
    const bytes = bitcoinBytes("blocks/bcoin-block1087400.raw");
    const spoiled = bytes.slice();
    const last = Block.decode(spoiled).transactions.findLast(({ hasWitness }) => hasWitness)!.raw;
    last[last.length - 5]! ^= 1; // the last byte before the lock time: of a witness, and of the block since it is a view
    assert.notDeepEqual(spoiled, bytes);
    const block = Block.decode(spoiled);
    assert.equal(toHex(block.merkleRoot().root), toHex(block.header.merkleRoot), "txids do not cover witnesses");
    assert.deepEqual(block.witnessCommitment(), { kind: "present", matches: false });
  });

  for (const name of ["block300025", "block928816", "block928831", "block928927", "block1087400"]) {
    const file = `blocks/bcoin-${name}-undo.raw`;
    test(`${file}: as many spent outputs as inputs, and no fee is negative`, { skip: bitcoinDataMissing(file) }, () => {
      const block = Block.decode(bitcoinBytes(`blocks/bcoin-${name}.raw`));
      const undo = new Reader(bitcoinBytes(file));
      for (const { inputs, outputs } of block.transactions.slice(1)) {
        const spent = inputs.reduce((sum) => sum + TxOutputCodec.read(undo).value, 0n);
        assert.ok(spent >= outputs.reduce((sum, { value }) => sum + value, 0n));
      }
      undo.finish();
    });
  }

  test("mainnet blocks 1 to 255 connect to each other", { skip: packedMissing("btcd/blocks1-256.bz2") }, () => {
    const bytes = bunzip("btcd/blocks1-256.bz2");
    let previous = fromDisplayHex("000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f");
    let count = 0;
    for (const raw of framedBlocks(bytes)) {
      const block = Block.decode(raw);
      assert.equal(toHex(block.header.prevBlockHash), toHex(previous));
      assert.equal(toHex(block.merkleRoot().root), toHex(block.header.merkleRoot));
      previous = block.hash;
      count++;
    }
    assert.ok(count >= 255, `${count} blocks`);
  });

  test("mainnet block 277647", { skip: packedMissing("btcd/277647.dat.bz2") }, () => {
    const bytes = bunzip("btcd/277647.dat.bz2");
    const [raw] = [...framedBlocks(bytes)];
    const block = Block.decode(raw!);
    assert.equal(toHex(block.merkleRoot().root), toHex(block.header.merkleRoot));
  });

  test("the blocks of btcd's reorganisation", { skip: bitcoinDataMissing("btcd/reorgtest.hex") }, () => {
    const text = bitcoinText("btcd/reorgtest.hex");
    const hex = text.split(/^Block \d+:$|^File path:.*$/m).map((part) => part.replaceAll(/\s/g, ""));
    const found = hex.filter((part) => part.startsWith("f9beb4d9")).flatMap((part) => [...framedBlocks(fromHex(part))]);
    assert.ok(found.length >= 5, `${found.length} blocks`);
    for (const raw of found) {
      const block = Block.decode(raw);
      assert.equal(toHex(block.merkleRoot().root), toHex(block.header.merkleRoot));
      assert.deepEqual(Block.of(block.header, block.transactions).raw, raw);
    }
  });
});

describe("blocks of other projects' tests", () => {
  interface Fixture {
    readonly description: string;
    readonly id: string;
    readonly hex: string;
    readonly version: number;
    readonly prevHash: string;
    readonly merkleRoot: string;
    readonly timestamp: number;
    readonly bits: number;
    readonly nonce: number;
    readonly size?: number;
    readonly strippedSize?: number;
    readonly weight?: number;
    readonly witnessCommit?: string;
  }

  test("bitcoinjs block.json", { skip: bitcoinDataMissing("bitcoinjs/block.json") }, () => {
    const { valid } = bitcoinJson<{ valid: Fixture[] }>("bitcoinjs/block.json");
    const whole = valid.filter(({ hex }) => hex.length > 160);
    for (const f of whole) {
      const block = Block.decode(fromHex(f.hex));
      assert.equal(toDisplayHex(block.hash), f.id, f.description);
      assert.equal(block.header.version, f.version | 0);
      assert.equal(toHex(block.header.prevBlockHash), f.prevHash);
      assert.equal(toHex(block.header.merkleRoot), f.merkleRoot);
      assert.equal(block.header.time, f.timestamp);
      assert.equal(block.header.bits, f.bits);
      assert.equal(block.header.nonce, f.nonce);
      if (f.size !== undefined) assert.equal(block.size, f.size);
      if (f.strippedSize !== undefined) assert.equal(block.strippedSize, f.strippedSize);
      if (f.weight !== undefined) assert.equal(block.weight, f.weight);
      assert.equal(toHex(block.raw), f.hex);
      assert.equal(block.witnessCommitment().kind === "present", f.witnessCommit !== undefined, f.description);
    }
    assert.ok(whole.length >= 5, `${whole.length} blocks`);
  });

  test("bitcoinjs core-blocks.json", { skip: bitcoinDataMissing("bitcoinjs/core-blocks.json") }, () => {
    const fixtures = bitcoinJson<{ id: string; transactions: number; hex: string }[]>("bitcoinjs/core-blocks.json");
    for (const { id, transactions, hex } of fixtures) {
      const block = Block.decode(fromHex(hex));
      assert.equal(toDisplayHex(block.hash), id);
      assert.equal(block.transactions.length, transactions);
      assert.equal(toHex(Block.of(block.header, block.transactions.map((tx) => Transaction.of(tx))).raw), hex);
    }
    assert.ok(fixtures.length >= 5);
  });

  test("the testnet blocks of BIP158", { skip: bitcoinDataMissing("core/blockfilters.json") }, () => {
    const rows = bitcoinJson<[number, string, string, ...unknown[]][]>("core/blockfilters.json").slice(1);
    for (const [height, hash, hex] of rows) {
      const block = Block.decode(fromHex(hex));
      assert.equal(toDisplayHex(block.hash), hash, `height ${height}`);
      assert.equal(toHex(block.merkleRoot().root), toHex(block.header.merkleRoot));
    }
    assert.ok(rows.length >= 9);
  });

  const checked = "core-derived/python-bitcoinlib-checkblock_valid.json";
  test("python-bitcoinlib's valid blocks", { skip: bitcoinDataMissing(checked) }, () => {
    const rows = bitcoinJson<unknown[][]>(checked).filter((row) => row.length === 5);
    for (const [comment, isHeader, , , hex] of rows) {
      assert.equal(isHeader, false, "they are whole blocks");
      const block = Block.decode(fromHex(String(hex)));
      assert.equal(toHex(block.merkleRoot().root), toHex(block.header.merkleRoot), String(comment));
    }
    assert.ok(rows.length >= 4);
  });
});

describe("CVE-2012-2459 on real blocks", () => {
  const file = "blocks/rust-testnet-45e0b16.raw";
  test("the last transactions repeated keep the root, and the tree is called mutated", {
    skip: bitcoinDataMissing(file),
  }, () => {
    const block = Block.decode(bitcoinBytes(file));
    const txids = block.txids();
    // Cut to a length whose half is odd: then the last pair can be sent twice.
    const honest = txids.slice(0, 6);
    const repeated = [...honest, honest[4]!, honest[5]!];
    assert.equal(honest.length, 6, "the block has enough transactions");
    assert.deepEqual(merkleRoot(repeated).root, merkleRoot(honest).root);
    assert.equal(merkleRoot(honest).mutated, false);
    assert.equal(merkleRoot(repeated).mutated, true);
  });
});

/** Blocks with magic and length before each. */
function* framedBlocks(bytes: Uint8Array): Generator<Uint8Array> {
  const reader = new Reader(bytes);
  while (reader.left > 0) {
    assert.equal(toHex(reader.take(4)), "f9beb4d9");
    yield reader.take(reader.u32Le());
  }
}

/** Neither runtime unpacks bzip2; the program does where it is installed. */
function packedMissing(name: string): string | false {
  const missing = bitcoinDataMissing(name);
  return missing || (spawnSync("bzip2", ["--help"]).error === undefined ? false : "no bzip2 on this machine");
}

function bunzip(name: string): Uint8Array {
  const done = spawnSync("bzip2", ["-dc"], { input: bitcoinBytes(name), maxBuffer: 64 * 1024 * 1024 });
  assert.equal(done.status, 0, String(done.stderr));
  return new Uint8Array(done.stdout);
}
