/**
 * A method is one declaration: its parameters with their types, what it answers, and the code. Argument checks and
 * `help` are derived.
 *
 * @see Bitcoin Core `rpc/util.cpp` (RPCHelpMan)
 * @module
 */
import type { BitcoinService } from "../../bitcoin/service.ts";
import type { Json, JsonObject } from "../../codec/json.ts";
import type { RpcContext } from "../context.ts";
import { JsonRpcError, RpcCode } from "./error.ts";
import { type RpcJson, typeName } from "./json.ts";

/** What the methods are given where Bitcoin runs. */
export type BitcoinRpcContext = RpcContext & { readonly bitcoin: BitcoinService };

/** The groups in which `help` lists methods. */
export type MethodCategory = "Blockchain" | "Control" | "Mining" | "Network" | "Rawtransactions" | "Util";

/** The types of arguments; `any` is checked by the method itself. */
export type ParameterType = "string" | "hex" | "number" | "boolean" | "array" | "object" | "any";

/** One parameter. */
export interface Parameter {
  /** The names it goes by; the first is shown. */
  readonly names: readonly [string, ...string[]];
  readonly type: ParameterType;
  readonly required?: boolean;
  /** Any type is taken; the declared one is for words of a command line only. */
  readonly isUnchecked?: boolean;
  /** What holds when it is missing, as `help` tells it. */
  readonly standard?: string;
  readonly summary: string;
}

/** A call under way. */
export interface MethodCall {
  readonly context: BitcoinRpcContext;
  /** Aborts when the caller is gone or the time is up. */
  readonly signal: AbortSignal;
}

/** One method. */
export interface Method {
  readonly name: string;
  readonly category: MethodCategory;
  /** What it does, in sentences. */
  readonly summary: string;
  readonly params: readonly Parameter[];
  /** What it answers, for `help`. */
  readonly result: string;
  /** Command lines after `gemel btc`. */
  readonly examples: readonly string[];
  /** For tests: `help` lists it only when it is named. */
  readonly isHidden?: boolean;
  /** Waits for something to happen: neither counted nor timed like other calls. */
  readonly waits?: boolean;
  /** Changes the chain, or needs peers or the mempool: a node that only reads refuses it, and says who writes. */
  readonly needsWriter?: boolean;
  readonly call: (args: Arguments, call: MethodCall) => Promise<RpcJson> | RpcJson;
}

/** Shorthand of a required parameter. */
export function required(
  name: string | readonly [string, ...string[]],
  type: ParameterType,
  summary: string,
): Parameter {
  return { names: typeof name === "string" ? [name] : name, type, required: true, summary };
}

/** Shorthand of a parameter that may be left out. */
export function optional(
  name: string | readonly [string, ...string[]],
  type: ParameterType,
  summary: string,
  standard?: string,
): Parameter {
  return {
    names: typeof name === "string" ? [name] : name,
    type,
    summary,
    ...(standard !== undefined && { standard }),
  };
}

const EXPECTED = {
  string: "string",
  hex: "string",
  number: "number",
  boolean: "bool",
  array: "array",
  object: "object",
} as const;

/** The arguments of a call, of the types that the declaration names. Null counts as missing. */
export class Arguments {
  readonly #values: readonly Json[];

  /**
   * Checks values against a declaration. Throws {@link JsonRpcError} −1 with the help when there are too few or too
   * many, −3 when one is of another type.
   */
  constructor(method: Method, values: readonly Json[]) {
    const least = method.params.findLastIndex((param) => param.required === true) + 1;
    if (values.length < least || values.length > method.params.length) {
      throw new JsonRpcError(RpcCode.misc, helpText(method));
    }
    const wrong: Record<string, string> = {};
    method.params.forEach(({ names, type, required, isUnchecked }, i) => {
      const value = values[i] ?? null;
      if (type === "any" || isUnchecked === true || (value === null && required !== true)) return;
      const given = typeName(value);
      if (given === EXPECTED[type]) return;
      wrong[`Position ${i + 1} (${names.join("|")})`] = `JSON value of type ${given} is not of expected type ${
        EXPECTED[type]
      }`;
    });
    if (Object.keys(wrong).length > 0) {
      throw new JsonRpcError(RpcCode.type, `Wrong type passed:\n${JSON.stringify(wrong, null, 4)}`);
    }
    this.#values = values;
  }

