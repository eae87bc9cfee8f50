/**
 * The reference's simulator: `test_constants` (16-bit discriminants, k19 plots, short epochs) with the simulator's genesis.
 *
 * @see chia-blockchain 2.7.5 `chia/consensus/default_constants.py`, `chia/util/initial-config.yaml`, `chia/simulator/block_tools.py`
 * @module
 */
import { readConstants } from "./constants.ts";
import { mainnetConstants } from "./mainnet.ts";
import type { ChiaNetwork } from "./network.ts";

const simulator0Constants = {
  ...mainnetConstants,
  MIN_BLOCKS_PER_CHALLENGE_BLOCK: 12,
  MAX_SUB_SLOT_BLOCKS: 50,
  NUM_SPS_SUB_SLOT: 16,
  SUB_SLOT_ITERS_STARTING: 1024,
  DIFFICULTY_CONSTANT_FACTOR: 33554432,
  DIFFICULTY_STARTING: 1024,
  SUB_EPOCH_BLOCKS: 170,
  EPOCH_BLOCKS: 340,
  DISCRIMINANT_SIZE_BITS: 16,
  NUMBER_ZERO_BITS_PLOT_FILTER_V1: 1,
  NUMBER_ZERO_BITS_PLOT_FILTER_V2: 1,
  MIN_PLOT_SIZE_V1: 18,
  PLOT_SIZE_V2: 20,
  MAX_FUTURE_TIME2: 864000,
  GENESIS_CHALLENGE: "0xeb8c4d20b322be8d9fddbf9412016bdffe9a2901d7edb0e364e94266d0e095f7",
  AGG_SIG_ME_ADDITIONAL_DATA: "0xeb8c4d20b322be8d9fddbf9412016bdffe9a2901d7edb0e364e94266d0e095f7",
  AGG_SIG_PARENT_ADDITIONAL_DATA: "0xc3acf3bfc2fc03656968b71a0466ee7bcefb5068c79847263b52491e1e05552e",
  AGG_SIG_PUZZLE_ADDITIONAL_DATA: "0x3864cecf55e4a0815404cc0c849c3c5f3a3f3a762f64a1cfd2adbac296b0b71d",
  AGG_SIG_AMOUNT_ADDITIONAL_DATA: "0x9b55c337903900c4807987d8ebf5bc0460038ef80c7ba76aee308da0429e1b94",
  AGG_SIG_PUZZLE_AMOUNT_ADDITIONAL_DATA: "0xaa5e056c906ed8540faf57b3b3f4e4b40adfdb158621549bbe3c9548ac2a51c4",
  AGG_SIG_PARENT_AMOUNT_ADDITIONAL_DATA: "0xf35fc231678f8fabb794d07099133142313981f39d479f14b9be72f30df21529",
  AGG_SIG_PARENT_PUZZLE_ADDITIONAL_DATA: "0x25b843c336494b9c37f23d8d1660f9b0763c5e97708a24bfdd3c1d504d8e3a8e",
  MEMPOOL_BLOCK_BUFFER: 6,
  WEIGHT_PROOF_RECENT_BLOCKS: 500,
  BLOCKS_CACHE_SIZE: 1020,
  HARD_FORK_HEIGHT: 0,
  PLOT_V1_PHASE_OUT_EPOCH_BITS: 3,
  TESTNET: true,
} as const;

/** The reference's simulator: `test_constants` (16-bit discriminants, k19 plots, short epochs) with the simulator's genesis. */
export const simulator0: ChiaNetwork = {
  name: "simulator0",
  addressPrefix: "txch",
  defaultPort: 38444,
  constants: readConstants(simulator0Constants),
  dnsSeeds: [],
  introducers: [],
};
