/** Headers and network parameters held against data of the reference implementations. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { permittedDifficultyTransition, retarget } from "../../lib/bitcoin/headers/difficulty.ts";
import { HeaderBatch, HEADERS_MAX } from "../../lib/bitcoin/headers/header-batch.ts";
import { HeaderChain } from "../../lib/bitcoin/headers/header-chain.ts";
import { HeadersPresync, releasedBatch } from "../../lib/bitcoin/headers/presync.ts";
import { blockWork, checkProofOfWork, compactToTarget, difficultyOf } from "../../lib/bitcoin/headers/pow.ts";
import { fromDisplayHex, sha256d, toDisplayHex } from "../../lib/bitcoin/hash.ts";
import {
  type BitcoinNetwork,
  customSignet,
  mainnet,
  networks,
  regtest,
  signet,
  testnet3,
  testnet4,
} from "../../lib/bitcoin/networks/mod.ts";
import { HEADER_BYTES, headerFromBytes, headerHash, headerToBytes } from "../../lib/bitcoin/types/header.ts";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { batchOf, concat, headersPayload, mine } from "../unit/bitcoin-chain/mining.ts";
import { bitcoinDataMissing, bitcoinJson, bitcoinText } from "./bitcoin-data.ts";
import { altHeaders, MAINNET_ALT } from "./bitcoin-mainnet-alt.ts";

const NOW = 2_000_000_000;
const numberOf = (hex: string) => Number.parseInt(hex, 16);

describe("the parameters of Bitcoin Core", () => {
  const file = new URL("../../../shared/spec/bitcoin-chainparams.json", import.meta.url);
  const skip = existsSync(file) ? false : "no ../shared/spec/bitcoin-chainparams.json";
  interface NamedBlock {
    readonly height: number;
    readonly hash: string;
  }
  interface CoreParams {
    readonly [name: string]: unknown;
    readonly genesis: { readonly blockHex: string; readonly headerHex: string; readonly hash: string };
    readonly powLimit: string;
    readonly powLimitCompact: string;
    readonly bip34Hash: string;
    readonly minimumChainWork: string;
    readonly assumeValid: NamedBlock | null;
    readonly base58: Record<string, number> & { readonly extPublicKey: string; readonly extSecretKey: string };
    readonly bip30Exceptions?: readonly NamedBlock[];
    readonly scriptFlagExceptions: readonly { readonly blockHash: string; readonly flags: readonly string[] }[];
  }
  const read = () => (JSON.parse(readFileSync(file, "utf8")) as { networks: Record<string, CoreParams> }).networks;
  const known = ({ height, hash }: NamedBlock) => ({ height, hash: fromDisplayHex(hash) });

  for (const network of Object.values(networks) as BitcoinNetwork[]) {
    test(`are ours on ${network.name}`, { skip }, () => {
      const theirs = read()[network.name]!;
      const { pow, genesis, heights } = network;
      assert.equal(network.chain, theirs.chainName);
      assert.equal(toHex(network.magic), theirs.magic);
      assert.deepEqual([network.defaultPort, network.rpcPort], [theirs.p2pPort, theirs.rpcPort]);
      assert.equal(network.dataSubdir, theirs.dataSubdir);
      assert.deepEqual(network.dnsSeeds, theirs.dnsSeeds);
      assert.equal(toHex(genesis.blockBytes), theirs.genesis.blockHex);
      assert.equal(toHex(genesis.headerBytes), theirs.genesis.headerHex);
      assert.equal(toDisplayHex(genesis.hash), theirs.genesis.hash);
      assert.equal(pow.limit, BigInt(`0x${theirs.powLimit}`));
      assert.equal(pow.limitBits, numberOf(theirs.powLimitCompact));
      assert.deepEqual(
        [pow.targetSpacing, pow.targetTimespan, pow.interval],
        [theirs.powTargetSpacing, theirs.powTargetTimespan, theirs.difficultyAdjustmentInterval],
      );
      assert.deepEqual(
        [pow.allowMinDifficultyBlocks, pow.noRetargeting, pow.enforceBip94],
        [theirs.powAllowMinDifficultyBlocks, theirs.powNoRetargeting, theirs.enforceBIP94],
      );
      assert.deepEqual(heights, theirs.heights);
      const bip34Hash = /^0+$/.test(theirs.bip34Hash) ? undefined : fromDisplayHex(theirs.bip34Hash);
      assert.deepEqual(network.bip34Hash, bip34Hash);
      assert.equal(network.subsidyHalvingInterval, theirs.subsidyHalvingInterval);
      assert.equal(network.minimumChainWork, BigInt(`0x${theirs.minimumChainWork}`));
      assert.deepEqual(network.assumeValid, theirs.assumeValid === null ? undefined : known(theirs.assumeValid));
      assert.deepEqual(network.headersSync, theirs.headersSync);
      const { extPublicKey, extSecretKey, ...base58 } = theirs.base58;
      assert.deepEqual(network.base58, {
        ...base58,
        extPublicKey: numberOf(extPublicKey),
        extSecretKey: numberOf(extSecretKey),
      });
      assert.equal(network.bech32Hrp, theirs.bech32Hrp);
      assert.equal(network.pruneAfterHeight, theirs.pruneAfterHeight);
      assert.equal(network.signetChallenge && toHex(network.signetChallenge), theirs.signetChallenge);
      assert.deepEqual(network.bip30Exceptions, (theirs.bip30Exceptions ?? []).map(known));
      assert.deepEqual(
        network.scriptFlagExceptions,
        theirs.scriptFlagExceptions.map(({ blockHash, flags }) => ({ hash: fromDisplayHex(blockHash), flags })),
      );
    });
  }

  interface Printed {
    readonly chain: string;
    readonly test_chain: boolean;
    readonly genesis: string;
    readonly subsidy_halving_interval: number;
    readonly pow: { readonly limit: string; readonly target_spacing?: number; readonly mindiff_blocks?: string };
    readonly net: { readonly default_port: number; readonly magic: string; readonly dns_seeds: readonly string[] };
    readonly addresses: { readonly bech32_hrp: string };
    readonly signet?: { readonly challenge: string };
  }
  for (const [name, network] of Object.entries({ mainnet, testnet: testnet3, testnet4, signet, regtest })) {
    const path = `core/util/getchainparams-${name}.json`;
    test(`are those that bitcoin-util prints for ${name}`, { skip: bitcoinDataMissing(path) }, () => {
      const printed = bitcoinJson<Printed>(path);
      assert.equal(network.chain, printed.chain);
      assert.equal(network.testChain, printed.test_chain);
      assert.equal(toHex(network.genesis.hash), printed.genesis);
      assert.equal(network.subsidyHalvingInterval, printed.subsidy_halving_interval);
      assert.equal(network.pow.limit, BigInt(`0x${printed.pow.limit}`));
      assert.equal(network.pow.targetSpacing, printed.pow.target_spacing ?? 600);
      assert.equal(network.defaultPort, printed.net.default_port);
      assert.equal(toHex(network.magic), printed.net.magic);
      assert.equal(network.bech32Hrp, printed.addresses.bech32_hrp);
      const seeds = printed.net.dns_seeds.filter((seed) => !seed.endsWith(".invalid."));
      assert.deepEqual(network.dnsSeeds, seeds.map((seed) => seed.replace(/\.$/, "")));
    });
  }

  const custom = "core/util/getchainparams-signet-custom.json";
  test("give a custom signet its magic", { skip: bitcoinDataMissing(custom) }, () => {
    const printed = bitcoinJson<Printed>(custom);
    const network = customSignet(fromHex(printed.signet!.challenge));
    assert.equal(toHex(network.magic), printed.net.magic);
    assert.equal(toHex(network.genesis.hash), printed.genesis);
    assert.deepEqual(network.dnsSeeds, printed.net.dns_seeds);
  });
});

test("retarget() gives the bits of Core's pow_tests", { skip: bitcoinDataMissing("derived/pow.json") }, () => {
  interface Case {
    readonly firstTime: number;
    readonly lastTime: number;
    readonly lastHeight: number;
    readonly lastBits: string;
    readonly expected: string;
    readonly permittedTransitionFails?: string;
  }
  const { cases } = bitcoinJson<{ cases: Case[] }>("derived/pow.json");
  for (const { firstTime, lastTime, lastHeight, lastBits, expected, permittedTransitionFails } of cases) {
    const bits = retarget(mainnet.pow, numberOf(lastBits), firstTime, lastTime);
    assert.equal(bits, numberOf(expected));
    assert.ok(permittedDifficultyTransition(mainnet.pow, lastHeight + 1, numberOf(lastBits), bits));
    if (permittedTransitionFails === undefined) continue;
    const refused = numberOf(permittedTransitionFails);
    assert.ok(!permittedDifficultyTransition(mainnet.pow, lastHeight + 1, numberOf(lastBits), refused));
  }
  assert.equal(cases.length, 4);
});

describe("bitcoinj's checkpoints", () => {
  interface Checkpoint {
    readonly work: bigint;
    readonly height: number;
    readonly header: Uint8Array;
  }
  function read(name: string): Checkpoint[] {
    // A title, a count of signatures, a count, then one record a line.
    return bitcoinText(name).trim().split("\n").slice(3).map((line) => {
      const bytes = Uint8Array.from(atob(line + "=".repeat(-line.length & 3)), (char) => char.charCodeAt(0));
      const workBytes = bytes.length - 4 - HEADER_BYTES;
      const height = new DataView(bytes.buffer).getUint32(workBytes);
      return {
        work: BigInt(`0x${toHex(bytes.subarray(0, workBytes))}`),
        height,
        header: bytes.subarray(workBytes + 4),
      };
    });
  }

  for (const [network, records] of [[mainnet, 436], [signet, 114]] as const) {
    const name = `headers/bitcoinj-${network.name}.checkpoints.txt`;
    test(`of ${network.name}: work, proof and transitions of every period`, { skip: bitcoinDataMissing(name) }, () => {
      const checkpoints = read(name);
      assert.equal(checkpoints.length, records);
      let before = { work: blockWork(network.pow.limitBits), height: 0, bits: network.genesis.header.bits };
      for (const { work, height, header } of checkpoints) {
        const { bits } = headerFromBytes(header);
        assert.ok(checkProofOfWork(sha256d(header), bits, network.pow), String(height));
        assert.equal(height, before.height + network.pow.interval);
        assert.ok(permittedDifficultyTransition(network.pow, height, before.bits, bits), String(height));
        // All blocks of a period have the bits of its first.
        assert.equal(work, before.work + 2015n * blockWork(before.bits) + blockWork(bits), String(height));
        before = { work, height, bits };
      }
    });
  }
});

describe("Core's alternate main chain", { skip: bitcoinDataMissing(MAINNET_ALT) }, () => {
  test("is accepted through its retarget, from messages of a peer", () => {
    const chain = new HeaderChain(mainnet);
    const headers = altHeaders();
    for (let i = 0; i < headers.length; i += HEADERS_MAX) {
      const batch = HeaderBatch.fromPayload(headersPayload(headers.slice(i, i + HEADERS_MAX)));
      assert.equal(chain.accept(batch, NOW).refusal, undefined);
    }
    assert.equal(chain.height(chain.best), 2016);
    assert.equal(chain.bits(chain.atHeight(2015)), 0x1d00ffff);
    assert.equal(chain.bits(chain.best), 0x1c3fffc0);
    assert.equal(difficultyOf(chain.bits(chain.best)), 4);
    assert.equal(compactToTarget(chain.bits(chain.best)).target, 0x3fffc0n << 200n);
  });

  test("is refused where its retarget is not made", () => {
    const chain = new HeaderChain({ ...mainnet, pow: { ...mainnet.pow, noRetargeting: true } });
    const result = chain.accept(HeaderBatch.fromBytes(concat(...altHeaders())), NOW);
    assert.equal(result.refusal?.reason, "bad-diffbits");
    assert.equal(result.refusedAt, 2015);
  });

  test("passes a presync, and enters the tree only then", () => {
    const chain = new HeaderChain(mainnet);
    const batches = [altHeaders().slice(0, HEADERS_MAX), altHeaders().slice(HEADERS_MAX)]
      .map((part) => HeaderBatch.fromBytes(concat(...part)));
    const whole = new HeaderChain(mainnet);
    for (const batch of batches) whole.accept(batch, NOW);
    const minimumWork = whole.work(whole.best);
    const presync = new HeadersPresync({ chain, start: 0, minimumWork, now: NOW, random: new SeededRandom(1) });
    assert.deepEqual(batches.map((batch, i) => presync.next(batch, i === 0).headers.length), [0, 0]);
    for (const [i, batch] of batches.entries()) {
      const released = releasedBatch(presync.next(batch, i === 0));
      if (released !== undefined) chain.accept(released, NOW);
    }
    assert.equal(chain.work(chain.best), minimumWork);
  });

  test("falls short of the main network's minimum work", () => {
    const chain = new HeaderChain(mainnet);
    const batch = HeaderBatch.fromBytes(concat(...altHeaders().slice(0, HEADERS_MAX)));
    const { minimumChainWork: minimumWork } = mainnet;
    const presync = new HeadersPresync({ chain, start: 0, minimumWork, now: NOW, random: new SeededRandom(1) });
    assert.equal(presync.next(batch, false).failure, "incomplete");
  });
});

describe("the main chain's first blocks", () => {
  const lines = "headers/btcd-blockheaders-mainnet-1-11.txt";
  test("1 to 11, from btcd's headers", { skip: bitcoinDataMissing(lines) }, () => {
    const headers = bitcoinText(lines).trim().split(/\s+/).map(fromHex);
    const chain = new HeaderChain(mainnet);
    assert.deepEqual(chain.accept(HeaderBatch.fromBytes(concat(...headers)), NOW), {
      added: 11,
      last: 11,
      bestChanged: true,
    });
    assert.equal(
      toDisplayHex(chain.hash(chain.best)),
      "0000000097be56d606cdd9c54b04d4747e957d3608abe69198c661f2add73073",
    );
  });

  const packed = "btcd/blocks1-256.bz2";
  const file = new URL(`../../../shared/vectors/bitcoin/${packed}`, import.meta.url);
  const unpacked = existsSync(file)
    ? spawnSync("bzip2", ["-dc"], { input: readFileSync(file), maxBuffer: 1 << 26 })
    : undefined;
  const skip = bitcoinDataMissing(packed) || (unpacked?.status === 0 ? false : "no bzip2 to unpack it with");
  test("1 to 255, from btcd's blocks", { skip }, () => {
    const bytes = new Uint8Array(unpacked!.stdout);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const headers: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += 8 + view.getUint32(at + 4, true)) {
      assert.deepEqual(bytes.subarray(at, at + 4), mainnet.magic);
      headers.push(bytes.subarray(at + 8, at + 8 + HEADER_BYTES));
    }
    const chain = new HeaderChain(mainnet);
    const result = chain.accept(HeaderBatch.fromPayload(headersPayload(headers)), NOW);
    assert.deepEqual(result, { added: 255, last: 255, bestChanged: true });
    assert.equal(chain.work(chain.best), 256n * blockWork(0x1d00ffff));
  });
});

test("a regtest chain of 20,000 headers syncs in ten messages", () => {
  const headers = mine(regtest.genesis.header, 20_000, { spacing: 60 });
  const chain = new HeaderChain(regtest);
  for (let i = 0; i < headers.length; i += HEADERS_MAX) {
    const payload = headersPayload(headers.slice(i, i + HEADERS_MAX).map(headerToBytes));
    assert.equal(chain.accept(HeaderBatch.fromPayload(payload), NOW).added, HEADERS_MAX);
  }
  assert.equal(chain.height(chain.best), 20_000);
  assert.deepEqual(chain.hash(chain.best), headerHash(headers.at(-1)!));
  // A reorganisation of a thousand, and back again.
  const rival = mine(headers[18_999]!, 1_001, { spacing: 60, salt: 77 });
  assert.equal(chain.accept(batchOf(rival), NOW).bestChanged, true);
  assert.deepEqual(chain.hash(chain.atHeight(20_001)), headerHash(rival[1_000]!));
  assert.deepEqual(chain.hash(chain.atHeight(19_000)), headerHash(headers[18_999]!));
  chain.markInvalid(chain.find(headerHash(rival[500]!)));
  assert.deepEqual(chain.hash(chain.best), headerHash(headers[19_999]!));
});
