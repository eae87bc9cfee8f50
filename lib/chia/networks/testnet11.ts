/**
 * The public test network.
 *
 * @see chia-blockchain 2.7.5 `chia/consensus/default_constants.py`, `chia/util/initial-config.yaml`
 * @module
 */
import { readConstants } from "./constants.ts";
import { mainnetConstants } from "./mainnet.ts";
import type { ChiaNetwork } from "./network.ts";

const testnet11Constants = {
  ...mainnetConstants,
  SUB_SLOT_ITERS_STARTING: 67108864,
  DIFFICULTY_CONSTANT_FACTOR: 10052721566054,
  DIFFICULTY_STARTING: 30,
  EPOCH_BLOCKS: 768,
  MIN_PLOT_SIZE_V1: 18,
  GENESIS_CHALLENGE: "0x37a90eb5185a9c4439a91ddc98bbadce7b4feba060d50116a067de66bf236615",
  AGG_SIG_ME_ADDITIONAL_DATA: "0x37a90eb5185a9c4439a91ddc98bbadce7b4feba060d50116a067de66bf236615",
  AGG_SIG_PARENT_ADDITIONAL_DATA: "0xc0754ae8602c47489b5394af8972c58238c4389d715f0585ca512d9428395e62",
  AGG_SIG_PUZZLE_ADDITIONAL_DATA: "0x2e63e4ca0796d9ef8e8a748d740f4b8632c4d994ad6cce51bd61a6612d602697",
  AGG_SIG_AMOUNT_ADDITIONAL_DATA: "0xcf15f86103bee6260b0e020a1ba02bcf61230fe209592543399dcf9267f8dfcc",
  AGG_SIG_PUZZLE_AMOUNT_ADDITIONAL_DATA: "0x02c0ecb453e75bd77823dd0affd3f224d968012a8c6c6c423801cc30dd5eb347",
  AGG_SIG_PARENT_AMOUNT_ADDITIONAL_DATA: "0xfc5eaa82087943fbee8683d42ae7a2a7aac0d4eecd4c98d71c228b9c62bf9497",
  AGG_SIG_PARENT_PUZZLE_ADDITIONAL_DATA: "0x54c3ed8017f77354acca4000b40424396a369740e5a504467784f392b961ab37",
  GENESIS_PRE_FARM_POOL_PUZZLE_HASH: "0x3ef7c233fc0785f3c0cae5992c1d35e7c955ca37a423571c1607ba392a9d12f7",
  GENESIS_PRE_FARM_FARMER_PUZZLE_HASH: "0x08296fc227decd043aee855741444538e4cc9a31772c4d1a9e6242d1e777e42a",
  HARD_FORK_HEIGHT: 0,
  SOFT_FORK8_HEIGHT: 3755000,
  SOFT_FORK9_HEIGHT: 3924000,
  PLOT_FILTER_128_HEIGHT: 6029568,
  PLOT_FILTER_64_HEIGHT: 11075328,
  PLOT_FILTER_32_HEIGHT: 16121088,
  TESTNET: true,
} as const;

/** The public test network. */
export const testnet11: ChiaNetwork = {
  name: "testnet11",
  addressPrefix: "txch",
  defaultPort: 58444,
  constants: readConstants(testnet11Constants),
  dnsSeeds: ["dns-introducer-testnet11.chia.net"],
  introducers: ["introducer-testnet11.chia.net:58444"],
};
