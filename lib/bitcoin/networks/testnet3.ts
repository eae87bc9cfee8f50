/**
 * The third test network: easy blocks after twenty minutes.
 *
 * @see Bitcoin Core 31.99 @58a7869 `kernel/chainparams.cpp`, CTestNetParams
 * @module
 */
import { testnet3Coins } from "./assumed-coins.ts";
import { fromHex } from "../../codec/hex.ts";
import { fromDisplayHex } from "../hash.ts";
import { testnet3Checkpoints } from "./checkpoints.ts";
import { genesisBlock, SATOSHI_KEY, SATOSHI_MESSAGE } from "./genesis.ts";
import { mainnet } from "./mainnet.ts";
import type { BitcoinNetwork } from "./network.ts";

/** The third test network. */
export const testnet3 = {
  ...mainnet,
  name: "testnet3",
  chain: "test",
  dataSubdir: "testnet3",
  testChain: true,
  magic: fromHex("0b110907"),
  defaultPort: 18333,
  rpcPort: 18332,
  seedHosts: [],
  dnsSeeds: [
    "testnet-seed.bitcoin.jonasschnelli.ch",
    "seed.tbtc.petertodd.net",
    "testnet-seed.bluematt.me",
    "seed.testnet.achownodes.xyz",
  ],
  genesis: genesisBlock({
    message: SATOSHI_MESSAGE,
    outputKey: SATOSHI_KEY,
    time: 1296688602,
    bits: 0x1d00ffff,
    nonce: 414098458,
    hash: "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943",
  }),
  pow: { ...mainnet.pow, allowMinDifficultyBlocks: true },
  heights: { bip34: 21111, bip65: 581885, bip66: 330776, csv: 770112, segwit: 834624, taproot: 2011968 },
  bip34Hash: fromDisplayHex("0000000023b3a96d3484e5abb3755c413e7d41500f8e2a5c3f0dd01299cd8ef8"),
  minimumChainWork: 0x17dde1c649f3708d14b6n,
  assumeValid: {
    height: 4842348,
    hash: fromDisplayHex("000000007a61e4230b28ac5cb6b5e5a0130de37ac1faf2f8987d2fa6505b67f4"),
  },
  assumedCoins: testnet3Coins,
  checkpoints: testnet3Checkpoints,
  scriptFlagExceptions: [
    { hash: fromDisplayHex("00000000dd30457c001f4095d208cc1296b0eed002427aa599874af7a432b105"), flags: [] },
  ],
  bip30Exceptions: [],
  headersSync: { commitmentPeriod: 673, redownloadBufferSize: 14_460 },
  base58: { pubkeyHash: 111, scriptHash: 196, secretKey: 239, extPublicKey: 0x043587cf, extSecretKey: 0x04358394 },
  bech32Hrp: "tb",
  pruneAfterHeight: 1000,
} as const satisfies BitcoinNetwork;
