/** Real blocks, and blocks of the reference implementations' tests, held against the rules that need no earlier output. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { heightPush } from "../../lib/bitcoin/chain/block-checks.ts";
import { HeaderChain } from "../../lib/bitcoin/headers/header-chain.ts";
import { HeaderBatch } from "../../lib/bitcoin/headers/header-batch.ts";
import { checkProofOfWork } from "../../lib/bitcoin/headers/pow.ts";
import { blockView, structureValidator } from "../../lib/bitcoin/chain/validator.ts";
import { type BitcoinNetwork, mainnet, testnet3 } from "../../lib/bitcoin/networks/mod.ts";
import { Block } from "../../lib/bitcoin/types/block.ts";
import { HEADER_BYTES } from "../../lib/bitcoin/types/header.ts";
import { fromHex } from "../../lib/codec/hex.ts";
import { concat } from "../unit/bitcoin-chain/mining.ts";
import { bitcoinBytes, bitcoinDataMissing, bitcoinJson, bitcoinText } from "./bitcoin-data.ts";

const OK = { ok: true };
const NOW = 2_000_000_000;

/** Blocks as btcd keeps them: magic, length, block. */
function framed(bytes: Uint8Array): Block[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const blocks: Block[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 8 + view.getUint32(at + 4, true);
    blocks.push(Block.decode(bytes.subarray(at + 8, end)));
    at = end;
  }
  return blocks;
}

describe("structureValidator passes a real block", () => {
  const blocks: readonly (readonly [file: string, network: BitcoinNetwork, height: number])[] = [
    ["bitcoinj-block169482.dat", mainnet, 169_482],
    ["bitcoinj-block227835.dat", mainnet, 227_835],
    ["bitcoinj-block227836.dat", mainnet, 227_836],
    ["bcoin-block300025.raw", mainnet, 300_025],
    ["bitcoinj-block363703.dat", mainnet, 363_703],
    ["mainnet-413567.raw", mainnet, 413_567],
    ["bcoin-block426884.raw", mainnet, 426_884],
    ["bitcoinj-block481829.dat", mainnet, 481_829],
    ["bcoin-block482683.raw", mainnet, 482_683],
    ["btcd-1602407a.blk", mainnet, 574_200],
    ["rust-mainnet-c835b2ad.raw", mainnet, 702_861],
    ["bitcoinj-block_testnet21066.dat", testnet3, 21_066],
    ["bitcoinj-block_testnet32768.dat", testnet3, 32_768],
    ["rust-testnet-45e0b16.raw", testnet3, 924_634],
    ["bcoin-block928816.raw", testnet3, 928_816],
    ["bcoin-block928831.raw", testnet3, 928_831],
    ["bcoin-block928927.raw", testnet3, 928_927],
    ["bcoin-block1087400.raw", testnet3, 1_087_400],
  ];
  for (const [file, network, height] of blocks) {
    const path = `blocks/${file}`;
    test(`${network.name} ${height}`, { skip: bitcoinDataMissing(path) }, () => {
      const block = Block.decode(bitcoinBytes(path));
      // The parent's median time is not in the file; the block's own is above it, and so takes nothing away.
      const view = { network, height, parentMedianTimePast: block.header.time };
      assert.deepEqual(structureValidator.check(block, view), OK);
      if (height < network.heights.bip34) return;
      const wrong = structureValidator.check(block, { ...view, height: height + 1 });
      assert.equal(wrong.ok ? "ok" : wrong.reason, "bad-cb-height");
    });
  }
});

describe("python-bitcoinlib's checkblock vectors", () => {
  const path = "core-derived/python-bitcoinlib-checkblock_valid.json";
  test("pass", { skip: bitcoinDataMissing(path) }, () => {
    type Row =
      | readonly [comment: string, header: boolean, checkPow: boolean, now: number, hex: string]
      | readonly [string];
    let count = 0;
    for (const row of bitcoinJson<Row[]>(path)) {
      if (row.length === 1) continue;
      const [comment, isHeader, , now, hex] = row;
      const bytes = fromHex(hex);
      const batch = HeaderBatch.fromBytes(bytes.subarray(0, HEADER_BYTES));
      assert.equal(batch.firstWithoutWork(mainnet.pow), -1, comment);
      assert.ok(checkProofOfWork(batch.hash(0), batch.bits(0), mainnet.pow), comment);
      assert.ok(batch.time(0) <= now + 7_200, comment);
      if (!isHeader) {
        const view = { network: mainnet, height: 100_000, parentMedianTimePast: now };
        assert.deepEqual(structureValidator.check(Block.decode(bytes), view), OK, comment);
      }
      count++;
    }
    assert.equal(count, 4);
  });
});

describe("btcd's chains of blocks", () => {
  const packed = "btcd/blocks1-256.bz2";
  const file = new URL(`../../../shared/vectors/bitcoin/${packed}`, import.meta.url);
  const unpacked = existsSync(file)
    ? spawnSync("bzip2", ["-dc"], { input: readFileSync(file), maxBuffer: 1 << 26 })
    : undefined;
  const skip = bitcoinDataMissing(packed) || (unpacked?.status === 0 ? false : "no bzip2 to unpack it with");

  test("1 to 255 of the main chain pass, each at its place", { skip }, () => {
    const blocks = framed(new Uint8Array(unpacked!.stdout));
    const chain = new HeaderChain(mainnet);
    const headers = concat(...blocks.map(({ raw }) => raw.subarray(0, HEADER_BYTES)));
    assert.equal(chain.accept(HeaderBatch.fromBytes(headers), NOW).added, 255);
    for (const [i, block] of blocks.entries()) {
      const row = chain.atHeight(i + 1);
      assert.deepEqual(chain.hash(row), block.hash);
      assert.deepEqual(structureValidator.check(block, blockView(chain, row)), OK, String(i + 1));
    }
  });

  const reorg = "btcd/reorgtest.hex";
  test("of its reorganisation test: two branches, the later one longer", { skip: bitcoinDataMissing(reorg) }, () => {
    // A dump for people: lines of hex are indented, headings are not.
    const digits = bitcoinText(reorg).split("\n").filter((line) => line.startsWith(" ")).join("").replace(/\s/g, "");
    const [, ...blocks] = framed(fromHex(digits));
    const [main, rival] = [blocks.slice(0, 4), blocks.slice(4)];
    const chain = new HeaderChain(mainnet);
    const take = (part: readonly Block[]) =>
      chain.accept(HeaderBatch.fromBytes(concat(...part.map(({ raw }) => raw.subarray(0, HEADER_BYTES)))), NOW);
    assert.deepEqual(take(main), { added: 4, last: 4, bestChanged: true });
    assert.deepEqual(take(rival.slice(0, 2)), { added: 2, last: 6, bestChanged: false });
    assert.deepEqual(take(rival), { added: 1, last: 7, bestChanged: true });
    assert.equal(chain.height(chain.best), 5);
    assert.equal(chain.height(chain.commonAncestor(4, 7)), 2);
    for (const block of blocks) {
      assert.deepEqual(structureValidator.check(block, blockView(chain, chain.find(block.hash))), OK);
    }
  });
});

test("heightPush() starts the coinbase of testnet3's height 32,768, whose number needs a byte for the sign", {
  skip: bitcoinDataMissing("blocks/bitcoinj-block_testnet32768.dat"),
}, () => {
  const block = Block.decode(bitcoinBytes("blocks/bitcoinj-block_testnet32768.dat"));
  const script = block.transactions[0]!.inputs[0]!.scriptSig;
  assert.deepEqual(script.subarray(0, 4), heightPush(32_768));
});
