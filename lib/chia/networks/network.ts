/**
 * What one Chia network is: its name, its port, its first hash and its consensus constants.
 *
 * @module
 */

/** Consensus constants in the reference's names. Integers are bigint where the reference's type is wider than 32 bits. */
export interface ChiaConstants {
  readonly SLOT_BLOCKS_TARGET: number;
  readonly MIN_BLOCKS_PER_CHALLENGE_BLOCK: number;
  readonly MAX_SUB_SLOT_BLOCKS: number;
  readonly NUM_SPS_SUB_SLOT: number;
  readonly NUM_SP_INTERVALS_EXTRA: number;
  readonly SUB_SLOT_ITERS_STARTING: bigint;
  readonly DIFFICULTY_CONSTANT_FACTOR: bigint;
  readonly DIFFICULTY_STARTING: bigint;
  readonly DIFFICULTY_CHANGE_MAX_FACTOR: number;
  readonly SUB_EPOCH_BLOCKS: number;
  readonly EPOCH_BLOCKS: number;
  readonly SIGNIFICANT_BITS: number;
  readonly SUB_SLOT_TIME_TARGET: number;
  readonly MAX_FUTURE_TIME2: number;
  readonly GENESIS_CHALLENGE: Uint8Array;
  readonly AGG_SIG_ME_ADDITIONAL_DATA: Uint8Array;
  readonly MAX_BLOCK_COST_CLVM: bigint;
  readonly MAX_BLOCK_COUNT_PER_REQUESTS: number;
  readonly MAX_GENERATOR_REF_LIST_SIZE: number;
  readonly MEMPOOL_BLOCK_BUFFER: number;
  readonly HARD_FORK2_HEIGHT: number;
  /** Every constant as it was read, so that `get_constants` can answer with those this node does not use. */
  readonly all: Readonly<Record<string, unknown>>;
}

/** One network. */
export interface ChiaNetwork {
  /** The handshake's network id: `mainnet`, `testnet11`, `simulator0`. */
  readonly name: string;
  /** Prefix of bech32m addresses: `xch` or `txch`. */
  readonly addressPrefix: string;
  readonly defaultPort: number;
  readonly constants: ChiaConstants;
  readonly dnsSeeds: readonly string[];
  readonly introducers: readonly string[];
}
