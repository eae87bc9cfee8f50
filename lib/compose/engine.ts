/**
 * The heavy arithmetic of a node: which implementation runs is found out when the node starts, and said.
 *
 * @module
 */
import type { LogLevel } from "../config.ts";
import { type Arithmetic, tryArithmetic } from "../engine/arithmetic.ts";
import type { Engine } from "../engine/engine.ts";
import type { EngineState } from "../rpc/mod.ts";

/** Topics of arithmetic that a chain needs. */
const TOPICS = {
  bitcoin: ["secp256k1"],
  chia: ["bls12381", "classGroup"],
} as const;

/** What users call them. */
const NAMES = { secp256k1: "secp256k1", bls12381: "bls12-381", classGroup: "class-group" } as const;

/**
 * Makes the arithmetic of the chains once, so that wrong answers of it are known of before the first block: `from`, or the
 * next slower implementation whose known answers are right. It is not kept: threads that have work for it make their own.
 */
export async function startEngine(
  from: Engine,
  chains: readonly ("bitcoin" | "chia")[],
  log: (level: LogLevel, area: string, text: string) => void,
  made: Arithmetic = tryArithmetic(from),
): Promise<EngineState> {
  const topics: (readonly [string, Engine])[] = [];
  for (const topic of chains.flatMap((chain) => TOPICS[chain])) {
    topics.push([NAMES[topic], (await made[topic]()).engine]);
  }
  for (const { engine, message } of made.troubles) {
    log("warning", "node", `the ${engine} engine of heavy arithmetic was passed over: ${message}`);
  }
  log("info", "node", `heavy arithmetic: ${topics.map(([topic, engine]) => `${topic} ${engine}`).join(", ")}`);
  return { topics: new Map(topics), passedOver: made.troubles.map(({ engine }) => engine) };
}
