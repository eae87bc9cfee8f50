/**
 * What the mining methods ask of the one who makes blocks.
 *
 * @module
 */
import type { Miner } from "../../bitcoin/mining.ts";

/** Makes blocks without a wallet. */
export type BitcoinMiner = Pick<Miner, "canMine" | "template" | "mine">;
