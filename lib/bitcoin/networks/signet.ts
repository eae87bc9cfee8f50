/**
 * Signets (BIP325): test networks whose blocks are signed.
 *
 * @see Bitcoin Core 31.99 @58a7869 `kernel/chainparams.cpp`, SigNetParams
 * @module
 */
import { signetCoins } from "./assumed-coins.ts";
import { fromHex } from "../../codec/hex.ts";
import { Writer } from "../../codec/writer.ts";
import { fromDisplayHex, sha256d } from "../hash.ts";
import { genesisBlock, SATOSHI_KEY, SATOSHI_MESSAGE } from "./genesis.ts";
import { mainnet } from "./mainnet.ts";
import type { BitcoinNetwork } from "./network.ts";
import { testnet3 } from "./testnet3.ts";

const { bip34Hash: _, ...base } = testnet3;

/** The longest script there is. */
const CHALLENGE_BYTES_MAX = 10_000;

/** The magic of the signet of a challenge: the first four bytes of SHA-256d of its serialised script. */
export function signetMagic(challenge: Uint8Array): Uint8Array {
  const writer = new Writer(challenge.length + 3);
  if (challenge.length < 0xfd) writer.u8(challenge.length);
  else {
    writer.u8(0xfd);
    writer.u16Le(challenge.length);
  }
  writer.raw(challenge);
  return sha256d(writer.view()).slice(0, 4);
}

const defaultChallenge = fromHex(
  "512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be430210359ef5021964fe22d6f8e05b2463c9540ce96883fe3" +
    "b278760f048f5189f2e6c452ae",
);

/** The signet that everybody means. */
export const signet = {
  ...base,
  name: "signet",
  chain: "signet",
  dataSubdir: "signet",
  magic: signetMagic(defaultChallenge),
  defaultPort: 38333,
  rpcPort: 38332,
  seedHosts: [],
  dnsSeeds: ["seed.signet.bitcoin.sprovoost.nl", "seed.signet.achownodes.xyz"],
  genesis: genesisBlock({
    message: SATOSHI_MESSAGE,
    outputKey: SATOSHI_KEY,
    time: 1598918400,
    bits: 0x1e0377ae,
    nonce: 52613770,
    hash: "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
  }),
  pow: { ...mainnet.pow, limit: 0x377aen << 216n, limitBits: 0x1e0377ae },
  heights: { bip34: 1, bip65: 1, bip66: 1, csv: 1, segwit: 1, taproot: 0 },
  minimumChainWork: 0xb463ea0a4b8n,
  assumeValid: {
    height: 293175,
    hash: fromDisplayHex("00000008414aab61092ef93f1aacc54cf9e9f16af29ddad493b908a01ff5c329"),
  },
  assumedCoins: signetCoins,
  checkpoints: [],
  scriptFlagExceptions: [],
  headersSync: { commitmentPeriod: 620, redownloadBufferSize: 15_724 },
  signetChallenge: defaultChallenge,
} as const satisfies BitcoinNetwork;

/**
 * A signet of one's own: the same genesis, another magic, and nothing known of its chain.
 * @param challenge the script that signs its blocks, 1 to 10,000 bytes
 */
export function customSignet(challenge: Uint8Array): BitcoinNetwork {
  if (challenge.length === 0 || challenge.length > CHALLENGE_BYTES_MAX) {
    throw new RangeError(`a signet challenge has 1 to ${CHALLENGE_BYTES_MAX} bytes`);
  }
  const { assumeValid: _, ...rest } = signet;
  return {
    ...rest,
    magic: signetMagic(challenge),
    dnsSeeds: [],
    minimumChainWork: 0n,
    signetChallenge: challenge.slice(),
  };
}
