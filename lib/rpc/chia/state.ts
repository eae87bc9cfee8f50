/**
 * `get_blockchain_state` and what a network is made of.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { ChiaService } from "../../chia/service.ts";
import type { Json, JsonObject } from "../../codec/json.ts";
import { BlockRecord } from "../../chia/types/mod.ts";
import type { ChiaRoutes } from "./route.ts";
import { averageBlockTime, DAY_BLOCKS, networkSpace } from "./space.ts";

/** Fields of the blockchain state that a node without a mempool does not know; told in the header `X-Unknown`. */
export const UNKNOWN_STATE_FIELDS = "mempool_size, mempool_cost, mempool_fees, mempool_min_fees";

/** Difficulty of the peak itself, as the reference prints it: what its weight grew by. */
async function difficultyOf(chia: ChiaService, peak: BlockRecord): Promise<bigint> {
  const parent = await chia.store.record(peak.prevHash);
  // A chain that does not reach back to the parent: the difficulty of the next block is the best that is known.
  return parent === undefined ? chia.state().difficulty : peak.weight - parent.weight;
}

async function spaceAt(chia: ChiaService, peak: BlockRecord): Promise<bigint> {
  const from = Math.max(1, peak.height - DAY_BLOCKS);
  const [older] = await chia.store.mainRecords(from, from + 1);
  return older === undefined ? 0n : networkSpace(chia.network.constants, peak, older);
}

/** The routes about the chain's state and constants. */
export const stateRoutes = {
  async get_blockchain_state(_request, { chia }) {
    const { constants } = chia.network;
    const state = chia.state();
    // From the store rather than the service, so that all that is derived here belongs to one peak.
    const peak = await chia.store.peak();
    const started = peak !== undefined && peak.height > 0;
    const measured = peak !== undefined && peak.height > 1;
    return {
      blockchain_state: {
        peak: peak === undefined ? null : BlockRecord.toJson(peak),
        genesis_challenge_initialized: true,
        sync: {
          sync_mode: state.syncMode,
          synced: state.synced,
          sync_tip_height: state.tipHeight,
          sync_progress_height: state.progressHeight,
        },
        difficulty: started ? await difficultyOf(chia, peak) : constants.DIFFICULTY_STARTING,
        sub_slot_iters: started ? peak.subSlotIters : constants.SUB_SLOT_ITERS_STARTING,
        space: measured ? await spaceAt(chia, peak) : 0,
        average_block_time: measured ? await averageBlockTime(chia.store, peak) : null,
        mempool_size: 0,
        mempool_cost: 0,
        mempool_fees: 0,
        mempool_min_fees: { cost_5000000: 0 },
        mempool_max_total_cost: constants.MAX_BLOCK_COST_CLVM * BigInt(constants.MEMPOOL_BLOCK_BUFFER),
        block_max_cost: constants.MAX_BLOCK_COST_CLVM,
        node_id: toHex(chia.nodeId),
      },
    };
  },

  get_constants: (_request, { chia }) => Promise.resolve({ constants: constantsJson(chia.network.constants.all) }),

  get_aggsig_additional_data: (_request, { chia }) =>
    Promise.resolve({ additional_data: toHex(chia.network.constants.AGG_SIG_ME_ADDITIONAL_DATA) }),

  get_network_info: (_request, { chia }) =>
    Promise.resolve({
      network_name: chia.network.name,
      network_prefix: chia.network.addressPrefix,
      genesis_challenge: toHex(chia.network.constants.GENESIS_CHALLENGE),
    }),
} as const satisfies ChiaRoutes;

/** The constants as the reference prints them: a file may hold large integers as decimal text, the answer does not. */
export function constantsJson(all: Readonly<Record<string, unknown>>): JsonObject {
  const jsonOf = (value: unknown): Json => {
    if (typeof value === "string") return /^[0-9]{1,39}$/.test(value) ? BigInt(value) : value;
    if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return value;
    if (value instanceof Uint8Array) return "0x" + toHex(value);
    return Array.isArray(value) ? value.map(jsonOf) : null;
  };
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, jsonOf(value)]));
}
