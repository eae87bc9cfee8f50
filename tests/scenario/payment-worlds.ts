/** Small simulated worlds of payments, in which malicious peers do one thing. */
import assert from "node:assert/strict";
import process from "node:process";
import type { SimulateOptions } from "../../lib/sim/mod.ts";
import type { RelayLie } from "../../lib/sim/play.ts";
import { seed } from "../support/effort.ts";
import { runSmall } from "./simulated-worlds.ts";

/** Two of these are malicious where any are. */
const NODES = 8;
const EVERY_MS = 3_000;

/** What a hop of a payment takes, once in a hundred times, beyond the wait that its sender drew. */
export const BEYOND_TRICKLE_MS = 5_000;

/** What is not as usual in a world of payments. */
export interface PaymentWorld {
  readonly nodes?: number;
  /** How many of them are malicious where any are; two when absent. */
  readonly liars?: number;
  readonly hours?: number | undefined;
  readonly blockEveryMs?: number;
  readonly payments?: Partial<NonNullable<SimulateOptions["payments"]>>;
}

/** Runs a world of payments in which malicious peers do one thing, or nothing. */
export async function runPayments(
  lie: RelayLie | undefined,
  { nodes = NODES, liars = 2, hours = 0.2, blockEveryMs = 300_000, payments: change = {} }: PaymentWorld = {},
) {
  const payments = { everyMs: EVERY_MS, ...(lie && { lies: [lie] }), ...change };
  const malicious = lie === undefined ? 0 : liars / nodes;
  const options = { nodes, hours, malicious, faults: "none", blockEveryMs, payments } as const;
  const { report, told } = await runSmall({ chain: "bitcoin", seed, ...options });
  const { transactions = assert.fail("there were no payments"), propagation_ms } = report;
  const figures = { ...transactions, blocks: propagation_ms };
  process.stdout.write(`payments among ${nodes} nodes, ${lie ?? "no attack"}: ${JSON.stringify(figures)}\n`);
  return { report, told, transactions };
}
