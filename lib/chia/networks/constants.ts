/**
 * Reads consensus constants from JSON in the reference's names and forms (numbers, decimal strings, 0x hex).
 *
 * @module
 */
import { fromHex } from "../../codec/hex.ts";
import { NodeError } from "../../core/errors.ts";
import { parseJson } from "../../codec/json.ts";
import type { ChiaConstants } from "./network.ts";

type Raw = Readonly<Record<string, unknown>>;

function fail(name: string, wanted: string): never {
  throw new NodeError("CONSTANTS_INVALID", "self", `constants: ${name} must be ${wanted}`);
}

function wide(raw: Raw, name: string): bigint {
  const value = raw[name];
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === "string" && /^[0-9]+$/.test(value)) return BigInt(value);
  return fail(name, "a whole number");
}

function narrow(raw: Raw, name: string): number {
  const value = wide(raw, name);
  return value >= 0n && value <= 0xffff_ffffn ? Number(value) : fail(name, "a whole number below 2^32");
}

function hash(raw: Raw, name: string): Uint8Array {
  const value = raw[name];
  return typeof value === "string" && /^(0x)?[0-9a-fA-F]{64}$/.test(value)
    ? fromHex(value)
    : fail(name, "32 bytes in hex");
}

/** Reads constants. @throws NodeError `CONSTANTS_INVALID`, naming the one that is missing or malformed */
export function readConstants(raw: Raw): ChiaConstants {
  const constants: ChiaConstants = {
    SLOT_BLOCKS_TARGET: narrow(raw, "SLOT_BLOCKS_TARGET"),
    MIN_BLOCKS_PER_CHALLENGE_BLOCK: narrow(raw, "MIN_BLOCKS_PER_CHALLENGE_BLOCK"),
    MAX_SUB_SLOT_BLOCKS: narrow(raw, "MAX_SUB_SLOT_BLOCKS"),
    NUM_SPS_SUB_SLOT: narrow(raw, "NUM_SPS_SUB_SLOT"),
    NUM_SP_INTERVALS_EXTRA: narrow(raw, "NUM_SP_INTERVALS_EXTRA"),
    SUB_SLOT_ITERS_STARTING: wide(raw, "SUB_SLOT_ITERS_STARTING"),
    DIFFICULTY_CONSTANT_FACTOR: wide(raw, "DIFFICULTY_CONSTANT_FACTOR"),
    DIFFICULTY_STARTING: wide(raw, "DIFFICULTY_STARTING"),
    DIFFICULTY_CHANGE_MAX_FACTOR: narrow(raw, "DIFFICULTY_CHANGE_MAX_FACTOR"),
    SUB_EPOCH_BLOCKS: narrow(raw, "SUB_EPOCH_BLOCKS"),
    EPOCH_BLOCKS: narrow(raw, "EPOCH_BLOCKS"),
    SIGNIFICANT_BITS: narrow(raw, "SIGNIFICANT_BITS"),
    SUB_SLOT_TIME_TARGET: narrow(raw, "SUB_SLOT_TIME_TARGET"),
    MAX_FUTURE_TIME2: narrow(raw, "MAX_FUTURE_TIME2"),
    GENESIS_CHALLENGE: hash(raw, "GENESIS_CHALLENGE"),
    AGG_SIG_ME_ADDITIONAL_DATA: hash(raw, "AGG_SIG_ME_ADDITIONAL_DATA"),
    MAX_BLOCK_COST_CLVM: wide(raw, "MAX_BLOCK_COST_CLVM"),
    MAX_BLOCK_COUNT_PER_REQUESTS: narrow(raw, "MAX_BLOCK_COUNT_PER_REQUESTS"),
    MAX_GENERATOR_REF_LIST_SIZE: narrow(raw, "MAX_GENERATOR_REF_LIST_SIZE"),
    MEMPOOL_BLOCK_BUFFER: narrow(raw, "MEMPOOL_BLOCK_BUFFER"),
    HARD_FORK2_HEIGHT: narrow(raw, "HARD_FORK2_HEIGHT"),
    all: raw,
  };
  const positive = [
    "SLOT_BLOCKS_TARGET",
    "NUM_SPS_SUB_SLOT",
    "SUB_EPOCH_BLOCKS",
    "EPOCH_BLOCKS",
    "SUB_SLOT_TIME_TARGET",
    "MAX_BLOCK_COUNT_PER_REQUESTS",
    "DIFFICULTY_CHANGE_MAX_FACTOR",
  ] as const;
  for (const name of positive) if (constants[name] === 0) fail(name, "above 0");
  if (constants.SUB_SLOT_ITERS_STARTING % BigInt(constants.NUM_SPS_SUB_SLOT) !== 0n) {
    fail("SUB_SLOT_ITERS_STARTING", "a multiple of NUM_SPS_SUB_SLOT");
  }
  if (constants.EPOCH_BLOCKS % constants.SUB_EPOCH_BLOCKS !== 0) fail("EPOCH_BLOCKS", "a multiple of SUB_EPOCH_BLOCKS");
  return constants;
}

/**
 * Reads constants laid over those of a network, from the text of a JSON file. @throws NodeError `CONSTANTS_INVALID`
 *
 * @example
 * ```ts
 * import { networkNamed, parseConstants } from "gemel";
 *
 * const { constants } = networkNamed("simulator0");
 * assert.equal(parseConstants('{"DIFFICULTY_STARTING": 7}', constants).DIFFICULTY_STARTING, 7n);
 * ```
 */
export function parseConstants(text: string, base: ChiaConstants): ChiaConstants {
  let raw: unknown;
  try {
    raw = parseJson(text);
  } catch (cause) {
    throw new NodeError("CONSTANTS_INVALID", "self", "constants: the file is not JSON", { cause });
  }
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) fail("the file", "a JSON object");
  return readConstants({ ...base.all, ...raw });
}