  /** How many were given. */
  get length(): number {
    return this.#values.length;
  }

  /** The value at a position; null when it is missing. */
  at(position: number): Json {
    return this.#values[position] ?? null;
  }

  /** Whether one is there and not null. */
  has(position: number): boolean {
    return this.at(position) !== null;
  }

  text(position: number): string {
    return String(this.at(position));
  }

  optionalText(position: number): string | undefined {
    return this.has(position) ? this.text(position) : undefined;
  }

  boolean(position: number, standard: boolean): boolean {
    return this.has(position) ? this.at(position) === true : standard;
  }

  /** A whole number of 32 bits. Throws −1 (`JSON integer out of range`) for any other. */
  integer(position: number, standard?: number): number {
    const value = this.at(position);
    return value === null && standard !== undefined ? standard : toInteger(value, 2 ** 31);
  }

  /** A whole number that a double holds exactly: a time. Throws as {@link Arguments.integer} does. */
  wide(position: number, standard: number): number {
    const value = this.at(position);
    return value === null ? standard : toInteger(value, 2 ** 53);
  }

  /** A whole number of 64 bits, as near as a double can be. Throws as {@link Arguments.integer} does. */
  int64(position: number): number {
    const value = this.at(position);
    if (typeof value !== "bigint") return toInteger(value, 2 ** 53);
    if (BigInt.asIntN(64, value) !== value) throw outOfRange();
    return Number(value);
  }

  /** The words of an array. Throws −3 for one that holds anything else. */
  texts(position: number): readonly string[] {
    const value = this.at(position);
    if (!Array.isArray(value)) return [];
    return value.map((item: Json) => {
      if (typeof item !== "string") throw wrongType(item, "string");
      return item;
    });
  }

  object(position: number): JsonObject {
    return (this.at(position) ?? {}) as JsonObject;
  }
}

/** The error for a value of another type inside of an argument. */
export function wrongType(value: Json, expected: string): JsonRpcError {
  return new JsonRpcError(RpcCode.type, `JSON value of type ${typeName(value)} is not of expected type ${expected}`);
}

function toInteger(value: Json, limit: number): number {
  if (typeof value !== "number" && typeof value !== "bigint") throw wrongType(value, "number");
  const number = Number(value);
  if (!Number.isInteger(number) || number < -limit || number >= limit) {
    throw outOfRange();
  }
  return number;
}

const outOfRange = () => new JsonRpcError(RpcCode.misc, "JSON integer out of range");

/** The method and its parameters in one line: `getblock "blockhash" ( verbosity )`. */
export function usageLine({ name, params }: Method): string {
  const words = [name];
  let open = false;
  for (const { names: [shown], type, required } of params) {
    if (required !== true && !open) {
      words.push("(");
      open = true;
    }
    words.push(type === "string" || type === "hex" ? `"${shown}"` : type === "array" ? `["${shown}",…]` : shown);
  }
  if (open) words.push(")");
  return words.join(" ");
}

/** What `help METHOD` prints. */
export function helpText(method: Method): string {
  const lines = [usageLine(method), "", method.summary];
  if (method.params.length > 0) lines.push("", "Arguments:");
  method.params.forEach(({ names, type, required, standard, summary }, i) => {
    const need = required === true ? "required" : standard === undefined ? "optional" : `optional, default=${standard}`;
    lines.push(`${i + 1}. ${names.join("|")}    (${type}, ${need}) ${summary}`);
  });
  lines.push("", "Result:", method.result);
  if (method.examples.length > 0) lines.push("", "Examples:", ...method.examples.map((text) => `> gemel btc ${text}`));
  return lines.join("\n") + "\n";
}
