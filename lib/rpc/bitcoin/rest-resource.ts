/**
 * What REST answers with: one thing in several formats.
 *
 * @see Bitcoin Core `rest.cpp` (RESTERR, ParseDataFormat)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { fromDisplayHex } from "../../bitcoin/hash.ts";
import type { BitcoinRpcContext } from "./method.ts";
import { type RpcJson, rpcText } from "./json.ts";

/** A request that cannot be answered, with the HTTP status and the text that tell why. */
export class RestError extends Error {
  override readonly name = "RestError";
  readonly status: 400 | 404 | 405 | 500 | 503;

  constructor(status: RestError["status"], message: string) {
    super(message);
    this.status = status;
  }
}

/** Shorthand: the request makes no sense. */
export const badRequest = (message: string): RestError => new RestError(400, message);
/** Shorthand: there is no such thing. */
export const notThere = (message: string): RestError => new RestError(404, message);

/** The formats, by the suffix of the path. */
export type RestFormat = "bin" | "hex" | "json";

/** A request as the handlers see it. */
export interface RestRequest {
  readonly context: BitcoinRpcContext;
  /** What stands behind the handler's part of the path, without a suffix that names a format. */
  readonly path: string;
  readonly format: RestFormat | undefined;
  readonly query: URLSearchParams;
  /** The request's body. */
  body(): Promise<Uint8Array>;
  /** Aborts when the caller is gone, the time is up, or the node stops. */
  readonly signal: AbortSignal;
}

/** One thing. A format that it does not have is left out. */
export interface RestResource {
  readonly bytes?: Uint8Array | (() => Uint8Array);
  /** The hex, where it is not that of the bytes. */
  readonly hex?: string;
  readonly json?: () => RpcJson | Promise<RpcJson>;
  /** What is said of JSON where there is none. */
  readonly noJson?: string;
}

/** The part of a path before a suffix that names a format, and that format. */
export function splitFormat(path: string): { readonly path: string; readonly format: RestFormat | undefined } {
  const at = path.lastIndexOf(".");
  const suffix = at < 0 ? undefined : path.slice(at + 1);
  if (suffix === "bin" || suffix === "hex" || suffix === "json") return { path: path.slice(0, at), format: suffix };
  return { path: suffix === "" ? path.slice(0, at) : path, format: undefined };
}

/** The answer with a thing in the format that was asked for. Throws {@link RestError} 404 when it has no such. */
export async function render(resource: RestResource, format: RestFormat | undefined): Promise<Response> {
  const { bytes, hex, json, noJson } = resource;
  const raw = () => (typeof bytes === "function" ? bytes() : bytes!);
  const text = (body: string, type: string) => new Response(`${body}\n`, { headers: { "content-type": type } });
  if (format === "json" && json !== undefined) return text(rpcText(await json()), "application/json");
  if (format === "json" && noJson !== undefined) throw badRequest(noJson);
  if (format === "hex" && bytes !== undefined) return text(hex ?? toHex(raw()), "text/plain");
  if (format === "bin" && bytes !== undefined) {
    return new Response(raw().slice(), { headers: { "content-type": "application/octet-stream" } });
  }
  throw notThere(`output format not found (available: ${bytes === undefined ? "json" : ".bin, .hex, .json"})`);
}

/** A hash in wire order from its display form. Throws {@link RestError} 400. */
export function restHash(text: string): Uint8Array {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) throw badRequest(`Invalid hash: ${text}`);
  return fromDisplayHex(text.toLowerCase());
}

/** Headers that one answer has at most. */
const COUNT_MAX = 2_000;

/** How many headers are wanted. Throws {@link RestError} 400. */
export function restCount(text: string): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > COUNT_MAX) {
    throw badRequest(`Header count is invalid or out of acceptable range (1-${COUNT_MAX}): ${text}`);
  }
  return count;
}

/** The rows of the active chain from one on, at most so many; none when it is not part of that chain. */
export function activeRows({ bitcoin }: BitcoinRpcContext, hash: Uint8Array, count: number): readonly number[] {
  const { headers } = bitcoin;
  const rows: number[] = [];
  let row = headers.find(hash);
  if (row < 0 || bitcoin.activeAt(headers.height(row)) !== row) return rows;
  for (let height = headers.height(row); row >= 0 && rows.length < count; row = bitcoin.activeAt(++height)) {
    rows.push(row);
  }
  return rows;
}
