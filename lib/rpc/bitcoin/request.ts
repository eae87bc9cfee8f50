/**
 * Requests and replies of JSON-RPC in its versions 1.0, 1.1 and 2.0, as Bitcoin Core reads and writes them. Pure: knows
 * neither HTTP nor methods.
 *
 * @see Bitcoin Core `rpc/request.cpp`, `rpc/server.cpp` (transformNamedArguments); https://www.jsonrpc.org/specification
 * @module
 */
import type { Json, JsonObject } from "../../codec/json.ts";
import { invalidParameter, JsonRpcError, RpcCode } from "./error.ts";
import { JsonText, type RpcJson, type RpcObject } from "./json.ts";

/** `legacy` is 1.0 and 1.1, in which failures are HTTP errors and a reply has both `result` and `error`. */
export type RpcVersion = "legacy" | "2.0";

/** What is known of a request however broken the rest is: enough to answer it. */
export interface RequestHead {
  readonly version: RpcVersion;
  /** Echoed. Undefined when the request has none. */
  readonly id: Json | undefined;
}

/** A request that is well-formed. */
export interface RpcRequest extends RequestHead {
  readonly method: string;
  readonly params: readonly Json[] | JsonObject;
}

/** The head of whatever was sent. A version that cannot be told is the legacy one. */
export function requestHead(value: Json): RequestHead {
  if (!isObject(value)) return { version: "legacy", id: undefined };
  return { version: value.jsonrpc === "2.0" ? "2.0" : "legacy", id: Object.hasOwn(value, "id") ? value.id : undefined };
}

/** Whether nobody waits for an answer: version 2.0 without an id. */
export function isNotification({ version, id }: RequestHead): boolean {
  return version === "2.0" && id === undefined;
}

/** Reads a request. Throws {@link JsonRpcError} −32600 when it is none. */
export function readRequest(value: Json): RpcRequest {
  const invalid = (message: string) => new JsonRpcError(RpcCode.invalidRequest, message);
  if (!isObject(value)) throw invalid("Invalid Request object");
  const { jsonrpc = null, method = null, params = null } = value;
  if (jsonrpc !== null && typeof jsonrpc !== "string") throw invalid("jsonrpc field must be a string");
  if (jsonrpc !== null && jsonrpc !== "1.0" && jsonrpc !== "2.0") throw invalid("JSON-RPC version not supported");
  if (method === null) throw invalid("Missing method");
  if (typeof method !== "string") throw invalid("Method must be a string");
  if (params !== null && typeof params !== "object") throw invalid("Params must be an array or object");
  return { ...requestHead(value), method, params: params ?? [] };
}

/** An id as a reply repeats it. A number beyond a double's range (`1e309`) is one that its reader cannot tell apart. */
function echoOf(id: Json | undefined): RpcJson | undefined {
  if (typeof id === "number" && !Number.isFinite(id)) return new JsonText(id > 0 ? "1e309" : "-1e309");
  if (typeof id !== "object" || id === null) return id;
  if (isArray(id)) return id.map((part) => echoOf(part)!);
  return Object.fromEntries(Object.entries(id).map(([name, part]) => [name, echoOf(part)]));
}

/** The reply to a request that was answered. */
export function resultReply({ version, id }: RequestHead, result: RpcJson): RpcObject {
  const echo = echoOf(id);
  return version === "2.0" ? { jsonrpc: "2.0", result, id: echo } : { result, error: null, id: echo };
}

/** The reply to a request that failed. */
export function errorReply({ version, id }: RequestHead, { code, message, data }: JsonRpcError): RpcObject {
  const echo = echoOf(id);
  const error = { code, message, data };
  return version === "2.0" ? { jsonrpc: "2.0", error, id: echo } : { result: null, error, id: echo };
}

/** The HTTP status that tells of a failure to a client of the legacy versions. */
export function legacyStatus({ code }: JsonRpcError): 400 | 404 | 500 {
  if (code === RpcCode.invalidRequest) return 400;
  return code === RpcCode.methodNotFound ? 404 : 500;
}

/**
 * Arguments in the order of the method's parameters; between two that are given, missing ones are null. `args` among
 * named ones holds positional ones, which come first. Each parameter is a list of names that it goes by.
 * Throws {@link JsonRpcError} −8 for a name that there is not and for a parameter that is given twice.
 */
export function positionalArguments(
  params: readonly Json[] | JsonObject,
  names: readonly (readonly string[])[],
): readonly Json[] {
  if (isArray(params)) return params;
  const left = new Map(Object.entries(params));
  const take = (name: string) => {
    const value = left.get(name);
    left.delete(name);
    return value;
  };
  const named: Json[] = [];
  let firstNamed = -1;
  names.forEach((aliases, position) => {
    const name = aliases.find((alias) => left.has(alias));
    if (name === undefined) return;
    while (named.length < position) named.push(null);
    named.push(take(name)!);
    if (firstNamed < 0) firstNamed = position;
  });
  const hasOwnArgs = names.some((aliases) => aliases.includes("args"));
  const positional = hasOwnArgs ? undefined : left.get("args");
  if (positional !== undefined && isArray(positional)) {
    left.delete("args");
    if (firstNamed >= 0 && firstNamed < positional.length) {
      throw invalidParameter(
        `Parameter ${names[firstNamed]!.join("|")} specified twice both as positional and named argument`,
      );
    }
  }
  const [unknown] = left.keys();
  if (unknown !== undefined) throw invalidParameter(`Unknown named parameter ${unknown.slice(0, 100)}`);
  return positional === undefined || !isArray(positional) ? named : [...positional, ...named.slice(positional.length)];
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
