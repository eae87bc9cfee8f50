/**
 * The fourth test network (BIP94): all forks from the start, easy blocks that do not drag the target down.
 *
 * @see Bitcoin Core 31.99 @58a7869 `kernel/chainparams.cpp`, CTestNet4Params
 * @module
 */
import { testnet4Coins } from "./assumed-coins.ts";
import { fromHex } from "../../codec/hex.ts";
import { fromDisplayHex } from "../hash.ts";
import { genesisBlock } from "./genesis.ts";
import type { BitcoinNetwork } from "./network.ts";
import { testnet3 } from "./testnet3.ts";

const { bip34Hash: _, ...base } = testnet3;

/** The fourth test network. */
export const testnet4 = {
  ...base,
  name: "testnet4",
  chain: "testnet4",
  dataSubdir: "testnet4",
  magic: fromHex("1c163f28"),
  defaultPort: 48333,
  rpcPort: 48332,
  seedHosts: [],
  dnsSeeds: ["seed.testnet4.bitcoin.sprovoost.nl", "seed.testnet4.wiz.biz"],
  genesis: genesisBlock({
    message: "03/May/2024 000000000000000000001ebd58c244970b3aa9d783bb001011fbe8ea8e98e00e",
    outputKey: new Uint8Array(33),
    time: 1714777860,
    bits: 0x1d00ffff,
    nonce: 393743547,
    hash: "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",
  }),
  pow: { ...base.pow, enforceBip94: true },
  heights: { bip34: 1, bip65: 1, bip66: 1, csv: 1, segwit: 1, taproot: 0 },
  minimumChainWork: 0x9a0fe15d0177d086304n,
  assumeValid: {
    height: 123613,
    hash: fromDisplayHex("0000000002368b1e4ee27e2e85676ae6f9f9e69579b29093e9a82c170bf7cf8a"),
  },
  assumedCoins: testnet4Coins,
  checkpoints: [],
  scriptFlagExceptions: [],
  headersSync: { commitmentPeriod: 606, redownloadBufferSize: 16_092 },
} as const satisfies BitcoinNetwork;
