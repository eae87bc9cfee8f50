/**
 * The main network.
 *
 * @see Bitcoin Core 31.99 @58a7869 `kernel/chainparams.cpp`, CMainParams
 * @module
 */
import { mainnetCoins } from "./assumed-coins.ts";
import { fromHex } from "../../codec/hex.ts";
import { fromDisplayHex } from "../hash.ts";
import { mainnetCheckpoints } from "./checkpoints.ts";
import { genesisBlock, SATOSHI_KEY, SATOSHI_MESSAGE } from "./genesis.ts";
import { mainnetSeedHosts } from "./mainnet-seeds.ts";
import type { BitcoinNetwork } from "./network.ts";

/** The main network. */
export const mainnet = {
  name: "mainnet",
  chain: "main",
  dataSubdir: "",
  testChain: false,
  magic: fromHex("f9beb4d9"),
  defaultPort: 8333,
  rpcPort: 8332,
  dnsSeeds: [
    "dnsseed.bluematt.me",
    "seed.bitcoin.jonasschnelli.ch",
    "seed.btc.petertodd.net",
    "seed.bitcoin.sprovoost.nl",
    "dnsseed.emzy.de",
    "seed.bitcoin.wiz.biz",
    "seed.mainnet.achownodes.xyz",
  ],
  seedHosts: mainnetSeedHosts,
  genesis: genesisBlock({
    message: SATOSHI_MESSAGE,
    outputKey: SATOSHI_KEY,
    time: 1231006505,
    bits: 0x1d00ffff,
    nonce: 2083236893,
    hash: "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
  }),
  pow: {
    limit: (1n << 224n) - 1n,
    limitBits: 0x1d00ffff,
    targetSpacing: 600,
    targetTimespan: 1_209_600,
    interval: 2016,
    allowMinDifficultyBlocks: false,
    noRetargeting: false,
    enforceBip94: false,
  },
  heights: {
    bip34: 227931,
    bip65: 388381, // 000000000000000004c2b624ed5d7756c508d90fd0da2c7c679febfa6c4735f0
    bip66: 363725, // 00000000000000000379eaa19dce8c9b722d46ae6a57c2f1a988119488b50931
    csv: 419328, // 000000000000000004a1b34462cb8aeebd5799177f7a29cf28f2d1961716b5b5
    segwit: 481824, // 0000000000000000001c8018d9cb3b742ef25114f27563e3fc4a1902167f9893
    taproot: 709632,
  },
  deployments: [],
  bip34Hash: fromDisplayHex("000000000000024b89b42a942fe0d9fea3bb44ab7bd1b19115dd6a759c0808b8"),
  subsidyHalvingInterval: 210_000,
  minimumChainWork: 0x1128750f82f4c366153a3a030n,
  assumeValid: {
    height: 938343,
    hash: fromDisplayHex("00000000000000000000ccebd6d74d9194d8dcdc1d177c478e094bfad51ba5ac"),
  },
  assumedCoins: mainnetCoins,
  checkpoints: mainnetCheckpoints,
  scriptFlagExceptions: [
    // Height 170,060: a BIP16 spend that is not one.
    { hash: fromDisplayHex("00000000000002dc756eebf4f49723ed8d30cc28a5f108eb94b1ba88ac4f9c22"), flags: [] },
    // Height 692,261: a Taproot spend before its time.
    {
      hash: fromDisplayHex("0000000000000000000f14c35b2d841e986ab5441de8c585d5ffe55ea1e395ad"),
      flags: ["P2SH", "WITNESS"],
    },
  ],
  bip30Exceptions: [
    {
      height: 91842,
      hash: fromDisplayHex("00000000000a4d0a398161ffc163c503763b1f4360639393e0e4c8e300e0caec"),
    },
    {
      height: 91880,
      hash: fromDisplayHex("00000000000743f190a18c5577a3c2d2a1f610ae9601ac046a38084ccb7cd721"),
    },
  ],
  headersSync: { commitmentPeriod: 641, redownloadBufferSize: 15_218 },
  base58: { pubkeyHash: 0, scriptHash: 5, secretKey: 128, extPublicKey: 0x0488b21e, extSecretKey: 0x0488ade4 },
  bech32Hrp: "bc",
  pruneAfterHeight: 100_000,
} as const satisfies BitcoinNetwork;
