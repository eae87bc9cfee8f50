/**
 * The heavy arithmetic of a node: which implementation runs is found out when the node starts, and said.
 *
 * @module
 */
import type { LogLevel } from "../config.ts";
import type { Arithmetic } from "../engine/arithmetic.ts";
import type { Engine } from "../engine/engine.ts";
import type { EngineState } from "../rpc/mod.ts";

/** Topics of arithmetic that a chain needs. */
const TOPICS = {
  bitcoin: ["secp256k1"],
  chia: ["bls12381", "classGroup"],
} as const;

/** What users call them. */
const NAMES = { secp256k1: "secp256k1", bls12381: "bls12-381", classGroup: "class-group" } as const;

/** Programs that need none of it do not load it. */
async function loadArithmetic(from: Engine): Promise<Arithmetic> {
  const { tryArithmetic } = await import("../engine/arithmetic.ts");
  return tryArithmetic(from);
}

/**
 * Makes the arithmetic of the chains once, so that wrong answers of it are known of before the first block: `from`, or the
 * next slower implementation whose known answers are right. It is not kept: threads that have work for it make their own.
 */
export async function startEngine(
  from: Engine,
  chains: readonly ("bitcoin" | "chia")[],
  log: (level: LogLevel, area: string, text: string) => void,
  load: (from: Engine) => Promise<Arithmetic> = loadArithmetic,
): Promise<EngineState> {
  const made = await load(from);
  const topics = chains.flatMap((chain) => TOPICS[chain]).map((topic) => [NAMES[topic], made[topic].engine] as const);
  for (const { engine, message } of made.troubles) {
    log("warning", "node", `the ${engine} engine of heavy arithmetic was passed over: ${message}`);
  }
  log("info", "node", `heavy arithmetic: ${topics.map(([topic, engine]) => `${topic} ${engine}`).join(", ")}`);
  return { topics: new Map(topics), passedOver: made.troubles.map(({ engine }) => engine) };
}
