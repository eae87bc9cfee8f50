/**
 * The regression test network: everybody mines, the target never changes.
 *
 * @see Bitcoin Core 31.99 @58a7869 `kernel/chainparams.cpp`, CRegTestParams
 * @module
 */
import { regtestCoins } from "./assumed-coins.ts";
import { fromHex } from "../../codec/hex.ts";
import { genesisBlock, SATOSHI_KEY, SATOSHI_MESSAGE } from "./genesis.ts";
import type { BitcoinNetwork } from "./network.ts";
import { testnet3 } from "./testnet3.ts";

const { bip34Hash: _hash, assumeValid: _valid, ...base } = testnet3;

/** The regression test network. */
export const regtest = {
  ...base,
  name: "regtest",
  chain: "regtest",
  dataSubdir: "regtest",
  magic: fromHex("fabfb5da"),
  defaultPort: 18444,
  rpcPort: 18443,
  seedHosts: [],
  dnsSeeds: [],
  genesis: genesisBlock({
    message: SATOSHI_MESSAGE,
    outputKey: SATOSHI_KEY,
    time: 1296688602,
    bits: 0x207fffff,
    nonce: 2,
    hash: "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
  }),
  pow: {
    limit: (1n << 255n) - 1n,
    limitBits: 0x207fffff,
    targetSpacing: 600,
    targetTimespan: 86_400,
    interval: 144,
    allowMinDifficultyBlocks: true,
    noRetargeting: true,
    enforceBip94: false,
  },
  heights: { bip34: 1, bip65: 1, bip66: 1, csv: 1, segwit: 0, taproot: 0 },
  // No rule at all: for tests of the voting.
  deployments: [{
    name: "testdummy",
    bit: 28,
    startTime: 0n,
    timeout: 2n ** 63n - 1n,
    minActivationHeight: 0,
    period: 144,
    threshold: 108,
  }],
  subsidyHalvingInterval: 150,
  assumedCoins: regtestCoins,
  minimumChainWork: 0n,
  checkpoints: [],
  scriptFlagExceptions: [],
  headersSync: { commitmentPeriod: 275, redownloadBufferSize: 7017 },
  bech32Hrp: "bcrt",
} as const satisfies BitcoinNetwork;
