import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import {
  customSignet,
  genesisBlock,
  mainnet,
  networkByName,
  networks,
  regtest,
  signet,
} from "../../../lib/bitcoin/networks/mod.ts";
import { headerHash, headerToBytes } from "../../../lib/bitcoin/types/header.ts";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";

describe("genesisBlock()", () => {
  test("builds a block whose header, hash and bytes agree, on each network", () => {
    for (const { name, genesis } of Object.values(networks)) {
      assert.deepEqual(headerToBytes(genesis.header), genesis.headerBytes, name);
      assert.deepEqual(headerHash(genesis.header), genesis.hash, name);
      assert.deepEqual(genesis.blockBytes.subarray(0, 80), genesis.headerBytes, name);
    }
  });

  test("builds the first block there ever was", () => {
    assert.equal(mainnet.genesis.blockBytes.length, 285);
    assert.equal(
      toDisplayHex(mainnet.genesis.header.merkleRoot),
      "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b",
    );
  });

  test("does not start a chain of its own when a number is wrong", () => {
    const hash = toDisplayHex(mainnet.genesis.hash);
    const spec = { message: "?", outputKey: new Uint8Array(33), time: 1, bits: 1, nonce: 1, hash };
    assert.throws(() => genesisBlock(spec), /genesis hashes to/);
  });
});

describe("customSignet()", () => {
  test("takes its magic from the challenge", () => {
    // The challenge and magic of Core's getchainparams-signet-custom.json.
    const own = customSignet(fromHex("512102f7561d208dd9ae99bf497273e16f389bdbd6c4742ddb8e6b216e64fa2928ad8f51ae"));
    assert.equal(toHex(own.magic), "a5df2dcb");
    assert.equal(own.minimumChainWork, 0n);
    assert.equal(own.assumeValid, undefined);
    assert.deepEqual(own.genesis.hash, signet.genesis.hash);
  });

  test("counts a long challenge in three bytes", () => {
    assert.notDeepEqual(customSignet(new Uint8Array(253)).magic, customSignet(new Uint8Array(252)).magic);
  });

  test("refuses a challenge that is no script", () => {
    for (const length of [0, 10_001]) assert.throws(() => customSignet(new Uint8Array(length)), RangeError);
  });
});

test("networkByName() knows our names and Core's", () => {
  assert.equal(networkByName("regtest"), regtest);
  assert.equal(networkByName("main"), mainnet);
  assert.equal(networkByName("test")?.name, "testnet3");
  assert.equal(networkByName("simnet"), undefined);
});

test("no two networks share a magic or a port", () => {
  const all = Object.values(networks);
  assert.equal(new Set(all.map(({ magic }) => toHex(magic))).size, all.length);
  assert.equal(new Set(all.flatMap(({ defaultPort, rpcPort }) => [defaultPort, rpcPort])).size, 2 * all.length);
});

test("checkpoints rise and lie below what is assumed valid", () => {
  for (const { name, checkpoints, assumeValid } of Object.values(networks)) {
    const heights = checkpoints.map(({ height }) => height);
    assert.deepEqual(heights, heights.toSorted((a, b) => a - b), name);
    assert.ok((heights.at(-1) ?? 0) <= (assumeValid?.height ?? 0), name);
  }
});
